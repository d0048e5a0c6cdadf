"""What is recorded, one function for each capture. Each returns what was transferred in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from . import programs
from .network import ADDRESSES, CLIENT, SERVER, Network

RELAY_SEED = 7

SERVER4, SERVER6 = ADDRESSES[SERVER]


@dataclass(frozen=True)
class Transfer:
    """A file that went over a TCP connection: as the body of an HTTP response, or as all that one
    side sent. Source and destination are those of the side that sent it."""

    capture: str
    src_ip: str
    src_port: int
    dst_ip: str
    dst_port: int
    carried: str
    file: str


def http(recorded: Path, content: Path, work: Path) -> list[Transfer]:
    """http.pcap: three connections; two files over the first one, a missing file over the last."""
    with Network() as network, programs.http_server(network, content, SERVER4):
        with programs.recording(network, CLIENT, recorded / "http.pcap"):
            site = f"http://{SERVER4}"
            got = programs.fetch(network, 41_001, work, f"{site}/", f"{site}/numbers.txt")
            got += programs.fetch(network, 41_002, work, f"{site}/picture.bin")
            programs.fetch(network, 41_003, work, f"{site}/missing.html")
    names = ("index.html", "numbers.txt", "picture.bin")
    checked(got, [content / name for name in names])
    return [response("http.pcap", port, name) for port, name in zip((41_001, 41_001, 41_002), names)]


def dns(recorded: Path, content: Path, work: Path) -> list[Transfer]:
    """dns.pcap, in nanoseconds: questions of many types over UDP, some over TCP, one of them
    because the answer over UDP was cut."""
    del content, work
    zone = [
        "--host-record=www.example.internal,10.77.0.80,fd77::80",
        "--cname=web.example.internal,www.example.internal",
        "--mx-host=example.internal,mail.example.internal,10",
        "--srv-host=_http._tcp.example.internal,www.example.internal,80,0,5",
        "--txt-record=example.internal,a text",
        "--txt-record=long.example.internal," + ",".join(letter * 200 for letter in "abcd"),
        "--local=/internal/",
        "--auth-ttl=60",
    ]
    questions = [
        ("www.example.internal", "A"),
        ("www.example.internal", "AAAA"),
        ("web.example.internal", "A"),
        ("example.internal", "MX"),
        ("example.internal", "TXT"),
        ("_http._tcp.example.internal", "SRV"),
        ("-x", "10.77.0.80"),
        ("missing.example.internal", "A"),
        ("long.example.internal", "TXT"),
        ("long.example.internal", "TXT", "+noedns"),
        ("www.example.internal", "A", "+tcp"),
    ]
    with Network() as network, programs.dns_server(network, *zone):
        with programs.recording(network, CLIENT, recorded / "dns.pcap", nanoseconds=True):
            for number, question in enumerate(questions):
                local = f"{ADDRESSES[CLIENT][0]}#{43_001 + number}"
                network.run(CLIENT, "dig", "-b", local, f"@{SERVER4}", *question, capture_output=True)
    return []


def icmp(recorded: Path, content: Path, work: Path) -> list[Transfer]:
    """icmp.pcap: pings, pings in fragments, and a UDP datagram to a port where nobody listens."""
    del content, work
    with Network() as network, programs.recording(network, CLIENT, recorded / "icmp.pcap"):
        network.run(CLIENT, "ping", "-q", "-c", "4", "-i", "0.2", SERVER4, capture_output=True)
        network.run(CLIENT, "ping", "-q", "-c", "3", "-i", "0.2", "-s", "4000", SERVER4, capture_output=True)
        network.run(SERVER, "ping", "-q", "-c", "2", "-i", "0.2", ADDRESSES[CLIENT][0], capture_output=True)
        network.run(CLIENT, "nc", "-u", "-p", "44001", "-w", "1", SERVER4, "9", input=b"is anybody there\n")
    return []


def ipv6(recorded: Path, content: Path, work: Path) -> list[Transfer]:
    """ipv6.pcapng: HTTP, pings, and pings in fragments over IPv6."""
    with Network(version=6) as network, programs.http_server(network, content, SERVER6):
        with programs.recording(network, CLIENT, recorded / "ipv6.pcapng"):
            site = f"http://[{SERVER6}]"
            got = programs.fetch(network, 41_011, work, f"{site}/", f"{site}/numbers.txt")
            got += programs.fetch(network, 41_012, work, f"{site}/picture.bin")
            network.run(CLIENT, "ping", "-6", "-q", "-c", "3", "-i", "0.2", SERVER6, capture_output=True)
            network.run(
                CLIENT, "ping", "-6", "-q", "-c", "2", "-i", "0.2", "-s", "3000", SERVER6, capture_output=True
            )
    names = ("index.html", "numbers.txt", "picture.bin")
    checked(got, [content / name for name in names])
    return [
        response("ipv6.pcapng", port, name, version=6) for port, name in zip((41_011, 41_011, 41_012), names)
    ]


def bulk(recorded: Path, content: Path, work: Path) -> list[Transfer]:
    """bulk-clean.pcap: one plain TCP connection with much data in one direction and some in the
    other, over a path without loss."""
    with Network() as network, programs.recording(network, CLIENT, recorded / "bulk-clean.pcap"):
        sent, answered = content / "bulk.bin", content / "bulk-answer.bin"
        got = programs.exchange(network, 42_001, 9_000, sent, answered, work)
    checked(got, [sent, answered])
    return both_streams("bulk-clean.pcap", 42_001, 9_000, sent, answered)


def lossy(recorded: Path, content: Path, work: Path) -> list[Transfer]:
    """lossy-client.pcap and lossy-server.pcap: the same traffic at both ends of a path that drops,
    repeats, reorders and delays."""
    names = ("large.bin", "middle.bin", "numbers.txt")
    sent, answered = content / "upload.bin", content / "answer.bin"
    with Network(relay_seed=RELAY_SEED) as network, programs.http_server(network, content, SERVER4):
        with (
            programs.recording(network, CLIENT, recorded / "lossy-client.pcap"),
            programs.recording(network, SERVER, recorded / "lossy-server.pcap"),
        ):
            site = f"http://{SERVER4}"
            got = programs.fetch(network, 41_021, work, f"{site}/large.bin")
            got += programs.fetch(network, 41_022, work, f"{site}/middle.bin", f"{site}/numbers.txt")
            streams = programs.exchange(network, 42_021, 9_000, sent, answered, work)
    checked(got + streams, [*(content / name for name in names), sent, answered])
    transfers = []
    for capture in ("lossy-client.pcap", "lossy-server.pcap"):
        transfers += [response(capture, port, name) for port, name in zip((41_021, 41_022, 41_022), names)]
        transfers += both_streams(capture, 42_021, 9_000, sent, answered)
    return transfers


ALL = {
    "http": (http, {"http.pcap"}),
    "dns": (dns, {"dns.pcap"}),
    "icmp": (icmp, {"icmp.pcap"}),
    "ipv6": (ipv6, {"ipv6.pcapng"}),
    "bulk": (bulk, {"bulk-clean.pcap"}),
    "lossy": (lossy, {"lossy-client.pcap", "lossy-server.pcap"}),
}
"""What can be recorded, by name: how, and into which captures."""


def response(capture: str, client_port: int, name: str, version: int = 4) -> Transfer:
    """A file that came as the body of an HTTP response."""
    index = 0 if version == 4 else 1
    return Transfer(
        capture, ADDRESSES[SERVER][index], 80, ADDRESSES[CLIENT][index], client_port, "http body", name
    )


def both_streams(capture: str, client_port: int, port: int, sent: Path, answered: Path) -> list[Transfer]:
    """Files that were all that was sent over a connection, in either direction."""
    client, server = ADDRESSES[CLIENT][0], ADDRESSES[SERVER][0]
    return [
        Transfer(capture, client, client_port, server, port, "stream", sent.name),
        Transfer(capture, server, port, client, client_port, "stream", answered.name),
    ]


def checked(got: list[Path], wanted: list[Path]) -> None:
    """Every file must have arrived as it was sent."""
    for one, other in zip(got, wanted):
        if hashlib.sha256(one.read_bytes()).digest() != hashlib.sha256(other.read_bytes()).digest():
            raise RuntimeError(f"{other.name} arrived changed")
