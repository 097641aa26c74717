"""Statistical process control: equal to the R package NHSRplotthedots, and what must hold of any series. All of it goes
through the SQL that the models use."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.real import DATA, needs

from exports.xmr import XmrPoint
from orchestration.spc import Readings, Result, Rules, classify, query

REFERENCE = DATA / "spc" / "nhsrplotthedots_0.2.2_results.csv.gz"
EXAMPLE = [1, 2, 1, 2, 10, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]
CONTEXT, LOWER, HIGHER = Rules(), Rules(polarity="lower"), Rules(polarity="higher")


def series(values: Sequence[object], name: str = "") -> Readings:
    """A value a day."""
    days = [date(2026, 1, 1) + timedelta(days=i) for i in range(len(values))]
    return Readings([(name, day, Decimal(str(value))) for day, value in zip(days, values, strict=True)], 0)


def points(values: Sequence[object], rules: Rules = CONTEXT) -> list[XmrPoint]:
    (result,) = classify(series(values), rules)
    return result.points


def causes(values: Sequence[object], rules: Rules = CONTEXT) -> list[str]:
    return [point.special_cause for point in points(values, rules)]


# The R package


@pytest.fixture(scope="module")
def compared() -> duckdb.DuckDBPyConnection:
    """What the R package gives beside what our SQL gives, in table `compared`."""
    con = duckdb.connect()
    con.execute(
        f"""create table points as
            select "case", "case" || '|' || f as series, cast(x as date) as date, cast(y as decimal(18, 4)) as value,
                case when "case" in ('all_screen', 'fix12') then 'lower'
                    when "case" = 'neutral_screen' then 'context' else 'higher' end as polarity,
                cast(rebase_group as int) as rebases, case when "case" = 'fix12' then 12 end as fix_after,
                "case" <> 'all_noscreen' as is_screened, cast(null as double) as target,
                cast(mean_col as double) as r_mean, cast(lpl as double) as r_lower, cast(upl as double) as r_upper,
                special_cause_type as r_cause, point_type as r_type
            from read_csv('{REFERENCE}', nullstr = 'NA', all_varchar = true)"""
    )
    con.execute(
        f"""create table compared as
            select * exclude (r_lower, r_upper),
                nullif(r_lower, 'nan'::double) as r_lower, nullif(r_upper, 'nan'::double) as r_upper,
                case special_cause
                    when 'none' then 'Common Cause'
                    when 'outside' then if(way > 0, 'Above UCL', 'Below LCL')
                    when 'trend' then '7 Point Trend (' || if(way > 0, 'Increasing', 'Decreasing') || ')'
                    when 'two_of_three' then '2 in 3 ' || if(way > 0, 'Above', 'Below') || ' CL'
                    when 'run' then '7 Points ' || if(way > 0, 'Above', 'Below') || ' CL'
                end as our_cause
            from ({query("points")})"""
    )
    return con


@needs("spc")
def test_every_point_is_as_the_r_package_has_it(compared: duckdb.DuckDBPyConnection) -> None:
    same = "abs({0} - {1}) <= 1e-9 * (1 + abs({1}))"
    rows = compared.execute(
        f"""select "case", count(*), count(*) filter (lower_limit is null), count(*) filter (
                point_type = r_type and our_cause = r_cause and {same.format("mean", "r_mean")}
                and {same.format("lower_limit", "r_lower")} and {same.format("upper_limit", "r_upper")})
            from compared group by all order by all"""
    ).fetchall()
    assert sum(count for _, count, _, _ in rows) == 58527
    assert [case for case, *_ in rows] == ["all_noscreen", "all_screen", "fix12", "neutral_screen", "rebase"]
    for case, count, without_limits, equal in rows:
        assert equal == count - without_limits > 6000, case


@needs("spc")
def test_the_one_departure_is_where_there_is_nothing_to_make_limits_of(compared: duckdb.DuckDBPyConnection) -> None:
    ((without, without_in_r, flagged, kinds),) = compared.execute(
        """select count(*) filter (lower_limit is null),
            count(*) filter (r_lower is null or r_lower = r_upper),
            count(*) filter (lower_limit is null and r_type <> 'common_cause'),
            list(distinct point_type || special_cause) filter (lower_limit is null)
        from compared"""
    ).fetchall()
    ((both,),) = compared.execute(
        "select count(*) from compared where lower_limit is null and (r_lower is null or r_lower = r_upper)"
    ).fetchall()
    assert without == without_in_r == both == 9804
    assert flagged == 1309, "points that the R package flags although every range was screened out"
    assert kinds == ["insufficient_variationnone"]


@needs("spc")
def test_limits_are_those_that_the_package_publishes() -> None:
    vectors = json.loads((DATA / "spc" / "spc_vectors.json").read_text(encoding="utf-8"))
    assert len(vectors["xmr_limits"]) == 3
    for vector in vectors["xmr_limits"]:
        last = points(vector["y"], Rules(screening=vector["screen_outliers"]))[-1]
        assert last.lower_limit is not None and last.upper_limit is not None
        for ours, theirs in ((last.mean, "mean"), (last.lower_limit, "lpl"), (last.upper_limit, "upl")):
            assert abs(ours - vector[theirs]) <= vector["tol"]
    unlike = points(vectors["opposite_sides_not_special"]["y"])
    assert [point.point_type for point in unlike[-2:]] == vectors["opposite_sides_not_special"]["last_two"]
    words = {"consistent_fail": "consistently_fails", "consistent_pass": "consistently_passes", None: "none"}
    for lower, upper, target, direction, verdict in vectors["assurance(lpl,upl,target,direction)"]:
        polarity = {"increase": "higher", "decrease": "lower", "neutral": "context"}[direction]
        assert assurance(lower, upper, target, polarity) == words.get(verdict, "hit_and_miss")


def assurance(lower: float, upper: float, target: float, polarity: str) -> str:
    """What two values give whose limits, with a mean half-way, are scaled to `lower` and `upper`."""
    middle, half = (lower + upper) / 2, (upper - lower) / 2 / 2.66
    (result,) = classify(
        series([round(middle + side * half / 2, 12) for side in (1, -1)] * 8),
        Rules(polarity=polarity, target=Decimal(target)),
    )
    assert result.points[-1].lower_limit == pytest.approx(lower)
    return result.assurance


# Counted by hand


def test_the_published_example() -> None:
    found = points(EXAMPLE, LOWER)
    last = found[-1]
    assert last.lower_limit is not None and last.upper_limit is not None
    assert [round(x, 2) for x in (last.lower_limit, last.mean, last.upper_limit)] == [-0.72, 1.94, 4.6]
    assert [i for i, point in enumerate(found, 1) if point.special_cause != "none"] == [5]
    assert found[4].point_type == "special_cause_concern"
    last = points(EXAMPLE, Rules(screening=False))[-1]
    assert last.lower_limit is not None and last.upper_limit is not None
    assert [round(x, 2) for x in (last.lower_limit, last.mean, last.upper_limit)] == [-3.06, 1.94, 6.95]


NOISE = [10, 14, 10, 14, 10, 14, 10, 14, 10, 14, 10, 14]  # mean 12, every range 4


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ([10.5, 11, 11.5, 12.5, 13, 13.5], ["none"] * 6),  # five rises
        ([10, 10.5, 11, 11.5, 12.5, 13, 13.5], ["trend"] * 7),
        ([10, 10.5, 11, 11, 12.5, 13, 13.5], ["none"] * 7),  # a tie breaks a trend
        ([13, 12.5, 13, 12.5, 13, 12.5], ["run"] * 6),  # with the 14 before them, seven above
        ([12.5, 11, 13, 12.5, 13, 12.5], ["none"] * 6),
    ],
)
def test_trends_and_runs(tail: list[float], expected: list[str]) -> None:
    fixed = Rules(fix_after=12)
    assert causes([*NOISE, *tail], fixed)[12:] == expected


def test_a_point_on_the_mean_breaks_a_run() -> None:
    fixed = Rules(fix_after=12)
    assert causes([*NOISE, 13, 12.5, 12, 13, 12.5, 13, 12.5], fixed)[12:] == ["none"] * 7
    # 0.1 three times over three is 0.1, although doubles would have it otherwise.
    assert set(causes(["0.1"] * 7 + ["0.2", "0.0"] * 3, CONTEXT)) == {"none"}


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ([20, 13, 20], ["two_of_three", "none", "two_of_three"]),  # limits at ± 10.64, near ones at ± 7.09
        ([20, 11, 20], ["none", "none", "none"]),
        ([20, 13, 13, 20], ["none", "none", "none", "none"]),
        ([23, 13, 20], ["outside", "none", "none"]),  # what is outside is not close
    ],
)
def test_two_of_three_flags_the_close_ones_alone(tail: list[float], expected: list[str]) -> None:
    assert causes([*NOISE, 10, *tail], Rules(fix_after=12))[13:] == expected


def test_a_point_between_two_trends_goes_the_way_of_the_second() -> None:
    found = points([*NOISE, 11, 11.5, 12, 12.5, 13, 13.5, 14, 13.4, 12.9, 12.4, 11.9, 11.4, 10.9], Rules(fix_after=12))
    assert [point.way for point in found[12:]] == [1] * 6 + [-1] * 7
    assert {point.special_cause for point in found[12:]} == {"trend"}


def test_polarity_turns_signals_into_improvement_and_concern() -> None:
    for rules, expected in (
        (HIGHER, "special_cause_improvement"),
        (LOWER, "special_cause_concern"),
        (CONTEXT, "special_cause_neutral_high"),
    ):
        assert points(EXAMPLE, rules)[4].point_type == expected
    low = [-value for value in EXAMPLE]
    assert points(low, CONTEXT)[4].point_type == "special_cause_neutral_low"
    assert points(low, LOWER)[4].point_type == "special_cause_improvement"


def test_a_rebase_belongs_to_the_new_group_and_no_range_crosses_it() -> None:
    start = date(2026, 1, 1) + timedelta(days=12)
    found = points([*NOISE, *(value + 100 for value in NOISE)], Rules(rebases=[start, date(2020, 1, 1)]))
    assert [point.group for point in found] == [1] * 12 + [2] * 12
    assert {point.mean for point in found} == {12, 112}
    assert {point.special_cause for point in found} == {"none"}
    assert {point.upper_limit - point.mean for point in found if point.upper_limit} == {2.66 * 4}


@pytest.mark.parametrize("values", [[5], [5, 5, 5], [1, 1, 1, 1, 1, 1, 1, 1, 50], [3, 3] * 9])
def test_without_variation_there_are_no_limits_and_nothing_is_flagged(values: list[int]) -> None:
    for point in points(values, LOWER):
        assert (point.point_type, point.special_cause) == ("insufficient_variation", "none")
        assert point.lower_limit is None and point.upper_limit is None


def test_few_points_are_classified_with_provisional_limits() -> None:
    (few,), (enough,) = classify(series(NOISE[:11]), CONTEXT), classify(series(NOISE), CONTEXT)
    assert few.are_limits_provisional and not enough.are_limits_provisional
    assert few.points[0].upper_limit is not None


# Of any series

VALUES = st.lists(st.decimals(min_value=-1000, max_value=1000, places=3), min_size=1, max_size=40)


def said(result: list[XmrPoint]) -> list[tuple[str, str, int]]:
    return [(point.special_cause, point.point_type, point.way) for point in result]


@settings(max_examples=40, deadline=None)
@given(VALUES, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(values: list[Decimal], rng: random.Random) -> None:
    readings = series(values)
    shuffled = list(readings.rows)
    rng.shuffle(shuffled)
    assert classify(Readings(shuffled, 0), LOWER) == classify(readings, LOWER)


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_a_series_beside_others_is_what_it_is_alone(values: list[Decimal]) -> None:
    alone = classify(series(values, "b"), LOWER)
    among = classify(
        Readings(
            [row for name in "abc" for row in series([v * 2 if name == "a" else v for v in values], name).rows], 0
        ),
        LOWER,
    )
    assert [result for result in among if result.name == "b"] == alone


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_doubled_values_say_the_same(values: list[Decimal]) -> None:
    # By two, since that is exact in doubles: a point on a limit to the last bit stays there.
    before, after = points(values, LOWER), points([2 * value for value in values], LOWER)
    assert said(before) == said(after)
    assert [point.upper_limit and 2 * point.upper_limit for point in before] == [p.upper_limit for p in after]


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_mirrored_values_say_the_opposite(values: list[Decimal]) -> None:
    before, after = points(values, LOWER), points([-value for value in values], HIGHER)
    assert [(cause, kind, -way) for cause, kind, way in said(before)] == said(after)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=16, max_size=16), st.integers(-(2**20), 2**20))
def test_shifted_values_say_the_same(values: list[int], by: int) -> None:
    # Sixteen whole numbers: their mean is exact in doubles wherever they lie, and where no range is screened out the
    # limits move by rounding alone, so that only points further from them than that are compared.
    before, after = points(values, Rules(screening=False)), points([v + by for v in values], Rules(screening=False))
    near = [
        point.lower_limit is not None and min(abs(float(point.value) - edge) for edge in edges(point)) < 1e-6
        for point in before
    ]
    if not any(near):
        assert said(before) == said(after)
    assert [point.mean + by for point in before] == [point.mean for point in after]


def edges(point: XmrPoint) -> list[float]:
    assert point.lower_limit is not None and point.upper_limit is not None
    near = (point.upper_limit - point.mean) * 2 / 3
    return [point.lower_limit, point.upper_limit, point.mean - near, point.mean + near]


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_flags_are_what_the_rules_say_of_them(values: list[Decimal]) -> None:
    """The rules once more, in plain Python and as slowly as they are written in words."""
    found = points(values)
    if found[0].lower_limit is None or found[0].upper_limit is None:
        assert {point.point_type for point in found} == {"insufficient_variation"}
        return
    mean, low, high = found[0].mean, found[0].lower_limit, found[0].upper_limit
    total, count = sum(values), len(values)
    side = [(v * count > total) - (v * count < total) for v in values]
    step = [0, *((b > a) - (b < a) for a, b in pairwise(values))]
    outside = [float(v) < low or float(v) > high for v in values]
    reach = 2 * (2.66 / 3) * ((high - low) / 2 / 2.66)
    doubtful = any(abs(abs(float(v) - mean) - edge) < 1e-9 for v in values for edge in (reach, (high - low) / 2))
    if doubtful:
        return
    close = [abs(float(v) - mean) > reach and not out for v, out in zip(values, outside, strict=True)]
    for i in range(count):
        trend = any(abs(sum(step[j + 1 : j + 7])) == 6 for j in range(max(0, i - 6), i + 1) if j + 7 <= count)
        run = any(abs(sum(side[j : j + 7])) == 7 for j in range(max(0, i - 6), i + 1) if j + 7 <= count)
        two = close[i] and any(
            abs(sum(side[j : j + 3])) == 3 and sum(close[j : j + 3]) >= 2
            for j in range(max(0, i - 2), i + 1)
            if j + 3 <= count
        )
        rules = [(outside[i], "outside"), (trend, "trend"), (two, "two_of_three"), (run, "run")]
        assert found[i].special_cause == next((name for met, name in rules if met), "none")


def test_noise_is_seldom_flagged() -> None:
    """Two hundred series of forty points that nothing has happened to. With the mean known, a point lies in a run of
    seven with a probability of 2 × (7 − 6 × ½) × ½⁷ = 6.3 %, outside three standard deviations with 0.3 %, in a trend
    with at most 7 × 2 / 7! = 0.3 %, and of two near a limit with about 0.4 %: some 7 % together, and less in series
    that end and whose mean is their own."""
    rng = random.Random(4)  # noqa: S311 - noise
    rows = [
        row for name in range(200) for row in series([round(rng.gauss(0, 1), 6) for _ in range(40)], str(name)).rows
    ]
    found: list[Result] = classify(Readings(rows, 0), CONTEXT)
    flagged = [point.special_cause != "none" for result in found for point in result.points]
    assert len(flagged) == 8000
    assert 0.02 < sum(flagged) / len(flagged) < 0.07
