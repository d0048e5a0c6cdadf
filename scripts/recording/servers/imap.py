"""IMAP of Dovecot, with Python's client and with curl: LOGIN with atoms, quoted strings and
literals, AUTHENTICATE, STARTTLS."""

from __future__ import annotations

import imaplib

from . import dovecot
from .scene import HOST, NAME, Scene, expect

NEEDED = (*dovecot.NEEDED, ("curl", "curl", "IMAP client"))
SHOWN = (
    'imap.request.command == "LOGIN"',
    'imap.request.command == "AUTHENTICATE"',
    'imap.request.command == "STARTTLS"',
    'tcp.payload contains "{3}"',
    'tcp.payload contains "{3+}"',
    "tls.handshake.type == 1",
)


def record(scene: Scene) -> None:
    """Logs in, rightly and wrongly."""
    dovecot.start(scene, "imap", 143)
    ben = dovecot.PASSWORDS["ben"]
    with scene.recording():
        log_in(scene, [("ana", "tulip-77")], quoted)
        log_in(scene, [("ana", "wrong-1"), ("nobody", "tulip-77"), ("ben", ben)], quoted)
        log_in(scene, [("ana", "wrong-2"), ("ana", "tulip-77")], atoms)
        log_in(scene, [("ana", "wrong-3"), ("ben", ben)], literals)
        log_in(scene, [("ana", "wrong 4"), ("ben", ben)], literals_at_once)
        log_in(scene, [("ana", "wrong-5"), ("ana", "tulip-77")], plain, "plain")
        log_in(scene, [("ana", "wrong-6"), ("ana", "tulip-77")], cram, "cram-md5", "proof")
        with_curl(scene, "PLAIN", "ana", "tulip-77", "password")
        with_curl(scene, "LOGIN", "ben", ben, "password")
        encrypted(scene)


def quoted(imap: imaplib.IMAP4, user: str, password: str) -> tuple[str, list[bytes]]:
    """LOGIN as imaplib sends it: the password in quotes."""
    return imap.login(user, password)


def atoms(imap: imaplib.IMAP4, user: str, password: str) -> tuple[str, list[bytes]]:
    """LOGIN without quotes."""
    return ended(imap, imap._command("LOGIN", user, password), "LOGIN")


def literals(imap: imaplib.IMAP4, user: str, password: str) -> tuple[str, list[bytes]]:
    """LOGIN with two literals, for each of which the server is waited for."""
    tag = imap._new_tag()
    imap.send(tag + b" LOGIN {%d}\r\n" % len(user))
    expect(imap.readline()[:1], b"+", "continuation")
    imap.send(user.encode() + b" {%d}\r\n" % len(password))
    expect(imap.readline()[:1], b"+", "continuation")
    imap.send(password.encode() + b"\r\n")
    imap.tagged_commands[tag] = None
    return ended(imap, tag, "LOGIN")


def literals_at_once(imap: imaplib.IMAP4, user: str, password: str) -> tuple[str, list[bytes]]:
    """LOGIN with two literals that the server is not waited for (RFC 7888)."""
    tag = imap._new_tag()
    imap.tagged_commands[tag] = None
    parts = (tag, len(user), user.encode(), len(password), password.encode())
    imap.send(b"%s LOGIN {%d+}\r\n%s {%d+}\r\n%s\r\n" % parts)
    return ended(imap, tag, "LOGIN")


def plain(imap: imaplib.IMAP4, user: str, password: str) -> tuple[str, list[bytes]]:
    """AUTHENTICATE PLAIN, answered after the server's continuation."""
    return imap.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())


def cram(imap: imaplib.IMAP4, user: str, password: str) -> tuple[str, list[bytes]]:
    """AUTHENTICATE CRAM-MD5."""
    return imap.login_cram_md5(user, password)


def ended(imap: imaplib.IMAP4, tag: bytes, name: str) -> tuple[str, list[bytes]]:
    """What a command was answered."""
    kind, data = imap._command_complete(name, tag)
    if kind == "OK":
        imap.state = "AUTH"
    return kind, data


def log_in(
    scene: Scene, tries: list[tuple[str, str]], way: object, mechanism: str = "login", kind: str = "password"
) -> None:
    """Logins on one connection; the last one is right."""
    port = scene.next_port()

    def client() -> list[tuple[str, str]]:
        imap = imaplib.IMAP4(HOST, timeout=20)
        tagged = []
        keep_tagged(imap, tagged)
        for user, password in tries:
            try:
                way(imap, user, password)
            except imaplib.IMAP4.error:
                pass
        answers = list(tagged)
        imap.select()
        imap.logout()
        return [each for each in answers if each[0] in ("OK", "NO") and "apability" not in each[1][:10]]

    add(scene, port, mechanism, tries, scene.call(client), kind)


def keep_tagged(imap: imaplib.IMAP4, kept: list[tuple[str, str]]) -> None:
    """Keeps the server's tagged answers, which imaplib gives only in parts."""
    original = imap._get_line

    def get_line() -> bytes:
        line = original()
        tag, _, rest = line.partition(b" ")
        if tag.startswith(imap.tagpre):
            kind, _, message = rest.decode().partition(" ")
            kept.append((kind, message))
        return line

    imap._get_line = get_line


def with_curl(scene: Scene, mechanism: str, user: str, password: str, kind: str) -> None:
    """curl lists the mailboxes; it sends the initial response at once where the server allows it."""
    port = scene.next_port()
    command = ["curl", "-sS", "-v", "--login-options", f"AUTH={mechanism}", "--user", f"{user}:{password}"]
    done = scene.client(*command, f"imap://{HOST}/")
    expect(done.returncode, 0, done.stderr)
    said = [line.split(" ", 3)[2:] for line in done.stderr.splitlines() if line.endswith("Logged in")]
    add(scene, port, mechanism.lower(), [(user, password)], [tuple(each) for each in said], kind)


def encrypted(scene: Scene) -> None:
    """A login behind TLS: nothing of it can be seen."""
    port = scene.next_port()

    def client() -> tuple[str, str]:
        imap = imaplib.IMAP4(HOST, timeout=20)
        imap.host = NAME
        imap.starttls(dovecot.context())
        imap.login("ana", "tulip-77")
        agreed = dovecot.agreed(imap.sock)
        imap.logout()
        return agreed

    agreed = scene.call(client)
    scene.truth.login("imap", "encrypted", user=None, src_port=port)
    scene.truth.tls(*agreed, starttls="imap", sni=NAME, src_port=port)


def add(
    scene: Scene,
    port: int,
    mechanism: str,
    tries: list[tuple[str, str]],
    answers: list[tuple[str, str]],
    kind: str,
) -> None:
    """The logins of a connection."""
    for number, ((user, password), (code, message)) in enumerate(zip(tries, answers, strict=True), start=1):
        values = {"user": user, "mechanism": mechanism, "secret_kind": kind, "attempt": number}
        values |= {"code": code, "message": message, "src_port": port, "dst_port": 143}
        if kind == "password":
            values["secret"] = password
        scene.truth.login("imap", "success" if code == "OK" else "failure", **values)
