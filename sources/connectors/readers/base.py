"""What every reader of a file shares: how a dataset's YAML describes the file, and from columns to text batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pydantic

from sources import extract as x
from sources.contract import Contract

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


@dataclass(frozen=True)
class Reading:
    """One file being read for one dataset. `place` is its address without secrets; `notes` fills while it is read."""

    request: FileRequest
    contract: Contract
    place: str
    notes: list[str]

    @property
    def name(self) -> str:
        """The file's own name, for notes."""
        return Path(self.place).name


def shaped(
    reading: Reading,
    columns: dict[str, pa.Array],
    melted: dict[str, pa.Array],
    numbers: Sequence[int] | np.ndarray,
) -> Iterator[pa.RecordBatch]:
    """The contract's columns of these rows, as text; several rows of each where columns are unpivoted (`melted`)."""
    contract, request, place = reading.contract, reading.request, reading.place
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
