"""The connector `explore_education_statistics` against a replay of the public API, version 1.

The replay knows everything by ids made of labels, pages as small as it likes and answers queries as the API's own
description says; where that lies beside this checkout, every query is held against it.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.builders import column, files_in, key, make_contract, rows_of
from support.fault_server import Answer, Asked, FaultServer, faults
from support.replays import RECORDED, fetched, recorded, source_of

from sources.config import Source
from sources.contract import Contract
from sources.errors import SourceError

DATA_SET = "87419401-36d5-e076-ae6a-1ecb7d07d56e"
BASE = f"/v1/data-sets/{DATA_SET}"
INDICATORS = {"enrolments": "Enrolments", "sess_overall_percent": "Percentage of overall absence"}
FILTERS = {"school_type": "School type", "sex": "Sex"}
ROWS = [
    {"period": period, "level": level, "code": code, "place": place, "school_type": school, "sex": "Total",
     "enrolments": str(1000 + number), "sess_overall_percent": share}
    for number, (period, level, code, place, school, share) in enumerate([
        ("2022/2023", "NAT", "E92000001", "England", "Total", "7.43"),
        ("2022/2023", "LA", "E06000023", "Bristol, City of", "Total", "8.1"),
        ("2022/2023", "LA", "E06000023", "Bristol, City of", "Special", "c"),
        ("2023/2024", "LA", "E06000023", "Bristol, City of", "Total", "7.90"),
        ("2023/2024", "LA", "E06000001", "Hartlepool", "Total", "z"),
        ("2023/2024", "LA", "E06000001", "Hartlepool", "Special", "low"),
        ("2023/2024", "NAT", "E92000001", "England", "Special", "x"),
    ])
]  # fmt: skip
COLUMNS = {
    "academic_year": "timePeriod.label",
    "area_code": "location.code",
    "school_type": "School type",
    "enrolments": "enrolments",
    "absence_pct": "Percentage of overall absence",
}
SYMBOLS = {"c": "suppressed", "z": "not applicable", "x": "not available", "low": "rounds to zero"}


def known(*parts: str) -> str:
    """A short id, as opaque as the API's own."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:5]


class Replay:
    """The API over `rows`, at most `most` results a page."""

    def __init__(self, rows: Sequence[dict[str, str]], indicators: dict[str, str], filters: dict[str, str], most: int):
        self.rows, self.indicators, self.filters, self.most = rows, indicators, filters, most
        places = {(row["level"], row["code"]): row["place"] for row in rows}
        self.meta = {
            "indicators": [
                {"id": known("indicator", name), "column": name, "label": label, "unit": "%"}
                for name, label in indicators.items()
            ],
            "filters": [
                {
                    "id": known("filter", name),
                    "column": name,
                    "label": label,
                    "options": [
                        {"id": known(name, option), "label": option} for option in sorted({row[name] for row in rows})
                    ],
                }
                for name, label in filters.items()
            ],
            "geographicLevels": [{"code": level, "label": level} for level in sorted({level for level, _ in places})],
            "locations": [
                {
                    "level": {"code": level, "label": level},
                    "options": [
                        {"id": known(*place), "label": label, "code": place[1]}
                        for place, label in places.items()
                        if place[0] == level
                    ],
                }
                for level in sorted({level for level, _ in places})
            ],
            "timePeriods": [
                {"code": "AY", "period": period, "label": f"{period[:4]}/{period[-2:]}"}
                for period in sorted({row["period"] for row in rows})
            ],
        }

    def scripts(self, **instead: Any) -> dict[str, list[Any]]:
        summary = {"id": DATA_SET, "title": "Absence", "status": "Published", "latestVersion": {"version": "2.1"}}
        pinned = {"version": "1.3", "type": "Minor", "status": "Deprecated"}
        return {
            BASE: [Answer(summary)],
            f"{BASE}/versions/1.*": [Answer(pinned)],
            f"{BASE}/meta": [Answer(self.meta)],
            f"{BASE}/query": [instead.get("query", self.query)],
        }

    def query(self, asked: Asked) -> Answer:
        assert (asked.method, asked.headers["content-type"]) == ("POST", "application/json")
        query = json.loads(asked.body)
        rows = [row for row in self.rows if self.meets(row, query.get("criteria"))]
        size = min(query["pageSize"], self.most)
        first = (query["page"] - 1) * size
        paging = {
            "page": query["page"],
            "pageSize": size,
            "totalResults": len(rows),
            "totalPages": -(-len(rows) // size),
        }
        warnings = [] if rows else [{"code": "NoResults", "message": "There are no results."}]
        results = [self.result(row, query["indicators"]) for row in rows[first : first + size]]
        return Answer({"paging": paging, "results": results, "warnings": warnings})

    def meets(self, row: dict[str, str], criteria: dict[str, Any] | None) -> bool:
        if not criteria:
            return True
        if "and" in criteria:
            return all(self.meets(row, each) for each in criteria["and"])
        ids = {known(name, row[name]) for name in self.filters}
        return all(
            bool(ids & set(told["in"])) if kind == "filters" else row["level"] == told["eq"]
            for kind, told in criteria.items()
        )

    def result(self, row: dict[str, str], indicators: Sequence[str]) -> dict[str, Any]:
        return {
            "timePeriod": {"code": "AY", "period": row["period"]},
            "geographicLevel": row["level"],
            "locations": {row["level"]: known(row["level"], row["code"])},
            "filters": {known("filter", name): known(name, row[name]) for name in self.filters},
            "values": {known("indicator", n): row[n] for n in self.indicators if known("indicator", n) in indicators},
        }


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path,
        key("academic_year", 1), key("area_code", 2), key("school_type", 3),
        column("enrolments", "integer", required=True), column("absence_pct", "DECIMAL(5,2)"), column("reason"),
    )  # fmt: skip


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with faults(Replay(ROWS, INDICATORS, FILTERS, most=3).scripts()) as replay:
        yield replay


def source_at(folder: Path, url: str, contract: Contract, **dataset: Any) -> Source:
    described = {
        "data_set": DATA_SET,
        "columns": COLUMNS,
        "format": {"symbols": SYMBOLS, "reason_column": "reason"},
        "absent": ["reason"],
    }
    return source_of(folder, "explore_education_statistics", url, contract, described | dataset)


def queries(server: FaultServer) -> list[dict[str, Any]]:
    return [json.loads(asked.body) for asked in server.asked if asked.method == "POST"]


def test_every_result_lands_by_its_labels(server: FaultServer, tmp_path: Path, contract: Contract) -> None:
    landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
    assert (landed.error, landed.rows, landed.rejected) == (None, 7, 0)
    found = rows_of(landed.path, "academic_year, area_code, school_type, enrolments")
    assert found == [
        (f"{row['period'][:4]}/{row['period'][-2:]}", row["code"], row["school_type"], int(row["enrolments"]))
        for row in ROWS
    ]
    # Three a page, whatever was asked for; all of one version, in one order.
    assert [(query["page"], query["pageSize"]) for query in queries(server)] == [(1, 10_000), (2, 3), (3, 3)]
    assert {asked.query["dataSetVersion"] for asked in server.asked if asked.method == "POST"} == {"2.1"}
    assert landed.notes[0] == "version 2.1, the newest"
    assert [sort["field"] for sort in queries(server)[0]["sorts"]][:4] == [
        "timePeriod",
        "geographicLevel",
        "location|LA",
        "location|NAT",
    ]


def test_symbols_are_kept_as_reasons(server: FaultServer, tmp_path: Path, contract: Contract) -> None:
    landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
    values = [
        (str(value) if value is not None else None, why) for value, why in rows_of(landed.path, "absence_pct, reason")
    ]
    assert values == [
        ("7.43", None),
        ("8.10", None),
        (None, "suppressed"),
        ("7.90", None),
        (None, "not applicable"),
        (None, "rounds to zero"),
        (None, "not available"),
    ]


def test_a_symbol_without_a_meaning_refuses_its_row(server: FaultServer, tmp_path: Path, contract: Contract) -> None:
    landed = fetched(source_at(tmp_path, server.url, contract, format={}), tmp_path)
    assert (landed.rows, landed.rejected) == (3, 4)
    assert landed.reasons == {"absence_pct is not a number": 4}


def test_filters_and_criteria_are_joined(server: FaultServer, tmp_path: Path, contract: Contract) -> None:
    source = source_at(
        tmp_path, server.url, contract,
        filters={"School type": "Special", "Sex": ["Total"]}, criteria={"geographicLevels": {"eq": "LA"}},
    )  # fmt: skip
    landed = fetched(source, tmp_path)
    assert rows_of(landed.path, "school_type, area_code") == [("Special", "E06000023"), ("Special", "E06000001")]
    assert queries(server)[0]["criteria"]["and"][1] == {"filters": {"in": [known("school_type", "Special")]}}


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ({"filters": {"School typ": "Total"}}, "'School typ' is no filter. Did you mean 'School type'? There are: "),
        (
            {"filters": {"School type": "Secondry"}},
            "'Secondry' is no option of 'School type'. There are: 'Special', 'To",
        ),
        ({"filters": {"School type": "Speciel"}}, "'Speciel' is no option of 'School type'. Did you mean 'Special'?"),
    ],
)
def test_what_the_data_set_lacks_is_named_when_reached(
    server: FaultServer, tmp_path: Path, contract: Contract, dataset: dict[str, Any], said: str
) -> None:
    source = source_at(tmp_path, server.url, contract, **dataset)
    with pytest.raises(SourceError) as error:
        source.reach()
    assert said in str(error.value)
    assert said in (fetched(source, tmp_path).error or "")


def test_a_renamed_indicator_is_named_with_the_nearest(server: FaultServer, tmp_path: Path, contract: Contract) -> None:
    columns = {**COLUMNS, "enrolments": "Enrollments"}
    landed = fetched(source_at(tmp_path, server.url, contract, columns=columns), tmp_path)
    assert landed.error is not None
    assert "there is no field 'Enrollments' for made.things.enrolments. Did you mean 'Enrolments'?" in landed.error


def test_without_an_indicator_nothing_is_asked(server: FaultServer, tmp_path: Path) -> None:
    contract = make_contract(tmp_path, key("area_code"))
    source = source_at(tmp_path, server.url, contract, columns={"area_code": "location.code"}, absent=[], format={})
    landed = fetched(source, tmp_path)
    assert landed.error is not None and "no column names an indicator. The data set has: 'Enrolments'" in landed.error
    assert queries(server) == []


def test_a_version_can_be_pinned(server: FaultServer, tmp_path: Path, contract: Contract) -> None:
    landed = fetched(source_at(tmp_path, server.url, contract, version="1.*"), tmp_path)
    assert landed.notes[0] == "version 1.3 (deprecated)"
    assert {asked.query["dataSetVersion"] for asked in server.asked if "dataSetVersion" in asked.query} == {"1.3"}


def test_no_results_are_noted_with_the_apis_warning(server: FaultServer, tmp_path: Path, contract: Contract) -> None:
    landed = fetched(source_at(tmp_path, server.url, contract, criteria={"geographicLevels": {"eq": "SCH"}}), tmp_path)
    assert landed.error is not None
    assert "the API warns: There are no results. (NoResults)" in landed.notes


def test_a_refused_query_says_what_is_wrong_where(tmp_path: Path, contract: Contract) -> None:
    problem = {
        "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
        "title": "One or more validation errors occurred.",
        "status": 400,
        "errors": [{"code": "MaximumLength", "message": "Must be 40 characters or fewer.", "path": "sorts[0].field"}],
    }
    scripts = Replay(ROWS, INDICATORS, FILTERS, most=3).scripts(query=Answer(problem, 400))
    with faults(scripts) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error == (
            f"{server.url}{BASE}/query: refused with status 400 Bad Request: One or more validation errors occurred. "
            "sorts[0].field: Must be 40 characters or fewer. Ask the system's owner."
        )


def test_a_data_set_that_is_not_there(tmp_path: Path, contract: Contract) -> None:
    missing = Answer({"title": "Not Found", "status": 404, "type": "https://tools.ietf.org/html/rfc9110"}, 404)
    with faults({BASE: [missing]}) as server, pytest.raises(SourceError, match="status 404 Not Found: Not Found"):
        source_at(tmp_path, server.url, contract).reach()


@pytest.mark.parametrize("status", [429, 504])
def test_a_busy_api_is_asked_again(tmp_path: Path, contract: Contract, status: int) -> None:
    replay = Replay(ROWS, INDICATORS, FILTERS, most=100)
    scripts = replay.scripts()
    scripts[f"{BASE}/query"] = [Answer(b"", status), replay.query]
    with faults(scripts) as server:
        assert fetched(source_at(tmp_path, server.url, contract), tmp_path).rows == 7
        assert server.times(f"{BASE}/query") == 2


def test_a_page_that_lacks_results_lands_nothing(tmp_path: Path, contract: Contract) -> None:
    replay = Replay(ROWS, INDICATORS, FILTERS, most=3)
    scripts = replay.scripts()
    empty = {"paging": {"page": 2, "pageSize": 3, "totalResults": 7, "totalPages": 3}, "results": [], "warnings": []}
    scripts[f"{BASE}/query"] = [replay.query, Answer(empty)]
    with faults(scripts) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error == f"{server.url}{BASE}: gave 3 of 7 records. Nothing landed; try again."
        assert files_in(tmp_path / "data") == []


def test_an_answer_of_another_shape_is_no_crash(tmp_path: Path, contract: Contract) -> None:
    paging = {"page": 1, "pageSize": 3, "totalResults": 1, "totalPages": 1}
    body = {"paging": paging, "results": [{"period": "2023/2024"}], "warnings": []}
    with faults(Replay(ROWS, INDICATORS, FILTERS, most=3).scripts(query=Answer(body))) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error is not None and "not shaped as this platform's answers are (KeyError" in landed.error


# --- real data and the API's own description ----------------------------------------------------------------------


def test_queries_are_such_as_the_api_describes(server: FaultServer, tmp_path: Path, contract: Contract) -> None:
    schemas = recorded("dfe_ees/openapi-v1.json")["components"]
    source = source_at(
        tmp_path, server.url, contract, filters={"Sex": "Total"}, criteria={"geographicLevels": {"eq": "LA"}}
    )
    fetched(source, tmp_path)
    for query in queries(server):
        jsonschema.validate(query, {"$ref": "#/components/schemas/DataSetQueryRequest", "components": schemas})


def test_real_exclusions_land_with_their_suppressions(tmp_path: Path) -> None:
    path = RECORDED / "dfe_ees" / "exclusions_by_reason.csv"
    if not path.is_file():
        pytest.skip("the department's exclusions do not lie beside this checkout")
    levels = {"national": ("NAT", "country_code", "country_name"), "regional": ("REG", "region_code", "region_name")}
    area = ("LA", "new_la_code", "la_name")
    with path.open(encoding="utf-8-sig", newline="") as file:
        told = list(csv.DictReader(file))
    rows = []
    for row in told:
        level, code, place = levels.get(row["geographic_level"], area)
        year = row["time_period"]
        rows.append(
            {**row, "period": f"{year[:4]}/20{year[4:]}", "level": level, "code": row[code], "place": row[place]}
        )
    contract = make_contract(
        tmp_path, column("academic_year"), column("area_code"), column("area"), column("school_type"), column("level"),
        column("bullying", "DECIMAL(12,5)"), column("reason"),
    )  # fmt: skip
    columns = {
        "academic_year": "timePeriod.period", "area_code": "location.code", "area": "location.label",
        "school_type": "School type", "level": "geographicLevel", "bullying": "Permanent exclusions: bullying",
    }  # fmt: skip
    replay = Replay(
        rows, {"perm_bullying": "Permanent exclusions: bullying"}, {"school_type": "School type"}, most=3000
    )
    with faults(replay.scripts()) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, columns=columns), tmp_path)
        assert (landed.error, server.times(f"{BASE}/query")) == (None, 3)
    counts = [row["perm_bullying"] for row in told]
    found = "count(*), sum(bullying), count(*) filter (reason = 'not available'), count(*) filter (bullying is null)"
    assert rows_of(landed.path, found, "1") == [
        (7004, sum(Decimal(count) for count in counts if count != "x"), counts.count("x"), counts.count("x"))
    ]
