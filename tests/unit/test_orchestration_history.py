"""Dagster's SQLite files stay open while a run writes its events, and what it writes is there afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.storage.event_log.sqlite import sqlite_event_log

from orchestration.history import kept_open


@dg.asset
def thing() -> None:
    """Nothing."""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as made:
        yield made


def open_files(folder: Path) -> set[str]:
    return {Path(file.path).name for file in psutil.Process().open_files() if Path(file.path).is_relative_to(folder)}


def test_files_are_open_within_and_closed_after(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    theirs = sqlite_event_log.create_engine
    with kept_open():
        result = dg.materialize([thing], instance=instance)
        assert {"index.db", f"{result.run_id}.db"} <= open_files(tmp_path)
    assert open_files(tmp_path) == set()
    assert sqlite_event_log.create_engine is theirs
    assert not list(tmp_path.rglob("*.db-wal")), "all that was written has reached the files"


def test_events_are_read_by_whoever_opens_the_files_later(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    with kept_open():
        run_id = dg.materialize([thing], instance=instance).run_id
    with dg.DagsterInstance.from_config(str(tmp_path)) as later:
        assert later.get_latest_materialization_event(thing.key) is not None
        run = later.get_run_by_id(run_id)
        assert run is not None and run.is_success


def test_a_failure_within_closes_too(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    with pytest.raises(RuntimeError), kept_open():
        dg.materialize([thing], instance=instance)
        raise RuntimeError
    assert open_files(tmp_path) == set()
