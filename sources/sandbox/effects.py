"""What is known to have happened in the fictional city: the generators plant it, tests assert that it is found.

Only facts about the world belong here; how a system records them belongs in that system's module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Effect:
    """Something that changed: from `starts` (to `ends`, inclusive, where it passed) in `units` (empty: everywhere).

    `size` is what the generator applies: a factor on a rate, a share (0 to 1) that the rate moves to, or the bound of
    a rate's logarithm where it goes up and down; `expected` says in words what the measures named should show.
    """

    measures: tuple[str, ...]
    units: tuple[str, ...]
    starts: date
    size: float
    expected: str
    ends: date | None = None


COMPLAINTS_TRIAGE = Effect(
    ("CO02",),
    (),
    date(2026, 3, 1),
    0.45,
    "New triage answers 45 % of the complaints that would have been late: CO02 rises by about ten points, to stay.",
)
CARE_SICKNESS = Effect(
    ("HR01",),
    ("ASC",),
    date(2026, 2, 1),
    1.45,
    "Sickness in adult social care rises by about half, stress most of all.",
)
CARE_COMPLAINTS = Effect(
    ("CO05", "CO07"),
    ("ASC",),
    date(2026, 5, 1),
    1.8,
    "A quarter after its sickness, complaints about adult social care rise by about 80 %.",
)
CARE_SWINGS = Effect(
    ("HR01", "CO07"),
    ("ASC",),
    date(2021, 1, 1),
    0.4,
    "Before that, sickness in adult social care goes up and down from quarter to quarter, by up to a half or a third, "
    "and complaints about it do the same a quarter later.",
    date(2024, 9, 30),
)
CARE_OVERSPEND = Effect(
    ("FI01",),
    ("ASC",),
    date(2024, 4, 1),
    0.022,
    "Adult social care overspends by 2.2 % in 2024/25, and by as much more in each year that follows.",
)
DAMP_AND_MOULD = Effect(
    ("CO04", "CO05"),
    ("HCS-REP", "HCS-TEN"),
    date(2022, 12, 1),
    2.2,
    "One winter of complaints about damp homes, and more of them upheld.",
    date(2023, 2, 28),
)
RECRUITMENT_FREEZE = Effect(
    ("HR04",),
    (),
    date(2025, 10, 1),
    0.45,
    "Vacancies are filled at less than half the former rate: HR04 rises quarter by quarter.",
)
SOCIAL_WORKERS_HIRED = Effect(
    ("HR03",),
    ("CYP",),
    date(2025, 1, 1),
    0.6,
    "A recruitment drive cuts agency spending in children's services by 40 %.",
)
PAYMENT_SYSTEM_TROUBLE = Effect(
    ("FI05",),
    (),
    date(2024, 10, 1),
    0.76,
    "A new payment system starts badly: of the invoices due in Q3 2024/25 about 76 % are paid in time.",
    date(2024, 12, 31),
)
PAYMENT_SYSTEM = Effect(
    ("FI05",),
    (),
    date(2025, 1, 1),
    0.96,
    "Once it works, FI05 stays near 96 %, above its former 92 or 93 %.",
)
REPAIRS_RISK = Effect(
    ("RK01", "RK02"),
    ("HCS-REP",),
    date(2025, 10, 1),
    1.0,
    "Risk CR07 (unsafe council homes) worsens by a point of likelihood in Q3 2025/26 and again in Q1 2026/27.",
)
HIGHWAYS_ACTIONS = Effect(
    ("IA01",),
    ("PLC-HIG",),
    date(2025, 4, 1),
    0.3,
    "Highways implements only 30 % of the actions due since April 2025 on time.",
)
PANDEMIC_YEAR = Effect(
    ("EM01",),
    (),
    date(2020, 1, 1),
    0.91,
    "Emissions drop by a further 9 % in 2020 and come back in 2021.",
    date(2020, 12, 31),
)
PAY_GAP = Effect(
    ("HR05",),
    (),
    date(2022, 4, 1),
    0.87,
    "From snapshot to snapshot the difference that sex alone makes to pay shrinks by an eighth.",
)
ONLINE_REPAIRS = Effect(
    (),
    ("HCS-REP",),
    date(2025, 10, 1),
    0.45,
    "Tenants see on the web when a repair is due: calls that chase one fall by 55 %: less failure demand.",
)
EDUCATION_PLANS = Effect(
    ("CO06",),
    ("CYP-SEN",),
    date(2023, 4, 1),
    3.0,
    "The ombudsman decides on special educational needs three times as often.",
)
SAVINGS_SLIP = Effect(
    ("FI02",),
    ("ASC",),
    date(2025, 4, 1),
    0.42,
    "Of the savings planned in adult social care about 40 % are at risk since April 2025, elsewhere about 12 %.",
)
COUNCIL_TAX_SUPPORT = Effect(
    ("FI03",),
    (),
    date(2025, 4, 1),
    0.988,
    "Less support for low incomes: council tax is collected more slowly, over a point below former years.",
)
CARE_PRICES = Effect(
    ("AS05",),
    ("ASC",),
    date(2024, 4, 1),
    1.11,
    "Providers' prices rise by 11 % in April 2024, in other years by 4 to 5 %.",
)
FAMILIES_IN_HOTELS = Effect(
    ("HO03",),
    ("HCS-TMP",),
    date(2024, 10, 1),
    2.6,
    "Too few homes: families stay in bed and breakfast for months, so that those over six weeks more than double.",
)
FOOD_WASTE_WEEKLY = Effect(
    ("WA01", "WA02"),
    ("PLC-WAS",),
    date(2025, 4, 1),
    1.7,
    "Food waste is collected every week: 70 % more of it, the recycling rate rises and residual waste falls.",
)
SATISFACTION_FALLS = Effect(
    ("QL01",),
    (),
    date(2024, 1, 1),
    -5.0,
    "From the survey of 2024 five points fewer are satisfied with street cleaning in the most deprived tenth.",
)
TEACHERS_GRADES = Effect(
    ("ED01", "ED02"),
    (),
    date(2019, 9, 1),
    1.05,
    "In the two years without examinations teachers' grades are higher.",
    date(2021, 8, 31),
)
RETURN_MISSED = Effect(
    ("BP01", "BP02"),
    ("CYP",),
    date(2025, 1, 1),
    0.0,
    "Children and Education sends no return for Q4 2024/25.",
    date(2025, 3, 31),
)
ACTIVITIES_SLIP = Effect(
    ("BP01", "BP02"),
    ("PLC",),
    date(2025, 10, 1),
    0.5,
    "In Place and Environment only half as many activities are on track since October 2025.",
)
BOUNDARY_CHANGE = Effect(
    (),
    (),
    date(2024, 5, 2),
    0.0,
    "Six wards end, six begin: one is new between two others, two become one, one gives homes to another.",
)
TEAM_MERGED = Effect(
    (),
    ("HCS-ASB",),
    date(2024, 4, 1),
    0.0,
    "Anti-social behaviour joined Community safety: its complaints and postings end, not its history.",
)
NEW_COST_CENTRE = Effect(
    (),
    (),
    date(2026, 7, 1),
    0.004,
    "A new cost centre, 29990, that nobody has mapped yet takes 0.4 % of postings: they are refused, naming it.",
)
SUSPENSE_POSTINGS = Effect(
    (),
    (),
    date(2021, 4, 1),
    0.001,
    "One posting in a thousand waits on the suspense account, which is no unit's: it counts as 'unassigned'.",
)

# Faults that every quarter of a source holds, by dataset; none is enough to refuse the load (below 1 % of rows).
FAULTS = {
    "hr.employees": "two spells with a negative full-time equivalent and a repeated one, in the whole table",
    "hr.absences": "two with a negative full-time equivalent, one that ends before it begins, one twice",
    "hr.pay": "two without any pay and one repeated, in the whole table",
    "complaints.cases": "one answered before it was received, two sent twice",
    "complaints.service_requests": "one completed before it was received, one sent twice",
    "social_care.requests": "one decided before it was received",
    "housing.duties": "one that ended before it began, one with an outcome that nobody has mapped",
    "housing.placements": "one with -1 children",
    "finance.savings": "one a quarter whose parts do not add up to the plan",
    "finance.ledger": "two on days that do not exist (31/02), one amount in words, two postings twice",
    "finance.invoices": "two on days that do not exist, one paid before it was received, one twice",
    "audit.recommendations": "one due on 31/02/2025 and one repeated, in the whole file",
    "plan.measure_values": "one that says 'awaited' for its value, in Q1 2023/24 alone",
    "plan.narratives": "one of two pages, in Q2 2023/24 alone",
    "areas.uprns": "three keys with a letter, in the whole file",
}
