"""The files that are transferred: the same bytes for the same name and length, on any machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

BINARY_LENGTHS = {
    "picture.bin": 12_000,
    "large.bin": 200_000,
    "middle.bin": 48_000,
    "upload.bin": 64_000,
    "answer.bin": 24_000,
    "bulk.bin": 256_000,
    "bulk-answer.bin": 64_000,
}
INDEX_LINES = 40
NUMBER_LINES = 400


def files() -> dict[str, bytes]:
    """All files by name."""
    found = {name: octets(name, length) for name, length in BINARY_LENGTHS.items()}
    found["index.html"] = index_page()
    found["numbers.txt"] = "".join(f"{n} {n * n} {n * n * n}\n" for n in range(1, NUMBER_LINES + 1)).encode()
    return found


def octets(name: str, length: int) -> bytes:
    """Octets that look random: SHA-256 of the name and a counter, one digest after the other."""
    digests = (hashlib.sha256(f"{name}:{number}".encode()).digest() for number in range(length // 32 + 1))
    return b"".join(digests)[:length]


def index_page() -> bytes:
    """A small page."""
    lines = "".join(f'<li><a href="numbers.txt">line {number}</a></li>\n' for number in range(INDEX_LINES))
    return f"<!doctype html>\n<title>A page</title>\n<h1>A page</h1>\n<ul>\n{lines}</ul>\n".encode()


def write_to(folder: Path) -> None:
    """Writes all files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (folder / name).write_bytes(content)
