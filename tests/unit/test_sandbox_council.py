"""Brigstow's framework and map files agree with each other and with the sandbox's city."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from orchestration.sandbox import needs_sandbox
from orchestration.settings import Settings
from sources.config import load_sources
from sources.contract import load_contracts
from sources.sandbox import city, running, variables
from sources.sandbox.sickness import REASON_CODES

COUNCIL = Path(__file__).parents[2] / "councils" / "brigstow"


def rows(name: str) -> list[dict[str, str]]:
    with (COUNCIL / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def mapped(name: str) -> dict[str, str]:
    return {row["from"]: row["to"] for row in rows(f"sources/{name}.csv")}


def test_seven_themes_each_owned_by_one_director() -> None:
    outcomes = rows("framework/outcomes.csv")
    assert len(outcomes) == 7
    assert {outcome["outcome_type"] for outcome in outcomes} == {"theme"}
    assert max(Counter(outcome["owner"] for outcome in outcomes).values()) == 1


def test_units_form_one_tree() -> None:
    units = {unit["unit_id"]: unit for unit in rows("framework/units.csv")}
    above = {"directorate": "council", "division": "directorate", "service": "division"}
    for unit in units.values():
        if unit["level"] == "council":
            assert unit["unit_id"] == "BRIGSTOW"
        else:
            assert units[unit["parent_unit_id"]]["level"] == above[unit["level"]], unit["unit_id"]
    assert Counter(unit["level"] for unit in units.values())["directorate"] == 6


def test_every_service_of_the_city_is_a_unit_and_the_other_way_round() -> None:
    services = {unit["unit_id"]: unit for unit in rows("framework/units.csv") if unit["level"] == "service"}
    assert set(services) == set(city.UNITS.tolist())
    for service in city.SERVICES:
        assert services[service.unit]["name"].startswith(service.name)


def test_map_files_translate_every_code_but_the_new_cost_centre() -> None:
    assert mapped("complaint_teams") == city.TEAMS
    assert mapped("cost_centres") == city.COST_CENTRES | {city.SUSPENSE_COST_CENTRE: "SUSPENSE"}
    assert city.NEW_COST_CENTRE_CODE not in mapped("cost_centres")
    assert mapped("risk_services") == {service.name: service.unit for service in city.SERVICES}
    assert set(mapped("absence_reasons")) == set(REASON_CODES)


def test_measures_serve_outcomes_and_targets_stand_on_measures_and_units() -> None:
    outcomes = {outcome["outcome_id"] for outcome in rows("framework/outcomes.csv")}
    measures = {measure["measure_id"]: measure for measure in rows("framework/measures.csv")}
    units = {unit["unit_id"] for unit in rows("framework/units.csv")}
    assert {measure["outcome_id"] for measure in measures.values()} <= outcomes
    assert all(len(measure["name"]) <= 40 for measure in measures.values()), "a panel has little room"
    for target in rows("framework/targets.csv"):
        assert target["unit_id"] in units
        assert measures[target["measure_id"]]["polarity"] != "context", "a context measure has no target"


def test_targets_of_one_measure_and_unit_follow_without_overlap() -> None:
    series = defaultdict(list)
    for target in rows("framework/targets.csv"):
        series[target["measure_id"], target["unit_id"]].append((target["valid_from"], target["valid_to"]))
    for spans in series.values():
        for (_, until), (following, _) in pairwise(spans):
            assert until and until < following
        assert spans[-1][1] == "" or spans[-1][1] > "2026-09-30", "the last one is in force when the data end"
    assert len(series["CO02", "BRIGSTOW"]) == 2


def test_the_sandbox_gives_every_variable_that_the_sources_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = yaml.safe_load((COUNCIL / "council.yaml").read_text(encoding="utf-8"))
    assert settings["fictional"] is True
    sources = load_sources(COUNCIL / "sources", load_contracts())
    with running(tmp_path, settings["sandbox"]["seed"], scale=0.02) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert {name for source in sources.values() for name in source.variables} == set(environment)
        assert set(variables("city")) == set(environment)
        for source in sources.values():
            source.reach()


@pytest.mark.parametrize(("name", "expected"), [("LIBRARIES_KEY", True), ("RISK_FOLDER", False)])
def test_the_sandbox_stands_in_until_one_of_its_own_systems_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, expected: bool
) -> None:
    for variable in variables("city"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, "x")
    assert needs_sandbox(Settings(COUNCIL.name, COUNCIL, COUNCIL.parent)) is expected
