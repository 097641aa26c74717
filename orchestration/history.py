"""Dagster's SQLite files, kept open while a run writes its events.

Dagster opens and closes them for every event. The last connection that closes a file in WAL mode writes all of it back
and waits for the disk, several times an event and a thousand events a run: a third of the time of a quarter in which
nothing is new.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import sqlalchemy


@contextmanager
def kept_open() -> Iterator[None]:
    """Within this context every SQLite file that SQLAlchemy opens stays open, and commits do not wait for the disk.

    A process that dies loses nothing by that; a machine that does may lose the last events, which are no data of
    record: what has landed and what is published is written elsewhere.
    """
    held: dict[str, sqlite3.Connection] = {}
    with ExitStack() as stack:

        def hold(connection: Any, _: Any) -> None:
            if not isinstance(connection, sqlite3.Connection):
                return
            connection.execute("pragma synchronous = normal")
            (_, _, path) = connection.execute("pragma database_list").fetchone()
            if path and path not in held:
                held[path] = stack.enter_context(closing(sqlite3.connect(path, check_same_thread=False)))
                held[path].execute("select count(*) from sqlite_master").fetchone()  # a file is opened when it is read

        sqlalchemy.event.listen(sqlalchemy.Engine, "connect", hold)
        try:
            yield
        finally:
            sqlalchemy.event.remove(sqlalchemy.Engine, "connect", hold)
