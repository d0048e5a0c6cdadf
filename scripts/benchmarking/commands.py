"""Commands that are timed: whole processes, by wall clock, in turns."""

from __future__ import annotations

import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from .captures import Capture


@dataclass
class Command:
    """One of those that are compared, with what its runs took."""

    name: str
    argv: list[str]
    capture: Capture
    runs: int
    feed: list[str] | None = None
    """A command that standard input comes from; without one, it is empty."""
    expected: str = ""
    """A pattern of what it must say on standard error; with `tells`, also on standard output."""
    tells: bool = False
    folder: Path | None = None
    """Made before each run."""
    leaves: tuple[Path, ...] = ()
    """Files and folders to be removed after each run."""
    memory_limit: int = 0
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    """Of user and kernel, on all cores: what other work on the machine disturbs least."""
    peak_bytes: int = 0
    """Resident, with what is mapped of files; the greatest of all runs."""
    failure: str = ""

    @property
    def median(self) -> float:
        """Of the times, in seconds."""
        return statistics.median(self.seconds)

    @property
    def packets_per_second(self) -> float:
        """In the median."""
        return self.capture.packets / self.median

    @property
    def ns_per_packet(self) -> float:
        """In the median."""
        return self.median * 1e9 / self.capture.packets

    @property
    def well(self) -> bool:
        """Whether there is a time."""
        return bool(self.seconds) and not self.failure


class Runner:
    """Runs commands, and keeps what they took."""

    def __init__(self, work: Path, time_limit: float) -> None:
        self.work = work
        self.time_limit = time_limit
        self.done: dict[str, list[Command]] = {}

    def in_turns(self, title: str, commands: list[Command]) -> None:
        """Runs commands one after the other, again and again, so that what slows the machine down
        slows all of them."""
        self.done.setdefault(title, []).extend(commands)
        for number in range(max(command.runs for command in commands)):
            for command in commands:
                if number < command.runs and not command.failure:
                    print(f"{title}: run {number + 1}: {command.name}", file=sys.stderr)
                    self.run(command)

    def run(self, command: Command) -> None:
        """Runs a command once."""
        if command.folder is not None:
            command.folder.mkdir()
        command.capture.warm()
        try:
            self.time(command)
        finally:
            for path in command.leaves:
                remove(path)

    def time(self, command: Command) -> None:
        """Times a command, and looks at what it said."""
        with tempfile.TemporaryFile(dir=self.work) as messages:
            begin = time.perf_counter()
            with Processes(command, messages) as process:
                limit = threading.Timer(self.time_limit, process.kill)
                limit.start()
                try:
                    # Only this wait says how much memory that one process took.
                    _, status, usage = os.wait4(process.pid, 0)
                finally:
                    limit.cancel()
                process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.perf_counter() - begin
            messages.seek(0)
            said = messages.read().decode("utf8", "replace").strip()
        if process.returncode != 0:
            command.failure = f"exit status {process.returncode} after {seconds:.0f} s"
        elif re.search(command.expected, said) is None:
            command.failure = f"did not say '{command.expected}'"
        else:
            command.seconds.append(seconds)
            command.cpu_seconds.append(usage.ru_utime + usage.ru_stime)
            command.peak_bytes = max(command.peak_bytes, usage.ru_maxrss * 1024)
        if command.failure:
            print(f"{command.name}: {command.failure}: {said[-500:]}", file=sys.stderr)


class Processes:
    """The process of a command, and the one that feeds it; none of them is left behind."""

    def __init__(self, command: Command, messages) -> None:
        self.feed = None
        source = subprocess.DEVNULL
        if command.feed is not None:
            self.feed = subprocess.Popen(command.feed, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            source = self.feed.stdout
        output = messages if command.tells else subprocess.DEVNULL
        self.main = subprocess.Popen(command.argv, stdin=source, stdout=output, stderr=messages)
        if command.memory_limit:
            limits = command.memory_limit, command.memory_limit
            resource.prlimit(self.main.pid, resource.RLIMIT_AS, limits)
        if self.feed is not None:
            self.feed.stdout.close()

    def __enter__(self) -> subprocess.Popen:
        return self.main

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for process in (self.main, self.feed):
            if process is not None:
                if kind is not None:
                    process.kill()
                process.wait()


def remove(path: Path) -> None:
    """A file, or a folder with all that is in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
