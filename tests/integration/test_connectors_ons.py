"""The connector `ons` against a replay of the beta API: one wildcard, filters that take their time, files elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.builders import column, files_in, key, make_contract, rows_of
from support.fault_server import Answer, Asked, faults
from support.replays import fetched, recorded, source_of

from sources.config import Source
from sources.contract import Contract
from sources.errors import ConfigurationError, SourceError

VERSION = "/v1/datasets/cpih01/editions/time-series/versions/6"
OUTPUT = "/v1/filter-outputs/9dd04dd7"
SERIES = [("Oct-11", "93.9"), ("Nov-11", "94.0"), ("Dec-11", "x")]
SYMBOL = "'x' stands for a value 1 time: not available"
OBSERVATIONS = {"time": "*", "geography": "K02000001", "aggregate": "cpih1dim1A0"}
COLUMNS = {
    "month": "dimensions.time.label",
    "area_code": "dimensions.geography.id",
    "index": "observation",
    "unit": "unit_of_measure",
}
LATEST = {"href": "http://localhost:22000/v1/datasets/cpih01/editions/time-series/versions/6", "id": "6"}
DESCRIBED = {"version": 6, "dimensions": [{"name": "time"}, {"name": "geography"}, {"name": "aggregate"}]}
CSV = "v4_1,mmm-yy,Time,uk-only,Geography\r\n" + "".join(
    f"{value},{month},{month},K02000001,United Kingdom\r\n" for month, value in SERIES
)


def observed(asked: Asked) -> Answer:
    """As the API's own guide shows it: fixed dimensions stand once, the wildcard's in each observation."""
    found = [
        {"dimensions": {"Time": {"href": "…", "id": month, "label": month}}, "observation": value}
        for month, value in SERIES
    ]
    option = {"geography": {"option": {"id": asked.query["geography"]}}, "aggregate": {"option": {"id": "cpih1dim1A0"}}}
    return Answer(
        {"dimensions": option, "limit": 10000, "observations": found, "offset": 0, "total_observations": len(found),
         "unit_of_measure": "Index: 2015=100"}
    )  # fmt: skip


def scripts() -> dict[str, list[Any]]:
    summary = Answer({"id": "cpih01", "links": {"latest_version": LATEST}})
    return {"/v1/datasets/cpih01": [summary], VERSION: [Answer(DESCRIBED)], f"{VERSION}/observations": [observed]}


def filters(url: str, csv: bytes = CSV.encode(), size: int | None = None, **output: Any) -> dict[str, list[Any]]:
    """A filter whose output is not ready when first asked for, and lies at `url`."""
    made = Answer({"filter_id": "63c77ab3", "links": {"filter_output": {"id": "9dd04dd7"}}}, 201)
    download = {"csv": {"href": f"{url}/downloads/9dd04dd7.csv", "size": str(len(csv) if size is None else size)}}
    waiting = Answer({"state": "created", "downloads": {}})
    ready = Answer({"state": "completed", "downloads": download} | output)
    return {
        "/v1/filters": [made],
        OUTPUT: [waiting, ready],
        "/downloads/9dd04dd7.csv": [Answer(csv, content_type="text/csv")],
    }


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path, key("month", 1), key("area_code", 2), column("index", "DECIMAL(9,2)"), column("unit"), column("why")
    )


def source_at(folder: Path, url: str, contract: Contract, **dataset: Any) -> Source:
    asked = {} if "filter" in dataset else {"observations": OBSERVATIONS}
    described = {
        "dataset": "cpih01",
        "columns": COLUMNS,
        "format": {"symbols": {"x": "not available"}, "reason_column": "why"},
        "absent": ["why"],
    }
    return source_of(folder, "ons", f"{url}/v1", contract, described | asked | dataset)


def filtering(folder: Path, url: str, contract: Contract, **dataset: Any) -> Source:
    columns = {"month": "Time", "area_code": "uk-only", "index": "v4_1"}
    asked = {"filter": {"geography": ["K02000001"]}, "columns": columns, "absent": ["unit", "why"]}
    return source_at(folder, url, contract, **(asked | dataset))


def test_observations_land_with_the_dimensions_that_are_fixed(tmp_path: Path, contract: Contract) -> None:
    with faults(scripts()) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert (landed.error, landed.rejected) == (None, 0)
        found = [(month, area, index and float(index), unit, why) for month, area, index, unit, why in rows_of(
            landed.path, "month, area_code, index, unit, why"
        )]  # fmt: skip
        assert found == [
            ("Oct-11", "K02000001", 93.9, "Index: 2015=100", None),
            ("Nov-11", "K02000001", 94.0, "Index: 2015=100", None),
            ("Dec-11", "K02000001", None, "Index: 2015=100", "not available"),
        ]
        assert server.asked[-1].query == OBSERVATIONS
        assert landed.notes == ("edition time-series, version 6, the newest", SYMBOL)


def test_the_api_is_told_who_asks(tmp_path: Path, contract: Contract) -> None:
    with faults(scripts()) as server:
        source_at(tmp_path, server.url, contract).reach()
        assert all(
            re.fullmatch(r"[\w-]+/[\d.]+ \(.*\+https://.*\)", asked.headers["user-agent"]) for asked in server.asked
        )


def test_being_told_to_wait_is_obeyed(tmp_path: Path, contract: Contract) -> None:
    busy = Answer(b"too many requests", 429, {"Retry-After": "1"}, content_type="text/plain")
    with faults(scripts() | {f"{VERSION}/observations": [busy, observed]}) as server:
        assert fetched(source_at(tmp_path, server.url, contract), tmp_path).rows == 3
        assert server.times(f"{VERSION}/observations") == 2


def test_more_observations_than_it_gives_land_nothing(tmp_path: Path, contract: Contract) -> None:
    body = {"limit": 10_000, "observations": [{"observation": "1"}] * 3, "total_observations": 12_000}
    with faults(scripts() | {f"{VERSION}/observations": [Answer(body)]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error == (
            f"{server.url}/v1/datasets/cpih01: gave 3 of 12,000 observations (it gives 10000 at most). Nothing landed. "
            "Give `filter` instead of `observations`."
        )
        assert files_in(tmp_path / "data") == []


def test_a_pinned_version_is_not_looked_up(tmp_path: Path, contract: Contract) -> None:
    with faults(scripts()) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, edition="time-series", version=6), tmp_path)
        assert (landed.rows, landed.notes) == (3, (SYMBOL,))
        assert server.times("/v1/datasets/cpih01") == 0


def test_a_dimension_that_the_dataset_lacks_is_named(tmp_path: Path, contract: Contract) -> None:
    wrong = {"time": "*", "geografy": "K02000001"}
    with faults(scripts()) as server, pytest.raises(SourceError) as error:
        source_at(tmp_path, server.url, contract, observations=wrong).reach()
    assert str(error.value) == (
        "/datasets/cpih01/editions/time-series/versions/6: has no dimension 'geografy'. Did you mean 'geography'? It "
        "has: 'time', 'geography', 'aggregate'. Mend `observations` in the source's YAML."
    )


def test_a_dataset_that_is_not_there(tmp_path: Path, contract: Contract) -> None:
    with (
        faults({"/v1/datasets/cpih01": [Answer(b"dataset not found", 404, content_type="text/plain")]}) as server,
        pytest.raises(SourceError, match="status 404 Not Found: 'dataset not found'"),
    ):
        source_at(tmp_path, server.url, contract).reach()


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ({"observations": {"time": "*", "geography": "*"}}, "exactly one dimension is '*'"),
        ({"observations": {"time": "Oct-11"}}, "exactly one dimension is '*'"),
        ({"observations": OBSERVATIONS, "filter": {"time": []}}, "give either observations or filter"),
        ({"version": 6}, "version: needs its edition"),
    ],
)
def test_what_cannot_be_asked_is_said_before(
    tmp_path: Path, contract: Contract, dataset: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        source_at(tmp_path, "https://api.ons.example", contract, **dataset)


def test_an_answer_of_another_shape_is_no_crash(tmp_path: Path, contract: Contract) -> None:
    body = {"observations": ["93.9"], "total_observations": 1}
    with faults(scripts() | {f"{VERSION}/observations": [Answer(body)]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error is not None and "not shaped as this platform's answers are" in landed.error


# --- filters ----------------------------------------------------------------------------------------------------------


def test_a_filter_is_posted_waited_for_and_fetched_from_elsewhere(tmp_path: Path, contract: Contract) -> None:
    with faults(filters("")) as store, faults(scripts() | filters(store.url)) as server:
        landed = fetched(filtering(tmp_path, server.url, contract), tmp_path)
        assert (landed.error, landed.rows, landed.rejected) == (None, 3, 0)
        assert rows_of(landed.path, "month, area_code, why")[2] == ("Dec-11", "K02000001", "not available")
        (posted,) = (asked for asked in server.asked if asked.method == "POST")
        assert json.loads(posted.body) == {
            "dataset": {"id": "cpih01", "edition": "time-series", "version": 6},
            "dimensions": [{"name": "geography", "options": ["K02000001"]}],
        }
        assert posted.query == {"submitted": "true"}
        assert server.times(OUTPUT) == 2
        assert [asked.path for asked in store.asked] == ["/downloads/9dd04dd7.csv"]


def test_credentials_do_not_leave_for_another_server(tmp_path: Path, contract: Contract) -> None:
    with faults(filters("")) as store, faults(scripts() | filters(store.url)) as server:
        source = source_of(
            tmp_path, "ons", f"{server.url}/v1", contract,
            {"dataset": "cpih01", "filter": {"geography": []}, "absent": ["unit", "why", "index"],
             "columns": {"month": "Time", "area_code": "uk-only"}},
            auth={"kind": "bearer", "token": "gateway-token"},
        )  # fmt: skip
        assert fetched(source, tmp_path).rows == 3
        assert all("authorization" in asked.headers for asked in server.asked)
        assert not any("authorization" in asked.headers for asked in store.asked)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"size": 2_061_369}, "has 168 bytes where 2,061,369 were promised"),
        ({"csv": CSV.encode()[:-20]}, "a record has 4 cells where the header has 5"),
        ({"csv": b"<html>Maintenance"}, "instead of a file (a login or maintenance page?)"),
        ({"downloads": {"csv": {"skipped": True}}}, "ONS makes no CSV of this filter"),
    ],
    ids=["another size", "torn", "a page", "skipped"],
)
def test_a_file_that_is_not_what_was_promised_lands_nothing(
    tmp_path: Path, contract: Contract, answers: dict[str, Any], said: str
) -> None:
    with faults(filters("", **answers)) as store, faults(scripts() | filters(store.url, **answers)) as server:
        landed = fetched(filtering(tmp_path, server.url, contract), tmp_path)
        assert landed.error is not None and said in landed.error
        assert files_in(tmp_path / "data") == []


def test_an_address_that_is_not_safe_is_not_followed(tmp_path: Path, contract: Contract) -> None:
    with faults(scripts() | filters("http://download.ons.example")) as server:
        landed = fetched(filtering(tmp_path, server.url, contract), tmp_path)
        assert landed.error is not None and "no safe https address" in landed.error


def test_a_heading_that_the_file_lacks_is_named(tmp_path: Path, contract: Contract) -> None:
    columns = {"month": "Times", "area_code": "uk-only", "index": "v4_1"}
    with faults(filters("")) as store, faults(scripts() | filters(store.url)) as server:
        landed = fetched(filtering(tmp_path, server.url, contract, columns=columns), tmp_path)
        assert landed.error is not None
        assert "no record has the field 'Times' for made.things.month. Did you mean 'Time'?" in landed.error


def test_recorded_filter_of_prices(tmp_path: Path, contract: Contract) -> None:
    asked, submitted, output = (recorded(f"ons_beta/filters_{number}.json") for number in (0, 2, 3))
    with faults({"/downloads.csv": [Answer(CSV.encode(), content_type="text/csv")]}) as store:
        output["downloads"]["csv"] = {"href": f"{store.url}/downloads.csv", "size": str(len(CSV))}
        made = submitted["links"]["filter_output"]["id"]
        answers = {"/v1/filters": [Answer(submitted, 201)], f"/v1/filter-outputs/{made}": [Answer(output)]}
        with faults(scripts() | answers) as server:
            assert fetched(filtering(tmp_path, server.url, contract), tmp_path).rows == 3
            (posted,) = (each for each in server.asked if each.method == "POST")
            assert json.loads(posted.body) == asked


def test_recorded_filter_of_the_census_is_submitted_by_itself(tmp_path: Path) -> None:
    asked, made, submitted, output = (recorded(f"ons_beta/censusfilters_{number}.json") for number in range(4))
    contract = make_contract(tmp_path, key("region", 1), key("sex", 2), column("people", "integer"))
    table = b"Regions Code,Regions,Sex Code,Sex,Observation\nE12000001,North East,1,Female,1351234\n"
    version = "/v1/datasets/TS008/editions/2021/versions/1"
    with faults({"/downloads.csv": [Answer(table, content_type="text/csv")]}) as store:
        output["downloads"]["csv"] |= {"href": f"{store.url}/downloads.csv", "size": str(len(table))}
        answers = {
            version: [Answer({"dimensions": [{"name": "ltla"}, {"name": "sex"}]})],
            "/v1/filters": [Answer(made, 201)],
            f"/v1/filters/{made['filter_id']}/submit": [Answer(submitted)],
            f"/v1/filter-outputs/{submitted['filter_output_id']}": [Answer(output)],
        }
        with faults(answers) as server:
            source = source_of(
                tmp_path, "ons", f"{server.url}/v1", contract,
                {"dataset": "TS008", "edition": "2021", "version": 1, "population_type": "UR", "area_type": "rgn",
                 "filter": {"rgn": ["E12000001"], "sex": []},
                 "columns": {"region": "Regions Code", "sex": "Sex", "people": "Observation"}},
            )  # fmt: skip
            landed = fetched(source, tmp_path)
            assert (landed.error, landed.rows) == (None, 1)
            assert json.loads(next(each for each in server.asked if each.method == "POST").body) == asked
