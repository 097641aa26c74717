"""`make bench`: measure everything and print it as a table with ratios and budgets.

python -m benchmarks [--large]       --large adds ten million ledger rows, some minutes
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Measured, command, folder_bytes, part
from benchmarks.parts import COUNCIL

BIN = Path(sys.executable).parent
GIGA = 1 << 30


def main() -> None:
    """Run every measurement in a folder of its own, thrown away afterwards."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("--large", action="store_true", help="also a ledger of ten million rows (some minutes)")
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the ledger CSV (default: 5,000,000)")
    chosen = parser.parse_args()
    console = Console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("what")
    for name in ("seconds", "peak GB", "bare DuckDB s", "ratio", "budget"):
        table.add_column(name, justify="right")

    def row(what: str, measured: Measured, budget: str = "", against: Measured | None = None) -> None:
        seconds = measured.told.get("seconds", measured.seconds)
        bare = against.told["seconds"] if against else None
        table.add_row(
            what,
            f"{seconds:.1f}",
            f"{measured.peak_bytes / GIGA:.2f}",
            f"{bare:.1f}" if bare else "",
            f"{seconds / bare:.2f}" if bare else "",
            budget,
        )

    with tempfile.TemporaryDirectory(prefix="vitals-bench-") as name, console.status("measuring") as status:
        folder = Path(name)
        environment = {"VITALS_DATA": name, "VITALS_COUNCIL": COUNCIL}
        vitals = [str(BIN / "vitals"), "run"]

        status.update("loading definitions")
        command([str(BIN / "dagster"), "definitions", "validate"], environment)
        row("definitions load", command([str(BIN / "dagster"), "definitions", "validate"], environment), "< 12 s")

        status.update("generating the sandbox")
        row("sandbox generated (once)", part("sandbox", name), "< 10 s")

        status.update("a quarter, all history")
        row("quarter, all history, first run", command(vitals, environment), "< 60 s, < 1.5 GB")
        raw = folder_bytes(folder / COUNCIL / "raw")

        status.update("the same quarter again")
        row("quarter, nothing new", command(vitals, environment))

        status.update("the build, and its SQL in bare DuckDB")
        built, bare = part("dbt", name), part("bare", name)
        row(f"build: dbt against the SQL of its {bare.told['models']:.0f} models", built, "", bare)

        status.update(f"landing {chosen.rows:,} rows of CSV")
        part("large_csv", name, str(chosen.rows))
        row(f"landing {chosen.rows / 1e6:g} M rows of CSV", part("land_csv", name), "≤ 2 ×", part("copy_csv", name))

        if chosen.large:
            status.update("ten million ledger rows")
            large = part("enlarge", name, "10000000")
            row(f"landing {large.told['rows'] / 1e6:.1f} M rows, 22 quarters", large, "bounded memory")
            built, bare = part("dbt", name), part("bare", name)
            row(f"build over {large.told['rows'] / 1e6:.1f} M ledger rows", built, "≤ 1.3 ×", bare)
    console.print(table)
    console.print(
        f"[dim]{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
        f"raw of the bundled council: {raw / 1e6:.0f} MB[/]"
    )


if __name__ == "__main__":
    main()
