"""The parts that are measured, each run as `python -m benchmarks.parts NAME FOLDER`; prints what it did as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from benchmarks import landing, releasing
from benchmarks.council import COUNCIL, council, last_quarter
from orchestration import build
from sources.extract import Extract
from sources.landing import extracts_in_force, land
from sources.periods import Quarter


def sandbox(folder: Path) -> dict[str, float]:
    """Generate the bundled council's source systems from nothing."""
    from sources.sandbox import ensure

    configured = council(folder).council
    assert configured.sandbox is not None
    ensure(folder / "sandbox" / COUNCIL, configured.sandbox.seed)
    return {}


def dbt(folder: Path) -> dict[str, float]:
    """The build step of a quarter: raw views, dbt with its checks, and nothing swapped in."""
    chosen = council(folder)
    quarter = last_quarter(chosen)
    build.prepare(chosen, quarter, None)
    build.dbt(chosen, ["parse"])  # the manifest of a set-up machine is there already
    began = time.perf_counter()
    result = build.dbt(chosen, ["build", "--exclude-resource-type", "unit_test"])
    if problems := build.problems(result):
        raise RuntimeError("\n".join(problems))
    return {"seconds": time.perf_counter() - began}


def bare(folder: Path) -> dict[str, float]:
    """The same compiled SQL over the same raw files, in bare DuckDB: no dbt, no checks, no contracts."""
    chosen = council(folder)
    content = build.read_manifest(chosen)
    build.prepare(chosen, last_quarter(chosen), None)
    models = _in_order({key: node for key, node in content["nodes"].items() if node["resource_type"] == "model"})
    compiled = chosen.dbt_target / "compiled" / content["metadata"]["project_name"]
    with duckdb.connect(str(chosen.build)) as con:
        began = time.perf_counter()
        for node in models:
            select = (compiled / node["original_file_path"]).read_text(encoding="utf-8")
            kind = "view" if node["config"]["materialized"] == "view" else "table"
            con.execute(f'create schema if not exists "{node["schema"]}"')
            con.execute(f'create {kind} "{node["schema"]}"."{node["name"]}" as {select}')
        con.execute("checkpoint")
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "models": len(models)}


def enlarge(folder: Path, rows: str) -> dict[str, float]:
    """Land the ledger anew, every posting repeated until it holds about `rows`: raw as a large council has it."""
    chosen = council(folder)
    contract = chosen.contracts["finance.ledger"]
    found = extracts_in_force(contract, chosen.data)
    times = -(-int(rows) // sum(extract.rows for extract in found))
    total = 0
    for extract in found:
        assert extract.period_start is not None
        quarter = Quarter.containing(extract.period_start)
        repeated = Extract(quarter, _repeated(extract.path, times), "benchmark", _format())
        total += sum(landed.rows for landed in land(contract, [repeated], chosen.data, [quarter]))
    return {"rows": total}


def _repeated(path: Path, times: int):  # type: ignore[no-untyped-def]  # a generator of Arrow batches
    with duckdb.connect() as con:
        yield from con.execute(
            f"""select cast(transaction_id || '-' || k as varchar) as transaction_id, cast(posted_date as varchar) as
                posted_date, unit_code, account_type, cast(amount_gbp as varchar) as amount_gbp, description, _source,
                _source_row, cast(null as varchar) as _refused, cast(null as varchar) as _original
                from read_parquet('{path}', hive_partitioning = false), range({times}) as r(k)"""
        ).to_arrow_reader(100_000)


def _format():  # type: ignore[no-untyped-def]
    from sources.extract import Format

    return Format()


def _in_order(models: dict[str, dict]) -> list[dict]:  # type: ignore[type-arg]
    ordered: dict[str, dict] = {}  # type: ignore[type-arg]

    def visit(key: str) -> None:
        if key in models and key not in ordered:
            for parent in models[key]["depends_on"]["nodes"]:
                visit(parent)
            ordered[key] = models[key]

    for key in sorted(models):
        visit(key)
    return list(ordered.values())


PARTS: dict[str, Callable[..., dict[str, float]]] = {
    part.__name__: part for part in (sandbox, dbt, bare, enlarge, *landing.PARTS, *releasing.PARTS)
}

if __name__ == "__main__":
    name, folder, *rest = sys.argv[1:]
    print(json.dumps(PARTS[name](Path(folder), *rest)))
