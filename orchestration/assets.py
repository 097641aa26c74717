"""Assets: one per dataset, dbt's models, one per publication. They wire; sources, dbt and exports do the work."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

import exports
from exports.publications import read_publications
from orchestration import attempts, build, periods, publications, releasing
from orchestration.addresses import land_matches
from orchestration.freshness import freshness
from orchestration.progress import journal
from orchestration.sandbox import source_systems
from orchestration.settings import ADDRESSES_WRITTEN_DOWN, GAZETTEER, Settings
from sources.config import Source
from sources.contract import Contract
from sources.errors import ConfigurationError, SourceError
from sources.landing import Landed, extracts_in_force, kept, land, still_open
from sources.periods import Quarter

# Backfill policies are marked beta in Dagster 1.13; that is no news to whoever runs a quarter.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

RESTATEMENT_CHECK = "every_restatement_has_a_reason"  # as dbt names it
LANDED_CHECK = "every_extract_landed"
IN_TIME_CHECK = "in_time"
ALONE = "alone"  # the resource that every step needs: it is there as long as the run is


def alone(settings: Settings) -> dg.ResourceDefinition:
    """The council's lock, held from before a run's first step until after its last one, whoever started the run."""

    @dg.resource(description="The lock of the council's data: one run at a time, however it was started.")
    def held(_: dg.InitResourceContext) -> Iterator[None]:
        with build.alone(settings):
            yield

    return held


def dataset_asset(settings: Settings, source: Source, contract: Contract) -> dg.AssetsDefinition:
    """The asset that lands one dataset. A failure is a failed check, not a failed step: the other sources still land,
    and the release decides, by contract, whether it can do without."""
    whole = contract.load == "full"

    @dg.asset(
        key=[contract.system, contract.dataset],
        group_name=contract.system,
        kinds={source.connector, "parquet"},
        owners=[source.owner],
        description=contract.purpose,
        metadata={
            "contract": f"sources/contracts/{contract.system}/{contract.dataset}.yaml",
            "source": str(source.path),
        },
        tags={"load": contract.load},
        partitions_def=None if whole else periods.quarterly(settings),
        required_resource_keys={ALONE},
        backfill_policy=None if whole else dg.BackfillPolicy.single_run(),
        check_specs=[
            dg.AssetCheckSpec(
                LANDED_CHECK,
                asset=[contract.system, contract.dataset],
                description="Every extract asked for was read, met its contract as a whole, and stands in raw.",
            ),
            dg.AssetCheckSpec(
                IN_TIME_CHECK,
                asset=[contract.system, contract.dataset],
                description="What the source owes by now, by its contract's latency, is there for the quarter.",
            ),
        ],
    )
    def landing(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        quarters = periods.quarters(settings, context.run.tags)
        tags = context.run.tags
        accepted = periods.accepted(tags).get(f"{contract.system}/{contract.dataset}")
        landed, error = land_dataset(settings, source, contract, quarters, accepted, periods.again(tags))
        errors = [error] if error else [f"{item.quarter or 'all'}: {item.error}" for item in landed if item.error]
        for problem in errors:
            context.log.error(problem)
        if not whole:
            _log_other_quarters(context, landed)
        yield dg.MaterializeResult(
            metadata=_landing_metadata(landed),
            check_results=[
                dg.AssetCheckResult(
                    check_name=LANDED_CHECK,
                    passed=not errors,
                    metadata={
                        "problems": dg.MetadataValue.md("\n".join(f"- {problem}" for problem in errors) or "none")
                    },
                ),
                _in_time(settings, contract, quarters[-1]),
            ],
        )

    return landing


def matches_asset(settings: Settings, contract: Contract) -> dg.AssetsDefinition:
    """The asset that matches addresses to the gazetteer, once both have landed. A failure is a failed check."""

    @dg.asset(
        key=[contract.system, contract.dataset],
        group_name=contract.system,
        kinds={"python", "parquet"},
        owners=[settings.council.contact],
        description=contract.purpose,
        metadata={"contract": f"sources/contracts/{contract.system}/{contract.dataset}.yaml"},
        deps=[name.split(".") for name in (GAZETTEER, ADDRESSES_WRITTEN_DOWN)],
        required_resource_keys={ALONE},
        check_specs=[
            dg.AssetCheckSpec(
                LANDED_CHECK,
                asset=[contract.system, contract.dataset],
                description="What has been matched met its contract, and stands in raw.",
            )
        ],
    )
    def matching(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        landed, error = land_matches(settings, contract)
        errors = [error] if error else [item.error for item in landed if item.error]
        for problem in errors:
            context.log.error(problem)
        check = dg.AssetCheckResult(check_name=LANDED_CHECK, passed=not errors)
        return dg.MaterializeResult(metadata=_landing_metadata(landed), check_results=[check])

    return matching


def _in_time(settings: Settings, contract: Contract, quarter: Quarter) -> dg.AssetCheckResult:
    extracts = [
        extract
        for extract in extracts_in_force(contract, settings.data)
        if extract.period_start is None or extract.period_start <= quarter.start
    ]
    fresh = freshness(settings, contract, extracts, quarter, datetime.now(UTC).date())
    return dg.AssetCheckResult(
        check_name=IN_TIME_CHECK,
        passed=fresh.in_time,
        severity=dg.AssetCheckSeverity.WARN,  # the release decides, by contract, whether it can do without
        metadata={
            "quarter": quarter.code,
            "state": fresh.state,
            "due": fresh.due.isoformat() if fresh.due else "the contract names no latency",
            "last extract": fresh.last_extract.isoformat() if fresh.last_extract else "none",
        },
    )


def _log_other_quarters(context: dg.AssetExecutionContext, landed: Sequence[Landed]) -> None:
    """A run is of one partition, yet it lands what changed in earlier quarters, too: each is an event of its own."""
    for item in landed:
        key = item.quarter.start.isoformat() if item.quarter else None
        if key and not item.unchanged and not item.error and key not in context.partition_keys:
            context.log_event(
                dg.AssetMaterialization(context.asset_key, partition=key, metadata=_landing_metadata([item]))
            )


def land_dataset(
    settings: Settings,
    source: Source,
    contract: Contract,
    quarters: list[Quarter],
    accepted: str | None = None,
    again: bool = False,
) -> tuple[list[Landed], str | None]:
    """Land one dataset; returns what became of each slot, and the error when nothing could be tried at all.

    With `accepted` (who, and why) a volume that the contract refuses lands all the same; with `again` quarters to which
    nothing can be added any more are asked for, too, and sources give all that they have.
    """
    told = journal()
    told.tell(f"reading {contract.system} {contract.dataset}")
    landed: list[Landed] = []
    error = None
    try:
        with source_systems(settings):
            reading = source.reading(contract.dataset)
            whole = again or not source.asks_for_changes
            asked, since = (quarters, {}) if whole else still_open(contract, settings.data, quarters, reading)
            if asked:
                extracts = source.extract(contract.dataset, asked, since)
                landed = land(contract, extracts, settings.data, asked, accepted, again)
            landed += kept(contract, settings.data, [quarter for quarter in quarters if quarter not in asked])
    except (SourceError, ConfigurationError) as problem:
        error = str(problem)
        landed = [Landed(contract.dataset, None, None, 0, 0, False, {}, (), error)]
    # The moment of the run, not of the dataset: as of any extract of this run, all of its outcomes are known.
    attempts.record(settings.data, contract, landed, told.began)
    told.landed[contract.system, contract.dataset] = landed
    return landed, error


def _landing_metadata(landed: Sequence[Landed]) -> dict[str, Any]:
    reasons: dict[str, int] = {}
    for item in landed:
        for reason, count in item.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
    table = "\n".join(
        f"| {item.quarter or 'whole'} | {item.rows:,} | {item.rejected:,} | {_outcome(item)} |" for item in landed
    )
    return {
        "rows": sum(item.rows for item in landed),
        "rejected": sum(item.rejected for item in landed),
        "new extracts": sum(not item.unchanged and not item.error for item in landed),
        "extracts": dg.MetadataValue.md(f"| period | rows | rejected | |\n|---|--:|--:|---|\n{table}"),
        "rejected because": dg.MetadataValue.md(
            "\n".join(f"- {count:,} × {reason}" for reason, count in reasons.items()) or "none"
        ),
        "notes": dg.MetadataValue.md(
            "\n".join(f"- {note}" for note in {n for item in landed for n in item.notes}) or "none"
        ),
    }


def _outcome(item: Landed) -> str:
    return item.error or ("unchanged" if item.unchanged else "landed")


class Translator(DagsterDbtTranslator):
    """dbt's names as Dagster shows them: raw views are the dataset assets, models stand in their layer's group."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_duplicate_source_asset_keys=True)
        )
        self._owner = settings.council.contact

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`complaints/cases` for a raw view, `core/fct_complaints` for a model."""
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey(dbt_resource_props["name"].split("__", 1))
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer."""
        return None if dbt_resource_props["resource_type"] == "source" else dbt_resource_props["fqn"][1]

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """The insight team owns the models."""
        return [self._owner]

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """One line; the SQL stands in the repository."""
        return " ".join((dbt_resource_props.get("description") or "").split())


def dbt_models(settings: Settings, manifest: Path) -> dg.AssetsDefinition:
    """All of dbt as one step: its database is private until every error-severity check has passed."""
    translator = Translator(settings)

    @dbt_assets(manifest=manifest, dagster_dbt_translator=translator, name="dbt_models", required_resource_keys={ALONE})
    def models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        quarter = periods.quarters(settings, context.run.tags)[-1]
        told = journal()
        _refuse_without(settings, quarter, periods.as_of(context.run.tags))
        told.tell("building")
        try:
            build.prepare(settings, quarter, periods.as_of(context.run.tags))
        except ConfigurationError as error:  # a migration is missing, or does not do
            told.problems += error.problems
            raise dg.Failure(description=str(error), allow_retries=False) from None
        messages: list[dict[str, Any]] = []
        result = build.dbt(
            settings,
            ["build", "--exclude-resource-type", "unit_test"],
            callback=_collect(messages, told.tell),
        )
        content = build.read_manifest(settings)
        for message in messages:
            event = DbtCoreCliEventMessage(raw_event=message, event_history_metadata={})
            yield from event.to_default_asset_events(content, translator, context)
        problems = build.problems(result, settings.build)
        if settings.council.corrections == "required":
            problems += build.problems(result, settings.build, severity="warn", of=RESTATEMENT_CHECK)
        found = build.problems(result, settings.build, severity="warn")
        told.warnings += [warning for warning in found if warning not in problems]
        told.checks = build.checks(result)
        build.keep_checks(settings, told.checks)
        told.tables += build.tables(result)
        if problems:
            told.problems += problems
            raise dg.Failure(
                description="Nothing is published, the former release stays current:\n" + "\n".join(problems),
                allow_retries=False,
            )
        build.publish(settings, quarter, periods.as_of(context.run.tags))

    return models


def _collect(messages: list[dict[str, Any]], tell: Callable[[str], None]) -> Callable[[Any], None]:
    from google.protobuf.json_format import MessageToDict

    wanted = {"LogModelResult", "LogTestResult", "LogSeedResult", "LogSnapshotResult"}

    def callback(event: Any) -> None:
        if event.info.name in wanted:
            message = MessageToDict(event, preserving_proto_field_name=True)
            messages.append(message)
            node = message["data"]["node_info"]
            if node["resource_type"] == "model":
                tell(f"built {node['node_name']}")

    return callback


def other_raw_tables(settings: Settings) -> list[dg.AssetSpec]:
    """What dbt reads and no dataset asset makes: datasets of other councils, here without rows, and the tables that the
    build itself writes."""
    translator = Translator(settings)
    declared = {dg.AssetKey(name.split(".")) for name in settings.owners()}
    specs = []
    for source in build.read_manifest(settings)["sources"].values():
        key = translator.get_asset_key(source)
        if key in declared:
            continue
        told = translator.get_description(source)
        of_build = key.path[0] == "vitals"
        specs.append(
            dg.AssetSpec(
                key=key,
                group_name=key.path[0],
                kinds={"duckdb" if of_build else "parquet"},
                owners=[settings.council.contact],
                description=told if of_build else f"{told} {settings.council.name} has no such source: no rows.",
            )
        )
    return specs


def publication_assets(settings: Settings, manifest: Path) -> dg.AssetsDefinition:
    """One asset per exposure, made together: a release is all of its files or nothing."""
    listed = read_publications(manifest)

    @dg.multi_asset(
        specs=[publications.asset_spec(publication, settings.council.contact) for publication in listed],
        check_specs=[spec for publication in listed for spec in publications.check_specs(publication)],
        name="release",
        can_subset=False,
        required_resource_keys={ALONE},
    )
    def release(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        told = journal()
        told.tell("publishing")
        quarter, as_of = periods.quarters(settings, context.run.tags)[-1], periods.as_of(context.run.tags)
        _refuse_without(settings, quarter, as_of)
        curated = build.finished(settings, quarter, as_of)
        facts = releasing.facts(settings, quarter, as_of, build.read_checks(settings))
        told.release = exports.publish(
            curated,
            build.manifest(settings),
            settings.releases,
            facts,
            audiences=("internal", "public"),
            switch_current=as_of is None,
        )
        told.tell("checking what was written")
        yield from publications.results(
            context.instance, settings.releases, listed, told.release, curated, facts, exports.read_snapshot()
        )

    return release


def _refuse_without(settings: Settings, quarter: Quarter, as_of: datetime | None) -> None:
    """Before anything is built: a database without a required dataset must not replace the one that analysts read."""
    lacking = build.lacking(settings, quarter, as_of)
    if lacking:
        journal().problems += lacking
        raise dg.Failure(
            description="The release is refused, because its contract requires what is missing:\n" + "\n".join(lacking),
            allow_retries=False,
        )
