"""What is remembered of attempts to land: by slot, across runs, and as it was known at a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.builders import Q1, Q2, key, make_contract

from orchestration import attempts
from sources.contract import Contract
from sources.landing import Landed
from sources.periods import Quarter


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(tmp_path, key("id"))


def landed(quarter: Quarter | None, error: str | None = None) -> Landed:
    return Landed("things", quarter, None, 0, 0, False, {}, (), error)


def test_an_attempt_that_went_well_tells_when_the_dataset_was_last_read(contract: Contract, tmp_path: Path) -> None:
    assert attempts.last_read(tmp_path, contract) is None
    july, october = datetime(2025, 7, 21, tzinfo=UTC), datetime(2025, 10, 21, tzinfo=UTC)
    attempts.record(tmp_path, contract, [landed(None)], july)
    attempts.record(tmp_path, contract, [landed(None, "down")], october)
    assert attempts.last_read(tmp_path, contract) == july
    assert attempts.last_error(tmp_path, contract, Q1, july) is None
    attempts.record(tmp_path, contract, [landed(None)], october + timedelta(days=1))
    assert attempts.last_read(tmp_path, contract) == october + timedelta(days=1)
    assert attempts.last_read(tmp_path, contract, october) == july


def test_a_failed_slot_stays_failed_until_it_is_tried_again(contract: Contract, tmp_path: Path) -> None:
    attempts.record(tmp_path, contract, [landed(Q1, "no sheet"), landed(Q2)])
    attempts.record(tmp_path, contract, [landed(Q2)])  # a run of Q2 alone
    assert attempts.last_error(tmp_path, contract, Q1) == "no sheet"
    assert attempts.last_error(tmp_path, contract, Q2) is None
    attempts.record(tmp_path, contract, [landed(Q1)])
    assert attempts.last_error(tmp_path, contract, Q1) is None


def test_a_failure_before_any_slot_counts_for_all_until_one_is_tried(contract: Contract, tmp_path: Path) -> None:
    attempts.record(tmp_path, contract, [landed(None, "not configured")])
    assert {attempts.last_error(tmp_path, contract, quarter) for quarter in (Q1, Q2)} == {"not configured"}
    attempts.record(tmp_path, contract, [landed(Q2)])
    assert {attempts.last_error(tmp_path, contract, quarter) for quarter in (Q1, Q2)} == {None}


def test_as_of_a_moment_it_is_what_was_known_then(contract: Contract, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    attempts.record(tmp_path, contract, [landed(Q1, "first")])
    between = datetime.now(UTC)
    attempts.record(tmp_path, contract, [landed(Q1, "second")])
    attempts.record(tmp_path, contract, [landed(Q1)])
    assert attempts.last_error(tmp_path, contract, Q1) is None
    assert attempts.last_error(tmp_path, contract, Q1, datetime.now(UTC)) is None
    assert attempts.last_error(tmp_path, contract, Q1, between) == "first"
    # A release's moment is that of its newest extract; the same run may have failed with another a little later.
    assert attempts.last_error(tmp_path, contract, Q1, before - timedelta(seconds=1)) == "first"


def test_the_same_outcome_again_adds_nothing(contract: Contract, tmp_path: Path) -> None:
    for _ in range(3):
        attempts.record(tmp_path, contract, [landed(Q1, "down")])
    (path,) = (tmp_path / "attempts").rglob("*.jsonl")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1


def test_an_unfinished_record_is_not_read_and_goes(contract: Contract, tmp_path: Path) -> None:
    attempts.record(tmp_path, contract, [landed(Q1, "down")])
    (path,) = (tmp_path / "attempts").rglob("*.jsonl")
    killed = path.with_name(f".{path.name}.4711")
    killed.write_text('{"at": "2026', encoding="utf-8")
    assert attempts.last_error(tmp_path, contract, Q1) == "down"
    attempts.remove_leftovers(tmp_path)
    assert list(path.parent.iterdir()) == [path]
