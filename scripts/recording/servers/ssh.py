"""OpenSSH: handshakes with what both sides prefer, and with chosen algorithms."""

from __future__ import annotations

import re
import subprocess

from . import accounts
from .scene import HOST, Scene, expect

NEEDED = (
    ("sshd", "openssh-server", "SSH server"),
    ("ssh", "openssh-client", "SSH client"),
    ("openssl", "openssl", "password of the account"),
)
SHOWN = ("ssh.protocol", "ssh.kex_algorithms", "ssh.message_code == 21")

SETTINGS = """
ListenAddress {host}
HostKey {folder}/ed25519
HostKey {folder}/rsa
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PrintMotd no
PrintLastLog no
"""


def record(scene: Scene) -> None:
    """Connects with the defaults, with chosen algorithms, with a wrong key, and with no algorithm
    in common."""
    for name, kind in (("ed25519", "ed25519"), ("rsa", "rsa"), ("user", "ed25519"), ("other", "ed25519")):
        command = ["ssh-keygen", "-q", "-N", "", "-C", "", "-t", kind, "-f", str(scene.folder / name)]
        subprocess.run(command, check=True, timeout=60)
    (scene.folder / "user.pub").chmod(0o644)
    settings = scene.folder / "sshd_config"
    settings.write_text(SETTINGS.format(host=HOST, folder=scene.folder))
    server = ["/usr/sbin/sshd", "-D", "-e", "-f", str(settings)]
    scene.serve(*accounts.with_user(scene.folder, "ana", "tulip-77", *server), port=22)
    with scene.recording():
        connect(scene, "user", 0)
        chosen = ["KexAlgorithms=diffie-hellman-group14-sha256", "HostKeyAlgorithms=rsa-sha2-512"]
        connect(scene, "user", 0, *chosen, "Ciphers=aes128-ctr")
        connect(scene, "other", 255)
        connect(scene, "user", 255, "KexAlgorithms=diffie-hellman-group1-sha1")


def connect(scene: Scene, key: str, status: int, *options: str) -> None:
    """Runs a command; what both sides agreed on is what ssh says with -v."""
    port = scene.next_port()
    command = ["ssh", "-v", "-F", "none", "-i", str(scene.folder / key), "-o", "BatchMode=yes"]
    command += ["-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no"]
    command += ["-o", "UserKnownHostsFile=/dev/null"]
    command += [part for option in options for part in ("-o", option)]
    done = scene.client(*command, f"ana@{HOST}", "echo tulip")
    expect((done.returncode, done.stdout), (status, "" if status else "tulip\n"), done.stderr)
    values = {"src_port": port, "dst_port": 22}
    for name, said in (
        ("kex", r"kex: algorithm: (\S.*)"),
        ("host_key_alg", r"kex: host key algorithm: (\S.*)"),
    ):
        if found := re.search(said, done.stderr):
            agreed = found.group(1).strip()
            values[name] = None if agreed == "(no match)" else agreed
    client = re.search(r"Local version string (\S.*)", done.stderr).group(1).strip()
    server = re.search(r"Remote protocol version 2.0, remote software version (\S.*)", done.stderr)
    scene.truth.add("ssh", client=client, server="SSH-2.0-" + server.group(1).strip(), **values)
