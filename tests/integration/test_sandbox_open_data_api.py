"""The open-data catalogue over real HTTP: envelopes, limits and exports of Opendatasoft's Explore API v2.1."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
import requests

from sources.sandbox.open_data_api import OpenDataApi

TABLE = pa.table({"code": [f"X{n:03d}" for n in range(250)], "year": list(range(250)), "tonnes": [0.5] * 250})


@pytest.fixture(scope="module")
def catalogue() -> Iterator[str]:
    with OpenDataApi({"emissions": TABLE}).serve() as address:
        yield f"{address}/api/explore/v2.1/catalog/datasets"


def get(address: str, **params: Any) -> requests.Response:
    return requests.get(address, params=params, timeout=10)


def test_records_come_in_an_envelope_ten_at_a_time(catalogue: str) -> None:
    body = get(f"{catalogue}/emissions/records").json()
    assert body["total_count"] == 250
    assert body["results"] == TABLE.slice(0, 10).to_pylist()


def test_records_can_be_paged(catalogue: str) -> None:
    found = []
    for offset in range(0, 300, 100):
        found += get(f"{catalogue}/emissions/records", limit=100, offset=offset).json()["results"]
    assert found == TABLE.to_pylist()


def test_records_can_be_ordered(catalogue: str) -> None:
    body = get(f"{catalogue}/emissions/records", limit=2, order_by="tonnes, year desc").json()
    assert [row["year"] for row in body["results"]] == [249, 248]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"limit": 100, "offset": 9899}, 200),
        ({"limit": 100, "offset": 9900}, 400),
        ({"limit": 101}, 400),
        ({"limit": -2}, 400),
        ({"offset": -1}, 400),
        ({"limit": "all"}, 400),
        ({"order_by": "nothing"}, 400),
        ({"where": "year > 3"}, 400),
    ],
)
def test_limits_are_those_of_the_real_service(catalogue: str, params: dict[str, Any], status: int) -> None:
    answer = get(f"{catalogue}/emissions/records", **params)
    assert answer.status_code == status
    if status == 400:
        assert answer.json().keys() == {"error_code", "message"}


@pytest.mark.parametrize("path", ["nothing", "nothing/records", "emissions/facets", "emissions/exports"])
def test_what_is_not_there_is_an_error_with_a_code(catalogue: str, path: str) -> None:
    answer = get(f"{catalogue}/{path}")
    assert answer.status_code == 404
    assert answer.json().keys() == {"error_code", "message"}


def test_a_dataset_describes_itself(catalogue: str) -> None:
    body = get(f"{catalogue}/emissions").json()
    assert [(field["name"], field["type"]) for field in body["fields"]] == [
        ("code", "text"),
        ("year", "int"),
        ("tonnes", "double"),
    ]
    assert body["metas"]["default"]["records_count"] == 250


def test_the_csv_export_has_semicolons_and_a_byte_order_mark(catalogue: str) -> None:
    content = get(f"{catalogue}/emissions/exports/csv").content
    assert content.startswith(b"\xef\xbb\xbfcode;year;tonnes\r\n")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
    assert len(rows) == 250
    plain = get(f"{catalogue}/emissions/exports/csv", delimiter=",", with_bom="false", limit=1).content
    assert plain == b"code,year,tonnes\r\nX000,0,0.5\r\n"


def test_exports_give_all_rows_as_json_too(catalogue: str) -> None:
    lines = get(f"{catalogue}/emissions/exports/jsonl", limit=-1).content.splitlines()
    assert [json.loads(line) for line in lines] == TABLE.to_pylist()
    assert get(f"{catalogue}/emissions/exports/json").json() == TABLE.to_pylist()
    assert get(f"{catalogue}/emissions/exports/shp").status_code == 400
