"""The pages about measures: one each, and those that find them: explore, hot spots, clinics, targets.
Belongs here: which page shows which facts, in which order. Not here: reading them (reading, measures), markup."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from markupsafe import Markup

from exports import charts, wording
from exports.health import LEVELS, PREFERRED, SIGNALS, VERDICTS, Cell, Measure, Point, Story
from exports.site.drawn import Drawn, Links, file_name, page_path
from exports.site.measures import CRITERIA, GAPS, NAMED_CRITERIA, NARROW, WIDE, MeasureSheet, Place
from exports.site.reading import Reader, Row

SIGNAL_FILTERS = {
    "worse": "worse than usual",
    "better": "better than usual",
    "neutral": "unlike usual, neither better nor worse",
    "usual": "usual variation",
}
SIGNAL_KEYS = {
    "special_cause_concern": "worse",
    "special_cause_improvement": "better",
    "special_cause_neutral_high": "neutral",
    "special_cause_neutral_low": "neutral",
    "common_cause": "usual",
}
STATUS_FILTERS = ("off_target", "within_tolerance", "on_target", "no_target")
COMPUTED = {
    "model": "Computed by this release from source rows.",
    "return": "Returned by the service as a figure.",
    "published": "Taken from a published figure.",
}
HOTSPOTS = (
    "unit_id", "unit_name", "unit_level", "unit_rank", "domain", "domain_name", "domain_order", "concerns",
    "lasting_concerns", "off_target", "measures", "measure_ids", "evidence",
)  # fmt: skip
CLINICS = (
    "outcome_id", "outcome_name", "outcome_owner", "clinic_rank", "measure_id", "measure_name", "owner", "reasons",
    "sentence", "worst_unit_name", "worst_unit_sentence", "best_neighbour_name", "best_neighbour_value",
    "best_run_value", "best_run_start", "best_run_end", "linked_measures", "link_sentence", "poor_data",
    "interventions", "activities", "next_steps", "next_question",
)  # fmt: skip
VERDICT_MEANS = {
    "unrealistic": "no figure that the process usually gives meets it, and its trend does not lead there",
    "too_soft": "met by nearly everything the process gives",
    "chance": "it lies inside the usual range, so it is met or missed without anything changing",
    "stretching": "beyond most of what the process gives, but within reach",
    "insufficient_data": "there are too few comparable figures to judge it",
}


def measure_pages(
    reader: Reader, story: Story, sheets: Sequence[MeasureSheet], links: Links, council: str
) -> Iterator[Drawn]:
    """Every page of this module, and each chart's figures as CSV.

    Args:
        links: knows the site's pages, so that nothing links to one that is not there.
        council: the label that every file carries.
    """
    words = words_of(links)
    names = {sheet.id: sheet.name for sheet in sheets}
    for sheet in sheets:
        name = file_name(sheet.id)
        yield Drawn(
            page_path("measures", sheet.id), "measure.html.j2", {**words, "sheet": sheet, "data_href": f"{name}.csv"}
        )
        yield Drawn(f"measures/{name}.csv", None, figures_csv(sheet, council))
    yield Drawn("explore.html", "explore.html.j2", {**words, **_explore(reader, sheets)})
    if links.has_page("hotspots.html"):
        spots = {"levels": hot_spot_levels(reader, story), "measure_names": names}
        yield Drawn("hotspots.html", "hotspots.html.j2", {**words, **spots})
    if links.has_page("clinics.html"):
        yield Drawn("clinics.html", "clinics.html.j2", {**words, **_clinics(reader, sheets)})
    if links.has_page("targets.html"):
        yield Drawn("targets.html", "targets.html.j2", {**words, **_targets(reader, story, sheets)})


def figures_csv(sheet: MeasureSheet, council: str) -> bytes:
    """The figures that the chart draws, one line per period."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(
        ("council", "measure_id", "period", "first_day", "last_day", "value", "numerator", "denominator", "target",
         "mean", "lower_limit", "upper_limit", "signal", "rule", "is_provisional")
    )  # fmt: skip
    for reading in sheet.readings:
        point = reading.point
        numbers = (
            point.value, point.numerator, point.denominator, point.target, point.mean, point.lower_limit,
            point.upper_limit,
        )  # fmt: skip
        writer.writerow(
            (
                council,
                sheet.id,
                point.label,
                point.start.isoformat(),
                point.end.isoformat(),
                *("" if number is None else number for number in numbers),
                signal_words(point),
                reading.cause,
                str(point.is_provisional).lower(),
            )
        )
    return text.getvalue().encode("utf-8-sig")


def signal_words(point: Point) -> str:
    """'worse than usual'; 'too few figures to say' where there are no limits; '' without a chart."""
    if point.point_type == "insufficient_variation":
        return "too little to judge"
    return SIGNALS.get(point.point_type, "")


def words_of(links: Links) -> dict[str, Any]:
    """What the templates say and draw besides facts."""
    return {
        "wide": WIDE,
        "narrow": NARROW,
        "basis_heading": _basis_heading,
        "signal_words": signal_words,
        "gap_words": lambda reason: GAPS.get(str(reason), str(reason or "no reason given").replace("_", " ")),
        "long_day": _long_day,
        "month": wording.month,
        "level_words": lambda level: LEVELS.get(str(level), "units"),
        "status_words": lambda status: wording.STATUS.get(str(status), ""),
        "criterion_words": _criterion,
        "computed_words": lambda key: COMPUTED.get(str(key), ""),
        "measure_path": lambda identifier: page_path("measures", identifier),
        "outcome_path": lambda identifier: page_path("outcomes", identifier),
        "unit_path": lambda identifier: page_path("units", identifier),
        "has_page": links.has_page,
        "link": links.to,
        "href": links.href,
        "unit_spark": _unit_spark,
        "ended": lambda text: text if str(text).endswith("…") else wording.sentence(str(text)),
    }


def _basis_heading(measure: Measure) -> str:
    top, bottom = (str(measure.row[name] or "") for name in ("numerator_label", "denominator_label"))
    if not bottom:
        return wording.capital(top)
    return wording.capital(f"{top}, of {bottom}" if measure.unit == "percent" else f"{top}; {bottom}")


def _long_day(day: date | None) -> str:
    return f"{day.day} {day:%B %Y}" if day else "date not given"


def _criterion(name: object) -> str:
    return wording.capital(NAMED_CRITERIA.get(str(name), str(name).replace("_", " ")))


def _unit_spark(unit: Place, measure: Measure) -> Markup:
    return Markup(charts.sparkline(unit.points, around_zero=measure.signed) if len(unit.points) > 1 else "")


def weakest(sheet: MeasureSheet) -> str:
    """'C (timely)': the lowest grade and what it is for; '' where nothing is graded."""
    grades = {str(row["criterion"]): str(row["grade"]) for row in sheet.grades if row["grade"]}
    if not grades:
        return ""
    lowest = max(grades.values())
    if lowest == min(grades.values()):
        return f"{lowest} throughout"
    named = [_criterion(name).lower() for name in CRITERIA if grades.get(name) == lowest]
    return f"{lowest} ({', '.join(named)})"


def _explore(reader: Reader, sheets: Sequence[MeasureSheet]) -> dict[str, Any]:
    """The whole list, what it can be filtered by, and the figures of units and areas for the script."""
    units: dict[str, tuple[str, str]] = {}
    areas: dict[str, str] = {}
    figures: dict[str, dict[str, list[str]]] = {}
    for sheet in sheets:
        own: dict[str, list[str]] = {}
        for unit in sheet.units:
            units[unit.id] = (unit.level, unit.name)
            target = f"{wording.STATUS[unit.status]} {sheet.measure.target_figure(unit.target)}" if unit.target is not None and unit.status in wording.STATUS else ""  # fmt: skip  # noqa: E501
            own[f"u:{unit.id}"] = [
                sheet.figures_of(unit), sheet.parts_in_words(unit), unit.signal, SIGNAL_KEYS.get(unit.variation, ""),
                target, unit.status,
            ]  # fmt: skip
        for area in sheet.areas:
            areas[area.id] = area.name
            own[f"a:{area.id}"] = [sheet.figures_of(area), sheet.parts_in_words(area), "", "", "", ""]
        if own:
            figures[sheet.id] = own
    levels = [level for level in LEVELS if any(found == level for found, _ in units.values())]
    outcomes = {sheet.outcome_id: sheet.outcome_name for sheet in sheets if sheet.outcome_id}
    text = json.dumps(figures, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return {
        "sheets": sheets,
        "outcomes": sorted(outcomes.items(), key=lambda item: item[1]),
        "unit_groups": [
            (
                wording.capital(LEVELS[level]),
                sorted(((key, name) for key, (at, name) in units.items() if at == level), key=lambda item: item[1]),
            )
            for level in levels
        ],
        "areas": sorted(areas.items(), key=lambda item: item[1]),
        "signals": SIGNAL_FILTERS,
        "statuses": {status: wording.STATUS[status] for status in STATUS_FILTERS},
        "grades": sorted({weakest(sheet)[:1] for sheet in sheets if weakest(sheet)}),
        "weakest": weakest,
        "signal_key": lambda sheet: SIGNAL_KEYS.get(sheet.measure.variation, ""),
        "figures": Markup(text.replace("<", "\\u003c")),
    }


@dataclass(frozen=True)
class UnitSpot:
    """A unit's row of the matrix: cells by domain, and the evidence of those that have something."""

    id: str
    name: str
    cells: Mapping[str, Cell]
    evidence: tuple[tuple[str, str, Cell, tuple[str, ...]], ...]  # domain, its name, cell, measures

    @property
    def anchor(self) -> str:
        return file_name(self.id)


@dataclass(frozen=True)
class HotSpotLevel:
    """The matrix of one level: 'services'."""

    key: str
    name: str
    domains: tuple[tuple[str, str], ...]
    rows: tuple[UnitSpot, ...]
    without: tuple[str, ...]

    @property
    def finding(self) -> str:
        """'Worst: Homes and Communities, worse than usual in four domains.'"""
        if not self.rows:
            return f"No {self.name[:-1]} is worse than usual or off target in anything."
        first = self.rows[0]
        lasting = sum(cell.lasting > 0 for cell in first.cells.values())
        missed = sum(cell.off_target > 0 for cell in first.cells.values())
        said = []
        if lasting:
            said.append(f"worse than usual in {wording.count(lasting, 'domain')}")
        if missed:
            said.append(f"off target in {wording.count(missed, 'domain')}")
        return f"Most comes together in {first.name}: {wording.joined(said)}." if said else ""


def hot_spot_levels(reader: Reader, story: Story) -> list[HotSpotLevel]:
    """The matrix at each level that has measures: services first, as on the home page; worst unit first."""
    rows = [
        row
        for row in reader.rows(
            "feed_hotspots", HOTSPOTS, order_by="unit_level, unit_rank, unit_name, domain_order, domain"
        )
        if row["measures"]
    ]
    names = {measure.id: measure.name for measure in story.measures}
    found = []
    for level in PREFERRED:
        own = [row for row in rows if row["unit_level"] == level]
        if not own:
            continue
        domains = {
            str(row["domain"]): str(row["domain_name"])
            for row in sorted(own, key=lambda row: (row["domain_order"] or 0, row["domain"]))
        }
        by_unit: dict[tuple[str, str], list[Row]] = {}
        for row in own:
            by_unit.setdefault((str(row["unit_id"]), str(row["unit_name"])), []).append(row)
        spots = [_spot(key, name, listed, names) for (key, name), listed in by_unit.items()]
        found.append(
            HotSpotLevel(
                level,
                LEVELS[level],
                tuple(domains.items()),
                tuple(spot for spot in spots if spot.evidence),
                tuple(spot.name for spot in spots if not spot.evidence),
            )
        )
    return found


def _spot(key: str, name: str, rows: Sequence[Row], names: Mapping[str, str]) -> UnitSpot:
    cells = {
        str(row["domain"]): Cell(
            int(row["concerns"] or 0),
            int(row["lasting_concerns"] or 0),
            int(row["off_target"] or 0),
            str(row["evidence"] or ""),
        )
        for row in rows
    }
    evidence = []
    for row in rows:
        cell = cells[str(row["domain"])]
        if cell.concerns or cell.off_target:
            ids = [part.strip() for part in str(row["measure_ids"] or "").split(",")]
            evidence.append(
                (str(row["domain"]), str(row["domain_name"]), cell, tuple(one for one in ids if one in names))
            )
    return UnitSpot(key, name, cells, tuple(evidence))


def _clinics(reader: Reader, sheets: Sequence[MeasureSheet]) -> dict[str, Any]:
    """Outcomes with the measures that deserve a clinic, in the clinic's order."""
    by_id = {sheet.id: sheet for sheet in sheets}
    grouped: dict[str, list[Row]] = {}
    rows = reader.rows("feed_clinics", CLINICS, order_by="outcome_name, outcome_id, clinic_rank, measure_id")
    for row in rows:
        grouped.setdefault(str(row["outcome_id"]), []).append(row)
    clinics = [(cases[0], [(row, by_id.get(str(row["measure_id"]))) for row in cases]) for cases in grouped.values()]
    said = f"{wording.count(len(rows), 'measure')} in {wording.count(len(grouped), 'outcome')}"
    headline = (
        f"{said} {'deserves' if len(rows) == 1 else 'deserve'} a clinic." if rows else "No measure needs a clinic."
    )
    return {"clinics": clinics, "clinic_headline": wording.capital(headline)}


def _targets(reader: Reader, story: Story, sheets: Sequence[MeasureSheet]) -> dict[str, Any]:
    """Targets of the whole council by verdict, then those of units in words."""
    by_verdict = [
        (key, VERDICTS[key], means, [sheet for sheet in sheets if sheet.measure.verdict == key])
        for key, means in VERDICT_MEANS.items()
    ]
    unjudged = [sheet for sheet in sheets if sheet.measure.has_target and not sheet.measure.verdict]
    known = {sheet.id: sheet for sheet in sheets}
    units = [
        row
        for row in reader.rows(
            "feed_targets",
            ("measure_id", "measure_name", "unit_id", "unit_name", "unit_level", "target", "verdict", "evidence"),
            "unit_level <> 'council'",
            "measure_name, measure_id, unit_name, unit_id, target",
        )
        if str(row["measure_id"]) in known
    ]
    judged = Counter(sheet.measure.status for sheet in sheets if sheet.measure.has_target)
    total = sum(judged.values())
    met = judged["on_target"]
    headline = f"{met} of {wording.count(total, 'target')} of the whole council {'is' if met == 1 else 'are'} met."
    return {
        "target_headline": headline if total else "No measure has a target for the whole council.",
        "verdicts": [entry for entry in by_verdict if entry[3]],
        "summary": story.verdicts,
        "unjudged": unjudged,
        "without": [sheet for sheet in sheets if not sheet.measure.has_target and not sheet.measure.verdict],
        "unit_targets": units,
        "sheet_of": known,
        "verdict_words": lambda key: VERDICTS.get(str(key), "not judged"),
    }
