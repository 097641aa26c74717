"""The connector `rest` as a reader: every kind of paging to its right end, the period in the call, nothing twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.builders import Q1, Q2, column, files_in, key, make_contract, rows_of
from support.fault_server import Answer, Asked, faults
from support.rest import PATH, ROWS, fetched, source_at

from sources.contract import Contract
from sources.errors import ConfigurationError
from sources.landing import Landed, land

ALL = [{"ref": f"R{number}", "score": number} for number in range(7)]
Server = Callable[[Asked], Answer]


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(tmp_path, key("ref"), column("score", "integer", required=True))


def read(folder: Path, contract: Contract, server: Server, **dataset: Any) -> tuple[Landed, list[str]]:
    """What has landed, and what was asked (parameters, or the body where there is one)."""
    with faults({PATH: [server]}) as faulty:
        landed = fetched(folder, faulty.url, contract, **dataset)
        asked = [(each.body.decode() or each.target.partition("?")[2]) for each in faulty.asked]
        return landed, asked


def assert_all(landed: Landed) -> None:
    assert landed.error is None
    assert rows_of(landed.path, "ref, _source_row") == [(f"R{number}", number + 1) for number in range(7)]


def sliced(start: int, size: int, **beside: Any) -> Answer:
    return Answer({"items": ALL[start : start + size], **beside})


# Links


def link(asked: Asked) -> Answer:
    """Three at a time, the way on in a header among other links."""
    at = int(asked.query.get("after", 0))
    links = [f'<{PATH}?after=0>; rel="first"']
    if at + 3 < 7:
        links.append(f'<{PATH}?after={at + 3}&a=b;c,d>; title="on, and; on"; rel="last next"')
    return Answer({"items": ALL[at : at + 3]}, headers={"Link": ", ".join(links)})


def test_links_in_the_header_are_followed_to_the_last(tmp_path: Path, contract: Contract) -> None:
    landed, asked = read(
        tmp_path,
        contract,
        link,
        request={"path": PATH, "params": {"size": 3}},
        paging={"kind": "link_header"},
    )
    assert_all(landed)
    assert asked == ["size=3", "after=3&a=b;c,d", "after=6&a=b;c,d"], "a link is taken as it stands"


@pytest.mark.parametrize(
    ("header", "followed"),
    [
        ("<?after=1>; rel=next", True),
        ("<?after=1>;REL=Next", True),
        ('<?after=1>; type="x"; rel="next"', True),
        ("<?after=1>; rel=prev", False),
        ('<?after=1>; title="rel=next"', False),
        ("<?after=1>", False),
        ("", False),
    ],
)
def test_headers_of_links(tmp_path: Path, contract: Contract, header: str, followed: bool) -> None:
    def answer(asked: Asked) -> Answer:
        return sliced(1, 1) if asked.query else Answer({"items": ALL[:1]}, headers={"Link": header})

    _, asked = read(tmp_path, contract, answer, paging={"kind": "link_header"})
    assert asked == (["", "after=1"] if followed else [""])


@pytest.mark.parametrize("end", [None, "", False], ids=["null", "empty", "false"])
@pytest.mark.parametrize("relative", [True, False])
def test_links_in_the_answer_are_followed_to_the_last(
    tmp_path: Path, contract: Contract, end: Any, relative: bool
) -> None:
    def answer(asked: Asked) -> Answer:
        at = int(asked.query.get("after", 0))
        base = "" if relative else f"http://{asked.headers['host']}"
        return sliced(at, 3, links={"next": f"{base}{PATH}?after={at + 3}" if at + 3 < 7 else end})

    landed, asked = read(tmp_path, contract, answer, paging={"kind": "json_link", "next": "links.next"})
    assert_all(landed)
    assert asked == ["", "after=3", "after=6"]


@pytest.mark.parametrize("kind", ["json_link", "link_header"])
def test_a_link_to_another_server_is_not_followed(tmp_path: Path, contract: Contract, kind: str) -> None:
    with faults({PATH: [sliced(3, 3)]}) as other:
        away = f"{other.url}{PATH}?token=hunter2"
        answer = Answer({"items": ALL[:3], "next": away}, headers={"Link": f'<{away}>; rel="next"'})
        landed, _ = read(
            tmp_path,
            contract,
            lambda asked: answer,
            paging={"kind": kind},
            connection={"auth": {"kind": "bearer", "token": "hunter2-not-to-be-seen"}},
        )
        assert landed.error == (
            f"{other.url}{PATH}: lies on another server than connection.base_url; not followed. Ask the system's owner."
        )
        assert other.asked == []
    assert files_in(tmp_path / "data") == []


def test_a_link_that_leads_back_is_noticed(tmp_path: Path, contract: Contract) -> None:
    def answer(asked: Asked) -> Answer:
        at = int(asked.query.get("after", 0))
        return sliced(at, 2, next=f"{PATH}?after={(at + 2) % 4}")

    landed, asked = read(tmp_path, contract, answer, paging={"kind": "json_link"})
    assert landed.error is not None and f"{PATH}: paging does not advance: the address '" in landed.error
    assert landed.error.endswith(f"{PATH}…' came twice.")
    assert asked == ["", "after=2", "after=0"]


def test_a_way_on_that_the_answer_lacks_is_named_or_noted(tmp_path: Path, contract: Contract) -> None:
    with faults({PATH: [Answer({"items": ROWS, "next_curser": "x"})]}) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error == (
            f"{server.url}{PATH}: the answer has no 'next_cursor'. Did you mean 'next_curser'? "
            "It has: 'items', 'next_curser'. Mend `paging.next` in the source's YAML."
        )
    landed, _ = read(tmp_path, contract, lambda asked: Answer({"items": ROWS}))
    assert (landed.error, landed.rows) == (None, 2)
    assert landed.notes == ("no 'next_cursor' in the answer: read as its only page",)


# Offsets and pages


def offsets(cap: int = 1000, total: int | None = None, rows: list[dict[str, Any]] = ALL) -> Server:
    """Gives as many as asked for, but never more than `cap`, and says so to nobody."""

    def answer(asked: Asked) -> Answer:
        at, size = int(asked.query["offset"]), min(int(asked.query["limit"]), cap)
        beside = {} if total is None else {"meta": {"count": total}}
        return Answer({"items": rows[at : at + size], **beside})

    return answer


@pytest.mark.parametrize(
    ("size", "cap", "asked"),
    [
        (3, 1000, [0, 3, 6]),
        (7, 1000, [0, 7]),
        (1000, 1000, [0, 7]),
        (1000, 3, [0, 3, 6]),
        (1, 1000, [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
    ids=["short page ends", "empty page ends", "one page", "a server that gives less than asked", "one by one"],
)
def test_offsets_without_a_total(tmp_path: Path, contract: Contract, size: int, cap: int, asked: list[int]) -> None:
    landed, calls = read(tmp_path, contract, offsets(cap), paging={"kind": "offset", "size": size})
    assert_all(landed)
    assert calls == [f"offset={at}&limit={size}" for at in asked]


@pytest.mark.parametrize(
    ("size", "cap", "asked"), [(3, 1000, [0, 3, 6]), (1000, 3, [0, 3, 6]), (8, 1000, [0]), (7, 1000, [0, 7])]
)
def test_offsets_end_at_the_total(tmp_path: Path, contract: Contract, size: int, cap: int, asked: list[int]) -> None:
    paging = {"kind": "offset", "size": size, "total": "meta.count"}
    landed, calls = read(tmp_path, contract, offsets(cap, total=7), paging=paging)
    assert_all(landed)
    assert [call.partition("&")[0] for call in calls] == [f"offset={at}" for at in asked]


def test_names_of_offsets(tmp_path: Path, contract: Contract) -> None:
    def answer(asked: Asked) -> Answer:
        at = int(asked.query["$offset"])
        return Answer(ALL[at : at + int(asked.query["$limit"])])

    paging = {"kind": "offset", "parameter": "$offset", "size_parameter": "$limit", "size": 5}
    landed, calls = read(tmp_path, contract, answer, paging=paging, records="")
    assert_all(landed)
    assert calls == ["%24offset=0&%24limit=5", "%24offset=5&%24limit=5"]


def test_a_source_that_ends_before_its_total_lands_nothing(tmp_path: Path, contract: Contract) -> None:
    landed, _ = read(tmp_path, contract, offsets(total=9), paging={"kind": "offset", "size": 3, "total": "meta.count"})
    assert landed.error is not None
    assert landed.error.endswith(
        f"{PATH}: 'meta.count' says 9, but after 4 pages with 7 records nothing more comes. Nothing landed; run again, "
        "or ask the system's owner."
    )
    assert files_in(tmp_path / "data") == []


def test_a_total_of_one_page_only_is_found_out(tmp_path: Path, contract: Contract) -> None:
    """ONS, for one, has `count` (of this page) beside `total_count`."""

    def answer(asked: Asked) -> Answer:
        page = ALL[int(asked.query["offset"]) :][: int(asked.query["limit"])]
        return Answer({"items": page, "count": len(page)})

    landed, _ = read(tmp_path, contract, answer, paging={"kind": "offset", "size": 3, "total": "count"})
    assert landed.error is not None
    assert landed.error.endswith(
        "'count' says 3, but 6 records have come: it may count one page only. Mend `paging.total` in the source's YAML."
    )


def test_a_total_that_changes_on_the_way_is_noticed(tmp_path: Path, contract: Contract) -> None:
    def changing(*totals: int) -> Server:
        told = iter(totals)
        return lambda asked: sliced(int(asked.query["offset"]), 3, total=next(told))

    paging = {"kind": "offset", "size": 3, "total": "total"}
    landed, _ = read(tmp_path, contract, changing(6, 7, 7), paging=paging)
    assert_all(landed)
    assert landed.notes == ("the source grew from 6 to 7 while it was read",)
    landed, _ = read(tmp_path, contract, changing(8, 7, 7), paging=paging)
    assert landed.error is not None
    assert landed.error.endswith(
        "'total' fell from 8 to 7 while it was read, so records may have been missed. Run again."
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"items": ROWS, "totl": 2}, "the answer has no 'total'. Did you mean 'totl'? It has: 'items', 'totl'."),
        ({"items": ROWS, "total": "many"}, "'total' holds 'many', no number."),
        ({"items": ROWS, "total": None}, "'total' holds None, no number."),
    ],
)
def test_a_total_that_is_none_is_named(tmp_path: Path, contract: Contract, body: dict[str, Any], words: str) -> None:
    landed, _ = read(tmp_path, contract, lambda asked: Answer(body), paging={"kind": "offset", "total": "total"})
    assert landed.error is not None
    assert landed.error.endswith(f"{PATH}: {words} Mend `paging` in the source's YAML.")


@pytest.mark.parametrize("paging", [{"kind": "offset", "size": 3}, {"kind": "page", "pages": "pages"}])
def test_a_server_that_does_not_look_at_the_page_is_noticed(
    tmp_path: Path, contract: Contract, paging: dict[str, Any]
) -> None:
    landed, asked = read(tmp_path, contract, lambda asked: sliced(0, 3, pages=3), paging=paging)
    assert landed.error is not None
    assert landed.error.endswith(f"{PATH}: paging does not advance: page 2 repeats the one before.")
    assert len(asked) == 2
    assert files_in(tmp_path / "data") == []


@pytest.mark.parametrize(
    ("paging", "asked"),
    [
        ({}, ["page=1", "page=2", "page=3"]),
        ({"pages": "pages"}, ["page=1", "page=2", "page=3"]),
        ({"first": 0, "parameter": "p"}, ["p=0", "p=1", "p=2"]),
        (
            {"size_parameter": "per_page", "size": 3},
            ["page=1&per_page=3", "page=2&per_page=3", "page=3&per_page=3"],
        ),
    ],
    ids=["short page ends", "number of pages", "from zero", "with a size"],
)
def test_pages_are_counted(tmp_path: Path, contract: Contract, paging: dict[str, Any], asked: list[str]) -> None:
    def answer(asked: Asked) -> Answer:
        number = int(asked.query.get("page", 0)) - 1 if "page" in asked.query else int(asked.query["p"])
        return sliced(number * 3, 3, pages=3)

    landed, calls = read(tmp_path, contract, answer, paging={"kind": "page", **paging})
    assert_all(landed)
    assert calls == asked


def test_fewer_pages_than_said_land_nothing(tmp_path: Path, contract: Contract) -> None:
    landed, _ = read(
        tmp_path,
        contract,
        lambda asked: sliced(3 * int(asked.query["page"]) - 3, 3, pages=5),
        paging={"kind": "page", "pages": "pages"},
    )
    assert landed.error is not None and "'pages' says 5, but after 4 pages with 7 records" in landed.error


def test_an_empty_source_ends_at_once(tmp_path: Path) -> None:
    made = make_contract(tmp_path, key("ref"), column("score", "integer"), load="incremental")
    for paging in (
        {"kind": "offset"},
        {"kind": "offset", "total": "total"},
        {"kind": "page"},
        {"kind": "cursor"},
        {"kind": "json_link"},
        {"kind": "link_header"},
    ):
        landed, asked = read(
            tmp_path,
            made,
            lambda asked: Answer({"items": [], "total": 0, "next": None, "next_cursor": ""}),
            paging=paging,
            request={"path": PATH, "params": {"from": "{period.start}"}},
        )
        assert (landed.error, landed.rows, len(asked)) == (None, 0, 1), paging


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"paging": {"kind": "curser"}},
            "paging.kind: 'curser' is not a kind of paging. Did you mean 'cursor'? "
            "Kinds: none, link_header, json_link, offset, page, cursor.",
        ),
        (
            {"paging": {"kind": "offset", "siez": 3}},
            "paging.siez: not a known key. Did you mean 'size'? "
            "Keys: 'kind', 'parameter', 'size', 'size_parameter', 'total'.",
        ),
        ({"paging": {"next": "x"}}, "paging.kind: is missing. Add it."),
        ({"paging": {"kind": "offset", "size": 0}}, "paging.size: Input should be greater than 0."),
        (
            {"paging": {"kind": "page", "size": 5}},
            "paging: size and size_parameter go together: give both or neither.",
        ),
        ({"request": {"path": PATH, "body": {}}}, "request: a body needs `method: post`."),
        (
            {"request": {"path": PATH, "params": {"a": "{period.begin}"}}},
            "request: '{period.begin}' stands for nothing.",
        ),
        ({"request": {"path": "/{period}"}}, "request: '{period}' stands for nothing."),
    ],
)
def test_mistakes_in_yaml_are_named(tmp_path: Path, contract: Contract, change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        source_at(tmp_path, "https://crm.example", contract, **change)
    (found,) = error.value.problems
    assert found.partition(": datasets.things.")[2].startswith(problem)


# What is asked


@pytest.fixture
def by_quarter(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path,
        key("ref"),
        column("score", "integer"),
        column("updated_at", "timestamp"),
        load="incremental",
        highWaterMark="updated_at",
    )


def test_the_period_stands_wherever_it_is_named(tmp_path: Path, by_quarter: Contract) -> None:
    request = {
        "path": "/api/{financial_year}/{quarter}",
        "params": {"from": "{period.start:%d/%m/%Y}", "to": "{period.last_day}", "q": ["a{period.end}", "b"], "n": 3},
    }
    with faults({"/api/2025-26/2025-26-Q1": [Answer({"items": ROWS})]}) as server:
        landed = fetched(tmp_path, server.url, by_quarter, request=request, paging={"kind": "none"})
        (asked,) = server.asked
        assert landed.error is None
        assert asked.target == ("/api/2025-26/2025-26-Q1?from=01%2F04%2F2025&to=2025-06-30&q=a2025-07-01&q=b&n=3")


def test_a_query_in_json_is_posted_with_period_and_page(tmp_path: Path, by_quarter: Contract) -> None:
    def answer(asked: Asked) -> Answer:
        query = json.loads(asked.body)
        assert asked.method == "POST" and asked.headers["content-type"] == "application/json"
        return Answer({"results": ALL[3 * query["page"] - 3 :][:3], "paging": {"totalPages": 3}})

    request = {
        "path": PATH,
        "method": "post",
        "body": {"where": [{"from": "{period.start}", "all": True}], "size": 3},
        "headers": {"X-Tenant": "brigstow"},
    }
    paging = {"kind": "page", "pages": "paging.totalPages"}
    landed, asked = read(tmp_path, by_quarter, answer, request=request, records="results", paging=paging)
    assert_all(landed)
    assert [json.loads(body) for body in asked] == [
        {"where": [{"from": "2025-04-01", "all": True}], "size": 3, "page": number} for number in (1, 2, 3)
    ]


def test_a_month_in_the_call_makes_one_call_a_month(tmp_path: Path, by_quarter: Contract) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer({"items": [{"ref": asked.query["month"], "score": 1}]})

    request = {"path": PATH, "params": {"month": "{period:%Y-%m}"}}
    landed, asked = read(tmp_path, by_quarter, answer, request=request, paging={"kind": "none"})
    assert asked == ["month=2025-04", "month=2025-05", "month=2025-06"]
    assert rows_of(landed.path, "ref, _source_row") == [("2025-04", 1), ("2025-05", 2), ("2025-06", 3)]


@pytest.mark.parametrize(
    ("params", "asked"),
    [
        ({"from": "{period.start}"}, ["from=2025-05-20T08%3A30%3A00", "from=2025-07-01"]),
        ({"from": "{period.start:%Y-%m-%d}"}, ["from=2025-05-20", "from=2025-07-01"]),
        (
            {"m": "{period:%Y-%m}"},
            ["m=2025-05", "m=2025-06", "m=2025-07", "m=2025-08", "m=2025-09"],
        ),
    ],
)
def test_only_what_changed_since_is_asked_for(
    tmp_path: Path, by_quarter: Contract, params: dict[str, str], asked: list[str]
) -> None:
    mark = datetime(2025, 5, 20, 8, 30)
    with faults({PATH: [Answer({"items": ROWS})]}) as server:
        source = source_at(
            tmp_path, server.url, by_quarter, request={"path": PATH, "params": params}, paging={"kind": "none"}
        )
        extracts = list(source.extract("things", [Q1, Q2], {Q1: mark}))
        assert [extract.since for extract in extracts] == [mark, None]
        for extract in extracts:
            assert sum(batch.num_rows for batch in extract.batches) > 0
        assert [each.target.partition("?")[2] for each in server.asked] == asked


def test_a_mark_before_the_quarter_asks_for_the_quarter(tmp_path: Path, by_quarter: Contract) -> None:
    request = {"path": PATH, "params": {"from": "{period.start:%Y-%m-%d}"}}
    with faults({PATH: [Answer({"items": ROWS})]}) as server:
        source = source_at(tmp_path, server.url, by_quarter, request=request, paging={"kind": "none"})
        (extract,) = source.extract("things", [Q2], {Q2: datetime(2025, 6, 25)})
        assert sum(batch.num_rows for batch in extract.batches) == 2
        assert server.asked[0].query == {"from": "2025-07-01"}


def test_reaching_asks_as_reading_would(tmp_path: Path, by_quarter: Contract) -> None:
    request = {"path": PATH, "method": "post", "body": {"month": "{period:%Y-%m}"}}
    with faults({PATH: [Answer({"items": []})]}) as server:
        source_at(tmp_path, server.url, by_quarter, request=request, paging={"kind": "offset"}).reach()
        (asked,) = server.asked
        assert json.loads(asked.body) == {"month": "1970-04", "offset": 0, "limit": 1000}


# Fields


def test_an_optional_field_that_no_record_holds_is_noted(tmp_path: Path) -> None:
    made = make_contract(tmp_path, key("ref"), column("closed", "date"), column("team"), column("score", "integer"))
    pages = [
        Answer({"items": [{"ref": "A", "dates": {"closd": "2025-04-01"}}], "next_cursor": 1}),
        Answer({"items": [{"ref": "B", "dates": {"closd": None}, "team": "T"}], "next_cursor": None}),
    ]
    with faults({PATH: pages}) as server:
        landed = fetched(tmp_path, server.url, made, columns={"closed": "dates.closed"})
        assert landed.rows == 2
        assert landed.notes == (
            "no record has the field 'dates.closed' for made.things.closed. Did you mean 'closd'?",
            "no record has the field 'score' for made.things.score.",
        )


# The same not twice


class Versioned:
    """Pages with a tag each; counts what it sent whole."""

    def __init__(self, how: str = "ETag") -> None:
        self.rows = list(ALL)
        self.whole = 0
        self._how = how

    def __call__(self, asked: Asked) -> Answer:
        at = int(asked.query.get("after", 0))
        page = self.rows[at : at + 4]
        body = {"items": page, "next": f"{PATH}?after={at + 4}" if at + 4 < len(self.rows) else None}
        version = f'"{hash(json.dumps(page))}"'
        headers = {"ETag": version}
        known = asked.headers.get("if-none-match")
        if self._how == "Last-Modified":
            headers = {"Last-Modified": f"Wed, 01 Jan 2025 00:00:{len(page):02} GMT"}
            known, version = asked.headers.get("if-modified-since"), headers["Last-Modified"]
        if known == version:
            return Answer(b"", 304, headers)
        self.whole += 1
        return Answer(body, headers=headers)


@pytest.mark.parametrize("how", ["ETag", "Last-Modified"])
def test_what_has_not_changed_is_not_sent_again(tmp_path: Path, contract: Contract, how: str) -> None:
    api = Versioned(how)
    with faults({PATH: [api]}) as server:
        dataset: dict[str, Any] = {"paging": {"kind": "json_link"}}
        first = fetched(tmp_path, server.url, contract, **dataset)
        assert_all(first)
        assert api.whole == 2
        again = fetched(tmp_path, server.url, contract, **dataset)
        assert (again.unchanged, again.path, again.rows, again.error) == (True, first.path, 7, None)
        assert (api.whole, len(server.asked)) == (2, 4), "both pages were asked for, none was sent"
        api.rows[6] = {"ref": "R6", "score": 60}
        api.rows.append({"ref": "R7", "score": 7})
        changed = fetched(tmp_path, server.url, contract, **dataset)
        assert (changed.unchanged, changed.rows) == (False, 8)
        assert rows_of(changed.path, "sum(score)", "1") == [(82,)]
        assert fetched(tmp_path, server.url, contract, **dataset).unchanged


def test_a_change_in_the_first_page_is_sent_once(tmp_path: Path, contract: Contract) -> None:
    api = Versioned()
    with faults({PATH: [api]}) as server:
        fetched(tmp_path, server.url, contract, paging={"kind": "json_link"})
        api.rows[0] = {"ref": "R0", "score": 100}
        changed = fetched(tmp_path, server.url, contract, paging={"kind": "json_link"})
        assert rows_of(changed.path, "sum(score)", "1") == [(121,)]
        assert len(server.asked) == 4, "what came in answer to the question is not fetched again"


def test_another_reading_of_the_same_is_fetched(tmp_path: Path, contract: Contract) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "codes.csv").write_text("from,to\n" + "".join(f"R{n},A{n}\n" for n in range(7)))
    with faults({PATH: [Versioned()]}) as server:
        dataset: dict[str, Any] = {"paging": {"kind": "json_link"}}
        fetched(tmp_path, server.url, contract, **dataset)
        dataset["columns"] = {"ref": {"field": "ref", "map_file": "codes.csv"}}
        mapped = fetched(tmp_path, server.url, contract, **dataset)
        assert rows_of(mapped.path, "min(ref)", "1") == [("A0",)]
        (tmp_path / "sources" / "codes.csv").write_text("from,to\n" + "".join(f"R{n},B{n}\n" for n in range(7)))
        mapped = fetched(tmp_path, server.url, contract, **dataset)
        assert rows_of(mapped.path, "min(ref)", "1") == [("B0",)]
        stricter = make_contract(tmp_path, key("ref"), column("score", "integer", logicalTypeOptions={"maximum": 5}))
        fetched(tmp_path, server.url, stricter, **dataset)
        assert "if-none-match" not in server.asked[-1].headers


def test_pseudonyms_are_made_anew_whether_or_not_the_source_has_changed(tmp_path: Path, monkeypatch: Any) -> None:
    made = make_contract(tmp_path, column("ref", classification="pseudonymised"), column("score", "integer"))
    with faults({PATH: [Versioned()]}) as server:
        source = source_at(tmp_path, server.url, made, paging={"kind": "json_link"}, pseudonym_key="${MADE_KEY}")
        seen = set()
        for secret in ("first-key-of-thirty-two-characters", "other-key-of-thirty-two-characters"):
            monkeypatch.setenv("MADE_KEY", secret)
            (landed,) = land(made, source.extract("things", [Q1]), tmp_path / "data", [Q1])
            seen |= set(rows_of(landed.path, "ref"))
        assert len(seen) == 14


@pytest.mark.parametrize(
    "headers",
    [{}, {"Last-Modified": "Fri, 01 Jan 2100 00:00:00 GMT"}, {"Last-Modified": "lately"}],
    ids=["none", "this very moment", "no date"],
)
def test_a_source_without_versions_is_read_anew(tmp_path: Path, contract: Contract, headers: dict[str, str]) -> None:
    with faults({PATH: [Answer({"items": ROWS}, headers=headers)]}) as server:
        for _ in range(2):
            landed = fetched(tmp_path, server.url, contract, paging={"kind": "none"})
        assert landed.unchanged
        assert [set(asked.headers) & {"if-none-match", "if-modified-since"} for asked in server.asked] == [set(), set()]


def test_a_page_that_is_there_no_more_is_no_error(tmp_path: Path, contract: Contract) -> None:
    """The address of a second page may be good for an hour only."""
    first = Answer({"items": ALL[:4], "next": f"{PATH}/2?at=1"}, headers={"ETag": '"1"'})

    def start(asked: Asked) -> Answer:
        return Answer(b"", 304) if "if-none-match" in asked.headers else first

    def second(asked: Asked) -> Answer:
        return Answer(b"expired", 410) if "if-none-match" in asked.headers else sliced(4, 4, next=None)

    tagged = Answer({"items": ALL[4:], "next": None}, headers={"ETag": '"2"'})
    with faults({PATH: [start], f"{PATH}/2": [tagged, second]}) as server:
        for _ in range(2):
            landed = fetched(tmp_path, server.url, contract, paging={"kind": "json_link"})
            assert_all(landed)


def test_an_address_with_a_secret_in_it_is_not_kept(tmp_path: Path, contract: Contract, monkeypatch: Any) -> None:
    monkeypatch.setenv("MADE_KEY", "hunter2-not-to-be-seen")
    auth = {"kind": "api_key", "name": "key", "value": "${MADE_KEY}", "in": "query"}
    pages = [
        Answer({"items": ALL[:4], "next": f"{PATH}?key=hunter2-not-to-be-seen&page=2"}, headers={"ETag": '"1"'}),
        Answer({"items": ALL[4:], "next": None}, headers={"ETag": '"2"'}),
    ]
    with faults({PATH: pages}) as server:
        landed = fetched(tmp_path, server.url, contract, paging={"kind": "json_link"}, connection={"auth": auth})
        assert_all(landed)
        assert landed.path is not None and b"hunter2" not in landed.path.read_bytes()


def test_quarters_keep_versions_of_their_own(tmp_path: Path, by_quarter: Contract) -> None:
    current = {"2025-04-01": 1, "2025-07-01": 1}

    def answer(asked: Asked) -> Answer:
        tag = f'"{current[asked.query["from"]]}"'
        if asked.headers.get("if-none-match") == tag:
            return Answer(b"", 304)
        return Answer({"items": [{"ref": "A", "score": current[asked.query["from"]]}]}, headers={"ETag": tag})

    with faults({PATH: [answer]}) as server:
        request = {"path": PATH, "params": {"from": "{period.start}"}}
        source = source_at(tmp_path, server.url, by_quarter, request=request, paging={"kind": "none"})
        land(by_quarter, source.extract("things", [Q1, Q2]), tmp_path / "data", [Q1, Q2])
        current["2025-07-01"] = 2
        landed = land(by_quarter, source.extract("things", [Q1, Q2]), tmp_path / "data", [Q1, Q2])
        assert [item.unchanged for item in landed] == [True, False]
        assert [rows_of(item.path, "score") for item in landed] == [[(1,)], [(2,)]]


def test_values_of_every_kind_become_text(tmp_path: Path) -> None:
    names = ("whole", "decimal", "yes", "listed", "nested", "half", "mixed")
    made = make_contract(tmp_path, key("ref"), *(column(name) for name in names))
    body = (
        rb'{"items": [{"ref": "A", "whole": 7, "decimal": 0.10, "yes": true, "listed": ["a", 1], '
        rb'"nested": {"b": 1.50}, "half": "x\ud83dy", "mixed": "text"},'
        rb'{"ref": "B", "whole": -1, "decimal": 6.4579816E7, "yes": false, "listed": [], '
        rb'"nested": {}, "half": null, "mixed": 3}]}'
    )
    with faults({PATH: [Answer(body)]}) as server:
        landed = fetched(tmp_path, server.url, made, paging={"kind": "none"})
        assert rows_of(landed.path, ", ".join(names)) == [
            ("7", "0.10", "true", '["a", 1]', '{"b": "1.50"}', "x?y", "text"),
            ("-1", "64579816", "false", "[]", "{}", None, "3"),
        ]
