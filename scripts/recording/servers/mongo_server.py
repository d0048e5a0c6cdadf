"""A server that speaks as much of MongoDB's protocol as a login needs: hello, SCRAM-SHA-256 and
SCRAM-SHA-1 over OP_MSG, with the proof verified (RFC 5802, RFC 7677)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import struct
import threading

import bson

PASSWORDS = {"ana": "tulip-77", "ben": "daisy-88", "a,b=c": "lily-99"}
MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-1"]
ITERATIONS = {"SCRAM-SHA-256": 4_096, "SCRAM-SHA-1": 4_096}
OP_MSG = 2_013


class Refused(Exception):
    """A login that is refused; the same words whatever is wrong, as MongoDB does."""


class Scram:
    """One exchange."""

    def __init__(self, mechanism: str, first: bytes) -> None:
        self.hash = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}[mechanism]
        bare = first.partition(b",,")[2]
        fields = attributes(bare)
        self.user = fields["n"].replace("=2C", ",").replace("=3D", "=")
        self.nonce = fields["r"] + base64.b64encode(os.urandom(18)).decode()
        salt = hashlib.sha256(self.user.encode()).digest()[:16]
        rounds = ITERATIONS[mechanism]
        self.answer = f"r={self.nonce},s={base64.b64encode(salt).decode()},i={rounds}".encode()
        self.message = bare + b"," + self.answer
        password = PASSWORDS.get(self.user, "")
        if self.hash == "sha1":
            password = hashlib.md5(f"{self.user}:mongo:{password}".encode()).hexdigest()
        self.salted = hashlib.pbkdf2_hmac(self.hash, password.encode(), salt, rounds)

    def verify(self, final: bytes) -> bytes:
        """The server's last message, if the proof is right."""
        without_proof, _, proof = final.partition(b",p=")
        message = self.message + b"," + without_proof
        client_key = self.mac(self.salted, b"Client Key")
        stored = hashlib.new(self.hash, client_key).digest()
        signature = self.mac(stored, message)
        shown = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature))
        fields = attributes(without_proof)
        is_known = self.user in PASSWORDS and fields["r"] == self.nonce
        if not is_known or hashlib.new(self.hash, shown).digest() != stored:
            raise Refused
        server_key = self.mac(self.salted, b"Server Key")
        return b"v=" + base64.b64encode(self.mac(server_key, message))

    def mac(self, key: bytes, message: bytes) -> bytes:
        """HMAC with the mechanism's hash."""
        return hmac.digest(key, message, self.hash)


def attributes(message: bytes) -> dict[str, str]:
    """The attributes of a message of SCRAM."""
    return dict(part.split("=", 1) for part in message.decode().split(","))


class Session:
    """A connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.scram: Scram | None = None
        self.database = ""
        self.is_in = False

    def run(self) -> None:
        """Answers requests until the client leaves."""
        while len(head := self.exactly(16)) == 16:
            length, request, _, kind = struct.unpack("<iiii", head)
            body = self.exactly(length - 16)
            if kind != OP_MSG:
                raise RuntimeError(f"opcode {kind}")
            self.reply(request, self.answer(body[5:]))  # flags, then one section of kind 0

    def answer(self, encoded: bytes) -> dict:
        """The answer to a command."""
        length = struct.unpack_from("<i", encoded)[0]
        command = bson.decode(encoded[:length])
        name = next(iter(command))
        try:
            return {**self.perform(name, command), "ok": 1.0}
        except Refused:
            text = "Authentication failed."
            return {"ok": 0.0, "errmsg": text, "code": 18, "codeName": "AuthenticationFailed"}

    def perform(self, name: str, command: dict) -> dict:
        """What a command does."""
        if name in ("hello", "ismaster", "isMaster"):
            return self.hello(command)
        if name == "saslStart":
            return self.start(command)
        if name == "saslContinue":
            return self.proceed(command)
        if name == "connectionStatus":
            users = [{"user": self.scram.user, "db": self.database}] if self.is_in else []
            return {"authInfo": {"authenticatedUsers": users, "authenticatedUserRoles": []}}
        return {}

    def hello(self, command: dict) -> dict:
        """What the server is, with the first answer of a login that was begun within."""
        answer = {"helloOk": True, "ismaster": True, "isWritablePrimary": True, "maxWireVersion": 21}
        answer |= {"minWireVersion": 0, "maxBsonObjectSize": 16_777_216, "maxMessageSizeBytes": 48_000_000}
        answer |= {"maxWriteBatchSize": 100_000, "logicalSessionTimeoutMinutes": 30, "readOnly": False}
        if "saslSupportedMechs" in command:
            answer["saslSupportedMechs"] = MECHANISMS
        if "speculativeAuthenticate" in command:
            answer["speculativeAuthenticate"] = self.start(command["speculativeAuthenticate"])
        return answer

    def start(self, command: dict) -> dict:
        """The first message of a login."""
        self.scram = Scram(command["mechanism"], command["payload"])
        self.database = command.get("db") or command.get("$db", "")
        return {"conversationId": 1, "done": False, "payload": self.scram.answer}

    def proceed(self, command: dict) -> dict:
        """The proof, or the empty message that some clients end with."""
        if command["payload"]:
            payload = self.scram.verify(command["payload"])
            self.is_in = True
        else:
            payload = b""
        return {"conversationId": 1, "done": True, "payload": payload}

    def reply(self, request: int, document: dict) -> None:
        """Sends an answer."""
        body = struct.pack("<IB", 0, 0) + bson.encode(document)
        self.connection.sendall(struct.pack("<iiii", 16 + len(body), 1, request, OP_MSG) + body)

    def exactly(self, count: int) -> bytes:
        """So many bytes, or what there is until the client leaves."""
        got = b""
        while len(got) < count and (more := self.connection.recv(count - len(got))):
            got += more
        return got


def main(address: str, port: int) -> None:
    """Serves until it is ended."""
    listening = socket.create_server((address, port))
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=Session(connection).run, daemon=True).start()
