"""Files in a folder or behind https: CSV, workbooks, and members of zip archives.

Finds the header row below title blocks, matches columns by name or alias wherever they stand, and reads every value
as text. Which rows are good is landing's business; only a record that is not a record at all is refused here.
"""

from __future__ import annotations

import csv
import fnmatch
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pydantic

from sources import extract as x
from sources.connectors.http import Client, HttpConnection, check_address
from sources.contract import Contract
from sources.errors import SourceError, listed, nearest, shown_path
from sources.periods import Quarter

_PLACE = re.compile(r"\{(period|quarter|financial_year)(?::([^}]+))?\}")
_HEAD_BYTES = 1 << 16
_HEADER_ROWS = 50
MAXIMUM_UNZIPPED = 8 << 30  # a member that claims more than this is refused: no council file is that large
FILE = "$file"  # as a column's field: the name of the file that the row stands in


class Header(pydantic.BaseModel):
    """`aliases`: other names under which a contract column has been seen, per column."""

    model_config = pydantic.ConfigDict(extra="forbid")
    aliases: dict[str, list[str]] = {}


class Unpivot(pydantic.BaseModel):
    """Several value columns become several rows: the columns matching `columns`, their name into `name`, the value
    into `value` (both contract columns). Files without such columns are read as they are."""

    model_config = pydantic.ConfigDict(extra="forbid")
    columns: str
    name: str
    value: str


class FileFormat(x.Format):
    """`sheet` names a workbook's sheet (the first where not given); `member` picks a zip's file by pattern."""

    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None
    member: str = "*.csv"
    header: Header = Header()
    unpivot: Unpivot | None = None


class Connection(pydantic.BaseModel):
    """`location` is a folder (relative ones stand in the council's own folder) or an https address."""

    model_config = pydantic.ConfigDict(extra="forbid")
    location: str

    @pydantic.field_validator("location")
    @classmethod
    def _place(cls, value: str, info: pydantic.ValidationInfo) -> str:
        if "://" in value:
            check_address(value)
            return value.rstrip("/")
        path = Path(value).expanduser()
        if not path.is_absolute() and info.context:
            path = info.context["folder"].parent / path
        return str(path)


class Request(x.Request):
    """`files` are names or patterns: `{period:%Y-%m}` stands for each month of the quarter, `{quarter}` for
    2025-26-Q3, `{financial_year}` for 2025-26; `*` matches in folders."""

    files: list[str]
    format: FileFormat = FileFormat()

    @pydantic.field_validator("files", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @pydantic.field_validator("files")
    @classmethod
    def _within(cls, value: list[str]) -> list[str]:
        for name in value:
            if not name or Path(name).is_absolute():
                raise ValueError(f"'{name}' must be a name or pattern below connection.location.")
        return value

    def named_columns(self) -> Iterator[tuple[str, str]]:
        """Every contract column that the request names, with the key under which it stands."""
        yield from super().named_columns()
        yield from (("format.header.aliases", name) for name in self.format.header.aliases)
        if self.format.unpivot is not None:
            yield "format.unpivot.name", self.format.unpivot.name
            yield "format.unpivot.value", self.format.unpivot.value


def extract(
    connection: Connection, request: Request, contract: Contract, quarters: list[Quarter]
) -> Iterator[x.Extract]:
    """One extract a quarter where the file name tells the quarter, else one for all. Raises SourceError on reading."""
    by_quarter = any(match[1] != "financial_year" for name in request.files for match in _PLACE.finditer(name))
    groups = [[quarter] for quarter in quarters] if by_quarter else [quarters]
    for group in groups:
        names = list(dict.fromkeys(name for quarter in group for name in _names(request, quarter)))
        notes: list[str] = []
        yield x.Extract(
            group[0] if by_quarter else None,
            _batches(connection, request, contract, names, notes),
            f"{_shown(connection.location)}/{names[0] if len(names) == 1 else _common(names)}",
            request.format,
            notes,
        )


def reach(connection: Connection, request: Request) -> None:
    """Raise SourceError when the folder or the server is not there."""
    if "://" in connection.location:
        if not any("{" in name or "*" in name for name in request.files):
            with Client(HttpConnection(base_url=connection.location)) as client:
                client.get(f"/{request.files[0]}")
    elif not Path(connection.location).is_dir():
        raise SourceError(f"{connection.location}: there is no such folder. Check connection.location.")


def _names(request: Request, quarter: Quarter) -> list[str]:
    names = []
    for pattern in request.files:
        months = quarter.months if "{period" in pattern else quarter.months[:1]
        names += [_PLACE.sub(lambda match, m=month: _placed(match, quarter, m), pattern) for month in months]  # type: ignore[misc]
    return names


def _placed(match: re.Match[str], quarter: Quarter, month: date) -> str:
    if match[1] == "period":
        return month.strftime(match[2] or "%Y-%m")
    return quarter.code if match[1] == "quarter" else quarter.financial_year


def _common(names: Sequence[str]) -> str:
    return f"{names[0]} … {Path(names[-1]).name}"


def _batches(
    connection: Connection, request: Request, contract: Contract, names: list[str], notes: list[str]
) -> Iterator[pa.RecordBatch]:
    for place, content in _opened(connection, names):
        read = _workbook if place.lower().endswith((".xlsx", ".xlsm", ".xls", ".ods")) else _delimited
        try:
            yield from read(request, contract, place, content, notes)
        except _DAMAGED:  # a zip's own check sums; the archive's directory may be sound all the same
            raise _unreadable_zip(place) from None


def _opened(connection: Connection, names: list[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Each file's address and an open binary stream that can be rewound. Zip archives give their matching member."""
    for name in names:
        if "://" in connection.location:
            with Client(HttpConnection(base_url=connection.location)) as client:
                yield f"{connection.location}/{name}", io.BytesIO(client.get(f"/{name}").content)
            continue
        folder = Path(connection.location)
        if not folder.is_dir():
            raise SourceError(f"{folder}: there is no such folder. Check connection.location and its variable.")
        found = sorted(folder.glob(name))
        if not found:
            present = sorted(path.name for path in folder.glob(str(Path(name).parent / "*")))
            shown = listed(present[:6]) + (f" and {len(present) - 6} more" if len(present) > 6 else "")
            raise SourceError(f"{folder}: there is no file '{name}'.{nearest(name, present)} The folder has: {shown}.")
        for path in found:
            if not path.resolve().is_relative_to(folder.resolve()):
                raise SourceError(f"{path}: lies outside {folder}; links and '..' that lead out are not followed.")
            place = _shown(str(path))
            try:
                file = path.open("rb")
            except OSError as error:
                raise SourceError(f"{place}: cannot be opened: {error.strerror}. Check who may read it.") from None
            with file:
                yield place, file


def _shown(place: str) -> str:
    return place if "://" in place else str(shown_path(Path(place)))


def _member(place: str, file: IO[bytes], pattern: str) -> tuple[str, IO[bytes]]:
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGED:
        raise _unreadable_zip(place) from None
    members = [info for info in archive.infolist() if fnmatch.fnmatch(info.filename, pattern)]
    if len(members) != 1:
        names = listed(info.filename for info in archive.infolist()[:6])
        raise SourceError(f"{place}: {len(members)} members match '{pattern}', one is needed. It holds: {names}.")
    if members[0].file_size > MAXIMUM_UNZIPPED:
        raise SourceError(f"{place}: '{members[0].filename}' would unpack to {members[0].file_size:,} bytes; refused.")
    if members[0].flag_bits & 1:
        raise SourceError(f"{place}: '{members[0].filename}' is locked with a password. Ask for it without one.")
    return f"{place}!{members[0].filename}", archive.open(members[0])


_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)


def _unreadable_zip(place: str) -> SourceError:
    return SourceError(f"{place}: is not a readable zip archive. Ask for the file again.")


def _delimited(
    request: Request, contract: Contract, place: str, file: IO[bytes], notes: list[str]
) -> Iterator[pa.RecordBatch]:
    form = request.format
    if place.lower().endswith(".zip"):
        place, file = _member(place, file, form.member)
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    if not head.strip():
        raise SourceError(f"{place}: the file is empty. Nothing landed; ask for it again.")
    try:
        text = head.decode("utf-8-sig" if form.encoding == "utf-8" else form.encoding, errors="strict")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # a character cut at the end of the head is no error
            raise _wrong_encoding(place, form.encoding, error) from None
        text = head[: error.start].decode(form.encoding)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=form.delimiter)
    rows, lines = [], [0]
    for row in reader:
        rows.append(row)
        lines.append(reader.line_num)
        if len(rows) == _HEADER_ROWS:
            break
    at, fields = _find_header(request, contract, place, rows, notes)
    names = [f"{index}" for index in range(len(rows[at]))]
    # Rows are numbered as a spreadsheet shows them: blank lines count, a line break inside a cell does not.
    above = lines[at + 1] - (at + 1)
    refused: list[tuple[int, str, str]] = []

    def refuse(row: pyarrow.csv.InvalidRow) -> str:
        reason = f"the record has {row.actual_columns} cells where the header has {row.expected_columns}"
        refused.append((row.number - above, reason, row.text))
        return "skip"

    used = {index for index in fields.values() if isinstance(index, int)}
    melted = _melted(request, rows[at])
    keep = [str(index) for index in sorted(used | set(melted.values()))]
    try:
        stream = pyarrow.csv.open_csv(
            file,
            pyarrow.csv.ReadOptions(
                use_threads=False,  # so that refused rows carry their number
                encoding=form.encoding,
                column_names=names,
                skip_rows=lines[at + 1],
                block_size=4 << 20,
            ),
            pyarrow.csv.ParseOptions(
                delimiter=form.delimiter,
                invalid_row_handler=refuse,
                newlines_in_values=True,
                ignore_empty_lines=False,  # left out below, where they are counted
            ),
            pyarrow.csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, include_columns=keep, strings_can_be_null=False
            ),
        )
        number, blank = at + 1, 0
        for batch in stream:
            skipped = [row for row, _, _ in refused if row > number]
            span = np.arange(number + 1, number + 1 + batch.num_rows + len(skipped))
            numbers = span[~np.isin(span, skipped)][: batch.num_rows]
            number = int(numbers[-1]) if len(numbers) else number
            filled = _filled(batch)
            if not filled.all():
                blank += int((~filled).sum())
                batch, numbers = batch.filter(pa.array(filled)), numbers[filled]
            columns = {name: batch.column(str(index)) for name, index in fields.items() if isinstance(index, int)}
            parts = {label: batch.column(str(index)) for label, index in melted.items()}
            yield from _shaped(contract, request, columns, parts, place, numbers)
        if blank:
            notes.append(f"{Path(place).name}: {blank:,} blank rows left out")
    except UnicodeDecodeError as error:
        raise _wrong_encoding(place, form.encoding, error) from None
    except pa.ArrowInvalid as error:
        if "decod" in str(error).lower() or "utf8" in str(error).lower() or "iconv" in str(error).lower():
            raise _wrong_encoding(place, form.encoding, error) from None
        # No line after the header's own, or not even an end to that one: no rows, which is for landing to judge.
        if not any(words in str(error) for words in ("Empty CSV file", "Could not skip initial")):
            raise SourceError(f"{place}: cannot be read as CSV: {error}.") from None
    if refused:
        yield x.refused_batch(contract, place, refused)


def _filled(batch: pa.RecordBatch) -> np.ndarray:
    """Which rows hold anything. Exports from spreadsheets end in rows of nothing but delimiters."""
    filled = np.zeros(batch.num_rows, bool)
    for column in batch.columns:
        filled |= pc.not_equal(column, "").to_numpy(zero_copy_only=False)
        if filled.all():
            break
    return filled


def _wrong_encoding(place: str, encoding: str, error: Exception) -> SourceError:
    other = "cp1252" if encoding.startswith("utf") else "utf-8"
    return SourceError(f"{place}: is not {encoding} ({error}). Set format.encoding; many exports are {other}.")


def _workbook(
    request: Request, contract: Contract, place: str, file: IO[bytes], notes: list[str]
) -> Iterator[pa.RecordBatch]:
    import fastexcel  # loaded only where a council has workbooks

    form = request.format
    try:
        book = fastexcel.read_excel(file.read())
    except fastexcel.FastExcelError as error:
        raise SourceError(f"{place}: cannot be read as a workbook: {error}. Ask for the file again.") from None
    sheet_name = form.sheet or book.sheet_names[0]
    if sheet_name not in book.sheet_names:
        raise SourceError(
            f"{place}: the workbook has no sheet '{sheet_name}'.{nearest(sheet_name, book.sheet_names)} It has: "
            f"{listed(book.sheet_names)}. Nothing landed. Mend `datasets.{contract.dataset}.format.sheet` in the "
            "source's YAML, or ask the owner."
        )
    sheet = book.load_sheet(sheet_name, header_row=None, skip_rows=0, dtypes="string")
    table, errors = sheet.to_arrow_with_errors()
    cells = [column.to_pylist() for column in table.columns]
    rows = [[cell or "" for cell in row] for row in zip(*(column[:_HEADER_ROWS] for column in cells), strict=True)]
    at, fields = _find_header(request, contract, place, rows, notes)
    blank = [row for row in range(at + 1, table.num_rows) if all(not (column[row] or "").strip() for column in cells)]
    broken = {item.offset_position[0]: item for item in errors.errors} if errors else {}
    refused = [
        (row + 1, f"cell in row {row + 1} holds an error: {item.detail}", str([column[row] for column in cells]))
        for row, item in broken.items()
        if row > at
    ]
    good = [row for row in range(at + 1, table.num_rows) if row not in broken and row not in set(blank)]
    picked = table.take(pa.array(good, pa.int64()))
    columns = {name: picked.column(index) for name, index in fields.items() if isinstance(index, int)}
    parts = {label: picked.column(index) for label, index in _melted(request, rows[at]).items()}
    yield from _shaped(contract, request, columns, parts, place, [row + 1 for row in good])
    if refused:
        yield x.refused_batch(contract, place, refused)


def _shaped(
    contract: Contract,
    request: Request,
    columns: dict[str, pa.Array],
    melted: dict[str, pa.Array],
    place: str,
    numbers: Sequence[int] | np.ndarray,
) -> Iterator[pa.RecordBatch]:
    given: dict[str, pa.Array | None] = dict(columns)
    for name, origin in request.columns.items():
        if origin.field == FILE:
            given[name] = pa.repeat(pa.scalar(Path(place).stem), len(numbers))
    given = x.apply_maps(contract, request, given)
    unpivot = request.format.unpivot
    if not melted or unpivot is None:
        yield x.text_batch(contract, given, place, numbers)
        return
    for label, values in melted.items():
        labels = pa.repeat(pa.scalar(label), len(numbers))
        yield x.text_batch(contract, {**given, unpivot.name: labels, unpivot.value: values}, place, numbers)


def _melted(request: Request, header: Sequence[str]) -> dict[str, int]:
    """Labels and positions of the columns to unpivot; empty where the file has none."""
    unpivot = request.format.unpivot
    if unpivot is None:
        return {}
    return {name: index for index, name in enumerate(header) if fnmatch.fnmatch(name, unpivot.columns)}


def plain(name: str) -> str:
    """A heading without case, blanks and punctuation: 'Risk ID ' and 'risk_id' are the same column."""
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


def _find_header(
    request: Request, contract: Contract, place: str, rows: Sequence[Sequence[str]], notes: list[str]
) -> tuple[int, dict[str, int | None]]:
    """Index of the header row, and where each contract column stands in it (None: not in this file, and that is
    allowed). Raises SourceError naming every missing column with the nearest heading."""
    wanted = _wanted(request, contract)
    best, best_hits = 0, -1
    for index, row in enumerate(rows):
        headings = {plain(cell) for cell in row}
        hits = sum(any(plain(name) in headings for name in names) for names in wanted.values())
        if hits > best_hits:
            best, best_hits = index, hits
        if hits == len(wanted):
            break
    heading = list(rows[best]) if rows else []
    if best_hits <= 0:
        raise SourceError(
            f"{place}: no row among the first {len(rows)} has the headings of {contract.name}. The first row is: "
            f"{listed(heading[:8])}. Nothing landed. Check the file, or `columns` in the source's YAML."
        )
    positions = {plain(cell): index for index, cell in reversed(list(enumerate(heading)))}
    fields: dict[str, int | None] = {}
    missing = []
    melted = _melted(request, heading)
    for name, names in wanted.items():
        fields[name] = next((positions[plain(each)] for each in names if plain(each) in positions), None)
        unpivot = request.format.unpivot
        filled = bool(melted) and unpivot is not None and name in (unpivot.name, unpivot.value)
        if fields[name] is None and name not in request.absent and not filled:
            missing.append(f"'{names[0]}' for {contract.name}.{name}.{nearest(names[0], heading)}")
    if missing:
        raise SourceError(
            f"{place}: missing columns: {'; '.join(missing)} The header row {best + 1} has: {listed(heading)}. Nothing "
            f"landed. Mend `columns` or `format.header.aliases` of datasets.{contract.dataset} in the source's YAML."
        )
    known = {index for index in fields.values() if index is not None} | set(melted.values())
    added = [cell for index, cell in enumerate(heading) if index not in known and cell.strip()]
    if added:
        notes.append(f"{Path(place).name}: columns that the contract does not have: {', '.join(added)}")
    return best, fields


def _wanted(request: Request, contract: Contract) -> dict[str, list[str]]:
    """The headings under which each contract column may stand, the expected one first."""
    wanted = {}
    for column in contract.columns:
        mapped = request.columns.get(column.name)
        if mapped is not None and (mapped.constant is not None or mapped.field == FILE):
            continue
        own = [mapped.field] if mapped is not None and mapped.field else [column.name]
        wanted[column.name] = own + request.format.header.aliases.get(column.name, [])
    return wanted
