"""Landing: conform extracts to their contract, set rejected rows aside with reasons, write immutable Parquet.

    raw/<system>/<dataset>/period=<quarter start | all>/<extract id>.parquet        the good rows, typed
    rejected/<system>/<dataset>/period=…/<extract id>.parquet                       refused rows as text, with reasons

An extract id is its UTC moment and a hash of its content, so names sort by time and the same content is recognised.
The good file is renamed into place last: an extract exists once it does, and whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sources.contract import Column, Contract
from sources.errors import ConfigurationError, SourceError
from sources.extract import DATE_PATTERNS, EXCEL_SERIAL, UNMAPPED, Extract, Format, text_schema
from sources.periods import Quarter

MEMORY = "2GB"  # landing's own working memory; what does not fit spills beside the data
_STAMP = "%Y%m%dT%H%M%S%fZ"
_63_BITS = (1 << 63) - 1  # what of a row's md5 fits a BIGINT, whose sum DuckDB makes exactly and fast


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


@dataclass(frozen=True)
class ExtractInForce:
    """One landed extract: where it lies and what its file says of it."""

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


def land(contract: Contract, extracts: Iterable[Extract], data: Path, quarters: list[Quarter]) -> list[Landed]:
    """Land every extract of one dataset under `data`, in one pass; one Landed per slot.

    `quarters` are those asked for: an extract that holds several (`Extract.quarter` is None and the contract has a
    period column) is split over them, rows of other quarters are left for their own run. A slot that fails lands
    nothing and says why in `error`; the others land all the same.
    """
    extracted_at = datetime.now(UTC)
    with _workspace(data) as con:
        # Text first, slot by slot: an extract that breaks off must leave no row behind, whatever came before it.
        attempts = [_Attempt(index, extract) for index, extract in enumerate(extracts)]
        splits = _splits(contract, attempts)
        for attempt in attempts:
            attempt.slots = [*quarters] if splits else [attempt.extract.quarter]
            versions = {_version(_newest(_folder(contract, data, slot))) for slot in attempt.slots}
            attempt.extract.version.landed = versions.pop() if len(versions) == 1 else None
        _conform(con, contract, attempts, splits, quarters)
        return [
            _land_slot(con, contract, attempt, slot, splits, data, extracted_at)
            for attempt in attempts
            for slot in attempt.slots
        ]


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


def extracts_in_force(contract: Contract, data: Path, as_of: datetime | None = None) -> list[ExtractInForce]:
    """The extracts that count for `contract`, as known at `as_of` (None: now), in order of period.

    The newest of every slot; for a dataset kept whole there is one slot.
    """
    folder = data / "raw" / contract.system / contract.dataset
    found = []
    for slot in sorted(folder.glob("period=*")):
        newest = _newest(slot, as_of)
        if newest is not None:
            found.append(describe(newest))
    return found


def describe(path: Path) -> ExtractInForce:
    """What the landed file at `path` says of itself, read from its metadata alone."""
    metadata = pq.read_metadata(path).metadata
    told = json.loads(metadata[b"council_vitals"])
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
    )


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


@dataclass
class _Attempt:
    index: int
    extract: Extract
    slots: list[Quarter | None] = field(default_factory=list)
    error: str | None = None


@contextlib.contextmanager
def _workspace(data: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    data.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".landing-", dir=data) as spill,
        duckdb.connect(":memory:") as con,
    ):
        con.execute(f"set memory_limit = '{MEMORY}'")
        con.execute("set temp_directory = ?", [spill])
        con.execute("set timezone = 'UTC'")
        yield con


def _conform(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    attempts: list[_Attempt],
    splits: bool,
    quarters: list[Quarter],
) -> None:
    """Read every extract into the table `conformed`, in one pass: the contract's columns, typed; the text of those that
    are not text themselves; `_reasons` (null for a good row); `_hash` of what the source wrote; and `_quarter` where
    the contract's period column splits the extract."""
    spelling = attempts[0].extract.format if attempts else Format()
    names = [column.name for column in contract.columns]
    cleaned = ", ".join(f"{_cleaned(name, spelling)} as _text_{name}" for name in names)
    typed = ", ".join(f"{_typed(column, spelling)} as {column.name}" for column in contract.columns)
    texts = "".join(f", _text_{column.name}" for column in contract.columns if column.sql_type != "VARCHAR")
    # An absent value stands as a mark of its own: left out, it would let a value move to the next column unseen.
    content = ", ".join(["_source_row", *(f"coalesce({name}, chr(30))" for name in [*names, "_refused", "_original"])])
    checks = list(_checks(contract))
    # Reasons are put together for the few rows that have any: a list for each row would cost more than all the rest.
    refused = " or ".join(f"coalesce({condition}, false)" for condition, _ in checks)
    reasons = ", ".join(f"case when {condition} then {reason} end" for condition, reason in checks)
    quarter = "cast(null as date)"
    if splits and contract.period_column:
        # Rows whose period cannot be read go with the last quarter asked for: refused there, not lost.
        quarter = (
            f"coalesce(cast(date_trunc('quarter', {contract.period_column}) as date), date '{quarters[-1].start}')"
        )
    con.register("incoming", pa.RecordBatchReader.from_batches(_incoming_schema(contract), _incoming(attempts)))
    con.execute(f"""
        create table conformed as
        with cleaned as (
            select _slot, _row, _source, _source_row, _refused, _original, {cleaned},
                   cast(md5_number(concat_ws(chr(31), {content})) & {_63_BITS} as bigint) as _hash
            from incoming
        ),
        typed as (select *, {typed} from cleaned)
        select _slot, _row, _source, _source_row, _original, _hash, {", ".join(names)}{texts}, {quarter} as _quarter,
               case when _refused is not null then [_refused]
                    when {refused} then list_filter([{reasons}], lambda reason: reason is not null) end as _reasons
        from typed
    """)
    con.unregister("incoming")
    if contract.key:
        _reject_repeated_keys(con, contract)


def _incoming_schema(contract: Contract) -> pa.Schema:
    return text_schema(contract).append(pa.field("_slot", pa.int32())).append(pa.field("_row", pa.int64()))


def _incoming(attempts: list[_Attempt]) -> Iterator[pa.RecordBatch]:
    """Every attempt's rows one after the other, numbered through; an attempt that breaks off keeps its error."""
    number = 0
    for attempt in attempts:
        try:
            for batch in attempt.extract.batches:
                rows = np.arange(number + 1, number + 1 + batch.num_rows)
                slot = np.full(batch.num_rows, attempt.index, np.int32)
                number += batch.num_rows
                yield batch.append_column("_slot", pa.array(slot)).append_column("_row", pa.array(rows))
        except (SourceError, ConfigurationError) as error:
            attempt.error = str(error)


def _reject_repeated_keys(con: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    # Repeated keys are looked for first: they are few, and ranking every row would cost more than all the rest.
    key = ", ".join(contract.key)
    same = " and ".join(f"repeated.{name} = conformed.{name}" for name in contract.key)
    con.execute(f"""
        create temp table repeated as
        select _slot, {key}, min(_row) as _first from conformed
        where _reasons is null group by _slot, {key} having count(*) > 1
    """)
    con.execute(f"""
        update conformed set _reasons = ['duplicate key ({key}): the first such row is kept'] from repeated
        where repeated._slot = conformed._slot and {same} and conformed._row > repeated._first
          and conformed._reasons is null
    """)


def _cleaned(name: str, spelling: Format) -> str:
    nulls = ", ".join(_quoted(text) for text in sorted({"", *spelling.nulls}))
    # Most values have no blanks around them, and looking costs half of what trimming does.
    padded = f"starts_with({name}, ' ') or ends_with({name}, ' ')"
    trimmed = f"case when trim({name}) in ({nulls}) then null else trim({name}) end"
    return f"case when {name} in ({nulls}) then null when {padded} then {trimmed} else {name} end"


def _typed(column: Column, spelling: Format) -> str:
    text = f"_text_{column.name}"
    if column.sql_type == "VARCHAR":
        return text
    if column.sql_type == "DATE":
        return _date(text, spelling)
    if column.sql_type == "TIMESTAMP":
        moment = _of_our_era(f"case when {text} like '____-%' then try_cast({text} as timestamp) end", "timestamp")
        own = "".join(f", {_of_our_era(_read(text, each, clock=True), 'timestamp')}" for each in spelling.dates)
        return f"coalesce({moment}{own}, cast({_date(text, spelling)} as timestamp))"
    if column.sql_type == "BOOLEAN":
        return (
            f"case when lower({text}) in ('true', 't', 'yes', 'y', '1') then true "
            f"when lower({text}) in ('false', 'f', 'no', 'n', '0') then false end"
        )
    if column.sql_type == "INTEGER":
        # A workbook writes 3 as 3.0; 3.7 is no whole number and must not be rounded into one.
        digits = f"replace(split_part({text}, '.', 1), ',', '')"
        return f"case when regexp_full_match({text}, '-?{_DIGITS}([.]0*)?') then try_cast({digits} as integer) end"
    return f"coalesce(try_cast({text} as {column.sql_type}), {_amount(text, column.sql_type)})"


def _date(text: str, spelling: Format) -> str:
    # DuckDB reads 01/04/25 as a day of the year 1 and takes 'infinity' for a date: hence the shapes asked for first.
    iso = _of_our_era(f"case when {text} like '____-%' then try_cast({text} as date) end", "date")
    own = [_of_our_era(f"cast({_read(text, each)} as date)", "date") for each in spelling.dates]
    if not own:
        return iso
    # Spellings are tried in their order: 01/04/25 is no day of a year that counts, so dd/mm/yy may come second.
    return f"coalesce(case when {text} between '0' and ':' then coalesce({', '.join(own)}) end, {iso})"


def _read(text: str, spelling: str, clock: bool = False) -> str:
    """The moment that `text` is in one spelling of dates, a time of day (`clock`) after it; null where it is none."""
    if spelling == EXCEL_SERIAL:
        # Five digits (1927 to 2173): fewer or more are a year, a quantity or another spelling, and no day.
        days = f"case when regexp_full_match({text}, '[0-9]{{5}}([.][0-9]+)?') then try_cast({text} as double) end"
        return f"timestamp '1899-12-30' + to_microseconds(cast(round({days} * 86400) as bigint) * 1000000)"
    if "mmm" in spelling:
        text = f"regexp_replace({text}, '(?i)sept([^a-z]|$)', 'Sep\\1')"  # as Excel writes it in English
    day = DATE_PATTERNS[spelling]
    patterns = [f"{day} %H:%M:%S", f"{day} %H:%M"] if clock else [day]
    return f"try_strptime({text}, [{', '.join(map(_quoted, patterns))}])"


def _of_our_era(value: str, sql_type: str) -> str:
    """Null for years that a council cannot mean: before 1000 (two digits where four belong) or after 9999."""
    return f"case when {value} between {sql_type} '1000-01-01' and {sql_type} '9999-12-31' then {value} end"


_DIGITS = "([0-9]{1,3}(,[0-9]{3})+|[0-9]+)"  # 1,23 is no number: it may be a decimal comma


def _amount(text: str, sql_type: str) -> str:
    """£1,234.56 · £ 5 · (12.00) · 12.00- · -£5: how ledgers write money. One sign at most, brackets in pairs."""
    number = f"{_DIGITS}([.][0-9]+)?"
    shape = f"[-−+]? ?£? ?{number}|£ ?[-−] ?{number}|[(] ?£? ?{number} ?[)]|£? ?{number} ?[-−]"
    digits = f"try_cast(regexp_replace({text}, '[^0-9.]', '', 'g') as {sql_type})"
    return (
        f"case when not regexp_full_match({text}, '{shape}') then null "
        f"when regexp_matches({text}, '[-−(]') then -{digits} else {digits} end"
    )


def _original(text: str) -> str:
    """What the source wrote, without the mark of a code that the map file does not hold."""
    marked = f"starts_with({text}, {_quoted(UNMAPPED)})"
    return f"case when {marked} then substr({text}, {len(UNMAPPED) + 1}) else {text} end"


def _checks(contract: Contract) -> Iterator[tuple[str, str]]:
    """Pairs of SQL: when a row is refused, and the reason (an expression)."""
    for column in contract.columns:
        name, text = column.name, f"_text_{column.name}"
        shown = f"'{name} \"' || {text} || '\" "
        unmapped = f"starts_with({text}, {_quoted(UNMAPPED)})"
        yield unmapped, f"'{name} \"' || {_original(text)} || '\" is not in the map file'"
        if column.required:
            yield f"{text} is null", f"'{name} is missing'"
        if column.sql_type != "VARCHAR":
            kind = _KINDS.get(column.sql_type, "a number")
            yield f"{text} is not null and {name} is null and not {unmapped}", f"{shown}is not {kind}'"
        if column.values:
            allowed = ", ".join(_quoted(value) for value in column.values)
            yield f"{text} not in ({allowed}) and not {unmapped}", f"{shown}is not an allowed value'"
        for bound, operator, words in (
            (column.minimum, "<", "is below"),
            (column.maximum, ">", "is above"),
            (column.exclusive_minimum, "<=", "is not above"),
        ):
            if bound is not None:
                yield f"{name} {operator} {bound}", f"{shown}{words} {bound}'"
        if column.pattern:
            yield f"not regexp_full_match({text}, {_quoted(column.pattern)})", f"{shown}does not have the agreed form'"
    for rule, condition in contract.rules:
        yield f"not coalesce(({condition}), true)", _quoted(f"breaks the rule: {rule}")


_KINDS = {
    "DATE": "a date that exists",
    "TIMESTAMP": "a moment",
    "INTEGER": "a whole number",
    "BOOLEAN": "yes or no",
}


def _land_slot(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    attempt: _Attempt,
    quarter: Quarter | None,
    splits: bool,
    data: Path,
    extracted_at: datetime,
) -> Landed:
    folder = _folder(contract, data, quarter)
    former = _newest(folder)
    if former is not None and attempt.extract.version.is_unchanged and attempt.error is None:
        kept = describe(former)
        return Landed(contract.dataset, quarter, former, kept.rows, kept.rejected, True, kept.reasons, ())
    where = f"_slot = {attempt.index}" + (f" and _quarter = date '{quarter.start}'" if splits and quarter else "")
    rows, rejected, content = con.execute(
        f"select count(*) filter (_reasons is null), count(_reasons), "
        # A sum, in whatever order rows come; not an exclusive or, under which two equal rows would cancel out.
        f"coalesce(sum(_hash), 0) from conformed where {where}"
    ).fetchone() or (0, 0, 0)
    reasons = dict(
        con.execute(
            # Values differ from row to row; the kinds of reason are what people count.
            f"select regexp_replace(reason, '(?s)\".*\" ', ''), count(*) from "
            f"(select unnest(_reasons) as reason from conformed where {where}) group by 1 order by 2 desc, 1"
        ).fetchall()
    )
    notes = tuple(attempt.extract.notes)
    error = attempt.error or _refusal(contract, rows, rejected, reasons, former)
    if error:
        in_force = describe(former) if former else None
        return Landed(
            contract.dataset, quarter, former, in_force.rows if in_force else 0, rejected, False, reasons, notes, error
        )
    # The same text read under other spellings can give other rows, so the spellings count as content.
    spelling = attempt.extract.format.model_dump_json(include={"dates", "nulls"})
    digest = hashlib.sha256(f"{contract.version}:{spelling}:{int(content):x}:{rows}:{rejected}".encode()).hexdigest()[
        :16
    ]
    if former is not None and former.stem.endswith(f"-{digest}"):
        return Landed(contract.dataset, quarter, former, rows, rejected, True, reasons, notes)
    extract_id = f"{extracted_at.strftime(_STAMP)}-{digest}"
    told = {
        "system": contract.system,
        "dataset": contract.dataset,
        "period_start": quarter.start.isoformat() if quarter else None,
        "extracted_at": extracted_at.isoformat(),
        "origin": attempt.extract.origin,
        "source_hash": digest,
        "contract_version": contract.version,
        "rows": rows,
        "rejected": rejected,
        "reasons": reasons,
        "notes": notes,
        "version": attempt.extract.version.read,
    }
    names = ", ".join(column.name for column in contract.columns)
    written = {
        column.name: column.name if column.sql_type == "VARCHAR" else f"_text_{column.name}"
        for column in contract.columns
    }
    texts = ", ".join(f"{_original(text)} as {name}" for name, text in written.items())
    lineage = (
        f"{_quoted(extract_id)} as _extract_id, timestamptz '{extracted_at:%Y-%m-%d %H:%M:%S.%f}+00' as _extracted_at, "
        f"cast({_quoted(str(quarter.start)) if quarter else 'null'} as date) as _period_start, "
        "_row as _row_number, _source, _source_row"
    )
    file = f"{extract_id}.parquet"
    if rejected:
        aside = data / "rejected" / contract.system / contract.dataset / folder.name / file
        bad = f"select {texts}, _reasons, _original, {lineage} from conformed where {where} and _reasons is not null"
        _write(con, bad, aside, told)
    path = folder / file
    _write(con, f"select {names}, {lineage} from conformed where {where} and _reasons is null", path, told)
    return Landed(contract.dataset, quarter, path, rows, rejected, False, reasons, notes)


def _refusal(contract: Contract, rows: int, rejected: int, reasons: dict[str, int], former: Path | None) -> str | None:
    """Why an extract as a whole must not land, or None. The former extract then stays in force."""
    if rows + rejected == 0 and contract.load != "incremental":
        return "The source gave no rows. Nothing landed; ask the owner whether that can be."
    share = rejected / (rows + rejected) if rejected else 0.0
    if share > contract.maximum_rejected_share:
        worst = "; ".join(f"{count:,} × {reason}" for reason, count in list(reasons.items())[:3])
        return (
            f"{rejected:,} of {rows + rejected:,} rows are refused ({share:.1%}, the contract allows "
            f"{contract.maximum_rejected_share:.1%}). Nothing landed. {worst}."
        )
    if former is not None and contract.load != "incremental":
        before = describe(former).rows
        if rows < before * (1 - contract.maximum_shrink):
            return (
                f"{rows:,} rows where {before:,} had landed before: it shrank by "
                f"{1 - rows / before:.0%}, the contract allows {contract.maximum_shrink:.0%}. Nothing landed; ask the "
                "owner, or raise maximumShrink."
            )
    bounds = contract.rows_per_quarter
    if bounds and not bounds[0] <= rows <= bounds[1]:
        return f"{rows:,} rows, where {bounds[0]:,} to {bounds[1]:,} are expected. Nothing landed."
    return None


def _write(con: duckdb.DuckDBPyConnection, select: str, path: Path, told: dict[str, object]) -> None:
    """Write beside under a hidden name, make it durable, rename: a reader sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    metadata = f"kv_metadata {{council_vitals: {_quoted(json.dumps(told))}}}"
    form = f"format parquet, parquet_version v2, compression zstd, {metadata}"
    con.execute(f"copy ({select}) to {_quoted(str(unfinished))} ({form})")
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)


def _newest(folder: Path, as_of: datetime | None = None) -> Path | None:
    """The newest extract in a slot's folder, by name, at or before `as_of`."""
    names = sorted(path for path in folder.glob("[0-9]*.parquet") if as_of is None or _moment(path) <= as_of)
    return names[-1] if names else None


def _folder(contract: Contract, data: Path, quarter: Quarter | None) -> Path:
    slot = f"period={quarter.start if quarter else 'all'}"
    return data / "raw" / contract.system / contract.dataset / slot


def _version(extract: Path | None) -> str | None:
    """What the source called the version of this landed file, where it called it anything."""
    return json.loads(pq.read_metadata(extract).metadata[b"council_vitals"]).get("version") if extract else None


def _moment(path: Path) -> datetime:
    return datetime.strptime(path.stem.split("-")[0], _STAMP).replace(tzinfo=UTC)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
