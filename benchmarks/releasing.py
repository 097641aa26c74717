"""A release of everything from a finished database, and bare DuckDB writing the same tables. Parts are run as
`benchmarks.parts` runs them, in a folder where a quarter has been run."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import exports
from benchmarks.council import council, last_quarter
from exports import formats, papers, public, site, workbook
from orchestration import build, releasing

EARLIER = 8  # two years of quarters
RELEASES, COPIES = "bench-releases", "bench-copies"
WRITERS: dict[str, tuple[tuple[ModuleType, str], ...]] = {
    "tables": tuple((formats, name) for name in ("write_parquet", "write_csv", "write_json", "check_written")),
    "papers": ((papers, "write_papers"),),
    "workbooks": ((workbook, "write_workbook"),),
    "site": ((site, "read_health"), (site, "pages")),
    "public": ((public, "write_public"),),
}
COPIED = {  # as near to what the project writes as COPY comes
    "parquet": f"format parquet, compression zstd, row_group_size {formats.ROWS_PER_GROUP}",
    "csv": "format csv, header",
    "json": "format json, array true",
}

running: list[str] = []  # the writer under way


def release(folder: Path) -> dict[str, float]:
    """Everything: tables in all their formats, papers, workbooks, the site, the public edition."""
    shutil.rmtree(folder / RELEASES, ignore_errors=True)
    spent = dict.fromkeys(WRITERS, 0.0)
    for writer, functions in WRITERS.items():
        for module, name in functions:
            setattr(module, name, timed(getattr(module, name), writer, spent))
    made, seconds = _publish(folder)
    files = [path for path in made.path.rglob("*") if path.is_file()]
    return {
        "seconds": seconds,
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in files),
        "home": (made.path / "site" / "index.html").stat().st_size,
        **spent,
    }


def release_again(folder: Path) -> dict[str, float]:
    """The same once more: nothing is new, and nothing is written."""
    made, seconds = _publish(folder)
    if made.is_new:
        raise RuntimeError(f"{made.path}: a second release of the same inputs is not the first one.")
    return {"seconds": seconds}


def release_later(folder: Path) -> dict[str, float]:
    """Everything once more, when the public knows `EARLIER` releases: what it hides must hold against each of them."""
    (first,) = exports.archived(folder / RELEASES)
    for number in range(first.number + 1, first.number + EARLIER):
        shutil.copytree(first.path, first.path.with_name(f"r{number}"), copy_function=os.link)
    made, seconds = _publish(folder, licence="another, so that every file differs")
    if not made.is_new:
        raise RuntimeError(f"{made.path}: another licence, and no new release.")
    return {"seconds": seconds}


def release_copied(folder: Path) -> dict[str, float]:
    """The tables of that release by DuckDB's COPY: sorted, not described, not neutralised, not read back."""
    chosen = council(folder)
    (found,) = exports.archived(folder / RELEASES)
    shutil.rmtree(folder / COPIES, ignore_errors=True)
    (folder / COPIES).mkdir()
    copies = [
        (formats.Selection(table, table.columns_for("internal"), publication.order_by), file["format"])
        for publication in exports.read_publications(build.manifest(chosen))
        for file in exports.files(found, publication)
        for table in publication.tables
        if file["audience"] == "internal" and file["format"] in COPIED
    ]
    with closing(exports.connect(chosen.curated)) as connection:
        began = time.perf_counter()
        for selection, file_format in copies:
            path = folder / COPIES / f"{selection.table.name}.{file_format}"
            connection.execute(f"copy ({selection.query}) to '{path}' ({COPIED[file_format]})")
        return {"seconds": time.perf_counter() - began}


def _publish(folder: Path, **changes: Any) -> tuple[exports.Release, float]:
    chosen = council(folder)
    quarter = last_quarter(chosen)
    facts = replace(releasing.facts(chosen, quarter, None, build.read_checks(chosen)), **changes)
    manifest = build.manifest(chosen)
    began = time.perf_counter()
    made = exports.publish(chosen.curated, manifest, folder / RELEASES, facts, audiences=("internal", "public"))
    return made, time.perf_counter() - began


def timed(function: Callable[..., Any], writer: str, spent: dict[str, float]) -> Callable[..., Any]:
    """The function, its time added to its writer's: the outermost alone, as the public edition writes tables, too."""

    def clocked(*given: Any, **named: Any) -> Any:
        if running:
            return function(*given, **named)
        running.append(writer)
        began = time.perf_counter()
        try:
            return function(*given, **named)
        finally:
            spent[writer] += time.perf_counter() - began
            running.clear()

    return clocked


PARTS = (release, release_again, release_later, release_copied)
