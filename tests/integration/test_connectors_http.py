"""The connector `rest` and its HTTP client against a server that is busy, torn, slow, lying or forgetful."""

from __future__ import annotations

import base64
import gzip
import json
import re
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from support.builders import Q1, Q2, column, files_in, key, make_contract, rows_of
from support.fault_server import Answer, Asked, FaultServer, Script, closed_port, faults
from support.rest import FINE, PATH, ROWS, fetched, source_at

from sources.connectors import http
from sources.connectors.http import Client, HttpConnection
from sources.contract import Contract
from sources.errors import SourceError
from sources.landing import Landed, land

SECRET = "hunter2-not-to-be-seen"


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(tmp_path, key("ref"), column("score", "integer", required=True))


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that waits for its client must end by itself, not by the build's patience."""
    monkeypatch.setattr(http, "CONNECT_SECONDS", 5)


@contextmanager
def serving(script: Script) -> Iterator[FaultServer]:
    with faults({"/api/things": script}) as server:
        yield server


def assert_whole(landed: Landed) -> None:
    assert landed.error is None
    assert rows_of(landed.path, "ref, score") == [("A", 1), ("B", 2)]


def assert_nothing(landed: Landed, folder: Path) -> None:
    assert (landed.path, landed.rows) == (None, 0)
    assert files_in(folder / "data") == []


# Servers that recover


class Busy:
    """Refuses with 429 until the time that it asked for has passed: so many seconds, or a moment in whole seconds."""

    def __init__(self, seconds: int, is_date: bool) -> None:
        self._seconds = seconds
        self._is_date = is_date
        self._until: float | None = None

    def __call__(self, asked: Asked) -> Answer:
        now = time.time()
        if self._until is None:
            self._until = int(now) + 1 + self._seconds if self._is_date else now + self._seconds
        if now >= self._until:
            return FINE
        moment = format_datetime(datetime.fromtimestamp(self._until, UTC), usegmt=True)
        return Answer({"error": "busy"}, 429, {"Retry-After": moment if self._is_date else str(self._seconds)})


@pytest.mark.parametrize("is_date", [False, True], ids=["seconds", "date"])
def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(tmp_path: Path, contract: Contract, is_date: bool) -> None:
    with serving([Busy(1, is_date)]) as server:
        assert_whole(fetched(tmp_path, server.url, contract))
        assert server.times(PATH) == 2, "coming back early would have met a third refusal"


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_passing_failure_is_asked_again(tmp_path: Path, contract: Contract, status: int) -> None:
    with serving([Answer(b"down", status), FINE]) as server:
        assert_whole(fetched(tmp_path, server.url, contract))
        assert server.times("/api/things") == 2


def test_a_reset_connection_is_asked_again(tmp_path: Path, contract: Contract) -> None:
    with serving([Answer(reset=True), FINE]) as server:
        assert_whole(fetched(tmp_path, server.url, contract))
        assert server.times("/api/things") == 2


def test_a_body_cut_short_is_asked_again(tmp_path: Path, contract: Contract) -> None:
    torn = Answer({"items": ROWS[:1], "next_cursor": None}, missing=500)
    with serving([torn, FINE]) as server:
        assert_whole(fetched(tmp_path, server.url, contract))
        assert server.times("/api/things") == 2


def test_a_page_that_fails_in_the_middle_is_read_once(tmp_path: Path, contract: Contract) -> None:
    first = Answer({"items": ROWS[:1], "next_cursor": "p2"})
    second = Answer({"items": ROWS[1:], "next_cursor": None})
    with serving([first, Answer(second.body, missing=99), second]) as server:
        assert_whole(fetched(tmp_path, server.url, contract))
        assert [asked.query for asked in server.asked] == [{}, {"cursor": "p2"}, {"cursor": "p2"}]


def test_a_compressed_answer_is_read(tmp_path: Path, contract: Contract) -> None:
    packed = gzip.compress(json.dumps(FINE.body).encode())
    with serving([Answer(packed, headers={"Content-Encoding": "gzip"})]) as server:
        assert_whole(fetched(tmp_path, server.url, contract))


# Servers that do not


def test_a_body_that_is_always_cut_short_is_given_up(tmp_path: Path, contract: Contract, monkeypatch: Any) -> None:
    monkeypatch.setattr(http, "ATTEMPTS", 2)
    with serving([Answer({"items": ROWS}, missing=500)]) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error is not None
        assert landed.error.startswith(f"{server.url}/api/things: the answer was cut short 2 times: ")
        assert_nothing(landed, tmp_path)
        assert server.times("/api/things") == 2


def test_a_damaged_compressed_answer_is_given_up(tmp_path: Path, contract: Contract, monkeypatch: Any) -> None:
    monkeypatch.setattr(http, "ATTEMPTS", 1)
    with serving([Answer(b"not gzip at all", headers={"Content-Encoding": "gzip"})]) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert "the answer was cut short 1 times" in (landed.error or "")


def test_an_answer_that_drips_in_is_given_up(tmp_path: Path, contract: Contract) -> None:
    """Each byte comes well within the socket's own timeout; the whole would take seconds."""
    slow = Answer(b'{"items": [' + b" " * 100 + b"]}", pause=0.05)
    with serving([slow]) as server:
        landed = fetched(tmp_path, server.url, contract, connection={"answer_seconds": 0.3})
        assert landed.error == (
            f"{server.url}/api/things: still answering after 0.3 seconds; given up. "
            "Ask for less at a time, or raise connection.answer_seconds."
        )
        assert_nothing(landed, tmp_path)
        assert server.times("/api/things") == 1


def test_a_closed_port_is_said_to_be_out_of_reach(tmp_path: Path, contract: Contract) -> None:
    url = closed_port()
    landed = fetched(tmp_path, url, contract)
    assert landed.error == (
        f"{url}/api/things: cannot be reached (ConnectionError). "
        "Check connection.base_url, the network, and whether the system is up."
    )
    assert_nothing(landed, tmp_path)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "refused with status 400 Bad Request: 'no such parameter'. Ask the system's owner."),
        (403, "refused with status 403 Forbidden: 'no such parameter'. The credentials lack the right to read this."),
        (404, "refused with status 404 Not Found: 'no such parameter'. Check the path."),
        (401, "refused with status 401 Unauthorized: 'no such parameter'. Check the credentials."),
        (500, "refused with status 500 Internal Server Error: 'no such parameter'. Ask the system's owner."),
    ],
)
def test_a_refusal_says_what_to_do(tmp_path: Path, contract: Contract, status: int, words: str) -> None:
    with serving([Answer(b"no such parameter", status)]) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error == f"{server.url}/api/things: {words}"
        assert_nothing(landed, tmp_path)
        assert server.times("/api/things") == 1, "asking again would not help"


# Servers that lie


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            Answer(b"<html>Please sign in</html>", content_type="text/html; charset=utf-8"),
            "answered 'text/html' instead of JSON (a login or maintenance page?). "
            "Open the address in a browser, or ask the system's owner.",
        ),
        (Answer({"error": "quota exceeded"}), "answered with an error: quota exceeded."),
        (
            Answer({"error": {"code": 498, "message": "Invalid token."}}),
            "answered with an error: {'code': 498, 'message': 'Invalid token.'}.",
        ),
        (Answer(b'{"items": [{"ref": "A"'), "the JSON cannot be read: "),
        (Answer(b""), "the JSON cannot be read: "),
    ],
)
def test_an_answer_with_status_200_that_is_none(tmp_path: Path, contract: Contract, answer: Answer, words: str) -> None:
    with serving([answer]) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error is not None
        assert landed.error.startswith(f"{server.url}/api/things: {words}")
        assert_nothing(landed, tmp_path)


def test_a_failure_after_good_pages_lands_nothing(tmp_path: Path, contract: Contract) -> None:
    page = Answer({"items": ROWS, "next_cursor": "p2"})
    with serving([page, Answer({"error": "database is down"})]) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error == f"{server.url}/api/things: answered with an error: database is down."
        assert_nothing(landed, tmp_path)


@pytest.mark.parametrize("cursors", [["p2", "p2"], ["p2", "p3", "p4", "p2"]], ids=["standing still", "in a circle"])
def test_paging_that_does_not_advance_is_given_up(tmp_path: Path, contract: Contract, cursors: list[str]) -> None:
    pages = [Answer({"items": [{"ref": f"R{n}", "score": n}], "next_cursor": at}) for n, at in enumerate(cursors)]
    with serving([*pages, Answer(b"a client that goes on must not hold the build up", 500)]) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error == f"{server.url}/api/things: paging does not advance: cursor 'p2' came twice."
        assert_nothing(landed, tmp_path)
        assert server.times("/api/things") == len(pages)


@pytest.mark.parametrize(
    "told", ["7200", format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)], ids=["seconds", "date"]
)
def test_a_server_that_is_busy_for_hours_is_left_alone(tmp_path: Path, contract: Contract, told: str) -> None:
    with serving([Answer({"error": "quota"}, 429, {"Retry-After": told})]) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error is not None
        assert re.fullmatch(
            rf"{server.url}/api/things: is busy \(status 429\) and asks to be left alone for 7,[12]\d\d seconds\. "
            r"Try again then; a lower connection\.rate_limit may help\.",
            landed.error,
        )
        assert server.times(PATH) == 1


def test_a_server_that_stays_busy_is_given_up(tmp_path: Path, contract: Contract, monkeypatch: Any) -> None:
    monkeypatch.setattr(http, "ATTEMPTS", 3)
    with serving([Answer(b"", 429, {"Retry-After": "0"})]) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error is not None
        assert "refused with status 429 Too Many Requests" in landed.error
        assert landed.error.endswith("The server stays busy; lower connection.rate_limit or try later.")
        assert server.times(PATH) == 3


def test_a_connection_that_is_always_reset_is_given_up(tmp_path: Path, contract: Contract, monkeypatch: Any) -> None:
    monkeypatch.setattr(http, "ATTEMPTS", 2)
    with serving([Answer(reset=True)]) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error is not None
        assert landed.error.startswith(f"{server.url}/api/things: cannot be reached (ConnectionError).")
        assert server.times(PATH) == 2


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path, contract: Contract) -> None:
    silent = threading.Event()

    def wait(asked: Asked) -> Answer:
        silent.wait(10)
        return FINE

    with serving([wait]) as server:
        landed = fetched(tmp_path, server.url, contract, connection={"answer_seconds": 0.3})
        silent.set()
        assert landed.error is not None
        assert landed.error.startswith(f"{server.url}/api/things: still answering after 0.3 seconds; given up.")
        assert server.times(PATH) == 1


def test_an_answer_that_unpacks_without_end_is_cut_off(tmp_path: Path, monkeypatch: Any) -> None:
    """A hundred kilobytes that would become a hundred megabytes: refused before they do."""
    monkeypatch.setattr(http, "MAXIMUM_PAGE", 1 << 20)
    bomb = gzip.compress(b" " * (100 << 20))
    assert len(bomb) < 200_000
    with serving([Answer(bomb, headers={"Content-Encoding": "gzip"})]) as server:
        with Client(HttpConnection(base_url=server.url)) as client:
            tracemalloc.start()
            with pytest.raises(SourceError) as error:
                client.json(PATH)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert str(error.value) == f"{server.url}/api/things: the answer is larger than 1,048,576 bytes; refused."
        assert peak < 20 << 20
        assert server.times(PATH) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"items": [{"ref": "A", "score": NaN}]}', "NaN is no JSON"),
        (b'{"items": \xff}', "'utf-8' codec can't decode"),
    ],
    ids=["nested", "not a number", "not utf-8"],
)
def test_json_that_is_none(tmp_path: Path, contract: Contract, body: bytes, reason: str) -> None:
    with serving([Answer(body)]) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error is not None
        assert landed.error.startswith(f"{server.url}/api/things: the JSON cannot be read: {reason}")


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", ""])
def test_json_under_another_name_is_read_all_the_same(tmp_path: Path, contract: Contract, kind: str) -> None:
    with serving([Answer(FINE.body, content_type=kind)]) as server:
        assert_whole(fetched(tmp_path, server.url, contract))


def test_a_byte_order_mark_is_no_part_of_json(tmp_path: Path, contract: Contract) -> None:
    with serving([Answer(b"\xef\xbb\xbf" + json.dumps(FINE.body).encode())]) as server:
        assert_whole(fetched(tmp_path, server.url, contract))


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    made = make_contract(tmp_path, key("ref"), column("gbp", "DECIMAL(18,2)"), column("code"))
    body = (
        b'{"items": [{"ref": "A", "gbp": 1234567890123456.78, "code": 123456789012345678901234567890},'
        b'{"ref": "B", "gbp": 0.10, "code": 1.10}]}'
    )
    with serving([Answer(body)]) as server:
        landed = fetched(tmp_path, server.url, made, paging={"kind": "none"})
        assert rows_of(landed.path, "gbp, code") == [
            (Decimal("1234567890123456.78"), "123456789012345678901234567890"),
            (Decimal("0.10"), "1.10"),
        ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": True, "message": "You must be logged in"}, "You must be logged in"),
        ({"success": False, "message": "no such table"}, "no such table"),
        ({"success": False}, "no reason given"),
        ({"errors": [{"code": "NotEmpty"}], "title": "Bad", "status": 400}, "[{'code': 'NotEmpty'}]"),
    ],
)
def test_errors_inside_an_answer_take_many_shapes(
    tmp_path: Path, contract: Contract, body: dict[str, Any], told: str
) -> None:
    with serving([Answer(body)]) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error == f"{server.url}/api/things: answered with an error: {told}."


@pytest.mark.parametrize("beside", [{"error": None}, {"errors": []}, {"error": ""}, {"success": True}])
def test_a_place_for_errors_that_is_empty_is_none(tmp_path: Path, contract: Contract, beside: dict[str, Any]) -> None:
    with serving([Answer({**FINE.body, **beside})]) as server:
        assert_whole(fetched(tmp_path, server.url, contract))


# Who is sent where, and who sees the credentials


def bearer() -> dict[str, Any]:
    return {"auth": {"kind": "bearer", "token": SECRET}}


def test_a_redirect_on_the_same_server_is_followed_with_credentials(tmp_path: Path, contract: Contract) -> None:
    moved = Answer(b"", 301, {"Location": "/v2/things"})
    with faults({PATH: [moved], "/v2/things": [FINE]}) as server:
        assert_whole(fetched(tmp_path, server.url, contract, connection=bearer()))
        assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {SECRET}"}


def test_a_redirect_to_another_server_is_followed_without_credentials(tmp_path: Path, contract: Contract) -> None:
    keys = {"auth": {"kind": "api_key", "name": "X-Key", "value": SECRET}}
    with faults({"/elsewhere": [FINE]}) as other:
        away = Answer(b"", 302, {"Location": f"{other.url}/elsewhere"})
        for connection in (bearer(), keys):
            with serving([away]) as server:
                assert fetched(tmp_path, server.url, contract, connection=connection).error is None
                assert SECRET in str(server.asked[0].headers)
        assert len(other.asked) == 2
        assert SECRET not in str(other.asked)


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("http://crm.example/things?x=1", "http://crm.example"),
        ("ftp://127.0.0.1/things", "ftp://127.0.0.1"),
        ("file:///etc/passwd", "file://None"),
    ],
)
def test_a_redirect_to_an_unsafe_address_is_not_followed(
    tmp_path: Path, contract: Contract, target: str, shown: str
) -> None:
    with serving([Answer(b"", 302, {"Location": target})]) as server:
        landed = fetched(tmp_path, server.url, contract, connection=bearer())
        assert landed.error == (
            f"{server.url}/api/things: leads to '{shown}', which is no safe https address; not followed. "
            "Ask the system's owner."
        )


def test_redirects_in_a_circle_are_given_up(tmp_path: Path, contract: Contract) -> None:
    with serving([Answer(b"", 302, {"Location": PATH})]) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error == f"{server.url}/api/things: is redirected again and again. Check the path."


def test_the_users_own_netrc_is_not_shown(tmp_path: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login someone password {SECRET}\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serving([FINE]) as server:
        assert_whole(fetched(tmp_path, server.url, contract))
        assert "authorization" not in server.asked[0].headers


def test_a_refusal_that_repeats_the_credentials_is_told_without_them(
    tmp_path: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MADE_SECRET", SECRET)
    auth = {"kind": "basic", "username": "vitals", "password": "${MADE_SECRET}"}

    def refuse(asked: Asked) -> Answer:
        return Answer(f"not known: {asked.headers['authorization']} {SECRET}".encode(), 403)

    with serving([refuse]) as server:
        landed = fetched(tmp_path, server.url, contract, connection={"auth": auth})
        assert landed.error is not None and "refused with status 403" in landed.error
        assert SECRET not in landed.error
        assert base64.b64encode(f"vitals:{SECRET}".encode()).decode() not in landed.error


_BASIC = base64.b64encode(f"vitals:{SECRET}".encode()).decode()


@pytest.mark.parametrize(
    ("auth", "shown", "wanted"),
    [
        ({"kind": "api_key", "name": "X-Api-Key", "value": "${MADE_SECRET}"}, "x-api-key", SECRET),
        (
            {"kind": "api_key", "name": "Authorization", "value": "${MADE_SECRET}", "prefix": "Apikey "},
            "authorization",
            f"Apikey {SECRET}",
        ),
        ({"kind": "api_key", "name": "api_key", "value": "${MADE_SECRET}", "in": "query"}, "?api_key", SECRET),
        ({"kind": "basic", "username": "vitals", "password": "${MADE_SECRET}"}, "authorization", f"Basic {_BASIC}"),
        ({"kind": "bearer", "token": "${MADE_SECRET}"}, "authorization", f"Bearer {SECRET}"),
    ],
    ids=["header", "prefix", "query", "basic", "bearer"],
)
def test_every_kind_of_credentials_is_shown_as_the_server_wants_it(
    tmp_path: Path,
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
    auth: dict[str, Any],
    shown: str,
    wanted: str,
) -> None:
    def answer(asked: Asked) -> Answer:
        place = asked.query if shown.startswith("?") else asked.headers
        return FINE if place.get(shown.lstrip("?")) == wanted else Answer({"error": "who are you?"}, 401)

    monkeypatch.setenv("MADE_SECRET", SECRET)
    with serving([answer]) as server:
        landed = fetched(tmp_path, server.url, contract, connection={"auth": auth})
        assert_whole(landed)
        assert rows_of(landed.path, "distinct _source", "1") == [(f"{server.url}/api/things",)]
        monkeypatch.setenv("MADE_SECRET", "wrong-one")
        refused = fetched(tmp_path, server.url, contract, connection={"auth": auth})
        assert refused.error == (
            f"{server.url}/api/things: refused with status 401 Unauthorized: who are you?. Check the credentials."
        )
        assert server.times(PATH) == 2, "knocking again could lock the account"


def test_a_link_that_holds_the_key_already_is_not_given_it_twice(
    tmp_path: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MADE_SECRET", SECRET)
    pages = [
        Answer({"items": ROWS[:1], "next": f"{PATH}?page=2&api_key={SECRET}"}),
        Answer({"items": ROWS[1:], "next": None}),
    ]
    auth = {"kind": "api_key", "name": "api_key", "value": "${MADE_SECRET}", "in": "query"}
    with serving(pages) as server:
        assert_whole(fetched(tmp_path, server.url, contract, connection={"auth": auth}, paging={"kind": "json_link"}))
        assert [asked.target for asked in server.asked] == [
            f"{PATH}?api_key={SECRET}",
            f"{PATH}?page=2&api_key={SECRET}",
        ]


# Records


def test_pages_follow_the_cursor_to_the_end(tmp_path: Path, contract: Contract) -> None:
    def page(asked: Asked) -> Answer:
        at = int(asked.query.get("after", 0))
        items = [{"ref": f"R{at + place}", "score": at + place} for place in range(3)]
        return Answer({"data": {"rows": items}, "more": at + 3 if at < 6 else None})

    with serving([page]) as server:
        landed = fetched(
            tmp_path,
            server.url,
            contract,
            request={"path": "/api/things", "params": {"limit": 3}},
            records="data.rows",
            paging={"kind": "cursor", "next": "more", "parameter": "after"},
        )
        assert rows_of(landed.path, "ref, score, _source_row") == [(f"R{n}", n, n + 1) for n in range(9)]
        assert [asked.query for asked in server.asked] == [
            {"limit": "3"},
            {"limit": "3", "after": "3"},
            {"limit": "3", "after": "6"},
        ]


def test_an_answer_that_is_the_list_itself(tmp_path: Path, contract: Contract) -> None:
    with serving([Answer(ROWS)]) as server:
        assert_whole(fetched(tmp_path, server.url, contract, records="", paging={"kind": "none"}))


def test_a_list_cannot_carry_a_cursor(tmp_path: Path, contract: Contract) -> None:
    with serving([Answer(ROWS)]) as server:
        landed = fetched(tmp_path, server.url, contract, records="")
        assert landed.error == (
            f"{server.url}/api/things: the answer is a plain list, so it holds no 'next_cursor' to page by. "
            "Mend `paging` in the source's YAML."
        )


def test_a_wrong_path_to_the_records_is_named(tmp_path: Path, contract: Contract) -> None:
    with serving([FINE]) as server:
        landed = fetched(tmp_path, server.url, contract, records="itms")
        assert landed.error == (
            f"{server.url}/api/things: the answer has no 'itms'. Did you mean 'items'? It has: 'items', 'next_cursor'. "
            "Mend `records` in the source's YAML."
        )
        landed = fetched(tmp_path, server.url, contract, records="items.rows")
        assert landed.error is not None
        assert landed.error.startswith(f"{server.url}/api/things: the answer has no 'items.rows'.")
    with serving([Answer({"items": {"ref": "A"}})]) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error == f"{server.url}/api/things: 'items' is not a list of records."


def test_a_field_that_no_record_holds_is_named(tmp_path: Path, contract: Contract) -> None:
    with serving([FINE]) as server:
        landed = fetched(tmp_path, server.url, contract, columns={"score": "scor"})
        assert landed.error == (
            f"{server.url}/api/things: no record has the field 'scor' for made.things.score. Did you mean 'score'? "
            "The first record has: 'ref', 'score'. Mend `columns.score` in the source's YAML."
        )
        assert_nothing(landed, tmp_path)


def test_the_quarters_bounds_go_into_the_parameters(tmp_path: Path) -> None:
    made = make_contract(tmp_path, key("ref"), column("score", "integer", required=True), load="incremental")
    params = {"from": "{period.start}", "before": "{period.end}", "limit": 10}
    with serving([FINE]) as server:
        source = source_at(tmp_path, server.url, made, request={"path": "/api/things", "params": params})
        landed = land(made, source.extract("things", [Q1, Q2]), tmp_path / "data", [Q1, Q2])
        assert [item.quarter for item in landed] == [Q1, Q2]
        assert [asked.query for asked in server.asked] == [
            {"from": "2025-04-01", "before": "2025-07-01", "limit": "10"},
            {"from": "2025-07-01", "before": "2025-10-01", "limit": "10"},
        ]
        origin = rows_of(landed[1].path, "distinct _source", "1")
        assert origin == [(f"{server.url}/api/things?from=2025-07-01&before=2025-10-01",)]


def test_one_quarter_that_fails_leaves_the_other_landing(tmp_path: Path) -> None:
    made = make_contract(tmp_path, key("ref"), column("score", "integer", required=True), load="incremental")

    def answer(asked: Asked) -> Answer:
        return Answer(b"broken", 500) if asked.query["from"] == "2025-04-01" else FINE

    with serving([answer]) as server:
        request = {"path": "/api/things", "params": {"from": "{period.start}"}}
        source = source_at(tmp_path, server.url, made, request=request)
        first, second = land(made, source.extract("things", [Q1, Q2]), tmp_path / "data", [Q1, Q2])
        assert first.error is not None and first.path is None
        assert_whole(second)


def test_who_asks_is_told(tmp_path: Path, contract: Contract) -> None:
    with serving([FINE]) as server:
        fetched(tmp_path, server.url, contract)
        assert server.asked[0].headers["user-agent"].startswith("council-vitals/")


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("rate", "seconds"), [("20/s", 0.15), ("200/m", 0.9), ("1/s", 3.0), (None, 0.0)])
def test_requests_keep_to_the_agreed_rate(monkeypatch: pytest.MonkeyPatch, rate: str | None, seconds: float) -> None:
    clock = Clock()
    monkeypatch.setattr(http, "time", clock)
    with serving([FINE]) as server, Client(HttpConnection(base_url=server.url, rate_limit=rate)) as client:
        for _ in range(4):
            client.json("/api/things")
    assert clock.now - 1000 == pytest.approx(seconds), "the first goes at once, each other waits its turn"


# Tokens


class Login:
    """A token endpoint and an API that takes each token `uses` times, then calls it expired."""

    def __init__(self, uses: int) -> None:
        self._uses = uses
        self._left: dict[str, int] = {}
        self._lock = threading.Lock()

    def token(self, asked: Asked) -> Answer:
        credentials = base64.b64encode(f"vitals:{SECRET}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {credentials}":
            return Answer({"error": "invalid_client"}, 401)
        with self._lock:
            token = f"token-{len(self._left) + 1}"
            self._left[token] = self._uses
        return Answer({"access_token": token, "token_type": "Bearer"})

    def things(self, asked: Asked) -> Answer:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        with self._lock:
            if not self._left.get(token):
                return Answer({"error": "invalid_token"}, 401)
            self._left[token] -= 1
        at = int(asked.query.get("cursor", 0))
        return Answer({"items": [{"ref": f"R{at}", "score": at}], "next_cursor": at + 1 if at < 4 else None})

    @contextmanager
    def serving(self) -> Iterator[FaultServer]:
        with faults({"/oauth/token": [self.token], "/api/things": [self.things]}) as server:
            yield server


@pytest.fixture
def auth(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("MADE_SECRET", SECRET)
    return {
        "kind": "oauth2_client_credentials",
        "token_path": "/oauth/token",
        "client_id": "vitals",
        "client_secret": "${MADE_SECRET}",
        "scope": "read",
    }


def test_a_token_is_asked_for_once_and_shown_with_every_request(
    tmp_path: Path, contract: Contract, auth: dict[str, Any]
) -> None:
    with Login(uses=100).serving() as server:
        landed = fetched(tmp_path, server.url, contract, connection={"auth": auth})
        assert landed.rows == 5
        (asked,) = [asked for asked in server.asked if asked.path == "/oauth/token"]
        assert (asked.method, asked.form) == ("POST", {"grant_type": "client_credentials", "scope": "read"})
        shown = {asked.headers["authorization"] for asked in server.asked if asked.path == "/api/things"}
        assert shown == {"Bearer token-1"}


def test_a_token_that_expires_on_the_way_is_renewed(tmp_path: Path, contract: Contract, auth: dict[str, Any]) -> None:
    with Login(uses=2).serving() as server:
        landed = fetched(tmp_path, server.url, contract, connection={"auth": auth})
        assert rows_of(landed.path, "ref") == [(f"R{number}",) for number in range(5)], "no page twice, none lost"
        assert server.times("/oauth/token") == 3


def test_a_wrong_secret_is_refused_without_showing_it(
    tmp_path: Path, contract: Contract, auth: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MADE_SECRET", f"{SECRET}-mistyped")
    with Login(uses=1).serving() as server:
        landed = fetched(tmp_path, server.url, contract, connection={"auth": auth})
        assert landed.error == (
            f"{server.url}/oauth/token: no token given (status 401, invalid_client). Check client_id, client_secret "
            "and scope."
        )
        assert_nothing(landed, tmp_path)
        assert server.times("/oauth/token") == 1, "knocking again could lock the account"
        assert server.times("/api/things") == 0


def test_a_server_that_takes_no_token_at_all_is_given_up(
    tmp_path: Path, contract: Contract, auth: dict[str, Any]
) -> None:
    with Login(uses=0).serving() as server:
        landed = fetched(tmp_path, server.url, contract, connection={"auth": auth})
        assert landed.error is not None
        assert "refused with status 401 Unauthorized" in landed.error
        assert landed.error.endswith("Check the credentials.")
        assert server.times("/api/things") == 2, "one new token is tried, no more"


@pytest.mark.parametrize(
    "answer",
    [Answer({"token": "x"}), Answer(b"<html>", content_type="text/html"), Answer(["x"])],
    ids=["another name", "a page", "a list"],
)
def test_a_token_answer_without_a_token_is_named(
    tmp_path: Path, contract: Contract, auth: dict[str, Any], answer: Answer
) -> None:
    with faults({"/oauth/token": [answer]}) as server:
        landed = fetched(tmp_path, server.url, contract, connection={"auth": auth})
        assert landed.error == (
            f"{server.url}/oauth/token: the answer holds no access_token. Check token_path, or ask the system's owner."
        )


def test_a_token_endpoint_out_of_reach_is_named(tmp_path: Path, contract: Contract, auth: dict[str, Any]) -> None:
    landed = fetched(tmp_path, closed_port(), contract, connection={"auth": auth})
    assert landed.error is not None
    assert "/oauth/token: cannot be reached (ConnectionError). Check connection.base_url" in landed.error


def test_reaching_asks_for_the_first_page_and_says_what_is_wrong(
    tmp_path: Path, contract: Contract, auth: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Login(uses=5).serving() as server:
        source = source_at(tmp_path, server.url, contract, connection={"auth": auth})
        source.reach()
        assert [asked.path for asked in server.asked] == ["/oauth/token", "/api/things"]
        monkeypatch.setenv("MADE_SECRET", "wrong")
        with pytest.raises(SourceError, match="no token given"):
            source.reach()
    with pytest.raises(SourceError, match="cannot be reached"):
        source.reach()
