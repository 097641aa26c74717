"""Attempts to land each dataset, kept beside the data, so that a later command can say what went wrong, and a rebuild
as of some moment says what was said then. One JSON line per attempt, but for one that fails like the one before."""

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


def record(data: Path, contract: Contract, landed: Sequence[Landed], at: datetime | None = None) -> None:
    """Keep the outcome of an attempt: errors by slot (`all` for a dataset kept whole, or for a failure before any).
    A slot that failed before and was not tried now has still failed. `at` is the moment of the run (None: now)."""
    known = _history(data, contract)
    former = known[-1]["errors"] if known else {}
    tried = {"all", *(_slot(item.quarter) for item in landed)}
    errors = {slot: error for slot, error in former.items() if slot not in tried}
    errors |= {_slot(item.quarter): item.error for item in landed if item.error}
    if errors and errors == former:
        return
    told = {"at": (at or datetime.now(UTC)).isoformat(), "errors": errors}
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
    known = _known(data, contract, as_of)
    errors = known[-1]["errors"] if known else {}
    return errors.get("all") or errors.get(_slot(quarter))


def last_read(data: Path, contract: Contract, as_of: datetime | None = None) -> datetime | None:
    """When a dataset that is kept whole was last read well, whether or not it had changed; None when never."""
    good = [each["at"] for each in _known(data, contract, as_of) if "all" not in each["errors"]]
    return datetime.fromisoformat(good[-1]) if good else None


def remove_leftovers(data: Path) -> None:
    """Remove what a process that was killed while recording has left."""
    for unfinished in (data / "attempts").glob("*/.*"):
        unfinished.unlink()


def _history(data: Path, contract: Contract) -> list[dict[str, Any]]:
    path = _path(data, contract)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _known(data: Path, contract: Contract, as_of: datetime | None) -> list[dict[str, Any]]:
    """The attempts known at `as_of`; where there was none yet, the first one after."""
    known = _history(data, contract)
    if as_of is None:
        return known
    return [each for each in known if datetime.fromisoformat(each["at"]) <= as_of] or known[:1]


def _slot(quarter: Quarter | None) -> str:
    return quarter.code if quarter else "all"


def _path(data: Path, contract: Contract) -> Path:
    return data / "attempts" / contract.system / f"{contract.dataset}.jsonl"
