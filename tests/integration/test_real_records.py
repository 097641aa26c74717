"""Records of two systems as others published them: requests to a city, in Parquet; absences, in two formats at once."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
from support.builders import reasons_of, rejected_path, rows_of
from support.real import DATA, asked, landed, needs, real_data, real_source, records

_used = real_data  # a fixture


@needs("chicago_311_sanitation")
def test_requests_to_chicago_land_but_for_repeated_numbers(real_data: Path, tmp_path: Path) -> None:
    (found,) = landed(real_source("chicago", "requests"), "sanitation", tmp_path)
    assert found.error is None
    assert (found.rows, found.rejected) == (74_026, 375)
    assert found.reasons == {"duplicate key (request_id): the first such row is kept": 375}
    path = DATA / "chicago_311_sanitation" / "sanitation_code.parquet"
    expected = duckdb.sql(f"""
        select Status, count(*), count(Completion_Date), min(Creation_Date), max(Creation_Date)
        from (from '{path}' select distinct on (Service_Request_Number) * ) group by all
    """).fetchall()  # the states of equal numbers are the same, so that it does not matter which of them is kept
    columns = "status, count(*), count(completed_date), min(received_date), max(received_date)"
    assert sorted(asked([found], columns, "group by all")) == sorted(expected)
    assert asked([found], "count(*)", "where completed_date is null") == [(325 - still_open_twice(path),)]
    assert asked([found], "min(received_date), max(received_date)") == [(date(2000, 1, 3), date(2015, 1, 1))]


def still_open_twice(path: Path) -> int:
    """How many of the repeated numbers are of open requests."""
    found = duckdb.sql(f"""
        select count(*) - count(distinct Service_Request_Number) from '{path}' where Completion_Date is null
    """).fetchone()
    return int(found[0]) if found else 0


@needs("chicago_311_sanitation")
def test_typed_values_of_parquet_come_through_whole(real_data: Path, tmp_path: Path) -> None:
    (found,) = landed(real_source("chicago", "requests"), "sanitation", tmp_path)
    first = rows_of(found.path, "request_id, received_date, completed_date, ward, zip_code, latitude, _source_row")[0]
    assert [str(value) for value in first] == [
        "00-00002158",
        "2000-01-03",
        "2011-03-28",
        "20",
        "None",
        "41.80576343586902",
        "1",
    ]


@needs("hr_absenteeism_uci")
def test_absences_are_the_same_from_text_and_from_a_workbook(real_data: Path, tmp_path: Path) -> None:
    source = real_source("absenteeism", "absenteeism")
    (text,) = landed(source, "absences", tmp_path)
    (book,) = landed(source, "absences_workbook", tmp_path)
    columns = "employee_id, reason_code, month, weekday, service_years, age, hours, _source_row"
    assert rows_of(text.path, columns) == rows_of(book.path, columns)
    # The one writes 239.554 where the other has 239554: a dot for thousands, taken for one of decimals.
    workload = "replace(workload, '.', '')"
    padded = f"rpad({workload}, 6, '0')"
    assert rows_of(text.path, padded) == rows_of(book.path, padded)
    assert "Absenteeism_at_work.csv: the delimiter is ';'" in text.notes


@needs("hr_absenteeism_uci")
def test_an_absence_of_no_month_is_refused_with_its_number(real_data: Path, tmp_path: Path) -> None:
    (found,) = landed(real_source("absenteeism", "absenteeism"), "absences", tmp_path)
    rows = list(records(DATA / "hr_absenteeism_uci" / "Absenteeism_at_work.csv", delimiter=";"))
    assert len(rows) == 740
    of_no_month = [number for number, row in enumerate(rows, start=2) if row["Month of absence"] == "0"]
    assert reasons_of(found) == {number: ['month "0" is below 1'] for number in of_no_month}
    assert len(rows_of(rejected_path(found))) == 3
    kept = [row for row in rows if row["Month of absence"] != "0"]
    assert asked([found], "count(distinct employee_id), sum(hours)") == [
        (len({row["ID"] for row in kept}), sum(int(row["Absenteeism time in hours"]) for row in kept))
    ]
    reasons = Counter(int(row["Reason for absence"]) for row in kept)
    assert dict(asked([found], "reason_code, count(*)", "group by all")) == reasons
