"""A small curated database and the manifest that goes with it, in the columns of the real ones, for tests of exports.
Everything is made up here; tests change rows or the manifest to make the case they are about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from exports import Check, ReleaseFacts, publish

COUNCIL = "Brigstow City Council (fictional)"
FIGURE, FLAG, TEXT, DAY, WHOLE = "decimal(18,4)", "boolean", "varchar", "date", "bigint"

MEASURE = {
    "council": TEXT,
    "measure_id": TEXT,
    "measure_name": TEXT,
    "outcome_id": TEXT,
    "outcome_name": TEXT,
    "domain": TEXT,
}
UNIT = {"unit_id": TEXT, "unit_name": TEXT, "unit_level": TEXT, "area_id": TEXT}
PERIOD = {"period_type": TEXT, "period_start": DAY, "period_end": DAY, "period_code": TEXT, "period_label": TEXT}
VALUE = {
    "numerator": FIGURE, "denominator": FIGURE, "value": FIGURE, "value_unit": TEXT, "decimal_places": WHOLE,
    "polarity": TEXT,
}  # fmt: skip
TABLES: dict[str, dict[str, str]] = {
    "feed_measure_values": {**MEASURE, **UNIT, "basis": TEXT, **PERIOD, **VALUE, "is_provisional": FLAG},
    "feed_measure_status": {
        **MEASURE, **UNIT, **PERIOD, **VALUE, "previous_value": FIGURE, "change": FIGURE,
        "direction_of_travel": TEXT, "target": FIGURE, "tolerance": FIGURE, "target_valid_from": DAY, "status": TEXT,
        "is_provisional": FLAG,
    },
    "feed_comparators": {
        "council": TEXT, "measure_id": TEXT, "measure_name": TEXT, "neighbour_set": TEXT, "area_code": TEXT,
        "area_name": TEXT, "is_own_area": FLAG, "period_type": TEXT, "period_start": DAY, "period_end": DAY,
        "period_label": TEXT, "value": FIGURE, "value_unit": TEXT,
    },
    "report_org_health": {
        "council": TEXT, "domain": TEXT, "domain_name": TEXT, "domain_order": WHOLE, "measure_id": TEXT,
        "measure_name": TEXT, "numerator_label": TEXT, "denominator_label": TEXT, "value_unit": TEXT,
        "decimal_places": WHOLE, "polarity": TEXT, "period_start": DAY, "period_end": DAY, "period_code": TEXT,
        "period_label": TEXT, "is_reported": FLAG, "numerator": FIGURE, "denominator": FIGURE, "value": FIGURE,
        "previous_value": FIGURE, "year_ago_value": FIGURE, "direction_of_travel": TEXT, "target": FIGURE,
        "tolerance": FIGURE, "status": TEXT, "units_off_target": WHOLE, "units_with_target": WHOLE,
        "worst_unit_id": TEXT, "worst_unit_name": TEXT, "worst_unit_numerator": FIGURE,
        "worst_unit_denominator": FIGURE, "worst_unit_value": FIGURE, "comparator_median": FIGURE,
        "comparator_count": WHOLE, "display_order": WHOLE, "variation": TEXT, "signal_since": DAY, "sentence": TEXT,
    },
    "feed_spc": {
        "council": TEXT, "measure_id": TEXT, "measure_name": TEXT, "domain": TEXT, **UNIT, "basis": TEXT, **PERIOD,
        "value": FIGURE,
        "is_provisional": FLAG, "process_group": WHOLE, "mean": FIGURE, "lower_limit": FIGURE, "upper_limit": FIGURE,
        "point_type": TEXT, "target": FIGURE, "polarity": TEXT,
    },
    "feed_targets": {
        "council": TEXT, "measure_id": TEXT, "measure_name": TEXT, "unit_level": TEXT, "verdict": TEXT,
        "evidence": TEXT,
    },
    "feed_clinics": {
        "council": TEXT, "measure_id": TEXT, "measure_name": TEXT, "weight": WHOLE, "reasons": TEXT,
        "next_question": TEXT,
    },
    "feed_data_quality": {
        "council": TEXT, "measure_id": TEXT, "measure_name": TEXT, "criterion": TEXT, "grade": TEXT, "fact": TEXT,
    },
    "feed_hotspots": {
        "council": TEXT, "unit_id": TEXT, "unit_name": TEXT, "unit_level": TEXT, "unit_rank": WHOLE, "domain": TEXT,
        "domain_name": TEXT, "domain_order": WHOLE, "concerns": WHOLE, "lasting_concerns": WHOLE, "off_target": WHOLE,
        "measures": WHOLE, "evidence": TEXT,
    },
}  # fmt: skip
CORE: dict[str, dict[str, str]] = {
    "dim_council": {
        "council_id": TEXT, "council_name": TEXT, "council_label": TEXT, "is_fictional": FLAG, "area_code": TEXT,
        "reporting_period_start": DAY, "reporting_period_end": DAY, "first_period_start": DAY,
    },
    "dim_periods": {**PERIOD, "financial_year_start": DAY, "quarter_start": DAY},
    "dim_extracts": {
        "system": TEXT, "dataset": TEXT, "extract_id": TEXT, "period_start": DAY, "extracted_at": "timestamptz",
        "origin": TEXT, "source_hash": TEXT, "contract_version": TEXT, "row_count": WHOLE, "rejected_count": WHOLE,
        "path": TEXT,
    },
    "dim_datasets": {
        "system": TEXT, "dataset": TEXT, "owner": TEXT, "load": TEXT, "required_for_release": FLAG,
        "is_declared": FLAG, "last_period_start": DAY, "last_extracted_at": "timestamptz", "row_count": WHOLE,
        "rejected_count": WHOLE, "is_missing": FLAG, "reason": TEXT,
    },
}  # fmt: skip
HIDDEN = {"feed_measure_values": {"decimal_places"}}  # in the contract, marked for nobody


@dataclass(frozen=True)
class Series:
    """One measure: per period (numerator, denominator) at council level, and per service for the last period."""

    measure_id: str
    name: str
    domain: str
    values: Sequence[tuple[float, float | None] | None]
    services: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    unit: str = "percent"
    multiplier: float = 100
    places: int = 1
    polarity: str = "higher"
    labels: tuple[str, str | None] = ("done in time", "due")
    target: float | None = None
    tolerance: float = 0
    is_provisional: bool = False
    yearly: bool = False
    outcome: str = "An effective organisation"
    neighbours: Mapping[str, Sequence[float]] = field(default_factory=dict)
    order: int = 1
    limits: tuple[float, float] | None = None  # of usual variation; without them the measure has no control chart
    verdict: str = ""  # of its target
    grades: Mapping[str, str] = field(default_factory=dict)
    signal: str = "common_cause"  # of the last two points
    concerned: Sequence[str] = ()  # services for which the measure is worse than usual, and not for the first time

    def value(self, pair: tuple[float, float | None]) -> Decimal:
        top, bottom = pair
        return round(Decimal(str(top * self.multiplier / bottom if bottom else top)), 4)


DOMAINS = {
    "hr": ("People", 1), "complaints": ("Complaints", 2), "audit": ("Audit", 3), "risk": ("Risk", 4),
    "finance": ("Finance", 5), "services": ("Services", 7), "open_data": ("Open data", 8),
}  # fmt: skip

SICKNESS = Series(
    "HR01", "Days lost to sickness per employee", "hr",
    [(9000 + 60 * i, 1000) for i in range(8)],
    services={"Adult social care": (1410, 100), "Parks": (800, 100)},
    unit="days_per_fte", multiplier=1, polarity="lower",
    labels=("working days lost", "average full-time equivalent staff"),
    target=9.0, tolerance=0.2,
)  # fmt: skip
ANSWERED = Series(
    "CO02", "Complaints answered in time", "complaints",
    [(80, 100), (82, 101), (84, 99), (83, 100), (86, 100), (88, 101), (84, 97), (102, 116)],
    services={"Adult social care": (20, 40), "Parks": (38, 40)},
    labels=("answered in time", "complaints due"), target=85, tolerance=2, is_provisional=True,
)  # fmt: skip
ACTIONS = Series(
    "IA01", "Audit actions done by their due date", "audit",
    [(30, 40), (31, 39), None, (33, 44), (28, 41), (30, 40), (35, 80), (31, 78)],
    services={"Adult social care": (1, 4), "Parks": (9, 10)}, target=80, tolerance=5,
    labels=("implemented on time", "actions that fell due"),
)  # fmt: skip
UPHELD = Series(
    "CO04", "Complaints upheld", "complaints", [(40, 90 + i) for i in range(8)], polarity="context",
    labels=("upheld in full or in part", "complaints decided"), order=2,
)  # fmt: skip
AGENCY = Series(
    "HR03", "Agency share of the pay bill", "hr", [(1_200_000 + i * 30_000, 13_400_000) for i in range(7)] + [None],
    polarity="lower", labels=("agency spend (£)", "agency spend and employee pay (£)"), target=8, order=2,
)  # fmt: skip
SMALL = [SICKNESS, AGENCY, ANSWERED, UPHELD, ACTIONS]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def quarter(back: int, last: date = date(2026, 7, 1)) -> dict[str, Any]:
    """The columns of the quarter that lies `back` quarters before the one that starts on `last`."""
    month = last.year * 12 + last.month - 1 - 3 * back
    start, after = (date(m // 12, m % 12 + 1, 1) for m in (month, month + 3))
    end = date.fromordinal(after.toordinal() - 1)
    year = start.year if start.month >= 4 else start.year - 1
    number = (start.month - 4) % 12 // 3 + 1
    return {
        "period_type": "quarter", "period_start": start, "period_end": end,
        "period_code": f"{year}-{(year + 1) % 100:02}-Q{number}",
        "period_label": f"Q{number} {year}/{(year + 1) % 100:02} "
        f"({MONTHS[start.month - 1]}–{MONTHS[end.month - 1]} {end.year})",
    }  # fmt: skip


def calendar_year(back: int, last: int = 2024) -> dict[str, Any]:
    """The columns of a calendar year."""
    year = last - back
    return {
        "period_type": "calendar_year", "period_start": date(year, 1, 1), "period_end": date(year, 12, 31),
        "period_code": str(year), "period_label": str(year),
    }  # fmt: skip


def status_of(series: Series, value: Decimal) -> str:
    if series.target is None:
        return "no_target"
    target, tolerance = Decimal(str(series.target)), Decimal(str(series.tolerance))
    size = abs(value) if series.polarity == "toward_zero" else value
    gap = target - size if series.polarity == "higher" else size - target
    return "on_target" if gap <= 0 else "within_tolerance" if gap <= tolerance else "off_target"


def travel(series: Series, value: Decimal, before: Decimal | None) -> str:
    if before is None:
        return "no_comparison"
    if value == before:
        return "no_change"
    if series.polarity == "context":
        return "higher" if value > before else "lower"
    better = (
        abs(value) < abs(before)
        if series.polarity == "toward_zero"
        else (value > before) == (series.polarity == "higher")
    )
    return "better" if better else "worse"


def rows_of(series: Series, council: str, own_area: str) -> dict[str, list[dict[str, Any]]]:
    """The rows that one measure contributes to each published table."""
    made: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    period = calendar_year if series.yearly else quarter
    count = len(series.values)
    periods = [period(count - 1 - i) for i in range(count)]
    measure = {
        "council": council, "measure_id": series.measure_id, "measure_name": series.name, "outcome_id": "ORG",
        "outcome_name": series.outcome, "domain": series.domain, "value_unit": series.unit,
        "decimal_places": series.places, "polarity": series.polarity, "basis": "reported",
    }  # fmt: skip
    targets = {"target": series.target, "tolerance": series.tolerance if series.target is not None else None}
    whole = {"unit_id": "BRI", "unit_name": council, "unit_level": "council", "area_id": ""}
    before: Decimal | None = None
    history: list[Decimal | None] = []
    for i, pair in enumerate(series.values):
        if pair is None:
            before = None
            history.append(None)
            continue
        value = series.value(pair)
        row = measure | whole | periods[i] | {
            "numerator": pair[0], "denominator": pair[1], "value": value,
            "is_provisional": series.is_provisional and i == count - 1,
            "previous_value": before, "change": None if before is None else value - before,
            "direction_of_travel": travel(series, value, before), **targets,
            "target_valid_from": date(2021, 4, 1) if series.target is not None else None,
            "status": status_of(series, value),
        }  # fmt: skip
        made["feed_measure_status"].append(row)
        made["feed_measure_values"].append({key: row[key] for key in TABLES["feed_measure_values"]})
        before = value
        history.append(value)
    services = []
    for name, pair in series.services.items():
        value = series.value(pair)
        unit = {"unit_id": name.upper().replace(" ", "-"), "unit_name": name, "unit_level": "service", "area_id": ""}
        row = measure | unit | periods[-1] | {
            "numerator": pair[0], "denominator": pair[1], "value": value, "is_provisional": False,
            "previous_value": None, "change": None, "direction_of_travel": "no_comparison", **targets,
            "target_valid_from": date(2021, 4, 1) if series.target is not None else None,
            "status": status_of(series, value),
        }  # fmt: skip
        services.append(row)
        made["feed_measure_values"].append({key: row[key] for key in TABLES["feed_measure_values"]})
    made["feed_measure_status"] += services
    medians: list[Decimal] = []
    if series.neighbours:
        for i, current in enumerate(periods):
            found = sorted(values[i] for values in series.neighbours.values())
            middle = (found[(len(found) - 1) // 2] + found[len(found) // 2]) / 2
            medians.append(round(Decimal(str(middle)), 4))
            everyone: list[tuple[str, float | None, bool]] = [(n, v[i], False) for n, v in series.neighbours.items()]
            own = history[i]
            everyone.append((own_area, None if own is None else float(own), True))
            for area, area_value, is_own in everyone:
                made["feed_comparators"].append(
                    measure | current | {
                        "neighbour_set": "cipfa2021", "area_code": area[:4].upper(), "area_name": area,
                        "is_own_area": is_own, "value": area_value, "period_type": "other",
                    }
                )  # fmt: skip
    last = history[-1]
    off = [row for row in services if row["status"] == "off_target"]
    worst = max(off, key=lambda row: abs(row["value"] - Decimal(str(series.target))), default=None)
    previous = history[-2] if count > 1 else None
    steps = 1 if series.yearly else 4
    reported_pair = series.values[-1] or (None, None)
    made["report_org_health"].append(
        measure | periods[-1] | {
            "domain_name": DOMAINS[series.domain][0], "domain_order": DOMAINS[series.domain][1],
            "numerator_label": series.labels[0], "denominator_label": series.labels[1],
            "is_reported": last is not None, "numerator": reported_pair[0], "denominator": reported_pair[1],
            "value": last, "previous_value": previous if last is not None else None,
            "year_ago_value": history[-1 - steps] if count > steps and last is not None else None,
            "direction_of_travel": "no_comparison" if last is None else travel(series, last, previous), **targets,
            "status": "no_target" if last is None else status_of(series, last),
            "units_off_target": len(off), "units_with_target": len(services) if series.target is not None else 0,
            "worst_unit_id": worst and worst["unit_id"], "worst_unit_name": worst and worst["unit_name"],
            "worst_unit_value": worst and worst["value"],
            "worst_unit_numerator": worst and worst["numerator"],
            "worst_unit_denominator": worst and worst["denominator"],
            "comparator_median": medians[-1] if medians else None,
            "comparator_count": len(series.neighbours), "display_order": series.order,
            "variation": series.signal if series.limits else None,
            "signal_since": periods[-2]["period_start"] if series.limits else None,
            "sentence": f"{series.name}: {last}, as its chart says." if series.limits else None,
        }
    )  # fmt: skip
    named = {name: measure[name] for name in ("council", "measure_id", "measure_name")}
    if series.verdict:
        made["feed_targets"].append(
            named | {"unit_level": "council", "verdict": series.verdict, "evidence": f"Why {series.name} is so."}
        )
    if series.signal == "special_cause_concern":
        made["feed_clinics"].append(
            named | {"weight": 3, "reasons": "worse than usual, and lasting", "next_question": "What changed?"}
        )
    made["feed_data_quality"] += [
        named | {"criterion": criterion, "grade": grade, "fact": "A fact."}
        for criterion, grade in series.grades.items()
    ]
    if series.limits:
        low, high = series.limits
        for i, (period_of, value) in enumerate(zip(periods, history, strict=True)):
            if value is not None:
                made["feed_spc"].append(
                    measure | whole | period_of | {
                        "value": value, "is_provisional": series.is_provisional and i == count - 1,
                        "process_group": 1, "mean": (low + high) / 2, "lower_limit": low, "upper_limit": high,
                        "point_type": series.signal if i >= count - 2 else "common_cause", "target": series.target,
                    }
                )  # fmt: skip
    return made


def hot_spots_of(measures: Sequence[Series], council: str, made: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the hot spots' feed: every unit below the council in every domain that it has a figure in."""
    cells: dict[tuple[str, str], dict[str, Any]] = {}
    for series, rows in zip(measures, made, strict=True):
        for row in rows["feed_measure_status"]:
            if row["unit_level"] == "council":
                continue
            domain_name, domain_order = DOMAINS[series.domain]
            cell = cells.setdefault(
                (row["unit_id"], series.domain),
                {
                    **{name: row[name] for name in ("council", "unit_id", "unit_name", "unit_level", "domain")},
                    "domain_name": domain_name, "domain_order": domain_order, "concerns": 0, "lasting_concerns": 0,
                    "off_target": 0, "measures": 0, "evidence": f"{series.name} of {row['unit_name']}.",
                },
            )  # fmt: skip
            concerned = row["unit_name"] in series.concerned
            cell["measures"] += 1
            cell["concerns"] += concerned
            cell["lasting_concerns"] += concerned
            cell["off_target"] += row["status"] == "off_target" and not concerned
    weights: dict[str, tuple[int, int]] = {}
    for (unit, _), cell in cells.items():
        concerns, missed = weights.get(unit, (0, 0))
        weights[unit] = concerns + cell["concerns"], missed + cell["off_target"]
    ranks = {unit: rank for rank, unit in enumerate(sorted(weights, key=lambda unit: weights[unit], reverse=True), 1)}
    return [cell | {"unit_rank": ranks[unit]} for (unit, _), cell in cells.items()]


def make_curated(
    path: Path,
    measures: Sequence[Series] = SMALL,
    *,
    council: str = COUNCIL,
    own_area: str = "Brigstow",
    datasets: Sequence[Mapping[str, Any]] = (),
    back: int = 0,
) -> Path:
    """Write a curated database that reports on Q2 2026/27, or on the quarter `back` quarters before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    reporting = quarter(back)
    landed = datetime(2026, 10, 14, 8, 30, tzinfo=UTC)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts; create schema core")
        made = [rows_of(series, council, own_area) for series in measures]
        spots = {"feed_hotspots": hot_spots_of(measures, council, made)}
        for table, columns in TABLES.items():
            rows_made = spots.get(table) or [row for rows in made for row in rows[table]]
            _fill(connection, f"marts.{table}", columns, rows_made)
        for table, rows in {
            "dim_council": [
                {
                    "council_id": "brigstow", "council_name": council.removesuffix(" (fictional)"),
                    "council_label": council, "is_fictional": council.endswith("(fictional)"),
                    "reporting_period_start": reporting["period_start"],
                    "reporting_period_end": reporting["period_end"],
                }
            ],
            "dim_periods": [quarter(i) for i in range(20)],
            "dim_extracts": [
                {
                    "system": "complaints", "dataset": "cases", "extract_id": "20261014T083000Z-1a2b",
                    "period_start": reporting["period_start"], "extracted_at": landed, "origin": "complaints API",
                    "source_hash": "0" * 64, "contract_version": "1.0.0", "row_count": 1284, "rejected_count": 3,
                    "path": "complaints/cases/period=2026-07-01/20261014T083000Z-1a2b.parquet",
                }
            ],
            "dim_datasets": list(datasets) or [
                dataset("complaints", "cases", row_count=1284, rejected_count=3),
                dataset("hr", "absences", row_count=6902),
                dataset("risk", "register", is_missing=True, reason="the workbook was not returned"),
            ],
        }.items():  # fmt: skip
            _fill(connection, f"core.{table}", CORE[table], rows)
    return path


def dataset(system: str, name: str, **facts: Any) -> dict[str, Any]:
    """A row of core.dim_datasets, arrived and clean unless said otherwise."""
    return {
        "system": system, "dataset": name, "owner": f"{system}@brigstow.example", "load": "full",
        "required_for_release": False, "is_declared": True, "last_period_start": date(2026, 7, 1),
        "last_extracted_at": datetime(2026, 10, 14, 8, 30, tzinfo=UTC), "row_count": 0, "rejected_count": 0,
        "is_missing": False, "reason": None, **facts,
    }  # fmt: skip


def _fill(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> None:
    connection.execute(f"create table {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    if rows:
        marks = ", ".join(f"({', '.join('?' for _ in columns)})" for _ in rows)
        cells = [row.get(name) for row in rows for name in columns]
        connection.execute(f"insert into {table} values {marks}", cells)  # one statement: many take seconds


def manifest_content() -> dict[str, Any]:
    """dbt's manifest as far as exports reads it: contracted models and one exposure each."""
    nodes, exposures = {}, {}
    for name, columns in TABLES.items():
        nodes[f"model.vitals.{name}"] = {
            "resource_type": "model", "name": name, "alias": name, "schema": "marts",
            "description": f"Rows of {name}.", "config": {"contract": {"enforced": True}},
            "columns": {
                column: {
                    "name": column, "data_type": kind, "description": f"The {column.replace('_', ' ')}.",
                    "config": {"meta": {} if column in HIDDEN.get(name, ()) else {"audiences": ["internal", "public"]}},
                }
                for column, kind in columns.items()
            },
        }  # fmt: skip
        exposures[f"exposure.vitals.{name}"] = {
            "name": name, "label": name.split("_", 1)[1].replace("_", " ").capitalize(), "type": "dashboard",
            "description": f"Everything in {name}.",
            "owner": {"name": "Insight team", "email": "insight@brigstow.example"},
            "depends_on": {"nodes": [f"model.vitals.{name}"]},
            "config": {
                "meta": {
                    "audiences": ["internal", "public"], "formats": ["parquet", "csv"], "version": 1,
                    "method": f"How {name} is made.",
                }
            },
        }  # fmt: skip
    return {"nodes": nodes, "exposures": exposures}


def write_manifest(path: Path, content: Mapping[str, Any] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest_content() if content is None else content), encoding="utf-8")
    return path


FACTS = ReleaseFacts(
    council=COUNCIL,
    is_fictional=True,
    licence="Open Government Licence v3.0",
    attribution=("Contains public sector information licensed under the Open Government Licence v3.0.",),
    period_code="2026-27-Q2",
    period_label="Q2 2026/27 (Jul–Sep 2026)",
    as_of=datetime(2026, 10, 14, 8, 30, tzinfo=UTC),
    code_version="0.1.0",
    released_at=datetime(2026, 10, 15, 9, 0, tzinfo=UTC),
    checks=(
        Check("not_null_measure_id", "marts/feed_measure_values", True, "error"),
        Check("fewer complaints than usual", "raw/complaints", False, "warn", "Complaints: 12 % fewer rows than usual"),
    ),
)


def facts_of(back: int, **changes: Any) -> ReleaseFacts:
    """The facts of the release of the quarter `back` quarters before Q2 2026/27."""
    period = quarter(back)
    return replace(FACTS, period_code=period["period_code"], period_label=period["period_label"], **changes)


def publish_for_all(folder: Path) -> Path:
    """A folder with `curated.duckdb`, `manifest.json` and `releases`, in which the first is for both audiences."""
    curated = make_curated(folder / "curated.duckdb")
    manifest = write_manifest(folder / "manifest.json")
    publish(curated, manifest, folder / "releases", FACTS, audiences=("internal", "public"))
    return folder
