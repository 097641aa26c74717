"""Write, audit, publish: one private database per build, swapped in whole once every check has passed.

The build begins with one view per dataset over the extracts in force; dbt does the rest, in this process.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from exports import Check
from orchestration import attempts, published
from orchestration.settings import DBT_PROJECT, MATCHES, Settings
from sources.conform import quoted
from sources.contract import Contract
from sources.landing import ExtractInForce, extracts_in_force, remove_leftovers
from sources.periods import Quarter, day_rows, period_rows
from sources.store import carried, rows

PARTIAL_PARSE = "partial_parse.msgpack"  # as dbt names it
PARSES_KEPT_SECONDS = 24 * 60 * 60
MESSAGES_SHOWN = 5  # of each check that finds something
YEARS_BEFORE = 10  # the calendar reaches back this far: complaints and audits begin before a council's first period


_held: set[Path] = set()  # data folders whose lock this process holds: the command takes it, then Dagster's run


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold the council's lock while working on its data; raises RuntimeError when another process holds it.

    Released by death too. What a run that died has left behind is removed: whoever holds the lock knows it for dead.
    """
    if settings.data in _held:
        yield
        return
    settings.data.mkdir(parents=True, exist_ok=True)
    with (settings.data / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(
                f"Another run is working on {settings.name} ({settings.data}). Wait until it ends, then run again."
            ) from None
        _held.add(settings.data)
        try:
            remove_leftovers(settings.data)
            attempts.remove_leftovers(settings.data)
            yield
        finally:
            _held.discard(settings.data)


def in_force(settings: Settings, quarter: Quarter, as_of: datetime | None) -> dict[str, list[ExtractInForce]]:
    """The extracts that count for a release of `quarter`, as known at `as_of`, by contract: none later than it, none of
    a dataset that the council no longer declares."""
    declared = settings.owners()
    return {
        contract.name: [
            extract
            for extract in extracts_in_force(contract, settings.data, as_of)
            if contract.name in declared and (extract.period_start is None or extract.period_start <= quarter.start)
        ]
        for contract in settings.contracts.values()
    }


def is_missing(
    settings: Settings, contract: Contract, extracts: list[ExtractInForce], quarter: Quarter, as_of: datetime | None
) -> bool:
    """Whether a release of `quarter` lacks the dataset: none of that very quarter or, for one that is kept whole, none
    that was still true when the quarter had ended (it could not be read, and was last read before)."""
    if contract.load != "full":
        return not any(extract.period_start == quarter.start for extract in extracts)
    if not attempts.last_error(settings.data, contract, quarter, as_of):
        return not extracts
    read = attempts.last_read(settings.data, contract, as_of)
    return not extracts or read is None or read.date() <= quarter.end


def lacking(settings: Settings, quarter: Quarter, as_of: datetime | None) -> list[str]:
    """A sentence for each dataset that a release of `quarter` requires, by contract, and that is not there."""
    extracts = in_force(settings, quarter, as_of)
    return [
        f"{contract.system}/{contract.dataset} {quarter}: nothing has landed for it. "
        + (attempts.last_error(settings.data, contract, quarter, as_of) or "It has not been extracted.")
        for _, contract in settings.declared()
        if contract.required_for_release and is_missing(settings, contract, extracts[contract.name], quarter, as_of)
    ]


def prepare(settings: Settings, quarter: Quarter, as_of: datetime | None) -> None:
    """Make a fresh build database with schema `raw`: a view per dataset over its extracts in force, and the tables that
    only orchestration can tell (council, periods, days, extracts, datasets, what earlier releases published)."""
    for leftover in (settings.build, settings.build.with_name(settings.build.name + ".wal")):
        leftover.unlink(missing_ok=True)
    settings.data.mkdir(parents=True, exist_ok=True)
    extracts = in_force(settings, quarter, as_of)
    with duckdb.connect(str(settings.build)) as con:
        con.execute("create schema raw")
        for contract in settings.contracts.values():
            con.execute(f"create view raw.{contract.table} as {rows(con, contract, extracts[contract.name])}")
        _calendar(con, settings, quarter)
        _catalogue(con, settings, quarter, extracts, as_of)
        newest = max((each.extracted_at for listed in extracts.values() for each in listed), default=None)
        published.prepare(con, settings.releases, quarter, newest)


def finished(settings: Settings, quarter: Quarter, as_of: datetime | None) -> Path:
    """Where a build of `quarter` goes once it has passed: curated.duckdb, unless it looks back, behind the newest
    release or to an earlier moment."""
    newest = max((path.parent.parent.name for path in settings.releases.glob("*/r*/manifest.json")), default="")
    return settings.curated if as_of is None and quarter.code >= newest else settings.rebuilt


def publish(settings: Settings, quarter: Quarter, as_of: datetime | None) -> None:
    """Take staging and raw out of the build that has passed, for personal data stop here, and rename it into place.

    Restricted models are views until now, so that no page of the file ever held what they tell.
    """
    target = finished(settings, quarter, as_of)
    with duckdb.connect(str(settings.build)) as con:
        if target == settings.curated:
            _keep_restricted(con, settings)
        con.execute("drop schema if exists restricted cascade")
        con.execute("drop schema if exists staging cascade")
        con.execute("drop schema raw cascade")
        con.execute("checkpoint")
    with settings.build.open("rb") as file:
        os.fsync(file.fileno())
    settings.build.replace(target)


def _keep_restricted(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Write the restricted models to a file that only its owner may read, where the council asks for it; else there is
    none."""
    if not settings.council.restricted_tables:
        settings.restricted.unlink(missing_ok=True)
        return
    aside = settings.restricted.with_name(f".{settings.restricted.name}")
    aside.unlink(missing_ok=True)
    con.execute(f"attach {quoted(str(aside))} as aside")
    aside.chmod(0o600)  # while it is empty
    for (name,) in con.execute(
        "select view_name from duckdb_views() where schema_name = 'restricted' order by view_name"
    ).fetchall():
        con.execute(f'create table aside."{name}" as select * from restricted."{name}" order by all')
    con.execute("detach aside")
    aside.replace(settings.restricted)


def dbt(settings: Settings, arguments: list[str], callback: Callable[[Any], None] | None = None) -> Any:
    """Run dbt in this process and return its `dbtRunnerResult`. Its database connections are closed before returning.

    A process of its own costs some twenty seconds of imports and version checks a run; see docs/decisions.
    """
    from dbt.contracts.graph.manifest import Manifest  # dbt takes seconds to import
    from dbt.parser.manifest import extended_mashumuro_decoder

    packed = (_parsed(settings) / PARTIAL_PARSE).read_bytes()
    parsed = Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)
    parsed.build_flat_graph()
    return _run_dbt(settings, arguments, settings.dbt_target, parsed, callback)


def _run_dbt(
    settings: Settings,
    arguments: list[str],
    target: Path,
    parsed: Any = None,
    callback: Callable[[Any], None] | None = None,
) -> Any:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # dbt takes seconds to import
    from dbt.cli.main import dbtRunner

    os.environ["VITALS_BUILD"] = str(settings.build)
    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    target.mkdir(parents=True, exist_ok=True)
    try:
        return dbtRunner(manifest=parsed, callbacks=[callback] if callback else []).invoke(
            [
                *("--quiet", "--no-use-colors", "--log-level", "none", "--log-level-file", "none"),
                *arguments,
                *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
                *("--target-path", str(target)),
            ]
        )
    finally:
        DuckDBConnectionManager.close_all_connections()


def manifest(settings: Settings) -> Path:
    """dbt's manifest.json, parsed again when the content of the dbt project is another."""
    return _parsed(settings) / "manifest.json"


def read_manifest(settings: Settings) -> dict[str, Any]:
    """The same, read."""
    return json.loads(manifest(settings).read_text(encoding="utf-8"))


def _parsed(settings: Settings) -> Path:
    """The folder that holds dbt's parse of the project as it is: for us `manifest.json`, for dbt the same in its own
    form. Parsing takes seconds and does not depend on the council, so all councils share it."""
    folder = (DBT_PROJECT if os.access(DBT_PROJECT, os.W_OK) else settings.data) / "target" / "parsed"
    parsed = folder / _project_digest()
    if not parsed.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            result = _run_dbt(settings, ["parse"], Path(aside))
            if not result.success:
                raise RuntimeError(f"dbt cannot parse the project: {result.exception}")
            made = folder / f"{parsed.name}.{os.getpid()}"
            made.mkdir()
            for name in ("manifest.json", PARTIAL_PARSE):
                shutil.copy(Path(aside) / name, made)
            try:
                made.rename(parsed)
            except OSError:  # another process was quicker, and found the same
                shutil.rmtree(made)
        _forget_parses(folder, parsed)
    return parsed


def _project_digest() -> str:
    """Names what dbt's parse depends on: the text of the project and dbt's version."""
    folders = [DBT_PROJECT / name for name in ("models", "macros", "tests")]
    files = sorted([*(f for folder in folders for f in folder.rglob("*.*")), *DBT_PROJECT.glob("*.yml")])
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}".encode())
    for file in files:
        if file.is_file():
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"\n{file.relative_to(DBT_PROJECT)} {content}".encode())
    return digest.hexdigest()[:16]


def _forget_parses(folder: Path, keep: Path) -> None:
    """Remove parses of former texts that nothing can be using any more."""
    for former in folder.iterdir():
        if former != keep and former.stat().st_mtime < time.time() - PARSES_KEPT_SECONDS:
            shutil.rmtree(former, ignore_errors=True)


def documentation(settings: Settings) -> Path:
    """Write dbt's documentation of the project and of the finished tables, one page that needs no server.

    Raises:
        FileNotFoundError: nothing has been built yet.
        RuntimeError: another run holds the council's data, or dbt fails.
    """
    page = settings.dbt_target / "docs.html"
    with alone(settings):
        # dbt knows the tables by the name of the file that it builds, so it is given a copy of that name.
        shutil.copyfile(settings.curated, settings.build)
        try:
            result = dbt(settings, ["docs", "generate", "--static"])
            if not result.success:
                raise RuntimeError(f"dbt cannot write its documentation: {result.exception}")
        finally:
            settings.build.unlink()
        (settings.dbt_target / "static_index.html").replace(page)
    return page


def problems(result: Any, database: Path | None = None, severity: str = "error", of: str | None = None) -> list[str]:
    """What stopped a build, a sentence per model or check; empty when every error-severity check passed. With the
    severity `warn`: what the other checks found. The `database` is asked for the messages of checks that have any.
    `of` names the only check that counts."""
    if result.exception is not None:
        return [str(result.exception)] if severity == "error" else []
    statuses = ("error", "fail", "runtime error") if severity == "error" else ("warn",)
    told = []
    for item in result.result.results:
        if str(item.status) in statuses and of in (None, item.node.name):
            # dbt appends the stack of macros; who reads this wants the sentence and the model.
            sentence = " ".join(str(item.message).split("  >")[0].split())
            told.append(f"{item.node.name}: {_messages(item.node, database) or sentence}")
    return told


def _messages(node: Any, database: Path | None) -> str:
    """What a check says in its column `message` of the first rows that it found; empty where it has no such column."""
    if database is None or node.resource_type != "test" or " as message" not in (node.compiled_code or ""):
        return ""
    with duckdb.connect(str(database), read_only=True) as con:
        found = con.execute(f"select message from ({node.compiled_code}) order by message").fetchall()
    more = [f"and {len(found) - MESSAGES_SHOWN} more"] if len(found) > MESSAGES_SHOWN else []
    return " ".join([*(message for (message,) in found[:MESSAGES_SHOWN]), *more])


def checks(result: Any) -> list[Check]:
    """Every dbt test that ran, as the release's manifest lists them."""
    if result.exception is not None:
        return []
    ran = [
        Check(
            name=item.node.name,
            # A singular test is attached to no model; the first that it reads stands for it.
            asset=(getattr(item.node, "attached_node", None) or item.node.depends_on.nodes[0]).split(".")[-1],
            passed=str(item.status) == "pass",
            severity="warn" if str(item.node.config.severity).lower() == "warn" else "error",
            description=item.node.description or item.message or "",
        )
        for item in result.result.results
        if item.node.resource_type == "test" and str(item.status) != "skipped"
    ]
    return sorted(ran, key=lambda check: (check.asset, check.name))  # they end in another order each time


def keep_checks(settings: Settings, ran: list[Check]) -> None:
    """Keep the checks of a build beside its manifest: a release made later, by itself, lists the same."""
    path = settings.dbt_target / "checks.json"
    path.write_text(json.dumps([asdict(check) for check in ran], ensure_ascii=False), encoding="utf-8")


def read_checks(settings: Settings) -> list[Check]:
    """The checks of the last build."""
    told = json.loads((settings.dbt_target / "checks.json").read_text(encoding="utf-8"))
    return [Check(**check) for check in told]


def tables(result: Any) -> int:
    """Number of models built."""
    if result.exception is not None:
        return 0
    return sum(item.node.resource_type == "model" and str(item.status) == "success" for item in result.result.results)


def _calendar(con: duckdb.DuckDBPyConnection, settings: Settings, quarter: Quarter) -> None:
    council = settings.council
    con.execute(
        "create table raw.vitals__council (council_id varchar, council_name varchar, council_label varchar, "
        "is_fictional boolean, area_code varchar, reporting_period_start date, reporting_period_end date, "
        "first_period_start date)"
    )
    row = (council.id, council.name, council.label, council.fictional, council.area_code)
    con.execute(
        "insert into raw.vitals__council values (?, ?, ?, ?, ?, ?, ?, ?)",
        [*row, quarter.start, quarter.end, council.first_quarter.start],
    )
    first = date(council.first_quarter.year - YEARS_BEFORE, 4, 1)
    last = date(quarter.year + 1, 3, 31)
    con.execute(
        "create table raw.vitals__periods (period_type varchar, period_start date, period_end date, "
        "period_code varchar, period_label varchar, financial_year_start date, quarter_start date)"
    )
    _insert(con, "raw.vitals__periods", period_rows(first, last))
    con.execute(
        "create table raw.vitals__days (day_date date, is_working_day boolean, working_day_number bigint, "
        "month_start date, quarter_start date)"
    )
    _insert(con, "raw.vitals__days", day_rows(first, last + timedelta(days=366)))


def _catalogue(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    quarter: Quarter,
    extracts: dict[str, list[ExtractInForce]],
    as_of: datetime | None,
) -> None:
    con.execute(
        "create table raw.vitals__extracts (system varchar, dataset varchar, extract_id varchar, period_start date, "
        "extracted_at timestamptz, origin varchar, source_hash varchar, contract_version varchar, row_count bigint, "
        "rejected_count bigint, path varchar)"
    )
    rows = [
        (
            *(e.system, e.dataset, e.extract_id, e.period_start, e.extracted_at, e.origin),
            *(e.source_hash, e.contract_version, e.rows, e.rejected, str(e.path.relative_to(settings.data))),
        )
        for listed in extracts.values()
        for in_force in listed
        for e in (in_force, *carried(in_force))  # rows may have come with an earlier one: a trace leads there
    ]
    _insert(con, "raw.vitals__extracts", rows)
    con.execute(
        "create table raw.vitals__datasets (system varchar, dataset varchar, owner varchar, load varchar, "
        "required_for_release boolean, is_declared boolean, last_period_start date, last_extracted_at timestamptz, "
        "last_extracted_on date, row_count bigint, rejected_count bigint, is_missing boolean, reason varchar)"
    )
    owners = settings.owners()
    datasets = []
    for contract in settings.contracts.values():
        found, declared = extracts[contract.name], contract.name in owners
        missing = declared and is_missing(settings, contract, found, quarter, as_of)
        reason = attempts.last_error(settings.data, contract, quarter, as_of) if missing else None
        if contract.name == MATCHES and reason is None:
            missing = False  # where every record has its key there is nothing to match
        datasets.append(
            (
                *(contract.system, contract.dataset, owners.get(contract.name), contract.load),
                *(contract.required_for_release, declared),
                max((e.period_start for e in found if e.period_start), default=None),
                max((e.extracted_at for e in found), default=None),
                max((e.extracted_at.astimezone(UTC).date() for e in found), default=None),
                *(sum(e.rows for e in found), sum(e.rejected for e in found), missing, reason),
            )
        )
    _insert(con, "raw.vitals__datasets", datasets)


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: list[Any]) -> None:
    """Rows through Arrow: DuckDB's executemany takes a millisecond a row."""
    import pyarrow as pa

    if rows:
        names = [column[0] for column in con.execute(f"select * from {table} limit 0").description or []]
        given = pa.table([list(column) for column in zip(*rows, strict=True)], names=names)
        con.register("given", given)
        con.execute(f"insert into {table} select * from given")
        con.unregister("given")
