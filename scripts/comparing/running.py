"""A build of the program in a folder: exit code, standard output and error, and all files that it leaves there."""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from comparing.cases import CAPTURE, HOST, IDS, INDEX, PARTNER, PORT, SAME, TCP_ID, UDP_ID, Case, Group
from mutations.reading import filled_pipe, on_alarm

TIME_LIMIT_S = 60.0
EXIT_CODE = "exit code"
STATS = "stats.json"
ENVIRONMENT = {"LC_ALL": "C", "TZ": "Asia/Kolkata"}
# What may differ from run to run. There is no other rule: names of outputs are relative, and temporary names
# are not part of any message. Each is for one output, and replaces digits in lines of exactly this shape.
PROGRESS_RATE = re.compile(
    rb"^(\[\d\d:\d\d:\d\d\.\d{3}\.\d{3}\.\d{3} +\d+\.\d%\] Flows:\d+ \d+\.\d\dM Pkts )\d+\.\d{3}"
    rb"(?=Gbps : \d+\.\d\dGB Out:\d+\.\d\dGB$)",
    re.MULTILINE,
)
STATS_TIME = re.compile(rb'^(  "(?:seconds|gbps)": )\d+\.\d+(?:e-?\d+)?(?=,$)', re.MULTILINE)


@dataclass(frozen=True)
class Output:
    """A file, a directory, or what was written to a standard stream."""

    kind: str
    data: bytes


# In place of a file of an index that a case removes.
REMOVED = Output("removed", b"")


@dataclass(frozen=True)
class Subject:
    """A capture, and what the names in arguments mean for it. The path is None for cases without a capture."""

    path: Path | None
    words: dict[str, str]

    def arguments(self, case: Case) -> list[str]:
        """The arguments of a case."""
        arguments = [WORD.sub(lambda word: self.words.get(word[0], word[0]), argument) for argument in case.arguments]
        if case.area != "alone" and "--progress" not in arguments:
            arguments += ["--progress", "never"]
        return arguments


WORD = re.compile(rf"\b(?:{'|'.join((CAPTURE, PARTNER, SAME, IDS, TCP_ID, UDP_ID, HOST, PORT))})\b")


@dataclass
class Ended:
    """What a case produced: outputs by name; "exit code", "stdout" and "stderr" are among them."""

    outputs: dict[str, Output]


class Runner:
    """Runs cases in a folder of its own, one at a time."""

    def __init__(self, folder: Path, partner: Path) -> None:
        folder.mkdir(parents=True)
        self.place = folder / "run"
        self.stdout = open(folder / "stdout", "w+b", buffering=0)
        self.stderr = open(folder / "stderr", "w+b", buffering=0)
        self.partner = partner
        # The index that earlier cases of a group left. A case is compared for what it changes of it.
        self.index: dict[str, Output] = {}
        self.environment = os.environ | ENVIRONMENT

    def subject(self, program: Path, path: Path | None) -> Subject:
        """A capture, as a program lists its flows."""
        words = {PARTNER: str(self.partner)}
        if path is None:
            return Subject(None, words)
        words |= {CAPTURE: str(path), SAME: f"{path.parent}/../{path.parent.name}/{path.name}"}
        self.place.mkdir()
        listed = self.run(program, Case("list", (CAPTURE, "--format", "csv")), Subject(path, words))
        shutil.rmtree(self.place)
        flows = list(csv.DictReader(listed.outputs["stdout"].data.decode().splitlines()))
        return Subject(path, words | words_of(flows))

    def run_group(self, program: Path, old: Path, group: Group, subject: Subject) -> list[Ended]:
        """Runs the cases of a group in an empty folder."""
        self.place.mkdir()
        self.index = {}
        ended = [self.run(old if case.is_by_old else program, case, subject) for case in group]
        shutil.rmtree(self.place)
        return ended

    def run(self, program: Path, case: Case, subject: Subject) -> Ended:
        """Runs a case, and takes away what it leaves, except for an index."""
        data = subject.path.read_bytes() if case.is_piped and subject.path else b""
        source = filled_pipe(data) if case.is_piped else os.open(os.devnull, os.O_RDONLY)
        command = [str(program), *subject.arguments(case)]
        for stream in (self.stdout, self.stderr):
            stream.seek(0)
            stream.truncate()
        process = subprocess.Popen(
            command,
            stdin=source,
            stdout=self.stdout,
            stderr=self.stderr,
            cwd=self.place,
            env=self.environment,
            close_fds=False,
        )
        os.close(source)
        code = waited(process)
        outputs = {EXIT_CODE: Output("number", b"none (it did not end)" if code is None else b"%d" % code)}
        for name, stream in (("stdout", self.stdout), ("stderr", self.stderr)):
            stream.seek(0)
            outputs[name] = Output("stream", stream.read())
        files = files_in(self.place)
        outputs |= {name: output for name, output in files.items() if self.index.get(name) != output}
        outputs |= {name: REMOVED for name in self.index if name not in files}
        self.index = {name: output for name, output in files.items() if name.startswith(INDEX)}
        for path in self.place.iterdir():
            if path.name.startswith(INDEX):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        return Ended({name: normalised(case, name, output) for name, output in outputs.items()})


def words_of(flows: list[dict[str, str]]) -> dict[str, str]:
    """The names in arguments that depend on a capture's flows."""
    count = len(flows)
    most = max(flows, key=lambda flow: int(flow["packets"]), default={"src_ip": "10.0.0.1", "dst_port": "80"})
    words = {HOST: most["src_ip"], PORT: most["dst_port"], IDS: f"1,{count // 2 + 1}-{count}" if count > 1 else "1"}
    for protocol, word in (("tcp", TCP_ID), ("udp", UDP_ID)):
        some = (flow for flow in flows if flow["protocol"] == protocol)
        words[word] = max(some, key=lambda flow: int(flow["bytes"]), default={"flow_id": "1"})["flow_id"]
    return words


def waited(process: subprocess.Popen) -> int | None:
    """The exit code; None if it had to be killed."""
    signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT_S)
    try:
        return process.wait()
    except TimeoutError:
        process.kill()
        process.wait()
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def files_in(folder: Path) -> dict[str, Output]:
    """Everything in a folder, by its path from there."""
    found: dict[str, Output] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        name = str(path.relative_to(folder))
        if stat.S_ISREG(mode):
            found[name] = Output(stat.filemode(mode), path.read_bytes())
        elif stat.S_ISLNK(mode):
            found[name] = Output(stat.filemode(mode), os.fsencode(os.readlink(path)))
        else:
            found[name] = Output(stat.filemode(mode), b"")
    return found


def normalised(case: Case, name: str, output: Output) -> Output:
    """An output without what may differ from run to run."""
    is_stats_on_stdout = name == "stdout" and ("--stats", "-") in zip(case.arguments, case.arguments[1:])
    if name == "stderr":
        return Output(output.kind, PROGRESS_RATE.sub(rb"\1N", output.data))
    if name == STATS or is_stats_on_stdout:
        return Output(output.kind, STATS_TIME.sub(rb"\1N", output.data))
    return output
