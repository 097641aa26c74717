"""Which counts of people the public edition hides: small ones, and those that would give them away.
Belongs here: choosing cells. Not here: what is known about them (relations), proving it (audit), files (public)."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from exports import audit
from exports.relations import Relation

PATIENCE = 2  # rounds in which one cell at a time is hidden


def is_small(value: Decimal | float, threshold: int) -> bool:
    """Whether a count of people is too small to be shown. Zero is not: it stays zero."""
    return 0 < value < threshold + 1


def least(value: Decimal | float) -> float:
    """What everybody knows of a hidden count, because a zero is never hidden."""
    return 1.0 if value >= 1 else 0.0


def suppress(
    values: Sequence[Decimal] | Sequence[float], relations: Sequence[Relation], primary: Collection[int],
    known: Collection[int] = (), width: float = 3, whole: bool = True,
) -> set[int]:  # fmt: skip
    """The cells to hide: the primary ones and as few and small others as a greedy search finds.

    Args:
        values: the true count of every cell.
        known: cells that an earlier release showed; hiding them protects nobody.
        width: the range that each hidden cell must be left, in people.

    Cells that nothing can protect stay hidden; the audit will name them. The same input gives the same cells.
    """
    numbers = [float(value) for value in values]
    of_cell: dict[int, list[int]] = defaultdict(list)
    for at, relation in enumerate(relations):
        for cell, _ in relation.terms:
            of_cell[cell].append(at)
    seen = set(known)
    hidden = set(primary) - seen
    free = {cell for cell, value in enumerate(numbers) if value > 0} - seen - hidden
    _complete(numbers, relations, of_cell, hidden, free, width, sorted(hidden))
    lower = {cell: least(number) for cell, number in enumerate(numbers)}
    suspects = set(hidden)
    rounds = 0
    while suspects:
        rounds += 1
        touched = _component(suspects, relations, of_cell, hidden)
        inside = sorted({at for cell in touched for at in of_cell[cell]})
        failing = audit.unprotected(touched, numbers, [relations[at] for at in inside], lower, width, whole)
        suspects = set()
        for cell in sorted(failing):
            around = {other for at in of_cell[cell] for other, _ in relations[at].terms}
            if rounds <= PATIENCE and suspects & around:
                continue  # what was just hidden may have mended this one too
            nearest = _nearest(cell, numbers, relations, of_cell, hidden, free)
            # At first one cell at a time; then everything as near as that, so that the search ends.
            more = set(nearest[:1] if rounds <= PATIENCE else nearest)
            hidden |= more
            free -= more
            suspects |= more
        added = _complete(numbers, relations, of_cell, hidden, free, width, sorted(suspects))
        suspects |= added
    return hidden | set(primary)


def _complete(
    numbers: Sequence[float], relations: Sequence[Relation], of_cell: Mapping[int, list[int]], hidden: set[int],
    free: set[int], width: float, start: Sequence[int],
) -> set[int]:  # fmt: skip
    """Within each single sum, hide the smallest others until what is hidden leaves room; the cells that were added."""
    added: set[int] = set()
    queue = deque(start)
    while queue:
        for at in of_cell[queue.popleft()]:
            relation = relations[at]
            while relation.low == relation.high and not _has_room(relation, numbers, hidden, width):
                choice = min(((numbers[cell], cell) for cell, _ in relation.terms if cell in free), default=None)
                if choice is None:
                    break
                hidden.add(choice[1])
                free.discard(choice[1])
                added.add(choice[1])
                queue.append(choice[1])
    return added


def _has_room(relation: Relation, numbers: Sequence[float], hidden: Collection[int], width: float) -> bool:
    """Whether this relation alone leaves its hidden cells a range of `width`."""
    inside = [(cell, factor) for cell, factor in relation.terms if cell in hidden]
    if not inside:
        return True
    if len(inside) == 1:
        return False
    if len({factor for _, factor in inside}) > 1:
        return True  # a hidden total and hidden parts rise together
    return sum(numbers[cell] - least(numbers[cell]) for cell, _ in inside) >= width


def _component(
    start: Collection[int], relations: Sequence[Relation], of_cell: Mapping[int, list[int]], hidden: Collection[int]
) -> set[int]:
    """The hidden cells that hang together with these through relations."""
    found = {cell for cell in start if cell in hidden}
    queue = list(found)
    while queue:
        for at in of_cell[queue.pop()]:
            for cell, _ in relations[at].terms:
                if cell in hidden and cell not in found:
                    found.add(cell)
                    queue.append(cell)
    return found


def _nearest(
    cell: int, numbers: Sequence[float], relations: Sequence[Relation], of_cell: Mapping[int, list[int]],
    hidden: Collection[int], free: Collection[int],
) -> list[int]:  # fmt: skip
    """The nearest cells that may still be hidden, smallest first, going from hidden cell to hidden cell."""
    layer, visited = [cell], {cell}
    while layer:
        around = sorted({other for each in layer for at in of_cell[each] for other, _ in relations[at].terms})
        choices = [(numbers[other], other) for other in around if other in free]
        if choices:
            return [other for _, other in sorted(choices)]
        layer = [other for other in around if other in hidden and other not in visited]
        visited |= set(layer)
    return []
