"""The environment in which sources are read: the real one, or a bundled council's sandbox served on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from orchestration.settings import Settings
from sources.sandbox import running


def needs_sandbox(settings: Settings) -> bool:
    """Whether the council's systems come with the project and no others have been named in the environment."""
    variables = {name for source in settings.sources.values() for name in source.variables}
    named = any(os.environ.get(name) or os.environ.get(f"{name}_FILE") for name in variables)
    return settings.council.sandbox is not None and not named


@contextmanager
def source_systems(settings: Settings) -> Iterator[None]:
    """While this lasts the council's systems can be reached: starts the sandbox where one is needed."""
    if settings.council.sandbox is None or not needs_sandbox(settings):
        yield
        return
    sandbox = settings.council.sandbox
    with running(settings.base / "sandbox" / settings.name, sandbox.seed, systems=sandbox.systems) as variables:
        os.environ.update(variables)
        try:
            yield
        finally:
            for name in variables:
                os.environ.pop(name, None)
