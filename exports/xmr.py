"""XmR charts as SVG that stands alone or in a page: a series with its mean, its process limits and its signals.
Belongs here: geometry, marks and the words of signals. Not here: the statistics (dbt_project/macros/xmr.sql)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html import escape
from itertools import groupby, pairwise

from exports.charts import SMALL, apart, px, signal_shape, ticks, width

Format = Callable[[float], str]

# A whole chart, and one of several; px.
ALONE, ONE_OF_MANY = (760, 340), (420, 236)
GUTTER, MARGIN = 28, 16
HEAD, FOOT = 62, 26  # room for name and headline above, days below
NORMAL, VALUE = 13, 22  # type sizes besides those of small text
APART = 19  # px between the baselines of two labels, of which one is large
COLUMNS = 2

KINDS = {
    "common_cause": "usual variation",
    "special_cause_improvement": "improvement",
    "special_cause_concern": "concern",
    "special_cause_neutral_high": "unusually high",
    "special_cause_neutral_low": "unusually low",
    "insufficient_variation": "too little variation to judge",
}
ASSURANCES = {
    "consistently_passes": "usually met (outside the limits)",
    "hit_and_miss": "met or missed by chance (inside the limits)",
    "consistently_fails": "usually missed (outside the limits)",
}
_CAUSES = {
    ("outside", True): "above the upper limit",
    ("outside", False): "below the lower limit",
    ("trend", True): "seven points or more rising",
    ("trend", False): "seven points or more falling",
    ("two_of_three", True): "two of three points near the upper limit",
    ("two_of_three", False): "two of three points near the lower limit",
    ("run", True): "seven points or more above the mean",
    ("run", False): "seven points or more below the mean",
}
# The conventional colours; the shapes and words tell the same.
STYLE = """
.xmr text { font: 400 12px "Source Sans 3", "Segoe UI", Arial, sans-serif; fill: #56616f;
  font-variant-numeric: tabular-nums lining-nums; }
.xmr .name { font-size: 15px; font-weight: 650; fill: #14202e; }
.xmr .now { font-size: 13px; fill: #14202e; }
.xmr .last { font-size: 22px; font-weight: 650; fill: #14202e; }
.xmr .grid { stroke: #d9e0e5; stroke-width: 1; fill: none; }
.xmr .band { fill: #e9eef1; }
.xmr .mean { stroke: #14202e; stroke-width: 0.9; fill: none; }
.xmr .series { stroke: #7c8794; stroke-width: 1.4; fill: none; stroke-linejoin: round; }
.xmr .target { stroke: #de1b1b; stroke-width: 1.3; stroke-dasharray: 5 3; fill: none; }
.xmr .goal { fill: #c01616; }
.xmr .afresh { stroke: #56616f; stroke-width: 0.9; stroke-dasharray: 1 2.5; fill: none; }
.xmr .common_cause, .xmr .insufficient_variation { fill: #a6a6a6; stroke: #6d6d6d; stroke-width: 0.8; }
.xmr .special_cause_improvement { fill: #00b0f0; stroke: #00506e; stroke-width: 0.9; }
.xmr .special_cause_concern { fill: #e46c0a; stroke: #7a3700; stroke-width: 0.9; }
.xmr .special_cause_neutral_high, .xmr .special_cause_neutral_low { fill: #490092; stroke: #2a0055; stroke-width: 0.9; }
.xmr .provisional { fill: #fff; }
.xmr .halo { stroke: #fff; stroke-width: 3.5px; stroke-linejoin: round; paint-order: stroke; }
"""


@dataclass(frozen=True)
class XmrPoint:
    """One figure with what the rules say of it; `way` is 1 for a signal upwards, -1 downwards, 0 for none."""

    day: date
    label: str
    value: Decimal
    group: int
    mean: float
    lower_limit: float | None
    upper_limit: float | None
    special_cause: str
    point_type: str
    way: int
    is_provisional: bool = False

    @property
    def cause(self) -> str:
        """The rule that the point meets, in words; '' when none."""
        return cause_words(self.special_cause, self.way > 0)


def cause_words(special_cause: str, is_upward: bool) -> str:
    """The rule that a point meets: 'seven points or more above the mean'; '' when none."""
    return _CAUSES.get((special_cause, is_upward), "")


@dataclass(frozen=True)
class XmrSeries:
    """A series in order of time, at least one point. The headline stands over its chart, the finding says in a sentence
    what the chart shows."""

    name: str
    points: Sequence[XmrPoint]
    headline: str
    finding: str
    write: Format
    target: Decimal | None = None


@dataclass(frozen=True)
class _Frame:
    """Places days and values of one chart; y grows downwards."""

    left: float
    right: float
    top: float
    bottom: float
    low: float
    high: float
    first: int
    last: int

    def x(self, day: date | float) -> float:
        at = day.toordinal() if isinstance(day, date) else day
        if self.first == self.last:
            return (self.left + self.right) / 2
        return self.left + (at - self.first) / (self.last - self.first) * (self.right - self.left)

    def y(self, value: Decimal | float) -> float:
        return self.bottom - (float(value) - self.low) / (self.high - self.low) * (self.bottom - self.top)


def xmr_chart(series: Sequence[XmrSeries], title: str, *, identity: str = "xmr") -> str:
    """One chart, or small multiples where there are several series, with a key of the shapes that occur.

    Args:
        series: at least one; drawn in this order.
        title: what the whole shows.
        identity: begins the ids, which must differ between charts of one page.
    """
    columns = 1 if len(series) == 1 else COLUMNS
    wide, high = ALONE if len(series) == 1 else ONE_OF_MANY
    rows = -(-len(series) // columns)
    full_width = 2 * MARGIN + columns * wide + (columns - 1) * GUTTER
    full_height = MARGIN + rows * high + (rows - 1) * GUTTER + 34
    described = " ".join(f"{one.name}. {one.finding}" for one in series)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="xmr" viewBox="0 0 {full_width} {full_height}" '
        f'width="{full_width}" height="{full_height}" role="img" '
        f'aria-labelledby="{identity}-title {identity}-desc">',
        f'<title id="{identity}-title">{escape(title)}</title><desc id="{identity}-desc">{escape(described)}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect width="{full_width}" height="{full_height}" fill="#fff"/>',
    ]
    for place, one in enumerate(series):
        x = MARGIN + place % columns * (wide + GUTTER)
        y = MARGIN + place // columns * (high + GUTTER)
        parts.append(f'<g transform="translate({x} {y})">{"".join(_panel(one, wide, high, columns > 1))}</g>')
    parts.append(f'<g transform="translate({MARGIN} {full_height - 14})">{"".join(_key(series))}</g></svg>')
    return "".join(parts)


def _panel(series: XmrSeries, wide: float, high: float, is_small: bool) -> list[str]:
    points, write = series.points, series.write
    last = points[-1]
    frame_low, frame_high = _range(series)
    marks = ticks(frame_low, frame_high)
    left = max(width(write(tick), SMALL) for tick in marks) + 8
    labels = _labels(series)
    room = max([width(text, VALUE if kind == "last" else SMALL) for _, text, kind in labels])
    frame = _Frame(
        left=left,
        right=wide - room - 14,
        top=HEAD,
        bottom=high - FOOT,
        low=frame_low,
        high=frame_high,
        first=points[0].day.toordinal(),
        last=last.day.toordinal(),
    )
    parts = [
        f'<text class="name" x="0" y="14">{escape(series.name)}</text>',
        *_wrapped(series.headline, wide, 32),
    ]
    parts += _limits(points, frame)
    for tick in marks:
        y = px(frame.y(tick))
        parts.append(f'<path class="grid" d="M{px(frame.left)} {y}H{px(frame.right)}"/>')
        parts.append(
            f'<text x="{px(frame.left - 8)}" y="{px(frame.y(tick) + 4)}" text-anchor="end">{write(tick)}</text>'
        )
    if series.target is not None:
        y = px(frame.y(series.target))
        parts.append(f'<path class="target" d="M{px(frame.left)} {y}H{px(frame.right + 6)}"/>')
    parts += _line(points, frame)
    parts += [_point(point, frame, write, 3.1 if is_small else 4) for point in points]
    if not is_small:
        parts += _stretches(points, frame)
    places = apart([frame.y(value) + 4 for value, _, _ in labels], frame.top - 2, frame.bottom + 4, APART)
    for (_, text, kind), y_text in zip(labels, places, strict=True):
        down = 2 if kind == "last" else 0
        parts.append(f'<text class="{kind}" x="{px(frame.right + 10)}" y="{px(y_text + down)}">{escape(text)}</text>')
    return [*parts, *_days(points, frame, high - 6)]


def _days(points: Sequence[XmrPoint], frame: _Frame, base: float) -> list[str]:
    """The first day and the last, and between them, or above, those from which limits are new."""
    first, last = points[0], points[-1]
    parts = [f'<text x="{px(frame.left)}" y="{px(base)}">{escape(first.label)}</text>']
    if first is last:
        return parts
    parts.append(f'<text x="{px(frame.right)}" y="{px(base)}" text-anchor="end">{escape(last.label)}</text>')
    free_from, free_to = frame.left + width(first.label, SMALL) + 14, frame.right - width(last.label, SMALL) - 14
    for before, point in pairwise(points):
        text = f"new limits {point.label}"
        half, x = width(text, SMALL) / 2, (frame.x(before.day) + frame.x(point.day)) / 2
        if point.group != before.group and free_from + half <= x <= free_to - half:
            parts.append(f'<text x="{px(x)}" y="{px(base)}" text-anchor="middle">{escape(text)}</text>')
            free_from = x + half + 14
        elif point.group != before.group and x - frame.left > 2 * half:
            place = f'x="{px(x - 5)}" y="{px(frame.top + 6)}" text-anchor="end"'
            parts.append(f'<text class="halo" {place}>{escape(text)}</text>')
    return parts


def _range(series: XmrSeries) -> tuple[float, float]:
    """Everything drawn, with air; from the data, not forced to zero."""
    values = [float(point.value) for point in series.points] + [point.mean for point in series.points]
    values += [limit for p in series.points for limit in (p.lower_limit, p.upper_limit) if limit is not None]
    if series.target is not None:
        values.append(float(series.target))
    low, high = min(values), max(values)
    air = (high - low) * 0.12 or abs(high) * 0.1 or 1.0
    return low - air, high + air


def _labels(series: XmrSeries) -> list[tuple[float, str, str]]:
    """What stands at the right, the last value first: it keeps its place, the others give way."""
    last, write = series.points[-1], series.write
    labels = [(float(last.value), write(float(last.value)), "last")]
    if series.target is not None:
        labels.append((float(series.target), f"target {write(float(series.target))}", "goal"))
    labels.append((last.mean, f"mean {write(last.mean)}", "at"))
    if last.upper_limit is not None and last.lower_limit is not None:
        labels.append((last.upper_limit, f"upper {write(last.upper_limit)}", "at"))
        labels.append((last.lower_limit, f"lower {write(last.lower_limit)}", "at"))
    return labels


def _limits(points: Sequence[XmrPoint], frame: _Frame) -> list[str]:
    """The band and the mean of each group, stepping half-way between two points, and where limits start afresh."""
    parts = []
    groups = [list(group) for _, group in groupby(points, key=lambda point: point.group)]
    bounds = [
        frame.left,
        *((frame.x(before[-1].day) + frame.x(after[0].day)) / 2 for before, after in pairwise(groups)),
        frame.right,
    ]
    for group, (left, right) in zip(groups, pairwise(bounds), strict=True):
        one = group[0]
        if one.upper_limit is not None and one.lower_limit is not None:
            top, bottom = frame.y(one.upper_limit), frame.y(one.lower_limit)
            parts.append(
                f'<rect class="band" x="{px(left)}" y="{px(top)}" width="{px(right - left)}" '
                f'height="{px(bottom - top)}"/>'
            )
        parts.append(f'<path class="mean" d="M{px(left)} {px(frame.y(one.mean))}H{px(right)}"/>')
        if group is not groups[0]:
            parts.append(f'<path class="afresh" d="M{px(left)} {px(frame.top)}V{px(frame.bottom)}"/>')
    return parts


def _line(points: Sequence[XmrPoint], frame: _Frame) -> list[str]:
    """The series; a gap in time stays a gap."""
    steps = sorted((after.day - before.day).days for before, after in pairwise(points))
    usual = steps[len(steps) // 2] if steps else 0
    path = ""
    for before, after in pairwise(points):
        if (after.day - before.day).days <= 1.6 * usual:
            start = "" if path.endswith(_at(before, frame)) else f"M{_at(before, frame)}"
            path += f"{start}L{_at(after, frame)}"
    return [f'<path class="series" d="{path}"/>'] if path else []


def _at(point: XmrPoint, frame: _Frame) -> str:
    return f"{px(frame.x(point.day))} {px(frame.y(point.value))}"


def _point(point: XmrPoint, frame: _Frame, write: Format, size: float) -> str:
    said = f"{point.label}: {write(float(point.value))}"
    if point.is_provisional:
        said += ", provisional"
    if point.cause:
        said += f"; {KINDS[point.point_type]}: {point.cause}"
    x, y = frame.x(point.day), frame.y(point.value)
    shape = _shape(point.point_type, point.way > 0, x, y, size, point.is_provisional)
    return f"<g><title>{escape(said)}</title>{shape}</g>"


def _shape(kind: str, is_up: bool, x: float, y: float, size: float, is_provisional: bool = False) -> str:
    """A circle for usual variation; a signal as on the page: a triangle the way of the value, a diamond for neither."""
    looks = f"{kind} provisional" if is_provisional else kind
    if kind in ("common_cause", "insufficient_variation"):
        return f'<circle class="{looks}" cx="{px(x)}" cy="{px(y)}" r="{px(size * 0.75)}"/>'
    return f'<path class="{looks}" d="{signal_shape(kind, is_up, x, y, size)}"/>'


def signals(points: Sequence[XmrPoint]) -> list[list[XmrPoint]]:
    """Stretches of neighbouring points that say the same, oldest first."""
    return [
        list(stretch)
        for (_, way), stretch in groupby(points, key=lambda point: (point.point_type, point.way))
        if way != 0
    ]


def causes(stretch: Sequence[XmrPoint]) -> list[str]:
    """The rules that a stretch of points meets, in words, the strongest first."""
    met = {point.cause for point in stretch}
    return [words for words in _CAUSES.values() if words in met]


def _stretches(points: Sequence[XmrPoint], frame: _Frame) -> list[str]:
    """Words beside each stretch of flagged points, the newest first; one that would touch another is left out."""
    parts: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for stretch in reversed(signals(points)):
        text = f"{KINDS[stretch[0].point_type]}: {causes(stretch)[0]}"
        room = width(text, SMALL)
        x = (frame.x(stretch[0].day) + frame.x(stretch[-1].day)) / 2
        x = min(max(x, frame.left + room / 2), frame.right - room / 2)
        beside = [frame.y(p.value) for p in points if abs(frame.x(p.day) - x) <= room / 2 + 6]
        y = min(beside) - 12 if stretch[0].way > 0 else max(beside) + 20
        free = all(abs(y - other) > 15 or right < x - room / 2 or left > x + room / 2 for left, right, other in taken)
        if free and frame.top - 8 <= y <= frame.bottom + 4:
            taken.append((x - room / 2, x + room / 2, y))
            parts.append(f'<text class="halo" x="{px(x)}" y="{px(y)}" text-anchor="middle">{escape(text)}</text>')
    return parts


def _wrapped(text: str, wide: float, y: float) -> list[str]:
    """A sentence in two lines at most; what does not fit is cut with an ellipsis."""
    rows, row = [], ""
    for word in text.split():
        if row and width(f"{row} {word}", NORMAL) > wide:
            rows.append(row)
            row = word
        else:
            row = f"{row} {word}".strip()
    rows.append(row)
    if len(rows) > 2:
        rows = [rows[0], f"{rows[1]} …"]
    return [f'<text class="now" x="0" y="{px(y + 16 * i)}">{escape(row)}</text>' for i, row in enumerate(rows)]


def _key(series: Sequence[XmrSeries]) -> list[str]:
    """The shapes that occur, with their words, and what line and band are."""
    present = {point.point_type for one in series for point in one.points}
    parts, x = [], 5.0
    for kind, words in KINDS.items():
        if kind in present:
            # Improvement and concern come both ways.
            both = kind in ("special_cause_improvement", "special_cause_concern")
            for is_up in (True, False) if both else (True,):
                parts.append(_shape(kind, is_up, x, -4, 4.2))
                x += 13 if is_up and both else 0
            parts.append(f'<text x="{px(x + 10)}" y="0">{words}</text>')
            x += width(words, SMALL) + 34
    parts.append(f'<rect class="band" x="{px(x - 5)}" y="-11" width="22" height="14"/>')
    parts.append(f'<path class="mean" d="M{px(x - 5)} -4h22"/>')
    parts.append(f'<text x="{px(x + 23)}" y="0">mean and process limits</text>')
    return parts
