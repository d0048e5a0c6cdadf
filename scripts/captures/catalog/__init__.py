"""The generated files, one module for each folder."""

from __future__ import annotations

from ..expected import CaptureFile
from . import damage, ethernet, formats, ip, linktypes, tunnels


def files() -> list[CaptureFile]:
    """All files, in the order of their folders and names."""
    every = [
        each for module in (formats, linktypes, ethernet, ip, tunnels, damage) for each in module.files()
    ]
    names = [each.name for each in every]
    assert len(set(names)) == len(names), "two files with one name"
    return every
