"""Users of the machine that exist inside one server only.

The server sees files of users and passwords with one user more, mounted over those of the machine.
Mounts are seen by the server alone: "ip netns exec" gives each program its own.
"""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

USER_ID = 7_700


def with_user(folder: Path, name: str, password: str, *command: str) -> list[str]:
    """The command that starts a server which knows one user more, with a home below the folder."""
    home = folder / "home" / name
    home.mkdir(parents=True)
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=password, capture_output=True, text=True, check=True
    ).stdout.strip()
    lines = {
        "passwd": f"{name}:x:{USER_ID}:{USER_ID}::{home}:/bin/sh\n",
        "group": f"{name}:x:{USER_ID}:\n",
        "shadow": f"{name}:{hashed}:20000::::::\n",
    }
    steps = []
    for file, line in lines.items():
        copy = folder / file
        original = Path("/etc", file)
        copy.write_text(original.read_text() + line)
        copy.chmod(original.stat().st_mode & 0o777)
        steps.append(f"mount --bind {shlex.quote(str(copy))} {original}")
    steps.append(f"chown -R {USER_ID}:{USER_ID} {shlex.quote(str(home))}")
    steps.append("mount -t tmpfs none /run && mkdir -p /run/sshd /run/vsftpd/empty")
    steps.append(f"exec {shlex.join(command)}")
    return ["sh", "-ec", "\n".join(steps)]
