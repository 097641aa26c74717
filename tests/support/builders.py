"""Small contracts, extracts and sources made on the spot, so that a test shows all that matters to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import xlsxwriter
import yaml

from sources.config import Source, load_source
from sources.contract import Contract, load_contract, load_contracts
from sources.extract import Extract, Format, text_batch
from sources.landing import Landed, land
from sources.periods import Quarter

Q1, Q2, Q3, Q4 = (Quarter(2025, number) for number in (1, 2, 3, 4))


def contract_document(
    properties: Sequence[Mapping[str, Any]],
    *,
    name: str = "made.things",
    rules: Mapping[str, str] | None = None,
    **custom: Any,
) -> dict[str, Any]:
    """A contract as YAML would give it. `custom` are custom properties; nothing is refused but what they say."""
    dataset = name.partition(".")[2]
    table: dict[str, Any] = {"name": dataset, "properties": [dict(item) for item in properties]}
    if rules:
        table["quality"] = [
            {"name": rule, "type": "custom", "engine": "row", "implementation": sql} for rule, sql in rules.items()
        ]
    custom = {"load": "full", "maximumRejectedShare": 1.0} | custom
    return {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": name,
        "version": "1.0.0",
        "status": "active",
        "schema": [table],
        "customProperties": [{"property": key, "value": value} for key, value in custom.items()],
    }


def write_contract(folder: Path, document: Mapping[str, Any]) -> Path:
    """The contract's file where its id says that it belongs, below `folder`."""
    system, _, dataset = str(document["id"]).partition(".")
    path = folder / "contracts" / system / f"{dataset}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(dict(document), sort_keys=False), encoding="utf-8")
    return path


def make_contract(folder: Path, *properties: Mapping[str, Any], **settings: Any) -> Contract:
    """The compiled contract of these columns; `settings` as in `contract_document`."""
    path = write_contract(folder, contract_document(properties, **settings))
    load_contract.cache_clear()  # a test may write the same contract twice
    return load_contract(path)


def column(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    """A column; `kind` is a logical type or, for numbers, DECIMAL(p,s)."""
    if kind.startswith("DECIMAL"):
        return {"name": name, "logicalType": "number", "physicalType": kind, **more}
    return {"name": name, "logicalType": kind, **more}


def key(name: str, position: int = 1) -> dict[str, Any]:
    """A text column that is the key, or one part of it."""
    return column(name, required=True, primaryKey=True, primaryKeyPosition=position)


def extract_of(
    contract: Contract,
    rows: Iterable[Mapping[str, str | None]],
    quarter: Quarter | None = None,
    *,
    form: Format | None = None,
    origin: str = "somewhere",
    first_row: int = 2,
) -> Extract:
    """An extract of these rows, as a connector would hand it over. Row numbers start below a header."""
    rows = list(rows)
    columns = {item.name: pa.array([row.get(item.name) for row in rows], pa.string()) for item in contract.columns}
    batch = text_batch(contract, columns, origin, range(first_row, first_row + len(rows)))
    return Extract(quarter, [batch], origin, form or Format())


def land_rows(
    contract: Contract, data: Path, rows: Iterable[Mapping[str, str | None]], form: Format | None = None
) -> Landed:
    """Land these rows as the whole of a dataset."""
    (landed,) = land(contract, [extract_of(contract, rows, form=form)], data, [Q1])
    return landed


def rows_of(path: Path | None, columns: str = "*", order: str = "_source_row") -> list[tuple[Any, ...]]:
    """Rows of a landed or rejected file."""
    assert path is not None, "nothing has landed"
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        return con.execute(
            f"select {columns} from read_parquet(?, hive_partitioning = false) order by {order}", [str(path)]
        ).fetchall()


def rejected_path(landed: Landed) -> Path:
    """Where the refused rows of what has landed lie."""
    assert landed.path is not None, "nothing has landed"
    slot, dataset, system, raw = landed.path.parent, *landed.path.parents[1:4]
    return raw.parent / "rejected" / system.name / dataset.name / slot.name / landed.path.name


def reasons_of(landed: Landed) -> dict[int, list[str]]:
    """Reasons of every refused row, by its row number at the source."""
    return {row: list(reasons) for row, reasons in rows_of(rejected_path(landed), "_source_row, _reasons")}


def files_in(folder: Path) -> list[str]:
    """Every file below `folder`, hidden ones too, as sorted relative names."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def write_workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]], first_row: int = 0) -> Path:
    """A workbook whose rows begin at `first_row`. Dates get a date format; "=1/0" is a cell in error."""
    with xlsxwriter.Workbook(path, {"default_date_format": "dd/mm/yyyy"}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows, start=first_row):
                for place, value in enumerate(row):
                    if value == "=1/0":
                        sheet.write_formula(number, place, value, None, "#DIV/0!")
                    elif value is not None:
                        sheet.write(number, place, value)
    return path


def make_source(folder: Path, document: Mapping[str, Any], contracts: Mapping[str, Contract] | None = None) -> Source:
    """The source that this YAML declares, written to `folder`/sources."""
    path = folder / "sources" / f"{document['system']}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(dict(document), sort_keys=False), encoding="utf-8")
    return load_source(path, load_contracts() if contracts is None else contracts)
