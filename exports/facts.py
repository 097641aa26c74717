"""What a release must be told because neither the curated database nor dbt's manifest knows it.
Plain data only: no reading, no writing, no defaults that hide an omission."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Check:
    """One check that ran before the release: a contract's, dbt's or orchestration's.

    `severity` is 'error' or 'warn'; a failed error-severity check stops a release.
    """

    name: str
    asset: str
    passed: bool
    severity: str
    description: str = ""


@dataclass(frozen=True)
class Disclosure:
    """Counts of people from 1 to `threshold` are hidden from the public; what is shown must leave each hidden number a
    range of at least `width` (people)."""

    threshold: int = 7
    width: int = 3


@dataclass(frozen=True)
class ReleaseFacts:
    """The facts of one release.

    Attributes:
        council: the label on every page and file, e.g. "Sampleton Borough Council (fictional)".
        is_fictional: whether every page and file must say that the figures are made up.
        licence: the licence the release is published under, in words.
        attribution: statements that the sources' licences ask for, in order.
        period_code: the reporting period, e.g. "2026-27-Q2"; also the name of its folder.
        period_label: the same in words, e.g. "Q2 2026/27 (Jul–Sep 2026)".
        as_of: extraction time of the newest extract in force (aware), so that a rebuild says the same.
        code_version: the version of the code that built the figures.
        released_at: now (aware); in manifest.json only, and no part of the comparison of releases.
        checks: every check that ran.
        disclosure: which numbers of people the public edition hides.
        accent: the council's colour on the page, e.g. "#0b5c6b"; None for the page's own.
    """

    council: str
    is_fictional: bool
    licence: str
    attribution: tuple[str, ...]
    period_code: str
    period_label: str
    as_of: datetime
    code_version: str
    released_at: datetime
    checks: tuple[Check, ...] = ()
    accent: str | None = None
    disclosure: Disclosure = Disclosure()
