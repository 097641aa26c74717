"""What Dagster loads for each council: complete, described, and as committed. Needs no network and no credential."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from orchestration import periods
from orchestration.schedules import run_date
from orchestration.settings import Settings, settings
from orchestration.wiring import definitions
from sources.periods import Quarter

SNAPSHOTS = Path(__file__).parent / "snapshots"
COUNCILS = ("bremesgrave", "brigstow", "trafford")
LONDON = ZoneInfo("Europe/London")


@pytest.fixture(scope="module")
def councils(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Settings, dg.Definitions]]:
    """Settings and definitions of every council, loaded with no source's variable set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITALS_DATA", str(tmp_path_factory.mktemp("data")))
        patch.setenv("VITALS_COUNCIL", "")
        patch.setenv("VITALS_BUILD", "")
        loaded = {}
        for name in COUNCILS:
            chosen = settings(name)
            for source in chosen.sources.values():
                for variable in source.variables:
                    patch.delenv(variable, raising=False)
            loaded[name] = (chosen, definitions(chosen))
        return loaded


def specs(loaded: dg.Definitions) -> list[dg.AssetSpec]:
    return list(loaded.resolve_all_asset_specs())


def shown(loaded: dg.Definitions) -> dict[str, Any]:
    graph = loaded.resolve_asset_graph()
    return {
        "assets": {
            spec.key.to_user_string(): {
                "group": spec.group_name,
                "kinds": sorted(spec.kinds),
                "owners": list(spec.owners),
                "partitioned": spec.partitions_def is not None,
            }
            for spec in sorted(specs(loaded), key=lambda each: each.key.to_user_string())
        },
        "checks": sorted(f"{key.asset_key.to_user_string()}: {key.name}" for key in graph.asset_check_keys),
        "jobs": sorted(job.name for job in loaded.jobs or []),
        "schedules": sorted(schedule.name for schedule in loaded.schedules or []),
    }


@pytest.mark.parametrize("name", COUNCILS)
def test_definitions_are_as_committed(name: str, councils: dict[str, tuple[Settings, dg.Definitions]]) -> None:
    path = SNAPSHOTS / f"definitions_{name}.json"
    found = json.dumps(shown(councils[name][1]), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("VITALS_RENEW_SNAPSHOTS"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8"), (
        "What Dagster loads has changed. If that is meant, renew the snapshot and look at its diff: "
        f"VITALS_RENEW_SNAPSHOTS=1 .venv/bin/python -m pytest {Path(__file__).relative_to(Path.cwd())}"
    )


@pytest.mark.parametrize("name", COUNCILS)
def test_every_asset_says_what_and_whose_it_is(name: str, councils: dict[str, tuple[Settings, dg.Definitions]]) -> None:
    for spec in specs(councils[name][1]):
        key = spec.key.to_user_string()
        assert spec.group_name and spec.group_name != "default", f"{key} has no group"
        assert spec.kinds, f"{key} has no kind"
        assert spec.owners, f"{key} has no owner"
        assert spec.description and "\n" not in spec.description, f"{key} has no one-line description"


@pytest.mark.parametrize("name", COUNCILS)
def test_every_dataset_is_an_asset_that_a_model_reads(
    name: str, councils: dict[str, tuple[Settings, dg.Definitions]]
) -> None:
    chosen, loaded = councils[name]
    graph = loaded.resolve_asset_graph()
    for _, contract in chosen.declared():
        key = dg.AssetKey([contract.system, contract.dataset])
        assert graph.get(key).is_materializable
        assert dg.AssetKey(["staging", f"stg_{contract.system}__{contract.dataset}"]) in graph.get(key).child_keys


def evaluated(councils: dict[str, tuple[Settings, dg.Definitions]], name: str, moment: datetime) -> Any:
    [schedule] = councils[name][1].schedules or []
    assert isinstance(schedule, dg.ScheduleDefinition)
    context = dg.build_schedule_context(scheduled_execution_time=moment)
    data = schedule.evaluate_tick(context)
    return data


def test_the_quarter_runs_fifteen_working_days_after_its_end(
    councils: dict[str, tuple[Settings, dg.Definitions]],
) -> None:
    data = evaluated(councils, "brigstow", datetime(2026, 10, 21, 6, tzinfo=LONDON))
    [request] = data.run_requests
    assert request.run_key == "2026-27-Q2"
    chosen = councils["brigstow"][0]
    covered = periods.quarters(chosen, request.tags)
    assert (covered[0].code, covered[-1].code) == ("2021-22-Q1", "2026-27-Q2")


def test_a_machine_that_was_down_on_the_day_runs_it_on_the_next(
    councils: dict[str, tuple[Settings, dg.Definitions]],
) -> None:
    """The run key is the same, so that Dagster does not run it twice."""
    data = evaluated(councils, "brigstow", datetime(2026, 10, 22, 6, tzinfo=LONDON))
    assert [request.run_key for request in data.run_requests] == ["2026-27-Q2"]


def test_no_day_before_runs_it(councils: dict[str, tuple[Settings, dg.Definitions]]) -> None:
    data = evaluated(councils, "brigstow", datetime(2026, 10, 20, 6, tzinfo=LONDON))
    assert not data.run_requests
    assert data.skip_message == "2026-27-Q2 is run on 21 October 2026."


def test_a_history_that_has_ended_is_not_run_on(councils: dict[str, tuple[Settings, dg.Definitions]]) -> None:
    data = evaluated(councils, "brigstow", datetime(2027, 1, 22, 6, tzinfo=LONDON))
    assert not data.run_requests
    assert data.skip_message == "The history of Brigstow City Council ends with 2026-27-Q2."


@pytest.mark.parametrize(
    ("quarter", "day"),
    [
        # New Year's Day 2027 is a Friday: the first working day is Monday 4 January.
        ("2026-27-Q3", datetime(2027, 1, 22)),
        # Good Friday and Easter Monday 2026 are 3 and 6 April.
        ("2025-26-Q4", datetime(2026, 4, 23)),
        # No bank holiday in July.
        ("2026-27-Q1", datetime(2026, 7, 21)),
    ],
)
def test_bank_holidays_are_no_working_days(quarter: str, day: datetime) -> None:
    assert run_date(Quarter.parse(quarter), 15) == day.date()


def test_a_run_of_one_partition_covers_what_its_tags_say(
    councils: dict[str, tuple[Settings, dg.Definitions]],
) -> None:
    chosen = councils["brigstow"][0]
    first, last = Quarter.parse("2025-26-Q1"), Quarter.parse("2025-26-Q3")
    assert periods.quarters(chosen, periods.run_tags(first, last)) == first.until(last)
    assert periods.quarters(chosen, {periods.PARTITION_TAG: "2025-10-01"}) == [last]
    backfill = {periods.START_TAG: "2025-04-01", periods.END_TAG: "2025-10-01"}
    assert periods.quarters(chosen, backfill) == first.until(last)
    assert periods.quarters(chosen, {})[-1] == Quarter.parse("2026-27-Q2")
