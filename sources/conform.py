"""From text to the contract's types, in SQL: how values are read, and why a row is refused.

One SELECT made from a contract. Where rows come from and where they go is landing's business.
"""

from __future__ import annotations

from collections.abc import Iterator

from sources.contract import Column, Contract
from sources.extract import DATE_PATTERNS, EXCEL_SERIAL, UNMAPPED, Format


def conformed(contract: Contract, spelling: Format, rows: str, *, checked: bool = True) -> str:
    """SQL that reads `rows` (a FROM clause; columns of `text_schema`): its columns beginning with an underscore, the
    contract's columns typed, and for column x its cleaned text as `_text_x`.

    When `checked`, `_reasons` lists why a row is refused and is null for a good one. DuckDB must not push a filter on
    it below the SELECT (disabled_optimizers = 'filter_pushdown'): every value would be worked out twice.
    """
    names = [column.name for column in contract.columns]
    kept = "* exclude (" + ", ".join(names) + ")"
    cleaned = ", ".join(f"{_cleaned(name, spelling)} as _text_{name}" for name in names)
    read = ", ".join(f"{typed(column, spelling)} as {column.name}" for column in contract.columns)
    reasons = ""
    if checked:
        checks = list(_checks(contract))
        # Reasons are put together for the few rows that look bad: a list for each row would cost more than the rest.
        suspect = " or ".join(suspect for suspect, _, _ in checks if suspect) or "false"
        found = ", ".join(f"case when {condition} then {reason} end" for _, condition, reason in checks) or "null"
        reasons = f""", case when _refused is not null then [_refused]
            when {suspect} then nullif(list_filter([{found}], lambda reason: reason is not null), []) end as _reasons"""
    return f"""
        with cleaned as (select {kept}, {cleaned} from {rows}),
        typed as (select *, {read} from cleaned)
        select *{reasons} from typed"""


def _cleaned(name: str, spelling: Format) -> str:
    nulls = ", ".join(quoted(text) for text in sorted({"", *spelling.nulls}))
    # Most values need no trimming, and looking costs less: what begins with a blank, or is empty, sorts before '!'.
    doubtful = f"{name} < '!' or ends_with({name}, ' ') or {name} in ({nulls})"
    trimmed = f"case when trim({name}) in ({nulls}) then null else trim({name}) end"
    return f"case when {doubtful} then {trimmed} else {name} end"


def typed(column: Column, spelling: Format) -> str:
    text = f"_text_{column.name}"
    if column.sql_type == "VARCHAR":
        return text
    if column.sql_type == "DATE":
        return _date(text, spelling)
    if column.sql_type == "TIMESTAMP":
        moment = _of_our_era(f"case when {text} like '____-%' then try_cast({text} as timestamp) end", "timestamp")
        own = "".join(f", {_of_our_era(_read(text, each, clock=True), 'timestamp')}" for each in spelling.dates)
        return f"coalesce({moment}{own}, cast({_date(text, spelling)} as timestamp))"
    if column.sql_type == "BOOLEAN":
        return (
            f"case when lower({text}) in ('true', 't', 'yes', 'y', '1') then true "
            f"when lower({text}) in ('false', 'f', 'no', 'n', '0') then false end"
        )
    if column.sql_type == "INTEGER":
        # A workbook writes 3 as 3.0; 3.7 is no whole number and must not be rounded into one.
        digits = f"replace(split_part({text}, '.', 1), ',', '')"
        return f"case when regexp_full_match({text}, '-?{_DIGITS}([.]0*)?') then try_cast({digits} as integer) end"
    return f"coalesce(try_cast({text} as {column.sql_type}), {_amount(text, column.sql_type)})"


def _date(text: str, spelling: Format) -> str:
    # DuckDB reads 01/04/25 as a day of the year 1 and takes 'infinity' for a date: hence the shapes asked for.
    iso = f"case when {text} like '____-%' then try_cast({text} as date) end"
    # Spellings are tried in their order: 01/04/25 is no day of a year that counts, so dd/mm/yy may come second.
    read = [*(f"cast({_read(text, each)} as date)" for each in spelling.dates), iso]
    return f"coalesce({', '.join(_of_our_era(each, 'date') for each in read)})"


def _read(text: str, spelling: str, clock: bool = False) -> str:
    """The moment that `text` is in one spelling of dates, a time of day (`clock`) after it; null where it is none."""
    if spelling == EXCEL_SERIAL:
        # Five digits (1927 to 2173): fewer or more are a year, a quantity or another spelling, and no day.
        days = f"case when regexp_full_match({text}, '[0-9]{{5}}([.][0-9]+)?') then try_cast({text} as double) end"
        return f"timestamp '1899-12-30' + to_microseconds(cast(round({days} * 86400) as bigint) * 1000000)"
    if "mmm" in spelling:
        text = f"regexp_replace({text}, '(?i)sept([^a-z]|$)', 'Sep\\1')"  # as Excel writes it in English
    day = DATE_PATTERNS[spelling]
    patterns = [f"{day} %H:%M:%S", f"{day} %H:%M"] if clock else [day]
    return f"try_strptime(case when {text} < ':' then {text} end, [{', '.join(map(quoted, patterns))}])"


def _of_our_era(value: str, sql_type: str) -> str:
    """Null for years that a council cannot mean: before 1000 (two digits where four belong) or after 9999."""
    return f"case when {value} between {sql_type} '1000-01-01' and {sql_type} '9999-12-31' then {value} end"


_DIGITS = "([0-9]{1,3}(,[0-9]{3})+|[0-9]+)"  # 1,23 is no number: it may be a decimal comma


def _amount(text: str, sql_type: str) -> str:
    """£1,234.56 · £ 5 · (12.00) · 12.00- · -£5: how ledgers write money. One sign at most, brackets in pairs."""
    number = f"{_DIGITS}([.][0-9]+)?"
    shape = f"[-−+]? ?£? ?{number}|£ ?[-−] ?{number}|[(] ?£? ?{number} ?[)]|£? ?{number} ?[-−]"
    digits = f"try_cast(regexp_replace({text}, '[^0-9.]', '', 'g') as {sql_type})"
    return (
        f"case when not regexp_full_match({text}, '{shape}') then null "
        f"when regexp_matches({text}, '[-−(]') then -{digits} else {digits} end"
    )


def original(text: str) -> str:
    """What the source wrote, without the mark of a code that the map file does not hold."""
    marked = f"starts_with({text}, {quoted(UNMAPPED)})"
    return f"case when {marked} then substr({text}, {len(UNMAPPED) + 1}) else {text} end"


def _checks(contract: Contract) -> Iterator[tuple[str, str, str]]:
    """Of every check, in SQL: a cheap condition that no row refused by it escapes (empty where another's will do), when
    a row is refused, and the reason (an expression)."""
    for column in contract.columns:
        name, text = column.name, f"_text_{column.name}"
        shown = f"'{name} \"' || {text} || '\" "
        unmapped = f"starts_with({text}, {quoted(UNMAPPED)})"
        # The mark sorts before every text, and is a value of no other type: looking for it there would be in vain.
        marked = f"{text} < ' '" if column.sql_type == "VARCHAR" else ""
        yield marked, unmapped, f"'{name} \"' || {original(text)} || '\" is not in the map file'"
        if column.required:
            yield (missing := f"{text} is null"), missing, f"'{name} is missing'"
        if column.sql_type != "VARCHAR":
            unread = f"({text} is not null and {name} is null)"
            yield unread, f"{unread} and not {unmapped}", f"{shown}is not {kind_of(column)}'"
        if column.values:
            allowed = ", ".join(quoted(value) for value in column.values)
            other = f"{text} not in ({allowed})"
            yield other, f"{other} and not {unmapped}", f"{shown}is not an allowed value'"
        for bound, operator, words in (
            (column.minimum, "<", "is below"),
            (column.maximum, ">", "is above"),
            (column.exclusive_minimum, "<=", "is not above"),
        ):
            if bound is not None:
                yield (outside := f"{name} {operator} {bound}"), outside, f"{shown}{words} {bound}'"
        if column.pattern:
            misshapen = f"not regexp_full_match({text}, {quoted(column.pattern)})"
            yield misshapen, misshapen, f"{shown}does not have the agreed form'"
    for rule, condition in contract.rules:
        broken = f"not coalesce(({condition}), true)"
        yield broken, broken, quoted(f"breaks the rule: {rule}")


_KINDS = {
    "DATE": "a date that exists",
    "TIMESTAMP": "a moment",
    "INTEGER": "a whole number",
    "BOOLEAN": "yes or no",
}


def kind_of(column: Column) -> str:
    """What a column's values are, in words."""
    return _KINDS.get(column.sql_type, "a number")


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
