"""pcap files: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html and its relatives."""

from __future__ import annotations

import struct
from enum import Enum

from .packet import Packet, Record

ETHERNET = 1
SNAPLEN = 262_144


class Variant(Enum):
    """The magic number says units, record header and, by its own order, the byte order."""

    MICROSECONDS = 0xA1B2_C3D4
    NANOSECONDS = 0xA1B2_3C4D
    KUZNETZOV = 0xA1B2_CD34
    IXIA_HARDWARE = 0x1C00_01AC
    IXIA_SOFTWARE = 0x1C00_01AB

    @property
    def unit_ns(self) -> int:
        """Length of a unit of the second time field."""
        return 1 if self in (Variant.NANOSECONDS, Variant.IXIA_HARDWARE) else 1_000


def file(
    records: list[Record],
    link_type: int = ETHERNET,
    *,
    order: str = "<",
    variant: Variant = Variant.MICROSECONDS,
    snaplen: int = SNAPLEN,
    version: tuple[int, int] = (2, 4),
) -> bytes:
    """A whole capture file. Before version 2.3 a record gave the length on the wire first."""
    body = b"".join(record(each, order=order, variant=variant, swapped=version < (2, 3)) for each in records)
    head = file_header(link_type, order=order, variant=variant, snaplen=snaplen, version=version)
    if variant in (Variant.IXIA_HARDWARE, Variant.IXIA_SOFTWARE):
        head += struct.pack(order + "I", len(body))
    return head + body


def file_header(
    link_type: int = ETHERNET,
    *,
    order: str = "<",
    variant: Variant = Variant.MICROSECONDS,
    snaplen: int = SNAPLEN,
    version: tuple[int, int] = (2, 4),
) -> bytes:
    """Magic, version, time zone, accuracy, snapshot length, link type with its flags."""
    return struct.pack(order + "IHHiIII", variant.value, *version, 0, 0, snaplen, link_type)


def with_frame_check_len(link_type: int, octets: int) -> int:
    """A link type field that says how long the frame check sequences in the file are: bit 26, and
    the length in 16-bit units in the topmost 4 bits."""
    return octets // 2 << 28 | 1 << 26 | link_type


def record(
    each: Record,
    *,
    order: str = "<",
    variant: Variant = Variant.MICROSECONDS,
    swapped: bool = False,
    captured_len: int | None = None,
) -> bytes:
    """One record. `captured_len` replaces the right value."""
    packet: Packet = each.packet
    seconds, rest = divmod(each.time_ns, 10**9)
    lengths = [len(packet.octets) if captured_len is None else captured_len, packet.orig_len]
    if swapped:
        lengths.reverse()
    head = struct.pack(order + "IIII", seconds, rest // variant.unit_ns, *lengths)
    if variant is Variant.KUZNETZOV:
        head += struct.pack(order + "IHBB", 2, 0x0800, 0 if packet.from_client else 4, 0)
    return head + packet.octets
