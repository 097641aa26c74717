"""What connectors hand to landing: text under the contract's names, codes translated, records flattened."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.builders import column, key, make_contract

from sources.contract import Contract
from sources.errors import SourceError, listed, nearest
from sources.extract import (
    UNMAPPED,
    Request,
    apply_maps,
    as_text,
    record_batches,
    refused_batch,
    text_batch,
    text_schema,
)


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(tmp_path, key("case_id"), column("received_date", "date", required=True), column("unit_code"))


def request_of(folder: Path, **settings: Any) -> Request:
    return Request.model_validate(settings, context={"folder": folder})


def records(contract: Contract, request: Request, *pages: list[Any]) -> list[dict[str, Any]]:
    batches = record_batches(contract, request, iter(pages), lambda: "https://crm.example/api")
    return [row for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array(["a", None, ""]), ["a", None, ""]),
        (pa.array([1, None, -3]), ["1", None, "-3"]),
        (pa.array([3.0, 3.7, 0.6]), ["3", "3.7", "0.6"]),
        (pa.array([date(2025, 4, 1)]), ["2025-04-01"]),
        (pa.array([datetime(2025, 4, 1, 9, 30)], pa.timestamp("s")), ["2025-04-01 09:30:00"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.nulls(2), [None, None]),
        (pa.chunked_array([["a"], ["b"]]), ["a", "b"]),
        (pa.chunked_array([pa.array([1]), pa.array([2])]), ["1", "2"]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
    ],
)
def test_every_type_has_its_text(values: Any, texts: list[str | None]) -> None:
    found = as_text(values)
    assert found.type == pa.string()
    assert found.to_pylist() == texts


def test_a_batch_has_the_schema_between_connector_and_landing(contract: Contract) -> None:
    batch = text_batch(contract, {"case_id": pa.array([7, 8]), "unit_code": None}, "here", [5, 9])
    assert batch.schema == text_schema(contract)
    assert batch.to_pylist() == [
        {
            "case_id": text,
            "received_date": None,
            "unit_code": None,
            "_source": "here",
            "_source_row": row,
            "_refused": None,
            "_original": None,
        }
        for text, row in (("7", 5), ("8", 9))
    ]


def test_a_refused_record_carries_reason_and_text(contract: Contract) -> None:
    batch = refused_batch(contract, "here", [(3, "torn", "a;b")])
    assert batch.schema == text_schema(contract)
    (row,) = batch.to_pylist()
    assert (row["_source_row"], row["_refused"], row["_original"], row["case_id"]) == (3, "torn", "a;b", None)


def write_map(folder: Path, text: str) -> None:
    (folder / "teams.csv").write_text(text, encoding="utf-8-sig")


def translated(contract: Contract, request: Request, codes: pa.Array) -> list[str | None]:
    column = apply_maps(contract, request, {"unit_code": codes})["unit_code"]
    assert column is not None
    found: list[str | None] = column.to_pylist()
    return found


def test_codes_are_translated_and_unknown_ones_marked(tmp_path: Path, contract: Contract) -> None:
    write_map(tmp_path, "from,to,note\nT1,ASC,adults\nT2,CYP,children\n")
    request = request_of(tmp_path, columns={"unit_code": {"field": "team", "map_file": "teams.csv"}})
    codes = pa.array(["T1", " T2 ", "T9", None, "", "T1", "t1"])
    assert translated(contract, request, codes) == [
        "ASC",
        "CYP",
        f"{UNMAPPED}T9",
        None,
        None,
        "ASC",
        f"{UNMAPPED}t1",
    ]


def test_numbers_are_codes_too(tmp_path: Path, contract: Contract) -> None:
    write_map(tmp_path, "from,to\n1001,ASC\n")
    request = request_of(tmp_path, columns={"unit_code": {"field": "centre", "map_file": "teams.csv"}})
    assert translated(contract, request, pa.array([1001])) == ["ASC"]


def test_what_the_source_calls_nothing_is_not_looked_up(tmp_path: Path, contract: Contract) -> None:
    write_map(tmp_path, "from,to\nT1,ASC\n")
    request = request_of(
        tmp_path, columns={"unit_code": {"field": "team", "map_file": "teams.csv"}}, format={"nulls": ["NA"]}
    )
    assert translated(contract, request, pa.array(["NA", "T1"])) == [None, "ASC"]


def test_a_column_that_is_absent_stays_absent(tmp_path: Path, contract: Contract) -> None:
    write_map(tmp_path, "from,to\nT1,ASC\n")
    request = request_of(tmp_path, columns={"unit_code": {"field": "team", "map_file": "teams.csv"}})
    assert apply_maps(contract, request, {"case_id": pa.array(["A"]), "unit_code": None})["unit_code"] is None


def test_records_are_flattened_and_numbered_over_pages(tmp_path: Path, contract: Contract) -> None:
    write_map(tmp_path, "from,to\nT1,ASC\n")
    request = request_of(
        tmp_path,
        columns={
            "received_date": "dates.received",
            "unit_code": {"field": "team.code", "map_file": "teams.csv"},
        },
    )
    pages = (
        [
            {"case_id": 1, "dates": {"received": "2025-04-01"}, "team": {"code": "T1"}},
            {"case_id": 2, "dates": {}, "team": None},
        ],
        [],
        [{"case_id": True, "dates": {"received": None}, "team": "odd"}],
    )
    found = records(contract, request, *pages)
    assert [
        (row["case_id"], row["received_date"], row["unit_code"], row["_source"], row["_source_row"]) for row in found
    ] == [
        ("1", "2025-04-01", "ASC", "https://crm.example/api", 1),
        ("2", None, None, "https://crm.example/api", 2),
        ("true", None, None, "https://crm.example/api", 3),
    ]


def test_a_field_that_no_record_has_is_named_with_the_nearest(tmp_path: Path, contract: Contract) -> None:
    request = request_of(tmp_path, columns={"received_date": "date_recieved"})
    with pytest.raises(SourceError) as error:
        records(contract, request, [{"case_id": "A", "date_received": "2025-04-01"}])
    assert str(error.value) == (
        "https://crm.example/api: no record has the field 'date_recieved' for made.things.received_date. "
        "Did you mean 'date_received'? The first record has: 'case_id', 'date_received'. "
        "Mend `columns.received_date` in the source's YAML."
    )


def test_one_record_with_the_field_is_enough(tmp_path: Path, contract: Contract) -> None:
    """Many APIs leave out what is null."""
    found = records(contract, request_of(tmp_path), [{"case_id": "A"}, {"case_id": "B", "received_date": "2025-04-01"}])
    assert [row["received_date"] for row in found] == [None, "2025-04-01"]


def test_a_constant_is_not_looked_for_in_the_records(tmp_path: Path, contract: Contract) -> None:
    request = request_of(tmp_path, columns={"received_date": {"constant": "2025-04-01"}}, absent=["unit_code"])
    (row,) = records(contract, request, [{"case_id": "A", "unit_code": "unseen"}])
    assert (row["received_date"], row["unit_code"]) == ("2025-04-01", None)


def test_symbols_among_records_become_reasons(tmp_path: Path) -> None:
    made = make_contract(tmp_path, column("area"), column("value", "integer"), column("why"))
    form = {"symbols": {"c": "suppressed", "z": "not applicable"}, "reason_column": "why"}
    records = [[{"area": "c", "value": "c"}, {"area": "A", "value": 5}], [{"area": "B", "value": "c"}]]
    notes: list[str] = []
    batches = record_batches(made, Request.model_validate({"format": form}), iter(records), lambda: "somewhere", notes)
    rows = [(row["area"], row["value"], row["why"]) for batch in batches for row in batch.to_pylist()]
    assert rows == [("c", None, "suppressed"), ("A", "5", None), ("B", None, "suppressed")]
    assert notes == ["'c' stands for a value 2 times: suppressed"]


@pytest.mark.parametrize("page", [["A", "B"], [1], [None], [["case_id", "A"]]])
def test_a_list_of_anything_but_records_is_refused(tmp_path: Path, contract: Contract, page: list[Any]) -> None:
    with pytest.raises(
        SourceError, match=r"^https://crm\.example/api: .* stands where a record with named fields should"
    ):
        records(contract, request_of(tmp_path), page)


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("curser", ["none", "cursor"], " Did you mean 'cursor'?"),
        ("databse", ["rest", "database"], " Did you mean 'database'?"),
        ("something", ["cursor", "none"], ""),
        ("x", [], ""),
    ],
)
def test_hints_are_given_only_when_something_is_near(word: str, known: Iterable[str], hint: str) -> None:
    assert nearest(word, known) == hint


def test_lists_in_messages() -> None:
    assert (listed(["a", "b"]), listed([])) == ("'a', 'b'", "none")
