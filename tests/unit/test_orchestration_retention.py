"""What `vitals prune` may take, and above all what it may not: releases, and extracts that any of them rests on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.builders import column, files_in, key, land_rows, make_contract

from orchestration.council import Council, Retention
from orchestration.retention import leftovers, old_runs, remove
from orchestration.settings import Settings
from sources.contract import Contract
from sources.landing import Landed

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=1000)


def council(folder: Path, contract: Contract | None = None, **rules: int) -> Settings:
    """A council with these rules, and one dataset where a contract is given."""
    chosen = Settings("brigstow", folder)
    given: Council = chosen.council.model_copy(update={"retention": Retention(**rules)})
    chosen.__dict__["council"] = given  # as its cached property would keep it
    if contract is not None:
        chosen.__dict__["contracts"] = {contract.name: contract}
    chosen.releases.mkdir(parents=True)
    return chosen


def release(chosen: Settings, name: str, *landed: Landed) -> None:
    """A release that rests on these extracts."""
    folder = chosen.releases / "2026-27-Q2" / name
    folder.mkdir(parents=True)
    paths = [each.path for each in landed if each.path is not None]
    content: Mapping[str, object] = {
        "release": f"2026-27-Q2/{name}", "period": {"end": "2026-09-30"}, "as_of": "2026-10-14T08:30:00Z",
        "released_at": "2026-10-15T09:00:00Z", "files": [],
        "extracts": [{"path": path.relative_to(chosen.data).as_posix()} for path in paths],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")


def shown(chosen: Settings, now: datetime) -> list[str]:
    return [each.path.relative_to(chosen.data).as_posix() for each in leftovers(chosen, now)]


def grown_old(path: Path, days: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 10)
    moment = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(tmp_path / "contracts", key("id"), column("count", "integer"))


def land_three(contract: Contract, chosen: Settings) -> list[Landed]:
    """Three extracts of the same dataset, each with a refused row, the last one in force."""
    return [
        land_rows(contract, chosen.data, [{"id": "a", "count": str(number)}, {"id": "b", "count": "many"}])
        for number in range(3)
    ]


def test_leftovers_of_builds_go_when_they_are_old_enough(tmp_path: Path) -> None:
    chosen = council(tmp_path, builds_days=30)
    grown_old(chosen.build, 31)
    grown_old(chosen.rebuilt, 29)
    grown_old(chosen.dbt_target / "compiled" / "a.sql", 31)
    grown_old(chosen.dbt_target / "run" / "a.sql", 31)
    grown_old(chosen.dbt_target / "run" / "b.sql", 1)
    grown_old(chosen.dbt_target / "checks.json", 99)
    grown_old(chosen.curated, 99)
    (chosen.releases / ".draft-2026-27-Q2-r2").mkdir()
    (chosen.data / ".rebuild-x1").mkdir()
    assert shown(chosen, NOW) == [".rebuild-x1", "build.duckdb", "dbt/compiled", "releases/.draft-2026-27-Q2-r2"]
    found = leftovers(chosen, NOW)
    assert remove(found) == 20
    assert files_in(chosen.data) == ["curated.duckdb", "dbt/checks.json", "dbt/run/a.sql", "dbt/run/b.sql",
                                     "rebuilt.duckdb"]  # fmt: skip
    assert leftovers(chosen, NOW) == []


def test_extracts_are_kept_for_ever_unless_the_council_says_otherwise(tmp_path: Path, contract: Contract) -> None:
    chosen = council(tmp_path, contract)
    land_three(contract, chosen)
    assert shown(chosen, LATER) == []


def test_an_extract_that_gave_way_goes_with_its_refused_rows(tmp_path: Path, contract: Contract) -> None:
    chosen = council(tmp_path, contract, extracts_days=365)
    first, second, third = (each.path for each in land_three(contract, chosen))
    assert first and second and third
    assert shown(chosen, NOW) == [], "they gave way only now"
    found = shown(chosen, LATER)
    assert sorted(Path(path).name for path in found) == sorted([first.name, first.name, second.name, second.name])
    assert {path.split("/")[0] for path in found} == {"raw", "rejected"}
    remove(leftovers(chosen, LATER))
    assert [Path(path).name for path in files_in(chosen.data)] == [third.name] * 2


def test_an_extract_that_any_release_rests_on_stays(tmp_path: Path, contract: Contract) -> None:
    chosen = council(tmp_path, contract, extracts_days=1)
    first, second, third = land_three(contract, chosen)
    release(chosen, "r1", first)
    release(chosen, "r2", third)
    assert second.path is not None
    assert {Path(path).name for path in shown(chosen, LATER)} == {second.path.name}
    remove(leftovers(chosen, LATER))
    assert first.path is not None and first.path.exists()
    assert (chosen.releases / "2026-27-Q2" / "r1" / "manifest.json").exists()


def test_nothing_is_removed_while_a_releases_manifest_cannot_be_read(tmp_path: Path, contract: Contract) -> None:
    chosen = council(tmp_path, contract, extracts_days=1)
    first, *_ = land_three(contract, chosen)
    release(chosen, "r1", first)
    (chosen.releases / "2026-27-Q2" / "r1" / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"r1/manifest.json: cannot be read.* until then nothing is removed"):
        leftovers(chosen, LATER)


def test_no_rule_takes_a_release(tmp_path: Path, contract: Contract) -> None:
    chosen = council(tmp_path, contract, builds_days=1, run_logs_days=1, extracts_days=1)
    for number in range(1, 4):
        release(chosen, f"r{number}")
    (chosen.releases / "current").symlink_to("2026-27-Q2/r3")
    remove(leftovers(chosen, LATER))
    assert sorted(path.name for path in (chosen.releases / "2026-27-Q2").iterdir()) == ["r1", "r2", "r3"]
    assert (chosen.releases / "current" / "manifest.json").exists()


def test_a_council_that_has_never_run_has_no_run_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    chosen = council(tmp_path)
    assert old_runs(chosen, LATER, removing=True) == 0
    assert not (chosen.data / "dagster").exists()


def test_old_run_logs_go_and_young_ones_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dagster as dg

    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    chosen = council(tmp_path, run_logs_days=400)

    @dg.job
    def nothing() -> None:
        """No steps."""

    with dg.DagsterInstance.get() as instance:
        assert nothing.execute_in_process(instance=instance).success
    assert old_runs(chosen, NOW + timedelta(days=399), removing=True) == 0
    assert old_runs(chosen, NOW + timedelta(days=401), removing=False) == 1
    assert old_runs(chosen, NOW + timedelta(days=401), removing=True) == 1
    assert old_runs(chosen, NOW + timedelta(days=401), removing=True) == 0


def test_rules_that_say_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        Retention(builds_days=0)
    assert Settings("brigstow", Path("data")).council.retention.extracts_days is None
