"""The text of a query: where it names the period, and whether it only reads.

Belongs here: reading SQL as far as that needs it, so that a string, a comment or a cast (`::date`) is never taken for a
parameter. Not here: connecting, and running the query; whether it may read what it asks for is the server's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date

_WRITES = ("insert", "update", "delete", "merge", "into")

_QUOTED = r"""
      (?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'        # PostgreSQL's strings with backslashes
    | '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*`
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$           # PostgreSQL's strings between dollars
    | --[^\n]* | /\*.*?\*/
"""
_REST = r"""
    | (?P<cast>::)
    | :(?P<parameter>period_start|period_end)\b
    | (?P<word>[.]?[A-Za-z_][\w$]*)
    | (?P<end>;)
"""
_TOKEN = re.compile(_QUOTED + _REST, re.VERBOSE | re.DOTALL)
# MariaDB: a backslash escapes in every string, and # begins a comment.
_TOKEN_MARIADB = re.compile(
    r"'(?:[^'\\]|\\.|'')*' | \"(?:[^\"\\]|\\.|\"\")*\" | \#[^\n]* |" + _QUOTED + _REST, re.VERBOSE | re.DOTALL
)

# How each server wants a date written, where a string will not do: SQL Server reads '2025-04-01' by the session's
# language, Oracle by NLS_DATE_FORMAT.
_LITERALS = {"sqlserver": "cast('{:%Y%m%d}' as date)", "oracle": "date '{:%Y-%m-%d}'"}


def named_parameters(query: str, server: str) -> set[str]:
    """Which of `period_start` and `period_end` the query names. `server` is the scheme of the connection's uri."""
    return {match["parameter"] for match in _tokens(query, server) if match["parameter"]}


def filled(query: str, server: str, values: Mapping[str, date]) -> str:
    """The query with the period's bounds in place of its parameters, as literals of the server's own.

    Literals, not bound values: ADBC's PostgreSQL driver streams no query that has any, and ODBC drivers know them as
    text only. They are dates that we made ourselves.
    """
    literal = _LITERALS.get(server, "'{:%Y-%m-%d}'")
    parts, end = [], 0
    for match in _tokens(query, server):
        if match["parameter"]:
            parts += [query[end : match.start()], literal.format(values[match["parameter"]])]
            end = match.end()
    return "".join([*parts, query[end:]])


def bare(query: str, server: str) -> str:
    """The query without the semicolon that may end it, ending in a new line: its last line may be a comment."""
    for match in _tokens(query, server):
        if match["end"]:
            query = f"{query[: match.start()]} {query[match.end() :]}"
    return f"{query}\n"


def check_reads(query: str, server: str) -> None:
    """Raise ValueError unless the query is one statement that begins with select or with, and names no way to write.

    A sensible check beside the server's own refusal, not instead of it.
    """
    tokens = [match for match in _tokens(query, server) if match["word"] or match["end"]]
    words = [match["word"].lower() for match in tokens if match["word"]]
    if not words or words[0] not in ("select", "with"):
        raise ValueError("the query must be one select (or with … select).")
    if any(match["end"] for match in tokens[:-1]):
        raise ValueError("the query holds more than one statement; only one is read.")
    if written := [word for word in words if word in _WRITES]:
        raise ValueError(f"the query says '{written[0]}', but only reads. (A column of that name belongs in quotes.)")


def _tokens(query: str, server: str) -> Iterator[re.Match[str]]:
    return (_TOKEN_MARIADB if server == "mariadb" else _TOKEN).finditer(query)
