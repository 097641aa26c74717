"""From a published figure back to the rows it was made of: value → numerator, denominator → source rows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration import querying
from orchestration.settings import Settings
from sources.errors import ConfigurationError, listed, nearest

# Rows that count are those of the measure, of the unit and all below it, in the span of days that the period adds up;
# of the unit alone where the measure is not rolled up, and with the council's denominator where that is every unit's.
_ROWS = """
    from measures.measure_rows as r
    join core.dim_measures as m on m.measure_id = r.measure_id
    join measures.measure_windows as w
      on w.measure_id = r.measure_id and r.period_start between w.window_start and w.window_end
    where r.measure_id = $measure and w.period_code = $period and w.basis = $basis
      and (
        exists (
          from core.bridge_unit_ancestors as a
          where a.unit_id = r.unit_id and a.ancestor_unit_id = $unit
            and (a.unit_id = $unit and r.area_id = '' or m.roll_up is distinct from 'none')
        )
        or (m.roll_up = 'numerator' and r.denominator <> 0)
      )
      and (r.numerator <> 0 or coalesce(r.denominator, 1) <> 0)  -- what counts neither way yet is not behind the figure
"""

# What is not in a figure: units that said why they gave no value, or whose return never came, in the same span of days.
_GAPS = """
    select distinct u.unit_name, g.missing_reason, g.period_label, g.period_start
    from measures.measure_gaps as g
    join core.dim_units as u on u.unit_id = g.unit_id
    join core.bridge_unit_ancestors as a on a.unit_id = g.unit_id and a.ancestor_unit_id = ?
    join measures.measure_windows as w
      on w.measure_id = g.measure_id and g.period_start between w.window_start and w.window_end and w.basis = ?
    where g.measure_id = ? and w.period_code = ?
    order by g.period_start, u.unit_name
"""

_COUNTED = {"numerator", "denominator", "source", "source_row", "hash"}  # columns of a trace's rows before the source's


@dataclass(frozen=True)
class TracedExtract:
    """One landed extract that a figure draws on, with the number of rows it takes from it."""

    extract_id: str
    origin: str
    source_hash: str
    path: Path
    rows: int


@dataclass(frozen=True)
class Traced:
    """One figure with its way back. `rows` reads the source rows themselves from raw."""

    measure_name: str
    unit_name: str
    period_label: str
    value: Decimal
    numerator_label: str
    numerator: Decimal
    denominator_label: str
    denominator: Decimal | None
    row_count: int
    extracts: list[TracedExtract]
    gaps: list[str]  # units below that gave no value, with the reason and the period
    _curated: Path
    _parameters: dict[str, str]
    _shown: frozenset[str]

    def rows(self, limit: int | None = None) -> pa.Table:
        """The source rows: their share of numerator and denominator, file or address, row number, a hash of
        the landed row, and the fields that the contract keeps, without personal data and pseudonyms."""
        with duckdb.connect(str(self._curated), read_only=True) as con:
            if not self.extracts:
                return pa.table({})
            files = ", ".join("'" + str(extract.path).replace("'", "''") + "'" for extract in self.extracts)
            relation = f"read_parquet([{files}], union_by_name = true, hive_partitioning = false, filename = true)"
            names = [column[0] for column in con.execute(f"select * from {relation} limit 0").description or []]
            kept = [name for name in names if not name.startswith("_") and name != "filename"]
            # Returned values have a numerator of their own, which is not the one counted.
            fields = ", ".join(
                f"s.{name} as {name}_as_landed" if name in _COUNTED else f"s.{name}"
                for name in kept
                if name in self._shown
            )
            # Of what the source gave and nothing else: the same row has the same hash in whatever extract it comes.
            content = ", ".join(f"'{name}=' || s.{name}" for name in sorted(kept))
            # A source row may count more than once: an absence in each of its months.
            counted = (
                "select sum(r.numerator) as numerator, sum(r.denominator) as denominator, r.extract_id, r.source_row "
                f"{_ROWS} group by r.extract_id, r.source_row"
            )
            con.execute("set timezone = 'UTC'")
            return con.execute(
                f"select c.numerator, c.denominator, s._source as source, s._source_row as source_row, "
                f"left(sha256(concat_ws(chr(31), {content})), 16) as hash, {fields} "
                f"from ({counted}) as c "
                f"join {relation} as s on s._extract_id = c.extract_id and s._row_number = c.source_row "
                # An extract that others were added to stands again, with its rows, in the files after it.
                "and parse_filename(s.filename, true) = c.extract_id "
                f"order by s._extract_id, s._row_number {'limit ' + str(limit) if limit is not None else ''}",
                self._parameters,
            ).to_arrow_table()

    def write(self, path: Path) -> int:
        """Write every source row to a CSV file; returns how many."""
        table = self.rows()
        path.write_bytes(querying.as_csv(table))
        return table.num_rows


def measures_by_dataset(settings: Settings) -> dict[tuple[str, str], list[str]]:
    """Ids of the council's measures that draw on each dataset, by (system, dataset), as the last build knew them; empty
    before the first."""
    if not settings.curated.exists():
        return {}
    with duckdb.connect(str(settings.curated), read_only=True) as con:
        found = con.execute(
            "select system, dataset, list(distinct measure_id order by measure_id) from measures.measure_datasets "
            "semi join core.dim_measures using (measure_id) group by system, dataset"
        ).fetchall()
    return {(system, dataset): measures for system, dataset, measures in found}


def trace(settings: Settings, measure: str, period: str, unit: str | None, basis: str = "reported") -> Traced:
    """Find the figure of `measure` for `unit` (None: the whole council) in the period written `2025-26-Q3`, `2025-11`,
    `2025-26` or `2025`; with the basis `in_period` that of the period alone. Raises ConfigurationError naming what
    there is when there is no such figure."""
    if not settings.curated.exists():
        raise FileNotFoundError(f"{settings.curated}: nothing has been built yet. Run `vitals run` first.")
    with duckdb.connect(str(settings.curated), read_only=True) as con:
        names = dict(con.execute("select measure_id, measure_name from core.dim_measures").fetchall())
        if measure not in names:
            raise ConfigurationError(
                f"'{measure}' is not a measure.{nearest(measure, names)} Measures: {listed(names)}."
            )
        units = dict(con.execute("select unit_id, unit_name from core.dim_units").fetchall())
        root = con.execute("select unit_id from core.dim_units where parent_unit_id is null").fetchone()
        chosen = unit or (root[0] if root else "")
        if chosen not in units:
            raise ConfigurationError(f"'{chosen}' is not a unit.{nearest(chosen, units)} Units: {listed(units)}.")
        found = con.execute(
            "select v.value, v.numerator, v.denominator, v.period_label, m.numerator_label, m.denominator_label "
            "from measures.measure_values as v join core.dim_measures as m using (measure_id) "
            "where v.measure_id = ? and v.unit_id = ? and v.period_code = ? and v.area_id = '' "
            "and v.basis = ?",
            [measure, chosen, period, basis],
        ).fetchone()
        gaps = [
            f"{name} ({reason.replace('_', ' ')}, {label})"
            for name, reason, label, _ in con.execute(_GAPS, [chosen, basis, measure, period]).fetchall()
        ]
        if found is None:
            codes = con.execute(
                "select distinct period_code from measures.measure_values where measure_id = ? and unit_id = ? "
                "and basis = ? order by period_code desc limit 8",
                [measure, chosen, basis],
            ).fetchall()
            raise ConfigurationError(
                f"{measure} has no figure for {units[chosen]} in '{period}'. "
                + (f"No value from {'; '.join(gaps)}. " if gaps else "")
                + f"Newest: {listed(code for (code,) in codes)}."
            )
        parameters = {"measure": measure, "period": period, "unit": chosen, "basis": basis}
        extracts = con.execute(
            f"""select c.extract_id, e.origin, e.source_hash, e.path, c.rows
                from (select r.extract_id, count(distinct r.source_row) as rows {_ROWS} group by r.extract_id) as c
                join core.dim_extracts as e using (extract_id) order by e.path""",
            parameters,
        ).fetchall()
    value, numerator, denominator, label, numerator_label, denominator_label = found
    contracts = settings.contracts.values()
    classified = {column.name for contract in contracts for column in contract.columns if column.classification}
    return Traced(
        measure_name=names[measure],
        unit_name=units[chosen],
        period_label=label,
        value=value,
        numerator_label=numerator_label,
        numerator=numerator,
        denominator_label=denominator_label or "",
        denominator=denominator,
        row_count=sum(rows for *_, rows in extracts),
        gaps=gaps,
        extracts=[TracedExtract(i, o, h, settings.data / p, n) for i, o, h, p, n in extracts],
        _curated=settings.curated,
        _parameters=parameters,
        # A column that no contract has any more is not shown: nobody says whether it is personal.
        _shown=frozenset(column.name for contract in contracts for column in contract.columns) - classified,
    )
