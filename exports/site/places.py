"""Pages of outcomes, units, portfolios and areas: the same measures, gathered by who answers for them or where.
Belongs here: which facts each of these pages shows, in which order. Not here: single measures (measures), markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from exports import charts, wording
from exports.health import LEVELS, SIGNALS, WITH_TARGET, Point
from exports.site.drawn import Drawn, page_path
from exports.site.measures import MeasureSheet, Place
from exports.site.reading import Reader, Row

WORSE, BETTER = "special_cause_concern", "special_cause_improvement"
OUTCOME = ("outcome_id", "outcome_name", "outcome_type", "owner", "display_order", "measures")
UNIT = ("unit_id", "unit_name", "unit_level", "parent_unit_id", "depth", "owner", "valid_to")
AREA = (
    "area_id", "area_name", "area_type", "valid_from", "valid_to", "population", "population_year", "requests",
    "judged_requests", "failure_requests", "complaints",
)  # fmt: skip
COMPOSITE = (
    "outcome_id", "period_start", "period_end", "period_label", "score", "coverage_pct", "measures_scored",
    "measures_total", "weakest_measure_id", "weakest_measure_name", "weakest_score",
)  # fmt: skip
ACTIVITY = (
    "item_kind", "item_id", "activity_id", "title", "outcome_id", "unit_id", "unit_name", "partner", "status",
    "progress_pct", "due_date", "revised_due_date", "completed_date", "is_met_in_time", "comment", "is_newest",
)  # fmt: skip
LINK = (
    "driver_measure_id",
    "driver_name",
    "response_measure_id",
    "response_name",
    "unit_level",
    "is_found",
    "sentence",
)
SERVICE_VALUE = (
    "unit_id", "period_start", "period_label", "is_complete", "demand", "demand_measure_id", "demand_measure_name",
    "spend_real_gbp", "price_year", "unit_cost_real_gbp", "unit_of_cost", "cost_measure_id", "cost_measure_name",
    "spend_per_demand_gbp", "outcome_measure_id", "outcome_measure_name", "outcome_value", "is_provisional",
)  # fmt: skip
HOTSPOT = ("unit_id", "domain", "domain_name", "domain_order", "concerns", "off_target", "measures", "evidence")
FINANCE = (
    "unit_id", "as_at_date", "budget_gbp", "forecast_gbp", "variance_gbp", "savings_planned_gbp",
    "savings_secured_gbp", "savings_delivered_gbp", "savings_at_risk_gbp",
)  # fmt: skip
RISK = ("unit_id", "risk_id", "title", "quarter_start", "period_label", "current_score", "tolerance_score",
        "is_out_of_tolerance")  # fmt: skip
STATES = {
    "off_track": "off track", "at_risk": "at risk", "on_track": "on track", "not_started": "not started",
    "completed": "completed",
}  # fmt: skip
AREA_TYPES = {"council": "The whole council", "ward": "Wards", "most_deprived_10_pct": "Deprivation"}
SMALL_AREA = "lsoa"  # hundreds without a name that anybody knows: a page only where a measure has figures for them


@dataclass(frozen=True)
class Line:
    """One measure in a list: its figure for the whole council, a unit or an area, and what it rests on."""

    id: str
    name: str
    domain: str
    value: str
    basis: str
    target: str
    status: str
    signal: str
    variation: str
    is_provisional: bool
    spark: Markup
    interval: str = ""

    @property
    def status_words(self) -> str:
        return wording.STATUS.get(self.status, "") if self.target else ""

    @property
    def rank(self) -> tuple[bool, bool, bool, str]:
        """Worse and off target first, then what has no signal, then what is better; by name among equals."""
        return (self.variation != WORSE, self.status != "off_target", self.variation == BETTER, self.name)


def council_line(sheet: MeasureSheet) -> Line:
    """The measure for the whole council."""
    measure = sheet.measure
    return Line(
        sheet.id, sheet.name, str(measure.row["domain_name"]), measure.value,
        ", ".join(filter(None, (measure.basis, measure.period))) if measure.is_reported else "",
        measure.target if measure.has_target else "", measure.status,
        measure.signal if measure.variation in SIGNALS else "", measure.variation,
        measure.is_reported and measure.is_provisional, sheet.spark,
    )  # fmt: skip


def place_line(sheet: MeasureSheet, place: Place) -> Line:
    """The measure for a unit or an area."""
    measure = sheet.measure
    spark = charts.sparkline(place.points, around_zero=measure.signed) if len(place.points) > 1 else ""
    interval = ""
    if place.lower is not None and place.upper is not None and not place.is_suppressed:
        interval = f"{measure.figure(place.lower)} to {measure.figure(place.upper)}"
    return Line(
        sheet.id, sheet.name, str(measure.row["domain_name"]), sheet.figures_of(place),
        "" if place.is_suppressed else sheet.parts_in_words(place),
        measure.target_figure(place.target) if place.target is not None else "", place.status, place.signal,
        place.variation, place.is_provisional, Markup(spark), interval,
    )  # fmt: skip


def finding(lines: Sequence[Line]) -> str:
    """'Of seven measures, two are worse than usual and one is better; three of five targets are missed.'"""
    if not lines:
        return "No measure has a figure."
    said = []
    for variation, words in ((WORSE, "worse than usual"), (BETTER, "better than usual")):
        number = sum(line.variation == variation for line in lines)
        if number:
            said.append(f"{wording.in_words(number)} {'is' if number == 1 else 'are'} {words}")
    of_all = wording.count(len(lines), "measure")
    text = of_all  # without control charts nobody can say what is usual: the public sees none of units
    if said:
        text = f"of {of_all}, {wording.joined(said)}"
    elif any(line.variation for line in lines):
        text += f", {'none of them' if len(lines) > 1 else 'not'} unlike usual"
    judged = [line for line in lines if line.target and line.status in WITH_TARGET]
    missed = sum(line.status == "off_target" for line in judged)
    if judged:
        verb = "is" if missed < 2 else "are"
        how_many = wording.in_words(missed) if missed else "none"
        of_targets = f"{how_many} of {wording.count(len(judged), 'target')}" if len(judged) > 1 else "its only target"
        text += f"; {of_targets} {verb} {'missed' if missed or len(judged) > 1 else 'met or within tolerance'}"
    return wording.sentence(wording.capital(text))


def short_finding(lines: Sequence[Line]) -> str:
    """For a list of many: '9 measures: 2 worse than usual, 3 off target'; '3 measures: nothing unlike usual'; or just
    '3 measures' where none is judged."""
    of_all = f"{len(lines)} measure{'' if len(lines) == 1 else 's'}"
    counts = (
        (sum(line.variation == WORSE for line in lines), "worse than usual"),
        (sum(line.variation == BETTER for line in lines), "better"),
        (sum(bool(line.target) and line.status == "off_target" for line in lines), "off target"),
    )
    if said := ", ".join(f"{number} {words}" for number, words in counts if number):
        return f"{of_all}: {said}"
    return f"{of_all}: nothing unlike usual" if any(line.variation for line in lines) else of_all


@dataclass(frozen=True)
class Places:
    """What these pages are made of, read once. Paths are known before any page is drawn, so that names can be links."""

    sheets: Mapping[str, MeasureSheet]
    outcomes: tuple[Row, ...]
    units: Mapping[str, Row]
    areas: tuple[Row, ...]
    by_unit: Mapping[str, list[Line]]
    by_area: Mapping[str, list[Line]]
    tables: Mapping[str, Sequence[Row]]

    @property
    def portfolios(self) -> dict[str, str]:
        """Id to name of those that have measures, by name."""
        found = {
            str(sheet.definition["portfolio_id"]): str(sheet.definition["portfolio_name"])
            for sheet in self.sheets.values()
            if sheet.definition.get("portfolio_id")
        }
        return dict(sorted(found.items(), key=lambda item: item[1]))

    @property
    def paths(self) -> set[str]:
        """The addresses of all pages of this module."""
        return {
            *("outcomes.html", "units.html", "areas.html"),
            *(page_path("outcomes", row["outcome_id"]) for row in self.outcomes),
            *(page_path("units", unit) for unit in self.units),
            *(page_path("portfolios", portfolio) for portfolio in self.portfolios),
            *(page_path("areas", row["area_id"]) for row in self.areas),
        }

    def rows(self, table: str, key: str, value: str) -> list[Row]:
        """Rows of a table that belong to one thing."""
        return [row for row in self.tables[table] if row[key] == value]


def read_places(reader: Reader, sheets: Sequence[MeasureSheet]) -> Places:
    """One query per table; units that are no longer there are left out."""
    units = {
        str(row["unit_id"]): row
        for row in reader.rows("feed_units", UNIT, order_by="depth, unit_name, unit_id")
        if row["unit_level"] in LEVELS and row["valid_to"] is None
    }
    by_unit: dict[str, list[Line]] = {}
    by_area: dict[str, list[Line]] = {}
    for sheet in sheets:
        for places, found in ((sheet.units, by_unit), (sheet.areas, by_area)):
            for place in places:
                found.setdefault(place.id, []).append(place_line(sheet, place))
    areas = [
        row
        for row in _counted(reader.rows("feed_areas", AREA, order_by="area_type, area_name, area_id"))
        if str(row["area_id"]) in by_area or (row["area_type"] != SMALL_AREA and row["valid_to"] is None)
    ]
    return Places(
        sheets={sheet.id: sheet for sheet in sheets},
        outcomes=tuple(reader.rows("feed_outcomes", OUTCOME, order_by="display_order, outcome_name, outcome_id")),
        units=units,
        areas=tuple(areas),
        by_unit=by_unit,
        by_area=by_area,
        tables={
            "composite": reader.rows("feed_composite", COMPOSITE, order_by="outcome_id, period_start"),
            "activities": reader.rows(
                "feed_activities", ACTIVITY, "is_newest", "due_date desc, item_kind, item_id, title"
            ),
            "links": reader.rows(
                "feed_links", LINK, "unit_level = 'council'", "is_found desc, driver_name, response_name, sentence"
            ),
            "value": reader.rows("feed_service_value", SERVICE_VALUE, order_by="unit_id, period_start"),
            "hotspots": reader.rows("feed_hotspots", HOTSPOT, order_by="unit_id, domain_order, domain"),
            "finance": reader.rows("feed_finance", FINANCE, order_by="unit_id, as_at_date desc"),
            "risks": reader.rows("feed_risks", RISK, order_by="quarter_start desc, current_score desc, risk_id"),
        },
    )


def _counted(areas: Sequence[Row]) -> list[Row]:
    """Areas whose kind demand is not matched to (the whole council) have no counts, which is not the same as none."""
    counted = {row["area_type"] for row in areas if row["requests"] or row["complaints"]}
    uncounted = dict.fromkeys(("requests", "judged_requests", "failure_requests", "complaints"))
    return [row if row["area_type"] in counted else {**row, **uncounted} for row in areas]


def place_pages(places: Places, words: Mapping[str, Any]) -> Iterator[Drawn]:
    """Every page of this module. `words` is what the templates say besides facts."""
    words = {**words, "pounds": _pounds, "quantity": _quantity, "states": STATES, "finding": finding}
    by_outcome = [(row, _lines(places, _of_outcome(places, str(row["outcome_id"])))) for row in places.outcomes]
    portfolios = [(key, name, _lines(places, _of_portfolio(places, key))) for key, name in places.portfolios.items()]
    index = {
        "outcomes": [(row, lines, _composite(places, str(row["outcome_id"]))) for row, lines in by_outcome],
        "portfolios": portfolios,
        "summary": short_finding,
    }
    yield Drawn("outcomes.html", "outcomes.html.j2", {**words, **index})
    for row, lines in by_outcome:
        outcome = str(row["outcome_id"])
        context = {
            "outcome": row, "lines": lines, "composite": _composite(places, outcome),
            **_linked(places, {line.id for line in lines}),
            **_activities(places, "outcome_id", outcome),
        }  # fmt: skip
        yield Drawn(page_path("outcomes", outcome), "outcome.html.j2", {**words, **context})
    for key, name, lines in portfolios:
        yield Drawn(page_path("portfolios", key), "portfolio.html.j2", {**words, "name": name, "lines": lines})
    tree = {"tree": _tree(places, None), "summary": short_finding}
    yield Drawn("units.html", "units.html.j2", {**words, **tree, "count": len(places.units)})
    for unit in places.units:
        yield Drawn(page_path("units", unit), "unit.html.j2", {**words, **_unit(places, unit)})
    yield Drawn("areas.html", "areas.html.j2", {**words, **_area_index(places)})
    for row in places.areas:
        lines = sorted(places.by_area.get(str(row["area_id"]), ()), key=lambda line: (line.domain, line.name))
        context = {"area": row, "lines": lines, "sheet_of": places.sheets}
        yield Drawn(page_path("areas", row["area_id"]), "area.html.j2", {**words, **context})


def _pounds(value: Decimal | None) -> str:
    return "" if value is None else wording.pounds(value, 0 if abs(value) >= 1000 else 2)


def _quantity(value: Decimal | int | None) -> str:
    return "" if value is None else wording.quantity(value)


def _of_outcome(places: Places, outcome: str) -> Iterable[MeasureSheet]:
    return (sheet for sheet in places.sheets.values() if sheet.outcome_id == outcome)


def _of_portfolio(places: Places, portfolio: str) -> Iterable[MeasureSheet]:
    return (sheet for sheet in places.sheets.values() if sheet.definition.get("portfolio_id") == portfolio)


def _lines(places: Places, sheets: Iterable[MeasureSheet]) -> list[Line]:
    return sorted((council_line(sheet) for sheet in sheets), key=lambda line: line.rank)


def _composite(places: Places, outcome: str) -> dict[str, Any] | None:
    """The newest score with a small line of all of them; None where none was computed."""
    scored = [row for row in places.rows("composite", "outcome_id", outcome) if row["score"] is not None]
    if not scored:
        return None
    points = [Point(row["period_start"], row["period_end"], str(row["period_label"]), row["score"]) for row in scored]
    return {**scored[-1], "spark": Markup(charts.sparkline(points[-24:]))}


def _linked(places: Places, measures: set[str]) -> dict[str, list[Row]]:
    """Declared links that touch these measures, those that the figures show apart from the rest."""
    rows = [row for row in places.tables["links"] if measures & {row["driver_measure_id"], row["response_measure_id"]}]
    return {"found": [row for row in rows if row["is_found"]], "unshown": [row for row in rows if not row["is_found"]]}


def _activities(places: Places, key: str, value: str) -> dict[str, Any]:
    """Open activities, worst first, with their milestones; how many are completed."""
    rows = places.rows("activities", key, value)
    order = list(STATES)
    own = [row for row in rows if row["item_kind"] != "milestone"]
    is_open = [row for row in own if row["status"] != "completed"]
    is_open.sort(key=lambda row: order.index(str(row["status"])) if row["status"] in STATES else len(order))
    milestones: dict[str, list[Row]] = {}
    for row in reversed(rows):
        if row["item_kind"] == "milestone":
            milestones.setdefault(str(row["activity_id"]), []).append(row)
    return {"activities": is_open, "completed": len(own) - len(is_open), "milestones": milestones}


def _children(places: Places, parent: str | None) -> list[str]:
    """Ids of the units below one; of those without a parent among the pages for None."""
    return [
        key
        for key, row in places.units.items()
        if (row["parent_unit_id"] == parent if parent else row["parent_unit_id"] not in places.units)
    ]


def _tree(places: Places, parent: str | None) -> list[dict[str, Any]]:
    return [
        {**places.units[key], "lines": places.by_unit.get(key, []), "children": _tree(places, key)}
        for key in _children(places, parent)
    ]


def _unit(places: Places, unit: str) -> dict[str, Any]:
    """What a unit's page shows."""
    row = places.units[unit]
    crumbs: list[Row] = []
    above = places.units.get(str(row["parent_unit_id"]))
    while above is not None:
        crumbs.insert(0, above)
        above = places.units.get(str(above["parent_unit_id"]))
    lines = places.by_unit.get(unit, [])
    order = {
        str(sheet.measure.row["domain_name"]): sheet.measure.row["domain_order"] for sheet in places.sheets.values()
    }
    domains = sorted({line.domain for line in lines}, key=lambda name: (order[name] or 0, name))
    value = places.rows("value", "unit_id", unit)
    outcome_sheet = places.sheets.get(str(value[-1]["outcome_measure_id"])) if value else None
    finance = places.rows("finance", "unit_id", unit)
    risks = places.rows("risks", "unit_id", unit)
    return {
        "unit": row,
        "crumbs": crumbs,
        "lines": lines,
        "groups": [(name, sorted((x for x in lines if x.domain == name), key=lambda x: x.rank)) for name in domains],
        "value": value,
        "outcome_figure": outcome_sheet.measure.figure if outcome_sheet else _quantity,
        "spots": [spot for spot in places.rows("hotspots", "unit_id", unit) if spot["concerns"] or spot["off_target"]],
        "children": [(places.units[key], places.by_unit.get(key, [])) for key in _children(places, unit)],
        "summary": short_finding,
        "finance": finance[0] if finance else None,
        "risks": [risk for risk in risks if risk["quarter_start"] == risks[0]["quarter_start"]],
        **_activities(places, "unit_id", unit),
    }


def _area_index(places: Places) -> dict[str, Any]:
    """Areas by type: the council first, wards, then what else there is."""
    types = sorted({str(row["area_type"]) for row in places.areas}, key=lambda name: (name not in AREA_TYPES, name))
    named = {kind: AREA_TYPES.get(kind, wording.capital(kind.replace("_", " "))) for kind in types}
    return {
        "area_groups": [
            (named[kind], [(row, len(places.by_area.get(str(row["area_id"]), ()))) for row in places.areas
                           if row["area_type"] == kind])
            for kind in types
        ]
    }  # fmt: skip
