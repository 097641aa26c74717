"""Releases: what leaves the house, as dbt's exposures say, from the finished database.
Reads curated.duckdb and dbt's manifest.json only; knows nothing of sources or orchestration."""

from exports.archive import Archived, archived, named, verify
from exports.differences import Differences, Restated, differences, write_restated
from exports.errors import ExportError
from exports.facts import Check, Disclosure, ReleaseFacts
from exports.formats import connect
from exports.inputs import software
from exports.previews import Preview, preview
from exports.publications import Publication, read_publications
from exports.readback import Finding, disclosure, files, reconciles, schema
from exports.release import Recomputed, Release, publish, recompute
from exports.schemas import read_snapshot

__all__ = [
    "Archived",
    "Check",
    "Differences",
    "Disclosure",
    "ExportError",
    "Finding",
    "Preview",
    "Publication",
    "Recomputed",
    "Release",
    "ReleaseFacts",
    "Restated",
    "archived",
    "connect",
    "differences",
    "disclosure",
    "files",
    "named",
    "preview",
    "publish",
    "read_publications",
    "read_snapshot",
    "recompute",
    "reconciles",
    "schema",
    "software",
    "verify",
    "write_restated",
]
