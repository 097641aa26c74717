"""The way back from a figure to its rows: also to rows that came with an extract to which others were added since."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from support.builders import extract_of

from orchestration import build
from orchestration.settings import Settings
from orchestration.tracing import Traced, trace
from sources.errors import ConfigurationError
from sources.landing import Landed, extracts_in_force, land
from sources.periods import Quarter

QUARTER = Quarter(2025, 1)
CASE = {"stage": "1", "received_date": "2025-04-02", "unit_code": "ASC", "uprn": "10001", "updated_at": "2025-04-10"}
FIGURE = """
    create schema core; create schema measures;
    create table core.dim_measures as select 'M1' as measure_id, 'Cases' as measure_name, 'cases' as numerator_label,
        'all' as denominator_label, cast(null as varchar) as roll_up;
    create table core.dim_units as
        select 'C' as unit_id, 'Council' as unit_name, cast(null as varchar) as parent_unit_id
        union all select 'D', 'Directorate', 'C' union all select 'E', 'Empty', 'C';
    create table core.bridge_unit_ancestors as
        select unnest(['C', 'D', 'D', 'E', 'E']) as unit_id, unnest(['C', 'D', 'C', 'E', 'C']) as ancestor_unit_id;
    create table measures.measure_gaps as select 'M1' as measure_id, 'D' as unit_id, 'not_returned' as missing_reason,
        'Q1' as period_label, date '2025-04-01' as period_start;
    create table core.dim_extracts as select * from raw.vitals__extracts;
    create table measures.measure_windows as select 'M1' as measure_id, 'reported' as basis,
        '2025-26-Q1' as period_code, date '2025-04-01' as window_start, date '2025-06-30' as window_end;
    create table measures.measure_rows as select 'M1' as measure_id, 'C' as unit_id, '' as area_id, date '2025-04-01' as
        period_start, 1 as numerator, 1 as denominator, _extract_id as extract_id, _row_number as source_row
        from raw.complaints__cases;
    create table measures.measure_values as select 'M1' as measure_id, 'C' as unit_id, '' as area_id,
        'reported' as basis, '2025-26-Q1' as period_code, 'Q1' as period_label, 1.0 as value, 3.0 as numerator,
        3.0 as denominator;
"""


@pytest.fixture
def council(tmp_path: Path) -> Settings:
    return Settings("brigstow", tmp_path)


def put(council: Settings, origin: str, since: datetime | None, *cases: str) -> Landed:
    contract = council.contracts["complaints.cases"]
    rows = [{**CASE, "case_id": case} for case in cases]
    extract = replace(extract_of(contract, rows, QUARTER, origin=origin), since=since)
    (landed,) = land(contract, [extract], council.data, [QUARTER])
    assert landed.error is None
    return landed


def traced(council: Settings) -> Traced:
    build.prepare(council, QUARTER, None)
    with duckdb.connect(str(council.build)) as con:
        con.execute(FIGURE)
    council.build.replace(council.curated)
    return trace(council, "M1", "2025-26-Q1", None)


def test_every_row_is_found_where_it_came_from(council: Settings) -> None:
    first = put(council, "first", None, "A", "B")
    second = put(council, "second", datetime(2025, 4, 9), "B", "C")
    (in_force,) = extracts_in_force(council.contracts["complaints.cases"], council.data)
    assert in_force.path == second.path
    found = traced(council)
    assert found.value == Decimal(1)
    assert [(item.path, item.origin, item.rows) for item in found.extracts] == [
        (first.path, "first", 1),
        (second.path, "second", 2),
    ]
    rows = found.rows()
    assert sorted(zip(rows["case_id"].to_pylist(), rows["source"].to_pylist(), strict=True)) == [
        ("A", "first"),
        ("B", "second"),
        ("C", "second"),
    ]


def test_what_is_personal_or_unknown_today_is_not_shown(council: Settings) -> None:
    contract = council.contracts["complaints.cases"]
    older = replace(
        contract, columns=(*contract.columns, replace(contract.columns[0], name="complainant", is_key=False))
    )
    row = {**CASE, "case_id": "A", "complainant": "somebody"}
    (landed,) = land(older, [extract_of(older, [row], QUARTER)], council.data, [QUARTER])
    assert landed.error is None
    names = traced(council).rows().column_names
    assert "case_id" in names
    assert not {"uprn", "complainant"} & set(names)


def test_what_is_not_in_a_figure_is_said(council: Settings) -> None:
    put(council, "first", None, "A")
    assert traced(council).gaps == ["Directorate (not returned, Q1)"]


def test_why_there_is_no_figure_is_said(council: Settings) -> None:
    put(council, "first", None, "A")
    traced(council)
    with pytest.raises(ConfigurationError, match=r"for Directorate in '2025-26-Q1'. No value from Directorate"):
        trace(council, "M1", "2025-26-Q1", "D")
    with pytest.raises(ConfigurationError, match=r"no figure for Empty in '2025-26-Q1'. Newest"):
        trace(council, "M1", "2025-26-Q1", "E")


def test_the_figure_of_the_period_alone_has_the_rows_of_its_own_days(council: Settings) -> None:
    put(council, "first", None, "A", "B")
    assert traced(council).row_count == 2
    with duckdb.connect(str(council.curated)) as con:
        con.execute(
            "insert into measures.measure_windows by name select 'M1' as measure_id, 'in_period' as basis, "
            "'2025-26-Q1' as period_code, date '2025-05-01' as window_start, date '2025-06-30' as window_end"
        )
        con.execute(
            "insert into measures.measure_values by name select * replace ('in_period' as basis, 7.0 as value) "
            "from measures.measure_values"
        )
    alone = trace(council, "M1", "2025-26-Q1", None, "in_period")
    assert (alone.value, alone.row_count) == (Decimal(7), 0)
