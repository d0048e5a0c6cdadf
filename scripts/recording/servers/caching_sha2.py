"""MySQL's caching_sha2_password: PyMySQL and a server of our own, which verifies what it sends."""

from __future__ import annotations

from . import dovecot
from .scene import HOST, Scene, expect

NEEDED = (("openssl", "openssl", "certificate"),)
PACKAGES = ("PyMySQL==1.2.4", "cryptography==50.0.2")
SHOWN = (
    "mysql.login_request",
    "mysql.error_code == 1045",
    "mysql.error_code == 1049",
    'tcp.payload contains "BEGIN PUBLIC KEY"',
    "tcp.payload[0:6] == 02:00:00:02:01:03",
    "tcp.payload[0:6] == 02:00:00:02:01:04",
    "tls.handshake.type == 1",
)
PLUGIN = "caching_sha2_password"


def record(scene: Scene) -> None:
    """Logs in: at first with the whole password, later by proof alone."""
    certificate, key = scene.certificate()
    scene.serve_module("sha2_server", 3306, HOST, str(certificate), str(key))
    with scene.recording():
        log_in(scene, "ana", "tulip-77", "garden", "full")
        log_in(scene, "ana", "tulip-77", "garden", "fast")
        log_in(scene, "ana", "wrong-1", "garden", None)
        log_in(scene, "ben", "wrong-2", None, None)
        log_in(scene, "ben", "daisy-88", None, "full")
        log_in(scene, "ben", "daisy-88", "nothere", "fast")
        log_in(scene, "nobody", "tulip-77", None, None)
        log_in(scene, "empty", "", "garden", "none")
        encrypted(scene)


def connect(user: str, password: str, database: str | None, **options: object) -> tuple:
    """Logs in and pings; returns the error, the mechanism, and version and cipher if encrypted."""
    import pymysql

    try:
        connection = pymysql.connect(
            host=HOST, user=user, password=password, database=database, connect_timeout=20, **options
        )
    except pymysql.err.OperationalError as error:
        return error.args, None, None
    agreed = dovecot.agreed(connection._sock) if options.get("ssl") else None
    connection.ping(reconnect=False)
    mechanism = connection._auth_plugin_name
    connection.close()
    return None, mechanism, agreed


def log_in(scene: Scene, user: str, password: str, database: str | None, way: str | None) -> None:
    """A login without TLS; the server's log says in which way it was verified."""
    port = scene.next_port()
    log = scene.folder / "3306.log"
    logged = len(log.read_text())
    error, mechanism, _ = scene.call(lambda: connect(user, password, database, ssl_disabled=True))
    said = log.read_text()[logged:].split()
    expect(said, [user, way] if way in ("fast", "full") else [], "way of the login")
    values = {"user": user, "database": database, "mechanism": PLUGIN, "src_port": port, "attempt": 1}
    values |= {"secret_kind": "proof" if password else "none", "dst_port": 3306}
    if error is None:
        expect(mechanism, PLUGIN, "mechanism")
        scene.truth.login("mysql", "success", **values)
    else:
        code, message = error
        result = 2 if code == 1045 else 3
        scene.truth.login("mysql", "failure", crack_result=result, code=str(code), message=message, **values)


def encrypted(scene: Scene) -> None:
    """A login behind TLS: nothing of it can be seen."""
    port = scene.next_port()
    options = {"ssl": dovecot.context()}
    error, _, agreed = scene.call(lambda: connect("ana", "tulip-77", "garden", **options))
    expect(error, None, "error")
    scene.truth.login("mysql", "encrypted", user=None, src_port=port)
    scene.truth.tls(*agreed, starttls="mysql", src_port=port)
