"""All of Brigstow's datasets through its own YAML from the running sandbox: what lands is what the systems hold.

Counts and sums are taken from the systems themselves by other means than the connectors.
"""

from __future__ import annotations

import csv
import hmac
import sqlite3
import zipfile
from collections.abc import Iterator
from datetime import date
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
    "areas.lsoas": set(),
    "areas.uprns": {"uprn does not have the agreed form"},
    "areas.wards": set(),
    "attainment.key_stage_4": set(),
    "audit.audits": set(),
    "audit.recommendations": {
        "due_date is not a date that exists",
        "duplicate key (recommendation_id): the first such row is kept",
    },
    "complaints.cases": {
        "breaks the rule: answered on or after receipt",
        "duplicate key (case_id, stage): the first such row is kept",
    },
    "benchmarks.values": set(),
    "complaints.ombudsman_decisions": set(),
    "complaints.service_requests": {
        "breaks the rule: completed on or after receipt",
        "duplicate key (request_id): the first such row is kept",
    },
    "deflators.gdp": set(),
    "emissions.local_authority": set(),
    "finance.budgets": set(),
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
    "finance.savings": {"breaks the rule: the parts add up to the plan"},
    "framework.corrections": set(),
    "framework.focus": set(),
    "framework.interventions": set(),
    "framework.links": set(),
    "framework.measures": set(),
    "framework.outcomes": set(),
    "framework.owners": set(),
    "framework.portfolios": set(),
    "framework.published_figures": set(),
    "framework.risk_matrix": set(),
    "framework.service_priorities": set(),
    "framework.service_values": set(),
    "framework.targets": set(),
    "framework.units": set(),
    "housing.duties": {"breaks the rule: ended on or after it began", "outcome is not in the map file"},
    "housing.placements": {"children is below 0"},
    "hr.absences": {
        "fte is not above 0",
        "breaks the rule: ends on or after it begins",
        "duplicate key (absence_id): the first such row is kept",
    },
    "hr.employees": {"fte is not above 0", "duplicate key (employee_id): the first such row is kept"},
    "hr.pay": {
        "hourly_pay_gbp is not above 0",
        "duplicate key (employee_id, snapshot_date): the first such row is kept",
    },
    "hr.posts": set(),
    "indicators.neighbours": set(),
    "plan.activities": set(),
    "plan.measure_values": {
        "numerator is not a number",
        "breaks the rule: a value, a numerator or a reason for neither",
    },
    "plan.milestones": set(),
    "plan.narratives": {"breaks the rule: no longer than half a page"},
    "plan.partner_milestones": set(),
    "plan.sign_offs": set(),
    "population.estimates": set(),
    "revenues.collection": set(),
    "risk.register": set(),
    "social_care.packages": set(),
    "social_care.requests": {"breaks the rule: decided on or after receipt"},
    "survey.quality_of_life": set(),
    "waste.tonnages": set(),
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


def hashed(reference: str, environment: dict[str, str]) -> str:
    """What lands in place of an identifier of the HR system: the first half of a keyed hash."""
    return hmac.new(environment["HR_PSEUDONYM_KEY"].encode(), reference.encode(), "sha256").hexdigest()[:32]


def lines(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("hr.employees", "assignment"),
        ("hr.pay", "pay_snapshot"),
        ("hr.posts", "position"),
        ("revenues.collection", "monthly_collection"),
        ("social_care.packages", "service_line"),
        ("social_care.requests", "contact"),
    ],
)
def test_databases_land_row_by_row(outcome: Outcome, environment: dict[str, str], name: str, table: str) -> None:
    with sqlite3.connect(environment[f"{name.partition('.')[0].upper()}_DATABASE"]) as database:
        (count,) = database.execute(f"select count(*) from {table}").fetchone()
    database.close()
    assert sum(total(outcome, name)) == count


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
            expected = {(hashed(ref, environment), moment.replace("T", " ")) for ref, moment in saved}
            landed = set(rows_of(item.path, columns))
            assert landed <= expected
            assert {ref for ref, _ in expected - landed} <= refused
    database.close()


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("ledger", "cp1252"), ("invoices", "utf-8"), ("forecasts", "cp1252"), ("savings", "cp1252")],
)
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


@pytest.mark.parametrize(
    ("name", "member", "encoding", "delimiter"),
    [
        ("housing.duties", "hclic_duties", "utf-8", ","),
        ("housing.placements", "temporary_accommodation", "cp1252", ";"),
    ],
)
def test_each_member_of_the_homelessness_export_lands_line_by_line(
    outcome: Outcome, city: Brigstow, name: str, member: str, encoding: str, delimiter: str
) -> None:
    for item in outcome[name]:
        with zipfile.ZipFile(city.systems / "housing" / f"hclic_{item.quarter}.zip") as archive:
            text = archive.read(f"{member}_{item.quarter}.csv").decode(encoding)
        written = list(csv.reader(text.splitlines(), delimiter=delimiter))
        assert item.rows + item.rejected == len(written) - 1


@pytest.mark.parametrize(
    ("name", "sheet"),
    [
        ("measure_values", "Measures"),
        ("narratives", "Narratives"),
        ("activities", "Activities"),
        ("milestones", "Milestones"),
        ("sign_offs", "Sign-off"),
    ],
)
def test_every_sheet_of_every_return_lands(outcome: Outcome, city: Brigstow, name: str, sheet: str) -> None:
    for item in outcome[f"plan.{name}"]:
        paths = sorted((city.systems / "returns").glob(f"return_*_{item.quarter}.xlsx"))
        assert len(paths) == (5 if item.quarter == Quarter(2024, 4) else 6), "one directorate sent none once"
        rows = sum(fastexcel.read_excel(path).load_sheet(sheet, header_row=5).height for path in paths)
        assert item.rows + item.rejected == rows


def test_a_return_s_days_and_figures_land_as_the_cells_show_them(outcome: Outcome) -> None:
    values = rows_of(outcome["plan.measure_values"][-1].path, "measure_id, unit_code, period_start, numerator, value")
    assert len(values) == 17, "sixteen measures, one of them for the quarter before, too"
    assert {day for _, _, day, _, _ in values} == {date(2026, 4, 1), date(2026, 7, 1)}
    assert all((numerator is None) != (value is None) for _, _, _, numerator, value in values)
    days = rows_of(outcome["plan.milestones"][-1].path, "due_date, revised_due_date, completed_date")
    assert {due for due, _, _ in days} == {date(2026, 6, 30), date(2026, 11, 30), date(2027, 3, 15)}
    assert any(day for _, day, _ in days) and any(day for _, _, day in days)


def test_files_without_a_period_land_whole(outcome: Outcome, city: Brigstow) -> None:
    for name, pattern in (
        ("areas.lsoas", "areas/lsoas.csv"),
        ("areas.wards", "areas/wards.csv"),
        ("waste.tonnages", "waste/waste_returns.csv"),
    ):
        assert sum(total(outcome, name)) == len(lines(city.systems / pattern)), name
    vintages = sorted((city.systems / "deflators").glob("*.csv"))
    assert total(outcome, "deflators.gdp") == (sum(len(path.read_text().splitlines()) - 4 for path in vintages), 0)
    assert len(vintages) == 11
    assert rows_of(outcome["deflators.gdp"][0].path, "count(distinct vintage_date)", "1") == [(11,)]


def test_what_a_publisher_suppresses_is_no_value(outcome: Outcome) -> None:
    (row,) = [
        row
        for row in rows_of(outcome["attainment.key_stage_4"][0].path, "area_code, academic_year, attainment_8")
        if row[2] is None
    ]
    assert row[:2] == ("X06000007", "2021-22")


def test_staff_are_known_by_the_same_keyed_hash_in_every_dataset(outcome: Outcome, environment: dict[str, str]) -> None:
    with sqlite3.connect(environment["HR_DATABASE"]) as database:
        numbers = [number for (number,) in database.execute("select person_ref from assignment")]
    database.close()
    assert all(number.isdecimal() and len(number) == 6 for number in numbers)
    expected = {hashed(number, environment) for number in numbers}
    for name in ("employees", "pay", "absences"):
        assert {key for (key,) in rows_of(outcome[f"hr.{name}"][-1].path, "employee_id")} <= expected, name


def test_open_data_land_whole(outcome: Outcome, environment: dict[str, str]) -> None:
    base = f"{environment['OPEN_DATA_URL']}/api/explore/v2.1/catalog/datasets"
    for name, dataset in (
        ("emissions.local_authority", "local-authority-emissions"),
        ("population.estimates", "population-estimates"),
        ("indicators.neighbours", "nearest-neighbours"),
        ("survey.quality_of_life", "quality-of-life-survey"),
        ("attainment.key_stage_4", "key-stage-4"),
        ("benchmarks.values", "neighbour-benchmarks"),
    ):
        answer = requests.get(f"{base}/{dataset}/records", {"limit": 1}, timeout=10).json()
        assert total(outcome, name) == (answer["total_count"], 0), name


@pytest.mark.parametrize("name", ["outcomes", "units", "measures", "targets", "risk_matrix"])
def test_the_framework_is_a_source_like_any_other(outcome: Outcome, name: str) -> None:
    assert total(outcome, f"framework.{name}") == (len(lines(COUNCIL / "framework" / f"{name}.csv")), 0)


@pytest.mark.parametrize(("name", "key"), [("cases", "(case_id, stage)"), ("service_requests", "request_id")])
def test_complaints_and_requests_land_once_a_key_and_quarter(outcome: Outcome, name: str, key: str) -> None:
    for item in outcome[f"complaints.{name}"]:
        assert item.path is not None and item.quarter is not None
        with duckdb.connect() as con:
            keys, rows, first, last = con.execute(
                f"select count(distinct {key}), count(*), min(updated_at), max(updated_at) from read_parquet(?)",
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
