"""PostgreSQL and psql: each kind of password, refusals, and TLS offered, refused and used."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from .scene import HOST, Scene, expect

NEEDED = (
    ("psql", "postgresql-client", "PostgreSQL client"),
    ("pg_ctlcluster", "postgresql", "PostgreSQL"),
    ("setpriv", "util-linux", "servers as other users"),
)
SHOWN = (
    "pgsql.authtype == 10",
    "pgsql.authtype == 5",
    "pgsql.authtype == 3",
    "pgsql.code == 28P01",
    "pgsql.code == 3D000",
    'pgsql.type == "SSL request"',
    "tls.handshake.type == 1",
    "tls.handshake.random[0:4] == cf:21:ad:74",  # of a HelloRetryRequest
)

USERS = """
SET password_encryption = 'scram-sha-256';
CREATE ROLE ana LOGIN PASSWORD 'tulip-77';
CREATE ROLE dan LOGIN PASSWORD 'lily-99';
CREATE ROLE fay LOGIN;
SET password_encryption = 'md5';
CREATE ROLE ben LOGIN PASSWORD 'daisy-88';
CREATE DATABASE garden;
"""
RULES = """
local   all all                       trust
hostssl all ana 10.77.0.0/24 scram-sha-256
host    all ana,missing 10.77.0.0/24 scram-sha-256
host    all ben 10.77.0.0/24 md5
host    all dan 10.77.0.0/24 password
host    all fay,absent 10.77.0.0/24 trust
"""
SCRAM = "scram-sha-256"
CLEAR, NONE = "cleartext", "none"
PROOFS = {SCRAM: "proof", "md5": "proof", CLEAR: "password", NONE: "none"}


def record(scene: Scene) -> None:
    """Logs in, rightly and wrongly; then the server learns TLS, and once more."""
    data = start(scene)
    with scene.recording():
        log_in(scene, "ana", "tulip-77", "garden", SCRAM)
        log_in(scene, "ana", "wrong-1", "garden", SCRAM)
        log_in(scene, "missing", "tulip-77", "garden", SCRAM)
        log_in(scene, "ben", "daisy-88", "garden", "md5")
        log_in(scene, "ben", "wrong-2", "garden", "md5")
        log_in(scene, "dan", "lily-99", "garden", CLEAR)
        log_in(scene, "dan", "wrong-3", "garden", CLEAR)
        log_in(scene, "fay", None, "garden", NONE)
        log_in(scene, "absent", None, "garden", NONE)
        log_in(scene, "fay", None, "nothere", NONE)
        log_in(scene, "gil", "tulip-77", "garden", NONE)
        log_in(scene, "ana", None, "garden", SCRAM)
        log_in(scene, "ana", "tulip-77", "garden", SCRAM, tls="prefer")
        with (data / "postgresql.conf").open("a") as settings:
            settings.write("ssl = on\n")
        reload(scene, data)
        log_in_encrypted(scene)


def start(scene: Scene) -> Path:
    """Makes databases and roles, and starts the server."""
    data = scene.folder / "data"
    data.mkdir()
    shutil.chown(data, "postgres", "postgres")
    run_as(scene, program("initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "--no-sync")
    certificate, key = scene.certificate()
    for path in (certificate, key):
        copy = data / path.name
        shutil.copyfile(path, copy)
        shutil.chown(copy, "postgres", "postgres")
        copy.chmod(0o600)
    settings = f"""
        listen_addresses = '{HOST}'
        unix_socket_directories = '{data}'
        log_line_prefix = 'code %e '
        ssl_cert_file = '{certificate.name}'
        ssl_key_file = '{key.name}'
        ssl_ecdh_curve = 'prime256v1'
        fsync = off
        shared_buffers = 4MB
    """
    with (data / "postgresql.conf").open("a") as file:
        file.write("\n".join(line.strip() for line in settings.splitlines()))
    (data / "pg_hba.conf").write_text(RULES)
    scene.serve(program("postgres"), "-D", str(data), port=5432, user="postgres")
    run_as(scene, "psql", "-h", str(data), "-q", "-v", "ON_ERROR_STOP=1", input=USERS)
    return data


def reload(scene: Scene, data: Path) -> None:
    """Lets the server read its settings again."""
    run_as(scene, "psql", "-h", str(data), "-qAtc", "SELECT pg_reload_conf()")
    run_as(scene, "psql", "-h", str(data), "-qAtc", "SELECT pg_sleep(0.5)")


def program(name: str) -> str:
    """A program of the newest installed version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda it: int(it.parts[4]))
    return str(found[-1])


def run_as(scene: Scene, *command: str, **named: object) -> None:
    """Runs a program as the user postgres."""
    user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups")
    subprocess.run(
        [*user, *command],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=scene.folder,
        env={**os.environ, "PGUSER": "postgres", "PGDATABASE": "postgres"},
        **named,
    )


def run_client(scene: Scene, user: str, password: str | None, database: str, tls: str, query: str) -> tuple:
    """Whether psql logged in, what it printed, and its error."""
    where = f"host={HOST} user={user} dbname={database} sslmode={tls} gssencmode=disable"
    environment = {"PGPASSWORD": password} if password else {}
    done = scene.client("psql", "-w", "-qAt", "-c", query, where, env=environment)
    return done.returncode == 0, done.stdout.strip(), done.stderr.strip()


def log_in(
    scene: Scene, user: str, password: str | None, database: str, mechanism: str, tls: str = "disable"
) -> None:
    """A login in clear. The error's code is that of the server's log: psql does not print it."""
    port = scene.next_port()
    log = scene.folder / "5432.log"
    logged = len(log.read_text())
    query = "SELECT current_user, current_database()"
    is_in, printed, error = run_client(scene, user, password, database, tls, query)
    values = {"user": user, "database": database, "mechanism": mechanism, "attempt": 1}
    values |= {"src_port": port, "dst_port": 5432, "secret_kind": PROOFS[mechanism if password else NONE]}
    if PROOFS[mechanism] == "password":
        values["secret"] = password
    if is_in:
        expect(printed, f"{user}|{database}", "who is logged in")
        scene.truth.login("pgsql", "success", **values)
    elif "no password supplied" in error:
        scene.truth.login("pgsql", "unknown", **values)
    else:
        code = re.search(r"code (\w+) FATAL:", log.read_text()[logged:]).group(1)
        message = re.search(r"FATAL:  (.*)", error).group(1)
        result = 2 if code in ("28P01", "28000") else 3
        scene.truth.login("pgsql", "failure", crack_result=result, code=code, message=message, **values)


def log_in_encrypted(scene: Scene) -> None:
    """A login behind TLS: nothing of it can be seen."""
    port = scene.next_port()
    query = "SELECT version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    is_in, printed, error = run_client(scene, "ana", "tulip-77", "garden", "require", query)
    expect(is_in, True, error)
    scene.truth.login("pgsql", "encrypted", user=None, secret_kind="none", src_port=port)
    version, cipher = printed.split("|")
    # The client has guessed that the server takes X25519, and must say hello again.
    scene.truth.tls(version, cipher, starttls="pgsql", sni=None, hello_retry=True, src_port=port)
