"""Tunnels: what stands between an outer and an inner IP header.

Sources: RFC 2784, 2890 (GRE), 2637 (PPTP), 7637 (NVGRE), 7348 (VXLAN), 8926 (Geneve), 3GPP TS
29.281 (GTP-U), draft-foschiano-erspan (ERSPAN), RFC 2003, 4213, 2473 (IP in IP), 9300 (LISP),
3173 (IPComp), 8986 (Ethernet in IPv6), draft-mclaggan-wccp-v2rev1 (WCCP). TZSP, EoIP and Aruba's GRE
are known from what implements them.

Each function returns a segment to be put into an IP packet; it remembers the innermost header.
"""

from __future__ import annotations

import struct

from . import checksum, transport, wireless
from .ethernet import PPP_PROTOCOL, frame
from .ip import IPV6_TYPE
from .packet import Packet
from .transport import Segment

TRANSPARENT_BRIDGING = 0x6558
ERSPAN_II, ERSPAN_III = 0x88BE, 0x22EB


def ip_in_ip(packet: Packet) -> Segment:
    """An IP packet as the payload of another one: protocol 4 or 41."""
    protocol = transport.IPV6 if packet.ethertype == IPV6_TYPE else transport.IPIP
    return Segment(protocol, packet.octets, tunnelled=packet.inner)


def gre(
    packet: Packet,
    *,
    kind: int | None = None,
    key: int | None = None,
    sequence: int | None = None,
    summed: bool = False,
) -> Segment:
    """GRE version 0 with its optional fields. `kind` replaces the packet's own EtherType."""
    flags = (
        (0x8000 if summed else 0)
        | (0x2000 if key is not None else 0)
        | (0x1000 if sequence is not None else 0)
    )
    head = struct.pack(">HH", flags, packet.ethertype if kind is None else kind)
    rest = (
        b"".join(struct.pack(">I", value) for value in (key, sequence) if value is not None) + packet.octets
    )
    if summed:
        head += struct.pack(">HH", checksum.internet(head + bytes(4) + rest), 0)
    return Segment(transport.GRE, head + rest, tunnelled=packet.inner)


def bridged_gre(packet: Packet, key: int | None = None) -> Segment:
    """An Ethernet frame in GRE; with a key it is NVGRE (24 bits of network, 8 of flow)."""
    return gre(frame(packet), kind=TRANSPARENT_BRIDGING, key=key)


def pptp(packet: Packet, call: int, sequence: int, acknowledged: int | None = None) -> Segment:
    """GRE version 1: key (length and call), sequence number, acknowledgement; a PPP frame."""
    payload = b"\xff\x03" + struct.pack(">H", PPP_PROTOCOL[packet.ethertype]) + packet.octets
    flags = 0x3001 | (0x0080 if acknowledged is not None else 0)
    head = struct.pack(">HHHHI", flags, 0x880B, len(payload), call, sequence)
    if acknowledged is not None:
        head += struct.pack(">I", acknowledged)
    return Segment(transport.GRE, head + payload, tunnelled=packet.inner)


def pptp_acknowledgement(call: int, acknowledged: int) -> Segment:
    """GRE version 1 with an acknowledgement and no payload."""
    return Segment(transport.GRE, struct.pack(">HHHHI", 0x2081, 0x880B, 0, call, acknowledged))


def erspan1(packet: Packet) -> Segment:
    """ERSPAN type I: a frame in GRE without a sequence number and without a header of its own."""
    return gre(frame(packet), kind=ERSPAN_II)


def erspan2(packet: Packet, sequence: int) -> Segment:
    """ERSPAN type II: version 1 and VLAN, class and session; index."""
    head = struct.pack(">HHI", 1 << 12 | 100, 7, 0x0000_0010)
    return gre(packet.within(head + frame(packet).octets), kind=ERSPAN_II, sequence=sequence)


def erspan3(packet: Packet, sequence: int, subheader: bool = False) -> Segment:
    """ERSPAN type III: version 2 and VLAN, class and session; timestamp; group, hardware,
    direction, granularity and whether a platform subheader of 8 octets follows."""
    head = struct.pack(">HHIHH", 2 << 12 | 100, 7, 0x0102_0304, 0, 0x0001 if subheader else 0)
    if subheader:
        head += struct.pack(">II", 0x1 << 26, 0)
    return gre(packet.within(head + frame(packet).octets), kind=ERSPAN_III, sequence=sequence)


def vxlan(packet: Packet, network: int, source_port: int = 50_000) -> Segment:
    """VXLAN: flags, network identifier, a frame. UDP port 4789."""
    head = struct.pack(">II", 0x0800_0000, network << 8)
    return transport.udp((source_port, 4789), head + frame(packet).octets, packet.inner)


def geneve(
    packet: Packet, network: int, *, options: bytes = b"", bridged: bool = True, source_port: int = 50_001
) -> Segment:
    """Geneve: option length in words, protocol, network identifier, options; a frame or a bare
    packet. UDP port 6081."""
    kind = TRANSPARENT_BRIDGING if bridged else packet.ethertype
    head = struct.pack(">BBHI", len(options) // 4, 0, kind, network << 8) + options
    payload = frame(packet).octets if bridged else packet.octets
    return transport.udp((source_port, 6081), head + payload, packet.inner)


def geneve_option(class_id: int, kind: int, value: bytes) -> bytes:
    """A Geneve option; `value` fills whole words."""
    return struct.pack(">HBB", class_id, kind, len(value) // 4) + value


def gtp(
    packet: Packet,
    endpoint: int,
    *,
    sequence: int | None = None,
    extensions: tuple[tuple[int, bytes], ...] = (),
) -> Segment:
    """A GTP-U G-PDU: version 1, length, tunnel endpoint; if there is a sequence number or an
    extension header, 4 more octets; the packet. UDP port 2152.

    Each extension header is its length in words, its value, and the type of the next one; its own
    type stands before it.
    """
    flags = 0x30 | (0x02 if sequence is not None else 0) | (0x04 if extensions else 0)
    optional = b""
    if sequence is not None or extensions:
        optional = struct.pack(">HB", sequence or 0, 0)
        for kind, value in extensions:
            assert (len(value) + 2) % 4 == 0
            optional += bytes([kind, (len(value) + 2) // 4]) + value
        optional += b"\0"
    body = optional + packet.octets
    head = struct.pack(">BBHI", flags, 255, len(body), endpoint)
    return transport.udp((2152, 2152), head + body, packet.inner)


def gtp_ethernet(packet: Packet, endpoint: int) -> Segment:
    """GTP-U of an Ethernet session of 5G: the session container, then a frame."""
    return gtp(frame(packet), endpoint, extensions=((0x85, bytes.fromhex("0009")),))


def gtp_echo() -> Segment:
    """A GTP-U echo request: no tunnelled packet."""
    return transport.udp((2152, 2152), struct.pack(">BBHIHBB", 0x32, 1, 4, 0, 1, 0, 0))


def eoip(packet: Packet, tunnel: int) -> Segment:
    """MikroTik's Ethernet over IP: GRE version 1, whose key is length and tunnel (little-endian)."""
    inside = frame(packet)
    head = struct.pack(">HHH", 0x2001, 0x6400, len(inside.octets)) + struct.pack("<H", tunnel)
    return Segment(transport.GRE, head + inside.octets, tunnelled=packet.inner)


def wccp(packet: Packet, redirected: bool = True) -> Segment:
    """Cisco's web cache protocol: a redirect header of version 2, or none."""
    inside = bytes.fromhex("00000105") + packet.octets if redirected else packet.octets
    return gre(packet.within(inside), kind=0x883E)


def aruba(packet: Packet, number: int = 0x8200) -> Segment:
    """802.11 in GRE between access points and their controller."""
    return gre(wireless.data_frame(packet), kind=number)


def tzsp(packet: Packet, *, kind: int = 0, encapsulation: int = 1, tags: bytes = b"") -> Segment:
    """TZSP: version 1, type, encapsulation, tags, the one that ends them, a frame. UDP port 37008."""
    inside = wireless.data_frame(packet) if encapsulation == 18 else frame(packet)
    head = struct.pack(">BBH", 1, kind, encapsulation) + tags + b"\x01"
    return transport.udp((40_000, 37008), head + inside.octets, packet.inner)


def lisp(packet: Packet, instance: int | None = None) -> Segment:
    """LISP: flags, nonce, instance and locator bits; a bare packet. UDP port 4341."""
    flags = 0xC0 if instance is None else 0xC8
    head = struct.pack(">II", flags << 24 | 0x123456, (instance or 0) << 8 | 1)
    return transport.udp((40_001, 4341), head + packet.octets, packet.inner)


def ethernet_in_ip(packet: Packet) -> Segment:
    """A frame as the payload of an IP packet: next header 143."""
    return Segment(143, frame(packet).octets, tunnelled=packet.inner)


def compressed(packet: Packet) -> Segment:
    """An IP packet in IPComp, as DEFLATE without compression: its bytes do not depend on a library."""
    size = len(packet.octets)
    block = struct.pack("<BHH", 1, size, size ^ 0xFFFF) + packet.octets
    next_header = ip_in_ip(packet).protocol
    return Segment(108, struct.pack(">BBH", next_header, 0, 2) + block, tunnelled=packet.inner)
