"""From which columns of raw every column of a model derives, followed through the SQL, whatever it is called.

Belongs here: following. Not here: what may derive from what (tests/unit/test_personal_data.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from support.dbt_project import DIALECT

Origin = tuple[str, str]  # a source table and its column


@dataclass(frozen=True)
class Leak:
    """A column of a model that derives from one of raw."""

    model: str
    column: str
    origin: Origin

    def __str__(self) -> str:
        return f"{self.model}.{self.column} derives from {'.'.join(self.origin)}"


def leaks(
    models: Mapping[str, exp.Query],
    sources: Mapping[str, list[str]],
    origins: set[Origin],
    forbidden: Callable[[str], bool],
    counts_may: bool = False,
) -> list[Leak]:
    """Columns of models that are `forbidden` to derive from `origins`, and do.

    `models` are queries by name; `sources` the columns of each source table, which queries name `schema.table`.
    `counts_may`: a number of things is allowed, whatever is counted.
    """
    followed: dict[str, dict[str, set[Origin]]] = {
        table: {column: {(table, column)} for column in columns} for table, columns in sources.items()
    }

    def follow(name: str) -> dict[str, set[Origin]]:
        if name not in followed:
            query = models[name].copy()
            tables = [_flat(table) for table in query.find_all(exp.Table)]
            ctes = {cte.alias for cte in query.find_all(exp.CTE)}
            schema = {table: dict.fromkeys(follow(table), "string") for table in tables if table not in ctes}
            if counts_may:
                for count in query.find_all(exp.Count):
                    count.set("this", exp.Star())
            followed[name] = _columns(qualify(query, schema=schema, dialect=DIALECT, identify=False), followed)
        return followed[name]

    return [
        Leak(name, column, origin)
        for name in models
        if forbidden(name)
        for column, derived in follow(name).items()
        for origin in sorted(derived & origins)
    ]


def _flat(table: exp.Table) -> str:
    """Name a source by one word, as models are: a schema of tables of both depths is none."""
    if table.db:
        table.set("this", exp.to_identifier(f"{table.db}.{table.name}", quoted=True))
        table.set("db", None)
    return table.name


def _columns(query: exp.Expression, known: Mapping[str, Mapping[str, set[Origin]]]) -> dict[str, set[Origin]]:
    root = build_scope(query)
    assert root is not None
    scopes = {id(scope.expression): scope for scope in root.traverse()}
    memory: dict[tuple[int, int], set[Origin]] = {}

    def output(scope: Scope, place: int) -> set[Origin]:
        remembered = (id(scope), place)
        if remembered not in memory:
            query = scope.expression
            if isinstance(query, exp.SetOperation):
                sides = (scopes[id(side.unnest())] for side in (query.left, query.right))
                memory[remembered] = set().union(*(output(side, place) for side in sides))
            else:
                memory[remembered] = inside(query.selects[place], scope)
        return memory[remembered]

    def inside(expression: exp.Expression, scope: Scope) -> set[Origin]:
        return set().union(*(origin(column, scope) for column in expression.find_all(exp.Column)))

    def origin(column: exp.Column, scope: Scope) -> set[Origin]:
        for around in _around(column, scope, scopes):
            source = around.sources.get(column.table)
            if isinstance(source, exp.Table):
                return known[source.name][column.name]
            if isinstance(source, Scope) and isinstance(source.expression, exp.Query):
                return output(source, source.expression.named_selects.index(column.name))
            if isinstance(source, Scope):  # rows made from a list: from whatever the list is made of
                return inside(source.expression, around)
        raise AssertionError(f"{column.sql()}: comes from nowhere")

    return {name: output(root, place) for place, name in enumerate(root.expression.named_selects)}


def _around(column: exp.Column, scope: Scope, scopes: Mapping[int, Scope]) -> Iterator[Scope]:
    """The query in which a column stands, and those around it."""
    select = column.find_ancestor(exp.Select)
    while select is not None:
        if id(select) in scopes:
            yield scopes[id(select)]
        select = select.find_ancestor(exp.Select)
    yield scope
