"""Flow lists as Parquet files and Arrow streams."""

from __future__ import annotations

import csv
import io
import ipaddress
import itertools
import json
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.parquet

from .captures import Capture
from .program import Complaints, Program

OPTIONS = ("--bidirectional", "--flow-5tuple", "--decap", "--metamako")
TEXT, SHORT, LONG = pyarrow.string(), pyarrow.int32(), pyarrow.int64()
TIME = pyarrow.timestamp("us", tz="UTC")
TYPES = {
    "flow_id": LONG,
    "protocol": TEXT,
    "src_mac": TEXT,
    "dst_mac": TEXT,
    "vlan": TEXT,
    "src_ip": TEXT,
    "src_port": SHORT,
    "dst_ip": TEXT,
    "dst_port": SHORT,
    "packets": LONG,
    "bytes": LONG,
    "first_ns": LONG,
    "last_ns": LONG,
    "tcp_flags": SHORT,
}
# Additional columns of Parquet and Arrow, after last_ns.
SPAN_TYPES = {"first": TIME, "last": TIME, "duration_ns": LONG}
DEVICE_TYPES = {"device": SHORT, "device_port": SHORT}
TUNNEL_TYPES = {"tunnel": TEXT, "tunnel_id": TEXT}
REVERSE_TYPES = {"reverse_packets": LONG, "reverse_bytes": LONG, "reverse_tcp_flags": SHORT}
BYTES_TYPES = {"src_ip_bytes": pyarrow.binary(16), "dst_ip_bytes": pyarrow.binary(16)}
# What DuckDB makes of the types.
DUCKDB_TYPES = {
    TEXT: ("VARCHAR",),
    SHORT: ("INTEGER",),
    LONG: ("BIGINT",),
    TIME: ("TIMESTAMP WITH TIME ZONE",),
    pyarrow.binary(16): ("BLOB",),
}
BLOOM = ("src_ip", "dst_ip", "src_port", "dst_port", "src_ip_bytes", "dst_ip_bytes")
ROWS_IN_GROUP = 122_880
# Addresses that no capture has. A filter says "perhaps" of one in a hundred.
ABSENT = [f"203.0.113.{number}" for number in range(200)]
MOST_PERHAPS = 20


def types_of(options: tuple[str, ...]) -> dict:
    """The columns of a list with these options."""
    types = dict(TYPES)
    if "--metamako" in options:
        types |= DEVICE_TYPES
    if "--bidirectional" in options:
        types |= REVERSE_TYPES
    if "--decap" in options:
        types |= TUNNEL_TYPES
    return types


def with_spans(types: dict) -> dict:
    """The columns of Parquet and Arrow."""
    all_types = {}
    for name, column_type in types.items():
        all_types[name] = column_type
        if name == "last_ns":
            all_types |= SPAN_TYPES
    return all_types | BYTES_TYPES


def combinations(capture: Capture) -> list[tuple[str, ...]]:
    """Options that a capture is listed with."""
    if not capture.is_recorded:
        return [(), OPTIONS] if not capture.is_thorough else [()]
    sizes = range(len(OPTIONS) + 1)
    return list(itertools.chain.from_iterable(itertools.combinations(OPTIONS, size) for size in sizes))


def check(program: Program, captures: list[Capture], complaints: Complaints) -> str:
    """Checks the lists of all captures."""
    count = 0
    groups = 0
    for capture in captures:
        for options in combinations(capture):
            label = " ".join((capture.name, *options))
            groups = max(groups, check_list(program, capture, options, label, complaints))
            count += 1
    complaints.holds("no list has several row groups", groups > 1)
    return f"{count} lists of {len(captures)} captures"


def check_list(
    program: Program, capture: Capture, options: tuple[str, ...], label: str, complaints: Complaints
) -> int:
    """Checks the lists of a capture in all formats. Returns the number of row groups."""
    path = program.folder / "list.parquet"
    args = (capture.path, *options)
    stats = ("--stats", program.stats_path)
    program.run(*args, *stats, "--format", "parquet", "-o", path, codes=capture.codes)
    stream = program.run(*args, "--format", "arrow", codes=capture.codes)
    text = program.run(*args, "--format", "csv", codes=capture.codes).decode()
    lines = program.run(*args, "--format", "json", codes=capture.codes).splitlines()
    complaints.holds(
        f"{label}: the file and standard output differ",
        program.run(*args, "--format", "parquet", codes=capture.codes) == path.read_bytes(),
    )

    types = types_of(options)
    parquet = pyarrow.parquet.read_table(path)
    arrow = pyarrow.ipc.open_stream(stream).read_all()
    expected = from_csv(text, types)
    table_types = with_spans(types)
    with_bytes = [row | spans(row) | address_bytes(row) for row in expected]
    for what, table in (("parquet", parquet), ("arrow", arrow)):
        check_types(f"{label}: {what}", table.schema, table_types, complaints)
        table.validate(full=True)
        complaints.compare_rows(f"{label}: {what} and csv", rows(table), with_bytes)
    complaints.compare_rows(f"{label}: json and csv", [json.loads(line) for line in lines], expected)
    check_duckdb(label, path, arrow, table_types, with_bytes, complaints)
    check_sums(label, program.stats(), parquet, complaints)
    if not options and capture.is_thorough:
        check_filters(label, path, BLOOM, complaints)
    return check_storage(label, path, BLOOM, frozenset(), complaints)


def check_types(label: str, schema: pyarrow.Schema, types: dict, complaints: Complaints) -> None:
    """Names, types and whether there may be nulls."""
    complaints.compare(f"{label}: columns", {field.name: field.type for field in schema}, types)
    complaints.compare(f"{label}: order of columns", schema.names, list(types))
    nullable = {field.name for field in schema if field.nullable}
    complaints.compare(f"{label}: columns that may be null", nullable, set(DEVICE_TYPES) & set(types))


def from_csv(text: str, types: dict) -> list[dict]:
    """The rows of a list in CSV."""
    reader = csv.DictReader(io.StringIO(text, newline=""))

    def value(name: str, field: str) -> object:
        if types[name] == TEXT:
            return field
        return int(field) if field else None

    return [{name: value(name, field) for name, field in row.items()} for row in reader]


def address_bytes(row: dict) -> dict:
    """The addresses of a row as 16 bytes."""

    def packed(text: str) -> bytes:
        address = ipaddress.ip_address(text)
        return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed

    return {"src_ip_bytes": packed(row["src_ip"]), "dst_ip_bytes": packed(row["dst_ip"])}


def spans(row: dict) -> dict:
    """First and last times in microseconds, and the time between them."""
    first, last = row["first_ns"], row["last_ns"]
    return {"first": first // 1000, "last": last // 1000, "duration_ns": last - first}


def rows(table: pyarrow.Table) -> list[dict]:
    """The rows of a table, with timestamps as microseconds."""
    for name in set(table.schema.names) & {"first", "last"}:
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table.column(name).cast(pyarrow.int64()))
    return table.to_pylist()


def check_duckdb(
    label: str, path: Path, arrow: pyarrow.Table, types: dict, expected: list[dict], complaints: Complaints
) -> None:
    """What DuckDB reads."""
    duckdb.register("arrow_stream", arrow)
    for what, source in (("parquet", f"read_parquet('{path}')"), ("arrow", "arrow_stream")):
        described = {row[0]: row[1] for row in duckdb.execute(f"describe select * from {source}").fetchall()}
        complaints.compare(f"{label}: DuckDB, {what}: columns", list(described), list(types))
        for name, found in described.items():
            complaints.holds(f"{label}: DuckDB, {what}: {name} is {found}", found in DUCKDB_TYPES[types[name]])
        complaints.compare_rows(f"{label}: DuckDB, {what}, and csv", duckdb_rows(source), expected)


def duckdb_rows(source: str) -> list[dict]:
    """The rows of a table, with timestamps as microseconds."""
    times = "epoch_us(first) as first, epoch_us(last) as last"
    done = duckdb.execute(f"select * replace ({times}) from {source}")
    names = [column[0] for column in done.description]
    return [dict(zip(names, row)) for row in done.fetchall()]


def check_sums(label: str, stats: dict, table: pyarrow.Table, complaints: Complaints) -> None:
    """Packets and rows are those of the statistics."""
    packets = sum(table.column("packets").to_pylist())
    complaints.compare(f"{label}: sum of packets", packets, stats["packets_in_flows"])
    complaints.compare(f"{label}: rows", table.num_rows, stats["flows"])


def check_storage(
    label: str, path: Path, bloom: tuple[str, ...], without_statistics: frozenset[str], complaints: Complaints
) -> int:
    """How a Parquet file is stored. Returns the number of row groups."""
    metadata = pyarrow.parquet.read_metadata(path)
    complaints.holds(f"{label}: made by {metadata.created_by}", metadata.created_by.startswith("pcap_flows "))
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        is_last = number + 1 == metadata.num_row_groups
        complaints.holds(
            f"{label}: row group {number} has {group.num_rows} rows",
            0 < group.num_rows <= ROWS_IN_GROUP and (is_last or group.num_rows == ROWS_IN_GROUP),
        )
        for column in map(group.column, range(group.num_columns)):
            name = column.path_in_schema.split(".")[0]
            where = f"{label}: row group {number}, {name}"
            complaints.compare(f"{where}: compression", column.compression, "ZSTD")
            has_bounds = column.is_stats_set and column.statistics.has_min_max
            # Of a column of nulls nothing is the least.
            is_null = column.is_stats_set and column.statistics.null_count == column.num_values
            expects = name not in without_statistics and not is_null
            complaints.compare(f"{where}: statistics", has_bounds, expects)
            complaints.compare(f"{where}: Bloom filter", column.bloom_filter_offset is not None, name in bloom)
    return metadata.num_row_groups


def check_filters(label: str, path: Path, bloom: tuple[str, ...], complaints: Complaints) -> None:
    """Bloom filters: never wrong about what is there, rarely about what is not."""
    for name in bloom:
        query = f"select {name}, any_value(file_row_number) from read_parquet('{path}', file_row_number = true)"
        for value, row in duckdb.execute(f"{query} group by 1 order by 2").fetchall()[:: max(1, row_step(path))]:
            excluded = probe(path, name, value)
            complaints.holds(f"{label}: the filter excludes {name} {value!r}", not excluded[row // ROWS_IN_GROUP])
    absent = [probe(path, "src_ip", value) for value in ABSENT]
    perhaps = sum(not all(excluded) for excluded in absent)
    complaints.holds(f"{label}: filters say perhaps of {perhaps} of {len(ABSENT)} absent", perhaps <= MOST_PERHAPS)


def row_step(path: Path) -> int:
    """Not more values are looked for than takes a moment."""
    return pyarrow.parquet.read_metadata(path).num_rows // 20


def probe(path: Path, name: str, value: object) -> list[bool]:
    """Whether each row group's filter excludes a value."""
    kind = {"ip": "varchar", "port": "usmallint", "bytes": "blob"}[name.split("_")[-1]]
    literal = "".join(f"\\x{octet:02x}" for octet in value) if kind == "blob" else value
    query = f"select bloom_filter_excludes from parquet_bloom_probe('{path}', '{name}', '{literal}'::{kind})"
    return [excludes for (excludes,) in duckdb.execute(f"{query} order by row_group_id").fetchall()]
