"""The homelessness system's quarterly export: a zip archive with two CSV files, duties changed in the quarter and the
households in temporary accommodation on its last day.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sources.sandbox.effects import FAMILIES_IN_HOTELS
from sources.sandbox.tables import british_dates, csv_bytes, zipped
from sources.sandbox.timeline import BEGIN, END, QUARTERS, Days, Flags, Ints, day, generator, months, quarter_numbers

FOLDER = "housing"
_NONE = np.datetime64("NaT", "D")
_DUTIES_PER_MONTH = 165
_DUTIES = np.array(["Prevention duty", "Relief duty", "Main duty"])
_OUTCOMES = np.array(
    [
        "Secured accommodation",
        "Still homeless",
        "56 days or more",
        "Contact lost",
        "Application withdrawn",
        "Refused",
        "Other",
    ]
)
_KINDS = np.array(["Bed and breakfast", "Nightly paid", "Hostel", "Leased from landlord", "Council stock"])
_HOUSEHOLDS = 620  # in temporary accommodation when the time simulated begins
_DUTY_HEADER = ["Case", "Duty", "Accepted", "Children", "Ended", "Reason ended", "Last changed"]
_PLACE_HEADER = ["Case", "Count date", "Kind", "Since", "No. of children", "Out of area"]


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the archives to `folder`. A city has as many without a home at every scale."""
    duties = _duty_files(generator(seed, "homelessness"))
    places = _place_files(generator(seed, "temporary accommodation"))
    (folder / FOLDER).mkdir(parents=True)
    for quarter, duty, place in zip(QUARTERS, duties, places, strict=True):
        members = {f"hclic_duties_{quarter.code}.csv": duty, f"temporary_accommodation_{quarter.code}.csv": place}
        (folder / FOLDER / f"hclic_{quarter.code}.zip").write_bytes(zipped(members, quarter.end))


def _duty_files(rng: np.random.Generator) -> list[bytes]:
    days = []
    for month in months(before=4):
        count = rng.poisson(_DUTIES_PER_MONTH * (1 + 0.004 * month.number))
        days.append(np.sort(rng.choice(month.working_days, count)))
    accepted = np.concatenate(days)
    n = len(accepted)
    duty = rng.choice(3, n, p=[0.43, 0.42, 0.15])
    children = rng.random(n) < np.array([0.4, 0.27, 0.55])[duty]
    # With too few homes to let, fewer duties end with one, year after year.
    helped = np.array([0.56, 0.4, 0.62])[duty] - 0.022 * (accepted - BEGIN).astype(int) / 365
    others = rng.choice([1, 2, 3, 4, 5, 6], n, p=[0.34, 0.25, 0.16, 0.12, 0.05, 0.08])
    outcome = np.where(rng.random(n) < helped, 0, others)
    ended = accepted + np.ceil(rng.gamma(2.0, np.array([27, 29, 140])[duty], n)).astype(np.int64)
    ended = np.where(ended <= END, ended, _NONE)
    return [
        _duty_file(rng, accepted, ended, duty, children, outcome, number)
        for number in sorted(set(quarter_numbers(np.array([day(quarter.start) for quarter in QUARTERS])).tolist()))
    ]


def _duty_file(
    rng: np.random.Generator, accepted: Days, ended: Days, duty: Ints, children: Flags, outcome: Ints, quarter: int
) -> bytes:
    """Duties accepted or ended in a quarter, as they stood at its end; two lines are spoilt, see FAULTS."""
    begins, ends = quarter_numbers(accepted) == quarter, quarter_numbers(ended) == quarter
    rows = np.flatnonzero((begins | ends) & (accepted <= END))
    closed = ends[rows]
    until = np.where(closed, ended[rows], _NONE)
    reason = np.where(closed, _OUTCOMES[outcome[rows]], "").astype(object)
    # Accepted and ended in the same quarter: no earlier version is left standing as open when this one is refused.
    early, odd = rng.choice(np.flatnonzero(closed & begins[rows]), 2, replace=False)
    until[early] = accepted[rows][early] - 7
    reason[odd] = "See notes"
    lines = zip(
        [f"H{number:06d}" for number in (rows + 1).tolist()],
        _DUTIES[duty[rows]].tolist(),
        british_dates(accepted[rows]),
        np.where(children[rows], "Yes", "No").tolist(),
        british_dates(until),
        reason.tolist(),
        british_dates(np.where(closed, ended[rows], accepted[rows])),
        strict=True,
    )
    return csv_bytes(_DUTY_HEADER, lines)


def _place_files(rng: np.random.Generator) -> list[bytes]:
    """Snapshots of those who have come and not yet left."""
    shares, weeks = np.array([0.24, 0.26, 0.12, 0.26, 0.12]), np.array([5.0, 30.0, 24.0, 60.0, 48.0])
    standing = np.repeat(np.arange(5), np.round(_HOUSEHOLDS * shares * [0.5, 1, 1, 1.2, 1.2]).astype(int))
    kinds, starts = [standing], [BEGIN - rng.integers(1, 300, len(standing))]
    for month in months():
        counts = rng.poisson(_HOUSEHOLDS * shares * 52 / 12 / weeks * (1 + 0.007 * month.number))
        came = np.repeat(np.arange(5), counts)
        kinds.append(came)
        starts.append(rng.choice(np.arange(month.begin, month.end), len(came)))
    kind, start = np.concatenate(kinds), np.concatenate(starts)
    n = len(kind)
    family = rng.random(n) < np.where(kind == 0, 0.4, 0.62)
    children = np.where(family, 1 + rng.poisson(0.9, n), 0)
    stays = rng.exponential(weeks[kind] * 7)
    stuck = family & (kind == 0) & (start >= day(FAMILIES_IN_HOTELS.starts) - 30)
    stays = np.where(stuck, stays * FAMILIES_IN_HOTELS.size, stays)
    left = np.maximum(start, BEGIN) + np.ceil(stays).astype(np.int64)
    out_of_area = rng.random(n) < np.where(kind <= 1, 0.22, 0.03)
    files = []
    for quarter in QUARTERS:
        on = day(quarter.end)
        rows = np.flatnonzero((start <= on) & (left > on))
        counted = children[rows]
        counted[rng.integers(0, len(rows))] = -1
        lines = zip(
            [f"T{number:06d}" for number in (rows + 1).tolist()],
            british_dates(np.full(len(rows), on)),
            _KINDS[kind[rows]].tolist(),
            british_dates(start[rows]),
            counted.tolist(),
            np.where(out_of_area[rows], "Y", "N").tolist(),
            strict=True,
        )
        files.append(csv_bytes(_PLACE_HEADER, lines, "cp1252", ";"))
    return files
