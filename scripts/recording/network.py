"""Two network namespaces, joined directly or by a relay; all of it gone in the end.

Offloads are switched off, so that what is recorded is what would be on a wire: segments of at most
the path's size, with right checksums.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Answer = TypeVar("Answer")

SCRIPTS = Path(__file__).resolve().parent.parent

CLIENT, SERVER, RELAY = "client", "server", "relay"
ADDRESSES = {CLIENT: ("10.77.0.1", "fd77::1"), SERVER: ("10.77.0.2", "fd77::2")}
MACS = {CLIENT: "02:00:00:00:00:01", SERVER: "02:00:00:00:00:02"}

CLONE_NEWNET = 0x4000_0000
SIOCETHTOOL = 0x8946
# Commands of linux/ethtool.h that set one offload each.
OFFLOADS = {"rx": 0x15, "tx": 0x17, "scatter": 0x19, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}


class Network:
    """A client and a server. A context manager: on leaving, programs end and namespaces go."""

    def __init__(self, version: int = 4, relay_seed: int | None = None) -> None:
        self._prefix = f"record-{os.getpid()}-"
        self._version = version
        self._relay_seed = relay_seed
        self._running: list[subprocess.Popen] = []

    def __enter__(self) -> Network:
        try:
            self._make()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *reason: object) -> None:
        self._remove()

    def run(self, place: str, *command: str, **named: object) -> subprocess.CompletedProcess:
        """Runs a program in a namespace and waits for it; it must succeed."""
        return subprocess.run(self.inside(place, command), check=True, timeout=120, **named)

    def start(self, place: str, *command: str, **named: object) -> subprocess.Popen:
        """Starts a program in a namespace; it is ended when the network goes, or earlier."""
        process = subprocess.Popen(self.inside(place, command), **named)
        self._running.append(process)
        return process

    def call(self, place: str, function: Callable[[], Answer], timeout_s: int = 60) -> Answer:
        """What a function returns that is called in a namespace, in a process of its own."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _call(Path("/var/run/netns", self._prefix + place), function, writing, timeout_s)
        os.close(writing)
        with os.fdopen(reading, "rb") as answer:
            octets = answer.read()
        os.waitpid(child, 0)
        if not octets:
            raise RuntimeError(f"what was called in the namespace {place} failed")
        return pickle.loads(octets)

    def connect_from(self, first: int, last: int | None = None) -> None:
        """Lets all further connections of the client come from this port, or from one of these."""
        ports = f"{first} {last or first}"
        self.run(CLIENT, "sysctl", "-q", "-w", f"net.ipv4.ip_local_port_range={ports}")

    def listening(self, place: str, port: int) -> bool:
        """Whether something listens on a TCP port there."""
        lines = self.run(
            place, "cat", "/proc/net/tcp", "/proc/net/tcp6", capture_output=True, text=True
        ).stdout
        fields = [line.split() for line in lines.splitlines()]
        return any(len(each) > 3 and each[3] == "0A" and each[1].endswith(f":{port:04X}") for each in fields)

    def inside(self, place: str, command: tuple[str, ...]) -> list[str]:
        """The command that runs a command in a namespace."""
        return ["ip", "netns", "exec", self._prefix + place, *command]

    def _make(self) -> None:
        places = [CLIENT, SERVER] + ([RELAY] if self._relay_seed is not None else [])
        for place in places:
            _ip("netns", "add", self._prefix + place)
            self.run(
                place, "sysctl", "-q", "-w", f"net.ipv6.conf.default.disable_ipv6={int(self._version == 4)}"
            )
            self.run(place, "sysctl", "-q", "-w", "net.ipv6.conf.default.accept_dad=0")
            self.run(place, "ip", "link", "set", "lo", "up")
        if self._relay_seed is None:
            self._pair(CLIENT, "client0", SERVER, "server0")
        else:
            self._pair(CLIENT, "client0", RELAY, "relay0")
            self._pair(SERVER, "server0", RELAY, "relay1")
        for place in (CLIENT, SERVER):
            four, six = ADDRESSES[place]
            device = place + "0"
            self.run(place, "ip", "link", "set", device, "address", MACS[place])
            if self._version == 4:
                self.run(place, "ip", "addr", "add", four + "/24", "dev", device)
            else:
                self.run(place, "ip", "-6", "addr", "add", six + "/64", "dev", device, "nodad")
        for place in places:
            devices = ("relay0", "relay1") if place == RELAY else (place + "0",)
            self.run(place, sys.executable, "-m", "recording.network", *devices, env=_environment())
            for device in devices:
                self.run(place, "ip", "link", "set", device, "up")
        if self._relay_seed is not None:
            relay = self.start(
                RELAY,
                sys.executable,
                "-m",
                "recording.relay",
                "relay0",
                "relay1",
                str(self._relay_seed),
                env=_environment(),
                stdout=subprocess.PIPE,
                text=True,
            )
            if relay.stdout.readline() != "relaying\n":
                raise RuntimeError("the relay did not start")

    def _pair(self, near: str, near_device: str, far: str, far_device: str) -> None:
        """A pair of virtual Ethernet devices, one end in each namespace. Made inside, so that their
        names clash with nothing outside."""
        self.run(
            near,
            "ip",
            "link",
            "add",
            near_device,
            "type",
            "veth",
            "peer",
            "name",
            far_device,
            "netns",
            self._prefix + far,
        )

    def _remove(self) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for place in (CLIENT, SERVER, RELAY):
            if Path("/var/run/netns", self._prefix + place).exists():
                _end_all(self._prefix + place)
                _ip("netns", "del", self._prefix + place)


def without_offloads(device: str) -> None:
    """Switches off a device's offloads, as ethtool -K does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in OFFLOADS.values():
            value = array.array("B", struct.pack("II", command, 0))
            request = struct.pack("16sP", device.encode(), value.buffer_info()[0])
            fcntl.ioctl(any_socket, SIOCETHTOOL, request)


def _call(namespace: Path, function: Callable[[], object], writing: int, timeout_s: int) -> None:
    """The process of Network.call: it never returns."""
    status = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(timeout_s)
        with namespace.open() as opened:
            if ctypes.CDLL(None, use_errno=True).setns(opened.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        octets = pickle.dumps(function())
        with os.fdopen(writing, "wb") as answer:
            answer.write(octets)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _end_all(namespace: str) -> None:
    """Ends what a server has started and left behind in a namespace."""
    listed = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, timeout=30)
    for line in listed.stdout.split():
        try:
            os.kill(int(line), signal.SIGKILL)
        except ProcessLookupError:
            pass


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SCRIPTS), "PYTHONDONTWRITEBYTECODE": "1"}


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=30)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        without_offloads(name)
