"""The few conversations that most files carry: TCP with data, a DNS question, a ping.

Each is two unidirectional flows, so `conversation(4)` is 6 flows in 12 packets, and `both()` is 12
flows in 24 packets. Addresses are those reserved for documentation (RFC 5737, 3849).
"""

from __future__ import annotations

import struct

from . import ip, transport
from .packet import Packet
from .transport import ACK, FIN, PSH, SYN, Segment

CLIENT = {4: "192.0.2.10", 6: "2001:db8:1::10"}
SERVER = {4: "198.51.100.20", 6: "2001:db8:2::20"}

REQUEST = b"GET / HTTP/1.1\r\nHost: server.test\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"


def both() -> list[Packet]:
    """The three conversations over IPv4, then over IPv6."""
    return conversation(4) + conversation(6)


def conversation(version: int) -> list[Packet]:
    """TCP, UDP and ICMP over one IP version: 6 flows, 12 packets."""
    return tcp(version) + dns(version) + ping(version)


def tcp(
    version: int, client_port: int = 49_152, client: str | None = None, server: str | None = None
) -> list[Packet]:
    """A connection from handshake to the last acknowledgement: 2 flows, 8 packets."""
    first, second = 1_000, 5_000  # initial sequence numbers
    asked, answered = first + 1 + len(REQUEST), second + 1 + len(RESPONSE)
    segments = [
        (True, SYN, first, 0, b"", bytes.fromhex("020405b4")),
        (False, SYN | ACK, second, first + 1, b"", bytes.fromhex("020405b4")),
        (True, ACK, first + 1, second + 1, b"", b""),
        (True, PSH | ACK, first + 1, second + 1, REQUEST, b""),
        (False, PSH | ACK, second + 1, asked, RESPONSE, b""),
        (True, FIN | ACK, asked, answered, b"", b""),
        (False, FIN | ACK, answered, asked + 1, b"", b""),
        (True, ACK, asked + 1, answered + 1, b"", b""),
    ]
    client, server = client or CLIENT[version], server or SERVER[version]
    packets = []
    for from_client, flags, sequence, acknowledged, payload, options in segments:
        ports = (client_port, 80) if from_client else (80, client_port)
        segment = transport.tcp(ports, flags, sequence, acknowledged, payload, options)
        ends = (client, server) if from_client else (server, client)
        packets.append(ip.ip(*ends, segment, from_client))
    return packets


def dns(version: int, client_port: int = 49_153) -> list[Packet]:
    """A DNS question and its answer: 2 flows, 2 packets."""
    question = b"\x06server\x04test\x00" + struct.pack(">HH", 1, 1)
    answer = struct.pack(">HHHIH", 0xC00C, 1, 1, 300, 4) + bytes([198, 51, 100, 20])
    ask = struct.pack(">HHHHHH", 0x2A2A, 0x0100, 1, 0, 0, 0) + question
    reply = struct.pack(">HHHHHH", 0x2A2A, 0x8180, 1, 1, 0, 0) + question + answer
    return [
        to_server(version, transport.udp((client_port, 53), ask)),
        to_client(version, transport.udp((53, client_port), reply)),
    ]


def ping(version: int) -> list[Packet]:
    """An echo request and its reply: 2 flows, 2 packets."""
    echo = transport.icmpv6_echo if version == 6 else transport.icmp_echo
    payload = bytes(range(0x20, 0x40))
    return [to_server(version, echo(False, 7, 1, payload)), to_client(version, echo(True, 7, 1, payload))]


def to_server(version: int, segment: Segment) -> Packet:
    """A packet from the client."""
    return ip.ip(CLIENT[version], SERVER[version], segment, True)


def to_client(version: int, segment: Segment) -> Packet:
    """A packet from the server."""
    return ip.ip(SERVER[version], CLIENT[version], segment, False)
