"""A release: written aside, verified, renamed, then pointed at by `current`.
Belongs here: folders, checksums, the manifest, the order of steps. Not here: how a file or page looks."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from exports import formats, site
from exports.errors import ExportError
from exports.facts import ReleaseFacts
from exports.publications import AUDIENCES, Publication, Table, pairs, read_publications

MANIFEST = "manifest.json"
CURRENT = "current"
DRAFT = ".draft-"  # a folder being written; one that is left was killed and goes with the next run
LINK = ".current-"  # a symlink about to become `current`
LOCK = ".lock"
RELEASE_FOLDER = re.compile(r"r([1-9][0-9]*)")
PERIOD_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Release:
    """One immutable release folder, new or found unchanged."""

    release_id: str
    path: Path
    period_code: str
    number: int
    is_new: bool
    is_current: bool
    feeds: int
    reports: int
    pages: int
    rows: Mapping[str, int]  # rows published, by publication


@dataclass(frozen=True)
class _Found:
    """A whole release that lies in the releases folder already."""

    path: Path
    period_code: str
    number: int
    manifest: Mapping[str, Any]

    @property
    def as_of(self) -> datetime:
        """Extraction time of the newest extract that it rests on."""
        return datetime.fromisoformat(self.manifest["as_of"])

    @property
    def age(self) -> tuple[str, datetime, int]:
        """Sorts by reporting period, then by what was known, then by number: a rebuild as of an earlier moment has the
        higher number, but is not the newer release."""
        return str(self.manifest["period"]["end"]), self.as_of, self.number

    @property
    def checksums(self) -> dict[str, str]:
        return {entry["path"]: entry["sha256"] for entry in self.manifest["files"]}


def publish(
    curated: Path,
    manifest: Path,
    releases: Path,
    facts: ReleaseFacts,
    *,
    audiences: Sequence[str] = ("internal",),
    switch_current: bool = True,
) -> Release:
    """Publish every exposure of dbt's manifest, and the organisational health page, as one release.

    The release becomes `<releases>/<period code>/r<N>/`, whole or not at all; then `<releases>/current` points at the
    newest release of the newest period. If every file equals its like in the period's newest release, or in one
    made of the same extracts, nothing is added.

    Args:
        curated: the finished database, opened read-only.
        manifest: dbt's manifest.json of the build that made it.
        releases: the council's folder of releases; made if it is not there.
        facts: what only the caller knows.
        audiences: the audiences to write for. Files for the public hold the columns marked public, but small numbers
            are not suppressed yet, so that a caller must ask for them.
        switch_current: False leaves `current` as it is.

    Raises:
        ExportError: nothing was published, and why.
    """
    _refuse_unfit(facts, audiences)
    publications = read_publications(manifest)
    releases.mkdir(parents=True, exist_ok=True)
    with _only_one(releases), closing(formats.connect(curated)) as connection:
        _remove_leftovers(releases)
        period = _reporting_period(connection, facts)
        former = [found for found in _whole_releases(releases) if found.period_code == facts.period_code]
        former.sort(key=lambda found: found.age, reverse=True)
        number = _next_number(releases / facts.period_code)
        draft = releases / f"{DRAFT}{facts.period_code}-r{number}"
        draft.mkdir()
        files = _write_publications(connection, publications, draft, facts, audiences)
        health = site.read_health(connection, publications, facts)
        # The newest release may say all of this already, or, for a rebuild, one made of the same extracts.
        alike = [found for found in former if found is former[0] or found.as_of == facts.as_of]
        for found in alike:
            pages = _write_site(draft, health, found.manifest["release"])
            if _checksums([*files, *pages]) == found.checksums and not verify(found.path):
                shutil.rmtree(draft)
                is_current = _switch(releases, switch_current) == found.path
                return _release(found, is_new=False, is_current=is_current)
        release_id = f"{facts.period_code}/r{number}"
        pages = _write_site(draft, health, release_id)
        content = _manifest(connection, facts, period, release_id, publications, [*files, *pages], health)
        (draft / MANIFEST).write_text(formats.to_json(content), encoding="utf-8")
        _make_durable(draft)
        problems = verify(draft)
        if problems:
            raise ExportError(f"{draft}: the files just written cannot be read back: {'; '.join(problems)}")
        final = releases / facts.period_code / f"r{number}"
        final.parent.mkdir(exist_ok=True)
        draft.rename(final)
        _sync(final.parent)
        _sync(releases)
        is_current = _switch(releases, switch_current) == final
    return _release(_Found(final, facts.period_code, number, content), is_new=True, is_current=is_current)


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
        f"{path} was altered" for path in sorted(found & set(listed)) if _sha256(release / path) != listed[path]
    ]
    return problems


def _refuse_unfit(facts: ReleaseFacts, audiences: Sequence[str]) -> None:
    if not PERIOD_CODE.fullmatch(facts.period_code):
        raise ExportError(
            f"'{facts.period_code}' cannot name a reporting period's folder. Use letters, digits and dashes."
        )
    unknown = [audience for audience in audiences if audience not in AUDIENCES]
    if unknown or not audiences:
        raise ExportError(f"{list(audiences)} is not a list of known audiences. Known: {', '.join(AUDIENCES)}.")
    if facts.as_of.tzinfo is None or facts.released_at.tzinfo is None:
        raise ExportError("as_of and released_at need a time zone, or nobody knows which moment they mean.")
    failed = [check for check in facts.checks if not check.passed and check.severity == "error"]
    if failed:
        names = ", ".join(f"{check.asset}: {check.name}" for check in failed[:5])
        raise ExportError(f"{len(failed)} checks of error severity failed, so nothing is published: {names}.")


@contextmanager
def _only_one(releases: Path) -> Iterator[None]:
    """Hold the folder's lock, so that nobody takes a draft being written for a leftover. A killed holder lets go."""
    with (releases / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ExportError(f"{releases}: another release is being written. Wait for it, then try again.") from error
        yield


def _remove_leftovers(releases: Path) -> None:
    for path in releases.iterdir():
        if path.name.startswith(LINK):
            path.unlink()
        elif path.name.startswith(DRAFT):
            shutil.rmtree(path)
        elif path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()


def _whole_releases(releases: Path) -> list[_Found]:
    """Every release with a readable manifest. A folder without one was not made here and is left alone."""
    found = []
    for path in releases.glob(f"[!.]*/r*/{MANIFEST}"):
        number = RELEASE_FOLDER.fullmatch(path.parent.name)
        period = path.parent.parent
        if number is None or period.is_symlink():
            continue
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            release = _Found(path.parent, period.name, int(number[1]), content)
            _ = release.age, release.checksums
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found.append(release)
    return found


def _next_number(period: Path) -> int:
    """One more than the highest ever used, so that a number never means two things."""
    names = [path.name for path in period.iterdir()] if period.is_dir() else []
    return max((int(match[1]) for name in names if (match := RELEASE_FOLDER.fullmatch(name))), default=0) + 1


def _reporting_period(connection: duckdb.DuckDBPyConnection, facts: ReleaseFacts) -> tuple[date, date]:
    """First and last day of the reporting period the database was built for, which must be the one asked for."""
    row = connection.execute(
        "select c.council_label, c.reporting_period_start, c.reporting_period_end, p.period_code "
        "from core.dim_council as c left join core.dim_periods as p "
        "on p.period_start = c.reporting_period_start and p.period_end = c.reporting_period_end"
    ).fetchone()
    if row is None:
        raise ExportError(
            "core.dim_council is empty, so nobody can say whose figures these are. Build the quarter again."
        )
    label, start, end, code = row
    if label != facts.council:
        raise ExportError(
            f"the curated database holds {label}, the release is to be {facts.council}'s. Check the paths."
        )
    if code is not None and code != facts.period_code:
        raise ExportError(
            f"the curated database reports on {code}, the release is to be {facts.period_code}'s. Build that quarter."
        )
    return start, end


def _write_publications(
    connection: duckdb.DuckDBPyConnection,
    publications: Sequence[Publication],
    draft: Path,
    facts: ReleaseFacts,
    audiences: Sequence[str],
) -> list[dict[str, Any]]:
    """Write and check every file of every publication, and each audience's dictionary; return their entries."""
    entries: list[dict[str, Any]] = []
    for audience in audiences:
        folder = draft if audience == "internal" else draft / audience
        dictionary: list[list[object]] = []
        for publication, table in pairs(publications):
            if audience not in publication.audiences:
                continue
            expected = _contract(connection, publication, table)
            selection = formats.Selection(table, table.columns_for(audience), publication.order_by)
            if facts.is_fictional:
                _refuse_unlabelled(connection, publication, selection, facts)
            for file_format in publication.formats:
                path = folder / f"{publication.kind}s" / f"{table.name}.{file_format}"
                path.parent.mkdir(parents=True, exist_ok=True)
                if file_format == "parquet":
                    metadata = _file_metadata(publication, facts, audience)
                    rows = formats.write_parquet(connection, selection, path, metadata)
                else:
                    rows = formats.write_csv(connection, selection, path)
                formats.check_written(connection, selection, path, file_format, expected)
                entries.append(
                    _entry(draft, path)
                    | {
                        "kind": publication.kind,
                        "publication": publication.name,
                        "audience": audience,
                        "format": file_format,
                        "version": publication.version,
                        "rows": rows,
                        "columns": [
                            {"name": column.name, "type": expected[column.name]} for column in selection.columns
                        ],
                    }
                )
            dictionary += [
                [facts.council, table.name, column.name, expected[column.name], column.description, table.description]
                for column in selection.columns
            ]
        path = folder / "feeds" / "dictionary.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        header = ["council", "table", "column", "type", "description", "table_description"]
        formats.write_csv_rows(path, header, dictionary)
        entries.append(_entry(draft, path) | {"kind": "dictionary", "audience": audience, "rows": len(dictionary)})
    return entries


def _write_site(draft: Path, health: site.Health, release_id: str) -> list[dict[str, Any]]:
    """Write the pages and what they bring along; return their entries."""
    entries = []
    for name, content in site.pages(health, release_id).items():
        path = draft / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        kind = "page" if path.suffix == ".html" else "asset"
        entries.append(_entry(draft, path) | {"kind": kind, "audience": "internal"})
    return entries


def _contract(connection: duckdb.DuckDBPyConnection, publication: Publication, table: Table) -> dict[str, str]:
    """Column name to DuckDB type from the model's contract, after comparing it with the database."""
    place = f"exposure '{publication.name}': model '{table.name}'"
    spelled: dict[str, str] = {}
    for column in table.columns:
        if column.type not in spelled:
            spelled[column.type] = formats.normalised_type(connection, column.type, f"{place}, column '{column.name}'")
    expected = {column.name: spelled[column.type] for column in table.columns}
    found = formats.database_columns(connection, table)
    if not found:
        raise ExportError(f"{place} is not in the curated database. Build it, or drop the exposure.")
    for name in [*expected, *found]:
        if expected.get(name) != found.get(name):
            raise ExportError(
                f"{place}: column '{name}' is {found.get(name, 'absent')} in the curated database, "
                f"{expected.get(name, 'absent')} in its contract. The manifest is of another build: build again."
            )
    return expected


def _refuse_unlabelled(
    connection: duckdb.DuckDBPyConnection, publication: Publication, selection: formats.Selection, facts: ReleaseFacts
) -> None:
    """A fictional council says so in every file; in CSV only a column can."""
    place = f"exposure '{publication.name}': model '{selection.table.name}'"
    if "council" not in {column.name for column in selection.columns}:
        raise ExportError(
            f"{place} has no published column 'council', so its files could not say that they are fictional."
        )
    others = connection.execute(
        f"select count(*) from {selection.table.relation} where council is distinct from ?", [facts.council]
    ).fetchone()
    if others is not None and others[0]:
        raise ExportError(
            f"{place}: {others[0]:,} rows have another council than '{facts.council}'. Fill it from dim_council."
        )


def _file_metadata(publication: Publication, facts: ReleaseFacts, audience: str) -> dict[str, str]:
    return {
        "council": facts.council,
        "notice": fictional_notice(facts),
        "licence": facts.licence,
        "attribution": " ".join(facts.attribution),
        "period": facts.period_label,
        "publication": publication.name,
        "version": str(publication.version),
        "audience": audience,
        "description": publication.description,
    }


def fictional_notice(facts: ReleaseFacts) -> str:
    """The sentence a fictional council's files and pages carry; empty for a real one."""
    return f"{facts.council}: every figure is made up." if facts.is_fictional else ""


def _manifest(
    connection: duckdb.DuckDBPyConnection,
    facts: ReleaseFacts,
    period: tuple[date, date],
    release_id: str,
    publications: Sequence[Publication],
    files: Sequence[Mapping[str, Any]],
    health: site.Health,
) -> dict[str, Any]:
    extracts = _rows(connection, "select * from core.dim_extracts order by system, dataset, period_start, extract_id")
    return {
        "release": release_id,
        "council": facts.council,
        "fictional": facts.is_fictional,
        "notice": fictional_notice(facts),
        "licence": facts.licence,
        "attribution": list(facts.attribution),
        "period": {
            "code": facts.period_code,
            "label": facts.period_label,
            "start": period[0].isoformat(),
            "end": period[1].isoformat(),
        },
        "as_of": _moment(facts.as_of),
        "released_at": _moment(facts.released_at),
        "code_version": facts.code_version,
        "feeds": _listed(publications, files, "feed"),
        "reports": _listed(publications, files, "report"),
        "files": [{key: file[key] for key in ("path", "kind", "audience", "bytes", "sha256")} for file in files],
        "contracts": _contract_versions(extracts),
        "extracts": extracts,
        "checks": [asdict(check) for check in facts.checks],
        "missing": {"datasets": health.missing_datasets, "measures": health.unreported_measures},
    }


def _contract_versions(extracts: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Dataset to the contract versions its extracts in force were checked against."""
    versions: dict[str, set[str]] = {}
    for extract in extracts:
        versions.setdefault(f"{extract['system']}.{extract['dataset']}", set()).add(str(extract["contract_version"]))
    return {dataset: sorted(found) for dataset, found in sorted(versions.items())}


def _listed(publications: Sequence[Publication], files: Sequence[Mapping[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The publications of a kind with their files, for the manifest."""
    kept = ("path", "format", "audience", "version", "rows", "bytes", "sha256", "columns")
    return [
        {
            "name": publication.name,
            "label": publication.label,
            "description": publication.description,
            "owner": publication.owner,
            "version": publication.version,
            "files": [
                {key: file[key] for key in kept} for file in files if file.get("publication") == publication.name
            ],
        }
        for publication in publications
        if publication.kind == kind
    ]


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """Rows as plain JSON values: ISO dates, UTC times, numbers as numbers."""
    result = connection.execute(query)
    names = [column[0] for column in result.description]
    return [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in result.fetchall()]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _entry(draft: Path, path: Path) -> dict[str, Any]:
    return {"path": path.relative_to(draft).as_posix(), "bytes": path.stat().st_size, "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksums(entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {entry["path"]: entry["sha256"] for entry in entries}


def _release(found: _Found, *, is_new: bool, is_current: bool) -> Release:
    files = found.manifest["files"]
    return Release(
        release_id=found.manifest["release"],
        path=found.path,
        period_code=found.period_code,
        number=found.number,
        is_new=is_new,
        is_current=is_current,
        feeds=len(found.manifest["feeds"]),
        reports=len(found.manifest["reports"]),
        pages=sum(file["kind"] == "page" for file in files),
        rows={
            publication["name"]: sum({Path(file["path"]).stem: file["rows"] for file in publication["files"]}.values())
            for publication in [*found.manifest["feeds"], *found.manifest["reports"]]
        },
    )


def _make_durable(folder: Path) -> None:
    """Bring every file and folder to the disk before a rename makes them visible."""
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _switch(releases: Path, allowed: bool) -> Path | None:
    """Point `current` at the newest period's newest release, in one step; return where it points afterwards."""
    current = releases / CURRENT
    if allowed:
        newest = max(_whole_releases(releases), key=lambda found: found.age)
        target = newest.path.relative_to(releases)
        if not (current.is_symlink() and current.readlink() == target):
            if current.exists() and not current.is_symlink():
                raise ExportError(f"{current} is not a symlink, so it was left alone. Move it away and publish again.")
            link = releases / f"{LINK}{os.getpid()}"
            link.symlink_to(target)
            link.replace(current)
            _sync(releases)
    return releases / current.readlink() if current.is_symlink() else None
