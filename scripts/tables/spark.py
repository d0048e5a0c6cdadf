"""Checks that Spark reads lists, connections and indexes with default settings."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pyarrow.parquet

from . import environment
from .captures import Capture
from .program import Complaints, Program

VERSIONS = ("3.5", "4.0")
TIME_LIMIT_S = 300
# Run by an interpreter with pyspark: reads files, and prints the types and sums of each.
READER = """
import json, sys
from pyspark.sql import SparkSession
session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
session.sparkContext.setLogLevel("OFF")
found = {}
for path in sys.argv[1:]:
    frame = session.read.parquet(path)
    # Sums of times are longer than 64 bits.
    sums = {name: f"sum(cast({name} as decimal(38, 0)))" for name, kind in frame.dtypes if kind in ("bigint", "int")}
    row = frame.selectExpr("count(*) as rows", *(f"{text} as {name}" for name, text in sums.items())).first()
    row = {name: None if value is None else int(value) for name, value in row.asDict().items()}
    found[path] = {"types": dict(frame.dtypes), "sums": row}
print(json.dumps(found))
"""
# Spark types of Arrow column types.
TYPES = {
    "int64": "bigint",
    "int32": "int",
    "string": "string",
    "bool": "boolean",
    "binary": "binary",
    "fixed_size_binary[16]": "binary",
    "timestamp[us, tz=UTC]": "timestamp",
    "list<item: int64 not null>": "array<bigint>",
    "list<element: int64 not null>": "array<bigint>",
}


def check(program: Program, captures: list[Capture], complaints: Complaints) -> str:
    """Checks each version of Spark."""
    if shutil.which("java") is None:
        return "left out: no Java"
    files = write(program, [it for it in captures if it.is_recorded])
    read = []
    for version in VERSIONS:
        python = environment.python_with(f"spark-{version}", (f"pyspark=={version}.*",))
        if not isinstance(python, Path):
            read.append(f"{version} left out ({python})")
            continue
        argv = [str(python), "-c", READER, *map(str, files)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
        if done.returncode != 0:
            complaints.add(f"Spark {version}: {done.stderr.strip()[-300:]}")
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        for path in files:
            compare(f"Spark {version}: {path.name}", found[str(path)], path, complaints)
        read.append(version)
    return f"{len(files)} files by Spark {' and '.join(read)}"


def write(program: Program, captures: list[Capture]) -> list[Path]:
    """A list, a table of connections, and an index."""
    paths = [it.path for it in captures]
    listed = program.folder / "spark-list.parquet"
    connections = program.folder / "spark-tcp.parquet"
    index = program.folder / "spark.idx"
    options = ("--bidirectional", "--decap")
    program.run(*paths, *options, "--format", "parquet", "-o", listed)
    program.run("index", *paths, *options, "-o", index)
    tcp = [str(program.path), "tcp", *map(str, paths), "--format", "parquet", "-o", str(connections), "--progress", "never"]
    subprocess.run(tcp, check=True, capture_output=True)
    return [listed, connections, index, Path(f"{index}.tcp"), Path(f"{index}.packets-1")]


def compare(label: str, found: dict, path: Path, complaints: Complaints) -> None:
    """Compares types and sums with those read by pyarrow."""
    table = pyarrow.parquet.read_table(path)
    types = {field.name: TYPES.get(str(field.type), str(field.type)) for field in table.schema}
    complaints.compare(f"{label}: types", found["types"], types)
    sums = {"rows": table.num_rows}
    for name, kind in types.items():
        if kind in ("bigint", "int"):
            values = [value for value in table.column(name).to_pylist() if value is not None]
            # There is no sum of no values.
            sums[name] = sum(values) if values else None
    complaints.compare(f"{label}: sums", found["sums"], sums)
