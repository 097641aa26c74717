"""Releases: what leaves the house, as dbt's exposures say, from the finished database.
Reads curated.duckdb and dbt's manifest.json only; knows nothing of sources or orchestration."""

from exports.errors import ExportError
from exports.facts import Check, ReleaseFacts
from exports.publications import Publication, read_publications
from exports.release import Release, publish, verify

__all__ = [
    "Check",
    "ExportError",
    "Publication",
    "Release",
    "ReleaseFacts",
    "publish",
    "read_publications",
    "verify",
]
