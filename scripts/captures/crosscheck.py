"""Compares what the generator expects of a file with what tshark says of it.

tshark counts fragments one by one, so the ports of all fragments are left out of the comparison.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from .expected import CaptureFile
from .packet import Flow, Header

ADDRESSES = {"ip": ("ip.src", "ip.dst", "ip.proto"), "ipv6": ("ipv6.src", "ipv6.dst", "ipv6.nxt")}
EXTENSIONS = {
    "ipv6.hopopts": "ipv6.hopopts.nxt",
    "ipv6.routing": "ipv6.routing.nxt",
    "ipv6.fraghdr": "ipv6.fraghdr.nxt",
    "ipv6.dstopts": "ipv6.dstopts.nxt",
}
PORTS = {
    "tcp": ("tcp.srcport", "tcp.dstport"),
    "udp": ("udp.srcport", "udp.dstport"),
    "udplite": ("udp.srcport", "udp.dstport"),
    "sctp": ("sctp.srcport", "sctp.dstport"),
    "dccp": ("dccp.srcport", "dccp.dstport"),
}
FRAGMENTS = ("ip.flags.mf", "ip.frag_offset", "ipv6.fraghdr.more", "ipv6.fraghdr.offset")
FIELDS = [
    "frame.protocols",
    "frame.time_epoch",
    "frame.len",
    *FRAGMENTS,
    *(name for names in ADDRESSES.values() for name in names),
    *EXTENSIONS.values(),
    *(name for key in ("tcp", "udp", "sctp", "dccp") for name in PORTS[key]),
]
PSEUDO_HEADERS = ({1}, {4})
"""tshark leaves the direction of PPP_WITH_DIR and the header of SUNATM out of all lengths."""
QUOTING = {"icmp", "icmpv6"}
"""What follows these in a packet is a quotation, not a tunnel."""


@dataclass
class View:
    """tshark's view of a file."""

    packets: list[tuple[int, int]]
    """Time in ns and length on the wire of each packet."""
    outer: Counter
    inner: Counter
    message: str


def differences(each: CaptureFile, path: Path) -> list[str]:
    """What tshark sees differently; of a damaged file only what stands before the damage."""
    view = tshark_view(path)
    if each.refused:
        return [] if not view.packets and view.message else [f"tshark reads {len(view.packets)} packets"]
    records = each.records if each.before_damage is None else each.records[: each.before_damage]
    found = []
    if len(view.packets) != len(records):
        found.append(f"packets: {len(records)}, tshark {len(view.packets)}")
    lengths = set()
    for number, (record, (time_ns, orig_len)) in enumerate(zip(records, view.packets), 1):
        lengths.add(record.packet.orig_len - orig_len)
        if record.time_ns != time_ns:
            found.append(f"packet {number}: time {record.time_ns}, tshark {time_ns}")
    if lengths - {0} and lengths not in PSEUDO_HEADERS:
        found.append(f"lengths on the wire differ by {sorted(lengths)}")
    if each.before_damage is not None and not view.message:
        found.append("tshark reports no damage")
    if each.before_damage is None and view.message:
        found.append(f"tshark: {view.message}")
    for label, seen in (("outer", view.outer), ("inner", view.inner)):
        headers = [getattr(record.packet, label) for record in records]
        ours = Counter(folded(header) for header in headers if header is not None)
        for flow in sorted(set(ours) | set(seen)):
            if ours[flow] != seen[flow]:
                found.append(f"{label} {flow}: {ours[flow]} packets, tshark {seen[flow]}")
    return found


def folded(header: Header) -> Flow:
    """The header's flow, without ports if it is that of a fragment."""
    return header.flow if header.datagram is None else header.flow.without_ports()


def tshark_view(path: Path) -> View:
    """Runs tshark without reassembly and gathers its flows."""
    arguments = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=a"]
    for preference in ("ip.defragment", "ipv6.defragment", "tcp.desegment_tcp_streams"):
        arguments += ["-o", f"{preference}:FALSE"]
    for name in FIELDS:
        arguments += ["-e", name]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    message = "; ".join(
        line for line in done.stderr.splitlines() if line.strip() and "Running as" not in line
    )
    view = View([], Counter(), Counter(), message)
    for line in done.stdout.splitlines():
        values = dict(zip(FIELDS, (value.split(",") if value else [] for value in line.split("\t"))))
        time_ns = int(Decimal((values["frame.time_epoch"] or ["0"])[0]) * 10**9)
        view.packets.append((time_ns, int(values["frame.len"][0])))
        headers = headers_of(values)
        if headers:
            view.outer[headers[0]] += 1
            view.inner[headers[-1]] += 1
    return view


def headers_of(values: dict[str, list[str]]) -> list[Flow]:
    """The IP headers of a packet, outermost first, as flows."""
    taken: Counter = Counter()
    headers: list[dict] = []

    def take(name: str) -> str | None:
        position = taken[name]
        taken[name] += 1
        return values[name][position] if position < len(values[name]) else None

    for layer in values["frame.protocols"][0].split(":"):
        if layer in ADDRESSES:
            src, dst, protocol = (take(name) for name in ADDRESSES[layer])
            if src is None or dst is None:
                break
            more, offset = (take(name) for name in FRAGMENTS[:2]) if layer == "ip" else (None, None)
            fragment = more in ("1", "True") or offset not in (None, "0")
            headers.append({"src": src, "dst": dst, "protocol": int(protocol or 0), "fragment": fragment})
        elif layer in EXTENSIONS and headers:
            headers[-1]["protocol"] = int(take(EXTENSIONS[layer]) or 0)
            if layer == "ipv6.fraghdr":
                more, offset = (take(name) for name in FRAGMENTS[2:])
                headers[-1]["fragment"] = more in ("1", "True") or offset not in (None, "0")
        elif layer in PORTS and headers and "ports" not in headers[-1]:
            headers[-1]["ports"] = tuple(int(take(name) or 0) for name in PORTS[layer])
        elif layer == "ah" and headers:
            headers[-1]["ports"] = (0, 0)  # what is behind it counts as protocol 51
        elif layer in QUOTING and headers:
            break
    flows = []
    for header in headers:
        ports = (0, 0) if header["fragment"] else header.get("ports", (0, 0))
        flows.append(Flow(header["protocol"], header["src"], ports[0], header["dst"], ports[1]))
    return flows
