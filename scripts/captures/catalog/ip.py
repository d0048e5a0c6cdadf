"""ip/: IPv4 and IPv6 headers, fragments, and the protocols above them."""

from __future__ import annotations

from dataclasses import replace

from .. import conversation, ethernet, ip, pcap, transport
from ..conversation import CLIENT, SERVER, to_client, to_server
from ..expected import CaptureFile
from ..packet import START_NS, Packet, Record, packed, timed
from ..transport import ACK, PSH, Segment

SECOND = 10**9


def files() -> list[CaptureFile]:
    """All files of this folder."""
    fragments = fragment_orders(4) + fragment_orders(6) + fragments4() + fragments6()
    return headers() + broken() + fragments + protocols()


def capture(name: str, exercises: str, packets: list[Packet], tshark: str = "") -> CaptureFile:
    """A file of Ethernet frames at equal distances in time."""
    records = timed(ethernet.frames(packets))
    return CaptureFile(f"ip/{name}.pcap", pcap.file(records), exercises, records, tshark=tshark)


def at_seconds(name: str, exercises: str, packets: list[tuple[float, Packet]]) -> CaptureFile:
    """A file of Ethernet frames, each at its second."""
    records = [
        Record(ethernet.frame(packet), START_NS + int(seconds * 8) * SECOND // 8)
        for seconds, packet in packets
    ]
    return CaptureFile(f"ip/{name}.pcap", pcap.file(records), exercises, records)


def headers() -> list[CaptureFile]:
    """Headers that are longer, or say other lengths, than usual, and are right."""
    question = transport.udp((49_153, 53), conversation.dns(4)[0].octets[28:])
    segment = transport.tcp((49_152, 80), PSH | ACK, 1_001, 5_001, conversation.REQUEST)
    bulk = transport.tcp((49_152, 80), ACK, 2_000, 5_001, bytes(3_000))
    ends4, ends6 = (CLIENT[4], SERVER[4]), (CLIENT[6], SERVER[6])
    router_alert = bytes.fromhex("94040000")
    record_route = bytes.fromhex("070b04") + packed(CLIENT[4]) + bytes(4)
    longest = bytes.fromhex("0727 08") + packed(CLIENT[4]) + bytes(32) + b"\0"
    with_options = [
        ip.ipv4(*ends4, segment, options=router_alert),
        ip.ipv4(*ends4, question, options=record_route),
        ip.ipv4(*ends4, segment, options=longest),
        ip.ipv4(*ends4, transport.icmp_echo(False, 7, 1, b"x" * 8), options=b"\x01\x01\x01\x00"),
    ]
    chains = {
        "hop-by-hop": (ip.hop_by_hop(),),
        "routing": (ip.routing("2001:db8:3::1", "2001:db8:3::2"),),
        "destination options": (ip.destination_options(3),),
        "all": (
            ip.hop_by_hop(),
            ip.destination_options(),
            ip.routing("2001:db8:3::1"),
            ip.atomic_fragment(7),
            ip.destination_options(2),
        ),
    }
    extended = [
        ip.ipv6(*ends6, kind, extensions=chain) for chain in chains.values() for kind in (segment, question)
    ]
    guarded = ip.authentication(0x100, 1)
    jumbo = timed(
        [ethernet.frame(jumbogram(transport.tcp((49_152, 80), ACK, 2_000, 5_001, bytes(70_000)))).cut(128)]
    )
    return [
        capture(
            "ipv4-options",
            "IPv4 options: router alert, record route, the longest header (60 bytes), padding",
            with_options,
        ),
        capture(
            "ipv6-extensions",
            "IPv6 extension headers: hop-by-hop, segment routing, destination options, atomic"
            " fragment, and all of them in a row",
            extended,
        ),
        capture(
            "ipv6-no-next-header",
            "IPv6 with next header 59, also behind options and with octets after it",
            [
                ip.ipv6(*ends6, Segment(transport.NO_NEXT_HEADER, b"")),
                ip.ipv6(*ends6, Segment(transport.NO_NEXT_HEADER, b"ignored"), extensions=(ip.hop_by_hop(),)),
            ],
        ),
        capture(
            "ah-esp",
            "authentication header (TCP behind it; protocol 51, no ports) and ESP, over IPv4 and IPv6",
            [
                ip.ipv4(*ends4, ip.authenticated(segment, 0x100, 1)),
                ip.ipv6(*ends6, segment, extensions=(guarded,)),
                ip.ipv6(*ends6, segment, extensions=(ip.hop_by_hop(), guarded)),
                ip.ipv4(*ends4, transport.esp(0x200, 1, b"\x9d" * 40)),
                ip.ipv6(*ends6, transport.esp(0x201, 1, b"\x9d" * 40)),
            ],
        ),
        capture(
            "ipv4-length-0",
            "segmentation offload: IPv4 total length 0 before 3,000 bytes",
            [ip.ipv4(*ends4, bulk, total_length=0)],
        ),
        capture(
            "ipv6-length-0",
            "segmentation offload: IPv6 payload length 0 before 3,000 bytes, no jumbo payload option",
            [ip.ipv6(*ends6, bulk, payload_length=0)],
            tshark="it takes the length literally: no ports",
        ),
        CaptureFile(
            "ip/jumbogram.pcap",
            pcap.file(jumbo, snaplen=128),
            "IPv6 jumbo payload option (RFC 2675): payload"
            " length 0, the true one of 70,028 in the option; the record is cut to 128 bytes",
            jumbo,
        ),
        CaptureFile(
            "ip/padding.pcap",
            pcap.file(padded()),
            "Ethernet padding behind the IP packet: ports must not be read from it",
            padded(),
        ),
    ]


def jumbogram(segment: Segment) -> Packet:
    """A packet whose length stands in a hop-by-hop option."""
    length = 8 + len(segment.octets)
    option = ip.Extension(ip.HOP_BY_HOP, b"\xc2\x04" + length.to_bytes(4, "big"))
    return ip.ipv6(CLIENT[6], SERVER[6], segment, extensions=(option,), payload_length=0)


def padded() -> list[Record]:
    """Packets of 0 to 8 octets behind the IP header, in frames of 60 octets whose padding is not
    zero. TCP and UDP packets without room for ports are flows with ports 0."""
    packets = []
    for protocol in (transport.UDP, transport.TCP):
        for length in (0, 3, 4, 8):
            ports = (0x1234, 0x5678) if length >= 4 else (0, 0)
            octets = bytes.fromhex("1234 5678 0008 0000")[:length]
            frame = ethernet.frame(ip.ipv4(CLIENT[4], SERVER[4], Segment(protocol, octets, ports)))
            packets.append(frame.within(frame.octets + b"\x77" * (60 - len(frame.octets))))
    return timed(packets)


def broken() -> list[CaptureFile]:
    """Headers that cannot be right, and headers that were cut."""
    ends4, ends6 = (CLIENT[4], SERVER[4]), (CLIENT[6], SERVER[6])
    segment = transport.tcp((49_152, 80), ACK, 1, 1, b"abcd")
    good = ip.ipv4(*ends4, segment)
    wrong = [
        ip.ipv4(*ends4, segment, ihl=4).as_malformed(),
        ip.ipv4(*ends4, segment, ihl=0).as_malformed(),
        replace(good, octets=bytes([0x55]) + good.octets[1:]).as_malformed(),
        replace(good, octets=bytes([0x05]) + good.octets[1:]).as_malformed(),
        good,
    ]
    lengths = [
        ip.ipv4(*ends4, segment, total_length=19).as_malformed(),
        ip.ipv4(*ends4, segment, ihl=15).as_malformed(),
        good,
    ]
    longer = [ip.ipv4(*ends4, segment, total_length=1_500), ip.ipv6(*ends6, segment, payload_length=1_400)]
    cut = [ethernet.frame(good).cut(length).as_malformed() for length in (15, 33)]
    cut += [ethernet.frame(ip.ipv6(*ends6, segment)).cut(length).as_malformed() for length in (15, 53)]
    cut += [ethernet.frame(good).cut(length).without_ports() for length in (34, 37)]
    cut += [ethernet.frame(good).cut(length).without_tcp_flags() for length in (38, 46)]
    cut += [ethernet.frame(ip.ipv6(*ends6, segment)).cut(length).without_ports() for length in (54, 57)]
    cut += [ethernet.frame(ip.ipv6(*ends6, segment)).cut(58).without_tcp_flags()]
    extended = ethernet.frame(ip.ipv6(*ends6, segment, extensions=(ip.destination_options(2),)))
    cut_records = timed(cut)
    cut_extension = timed([extended.cut(54 + 16 + 20), extended.cut(54 + 9).without_ports()])
    offset = transport.tcp((49_152, 80), ACK, 1, 1, b"")
    short_offset = replace(offset, octets=offset.octets[:12] + b"\x40" + offset.octets[13:])
    return [
        capture(
            "ipv4-wrong-header",
            "IPv4 headers with IHL 4 and 0, versions 5 and 0 (malformed), and a right one",
            wrong,
        ),
        capture(
            "ipv4-wrong-length",
            "IPv4 total length less than the header, header longer than the packet (malformed),"
            " and a right one",
            lengths,
        ),
        capture("length-too-long", "IPv4 and IPv6 lengths beyond the end of the frame: still flows", longer),
        CaptureFile(
            "ip/cut-headers.pcap",
            pcap.file(cut_records, snaplen=60),
            "frames cut within the IP header (malformed), within the ports (ports 0), and behind them",
            cut_records,
        ),
        CaptureFile(
            "ip/cut-extension.pcap",
            pcap.file(cut_extension),
            "IPv6 destination options whole, and cut: the protocol behind them is known, the ports are not",
            cut_extension,
        ),
        capture(
            "tcp-wrong-offset",
            "TCP data offset 4, less than the header: ports are still there",
            [ip.ipv4(*ends4, short_offset)],
        ),
    ]


def fragmented(
    version: int,
    identification: int,
    ports: tuple[int, int] = (5_000, 6_000),
    sizes: tuple[int, ...] = (64, 64),
    protocol: int = transport.UDP,
) -> list[Packet]:
    """A datagram from client to server in pieces (three, if not told otherwise)."""
    payload = bytes(range(160))
    segment = (
        transport.udp(ports, payload)
        if protocol == transport.UDP
        else transport.tcp(ports, ACK, 1, 1, payload)
    )
    build = ip.ipv6_fragments if version == 6 else ip.ipv4_fragments
    return build(CLIENT[version], SERVER[version], segment, list(sizes), identification=identification)


def fragments4() -> list[CaptureFile]:
    """What only IPv4 fragments can do."""
    first, *later = fragmented(4, 1, sizes=(8, 64), protocol=transport.TCP)
    udp_first, *udp_later = fragmented(4, 1)
    tcp_first, *tcp_later = fragmented(4, 1, (7_000, 80), protocol=transport.TCP)
    return [
        capture(
            "ipv4-fragments-tcp",
            "TCP in fragments, the first of 8 bytes: ports but no flags",
            [first.without_tcp_flags(), *later],
        ),
        capture(
            "ipv4-fragments-protocols",
            "UDP and TCP fragments with the same identification are two datagrams",
            [udp_first, tcp_first, *udp_later, *tcp_later],
        ),
    ]


def fragment_orders(version: int) -> list[CaptureFile]:
    """Fragments in all orders, over one IP version."""
    one, two = fragmented(version, 1), fragmented(version, 2, (5_001, 6_000))
    other = fragmented(version, 1, (5_002, 6_000))
    name = f"ipv{version}-fragments"
    return [
        capture(f"{name}-in-order", "three fragments of one datagram in order: one flow", one),
        capture(
            f"{name}-reversed", "the later fragments come first: they are a flow with ports 0", one[::-1]
        ),
        capture(
            f"{name}-middle-first",
            "second, first, third: ports 0, then the flow of the first for both",
            [one[1], one[0], one[2]],
        ),
        capture(f"{name}-first-missing", "the first fragment is missing: ports 0", one[1:]),
        capture(
            f"{name}-interleaved",
            "two datagrams of two flows, fragment by fragment",
            [piece for pair in zip(one, two) for piece in pair],
        ),
        capture(
            f"{name}-same-id",
            "an identification used again by another flow: its first fragment counts from then on",
            [*one, *other],
        ),
        at_seconds(
            f"{name}-late",
            "later fragments 29 s after the first (its flow) and 31 s after it (ports 0)",
            [(0, one[0]), (29, one[1]), (31, one[2])],
        ),
        at_seconds(
            f"{name}-not-renewed",
            "later fragments 20 s and 40 s after the first: the time counts from the first",
            [(0, one[0]), (20, one[1]), (40, one[2])],
        ),
        capture(f"{name}-ping", "a ping in fragments: no ports, one flow", ping_fragments(version)),
    ]


def ping_fragments(version: int) -> list[Packet]:
    """An echo request in three fragments."""
    echo = transport.icmpv6_echo if version == 6 else transport.icmp_echo
    build = ip.ipv6_fragments if version == 6 else ip.ipv4_fragments
    return build(CLIENT[version], SERVER[version], echo(False, 7, 1, bytes(200)), [64, 64], identification=9)


def fragments6() -> list[CaptureFile]:
    """What only IPv6 fragments can do."""
    segment = transport.udp((5_000, 6_000), bytes(range(160)))
    ends = CLIENT[6], SERVER[6]
    options = (ip.destination_options(2),)
    return [
        capture(
            "ipv6-fragments-extensions",
            "extension headers before the fragment header",
            ip.ipv6_fragments(
                *ends,
                segment,
                [64, 64],
                identification=1,
                before=(ip.hop_by_hop(), ip.routing("2001:db8:3::1")),
            ),
        ),
        capture(
            "ipv6-fragments-options",
            "destination options behind the fragment header: later fragments name 60 as their"
            " protocol, yet belong to the UDP flow of the first",
            ip.ipv6_fragments(*ends, segment, [64, 64], identification=1, after=options),
        ),
        capture(
            "ipv6-atomic-fragment",
            "a fragment header on a whole datagram: a plain flow",
            [ip.ipv6(*ends, segment, extensions=(ip.atomic_fragment(1),))],
        ),
    ]


def protocols() -> list[CaptureFile]:
    """Protocols above IP other than TCP, UDP and ping."""
    group = "224.0.0.5"
    every = [
        to_server(4, transport.sctp((2_905, 2_905), 0, transport.sctp_init(77))),
        to_client(4, transport.sctp((2_905, 2_905), 77, transport.sctp_message(1, b"message"))),
        to_server(
            6,
            transport.sctp(
                (2_905, 2_906), 77, transport.sctp_message(1, b"one"), transport.sctp_message(2, b"2")
            ),
        ),
        to_server(4, transport.dccp_request((5_004, 5_005), 1)),
        to_server(6, transport.dccp_request((5_004, 5_005), 1)),
        to_server(4, transport.udp_lite((4_000, 4_001), b"covered only in part", 8)),
        to_server(6, transport.udp_lite((4_000, 4_001), b"covered only in part", 12)),
        ip.ipv6(
            "2001:db8:1::10", "ff02::1:ff00:20", transport.neighbour_solicitation(packed("2001:db8:1::20"))
        ),
        ip.ipv4(
            CLIENT[4],
            "239.1.1.1",
            transport.igmp_report(packed("239.1.1.1")),
            options=bytes.fromhex("94040000"),
        ),
        to_server(4, transport.esp(0x200, 1, b"\x9d" * 40)),
        ip.ipv4(CLIENT[4], group, transport.ospf_hello(packed(CLIENT[4]))),
        to_server(4, Segment(253, b"experimental")),
        to_server(6, Segment(253, b"experimental")),
    ]
    asked4, asked6 = conversation.dns(4)[0], conversation.dns(6)[0]
    return [
        capture(
            "protocols", "SCTP, DCCP, UDP-Lite, neighbour discovery, IGMP, ESP, OSPF and protocol 253", every
        ),
        capture(
            "icmp-errors",
            "ICMP and ICMPv6 errors that quote a UDP packet: flows of the error, not of the quotation",
            [
                asked4,
                to_client(4, transport.icmp_unreachable(asked4.octets[:28])),
                asked6,
                to_client(6, transport.icmpv6_unreachable(asked6.octets)),
            ],
        ),
        capture(
            "ports-apart",
            "many TCP connections between the same hosts, told apart by ports alone",
            [packet for port in range(50_000, 50_016) for packet in conversation.tcp(4, port)[:3]],
        ),
        capture(
            "addresses-apart", "address pairs whose exclusive or is the same, ports the same", same_xor()
        ),
    ]


def same_xor() -> list[Packet]:
    """Flows whose source and destination differ, with one value of source xor destination."""
    return [
        ip.ipv4(f"10.0.{number}.1", f"10.1.{number}.2", transport.udp((5_000, 6_000), b"x"))
        for number in range(40)
    ]
