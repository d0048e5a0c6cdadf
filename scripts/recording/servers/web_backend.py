"""What nginx passes requests on to: bodies in chunks, echoes, and WebSocket."""

from __future__ import annotations

import base64
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHUNKS = [b"first\n", b"second, a longer one\n", b"third\n" * 50]
WEBSOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
GREETING = b"hello from the server"


class Backend(BaseHTTPRequestHandler):
    """Answers by path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """A body in chunks, or a WebSocket that greets and closes."""
        if self.headers.get("Upgrade") == "websocket":
            self.websocket()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in [*CHUNKS, b""]:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))

    def do_POST(self) -> None:
        """The request's body."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_POST

    def do_DELETE(self) -> None:
        """Nothing."""
        self.send_response(204)
        self.end_headers()

    def websocket(self) -> None:
        """A text frame, then a closing one."""
        key = self.headers["Sec-WebSocket-Key"].encode() + WEBSOCKET_KEY
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key).digest()).decode())
        self.end_headers()
        self.wfile.write(b"\x81%c%s" % (len(GREETING), GREETING) + b"\x88\x00")
        self.close_connection = True


def main(address: str, port: int) -> None:
    """Serves until it is ended."""
    ThreadingHTTPServer((address, port), Backend).serve_forever()
