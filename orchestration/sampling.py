"""What a connector would land, without landing it: the first rows of a dataset, conformed aside and thrown away.

How a sample is shown is the command's business; whether rows are good is landing's.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.sandbox import source_systems
from orchestration.settings import Settings
from sources.config import Source
from sources.contract import Contract
from sources.errors import SourceError
from sources.extract import Extract
from sources.landing import land
from sources.periods import Quarter

READ = 1_000  # rows read for a sample, unless more are to be shown: enough to see what the rejected ones have in common
HIDDEN = "•••"  # stands for personal data: a sample is read on screens that others see


@dataclass(frozen=True)
class Sample:
    """`good` rows as they would land, `rejected` ones as text with their reasons (`_reasons`), both without personal
    data and no longer than asked for. `rows` and `refused` count what was read; `is_whole` says that this was all."""

    origin: str
    rows: int
    refused: int
    is_whole: bool
    good: pa.Table
    rejected: pa.Table
    reasons: dict[str, int]
    notes: tuple[str, ...]


def sample(settings: Settings, source: Source, contract: Contract, quarter: Quarter, size: int) -> Sample:
    """The first `size` rows of a dataset in `quarter`, typed and checked. Raises SourceError or ConfigurationError
    where the source cannot be read, or not as its contract needs."""
    with source_systems(settings), tempfile.TemporaryDirectory() as aside:
        return sample_source(source, contract, quarter, size, Path(aside))


def sample_source(source: Source, contract: Contract, quarter: Quarter, size: int, aside: Path) -> Sample:
    """The same for a source whose system is known to be up, by way of the empty folder `aside`."""
    # A part of an extract says nothing about its volume: what holds of the whole is not asked of it.
    lenient = dataclasses.replace(contract, rows_per_quarter=None, maximum_rejected_share=1.0, maximum_shrink=1.0)
    limit = max(READ, size)
    # One file of all quarters is read whole: its first rows may be of any other quarter.
    heads = [
        _Head(extract, None if contract.load == "snapshot" and extract.quarter is None else limit)
        for extract in source.extract(contract.dataset, [quarter])
    ]
    landed = land(lenient, [head.extract for head in heads], aside, [quarter])
    if failed := [item.error for item in landed if item.error]:
        raise SourceError(failed[0])
    reasons: dict[str, int] = {}
    for item in landed:
        for reason, count in item.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
    return Sample(
        origin=heads[0].extract.origin if heads else "",
        rows=sum(item.rows for item in landed),
        refused=sum(item.rejected for item in landed),
        is_whole=not any(head.cut for head in heads),
        good=_shown(contract, aside / "raw", size),
        rejected=_shown(contract, aside / "rejected", size),
        reasons=reasons,
        notes=tuple(dict.fromkeys(note for item in landed for note in item.notes)),
    )


class _Head:
    """An extract of which no more than `limit` rows are read (None: all of them); `cut` once it was left off."""

    def __init__(self, extract: Extract, limit: int | None) -> None:
        self.cut = False
        batches = extract.batches if limit is None else self._first(extract.batches, limit)
        self.extract = dataclasses.replace(extract, batches=batches)

    def _first(self, batches: Iterable[pa.RecordBatch], limit: int) -> Iterator[pa.RecordBatch]:
        left = limit
        for batch in batches:
            yield batch.slice(0, left)
            left -= batch.num_rows
            if left <= 0:
                self.cut = True
                return


def _shown(contract: Contract, folder: Path, size: int) -> pa.Table:
    tables = [pq.ParquetFile(path).read() for path in sorted(folder.rglob("*.parquet"))]
    if not tables:
        return pa.table({})
    table = pa.concat_tables(tables).slice(0, size)
    personal = {column.name for column in contract.columns if column.is_personal}
    if personal and "_original" in table.column_names:
        personal.add("_original")  # the text of a record that could not be taken apart
    if "_reasons" in table.column_names:  # a reason quotes the value that it is about
        told = [[_without_value(reason, personal) for reason in reasons] for reasons in table["_reasons"].to_pylist()]
        table = table.set_column(table.column_names.index("_reasons"), "_reasons", pa.array(told))
    for name in personal & set(table.column_names):
        hidden = [None if value is None else HIDDEN for value in table.column(name).to_pylist()]
        table = table.set_column(table.column_names.index(name), name, pa.array(hidden, pa.string()))
    return table


def _without_value(reason: str, personal: set[str]) -> str:
    name, _, rest = reason.partition(' "')
    return f'{name} "{HIDDEN}"{rest.rpartition(chr(34))[2]}' if rest and name in personal else reason
