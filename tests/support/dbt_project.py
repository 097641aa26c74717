"""The dbt project read without dbt: models rendered as any engine but DuckDB would get them, their YAML, their columns.
Belongs here: reading and rendering. Not here: what must hold of the models (tests/unit/test_dbt_*.py)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlglot
import yaml
from jinja2 import Environment
from sqlglot import exp

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
DIALECT = "spark"
_OVERRIDES_OF_DBT = {"relations.sql", "materializations.sql"}


def models(*folders: str) -> list[Path]:
    """Every model's SQL file, or those of some folders below `models`."""
    roots = [PROJECT / "models" / folder for folder in folders] or [PROJECT / "models"]
    return sorted(path for root in roots for path in root.rglob("*.sql"))


def description(model: Path) -> dict[str, Any]:
    """The model's entry in the YAML file beside it."""
    document = yaml.safe_load(model.with_suffix(".yml").read_text(encoding="utf-8"))
    return document["models"][0]


def documents() -> list[dict[str, Any]]:
    """Every YAML file below `models`."""
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((PROJECT / "models").rglob("*.yml"))]


@dataclass
class _Adapter:
    """dbt's `adapter` with one method: a macro's Spark spelling, or else the default one."""

    macros: dict[str, Callable[..., str]] = field(default_factory=dict)

    def dispatch(self, name: str, package: str | None = None) -> Callable[..., str]:
        return self.macros.get(f"{DIALECT}__{name}") or self.macros[f"default__{name}"]


@lru_cache
def _context() -> dict[str, Any]:
    adapter = _Adapter()
    variables = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    context: dict[str, Any] = {
        "adapter": adapter,
        "config": lambda **_: "",
        "graph": type("Graph", (), {"nodes": {}}),
        "ref": lambda name: name,
        "source": lambda schema, table: f"{schema}.{table}",
        "var": lambda name: variables[name],
    }
    environment = Environment(extensions=["jinja2.ext.do"])
    macros = [path for path in sorted((PROJECT / "macros").glob("*.sql")) if path.name not in _OVERRIDES_OF_DBT]
    texts = [path.read_text(encoding="utf-8") for path in macros]
    # dbt's `test` block is a macro by another name.
    for path in sorted((PROJECT / "tests" / "generic").glob("*.sql")):
        text = re.sub(r"{%\s*test (\w+)", r"{% macro test_\1", path.read_text(encoding="utf-8"))
        texts.append(re.sub(r"{%\s*endtest\s*%}", "{% endmacro %}", text))
    module = environment.from_string("\n".join(texts), globals=context).make_module(context)
    adapter.macros = {name: value for name, value in vars(module).items() if callable(value)}
    return context | adapter.macros


def render(text: str) -> str:
    """The SQL that a model's text gives on Spark; a model is named as it is, without its schema."""
    environment = Environment(extensions=["jinja2.ext.do"])
    return environment.from_string(text, globals=_context()).render()


def generic_test(name: str, **arguments: Any) -> str:
    """The query of one of our generic tests; it returns the rows that fail."""
    return _context()[f"test_{name}"](**arguments)


@lru_cache
def parsed(model: Path) -> exp.Query:
    """The model's one query. Raises sqlglot.ParseError when Spark could not read it."""
    [query] = sqlglot.parse(render(model.read_text(encoding="utf-8")), read=DIALECT)
    assert isinstance(query, exp.Query), model
    return query


def output_columns(model: Path) -> list[str]:
    """Names of the columns that the model gives, in order."""
    return list(parsed(model).named_selects)
