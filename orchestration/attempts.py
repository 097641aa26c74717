"""The last attempt to land each dataset, kept beside the data, so that a later command can say what went wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sources.contract import Contract
from sources.landing import Landed
from sources.periods import Quarter


def record(data: Path, contract: Contract, landed: Sequence[Landed], error: str | None = None) -> None:
    """Keep the outcome of an attempt: errors by slot (`all` for a dataset kept whole, or for a failure before any)."""
    errors = {_slot(item.quarter): item.error for item in landed if item.error}
    if error:
        errors["all"] = error
    told = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "errors": errors}
    path = _path(data, contract)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
    unfinished.replace(path)


def last(data: Path, contract: Contract) -> dict[str, Any]:
    """`at` (ISO time) and `errors` by slot of the last attempt; empty when there was none."""
    path = _path(data, contract)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def last_error(data: Path, contract: Contract, quarter: Quarter) -> str | None:
    """Why the last attempt landed nothing for `quarter`; None when it did not fail."""
    errors = last(data, contract).get("errors", {})
    return errors.get("all") or errors.get(_slot(quarter))


def _slot(quarter: Quarter | None) -> str:
    return quarter.code if quarter else "all"


def _path(data: Path, contract: Contract) -> Path:
    return data / "attempts" / contract.system / f"{contract.dataset}.json"
