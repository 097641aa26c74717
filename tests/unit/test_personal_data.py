"""Columns that contracts mark personal end at staging, pseudonyms end at core: whatever they are called on the way."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import pytest
import sqlglot
import yaml
from sqlglot import exp
from support.dbt_project import DIALECT, PROJECT, models, parsed
from support.lineage import Leak, leaks

from sources.contract import LINEAGE, load_contracts

LAYERS = {path.stem: path.relative_to(PROJECT / "models").parts[0] for path in models()}
AFTER_STAGING = {"core", "measures", "values", "insight", "marts"}
AFTER_CORE = AFTER_STAGING - {"core"}


def marked(classification: str) -> set[tuple[str, str]]:
    return {
        (f"raw.{contract.table}", column.name)
        for contract in load_contracts().values()
        for column in contract.columns
        if column.classification == classification
    }


@lru_cache
def raw_tables() -> dict[str, list[str]]:
    """Every table that models read and no model makes, with its columns: those of raw, and what the build fills in."""
    raw = {f"raw.{c.table}": [*(column.name for column in c.columns), *LINEAGE] for c in load_contracts().values()}
    queries = [parsed(path) for path in models()]
    built = {
        f"{table.db}.{table.name}": sorted({column.name for column in query.find_all(exp.Column)})
        for query in queries
        for table in query.find_all(exp.Table)
        if table.db
    }
    return built | raw


def test_no_column_after_staging_derives_from_a_personal_one() -> None:
    queries = {path.stem: parsed(path) for path in models()}
    personal = marked("personal")
    assert {("raw.complaints__cases", "uprn"), ("raw.hr__absences", "reason")} <= personal
    assert list(map(str, leaks(queries, raw_tables(), personal, lambda name: LAYERS[name] in AFTER_STAGING))) == []


def test_no_column_after_core_derives_from_a_pseudonym() -> None:
    queries = {path.stem: parsed(path) for path in models()}
    pseudonyms = marked("pseudonymised")
    assert {("raw.hr__employees", "employee_id"), ("raw.hr__absences", "absence_id")} <= pseudonyms
    found = leaks(queries, raw_tables(), pseudonyms, lambda name: LAYERS[name] in AFTER_CORE, counts_may=True)
    assert list(map(str, found)) == []
    assert leaks(queries, raw_tables(), pseudonyms, lambda name: name == "fct_absence_months") == [
        Leak("fct_absence_months", "absence_id", ("raw.hr__absences", "absence_id"))
    ], "in core they may stand, and are found"


def test_only_restricted_views_tell_an_address() -> None:
    """No table of the build holds them, and no other model reads them: publish() alone writes them, elsewhere."""
    queries = {path.stem: parsed(path) for path in models()}
    restricted = {name for name, layer in LAYERS.items() if layer == "restricted"}
    told = leaks(queries, raw_tables(), marked("personal"), lambda name: LAYERS[name] == "restricted")
    assert {(leak.model, leak.column) for leak in told} == {("address_demand", "uprn")}
    read = {table.name for query in queries.values() for table in query.find_all(exp.Table)}
    assert restricted and not restricted & read
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    assert project["models"]["council_vitals"]["restricted"]["+materialized"] == "view"
    assert set(LAYERS.values()) == AFTER_STAGING | {"staging", "restricted"}, "every layer is spoken for"


# What the three tests above see, tried on small projects that leak


SOURCES = {"raw.cases": ["case_id", "uprn", "opened", "tags"], "raw.wards": ["uprn", "ward"]}
STAGING = "select case_id, uprn, uprn as place, opened, tags from raw.cases"
LEAKS = {
    "as it is": "select uprn from stg",
    "under another name": "select place from stg",
    "under another name of its own": "select s.uprn as location from stg as s",
    "changed": "select upper(substring(uprn, 1, 5)) as area from stg",
    "told apart": "select case when uprn is null then 0 else 1 end as has_address from stg",
    "counted": "select count(distinct uprn) as addresses from stg",
    "through a star": "select * from stg",
    "through a query with a name": "with found as (select place as x from stg) select f.x as y from found as f",
    "through a star with a name": "with found as (select * from stg) select place from found",
    "through a query in from": "select x from (select uprn as x from stg) as inner_query",
    "through a query in select": "select (select max(i.uprn) from stg as i where i.tags = o.tags) as y from stg as o",
    "through one side of a union": "select case_id as id from stg union all select place as id from stg",
    "through a window": "select first_value(uprn) over (order by opened) as first_place from stg",
    "through a join": "select w.ward, s.place from raw.wards as w inner join stg as s using (uprn)",
    "from another table": "select concat(w.uprn, w.ward) as both from raw.wards as w",
    "through the letters of a list": "select letter from stg lateral view explode(split(uprn, '')) parts as letter",
}
SOUND = {
    "filtered by": "select case_id from stg where uprn is not null",
    "joined on": "select s.case_id, w.ward from stg as s inner join raw.wards as w on w.uprn = s.uprn",
    "beside it": "select case_id, opened from (select * from stg) as all_of_it",
    "another column of that name": "select opened as uprn from stg",
    "from a list of something else": "select tag from stg lateral view explode(split(tags, ',')) parts as tag",
}


def project(query: str) -> Mapping[str, exp.Query]:
    texts = {"stg": STAGING, "core": query, "mart": "select * from core"}
    return {name: sqlglot.parse_one(text, read=DIALECT) for name, text in texts.items()}  # type: ignore[misc]


def found(query: str, **settings: bool) -> set[str]:
    personal = {("raw.cases", "uprn"), ("raw.wards", "uprn")}
    return {leak.model for leak in leaks(project(query), SOURCES, personal, lambda name: name != "stg", **settings)}


@pytest.mark.parametrize("query", LEAKS.values(), ids=LEAKS.keys())
def test_a_leak_is_found_there_and_further_on(query: str) -> None:
    assert found(query) == {"core", "mart"}


@pytest.mark.parametrize("query", SOUND.values(), ids=SOUND.keys())
def test_what_does_not_derive_is_none(query: str) -> None:
    assert found(query) == set()


def test_a_count_is_no_pseudonym() -> None:
    assert found(LEAKS["counted"], counts_may=True) == set()
    assert found("select count(*) as n, min(uprn) as least from stg", counts_may=True) == {"core", "mart"}


def test_a_leak_says_where() -> None:
    (leak,) = leaks(project("select place as location from stg"), SOURCES, {("raw.cases", "uprn")}, "core".__eq__)
    assert str(leak) == "core.location derives from raw.cases.uprn"
