"""Addresses in the fictional city: what requests without a key are matched to, and where that may be read."""

from __future__ import annotations

import stat
from pathlib import Path

import duckdb
import pytest
from support.pipeline import Quarter


@pytest.fixture(scope="module")
def matches(city: Quarter) -> str:
    """SQL for what has been matched."""
    return f"read_parquet('{city.vitals.data}/raw/addresses/matches/*/*.parquet')"


@pytest.fixture(scope="module")
def requests(city: Quarter) -> str:
    """SQL for the customer system's own records, with the home that is meant, which it never tells."""
    (path,) = (city.vitals.base / "sandbox" / "brigstow").glob("*/requests.parquet")
    return f"read_parquet('{path}')"


def restricted(city: Quarter) -> Path:
    return city.vitals.data / "restricted.duckdb"


def test_most_addresses_are_found_and_nearly_all_of_them_rightly(city: Quarter, matches: str, requests: str) -> None:
    with duckdb.connect() as con:
        found, right, could_be = con.execute(f"""
            with meant as (select address, any_value(meant_uprn) as uprn from {requests} group by address)
            select count(matches.uprn), count(*) filter (matches.uprn = meant.uprn), count(meant.uprn)
            from {matches} as matches inner join meant on meant.address = matches.address_text
        """).fetchall()[0]
    assert could_be > 400
    assert right / found > 0.96  # seen: 0.99
    assert right / could_be > 0.8  # seen: 0.89


def test_weak_matches_are_left_unmatched_and_counted(city: Quarter, matches: str) -> None:
    with duckdb.connect() as con:
        kinds = dict(con.execute(f"select match_kind, count(*) from {matches} group by all").fetchall())
        keyed = con.execute(f"select distinct match_kind from {matches} where uprn is not null order by 1").fetchall()
    assert keyed == [("exact",), ("probable",)]
    counted = city.vitals.ask("select sum(matched), sum(unmatched_weak), sum(unmatched) from insight.area_demand")[0]
    # A text may have been written of two requests.
    for requests, texts in zip(
        counted, (kinds["exact"] + kinds["probable"], kinds["weak"], kinds["none"]), strict=True
    ):
        assert texts <= requests <= texts + 10


@pytest.mark.parametrize(
    ("column", "records"),
    [("requests", "core.fct_service_requests"), ("complaints", "(from core.fct_complaints where stage = 1)")],
)
def test_every_request_and_complaint_is_in_one_area_or_in_none(city: Quarter, column: str, records: str) -> None:
    expected = city.vitals.ask(
        f"select count(*) from {records} cross join core.dim_council "
        "where received_date between first_period_start and reporting_period_end"
    )
    assert city.vitals.ask(f"select sum({column}) from insight.area_demand") == expected


def test_demand_by_address_is_for_its_owner_alone(city: Quarter) -> None:
    assert stat.S_IMODE(restricted(city).stat().st_mode) == 0o600
    with duckdb.connect(str(restricted(city)), read_only=True) as con:
        addresses, keyed, matched = con.execute(
            "select count(*), count(distinct uprn), sum(matched) from address_demand"
        ).fetchall()[0]
    assert addresses == keyed > 30_000
    assert [(matched,)] == city.vitals.ask("select sum(matched) from insight.area_demand")


def test_no_address_is_told_anywhere_else(city: Quarter, matches: str) -> None:
    """Not in curated, releases, or what the machinery remembers: neither what was written nor what it is."""
    with duckdb.connect() as con:
        told = con.execute(
            f"select address_text, uprn from {matches} where uprn is not null order by uprn limit 20"
        ).fetchall()
    wanted = [text for pair in told for text in pair]
    allowed = {city.vitals.data / name for name in ("raw", "rejected")}
    searched = 0
    for path in city.vitals.data.rglob("*"):
        if path.is_file() and path != restricted(city) and not allowed & set(path.parents):
            content = path.read_bytes()
            assert [text for text in wanted if text.encode() in content] == [], path
            searched += 1
    assert searched > 50
    known = ", ".join(f"'{text.replace(chr(39), chr(39) * 2)}'" for text in wanted)
    with duckdb.connect(str(city.vitals.curated), read_only=True) as con:
        tables = con.execute("""
            select schema_name, table_name, list(column_name)
            from duckdb_columns() where data_type = 'VARCHAR'
            and (schema_name, table_name) in (select (schema_name, table_name) from duckdb_tables())
            group by all order by all
        """).fetchall()
        assert len(tables) > 50
        for schema, table, columns in tables:
            told_in = " or ".join(f'"{column}" in ({known})' for column in columns)
            found = con.execute(f'select count(*) from {schema}."{table}" where {told_in}').fetchall()
            assert found == [(0,)], f"{schema}.{table}"
    assert city.vitals.ask("select * from information_schema.schemata where schema_name = 'restricted'") == []
