"""ethernet/: what may stand between an Ethernet header and IP, and what is never IP."""

from __future__ import annotations

from collections.abc import Callable

from .. import conversation, ethernet, pcap, shim
from ..expected import CaptureFile
from ..packet import Packet, timed

Wrap = Callable[[Packet], Packet]


def files() -> list[CaptureFile]:
    """All files of this folder."""
    return tags() + labels() + others() + plain()


def capture(
    name: str, exercises: str, *wraps: Wrap, more: tuple[Packet, ...] = (), tshark: str = ""
) -> CaptureFile:
    """A file of Ethernet frames; each of `wraps` makes whole frames of all the conversations, one
    after the other; `more` comes last."""
    frames = [wrap(packet) for wrap in wraps for packet in conversation.both()]
    records = timed(frames + list(more))
    return CaptureFile(f"ethernet/{name}.pcap", pcap.file(records), exercises, records, tshark=tshark)


def framed(wrap: Wrap) -> Wrap:
    """A wrapping put into an Ethernet frame."""
    return lambda packet: ethernet.frame(wrap(packet))


def stack(*tags: tuple[int, int]) -> Wrap:
    """A frame with VLAN tags (type, id), outermost first."""

    def wrap(packet: Packet) -> Packet:
        for tag_type, vlan_id in reversed(tags):
            packet = ethernet.vlan(packet, vlan_id, tag_type)
        return ethernet.frame(packet)

    return wrap


def tags() -> list[CaptureFile]:
    """VLAN tags and other tags that name the next EtherType."""
    return [
        capture(
            "untagged", "no tag; every frame padded to 60 bytes", lambda p: ethernet.padded(ethernet.frame(p))
        ),
        capture(
            "frame-check",
            "frames with padding and a check sequence that the file header does not mention",
            lambda p: ethernet.with_frame_check(ethernet.padded(ethernet.frame(p))),
        ),
        capture(
            "vlan",
            "802.1Q: the same 5-tuples untagged, with id 100, and with id 200",
            stack(),
            stack((0x8100, 100)),
            stack((0x8100, 200)),
        ),
        capture(
            "vlan-priority",
            "802.1Q with id 0 and priority only, and with the greatest id and priority",
            framed(lambda p: ethernet.vlan(p, 0, priority=5)),
            framed(lambda p: ethernet.vlan(p, 4094, priority=7)),
        ),
        capture(
            "qinq",
            "two tags: 0x88a8 and 0x8100; 0x9100 and 0x8100; 0x8100 twice",
            stack((0x88A8, 10), (0x8100, 100)),
            stack((0x9100, 20), (0x8100, 100)),
            stack((0x8100, 30), (0x8100, 100)),
        ),
        capture("vlan-three", "three tags", stack((0x88A8, 10), (0x88A8, 20), (0x8100, 100))),
        capture(
            "backbone",
            "802.1ah: backbone VLAN tag, service tag, customer frame",
            framed(lambda p: ethernet.vlan(ethernet.backbone(p), 40, 0x88A8)),
            framed(ethernet.backbone),
        ),
        capture(
            "vn-tag",
            "Cisco VN-Tag, alone and before a VLAN tag",
            framed(ethernet.vn_tag),
            framed(lambda p: ethernet.vn_tag(ethernet.vlan(p, 100))),
        ),
        capture(
            "macsec",
            "MACsec, integrity only, with and without channel identifier; one encrypted frame as not IP",
            framed(lambda p: ethernet.macsec(p, 1, True)),
            framed(lambda p: ethernet.macsec(p, 2, False)),
            more=(ethernet.frame(ethernet.macsec(conversation.ping(4)[0], 3, True, encrypted=True)),),
        ),
        capture(
            "hsr",
            "HSR tag, alone and behind a VLAN tag",
            framed(lambda p: ethernet.hsr(p, 7)),
            framed(lambda p: ethernet.vlan(ethernet.hsr(p, 8), 100)),
        ),
        capture(
            "redundancy-tag",
            "R-TAG (802.1CB), alone and behind a VLAN tag",
            framed(lambda p: ethernet.redundancy_tag(p, 7)),
            framed(lambda p: ethernet.vlan(ethernet.redundancy_tag(p, 8), 100)),
        ),
        capture(
            "arista",
            "Arista's timestamps of 48 and 64 bits, TAI and UTC; one behind a VLAN tag",
            framed(lambda p: shim.arista(p, 0x0020)),
            framed(lambda p: shim.arista(p, 0x0110)),
            framed(lambda p: ethernet.vlan(shim.arista(p, 0x0120), 100)),
        ),
        capture(
            "batman",
            "B.A.T.M.A.N. advanced, version 15: unicast and broadcast around Ethernet frames",
            framed(shim.batman),
            framed(lambda p: shim.batman(p, broadcast=True)),
        ),
    ]


def labels() -> list[CaptureFile]:
    """MPLS and pseudowires."""

    def wire(word: bool, first_octet: str, sequence: int = 0, vlan_id: int = 0) -> Wrap:
        ends = (first_octet + ":00:5e:00:53:01", first_octet + ":00:5e:00:53:02")

        def wrap(packet: Packet) -> Packet:
            inner = ethernet.frame(ethernet.vlan(packet, vlan_id) if vlan_id else packet, *ends)
            return ethernet.frame(
                ethernet.mpls(ethernet.control_word(inner, sequence) if word else inner, 500, 16)
            )

        return wrap

    return [
        capture(
            "mpls",
            "MPLS with 1, 2 and 3 labels; behind a VLAN tag",
            framed(lambda p: ethernet.mpls(p, 16)),
            framed(lambda p: ethernet.mpls(p, 1000, 17)),
            framed(lambda p: ethernet.mpls(p, 1000, 2000, 18)),
            framed(lambda p: ethernet.vlan(ethernet.mpls(p, 19), 100)),
        ),
        capture(
            "mpls-explicit-null",
            "MPLS with the explicit null labels 0 (IPv4) and 2 (IPv6)",
            framed(lambda p: ethernet.mpls(p, 0 if p.ethertype == 0x0800 else 2)),
        ),
        capture(
            "pseudowire-control-word",
            "MPLS pseudowire: Ethernet behind a control word, sequence 0 and 5",
            wire(True, "00"),
            wire(True, "a4", 5),
        ),
        capture(
            "pseudowire",
            "MPLS pseudowire: Ethernet without control word, addresses that begin with a4",
            wire(False, "a4"),
            tshark="it does not look for Ethernet behind a label unless it begins with 0",
        ),
        capture(
            "pseudowire-ambiguous",
            "MPLS pseudowire: Ethernet without control word, addresses that begin with 00, so"
            " that only what follows them tells them from a control word",
            wire(False, "00"),
        ),
        capture(
            "pseudowire-vlan",
            "MPLS pseudowire with control word: Ethernet with a VLAN tag",
            wire(True, "00", vlan_id=100),
        ),
    ]


def others() -> list[CaptureFile]:
    """PPPoE, LLC, trailers."""

    def trailed(packet: Packet) -> Packet:
        seconds = 1_700_000_000
        device, port = (1, 5) if packet.from_client else (1, 6)
        return ethernet.metamako(ethernet.padded(ethernet.frame(packet)), seconds, 250_000_001, device, port)

    return [
        capture(
            "pppoe",
            "PPPoE session, also behind a VLAN tag; LCP and discovery as not IP",
            framed(ethernet.pppoe),
            framed(lambda p: ethernet.vlan(ethernet.pppoe(p), 100)),
            more=(ethernet.frame(ethernet.pppoe_lcp()), ethernet.frame(ethernet.pppoe_discovery())),
        ),
        capture(
            "llc-snap",
            "802.3 length, LLC and SNAP; also behind a VLAN tag",
            lambda p: ethernet.length_frame(ethernet.snap(p)),
            lambda p: ethernet.frame(ethernet.vlan(in_length(ethernet.snap(p)), 100)),
        ),
        capture(
            "metamako",
            "Metamako trailer of 20 bytes: device 1, port 5 from the client, 6 from the server",
            trailed,
        ),
    ]


def in_length(llc: Packet) -> Packet:
    """An LLC frame for use behind a VLAN tag: the type field holds its length."""
    return llc.within(llc.octets, len(llc.octets))


def plain() -> list[CaptureFile]:
    """IP behind LLC alone, and frames that hold no IP header."""
    link_local = Packet(bytes.fromhex("0101 0000"), 0x8809)  # LACP, cut to its first octets
    unknown_snap = Packet(bytes.fromhex("aaaa03 00000c 2000 02b40000"), None)  # CDP
    frames = [
        ethernet.frame(ethernet.arp()),
        ethernet.frame(ethernet.arp(from_client=False)),
        ethernet.frame(ethernet.vlan(ethernet.arp(), 100)),
        ethernet.frame(ethernet.lldp()),
        ethernet.padded(ethernet.length_frame(ethernet.spanning_tree())),
        ethernet.frame(link_local),
        ethernet.padded(ethernet.length_frame(unknown_snap)),
        ethernet.frame(Packet(bytes(46), 0x9000)),
        ethernet.frame(Packet(bytes(46), 0x88B5)),
        ethernet.length_frame(Packet(bytes.fromhex("e0e003 ffff0022") + bytes(31), None)),
    ]
    records = timed(frames)
    by_point = timed(
        [ethernet.length_frame(ethernet.llc_ip(packet)) for packet in conversation.conversation(4)]
    )
    arp = ethernet.frame(ethernet.arp())
    short = timed([arp.cut(length).as_malformed() for length in (1, 6, 12, 13)] + [arp.cut(14)])
    return [
        CaptureFile(
            "ethernet/llc-ip.pcap",
            pcap.file(by_point),
            "802.3 length and LLC with the service access point of IPv4 (0x06)",
            by_point,
        ),
        CaptureFile(
            "ethernet/not-ip.pcap",
            pcap.file(records),
            "ARP (also tagged), LLDP, spanning tree, slow protocols, CDP, loopback test, IPX: all not IP",
            records,
        ),
        CaptureFile(
            "ethernet/short.pcap",
            pcap.file(short),
            "frames cut in the Ethernet header (1, 6, 12, 13 bytes: malformed) and right after it (not IP)",
            short,
        ),
    ]
