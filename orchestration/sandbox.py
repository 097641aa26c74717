"""The environment in which sources are read: the real one, or a bundled council's sandbox served on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from orchestration.settings import Settings
from sources.sandbox import running, variables


def needs_sandbox(settings: Settings) -> bool:
    """Whether the council's systems come with the project and the environment names no others in their place."""
    if settings.council.sandbox is None:
        return False
    known = variables(settings.council.sandbox.systems)
    return not any(os.environ.get(name) or os.environ.get(f"{name}_FILE") for name in known)


@contextmanager
def source_systems(settings: Settings) -> Iterator[None]:
    """While this lasts the council's systems can be reached: starts the sandbox where one is needed."""
    if settings.council.sandbox is None or not needs_sandbox(settings):
        yield
        return
    sandbox = settings.council.sandbox
    with running(settings.base / "sandbox" / settings.name, sandbox.seed, systems=sandbox.systems) as environment:
        os.environ.update(environment)
        try:
            yield
        finally:
            for name in environment:
                os.environ.pop(name, None)
