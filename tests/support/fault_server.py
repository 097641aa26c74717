"""An HTTP server on loopback that misbehaves to order: busy, torn, slow, lying, forgetful. Standard library only.

Each path has a list of answers, given in turn; the last one is given for ever. What was asked is kept.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it came in: `target` as it stood in the request, its path and parameters, the form of a POST and
    its body as it was, header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    target: str = ""


@dataclass(frozen=True)
class Answer:
    """What to answer: `body` is bytes as they are, anything else as JSON.

    `missing` bytes more are promised than sent; with `pause` the body goes out byte by byte, so many seconds apart;
    `reset` breaks the connection instead of answering.
    """

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    missing: int = 0
    pause: float = 0.0
    reset: bool = False


Script = Sequence[Answer | Callable[[Asked], Answer]]


class FaultServer:
    """Where the server listens (`url`, without a slash at the end) and what it was asked, in order."""

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self._scripts = {path: list(answers) for path, answers in scripts.items()}
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Answer:
        """The next answer of the path's script; 404 for a path without one."""
        with self._lock:
            self.asked.append(asked)
            script = self._scripts.get(asked.path)
            if script is None:
                return Answer({"message": "nothing here"}, 404)
            step = script.pop(0) if len(script) > 1 else script[0]
        return step(asked) if callable(step) else step

    def times(self, path: str) -> int:
        """How often `path` was asked for."""
        return sum(asked.path == path for asked in self.asked)


@contextmanager
def faults(scripts: Mapping[str, Script]) -> Iterator[FaultServer]:
    """A server that answers by `scripts` (path to answers) on a free port of 127.0.0.1."""
    faulty = FaultServer(scripts)
    handler = type("Handler", (_Handler,), {"faulty": faulty})
    server = _Server(("127.0.0.1", 0), handler)
    faulty.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield faulty
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> str:
    """An address on loopback where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


class _Server(ThreadingHTTPServer):
    block_on_close = False  # a client may keep its connection open

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    faulty: FaultServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._exchange()

    def do_POST(self) -> None:
        self._exchange()

    def do_HEAD(self) -> None:
        self._exchange()

    def _exchange(self) -> None:
        address = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query, form = dict(parse_qsl(address.query)), dict(parse_qsl(body.decode("utf-8", "replace")))
        asked = Asked(self.command, address.path, query, form, headers, body, self.path)
        answer = self.faulty.answer(asked)
        if answer.reset:
            # Closing at once, without waiting for what is under way, sends a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        sent = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(sent) + answer.missing))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        with contextlib.suppress(ConnectionError):
            if answer.pause:
                for byte in sent:
                    self.wfile.write(bytes([byte]))
                    time.sleep(answer.pause)
            else:
                self.wfile.write(sent)
        if answer.missing:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""
