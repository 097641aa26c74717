"""`oidc-provider`, a real OAuth2 server, on loopback (tests/servers/oidc.mjs), and an API that asks it about tokens."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from support.fault_server import Answer, Asked

SERVERS = Path(__file__).parents[1] / "servers"

needs_oidc = pytest.mark.skipif(
    shutil.which("node") is None or not (SERVERS / "node_modules" / "oidc-provider").is_dir(),
    reason="oidc-provider is not installed (see tests/servers/README.md)",
)


@dataclass(frozen=True)
class Oidc:
    """Where tokens are given, and to whom. The client `by-post`, with the same secret, sends it in the body."""

    url: str
    client: str
    secret: str

    def is_active(self, token: str) -> bool:
        """Whether the server stands by this token."""
        return bool(json.loads(self._post("/token/introspection", token))["active"])

    def revoke(self, token: str) -> None:
        """Have the server take the token back."""
        self._post("/token/revocation", token)

    def _post(self, path: str, token: str) -> bytes:
        pair = (urllib.parse.quote_plus(self.client), urllib.parse.quote_plus(self.secret))
        answer = requests.post(f"{self.url}{path}", data={"token": token}, auth=pair, timeout=10)
        assert answer.status_code == 200
        return answer.content


class Api:
    """Numbered records, one a page, for whoever shows a token that the OAuth2 server stands by."""

    def __init__(self, oidc: Oidc, pages: int, seconds: float = 0, revoked_after: int = 0) -> None:
        self.refused = 0
        self.tokens: list[str] = []
        self._oidc, self._pages, self._seconds, self._revoked_after = oidc, pages, seconds, revoked_after

    def __call__(self, asked: Asked) -> Answer:
        """The page; each takes `seconds`, and after `revoked_after` of them their token is taken back."""
        time.sleep(self._seconds)
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if not self._oidc.is_active(token):
            self.refused += 1
            return Answer({"error": "invalid_token"}, 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        self.tokens += [token] if token not in self.tokens else []
        at = int(asked.query.get("cursor", 0))
        if at + 1 == self._revoked_after:
            self._oidc.revoke(token)
        following = at + 1 if at + 1 < self._pages else None
        return Answer({"items": [{"ref": f"R{at}", "score": at}], "next_cursor": following})


@contextmanager
def oidc(client: str, secret: str, seconds: int) -> Iterator[Oidc]:
    """The server, knowing one client, with tokens that live for so many seconds."""
    known = {"OIDC_CLIENT": client, "OIDC_SECRET": secret, "OIDC_SECONDS": str(seconds)}
    server = subprocess.Popen(
        ["node", "oidc.mjs"],
        cwd=SERVERS,
        env=os.environ | known,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        assert port.isdigit(), "the server ended while it started"
        yield Oidc(f"http://127.0.0.1:{port}", client, secret)
    finally:
        server.kill()
        server.communicate()
