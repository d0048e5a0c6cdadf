"""Link layers other than Ethernet, as captures hold them.

Formats: https://www.tcpdump.org/linktypes.html. Each function takes a packet whose outermost layer
is an EtherType's, and returns a frame. `order` is the byte order of the file, for the headers that
are in that of the capturing host.
"""

from __future__ import annotations

import struct

from . import ethernet
from .ethernet import CLIENT_MAC, PPP_PROTOCOL, SERVER_MAC
from .ip import IPV6_TYPE
from .packet import Packet, mac

AF_INET = 2
AF_INET6 = {"linux": 10, "openbsd": 24, "solaris": 26, "freebsd": 28, "darwin": 30}


def null(packet: Packet, order: str = "<", system: str = "openbsd") -> Packet:
    """LINKTYPE_NULL (0): the address family in the capturing host's byte order."""
    return packet.within(struct.pack(order + "I", family(packet, system)) + packet.octets)


def loop(packet: Packet) -> Packet:
    """LINKTYPE_LOOP (108): the address family in network byte order."""
    return null(packet, ">")


def family(packet: Packet, system: str) -> int:
    """The address family of a packet, as a system numbers it."""
    return AF_INET6[system] if packet.ethertype == IPV6_TYPE else AF_INET


def token_ring(packet: Packet, routed: bool = False) -> Packet:
    """LINKTYPE_IEEE802_5 (6): access and frame control, addresses, routing information, LLC/SNAP.
    The topmost bit of the source address says that there is routing information."""
    pair = bytearray(ethernet.addresses(packet))
    route = b""
    if routed:
        pair[6] |= 0x80
        route = bytes.fromhex("0630 00a1 00b0")  # length 6, then two ring and bridge numbers
    return packet.within(b"\x10\x40" + bytes(pair) + route + ethernet.snap(packet).octets)


ARCNET_RFC1051 = {0x0800: 0xF0, 0x0806: 0xF1}
ARCNET_RFC1201 = {0x0800: 0xD4, 0x0806: 0xD5, 0x86DD: 0xC4}


def arcnet(packet: Packet, linux: bool = False) -> Packet:
    """LINKTYPE_ARCNET_BSD (7), or ARCNET_LINUX (129) which has an offset after the addresses.
    Source, destination, type, then for RFC 1201 types the split flag and a sequence number."""
    ends = b"\x0a\x14" if packet.from_client else b"\x14\x0a"
    offset = b"\x00\x00" if linux else b""
    split = b"\x00\x00\x01"
    return packet.within(ends + offset + bytes([ARCNET_RFC1201[packet.ethertype]]) + split + packet.octets)


def arcnet_simple(packet: Packet) -> Packet:
    """LINKTYPE_ARCNET_BSD (7) with the types of RFC 1051, which have no split flag."""
    ends = b"\x0a\x14" if packet.from_client else b"\x14\x0a"
    return packet.within(ends + bytes([ARCNET_RFC1051[packet.ethertype]]) + packet.octets)


def slip(packet: Packet) -> Packet:
    """LINKTYPE_SLIP (8): direction, packet type (0x40: plain IP), room for compressed headers."""
    return packet.within(bytes([packet.from_client, 0x40]) + bytes(14) + packet.octets)


def ppp(packet: Packet, framed: bool = True, short: bool = False) -> Packet:
    """LINKTYPE_PPP (9) and PPP_HDLC (50): address and control if `framed`, the protocol in one
    octet if `short` (protocol field compression, RFC 1661 section 6.5)."""
    protocol = PPP_PROTOCOL[packet.ethertype]
    number = bytes([protocol]) if short else struct.pack(">H", protocol)
    return packet.within((b"\xff\x03" if framed else b"") + number + packet.octets)


def ppp_lcp() -> Packet:
    """An LCP echo request in PPP framing; not IP."""
    return Packet(bytes.fromhex("ff03 c021 0901 0008 01020304"), None)


def ppp_ether(packet: Packet) -> Packet:
    """LINKTYPE_PPP_ETHER (51): a PPPoE header with nothing before it."""
    return packet.within(ethernet.pppoe(packet).octets)


def cisco_hdlc(packet: Packet) -> Packet:
    """LINKTYPE_C_HDLC (104): address (0x0f unicast), control, EtherType."""
    return packet.within(b"\x0f\x00" + struct.pack(">H", packet.ethertype) + packet.octets)


def cisco_keepalive() -> Packet:
    """A SLARP keepalive on Cisco HDLC; not IP."""
    return Packet(b"\x8f\x00\x80\x35" + struct.pack(">IIIH", 2, 1, 1, 0xFFFF), None)


def directed(packet: Packet) -> Packet:
    """The octet before PPP, Cisco HDLC and frame relay (204, 205, 206): 0 received, else sent."""
    return packet.within(bytes([packet.from_client]) + packet.octets)


def fddi(packet: Packet) -> Packet:
    """LINKTYPE_FDDI (10): frame control (0x50: LLC frame), addresses, LLC/SNAP."""
    return packet.within(b"\x50" + ethernet.addresses(packet) + ethernet.snap(packet).octets)


def bridged_snap(packet: Packet) -> Packet:
    """An Ethernet frame without check sequence behind LLC/SNAP: organisation 00-80-c2, protocol 7,
    two octets of padding (RFC 2684 section 5.2)."""
    return packet.within(bytes.fromhex("aaaa03 0080c2 0007 0000") + ethernet.frame(packet).octets)


def frame_relay(packet: Packet, encapsulation: str = "nlpid", long_address: bool = False) -> Packet:
    """LINKTYPE_FRELAY (107): the address (DLCI 100) in 2 or 4 octets, then one of
    nlpid: control and network protocol id (RFC 2427); snap: the same with a SNAP header;
    cisco: an EtherType."""
    address = bytes.fromhex("00000291") if long_address else bytes.fromhex("1841")
    kind = struct.pack(">H", packet.ethertype)
    header = {
        "nlpid": b"\x03" + (b"\x8e" if packet.ethertype == IPV6_TYPE else b"\xcc"),
        "snap": bytes.fromhex("030080 000000") + kind,
        "cisco": kind,
    }[encapsulation]
    return packet.within(address + header + packet.octets)


def frame_relay_lmi() -> Packet:
    """A status enquiry of the local management interface (Q.933 annex A); not IP."""
    return Packet(bytes.fromhex("0001 03 08 00 75 51 01 00 53 02 01 01"), None)


def enc(packet: Packet, order: str = "<") -> Packet:
    """LINKTYPE_ENC (109): address family in host byte order, security parameter index, flags."""
    return packet.within(
        struct.pack(order + "I", family(packet, "openbsd")) + struct.pack(">II", 0x1234, 0) + packet.octets
    )


def cooked(packet: Packet, hardware: int = 1) -> Packet:
    """LINKTYPE_LINUX_SLL (113): packet type, ARPHRD_ value, source address and its length,
    protocol."""
    direction = 4 if packet.from_client else 0
    return packet.within(
        struct.pack(">HHH", direction, hardware, 6)
        + _source(packet)
        + struct.pack(">H", packet.ethertype)
        + packet.octets
    )


def cooked2(packet: Packet, hardware: int = 1) -> Packet:
    """LINKTYPE_LINUX_SLL2 (276): protocol, reserved, interface, ARPHRD_ value, packet type, source
    address and its length."""
    direction = 4 if packet.from_client else 0
    return packet.within(
        struct.pack(">HHIHBB", packet.ethertype, 0, 2, hardware, direction, 6)
        + _source(packet)
        + packet.octets
    )


def _source(packet: Packet) -> bytes:
    return mac(CLIENT_MAC if packet.from_client else SERVER_MAC) + bytes(2)


def pflog(packet: Packet, header_len: int = 61, system: str = "openbsd") -> Packet:
    """LINKTYPE_PFLOG (117): the length without padding (45, 61 or 100), address family, action,
    reason, interface, rule set, rule numbers; with 61, owners; direction; padded to 4 octets."""
    body = struct.pack(">BBBB16s16sII", header_len, family(packet, system), 0, 0, b"em0", b"", 1, 0xFFFF_FFFF)
    owners = struct.pack("<IIII", 0, 0, 0, 0) if header_len >= 61 else b""
    header = body + owners + bytes([2 if packet.from_client else 1])
    assert header_len != 45 or len(header) == 45
    header = header.ljust(header_len + -header_len % 4, b"\0")
    return packet.within(header + packet.octets)


def fibre_channel(packet: Packet) -> Packet:
    """LINKTYPE_IP_OVER_FC (122): network addresses of destination and source (RFC 4338), then
    LLC/SNAP."""
    pair = ethernet.addresses(packet)
    return packet.within(b"\x10\x00" + pair[:6] + b"\x10\x00" + pair[6:] + ethernet.snap(packet).octets)


def sun_atm(packet: Packet, lane: bool = False) -> Packet:
    """LINKTYPE_SUNATM (123): direction and traffic type (1 LANE, 2 LLC), path and channel. A LANE
    frame begins with the sender's id."""
    sent = 0x80 if packet.from_client else 0
    if lane:
        return packet.within(struct.pack(">BBHH", sent | 1, 0, 100, 1) + ethernet.frame(packet).octets)
    return packet.within(struct.pack(">BBH", sent | 2, 0, 100) + ethernet.snap(packet).octets)


def sun_atm_signalling() -> Packet:
    """A Q.2931 message on the signalling channel; not IP."""
    return Packet(struct.pack(">BBH", 6, 0, 5) + bytes.fromhex("09 03 000001 46 80 0000"), None)


def firewire(packet: Packet) -> Packet:
    """LINKTYPE_APPLE_IP_OVER_IEEE1394 (138): two EUI-64 addresses, EtherType."""
    pair = ethernet.addresses(packet)
    wide = [address[:3] + b"\xff\xfe" + address[3:] for address in (pair[:6], pair[6:])]
    return packet.within(b"".join(wide) + struct.pack(">H", packet.ethertype) + packet.octets)


def juniper_ethernet(packet: Packet, extensions: bool = False, link_header: bool = True) -> Packet:
    """LINKTYPE_JUNIPER_ETHER (178): magic, flags (1 received, 2 no link header, 0x80 extensions),
    extensions with their length, then a frame, or the protocol (2 IPv4, 6 IPv6) and its packet."""
    flags = (0 if packet.from_client else 1) | (0 if link_header else 2) | (0x80 if extensions else 0)
    header = bytes.fromhex("4d4743") + bytes([flags])
    if extensions:
        values = bytes.fromhex("0102 00850302 00040404 00000001")  # interface index, type, unit
        header += struct.pack(">H", len(values)) + values
    if link_header:
        return packet.within(header + ethernet.frame(packet).octets)
    return packet.within(
        header + struct.pack("<I", 6 if packet.ethertype == IPV6_TYPE else 2) + packet.octets
    )


def ipnet(packet: Packet) -> Packet:
    """LINKTYPE_IPNET (226): version, family, direction, length, interface, group, two zones."""
    header = struct.pack(
        ">BBHIIIII",
        1,
        family(packet, "solaris"),
        packet.from_client,
        len(packet.octets),
        2,
        0,
        0,
        0xFFFF_FFFF,
    )
    return packet.within(header + packet.octets)


def nflog(packet: Packet, order: str = "<") -> Packet:
    """LINKTYPE_NFLOG (239): family, version, group; then attributes whose length and type are in
    host byte order: packet header (1), prefix (10), payload (9)."""

    def attribute(kind: int, value: bytes) -> bytes:
        return struct.pack(order + "HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)

    head = struct.pack(">BBH", family(packet, "linux"), 0, 5)
    return packet.within(
        head
        + attribute(1, struct.pack(">HBB", packet.ethertype, 1, 0))
        + attribute(10, b"in\0")
        + attribute(9, packet.octets)
    )


def net_analyzer(packet: Packet, transparent: bool = False) -> Packet:
    """LINKTYPE_NETANALYZER (240): version, port, length; then a frame with its check sequence;
    transparent (241): with its preamble as well."""
    whole = ethernet.with_frame_check(ethernet.frame(packet)).octets
    if transparent:
        whole = PREAMBLE + b"\xd5" + whole
    word = 1 << 10 | (0x200 if transparent else 0) | len(whole) << 16
    return packet.within(struct.pack("<I", word) + whole)


def infiniband(packet: Packet) -> Packet:
    """LINKTYPE_IPOIB (242): 40 octets of a global routing header (only its destination is
    filled), EtherType, reserved (RFC 4391)."""
    head = bytes(24) + mac("ff:12:40:1b:ff:ff:00:00:00:00:00:00:00:00:00:01")
    return packet.within(head + struct.pack(">HH", packet.ethertype, 0) + packet.octets)


PKTAP_ETHERNET, PKTAP_NULL, PKTAP_RAW = 1, 0, 12


def pktap(packet: Packet, inside: int) -> Packet:
    """LINKTYPE_PKTAP (258), version 1: length, record type, DLT_ value of what follows, interface,
    flags, family, lengths of link header and trailer, process, command, and four more."""
    follows = {
        PKTAP_ETHERNET: ethernet.frame,
        PKTAP_NULL: lambda p: null(p, "<", "darwin"),
        PKTAP_RAW: lambda p: p,
    }
    frame = follows[inside](packet).octets
    link_len = len(frame) - len(packet.octets)
    header = struct.pack(
        "<III24sIIIII20s",
        108,
        1,
        inside,
        b"en0",
        2 if packet.from_client else 1,
        family(packet, "darwin"),
        link_len,
        0,
        321,
        b"curl",
    )
    header += struct.pack("<IHHI20s", 0, 6, 0, 0, b"")
    assert len(header) == 108
    return packet.within(header + frame)


def pktap_empty() -> Packet:
    """A PKTAP record of type 0: nothing follows the header."""
    return Packet(struct.pack("<III", 108, 0, 1) + bytes(96), None)


def pktap2(packet: Packet) -> Packet:
    """PKTAP version 2: a flag at octet 36, offsets of variable parts, a shorter header."""
    name = b"en0\0"
    header = struct.pack("<BBBBBBHHHHH", 40 + len(name), 0, 0, 40, 0, 0, PKTAP_ETHERNET, 14, 0, 6, 0)
    header += struct.pack("<IIIIII", family(packet, "darwin"), 0, 0, 321, 0, 0x0008_0001) + name
    return packet.within(header + ethernet.frame(packet).octets)


PREAMBLE = b"\x55" * 7


def mpacket(packet: Packet, start: int = 0xD5) -> Packet:
    """LINKTYPE_ETHERNET_MPACKET (274): preamble, start delimiter (0xd5 express, 0xe6 preemptable),
    frame with check sequence."""
    return packet.within(PREAMBLE + bytes([start]) + ethernet.with_frame_check(ethernet.frame(packet)).octets)


def mpacket_continuation(octets: bytes) -> Packet:
    """A later piece of a preempted frame: it begins with no Ethernet header; not IP."""
    return Packet(PREAMBLE[:6] + b"\x61\xe6" + octets + bytes(4), None)


def broadcom(packet: Packet, prepended: bool = False) -> Packet:
    """LINKTYPE_DSA_TAG_BRCM (281): a tag after the addresses; _PREPEND (282): before them."""
    tag = bytes.fromhex("20000003" if packet.from_client else "00000003")
    whole = ethernet.frame(packet).octets
    return packet.within(tag + whole if prepended else whole[:12] + tag + whole[12:])


def marvell(packet: Packet, ethertyped: bool = False, vlan_id: int = 0) -> Packet:
    """LINKTYPE_DSA_TAG_DSA (284): a tag after the addresses; _EDSA (285): behind an EtherType and
    two reserved octets. Mode 3 (forward); a VLAN id there stands for a tag of the frame."""
    tag = struct.pack(">BBH", 0xC0 | (0x20 if vlan_id else 0), 1 << 3, vlan_id)
    if ethertyped:
        tag = bytes.fromhex("dada0000") + tag
    whole = ethernet.frame(packet).octets
    return packet.within(whole[:12] + tag + whole[12:])
