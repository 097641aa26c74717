"""A new measure: its row, its SQL, its unit test that fails until somebody has counted, and its place in the list.

Belongs here: what every measure has in common, written down once. Not here: what a measure counts, which is for a
person to say; adding up (dbt_project/models/values).
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import yaml

from orchestration import build
from orchestration.settings import DBT_PROJECT, Settings
from sources.errors import ConfigurationError, listed, nearest, shown_path

_ID = re.compile(r"[A-Z]{2}\d{2}[A-Z]?")
_LINE = re.compile(r"^ {8}'(\w+)',\n", re.MULTILINE)  # of the list of measure models
_IDS_STAND_IN = ("measures", "published_figures", "corrections")  # tables whose ids were once given out
_WORDS = 60  # characters of a file's name
# Columns in which a row of a core model says when it counts, best first, with the frequency that they make.
_PERIODS = [(r"(.*_month|month_start)", "month"), (r"quarter_start", "quarter"), (r"year_start", "calendar_year")]


@dataclass(frozen=True)
class Scaffolded:
    """What was written, and what a person has to look at."""

    model: str
    paths: list[Path]
    remarks: list[str]


def scaffold(
    settings: Settings,
    measure_id: str,
    name: str | None = None,
    domain: str | None = None,
    core: str | None = None,
    project: Path = DBT_PROJECT,
) -> Scaffolded:
    """Write row, SQL, YAML and entry of the measure `measure_id`, which counts the rows of the core model `core`.

    What is not said is taken from the measures of its domain. Raises ConfigurationError, before anything is written,
    for an id in use or once used and for names that there are not.
    """
    _refuse_used(settings, measure_id, project)
    header, rows = _framework(settings)
    domain = domain or _most(rows, "domain") or "services"
    like = [row for row in rows if row["domain"] == domain] or rows
    known = next(c for c in settings.contracts["framework.measures"].columns if c.name == "domain").values
    if domain not in known:
        raise ConfigurationError(f"'{domain}' is not a domain.{nearest(domain, known)} Domains: {listed(known)}.")
    core = core or _usual_core(project, domain)
    columns = _columns_of(project, core)
    period, frequency = _period(core, columns)
    name = name or f"Measure {measure_id}"
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_WORDS].rstrip("_")
    model = f"{measure_id.lower()}_{words}"
    row = {
        "measure_id": measure_id,
        "name": name,
        "description": f"Draft: rows of {core}, each counted once.",
        "outcome_id": _most(like, "outcome_id") or _first_outcome(settings),
        "domain": domain,
        "measure_type": "operational",
        "polarity": "context",
        "value_unit": "count",
        "multiplier": "1",
        "decimal_places": "0",
        "frequency": frequency,
        "accumulation": "in_period",
        "owner": _most(like, "owner") or settings.council.contact,
        "numerator_label": "rows",
        "source_label": core,
        "valid_from": settings.council.first_quarter.start.isoformat(),
        "computed_by": "model",
    }
    folder = project / "models" / "measures" / domain
    table = settings.folder / "framework" / "measures.csv"
    entries = project / "macros" / "measure_models.sql"
    text = _with_entry(entries.read_text(encoding="utf-8"), model)
    folder.mkdir(parents=True, exist_ok=True)
    sql, described = folder / f"{model}.sql", folder / f"{model}.yml"
    sql.write_text(_sql(measure_id, name, core, columns, period), encoding="utf-8")
    described.write_text(_yaml(measure_id, name, model, core, columns, period), encoding="utf-8")
    entries.write_text(text, encoding="utf-8")
    _append(table, header, row)
    return Scaffolded(
        model,
        [table, sql, described, entries],
        [
            f"{shown_path(table)}: the last row is a draft. Say what is counted, and choose `outcome_id`, `polarity`, "
            "`value_unit`, `multiplier`, `owner` and the labels.",
            f"{shown_path(sql)}: counts every row of {core} once, in the period of `{period}`. Say in `numerator` and "
            "`denominator` what counts.",
            f"{shown_path(described)}: its unit test fails until you have counted by hand what its rows should give.",
        ],
    )


def unit_tests(settings: Settings, measure_id: str, project: Path = DBT_PROJECT) -> list[tuple[str, str]]:
    """Run the unit tests of a measure on a copy of the finished tables; each with what is wrong, '' if it passes.
    Raises ConfigurationError when the measure has no model of its own, FileNotFoundError before the first build."""
    found = _model_of(project, measure_id)
    if found is None:
        raise ConfigurationError(
            f"'{measure_id}' has no SQL file of its own. `vitals measure new {measure_id}` writes one."
        )
    if not settings.curated.exists():
        raise FileNotFoundError(f"{settings.curated}: nothing has been built yet. Run `vitals run` first.")
    with tempfile.TemporaryDirectory() as aside:
        trial = replace(settings, base=Path(aside))
        trial.data.mkdir(parents=True)
        shutil.copy(settings.curated, trial.build)
        result = build.dbt(trial, ["test", "--select", f"{found.stem},test_type:unit"])
    if result.exception is not None:
        raise RuntimeError(f"dbt could not run: {result.exception}")
    return [(item.node.name, "" if str(item.status) == "pass" else str(item.message).strip()) for item in result.result]


def _refuse_used(settings: Settings, measure_id: str, project: Path) -> None:
    if not _ID.fullmatch(measure_id):
        raise ConfigurationError(
            f"'{measure_id}' is not an id of a measure: two capital letters and two digits, such as HR06."
        )
    model = _model_of(project, measure_id)
    for path in (settings.folder / "framework" / f"{name}.csv" for name in _IDS_STAND_IN):
        if not path.exists():
            continue
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                columns = [name for name in ("measure_id", "supersedes") if row.get(name) == measure_id]
                if columns:
                    raise ConfigurationError(
                        f"{shown_path(path)}: row {number} has {measure_id} as {columns[0]}. An id is never used again "
                        "for another measure: take a new one, and name the old one in `supersedes` if this follows it."
                    )
    for path in sorted(settings.releases.glob("*/r*/feeds/feed_measure_values.parquet")):
        with duckdb.connect() as con:
            if con.execute(
                "select 1 from read_parquet(?) where measure_id = ? limit 1", [str(path), measure_id]
            ).fetchone():
                raise ConfigurationError(
                    f"{measure_id} was published in {path.parents[2].name}/{path.parents[1].name}. An id is never used "
                    "again for another measure: take a new one."
                )
    if model is not None:
        raise ConfigurationError(
            f"{shown_path(model)}: {measure_id} has its SQL already, for another council. If it counts what you mean, "
            f"a row in {shown_path(settings.folder / 'framework' / 'measures.csv')} is all that is missing; else take "
            "another id."
        )


def _model_of(project: Path, measure_id: str) -> Path | None:
    """The SQL file that counts the measure, whose name begins with its id."""
    return next(iter(sorted((project / "models" / "measures").rglob(f"{measure_id.lower()}_*.sql"))), None)


def _framework(settings: Settings) -> tuple[Sequence[str], list[dict[str, str]]]:
    """Header and rows of the council's measures."""
    path = settings.folder / "framework" / "measures.csv"
    if not path.exists():
        raise ConfigurationError(f"{shown_path(path)}: there is no such file. A council's measures stand there.")
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        return list(reader.fieldnames or []), list(reader)


def _most(rows: Sequence[Mapping[str, str]], column: str) -> str | None:
    """What most rows have in a column, the first of those that are as many."""
    found = Counter(row[column] for row in rows if row.get(column))
    return found.most_common(1)[0][0] if found else None


def _first_outcome(settings: Settings) -> str:
    path = settings.folder / "framework" / "outcomes.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next((row["outcome_id"] for row in csv.DictReader(file)), "")


def _usual_core(project: Path, domain: str) -> str:
    """The core model that most measures of the domain read."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((project / "models/measures" / domain).glob("*.sql"))]
    found = Counter(name for text in texts for name in sorted(set(re.findall(r"ref\('(fct_\w+)'\)", text))))
    if not found:
        raise ConfigurationError(f"No measure of {domain} reads a core model yet. Name one with --from fct_….")
    return found.most_common(1)[0][0]


def _columns_of(project: Path, core: str) -> dict[str, str]:
    """Columns of a core model with their types, from the YAML beside it."""
    known = sorted(path.stem for path in (project / "models" / "core").glob("fct_*.yml"))
    if core not in known:
        raise ConfigurationError(f"'{core}' is not a core model.{nearest(core, known)} Core models: {listed(known)}.")
    document = yaml.safe_load((project / "models" / "core" / f"{core}.yml").read_text(encoding="utf-8"))
    return {column["name"]: column["data_type"] for column in document["models"][0]["columns"]}


def _period(core: str, columns: Mapping[str, str]) -> tuple[str, str]:
    """The column in which a row says when it counts, and the frequency that follows from it."""
    for pattern, frequency in _PERIODS:
        for column in columns:
            if re.fullmatch(pattern, column):
                return column, frequency
    dates = [name for name, kind in columns.items() if kind == "date"]
    if not dates:
        raise ConfigurationError(f"{core} has no date by which a row could count. Name another with --from.")
    return dates[0], "month"


def _with_entry(text: str, model: str) -> str:
    """The macro's text with one more entry, in the order of the alphabet."""
    after = [match for match in _LINE.finditer(text) if match[1] < model]
    first = _LINE.search(text)
    if first is None:
        raise ConfigurationError("macros/measure_models.sql: there is no list of models. Restore it.")
    at = after[-1].end() if after else first.start()
    return f"{text[:at]}        '{model}',\n{text[at:]}"


def _append(path: Path, header: Sequence[str], row: Mapping[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    line = io.StringIO()
    csv.DictWriter(line, header, lineterminator="\n", extrasaction="ignore").writerow(
        {**dict.fromkeys(header, ""), **row}
    )
    path.write_text(text + ("" if text.endswith("\n") else "\n") + line.getvalue(), encoding="utf-8")


def _sql(measure_id: str, name: str, core: str, columns: Mapping[str, str], period: str) -> str:
    starts = any(re.fullmatch(pattern, period) for pattern, _ in _PERIODS)
    own = "unit_id" in columns
    prefix = "" if own else "counted."
    when = f"{prefix}{period}" if starts else f"{{{{ month_start('{prefix}{period}') }}}}"
    lines = [
        f"-- {name}. Draft: every row of {core} counts once.",
        "select",
        f"    '{measure_id}' as measure_id,",
        "    unit_id," if own else "    council.root_unit_id as unit_id,",
        f"    {prefix}area_id," if "area_id" in columns else "    '' as area_id,",
        f"    {when} as period_start,",
        "    1 as numerator,",
        "    cast(null as int) as denominator,",
        "    false as is_provisional,",
        f"    {prefix}extract_id,",
        f"    {prefix}source_row",
        f"from {{{{ ref('{core}') }}}}" + ("" if own else " as counted"),
        *([] if own else ["cross join {{ ref('dim_council') }} as council"]),
    ]
    return "\n".join(lines) + "\n"


def _yaml(measure_id: str, name: str, model: str, core: str, columns: Mapping[str, str], period: str) -> str:
    described = {
        "measure_id": "{{ doc('measure_id') }}",
        "unit_id": "{{ doc('unit_id') }}",
        "area_id": "{{ doc('area_id') }}",
        "period_start": f"First day of the period in which the row counts, from {period}.",
        "numerator": "1 for each row.",
        "denominator": "Null: the figure is the number itself.",
        "is_provisional": "Always false: a row that counts here does not change by waiting.",
        "extract_id": "{{ doc('extract_id') }}",
        "source_row": "{{ doc('source_row') }}",
    }
    given: dict[str, Any] = {period: "2026-07-01"}
    given = {"unit_id": "S1", **given} if "unit_id" in columns else given
    given |= {"area_id": ""} if "area_id" in columns else {}
    rows = [{**given, "extract_id": "e", "source_row": number} for number in (1, 2)]
    todo = "NOT COUNTED BY HAND YET: put in place of this row those that the measure should make of the rows above"
    lines = [
        "version: 2",
        "",
        "models:",
        f"  - name: {model}",
        f"    description: {_quoted(f'{name} (draft). One row per row of {core}.')}",
        "    columns:",
    ]
    for column, text in described.items():
        lines += [f"      - name: {column}", f"        description: {_quoted(text)}"]
    lines += [
        "",
        "unit_tests:",
        f"  - name: {model}_counted_by_hand",
        "    description: To be counted by hand, from as few rows as show what counts and what does not.",
        f"    model: {model}",
        "    given:",
        *(
            []
            if "unit_id" in columns
            else ["      - input: ref('dim_council')", "        rows:", "          - {root_unit_id: CITY}"]
        ),
        f"      - input: ref('{core}')",
        "        rows:",
        *(f"          - {_inline(row)}" for row in rows),
        "    expect:",
        "      rows:",
        f"        - {_inline({'measure_id': measure_id, 'unit_id': todo})}",
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _inline(row: Mapping[str, Any]) -> str:
    """A row as the unit tests write them: {unit_id: S1, source_row: 1}."""
    parts = []
    for name, value in row.items():
        plain = isinstance(value, int) or re.fullmatch(r"[\w-]+", value)
        parts.append(f"{name}: {value if plain else _quoted(value)}")
    return "{" + ", ".join(parts) + "}"
