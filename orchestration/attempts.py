"""Attempts to land each dataset, kept beside the data, so that a later command can say what went wrong, and a rebuild
as of some moment says what was said then. One JSON line per attempt whose outcome differs from the one before."""

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


def record(data: Path, contract: Contract, landed: Sequence[Landed]) -> None:
    """Keep the outcome of an attempt: errors by slot (`all` for a dataset kept whole, or for a failure before any).
    A slot that failed before and was not tried now has still failed."""
    known = _history(data, contract)
    former = known[-1]["errors"] if known else {}
    tried = {"all", *(_slot(item.quarter) for item in landed)}
    errors = {slot: error for slot, error in former.items() if slot not in tried}
    errors |= {_slot(item.quarter): item.error for item in landed if item.error}
    if errors == former:
        return
    told = {"at": datetime.now(UTC).isoformat(), "errors": errors}
    path = _path(data, contract)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    lines = [json.dumps(each, ensure_ascii=False) for each in [*known, told]]
    unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
    unfinished.replace(path)


def last_error(data: Path, contract: Contract, quarter: Quarter, as_of: datetime | None = None) -> str | None:
    """Why the last attempt landed nothing for `quarter`; None when it did not fail.

    As known at `as_of`: the last attempt before it, or, where there was none yet, the first one after. (The moment of a
    release is that of its newest extract; what failed in the same run may have been tried a little later.)
    """
    known = _history(data, contract)
    if as_of is not None:
        before = [each for each in known if datetime.fromisoformat(each["at"]) <= as_of]
        known = before or known[:1]
    errors = known[-1]["errors"] if known else {}
    return errors.get("all") or errors.get(_slot(quarter))


def remove_leftovers(data: Path) -> None:
    """Remove what a process that was killed while recording has left."""
    for unfinished in (data / "attempts").glob("*/.*"):
        unfinished.unlink()


def _history(data: Path, contract: Contract) -> list[dict[str, Any]]:
    path = _path(data, contract)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _slot(quarter: Quarter | None) -> str:
    return quarter.code if quarter else "all"


def _path(data: Path, contract: Contract) -> Path:
    return data / "attempts" / contract.system / f"{contract.dataset}.jsonl"
