"""Dagster's SQLite files, kept open while a run writes its events.

For every event Dagster makes a new SQLAlchemy engine, opens the file, compiles its statements, and closes the file
again, which writes all of it back and waits for the disk: several times an event and a thousand events a run, which was
more than half of a quarter in which nothing is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import sqlalchemy
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage


@contextmanager
def kept_open() -> Iterator[None]:
    """Within this context Dagster has one engine, with a pool of open connections, for each of its SQLite files, and
    commits do not wait for the disk.

    A process that dies loses nothing by that; a machine that does may lose the last events, which are no data of
    record: what has landed and what is published is written elsewhere.
    """
    engines: dict[str, sqlalchemy.Engine] = {}
    with ExitStack() as stack:

        def engine(url: str, *, poolclass: Any, **options: Any) -> sqlalchemy.Engine:
            if url not in engines:
                made = engines[url] = sqlalchemy.create_engine(url, **options)
                sqlalchemy.event.listen(made, "connect", _without_waiting)
                stack.callback(_kept(made))
            return engines[url]

        # Dagster has no setting for it, and its storages are not made to be derived from.
        for module in (sqlite_event_log, sqlite_run_storage):
            stack.callback(setattr, module, "create_engine", module.create_engine)
            module.create_engine = engine  # type: ignore[attr-defined]
        yield


def _kept(engine: sqlalchemy.Engine) -> Callable[[], None]:
    """Keep the engine's connections when Dagster, after each statement, disposes of them; returns what does it then."""
    dispose = engine.dispose
    engine.dispose = lambda close=True: None  # type: ignore[method-assign]
    return dispose


def _without_waiting(connection: Any, _: Any) -> None:
    connection.execute("pragma synchronous = normal")
