"""tunnels/: IP inside IP, with something between them or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .. import conversation, ethernet, ip, pcap, transport, tunnel
from ..expected import CaptureFile
from ..packet import Packet, timed
from ..transport import Segment

Wrap = Callable[[Packet], Packet]
Encapsulate = Callable[[Packet], Segment]

ENDS = {4: ("203.0.113.1", "203.0.113.2"), 6: ("2001:db8:ff::1", "2001:db8:ff::2")}
SECOND_ENDS = {4: ("203.0.113.65", "203.0.113.66"), 6: ("2001:db8:ff:1::1", "2001:db8:ff:1::2")}


def files() -> list[CaptureFile]:
    """All files of this folder."""
    return in_ip() + in_gre() + in_udp() + nested() + without_inside()


def capture(
    name: str,
    exercises: str,
    *wraps: Wrap,
    versions: str = "46",
    more: tuple[Packet, ...] = (),
    tshark: str = "",
) -> CaptureFile:
    """A file of Ethernet frames; each of `wraps` takes all the conversations through its tunnel."""
    packets = [packet for version in versions for packet in conversation.conversation(int(version))]
    frames = [ethernet.frame(wrap(packet)) for wrap in wraps for packet in packets]
    records = timed(frames + [ethernet.frame(packet) for packet in more])
    return CaptureFile(f"tunnels/{name}.pcap", pcap.file(records), exercises, records, tshark=tshark)


def through(
    encapsulate: Encapsulate, version: int = 4, ends: dict[int, tuple[str, str]] | None = None
) -> Wrap:
    """An outer IP packet around what `encapsulate` makes, in the direction of the inner one."""
    near, far = (ends or ENDS)[version]

    def wrap(packet: Packet) -> Packet:
        pair = (near, far) if packet.from_client else (far, near)
        return ip.ip(*pair, encapsulate(packet), packet.from_client)

    return wrap


def in_ip() -> list[CaptureFile]:
    """IP directly in IP."""
    limited = (ip.Extension(ip.DESTINATION_OPTIONS, bytes.fromhex("040104 010100")),)

    def with_limit(packet: Packet) -> Packet:
        pair = ENDS[6] if packet.from_client else ENDS[6][::-1]
        return ip.ipv6(*pair, tunnel.ip_in_ip(packet), extensions=limited, from_client=packet.from_client)

    return [
        capture("ipip", "IPv4 in IPv4", through(tunnel.ip_in_ip), versions="4"),
        capture("6in4", "IPv6 in IPv4", through(tunnel.ip_in_ip), versions="6"),
        capture("4in6", "IPv4 in IPv6", through(tunnel.ip_in_ip, 6), versions="4"),
        capture(
            "6in6",
            "IPv6 in IPv6, behind a tunnel encapsulation limit option (RFC 2473)",
            with_limit,
            versions="6",
        ),
        capture("ethernet-in-6", "Ethernet in IPv6", through(tunnel.ethernet_in_ip, 6)),
        capture("ipcomp", "IP in IPComp in IP", through(tunnel.compressed), through(tunnel.compressed, 6)),
    ]


def in_gre() -> list[CaptureFile]:
    """GRE and what uses it."""
    shapes: tuple[dict, ...] = (
        {},
        {"key": 7},
        {"sequence": 9},
        {"summed": True},
        {"key": 7, "sequence": 10, "summed": True},
    )
    gre = [through(lambda p, shape=shape: tunnel.gre(p, **shape)) for shape in shapes]
    call = through(lambda p: tunnel.pptp(p, 5, 1))
    call_acknowledging = through(lambda p: tunnel.pptp(p, 5, 2, 1))
    keepalive = ip.ip(*ENDS[4], transport.Segment(transport.GRE, bytes(4)))
    return [
        capture("gre", "GRE version 0: plain, with key, sequence number, checksum, all of them", *gre),
        capture("gre-6", "GRE over IPv6", through(tunnel.gre, 6)),
        capture(
            "gre-bridged",
            "Ethernet in GRE, and NVGRE (with key)",
            through(tunnel.bridged_gre),
            through(lambda p: tunnel.bridged_gre(p, key=0x0012_3456)),
        ),
        capture("gre-mpls", "MPLS in GRE", through(lambda p: tunnel.gre(ethernet.mpls(p, 1000, 16)))),
        capture("erspan-1", "ERSPAN type I: no sequence number, no header", through(tunnel.erspan1)),
        capture("erspan-2", "ERSPAN type II", through(lambda p: tunnel.erspan2(p, 1))),
        capture(
            "erspan-3",
            "ERSPAN type III, with and without platform subheader",
            through(lambda p: tunnel.erspan3(p, 1)),
            through(lambda p: tunnel.erspan3(p, 2, subheader=True)),
        ),
        capture(
            "pptp",
            "PPTP: GRE version 1 with PPP, with and without acknowledgement; a bare acknowledgement",
            call,
            call_acknowledging,
            more=(ip.ip(*ENDS[4], tunnel.pptp_acknowledgement(5, 2)),),
        ),
        capture("eoip", "MikroTik's Ethernet over IP", through(lambda p: tunnel.eoip(p, 258))),
        capture(
            "wccp",
            "GRE of web caches, with redirect header (version 2) and without",
            through(tunnel.wccp),
            through(lambda p: tunnel.wccp(p, redirected=False)),
            versions="4",
        ),
        capture("aruba", "802.11 in GRE", through(tunnel.aruba), through(lambda p: tunnel.aruba(p, 0x82F0))),
        capture("gre-keepalive", "GRE with protocol 0 and nothing behind it", more=(keepalive,), versions=""),
    ]


def in_udp() -> list[CaptureFile]:
    """Tunnels over UDP."""
    options = tunnel.geneve_option(0x0103, 1, bytes(4)) + tunnel.geneve_option(0x0104, 0x80, bytes(12))
    extensions = ((0x85, bytes.fromhex("0009")), (0xC0, bytes.fromhex("0001")))
    extended = {"sequence": 3, "extensions": extensions}
    arp = ethernet.arp()
    return [
        capture(
            "vxlan",
            "VXLAN over IPv4; also an ARP frame in it (no inner IP)",
            through(lambda p: tunnel.vxlan(p, 100)),
            more=(through(lambda p: tunnel.vxlan(p, 100))(arp),),
        ),
        capture("vxlan-6", "VXLAN over IPv6", through(lambda p: tunnel.vxlan(p, 100), 6)),
        capture(
            "vxlan-vlan",
            "VXLAN with a VLAN tag in the inner frame",
            through(lambda p: tunnel.vxlan(ethernet.vlan(p, 100), 100)),
        ),
        capture(
            "geneve",
            "Geneve: Ethernet inside, without and with options; bare IP inside",
            through(lambda p: tunnel.geneve(p, 7)),
            through(lambda p: tunnel.geneve(p, 7, options=options)),
            through(lambda p: tunnel.geneve(p, 7, options=options, bridged=False)),
            through(lambda p: tunnel.geneve(p, 7), 6),
        ),
        capture(
            "gtp",
            "GTP-U: plain, with sequence number, with one and with two extension headers; an echo request",
            through(lambda p: tunnel.gtp(p, 1)),
            through(lambda p: tunnel.gtp(p, 1, sequence=3)),
            through(lambda p: tunnel.gtp(p, 1, extensions=extensions[:1])),
            through(lambda p: tunnel.gtp(p, 1, **extended)),
            more=(ip.ip(*ENDS[4], tunnel.gtp_echo()),),
        ),
        capture("gtp-ethernet", "Ethernet in GTP-U", through(lambda p: tunnel.gtp_ethernet(p, 1))),
        capture(
            "tzsp",
            "TZSP: a frame received, one to be sent, with tags, of 802.11",
            through(tunnel.tzsp),
            through(lambda p: tunnel.tzsp(p, kind=1)),
            through(lambda p: tunnel.tzsp(p, tags=bytes.fromhex("00 0a01d0 29020063"))),
            through(lambda p: tunnel.tzsp(p, encapsulation=18)),
        ),
        capture(
            "lisp",
            "LISP, without and with an instance",
            through(tunnel.lisp),
            through(lambda p: tunnel.lisp(p, 77)),
        ),
        capture(
            "vxlan-networks",
            "VXLAN: the same conversations in two networks",
            through(lambda p: tunnel.vxlan(p, 100)),
            through(lambda p: tunnel.vxlan(p, 200)),
        ),
        capture("gtp-6", "GTP-U over IPv6", through(lambda p: tunnel.gtp(p, 1), 6)),
    ]


def nested() -> list[CaptureFile]:
    """Tunnels in tunnels."""
    vxlan = through(lambda p: tunnel.vxlan(p, 100))
    outside = through(tunnel.gre, ends=SECOND_ENDS)
    bridged_outside = through(tunnel.bridged_gre, ends=SECOND_ENDS)
    inside = through(tunnel.ip_in_ip)
    gtp = through(lambda p: tunnel.gtp(p, 1))
    return [
        capture("vxlan-in-gre", "VXLAN in GRE", lambda p: outside(vxlan(p))),
        capture("vxlan-in-bridged-gre", "VXLAN in Ethernet in GRE", lambda p: bridged_outside(vxlan(p))),
        capture(
            "gre-in-vxlan",
            "GRE in VXLAN",
            lambda p: through(lambda q: tunnel.vxlan(q, 5), ends=SECOND_ENDS)(through(tunnel.gre)(p)),
        ),
        capture(
            "ipip-in-ipip", "IP in IP in IP", lambda p: through(tunnel.ip_in_ip, ends=SECOND_ENDS)(inside(p))
        ),
        capture(
            "gtp-in-vlan-mpls",
            "GTP-U behind a VLAN tag and MPLS labels",
            lambda p: ethernet.vlan(ethernet.mpls(gtp(p), 1000, 16), 100),
        ),
    ]


def without_inside() -> list[CaptureFile]:
    """Tunnels whose inside cannot be reached whole: cut, or in fragments."""
    pieces = ip.ipv4_fragments(
        conversation.CLIENT[4],
        conversation.SERVER[4],
        transport.udp((5_000, 6_000), bytes(160)),
        [64, 64],
        identification=3,
    )
    inside = [through(tunnel.gre)(piece) for piece in pieces]
    inner_known = [replace(packet, inner=piece.inner) for packet, piece in zip(inside, pieces)]
    plain = through(lambda p: tunnel.vxlan(p, 100))(conversation.tcp(4)[0])
    whole = ethernet.frame(plain)
    # Outer headers take 14 + 20 + 8 + 8, the inner Ethernet header 14, the inner IP header 20.
    cut = [replace(whole.cut(length), inner=whole.outer) for length in (46, 50, 60, 64, 83)]
    cut += [with_inner_ports_unknown(whole.cut(84)), whole.cut(88), whole]
    cut_records = timed(cut)
    return [
        capture(
            "gre-inner-fragments",
            "GRE around the fragments of one datagram: one flow inside",
            versions="",
            more=tuple(inner_known),
        ),
        CaptureFile(
            "tunnels/vxlan-cut.pcap",
            pcap.file(cut_records),
            "VXLAN cut within its header, within the inner"
            " Ethernet and IP headers (the outer flow counts), and behind them",
            cut_records,
        ),
    ]


def with_inner_ports_unknown(packet: Packet) -> Packet:
    """The packet without knowledge of the inner ports."""
    return replace(packet, inner=packet.without_ports().inner)
