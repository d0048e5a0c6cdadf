"""linktypes/: the same conversations behind every link header that is read."""

from __future__ import annotations

from collections.abc import Callable

from .. import conversation, ethernet, link, pcap, shim, wireless
from ..expected import CaptureFile
from ..packet import Packet, timed

Wrap = Callable[[Packet], Packet]

UNKNOWN_TO_TSHARK = "tshark 4.0 does not know this link type"


def files() -> list[CaptureFile]:
    """All files of this folder."""
    return (
        plain()
        + point_to_point()
        + cooked()
        + with_frames_inside()
        + radio()
        + of_devices()
        + not_known()
    )


def capture(
    name: str,
    number: int,
    what: str,
    *wraps: Wrap,
    versions: str = "46",
    others: tuple[Packet, ...] = (),
    order: str = "<",
    tshark: str = "",
) -> CaptureFile:
    """A file of one link type; packets take turns among `wraps`; `others` come last."""
    packets = [packet for version in versions for packet in conversation.conversation(int(version))]
    frames = [wraps[index % len(wraps)](packet) for index, packet in enumerate(packets)]
    records = timed(frames + list(others))
    return CaptureFile(
        f"linktypes/{name}.pcap",
        pcap.file(records, number, order=order),
        f"link type {number}, {what}",
        records,
        tshark=tshark,
    )


def bare(packet: Packet) -> Packet:
    """No link header."""
    return packet.within(packet.octets)


def plain() -> list[CaptureFile]:
    """IP behind nothing or behind a few octets."""
    null_others = tuple(Packet(bytes([family, 0, 0, 0]) + bytes(20), None) for family in (7, 16))
    return [
        capture(
            "null-le", 0, "NULL: address family little-endian, the file too", link.null, others=null_others
        ),
        capture(
            "null-be",
            0,
            "NULL: address family big-endian, the file too",
            lambda p: link.null(p, ">"),
            order=">",
        ),
        capture(
            "null-foreign",
            0,
            "NULL: address family big-endian in a little-endian file",
            lambda p: link.null(p, ">"),
        ),
        capture(
            "null-families",
            0,
            "NULL: AF_INET6 of OpenBSD (24), FreeBSD (28), Darwin (30)",
            link.null,
            lambda p: link.null(p, system="freebsd"),
            lambda p: link.null(p, system="darwin"),
            versions="6",
        ),
        capture("loop", 108, "LOOP: address family in network byte order", link.loop),
        capture("raw", 101, "RAW: IPv4 and IPv6 packets", bare),
        capture("raw-12", 12, "RAW as DLT_RAW of most systems", bare),
        capture("raw-14", 14, "RAW as DLT_RAW of OpenBSD", bare),
        capture("ipv4", 228, "IPV4", bare, versions="4"),
        capture("ipv6", 229, "IPV6", bare, versions="6"),
        capture(
            "slip",
            8,
            "SLIP: 16 octets, then an IP packet",
            link.slip,
            versions="4",
            tshark="it reads no further than the SLIP header",
        ),
        capture(
            "enc", 109, "ENC: IPsec's encapsulating interface, family in little-endian host order", link.enc
        ),
        capture("ipnet", 226, "IPNET: Solaris", link.ipnet),
        capture(
            "pflog-61",
            117,
            "PFLOG: header of 61 octets padded to 64",
            link.pflog,
            lambda p: link.pflog(p, system="freebsd"),
        ),
        capture("pflog-45", 117, "PFLOG: header of 45 octets padded to 48", lambda p: link.pflog(p, 45)),
        capture(
            "pflog-100", 117, "PFLOG: header of 100 octets (newer OpenBSD)", lambda p: link.pflog(p, 100)
        ),
        capture("nflog-le", 239, "NFLOG: little-endian attributes", link.nflog),
        capture(
            "nflog-be",
            239,
            "NFLOG: big-endian attributes, the file too",
            lambda p: link.nflog(p, ">"),
            order=">",
        ),
        capture(
            "ipoib",
            242,
            "IPOIB: IP over InfiniBand",
            link.infiniband,
            others=(link.infiniband(ethernet.arp()),),
        ),
        capture(
            "firewire",
            138,
            "APPLE_IP_OVER_IEEE1394: two EUI-64 addresses",
            link.firewire,
            others=(link.firewire(ethernet.arp()),),
        ),
    ]


def point_to_point() -> list[CaptureFile]:
    """PPP, HDLC, frame relay, with and without an octet of direction."""
    lcp, slarp, lmi = link.ppp_lcp(), link.cisco_keepalive(), link.frame_relay_lmi()
    relays = (
        link.frame_relay,
        lambda p: link.frame_relay(p, "snap"),
        lambda p: link.frame_relay(p, "nlpid", True),
    )
    return [
        capture(
            "ppp",
            9,
            "PPP: with and without address and control, long and short protocol",
            link.ppp,
            lambda p: link.ppp(p, framed=False),
            lambda p: link.ppp(p, short=True),
            others=(lcp,),
        ),
        capture("ppp-hdlc", 50, "PPP_HDLC: PPP in HDLC framing", link.ppp, others=(lcp,)),
        capture(
            "ppp-hdlc-cisco",
            50,
            "PPP_HDLC that holds Cisco HDLC (first octet 0x0f or 0x8f)",
            link.cisco_hdlc,
            others=(slarp,),
        ),
        capture(
            "ppp-cisco",
            9,
            "PPP that holds Cisco HDLC",
            link.cisco_hdlc,
            others=(slarp,),
        ),
        capture(
            "ppp-ether",
            51,
            "PPP_ETHER: PPPoE session header first",
            link.ppp_ether,
            others=(bare(ethernet.pppoe_lcp()), bare(ethernet.pppoe_discovery())),
        ),
        capture(
            "ppp-with-direction",
            204,
            "PPP_WITH_DIR: an octet of direction, then PPP",
            lambda p: link.directed(link.ppp(p)),
            lambda p: link.directed(link.ppp(p, framed=False)),
            others=(link.directed(lcp),),
        ),
        capture("cisco-hdlc", 104, "C_HDLC", link.cisco_hdlc, others=(slarp,)),
        capture(
            "cisco-hdlc-with-direction",
            205,
            "C_HDLC_WITH_DIR",
            lambda p: link.directed(link.cisco_hdlc(p)),
            others=(link.directed(slarp),),
            tshark=UNKNOWN_TO_TSHARK,
        ),
        capture(
            "frame-relay", 107, "FRELAY: NLPID and SNAP, addresses of 2 and 4 octets", *relays, others=(lmi,)
        ),
        capture(
            "frame-relay-cisco",
            107,
            "FRELAY: Cisco encapsulation (an EtherType after the address)",
            lambda p: link.frame_relay(p, "cisco"),
        ),
        capture(
            "frame-relay-with-direction",
            206,
            "FRELAY_WITH_DIR",
            *((lambda p, relay=relay: link.directed(relay(p))) for relay in relays),
            others=(link.directed(lmi),),
            tshark=UNKNOWN_TO_TSHARK,
        ),
    ]


def cooked() -> list[CaptureFile]:
    """Linux cooked captures."""

    def tree(packet: Packet) -> Packet:
        return packet.within(packet.octets, 0x0004)

    def tagged(packet: Packet) -> Packet:
        return ethernet.vlan(packet, 100)

    both = (ethernet.arp(), tree(ethernet.spanning_tree()))
    return [
        capture(
            "sll",
            113,
            "LINUX_SLL; ARP and spanning tree as not IP",
            link.cooked,
            others=tuple(link.cooked(packet) for packet in both),
        ),
        capture(
            "sll-vlan",
            113,
            "LINUX_SLL with a VLAN tag behind the cooked header",
            lambda p: link.cooked(tagged(p)),
        ),
        capture(
            "sll-ppp",
            113,
            "LINUX_SLL of a PPP interface (ARPHRD 512) with PPP headers",
            lambda p: shim.cooked_ppp(p, b"\xff\x03\x00\x21"),
            lambda p: shim.cooked_ppp(p, b"\x00\x21"),
            versions="4",
        ),
        capture(
            "sll2",
            276,
            "LINUX_SLL2; ARP and spanning tree as not IP",
            link.cooked2,
            others=tuple(link.cooked2(packet) for packet in both),
        ),
        capture(
            "sll2-vlan",
            276,
            "LINUX_SLL2 with a VLAN tag behind the cooked header",
            lambda p: link.cooked2(tagged(p)),
        ),
    ]


def with_frames_inside() -> list[CaptureFile]:
    """Link layers with LLC/SNAP, and those that put something around an Ethernet frame."""
    arp = ethernet.arp()
    return [
        capture("ethernet", 1, "EN10MB; ARP as not IP", ethernet.frame, others=(ethernet.frame(arp),)),
        capture(
            "token-ring",
            6,
            "IEEE802_5, with and without routing information",
            link.token_ring,
            lambda p: link.token_ring(p, routed=True),
            others=(link.token_ring(arp),),
        ),
        capture("fddi", 10, "FDDI", link.fddi, others=(link.fddi(arp),)),
        capture("arcnet", 7, "ARCNET_BSD with RFC 1201 headers", link.arcnet, others=(link.arcnet(arp),)),
        capture("arcnet-rfc1051", 7, "ARCNET_BSD with RFC 1051 headers", link.arcnet_simple, versions="4"),
        capture(
            "arcnet-linux", 129, "ARCNET_LINUX with RFC 1201 headers", lambda p: link.arcnet(p, linux=True)
        ),
        capture(
            "atm-rfc1483",
            11,
            "ATM_RFC1483: LLC/SNAP",
            lambda p: bare(ethernet.snap(p)),
            others=(bare(ethernet.snap(arp)),),
        ),
        capture("atm-rfc1483-bridged", 11, "ATM_RFC1483: bridged Ethernet behind SNAP", link.bridged_snap),
        capture(
            "sun-atm",
            123,
            "SUNATM: LLC and LANE traffic; signalling as not IP",
            link.sun_atm,
            lambda p: link.sun_atm(p, lane=True),
            others=(link.sun_atm_signalling(),),
        ),
        capture("fibre-channel", 122, "IP_OVER_FC", link.fibre_channel, others=(link.fibre_channel(arp),)),
        capture(
            "juniper-ethernet",
            178,
            "JUNIPER_ETHER, with and without extensions",
            link.juniper_ethernet,
            lambda p: link.juniper_ethernet(p, extensions=True),
            others=(link.juniper_ethernet(arp),),
        ),
        capture(
            "juniper-ethernet-bare",
            178,
            "JUNIPER_ETHER without a link header: protocol number, then IP",
            lambda p: link.juniper_ethernet(p, link_header=False),
            lambda p: link.juniper_ethernet(p, extensions=True, link_header=False),
        ),
        capture(
            "net-analyzer",
            240,
            "NETANALYZER: 4 octets, frame with check sequence",
            link.net_analyzer,
            others=(link.net_analyzer(arp),),
        ),
        capture(
            "net-analyzer-transparent",
            241,
            "NETANALYZER_TRANSPARENT: with preamble",
            lambda p: link.net_analyzer(p, transparent=True),
            tshark="it shows the octets of this mode as they are",
        ),
        capture(
            "pktap",
            258,
            "PKTAP version 1 around Ethernet, NULL and RAW",
            lambda p: link.pktap(p, link.PKTAP_ETHERNET),
            lambda p: link.pktap(p, link.PKTAP_NULL),
            lambda p: link.pktap(p, link.PKTAP_RAW),
            others=(link.pktap_empty(),),
        ),
        capture(
            "pktap-2",
            258,
            "PKTAP version 2 around Ethernet",
            link.pktap2,
            tshark="tshark 4.0 knows version 1 only",
        ),
        capture(
            "mpacket",
            274,
            "ETHERNET_MPACKET: express and preemptable frames; a later piece of one as not IP",
            link.mpacket,
            lambda p: link.mpacket(p, 0xE6),
            others=(link.mpacket_continuation(bytes(range(64))),),
        ),
        capture(
            "dsa-broadcom",
            281,
            "DSA_TAG_BRCM",
            link.broadcom,
            others=(link.broadcom(arp),),
            tshark=UNKNOWN_TO_TSHARK,
        ),
        capture(
            "dsa-broadcom-prepended",
            282,
            "DSA_TAG_BRCM_PREPEND",
            lambda p: link.broadcom(p, prepended=True),
            tshark=UNKNOWN_TO_TSHARK,
        ),
        capture(
            "dsa-marvell",
            284,
            "DSA_TAG_DSA, untagged and with a VLAN id in the tag",
            link.marvell,
            lambda p: link.marvell(p, vlan_id=100),
            others=(link.marvell(arp),),
            tshark=UNKNOWN_TO_TSHARK,
        ),
        capture(
            "dsa-marvell-ethertyped",
            285,
            "DSA_TAG_EDSA, untagged and with a VLAN id in the tag",
            lambda p: link.marvell(p, ethertyped=True),
            lambda p: link.marvell(p, ethertyped=True, vlan_id=100),
            tshark=UNKNOWN_TO_TSHARK,
        ),
    ]


def radio() -> list[CaptureFile]:
    """802.11 with and without a header before it."""
    shapes: tuple[Wrap, ...] = (
        wireless.data_frame,
        lambda p: wireless.data_frame(p, quality=True),
        lambda p: wireless.data_frame(p, relayed=True),
        lambda p: wireless.data_frame(p, quality=True, relayed=True),
        lambda p: wireless.data_frame(p, quality=True, throughput_control=True),
    )
    one = conversation.ping(4)[0]
    others = (
        wireless.beacon(),
        wireless.acknowledgement(),
        wireless.null_frame(),
        wireless.protected_frame(one),
    )
    checked = wireless.with_frame_check

    def behind(header: Callable[..., Packet], **named: int | bool) -> tuple[Wrap, ...]:
        return tuple(lambda p, shape=shape: header(shape(p), **named) for shape in shapes)

    tapped = (
        lambda p: wireless.radiotap(wireless.data_frame(p)),
        lambda p: wireless.radiotap(checked(wireless.data_frame(p, quality=True)), wireless.FRAME_CHECK_FLAG),
        lambda p: wireless.radiotap(wireless.data_frame(p, quality=True, pad=True), wireless.DATA_PAD_FLAG),
        lambda p: wireless.radiotap(wireless.data_frame(p), 0, extended=True),
        lambda p: wireless.radiotap(
            checked(wireless.data_frame(p)), wireless.FRAME_CHECK_FLAG, timer=True, extended=True
        ),
        lambda p: wireless.radiotap(wireless.data_frame(p, relayed=True), 0, timer=True),
    )
    return [
        capture(
            "wireless",
            105,
            "IEEE802_11: through an access point, relayed (4 addresses), with quality of service and"
            " throughput control fields; management, control, null and encrypted frames as not IP",
            *shapes,
            others=others,
        ),
        capture(
            "wireless-prism",
            119,
            "IEEE802_11_PRISM",
            *behind(wireless.prism),
            others=(wireless.prism(others[0]),),
        ),
        capture("wireless-prism-avs", 119, "IEEE802_11_PRISM that holds AVS headers", *behind(wireless.avs)),
        capture(
            "wireless-avs", 163, "IEEE802_11_AVS", *behind(wireless.avs), others=(wireless.avs(others[0]),)
        ),
        capture(
            "wireless-radiotap",
            127,
            "IEEE802_11_RADIOTAP: no fields, flags, clock, two words of present bits, check"
            " sequence, padding between header and LLC",
            *tapped,
            others=tuple(wireless.radiotap(each) for each in others),
        ),
        capture(
            "ppi",
            192,
            "PPI around 802.11",
            *behind(wireless.ppi),
            lambda p: wireless.ppi(checked(wireless.data_frame(p)), flags=1),
            lambda p: wireless.ppi(wireless.data_frame(p), flags=None),
            others=(wireless.ppi(others[3]),),
        ),
        capture(
            "ppi-ethernet", 192, "PPI around Ethernet", lambda p: wireless.ppi(ethernet.frame(p), 1, None)
        ),
    ]


def of_devices() -> list[CaptureFile]:
    """What capture devices, radios and other programs write."""

    def framed(packet: Packet) -> Packet:
        return bare(ethernet.frame(packet))

    pad = b"\x00\x00"
    return [
        capture(
            "erf",
            197,
            "ERF: Ethernet with up to two extension headers, coloured Ethernet",
            lambda p: shim.erf(framed(p), 2, pad),
            lambda p: shim.erf(framed(p), 2, pad, extensions=1),
            lambda p: shim.erf(framed(p), 11, pad, extensions=2),
            others=(shim.erf(framed(ethernet.arp()), 2, pad),),
            tshark="tshark, too, takes time and length on the wire from the ERF header, not from pcap's",
        ),
        capture("mpls", 219, "MPLS: a label", shim.labelled, tshark=UNKNOWN_TO_TSHARK),
        capture(
            "ax25-kiss",
            202,
            "AX25_KISS: IP in AX.25, without and with repeaters",
            shim.kiss,
            lambda p: shim.kiss(p, repeaters=2),
            versions="4",
        ),
        capture(
            "exported-pdu",
            252,
            "WIRESHARK_UPPER_PDU: exported Ethernet",
            lambda p: shim.exported(framed(p), b"eth_withoutfcs"),
        ),
        capture(
            "wireless-mesh",
            105,
            "IEEE802_11: mesh control fields with no, one and two addresses",
            shim.mesh,
            lambda p: shim.mesh(p, proxied=2),
            lambda p: shim.mesh(p, group=True),
            lambda p: shim.mesh(p, group=True, proxied=1),
        ),
    ]


def not_known() -> list[CaptureFile]:
    """Link types that mean nothing to a reader: counted as not IP, no error."""

    def hidden(packet: Packet) -> Packet:
        return bare(packet).not_ip()

    return [
        capture("user0", 147, "USER0: meaning unknown, all packets not IP", hidden),
        capture("unassigned", 65_000, "not assigned: all packets not IP", hidden, tshark=UNKNOWN_TO_TSHARK),
        capture(
            "can",
            227,
            "CAN_SOCKETCAN: known, but never IP",
            others=(Packet(bytes.fromhex("00000123 04000000 01020304 00000000"), None),),
            versions="",
        ),
    ]
