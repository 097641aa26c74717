"""The connector `opendatasoft` against a portal whose exports can fail inside an answer with status 200."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.builders import Q1, Q2, column, files_in, key, make_contract, make_source, rows_of
from support.fault_server import Answer, Asked, FaultServer, faults
from support.replays import recorded, source_of

from sources.config import Source
from sources.contract import Contract
from sources.errors import SourceError
from sources.landing import Landed, land

BASE = "/api/explore/v2.1/catalog/datasets/emissions"
ROWS = [{"code": f"E0600000{number}", "year": 2020 + number, "kt": 1.5 * number} for number in range(1, 5)]


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path, key("area_code"), column("calendar_year", "integer", required=True), column("kt", "DECIMAL(14,4)")
    )


def lines(*rows: Any) -> Answer:
    body = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    return Answer(body, content_type="application/jsonl")


@contextmanager
def portal(export: Answer, total: int = 4) -> Iterator[FaultServer]:
    counted = Answer({"total_count": total, "results": ROWS[:1]})
    with faults({f"{BASE}/records": [counted], f"{BASE}/exports/jsonl": [export]}) as server:
        yield server


def source_at(folder: Path, url: str, contract: Contract, **dataset: Any) -> Source:
    columns = {"area_code": "code", "calendar_year": "year"}
    document = {
        "system": "made",
        "owner": "owner@brigstow.example",
        "connector": "opendatasoft",
        "connection": {"base_url": url},
        "datasets": {"things": {"dataset": "emissions", "columns": columns} | dataset},
    }
    return make_source(folder, document, {contract.name: contract})


def fetched(folder: Path, url: str, contract: Contract, **dataset: Any) -> Landed:
    source = source_at(folder, url, contract, **dataset)
    (landed,) = land(contract, source.extract("things", [Q1, Q2]), folder / "data", [Q1, Q2])
    return landed


def test_an_export_lands_whole(tmp_path: Path, contract: Contract) -> None:
    with portal(lines(*ROWS)) as server:
        landed = fetched(tmp_path, server.url, contract, where="year > 2020")
        assert (landed.error, landed.rejected, landed.quarter) == (None, 0, None)
        found = [(code, year, float(kt)) for code, year, kt in rows_of(landed.path, "area_code, calendar_year, kt")]
        assert found == [(row["code"], row["year"], row["kt"]) for row in ROWS]
        count, export = server.asked
        assert count.query == {"limit": "1", "where": "year > 2020"}
        assert export.query == {"limit": "-1", "where": "year > 2020"}
        assert rows_of(landed.path, "distinct _source", "1") == [(f"{server.url}{BASE}/exports/jsonl",)]


def test_more_records_than_a_page_holds(tmp_path: Path, contract: Contract) -> None:
    many = [{"code": f"E{number:08}", "year": 2024, "kt": None} for number in range(10_001)]
    with portal(lines(*many), len(many)) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.rows == 10_001
        assert rows_of(landed.path, "max(_source_row), count(distinct _source_row)", "1") == [(10_001, 10_001)]


def test_an_export_shorter_than_the_count_lands_nothing(tmp_path: Path, contract: Contract) -> None:
    with portal(lines(*ROWS[:3])) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error == (
            f"{server.url}{BASE}/exports/jsonl: the export gave 3 of 4 records. Nothing landed; try again."
        )
        assert files_in(tmp_path / "data") == []


@pytest.mark.parametrize(
    "last",
    [
        {"message": "Internal error", "error_code": "InternalError"},
        {"errorcode": 10002, "error": "Too many requests on the domain.", "reset_time": "2026-01-01T00:00:00Z"},
    ],
)
@pytest.mark.parametrize("good", [2, 3], ids=["short of the count", "as many lines as records"])
def test_an_error_in_place_of_a_record_lands_nothing(
    tmp_path: Path, contract: Contract, last: dict[str, Any], good: int
) -> None:
    with portal(lines(*ROWS[:good], last)) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error is not None
        assert landed.error.startswith(
            f"{server.url}{BASE}/exports/jsonl: the export broke off at record {good + 1} of 4"
        )
        assert str(next(iter(last.values()))) in landed.error
        assert files_in(tmp_path / "data") == []


def test_an_export_that_breaks_off_inside_a_record_lands_nothing(tmp_path: Path, contract: Contract) -> None:
    body = lines(*ROWS).body
    with portal(Answer(body[:-20])) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error is not None
        assert landed.error.startswith(
            f'{server.url}{BASE}/exports/jsonl: the export broke off at record 4 of 4: b\'{{"code"'
        )
        assert landed.error.endswith("Try again later.")
        assert files_in(tmp_path / "data") == []


def test_a_dataset_that_the_portal_does_not_know(tmp_path: Path, contract: Contract) -> None:
    unknown = Answer({"message": "Unknown dataset", "error_code": "ODSQLError"}, 404)
    with faults({f"{BASE}/records": [unknown]}) as server:
        source = source_at(tmp_path, server.url, contract)
        with pytest.raises(
            SourceError, match=r"refused with status 404 Not Found: Unknown dataset \(ODSQLError\)\. Check the path\."
        ):
            source.reach()
        (landed,) = land(contract, source.extract("things", [Q1]), tmp_path / "data", [Q1])
        assert landed.error is not None and "status 404" in landed.error


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"nhits": 4, "parameters": {}, "records": []}, "answers as Explore v1.0 does"),
        ({"total": 4, "links": [], "records": [{"record": {"id": "1", "fields": {}}}]}, "answers as Explore v2.0 does"),
        ({"results": ROWS}, "the answer has no total_count"),
    ],
)
def test_a_portal_that_speaks_another_version_is_named(
    tmp_path: Path, contract: Contract, body: dict[str, Any], said: str
) -> None:
    with faults({f"{BASE}/records": [Answer(body)]}) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error == (
            f"{BASE}/records: {said}; this connector reads v2.1. Check connection.base_url, or ask the portal's owner."
        )


@pytest.mark.parametrize("name", ["v1.0_brussels/garages", "v1.0_eindhoven/zero_results", "v1.0_namur/no_parking"])
def test_recorded_portals_of_the_first_version_are_named(tmp_path: Path, contract: Contract, name: str) -> None:
    with faults({f"{BASE}/records": [Answer(recorded(f"opendatasoft/{name}.json"))]}) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error is not None and "answers as Explore v1.0 does; this connector reads v2.1" in landed.error


def test_recorded_records_land_as_they_are(tmp_path: Path) -> None:
    body = recorded("opendatasoft/v2.1_examples_from_openapi.json")["records-v2.1"]["value"]
    contract = make_contract(
        tmp_path, key("id"), column("name", required=True), column("lat", "DECIMAL(9,5)"), column("others")
    )
    columns = {"id": "geoname_id", "lat": "coordinates.lat", "others": "alternate_names"}
    with portal(lines(*body["results"]), len(body["results"])) as server:
        landed = fetched(tmp_path, server.url, contract, columns=columns)
        assert (landed.error, landed.rows) == (None, len(body["results"]))
        first = body["results"][0]
        name, lat, others = rows_of(landed.path, "name, lat, others")[0]
        assert (name, float(lat)) == (first["name"], first["coordinates"]["lat"])
        assert json.loads(others) == first["alternate_names"]


def test_a_spent_quota_says_until_when(tmp_path: Path, contract: Contract) -> None:
    spent = {
        "errorcode": 10002,
        "error": "Too many requests on the domain. Please contact the domain administrator.",
        "reset_time": "2026-01-01T00:00:00Z",
        "limit_time_unit": "day",
        "call_limit": 10_000,
    }
    with faults({f"{BASE}/records": [Answer(spent, 403)]}) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error is not None
        assert (
            "10000 calls a day are allowed, the next from 2026-01-01T00:00:00Z; a key (connection.auth)" in landed.error
        )


def test_a_portal_that_asks_for_hours_is_left_alone(tmp_path: Path, contract: Contract) -> None:
    busy = Answer({"errorcode": 10002, "error": "Too many requests"}, 429, {"Retry-After": "40000"})
    with faults({f"{BASE}/records": [busy]}) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error is not None and "asks to be left alone for 40,000 seconds" in landed.error
        assert server.times(f"{BASE}/records") == 1


def test_a_wrong_filter_is_told_in_the_portals_words(tmp_path: Path, contract: Contract) -> None:
    refused = Answer({"message": "ODSQL query is malformed: Unknown field: years", "error_code": "ODSQLError"}, 400)
    with faults({f"{BASE}/records": [refused]}) as server:
        landed = fetched(tmp_path, server.url, contract, where="years > 2020")
        assert landed.error is not None
        assert "status 400 Bad Request: ODSQL query is malformed: Unknown field: years (ODSQLError)" in landed.error


def test_the_key_goes_into_the_header_and_into_no_message(tmp_path: Path, contract: Contract) -> None:
    def counted(asked: Asked) -> Answer:
        if asked.headers.get("authorization") != "Apikey secret-of-ours":
            return Answer({"message": "Not for you", "error_code": "Unauthorized"}, 401)
        return Answer({"total_count": 4, "results": []})

    def export(asked: Asked) -> Answer:
        return Answer({"message": f"{asked.headers['authorization']} may not export", "error_code": "Forbidden"}, 403)

    auth = {"kind": "api_key", "name": "Authorization", "prefix": "Apikey ", "value": "secret-of-ours"}
    with faults({f"{BASE}/records": [counted], f"{BASE}/exports/jsonl": [export]}) as server:
        columns = {"area_code": "code", "calendar_year": "year"}
        source = source_of(
            tmp_path, "opendatasoft", server.url, contract, {"dataset": "emissions", "columns": columns}, auth=auth
        )
        source.reach()
        (landed,) = land(contract, source.extract("things", [Q1]), tmp_path / "data", [Q1])
        assert landed.error is not None and "may not export (Forbidden)" in landed.error
        assert "secret" not in landed.error


def test_a_renamed_field_is_named_with_the_nearest(tmp_path: Path, contract: Contract) -> None:
    with portal(lines(*ROWS)) as server:
        landed = fetched(tmp_path, server.url, contract, columns={"area_code": "la_code", "calendar_year": "year"})
        assert landed.error is not None
        assert "no record has the field 'la_code' for made.things.area_code. Did you mean 'code'?" in landed.error


def test_reaching_asks_for_the_count_alone(tmp_path: Path, contract: Contract) -> None:
    with portal(lines(*ROWS)) as server:
        source_at(tmp_path, server.url, contract).reach()
        assert [asked.path for asked in server.asked] == [f"{BASE}/records"]


def test_an_answer_of_another_shape_is_no_crash(tmp_path: Path, contract: Contract) -> None:
    with faults({f"{BASE}/records": [Answer({"total_count": None})]}) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error is not None and "not shaped as this platform's answers are (TypeError" in landed.error
