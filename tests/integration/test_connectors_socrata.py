"""The connector `socrata` against a replay: recorded pages in place, and a portal's habits on rows made up here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.builders import Q1, Q2, column, files_in, key, make_contract, rows_of
from support.fault_server import Answer, Asked, faults
from support.replays import fetched, recorded, source_of

from sources.contract import Contract
from sources.errors import ConfigurationError, SourceError
from sources.landing import land

PATH = "/resource/4xy5-26gy.json"
ROWS = [
    {"id": str(number), "date": "2025-04-01T00:00:00.000", "counts": str(10 * number)}
    | ({"note": "wet"} if number == 3 else {})
    for number in range(7)
]


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(tmp_path, key("id"), column("date", "timestamp"), column("counts", "integer"), column("note"))


def portal(rows: list[dict[str, Any]], cap: int = 50_000) -> Callable[[Asked], Answer]:
    """A bare list in order of `:id`, at most `cap` at a time."""

    def answer(asked: Asked) -> Answer:
        if "count" in asked.query.get("$select", ""):
            return Answer([{"rows": str(len(rows))}])
        assert asked.query["$order"] == ":id"
        at = int(asked.query["$offset"])
        return Answer(rows[at : at + min(cap, int(asked.query["$limit"]))])

    return answer


def test_pages_are_read_until_one_is_short(tmp_path: Path, contract: Contract) -> None:
    with faults({PATH: [portal(ROWS)]}) as server:
        dataset = {"dataset": "4xy5-26gy", "size": 3}
        token = {"kind": "api_key", "name": "X-App-Token", "value": "made-app-token"}
        landed = fetched(source_of(tmp_path, "socrata", server.url, contract, dataset, auth=token), tmp_path)
        assert (landed.error, landed.notes) == (None, ())
        assert rows_of(landed.path, "id, date, counts, note, _source_row") == [
            (str(n), datetime(2025, 4, 1), 10 * n, "wet" if n == 3 else None, n + 1) for n in range(7)
        ]
        assert [asked.query.get("$offset") for asked in server.asked] == ["0", "3", "6", None]
        assert {asked.headers["x-app-token"] for asked in server.asked} == {"made-app-token"}


def test_a_portal_that_gives_less_than_asked_for_is_read_whole(tmp_path: Path, contract: Contract) -> None:
    with faults({PATH: [portal(ROWS, cap=2)]}) as server:
        landed = fetched(source_of(tmp_path, "socrata", server.url, contract, {"dataset": "4xy5-26gy"}), tmp_path)
        assert (landed.error, landed.rows) == (None, 7)


def test_rows_are_counted(tmp_path: Path, contract: Contract) -> None:
    def losing(asked: Asked) -> Answer:
        answer = portal(ROWS)(asked)
        return Answer(answer.body[:1]) if asked.query.get("$offset") == "3" else answer

    with faults({PATH: [losing]}) as server:
        source = source_of(tmp_path, "socrata", server.url, contract, {"dataset": "4xy5-26gy", "size": 3})
        landed = fetched(source, tmp_path)
        assert landed.error == f"{server.url}{PATH}: gave 4 of 7 rows. Nothing landed; run again."
        assert files_in(tmp_path / "data") == []


def test_recorded_pages(tmp_path: Path) -> None:
    """A thousand rows and one: the second page is short."""
    pages = [recorded("socrata/bike_counts_page_1.json"), recorded("socrata/bike_counts_page_2.json")]
    contract = make_contract(tmp_path, column("id"), key("date"), column("counts", "integer"), column("status"))

    def replay(asked: Asked) -> Answer:
        if "count" in asked.query.get("$select", ""):
            return Answer([{"rows": "1001"}])
        return Answer(pages[int(asked.query["$offset"]) // 1000])

    with faults({PATH: [replay]}) as server:
        source = source_of(tmp_path, "socrata", server.url, contract, {"dataset": "4xy5-26gy", "size": 1000})
        landed = fetched(source, tmp_path)
        assert (landed.error, landed.rows, landed.rejected) == (None, 1001, 0)
        total = sum(int(row["counts"]) for page in pages for row in page)
        assert rows_of(landed.path, "sum(counts)", "1") == [(total,)]


def test_a_refusal_is_told_in_the_portals_words(tmp_path: Path, contract: Contract) -> None:
    refusal = recorded("socrata/403_response_json.txt")
    with faults({PATH: [Answer(refusal, 403)]}) as server:
        source = source_of(tmp_path, "socrata", server.url, contract, {"dataset": "4xy5-26gy"})
        landed = fetched(source, tmp_path)
        assert landed.error == (
            f"{server.url}{PATH}: refused with status 403 Forbidden: You must be logged in to access this resource. "
            "The credentials lack the right to read this."
        )
        with pytest.raises(SourceError, match="You must be logged in"):
            source.reach()
        assert server.asked[-1].query["$limit"] == "1"


def test_an_error_with_status_200_is_one(tmp_path: Path, contract: Contract) -> None:
    body = {"error": True, "message": "No such column: craeted", "code": "query.soql.no-such-column", "data": {"x": 1}}
    with faults({PATH: [Answer(body)]}) as server:
        source = source_of(tmp_path, "socrata", server.url, contract, {"dataset": "4xy5-26gy"})
        assert (
            fetched(source, tmp_path).error == f"{server.url}{PATH}: answered with an error: No such column: craeted."
        )


def test_a_filter_takes_the_period(tmp_path: Path) -> None:
    made = make_contract(tmp_path, key("id"), column("counts", "integer"), load="incremental")
    where = "date >= '{period.start}' and date < '{period.end}'"
    with faults({PATH: [portal(ROWS)]}) as server:
        source = source_of(tmp_path, "socrata", server.url, made, {"dataset": "4xy5-26gy", "where": where})
        landed = land(made, source.extract("things", [Q1, Q2]), tmp_path / "data", [Q1, Q2])
        assert [(item.error, item.rows) for item in landed] == [(None, 7)] * 2
        assert {asked.query["$where"] for asked in server.asked} == {
            "date >= '2025-04-01' and date < '2025-07-01'",
            "date >= '2025-07-01' and date < '2025-10-01'",
        }
    with pytest.raises(ConfigurationError, match=r"where: '\{period\.begin\}' stands for nothing"):
        source_of(tmp_path, "socrata", server.url, made, {"dataset": "4xy5-26gy", "where": "a > '{period.begin}'"})
