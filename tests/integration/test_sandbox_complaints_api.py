"""The complaints system's API over real HTTP: tokens, paging, versions in time, and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests

from sources.sandbox import ensure, ombudsman, service_requests
from sources.sandbox.complaints import RECORDS
from sources.sandbox.complaints_api import ComplaintsApi

QUARTER = {"updated_from": "2025-01-01", "updated_before": "2025-04-01"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure(tmp_path_factory.mktemp("sandbox"), 7, 0.1)


@pytest.fixture
def api(data: Path) -> Iterator[tuple[str, ComplaintsApi]]:
    complaints = ComplaintsApi.load(data, throttle_times=0)
    with complaints.serve() as address:
        yield address, complaints


def token(address: str, api: ComplaintsApi) -> str:
    form = {"grant_type": "client_credentials", "client_id": api.client_id, "client_secret": api.client_secret}
    answer = requests.post(f"{address}/oauth/token", data=form, timeout=10)
    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 300
    return str(answer.json()["access_token"])


def get(address: str, bearer: str, **params: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {bearer}"}
    return requests.get(f"{address}/api/cases", params=params, headers=headers, timeout=10)


def everything(address: str, bearer: str, **params: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while True:
        body = get(address, bearer, **params).json()
        items += body["items"]
        if body["next_cursor"] is None:
            return items
        params["cursor"] = body["next_cursor"]


def test_listens_on_loopback_only(api: tuple[str, ComplaintsApi]) -> None:
    assert api[0].startswith("http://127.0.0.1:")


def test_a_token_is_given_for_basic_credentials_too(api: tuple[str, ComplaintsApi]) -> None:
    address, complaints = api
    credentials = (complaints.client_id, complaints.client_secret)
    form = {"grant_type": "client_credentials"}
    answer = requests.post(f"{address}/oauth/token", data=form, auth=credentials, timeout=10)
    assert answer.status_code == 200


@pytest.mark.parametrize("secret", ["wrong", "", "wröng"])
def test_bad_credentials_are_refused(api: tuple[str, ComplaintsApi], secret: str) -> None:
    address, complaints = api
    form = {"grant_type": "client_credentials", "client_id": complaints.client_id, "client_secret": secret}
    answer = requests.post(f"{address}/oauth/token", data=form, timeout=10)
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client"}


def test_another_grant_is_refused(api: tuple[str, ComplaintsApi]) -> None:
    answer = requests.post(f"{api[0]}/oauth/token", data={"grant_type": "password"}, timeout=10)
    assert (answer.status_code, answer.json()) == (400, {"error": "unsupported_grant_type"})


def test_no_token_or_a_made_up_one_is_refused(api: tuple[str, ComplaintsApi]) -> None:
    address, _ = api
    assert requests.get(f"{address}/api/cases", params=QUARTER, timeout=10).status_code == 401
    answer = get(address, "made-up", **QUARTER)
    assert answer.status_code == 401
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_a_token_expires(data: Path) -> None:
    complaints = ComplaintsApi.load(data, token_seconds=0.0)
    with complaints.serve() as address:
        form = {"grant_type": "client_credentials"}
        credentials = (complaints.client_id, complaints.client_secret)
        body = requests.post(f"{address}/oauth/token", data=form, auth=credentials, timeout=10).json()
        assert get(address, body["access_token"], **QUARTER).status_code == 401


def test_pages_lead_to_the_end_and_hold_each_row_once(api: tuple[str, ComplaintsApi], data: Path) -> None:
    address, complaints = api
    bearer = token(address, complaints)
    by_seven = everything(address, bearer, limit=7, **QUARTER)
    assert by_seven == everything(address, bearer, limit=1000, **QUARTER)
    keys = [(item["case_id"], item["stage"]) for item in by_seven]
    assert len(keys) - len(set(keys)) == 2, "two are sent twice in every quarter"
    table = pq.read_table(data / RECORDS).to_pylist()
    expected = {
        (row["case_id"], row["stage"]) for row in table if "2025-01-01" <= row["updated_at"].isoformat() < "2025-04-01"
    }
    assert set(keys) == expected


def test_a_cursor_needs_no_other_parameter(api: tuple[str, ComplaintsApi]) -> None:
    address, complaints = api
    bearer = token(address, complaints)
    first = get(address, bearer, limit=5, **QUARTER).json()
    with_window = get(address, bearer, limit=5, cursor=first["next_cursor"], **QUARTER).json()
    assert get(address, bearer, limit=5, cursor=first["next_cursor"]).json() == with_window


def test_the_limit_is_100_unless_asked_and_never_above_1000(api: tuple[str, ComplaintsApi]) -> None:
    address, complaints = api
    bearer = token(address, complaints)
    years = {"updated_from": "2021-04-01", "updated_before": "2026-10-01"}
    assert len(get(address, bearer, **years).json()["items"]) == 100
    assert len(get(address, bearer, limit=50_000, **years).json()["items"]) == 1000


def test_a_case_stands_as_it_was_at_the_end_of_the_time_asked_for(api: tuple[str, ComplaintsApi]) -> None:
    """Open at the end of one quarter, answered in the next: each quarter sees its own state."""
    address, complaints = api
    bearer = token(address, complaints)
    winter = {(i["case_id"], i["stage"]): i for i in everything(address, bearer, limit=1000, **QUARTER)}
    spring = {
        (item["case_id"], item["stage"]): item
        for item in everything(address, bearer, limit=1000, updated_from="2025-04-01", updated_before="2025-07-01")
    }
    crossing = [key for key in winter.keys() & spring.keys() if winter[key]["dates"]["answered"] is None]
    assert len(crossing) > 20
    for key in crossing:
        assert winter[key]["outcome"] is None
        assert winter[key]["updated_at"] < "2025-04-01" <= spring[key]["updated_at"]
    assert any(spring[key]["dates"]["answered"] for key in crossing)


def test_an_item_is_nested_as_documented(api: tuple[str, ComplaintsApi]) -> None:
    address, complaints = api
    item = get(address, token(address, complaints), limit=1, **QUARTER).json()["items"][0]
    assert item.keys() == {
        "case_id",
        "stage",
        "dates",
        "team",
        "uprn",
        "outcome",
        "root_cause",
        "extension_days",
        "updated_at",
    }
    assert item["dates"].keys() == {"received", "acknowledged", "answered"}
    assert item["team"].keys() == {"code"}


def test_requests_come_as_they_stood_and_one_twice(api: tuple[str, ComplaintsApi], data: Path) -> None:
    address, complaints = api
    headers = {"Authorization": f"Bearer {token(address, complaints)}"}
    items: list[dict[str, Any]] = []
    params: dict[str, Any] = {**QUARTER, "limit": 50}
    while params:
        body = requests.get(f"{address}/api/requests", params=params, headers=headers, timeout=10).json()
        items += body["items"]
        params = {"cursor": body["next_cursor"], "limit": 50} if body["next_cursor"] else {}
    table = pq.read_table(data / service_requests.RECORDS).to_pylist()
    changed = [row for row in table if "2025-01-01" <= row["updated_at"].isoformat() < "2025-04-01"]
    newest = {row["request_ref"]: row["updated_at"].isoformat() for row in changed}
    assert len(items) == len(newest) + 1
    assert {item["ref"]: item["updated_at"] for item in items} == newest
    assert items[0].keys() == {"ref", "dates", "team", "category", "channel", "demand", "place", "updated_at"}
    assert items[0]["place"].keys() == {"ward", "uprn", "address"}
    # What is not yet completed has not been judged either.
    assert all(item["demand"] is None for item in items if item["dates"]["completed"] is None)


def test_the_ombudsman_s_decisions_come_all_at_once_to_who_may_see_them(
    api: tuple[str, ComplaintsApi], data: Path
) -> None:
    address, complaints = api
    assert requests.get(f"{address}/api/ombudsman", timeout=10).status_code == 401
    headers = {"Authorization": f"Bearer {token(address, complaints)}"}
    decisions = requests.get(f"{address}/api/ombudsman", headers=headers, timeout=10).json()["decisions"]
    assert len(decisions) == pq.read_metadata(data / ombudsman.RECORDS).num_rows > 300
    assert {decision["decision"] for decision in decisions} == set(ombudsman.DECISIONS)
    assert all(decision["detailed"] for decision in decisions if decision["decision"] in ("Upheld", "Not upheld"))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"updated_from": "2025-01-01"},
        {"updated_from": "January", "updated_before": "2025-04-01"},
        {"cursor": "bm90aGluZw=="},
        {"cursor": "!"},
        {**QUARTER, "limit": "many"},
    ],
)
def test_a_bad_request_is_refused_with_words(api: tuple[str, ComplaintsApi], params: dict[str, str]) -> None:
    address, complaints = api
    answer = get(address, token(address, complaints), **params)
    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_request"
    assert answer.json()["message"]


def test_too_many_requests_are_refused_now_and_then(data: Path) -> None:
    complaints = ComplaintsApi.load(data, throttle_every=3, throttle_times=2)
    with complaints.serve() as address:
        bearer = token(address, complaints)
        answers = [get(address, bearer, limit=1, **QUARTER) for _ in range(10)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200, 200, 429, 200, 200, 200, 200]
    assert answers[2].headers["Retry-After"] == "1"


def test_unknown_addresses_are_not_found(api: tuple[str, ComplaintsApi]) -> None:
    assert requests.get(f"{api[0]}/api/people", timeout=10).status_code == 404
    assert requests.get(f"{api[0]}/oauth/token", timeout=10).status_code == 404
