"""Folders of an SFTP server whose public key is known beforehand. Reads only; a connection that breaks is made anew.

The user's own known_hosts, keys and agent are never looked at: what counts stands in the source's YAML.
"""

from __future__ import annotations

import logging
import posixpath
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar
from urllib.parse import unquote, urlsplit

import paramiko

from sources.connectors.places.base import (
    CONNECT_SECONDS,
    SILENT_SECONDS,
    Connection,
    Place,
    altered,
    check_size,
    not_a_file,
    outside,
    public_key,
)
from sources.connectors.spools import spool
from sources.errors import SourceError

ATTEMPTS = 3
_BLOCK = 32 << 10  # bytes; the largest that every server gives at once
_AT_ONCE = 256 * _BLOCK  # asked for before the first of it has come: one by one, each would cost a journey

_T = TypeVar("_T")

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # what goes wrong is said here, once


@contextmanager
def opened(connection: Connection, notes: list[str]) -> Iterator[Place]:
    """The server's folder; without one in the location, the folder where the server puts us."""
    session = _Session(connection)
    folder = urlsplit(connection.location).path or "."
    key = connection.private_key_file
    if key is not None and key.stat().st_mode & stat.S_IROTH:
        notes.append(f"{key}: every user of this machine can read this private key; `chmod 600` it")

    def entries(below: str) -> dict[str, bool]:
        path, address = posixpath.join(folder, below), f"{connection.shown}/{below}".rstrip("/")
        found = session.ask(lambda client: client.listdir_attr(path), address)
        return {each.filename: stat.S_ISDIR(each.st_mode or 0) for each in found}

    @contextmanager
    def open_(name: str) -> Iterator[IO[bytes]]:
        path, address = posixpath.join(folder, name), f"{connection.shown}/{name}"

        def fetched(client: paramiko.SFTPClient) -> IO[bytes]:
            root, real = client.normalize(folder), client.normalize(path)
            if posixpath.commonpath([root, real]) != root:
                raise outside(address, connection.shown)
            before = client.stat(path)
            if not stat.S_ISREG(before.st_mode or stat.S_IFREG):
                raise not_a_file(address)
            check_size(address, before.st_size)
            size, file = before.st_size, spool()
            with client.open(path) as remote:
                for start in range(0, size, _AT_ONCE):
                    places = range(start, min(start + _AT_ONCE, size), _BLOCK)
                    for block in remote.readv([(place, min(_BLOCK, size - place)) for place in places]):
                        file.write(block)
            after = client.stat(path)
            if (size, size, before.st_mtime) != (file.tell(), after.st_size, after.st_mtime):
                raise altered(address)
            file.seek(0)
            return file

        with session.ask(fetched, address) as file:
            yield file

    try:
        session.ask(lambda client: None, connection.shown)
        yield Place(connection.shown, entries, open_)
    finally:
        session.close()


class _Session:
    """One SSH connection, made when it is first needed and again when it breaks off."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ssh = paramiko.SSHClient()
        self._client: paramiko.SFTPClient | None = None

    def close(self) -> None:
        self._ssh.close()
        self._client = None

    def ask(self, act: Callable[[paramiko.SFTPClient], _T], address: str) -> _T:
        """What `act` gets from the server. FileNotFoundError passes, all else becomes a SourceError."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if self._client is None:
                    self._client = self._connected()
                return act(self._client)
            except FileNotFoundError:
                raise
            except PermissionError:
                raise SourceError(f"{address}: the server does not let us read it. Ask its owner.") from None
            except (EOFError, OSError, paramiko.SSHException) as error:
                self.close()
                if attempt == ATTEMPTS:
                    raise SourceError(
                        f"{address}: cannot be read, {ATTEMPTS} times tried: {error or type(error).__name__}. Check "
                        "connection.location, the network, and whether the server is up."
                    ) from None
            time.sleep(0.5 * attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _connected(self) -> paramiko.SFTPClient:
        connection, shown = self._connection, self._connection.shown
        parts = urlsplit(connection.location)
        host, port = parts.hostname or "", parts.port or paramiko.config.SSH_PORT
        password = connection.password.get_secret_value() if connection.password else None
        key = _private_key(connection.private_key_file, password) if connection.private_key_file else None
        pinned = public_key(connection.host_key or "")
        self._ssh = paramiko.SSHClient()
        self._ssh.set_missing_host_key_policy(paramiko.RejectPolicy())
        self._ssh.get_host_keys().add(host if port == 22 else f"[{host}]:{port}", pinned.get_name(), pinned)
        try:
            self._ssh.connect(
                host,
                port,
                unquote(parts.username or ""),
                password=None if key else password,
                pkey=key,
                allow_agent=False,
                look_for_keys=False,
                timeout=CONNECT_SECONDS,
                banner_timeout=CONNECT_SECONDS,
                auth_timeout=SILENT_SECONDS,
                channel_timeout=SILENT_SECONDS,
            )
        except paramiko.BadHostKeyException as error:
            offered = error.key
            raise SourceError(
                f"{shown}: the server's key is not connection.host_key; nothing was sent. It shows "
                f"{offered.get_name()} {offered.fingerprint}. Either the server was set up anew, or somebody stands in "
                "between: ask its owner to confirm this fingerprint, and only then write "
                f'host_key: "{offered.get_name()} {offered.get_base64()}" into the source\'s YAML.'
            ) from None
        except paramiko.AuthenticationException:
            shown_by = "private_key_file" if key else "password"
            raise SourceError(
                f"{shown}: the server refuses the user or what it was shown. Check the user in connection.location and "
                f"connection.{shown_by}, and ask the owner whether this user may come in with it."
            ) from None
        client = self._ssh.open_sftp()
        client.get_channel().settimeout(SILENT_SECONDS)
        return client


def _private_key(path: Path, passphrase: str | None) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(path, passphrase.encode() if passphrase else None)  # bytes, whatever it says
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened: {error.strerror}. Check who may read it.") from None
    except Exception:  # whatever the parsers of five formats stumble over
        raise SourceError(
            f"{path}: cannot be read as a private key. Give one of OpenSSH's (ed25519, ecdsa or rsa) and, where it is "
            "locked, its passphrase as connection.password."
        ) from None
