"""A server that speaks as much of MySQL's protocol as a login with caching_sha2_password needs.

It verifies the proof as the plugin does: from its cache, which holds SHA256(SHA256(password)) of
those who logged in before ("fast"), or else from the password itself, which it asks for: in clear
over TLS, encrypted with its RSA key without ("full"). Only then is the user cached.
See https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html
"""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import struct
import threading

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PASSWORDS = {"ana": b"tulip-77", "ben": b"daisy-88", "empty": b""}
DATABASES = ("garden",)
PLUGIN = b"caching_sha2_password"

PROTOCOL_41, CONNECT_WITH_DB, SSL = 0x200, 0x8, 0x800
SECURE, PLUGIN_AUTH, LENENC_AUTH = 0x8000, 0x8_0000, 0x20_0000
CAPABILITIES = 0x1 | CONNECT_WITH_DB | PROTOCOL_41 | 0x2000 | SECURE | PLUGIN_AUTH | LENENC_AUTH
UTF8MB4 = 45


class Session:
    """A connection."""

    def __init__(self, connection: socket.socket, server: Server) -> None:
        self.connection, self.server = connection, server
        self.sequence = 0
        self.nonce = bytes(byte % 127 + 1 for byte in os.urandom(20))  # no NUL, as in MySQL
        self.is_encrypted = False

    def run(self) -> None:
        """Lets the client log in, and answers commands with OK until it leaves."""
        self.greet()
        refusal = self.log_in()
        if refusal is not None:
            self.send(b"\xff" + struct.pack("<H", refusal[0]) + b"#" + refusal[1] + refusal[2])
            return
        self.send(b"\0\0\0\x02\0\0\0")
        while True:
            self.sequence = 0
            command = self.receive()
            if not command or command[0] == 1:  # COM_QUIT
                return
            self.send(b"\0\0\0\x02\0\0\0")

    def greet(self) -> None:
        """Sends the greeting, with the first half of the nonce and then the second."""
        flags = CAPABILITIES | (SSL if self.server.context else 0)
        body = b"\x0a8.0.40-scripted\0" + struct.pack("<I", 7) + self.nonce[:8] + b"\0"
        body += struct.pack("<HBHHB", flags & 0xFFFF, UTF8MB4, 2, flags >> 16, 21) + bytes(10)
        self.send(body + self.nonce[8:] + b"\0" + PLUGIN + b"\0")

    def log_in(self) -> tuple[int, bytes, bytes] | None:
        """Reads the response and verifies it; returns the error, or None if all is well."""
        response = self.receive()
        flags = struct.unpack_from("<I", response)[0]
        if flags & SSL:
            self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
            self.is_encrypted = True
            response = self.receive()
            flags = struct.unpack_from("<I", response)[0]
        user, _, rest = response[32:].partition(b"\0")
        proof, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
        database = b""
        if flags & CONNECT_WITH_DB:
            database, _, rest = rest.partition(b"\0")
        name = user.decode()
        host = self.connection.getpeername()[0]
        if not self.is_right(name, proof):
            using = "YES" if proof else "NO"
            text = f"Access denied for user '{name}'@'{host}' (using password: {using})"
            return 1045, b"28000", text.encode()
        if database and database.decode() not in DATABASES:
            return 1049, b"42000", b"Unknown database '" + database + b"'"
        return None

    def is_right(self, user: str, proof: bytes) -> bool:
        """Whether the proof or the password is that of the user."""
        if not proof:
            return PASSWORDS.get(user) == b""
        stored = self.server.cache.get(user)
        if stored is not None:
            # XOR(SHA256(password), SHA256(stored, nonce))
            mask = hashlib.sha256(stored + self.nonce).digest()
            once = bytes(a ^ b for a, b in zip(proof, mask))
            if hashlib.sha256(once).digest() == stored:
                self.send(b"\x01\x03")
                self.server.log(f"{user} fast")
                return True
        self.send(b"\x01\x04")
        password = self.password()
        if PASSWORDS.get(user, b"") != password or user not in PASSWORDS:
            return False
        self.server.cache[user] = hashlib.sha256(hashlib.sha256(password).digest()).digest()
        self.server.log(f"{user} full")
        return True

    def password(self) -> bytes:
        """The password, which the client sends in clear over TLS, or encrypted."""
        answer = self.receive()
        if self.is_encrypted:
            return answer.rstrip(b"\0")
        if answer == b"\x02":
            self.send(b"\x01" + self.server.public_key)
            answer = self.receive()
        scheme = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
        masked = self.server.key.decrypt(answer, scheme)
        nonce = self.nonce * (len(masked) // len(self.nonce) + 1)
        return bytes(a ^ b for a, b in zip(masked, nonce)).rstrip(b"\0")

    def send(self, body: bytes) -> None:
        """Sends a packet."""
        self.connection.sendall(struct.pack("<I", len(body))[:3] + bytes([self.sequence]) + body)
        self.sequence = (self.sequence + 1) % 256

    def receive(self) -> bytes:
        """Receives a packet; nothing if the client has left."""
        head = self.exactly(4)
        if len(head) < 4:
            return b""
        self.sequence = (head[3] + 1) % 256
        return self.exactly(int.from_bytes(head[:3], "little"))

    def exactly(self, count: int) -> bytes:
        """So many bytes, or what there is until the client leaves."""
        got = b""
        while len(got) < count and (more := self.connection.recv(count - len(got))):
            got += more
        return got


class Server:
    """What connections share."""

    def __init__(self, certificate: str, key: str) -> None:
        self.cache: dict[str, bytes] = {}
        self.key = rsa.generate_private_key(65_537, 2_048)
        self.public_key = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)

    def log(self, line: str) -> None:
        """Says who logged in, and how."""
        print(line, flush=True)


def main(address: str, port: int, certificate: str, key: str) -> None:
    """Serves until it is ended."""
    server = Server(certificate, key)
    listening = socket.create_server((address, port))
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=serve, args=(connection, server), daemon=True).start()


def serve(connection: socket.socket, server: Server) -> None:
    """Serves one connection."""
    session = Session(connection, server)
    try:
        session.run()
    finally:
        session.connection.close()
