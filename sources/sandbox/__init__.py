"""Source systems of fictional councils: data made up, served for real on loopback.

There is one set of systems for a city and one for a district; a council's configuration says which it has. Knows no
contract and no connector, as a source system wouldn't.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sources.sandbox.store import SYSTEMS, ensure, named

__all__ = ["SYSTEMS", "ensure", "running", "variables"]


def variables(systems: str) -> tuple[str, ...]:
    """Names in the environment that `running` yields for these systems."""
    names: tuple[str, ...] = named(systems).VARIABLES
    return names


@contextmanager
def running(folder: Path, seed: int, scale: float = 1.0, systems: str = "city") -> Iterator[dict[str, str]]:
    """Source systems up and running, with data kept in `folder`; yields the environment that a council's YAML names.

    `systems` is one of SYSTEMS; `scale` (0 to 1) makes a smaller council for quick tests. Servers listen on loopback
    or on sockets, where nobody else does, and stop on leaving.
    """
    with named(systems).serving(ensure(folder.absolute(), seed, scale, systems)) as environment:
        yield environment
