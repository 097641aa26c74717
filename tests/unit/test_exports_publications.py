"""Reading dbt's exposures: what is published, what stays, and what the errors say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exports_fixture import HIDDEN, TABLES, manifest_content, write_manifest

from exports import ExportError, read_publications
from exports.publications import publications_of

FEED = "feed_measure_values"


def feed_in(content: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the exposure's meta, the model) of the feed the tests alter."""
    return content["exposures"][f"exposure.vitals.{FEED}"]["config"]["meta"], content["nodes"][f"model.vitals.{FEED}"]


def test_an_exposure_becomes_a_publication(tmp_path: Path) -> None:
    publications = read_publications(write_manifest(tmp_path / "manifest.json"))
    assert [publication.name for publication in publications] == sorted(TABLES)
    feed = next(publication for publication in publications if publication.name == FEED)
    assert (feed.kind, feed.version, feed.label, feed.owner) == ("feed", 1, "Measure values", "Insight team")
    assert feed.method == "How feed_measure_values is made."
    assert (feed.formats, feed.audiences) == (("parquet", "csv"), ("internal", "public"))
    (table,) = feed.tables
    assert table.relation == '"marts"."feed_measure_values"'
    assert [column.name for column in table.columns] == list(TABLES[FEED])
    assert table.columns[0].description == "The council."


def test_columns_leave_only_when_marked_for_the_audience() -> None:
    content = manifest_content()
    _, model = feed_in(content)
    model["columns"]["value"]["config"]["meta"]["audiences"] = ["internal"]
    model["columns"]["unit_name"]["config"] = {}
    model["columns"]["area_id"].update(config={}, meta={"audiences": ["public"]})  # where dbt kept it before 1.10
    (table,) = next(p for p in publications_of(content) if p.name == FEED).tables
    internal = [column.name for column in table.columns_for("internal")]
    public = [column.name for column in table.columns_for("public")]
    assert set(TABLES[FEED]) - set(internal) == HIDDEN[FEED] | {"unit_name", "area_id"}
    assert set(TABLES[FEED]) - set(public) == HIDDEN[FEED] | {"unit_name", "value"}


def test_an_exposure_without_formats_is_passed_over() -> None:
    content = manifest_content()
    feed_in(content)[0].pop("formats")
    assert FEED not in [publication.name for publication in publications_of(content)]


def test_every_format_may_be_asked_for() -> None:
    content = manifest_content()
    feed_in(content)[0].update(formats=["parquet", "csv", "json", "xlsx", "pdf"])
    (feed,) = [publication for publication in publications_of(content) if publication.name == FEED]
    assert feed.formats == ("parquet", "csv", "json", "xlsx", "pdf")


def alter(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> dict[str, Any]:
    content = manifest_content()
    change(*feed_in(content))
    return content


FAULTS: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], object], str]] = {
    "format": (
        lambda meta, model: meta.update(formats=["parquett"]),
        r"exposure 'feed_measure_values': meta.formats: 'parquett' is not a known format. Did you mean 'parquet'\?",
    ),
    "audience": (
        lambda meta, model: meta.update(audiences=["publik"]),
        r"'publik' is not a known audience. .*'public'",
    ),
    "no audience": (lambda meta, model: meta.update(audiences=[]), r"meta.audiences is \[\]; give a list"),
    "column's audience": (
        lambda meta, model: model["columns"]["value"]["config"]["meta"].update(audiences=["everyone"]),
        r"column 'feed_measure_values.value': meta.audiences: 'everyone' is not a known audience",
    ),
    "column's audience as a word": (
        lambda meta, model: model["columns"]["value"]["config"]["meta"].update(audiences="public"),
        r"column 'feed_measure_values.value': meta.audiences is 'public'; give a list",
    ),
    "contract": (
        lambda meta, model: model["config"].update(contract={"enforced": False}),
        r"model 'feed_measure_values' has no enforced contract. Set config.contract.enforced: true",
    ),
    "type": (
        lambda meta, model: model["columns"]["value"].pop("data_type"),
        r"column 'feed_measure_values.value' has no data_type",
    ),
    "version": (lambda meta, model: meta.update(version="1"), r"meta.version is '1'; give a whole number"),
    "no method": (lambda meta, model: meta.pop("method"), r"meta.method is None; say in a sentence or two how"),
    "empty method": (lambda meta, model: meta.update(method=" "), r"meta.method is ' '; say in a sentence or two how"),
    "order": (lambda meta, model: meta.update(order_by=["decimal_places"]), r"meta.order_by names 'decimal_places'"),
    "nothing marked": (
        lambda meta, model: [column.update(config={}) for column in model["columns"].values()],
        r"to 'internal', but none of its columns is marked for it",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_remedy(fault: str) -> None:
    change, message = FAULTS[fault]
    with pytest.raises(ExportError, match=message):
        publications_of(alter(change))


def test_a_name_that_is_neither_feed_nor_report_needs_a_kind() -> None:
    content = manifest_content()
    exposure = content["exposures"][f"exposure.vitals.{FEED}"]
    exposure["name"] = "measure_values"
    with pytest.raises(ExportError, match="whether it is a feed or a report"):
        publications_of(content)
    exposure["config"]["meta"]["kind"] = "feed"
    assert [p.kind for p in publications_of(content) if p.name == "measure_values"] == ["feed"]


def test_only_models_can_be_published() -> None:
    content = manifest_content()
    content["exposures"][f"exposure.vitals.{FEED}"]["depends_on"]["nodes"] = ["source.vitals.raw.hr__employees"]
    with pytest.raises(ExportError, match=r"depends on 'source.vitals.raw.hr__employees', which is not a model"):
        publications_of(content)
    content["exposures"][f"exposure.vitals.{FEED}"]["depends_on"]["nodes"] = []
    with pytest.raises(ExportError, match="depends on no model"):
        publications_of(content)


def test_a_table_has_one_publication() -> None:
    content = manifest_content()
    content["exposures"]["exposure.vitals.feed_again"] = {
        **content["exposures"][f"exposure.vitals.{FEED}"],
        "name": "feed_again",
    }
    with pytest.raises(ExportError, match="'feed_measure_values' is already published by exposure 'feed_again'"):
        publications_of(content)


def test_a_manifest_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="Build the project first"):
        read_publications(tmp_path / "manifest.json")


def test_rows_for_the_public_need_a_public() -> None:
    content = manifest_content()
    meta = content["exposures"]["exposure.vitals.feed_spc"]["config"]["meta"]
    meta["public_rows"] = "unit_level = 'council'\n  and area_id = ''"
    found = {each.name: each for each in publications_of(content)}
    assert found["feed_spc"].public_rows == "unit_level = 'council' and area_id = ''"
    assert found["feed_targets"].public_rows == ""
    meta["audiences"] = ["internal"]
    with pytest.raises(ExportError, match=r"'feed_spc': meta\.public_rows is given, and the public gets no rows"):
        publications_of(content)
