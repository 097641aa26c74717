"""SQL databases, read-only: a query per dataset, streamed, with the period's bounds filled in.

PostgreSQL and SQLite by ADBC; MariaDB, SQL Server and Oracle by ODBC (sources.connectors.odbc). Every value crosses as
text: the query decides what is selected, landing decides the types.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors import LOOPBACK, odbc, sql
from sources.contract import Contract
from sources.errors import SourceError, listed, nearest
from sources.periods import Quarter

SERVERS = ("mariadb", "oracle", "postgresql", "sqlite", "sqlserver")
_CONNECT_SECONDS = 15


class Connection(pydantic.BaseModel):
    """`uri` is `postgresql://user@host:5432/database` (also `mariadb`, `sqlserver`, `oracle`), with a unix socket
    `postgresql://user@/database?host=/folder`, or `sqlite:///absolute/path.db`. `odbc_driver` names an installed driver
    to read through, `options` further keywords of the driver. A query may take `timeout_seconds`; over ODBC a text may
    be `max_text_size` characters long."""

    model_config = pydantic.ConfigDict(extra="forbid")
    uri: str
    password: pydantic.SecretStr | None = None
    odbc_driver: str | None = None
    options: dict[str, str] = {}
    timeout_seconds: int = pydantic.Field(1800, gt=0)
    max_text_size: int = pydantic.Field(4000, gt=0)

    @property
    def server(self) -> str:
        """One of SERVERS."""
        return self.uri.partition("://")[0]

    @property
    def path(self) -> Path:
        """SQLite's file."""
        return Path(self.uri.removeprefix("sqlite://"))

    @property
    def place(self) -> str:
        """Where the data are, as messages and origins show it: without the user."""
        if self.server == "sqlite":
            return self.path.name
        parts = urlsplit(self.uri)
        port = f":{parts.port}" if parts.port else ""
        return f"{self.server}://{parts.hostname or 'localhost'}{port}{parts.path}"

    @property
    def is_odbc(self) -> bool:
        """Whether it is read through an ODBC driver."""
        return self.odbc_driver is not None or self.server not in ("postgresql", "sqlite")

    @pydantic.field_validator("uri")
    @classmethod
    def _known(cls, value: str) -> str:
        server, found, _ = value.partition("://")  # no more of it is shown: what follows may hold a password
        if not found or server not in SERVERS:
            shown = f"'{server}'" if found else "an address without ://"
            hint = nearest(server, SERVERS) if found else ""
            raise ValueError(f"{shown} is not a database known here.{hint} Known: {listed(SERVERS)}.")
        if server != "sqlite":
            _check_address(server, value)
        return value

    @pydantic.model_validator(mode="after")
    def _no_keywords_for_odbc(self) -> Connection:
        if self.is_odbc and (foreign := sorted({key for key, _ in parse_qsl(urlsplit(self.uri).query)} - {"host"})):
            raise ValueError(f"uri: {listed(foreign)} cannot stand there; an ODBC driver's keywords belong in options.")
        return self

    @pydantic.field_validator("options", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        # YAML knows yes, no and numbers; a connection string knows texts only.
        words = {True: "yes", False: "no"}
        return (
            {key: words.get(item, item) if isinstance(item, bool) else str(item) for key, item in value.items()}
            if (isinstance(value, dict))
            else value
        )


class Request(x.Request):
    """`query` is SQL, or `query_file` names a file of it beside the YAML. `:period_start` (inclusive) and `:period_end`
    (exclusive) stand for the quarter's bounds."""

    query: str | None = None
    query_file: Path | None = None

    @pydantic.model_validator(mode="after")
    def _one(self, info: pydantic.ValidationInfo) -> Request:
        if (self.query is None) == (self.query_file is None):
            raise ValueError("give either a query or a query_file.")
        if self.query_file is not None and info.context:
            self.query_file = info.context["folder"] / self.query_file
            if not self.query_file.is_file():
                raise ValueError(f"query_file {self.query_file.name} does not exist beside the YAML.")
        return self

    def beside(self) -> list[Path]:
        """The map files, and the file of the query."""
        return [*super().beside(), *([self.query_file] if self.query_file else [])]

    @property
    def text(self) -> str:
        """The SQL, wherever it stands."""
        return self.query or (self.query_file.read_text(encoding="utf-8-sig") if self.query_file else "")


def extract(
    connection: Connection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract a quarter where the query names the period, else one for all; from the day of `since` on where it
    asks for `:period_start`. Raises SourceError while reading."""
    origin = f"{connection.place}: {contract.dataset}"
    query = _checked(connection, request, origin)
    named = sql.named_parameters(query, connection.server)
    slots: list[Quarter | None] = [*quarters] if named else [None]
    for quarter in slots:
        mark = since.get(quarter) if quarter and "period_start" in named else None
        made = x.Extract(quarter, (), origin, request.format, since=mark)
        filled = sql.filled(query, connection.server, _bounds(quarter, mark))
        made.batches = _batches(connection, filled, request, contract, origin, made.notes)
        yield made


def reach(connection: Connection, request: Request) -> None:
    """Raise SourceError when the database cannot be opened or refuses the query."""
    query = _checked(connection, request, connection.place)
    query = sql.filled(query, connection.server, _bounds(None, None))
    if connection.server != "sqlserver":  # which takes neither `with` nor `order by` in there
        # On lines of its own: the query may end in a comment.
        query = f"select * from (\n{query}) probe where 1 = 0\n"
    with opened(connection, query, connection.place):
        pass


def _checked(connection: Connection, request: Request, origin: str) -> str:
    text = request.text
    try:
        sql.check_reads(text, connection.server)
    except ValueError as error:
        raise SourceError(f"{origin}: {error}") from None
    return sql.bare(text, connection.server)


def _bounds(quarter: Quarter | None, since: datetime | None) -> dict[str, date]:
    quarter = quarter or Quarter(1970, 1)
    # Whole days: a server may keep dates, moments or text, and reads a day as any of them.
    start = max(quarter.start, since.date()) if since else quarter.start
    return {"period_start": start, "period_end": quarter.next.start}


def _batches(
    connection: Connection, query: str, request: Request, contract: Contract, origin: str, notes: list[str]
) -> Iterator[pa.RecordBatch]:
    with opened(connection, query, origin) as (schema, rows):
        fields = _fields(contract, request, schema.names, origin)
        if added := [name for name in schema.names if fields and name not in fields.values()]:
            notes.append(f"columns that the contract does not have: {', '.join(added)}")
        number = 0
        symbols: Counter[str] = Counter()
        for batch in _told(rows, connection, origin):
            columns = {
                name: None if field is None else _text(batch.column(field), schema.field(field), origin)
                for name, field in fields.items()
            }
            numbers = range(number + 1, number + batch.num_rows + 1)
            columns = x.apply_symbols(contract, request.format, x.apply_maps(contract, request, columns), symbols)
            yield x.text_batch(contract, columns, origin, numbers)
            number += batch.num_rows
        notes += x.symbol_notes(request.format, symbols)


def _fields(contract: Contract, request: Request, offered: list[str], origin: str) -> dict[str, str | None]:
    """The query's column for each of the contract's; None where it comes from none. Capitals do not count where only
    one column fits."""
    if contract.is_open:
        return {name: name for name in offered}
    fields: dict[str, str | None] = {}
    for column in contract.columns:
        mapped = request.columns.get(column.name)
        is_made = column.name == request.format.reason_column and mapped is None
        if column.name in request.absent or is_made or (mapped and mapped.constant is not None):
            fields[column.name] = None
            continue
        field = (mapped.field if mapped else None) or column.name
        same = [name for name in offered if name == field] or [n for n in offered if n.lower() == field.lower()]
        if len(same) != 1:
            problem = "gives no column" if not same else "gives more than one column"
            raise SourceError(
                f"{origin}: the query {problem} '{field}' for {contract.name}.{column.name}."
                f"{'' if same else nearest(field, offered)} It gives: {listed(offered)}. Nothing landed. "
                f"Mend `datasets.{contract.dataset}.query` or `columns.{column.name}` in the source's YAML."
            )
        fields[column.name] = same[0]
    return fields


def _text(column: pa.Array, field: pa.Field, origin: str) -> pa.Array:
    """A column as text. Raises SourceError for types that have none that anybody would expect."""
    kind = (field.metadata or {}).get(b"POSTGRESQL:type", str(field.type).encode()).decode()
    try:
        if _holds_bytes(column.type) or kind in ("money", "_money"):  # which comes as a number of pence
            raise ValueError
        return x.as_text(column)
    except (ValueError, NotImplementedError):
        raise SourceError(
            f"{origin}: the column '{field.name}' has the type {kind}, which cannot be read as it is. Nothing landed. "
            "Cast it in the query (money to numeric, others to text), or leave it out."
        ) from None


def _holds_bytes(kind: pa.DataType) -> bool:
    """Whether values are bytes, or lists of them: those of types that the driver does not know."""
    if isinstance(kind, pa.UuidType):
        return False
    if isinstance(kind, pa.BaseExtensionType):
        return _holds_bytes(kind.storage_type)
    if pa.types.is_list(kind):
        return _holds_bytes(kind.value_type)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


# Opening, read-only, each in its own way


@contextlib.contextmanager
def opened(connection: Connection, query: str, origin: str) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """The query under way: its columns, and its rows as they come. Raises SourceError where the server refuses it."""
    with contextlib.ExitStack() as stack:
        if connection.is_odbc:
            server = server_of(connection)
            driver = odbc.driver_for(server.kind, connection.odbc_driver, origin)
            text = odbc.connection_string(server, driver, connection.options)
            try:
                seconds, size = connection.timeout_seconds, connection.max_text_size
                found = odbc.batches(server, text, query, seconds, size)
            except Exception as error:  # of a class that is not known before the library is loaded
                raise SourceError(f"{origin}: the query was refused: {_plainly(error)}.") from None
        else:
            cursor = stack.enter_context(stack.enter_context(_adbc(connection)).cursor())
            if connection.server == "sqlite":
                # SQLite has no column types to ask for: the driver infers them from the first batch; make it large.
                cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": "65536"})
            try:
                cursor.execute(query)
                reader = cursor.fetch_record_batch()
            except Exception as error:  # as above
                raise SourceError(f"{origin}: the query was refused: {_plainly(error)}.") from None
            found = reader.schema, iter(reader)
        yield found


def _told(rows: Iterator[pa.RecordBatch], connection: Connection, origin: str) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            batch = next(rows)
        except StopIteration:
            return
        except Exception as error:  # of a class that is not known before the library is loaded
            message = _plainly(error)
            if "Type mismatch" in message:
                raise SourceError(
                    f"{origin}: a column changes its type along the way ({message}). Cast it to text in the query."
                ) from None
            if "too large" in message:
                raise SourceError(
                    f"{origin}: a text is longer than the {connection.max_text_size:,} characters of "
                    "connection.max_text_size. Nothing landed. Raise it, or shorten the text in the query."
                ) from None
            raise SourceError(f"{origin}: reading broke off: {message}. Nothing landed; try again.") from None
        yield batch


def _adbc(connection: Connection) -> Any:
    if connection.server == "sqlite":
        import adbc_driver_sqlite.dbapi as sqlite

        if not connection.path.exists():
            raise SourceError(
                f"{connection.place}: there is no such database file. Check connection.uri and its variable."
            )
        address, connect = f"file:{quote(str(connection.path))}?mode=ro", sqlite.connect
    else:
        import adbc_driver_postgresql.dbapi as postgresql

        address, connect = conninfo(connection), postgresql.connect
    try:
        return connect(address)
    except Exception as error:  # of a class that is not known before the driver is loaded
        raise SourceError(
            f"{connection.place}: cannot be opened: {_plainly(error)}. Check connection.uri and connection.password."
        ) from None


def conninfo(connection: Connection) -> str:
    """PostgreSQL's connection string. Read-only, in UTC, given up when nobody answers; over a network only to a server
    whose certificate is good, unless `sslmode` says otherwise."""
    server, own = server_of(connection), dict(parse_qsl(urlsplit(connection.uri).query)) | connection.options
    session = {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{connection.timeout_seconds}s",
        "timezone": "UTC",
        "datestyle": "ISO",
    }
    words = {
        "host": server.socket or server.host,
        "port": str(server.port or 5432),
        "dbname": server.database,
        "user": server.user,
        "password": server.password,
        "sslmode": "prefer" if server.is_local else "verify-full",
        "connect_timeout": str(_CONNECT_SECONDS),
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "6",
        "application_name": "council-vitals",
        **own,
        "options": " ".join(
            [own.get("options", ""), *(f"-c {name}={value}" for name, value in session.items())]
        ).strip(),
    }
    escaped = {word: value.replace("\\", "\\\\").replace("'", "\\'") for word, value in words.items() if value}
    return " ".join(f"{word}='{value}'" for word, value in escaped.items())


def server_of(connection: Connection) -> odbc.Server:
    """The server that the uri names."""
    parts = urlsplit(connection.uri)
    folder = dict(parse_qsl(parts.query)).get("host")
    host = folder or parts.hostname or "localhost"
    is_socket = host.startswith("/")
    return odbc.Server(
        kind=connection.server,
        host="localhost" if is_socket else host,
        port=parts.port,
        database=unquote(parts.path.removeprefix("/")),
        user=unquote(parts.username) if parts.username else None,
        password=connection.password.get_secret_value() if connection.password else None,
        socket=host if is_socket else None,
        is_local=is_socket or host in LOOPBACK,
    )


def _check_address(server: str, uri: str) -> None:
    try:
        parts: SplitResult = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise ValueError(f"cannot be read. Write {server}://user@host:port/database.") from None
    if parts.password is not None or "password" in dict(parse_qsl(parts.query)):
        raise ValueError("holds a password. It belongs in connection.password, as a variable.")
    if not parts.path.strip("/") or parts.fragment or port == 0:
        raise ValueError(f"names no database. Write {server}://user@host:port/database.")


def _plainly(error: Exception) -> str:
    """The server's own words, without the driver's preface and the query that it repeats."""
    message = re.split(r"\n+query(?: was)?: |\s*\. SQLSTATE: ", odbc.told(error), flags=re.IGNORECASE)[0]
    message = re.sub(r"^([A-Z_]+: )?(\[\w+\] )?(Failed to prepare query: )?", "", message)
    message = " ".join(re.split(r"\b(?:ERROR|FATAL):  ", message)[-1].split()).rstrip(".?")
    # Values that a query could not convert may be somebody's name.
    return re.sub(r"""(?<=value )'[^']*'|(?<=: )"[^"]*"(?=$|;| LINE )""", "'…'", message)
