"""What is expected of a reader of a capture file, from what was put into it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .packet import Flow, Header, Record

FRAGMENT_NS = 30 * 10**9
"""How long after its first fragment a later one still belongs to the same flow."""

COLUMNS = (
    "file",
    "packets",
    "flows",
    "not_ip",
    "damaged",
    "refused",
    "inner_flows",
    "malformed",
    "packets_before_damage",
)


@dataclass(frozen=True)
class CaptureFile:
    """A generated file.

    `records` are all complete records in it, in order. In a damaged file `before_damage` of them
    stand before the first damage: a reader may stop there, or may find its way back to the rest.
    `refused` means that nothing at all can be read. `tshark` says why tshark's view differs, if it
    does.
    """

    name: str
    octets: bytes
    exercises: str
    records: list[Record] = field(default_factory=list)
    before_damage: int | None = None
    refused: bool = False
    tshark: str = ""

    def row(self) -> tuple[str, ...]:
        """The file's line in EXPECTED.tsv."""
        if self.refused:
            return (self.name, "0", "", "", "no", "yes", "", "", "")
        packets = [record.packet for record in self.records]
        damaged = self.before_damage is not None
        return (
            self.name,
            str(len(packets)),
            str(len(flow_table(self.records))),
            str(sum(packet.outer is None and not packet.malformed for packet in packets)),
            "yes" if damaged else "no",
            "no",
            str(len(flow_table(self.records, inner=True))),
            str(sum(packet.malformed for packet in packets)),
            str(self.before_damage) if damaged else "",
        )


@dataclass
class FlowEntry:
    """What is counted of a flow."""

    first_ns: int
    last_ns: int
    packets: int = 0
    octets: int = 0
    tcp_flags: int = 0

    def add(self, record: Record, header: Header) -> None:
        """Counts one packet."""
        self.first_ns = min(self.first_ns, record.time_ns)
        self.last_ns = max(self.last_ns, record.time_ns)
        self.packets += 1
        self.octets += record.packet.orig_len
        self.tcp_flags |= header.tcp_flags


def flow_table(records: list[Record], inner: bool = False) -> dict[Flow, FlowEntry]:
    """Unidirectional flows in the order of their first packets, by the outermost or the innermost
    IP header. A later fragment goes to the flow of its first one, if that came at most 30 s
    before."""
    table: dict[Flow, FlowEntry] = {}
    first_fragments: dict[tuple, tuple[Flow, int]] = {}
    for record in records:
        header = record.packet.inner if inner else record.packet.outer
        if header is None:
            continue
        flow = header.flow
        if header.datagram is not None and header.first:
            first_fragments[header.datagram] = (flow, record.time_ns)
        elif header.datagram in first_fragments:
            known, first_ns = first_fragments[header.datagram]
            if record.time_ns - first_ns <= FRAGMENT_NS:
                flow = known
        table.setdefault(flow, FlowEntry(record.time_ns, record.time_ns)).add(record, header)
    return table


def expected_table(files: list[CaptureFile]) -> str:
    """EXPECTED.tsv."""
    rows = [COLUMNS] + [each.row() for each in files]
    return "".join("\t".join(row) + "\n" for row in rows)


def flow_lines(each: CaptureFile) -> list[str]:
    """The flows of a file, one line each, by the outermost and then the innermost header."""
    lines = []
    for inner in (False, True):
        for flow, entry in flow_table(each.records, inner).items():
            fields = (
                each.name,
                "inner" if inner else "outer",
                flow.protocol,
                flow.src,
                flow.src_port,
                flow.dst,
                flow.dst_port,
                entry.packets,
                entry.octets,
                entry.first_ns,
                entry.last_ns,
                entry.tcp_flags,
            )
            lines.append("\t".join(str(value) for value in fields))
    return lines


FLOW_COLUMNS = (
    "file",
    "header",
    "protocol",
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "packets",
    "bytes",
    "first_ns",
    "last_ns",
    "tcp_flags",
)
