"""Open data about the fictional city and its neighbours, as tables that `open_data_api` serves.

Every area is fictional: codes begin with X, which no real one does. Figures have the shape of the real ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sources.sandbox import areas, timeline
from sources.sandbox.city import AREA_CODE
from sources.sandbox.effects import PANDEMIC_YEAR, SATISFACTION_FALLS, TEACHERS_GRADES

FOLDER = "open_data"
# Name, residents in thousands (2005), growth a year, tonnes a head (2005), fall a year.
_AREAS = [
    ("Brigstow", 405, 0.0092, 6.1, 0.041),
    ("Larkminster", 270, 0.0070, 6.6, 0.037),
    ("Great Oreton", 515, 0.0051, 7.9, 0.039),
    ("Marlhaven", 237, 0.0064, 6.9, 0.035),
    ("Stourbeck", 310, 0.0085, 6.4, 0.043),
    ("Kingsferry", 425, 0.0078, 7.3, 0.040),
    ("Aldermouth", 190, 0.0043, 7.0, 0.036),
    ("Northwick-on-Sea", 255, 0.0060, 5.8, 0.038),
    ("Thornborough", 340, 0.0055, 8.4, 0.041),
    ("Wexcombe", 285, 0.0098, 6.2, 0.044),
    ("Castleford Vale", 460, 0.0047, 8.1, 0.038),
    ("All councils (fictional average)", 50_600, 0.0066, 8.6, 0.037),
]
_CODES = [f"X06{number:06d}" for number in range(1, len(_AREAS))] + ["X92000001"]
# Question, share that says so in percent, and how much more for each tenth less deprived.
_QUESTIONS = [
    ("Satisfied with street cleaning", 46.0, 2.2),
    ("Satisfied with their local area as a place to live", 74.0, 2.8),
    ("Feel safe outside after dark", 55.0, 3.4),
    ("Feel that they belong to their neighbourhood", 62.0, 0.9),
    ("In good health", 83.0, 2.1),
    ("Below average mental wellbeing", 18.0, -1.1),
    ("Satisfied with parks and green spaces", 71.0, 1.7),
    ("Think that litter is a problem", 69.0, -1.9),
    ("Find it hard to manage financially", 11.0, -1.4),
    ("Agree that the council gives value for money", 31.0, 0.8),
    ("Can influence decisions that affect their area", 19.0, 0.3),
    ("Volunteer at least three times a year", 44.0, 1.0),
]
_SURVEYS = range(2018, 2026)
# Measure, level in 2019/20, differences between councils, change a year, and who publishes it.
_BENCHMARKS = [
    ("HR01", 9.4, 1.1, 0.12, "Workforce survey"),
    ("HR02", 13.2, 1.5, 0.1, "Workforce survey"),
    ("CO06", 66.0, 8.0, 1.2, "Ombudsman"),
    ("FI03", 96.3, 0.9, -0.12, "Collection statistics"),
    ("FI04", 97.2, 0.8, -0.05, "Collection statistics"),
    ("FI05", 93.0, 2.6, 0.1, "Prompt payment returns"),
    ("AS04", 4300.0, 520.0, 60.0, "Adult social care returns"),
    ("HO01", 52.0, 5.0, -1.0, "Homelessness statistics"),
    ("WA01", 43.0, 4.6, 0.15, "Waste statistics"),
    ("WA02", 470.0, 45.0, -7.0, "Waste statistics"),
]
_YEARS = np.arange(2005, 2025)
_ESTIMATES = np.arange(2005, 2026)


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write one Parquet file per dataset to `folder`. Open data are the same at every scale."""
    assert _CODES[0] == AREA_CODE
    rng = timeline.generator(seed, "open data")
    (folder / FOLDER).mkdir(parents=True)
    names = np.array([area[0] for area in _AREAS])
    size, growth, tonnes, fall = (np.array([area[i] for area in _AREAS], dtype=float) for i in range(1, 5))
    elapsed = _ESTIMATES - 2005
    people = (
        size[:, None] * 1000 * (1 + growth[:, None]) ** elapsed * rng.normal(1, 0.0012, (len(_AREAS), len(elapsed)))
    )
    people = (np.round(people, -2) + rng.integers(0, 100, people.shape)).astype(np.int64)
    years = _YEARS - 2005
    per_head = tonnes[:, None] * (1 - fall[:, None]) ** years * rng.normal(1, 0.014, (len(_AREAS), len(years)))
    per_head[:, PANDEMIC_YEAR.starts.year == _YEARS] *= PANDEMIC_YEAR.size
    emissions = np.round(per_head * people[:, : len(years)] / 1000, 4)
    codes = np.array(_CODES)
    _write(
        folder,
        "local-authority-emissions",
        {
            "local_authority_code": np.repeat(codes, len(_YEARS)),
            "local_authority": np.repeat(names, len(_YEARS)),
            "calendar_year": np.tile(_YEARS, len(_AREAS)),
            "ktco2e_within_scope": emissions.ravel(),
            "mid_year_population": people[:, : len(years)].ravel(),
        },
    )
    _write(
        folder,
        "population-estimates",
        {
            "local_authority_code": np.repeat(codes, len(_ESTIMATES)),
            "local_authority": np.repeat(names, len(_ESTIMATES)),
            "year": np.tile(_ESTIMATES, len(_AREAS)),
            "residents": people.ravel(),
        },
    )
    _write(
        folder,
        "nearest-neighbours",
        {
            "neighbour_set": np.full(len(_AREAS) - 2, "Similar cities"),
            "local_authority_code": codes[1:-1],
            "local_authority": names[1:-1],
        },
    )
    _write(folder, "quality-of-life-survey", _survey(timeline.generator(seed, "survey")))
    _write(folder, "key-stage-4", _attainment(timeline.generator(seed, "attainment")))
    _write(folder, "neighbour-benchmarks", _benchmarks(timeline.generator(seed, "benchmarks")))


def _survey(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Answers of each autumn, in the city, its most deprived tenth and every ward that there was by then."""
    rows: list[tuple[object, ...]] = []
    for place, (words, share, by_deprivation) in enumerate(_QUESTIONS, start=1):
        trend = rng.normal(0, 0.5)
        for year in _SURVEYS:
            wards = areas.wards_on(np.datetime64(f"{year}-10-01"))
            where = [(AREA_CODE, "City", 5.3, 4100), ("DEP10", "Most deprived 10%", 1.0, 520)]
            where += [(code, "Ward", decile, 118) for code, _, decile in wards]
            for code, kind, decile, asked in where:
                level = share + trend * (year - _SURVEYS[0]) + by_deprivation * (decile - 5.3)
                if place == 1 and kind == "Most deprived 10%" and year >= SATISFACTION_FALLS.starts.year:
                    level += SATISFACTION_FALLS.size
                answered = int(rng.normal(asked, asked**0.5))
                estimate = float(np.clip(rng.normal(level, 100 * (0.2 / asked) ** 0.5), 2, 98))
                # Weighting widens the interval that so many answers would have.
                margin = 1.96 * (estimate * (100 - estimate) / answered * 1.3) ** 0.5
                low, high = max(estimate - margin, 0), min(estimate + margin, 100)
                shown = [round(value, 1) for value in (estimate, low, high)]
                rows.append((f"QL{place:02d}", words, code, kind, int(year), *shown, answered, "true"))
    names = ["indicator_id", "indicator", "area_code", "area_type", "year", "estimate", "lower", "upper"]
    return _columns([*names, "respondents", "weighted"], rows)


def _attainment(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Key stage 4 by area and academic year; one small council's figures of one year are suppressed."""
    rows: list[tuple[object, ...]] = []
    for code, area in zip(_CODES, _AREAS, strict=True):
        level = rng.normal(46.2, 2.4)
        pupils = area[1] * 1000 * 0.0105
        for year in range(2018, 2025):
            teachers = TEACHERS_GRADES.starts.year <= year < TEACHERS_GRADES.ends.year  # type: ignore[union-attr]
            score = (level + rng.normal(0, 0.35)) * (TEACHERS_GRADES.size if teachers else 1)
            passed = 43 + (score - 46.2) * 1.9 + rng.normal(0, 0.6)
            suppressed = area[0] == "Aldermouth" and year == 2021
            texts = ["c", "c"] if suppressed else [f"{score:.1f}", f"{passed:.1f}"]
            state = "Provisional" if year == 2024 else "Final"
            rows.append((code, f"{year}-{(year + 1) % 100:02d}", round(pupils * rng.normal(1, 0.01)), *texts, state))
    names = ["local_authority_code", "academic_year", "pupils", "attainment_8", "grade_5_english_and_maths", "version"]
    return _columns(names, rows)


def _benchmarks(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What neighbours publish of measures that the council has too; now and then one gives no figure."""
    rows: list[tuple[object, ...]] = []
    for measure, level, spread, drift, source in _BENCHMARKS:
        for code, area in zip(_CODES[:-1], _AREAS[:-1], strict=True):
            own = rng.normal(level, spread)
            for year in range(2019, 2026):
                value = own + drift * (year - 2019) + rng.normal(0, spread * 0.25)
                text = "" if rng.random() < 0.03 else f"{value:.2f}"
                rows.append((measure, code, area[0], f"{year}-04-01", text, source))
    return _columns(["measure", "local_authority_code", "local_authority", "year_from", "value", "source"], rows)


def _columns(names: list[str], rows: list[tuple[object, ...]]) -> dict[str, np.ndarray]:
    return {name: np.array(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


def _write(folder: Path, name: str, columns: dict[str, np.ndarray]) -> None:
    pq.write_table(pa.table(columns), folder / FOLDER / f"{name}.parquet")
