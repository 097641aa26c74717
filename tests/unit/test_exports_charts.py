"""Lines, targets and labels of the static charts."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from exports.charts import LABEL_GAP, apart, line_chart, sparkline, ticks
from exports.health import Point

VALUES: list[str | None] = ["9.0", "9.2", "9.4", "9.1", "9.6", "9.9"]


def series(values: list[str | None], targets: list[str | None] | None = None, **last: bool) -> list[Point]:
    points = []
    for i, value in enumerate(values):
        month = 3 + 3 * i
        points.append(
            Point(
                start=date(2025 + month // 12, month % 12 + 1, 1),
                end=date(2025 + month // 12, month % 12 + 3, 28),
                label=f"Q{i} (months)",
                value=None if value is None else Decimal(value),
                target=None if targets is None or targets[i] is None else Decimal(str(targets[i])),
                is_provisional=bool(last.get("is_provisional")) and i == len(values) - 1,
            )
        )
    return points


def write(value: Decimal) -> str:
    return f"{value:.1f}"


def briefly(value: Decimal) -> str:
    return f"{value:g}"


def draw(points: list[Point], **options: bool | str) -> ElementTree.Element:
    drawn = line_chart(points, write, briefly, "A & <b>", **options)  # type: ignore[arg-type]
    return ElementTree.fromstring(drawn)


def paths(chart: ElementTree.Element, kind: str) -> str:
    return "".join(path.attrib["d"] for path in chart.iter("path") if path.attrib["class"] == kind)


def texts(chart: ElementTree.Element, kind: str) -> list[str | None]:
    return [text.text for text in chart.iter("text") if text.attrib["class"] == kind]


def test_a_chart_names_itself_and_its_last_value() -> None:
    chart = draw(series(VALUES))
    assert (chart.attrib["role"], chart.attrib["aria-label"]) == ("img", "A & <b>")
    assert texts(chart, "label-value") == ["9.9"]
    assert texts(chart, "tick")[-2:] == ["Q0", "Q5"]
    tips = [title.text for title in chart.iter("title")]
    assert tips[0] == "Q0: 9.0"
    assert len(tips) == 6


def test_the_same_points_give_the_same_bytes() -> None:
    assert line_chart(series(VALUES), write, briefly, "x") == line_chart(series(VALUES), write, briefly, "x")


def test_a_gap_stays_a_gap() -> None:
    whole = paths(draw(series(VALUES)), "series")
    assert (whole.count("M"), whole.count("L")) == (1, 5)
    for points in (series([*VALUES[:2], None, *VALUES[3:]]), [p for i, p in enumerate(series(VALUES)) if i != 2]):
        broken = paths(draw(points), "series")
        assert (broken.count("M"), broken.count("L")) == (2, 3)


def test_a_provisional_value_is_hollow_and_said_to_be_so() -> None:
    chart = draw(series(VALUES, is_provisional=True))
    hollow = [dot.attrib["class"] for dot in chart.iter("circle") if "provisional" in dot.attrib["class"]]
    assert hollow == ["last provisional"]
    assert [title.text for title in chart.iter("title")][-1] == "Q5: 9.9, provisional"
    assert "last provisional" in sparkline(series(VALUES, is_provisional=True))


def test_a_target_steps_where_it_changed() -> None:
    constant = paths(draw(series(VALUES, ["9"] * 6)), "target")
    assert constant.count("V") == 0
    changed = paths(draw(series(VALUES, ["9", "9", "9", "8.5", "8.5", "8.5"])), "target")
    assert changed.count("V") == 1
    assert texts(draw(series(VALUES, ["9", "9", "9", "8.5", "8.5", "8.5"])), "label-target") == ["target 8.5"]


def test_a_target_no_longer_in_force_has_no_label_at_the_end() -> None:
    chart = draw(series(VALUES, ["9", "9", "9", None, None, None]))
    assert paths(chart, "target").count("M") == 1
    assert texts(chart, "label-target") == []


def test_distance_from_zero_is_bounded_on_both_sides() -> None:
    points = series(["0.3", "-0.2", "0.4", "0.6", "1.1", "1.7"], ["0.5"] * 6)
    path = paths(draw(points, around_zero=True), "target")
    assert path.count("M") == 2
    assert paths(draw(points), "target").count("M") == 1


@pytest.mark.parametrize("target", ["9.9", "9.85", "9.95", "9.0", "12"])
def test_labels_keep_apart(target: str) -> None:
    chart = draw(series(VALUES, [target] * 6))
    value, other = (
        next(float(t.attrib["y"]) for t in chart.iter("text") if t.attrib["class"] == f"label-{kind}")
        for kind in ("value", "target")
    )
    assert abs(value - other) >= LABEL_GAP - 0.2  # coordinates are rounded to a tenth


def test_three_labels_find_room() -> None:
    placed = apart([20.0, 21.0, 19.0], 14, 130)
    assert placed[0] == 20.0
    gaps = sorted(abs(a - b) for i, a in enumerate(placed) for b in placed[i + 1 :])
    assert gaps[0] >= LABEL_GAP - 0.01
    assert all(10 <= y <= 134 for y in placed)


@pytest.mark.parametrize(
    ("low", "high"), [(8.4, 11.9), (0.0, 1.0), (-0.9, 2.1), (55e6, 86e6), (99.91, 99.99), (-3, -1), (0.02, 0.9)]
)
def test_axes_have_three_to_six_round_numbers(low: float, high: float) -> None:
    marks = ticks(low, high)
    assert 3 <= len(marks) <= 6
    assert low <= marks[0] < marks[-1] <= high


def test_one_value_or_equal_values_can_be_drawn() -> None:
    for values in (["9"], ["9", "9", "9"], ["0", "0"]):
        chart = draw(series(list(values)))
        assert texts(chart, "label-value") == [write(Decimal(values[0]))]
    assert sparkline(series(["9"])) == ""


def test_coordinates_stay_inside() -> None:
    drawn = line_chart(series(VALUES, ["9"] * 6), write, briefly, "x")
    xs = [float(x) for x in re.findall(r'cx="([\d.]+)"', drawn)]
    ys = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawn)]
    assert min(xs) > 0 and max(xs) < 372
    assert min(ys) > 0 and max(ys) < 150
