"""Releases after the run that made them: the facts that one needs, and making one again from raw.
Belongs here: wiring of builds and exports. Not here: how a release is written or compared (exports)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import exports
from orchestration import build
from orchestration.settings import CHANGED, Settings, code_version
from sources.periods import Quarter

OPEN_GOVERNMENT_LICENCE = "Open Government Licence v3.0"
ASIDE = ".rebuild-"  # a folder of one rebuild; one that is left was killed, and `vitals prune` removes it


def facts(
    settings: Settings, quarter: Quarter, as_of: datetime | None, checks: Sequence[exports.Check]
) -> exports.ReleaseFacts:
    """What a release of `quarter` is told, as known at `as_of` (None: now).

    Whether the last attempts to land went well is told by the run and by `vitals status`. A release says what follows
    from the extracts in force, or it could not be rebuilt from them.
    """
    extracts = build.in_force(settings, quarter, as_of)
    return exports.ReleaseFacts(
        council=settings.council.label,
        is_fictional=settings.council.fictional,
        licence=OPEN_GOVERNMENT_LICENCE,
        attribution=tuple(source.licence for source in settings.sources.values() if source.licence),
        period_code=quarter.code,
        period_label=quarter.label,
        as_of=max(extract.extracted_at for listed in extracts.values() for extract in listed),
        code_version=code_version(),
        released_at=datetime.now(UTC),
        checks=tuple(checks),
        accent=settings.council.accent,
        disclosure=exports.Disclosure(**settings.council.disclosure.model_dump()),
    )


@dataclass(frozen=True)
class Rebuilt:
    """A release made again. `altered` are faults of its files as they lie there; `then` and `now` are what made it."""

    release: exports.Archived
    files: exports.Recomputed
    altered: tuple[str, ...]
    then: dict[str, str]
    now: dict[str, str]

    @property
    def changed_versions(self) -> list[str]:
        """What made the release that is of another version now, e.g. `duckdb 1.4.1, now 1.4.2`. Code that differed from
        its commit, then or now, counts as another: nobody can tell."""
        names = [*self.then, *(name for name in self.now if name not in self.then)]
        return [
            f"{name} {self.then.get(name, 'unknown')}, now {self.now.get(name, 'unknown')}"
            for name in names
            if self.then.get(name) != self.now.get(name) or str(self.then.get(name)).endswith(CHANGED)
        ]


@dataclass(frozen=True)
class _Aside(Settings):
    """The council's raw data and releases, with everything that a build writes in a folder of its own."""

    aside: Path = Path()

    @property
    def build(self) -> Path:
        return self.aside / "build.duckdb"

    @property
    def rebuilt(self) -> Path:
        return self.aside / "rebuilt.duckdb"

    @property
    def dbt_target(self) -> Path:
        return self.aside / "dbt"


def rebuild(settings: Settings, name: str, to: Path | None, tell: Callable[[str], None]) -> Rebuilt:
    """Make the release called `name` again, of the extracts that it rests on, and compare every file with it.

    Works in a temporary folder below the council's data: what analysts read and the releases are not touched. With
    `to` the files made are kept in that folder.

    Raises:
        exports.ExportError: there is no such release, or its files cannot be written.
        RuntimeError: an extract it rests on is gone, the build fails, or `to` is there already.
    """
    release = exports.named(settings.releases, name)
    if to is not None and to.exists():
        raise RuntimeError(f"{to}: is there already. Name a folder that is not.")
    gone = [each["path"] for each in release.manifest["extracts"] if not (settings.data / each["path"]).exists()]
    if gone:
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        raise RuntimeError(
            f"{release.release_id} cannot be rebuilt: {settings.data / gone[0]}{more}, which it rests on, is gone. "
            "Restore raw/ from a backup."
        )
    quarter = Quarter.parse(release.period_code)
    with _folder(settings) as folder:
        aside = _Aside(settings.name, settings.base, settings.councils, folder)
        tell("building")
        build.prepare(aside, quarter, release.as_of)
        result = build.dbt(aside, ["build", "--exclude-resource-type", "unit_test", "--no-write-json"])
        if problems := build.problems(result, aside.build):
            raise RuntimeError(f"{release.release_id} cannot be rebuilt, the build fails: {' '.join(problems)}")
        build.publish(aside, quarter, release.as_of)
        tell("writing and comparing")
        files = exports.recompute(
            aside.rebuilt,
            build.manifest(settings),
            settings.releases,
            release,
            facts(settings, quarter, release.as_of, build.checks(result)),
            folder / "release",
        )
        if to is not None:
            shutil.move(folder / "release", to)
    then = {"code": release.manifest["code_version"], **release.manifest.get("software", {})}
    now = {"code": code_version(), **exports.software()}
    if "software" not in release.manifest:  # a release of before this was kept
        now = {"code": now["code"]}
    return Rebuilt(release, files, tuple(exports.verify(release.path)), then, now)


@contextmanager
def _folder(settings: Settings) -> Iterator[Path]:
    """A folder for one rebuild, which only its owner may read: the build holds what raw holds."""
    with tempfile.TemporaryDirectory(prefix=ASIDE, dir=settings.data) as folder:
        yield Path(folder)
