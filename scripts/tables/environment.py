"""The libraries that read tables: those that are installed, or a virtual environment with them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = ("pyarrow", "duckdb")
# Set for the run inside the environment, so that a broken one does not start others.
MARK = "PCAP_FLOWS_TABLES_ENVIRONMENT"
TIME_LIMIT_S = 300


def provide() -> str | None:
    """Makes the packages importable, if need be by starting this program again in an environment that
    has them. Returns why they cannot be had."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if not missing:
        return None
    names = " and ".join(missing)
    if MARK in os.environ:
        return f"{names}: not importable in {sys.prefix}"
    python = python_with("tables", PACKAGES)
    if not isinstance(python, Path):
        return f"{names}: not installed, and cannot be installed here ({python})"
    os.environ[MARK] = str(python)
    sys.stdout.flush()
    os.execv(python, [str(python), *sys.argv])


def python_with(name: str, packages: tuple[str, ...]) -> Path | str:
    """The interpreter of a named environment with these packages, or the reason why there is none."""
    folder = place(f"{name}-{sys.version_info.major}.{sys.version_info.minor}")
    python = folder / "bin" / "python3"
    why = None if (folder / "complete").exists() else make(folder, python, packages)
    return python if why is None else why


def place(name: str) -> Path:
    """The path of an environment: in the user's cache, or else in a temporary folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pcap_flows"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return cache / name
    except OSError:
        return Path(tempfile.mkdtemp(prefix="pcap_flows-")) / name


def make(folder: Path, python: Path, packages: tuple[str, ...]) -> str | None:
    """Makes an environment. Returns why that is not possible."""
    print(f"installing {' and '.join(packages)} to {folder}", flush=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--retries", "1"]
    for argv in ([sys.executable, "-m", "venv", str(folder)], [*pip, *packages]):
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode != 0:
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            return said[-1].strip() if said else f"{' '.join(argv[:4])} failed"
    (folder / "complete").touch()
    return None


def versions() -> str:
    """What is read with."""
    import duckdb
    import pyarrow

    return f"pyarrow {pyarrow.__version__}, DuckDB {duckdb.__version__}"
