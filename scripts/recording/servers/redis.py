"""Redis and redis-cli: AUTH with a password, with a user too, within HELLO, refused, and as
lines."""

from __future__ import annotations

import socket

from .scene import HOST, Scene, expect

NEEDED = (
    ("redis-server", "redis-server", "Redis"),
    ("redis-cli", "redis-tools", "Redis client"),
)
SHOWN = (
    'tcp.payload contains "AUTH"',
    'tcp.payload contains "HELLO"',
    'tcp.payload contains "WRONGPASS"',
    'tcp.payload contains "%7"',
)

SETTINGS = """
port 6379
bind {host}
save ""
dir {folder}
requirepass tulip-77
user ana on >daisy-88 ~* +@all
"""


def record(scene: Scene) -> None:
    """Logs in, rightly and wrongly."""
    settings = scene.folder / "redis.conf"
    settings.write_text(SETTINGS.format(host=HOST, folder=scene.folder))
    scene.serve("redis-server", str(settings), port=6379)
    with scene.recording():
        # As redis-cli does it by itself, before the first command.
        options_of(scene, "default", "tulip-77", "-a", "tulip-77")
        options_of(scene, "default", "wrong-1", "-a", "wrong-1")
        options_of(scene, "ana", "daisy-88", "--user", "ana", "--pass", "daisy-88")
        options_of(scene, "ana", "wrong-2", "--user", "ana", "--pass", "wrong-2")
        options_of(scene, "ana", "daisy-88", "-3", "--user", "ana", "--pass", "daisy-88")
        # As commands.
        command(scene, "default", "tulip-77", "AUTH", "tulip-77")
        command(scene, "nobody", "tulip-77", "AUTH", "nobody", "tulip-77")
        command(scene, "ana", "daisy-88", "HELLO", "3", "AUTH", "ana", "daisy-88", "SETNAME", "probe")
        command(scene, "ana", "wrong-3", "HELLO", "3", "AUTH", "ana", "wrong-3")
        without_login(scene)
        several(scene)
        inline(scene)


def options_of(scene: Scene, user: str, password: str, *options: str) -> None:
    """redis-cli logs in, and asks who it is."""
    port = scene.next_port()
    done = scene.client("redis-cli", "-h", HOST, "--no-auth-warning", *options, "ACL", "WHOAMI")
    refusal = "AUTH failed: "
    if done.stderr.startswith(refusal):
        said = done.stderr.removeprefix(refusal).strip()
        add(scene, port, "failure", user, password, said)
    else:
        expect(done.stdout.strip(), user, "who is logged in")
        add(scene, port, "success", user, password)


def command(scene: Scene, user: str, password: str, *words: str) -> None:
    """A login that is typed as a command."""
    port = scene.next_port()
    done = scene.client("redis-cli", "-h", HOST, "--no-auth-warning", *words)
    said = done.stdout.strip()
    if said.startswith("WRONGPASS"):
        add(scene, port, "failure", user, password, said)
    else:
        expect(said == "OK" or said.startswith("server redis\n"), True, said)
        add(scene, port, "success", user, password)


def without_login(scene: Scene) -> None:
    """A command that is refused, which is no login."""
    scene.next_port()
    done = scene.client("redis-cli", "-h", HOST, "GET", "flower")
    expect(done.stdout.strip(), "NOAUTH Authentication required.", "answer")


def several(scene: Scene) -> None:
    """Several logins on one connection, between other commands."""
    port = scene.next_port()
    lines = ["PING", "AUTH wrong-4", "AUTH ana wrong-5", "SET flower tulip"]
    lines += ["AUTH ana daisy-88", "SET flower tulip", "GET flower"]
    done = scene.client("redis-cli", "-h", HOST, "--no-auth-warning", input="\n".join(lines) + "\n")
    answers = [line for line in done.stdout.splitlines() if line]
    wrong = "WRONGPASS invalid username-password pair or user is disabled."
    refused = "NOAUTH Authentication required."
    expect(answers, [refused, wrong, wrong, refused, "OK", "OK", "tulip"], "answers")
    add(scene, port, "failure", "default", "wrong-4", wrong, 1)
    add(scene, port, "failure", "ana", "wrong-5", wrong, 2)
    add(scene, port, "success", "ana", "daisy-88", None, 3)


def inline(scene: Scene) -> None:
    """Commands as lines, all sent at once, as by hand or from a script."""
    port = scene.next_port()
    lines = b"AUTH wrong-6\r\nPING\r\nAUTH ana daisy-88\r\nSET flower tulip\r\nQUIT\r\n"

    def client() -> bytes:
        with socket.create_connection((HOST, 6379), timeout=20) as connection:
            connection.sendall(lines)
            return connection.makefile("rb").read()

    wrong, *others = scene.call(client).decode().splitlines()
    expect(others, ["-NOAUTH Authentication required.", "+OK", "+OK", "+OK"], "answers")
    add(scene, port, "failure", "default", "wrong-6", wrong.removeprefix("-"), 1)
    add(scene, port, "success", "ana", "daisy-88", None, 2)


def add(
    scene: Scene, port: int, outcome: str, user: str, password: str, said: str | None = None, attempt: int = 1
) -> None:
    """A login, with what the server said to a wrong one."""
    values = {"user": user, "secret": password, "secret_kind": "password", "attempt": attempt}
    values |= {"src_port": port, "dst_port": 6379}
    if said is not None:
        values |= {"code": said.split()[0], "message": said}
    scene.truth.login("redis", outcome, **values)
