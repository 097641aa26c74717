"""What is planted in the fictional city shows in its source data, and its faults are refused by the contracts.

Figures here are counted from the sources by hand, so that they check the pipeline's own and not the other way round.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from statistics import mean

import fastexcel
import numpy as np
import pandas as pd
import pytest

from sources.config import load_sources
from sources.contract import load_contracts
from sources.landing import Landed, land
from sources.sandbox import audit, city, complaints, effects, ensure, finance, hr, risk, running, timeline
from sources.sandbox.effects import Effect

COUNCIL = Path(__file__).parents[2] / "councils" / "brigstow"
SEED, SCALE = 1373, 0.3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sandbox")


@pytest.fixture(scope="module")
def data(folder: Path) -> Path:
    return ensure(folder, SEED, SCALE)


@pytest.fixture(scope="module")
def cases(data: Path) -> pd.DataFrame:
    """The newest version of every stage 1 complaint, with its unit and whether it was answered in time."""
    table = pd.read_parquet(data / complaints.RECORDS).sort_values("updated_at")
    table = table.drop_duplicates(["case_id", "stage"], keep="last")
    table = table[(table.stage == 1) & table.answered.notna()]
    table["unit"] = table.team.map(city.TEAMS)
    begin, end = (table[name].to_numpy("datetime64[D]") for name in ("acknowledged", "answered"))
    # busday_count leaves the last day out; both bounds move by one so that it counts the days after acknowledgement.
    worked = np.busday_count(begin + 1, end + 1, holidays=timeline.bank_holidays())
    table["in_time"] = worked <= 10 + table.extension_days.fillna(0)
    table["received"] = pd.to_datetime(table.received)
    return table


@pytest.fixture(scope="module")
def staff(data: Path) -> pd.DataFrame:
    with sqlite3.connect(data / hr.DATABASE) as database:
        return pd.read_sql("select * from assignment where fte_ratio > 0", database)


@pytest.fixture(scope="module")
def ledger(data: Path) -> pd.DataFrame:
    parts = []
    for month in timeline.months():
        path = data / finance.FOLDER / f"ledger_{month.first:%Y-%m}.csv"
        part = pd.read_csv(path, encoding="cp1252", dtype=str).rename(columns={"Posted": "Posting date"})
        parts.append(part.assign(month=month.first))
    table = pd.concat(parts)
    table["unit"] = table["Cost centre"].map(city.COST_CENTRES)
    table["pounds"] = table["Net amount"].map(pounds)
    return table


def pounds(text: str) -> float:
    digits = re.sub(r"[^0-9.]", "", text)
    return (-1 if text[0] in "-(" else 1) * float(digits) if digits else 0.0


def in_units(effect: Effect) -> list[str]:
    return city.UNITS[city.concerned(effect)].tolist()


def between(values: pd.Series, first: date, last: date) -> pd.Series:
    return (values >= pd.Timestamp(first)) & (values <= pd.Timestamp(last))


def test_triage_answers_more_complaints_in_time(cases: pd.DataFrame) -> None:
    starts = effects.COMPLAINTS_TRIAGE.starts
    before = cases[between(cases.received, date(2025, 1, 1), starts - timedelta(days=1))].in_time.mean()
    after = cases[between(cases.received, starts, date(2026, 8, 15))].in_time.mean()
    assert 0.70 < before < 0.80
    assert after - before > 0.08


def test_sickness_rises_in_adult_social_care_alone(data: Path, staff: pd.DataFrame) -> None:
    with sqlite3.connect(data / hr.DATABASE) as database:
        spells = pd.read_sql(
            "select spell_ref, org_unit, first_day, max(changed_at) from sickness_history group by spell_ref", database
        )
    care = spells.org_unit.isin(in_units(effects.CARE_SICKNESS))
    starts = effects.CARE_SICKNESS.starts

    def rise(of: pd.DataFrame) -> float:
        days = pd.to_datetime(of.first_day)
        after = between(days, starts, date(2026, 8, 31)).sum()
        before = between(days, starts.replace(year=2025), date(2025, 8, 31)).sum()
        return float(after / before)

    assert rise(spells[care]) > 1.3
    assert rise(spells[~care]) < 1.1


def test_complaints_about_care_follow_a_quarter_later(cases: pd.DataFrame) -> None:
    starts = effects.CARE_COMPLAINTS.starts
    assert (starts.year, starts.month) == (2026, effects.CARE_SICKNESS.starts.month + 3)
    care = cases[cases.unit.isin(in_units(effects.CARE_COMPLAINTS))]
    after = between(care.received, starts, date(2026, 8, 31)).sum()
    before = between(care.received, date(2025, 5, 1), date(2025, 8, 31)).sum()
    quarter_before = between(care.received, date(2026, 2, 1), date(2026, 4, 30)).sum()
    year_before = between(care.received, date(2025, 2, 1), date(2025, 4, 30)).sum()
    assert after / before > 1.4
    assert quarter_before / year_before < 1.3


def test_one_winter_of_damp(cases: pd.DataFrame) -> None:
    effect = effects.DAMP_AND_MOULD
    homes = cases[cases.unit.isin(in_units(effect))]
    assert effect.ends is not None
    damp = homes[between(homes.received, effect.starts, effect.ends)]
    other = homes[between(homes.received, date(2023, 12, 1), date(2024, 2, 29))]
    assert len(damp) / len(other) > 1.7
    upheld = [part.outcome.isin(["upheld", "partly_upheld"]).mean() for part in (damp, other)]
    assert upheld[0] > upheld[1]


def test_the_merged_team_has_no_complaints_or_postings_after_its_end(cases: pd.DataFrame, ledger: pd.DataFrame) -> None:
    (unit,) = effects.TEAM_MERGED.units
    starts = effects.TEAM_MERGED.starts
    team = cases[cases.unit == unit]
    assert len(team) > 50
    assert team.received.max() < pd.Timestamp(starts)
    assert ledger[ledger.unit == unit].month.max() < starts


def test_a_freeze_leaves_posts_vacant(data: Path, staff: pd.DataFrame) -> None:
    with sqlite3.connect(data / hr.DATABASE) as database:
        posts = pd.read_sql("select * from position", database)

    def vacant(on: str) -> float:
        exist = posts[(posts.effective_from <= on) & (posts.effective_to.isna() | (posts.effective_to >= on))]
        held = staff[(staff.hire_date <= on) & (staff.termination_date.isna() | (staff.termination_date >= on))]
        return float(1 - exist.position_ref.isin(held.position_ref).mean())

    before = mean(vacant(on) for on in ("2024-09-30", "2025-03-31", "2025-09-30"))
    rising = [vacant(on) for on in ("2025-12-31", "2026-03-31", "2026-09-30")]
    assert 0.06 < before < 0.11
    assert before < rising[0] < rising[1] < rising[2]
    assert rising[2] > before + 0.03


def test_agency_spending_falls_in_childrens_services(ledger: pd.DataFrame) -> None:
    effect = effects.SOCIAL_WORKERS_HIRED
    part = ledger[ledger.unit.isin(in_units(effect))]

    def share(first: date, last: date) -> float:
        months = part[(part.month >= first) & (part.month <= last)]
        by_group = months.groupby("Account group").pounds.sum()
        return float(by_group["Agency staff"] / (by_group["Agency staff"] + by_group["Employees"]))

    assert share(date(2024, 4, 1), date(2024, 12, 1)) > 0.11
    assert share(effect.starts, date(2025, 12, 1)) < 0.10


def test_adult_social_care_overspends_more_each_year(data: Path) -> None:
    variances = []
    for month in ("2024-03", "2025-03", "2026-03"):
        table = pd.read_csv(data / finance.FOLDER / f"forecasts_{month}.csv", encoding="cp1252")
        care = table[table["Service code"].isin(in_units(effects.CARE_OVERSPEND))]
        budget, forecast = (care[name].map(pounds).sum() for name in ("Budget", "Forecast outturn"))
        variances.append((forecast - budget) / budget)
    assert variances[0] < 0.012
    assert variances[1] > variances[0] + 0.01
    assert variances[2] > variances[1] + 0.01


def test_the_ledger_spends_what_the_forecast_says(data: Path, ledger: pd.DataFrame) -> None:
    table = pd.read_csv(data / finance.FOLDER / "forecasts_2026-03.csv", encoding="cp1252")
    year = ledger[(ledger.month >= date(2025, 4, 1)) & (ledger.month <= date(2026, 3, 1))]
    assert year.pounds.sum() == pytest.approx(table["Forecast outturn"].map(pounds).sum(), rel=0.03)


def test_a_new_payment_system_starts_badly_and_then_works(data: Path) -> None:
    paths = sorted((data / finance.FOLDER).glob("invoices_*.csv"))
    table = pd.concat([pd.read_csv(path, dtype=str) for path in paths])
    for name in ("Received", "Paid", "Last updated"):
        table[name] = pd.to_datetime(table[name], format="%d/%m/%Y", errors="coerce")
    newest = table.sort_values("Last updated", kind="stable").drop_duplicates("Invoice", keep="last")
    newest = newest[newest.Disputed == "N"]
    due = newest.Received + pd.Timedelta(days=30)

    def in_time(first: date, last: date) -> float:
        part = between(due, first, last)
        return float((newest.Paid[part] <= due[part]).mean())

    trouble, working = effects.PAYMENT_SYSTEM_TROUBLE, effects.PAYMENT_SYSTEM
    assert trouble.ends is not None
    former = in_time(date(2023, 4, 1), trouble.starts - timedelta(days=1))
    assert 0.90 < former < 0.95
    assert in_time(trouble.starts, trouble.ends) < 0.82
    assert in_time(working.starts, date(2026, 8, 31)) > former + 0.015


def test_the_risk_of_unsafe_homes_worsens_twice(data: Path) -> None:
    scores = {}
    for quarter in timeline.QUARTERS:
        book = fastexcel.read_excel(data / risk.FOLDER / f"risk_register_{quarter.code}.xlsx")
        rows = book.load_sheet(risk.SHEET, header_row=5).to_arrow().to_pylist()
        scores[quarter.code] = next(row["Current score"] for row in rows if row["Ref"] == "CR07")
    assert [scores[code] for code in ("2025-26-Q2", "2025-26-Q3", "2026-27-Q1", "2026-27-Q2")] == [10, 15, 20, 20]


def test_highways_runs_late_with_its_audit_actions(data: Path) -> None:
    table = pd.read_csv(data / audit.FOLDER / "recommendations.csv", dtype=str)
    for name in ("Target date", "Implemented"):
        table[name] = pd.to_datetime(table[name], format="%d/%m/%Y", errors="coerce")
    due = table[between(table["Target date"], effects.HIGHWAYS_ACTIONS.starts, date(2026, 9, 30))]
    on_time = due.Implemented <= due["Target date"]
    highways = due["Service code"].isin(effects.HIGHWAYS_ACTIONS.units)
    assert highways.sum() >= 10
    assert on_time[highways].mean() < 0.5
    assert on_time[~highways].mean() > 0.7


def test_a_new_cost_centre_and_the_suspense_account_take_postings(ledger: pd.DataFrame) -> None:
    new = ledger[ledger["Cost centre"] == city.NEW_COST_CENTRE_CODE]
    assert new.month.min() == effects.NEW_COST_CENTRE.starts
    suspense = ledger["Cost centre"] == city.SUSPENSE_COST_CENTRE
    assert 0.0005 < suspense.mean() < 0.002


@pytest.fixture(scope="module")
def landed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Landed]]:
    """What becomes of a dataset's last four quarters when the real connectors fetch and the real contracts check it."""
    contracts = load_contracts()
    sources = load_sources(COUNCIL / "sources", contracts)
    into = tmp_path_factory.mktemp("landed")

    def fetch(name: str) -> list[Landed]:
        system, _, dataset = name.partition(".")
        with running(folder, SEED, SCALE) as environment, pytest.MonkeyPatch.context() as patch:
            for variable, value in environment.items():
                patch.setenv(variable, value)
            extracts = sources[system].extract(dataset, timeline.QUARTERS[-4:])
            return land(contracts[name], extracts, into, timeline.QUARTERS[-4:])

    return fetch


@pytest.mark.parametrize(
    ("name", "each", "reasons"),
    [
        ("hr.employees", 3, {"fte is not above 0": 2, "duplicate key": 1}),
        ("hr.posts", 0, {}),
        ("hr.absences", 4, {"fte is not above 0": 8, "ends on or after it begins": 4, "duplicate key": 4}),
        ("complaints.cases", 3, {"answered on or after receipt": 4, "duplicate key": 8}),
        ("finance.ledger", None, {"a date that exists": 8, "is not a number": 4, "duplicate key": 8, "map file": None}),
        ("finance.invoices", 4, {"a date that exists": 8, "paid on or after receipt": 4, "duplicate key": 4}),
        ("finance.forecasts", 0, {}),
        ("risk.register", 0, {}),
        ("audit.audits", 0, {}),
        ("audit.recommendations", 2, {"a date that exists": 1, "duplicate key": 1}),
        ("emissions.local_authority", 0, {}),
        ("population.estimates", 0, {}),
        ("indicators.neighbours", 0, {}),
    ],
)
def test_the_contracts_refuse_the_planted_faults_and_nothing_else(
    landed: Callable[[str], list[Landed]], name: str, each: int | None, reasons: dict[str, int | None]
) -> None:
    slots = landed(name)
    assert [slot.error for slot in slots] == [None] * len(slots)
    assert all(slot.rows > 0 for slot in slots)
    if each is not None:
        assert [slot.rejected for slot in slots] == [each] * len(slots)
    found: dict[str, int] = {}
    for slot in slots:
        assert slot.rejected < 0.02 * slot.rows
        for reason, count in slot.reasons.items():
            found[reason] = found.get(reason, 0) + count
    assert len(found) == len(reasons)
    for words, expected in reasons.items():
        (matching,) = [reason for reason in found if words in reason]
        if expected is not None:
            assert found[matching] == expected
