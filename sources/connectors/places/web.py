"""Files behind https. How answers are got is the HTTP client's business."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sources.connectors.http import Client, HttpConnection
from sources.connectors.places.base import Connection, Place


@contextmanager
def opened(connection: Connection, notes: list[str]) -> Iterator[Place]:
    """The server; it cannot tell which files it has, but often whether one has changed."""
    with Client(HttpConnection(base_url=connection.location, auth=connection.auth)) as client:
        yield Place(connection.shown, None, lambda name: client.spooled(f"/{name}"), client.unless_unchanged)
