"""The proof of a public edition: what anybody could work out about each hidden number, by linear programming.
Belongs here: reading published files as a stranger does, and what follows from them. Not here: what to hide
(disclosure)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import highspy
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from exports.facts import Disclosure
from exports.relations import Cell, Figure, Relation, Structure, Variables, relations_of

INTEGRAL = 1e-6  # how near a whole number a solution has to be to count as one
NODES = 200  # branches of one integer programme; a bound that is the same on every machine, unlike seconds

WHOLE_UP_TO = 120  # cells; in a larger component a table with fractions counts as possible
SWEEPS = 80  # tables sought for all open cells at once before each is sought by itself


def unprotected(
    hidden: Collection[int], shown: Mapping[int, float] | Sequence[float], relations: Sequence[Relation],
    lower: Mapping[int, float], width: float, whole: bool = True,
) -> dict[int, tuple[float, float]]:  # fmt: skip
    """Hidden cells that the relations and the shown numbers leave less than `width`, with the range that is left.

    Args:
        hidden: numbers of the hidden cells.
        shown: number of every other cell in the relations to its value.
        lower: what everybody knows a hidden cell to be at least (a zero is never hidden).
        whole: whether counts are whole numbers. A range counts as possible only when such a solution was found.
    """
    narrow: dict[int, tuple[float, float]] = {}
    for cells, rows in _components(sorted(hidden), shown, relations):
        narrow |= _Component(cells, rows, lower, width, whole).narrow()
    return narrow


_Row = tuple[tuple[tuple[int, float], ...], float, float]


def _components(
    hidden: Sequence[int], shown: Mapping[int, float] | Sequence[float], relations: Sequence[Relation]
) -> list[tuple[list[int], list[_Row]]]:
    """Hidden cells that hang together, with the relations as they are when what is shown is put in."""
    parent = {cell: cell for cell in hidden}

    def root(cell: int) -> int:
        while parent[cell] != cell:
            parent[cell] = parent[parent[cell]]
            cell = parent[cell]
        return cell

    rows: list[_Row] = []
    for relation in relations:
        terms = tuple(term for term in relation.terms if term[0] in parent)
        if not terms:
            continue
        known = sum(factor * float(shown[cell]) for cell, factor in relation.terms if cell not in parent)
        rows.append((terms, relation.low - known, relation.high - known))
        for cell, _ in terms[1:]:
            parent[root(cell)] = root(terms[0][0])
    cells_of, rows_of = defaultdict(list), defaultdict(list)
    for cell in hidden:
        cells_of[root(cell)].append(cell)
    for row in rows:
        rows_of[root(row[0][0][0])].append(row)
    return [(cells, rows_of[at]) for at, cells in cells_of.items()]


class _Component:
    """One linear programme. Each solution is a table that could be true; the tables found so far give every cell a
    range, so most cells are settled by tables that were sought for others."""

    def __init__(
        self, cells: list[int], rows: list[_Row], lower: Mapping[int, float], width: float, whole: bool
    ) -> None:
        self.cells, self.rows, self.width = cells, rows, width
        # Weighted respondents or average staff are no whole numbers, and then nor are their sums.
        bounds = [bound for _, *both in rows for bound in both if math.isfinite(bound)]
        factors = [factor for terms, *_ in rows for _, factor in terms]
        self.whole = whole and len(cells) <= WHOLE_UP_TO and all(float(each).is_integer() for each in bounds + factors)
        self.low = np.array([lower.get(cell, 0.0) for cell in cells])
        # Nothing may run away, so that every programme has a solution: far above all that is shown.
        reach = (
            1_000.0
            + 2 * len(cells) * (width + 1)
            + 2 * sum(abs(bound) for _, *bounds in rows for bound in bounds if math.isfinite(bound))
        )
        self.reach = reach
        self.least = np.full(len(cells), math.inf)
        self.most = np.full(len(cells), -math.inf)

    def narrow(self) -> dict[int, tuple[float, float]]:
        if not self.rows:
            return {}
        self.model = self._model()
        pending = self._pending()
        for sign in (1.0, -1.0):
            if not self._solve(dict.fromkeys(pending, sign)):
                return dict.fromkeys(self.cells, (math.nan, math.nan))  # no table at all: nothing is proved
        signs = np.random.default_rng(len(self.cells))
        for _ in range(SWEEPS):
            open_cells = self._pending()
            if len(open_cells) <= 2:
                break
            drawn = signs.choice((-1.0, 0.0, 1.0), len(open_cells))
            self._solve(dict(zip(open_cells, drawn, strict=True)))
        for at in self._pending():
            for sign in (1.0, -1.0):
                if self.most[at] - self.least[at] < self.width - INTEGRAL:
                    self._solve({at: sign})
        return {self.cells[at]: (float(self.least[at]), float(self.most[at])) for at in self._pending()}

    def _pending(self) -> list[int]:
        return [int(at) for at in np.flatnonzero(~(self.most - self.least >= self.width - INTEGRAL))]

    def _model(self) -> highspy.Highs:
        model = highspy.Highs()
        model.setOptionValue("output_flag", False)
        model.setOptionValue("threads", 1)
        model.setOptionValue("random_seed", 0)
        model.setOptionValue("mip_max_nodes", NODES)
        count = len(self.cells)
        model.addVars(count, self.low, np.full(count, self.reach))
        place = {cell: at for at, cell in enumerate(self.cells)}
        infinity = highspy.kHighsInf
        for terms, low, high in self.rows:
            model.addRow(
                max(low, -infinity), min(high, infinity), len(terms),
                np.array([place[cell] for cell, _ in terms], dtype=np.int32), np.array([factor for _, factor in terms]),
            )  # fmt: skip
        return model

    def _solve(self, costs: Mapping[int, float]) -> bool:
        """Minimise the costs and note the solution; whether there was one."""
        count = len(self.cells)
        every = np.arange(count, dtype=np.int32)
        vector = np.zeros(count)
        for at, cost in costs.items():
            vector[at] = cost
        self.model.changeColsCost(count, every, vector)
        if not self._run():
            return False
        if self.whole and not self._is_whole():
            kinds = [highspy.HighsVarType.kInteger] * count
            self.model.changeColsIntegrality(count, every, np.array(kinds))
            found = self._run() and self._is_whole()
            if found:
                self._note()
            self.model.changeColsIntegrality(count, every, np.array([highspy.HighsVarType.kContinuous] * count))
            return found
        self._note()
        return True

    def _run(self) -> bool:
        self.model.run()
        solved = (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kSolutionLimit)
        return self.model.getModelStatus() in solved and len(self.model.getSolution().col_value) == len(self.cells)

    def _solution(self) -> np.ndarray:
        return np.array(self.model.getSolution().col_value)

    def _is_whole(self) -> bool:
        solution = self._solution()
        return bool(np.all(np.abs(solution - np.round(solution)) < INTEGRAL))

    def _note(self) -> None:
        solution = self._solution()
        self.least = np.minimum(self.least, solution)
        self.most = np.maximum(self.most, solution)


@dataclass(frozen=True)
class Past:
    """An earlier public folder, with the true counts behind what is no longer as it was."""

    folder: Path
    truth: Sequence[Figure]


_Shown = dict[tuple[object, ...], tuple[object, object, object]]


KEY = ("measure_id", "unit_id", "area_id", "basis", "period_type", "period_start", "period_end")
NUMBERS = ("numerator", "denominator", "value")
UNSAID = {"area_id": "''", "basis": "'reported'"} | dict.fromkeys(NUMBERS, "cast(null as decimal(18, 4))")
LEAST = {"measure_id", "unit_id", "period_type", "period_start", "period_end", "value"}  # of a table of figures


def _figures_shown(folder: Path) -> list[str]:
    """SQL for the figures that the public can read in a folder, one query for each file that has any."""
    found = []
    for path in sorted(folder.rglob("*.parquet")):
        names = set(pq.read_schema(path).names)
        if names >= LEAST:
            cells = ", ".join(name if name in names else f"{UNSAID[name]} as {name}" for name in (*KEY, *NUMBERS))
            found.append(f"select {cells} from read_parquet('{str(path).replace(chr(39), chr(39) * 2)}')")
    return found


def _shown(folder: Path, measures: Collection[str] | None = None) -> _Shown:
    """What the public can read in a folder: figure to its numerator, denominator and value, from every file; of
    these measures only, where some are named."""
    found: _Shown = {}
    with duckdb.connect() as connection:
        for query in _figures_shown(folder):
            if measures is not None:
                query += " where list_contains(?, measure_id)"
            for row in connection.execute(query, [] if measures is None else [list(measures)]).fetchall():
                before = found.get(row[:7], (None, None, None))
                found[row[:7]] = tuple(a if a is not None else b for a, b in zip(row[7:], before, strict=True))  # type: ignore[assignment]
    return found


def _key(figure: Figure) -> tuple[object, ...]:
    return (figure.measure_id, figure.unit_id, figure.area_id, figure.basis, figure.period_type,
            figure.period_start, figure.period_end)  # fmt: skip


def known_before(past: Sequence[Past], variables: Variables) -> set[int]:
    """Cells that an earlier release showed with the very count that they have in `variables`."""
    queries = [query for each in past for query in _figures_shown(each.folder)]
    if not queries or not variables.cells:
        return set()
    rows = [(*_key(figure), part == "denominator") for figure, part in variables.cells]
    cells = pa.table(
        {name: [row[at] for row in rows] for at, name in enumerate((*KEY, "is_denominator"))}
        | {"cell": list(range(len(rows))), "count": [float(value) for value in variables.values]}
    )
    same = " and ".join(f"shown.{name} = cells.{name}" for name in KEY)
    with duckdb.connect() as connection:
        connection.register("cells", cells)
        found = connection.execute(
            f"select distinct cells.cell from ({' union all '.join(queries)}) as shown inner join cells on {same} and "
            "case when cells.is_denominator then shown.denominator else shown.numerator end = cells.count"
        ).fetchall()
    return {cell for (cell,) in found}


def _part(shown: _Shown, figure: Figure, part: str) -> object:
    return shown.get(_key(figure), (None, None, None))[part == "denominator"]


def prove(
    folder: Path, truth: Sequence[Figure], structure: Structure, past: Sequence[Past],
    factors: Mapping[str, tuple[float, int]], disclosure: Disclosure,
) -> list[str]:  # fmt: skip
    """What could be worked out from a public folder and the ones before it: one sentence per hidden count.

    The files are read as the public reads them; the true counts only say which sums add up and what is missing.
    """
    variables = Variables()
    relations: list[Relation] = []
    known: set[int] = set()
    present: dict[int, Cell] = {}
    for place, figures in [(folder, truth), *((each.folder, each.truth) for each in past)]:
        shown = _shown(place, {figure.measure_id for figure in figures})
        for figure in figures:
            for part in ("numerator", "denominator"):
                if getattr(figure, part) is None:
                    continue
                at = variables.number((figure, part))
                if place is folder:
                    present[at] = (figure, part)
                if _part(shown, figure, part) is not None:
                    known.add(at)
            relations += _ratio(figure, shown.get(_key(figure)), factors, variables)
        relations += relations_of(figures, structure, variables)
    relations = list(dict.fromkeys(relations))
    known |= known_before(past, variables)
    bare = [f"{_named(present[at])} is {variables.values[at]:f} and shown"
            for at in sorted(known & present.keys())
            if 0 < variables.values[at] < disclosure.threshold + 1]  # fmt: skip
    hidden = set(range(len(variables.values))) - known
    lower = {at: 1.0 if variables.values[at] >= 1 else 0.0 for at in hidden}
    values = [float(value) for value in variables.values]
    narrow = unprotected(hidden, values, relations, lower, disclosure.width)
    return bare + [
        f"{_named(present[at])} can only be {low:g} to {high:g}"
        for at, (low, high) in sorted(narrow.items())
        if at in present
    ]


def _ratio(
    figure: Figure, shown: tuple[object, object, object] | None, factors: Mapping[str, tuple[float, int]],
    variables: Variables,
) -> list[Relation]:  # fmt: skip
    """A value that is shown holds its two numbers together, as closely as it is rounded."""
    if shown is None or shown[2] is None or figure.measure_id not in factors:
        return []
    numerator, denominator, value = (None if cell is None else float(str(cell)) for cell in shown)
    if numerator is not None and denominator is not None:
        return []
    factor, places = factors[figure.measure_id]
    assert value is not None
    half = 0.5 * 10.0**-places
    rows = []
    for bound, low, high in ((value - half, 0.0, math.inf), (value + half, -math.inf, 0.0)):
        terms: list[tuple[int, float]] = []
        offset = 0.0
        for part, weight, known in (("numerator", factor, numerator), ("denominator", -bound, denominator)):
            if getattr(figure, part) is not None:
                terms.append((variables.number((figure, part)), weight))
            elif known is not None:
                offset += weight * known
            elif part == "denominator":
                offset += weight  # a count without denominator is its own value
            else:
                return []
        rows.append(Relation(tuple(terms), low - offset, high - offset))
    return [row for row in rows if row.terms]


def _named(cell: Cell) -> str:
    figure, part = cell
    place = f" in area {figure.area_id}" if figure.area_id else ""
    return (f"the {part} of {figure.measure_id} for unit {figure.unit_id}{place}, {figure.period_type} from "
            f"{figure.period_start} ({figure.basis})")  # fmt: skip
