"""The corporate risk register: a workbook per quarter, with a title block above the table and a notes sheet.

Scores go from 1 to 25, likelihood times impact.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import xlsxwriter

from sources.periods import Quarter
from sources.sandbox import timeline
from sources.sandbox.city import SERVICES
from sources.sandbox.effects import REPAIRS_RISK
from sources.sandbox.timeline import QUARTERS

FOLDER = "risk"
SHEET = "Corporate risks"
_HEADER = ["Ref", "Risk", "Service", "Risk owner", "Likelihood (1-5)", "Impact (1-5)", "Current score"]
_HEADER += ["Target score", "Tolerance"]

# Reference, risk, unit, likelihood, impact, tolerance, first and last quarter (place in QUARTERS; None: still open).
_RISKS = [
    ("CR01", "Budget gap of the medium-term plan is not closed", "RES-ACC", 4, 5, 12, 0, None),
    ("CR02", "Cyber attack stops services", "RES-DIG", 4, 5, 15, 0, None),
    ("CR03", "A child known to us is seriously harmed", "CYP-ASS", 3, 5, 10, 0, None),
    ("CR04", "An adult in our care is seriously harmed", "ASC-LOC", 3, 5, 10, 0, None),
    ("CR05", "Demand for adult care outruns its budget", "ASC-OLD", 3, 4, 12, 0, None),
    ("CR06", "Care market: a large provider fails", "ASC-OLD", 3, 4, 12, 0, None),
    ("CR07", "Unsafe council homes: fire, damp, electrics", "HCS-REP", 2, 5, 10, 0, None),
    ("CR08", "Temporary accommodation runs out", "HCS-TMP", 3, 4, 12, 0, None),
    ("CR09", "Deficit for special educational needs", "CYP-SEN", 4, 4, 12, 0, None),
    ("CR10", "Too few social workers", "CYP-CAR", 4, 3, 9, 0, None),
    ("CR11", "Capital programme late or over budget", "RES-PRP", 3, 4, 12, 0, None),
    ("CR12", "Flooding or extreme heat", "PLC-CLI", 3, 4, 12, 0, None),
    ("CR13", "Net zero plan falls behind", "PLC-CLI", 4, 3, 9, 0, None),
    ("CR14", "Bridges and retaining walls fail", "PLC-HIG", 2, 5, 10, 0, None),
    ("CR15", "Waste depot cannot run its rounds", "PLC-WAS", 2, 4, 8, 0, None),
    ("CR16", "Loss of personal data", "CEX-LEG", 3, 3, 9, 0, None),
    ("CR17", "Procurement challenged in court", "RES-ACC", 2, 3, 8, 0, None),
    ("CR18", "Sickness and vacancies hollow out front-line teams", "CEX-PEO", 3, 3, 9, 0, None),
    ("CR19", "Business continuity after the pandemic", "CEX-POL", 3, 3, 6, 0, 7),
    ("CR20", "Energy prices", "RES-PRP", 4, 4, 9, 3, 13),
    ("CR21", "New payment system does not pay on time", "RES-ACC", 3, 3, 6, 12, 16),
    ("CR22", "Election administration", "CEX-LEG", 2, 4, 8, 4, None),
    ("CR23", "Serious fraud", "RES-REV", 2, 3, 6, 0, None),
    ("CR24", "Community tension", "HCS-SAF", 2, 4, 8, 9, None),
]


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write one workbook per quarter to `folder`. A register has the same few risks at every scale."""
    rng = timeline.generator(seed, "risk")
    (folder / FOLDER).mkdir(parents=True)
    drift = np.zeros(len(_RISKS), dtype=int)
    for number, quarter in enumerate(QUARTERS):
        # Now and then a likelihood moves by one, more often back to where it was than away.
        moves = rng.random(len(_RISKS)) < 0.12
        step = np.where(rng.random(len(_RISKS)) < 0.5 - 0.3 * drift, 1, -1)
        drift = np.clip(drift + np.where(moves, step, 0), -1, 1)
        rows: list[list[str | int]] = []
        for place, (reference, title, unit, likelihood, impact, tolerance, first, last) in enumerate(_RISKS):
            if number < first or (last is not None and number > last):
                continue
            moved = int(drift[place])
            if unit in REPAIRS_RISK.units:
                moved = int(quarter.start >= REPAIRS_RISK.starts) + int(quarter >= Quarter(2026, 1))
            now = min(max(likelihood + moved, 1), 5)
            service = next(service.name for service in SERVICES if service.unit == unit)
            target = impact * max(tolerance // impact - place % 2, 1)
            rows.append([reference, title, service, f"Head of {service}", now, impact, now * impact, target, tolerance])
        _write(folder / FOLDER / f"risk_register_{quarter.code}.xlsx", quarter, rows)


def _write(path: Path, quarter: Quarter, rows: list[list[str | int]]) -> None:
    """The workbook of one quarter: the same bytes whenever it is written."""
    written = datetime(quarter.end.year, quarter.end.month, quarter.end.day)
    with xlsxwriter.Workbook(path, {"in_memory": True}) as workbook:
        workbook.set_properties({"title": "Corporate risk register", "created": written})
        bold = workbook.add_format({"bold": True})
        sheet = workbook.add_worksheet(SHEET)
        sheet.set_column(1, 1, 52)
        sheet.set_column(2, 3, 30)
        sheet.write(0, 0, "Brigstow City Council (fictional)", bold)
        sheet.write(1, 0, "Corporate risk register")
        sheet.write(2, 0, f"Position at the end of {quarter.label}")
        sheet.write(3, 0, "Owner: risk@brigstow.example")
        sheet.write_row(5, 0, _HEADER, bold)
        for number, row in enumerate(rows):
            sheet.write_row(6 + number, 0, row)
        notes = workbook.add_worksheet("Notes")
        notes.write_column(
            0, 0, ["Scores: likelihood × impact, each 1 to 5.", "Tolerance: the highest score accepted."]
        )
