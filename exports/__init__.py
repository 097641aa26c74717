"""Releases: what leaves the house, as dbt's exposures say, from the finished database.
Reads curated.duckdb and dbt's manifest.json only; knows nothing of sources or orchestration."""

from exports.archive import Archived, archived, named, verify
from exports.differences import Differences, Restated, differences, write_restated
from exports.errors import ExportError
from exports.facts import Check, Disclosure, ReleaseFacts
from exports.inputs import software
from exports.publications import Publication, read_publications
from exports.release import Recomputed, Release, publish, recompute

__all__ = [
    "Archived",
    "Check",
    "Differences",
    "Disclosure",
    "ExportError",
    "Publication",
    "Recomputed",
    "Release",
    "ReleaseFacts",
    "Restated",
    "archived",
    "differences",
    "named",
    "publish",
    "read_publications",
    "recompute",
    "software",
    "verify",
    "write_restated",
]
