"""What whole quarters share. Each expensive run is made once and looked at by many tests; a test that changes data or
sources takes a copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.pipeline import QUARTER, SCALE, SEED, SHARED, SINCE, Quarter, Vitals, ran_well

from sources.sandbox import running


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Quarter:
    """The fictional city in full, all of its history, as `make quarter` runs it on a new machine."""
    return ran_well(Vitals(tmp_path_factory.mktemp("city")), "run")


@pytest.fixture(scope="session")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The source systems of a small town, up as long as the tests are; nobody changes them."""
    with running(tmp_path_factory.mktemp("systems"), SEED, SCALE) as environment:
        yield environment


@pytest.fixture(scope="session")
def town(systems: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Quarter:
    """The small town after its first run, undisturbed; nobody changes its data."""
    return ran_well(Vitals(tmp_path_factory.mktemp("town"), systems), "run", QUARTER, "--from", SINCE)


@pytest.fixture(scope="session")
def trafford_files() -> tuple[Path, Path]:
    """Trafford's published files: those of the transparency code and those of its themes."""
    places = SHARED / "trafford_transparency", SHARED / "trafford_corporate_kpis"
    if not all(place.is_dir() for place in places):
        pytest.skip(f"Trafford's published files are not here ({places[0].parent}).")
    return places
