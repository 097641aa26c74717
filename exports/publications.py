"""What may be published, read from dbt's manifest: one exposure is one publication.
Belongs here: exposures, their tables, the columns each audience may see. Not here: reading rows or writing files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from exports.errors import ExportError

AUDIENCES = ("internal", "public")
FORMATS = ("parquet", "csv", "json", "xlsx", "pdf")
KINDS = ("feed", "report")
TABLE_FORMATS = ("parquet", "csv", "json")  # one file per table; the others are one document per publication
PUBLIC_FORMATS = ("csv", "parquet")  # what an open data package holds of every table


@dataclass(frozen=True)
class Column:
    """A column of a published table, as the model's contract has it.

    `type` is the contract's `data_type`; `audiences` those the column is marked for (none: it never leaves).
    """

    name: str
    type: str
    description: str
    audiences: frozenset[str]


@dataclass(frozen=True)
class Table:
    """A contracted dbt model behind a publication; `columns` holds all of the contract's columns, in its order."""

    schema: str
    name: str
    description: str
    columns: tuple[Column, ...]

    @property
    def relation(self) -> str:
        """The quoted name of the table in the curated database."""
        return f'"{self.schema}"."{self.name}"'

    def columns_for(self, audience: str) -> tuple[Column, ...]:
        """The columns marked for the audience, in the contract's order: default deny."""
        return tuple(column for column in self.columns if audience in column.audiences)


@dataclass(frozen=True)
class Publication:
    """One feed or report: an exposure with its tables, audiences, formats and version.

    `method` says in a sentence or two how its figures are made and where to read more; readers see it. `public_rows`
    is the condition (SQL) that rows for the public must meet, empty for all: columns alone may let too much out.
    """

    name: str
    label: str
    description: str
    method: str
    owner: str
    owner_email: str
    kind: str
    version: int
    audiences: tuple[str, ...]
    formats: tuple[str, ...]
    order_by: tuple[str, ...]
    tables: tuple[Table, ...]
    public_rows: str = ""

    def table_formats(self, audience: str) -> tuple[str, ...]:
        """The formats in which the audience gets each table."""
        if audience not in self.audiences:
            return ()
        return PUBLIC_FORMATS if audience == "public" else tuple(each for each in self.formats if each in TABLE_FORMATS)


def read_publications(manifest: Path) -> tuple[Publication, ...]:
    """Read every exposure of a dbt manifest that publishes something, sorted by name.

    An exposure without `meta.formats` documents a use of the data (a dashboard elsewhere) and is passed over.

    Raises:
        ExportError: the manifest cannot be read, or an exposure asks for what cannot be published.
    """
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"{manifest}: dbt's manifest cannot be read ({error}). Build the project first.") from error
    return publications_of(content)


def publications_of(manifest: Mapping[str, Any]) -> tuple[Publication, ...]:
    """The publications of a manifest already loaded; see `read_publications`."""
    found = [
        _publication(exposure, manifest.get("nodes", {}))
        for exposure in manifest.get("exposures", {}).values()
        if "formats" in _meta(exposure)
    ]
    found.sort(key=lambda publication: publication.name)
    _refuse_shared_tables(found)
    return tuple(found)


def _publication(exposure: Mapping[str, Any], nodes: Mapping[str, Any]) -> Publication:
    name = exposure["name"]
    meta = _meta(exposure)
    place = f"exposure '{name}'"
    audiences = _known(meta.get("audiences"), AUDIENCES, f"{place}: meta.audiences", "audience")
    formats = _known(meta.get("formats"), FORMATS, f"{place}: meta.formats", "format")
    kind = meta.get("kind") or name.split("_", 1)[0]
    if kind not in KINDS:
        raise ExportError(
            f"{place}: neither its name nor meta.kind says whether it is a feed or a report. "
            "Begin the name with 'feed_' or 'report_', or set meta.kind."
        )
    version = meta.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ExportError(f"{place}: meta.version is {version!r}; give a whole number from 1.")
    method = meta.get("method")
    if not isinstance(method, str) or not method.strip():
        raise ExportError(
            f"{place}: meta.method is {method!r}; say in a sentence or two how its figures are made "
            "and where to read more."
        )
    tables = tuple(_table(node, nodes, place) for node in exposure.get("depends_on", {}).get("nodes", []))
    if not tables:
        raise ExportError(f"{place}: depends on no model. Name its table under depends_on: [ref('…')].")
    order_by = tuple(meta.get("order_by") or ())
    for table in tables:
        _check_columns(table, audiences, order_by, place)
    public_rows = meta.get("public_rows") or ""
    if public_rows and "public" not in audiences:
        raise ExportError(
            f"{place}: meta.public_rows is given, and the public gets no rows. Drop it, or add the audience."
        )
    owner = exposure.get("owner") or {}
    return Publication(
        name=name,
        label=exposure.get("label") or name,
        description=_one_line(exposure.get("description")),
        method=_one_line(method),
        owner=owner.get("name") or "",
        owner_email=owner.get("email") or "",
        kind=kind,
        version=version,
        audiences=audiences,
        formats=formats,
        order_by=order_by,
        tables=tables,
        public_rows=_one_line(public_rows),
    )


def _check_columns(table: Table, audiences: tuple[str, ...], order_by: tuple[str, ...], place: str) -> None:
    for audience in audiences:
        allowed = {column.name for column in table.columns_for(audience)}
        if not allowed:
            raise ExportError(
                f"{place}: publishes model '{table.name}' to '{audience}', but none of its columns is marked for it. "
                f"Add '{audience}' to config.meta.audiences of the columns that may leave, or drop the audience."
            )
        missing = [column for column in order_by if column not in allowed]
        if missing:
            raise ExportError(
                f"{place}: meta.order_by names '{missing[0]}', which model '{table.name}' does not publish "
                f"to '{audience}'. Order by a column that this audience sees."
            )


def _table(node_id: str, nodes: Mapping[str, Any], place: str) -> Table:
    node = nodes.get(node_id)
    if node is None or node.get("resource_type") != "model":
        raise ExportError(f"{place}: depends on '{node_id}', which is not a model. Publish a contracted model only.")
    name = node["name"]
    contract = (node.get("config") or {}).get("contract") or node.get("contract") or {}
    if not contract.get("enforced"):
        raise ExportError(
            f"{place}: model '{name}' has no enforced contract. "
            "Set config.contract.enforced: true and give each column its data_type."
        )
    columns = tuple(_column(column, name, place) for column in node.get("columns", {}).values())
    return Table(
        schema=node["schema"],
        name=node.get("alias") or name,
        description=_one_line(node.get("description")),
        columns=columns,
    )


def _column(column: Mapping[str, Any], model: str, place: str) -> Column:
    at = f"{place}: column '{model}.{column['name']}'"
    if not column.get("data_type"):
        raise ExportError(f"{at} has no data_type in its contract. Give it one.")
    marked = _meta(column).get("audiences") or []
    return Column(
        name=column["name"],
        type=column["data_type"],
        description=_one_line(column.get("description")),
        audiences=frozenset(_known(marked, AUDIENCES, f"{at}: meta.audiences", "audience") if marked else ()),
    )


def _meta(node: Mapping[str, Any]) -> dict[str, Any]:
    """dbt keeps meta under config since 1.10 and copies it to the top; either place counts, config first."""
    return {**(node.get("meta") or {}), **((node.get("config") or {}).get("meta") or {})}


def _known(values: Any, known: tuple[str, ...], place: str, word: str) -> tuple[str, ...]:
    if not isinstance(values, list) or not values:
        raise ExportError(f"{place} is {values!r}; give a list of one or more of: {', '.join(known)}.")
    for value in values:
        if value not in known:
            near = get_close_matches(str(value), known, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ExportError(f"{place}: '{value}' is not a known {word}.{hint} Known: {', '.join(known)}.")
    return tuple(dict.fromkeys(values))


def _refuse_shared_tables(publications: list[Publication]) -> None:
    """Files are named after the table, so a table has one publication."""
    seen: dict[str, str] = {}
    for publication, table in pairs(publications):
        if table.name in seen:
            raise ExportError(
                f"exposure '{publication.name}': model '{table.name}' is already published by "
                f"exposure '{seen[table.name]}'. A table belongs to one publication."
            )
        seen[table.name] = publication.name


def pairs(publications: Iterable[Publication]) -> Iterator[tuple[Publication, Table]]:
    """Each publication with each of its tables, in order."""
    for publication in publications:
        for table in publication.tables:
            yield publication, table


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
