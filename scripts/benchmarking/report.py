"""What was measured, as Markdown."""

from __future__ import annotations

import os
import platform
import re
import shlex
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .commands import Command

MB = 1_000_000
TIMES = ("median", "least–most", "runs", "CPU time")


@dataclass
class Goal:
    """A figure, and what is wanted of it."""

    name: str
    value: float | None
    """`None` where it was not measured."""
    wanted: float | None
    """`None` where it is only told."""
    at_most: bool
    unit: str = "×"

    @property
    def reached(self) -> bool | None:
        """Whether it is; `None` where that cannot be said."""
        if self.value is None or self.wanted is None:
            return None
        return self.value <= self.wanted if self.at_most else self.value >= self.wanted

    def row(self) -> list[str]:
        """Of a table."""
        digits = 0 if self.unit == "MB" else 2
        value = "–" if self.value is None else f"{self.value:,.{digits}f} {self.unit}"
        if self.wanted is None:
            return [self.name, value, "–", "–"]
        answer = {None: "not measured", True: "yes", False: "**no**"}[self.reached]
        return [self.name, value, f"{'≤' if self.at_most else '≥'} {self.wanted:,g} {self.unit}", answer]


def ratio(dividend: Command | None, divisor: Command | None) -> float | None:
    """Of medians, where there are both."""
    if dividend is None or divisor is None or not (dividend.well and divisor.well):
        return None
    return dividend.median / divisor.median


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown; all columns but the first are aligned to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def goals_table(goals: list[Goal]) -> str:
    """What was reached."""
    return table(["goal", "measured", "wanted", "reached"], [goal.row() for goal in goals])


def times(command: Command) -> list[str]:
    """Columns of TIMES."""
    if not command.well:
        return [f"failed: {command.failure}", "–", "–", "–"]
    least, most = min(command.seconds), max(command.seconds)
    cpu = statistics.median(command.cpu_seconds)
    return [f"{command.median:.3f} s", f"{least:.3f}–{most:.3f} s", str(len(command.seconds)), f"{cpu:.3f} s"]


def times_table(commands: list[Command], base: Command, base_name: str) -> str:
    """Of commands on one capture; `base` is what their times are divided by."""
    rows = []
    for command in commands:
        factor = ratio(command, base)
        rate = f"{command.packets_per_second / 1e6:.2f}" if command.well else "–"
        rows.append([command.name, *times(command), rate, "–" if factor is None else f"{factor:.2f}"])
    return table(["command", *TIMES, "million packets/s", f"÷ {base_name}"], rows)


def machine(versions: dict[str, str], origin: str) -> dict[str, str]:
    """What it was measured on and with; `origin` is where the program comes from."""
    cpus = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.+)$", cpus, re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{int(memory[1]) * 1024 / 2**30:.1f} GiB" if memory else "unknown",
        "kernel": f"{platform.system()} {platform.release()}",
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "load before": load,
        "pcap_flows": f"{versions.pop('pcap_flows')}, {origin}",
        "rustc": said(["rustc", "--version"]).removeprefix("rustc "),
        "peers": ", ".join(f"{name} {text}" for name, text in versions.items()) or "none",
    }


def commit(root: Path) -> str:
    """What is checked out, and whether it was changed."""
    git = ["git", "-C", str(root)]
    name = said([*git, "rev-parse", "--short=12", "HEAD"]) or "unknown"
    return name + (" with changes" if said([*git, "status", "--porcelain"]) else "")


def said(argv: list[str]) -> str:
    """By a command on standard output; nothing if there is no such command."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def command_list(done: dict[str, list[Command]], folders: dict[Path, str]) -> str:
    """Each command once, with short names instead of folders."""
    lines: dict[str, None] = {}
    for commands in done.values():
        for command in commands:
            line = shlex.join(command.argv)
            if command.feed is not None:
                line = f"{shlex.join(command.feed)} | {line}"
            for folder, short in folders.items():
                line = line.replace(f"{folder}/", short)
            lines[line] = None
    return "```sh\n" + "\n".join(lines) + "\n```\n"
