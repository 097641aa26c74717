"""Councils are configuration: no Python of the product names one, and each one's framework holds together."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from orchestration.council import load_council
from orchestration.settings import settings
from sources.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
COUNCILS = {path.parent.name: path.parent for path in sorted((ROOT / "councils").glob("*/council.yaml"))}
# The sandbox is no part of the product: it is the systems of fictional councils.
PRODUCT = sorted(
    path
    for folder in ("sources", "orchestration", "exports", "dbt_project")
    for kind in ("*.py", "*.sql", "*.yml", "*.yaml", "*.md", "*.j2", "*.css")
    for path in (ROOT / folder).rglob(kind)
    if "sandbox" not in path.relative_to(ROOT).parts[:2] and "target" not in path.parts
)


def rows(council: str, name: str) -> list[dict[str, str]]:
    path = COUNCILS[council] / "framework" / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_there_is_a_city_with_themes_a_district_with_purposes_and_a_real_council() -> None:
    assert set(COUNCILS) == {"bremesgrave", "brigstow", "trafford"}
    kinds = {name: {row["outcome_type"] for row in rows(name, "outcomes")} for name in COUNCILS}
    assert kinds == {"bremesgrave": {"purpose", "enabling_purpose"}, "brigstow": {"theme"}, "trafford": {"theme"}}


def test_no_file_of_the_product_names_a_council() -> None:
    assert len(PRODUCT) > 200
    named = re.compile("|".join(COUNCILS), re.IGNORECASE)
    found = {
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in PRODUCT
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if named.search(line)
    }
    assert found == set()


def test_one_council_is_meant_where_nobody_names_one() -> None:
    said = [
        name
        for name, folder in COUNCILS.items()
        if yaml.safe_load((folder / "council.yaml").read_text()).get("default")
    ]
    assert len(said) == 1


@pytest.mark.parametrize("council", COUNCILS)
def test_units_form_one_tree(council: str) -> None:
    units = {row["unit_id"]: row for row in rows(council, "units")}
    assert [row["level"] for row in units.values()].count("council") == 1
    depth = ["council", "directorate", "division", "service", "team"]
    for unit in units.values():
        if unit["level"] != "council":
            assert depth.index(units[unit["parent_unit_id"]]["level"]) < depth.index(unit["level"]), unit["unit_id"]


@pytest.mark.parametrize("council", COUNCILS)
def test_measures_serve_outcomes_and_targets_stand_on_measures_and_units(council: str) -> None:
    outcomes = {row["outcome_id"] for row in rows(council, "outcomes")}
    measures = {row["measure_id"]: row for row in rows(council, "measures")}
    units = {row["unit_id"] for row in rows(council, "units")}
    assert {row["outcome_id"] for row in measures.values()} <= outcomes
    assert {row["measure_id"] for row in rows(council, "indicators")} <= set(measures)
    for target in rows(council, "targets"):
        assert target["unit_id"] in units
        assert measures[target["measure_id"]]["polarity"] != "context", "a context measure has no target"


@pytest.mark.parametrize("council", COUNCILS)
def test_targets_of_one_measure_and_unit_follow_without_overlap(council: str) -> None:
    series = defaultdict(list)
    for target in rows(council, "targets"):
        series[target["measure_id"], target["unit_id"]].append((target["valid_from"], target["valid_to"]))
    for spans in series.values():
        for (_, until), (following, _) in pairwise(sorted(spans)):
            assert until and until < following


@pytest.mark.parametrize("council", COUNCILS)
def test_every_map_file_is_used_and_gives_each_code_once(council: str) -> None:
    folder = COUNCILS[council] / "sources"
    used = set(re.findall(r"map_file: ([\w.]+)", "".join(path.read_text("utf-8") for path in folder.glob("*.yaml"))))
    assert used == {path.name for path in folder.glob("*.csv")}
    for name in used:
        with (folder / name).open(encoding="utf-8", newline="") as file:
            codes = [row["from"] for row in csv.DictReader(file)]
        assert len(codes) == len(set(codes)), name


def council_in(folder: Path, name: str, **more: object) -> Path:
    content = {
        "id": name,
        "name": f"{name.title()} Borough Council",
        "fictional": True,
        "area_code": "X07999999",
        "contact": f"performance@{name}.example",
        "calendar": {"first_period": "2026-27-Q1"},
        **more,
    }
    path = folder / name / "council.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def meant(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {"VITALS_COUNCILS": str(folder), "VITALS_DATA": str(folder), "VITALS_COUNCIL": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("VITALS_BUILD", "")
    return settings().name


def test_the_only_council_is_meant_and_of_several_the_one_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    council_in(tmp_path, "sampleton")
    assert meant(tmp_path, monkeypatch) == "sampleton"
    council_in(tmp_path, "otherham")
    with pytest.raises(ConfigurationError, match=r"which council is meant\?.*Councils: 'otherham', 'sampleton'\."):
        meant(tmp_path, monkeypatch)
    council_in(tmp_path, "thirdby", default=True)
    (tmp_path / "otherham" / "council.yaml").write_text("broken: [", encoding="utf-8")
    assert meant(tmp_path, monkeypatch) == "thirdby", "whatever is wrong with the others"
    council_in(tmp_path, "fourthwick", default=True)
    with pytest.raises(ConfigurationError, match="which council is meant"):
        meant(tmp_path, monkeypatch)


def test_a_sandbox_that_does_not_come_with_the_project_is_named(tmp_path: Path) -> None:
    path = council_in(tmp_path, "sampleton", sandbox={"systems": "citty", "seed": 1})
    with pytest.raises(ConfigurationError) as error:
        load_council(path)
    assert "sandbox.systems: 'citty' is not a set of systems that comes with the project. Did you mean 'city'?" in str(
        error.value
    )
