"""POP3 of Dovecot, with Python's client and with curl: USER and PASS, APOP, AUTH, STLS."""

from __future__ import annotations

import base64
import poplib

from . import dovecot
from .scene import HOST, NAME, Scene, expect

NEEDED = (*dovecot.NEEDED, ("curl", "curl", "POP3 client"))
SHOWN = (
    'pop.request.command == "PASS"',
    'pop.request.command == "APOP"',
    'pop.request.command == "AUTH"',
    'pop.request.command == "STLS"',
    'pop.response.indicator == "-ERR"',
    "tls.handshake.type == 1",
)


def record(scene: Scene) -> None:
    """Logs in, rightly and wrongly."""
    dovecot.start(scene, "pop3", 110)
    ben = dovecot.PASSWORDS["ben"]
    with scene.recording():
        user_pass(scene, [("ana", "tulip-77")])
        user_pass(scene, [("ana", "wrong-1"), ("nobody", "tulip-77"), ("ben", ben)])
        apop(scene, [("ana", "tulip-77")])
        apop(scene, [("ana", "wrong-2")])
        plain(scene, [("ana", "wrong-3"), ("ana", "tulip-77")])
        with_curl(scene, "PLAIN", "ana", "tulip-77", "password")
        with_curl(scene, "CRAM-MD5", "ana", "tulip-77", "proof")
        with_curl(scene, "CRAM-MD5", "ana", "wrong-4", "proof")
        encrypted(scene)


def user_pass(scene: Scene, tries: list[tuple[str, str]]) -> None:
    """USER and PASS, several on one connection; the last one is right."""
    port = scene.next_port()

    def client() -> list[str]:
        pop = poplib.POP3(HOST, timeout=20)
        pop.capa()
        answers = []
        for user, password in tries:
            pop.user(user)
            answers.append(answer(lambda: pop.pass_(password)))
        pop.stat()
        pop.quit()
        return answers

    add(scene, port, "user/pass", tries, scene.call(client), "password")


def apop(scene: Scene, tries: list[tuple[str, str]]) -> None:
    """APOP."""
    port = scene.next_port()

    def client() -> list[str]:
        pop = poplib.POP3(HOST, timeout=20)
        answers = [answer(lambda: pop.apop(*each)) for each in tries]
        pop.quit()
        return answers

    add(scene, port, "apop", tries, scene.call(client), "proof")


def plain(scene: Scene, tries: list[tuple[str, str]]) -> None:
    """AUTH PLAIN with and without an initial response, in turns."""
    port = scene.next_port()

    def client() -> list[str]:
        pop = poplib.POP3(HOST, timeout=20)
        answers = []
        for number, (user, password) in enumerate(tries):
            message = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            if number % 2 == 0:
                answers.append(answer(lambda: pop._shortcmd(f"AUTH PLAIN {message}")))
            else:
                pop._putcmd("AUTH PLAIN")
                expect(pop._getline()[0], b"+ ", "challenge")
                answers.append(answer(lambda: pop._shortcmd(message)))
        pop.quit()
        return answers

    add(scene, port, "plain", tries, scene.call(client), "password")


def with_curl(scene: Scene, mechanism: str, user: str, password: str, kind: str) -> None:
    """curl lists the mailbox."""
    port = scene.next_port()
    command = ["curl", "-sS", "-v", "--login-options", f"AUTH={mechanism}", "--user", f"{user}:{password}"]
    done = scene.client(*command, f"pop3://{HOST}/")
    said = [line[2:] for line in done.stderr.splitlines() if line.startswith(("< +OK Logged", "< -ERR"))]
    expect((done.returncode, len(said)), (0 if said[0][0] == "+" else 67, 1), done.stderr)
    add(scene, port, mechanism.lower(), [(user, password)], said, kind)


def encrypted(scene: Scene) -> None:
    """A login behind TLS: nothing of it can be seen."""
    port = scene.next_port()

    def client() -> tuple[str, str]:
        pop = poplib.POP3(HOST, timeout=20)
        pop.host = NAME
        pop.stls(dovecot.context())
        pop.user("ana")
        pop.pass_("tulip-77")
        agreed = dovecot.agreed(pop.sock)
        pop.quit()
        return agreed

    agreed = scene.call(client)
    scene.truth.login("pop3", "encrypted", user=None, src_port=port)
    scene.truth.tls(*agreed, starttls="pop3", sni=NAME, src_port=port)


def answer(function: object) -> str:
    """What the server answers, whether it is an error to the client or not."""
    try:
        return function().decode()
    except poplib.error_proto as error:
        return error.args[0].decode()


def add(
    scene: Scene, port: int, mechanism: str, tries: list[tuple[str, str]], answers: list[str], kind: str
) -> None:
    """The logins of a connection."""
    for number, ((user, password), said) in enumerate(zip(tries, answers, strict=True), start=1):
        code, message = said.split(" ", 1)
        values = {"user": user, "mechanism": mechanism, "secret_kind": kind, "attempt": number}
        values |= {"code": code, "message": message, "src_port": port, "dst_port": 110}
        if kind == "password":
            values["secret"] = password
        scene.truth.login("pop3", "success" if code == "+OK" else "failure", **values)
