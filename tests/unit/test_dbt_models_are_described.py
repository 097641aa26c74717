"""Every model is described where it stands: its grain, each of its columns, who may see them, and a unit test per
measure."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from support.dbt_project import PROJECT, description, documents, models, output_columns

from sources.contract import load_contracts

DOC = re.compile(r"^{{ doc\('(\w+)'\) }}$")
SHARED = dict(
    re.findall(
        r"{% docs (\w+) %}\n(.+?)\n{% enddocs %}",
        (PROJECT / "models" / "_columns.md").read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
)


def words(text: str) -> str:
    """A description with what it borrows from models/_columns.md."""
    borrowed = DOC.match(text)
    return SHARED[borrowed[1]] if borrowed else text


@pytest.mark.parametrize("model", models(), ids=lambda path: path.stem)
def test_model_and_columns_are_described(model: Path) -> None:
    told = description(model)
    assert told["name"] == model.stem
    sentences = re.split(r"(?<=\.) ", told["description"].strip())
    assert sentences[-1].startswith("One row"), "a description ends with the grain: 'One row per ...'"
    assert len(sentences) > 1, "what the rows are stands before the grain"
    assert [column["name"] for column in told["columns"]] == output_columns(model)
    for column in told["columns"]:
        text = words(column["description"])
        assert text.endswith("."), f"{column['name']}: {text}"


def test_shared_descriptions_are_shared() -> None:
    used = Counter(
        match[1]
        for model in models()
        for column in description(model)["columns"]
        if (match := DOC.match(column["description"]))
    )
    assert set(used) == set(SHARED)
    assert all(count > 1 for count in used.values()), used


@pytest.mark.parametrize("model", models("marts"), ids=lambda path: path.stem)
def test_columns_of_marts_say_who_may_see_them(model: Path) -> None:
    for column in description(model)["columns"]:
        audiences = column["config"]["meta"]["audiences"]
        assert audiences in (["internal", "public"], ["internal"]), column["name"]


def test_every_mart_is_one_exposure() -> None:
    exposures = [exposure for document in documents() for exposure in document.get("exposures", [])]
    assert sorted(exposure["name"] for exposure in exposures) == [model.stem for model in models("marts")]
    for exposure in exposures:
        assert exposure["depends_on"] == [f"ref('{exposure['name']}')"]
        assert exposure["label"]
        assert exposure["owner"]["name"]
        assert "One row per" in exposure["description"]
        meta = exposure["config"]["meta"]
        assert set(meta) - {"order_by", "public_rows"} == {"audiences", "formats", "version", "method"}
        assert meta["method"].endswith(".")


def test_publications_are_listed_in_the_docs() -> None:
    exposures = [exposure for document in documents() for exposure in document.get("exposures", [])]
    rows = []
    for exposure in sorted(exposures, key=lambda exposure: exposure["name"]):
        purpose, _, grain = exposure["description"].strip().rpartition(" One row per ")
        audiences = ", ".join(exposure["config"]["meta"]["audiences"])
        rows.append(f"| `{exposure['name']}` | {purpose} | {grain.removesuffix('.')} | {audiences} |")
    page = (PROJECT.parent / "docs" / "publications.md").read_text(encoding="utf-8")
    assert [line for line in page.splitlines() if line.startswith("| `")] == rows


@pytest.mark.parametrize("model", models("measures"), ids=lambda path: path.stem)
def test_measure_has_a_unit_test(model: Path) -> None:
    document = yaml.safe_load(model.with_suffix(".yml").read_text(encoding="utf-8"))
    tests = [test for test in document.get("unit_tests", []) if test["model"] == model.stem]
    assert tests, f"count {model.stem} by hand in {model.with_suffix('.yml').name}"
    assert all(test["expect"]["rows"] for test in tests)


def test_every_fact_and_measure_leads_back_to_its_extract() -> None:
    facts = [
        model for model in models("core", "measures") if model.stem.startswith("fct_") or "measures" in model.parts
    ]
    for model in facts:
        assert {"extract_id", "source_row"} <= set(output_columns(model)), model.stem


def test_sources_are_the_datasets_of_the_contracts() -> None:
    tables = {
        table["name"]
        for document in documents()
        for source in document.get("sources", [])
        for table in source["tables"]
    }
    assert tables == {contract.table for contract in load_contracts().values()} | {
        f"vitals__{name}" for name in ("council", "periods", "days", "extracts", "datasets", "published")
    }
