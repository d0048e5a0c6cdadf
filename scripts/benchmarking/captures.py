"""Captures of examples/shapes, made once, and kept in the page cache while something is timed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FILE_HEADER_LEN = 24
"""Of classic pcap."""
BLOCK = 1 << 20


@dataclass(frozen=True)
class Capture:
    """A capture, and what the generator says of it."""

    name: str
    path: Path
    packets: int
    bytes: int
    flows: int

    def warm(self) -> None:
        """Reads it, so that it is in the page cache: an idle file may have left it."""
        block = bytearray(BLOCK)
        with self.path.open("rb", buffering=0) as file:
            while file.readinto(block):
                pass


class Captures:
    """A folder of captures. Those that have the right size are taken as they are."""

    def __init__(self, folder: Path, generator: Path) -> None:
        self.folder = folder
        self.generator = generator
        self.known: dict[str, Capture] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def shape(self, shape: str, *options: str) -> Capture:
        """A shape, with the generator's options."""
        name = "-".join([shape, *(option.removeprefix("--") for option in options)])
        if name in self.known:
            return self.known[name]
        # The generator is fast and gives equal bytes for equal options: it is asked each time what
        # it would write, so that a file of another version is noticed.
        totals = self.generate(shape, Path("/dev/stdout"), options)
        path = self.folder / f"{name}.pcap"
        if not has_size(path, totals["bytes"]):
            with Unfinished(path, totals["bytes"]) as unfinished:
                self.generate(shape, unfinished, options)
        self.known[name] = Capture(name, path, totals["packets"], totals["bytes"], totals["flows"])
        return self.known[name]

    def generate(self, shape: str, path: Path, options: tuple[str, ...]) -> dict[str, int]:
        """Runs the generator; returns what it counted. What goes to standard output is dropped."""
        target = "-" if path == Path("/dev/stdout") else str(path)
        argv = [str(self.generator), shape, target, *options]
        done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        totals = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", done.stderr)}
        if done.returncode != 0 or not totals:
            sys.exit(f"{' '.join(argv)}: {done.stderr.strip()}")
        return totals

    def repeated(self, capture: Capture, times: int) -> Capture:
        """The packets of a capture again and again: more packets in as many flows."""
        body = capture.bytes - FILE_HEADER_LEN
        size = FILE_HEADER_LEN + body * times
        name = f"{capture.name}-x{times}"
        path = self.folder / f"{name}.pcap"
        if not has_size(path, size):
            with Unfinished(path, size) as unfinished, unfinished.open("wb") as target:
                for number in range(times):
                    with capture.path.open("rb") as source:
                        source.seek(0 if number == 0 else FILE_HEADER_LEN)
                        shutil.copyfileobj(source, target, BLOCK)
        return Capture(name, path, capture.packets * times, size, capture.flows)


class Unfinished:
    """A file that gets its name when it is complete, and is removed if it never is."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.unfinished = path.with_suffix(".part")
        path.unlink(missing_ok=True)
        free = shutil.disk_usage(path.parent).free
        if free < size + SPARE_BYTES:
            sys.exit(f"{path} needs {size:,} bytes, {free:,} are free (--folder says where captures are)")

    def __enter__(self) -> Path:
        print(f"making {self.path}", file=sys.stderr)
        return self.unfinished

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            self.unfinished.rename(self.path)
            # Or the kernel would write it out while something is timed.
            os.sync()
        else:
            self.unfinished.unlink(missing_ok=True)


def has_size(path: Path, size: int) -> bool:
    """Whether there is a file of this size."""
    return path.is_file() and path.stat().st_size == size


SPARE_BYTES = 1 << 30
