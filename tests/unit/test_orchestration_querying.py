"""CSV that commands write: what a spreadsheet would run comes out as text, all else as it is."""

from __future__ import annotations

import csv
import io

import pyarrow as pa

from orchestration.querying import as_csv


def test_formulas_are_neutralised_and_numbers_stay_numbers() -> None:
    table = pa.table(
        {
            "text": ["plain", "=cmd|' /C calc'!A0", None, "-2+3", "@sum(a1)", "plain"],
            "number": [-1, 2, 3, None, 5, 6],
        }
    )
    rows = list(csv.reader(io.StringIO(as_csv(table).decode())))
    assert rows[0] == ["text", "number"]
    assert [row[0] for row in rows[1:]] == ["plain", "'=cmd|' /C calc'!A0", "", "'-2+3", "'@sum(a1)", "plain"]
    assert [row[1] for row in rows[1:]] == ["-1", "2", "3", "", "5", "6"]


def test_a_result_without_rows_has_its_header() -> None:
    assert as_csv(pa.table({"a": pa.array([], pa.string())})) == b'"a"\n'
