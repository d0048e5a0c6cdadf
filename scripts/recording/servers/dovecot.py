"""Dovecot, for POP3, for IMAP, and as the one that checks Postfix's passwords."""

from __future__ import annotations

import socket
import ssl

from .scene import HOST, Scene

NEEDED = (
    ("dovecot", "dovecot-imapd dovecot-pop3d", "POP3, IMAP and SASL server"),
    ("openssl", "openssl", "certificate"),
)
AUTH_PORT = 12_345
PASSWORDS = {"ana": "tulip-77", "ben": 'da"isy\\88 x'}

SETTINGS = """
protocols = {protocols}
listen = {host}
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
auth_mechanisms = plain login cram-md5 apop
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
mail_location = maildir:{folder}/mail/%u
auth_failure_delay = 0
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid=7700 gid=7700 home={folder}/mail/%u
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {auth_port}
  }}
}}
service stats {{
  chroot =
}}
"""


def start(scene: Scene, protocols: str, port: int) -> None:
    """Starts Dovecot and waits for a port."""
    certificate, key = scene.certificate()
    users, mail = scene.folder / "users", scene.folder / "mail"
    users.write_text("".join(f"{user}:{{PLAIN}}{password}\n" for user, password in PASSWORDS.items()))
    users.chmod(0o644)
    mail.mkdir()
    mail.chmod(0o777)
    settings = scene.folder / "dovecot.conf"
    settings.write_text(
        SETTINGS.format(
            protocols=protocols,
            host=HOST,
            folder=scene.folder,
            certificate=certificate,
            key=key,
            auth_port=AUTH_PORT,
        )
    )
    scene.serve("dovecot", "-F", "-c", str(settings), port=port)


def context() -> ssl.SSLContext:
    """TLS without a look at the certificate, which signs itself."""
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def agreed(connection: socket.socket) -> tuple[str, str]:
    """Version and cipher of a TLS connection."""
    return connection.version(), connection.cipher()[0]
