"""In force, not refreshed, awaited, late: what a dataset is for a quarter on a given day."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import pytest
from support.builders import Q1, Q2, column, extract_of, make_contract

from orchestration import attempts
from orchestration.freshness import Freshness, freshness
from orchestration.settings import Settings
from sources.contract import Contract
from sources.landing import Landed, extracts_in_force, land

OWED = date(2025, 7, 10)  # ten days after the first quarter's end


@pytest.fixture
def town(tmp_path: Path) -> Settings:
    return Settings("brigstow", tmp_path)


def contract_of(folder: Path, load: str = "snapshot", latency: int | None = 10) -> Contract:
    return dataclasses.replace(make_contract(folder, column("name"), load=load), latency_days=latency)


def found(town: Settings, contract: Contract, today: date) -> Freshness:
    return freshness(town, contract, extracts_in_force(contract, town.data), Q1, today)


def test_what_has_landed_is_in_force_however_late_it_came(town: Settings) -> None:
    contract = contract_of(town.base)
    land(contract, [extract_of(contract, [{"name": "a"}], Q1)], town.data, [Q1])
    fresh = found(town, contract, date(2029, 1, 1))
    assert (fresh.state, fresh.in_time) == ("in force", True)
    assert fresh.last_extract is not None


@pytest.mark.parametrize(
    ("today", "state", "in_time"),
    [
        (OWED, "awaited by 10 Jul 2025", True),
        (date(2025, 7, 11), "late by 1 day", False),
        (date(2025, 7, 22), "late by 12 days", False),
    ],
)
def test_what_is_missing_is_awaited_until_it_is_due(town: Settings, today: date, state: str, in_time: bool) -> None:
    contract = contract_of(town.base)
    land(contract, [extract_of(contract, [{"name": "a"}], Q2)], town.data, [Q2])  # of another quarter
    fresh = found(town, contract, today)
    assert (fresh.state, fresh.in_time, fresh.due) == (state, in_time, OWED)


def test_without_a_latency_missing_is_missing(town: Settings) -> None:
    fresh = found(town, contract_of(town.base, latency=None), OWED)
    assert (fresh.state, fresh.in_time, fresh.due) == ("missing", False, None)


def test_what_could_not_be_read_again_is_not_refreshed(town: Settings) -> None:
    contract = contract_of(town.base)
    land(contract, [extract_of(contract, [{"name": "a"}], Q1)], town.data, [Q1])
    attempts.record(town.data, contract, [Landed(contract.dataset, Q1, None, 0, 0, False, {}, (), "It is down.")])
    fresh = found(town, contract, OWED)
    assert (fresh.state, fresh.in_time, fresh.error) == ("not refreshed", False, "It is down.")


def test_an_error_before_the_due_day_is_told_all_the_same(town: Settings) -> None:
    contract = contract_of(town.base)
    attempts.record(town.data, contract, [Landed(contract.dataset, Q1, None, 0, 0, False, {}, (), "It is down.")])
    fresh = found(town, contract, OWED)
    assert (fresh.state, fresh.in_time) == ("awaited by 10 Jul 2025", False)
