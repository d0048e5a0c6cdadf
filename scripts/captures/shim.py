"""Headers that capture devices, meshes and programs put before a packet or a frame.

Sources: Arista's application note on its timestamps, batman-adv (include/uapi/linux/batadv_packet.h),
Endace's ERF types, AX.25 2.2, KISS, Wireshark's epan/exported_pdu.h, IEEE 802.11 section 9.2.4.7.3.
"""

from __future__ import annotations

import struct

from . import ethernet
from .packet import Packet, mac

ARISTA_TYPE = 0xD28B
BATMAN_TYPE = 0x4305
SECONDS, NANOSECONDS = 1_700_000_000, 123_456_789


def arista(packet: Packet, version: int) -> Packet:
    """Arista's header with a time of 64 bits (version 0x10) or 48 (0x20), before the real type."""
    seconds = struct.pack(">I", SECONDS) if version & 0xF0 == 0x10 else struct.pack(">H", SECONDS & 0xFFFF)
    stamp = struct.pack(">HH", 1, version) + seconds + struct.pack(">I", NANOSECONDS)
    return packet.within(stamp + struct.pack(">H", packet.ethertype) + packet.octets, ARISTA_TYPE)


def batman(packet: Packet, broadcast: bool = False) -> Packet:
    """B.A.T.M.A.N. advanced, version 15: a frame to one node of the mesh, or to all."""
    node = mac("02:00:00:00:00:ba")
    if broadcast:
        head = struct.pack(">BBBBI", 0x01, 15, 50, 0, 7) + node
    else:
        head = struct.pack(">BBBB", 0x40, 15, 50, 0) + node
    return packet.within(head + ethernet.frame(packet).octets, BATMAN_TYPE)


def erf(packet: Packet, kind: int, before: bytes = b"", extensions: int = 0) -> Packet:
    """LINKTYPE_ERF (197): a record of this type; `before` is the header of the type."""
    more = b"".join(bytes([3 | (0x80 if left else 0)]) + bytes(7) for left in reversed(range(extensions)))
    body = more + before + packet.octets
    body += bytes(-len(body) % 8)
    stamp = struct.pack("<II", 1 << 31, SECONDS)
    flags = struct.pack(">BBHHH", kind | (0x80 if more else 0), 4, 16 + len(body), 0, len(packet.octets))
    return packet.within(stamp + flags + body)


def kiss(packet: Packet, repeaters: int = 0) -> Packet:
    """LINKTYPE_AX25_KISS (202): a data frame of AX.25 with an IP packet."""
    calls = [b"SERVER", b"CLIENT"] if packet.from_client else [b"CLIENT", b"SERVER"]
    calls += [b"RELAY%d" % number for number in range(repeaters)]
    addresses = bytearray(b"".join(bytes(octet << 1 for octet in call) + b"\x60" for call in calls))
    addresses[-1] |= 1
    return packet.within(b"\x00" + bytes(addresses) + b"\x03\xcc" + packet.octets)


def labelled(packet: Packet) -> Packet:
    """LINKTYPE_MPLS (219): a label, and an IP packet."""
    return packet.within(struct.pack(">I", 100 << 12 | 1 << 8 | 64) + packet.octets)


def exported(packet: Packet, name: bytes) -> Packet:
    """LINKTYPE_WIRESHARK_UPPER_PDU (252): a packet for the dissector of this name."""
    padded = name + bytes(-len(name) % 4)
    return packet.within(struct.pack(">HH", 12, len(padded)) + padded + bytes(4) + packet.octets)


def mesh(packet: Packet, group: bool = False, proxied: int = 0) -> Packet:
    """IEEE 802.11s: a data frame between mesh stations, to one or to a group, with a mesh control
    field that has the addresses of this many stations outside the mesh."""
    header = bytes([0x88, 0x02 if group else 0x03]) + bytes(2)
    header += b"".join(mac(f"02:00:00:00:00:{number:02x}") for number in (0xAA, 0xBB, 0xCC)) + b"\x10\x00"
    if not group:
        header += mac("02:00:00:00:00:dd")
    pair = ethernet.addresses(packet)
    outside = {0: b"", 1: pair[6:], 2: pair}[proxied]
    control = bytes([proxied, 31]) + bytes(4) + outside
    return packet.within(header + b"\x00\x01" + control + ethernet.snap(packet).octets)


def cooked_ppp(packet: Packet, number: bytes) -> Packet:
    """LINKTYPE_LINUX_SLL (113) of a PPP interface whose frames have their own header."""
    direction = 0 if packet.from_client else 4
    return packet.within(
        struct.pack(">HHH", direction, 512, 0) + bytes(8) + struct.pack(">H", 7) + number + packet.octets
    )
