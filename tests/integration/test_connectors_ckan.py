"""The connector `ckan` against a replay of the datastore: it clamps every limit in silence, and fails as CKAN does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.builders import column, files_in, key, make_contract, rows_of
from support.fault_server import Answer, Asked, FaultServer, faults
from support.replays import fetched, recorded, source_of

from sources.config import Source
from sources.contract import Contract
from sources.errors import SourceError

ACTION = "/api/3/action"
RESOURCE = "42c7a4f1-f755-450f-9b5b-31b6085b9b19"
ROWS_MAX = 4
ROWS = [{"_id": n, "ward": "North" if n % 2 else "South", "tonnes": n / 4, "week": n} for n in range(1, 11)]
COLUMNS = {"collection_id": "_id"}


def answered(result: Any) -> Answer:
    return Answer({"help": "https://portal.example/api/3/action/help_show", "success": True, "result": result})


def failed(status: int, kind: str, **told: Any) -> Answer:
    error = {"__type": kind, **told}
    return Answer({"help": "https://portal.example/api/3/action/help_show", "success": False, "error": error}, status)


def search(asked: Asked) -> Answer:
    """datastore_search as CKAN 2.12 answers it; `limit` in the answer is what it made of the one asked for."""
    if asked.query["resource_id"] != RESOURCE:
        return failed(
            404, "Not Found Error", message=f'Not found: Resource "{asked.query["resource_id"]}" was not found.'
        )
    filters = json.loads(asked.query.get("filters", "{}"))
    if unknown := set(filters) - set(ROWS[0]):
        return failed(409, "Validation Error", filters=[f'invalid filter "{name}"' for name in unknown])
    limit, offset = min(int(asked.query["limit"]), ROWS_MAX), int(asked.query["offset"])
    rows = [row for row in ROWS if all(row[name] == value for name, value in filters.items())]
    page = sorted(rows, key=lambda row: row[asked.query["sort"]])[offset : offset + limit]
    return answered(
        {"records": page, "total": len(rows), "limit": limit, "offset": offset, "total_was_estimated": False}
    )


@pytest.fixture
def portal() -> Iterator[FaultServer]:
    with faults({f"{ACTION}/datastore_search": [search]}) as server:
        yield server


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path, key("collection_id"), column("ward"), column("tonnes", "DECIMAL(9,3)", required=True)
    )


def source_at(folder: Path, url: str, contract: Contract, auth: Any = None, **dataset: Any) -> Source:
    connection = {"auth": auth} if auth else {}
    return source_of(folder, "ckan", url, contract, {"resource": RESOURCE, "columns": COLUMNS} | dataset, **connection)


def test_a_clamped_limit_loses_nothing(portal: FaultServer, tmp_path: Path, contract: Contract) -> None:
    landed = fetched(source_at(tmp_path, portal.url, contract), tmp_path)
    assert (landed.error, landed.rows) == (None, 10)
    found = [
        (int(number), ward, float(tonnes))
        for number, ward, tonnes in rows_of(landed.path, "collection_id, ward, tonnes")
    ]
    assert found == [(row["_id"], row["ward"], row["tonnes"]) for row in ROWS]
    assert [asked.query["offset"] for asked in portal.asked] == ["0", "4", "8"]
    assert {(asked.query["limit"], asked.query["sort"]) for asked in portal.asked} == {("32000", "_id")}
    assert rows_of(landed.path, "distinct _source", "1") == [(f"{portal.url}{ACTION}/datastore_search: {RESOURCE}",)]


def test_filters_reach_the_portal(portal: FaultServer, tmp_path: Path, contract: Contract) -> None:
    landed = fetched(source_at(tmp_path, portal.url, contract, filters={"ward": "South"}), tmp_path)
    assert rows_of(landed.path, "distinct ward, count(*) over ()", "1") == [("South", 5)]


def test_a_filter_that_finds_nothing_lands_nothing(portal: FaultServer, tmp_path: Path, contract: Contract) -> None:
    landed = fetched(source_at(tmp_path, portal.url, contract, filters={"ward": "West"}), tmp_path)
    assert landed.error is not None and landed.path is None


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        ({"resource": "gone"}, 'refused with status 404 Not Found: Not found: Resource "gone" was not found. Check'),
        ({"filters": {"wards": "South"}}, 'refused with status 409 Conflict: filters: invalid filter "wards". Ask'),
    ],
)
def test_failures_are_told_in_the_portals_words(
    portal: FaultServer, tmp_path: Path, contract: Contract, dataset: dict[str, Any], told: str
) -> None:
    source = source_at(tmp_path, portal.url, contract, **dataset)
    with pytest.raises(SourceError) as error:
        source.reach()
    landed = fetched(source, tmp_path)
    assert landed.error is not None
    assert told in str(error.value)
    assert told in landed.error


def test_a_failure_with_status_200_is_a_failure(tmp_path: Path, contract: Contract) -> None:
    bad = failed(200, "Search Error", message="Search error", query="month")
    with faults({f"{ACTION}/datastore_search": [bad]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error == (
            f"{server.url}{ACTION}/datastore_search: answered with an error: Search error; query: month."
        )


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"records": [], "total": 10}, "gave 4 of 10 records. Nothing landed; try again."),
        ({"records": ROWS[4:8], "total": 9}, "had 10 records and has 9 now: it is being published anew."),
        ({"records": ROWS[:4], "total": 10}, "paging does not advance: the page at 4 came twice."),
        ({"records": ROWS, "total": 10}, "gave 14 of 10 records."),
    ],
    ids=["an empty page", "another total", "the same page", "too many"],
)
def test_pages_that_do_not_add_up_land_nothing(
    tmp_path: Path, contract: Contract, second: dict[str, Any], said: str
) -> None:
    first = answered({"records": ROWS[:4], "total": 10})
    with faults({f"{ACTION}/datastore_search": [first, answered(second)]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error is not None and said in landed.error
        assert files_in(tmp_path / "data") == []


def test_the_key_goes_into_the_header_and_into_no_message(tmp_path: Path, contract: Contract) -> None:
    def private(asked: Asked) -> Answer:
        shown = asked.headers.get("authorization")
        return failed(403, "Authorization Error", message=f"Access denied to the holder of {shown}")

    auth = {"kind": "api_key", "name": "Authorization", "value": "portal-key-1"}
    with faults({f"{ACTION}/datastore_search": [private]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, auth), tmp_path)
        assert landed.error is not None
        assert "Access denied to the holder of" in landed.error
        assert "portal-key-1" not in landed.error


def test_a_renamed_field_is_named_with_the_nearest(portal: FaultServer, tmp_path: Path, contract: Contract) -> None:
    columns = {**COLUMNS, "tonnes": "tonne"}
    landed = fetched(source_at(tmp_path, portal.url, contract, columns=columns), tmp_path)
    assert landed.error is not None
    assert "no record has the field 'tonne' for made.things.tonnes. Did you mean 'tonnes'?" in landed.error


def test_what_is_no_ckan_is_said(tmp_path: Path, contract: Contract) -> None:
    with (
        faults({f"{ACTION}/datastore_search": [Answer({"nhits": 3})]}) as server,
        pytest.raises(SourceError, match="Is this a CKAN portal"),
    ):
        source_at(tmp_path, server.url, contract).reach()


def test_an_answer_of_another_shape_is_no_crash(tmp_path: Path, contract: Contract) -> None:
    with faults({f"{ACTION}/datastore_search": [answered({"records": [], "total": "many"})]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error is not None
        assert "the answer is not shaped as this platform's answers are (ValueError" in landed.error


def test_a_field_may_have_dots_in_its_name(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("id"), column("amount", "DECIMAL(9,2)", required=True))
    page = answered({"records": [{"_id": 1, "Amount (inc. VAT)": 12.5}], "total": 1})
    with faults({f"{ACTION}/datastore_search": [page]}) as server:
        columns = {"id": "_id", "amount": "Amount (inc. VAT)"}
        landed = fetched(source_at(tmp_path, server.url, contract, columns=columns), tmp_path)
        assert [(row_id, float(amount)) for row_id, amount in rows_of(landed.path, "id, amount")] == [("1", 12.5)]


# --- a resource by its name -------------------------------------------------------------------------------------------


def package(**resource: Any) -> dict[str, list[Any]]:
    resources = [
        {"name": "Collections 2024", "id": "another", "datastore_active": True},
        {"name": "Collections 2025", "id": RESOURCE, "datastore_active": True, "format": "CSV"} | resource,
    ]
    shown = answered({"name": "waste", "resources": resources})
    return {f"{ACTION}/package_show": [shown], f"{ACTION}/datastore_search": [search]}


def test_a_resource_is_found_by_its_name_in_a_package(tmp_path: Path, contract: Contract) -> None:
    with faults(package()) as server:
        source = source_at(tmp_path, server.url, contract, package="waste", resource="Collections 2025")
        assert fetched(source, tmp_path).rows == 10
        assert server.asked[0].query == {"id": "waste"}


def test_a_resource_that_is_called_otherwise_is_suggested(tmp_path: Path, contract: Contract) -> None:
    with faults(package()) as server:
        source = source_at(tmp_path, server.url, contract, package="waste", resource="Colections 2025")
        with pytest.raises(SourceError) as error:
            source.reach()
        assert str(error.value) == (
            "package 'waste': 0 of its resources are called 'Colections 2025'. Did you mean 'Collections 2025'? It "
            "has: 'Collections 2024', 'Collections 2025'. Mend `resource` in the source's YAML."
        )


def test_two_resources_of_one_name_are_no_choice(tmp_path: Path, contract: Contract) -> None:
    with faults(package(name="Collections 2024")) as server:
        source = source_at(tmp_path, server.url, contract, package="waste", resource="Collections 2024")
        with pytest.raises(SourceError, match=r"2 of its resources .* with the id of one of them\."):
            source.reach()


def test_a_resource_that_is_only_a_file_is_for_the_other_connector(tmp_path: Path, contract: Contract) -> None:
    with faults(package(datastore_active=False, url="https://portal.example/waste.csv")) as server:
        source = source_at(tmp_path, server.url, contract, package="waste", resource="Collections 2025")
        with pytest.raises(
            SourceError, match=r"is a file \(CSV\) .* connector 'files' from https://portal.example/waste"
        ):
            source.reach()


def test_recorded_package_of_a_real_portal(tmp_path: Path, contract: Contract) -> None:
    body = recorded("ckan/03_GET_package_search.json")["response"]
    found = body["result"]["results"][0]
    shown = Answer({"help": body["help"], "success": True, "result": found})
    with faults({f"{ACTION}/package_show": [shown], f"{ACTION}/datastore_search": [search]}) as server:
        name = found["resources"][0]["name"]
        source = source_at(tmp_path, server.url, contract, package=found["name"], resource=name)
        assert fetched(source, tmp_path).rows == 10  # the recorded resource has the id that the replay knows


# --- DKAN -------------------------------------------------------------------------------------------------------------


def test_recorded_dkan_page(tmp_path: Path) -> None:
    body = recorded("dkan/dusseldorf/garages.json")
    records = body["result"]["records"]
    contract = make_contract(tmp_path, key("id"), column("name", required=True), column("latitude", "DECIMAL(9,6)"))

    def page(asked: Asked) -> Answer:
        offset = int(asked.query["offset"])
        result = {**body["result"], "records": records[offset : offset + 4], "total": len(records)}
        return Answer({**body, "result": result})

    with faults({"/api/action/datastore/search.json": [page]}) as server:
        source = source_at(
            tmp_path, server.url, contract,
            action="/api/action/datastore/search.json", sort="entry_id", columns={"id": "entry_id"},
        )  # fmt: skip
        landed = fetched(source, tmp_path)
        assert (landed.error, landed.rows, landed.rejected) == (None, len(records), 0)
        assert server.asked[0].query["sort"] == "entry_id"
