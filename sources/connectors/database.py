"""SQL databases through ADBC, read-only: a query per dataset, with the period's bounds as parameters.

SQLite so far; every value crosses as text, so the query decides what is selected and landing decides the types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.contract import Contract
from sources.errors import SourceError, listed, nearest
from sources.periods import Quarter

_PARAMETER = re.compile(r":(period_start|period_end)\b")


class Connection(pydantic.BaseModel):
    """`uri` is `sqlite:///absolute/path.db`."""

    model_config = pydantic.ConfigDict(extra="forbid")
    uri: str

    @property
    def path(self) -> Path:
        """The database's file."""
        return Path(self.uri.removeprefix("sqlite://"))

    @pydantic.field_validator("uri")
    @classmethod
    def _known(cls, value: str) -> str:
        if not value.startswith("sqlite://"):
            scheme, found, _ = value.partition("://")  # no more of it: what follows may hold a password
            shown = f"'{scheme}'" if found else "an address without ://"
            raise ValueError(f"{shown} is not a database known here. Known: 'sqlite'.")
        return value


class Request(x.Request):
    """`query` is SQL; `:period_start` (inclusive) and `:period_end` (exclusive) stand for the quarter's bounds."""

    query: str


def extract(
    connection: Connection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract a quarter where the query names the period, else one for all. Raises SourceError while reading."""
    by_period = bool(_PARAMETER.search(request.query))
    slots: list[Quarter | None] = [*quarters] if by_period else [None]
    for quarter in slots:
        origin = f"{connection.path.name}: {contract.dataset}"
        yield x.Extract(quarter, _batches(connection, request, contract, quarter, origin), origin, request.format)


def reach(connection: Connection, request: Request) -> None:
    """Raise SourceError when the database cannot be opened or the query is refused."""
    with _open(connection) as opened, opened.cursor() as cursor:
        # On lines of its own: the query may end in a comment.
        _execute(cursor, f"select * from (\n{request.query.rstrip().rstrip(';')}\n) limit 0", None, connection)


def _batches(
    connection: Connection, request: Request, contract: Contract, quarter: Quarter | None, origin: str
) -> Iterator[pa.RecordBatch]:
    with _open(connection) as opened, opened.cursor() as cursor:
        # SQLite has no column types to ask for: the driver infers them from the first batch, so make it a large one.
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": "65536"})
        _execute(cursor, request.query, quarter, connection)
        reader = cursor.fetch_record_batch()
        fields = _fields(contract, request, reader.schema.names, origin)
        number = 0
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as error:
                if "Type mismatch" in str(error):
                    raise SourceError(
                        f"{origin}: a column changes its type along the way ({error}). Cast it to text in the query."
                    ) from None
                raise SourceError(f"{origin}: reading broke off: {error}. Nothing landed; try again.") from None
            columns = {name: None if field is None else batch.column(field) for name, field in fields.items()}
            rows = range(number + 1, number + batch.num_rows + 1)
            yield x.text_batch(contract, x.apply_maps(contract, request, columns), origin, rows)
            number += batch.num_rows


def _fields(contract: Contract, request: Request, offered: list[str], origin: str) -> dict[str, str | None]:
    fields: dict[str, str | None] = {}
    for column in contract.columns:
        mapped = request.columns.get(column.name)
        if column.name in request.absent or (mapped and mapped.constant is not None):
            fields[column.name] = None
            continue
        field = (mapped.field if mapped else None) or column.name
        if field not in offered:
            raise SourceError(
                f"{origin}: the query gives no column '{field}' for {contract.name}.{column.name}."
                f"{nearest(field, offered)} It gives: {listed(offered)}. Nothing landed. "
                f"Mend `datasets.{contract.dataset}.query` or `columns.{column.name}` in the source's YAML."
            )
        fields[column.name] = field
    return fields


def _open(connection: Connection):  # type: ignore[no-untyped-def]  # the driver has no type stubs
    import adbc_driver_sqlite.dbapi as sqlite

    if not connection.path.exists():
        raise SourceError(
            f"{connection.path.name}: there is no such database file. Check connection.uri and its variable."
        )
    try:
        return sqlite.connect(f"file:{quote(str(connection.path))}?mode=ro")
    except sqlite.Error as error:
        raise SourceError(f"{connection.path.name}: cannot be opened: {error}. Check connection.uri.") from None


def _execute(cursor, query: str, quarter: Quarter | None, connection: Connection) -> None:  # type: ignore[no-untyped-def]
    first = quarter or Quarter(1970, 1)
    values = {"period_start": first.start.isoformat(), "period_end": first.next.start.isoformat()}
    parameters = [values[name] for name in _PARAMETER.findall(query)]
    try:
        cursor.execute(_PARAMETER.sub("?", query), parameters or None)
    except Exception as error:  # the driver raises its own family, unknown until imported
        raise SourceError(f"{connection.path.name}: the query was refused: {error}") from None
