"""The programs that this one is compared with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .captures import Capture
from .commands import Command

# Program: its package, and how it tells its version.
PEERS = {
    "tcpdump": ("tcpdump", ["--version"]),
    "nfpcapd": ("nfdump", ["-V"]),
    "argus": ("argus-server", ["-h"]),
    "tshark": ("tshark", ["-v"]),
    "tcpflow": ("tcpflow", ["-V"]),
}
QUICK = ("tcpdump",)
"""These have as many runs as pcap_flows, nfpcapd a few, and the others one."""
ONCE = ("argus", "tshark", "tcpflow")
# A report of each stream would take tcpflow more time than the streams.
TCPFLOW = ("-q", "-S", "enable_report=NO")


def install() -> None:
    """Installs those that are missing from Debian's packages; says which cannot be had."""
    missing = [name for name in PEERS if shutil.which(name) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        print(f"note: there is no apt-get to install {', '.join(missing)}", file=sys.stderr)
        return
    apt = [*([] if os.geteuid() == 0 else ["sudo"]), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    subprocess.run([*apt, "update"], stdout=sys.stderr, check=False)
    for name in missing:
        argv = [*apt, "install", "-y", "--no-install-recommends", PEERS[name][0]]
        done = subprocess.run(argv, stdout=sys.stderr, check=False)
        if done.returncode != 0 or shutil.which(name) is None:
            print(f"note: {name} cannot be installed from the package {PEERS[name][0]}", file=sys.stderr)


def version(name: str) -> str:
    """Of an installed program."""
    done = subprocess.run(
        [name, *PEERS[name][1]], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    # Programs tell the versions of their libraries, too, but their own one first.
    found = re.search(r"\d+(?:\.\d+)+", done.stdout) or re.search(r"\d+(?:\.\d+)+", done.stderr)
    return found[0] if found else "of unknown version"


def commands(capture: Capture, work: Path, runs: int, slow_runs: int, everybody: bool) -> list[Command]:
    """Those of the installed peers that are to run on a capture; says who is left out."""
    source, folder = str(capture.path), work / "peer"
    free = available_bytes()
    chosen = [
        Command("tcpdump", ["tcpdump", "-r", source, "-w", "/dev/null"], capture, runs),
        Command("nfpcapd", ["nfpcapd", "-r", source, "-w", str(folder)], capture, slow_runs),
    ]
    if everybody:
        chosen += [
            Command("argus", ["argus", "-r", source, "-w", "/dev/null"], capture, 1),
            Command("tshark", ["tshark", "-n", "-q", "-r", source, "-z", "conv,ip"], capture, 1),
            Command("tcpflow", ["tcpflow", *TCPFLOW, "-r", source, "-o", str(folder)], capture, 1),
        ]
    for command in chosen:
        if str(folder) in command.argv:
            command.folder = folder
            command.leaves = (folder,)
        if command.name in ONCE:
            # tshark keeps more for each packet than some machines have.
            command.memory_limit = free // 5 * 4
    installed = [command for command in chosen if shutil.which(command.name)]
    for command in chosen:
        if command not in installed:
            print(f"note: {command.name} is not installed and left out", file=sys.stderr)
    if free < FILES_FACTOR * capture.bytes and any(command.name == "tcpflow" for command in installed):
        print("note: there is not enough memory for what tcpflow would write: left out", file=sys.stderr)
        installed = [command for command in installed if command.name != "tcpflow"]
    return installed


def available_bytes() -> int:
    """Memory that processes can have."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


FILES_FACTOR = 4
"""Small files take more memory than what is in them."""
