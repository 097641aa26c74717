"""XmR charts: shapes and words beside colours, steps at new limits, gaps, and text that stays text."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree

from exports.xmr import KINDS, XmrPoint, XmrSeries, causes, signals, xmr_chart

SVG = "{http://www.w3.org/2000/svg}"


def month(place: int, value: float, cause: str = "none", way: int = 0, group: int = 1) -> XmrPoint:
    kind = {0: "common_cause", 1: "special_cause_concern", -1: "special_cause_improvement"}[way]
    day = date(2025 + place // 12, place % 12 + 1, 1)
    return XmrPoint(day, f"{day:%b %Y}", Decimal(str(value)), group, 10.0, 5.0, 15.0, cause, kind, way)


POINTS = [
    month(0, 9),
    month(1, 16, "outside", 1),
    month(2, 11),
    month(3, 6, "two_of_three", -1),
    month(4, 4, "outside", -1),
]
SERIES = XmrSeries("Waits & <delays>", POINTS, "Improvement.", "May 2025: 4.", lambda value: f"{value:g}", Decimal(12))


def drawn(*series: XmrSeries) -> ElementTree.Element:
    return ElementTree.fromstring(xmr_chart(series, "A chart"))


def marked(chart: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    return [element for element in chart.iter() if kind in element.attrib.get("class", "").split()]


def words(chart: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in chart.iter(f"{SVG}text")]


def test_the_chart_names_and_describes_itself() -> None:
    chart = drawn(SERIES)
    named = {element.attrib["id"]: element.text for element in chart if "id" in element.attrib}
    assert chart.attrib["aria-labelledby"].split() == list(named)
    assert list(named.values()) == ["A chart", "Waits & <delays>. May 2025: 4."]


def test_signals_differ_from_usual_variation_in_shape_and_are_named() -> None:
    chart = drawn(SERIES)
    shapes = {
        kind: {
            element.tag.removeprefix(SVG) + str(element.attrib.get("d", "")).count("L").__str__() for element in found
        }
        for kind in KINDS
        if (found := marked(chart, kind))
    }
    assert shapes == {
        "common_cause": {"circle0"},
        "special_cause_improvement": {"path2"},
        "special_cause_concern": {"path2"},
    }
    assert {"usual variation", "improvement", "concern"} <= set(words(chart))
    assert "unusually high" not in words(chart), "the key names what occurs"
    assert "concern: above the upper limit" in words(chart)
    tips = [element.text for element in chart.iter(f"{SVG}title")]
    assert "Feb 2025: 16; concern: above the upper limit" in tips


def test_last_value_target_mean_and_limits_are_labelled_apart() -> None:
    chart = drawn(SERIES)
    labels = {
        element.text: float(element.attrib["y"]) for kind in ("last", "goal", "at") for element in marked(chart, kind)
    }
    assert set(labels) == {"4", "target 12", "mean 10", "upper 15", "lower 5"}
    places = sorted(labels.values())
    assert all(after - before >= 16 for before, after in pairwise(places))


def test_band_and_mean_step_where_limits_are_new() -> None:
    later = [replace(month(place, 20), group=2, mean=20.0, lower_limit=18.0, upper_limit=22.0) for place in (5, 6)]
    chart = drawn(replace(SERIES, points=[*POINTS, *later]))
    first, second, _ = marked(chart, "band")
    end = float(first.attrib["x"]) + float(first.attrib["width"])
    assert abs(end - float(second.attrib["x"])) < 0.2
    assert float(second.attrib["y"]) < float(first.attrib["y"])
    assert len(marked(chart, "afresh")) == 1
    assert "new limits Jun 2025" in words(chart)


def test_a_gap_stays_a_gap_and_a_provisional_point_is_hollow() -> None:
    whole = drawn(SERIES)
    gap = drawn(replace(SERIES, points=[*POINTS, month(9, 8), replace(month(10, 8), is_provisional=True)]))
    assert marked(whole, "series")[0].attrib["d"].count("M") == 1
    assert marked(gap, "series")[0].attrib["d"].count("M") == 2
    assert len(marked(gap, "provisional")) == 1 and not marked(whole, "provisional")


def test_small_multiples_share_one_key() -> None:
    chart = drawn(SERIES, replace(SERIES, name="Other"), replace(SERIES, name="Third"))
    assert len(marked(chart, "name")) == 3
    assert words(chart).count("mean and process limits") == 1


def test_one_point_and_equal_points_can_be_drawn() -> None:
    flat = [replace(month(i, 0), mean=0.0, lower_limit=None, upper_limit=None) for i in range(3)]
    for points in (flat[:1], flat):
        chart = drawn(replace(SERIES, points=points, target=None))
        assert marked(chart, "last")[0].text == "0"
        assert len(marked(chart, "band")) == 1, "the one of the key"


def test_stretches_tell_their_strongest_rule_first() -> None:
    high, low = signals(POINTS)
    assert [point.label for point in high] == ["Feb 2025"]
    assert [point.label for point in low] == ["Apr 2025", "May 2025"]
    assert causes(low) == ["below the lower limit", "two of three points near the lower limit"]
