"""Published tables as they are: banners, totals among the rows, symbols, layers in one file, changed boundaries.

Each by YAML and contract alone; expectations are counted by plain Python or DuckDB from the files themselves, or were
known beforehand.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import fastexcel
import pytest
from support.builders import reasons_of, rows_of
from support.real import DATA, asked, landed, needs, real_data, real_source, records

from sources.landing import Landed

_used = real_data  # a fixture


def one(found: list[Landed]) -> Landed:
    """The one slot, which has landed without a rejected row."""
    (landed_one,) = found
    assert landed_one.error is None
    assert landed_one.rejected == 0, landed_one.reasons
    return landed_one


# Fly-tipping


def sheet(name: str) -> list[dict[str, str]]:
    """A sheet of the workbook, its rows by heading, header in row 3."""
    book = fastexcel.read_excel(DATA / "flytipping_defra" / "Flytipping.xlsx")
    table = book.load_sheet(name, header_row=2, dtypes="string").to_arrow()
    return [{key.strip(): value or "" for key, value in row.items()} for row in table.to_pylist()]


@needs("flytipping_defra")
@pytest.mark.parametrize(("dataset", "columns"), [("incidents", 41), ("actions", 41)])
def test_fly_tipping_lands_without_the_totals(real_data: Path, tmp_path: Path, dataset: str, columns: int) -> None:
    found = one(landed(real_source("fly_tipping", "fly_tipping"), dataset, tmp_path))
    rows = sheet(f"LA_{dataset}")
    authorities = [row for row in rows if row["ONS Code"] != "*Total"]
    headings = [heading for heading in rows[0] if heading not in ("Year", "ONS Code", "LA Name", "Region")]
    headings = [heading for heading in headings if "per 1,000" not in heading and "population" not in heading]
    headings = [heading for heading in headings if heading != "Reporting basis"]
    assert len(headings) == columns
    cells = [row[heading] for row in authorities for heading in headings]
    assert found.rows == len(authorities) * columns == len(cells)
    reasons = dict(asked([found], "value_reason, count(*)", "where value is null group by all"))
    blank = {None: cells.count("")} if "" in cells else {}
    assert reasons == {"no return": cells.count(":")} | blank, "an empty cell gives no reason"
    total = sum(Decimal(cell) for cell in cells if cell not in (":", ""))
    ((landed_total,),) = asked([found], "sum(value)")
    assert abs(landed_total - total) < Decimal("0.001")  # the workbook's own numbers have up to 17 digits
    left_out = len(rows) - len(authorities)
    assert f"Flytipping.xlsx: {left_out} rows left out where ONS Code is '[*]Total'" in found.notes
    assert f"Flytipping.xlsx: ':' stands for a value {cells.count(':'):,} times: no return" in found.notes


@needs("flytipping_defra")
def test_fly_tipping_in_bristol_under_both_its_names(real_data: Path, tmp_path: Path) -> None:
    found = one(landed(real_source("fly_tipping", "fly_tipping"), "incidents", tmp_path))
    where = "where area_code = 'E06000023' and category = 'Total Incidents' order by financial_year"
    years = {year: (name, value, why) for year, name, value, why in asked(
        [found], "financial_year, area_name, value, value_reason", where
    )}  # fmt: skip
    assert len(years) == 10
    assert years["2012-13"] == ("Bristol, City of", 6358, None)
    assert years["2015-16"] == ("Bristol, City of", None, "no return")
    assert years["2021-22"] == ("Bristol", 10_296, None)
    areas = dict(asked([found], "financial_year, count(distinct area_code)", "group by all"))
    assert areas["2021-22"] < areas["2012-13"], "authorities merged"


# Emissions


@needs("la_emissions")
def test_emissions_land_with_authorities_that_are_gone(real_data: Path, tmp_path: Path) -> None:
    found = one(landed(real_source("emissions", "emissions"), "authorities", tmp_path))
    rows = list(records(DATA / "la_emissions" / "v1.0.0" / "local_authority_emissions.csv.gz"))
    assert asked([found], "count(*), count(distinct authority), min(calendar_year), max(calendar_year)") == [
        (len(rows), len({row["local-authority-code"] for row in rows}), 2005, 2020)
    ]
    ((total,),) = asked([found], "sum(total_kt)")
    assert total == pytest.approx(sum(Decimal(row["Total Emissions:kt CO2"]) for row in rows), abs=Decimal("1"))
    bristol = dict(asked([found], "calendar_year, round(per_person_t, 4)", "where authority = 'BST'"))
    assert {year: bristol[year] for year in (2005, 2019, 2020)} == {
        2005: Decimal("6.2427"),
        2019: Decimal("3.1268"),
        2020: Decimal("2.7803"),
    }
    gone = ["CAR", "COP", "ALL", "BAR", "EDN", "SLA", "CMA", "HAG", "RYE", "SCE", "SEL", "CRA", "HAE", "RIH", "NYK"]
    gone += ["MEN", "SEG", "SSO", "SWT", "SOM"]
    assert {code for (code,) in asked([found], "distinct authority")} >= set(gone)
    odd = asked([found], "count(*)", "where abs(total_kt / population_thousands - per_person_t) > 0.001")
    assert odd == [(0,)]


# Population


@needs("la_population")
def test_population_of_one_layer_and_one_breakdown(real_data: Path, tmp_path: Path) -> None:
    found = one(landed(real_source("population", "population"), "estimates", tmp_path))
    expected = {
        row["GEOGRAPHY_CODE"]: int(row["OBS_VALUE"])
        for row in records(DATA / "la_population" / "lad.csv")
        if row["GEOGRAPHY_TYPE"].startswith("local authorities: district") and row["C_AGE_NAME"] == "All Ages"
    }
    assert len(expected) == 374
    assert dict(asked([found], "area_code, population")) == expected
    assert expected["E06000023"] == 471_117
    counted = [note for note in found.notes if "rows left out" in note]
    assert sum(int(note.split(" ")[1].replace(",", "")) for note in counted) == 11_178 - 374


@needs("la_population")
def test_population_of_two_layers_is_stopped_by_its_key(real_data: Path, tmp_path: Path) -> None:
    (found,) = landed(real_source("population_twice", "population"), "estimates", tmp_path)
    assert found.path is None
    assert found.error is not None
    assert found.error.startswith("193 of 591 rows are refused (32.7%, the contract allows 2.0%). Nothing landed. ")
    assert "duplicate key (area_code, mid_year)" in found.error


# Attainment and other measures of children's services


@needs("lait_dfe")
def test_every_measure_lands_with_its_period_as_published(real_data: Path, tmp_path: Path) -> None:
    found = one(landed(real_source("attainment", "attainment"), "measures", tmp_path))
    path = DATA / "lait_dfe" / "bds_long_0.parquet"
    assert asked([found], "count(*), count(distinct measure), count(distinct period_label)") == [(641_070, 434, 65)]
    assert asked([found], "value_reason, count(*)", "where value is null group by all") == [
        ("missing or suppressed", 93_883)
    ]
    expected = duckdb.sql(f"""
        select "Years", count(*), sum(cast(nullif("Values", '-') as decimal(18, 6)))
        from '{path}' group by all order by 1
    """).fetchall()
    assert asked([found], "period_label, count(*), sum(value)", "group by all order by 1") == expected
    labels = {label for label, _, _ in expected}
    assert {"2016/17", "2022-23 (OT)", "2025 (prov)", "2014-16", "0"} <= labels


@needs("lait_dfe")
def test_the_dictionary_lands_with_excels_dates_and_lines_within_cells(real_data: Path, tmp_path: Path) -> None:
    (found,) = landed(real_source("attainment", "attainment"), "dictionary", tmp_path)
    rows = list(records(DATA / "lait_dfe" / "lait_data_dictionary.csv"))
    undated = [number for number, row in enumerate(rows, start=2) if not row["Last Update"].isdigit()]
    assert found.error is None
    assert (found.rows, found.rejected) == (448 - len(undated), len(undated))
    assert all("last_update" in reasons[0] for reasons in reasons_of(found).values())
    assert sorted(reasons_of(found)) == undated
    updates = [
        date(1899, 12, 30) + timedelta(days=int(row["Last Update"])) for row in rows if row["Last Update"].isdigit()
    ]
    assert [day for (day,) in rows_of(found.path, "last_update")] == updates
    texts = [row["Methodology"].strip(" ") for row in rows if row["Last Update"].isdigit()]
    assert Counter(text for (text,) in rows_of(found.path, "coalesce(methodology, 'NA')")) == Counter(
        text if text not in ("", "-", "TBC") else "NA" for text in texts
    )


@needs("lait_dfe")
def test_neighbours_and_areas_land_from_workbooks(real_data: Path, tmp_path: Path) -> None:
    source = real_source("attainment", "attainment")
    areas = one(landed(source, "areas", tmp_path))
    assert areas.rows == 171
    assert asked([areas], "area_name, kind, region", "where area_number in (801, 990) order by area_number") == [
        ("Bristol, City of", "UA", "South West"),
        ("South West", None, None),
    ]
    neighbours = one(landed(source, "neighbours", tmp_path))
    assert neighbours.rows == 158
    unknown = duckdb.sql(f"""
        select area_number from '{neighbours.path}' where area_number not in (select area_number from '{areas.path}')
    """).fetchall()
    assert unknown == []
    assert "the header stands in row 3; the rows above it from row 2 on are read as data" in " ".join(neighbours.notes)
    assert "1 row left out where LA Name is '2'" in " ".join(neighbours.notes)


# Deprivation


@needs("imd_2019")
def test_deprivation_lands_with_shared_ranks(real_data: Path, tmp_path: Path) -> None:
    source = real_source("deprivation", "deprivation")
    small = one(landed(source, "small_areas", tmp_path))
    rows = list(records(DATA / "imd_2019" / "UK_IMD_E.csv"))
    assert dict(asked([small], "nation, count(*)", "group by all")) == Counter(row["nation"] for row in rows)
    assert small.rows == 42_619
    shared = sum(row["UK_IMD_E_rank"].endswith(".5") for row in rows)
    assert shared > 0
    assert asked([small], "count(*)", "where rank <> floor(rank)") == [(shared,)]
    assert asked([small], "sum(rank)") == [(sum(Decimal(row["UK_IMD_E_rank"]) for row in rows),)]
    authorities = one(landed(source, "authorities", tmp_path))
    assert authorities.rows == 397
    assert asked([authorities], "authority_name", "order by score desc limit 1") == [
        ("Derry City and Strabane District Council",)
    ]


# Codes of authorities and areas


@needs("la_codes")
def test_authorities_land_with_what_replaced_them(real_data: Path, tmp_path: Path) -> None:
    found = one(landed(real_source("register", "register"), "authorities", tmp_path))
    rows = list(records(DATA / "la_codes" / "mysociety" / "uk_local_authorities.csv"))
    assert asked([found], "count(*), count(*) filter (is_current), count(replaced_by), count(end_date)") == [
        (470, 397, sum(bool(row["replaced-by"]) for row in rows), sum(bool(row["end-date"]) for row in rows))
    ]
    assert asked([found], "replaced_by, end_date", "where authority = 'AYL'") == [("BUC", date(2020, 3, 31))]
    ((names,),) = asked([found], "alternative_names", "where authority = 'BST'")
    assert "Bristol, City of" in names, "commas inside one cell"
    known = {code for (code,) in asked([found], "authority")}
    heirs = [heir for (heir,) in asked([found], "replaced_by", "where replaced_by is not null")]
    assert {code for heir in heirs for code in heir.split(",")} <= known
    assert "CBD,WAF" in heirs, "Cumbria became two"


@needs("la_codes")
def test_a_ward_that_lies_in_two_districts_lands_twice(real_data: Path, tmp_path: Path) -> None:
    found = one(landed(real_source("register", "register"), "wards", tmp_path))
    assert found.rows == 8_483
    assert asked([found], "ward_code", "group by all having count(*) > 1") == [("E05014284",)]
    assert asked([found], "district_name", "where ward_code = 'E05014284' order by 1") == [
        ("Ryedale",),
        ("Scarborough",),
    ]


@needs("la_codes")
def test_lookups_of_codes_land_whole(real_data: Path, tmp_path: Path) -> None:
    source = real_source("register", "register")
    successors = one(landed(source, "successors", tmp_path))
    rows = list(records(DATA / "la_codes" / "drkane" / "la_all_codes.csv"))
    changed = sum(row["LADCD"] != row["LADCD_ACTIVE"] for row in rows)
    assert asked([successors], "count(*), count(*) filter (active_code <> area_code)") == [(415, changed)]
    assert one(landed(source, "small_areas", tmp_path)).rows == 42_619
    assert one(landed(source, "combined_authorities", tmp_path)).rows == 53
