"""The connector `fingertips` against a replay of its answers (their headings from the service's own downloads)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.builders import column, files_in, key, make_contract, rows_of
from support.fault_server import Answer, Asked, faults
from support.replays import fetched, source_of

from sources.config import Source
from sources.contract import Contract
from sources.errors import SourceError

PATH = "/api/all_data/csv/by_indicator_id"
# The comparison's heading names the kind of area, the confidence limits come and go, and so does the last column.
ADULTS = (
    "Indicator ID,Indicator Name,Parent Code,Parent Name,Area Code,Area Name,Area Type,Sex,Age,Category Type,Category,"
    "Time period,Value,Lower CI 95.0 limit,Upper CI 95.0 limit,Count,Denominator,Value note,Recent Trend,"
    "Compared to England value or percentiles,Time period Sortable,New data,Compared to goal\r\n"
    '93088,"Overweight (including obesity) prevalence in adults, (using adjusted self-reported height and weight)",'
    "E92000001,England,E06000023,Bristol,UA,Persons,18+ yrs,,,2022/23,57.1,53.2,61.0,,,,Cannot be calculated,Better,"
    "20220000,,\r\n"
    "93088,Overweight,E92000001,England,E06000024,North Somerset,UA,Persons,18+ yrs,,,2022/23,,,,,,"
    "Value suppressed for disclosure control,,,20220000,,\r\n"
)
DEPRIVATION = (
    "Indicator ID,Indicator Name,Parent Code,Parent Name,Area Code,Area Name,Area Type,Sex,Age,Category Type,Category,"
    "Time period,Value,Count,Denominator,Value note,Time period Sortable\r\n"
    "93553,Deprivation score (IMD 2019),E92000001,England,E06000023,Bristol,UA,Persons,All ages,,,2019,26.4,,,,20190000"
    "\r\n"
)
COLUMNS = {
    "indicator_id": "Indicator ID",
    "area_code": "Area Code",
    "period": "Time period",
    "sex": "Sex",
    "value": "Value",
    "value_note": "Value note",
}


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path,
        key("indicator_id", 1),
        key("area_code", 2),
        key("period", 3),
        column("sex"),
        column("value", "DECIMAL(12,2)"),
        column("value_note"),
    )


def source_at(folder: Path, url: str, contract: Contract, **dataset: Any) -> Source:
    described = {"indicators": [93088, 93553], "area_type": 502, "columns": COLUMNS} | dataset
    return source_of(folder, "fingertips", url, contract, described)


def replay(asked: Asked) -> Answer:
    answers = {"93088": ADULTS, "93553": DEPRIVATION, "1": DEPRIVATION.partition("\r\n")[0] + "\r\n", "2": ""}
    return Answer(answers[asked.query["indicator_ids"]].encode(), content_type="text/csv")


def test_every_indicator_is_asked_for_by_itself(tmp_path: Path, contract: Contract) -> None:
    with faults({PATH: [replay]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert (landed.error, landed.rejected) == (None, 0)
        assert rows_of(landed.path, "indicator_id, area_code, period, value, value_note", "_row_number") == [
            ("93088", "E06000023", "2022/23", Decimal("57.10"), None),
            ("93088", "E06000024", "2022/23", None, "Value suppressed for disclosure control"),
            ("93553", "E06000023", "2019", Decimal("26.40"), None),
        ]
        assert [asked.query for asked in server.asked] == [
            {"indicator_ids": number, "child_area_type_id": "502", "parent_area_type_id": "15"}
            for number in ("93088", "93553")
        ]
        sources = rows_of(landed.path, "distinct _source", "1")
        assert sources[0] == (f"{server.url}{PATH}?indicator_ids=93088&child_area_type_id=502",)


@pytest.mark.parametrize("number", [1, 2], ids=["a header only", "nothing"])
def test_an_indicator_without_values_is_named(tmp_path: Path, contract: Contract, number: int) -> None:
    with faults({PATH: [replay]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, indicators=[93088, number]), tmp_path)
        assert landed.error == (
            f"{server.url}{PATH}?indicator_ids={number}&child_area_type_id=502: gives no value. Nothing landed. Check "
            "`indicators` and `area_type` in the source's YAML: not every indicator has values for every kind of area."
        )
        assert files_in(tmp_path / "data") == []


def test_a_page_instead_of_values_is_refused(tmp_path: Path, contract: Contract) -> None:
    page = Answer(b"\n<!DOCTYPE html><html>Sorry</html>", content_type="text/csv")
    with faults({PATH: [page]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error is not None
        assert landed.error.startswith(f"{server.url}{PATH}: answered 'text/csv' instead of a file (a login or")


def test_a_heading_that_is_not_there_is_named(tmp_path: Path, contract: Contract) -> None:
    with faults({PATH: [replay]}) as server:
        columns = COLUMNS | {"value_note": "Value notes"}
        landed = fetched(source_at(tmp_path, server.url, contract, columns=columns), tmp_path)
        assert landed.error is not None and "Did you mean 'Value note'?" in landed.error


def test_kinds_of_areas_are_checked(tmp_path: Path, contract: Contract) -> None:
    kinds = Answer([{"Id": 15, "Name": "England"}, {"Id": 502, "Name": "Upper tier local authorities"}])
    with faults({"/api/area_types": [kinds]}) as server:
        source_at(tmp_path, server.url, contract).reach()
        with pytest.raises(SourceError, match=r"has no kind of area 52\. Mend `area_type`\.$"):
            source_at(tmp_path, server.url, contract, area_type=52).reach()
