"""Open-data platforms replayed: a source that points to a server on loopback, and where recorded bodies lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sources.config import Source
from sources.contract import Contract
from sources.landing import Landed, land
from support.builders import Q1, Q2, make_source

SHARED = Path(__file__).parents[3] / "shared" / "data"
RECORDED = SHARED / "api_samples"


def recorded(name: str) -> Any:
    """A recorded JSON body, read in place; the test is skipped where the recordings do not lie beside this checkout."""
    path = RECORDED / name
    if not path.is_file():
        pytest.skip(f"the recorded body {name} does not lie beside this checkout")
    return json.loads(path.read_text(encoding="utf-8"))


def source_of(
    folder: Path, connector: str, url: str, contract: Contract, dataset: dict[str, Any], **connection: Any
) -> Source:
    """The source of the contract's one dataset, at `url`."""
    document = {
        "system": contract.system,
        "owner": "owner@brigstow.example",
        "connector": connector,
        "connection": {"base_url": url, **connection},
        "datasets": {contract.dataset: dataset},
    }
    return make_source(folder, document, {contract.name: contract})


def fetched(source: Source, folder: Path) -> Landed:
    """What became of the source's dataset, landed whole below `folder`."""
    ((name, contract),) = source.datasets.items()
    (landed,) = land(contract, source.extract(name, [Q1, Q2]), folder / "data", [Q1, Q2])
    return landed
