"""Reports as papers: one tagged PDF (PDF/UA-1) per report and recipient, set by Typst from the report's own table.
Belongs here: what a paper says and in which order. Not here: how it is set (templates/paper.typ), sentences of measures
(health), number formats (wording), drawing (charts)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb
import typst

from exports import charts, formats, health, wording
from exports.errors import ExportError
from exports.facts import ReleaseFacts
from exports.formats import Selection
from exports.health import Measure, Panel, Point, Story
from exports.publications import Publication, Table

HERE = Path(__file__).parent
TEMPLATE = HERE / "templates" / "paper.typ"
FONTS = HERE / "assets" / "fonts"
STANDARD: Final = "ua-1"
# Without these a row cannot be told from another or read at all; what else is not there is left out of the paper.
NEEDED = (
    "recipient_id", "recipient_name", "section_order", "section_name", "line_order", "measure_id", "measure_name",
    "unit_id", "unit_name", "period_label", "period_start", "period_end", "numerator", "denominator",
    "numerator_label", "denominator_label", "value", "value_unit", "decimal_places", "polarity", "target", "status",
    "variation", "signal_since", "sentence", "is_provisional", "needs_words",
)  # fmt: skip
MOST_NAMED = 6  # measures named in a sentence of the summary
ROOM_FOR_OTHERS = 2  # of the changes, kept for those that are not for the worse
COVER_PPI = 48  # A4 becomes some 400 px wide
CHART = 640, 158  # px; at the width of the text 12 px are 8.9 pt
GRAIN = re.compile(r" ?\bOne row per [^.]*\.")  # of the table, not of the paper
SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[^a-z])")
UNNAMED = re.compile(r"[^A-Za-z0-9_-]+")  # what may not stand in a file's name
CANNOT_SHOW = re.compile(r'the text [`"]+(.+?)[`"]+ could not be displayed', re.DOTALL)
ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")  # how it writes one that cannot be seen
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
UNSHOWN = "[?]"  # stands for a letter that no font here holds
CRITERIA = {
    "accurate": "Accurate",
    "relevant": "Relevant",
    "reliable": "Reliable",
    "timely": "Timely",
    "verifiable": "Verifiable",
    "well_defined": "Well defined",
}
# Shape, lightness and words tell the same: dark for worse, light for better, so that black and white suffice.
CHART_STYLE = """
text { font-family: "Source Sans 3"; font-size: 12px; fill: #56616f; }
.grid { stroke: #e3e8ec; stroke-width: 1; fill: none; }
.band { fill: #e9eef1; }
.mean { stroke: #8d99a5; stroke-width: 1; fill: none; }
.series { stroke: #5f6b7a; stroke-width: 1.4; fill: none; stroke-linejoin: round; stroke-linecap: round; }
.target { stroke: #14202e; stroke-width: 1.2; stroke-dasharray: 5 3; fill: none; }
.median { stroke: #5b3a8c; stroke-width: 1.2; stroke-dasharray: 1 2.5; fill: none; }
.event { stroke: #56616f; stroke-width: 0.8; stroke-dasharray: 1 2; fill: none; }
.event-name { fill: #56616f; }
.point { fill: #5f6b7a; stroke: none; }
.last { fill: #14202e; stroke: #14202e; stroke-width: 1; }
.special_cause_concern { fill: #8a3f06; stroke: #8a3f06; stroke-width: 1; }
.special_cause_improvement { fill: #bfe0f5; stroke: #0b5a94; stroke-width: 1.1; }
.special_cause_neutral_high, .special_cause_neutral_low { fill: #5b3a8c; stroke: #5b3a8c; stroke-width: 1; }
.provisional { fill: #fff; stroke: #14202e; stroke-width: 1.4; }
.reach { fill: none; stroke: none; }
text.label-value { font-size: 17px; font-weight: 600; fill: #14202e; stroke: none; }
text.label-target { fill: #14202e; stroke: none; }
"""


@dataclass(frozen=True)
class Background:
    """What other published tables add to a report: series by measure and unit, definitions, revisions, grades.

    Empty where a council, or an audience, has none of it.
    """

    series: Mapping[tuple[str, str], list[Point]] = field(default_factory=dict)
    processes: Mapping[tuple[str, str], list[Point]] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[tuple[str, str], list[Mapping[str, Any]]] = field(default_factory=dict)
    grades: Mapping[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    events: Mapping[tuple[str, str], list[tuple[date, str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One row of the report with the words for it."""

    row: Mapping[str, Any]
    measure: Measure
    recipient: str
    council: str
    events: Sequence[tuple[date, str]] = ()  # what was done, and when

    @property
    def heading(self) -> str:
        """The measure, and the unit where it is not the whole council or the recipient itself."""
        return f"{self.measure.name}, {self.unit}" if self.unit else self.measure.name

    @property
    def unit(self) -> str:
        unit = str(self.row["unit_name"] or "")
        return "" if unit in ("", self.recipient, self.council, self.council.removesuffix(" (fictional)")) else unit

    @property
    def is_full(self) -> bool:
        """Whether it gets words and a chart instead of a row of the table."""
        return bool(self.row["needs_words"]) and self.measure.is_reported

    @property
    def finding(self) -> str:
        """The sentence without the measure's name, which stands above it."""
        said = self.measure.finding
        return wording.capital(said.removeprefix(f"{self.measure.name}:").strip())

    @property
    def signal(self) -> str:
        """'worse than usual since Oct 2025', without its shape."""
        return self.measure.signal[2:]

    @property
    def signal_kind(self) -> str:
        """What the shape beside the words looks like: concern, improvement, neutral, usual, or '' for none."""
        return self.measure.variation.removeprefix("special_cause_").split("_", 1)[0].replace("common", "usual")

    @property
    def notes(self) -> list[str]:
        """What a reader must know before quoting the figure."""
        notes = []
        if self.measure.is_provisional:
            notes.append("Provisional: the figure may still change.")
        if self.row.get("is_small_denominator") or self.measure.is_small:
            notes.append("Few cases: a percentage of so few moves a long way with each of them.")
        if self.row.get("is_restated"):
            notes.append("Restated: an earlier published figure of it was changed.")
        return notes

    @property
    def marks(self) -> str:
        """The notes as one word each, for a table."""
        words = (
            ("provisional", self.measure.is_provisional),
            ("few cases", self.row.get("is_small_denominator") or self.measure.is_small),
            ("restated", self.row.get("is_restated")),
        )
        return ", ".join(word for word, holds in words if holds)


@dataclass(frozen=True)
class Paper:
    """All that one paper says."""

    publication: Publication
    facts: ReleaseFacts
    release_id: str
    recipient_id: str
    recipient: str
    all_lines: Sequence[Line]
    background: Background

    @cached_property
    def lines(self) -> list[Line]:
        """Those with a measure; the others are words only (a partner's milestone)."""
        return [line for line in self.all_lines if line.measure.id]

    @property
    def sections(self) -> list[tuple[str, list[Line]]]:
        grouped = groupby(self.all_lines, key=lambda line: (line.row["section_order"], line.row["section_name"]))
        return [(str(name or ""), list(lines)) for (_, name), lines in grouped]

    @cached_property
    def story(self) -> Story:
        panels = (
            Panel(name, name, tuple(line.measure for line in lines if line.measure.id)) for name, lines in self.sections
        )  # a section is told of as a domain of the health page is
        return Story(tuple(panels), None, "")

    @property
    def status(self) -> str:
        """How many figures may still change: the one word 'final' would promise more than anybody knows."""
        provisional = sum(line.measure.is_provisional for line in self.lines)
        if not provisional:
            return "no figure is provisional"
        return f"{wording.count(provisional, 'figure')} of {len(self.lines)} provisional"

    @property
    def title(self) -> str:
        return f"{self.publication.label}: {self.recipient}" if self.recipient else self.publication.label

    def content(self) -> dict[str, Any]:
        """The paper as the template takes it: texts, lists and drawings."""
        facts = self.facts
        local = facts.as_of.astimezone(ZoneInfo("Europe/London"))
        return {
            "title": self.publication.label,
            "recipient": self.recipient,
            "full_title": f"{self.title}, {facts.period_label}, {facts.council}",
            "council": facts.council,
            "is_fictional": facts.is_fictional,
            "period": facts.period_label,
            "status": wording.capital(self.status),
            "as_of": wording.day(facts.as_of),
            "date": [local.year, local.month, local.day],
            "release": self.release_id,
            "accent": facts.accent or "#0f4c5c",
            "owner": self.publication.owner,
            "owner_email": self.publication.owner_email,
            "method": self.publication.method,
            "description": GRAIN.sub("", self.publication.description),
            "licence": facts.licence,
            "attribution": list(facts.attribution),
            "summary": self._summary(),
            "sections": [_section(name, lines) for name, lines in self.sections],
            "appendix": self._appendix(),
            "is_cover": False,
        }

    def cover(self) -> dict[str, Any]:
        """The same for its first page alone, which says nothing of the number of pages."""
        return self.content() | {"is_cover": True}

    def _summary(self) -> dict[str, Any]:
        story = self.story
        of_measure = {id(line.measure): line for line in self.lines}
        signals = [of_measure[id(measure)] for measure in story.signals]
        moved = [] if signals else [of_measure[id(measure)] for measure in story.changes]
        worse = [line for line in signals if line.signal_kind == "concern"]
        others = [line for line in signals if line.signal_kind != "concern"]
        room = health.MOST_CHANGES - min(len(others), ROOM_FOR_OTHERS)
        shown = worse[:room]
        shown += others[: health.MOST_CHANGES - len(shown)]
        return {
            "headline": self._headline(),
            "changes": [
                *({"shape": _shape(line), "name": line.heading, "words": _first(line.finding)} for line in shown),
                *(
                    {"shape": None, "name": line.heading, "words": wording.sentence(line.measure.sentence_of_change())}
                    for line in moved
                ),
            ],
            "further": self._further(len(signals) - len(shown)),
            "is_judged": any(line.measure.variation for line in self.lines),
            "attention": self._attention(),
            "coverage": self._coverage(),
        }

    @staticmethod
    def _further(number: int) -> str:
        verb = "has" if number == 1 else "have"
        said = f"{wording.count(number, 'more figure')} {verb} really changed; the pages that follow mark them"
        return wording.sentence(said) if number else ""

    def _headline(self) -> str:
        if len(self.lines) == 1:  # a paper on one measure: what there is to say of it
            return f"{self.lines[0].heading}: {_first(self.lines[0].finding)}"
        return self.story.headline if self.lines else ""

    def _attention(self) -> list[str]:
        """Sentences on what somebody should ask about: missed targets, targets worth little, gaps."""
        missed = [line for line in self.lines if line.measure.status == "off_target"]
        missed.sort(key=lambda line: line.measure.variation != "special_cause_concern")  # those that got worse first
        soft = [line for line in self.lines if line.measure.verdict == "too_soft" and line.measure.has_target]
        beyond = [line for line in self.lines if line.measure.verdict == "unrealistic" and line.measure.has_target]
        with_target = sum(line.measure.has_target for line in self.lines)
        said = []
        if missed:
            which = _named([f"{one.heading} ({one.measure.value}, target {one.measure.target})" for one in missed])
            verb = "is" if len(missed) == 1 else "are"
            share = f"{wording.in_words(len(missed))} of {wording.in_words(with_target)} targets {verb}"
            said.append(f"{share if with_target > 1 else 'the one target is'} missed: {which}.")
        for lines, what in ((soft, "too soft to tell anything"), (beyond, "unrealistic on past form")):
            if lines:
                targets = wording.count(len(lines), "target")
                verb = "is" if len(lines) == 1 else "are"
                said.append(f"{targets} {verb} {what}: {_named([line.heading for line in lines])}.")
        return [wording.capital(text) for text in said]

    def _coverage(self) -> list[str]:
        gaps = [line.heading for line in self.lines if not line.measure.is_reported]
        said = [f"{sum(line.measure.is_reported for line in self.lines)} of {len(self.lines)} figures reported."]
        if gaps:
            said.append(f"Not reported: {_named(gaps)}.")
        said.append(f"{wording.capital(self.status)}.")
        said.append(self.story.verdicts.replace("What they are worth", "What the targets are worth"))
        return [text for text in said if text]

    def _appendix(self) -> dict[str, Any]:
        """Definitions of the measures, revisions of their figures and what their data are worth."""
        once = {line.measure.id: line for line in reversed(self.lines)}
        measures = sorted(once.values(), key=lambda line: line.measure.name)
        keys = {_key(line.row): line for line in self.lines}
        return {
            "definitions": [
                {
                    "name": line.measure.name,
                    "definition": self.background.definitions.get(line.measure.id, ""),
                    "counted": (", of " if line.measure.unit == "percent" else ", over ").join(
                        str(line.row[name]) for name in ("numerator_label", "denominator_label") if line.row[name]
                    ),
                    "owner": line.row.get("owner") or "",
                }
                for line in measures
            ],
            # For readers who may not see the register of revisions, the names of what was revised.
            "restated": [line.heading for key, line in keys.items() if line.row.get("is_restated")],
            "revisions": [
                {
                    "name": line.heading,
                    "period": wording.short_period(row["period_label"], row["period_start"], row["period_end"]),
                    "was": line.measure.figure(row["published_value"]),
                    "now": line.measure.figure(row["current_value"]) if row["current_value"] is not None else "",
                    "published": row["published_in"] or "",
                    "why": row["explanation"] or "not explained",
                }
                for key, line in keys.items()
                for row in self.background.revisions.get(key, ())
            ],
            "criteria": list(CRITERIA.values()) if self.background.grades else [],
            "quality": [
                {
                    "name": line.measure.name,
                    "grades": [
                        next((row["grade"] for row in graded if row["criterion"] == one), "–") for one in CRITERIA
                    ],
                    "weakest": next((row["fact"] for row in graded if row["grade"] == lowest and lowest > "B"), ""),
                }
                for line in measures
                if (graded := self.background.grades.get(line.measure.id))
                and (lowest := max(str(row["grade"] or "") for row in graded))
            ],
        }


def write_papers(
    connection: duckdb.DuckDBPyConnection,
    publication: Publication,
    selections: Sequence[Selection],
    folder: Path,
    facts: ReleaseFacts,
    release_id: str = "",
    *,
    audience: str = "internal",
) -> list[Path]:
    """Write the papers of a report and return their paths, in order.

    A report for one reader becomes `<publication>.pdf`, one with recipients `<publication>/<recipient id>.pdf`. Equal
    rows give equal bytes. Charts and appendix rest on tables for inside use, so that papers for the public go without.

    Args:
        connection: to the curated database.
        selections: what the audience sees of the publication's tables; each must have the columns in `NEEDED`.
        folder: where the papers go; made if it is not there.
        release_id: stands in the paper if given; without it, releases of equal figures have equal papers.

    Raises:
        ExportError: a column is missing, two recipients would share a file, or Typst refuses what is not PDF/UA-1.
    """
    papers = [
        paper
        for selection in selections
        for paper in read_papers(connection, publication, selection, facts, release_id, audience=audience)
    ]
    written: dict[Path, str] = {}
    typesetter = compiler()
    for paper in papers:
        path = folder / f"{publication.name}.pdf"
        if paper.recipient_id:
            path = folder / publication.name / f"{UNNAMED.sub('-', paper.recipient_id)}.pdf"
        if path in written:
            raise ExportError(
                f"{publication.name}: recipients '{written[path]}' and '{paper.recipient_id}' would share {path.name}. "
                "Give one of them another id."
            )
        written[path] = paper.recipient_id
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_typeset(typesetter, paper))
    return list(written)


def draw_cover(
    connection: duckdb.DuckDBPyConnection, publication: Publication, selection: Selection, facts: ReleaseFacts
) -> bytes | None:
    """The first page of a report's first paper as a small PNG; None where the report has no rows."""
    paper = next(read_papers(connection, publication, selection, facts), None)
    if paper is None:
        return None
    text = json.dumps(_printable(paper.cover()), ensure_ascii=False)
    made = compiler().compile(format="png", ppi=COVER_PPI, sys_inputs={"paper": text})
    assert isinstance(made, bytes)
    return made


def read_papers(
    connection: duckdb.DuckDBPyConnection,
    publication: Publication,
    selection: Selection,
    facts: ReleaseFacts,
    release_id: str = "",
    *,
    audience: str = "internal",
) -> Iterator[Paper]:
    """What the papers of one table say, one paper for each recipient; see `write_papers`."""
    names = {column.name for column in selection.columns}
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise ExportError(
            f"exposure '{publication.name}': a paper needs column '{missing[0]}' of model '{selection.table.name}', "
            "which it does not have or does not show to this audience. Add it, or drop 'pdf' from meta.formats."
        )
    listed = ", ".join(f'"{column.name}"' for column in selection.columns)
    rows = _rows(
        connection,
        f"select {listed} from {selection.table.relation} "
        'order by "recipient_id" nulls first, "section_order", "section_name", "line_order", "measure_id", "unit_id"',
    )
    background = _background(connection, selection.table) if rows and audience == "internal" else Background()
    for recipient_id, group in groupby(rows, key=lambda row: str(row["recipient_id"] or "")):
        own = list(group)
        recipient = str(own[0]["recipient_name"] or "")
        lines = [
            Line(row, _measure(row, background, facts), recipient, facts.council, background.events.get(_key(row), ()))
            for row in own
        ]
        yield Paper(publication, facts, release_id, recipient_id, recipient, lines, background)


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["measure_id"]), str(row["unit_id"])


def _measure(row: Mapping[str, Any], background: Background, facts: ReleaseFacts) -> Measure:
    """The measure as the health page knows it; what a report does not hold stays empty."""
    key = _key(row)
    until = row["period_end"] or date.max
    series = [point for point in background.series.get(key, ()) if point.end <= until]
    if not series and row["value"] is not None:  # no history: the figure itself, so that its marks are kept
        series = [
            Point(
                row["period_start"], row["period_end"], str(row["period_label"]), row["value"],
                status=str(row["status"]), is_provisional=bool(row["is_provisional"]),
            )
        ]  # fmt: skip
    value, previous = row["value"], row.get("previous_value")
    travel = "no_comparison"
    if value is not None and previous is not None:
        travel = health.direction_between(value, previous, str(row["polarity"]), int(row["decimal_places"]))
    return Measure(
        row={
            **dict.fromkeys(("previous_value", "year_ago_value", "comparator_median"), None),
            **dict.fromkeys(("comparator_count", "units_with_target", "units_off_target"), 0),
            **row,
            "is_reported": value is not None,
            "direction_of_travel": travel,
        },
        points=tuple(series),
        group="",
        reporting_label=facts.period_label,
        own_area="",
        unit_levels=frozenset(),
        process=tuple(point for point in background.processes.get(key, ()) if point.end <= until),
        verdict=str(row.get("target_verdict") or ""),
        evidence=str(row.get("target_evidence") or ""),
    )


def _section(name: str, lines: Sequence[Line]) -> dict[str, Any]:
    return {
        "name": name,
        "measures": [_full(line) for line in lines if line.is_full],
        "rows": [_row(line) for line in lines if line.measure.id and not line.is_full],
        "words": [str(line.row["sentence"]) for line in lines if not line.measure.id],
    }


def _full(line: Line) -> dict[str, Any]:
    """Half a page: sentence, chart, what the figure is made of, narrative, target, neighbours, notes."""
    measure, row = line.measure, line.row
    written = row.get("narrative_date")
    by = [str(row.get("narrative_by") or "").rstrip(" ,;"), f"{written.day} {written:%B %Y}" if written else ""]
    verdict = measure.verdict_words and f"Target {measure.target}: {measure.verdict_words}. {measure.evidence}".strip()
    return {
        "name": line.heading,
        "shape": _shape(line),
        "signal": "" if "than usual" in line.finding or line.signal_kind in ("", "usual") else line.signal,
        "finding": line.finding,
        "value": f"{measure.value} {'' if measure.is_small else measure.unit_words}".strip(),
        "period": wording.short_period(str(row["period_label"]), row["period_start"], row["period_end"]),
        "basis": wording.capital(measure.basis),
        "target": measure.target,
        "status": measure.status_word,
        "change": measure.change,
        "chart": _chart(measure, line.events),
        "alt": _alternative(line),
        "narrative": row.get("narrative") or "",
        "by": ", ".join(filter(None, by)),
        "verdict": verdict if measure.has_target else "",
        "neighbours": row.get("comparator_sentence") or "",
        "reasons": wording.sentence(str(row.get("reasons") or "")),
        "question": row.get("next_question") or "",
        "owner": row.get("owner") or "",
        "notes": line.notes,
    }


def _row(line: Line) -> dict[str, Any]:
    """A row of the compact table."""
    measure = line.measure
    return {
        "name": measure.name,
        "unit": line.unit,
        "value": measure.value,
        "unit_words": "" if measure.is_small or not measure.is_reported else measure.unit_words,
        "period": measure.period,
        "marks": line.marks if measure.is_reported else "",
        "basis": measure.basis,
        "before": "" if line.row.get("previous_value") is None else measure.figure(line.row["previous_value"]),
        "target": measure.target,
        "status": measure.status_word if measure.has_target else "",
        "shape": _shape(line),
        "signal": line.signal,
    }


def _shape(line: Line) -> dict[str, Any] | None:
    """How the template draws the signal: kind, and whether the triangle points up."""
    kind = line.signal_kind
    return {"kind": kind, "up": line.measure.shape != "▼"} if kind else None


def _chart(measure: Measure, events: Sequence[tuple[date, str]]) -> str:
    """The drawing as SVG that stands alone, or '' where there is too little to draw."""
    points = measure.charted
    if sum(point.value is not None for point in points) < 3:
        return ""
    drawn = charts.line_chart(
        points,
        measure.figure,
        measure.brief,
        measure.name,
        write_target=measure.target_figure,
        value_label=measure.value if measure.is_small and not measure.has_limits else None,
        around_zero=measure.signed,
        size=CHART,
        events=events,
    )
    head = '<svg xmlns="http://www.w3.org/2000/svg" '
    return head + drawn.removeprefix("<svg ").replace(">", f"><style>{CHART_STYLE}</style>", 1)


def _alternative(line: Line) -> str:
    """The chart in words: what is drawn, from when to when, and what it shows."""
    known = [(point.value, point.short) for point in line.measure.charted if point.value is not None]
    if not known:
        return ""
    (low, lowest), (high, highest) = (pick(known, key=lambda pair: pair[0]) for pick in (min, max))
    figure = line.measure.figure
    return (
        f"Line chart of {line.heading}, {known[0][1]} to {known[-1][1]}: lowest {figure(low)} in {lowest}, "
        f"highest {figure(high)} in {highest}, last {figure(known[-1][0])}. {line.finding}"
    )


def _first(text: str) -> str:
    """The first sentence."""
    return SENTENCE_END.split(text, maxsplit=1)[0]


def _named(names: Sequence[str]) -> str:
    """The first few by name, the rest as a number; names hold commas themselves."""
    shown = list(names[:MOST_NAMED])
    rest = len(names) - len(shown)
    return "; ".join(shown) + (f"; and {wording.in_words(rest)} more" if rest else "")


def _background(connection: duckdb.DuckDBPyConnection, report: Table) -> Background:
    """Everything that published tables beside the report's say of the measures in it."""
    chosen = (
        f'(measure_id, unit_id) in (select "measure_id", "unit_id" from {report.relation})',
        f'measure_id in (select "measure_id" from {report.relation})',
    )
    series: dict[tuple[str, str], list[Point]] = {}
    kinds: dict[tuple[str, str], str] = {}
    for row in _feed(
        connection,
        report.schema,
        "feed_measure_status",
        f"where area_id = '' and {chosen[0]} order by measure_id, unit_id, period_type, period_start",
    ):
        key = _key(row)
        # Quarters where there are any: a line mixes no kinds of period.
        kind = kinds.setdefault(key, row["period_type"])
        if row["period_type"] != kind and row["period_type"] != "quarter":
            continue
        if row["period_type"] != kind:
            kinds[key], series[key] = row["period_type"], []
        series.setdefault(key, []).append(_point(row))
    processes: dict[tuple[str, str], list[Point]] = {}
    for row in _feed(
        connection,
        report.schema,
        "feed_spc",
        f"where area_id = '' and {chosen[0]} order by measure_id, unit_id, period_start, period_end",
    ):
        processes.setdefault(_key(row), []).append(_point(row))
    definitions = {
        row["measure_id"]: row["measure_description"] or ""
        for row in _feed(connection, report.schema, "feed_measures", f"where {chosen[1]} order by measure_id")
    }
    revisions: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in _feed(
        connection,
        report.schema,
        "feed_restatements",
        f"where area_id = '' and {chosen[0]} order by measure_id, unit_id, period_start, published_on",
    ):
        revisions.setdefault(_key(row), []).append(row)
    grades: dict[str, list[Mapping[str, Any]]] = {}
    for row in _feed(
        connection, report.schema, "feed_data_quality", f"where {chosen[1]} order by measure_id, criterion"
    ):
        grades.setdefault(row["measure_id"], []).append(row)
    events: dict[tuple[str, str], list[tuple[date, str]]] = {}
    for row in _feed(
        connection, report.schema, "feed_interventions", f"where {chosen[0]} order by starts_on, intervention_id"
    ):
        events.setdefault(_key(row), []).append((row["starts_on"], row["title"]))
    return Background(series, processes, definitions, revisions, grades, events)


def _point(row: Mapping[str, Any]) -> Point:
    limits = {name: row.get(name) for name in ("numerator", "denominator", "mean", "lower_limit", "upper_limit")}
    return Point(
        start=row["period_start"],
        end=row["period_end"],
        label=row["period_label"],
        value=row["value"],
        target=row["target"],
        status=row.get("status") or "no_target",
        is_provisional=bool(row["is_provisional"]),
        process_group=int(row.get("process_group") or 1),
        point_type=row.get("point_type") or "",
        is_upward=health.is_upward(row),
        **limits,
    )


def _feed(connection: duckdb.DuckDBPyConnection, schema: str, name: str, rest: str) -> list[dict[str, Any]]:
    """The rows of a published table; none where the build does not make it."""
    table = Table(schema, name, "", ())
    if not formats.database_columns(connection, table):
        return []
    return _rows(connection, f"select * from {table.relation} {rest}")


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    result = connection.execute(query)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def compiler() -> typst.Compiler:
    """One for all papers, so that template and fonts are read once. No font of the machine takes part; those that Typst
    brings stand in for letters that ours lacks."""
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[FONTS])
    return typst.Compiler(TEMPLATE, root=TEMPLATE.parent, font_paths=fonts, ignore_system_fonts=True)


def _typeset(typesetter: typst.Compiler, paper: Paper) -> bytes:
    text = json.dumps(_printable(paper.content()), ensure_ascii=False)
    moment = paper.facts.as_of.replace(microsecond=0)
    while True:
        try:
            made = typesetter.compile(
                format="pdf",
                sys_inputs={"paper": text},
                pdf_standards=STANDARD,
                timestamp=int(moment.timestamp()),
            )
        except typst.TypstError as error:
            # PDF/UA wants every letter shown; one that no font holds (a pictograph in a narrative) is marked as such.
            found = CANNOT_SHOW.search(error.message)
            unshown = found and ESCAPED.sub(lambda code: chr(int(code[1], 16)), found[1])
            if not unshown or unshown not in text:
                raise ExportError(f"{paper.title}: Typst refuses the paper ({error.message}).") from error
            text = text.replace(unshown, UNSHOWN)
            continue
        assert isinstance(made, bytes)
        return made


def _printable(value: Any) -> Any:
    """The content with blanks for control characters, which no font shows."""
    if isinstance(value, str):
        return CONTROL.sub(" ", value)
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value
