"""pcapng files: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from .packet import Record

SECTION_HEADER, INTERFACE, OBSOLETE_PACKET, SIMPLE_PACKET = 0x0A0D_0D0A, 1, 2, 3
NAME_RESOLUTION, STATISTICS, ENHANCED_PACKET, DECRYPTION_SECRETS = 4, 5, 6, 10
CUSTOM, CUSTOM_NOT_COPIED = 0x0000_0BAD, 0x4000_0BAD

COMMENT = 1
SECTION_HARDWARE, SECTION_OS, SECTION_APPLICATION = 2, 3, 4
IF_NAME, IF_DESCRIPTION, IF_TSRESOL, IF_FILTER, IF_OS, IF_FCSLEN, IF_TSOFFSET = 2, 3, 9, 11, 12, 13, 14
PACKET_FLAGS, PACKET_HASH, PACKET_DROPS = 2, 3, 4


@dataclass(frozen=True)
class Resolution:
    """Time units of an interface: 10^-n s, or 2^-n s if `binary`."""

    exponent: int
    binary: bool = False

    @property
    def octet(self) -> bytes:
        """The value of the option if_tsresol."""
        return bytes([self.exponent | (0x80 if self.binary else 0)])

    def units(self, time_ns: int) -> int:
        """A time in these units; it must be exact, so that no reader has to round."""
        per_second = 2**self.exponent if self.binary else 10**self.exponent
        units, rest = divmod(time_ns * per_second, 10**9)
        assert rest == 0, "time is not a whole number of units"
        return units


MICROSECONDS = Resolution(6)


@dataclass(frozen=True)
class Section:
    """Makes the blocks of one section, in its byte order."""

    order: str = "<"

    def block(
        self, kind: int, body: bytes, *, length: int | None = None, trailing: int | None = None
    ) -> bytes:
        """A block; `length` and `trailing` replace the right total length at either end."""
        body += bytes(-len(body) % 4)
        total = 12 + len(body)
        total = total if length is None else length
        return (
            struct.pack(self.order + "II", kind, total)
            + body
            + struct.pack(self.order + "I", total if trailing is None else trailing)
        )

    def options(self, *pairs: tuple[int, bytes]) -> bytes:
        """A list of options with its end mark; nothing for no options."""
        if not pairs:
            return b""
        octets = b"".join(
            struct.pack(self.order + "HH", code, len(value)) + value + bytes(-len(value) % 4)
            for code, value in pairs
        )
        return octets + bytes(4)

    def header(self, *options: tuple[int, bytes], length: int = -1) -> bytes:
        """Section header: byte-order magic, version 1.0, length of the section's other blocks."""
        return self.block(
            SECTION_HEADER,
            struct.pack(self.order + "IHHq", 0x1A2B_3C4D, 1, 0, length) + self.options(*options),
        )

    def interface(
        self,
        link_type: int = 1,
        *options: tuple[int, bytes],
        snaplen: int = 0,
        resolution: Resolution | None = None,
        offset_seconds: int | None = None,
    ) -> bytes:
        """Interface description; without `resolution` the default of microseconds holds."""
        pairs = list(options)
        if resolution is not None:
            pairs.append((IF_TSRESOL, resolution.octet))
        if offset_seconds is not None:
            pairs.append((IF_TSOFFSET, struct.pack(self.order + "q", offset_seconds)))
        return self.block(
            INTERFACE, struct.pack(self.order + "HHI", link_type, 0, snaplen) + self.options(*pairs)
        )

    def packet(
        self,
        each: Record,
        *options: tuple[int, bytes],
        interface: int = 0,
        resolution: Resolution = MICROSECONDS,
        offset_seconds: int = 0,
        **lengths: int,
    ) -> bytes:
        """Enhanced packet block."""
        body = struct.pack(self.order + "III", interface, *self._time(each, resolution, offset_seconds))
        return self.block(ENHANCED_PACKET, body + self._content(each) + self.options(*options), **lengths)

    def simple_packet(self, each: Record) -> bytes:
        """Simple packet block: interface 0, no time; the captured length follows from the block's
        length and the interface's snapshot length."""
        return self.block(
            SIMPLE_PACKET, struct.pack(self.order + "I", each.packet.orig_len) + each.packet.octets
        )

    def obsolete_packet(
        self,
        each: Record,
        *options: tuple[int, bytes],
        interface: int = 0,
        resolution: Resolution = MICROSECONDS,
    ) -> bytes:
        """Packet block of the first drafts: 16 bits of interface, 16 of drops."""
        body = struct.pack(self.order + "HHII", interface, 0, *self._time(each, resolution, 0))
        return self.block(OBSOLETE_PACKET, body + self._content(each) + self.options(*options))

    def statistics(self, each: Record, interface: int = 0) -> bytes:
        """Interface statistics: time; received and dropped packets."""
        body = struct.pack(self.order + "III", interface, *self._time(each, MICROSECONDS, 0))
        received, dropped = struct.pack(self.order + "Q", 24), struct.pack(self.order + "Q", 0)
        return self.block(STATISTICS, body + self.options((4, received), (5, dropped)))

    def names(self, address: bytes, name: bytes) -> bytes:
        """Name resolution: one IPv4 name, end of records, a comment."""
        value = address + name + b"\0"
        entry = struct.pack(self.order + "HH", 1, len(value)) + value + bytes(-len(value) % 4)
        return self.block(NAME_RESOLUTION, entry + bytes(4) + self.options((COMMENT, b"names")))

    def secrets(self, text: bytes) -> bytes:
        """Decryption secrets: a TLS key log ("TLSK")."""
        return self.block(DECRYPTION_SECRETS, struct.pack(self.order + "II", 0x544C_534B, len(text)) + text)

    def custom(self, kind: int, octets: bytes) -> bytes:
        """A custom block under the enterprise number for examples (RFC 5612)."""
        return self.block(kind, struct.pack(self.order + "I", 32_473) + octets)

    def _time(self, each: Record, resolution: Resolution, offset_seconds: int) -> tuple[int, int]:
        units = resolution.units(each.time_ns - offset_seconds * 10**9)
        return units >> 32, units & 0xFFFF_FFFF

    def _content(self, each: Record) -> bytes:
        octets = each.packet.octets
        return (
            struct.pack(self.order + "II", len(octets), each.packet.orig_len)
            + octets
            + bytes(-len(octets) % 4)
        )


def file(records: list[Record], link_type: int = 1, order: str = "<") -> bytes:
    """A plain file: one section, one interface, enhanced packet blocks."""
    section = Section(order)
    return (
        section.header() + section.interface(link_type) + b"".join(section.packet(each) for each in records)
    )
