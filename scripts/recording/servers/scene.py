"""What every recording of a server has: a network, a folder, a certificate, true answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .. import programs
from ..network import ADDRESSES, CLIENT, SCRIPTS, SERVER, Answer, Network
from .truth import Truth

HOST = ADDRESSES[SERVER][0]
NAME = "server.example.test"
"""The server's name in certificates, and in what clients ask for by name."""
FIRST_PORT = 41_001


@dataclass
class Scene:
    """A server and its client, while they are recorded."""

    network: Network
    folder: Path
    capture: Path
    truth: Truth = field(default_factory=Truth)
    _port: int = FIRST_PORT

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Records at the client."""
        with programs.recording(self.network, CLIENT, self.capture):
            yield

    def serve(self, *command: str, port: int, user: str | None = None, **named: object) -> subprocess.Popen:
        """Starts a server, as another user if named, and waits until it listens."""
        if user is not None:
            command = ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *command)
        log = (self.folder / f"{port}.log").open("wb")
        process = self.network.start(SERVER, *command, stdout=log, stderr=log, **named)
        self.wait_for(port)
        return process

    def serve_module(self, name: str, port: int, address: str = HOST, *more: str) -> subprocess.Popen:
        """Starts a server that is one of the modules here."""
        call = f"from recording.servers import {name}; {name}.main{(address, port, *more)!r}"
        command = [sys.executable, "-c", call]
        paths = {"PYTHONPATH": f"{SCRIPTS}:{PACKAGES}", "PATH": os.environ["PATH"]}
        return self.serve(*command, port=port, env={**paths, "PYTHONDONTWRITEBYTECODE": "1"})

    def wait_for(self, port: int) -> None:
        """Waits until something listens on a port of the server."""
        programs.until(lambda: self.network.listening(SERVER, port), f"server on port {port}", 30)

    def next_port(self) -> int:
        """The port that the client's next connection comes from."""
        port, self._port = self._port, self._port + 1
        self.network.connect_from(port)
        return port

    def client(self, *command: str, **named: object) -> subprocess.CompletedProcess:
        """Runs a client, which may fail; what it prints is kept."""
        # Neither settings of the user nor of the machine.
        environment = {"PATH": "/usr/bin:/bin:/usr/sbin", "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        environment |= named.pop("env", {})
        options = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL} | named
        if "input" in options:
            del options["stdin"]
        inside = self.network.inside(CLIENT, command)
        return subprocess.run(inside, timeout=60, check=False, env=environment, **options)

    def call(self, function: Callable[[], Answer]) -> Answer:
        """What a function returns that is called at the client."""
        return self.network.call(CLIENT, function)

    def certificate(self) -> tuple[Path, Path]:
        """A certificate for NAME that signs itself, and its key."""
        made, key = self.folder / "certificate.pem", self.folder / "key.pem"
        if not made.exists():
            command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
            command += ["-nodes", "-days", "3650", "-subj", f"/O=Test/CN={NAME}", "-addext"]
            command += [f"subjectAltName=DNS:{NAME}", "-keyout", str(key), "-out", str(made)]
            subprocess.run(command, check=True, capture_output=True, timeout=30)
            made.chmod(0o644)
        return made, key

    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as OpenSSL says it."""
        command = ["openssl", "x509", "-in", str(self.certificate()[0]), "-noout", "-fingerprint", "-sha256"]
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
        return said.split("=")[1].strip().replace(":", "").lower()


PACKAGES = Path(__file__).resolve().parents[3] / "target" / "recording-packages"
"""Where clients from PyPI are installed."""


def expect(what: object, wanted: object, name: str) -> None:
    """What a client says must be what the recording is meant to show."""
    if what != wanted:
        raise RuntimeError(f"{name}: {what!r} instead of {wanted!r}")
