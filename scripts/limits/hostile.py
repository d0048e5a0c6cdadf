"""Captures made to take as much time or memory as their bytes can be made to.

Each is a function that yields its bytes in pieces of some MB at most. Fields are written by hand:
builders that know what they build would be too slow for ten million packets.
"""

from __future__ import annotations

import gzip
import lzma
import random
import struct
from collections.abc import Callable, Iterator

from captures.pcap import file_header

Pieces = Iterator[bytes]

UDP, TCP, IPIP, GRE = 17, 6, 4, 47
IPV4, IPV6, MPLS, VLAN = b"\x08\x00", b"\x86\xdd", b"\x88\x47", b"\x81\x00"
MACS = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01"
PIECE = 1000


def record(seconds: int, data: bytes) -> bytes:
    """A record of a pcap file."""
    return struct.pack("<IIII", seconds, 0, len(data), len(data)) + data


def ipv4(src: int, dst: int, protocol: int, payload: bytes, fragment: int = 0, number: int = 0) -> bytes:
    """A packet; `fragment` is the field of flags and offset, `number` the identification."""
    total = 20 + len(payload)
    return struct.pack(">BBHHHBBHII", 0x45, 0, total, number, fragment, 64, protocol, 0, src, dst) + payload


def udp(src: int, dst: int, payload: bytes = b"") -> bytes:
    """A datagram."""
    return struct.pack(">HHHH", src, dst, 8 + len(payload), 0) + payload


def tcp(sequence: int, flags: int, payload: bytes = b"", acknowledged: int = 0) -> bytes:
    """A segment of one connection."""
    return struct.pack(">HHIIBBHHH", 1, 2, sequence, acknowledged, 0x50, flags, 8192, 0, 0) + payload


def frame(packet: bytes, ether_type: bytes = IPV4) -> bytes:
    """An Ethernet frame."""
    return MACS + ether_type + packet


def records(count: int, data: Callable[[int], bytes]) -> Pieces:
    """A pcap file of so many records."""
    yield file_header()
    for start in range(0, count, PIECE):
        yield b"".join(record(start // PIECE, data(number)) for number in range(start, min(start + PIECE, count)))


def block(kind: int, body: bytes) -> bytes:
    """A pcapng block; the body is padded."""
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


def section() -> bytes:
    """A section header."""
    return block(0x0A0D_0D0A, struct.pack("<IHHq", 0x1A2B_3C4D, 1, 0, -1))


def interface(link_type: int = 1) -> bytes:
    """An interface description."""
    return block(1, struct.pack("<HHI", link_type, 0, 0))


def packet(number: int, data: bytes) -> bytes:
    """An enhanced packet of an interface."""
    return block(6, struct.pack("<IIIII", number, 0, 0, len(data), len(data)) + data)


SMALL = frame(ipv4(1, 2, UDP, udp(3, 4, bytes(20))))


def new_flows() -> Pieces:
    """10 M packets, each of a flow of its own."""
    return records(10_000_000, lambda n: frame(ipv4(0x0A00_0000 + n, 0x0B00_0001, UDP, udp(1, 2))))


def new_macs() -> Pieces:
    """3 M packets of one 5-tuple, each with a MAC address of its own."""

    def data(number: int) -> bytes:
        return struct.pack(">HI", 0x0200, number) + MACS[6:] + IPV4 + ipv4(1, 2, UDP, udp(3, 4))

    return records(3_000_000, data)


def interfaces() -> Pieces:
    """1 M interfaces, and a packet of every fourth."""
    yield section()
    for _ in range(1000):
        yield interface() * PIECE
    for start in range(0, 250_000, PIECE):
        yield b"".join(packet(number * 4, SMALL) for number in range(start, start + PIECE))


def interfaces_between() -> Pieces:
    """1 M interfaces, each described between two packets."""
    yield section()
    for start in range(0, 1_000_000, PIECE):
        yield b"".join(interface() + packet(number, SMALL) for number in range(start, start + PIECE))


def sections() -> Pieces:
    """1 M sections of one packet."""
    for _ in range(1000):
        yield (section() + interface() + packet(0, SMALL)) * PIECE


def link_types() -> Pieces:
    """1 M packets of 65,000 link types that are not decoded."""
    yield section() + b"".join(interface(400 + number) for number in range(65_000))
    for start in range(0, 1_000_000, PIECE):
        yield b"".join(packet(number * 7919 % 65_000, b"abcdefgh") for number in range(start, start + PIECE))


def record_lengths() -> Pieces:
    """100,000 records that claim 0xffffffff bytes, ten good ones between them."""
    yield file_header()
    for seconds in range(100_000):
        yield record(seconds, SMALL) * 10 + struct.pack("<IIII", seconds, 0, 0xFFFF_FFFF, 0xFFFF_FFFF)


def block_lengths() -> Pieces:
    """100,000 blocks that claim 4 GiB, ten good ones between them."""
    yield section() + interface()
    for _ in range(100_000):
        yield packet(0, SMALL) * 10 + struct.pack("<II", 6, 0xFFFF_FFFC)


def empty_records() -> Pieces:
    """10 M records without a byte of a packet. They have a time: without one they would be zeros."""
    yield file_header()
    for _ in range(10_000):
        yield record(1, b"") * PIECE


def noise() -> Pieces:
    """200 MB of noise behind one packet."""
    chance = random.Random(1)
    yield file_header() + record(1, SMALL)
    for _ in range(200):
        yield chance.randbytes(1_000_000)


def extension_chain() -> Pieces:
    """2,000 IPv6 packets with 1,000 extension headers."""
    options = b"\x01\x04" + bytes(4)
    chain = (b"\x3c\0" + options) * 1000 + bytes([UDP, 0]) + options + udp(5, 6)
    head = struct.pack(">IHBB", 0x6000_0000, len(chain), 60, 64) + bytes(15) + b"\x01" + bytes(15) + b"\x02"
    return records(2000, lambda _: frame(head + chain, IPV6))


def nested(inside: Callable[[bytes], bytes], depth: int = 1000, count: int = 1000) -> Pieces:
    """Packets in packets."""
    data = ipv4(1, 2, UDP, udp(5, 6))
    for _ in range(depth):
        data = inside(data)
    return records(count, lambda _: frame(data))


def nested_ip() -> Pieces:
    """1,000 packets with IP in IP, 1,000 deep."""
    return nested(lambda inner: ipv4(1, 2, IPIP, inner))


def nested_gre() -> Pieces:
    """1,000 packets with Ethernet in GRE, 1,000 deep."""
    return nested(lambda inner: ipv4(1, 2, GRE, b"\0\0\x65\x58" + frame(inner)))


def tags() -> Pieces:
    """10,000 frames with 1,000 VLAN tags."""
    return records(10_000, lambda _: MACS + (VLAN + b"\0\x01") * 1000 + IPV4 + ipv4(1, 2, UDP, udp(5, 6)))


def labels() -> Pieces:
    """10,000 frames with 1,000 MPLS labels."""
    stack = b"\0\0\x10\x40" * 1000 + b"\0\0\x11\x40"
    return records(10_000, lambda _: frame(stack + ipv4(1, 2, UDP, udp(5, 6)), MPLS))


def lone_fragments() -> Pieces:
    """1 M fragments, each of a datagram of its own, first ones and later ones."""

    def data(number: int) -> bytes:
        place = 1 if number % 2 else 0x2000
        return frame(ipv4(0x0A00_0000 | number, 0x0B00_0001, UDP, bytes(24), place, number & 0xFFFF))

    return records(1_000_000, data)


def large_lone_fragments() -> Pieces:
    """200,000 fragments of 1,400 bytes, each of a datagram of its own."""

    def data(number: int) -> bytes:
        return frame(ipv4(0x0A00_0000 | number, 0x0B00_0001, UDP, bytes(1400), 0x2005, number & 0xFFFF))

    return records(200_000, data)


def fragments_backwards() -> Pieces:
    """982,800 fragments of 8 bytes: 120 datagrams, each from its end to its start, without its first."""

    def data(number: int) -> bytes:
        datagram, place = divmod(number, 8190)
        return frame(ipv4(0x0A00_0001, 0x0B00_0001, UDP, bytes(8), 0x2000 | 8190 - place, datagram))

    return records(120 * 8190, data)


def new_connections() -> Pieces:
    """500,000 connections of 4 bytes between the same ports."""

    def data(number: int) -> bytes:
        start = number // 2 * 2_654_435_761 & 0xFFFF_FFFF
        segment = tcp(start + 1 & 0xFFFF_FFFF, 0x18, b"data") if number % 2 else tcp(start, 0x02)
        return frame(ipv4(1, 2, TCP, segment))

    return records(1_000_000, data)


def scattered_segments() -> Pieces:
    """1 M segments of one connection, anywhere in its sequence numbers."""
    chance = random.Random(3)

    def data(number: int) -> bytes:
        segment = tcp(chance.getrandbits(32), 0x18, b"xyz", chance.getrandbits(32)) if number else tcp(0, 0x02)
        return frame(ipv4(1, 2, TCP, segment))

    return records(1_000_000, data)


def packed(pack: Callable[[bytes], bytes]) -> Pieces:
    """A bomb: 2 GB of empty packets, of which 64 MB were packed once."""
    part = pack(record(0, bytes(8176)) * 8192)
    yield pack(file_header())
    for _ in range(30):
        yield part


def gzip_bomb() -> Pieces:
    """2 GB in 2 MB of gzip."""
    return packed(lambda data: gzip.compress(data, 9))


def xz_bomb() -> Pieces:
    """2 GB in some kB of xz."""
    return packed(lzma.compress)


ALL: tuple[Callable[[], Pieces], ...] = (
    new_flows,
    new_macs,
    interfaces,
    interfaces_between,
    sections,
    link_types,
    record_lengths,
    block_lengths,
    empty_records,
    noise,
    extension_chain,
    nested_ip,
    nested_gre,
    tags,
    labels,
    lone_fragments,
    large_lone_fragments,
    fragments_backwards,
    new_connections,
    scattered_segments,
    gzip_bomb,
    xz_bomb,
)
