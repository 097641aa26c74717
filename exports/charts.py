"""Line charts as small static SVG: a series, its target, the neighbours' median, and labels that never collide.
Belongs here: geometry and marks; colours and type live in the style sheet. Not here: what a chart means (health)."""

# Why not Vega-Lite through vl-convert: it drew the same line in 20 ms and 10 KB where this takes under 1 ms and 2 KB;
# its labels at a line's end collide, its element ids clash once a page holds forty charts, and its text escapes the
# page's style sheet (print, phone width, contrast).

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from html import escape
from itertools import groupby, pairwise
from math import ceil, floor, log10

from exports.health import SIGNALS, Point

Format = Callable[[Decimal], str]

WIDTH, HEIGHT = 372, 150
TOP, BOTTOM = 14, 24
LABEL_GAP = 17  # px between the baselines of two labels, so that neither touches the other
MOST_EVENT_ROWS = 4  # names of events below one another above a chart; further ones share the rows
SPARK_WIDTH, SPARK_HEIGHT = 96, 28
SMALL, LARGE = 12, 17  # type sizes in px, as in the style sheet
# Advances of Source Sans 3 in em, enough to leave room for a label; anything else counts as a wide letter.
ADVANCE = {**dict.fromkeys("0123456789£−+±", 0.5), **dict.fromkeys(".,: ", 0.25), "%": 0.83, "m": 0.83}
WIDE_LETTER = 0.55


@dataclass(frozen=True)
class _Scale:
    """Places values and dates within a frame; y grows downwards."""

    left: float
    right: float
    top: float
    bottom: float
    low: float
    high: float
    first: int
    last: int

    def x(self, point: Point) -> float:
        span = max(1, self.last - self.first)
        return self.left + (point.start.toordinal() - self.first) / span * (self.right - self.left)

    def y(self, value: Decimal | float) -> float:
        return self.bottom - (float(value) - self.low) / (self.high - self.low) * (self.bottom - self.top)


def line_chart(
    points: Sequence[Point],
    write: Format,
    write_briefly: Format,
    title: str,
    *,
    write_target: Format | None = None,
    value_label: str | None = None,
    around_zero: bool = False,
    size: tuple[float, float] = (WIDTH, HEIGHT),
    events: Sequence[tuple[date, str]] | None = None,
) -> str:
    """A line with its points, target and neighbours' median, the last value large at the right.

    Args:
        points: in order of time; at least one with a value. Points without a value leave a gap.
        write: how a value of the measure is written.
        write_briefly: the same for targets and axes, without needless decimals.
        title: the chart in a sentence, for those who do not see it.
        write_target: how a target is written, if not like that.
        around_zero: the target is a distance from zero, so that it is drawn on both sides.
        value_label: what stands for the last value, if not the value itself ('3 of 11').
        size: width and height in px.
        events: days and names of what was done, drawn as thin verticals; given, even if empty, the chart stands alone:
            mean and limits are labelled and the years marked.
    """
    stands_alone = events is not None
    wide, high = size
    drawn = [point for point in points if point.value is not None]
    last = drawn[-1]
    assert last.value is not None
    labels = [(last.value, value_label or write(last.value), f"value {last.point_type}".rstrip())]
    target = _last(points, "target")
    median = _last(points, "median")
    if target is not None:
        labels.append((target, f"target {(write_target or write_briefly)(target)}", "target"))
    if median is not None:
        labels.append((median, f"median {write(median)}", "median"))
    if stands_alone:
        named = (("mean", "mean"), ("upper_limit", "upper limit"), ("lower_limit", "lower limit"))
        labels += [
            (at, f"{text} {write(at)}", "limit") for name, text in named if (at := _last(points, name)) is not None
        ]
    low, top_value = _domain(points, around_zero)
    marks = ticks(low, top_value)
    texts = [write_briefly(Decimal(str(tick))) for tick in marks]
    margin_left = max(width(text, SMALL) for text in texts) + 7
    widths = [width(text, LARGE if kind.startswith("value") else SMALL) for _, text, kind in labels]
    first_day, last_day = points[0].start.toordinal(), points[-1].start.toordinal()
    shown = [(day, name) for day, name in events or () if first_day <= day.toordinal() <= points[-1].end.toordinal()]
    scale = _Scale(
        left=margin_left,
        right=wide - max(widths) - 12,
        top=TOP + LABEL_GAP * min(len(shown), MOST_EVENT_ROWS),
        bottom=high - BOTTOM,
        low=low,
        high=top_value,
        first=first_day,
        last=last_day,
    )
    alone = " alone" if stands_alone else ""
    parts = [f'<svg class="chart{alone}" viewBox="0 0 {px(wide)} {px(high)}" role="img" aria-label="{escape(title)}">']
    for tick, text in zip(marks, texts, strict=True):
        y = px(scale.y(tick))
        parts.append(f'<path class="grid" d="M{px(scale.left)} {y}H{px(scale.right)}"/>')
        place = f'x="{px(scale.left - 6)}" y="{px(scale.y(tick) + 4)}"'
        parts.append(f'<text class="tick" {place} text-anchor="end">{escape(text)}</text>')
    parts += _events(shown, scale)
    parts += _marks(points, scale, write, around_zero)
    parts += _end_labels(labels, scale)
    base = high - 6
    if stands_alone:
        parts += _years(points, scale, base)
    parts.append(f'<text class="tick" x="{px(scale.left)}" y="{base}">{escape(points[0].short)}</text>')
    if len(points) > 1:
        parts.append(
            f'<text class="tick" x="{px(scale.right)}" y="{base}" text-anchor="end">{escape(points[-1].short)}</text>'
        )
    parts.append("</svg>")
    return "".join(parts)


def _events(events: Sequence[tuple[date, str]], scale: _Scale) -> list[str]:
    """What was done and when: a thin vertical each, its name above the frame, on the side that has room for it."""
    parts = []
    for row, (day, name) in enumerate(sorted(events)):
        share = (day.toordinal() - scale.first) / max(1, scale.last - scale.first)
        x = min(scale.left + share * (scale.right - scale.left), scale.right)
        y = TOP - 4 + LABEL_GAP * (row % MOST_EVENT_ROWS)
        room = scale.right - x if x < (scale.left + scale.right) / 2 else x - scale.left
        text = name if width(name, SMALL) <= room else f"{name[: max(1, int(room / (SMALL * 0.58)) - 1)].rstrip()}…"
        side = "start" if x < (scale.left + scale.right) / 2 else "end"
        parts.append(f'<path class="event" d="M{px(x)} {px(y - 8)}V{px(scale.bottom)}"/>')
        parts.append(
            f'<text class="event-name" x="{px(x + (4 if side == "start" else -4))}" y="{px(y)}" '
            f'text-anchor="{side}"><title>{escape(name)}, {day:%b %Y}</title>{escape(text)}</text>'
        )
    return parts


def _years(points: Sequence[Point], scale: _Scale, base: float) -> list[str]:
    """The years between the ends, each at its first day, named where there is room."""
    free = scale.left + width(points[0].short, SMALL) + 12
    end = scale.right - width(points[-1].short, SMALL) - 12
    if _usual_step(points) > 300:  # years of a council's own naming: each at its point
        marks = [(scale.x(point), point.short) for point in points[1:-1]]
    else:
        days = [date(year, 1, 1).toordinal() for year in range(points[0].start.year + 1, points[-1].start.year + 1)]
        span = max(1, scale.last - scale.first)
        marks = [
            (scale.left + (day - scale.first) / span * (scale.right - scale.left), f"{date.fromordinal(day).year}")
            for day in days
        ]
    parts = []
    for x, text in marks:
        half = width(text, SMALL) / 2
        if scale.left < x < scale.right:
            parts.append(f'<path class="grid" d="M{px(x)} {px(scale.bottom)}v5"/>')
        if free + half <= x <= end - half:
            parts.append(f'<text class="tick" x="{px(x)}" y="{px(base)}" text-anchor="middle">{escape(text)}</text>')
            free = x + half + 12
    return parts


def sparkline(points: Sequence[Point], *, around_zero: bool = False) -> str:
    """A line without axes, for a row whose text holds the figures; hidden from those who cannot see it."""
    drawn = [point for point in points if point.value is not None]
    if len(drawn) < 2:
        return ""
    low, high = _domain(points, around_zero)
    scale = _Scale(
        left=4,
        right=SPARK_WIDTH - 5,
        top=5,
        bottom=SPARK_HEIGHT - 5,
        low=low,
        high=high,
        first=points[0].start.toordinal(),
        last=points[-1].start.toordinal(),
    )
    parts = [f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" aria-hidden="true" focusable="false">']
    parts += _limits(points, scale)
    parts += _lines(points, scale, around_zero)
    parts += [_dot(point, scale, 1.9, "point") for point in drawn[:-1] if is_signal(point)]
    parts.append(_dot(drawn[-1], scale, 2.8, "last"))
    parts.append("</svg>")
    return "".join(parts)


def _marks(points: Sequence[Point], scale: _Scale, write: Format, around_zero: bool) -> list[str]:
    parts = _limits(points, scale) + _lines(points, scale, around_zero)
    drawn = [point for point in points if point.value is not None]
    for point in drawn:
        kind = "last" if point is drawn[-1] else "point"
        assert point.value is not None
        suffix = ", provisional" if point.is_provisional else ""
        said = f", {SIGNALS[point.point_type]}" if is_signal(point) else ""
        text = escape(f"{point.short}: {write(point.value)}{suffix}{said}")
        # The wide unseen circle makes the tip easy to reach with a pointer.
        place = f'cx="{px(scale.x(point))}" cy="{px(scale.y(point.value))}"'
        parts.append(
            f'<g><title>{text}</title><circle class="reach" {place} r="8"/>'
            f"{_dot(point, scale, 3.4 if kind == 'last' else 2.2, kind)}</g>"
        )
    return parts


def _limits(points: Sequence[Point], scale: _Scale) -> list[str]:
    """The band of usual variation and its mean, anew from where the process was changed."""
    parts = []
    groups = [list(group) for _, group in groupby(points, key=lambda point: point.process_group)]
    edges = [
        scale.left,
        *((scale.x(before[-1]) + scale.x(after[0])) / 2 for before, after in pairwise(groups)),
        scale.right,
    ]
    for (first, *_), (left, right) in zip(groups, pairwise(edges), strict=True):
        if first.upper_limit is None or first.lower_limit is None or first.mean is None:
            continue
        top, bottom = scale.y(first.upper_limit), scale.y(first.lower_limit)
        place = f'x="{px(left)}" y="{px(top)}" width="{px(right - left)}" height="{px(bottom - top)}"'
        parts.append(f'<rect class="band" {place}/>')
        parts.append(f'<path class="mean" d="M{px(left)} {px(scale.y(first.mean))}H{px(right)}"/>')
    return parts


def _lines(points: Sequence[Point], scale: _Scale, around_zero: bool) -> list[str]:
    """Median, target (stepping where it changed) and the series, in the order they are painted."""
    parts = []
    medians = [
        [(scale.x(p), scale.y(p.median)) for p in run if p.median is not None] for run in _runs(points, "median")
    ]
    if path := _path(medians):
        parts.append(f'<path class="median" d="{path}"/>')
    path = _steps(points, scale)
    if around_zero:
        path += _steps([replace(p, target=None if p.target is None else -p.target) for p in points], scale)
    if path:
        parts.append(f'<path class="target" d="{path}"/>')
    values = [[(scale.x(p), scale.y(p.value)) for p in run if p.value is not None] for run in _runs(points, "value")]
    if path := _path(values):
        parts.append(f'<path class="series" d="{path}"/>')
    return parts


def _runs(points: Sequence[Point], name: str) -> list[list[Point]]:
    """Stretches of neighbouring periods that have the value: a gap stays a gap."""
    usual = _usual_step(points)
    runs: list[list[Point]] = []
    before: Point | None = None
    for point in points:
        if getattr(point, name) is None:
            before = None
            continue
        if before is None or (point.start - before.start).days > 1.6 * usual:
            runs.append([])
        runs[-1].append(point)
        before = point
    return runs


def _usual_step(points: Sequence[Point]) -> int:
    steps = sorted((b.start - a.start).days for a, b in pairwise(points))
    return steps[len(steps) // 2] if steps else 92


def _steps(points: Sequence[Point], scale: _Scale) -> str:
    """The target as a line that steps half-way between two periods when it changes."""
    parts = []
    for run in _runs(points, "target"):
        x, y = scale.x(run[0]), scale.y(run[0].target or 0)
        parts.append(f"M{px(x)} {px(y)}")
        for before, point in pairwise(run):
            if point.target != before.target:
                parts.append(f"H{px((scale.x(before) + scale.x(point)) / 2)}V{px(scale.y(point.target or 0))}")
        end = scale.right if run[-1] is points[-1] else scale.x(run[-1])
        parts.append(f"H{px(end)}")
    return "".join(parts)


def _path(runs: Sequence[Sequence[tuple[float, float]]]) -> str:
    return "".join(
        "".join(f"{'M' if index == 0 else 'L'}{px(x)} {px(y)}" for index, (x, y) in enumerate(run))
        for run in runs
        if len(run) > 1
    )


def _dot(point: Point, scale: _Scale, radius: float, kind: str) -> str:
    assert point.value is not None
    looks = f"{kind} {point.point_type}" if is_signal(point) else kind
    looks += " provisional" if point.is_provisional else ""
    x, y = scale.x(point), scale.y(point.value)
    if not is_signal(point):
        return f'<circle class="{looks}" cx="{px(x)}" cy="{px(y)}" r="{radius}"/>'
    return f'<path class="{looks}" d="{signal_shape(point.point_type, point.is_upward, x, y, radius)}"/>'


def is_signal(point: Point) -> bool:
    """Whether the point is unlike what its process usually gives."""
    return point.point_type.startswith("special_cause")


def signal_shape(point_type: str, is_up: bool, x: float, y: float, size: float) -> str:
    """The outline of a signal: a triangle that points the way of the value, a diamond where neither way is better."""
    way = -1 if is_up else 1
    corners = [(0, 1.5 * way), (1.45, -0.95 * way), (-1.45, -0.95 * way)]
    if "neutral" in point_type:
        corners = [(0, -1.5), (1.5, 0), (0, 1.5), (-1.5, 0)]
    return "M" + "L".join(f"{px(x + dx * size)} {px(y + dy * size)}" for dx, dy in corners) + "Z"


def _end_labels(labels: Sequence[tuple[Decimal, str, str]], scale: _Scale) -> list[str]:
    """Labels at the right, each at its value's height; the value keeps its place, the others give way."""
    baselines = apart([scale.y(value) + 4 for value, _, _ in labels], scale.top, scale.bottom + 4)
    return [
        f'<text class="label-{kind}" x="{px(scale.right + 9)}" y="{px(y)}">{escape(text)}</text>'
        for (_, text, kind), y in zip(labels, baselines, strict=True)
    ]


def apart(wanted: Sequence[float], top: float, bottom: float, gap: float = LABEL_GAP) -> list[float]:
    """Move all but the first to the nearest free place at least a label's height from those placed before."""
    placed = [min(max(wanted[0], top), bottom)]
    for y in wanted[1:]:
        free = [y, *(other + side * gap for other in placed for side in (-1, 1))]
        fits = [
            place
            for place in free
            if top - 4 <= place <= bottom + 4 and all(abs(place - other) >= gap - 0.01 for other in placed)
        ]
        placed.append(min(fits, key=lambda place: (abs(place - y), place), default=y))
    return placed


def _domain(points: Sequence[Point], around_zero: bool) -> tuple[float, float]:
    """The range of everything drawn, with air; from the data, not forced to zero."""
    names = ("value", "target", "median", "lower_limit", "upper_limit")
    values = [float(value) for point in points for name in names if (value := getattr(point, name)) is not None]
    if around_zero:
        values += [-float(point.target) for point in points if point.target is not None]
    low, high = min(values), max(values)
    air = (high - low) * 0.12 or abs(high) * 0.1 or 1.0
    return low - air, high + air


def ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers inside the range, 1, 2, 2.5 or 5 times a power of ten apart: the fewest of those."""
    power = 10.0 ** floor(log10(high - low))
    for step in (size * power for size in (5, 2.5, 2, 1, 0.5, 0.25, 0.2)):
        first, last = ceil(low / step), floor(high / step)
        if last - first >= 2:
            return [round(number * step, 10) for number in range(first, last + 1)]
    raise AssertionError(f"no ticks between {low} and {high}")


def _last(points: Sequence[Point], name: str) -> Decimal | None:
    """The value at the last point that is drawn, so that its label stands where its line ends."""
    value = getattr(points[-1], name)
    assert value is None or isinstance(value, Decimal)
    return value


def width(text: str, size: int) -> float:
    """The room a label needs, in px; a little more than it takes, as the large ones are semi-bold."""
    return sum(ADVANCE.get(letter, WIDE_LETTER) for letter in text) * size * 1.06


def px(value: float) -> str:
    """A coordinate with one decimal at most: enough for the eye, and the same on every machine."""
    return f"{value:.1f}".removesuffix(".0")
