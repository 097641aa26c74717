"""Staging of increments: the newest version of every key is kept, a deleted one is gone, and each increment does it."""

from __future__ import annotations

import duckdb
import pytest
from support.dbt_project import PROJECT, render

from sources.contract import Contract, load_contracts

INCREMENTS = [contract for contract in load_contracts().values() if contract.load == "incremental"]
VERSIONS = """
    create view versions as select * from (values
        ('A', 'old', false, date '2026-04-01', timestamp '2026-07-10', 1),
        ('A', 'new', false, date '2026-07-01', timestamp '2026-10-10', 9),
        ('B', 'read later', false, date '2026-04-01', timestamp '2026-10-12', 2),
        ('B', 'updated later', false, date '2026-07-01', timestamp '2026-10-10', 1),
        ('C', 'there', false, date '2026-04-01', timestamp '2026-07-10', 3),
        ('C', 'gone', true, date '2026-07-01', timestamp '2026-10-10', 2),
        ('D', 'gone', true, date '2026-04-01', timestamp '2026-07-10', 4),
        ('D', 'back', null, date '2026-07-01', timestamp '2026-10-10', 3),
        ('E', 'first', false, date '2026-04-01', timestamp '2026-07-10', 5),
        ('E', 'second', false, date '2026-04-01', timestamp '2026-07-10', 6)
    ) as t(ref, note, is_deleted, _period_start, _extracted_at, _row_number)
"""


def newest(arguments: str) -> dict[str, str]:
    select = render(f"select ref, note from {{{{ newest_version('versions', {arguments}) }}}} as newest")
    with duckdb.connect() as con:
        con.execute(VERSIONS)
        found = con.execute(select).fetchall()
    assert len(dict(found)) == len(found), "one row per key"
    return dict(found)


def test_the_row_of_the_latest_quarter_is_the_newest_version() -> None:
    assert newest("['ref']") == {"A": "new", "B": "updated later", "C": "gone", "D": "back", "E": "second"}


def test_a_key_whose_newest_version_is_deleted_is_gone() -> None:
    assert newest("['ref'], 'is_deleted'") == {"A": "new", "B": "updated later", "D": "back", "E": "second"}


@pytest.mark.parametrize("contract", INCREMENTS, ids=lambda contract: contract.name)
def test_every_increment_is_staged_in_its_newest_version(contract: Contract) -> None:
    model = (PROJECT / "models" / "staging" / f"stg_{contract.table}.sql").read_text(encoding="utf-8")
    key = ", ".join(f"'{name}'" for name in contract.key)
    deleted = f", '{contract.deleted_column}'" if contract.deleted_column else ""
    assert f"newest_version(source('raw', '{contract.table}'), [{key}]{deleted})" in model
