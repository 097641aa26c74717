"""The command `vitals`: run a quarter, look at it, trace a figure. Words and tables only; the work is done elsewhere.

Exit codes: 0 fine, 1 a check or a source failed, 2 wrong use or configuration.
"""

from __future__ import annotations

import functools
import gc
import http.server
import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from orchestration import SERVED_AT
from sources.errors import ConfigurationError, SourceError, nearest
from sources.periods import Quarter

if TYPE_CHECKING:
    import pyarrow as pa
    from dagster import DagsterInstance

    from orchestration.progress import Journal
    from orchestration.settings import Settings
    from sources.config import Source
    from sources.contract import Contract
    from sources.landing import Landed

FAILED, WRONG = 1, 2
RELEASE_NAMED = re.compile(r"/[A-Za-z0-9][\w-]*/r[1-9]\d*/")  # begins the address of a page of that release
WIDE = 110  # columns of a screen that has room for every column of `vitals status`
FILES_NAMED = 8  # of those that differ; more are counted
RESTATED_SHOWN = 40  # figures, in `vitals release diff`; more are counted
MEASURES_NAMED = 6  # of a dataset, in `vitals status`; more are counted
COMMAND_TAG = "vitals/command"  # marks Dagster's runs that `vitals` made in its own process
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="A council's performance pipeline: extract, build, check, publish, and trace every figure to its rows.\n\n"
    "Settings: VITALS_COUNCIL (default: the council that says so), VITALS_DATA (default ./data).",
)
out = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

CouncilOption = Annotated[str | None, typer.Option("--council", help="The council, a folder of councils/.")]
F = TypeVar("F", bound=Callable[..., Any])


def _guarded(command: F) -> F:
    """Turn the errors that people can act on into messages and exit codes."""

    @functools.wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except typer.Exit:
            raise  # itself a RuntimeError
        except ConfigurationError as error:
            for problem in error.problems:
                errors.print(f"[red]✗[/] {_plain(problem)}")
            raise typer.Exit(WRONG) from None
        except (SourceError, RuntimeError, FileNotFoundError) as error:
            errors.print(f"[red]✗[/] {_plain(str(error))}")
            raise typer.Exit(FAILED) from None

    return wrapper  # type: ignore[return-value]


@app.command()
@_guarded
def run(
    period: Annotated[
        str | None, typer.Argument(help="Quarter to publish, such as 2025-26-Q3. Default: the last complete one.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="First quarter to extract. Default: all of the history.")
    ] = None,
    council: CouncilOption = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", help="Use only what had been extracted by this time (ISO 8601, UTC); extracts nothing."
        ),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            "--accept",
            help="Land a dataset although it has too few, too many or too many rejected rows: "
            "'complaints/cases=J. Doe: offices were closed'. Who and why is kept with the extract.",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Read everything again, closed quarters and unchanged files included.")
    ] = False,
) -> None:
    """Extract, build, check and publish a quarter."""
    from orchestration.settings import settings

    chosen = settings(council)
    last = _quarter(period) or chosen.council.last_complete_quarter(datetime.now(UTC).date())
    start = _quarter(first) or chosen.council.first_quarter
    if not chosen.council.first_quarter <= start <= last:
        raise ConfigurationError(
            f"{start} to {last}: {chosen.council.name} begins with {chosen.council.first_quarter}, and the first "
            "quarter cannot come after the last."
        )
    cut_off = _cut_off(chosen, as_of)
    reasons = _accepted(chosen, accept or [])
    out.print(f"[bold]{chosen.council.label}[/] · {last.label}\n")
    began = time.monotonic()
    with errors.status("starting", spinner="dots") as status:

        def tell(line: str) -> None:
            status.update(line)
            if not errors.is_terminal and not line.startswith("built"):
                errors.print(f"  {line}")

        tell("loading the pipeline")
        from orchestration import periods

        tags = periods.run_tags(start, last, cut_off, reasons, again)
        journal, succeeded = _execute(chosen, tags, tell)
    _summary(chosen, journal, time.monotonic() - began)
    if not succeeded or journal.sources_failed():
        raise typer.Exit(FAILED)


def _accepted(chosen: Settings, told: list[str]) -> dict[str, str]:
    """Reasons by dataset, as --accept gives them. Raises ConfigurationError for a dataset that there is not."""
    reasons = {}
    for text in told:
        name, _, reason = (part.strip() for part in text.partition("="))
        if not reason or "/" not in name:
            raise ConfigurationError(f"--accept '{text}': write SYSTEM/DATASET=WHO: WHY.")
        _named(chosen, [name])
        reasons[name] = reason
    return reasons


def _execute(chosen: Settings, tags: Mapping[str, str], tell: Callable[[str], None]) -> tuple[Journal, bool]:
    import dagster as dg

    from orchestration import build, history, periods, progress
    from orchestration.sandbox import source_systems
    from orchestration.settings import dagster_home
    from orchestration.wiring import definitions

    # dbt's manifest and Dagster's definitions are a million objects that stay; looking through them for garbage as
    # often as Python does by itself is a twentieth of a run.
    gc.set_threshold(50_000, 20, 50)
    journal = progress.begin(tell)
    with build.alone(chosen), source_systems(chosen):
        dagster_home(chosen)
        loaded = definitions(chosen)
        job = loaded.resolve_job_def("quarter")
        keys = None
        if periods.as_of(tags) is not None:
            landing = {dg.AssetKey(name.split(".")) for name in chosen.owners()}
            keys = [key for key in job.asset_layer.executable_asset_keys if key not in landing]
        with history.kept_open(), dg.DagsterInstance.get() as instance:
            _bury(instance, chosen)
            result = job.execute_in_process(
                instance=instance,
                tags={**tags, COMMAND_TAG: "run"},
                asset_selection=keys,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        if not result.success and not journal.problems:
            for event in result.all_events:
                if event.is_step_failure:
                    error = event.step_failure_data.error
                    cause = error.cause if error and error.cause else error
                    journal.problems.append(f"{event.step_key}: {cause.message if cause else 'failed'}".strip())
    return journal, result.success


def _bury(instance: DagsterInstance, chosen: Settings) -> None:
    """Tell Dagster which of this command's earlier runs died: it would show them as under way, and wait for them, for
    ever. They are dead because the lock is ours now, and they held it."""
    from dagster import DagsterRunStatus, RunsFilter

    alive = [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
    mine = {"council": chosen.name, COMMAND_TAG: "run"}
    for dead in instance.get_runs(RunsFilter(tags=mine, statuses=alive)):
        instance.report_run_failed(dead, "The process of this run ended without a word; it was killed, it seems.")


def _summary(chosen: Settings, journal: Journal, seconds: float) -> None:
    if journal.landed:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for name, justify in (
            ("system", "left"),
            ("dataset", "left"),
            ("landed", "right"),
            ("rejected", "right"),
            ("what", "left"),
        ):
            table.add_column(name, justify=justify)  # type: ignore[arg-type]
        for (system, dataset), slots in journal.landed.items():
            new = [slot for slot in slots if not slot.unchanged and not slot.error]
            table.add_row(
                system,
                dataset,
                f"{sum(slot.rows for slot in new):,}" if new else "–",
                f"{sum(slot.rejected for slot in new):,}" if new else "–",
                _what(slots),
            )
        out.print(table)
        out.print()
    passed = sum(check.passed for check in journal.checks)
    warned = sum(not check.passed and check.severity == "warn" for check in journal.checks)
    failed = len(journal.checks) - passed - warned
    if journal.tables:
        parts = [
            f"{passed:,} checks passed",
            *([f"{warned} warn"] if warned else []),
            *([f"{failed} failed"] if failed else []),
        ]
        out.print(f"Built {journal.tables} tables; {', '.join(parts)}.")
    for warning in journal.warnings:
        errors.print(f"[yellow]![/] {_plain(warning)}")
    for (system, dataset), slots in journal.landed.items():
        _failures(chosen, system, dataset, slots)
    if journal.release is not None:
        release = journal.release
        if release.is_new:
            kinds = ((release.feeds, "feed"), (release.reports, "report"), (release.pages, "page"))
            made = ", ".join(f"{number} {word}{'s' * (number != 1)}" for number, word in kinds)
            out.print(f"Published {release.release_id}: {made}.")
        else:
            out.print(f"Unchanged: {release.release_id} already says all of this; nothing was added.")
        out.print(f"Release  {_near(release.path)}")
        page = chosen.releases / "current" if release.is_current else release.path
        out.print(f"Read it  {_near(page / 'site' / 'index.html')}")
    for problem in journal.problems:
        errors.print(f"[red]✗[/] {_plain(problem)}")
    if journal.release is None:
        errors.print("Nothing was published; the former release, if there is one, stays current.")
    out.print(f"[dim]{seconds:.0f} s[/]")


def _what(slots: list[Landed]) -> str:
    failed = sum(bool(slot.error) for slot in slots)
    if failed:
        return f"{failed} of {len(slots)} failed" if len(slots) > 1 else "failed"
    if all(slot.unchanged for slot in slots):
        return "unchanged"
    reasons: dict[str, int] = {}
    for slot in slots:
        if not slot.unchanged:
            for reason, count in slot.reasons.items():
                reasons[reason] = reasons.get(reason, 0) + count
    return "; ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items(), key=lambda item: -item[1])[:3])


def _failures(chosen: Settings, system: str, dataset: str, slots: list[Landed]) -> None:
    """What did not land, once for all quarters that failed alike, and the measures that it touches."""
    alike: dict[str, list[Quarter | None]] = {}
    for slot in slots:
        if slot.error:
            alike.setdefault(slot.error, []).append(slot.quarter)
    for error, quarters in alike.items():
        when = f" {quarters[0]}" if quarters[0] else ""
        more = f" and {len(quarters) - 1} more quarter{'s' * (len(quarters) > 2)}" if len(quarters) > 1 else ""
        _failure(chosen, system, dataset, when + more, error)


def _failure(chosen: Settings, system: str, dataset: str, when: str, error: str) -> None:
    from orchestration import tracing

    errors.print(f"[red]✗[/] {system}/{dataset}{when}: {_plain(error)}")
    touched = tracing.measures_by_dataset(chosen).get((system, dataset), [])
    if touched:
        errors.print(f"  Touches {len(touched)} measure{'s' * (len(touched) != 1)}: {', '.join(touched)}.")


@app.command()
@_guarded
def check(
    datasets: Annotated[
        list[str] | None,
        typer.Argument(help="Only these: a system such as hr, or a dataset such as hr/absences. Default: all."),
    ] = None,
    size: Annotated[
        int, typer.Option("--sample", help="Show so many rows as they would land; nothing lands.", min=0)
    ] = 0,
    period: Annotated[
        str | None, typer.Option("--period", help="Quarter of the sample. Default: the last complete one.")
    ] = None,
    council: CouncilOption = None,
) -> None:
    """Check configuration, contracts, credentials and whether every source can be reached; all problems at once.

    With --sample: also read the first rows of each dataset, and show what would land and what would be rejected."""
    from orchestration.sandbox import source_systems
    from orchestration.settings import settings

    chosen = settings(council)
    problems: list[str] = []
    for load in (lambda: chosen.council, lambda: chosen.contracts, lambda: chosen.sources):
        try:
            load()
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(dict.fromkeys(problems))
    named = _named(chosen, datasets or [])
    quarter = _quarter(period) or chosen.council.last_complete_quarter(datetime.now(UTC).date())
    out.print(f"[bold]{chosen.council.label}[/]: {len(chosen.contracts)} contracts, {len(chosen.sources)} sources.")
    failed = False
    with source_systems(chosen):
        for source, mine in named:
            if missing := source.missing_variables():
                problems += missing
                continue
            try:
                source.reach([contract.dataset for contract in mine])
                out.print(f"[green]✓[/] {source.system}: {', '.join(contract.dataset for contract in mine)}")
            except ConfigurationError as error:
                problems += error.problems
                continue
            except SourceError as error:
                failed = True
                errors.print(f"[red]✗[/] {source.system}: {_plain(str(error))}")
                continue
            for contract in mine if size else []:
                try:
                    _show_sample(chosen, source, contract, quarter, size)
                except ConfigurationError as error:
                    problems += error.problems
                except SourceError as error:
                    failed = True
                    errors.print(f"[red]✗[/] {source.system}/{contract.dataset}: {_plain(str(error))}")
    if problems:
        raise ConfigurationError(problems)
    if failed:
        raise typer.Exit(FAILED)


def _named(chosen: Settings, names: list[str]) -> list[tuple[Source, list[Contract]]]:
    """The datasets that `names` mean (systems, or system/dataset), by source; all of the council's where none is named.
    Raises ConfigurationError for what the council does not have."""
    known = {*chosen.sources, *(f"{contract.system}/{contract.dataset}" for _, contract in chosen.declared())}
    if unknown := [name for name in names if name not in known]:
        raise ConfigurationError(
            f"{chosen.name} has no source '{name}'.{nearest(name, known)} `vitals status` lists them."
            for name in unknown
        )
    wanted = set(names) or known
    found = [
        (source, [c for c in source.datasets.values() if {source.system, f"{c.system}/{c.dataset}"} & wanted])
        for source in chosen.sources.values()
    ]
    return [(source, contracts) for source, contracts in found if contracts]


def _show_sample(chosen: Settings, source: Source, contract: Contract, quarter: Quarter, size: int) -> None:
    from orchestration.sampling import sample

    taken = sample(chosen, source, contract, quarter, size)
    when = "whole" if contract.load == "full" else str(quarter)
    out.print(f"\n[bold]{source.system}/{contract.dataset}[/] {when} · {_plain(taken.origin)}")
    _print_rows(taken.good, [column.name for column in contract.columns])
    read = taken.rows + taken.refused
    extent = f"All {read:,} rows" if taken.is_whole else f"The first {read:,} rows"
    out.print(f"{extent} were read: {taken.rows:,} would land, {taken.refused:,} would be rejected.")
    for reason, count in sorted(taken.reasons.items(), key=lambda item: -item[1]):
        out.print(f"  {count:,} × {_plain(reason)}")
    for row in taken.rejected.to_pylist():
        told = ", ".join(f"{c.name} {row[c.name]}" for c in contract.columns if row[c.name] is not None)
        reasons = "; ".join(row["_reasons"])
        out.print(f"  [yellow]row {row['_source_row']}[/] {_plain(reasons)} [dim]{_plain(told or row['_original'])}[/]")
    for note in taken.notes:
        out.print(f"  [dim]{_plain(note)}[/]")
    out.print()


def _print_rows(rows: pa.Table, names: list[str]) -> None:
    """Rows as a table, or, where that is wider than the screen, each row as a list of its columns."""
    texts = [{name: "–" if row[name] is None else str(row[name]) for name in names} for row in rows.to_pylist()]
    widths = [max([len(name), *(len(row[name]) for row in texts)]) for name in names]
    if sum(widths) + 2 * len(widths) <= out.width:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for name in names:
            table.add_column(name)
        for row in texts:
            table.add_row(*(_plain(value) for value in row.values()))
        out.print(table)
        return
    longest = max(len(name) for name in names)
    for row in texts:
        for name, value in row.items():
            out.print(f"  [dim]{name:<{longest}}[/]  {_plain(value)}")
        out.print()


source_app = typer.Typer(no_args_is_help=True, help="New sources.")
app.add_typer(source_app, name="source")


@source_app.callback()
def _sources() -> None:
    """New sources."""


@source_app.command("new")
@_guarded
def source_new(
    name: Annotated[str, typer.Argument(help="System and dataset, such as libraries/visits.")],
    sample_of: Annotated[
        str | None,
        typer.Argument(
            metavar="FROM",
            help="A file or its address (.csv .xlsx .ods .parquet .jsonl .zip .gz, also sftp:// s3:// azure://), a "
            "database (postgresql:// sqlite:// …, with --query), or an API's https address.",
        ),
    ] = None,
    sql: Annotated[str | None, typer.Option("--query", help="SQL, for a database.")] = None,
    keys: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Any key that the YAML is to have: connector=arcgis, connection.KEY=VALUE, dataset.KEY=VALUE. Secrets "
            "as '${NAME}', a variable's name. May be given several times.",
        ),
    ] = None,
    load: Annotated[str, typer.Option("--load", help="full, snapshot or incremental.")] = "full",
    owner: Annotated[str | None, typer.Option("--owner", help="Address of who answers for the source.")] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Draft it again, in place of a contract that still says `status: draft`.")
    ] = False,
    council: CouncilOption = None,
) -> None:
    """Write a contract and the source's YAML from a sample of the real source, types inferred, for you to review."""
    from orchestration.sandbox import source_systems
    from orchestration.settings import settings
    from sources import scaffold
    from sources.contract import CONTRACTS

    chosen = settings(council)
    settings_given = [*([f"dataset.query={json.dumps(sql)}"] if sql else []), *(keys or [])]
    origin = scaffold.origin_of(sample_of, settings_given)
    folder = chosen.folder / "sources"
    place = scaffold.place_of(name, CONTRACTS, folder, anew)
    quarter = chosen.council.last_complete_quarter(datetime.now(UTC).date())
    with source_systems(chosen):
        origin = scaffold.with_records(origin)
        sample, notes = scaffold.read_sample(origin, folder, quarter)
    drafted = scaffold.draft(place.system, place.dataset, sample, origin, load)
    written = scaffold.write(place, owner or chosen.council.contact, origin, drafted)
    out.print(f"Read {sample.num_rows:,} rows of {sample.num_columns} columns, and wrote:")
    for path in written:
        out.print(f"  {_near(path)}")
    out.print(drafted.contract, style="dim", markup=False)
    if remarks := [*drafted.remarks, *notes]:
        out.print("Look at these:")
        for remark in remarks:
            out.print(f"  - {_plain(remark)}")
    out.print(
        f"Next: review the contract; `vitals check {name} --sample 5` shows what would land; `make contracts` tells "
        "dbt; then `vitals run`."
    )


measure_app = typer.Typer(no_args_is_help=True, help="New measures, and their unit tests.")
app.add_typer(measure_app, name="measure")


@measure_app.command("new")
@_guarded
def measure_new(
    measure: Annotated[str, typer.Argument(help="Its permanent id, such as SR04.")],
    name: Annotated[str | None, typer.Option("--name", help="Its name, such as 'Requests made on the web'.")] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", help="Domain of organisational health. Default: the council's largest.")
    ] = None,
    core: Annotated[
        str | None,
        typer.Option("--from", help="Core model whose rows it counts. Default: the one that its domain counts most."),
    ] = None,
    council: CouncilOption = None,
) -> None:
    """Write a measure's row, its SQL, a unit test that fails until you have counted, and its place in the list."""
    from orchestration.measure_scaffold import scaffold
    from orchestration.settings import settings

    made = scaffold(settings(council), measure.upper(), name, domain, core)
    out.print("Wrote:")
    for path in made.paths:
        out.print(f"  {_near(path)}")
    out.print("Look at these:")
    for remark in made.remarks:
        out.print(f"  - {_plain(remark)}")
    out.print(
        f"Next: mend them; `vitals measure test {measure.upper()}` until it passes; then `vitals run`, and "
        f"`vitals trace {measure.upper()} PERIOD`. A target is a row in framework/targets.csv."
    )


@measure_app.command("test")
@_guarded
def measure_test(
    measure: Annotated[str, typer.Argument(help="Measure, such as SR04.")],
    council: CouncilOption = None,
) -> None:
    """Run a measure's unit tests, on a copy of the finished tables, in seconds."""
    from orchestration.measure_scaffold import unit_tests
    from orchestration.settings import settings

    failed = False
    for name, problem in unit_tests(settings(council), measure.upper()):
        failed = failed or bool(problem)
        out.print(f"[red]✗[/] {name}" if problem else f"[green]✓[/] {name}")
        if problem:
            out.print(problem, markup=False)
    if failed:
        raise typer.Exit(FAILED)


@app.command()
@_guarded
def status(
    period: Annotated[
        str | None, typer.Argument(help="Quarter, such as 2025-26-Q3. Default: the last complete one.")
    ] = None,
    council: CouncilOption = None,
) -> None:
    """What has landed for a quarter, how old it is, what failed or is late, which measures that touches, and which
    releases there are."""
    from orchestration import build, tracing
    from orchestration.freshness import freshness
    from orchestration.settings import settings

    chosen = settings(council)
    quarter = _quarter(period) or chosen.council.last_complete_quarter(datetime.now(UTC).date())
    extracts = build.in_force(chosen, quarter, None)
    touched = tracing.measures_by_dataset(chosen)
    out.print(f"[bold]{chosen.council.label}[/] · {quarter.label}\n")
    table = Table(box=None, pad_edge=False, padding=(0, 2 if out.width >= WIDE else 1, 0, 0), header_style="dim")
    # A narrow screen has no room for the moment, to which age comes near, and for measures' names.
    wide = out.width >= WIDE
    moment = ["last extract"] if wide else []
    for name in ("system", "dataset", *moment, "age", "rows", "rejected", "state", "measures"):
        right = name in ("rows", "rejected", "age")
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "measures")
    failures, rejected = [], []
    today = datetime.now(UTC).date()
    for _, contract in chosen.declared():
        found = extracts[contract.name]
        mine = [item for item in found if item.period_start in (None, quarter.start)]
        fresh = freshness(chosen, contract, found, quarter, today)
        if not fresh.in_time:
            failures.append((contract, fresh.error or f"nothing has landed for this quarter ({fresh.state})."))
        rejected += [(contract, item) for item in mine if item.rejected]
        measures = touched.get((contract.system, contract.dataset), [])
        table.add_row(
            contract.system,
            contract.dataset,
            *([f"{fresh.last_extract:%d %b %Y %H:%M}" if fresh.last_extract else "–"] if wide else []),
            _age(fresh.last_extract),
            f"{sum(item.rows for item in mine):,}" if mine else "–",
            f"{sum(item.rejected for item in mine):,}" if mine else "–",
            fresh.state,
            ", ".join(measures) if wide and len(measures) <= MEASURES_NAMED else f"{len(measures)}",
        )
    out.print(table)
    if rejected:
        out.print("\nRejected, and why (each row is kept under rejected/; a corrected extract clears it):")
    for contract, item in rejected:
        reasons = "; ".join(f"{count:,} × {reason}" for reason, count in item.reasons.items())
        out.print(f"  {contract.system}/{contract.dataset}: {_plain(reasons)}")
    for contract, error in failures:
        _failure(chosen, contract.system, contract.dataset, f" {quarter}", error)
    releases = sorted(chosen.releases.glob("*/r*/manifest.json"))
    current = (chosen.releases / "current").resolve()
    out.print("\nReleases: " + (", ".join(_release_name(path.parent, current) for path in releases) or "none yet"))
    if failures:
        raise typer.Exit(FAILED)


@app.command()
@_guarded
def trace(
    measure: Annotated[str, typer.Argument(help="Measure, such as CO02.")],
    period: Annotated[str, typer.Argument(help="Period, such as 2025-26-Q3, 2025-11 or 2025-26.")],
    unit: Annotated[str | None, typer.Option("--unit", help="Organisational unit. Default: the whole council.")] = None,
    rows: Annotated[int, typer.Option("--rows", help="Source rows to show.", min=0)] = 10,
    to: Annotated[Path | None, typer.Option("--out", help="Write every source row to this CSV file.")] = None,
    alone: Annotated[
        bool, typer.Option("--in-period", help="The period alone, of a measure that rolls or accumulates.")
    ] = False,
    council: CouncilOption = None,
) -> None:
    """Walk one figure back: value, numerator, denominator, and the source rows behind them."""
    from orchestration import tracing
    from orchestration.settings import settings

    chosen = settings(council)
    traced = tracing.trace(chosen, measure.upper(), period, unit, "in_period" if alone else "reported")
    out.print(f"[bold]{traced.measure_name}[/] · {traced.unit_name} · {traced.period_label}")
    parts = {"value": traced.value, traced.numerator_label: traced.numerator}
    if traced.denominator is not None:
        parts[traced.denominator_label] = traced.denominator
    width = max(len(label) for label in parts)
    out.print()
    for label, number in parts.items():
        out.print(f"  {label:<{width}}  {_number(number):>16}")
    for gap in traced.gaps:
        out.print(f"  Not in it: {_plain(gap)}.", markup=False)
    out.print(f"\nFrom {traced.row_count:,} source rows in {len(traced.extracts)} extracts:")
    for extract in traced.extracts:
        out.print(f"  {extract.rows:>9,} rows  {extract.origin}")
        out.print(f"{'':>17}[dim]extract {extract.extract_id}, hash {extract.source_hash}[/]")
    if rows and traced.row_count:
        out.print(
            f"\nThe first {min(rows, traced.row_count)}, as numerator / denominator, place, and what stands there:"
        )
        for row in traced.rows(rows).to_pylist():
            share = _number(row.pop("numerator")) + (
                f" / {_number(denominator)}" if (denominator := row.pop("denominator")) is not None else ""
            )
            place = f"{row.pop('source')}, row {row.pop('source_row')}"
            out.print(f"  {share:>9}  {_plain(place)} [dim]hash {row.pop('hash')}[/]")
            fields = ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)
            out.print(f"{'':>13}[dim]{_plain(fields)}[/]")
    if to is not None:
        count = traced.write(to)
        out.print(f"Wrote {count:,} source rows to {_near(to)}.")


@app.command()
@_guarded
def query(
    sql: Annotated[
        str | None, typer.Argument(help="SQL; '-' reads it from standard input. Without it: what there is to query.")
    ] = None,
    council: CouncilOption = None,
) -> None:
    """Read-only SQL on the curated tables and on the files of the current release (schema `release`)."""
    from orchestration import querying
    from orchestration.settings import settings

    chosen = settings(council)
    text = sys.stdin.read() if sql == "-" else sql or querying.TABLES
    result = querying.query(chosen, text)
    if not out.is_terminal and sql:
        sys.stdout.write(querying.as_csv(result).decode())
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for field in result.schema:
        table.add_column(field.name, justify="right" if querying.is_number(field) else "left")
    for row in result.slice(0, 1000).to_pylist():
        table.add_row(*("–" if value is None else _plain(str(value)) for value in row.values()))
    out.print(table)
    if result.num_rows > 1000:
        out.print(f"[dim]… {result.num_rows - 1000:,} more rows; pipe the output to get them all as CSV.[/]")


@app.command(context_settings={"allow_extra_args": True})
@_guarded
def spc(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV file with a line of headings, or a Parquet file.")],
    day: Annotated[str, typer.Option("--date", help="Column with the dates.")],
    value: Annotated[str, typer.Option("--value", help="Column with the values.")],
    series: Annotated[str | None, typer.Option("--series", help="Column that tells several series apart.")] = None,
    polarity: Annotated[
        str, typer.Option("--polarity", help="Which way is better: higher or lower; context: neither.")
    ] = "context",
    target: Annotated[
        str | None, typer.Option("--target", help="A target, to see whether the process meets it.")
    ] = None,
    fix_after: Annotated[
        int | None, typer.Option("--fix-after", help="Limits from the first so many points (12 or more).")
    ] = None,
    rebase: Annotated[
        list[str] | None,
        typer.Option("--rebase", metavar="DATE…", help="Limits start afresh on these days; a day belongs to the new."),
    ] = None,
    no_screening: Annotated[
        bool, typer.Option("--no-screening", help="Let very large moving ranges widen the limits, too.")
    ] = False,
    to: Annotated[Path | None, typer.Option("--out", help="Write every point to this .csv or .parquet.")] = None,
    chart: Annotated[Path | None, typer.Option("--chart", help="Draw the series into this .svg.")] = None,
) -> None:
    """Has something changed? XmR process limits and signals for any CSV or Parquet, by the council's own rules.

    vitals spc waits.csv --date month --value weeks --polarity lower --target 18

    vitals spc visits.parquet --date day --value visits --series library --rebase 2025-04-01 --chart visits.svg
    """
    from orchestration import spc as control

    if context.args and not rebase:
        raise ConfigurationError(f"What is {', '.join(context.args)}? One file at a time; columns go with options.")
    rules = control.Rules(
        polarity=polarity,
        target=None if target is None else control.target_of(target),
        fix_after=fix_after,
        rebases=[control.day_of(text) for text in [*(rebase or []), *context.args]],
        screening=not no_screening,
    )
    control.check_suffixes(to, chart)
    readings = control.read(file, day, value, series)
    results = control.classify(readings, rules)
    lines = control.summary(results, rules, readings.blank)
    if to:
        lines.append(f"Wrote {control.write(results, to):,} points to {_near(to)}.")
    if chart:
        chart.write_text(control.chart(results, rules, file.stem, value), encoding="utf-8")
        lines.append(f"Drew {_near(chart)}.")
    for line in lines:
        out.print(_plain(line))


@app.command()
@_guarded
def rebuild(
    release: Annotated[str, typer.Argument(help="The release, such as 2026-27-Q2/r1, or current.")],
    to: Annotated[Path | None, typer.Option("--out", help="Keep the files made in this new folder.")] = None,
    council: CouncilOption = None,
) -> None:
    """Make a release again of the raw data it rests on, and say file by file whether it is the same, bit for bit."""
    from orchestration import releasing
    from orchestration.settings import settings

    chosen = settings(council)
    with errors.status("reading", spinner="dots") as status:
        made = releasing.rebuild(chosen, release, to, status.update)
    files = made.files
    total = len(files.identical) + len(files.different) + len(files.missing)
    out.print(f"[bold]{chosen.council.label}[/] · {made.release.release_id}, as of {made.release.as_of:%d %b %Y %H:%M}")
    if changed := made.changed_versions:
        errors.print(f"[yellow]![/] It may have been made by other versions: {_plain('; '.join(changed))}.")
    for fault in made.altered:
        errors.print(f"[red]✗[/] {_near(made.release.path)}: {_plain(fault)} since it was published.")
    for word, paths in (("differs", files.different), ("is not made any more", files.missing)):
        for path in paths:
            errors.print(f"[red]✗[/] {_plain(path)} {word}.")
    for path in files.added:
        errors.print(f"[red]✗[/] {_plain(path)} was not in the release.")
    out.print(f"{len(files.identical):,} of {total:,} files are identical, bit for bit.")
    if to is not None:
        out.print(f"Made     {_near(to)}")
    if not files.is_identical or made.altered:
        raise typer.Exit(FAILED)


release_app = typer.Typer(no_args_is_help=True, help="Releases that there are.")
app.add_typer(release_app, name="release")


@release_app.callback()
def _releases() -> None:
    """Releases that there are."""


@release_app.command("diff")
@_guarded
def release_diff(
    old: Annotated[str, typer.Argument(help="The older release, such as 2026-27-Q2/r1.")],
    new: Annotated[str, typer.Argument(help="The newer one, or current.")],
    to: Annotated[Path | None, typer.Option("--out", help="Write every restated figure to this .csv.")] = None,
    council: CouncilOption = None,
) -> None:
    """What differs between two releases: restated figures with old, new and why; files; columns."""
    import exports
    from orchestration.settings import settings

    chosen = settings(council)
    found = exports.differences(
        exports.named(chosen.releases, old), exports.named(chosen.releases, new), chosen.curated
    )
    out.print(f"[bold]{chosen.council.label}[/] · {found.old} → {found.new}\n")
    if found.restated:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for name in ("measure", "unit", "period", "was", "is", "change", "reason"):
            table.add_column(name, justify="right" if name in ("was", "is", "change") else "left")
        for each in found.restated[:RESTATED_SHOWN]:
            place = each.unit_id + (f", {each.area_id}" if each.area_id else "")
            was = _figure(each.old_value) + (" (provisional)" if each.was_provisional else "")
            reason = ": ".join(part for part in (each.reason_code, each.explanation) if part) or "none given"
            numbers = (was, _figure(each.new_value), _figure(each.change))
            table.add_row(*(_plain(cell) for cell in (each.measure_id, place, each.period_label, *numbers, reason)))
        out.print(table)
        if len(found.restated) > RESTATED_SHOWN:
            out.print(f"[dim]… {len(found.restated) - RESTATED_SHOWN:,} more; --out writes them all.[/]")
    out.print(f"{len(found.restated):,} figures restated, {found.new_figures:,} new.")
    for sentence in found.columns:
        out.print(f"  {_plain(sentence)}.")
    for word, paths in (("changed", found.files_changed), ("new", found.files_added), ("gone", found.files_removed)):
        if paths:
            more = f" and {len(paths) - FILES_NAMED} more" if len(paths) > FILES_NAMED else ""
            out.print(f"{len(paths):,} files {word}: {_plain(', '.join(paths[:FILES_NAMED]))}{more}.")
    if to is not None:
        out.print(f"Wrote {exports.write_restated(found, to):,} restated figures to {_near(to)}.")


@app.command()
@_guarded
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; remove nothing.")] = False,
    council: CouncilOption = None,
) -> None:
    """Remove what council.yaml's `retention` no longer keeps; never a release, nor an extract that a release needs."""
    from orchestration import build, retention
    from orchestration.settings import settings

    chosen = settings(council)
    now = datetime.now(UTC)
    with build.alone(chosen):
        found = retention.leftovers(chosen, now)
        for each in found:
            out.print(f"  {each.size / 1e6:>10,.1f} MB  {_near(each.path)}  [dim]{each.why}[/]")
        size = sum(each.size for each in found) if dry_run else retention.remove(found)
        runs = retention.old_runs(chosen, now, removing=not dry_run)
    would = "Would remove" if dry_run else "Removed"
    out.print(f"{would} {len(found):,} files or folders ({size / 1e6:,.1f} MB) and {runs:,} run logs.")


@app.command()
@_guarded
def docs(council: CouncilOption = None) -> None:
    """Write one page that documents every table, column, check and where each comes from (dbt docs)."""
    from orchestration import build
    from orchestration.settings import settings

    chosen = settings(council)
    if not chosen.curated.exists():
        raise FileNotFoundError(f"{_near(chosen.curated)}: nothing has been built yet. Run `vitals run` first.")
    with errors.status("writing"):
        page = build.documentation(chosen)
    out.print(f"Read it  {_near(page)}")


@app.command()
@_guarded
def serve(
    port: Annotated[int, typer.Option("--port", help="Port on loopback.")] = SERVED_AT,
    council: CouncilOption = None,
) -> None:
    """Show the current release in a browser, and each other below its name, on loopback, until interrupted."""
    from orchestration.settings import settings

    chosen = settings(council)
    current = chosen.releases / "current"
    if not current.exists():
        raise FileNotFoundError(f"{_near(current)}: nothing has been published yet. Run `vitals run` first.")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                self.send_response(302)
                self.send_header("Location", "/site/index.html")
                self.end_headers()
            else:
                super().do_GET()

        def translate_path(self, path: str) -> str:
            """`/2026-27-Q2/r1/…` is that release, everything else the current one."""
            self.directory = str(chosen.releases if RELEASE_NAMED.match(path) else current)
            return super().translate_path(path)

        def log_message(self, format: str, *args: Any) -> None:
            """Silent: an access log on a terminal hides the one line that matters."""

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A browser that leaves before a page has arrived is no news."""

    try:
        listening = Server(("127.0.0.1", port), Handler)
    except OSError as error:
        raise RuntimeError(f"Port {port} cannot be used ({error.strerror}). Choose another with --port.") from None
    with listening as server:
        out.print(f"{chosen.council.label}: http://127.0.0.1:{server.server_address[1]}/  (Ctrl+C ends)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            out.print()


def _quarter(code: str | None) -> Quarter | None:
    try:
        return Quarter.parse(code) if code else None
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _cut_off(chosen: Settings, text: str | None) -> datetime | None:
    """The moment of --as-of. Raises ConfigurationError for one that has not come yet, or with nothing before it."""
    from sources.landing import extracts_in_force

    moment = _moment(text)
    if moment is None:
        return None
    if moment > datetime.now(UTC):
        raise ConfigurationError(f"--as-of: {text} has not come yet, so nobody knows what will have landed by then.")
    contracts = [contract for _, contract in chosen.declared()]
    if not any(extracts_in_force(contract, chosen.data, moment) for contract in contracts):
        raise ConfigurationError(
            f"--as-of: nothing had landed by {moment:%d %b %Y %H:%M:%S} UTC. See `vitals status` for what has."
        )
    return moment


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"--as-of: '{text}' is not a time. Write 2026-10-21T06:00 (UTC).") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(value: Decimal) -> str:
    """A number as people read it: thousands set off, no zeros that say nothing."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _figure(value: Decimal | None) -> str:
    return "–" if value is None else _number(value)


def _age(moment: datetime | None) -> str:
    if moment is None:
        return "–"
    seconds = (datetime.now(UTC) - moment).total_seconds()
    return (
        f"{seconds / 86400:.0f} d"
        if seconds >= 86400
        else f"{seconds / 3600:.0f} h"
        if seconds >= 3600
        else f"{seconds / 60:.0f} min"
    )


def _release_name(path: Path, current: Path) -> str:
    told = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    return f"{told['release']} (current)" if path.resolve() == current else str(told["release"])


def _near(path: Path) -> str:
    """A path as people type it: from here, where it lies below."""
    absolute = path if path.is_absolute() else Path.cwd() / path
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)


def _plain(text: str) -> str:
    """Square brackets in data are not markup."""
    return text.replace("[", "\\[")


def main() -> None:
    """Entry point of `vitals`."""
    app()
