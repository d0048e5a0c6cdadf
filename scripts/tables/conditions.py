"""--where selects what SQL's where selects."""

from __future__ import annotations

import duckdb

from . import lists
from .captures import Capture
from .program import Complaints, Program

# The same in both languages.
CONDITIONS = (
    "packets > 3",
    "packets > 3 and protocol = 'tcp'",
    "bytes between 100 and 1000 or not src_port < 1024",
    "src_port in (53, 80, 443) or dst_port in (53, 80)",
    "src_port not in (53, 80) and not (packets = 1 or bytes >= 5e2)",
    "src_port = dst_port",
    "src_port < dst_port and tcp_flags <> 2",
    "protocol like '%c%'",
    "protocol not like 'ic_p%' and vlan = ''",
    "protocol ilike 'TC_'",
    "src_mac >= '02:00:00:00:00:02'",
    "flow_id > 2.5 and flow_id <= 9",
    "first_ns = last_ns",
    "first_ns < last_ns or flow_id = 1",
    "first_ns is null",
    "packets is not null",
)
# Columns that only indexes have; some of them are null in some rows.
INDEX_CONDITIONS = (
    "handshake",
    "not handshake and retransmissions = 0",
    "payload_bytes > 1000 or retransmissions > 2",
    "server_name = '10.77.0.2'",
    "server_name != '10.77.0.2'",
    "not server_name like '%.2'",
    "server_name is null and fragments > 0",
    "server_name is not null or payload_bytes = 0",
    "community_id like '1:%=' and flow_id < 20",
    "community_id is null",
    "handshake = false or fragments >= 1",
)


def check(program: Program, captures: list[Capture], complaints: Complaints) -> str:
    """Asks the recorded captures, and indexes of them."""
    recorded = [capture for capture in captures if capture.is_recorded]
    matches = 0
    for capture in recorded:
        path, index = program.folder / "list.parquet", program.folder / "where.idx"
        program.run(capture.path, "--format", "parquet", "-o", path)
        program.run("index", capture.path, "-o", index)
        for source, args, conditions in (
            (path, (capture.path,), CONDITIONS),
            (index, ("--index", index), CONDITIONS + INDEX_CONDITIONS),
        ):
            for condition in conditions:
                query = f"select flow_id from read_parquet('{source}') where {condition}"
                expected = [row[0] for row in duckdb.execute(query).fetchall()]
                text = program.run(*args, "--format", "csv", "--where", condition).decode()
                found = [row["flow_id"] for row in lists.from_csv(text, lists.TYPES)]
                matches += len(found)
                label = f"{capture.name}: {source.suffix}: {condition}"
                complaints.compare(label, found, expected)
    complaints.holds("no condition matched anything", matches > 0)
    return f"{len(CONDITIONS) * 2 + len(INDEX_CONDITIONS)} conditions for each of {len(recorded)} captures"
