"""What every reader of a file shares: how a dataset's YAML describes the file, and what is said of it on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pydantic

from sources import extract as x
from sources.contract import Contract
from sources.errors import listed

FILE = "$file"  # as a column's field: the name of the file that the row stands in
SHEET = "$sheet"  # as a column's field: the name of the workbook's sheet that the row stands in
DELIMITERS = {",": ",", ";": ";", "|": "|", "tab": "\t", "\t": "\t"}

# One pattern or several, as file names have them; numbers may stand without quotes.
Patterns = Annotated[
    list[str],
    pydantic.BeforeValidator(lambda value: [str(each) for each in (value if isinstance(value, list) else [value])]),
]


class Header(pydantic.BaseModel):
    """`aliases`: other names under which a contract column has been seen, per column."""

    model_config = pydantic.ConfigDict(extra="forbid")
    aliases: dict[str, list[str]] = {}


class Unpivot(pydantic.BaseModel):
    """Several value columns become several rows: the columns matching `columns`, their name into `name`, the value
    into `value` (both contract columns). Files without such columns are read as they are."""

    model_config = pydantic.ConfigDict(extra="forbid")
    columns: Patterns
    name: str
    value: str


class FileFormat(x.Format):
    """How a file is put together. What is None is found: the encoding and the delimiter from the text, the sheet is the
    workbook's first. `keep_rows` and `skip_rows` are patterns per heading, or per contract column."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: Patterns | None = None
    member: str = "*.csv"
    header: Header = Header()
    keep_rows: dict[str, Patterns] = pydantic.Field(default={})
    skip_rows: dict[str, Patterns] = pydantic.Field(default={})
    unpivot: Unpivot | None = None

    @pydantic.field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        try:
            "".encode(value or "utf-8")
        except LookupError:
            raise ValueError(f"'{value}' is no encoding. Write utf-8, cp1252, cp850 or utf-16.") from None
        return value

    @pydantic.field_validator("delimiter")
    @classmethod
    def _known_delimiter(cls, value: str | None) -> str | None:
        if value is not None and value not in DELIMITERS:
            raise ValueError(f"{value!r} is no delimiter. Write one of {listed(list(DELIMITERS)[:-1])}.")
        return value and DELIMITERS[value]


class FileRequest(x.Request):
    """A dataset that is read from files, wherever they come from."""

    format: FileFormat = FileFormat()

    def named_columns(self) -> Iterator[tuple[str, str]]:
        """Every contract column that the request names, with the key under which it stands."""
        yield from super().named_columns()
        yield from (("format.header.aliases", name) for name in self.format.header.aliases)
        if self.format.unpivot is not None:
            yield "format.unpivot.name", self.format.unpivot.name
            yield "format.unpivot.value", self.format.unpivot.value


class Notes:
    """What is worth knowing of the files of one extract, gathered so that fifty files make one line."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, words: str, count: int = 0) -> None:
        """Note `words` of the file `name`; `{count}` in them becomes the sum over all files."""
        names = self._names.setdefault(words, [])
        if name not in names:
            names.append(name)
        self._counts[words] = self._counts.get(words, 0) + count

    def told(self) -> list[str]:
        """One line for each thing noted."""
        lines = []
        for words, names in self._names.items():
            count = self._counts[words]
            several = f" and {len(names) - 2} more" if len(names) > 2 else ""
            told = re.sub(r"\b(row|time)s\b", r"\1", words) if count == 1 else words
            lines.append(f"{', '.join(names[:2])}{several}: {told.replace('{count}', f'{count:,}')}")
        return lines


@dataclass(frozen=True)
class Reading:
    """One file being read for one dataset, or one sheet of `several` in it. `place` is the file's address without
    secrets; `notes` fills while it is read."""

    request: FileRequest
    contract: Contract
    place: str
    notes: Notes = field(default_factory=Notes)
    sheet: str | None = None
    several: bool = False

    @property
    def source(self) -> str:
        """Where rows are told to come from."""
        return f"{self.place}!{self.sheet}" if self.several else self.place

    @property
    def form(self) -> FileFormat:
        """How the file is put together."""
        return self.request.format

    @property
    def file(self) -> str:
        """The file's own name without its ending, also that of what packed it."""
        return Path(self.place.removesuffix(".gz")).stem

    @property
    def name(self) -> str:
        """The file's own name, for notes."""
        return Path(self.place).name + (f"!{self.sheet}" if self.several else "")

    def note_encoding(self, found: str) -> None:
        """Say in what a text file was written, where nobody declared it and it is not the usual."""
        if self.form.encoding is None and found != "utf-8":
            self.note(f"read as {found}")

    def note(self, words: str, count: int = 0) -> None:
        """Note something of this file; `{count}` in `words` is summed up over all files."""
        self.notes.add(self.name, words, count)
