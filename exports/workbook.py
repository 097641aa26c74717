"""A publication as an Excel workbook: a Read-me sheet, each table as a real Excel table, and native charts.
Belongs here: how sheets look and what they explain. Not here: which columns may leave (publications), the order of rows
(formats), sentences (models)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from exports import wording
from exports.errors import ExportError
from exports.facts import ReleaseFacts
from exports.formats import ROWS_PER_BATCH, Selection
from exports.health import SIGNALS
from exports.publications import Publication

MOST_ROWS: Final = 1_048_575  # of a sheet, without its header
MOST_TEXT: Final = 32_767  # characters in a cell
SHEET_NAME: Final = 31
MOST_CHARTS: Final = 12
MOST_POINTS: Final = 36  # of a chart: three years of months
WIDEST, NARROWEST = 60, 9  # characters; longer text is wrapped
WIDEST_PRINTED = 220  # characters on a page across
ROW_HEIGHT, MOST_HEIGHT = 15.0, 405.0  # points; Excel refuses more than 409
ROWS_MEASURED = 200  # for the widths
INK, GREY, LINE, ACCENT = "#14202E", "#56616F", "#C9D1D8", "#0B5C6B"
# Quantities with as many decimals as their row says (`decimal_places`); other decimals show what they have.
BY_ROW = ("value", "previous_value", "year_ago_value", "target", "mean", "lower_limit", "upper_limit", "change")
# What readers of a report look at, in this order and under these headings; the rest is folded away behind it.
READ_FIRST = {
    "recipient_name": "For", "section_name": "Section", "measure_name": "Measure", "unit_name": "Unit",
    "period_label": "Period", "value": "Value", "value_unit": "In", "previous_value": "Before",
    "year_ago_value": "A year ago", "target": "Target", "status": "Against target", "variation": "Against usual",
    "sentence": "What it says", "narrative": "Narrative",
}  # fmt: skip
NARROW = {"section_name": 14, "measure_name": 32, "unit_name": 26, "sentence": 52, "narrative": 44}  # characters
CODES = {"status": wording.STATUS, "variation": SIGNALS, "value_unit": wording.UNITS | {"percent": "%", "gbp": "£"}}
CHART_COLUMNS = (
    "measure_id", "unit_level", "area_id", "period_start", "period_end", "period_label", "value", "mean",
    "lower_limit", "upper_limit",
)  # fmt: skip


@dataclass(frozen=True)
class _Column:
    """A column of a sheet: its heading, what it means, and whether its decimals follow the row's decimal_places."""

    name: str
    heading: str
    note: str = ""
    is_folded: bool = False
    widest: int = WIDEST


def write_workbook(
    connection: duckdb.DuckDBPyConnection,
    publication: Publication,
    selections: Sequence[Selection],
    path: Path,
    facts: ReleaseFacts,
    release_id: str = "",
    series: Selection | None = None,
) -> None:
    """Write the publication's tables as one workbook; equal rows and facts give equal bytes.

    Text stays text, whatever it looks like: nothing becomes a formula, a link or a number. Numbers have Excel's 15
    digits; the Parquet file has all.

    Args:
        selections: the tables with the columns of the audience.
        release_id: named on the Read-me sheet.
        series: the control charts' feed as this audience sees it. With it, a report's first measures of the whole
            council get a chart each.

    Raises:
        ExportError: a table has more rows than a sheet holds.
    """
    options = {
        "in_memory": True,  # or the zip would hold dates of temporary files in local time
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "remove_timezone": True,
    }
    with xlsxwriter.Workbook(str(path), options) as workbook:
        _Book(workbook, facts).write(connection, publication, selections, release_id, series)


class _Book:
    """One workbook being written, with its formats made once each."""

    def __init__(self, workbook: Workbook, facts: ReleaseFacts) -> None:
        self.workbook = workbook
        self.facts = facts
        self._formats: dict[tuple[tuple[str, Any], ...], Format] = {}

    def write(
        self,
        connection: duckdb.DuckDBPyConnection,
        publication: Publication,
        selections: Sequence[Selection],
        release_id: str,
        series: Selection | None,
    ) -> None:
        self.workbook.set_properties({
            "title": f"{publication.label}, {self.facts.period_label}",
            "author": self.facts.council,
            "comments": self._notice or publication.description,
            "created": datetime.combine(self.facts.as_of.astimezone(UTC), time()),  # the day says enough
        })  # fmt: skip
        readme = self.workbook.add_worksheet("Read me")
        listed: list[tuple[str, str]] = []
        explained: list[dict[str, Any]] = []
        for selection in selections:
            rows = _rows(connection, selection.query)
            if len(rows) > MOST_ROWS:
                raise ExportError(
                    f"exposure '{publication.name}': '{selection.table.name}' has {len(rows):,} rows, a sheet holds "
                    f"{MOST_ROWS:,}. Take xlsx out of its formats."
                )
            name = self._sheet_name(selection.table.name.removeprefix(f"{publication.kind}_"))
            columns = _in_reading_order(selection, rows)
            if any(column.is_folded for column in columns):
                rows = [_in_words(row) for row in rows]
            self._table(name, selection.table.name, columns, rows)
            listed.append((name, f"{_counted(len(rows))}. {selection.table.description}"))
            explained += [
                {"sheet": name, "column": c.heading, "name_in_feeds": c.name, "meaning": c.note} for c in columns
            ]
        charted = _charted(connection, selections, series)
        if charted:
            listed.append(("Charts", f"{wording.count(len(charted), 'measure')} of the whole council over time."))
            self._charts(charted)
            listed.append(("Chart data", "The figures that the charts are drawn from."))
        about = [_Column(name, _heading(name)) for name in ("sheet", "column", "name_in_feeds", "meaning")]
        self._table("Columns", "columns_explained", about, explained)
        listed.append(("Columns", "What each column means; the same text is a note on its heading."))
        self._read_me(readme, publication, release_id, listed)

    @property
    def _notice(self) -> str:
        return f"{self.facts.council}: every figure is made up." if self.facts.is_fictional else ""

    def _sheet_name(self, table: str) -> str:
        taken = {sheet.get_name().lower() for sheet in self.workbook.worksheets()}
        name = _heading(table)[:SHEET_NAME]
        number = 2
        while name.lower() in taken | {"charts", "chart data", "columns", "history"}:
            name = f"{_heading(table)[: SHEET_NAME - 4]} ({number})"
            number += 1
        return name

    def _format(self, **properties: Any) -> Format:
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self.workbook.add_format(
                {"font_name": "Calibri", "font_size": 11, "font_color": INK, "valign": "top", **properties}
            )
        return self._formats[key]

    def _read_me(
        self, sheet: Worksheet, publication: Publication, release_id: str, listed: Sequence[tuple[str, str]]
    ) -> None:
        facts = self.facts
        sheet.set_column(0, 0, 28)
        sheet.set_column(1, 1, 100)
        sheet.set_row(0, 26)
        sheet.set_row(1, 20)
        sheet.hide_gridlines(2)
        sheet.write_string(0, 0, publication.label, self._format(bold=True, font_size=18))
        sheet.write_string(1, 0, f"{facts.council}, {facts.period_label}", self._format(font_size=13, font_color=GREY))
        number = 2
        if self._notice:
            sheet.write_string(2, 0, self._notice, self._format(bold=True))
            number = 3
        lines = [
            ("What this is", publication.description),
            ("How it is made", publication.method),
            ("Period", facts.period_label),
            ("Data as of", wording.day(facts.as_of)),
            ("Release", release_id),
            ("Version", f"{publication.version} (it rises when a column goes or changes its type)"),
            ("How to read", (
                "Values stand with their unit in a column beside them, numerator and denominator too. "
                "An empty cell means that there is no figure; it never means nought. Where 'Is provisional' is TRUE, "
                "the figure may still change; where 'Is restated' is TRUE, it has changed since it was published. "
                "Signals tell real change from usual variation; two figures that merely differ are not a change. "
                "The [+] above a table's last column unfolds the columns that readers seldom need."
            )),
            ("Licence", facts.licence),
            ("Sources", " ".join(facts.attribution)),
            ("Questions", " ".join(part for part in (publication.owner, publication.owner_email) if part)),
        ]  # fmt: skip
        for label, text in [*(line for line in lines if line[1]), *((f"Sheet '{n}'", about) for n, about in listed)]:
            number += 1
            sheet.set_row(number, _height(text, 100))
            sheet.write_string(number, 0, label, self._format(bold=True))
            sheet.write_string(number, 1, text[:MOST_TEXT], self._format(text_wrap=True))
        self._page(sheet, fit=True)

    def _table(self, name: str, table: str, columns: Sequence[_Column], rows: Sequence[Mapping[str, Any]]) -> Worksheet:
        """A sheet with the rows as an Excel table; without rows, which Excel's tables must have, a line says so."""
        sheet = self.workbook.add_worksheet(name)
        heading = self._format(bold=True, text_wrap=True, bottom=1, bottom_color=INK, indent=1)
        widths = [_width(column, rows[:ROWS_MEASURED]) for column in columns]
        sheet.set_row(0, max(_height(c.heading, width - 4) for c, width in zip(columns, widths, strict=True)))
        wrapped = {c.name: width for c, width in zip(columns, widths, strict=True) if width >= c.widest}
        for number, row in enumerate(rows, 1):
            heights = [_height(str(row[name] or ""), width) for name, width in wrapped.items()]
            sheet.set_row(number, max(heights, default=ROW_HEIGHT))
        for index, (column, widest) in enumerate(zip(columns, widths, strict=True)):
            sheet.set_column(index, index, widest, None, {"level": 1, "hidden": True} if column.is_folded else None)
            sheet.write_string(0, index, column.heading, heading)
            if column.note:
                note = {"author": "", "x_scale": 2, "y_scale": 1 + len(column.note) / 120, "font_size": 9}
                sheet.write_comment(0, index, column.note, note)
            for number, row in enumerate(rows, 1):
                self._cell(sheet, number, index, row[column.name], row, column.name, column.name in wrapped)
        if rows:
            sheet.add_table(0, 0, len(rows), len(columns) - 1, {
                "name": table,
                "style": "Table Style Light 1",
                "banded_rows": False,
                "columns": [{"header": column.heading, "header_format": heading} for column in columns],
            })  # fmt: skip
        else:
            sheet.write_string(1, 0, "There are no rows for this period.", self._format(italic=True))
        names = [column.name for column in columns]
        folds = any(column.is_folded for column in columns)
        if folds:
            sheet.set_column(len(columns), len(columns), None, None, {"collapsed": True})
            sheet.print_area(0, 0, len(rows), sum(not column.is_folded for column in columns) - 1)
        sheet.freeze_panes(1, names.index("measure_name") + 1 if folds and "measure_name" in names else 0)
        sheet.repeat_rows(0)
        seen = sum(width for column, width in zip(columns, widths, strict=True) if not column.is_folded)
        self._page(sheet, fit=folds or seen <= WIDEST_PRINTED, large=folds)
        return sheet

    def _page(self, sheet: Worksheet, *, fit: bool, large: bool = False) -> None:
        """A4 across, A3 when `large`; `fit` makes it one page wide, which of a wide table nobody could read."""
        sheet.set_landscape()
        sheet.set_paper(8 if large else 9)
        if fit:
            sheet.fit_to_pages(1, 0)
        # In headers and footers & begins a code.
        said = f"{self._notice or self.facts.council} {self.facts.period_label}".replace("&", "&&")
        sheet.set_footer(f"&L{said[:200]}&RPage &P of &N")

    def _cell(
        self, sheet: Worksheet, row: int, column: int, value: Any, values: Mapping[str, Any], name: str, wrapped: bool
    ) -> None:
        """Write by the value's own type; a guess from its looks would turn a reference into a number or a formula."""
        if value is None or value == "":
            return
        if isinstance(value, bool):
            sheet.write_boolean(row, column, value, self._format(align="left"))
        elif isinstance(value, datetime):
            moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            sheet.write_datetime(row, column, moment, self._format(num_format="d mmm yyyy hh:mm", align="left"))
        elif isinstance(value, date):
            sheet.write_datetime(row, column, value, self._format(num_format="d mmm yyyy", align="left"))
        elif isinstance(value, Decimal | int | float) and math.isfinite(value):
            sheet.write_number(row, column, float(value), self._format(num_format=_number_format(value, values, name)))
        else:
            text = str(value)
            shown = text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"
            # A number stands at the right edge of its cell: without the indent the two would touch.
            sheet.write_string(row, column, shown, self._format(text_wrap=wrapped, indent=1))

    def _charts(self, charted: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]) -> None:
        """Native line charts, two abreast, and the sheet that they are drawn from."""
        sheet = self.workbook.add_worksheet("Charts")
        sheet.hide_gridlines(2)
        sheet.set_row(0, 26)
        sheet.write_string(0, 0, "The whole council over time", self._format(bold=True, font_size=18))
        said = (
            "Solid: the figure. Thin: its mean. Dashed: the limits of usual variation; a point beyond them is a signal."
        )
        sheet.write_string(1, 0, said, self._format(font_color=GREY))
        if self._notice:
            sheet.write_string(2, 0, self._notice, self._format(bold=True))
        names = ("measure_name", "period_label", "value", "mean", "lower_limit", "upper_limit")
        columns = [_Column(name, _heading(name)) for name in names]
        self._table("Chart data", "chart_data", columns, [point for _, points in charted for point in points])
        first = 1  # row of the sheet
        for index, (title, points) in enumerate(charted):
            last = first + len(points) - 1
            chart = self.workbook.add_chart({"type": "line"})
            for position, label, line in (
                (2, "Value", {"color": ACCENT, "width": 2}),
                (3, "Mean", {"color": GREY, "width": 1}),
                (4, "Lower limit", {"color": GREY, "width": 1, "dash_type": "dash"}),
                (5, "Upper limit", {"color": GREY, "width": 1, "dash_type": "dash"}),
            ):
                chart.add_series({
                    "name": label,
                    "categories": ["Chart data", first, 1, last, 1],
                    "values": ["Chart data", first, position, last, position],
                    "line": line,
                    "marker": {"type": "none"},
                })  # fmt: skip
            places = points[0].get("decimal_places") or 0
            font = {"name": "Calibri", "size": 9, "color": GREY}
            chart.set_title(
                {"name": title, "name_font": {"name": "Calibri", "size": 11, "color": INK}, "overlay": False}
            )
            chart.set_legend({"none": True})
            chart.set_x_axis({"num_font": font | {"rotation": -45}, "line": {"color": LINE}})
            chart.set_y_axis({
                "num_font": font,
                "num_format": _spelled(places),
                "line": {"none": True},
                "major_gridlines": {"visible": True, "line": {"color": "#E3E8EC", "width": 0.75}},
                **_axis(points),
            })  # fmt: skip
            chart.set_size({"width": 620, "height": 300})
            sheet.insert_chart(4 + index // 2 * 16, index % 2 * 10, chart, {
                "description": _alternative(title, points),
                "object_position": 2,
            })  # fmt: skip
            first = last + 1
        self._page(sheet, fit=True)


def _in_reading_order(selection: Selection, rows: Sequence[Mapping[str, Any]]) -> list[_Column]:
    """The columns as a sheet has them. In a report's lines what is read comes first, unless it says the same, or
    nothing, in every row; the rest is folded behind a button, not lost."""
    columns = [_Column(c.name, _heading(c.name), c.description) for c in selection.columns]
    by_name = {column.name: column for column in columns}
    if "sentence" not in by_name or "measure_name" not in by_name:
        return columns
    read = [name for name in READ_FIRST if name in by_name and _tells(name, rows)]
    first = [replace(by_name[name], heading=READ_FIRST[name], widest=NARROW.get(name, WIDEST)) for name in read]
    return first + [replace(column, is_folded=True) for column in columns if column.name not in read]


def _in_words(row: Mapping[str, Any]) -> dict[str, Any]:
    """A line as people say it: words for codes, and periods without their months."""
    said = {name: CODES[name].get(str(value), value) if name in CODES else value for name, value in row.items()}
    if said.get("period_label"):
        said["period_label"] = _short(said["period_label"])
    return said


def _short(period_label: str) -> str:
    return period_label.partition(" (")[0]


def _tells(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    values = {row[name] for row in rows if row[name] not in (None, "")}
    return bool(values) and (name not in ("recipient_name", "unit_name") or len(values) > 1)


def _charted(
    connection: duckdb.DuckDBPyConnection, selections: Sequence[Selection], series: Selection | None
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Title and points of each chart: the first measures of the report, in its order, that have limits for the whole
    council."""
    if series is None or not {*CHART_COLUMNS, "measure_name"} <= {column.name for column in series.columns}:
        return []
    wanted: dict[str, None] = {}
    for selection in selections:
        if "measure_id" in {column.name for column in selection.columns}:
            wanted |= dict.fromkeys(row["measure_id"] for row in _rows(connection, selection.query))
    found: dict[str, list[dict[str, Any]]] = {}
    # A measure that also has the period alone is charted by that: a running total would rise by itself.
    has_basis = "basis" in {column.name for column in series.columns}
    alone = "case basis when 'in_period' then 0 else 1 end" if has_basis else "0"
    query = (
        f"select * from {series.table.relation} where unit_level = 'council' and area_id = '' and mean is not null "
        f"qualify dense_rank() over (partition by measure_id order by {alone}) = 1 "
        "order by measure_id, period_start, period_end"
    )
    allowed = {column.name for column in series.columns}
    for row in _rows(connection, query):
        point = {name: row[name] for name in row if name in allowed}
        # Beside an axis there is no room for the months of a quarter.
        point["period_label"] = _short(point["period_label"])
        found.setdefault(row["measure_id"], []).append(point)
    chosen = [found[measure][-MOST_POINTS:] for measure in wanted if len(found.get(measure, ())) > 1]
    return [(_title(points[-1]), points) for points in chosen[:MOST_CHARTS]]


def _title(point: Mapping[str, Any]) -> str:
    code = point.get("value_unit") or ""
    unit = {"percent": "%", "gbp": "£"}.get(code) or wording.UNITS.get(code, "")
    return f"{point['measure_name']} ({unit})" if unit else str(point["measure_name"])


def _alternative(title: str, points: Sequence[Mapping[str, Any]]) -> str:
    """What the chart shows, for those who cannot see it."""
    last, places = points[-1], points[-1].get("decimal_places") or 0
    said = f"Line chart. {title}, {points[0]['period_label']} to {last['period_label']}: "
    numbers = {name: last[name] for name in ("value", "mean", "lower_limit", "upper_limit")}
    shown = {name: wording.number(value, places) for name, value in numbers.items() if value is not None}
    parts = [f"the last figure is {shown['value']}" if "value" in shown else "the last period has no figure"]
    parts.append(f"the mean {shown['mean']}")
    if "lower_limit" in shown and "upper_limit" in shown:
        parts.append(f"the limits of usual variation {shown['lower_limit']} and {shown['upper_limit']}")
    return said + ", ".join(parts) + ". The sheet 'Chart data' has every point."


def _axis(points: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The least and greatest of the axis, from the data: Excel would begin most of them at nought."""
    values = [
        float(point[name])
        for point in points
        for name in ("value", "lower_limit", "upper_limit")
        if point[name] is not None
    ]
    low, high = min(values), max(values)
    if low == high:
        return {}
    step = 10.0 ** math.floor(math.log10(high - low)) / 2
    return {"min": math.floor(low / step) * step, "max": math.ceil(high / step) * step}


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    reader = connection.execute(query).to_arrow_reader(ROWS_PER_BATCH)
    return [row for batch in reader for row in batch.to_pylist()]


def _number_format(value: Decimal | float, row: Mapping[str, Any], name: str) -> str:
    """With the row's decimal places where it has any, otherwise with those that the number needs."""
    if isinstance(value, int):
        return _spelled(0)
    places = row.get("decimal_places")
    if name in BY_ROW and isinstance(places, int):
        return _spelled(places)
    digits = Decimal(str(value)).normalize().as_tuple().exponent
    return _spelled(min(4, max(0, -digits)) if isinstance(digits, int) else 2)


def _spelled(places: int) -> str:
    """Excel's number format with thousands and a true minus sign."""
    digits = "#,##0" + (f".{'0' * places}" if places else "")
    return f"{digits};{wording.MINUS}{digits}"


def _heading(name: str) -> str:
    return wording.capital(name.replace("_", " "))


def _counted(rows: int) -> str:
    return wording.count(rows, "row") if rows else "No rows"


def _width(column: _Column, rows: Sequence[Mapping[str, Any]]) -> int:
    longest = max((len(_shown(row[column.name])) for row in rows), default=0)
    words = max(len(word) for word in column.heading.split())
    return min(column.widest, max(NARROWEST, longest + 2, words + 4))


def _height(text: str, width: int) -> float:
    """Points for wrapped text, estimated: LibreOffice does not make room by itself."""
    lines = sum(math.ceil(len(line) / (width * 1.05)) or 1 for line in text.splitlines() or [""])
    return min(MOST_HEIGHT, ROW_HEIGHT * lines)


def _shown(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():,f}"
    return f"{value:%d %b %Y}" if isinstance(value, date) else "" if value is None else str(value)
