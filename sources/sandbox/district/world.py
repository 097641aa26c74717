"""The fictional district: its teams and localities, their size and codes, and what is known to have happened there.

Nothing here knows a file format or a protocol; each system has a module of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import numpy.typing as npt

from sources.sandbox.addresses import Gazetteer, gazetteer
from sources.sandbox.timeline import Days, Floats, Ints, months

AREA_CODE = "X07000001"
HOUSEHOLDS = 42_300
NONE = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class Team:
    """One team and what makes it different.

    `posts` established; `sickness` days per FTE and year; `turnover` share who leave in a year; `agency` spending as a
    share of employee pay; `complaints` at stage 1 and `requests` in a year; `in_time` share answered in time;
    `upheld` share of decisions; `spend` on goods and services and `income`, £ million a year.
    """

    unit: str
    name: str
    posts: int
    sickness: float
    turnover: float
    agency: float
    complaints: float
    requests: int
    in_time: float
    upheld: float
    spend: float
    income: float


TEAMS = [
    Team("HOU-OPT", "Housing options", 22, 9.8, 0.15, 0.07, 44, 320, 0.74, 0.41, 1.9, 1.2),
    Team("HOU-STA", "Housing standards", 9, 7.0, 0.10, 0.02, 9, 90, 0.82, 0.30, 0.2, 0.1),
    Team("WEL-ACT", "Active lives", 30, 7.4, 0.16, 0.02, 14, 110, 0.88, 0.36, 1.1, 1.3),
    Team("WEL-ART", "Arts, events and parks", 24, 8.1, 0.11, 0.03, 22, 210, 0.86, 0.38, 0.9, 0.4),
    Team("ENV-TWN", "Place team Town", 46, 11.4, 0.13, 0.09, 96, 1060, 0.83, 0.62, 0.5, 0.3),
    Team("ENV-NTH", "Place team North", 38, 10.9, 0.12, 0.08, 74, 780, 0.85, 0.60, 0.4, 0.2),
    Team("ENV-STH", "Place team South", 36, 10.6, 0.12, 0.08, 69, 720, 0.84, 0.61, 0.4, 0.2),
    Team("ENV-FLE", "Depot and fleet", 18, 9.2, 0.10, 0.05, 6, 25, 0.88, 0.35, 1.6, 0.9),
    Team("PLN-DEV", "Development management", 26, 6.2, 0.14, 0.10, 62, 350, 0.64, 0.29, 0.3, 1.2),
    Team("PLN-POL", "Planning policy", 10, 5.4, 0.12, 0.04, 6, 27, 0.80, 0.25, 0.3, 0.1),
    Team("PLN-BCO", "Building control", 9, 6.6, 0.11, 0.06, 7, 80, 0.86, 0.28, 0.1, 0.5),
    Team("REG-ENV", "Environmental health", 20, 7.1, 0.10, 0.04, 24, 430, 0.79, 0.31, 0.2, 0.3),
    Team("REG-LIC", "Licensing and parking", 14, 7.8, 0.12, 0.03, 31, 250, 0.85, 0.29, 0.3, 1.6),
    Team("REV-CTX", "Council tax and business rates", 24, 8.2, 0.11, 0.03, 71, 1630, 0.86, 0.36, 0.4, 0.8),
    Team("REV-BEN", "Benefits and financial support", 26, 8.7, 0.12, 0.03, 38, 1200, 0.84, 0.35, 0.3, 0.9),
    Team("CUS-CON", "Customer contact", 32, 9.6, 0.18, 0.04, 27, 370, 0.91, 0.42, 0.2, 0.1),
    Team("CUS-DIG", "Digital and data", 22, 5.2, 0.13, 0.06, 5, 150, 0.88, 0.30, 1.1, 0.2),
    Team("FIN-ACC", "Accountancy and payments", 20, 5.8, 0.11, 0.05, 6, 117, 0.86, 0.28, 0.3, 0.2),
    Team("FIN-PRP", "Property and facilities", 22, 8.4, 0.10, 0.03, 12, 133, 0.82, 0.37, 1.3, 1.9),
    Team("GOV-DEM", "Democratic and legal", 20, 5.6, 0.12, 0.06, 8, 70, 0.82, 0.28, 0.6, 0.3),
    Team("GOV-PEO", "People and performance", 16, 5.3, 0.12, 0.02, 3, 40, 0.90, 0.24, 0.4, 0.1),
]
SERVICES = {
    "HOU": "Housing",
    "WEL": "Wellbeing and leisure",
    "ENV": "Waste and street scene",
    "PLN": "Planning and building control",
    "REG": "Regulatory services",
    "REV": "Revenues and benefits",
    "CUS": "Customers and digital",
    "FIN": "Finance and property",
    "GOV": "Governance and people",
}
UNITS = np.array([team.unit for team in TEAMS])
# Codes and names that the systems use instead of units: the HR system numbers its teams, the ledger has two cost
# centres to a team, the casework system writes names of its own.
HR_TEAMS = {f"BDC{10 + place}": team.unit for place, team in enumerate(TEAMS)}
COST_CENTRES = {
    f"{code}{part}": unit for code, unit in zip(range(410, 431), UNITS.tolist(), strict=True) for part in "AB"
}
UNMAPPED_COST_CENTRE = "999Z"
CASEWORK_TEAMS = {team.name.upper(): team.unit for team in TEAMS}
# Wards with the locality's place team and their share of residents. Two of the Town's became one in May 2023.
WARDS_MERGED = np.datetime64("2023-05-04")
WARDS_BEFORE = [("X05100002", "Charford Mill", "ENV-TWN", 0.11), ("X05100004", "Sidebrook", "ENV-TWN", 0.09)]
WARD_SINCE = ("X05100013", "Millbrook", "ENV-TWN", 0.20)
WARDS = [
    ("X05100001", "Castle", "ENV-TWN", 0.10),
    ("X05100003", "Market", "ENV-TWN", 0.10),
    ("X05100005", "Barrow Hill", "ENV-NTH", 0.08),
    ("X05100006", "Lickwood", "ENV-NTH", 0.09),
    ("X05100007", "Norley", "ENV-NTH", 0.08),
    ("X05100008", "Waseley Green", "ENV-NTH", 0.07),
    ("X05100009", "Avonmead", "ENV-STH", 0.08),
    ("X05100010", "Salwarp", "ENV-STH", 0.07),
    ("X05100011", "Stoke Priors", "ENV-STH", 0.07),
    ("X05100012", "Tardebrook", "ENV-STH", 0.06),
]
LSOAS_PER_WARD = 5
FIRST_UPRN = 901_000_000_000  # addresses are numbered from here, ward by ward: those of the merged wards come last


@dataclass(frozen=True)
class Effect:
    """Something that changed in `units` (teams or services) on `starts`; `size` is what the generators apply, and
    `expected` says what the measures named should show."""

    measures: tuple[str, ...]
    units: tuple[str, ...]
    starts: date
    size: float
    expected: str


NEW_ROUNDS_SICKNESS = Effect(
    ("HR01",),
    ("ENV",),
    date(2025, 11, 1),
    1.45,
    "New collection rounds strain the place teams: their sickness rises by almost half.",
)
NEW_ROUNDS_COMPLAINTS = Effect(
    ("CO05",),
    ("ENV",),
    date(2026, 2, 1),
    1.7,
    "Complaints about missed bins and dirty streets follow a quarter later, about 70 % more than before.",
)
PLANNING_TRIAL = Effect(
    ("CO02",),
    ("PLN-DEV",),
    date(2025, 4, 1),
    0.92,
    "A trial in which planners ring complainants on the first day: 92 % are answered in time, after 64 %.",
)
SHELTER_COSTS = Effect(
    ("FI01",),
    ("HOU",),
    date(2025, 4, 1),
    0.09,
    "Bed and breakfast for the homeless: Housing overspends by 9 % of its budget from 2025/26 on.",
)


def in_force(effect: Effect, days: Days, team: Ints) -> npt.NDArray[np.bool_]:
    """Which of `days`, each in the team of that place, fall under `effect`."""
    concerned = np.array([t.unit in effect.units or t.unit[:3] in effect.units for t in TEAMS])
    return concerned[team] & (days >= np.datetime64(effect.starts, "D"))


def ward_of(address: Ints, day: Days) -> Ints:
    """Place in WARDS of each address (0 to HOUSEHOLDS - 1); from len(WARDS) on, the wards before the merger and then
    the one since, as it was on `day`."""
    shares = np.array([ward[3] for ward in [*WARDS, *WARDS_BEFORE]])
    place = np.searchsorted(np.cumsum(shares) * HOUSEHOLDS, address, side="right")
    merged = (place >= len(WARDS)) & (day >= WARDS_MERGED)
    return np.where(merged, len(WARDS) + len(WARDS_BEFORE), np.minimum(place, len(WARDS) + len(WARDS_BEFORE) - 1))


def lsoa_of_addresses() -> Ints:
    """Place of each address's LSOA: LSOAS_PER_WARD of equal size to each ward before the merger."""
    ward = ward_of(np.arange(HOUSEHOLDS), np.full(HOUSEHOLDS, WARDS_MERGED - 1))
    within = np.concatenate([np.arange(size) * LSOAS_PER_WARD // size for size in np.bincount(ward).tolist()])
    return ward * LSOAS_PER_WARD + within


@cache
def written_addresses() -> Gazetteer:
    """The addresses as they are written in the gazetteer."""
    return gazetteer(lsoa_of_addresses(), "Bremesgrave", "XM")


def per_team(attribute: str) -> Floats:
    """One number of every team, in the order of TEAMS."""
    return np.array([getattr(team, attribute) for team in TEAMS], dtype=float)


def arrivals(
    rng: np.random.Generator, yearly: Floats, effect: Effect | None = None, before: int = 0
) -> tuple[Ints, Days]:
    """Team and working day of everything that arrives at `yearly` rates in all months, and `before` earlier ones, in
    order of time; where `effect` is in force, as much more often as its size says."""
    teams, days = [], []
    for month in months(before):
        rate = yearly / 12
        if effect is not None:
            here = in_force(effect, np.full(len(TEAMS), month.begin), np.arange(len(TEAMS)))
            rate = np.where(here, rate * effect.size, rate)
        counts = rng.poisson(rate)
        teams.append(np.repeat(np.arange(len(TEAMS)), counts))
        days.append(rng.choice(month.working_days, int(counts.sum())))
    team, day = np.concatenate(teams), np.concatenate(days)
    order = np.argsort(day, kind="stable")
    return team[order], day[order]
