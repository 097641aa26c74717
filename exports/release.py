"""A release: written aside, verified, renamed, then pointed at by `current`.
Belongs here: folders, checksums, the manifest, the order of steps. Not here: how a file or page looks."""

from __future__ import annotations

import fcntl
import importlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from exports import archive, formats, inputs, site
from exports.archive import CURRENT, MANIFEST, Archived, sha256, sync, verify
from exports.errors import ExportError
from exports.facts import ReleaseFacts
from exports.publications import AUDIENCES, Publication, Table, pairs, read_publications

MANIFEST_VERSION = 2
DRAFT = ".draft-"  # a folder being written; one that is left was killed and goes with the next run
LINK = ".current-"  # a symlink about to become `current`
LOCK = ".lock"
VALUES = "feed_measure_values"
CHARTS = "feed_spc"
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


def publish(
    curated: Path,
    manifest: Path,
    releases: Path,
    facts: ReleaseFacts,
    *,
    audiences: Sequence[str] = ("internal",),
    switch_current: bool = True,
) -> Release:
    """Publish every exposure of dbt's manifest, and the site, as one release.

    The release becomes `<releases>/<period code>/r<N>/`, whole or not at all; then `<releases>/current` points at the
    newest release of the newest period. Nothing is written if the period's newest release was made of the same inputs;
    nothing is added if every file equals its like in that release, or in one made of the same extracts.

    Args:
        curated: the finished database, opened read-only.
        manifest: dbt's manifest.json of the build that made it.
        releases: the council's folder of releases; made if it is not there.
        facts: what only the caller knows.
        audiences: the audiences to write for. The public edition is written when "public" is among them.
        switch_current: False leaves `current` as it is.

    Raises:
        ExportError: nothing was published, and why.
    """
    _refuse_unfit(facts, audiences)
    publications = read_publications(manifest)
    releases.mkdir(parents=True, exist_ok=True)
    with _only_one(releases), closing(formats.connect(curated)) as connection:
        _remove_leftovers(releases)
        archive.keep_numbers(releases)
        period = _reporting_period(connection, facts)
        known = archive.archived(releases)
        former = [found for found in known if found.period_code == facts.period_code]
        former.sort(key=lambda found: found.age, reverse=True)
        digest = inputs.digest(connection, publications, facts, audiences)
        if former and archive.inputs(releases, former[0].release_id) == digest and not verify(former[0].path):
            is_current = _switch(releases, switch_current) == former[0].path
            return _release(former[0], is_new=False, is_current=is_current)
        number = archive.highest_numbers(releases).get(facts.period_code, 0) + 1
        draft = releases / f"{DRAFT}{facts.period_code}-r{number}"
        draft.mkdir()
        edition = _Edition(connection, publications, facts, audiences, draft)
        edition.write_tables()
        # The newest release may say all of this already, or, for a rebuild, one made of the same extracts.
        alike = [found for found in former if found is former[0] or found.as_of == facts.as_of]
        for found in alike:
            if not edition.may_equal(found):
                continue
            edition.write_documents(found.release_id, archive.before(known, found.released_at))
            if _checksums(edition.files) == found.checksums and not verify(found.path):
                shutil.rmtree(draft)
                if found is former[0]:
                    archive.keep_inputs(releases, found, digest)
                is_current = _switch(releases, switch_current) == found.path
                return _release(found, is_new=False, is_current=is_current)
        release_id = f"{facts.period_code}/r{number}"
        edition.write_documents(release_id, archive.before(known, facts.released_at))
        content = _manifest(edition, period, release_id)
        (draft / MANIFEST).write_text(formats.to_json(content), encoding="utf-8")
        _make_durable(draft)
        problems = verify(draft)
        if problems:
            raise ExportError(f"{draft}: the files just written cannot be read back: {'; '.join(problems)}")
        final = releases / facts.period_code / f"r{number}"
        final.parent.mkdir(exist_ok=True)
        draft.rename(final)
        sync(final.parent)
        sync(releases)
        made = Archived(final, facts.period_code, number, content)
        archive.keep_numbers(releases)
        if not former or made.age > former[0].age:
            archive.keep_inputs(releases, made, digest)
        is_current = _switch(releases, switch_current) == final
    return _release(made, is_new=True, is_current=is_current)


@dataclass(frozen=True)
class Recomputed:
    """A release's files made again, beside what its manifest says of them. Paths are relative to the release."""

    identical: tuple[str, ...]
    different: tuple[str, ...]  # in both, with other bytes
    missing: tuple[str, ...]  # in the release only
    added: tuple[str, ...]  # made now only

    @property
    def is_identical(self) -> bool:
        """Whether every file of the release was made again, bit for bit, and none besides."""
        return not (self.different or self.missing or self.added)


def recompute(
    curated: Path, manifest: Path, releases: Path, release: Archived, facts: ReleaseFacts, folder: Path
) -> Recomputed:
    """Write the files of `release` again into `folder`, which is made, and compare them with its manifest.

    Nothing below `releases` is touched. What the public edition hides depends on what the public knew then: only
    releases older than this one count.

    Raises:
        ExportError: the files cannot be written, and why.
    """
    audiences = tuple(dict.fromkeys(entry["audience"] for entry in release.manifest["files"]))
    _refuse_unfit(facts, audiences)
    publications = read_publications(manifest)
    folder.mkdir(parents=True)
    with closing(formats.connect(curated)) as connection:
        _reporting_period(connection, facts)
        edition = _Edition(connection, publications, facts, audiences, folder)
        edition.write_tables()
        edition.write_documents(release.release_id, archive.before(archive.archived(releases), release.released_at))
    then, now = release.checksums, _checksums(edition.files)
    both = sorted(then.keys() & now.keys())
    return Recomputed(
        identical=tuple(path for path in both if then[path] == now[path]),
        different=tuple(path for path in both if then[path] != now[path]),
        missing=tuple(sorted(then.keys() - now.keys())),
        added=tuple(sorted(now.keys() - then.keys())),
    )


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
        if path.name.startswith((LINK, f".{archive.REGISTER}", f".{archive.INPUTS}")):
            path.unlink()
        elif path.name.startswith(DRAFT):
            shutil.rmtree(path)
        elif path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()


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


class _Edition:
    """The files of one release, being written into a folder; `files` are their entries for the manifest.

    What does not depend on the release's number is written once (`write_tables`); the rest again for each number that
    it is compared under (`write_documents`).
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        publications: Sequence[Publication],
        facts: ReleaseFacts,
        audiences: Sequence[str],
        folder: Path,
    ) -> None:
        self.connection = connection
        self.publications = publications
        self.facts = facts
        self.audiences = audiences
        self.folder = folder
        self.health: site.Health | None = None
        self._tables: list[dict[str, Any]] = []
        self._documents: list[dict[str, Any]] = []

    @property
    def files(self) -> list[dict[str, Any]]:
        """Entries of all files written, tables first."""
        return [*self._tables, *self._documents]

    def may_equal(self, found: Archived) -> bool:
        """Whether all that has been written so far is the same in `found`, so that writing the rest is worth it."""
        then = found.checksums
        return all(then.get(path) == checksum for path, checksum in _checksums(self._tables).items())

    def write_tables(self) -> None:
        """Write and check every table of every publication, their dictionary, and the papers."""
        dictionary: list[list[object]] = []
        for publication in self.publications:
            if "internal" not in publication.audiences or "internal" not in self.audiences:
                continue
            selections = []
            for table in publication.tables:
                expected = _contract(self.connection, publication, table)
                selection = formats.Selection(table, table.columns_for("internal"), publication.order_by)
                if self.facts.is_fictional:
                    _refuse_unlabelled(self.connection, publication, selection, self.facts)
                self._tables += [
                    self._write_table(publication, selection, file_format, expected)
                    for file_format in publication.table_formats("internal")
                ]
                dictionary += [
                    [self.facts.council, table.name, column.name, expected[column.name], column.description,
                     table.description]
                    for column in selection.columns
                ]  # fmt: skip
                selections.append(selection)
            if "pdf" in publication.formats and (write_papers := _given("papers", "write_papers")):
                folder = self._place(f"{publication.kind}s")
                papers = write_papers(self.connection, publication, selections, folder, self.facts)
                self._tables += [self._document(publication, path, "pdf") for path in sorted(papers)]
        path = self._place("feeds") / "dictionary.csv"
        header = ["council", "table", "column", "type", "description", "table_description"]
        formats.write_csv_rows(path, header, dictionary)
        self._tables.append(
            _entry(self.folder, path) | {"kind": "dictionary", "audience": "internal", "rows": len(dictionary)}
        )

    def write_documents(self, release_id: str, earlier: Sequence[Path]) -> None:
        """Write what says the release's name (workbooks, the site) and the public edition, which depends on the
        public folders of `earlier` releases, newest first."""
        for name in {entry["path"].partition("/")[0] for entry in self._documents} & {"site", "public"}:
            shutil.rmtree(self.folder / name)
        self._documents = []
        from exports.workbook import write_workbook  # xlsxwriter is not wanted by those who only read releases

        for publication in self.publications:
            if "xlsx" in publication.formats and "internal" in publication.audiences:
                path = self._place(f"{publication.kind}s") / f"{publication.name}.xlsx"
                selections = [
                    formats.Selection(table, table.columns_for("internal"), publication.order_by)
                    for table in publication.tables
                ]
                series = self._series() if publication.kind == "report" else None
                write_workbook(self.connection, publication, selections, path, self.facts, release_id, series)
                self._documents.append(self._document(publication, path, "xlsx"))
        if self.health is None:
            self.health = site.read_health(self.connection, self.publications, self.facts)
        for name, content in site.pages(self.health, release_id, self.files).items():
            path = self.folder / "site" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self._documents.append(_entry(self.folder, path) | {"kind": _kind(path), "audience": "internal"})
        if "public" in self.audiences and (write_public := _given("public", "write_public")):
            folder = self._place("public")
            write_public(self.connection, self.publications, folder, self.facts, release_id, earlier)
            self._documents += [
                _entry(self.folder, path) | {"kind": _kind(path), "audience": "public"}
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            ]

    def _series(self) -> formats.Selection | None:
        """The control charts as this audience sees them; None where they are not published to it."""
        for publication, table in pairs(self.publications):
            if table.name == CHARTS and "internal" in publication.audiences:
                return formats.Selection(table, table.columns_for("internal"), publication.order_by)
        return None

    def _write_table(
        self, publication: Publication, selection: formats.Selection, file_format: str, expected: Mapping[str, str]
    ) -> dict[str, Any]:
        path = self._place(f"{publication.kind}s") / f"{selection.table.name}.{file_format}"
        if file_format == "parquet":
            metadata = _file_metadata(publication, self.facts, "internal")
            rows = formats.write_parquet(self.connection, selection, path, metadata)
        elif file_format == "csv":
            rows = formats.write_csv(self.connection, selection, path)
        else:
            metadata = _file_metadata(publication, self.facts, "internal")
            rows = formats.write_json(self.connection, selection, path, metadata)
        formats.check_written(self.connection, selection, path, file_format, expected)
        columns = [{"name": column.name, "type": expected[column.name]} for column in selection.columns]
        return self._document(publication, path, file_format) | {"rows": rows, "columns": columns}

    def _document(self, publication: Publication, path: Path, file_format: str) -> dict[str, Any]:
        return _entry(self.folder, path) | {
            "kind": publication.kind,
            "publication": publication.name,
            "audience": "internal",
            "format": file_format,
            "version": publication.version,
        }

    def _place(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _given(module: str, name: str) -> Callable[..., Any] | None:
    """A writer of another module of this room; None where there is no such module."""
    try:
        return getattr(importlib.import_module(f"exports.{module}"), name, None)
    except ModuleNotFoundError as error:
        if error.name != f"exports.{module}":
            raise
        return None


def _kind(path: Path) -> str:
    return {".html": "page", ".parquet": "data", ".csv": "data", ".json": "data"}.get(path.suffix, "asset")


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


def _manifest(edition: _Edition, period: tuple[date, date], release_id: str) -> dict[str, Any]:
    """What the release says of itself; `manifest.schema.json` beside this file says how."""
    facts, files, publications = edition.facts, edition.files, edition.publications
    health = edition.health
    assert health is not None
    extracts = _rows(
        edition.connection, "select * from core.dim_extracts order by system, dataset, period_start, extract_id"
    )
    return {
        "manifest_version": MANIFEST_VERSION,
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
        "software": inputs.software(),
        "feeds": _listed(publications, files, "feed"),
        "reports": _listed(publications, files, "report"),
        "files": [{key: file[key] for key in ("path", "kind", "audience", "bytes", "sha256")} for file in files],
        "contracts": _contract_versions(extracts),
        "extracts": extracts,
        "checks": [asdict(check) for check in facts.checks],
        "missing": {"datasets": health.missing_datasets, "measures": health.unreported_measures},
        "provisional": _provisional(edition.connection, publications, period),
    }


def _provisional(
    connection: duckdb.DuckDBPyConnection, publications: Sequence[Publication], period: tuple[date, date]
) -> list[dict[str, Any]]:
    """Measures with provisional figures for periods that end in the reporting period, and how many of theirs are."""
    for _, table in pairs(publications):
        names = {column.name for column in table.columns_for("internal")}
        if table.name == VALUES and {"measure_id", "measure_name", "period_end", "is_provisional"} <= names:
            return _rows(
                connection,
                "select measure_id, measure_name, count(*) filter (where is_provisional) as figures, count(*) as "
                f"of_figures from {table.relation} where period_end between ? and ? group by all "
                "having count(*) filter (where is_provisional) > 0 order by all",
                list(period),
            )
    return []


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
                {key: file[key] for key in kept if key in file}
                for file in files
                if file.get("publication") == publication.name
            ],
        }
        for publication in publications
        if publication.kind == kind
    ]


def _rows(connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
    """Rows as plain JSON values: ISO dates, UTC times, numbers as numbers."""
    result = connection.execute(query, list(parameters))
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
    return {"path": path.relative_to(draft).as_posix(), "bytes": path.stat().st_size, "sha256": sha256(path)}


def _checksums(entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {entry["path"]: entry["sha256"] for entry in entries}


def _release(found: Archived, *, is_new: bool, is_current: bool) -> Release:
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
        pages=sum(file["kind"] == "page" and file["audience"] == "internal" for file in files),
        rows={
            publication["name"]: sum(
                {Path(file["path"]).stem: file["rows"] for file in publication["files"] if "rows" in file}.values()
            )
            for publication in [*found.manifest["feeds"], *found.manifest["reports"]]
        },
    )


def _make_durable(folder: Path) -> None:
    """Bring every file and folder to the disk before a rename makes them visible."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def _switch(releases: Path, allowed: bool) -> Path | None:
    """Point `current` at the newest period's newest release, in one step; return where it points afterwards."""
    current = releases / CURRENT
    if allowed:
        newest = max(archive.archived(releases), key=lambda found: found.age)
        target = newest.path.relative_to(releases)
        if not (current.is_symlink() and current.readlink() == target):
            if current.exists() and not current.is_symlink():
                raise ExportError(f"{current} is not a symlink, so it was left alone. Move it away and publish again.")
            link = releases / f"{LINK}{os.getpid()}"
            link.symlink_to(target)
            link.replace(current)
            sync(releases)
    return releases / current.readlink() if current.is_symlink() else None
