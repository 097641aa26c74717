"""The internal audit tracker: two CSV files, audits and the actions agreed after them, each always whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sources.sandbox import city, timeline
from sources.sandbox.city import SERVICES, UNITS
from sources.sandbox.effects import HIGHWAYS_ACTIONS
from sources.sandbox.tables import british_dates, write_csv
from sources.sandbox.timeline import END, FIRST, LAST, Days, Ints

FOLDER = "audit"
_PER_YEAR = 46
_NONE = np.datetime64("NaT", "D")
_OPINIONS = np.array(["Substantial", "Reasonable", "Partial", "Limited", "No assurance"])
_SUBJECTS = ["Key controls", "Contract management", "Data quality", "Income", "Follow-up", "Payments", "Records"]
_NULL = "NA"


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write both files to `folder`. A tracker has the same few audits at every scale."""
    rng = timeline.generator(seed, "audit")
    years = list(range(FIRST.year - 1, LAST.year + 1))
    planned = np.concatenate([_planned(rng, year) for year in years])
    n = len(planned)
    weight = np.sqrt(city.per_service("fte"))
    weight[city.MERGED] = 0
    unit = rng.choice(len(SERVICES), n, p=weight / weight.sum())
    # The audit committee had Highways looked at again and again in the two years before its actions ran late.
    often = (np.repeat(years, _PER_YEAR) >= HIGHWAYS_ACTIONS.starts.year - 1) & (np.arange(n) % 9 == 0)
    unit[often] = np.flatnonzero(city.concerned(HIGHWAYS_ACTIONS))[0]
    delay = np.round(rng.normal(-4, 16, n)).astype(int)
    dropped = rng.random(n) < 0.06
    issued = np.where(dropped, _NONE, planned + delay)
    issued = np.where(issued > END, _NONE, issued)
    opinion = rng.choice(5, n, p=[0.19, 0.53, 0.17, 0.1, 0.01])
    references = [f"A{years[number // _PER_YEAR]}-{number % _PER_YEAR + 1:02d}" for number in range(n)]
    subjects = np.array(_SUBJECTS)[rng.integers(0, len(_SUBJECTS), n)]
    audits = zip(
        references,
        [f"{SERVICES[place].name}: {subject.lower()}" for place, subject in zip(unit, subjects, strict=True)],
        UNITS[unit].tolist(),
        british_dates(planned),
        british_dates(issued, _NULL),
        np.where(np.isnat(issued), _NULL, _OPINIONS[opinion]).tolist(),
        strict=True,
    )
    header = ["Audit ref", "Audit", "Service code", "Planned report date", "Report issued", "Opinion"]
    write_csv(folder / FOLDER / "audits.csv", header, audits)
    _write_actions(folder, rng, np.array(references), unit, issued, opinion)


def _planned(rng: np.random.Generator, year: int) -> Days:
    begin = np.datetime64(f"{year}-06-01")
    return np.sort(np.busday_offset(begin + rng.integers(0, 300, _PER_YEAR), 0, roll="backward"))


def _write_actions(
    folder: Path, rng: np.random.Generator, references: np.ndarray, unit: Ints, issued: Days, opinion: Ints
) -> None:
    counts = np.where(np.isnat(issued), 0, 1 + opinion + rng.poisson(1.6, len(issued)))
    audit = np.repeat(np.arange(len(issued)), counts)
    n = len(audit)
    agreed = issued[audit]
    priority = np.array(["High", "Medium", "Low"])[
        np.where(rng.random(n) < 0.08 * opinion[audit], 0, rng.integers(1, 3, n))
    ]
    due = agreed + rng.choice([60, 90, 120, 180, 270], n)
    chance = np.full(n, 0.8)
    late = city.concerned(HIGHWAYS_ACTIONS)[unit[audit]] & city.during(HIGHWAYS_ACTIONS, due)
    chance[late] = HIGHWAYS_ACTIONS.size
    on_time = rng.random(n) < chance
    done = np.where(on_time, due - rng.integers(0, 40, n), due + rng.integers(15, 240, n))
    done = np.maximum(done, agreed)
    done = np.where(done > END, _NONE, done)
    revised = np.where(~on_time & (rng.random(n) < 0.6), due + rng.choice([60, 90, 180], n), _NONE)
    revised = np.where(due > END, _NONE, revised)
    texts = [
        f"{reference}/{number:02d}"
        for reference, count in zip(references, counts, strict=True)
        for number in range(1, count + 1)
    ]
    rows = list(
        zip(
            texts,
            references[audit].tolist(),
            UNITS[unit[audit]].tolist(),
            priority.tolist(),
            british_dates(agreed),
            british_dates(due),
            british_dates(revised, _NULL),
            british_dates(done, _NULL),
            strict=True,
        )
    )
    rows.append(rows[17])
    code, *rest = rows[30]
    rows[30] = (code, *rest[:4], "31/02/2025", *rest[5:])
    header = [
        "Action ref",
        "Audit ref",
        "Service code",
        "Priority",
        "Agreed",
        "Target date",
        "Revised date",
        "Implemented",
    ]
    write_csv(folder / FOLDER / "recommendations.csv", header, rows)
