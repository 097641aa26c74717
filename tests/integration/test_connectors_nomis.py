"""The connector `nomis` against a replay that caps answers without a word, serving a true answer of Nomis in place."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.builders import column, files_in, key, make_contract, rows_of
from support.fault_server import Answer, Asked, FaultServer, faults
from support.replays import SHARED, fetched, source_of

from sources.config import Source
from sources.contract import Contract
from sources.errors import ConfigurationError, SourceError

PATH = "/NM_2002_1.data.csv"
PARAMS = {"geography": ["2013265921", "TYPE424"], "date": "latest", "gender": 0, "measures": 20100}
COLUMNS = {"area_id": "GEOGRAPHY", "area_code": "GEOGRAPHY_CODE", "age": "C_AGE_NAME", "people": "OBS_VALUE"}
# One code of two ids: Nomis has a unitary authority among the districts and among the counties.
AREAS = [("2013265921", "E12000001"), ("1811939630", "E06000023"), ("1807745166", "E06000023")]
ROWS = [
    {"GEOGRAPHY": area, "GEOGRAPHY_CODE": code, "C_AGE_NAME": age, "OBS_VALUE": str(1000 * place + years)}
    for place, (area, code) in enumerate(AREAS)
    for years, age in enumerate(["All Ages", "Aged 0 to 15", "Aged 16+"])
]


def nomis(rows: Sequence[dict[str, str]], cap: int, kind: str = "text/csv") -> Callable[[Asked], Answer]:
    """Answers of at most `cap` rows, of the columns that are selected."""

    def answer(asked: Asked) -> Answer:
        offset, limit = int(asked.query["recordoffset"]), int(asked.query.get("recordlimit", cap))
        told = [
            {**row, "RECORD_OFFSET": str(number), "RECORD_COUNT": str(len(rows))}
            for number, row in enumerate(rows[offset : offset + min(cap, limit)], start=offset)
        ]
        every = [*rows[0], "RECORD_OFFSET", "RECORD_COUNT"] if rows else ["RECORD_OFFSET", "RECORD_COUNT"]
        selected = asked.query["select"].split(",") if "select" in asked.query else every
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, [name for name in selected if name in every], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(told)
        return Answer(text.getvalue().encode(), content_type=kind)

    return answer


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path, key("area_id", 1), column("area_code", required=True), key("age", 2), column("people", "integer")
    )


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with faults({PATH: [nomis(ROWS, cap=4)]}) as replay:
        yield replay


def source_at(folder: Path, url: str, contract: Contract, auth: Any = None, **dataset: Any) -> Source:
    described = {"dataset": "NM_2002_1", "params": PARAMS, "columns": COLUMNS} | dataset
    return source_of(folder, "nomis", url, contract, described, **({"auth": auth} if auth else {}))


def test_rows_beyond_the_cap_are_asked_for(server: FaultServer, tmp_path: Path, contract: Contract) -> None:
    landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
    assert (landed.error, landed.rows, landed.rejected) == (None, 9, 0)
    found = [(area, code, age, str(people)) for area, code, age, people in rows_of(landed.path, ", ".join(COLUMNS))]
    assert found == [tuple(row.values()) for row in ROWS]
    first, *pages = server.asked
    assert (first.query["recordlimit"], first.query["geography"]) == ("1", "2013265921,TYPE424")
    assert [asked.query["recordoffset"] for asked in pages] == ["0", "4", "8"]
    assert pages[0].query["select"] == ("GEOGRAPHY,GEOGRAPHY_CODE,C_AGE_NAME,OBS_VALUE,RECORD_OFFSET,RECORD_COUNT")
    assert rows_of(landed.path, "distinct _source", "1") == [(f"{server.url}{PATH}",)]


def test_a_code_of_two_areas_is_noted(server: FaultServer, tmp_path: Path) -> None:
    # Even where the contract has no column for Nomis's own id.
    contract = make_contract(tmp_path, key("area_code", 1), key("age", 2), column("people", "integer"))
    columns = {name: field for name, field in COLUMNS.items() if name != "area_id"}
    landed = fetched(source_at(tmp_path, server.url, contract, columns=columns), tmp_path)
    assert (landed.rows, landed.rejected) == (6, 3)
    assert landed.notes == (
        "1 of 2 area codes have more than one id (E06000023: 1807745166, 1811939630), so their figures come more than "
        "once. Ask for one type of area in params.geography, or keep GEOGRAPHY as a key",
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Answer(b"", content_type="text/csv"),
            "answered with no rows, as it does to a query that it does not understand",
        ),
        (nomis([], cap=4), "answered with no rows"),
        (Answer(b"<html><body>Sorry", content_type="text/html"), "answered 'text/html' instead of a file"),
        (Answer(b"<!DOCTYPE html><title>Error", content_type="text/csv"), "answered 'text/csv' instead of a file"),
        (
            Answer(b"Invalid query\nplease see help\n"),
            "does not say how many rows there are. It begins: 'Invalid query",
        ),
        (Answer(b'a,b\n"torn'), "cannot be read as CSV"),
        (Answer(b"RECORD_OFFSET,RECORD_COUNT,OBS_VALUE\n0,9\n"), "a record has 2 cells where the header has 3: '0,9'"),
    ],
    ids=["nothing", "a header", "a page", "a page that calls itself CSV", "prose", "a torn quote", "a torn record"],
)
def test_an_answer_that_is_no_data_is_an_error(tmp_path: Path, contract: Contract, answer: Any, said: str) -> None:
    with faults({PATH: [answer]}) as server:
        source = source_at(tmp_path, server.url, contract)
        landed = fetched(source, tmp_path)
        assert landed.error is not None and said in landed.error
        assert files_in(tmp_path / "data") == []
        with pytest.raises(SourceError):
            source.reach()


def test_a_server_that_ignores_the_offset_is_found_out(tmp_path: Path, contract: Contract) -> None:
    def always_first(asked: Asked) -> Answer:
        return nomis(ROWS, cap=4)(Asked("GET", PATH, {**asked.query, "recordoffset": "0"}, {}, {}))

    with faults({PATH: [always_first]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error == (
            f"{server.url}{PATH}: rows from 4 on were asked for, and rows from 0 on came. Nothing landed; try again."
        )


def test_pages_that_end_too_early_land_nothing(tmp_path: Path, contract: Contract) -> None:
    with faults({PATH: [nomis(ROWS, cap=4), nomis(ROWS, cap=4), Answer(b"", content_type="text/csv")]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error == f"{server.url}{PATH}: gave 4 rows and then none. Nothing landed; try again."
        assert files_in(tmp_path / "data") == []


def test_a_dimension_that_the_dataset_lacks_is_named(server: FaultServer, tmp_path: Path, contract: Contract) -> None:
    landed = fetched(source_at(tmp_path, server.url, contract, columns={**COLUMNS, "age": "C_AGE_NAMES"}), tmp_path)
    assert landed.error is not None
    assert "there is no field 'C_AGE_NAMES' for made.things.age. Did you mean 'C_AGE_NAME'?" in landed.error


def test_the_key_goes_into_the_address_and_into_no_message(tmp_path: Path, contract: Contract) -> None:
    auth = {"kind": "api_key", "name": "uid", "in": "query", "value": "0xfeedc0ffee"}
    with faults({PATH: [lambda asked: Answer(f"No such user {asked.query['uid']}".encode(), 403)]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, auth), tmp_path)
        assert server.asked[0].query["uid"] == "0xfeedc0ffee"
        assert landed.error is not None and "No such user" in landed.error
        assert "c0ffee" not in landed.error


def test_reaching_asks_for_one_row(server: FaultServer, tmp_path: Path, contract: Contract) -> None:
    source_at(tmp_path, server.url, contract).reach()
    assert [asked.query["recordlimit"] for asked in server.asked] == ["1"]


def test_what_the_connector_sets_itself_is_refused(tmp_path: Path, contract: Contract) -> None:
    with pytest.raises(ConfigurationError, match=r"params: 'uid' is set by the connector: .* in connection\.auth\."):
        source_at(tmp_path, "https://nomis.example", contract, params={**PARAMS, "uid": "0x1"})


def test_a_true_answer_lands_over_pages_of_five_thousand(tmp_path: Path) -> None:
    path = SHARED / "la_population" / "lad.csv"
    if not path.is_file():
        pytest.skip("Nomis's population estimates do not lie beside this checkout")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [
            {name: value for name, value in row.items() if not name.startswith("RECORD_")}
            for row in csv.DictReader(file)
        ]
    columns = COLUMNS | {"area": "GEOGRAPHY_NAME", "year": "DATE_NAME"}
    contract = make_contract(
        tmp_path, key("area_id", 1), column("area_code"), column("area"), column("year", "integer"), key("age", 2),
        column("people", "integer", required=True),
    )  # fmt: skip
    with faults({PATH: [nomis(rows, cap=5000)]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, columns=columns), tmp_path)
        assert (landed.error, landed.rejected, len(server.asked)) == (None, 0, 1 + 3)
    assert rows_of(landed.path, "count(*), sum(people), count(distinct area_id), count(distinct area_code)", "1") == [
        (11_178, sum(Decimal(row["OBS_VALUE"]) for row in rows), 621, 428)
    ]
    bristol = "list(people) filter (area_code = 'E06000023' and age = 'All Ages')"
    assert rows_of(landed.path, bristol, "1") == [([471_117, 471_117],)]
    assert [note for note in landed.notes if note.startswith("193 of 428 area codes have more than one id")]


def test_an_answer_of_another_shape_is_no_crash(tmp_path: Path, contract: Contract) -> None:
    body = b"GEOGRAPHY,GEOGRAPHY_CODE,C_AGE_NAME,OBS_VALUE,RECORD_OFFSET,RECORD_COUNT\n1,E1,All,5,,\n"
    with faults({PATH: [Answer(body, content_type="text/csv")]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error is not None and "not shaped as this platform's answers are (ValueError" in landed.error
