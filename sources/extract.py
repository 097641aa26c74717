"""What a connector hands to landing: rows as text under the contract's column names, and where they came from.

Text, because a value that cannot be read must be kept as it was written; types are landing's business.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pydantic

from sources.contract import Contract
from sources.errors import ConfigurationError, SourceError, listed, nearest
from sources.periods import Quarter

EXCEL_SERIAL = "excel-serial"  # the number of a day, as Excel keeps it: 43658 is 12 July 2019
DATE_PATTERNS = {
    "yyyy-mm-dd": "%Y-%m-%d",
    "dd/mm/yyyy": "%d/%m/%Y",
    "dd-mm-yyyy": "%d-%m-%Y",
    "dd.mm.yyyy": "%d.%m.%Y",
    "dd/mm/yy": "%d/%m/%y",
    "dd-mmm-yyyy": "%d-%b-%Y",
    "dd-mmm-yy": "%d-%b-%y",
    "d mmm yyyy": "%d %b %Y",
    "d mmmm yyyy": "%d %B %Y",
    "mm/dd/yyyy": "%m/%d/%Y",
    "yyyymmdd": "%Y%m%d",
    EXCEL_SERIAL: "",
}


MAXIMUM_CELL = 1_000_000  # bytes; Excel holds 32,767 characters


class Format(pydantic.BaseModel):
    """How a source writes values. ISO dates are always understood; `dates` adds the source's own spelling, or several,
    of which the first that fits counts. `symbols` stand where a number or date should and say why it is not there:
    the value is null then, and the reason goes into `reason_column`."""

    model_config = pydantic.ConfigDict(extra="forbid")
    dates: list[str] = []
    nulls: list[str] = ["", "NULL", "null"]
    symbols: dict[str, str] = {}
    reason_column: str | None = None

    @pydantic.field_validator("dates", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        several = value if isinstance(value, list) else [] if value is None else [value]
        for spelling in several:
            if spelling not in DATE_PATTERNS:
                raise ValueError(
                    f"'{spelling}' is not a known spelling of dates.{nearest(str(spelling), DATE_PATTERNS)} "
                    f"Known: {listed(DATE_PATTERNS)}."
                )
        return several


class ColumnSource(pydantic.BaseModel):
    """Where a contract column comes from: a field, with a map file (columns `from,to`) for its codes, or a constant."""

    model_config = pydantic.ConfigDict(extra="forbid")
    field: str | None = None
    map_file: Path | None = None
    constant: str | None = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"field": value} if isinstance(value, str) else value

    @pydantic.model_validator(mode="after")
    def _one(self, info: pydantic.ValidationInfo) -> ColumnSource:
        if (self.field is None) == (self.constant is None):
            raise ValueError("give either a field or a constant.")
        if self.map_file is not None and info.context:
            self.map_file = info.context["folder"] / self.map_file
            if not self.map_file.exists():
                raise ValueError(
                    f"map_file {self.map_file.name} does not exist beside the YAML. Make it, with the columns from,to."
                )
            try:
                _map(self.map_file)
            except ConfigurationError as error:
                raise ValueError(str(error)) from None
        return self


class Request(pydantic.BaseModel):
    """What every connector's dataset may say: column mapping, spellings, and columns that this source does not have."""

    model_config = pydantic.ConfigDict(extra="forbid")
    columns: dict[str, ColumnSource] = {}
    format: Format = Format()
    absent: list[str] = []

    def beside(self) -> list[Path]:
        """Files beside the YAML that say how rows are read."""
        return [origin.map_file for origin in self.columns.values() if origin.map_file is not None]

    def named_columns(self) -> Iterator[tuple[str, str]]:
        """Every contract column that the request names, with the key under which it stands."""
        for key, names in (("columns", self.columns), ("absent", self.absent)):
            yield from ((key, name) for name in names)
        if self.format.reason_column is not None:
            yield "format.reason_column", self.format.reason_column


@dataclass
class Version:
    """What a source calls the version of what it gives, so that the same is not fetched twice.

    Before batches are read landing says with which version the extract in force was `landed`. The connector says which
    one it has `read` when all batches are through, or hands over none and says that it `is_unchanged`.
    """

    landed: str | None = None
    read: str | None = None
    is_unchanged: bool = False


def reading(contract: Contract, request: Request, *more: Any) -> str:
    """A digest of all that decides what becomes of the same answer: contract, mapping, files beside it, and `more`.
    What was read in another way must be read again; where the project lies does not matter."""
    beside = request.beside()
    told = repr((replace(contract, migrations=()), request, [path.read_bytes() for path in beside], more))
    for path in beside:
        told = told.replace(repr(path), repr(path.name))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


@dataclass
class Extract:
    """One slot of one dataset, read from one place.

    `quarter` is None where the dataset is kept whole or the contract's period column splits it. `batches` have the
    schema of `text_schema(contract)`. `origin` is an address without secrets. `notes` fills while batches are read.
    `since` is given where only what changed from that moment on was asked for: landing then adds to what it has.
    `version` lets landing keep the extract in force where the source says that nothing has changed. `reading` is the
    digest of how its rows are read (see `reading`).
    """

    quarter: Quarter | None
    batches: Iterable[pa.RecordBatch]
    origin: str
    format: Format
    notes: list[str] = field(default_factory=list)
    since: datetime | None = None
    version: Version = field(default_factory=Version)
    reading: str = ""


def text_schema(contract: Contract) -> pa.Schema:
    """Arrow schema between connector and landing: the contract's columns as text, the source and row number,
    and, for a record that could not be read at all, why (`_refused`) and its text (`_original`)."""
    return pa.schema(
        [
            *((column.name, pa.string()) for column in contract.columns),
            ("_source", pa.dictionary(pa.int32(), pa.string())),  # one address for a whole batch
            ("_source_row", pa.int64()),
            ("_refused", pa.string()),
            ("_original", pa.string()),
        ]
    )


def as_text(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Any Arrow column as text. Dates and timestamps come out in ISO form (with a zone: in UTC), whole floats without a
    decimal part, lists and records as JSON. Raises pyarrow's errors for what has no text."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    kind = array.type
    if pa.types.is_string(kind):
        return array
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.string())
    if isinstance(kind, pa.BaseExtensionType) and not isinstance(kind, pa.UuidType):
        return as_text(array.storage)
    if pa.types.is_nested(kind) or isinstance(kind, pa.UuidType):
        return pa.array([written(value) for value in array.to_pylist()], pa.string())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        # Arrow takes ten times as long to write a moment with its zone.
        moments = array.cast(pa.timestamp(kind.unit, "UTC")).cast(pa.timestamp(kind.unit))
        return pc.binary_join_element_wise(moments.cast(pa.string()), "Z", "")
    return array.cast(pa.string())


def text_batch(
    contract: Contract,
    columns: Mapping[str, pa.Array | None],
    source: str,
    rows: Sequence[int] | np.ndarray,
) -> pa.RecordBatch:
    """A batch in the text schema. A column that is None, or not given, is all null. For an open contract, one without
    columns, the batch has the columns that are given."""
    size = len(rows)
    schema = text_schema(contract)
    if contract.is_open:
        schema = pa.schema([*(pa.field(name, pa.string()) for name in columns if not name.startswith("_")), *schema])
    arrays = []
    refused: dict[int, str] = {}
    for item in schema:
        if item.name == "_source":
            same = pa.array(np.zeros(size, np.int32))
            arrays.append(pa.DictionaryArray.from_arrays(same, pa.array([source])))
        elif item.name == "_source_row":
            arrays.append(pa.array(np.asarray(rows, np.int64)))
        elif item.name == "_refused" and refused:
            arrays.append(pa.array([refused.get(row) for row in range(size)]))
        else:
            given = columns.get(item.name)
            texts = pa.nulls(size, pa.string()) if given is None else as_text(given)
            arrays.append(_held(item.name, texts, refused))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _held(name: str, texts: pa.Array, refused: dict[int, str]) -> pa.Array:
    """The texts, but for those that no table should hold: they are cut and marked, and `refused` gains their rows."""
    _, places, data = texts.buffers()
    if not len(texts) or data is None:
        return texts
    # A slice shares its buffers with its neighbours.
    ends = np.frombuffer(places, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if (long := np.diff(ends) > MAXIMUM_CELL).any():
        refused |= dict.fromkeys(
            np.flatnonzero(long).tolist(), f"{name} has more than {MAXIMUM_CELL:,} bytes in one cell"
        )
        cut = pc.binary_join_element_wise(pc.utf8_slice_codeunits(texts, 0, 200), "…", "")
        texts = pc.if_else(pa.array(long), cut, texts)
    if np.frombuffer(data, np.uint8)[ends[0] : ends[-1]].min(initial=1) == 0:
        holding = pc.fill_null(pc.match_substring(texts, "\0"), False).to_numpy(zero_copy_only=False)
        refused |= dict.fromkeys(np.flatnonzero(holding).tolist(), f"{name} holds a NUL character")
        texts = pc.replace_substring(texts, "\0", "␀")
    return texts


def refused_batch(contract: Contract, source: str, refused: Sequence[tuple[int, str, str]]) -> pa.RecordBatch:
    """Records that could not be read at all, as (row number, reason, text)."""
    numbers, reasons, texts = zip(*refused, strict=True)
    return text_batch(contract, {"_refused": pa.array(reasons), "_original": pa.array(texts)}, source, list(numbers))


def record_batches(
    contract: Contract,
    request: Request,
    records: Iterable[Sequence[Mapping[str, Any]]],
    source: Callable[[], str],
    notes: list[str] | None = None,
) -> Iterator[pa.RecordBatch]:
    """JSON records as text batches, one a page. Nested fields are addressed by dots (`dates.received`); where the first
    page has a field of that very name (`Amount inc. VAT`), it is meant.

    A field that no record of the first page holds at all is a missing column: SourceError where the contract requires
    it. Others may be left out when they are null, as many APIs do; one that no page holds at all goes to `notes`.
    """
    paths = {
        column.name: tuple((_field(request, column.name) or column.name).split("."))
        for column in contract.columns
        if column.name not in request.absent and not _is_constant(request, column.name)
    }
    if request.format.reason_column not in request.columns:
        paths.pop(request.format.reason_column or "", None)
    number, first, unseen = 0, None, set(paths)
    symbols: Counter[str] = Counter()
    for page in records:
        if not page:
            continue
        if odd := [record for record in page if not isinstance(record, dict)]:
            raise SourceError(f"{source()}: {str(odd[0])[:60]!r} stands where a record with named fields should.")
        if first is None and contract.is_open:
            paths = {".".join(path): path for record in page for path in _leaves(record)}
        if first is None:
            paths = {name: _whole(path, page) for name, path in paths.items()}
        unseen -= {name for name in unseen if any(_has(record, paths[name]) for record in page)}
        if first is None:
            first = page[0]
            for name in sorted(unseen):
                if contract.column(name).required:
                    raise SourceError(
                        f"{source()}: no record has the field {_missing(contract, paths, name, first)} The first "
                        f"record has: {listed(first)}. Mend `columns.{name}` in the source's YAML."
                    )
        columns = {name: _texts(page, path) for name, path in paths.items()}
        mapped = apply_symbols(contract, request.format, apply_maps(contract, request, columns), symbols)
        yield text_batch(contract, mapped, source(), range(number + 1, number + len(page) + 1))
        number += len(page)
    if first is not None and notes is not None:
        notes += [f"no record has the field {_missing(contract, paths, name, first)}" for name in sorted(unseen)]
        notes += symbol_notes(request.format, symbols)


def _whole(path: tuple[str, ...], page: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The path as one name where a record of the page has it so."""
    name = ".".join(path)
    return (name,) if len(path) > 1 and any(name in record for record in page) else path


def _leaves(record: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where a record's values stand, those of records inside it included."""
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name)


def _field(request: Request, column: str) -> str | None:
    return request.columns[column].field if column in request.columns else None


def _is_constant(request: Request, column: str) -> bool:
    return column in request.columns and request.columns[column].constant is not None


def _missing(contract: Contract, paths: Mapping[str, tuple[str, ...]], name: str, record: Mapping[str, Any]) -> str:
    """`'dates.closd' for complaints.cases.answered_date. Did you mean 'dates.closed'?`"""
    *above, last = path = paths[name]
    among = _at(record, tuple(above))
    hint = nearest(last, among if isinstance(among, dict) else record)
    return f"'{'.'.join(path)}' for {contract.name}.{name}.{hint}"


def _has(record: Any, path: Iterable[str]) -> bool:
    for part in path:
        if not isinstance(record, dict) or part not in record:
            return False
        record = record[part]
    return True


def _at(record: Any, path: Iterable[str]) -> Any:
    for part in path:
        record = record.get(part) if isinstance(record, dict) else None
    return record


def _texts(page: Sequence[Mapping[str, Any]], path: tuple[str, ...]) -> pa.Array:
    """One field of every record as text."""
    values = [record.get(path[0]) for record in page]
    for part in path[1:]:
        values = [value.get(part) if isinstance(value, dict) else None for value in values]
    with contextlib.suppress(pa.ArrowTypeError, UnicodeEncodeError):
        return pa.array(values, pa.string())  # most fields are text, and Arrow by itself is fastest
    texts = [written(value) for value in values]
    with contextlib.suppress(UnicodeEncodeError):
        return pa.array(texts, pa.string())
    # JSON can spell out half of a pair of surrogates, which is no character.
    return pa.array([text and text.encode("utf-8", "replace").decode() for text in texts], pa.string())


def written(value: Any) -> str | None:
    """A value of a JSON record as text; lists and records as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")  # some servers write whole numbers as 6.4579816E7
    if isinstance(value, (list, dict)):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def apply_maps(
    contract: Contract, request: Request, columns: Mapping[str, pa.Array | None]
) -> dict[str, pa.Array | None]:
    """Constants set and codes translated. A code that the map file does not hold is marked, so that landing refuses
    the row with a reason instead of letting it through under the wrong unit."""
    result = dict(columns)
    size = next((len(array) for array in columns.values() if array is not None), 0)
    for name, origin in request.columns.items():
        if origin.constant is not None:
            result[name] = pa.repeat(pa.scalar(origin.constant), size)
        column = result.get(name)
        if origin.map_file is not None and column is not None:
            known = _map(origin.map_file)
            texts = as_text(column).dictionary_encode()
            translated = [
                None if code.strip() in request.format.nulls else known.get(code.strip(), f"{UNMAPPED}{code}")
                for code in texts.dictionary.to_pylist()
            ]
            result[name] = pa.DictionaryArray.from_arrays(
                texts.indices, pa.array(translated, pa.string())
            ).dictionary_decode()
    return result


def apply_symbols(
    contract: Contract, form: Format, columns: Mapping[str, pa.Array | None], counts: Counter[str] | None = None
) -> dict[str, pa.Array | None]:
    """Symbols in place of numbers, dates and the like become null, and their meaning goes into the column that the
    format names for it; `counts` adds up how often each symbol stood. Text columns keep what they say."""
    result = dict(columns)
    symbols, meanings = pa.array(list(form.symbols), pa.string()), pa.array(list(form.symbols.values()), pa.string())
    reason: pa.Array | None = None
    for column in contract.columns if form.symbols else ():
        given = result.get(column.name)
        if given is None or column.sql_type == "VARCHAR":
            continue
        texts = as_text(given)
        found = pc.index_in(pc.utf8_trim_whitespace(texts), value_set=symbols)
        if found.null_count == len(found):
            continue
        if counts is not None:
            counts.update(symbols.take(found.drop_null()).to_pylist())
        result[column.name] = pc.if_else(pc.is_valid(found), pa.scalar(None, pa.string()), texts)
        told = meanings.take(found).fill_null("")
        reason = told if reason is None else pc.binary_join_element_wise(reason, told, "\n")
    if reason is not None and form.reason_column is not None:
        coded = reason.dictionary_encode()
        several = [filter(None, dict.fromkeys(text.split("\n"))) for text in coded.dictionary.to_pylist()]
        once = [", ".join(each) or None for each in several]
        reason = pa.array(once, pa.string()).take(coded.indices)
        own = result.get(form.reason_column)
        result[form.reason_column] = reason if own is None else pc.coalesce(reason, as_text(own))
    return result


def symbol_notes(form: Format, counts: Mapping[str, int]) -> list[str]:
    """How often each symbol stood in place of a value, and what it means."""
    return [
        f"'{symbol}' stands for a value {count:,} time{'' if count == 1 else 's'}: {form.symbols[symbol]}"
        for symbol, count in counts.items()
    ]


UNMAPPED = "\x1funmapped\x1f"  # a prefix no source writes: unit separators are not text


def _map(path: Path) -> dict[str, str]:
    """The map file's codes; read once for as long as the file stays as it is."""
    found = path.stat()
    return _read_map(path, found.st_mtime_ns, found.st_size)


@lru_cache
def _read_map(path: Path, _changed: int, _size: int) -> dict[str, str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"from", "to"} <= set(rows[0]):
        raise ConfigurationError(f"map_file {path.name}: a map file has the columns from,to and at least one row.")
    known: dict[str, str] = {}
    for row in rows:
        if known.setdefault(row["from"], row["to"]) != row["to"]:
            raise ConfigurationError(
                f"map_file {path.name}: '{row['from']}' stands for '{known[row['from']]}' and for '{row['to']}'. "
                "Keep one."
            )
    return known
