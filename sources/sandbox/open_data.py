"""Open data about the fictional city and its neighbours, as tables that `open_data_api` serves.

Every area is fictional: codes begin with X, which no real one does. Figures have the shape of the real ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sources.sandbox import timeline
from sources.sandbox.city import AREA_CODE
from sources.sandbox.effects import PANDEMIC_YEAR

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


def _write(folder: Path, name: str, columns: dict[str, np.ndarray]) -> None:
    pq.write_table(pa.table(columns), folder / FOLDER / f"{name}.parquet")
