"""The lock of a council's data, what goes when it is taken, and where a finished database belongs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from support.builders import Q1, Q2, column, extract_of, files_in, key, land_rows, make_contract, rejected_path

from orchestration import build
from orchestration.assets import RESTATEMENT_CHECK
from orchestration.council import load_council
from orchestration.settings import COUNCILS, DBT_PROJECT, Settings, settings
from sources.errors import ConfigurationError
from sources.landing import extracts_in_force, land
from sources.periods import Quarter

HOLD = """
import sys
from pathlib import Path
from types import SimpleNamespace
from orchestration import build
from orchestration.assets import RESTATEMENT_CHECK
from orchestration.council import load_council
from orchestration.settings import Settings
with build.alone(Settings("brigstow", Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def town(tmp_path: Path) -> Settings:
    return Settings("brigstow", tmp_path)


@pytest.fixture
def other(town: Settings) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its standard input ends."""
    command = [sys.executable, "-c", HOLD, str(town.base)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def test_one_process_at_a_time(town: Settings, other: subprocess.Popen[str]) -> None:
    with (
        pytest.raises(RuntimeError, match=r"Another run is working on brigstow .* Wait until it ends"),
        build.alone(town),
    ):
        pass
    other.communicate()
    with build.alone(town):
        pass


def test_death_lets_go_of_the_lock(town: Settings, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    with build.alone(town):
        pass


def test_a_process_may_take_its_own_lock_again(town: Settings) -> None:
    with build.alone(town):
        with build.alone(town):  # the command holds it, then Dagster's run inside the command
            pass
        script = HOLD.replace('print("held", flush=True)', "pass")
        second = subprocess.run([sys.executable, "-c", script, str(town.base)], stdin=subprocess.DEVNULL, check=False,
                                capture_output=True, text=True)  # fmt: skip
        assert "Another run is working" in second.stderr, "the inner one has not let go of it"


def test_another_council_is_not_held_up(town: Settings, other: subprocess.Popen[str]) -> None:
    with build.alone(Settings("trafford", town.base)):
        pass


def test_whoever_takes_the_lock_removes_what_killed_runs_left(town: Settings, tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("id"), column("count", "integer"))
    landed = land_rows(contract, town.data, [{"id": "a", "count": "1"}, {"id": "b", "count": "many"}])
    assert landed.path is not None
    kept = files_in(town.data)
    (landed.path.parent / f".{landed.path.name}.4711").write_bytes(b"half a fi")
    aside = rejected_path(landed)
    (aside.parent / f".{aside.name}.4711").write_bytes(b"half a fi")
    (aside.parent / "20260101T000000000000Z-0123456789abcdef.parquet").write_bytes(
        aside.read_bytes()
    )  # no extract has it
    (town.data / ".landing-x1").mkdir()
    (town.data / ".landing-x1" / "spill").write_bytes(b"x")
    assert [extract.path for extract in extracts_in_force(contract, town.data)] == [landed.path], (
        "readers see past them"
    )
    with build.alone(town):
        assert files_in(town.data) == [".lock", *kept]


# What analysts read


@pytest.mark.parametrize(
    ("released", "quarter", "as_of", "to_analysts"),
    [
        ([], Q1, None, True),
        ([Q1], Q1, None, True),
        ([Q1], Q2, None, True),
        ([Q1, Q2], Q1, None, False),
        ([Q1], Q1, datetime(2026, 1, 1, tzinfo=UTC), False),
        ([], Q1, datetime(2026, 1, 1, tzinfo=UTC), False),
    ],
)
def test_what_analysts_read_never_goes_back_in_time(
    released: list[Quarter], quarter: Quarter, as_of: datetime | None, to_analysts: bool, town: Settings
) -> None:
    for each in released:
        manifest = town.releases / each.code / "r1" / "manifest.json"
        manifest.parent.mkdir(parents=True)
        manifest.touch()
    assert (build.finished(town, quarter, as_of) == town.curated) is to_analysts


@pytest.mark.parametrize(("council", "is_kept"), [("brigstow", True), ("trafford", False)])
def test_restricted_tables_go_to_a_file_of_their_own_or_nowhere(council: str, is_kept: bool, tmp_path: Path) -> None:
    asked = Settings(council, tmp_path)
    asked.data.mkdir()
    asked.restricted.touch()  # of a former run, or of a time when the council still asked for it
    with duckdb.connect(str(asked.build)) as con:
        con.execute("create schema raw; create schema staging; create schema core; create schema restricted")
        con.execute("create table raw.requests as select '100' as uprn; create table core.facts as select 1 as n")
        con.execute("create view restricted.address_demand as select uprn from raw.requests")
    build.publish(asked, Q1, None)
    with duckdb.connect(str(asked.curated), read_only=True) as con:
        assert con.execute("select schema_name, table_name from duckdb_tables()").fetchall() == [("core", "facts")]
    assert asked.restricted.exists() is is_kept
    if is_kept:
        assert asked.restricted.stat().st_mode & 0o777 == 0o600
        with duckdb.connect(str(asked.restricted), read_only=True) as con:
            assert con.execute("from address_demand").fetchall() == [("100",)]


# Settings


def test_councils_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITALS_COUNCILS", str(tmp_path / "ours"))
    monkeypatch.setenv("VITALS_DATA", str(tmp_path / "data"))
    for name in ("VITALS_COUNCIL", "VITALS_BUILD"):
        monkeypatch.setenv(name, "")
    folder = tmp_path / "ours" / "sampleton"
    folder.mkdir(parents=True)
    text = (COUNCILS / "brigstow" / "council.yaml").read_text(encoding="utf-8")
    (folder / "council.yaml").write_text(text.replace("id: brigstow", "id: sampleton"), encoding="utf-8")
    assert settings("sampleton").folder == folder
    assert settings("sampleton").council.id == "sampleton"
    with pytest.raises(ConfigurationError, match=r"no such council\. Did you mean 'sampleton'"):
        settings("samplton")
    with pytest.raises(ConfigurationError, match="Councils: 'sampleton'"):
        settings("brigstow")


def test_extracts_of_an_earlier_contract_have_nulls_in_columns_that_came_later(
    tmp_path: Path,
) -> None:
    council = Settings("brigstow", tmp_path)
    quarter = Quarter.parse("2025-26-Q1")
    contract = council.contracts["risk.register"]
    without = tuple(column for column in contract.columns if column.name != "target_score")
    older = replace(contract, version="1.0.0", columns=without)
    row = {"risk_id": "R1", "title": "Flood", "unit_code": "RES", "likelihood": "3", "impact": "4"}
    row |= {"current_score": "12", "target_score": "6", "tolerance_score": "8"}
    for version, covered in ((older, quarter), (contract, quarter.next)):
        (landed,) = land(version, [extract_of(version, [row], covered)], council.data, [covered])
        assert landed.error is None
    build.prepare(council, quarter.next, as_of=None)
    with duckdb.connect(str(council.build), read_only=True) as con:
        rows = con.execute("select _period_start, target_score from raw.risk__register order by 1").fetchall()
    assert rows == [(quarter.start, None), (quarter.next.start, 6)]


# What checks found


def found(name: str, status: str, message: str) -> SimpleNamespace:
    """What dbt says of a check that ran, as far as it is looked at."""
    node = SimpleNamespace(name=name, resource_type="test", compiled_code="select 1")
    return SimpleNamespace(status=status, message=message, node=node)


def test_warnings_stop_nothing_but_one_that_is_asked_for_can_be_told_apart() -> None:
    results = [
        found("risk_scores_follow_the_matrix", "warn", "Got 1 result"),
        found("every_restatement_has_a_reason", "warn", "Got 2 results"),
        found("one_row_for_each_case", "pass", ""),
    ]
    ran = SimpleNamespace(exception=None, result=SimpleNamespace(results=results))
    assert build.problems(ran) == []
    assert len(build.problems(ran, severity="warn")) == 2
    assert build.problems(ran, severity="warn", of="every_restatement_has_a_reason") == [
        "every_restatement_has_a_reason: Got 2 results"
    ]
    assert build.problems(ran, severity="warn", of="one_row_for_each_case") == []


def test_the_check_that_a_council_may_require_is_there() -> None:
    assert (DBT_PROJECT / "tests" / f"{RESTATEMENT_CHECK}.sql").exists()


@pytest.mark.parametrize(("said", "meant"), [("", "marked"), ("corrections: required\n", "required")])
def test_a_council_says_whether_corrections_need_a_reason(said: str, meant: str, tmp_path: Path) -> None:
    path = tmp_path / "brigstow" / "council.yaml"
    path.parent.mkdir()
    text = (COUNCILS / "brigstow" / "council.yaml").read_text(encoding="utf-8")
    path.write_text(said + text, encoding="utf-8")
    assert load_council(path).corrections == meant
    path.write_text("corrections: sometimes\n" + text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"council.yaml: corrections: "):
        load_council(path)
