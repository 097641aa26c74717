"""The pipeline in Dagster's own hands: its commands, its interface, a run from there, and what its instance knows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import dagster as dg
import pytest
from support.brigstow import DATASETS
from support.pipeline import (
    BINARIES,
    QUARTER,
    ROOT,
    Quarter,
    Ran,
    Vitals,
    clean_environment,
    end,
    get,
    own_systems,
    wait_until,
)

PARTITION = "2026-07-01"
QUARTERS = {"2025-04-01", "2025-07-01", "2025-10-01", "2026-01-01", "2026-04-01", PARTITION}

# Put before all other modules of a process: it may talk to itself, and to nobody else.
NO_NETWORK = """
import socket
_connect = socket.socket.connect
def connect(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "localhost", "::1"):
        raise AssertionError(f"{address} was called")
    return _connect(self, address)
def getaddrinfo(host, *args, _asked=socket.getaddrinfo, **kwargs):
    if host not in (None, "", "127.0.0.1", "localhost", "::1"):
        raise AssertionError(f"{host} was looked up")
    return _asked(host, *args, **kwargs)
socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
"""


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """An environment without source systems, credentials or a network."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    environment = clean_environment(VITALS_DATA=str(tmp_path / "data"))
    environment["PYTHONPATH"] = ":".join(filter(None, (str(modules), environment.get("PYTHONPATH"))))
    return environment


@pytest.mark.parametrize("council", ["brigstow", "trafford"])
def test_definitions_load_without_network_or_credentials(council: str, offline: dict[str, str]) -> None:
    done = subprocess.run(
        [BINARIES / "dagster", "definitions", "validate"],
        cwd=ROOT,
        env=offline | {"VITALS_COUNCIL": council},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "All code locations passed validation" in done.stdout + done.stderr


# What the command leaves with Dagster


def test_each_quarter_of_a_run_is_a_materialised_partition(town: Quarter) -> None:
    with _instance(town.vitals.data / "dagster") as instance:
        for key in (["finance", "ledger"], ["complaints", "cases"], ["hr", "absences"], ["risk", "register"]):
            assert instance.get_materialized_partitions(dg.AssetKey(key)) == QUARTERS, key
        whole = instance.get_latest_materialization_event(dg.AssetKey(["framework", "units"]))
        assert whole is not None and whole.asset_materialization is not None
        assert whole.asset_materialization.metadata["rows"].value == 56
        release = instance.get_latest_materialization_event(dg.AssetKey(["releases", "feed_measure_values"]))
        assert release is not None and release.asset_materialization is not None
        assert release.asset_materialization.metadata["release"].value == f"{QUARTER}/r1 (new)"
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert (run.tags["dagster/partition"], run.tags["council"]) == (PARTITION, "brigstow")


def test_rows_by_partition_are_those_in_raw(town: Quarter) -> None:
    by_quarter = {
        extract["period_start"]: extract["row_count"]
        for extract in town.vitals.manifest()["extracts"]
        if (extract["system"], extract["dataset"]) == ("finance", "ledger")
    }
    with _instance(town.vitals.data / "dagster") as instance:
        records = instance.fetch_materializations(dg.AssetKey(["finance", "ledger"]), limit=50).records
        # The run's own partition speaks for the whole run, the others each for themselves.
        told = {
            record.partition_key: record.asset_materialization.metadata["rows"].value
            for record in records
            if record.asset_materialization is not None
        }
    assert told.pop(PARTITION) == sum(by_quarter.values())
    assert told == {start: rows for start, rows in by_quarter.items() if start != PARTITION}


def test_rejected_rows_are_counted_by_reason(town: Quarter) -> None:
    with _instance(town.vitals.data / "dagster") as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["hr", "employees"]))
    assert event is not None and event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    (extract,) = (
        each for each in town.vitals.manifest()["extracts"] if (each["system"], each["dataset"]) == ("hr", "employees")
    )
    assert metadata["rejected"].value == extract["rejected_count"] == 3
    assert set(str(metadata["rejected because"].value).splitlines()) == {
        "- 2 × fte is not above 0",
        "- 1 × duplicate key (employee_id): the first such row is kept",
    }


def test_what_the_source_owes_is_there_in_time(town: Quarter) -> None:
    with _instance(town.vitals.data / "dagster") as instance:
        for name, contract in DATASETS.items():
            record = _check(instance, name, "in_time")
            assert record.status.value == "SUCCEEDED", name
            told = record.event.dagster_event.asset_check_evaluation_data.metadata
            assert (told["quarter"].value, told["state"].value) == (QUARTER, "in force")
            if contract.latency_days is None:
                assert told["due"].value == "the contract names no latency"
            else:
                assert told["due"].value == str(date(2026, 9, 30) + timedelta(contract.latency_days))


# Dagster's own interface


@dataclass
class Interface:
    """Dagster's web server, and what was found through it."""

    address: str
    environment: Mapping[str, str]
    asked: dict[str, Any] = field(default_factory=dict)

    def graphql(self, query: str, **variables: Any) -> Any:
        """The data of a GraphQL answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.address}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310 - loopback
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            content = json.loads(answer.read())
        assert "errors" not in content, content
        return content["data"]


@contextmanager
def _started(command: list[str], home: Path, environment: Mapping[str, str]) -> Iterator[tuple[Interface, Any]]:
    """One of Dagster's development servers, without arguments, in a home of its own."""
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    settings = clean_environment(**{**environment, "DAGSTER_HOME": str(home), "HOME": str(home)})
    log = home / "log"
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=file, stderr=subprocess.STDOUT, text=True)
    try:
        serving = r"Serving dagster-webserver on (http://127\.0\.0\.1:\d+)"
        address = wait_until(lambda: re.search(serving, log.read_text(encoding="utf-8")), process)[1]
        wait_until(lambda: get(f"{address}/server_info"), process)
        yield Interface(address, settings), process
    finally:
        end(process)


@dataclass(frozen=True)
class FromThere:
    """A run that was launched in the interface, with one workbook missing; and the command, tried meanwhile."""

    vitals: Vitals
    home: Path
    page: str
    workspace: Any
    status: str
    meanwhile: Ran


@pytest.fixture(scope="module")
def launched(systems: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> FromThere:
    base = tmp_path_factory.mktemp("interface")
    own = own_systems(systems, base / "systems")
    (Path(own["RISK_FOLDER"]) / f"risk_register_{QUARTER}.xlsx").unlink()
    vitals = Vitals(base, own)
    with _started([str(BINARIES / "dagster"), "dev"], base / "home", {**own, "VITALS_DATA": str(base)}) as (
        ui,
        process,
    ):
        page = get(f"{ui.address}/assets")
        workspace = ui.graphql(
            "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } "
            "jobs { name } schedules { name } assetNodes { groupName } } } } }"
        )
        launch = ui.graphql(
            "mutation($run: ExecutionParams!) { launchRun(executionParams: $run) "
            "{ __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }",
            run={
                "selector": {
                    "repositoryName": "__repository__",
                    "repositoryLocationName": "orchestration.definitions",
                    "jobName": "quarter",
                },
                "runConfigData": {},
                "mode": "default",
                "executionMetadata": {"tags": [{"key": "dagster/partition", "value": PARTITION}]},
            },
        )["launchRun"]
        assert launch["__typename"] == "LaunchRunSuccess", launch

        def status() -> str:
            query = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
            return str(ui.graphql(query, run=launch["run"]["runId"])["runOrError"]["status"])

        wait_until(lambda: (vitals.data / "raw" / "audit").exists(), process)
        meanwhile = vitals("run", QUARTER, "--from", QUARTER)
        ended = wait_until(lambda: (now := status()) in ("SUCCESS", "FAILURE", "CANCELED") and now, process)
    return FromThere(vitals, base / "home", page[1] if page else "", workspace, ended, meanwhile)


def test_dagster_dev_starts_without_arguments_and_shows_the_pipeline(launched: FromThere) -> None:
    assert launched.page.startswith("<!DOCTYPE html>") and "dagster" in launched.page.lower()
    (repository,) = launched.workspace["repositoriesOrError"]["nodes"]
    assert repository["location"]["name"] == "orchestration.definitions"
    assert "quarter" in {job["name"] for job in repository["jobs"]}
    assert [schedule["name"] for schedule in repository["schedules"]] == ["quarter_schedule"]
    groups = {node["groupName"] for node in repository["assetNodes"]}
    assert {"complaints", "finance", "hr", "staging", "core", "measures", "marts", "releases"} <= groups


def test_a_run_from_the_interface_publishes_its_quarter(launched: FromThere) -> None:
    assert launched.status == "SUCCESS"
    assert launched.vitals.current == f"{QUARTER}/r1"
    slots = {Path(name).parent.name for name in launched.vitals.raw()}
    assert slots == {"period=all", f"period={PARTITION}"}, "that quarter and no other"
    assert [item["dataset"] for item in launched.vitals.manifest()["missing"]["datasets"]] == ["risk.register"]


def test_a_failed_landing_is_a_failed_check_and_the_others_pass(launched: FromThere) -> None:
    with _instance(launched.home) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey(["finance", "ledger"])) == {PARTITION}
        ends = {}
        for name in ("risk.register", "finance.ledger", "hr.employees"):
            found = [_check(instance, name, check) for check in ("every_extract_landed", "in_time")]
            ends[name] = [record.status.value for record in found]
            if name == "risk.register":
                landed, in_time = (each.event.dagster_event.asset_check_evaluation_data for each in found)
                problems = str(landed.metadata["problems"].value)
                assert f"there is no file 'risk_register_{QUARTER}.xlsx'" in problems
                assert str(in_time.metadata["state"].value).startswith(("late by ", "awaited by "))
                assert in_time.severity == dg.AssetCheckSeverity.WARN, "whether it can do without, the release decides"
    assert ends == {
        "risk.register": ["FAILED", "FAILED"],
        "finance.ledger": ["SUCCEEDED", "SUCCEEDED"],
        "hr.employees": ["SUCCEEDED", "SUCCEEDED"],
    }


def test_the_command_gives_way_to_a_run_from_the_interface(launched: FromThere) -> None:
    assert launched.meanwhile.code == 1
    assert "Another run is working on brigstow" in launched.meanwhile.err


def test_dg_dev_starts_without_arguments_too(tmp_path: Path) -> None:
    environment = {"VITALS_DATA": str(tmp_path / "data"), "VIRTUAL_ENV": str(BINARIES.parent)}
    with _started([str(BINARIES / "dg"), "dev"], tmp_path / "home", environment) as (ui, _):
        answer = get(f"{ui.address}/assets")
        assert answer is not None and answer[0] == 200
        jobs = ui.graphql("{ repositoriesOrError { ... on RepositoryConnection { nodes { jobs { name } } } } }")
    (repository,) = jobs["repositoriesOrError"]["nodes"]
    assert "quarter" in {job["name"] for job in repository["jobs"]}


def _check(instance: dg.DagsterInstance, dataset: str, check: str) -> Any:
    """The last execution of a dataset's check."""
    key = dg.AssetCheckKey(dg.AssetKey(dataset.split(".")), check)
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.event is not None and record.event.dagster_event is not None
    return record


@contextmanager
def _instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance
