"""The fictional city as a whole: its links, hot spots, composites, clinics and the value of its services. What was
planted is found; in shuffled data nothing is."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from statistics import mean

import duckdb
import numpy as np
import pandas as pd
import pytest
from support.pipeline import Quarter

from sources.sandbox import effects

PLANTED = ("HR01", "CO07", "ASC")  # effects.CARE_SWINGS, CARE_SICKNESS and CARE_COMPLAINTS
Compared = dict[tuple[str, str], tuple[int, Decimal, Decimal, bool]]  # by link and unit: n, coefficient, p, found

# Links


@pytest.fixture(scope="module")
def model(city: Quarter) -> str:
    """The model `links` as the run compiled it."""
    return (city.vitals.data / "dbt/compiled/council_vitals/models/insight/links.sql").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tables(city: Quarter) -> Iterator[tuple[duckdb.DuckDBPyConnection, pd.DataFrame]]:
    """What `links` reads, in a database of its own, and the figures of linked measures to shuffle."""
    with duckdb.connect() as con:
        con.execute(f"attach '{city.vitals.curated}' as curated (read_only)")
        con.execute("create schema core; create schema measures")
        for table in ("dim_links", "dim_units", "dim_council", "dim_measures"):
            con.execute(f"create table core.{table} as from curated.core.{table}")
        figures = con.execute(
            """select v.* from curated.measures.measure_values as v inner join core.dim_units using (unit_id)
                where area_id = '' and unit_level in (select unit_level from core.dim_links)
                    and measure_id in (select unnest([driver_measure_id, response_measure_id]) from core.dim_links)
                order by all"""
        ).df()
        yield con, figures


def compared(con: duckdb.DuckDBPyConnection, model: str, figures: pd.DataFrame) -> Compared:
    """What the model makes of `figures`, for all that it tests."""
    con.register("figures", figures)
    con.execute("create or replace table measures.measure_values as from figures")
    rows = con.execute(
        f"select link_id, unit_id, points, coefficient, p_value, q_value < 0.05 from ({model}) "
        "where p_value is not null"
    ).fetchall()
    return {(link, unit): (points, value, p, found) for link, unit, points, value, p, found in rows}


def test_sickness_and_complaints_in_care_move_together_a_quarter_apart_and_nothing_else_does(city: Quarter) -> None:
    found = city.vitals.ask(
        "select driver_measure_id, response_measure_id, unit_id, lag_periods, points, coefficient, sentence "
        "from insight.links where is_found"
    )
    assert len(found) == 1, "all other links that are declared are decoys"
    assert found[0][:5] == (*PLANTED, 1, 20)
    assert found[0][5] > 0.6
    assert found[0][6].endswith("This does not show a cause.") and "one quarter later (n = 20" in found[0][6]
    sentences = [text for (text,) in city.vitals.ask("select sentence from insight.links where not is_found")]
    assert len(sentences) > 20
    assert all(text.startswith(("No link shown", "Too few points", "Not as expected")) for text in sentences)


def test_no_coefficient_is_told_from_fewer_than_twenty_points(city: Quarter) -> None:
    few, told = city.vitals.ask(
        "select count(*) filter (where points < 20), "
        "count(*) filter (where points < 20 and (coefficient is not null or p_value is not null or is_found)) "
        "from insight.links"
    )[0]
    assert (few > 0, told) == (True, 0)


def test_the_lag_matters(tables: tuple[duckdb.DuckDBPyConnection, pd.DataFrame], model: str) -> None:
    con, figures = tables
    planted = (
        "select link_id from core.dim_links where driver_measure_id = ? and response_measure_id = ? "
        "and unit_level = 'directorate'"
    )
    ((link,),) = con.execute(planted, list(PLANTED[:2])).fetchall()
    try:
        con.execute("update core.dim_links set lag_periods = 0 where link_id = ?", [link])
        assert not compared(con, model, figures)[(link, PLANTED[2])][3]
    finally:
        con.execute("update core.dim_links set lag_periods = 1 where link_id = ?", [link])
    assert compared(con, model, figures)[(link, PLANTED[2])][3]


def test_shuffled_quarters_and_months_show_no_links(
    tables: tuple[duckdb.DuckDBPyConnection, pd.DataFrame], model: str
) -> None:
    """Thirty times every series in an order of chance: false discoveries are controlled at one run in twenty, and
    values of p are no smaller than they should be."""
    con, figures = tables
    series = [figures[name] for name in ("measure_id", "unit_id", "basis", "period_type")]
    runs_with_a_link, chances = 0, []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        shuffled = figures.assign(
            value=figures.value.groupby(series, sort=False).transform(lambda v, rng=rng: rng.permutation(v.to_numpy()))
        )
        results = compared(con, model, shuffled).values()
        runs_with_a_link += any(found for *_, found in results)
        chances += [float(p) for _, _, p, _ in results]
    assert len(chances) > 500
    assert runs_with_a_link <= 0.05 * 30
    assert mean(p < 0.05 for p in chances) < 0.06
    assert mean(p < 0.5 for p in chances) > 0.3, "nor so large that nothing could ever be found"


def test_coefficients_and_chances_are_those_of_another_calculation(
    tables: tuple[duckdb.DuckDBPyConnection, pd.DataFrame], model: str
) -> None:
    con, figures = tables
    links = {
        link: (driver, response, period_type, lag)
        for link, driver, response, period_type, lag in con.execute(
            "select link_id, driver_measure_id, response_measure_id, period_type, lag_periods from core.dim_links"
        ).fetchall()
    }
    results = compared(con, model, figures)
    assert len(results) > 20
    for (link, unit), (points, coefficient, p, _) in results.items():
        driver, response, period_type, lag = links[link]
        earlier, later = (_alone(figures, measure, unit, period_type) for measure in (driver, response))
        pairs = pd.DataFrame({"driver": earlier.shift(lag), "response": later}).dropna()
        steps = pairs.diff()[pairs.index.to_series().diff().dt.days < (40 if period_type == "month" else 100)]
        season = steps.index.month
        assert len(steps) == points
        moves = (steps - steps.groupby(season).transform("mean")).round(6)
        ranks = moves.rank() - moves.rank().mean()
        x, y = ranks.driver.to_numpy(), ranks.response.to_numpy()
        expected = float(x @ y / math.sqrt((x @ x) * (y @ y)))
        assert float(coefficient) == pytest.approx(expected, abs=0.0001), (link, unit)
        echo = max(float((x[1:] @ x[:-1]) / (x @ x) * (y[1:] @ y[:-1]) / (y @ y)), 0)
        effective = (points - season.nunique() + 1) / (1 + 2 * echo)
        z = math.atanh(expected) * math.sqrt((effective - 3) / 1.06)
        assert float(p) == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), abs=0.000001), (link, unit)


def _alone(figures: pd.DataFrame, measure: str, unit: str, period_type: str) -> pd.Series:
    """A measure's figures of the periods alone, by first day; a missing period has its row, without a figure."""
    rows = figures[(figures.measure_id == measure) & (figures.unit_id == unit) & (figures.period_type == period_type)]
    rows = rows[rows.basis == rows.basis.min()]
    values = pd.Series(rows.value.astype(float).to_numpy(), index=pd.DatetimeIndex(rows.period_start))
    return values.asfreq("MS" if period_type == "month" else "QS-APR")


# Hot spots


def test_adult_social_care_stands_out(city: Quarter) -> None:
    together: dict[str, set[str]] = defaultdict(set)
    for unit, domain in city.vitals.ask(
        "select unit_id, domain from insight.hotspots where unit_level = 'directorate' and lasting_concerns > 0"
    ):
        together[unit].add(domain)
    everywhere = {unit for unit, domains in together.items() if {"hr", "complaints", "finance"} <= domains}
    assert everywhere == set(effects.CARE_SICKNESS.units)
    cells = dict(
        city.vitals.ask("select domain, measure_ids || ' ' || evidence from insight.hotspots where unit_id = 'ASC'")
    )
    assert "HR01" in cells["hr"] and "CO07" in cells["complaints"] and "FI01" in cells["finance"]
    assert "Complaints received: 171 in Sep 2026, above the usual range" in cells["complaints"]
    services = city.vitals.ask(
        "select distinct unit_id, unit_rank from insight.hotspots where unit_level = 'service' order by 2, 1"
    )
    assert [unit.split("-")[0] for unit, _ in services[:2]] == ["ASC", "ASC"]
    assert services[0][1] == 1


def test_every_unit_has_a_cell_in_every_domain_that_is_measured(city: Quarter) -> None:
    units, domains, cells, ended = city.vitals.ask(
        "select count(distinct unit_id), count(distinct domain), count(*), count(*) filter (where unit_id = 'HCS-ASB') "
        "from insight.hotspots"
    )[0]
    assert cells == units * domains
    assert (domains >= 6, ended) == (True, 0), "a unit that has ended is no hot spot"


# Composites


def test_a_composite_is_the_weighted_mean_of_its_scores_and_hides_nothing(city: Quarter) -> None:
    scores = defaultdict(list)
    for outcome, start, weight, score in city.vitals.ask(
        "select outcome_id, period_start, weight, score from insight.composite_scores"
    ):
        scores[outcome, start].append((weight, score))
    composites = city.vitals.ask(
        "select outcome_id, period_start, score, mean_score, coverage_pct, measures_scored, weakest_score "
        "from insight.composite"
    )
    assert {row[:2] for row in composites} == set(scores)
    without = 0
    for outcome, start, score, plain, coverage, scored, weakest in composites:
        there = [(weight, value) for weight, value in scores[outcome, start] if value is not None]
        weights = sum(weight for weight, _ in there)
        share = weights / sum(weight for weight, _ in scores[outcome, start])
        assert scored == len(there)
        assert abs(coverage - 100 * share) <= Decimal("0.05")
        assert (score is not None) == (share >= Decimal("0.6"))
        without += score is None
        if score is not None:
            assert abs(score - sum(weight * value for weight, value in there) / weights) <= Decimal("0.051")
            assert abs(plain - mean(value for _, value in there)) <= Decimal("0.051")
            assert weakest == min(value for _, value in there)
            assert 0 <= weakest <= score <= 100
    assert without > 0, "years before the history is long enough have too little coverage"


# Clinics, focus, services


def test_clinics_name_what_went_wrong(city: Quarter) -> None:
    clinics = {
        measure: (unit, weight, reasons, linked)
        for measure, unit, weight, reasons, linked in city.vitals.ask(
            "select measure_id, worst_unit_id, weight, reasons, linked_measures from insight.clinic"
        )
    }
    for effect in (
        effects.CARE_OVERSPEND,
        effects.RECRUITMENT_FREEZE,
        effects.FAMILIES_IN_HOTELS,
        effects.SAVINGS_SLIP,
    ):
        assert set(effect.measures) <= set(clinics), effect.expected
    assert clinics["FI01"][0] == clinics["HR01"][0] == clinics["CO07"][0] == "ASC"
    assert "another measure follows it" in clinics["HR01"][2] and clinics["HR01"][3] == "CO07"
    assert not {"FI05", "CO02"} & set(clinics), "what was made better needs no clinic"
    assert all(weight >= 2 and reasons for _, weight, reasons, _ in clinics.values())
    topics = dict(city.vitals.ask("select topic_type, topic_id from insight.focus_candidates where topic_rank = 1"))
    assert topics["service"].startswith("ASC")
    assert {"outcome", "domain", "directorate"} <= set(topics)


def test_the_value_of_care_shows_its_prices(city: Quarter) -> None:
    years = {
        start: row
        for start, *row in city.vitals.ask(
            "select period_start, is_complete, demand, spend_gbp, unit_cost_gbp, unit_cost_real_gbp, factor, "
            "outcome_value from insight.service_value inner join core.dim_deflators on year_start = period_start "
            "where unit_id = 'ASC'"
        )
    }
    assert [start.year for start in sorted(years)] == list(range(2021, 2027))
    assert [years[start][0] for start in sorted(years)] == [True] * 5 + [False]
    rise = years[date(2024, 4, 1)][3] / years[date(2023, 4, 1)][3]
    assert float(rise) == pytest.approx(effects.CARE_PRICES.size, abs=0.02)
    for _, demand, spend, cost, real, factor, outcome in years.values():
        assert demand > 0 and spend > 0 and outcome > 0
        assert abs(real - cost * factor) <= Decimal("0.01")


# The board's table


def test_the_report_shows_the_signals_of_organisational_health(city: Quarter) -> None:
    rows = city.vitals.ask(
        "select r.measure_id, r.variation, r.sentence, h.point_type, h.sentence, r.value, h.value "
        "from marts.report_org_health as r full join insight.org_health as h using (measure_id)"
    )
    assert len(rows) > 40
    for measure, variation, told, point_type, sentence, value, figure in rows:
        assert (variation, value) == (point_type, figure), measure
        assert told == sentence, measure
    shown = dict(
        city.vitals.ask(
            "select domain, min(domain_reported || ' of ' || domain_measures) from insight.org_health group by 1"
        )
    )
    assert shown["risk"] == "3 of 3"
    assert shown["hr"].split()[0] != "0"
