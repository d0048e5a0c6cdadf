"""damage/: captures that are cut short or garbled, and files that are no captures.

Each damaged file holds the usual 24 packets, so what stands before the damage and what comes after
it can be told apart; a reader may stop at the damage or find its way back.
"""

from __future__ import annotations

import hashlib
import struct

from .. import conversation, ethernet, pcap, pcapng
from ..expected import CaptureFile
from ..packet import Record, timed
from ..pcapng import Section

HALF = 12
LAST = 23

ZEROS_FOR_TSHARK = "tshark takes each 16 of the zero bytes for an empty record"


def files() -> list[CaptureFile]:
    """All files of this folder."""
    return cut_short() + garbled() + pcapng_cut_short() + pcapng_garbled() + no_captures()


def packets() -> list[Record]:
    """The usual conversations in Ethernet frames."""
    return timed(ethernet.frames(conversation.both()))


def garbage(length: int) -> bytes:
    """Octets without a pattern, the same each time. As a record header they would give a captured
    length of more than 16 MiB in either byte order, so no walk takes them for a record."""
    octets = b"".join(
        hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(length // 32 + 1)
    )[:length]
    assert min(octets[8], octets[11]) > 0
    return octets


def joined(records: list[Record], **changed: int) -> bytes:
    """Records without a file header. `changed` goes to the last one."""
    return b"".join(pcap.record(each) for each in records[:-1]) + pcap.record(records[-1], **changed)


def cut_short() -> list[CaptureFile]:
    """pcap files that end too early."""
    records = packets()
    whole = pcap.file(records)
    body = pcap.file(records[:LAST])
    return [
        CaptureFile(
            "damage/cut-record-header.pcap",
            whole + pcap.record(records[0])[:7],
            "the last record header is cut after 7 bytes",
            records,
            before_damage=24,
        ),
        CaptureFile(
            "damage/cut-record.pcap",
            whole[:-5],
            "the last record lacks its last 5 bytes",
            records[:LAST],
            before_damage=LAST,
        ),
        CaptureFile(
            "damage/cut-record-empty.pcap",
            whole[: len(body) + 16],
            "the last record has a header and no data",
            records[:LAST],
            before_damage=LAST,
        ),
        CaptureFile(
            "damage/cut-first-record.pcap",
            whole[: 24 + 16 + 20],
            "the only record is cut",
            [],
            before_damage=0,
        ),
    ]


def garbled() -> list[CaptureFile]:
    """pcap files with something wrong in the middle or at the end."""
    records = packets()
    head, tail = pcap.file(records[:HALF]), joined(records[HALF:])
    rest = joined(records[HALF + 1 :])
    without = records[:HALF] + records[HALF + 1 :]

    def wrong_length(name: str, captured_len: int, what: str) -> CaptureFile:
        record = pcap.record(records[HALF], captured_len=captured_len)
        return CaptureFile(f"damage/{name}.pcap", head + record + rest, what, without, before_damage=HALF)

    big_head = pcap.file(records[:HALF], order=">")
    big_tail = b"".join(pcap.record(each, order=">") for each in records[HALF:])
    return [
        wrong_length("length-ffffffff", 0xFFFF_FFFF, "the 13th record has a captured length of 4294967295"),
        wrong_length(
            "length-past-end", 100_000, "the 13th record has a captured length beyond the end of the file"
        ),
        wrong_length(
            "length-over-limit",
            300_000,
            "the 13th record has a captured length above the snapshot length and above any limit in use",
        ),
        CaptureFile(
            "damage/garbage-middle.pcap",
            head + garbage(333) + tail,
            "333 bytes of garbage after 12 records",
            records,
            before_damage=HALF,
        ),
        CaptureFile(
            "damage/garbage-middle-be.pcap",
            big_head + garbage(333) + big_tail,
            "333 bytes of garbage after 12 records, big-endian",
            records,
            before_damage=HALF,
        ),
        CaptureFile(
            "damage/garbage-end.pcap",
            pcap.file(records) + garbage(100),
            "100 bytes of garbage after 24 records",
            records,
            before_damage=24,
        ),
        CaptureFile(
            "damage/zeros-middle.pcap",
            head + bytes(333) + tail,
            "333 zero bytes after 12 records",
            records,
            before_damage=HALF,
            tshark=ZEROS_FOR_TSHARK,
        ),
        CaptureFile(
            "damage/zeros-end.pcap",
            pcap.file(records) + bytes(4096),
            "4096 zero bytes after 24 records: a file that was set aside before it was written",
            records,
            before_damage=24,
            tshark=ZEROS_FOR_TSHARK,
        ),
        CaptureFile(
            "damage/bytes-missing.pcap",
            pcap.file(records[: HALF + 1])[:-6] + rest,
            "the 13th record lacks its last 6 bytes: it takes them from the 14th, whose header is lost",
            records[: HALF + 1] + records[HALF + 2 :],
            before_damage=HALF + 1,
        ),
        CaptureFile(
            "damage/two-files.pcap",
            head + pcap.file(records[HALF:]),
            "two pcap files, one after the other: no damage, but one capture",
            records,
            tshark="the second file's header reads as an empty record",
        ),
    ]


def pcapng_cut_short() -> list[CaptureFile]:
    """pcapng files that end too early."""
    records = packets()
    whole = pcapng.file(records)
    return [
        CaptureFile(
            "damage/cut-block.pcapng",
            whole[:-5],
            "the last block lacks its last 5 bytes",
            records[:LAST],
            before_damage=LAST,
        ),
        CaptureFile(
            "damage/cut-block-header.pcapng",
            whole + whole[-100:][:6],
            "6 bytes after the last block",
            records,
            before_damage=24,
        ),
        CaptureFile(
            "damage/cut-interface.pcapng",
            whole[: 28 + 10],
            "the interface description is cut: no packet",
            [],
            before_damage=0,
        ),
    ]


def pcapng_garbled() -> list[CaptureFile]:
    """pcapng files with something wrong in the middle."""
    records = packets()
    section = Section()
    blocks = [section.packet(each) for each in records]
    start = section.header() + section.interface(1)
    head, tail, rest = start + b"".join(blocks[:HALF]), b"".join(blocks[HALF:]), b"".join(blocks[HALF + 1 :])
    without = records[:HALF] + records[HALF + 1 :]
    middle = records[HALF]
    # An odd block as some tools wrote it: lengths without the padding that is there.
    unpadded = next(number for number, each in enumerate(records) if len(each.packet.octets) % 2 == 1)
    padding = -len(records[unpadded].packet.octets) % 4
    odd = section.packet(records[unpadded], length=len(blocks[unpadded]) - padding)
    captured = bytearray(blocks[HALF])
    captured[20:24] = struct.pack("<I", 5_000)
    return [
        CaptureFile(
            "damage/garbage-middle.pcapng",
            head + garbage(332) + tail,
            "332 bytes of garbage after 12 packets",
            records,
            before_damage=HALF,
        ),
        CaptureFile(
            "damage/garbage-middle-odd.pcapng",
            head + garbage(333) + tail,
            "333 bytes of garbage after 12 packets: the blocks behind it are not aligned",
            records,
            before_damage=HALF,
        ),
        CaptureFile(
            "damage/zeros-end.pcapng",
            head + tail + bytes(4096),
            "4096 zero bytes after 24 packets",
            records,
            before_damage=24,
        ),
        CaptureFile(
            "damage/trailing-length.pcapng",
            head + section.packet(middle, trailing=76) + rest,
            "the 13th packet's block has another length at its end than at its start",
            without,
            before_damage=HALF,
        ),
        CaptureFile(
            "damage/interface-missing.pcapng",
            head + section.packet(middle, interface=7) + rest,
            "the 13th packet names an interface that does not exist: its link type is unknown (malformed)",
            [*records[:HALF], lost(middle), *records[HALF + 1 :]],
            before_damage=HALF,
        ),
        CaptureFile(
            "damage/length-odd.pcapng",
            start + b"".join(blocks[:unpadded]) + odd + b"".join(blocks[unpadded + 1 :]),
            "a block states its length without its padding, as some tools wrote them: no damage",
            records,
        ),
        CaptureFile(
            "damage/length-8.pcapng",
            head + section.packet(middle, length=8) + rest,
            "the 13th packet's block has a length of 8, less than a block can have",
            without,
            before_damage=HALF,
        ),
        CaptureFile(
            "damage/length-ffffffff.pcapng",
            head + section.packet(middle, length=0xFFFF_FFFC) + rest,
            "the 13th packet's block has a length of 4294967292",
            without,
            before_damage=HALF,
        ),
        CaptureFile(
            "damage/captured-past-block.pcapng",
            head + bytes(captured) + rest,
            "the 13th packet's captured length exceeds its block",
            without,
            before_damage=HALF,
        ),
        CaptureFile(
            "damage/no-interface.pcapng",
            section.header() + b"".join(blocks),
            "packets without any interface description: all malformed",
            [lost(each) for each in records],
            before_damage=0,
        ),
    ]


def lost(record: Record) -> Record:
    """A packet without an interface: no link type, no time."""
    return Record(record.packet.as_malformed(), 0)


def no_captures() -> list[CaptureFile]:
    """Files of which nothing can be read."""
    section = bytearray(Section().header())
    section[8:12] = b"\x12\x34\x56\x78"
    whole = pcap.file(packets())
    return [
        CaptureFile(
            "damage/empty.pcap",
            b"",
            "an empty file",
            refused=True,
            tshark="it reads an empty file as a capture without packets",
        ),
        CaptureFile("damage/magic-only.pcap", whole[:4], "a magic number and nothing else", refused=True),
        CaptureFile(
            "damage/cut-file-header.pcap", whole[:20], "the file header is cut after 20 bytes", refused=True
        ),
        CaptureFile(
            "damage/bad-magic.pcap",
            b"\xa1\xb2\xc3\xd5" + whole[4:],
            "a magic number of no format",
            refused=True,
        ),
        CaptureFile(
            "damage/text.pcap", b"This is a line of text, not a capture.\n" * 4, "a text file", refused=True
        ),
        CaptureFile("damage/garbage.pcap", garbage(512), "nothing but garbage", refused=True),
        CaptureFile(
            "damage/cut-section.pcapng",
            Section().header()[:16],
            "the section header is cut",
            refused=True,
            tshark="it reads the whole file as one MIME object",
        ),
        CaptureFile(
            "damage/byte-order.pcapng",
            bytes(section),
            "a section header with a byte-order magic of neither order",
            refused=True,
        ),
    ]
