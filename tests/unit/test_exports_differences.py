"""What `vitals release diff` says: figures with their reasons, columns, files."""

from __future__ import annotations

import csv
import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from exports_fixture import FACTS, SMALL, facts_of, make_curated, manifest_content, write_manifest

from exports import Archived, ExportError, differences, named, publish, write_restated


class Shelf:
    """A council's releases, and the database that they are made of."""

    def __init__(self, folder: Path) -> None:
        self.curated = make_curated(folder / "curated.duckdb")
        self.manifest = write_manifest(folder / "manifest.json")
        self.releases = folder / "releases"

    def publish(self) -> Archived:
        return named(self.releases, publish(self.curated, self.manifest, self.releases, FACTS).release_id)

    def change(self, sql: str) -> None:
        with duckdb.connect(str(self.curated)) as connection:
            connection.execute(sql)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


LAST = "measure_id = 'CO02' and unit_level = 'council' and period_code = '2026-27-Q1'"
REASONS = (
    "create schema insight; create table insight.restatements as select measure_id, unit_id, area_id, "
    "'reported' as basis, period_type, period_start, '2026-27-Q2/r1' as published_in, date '2026-10-15' as "
    "published_on, 'C' as reason_code, 'Two complaints were counted twice' as explanation "
    f"from marts.feed_measure_values where {LAST}"
)


def test_a_restated_figure_comes_with_old_new_change_and_why(shelf: Shelf) -> None:
    old = shelf.publish()
    shelf.change(f"update marts.feed_measure_values set value = value + 1.5 where {LAST}")
    shelf.change(REASONS)
    new = shelf.publish()
    found = differences(old, new, shelf.curated)
    (each,) = found.restated
    assert (found.old, found.new, found.new_figures) == ("2026-27-Q2/r1", "2026-27-Q2/r2", 0)
    assert (each.measure_id, each.measure_name) == ("CO02", "Complaints answered in time")
    assert each.old_value is not None and each.new_value == each.old_value + Decimal("1.5")
    assert each.change == Decimal("1.5")
    assert (each.reason_code, each.explanation) == ("C", "Two complaints were counted twice")
    assert {"feeds/feed_measure_values.csv", "feeds/feed_measure_values.parquet"} <= set(found.files_changed)
    assert (found.files_added, found.files_removed, found.columns) == ((), (), ())
    assert differences(old, new).restated[0].reason_code is None, "nobody else knows the reason"


def test_the_reasons_that_the_release_published_go_before_the_databases(shelf: Shelf) -> None:
    old = shelf.publish()
    shelf.change(f"update marts.feed_measure_values set value = value + 1 where {LAST}")
    shelf.change(REASONS)
    new = shelf.publish()
    with duckdb.connect(str(shelf.curated), read_only=True) as connection:
        connection.execute(
            "copy (select * replace ('R1' as reason_code) from insight.restatements) "
            f"to '{new.path / 'feeds' / 'feed_restatements.parquet'}'"
        )
    assert differences(old, new, shelf.curated).restated[0].reason_code == "R1"


def test_a_figure_that_is_gone_is_told_and_one_that_is_new_is_counted(shelf: Shelf) -> None:
    old = shelf.publish()
    shelf.change(f"delete from marts.feed_measure_values where {LAST}")
    new = shelf.publish()
    (gone,) = differences(old, new).restated
    assert (gone.new_value, gone.change) == (None, None)
    back = differences(new, old)
    assert (back.restated, back.new_figures) == ((), 1)


def test_the_same_release_does_not_differ_from_itself(shelf: Shelf) -> None:
    release = shelf.publish()
    found = differences(release, release, shelf.curated)
    assert (found.restated, found.new_figures, found.files_changed, found.columns) == ((), 0, (), ())


def test_periods_that_the_other_release_does_not_reach_are_not_withdrawn(shelf: Shelf) -> None:
    new = shelf.publish()
    make_curated(shelf.curated, SMALL, back=1)
    shelf.change("delete from marts.feed_measure_values where period_end > date '2026-06-30'")
    earlier = named(shelf.releases, publish(shelf.curated, shelf.manifest, shelf.releases, facts_of(1)).release_id)
    assert not [each for each in differences(new, earlier).restated if each.new_value is None]
    assert differences(earlier, new).new_figures > 0


def test_changed_columns_are_told(shelf: Shelf) -> None:
    old = shelf.publish()
    content = manifest_content()
    values = content["nodes"]["model.vitals.feed_measure_values"]["columns"]
    values["polarity"]["config"]["meta"]["audiences"] = []
    del content["exposures"]["exposure.vitals.feed_hotspots"]["config"]["meta"]["formats"][1]
    content["exposures"]["exposure.vitals.feed_measure_values"]["config"]["meta"]["version"] = 2
    values["polarity"]["config"] = {}
    write_manifest(shelf.manifest, content)
    new = shelf.publish()
    found = differences(old, new)
    assert found.columns == ("feed_measure_values: polarity is gone, version 1 became 2",)
    assert found.files_removed == ("feeds/feed_hotspots.csv",)
    assert found.restated == ()
    assert differences(new, old).columns == ("feed_measure_values: polarity is new, version 2 became 1",)


def test_the_csv_has_a_line_for_each_figure_and_runs_nothing(shelf: Shelf, tmp_path: Path) -> None:
    old = shelf.publish()
    shelf.change(f"update marts.feed_measure_values set value = value - 1 where {LAST}")
    shelf.change(REASONS.replace("'Two complaints", "'=Two complaints"))
    found = differences(old, shelf.publish(), shelf.curated)
    path = tmp_path / "restated.csv"
    assert write_restated(found, path) == 1
    with path.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["old_release"], row["new_release"]) == ("2026-27-Q2/r1", "2026-27-Q2/r2")
    assert (row["change"], row["reason_code"]) == ("-1.0000", "C")
    assert row["explanation"] == "'=Two complaints were counted twice"


def test_a_release_without_its_figures_is_told(shelf: Shelf) -> None:
    release = shelf.publish()
    shutil.rmtree(release.path / "feeds")
    with pytest.raises(ExportError, match=r"feed_measure_values.parquet: is not there"):
        differences(release, release)
    (release.path / "feeds").mkdir()
    (release.path / "feeds" / "feed_measure_values.parquet").write_bytes(b"half a fi")
    with pytest.raises(ExportError, match="cannot be compared"):
        differences(release, release)
