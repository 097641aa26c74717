"""Files of a finished release, read back: what is as it should be passes, each kind of damage is found and named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from exports_fixture import FACTS, publish_for_all

from exports import Archived, Finding, Publication, connect, named, read_publications, readback
from exports.schemas import schemas

NAME = "feed_measure_values"
INSIDE, OUTSIDE = f"feeds/{NAME}.parquet", f"public/feeds/{NAME}.parquet"
THRESHOLD = FACTS.disclosure.threshold


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Published once, copied for each test."""
    return publish_for_all(tmp_path_factory.mktemp("made"))


@dataclass
class House:
    """A copy of that folder that a test may damage."""

    release: Archived
    publication: Publication
    registered: dict[str, Any]
    connection: duckdb.DuckDBPyConnection

    def table(self, path: str) -> pa.Table:
        return pq.read_table(self.release.path / path)

    def write(self, path: str, table: pa.Table) -> None:
        pq.write_table(table, self.release.path / path)

    def reconciles(self) -> Finding:
        return readback.reconciles(self.connection, self.release, self.publication)

    def schema(self) -> Finding:
        return readback.schema(self.connection, self.release, self.publication, self.registered)

    def disclosure(self) -> Finding:
        return readback.disclosure(self.connection, self.release, self.publication, THRESHOLD)


@pytest.fixture
def house(made: Path, tmp_path: Path) -> Iterator[House]:
    shutil.copytree(made, tmp_path / "house", symlinks=True)
    publications = read_publications(tmp_path / "house" / "manifest.json")
    (publication,) = (each for each in publications if each.name == NAME)
    with closing(connect(tmp_path / "house" / "curated.duckdb")) as connection:
        yield House(
            named(tmp_path / "house" / "releases", FACTS.period_code), publication, schemas(publications), connection
        )


def test_a_release_as_it_was_made_has_no_fault(house: House) -> None:
    rows = house.table(INSIDE).num_rows
    public = house.table(OUTSIDE)
    assert house.reconciles() == Finding(
        (), {"files": 5, f"rows of {NAME}": rows, f"rows of {NAME} for the public": public.num_rows}
    )
    assert not house.schema().problems
    hidden = pc.sum(pc.equal(public["reason"], "suppressed")).as_py()
    assert hidden > 0, "or nothing is proved here"
    told = {"public rows": public.num_rows, "rows with a hidden value": hidden, "counts of people hidden": "1 to 7"}
    assert house.disclosure() == Finding((), told)


def test_files_are_those_of_the_publication_alone(house: House) -> None:
    assert [file["path"] for file in readback.files(house.release, house.publication)] == [
        INSIDE,
        f"feeds/{NAME}.csv",
        f"public/feeds/{NAME}.csv",
        f"public/feeds/{NAME}.csv-metadata.json",
        OUTSIDE,
    ]


def test_a_row_that_is_missing_is_found(house: House) -> None:
    rows = house.table(INSIDE)
    house.write(INSIDE, rows.slice(1))
    assert (
        f"{INSIDE} has {rows.num_rows - 1:,} rows, table {NAME} has {rows.num_rows:,}." in house.reconciles().problems
    )


def test_a_row_too_many_for_the_public_is_found(house: House) -> None:
    rows, public = house.table(INSIDE).num_rows, house.table(OUTSIDE)
    house.write(OUTSIDE, pa.concat_tables([public] * (rows // public.num_rows + 1)))
    assert any(problem.startswith(f"{OUTSIDE} has ") for problem in house.reconciles().problems[1:])


def test_a_file_that_is_gone_or_cut_short_is_found(house: House) -> None:
    (house.release.path / f"public/feeds/{NAME}.csv").unlink()
    path = house.release.path / f"feeds/{NAME}.csv"
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    assert house.reconciles().problems == (
        f"feeds/{NAME}.csv has {len(whole) - 40:,} bytes; {len(whole):,} were written.",
        f"public/feeds/{NAME}.csv is not there.",
    )


def test_a_file_that_cannot_be_read_fails_every_check(house: House) -> None:
    for path in (INSIDE, OUTSIDE):
        file = house.release.path / path
        file.write_bytes(bytes(file.stat().st_size))
    for finding in (house.reconciles(), house.schema(), house.disclosure()):
        assert finding.problems[0].startswith("A file cannot be read: ")


def test_a_column_of_another_type_or_name_is_found(house: House) -> None:
    table = house.table(INSIDE)
    table = table.set_column(table.column_names.index("value"), "value", table["value"].cast(pa.float64()))
    house.write(INSIDE, table.rename_columns([{"unit_name": "unit"}.get(name, name) for name in table.column_names]))
    assert house.schema().problems == (
        f"{INSIDE}: column unit_name is absent, registered as VARCHAR.",
        f"{INSIDE}: column value is DOUBLE, registered as DECIMAL(18,4).",
        f"{INSIDE}: column unit is VARCHAR, registered as absent.",
    )


def test_a_publication_that_is_not_registered_is_found(house: House) -> None:
    house.registered[NAME]["version"] = 7
    assert house.schema().problems == (
        f"{NAME} is of version 1, schemas.json has 7. Run `make schemas` and commit what it writes.",
    )
    del house.registered[NAME]
    assert house.schema().problems == (f"{NAME} is not in schemas.json. Run `make schemas` and commit what it writes.",)


def test_a_column_that_is_not_for_the_public_is_found(house: House) -> None:
    table = house.table(OUTSIDE)
    house.write(OUTSIDE, table.append_column("decimal_places", pa.nulls(table.num_rows, pa.int64())))
    assert house.disclosure().problems == (f"{OUTSIDE}: column decimal_places is not for the public.",)


def test_hidden_values_and_small_counts_that_are_shown_are_found(house: House) -> None:
    inside, table = house.table(INSIDE), house.table(OUTSIDE)
    at = pc.index(table["reason"], "suppressed").as_py()
    for name, number in (("numerator", THRESHOLD), ("value", 50)):
        cells = table[name].to_pylist()
        cells[at] = number
        column = pa.array(cells, inside.schema.field(name).type)
        table = table.set_column(table.column_names.index(name), name, column)
    house.write(OUTSIDE, table)
    assert house.disclosure().problems == (
        f"{OUTSIDE}: 1 counts of people from 1 to {THRESHOLD} are shown (numerator).",
        f"{OUTSIDE}: 1 values are shown that are said to be hidden.",
    )


def test_a_public_table_without_a_public_file_is_found(house: House) -> None:
    entries = [file for file in house.release.manifest["files"] if file["audience"] != "public"]
    release = Archived(house.release.path, "x", 1, {**house.release.manifest, "files": entries})
    finding = readback.disclosure(house.connection, release, house.publication, THRESHOLD)
    assert finding.problems == (f"Table {NAME} is for the public, and the release has no public file of it.",)
