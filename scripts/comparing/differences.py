"""Where two builds do not produce the same: what is reported, and what is known and allowed."""

from __future__ import annotations

import difflib
import fnmatch
import shlex
from dataclasses import dataclass
from pathlib import Path

from comparing.cases import Case, Group
from comparing.running import ENVIRONMENT, EXIT_CODE, REMOVED, Ended, Output, Subject

CONTEXT_LINES = 1
MOST_DIFF_LINES = 12
MOST_COLUMNS = 240
CONTEXT_BYTES = 16


@dataclass
class Difference:
    """A case that the two builds do not answer alike."""

    capture: str
    case: str
    # What differs, by output.
    outputs: dict[str, str]
    # A command that shows it.
    command: str


@dataclass
class Allowed:
    """A line of the file given with --allow."""

    capture: str
    case: str
    reason: str
    matches: int = 0

    def covers(self, difference: Difference, output: str) -> bool:
        """Whether this line explains why an output of a case differs."""
        names = (difference.case, f"{difference.case} > {output}")
        return fnmatch.fnmatchcase(difference.capture, self.capture) and any(
            fnmatch.fnmatchcase(name, self.case) for name in names
        )


def allowed_from(path: Path | None) -> list[Allowed]:
    """The lines of the file given with --allow."""
    if path is None:
        return []
    allowed = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 3 or not all(field.strip() for field in fields):
            raise ValueError(f"{path}: line {number} does not have the form capture-glob<TAB>case-glob<TAB>reason")
        allowed.append(Allowed(*fields))
    return allowed


def explanation(difference: Difference, allowed: list[Allowed]) -> str | None:
    """Why a case may differ: the reasons for all its outputs; None if any of these has none."""
    reasons: dict[str, None] = {}
    found = []
    for output in difference.outputs:
        line = next((line for line in allowed if line.covers(difference, output)), None)
        if line is None:
            return None
        found.append(line)
        reasons[line.reason] = None
    for line in found:
        line.matches += 1
    return "; ".join(reasons)


def differing(old: Ended, new: Ended) -> dict[str, str]:
    """What differs between the outputs of two runs, by output."""
    found = {}
    # The order is that of a reader's interest: exit code, stdout, stderr, files.
    for name in old.outputs | new.outputs:
        before, after = old.outputs.get(name), new.outputs.get(name)
        if before == after:
            continue
        if REMOVED in (before, after):
            found[name] = f"only {'NEW' if after == REMOVED else 'OLD'} removes it"
        elif before is None or after is None:
            there, size = ("NEW", len(after.data)) if before is None else ("OLD", len(before.data))
            found[name] = f"only {there} writes it, with {size} bytes"
        elif name == EXIT_CODE:
            found[name] = f"{before.data.decode()} in OLD, {after.data.decode()} in NEW"
        elif before.kind != after.kind:
            found[name] = f"mode {before.kind} in OLD, {after.kind} in NEW"
        else:
            found[name] = first_difference(before, after)
    return found


def first_difference(old: Output, new: Output) -> str:
    """The first byte that differs, and the lines or bytes around it."""
    before, after = old.data, new.data
    at = next((at for at, (a, b) in enumerate(zip(before, after)) if a != b), min(len(before), len(after)))
    text = f"differs from byte {at} (counted from 0) of {len(before)} in OLD, {len(after)} in NEW"
    lines = (as_lines(before, at), as_lines(after, at))
    if None in lines:
        shown = (data[max(at - CONTEXT_BYTES, 0) : at + CONTEXT_BYTES].hex(" ") or "(nothing)" for data in (before, after))
        return text + "".join(f"\n    {sign} {octets}" for sign, octets in zip("-+", shown))
    # Without its head. An empty line of context is what follows the last line feed.
    diff = [line for line in difflib.unified_diff(*lines, lineterm="", n=CONTEXT_LINES) if line != " "][3 : 3 + MOST_DIFF_LINES]
    return text + "".join(f"\n    {line[:MOST_COLUMNS]}" for line in diff)


def as_lines(data: bytes, at: int) -> list[str] | None:
    """The lines around a place; None if the data is not text."""
    if b"\0" in data:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    # Bytes before the first difference are the same in both, and so is the number of lines in them.
    first = max(data.count(b"\n", 0, at) - CONTEXT_LINES, 0)
    lines = text.split("\n")[first : first + MOST_DIFF_LINES]
    # A difference at the end of a long line would not be seen.
    column = at - (data.rfind(b"\n", 0, at) + 1)
    cut = max(column - MOST_COLUMNS // 2, 0)
    return [f"…{line[cut:]}" if cut and len(line) > cut else line for line in lines]


def command_of(group: Group, case: Case, programs: tuple[Path, Path], subject: Subject) -> str:
    """A command for a shell that runs a case with both builds, after those that write what it reads."""
    steps = []
    for step in group[: group.index(case) + 1]:
        if step is not case and step.arguments[:1] != ("index",):
            continue
        program = shlex.quote(str(programs[0])) if step.is_by_old else '"$P"'
        feed = f"cat {shlex.quote(str(subject.path or '/dev/null'))} | " if step.is_piped else ""
        steps.append(f"{feed}{program} {shlex.join(subject.arguments(step))}")
    zone = f"export TZ={ENVIRONMENT['TZ']}; " if "--local-time" in case.arguments else ""
    old, new = (shlex.quote(str(program)) for program in programs)
    run = "; ".join(steps)
    return f'{zone}for P in {old} {new}; do cd "$(mktemp -d)"; {run}; echo "exit code $? in $PWD"; done'
