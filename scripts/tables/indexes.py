"""Indexes: flows, and the places of their packets."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import struct
from collections import defaultdict
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.parquet

from . import lists
from .captures import Capture, Record, records
from .program import Complaints, Program

SUMMARY_TYPES = {
    "handshake": pyarrow.bool_(),
    "retransmissions": pyarrow.int64(),
    "payload_bytes": pyarrow.int64(),
    "first_payload": pyarrow.binary(),
    "server_name": pyarrow.string(),
    "community_id": pyarrow.string(),
    "fragments": pyarrow.int64(),
    "next_seq": pyarrow.int64(),
    "tcp_state": pyarrow.int32(),
}
NULLABLE = {"first_payload", "server_name", "community_id", "next_seq"} | set(lists.DEVICE_TYPES)
WITHOUT_STATISTICS = frozenset({"first_payload", "next_seq", "community_id"})
PACKETS_SCHEMA = {"flow_id": pyarrow.int64(), "capture": pyarrow.int64()}
# Protocols whose ports count for Community IDs, and others that have one; lists show unknown ones as numbers.
WITH_PORTS = {"tcp": 6, "udp": 17, "sctp": 132}
PROTOCOLS = WITH_PORTS | {
    "hopopt": 0,
    "igmp": 2,
    "ipip": 4,
    "egp": 8,
    "igrp": 9,
    "dccp": 33,
    "ipv6": 41,
    "rsvp": 46,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-nonxt": 59,
    "eigrp": 88,
    "ospf": 89,
    "pim": 103,
    "vrrp": 112,
    "l2tp": 115,
    "udplite": 136,
}


def check(program: Program, captures: list[Capture], complaints: Complaints) -> str:
    """Checks an index of each capture, and one of all those that are not broken."""
    done = 0
    for capture in captures:
        for options in lists.combinations(capture):
            label = " ".join((capture.name, *options))
            check_index(program, [capture], options, label, complaints)
            done += 1
    # Snapshot lengths, units and link types change from one to the next.
    whole = [capture for capture in captures if capture.is_whole]
    check_index(program, whole, (), f"{len(whole)} captures", complaints)
    return f"{done + 1} indexes"


def check_index(
    program: Program, captures: list[Capture], options: tuple[str, ...], label: str, complaints: Complaints
) -> None:
    """Checks an index of some captures."""
    path = program.folder / "day.idx"
    paths = [capture.path for capture in captures]
    codes = captures[0].codes
    program.run("index", "--as-given", *paths, *options, "-o", path, "--stats", program.stats_path, codes=codes)
    stats = program.stats()
    text = program.run("--as-given", *paths, *options, "--format", "csv", codes=codes).decode()

    types = lists.types_of(options)
    flows = pyarrow.parquet.read_table(path)
    schema = flows.schema
    complaints.compare(f"{label}: columns", {it.name: it.type for it in schema}, types | SUMMARY_TYPES)
    nullable = {field.name for field in schema if field.nullable}
    complaints.compare(f"{label}: columns that may be null", nullable, NULLABLE & set(schema.names))
    flows.validate(full=True)
    listed = lists.from_csv(text, types)
    complaints.compare_rows(f"{label}: index and csv", lists.rows(flows.select(list(types))), listed)
    lists.check_sums(label, stats, flows, complaints)
    # Without Bloom filters, which cost size and time.
    lists.check_storage(label, path, (), WITHOUT_STATISTICS, complaints)

    notes = json.loads(schema.metadata[b"pcap_flows.index"])
    complaints.compare(f"{label}: captures", [note["path"] for note in notes["captures"]], list(map(str, paths)))
    complaints.compare(f"{label}: packets", sum(note["packets"] for note in notes["captures"]), stats["packets"])
    rows = lists.rows(flows)
    for row in rows:
        check_summary(label, row, complaints)
    check_packets(label, path, notes, rows, captures, complaints)
    check_join(label, path, notes, stats, complaints)
    # Packets that name no interface are counted, and cannot be extracted.
    if all(capture.is_whole for capture in captures):
        query = f"select sum(len(offsets)) from {parquet_files(path, notes)}"
        complaints.compare(f"{label}: all places", duckdb.execute(query).fetchall()[0][0] or 0, stats["packets"])


def check_summary(label: str, row: dict, complaints: Complaints) -> None:
    """The columns that lists do not have."""
    where = f"{label}: flow {row['flow_id']}"
    complaints.compare(f"{where}: Community ID", row["community_id"], community_id(row))
    first = row["first_payload"]
    complaints.holds(f"{where}: first payload {first!r}", first is None or 0 < len(first) <= 8)
    complaints.holds(f"{where}: payload without bytes", first is None or row["payload_bytes"] > 0)
    for name in ("fragments", "retransmissions"):
        complaints.holds(f"{where}: {name}", row[name] <= row["packets"])
    is_tcp = row["protocol"] == "tcp"
    if not is_tcp:
        complaints.compare(f"{where}: of TCP", (row["handshake"], row["next_seq"]), (False, None))


def community_id(row: dict) -> str | None:
    """https://github.com/corelight/community-id-spec, version 1, seed 0, where types of ICMP are not asked for."""
    name = row["protocol"]
    if name in ("icmp", "icmpv6"):
        return None
    protocol = PROTOCOLS[name] if name in PROTOCOLS else int(name)
    source = (ipaddress.ip_address(row["src_ip"]).packed, row["src_port"])
    destination = (ipaddress.ip_address(row["dst_ip"]).packed, row["dst_port"])
    if name not in WITH_PORTS:
        source, destination = (source[0], 0), (destination[0], 0)
    low, high = min(source, destination), max(source, destination)
    content = struct.pack(">H", 0) + low[0] + high[0] + struct.pack(">BB", protocol, 0)
    if name in WITH_PORTS:
        content += struct.pack(">HH", low[1], high[1])
    return "1:" + base64.b64encode(hashlib.sha1(content).digest()).decode()


def check_packets(
    label: str,
    path: Path,
    notes: dict,
    flows: list[dict],
    captures: list[Capture],
    complaints: Complaints,
) -> None:
    """The places of packets."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for part in notes["parts"]:
        file = path.parent / part["file"]
        complaints.compare(f"{label}: size of {part['file']}", file.stat().st_size, part["size"])
        table = pyarrow.parquet.read_table(file)
        table.validate(full=True)
        schema = {it.name: it.type for it in table.schema if it.name != "offsets"}
        complaints.compare(f"{label}: columns of packets", schema, PACKETS_SCHEMA)
        offsets = table.schema.field("offsets").type
        complaints.compare(f"{label}: type of offsets", (offsets.num_fields, offsets.value_type), (1, pyarrow.int64()))
        for row in table.to_pylist():
            places = [(row["capture"], offset) for offset in row["offsets"]]
            complaints.holds(f"{label}: flow {row['flow_id']} has a row without places", bool(places))
            found[row["flow_id"]] += places
    for flow, places in found.items():
        is_ascending = all(here < there for here, there in zip(places, places[1:]))
        complaints.holds(f"{label}: places of flow {flow} are not in order", is_ascending)
    counts = {flow: len(places) for flow, places in found.items() if flow != 0}
    expected = {row["flow_id"]: row["packets"] for row in flows}
    complaints.compare(f"{label}: packets of flows", counts, expected)

    starts = [records(it.path.read_bytes()) if it.is_whole else None for it in captures]
    by_place: dict[tuple[int, int], Record] = {}
    for number, some in enumerate(starts):
        by_place.update(((number, record.offset), record) for record in some or [])
    unread = {number for number, some in enumerate(starts) if some is None}
    all_places = sorted(place for places in found.values() for place in places if place[0] not in unread)
    complaints.compare_rows(f"{label}: places and records", all_places, sorted(by_place))
    if unread or "--metamako" in label:
        return
    # Each record is in the flow that it counts for.
    for row in flows:
        own = [by_place[place] for place in found[row["flow_id"]] if place in by_place]
        wire = sum(record.wire_len for record in own)
        complaints.compare(f"{label}: bytes of flow {row['flow_id']}", wire, row["bytes"])
        times = [record.time_ns for record in own]
        if times and None not in times:
            bounds = (row["first_ns"], row["last_ns"])
            complaints.compare(f"{label}: times of flow {row['flow_id']}", (min(times), max(times)), bounds)


def check_join(label: str, path: Path, notes: dict, stats: dict, complaints: Complaints) -> None:
    """DuckDB joins flows and packets."""
    query = f"""
        with places as (
            select flow_id, sum(len(offsets)) as places from {parquet_files(path, notes)} group by flow_id
        )
        select count(*), coalesce(sum(places), 0), coalesce(sum(f.packets), 0)
        from read_parquet('{path}') f join places using (flow_id)
    """
    rows, places, packets = duckdb.execute(query).fetchall()[0]
    complaints.compare(f"{label}: rows of the join", rows, stats["flows"])
    complaints.compare(f"{label}: places of the join", places, stats["packets_in_flows"])
    complaints.compare(f"{label}: packets of the join", packets, stats["packets_in_flows"])


def parquet_files(path: Path, notes: dict) -> str:
    """The files with packets, as DuckDB names them."""
    parts = ", ".join(f"'{path.parent / part['file']}'" for part in notes["parts"])
    return f"read_parquet([{parts}])"
