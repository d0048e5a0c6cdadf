"""IEEE 802.11 frames, and the headers that capture drivers put before them.

Formats: IEEE 802.11 section 9, https://www.radiotap.org, and tcpdump.org for Prism, AVS and PPI.
"""

from __future__ import annotations

import struct

from . import checksum, ethernet
from .packet import Packet, mac

STATION = mac(ethernet.CLIENT_MAC)
DISTANT = mac(ethernet.SERVER_MAC)
ACCESS_POINT = mac("02:00:00:00:00:aa")
OTHER_POINT = mac("02:00:00:00:00:bb")

TO_DS, FROM_DS, PROTECTED, ORDER = 0x01, 0x02, 0x40, 0x80
FRAME_CHECK_FLAG, DATA_PAD_FLAG = 0x10, 0x20


def data_frame(
    packet: Packet,
    *,
    quality: bool = False,
    throughput_control: bool = False,
    relayed: bool = False,
    pad: bool = False,
) -> Packet:
    """A data frame: through the access point in the packet's direction, or `relayed` between two
    access points with four addresses. With a quality of service field, and behind it a high
    throughput control field, if asked for. `pad` fills the header up to 4 octets."""
    direction = TO_DS | FROM_DS if relayed else (TO_DS if packet.from_client else FROM_DS)
    flags = direction | (ORDER if throughput_control else 0)
    header = _header(0x88 if quality else 0x08, flags, packet.from_client)
    if quality:
        header += b"\x00\x00"
    if throughput_control:
        header += b"\x03\x00\x00\x00"
    if pad:
        header += bytes(-len(header) % 4)
    return packet.within(header + ethernet.snap(packet).octets)


def protected_frame(packet: Packet) -> Packet:
    """An encrypted data frame: CCMP header, ciphertext, check value; no IP header can be reached."""
    header = _header(0x08, TO_DS | PROTECTED, True) + bytes.fromhex("0100002000000000")
    ciphertext = bytes(octet ^ 0xA7 for octet in ethernet.snap(packet).octets)
    return packet.not_ip().within(header + ciphertext + bytes(8))


def beacon() -> Packet:
    """A beacon with a network name; not IP."""
    body = bytes(8) + struct.pack("<HH", 100, 1) + b"\x00\x04test"
    return Packet(
        struct.pack("<BBH", 0x80, 0, 0) + b"\xff" * 6 + ACCESS_POINT * 2 + struct.pack("<H", 16) + body, None
    )


def acknowledgement() -> Packet:
    """A control frame of 10 octets; not IP."""
    return Packet(struct.pack("<BBH", 0xD4, 0, 0) + STATION, None)


def null_frame() -> Packet:
    """A data frame without a payload (power management); not IP."""
    return Packet(_header(0x48, TO_DS | 0x10, True), None)


def _header(control: int, flags: int, from_client: bool) -> bytes:
    source, destination = (STATION, DISTANT) if from_client else (DISTANT, STATION)
    triples = {
        TO_DS: (ACCESS_POINT, source, destination),
        FROM_DS: (destination, ACCESS_POINT, source),
        TO_DS | FROM_DS: (OTHER_POINT, ACCESS_POINT, destination),
    }
    direction = flags & (TO_DS | FROM_DS)
    fourth = source if direction == TO_DS | FROM_DS else b""
    return (
        struct.pack("<BBH", control, flags, 44)
        + b"".join(triples[direction])
        + struct.pack("<H", 32)
        + fourth
    )


def with_frame_check(packet: Packet) -> Packet:
    """An 802.11 frame with its frame check sequence."""
    return packet.within(packet.octets + checksum.frame_check(packet.octets))


def radiotap(
    packet: Packet, flags: int | None = None, *, timer: bool = False, extended: bool = False
) -> Packet:
    """LINKTYPE_IEEE802_11_RADIOTAP (127): version, length, words of present bits (bit 31: another
    word follows), fields in the order of their bits. `timer` puts the 8-octet TSFT before the
    flags, aligned to 8."""
    present = (1 if timer else 0) | (2 if flags is not None else 0)
    words = struct.pack("<II", present | 1 << 31, 0) if extended else struct.pack("<I", present)
    fields = b""
    if timer:
        fields = bytes(-(4 + len(words)) % 8) + struct.pack("<Q", 123_456_789)
    if flags is not None:
        fields += bytes([flags])
    header = struct.pack("<BBH", 0, 0, 4 + len(words) + len(fields)) + words + fields
    return packet.within(header + packet.octets)


def prism(packet: Packet) -> Packet:
    """LINKTYPE_IEEE802_11_PRISM (119): code, length (144), device, then ten measurements of 12
    octets."""
    header = struct.pack("<II16s", 0x44, 144, b"wlan0")
    for number in range(1, 11):
        header += struct.pack("<IHHI", number << 12 | 0x44, 0, 4, number)
    return packet.within(header + packet.octets)


def avs(packet: Packet) -> Packet:
    """LINKTYPE_IEEE802_11_AVS (163), big-endian: version, length (64), two clocks, ten values."""
    header = struct.pack(">IIQQ10I", 0x8021_1001, 64, 123_456, 0, 6, 11, 110, 0, 0, 1, 60, 0, 1, 1)
    return packet.within(header + packet.octets)


def ppi(packet: Packet, dlt: int = 105, flags: int | None = 0) -> Packet:
    """LINKTYPE_PPI (192): version, flags, length, DLT_ value of what follows; then fields: here
    the common 802.11 one (type 2), whose flag 1 says that the frame has its check sequence."""
    fields = b""
    if flags is not None:
        fields = struct.pack("<HHQHHHHBBbb", 2, 20, 123_456, flags, 22, 2412, 0x00A0, 0, 0, -60, -90)
    return packet.within(struct.pack("<BBHI", 0, 0, 8 + len(fields), dlt) + fields + packet.octets)
