"""`vitals spc`: statistical process control of any file with dates and values, by the SQL that the council's measures
go through (dbt_project/macros/xmr.sql). Belongs here: reading the file, running the SQL, putting results into words and
files. Not here: the rules, and how a chart is drawn (exports/xmr.py)."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pyarrow as pa
import pyarrow.parquet as pq

from exports.xmr import ASSURANCES, KINDS, XmrPoint, XmrSeries, causes, signals, xmr_chart
from orchestration import querying
from orchestration.settings import DBT_PROJECT
from sources.connectors.readers.encodings import Utf8
from sources.errors import ConfigurationError, SourceError, listed, nearest

POLARITIES = ("higher", "lower", "context")
FEWEST_TO_FIX = 12
COLUMNS = ("series", "date", "value", "group", "mean", "lower_limit", "upper_limit", "special_cause", "point_type")
MOST_SERIES_TOLD = 12
SPEAKS_FIRST = (
    *("special_cause_concern", "special_cause_improvement", "special_cause_neutral_high", "special_cause_neutral_low"),
    *("common_cause", "insufficient_variation"),
)
DIGITS, MOST_DECIMALS = 28, 18  # of a value; nine more digits are left for sums and counts
# How a date may be written; the second of each pair says what a chart shows.
DATES = ("%Y-%m-%d", "%d/%m/%Y", "%d/%m/%y", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d", "%d %b %Y", "%d %B %Y", "%d-%b-%Y")
MONTHS = ("%Y-%m", "%b %Y", "%B %Y", "%b-%y", "%m/%Y")
NUMBER = re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?(e[-+]?\d+)?", re.IGNORECASE)
MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "–"}


@dataclass(frozen=True)
class Readings:
    """What a file gave: (series, day, value), and how many rows had no value."""

    rows: list[tuple[str, date, Decimal]]
    blank: int


@dataclass(frozen=True)
class Rules:
    """What the reader chooses; everything else is fixed by the rule set."""

    polarity: str = "context"
    target: Decimal | None = None
    fix_after: int | None = None
    rebases: Sequence[date] = ()
    screening: bool = True


@dataclass(frozen=True)
class Result:
    """One series in order of time, with what its limits say of the target ('none' without one)."""

    name: str
    points: list[XmrPoint]
    assurance: str
    are_limits_provisional: bool


def read(path: Path, day: str, value: str, series: str | None) -> Readings:
    """The points of a CSV or Parquet file. Raises ConfigurationError naming the row and what to do about it."""
    columns = _columns(path)
    wanted = {"--date": day, "--value": value, **({"--series": series} if series else {})}
    problems = [
        f"{path.name} has no column '{name}' ({option}).{nearest(name, columns)} Columns: {listed(columns)}."
        for option, name in wanted.items()
        if name not in columns
    ]
    if problems:
        raise ConfigurationError(problems)
    names = columns[series] if series else [""] * len(columns[day])
    if not names:
        raise ConfigurationError(f"{path.name} has columns but no rows: there is nothing to look at.")
    rows, blank = [], 0
    for number, (name, when, figure) in enumerate(zip(names, columns[day], columns[value], strict=True), start=2):
        where = f"{path.name}, row {number}"
        amount = _number(figure, f"{where}: column '{value}'")
        if amount is None:
            blank += 1
            continue
        rows.append(("" if name is None else str(name).strip(), _day(when, f"{where}: column '{day}'"), amount))
    if not rows:
        raise ConfigurationError(f"{path.name}: column '{value}' is empty in every row.")
    twice = [key for key, count in Counter((name, when) for name, when, _ in rows).items() if count > 1]
    if twice:
        name, when = min(twice)
        which = f"series '{name}' has" if series else "there is"
        remedy = "Add the values up first" if series else "Say with --series which column tells the series apart"
        raise ConfigurationError(f"{path.name}: {which} more than one value for {when.isoformat()}. {remedy}.")
    return Readings(rows, blank)


def _columns(path: Path) -> dict[str, list[Any]]:
    """The file's columns by their headings; row 1 is the headings'."""
    if not path.is_file():
        raise ConfigurationError(f"{path}: there is no such file.")
    if path.suffix.lower() == ".parquet":
        try:
            return pq.read_table(path).to_pydict()
        except (pa.ArrowInvalid, OSError) as error:
            raise ConfigurationError(f"{path.name} cannot be read as Parquet: {error}") from None
    try:
        with path.open("rb") as file:
            text = Utf8(file, None, path.name).read().decode()
    except SourceError as error:
        raise ConfigurationError(str(error)) from None
    if not text.strip():
        raise ConfigurationError(f"{path.name} is empty.")
    head = text.lstrip().splitlines()[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t|", key=head.count))
    try:
        headings, *records = (row for row in rows if any(cell.strip() for cell in row))
    except csv.Error as error:
        raise ConfigurationError(f"{path.name} cannot be read as CSV: {error} (line {rows.line_num}).") from None
    for number, record in enumerate(records, start=2):
        if len(record) != len(headings):
            raise ConfigurationError(
                f"{path.name}, row {number} has {len(record)} cells, the headings are {len(headings)}. "
                "Put quotation marks around cells that hold the delimiter."
            )
    return {heading.strip(): [record[place] for record in records] for place, heading in enumerate(headings)}


def _number(figure: object, where: str) -> Decimal | None:
    text = "" if figure is None else str(figure).strip().replace("−", "-")
    if text.lower() in MISSING:
        return None
    bare = text.removeprefix("£").removesuffix("%").strip()
    if isinstance(figure, bool) or not bare or not NUMBER.fullmatch(bare):
        raise ConfigurationError(f"{where} is '{text}', which is no number. Correct it, or leave it empty.")
    try:
        number = Decimal(bare.replace(",", ""))
    except InvalidOperation:
        raise ConfigurationError(f"{where} is '{text}', which is no number. Correct it, or leave it empty.") from None
    return number


def _day(when: object, where: str) -> date:
    if isinstance(when, datetime):
        return when.date()
    if isinstance(when, date):
        return when
    text = "" if when is None else str(when).strip()
    bare = re.sub(r"[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$", "", text)
    for spelling in (*DATES, *MONTHS):
        try:
            return datetime.strptime(bare, spelling).date()
        except ValueError:
            continue
    raise ConfigurationError(f"{where} is '{text}', which is no date. Write 2026-09-30, 30/09/2026 or Sep 2026.")


def day_of(text: str) -> date:
    """A day that is given as an option. Raises ConfigurationError."""
    return _day(text, "--rebase")


def target_of(text: str) -> Decimal:
    """The target that is given as an option. Raises ConfigurationError."""
    number = _number(text, "--target")
    if number is None:
        raise ConfigurationError("--target is empty. Give a number, or leave the option out.")
    return number


def check_suffixes(to: Path | None, chart: Path | None) -> None:
    """Whether results can be written as asked, before any work. Raises ConfigurationError."""
    problems = []
    if to is not None and to.suffix.lower() not in (".csv", ".parquet"):
        problems.append(f"--out {to}: the name says what is written. End it with .csv or .parquet.")
    if chart is not None and chart.suffix.lower() != ".svg":
        problems.append(f"--chart {chart}: charts are SVG. End the name with .svg.")
    problems += [
        f"{path}: there is no folder '{path.parent}'." for path in (to, chart) if path and not path.parent.is_dir()
    ]
    if problems:
        raise ConfigurationError(problems)


@lru_cache
def query(points: str) -> str:
    """The SQL of the rule set over a relation with series, date, value, and what `xmr` asks for besides."""
    macros = jinja2.Environment(autoescape=False).from_string(
        (DBT_PROJECT / "macros" / "xmr.sql").read_text(encoding="utf-8")
    )
    module = macros.make_module()
    classified = module.xmr(points, ["series"], ["date"])  # type: ignore[attr-defined]
    assurance = module.xmr_assurance("polarity", "target", "lower_limit", "upper_limit")  # type: ignore[attr-defined]
    return f"select *, {assurance} as assurance from ({classified}) order by series, date"


def classify(readings: Readings, rules: Rules) -> list[Result]:
    """Each series with limits and signals, in the order of their names."""
    if rules.polarity not in POLARITIES:
        raise ConfigurationError(f"--polarity is '{rules.polarity}'. It is one of {listed(POLARITIES)}.")
    if rules.fix_after is not None and rules.fix_after < FEWEST_TO_FIX:
        raise ConfigurationError(
            f"--fix-after is {rules.fix_after}: limits need at least {FEWEST_TO_FIX} points to be fixed from."
        )
    digits = max((value.adjusted() + 1 for _, _, value in readings.rows), default=1)
    decimals = min(MOST_DECIMALS, DIGITS - max(1, digits))
    if decimals < 0:
        raise ConfigurationError(f"A value has {digits} digits before the decimal point; {DIGITS} can be worked with.")
    finest = max(0, *(-int(value.as_tuple().exponent) for _, _, value in readings.rows))
    scale = min(decimals, finest)
    step = Decimal(1).scaleb(-scale)
    points = pa.table(
        {
            "series": pa.array([name for name, _, _ in readings.rows], pa.string()),
            "date": pa.array([when for _, when, _ in readings.rows], pa.date32()),
            "value": pa.array([value.quantize(step) for _, _, value in readings.rows], pa.decimal128(DIGITS, scale)),
            "rebases": pa.array(
                [sum(start <= when for start in rules.rebases) for _, when, _ in readings.rows], pa.int32()
            ),
        }
    )
    with duckdb.connect() as con:
        con.register("given", points)
        con.execute(
            "create table points as select *, $polarity::varchar as polarity, $fix_after::integer as fix_after, "
            "$screening::boolean as is_screened, $target::double as target from given",
            {
                "polarity": rules.polarity,
                "fix_after": rules.fix_after,
                "screening": rules.screening,
                "target": None if rules.target is None else float(rules.target),
            },
        )
        found = con.execute(query("points")).to_arrow_table().to_pylist()
    monthly = all(row["date"].day == 1 for row in found)
    results = []
    for name, group in groupby(found, key=lambda row: row["series"]):
        rows = list(group)
        made = [
            XmrPoint(
                day=row["date"],
                label=f"{row['date']:%b %Y}" if monthly else f"{row['date'].day} {row['date']:%b %Y}",
                value=row["value"],
                group=row["process_group"],
                mean=row["mean"],
                lower_limit=row["lower_limit"],
                upper_limit=row["upper_limit"],
                special_cause=row["special_cause"],
                point_type=row["point_type"],
                way=row["way"],
            )
            for row in rows
        ]
        results.append(Result(name, made, rows[-1]["assurance"], bool(rows[-1]["are_limits_provisional"])))
    return results


def table(results: Sequence[Result]) -> pa.Table:
    """Every point of every series, in the columns that `--out` writes."""
    rows = [(result.name, point) for result in results for point in result.points]
    return pa.table(
        {
            "series": pa.array([name for name, _ in rows], pa.string()),
            "date": pa.array([point.day for _, point in rows], pa.date32()),
            "value": pa.array([point.value for _, point in rows]),
            "group": pa.array([point.group for _, point in rows], pa.int32()),
            "mean": pa.array([point.mean for _, point in rows], pa.float64()),
            "lower_limit": pa.array([point.lower_limit for _, point in rows], pa.float64()),
            "upper_limit": pa.array([point.upper_limit for _, point in rows], pa.float64()),
            "special_cause": pa.array([point.special_cause for _, point in rows], pa.string()),
            "point_type": pa.array([point.point_type for _, point in rows], pa.string()),
        }
    ).select(COLUMNS)


def write(results: Sequence[Result], path: Path) -> int:
    """Write the points to a CSV or Parquet file, by its suffix; returns how many."""
    made = table(results)
    if path.suffix.lower() == ".parquet":
        pq.write_table(made, path)
    else:
        path.write_bytes(querying.as_csv(made))
    return made.num_rows


def writer(results: Sequence[Result]) -> Callable[[float], str]:
    """How values, means and limits are written: as finely as the values themselves, and one place more when those are
    small whole numbers."""
    values = [point.value for result in results for point in result.points]
    finest = max(-int(value.normalize().as_tuple().exponent) for value in values)
    largest = max(abs(value) for value in values)
    places = min(4, max(0, finest)) or (1 if largest < 100 else 0)

    def written(value: float) -> str:
        text = f"{value:,.{places}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text in ("-0", "") else text.replace("-", "−")

    return written


def finding(result: Result, rules: Rules, written: Callable[[float], str]) -> str:
    """What the last point says, in plain words."""
    last = result.points[-1]
    if last.point_type == "insufficient_variation":
        said = f"{last.label}: {written(float(last.value))}; {KINDS[last.point_type]}"
    elif last.special_cause == "none":
        said = f"{last.label}: {written(float(last.value))}, {KINDS[last.point_type]}"
    else:
        said = f"{last.label}: {written(float(last.value))}, {KINDS[last.point_type]}: {last.cause}"
    if last.lower_limit is not None and last.upper_limit is not None:
        said += f"; usually {written(last.lower_limit)} to {written(last.upper_limit)}"
        if result.are_limits_provisional:
            said += f" (provisional: {sum(point.group == last.group for point in result.points)} points)"
    if rules.target is not None and result.assurance in ASSURANCES:
        said += f"; target {written(float(rules.target))} {ASSURANCES[result.assurance]}"
    return f"{said}."


def headline(result: Result, rules: Rules) -> str:
    """The same without figures, which stand in the chart."""
    last = result.points[-1]
    said = f"{KINDS[last.point_type]}: {last.cause}" if last.cause else KINDS[last.point_type]
    if result.are_limits_provisional:
        said += "; limits provisional, fewer than 12 points"
    if rules.target is not None and result.assurance in ASSURANCES:
        said += f"; target {ASSURANCES[result.assurance]}"
    return f"{said[0].upper()}{said[1:]}."


def chart(results: Sequence[Result], rules: Rules, name: str, value: str) -> str:
    """The series as one SVG."""
    written = writer(results)
    drawn = [
        XmrSeries(
            result.name or value.replace("_", " "),
            result.points,
            headline(result, rules),
            finding(result, rules, written),
            written,
            rules.target,
        )
        for result in results
    ]
    return xmr_chart(drawn, f"{value} in {name}: process control chart (XmR)")


def summary(results: Sequence[Result], rules: Rules, blank: int) -> list[str]:
    """What there is and what it says, in plain words; of many series those that say most."""
    points = sum(len(result.points) for result in results)
    days = [point.day for result in results for point in result.points]
    count = f"{len(results):,} series, " if len(results) > 1 else ""
    lines = [f"{count}{points:,} point{'s' * (points != 1)}, {min(days).isoformat()} to {max(days).isoformat()}."]
    if blank:
        lines.append(f"{blank:,} row{'s' * (blank != 1)} without a value left out.")
    written = writer(results)
    told = sorted(results, key=lambda result: SPEAKS_FIRST.index(result.points[-1].point_type))
    for result in told[:MOST_SERIES_TOLD]:
        lines += ["", *([result.name] if result.name else []), finding(result, rules, written)]
        lines += [f"  {line}." for line in flagged(result)]
        if missing := gaps(result):
            lines.append(f"  {missing} gap{'s' * (missing != 1)}: points much further apart than usual.")
    if len(told) > MOST_SERIES_TOLD:
        kinds = Counter(result.points[-1].point_type for result in results)
        lines += ["", f"And {len(told) - MOST_SERIES_TOLD:,} more series. Last points of all:"]
        lines += [f"  {kinds[kind]:,} {KINDS[kind]}" for kind in SPEAKS_FIRST if kinds[kind]]
    return lines


def flagged(result: Result) -> list[str]:
    """Stretches of flagged points, oldest first: 'Apr 2024 to Oct 2024, concern: seven points or more rising'."""
    stretches = []
    for points in signals(result.points):
        until = f" to {points[-1].label}" if len(points) > 1 else ""
        stretches.append(f"{points[0].label}{until}, {KINDS[points[0].point_type]}: {', '.join(causes(points))}")
    return stretches


def gaps(result: Result) -> int:
    """How many times a point comes much later than points usually do: something may be missing there."""
    steps = [(after.day - before.day).days for before, after in pairwise(result.points)]
    usual = sorted(steps)[len(steps) // 2] if steps else 0
    return sum(step > 1.6 * usual for step in steps)
