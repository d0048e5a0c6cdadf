"""The programs that talk, and those that record them."""

from __future__ import annotations

import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .network import ADDRESSES, CLIENT, SERVER, Network

# Program, Debian package, what it is for.
NEEDED = (
    ("ip", "iproute2", "namespaces"),
    ("sysctl", "procps", "settings of the namespaces"),
    ("tcpdump", "tcpdump", "recording pcap"),
    ("dumpcap", "wireshark-common", "recording pcapng"),
    ("tshark", "tshark", "checking what was recorded"),
    ("curl", "curl", "HTTP client"),
    ("ping", "iputils-ping", "ICMP"),
    ("dnsmasq", "dnsmasq-base", "DNS server"),
    ("dig", "bind9-dnsutils", "DNS client"),
    ("nc", "netcat-openbsd", "plain TCP transfers"),
)

SETTLE_S = 0.5
"""How long after the last program the recording goes on, for what is still under way."""


def missing(needed: Iterable[tuple[str, str, str]] = NEEDED) -> list[tuple[str, str, str]]:
    """The lines whose program is not installed."""
    return [line for line in needed if shutil.which(line[0], path="/usr/sbin:/usr/bin:/sbin:/bin") is None]


@contextmanager
def recording(network: Network, place: str, path: Path, *, nanoseconds: bool = False) -> Iterator[None]:
    """Records a namespace's device with tcpdump, or with dumpcap if the name ends in .pcapng."""
    device = place + "0"
    if path.suffix == ".pcapng":
        command = ["dumpcap", "-q", "-n", "-i", device, "-w", str(path)]
        ready = "File:"
    else:
        precision = ["--time-stamp-precision=nano"] if nanoseconds else []
        command = [
            "tcpdump",
            "-n",
            "-i",
            device,
            "-s",
            "0",
            "-U",
            "--immediate-mode",
            "-Z",
            "root",
            *precision,
        ]
        command += ["-w", str(path)]
        ready = "listening on"
    process = network.start(place, *command, stderr=subprocess.PIPE, text=True)
    while ready not in (line := process.stderr.readline()):
        if not line:
            raise RuntimeError(f"{command[0]} did not start")
    time.sleep(SETTLE_S)
    yield
    time.sleep(SETTLE_S)
    process.send_signal(signal.SIGINT)
    closing = process.communicate(timeout=20)[1]
    if dropped := re.search(r"([1-9]\d*) packets dropped by kernel", closing):
        raise RuntimeError(f"{path.name}: {dropped.group(0)}")
    if path.suffix == ".pcapng":
        without_machine(path)
    path.chmod(0o644)


def without_machine(path: Path) -> None:
    """Takes what describes the recording machine (hardware, system) out of a little-endian pcapng
    file: options 2 and 3 of section headers, 3 and 12 of interface descriptions."""
    octets, kept, at = path.read_bytes(), b"", 0
    while at < len(octets):
        kind, length = struct.unpack_from("<II", octets, at)
        fixed = {0x0A0D_0D0A: 24, 1: 16}.get(kind)
        block = octets[at : at + length]
        if fixed is not None:
            unwanted = (2, 3) if kind == 0x0A0D_0D0A else (3, 12)
            body = block[8:fixed] + _options_without(block[fixed:-4], unwanted)
            block = struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))
        kept += block
        at += length
    path.write_bytes(kept)


def _options_without(octets: bytes, unwanted: tuple[int, ...]) -> bytes:
    kept, at = b"", 0
    while at < len(octets):
        code, length = struct.unpack_from("<HH", octets, at)
        end = at + 4 + length + -length % 4
        if code not in unwanted:
            kept += octets[at:end]
        at = end
    return kept


def until(condition: Callable[[], bool], what: str, most_s: int = 5) -> None:
    """Waits for something that another program does."""
    for _ in range(20 * most_s):
        if condition():
            return
        time.sleep(0.05)
    raise RuntimeError(f"{what}: nothing after {most_s} s")


@contextmanager
def http_server(network: Network, folder: Path, address: str) -> Iterator[None]:
    """Python's HTTP server on port 80, with persistent connections."""
    command = [sys.executable, "-m", "http.server", "80", "--protocol", "HTTP/1.1", "--bind", address]
    process = network.start(
        SERVER, *command, "--directory", str(folder), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    until(lambda: network.listening(SERVER, 80), "HTTP server")
    yield
    process.terminate()
    process.wait(timeout=10)


def fetch(network: Network, local_port: int, folder: Path, *urls: str) -> list[Path]:
    """Fetches addresses with curl over one connection; returns the files that they were put into."""
    names = [folder / f"{local_port}-{number}" for number in range(len(urls))]
    outputs = [part for name, url in zip(names, urls) for part in ("-o", str(name), url)]
    network.run(CLIENT, "curl", "-sS", "-g", "--local-port", str(local_port), *outputs)
    return names


def exchange(
    network: Network, local_port: int, port: int, sent: Path, answered: Path, folder: Path
) -> list[Path]:
    """A plain TCP connection between two nc, each sending a file; returns what each received."""
    at_server, at_client = folder / f"{local_port}-server", folder / f"{local_port}-client"
    with answered.open("rb") as answer, at_server.open("wb") as received:
        server = network.start(SERVER, "nc", "-N", "-l", str(port), stdin=answer, stdout=received)
        until(lambda: network.listening(SERVER, port), "nc")
        with sent.open("rb") as asking, at_client.open("wb") as got:
            network.run(
                CLIENT,
                "nc",
                "-N",
                "-p",
                str(local_port),
                ADDRESSES[SERVER][0],
                str(port),
                stdin=asking,
                stdout=got,
            )
        server.wait(timeout=60)
    return [at_server, at_client]


@contextmanager
def dns_server(network: Network, *options: str) -> Iterator[None]:
    """dnsmasq that answers from its command line alone."""
    process = network.start(
        SERVER,
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--no-poll",
        "--user=root",
        "--pid-file=",
        "--listen-address",
        ADDRESSES[SERVER][0],
        "--bind-interfaces",
        *options,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: network.listening(SERVER, 53), "dnsmasq")
    yield
    process.terminate()
    process.wait(timeout=10)
