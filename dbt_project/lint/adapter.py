"""Stands in for dbt's `adapter` while sqlfluff renders a model: a dispatched macro becomes a plain function call.
Belongs here: what rendering without dbt needs. Not here: anything that runs in a build."""

from collections.abc import Callable


def dispatch(macro: str, package: str | None = None) -> Callable[..., str]:
    """A callable that writes `macro(arguments)`, regular expressions in quotes; the package is not looked at."""

    def call(*arguments: object) -> str:
        written = (f"'{argument}'" if str(argument).startswith("^") else str(argument) for argument in arguments)
        return f"{macro}({', '.join(written)})"

    return call
