"""The HR system: an SQLite database with positions, assignments and every version of each sickness spell.

Table and column names are the system's own; the council's YAML maps them to the contracts. Who falls ill, and when,
is decided in `sickness`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sources.sandbox import city, timeline
from sources.sandbox.city import SERVICES, UNITS
from sources.sandbox.effects import PAY_GAP, RECRUITMENT_FREEZE
from sources.sandbox.sickness import REASON_CODES, Staff, sickness_history
from sources.sandbox.tables import insert
from sources.sandbox.timeline import BEGIN, Days, Floats, Ints

DATABASE = "hr.sqlite"
_SCHEMA = """
create table position (position_ref text, org_unit text, budgeted_fte real, effective_from date, effective_to date);
create table assignment (person_ref text, org_unit text, position_ref text, fte_ratio real, hire_date date,
    termination_date date, termination_code text);
create table sickness_history (spell_ref text, person_ref text, org_unit text, first_day date, last_day date,
    fte_ratio real, reason_code text, changed_at timestamp);
create table pay_snapshot (person_ref text, taken_on date, org_unit text, gender text, fte_ratio real,
    hourly_rate real, full_pay text);
"""
_INDEX = "create index sickness_history_changed_at on sickness_history (changed_at);"

_NONE = np.datetime64("NaT", "D")
_SHARE_OF_WOMEN = {"ASC": 0.8, "CYP": 0.82, "HCS": 0.51, "PLC": 0.29, "RES": 0.5, "CEX": 0.64}
_GRADES = [11.9, 12.8, 14.1, 15.9, 18.2, 21.0, 24.3, 28.9, 38.5]  # pounds an hour in 2022
_GRADE_SHARES = [0.13, 0.15, 0.16, 0.16, 0.14, 0.11, 0.08, 0.05, 0.02]


@dataclass
class Posts:
    """Every post, one row each; `to` is NaT while it exists."""

    unit: Ints
    fte: Floats
    start: Days
    to: Days


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the database to `folder`."""
    rng = timeline.generator(seed, "hr")
    posts = _posts(rng, scale)
    staff = _staff(rng, posts)
    path = folder / DATABASE
    with sqlite3.connect(path) as database:
        database.executescript(_SCHEMA)
        insert(database, "position", [_refs("P", len(posts.unit)), UNITS[posts.unit], posts.fte, posts.start, posts.to])
        insert(database, "assignment", _assignments(staff))
        insert(database, "sickness_history", _history(rng, seed, staff))
        insert(database, "pay_snapshot", _pay(timeline.generator(seed, "pay"), staff))
        database.executescript(_INDEX)
    database.close()


def _refs(letter: str, count: int) -> npt.NDArray[np.str_]:
    return np.array([f"{letter}{number:06d}" for number in range(1, count + 1)])


def _staff_numbers(count: int) -> npt.NDArray[np.str_]:
    """Six digits each, in no order that tells who came when."""
    return np.array([f"{100_000 + number * 7_919 % 899_981}" for number in range(1, count + 1)])


def _posts(rng: np.random.Generator, scale: float) -> Posts:
    sizes = city.per_service("fte") * 1.17 * scale
    sizes[city.MERGED_INTO] += sizes[city.MERGED]  # the HR system restated its tree when the team was merged
    sizes[city.MERGED] = 0
    unit = np.repeat(np.arange(len(SERVICES)), np.round(sizes).astype(int))
    n = len(unit)
    fte = rng.choice([1.0, 0.8, 0.6, 0.5], n, p=[0.78, 0.1, 0.07, 0.05])
    start = np.full(n, np.datetime64("2015-04-01"))
    new = rng.random(n) < 0.06
    firsts = np.array([month.begin for month in timeline.months()])
    start[new] = rng.choice(firsts[1:], int(new.sum()))
    to = np.full(n, _NONE)
    ended = ~new & (rng.random(n) < 0.04)
    to[ended] = rng.choice(firsts[1:], int(ended.sum())) - 1
    return Posts(unit, fte, start, to)


def _staff(rng: np.random.Generator, posts: Posts) -> Staff:
    n = len(posts.unit)
    turnover = city.per_service("turnover")[posts.unit]
    holds = (posts.start <= BEGIN) & (rng.random(n) < 0.925)
    first = np.flatnonzero(holds)
    tenure = np.minimum(rng.exponential(2600, len(first)), 13000).astype(int)
    post, start = [first], [BEGIN - 1 - tenure]
    leave = [np.full(len(first), _NONE)]
    reason = [np.full(len(first), "", dtype="U1")]
    holder = np.full(n, -1)
    holder[first] = np.arange(len(first))
    total = len(first)
    leavers: list[tuple[Ints, Days, npt.NDArray[np.str_]]] = []
    for month in timeline.months():
        begin, end = month.begin, month.end
        # After the pandemic more people changed jobs; each year a few more leave in summer.
        trend = (0.9, 1.15)[month.year] if month.year < 2 else 1.0
        hazard = turnover / 12 * trend * (1.25 if month.first.month in (7, 8, 9) else 0.92)
        closing = (posts.to >= begin) & (posts.to < end)
        leaving = np.flatnonzero((holder >= 0) & ((rng.random(n) < hazard) | closing))
        on = rng.choice(np.arange(begin, end), len(leaving))
        on = np.where(closing[leaving], posts.to[leaving], on)
        why = rng.choice(list("RTXDFO"), len(leaving), p=[0.68, 0.13, 0.03, 0.04, 0.1, 0.02])
        why = np.where(closing[leaving], "X", why)
        leavers.append((holder[leaving], on, why))
        filling = 0.125 * float(city.factor(RECRUITMENT_FREEZE, month.first)[0])
        open_posts = (posts.start <= begin) & (np.isnat(posts.to) | (posts.to > end)) & (holder < 0)
        hired = np.flatnonzero(open_posts & (rng.random(n) < filling))
        holder[leaving] = -1
        holder[hired] = total + np.arange(len(hired))
        total += len(hired)
        post.append(hired)
        start.append(begin + rng.choice([0, 7, 14], len(hired)))
        leave.append(np.full(len(hired), _NONE))
        reason.append(np.full(len(hired), "", dtype="U1"))
    posts_held, all_leave, all_reason = np.concatenate(post), np.concatenate(leave), np.concatenate(reason)
    all_start = np.concatenate(start)
    for who, on, why in leavers:
        all_leave[who] = np.maximum(on, all_start[who])
        all_reason[who] = why
    part_time = rng.random(total) < 0.06
    fte = np.round(posts.fte[posts_held] * np.where(part_time, 0.8, 1.0), 3)
    return Staff(posts.unit[posts_held], posts_held, fte, all_start, all_leave, all_reason)


def _assignments(staff: Staff) -> list[npt.NDArray[Any]]:
    rows = np.r_[np.arange(len(staff.unit)), [5, 6, 7]]  # the last: a repeated spell, see FAULTS
    people = _staff_numbers(len(staff.unit))[rows]
    people[-3:-1] = ["999991", "999992"]
    fte = staff.fte[rows]
    fte[-3:-1] = -1.0
    reason = staff.reason[rows].astype(object)
    reason[reason == ""] = None
    posts = _refs("P", int(staff.post.max()) + 1)
    return [people, UNITS[staff.unit][rows], posts[staff.post][rows], fte, staff.start[rows], staff.leave[rows], reason]


def _history(rng: np.random.Generator, seed: int, staff: Staff) -> list[npt.NDArray[Any]]:
    spells, versions = sickness_history(rng, seed, staff)
    spell = versions.spell
    who = spells.who[spell]
    codes = np.array(REASON_CODES)
    return [
        _refs("S", len(spells.who))[spell],
        _staff_numbers(len(staff.unit))[who],
        UNITS[staff.unit[who]],
        versions.first_day,
        versions.last_day,
        versions.fte,
        codes[spells.reason[spell]],
        versions.changed,
    ]


def _pay(rng: np.random.Generator, staff: Staff) -> list[npt.NDArray[Any]]:
    """Hourly pay of everyone employed on each 31 March. Men and women of the same grade differ by the gap alone; that
    more women work in lower grades makes the rest of what the council reports."""
    n = len(staff.unit)
    directorate = np.array([unit.split("-")[0] for unit in UNITS])[staff.unit]
    is_female = rng.random(n) < np.vectorize(_SHARE_OF_WOMEN.get)(directorate)
    unrecorded = rng.random(n) < 0.01
    grade = rng.choice(len(_GRADES), n, p=_GRADE_SHARES)
    grade = np.where(is_female & (rng.random(n) < 0.28), np.maximum(grade - 1, 0), grade)
    within = rng.uniform(0.96, 1.06, n)
    parts: list[tuple[Ints, np.datetime64, Floats]] = []
    for place, quarter in enumerate(quarter for quarter in timeline.QUARTERS if quarter.number == 4):
        taken = timeline.day(quarter.end)
        who = np.flatnonzero((staff.start <= taken) & (np.isnat(staff.leave) | (staff.leave >= taken)))
        gap = np.where(is_female[who], 1 - 0.022 * PAY_GAP.size**place, 1.0)
        parts.append((who, taken, np.round(np.array(_GRADES)[grade[who]] * within[who] * gap * 1.042**place, 2)))
    who = np.concatenate([part[0] for part in parts])
    taken_on = np.concatenate([np.full(len(part[0]), part[1]) for part in parts])
    hourly = np.concatenate([part[2] for part in parts])
    hourly[[3, 8]] = 0  # with the repeated row below: see FAULTS
    again = np.r_[np.arange(len(who)), 12]
    gender = np.where(is_female, "F", "M").astype(object)
    gender[unrecorded] = None
    full_pay = np.where(rng.random(len(who)) < 0.97, "Y", "N")
    columns = [_staff_numbers(n)[who], taken_on, UNITS[staff.unit[who]], gender[who], staff.fte[who], hourly, full_pay]
    return [column[again] for column in columns]
