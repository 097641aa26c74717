"""Contracts: every shipped one is a valid Open Data Contract, and a faulty one says where, what and how to mend it."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest
import yaml
from support.builders import column, contract_document, extract_of, key, make_contract, write_contract

from sources.contract import CONTRACTS, LINEAGE, Contract, dbt_sources, load_contract, load_contracts
from sources.errors import ConfigurationError
from sources.landing import land
from sources.periods import Quarter

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(CONTRACTS.glob("*/*.yaml"))
NAMES = [f"{path.parent.name}.{path.stem}" for path in SHIPPED]


@pytest.fixture(scope="module")
def standard() -> jsonschema.protocols.Validator:
    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


@pytest.mark.parametrize("path", SHIPPED, ids=NAMES)
def test_every_shipped_contract_is_valid_by_the_standards_own_schema(
    path: Path, standard: jsonschema.protocols.Validator
) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert document["apiVersion"] == "v3.2.0"
    assert [f"{error.json_path}: {error.message}" for error in standard.iter_errors(document)] == []


def test_the_standards_schema_would_notice(standard: jsonschema.protocols.Validator) -> None:
    document = yaml.safe_load(SHIPPED[0].read_text(encoding="utf-8"))
    document["schema"][0]["properties"][0]["logicalType"] = "text"
    assert list(standard.iter_errors(document))


def test_all_datasets_have_their_contract() -> None:
    contracts = load_contracts()
    assert list(contracts) == sorted(NAMES) == sorted(contracts)
    assert len(contracts) >= 22
    assert contracts["complaints.cases"].key == ("case_id", "stage")


@pytest.mark.parametrize("name", NAMES)
def test_every_column_and_table_is_described(name: str) -> None:
    contract = load_contracts()[name]
    document = yaml.safe_load((CONTRACTS / name.replace(".", "/")).with_suffix(".yaml").read_text(encoding="utf-8"))
    assert len(contract.purpose) > 20
    assert document["schema"][0]["dataGranularityDescription"].startswith("one row per ")
    for item in document["schema"][0]["properties"]:
        assert len(item.get("description", "")) > 3, item["name"]


@pytest.mark.parametrize("name", NAMES)
def test_every_check_of_a_shipped_contract_runs(name: str, tmp_path: Path) -> None:
    """A row rule that names a column wrongly would fail only when a council lands its first extract."""
    contract = load_contracts()[name]
    asked = None if contract.load == "full" else Quarter(2025, 1)
    (landed,) = land(contract, [extract_of(contract, [{}], asked)], tmp_path, [Quarter(2025, 1)])
    required = {f"{item.name} is missing" for item in contract.columns if item.required}
    assert set(landed.reasons) == required
    assert landed.path is None, "a row of nothing but nulls is refused, and with it the extract"


@pytest.mark.parametrize("name", NAMES)
def test_the_zero_row_table_has_every_column_with_its_type_and_no_row(name: str) -> None:
    contract = load_contracts()[name]
    with duckdb.connect() as con:
        relation = con.sql(contract.zero_rows())
        assert relation.fetchall() == []
        names = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
        found = dict(zip(relation.columns, map(str, relation.types), strict=True))
        expected = {item.name: item.sql_type for item in contract.columns} | LINEAGE
        assert found == {column: names.get(kind, kind) for column, kind in expected.items()}


def test_dbts_sources_are_made_from_the_contracts() -> None:
    committed = (ROOT / "dbt_project/models/staging/_sources.yml").read_text(encoding="utf-8")
    assert committed == dbt_sources(load_contracts()), "contracts and dbt's sources differ: run `make contracts`"


def test_dbts_sources_mark_who_may_see_what() -> None:
    (source,) = yaml.safe_load(dbt_sources(load_contracts()))["sources"]
    marked = {
        f"{table['name']}.{item['name']}": item["config"]["meta"]["classification"]
        for table in source["tables"]
        for item in table["columns"]
        if "config" in item
    }
    assert marked == {
        "addresses__matches.address_text": "personal",
        "addresses__matches.uprn": "personal",
        "complaints__cases.uprn": "personal",
        "complaints__service_requests.address_text": "personal",
        "complaints__service_requests.uprn": "personal",
        "hr__absences.absence_id": "pseudonymised",
        "hr__absences.employee_id": "pseudonymised",
        "hr__absences.reason": "personal",
        "hr__employees.employee_id": "pseudonymised",
        "hr__pay.employee_id": "pseudonymised",
    }


def test_a_contract_is_compiled_whole(tmp_path: Path) -> None:
    contract = make_contract(
        tmp_path,
        key("case_id"),
        column("stage", "integer", logicalTypeOptions={"minimum": 1, "maximum": 2}),
        column("amount_gbp", "DECIMAL(14,2)", required=True, description="pounds"),
        column("on_date", "date"),
        column("uprn", classification="personal", logicalTypeOptions={"pattern": "[0-9]+"}),
        column("outcome", enum=[{"value": "upheld"}, {"value": "not_upheld"}]),
        rules={"not before 2000": "on_date >= date '2000-01-01'"},
        load="snapshot",
        periodColumn="on_date",
        rowsPerQuarter=[10, 20],
        maximumRejectedShare=0.05,
        maximumShrink=0.5,
        requiredForRelease=True,
    )
    assert (contract.name, contract.table, contract.version, contract.load) == (
        "made.things",
        "made__things",
        "1.0.0",
        "snapshot",
    )
    assert [(item.name, item.sql_type, item.required) for item in contract.columns] == [
        ("case_id", "VARCHAR", True),
        ("stage", "INTEGER", False),
        ("amount_gbp", "DECIMAL(14,2)", True),
        ("on_date", "DATE", False),
        ("uprn", "VARCHAR", False),
        ("outcome", "VARCHAR", False),
    ]
    assert contract.key == ("case_id",)
    assert contract.rules == (("not before 2000", "on_date >= date '2000-01-01'"),)
    assert (contract.period_column, contract.rows_per_quarter) == ("on_date", (10, 20))
    assert (contract.maximum_rejected_share, contract.maximum_shrink) == (0.05, 0.5)
    assert contract.required_for_release
    stage, amount, uprn, outcome = (contract.column(name) for name in ("stage", "amount_gbp", "uprn", "outcome"))
    assert (stage.minimum, stage.maximum, amount.decimals, stage.decimals) == (1, 2, 2, 0)
    assert (uprn.is_personal, uprn.pattern, amount.is_personal) == (True, "[0-9]+", False)
    assert outcome.values == ("upheld", "not_upheld")
    assert (amount.description, outcome.description) == ("pounds", "outcome"), "a name is better than nothing"


def test_what_a_contract_does_not_say_is_strict(tmp_path: Path) -> None:
    document = contract_document([column("a")])
    document["customProperties"] = [{"property": "load", "value": "full"}]
    contract = load_contract(write_contract(tmp_path, document))
    assert (contract.maximum_rejected_share, contract.maximum_shrink) == (0.02, 0.3)
    assert (contract.rows_per_quarter, contract.required_for_release, contract.latency_days) == (None, False, None)
    with pytest.raises(StopIteration):
        contract.column("b")


def test_a_key_is_required_even_where_the_contract_does_not_say_so(tmp_path: Path) -> None:
    assert make_contract(tmp_path, column("ref", primaryKey=True, primaryKeyPosition=1)).column("ref").required


Change = Callable[[dict[str, Any]], Any]


def table(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["schema"][0]
    return found


def add(**item: Any) -> Change:
    return lambda document: table(document)["properties"].append(item)


def custom(name: str, value: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        kept = [item for item in document["customProperties"] if item["property"] != name]
        document["customProperties"] = [*kept, {"property": name, "value": value}]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            add(name="b", logicalType="string", requird=True),
            "schema.things.properties.b.requird: not a key of the Open Data Contract Standard. Did you mean "
            "'required'?",
        ),
        (
            lambda document: document.update(sceham=[]),
            "sceham: not a key of the Open Data Contract Standard. Did you mean 'schema'?",
        ),
        (
            custom("maximumRejectShare", 0.1),
            "customProperties: 'maximumRejectShare' is not known. Did you mean 'maximumRejectedShare'? Known: 'dele",
        ),
        (
            custom("load", "incremental"),
            "schema: an incremental dataset needs a primary key, to know which row is newest.",
        ),
        (custom("load", "daily"), "customProperties.load: 'daily' must be one of 'full', 'snapshot', 'incremental'."),
        (
            custom("periodColumn", "effective"),
            "customProperties.periodColumn: no column 'effective'. Did you mean 'effective_date'?",
        ),
        (
            custom("periodColumn", "a"),
            "customProperties.periodColumn: 'a' must be a date or a timestamp.",
        ),
        (
            custom("highWaterMark", "effective_date"),
            "customProperties.highWaterMark: only an incremental dataset (load: incremental) can have one.",
        ),
        (
            custom("overlapDays", 3),
            "customProperties.overlapDays: says how far to go back from a highWaterMark; name that, too.",
        ),
        (
            add(name="b", logicalType="string", classification="pseudonymised", enum=[{"value": "x"}]),
            "schema.b: a pseudonymised column is a string without enum or logicalTypeOptions: it holds a hash.",
        ),
        (
            add(name="b", logicalType="integer", classification="pseudonymised"),
            "schema.b: a pseudonymised column is a string without enum",
        ),
        (
            add(name="b", logicalType="string", classification="personnel"),
            "schema.b: classification 'personnel' is not known. Did you mean 'personal'? Known: 'personal', ",
        ),
        (
            custom("rowsPerQuarter", [600]),
            "customProperties.rowsPerQuarter: [600] will not do; write the fewest and the most rows, ",
        ),
        (
            custom("rowsPerQuarter", [20, 10]),
            "customProperties.rowsPerQuarter: [20, 10] will not do; write the fewest and the most rows",
        ),
        (
            custom("maximumRejectedShare", "2 %"),
            "customProperties.maximumRejectedShare: '2 %' will not do; write a share from 0 to 1, for example 0.02.",
        ),
        (custom("maximumShrink", 30), "customProperties.maximumShrink: 30 will not do; write a share from 0 to 1"),
        (custom("requiredForRelease", "yes"), "customProperties.requiredForRelease: 'yes' will not do; write true or"),
        (
            add(name="b", logicalType="strnig"),
            "schema.b: logicalType 'strnig' is not supported. Did you mean 'string'?",
        ),
        (
            add(name="b", logicalType="number"),
            "schema.b: a number needs its exact type, for example physicalType: DECIMAL(14,2).",
        ),
        (
            add(name="b", logicalType="number", physicalType="DOUBLE"),
            "schema.b: a number needs its exact type, for example physicalType: DECIMAL(14,2).",
        ),
        (
            add(name="b", logicalType="integer", logicalTypeOptions={"minimun": 1}),
            "schema.b: logicalTypeOptions.minimun is not supported. Did you mean 'minimum'?",
        ),
        (
            add(name="b", logicalType="integer", logicalTypeOptions={"minimum": "one"}),
            "schema.b: logicalTypeOptions.minimum: 'one' is not a number.",
        ),
        (add(name="Case ID", logicalType="string"), "schema.Case ID: column names are lower_snake_case."),
        (add(name="a", logicalType="string"), "schema.a: stands twice."),
        (
            lambda document: document.update(id="made.other"),
            "id: is 'made.other', but the file's place makes it 'made.things'.",
        ),
        (
            lambda document: table(document).update(name="other"),
            "schema: must hold exactly one table, named 'things'.",
        ),
        (
            lambda document: document.update(schema=[]),
            "schema: must hold exactly one table, named 'things'.",
        ),
        (
            lambda document: table(document).update(quality=[{"name": "of age", "type": "sql", "query": "select 1"}]),
            "schema.quality 'of age': use type custom, engine row, implementation SQL.",
        ),
    ],
)
def test_a_faulty_contract_names_file_key_and_remedy(tmp_path: Path, change: Change, message: str) -> None:
    document = contract_document([column("a"), column("effective_date", "date")])
    path = write_contract(tmp_path, document)
    assert load_contract(path).name == "made.things", "without the fault it is fine"
    load_contract.cache_clear()
    change(document)
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        load_contract(path)
    (problem,) = error.value.problems
    assert problem.startswith(f"sources/contracts/made/things.yaml: {message}")


def test_an_increment_is_described_whole(tmp_path: Path) -> None:
    columns = [
        key("ref"),
        column("updated_at", "timestamp", required=True),
        column("is_deleted", "boolean"),
        column("person", classification="pseudonymised"),
    ]
    contract = make_contract(
        tmp_path, *columns, load="incremental", highWaterMark="updated_at", overlapDays=3, deletedColumn="is_deleted"
    )
    assert (contract.high_water_mark, contract.overlap_days, contract.deleted_column) == ("updated_at", 3, "is_deleted")
    assert (contract.column("person").is_pseudonymised, contract.column("person").is_personal) == (True, False)
    assert [item.classification for item in contract.columns] == [None, None, None, "pseudonymised"]
    plain = make_contract(tmp_path, *columns, load="incremental", highWaterMark="updated_at")
    assert (plain.overlap_days, plain.deleted_column) == (7, None)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"deletedColumn": "updated_at"}, "customProperties.deletedColumn: 'updated_at' must be a boolean."),
        (
            {"highWaterMark": "update_at"},
            "customProperties.highWaterMark: no column 'update_at'. Did you mean 'updated_at'?",
        ),
        ({"highWaterMark": "ref"}, "customProperties.highWaterMark: 'ref' must be a date or a timestamp."),
        (
            {"highWaterMark": "updated_at", "overlapDays": -1},
            "customProperties.overlapDays: -1 will not do; write a whole number of days, for example 7.",
        ),
    ],
)
def test_an_increment_wrongly_described_is_refused(tmp_path: Path, settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        make_contract(tmp_path, key("ref"), column("updated_at", "timestamp"), load="incremental", **settings)
    assert error.value.problems == [f"sources/contracts/made/things.yaml: {problem}"]


@pytest.mark.parametrize("text", ["schema: [", "", "- a list", "kind: [1, 2]"])
def test_a_file_that_is_no_contract_says_so(tmp_path: Path, text: str) -> None:
    path = write_contract(tmp_path, contract_document([column("a")]))
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"^sources/contracts/made/things\.yaml: not an Open Data Contract: "):
        load_contract(path)


def test_all_problems_of_all_contracts_come_at_once(tmp_path: Path) -> None:
    write_contract(tmp_path, contract_document([column("a", "number"), column("B")], load="never"))
    write_contract(tmp_path, contract_document([column("a")], name="made.good"))
    write_contract(tmp_path, contract_document([column("a", "datum")], name="other.things"))
    with pytest.raises(ConfigurationError) as error:
        load_contracts(tmp_path / "contracts")
    places = [problem.split(": ")[:2] for problem in error.value.problems]
    assert places == [
        ["sources/contracts/made/things.yaml", "schema.a"],
        ["sources/contracts/made/things.yaml", "schema.B"],
        ["sources/contracts/made/things.yaml", "customProperties.load"],
        ["sources/contracts/other/things.yaml", "schema.a"],
    ]
    assert str(error.value) == "\n".join(error.value.problems)


def test_contracts_are_never_changed_by_use() -> None:
    contract: Contract = load_contracts()["hr.employees"]
    with pytest.raises(AttributeError):
        contract.version = "2.0.0"  # type: ignore[misc]
