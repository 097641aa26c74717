"""What the bench says of a release's writers: each is one that a release calls, and no second is counted twice."""

from __future__ import annotations

import pytest

from benchmarks import releasing
from benchmarks.__main__ import WRITTEN


def test_every_writer_that_is_timed_is_there_and_shown() -> None:
    for functions in releasing.WRITERS.values():
        for module, name in functions:
            assert callable(getattr(module, name)), f"{module.__name__}.{name}"
    assert list(WRITTEN) == list(releasing.WRITERS)


def test_time_goes_to_the_outermost_writer_alone() -> None:
    spent = {"tables": 0.0, "public": 0.0}
    table = releasing.timed(lambda number: sum(range(number)), "tables", spent)
    public = releasing.timed(lambda: table(10_000), "public", spent)
    public()
    assert spent["tables"] == 0 and spent["public"] > 0
    table(10_000)
    assert spent["tables"] > 0


def test_a_writer_that_fails_does_not_swallow_the_time_of_the_next() -> None:
    spent = {"papers": 0.0, "site": 0.0}

    def failing() -> None:
        raise ValueError("no paper")

    with pytest.raises(ValueError, match="no paper"):
        releasing.timed(failing, "papers", spent)()
    releasing.timed(lambda: sum(range(10_000)), "site", spent)()
    assert spent["site"] > 0
