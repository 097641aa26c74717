"""A contract and a source drafted from a sample: what is guessed, what is said to be doubtful, what is written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from support.builders import Q1
from support.fault_server import Answer, faults

from orchestration.sampling import sample_source
from sources import scaffold
from sources.config import load_source
from sources.contract import load_contract
from sources.errors import ConfigurationError, SourceError

FILE = scaffold.Origin("files", {"location": "/there"}, {"files": "things.csv"})


def drafted(**columns: list[str | None]) -> dict[str, dict[str, object]]:
    """The drafted columns of a sample, by name."""
    sample = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    contract = yaml.safe_load(scaffold.draft("made", "things", sample, FILE).contract)
    return {item["name"]: item for item in contract["schema"][0]["properties"]}


def kind(*values: str | None, name: str = "thing") -> str:
    return str(drafted(**{name: list(values)})[name]["logicalType"])


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (("2025-04-01", "2025-12-31"), "date"),
        (("01/04/2025", "31/12/2025"), "date"),
        (("1 Apr 2025", "31 Dec 2025"), "date"),
        (("2025-04-01T10:00:00", "2025-04-01 10:00:01"), "timestamp"),
        (("2025-04-01 00:00:00", "2025-12-31 00:00:00"), "date"),
        (("12", "1,204", "-3"), "integer"),
        (("12", "12.5"), "number"),
        (("£12.50", "(3.00)", "1,204.00-"), "number"),
        (("Y", "N", "Y"), "boolean"),
        (("true", "false"), "boolean"),
        (("1", "0"), "integer"),
        (("007", "12"), "string"),
        (("2025", "2026"), "integer"),
        (("12", "twelve"), "string"),
        (("9999999999", "1"), "number"),
        ((None, ""), "string"),
    ],
)
def test_kinds_are_those_that_every_value_has(values: tuple[str | None, ...], found: str) -> None:
    assert kind(*values) == found


def test_names_decide_where_values_leave_it_open() -> None:
    assert kind("20250401", "20251231", name="start_date") == "date"
    assert kind("20250401", "20251231", name="thing") == "integer"
    assert kind("100", "200", name="unit_code") == "string"
    assert kind("1", "0", name="is_open") == "boolean"
    assert drafted(amount=["1", "2"])["amount"]["physicalType"] == "DECIMAL(14,2)"


def test_a_word_for_nothing_is_noticed_and_goes_into_the_format() -> None:
    sample = pa.table({"visits": ["12", "NA", "7"]})
    draft = scaffold.draft("made", "things", sample, FILE)
    assert "logicalType: integer" in draft.contract and "required" not in draft.contract
    assert yaml.safe_load(draft.dataset)["things"]["format"] == {"nulls": ["", "NULL", "null", "NA"]}


def test_the_key_is_an_identifier_that_tells_every_row_apart() -> None:
    found = drafted(day=["1", "2"], visit_id=["a", "b"], branch_code=["x", "x"])
    assert found["visit_id"]["primaryKey"] is True
    assert not any("primaryKey" in found[name] for name in ("day", "branch_code"))


def test_two_columns_that_tell_every_row_apart_are_named_and_not_taken_for_the_key() -> None:
    sample = pa.table({"Branch": ["a", "a", "b"], "Day": ["2025-04-01", "2025-04-02", "2025-04-01"], "n": ["1"] * 3})
    draft = scaffold.draft("made", "things", sample, FILE)
    assert "primaryKey" not in draft.contract
    assert any("branch and day together do" in remark for remark in draft.remarks)


def test_rows_that_sum_up_are_left_out_and_said_to_be() -> None:
    sample = pa.table({"Branch": ["a", "b", "Total"], "Day": ["2025-04-01", "2025-04-01", None], "n": ["1", "2", "3"]})
    draft = scaffold.draft("made", "things", sample, FILE)
    assert yaml.safe_load(draft.dataset)["things"]["format"] == {"skip_rows": {"Branch": ["Total"]}}
    assert "name: day, logicalType: date, required: true" in draft.contract
    assert draft.remarks[0] == "Branch: rows of 'Total' are left out (skip_rows)."


def test_a_total_that_has_all_that_others_have_is_a_row_like_them() -> None:
    sample = pa.table({"Sex": ["F", "M", "Total"], "n": ["1", "2", "3"]})
    assert "skip_rows" not in scaffold.draft("made", "things", sample, FILE).dataset


@pytest.mark.parametrize(
    ("load", "files", "is_told"),
    [("full", "v.csv", False), ("snapshot", "v.csv", True), ("snapshot", "v_{quarter}.csv", False)],
)
def test_what_is_kept_by_quarter_has_to_say_where_the_period_goes(load: str, files: str, is_told: bool) -> None:
    origin = scaffold.Origin("files", {"location": "/there"}, {"files": files})
    remarks = scaffold.draft("made", "things", pa.table({"ref": ["a", "b"]}), origin, load).remarks
    assert any("say where the period goes" in remark for remark in remarks) is is_told


def test_columns_that_look_personal_are_classified_and_their_values_not_quoted() -> None:
    sample = pa.table({"Surname": ["Abel", "Bird"] * 10, "Branch": ["North", "South"] * 10})
    draft = scaffold.draft("made", "things", sample, FILE)
    assert "classification: personal" in draft.contract
    assert "Abel" not in draft.contract + draft.dataset + "".join(draft.remarks)
    assert "seen: North, South" in draft.contract
    assert any("surname is taken for personal data" in remark for remark in draft.remarks)


def test_headings_become_names_and_the_yaml_says_where_they_differ() -> None:
    sample = pa.table({"Income £": ["1.00"], "VisitID": ["a"], "visit id": ["b"], "2025": ["x"]})
    draft = scaffold.draft("made", "things", sample, FILE)
    names = [item["name"] for item in yaml.safe_load(draft.contract)["schema"][0]["properties"]]
    assert names == ["income_gbp", "visit_id", "visit_id_3", "column_2025"]
    columns = yaml.safe_load(draft.dataset)["things"]["columns"]
    assert columns["income_gbp"] == "Income £" and columns["column_2025"] == "2025"


@pytest.mark.parametrize(
    ("address", "settings", "expected"),
    [
        ("https://x.example/o/v.csv", [], ("files", {"location": "https://x.example/o"}, {"files": "v.csv"})),
        ("s3://bucket/in/v.parquet", [], ("files", {"location": "s3://bucket/in"}, {"files": "v.parquet"})),
        (
            "https://x.example/api/v?size=5",
            ["dataset.records=items"],
            (
                "rest",
                {"base_url": "https://x.example"},
                {"request": {"path": "/api/v", "params": {"size": "5"}}, "records": "items"},
            ),
        ),
        (
            "postgresql://reader@db/lib",
            ["dataset.query=select 1", "connection.password=${LIB}"],
            ("database", {"uri": "postgresql://reader@db/lib", "password": "${LIB}"}, {"query": "select 1"}),
        ),
        ("/o/v.json", [], ("files", {"location": "/o"}, {"files": "v.json"})),
        (
            "https://x.example/v.json",
            [],
            ("rest", {"base_url": "https://x.example"}, {"request": {"path": "/v.json"}}),
        ),
        ("/o/v.db", ["dataset.query=select 1"], ("database", {"uri": "sqlite:///o/v.db"}, {"query": "select 1"})),
        (
            None,
            ["connector=opendatasoft", "connection.base_url=https://x.example", "dataset.dataset=visits"],
            ("opendatasoft", {"base_url": "https://x.example"}, {"dataset": "visits"}),
        ),
    ],
)  # fmt: skip
def test_an_address_says_which_connector(
    address: str | None, settings: list[str], expected: tuple[str, object, object]
) -> None:
    origin = scaffold.origin_of(address, settings)
    assert (origin.connector, origin.connection, origin.request) == expected


@pytest.mark.parametrize(
    ("address", "settings", "words"),
    [
        ("ftp://x.example/a", [], "is no file, database or web address that is known here"),
        (None, [], "is not a connector"),
        ("/there/gates.db", [], "A database needs a query: --query"),
        (None, ["connector=file"], "Did you mean 'files'"),
        ("a.csv", ["format=x"], "write connector=NAME, connection.KEY=VALUE or dataset.KEY=VALUE"),
    ],
)
def test_what_cannot_be_meant_is_refused(address: str | None, settings: list[str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        scaffold.origin_of(address, settings)


# From the file to the landed sample


def new(tmp_path: Path, name: str, file: Path) -> list[Path]:
    origin = scaffold.origin_of(str(file))
    place = scaffold.place_of(name, tmp_path / "contracts", tmp_path / "sources")
    sample, _ = scaffold.read_sample(origin, tmp_path / "sources", Q1)
    return scaffold.write(place, "o@x.example", origin, scaffold.draft(place.system, place.dataset, sample, origin))


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    path = tmp_path / "visits.csv"
    path.write_text(
        "Visits to libraries,,,\r\nMade 1 July,,,\r\n"
        "Visit ID,Visit date,Visitors,Income £\r\n"
        'V1,01/04/2025,"1,204",£12.50\r\nV2,13/04/2025,NA,(3.00)\r\n',
        encoding="utf-8",
    )
    return path


def test_what_is_written_lands_what_was_read(tmp_path: Path, visits: Path) -> None:
    contract_path, source_path = new(tmp_path, "libraries/visits", visits)
    contract = load_contract(contract_path)
    source = load_source(source_path, {contract.name: contract})
    (tmp_path / "aside").mkdir()
    taken = sample_source(source, contract, Q1, 5, tmp_path / "aside")
    assert (taken.rows, taken.refused) == (2, 0)
    rows = [
        tuple(str(row[name]) for name in (column.name for column in contract.columns)) for row in taken.good.to_pylist()
    ]
    assert rows == [("V1", "2025-04-01", "1204", "12.50"), ("V2", "2025-04-13", "None", "-3.00")]


def test_a_second_dataset_goes_into_the_same_source(tmp_path: Path, visits: Path) -> None:
    new(tmp_path, "libraries/visits", visits)
    _, source_path = new(tmp_path, "libraries/visits_again", visits)
    assert list(yaml.safe_load(source_path.read_text(encoding="utf-8"))["datasets"]) == ["visits", "visits_again"]


def test_what_is_there_is_not_overwritten(tmp_path: Path, visits: Path) -> None:
    written = [path.read_bytes() for path in new(tmp_path, "libraries/visits", visits)]
    with pytest.raises(ConfigurationError, match="is there already"):
        new(tmp_path, "libraries/visits", visits)
    (tmp_path / "elsewhere").mkdir()
    other = visits.rename(tmp_path / "elsewhere" / "visits.csv")
    with pytest.raises(ConfigurationError, match="in another way"):
        new(tmp_path, "libraries/more", other)
    assert [path.read_bytes() for path in sorted((tmp_path / "contracts").rglob("*.yaml"))] == written[:1]
    assert (tmp_path / "sources" / "libraries.yaml").read_bytes() == written[1]


def anew(tmp_path: Path, name: str, file: Path, words: str) -> list[Path]:
    """Drafted once more, with `words` in the dataset's lines."""
    origin = scaffold.origin_of(str(file), [words])
    place = scaffold.place_of(name, tmp_path / "contracts", tmp_path / "sources", anew=True)
    sample, _ = scaffold.read_sample(origin, tmp_path / "sources", Q1)
    return scaffold.write(place, "o@x.example", origin, scaffold.draft(place.system, place.dataset, sample, origin))


def test_a_draft_may_be_made_anew_and_its_neighbours_stay(tmp_path: Path, visits: Path) -> None:
    new(tmp_path, "libraries/visits", visits)
    new(tmp_path, "libraries/more", visits)
    contract, source = anew(tmp_path, "libraries/visits", visits, "dataset.format.encoding=utf-8")
    datasets = yaml.safe_load(source.read_text(encoding="utf-8"))["datasets"]
    assert list(datasets) == ["more", "visits"]
    assert datasets["visits"]["format"]["encoding"] == "utf-8" and "encoding" not in datasets["more"]["format"]
    contract.write_text(contract.read_text(encoding="utf-8").replace("status: draft", "status: active"), "utf-8")
    with pytest.raises(ConfigurationError, match="is there already, and no draft any more"):
        anew(tmp_path, "libraries/visits", visits, "dataset.format.encoding=cp1252")


def test_a_draft_that_fails_leaves_the_former_one(tmp_path: Path, visits: Path) -> None:
    written = [path.read_bytes() for path in new(tmp_path, "libraries/visits", visits)]
    visits.write_text("Visit ID,Visits\r\nV1,1\r\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="has no such column"):
        anew(tmp_path, "libraries/visits", visits, "dataset.absent=[nobody]")
    files = [tmp_path / "contracts" / "libraries" / "visits.yaml", tmp_path / "sources" / "libraries.yaml"]
    assert [path.read_bytes() for path in files] == written


def test_a_dataset_that_is_declared_without_a_contract_is_left_alone(tmp_path: Path, visits: Path) -> None:
    contract, source = new(tmp_path, "libraries/visits", visits)
    contract.unlink()
    former = source.read_bytes()
    with pytest.raises(ConfigurationError, match="is there already, without a contract"):
        new(tmp_path, "libraries/visits", visits)
    assert source.read_bytes() == former and not contract.exists()


def test_an_empty_source_gives_nothing_to_infer_from(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    path.write_text("a,b\r\n", encoding="utf-8")
    with pytest.raises(SourceError, match="nothing to infer from"):
        new(tmp_path, "made/things", path)
    assert not (tmp_path / "contracts").exists()


@pytest.mark.parametrize("name", ["visits", "Libraries/visits", "libraries/", "libraries/my visits", "../x/y"])
def test_names_are_as_contracts_write_them(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="lower_snake_case"):
        scaffold.place_of(name, tmp_path, tmp_path)


def test_an_api_says_itself_where_its_records_are(tmp_path: Path) -> None:
    records = [{"id": "a", "dates": {"received": "2025-04-01"}}, {"id": "b", "dates": {"received": "2025-04-02"}}]
    with faults({"/api/visits": [Answer({"meta": {"count": 2}, "data": {"items": records}})]}) as server:
        origin = scaffold.with_records(scaffold.origin_of(f"{server.url}/api/visits"))
        sample, _ = scaffold.read_sample(origin, tmp_path, Q1)
    assert origin.request["records"] == "data.items"
    assert sample.to_pydict() == {"id": ["a", "b"], "dates.received": ["2025-04-01", "2025-04-02"]}


def test_a_database_is_asked_with_its_query(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "lib.db") as con:
        con.execute("create table visits (visit_id integer, visited text)")
        con.execute("insert into visits values (1, '2025-04-01')")
    origin = scaffold.origin_of(f"sqlite://{tmp_path}/lib.db", ["dataset.query=select visit_id, visited from visits"])
    sample, _ = scaffold.read_sample(origin, tmp_path, Q1)
    assert sample.to_pydict() == {"visit_id": ["1"], "visited": ["2025-04-01"]}


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    origin = scaffold.origin_of("postgresql://reader@db/lib", ["dataset.query=x", "connection.password=${NO_SUCH_ONE}"])
    with pytest.raises(ConfigurationError, match="NO_SUCH_ONE is not set"):
        scaffold.read_sample(origin, tmp_path, Q1)
