"""Brigstow in a folder of a test's own: its configuration and its source systems' files, free to be spoilt.

The systems come from the sandbox; its APIs run meanwhile, files and database are copies.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sources.config import load_sources
from sources.contract import load_contracts
from sources.errors import ConfigurationError, SourceError
from sources.landing import Landed, land
from sources.periods import Quarter
from support.pipeline import own_systems

COUNCIL = Path(__file__).parents[2] / "councils" / "brigstow"
SOURCES = [source for _, source in sorted(load_sources(COUNCIL / "sources", load_contracts()).items())]
DATASETS = {contract.name: contract for source in SOURCES for contract in source.datasets.values()}

Outcome = dict[str, list[Landed]]


@dataclass(frozen=True)
class Brigstow:
    """`council` holds configuration, `systems` the source systems' files, `data` is where extracts land."""

    council: Path
    systems: Path
    data: Path

    def land(self, quarters: list[Quarter], only: str = "") -> Outcome:
        """Land every dataset (or those of the system `only`), as a run does: one that fails leaves the others alone.

        Raises ConfigurationError where the configuration itself is wrong: then nothing is read.
        """
        contracts = load_contracts()
        outcome: Outcome = {}
        for system, source in load_sources(self.council / "sources", contracts).items():
            for dataset, contract in source.datasets.items() if only in ("", system) else ():
                try:
                    landed = land(contract, source.extract(dataset, quarters), self.data, quarters)
                except (SourceError, ConfigurationError) as error:
                    landed = [Landed(dataset, None, None, 0, 0, False, {}, (), str(error))]
                outcome[contract.name] = landed
        return outcome


def brigstow_in(folder: Path, environment: Mapping[str, str], patch: pytest.MonkeyPatch, *only: str) -> Brigstow:
    """Brigstow in `folder`, its variables set to those of the running sandbox's `environment` and to the copies; with
    the systems named by `only`, where they are enough."""
    council = folder / "brigstow"
    shutil.copytree(COUNCIL, council)
    for source in (council / "sources").glob("*.yaml"):
        if only and source.stem not in only:
            source.unlink()
    systems = folder / "systems"
    for variable, value in own_systems(environment, systems).items():
        patch.setenv(variable, value)
    return Brigstow(council, systems, folder / "data")


def double_an_agency_bill(path: Path) -> None:
    """Post the first agency bill of a month's ledger once more, under a number of its own."""
    with path.open(encoding="cp1252", newline="") as file:
        rows = list(csv.reader(file))
    bill = next(row for row in rows if row[3] == "Agency staff")
    text = io.StringIO(newline="")
    csv.writer(text).writerows([*rows, ["9999999999", *bill[1:]]])
    path.write_bytes(text.getvalue().encode("cp1252"))
