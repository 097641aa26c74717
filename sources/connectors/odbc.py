"""ODBC: connection strings for servers that ADBC has no driver for, the drivers that are installed, and reading.

Belongs here: what differs from driver to driver. Not here: queries (sources.connectors.sql) and contracts
(sources.connectors.database). SQL Server and Oracle are translated by their drivers' documentation.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sources.errors import SourceError, listed, nearest

_ROWS = 16_384  # of a batch, and no more bytes in transit than these, however wide the columns could be
_BYTES = 64 << 20
_LOGIN_SECONDS = 15


@dataclass(frozen=True)
class Kind:
    """What is particular to one kind of server. `drivers` matches the names under which its driver is installed,
    `package` is what to install. `settings` are keywords of every connection; `secure` those of one over a network,
    `local` those of one within this machine. `opening` are statements that make the session read-only and place it in
    UTC, with {seconds} for the longest that a query may take."""

    drivers: str
    package: str
    settings: Mapping[str, str]
    secure: Mapping[str, str]
    local: Mapping[str, str]
    opening: tuple[str, ...] = ()


KINDS = {
    "mariadb": Kind(
        drivers="MariaDB.*",
        package="odbc-mariadb (Debian), or MariaDB Connector/ODBC",
        # Rows as they come instead of all at once, from version 3.1.17 of the driver on.
        settings={"NO_CACHE": "1", "FORWARDONLY": "1"},
        secure={"FORCETLS": "1", "SSLVERIFY": "1"},
        local={},
        opening=("set session transaction read only", "set time_zone = '+00:00', max_statement_time = {seconds}"),
    ),
    "postgresql": Kind(
        drivers="PostgreSQL Unicode.*",
        package="odbc-postgresql (Debian)",
        settings={"UseDeclareFetch": "1", "Fetch": "10000"},
        secure={"SSLmode": "verify-full"},
        local={},
        opening=(
            "set session characteristics as transaction read only",
            "set timezone = 'UTC'",
            "set statement_timeout = '{seconds}s'",
        ),
    ),
    "sqlserver": Kind(
        drivers="ODBC Driver .* for SQL Server",
        package="msodbcsql18 from Microsoft's own repository",
        settings={"ApplicationIntent": "ReadOnly", "APP": "council-vitals"},
        secure={"Encrypt": "yes", "TrustServerCertificate": "no"},
        local={"Encrypt": "yes", "TrustServerCertificate": "yes"},
    ),
    "oracle": Kind(
        drivers="Oracle.*",
        package="Oracle Instant Client with its ODBC package",
        settings={},
        secure={},
        local={},
    ),
}


@dataclass(frozen=True)
class Server:
    """Whom to ask: `kind` is one of KINDS, `socket` a unix socket in place of host and port."""

    kind: str
    host: str
    port: int | None
    database: str
    user: str | None
    password: str | None
    socket: str | None = None
    is_local: bool = False


def driver_for(kind: str, wanted: str | None, where: str) -> str:
    """The installed driver to use: the one that is wanted, or the newest of that kind. Raises SourceError, listing what
    is installed."""
    known = installed()
    if wanted is not None:
        if wanted in known:
            return wanted
        problem = f"no ODBC driver '{wanted}' is installed here.{nearest(wanted, known)}"
    else:
        if fitting := [name for name in known if re.fullmatch(KINDS[kind].drivers, name)]:
            return max(fitting)
        problem = f"no ODBC driver for {kind} is installed here."
    raise SourceError(
        f"{where}: {problem} Installed: {listed(known)}. Install {KINDS[kind].package}, or name another one as "
        "connection.odbc_driver."
    )


def installed() -> list[str]:
    """Names of the ODBC drivers on this machine, sorted; none where there is no driver manager."""
    try:
        library = ctypes.CDLL(ctypes.util.find_library("odbcinst") or "libodbcinst.so.2")
    except OSError:
        return []
    names = ctypes.create_string_buffer(65_536)
    size = ctypes.c_ushort()
    if not library.SQLGetInstalledDrivers(names, ctypes.c_ushort(len(names) - 1), ctypes.byref(size)):
        return []
    return sorted(name.decode() for name in names.raw[: size.value].split(b"\0") if name)


def connection_string(server: Server, driver: str, options: Mapping[str, str]) -> str:
    """The keywords of a connection. `options` replace what stands here under the same keyword, in whatever case."""
    kind = KINDS[server.kind]
    words = {"Driver": driver, **_place(server), **_login(server), **kind.settings}
    words |= kind.local if server.is_local else kind.secure
    replaced = {option.lower() for option in options}
    words = {word: value for word, value in words.items() if word.lower() not in replaced} | dict(options)
    return "".join(f"{word}={_written(value)};" for word, value in words.items())


def _place(server: Server) -> dict[str, str]:
    if server.kind == "sqlserver":
        return {
            "Server": f"tcp:{server.host},{server.port}" if server.port else server.host,
            "Database": server.database,
        }
    if server.kind == "oracle":
        # EZConnect. The certificate's name is checked where the port speaks TLS.
        scheme = "" if server.is_local else "tcps:"
        return {
            "DBQ": f"{scheme}//{server.host}:{server.port or (1521 if server.is_local else 2484)}/{server.database}"
        }
    port = {"Port": str(server.port)} if server.port else {}
    if server.kind == "postgresql":
        return {"Server": server.socket or server.host, **port, "Database": server.database}
    if server.socket:
        return {"Server": "localhost", "Socket": server.socket, "Database": server.database}
    return {"Server": server.host, **port, "Database": server.database}


def _login(server: Server) -> dict[str, str]:
    if server.user is None and server.kind == "sqlserver":
        return {"Trusted_Connection": "yes"}  # Kerberos: the account under which this runs
    words = {"UID": server.user, "PWD": server.password}
    return {word: value for word, value in words.items() if value is not None}


def _written(value: str) -> str:
    """A value in braces where a sign in it, or a blank, means something in a connection string."""
    return value if re.fullmatch(r"[\w./:,-]+", value) else "{" + value.replace("}", "}}") + "}"


def batches(
    server: Server, text: str, query: str, seconds: int, max_text_size: int
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Run `query` over the connection that `text` describes: its columns, and its rows as they come. Raises the
    library's own errors (see `told`), and ValueError for columns that hold bytes."""
    import arrow_odbc

    connection = arrow_odbc.connect(text, login_timeout_sec=_LOGIN_SECONDS)
    for statement in KINDS[server.kind].opening:
        connection.execute(statement.format(seconds=seconds))
    reader = connection.read_arrow_batches(
        query,
        batch_size=_ROWS,
        max_bytes_per_batch=_BYTES,
        max_text_size=max_text_size,
        map_schema=lambda schema: _readable(schema, server.kind),
        query_timeout_sec=None if server.kind == "mariadb" else seconds,
    )
    return reader.schema, iter(reader)


def _readable(schema: pa.Schema, kind: str) -> pa.Schema:
    """The types to read columns as: numbers with a point as they are written, moments to the microsecond."""
    return pa.schema([pa.field(item.name, _type(item, kind)) for item in schema])


def _type(item: pa.Field, kind: str) -> pa.DataType:
    if pa.types.is_binary(item.type) or pa.types.is_fixed_size_binary(item.type):
        # The library ends the whole process over bytes of another length than it was told.
        raise ValueError(f"the column '{item.name}' holds bytes; leave it out, or write it as text in the query.")
    if pa.types.is_decimal(item.type) or pa.types.is_time(item.type):
        return pa.string()
    if kind == "mariadb" and (pa.types.is_date(item.type) or item.type in (pa.timestamp("s"), pa.int64())):
        # MariaDB knows a 0 February, over which the library would end the whole process, and numbers of 64 bits without
        # a sign, which would get one.
        return pa.string()
    return pa.timestamp("us") if pa.types.is_timestamp(item.type) else item.type


def told(error: Any) -> str:
    """What the server said, without the driver's own preface."""
    message = str(error).split("Message: ", 1)[-1].removeprefix("External error: ")
    return re.sub(r"^(\[[^\]]*\])+", "", message).strip().rstrip(".")
