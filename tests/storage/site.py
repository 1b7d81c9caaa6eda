"""A web site that misbehaves as it is told."""

import hashlib
import http.server
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

CONTENT = bytes(range(256)) * 4096 + b"the last petals"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
HALF, WHOLE = len(CONTENT) // 2, len(CONTENT)
NAME = "petals.bin"


class Fault(NamedTuple):
    """What goes wrong with an answer after so many bytes of it; a `hold` goes on when the site's `gate` opens."""

    kind: str
    after: int


class Site(http.server.ThreadingHTTPServer):
    """Answers every GET with `content`, or the file of `files` that it names, and with the next of `faults`.

    `log` is (path, Range, bytes of the body) of each GET, written before the body is sent.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.content, self.files = CONTENT, dict[str, bytes]()
        self.faults: list[Fault] = []
        self.log: list[tuple[str, str | None, int]] = []
        self.probes, self.ranges, self.says_total, self.chunked = 0, True, True, False
        self.gate = threading.Event()

    def sent(self) -> list[tuple[str | None, int]]:
        return [line[1:] for line in self.log]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.server.probes += 1
        self._head(200)

    def do_GET(self) -> None:
        site, asked = self.server, self.headers.get("Range")
        content = site.files.get(self.path.strip("/"), site.content)
        fault = site.faults.pop(0) if site.faults else Fault("", len(content))
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and site.ranges else 0
        if fault.kind == "error":
            return self._head(fault.after)
        if start and start >= len(content):
            site.log.append((self.path, asked, 0))
            return self._head(416, {"Content-Range": f"bytes */{len(content)}"} if site.says_total else {})
        body = content[start:]
        part = body[: fault.after]
        site.log.append((self.path, asked, len(body if fault.kind == "hold" else part)))
        headers = {"Transfer-Encoding": "chunked"} if site.chunked else {"Content-Length": str(len(body))}
        first = start + 1 if fault.kind == "other range" else start
        headers |= {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"} if start else {}
        headers |= {"Content-Type": "text/html"} if self.path == "/index/" else {}
        self._head(206 if start else 200, headers)
        self._send(part)
        if fault.kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif fault.kind in ("stall", "hold"):
            site.gate.wait(60)
            self._send(body[fault.after :] if fault.kind == "hold" else b"")
        elif site.chunked and fault.kind != "break":
            self.wfile.write(b"0\r\n\r\n")
        return None

    def _head(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.close_connection = True
        self.send_response(status)
        for key, value in ({"Content-Length": "0"} if headers is None else headers).items():
            self.send_header(key, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def _send(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if self.server.chunked and data else data)


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)
