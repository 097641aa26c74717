"""The proof of a public edition: what anybody could work out about each hidden number, by linear programming.
Belongs here: reading published files as a stranger does, and what follows from them. Not here: what to hide
(disclosure)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import highspy
import numpy as np

from exports.relations import Relation

INTEGRAL = 1e-6  # how near a whole number a solution has to be to count as one
NODES = 2_000  # branches of one integer programme; a bound that is the same on every machine, unlike seconds


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
        self.cells, self.rows, self.width, self.whole = cells, rows, width, whole
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
