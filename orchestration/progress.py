"""What one run in this process has done, told as it happens: the command line shows it; Dagster has its own events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from exports import Check, Release
from sources.landing import Landed


@dataclass
class Journal:
    """What the run has done so far. `tell` is called with a line about what is under way."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    landed: dict[tuple[str, str], list[Landed]] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    tables: int = 0
    release: Release | None = None
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    tell: Callable[[str], None] = lambda line: None

    def sources_failed(self) -> bool:
        """Whether any dataset, or any quarter of one, did not land."""
        return any(landed.error for slots in self.landed.values() for landed in slots)


_journal = Journal()


def journal() -> Journal:
    """The journal of the run in this process."""
    return _journal


def begin(tell: Callable[[str], None] | None = None) -> Journal:
    """Start a fresh journal for a run in this process."""
    global _journal
    _journal = Journal(tell=tell) if tell else Journal()
    return _journal
