"""What an IP header carries: TCP, UDP, ICMP and the rarer protocols.

Sources: RFC 9293 (TCP), 768 (UDP), 792 (ICMP), 4443 (ICMPv6), 9260 (SCTP), 4340 (DCCP),
3828 (UDP-Lite), 2236 (IGMP), 4303 (ESP), 2328 (OSPF).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import checksum
from .packet import Header

ICMP, IGMP, IPIP, TCP, UDP, DCCP, IPV6, GRE, ESP, AH = 1, 2, 4, 6, 17, 33, 41, 47, 50, 51
ICMPV6, NO_NEXT_HEADER, OSPF, SCTP, UDP_LITE = 58, 59, 89, 132, 136

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10


@dataclass(frozen=True)
class Segment:
    """The payload of an IP packet.

    `checksum_at` is where the IP builder fills in a checksum over pseudo header and payload;
    `covered` limits the payload under it (UDP-Lite). `tunnelled` is the innermost IP header, if
    the payload is a tunnel that carries one.
    """

    protocol: int
    octets: bytes
    ports: tuple[int, int] = (0, 0)
    tcp_flags: int = 0
    checksum_at: int | None = None
    covered: int | None = None
    tunnelled: Header | None = None


def tcp(
    ports: tuple[int, int],
    flags: int,
    sequence: int,
    acknowledged: int = 0,
    payload: bytes = b"",
    options: bytes = b"",
) -> Segment:
    """A TCP segment. `options` must fill whole 32-bit words."""
    assert len(options) % 4 == 0
    data_offset = (20 + len(options)) // 4
    header = struct.pack(
        ">HHIIBBHHH",
        *ports,
        sequence & 0xFFFF_FFFF,
        acknowledged & 0xFFFF_FFFF,
        data_offset << 4,
        flags,
        64_240,
        0,
        0,
    )
    return Segment(TCP, header + options + payload, ports, tcp_flags=flags, checksum_at=16)


def udp(ports: tuple[int, int], payload: bytes, tunnelled: Header | None = None) -> Segment:
    """A UDP datagram."""
    header = struct.pack(">HHHH", *ports, 8 + len(payload), 0)
    return Segment(UDP, header + payload, ports, checksum_at=6, tunnelled=tunnelled)


def udp_lite(ports: tuple[int, int], payload: bytes, coverage: int = 8) -> Segment:
    """A UDP-Lite datagram whose checksum covers `coverage` octets."""
    header = struct.pack(">HHHH", *ports, coverage, 0)
    return Segment(UDP_LITE, header + payload, ports, checksum_at=6, covered=coverage)


def dccp_request(ports: tuple[int, int], sequence: int) -> Segment:
    """A DCCP request with 48-bit sequence numbers: data offset, CCVal and CsCov, checksum,
    type 0 with X set, sequence number, service code."""
    header = struct.pack(">HHBBHBB", *ports, 5, 0, 0, 0 << 1 | 1, 0) + sequence.to_bytes(6, "big")
    return Segment(DCCP, header + b"test", ports, checksum_at=6)


def sctp(ports: tuple[int, int], tag: int, *chunks: bytes) -> Segment:
    """An SCTP packet with its CRC-32C."""
    body = b"".join(chunks)
    head = struct.pack(">HHI", *ports, tag)
    return Segment(SCTP, head + struct.pack("<I", checksum.crc32c(head + bytes(4) + body)) + body, ports)


def sctp_init(tag: int) -> bytes:
    """An INIT chunk: type 1, length 20, tag, window, streams out and in, initial TSN."""
    return struct.pack(">BBHIIHHI", 1, 0, 20, tag, 65_536, 1, 1, 1)


def sctp_message(tsn: int, payload: bytes) -> bytes:
    """A DATA chunk with an unfragmented message on stream 0."""
    chunk = struct.pack(">BBHIHHI", 0, 3, 16 + len(payload), tsn, 0, 0, 0) + payload
    return chunk + bytes(-len(chunk) % 4)


def icmp_echo(reply: bool, identifier: int, sequence: int, payload: bytes) -> Segment:
    """An ICMP echo request or reply."""
    return _icmp(ICMP, 0 if reply else 8, 0, struct.pack(">HH", identifier, sequence) + payload)


def icmpv6_echo(reply: bool, identifier: int, sequence: int, payload: bytes) -> Segment:
    """An ICMPv6 echo request or reply."""
    rest = struct.pack(">HH", identifier, sequence) + payload
    return Segment(ICMPV6, struct.pack(">BBH", 129 if reply else 128, 0, 0) + rest, checksum_at=2)


def icmp_unreachable(quoted: bytes) -> Segment:
    """ICMP port unreachable, quoting the packet that caused it."""
    return _icmp(ICMP, 3, 3, bytes(4) + quoted)


def icmpv6_unreachable(quoted: bytes) -> Segment:
    """ICMPv6 port unreachable, quoting the packet that caused it."""
    return Segment(ICMPV6, struct.pack(">BBH", 1, 4, 0) + bytes(4) + quoted, checksum_at=2)


def neighbour_solicitation(target: bytes) -> Segment:
    """An ICMPv6 neighbour solicitation for an address in network byte order."""
    return Segment(ICMPV6, struct.pack(">BBHI", 135, 0, 0, 0) + target, checksum_at=2)


def igmp_report(group: bytes) -> Segment:
    """An IGMPv2 membership report."""
    return _icmp(IGMP, 0x16, 0, group)


def esp(spi: int, sequence: int, ciphertext: bytes) -> Segment:
    """An ESP packet: nothing behind its first 8 octets can be read."""
    return Segment(ESP, struct.pack(">II", spi, sequence) + ciphertext)


def ospf_hello(router: bytes) -> Segment:
    """An OSPFv2 hello: version, type, length, router, area, checksum, authentication; then mask,
    interval, options, priority, dead interval, designated and backup router."""
    body = struct.pack(">IHBBI", 0xFFFF_FF00, 10, 2, 1, 40) + bytes(8)
    head = struct.pack(">BBH", 2, 1, 24 + len(body)) + router + bytes(4)
    check = checksum.internet(head + bytes(2) + b"\0\0" + body)
    return Segment(OSPF, head + struct.pack(">HH", check, 0) + bytes(8) + body)


def _icmp(protocol: int, kind: int, code: int, rest: bytes) -> Segment:
    """A message with type, code and a checksum over nothing but itself."""
    check = checksum.internet(struct.pack(">BBH", kind, code, 0) + rest)
    return Segment(protocol, struct.pack(">BBH", kind, code, check) + rest)
