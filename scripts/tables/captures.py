"""Captures to be checked with, and where their records are."""

from __future__ import annotations

import csv
import struct
from dataclasses import dataclass
from pathlib import Path

from captures import pcap

# More than a row group of a Parquet file holds.
MANY_FLOWS = 125_000


@dataclass(frozen=True)
class Capture:
    """A capture that can be read."""

    path: Path
    name: str
    is_damaged: bool
    # Read with every combination of options; the others with a few.
    is_recorded: bool
    # Large enough, or like enough to what is usual, to look at filters.
    is_thorough: bool

    @property
    def is_whole(self) -> bool:
        """Whether its records can be found without passing anything that is broken."""
        return "/damage/" not in self.name

    @property
    def codes(self) -> tuple[int, ...]:
        """Exit codes of a run that reads it."""
        return (3,) if self.is_damaged else (0,)


def captures(testdata: Path, folder: Path) -> list[Capture]:
    """Those of the tables in `testdata`, and one with many flows."""
    found = []
    for kind in ("recorded", "generated"):
        with open(testdata / kind / "EXPECTED.tsv", newline="", encoding="utf8") as table:
            for row in csv.DictReader(table, delimiter="\t"):
                if row.get("refused") != "yes":
                    path = testdata / kind / row["file"]
                    damaged = row.get("damaged") == "yes"
                    is_recorded = kind == "recorded"
                    found.append(Capture(path, f"{kind}/{row['file']}", damaged, is_recorded, is_recorded))
    many = folder / "many.pcap"
    many.write_bytes(many_flows(MANY_FLOWS))
    found.append(Capture(many, f"{MANY_FLOWS} flows", False, False, True))
    return found


def many_flows(count: int) -> bytes:
    """A capture with that many UDP flows of one packet each."""
    parts = [pcap.file([])]
    ethernet = bytes(12) + b"\x08\x00"
    for number in range(count):
        ip = struct.pack(
            ">BBHHHBBHII", 0x45, 0, 28, 0, 0, 64, 17, 0, 0x0A00_0000 + number // 50_000, 0xC0A8_0000 + number % 7_001
        )
        udp = struct.pack(">HHHH", 1 + number % 50_000, 53 + number % 11, 8, 0)
        data = ethernet + ip + udp
        parts.append(struct.pack("<IIII", 1_700_000_000 + number // 1000, number % 1000, len(data), len(data)) + data)
    return b"".join(parts)


@dataclass(frozen=True)
class Record:
    """Where a record starts, the packet's length on the wire, and its time where that is simple."""

    offset: int
    wire_len: int
    time_ns: int | None


def records(content: bytes) -> list[Record] | None:
    """The records of a capture that is not damaged; `None` for formats that are not read here."""
    if content[:4] == b"\n\r\r\n":
        return pcapng_records(content)
    for order in "<>":
        for variant in pcap.Variant:
            if content[:4] == struct.pack(order + "I", variant.value):
                return pcap_records(content, order, variant)
    return None


def pcap_records(content: bytes, order: str, variant: pcap.Variant) -> list[Record]:
    """https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html and its relatives."""
    minor = struct.unpack_from(order + "H", content, 6)[0]
    is_ixia = variant in (pcap.Variant.IXIA_HARDWARE, pcap.Variant.IXIA_SOFTWARE)
    header_len = 24 if variant is pcap.Variant.KUZNETZOV else 16
    at = 28 if is_ixia else 24
    is_erf = struct.unpack_from(order + "I", content, 20)[0] & 0xFFFF == LINKTYPE_ERF
    found = []
    while at < len(content):
        seconds, fraction, captured, wire = struct.unpack_from(order + "IIII", content, at)
        if minor < 3:
            captured, wire = wire, captured
        time = seconds * 1_000_000_000 + fraction * variant.unit_ns
        if is_erf:
            # The packet's own header says both: 32 bits of seconds, 32 of their fraction.
            stamp = struct.unpack_from("<Q", content, at + header_len)[0]
            time = stamp * 1_000_000_000 >> 32
            wire = struct.unpack_from(">H", content, at + header_len + 14)[0]
        found.append(Record(at, wire, time))
        at += header_len + captured
    return found


LINKTYPE_ERF = 197
# Of packets: enhanced, simple and obsolete ones, and where the length on the wire stands.
PACKET_BLOCKS = {6: 24, 3: 8, 2: 24}


def pcapng_records(content: bytes) -> list[Record]:
    """https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html"""
    found = []
    at = 0
    order = "<"
    while at < len(content):
        if content[at : at + 4] == b"\n\r\r\n":
            order = "<" if content[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        kind, block_len = struct.unpack_from(order + "II", content, at)
        if kind in PACKET_BLOCKS:
            found.append(Record(at, struct.unpack_from(order + "I", content, at + PACKET_BLOCKS[kind])[0], None))
        at += (block_len + 3) // 4 * 4
    return found
