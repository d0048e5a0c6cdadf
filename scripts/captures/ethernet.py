"""Ethernet, and what may stand between its header and an IP header.

Sources: IEEE 802.3, 802.1Q (VLAN tags, provider bridges, backbone tags), 802.2 and RFC 1042
(LLC/SNAP), RFC 3032 (MPLS), 4448 (pseudowires), 2516 (PPPoE), IEEE 802.1AE (MACsec), IEC 62439-3
(HSR), IEEE 802.1CB (R-TAG), Cisco VN-Tag.

Functions without "frame" in their name wrap a packet and return one with a new EtherType.
"""

from __future__ import annotations

import struct

from . import checksum
from .packet import Packet, mac, packed

CLIENT_MAC = "02:00:00:00:00:01"
SERVER_MAC = "02:00:00:00:00:02"

PPP_PROTOCOL = {0x0800: 0x0021, 0x86DD: 0x0057}
"""PPP protocol numbers by EtherType."""


def frame(packet: Packet, client: str = CLIENT_MAC, server: str = SERVER_MAC) -> Packet:
    """An Ethernet II frame, without padding and frame check sequence."""
    return packet.within(
        addresses(packet, client, server) + struct.pack(">H", packet.ethertype) + packet.octets
    )


def frames(packets: list[Packet]) -> list[Packet]:
    """Ethernet II frames."""
    return [frame(packet) for packet in packets]


def length_frame(llc: Packet) -> Packet:
    """An IEEE 802.3 frame: a length in place of the EtherType, before an LLC header."""
    return llc.within(addresses(llc) + struct.pack(">H", len(llc.octets)) + llc.octets)


def padded(packet: Packet, length: int = 60) -> Packet:
    """A frame filled up to the least length of an Ethernet frame."""
    return packet.within(packet.octets + bytes(max(0, length - len(packet.octets))))


def with_frame_check(packet: Packet) -> Packet:
    """A frame with its frame check sequence."""
    return packet.within(packet.octets + checksum.frame_check(packet.octets))


def addresses(packet: Packet, client: str = CLIENT_MAC, server: str = SERVER_MAC) -> bytes:
    """Destination and source address."""
    client_mac, server_mac = mac(client), mac(server)
    return server_mac + client_mac if packet.from_client else client_mac + server_mac


def arp(from_client: bool = True) -> Packet:
    """An ARP request for IPv4 over Ethernet; not IP."""
    octets = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + mac(CLIENT_MAC) + packed("192.0.2.10")
    return Packet(octets + bytes(6) + packed("192.0.2.1"), 0x0806, from_client=from_client)


def lldp() -> Packet:
    """An LLDP announcement: chassis, port, time to live, end; not IP."""
    octets = b"\x02\x07\x04" + mac(CLIENT_MAC) + b"\x04\x05\x05eth0" + b"\x06\x02\x00\x78" + b"\0\0"
    return Packet(octets, 0x88CC)


def spanning_tree() -> Packet:
    """An LLC frame with a configuration BPDU; not IP. To be put into a frame with a length."""
    bridge = bytes.fromhex("8000") + mac(CLIENT_MAC)
    bpdu = bytes(5) + bridge + bytes(4) + bridge + bytes.fromhex("8001 0000 1400 0200 0f00")
    return Packet(bytes.fromhex("424203") + bpdu, None)


def snap(packet: Packet) -> Packet:
    """LLC and SNAP headers with an encapsulated EtherType (RFC 1042)."""
    return packet.within(bytes.fromhex("aaaa03000000") + struct.pack(">H", packet.ethertype) + packet.octets)


def llc_ip(packet: Packet) -> Packet:
    """An LLC header with the service access point of IP (0x06, IEEE 802.2), without SNAP."""
    return packet.within(bytes.fromhex("060603") + packet.octets)


def vlan(packet: Packet, vlan_id: int, tag_type: int = 0x8100, priority: int = 0) -> Packet:
    """A VLAN tag: 0x8100 customer, 0x88a8 provider, 0x9100 and others before the standard."""
    return packet.within(
        struct.pack(">HH", priority << 13 | vlan_id, packet.ethertype) + packet.octets, tag_type
    )


def mpls(packet: Packet, *labels: int) -> Packet:
    """A label stack; the last label has the bottom bit."""
    stack = b"".join(
        struct.pack(">I", label << 12 | (index == len(labels) - 1) << 8 | 64)
        for index, label in enumerate(labels)
    )
    return packet.within(stack + packet.octets, 0x8847)


def control_word(packet: Packet, sequence: int = 0) -> Packet:
    """The control word of a pseudowire, before the frame it carries (RFC 4385)."""
    return packet.within(struct.pack(">HH", 0, sequence) + packet.octets)


def pppoe(packet: Packet, session: int = 0x0042) -> Packet:
    """A PPPoE session header: version and type 1, code 0, session, length; PPP protocol."""
    payload = struct.pack(">H", PPP_PROTOCOL[packet.ethertype]) + packet.octets
    return packet.within(struct.pack(">BBHH", 0x11, 0, session, len(payload)) + payload, 0x8864)


def pppoe_lcp() -> Packet:
    """An LCP echo request in a PPPoE session; not IP."""
    payload = struct.pack(">HBBHI", 0xC021, 9, 1, 8, 0x0102_0304)
    return Packet(struct.pack(">BBHH", 0x11, 0, 0x0042, len(payload)) + payload, 0x8864)


def pppoe_discovery() -> Packet:
    """A PPPoE active discovery initiation (code 9) with an empty service name; not IP."""
    return Packet(struct.pack(">BBHH", 0x11, 0x09, 0, 4) + struct.pack(">HH", 0x0101, 0), 0x8863)


def backbone(packet: Packet, service: int = 0x00ABCD) -> Packet:
    """IEEE 802.1ah: the service tag, then the customer's whole frame."""
    return packet.within(struct.pack(">I", service) + frame(packet).octets, 0x88E7)


def vn_tag(packet: Packet) -> Packet:
    """Cisco's VN-Tag: direction, destination and source interface, then the EtherType."""
    return packet.within(struct.pack(">IH", 0x0001_0002, packet.ethertype) + packet.octets, 0x8926)


def macsec(packet: Packet, number: int, with_channel: bool, encrypted: bool = False) -> Packet:
    """A MACsec tag and check value around the packet.

    TCI 0x20 says that the secure channel identifier is there, 0x0c (E and C) that the packet is
    encrypted: then no IP header can be reached.
    """
    control = (0x20 if with_channel else 0) | (0x0C if encrypted else 0)
    channel = mac(CLIENT_MAC) + b"\x00\x01" if with_channel else b""
    secured = struct.pack(">H", packet.ethertype) + packet.octets
    short_len = len(secured) if len(secured) < 48 else 0
    tag = struct.pack(">BBI", control, short_len, number) + channel
    if encrypted:
        packet, secured = packet.not_ip(), bytes(octet ^ 0x5A for octet in secured)
    return packet.within(tag + secured + b"\xc3" * 16, 0x88E5)


def hsr(packet: Packet, sequence: int) -> Packet:
    """An HSR tag: path and size of what follows it, sequence number, EtherType."""
    size = len(packet.octets) + 6
    return packet.within(
        struct.pack(">HHH", 1 << 12 | size, sequence, packet.ethertype) + packet.octets, 0x892F
    )


def redundancy_tag(packet: Packet, sequence: int) -> Packet:
    """An R-TAG of IEEE 802.1CB: reserved, sequence number, EtherType."""
    return packet.within(struct.pack(">HHH", 0, sequence, packet.ethertype) + packet.octets, 0xF1C1)


def metamako(packet: Packet, seconds: int, nanoseconds: int, device: int, port: int) -> Packet:
    """The trailer of a Metamako timestamping switch, 20 octets: the frame's original check
    sequence, seconds, nanoseconds, flags, device, port; then the new check sequence."""
    trailer = checksum.frame_check(packet.octets) + struct.pack(
        ">IIBHB", seconds, nanoseconds, 1, device, port
    )
    return with_frame_check(packet.within(packet.octets + trailer))
