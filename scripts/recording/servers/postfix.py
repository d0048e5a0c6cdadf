"""Postfix, whose passwords Dovecot checks: SASL in each form, mails, refusals, STARTTLS."""

from __future__ import annotations

import base64
import shutil
import smtplib
from collections.abc import Callable
from email.header import Header

from . import dovecot
from .scene import HOST, NAME, Scene, expect

NEEDED = (
    *dovecot.NEEDED,
    ("postfix", "postfix", "SMTP server"),
    ("curl", "curl", "SMTP client"),
)
SHOWN = (
    'smtp.req.command == "AUTH"',
    "smtp.response.code == 235",
    "smtp.response.code == 535",
    "smtp.response.code == 554",
    'tcp.payload contains "STARTTLS\\r"',
    'tcp.payload contains "=?utf-8?"',
    "tls.handshake.type == 1",
)

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/postfix-data
myhostname = {name}
mydestination =
mynetworks =
inet_interfaces = {host}
inet_protocols = ipv4
virtual_mailbox_domains = example.test
virtual_transport = discard:
default_transport = discard:
local_recipient_maps =
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth_port}
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
smtpd_error_sleep_time = 0
smtpd_peername_lookup = no
smtpd_client_restrictions =
smtputf8_enable = no
maillog_file = /dev/stdout
maillog_file_prefixes = /dev/stdout
"""
MASTER = """
25 inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"""
SUBJECT = "Grüße aus dem Garten, wo Tulpen blühen – und Gänseblümchen"
DATE = "Sat, 28 Nov 2026 12:00:00 +0000"


def record(scene: Scene) -> None:
    """Logs in and sends mails."""
    dovecot.start(scene, "imap", dovecot.AUTH_PORT)
    start(scene)
    with scene.recording():
        connect(scene, ("plain", "ana", "tulip-77"), mail(SUBJECT))
        connect(scene, ("plain", "ana", "wrong-1"), ("login", "ana", "tulip-77"))
        elsewhere = mail("second", to=("ben@other.test", "cid@other.test"))
        connect(scene, ("cram-md5", "ana", "tulip-77"), elsewhere)
        connect(scene, ("cram-md5", "ana", "wrong-2"))
        connect(scene, ("login in steps", "ana", "tulip-77"), ("again", "", ""))
        connect(scene, ("plain in steps", "nobody", "tulip-77"), ("cancelled", "", ""))
        connect(
            scene,
            mail("one recipient refused", to=("ben@example.test", "ben@elsewhere.test")),
            mail("dots", body=".\r\n..\r\n.hidden\r\nend\r\n", sender=""),
            mail("nobody left", to=("ben@elsewhere.test",)),
        )
        at_once(scene)
        in_chunks(scene)
        with_curl(scene)
        encrypted(scene)


def start(scene: Scene) -> None:
    """Starts Postfix."""
    certificate, key = scene.certificate()
    settings, data = scene.folder / "postfix", scene.folder / "postfix-data"
    for folder in (settings, data, scene.folder / "queue"):
        folder.mkdir()
    shutil.chown(data, "postfix", "postfix")
    (settings / "main.cf").write_text(
        MAIN.format(
            folder=scene.folder,
            host=HOST,
            name=NAME,
            auth_port=dovecot.AUTH_PORT,
            certificate=certificate,
            key=key,
        )
    )
    (settings / "master.cf").write_text(MASTER.lstrip())
    scene.serve("postfix", "-c", str(settings), "start-fg", port=25)


def mail(
    subject: str,
    to: tuple[str, ...] = ("ben@example.test", "cid@example.test"),
    body: str = "A text.\r\n",
    sender: str = "ana@example.test",
) -> dict:
    """A mail that is to be sent."""
    number = "".join(letter for letter in subject.lower() if letter.isascii() and letter.isalpha())[:12]
    message_id = f"<{number}@client.example.test>"
    encoded = Header(subject, "utf-8" if not subject.isascii() else None).encode(linesep="\r\n")
    head = f"From: {sender or 'a@example.test'}\r\nTo: {', '.join(to)}\r\nSubject: {encoded}\r\n"
    head += f"Message-ID: {message_id}\r\nDate: {DATE}\r\n\r\n"
    return {"from": sender, "to": list(to), "subject": subject, "message_id": message_id, "text": head + body}


def connect(scene: Scene, *steps: tuple[str, str, str] | dict) -> None:
    """One connection with smtplib: logins and mails in turn."""
    port = scene.next_port()

    def client() -> list:
        smtp = greeted()
        answers = [send(smtp, each) if isinstance(each, dict) else log_in(smtp, *each) for each in steps]
        smtp.quit()
        return answers

    attempt = 0
    for step, said in zip(steps, scene.call(client), strict=True):
        if isinstance(step, dict):
            add_mail(scene, port, step, *said)
        else:
            attempt += 1
            add_login(scene, port, attempt, *step, *said)


def log_in(smtp: smtplib.SMTP, way: str, user: str, password: str) -> tuple[int, str]:
    """Logs in with AUTH; returns the server's answer."""
    smtp.user, smtp.password = user, password
    ways: dict[str, Callable[[], tuple[int, bytes]]] = {
        "plain": lambda: smtp.auth("PLAIN", smtp.auth_plain),
        "login": lambda: smtp.auth("LOGIN", smtp.auth_login),
        "cram-md5": lambda: smtp.auth("CRAM-MD5", smtp.auth_cram_md5),
        "login in steps": lambda: smtp.auth("LOGIN", smtp.auth_login, initial_response_ok=False),
        "plain in steps": lambda: in_steps(smtp, user, password),
        "cancelled": lambda: cancelled(smtp),
        "again": lambda: smtp.docmd("AUTH", "PLAIN"),  # once logged in, which is refused at once
    }
    try:
        code, message = ways[way]()
    except smtplib.SMTPAuthenticationError as error:
        code, message = error.smtp_code, error.smtp_error
    return code, message.decode()


def in_steps(smtp: smtplib.SMTP, user: str, password: str) -> tuple[int, bytes]:
    """AUTH PLAIN, answered after the server's continuation."""
    expect(smtp.docmd("AUTH", "PLAIN")[0], 334, "continuation")
    return smtp.docmd(base64.b64encode(f"\0{user}\0{password}".encode()).decode())


def cancelled(smtp: smtplib.SMTP) -> tuple[int, bytes]:
    """AUTH LOGIN that the client gives up."""
    expect(smtp.docmd("AUTH", "LOGIN")[0], 334, "continuation")
    return smtp.docmd("*")


def send(smtp: smtplib.SMTP, step: dict) -> tuple[int, str]:
    """Sends a mail to those recipients that are accepted; returns the last answer."""
    expect(smtp.mail(step["from"])[0], 250, "MAIL")
    answers = [smtp.rcpt(each) for each in step["to"]]
    if all(code != 250 for code, _ in answers):
        smtp.rset()
        return answers[-1][0], answers[-1][1].decode()
    code, message = smtp.data(step["text"].encode())
    return code, message.decode()


def add_login(
    scene: Scene, port: int, attempt: int, way: str, user: str, password: str, code: int, message: str
) -> None:
    """A login and how it ended."""
    mechanism = {"cancelled": "login", "again": "plain"}.get(way, way.removesuffix(" in steps"))
    values = {"user": user or None, "mechanism": mechanism, "attempt": attempt, "src_port": port}
    values |= {"dst_port": 25, "code": str(code), "message": message}
    if way in ("cancelled", "again"):
        scene.truth.login("smtp", "failure", crack_result=3, secret_kind="none", **values)
        return
    values["secret_kind"] = "proof" if mechanism == "cram-md5" else "password"
    if values["secret_kind"] == "password":
        values["secret"] = password
    scene.truth.login("smtp", "success" if code == 235 else "failure", **values)


def add_mail(scene: Scene, port: int, step: dict, code: int, message: str) -> None:
    """A mail and how it ended. A mail without recipients has no content."""
    values = {"helo": "client.example.test", "from": step["from"], "to": step["to"]}
    values |= {"code": str(code), "message": message, "src_port": port, "dst_port": 25}
    if code == 250:
        values |= {"subject": step["subject"], "message_id": step["message_id"], "date": DATE}
        values["size"] = len(step["text"].encode())
    else:
        values |= {"subject": None, "size": None}
    scene.truth.add("smtp", **values)


def at_once(scene: Scene) -> None:
    """A mail whose commands are sent without waiting for answers (RFC 2920), after the password."""
    port = scene.next_port()
    step = mail("pipelined", to=("ben@example.test", "ben@elsewhere.test", "cid@other.test"))

    def client() -> list:
        smtp = greeted()
        said = log_in(smtp, "plain", "ana", "tulip-77")
        commands = [f"MAIL FROM:<{step['from']}>", *(f"RCPT TO:<{each}>" for each in step["to"]), "DATA"]
        smtp.send("".join(f"{line}\r\n" for line in commands))
        answers = [smtp.getreply()[0] for _ in commands]
        expect(answers, [250, 250, 250, 250, 354], "answers")
        smtp.send(step["text"] + ".\r\n")
        code, message = smtp.getreply()
        smtp.quit()
        return [said, (code, message.decode())]

    logged_in, sent = scene.call(client)
    add_login(scene, port, 1, "plain", "ana", "tulip-77", *logged_in)
    add_mail(scene, port, step, *sent)


def in_chunks(scene: Scene) -> None:
    """A mail in two pieces whose lengths are told before (RFC 3030)."""
    port = scene.next_port()
    step = mail("chunked", body="A text.\r\n.\r\nNot its end.\r\n")

    def client() -> tuple[int, str]:
        smtp = greeted()
        smtp.mail(step["from"])
        for each in step["to"]:
            smtp.rcpt(each)
        octets = step["text"].encode()
        first, last = octets[:150], octets[150:]
        smtp.send(b"BDAT %d\r\n" % len(first) + first)
        expect(smtp.getreply()[0], 250, "first chunk")
        smtp.send(b"BDAT %d LAST\r\n" % len(last) + last)
        code, message = smtp.getreply()
        smtp.quit()
        return code, message.decode()

    add_mail(scene, port, step, *scene.call(client))


def greeted() -> smtplib.SMTP:
    """A connection on which the client has said its name."""
    smtp = smtplib.SMTP(HOST, 25, local_hostname="client.example.test", timeout=20)
    smtp.ehlo()
    return smtp


def with_curl(scene: Scene) -> None:
    """curl logs in and sends a mail."""
    port = scene.next_port()
    step = mail("with curl")
    file = scene.folder / "mail.txt"
    file.write_bytes(step["text"].encode())
    command = ["curl", "-sS", "-v", "--login-options", "AUTH=PLAIN", "--user", "ana:tulip-77"]
    command += ["--mail-from", step["from"]]
    command += [part for each in step["to"] for part in ("--mail-rcpt", each)]
    done = scene.client(*command, "-T", str(file), f"smtp://{HOST}/client.example.test")
    expect(done.returncode, 0, done.stderr)
    said = [line[2:].strip() for line in done.stderr.splitlines() if line.startswith("< ")]
    logged_in = next(line for line in said if line.startswith("235 "))
    queued = next(line for line in said if line.startswith("250 ") and "queued as" in line)
    add_login(scene, port, 1, "plain", "ana", "tulip-77", 235, logged_in[4:])
    add_mail(scene, port, step, 250, queued[4:])


def encrypted(scene: Scene) -> None:
    """A login and a mail behind TLS: nothing of them can be seen."""
    port = scene.next_port()
    step = mail("hidden")

    def client() -> tuple[str, str]:
        smtp = smtplib.SMTP(HOST, 25, local_hostname="client.example.test", timeout=20)
        smtp._host = NAME
        smtp.starttls(context=dovecot.context())
        smtp.login("ana", "tulip-77")
        expect(send(smtp, step)[0], 250, "mail")
        agreed = dovecot.agreed(smtp.sock)
        smtp.quit()
        return agreed

    agreed = scene.call(client)
    scene.truth.login("smtp", "encrypted", user=None, src_port=port)
    scene.truth.tls(*agreed, starttls="smtp", sni=NAME, src_port=port)
