"""formats/: variants of pcap and pcapng, all of them whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .. import conversation, ethernet, ip, link, pcap, pcapng, transport
from ..expected import CaptureFile
from ..packet import START_NS, Packet, Record, packed, timed
from ..pcap import Variant
from ..pcapng import MICROSECONDS, Resolution, Section


def files() -> list[CaptureFile]:
    """All files of this folder."""
    return pcap_variants() + pcap_records() + pcapng_files() + false_chains()


def frames() -> list[Packet]:
    """The usual conversations in Ethernet frames: 24 packets, 12 flows."""
    return ethernet.frames(conversation.both())


def pcap_variants() -> list[CaptureFile]:
    """Byte orders, magic numbers, versions, flags of the file header."""
    records = timed(frames())
    fine = timed(frames(), START_NS + 987_654_321, 1_000_001)
    found = []
    for name, order in (("le", "<"), ("be", ">")):
        long_order = "little" if order == "<" else "big"
        found += [
            CaptureFile(
                f"formats/us-{name}.pcap",
                pcap.file(fine_us(fine), order=order),
                f"pcap, microseconds, {long_order}-endian",
                fine_us(fine),
            ),
            CaptureFile(
                f"formats/ns-{name}.pcap",
                pcap.file(fine, order=order, variant=Variant.NANOSECONDS),
                f"pcap, nanoseconds, {long_order}-endian",
                fine,
            ),
            CaptureFile(
                f"formats/kuznetzov-{name}.pcap",
                pcap.file(records, order=order, variant=Variant.KUZNETZOV),
                f"modified pcap (Kuznetzov): record headers of 24 bytes, {long_order}-endian",
                records,
            ),
            CaptureFile(
                f"formats/ixia-hardware-{name}.pcap",
                pcap.file(fine, order=order, variant=Variant.IXIA_HARDWARE),
                f"IXIA lcap, hardware: nanoseconds, 4 bytes more in the file header, {long_order}-endian",
                fine,
                tshark="tshark 4.0 takes its nanoseconds for microseconds",
            ),
            CaptureFile(
                f"formats/ixia-software-{name}.pcap",
                pcap.file(fine_us(fine), order=order, variant=Variant.IXIA_SOFTWARE),
                f"IXIA lcap, software: microseconds, 4 bytes more in the file header, {long_order}-endian",
                fine_us(fine),
            ),
        ]
    checked = timed([ethernet.with_frame_check(frame) for frame in frames()])
    # 60 bytes hold the TCP flags over IPv4, not over IPv6.
    cut = timed(
        [frame.cut(60) for frame in frames()[:12]]
        + [frame.cut(60).without_tcp_flags() for frame in frames()[12:]]
    )
    found += [
        CaptureFile(
            "formats/frame-check.pcap",
            pcap.file(checked, pcap.with_frame_check_len(pcap.ETHERNET, 4)),
            "pcap whose link type field says that frames end with a check sequence of 4 bytes",
            checked,
        ),
        CaptureFile(
            "formats/version-2.2.pcap",
            pcap.file(cut, version=(2, 2), snaplen=60),
            "pcap version 2.2: length on the wire before captured length; records cut to 60 bytes",
            cut,
        ),
    ]
    return found


def fine_us(records: list[Record]) -> list[Record]:
    """The records with their times cut to microseconds."""
    return [replace(record, time_ns=record.time_ns // 1_000 * 1_000) for record in records]


def pcap_records() -> list[CaptureFile]:
    """Records of unusual lengths and times."""
    packets = frames()
    records = timed(packets)
    cut54 = timed([ethernet.frame(packet).cut(54) for packet in conversation.both()])
    # 40 bytes: Ethernet, IPv4 and 6 bytes behind it, so ports but no TCP flags; of IPv6 no address.
    cut40 = timed([frame_cut_40(packet) for packet in conversation.both()])
    empty = Packet(b"", None).as_malformed()
    hollow = Packet(b"", None, wire_len=60).as_malformed()
    with_empty = timed([*packets[:8], empty, *packets[8:16], hollow, *packets[16:]])
    backwards = [
        Record(packet, START_NS + 10**9 * at)
        for packet, at in zip(
            packets,
            [100, 101, 99, 98, 102, 50, 49, 103, 1, 2, 200, 0, 7, 6, 5, 4, 3, 2, 1, 0, 40, 30, 20, 10],
        )
    ]
    same = [Record(packet, START_NS) for packet in packets]
    first = [Record(packet, at * 1_000) for at, packet in enumerate(packets)]
    late = [Record(packet, (2**32 - 30 + at) * 10**9) for at, packet in enumerate(packets)]
    large = timed(large_packets())
    return [
        CaptureFile("formats/header-only.pcap", pcap.file([]), "pcap with a file header and no record"),
        CaptureFile("formats/one-packet.pcap", pcap.file(records[:1]), "pcap with one record", records[:1]),
        CaptureFile(
            "formats/snaplen-54.pcap",
            pcap.file(cut54, snaplen=54),
            "records cut to 54 bytes: TCP headers over IPv4 whole, over IPv6 no ports",
            snapped_ports(cut54),
        ),
        CaptureFile(
            "formats/snaplen-40.pcap",
            pcap.file(cut40, snaplen=40),
            "records cut to 40 bytes: over IPv4 ports but no more; IPv6 headers cut (malformed)",
            cut40,
        ),
        CaptureFile(
            "formats/snaplen-too-small.pcap",
            pcap.file(records, snaplen=64),
            "file header says a snapshot length of 64, but records are longer (some tools write this)",
            records,
        ),
        CaptureFile(
            "formats/snaplen-0.pcap",
            pcap.file(records, snaplen=0),
            "file header says a snapshot length of 0 (some tools write this)",
            records,
        ),
        CaptureFile(
            "formats/captured-longer.pcap",
            pcap.file(captured_longer()),
            "records whose captured length exceeds the length on the wire (padding that a driver left)",
            captured_longer(),
        ),
        CaptureFile(
            "formats/empty-records.pcap",
            pcap.file(with_empty),
            "a record of 0 bytes, and one of 0 captured bytes of 60, amid others (both malformed)",
            with_empty,
        ),
        CaptureFile(
            "formats/time-backwards.pcap", pcap.file(backwards), "timestamps that go backwards", backwards
        ),
        CaptureFile("formats/time-same.pcap", pcap.file(same), "all timestamps equal", same),
        CaptureFile("formats/time-1970.pcap", pcap.file(first), "timestamps that begin at 0", first),
        CaptureFile(
            "formats/time-2106.pcap", pcap.file(late), "timestamps at the end of 32 bits, year 2106", late
        ),
        CaptureFile(
            "formats/large-records.pcap",
            pcap.file(large),
            "records of 64 KiB (the longest IPv4 packet) and 256 KiB (total length 0) amid small ones",
            large,
        ),
    ]


def frame_cut_40(packet: Packet) -> Packet:
    """A frame cut to 40 bytes."""
    frame = ethernet.frame(packet)
    return (
        frame.cut(40).without_tcp_flags()
        if packet.ethertype == ip.IPV4_TYPE
        else frame.cut(40).as_malformed()
    )


def snapped_ports(records: list[Record]) -> list[Record]:
    """Records cut to 54 bytes: behind the IPv6 header nothing is left, so ports are unknown."""
    return [
        replace(record, packet=record.packet.without_ports())
        if ":" in record.packet.outer.flow.src
        else record
        for record in records
    ]


def captured_longer() -> list[Record]:
    """Frames of 14 + 28 bytes recorded as such, with 18 bytes of padding behind them."""
    packets = [ethernet.frame(packet) for packet in conversation.ping(4) + conversation.dns(4)]
    return timed(
        [replace(packet, octets=packet.octets + bytes(18), wire_len=len(packet.octets)) for packet in packets]
    )


def large_packets() -> list[Packet]:
    """A connection with one segment of 64 KiB and one of 256 KiB between small packets."""
    pattern = bytes(range(256)) * 1024
    ends = conversation.CLIENT[4], conversation.SERVER[4]
    longest = transport.tcp((49_152, 80), transport.ACK, 1_001, 5_001, pattern[: 65_535 - 40])
    offloaded = transport.tcp((49_152, 80), transport.ACK, 66_496, 5_001, pattern[: 262_144 - 54])
    packets = conversation.tcp(4)
    packets[4:4] = [ip.ipv4(*ends, longest), ip.ipv4(*ends, offloaded, total_length=0)]
    return ethernet.frames(packets)


def pcapng_files() -> list[CaptureFile]:
    """Blocks, sections, interfaces."""
    records = timed(frames())
    found = []
    for name, order in (("le", "<"), ("be", ">")):
        long_order = "little" if order == "<" else "big"
        section = Section(order)
        found += [
            CaptureFile(
                f"formats/plain-{name}.pcapng",
                pcapng.file(records, order=order),
                f"pcapng: one section, one interface, {long_order}-endian",
                records,
            ),
            CaptureFile(
                f"formats/options-{name}.pcapng",
                options_file(section, records),
                f"pcapng with options on section, interface and packets, {long_order}-endian",
                records,
            ),
            CaptureFile(
                f"formats/resolutions-{name}.pcapng",
                resolutions_file(section, records),
                "pcapng with six interfaces: 10^-6 (default and stated), 10^-9, 10^-3, 2^-10, 2^-20 s,"
                f" {long_order}-endian",
                records,
            ),
            CaptureFile(
                f"formats/offset-{name}.pcapng",
                offset_file(section, records),
                f"pcapng with if_tsoffset, positive and negative, {long_order}-endian",
                records,
            ),
            CaptureFile(
                f"formats/all-blocks-{name}.pcapng",
                all_blocks_file(section, records),
                "pcapng with name, statistics, secrets, custom and unknown blocks between"
                f" packets, {long_order}-endian",
                records,
                tshark="it counts custom blocks as packets",
            ),
        ]
    return [
        *found,
        sections_file(),
        section_lengths_file(),
        link_types_file(),
        simple_packets_file(),
        obsolete_packets_file(),
        CaptureFile(
            "formats/section-only.pcapng", Section().header(), "pcapng with a section header and nothing else"
        ),
    ]


def options_file(section: Section, records: list[Record]) -> bytes:
    """Options wherever they may stand, of lengths that need padding, and one without an end mark."""
    header = section.header(
        (pcapng.SECTION_HARDWARE, b"x86"),
        (pcapng.SECTION_OS, b"some system"),
        (pcapng.SECTION_APPLICATION, b"generator"),
        (pcapng.COMMENT, b"a section"),
    )
    interface = section.interface(
        1,
        (pcapng.IF_NAME, b"eth0"),
        (pcapng.IF_DESCRIPTION, b"an interface"),
        (pcapng.IF_FILTER, b"\0ip or ip6"),
        (pcapng.IF_OS, b"some system"),
        (pcapng.COMMENT, b"captured for tests"),
        snaplen=262_144,
    )
    word = section.order
    blocks = []
    for index, record in enumerate(records):
        flags = (pcapng.PACKET_FLAGS, (1 if index % 2 else 2).to_bytes(4, "little" if word == "<" else "big"))
        choices = [
            (),
            (flags,),
            (flags, (pcapng.COMMENT, b"x" * (index + 1))),
            ((pcapng.PACKET_HASH, b"\x02abcd"),),
        ]
        blocks.append(section.packet(record, *choices[index % 4]))
    return header + interface + b"".join(blocks)


RESOLUTIONS = [None, Resolution(6), Resolution(9), Resolution(3), Resolution(10, True), Resolution(20, True)]


def resolutions_file(section: Section, records: list[Record]) -> bytes:
    """Packets that take turns among interfaces of all resolutions."""
    octets = section.header() + b"".join(section.interface(1, resolution=each) for each in RESOLUTIONS)
    for index, record in enumerate(records):
        interface = index % len(RESOLUTIONS)
        octets += section.packet(
            record, interface=interface, resolution=RESOLUTIONS[interface] or MICROSECONDS
        )
    return octets


def offset_file(section: Section, records: list[Record]) -> bytes:
    """One interface whose times count from 2023-11-14, one whose times count from after it."""
    offsets = [1_699_999_000, -3_600]
    octets = section.header() + b"".join(
        section.interface(1, resolution=Resolution(9), offset_seconds=offset) for offset in offsets
    )
    for index, record in enumerate(records):
        octets += section.packet(
            record, interface=index % 2, resolution=Resolution(9), offset_seconds=offsets[index % 2]
        )
    return octets


def all_blocks_file(section: Section, records: list[Record]) -> bytes:
    """Every kind of block that is not a packet, between packets."""
    between = [
        section.names(packed("198.51.100.20"), b"server.test"),
        section.statistics(records[0]),
        section.secrets(b"CLIENT_RANDOM 00 00\n"),
        section.custom(pcapng.CUSTOM, b"may be copied"),
        section.custom(pcapng.CUSTOM_NOT_COPIED, b"must not be copied"),
        section.block(0x0000_7777, b"unknown"),
        section.block(0x8000_0001, b"local use"),
        section.block(0x0000_7778, b""),
    ]
    octets = section.header() + between[0] + section.interface(1)
    for index, record in enumerate(records):
        octets += section.packet(record) + between[index % len(between)]
    return octets


def sections_file() -> CaptureFile:
    """Sections of differing byte order; interfaces are numbered anew in each."""
    records = timed(frames())
    octets = b""
    for number, order in enumerate("<><"):
        section = Section(order)
        octets += section.header() + section.interface(1, resolution=Resolution(6 + number))
        octets += b"".join(
            section.packet(record, resolution=Resolution(6 + number))
            for record in records[8 * number : 8 * number + 8]
        )
    return CaptureFile(
        "formats/sections.pcapng",
        octets,
        "pcapng with three sections: little-, big-, little-endian, each with its own interface 0",
        records,
    )


def section_lengths_file() -> CaptureFile:
    """Section headers that state the length of their section."""
    records = timed(frames())
    octets = b""
    for half in (records[:12], records[12:]):
        section = Section()
        blocks = section.interface(1) + b"".join(section.packet(record) for record in half)
        octets += section.header(length=len(blocks)) + blocks
    return CaptureFile(
        "formats/section-lengths.pcapng", octets, "pcapng with two sections that state their length", records
    )


def link_types_file() -> CaptureFile:
    """Interfaces of several link types in one section; one is described between packets."""
    section = Section()
    wraps = [
        (1, ethernet.frame),
        (101, lambda packet: packet.within(packet.octets)),
        (113, link.cooked),
        (0, link.null),
        (147, lambda packet: packet.not_ip().within(packet.octets)),
    ]
    records = timed([wraps[index % 5][1](packet) for index, packet in enumerate(conversation.both())])
    octets = section.header() + b"".join(section.interface(number) for number, _ in wraps[:4])
    for index, record in enumerate(records):
        if index == 4:
            octets += section.interface(wraps[4][0])
        octets += section.packet(record, interface=index % 5)
    return CaptureFile(
        "formats/link-types.pcapng",
        octets,
        "pcapng with interfaces of types Ethernet, raw IP, SLL, NULL and, described late, USER0 (unknown)",
        records,
    )


def simple_packets_file() -> CaptureFile:
    """Simple packet blocks; the second section cuts them at its snapshot length, which is no
    multiple of 4."""
    whole, cut = frames(), [frame.cut(61) for frame in frames()]
    section = Section()
    records = timed(whole + cut)
    blocks = [section.simple_packet(record) for record in records]
    octets = (
        section.header()
        + section.interface(1)
        + b"".join(blocks[: len(whole)])
        + section.header()
        + section.interface(1, snaplen=61)
        + b"".join(blocks[len(whole) :])
    )
    return CaptureFile(
        "formats/simple-packets.pcapng",
        octets,
        "pcapng with simple packet blocks: no times; in the second section cut to 61 bytes",
        [replace(record, time_ns=0) for record in records],
    )


def obsolete_packets_file() -> CaptureFile:
    """Packet blocks of the first drafts."""
    section = Section(">")
    records = timed(frames())
    octets = section.header() + section.interface(1) + section.interface(1, resolution=Resolution(9))
    for index, record in enumerate(records):
        resolution = (MICROSECONDS, Resolution(9))[index % 2]
        options = ((pcapng.COMMENT, b"old"),) if index % 3 == 0 else ()
        octets += section.obsolete_packet(record, *options, interface=index % 2, resolution=resolution)
    return CaptureFile(
        "formats/obsolete-packets.pcapng",
        octets,
        "pcapng with the obsolete packet block, big-endian",
        records,
    )


def false_chains() -> list[CaptureFile]:
    """Payloads with record headers in them that chain from packet to packet, through the whole
    file, as perfectly as the true ones: no number of plausible headers proves a boundary."""
    count, frame_len = 200, 122
    section = Section()

    def packets(fake: Callable[[Record], bytes]) -> list[Record]:
        records = []
        for index in range(count):
            time_ns = START_NS + index * 125_000_000
            imitation = fake(Record(Packet(bytes(frame_len), None), time_ns))
            ports = (40_000 + index % 10, 9)
            segment = transport.udp(ports, imitation + b"." * (frame_len - 42 - len(imitation)))
            records.append(Record(ethernet.frame(conversation.to_server(4, segment)), time_ns))
        return records

    def fake_record(each: Record) -> bytes:
        return pcap.record(each)[:16]

    def fake_block(each: Record) -> bytes:
        block = section.packet(each)
        # Up to a multiple of 4; the end of the imitated block before this one; the head of this one.
        return b".." + block[-4:] + block[:28]

    in_pcap, in_pcapng = packets(fake_record), packets(fake_block)
    return [
        CaptureFile(
            "formats/false-chain.pcap",
            pcap.file(in_pcap),
            "each payload holds a false record header that leads to the one in the next payload",
            in_pcap,
        ),
        CaptureFile(
            "formats/false-chain.pcapng",
            pcapng.file(in_pcapng),
            "each payload holds a false block header that leads to the one in the next payload",
            in_pcapng,
        ),
    ]
