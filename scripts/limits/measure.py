"""One run of the program: its exit code, and what it took."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Taken:
    """What a run took."""

    code: int
    seconds: float
    """Of processor time, by all threads."""
    peak: int
    """Most bytes of memory; pages of mapped files among them."""
    notices: str
    is_late: bool


def run(command: list[str], time_limit_s: float, stdin: Path | None = None) -> Taken:
    """Runs a command; `stdin` is written to it through a pipe. Late ones are killed."""
    with open(stdin or os.devnull, "rb") as source:
        feeder = subprocess.Popen(["cat"], stdin=source, stdout=subprocess.PIPE) if stdin else None
        process = subprocess.Popen(
            command,
            stdin=feeder.stdout if feeder else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        if feeder and feeder.stdout:
            feeder.stdout.close()
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            os.kill(process.pid, signal.SIGKILL)

        timer = threading.Timer(time_limit_s, end)
        timer.start()
        assert process.stderr
        notices = process.stderr.read().decode(errors="replace")
        process.stderr.close()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if feeder:
            feeder.wait()
    return Taken(process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, notices, is_late.is_set())
