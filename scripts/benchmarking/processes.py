"""Time and memory of a process."""

from __future__ import annotations

import os
import resource
import subprocess
import time


def run(argv: list[str]) -> tuple[float, float]:
    """Seconds and peak MiB of a command that must succeed."""
    start = time.monotonic()
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = wait(process)
    if status != 0:
        raise subprocess.CalledProcessError(status, argv)
    return time.monotonic() - start, usage.ru_maxrss / 1024


def wait(process: subprocess.Popen[bytes]) -> tuple[int, int, resource.struct_rusage]:
    """Waits for a process, which is the only way to learn its resource usage."""
    pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return pid, process.returncode, usage
