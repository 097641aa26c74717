"""Placeholders: `{quarter}` and the like in names, addresses and parameters, where the period goes in.

What is asked for, and how often, is the connectors' business; a query's `:period_start` that of sources.connectors.sql.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from sources.errors import nearest
from sources.periods import Quarter

KNOWN = ("period.start", "period.end", "period.last_day", "period", "quarter", "financial_year")
_PLACEHOLDER = re.compile(r"\{([a-z_]+(?:\.\w*)?)(?::([^{}]*))?\}")


def found(value: Any) -> Iterator[str]:
    """Names of the placeholders in `value`, a text or texts at any depth."""
    return (name for name, _ in _braces(value) if name in KNOWN)


def is_monthly(value: Any) -> bool:
    """Whether `value` is meant for each month of the quarter."""
    return "period" in found(value)


def check(value: Any, others: bool = False) -> None:
    """Raise ValueError for a placeholder in `value` that nothing goes into. With `others`, braces may hold something
    else, too (a query language's own), as long as it does not look like a slip of the pen."""
    for name, form in _braces(value):
        hint = nearest(name, KNOWN)
        is_meant = hint or name.startswith("period") or not others
        if (name not in KNOWN and is_meant) or (name == "period" and not form):
            raise ValueError(
                f"'{{{name}}}' stands for nothing.{hint if name not in KNOWN else ''} Write {{period.start}}, "
                "{period.end}, {period.last_day}, {period:%Y-%m}, {quarter} or {financial_year}."
            )


def filled(value: Any, quarter: Quarter, month: date, start: date | None = None) -> Any:
    """`value` with the period in its placeholders: `quarter`, or `month` of it, asked for from `start` on (None: from
    its first day). Days are ISO but where a placeholder has a form (`{period.start:%d/%m/%Y}`)."""
    values: dict[str, date | str] = {
        "period": month,
        "period.start": start or quarter.start,
        "period.end": quarter.next.start,
        "period.last_day": quarter.end,
        "quarter": quarter.code,
        "financial_year": quarter.financial_year,
    }

    def written(match: re.Match[str]) -> str:
        stands = values.get(match[1], match[0])
        if isinstance(stands, str):
            return stands
        return stands.strftime(match[2]) if match[2] else stands.isoformat()

    if isinstance(value, str):
        return _PLACEHOLDER.sub(written, value)
    if isinstance(value, dict):
        return {key: filled(item, quarter, month, start) for key, item in value.items()}
    return [filled(item, quarter, month, start) for item in value] if isinstance(value, list) else value


def _braces(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield from _PLACEHOLDER.findall(value)
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _braces(item)
