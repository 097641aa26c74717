"""What the organisational health page says, worked out from the published tables: series, findings, sentences.
Belongs here: choosing and ordering facts. Not here: SQL (site), number formats (wording), drawing (charts)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from exports import wording

MONTHS_OF_QUARTER = re.compile(r" \([A-Z][a-z]{2}–[A-Z][a-z]{2} \d{4}\)")
MOST_CHANGES = 7  # what a reader can hold in mind (DESIGN: at most seven sentences)
MOST_POINTS = 24  # six years of quarters: as far back as a line of this width stays legible
MOST_SERVICES = 12
WIDE_PANEL = 8  # a domain of more measures than this takes the whole width, in groups
RECENT = 8  # periods looked back on when saying how often a target was met
MOST_CHARTED = 42  # three and a half years of months
SUPPRESSED = "suppressed"  # why the public edition has no value, in its column `reason`
# What a control chart says of a point, in words; the arrow follows the value.
SIGNALS = {
    "common_cause": "usual variation",
    "special_cause_concern": "worse than usual",
    "special_cause_improvement": "better than usual",
    "special_cause_neutral_high": "higher than usual",
    "special_cause_neutral_low": "lower than usual",
}
VERDICTS = {
    "too_soft": "too soft",
    "stretching": "stretching",
    "unrealistic": "unrealistic",
    "chance": "met or missed by chance",
    "insufficient_data": "too few data to say",
}
LEVELS = {"directorate": "directorates", "division": "divisions", "service": "services", "team": "teams"}
PREFERRED = ("service", "division", "directorate", "team")
WITH_TARGET = ("on_target", "within_tolerance", "off_target")
# In the past tense, because names are singular and plural ("Staff turnover", "Complaints answered in time").
PAST = {"on_target": "met", "within_tolerance": "came within tolerance of", "off_target": "missed"}
CROSSED = {
    "on_target": "onto target",
    "within_tolerance": "to within tolerance of the target",
    "off_target": "off target",
}
BEFORE = ("last quarter", "the quarter before", "the year before", "the period before")
SIGNAL_ORDER = {"special_cause_concern": 0, "special_cause_improvement": 1}
VERDICT_ORDER = {"off_target": 0, "within_tolerance": 1, "on_target": 2}


@dataclass(frozen=True)
class Point:
    """One period of a measure's series at council level. `median` is that of the neighbours, where there are any."""

    start: date
    end: date
    label: str
    value: Decimal | None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    target: Decimal | None = None
    status: str = "no_target"
    is_provisional: bool = False
    median: Decimal | None = None
    mean: Decimal | None = None
    lower_limit: Decimal | None = None
    upper_limit: Decimal | None = None
    process_group: int = 1
    point_type: str = ""
    is_upward: bool = False

    @property
    def short(self) -> str:
        """The period in few letters: 'Q2 2026/27', 'Jan 2026', '2024/25'."""
        return wording.short_period(self.label, self.start, self.end)

    @property
    def status_word(self) -> str:
        """'on target', 'within tolerance' or 'off target'; '' where there was no target or no value."""
        return wording.STATUS[self.status] if self.status in WITH_TARGET else ""


@dataclass(frozen=True)
class Measure:
    """A measure's row of the report with its series, and the words for them."""

    row: Mapping[str, Any]
    points: tuple[Point, ...]
    group: str
    reporting_label: str
    own_area: str
    unit_levels: frozenset[str]
    process: tuple[Point, ...] = ()
    verdict: str = ""  # what its target is worth, a key of VERDICTS
    evidence: str = ""

    @property
    def verdict_words(self) -> str:
        return VERDICTS.get(self.verdict, "")

    @property
    def charted(self) -> tuple[Point, ...]:
        """What the chart draws: the measure's own process with its limits where it has any, else its series."""
        return self.process[-MOST_CHARTED:] if self.has_limits else self.points

    @property
    def has_limits(self) -> bool:
        return any(point.upper_limit is not None for point in self.process[-MOST_CHARTED:])

    @property
    def variation(self) -> str:
        """What its control chart says of the newest point, a key of SIGNALS; '' where there is nothing to go by."""
        found = str(self.row["variation"] or "") if self.is_reported else ""
        return found if found in SIGNALS else ""

    @property
    def is_signal(self) -> bool:
        return self.variation.startswith("special_cause")

    @property
    def signal(self) -> str:
        """'▲ worse than usual since Oct 2025': a shape, a word and since when; '' where there is nothing to go by."""
        if not self.variation:
            return ""
        since = self.row["signal_since"]
        lasting = self.is_signal and self.process and since < self.process[-1].start
        when = f" since {wording.month(since)}" if lasting else ""
        return f"{self.shape} {SIGNALS[self.variation]}{when}"

    @property
    def shape(self) -> str:
        """▲ or ▼ for a real change (the way of the value), ◆ where neither way is better, ● for usual variation."""
        if self.variation in ("special_cause_improvement", "special_cause_concern"):
            if self.process:
                return "▲" if self.process[-1].is_upward else "▼"
            if self.row["polarity"] in ("higher", "lower"):  # no chart is published: good and bad tell the way
                return "▲" if is_upward({**self.row, "point_type": self.variation}) else "▼"
        return "◆" if self.is_signal else "●"

    @property
    def id(self) -> str:
        return str(self.row["measure_id"])

    @property
    def name(self) -> str:
        return str(self.row["measure_name"])

    @property
    def unit(self) -> str:
        return str(self.row["value_unit"])

    @property
    def places(self) -> int:
        return int(self.row["decimal_places"])

    @property
    def signed(self) -> bool:
        """Whether the side of zero is the point of the measure, so that a plus is shown too."""
        return self.row["polarity"] == "toward_zero"

    @property
    def is_reported(self) -> bool:
        return bool(self.row["is_reported"]) and self.row["value"] is not None

    @property
    def is_hidden(self) -> bool:
        """Whether there is a figure that the public may not see."""
        return self.row.get("reason") == SUPPRESSED

    @property
    def absence(self) -> str:
        """What stands where a figure would."""
        return "hidden" if self.is_hidden else "not reported"

    @property
    def is_yearly(self) -> bool:
        return (self.row["period_end"] - self.row["period_start"]).days > 100

    @property
    def has_target(self) -> bool:
        return self.is_reported and self.row["status"] in WITH_TARGET

    @property
    def status(self) -> str:
        return str(self.row["status"]) if self.is_reported else "not_reported"

    @property
    def status_word(self) -> str:
        return wording.STATUS.get(self.status, "")

    @property
    def value(self) -> str:
        """The value, or the cases themselves where they are few: '95.2%', '3 of 11'."""
        if not self.is_reported:
            return self.absence
        if self.is_small:
            return f"{wording.quantity(self.row['numerator'])} of {wording.quantity(self.row['denominator'])}"
        return self.figure(self.row["value"])

    @property
    def value_in_words(self) -> str:
        """The value with its unit for running text: '11.4 days per FTE', '3 of 11'."""
        if self.is_small:
            return self.value
        return wording.figure_with_unit(self.row["value"], self.unit, self.places, signed=self.signed)

    @property
    def unit_words(self) -> str:
        return wording.UNITS.get(self.unit, "")

    @property
    def target(self) -> str:
        return self.target_figure(self.row["target"]) if self.row["target"] is not None else ""

    @property
    def basis(self) -> str:
        """The numbers behind the value: '31 of 78 actions that fell due'; for few, with the percentage they make.

        A published value without a denominator says what it is instead: 'rate published per 10,000 aged 10–17'.
        """
        if not self.is_reported:
            return ""
        row = self.row
        if row["denominator"] is None:
            return str(row["numerator_label"] or self.unit_words).replace(" (£)", "")
        said = wording.basis(
            row["numerator"], row["denominator"], self.unit, row["numerator_label"] or "", row["denominator_label"]
        )
        return f"{said}, {self.figure(row['value'])}" if said and self.is_small else said

    @property
    def is_small(self) -> bool:
        """Whether the value is shown as its few cases rather than as a percentage."""
        return wording.is_small(self.row["denominator"], self.unit) and self.row["numerator"] is not None

    @property
    def period(self) -> str:
        """The value's own period where it is not the reporting period, else ''."""
        row = self.row
        if not self.is_reported or row["period_label"] == self.reporting_label:
            return ""
        return wording.short_period(str(row["period_label"]), row["period_start"], row["period_end"])

    @property
    def is_provisional(self) -> bool:
        return self.is_reported and any(point.is_provisional for point in self.points[-1:])

    @property
    def change(self) -> str:
        """'Worse than last quarter (↑ 0.6 points) and a year ago (↑ 1.3)': arrows follow the value, words judge."""
        moves = [(self.before, self._move(self.row["previous_value"], str(self.row["direction_of_travel"])))]
        if not self.is_yearly:  # for yearly measures the period before is a year ago
            year = "a year before" if self.period else "a year ago"
            moves.append((year, self._move(self.row["year_ago_value"], None)))
        found = [(since, *move) for since, move in moves if move is not None]
        if not found:
            return ""
        (since, word, size), *rest = found
        said = f"{_AGAINST[word]} {since}{f' ({size})' if size else ''}"
        for since, next_word, size in rest:
            shorter = size.removesuffix(" points").removesuffix(" point")
            link = " and" if next_word == word else f", {_AGAINST[next_word]}"
            said += f"{link} {since}{f' ({shorter})' if size else ''}"
        return wording.capital(said)

    @property
    def before(self) -> str:
        """The period of the previous value: 'last quarter', 'the year before', or its name after a gap."""
        days = (self.row["period_end"] - self.row["period_start"]).days
        gap = (self.points[-1].start - self.points[-2].start).days if len(self.points) > 1 else days
        if gap > 1.5 * max(days, 91):
            return self.points[-2].short
        if self.is_yearly:
            return "the year before"
        if days < 80:
            return self.points[-2].short if len(self.points) > 1 else "the period before"
        return "the quarter before" if self.period else "last quarter"

    @property
    def comparison(self) -> str:
        """'Sampleton 47.1, median of 15 neighbours 43.0, better'."""
        if not self.is_reported or not self.row["comparator_count"] or self.row["comparator_median"] is None:
            return ""
        count = wording.count(int(self.row["comparator_count"]), "neighbour")
        own, median = self.figure(self.row["value"]), self.figure(self.row["comparator_median"])
        words = f"{self.own_area} {own}, median of {count} {median}"
        verdict = self.against_median
        return f"{words}: {verdict}" if verdict in ("better", "worse") else words

    @property
    def against_median(self) -> str:
        """'better', 'worse', 'equal', or '' where there is nothing to compare or neither side is better."""
        median = self.row["comparator_median"]
        if not self.is_reported or median is None:
            return ""
        return direction_between(self.row["value"], median, self.row["polarity"], self.places)

    @cached_property
    def record(self) -> tuple[int, int]:
        """(periods that met the target, periods that had one) among the last eight."""
        recent = [point for point in self.points if point.status in WITH_TARGET][-RECENT:]
        return sum(point.status == "on_target" for point in recent), len(recent)

    @property
    def record_words(self) -> str:
        met, periods = self.record
        return f"{met} of {periods}" if periods else ""

    @property
    def units_words(self) -> str:
        """'nine of 27 services off target; furthest: Adult social care, 14.1'."""
        row = self.row
        if not self.is_reported or not row["units_with_target"]:
            return ""
        who = wording.joined([LEVELS[level] for level in LEVELS if level in self.unit_levels]) or "units"
        words = f"{int(row['units_off_target'] or 0)} of {int(row['units_with_target'])} {who} off target"
        if row["units_off_target"] and row["worst_unit_name"] and row["worst_unit_value"] is not None:
            worst = self.figure(row["worst_unit_value"])
            if wording.is_small(row["worst_unit_denominator"], self.unit) and row["worst_unit_numerator"] is not None:
                numbers = row["worst_unit_numerator"], row["worst_unit_denominator"]
                worst = " of ".join(wording.quantity(number) for number in numbers)
            words += f"; furthest: {row['worst_unit_name']}, {worst}"
        return words

    @property
    def sentence(self) -> str:
        """What its control chart says, with the measure's name; the months of a quarter stand at the page's head."""
        return MONTHS_OF_QUARTER.sub("", str(self.row["sentence"] or ""))

    @property
    def finding(self) -> str:
        """One or two sentences that state what the lead chart shows."""
        if not self.is_reported:
            return (
                f"{self.name}: hidden, so that nobody can be found."
                if self.is_hidden
                else f"{self.name}: not reported."
            )
        if self.variation and self.row["sentence"]:
            return self.sentence
        when = f" in {self.period}" if self.period else ""
        when += " (provisional)" if self.is_provisional else ""
        if self.status in PAST:
            first = f"{self.name} {PAST[self.status]} the target of {self.target}, at {self.value_in_words}{when}."
        elif self.comparison:
            first = f"{self.name}: {self.comparison}{when}."
        else:
            first = f"{self.name}: {self.value_in_words}{when}."
        return f"{first} {self.record_sentence}".rstrip()

    @property
    def record_sentence(self) -> str:
        """'The target was met in 2 of the last 8 quarters.'"""
        met, periods = self.record
        if periods < 2:
            return ""
        span = f"the last {wording.in_words(periods)} {'years' if self.is_yearly else 'quarters'}"
        if met == periods:
            return f"It was met in each of {span}."
        return f"It was met in {wording.in_words(met) if met else 'none'} of {span}."

    @property
    def part_labels(self) -> list[str]:
        """Headings for the numbers behind a value: one for a share ('31 of 78'), two otherwise."""
        top, bottom = str(self.row["numerator_label"] or ""), str(self.row["denominator_label"] or "")
        labels = [f"{top}, of {bottom}"] if self.unit == "percent" else [top, bottom]
        return [wording.capital(label.replace(" (£)", "")) for label in labels]

    def parts(self, point: Point) -> list[str]:
        """The numbers behind a point's value, one text per heading."""
        labels = self.row["numerator_label"], self.row["denominator_label"]
        numbers = point.numerator, point.denominator
        texts = ["" if n is None else wording.part(n, label) for n, label in zip(numbers, labels, strict=True)]
        return [" of ".join(filter(None, texts))] if self.unit == "percent" else texts

    def figure(self, value: Decimal) -> str:
        """A value of this measure as it stands on its own."""
        return wording.figure(value, self.unit, self.places, signed=self.signed)

    def target_figure(self, target: Decimal) -> str:
        """A target as it is written: '85%'; '±0.5%' where distance from zero is what counts."""
        if self.signed and target:
            return f"±{wording.brief(abs(target), self.unit, self.places)}"
        return self.brief(target)

    def brief(self, value: Decimal) -> str:
        """The same without needless decimals, for targets and axes."""
        return wording.brief(value, self.unit, self.places, signed=self.signed)

    def sentence_of_change(self) -> str:
        """What moved, after the measure's name: 'now misses its target: 82.1% against 85.0%, from 86.2%'."""
        row, before = self.row, self.figure(self.row["previous_value"])
        was, now = self.status_before, self.status
        since = self.before if self.before in BEFORE else f"in {self.before}"
        when = f" in {self.period}" if self.period else ""
        when += " (provisional)" if self.is_provisional else ""
        if was in WITH_TARGET and now in WITH_TARGET and was != now:
            moved = f"moved {CROSSED[now]}{when}"
            return f"{moved}: {self.figure(row['value'])} against {self.target}, from {before} {since}"
        verb = "rose" if row["value"] > row["previous_value"] else "fell"
        meaning = {"better": ", which is better", "worse": ", which is worse"}.get(str(row["direction_of_travel"]), "")
        return f"{verb} to {self.figure(row['value'])}{when} from {before} {since}{meaning}"

    @property
    def status_before(self) -> str:
        return self.points[-2].status if len(self.points) > 1 else "no_target"

    @property
    def has_moved(self) -> bool:
        row = self.row
        return (
            self.is_reported
            and row["previous_value"] is not None
            and wording.is_visible(row["value"] - row["previous_value"], self.places)
        )

    @property
    def weight_of_change(self) -> tuple[bool, bool, bool, Decimal]:
        """Sorts changes: this quarter's first, then a new target status, better or worse, and relative size."""
        row = self.row
        crossed = self.status_before in WITH_TARGET and self.has_target and self.status_before != self.status
        size = abs(row["value"] - row["previous_value"]) / (abs(row["previous_value"]) or Decimal(1))
        return not self.is_yearly, crossed, row["direction_of_travel"] in ("better", "worse"), size

    def _move(self, previous: Decimal | None, direction: str | None) -> tuple[str, str] | None:
        """What became of a value since an earlier one: ('worse', '↑ 0.6 points'); None if there is none."""
        if not self.is_reported or previous is None:
            return None
        change = self.row["value"] - previous
        if not wording.is_visible(change, self.places):
            return "equal", ""
        if direction is None:
            direction = direction_between(self.row["value"], previous, self.row["polarity"], self.places)
        if direction not in ("better", "worse"):
            direction = "higher" if change > 0 else "lower"
        return direction, f"{'↑' if change > 0 else '↓'}\u00a0{wording.difference(change, self.unit, self.places)}"


# How a value stands to an earlier one, in running text.
_AGAINST = {
    "better": "better than",
    "worse": "worse than",
    "higher": "higher than",
    "lower": "lower than",
    "equal": "the same as",
}


@dataclass(frozen=True)
class Panel:
    """A domain: its coverage, its leading measure and the others, in groups when there are many."""

    domain: str
    name: str
    measures: tuple[Measure, ...]

    @property
    def reported(self) -> int:
        return sum(measure.is_reported or measure.is_hidden for measure in self.measures)

    @property
    def coverage(self) -> str:
        return f"{self.reported} of {len(self.measures)} reported"

    @property
    def is_wide(self) -> bool:
        return len(self.measures) > WIDE_PANEL

    @cached_property
    def lead(self) -> Measure | None:
        """The first measure, in the framework's order, whose series is long enough to draw: one that has got worse if
        there is any."""
        drawn = [measure for measure in self.measures if measure.is_reported and len(measure.charted) > 2]
        if self.is_wide and not any(measure.is_signal for measure in drawn):
            return None
        return min(drawn, key=lambda measure: SIGNAL_ORDER.get(measure.variation, len(SIGNAL_ORDER)), default=None)

    @property
    def groups(self) -> list[tuple[str, list[Measure]]]:
        """The measures besides the lead: by outcome in a wide panel, else as one list without a heading."""
        others = [measure for measure in self.measures if measure is not self.lead]
        if not self.is_wide:
            return [("", others)] if others else []
        groups: dict[str, list[Measure]] = {}
        for measure in others:
            groups.setdefault(measure.group, []).append(measure)
        return list(groups.items())

    @property
    def finding(self) -> str:
        """The panel's sentence: the lead's finding, or how the domain stands as a whole."""
        if not self.reported:
            return "Nothing was reported for this period."
        if self.lead is not None:
            return self.lead.finding
        return " ".join(filter(None, [_targets_sentence(self.measures), _neighbours_sentence(self.measures)]))


@dataclass(frozen=True)
class Cell:
    """One unit in one domain: measures worse than usual, and others off target."""

    concerns: int
    lasting: int
    off_target: int
    evidence: str

    @property
    def words(self) -> str:
        """For those who do not see the shapes: 'two worse than usual, one off target'."""
        parts = [(self.concerns, "worse than usual"), (self.off_target, "off target")]
        return ", ".join(f"{wording.in_words(number)} {what}" for number, what in parts if number) or "none"


@dataclass(frozen=True)
class HotSpot:
    """One organisational unit and its cells by domain, as far as it has measures there."""

    unit_id: str
    unit: str
    cells: Mapping[str, Cell]

    @property
    def concerned(self) -> int:
        """Domains with a concern that lasts."""
        return sum(cell.lasting > 0 for cell in self.cells.values())

    @property
    def missed(self) -> int:
        return sum(cell.off_target > 0 for cell in self.cells.values())


@dataclass(frozen=True)
class HotSpots:
    """Where concerns meet: units with at least one, worst first, and how many have none."""

    level: str
    domains: tuple[tuple[str, str], ...]
    rows: tuple[HotSpot, ...]
    without: int
    left_out: int

    @property
    def heading(self) -> str:
        """The level as a column's heading: 'Service'."""
        return self.level.removesuffix("s").capitalize()

    @property
    def headline(self) -> str:
        """'Adult social care is worse than usual in four domains at once.': named while they are few; '' without."""
        for counts, what in (
            ([row.concerned for row in self.rows], "worse than usual"),
            ([row.missed for row in self.rows], "off target"),
        ):
            most = max(counts, default=0)
            if most < 2:
                continue
            worst = [row.unit for row, count in zip(self.rows, counts, strict=True) if count == most]
            said = f"{what} in {wording.count(most, 'domain')} at once"
            if len(worst) == 1:
                return f"{worst[0]} is {said}."
            who = wording.count(len(worst), self.level[:-1])
            names = f": {'; '.join(worst)}" if len(worst) < 4 else ""  # names hold commas and "and" themselves
            return f"{wording.capital(who)} are {said}{names}."
        return ""

    @property
    def explanation(self) -> str:
        """What the cells count, and who is not shown."""
        one = self.level[:-1]
        if not self.rows:
            return f"No {one} is worse than usual or off target in anything."
        said = ["▲ measures worse than usual, ○ others off target."]
        if self.left_out:
            said.append(f"The {len(self.rows)} with most are shown; {wording.in_words(self.left_out)} more have some.")
        if self.without:
            said.append(f"{wording.count(self.without, one)} {'has' if self.without == 1 else 'have'} none.")
        return " ".join(wording.capital(text) for text in said)


@dataclass(frozen=True)
class Trust:
    """How far to trust the figures: sentences, and what is missing or warned about."""

    sentences: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """The page's content below its title, from rows already filtered to the audience's columns."""

    panels: tuple[Panel, ...]
    hotspots: HotSpots | None
    own_area: str
    trust: Trust = field(default=Trust((), ()))
    clinics: tuple[Mapping[str, Any], ...] = ()

    @property
    def narrow(self) -> list[Panel]:
        """Domains of few measures: they open the page."""
        return [panel for panel in self.panels if not panel.is_wide]

    @property
    def wide(self) -> list[Panel]:
        """Domains of many: they follow what changed, or nobody would get there."""
        return [panel for panel in self.panels if panel.is_wide]

    @property
    def measures(self) -> list[Measure]:
        return [measure for panel in self.panels for measure in panel.measures]

    @property
    def coverage(self) -> str:
        return f"{sum(panel.reported for panel in self.panels)} of {len(self.measures)} measures reported"

    @property
    def headline(self) -> str:
        """One or two sentences: what has really changed or else how targets stand, how neighbours compare, where
        concerns meet."""
        changed = _signals_sentence(self.measures)
        parts = [changed or _targets_sentence(self.measures)]
        if not changed or not self.hotspots:
            parts.append(_neighbours_sentence(self.measures, self.own_area))
        if self.hotspots:
            parts.append(self.hotspots.headline)
        said = " ".join(filter(None, parts))
        return said or f"{wording.capital(self.coverage)}; none has a target or a neighbour to compare with."

    @property
    def has_medians(self) -> bool:
        return any(point.median is not None for measure in self.measures for point in measure.points)

    @property
    def has_provisional(self) -> bool:
        return any(point.is_provisional for measure in self.measures for point in measure.points)

    @property
    def without_target_words(self) -> str:
        """'Four reported measures have none.'"""
        number = sum(measure.is_reported and not measure.has_target for measure in self.measures)
        words = f"{wording.count(number, 'reported measure')} {'has' if number == 1 else 'have'} none"
        return wording.sentence(words) if number else ""

    @property
    def has_limits(self) -> bool:
        return any(measure.has_limits for measure in self.measures)

    @property
    def signals(self) -> list[Measure]:
        """Measures that have really changed: for the worse, for the better, neither; the newest change first."""
        found = [measure for measure in self.measures if measure.is_signal]
        newest = sorted(found, key=lambda measure: measure.row["signal_since"], reverse=True)
        return sorted(newest, key=lambda measure: SIGNAL_ORDER.get(measure.variation, len(SIGNAL_ORDER)))

    @property
    def changes(self) -> list[Measure]:
        """What moved without limits to judge it by."""
        moved = [measure for measure in self.measures if measure.has_moved and not measure.variation]
        return sorted(moved, key=lambda measure: measure.weight_of_change, reverse=True)[:MOST_CHANGES]

    @property
    def targets(self) -> list[Measure]:
        """Measures with a target, missed first, then in the page's order."""
        with_target = [measure for measure in self.measures if measure.has_target]
        return sorted(with_target, key=lambda measure: VERDICT_ORDER[measure.status])

    @property
    def verdicts(self) -> str:
        """'What they are worth: two are too soft, five stretching and one too few data to say.'; '' if not known."""
        counts = Counter(measure.verdict for measure in self.targets if measure.verdict)
        parts = [f"{wording.in_words(counts[key])} {words}" for key, words in VERDICTS.items() if counts[key]]
        return wording.sentence(f"What they are worth: {wording.joined(parts)}") if parts else ""

    @property
    def unreported(self) -> list[Measure]:
        return [measure for measure in self.measures if not measure.is_reported and not measure.is_hidden]


def _signals_sentence(measures: Sequence[Measure]) -> str:
    """'Most measures run as usual. Two have really got worse and five have really improved.'"""
    variations = Counter(measure.variation for measure in measures if measure.variation)
    total = sum(variations.values())
    if not total:
        return ""
    worse, better = variations["special_cause_concern"], variations["special_cause_improvement"]
    usual = variations["common_cause"]
    first = "Most measures run as usual" if usual * 2 > total else f"{usual} of {total} measures run as usual"
    if not usual:
        first = "No measure runs as usual"
    changed = [
        f"{wording.in_words(number)} {'has' if number == 1 else 'have'} really {what}"
        for number, what in ((worse, "got worse"), (better, "improved"))
        if number
    ]
    rest = wording.joined(changed) or "none has really got better or worse"
    return f"{wording.sentence(wording.capital(first))} {wording.sentence(wording.capital(rest))}"


def _targets_sentence(measures: Sequence[Measure]) -> str:
    """'Six of 14 targets are met, three are within tolerance and five are missed.'"""
    status = Counter(measure.status for measure in measures if measure.has_target)
    total = sum(status.values())
    if not total:
        return ""
    met, close, missed = (status[name] for name in ("on_target", "within_tolerance", "off_target"))
    if met == total:
        return "The one target is met." if total == 1 else f"All {wording.in_words(total)} targets are met."
    rest = []
    if close:
        rest.append(f"{wording.in_words(close)} {'is' if close == 1 else 'are'} within tolerance")
    if missed:
        rest.append(f"{wording.in_words(missed)} {'is' if missed == 1 else 'are'} missed")
    if met:
        first = f"{wording.in_words(met)} of {wording.in_words(total)} targets {'is' if met == 1 else 'are'} met"
    else:
        first = f"none of {wording.in_words(total)} targets is met" if total > 1 else "the one target is not met"
    return wording.sentence(wording.joined([first, *rest]))


def _neighbours_sentence(measures: Sequence[Measure], own_area: str = "") -> str:
    """'Sampleton does better than the median of its neighbours on 14 of 22 measures and worse on eight.'"""
    verdicts = Counter(measure.against_median for measure in measures)
    better, worse = verdicts["better"], verdicts["worse"]
    total = better + worse + verdicts["equal"]
    if not total:
        return ""
    start = (
        f"{own_area} does better than the median of its neighbours"
        if own_area
        else "Better than the neighbours’ median"
    )
    end = f" and worse on {wording.in_words(worse)}" if worse else ""
    return f"{start} on {wording.in_words(better)} of {wording.count(total, 'measure')}{end}."


def direction_between(value: Decimal, other: Decimal, polarity: str, places: int) -> str:
    """'better', 'worse' or 'equal' from the side of `value`; '' where neither side is better."""
    if polarity == "context":
        return ""
    gain = abs(other) - abs(value) if polarity == "toward_zero" else value - other
    if polarity == "lower":
        gain = -gain
    if not wording.is_visible(gain, places):
        return "equal"
    return "better" if gain > 0 else "worse"


def is_upward(row: Mapping[str, Any]) -> bool:
    """Which way a charted point's signal goes: a rising trend does even while it is below the mean."""
    mean, value = row.get("mean"), row.get("value")
    upward = {"higher": "special_cause_improvement", "lower": "special_cause_concern"}.get(str(row.get("polarity")))
    if upward and row.get("point_type") in ("special_cause_improvement", "special_cause_concern"):
        return bool(row["point_type"] == upward)
    return mean is not None and value is not None and bool(value > mean)


def hot_spots(rows: Sequence[Mapping[str, Any]]) -> HotSpots | None:
    """The matrix at the level of services or, where there are none, at the lowest level that has measures.

    Args:
        rows: those of the hot spots' feed, worst unit first.
    """
    measured = Counter(str(row["unit_level"]) for row in rows if row["measures"])
    level = next((level for level in (*PREFERRED, *LEVELS) if measured[level]), None)
    if level is None:
        return None
    units: dict[tuple[str, str], dict[str, Cell]] = {}
    domains: dict[str, str] = {}
    for row in rows:
        if row["unit_level"] == level and row["measures"]:
            domains[str(row["domain"])] = str(row["domain_name"])
            units.setdefault((str(row["unit_id"]), str(row["unit_name"])), {})[str(row["domain"])] = Cell(
                int(row["concerns"]), int(row["lasting_concerns"]), int(row["off_target"]), str(row["evidence"])
            )
    spots = [HotSpot(key, name, cells) for (key, name), cells in units.items()]
    some = [spot for spot in spots if any(cell.concerns or cell.off_target for cell in spot.cells.values())]
    order = {str(row["domain"]): row["domain_order"] for row in rows}
    return HotSpots(
        level=LEVELS[level],
        domains=tuple(sorted(domains.items(), key=lambda item: order[item[0]])),
        rows=tuple(some[:MOST_SERVICES]),
        without=len(spots) - len(some),
        left_out=max(0, len(some) - MOST_SERVICES),
    )
