"""Tunnels: what stands between an outer and an inner IP header.

Sources: RFC 2784, 2890 (GRE), 2637 (PPTP), 7637 (NVGRE), 7348 (VXLAN), 8926 (Geneve), 3GPP TS
29.281 (GTP-U), draft-foschiano-erspan (ERSPAN), RFC 2003, 4213, 2473 (IP in IP).

Each function returns a segment to be put into an IP packet; it remembers the innermost header.
"""

from __future__ import annotations

import struct

from . import checksum, transport
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


def gtp_echo() -> Segment:
    """A GTP-U echo request: no tunnelled packet."""
    return transport.udp((2152, 2152), struct.pack(">BBHIHBB", 0x32, 1, 4, 0, 1, 0, 0))
