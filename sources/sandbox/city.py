"""The fictional city that the sandbox systems serve: its services, their size and codes.

Nothing here knows a file format or a protocol; each system has a module of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from sources.periods import Quarter
from sources.sandbox.effects import TEAM_MERGED, Effect
from sources.sandbox.timeline import END, Days, Flags, Floats, day, generator

AREA_CODE = "X06000001"


@dataclass(frozen=True)
class Service:
    """One service and what makes it different.

    `fte` staff; `third_party` and `income` £ million a year; `sickness` days per FTE and year; `turnover` share of
    staff who leave in a year; `agency` spending as a share of employee pay; `complaints` at stage 1 in a year;
    `in_time` share answered in time before triage; `upheld` share of decisions.
    """

    unit: str
    name: str
    fte: float
    third_party: float
    income: float
    sickness: float
    turnover: float
    agency: float
    complaints: float
    in_time: float
    upheld: float


SERVICES = [
    Service("ASC-LOC", "Locality social work", 430, 3.0, 1.5, 9.6, 0.13, 0.10, 420, 0.72, 0.45),
    Service("ASC-HOS", "Hospital discharge", 130, 6.0, 2.0, 10.4, 0.15, 0.12, 90, 0.70, 0.42),
    Service("ASC-LDA", "Learning disability and autism", 210, 48.0, 7.0, 10.1, 0.12, 0.09, 130, 0.68, 0.44),
    Service("ASC-MEN", "Mental health", 150, 26.0, 4.0, 10.8, 0.14, 0.11, 90, 0.69, 0.40),
    Service("ASC-REA", "Reablement", 320, 1.0, 0.6, 11.4, 0.15, 0.07, 110, 0.76, 0.38),
    Service("ASC-OLD", "Older people's placements", 70, 64.0, 23.0, 8.2, 0.11, 0.05, 160, 0.70, 0.47),
    Service("ASC-PUB", "Public health", 80, 27.0, 29.0, 6.2, 0.12, 0.03, 15, 0.85, 0.30),
    Service("CYP-ASS", "Front door and assessment", 240, 1.0, 0.4, 9.4, 0.18, 0.26, 130, 0.66, 0.41),
    Service("CYP-CAR", "Children in care", 200, 54.0, 3.0, 9.6, 0.16, 0.21, 90, 0.66, 0.43),
    Service("CYP-FOS", "Fostering and adoption", 110, 15.0, 0.8, 8.4, 0.11, 0.07, 40, 0.72, 0.35),
    Service("CYP-FAM", "Family support", 280, 3.0, 2.4, 9.0, 0.13, 0.05, 50, 0.78, 0.34),
    Service("CYP-SEN", "Special educational needs", 150, 22.0, 3.0, 8.9, 0.15, 0.10, 380, 0.58, 0.62),
    Service("CYP-SCH", "Admissions and school support", 140, 2.0, 4.5, 6.9, 0.10, 0.02, 130, 0.86, 0.28),
    Service("HCS-REP", "Housing repairs", 540, 14.0, 31.0, 11.2, 0.12, 0.08, 1150, 0.66, 0.61),
    Service("HCS-TEN", "Tenancy management", 270, 2.0, 12.0, 9.1, 0.12, 0.05, 380, 0.74, 0.43),
    Service("HCS-HLS", "Homelessness prevention", 150, 4.0, 6.0, 10.2, 0.17, 0.09, 260, 0.68, 0.44),
    Service("HCS-TMP", "Temporary accommodation", 70, 27.0, 15.0, 9.3, 0.16, 0.07, 170, 0.67, 0.48),
    Service("HCS-LIB", "Libraries and community centres", 170, 0.5, 1.2, 8.0, 0.09, 0.01, 60, 0.90, 0.35),
    Service("HCS-SAF", "Community safety", 120, 1.5, 1.0, 8.6, 0.11, 0.03, 95, 0.76, 0.36),
    Service("HCS-ASB", "Anti-social behaviour", 40, 0.3, 0.1, 8.9, 0.12, 0.03, 150, 0.70, 0.38),
    Service("HCS-REG", "Regulatory services", 130, 0.6, 2.6, 7.4, 0.10, 0.04, 110, 0.81, 0.30),
    Service("PLC-WAS", "Waste and street cleansing", 590, 21.0, 7.5, 12.6, 0.13, 0.13, 880, 0.82, 0.66),
    Service("PLC-PRK", "Parks and green spaces", 160, 1.0, 2.2, 9.8, 0.10, 0.05, 130, 0.82, 0.42),
    Service("PLC-HIG", "Highways", 190, 12.0, 9.0, 8.4, 0.11, 0.06, 430, 0.74, 0.45),
    Service("PLC-PKG", "Parking", 150, 3.0, 21.0, 9.9, 0.13, 0.04, 420, 0.85, 0.27),
    Service("PLC-PLN", "Planning", 130, 0.6, 4.8, 6.4, 0.13, 0.08, 230, 0.72, 0.30),
    Service("PLC-SKI", "Economy and skills", 90, 4.0, 5.0, 5.9, 0.12, 0.03, 15, 0.88, 0.25),
    Service("PLC-CLI", "Climate and energy", 35, 1.5, 1.6, 5.2, 0.13, 0.04, 10, 0.88, 0.22),
    Service("RES-ACC", "Accountancy and procurement", 170, 0.5, 2.0, 6.1, 0.11, 0.05, 20, 0.84, 0.30),
    Service("RES-REV", "Council tax and benefits", 230, 1.0, 6.0, 8.8, 0.12, 0.04, 690, 0.84, 0.37),
    Service("RES-DIG", "Digital and technology", 240, 4.0, 1.5, 5.8, 0.13, 0.08, 25, 0.86, 0.33),
    Service("RES-CUS", "Customer services", 190, 0.2, 0.6, 10.0, 0.18, 0.05, 160, 0.90, 0.40),
    Service("RES-PRP", "Property and facilities", 300, 6.0, 17.0, 9.2, 0.11, 0.04, 70, 0.80, 0.38),
    Service("CEX-LEG", "Legal and democratic services", 150, 1.0, 1.8, 5.9, 0.12, 0.09, 40, 0.80, 0.30),
    Service("CEX-PEO", "People and organisational development", 110, 0.4, 0.7, 5.8, 0.12, 0.03, 10, 0.88, 0.25),
    Service("CEX-POL", "Policy, insight and audit", 80, 0.3, 0.3, 5.1, 0.13, 0.03, 8, 0.88, 0.25),
]
UNITS = np.array([service.unit for service in SERVICES])
MERGED, MERGED_INTO = (int(np.flatnonzero(unit == UNITS)[0]) for unit in ("HCS-ASB", "HCS-SAF"))

# Codes that the systems use instead of units: three complaint teams and four cost centres to a service.
TEAMS = {f"T{100 + 10 * i + k}": service.unit for i, service in enumerate(SERVICES) for k in range(3)}
COST_CENTRES = {f"{20100 + 100 * i + 5 * k}": s.unit for i, s in enumerate(SERVICES) for k in range(4)}
SUSPENSE_COST_CENTRE = "99000"
NEW_COST_CENTRE_CODE = "29990"


def per_service(attribute: str) -> Floats:
    """One number of every service, in the order of SERVICES."""
    return np.array([getattr(service, attribute) for service in SERVICES], dtype=float)


def factor(effect: Effect, month: date) -> Floats:
    """What `effect` multiplies in `month` for each service: its size where and while it lasts, 1 elsewhere."""
    factors = np.ones(len(SERVICES))
    if during(effect, np.array([month], dtype="datetime64[D]"))[0]:
        factors[concerned(effect)] = effect.size
    return factors


def swing(effect: Effect, seed: int, month: date, later: int = 0) -> Floats:
    """What an `effect` that goes up and down by chance from quarter to quarter multiplies in `month` for each service;
    with `later`, as many quarters afterwards."""
    factors = np.ones(len(SERVICES))
    quarter = Quarter.containing(month)
    for _ in range(later):
        quarter = quarter.previous
    if during(effect, np.array([quarter.start], dtype="datetime64[D]"))[0]:
        chance = generator(seed, f"swing of {' '.join(effect.units)} in {quarter.code}")
        factors[concerned(effect)] = np.exp(chance.uniform(-effect.size, effect.size))
    return factors


def during(effect: Effect, days: Days) -> Flags:
    """Which of `days` lie in the time of `effect`."""
    return (days >= day(effect.starts)) & (days <= (day(effect.ends) if effect.ends else END))


def concerned(effect: Effect) -> Flags:
    """Which services lie in the units of `effect` (itself, or its directorate); all where it names none."""
    if not effect.units:
        return np.ones(len(SERVICES), dtype=bool)
    return np.array([s.unit in effect.units or s.unit.split("-")[0] in effect.units for s in SERVICES])


def exists(month: date) -> Flags:
    """Which services exist in `month`: all but the one that was merged into another."""
    existing = np.ones(len(SERVICES), dtype=bool)
    existing[MERGED] = month < TEAM_MERGED.starts
    return existing
