"""A source with the connector `rest`, reading made.things from a server of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sources.config import Source
from sources.contract import Contract
from sources.landing import Landed, land
from sources.periods import Quarter
from support.builders import Q1, make_source
from support.fault_server import Answer

PATH = "/api/things"
ROWS = [{"ref": "A", "score": 1}, {"ref": "B", "score": 2}]
FINE = Answer({"items": ROWS, "next_cursor": None})


def source_at(folder: Path, url: str, contract: Contract, **dataset: Any) -> Source:
    """The source at `url`; `connection` and `pseudonym_key` go where they belong, all else into the dataset."""
    connection = dataset.pop("connection", {})
    top = {"pseudonym_key": dataset.pop("pseudonym_key")} if "pseudonym_key" in dataset else {}
    request = {"request": {"path": PATH}, "records": "items", "paging": {"kind": "cursor"}} | dataset
    document = {
        "system": "made",
        "owner": "owner@brigstow.example",
        "connector": "rest",
        **top,
        "connection": {"base_url": url, **connection},
        "datasets": {"things": request},
    }
    return make_source(folder, document, {contract.name: contract})


def fetched(folder: Path, url: str, contract: Contract, quarter: Quarter = Q1, **dataset: Any) -> Landed:
    """What becomes of the dataset when it is read from `url` and landed."""
    source = source_at(folder, url, contract, **dataset)
    (landed,) = land(contract, source.extract("things", [quarter]), folder / "data", [quarter])
    return landed
