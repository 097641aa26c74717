"""The connector `opendatasoft` against a portal whose exports can fail inside an answer with status 200."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.builders import Q1, Q2, column, files_in, key, make_contract, make_source, rows_of
from support.fault_server import Answer, FaultServer, faults

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
            SourceError, match=r"refused with status 404 Not Found: .*Unknown dataset.* Check the path\."
        ):
            source.reach()
        (landed,) = land(contract, source.extract("things", [Q1]), tmp_path / "data", [Q1])
        assert landed.error is not None and "status 404" in landed.error


def test_a_portal_that_speaks_another_version_is_named(tmp_path: Path, contract: Contract) -> None:
    with faults({f"{BASE}/records": [Answer({"nhits": 4, "records": []})]}) as server:
        landed = fetched(tmp_path, server.url, contract)
        assert landed.error == f"{BASE}/records: the answer has no total_count; is this Explore v2.1?"


def test_a_renamed_field_is_named_with_the_nearest(tmp_path: Path, contract: Contract) -> None:
    with portal(lines(*ROWS)) as server:
        landed = fetched(tmp_path, server.url, contract, columns={"area_code": "la_code", "calendar_year": "year"})
        assert landed.error is not None
        assert "no record has the field 'la_code' for made.things.area_code. Did you mean 'code'?" in landed.error


def test_reaching_asks_for_the_count_alone(tmp_path: Path, contract: Contract) -> None:
    with portal(lines(*ROWS)) as server:
        source_at(tmp_path, server.url, contract).reach()
        assert [asked.path for asked in server.asked] == [f"{BASE}/records"]
