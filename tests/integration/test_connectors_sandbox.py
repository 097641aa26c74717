"""All of Brigstow's datasets through its own YAML from the running sandbox: what lands is what the systems hold.

Counts and sums are taken from the systems themselves by other means than the connectors.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import fastexcel
import pyarrow.parquet as pq
import pytest
import requests
from support.brigstow import COUNCIL, Brigstow, Outcome, brigstow_in
from support.builders import files_in, rejected_path, rows_of

from sources.config import load_sources
from sources.contract import load_contracts
from sources.landing import extracts_in_force
from sources.periods import Quarter
from sources.sandbox import running

QUARTERS = Quarter(2021, 1).until(Quarter(2026, 2))
REASONS: dict[str, set[str]] = {
    "audit.audits": set(),
    "audit.recommendations": {
        "due_date is not a date that exists",
        "duplicate key (recommendation_id): the first such row is kept",
    },
    "complaints.cases": {
        "breaks the rule: answered on or after receipt",
        "duplicate key (case_id, stage): the first such row is kept",
    },
    "emissions.local_authority": set(),
    "finance.forecasts": set(),
    "finance.invoices": {
        "received_date is not a date that exists",
        "breaks the rule: paid on or after receipt",
        "duplicate key (invoice_id): the first such row is kept",
    },
    "finance.ledger": {
        "posted_date is not a date that exists",
        "amount_gbp is not a number",
        "unit_code is not in the map file",
        "duplicate key (transaction_id): the first such row is kept",
    },
    "framework.measures": set(),
    "framework.outcomes": set(),
    "framework.targets": set(),
    "framework.units": set(),
    "hr.absences": {
        "fte is not above 0",
        "breaks the rule: ends on or after it begins",
        "duplicate key (absence_id): the first such row is kept",
    },
    "hr.employees": {"fte is not above 0", "duplicate key (employee_id): the first such row is kept"},
    "hr.posts": set(),
    "indicators.neighbours": set(),
    "population.estimates": set(),
    "risk.register": set(),
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running(tmp_path_factory.mktemp("sandbox"), 1373, 0.1) as given:
        yield given


@pytest.fixture(scope="module")
def city(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brigstow]:
    with pytest.MonkeyPatch.context() as patch:
        yield brigstow_in(tmp_path_factory.mktemp("city"), environment, patch)


@pytest.fixture(scope="module")
def outcome(city: Brigstow) -> Outcome:
    return city.land(QUARTERS)


def total(outcome: Outcome, name: str) -> tuple[int, int]:
    return sum(item.rows for item in outcome[name]), sum(item.rejected for item in outcome[name])


def test_every_dataset_lands_in_all_its_quarters(outcome: Outcome, city: Brigstow) -> None:
    contracts = load_contracts()
    assert set(outcome) == set(REASONS)
    for name, landed in outcome.items():
        assert [item.error for item in landed if item.error] == [], name
        whole = contracts[name].load == "full"
        assert [item.quarter for item in landed] == ([None] if whole else QUARTERS), name
        assert all(item.rows > 0 for item in landed), name
        assert [item.rows for item in extracts_in_force(contracts[name], city.data)] == [item.rows for item in landed]


@pytest.mark.parametrize("name", sorted(REASONS))
def test_rows_are_refused_for_what_is_wrong_with_them_and_nothing_else(outcome: Outcome, name: str) -> None:
    assert {reason for item in outcome[name] for reason in item.reasons} == REASONS[name]
    rows, rejected = total(outcome, name)
    assert rejected <= 0.02 * rows
    for item in outcome[name]:
        if item.rejected:
            table = pq.read_table(rejected_path(item), columns=["_reasons", "_source_row"])
            assert table.num_rows == item.rejected
            assert all(table["_reasons"].to_pylist())


def lines(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("name", "table"), [("employees", "assignment"), ("posts", "position")])
def test_hr_lands_row_by_row(outcome: Outcome, environment: dict[str, str], name: str, table: str) -> None:
    with sqlite3.connect(environment["HR_DATABASE"]) as database:
        (count,) = database.execute(f"select count(*) from {table}").fetchone()
    database.close()
    assert sum(total(outcome, f"hr.{name}")) == count


def test_absences_land_as_they_stood_at_the_end_of_each_quarter(outcome: Outcome, environment: dict[str, str]) -> None:
    with sqlite3.connect(environment["HR_DATABASE"]) as database:
        for item in outcome["hr.absences"]:
            assert item.quarter is not None
            bounds = [item.quarter.start.isoformat(), item.quarter.next.start.isoformat()]
            saved = database.execute(
                "select spell_ref, max(changed_at) from sickness_history "
                "where changed_at >= ? and changed_at < ? group by spell_ref",
                bounds,
            ).fetchall()
            columns = "absence_id, strftime(updated_at, '%Y-%m-%d %H:%M:%S')"
            refused = {ref for (ref,) in rows_of(rejected_path(item), "absence_id")}
            expected = {(ref, moment.replace("T", " ")) for ref, moment in saved}
            landed = set(rows_of(item.path, columns))
            assert landed <= expected
            assert {ref for ref, _ in expected - landed} <= refused
    database.close()


@pytest.mark.parametrize(("name", "encoding"), [("ledger", "cp1252"), ("invoices", "utf-8"), ("forecasts", "cp1252")])
def test_finance_lands_line_by_line(outcome: Outcome, city: Brigstow, name: str, encoding: str) -> None:
    for item in outcome[f"finance.{name}"]:
        assert item.quarter is not None
        paths = [city.systems / "finance" / f"{name}_{month:%Y-%m}.csv" for month in item.quarter.months]
        assert item.rows + item.rejected == sum(len(lines(path, encoding)) for path in paths), item.quarter


def test_the_ledger_sums_to_the_penny(outcome: Outcome, city: Brigstow) -> None:
    """Every amount read here by plain Python, taken back to the file and row that landing noted."""
    item = outcome["finance.ledger"][-1]
    written: dict[tuple[str, int], str] = {}
    for path in (city.systems / "finance").glob("ledger_2026-0[789].csv"):
        for number, line in enumerate(lines(path, "cp1252"), start=2):
            written[str(path), number] = line["Net amount"]
    expected = Decimal(0)
    found = rows_of(item.path, "_source, _source_row, amount_gbp")
    for source, number, amount in found:
        text = written[source, number].replace("£", "").replace(",", "")
        pounds = -Decimal(text[1:-1]) if text.startswith("(") else Decimal(text)
        assert amount == pounds
        expected += pounds
    assert len(found) == item.rows > 2000
    assert rows_of(item.path, "sum(amount_gbp)", "1") == [(expected,)]


def test_risks_land_as_the_workbook_shows_them(outcome: Outcome, city: Brigstow) -> None:
    item = outcome["risk.register"][-1]
    book = fastexcel.read_excel(city.systems / "risk" / f"risk_register_{item.quarter}.xlsx")
    shown = book.load_sheet("Corporate risks", header_row=5).to_pandas()
    columns = "risk_id, title, likelihood, impact, current_score, tolerance_score, _source_row"
    expected = [
        (*row[["Ref", "Risk", "Likelihood (1-5)", "Impact (1-5)", "Current score", "Tolerance"]], number)
        for number, (_, row) in enumerate(shown.iterrows(), start=7)
    ]
    assert rows_of(item.path, columns) == expected
    assert len(expected) > 15


def test_open_data_land_whole(outcome: Outcome, environment: dict[str, str]) -> None:
    base = f"{environment['OPEN_DATA_URL']}/api/explore/v2.1/catalog/datasets"
    for name, dataset in (
        ("emissions.local_authority", "local-authority-emissions"),
        ("population.estimates", "population-estimates"),
        ("indicators.neighbours", "nearest-neighbours"),
    ):
        answer = requests.get(f"{base}/{dataset}/records", {"limit": 1}, timeout=10).json()
        assert total(outcome, name) == (answer["total_count"], 0), name


@pytest.mark.parametrize("name", ["outcomes", "units", "measures", "targets"])
def test_the_framework_is_a_source_like_any_other(outcome: Outcome, name: str) -> None:
    assert total(outcome, f"framework.{name}") == (len(lines(COUNCIL / "framework" / f"{name}.csv")), 0)


def test_complaints_land_once_a_key_and_quarter(outcome: Outcome) -> None:
    for item in outcome["complaints.cases"]:
        assert item.path is not None and item.quarter is not None
        with duckdb.connect() as con:
            keys, rows, first, last = con.execute(
                "select count(distinct (case_id, stage)), count(*), min(updated_at), max(updated_at) "
                "from read_parquet(?)",
                [str(item.path)],
            ).fetchone() or (0, 0, None, None)
        assert keys == rows == item.rows
        assert item.quarter.start <= first.date() <= last.date() <= item.quarter.end


def test_the_same_again_adds_nothing(outcome: Outcome, city: Brigstow) -> None:
    before = files_in(city.data)
    again = city.land(QUARTERS)
    assert all(item.unchanged for landed in again.values() for item in landed)
    assert {name: total(again, name) for name in again} == {name: total(outcome, name) for name in outcome}
    assert files_in(city.data) == before


def test_one_quarter_alone_lands_what_it_lands_among_all(outcome: Outcome, city: Brigstow) -> None:
    """A backfill of a whole history and a run of one quarter must agree, or a release could not be rebuilt."""
    alone = Brigstow(city.council, city.systems, city.data.with_name("alone"))
    for name, landed in alone.land([QUARTERS[7]]).items():
        among = {item.quarter: item for item in outcome[name]}
        for item in landed:
            assert item.path is not None
            expected = among[item.quarter].path
            assert expected is not None
            assert item.path.stem.split("-")[1] == expected.stem.split("-")[1], name


def test_every_system_is_in_reach(city: Brigstow) -> None:
    for source in load_sources(city.council / "sources", load_contracts()).values():
        source.reach()
