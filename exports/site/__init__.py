"""The site of a release: reads what the page needs, within the internal audience's columns, and renders it.
Belongs here: queries, templates, fonts. Not here: what the page finds (health) or where its files go (release)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from exports import charts, wording
from exports.errors import ExportError
from exports.facts import ReleaseFacts
from exports.health import MOST_CHANGES, MOST_POINTS, RECENT, Measure, Panel, Point, Story, Trust, hot_spots, is_upward
from exports.publications import Publication, pairs
from exports.site.drawn import Drawn, Links, page_path
from exports.site.lists import measure_pages, words_of
from exports.site.matters import PATHS, STATUS, data_page, matter_pages
from exports.site.measures import read_sheets
from exports.site.places import place_pages, read_places
from exports.site.reading import Reader

HERE = Path(__file__).parent.parent
FONT = HERE / "assets" / "fonts" / "source-sans-3-latin-wght-normal.woff2"
FONT_LICENCE = HERE / "assets" / "fonts" / "OFL.txt"
ASSETS = (
    "page.css", "measure.css", "measure.js", "explore.js", "disclose.js", "vega/vega.js", "vega/LICENSE.txt",
)  # fmt: skip
NAVIGATION = (
    ("index.html", "Health"), ("outcomes.html", "Outcomes"), ("units.html", "Services"), ("areas.html", "Areas"),
    ("explore.html", "Explore"), ("targets.html", "Targets"), ("data.html", "Data"), ("about.html", "About"),
)  # fmt: skip
SECTIONS = {
    "outcomes": "outcomes.html", "portfolios": "outcomes.html", "units": "units.html", "areas": "areas.html",
    "measures": "explore.html",
}  # fmt: skip
TABLE_FORMATS = {"csv": "CSV", "parquet": "Parquet", "json": "JSON"}
ENGLAND = "E92000001"  # stands beside the neighbours in published tables, and is none of them
MOST_CLINICS = 5  # a board has time for these
MOST_NAMED = 4  # measures in one sentence
ACRONYMS = {"hr": "HR"}

Span = tuple[str, date, date]

HOME = REPORT = "report_org_health"  # without it there is no home page
FIGURES = "feed_measure_status"
PROCESS = "feed_spc"
HOTSPOTS = "feed_hotspots"
TARGETS = "feed_targets"
QUALITY = "feed_data_quality"
CLINICS = "feed_clinics"
COMPARATORS = "feed_comparators"
# Pages that list measures, each with the table without which it would have nothing to say.
LISTS = {
    "index.html": REPORT, "explore.html": REPORT, "hotspots.html": HOTSPOTS, "clinics.html": CLINICS,
    "targets.html": TARGETS,
}  # fmt: skip
WHY = "reason"
NEEDED = {
    REPORT: (
        "domain", "domain_name", "domain_order", "measure_id", "measure_name", "numerator_label", "denominator_label",
        "value_unit", "decimal_places", "polarity", "period_start", "period_end", "period_code", "period_label",
        "is_reported", "numerator", "denominator", "value", "previous_value", "year_ago_value", "direction_of_travel",
        "target", "status", "units_off_target", "units_with_target", "worst_unit_id", "worst_unit_name",
        "worst_unit_value", "worst_unit_numerator", "worst_unit_denominator",
        "comparator_median", "comparator_count", "display_order", "variation", "signal_since", "sentence",
        WHY,
    ),
    FIGURES: (
        "measure_id", "outcome_name", "domain", "unit_id", "unit_name", "unit_level", "area_id", "period_type",
        "period_start", "period_end", "period_label", "numerator", "denominator", "value", "target", "status",
        "is_provisional",
    ),
    PROCESS: (
        "measure_id", "unit_level", "area_id", "period_start", "period_end", "period_label", "value", "is_provisional",
        "process_group", "mean", "lower_limit", "upper_limit", "point_type", "target", "polarity",
    ),
    HOTSPOTS: (
        "unit_id", "unit_name", "unit_level", "unit_rank", "domain", "domain_name", "domain_order", "concerns",
        "lasting_concerns", "off_target", "measures", "evidence",
    ),
    TARGETS: ("measure_id", "unit_level", "verdict", "evidence"),
    CLINICS: ("measure_id", "measure_name", "weight", "reasons", "next_question"),
    QUALITY: ("measure_id", "measure_name", "criterion", "grade", "fact"),
    COMPARATORS: (
        "measure_id", "area_code", "area_name", "is_own_area", "period_start", "period_end", "period_label", "value",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Health:
    """All that the page shows, before its release has a number."""

    facts: ReleaseFacts
    months: str
    story: Story
    downloads: tuple[Mapping[str, Any], ...]
    missing_datasets: list[dict[str, Any]]
    unreported_measures: list[dict[str, Any]]
    publications: tuple[Publication, ...]
    edition: str
    links: Links
    lists: tuple[Drawn, ...]


def read_health(
    connection: duckdb.DuckDBPyConnection,
    publications: Sequence[Publication],
    facts: ReleaseFacts,
    edition: str = "internal",
) -> Health:
    """Read the published tables the pages are made of.

    Args:
        edition: 'internal' or 'public': only tables and columns of this audience are read. The home page's must all
            be there inside; for the public, what is missing is left out. Small counts are only as
            hidden as `connection` hides them: public pages must be read from masked tables, never from the curated
            database.

    Raises:
        ExportError: a table the page needs is not published, or not with the columns it needs.
    """
    tables = {name: _published(publications, name, columns, edition) for name, columns in NEEDED.items()}
    report = _rows(
        connection,
        f"select {_names(REPORT)} from {tables[REPORT]} order by domain_order, domain, display_order, measure_id",
    )
    if not report:
        raise ExportError(
            f"{REPORT} has no rows, so there is nothing to say. Check that the framework has measures in force."
        )
    medians = _medians(connection, tables[COMPARATORS])
    series = _series(connection, tables, medians)
    processes = _processes(connection, tables[PROCESS], medians)
    verdicts = {
        measure: {"verdict": verdict, "evidence": evidence}
        for measure, verdict, evidence in connection.execute(
            f"select measure_id, verdict, evidence from {tables[TARGETS]} where unit_level = 'council' order by all"
        ).fetchall()
    }
    own_area = _own_area(connection, tables) or facts.council.removesuffix(" (fictional)")
    outcomes = dict(
        connection.execute(f"select distinct measure_id, outcome_name from {tables[FIGURES]} order by all").fetchall()
    )
    below = _rows(
        connection,
        f"select distinct s.measure_id, s.unit_level from {tables[FIGURES]} as s "
        f"join {tables[REPORT]} as r using (measure_id, period_start, period_end) "
        "where s.unit_level <> 'council' and s.area_id = '' and s.status <> 'no_target' and r.is_reported order by all",
    )
    levels: dict[str, frozenset[str]] = {}
    for row in below:
        levels[row["measure_id"]] = levels.get(row["measure_id"], frozenset()) | {row["unit_level"]}
    measures = [
        Measure(
            row=row,
            points=_points_of(row, series.get(row["measure_id"], {})),
            group=outcomes.get(row["measure_id"]) or "",
            reporting_label=facts.period_label,
            own_area=own_area,
            unit_levels=levels.get(row["measure_id"], frozenset()),
            **verdicts.get(row["measure_id"], {}),
            process=tuple(p for p in processes.get(row["measure_id"], ()) if p.end <= row["period_end"]),
        )
        for row in report
    ]
    panels = [
        Panel(domain, name, tuple(measure for measure in measures if measure.row["domain"] == domain))
        for domain, name in dict.fromkeys((row["domain"], row["domain_name"]) for row in report)
    ]
    datasets = []
    if edition == "internal":
        datasets = _rows(connection, "select * from core.dim_datasets order by system, dataset")
    start, end = connection.execute(
        "select reporting_period_start, reporting_period_end from core.dim_council"
    ).fetchall()[0]
    spots = _rows(
        connection,
        f"select {_names(HOTSPOTS)} from {tables[HOTSPOTS]} order by unit_level, unit_rank, unit_name, domain_order",
    )
    clinics = _rows(
        connection,
        f"select {_names(CLINICS)} from {tables[CLINICS]} order by weight desc, measure_id limit {MOST_CLINICS}",
    )
    story = Story(tuple(panels), hot_spots(spots), own_area, clinics=tuple(clinics))
    missing = [_missing(row) for row in datasets if row["is_missing"]]
    reader = Reader(connection, publications, edition)
    sheets = read_sheets(reader, story.measures)
    places = read_places(reader, sheets)
    lists = {path for path, table in LISTS.items() if reader.has(table)}
    own_pages = {*lists, *PATHS, *places.paths, *(page_path("measures", sheet.id) for sheet in sheets)}
    links = Links(frozenset(own_pages | ({STATUS} if edition == "internal" else set())))
    words = words_of(links)
    return Health(
        facts=facts,
        months=wording.months(start, end),
        story=replace(story, trust=_trust(story, facts, datasets, missing, _grades(connection, tables))),
        downloads=tuple(_downloads(publications, edition)),
        missing_datasets=missing,
        unreported_measures=[
            {"measure_id": measure.id, "measure_name": measure.name, "domain": measure.row["domain_name"]}
            for measure in story.unreported
        ],
        publications=tuple(publications),
        edition=edition,
        links=links,
        lists=(
            *measure_pages(reader, story, sheets, links, facts.council),
            *place_pages(places, words),
            *matter_pages(reader, facts, publications, words, edition),
        ),
    )


def pages(health: Health, release_id: str, files: Sequence[Mapping[str, Any]] = ()) -> dict[str, bytes]:
    """The files of the site by their path below it. The same health, id and files give the same bytes.

    Args:
        files: entries of the release's other files (path, bytes, rows), for the page that lists them.
    """
    home = {
        "health": health,
        "story": health.story,
        "recent": RECENT,
        "most_changes": MOST_CHANGES,
        "chart": _chart,
        "spark": _spark,
        "href": health.links.href,
    }
    drawn = (
        Drawn("index.html", "health.html.j2", home),
        *health.lists,
        data_page(health.publications, files, health.edition),
    )
    return {
        "fonts/OFL.txt": FONT_LICENCE.read_bytes(),
        "fonts/source-sans-3.woff2": FONT.read_bytes(),
        **{f"assets/{Path(name).name}": (HERE / "assets" / name).read_bytes() for name in ASSETS},
        **{page.path: _rendered(page, health, release_id) for page in drawn},
    }


def _rendered(drawn: Drawn, health: Health, release_id: str) -> bytes:
    """A page that shares the base template, or a file as it is."""
    if drawn.template is None:
        return bytes(drawn.context)
    page = (
        _environment()
        .get_template(drawn.template)
        .render(
            drawn.context,
            facts=health.facts,
            release_id=release_id,
            period=_period(health.facts),
            as_of=wording.day(health.facts.as_of),
            path=drawn.path,
            section=SECTIONS.get(drawn.path.partition("/")[0], drawn.path),
            root="../" * drawn.path.count("/"),
            navigation=[(address, text) for address, text in NAVIGATION if health.links.has_page(address)],
            has_page=health.links.has_page,
            edition=health.edition,
            is_internal=health.edition == "internal",
        )
    )
    return page.encode("utf-8")


def _chart(measure: Measure) -> Markup:
    drawn = charts.line_chart(
        measure.charted,
        measure.figure,
        measure.brief,
        f"{measure.name}. {measure.finding}",
        write_target=measure.target_figure,
        value_label=measure.value if measure.is_small and not measure.has_limits else None,
        around_zero=measure.signed,
    )
    return Markup(drawn)  # drawn by us, its text escaped there


def _spark(measure: Measure) -> Markup:
    return Markup(charts.sparkline(measure.charted, around_zero=measure.signed))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["sub"] = _with_subscripts
    environment.filters["sentence"] = wording.sentence
    environment.filters["after_colon"] = lambda text: wording.capital(str(text).split(": ", 1)[-1])
    environment.globals["missing_words"] = missing_words
    return environment


def _with_subscripts(text: str) -> Markup:
    """Write '₂' as a lowered 2: the vendored face has no subscript figures, and CO₂ deserves them."""
    return Markup(str(escape(text)).replace("₂", "<sub>2</sub>"))


def _published(publications: Sequence[Publication], name: str, columns: Sequence[str], edition: str) -> str:
    """What to select from: a table once its columns are known to be marked for the edition's audience.

    For the public, a column that is not marked is null and a table that is not published has no rows. Why a value is
    hidden stands in masked tables only, and is null in the house's own.
    """
    for publication, table in pairs(publications):
        if table.name == name and edition in publication.audiences:
            allowed = {column.name for column in table.columns_for(edition)}
            withheld = [column for column in columns if column not in allowed]
            denied = [column for column in withheld if column != WHY]
            if denied and edition == "internal":
                raise ExportError(
                    f"the health page needs column '{name}.{denied[0]}', which is not marked for '{edition}'. "
                    "Add it to the column's config.meta.audiences."
                )
            if withheld:
                own = ", ".join(f"null as {column}" if column in withheld else column for column in columns)
                return f"(select {own} from {table.relation})"
            return table.relation
    if edition == "internal":
        raise ExportError(f"the health page needs '{name}', which no exposure publishes to '{edition}'. Add one.")
    return f"(select {', '.join(f'null as {column}' for column in columns)} where false)"


def _names(table: str) -> str:
    return ", ".join(NEEDED[table])


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    result = connection.execute(query)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _medians(connection: duckdb.DuckDBPyConnection, table: str) -> dict[Span, Decimal]:
    """The neighbours' median by measure, first and last day."""
    return {
        (measure, start, end): median
        for measure, start, end, median in connection.execute(
            "select measure_id, period_start, period_end, cast(median(cast(value as double)) as decimal(18, 4)) "
            f"from {table} where not is_own_area and area_code <> '{ENGLAND}' and value is not null "
            "group by all order by all"
        ).fetchall()
    }


def _series(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str], medians: Mapping[Span, Decimal]
) -> dict[str, dict[str, list[Point]]]:
    """Measure id → kind of period → points in order of time, at council level and for the whole council.

    Measures whose periods are neither quarters nor years have their own published values among the comparators.
    """
    own = _rows(
        connection,
        "select measure_id, period_type, period_start, period_end, period_label, numerator, denominator, value, "
        f"target, status, is_provisional from {tables[FIGURES]} where unit_level = 'council' and area_id = '' "
        "order by measure_id, period_type, period_start",
    )
    known = {row["measure_id"] for row in own}
    own += [
        row
        for row in _rows(
            connection,
            "select distinct measure_id, 'other' as period_type, period_start, period_end, period_label, "
            "null as numerator, null as denominator, value, null as target, 'no_target' as status, "
            f"false as is_provisional from {tables[COMPARATORS]} where is_own_area order by measure_id, period_start",
        )
        if row["measure_id"] not in known
    ]
    series: dict[str, dict[str, list[Point]]] = {}
    for row in own:
        key = row["measure_id"], row["period_start"], row["period_end"]
        point = Point(
            start=row["period_start"],
            end=row["period_end"],
            label=row["period_label"],
            value=row["value"],
            numerator=row["numerator"],
            denominator=row["denominator"],
            target=row["target"],
            status=row["status"],
            is_provisional=bool(row["is_provisional"]),
            median=medians.get(key),
        )
        series.setdefault(row["measure_id"], {}).setdefault(row["period_type"], []).append(point)
    return series


def _processes(
    connection: duckdb.DuckDBPyConnection, table: str, medians: Mapping[Span, Decimal]
) -> dict[str, list[Point]]:
    """Measure id → the points of its control chart at council level, in order of time. A chart of which the public may
    not see every figure has no group, and is none."""
    processes: dict[str, list[Point]] = {}
    for row in _rows(
        connection,
        f"select {_names(PROCESS)} from {table} where unit_level = 'council' and area_id = '' "
        "and process_group is not null order by measure_id, period_start, period_end",
    ):
        point = Point(
            start=row["period_start"],
            end=row["period_end"],
            label=row["period_label"],
            value=row["value"],
            target=row["target"],
            is_provisional=bool(row["is_provisional"]),
            mean=row["mean"],
            lower_limit=row["lower_limit"],
            upper_limit=row["upper_limit"],
            process_group=int(row["process_group"]),
            point_type=str(row["point_type"]),
            is_upward=is_upward(row),
            median=medians.get((row["measure_id"], row["period_start"], row["period_end"])),
        )
        processes.setdefault(row["measure_id"], []).append(point)
    return processes


def _points_of(row: Mapping[str, Any], by_type: Mapping[str, list[Point]]) -> tuple[Point, ...]:
    """The series the report's row belongs to, up to its period: quarters for a quarter's figure, years for a year's.

    Where the row's own period has no value, its place at the end stays empty.
    """
    start, end = row["period_start"], row["period_end"]
    if start is None or end is None:
        return ()
    for points in by_type.values():
        if any((point.start, point.end) == (start, end) for point in points):
            return tuple(point for point in points if point.end <= end)[-MOST_POINTS:]
    for points in by_type.values():
        alike = [p for p in points if p.end < end and abs((p.end - p.start).days - (end - start).days) < 10]
        if alike:
            return (*alike[1 - MOST_POINTS :], Point(start, end, row["period_label"], None))
    return ()


def _period(facts: ReleaseFacts) -> str:
    """The reporting period in few letters: 'Q2 2026/27'."""
    return facts.period_label.split(" (", 1)[0]


def _own_area(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> str | None:
    row = connection.execute(
        f"select area_name from {tables[COMPARATORS]} where is_own_area and area_name is not null "
        "group by area_name order by count(*) desc, area_name limit 1"
    ).fetchone()
    return str(row[0]) if row else None


def _grades(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Measure's name → criterion → its grade for data quality."""
    grades: dict[str, dict[str, str]] = {}
    for name, criterion, grade in connection.execute(
        f"select measure_name, criterion, grade from {tables[QUALITY]} order by all"
    ).fetchall():
        grades.setdefault(name, {})[criterion] = grade
    return grades


def _grades_sentences(grades: Mapping[str, Mapping[str, str]]) -> list[str]:
    """'A or B for data quality in all that is graded: 12 of 14 measures', and which have a D, and for what."""
    if not grades:
        return []
    good = sum(max(of_measure.values()) <= "B" for of_measure in grades.values())
    said = [
        f"{wording.in_words(good)} of {wording.count(len(grades), 'measure')} graded A or B for data quality throughout"
    ]
    worst = {
        name: [criterion.replace("_", " ") for criterion, grade in of_measure.items() if grade == "D"]
        for name, of_measure in grades.items()
    }
    named = [f"{name} ({wording.joined(criteria)})" for name, criteria in worst.items() if criteria]
    if named:
        more = [wording.count(len(named) - MOST_NAMED, "other")] if len(named) > MOST_NAMED else []
        said.append(f"Graded D: {wording.joined([*named[:MOST_NAMED], *more])}")
    return said


def _trust(
    story: Story,
    facts: ReleaseFacts,
    datasets: Sequence[Mapping[str, Any]],
    missing: Sequence[Mapping[str, Any]],
    grades: Mapping[str, Mapping[str, str]],
) -> Trust:
    """What a reader needs to know before relying on the figures, and the warnings themselves."""
    reporting = _period(facts)
    declared = [row for row in datasets if row["is_declared"]]
    sentences = [f"{story.coverage} for {reporting}"]
    if declared:
        late = f"; {len(missing)} late or missing" if missing else ""
        sentences.append(f"{len(declared) - len(missing)} of {len(declared)} data sets arrived{late}")
        rows = sum(row["row_count"] or 0 for row in declared)
        rejected = sum(row["rejected_count"] or 0 for row in declared)
        sentences.append(
            f"{rejected:,} of {rows + rejected:,} rows were refused because they broke their data contract"
            if rejected
            else f"None of {rows:,} rows was refused"
        )
    passed = sum(check.passed for check in facts.checks)
    if facts.checks:
        warned = len(facts.checks) - passed
        sentences.append(
            f"{passed:,} of {len(facts.checks):,} checks passed"
            + (f"; {wording.count(warned, 'warning')}" if warned else "")
        )
    provisional = [measure.name for measure in story.measures if measure.is_provisional]
    if provisional:
        sentences.append(f"Provisional: {wording.joined(provisional)}")
    sentences += _grades_sentences(grades)
    warnings = [check.description or check.name for check in facts.checks if not check.passed]
    warnings += [
        f"{_dataset_words(row['system'], row['dataset'])}: {row['rejected_count']:,} of "
        f"{(row['row_count'] or 0) + row['rejected_count']:,} rows refused"
        for row in declared
        if row["rejected_count"]
    ]
    return Trust(
        tuple(wording.sentence(text) for text in sentences), tuple(wording.sentence(text) for text in warnings)
    )


def _missing(row: Mapping[str, Any]) -> dict[str, Any]:
    last = row["last_period_start"]
    return {
        "dataset": f"{row['system']}.{row['dataset']}",
        "owner": row["owner"],
        "reason": row["reason"],
        "last_period_start": last.isoformat() if last else None,
    }


def _dataset_words(system: str, dataset: str) -> str:
    """'HR absences', 'Finance ledger', 'Transparency supplier spend'."""
    return f"{ACRONYMS.get(system, system.capitalize())} {dataset.replace('_', ' ')}"


def missing_words(missing: Mapping[str, Any]) -> str:
    """'hr absences: not returned. Owner: people.team@….'"""
    owner = f" Ask {missing['owner']}." if missing["owner"] else ""
    name = _dataset_words(*missing["dataset"].split("."))
    return f"{name}: {wording.sentence(missing['reason'] or 'nothing arrived')}{owner}"


def _downloads(publications: Sequence[Publication], edition: str) -> list[Mapping[str, Any]]:
    """What lies beside the page; links are relative, so that a copied release still works."""
    return [
        {
            "label": publication.label,
            "description": publication.description,
            "files": [
                {
                    "href": f"../{publication.kind}s/{table.name}.{file_format}",
                    "format": TABLE_FORMATS[file_format],
                }
                for table in publication.tables
                for file_format in publication.table_formats(edition)
            ],
        }
        for publication in publications
        if edition in publication.audiences
    ]
