"""Where extracts lie, what their files say of themselves, and which of them count. Making them is landing's business.

    raw/<system>/<dataset>/period=<quarter start | all>/<extract id>.parquet        the good rows, typed
    rejected/<system>/<dataset>/period=…/<extract id>.parquet                       refused rows as text, with reasons

An extract id is its UTC moment and a hash of its content, so names sort by time and the same content is recognised: the
folder is the catalogue. The good file is renamed into place last: an extract exists once it does, and whole.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from sources.conform import quoted
from sources.contract import LINEAGE, Contract
from sources.errors import ConfigurationError, listed
from sources.periods import Quarter

_STAMP = "%Y%m%dT%H%M%S%fZ"
_TOLD = "council_vitals"  # under this key of its metadata a file says where it came from


@dataclass(frozen=True)
class ExtractInForce:
    """One landed extract: where it lies and what its file says of it.

    `mark` is the newest moment in its high-water mark. `carries` are the ids of the extracts, beside it in its folder,
    with which some of its rows came. `accepted` is the reason given for landing it although it ought to be refused.
    `version` is what the source itself calls this version, `reading` the digest of how its rows were read.
    """

    system: str
    dataset: str
    extract_id: str
    period_start: date | None
    extracted_at: datetime
    origin: str
    source_hash: str
    contract_version: str
    rows: int
    rejected: int
    reasons: dict[str, int]
    path: Path
    mark: datetime | None = None
    carries: tuple[str, ...] = ()
    accepted: str | None = None
    version: str | None = None
    reading: str = ""


def extracts_in_force(contract: Contract, data: Path, as_of: datetime | None = None) -> list[ExtractInForce]:
    """The extracts that count for `contract`, as known at `as_of` (None: now), in order of period.

    The newest of every slot; for a dataset kept whole there is one slot.
    """
    folder = data / "raw" / contract.system / contract.dataset
    newest = (_newest(slot, as_of) for slot in sorted(folder.glob("period=*")))
    return [describe(path) for path in newest if path is not None]


def in_force(contract: Contract, data: Path, quarter: Quarter | None) -> ExtractInForce | None:
    """The extract that counts for one slot now; None where nothing has landed."""
    newest = _newest(folder(contract, data, quarter), None)
    return describe(newest) if newest else None


def carried(extract: ExtractInForce) -> list[ExtractInForce]:
    """The older extracts with which some rows of `extract` came."""
    return [describe(extract.path.with_name(f"{each}.parquet")) for each in extract.carries]


def describe(path: Path) -> ExtractInForce:
    """What the landed file at `path` says of itself, read from its metadata alone."""
    told = json.loads(pq.read_metadata(path).metadata[_TOLD.encode()])
    return ExtractInForce(
        system=told["system"],
        dataset=told["dataset"],
        extract_id=path.stem,
        period_start=date.fromisoformat(told["period_start"]) if told["period_start"] else None,
        extracted_at=_moment(path),
        origin=told["origin"],
        source_hash=told["source_hash"],
        contract_version=told["contract_version"],
        rows=told["rows"],
        rejected=told["rejected"],
        reasons=told["reasons"],
        path=path,
        mark=datetime.fromisoformat(told["mark"]) if told.get("mark") else None,
        carries=tuple(told.get("carries", ())),
        accepted=told.get("accepted"),
        version=told.get("version"),
        reading=told.get("reading", ""),
    )


def rows(con: duckdb.DuckDBPyConnection, contract: Contract, extracts: Sequence[ExtractInForce]) -> str:
    """SQL for the rows of these extracts as the contract has them now, whatever version they landed under: through its
    migrations where the major version is another, with nulls for columns added since. Raises ConfigurationError where a
    migration is missing or does not give what the contract describes."""
    versions = sorted({extract.contract_version for extract in extracts})
    selects = []
    for version in versions:
        files = ", ".join(quoted(str(each.path)) for each in extracts if each.contract_version == version)
        select = f"select * from read_parquet([{files}], hive_partitioning = false, union_by_name = true)"
        selects.append(select if version == contract.version else _migrated(con, contract, version, select))
    return " union all by name ".join(selects) or contract.zero_rows()


def _migrated(con: duckdb.DuckDBPyConnection, contract: Contract, version: str, select: str) -> str:
    steps = contract.migrations_from(version)
    name = f"extracts of version {version}"
    try:
        for step in steps:
            name = f"migrations/{step.path.name}"
            select = f"with extract as ({select}) {step.select}"
            con.execute(f"describe {select}")
        given = [column[0] for column in con.execute(f"describe {select}").fetchall()]
    except duckdb.Error as error:
        raise ConfigurationError(f"sources/contracts/{contract.system}/{name}: {error}") from None
    lacking = [column.name for column in contract.columns if column.required and column.name not in given]
    if steps and (lost := [*lacking, *(column for column in LINEAGE if column not in given)]):
        raise ConfigurationError(
            f"sources/contracts/{contract.system}/{name}: gives no {listed(lost)}. It selects every column that the "
            "contract requires, and columns('^_'), which say where a row came from."
        )
    types = {column.name: column.sql_type for column in contract.columns} | LINEAGE
    read = (f"cast({name if name in given else 'null'} as {kind}) as {name}" for name, kind in types.items())
    return f"select {', '.join(read)} from ({select})"


def still_open(
    contract: Contract, data: Path, quarters: list[Quarter], reading: str = ""
) -> tuple[list[Quarter], dict[Quarter, datetime]]:
    """The quarters to ask for again and, for those of which only what has changed is needed, since which moment.

    Rows of a contract with a high-water mark are filed under the quarter in which they were updated: once a quarter has
    been read after its end and the overlap, nothing can still appear there. Of one that is open rows are needed from
    the newest that has landed, less the overlap. What landed under another version of the contract, or was read in
    another way than `reading` says (its mapping or a map file has been mended), is asked for whole.
    """
    if contract.high_water_mark is None:
        return quarters, {}
    overlap = timedelta(days=contract.overlap_days)
    asked, since = [], {}
    for quarter in quarters:
        found = in_force(contract, data, quarter)
        if found is not None and (found.contract_version, found.reading) == (contract.version, reading):
            if found.extracted_at.date() > quarter.end + overlap:
                continue
            if found.mark is not None:
                # A clock that runs ahead at the source must not hide what was updated since we last looked.
                start = min(found.mark, found.extracted_at.replace(tzinfo=None)) - overlap
                if start.date() > quarter.start:
                    since[quarter] = start
        asked.append(quarter)
    return asked, since


def remove_leftovers(data: Path) -> None:
    """Remove what landings that were killed have left under `data`: working folders, unfinished files, and rejected
    rows of extracts that never came to exist. Only for a caller who knows that nobody is landing there."""
    for spill in data.glob(".landing-*"):
        shutil.rmtree(spill, ignore_errors=True)
    raw, rejected = data / "raw", data / "rejected"
    for unfinished in [*raw.rglob(".*.parquet.*"), *rejected.rglob(".*.parquet.*")]:
        unfinished.unlink()
    for aside in rejected.rglob("*.parquet"):
        if not (raw / aside.relative_to(rejected)).exists():
            aside.unlink()


def folder(contract: Contract, data: Path, quarter: Quarter | None) -> Path:
    """Where the extracts of one slot lie."""
    return data / "raw" / contract.system / contract.dataset / f"period={quarter.start if quarter else 'all'}"


def rejected_rows(path: Path) -> Path:
    """Where the rejected rows of the extract at `path` lie, if it has any."""
    slot, dataset, system, raw = path.parent, *path.parents[1:4]
    return raw.parent / "rejected" / system.name / dataset.name / slot.name / path.name


def extract_id(extracted_at: datetime, source_hash: str) -> str:
    """The name of an extract read at that moment."""
    return f"{extracted_at.strftime(_STAMP)}-{source_hash}"


def write(con: duckdb.DuckDBPyConnection, select: str, path: Path, told: dict[str, Any]) -> None:
    """Write beside under a hidden name, make it durable, rename: a reader sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    metadata = f"kv_metadata {{{_TOLD}: {quoted(json.dumps(told))}}}"
    # Looking for a dictionary takes long and is in vain where values are many: DuckDB gives up at 4,096 of a row group.
    form = f"format parquet, parquet_version v2, compression zstd, dictionary_size_limit 4096, {metadata}"
    con.execute(f"copy ({select}) to {quoted(str(unfinished))} ({form})")
    _make_durable(unfinished)
    unfinished.replace(path)
    _make_durable(path.parent)  # the new name, too


def _make_durable(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _newest(slot: Path, as_of: datetime | None) -> Path | None:
    """The newest extract in a slot's folder, by name, at or before `as_of`."""
    names = sorted(path for path in slot.glob("[0-9]*.parquet") if as_of is None or _moment(path) <= as_of)
    return names[-1] if names else None


def _moment(path: Path) -> datetime:
    return datetime.strptime(path.stem.split("-")[0], _STAMP).replace(tzinfo=UTC)
