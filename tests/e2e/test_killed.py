"""A run killed outright, again and again, at every stage: what can be seen is whole each time, and in the end nothing
is missing, nothing is there twice, and nothing is left lying about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest
from support.pipeline import QUARTER, SINCE, Quarter, Ran, Vitals, end, fingerprint, wait_until

import exports
from sources.contract import load_contracts
from sources.landing import describe, extracts_in_force

RUN = ("run", QUARTER, "--from", SINCE)
Seen = Callable[[Vitals, str], bool]


def said(line: str) -> Seen:
    """The run has told this."""
    return lambda _, err: line in err


def unfinished(folder: str, line: str) -> Seen:
    """A file is being written below this folder; or, if none was caught at it, the run has gone on to this line."""
    return lambda vitals, err: any((vitals.data / folder).rglob(".*.parquet.*")) or line in err


def building(size: int) -> Seen:
    """The database under construction has reached a size: models are being built."""

    def grown(vitals: Vitals, err: str) -> bool:
        build = vitals.data / "build.duckdb"
        return "building" in err and build.exists() and build.stat().st_size > size

    return grown


def swapped(vitals: Vitals, err: str) -> bool:
    """The finished database has just become the one that analysts read."""
    return "building" in err and vitals.curated.exists()


def drafted(vitals: Vitals, err: str) -> bool:
    """Files of the release are being written."""
    return any(vitals.releases.glob(".draft-*/feeds/*"))


def renamed(vitals: Vitals, err: str) -> bool:
    """The release has just got its name; `current` may not point at it yet."""
    return (vitals.releases / QUARTER / "r1").exists()


# Where the run is killed, and after how many seconds more; in the order of a run, each going on from the one before.
KILLS: list[tuple[str, Seen, float]] = [
    ("reading over HTTP", said("reading complaints cases"), 0.05),
    ("while a file is written", unfinished("raw/finance", "reading hr absences"), 0.0),
    ("as dbt starts", said("building"), 0.5),
    ("in the middle of the models", building(4_000_000), 0.3),
    ("at the swap", swapped, 0.0),
    ("while the release is written", drafted, 0.0),
    ("at the switch of current", renamed, 0.0),
]


def killed(vitals: Vitals, at: Seen, after: float) -> int:
    """Start a run, kill it there; returns how it ended."""
    process = vitals.start(*RUN)
    told: list[str] = []
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: told.extend(iter(process.stderr.readline, "")), daemon=True)  # type: ignore[union-attr]
    reader.start()
    try:
        wait_until(lambda: at(vitals, "".join(told)), process)
        time.sleep(after)
        process.kill()
        process.wait(30)
        reader.join(30)
    finally:
        end(process)
    return process.returncode


def faults(vitals: Vitals) -> list[str]:
    """Whatever a reader could stumble over now."""
    found = []
    for path in [*vitals.data.glob("raw/**/[!.]*.parquet"), *vitals.data.glob("rejected/**/[!.]*.parquet")]:
        told = describe(path)
        expected = told.rejected if path.is_relative_to(vitals.data / "rejected") else told.rows
        if pq.read_table(path).num_rows != expected:
            found.append(f"{path}: not the rows it says it has")
    if vitals.curated.exists():
        for table in ("feed_measure_values", "feed_measure_status", "feed_comparators", "report_org_health"):
            vitals.ask(f"select count(*) from marts.{table}")
        if vitals.ask("select count(*) from information_schema.tables where table_schema in ('raw', 'staging')")[0][0]:
            found.append("personal data in curated.duckdb")
    if vitals.current:
        found += exports.verify(vitals.releases / "current")
    for release in vitals.published:
        found += exports.verify(vitals.releases / release)
    return found


def counts(vitals: Vitals) -> dict[str, int]:
    """Rows of everything in force, and of everything built."""
    landed = {
        contract.name: sum(extract.rows for extract in extracts_in_force(contract, vitals.data))
        for contract in load_contracts().values()
    }
    tables = vitals.ask("select schema_name || '.' || table_name from duckdb_tables() order by 1")
    return landed | {table: vitals.ask(f"select count(*) from {table}")[0][0] for (table,) in tables}


@dataclass
class Survivor:
    """Data on which a run was killed at every stage, and then left in peace."""

    vitals: Vitals
    ends: list[int] = field(default_factory=list)  # exit codes of the killed runs
    faults: dict[str, list[str]] = field(default_factory=dict)  # after each kill
    left: set[str] = field(default_factory=set)  # lying about at some time
    ran: Ran | None = None  # the run after them


@pytest.fixture(scope="module")
def survivor(systems: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Survivor:
    story = Survivor(Vitals(tmp_path_factory.mktemp("killed"), systems))
    for name, at, after in KILLS:
        story.ends.append(killed(story.vitals, at, after))
        story.faults[name] = faults(story.vitals)
        story.left |= leftovers(story.vitals)
    story.ran = story.vitals(*RUN)
    return story


def leftovers(vitals: Vitals) -> set[str]:
    """Kinds of things that a killed run leaves."""
    kinds = {
        "spill": vitals.data.glob(".landing-*"),
        "unfinished file": vitals.data.glob("r*/**/.*.parquet.*"),
        "build": vitals.data.glob("build.duckdb*"),
        "draft": vitals.releases.glob(".draft-*"),
        "link": vitals.releases.glob(".current-*"),
        "rejected rows without their extract": (
            path
            for path in (vitals.data / "rejected").rglob("*.parquet")
            if not (vitals.data / "raw" / path.relative_to(vitals.data / "rejected")).exists()
        ),
    }
    return {kind for kind, found in kinds.items() if any(found)}


def test_what_can_be_seen_after_a_kill_is_whole(survivor: Survivor) -> None:
    assert survivor.faults == {name: [] for name, _, _ in KILLS}
    # All were killed at work; the last one may have been quicker than the hand that killed it.
    assert set(survivor.ends[:-1]) == {-9} and survivor.ends[-1] in (-9, 0)


def test_the_run_after_them_ends_well(survivor: Survivor) -> None:
    assert survivor.ran is not None
    assert survivor.ran.code == 0, survivor.ran.err
    assert survivor.vitals.published == [f"{QUARTER}/r1"]
    assert survivor.vitals.current == f"{QUARTER}/r1"
    assert faults(survivor.vitals) == []


def test_its_release_is_that_of_an_undisturbed_run(survivor: Survivor, town: Quarter) -> None:
    mine, undisturbed = (fingerprint(vitals.releases / QUARTER / "r1") for vitals in (survivor.vitals, town.vitals))
    assert set(mine) == set(undisturbed)
    # The manifest holds times, and the page the day.
    tables = {name for name in mine if name.startswith(("feeds/", "reports/"))}
    assert {name: mine[name] for name in tables} == {name: undisturbed[name] for name in tables}
    assert len(tables) > 8


def test_no_row_is_missing_and_none_is_there_twice(survivor: Survivor, town: Quarter) -> None:
    assert counts(survivor.vitals) == counts(town.vitals)
    slots = [str(Path(name).parent) for name in survivor.vitals.raw()]
    assert slots == [str(Path(name).parent) for name in town.vitals.raw()], "one extract a slot"


def test_nothing_is_left_lying_about(survivor: Survivor, town: Quarter) -> None:
    assert {"spill", "build", "draft"} <= survivor.left, "the kills came when there was something to leave"
    assert leftovers(survivor.vitals) == set()
    for mine, undisturbed in (
        (survivor.vitals.data, town.vitals.data),
        (survivor.vitals.releases, town.vitals.releases),
    ):
        assert {path.name for path in mine.iterdir()} == {path.name for path in undisturbed.iterdir()}


def test_dagster_knows_which_runs_died(survivor: Survivor) -> None:
    with dg.DagsterInstance.from_config(str(survivor.vitals.data / "dagster")) as instance:
        last, *killed_runs = [run.status for run in instance.get_runs()]
    assert last == dg.DagsterRunStatus.SUCCESS
    assert len(killed_runs) == len(KILLS)
    assert set(killed_runs[1:]) == {dg.DagsterRunStatus.FAILURE}
    assert killed_runs[0] in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS), "it may have been too quick"
