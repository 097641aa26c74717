"""`make bench`: measure everything and print it as a table with ratios and budgets.

python -m benchmarks [--large] [--only release]       --large adds five and ten million ledger rows, some minutes

Ratios are to the line above that has none.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.council import COUNCIL
from benchmarks.measure import Measured, command, folder_bytes, part
from benchmarks.releasing import EARLIER

BIN = Path(sys.executable).parent
GIGA = 1 << 30
ROUNDS = 3
WRITTEN = {
    "tables": "tables, read back and compared",
    "papers": "papers",
    "workbooks": "workbooks",
    "site": "site",
    "public": "public edition, with its proof",
}


def main() -> None:
    """Run every measurement in a folder of its own, thrown away afterwards."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("--only", choices=("quarter", "release", "landing"), help="one part of it")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the ledger CSV (default: 1,000,000)")
    parser.add_argument(
        "--large", action="store_true", help="a ledger CSV of five million rows, and one of ten million (some minutes)"
    )
    chosen = parser.parse_args()
    console = Console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("what", no_wrap=True)
    for name in ("seconds", "peak GB", "ratio", "budget"):
        table.add_column(name, justify="right")

    def row(what: str, measured: Measured | None, budget: str = "", against: Measured | None = None) -> None:
        if measured is None:
            table.add_row(what, "not installed")
            return
        ratio = f"{_seconds(measured) / _seconds(against):.2f}" if against else ""
        peak = f"{measured.peak_bytes / GIGA:.2f}" if measured.peak_bytes else ""
        table.add_row(what, f"{_seconds(measured):.1f}", peak, ratio, budget)

    with tempfile.TemporaryDirectory(prefix="vitals-bench-") as name, console.status("measuring") as status:
        folder = Path(name)
        notes = []
        if chosen.only in (None, "quarter"):
            notes.append(_quarter(row, status.update, folder, chosen.large))
        if chosen.only in (None, "release"):
            notes.append(_release(row, status.update, folder))
        if chosen.only in (None, "landing"):
            _landing(row, status.update, name, 5_000_000 if chosen.large else chosen.rows)
    console.print(table)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    console.print(f"[dim]{'; '.join([machine, *notes])}[/]")


def _quarter(row: Callable[..., None], tell: Callable[[str], None], folder: Path, large: bool) -> str:
    """A quarter and its parts. Returns what there is to say of the size of raw."""
    name = str(folder)
    environment = {"VITALS_DATA": name, "VITALS_COUNCIL": COUNCIL}
    vitals = [str(BIN / "vitals"), "run"]

    tell("loading definitions")
    command([str(BIN / "dagster"), "definitions", "validate"], environment)
    row("definitions load", command([str(BIN / "dagster"), "definitions", "validate"], environment), "< 12 s")

    tell("generating the sandbox")
    row("sandbox generated (once)", part("sandbox", name), "< 10 s")

    tell("a quarter, all history")
    row("quarter, all history, first run", command(vitals, environment), "< 60 s, < 1.5 GB")
    raw = folder_bytes(folder / COUNCIL / "raw")

    tell("the same quarter again")
    row("quarter, nothing new", command(vitals, environment))

    tell("the build, and its SQL in bare DuckDB")
    built, bare = part("dbt", name), part("bare", name)
    row(f"build: dbt against the SQL of its {bare.told['models']:.0f} models", built, "", bare)

    if large:
        tell("ten million ledger rows")
        enlarged = part("enlarge", name, "10000000")
        row(f"landing {enlarged.told['rows'] / 1e6:.1f} M rows, 22 quarters", enlarged, "bounded memory")
        built, bare = part("dbt", name), part("bare", name)
        row(f"build over {enlarged.told['rows'] / 1e6:.1f} M ledger rows", built, "≤ 1.3", bare)
    return f"raw of the bundled council: {raw / 1e6:.0f} MB"


def _release(row: Callable[..., None], tell: Callable[[str], None], folder: Path) -> str:
    """A release, beside bare DuckDB writing the same tables. Returns what there is to say of its home page."""
    if not (folder / COUNCIL / "curated.duckdb").exists():
        tell("a quarter, to have something to publish")
        command([str(BIN / "vitals"), "run"], {"VITALS_DATA": str(folder), "VITALS_COUNCIL": COUNCIL})
    name = str(folder)
    tell("a release")
    made = part("release", name)
    row(f"release: {made.told['files']:.0f} files, {made.told['bytes'] / 1e6:.0f} MB", made, "< 20 s")
    tell("its tables, by COPY")
    copied = part("release_copied", name)
    row("  its tables by DuckDB's COPY", copied)
    for writer, what in WRITTEN.items():
        against = copied if writer == "tables" else None
        row(f"  {what}", Measured(made.told[writer], 0, {}), "", against)
    tell("the same release again")
    row("release, nothing new", part("release_again", name))
    tell("a release after others")
    row(f"release after {EARLIER} others for the public", part("release_later", name), "< 20 s")
    return f"home page {made.told['home'] / 1e3:.0f} kB, budget < 300 kB"


def _landing(row: Callable[..., None], tell: Callable[[str], None], folder: str, rows: int) -> None:
    """Landing, beside others who read the same."""
    size = f"{rows / 1e6:g} M rows of CSV"
    tell(f"writing {size}")
    part("large_csv", folder, str(rows))
    found: dict[str, list[Measured]] = {}
    for _ in range(ROUNDS):  # in turns: a machine has moods
        for name in ("copy_csv", "land_csv", "pandas_csv", "dlt_csv"):
            tell(f"{size}: {name}")
            if measured := _if_installed(name, folder):
                found.setdefault(name, []).append(measured)
    median = {name: sorted(each, key=_seconds)[len(each) // 2] for name, each in found.items()}
    bare = median["copy_csv"]
    row(f"{size}: DuckDB's COPY to Parquet", bare)
    row("  landing it", median["land_csv"], "≤ 2", bare)
    row("  pandas, unchecked", median.get("pandas_csv"), "", bare)
    row("  dlt over Arrow, unchecked", median.get("dlt_csv"), "", bare)

    tell("an API")
    alone = part("read_rest", folder, "100000")
    row("100,000 records by REST: the server alone", alone)
    row("  landing them", part("land_rest", folder, "100000"), "near 1", alone)

    tell("a workbook")
    part("large_workbook", folder, "50000")
    landed = part("land_workbook", folder)
    row("workbook of 50,000 rows: landing it", landed, "< 3 s")
    row("  pandas with openpyxl", _if_installed("pandas_workbook", folder), "", landed)


def _if_installed(name: str, folder: str) -> Measured | None:
    """The measurement, or None where what it measures is not installed: pandas, dlt and openpyxl are not ours."""
    try:
        return part(name, folder)
    except RuntimeError as error:
        if "ImportError" in str(error) or "ModuleNotFoundError" in str(error):
            return None
        raise


def _seconds(measured: Measured) -> float:
    return measured.told.get("seconds", measured.seconds)


if __name__ == "__main__":
    main()
