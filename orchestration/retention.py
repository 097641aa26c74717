"""What may be removed, by the council's rules in council.yaml: `vitals prune`.
Belongs here: finding what no release needs, and removing it. Never removed: a release, an extract that any release or
the next build rests on, what failed and when (attempts)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import exports
from orchestration.releasing import ASIDE
from orchestration.settings import Settings, dagster_home
from sources.landing import describe, extracts_in_force
from sources.store import carried, rejected_rows

DRAFTS = (".draft-*", ".current-*")


@dataclass(frozen=True)
class Leftover:
    """Something that may go: a file or folder, why, and how large it is (bytes)."""

    path: Path
    why: str
    size: int


def leftovers(settings: Settings, now: datetime) -> list[Leftover]:
    """Everything that may be removed at `now`, in a stable order. Reads file times and the releases' manifests.

    Whoever removes it must hold the council's lock, or a build under way would be taken for a leftover.

    Raises:
        RuntimeError: a release's manifest cannot be read, so that nobody knows which extracts it needs.
    """
    rules = settings.council.retention
    found = []
    for pattern in DRAFTS:
        found += [_leftover(path, "a release that was never finished") for path in settings.releases.glob(pattern)]
    found += [_leftover(path, "a rebuild that was cut short") for path in settings.data.glob(f"{ASIDE}*")]
    built = timedelta(days=rules.builds_days)
    for path, why in (
        (settings.build, "a build that failed"),
        (settings.build.with_name(f"{settings.build.name}.wal"), "a build that failed"),
        (settings.rebuilt, "a look back at an earlier quarter or moment"),
        (settings.dbt_target / "compiled", "SQL that dbt compiled"),
        (settings.dbt_target / "run", "SQL that dbt ran"),
    ):
        if path.exists() and _newest(path) < now - built:
            found.append(_leftover(path, f"{why}, older than {rules.builds_days} days"))
    if rules.extracts_days is not None:
        found += _superseded(settings, now - timedelta(days=rules.extracts_days), rules.extracts_days)
    return sorted(found, key=lambda each: each.path)


def remove(found: list[Leftover]) -> int:
    """Remove what was found and return the bytes set free."""
    for each in found:
        if each.path.is_dir() and not each.path.is_symlink():
            shutil.rmtree(each.path)
        else:
            each.path.unlink(missing_ok=True)
    return sum(each.size for each in found)


def old_runs(settings: Settings, now: datetime, *, removing: bool) -> int:
    """Number of Dagster's runs older than the council's rule, with their events and logs; with `removing` they go."""
    if not (os.environ.get("DAGSTER_HOME") or (settings.data / "dagster").is_dir()):
        return 0
    from dagster import DagsterInstance, RunsFilter  # Dagster takes seconds to import

    before = now - timedelta(days=settings.council.retention.run_logs_days)
    home = dagster_home(settings)
    with DagsterInstance.get() as instance:
        old = [record.dagster_run for record in instance.get_run_records(RunsFilter(created_before=before))]
        old = [run for run in old if run.is_finished]
        for run in old if removing else []:
            instance.delete_run(run.run_id)
            shutil.rmtree(home / "storage" / run.run_id, ignore_errors=True)
    return len(old)


def _superseded(settings: Settings, before: datetime, days: int) -> Iterator[Leftover]:
    """Extracts that gave way to newer ones before `before` and on which no release rests, with their refused rows."""
    needed = _needed(settings)
    for folder in sorted((settings.data / "raw").glob("*/*/period=*")):
        landed = sorted(folder.glob("[!.]*.parquet"))
        for path, next_one in pairwise(landed):
            if path not in needed and describe(next_one).extracted_at < before:
                why = f"an extract that gave way more than {days} days ago, and that no release needs"
                yield _leftover(path, why)
                if (refused := rejected_rows(path)).exists():
                    yield _leftover(refused, f"refused rows of {path.name}")


def _needed(settings: Settings) -> set[Path]:
    """Extracts in force, those with which some of their rows came, and all that any release lists."""
    needed = set()
    for contract in settings.contracts.values():
        for extract in extracts_in_force(contract, settings.data):
            needed |= {extract.path, *(each.path for each in carried(extract))}
    whole = {release.path for release in exports.archived(settings.releases)}
    for folder in settings.releases.glob("[!.]*/r*"):
        if not folder.parent.is_symlink() and folder.is_dir() and folder not in whole:
            raise RuntimeError(
                f"{folder / 'manifest.json'}: cannot be read, so nobody knows which extracts this release needs. "
                "Restore it from a backup; until then nothing is removed."
            )
    for release in exports.archived(settings.releases):
        needed |= {settings.data / extract["path"] for extract in release.manifest["extracts"]}
    return needed


def _leftover(path: Path, why: str) -> Leftover:
    return Leftover(path, why, sum(file.lstat().st_size for file in _files(path)))


def _newest(path: Path) -> datetime:
    return datetime.fromtimestamp(max((file.lstat().st_mtime for file in _files(path)), default=0), UTC)


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
