"""Captures changed by chance: the same seed and number give the same bytes."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

# Of longer captures only the start is taken: what is read is what is paid for.
MOST_BYTES = 64 * 1024
# Where a number of 16 or 32 bits turns into something else.
EDGES = (0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 19, 20, 24, 27, 28, 32, 60, 127, 128, 255, 256, 1500, 65_534, 65_535)
LONG_EDGES = (*EDGES, 65_536, 262_144, 262_145, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFC, 0xFFFF_FFFF)


@dataclass(frozen=True)
class Changed:
    """A capture, and what was done to it."""

    data: bytes
    source: Path
    what: str


class Changes:
    """All changed captures of a seed. The first ones are those that are broken already, as they are."""

    def __init__(self, sources: list[Path], broken: list[Path], seed: int) -> None:
        self.sources = sources
        self.broken = broken
        self.seed = seed

    def chance(self, number: int) -> random.Random:
        """What decides everything about a number."""
        return random.Random(f"{self.seed}:{number}")

    def is_broken(self, number: int) -> bool:
        """Whether the capture of a number is one that is broken as it is."""
        return number < len(self.broken)

    def make(self, number: int, chance: random.Random) -> Changed:
        """The capture of a number."""
        if self.is_broken(number):
            source = self.broken[number]
            return Changed(source.read_bytes(), source, "as it is")
        source = chance.choice(self.sources)
        data = bytearray(start_of(source))
        names = []
        for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
            if not data:
                break
            change = chance.choice(KINDS)
            if change is splice:
                data = splice(data, bytearray(start_of(chance.choice(self.sources))), chance)
            else:
                data = change(data, chance)
            names.append(change.__name__)
        return Changed(bytes(data[: 4 * MOST_BYTES]), source, ", ".join(names))


@lru_cache(maxsize=2000)
def start_of(path: Path) -> bytes:
    """The start of a capture."""
    with path.open("rb") as file:
        return file.read(MOST_BYTES)


def place(data: bytearray, chance: random.Random) -> int:
    """Some place; half of the time among the first bytes, where headers are."""
    last = len(data) - 1
    return chance.randint(0, min(last, chance.choice((64, 400, last, last))))


def flip_bits(data: bytearray, chance: random.Random) -> bytearray:
    """One bit, or some."""
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        data[place(data, chance)] ^= 1 << chance.randint(0, 7)
    return data


def set_byte(data: bytearray, chance: random.Random) -> bytearray:
    """A byte that means something in many places."""
    data[place(data, chance)] = chance.choice((0, 1, 4, 6, 17, 41, 43, 44, 0x45, 0x60, 0x7F, 0x80, 0xFE, 0xFF))
    return data


def set_short(data: bytearray, chance: random.Random) -> bytearray:
    """A number of 16 bits."""
    return put(data, chance, struct.pack(chance.choice("<>") + "H", chance.choice(EDGES)))


def set_long(data: bytearray, chance: random.Random) -> bytearray:
    """A number of 32 bits."""
    return put(data, chance, struct.pack(chance.choice("<>") + "I", chance.choice(LONG_EDGES)))


def near_length(data: bytearray, chance: random.Random) -> bytearray:
    """A length that is a little too long or too short: of the record there, if one is."""
    at = place(data, chance) // 4 * 4
    if at + 4 <= len(data):
        value = int.from_bytes(data[at : at + 4], "little") + chance.choice((-4, -1, 1, 4, 16))
        data[at : at + 4] = (value & 0xFFFF_FFFF).to_bytes(4, "little")
    return data


def put(data: bytearray, chance: random.Random, field: bytes) -> bytearray:
    """A field in place of what is there."""
    at = place(data, chance)
    data[at : at + len(field)] = field
    return data


def cut_end(data: bytearray, chance: random.Random) -> bytearray:
    """The end is not there."""
    return data[: place(data, chance)]


def delete(data: bytearray, chance: random.Random) -> bytearray:
    """Some bytes are not there."""
    at = place(data, chance)
    del data[at : at + chance.choice((1, 2, 4, 16, 100, 5000))]
    return data


def insert(data: bytearray, chance: random.Random) -> bytearray:
    """Some bytes more: noise, or always the same."""
    length = chance.choice((1, 3, 4, 16, 100, 5000))
    more = chance.randbytes(length) if chance.random() < 0.5 else bytes([chance.choice((0, 0xFF, 0x41))]) * length
    at = place(data, chance)
    data[at:at] = more
    return data


def repeat(data: bytearray, chance: random.Random) -> bytearray:
    """Some bytes twice, or elsewhere, too."""
    at = place(data, chance)
    part = data[at : at + chance.choice((4, 16, 60, 500, 4000))]
    to = chance.choice((at, place(data, chance)))
    data[to:to] = part
    return data


def exchange(data: bytearray, chance: random.Random) -> bytearray:
    """Two parts in each other's places."""
    first, second = sorted((place(data, chance), place(data, chance)))
    length = min(second - first, len(data) - second, chance.choice((4, 16, 80, 1000)))
    data[first : first + length], data[second : second + length] = (
        data[second : second + length],
        data[first : first + length],
    )
    return data


def splice(data: bytearray, other: bytearray, chance: random.Random) -> bytearray:
    """The start of one capture, and the end of another one, or the whole of both."""
    if not other or chance.random() < 0.2:
        return data + other
    return data[: place(data, chance)] + other[place(other, chance) :]


KINDS: tuple[Callable[..., bytearray], ...] = (
    flip_bits,
    flip_bits,
    set_byte,
    set_short,
    set_long,
    near_length,
    cut_end,
    delete,
    insert,
    repeat,
    exchange,
    splice,
)
