"""What the directorates return each quarter: a workbook each, with a title block on every sheet; and a CSV file with
the milestones of the One City Plan that partners answer for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import xlsxwriter

from sources.periods import Quarter, add_working_days
from sources.sandbox.effects import ACTIVITIES_SLIP, RETURN_MISSED, Effect
from sources.sandbox.tables import write_csv
from sources.sandbox.timeline import QUARTERS, generator

FOLDER = "returns"
_HEADER_ROW = 5
DIRECTORATES = {
    "ASC": "Adults and Public Health",
    "CYP": "Children and Education",
    "HCS": "Homes and Communities",
    "PLC": "Place and Environment",
    "RES": "Resources",
    "CEX": "Chief Executive's",
}
_SHEETS = {
    "Measures": [
        *("Measure", "Name", "Service code", "Period from", "Numerator", "Denominator", "Value", "Provisional"),
        "If none, why",
    ],
    "Narratives": ["Measure", "Service code", "Narrative", "Next steps", "Written by", "Date"],
    "Activities": ["Ref", "Activity", "Outcome", "Service code", "Start", "End", "Status", "% done", "Comment"],
    "Milestones": ["Ref", "Activity ref", "Milestone", "Service code", "Due", "Revised to", "Met on"],
    "Sign-off": ["Directorate", "Stage", "Signed off by", "Date", "Comment"],
}  # fmt: skip


_Value = tuple[Any, Any, Any]  # numerator, denominator and value of a quarter, as somebody types them into cells


@dataclass(frozen=True)
class _Measure:
    """A measure that no system gives: share of `cases` a quarter, or a plain value where `cases` is 0."""

    measure: str
    name: str
    unit: str
    cases: int
    level: float
    drift: float


_MEASURES = [
    _Measure("AS01", "Adults with a learning disability in settled homes", "ASC-LDA", 610, 0.78, 0.002),
    _Measure("AS02", "Older people admitted to care homes per 100,000", "ASC-OLD", 0, 138.0, 0.8),
    _Measure("AS03", "Older people at home 91 days after reablement", "ASC-REA", 240, 0.81, 0.001),
    _Measure("CY01", "Children's assessments within 45 working days", "CYP-ASS", 690, 0.83, 0.003),
    _Measure("CY02", "Education, health and care plans within 20 weeks", "CYP-SEN", 150, 0.46, -0.004),
    _Measure("CY03", "Children in care with three or more placements", "CYP-CAR", 720, 0.1, 0.001),
    _Measure("HO04", "Tenants satisfied overall (TP01)", "HCS-TEN", 430, 0.67, -0.003),
    _Measure("HO05", "Homes that meet the Decent Homes Standard", "HCS-REP", 26_800, 0.925, -0.0008),
    _Measure("HO06", "Visits to libraries", "HCS-LIB", 0, 214_000.0, 2_600.0),
    _Measure("PL01", "Major planning applications decided in time", "PLC-PLN", 21, 0.88, 0.001),
    _Measure("PL02", "Dangerous potholes mended within a day", "PLC-HIG", 460, 0.93, -0.002),
    _Measure("PL03", "Residents helped into work", "PLC-SKI", 0, 195.0, 3.0),
    _Measure("RS01", "Calls answered within five minutes", "RES-CUS", 88_000, 0.71, 0.002),
    _Measure("RS02", "Days to decide a new benefit claim", "RES-REV", 0, 21.0, -0.2),
    _Measure("CE01", "Requests for information answered in time", "CEX-LEG", 480, 0.86, 0.001),
    _Measure("CE02", "Colleagues who would recommend the council", "CEX-PEO", 2_400, 0.62, 0.002),
]
# Unit, outcome and what the business plan of every year has in store for it.
_ACTIVITIES = [
    ("ASC-LOC", "CAR", "Review every package that is over a year old"),
    ("ASC-REA", "CAR", "Double the places in reablement"),
    ("ASC-PUB", "CAR", "Stop-smoking offer in the ten poorest neighbourhoods"),
    ("CYP-SEN", "CHI", "Recover the time that plans take"),
    ("CYP-FOS", "CHI", "Recruit thirty foster families"),
    ("CYP-SCH", "CHI", "Places for every child in Year 7"),
    ("HCS-REP", "HOM", "Damp and mould: inspect every home reported"),
    ("HCS-HLS", "HOM", "Buy homes for families in temporary accommodation"),
    ("HCS-LIB", "HOM", "Libraries as warm and welcoming places"),
    ("PLC-WAS", "CLI", "Change the collection rounds"),
    ("PLC-HIG", "MOV", "Resurface the worst thirty streets"),
    ("PLC-PRK", "CLI", "Plant ten thousand trees"),
    ("PLC-PLN", "HOM", "Adopt the local plan"),
    ("RES-DIG", "ORG", "Replace the customer system"),
    ("RES-ACC", "ORG", "Close the accounts by the end of May"),
    ("RES-PRP", "ORG", "Leave two office buildings"),
    ("CEX-PEO", "ORG", "Apprenticeships in every directorate"),
    ("CEX-POL", "ORG", "One set of figures for every board"),
]
_STEPS = ["Plan agreed", "Half-way review", "Finished"]
_STAGES = [
    ("Service", 6),
    ("Divisional management team", 8),
    ("Directorate meeting", 10),
    ("Cabinet member briefing", 13),
]
_STATUSES = ["On track", "At risk", "Off track"]
_WORDS = [
    "Demand was higher than in the quarter before, and two posts stood vacant until the end of it.",
    "The new way of working began to show: cases are looked at on the day they come in.",
    "Results are within what is usual for the season; nothing points to a change.",
    "Fewer cases than a year ago, so single ones weigh more.",
    "A backlog from the summer was cleared, which for a while makes the figure look worse.",
]
_NEXT = [
    "Weekly review of overdue cases.",
    "Two more officers start next quarter.",
    "None needed.",
    "Raised with the director.",
]
_PARTNERS = [
    ("Brigstow NHS Trust", "CAR", "Health checks in every neighbourhood"),
    ("University of Brigstow", "CHI", "Tutoring in twenty schools"),
    ("Brigstow Chamber", "ECO", "Living wage at a hundred employers"),
    ("Avonvale Police", "HOM", "Neighbourhood officers in every ward"),
    ("Brigstow Housing Alliance", "HOM", "Two hundred homes without fossil heating"),
    ("Voluntary Sector Forum", "HOM", "Community grants given out by residents"),
    ("Brigstow Energy Partnership", "CLI", "Heat network reaches the hospital"),
    ("City Transport Board", "MOV", "Bus lanes on four main roads"),
]


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write workbooks and files to `folder`. A council returns as much at every scale."""
    rng = generator(seed, "returns")
    (folder / FOLDER).mkdir(parents=True)
    shares = {measure.measure: _history(rng, measure) for measure in _MEASURES}
    fates = {(year, place): rng.random(4) for year in {q.year for q in QUARTERS} for place in range(len(_ACTIVITIES))}
    for number, quarter in enumerate(QUARTERS):
        for code, directorate in DIRECTORATES.items():
            sheets = {
                "Measures": _measures(code, number, shares),
                "Narratives": _narratives(rng, code, quarter),
                "Activities": _activities(code, quarter, fates),
                "Milestones": _milestones(code, quarter, fates),
                "Sign-off": _sign_offs(rng, code, quarter),
            }
            if not _meant(RETURN_MISSED, code, quarter):
                _write(folder / FOLDER / f"return_{code}_{quarter.code}.xlsx", directorate, quarter, sheets)
        _write_partners(folder / FOLDER, seed, quarter)


def _meant(effect: Effect, code: str, quarter: Quarter) -> bool:
    begun = effect.starts <= quarter.start
    return code in effect.units and begun and (effect.ends is None or quarter.start <= effect.ends)


def _history(rng: np.random.Generator, measure: _Measure) -> list[_Value]:
    rows: list[_Value] = []
    for number in range(len(QUARTERS)):
        level = measure.level + measure.drift * number
        if measure.cases:
            cases = max(int(rng.normal(measure.cases, measure.cases**0.5)), 1)
            rows.append((int(rng.binomial(cases, min(max(level, 0.0), 1.0))), cases, None))
        else:
            rows.append((None, None, round(float(level * rng.normal(1, 0.04)), 1 if level < 1000 else -2)))
    return rows


def _measures(code: str, number: int, shares: dict[str, list[_Value]]) -> list[list[object]]:
    """This quarter's values; in the second quarter of a year those of the first again, final; see also FAULTS."""
    quarter = QUARTERS[number]
    rows: list[list[object]] = []
    for measure in (each for each in _MEASURES if each.unit.startswith(code)):
        start = [measure.measure, measure.name, measure.unit]
        numerator, denominator, value = shares[measure.measure][number]
        if measure.measure == "CE02" and quarter.number != 2:
            rows.append([*start, quarter.start, None, None, None, None, "Not due"])
            continue
        if quarter == Quarter(2023, 1) and measure.measure == "PL02":
            numerator = "awaited"
        rows.append(
            [*start, quarter.start, numerator, denominator, value, "Y" if measure.measure == "AS03" else "N", None]
        )
        if quarter.number == 2 and measure.measure == "AS03":
            earlier, out_of, _ = shares[measure.measure][number - 1]
            rows.append([*start, quarter.previous.start, earlier + 2, out_of, None, "N", None])
    return rows


def _narratives(rng: np.random.Generator, code: str, quarter: Quarter) -> list[list[object]]:
    rows: list[list[object]] = []
    for measure in (each for each in _MEASURES if each.unit.startswith(code)):
        words, step = _WORDS[rng.integers(0, len(_WORDS))], _NEXT[rng.integers(0, len(_NEXT))]
        if quarter == Quarter(2023, 2) and measure.measure == "RS01":
            words = " ".join(_WORDS * 7)
        written = add_working_days(quarter.end, int(rng.integers(3, 8)))
        rows.append([measure.measure, measure.unit, words, step, f"Head of {measure.name.split()[0].lower()}", written])
    return rows


def _standing(code: str, quarter: Quarter, fate: np.ndarray, step: int) -> tuple[date, date | None, date | None]:
    """Of a step of an activity: day due, day it was put off to, day it was met, as known when the return is made."""
    due = [date(quarter.year, 6, 30), date(quarter.year, 11, 30), date(quarter.year + 1, 3, 15)][step]
    late = fate[step] < (0.22 if not _slips(code, due) else 0.22 + ACTIVITIES_SLIP.size)
    met = due + timedelta(days=int(45 + 80 * fate[3])) if late else due - timedelta(days=int(20 * fate[3]))
    known = quarter.end
    put_off = due + timedelta(days=60) if late and known >= due else None
    return due, put_off, met if met <= known else None


def _slips(code: str, on: date) -> bool:
    return code in ACTIVITIES_SLIP.units and on >= ACTIVITIES_SLIP.starts


def _activities(code: str, quarter: Quarter, fates: dict[tuple[int, int], np.ndarray]) -> list[list[object]]:
    rows: list[list[object]] = []
    for place, (unit, outcome, title) in enumerate(_ACTIVITIES):
        if not unit.startswith(code):
            continue
        steps = [_standing(code, quarter, fates[quarter.year, place], step) for step in range(3)]
        overdue = sum(met is None and due <= quarter.end for due, _, met in steps)
        done = sum(met is not None for _, _, met in steps)
        status = "Completed" if done == 3 else _STATUSES[min(overdue, 2)]
        if (
            not overdue
            and done < 3
            and _slips(code, quarter.start)
            and fates[quarter.year, place][3] < ACTIVITIES_SLIP.size
        ):
            status = "At risk"
        rows.append(
            [
                *(f"BP{quarter.year % 100}-{place + 1:02d}", title, outcome, unit),
                *(date(quarter.year, 4, 1), date(quarter.year + 1, 3, 31), status),
                100 if done == 3 else 30 * done + 5 * quarter.number,
                None if status in ("On track", "Completed") else "Waiting for a decision on money.",
            ]
        )
    return rows


def _milestones(code: str, quarter: Quarter, fates: dict[tuple[int, int], np.ndarray]) -> list[list[object]]:
    return [
        [
            *(f"{reference}/{step + 1}", reference, f"{_STEPS[step]}: {title[0].lower()}{title[1:]}", unit),
            *_standing(code, quarter, fates[quarter.year, place], step),
        ]
        for place, (unit, _, title) in enumerate(_ACTIVITIES)
        if unit.startswith(code)
        for reference in [f"BP{quarter.year % 100}-{place + 1:02d}"]
        for step in range(3)
    ]


def _sign_offs(rng: np.random.Generator, code: str, quarter: Quarter) -> list[list[object]]:
    rows: list[list[object]] = []
    for stage, after in _STAGES:
        signed = add_working_days(quarter.end, after + int(rng.integers(-1, 3)))
        who = {"Service": "Heads of service", "Cabinet member briefing": "Cabinet member"}.get(stage, "Director")
        missing = stage == "Cabinet member briefing" and rng.random() < 0.08
        rows.append(
            [code, stage, None if missing else who, None if missing else signed, "Postponed" if missing else None]
        )
    return rows


def _write(path: Path, directorate: str, quarter: Quarter, sheets: dict[str, list[list[object]]]) -> None:
    """The workbook of one directorate: the same bytes whenever it is written."""
    with xlsxwriter.Workbook(path, {"in_memory": True, "default_date_format": "dd/mm/yyyy"}) as book:
        book.set_properties(
            {"title": "Quarterly return", "created": datetime.combine(quarter.end, datetime.min.time())}
        )
        bold = book.add_format({"bold": True})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.set_column(0, 8, 18)
            sheet.write(0, 0, f"Quarterly return: {name}", bold)
            sheet.write(1, 0, f"Directorate: {directorate}")
            sheet.write(2, 0, f"Period: {quarter.label}")
            sheet.write(3, 0, "Fill in the white cells. Questions: insight@brigstow.example")
            sheet.write_row(_HEADER_ROW, 0, _SHEETS[name], bold)
            for number, row in enumerate(rows, start=_HEADER_ROW + 1):
                sheet.write_row(number, 0, row)


def _write_partners(folder: Path, seed: int, quarter: Quarter) -> None:
    """The partners' milestones: one a year for each, and how it stood at the end of the quarter."""
    rng = generator(seed, "partners")
    header = ["Milestone", "What", "Theme", "Partner", "Due", "State", "Done on"]
    rows: list[Sequence[object]] = []
    for year in range(QUARTERS[0].year, quarter.year + 1):
        for place, (partner, outcome, what) in enumerate(_PARTNERS):
            due = date(year, 9, 30) + timedelta(days=int(rng.integers(0, 180)))
            done = due + timedelta(days=int(rng.normal(10, 45)))
            doubtful = bool(rng.random() < 0.2)
            finished = done <= quarter.end
            late = due < quarter.end
            state = "Done" if finished else "Late" if late else "In doubt" if doubtful else "On course"
            if year < quarter.year - 1 and finished:
                continue  # long done: no longer reported
            rows.append(
                [
                    *(f"OCP{year % 100}-{place + 1}", f"{what} ({year})", outcome, partner, f"{due:%d/%m/%Y}", state),
                    f"{done:%d/%m/%Y}" if finished else "",
                ]
            )
    write_csv(folder / f"one_city_plan_{quarter.code}.csv", header, rows)
