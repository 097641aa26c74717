"""The connector `python`: hooks of a council's own, called for what the contract asks, and never shown too much."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from support.builders import Q1, Q2, Q4, column, key, make_contract, make_source, rejected_path, rows_of

from sources.config import Source
from sources.contract import Contract
from sources.errors import ConfigurationError, SourceError
from sources.landing import Landed, land

VISITS = """
    def read(start, end, connection):
        yield {"library": "Central", "day": start, "visits": 12, "until": end, **connection}
"""


def visits(folder: Path, load: str = "incremental") -> Contract:
    return make_contract(
        folder, key("library"), column("day", "date"), column("visits", "integer"), column("until"), load=load
    )


def hook(folder: Path, contract: Contract, code: str, file: str = "visits.py", **more: Any) -> Source:
    path = folder / "hooks" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(code), encoding="utf-8")
    document = {
        "system": "made",
        "owner": "owner@brigstow.example",
        "connector": "python",
        "connection": more.pop("connection", {}),
        "datasets": {"things": {"function": "visits:read"} | more},
    }
    return make_source(folder, document, {contract.name: contract})


def landed(source: Source, folder: Path, quarters: Sequence[Any] = (Q1, Q2)) -> list[Landed]:
    contract = source.datasets["things"]
    return land(contract, source.extract("things", list(quarters)), folder / "data", list(quarters))


def test_a_hook_is_called_for_each_quarter(tmp_path: Path) -> None:
    first, second = landed(hook(tmp_path, visits(tmp_path), VISITS), tmp_path)
    assert (first.quarter, first.error, second.quarter, second.error) == (Q1, None, Q2, None)
    assert rows_of(first.path, "library, day, visits, until, _source_row") == [
        ("Central", date(2025, 4, 1), 12, "2025-07-01", 1)
    ]
    assert rows_of(second.path, "day, until") == [(date(2025, 7, 1), "2025-10-01")]
    assert rows_of(first.path, "_source")[0][0].endswith("hooks/visits.py: read")


def test_a_dataset_kept_whole_is_one_call(tmp_path: Path) -> None:
    (only,) = landed(hook(tmp_path, visits(tmp_path, load="full"), VISITS), tmp_path, [Q1, Q2, Q4])
    assert rows_of(only.path, "day, until") == [(date(2025, 4, 1), "2026-04-01")]


def test_it_is_asked_for_what_changed_since(tmp_path: Path) -> None:
    mark = datetime(2025, 5, 6, 7, tzinfo=UTC)
    first, second = hook(tmp_path, visits(tmp_path), VISITS).extract("things", [Q1, Q2], {Q1: mark})
    assert (first.since, second.since) == (mark, None)
    (batch,) = first.batches
    assert batch.column("day").to_pylist() == ["2025-05-06"]


@pytest.mark.parametrize(
    "given",
    [
        "[{'library': 'A', 'visits': 1}, {'library': 'B', 'visits': None}]",
        "({'library': name, 'visits': number} for name, number in [('A', 1), ('B', float('nan'))])",
        "[[{'library': 'A', 'visits': 1}], [{'library': 'B'}]]",
        "pd.DataFrame({'library': ['A', 'B'], 'visits': [1, None]})",
        "[pd.DataFrame({'library': ['A'], 'visits': [1]}), pd.DataFrame({'library': ['B'], 'visits': [None]})]",
        "pa.table({'library': ['A', 'B'], 'visits': [1, None]})",
        "pa.table({'library': ['A', 'B'], 'visits': [1, None]}).to_batches()",
    ],
)
def test_records_and_tables_of_any_kind_are_taken(tmp_path: Path, given: str) -> None:
    code = f"import pandas as pd\nimport pyarrow as pa\n\ndef read(start, end, connection):\n    return {given}\n"
    source = hook(tmp_path, visits(tmp_path), code, absent=["day", "until"])
    (found,) = landed(source, tmp_path, [Q1])
    assert found.error is None
    assert rows_of(found.path, "library, visits") == [("A", 1), ("B", None)]


def test_fields_are_mapped_and_bad_rows_refused(tmp_path: Path) -> None:
    code = """
        def read(start, end, connection):
            yield {"place": {"name": "Central"}, "day": "01/04/2025", "visits": "12"}
            yield {"place": {"name": "West"}, "day": "01/04/2025", "visits": "many"}
    """
    columns = {"library": "place.name", "until": {"constant": "never"}}
    (found,) = landed(
        hook(tmp_path, visits(tmp_path), code, columns=columns, format={"dates": "dd/mm/yyyy"}), tmp_path, [Q1]
    )
    assert rows_of(found.path, "library, day, visits, until") == [("Central", date(2025, 4, 1), 12, "never")]
    assert rows_of(rejected_path(found), "library, _reasons") == [("West", ['visits "many" is not a whole number'])]


def test_the_connection_reaches_the_function_with_its_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILL_TOKEN", "0123456789abcdef")
    code = """
        def read(start, end, connection):
            assert connection == {"till": {"token": "0123456789abcdef"}, "pages": 3}
            yield {"library": "Central"}
    """
    connection = {"till": {"token": "${TILL_TOKEN}"}, "pages": 3}
    source = hook(tmp_path, visits(tmp_path), code, connection=connection, absent=["day", "visits", "until"])
    assert source.variables == ["TILL_TOKEN"]
    (found,) = landed(source, tmp_path, [Q1])
    assert (found.error, found.rows) == (None, 1)


def test_modules_beside_it_are_found_and_forgotten_again(tmp_path: Path) -> None:
    before = set(sys.modules), list(sys.path)
    for town, name in (("north", "North"), ("south", "South")):
        folder = tmp_path / town
        contract = visits(folder)
        (folder / "hooks" / "till").mkdir(parents=True)
        (folder / "hooks" / "till" / "names.py").write_text(f"NAME = '{name}'\n", encoding="utf-8")
        code = """
            from .names import NAME

            def read(start, end, connection):
                yield {"library": NAME}
        """
        source = hook(
            folder, contract, code, "till/visits.py", function="till.visits:read", absent=["day", "visits", "until"]
        )
        (found,) = landed(source, folder, [Q1])
        assert rows_of(found.path, "library") == [(name,)], "each council has its own"
    assert not [name for name in set(sys.modules) - before[0] if name.startswith("till")]
    assert sys.path == before[1]
    assert not list(tmp_path.rglob("__pycache__"))


# What is wrong is told


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("def red(start, end, connection): ...", {}, "defines no function 'read'. Did you mean 'red'? It defines: 'red'."),
    ("def read(start, end, connection): ...", {"function": "visit:read"}, "visit.py. Did you mean 'visits'?"),
    ("def read(start, end, connection): ...", {"function": "visits.read"}, "will not do; write module:function."),
    ("def read(start, end, connection): ...", {"function": "../x:read"}, "will not do; write module:function."),
    ("def read(start end)", {}, "visits.py:1 is no Python that can be read."),
    ("def read(start, end, connection): ...", {"functon": 1}, "datasets.things.functon: not a known key."),
]


@pytest.mark.parametrize(("code", "more", "words"), WRONG, ids=[words for _, _, words in WRONG])
def test_a_hook_that_is_not_there_is_a_mistake_of_the_configuration(
    tmp_path: Path, code: str, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        hook(tmp_path, visits(tmp_path), code, **more)
    assert any(words in problem for problem in error.value.problems), error.value.problems


def test_loading_the_configuration_does_not_import_it(tmp_path: Path) -> None:
    code = "import nothing_of_this_name\n\ndef read(start, end, connection):\n    return []\n"
    source = hook(tmp_path, visits(tmp_path), code)
    with pytest.raises(SourceError, match=r"hooks/visits\.py:1: visits:read failed with ModuleNotFoundError"):
        source.reach()
    first, _ = landed(source, tmp_path)
    assert first.error is not None and "hooks/visits.py:1: visits:read failed with ModuleNotFoundError" in first.error


def test_an_error_inside_is_told_by_type_and_line_without_values(tmp_path: Path) -> None:
    code = """
        def read(start, end, connection):
            yield {"library": "Central"}
            found = parse("Ada Lovelace")


        def parse(name):
            return {}[name]
    """
    source = hook(tmp_path, visits(tmp_path), code, absent=["day", "visits", "until"])
    (found,) = landed(source, tmp_path, [Q1])
    assert found.path is None
    assert found.error is not None
    assert found.error.endswith("hooks/visits.py:8: visits:read failed with KeyError. Nothing landed; mend the hook.")
    assert "Ada" not in found.error


def test_what_a_hook_says_itself_is_passed_on(tmp_path: Path) -> None:
    code = """
        from sources.errors import SourceError

        def read(start, end, connection):
            raise SourceError("The till is being counted. Try again after six.")
    """
    (found,) = landed(hook(tmp_path, visits(tmp_path), code), tmp_path, [Q1])
    assert found.error == "The till is being counted. Try again after six."


@pytest.mark.parametrize("given", ["7", "None", "['Central']", "[('Central', 1)]"])
def test_what_is_no_record_is_refused(tmp_path: Path, given: str) -> None:
    code = f"def read(start, end, connection):\n    return {given}\n"
    (found,) = landed(hook(tmp_path, visits(tmp_path), code), tmp_path, [Q1])
    assert found.error is not None
    assert "where a record should be. It should yield dicts" in found.error
    assert "Central" not in found.error


def test_a_name_that_python_itself_uses_is_refused(tmp_path: Path) -> None:
    code = "def read(start, end, connection):\n    return []\n"
    source = hook(tmp_path, visits(tmp_path), code, "json.py", function="json:read")
    (found,) = landed(source, tmp_path, [Q1])
    assert found.error is not None
    assert found.error.endswith("another module is called 'json', too. Give the hook's file another name.")
