"""The tables EXPECTED.tsv of recorded captures."""

from __future__ import annotations

from pathlib import Path

from captures import crosscheck


def captures(folder: Path) -> list[Path]:
    """The captures of a folder."""
    return sorted(path for path in folder.iterdir() if path.suffix in (".pcap", ".pcapng"))


def write_expected(folder: Path) -> None:
    """Packets, flows and packets without IP of each capture, as tshark sees them. (Fragments count
    without ports; those that are recorded are of pings, which have none.)"""
    lines = ["file\tpackets\tflows\tnot_ip\n"]
    for path in captures(folder):
        view = crosscheck.tshark_view(path)
        not_ip = len(view.packets) - sum(view.outer.values())
        lines.append(f"{path.name}\t{len(view.packets)}\t{len(view.outer)}\t{not_ip}\n")
    (folder / "EXPECTED.tsv").write_text("".join(lines))
