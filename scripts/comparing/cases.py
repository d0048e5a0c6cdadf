"""The cases: what both builds are run with on a capture.

Arguments contain names that are replaced when a case runs: CAPTURE and PARTNER (a small capture from
testdata) by their paths, SAME by another spelling of CAPTURE's. What OLD lists gives IDS, FlowIDs of about half
of the flows; TCP_ID and UDP_ID, that of the stream with most bytes; HOST and PORT, from the flow with most packets.
FlowIDs are those without any options. All outputs are named relative to the folder that a case runs in. A
case that reads a pipe has "-" or --stdin in place of CAPTURE.
"""

from __future__ import annotations

import random
import shlex
from dataclasses import dataclass
from itertools import chain, combinations

CAPTURE = "CAPTURE"
PARTNER = "PARTNER"
SAME = "SAME"
IDS = "IDS"
TCP_ID = "TCP_ID"
UDP_ID = "UDP_ID"
HOST = "HOST"
PORT = "PORT"
STDIN = ("-", "--stdin")
# Where an index is written. It stays for the later cases of its group, and so do its other files.
INDEX = "day.idx"
# Captures with more bytes than this get the reduced set.
LARGE_BYTES = 150_000


@dataclass(frozen=True)
class Case:
    """A run of the program. `is_by_old`: OLD does it for both, as its result is what the next ones read."""

    area: str
    arguments: tuple[str, ...]
    is_by_old: bool = False

    @property
    def name(self) -> str:
        """As in reports and in the patterns of --allow and --case."""
        return f"{self.area}: {shlex.join(self.arguments)}"

    @property
    def is_piped(self) -> bool:
        """Whether the capture is written to standard input."""
        return any(name in self.arguments for name in STDIN)


# Cases that run in one folder, in order; what an index consists of stays there from one to the next.
Group = tuple[Case, ...]

QUIET = "--disable-display"
TEMPLATE = "{protocol}_{src_ip}_{src_port}_{dst_ip}_{dst_port}_{flow_id}_{connection}.{ext}"
ALL_STREAMS = f"--extract-tcp-all --extract-udp-all {QUIET}"
# Options that change what a flow is.
KEYS = tuple(
    " ".join(some) for count in range(4) for some in combinations(("--flow-5tuple", "--bidirectional", "--decap"), count)
)
# Ways to read a capture. The first one is the default.
WAYS = (
    "",
    "--threads 1",
    "--threads 3 --window-bytes 5000 --chunk-bytes 700",
    "--threads 4 --window-bytes 700 --chunk-bytes 90",
    "--chunk-bytes 2000",
)
SORTS = ("packets", "bytes", "first", "last", "duration", "id")
CONDITIONS = (
    "packets > 1 and protocol != 'udp'",
    "bytes > 1e3 and duration > 5ms",
    "src_ip = 10.0.0.0/8 or dst_port between 50 and 100",
    "src_ip = HOST or dst_port = PORT",
    "not protocol in ('udp', 'icmp') and vlan = ''",
    "first_ns >= '2005-01-01 00:00:00' and tcp_flags > 2",
    "src_mac like '02:%' or src_port < 1024",
)
FILTERS = (
    "tcp or (udp and not port 53)",
    "net 192.168.0.0/16 or host 10.77.0.1",
    "src host HOST and not (udp and port PORT)",
    "ip6 or icmp or icmp6",
    "vlan or src portrange 1-1023",
    "not tcp",
    "ether host 02:00:00:00:00:01 or proto 47 or sctp",
)

LISTS = (
    "--format csv --stats stats.json",
    "--verbose --progress always",
    "--format parquet -o list.parquet --decap",
    "--format csv --bidirectional --decap --flow-5tuple",
)
MORE_LISTS = (
    "",
    "--format json",
    "--format parquet -o list.parquet",
    "--format arrow -o list.arrow",
    "--format parquet",
    "--format arrow",
    *(f"--format csv {keys}" for keys in KEYS[1:-1]),
    "--bidirectional",
    "--bidirectional --flow-5tuple --local-time",
    "--format table --sort duration",
    "--format table --bidirectional --decap",
    "--format json --bidirectional --decap",
    "--format arrow -o list.arrow --bidirectional --metamako",
    "--format csv --metamako --stats stats.json",
    "--format csv --metamako-double --metamako-offset 4",
    "--format csv --idle-timeout 1",
    "--active-timeout 0.5 --sort id",
    *(f"--sort {key} --top 3" for key in SORTS),
    "--format csv --top 5 --disable-timezone",
    "--flow-packet-min 2",
    "--flow-max 3",
    "--packet-max 7 --exclude-ip 10.0.0.0/8 --stats stats.json",
    "--stats -",
    "--verify --format csv",
    "--verify --decap --bidirectional",
    *(f"--format csv --where {shlex.quote(condition)}" for condition in CONDITIONS),
    *(f"--format csv --filter {shlex.quote(expression)} --stats stats.json" for expression in FILTERS),
)
# With each of the ways to read but the default.
LISTS_EACH_WAY = ("--format csv --decap --stats stats.json",)
PIPED_LISTS = ("--format csv --stats stats.json", "--decap --progress always", "--format arrow --bidirectional")

EXTRACTS = (
    f"-o out.pcap --extract IDS {QUIET}",
    f"-o out.pcapng --output-format pcapng --extract-port 1 1023 {QUIET}",
)
MORE_EXTRACTS = (
    f"-o out.pcap {QUIET}",
    f"-o out.pcap --output-format pcap {QUIET}",
    f"-o out.pcapng --output-format pcapng {QUIET}",
    "-o -",
    "-o - --output-format pcapng --extract IDS",
    f"-o out.pcap --extract-ip 10.0.0.0/8 --extract-ip 192.168.0.0/255.255.0.0 {QUIET}",
    f"-o out.pcap --extract-ip HOST --packet-max 20 {QUIET}",
    f"-o out.pcap --extract-port PORT PORT --exclude-ip HOST {QUIET}",
    f"-o out.pcap --extract-ip ::/0 --extract-port 53 53 {QUIET}",
    "-o out.pcap --extract TCP_ID --extract UDP_ID --extract-port 80 443 --extract-ip 0.0.0.0/3 --format csv",
    f"-o out.pcap --filter 'not tcp' {QUIET}",
    f"-o out.pcap --packet-max 5 --exclude-ip 10.0.0.0/9 {QUIET}",
    f"-o out.pcap --flow-flush --filter ip {QUIET}",
    f"-o out.pcap --decap --extract 1 {QUIET}",
    f"-o out.pcap --bidirectional --flow-5tuple --extract 1 {QUIET}",
    f"-o out.pcap --idle-timeout 1 --extract IDS {QUIET}",
    f"-o nowhere/out.pcap {QUIET}",
)
EXTRACTS_EACH_WAY = (f"-o out.pcapng --output-format pcapng --extract IDS --extract-port 1 1023 {QUIET}",)
PIPED_EXTRACTS = (
    f"-o out.pcap {QUIET}",
    "-o - --extract IDS",
    f"-o out.pcapng --output-format pcapng --extract-port 1 1023 {QUIET}",
)

STREAMS = (
    f"{ALL_STREAMS} -o out/ --manifest streams.csv",
    f"{ALL_STREAMS} -o all.tar --manifest streams.json --gaps split --overlap last --decap",
    f"{ALL_STREAMS} -o out/ --tcpheader --udpheader --bidirectional --manifest streams.csv",
    f"{ALL_STREAMS} -o all.tar --output-pcap --manifest streams.csv",
)
MORE_STREAMS = (
    f"{ALL_STREAMS} -o all.tar --manifest streams.json",
    "--extract-tcp-all -o out/ --gaps zero --overlap last --manifest streams.json --format csv --stats stats.json",
    f"{ALL_STREAMS} -o all.tar --gaps split --overlap last --bidirectional",
    f"{ALL_STREAMS} -o out/ --gaps split --manifest streams.csv",
    f"{ALL_STREAMS} -o all.tar --gaps zero --decap --flow-5tuple",
    f"{ALL_STREAMS} -o all.tar --tcpheader --udpheader",
    f"{ALL_STREAMS} -o out/ --tcpheader=c --udpheader=c --manifest streams.csv",
    f"{ALL_STREAMS} -o all.tar --tcpheader=wide --udpheader=wide --gaps zero --manifest streams.json",
    f"{ALL_STREAMS} -o out/ --tcpheader=extended --udpheader=extended --gaps split --overlap last --manifest streams.csv",
    f"{ALL_STREAMS} -o out/ --output-pcap --manifest streams.csv",
    f"{ALL_STREAMS} -o all.tar --output-pcap --decap --bidirectional --manifest streams.json",
    f"{ALL_STREAMS} -o out/ --decap --manifest streams.csv",
    f"--extract-tcp IDS --extract-udp IDS -o out/ --manifest streams.csv {QUIET}",
    "--extract-tcp TCP_ID -o -",
    "--extract-udp UDP_ID -o -",
    f"--extract-tcp 1 --extract-udp 1 --bidirectional -o out/ --manifest streams.json {QUIET}",
    f"--extract-tcp-port 1 1023 --extract-udp-port 53 53 -o port_ --manifest streams.csv {QUIET}",
    f"{ALL_STREAMS} --disable-tcp-port 80 80 --disable-udp-port 53 53 -o all.tar --manifest streams.csv",
    f"{ALL_STREAMS} --output-tcp tcp/ --output-udp udp.tar -o out.pcap --extract IDS --manifest streams.json",
    f"{ALL_STREAMS} -o out/ --name-style fmadio --flow-size-min 100 --manifest streams.csv",
    f"{ALL_STREAMS} -o out/ --name-template '{TEMPLATE}'",
    f"{ALL_STREAMS} -o all.tar --idle-timeout 1 --filter 'tcp or port 53' --manifest streams.csv",
    f"{ALL_STREAMS} -o all.tar --packet-max 9 --metamako --manifest streams.csv",
)
STREAMS_EACH_WAY = (
    f"{ALL_STREAMS} -o all.tar --manifest streams.csv",
    f"{ALL_STREAMS} -o out/ --tcpheader=extended --gaps split --decap",
)
PIPED_STREAMS = (
    f"{ALL_STREAMS} -o out/ --manifest streams.csv",
    f"{ALL_STREAMS} -o all.tar --output-pcap --gaps zero",
    f"{ALL_STREAMS} -o all.tar --tcpheader --overlap last --decap --manifest streams.json",
    f"{ALL_STREAMS} -o out/ --reassembly-memory 64K --bidirectional --manifest streams.csv",
    "--extract-tcp TCP_ID -o -",
)

SEVERAL = (
    f"{CAPTURE} {PARTNER} --format csv --flow-5tuple --stats stats.json",
    f"{PARTNER} {CAPTURE} -o out.pcap --filter 'tcp or udp'",
    f"{CAPTURE} {PARTNER} {ALL_STREAMS} -o all.tar --manifest streams.csv",
    f"- {PARTNER} --format csv --stats stats.json",
    f"{PARTNER} {CAPTURE} --as-given --format csv",
    f"{PARTNER} {CAPTURE} --merge --format csv --stats stats.json",
    f"{PARTNER} {CAPTURE} --merge -o out.pcapng --output-format pcapng {QUIET}",
)

BY_INDEX = (
    "--format csv",
    f"--extract 1 --extract-port PORT PORT -o out.pcap --stats stats.json {QUIET}",
    "--extract-tcp-all --extract-udp-all -o out/ --manifest streams.csv",
)
MORE_BY_INDEX = (
    "--sort bytes --top 3 --stats stats.json",
    "--extract IDS -o out.pcap",
    "--format json --where 'payload_bytes > 100 and not handshake'",
    "--format csv --where 'retransmissions > 0 or fragments > 0'",
    "--format csv --where \"server_name is not null or community_id like '1:A%'\"",
    "--format parquet -o list.parquet --where 'first_payload is not null'",
    "--format csv --filter 'udp or (tcp and port 80)'",
    "-o out.pcap --verbose",
    "-o - --extract-port 1 1023 --output-format pcapng",
    "-o out.pcap --filter 'udp or not ip'",
    "-o out.pcap --where 'packets > 2'",
    "-o out.pcap --extract IDS --exclude-ip HOST",
    f"-o out.pcap --extract IDS --relocate {CAPTURE}={SAME}",
    f"-o out.pcap --extract IDS --relocate {CAPTURE}={PARTNER}",
    "--extract-tcp-all --extract-udp-all -o all.tar --gaps zero --overlap last --tcpheader --manifest streams.json --threads 1",
    "--extract-tcp IDS --extract-udp UDP_ID -o out/ --output-pcap --manifest streams.csv",
    "--extract-tcp-port 1 1023 -o all.tar --where 'retransmissions > 0'",
)
# By an index of two captures.
BY_LONGER_INDEX = (
    "--format csv",
    "-o out.pcap --extract 1,6",
    "--extract-tcp-all --extract-udp-all -o all.tar --manifest streams.csv",
)

# Does not distinguish TCP from UDP.
NAMES = "{src_ip}-{src_port}-{dst_ip}-{dst_port}"
# Cases without a capture of their own.
ALONE = (
    "--help",
    "-h",
    "--version",
    "index --help",
    "--generate man",
    "--generate complete-bash",
    "--generate complete-zsh",
    "--generate complete-fish",
    "",
    "index",
    "index -o day.idx",
    "index PARTNER",
    "index --append none.idx PARTNER",
    "index - -o day.idx",
    "index PARTNER -o -",
    "index none.pcap -o day.idx",
    "index PARTNER --append day.idx --decap",
    "none.pcap",
    "PARTNER none.pcap",
    ".",
    "/dev/null",
    "--no-such-option PARTNER",
    "PARTNER --format xml",
    "PARTNER --threads 0",
    "PARTNER --cpu 100000",
    "PARTNER --filter 'tcp port and net 10.0.0.0/8'",
    "PARTNER --filter 'host 10.0.0.0.1'",
    "PARTNER --filter '(tcp'",
    "PARTNER --where 'bytes >'",
    "PARTNER --where 'nothing = 1'",
    "PARTNER --where 'bytes = 10.0.0.1'",
    "PARTNER --where 'retransmissions > 0'",
    "PARTNER --where 'packets > 3' -o out.pcap",
    "PARTNER --exclude-ip 10.0.0.0/33",
    "PARTNER --extract x-2 -o out.pcap",
    "PARTNER --extract 5-2 -o out.pcap",
    "PARTNER --extract 1",
    "PARTNER --extract 1000 -o out.pcap",
    "PARTNER --extract-port 90 80 -o out.pcap",
    "PARTNER --extract-tcp 1000 -o out/",
    "PARTNER --extract-tcp 1-2 -o -",
    "PARTNER --extract-tcp-all",
    "PARTNER --extract-tcp-all -o out/ --manifest streams.txt",
    "PARTNER --extract-tcp-all --output-pcap --tcpheader -o out/",
    f"PARTNER --extract-tcp-all --extract-udp-all -o out/ --name-template '{NAMES}'",
    "PARTNER --extract-tcp-all --bidirectional -o out/ --name-template '{flow_id}'",
    "PARTNER --extract-tcp-all -o out/ --name-template '{no_such_field}'",
    "PARTNER --manifest streams.csv",
    "PARTNER --output-tcp out/",
    "PARTNER -o - --stats -",
    "PARTNER -o /dev/full",
    "PARTNER --idle-timeout 0",
    "PARTNER --memory-limit much",
    "PARTNER --relocate a=b",
    "PARTNER --index none.idx",
    "--index none.idx",
    "--index PARTNER",
    "--stdin - --verify",
    "--stdin - -",
    "PARTNER --format csv --flow_5tuple --flow_packet_min=12 --flow-hash-bits 20 --vlan --uid x --verbose",
    "PARTNER PARTNER --format csv --top 3",
)


def alone() -> list[Group]:
    """What needs no capture: help, wrong usage, and failures that do not depend on one."""
    return [(made("alone", "", text),) for text in ALONE]


def cases_of(name: str, size: int) -> list[Group]:
    """The groups for a capture. What is drawn depends on its name alone."""
    chance = random.Random(name)
    is_large = size > LARGE_BYTES
    groups = singles("list", LISTS if is_large else LISTS + MORE_LISTS)
    groups += singles("extract", EXTRACTS if is_large else EXTRACTS + MORE_EXTRACTS)
    groups += singles("streams", STREAMS if is_large else STREAMS + MORE_STREAMS)
    ways = (chance.choice(WAYS[1:]),) if is_large else WAYS[1:]
    groups += each_way("list", LISTS_EACH_WAY, ways)
    groups += each_way("extract", EXTRACTS_EACH_WAY, ways)
    groups += each_way("streams", STREAMS_EACH_WAY, ways)
    for area, piped in (("list", PIPED_LISTS), ("extract", PIPED_EXTRACTS), ("streams", PIPED_STREAMS)):
        groups += singles(area, piped[:1] if is_large else piped, "-")
    groups += singles("several", SEVERAL[:1] if is_large else SEVERAL, "")
    groups += indexes(is_large)
    for make, count in ((drawn_list, 6), (drawn_extract, 4), (drawn_streams, 10)):
        groups += [(make(chance),) for _ in range(count // 4 if is_large else count)]
    return groups


def made(area: str, what: str, options: str) -> Case:
    """A case, as it would be typed."""
    arguments = ([what] if what else []) + shlex.split(options)
    return Case(area, tuple(arguments))


def singles(area: str, rows: tuple[str, ...], what: str = CAPTURE) -> list[Group]:
    """A group for each row of options."""
    return [(made(area, what, row),) for row in rows]


def each_way(area: str, rows: tuple[str, ...], ways: tuple[str, ...]) -> list[Group]:
    """A group for each row and way."""
    return [(made(area, CAPTURE, f"{row} {way}"),) for row in rows for way in ways]


def indexes(is_large: bool) -> list[Group]:
    """Indexes: made, used, extended, used again; also with other keys, in another order, and made by OLD."""
    plain = [
        made("index", "index", f"{CAPTURE} -o {INDEX} --stats stats.json"),
        *by_index("by index", BY_INDEX if is_large else BY_INDEX + MORE_BY_INDEX),
        made("index", "index", f"--append {INDEX} {PARTNER} --stats stats.json"),
        *by_index("by extended index", BY_LONGER_INDEX[:1] if is_large else BY_LONGER_INDEX),
    ]
    if is_large:
        return [tuple(plain)]
    keys = [
        made("index", "index", f"{CAPTURE} -o {INDEX} --decap --bidirectional --flow-5tuple {WAYS[2]}"),
        *by_index("by index with keys", BY_INDEX),
    ]
    order = [
        made("index", "index", f"{PARTNER} -o {INDEX}"),
        made("index", "index", f"--append {INDEX} {CAPTURE} --threads 1"),
        *by_index("by index with this after", BY_LONGER_INDEX),
        made("index", "index", f"--append {INDEX} --relocate {CAPTURE}={SAME}"),
    ]
    old = [
        Case("index", ("index", CAPTURE, "-o", INDEX, "--decap"), is_by_old=True),
        *by_index("by index of OLD", BY_INDEX),
        made("index of OLD", "index", f"--append {INDEX} {PARTNER} --threads 1"),
    ]
    return [tuple(plain), tuple(keys), tuple(order), tuple(old)]


def by_index(area: str, rows: tuple[str, ...]) -> list[Case]:
    """Cases that use an index."""
    return [made(area, "--index", f"{INDEX} {row}") for row in rows]


def drawn_list(chance: random.Random) -> Case:
    """A list with options in a combination that the tables above may lack."""
    formats = ("", "--format csv", "--format json", "--format parquet -o list.parquet", "--format arrow")
    options = [chance.choice(formats), keys(chance), timeouts(chance), restriction(chance)]
    options += [f"--sort {chance.choice(SORTS)}"] if chance.random() < 0.5 else []
    options += [f"--top {chance.randint(1, 9)}"] if chance.random() < 0.3 else []
    options += [f"--where {shlex.quote(chance.choice(CONDITIONS))}"] if chance.random() < 0.3 else []
    options += [f"--flow-packet-min {chance.randint(1, 4)}"] if chance.random() < 0.2 else []
    return drawn("list", chance, options)


def drawn_extract(chance: random.Random) -> Case:
    """An extraction of packets."""
    selections = (
        "--extract 1",
        "--extract IDS",
        "--extract TCP_ID",
        "--extract-ip HOST",
        "--extract-port PORT 65535",
        "--extract-port 1 1023",
        "--extract-port 1024 65535",
        "--extract-ip 0.0.0.0/1",
        "--extract-ip 10.0.0.0/8",
        "--extract-ip 2000::/3",
    )
    output = chance.choice(("-o out.pcap", "-o -", "-o out.pcapng --output-format pcapng", "-o - --output-format pcap"))
    selected = " ".join(chance.sample(selections, chance.randint(0, 2)))
    options = [selected, output, keys(chance, selected), timeouts(chance), restriction(chance)]
    return drawn("extract", chance, options)


def drawn_streams(chance: random.Random) -> Case:
    """An extraction of streams."""
    selections = (
        "--extract-tcp-all",
        "--extract-tcp-all --extract-udp-all",
        "--extract-udp-all",
        "--extract-tcp IDS --extract-udp IDS",
        "--extract-tcp TCP_ID --extract-udp UDP_ID",
        "--extract-tcp-port 1 1023",
        "--extract-udp-port 1 1023 --extract-tcp-port 1024 65535",
        "--extract-tcp-all --disable-tcp-port 443 8080",
    )
    selection = chance.choice(selections)
    options = [selection, chance.choice(("-o out/", "-o all.tar", "-o all.tar", "-o stream_")), keys(chance, selection)]
    style = chance.choice(("", "", "=packed", "=c", "=wide", "=extended", "pcap"))
    if style == "pcap":
        options.append("--output-pcap")
    elif style:
        options += [f"--{protocol}header{style}" for protocol in ("tcp", "udp") if f"-{protocol}" in selection]
    options.append(chance.choice(("", "--gaps zero", "--gaps split")))
    options.append(chance.choice(("", "--overlap last")))
    options.append(chance.choice(("", "--manifest streams.csv", "--manifest streams.json")))
    options.append(chance.choice(("", "", "--name-style fmadio", "--flow-size-min 20")))
    options += [timeouts(chance), restriction(chance), QUIET]
    return drawn("streams", chance, options)


def drawn(area: str, chance: random.Random, options: list[str]) -> Case:
    """A case with one of the ways to read a capture."""
    way = chance.choice((*WAYS, "-"))
    row = " ".join(chain(options, [way] if way != "-" else []))
    return made(area, "-" if way == "-" else CAPTURE, row)


def keys(chance: random.Random, selection: str = "") -> str:
    """What a flow is; the default where FlowIDs are selected, as others may not exist with other keys."""
    options = chance.choice(KEYS)
    return "" if any(word in selection for word in (IDS, TCP_ID, UDP_ID)) else options


def timeouts(chance: random.Random) -> str:
    """Where flows end, and trailers; mostly none."""
    return chance.choice(("", "", "", "", "--idle-timeout 0.2", "--active-timeout 1", "--metamako"))


def restriction(chance: random.Random) -> str:
    """Which packets are read; mostly all."""
    expression, count = shlex.quote(chance.choice(FILTERS)), chance.randint(1, 40)
    some = (f"--filter {expression}", f"--packet-max {count}", "--exclude-ip 192.168.0.0/16")
    return chance.choice(("", "", "", *some))
