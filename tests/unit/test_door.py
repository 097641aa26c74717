"""The door of a source: pseudonyms made, unreadable records withheld, errors and origins told without secrets."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.builders import Q1, column, extract_of, key, make_contract, make_source, rejected_path, rows_of

from sources import secrets
from sources.config import Source
from sources.contract import Contract
from sources.door import WITHHELD, leaving, pseudonym, scrubbed
from sources.errors import ConfigurationError, SourceError
from sources.extract import UNMAPPED, Extract, Format, refused_batch
from sources.landing import Landed, land

KEY = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"


def people(folder: Path, **settings: Any) -> Contract:
    return make_contract(
        folder,
        column("person", required=True, primaryKey=True, primaryKeyPosition=1, classification="pseudonymised"),
        column("hours", "integer"),
        **settings,
    )


def left(contract: Contract, values: Iterable[str | None], given: str = KEY, **form: Any) -> list[str | None]:
    extract = extract_of(contract, [{"person": value} for value in values], form=Format(**form))
    (batch,) = leaving(extract, contract, given).batches
    found: list[str | None] = batch.column("person").to_pylist()
    return found


def test_a_pseudonym_is_a_keyed_hash() -> None:
    expected = hmac.new(KEY.encode(), b"P001", hashlib.sha256).hexdigest()[:32]
    assert pseudonym(KEY, "P001") == expected
    assert pseudonym(OTHER, "P001") != expected
    assert pseudonym(KEY, "P002") != expected


def test_equal_identifiers_are_equal_pseudonyms(tmp_path: Path) -> None:
    contract = people(tmp_path)
    first, padded, lower, again, second = left(contract, ["P001", "  P001 ", "p001", "P001", "Zoë"])
    assert first == padded == again == pseudonym(KEY, "P001")
    assert len({first, lower, second}) == 3, "capitals count"
    assert left(contract, ["P001"], OTHER) != [first]


def test_no_value_stays_none(tmp_path: Path) -> None:
    found = left(people(tmp_path), [None, "", "  ", "NULL", " n/a", "P1"], nulls=["NULL", "n/a"])
    assert found == [None] * 5 + [pseudonym(KEY, "P1")]


def test_a_code_that_the_map_file_lacks_stays_marked(tmp_path: Path) -> None:
    (found,) = left(people(tmp_path), [f"{UNMAPPED}P1"])
    assert found == UNMAPPED + pseudonym(KEY, "P1")


def test_other_columns_and_their_batches_stay_as_they_are(tmp_path: Path) -> None:
    contract = people(tmp_path)
    given = extract_of(contract, [{"person": "P1", "hours": "7"}], origin="hr.csv")
    (before,) = given.batches
    (after,) = leaving(given, contract, KEY).batches
    assert after.schema == before.schema
    assert after.column("hours") == before.column("hours")
    assert after.column("_source_row") == before.column("_source_row")
    assert after.column("_source").to_pylist() == ["hr.csv"]


# Through a source, as landing gets it


FILES: dict[str, Any] = {
    "system": "made",
    "owner": "people@sampleton.example",
    "connector": "files",
    "connection": {"location": "out"},
    "pseudonym_key": "${HR_KEY}",
    "datasets": {"things": {"files": "people.csv"}},
}


def source(folder: Path, contract: Contract, text: str = "", **changes: Any) -> Source:
    (folder / "out").mkdir(exist_ok=True)
    (folder / "out" / "people.csv").write_text(text, encoding="utf-8")
    document = {name: value for name, value in (FILES | changes).items() if value is not None}
    return make_source(folder, document, {contract.name: contract})


def landed(given: Source, folder: Path) -> Landed:
    (found,) = land(given.datasets["things"], given.extract("things", [Q1]), folder / "data", [Q1])
    return found


def texts_below(folder: Path) -> str:
    return "".join(str(rows_of(path, "*")) for path in sorted(folder.rglob("*.parquet")))


def test_no_identifier_lands_whether_its_row_is_good_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HR_KEY", KEY)
    contract = people(tmp_path)
    text = "person,hours\nP-4711,7\nP-4712,many\nP-4711,8\nP-4713\n"
    found = landed(source(tmp_path, contract, text), tmp_path)
    assert (found.error, found.rows, found.rejected) == (None, 1, 3)
    assert rows_of(found.path, "person, hours") == [(pseudonym(KEY, "P-4711"), 7)]
    rejected = rows_of(rejected_path(found), "person, _reasons, _original", "_source_row")
    assert rejected[0] == (pseudonym(KEY, "P-4712"), ['hours "many" is not a whole number'], None)
    assert rejected[1][0] == pseudonym(KEY, "P-4711")
    assert rejected[2][0] is None and rejected[2][2] == WITHHELD
    assert "P-47" not in texts_below(tmp_path / "data")


def test_a_record_that_cannot_be_read_is_kept_where_nobody_is_meant(tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("thing"), column("hours", "integer"))
    found = landed(source(tmp_path, contract, "thing,hours\nT1\n", pseudonym_key=None), tmp_path)
    assert rows_of(rejected_path(found), "_original") == [("T1",)]


@pytest.mark.parametrize("classification", ["personal", "pseudonymised"])
def test_a_record_that_cannot_be_read_is_withheld_where_somebody_is(tmp_path: Path, classification: str) -> None:
    contract = make_contract(tmp_path, key("thing"), column("name", classification=classification))
    refused = Extract(None, [refused_batch(contract, "a.csv", [(2, "has 3 cells", "T1,Ada,x")])], "a.csv", Format())
    (batch,) = leaving(refused, contract, KEY).batches
    assert batch.column("_original").to_pylist() == [WITHHELD]
    assert batch.column("_refused").to_pylist() == ["has 3 cells"]


# The key


def problems(folder: Path, contract: Contract, **changes: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        source(folder, contract, **changes)
    return error.value.problems


def test_a_contract_with_pseudonyms_needs_a_key(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, people(tmp_path), pseudonym_key=None)
    assert problem.endswith(
        "made.yaml: pseudonym_key: is missing: made.things gives pseudonyms to 'person'. Name a variable that holds a "
        'key, as "${HR_PSEUDONYM_KEY}".'
    )


@pytest.mark.parametrize("literal", [KEY, "${HR_KEY}x", "x${HR_KEY}"])
def test_the_key_itself_does_not_stand_in_the_yaml(tmp_path: Path, literal: str) -> None:
    (problem,) = problems(tmp_path, people(tmp_path), pseudonym_key=literal)
    assert problem.endswith(
        "pseudonym_key: the key itself does not belong in this file. Name a variable that holds it, as "
        '"${HR_PSEUDONYM_KEY}".'
    )
    assert KEY not in problem


@pytest.mark.parametrize("value", ["", "short"])
def test_a_key_that_is_none_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HR_KEY", value)
    given = source(tmp_path, people(tmp_path), "person,hours\nP1,1\n")
    for attempt in (lambda: list(given.extract("things", [Q1])), given.reach):
        with pytest.raises(
            ConfigurationError, match=r"pseudonym_key: (the environment variable HR_KEY is not|too short)"
        ):
            attempt()


# Errors


class Unforeseen(Exception):
    pass


def test_errors_leave_without_secrets() -> None:
    secrets.register("hunter2-hunter2")
    with pytest.raises(SourceError) as told, scrubbed("made.things"):
        raise SourceError("refused: hunter2-hunter2")
    assert str(told.value) == "refused: •••"
    with pytest.raises(ConfigurationError) as wrong, scrubbed("made.things"):
        raise ConfigurationError(["one: hunter2-hunter2", "two"])
    assert wrong.value.problems == ["one: •••", "two"]


def test_what_nobody_foresaw_is_told_by_type_and_place_alone() -> None:
    with pytest.raises(SourceError) as told, scrubbed("made.things"):
        raise Unforeseen("Ada Lovelace")
    assert str(told.value).startswith(
        "made.things: reading failed in a way that nobody foresaw (Unforeseen at test_door.py:"
    )
    assert "Ada" not in str(told.value)
    assert told.value.__cause__ is None and told.value.__suppress_context__


def test_whoever_reads_may_stop(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), scrubbed("made.things"):
        raise KeyboardInterrupt


def test_an_extract_leaves_without_secrets(tmp_path: Path) -> None:
    secrets.register("hunter2-hunter2")
    contract = make_contract(tmp_path, key("thing"))
    (batch,) = extract_of(contract, [{"thing": "T1"}], origin="https://host/?key=hunter2-hunter2").batches
    extract = Extract(None, (), "https://host/?key=hunter2-hunter2", Format(), ["before: hunter2-hunter2"])

    def batches() -> Iterator[pa.RecordBatch]:
        yield batch
        extract.notes.append("on the way: hunter2-hunter2")
        raise OSError("hunter2-hunter2")

    extract.batches = batches()
    told = leaving(extract, contract, None)
    assert told.origin == "https://host/?key=•••"
    reading = iter(told.batches)
    assert next(reading).column("_source").to_pylist() == ["https://host/?key=•••"]
    with pytest.raises(SourceError) as error:
        next(reading)
    assert "hunter2" not in str(error.value)
    assert told.notes == ["before: •••", "on the way: •••"]


# What was read in another way


def test_another_key_is_another_way_of_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An increment read under one key must not be added to what was read under another."""
    given = source(tmp_path, people(tmp_path))
    digests = []
    for value in (KEY, OTHER, KEY):
        monkeypatch.setenv("HR_KEY", value)
        digests.append(given.reading("things"))
    assert digests[0] == digests[2] != digests[1]
    assert {extract.reading for extract in given.extract("things", [Q1])} == {digests[0]}
    monkeypatch.delenv("HR_KEY")
    with pytest.raises(
        ConfigurationError, match=r"made\.yaml: pseudonym_key: the environment variable HR_KEY is not set"
    ):
        given.reading("things")


def test_the_key_does_not_matter_where_nothing_is_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = source(tmp_path, make_contract(tmp_path, key("thing")))
    digests = set()
    for value in (KEY, OTHER):
        monkeypatch.setenv("HR_KEY", value)
        digests.add(given.reading("things"))
    assert len(digests) == 1


def test_another_place_is_no_other_way_of_reading(tmp_path: Path) -> None:
    """A project that is moved, or checked out anew, has read its closed quarters all the same."""
    contract = make_contract(tmp_path, key("thing"))
    digests = []
    for place, code in (("here", "T1"), ("there", "T1"), ("there", "T2")):
        folder = tmp_path / place / "sources"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "things.csv").write_text(f"from,to\n1,{code}\n", encoding="utf-8")
        mapped = {"query": "select 1", "columns": {"thing": {"field": "no", "map_file": "things.csv"}}}
        given = source(
            tmp_path / place,
            contract,
            connector="database",
            connection={"uri": "sqlite:///hr.db"},
            pseudonym_key=None,
            datasets={"things": mapped},
        )
        digests.append(given.reading("things"))
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("connector", "connection", "request_", "file"),
    [
        ("database", {"uri": "sqlite:///hr.db"}, {"query_file": "people.sql"}, "sources/people.sql"),
        ("python", {}, {"function": "people:read"}, "hooks/people.py"),
    ],
)
def test_another_query_or_function_is_another_way_of_reading(
    tmp_path: Path, connector: str, connection: dict[str, str], request_: dict[str, str], file: str
) -> None:
    contract = make_contract(tmp_path, key("thing"))
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text("def read(start, end, connection): ...\n", encoding="utf-8")
    changes = {
        "connector": connector,
        "connection": connection,
        "pseudonym_key": None,
        "datasets": {"things": request_},
    }
    given = source(tmp_path, contract, **changes)
    before = given.reading("things")
    assert given.reading("things") == before
    path.write_text("def read(start, end, connection): ...  # otherwise\n", encoding="utf-8")
    assert given.reading("things") != before
