"""One page per measure: what changed, whether it is real, why it may be, what is being done, whether to trust it.
Belongs here: the facts of a measure from published tables, in the order they are told. Not here: markup (templates),
what the home page finds of it (health), drawing (charts)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from markupsafe import Markup

from exports import charts, wording
from exports.health import LEVELS, SIGNALS, SUPPRESSED, VERDICTS, Measure, Point, is_upward
from exports.site.reading import Reader, Row
from exports.xmr import cause_words

WIDE, NARROW = (760.0, 380.0), (370.0, 300.0)  # the chart on a desk and on a phone, px
SPARK_POINTS = 24
CRITERIA = ("relevant", "well_defined", "timely", "reliable", "verifiable", "accurate")
NAMED_CRITERIA = {"well_defined": "well defined"}
POLARITIES = {
    "higher": "higher is better",
    "lower": "lower is better",
    "toward_zero": "nearer to zero is better",
    "context": "neither way is better",
}
FREQUENCIES = {
    "month": "monthly",
    "bimonth": "every two months",
    "quarter": "quarterly",
    "financial_year": "yearly",
    "calendar_year": "yearly",
    "academic_year": "yearly",
    "year": "yearly",
}
REASONS = {"C": "corrected", "R": "revised", "M": "method changed", "D": "late data"}
GAPS = {"not_returned": "not returned", "not_due": "not due yet"}
EFFECTS = {
    "adopt": "it moved as hoped, further than chance would explain",
    "adapt": "it moved, though not as hoped",
    "abandon": "it moved the wrong way",
    "no_difference_shown": "no difference shown",
    "insufficient_data": "too few data to say",
    "too_early": "too early to say",
}
OUTLOOKS = {"likely_met": "likely to be met", "likely_missed": "likely to be missed", "open": "open"}
HIDDEN = "hidden: too few to publish safely"


@dataclass(frozen=True)
class Reading:
    """One point of the measure's own chart with what it rests on."""

    point: Point
    special_cause: str
    target: Decimal | None
    is_suppressed: bool = False

    @property
    def cause(self) -> str:
        return cause_words(self.special_cause, self.point.is_upward)


@dataclass(frozen=True)
class Place:
    """One unit or area with its figure for the measure's period."""

    id: str
    name: str
    level: str
    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    target: Decimal | None = None
    status: str = ""
    is_provisional: bool = False
    is_suppressed: bool = False
    lower: Decimal | None = None
    upper: Decimal | None = None
    points: tuple[Point, ...] = ()

    @property
    def signal(self) -> str:
        """'▲ worse than usual', as the newest point of its own chart says; '' where there is nothing to go by."""
        if not self.points or self.points[-1].point_type not in SIGNALS:
            return ""
        last = self.points[-1]
        shape = "●"
        if charts.is_signal(last):
            shape = "◆" if "neutral" in last.point_type else "▲" if last.is_upward else "▼"
        return f"{shape} {SIGNALS[last.point_type]}"

    @property
    def variation(self) -> str:
        return self.points[-1].point_type if self.points else ""


@dataclass(frozen=True)
class MeasureSheet:
    """All that the page of one measure shows."""

    measure: Measure
    readings: tuple[Reading, ...]
    definition: Row
    target_row: Row
    narratives: tuple[Row, ...]
    interventions: tuple[Row, ...]
    links: tuple[Row, ...]
    benchmark: Row | None
    forecast: Row | None
    grades: tuple[Row, ...]
    restatements: tuple[Row, ...]
    gaps: tuple[Row, ...]
    datasets: tuple[Row, ...]
    clinic: Row | None
    units: tuple[Place, ...]
    areas: tuple[Place, ...]

    @property
    def id(self) -> str:
        return self.measure.id

    @property
    def name(self) -> str:
        return self.measure.name

    @property
    def outcome_id(self) -> str:
        return str(self.definition.get("outcome_id") or "")

    @property
    def outcome_name(self) -> str:
        return str(self.definition.get("outcome_name") or self.measure.group)

    @property
    def has_chart(self) -> bool:
        return any(reading.point.value is not None for reading in self.readings)

    @property
    def wording_of_signal(self) -> str:
        """What stands behind the name in the title: 'worse than usual since Oct 2025', 'usual variation'."""
        measure = self.measure
        if not measure.is_reported:
            return measure.absence
        return measure.signal[2:] if measure.signal else ""

    @property
    def kind(self) -> str:
        """'CO02 · strategic · monthly · higher is better'."""
        row = self.definition
        parts = [
            self.id,
            str(row.get("measure_type") or ""),
            FREQUENCIES.get(str(row.get("frequency") or ""), ""),
            POLARITIES.get(str(self.measure.row["polarity"]), ""),
        ]
        return " · ".join(filter(None, parts))

    @property
    def standing(self) -> str:
        """What the figure rests on: 'Q2 2026/27: 1,757 of 2,073 complaints due.'"""
        measure = self.measure
        if not measure.is_reported:
            return ""
        row = measure.row
        period = wording.short_period(str(row["period_label"]), row["period_start"], row["period_end"])
        said = f"{period}: {measure.basis if row['denominator'] is not None else measure.value_in_words}"
        return wording.sentence(said + (" (provisional)" if measure.is_provisional else ""))

    @property
    def against_target(self) -> str:
        """'Off target: 84.8% against 85%.'"""
        measure = self.measure
        if not measure.has_target:
            return ""
        return wording.sentence(f"{measure.status_word}: {measure.value} against {measure.target}")

    @property
    def limits_words(self) -> str:
        """'Usual range 80.0% to 88.2%, mean 84.1%, from 7 points (provisional).'; why there is none."""
        last = self.readings[-1].point if self.readings else None
        if last is None:
            return "There is no control chart: the series is too short, or nothing was reported."
        if any(reading.is_suppressed for reading in self.readings):
            return "Limits are not shown, because a figure that they rest on is hidden."
        if last.lower_limit is None or last.upper_limit is None or last.mean is None:
            return "Too few figures for limits: whether a change is real cannot be said yet."
        figure = self.measure.figure
        alike = sum(reading.point.process_group == last.process_group for reading in self.readings)
        said = f"Usual range {figure(last.lower_limit)} to {figure(last.upper_limit)}, mean {figure(last.mean)}"
        return f"{said}, from {alike} {'figure' if alike == 1 else 'figures'} under the same process."

    @property
    def causes(self) -> list[str]:
        """The signals of the newest stretch, in words, the newest first; each with its period."""
        found = []
        for reading in reversed(self.readings):
            if not reading.cause:
                break
            found.append(f"{reading.point.short}: {reading.cause}")
        return found

    @property
    def verdict(self) -> str:
        return VERDICTS.get(self.measure.verdict, "")

    @property
    def neighbours(self) -> str:
        """'Fifth of 11; median of 10 neighbours 74.8%; the best fifth …'; '' where nothing can be compared."""
        row = self.benchmark
        if row is None or row["median_value"] is None or row["value"] is None:
            return ""
        figure = self.measure.figure
        said = f"{figure(row['value'])} in {row['period_label']}; median of {int(row['neighbours'])} neighbours "
        said += figure(row["median_value"])
        if row["rank"] is not None:
            said += f"; rank {int(row['rank'])} of {int(row['neighbours']) + 1}"
        if row["best_value"] is not None and row["best_area_name"]:
            said += f"; best: {row['best_area_name']}, {figure(row['best_value'])}"
        return wording.sentence(said)

    @property
    def outlook(self) -> str:
        """'80.7% by the end of 2026/27 (80 % interval 78.5% to 82.8%): likely to be missed.'"""
        row = self.forecast
        if row is None or row["projection"] is None:
            return ""
        figure = self.measure.figure
        said = f"{figure(row['projection'])} for {row['year_label']}"
        if row["projection_lower"] is not None and row["projection_upper"] is not None:
            said += f" (80\u00a0% interval {figure(row['projection_lower'])} to {figure(row['projection_upper'])})"
        if row["outlook"] in OUTLOOKS:
            said += f"; target {OUTLOOKS[str(row['outlook'])]}"
        return wording.sentence(said)

    @cached_property
    def top_units(self) -> list[Place]:
        """The highest level of units that differ: directorates, or what there is, furthest from target first."""
        for level in LEVELS:
            found = [unit for unit in self.units if unit.level == level]
            if found:
                return found
        return []

    @property
    def other_units(self) -> list[Place]:
        top = self.top_units
        return [unit for unit in self.units if unit not in top]

    @property
    def next_steps(self) -> list[Row]:
        """Narratives that say what comes next."""
        return [row for row in self.narratives if row["next_steps"]]

    @property
    def is_acted_on(self) -> bool:
        return bool(self.interventions or self.clinic or self.next_steps)

    @property
    def events(self) -> list[tuple[date, str]]:
        """Interventions of the measure for the chart."""
        return [(row["starts_on"], str(row["title"])) for row in self.interventions if row["starts_on"]]

    @property
    def trace(self) -> str:
        """The command that leads from the figure to its rows."""
        code = self.measure.row.get("period_code")
        return f"vitals trace {self.id} {code}" if code else f"vitals trace {self.id}"

    @property
    def points(self) -> list[Point]:
        return [reading.point for reading in self.readings]

    def chart(self, size: tuple[float, float]) -> Markup:
        """The static picture."""
        measure = self.measure
        drawn = charts.line_chart(
            self.points,
            measure.figure,
            measure.brief,
            f"{measure.name}. {measure.finding} The figures are in the table below.",
            write_target=measure.target_figure,
            around_zero=measure.signed,
            size=size,
            events=self.events,
        )
        return Markup(drawn)  # drawn by us, its text escaped there

    @property
    def spark(self) -> Markup:
        return Markup(charts.sparkline(self.points[-SPARK_POINTS:], around_zero=self.measure.signed))

    def figures_of(self, place: Place) -> str:
        """The value of a unit or area, or why it is not shown."""
        if place.is_suppressed:
            return HIDDEN
        if place.value is None:
            return "no value"
        if wording.is_small(place.denominator, self.measure.unit) and place.numerator is not None:
            return f"{wording.quantity(place.numerator)} of {wording.quantity(place.denominator or 0)}"
        return self.measure.figure(place.value)

    def basis_of(self, place: Place | Point) -> str:
        """'356 of 437'; '' where there is no denominator."""
        if place.numerator is None or place.denominator is None:
            return ""
        labels = self.measure.row["numerator_label"], self.measure.row["denominator_label"]
        top, bottom = wording.part(place.numerator, labels[0]), wording.part(place.denominator, labels[1])
        return f"{top} of {bottom}" if self.measure.unit == "percent" else f"{top}; {bottom}"

    def parts_in_words(self, place: Place | Point) -> str:
        """'356 of 437 complaints due', '7,147 working days; 532 requests'; '' where there is no denominator."""
        row = self.measure.row
        top, bottom = str(row["numerator_label"] or ""), row["denominator_label"]
        return wording.basis(place.numerator, place.denominator, self.measure.unit, top, bottom)

    @property
    def data(self) -> str:
        """The chart's data as JSON for the script: numbers to draw and words to say. Safe inside a script element."""
        measure = self.measure
        points = []
        for reading in self.readings:
            point = reading.point
            if point.value is None:
                continue
            said = [measure.figure(point.value)]
            said.append(self.parts_in_words(point))
            if charts.is_signal(point):
                said.append(
                    f"{SIGNALS[point.point_type]}: {reading.cause}" if reading.cause else SIGNALS[point.point_type]
                )
            elif point.point_type == "common_cause":
                said.append("usual variation")
            if point.is_provisional:
                said.append("provisional")
            points.append(
                {
                    "day": point.start.isoformat(),
                    "period": point.short,
                    "value": float(point.value),
                    "mean": _number(point.mean),
                    "lower": _number(point.lower_limit),
                    "upper": _number(point.upper_limit),
                    "target": _number(reading.target),
                    "group": point.process_group,
                    "kind": _kind(point),
                    "up": point.is_upward,
                    "hollow": point.is_provisional,
                    "said": [text for text in said if text],
                }
            )
        content = {
            "name": measure.name,
            "percent": measure.unit == "percent",
            "pounds": measure.unit in ("gbp", "gbp_per_head"),
            "target": measure.target,
            "points": points,
            "events": [{"day": day.isoformat(), "name": name} for day, name in self.events],
        }
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return Markup(text.replace("<", "\\u003c"))


def read_sheets(reader: Reader, measures: Sequence[Measure]) -> list[MeasureSheet]:
    """What the pages of these measures show; one query per table, not per measure."""
    definitions = reader.by_measure("feed_measures", DEFINITION)
    targets = reader.by_measure("feed_targets", TARGET, "unit_level = 'council'")
    narratives = reader.by_measure(
        "feed_narratives",
        NARRATIVE,
        "is_newest and narrative is not null",
        "quarter_start desc, written_date desc, unit_id",
    )
    interventions = reader.by_measure("feed_interventions", INTERVENTION, order_by="starts_on, title, unit_name")
    links = _links(reader)
    benchmarks = reader.by_measure("feed_benchmark", BENCHMARK, "is_newest", "period_end desc, neighbour_set")
    forecasts = reader.by_measure("feed_forecast", FORECAST, "unit_level = 'council'", "year_end desc, unit_id")
    grades = reader.by_measure("feed_data_quality", ("criterion", "grade", "fact"))
    restatements = reader.by_measure("feed_restatements", RESTATEMENT, order_by="period_start desc, published_on desc")
    gaps = reader.by_measure("feed_measure_gaps", GAP, order_by="period_start desc, unit_name")
    datasets = _datasets(reader)
    clinics = reader.by_measure("feed_clinics", CLINIC)
    readings = _readings(reader)
    sparks = _unit_points(reader)
    units = _units(reader, measures, sparks)
    areas = _areas(reader, measures)
    sheets = []
    for measure in measures:
        key = measure.id
        order = {name: place for place, name in enumerate(CRITERIA)}
        sheets.append(
            MeasureSheet(
                measure=measure,
                readings=_own_readings(measure, readings.get(key, [])),
                definition=_first(definitions, key) or dict.fromkeys(DEFINITION),
                target_row=_first(targets, key) or dict.fromkeys(TARGET),
                narratives=_newest(narratives.get(key, ())),
                interventions=tuple(interventions.get(key, ())),
                links=tuple(links.get(key, ())),
                benchmark=_first(benchmarks, key),
                forecast=_first(forecasts, key),
                grades=tuple(sorted(grades.get(key, ()), key=lambda row: order.get(str(row["criterion"]), 9))),
                restatements=tuple(restatements.get(key, ())),
                gaps=tuple(gaps.get(key, ())),
                datasets=tuple(datasets.get(key, ())),
                clinic=_first(clinics, key),
                units=tuple(units.get(key, ())),
                areas=tuple(areas.get(key, ())),
            )
        )
    return sheets


DEFINITION = (
    "measure_description", "measure_type", "frequency", "accumulation", "owner", "portfolio_id", "portfolio_name",
    "source_label", "computed_by", "supersedes", "valid_from", "outcome_id", "outcome_name", "numerator_label",
    "denominator_label", "datasets",
)  # fmt: skip
TARGET = ("unit_level", "target", "tolerance", "valid_from", "verdict", "evidence", "periods_met", "periods_judged")
NARRATIVE = ("is_newest", "unit_id", "unit_name", "quarter_start", "narrative", "next_steps", "author", "written_date")
INTERVENTION = (
    "title", "unit_name", "status", "starts_on", "ends_on", "hypothesis", "owner", "verdict", "evidence",
)  # fmt: skip
LINK = ("driver_measure_id", "driver_name", "response_measure_id", "response_name", "is_found", "sentence")
BENCHMARK = (
    "is_newest",
    "neighbour_set", "period_label", "period_end", "value", "neighbours", "median_value", "rank", "best_area_name",
    "best_value",
)  # fmt: skip
FORECAST = (
    "year_label",
    "year_end",
    "unit_id",
    "unit_level",
    "projection",
    "projection_lower",
    "projection_upper",
    "outlook",
)
RESTATEMENT = (
    "period_start",
    "period_label", "published_in", "published_on", "published_value", "current_value", "was_provisional",
    "reason_code", "explanation", "is_unexplained", "unit_name",
)  # fmt: skip
GAP = ("unit_name", "period_label", "period_start", "missing_reason")
CLINIC = ("outcome_id", "outcome_name", "reasons", "next_question", "activities", "interventions", "next_steps")
PROCESS = (
    "period_start", "period_end", "period_label", "basis", "value", "is_provisional", "process_group", "mean",
    "lower_limit", "upper_limit", "special_cause", "point_type", "target", "polarity",
    "reason",
)  # fmt: skip


def _first(rows: Mapping[str, Sequence[Row]], key: str) -> Row | None:
    found = rows.get(key)
    return found[0] if found else None


def _newest(narratives: Sequence[Row]) -> tuple[Row, ...]:
    """Those of the newest quarter that has any: one per unit."""
    return tuple(row for row in narratives if row["quarter_start"] == narratives[0]["quarter_start"])


def _links(reader: Reader) -> dict[str, list[Row]]:
    """Declared links under both of their measures, those found first; each pair once for the whole."""
    found: dict[str, list[Row]] = {}
    for row in reader.rows("feed_links", LINK, order_by="is_found desc, driver_name, response_name, sentence"):
        for one, other in (("driver", "response"), ("response", "driver")):
            entry = {
                "other_id": row[f"{other}_measure_id"],
                "other_name": row[f"{other}_name"],
                "is_found": row["is_found"],
                "sentence": row["sentence"],
            }
            listed = found.setdefault(str(row[f"{one}_measure_id"]), [])
            if not any(known["other_id"] == entry["other_id"] for known in listed):
                listed.append(entry)
    return found


def _datasets(reader: Reader) -> dict[str, list[Row]]:
    """The data sets that each measure is computed from, with their rows."""
    known = {
        f"{row['system']}/{row['dataset']}": row
        for row in reader.rows(
            "feed_datasets", ("system", "dataset", "owner", "row_count", "rejected_count", "last_extracted_on")
        )
    }
    found: dict[str, list[Row]] = {}
    for row in reader.rows("feed_measures", ("measure_id", "datasets")):
        names = [name.strip() for name in str(row["datasets"] or "").split(",") if name.strip()]
        found[str(row["measure_id"])] = [{"name": name, **known.get(name, {})} for name in names]
    return found


def _point(row: Row, numbers: Mapping[Any, Row]) -> Reading:
    parts = numbers.get((row["measure_id"], row["basis"], row["period_start"], row["period_end"]), {})
    return Reading(
        Point(
            start=row["period_start"],
            end=row["period_end"],
            label=str(row["period_label"]),
            value=row["value"],
            numerator=parts.get("numerator"),
            denominator=parts.get("denominator"),
            target=row["target"],
            is_provisional=bool(row["is_provisional"]),
            mean=row["mean"],
            lower_limit=row["lower_limit"],
            upper_limit=row["upper_limit"],
            process_group=int(row["process_group"] or 1),
            point_type=str(row["point_type"] or ""),
            is_upward=is_upward(row),
        ),
        str(row["special_cause"] or ""),
        row["target"],
        is_suppressed=row["reason"] == SUPPRESSED,
    )


def _readings(reader: Reader) -> dict[str, list[Reading]]:
    """Each measure's own chart for the whole council, in order of time."""
    whole = "unit_level = 'council' and area_id = ''"
    numbers = {
        (row["measure_id"], row["basis"], row["period_start"], row["period_end"]): row
        for row in reader.rows(
            "feed_measure_values",
            ("measure_id", "unit_level", "area_id", "basis", "period_start", "period_end", "numerator", "denominator"),
            whole,
        )
    }
    found: dict[str, list[Reading]] = {}
    for row in reader.rows(
        "feed_spc", ("measure_id", "unit_level", "area_id", *PROCESS), whole, "measure_id, period_start, period_end"
    ):
        found.setdefault(str(row["measure_id"]), []).append(_point(row, numbers))
    return found


def _own_readings(measure: Measure, readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """The points up to the report's period; where there is no chart of its own, the report's series."""
    end = measure.row["period_end"]
    own = tuple(reading for reading in readings if end is None or reading.point.end <= end)
    return own or tuple(Reading(point, "", point.target) for point in measure.points)


def _unit_points(reader: Reader) -> dict[tuple[str, str], list[Point]]:
    """(measure, unit) → the newest points of its chart, for small ones."""
    found: dict[tuple[str, str], list[Point]] = {}
    for row in reader.rows(
        "feed_spc",
        ("measure_id", "unit_id", "unit_level", "area_id", "recency", *PROCESS),
        f"unit_level <> 'council' and area_id = '' and recency <= {SPARK_POINTS}",
        "measure_id, unit_id, period_start, period_end",
    ):
        found.setdefault((str(row["measure_id"]), str(row["unit_id"])), []).append(_point(row, {}).point)
    return found


def _units(
    reader: Reader, measures: Sequence[Measure], sparks: Mapping[tuple[str, str], list[Point]]
) -> dict[str, list[Place]]:
    """Units with a figure for the period of the report's row, by level and name."""
    spans = {measure.id: (measure.row["period_start"], measure.row["period_end"]) for measure in measures}
    found: dict[str, list[Place]] = {}
    newest = max((end for _, end in spans.values() if end), default=None)
    if newest is None:
        return {}
    oldest = min(start for start, _ in spans.values() if start)
    columns = (
        "measure_id", "unit_id", "unit_name", "unit_level", "area_id", "period_start", "period_end", "numerator",
        "denominator", "value", "target", "status", "is_provisional", "reason",
    )  # fmt: skip
    for row in reader.rows(
        "feed_measure_status",
        columns,
        "unit_level <> 'council' and area_id = '' "
        f"and period_start >= date '{oldest.isoformat()}' and period_end <= date '{newest.isoformat()}'",
        "measure_id, unit_name, unit_id, period_start, period_end",
    ):
        key = str(row["measure_id"])
        if spans.get(key) != (row["period_start"], row["period_end"]):
            continue
        found.setdefault(key, []).append(
            Place(
                id=str(row["unit_id"]),
                name=str(row["unit_name"]),
                level=str(row["unit_level"]),
                value=row["value"],
                numerator=row["numerator"],
                denominator=row["denominator"],
                target=row["target"],
                status=str(row["status"] or ""),
                is_provisional=bool(row["is_provisional"]),
                is_suppressed=row["reason"] == SUPPRESSED,
                points=tuple(sparks.get((key, str(row["unit_id"])), ())),
            )
        )
    return found


def _areas(reader: Reader, measures: Sequence[Measure]) -> dict[str, list[Place]]:
    """Wards and other areas with a figure, at their newest period up to the report's."""
    ends = {measure.id: measure.row["period_end"] for measure in measures}
    names = {str(row["area_id"]): str(row["area_name"]) for row in reader.rows("feed_areas", ("area_id", "area_name"))}
    columns = (
        "measure_id", "area_id", "period_type", "period_start", "period_end", "numerator", "denominator", "value",
        "is_provisional", "interval_lower", "interval_upper", "reason", "unit_level", "basis",
    )  # fmt: skip
    newest: dict[str, tuple[date, list[Place]]] = {}
    for row in reader.rows(
        "feed_measure_values",
        columns,
        "area_id <> '' and unit_level = 'council' and period_type <> 'month' and basis = 'reported'",
        "measure_id, period_end desc, area_id, period_type",
    ):
        key, end = str(row["measure_id"]), ends.get(str(row["measure_id"]))
        if end is None or row["period_end"] > end:
            continue
        day, places = newest.setdefault(key, (row["period_end"], []))
        if row["period_end"] == day and not any(place.id == row["area_id"] for place in places):
            places.append(
                Place(
                    id=str(row["area_id"]),
                    name=names.get(str(row["area_id"]), str(row["area_id"])),
                    level="area",
                    value=row["value"],
                    numerator=row["numerator"],
                    denominator=row["denominator"],
                    is_provisional=bool(row["is_provisional"]),
                    is_suppressed=row["reason"] == SUPPRESSED,
                    lower=row["interval_lower"],
                    upper=row["interval_upper"],
                )
            )
    return {key: sorted(places, key=lambda place: place.name) for key, (_, places) in newest.items()}


def _kind(point: Point) -> str:
    """'usual', 'better', 'worse' or 'neutral': how a point looks."""
    if point.point_type == "special_cause_improvement":
        return "better"
    if point.point_type == "special_cause_concern":
        return "worse"
    return "neutral" if charts.is_signal(point) else "usual"


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
