"""The program that is checked, and what is wrong with it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

TIME_LIMIT_S = 120


class Complaints:
    """What is wrong."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, text: str) -> None:
        """Adds a complaint."""
        self.lines.append(text)

    def compare(self, what: str, found: object, expected: object) -> None:
        """Complains if two things are not equal."""
        if found != expected:
            self.add(f"{what}: {shortened(found)} instead of {shortened(expected)}")

    def compare_rows(self, what: str, found: list, expected: list) -> None:
        """Complains of the first row that is not the same."""
        if found == expected:
            return
        for number, (here, there) in enumerate(zip(found, expected)):
            if here != there:
                self.add(f"{what}: row {number}: {here} instead of {there}")
                return
        self.add(f"{what}: {len(found)} rows instead of {len(expected)}")

    def holds(self, what: str, condition: bool) -> None:
        """Complains if something does not hold."""
        if not condition:
            self.add(what)


def shortened(value: object) -> str:
    """A value, not longer than anyone reads."""
    text = repr(value)
    return text if len(text) < 300 else text[:300] + " …"


class Program:
    """The program that is checked."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder

    def run(self, *args: str | Path, codes: tuple[int, ...] = (0,)) -> bytes:
        """Runs the program; returns what it wrote to standard output."""
        argv = [str(self.path), "--progress", "never", *map(str, args)]
        if args[0] == "index":
            argv = [str(self.path), *map(str, args), "--progress", "never"]
        done = subprocess.run(argv, capture_output=True, timeout=TIME_LIMIT_S, check=False)
        if done.returncode not in codes or b"panicked" in done.stderr:
            said = done.stderr.decode("utf8", "replace")
            raise RuntimeError(f"{' '.join(argv)}: exit code {done.returncode}\n{said}")
        return done.stdout

    def stats(self) -> dict:
        """The statistics of the run that was given `--stats` with `stats_path`."""
        return json.loads(self.stats_path.read_text())

    @property
    def stats_path(self) -> Path:
        """Where statistics go."""
        return self.folder / "stats.json"
