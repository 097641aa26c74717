"""Whether an extract as a whole may land: enough rows, not too many of them refused, no column that has become another.

Single rows are the business of sources.conform.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from sources.conform import kind_of, quoted, typed
from sources.contract import Column, Contract
from sources.extract import DATE_PATTERNS, Format


@dataclass(frozen=True)
class Refusal:
    """Why an extract must not land, and what to do."""

    why: str
    remedy: str


def refusal(
    contract: Contract, rows: int, rejected: int, reasons: Mapping[str, int], before: int | None
) -> Refusal | None:
    """Why an extract of so many good and rejected rows must not land, or None. `before` is the number of rows in force,
    None where there are none yet."""
    if rows + rejected == 0 and contract.load != "incremental":
        return Refusal("The source gave no rows.", "Nothing landed; ask the owner whether that can be.")
    share = rejected / (rows + rejected) if rejected else 0.0
    if share > contract.maximum_rejected_share:
        worst = "; ".join(f"{count:,} × {reason}" for reason, count in list(reasons.items())[:3])
        return Refusal(
            f"{rejected:,} of {rows + rejected:,} rows are refused ({share:.1%}, the contract allows "
            f"{contract.maximum_rejected_share:.1%}).",
            f"Nothing landed. {worst}.",
        )
    if before is not None and contract.load != "incremental" and rows < before * (1 - contract.maximum_shrink):
        return Refusal(
            f"{rows:,} rows where {before:,} had landed before: it shrank by {1 - rows / before:.0%}, the contract "
            f"allows {contract.maximum_shrink:.0%}.",
            "Nothing landed; ask the owner, or raise maximumShrink.",
        )
    bounds = contract.rows_per_quarter
    if bounds and not bounds[0] <= rows <= bounds[1]:
        return Refusal(f"{rows:,} rows, where {bounds[0]:,} to {bounds[1]:,} are expected.", "Nothing landed.")
    return None


def retyped(con: duckdb.DuckDBPyConnection, contract: Contract, rows: int, reasons: Mapping[str, int]) -> str:
    """A sentence on the column that is no longer of its type, where that is why most of `rows` rows are refused; else
    empty. `con` has the rejected rows as the table `refused`."""
    for column in contract.columns:
        if reasons.get(f"{column.name} is not {kind_of(column)}", 0) > rows / 2:
            kind = kind_of(column).removesuffix(" that exists")
            return f" {column.name} was {kind} and is no longer{_now(con, column)}."
    return ""


def _now(con: duckdb.DuckDBPyConnection, column: Column) -> str:
    """What the column's values are now: a spelling of dates, or their shape. No values: they may be personal."""
    begins = quoted(f'{column.name} "')
    unread = f"list_has_any([starts_with(reason, {begins}) for reason in _reasons], [true])"
    texts = f"(select {column.name} as _text_{column.name} from refused where {unread})"
    if column.sql_type in ("DATE", "TIMESTAMP"):
        for spelling in DATE_PATTERNS:
            read = typed(column, Format(dates=[spelling]))
            fits = con.execute(f"select count({read}) > 0.9 * count(*) from {texts}").fetchone()
            if fits and fits[0]:
                return f": it is written {spelling}. Set `format.dates` in the source's YAML"
    if column.classification is not None:
        return ""
    shape = f"regexp_replace(regexp_replace(_text_{column.name}, '[[:alpha:]]', 'a', 'g'), '[0-9]', '9', 'g')"
    found = con.execute(
        f"select left({shape}, 30) as shape from {texts} group by shape order by count(*) desc, shape limit 1"
    ).fetchone()
    return f": most values have the shape '{found[0]}'" if found else ""
