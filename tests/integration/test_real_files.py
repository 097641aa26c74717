"""Trafford's published files as they are: every row lands, to the penny, and splits over the year's quarters.

Expectations are counted by plain Python from the files themselves, and against figures known beforehand.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from support.builders import Q1, Q2, Q3, Q4, rows_of
from support.real import real_source

from sources.config import Source, load_sources
from sources.contract import load_contracts
from sources.landing import Landed, land

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
TRANSPARENCY, THEMES = DATA / "trafford_transparency", DATA / "trafford_corporate_kpis"
CODE = TRANSPARENCY / "transparency_code"
YEAR = [Q1, Q2, Q3, Q4]

pytestmark = pytest.mark.skipif(
    not (TRANSPARENCY.is_dir() and THEMES.is_dir()), reason="Trafford's published files do not lie beside this checkout"
)


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> dict[str, Source]:
    monkeypatch.setenv("TRAFFORD_TRANSPARENCY", str(TRANSPARENCY))
    monkeypatch.setenv("TRAFFORD_THEMES", str(THEMES))
    return load_sources(ROOT / "councils" / "trafford" / "sources", load_contracts())


def landed(sources: dict[str, Source], name: str, data: Path) -> list[Landed]:
    system, _, dataset = name.partition(".")
    source = sources[system]
    found = land(source.datasets[dataset], source.extract(dataset, YEAR), data, YEAR)
    assert [item.error for item in found if item.error] == []
    assert sum(item.rejected for item in found) == 0
    return found


def asked(found: list[Landed], expression: str) -> list[tuple[object, ...]]:
    """An expression over everything that landed, in order."""
    with duckdb.connect() as con:
        paths = [str(item.path) for item in found]
        return con.execute(f"select {expression} from read_parquet(?, hive_partitioning = false)", [paths]).fetchall()


def records(text: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))


def test_supplier_spend_lands_whole_and_to_the_penny(sources: dict[str, Source], tmp_path: Path) -> None:
    found = landed(sources, "transparency.supplier_spend", tmp_path)
    assert asked(found, "count(*), sum(amount_gbp)") == [(241_764, Decimal("621913624.42"))]
    assert [item.quarter for item in found] == YEAR

    path = CODE / "supplier_spend" / "trafford-supplier-spend-2025-26.zip"
    with zipfile.ZipFile(path) as archive:
        text = archive.read("trafford-supplier-spend-2025-26.csv").decode("utf-8")
    counts: Counter[str] = Counter()
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for record in records(text):
        quarter = next(quarter for quarter in YEAR if record["EffectiveDate"] <= quarter.end.isoformat())
        counts[quarter.code] += 1
        sums[quarter.code] += Decimal(record["Amount"])
    for item in found:
        assert item.quarter is not None
        assert item.rows == counts[item.quarter.code]
        bounds = rows_of(item.path, "sum(amount_gbp), min(effective_date), max(effective_date)", "1")
        ((amount, first, last),) = bounds
        assert amount == sums[item.quarter.code]
        assert item.quarter.start <= first <= last <= item.quarter.end


def test_supplier_spend_of_one_quarter_is_the_same_alone(sources: dict[str, Source], tmp_path: Path) -> None:
    source = sources["transparency"]
    contract = source.datasets["supplier_spend"]
    whole = landed(sources, "transparency.supplier_spend", tmp_path / "whole")
    (alone,) = land(contract, source.extract("supplier_spend", [Q3]), tmp_path / "alone", [Q3])
    assert alone.path is not None and whole[2].path is not None
    assert alone.path.stem.split("-")[1] == whole[2].path.stem.split("-")[1]


def test_card_transactions_land_whole(sources: dict[str, Source], tmp_path: Path) -> None:
    found = landed(sources, "transparency.card_transactions", tmp_path)
    path = CODE / "government_procurement_card_transactions" / "government_procurement_card_transactions_2025-26.csv"
    amounts = [Decimal(record["Amount"]) for record in records(path.read_text(encoding="utf-8"))]
    assert len(amounts) == 14_050
    assert asked(found, "count(*), sum(amount_gbp)") == [(len(amounts), sum(amounts))]
    assert all(item.rows > 2_000 for item in found)


def test_prompt_payment_lands_whole(sources: dict[str, Source], tmp_path: Path) -> None:
    (found,) = landed(sources, "transparency.prompt_payment", tmp_path)
    path = TRANSPARENCY / "prompt_payment" / "prompt_payment.csv"
    expected = [
        (record["FinancialYear"], Decimal(record["ProportionPaidOnTime"]))
        for record in records(path.read_text(encoding="utf-8"))
    ]
    assert len(expected) == 8
    assert rows_of(found.path, "financial_year, paid_on_time_pct") == expected


def test_every_file_of_indicators_lands(sources: dict[str, Source], tmp_path: Path) -> None:
    (found,) = landed(sources, "indicators.published_values", tmp_path)
    assert found.rows == 61_695
    expected: Counter[str] = Counter()
    for path in (THEMES / "data").glob("*/*.csv"):
        for record in records(path.read_text(encoding="utf-8-sig")):
            several = sum(name.startswith("value_") for name in record)
            expected[path.stem] += several or 1
    assert sum(expected.values()) == found.rows
    assert Counter(file for (file,) in rows_of(found.path, "file")) == expected


def test_neighbours_land_with_the_name_of_their_set(sources: dict[str, Source], tmp_path: Path) -> None:
    (found,) = landed(sources, "indicators.neighbours", tmp_path)
    expected = [
        (name, record["area_code"], record["area_name"])
        for name in ("cssn", "nhsennpg")
        for record in records((THEMES / "data" / f"{name}.csv").read_text(encoding="utf-8-sig"))
    ]
    assert rows_of(found.path, "neighbour_set, area_code, area_name", "_row_number") == expected


@pytest.mark.parametrize("name", ["outcomes", "units", "measures", "indicators"])
def test_the_framework_lands(sources: dict[str, Source], tmp_path: Path, name: str) -> None:
    (found,) = landed(sources, f"framework.{name}", tmp_path)
    path = ROOT / "councils" / "trafford" / "framework" / f"{name}.csv"
    assert found.rows == len(list(records(path.read_text(encoding="utf-8"))))


# What councils/trafford has no use for, by contracts of the tests' own


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> Source:
    monkeypatch.setenv("REAL_DATA", str(DATA))
    return real_source("trafford", "transparency")


def others_landed(source: Source, dataset: str, data: Path) -> Landed:
    (found,) = land(source.datasets[dataset], source.extract(dataset, YEAR), data, YEAR)
    assert found.error is None
    assert found.rejected == 0, found.reasons
    return found


def test_two_months_of_the_next_year_land_to_the_penny(sources: dict[str, Source], tmp_path: Path) -> None:
    source, quarter = sources["transparency"], Q1.next.next.next.next
    expected = {"supplier_spend": (38_055, Decimal("95896941.89"))}
    path = CODE / "government_procurement_card_transactions" / "government_procurement_card_transactions_2026-27.csv"
    cards = [Decimal(record["Amount"]) for record in records(path.read_text(encoding="utf-8"))]
    assert len(cards) == 2_024
    expected["card_transactions"] = (len(cards), sum(cards, Decimal(0)))
    for dataset, figures in expected.items():
        (found,) = land(source.datasets[dataset], source.extract(dataset, [quarter]), tmp_path, [quarter])
        assert (found.error, found.rejected) == (None, 0)
        assert asked([found], "count(*), sum(amount_gbp)") == [figures]


def test_counter_fraud_lands(others: Source, tmp_path: Path) -> None:
    found = others_landed(others, "counter_fraud", tmp_path)
    rows = list(records((CODE / "fraud" / "trafford_counter_fraud.csv").read_text(encoding="utf-8-sig")))
    assert asked([found], "count(*), sum(spent_gbp), sum(employees_fte), sum(investigated), count(identified)") == [
        (
            12,
            sum(Decimal(row["FraudSpentAmount"]) for row in rows),
            sum(Decimal(row["FTEFraudEmployeesCount"]) for row in rows),
            sum(int(row["TotalInvestigatedFraud"]) for row in rows),
            0,
        )
    ]


def test_pay_multiple_and_senior_salaries_land(others: Source, tmp_path: Path) -> None:
    found = others_landed(others, "pay_multiple", tmp_path)
    rows = list(records((CODE / "pay_multiple" / "pay_multiple.csv").read_text(encoding="utf-8-sig")))
    assert len(rows) == found.rows == 24
    assert rows_of(found.path, "ratio") == [(row["Ratio"],) for row in rows]
    ((pay,),) = asked([found], "sum(pay_gbp)")
    assert pay == sum(Decimal(row["RemunerationValue"]) for row in rows)
    found = others_landed(others, "senior_salaries", tmp_path)
    rows = list(records((CODE / "senior_salaries" / "senior_salaries_count.csv").read_text(encoding="utf-8-sig")))
    assert asked([found], "count(*), sum(employees)") == [(30, sum(int(row["EmployeeCount"]) for row in rows))]


def test_trade_union_time_lands(others: Source, tmp_path: Path) -> None:
    found = others_landed(others, "trade_union_time", tmp_path)
    path = CODE / "trade_union_facility_time" / "trade_union_facility_time.csv"
    rows = list(records(path.read_text(encoding="utf-8-sig")))
    spent = sum(Decimal(row["TotalEstimateSpendingAmount"]) for row in rows)
    given = sum(row["FTERepresentativesMajorityDutyCount"] != "NA" for row in rows)
    assert asked([found], "count(*), sum(spent_gbp), count(majority_duty_fte)") == [(9, spent, given)]


def test_the_organisation_lands_with_its_slip_of_a_band(others: Source, tmp_path: Path) -> None:
    found = others_landed(others, "organisation_structure", tmp_path)
    path = CODE / "organisation_chart" / "trafford_council_organisation_structure.csv"
    rows = list(records(path.read_text(encoding="utf-8-sig")))
    assert found.rows == len(rows) == 80
    assert Counter(band for (band,) in rows_of(found.path, "salary_band")) == Counter(
        None if row["SalaryBand"] == "NA" else row["SalaryBand"] for row in rows
    )
    assert "10000 - 104999" in {band for (band,) in rows_of(found.path, "salary_band")}, "as it was published"


def test_grants_land_with_every_pound(others: Source, tmp_path: Path) -> None:
    found = others_landed(others, "voluntary_grants", tmp_path)
    path = CODE / "grants" / "trafford_council_voluntary_sector_grants.csv"
    rows = list(records(path.read_text(encoding="utf-8-sig")))
    assert asked([found], "count(*), sum(amount_awarded_gbp), count(distinct recipient_id), max(award_date)") == [
        (
            555,
            sum(Decimal(row["Amount Awarded"]) for row in rows),
            len({row["Recipient Org:Identifier"] for row in rows}),
            date.fromisoformat(max(row["Award Date"] for row in rows)),
        )
    ]
