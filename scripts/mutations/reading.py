"""A capture read from file and pipe, by one thread and four: exit codes, lists, outputs, notices."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

TIME_LIMIT_S = 10.0
MEMORY_LIMIT = 1 << 30
PIPE_LEN = 1 << 20
CODES = (0, 1, 3)
NAME = "../in.pcap"
LIST = ["--format", "csv"]
QUIET = ["--disable-display"]
# Subcommands, whose names come first.
TCP = ["tcp"]
SESSIONS = ["sessions"]
PACKETS = ["packets"]
STREAMS = ["--extract-tcp-all", "--extract-udp-all", *QUIET]
# What is asked of a capture. Outputs are named in the folder that the program runs in.
QUESTIONS: tuple[list[str], ...] = (
    LIST,
    LIST,
    [],
    [*LIST, "--decap"],
    ["--format", "json", "--decap", "--bidirectional"],
    [*LIST, "--flow-5tuple", "--idle-timeout", "1"],
    [*LIST, "--metamako", "--active-timeout", "2"],
    [*LIST, "--filter", "tcp or (udp and not port 53)"],
    [*LIST, "--packet-max", "7", "--exclude-ip", "10.0.0.0/8"],
    ["--where", "packets > 1 and protocol != 'udp'", "--sort", "bytes", "--top", "5"],
    ["--format", "parquet", "-o", "list.parquet"],
    [*STREAMS, "-o", "all.tar", "--manifest", "all.csv"],
    [*STREAMS, "--decap", "-o", "all.tar", "--tcpheader", "--udpheader=wide", "--gaps", "zero"],
    [*STREAMS, "-o", "all.tar", "--overlap", "last", "--gaps", "split", "--bidirectional"],
    [*STREAMS, "-o", "out/", "--manifest", "all.json", "--name-style", "fmadio"],
    [*STREAMS, "-o", "all.tar", "--output-pcap"],
    [*QUIET, "--extract-tcp", "1-3", "--extract-udp", "1-9", "-o", "all.tar"],
    [*QUIET, "--extract-tcp", "2", "--filter", "tcp", "--idle-timeout", "1", "-o", "all.tar", "--manifest", "all.csv"],
    [*QUIET, "-o", "out.pcap", "--output-format", "pcapng"],
    [*QUIET, "-o", "out.pcap"],
    [*QUIET, "-o", "out.pcap", "--extract", "1"],
    [*QUIET, "-o", "out.pcap", "--extract-port", "1", "1024"],
    [*TCP, *LIST],
    [*TCP, *LIST, "--decap", "--keep-duplicates", "--idle-timeout", "1"],
    [*TCP, "--format", "parquet", "-o", "tcp.parquet", "--sort", "duration"],
    [*TCP, "--listing", "1-3"],
    [*TCP, "--explain", "1"],
    [*TCP, "--concurrency", "pair", "--bin", "1s"],
    [*SESSIONS, "--secrets", "show", "--hash", "--bodies", "base64"],
    [*SESSIONS, "--secrets", "show", "--format", "parquet", "-o", "out/"],
    [*SESSIONS, "--protocol", "dns", "--format", "csv", "--decap"],
    [*PACKETS, "--format", "csv"],
)
# What is asked of an index, and of the captures in the same words.
CARVED: tuple[list[str], ...] = (
    LIST,
    [*QUIET, "-o", "out.pcap"],
    [*QUIET, "-o", "out.pcap", "--extract", "1"],
    [*QUIET, "-o", "out.pcap", "--filter", "tcp and src portrange 1024-65535"],
    [*STREAMS, "-o", "all.tar"],
    [*QUIET, "--extract-tcp", "1-3", "-o", "all.tar"],
)
VERIFIED = (["--verify"], ["--verify", "--decap"], ["--verify", "--bidirectional", "--flow-5tuple"])


@dataclass
class Ended:
    """How a run ended."""

    command: list[str]
    code: int
    seconds: float
    peak: int
    stdout: bytes
    stderr: str
    outputs: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Found:
    """What reading a capture showed."""

    complaints: list[str]
    runs: list[Ended]


class Reader:
    """The program, and a folder of this process."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program = str(program)
        self.folder = folder
        for name in ("one", "many", "pipe"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def read(self, data: bytes, chance: random.Random, *, is_broken: bool) -> Found:
        """Reads a capture in all ways. Of those that are broken as they are, everything is asked."""
        (self.folder / "in.pcap").write_bytes(data)
        many = ["--threads", "4", "--window-bytes", str(chance.choice((1, 700, 5000, 100_000)))]
        many += ["--chunk-bytes", str(chance.choice((1, 90, 2000, 30_000)))]
        one = ["--threads", "1"]
        if is_broken:
            answers = [self.asked(question, data, one, many) for question in QUESTIONS]
            answers += [self.verified(question, one, many) for question in VERIFIED]
            answers += [self.indexed(question, one, many) for question in CARVED]
            return Found(list(chain(*(it.complaints for it in answers))), list(chain(*(it.runs for it in answers))))
        kind = chance.random()
        if kind < 0.05:
            return self.verified(chance.choice(VERIFIED), one, many)
        if kind < 0.15:
            return self.indexed(chance.choice(CARVED), one, many)
        return self.asked(chance.choice(QUESTIONS), data, one, many)

    def asked(self, question: list[str], data: bytes, one: list[str], many: list[str]) -> Found:
        """File and pipe, one thread and several say the same."""
        first = self.run("one", [*named(question, NAME), *one])
        second = self.run("many", [*named(question, NAME), *many])
        third = self.run("pipe", [*named(question, "-"), *one], data)
        complaints = [*faults(first), *faults(second), *faults(third)]
        complaints += differences("threads", first, second) + differences("pipe", first, third)
        return Found(complaints, [first, second, third])

    def verified(self, question: list[str], one: list[str], many: list[str]) -> Found:
        """The simplest way to read it says the same."""
        first = self.run("one", [NAME, *LIST, *question, *one])
        second = self.run("many", [NAME, *LIST, *question, *many])
        complaints = [*faults(first), *faults(second), *differences("threads", first, second)]
        complaints += [f"verify: {each.stderr}" for each in (first, second) if "this is a bug" in each.stderr]
        return Found(complaints, [first, second])

    def indexed(self, question: list[str], one: list[str], many: list[str]) -> Found:
        """What an index answers is what the capture does."""
        plain = self.run("one", [NAME, *question, *one])
        make = self.run("many", ["index", NAME, "-o", "day.idx", *many], keep=True)
        complaints = [*faults(plain), *faults(make)]
        runs = [plain, make]
        # There may be nothing of what was asked for, and what a filter keeps out is no damage.
        if plain.code not in (make.code, 1) and "--filter" not in question:
            complaints.append(f"index: exit code {make.code}, of the capture {plain.code}")
        if make.code in (0, 3):
            by_index = self.run("many", ["--index", "day.idx", *question])
            runs.append(by_index)
            outputs = {name: data for name, data in by_index.outputs.items() if not name.startswith("day.idx")}
            by_index.outputs = outputs
            complaints += faults(by_index)
            if (by_index.code == 1) != (plain.code == 1):
                complaints.append(f"index: exit code {by_index.code}, of the capture {plain.code}: {by_index.stderr[-300:]}")
            if by_index.stdout != plain.stdout or outputs != plain.outputs:
                complaints.append(f"index: another list, or other outputs: {sorted(outputs)}, {sorted(plain.outputs)}")
        return Found(complaints, runs)

    def run(self, place: str, args: list[str], stdin: bytes | None = None, *, keep: bool = False) -> Ended:
        """Runs the program in a folder, which is empty afterwards unless it is kept."""
        folder = self.folder / place
        command = [self.program, *args, "--progress", "never"]
        with open(self.folder / "stdout", "w+b") as out, open(self.folder / "stderr", "w+b") as err:
            source = filled_pipe(stdin) if stdin is not None else os.open(os.devnull, os.O_RDONLY)
            start = time.monotonic()
            process = subprocess.Popen(command, stdin=source, stdout=out, stderr=err, cwd=folder, close_fds=False)
            os.close(source)
            signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT_S)
            try:
                _, status, usage = os.wait4(process.pid, 0)
            except TimeoutError:
                process.kill()
                _, status, usage = os.wait4(process.pid, 0)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.monotonic() - start
            out.seek(0)
            err.seek(0)
            ended = Ended(command, process.returncode, seconds, usage.ru_maxrss * 1024, out.read(), err.read().decode(errors="replace"))
        with os.scandir(folder) as entries:
            left = sorted(Path(entry) for entry in entries)
        for path in left:
            files = sorted(it for it in path.rglob("*") if it.is_file()) if path.is_dir() else [path]
            for each in files:
                ended.outputs[str(each.relative_to(folder))] = each.read_bytes()
            ended.outputs.setdefault(str(path.relative_to(folder)), b"")
            if keep:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        return ended


def named(question: list[str], capture: str) -> list[str]:
    """A question about a capture."""
    start = question[:1] in (TCP, SESSIONS, PACKETS)
    return [*question[:start], capture, *question[start:]]


def on_alarm(*_: object) -> None:
    """A run that is late."""
    raise TimeoutError


def filled_pipe(data: bytes) -> int:
    """The reading end of a pipe that these bytes come from."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_LEN)
    if len(data) <= PIPE_LEN:
        os.write(writer, data)
        os.close(writer)
    else:
        threading.Thread(target=feed, args=(writer, data), daemon=True).start()
    return reader


def feed(writer: int, data: bytes) -> None:
    """Writes more than a pipe holds, while it is read."""
    with contextlib.suppress(BrokenPipeError), open(writer, "wb", buffering=0) as pipe:
        view = memoryview(data)
        while view:
            view = view[pipe.write(view) :]


def faults(ended: Ended) -> list[str]:
    """What no run may do."""
    found = []
    if ended.seconds >= TIME_LIMIT_S:
        found.append(f"hangs: {ended.seconds:.1f} s")
    if ended.code not in CODES:
        found.append(f"exit code {ended.code}: {ended.stderr[-300:]}")
    if "panicked" in ended.stderr or "not even" in ended.stderr:
        found.append(f"says: {ended.stderr[-1000:]}")
    if ended.peak >= MEMORY_LIMIT:
        found.append(f"{ended.peak} bytes of memory")
    if left := [name for name in ended.outputs if ".pcap_flows-" in name]:
        found.append(f"left behind: {left}")
    # Streams that were complete are kept in a directory; all else is whole or not there.
    may_be_there = re.compile(r"out(/.*)?|all\.json")
    if ended.code == 1 and (left := [name for name in ended.outputs if not may_be_there.fullmatch(name)]):
        found.append(f"failed, but there is {left}")
    return found


def differences(what: str, first: Ended, other: Ended) -> list[str]:
    """Where two runs do not say the same."""
    found = []
    if first.code != other.code:
        found.append(f"{what}: exit code {other.code} instead of {first.code}: {other.stderr[-300:]} | {first.stderr[-300:]}")
    if first.stdout != other.stdout:
        found.append(f"{what}: another list")
    if first.outputs != other.outputs:
        names = {name for name in first.outputs | other.outputs if first.outputs.get(name) != other.outputs.get(name)}
        found.append(f"{what}: other outputs: {sorted(names)[:5]}")
    here, there = said(first.stderr), said(other.stderr)
    if here != there:
        lines = sorted(set(here.splitlines()) ^ set(there.splitlines()))
        found.append(f"{what}: says {lines[:4]}")
    return found


def said(text: str) -> str:
    """What is said, whatever the capture is called."""
    return re.sub(re.escape(NAME), "standard input", text)
