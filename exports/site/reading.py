"""Rows of published tables for the site's pages: only columns of its audience, and nothing where nothing is published.
Belongs here: which table, which columns, which rows. Not here: what the pages say of them (measures, lists)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from exports.publications import Publication, Table, pairs

Row = Mapping[str, Any]


class Reader:
    """Reads the tables of one audience. A column that is not marked for it is None in every row: default deny."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, publications: Sequence[Publication], audience: str
    ) -> None:
        self._connection = connection
        self._audience = audience
        self._tables: dict[str, Table] = {
            table.name: table for publication, table in pairs(publications) if audience in publication.audiences
        }

    def has(self, name: str) -> bool:
        """Whether the audience gets the table."""
        return name in self._tables

    def rows(self, name: str, columns: Sequence[str], where: str = "", order_by: str = "") -> list[dict[str, Any]]:
        """The rows of a published table; none where the audience does not get it.

        Args:
            columns: those wanted, in this order, and those that `where` and `order_by` name.
            where: a condition in SQL; on a column that is withheld no row can meet it.
            order_by: an order that leaves nothing open; by all columns if not given.
        """
        table = self._tables.get(name)
        if table is None:
            return []
        allowed = {column.name for column in table.columns_for(self._audience)}
        wanted = ", ".join(name if name in allowed else f"null as {name}" for name in columns)
        query = f"select * from (select {wanted} from {table.relation}) as published"
        if where:
            query += f" where {where}"
        query += f" order by {order_by or 'all'}"
        result = self._connection.execute(query)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def by_measure(
        self, name: str, columns: Sequence[str], where: str = "", order_by: str = ""
    ) -> dict[str, list[Row]]:
        """The same rows in lists by measure; `columns` need not name the measure."""
        found: dict[str, list[Row]] = {}
        for row in self.rows(name, ("measure_id", *columns), where, order_by):
            found.setdefault(str(row["measure_id"]), []).append(row)
        return found
