"""A sample shows what would land: typed, checked, without personal data, and nothing of it stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.builders import Q1, column, files_in, key, make_contract, make_source

from orchestration.sampling import HIDDEN, READ, sample_source
from sources.contract import Contract
from sources.errors import SourceError


@pytest.fixture
def visits(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path,
        key("visit_id"),
        column("visited_date", "date", required=True),
        column("uprn", classification="personal", logicalTypeOptions={"pattern": "[0-9]+"}),
        name="libraries.visits",
    )


def sampled(tmp_path: Path, contract: Contract, text: str, size: int = 5, **more: object):  # type: ignore[no-untyped-def]
    (tmp_path / "visits.csv").write_text(text, encoding="utf-8")
    source = make_source(
        tmp_path,
        {
            "system": "libraries",
            "owner": "l@x.example",
            "connector": "files",
            "connection": {"location": str(tmp_path)},
            "datasets": {"visits": {"files": "visits.csv", **more}},
        },
        {contract.name: contract},
    )
    aside = tmp_path / "aside"
    aside.mkdir()
    return sample_source(source, contract, Q1, size, aside)


def test_rows_are_shown_typed_and_rejected_ones_with_their_reasons(tmp_path: Path, visits: Contract) -> None:
    text = "visit_id,visited_date,uprn\na,2025-04-01,100\nb,2025-02-30,\nc,2025-04-03,\n"
    taken = sampled(tmp_path, visits, text)
    assert (taken.rows, taken.refused, taken.is_whole) == (2, 1, True)
    assert [row["visit_id"] for row in taken.good.to_pylist()] == ["a", "c"]
    assert str(taken.good.schema.field("visited_date").type) == "date32[day]"
    assert taken.reasons == {"visited_date is not a date that exists": 1}
    assert taken.rejected.to_pylist()[0]["_reasons"] == ['visited_date "2025-02-30" is not a date that exists']


def test_personal_data_are_hidden_in_rows_reasons_and_broken_records(tmp_path: Path, visits: Contract) -> None:
    text = "visit_id,visited_date,uprn\na,2025-04-01,10023\nb,2025-04-02,10O24\nc,2025-04-03,10025,x\n"
    taken = sampled(tmp_path, visits, text)
    assert taken.good.to_pylist()[0]["uprn"] == HIDDEN
    shown = str(taken.good.to_pylist()) + str(taken.rejected.to_pylist())
    assert not {"10023", "10O24", "10025"} & set(shown.replace(",", " ").replace('"', " ").split())
    assert "10O24" not in shown and "10025" not in shown
    assert f'uprn "{HIDDEN}" does not have the agreed form' in shown


def test_no_more_is_read_than_the_sample_needs_and_volume_is_not_judged(tmp_path: Path, visits: Contract) -> None:
    lines = "".join(f"{number},2025-04-01,\n" for number in range(READ + 500))
    taken = sampled(tmp_path, visits, "visit_id,visited_date,uprn\n" + lines, size=3)
    assert (taken.rows, taken.is_whole, taken.good.num_rows) == (READ, False, 3)


def test_nothing_is_left_behind_but_in_the_folder_aside(tmp_path: Path, visits: Contract) -> None:
    before = set(files_in(tmp_path))
    sampled(tmp_path, visits, "visit_id,visited_date,uprn\na,2025-04-01,100\n")
    added = set(files_in(tmp_path)) - before
    assert {Path(name).parts[0] for name in added} == {"aside", "sources", "visits.csv"}


def test_a_source_that_cannot_be_read_says_why(tmp_path: Path, visits: Contract) -> None:
    with pytest.raises(SourceError, match=r"missing columns: 'visited_date'"):
        sampled(tmp_path, visits, "visit_id,uprn\na,1\n")
