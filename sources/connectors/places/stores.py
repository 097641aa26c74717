"""Object stores: S3, and what speaks like it, and Azure Blob Storage, by pyarrow's own file systems. Reads only.

Their messages are never passed on: they hold signed addresses.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, TypeVar
from urllib.parse import urlsplit

import pyarrow as pa
import pydantic
from pyarrow import fs

from sources.connectors.places.base import (
    CONNECT_SECONDS,
    SILENT_SECONDS,
    Connection,
    Place,
    altered,
    check_size,
    not_a_file,
)
from sources.connectors.spools import IN_MEMORY, spool
from sources.errors import SourceError

_T = TypeVar("_T")


@contextmanager
def opened(connection: Connection, notes: list[str]) -> Iterator[Place]:
    """The bucket or container, below the location's prefix."""
    store = _s3(connection) if connection.kind == "s3" else _azure(connection)
    root = connection.location.partition("://")[2]

    def ask(act: Callable[[], _T], address: str) -> _T:
        try:
            return act()
        except FileNotFoundError:
            raise
        except (OSError, pa.ArrowException) as error:
            raise _refused(connection, address, str(error)) from None

    def entries(folder: str) -> dict[str, bool]:
        path, address = posixpath.join(root, folder).rstrip("/"), f"{connection.shown}/{folder}".rstrip("/")
        found = ask(lambda: store.get_file_info(fs.FileSelector(path)), address)
        return {each.base_name: each.type == fs.FileType.Directory for each in found}

    @contextmanager
    def open_(name: str) -> Iterator[IO[bytes]]:
        path, address = f"{root}/{name}", f"{connection.shown}/{name}"
        before = ask(lambda: store.get_file_info(path), address)
        if before.type == fs.FileType.NotFound:
            raise FileNotFoundError
        if before.type == fs.FileType.Directory:
            raise not_a_file(address)
        check_size(address, before.size)
        with spool() as file:
            with ask(lambda: store.open_input_stream(path), address) as stream:
                while chunk := ask(lambda: stream.read(IN_MEMORY), address):
                    file.write(chunk)
            after = ask(lambda: store.get_file_info(path), address)
            if (before.size, before.mtime_ns) != (after.size, after.mtime_ns):
                raise altered(address)
            file.seek(0)
            yield file

    yield Place(connection.shown, entries, open_)


def _s3(connection: Connection) -> Any:
    """Without keys: as what this machine may be (its role, or the environment's AWS_… variables)."""
    endpoint = urlsplit(connection.endpoint or "https://")
    return fs.S3FileSystem(
        access_key=connection.access_key_id,
        secret_key=_plain(connection.secret_access_key),
        region=connection.region or "us-east-1",  # what stores that are not Amazon's expect
        endpoint_override=endpoint.netloc or None,
        scheme=endpoint.scheme,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=SILENT_SECONDS,
    )


def _azure(connection: Connection) -> Any:
    """Without keys: as what this machine may be (its managed identity)."""
    endpoint = urlsplit(connection.endpoint or "")
    elsewhere = {
        f"{api}_storage_{part}": value
        for api in ("blob", "dfs")
        for part, value in (("authority", endpoint.netloc), ("scheme", endpoint.scheme))
        if value
    }
    sas = _plain(connection.sas_token)
    return fs.AzureFileSystem(
        connection.account,
        account_key=_plain(connection.account_key),
        sas_token=f"?{sas.removeprefix('?')}" if sas else None,
        tenant_id=connection.tenant_id,
        client_id=connection.client_id,
        client_secret=_plain(connection.client_secret),
        **elsewhere,
    )


def _plain(secret: pydantic.SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _refused(connection: Connection, address: str, told: str) -> SourceError:
    """What a store's message says, by the code in it."""
    holder, where = ("bucket", "endpoint") if connection.kind == "s3" else ("container", "account")
    found = re.search(r"AWS Error ([A-Z_]+)|Azure Error: \[(\w+)\]", told)
    code = next((group for group in found.groups() if group), "") if found else ""
    if code in ("NO_SUCH_BUCKET", "ContainerNotFound"):
        return SourceError(f"{address}: there is no such {holder}. Check connection.location.")
    if re.search(r"NETWORK_CONNECTION|get a new connection|resolve host", told):
        return SourceError(
            f"{address}: cannot be reached. Check connection.{where}, the network, and whether the store is up."
        )
    refused = r"ACCESS|SIGNATURE|TOKEN|CREDENTIAL|Auth|Permission"
    if re.search(refused, code) or re.search(r"\b40[13] |AuthenticationException", told):
        return SourceError(
            f"{address}: the credentials are refused{f' ({code})' if code else ''}. Check them, and that they may list "
            f"and read this {holder}."
        )
    return SourceError(f"{address}: cannot be read{f' ({code})' if code else ''}. Check the keys of `connection`.")
