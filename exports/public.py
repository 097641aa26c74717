"""The public edition: feeds and reports for everybody, small counts of people hidden, as an open data package.
Belongs here: masking, files, their descriptions. Not here: which cells to hide (disclosure), the proof (audit)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from exports import audit, formats, site
from exports.archive import sha256
from exports.disclosure import is_small, suppress
from exports.errors import ExportError
from exports.facts import ReleaseFacts
from exports.publications import Column, Publication, Table, pairs
from exports.relations import Figure, Structure, Variables, relations_of

VALUES = "feed_measure_values"
BOTH = ("numerator", "denominator")
PEOPLE = {"none": (), "numerator": ("numerator",), "denominator": ("denominator",)}  # anything else: both
LICENCE = {
    "name": "OGL-UK-3.0",
    "path": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
    "title": "Open Government Licence v3.0",
}
KEY = ("measure_id", "unit_id", "area_id", "basis", "period_type", "period_start", "period_end")
FIGURES = ("numerator", "denominator", "value")
# What names and describes a figure. Every other column says something about its value and is hidden with it.
NAMES = frozenset(
    (*KEY, "council", "measure_name", "outcome_id", "outcome_name", "domain", "domain_name", "domain_order",
     "unit_name", "unit_level", "period_code", "period_label", "value_unit", "decimal_places", "polarity",
     "numerator_label", "denominator_label", "is_provisional", "target", "tolerance", "target_valid_from",
     "display_order", "neighbour_set", "area_code", "area_name", "is_own_area", "report_id", "recipient_id",
     "recipient_name", "section_order", "section_name", "line_order", "owner", "is_reported")
)  # fmt: skip
AT_ITS_TIME = frozenset((*FIGURES, "interval_lower", "interval_upper", "is_small_denominator", "status"))
SINCE_BEFORE = frozenset(("previous_value", "change", "direction_of_travel"))
REASON = Column(
    "reason", "varchar",
    "Why there is no value: suppressed (hidden, so that small numbers of people cannot be read or worked out), not "
    "returned, not applicable (nothing to divide by); empty where there is one.", frozenset({"public"}),
)  # fmt: skip
# Below the whole council counts of people stay in the house where they are months, which are mostly small and each cost
# others in their quarter, unit and area; the period alone of a figure that runs over several; and running figures that
# overlap, because one less the other gives the period alone: the one that ends with the financial year is published.
BELOW = "(list_contains($below, unit_id) or area_id <> '')"
RUNNING = "(list_contains($running, measure_id) and basis = 'reported' and period_type in ('month', 'quarter'))"
TOO_FINE = (
    f"({BELOW} and not list_contains($nobody, measure_id) and (period_type = 'month' or basis = 'in_period' "
    f"or ({RUNNING} and not list_contains($year_ends, period_end))))"
)
TYPES = {"BOOLEAN": "boolean", "DATE": "date", "INTEGER": "integer", "BIGINT": "integer", "DOUBLE": "number"}
CSVW_TYPES = {"number": "decimal", "string": "string", "datetime": "dateTime"}


def write_public(
    connection: duckdb.DuckDBPyConnection,
    publications: Sequence[Publication],
    folder: Path,
    facts: ReleaseFacts,
    release_id: str,
    earlier: Sequence[Path],
) -> None:
    """Write the public edition into `folder` and prove that it gives no hidden count away.

    Args:
        release_id: said on the pages and in the package.
        earlier: public folders of this council's earlier releases, newest first.

    Raises:
        ExportError: a hidden count could be worked out; the message names it. Or a table cannot be masked.
    """
    truth = read_figures(connection)
    structure = read_structure(connection)
    past = [audit.Past(path, read_past(connection, path)) for path in earlier if (path / "feeds").is_dir()]
    hidden = _hidden(connection, truth, structure, past, facts)
    resources: list[dict[str, Any]] = []
    dictionary: list[list[object]] = []
    shown: list[Publication] = []
    with closing(duckdb.connect()) as masked:
        masked.execute("set TimeZone = 'UTC'")
        masked.execute("create schema marts; create schema core")
        _fill_hidden(masked, hidden, structure)
        for publication in publications:
            if "public" not in publication.audiences:
                continue
            selections = [_mask(connection, masked, publication, table) for table in publication.tables]
            shown.append(replace(publication, tables=tuple(selection.table for selection in selections)))
            for selection in selections:
                resources += _write(masked, publication, selection, folder, facts)
                types = formats.database_columns(masked, selection.table)
                name, description = selection.table.name, selection.table.description
                dictionary += [
                    [facts.council, name, column.name, types[column.name], column.description, description]
                    for column in selection.columns
                ]
        header = ["council", "table", "column", "type", "description", "table_description"]
        formats.write_csv_rows(folder / "dictionary.csv", header, dictionary)
        revisions = _revisions(connection, folder, past[0].folder if past else None)
        formats.write_csv_rows(folder / "revisions.csv", REVISION_COLUMNS, revisions)
        package = formats.to_json(_package(resources, facts, release_id))
        (folder / "datapackage.json").write_text(package, encoding="utf-8")
        (folder / "README.md").write_text(_readme(facts, resources, len(revisions), bool(past)), encoding="utf-8")
        _write_site(connection, masked, shown, folder, facts, release_id)
    problems = audit.prove(folder, truth, structure, past, read_factors(connection), facts.disclosure)
    if problems:
        raise ExportError(
            f"The public edition is refused, because {len(problems):,} hidden counts could be worked out from what is "
            f"shown, now or in an earlier release: {'; '.join(problems[:3])}. Hide more of the measure, or take back "
            "the earlier file that shows it."
        )


def _write_site(
    connection: duckdb.DuckDBPyConnection,
    masked: duckdb.DuckDBPyConnection,
    publications: Sequence[Publication],
    folder: Path,
    facts: ReleaseFacts,
    release_id: str,
) -> None:
    """The pages that the house has, made of what the public may see: they read the masked tables and nothing else."""
    names = {table.name for _, table in pairs(publications)}
    if site.HOME not in names:
        return
    ((start, end),) = connection.execute(
        "select reporting_period_start, reporting_period_end from core.dim_council"
    ).fetchall()
    masked.execute(
        "create table core.dim_council as select cast(? as date) as reporting_period_start, "
        "cast(? as date) as reporting_period_end", [start, end],
    )  # fmt: skip
    files = [
        {"path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "audience": "public"}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    health = site.read_health(masked, publications, facts, "public")
    for name, content in site.pages(health, release_id, files).items():
        path = folder / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _has(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> list[str]:
    rows = connection.execute(
        "select column_name from duckdb_columns() where database_name = current_database() and schema_name = ? "
        "and table_name = ? order by column_index", [schema, table],
    ).fetchall()  # fmt: skip
    return [name for (name,) in rows]


def people_of(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, ...]]:
    """Measure to the parts that count people; a measure that is not named counts them in both."""
    if "counts_people" not in _has(connection, "core", "dim_measures"):
        return {}
    rows = connection.execute("select measure_id, counts_people from core.dim_measures").fetchall()
    return {measure: PEOPLE.get(counts, BOTH) for measure, counts in rows}


def _counted(source: str, which: str = f"not {TOO_FINE}") -> str:
    """SQL for the figures of `source` that count people: key, and the numbers that count people. `which` leave the
    house."""
    return (
        f"select {', '.join(KEY)}, "
        "case when not list_contains($no_numerator, measure_id) then numerator end as numerator, "
        "case when not list_contains($no_denominator, measure_id) then denominator end as denominator "
        f"from {source} where {which} and not list_contains($nobody, measure_id)"
    )


def _figures(connection: duckdb.DuckDBPyConnection, counted: str, where: str = "true") -> list[Figure]:
    query = f"select * from ({counted}) where {where} order by {', '.join(KEY)}"
    names = (*KEY, "numerator", "denominator")
    rows = connection.execute(query, _asked(connection, query)).fetchall()
    return [Figure(**dict(zip(names, row, strict=True))) for row in rows]


def _asked(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, list[object]]:
    """What a query asks by name: the measures that count nobody, or not in one of their numbers, those that add people
    up over several periods, the units below the whole council and the last days of financial years."""
    people = people_of(connection)
    told: dict[str, list[object]] = {
        "nobody": [measure for measure, parts in people.items() if not parts],
        "no_numerator": [measure for measure, parts in people.items() if "numerator" not in parts],
        "no_denominator": [measure for measure, parts in people.items() if "denominator" not in parts],
        "running": [],
        "below": [],
        "year_ends": [],
    }
    listed = {
        "running": ("dim_measures", "accumulation", "select measure_id from core.dim_measures "
                    "where accumulation not in ('in_period', 'point_in_time')"),
        "below": ("dim_units", "parent_unit_id",
                  "select unit_id from core.dim_units where parent_unit_id is not null"),
        "year_ends": ("dim_periods", "period_type",
                      "select distinct period_end from core.dim_periods where period_type = 'financial_year'"),
    }  # fmt: skip
    for name, (table, column, rows) in listed.items():
        if column in _has(connection, "core", table):
            told[name] = [value for (value,) in connection.execute(f"{rows} order by 1").fetchall()]
    told["running"] = [measure for measure in told["running"] if "numerator" in people.get(str(measure), BOTH)]
    return {name: values for name, values in told.items() if f"${name}" in query}


def read_figures(connection: duckdb.DuckDBPyConnection) -> list[Figure]:
    """Every figure that counts people, with its true counts."""
    return _figures(connection, _counted(f"marts.{VALUES}")) if _has(connection, "marts", VALUES) else []


def read_past(connection: duckdb.DuckDBPyConnection, public: Path) -> list[Figure]:
    """The true counts behind an earlier public folder: all of each measure of which any is not as it is now.

    What is the same now as then is told by the present counts already. Which figures had left the house is asked of the
    folder: the rules of today may be other ones.
    """
    inside, outside = (folder / "feeds" / f"{VALUES}.parquet" for folder in (public.parent, public))
    if not inside.exists() or not outside.exists() or not _has(connection, "marts", VALUES):
        return []
    left, published = (f"read_parquet('{str(path).replace(chr(39), chr(39) * 2)}')" for path in (inside, outside))
    then = _counted(left, f"({', '.join(KEY)}) in (select ({', '.join(KEY)}) from {published})")
    other = f"select measure_id from ({then} except {_counted(f'marts.{VALUES}')})"
    return _figures(connection, then, f"measure_id in ({other})")


def read_structure(connection: duckdb.DuckDBPyConnection) -> Structure:
    """The tree of units, the kinds of areas and the measures' own words, from the curated database."""
    parents, areas, labels, shares = {}, {}, {}, set()
    if _has(connection, "core", "dim_units"):
        parents = dict(connection.execute("select unit_id, parent_unit_id from core.dim_units").fetchall())
    if _has(connection, "core", "dim_areas"):
        areas = dict(connection.execute("select area_id, area_type from core.dim_areas").fetchall())
    if _has(connection, "core", "dim_measures"):
        query = "select measure_id, numerator_label, denominator_label, value_unit from core.dim_measures"
        for measure, numerator, denominator, unit in connection.execute(query).fetchall():
            labels[measure, "numerator"], labels[measure, "denominator"] = numerator, denominator
            if unit == "percent":
                shares.add(measure)
    return Structure(parents, areas, labels, frozenset(shares))


def read_factors(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[float, int]]:
    """Measure to its multiplier and decimal places: how a value follows from its two numbers."""
    if not _has(connection, "core", "dim_measures"):
        return {}
    query = "select measure_id, multiplier, decimal_places from core.dim_measures where multiplier is not null"
    return {
        measure: (float(factor), int(places or 0)) for measure, factor, places in connection.execute(query).fetchall()
    }


def _hidden(
    connection: duckdb.DuckDBPyConnection, truth: Sequence[Figure], structure: Structure,
    past: Sequence[audit.Past], facts: ReleaseFacts,
) -> dict[Figure, set[str]]:  # fmt: skip
    """Figures with the parts of them to hide."""
    variables = Variables()
    relations = relations_of(truth, structure, variables)
    present = {
        variables.number((figure, part)): (figure, part)
        for figure in truth for part in ("numerator", "denominator") if getattr(figure, part) is not None
    }  # fmt: skip
    for each in past:
        relations += relations_of(each.truth, structure, variables)
    relations = list(dict.fromkeys(relations))  # releases say the same of what they share
    # A number that is in no present figure was published then or not; nothing can be hidden of it now.
    known = audit.known_before(past, variables)
    count = len(variables.values)
    small = {at for at in range(count) if is_small(variables.values[at], facts.disclosure.threshold)}
    chosen = suppress(variables.values, relations, small, known, facts.disclosure.width)
    hidden: dict[Figure, set[str]] = {}
    for at in sorted(chosen & present.keys()):
        figure, part = present[at]
        hidden.setdefault(figure, set()).add(part)
    return hidden


def _fill_hidden(
    masked: duckdb.DuckDBPyConnection, hidden: Mapping[Figure, Collection[str]], structure: Structure
) -> None:
    masked.execute(
        "create table hidden (measure_id varchar, unit_id varchar, area_id varchar, basis varchar, "
        "period_type varchar, period_start date, period_end date, numerator boolean, denominator boolean, "
        "is_whole boolean)"
    )
    rows = [
        (*(getattr(figure, name) for name in KEY), "numerator" in parts, "denominator" in parts,
         structure.parents.get(figure.unit_id) is None)
        for figure, parts in hidden.items()
    ]  # fmt: skip
    if rows:
        import pyarrow as pa

        names = [*KEY, "numerator", "denominator", "is_whole"]
        given = pa.table({name: [row[at] for row in rows] for at, name in enumerate(names)})
        masked.register("given", given)
        masked.execute("insert into hidden select * from given")
        masked.unregister("given")


def _mask(
    connection: duckdb.DuckDBPyConnection, masked: duckdb.DuckDBPyConnection, publication: Publication, table: Table
) -> formats.Selection:
    """Copy the table's public columns, hide what has to be hidden, and say why a value is missing."""
    columns = table.columns_for("public")
    names = [column.name for column in columns]
    masked.register("given", _rows_for_all(connection, names, publication, table).to_arrow_table())
    if "measure_id" not in names or "period_start" not in names:
        told = [name for name in names if name in (*FIGURES, *SINCE_BEFORE)]
        if told:
            raise ExportError(
                f"exposure '{publication.name}': model '{table.name}' publishes '{told[0]}' without measure_id and "
                "period_start, so nobody can tell which small numbers to hide. Add them, or do not mark it public."
            )
        masked.execute(f"create table {table.relation} as select * exclude (is_running) from given")
        masked.unregister("given")
        return formats.Selection(table, columns, publication.order_by)
    keys = {name for name in KEY if name in names}
    others = ["hidden.is_whole"] if "unit_id" not in keys else []
    others += ["hidden.area_id = ''"] if "area_id" not in keys else []
    series = " and ".join(
        ["hidden.measure_id = given.measure_id", *others]
        + [f"hidden.{name} = given.{name}" for name in ("unit_id", "area_id") if name in keys]
    )
    now = (
        f"{series} and hidden.period_start = given.period_start"
        + "".join(
            f" and hidden.{name} = given.{name}" for name in ("period_end", "period_type", "basis") if name in keys
        )
        + ("" if "basis" in keys else " and hidden.basis = 'reported'")
    )
    before = f"{series} and hidden.period_end < given.period_start and hidden.period_end >= given.period_start - 366"
    if "period_type" in keys:
        before += (
            " and hidden.period_type = given.period_type "
            "and (given.period_type = 'other' or hidden.period_end = given.period_start - 1)"
        )
    tests = {
        "is_hidden": f"exists (select 1 from hidden where {now})",
        "no_numerator": f"exists (select 1 from hidden where {now} and hidden.numerator)",
        "no_denominator": f"exists (select 1 from hidden where {now} and hidden.denominator)",
        "no_before": f"exists (select 1 from hidden where {before})",
        "in_series": f"exists (select 1 from hidden where {series})",
        "in_measure": "exists (select 1 from hidden where hidden.measure_id = given.measure_id)",
    }
    cells = ", ".join(f'{_masked(name)} as "{name}"' for name in names)
    if "value" in names:
        missing = "numerator is null" if "numerator" in names else "true"
        reason = (
            "case when is_hidden then 'suppressed' when value is not null then null "
            f"when {missing} then 'not returned' else 'not applicable' end as reason"
        )
        cells, columns = f"{cells}, {reason}", (*columns, REASON)
    judged = ", ".join(f"{test} as {name}" for name, test in tests.items())
    masked.execute(
        f"create table {table.relation} as select {cells} from (select given.*, {judged} from given) as given"
    )
    masked.unregister("given")
    return formats.Selection(replace(table, columns=columns), columns, publication.order_by)


def _rows_for_all(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], publication: Publication, table: Table
) -> duckdb.DuckDBPyConnection:
    """The table's public columns of its public rows, without those that are too fine to leave; `is_running` says whose
    figure before overlaps and so cannot be told."""
    listed = ", ".join(f'"{name}"' for name in names)
    given = f"(select * from {table.relation} where {publication.public_rows or 'true'})"
    if not {"measure_id", "period_type", "period_end"} <= set(names):
        return connection.execute(f"select {listed}, false as is_running from {given}")
    has = {"unit_id": "''", "area_id": "''", "basis": "'reported'"}
    filled = "".join(f", {absent} as {name}" for name, absent in has.items() if name not in names)
    query = (
        f"select {listed}, {BELOW} and {RUNNING} as is_running from (select {listed}{filled} from {given}) "
        f"where not {TOO_FINE}"
    )
    return connection.execute(query, _asked(connection, query))


def _masked(name: str) -> str:
    """SQL for a column as the public sees it. Unknown columns are taken to tell of the whole history: default deny."""
    if name in NAMES:
        return f'"{name}"'
    if name in ("numerator", "denominator"):
        test = f"no_{name}"
    elif name in AT_ITS_TIME:
        test = "is_hidden"
    elif name in SINCE_BEFORE:
        test = "is_hidden or no_before or is_running"
    elif name.startswith("units_"):
        test = "in_measure"
    else:
        test = "in_series"
    return f'case when {test} then null else "{name}" end'


def _write(
    masked: duckdb.DuckDBPyConnection, publication: Publication, selection: formats.Selection, folder: Path,
    facts: ReleaseFacts,
) -> list[dict[str, Any]]:  # fmt: skip
    """Write one table as CSV with its CSVW metadata and as Parquet; their entries in the data package."""
    table = selection.table
    types = formats.database_columns(masked, table)
    place = folder / f"{publication.kind}s"
    place.mkdir(parents=True, exist_ok=True)
    fields = [
        {"name": column.name, "type": _type(types[column.name]), "description": column.description}
        for column in selection.columns
    ]
    metadata = {
        "council": facts.council,
        "notice": f"{facts.council}: every figure is made up." if facts.is_fictional else "",
        "licence": facts.licence, "attribution": " ".join(facts.attribution), "period": facts.period_label,
        "publication": publication.name, "version": str(publication.version), "audience": "public",
        "description": publication.description,
    }  # fmt: skip
    made = []
    for kind in publication.table_formats("public"):
        path = place / f"{table.name}.{kind}"
        if kind == "csv":
            formats.write_csv(masked, selection, path)
        else:
            formats.write_parquet(masked, selection, path, metadata)
        formats.check_written(masked, selection, path, kind, {name: types[name] for name in types})
        made.append(
            {
                "name": f"{table.name}_{kind}".replace("_", "-"), "path": path.relative_to(folder).as_posix(),
                "title": publication.label, "description": f"{publication.description} {publication.method}",
                "format": kind, "encoding": "utf-8", "bytes": path.stat().st_size, "hash": f"sha256:{sha256(path)}",
                "mediatype": {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}[kind],
                "schema": {"fields": fields, "missingValues": [""]},
            }
            | ({"profile": "tabular-data-resource", "dialect": {"lineTerminator": "\r\n"}} if kind == "csv" else {})
        )  # fmt: skip
    csvw = {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "url": f"{table.name}.csv",
        "dc:title": publication.label,
        "dc:description": publication.description,
        "dc:license": {"@id": LICENCE["path"]},
        "tableSchema": {
            "columns": [
                {"name": each["name"], "titles": each["name"], "datatype": CSVW_TYPES.get(each["type"], each["type"]),
                 "dc:description": each["description"]}
                for each in fields
            ]
        },
    }  # fmt: skip
    (place / f"{table.name}.csv-metadata.json").write_text(formats.to_json(csvw), encoding="utf-8")
    return made


def _type(kind: str) -> str:
    return "number" if kind.startswith("DECIMAL") else "datetime" if "TIMESTAMP" in kind else TYPES.get(kind, "string")


def _package(resources: Sequence[Mapping[str, Any]], facts: ReleaseFacts, release_id: str) -> dict[str, Any]:
    """The folder as a Frictionless Data Package."""
    slug = "".join(each if each.isalnum() else "-" for each in facts.council.lower()).strip("-")
    return {
        "profile": "data-package",
        "name": "-".join(filter(None, f"{slug}-{facts.period_code.lower()}".split("-"))),
        "title": f"{facts.council}: performance, {facts.period_label}",
        "description": ("Every figure is made up. " if facts.is_fictional else "")
        + f"Counts of people from 1 to {facts.disclosure.threshold} are hidden, with whatever would give them away.",
        "version": release_id,
        "created": facts.as_of.isoformat(),
        "licenses": [LICENCE],
        "sources": [{"title": statement} for statement in dict.fromkeys(facts.attribution)],
        "resources": list(resources),
    }


REVISION_COLUMNS = ["measure_id", "unit_id", "area_id", "basis", "period_type", "period_start", "period_end",
                    "value_before", "value_now", "reason_code", "explanation"]  # fmt: skip


def _revisions(connection: duckdb.DuckDBPyConnection, folder: Path, before: Path | None) -> list[list[object]]:
    """Values that the last public release and this one both show, differently, with the reason where one is known."""
    name = f"feeds/{VALUES}.parquet"
    if before is None or not (before / name).exists() or not (folder / name).exists():
        return []
    same = " and ".join(f"a.{key} = b.{key}" for key in KEY)
    why = "select null as reason_code, null as explanation where false"
    known = set(_has(connection, "insight", "restatements"))
    parts = [key for key in KEY if key in known]
    if {"reason_code", "explanation", "published_on"} <= known:
        why = (
            "select reason_code, explanation from insight.restatements as r where "
            + " and ".join(f"r.{key} is not distinct from b.{key}" for key in parts)
            + " order by published_on desc, reason_code, explanation limit 1"
        )
    rows = connection.execute(
        f"select {', '.join(f'b.{key}' for key in KEY)}, a.value, b.value, why.reason_code, why.explanation "
        f"from read_parquet(?) as a inner join read_parquet(?) as b on {same} left join lateral ({why}) as why on true "
        "where a.value <> b.value order by all",
        [str(before / name), str(folder / name)],
    ).fetchall()
    return [["" if cell is None else cell for cell in row] for row in rows]


def _readme(facts: ReleaseFacts, resources: Sequence[Mapping[str, Any]], revised: int, has_past: bool) -> str:
    notice = f"**{facts.council}: every figure is made up.**\n\n" if facts.is_fictional else ""
    files = "\n".join(f"- `{each['path']}`: {each['title']}" for each in resources)
    since = (
        f"{revised:,} values differ from the last public release; `revisions.csv` lists each with its reason, where "
        "one was given."
        if has_past
        else "This is the first public release, so nothing is revised."
    )
    sources = "\n".join(f"- {statement}" for statement in dict.fromkeys(facts.attribution))
    return (
        f"# {facts.council}: performance, {facts.period_label}\n\n{notice}{files}\n\n"
        "`dictionary.csv` explains every column; `datapackage.json` and the `csv-metadata.json` beside each CSV file "
        "say the same to programs.\n\n## What is hidden\n\n"
        f"Counts of people from 1 to {facts.disclosure.threshold} are not shown, nor what would give them away. Zero "
        "is shown as zero. The column `reason` says why a value is missing: suppressed, not returned or not "
        "applicable.\n\n"
        f"## What changed\n\n{since}\n\n## Licence\n\n{facts.licence} ({LICENCE['path']}).\n\n{sources}\n"
    )
