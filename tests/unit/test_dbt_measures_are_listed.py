"""A measure is one file and one line in the list of all measures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlglot import exp
from support.dbt_project import PROJECT, models, output_columns, parsed, render

LIST = PROJECT / "macros" / "measure_models.sql"
COLUMNS = [
    *("measure_id", "unit_id", "area_id", "period_start", "numerator", "denominator", "is_provisional"),
    *("extract_id", "source_row"),
]

# Models of as many measures as the framework says: their rows carry the ids.
OF_MANY_MEASURES = {"published_indicators", "returned_values", "survey_indicators"}


def remedy(listed: set[str], files: set[str]) -> list[str]:
    """What to do so that list and files agree, a sentence each."""
    where = LIST.relative_to(PROJECT.parent)
    return [
        *(f"{name}.sql counts in nothing yet: add '{name}' to {where}." for name in sorted(files - listed)),
        *(f"{where} lists '{name}', but no measure has that file: mend the line." for name in sorted(listed - files)),
    ]


def selects(query: Any) -> Iterator[Any]:
    """The selects whose rows a query gives: both sides of each union."""
    if isinstance(query, exp.Union):
        yield from selects(query.this)
        yield from selects(query.expression)
    else:
        yield query


def test_every_measure_file_is_in_the_list() -> None:
    listed = set(re.findall(r"^ +'(\w+)',$", LIST.read_text(encoding="utf-8"), flags=re.MULTILINE))
    files = {model.stem for model in models("measures")}
    assert remedy(listed, files) == []
    assert set(re.findall(r"from (\w+)", render("{{ union_of_measures() }}"))) == files


def test_a_measure_left_out_of_the_list_is_told_with_its_remedy() -> None:
    assert remedy({"co02"}, {"co02", "wa01"}) == [
        "wa01.sql counts in nothing yet: add 'wa01' to dbt_project/macros/measure_models.sql."
    ]
    assert remedy({"co02", "wa01"}, {"co02"}) == [
        "dbt_project/macros/measure_models.sql lists 'wa01', but no measure has that file: mend the line."
    ]


@pytest.mark.parametrize("model", models("measures"), ids=lambda path: path.stem)
def test_measures_give_the_same_columns_row_by_row(model: Path) -> None:
    assert output_columns(model) == COLUMNS
    assert all(select.args.get("group") is None for select in selects(parsed(model))), (
        "the roll-up adds, not the measure"
    )


@pytest.mark.parametrize("model", models("measures"), ids=lambda path: path.stem)
def test_a_measure_s_file_begins_with_its_id(model: Path) -> None:
    ids = set(re.findall(r"'([A-Z]{2}\d{2}[A-Z]?)' as measure_id", render(model.read_text(encoding="utf-8"))))
    assert ids == (set() if model.stem in OF_MANY_MEASURES else {model.stem.split("_")[0].upper()})
