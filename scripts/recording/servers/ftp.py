"""vsftpd, with Python's client and with curl: passive and active data connections of both kinds,
refused logins, AUTH TLS."""

from __future__ import annotations

import ftplib
import io
import socket

from . import accounts, dovecot
from .scene import HOST, NAME, Scene, expect

NEEDED = (
    ("vsftpd", "vsftpd", "FTP server"),
    ("curl", "curl", "FTP client"),
    ("openssl", "openssl", "certificate, password of the account"),
)
SHOWN = (
    'ftp.request.command == "PASV"',
    'ftp.request.command == "EPSV"',
    'ftp.request.command == "PORT"',
    'ftp.request.command == "EPRT"',
    "ftp.response.code == 230",
    "ftp.response.code == 530",
    "ftp.response.code == 550",
    'ftp.request.command == "AUTH"',
    "tls.handshake.type == 1",
)

SETTINGS = """
listen=YES
background=NO
listen_address={host}
local_enable=YES
write_enable=YES
anonymous_enable=YES
anon_root={folder}/anonymous
secure_chroot_dir=/run/vsftpd/empty
pam_service_name=vsftpd
seccomp_sandbox=NO
ssl_enable=YES
force_local_logins_ssl=NO
force_local_data_ssl=NO
allow_anon_ssl=NO
require_ssl_reuse=NO
rsa_cert_file={certificate}
rsa_private_key_file={key}
pasv_min_port=50000
pasv_max_port=50099
"""
CLIENT_ADDRESS = "10.77.0.1"
FILE = b"tulip\n" * 40


def record(scene: Scene) -> None:
    """Logs in, rightly and wrongly, and transfers files in each way."""
    certificate, key = scene.certificate()
    anonymous = scene.folder / "anonymous"
    anonymous.mkdir()
    (anonymous / "welcome.txt").write_bytes(FILE)
    settings = scene.folder / "vsftpd.conf"
    settings.write_text(
        SETTINGS.format(host=HOST, folder=scene.folder, certificate=certificate, key=key)
    )
    server = accounts.with_user(scene.folder, "ana", "tulip-77", "/usr/sbin/vsftpd", str(settings))
    (scene.folder / "home" / "ana" / "list.txt").write_bytes(FILE)
    scene.serve(*server, port=21)
    with scene.recording():
        wrong_logins(scene)
        passive(scene)
        active(scene)
        anonymously(scene)
        with_curl(scene)
        encrypted(scene)


class Client(ftplib.FTP):
    """Keeps what was said about data connections: the listening end is what the client's own
    socket is connected to, or listens on."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, int, bool]] = []
        super().__init__(HOST, timeout=20)
        self.local_port = self.sock.getsockname()[1]

    def makepasv(self) -> tuple[str, int]:
        host, port = super().makepasv()
        self.ends.append((host, port, True))
        return host, port

    def makeport(self) -> socket.socket:
        listening = super().makeport()
        self.ends.append((CLIENT_ADDRESS, listening.getsockname()[1], False))
        return listening


def wrong_logins(scene: Scene) -> None:
    """Two refused logins and one that is accepted, on one connection."""
    port = scene.next_port()
    tries = [("ana", "wrong-1"), ("nobody", "tulip-77"), ("ana", "tulip-77")]

    def client() -> list[str]:
        ftp = Client()
        answers = [answer(lambda: ftp.login(*each)) for each in tries]
        ftp.quit()
        return answers

    add_logins(scene, port, tries, scene.call(client))


def passive(scene: Scene) -> None:
    """PASV and EPSV: a list, a file down, a file up, a file that is not there."""
    allow_many_ports(scene)

    def client() -> list:
        ftp = Client()
        ftp.trust_server_pasv_ipv4_address = True
        login = ftp.login("ana", "tulip-77")
        said = [ftp.retrlines("LIST", callback=lambda _: None)]
        said.append(ftp.retrbinary("RETR list.txt", lambda _: None))
        ftp.af = socket.AF_INET6  # ftplib sends EPSV then, which is right over IPv4 too
        said.append(ftp.storbinary("STOR new file.txt", io.BytesIO(FILE)))
        said.append(answer(lambda: ftp.retrbinary("RETR missing.txt", lambda _: None)))
        said.append(ftp.retrlines("NLST", callback=lambda _: None))
        ftp.quit()
        return [ftp.local_port, login, said, ftp.ends]

    port, login, said, ends = scene.call(client)
    add_logins(scene, port, [("ana", "tulip-77")], [login])
    commands = ["LIST", "RETR list.txt", "STOR new file.txt", "RETR missing.txt", "NLST"]
    add_transfers(scene, port, "ana", commands, said, ends)


def active(scene: Scene) -> None:
    """PORT and EPRT, the latter by its number for IPv4."""
    allow_many_ports(scene)

    def client() -> list:
        ftp = Client()
        login = ftp.login("ana", "tulip-77")
        ftp.set_pasv(False)
        said = [ftp.retrbinary("RETR list.txt", lambda _: None)]
        ftp.sendport = lambda host, number: ftp.voidcmd(f"EPRT |1|{host}|{number}|")
        said.append(ftp.storbinary("APPE list.txt", io.BytesIO(FILE)))
        ftp.quit()
        return [ftp.local_port, login, said, ftp.ends]

    port, login, said, ends = scene.call(client)
    add_logins(scene, port, [("ana", "tulip-77")], [login])
    add_transfers(scene, port, "ana", ["RETR list.txt", "APPE list.txt"], said, ends)


def anonymously(scene: Scene) -> None:
    """An anonymous login with an address of mail as its password."""
    allow_many_ports(scene)

    def client() -> list:
        ftp = Client()
        login = ftp.login("anonymous", "guest@example.test")
        said = [ftp.retrbinary("RETR welcome.txt", lambda _: None)]
        ftp.quit()
        return [ftp.local_port, login, said, ftp.ends]

    port, login, said, ends = scene.call(client)
    add_logins(scene, port, [("anonymous", "guest@example.test")], [login])
    add_transfers(scene, port, "anonymous", ["RETR welcome.txt"], said, ends)


def with_curl(scene: Scene) -> None:
    """curl fetches a file by EPSV, and by EPRT with a port that is chosen for it."""
    for options, is_passive in (((), True), (("--ftp-port", f"{CLIENT_ADDRESS}:47001-47001"), False)):
        allow_many_ports(scene)
        command = ["curl", "-sS", "-v", "--user", "ana:tulip-77", *options]
        done = scene.client(*command, "-o", "/dev/null", f"ftp://{HOST}/list.txt")
        expect(done.returncode, 0, done.stderr)
        said = [line[2:].strip() for line in done.stderr.splitlines() if line.startswith("< ")]
        login = next(line for line in said if line.startswith("230 "))
        entered = next((line for line in said if line.startswith("229 ")), "(|||47001|)")
        listening = HOST if is_passive else CLIENT_ADDRESS
        ends = [(listening, int(entered.split("|")[3]), is_passive)]
        add_logins(scene, None, [("ana", "tulip-77")], [login])
        ended = next(line for line in said if line.startswith("226 "))
        add_transfers(scene, None, "ana", ["RETR list.txt"], [ended], ends)


def encrypted(scene: Scene) -> None:
    """A login behind TLS: nothing of it can be seen."""
    port = scene.next_port()

    def client() -> tuple[str, str]:
        ftp = ftplib.FTP_TLS(timeout=20, context=dovecot.context())
        ftp.connect(HOST, 21)
        ftp.host = NAME
        ftp.auth()
        ftp.login("ana", "tulip-77", secure=False)
        agreed = dovecot.agreed(ftp.sock)
        ftp.quit()
        return agreed

    agreed = scene.call(client)
    scene.truth.login("ftp", "encrypted", user=None, src_port=port)
    scene.truth.tls(*agreed, starttls="ftp", sni=NAME, src_port=port)


def allow_many_ports(scene: Scene) -> None:
    """Data connections need ports of their own, so that of the first one is left to chance."""
    first = scene.next_port()
    scene.network.connect_from(first, first + 999)


def answer(function: object) -> str:
    """What the server answers, whether it is an error to the client or not."""
    try:
        return function()
    except ftplib.Error as error:
        return error.args[0]


def add_logins(scene: Scene, port: int | None, tries: list[tuple[str, str]], answers: list[str]) -> None:
    """The logins of a connection."""
    for number, ((user, password), said) in enumerate(zip(tries, answers, strict=True), start=1):
        code, message = said.split(" ", 1)
        values = {"user": user, "secret": password, "secret_kind": "password", "attempt": number}
        values |= {"mechanism": "user/pass", "code": code, "message": message, "dst_port": 21}
        if port is not None:
            values["src_port"] = port
        scene.truth.login("ftp", "success" if code == "230" else "failure", **values)


def add_transfers(
    scene: Scene,
    port: int | None,
    user: str,
    commands: list[str],
    answers: list[str],
    ends: list[tuple[str, int, bool]],
) -> None:
    """The commands with data connections of a control connection."""
    for command, said, (address, listening, is_passive) in zip(commands, answers, ends, strict=True):
        verb, _, argument = command.partition(" ")
        code, message = said.split(" ", 1)
        from_address = CLIENT_ADDRESS if is_passive else HOST
        data = {"src_ip": from_address, "dst_ip": address, "dst_port": listening, "passive": is_passive}
        values = {"user": user, "command": verb, "arg": argument or None, "code": code, "message": message}
        values |= {"data": data, "dst_port": 21} | ({} if port is None else {"src_port": port})
        scene.truth.add("ftp", **values)
