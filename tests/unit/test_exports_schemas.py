"""A breaking change of a published schema needs a new version; what the dbt project publishes is what was agreed."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exports_fixture import manifest_content, write_manifest

from exports import ExportError
from exports.publications import publications_of, read_publications
from exports.schemas import breaking, read_snapshot, schemas, write_snapshot
from orchestration import build
from orchestration.settings import settings

REMEDY = (
    "Readers rely on it: undo that, or raise meta.version of exposure 'feed_measure_values' to 2 and run "
    "`make schemas`."
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The schemas of the dbt project as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITALS_DATA", str(tmp_path_factory.mktemp("data")))
        for name in ("VITALS_COUNCIL", "VITALS_BUILD"):
            patch.setenv(name, "")
        return schemas(read_publications(build.manifest(settings())))


def test_no_reader_is_broken_without_a_new_version(published: dict[str, Any]) -> None:
    assert breaking(read_snapshot(), published) == []


def test_the_snapshot_is_of_the_project_as_it_is(published: dict[str, Any]) -> None:
    assert read_snapshot() == published, "run `make schemas`"


def agreed() -> dict[str, Any]:
    return schemas(publications_of(manifest_content()))


def columns(found: dict[str, Any]) -> dict[str, Any]:
    return found["feed_measure_values"]["tables"]["feed_measure_values"]


def gone(found: dict[str, Any]) -> None:
    del columns(found)["value"]


def another_type(found: dict[str, Any]) -> None:
    columns(found)["value"]["type"] = "double"


def not_for_the_public(found: dict[str, Any]) -> None:
    columns(found)["value"]["audiences"] = ["internal"]


def no_csv(found: dict[str, Any]) -> None:
    found["feed_measure_values"]["formats"].remove("csv")


def no_public(found: dict[str, Any]) -> None:
    found["feed_measure_values"]["audiences"].remove("public")


def another_table(found: dict[str, Any]) -> None:
    found["feed_measure_values"]["tables"] = {"other": columns(found)}


BREAKS: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (gone, "column feed_measure_values.value is gone"),
    (another_type, "column feed_measure_values.value was decimal(18,4), is double"),
    (not_for_the_public, "column feed_measure_values.value is gone for audience public"),
    (no_csv, "format csv is gone"),
    (no_public, "audience public is gone"),
    (another_table, "table feed_measure_values is gone"),
]


@pytest.mark.parametrize(("change", "said"), BREAKS)
def test_what_breaks_readers_is_told_with_its_remedy_unless_the_version_is_raised(
    change: Callable[[dict[str, Any]], None], said: str
) -> None:
    now = copy.deepcopy(agreed())
    change(now)
    assert breaking(agreed(), now) == [f"feed_measure_values: {said}. {REMEDY}"]
    now["feed_measure_values"]["version"] = 2
    assert breaking(agreed(), now) == []


def test_a_version_never_goes_back() -> None:
    then = agreed()
    then["feed_measure_values"]["version"] = 3
    assert "its version went back from 3 to 1" in breaking(then, agreed())[0]


def test_what_is_added_breaks_nobody() -> None:
    now = copy.deepcopy(agreed())
    columns(now)["another"] = {"type": "string", "audiences": ["internal"]}
    now["feed_another"] = now["feed_comparators"]
    now["feed_measure_values"]["formats"].append("json")
    assert breaking(agreed(), now) == []


def test_a_publication_that_is_gone_is_told() -> None:
    now = agreed()
    del now["feed_comparators"]
    assert breaking(agreed(), now)[0].startswith("feed_comparators: is no longer published.")


def test_columns_that_never_leave_are_not_part_of_it() -> None:
    assert "decimal_places" not in columns(agreed())


def test_the_snapshot_takes_in_what_is_added_and_refuses_what_breaks(tmp_path: Path) -> None:
    snapshot, manifest = tmp_path / "schemas.json", write_manifest(tmp_path / "manifest.json")
    write_snapshot(manifest, snapshot)
    first = snapshot.read_text(encoding="utf-8")
    assert json.loads(first) == agreed()
    assert '"value": { "type": "decimal(18,4)", "audiences": [ "internal", "public" ] }' in first
    content = manifest_content()
    del content["nodes"]["model.vitals.feed_measure_values"]["columns"]["value"]
    write_manifest(manifest, content)
    with pytest.raises(ExportError, match=r"column feed_measure_values.value is gone"):
        write_snapshot(manifest, snapshot)
    assert snapshot.read_text(encoding="utf-8") == first
    content["exposures"]["exposure.vitals.feed_measure_values"]["config"]["meta"]["version"] = 2
    write_manifest(manifest, content)
    write_snapshot(manifest, snapshot)
    assert "value" not in columns(read_snapshot(snapshot))


def test_the_command_says_what_is_wrong_and_fails(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "exports.schemas", str(tmp_path / "none.json")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "dbt's manifest cannot be read" in ran.stderr
    assert "Traceback" not in ran.stderr
