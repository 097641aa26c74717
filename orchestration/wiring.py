"""Everything of one council, put together for Dagster: assets, checks, job, schedule. No network, no credential."""

from __future__ import annotations

import dagster as dg

from orchestration import build
from orchestration.assets import (
    ALONE,
    alone,
    dataset_asset,
    dbt_models,
    matches_asset,
    other_raw_tables,
    publication_assets,
)
from orchestration.schedules import quarter_schedule
from orchestration.settings import Settings


def definitions(chosen: Settings) -> dg.Definitions:
    """Everything for one council. Raises ConfigurationError with every problem in its configuration."""
    manifest = build.manifest(chosen)
    matches = chosen.matches()
    quarter = dg.define_asset_job(
        "quarter",
        selection=dg.AssetSelection.all(),
        description="Extract every quarter asked for, build, check, and publish the last one.",
        executor_def=dg.in_process_executor,
        tags={"council": chosen.name},
    )
    return dg.Definitions(
        assets=[
            *(dataset_asset(chosen, source, contract) for source, contract in chosen.declared()),
            *([matches_asset(chosen, matches)] if matches else []),
            *other_raw_tables(chosen),
            dbt_models(chosen, manifest),
            publication_assets(chosen, manifest),
        ],
        jobs=[quarter],
        schedules=[quarter_schedule(chosen, quarter)],
        resources={ALONE: alone(chosen)},
        executor=dg.in_process_executor,
    )
