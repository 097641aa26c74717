"""What differs between two releases: restated figures with their reasons, files, columns.
Belongs here: comparing what two releases published. Not here: whether a release can be made again (release)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from exports import formats
from exports.archive import Archived
from exports.errors import ExportError

VALUES = "feeds/feed_measure_values.parquet"
RESTATEMENTS = "feeds/feed_restatements.parquet"
# A release of an earlier version may lack a column that came later: these empty tables have them all.
NO_VALUES = """
    select null::varchar as measure_id, null::varchar as measure_name, null::varchar as unit_id,
        null::varchar as unit_name, null::varchar as area_id, null::varchar as basis, null::varchar as period_type,
        null::date as period_start, null::date as period_end, null::varchar as period_label,
        null::decimal(18, 4) as value, null::varchar as value_unit, null::boolean as is_provisional
    where false"""
NO_RESTATEMENTS = """
    select null::varchar as measure_id, null::varchar as unit_id, null::varchar as area_id, null::varchar as basis,
        null::varchar as period_type, null::date as period_start, null::varchar as published_in,
        null::date as published_on, null::varchar as reason_code, null::varchar as explanation
    where false"""


@dataclass(frozen=True)
class Restated:
    """A figure that both releases could have and that is not the same: `new_value` is None where it was withdrawn.

    Values are in `value_unit`, `change` is new minus old. `reason_code` is None where nobody gave a reason.
    """

    measure_id: str
    measure_name: str
    unit_id: str
    unit_name: str
    area_id: str
    basis: str
    period_type: str
    period_start: date
    period_label: str
    old_value: Decimal | None
    new_value: Decimal | None
    change: Decimal | None
    value_unit: str
    was_provisional: bool
    reason_code: str | None
    explanation: str | None


@dataclass(frozen=True)
class Differences:
    """All that differs from release `old` to release `new`."""

    old: str
    new: str
    restated: tuple[Restated, ...]
    new_figures: int  # in the new release only
    files_added: tuple[str, ...]
    files_removed: tuple[str, ...]
    files_changed: tuple[str, ...]
    columns: tuple[str, ...]  # one sentence per change of a table's columns or version


def differences(old: Archived, new: Archived, curated: Path | None = None) -> Differences:
    """Compare two releases of one council.

    Reasons are those that the new release published (`feed_restatements`); where it has no such feed, those of
    `insight.restatements` in the `curated` database, if it is given and there.

    Raises:
        ExportError: a release lacks the feed of its figures, or its files cannot be read.
    """
    restated, new_figures = _restated(old, new, curated)
    then, now = old.checksums, new.checksums
    return Differences(
        old=old.release_id,
        new=new.release_id,
        restated=restated,
        new_figures=new_figures,
        files_added=tuple(sorted(now.keys() - then.keys())),
        files_removed=tuple(sorted(then.keys() - now.keys())),
        files_changed=tuple(path for path in sorted(then.keys() & now.keys()) if then[path] != now[path]),
        columns=_columns(old.manifest, new.manifest),
    )


def write_restated(found: Differences, path: Path) -> int:
    """Write the restated figures as CSV, with the two releases in front, and return their number."""
    names = [field.name for field in fields(Restated)]
    rows = [[found.old, found.new, *(_cell(getattr(each, name)) for name in names)] for each in found.restated]
    formats.write_csv_rows(path, ["old_release", "new_release", *names], rows)
    return len(rows)


def _restated(old: Archived, new: Archived, curated: Path | None) -> tuple[tuple[Restated, ...], int]:
    feeds = [release.path / VALUES for release in (old, new)]
    for feed in feeds:
        if not feed.exists():
            raise ExportError(f"{feed}: is not there, so there are no figures to compare. Restore it from a backup.")
    with duckdb.connect() as connection:
        try:
            for name, feed in zip(("old_values", "new_values"), feeds, strict=True):
                given = f"select * from read_parquet({_literal(feed)})"
                connection.execute(f"create table {name} as {_with_all_columns(connection, given, NO_VALUES)}")
            given = _reasons(connection, new, curated)
            connection.execute(f"create table reasons as {_with_all_columns(connection, given, NO_RESTATEMENTS)}")
            rows = connection.execute(RESTATED, {"old": old.release_id}).fetchall()
            (added,) = connection.execute(NEW_FIGURES).fetchone() or (0,)
        except duckdb.Error as error:
            raise ExportError(
                f"{old.release_id} and {new.release_id} cannot be compared ({error}). `vitals rebuild` says whether "
                "their files are as they were."
            ) from error
    return tuple(Restated(*row) for row in rows), int(added)


def _reasons(connection: duckdb.DuckDBPyConnection, new: Archived, curated: Path | None) -> str:
    """SQL for the reasons that are known: the release's own, else the curated database's."""
    published = new.path / RESTATEMENTS
    if published.exists():
        return f"select * from read_parquet({_literal(published)})"
    if curated is not None and curated.exists():
        connection.execute(f"attach {_literal(curated)} as curated (read_only)")
        known = connection.execute(
            "select count(*) from duckdb_tables() "
            "where database_name = 'curated' and schema_name = 'insight' and table_name = 'restatements'"
        ).fetchone()
        if known and known[0]:
            return "select * from curated.insight.restatements"
    return NO_RESTATEMENTS


def _with_all_columns(connection: duckdb.DuckDBPyConnection, given: str, all_columns: str) -> str:
    """The rows of `given`, in the columns of `all_columns`, whichever of them there are; its key without nulls."""
    names = {str(name): f'"{name}"' for name, *_ in connection.execute(f"describe {all_columns}").fetchall()}
    names |= {"area_id": "coalesce(area_id, '') as area_id", "basis": "coalesce(basis, 'reported') as basis"}
    return f"select {', '.join(names.values())} from ({all_columns} union all by name {given})"


# A figure of a period that the new release does not reach is not withdrawn: the new one may be of an earlier quarter.
_KEY = ("measure_id", "unit_id", "area_id", "basis", "period_type", "period_start")
_SAME = " and ".join(f"{{a}}.{name} = {{b}}.{name}" for name in _KEY)
RESTATED = f"""
    select
        old.measure_id, coalesce(new.measure_name, old.measure_name), old.unit_id,
        coalesce(new.unit_name, old.unit_name, ''), old.area_id, old.basis, old.period_type,
        old.period_start, coalesce(old.period_label, ''), old.value, new.value, new.value - old.value,
        coalesce(new.value_unit, old.value_unit, ''), coalesce(old.is_provisional, false), reasons.reason_code,
        reasons.explanation
    from old_values as old
    left join new_values as new on {_SAME.format(a="old", b="new")}
    left join lateral (
        select reason_code, explanation from reasons
        where {_SAME.format(a="reasons", b="old")}
        order by published_in = $old desc, published_on desc, reason_code, explanation
        limit 1
    ) as reasons on true
    where old.value is distinct from new.value and old.period_end <= (select max(period_end) from new_values)
    order by old.measure_id, old.unit_id, old.area_id, old.basis, old.period_start, old.period_type"""
NEW_FIGURES = f"""
    select count(*) from new_values as new
    where not exists (select 1 from old_values as old where {_SAME.format(a="old", b="new")})"""


def _columns(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """What happened to the columns and versions of published tables, one sentence each."""
    then, now = _tables(old), _tables(new)
    told = [f"{name}: is new" for name in sorted(now.keys() - then.keys())]
    told += [f"{name}: is gone" for name in sorted(then.keys() - now.keys())]
    for name in sorted(then.keys() & now.keys()):
        (version_then, columns_then), (version_now, columns_now) = then[name], now[name]
        changes = [f"{column} is new" for column in columns_now if column not in columns_then]
        changes += [f"{column} is gone" for column in columns_then if column not in columns_now]
        changes += [
            f"{column} was {kind}, is {columns_now[column]}"
            for column, kind in columns_then.items()
            if columns_now.get(column, kind) != kind
        ]
        if version_then != version_now:
            changes.append(f"version {version_then} became {version_now}")
        if changes:
            told.append(f"{name}: {', '.join(changes)}")
    return tuple(told)


def _tables(manifest: Mapping[str, Any]) -> dict[str, tuple[int, dict[str, str]]]:
    """Version and columns of every table that the release published for internal readers."""
    return {
        Path(file["path"]).stem: (file["version"], {column["name"]: column["type"] for column in file["columns"]})
        for publication in [*manifest["feeds"], *manifest["reports"]]
        for file in publication["files"]
        if file["audience"] == "internal" and "columns" in file
    }


def _cell(value: object) -> object:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else "" if value is None else value


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
