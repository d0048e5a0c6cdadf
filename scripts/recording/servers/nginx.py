"""nginx, with curl and with bare sockets: persistent connections, pipelining, codings, passwords,
WebSocket, and TLS in two versions."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import subprocess
from http.client import HTTPResponse

from . import web_backend
from .. import content
from .scene import HOST, NAME, Scene, expect

NEEDED = (
    ("nginx", "nginx-light", "HTTP server"),
    ("curl", "curl", "HTTP client"),
    ("openssl", "openssl", "certificate, passwords"),
)
SHOWN = (
    "http.response.code == 200",
    "http.response.code == 401",
    "http.response.code == 101",
    "http.response.code == 206",
    "http.response.code == 304",
    "http.content_encoding == gzip",
    'http.transfer_encoding == "chunked"',
    "tls.handshake.type == 1",
    "tls.handshake.type == 11",
    "tls.alert_message.desc == 48",
)

SETTINGS = """
daemon off;
user root;
worker_processes 1;
error_log stderr;
pid {folder}/nginx.pid;
events {{ }}
http {{
  access_log off;
  server_tokens off;
  if_modified_since before;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  types {{ text/html html; text/plain txt; application/octet-stream bin; }}
  gzip on;
  gzip_types text/plain;
  server {{
    listen {host}:80;
    listen {host}:443 ssl http2;
    server_name {name};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    root {folder}/site;
    location = /old {{ return 301 /index.html; }}
    location /private/ {{ auth_basic "garden"; auth_basic_user_file {folder}/passwords; }}
    location /back/ {{
      proxy_pass http://127.0.0.1:8000;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $http_connection;
    }}
  }}
}}
"""
SITE = f"http://{HOST}"
PAGE = content.index_page()
NUMBERS = content.files()["numbers.txt"][:1_200]
PRIVATE = b"for ana alone\n"
CHUNKED = b"".join(web_backend.CHUNKS)


def record(scene: Scene) -> None:
    """Each form of exchange."""
    start(scene)
    with scene.recording():
        curl(
            scene,
            ("GET", "/index.html", "200", PAGE),
            ("GET", "/numbers.txt", "200", NUMBERS),
            ("GET", "/missing.html", "404", None),
        )
        curl(scene, ("HEAD", "/index.html", "200", b"", "--head"), ("GET", "/old", "301", None))
        curl(scene, ("GET", "/numbers.txt?coded=1", "200", NUMBERS, "--compressed"), coding="gzip")
        delete = ("DELETE", "/back/thing", "204", b"", "-X", "DELETE")
        curl(scene, ("GET", "/back/chunked", "200", CHUNKED), delete)
        posts(scene)
        since = ("-H", "If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT")
        part = ("GET", "/numbers.txt", "206", NUMBERS[100:200], "-r", "100-199")
        curl(scene, ("GET", "/index.html", "304", b"", *since), part)
        curl(scene, ("GET", "/index.html", "200", PAGE, "-0"))
        private_page(scene)
        pipelined(scene)
        websocket(scene)
        https(scene, "1.2", "http/1.1")
        https(scene, "1.3", "http/1.1")
        https(scene, "1.3", "h2")
        distrustful(scene)
        resumed(scene, "1.2")
        resumed(scene, "1.3")


def start(scene: Scene) -> None:
    """Starts the server and what it passes requests on to."""
    site = scene.folder / "site"
    (site / "private").mkdir(parents=True)
    (site / "index.html").write_bytes(PAGE)
    (site / "numbers.txt").write_bytes(NUMBERS)
    (site / "private" / "page.txt").write_bytes(PRIVATE)
    command = ["openssl", "passwd", "-apr1", "tulip-77"]
    hashed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (scene.folder / "passwords").write_text(f"ana:{hashed}")
    certificate, key = scene.certificate()
    settings = scene.folder / "nginx.conf"
    settings.write_text(
        SETTINGS.format(folder=scene.folder, host=HOST, name=NAME, certificate=certificate, key=key)
    )
    scene.serve_module("web_backend", 8000, address="127.0.0.1")
    scene.serve("nginx", "-c", str(settings), port=80)


def curl(scene: Scene, *exchanges: tuple, coding: str | None = None) -> int:
    """Exchanges over one connection: method, target, status, body (None: any), options of curl.
    Returns the client's port."""
    port = scene.next_port()
    outputs = [scene.folder / f"body-{number}" for number in range(len(exchanges))]
    command = ["curl"]
    for (_, target, _, _, *options), output in zip(exchanges, outputs):
        output.unlink(missing_ok=True)
        command += ["-sS", "-o", str(output), *options]
        command += ["-w", "%{method} %{http_code} %{local_port}\\n", SITE + target, "--next"]
    done = scene.client(*command[:-1])
    expect(done.returncode, 0, done.stderr)
    said = [line.split() for line in done.stdout.splitlines()]
    for depth, (exchange, output, (method, status, local)) in enumerate(zip(exchanges, outputs, said), 1):
        wanted_method, target, wanted_status, body, *_ = exchange
        expect((method, status, local), (wanted_method, wanted_status, str(port)), target)
        got = output.read_bytes() if output.exists() and method != "HEAD" else b""
        expect(got, got if body is None else body, target)
        add(scene, port, depth, method, target, status, got, resp_coding=coding)
    return port


def add(
    scene: Scene, port: int, depth: int, method: str, target: str, status: str, body: bytes, **more: object
) -> None:
    """An exchange, with the body that the client received, decoded."""
    values = {"req_method": method, "req_uri": target, "resp_status": status, "trans_depth": depth}
    values |= {"resp_body_bytes": len(body), "host": HOST, "src_port": port, "dst_port": 80}
    if body:
        values["resp_body_sha256"] = hashlib.sha256(body).hexdigest()
    scene.truth.add("http", **values | more)


def posts(scene: Scene) -> None:
    """A form, and a file that is sent after an interim response."""
    port = scene.next_port()
    form, file = b"flower=tulip&count=77", b"line\n" * 60
    (scene.folder / "upload").write_bytes(file)
    command = ["curl", "-sS", "-v", "--data", form.decode(), f"{SITE}/back/form", "--next", "-sS", "-v", "-T"]
    command += [str(scene.folder / "upload"), "-H", "Expect: 100-continue", f"{SITE}/back/file"]
    done = scene.client(*command)
    expect(done.stdout.encode(), form + file, done.stderr)
    statuses = re.findall(r"^< HTTP/1.1 (\d+)", done.stderr, flags=re.MULTILINE)
    expect(statuses, ["201", "100", "201"], "statuses")
    for depth, (method, target, body) in enumerate((("POST", "form", form), ("PUT", "file", file)), 1):
        sent = {"req_body_bytes": len(body), "req_body_sha256": hashlib.sha256(body).hexdigest()}
        sent["info_status"] = [100] if method == "PUT" else None
        add(scene, port, depth, method, f"/back/{target}", "201", body, **sent)


def private_page(scene: Scene) -> None:
    """A page with a password: without one, with a wrong one, with the right one twice."""
    target = "/private/page.txt"
    curl(scene, ("GET", target, "401", None))
    right, wrong = ("-u", "ana:tulip-77"), ("-u", "ana:wrong-1")
    port = curl(
        scene,
        ("GET", target, "401", None, *wrong),
        ("GET", target, "200", PRIVATE, *right),
        ("GET", target, "200", PRIVATE, *right),
    )
    for password, outcome, status in (("wrong-1", "failure", "401"), ("tulip-77", "success", "200")):
        values = {"user": "ana", "secret": password, "secret_kind": "password", "mechanism": "basic"}
        scene.truth.login("http", outcome, **values, code=status, src_port=port)


def pipelined(scene: Scene) -> None:
    """Four requests at once."""
    port = scene.next_port()
    requests = (("GET", "/index.html"), ("HEAD", "/numbers.txt"), ("GET", "/old"), ("GET", "/numbers.txt"))
    sent = "".join(f"{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n" for method, target in requests)

    def client() -> list[tuple[int, bytes]]:
        with socket.create_connection((HOST, 80), timeout=20) as connection:
            connection.sendall(sent.encode())
            reading = connection.makefile("rb")
            reading.close = lambda: None  # which each response would do
            answers = []
            for method, _ in requests:
                response = HTTPResponse(connection, method=method)
                response.fp = reading
                response.begin()
                response.will_close = False
                answers.append((response.status, response.read()))
            return answers

    answers = scene.call(client)
    expect([status for status, _ in answers], [200, 200, 301, 200], "statuses")
    expect((answers[0][1], answers[3][1]), (PAGE, NUMBERS), "bodies")
    for depth, ((method, target), (status, body)) in enumerate(zip(requests, answers), 1):
        add(scene, port, depth, method, target, str(status), body)


def websocket(scene: Scene) -> None:
    """A request that leaves HTTP."""
    port = scene.next_port()
    key = base64.b64encode(b"sixteen bytes ok").decode()
    head = f"GET /back/socket HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    head += f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"

    def client() -> bytes:
        with socket.create_connection((HOST, 80), timeout=20) as connection:
            connection.sendall(head.encode())
            got = b""
            while not got.endswith(b"\x88\x00"):
                got += connection.recv(4096)
            connection.sendall(b"\x88\x80\x01\x02\x03\x04")
            return got

    status, _, rest = scene.call(client).partition(b"\r\n")
    expect((status, web_backend.GREETING in rest), (b"HTTP/1.1 101 Switching Protocols", True), "answer")
    add(scene, port, 1, "GET", "/back/socket", "101", b"", upgrade="websocket")


def https(scene: Scene, version: str, protocol: str) -> None:
    """A page over TLS."""
    port = scene.next_port()
    done = curl_tls(scene, version, protocol, "-k")
    agreed = re.search(r"SSL connection using (\S+) / (\S+)", done.stderr).groups()
    alpn = re.search(r"ALPN: server accepted (\S+)", done.stderr).group(1)
    expect((done.returncode, alpn), (0, protocol), done.stderr)
    offered = re.findall(r"ALPN: offers (\S+)", done.stderr)
    values = {"sni": NAME, "alpn": offered[0].split(","), "src_port": port}
    values["server_alpn"] = alpn if version == "1.2" else None  # encrypted in TLS 1.3
    scene.truth.tls(*agreed, **values, **shown_certificate(scene, version), alert=None, starttls=None)


def distrustful(scene: Scene) -> None:
    """A client that does not believe the certificate."""
    port = scene.next_port()
    done = curl_tls(scene, "1.2", "http/1.1")
    expect(done.returncode, 60, done.stderr)
    alert = int(re.search(r"\(OUT\), TLS alert, unknown CA \((\d+)\)", done.stderr).group(1)) & 0xFF
    values = {"server_version": "0x0303", "sni": NAME, "alert": alert, "src_port": port}
    scene.truth.add("tls", **values, **shown_certificate(scene, "1.2"))


def resumed(scene: Scene, version: str) -> None:
    """A session, and another one that resumes it."""
    session = scene.folder / f"session-{version}"
    for way in ("-sess_out", "-sess_in"):
        port = scene.next_port()
        command = ["openssl", "s_client", "-connect", f"{HOST}:443", "-servername", NAME]
        command += [f"-tls{version.replace('.', '_')}", "-ign_eof", way, str(session)]
        request = f"GET /old HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n"
        done = scene.client(*command, input=request)
        said = r"^(New|Reused), TLSv1.\d, Cipher is (\S+)"
        how, cipher = re.search(said, done.stdout, re.MULTILINE).groups()
        expect(how, "New" if way == "-sess_out" else "Reused", "session")
        values = {"sni": NAME, "resumed": how == "Reused", "src_port": port}
        shown = shown_certificate(scene, version if how == "New" else "none")
        scene.truth.tls(f"TLSv{version}", cipher, **values, **shown)


def curl_tls(scene: Scene, version: str, protocol: str, *options: str) -> subprocess.CompletedProcess:
    """curl with one version of TLS and one of HTTP."""
    command = ["curl", "-sS", "-v", "--resolve", f"{NAME}:443:{HOST}", "-o", "/dev/null", *options]
    command += [f"--tlsv{version}", "--tls-max", version]
    command += ["--http2" if protocol == "h2" else "--http1.1", f"https://{NAME}/index.html"]
    return scene.client(*command)


def shown_certificate(scene: Scene, version: str) -> dict:
    """What can be seen of the certificate: all of it up to TLS 1.2, nothing later or resumed."""
    if version == "1.2":
        return {"certs": [scene.fingerprint()], "san": [NAME]}
    return {"certs": None, "san": None, "subject": None}
