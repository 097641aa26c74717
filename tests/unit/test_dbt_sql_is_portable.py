"""Every model reads as Spark SQL too: engines' own spellings stand in dispatched macros and nowhere else."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError
from sqlglot.tokens import TokenType
from support.dbt_project import DIALECT, models, parsed, render

# Functions that Spark has under the same name and with the same meaning. A new one is added here after a look into
# Spark's list of built-in functions; one that Spark lacks belongs into a dispatched macro (macros/portable.sql).
SAME_EVERYWHERE = {
    *("abs", "cast", "coalesce", "extract", "greatest", "last_day", "least", "make_date", "median", "right", "round"),
    *("exp", "ln", "lower", "nullif", "sqrt", "substring", "try_cast", "upper"),
    *("count", "max", "min", "percentile_cont", "sum"),
    *("dense_rank", "lag", "lead", "rank", "row_number"),
}
# What macros/portable.sql writes for Spark.
SPARK_SPELLINGS = {
    "add_months",
    "array_join",
    "array_sort",
    "collect_set",
    "date_add",
    "datediff",
    "format_number",
    "trunc",
}
# Words before a bracket that are no functions.
GRAMMAR = {
    *(
        "and",
        "as",
        "by",
        "decimal",
        "exists",
        "from",
        "group",
        "in",
        "join",
        "not",
        "on",
        "or",
        "over",
        "then",
        "values",
        "when",
    ),
    *("where", "with", "domains"),
}
# A clock needs no brackets in most engines, so that looking for calls does not find it.
CLOCKS = (exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentDatetime)
NOT_STANDARD = (exp.Qualify, exp.Filter, exp.Lambda, exp.Struct, exp.Array, exp.Bracket)


def functions(sql: str) -> set[str]:
    """Names written before a bracket, in lower case, grammar left out."""
    tokens = sqlglot.tokenize(sql, read=DIALECT)
    pairs = itertools.pairwise(tokens)
    called = {token.text.lower() for token, following in pairs if following.token_type == TokenType.L_PAREN}
    return {name for name in called if name.isidentifier()} - GRAMMAR


def complaints(sql: str) -> list[str]:
    """What keeps a rendered query from other engines, a sentence each."""
    tokens = sqlglot.tokenize(sql, read=DIALECT)
    found = [
        f"{name}() is not known to be the same everywhere: use another, or dispatch it in macros/portable.sql"
        for name in sorted(functions(sql) - SAME_EVERYWHERE - SPARK_SPELLINGS)
    ]
    if any(token.token_type == TokenType.DCOLON for token in tokens):
        found.append("write cast(x as type) instead of x::type")
    try:
        [query] = sqlglot.parse(sql, read=DIALECT)
    except ParseError as error:
        return [*found, f"Spark cannot read it: {error}"]
    assert query is not None
    found += [f"{kind.__name__} is a clock: figures must not depend on it" for kind in CLOCKS if query.find(kind)]
    found += [f"{kind.__name__} is not standard SQL" for kind in NOT_STANDARD if query.find(kind)]
    return found


@pytest.mark.parametrize("model", models(), ids=lambda path: path.stem)
def test_model_is_portable(model: Path) -> None:
    assert complaints(render(model.read_text(encoding="utf-8"))) == []
    assert parsed(model).named_selects


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select strftime(day, '%Y') as year from days", "strftime()"),
        ("select day::date as day from days", "cast(x as type)"),
        ("select a from t qualify row_number() over (order by a) = 1", "Qualify"),
        ("select count(*) filter (where a) as n from t", "Filter"),
        ("select list_transform(a, x -> x + 1) as a from t", "list_transform()"),
        ("select [1, 2] as a", "Array"),
        ("select a from t where", "Spark cannot read it"),
    ],
)
def test_what_is_not_portable_is_refused(sql: str, reason: str) -> None:
    assert any(reason in complaint for complaint in complaints(sql)), complaints(sql)


def test_a_clock_and_chance_are_refused() -> None:
    for name in ("now", "current_date", "today", "random", "uuid", "rand", "current_timestamp"):
        assert complaints(f"select {name}() as a") != [], name
    for name in ("current_date", "current_timestamp", "CURRENT_DATE"):
        assert complaints(f"select {name} as a") != [], name
