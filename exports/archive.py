"""The releases that lie in a council's folder: found by name, told apart by age, verified, and their numbers kept.
Belongs here: what is read of finished releases. Not here: making one (release) or comparing two (differences)."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from exports.errors import ExportError

MANIFEST = "manifest.json"
CURRENT = "current"
REGISTER = "numbers.json"  # the highest number ever used, by reporting period: it outlives the folders
INPUTS = "inputs.json"  # digest of what each period's newest release was made from: a memory to save work, no record
RELEASE_FOLDER = re.compile(r"r([1-9][0-9]*)")


@dataclass(frozen=True)
class Archived:
    """A whole release that lies in the releases folder."""

    path: Path
    period_code: str
    number: int
    manifest: Mapping[str, Any]

    @property
    def release_id(self) -> str:
        """As people name it, e.g. `2026-27-Q2/r1`."""
        return f"{self.period_code}/r{self.number}"

    @property
    def as_of(self) -> datetime:
        """Extraction time of the newest extract that it rests on."""
        return datetime.fromisoformat(self.manifest["as_of"])

    @property
    def released_at(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.manifest["released_at"])

    @property
    def age(self) -> tuple[str, datetime, int]:
        """Sorts by reporting period, then by what was known, then by number: a rebuild as of an earlier moment has the
        higher number, but is not the newer release."""
        return str(self.manifest["period"]["end"]), self.as_of, self.number

    @property
    def checksums(self) -> dict[str, str]:
        """SHA-256 of every file but the manifest, by path."""
        return {entry["path"]: entry["sha256"] for entry in self.manifest["files"]}


def archived(releases: Path) -> list[Archived]:
    """Every release with a readable manifest. A folder without one was not made here and is left alone."""
    found = []
    for path in sorted(releases.glob(f"[!.]*/r*/{MANIFEST}")):
        number = RELEASE_FOLDER.fullmatch(path.parent.name)
        period = path.parent.parent
        if number is None or period.is_symlink():
            continue
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            release = Archived(path.parent, period.name, int(number[1]), content)
            _ = release.age, release.released_at, release.checksums
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found.append(release)
    return found


def named(releases: Path, name: str) -> Archived:
    """The release called `name`: `2026-27-Q2/r1`, `current`, or a period alone for its newest one.

    Raises:
        ExportError: there is none; the message names those there are.
    """
    found = archived(releases)
    current = releases / CURRENT
    wanted = name.strip("/")
    if wanted == CURRENT and current.is_symlink():
        wanted = current.readlink().as_posix()
    chosen = [release for release in found if wanted in (release.release_id, release.period_code)]
    if not chosen:
        ids = [release.release_id for release in sorted(found, key=lambda each: each.age)]
        near = get_close_matches(wanted, ids, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ExportError(f"{releases}: there is no release '{name}'.{hint} Releases: {', '.join(ids) or 'none yet'}.")
    return max(chosen, key=lambda each: each.age)


def before(releases: Sequence[Archived], moment: datetime) -> list[Path]:
    """The public folders of the releases made before `moment`, newest first: what the public knew already."""
    known = [release for release in releases if release.released_at < moment and (release.path / "public").is_dir()]
    known.sort(key=lambda release: (release.released_at, release.age), reverse=True)
    return [release.path / "public" for release in known]


def verify(release: Path) -> list[str]:
    """Compare the files of a release with its manifest; an empty list means that it is whole and unchanged.

    Returns:
        One sentence per fault: a manifest that cannot be read, a file that is missing, altered or not listed.
    """
    try:
        content = json.loads((release / MANIFEST).read_text(encoding="utf-8"))
        listed = {entry["path"]: entry["sha256"] for entry in content["files"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"{MANIFEST} cannot be read ({error})"]
    found = {path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file()} - {MANIFEST}
    problems = [f"{path} is missing" for path in sorted(set(listed) - found)]
    problems += [f"{path} is not in {MANIFEST}" for path in sorted(found - set(listed))]
    problems += [
        f"{path} was altered" for path in sorted(found & set(listed)) if sha256(release / path) != listed[path]
    ]
    return problems


def highest_numbers(releases: Path) -> dict[str, int]:
    """The highest number ever used, by reporting period: of the register, and of the folders that are there.

    Raises:
        ExportError: the register cannot be read, so that nobody knows which numbers are free.
    """
    register = releases / REGISTER
    numbers: dict[str, int] = {}
    if register.exists():
        try:
            told = json.loads(register.read_text(encoding="utf-8"))
            numbers = {str(period): int(number) for period, number in told.items()}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ExportError(
                f"{register}: cannot be read ({error}), so nobody knows which numbers were used. Put it back from a "
                'backup, or write it anew: {"<period>": <highest number ever published>, …}.'
            ) from error
    for folder in releases.glob("[!.]*/r*"):
        match = RELEASE_FOLDER.fullmatch(folder.name)
        if match and not folder.parent.is_symlink():
            numbers[folder.parent.name] = max(int(match[1]), numbers.get(folder.parent.name, 0))
    return dict(sorted(numbers.items()))


def keep_numbers(releases: Path) -> None:
    """Write the numbers used so far into the register, in one step; nothing is written where it says so already."""
    _keep(releases, REGISTER, highest_numbers(releases))


def inputs(releases: Path, release_id: str) -> str | None:
    """The digest of what a release was made from; None where nobody remembers."""
    try:
        told = json.loads((releases / INPUTS).read_text(encoding="utf-8"))
        return str(told[release_id])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def keep_inputs(releases: Path, release: Archived, digest: str) -> None:
    """Remember what a period's newest release is made from; those of its older ones are forgotten."""
    try:
        told = dict(json.loads((releases / INPUTS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        told = {}
    kept = {name: value for name, value in told.items() if name.partition("/")[0] != release.period_code}
    _keep(releases, INPUTS, dict(sorted((kept | {release.release_id: digest}).items())))


def _keep(releases: Path, name: str, content: Mapping[str, Any]) -> None:
    """Write a register in one step; nothing is written where it says so already."""
    text = json.dumps(content, indent=2) + "\n"
    register = releases / name
    if register.exists() and register.read_text(encoding="utf-8") == text:
        return
    aside = releases / f".{name}"
    aside.write_text(text, encoding="utf-8")
    sync(aside)
    aside.replace(register)
    sync(releases)


def sync(path: Path) -> None:
    """Bring a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """The file's checksum, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
