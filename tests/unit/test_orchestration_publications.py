"""What Dagster is told of a release: rows, files, links, a picture drawn once, and checks that can fail."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import dagster as dg
import duckdb
import pyarrow.parquet as pq
import pytest
from exports_fixture import FACTS, manifest_content, publish_for_all, write_manifest

from exports import Preview, publish, read_publications
from exports.schemas import schemas
from orchestration import progress, publications

NAME = "feed_measure_values"
SHOWN_AT_ONCE = 1_000  # characters of Markdown that Dagster's pages show without being asked


@pytest.fixture
def house(tmp_path: Path) -> Path:
    return publish_for_all(tmp_path)


def untouched(_: Path) -> None:
    """Nothing happens to the release between its making and the look at it."""


def materialised(
    house: Path, instance: dg.DagsterInstance, then: Callable[[Path], None] = untouched
) -> dg.ExecuteInProcessResult:
    """The release found unchanged, then whatever happens to its folder, then looked at: one step of Dagster's."""
    listed = read_publications(house / "manifest.json")
    curated = house / "curated.duckdb"
    audiences = ("internal", "public")

    @dg.multi_asset(
        specs=[publications.asset_spec(each, "insight@brigstow.example") for each in listed],
        check_specs=[spec for each in listed for spec in publications.check_specs(each)],
    )
    def release() -> Iterator[dg.MaterializeResult]:
        made = publish(curated, house / "manifest.json", house / "releases", FACTS, audiences=audiences)
        then(made.path)
        yield from publications.results(instance, house / "releases", listed, made, curated, FACTS, schemas(listed))

    progress.begin()
    return dg.materialize([release], instance=instance)


def told(result: dg.ExecuteInProcessResult, name: str = NAME) -> dict[str, dg.MetadataValue]:
    (event,) = (
        each.materialization
        for each in result.get_asset_materialization_events()
        if each.asset_key == dg.AssetKey(["releases", name])
    )
    return dict(event.metadata)


def failed(result: dg.ExecuteInProcessResult) -> list[str]:
    return sorted(
        f"{each.asset_key.path[-1]}: {each.check_name}"
        for each in result.get_asset_check_evaluations()
        if not each.passed
    )


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def test_an_asset_says_what_its_release_holds(house: Path, instance: dg.DagsterInstance) -> None:
    result = materialised(house, instance)
    assert failed(result) == []
    metadata = told(result)
    with duckdb.connect(str(house / "curated.duckdb"), read_only=True) as connection:
        rows = connection.execute(f"select count(*) from marts.{NAME}").fetchall()[0][0]
    folder = house / "releases" / "2026-27-Q2" / "r1"
    assert metadata["release"].value == "2026-27-Q2/r1 (unchanged)"
    assert metadata["council"].value == "Brigstow City Council (fictional)"
    assert metadata["dagster/row_count"].value == rows
    assert metadata["folder"] == dg.MetadataValue.path(str(folder))
    assert metadata["data"] == dg.MetadataValue.path(str(folder / "feeds" / f"{NAME}.parquet"))
    assert str(metadata["page"].value).endswith("/2026-27-Q2/r1/site/index.html")
    assert f"| `feeds/{NAME}.parquet` | internal | {rows} |" in str(metadata["files"].value)
    assert f"| `public/feeds/{NAME}.csv` | public |  |" in str(metadata["files"].value)


def test_pictures_and_first_rows_are_shown_at_once(house: Path, instance: dg.DagsterInstance) -> None:
    result = materialised(house, instance)
    drawn = 0
    for publication in read_publications(house / "manifest.json"):
        metadata = told(result, publication.name)
        picture = str(metadata["preview"].value)
        if not metadata["dagster/row_count"].value:
            assert picture == "no rows"
            continue
        assert len(picture) < SHOWN_AT_ONCE
        assert len(str(metadata["first rows"].value)) < SHOWN_AT_ONCE
        head, _, content = picture.removesuffix(")").partition(",")
        assert head == "![preview](data:image/svg+xml"
        assert not set(content) & set(' ()<>"#'), "or Markdown ends the address there"
        assert ElementTree.fromstring(unquote(content)).tag == "{http://www.w3.org/2000/svg}svg"
        drawn += 1
    assert drawn >= 4


def test_a_page_of_a_paper_is_a_picture_too() -> None:
    metadata = publications.preview_metadata(Preview(b"\x89PNG", "image/png", ["council", "name"], [["x", "a|b\nc"]]))
    assert metadata["preview"].value == "![preview](data:image/png;base64,iVBORw==)"
    assert metadata["first rows"].value == "| name |\n| --- |\n| a\\|b c |"


def test_a_picture_is_drawn_once_for_each_release(house: Path, instance: dg.DagsterInstance) -> None:
    first = told(materialised(house, instance))
    later = read_publications(house / "manifest.json")
    kept = publications.kept_previews(instance, later, "2026-27-Q2/r1")
    assert kept[NAME] == {name: first[name] for name in ("preview", "first rows")}
    assert publications.kept_previews(instance, later, "2026-27-Q2/r11") == {}
    assert told(materialised(house, instance))["preview"] == first["preview"]


def test_a_check_that_fails_is_told_by_the_run(house: Path, instance: dg.DagsterInstance) -> None:
    def damage(folder: Path) -> None:
        with (folder / "feeds" / f"{NAME}.csv").open("a") as file:
            file.write("one row more")
        table = pq.read_table(folder / "public" / "feeds" / "feed_targets.parquet")
        pq.write_table(table.drop_columns("verdict"), folder / "public" / "feeds" / "feed_targets.parquet")

    result = materialised(house, instance, damage)
    assert failed(result) == ["feed_measure_values: reconciles", "feed_targets: reconciles", "feed_targets: schema"]
    warnings = progress.journal().warnings
    assert any(warning.startswith(f"releases/{NAME}, reconciles: feeds/{NAME}.csv has ") for warning in warnings), (
        warnings
    )
    assert (
        "releases/feed_targets, schema: public/feeds/feed_targets.parquet: column verdict is absent, "
        "registered as VARCHAR." in warnings
    )


def test_only_what_the_public_sees_is_checked_for_disclosure(house: Path) -> None:
    content = manifest_content()
    content["exposures"]["exposure.vitals.feed_targets"]["config"]["meta"]["audiences"] = ["internal"]
    listed = {each.name: each for each in read_publications(write_manifest(house / "inside.json", content))}
    assert [spec.name for spec in publications.check_specs(listed["feed_targets"])] == ["reconciles", "schema"]
    assert [spec.name for spec in publications.check_specs(listed[NAME])] == ["reconciles", "schema", "disclosure"]


def test_columns_are_told_with_types_and_descriptions_and_the_public_ones_are_marked(house: Path) -> None:
    (publication,) = (each for each in read_publications(house / "manifest.json") if each.name == NAME)
    columns = publications.asset_spec(publication, "insight@brigstow.example").metadata["dagster/column_schema"].columns
    assert "decimal_places" not in [column.name for column in columns], "marked for nobody, so never published"
    (value,) = (column for column in columns if column.name == "value")
    assert (value.type, value.description, dict(value.tags)) == ("decimal(18,4)", "The value.", {"public": ""})
