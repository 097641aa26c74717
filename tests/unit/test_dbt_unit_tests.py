"""The unit tests that stand beside the models, run by dbt against tables without rows: what a model makes of a handful
of rows, counted by hand."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from support.dbt_project import documents, models

from orchestration import build
from orchestration.settings import Settings
from sources.periods import Quarter

WRITTEN = {test["name"] for document in documents() for test in document.get("unit_tests", [])}


@pytest.fixture(scope="module")
def nothing_landed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A council of which nothing has been landed yet, with its build database prepared."""
    settings = Settings("brigstow", tmp_path_factory.mktemp("data"))
    build.prepare(settings, Quarter(2026, 2), as_of=None)
    return settings


@pytest.fixture(scope="module")
def result(nothing_landed: Settings) -> Any:
    """One dbt run: every model, empty, and every unit test."""
    return build.dbt(nothing_landed, ["build", "--resource-type", "model", "--resource-type", "unit_test"])


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_unit_test(name: str, result: Any) -> None:
    assert result.exception is None
    [outcome] = [item for item in result.result if item.node.name == name]
    assert str(outcome.status) == "pass", outcome.message


def test_models_build_when_nothing_has_been_landed(result: Any, nothing_landed: Settings) -> None:
    built = {item.node.name: str(item.status) for item in result.result if item.node.resource_type == "model"}
    assert built == {model.stem: "success" for model in models()}
    with duckdb.connect(str(nothing_landed.build), read_only=True) as con:
        assert con.execute("select count(*) from marts.feed_measure_values").fetchone() == (0,)


def test_views_outlive_the_renaming_of_their_file(result: Any, nothing_landed: Settings) -> None:
    build.publish(nothing_landed, Quarter(2026, 2), None)
    with duckdb.connect(str(nothing_landed.curated), read_only=True) as con:
        for (view,) in con.execute(
            "select schema_name || '.' || view_name from duckdb_views() where not internal"
        ).fetchall():
            con.execute(f"select * from {view}")
