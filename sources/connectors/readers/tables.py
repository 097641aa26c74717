"""From a table's columns as text to the contract's: rows left out and counted, symbols read, columns unpivoted.

What is common to every format. Which text stands in which cell is the format's reader's business.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sources import extract as x
from sources.connectors.readers.base import FILE, SHEET, Reading
from sources.connectors.readers.headers import Header
from sources.errors import SourceError, listed, nearest

_BLANK, _REPEATED = "{count} blank rows left out", "{count} repeated header rows left out"


class Table:
    """One table being read: `batches` takes its columns piece by piece, `close` notes what was left out."""

    def __init__(self, reading: Reading, header: Header) -> None:
        self._reading, self._header = reading, header
        self._left: Counter[str] = Counter()
        self._symbols: Counter[str] = Counter()
        form = reading.form
        made = {form.unpivot.name, form.unpivot.value} if form.unpivot is not None and header.parts else set()
        filters = [(column, patterns, True) for column, patterns in form.keep_rows.items()]
        filters += [(column, patterns, False) for column, patterns in form.skip_rows.items()]
        self._late = [item for item in filters if item[0] in made]
        self._early = [(self._position(item[0]), *item) for item in filters if item[0] not in made]

    @property
    def used(self) -> set[int]:
        """Positions of the columns that are read at all."""
        return (
            {index for index in self._header.fields.values() if index is not None}
            | {index for _, index in self._header.parts}
            | {index for index, *_ in self._early}
        )

    def batches(self, cells: Mapping[int, pa.Array], numbers: np.ndarray) -> Iterator[pa.RecordBatch]:
        """The rows of `cells` (columns of text by position) that count, under the contract's columns. `numbers` are
        the rows' own, as a spreadsheet shows them."""
        kept = self._kept(cells, len(numbers))
        if not kept.all():
            chosen = pa.array(kept)
            cells = {index: column.filter(chosen) for index, column in cells.items()}
            numbers = numbers[kept]
        if len(numbers):
            yield from self._shaped(cells, numbers)

    def skips(self, cells: Sequence[str]) -> bool:
        """Whether `skip_rows` leave out a row of these cells; those that it lacks are empty."""
        return any(
            _fits(cells[index] if index < len(cells) else "", patterns)
            for index, _, patterns, keep in self._early
            if not keep
        )

    def close(self) -> None:
        """Note what was left out, and what symbols stood for."""
        if self._header.first <= self._header.at:
            self._left[_REPEATED] -= 1  # the header itself, in the middle of its data
        for words, count in self._left.items():
            if count > 0:
                self._reading.note(words, count)
        for symbol, count in self._symbols.items():
            meaning = self._reading.form.symbols[symbol]
            self._reading.note(f"'{symbol}' stands for a value {{count}} times: {meaning}", count)

    def _position(self, column: str) -> int:
        found = self._header.position(column)
        if found is None:
            cells = [cell for cell in self._header.cells if cell.strip()]
            raise SourceError(
                f"{self._reading.source}: format.keep_rows or skip_rows name the column '{column}', which the file "
                f"does not have.{nearest(column, cells)} It has: {listed(cells)}."
            )
        return found

    def _kept(self, cells: Mapping[int, pa.Array], size: int) -> np.ndarray:
        """Which rows count; the others are counted by why they do not."""
        kept = _filled(cells, size)
        self._leave(_BLANK, ~kept)
        repeated = self._repeats_header(cells, kept)
        self._leave(_REPEATED, repeated)
        kept &= ~repeated
        for index, column, patterns, keep in self._early:
            kept = self._passed(cells[index], kept, column, patterns, keep)
        return kept

    def _passed(
        self, texts: pa.Array, kept: np.ndarray, column: str, patterns: Sequence[str], keep: bool
    ) -> np.ndarray:
        matched = _matches(texts, patterns)
        left = kept & (~matched if keep else matched)
        told = " or ".join(f"'{pattern}'" for pattern in patterns)
        self._leave(f"{{count}} rows left out where {column} is {'not ' if keep else ''}{told}", left)
        return kept & ~left

    def _leave(self, words: str, left: np.ndarray) -> None:
        if count := int(np.count_nonzero(left)):
            self._left[words] += count

    def _repeats_header(self, cells: Mapping[int, pa.Array], kept: np.ndarray) -> np.ndarray:
        """Rows that say what the header says, in every column that has a heading."""
        same = kept.copy()
        for index in sorted(cells):
            heading = self._header.cells[index] if index < len(self._header.cells) else ""
            if heading.strip():
                same &= pc.equal(cells[index], heading).fill_null(False).to_numpy(zero_copy_only=False)
            if not same.any():
                break
        return same

    def _shaped(self, cells: Mapping[int, pa.Array], numbers: np.ndarray) -> Iterator[pa.RecordBatch]:
        reading, header = self._reading, self._header
        given: dict[str, pa.Array | None] = {
            name: cells[index] for name, index in header.fields.items() if index is not None
        }
        for name, origin in reading.request.columns.items():
            if origin.field in (FILE, SHEET):
                text = reading.file if origin.field == FILE else reading.sheet
                given[name] = pa.repeat(pa.scalar(text, pa.string()), len(numbers))
        unpivot = reading.form.unpivot
        if not header.parts or unpivot is None:
            yield self._batch(given, numbers)
            return
        for label, index in header.parts:
            part: dict[str, pa.Array | None] = {
                **given,
                unpivot.name: pa.repeat(pa.scalar(label), len(numbers)),
                unpivot.value: cells[index],
            }
            kept = np.ones(len(numbers), bool)
            for column, patterns, keep in self._late:
                texts = part[column]
                assert texts is not None
                kept = self._passed(texts, kept, column, patterns, keep)
            chosen = pa.array(kept)
            yield self._batch({name: column and column.filter(chosen) for name, column in part.items()}, numbers[kept])

    def _batch(self, given: Mapping[str, pa.Array | None], numbers: np.ndarray) -> pa.RecordBatch:
        contract, request = self._reading.contract, self._reading.request
        columns = x.apply_maps(contract, request, given)
        columns = x.apply_symbols(contract, request.format, columns, self._symbols)
        return x.text_batch(contract, columns, self._reading.source, numbers)


def _filled(cells: Mapping[int, pa.Array], size: int) -> np.ndarray:
    """Which rows hold anything. Exports from spreadsheets end in rows of nothing but delimiters."""
    filled = np.zeros(size, bool)
    left = np.arange(size)
    for column in cells.values():
        texts = column if len(left) == size else column.take(pa.array(left))
        holds = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(texts)), 0).fill_null(False)
        holds = holds.to_numpy(zero_copy_only=False)
        filled[left[holds]] = True
        left = left[~holds]
        if not len(left):
            break
    return filled


def _matches(texts: pa.Array, patterns: Sequence[str]) -> np.ndarray:
    """Which texts match one of the patterns, apart from blanks around them; nothing is an empty text."""
    coded = texts.dictionary_encode()
    fits = [_fits(text or "", patterns) for text in coded.dictionary.to_pylist()]
    found = pa.array(fits, pa.bool_()).take(coded.indices)
    return found.fill_null(_fits("", patterns)).to_numpy(zero_copy_only=False)


def _fits(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(text.strip(), pattern) for pattern in patterns)
