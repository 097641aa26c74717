"""The connector `lg_inform` against a replay of what the service is assumed to answer: no recording was at hand."""

from __future__ import annotations

import hmac
import logging
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from support.builders import column, files_in, key, make_contract, rows_of
from support.fault_server import Answer, Asked, faults
from support.replays import fetched, source_of

from sources import secrets
from sources.config import Source
from sources.contract import Contract
from sources.errors import ConfigurationError, SourceError

PATH = "/data.csv"
KEY, SECRET = "Application-Key-Value", "Signing-Secret-Value"
AREAS = ["E08000009", "E92000001", "Trafford_CIPFA_Near_Neighbours"]
COLUMNS = {
    "area_code": "area",
    "area_name": "area label",
    "period": "period",
    "metric": "metric type",
    "value": "value",
}
HEADER = "area,area label,area long label,2022,2023\n"
TABLE = (
    f"{HEADER}"
    "area,area label,area long label,2022/23,2023/24\n"
    "E08000009,Trafford,Trafford Metropolitan District,12.5,13\n"
    "E92000001,England,England,11.1,\n"
)


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path,
        key("area_code", 1), key("period", 2), key("metric", 3), column("area_name"), column("value", "DECIMAL(9,2)"),
    )  # fmt: skip


def table(text: str = TABLE) -> Answer:
    return Answer(text.encode(), content_type="text/csv")


def source_at(
    folder: Path, url: str, contract: Contract, connection: dict[str, Any] | None = None, **dataset: Any
) -> Source:
    auth = {"kind": "api_key", "name": "ApplicationKey", "in": "query", "value": KEY}
    described = {"metric_types": [6080], "areas": AREAS, "columns": COLUMNS} | dataset
    return source_of(folder, "lg_inform", url, contract, described, **({"auth": auth} | (connection or {})))


def test_a_wide_table_becomes_a_row_for_each_period(tmp_path: Path, contract: Contract) -> None:
    with faults({PATH: [table()]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert (landed.error, landed.rejected) == (None, 0)
        found = [(code, name, period, metric, value and float(value)) for code, name, period, metric, value in rows_of(
            landed.path, "area_code, area_name, period, metric, value"
        )]  # fmt: skip
        assert found == [
            ("E08000009", "Trafford", "2022", "6080", 12.5),
            ("E08000009", "Trafford", "2023", "6080", 13.0),
            ("E92000001", "England", "2022", "6080", 11.1),
            ("E92000001", "England", "2023", "6080", None),
        ]
        (asked,) = server.asked
        assert asked.query == {
            "metricType": "6080",
            "area": ",".join(AREAS),
            "period": "latest:8",
            "rowGrouping": "area",
            "columnGrouping": "period",
            "ApplicationKey": KEY,
        }
        assert rows_of(landed.path, "distinct _source", "1") == [(f"{server.url}{PATH}",)]


def test_labels_of_periods_stand_in_the_header_that_comes_again(tmp_path: Path, contract: Contract) -> None:
    with faults({PATH: [table()]}) as server:
        columns = {**COLUMNS, "period": "period label"}
        landed = fetched(source_at(tmp_path, server.url, contract, columns=columns), tmp_path)
        assert rows_of(landed.path, "period")[:2] == [("2022/23",), ("2023/24",)]


def test_a_header_between_the_rows_names_the_periods_below_it(tmp_path: Path, contract: Contract) -> None:
    text = (
        f"{HEADER}E08000009,Trafford,Trafford,1,2\n{HEADER}E92000001,England,England,3,4\n"
        "area,area label,area long label,2024,2025\nE08000009,Trafford,Trafford,5,6\n"
    )
    with faults({PATH: [table(text)]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert [
            (area, period, int(value)) for area, period, value in rows_of(landed.path, "area_code, period, value")
        ] == [
            ("E08000009", "2022", 1),
            ("E08000009", "2023", 2),
            ("E92000001", "2022", 3),
            ("E92000001", "2023", 4),
            ("E08000009", "2024", 5),
            ("E08000009", "2025", 6),
        ]


def test_every_measure_is_a_call_of_its_own(tmp_path: Path, contract: Contract) -> None:
    with faults({PATH: [table()]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, metric_types=[6080, 8166], period="2022"), tmp_path)
        assert landed.rows == 8
        assert {metric for (metric,) in rows_of(landed.path, "metric")} == {"6080", "8166"}
        assert [asked.query["metricType"] for asked in server.asked] == ["6080", "8166"]
        assert {asked.query["period"] for asked in server.asked} == {"2022"}


def test_an_area_without_a_row_is_noted(tmp_path: Path, contract: Contract) -> None:
    with faults({PATH: [table()]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, areas=["E08000009", "E06000023"]), tmp_path)
        assert landed.notes == ("metric type 6080 has nothing of E06000023",)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (table(""), "is no table of areas by periods. It begins: ''"),
        (table("area,area label\nE08000009,Trafford\n"), "is no table of areas by periods"),
        (table("No data for this subscription"), "It begins: 'No data for this subscription'"),
        (table(f"{TABLE}E06000023,Bristol,Bri"), "a record has 3 cells where the header has 5"),
        (Answer(b"<html>Sign in", content_type="text/html"), "(a login or maintenance page?)"),
    ],
    ids=["nothing", "no periods", "words", "torn", "a page"],
)
def test_an_answer_that_is_no_table_lands_nothing(
    tmp_path: Path, contract: Contract, answer: Answer, said: str
) -> None:
    with faults({PATH: [answer]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error is not None and said in landed.error
        assert files_in(tmp_path / "data") == []


def test_calls_are_signed_where_there_is_a_secret(tmp_path: Path, contract: Contract) -> None:
    with faults({PATH: [table()]}) as server:
        assert fetched(source_at(tmp_path, server.url, contract, {"secret": SECRET}), tmp_path).rows == 4
        *signed, (last, signature) = server.asked[0].query.items()
        assert last == "Signature"
        address = f"{server.url}{PATH}?{urlencode(signed)}"
        assert signature == b64encode(hmac.digest(SECRET.encode(), address.encode(), "sha1")).decode()
        assert dict(signed)["ApplicationKey"] == KEY


@pytest.fixture
def guarded_logs() -> Iterator[None]:
    former = logging.getLogRecordFactory()
    secrets.guard_logs()
    yield
    logging.setLogRecordFactory(former)


@pytest.mark.parametrize("secret", [{}, {"secret": "${LG_INFORM_SECRET}"}], ids=["key", "key and secret"])
def test_key_and_secret_stand_in_no_message_and_no_log(
    tmp_path: Path,
    contract: Contract,
    secret: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    guarded_logs: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refusing(asked: Asked) -> Answer:
        assert asked.query["ApplicationKey"] == KEY
        return Answer(f"The key {asked.query['ApplicationKey']} is unknown".encode(), 401, content_type="text/plain")

    monkeypatch.setenv("LG_INFORM_KEY", KEY)
    monkeypatch.setenv("LG_INFORM_SECRET", SECRET)
    caplog.set_level(logging.DEBUG)  # where urllib3 writes down whole addresses
    with faults({PATH: [refusing]}) as server:
        auth = {"kind": "api_key", "name": "ApplicationKey", "in": "query", "value": "${LG_INFORM_KEY}"}
        source = source_at(tmp_path, server.url, contract, {"auth": auth} | secret)
        landed = fetched(source, tmp_path)
        with pytest.raises(SourceError) as error:
            source.reach()
    assert "ApplicationKey=" in caplog.text
    for told in (landed.error or "", str(error.value), caplog.text, repr(source.connect())):
        assert KEY not in told and SECRET not in told
    assert "status 401 Unauthorized" in (landed.error or "")


def test_a_secret_needs_a_key(tmp_path: Path, contract: Contract) -> None:
    source = source_at(tmp_path, "https://webservices.example", contract, {"auth": {"kind": "none"}, "secret": SECRET})
    with pytest.raises(ConfigurationError, match="secret: signs calls that carry a key") as error:
        source.connect()
    assert SECRET not in str(error.value)


def test_reaching_asks_for_every_measure(tmp_path: Path, contract: Contract) -> None:
    with faults({PATH: [table()]}) as server:
        source_at(tmp_path, server.url, contract, metric_types=[6080, 8166]).reach()
        assert server.times(PATH) == 2
