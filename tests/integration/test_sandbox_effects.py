"""What is planted in the fictional city shows in its source data, and its faults are refused by the contracts.

Figures here are counted from the sources by hand, so that they check the pipeline's own and not the other way round.
"""

from __future__ import annotations

import re
import sqlite3
import zipfile
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
from sources.periods import Quarter
from sources.sandbox import (
    areas,
    audit,
    city,
    complaints,
    effects,
    ensure,
    finance,
    housing,
    hr,
    ombudsman,
    open_data,
    returns,
    revenues,
    risk,
    running,
    service_requests,
    social_care,
    timeline,
    waste,
)
from sources.sandbox.effects import Effect
from sources.sandbox.returns import DIRECTORATES

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


def test_sickness_and_complaints_in_care_go_up_and_down_a_quarter_apart(data: Path, cases: pd.DataFrame) -> None:
    """Moves of sickness against those of complaints one quarter later, in care and everywhere else."""
    with sqlite3.connect(data / hr.DATABASE) as database:
        spells = pd.read_sql("select distinct spell_ref, org_unit as unit, first_day from sickness_history", database)
    spells["first_day"] = pd.to_datetime(spells.first_day)
    effect = effects.CARE_SWINGS
    assert effect.ends is not None
    quarters = timeline.FIRST.until(Quarter.containing(effect.ends).next)

    def together(care: bool) -> float:
        ill, unhappy = (
            [between(days, quarter.start, quarter.end).sum() for quarter in quarters]
            for days in (
                spells[spells.unit.isin(in_units(effect)) == care].first_day,
                cases[cases.unit.isin(in_units(effect)) == care].received,
            )
        )
        return float(np.corrcoef(np.diff(np.log(ill[:-1])), np.diff(np.log(unhappy[1:])))[0, 1])

    assert together(care=True) > 0.55
    assert abs(together(care=False)) < 0.45


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


def test_the_pay_of_women_catches_up_a_little(data: Path) -> None:
    with sqlite3.connect(data / hr.DATABASE) as database:
        table = pd.read_sql("select * from pay_snapshot where hourly_rate > 0", database).drop_duplicates()
    first, last = (table[table.taken_on == f"{year}-03-31"] for year in (2022, 2026))
    pay = first.groupby("gender").hourly_rate.mean()
    assert 0.02 < 1 - pay["F"] / pay["M"] < 0.14
    both = first.merge(last, on="person_ref", suffixes=("", "_last"))
    rise = (both.hourly_rate_last / both.hourly_rate).groupby(both.gender).mean()
    assert 1.005 < rise["F"] / rise["M"] < 1.015


@pytest.fixture(scope="module")
def contacts(data: Path) -> pd.DataFrame:
    """The newest version of every request for a service, with its unit."""
    table = pd.read_parquet(data / service_requests.RECORDS).sort_values("updated_at")
    table = table.drop_duplicates("request_ref", keep="last")
    return table.assign(unit=table.team.map(city.TEAMS), received=pd.to_datetime(table.received))


def test_fewer_tenants_chase_their_repairs(contacts: pd.DataFrame) -> None:
    effect = effects.ONLINE_REPAIRS
    repairs = contacts[contacts.unit.isin(in_units(effect)) & contacts.demand.notna()]
    assert 0.65 < contacts.demand.notna().mean() < 0.98
    before = repairs[between(repairs.received, date(2024, 10, 1), date(2025, 7, 31))]
    after = repairs[between(repairs.received, effect.starts, date(2026, 7, 31))]
    assert (before.demand == "F").mean() - (after.demand == "F").mean() > 0.08


def test_requests_of_the_merged_team_go_to_the_other(contacts: pd.DataFrame) -> None:
    nuisance = contacts[contacts.category == "Noise or nuisance"]
    since = nuisance.received >= pd.Timestamp(effects.TEAM_MERGED.starts)
    assert set(nuisance[~since].unit) == {"HCS-ASB"}
    assert set(nuisance[since].unit) == {"HCS-SAF"}


def test_the_ombudsman_decides_more_often_on_special_needs(data: Path) -> None:
    table = pd.read_parquet(data / ombudsman.RECORDS)
    days = pd.to_datetime(table.decided)
    special = table.team.map(city.TEAMS).isin(in_units(effects.EDUCATION_PLANS))
    before = (special & (days < pd.Timestamp(effects.EDUCATION_PLANS.starts))).sum() / 2
    after = (special & (days >= pd.Timestamp(effects.EDUCATION_PLANS.starts))).sum() / 3.5
    assert after > 1.6 * before
    assert 0.6 < table[table.detailed].decision.eq("Upheld").mean() < 0.9
    assert table[table.remedy.notna()].decision.eq("Upheld").all()


def test_savings_in_care_are_at_risk(data: Path) -> None:
    months = [f"2025-{month:02d}" for month in range(4, 13)]
    table = pd.concat(
        [pd.read_csv(data / finance.FOLDER / f"savings_{month}.csv", encoding="cp1252") for month in months]
    )
    care = table["Service code"].isin(in_units(effects.SAVINGS_SLIP))

    def share(part: pd.DataFrame) -> float:
        return float(part["At risk"].map(pounds).sum() / part["Plan"].map(pounds).sum())

    assert 0.25 < share(table[care]) < 0.6
    assert share(table[~care]) < 0.2


def test_budgets_are_those_that_forecasts_start_from(data: Path) -> None:
    book = fastexcel.read_excel(data / finance.FOLDER / "budget_book_2025-26.xlsx")
    rows = book.load_sheet("Net budgets", header_row=3).to_pandas()
    table = pd.read_csv(data / finance.FOLDER / "forecasts_2025-04.csv", encoding="cp1252")
    forecast = dict(zip(table["Service code"], table["Budget"].map(pounds), strict=True))
    assert dict(zip(rows["Service code"], rows["Net budget"], strict=True)) == pytest.approx(forecast)
    assert (rows["Expenditure"] - rows["Income"]).tolist() == pytest.approx(rows["Net budget"].tolist())


def test_council_tax_is_collected_more_slowly(data: Path) -> None:
    with sqlite3.connect(data / revenues.DATABASE) as database:
        table = pd.read_sql("select * from monthly_collection where tax_code = 'CT'", database)
    table["year"] = pd.to_datetime(table.month_end).map(lambda day: Quarter.containing(day.date()).year)
    whole = table[table.year < 2026].groupby("year")[["net_debit", "cash_current_year"]].sum()
    rate = whole.cash_current_year / whole.net_debit
    assert rate[rate.index < 2025].between(0.955, 0.975).all()
    assert 0.007 < rate[2024] - rate[2025] < 0.02


def test_care_costs_more_from_april_2024(data: Path) -> None:
    with sqlite3.connect(data / social_care.DATABASE) as database:
        lines = pd.read_sql("select * from service_line", database)
    spring = lines[lines.line_start.str.endswith("-04-01")]
    rates = lines.merge(spring, on="package_ref", suffixes=("_before", ""))
    rates = rates[rates.line_end_before.notna() & (rates.line_end_before < rates.line_start)]
    rates = rates[rates.line_end_before.str[:4] == rates.line_start.str[:4]]
    rises = (rates.weekly_rate / rates.weekly_rate_before).groupby(rates.line_start).mean()
    assert rises[effects.CARE_PRICES.starts.isoformat()] == pytest.approx(effects.CARE_PRICES.size, abs=0.001)
    assert rises.drop(effects.CARE_PRICES.starts.isoformat()).tolist() == pytest.approx([1.045] * 4, abs=0.001)


def unzipped(path: Path, member: str, **how: str) -> pd.DataFrame:
    with zipfile.ZipFile(path) as archive:
        (name,) = [name for name in archive.namelist() if name.startswith(member)]
        with archive.open(name) as file:
            return pd.read_csv(file, **how)  # type: ignore[call-overload, no-any-return]


def test_families_stay_in_hotels_for_months(data: Path) -> None:
    counts = {}
    for quarter in timeline.QUARTERS:
        path = data / housing.FOLDER / f"hclic_{quarter.code}.zip"
        table = unzipped(path, "temporary_accommodation", sep=";", encoding="cp1252")
        stay = pd.Timestamp(quarter.end) - pd.to_datetime(table["Since"], format="%d/%m/%Y")
        family = (table["Kind"] == "Bed and breakfast") & (table["No. of children"] > 0)
        counts[quarter] = int((family & (stay.dt.days > 42)).sum())
    before = mean(counts[quarter] for quarter in timeline.QUARTERS if quarter < Quarter(2024, 3))
    after = mean(counts[quarter] for quarter in timeline.QUARTERS if quarter > Quarter(2025, 1))
    assert before > 5
    assert after > 2 * before


def test_weekly_food_waste_leaves_less_in_the_bin(data: Path) -> None:
    table = pd.read_csv(data / waste.FOLDER / "waste_returns.csv", thousands=",")
    table["day"] = pd.to_datetime(table["Quarter beginning"], format="%d/%m/%Y")
    table = table[table["From households"] == "Y"]

    def year(begins: str) -> tuple[float, float]:
        part = table[(table.day >= begins) & (table.day < pd.Timestamp(begins) + pd.DateOffset(years=1))]
        recycled = part[part.Treatment.isin(["Recycled", "Composted", "Reused"])].Tonnes.sum()
        return recycled / part.Tonnes.sum(), (part.Tonnes.sum() - recycled) / part.Dwellings.mean()

    (rate, residual), (new_rate, new_residual) = year("2024-04-01"), year("2025-04-01")
    assert 0.40 < rate < 0.50
    assert new_rate > rate + 0.025
    assert new_residual < residual * 0.96


def test_one_return_is_missing_and_activities_slip(data: Path) -> None:
    found = {path.name for path in (data / returns.FOLDER).glob("*.xlsx")}
    expected = {f"return_{code}_{quarter.code}.xlsx" for code in DIRECTORATES for quarter in timeline.QUARTERS}
    assert expected - found == {"return_CYP_2024-25-Q4.xlsx"}
    assert found < expected

    def on_track(codes: list[str], quarters: list[Quarter]) -> float:
        states: list[str] = []
        for code in codes:
            for quarter in quarters:
                book = fastexcel.read_excel(data / returns.FOLDER / f"return_{code}_{quarter.code}.xlsx")
                states += book.load_sheet("Activities", header_row=5).to_pandas()["Status"].tolist()
        return mean(state in ("On track", "Completed") for state in states)

    before = Quarter(2023, 3).until(Quarter(2024, 3))
    after = Quarter(2025, 3).until(Quarter(2026, 1))
    others = sorted(set(DIRECTORATES) - set(effects.ACTIVITIES_SLIP.units))
    assert on_track(["PLC"], before) - on_track(["PLC"], after) > 0.2
    assert abs(on_track(others, before) - on_track(others, after)) < 0.15


def test_open_data_show_what_happened(data: Path) -> None:
    survey = pd.read_parquet(data / open_data.FOLDER / "quality-of-life-survey.parquet")
    clean = survey[(survey.indicator_id == "QL01") & (survey.area_code == "DEP10")].set_index("year").estimate
    assert clean.loc[2024:].mean() < clean.loc[:2023].mean() - 2
    assert ((survey.lower <= survey.estimate) & (survey.estimate <= survey.upper)).all()
    attainment = pd.read_parquet(data / open_data.FOLDER / "key-stage-4.parquet")
    scores = pd.to_numeric(attainment.attainment_8, errors="coerce").groupby(attainment.academic_year).mean()
    assert min(scores["2019-20"], scores["2020-21"]) > scores.drop(["2019-20", "2020-21"]).max() + 1
    assert attainment.attainment_8.eq("c").sum() == 1


def test_a_boundary_change_gives_wards_new_codes(data: Path) -> None:
    change = effects.BOUNDARY_CHANGE.starts
    wards = pd.read_csv(data / areas.FOLDER / "wards.csv", dtype=str)
    ended = wards[wards["Operative to"].notna()]
    begun = wards[wards["Predecessors"].notna()]
    assert set(ended["Operative to"]) == {str(change - timedelta(days=1))}
    assert set(begun["Operative from"]) == {str(change)}
    assert set(" ".join(begun["Predecessors"]).split()) == set(ended["WDCD"])
    lookup = unzipped(data / areas.FOLDER / areas.UPRNS, "uprn_lookup", dtype="str")
    now = lookup[lookup["To"].isna()]
    assert now.UPRN.is_unique
    assert set(now.WDCD) == set(wards[wards["Operative to"].isna()].WDCD)
    moved = lookup[lookup["To"].notna()].merge(now, on="UPRN")
    heirs = {(old, new) for new, former in zip(begun.WDCD, begun.Predecessors, strict=True) for old in former.split()}
    assert set(zip(moved.WDCD_x, moved.WDCD_y, strict=True)) == heirs
    assert 0.1 < len(moved) / len(now) < 0.3


def test_addresses_of_complaints_and_requests_lie_in_the_wards_recorded(data: Path, contacts: pd.DataFrame) -> None:
    lookup = unzipped(data / areas.FOLDER / areas.UPRNS, "uprn_lookup", dtype="str")
    placed = contacts[contacts.uprn.notna()].merge(lookup, left_on="uprn", right_on="UPRN")
    day = placed.received.dt.strftime("%Y-%m-%d")
    placed = placed[(day >= placed.From) & (placed["To"].isna() | (day <= placed["To"]))]
    assert (placed.ward == placed.WDCD).all()
    assert len(placed) > 0.99 * contacts.uprn.notna().sum()
    uprns = pd.read_parquet(data / complaints.RECORDS, columns=["uprn"]).uprn.dropna()
    assert 0.98 < uprns.isin(lookup.UPRN).mean() < 1


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
        ("hr.pay", 3, {"hourly_pay_gbp is not above 0": 2, "duplicate key": 1}),
        ("complaints.cases", 3, {"answered on or after receipt": 4, "duplicate key": 8}),
        ("complaints.service_requests", 2, {"completed on or after receipt": 4, "duplicate key": 4}),
        ("complaints.ombudsman_decisions", 0, {}),
        ("finance.ledger", None, {"a date that exists": 8, "is not a number": 4, "duplicate key": 8, "map file": None}),
        ("finance.invoices", 4, {"a date that exists": 8, "paid on or after receipt": 4, "duplicate key": 4}),
        ("finance.forecasts", 0, {}),
        ("finance.budgets", 0, {}),
        ("finance.savings", 1, {"the parts add up to the plan": 4}),
        ("revenues.collection", 0, {}),
        ("social_care.requests", 1, {"decided on or after receipt": 4}),
        ("social_care.packages", 0, {}),
        ("housing.duties", 2, {"ended on or after it began": 4, "outcome is not in the map file": 4}),
        ("housing.placements", 1, {"children is below 0": 4}),
        ("waste.tonnages", 0, {}),
        *((f"plan.{name}", 0, {}) for name in ("measure_values", "narratives", "activities", "milestones")),
        *((f"plan.{name}", 0, {}) for name in ("sign_offs", "partner_milestones")),
        ("risk.register", 0, {}),
        ("audit.audits", 0, {}),
        ("audit.recommendations", 2, {"a date that exists": 1, "duplicate key": 1}),
        ("emissions.local_authority", 0, {}),
        ("population.estimates", 0, {}),
        ("indicators.neighbours", 0, {}),
        ("survey.quality_of_life", 0, {}),
        ("attainment.key_stage_4", 0, {}),
        ("benchmarks.values", 0, {}),
        ("deflators.gdp", 0, {}),
        ("areas.uprns", 3, {"uprn does not have the agreed form": 3}),
        ("areas.wards", 0, {}),
        ("areas.lsoas", 0, {}),
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
