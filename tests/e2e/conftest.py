"""What whole quarters share. Each expensive run is made once and looked at by many tests; a test that changes data or
sources takes a copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.pipeline import SCALE, SEED, SHARED, Ran, Vitals

from sources.sandbox import running

QUARTER = "2026-27-Q2"
SINCE = "2025-26-Q1"  # the small town's history: HR01 looks back twelve months, its change another three
FOLDERS = ("FINANCE_FOLDER", "RISK_FOLDER", "AUDIT_FOLDER")


@dataclass(frozen=True)
class Quarter:
    """A council after a run."""

    vitals: Vitals
    ran: Ran


def _ran(vitals: Vitals, *arguments: str) -> Quarter:
    ran = vitals(*arguments)
    assert ran.code == 0, ran.out + ran.err
    return Quarter(vitals, ran)


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Quarter:
    """The fictional city in full, all of its history, as `make quarter` runs it on a new machine."""
    return _ran(Vitals(tmp_path_factory.mktemp("city")), "run")


@pytest.fixture(scope="session")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The source systems of a small town, up as long as the tests are; nobody changes them."""
    with running(tmp_path_factory.mktemp("systems"), SEED, SCALE) as environment:
        yield environment


@pytest.fixture(scope="session")
def town(systems: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Quarter:
    """The small town after its first run, undisturbed; nobody changes its data."""
    return _ran(Vitals(tmp_path_factory.mktemp("town"), systems), "run", QUARTER, "--from", SINCE)


def own_folders(systems: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The town's systems with copies of the folders in which people put files, free to be changed."""
    copies = {name: str(folder / Path(systems[name]).name) for name in FOLDERS}
    for name, copy in copies.items():
        shutil.copytree(systems[name], copy)
    return {**systems, **copies}


@pytest.fixture(scope="session")
def trafford_files() -> tuple[Path, Path]:
    """Trafford's published files: those of the transparency code and those of its themes."""
    places = SHARED / "trafford_transparency", SHARED / "trafford_corporate_kpis"
    if not all(place.is_dir() for place in places):
        pytest.skip(f"Trafford's published files are not here ({places[0].parent}).")
    return places
