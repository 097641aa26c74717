"""An SFTP server over one folder: read-only, on loopback, one user with a key, keys made anew whenever it starts.

What lies in the folder is decided by the modules of the systems.
"""

from __future__ import annotations

import io
import logging
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

USER = "extracts"
_LOG = f"{__name__}.connections"
logging.getLogger(_LOG).disabled = True  # a client that hangs up is no news


@dataclass(frozen=True)
class Outbox:
    """Where it listens (`host:port`), the public key by which it is known, and the file of the user's private key."""

    host: str
    host_key: str
    key_file: Path


@contextmanager
def serving(folder: Path) -> Iterator[Outbox]:
    """The server over `folder`, on a free port of 127.0.0.1, as long as the context lasts."""
    host_key, user_key = _new_key(), _new_key()
    connections: list[paramiko.Transport] = []
    with tempfile.TemporaryDirectory(prefix="outbox-") as aside, socket.create_server(("127.0.0.1", 0)) as listening:
        key_file = Path(aside) / "id_ed25519"
        key_file.touch(0o600)
        key_file.write_text(user_key)
        thread = threading.Thread(
            target=_accept,
            args=(listening, folder.resolve(), _parsed(host_key), _parsed(user_key), connections),
            daemon=True,
        )
        thread.start()
        try:
            port = listening.getsockname()[1]
            yield Outbox(f"127.0.0.1:{port}", f"ssh-ed25519 {_parsed(host_key).get_base64()}", key_file)
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in connections:
                connection.close()


def _new_key() -> str:
    private = Ed25519PrivateKey.generate()
    form = serialization.PrivateFormat.OpenSSH
    return private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _parsed(key: str) -> paramiko.Ed25519Key:
    return paramiko.Ed25519Key(file_obj=io.StringIO(key))


def _accept(
    listening: socket.socket,
    folder: Path,
    host_key: paramiko.Ed25519Key,
    user_key: paramiko.Ed25519Key,
    connections: list[paramiko.Transport],
) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:  # closed: the sandbox stops
            return
        connection = paramiko.Transport(client)
        connection.set_log_channel(_LOG)
        connection.add_server_key(host_key)
        connection.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, folder)
        connections.append(connection)
        connection.start_server(threading.Event(), _Login(user_key))


class _Login(paramiko.ServerInterface):
    """Lets one user in, by key."""

    def __init__(self, key: paramiko.Ed25519Key) -> None:
        self._key = key

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = username == USER and key == self._key
        return paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED


class _Files(paramiko.SFTPServerInterface):
    """Lists and reads what lies in the folder, and nothing else."""

    def __init__(self, server: paramiko.ServerInterface, folder: Path, *more: Any) -> None:
        super().__init__(server, *more)
        self._folder = folder

    def list_folder(self, path: str) -> Any:
        folder = self._found(path)
        if folder is None or not folder.is_dir():
            return paramiko.SFTP_NO_SUCH_FILE
        return [paramiko.SFTPAttributes.from_stat(item.stat(), item.name) for item in sorted(folder.iterdir())]

    def stat(self, path: str) -> Any:
        found = self._found(path)
        return paramiko.SFTP_NO_SUCH_FILE if found is None else paramiko.SFTPAttributes.from_stat(found.stat())

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Any:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND):
            return paramiko.SFTP_PERMISSION_DENIED
        found = self._found(path)
        if found is None or not found.is_file():
            return paramiko.SFTP_NO_SUCH_FILE
        return _Opened(found)

    def _found(self, path: str) -> Path | None:
        found = (self._folder / path.lstrip("/")).resolve()
        return found if found.is_relative_to(self._folder) and found.exists() else None


class _Opened(paramiko.SFTPHandle):
    """A file that is being read."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.readfile = path.open("rb")

    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))
