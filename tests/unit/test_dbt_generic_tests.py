"""Our own data tests find what they are for, and nothing else."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from support.dbt_project import PROJECT, generic_test, render

TARGETS = "(values {}) as t (measure_id, unit_id, valid_from, valid_to)"
AMOUNTS = "(select * from (values {}) as t (amount))"

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    # name, arguments, relation that passes, relation that fails
    (
        "unique_key",
        {"columns": ["a", "b"]},
        "(values (1, 1), (1, 2), (2, 1)) as t (a, b)",
        "(values (1, 1), (1, 2), (1, 2)) as t (a, b)",
    ),
    (
        "exactly_one_row",
        {"condition": "level = 'council'"},
        "(values ('council'), ('service'), ('service')) as t (level)",
        "(values ('service')) as t (level)",
    ),
    (
        "exactly_one_row",
        {"condition": "level = 'council'"},
        "(values ('council')) as t (level)",
        "(values ('council'), ('council')) as t (level)",
    ),
    (
        "share_at_most",
        {"condition": "unit_id = 'unassigned'", "maximum": 0.25},
        "(values ('unassigned'), ('a'), ('a'), ('a')) as t (unit_id)",
        "(values ('unassigned'), ('a'), ('a')) as t (unit_id)",
    ),
]


def rows_found(sql: str) -> int:
    return len(duckdb.sql(sql).fetchall())


@pytest.mark.parametrize(("name", "arguments", "good", "bad"), CASES)
def test_finds_what_it_is_for(name: str, arguments: dict[str, Any], good: str, bad: str) -> None:
    assert rows_found(generic_test(name, model=good, **arguments)) == 0
    assert rows_found(generic_test(name, model=bad, **arguments)) == 1


def test_share_at_most_of_no_rows_at_all() -> None:
    nothing = "(select 'unassigned' as unit_id where 1 = 0) as t"
    assert rows_found(generic_test("share_at_most", model=nothing, condition="true", maximum=0.0)) == 0


@pytest.mark.parametrize(
    ("spans", "found"),
    [
        ("('CO02', 'A', date '2024-04-01', date '2025-03-31'), ('CO02', 'A', date '2025-04-01', null)", 0),
        ("('CO02', 'A', date '2024-04-01', date '2025-04-01'), ('CO02', 'A', date '2025-04-01', null)", 1),
        ("('CO02', 'A', date '2024-04-01', null), ('CO02', 'A', date '2025-04-01', null)", 1),
        ("('CO02', 'A', date '2024-04-01', null), ('CO02', 'B', date '2025-04-01', null)", 0),
        ("('CO02', 'A', date '2024-04-01', null), ('CO03', 'A', date '2025-04-01', null)", 0),
    ],
)
def test_spans_apart(spans: str, found: int) -> None:
    relation = f"(select * from {TARGETS.format(spans)})"
    sql = generic_test(
        "spans_apart", model=relation, keys=["measure_id", "unit_id"], first_day="valid_from", last_day="valid_to"
    )
    assert rows_found(sql) == found


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [
        ("(1.5), (2.5)", "(2.5), (1.5)", 0),
        ("(1.5), (2.5)", "(1.5)", 1),
        ("(1.5), (2.5)", "(4.0)", 1),  # the same total over fewer rows
        ("(1.5), (2.5)", "(1.5), (2.6)", 1),
    ],
)
def test_same_total(here: str, there: str, found: int) -> None:
    sql = generic_test("same_total", model=AMOUNTS.format(here), column="amount", to=AMOUNTS.format(there))
    assert rows_found(sql) == found


@pytest.mark.parametrize(
    ("units", "lost"),
    [
        ("('CITY', null), ('D1', 'CITY'), ('V1', 'D1'), ('S1', 'V1')", []),
        ("('CITY', null), ('D1', 'CITY'), ('X', 'Y'), ('Y', 'X')", ["X", "Y"]),  # a loop of their own
        ("('CITY', null), ('A', 'CITY'), ('B', 'A'), ('C', 'B'), ('D', 'C'), ('E', 'D'), ('F', 'E')", ["F"]),
    ],
)
def test_every_unit_reaches_the_council(units: str, lost: list[str]) -> None:
    def select(path: str) -> str:
        return render((PROJECT / path).read_text(encoding="utf-8"))

    with duckdb.connect() as con:
        con.execute(f"create table dim_units as from (values {units}) as t (unit_id, parent_unit_id)")
        con.execute("create table dim_council as select 'CITY' as root_unit_id")
        con.execute(f"create table bridge_unit_ancestors as {select('models/core/bridge_unit_ancestors.sql')}")
        found = con.execute(select("tests/every_unit_reaches_the_council.sql")).fetchall()
    assert sorted(unit for (unit,) in found) == lost


@pytest.mark.parametrize(
    ("matrix", "found"),
    [
        ("(4, 5, 20), (2, 3, 6)", []),
        ("(4, 5, 25), (2, 3, 6)", ["CR1"]),  # a matrix of its own, and a register that multiplies
        ("(2, 3, 6)", ["CR1"]),  # a likelihood that the matrix does not have
        ("", []),  # no matrix, nothing to follow
    ],
)
def test_risk_scores_follow_the_matrix(matrix: str, found: list[str]) -> None:
    with duckdb.connect() as con:
        con.execute("create table dim_council as select date '2026-07-01' as reporting_period_start")
        con.execute("create table stg_framework__risk_matrix (likelihood integer, impact integer, score integer)")
        if matrix:
            con.execute(f"insert into stg_framework__risk_matrix values {matrix}")
        con.execute(
            "create table stg_risk__register as from (values "
            "('CR1', 4, 5, 20, date '2026-07-01'), ('CR2', 2, 3, 6, date '2026-07-01'), "
            "('CR1', 5, 5, 1, date '2026-04-01')) as t (risk_id, likelihood, impact, current_score, period_start)"
        )
        text = (PROJECT / "tests/risk_scores_follow_the_matrix.sql").read_text(encoding="utf-8")
        assert [risk for risk, *_ in con.execute(render(text)).fetchall()] == found


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("('leadership', 'M1', 'CITY', 5, 'on_target'), ('public', 'M1', 'CITY', 5, 'on_target')", []),
        ("('leadership', 'M1', 'CITY', 5, 'on_target'), ('public', 'M1', 'S1', 5, 'on_target')", ["public"]),
        (
            "('leadership', 'M1', 'CITY', 6, 'on_target'), ('public', 'M1', 'CITY', null, 'on_target')",
            ["leadership", "public"],
        ),
        ("('leadership', 'M1', 'CITY', 5, 'off_target'), ('public', 'M1', 'CITY', 5, 'on_target')", ["leadership"]),
    ],
)
def test_reports_say_what_the_page_says(lines: str, found: list[str]) -> None:
    with duckdb.connect() as con:
        con.execute("create table dim_council as select 'CITY' as root_unit_id")
        con.execute(
            "create table report_org_health as from (values ('M1', 5, 'on_target')) as t (measure_id, value, status)"
        )
        con.execute(
            f"create table report_lines as from (values {lines}) as t (report_id, measure_id, unit_id, value, status)"
        )
        text = (PROJECT / "tests/reports_say_what_the_page_says.sql").read_text(encoding="utf-8")
        reports = sorted(report for report, _ in con.execute(render(text)).fetchall())
    assert reports == found


def test_every_generic_test_is_tested() -> None:
    tested = {name for name, *_ in CASES} | {"spans_apart", "same_total"}
    assert {path.stem for path in (PROJECT / "tests" / "generic").glob("*.sql")} == tested
    # Those that tell in a message what is wrong are in test_dbt_framework_checks.py.
    assert {
        path.stem for path in (PROJECT / "tests").glob("*.sql") if " as message" not in path.read_text(encoding="utf-8")
    } == {"every_unit_reaches_the_council", "risk_scores_follow_the_matrix", "reports_say_what_the_page_says"}
