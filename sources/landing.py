"""Landing: conform extracts to their contract, set rejected rows aside with reasons, write immutable Parquet.

Text waits on disk until all of it has been read and judged: what breaks off leaves no row behind, and memory does not
grow with rows. How a value is read is the business of sources.conform, what lies where that of sources.store.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from sources import store
from sources.acceptance import refusal, retyped
from sources.conform import conformed, original, quoted, typed
from sources.contract import LINEAGE, Contract
from sources.errors import ConfigurationError, SourceError
from sources.extract import Extract, Format, text_schema
from sources.periods import Quarter
from sources.store import ExtractInForce, describe, extracts_in_force, remove_leftovers, still_open

MEMORY = "1GB"  # landing's own working memory; what does not fit spills beside the data
# Up to so many rows a file keeps the source's order. Threads waiting for each other to keep it cost a tenth of landing
# more, and are not worth it: nobody reads so many rows from the top, and `_row_number` tells their order.
IN_ORDER = 1_000_000


@dataclass(frozen=True)
class Landed:
    """What became of one slot of a dataset.

    `path` is the extract in force for the slot (None when nothing has landed), `unchanged` says that it was there
    before, `error` why this attempt landed nothing. `reasons` counts rejected rows by reason.
    """

    dataset: str
    quarter: Quarter | None
    path: Path | None
    rows: int
    rejected: int
    unchanged: bool
    reasons: dict[str, int]
    notes: tuple[str, ...]
    error: str | None = None


def land(
    contract: Contract,
    extracts: Iterable[Extract],
    data: Path,
    quarters: list[Quarter],
    accept_volume: str | None = None,
    again: bool = False,
) -> list[Landed]:
    """Land every extract of one dataset under `data`; one Landed per slot.

    `quarters` are those asked for: an extract that holds several (`Extract.quarter` is None and the contract has a
    period column) is split over them, rows of other quarters are left for their own run. One that was asked for what
    changed `since` a moment is added to what is in force. A slot that fails lands nothing and says why in `error`; the
    others land all the same. With `accept_volume` (who accepts it, and why) an extract lands that has too few or too
    many rows or too many rejected ones; the reason is kept with it. With `again` sources are not told what has
    landed: they give all that they have.
    """
    with _workspace(data) as (con, folder):
        run = _Run(con, contract, data, datetime.now(UTC), accept_volume)
        attempts = [_Attempt(index, extract, folder / f"{index}.arrow") for index, extract in enumerate(extracts)]
        splits = _quarter_of(contract, quarters) if _splits(contract, attempts) else None
        for attempt in attempts:
            attempt.splits = splits
            attempt.slots = [*quarters] if splits else [attempt.extract.quarter]
            former = [store.in_force(contract, data, slot) for slot in attempt.slots]
            versions = {each.version if each else None for each in former}
            attempt.extract.version.landed = versions.pop() if len(versions) == 1 and not again else None
        _look(run, attempts, splits)
        return [_land_slot(run, attempt, slot) for attempt in attempts for slot in attempt.slots]


def kept(contract: Contract, data: Path, quarters: Iterable[Quarter]) -> list[Landed]:
    """What is in force for quarters that were not asked for again: unchanged."""
    found = ((quarter, store.in_force(contract, data, quarter)) for quarter in quarters)
    return [_unchanged(contract, quarter, extract) for quarter, extract in found if extract is not None]


def _splits(contract: Contract, attempts: list[_Attempt]) -> bool:
    """Whether one extract is to be split over quarters. Raises SourceError where the source is asked in a way that does
    not go with the contract's kind of load."""
    by_quarter = {attempt.extract.quarter is not None for attempt in attempts}
    if contract.load == "full" and True in by_quarter:
        raise SourceError(
            f"{contract.name} is kept whole (load: full), but the source is asked quarter by quarter. "
            f"Take the period out of datasets.{contract.dataset} in the source's YAML."
        )
    if contract.load == "incremental" and False in by_quarter:
        raise SourceError(
            f"{contract.name} takes what was updated in a quarter (load: incremental), but the source is asked for all "
            f"at once. Name the period in datasets.{contract.dataset} of the source's YAML."
        )
    if contract.load == "snapshot" and False in by_quarter:
        if contract.period_column is None:
            raise SourceError(
                f"{contract.name}: one file holds several quarters, but the contract names no periodColumn to split by."
            )
        return True
    return False


@dataclass(frozen=True)
class _Run:
    con: duckdb.DuckDBPyConnection
    contract: Contract
    data: Path
    extracted_at: datetime
    accepted: str | None


@dataclass(frozen=True)
class _Seen:
    """What one look at an extract's rows of one quarter has told: how many, a sum of their hashes, how many are good
    and how many different keys those have, the newest moment among them."""

    rows: int = 0
    content: int = 0
    good: int = 0
    keys: int = 0
    mark: date | None = None


@dataclass
class _Attempt:
    """One extract on its way. `text` is the file in which its rows wait, as the source wrote them."""

    index: int
    extract: Extract
    text: Path
    slots: list[Quarter | None] = field(default_factory=list)
    error: str | None = None
    splits: str | None = None  # SQL for a row's quarter, where the extract is to be split
    seen: dict[date | None, _Seen] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)  # where the rows were read

    def of(self, quarter: Quarter | None) -> _Seen:
        return self.seen.get(quarter.start if quarter and self.splits else None, _Seen())

    def where(self, quarter: Quarter | None) -> str:
        return f"where {self.splits} = date '{quarter.start}'" if quarter and self.splits else ""


@contextlib.contextmanager
def _workspace(data: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    data.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".landing-", dir=data) as folder,
        duckdb.connect(":memory:") as con,
    ):
        con.execute(f"set memory_limit = '{MEMORY}'")
        con.execute(f"set temp_directory = {quoted(f'{folder}/spill')}")
        con.execute("set timezone = 'UTC'")
        (threads,) = con.execute("select current_setting('threads')").fetchone() or (1,)
        con.execute(f"set threads = {threads + 1}")  # one of them waits for the source
        con.execute("set disabled_optimizers = 'in_clause'")  # a list of allowed values is no table to be joined
        yield con, Path(folder)


def _quarter_of(contract: Contract, quarters: list[Quarter]) -> str:
    # Rows whose period cannot be read go with the last quarter asked for: refused there, not lost.
    last = f"date '{quarters[-1].start}'"
    return f"coalesce(cast(date_trunc('quarter', {contract.period_column}) as date), {last})"


def _look(run: _Run, attempts: list[_Attempt], splits: str | None) -> None:
    """Read every extract, once: its text goes to its file, and what can be told of its rows without keeping them into
    `seen` and, with the numbers of refused rows, into the table `looked`."""
    contract = run.contract
    spelling = attempts[0].extract.format if attempts else Format()
    names = [column.name for column in contract.columns]
    # The sum of a row's hashes is the same in whatever order threads deliver rows; equal rows do not cancel out. The
    # row's number takes part: a trace names it.
    # 63 bits of it: sums of what fits a BIGINT are exact and fast.
    hashed = f"cast(hash({', '.join(['_source_row', *names, '_refused', '_original'])}) >> 1 as bigint)"
    good = "filter (_reasons is null)"
    keys = f"count(distinct hash({', '.join(contract.key)})) {good}" if contract.key else "0"
    mark = f"max({contract.high_water_mark}) {good}" if contract.high_water_mark else "cast(null as date)"
    schema = text_schema(contract).append(pa.field("_slot", pa.int32())).append(pa.field("_row", pa.int64()))
    run.con.register("incoming", pa.RecordBatchReader.from_batches(schema, _incoming(attempts, schema)))
    run.con.execute(f"""
        create temp table looked as
        select _slot, {splits or "cast(null as date)"} as _quarter, count(*) as rows, sum(_hash) as content,
               count(*) {good} as good, {keys} as keys, {mark} as mark,
               list(_row) filter (_reasons is not null) as refused
        from ({conformed(contract, spelling, f"(select *, {hashed} as _hash from incoming)")}) group by all
    """)
    run.con.unregister("incoming")
    found = run.con.execute("select _slot, _quarter, rows, content, good, keys, mark from looked").fetchall()
    for slot, quarter, *seen in found:
        attempts[slot].seen[quarter] = _Seen(*seen)


def _incoming(attempts: list[_Attempt], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Every attempt's rows one after the other, numbered through, on their way into the attempt's file; an attempt that
    breaks off keeps its error."""
    number = 0
    for attempt in attempts:
        with pa.OSFile(str(attempt.text), "wb") as file, pa.ipc.new_stream(file, schema) as kept:
            try:
                for batch in attempt.extract.batches:
                    rows = np.arange(number + 1, number + 1 + batch.num_rows)
                    slot = np.full(batch.num_rows, attempt.index, np.int32)
                    number += batch.num_rows
                    attempt.sources.update(batch.column("_source").dictionary.to_pylist())
                    numbered = pa.RecordBatch.from_arrays(
                        [*batch.columns, pa.array(slot), pa.array(rows)], schema=schema
                    )
                    kept.write_batch(numbered)
                    yield numbered
            except (SourceError, ConfigurationError) as error:
                attempt.error = str(error)


@contextlib.contextmanager
def _read_again(run: _Run, attempt: _Attempt) -> Iterator[None]:
    """The attempt's rows as the table `incoming`, for one query."""
    with pa.OSFile(str(attempt.text)) as file:
        run.con.register("incoming", pa.ipc.open_stream(file))
        yield
        run.con.unregister("incoming")


def _land_slot(run: _Run, attempt: _Attempt, quarter: Quarter | None) -> Landed:
    contract, extract = run.contract, attempt.extract
    former = store.in_force(contract, run.data, quarter)
    if attempt.error:
        return _failed(run, attempt, quarter, former, attempt.error)
    if former is not None and extract.version.is_unchanged:
        return _unchanged(contract, quarter, former)
    if extract.since is not None and (former is None or former.contract_version != contract.version):
        error = f"Asked for what changed since {extract.since}, but nothing has landed that it could be added to."
        return _failed(run, attempt, quarter, former, error)
    digest = _digest(contract, attempt, quarter, former)
    if former is not None and former.source_hash == digest:
        return _unchanged(contract, quarter, former, extract.notes)
    extract_id = store.extract_id(run.extracted_at, digest)
    tried = _prepare(run, attempt, quarter, extract_id)
    if former is not None and extract.since is not None:
        merged = _merge(run, attempt, tried, former)
        if merged is None:
            return _unchanged(contract, quarter, former, extract.notes)
        tried = merged
    notes = [*extract.notes]
    refused = refusal(contract, tried.rows, tried.rejected, tried.reasons, former.rows if former else None)
    if refused and run.accepted is None:
        more = retyped(run.con, contract, tried.rows + tried.rejected, tried.reasons)
        return _failed(run, attempt, quarter, former, f"{refused.why} {refused.remedy}{more}", tried)
    if refused:
        notes.append(f"{refused.why} Accepted: {run.accepted}")
    told = {
        "system": contract.system,
        "dataset": contract.dataset,
        "period_start": quarter.start.isoformat() if quarter else None,
        "extracted_at": run.extracted_at.isoformat(),
        "origin": extract.origin,
        "source_hash": digest,
        "contract_version": contract.version,
        "rows": tried.rows,
        "rejected": tried.rejected,
        "reasons": tried.reasons,
        "notes": notes,
        "accepted": run.accepted if refused else None,
        "version": extract.version.read,
        "reading": extract.reading,
        "mark": _moment_of(tried.mark).isoformat() if tried.mark else None,
        "carries": tried.carries,
    }
    path = store.folder(contract, run.data, quarter) / f"{extract_id}.parquet"
    if tried.rejected:
        store.write(run.con, "from refused", store.rejected_rows(path), told)
    run.con.execute(f"set preserve_insertion_order = {tried.rows <= IN_ORDER}")
    with _read_again(run, attempt):
        store.write(run.con, tried.good, path, told)
    return Landed(contract.dataset, quarter, path, tried.rows, tried.rejected, False, tried.reasons, tuple(notes))


def _digest(contract: Contract, attempt: _Attempt, quarter: Quarter | None, former: ExtractInForce | None) -> str:
    """A hash of what would land: the text; how it is read; what it is added to, where only what changed was asked."""
    seen, extract = attempt.of(quarter), attempt.extract
    spelling = extract.format.model_dump_json(include={"dates", "nulls"})
    # Quarters read in another way are asked for whole (see still_open), and must not be time and again.
    read = extract.reading if contract.high_water_mark else ""
    added_to = former.source_hash if former is not None and extract.since is not None else ""
    told = f"{contract.version}:{quarter}:{spelling}:{read}:{added_to}:{seen.content:x}:{seen.rows}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Prepared:
    """What is about to land: `good` is SQL for the rows (over `incoming`), the refused ones are the table `refused`."""

    good: str
    rows: int
    rejected: int
    reasons: dict[str, int]
    mark: date | None
    carries: tuple[str, ...] = ()


def _prepare(run: _Run, attempt: _Attempt, quarter: Quarter | None, extract_id: str) -> _Prepared:
    """Set the refused rows of one slot aside, each with its reasons."""
    con, contract, seen = run.con, run.contract, attempt.of(quarter)
    spelling, where = attempt.extract.format, attempt.where(quarter)
    is_clean = seen.good == seen.rows and not (contract.key and seen.keys < seen.good)
    repeated = 0
    lineage = (
        f"timestamptz '{run.extracted_at:%Y-%m-%d %H:%M:%S.%f}+00' as _extracted_at, "
        f"{_day(quarter)} as _period_start, _row as _row_number"
    )
    named = quoted(extract_id)
    # Most quarters are clean, and small: what is not asked of the database is half of their cost.
    if not is_clean or attempt.extract.since is not None:
        repeated = _set_aside(run, attempt, quarter, f"{named} as _extract_id, {lineage}, _source, _source_row")
    left = "incoming" if is_clean else "incoming anti join aside using (_row)"
    rows = conformed(contract, spelling, left, checked=False)
    source = _one(*attempt.sources) if len(attempt.sources) == 1 else "_source"
    lineage = f"{_one(extract_id)} as _extract_id, {lineage}, {source} as _source, _source_row"
    return _Prepared(
        good=f"select {_names(contract)}, {lineage} from ({rows}) {where}",
        rows=seen.good - repeated,
        rejected=seen.rows - seen.good + repeated,
        reasons={} if is_clean else _reasons(con),
        mark=seen.mark,
    )


def _set_aside(run: _Run, attempt: _Attempt, quarter: Quarter | None, lineage: str) -> int:
    """Refused rows of one slot: their numbers into the table `aside`, themselves as text into the table `refused`.
    Returns how many are refused for nothing but a repeated key."""
    con, contract, seen = run.con, run.contract, attempt.of(quarter)
    slot = f"_slot = {attempt.index} and _quarter is not distinct from {_day(quarter if attempt.splits else None)}"
    con.execute(f"""
        create or replace temp table aside as
        select unnest(refused) as _row, cast(null as varchar) as _repeated from looked where {slot}
    """)
    if contract.key and seen.keys < seen.good:
        _set_repeated_aside(run, attempt, attempt.where(quarter))
    texts = ", ".join(
        f"{original(column.name if column.sql_type == 'VARCHAR' else f'_text_{column.name}')} as {column.name}"
        for column in contract.columns
    )
    with _read_again(run, attempt):
        con.execute(f"""
            create or replace temp table refused as
            select {texts}, coalesce(_reasons, [_repeated]) as _reasons, _original, {lineage}
            from ({conformed(contract, attempt.extract.format, "incoming join aside using (_row)")})
        """)
    (repeated,) = con.execute("select count(_repeated) from aside").fetchone() or (0,)
    return int(repeated)


def _set_repeated_aside(run: _Run, attempt: _Attempt, where: str) -> None:
    """Of good rows with the same key only the first is kept: the others go into the table `aside`."""
    key = ", ".join(run.contract.key)
    good = conformed(run.contract, attempt.extract.format, "incoming anti join aside using (_row)", checked=False)
    with _read_again(run, attempt):
        run.con.execute(f"create or replace temp table keyed as select _row, {key} from ({good}) {where}")
    run.con.execute(f"""
        insert into aside select _row, {quoted(f"duplicate key ({key}): the first such row is kept")} from keyed
        join (select {key}, min(_row) as _first from keyed group by {key} having count(*) > 1) using ({key})
        where _row > _first
    """)


def _merge(run: _Run, attempt: _Attempt, new: _Prepared, former: ExtractInForce) -> _Prepared | None:
    """What is in force, with the new rows in the place of those that have the same key; None when that changes nothing.

    An old refusal is cleared when its key is given anew or, where the key cannot be read, when it would have been: the
    row was last updated after the moment asked for or, where that cannot be read either, its number has come again.
    """
    con, contract = run.con, run.contract
    key, names = ", ".join(contract.key), _names(contract)
    everything = conformed(contract, attempt.extract.format, "incoming", checked=False)
    with _read_again(run, attempt):
        con.execute(f"create or replace temp table fresh as {new.good}")
    with _read_again(run, attempt):
        con.execute(f"create or replace temp table given as select {key}, _source, _source_row from ({everything})")
    landed = f"read_parquet({quoted(str(former.path))}, hive_partitioning = false)"
    carried = f"select {names}, {', '.join(LINEAGE)} from {landed} anti join given using ({key})"
    rows, carries = con.execute(
        f"select count(*), list(distinct _extract_id order by _extract_id) from ({carried})"
    ).fetchone() or (0, None)
    changed = _any(con, f"select {names} from fresh except all select {names} from {landed}")
    if former.rejected:
        refused = f"read_parquet({quoted(str(store.rejected_rows(former.path)))}, hive_partitioning = false)"
        content = f"select {names}, _reasons from"
        changed = changed or _any(con, f"{content} refused except all {content} {refused}")
        con.execute(f"insert into refused by name {_still_refused(contract, attempt.extract, refused)}")
    else:
        changed = changed or _any(con, "from refused")
    (rejected,) = con.execute("select count(*) from refused").fetchone() or (0,)
    if not changed and (rows + new.rows, rejected) == (former.rows, former.rejected):
        return None
    marks = [mark for mark in (new.mark, former.mark) if mark is not None]
    return _Prepared(
        good=f"{carried} union all from fresh",
        rows=rows + new.rows,
        rejected=rejected,
        reasons=_reasons(con),
        mark=max(map(_moment_of, marks), default=None),
        carries=tuple(carries or ()),
    )


def _still_refused(contract: Contract, extract: Extract, refused: str) -> str:
    """SQL for the rows of `refused` that the rows in `given` do not clear."""
    read = [contract.column(name) for name in (*contract.key, contract.high_water_mark) if name]
    texts = ", ".join(f"{column.name} as _text_{column.name}" for column in read)
    values = ", ".join(f"{typed(column, extract.format)} as _typed_{column.name}" for column in read)
    mark = f"_typed_{contract.high_water_mark}" if contract.high_water_mark else "cast(null as timestamp)"
    return f"""
        select * exclude ({", ".join(f"_text_{column.name}, _typed_{column.name}" for column in read)})
        from (select *, {values} from (select *, {texts} from {refused})) as old
        where case
            when {" and ".join(f"_typed_{name} is not null" for name in contract.key)} then not exists (
                from given where {" and ".join(f"given.{name} = old._typed_{name}" for name in contract.key)})
            when {mark} is not null then {mark} < timestamp '{extract.since}'
            else not exists (
                from given where given._source = old._source and given._source_row = old._source_row)
        end"""


def _reasons(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Refused rows by reason, without the values: they differ from row to row, the kinds are what people count."""
    return dict(
        con.execute(
            "select regexp_replace(reason, '(?s)\".*\" ', ''), count(*) from (select unnest(_reasons) as reason "
            "from refused) group by 1 order by 2 desc, 1"
        ).fetchall()
    )


def _one(text: str) -> str:
    """An enum of one value: text in Parquet, and not looked at row by row to find that it is always the same."""
    return f"cast({quoted(text)} as enum({quoted(text)}))"


def _any(con: duckdb.DuckDBPyConnection, select: str) -> bool:
    return con.execute(f"from ({select}) limit 1").fetchone() is not None


def _names(contract: Contract) -> str:
    return ", ".join(column.name for column in contract.columns)


def _day(quarter: Quarter | None) -> str:
    return f"date '{quarter.start}'" if quarter else "cast(null as date)"


def _moment_of(mark: date) -> datetime:
    return mark if isinstance(mark, datetime) else datetime.combine(mark, time())


def _unchanged(
    contract: Contract, quarter: Quarter | None, in_force: ExtractInForce, notes: Iterable[str] = ()
) -> Landed:
    told = in_force
    return Landed(contract.dataset, quarter, told.path, told.rows, told.rejected, True, told.reasons, tuple(notes))


def _failed(
    run: _Run,
    attempt: _Attempt,
    quarter: Quarter | None,
    former: ExtractInForce | None,
    error: str,
    tried: _Prepared | None = None,
) -> Landed:
    return Landed(
        run.contract.dataset,
        quarter,
        former.path if former else None,
        former.rows if former else 0,
        tried.rejected if tried else 0,
        False,
        tried.reasons if tried else {},
        tuple(attempt.extract.notes),
        error,
    )


__all__ = [
    "ExtractInForce",
    "Landed",
    "describe",
    "extracts_in_force",
    "kept",
    "land",
    "remove_leftovers",
    "still_open",
]
