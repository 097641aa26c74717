"""A district from its own systems to its page: purposes instead of themes, teams in localities, and other systems
behind the same contracts. What is particular to it is configuration; that is what is tried here."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from support.browser import Browser
from support.pages import dead_links, needs_axe, one_of_each, told, visited
from support.pipeline import Quarter, Vitals, files, ran_well

import exports
from orchestration.settings import Settings
from sources.sandbox import running

SEED, SINCE = 2741, "2024-25-Q1"


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """The district's systems, up as long as the tests are."""
    with running(tmp_path_factory.mktemp("systems"), SEED, systems="district") as environment:
        yield environment


@pytest.fixture(scope="module")
def district(systems: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Quarter:
    """The district after its first run."""
    return ran_well(Vitals(tmp_path_factory.mktemp("district"), systems, "bremesgrave"), "run", "--from", SINCE)


def values(district: Quarter, measure: str, unit: str) -> dict[str, Decimal]:
    """The measure's value of a unit in every quarter."""
    sql = (
        "select period_code, value from marts.feed_measure_values where period_type = 'quarter' and area_id = '' "
        f"and basis = 'reported' and measure_id = '{measure}' and unit_id = '{unit}' and value is not null"
    )
    return dict(district.vitals.ask(sql))


def average(series: dict[str, Decimal], first: str, last: str) -> float:
    inside = [float(value) for period, value in series.items() if first <= period <= last]
    assert len(inside) > 1
    return sum(inside) / len(inside)


def test_check_reaches_every_system(district: Quarter) -> None:
    check = district.vitals("check")
    assert check.code == 0, check.err
    assert "✓ hr: employees, posts, absences, pay" in check.lines
    assert "✓ finance: ledger, invoices, forecasts, budgets, savings" in check.lines
    assert "✓ complaints: cases, service_requests, ombudsman_decisions" in check.lines


def test_all_its_data_arrive_and_every_measure_has_a_figure(district: Quarter) -> None:
    ask = district.vitals.ask
    declared = {
        (contract.system, contract.dataset) for _, contract in Settings("bremesgrave", district.vitals.base).declared()
    }
    assert declared <= set(ask("select system, dataset from core.dim_datasets where is_declared and not is_missing"))
    assert ask("select count(*) from marts.report_org_health where not is_reported") == [(0,)]
    manifest = district.vitals.manifest()
    assert (manifest["council"], manifest["fictional"]) == ("Bremesgrave District Council (fictional)", True)
    assert exports.verify(district.vitals.releases / "current") == []


def test_its_framework_is_six_purposes_and_one_that_enables_them(district: Quarter) -> None:
    rows = district.vitals.ask("select outcome_type, count(*) from core.dim_outcomes group by all order by all")
    assert rows == [("enabling_purpose", 1), ("purpose", 6)]
    served = district.vitals.ask(
        "select count(distinct outcome_id), count(distinct measure_type) from core.dim_measures"
    )
    assert served == [(7, 2)], "each purpose has a measure; they are strategic and operational ones"


def test_localities_are_teams_and_add_up_to_their_service(district: Quarter) -> None:
    rows = district.vitals.ask(
        "select unit_id, numerator from marts.feed_measure_values where measure_id = 'CO02' and area_id = '' "
        "and period_type = 'quarter' and period_code = '2026-27-Q1' and unit_id like 'ENV%'"
    )
    counts = dict(rows)
    assert counts["ENV"] == sum(count for unit, count in counts.items() if unit != "ENV")
    assert min(counts[f"ENV-{team}"] for team in ("TWN", "NTH", "STH")) > 0


def test_requests_are_counted_by_team_and_by_ward(district: Quarter) -> None:
    rows = district.vitals.ask(
        "select unit_id, area_id, numerator from measures.measure_values where measure_id = 'SR01' "
        "and basis = 'reported' and period_code = '2026-27-Q1'"
    )
    teams = {unit: count for unit, area, count in rows if not area and unit.startswith("ENV")}
    assert teams["ENV"] == sum(count for unit, count in teams.items() if unit != "ENV")
    assert min(teams[f"ENV-{team}"] for team in ("TWN", "NTH", "STH")) > 0
    wards = {area: count for _, area, count in rows if area}
    whole = next(count for unit, area, count in rows if unit == "BREMESGRAVE" and not area)
    assert len(wards) == 11, "one ward was made of two in 2023"
    assert 0 < sum(wards.values()) <= whole, "not every request names a ward"


def test_what_happened_in_the_district_shows(district: Quarter) -> None:
    sickness = values(district, "HR01", "ENV")
    assert sickness["2026-27-Q2"] > Decimal("1.2") * sickness["2025-26-Q2"], "new rounds strain the place teams"
    triage = values(district, "CO02", "PLN-DEV")
    assert average(triage, "2025-26-Q2", "2026-27-Q2") > average(triage, SINCE, "2024-25-Q4") + 15
    housing = values(district, "FI01", "HOU")
    assert average(housing, "2025-26-Q4", "2026-27-Q2") > 3 > average(housing, SINCE, "2024-25-Q4")


def test_strangers_figures_stand_beside_its_own(district: Quarter) -> None:
    rows = district.vitals.ask(
        "select count(distinct area_name), count(distinct measure_id) from marts.feed_comparators where not is_own_area"
    )
    assert rows == [(10, 12)]


def test_its_page_is_its_own(district: Quarter) -> None:
    page = district.vitals.page()
    assert "Bremesgrave District Council" in page and "Keep my place clean, green and safe" in page
    assert "Place team" in page
    assert "Brigstow" not in page and "#5b2a6e" in page


def test_the_same_again_adds_nothing(district: Quarter) -> None:
    published, raw = district.vitals.published, district.vitals.raw()
    again = district.vitals("run", "--from", SINCE)
    assert again.code == 0, again.err
    assert set(district.vitals.raw()) - set(raw) == set()
    assert district.vitals.published == published
    assert "Unchanged: 2026-27-Q2/r1 already says all of this; nothing was added." in again.lines


def test_no_secret_of_its_systems_is_written_anywhere(district: Quarter, systems: dict[str, str]) -> None:
    secrets = [
        *(systems[name] for name in ("CASEWORK_KEY", "FINANCE_DB_PASSWORD", "HR_PSEUDONYM_KEY")),
        Path(systems["HR_SFTP_KEY_FILE"]).read_text().splitlines()[1],
    ]
    said = district.ran.out + district.ran.err
    places = [district.vitals.data / name for name in files(district.vitals.data)]
    assert len(places) > 200
    for secret in secrets:
        assert secret not in said
        assert [place for place in places if secret.encode() in place.read_bytes()] == []


# Pages


@needs_axe
@pytest.mark.parametrize("edition", ["site", "public/site"])
def test_a_page_of_each_kind_breaks_no_rule_is_not_cut_and_leads_somewhere(
    edition: str, district: Quarter, browser: Browser
) -> None:
    release = (district.vitals.releases / "current").resolve()
    visit = visited(release, one_of_each(release / edition), browser)
    assert len(visit.rules) > 8
    assert not any(visit.rules.values()), told(visit.rules)
    assert not any(visit.zoomed.values()), told(visit.zoomed)
    assert list(dead_links(visit.links, release if edition == "site" else release / "public")) == []
