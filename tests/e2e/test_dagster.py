"""Dagster as its own commands start it, and what its instance remembers of a run that `vitals` made."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from support.pipeline import BINARIES, QUARTER, ROOT, SINCE, Quarter, clean_environment, end, free_port, get, wait_until

from sources.periods import Quarter as Period


def test_definitions_load_without_network_or_credentials(tmp_path: Path) -> None:
    """Every address of the outside leads to a closed port, and no source's variable is set."""
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [BINARIES / "dagster", "definitions", "validate"],
        cwd=ROOT,
        env=clean_environment(VITALS_DATA=str(tmp_path), DAGSTER_DISABLE_TELEMETRY="yes", **nowhere),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All code locations passed validation" in done.stdout + done.stderr


@pytest.mark.parametrize("command", [("dagster", "dev"), ("dg", "dev")], ids=" ".join)
def test_the_interface_starts(command: tuple[str, str], tmp_path: Path) -> None:
    """No argument but a port that is free: pyproject.toml names the module."""
    port = free_port()
    environment = clean_environment(
        VITALS_DATA=str(tmp_path / "data"), DAGSTER_HOME=str(tmp_path), DAGSTER_DISABLE_TELEMETRY="yes"
    )
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    process = subprocess.Popen(
        [BINARIES / command[0], command[1], "--port", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        status, body = wait_until(lambda: get(f"http://127.0.0.1:{port}/"), process)
        assert status == 200
        assert "<title>Dagster</title>" in body or "dagster" in body.lower()
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # its webserver, daemon and code server are processes of their own
        end(process)


@pytest.fixture(scope="module")
def instance(town: Quarter) -> Iterator[dg.DagsterInstance]:
    """What Dagster remembers of the town's first run."""
    with dg.DagsterInstance.from_config(str(town.vitals.data / "dagster")) as found:
        yield found


def test_the_run_is_remembered(instance: dg.DagsterInstance) -> None:
    runs = instance.get_runs()
    assert [(run.job_name, run.status, run.tags["council"]) for run in runs] == [
        ("quarter", dg.DagsterRunStatus.SUCCESS, "brigstow")
    ]


def test_each_quarter_that_landed_is_a_materialised_partition(instance: dg.DagsterInstance) -> None:
    covered = {quarter.start.isoformat() for quarter in Period.parse(SINCE).until(Period.parse(QUARTER))}
    for dataset in (["complaints", "cases"], ["finance", "ledger"], ["risk", "register"]):
        assert instance.get_materialized_partitions(dg.AssetKey(dataset)) == covered


def test_rows_and_reasons_stand_with_each_quarter(instance: dg.DagsterInstance, town: Quarter) -> None:
    records = instance.fetch_materializations(dg.AssetKey(["finance", "ledger"]), limit=50).records
    landed = {}
    for record in records:
        event = record.asset_materialization
        assert event is not None
        landed[event.partition] = int(event.metadata["rows"].value)  # type: ignore[arg-type]
    # The run's own partition tells of the whole run, the others each of their quarter.
    own = Period.parse(QUARTER).start.isoformat()
    total = sum(rows for partition, rows in landed.items() if partition != own)
    [(in_force,)] = town.vitals.ask(
        "select sum(row_count) from core.dim_extracts where system = 'finance' and dataset = 'ledger'"
    )
    [(last,)] = town.vitals.ask(
        "select row_count from core.dim_extracts where system = 'finance' and dataset = 'ledger' "
        f"and period_start = '{own}'"
    )
    assert (total, landed[own]) == (in_force - last, in_force)


def test_contract_checks_and_dbt_tests_are_asset_checks(instance: dg.DagsterInstance, town: Quarter) -> None:
    [run] = instance.get_runs()
    evaluations = [
        record.event_log_entry.dagster_event.event_specific_data
        for record in instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
        if record.event_log_entry.dagster_event is not None
    ]
    assert all(getattr(evaluation, "passed", False) for evaluation in evaluations)
    keys = {evaluation.asset_check_key for evaluation in evaluations}  # type: ignore[union-attr]
    landing = {key for key in keys if key.name == "every_extract_landed"}
    [(declared,)] = town.vitals.ask("select count(*) from core.dim_datasets where is_declared")
    assert len(landing) == declared
    models = {key.asset_key.path[-1] for key in keys - landing}
    assert {"fct_ledger", "dim_targets"} <= models


def test_every_published_table_is_an_asset_that_says_where_it_lies(instance: dg.DagsterInstance, town: Quarter) -> None:
    manifest = town.vitals.manifest()
    for publication in [*manifest["feeds"], *manifest["reports"]]:
        event = instance.get_latest_materialization_event(dg.AssetKey(["releases", publication["name"]]))
        assert event is not None and event.asset_materialization is not None
        told = event.asset_materialization.metadata
        assert told["release"].value == f"{QUARTER}/r1 (new)"
        assert Path(str(told["folder"].value)) == (town.vitals.releases / QUARTER / "r1")
