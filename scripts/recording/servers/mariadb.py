"""MariaDB and its client: native passwords, a switch of the mechanism, errors, and TLS."""

from __future__ import annotations

import re
import subprocess

from .scene import HOST, Scene, expect

NEEDED = (
    ("mariadbd", "mariadb-server", "MariaDB"),
    ("mariadb", "mariadb-client", "MariaDB client"),
    ("setpriv", "util-linux", "servers as other users"),
)
PACKAGES = ("mysql-connector-python==26.10.0",)
SHOWN = (
    "mysql.command == 17",
    "mysql.login_request",
    "mysql.error_code == 1045",
    "mysql.error_code == 1044",
    "mysql.error_code == 1049",
    "mysql.auth_switch_request.name == client_ed25519",
    "tls.handshake.type == 1",
)

USERS = """
CREATE DATABASE garden;
CREATE DATABASE closed;
CREATE USER ana IDENTIFIED VIA mysql_native_password USING PASSWORD('tulip-77');
CREATE USER nopass IDENTIFIED VIA mysql_native_password USING PASSWORD('');
INSTALL SONAME 'auth_ed25519';
CREATE USER eve IDENTIFIED VIA ed25519 USING PASSWORD('daisy-88');
GRANT ALL ON garden.* TO ana, nopass, eve;
GRANT SELECT ON *.* TO eve;
"""
NATIVE = "mysql_native_password"


def record(scene: Scene) -> None:
    """Logs in, rightly and wrongly."""
    start(scene)
    with scene.recording():
        log_in(scene, "ana", "tulip-77", "garden", NATIVE)
        log_in(scene, "ana", "wrong-1", "garden", NATIVE)
        log_in(scene, "ana", "tulip-77", None, NATIVE)
        log_in(scene, "ana", "tulip-77", "closed", NATIVE)
        log_in(scene, "nobody", "tulip-77", None, NATIVE)
        log_in(scene, "nopass", None, "garden", NATIVE)
        log_in(scene, "eve", "daisy-88", "garden", "client_ed25519")
        log_in(scene, "eve", "daisy-88", "nothere", "client_ed25519")
        log_in(scene, "eve", "wrong-2", "garden", "client_ed25519")
        change_user(scene)
        log_in_encrypted(scene)


def start(scene: Scene) -> None:
    """Makes databases and users, and starts the server."""
    data, socket = scene.folder / "data", scene.folder / "socket"
    common = ["--no-defaults", "--user=root", f"--datadir={data}"]
    subprocess.run(
        ["mariadb-install-db", *common, "--skip-test-db", "--auth-root-authentication-method=normal"],
        check=True,
        capture_output=True,
        timeout=120,
    )
    certificate, key = scene.certificate()
    small = ["--innodb-buffer-pool-size=8M", "--key-buffer-size=1M", "--innodb-flush-log-at-trx-commit=0"]
    scene.serve(
        "mariadbd",
        *common,
        *small,
        f"--socket={socket}",
        f"--bind-address={HOST}",
        "--skip-name-resolve",
        f"--pid-file={scene.folder}/pid",
        f"--ssl-cert={certificate}",
        f"--ssl-key={key}",
        port=3306,
    )
    command = ["mariadb", "--no-defaults", f"--socket={socket}", "-uroot"]
    subprocess.run(command, input=USERS, text=True, check=True, timeout=60)


def run_client(scene: Scene, user: str, password: str | None, database: str | None, *options: str) -> tuple:
    """Whether the client logged in, what it printed, and the server's error."""
    command = ["mariadb", "--no-defaults", "-h", HOST, "-u", user, "--batch", "--skip-column-names"]
    command += [f"--password={password or ''}", *options]
    command += ["-e", "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1), DATABASE()"]
    done = scene.client(*command, *([database] if database else []))
    return done.returncode == 0, done.stdout.split(), done.stderr


def log_in(scene: Scene, user: str, password: str | None, database: str | None, mechanism: str) -> None:
    """A login in clear, with what the client saw."""
    port = scene.next_port()
    is_in, printed, error = run_client(scene, user, password, database, "--skip-ssl")
    values = {"user": user, "database": database, "mechanism": mechanism, "attempt": 1}
    values |= {"src_port": port, "dst_port": 3306, "secret_kind": "proof" if password else "none"}
    if is_in:
        expect(printed, [user, database or "NULL"], "who is logged in")
        scene.truth.login("mysql", "success", **values)
    else:
        said = re.search(r"ERROR (\d+) \(\w+\): (.*)", error)
        code, message = said.groups()
        result = 2 if code == "1045" else 3
        scene.truth.login("mysql", "failure", crack_result=result, code=code, message=message, **values)


def change_user(scene: Scene) -> None:
    """Other users on the same connection, with MySQL's own client for Python."""
    port = scene.next_port()
    tries = [("ana", "tulip-77", "garden"), ("nopass", "", "garden"), ("ana", "wrong-3", "garden")]

    def client() -> list:
        import mysql.connector

        user, password, database = tries[0]
        connection = mysql.connector.connect(
            host=HOST, user=user, password=password, database=database, use_pure=True, ssl_disabled=True
        )
        answers = [None]
        for each in tries[1:]:
            try:
                connection.cmd_change_user(*each)
                answers.append(None)
            except mysql.connector.Error as error:
                answers.append((error.errno, error.msg))
        return answers

    for number, ((user, password, database), error) in enumerate(zip(tries, scene.call(client)), 1):
        values = {"user": user, "database": database, "attempt": number, "src_port": port}
        values["secret_kind"] = "proof" if password else "none"
        if error is None:
            scene.truth.login("mysql", "success", **values)
        else:
            scene.truth.login("mysql", "failure", code=str(error[0]), message=error[1], **values)


def log_in_encrypted(scene: Scene) -> None:
    """A login behind TLS: nothing of it can be seen."""
    port = scene.next_port()
    command = ["mariadb", "--no-defaults", "-h", HOST, "-u", "ana", "--password=tulip-77", "--batch"]
    command += ["--skip-column-names", "--ssl", "--skip-ssl-verify-server-cert"]
    command += ["-e", "SHOW STATUS WHERE Variable_name IN ('Ssl_version', 'Ssl_cipher')"]
    done = scene.client(*command)
    status = dict(line.split("\t") for line in done.stdout.splitlines())
    scene.truth.login("mysql", "encrypted", user=None, secret_kind="none", src_port=port)
    scene.truth.tls(
        status["Ssl_version"], status["Ssl_cipher"], starttls="mysql", sni=None, src_port=port
    )
