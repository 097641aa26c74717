"""What a council's systems get wrong, one thing at a time: said in plain words, nothing half landed, all else lands."""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.brigstow import Brigstow, Outcome, brigstow_in
from support.builders import files_in, reasons_of, rejected_path, rows_of, write_workbook
from support.fault_server import closed_port

from sources import connectors
from sources.contract import load_contracts
from sources.door import pseudonym
from sources.errors import ConfigurationError, listed
from sources.landing import describe, extracts_in_force
from sources.periods import Quarter
from sources.sandbox import running

LAST, BEFORE = Quarter(2026, 2), Quarter(2026, 1)
QUARTERS = [BEFORE, LAST]
SYSTEMS = ("audit", "complaints", "finance", "framework", "hr", "risk")  # each way of connecting, a few datasets each
COMPLAINTS = ("complaints.cases", "complaints.service_requests", "complaints.ombudsman_decisions")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running(tmp_path_factory.mktemp("sandbox"), 1373, 0.1) as given:
        yield given


@pytest.fixture(scope="module")
def good(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What lands when nothing more is wrong than what these systems always get wrong."""
    with pytest.MonkeyPatch.context() as patch:
        outcome = brigstow_in(tmp_path_factory.mktemp("good"), environment, patch, *SYSTEMS).land(QUARTERS)
    assert [item.error for landed in outcome.values() for item in landed if item.error] == []
    assert len(outcome) == 29
    return outcome


@pytest.fixture
def city(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Brigstow:
    return brigstow_in(tmp_path, environment, monkeypatch, *SYSTEMS)


def assert_the_rest_landed(outcome: Outcome, good: Outcome, *but: str) -> None:
    """Every dataset but those named landed as ever."""
    assert set(but) <= set(outcome) == set(good)
    for name in set(outcome) - set(but):
        found = [(item.quarter, item.rows, item.rejected, item.error) for item in outcome[name]]
        assert found == [(item.quarter, item.rows, item.rejected, item.error) for item in good[name]], name


def assert_nothing_half(city: Brigstow) -> None:
    """Every file below the data folder is an extract that is whole and says so itself."""
    for name in files_in(city.data):
        path = city.data / name
        assert not path.name.startswith("."), name
        told = describe(path)
        expected = told.rows if name.startswith("raw/") else told.rejected
        assert pq.read_metadata(path).num_rows == expected > 0, name
        if name.startswith("rejected/"):
            assert (city.data / "raw" / Path(name).relative_to("rejected")).exists(), "never without its extract"


def in_force(city: Brigstow, name: str) -> list[tuple[str, int]]:
    return [(item.extract_id, item.rows) for item in extracts_in_force(load_contracts()[name], city.data)]


def swap(path: Path, old: str, new: str, encoding: str = "utf-8") -> None:
    """Replace the one place where `path` says `old`."""
    text = path.read_text(encoding=encoding)
    assert text.count(old) == 1, (old, text.count(old))
    path.write_text(text.replace(old, new), encoding=encoding)


def edit_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


# Configuration: nothing is read until it is sound


def refused_before_reading(city: Brigstow) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        city.land(QUARTERS)
    assert not city.data.exists(), "nothing was read, nothing landed"
    return error.value.problems


def test_a_wrong_key_in_yaml(city: Brigstow) -> None:
    path = city.council / "sources" / "risk.yaml"
    swap(path, "    files: ", "    fils: ")
    assert refused_before_reading(city) == [
        f"{path}: datasets.register.files: is missing. Add it.",
        f"{path}: datasets.register.fils: not a known key. Did you mean 'files'? "
        "Keys: 'absent', 'columns', 'files', 'format'.",
    ]


def test_an_unknown_connector(city: Brigstow) -> None:
    path = city.council / "sources" / "hr.yaml"
    swap(path, "connector: database", "connector: databse")
    assert refused_before_reading(city) == [
        f"{path}: connector: 'databse' is not a connector. Did you mean 'database'? "
        f"Connectors: {listed(connectors.KINDS)}."
    ]


def test_several_mistakes_in_several_files_come_at_once(city: Brigstow) -> None:
    sources = city.council / "sources"
    swap(sources / "hr.yaml", "connector: database", "connector: databse")
    paging = "{kind: cursor, next: next_cursor, parameter: cursor}\n    columns:\n      received_date"
    swap(sources / "complaints.yaml", paging, paging.replace("cursor", "curser", 1))
    swap(sources / "finance.yaml", "  forecasts:", "  forecast:")
    assert [problem.split(": ")[1] for problem in refused_before_reading(city)] == [
        "datasets.cases.paging.kind",
        "datasets.forecast",
        "connector",
    ]


# Getting there


def test_a_missing_credential(city: Brigstow, good: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPLAINTS_CLIENT_SECRET")
    outcome = city.land(QUARTERS)
    (landed,) = outcome["complaints.cases"]
    assert landed.error == (
        f"{city.council}/sources/complaints.yaml: connection.auth: the environment variable COMPLAINTS_CLIENT_SECRET "
        "is not set. Set it where this command runs, or in the file .env beside the README."
    )
    assert in_force(city, "complaints.cases") == []
    assert_the_rest_landed(outcome, good, *COMPLAINTS)
    assert_nothing_half(city)


def test_a_wrong_credential(city: Brigstow, good: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPLAINTS_CLIENT_SECRET", "hunter2")
    outcome = city.land(QUARTERS)
    for landed in outcome["complaints.cases"]:
        assert landed.error is not None
        assert (
            "/oauth/token: no token given (status 401, invalid_client). Check client_id, client_secret" in landed.error
        )
        assert "hunter2" not in landed.error
    assert_the_rest_landed(outcome, good, *COMPLAINTS)
    assert_nothing_half(city)


def test_an_unreachable_host(city: Brigstow, good: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    address = closed_port()
    monkeypatch.setenv("COMPLAINTS_URL", address)
    outcome = city.land(QUARTERS)
    assert [landed.error for landed in outcome["complaints.cases"]] == [
        f"{address}/oauth/token: cannot be reached (ConnectionError). "
        "Check connection.base_url, the network, and whether the system is up."
    ] * 2
    assert in_force(city, "complaints.cases") == []
    assert_the_rest_landed(outcome, good, *COMPLAINTS)
    assert_nothing_half(city)


def test_a_folder_that_is_gone(city: Brigstow, good: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISK_FOLDER", str(city.systems / "rsik"))
    outcome = city.land(QUARTERS)
    assert [landed.error for landed in outcome["risk.register"]] == [
        f"{city.systems}/rsik: there is no such folder. Check connection.location and its variable."
    ] * 2
    assert_the_rest_landed(outcome, good, "risk.register")


def test_a_month_that_has_not_come(city: Brigstow, good: Outcome) -> None:
    (city.systems / "finance" / "ledger_2026-08.csv").unlink()
    outcome = city.land(QUARTERS)
    first, second = outcome["finance.ledger"]
    assert second.error is not None
    assert f"{city.systems}/finance: there is no file 'ledger_2026-08.csv'." in second.error
    assert (first.error, first.rows) == (None, good["finance.ledger"][0].rows)
    assert [rows for _, rows in in_force(city, "finance.ledger")] == [first.rows], "July and September wait for August"
    assert_the_rest_landed(outcome, good, "finance.ledger")
    assert_nothing_half(city)


# The shape of what is there


def test_a_workbook_without_the_sheet(city: Brigstow, good: Outcome) -> None:
    path = city.systems / "risk" / f"risk_register_{LAST}.xlsx"
    write_workbook(path, {"Corporate Risk": [["Ref", "Risk"]], "Notes": [["none"]]})
    outcome = city.land(QUARTERS)
    first, second = outcome["risk.register"]
    assert second.error == (
        f"{path}: the workbook has no sheet 'Corporate risks'. Did you mean 'Corporate Risk'? It has: "
        "'Corporate Risk', 'Notes'. Nothing landed. Mend `datasets.register.format.sheet` in the source's YAML, "
        "or ask the owner."
    )
    assert second.path is None
    assert first.error is None, "the quarter before still lands"
    assert [rows for _, rows in in_force(city, "risk.register")] == [good["risk.register"][0].rows]
    assert_the_rest_landed(outcome, good, "risk.register")
    assert_nothing_half(city)


def contents(outcome: Outcome, name: str) -> list[list[tuple[object, ...]]]:
    columns = ", ".join(column.name for column in load_contracts()[name].columns)
    return [rows_of(landed.path, columns) for landed in outcome[name]]


def test_a_csv_whose_columns_moved_still_lands_right(city: Brigstow, good: Outcome) -> None:
    path = city.systems / "audit" / "audits.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    moved = [[row[5], row[2], "a note", *row[:2], row[4], row[3]] for row in rows]
    moved[0][2] = "Lead auditor"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["Internal audit plan"], ["As exported on", "1 October 2026"], [], *moved])
    outcome = city.land(QUARTERS)
    (landed,) = outcome["audit.audits"]
    assert landed.error is None
    assert contents(outcome, "audit.audits") == contents(good, "audit.audits")
    assert landed.notes == ("audits.csv: columns that the contract does not have: Lead auditor",)
    assert rows_of(landed.path, "min(_source_row)", "1") == [(5,)], "below the header in row 4"
    assert_the_rest_landed(outcome, good, "audit.audits")


def test_a_csv_that_lost_a_column(city: Brigstow, good: Outcome) -> None:
    path = city.systems / "audit" / "audits.csv"
    swap(path, "Report issued", "Date of report")
    outcome = city.land(QUARTERS)
    (landed,) = outcome["audit.audits"]
    assert landed.error is not None
    assert landed.error.startswith(f"{path}: missing columns: 'Report issued' for audit.audits.issued_date.")
    assert "The header row 1 has: 'Audit ref', 'Audit', 'Service code', 'Planned report date', 'Date of report', " in (
        landed.error
    )
    assert "Mend `columns` or `format.header.aliases` of datasets.audits in the source's YAML." in landed.error
    assert in_force(city, "audit.audits") == []
    assert_the_rest_landed(outcome, good, "audit.audits")
    assert_nothing_half(city)


def test_an_empty_file(city: Brigstow, good: Outcome) -> None:
    city.land(QUARTERS, only="audit")
    former = in_force(city, "audit.audits")
    path = city.systems / "audit" / "audits.csv"
    path.write_bytes(b"")
    outcome = city.land(QUARTERS)
    (landed,) = outcome["audit.audits"]
    assert landed.error == f"{path}: the file is empty. Nothing landed; ask for it again."
    assert in_force(city, "audit.audits") == former, "what had landed before stays in force"
    assert_the_rest_landed(outcome, good, "audit.audits")
    assert_nothing_half(city)


def test_a_file_with_a_header_and_no_rows(city: Brigstow, good: Outcome) -> None:
    path = city.systems / "audit" / "audits.csv"
    edit_lines(path, path.read_text(encoding="utf-8").splitlines()[:1])
    outcome = city.land(QUARTERS)
    (landed,) = outcome["audit.audits"]
    assert landed.error == "The source gave no rows. Nothing landed; ask the owner whether that can be."
    assert_the_rest_landed(outcome, good, "audit.audits")
    assert_nothing_half(city)


def test_a_file_that_shrank_by_half(city: Brigstow, good: Outcome) -> None:
    city.land(QUARTERS, only="audit")
    former = in_force(city, "audit.audits")
    path = city.systems / "audit" / "audits.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 323
    edit_lines(path, lines[:162])
    outcome = city.land(QUARTERS)
    (landed,) = outcome["audit.audits"]
    assert landed.error == (
        "161 rows where 322 had landed before: it shrank by 50%, the contract allows 30%. "
        "Nothing landed; ask the owner, or raise maximumShrink."
    )
    assert in_force(city, "audit.audits") == former
    assert (landed.rows, landed.path is not None) == (322, True), "it tells what is in force"
    assert_the_rest_landed(outcome, good, "audit.audits")
    assert_nothing_half(city)


def test_a_ledger_cut_off_in_the_middle(city: Brigstow, good: Outcome) -> None:
    """The last line is torn; the rows above it land, the torn one stands aside."""
    path = city.systems / "finance" / "ledger_2026-08.csv"
    text = path.read_bytes()
    path.write_bytes(text[: text.rindex(b",")])
    outcome = city.land(QUARTERS)
    _, landed = outcome["finance.ledger"]
    expected = good["finance.ledger"][1]
    assert (landed.error, landed.rows, landed.rejected) == (None, expected.rows - 1, expected.rejected + 1)
    assert landed.reasons["the record has 5 cells where the header has 6"] == 1
    assert_the_rest_landed(outcome, good, "finance.ledger")


# Single rows: they stand aside with their reasons, the others land


def test_a_negative_fte(city: Brigstow, good: Outcome) -> None:
    with sqlite3.connect(city.systems / "hr.sqlite") as database:
        (person,) = database.execute("select min(person_ref) from assignment where fte_ratio = 1").fetchone()
        changed = database.execute("update assignment set fte_ratio = -0.5 where person_ref = ?", [person]).rowcount
    database.close()
    outcome = city.land(QUARTERS)
    (landed,) = outcome["hr.employees"]
    expected = good["hr.employees"][0]
    assert changed == 1
    assert (landed.error, landed.rows, landed.rejected) == (None, expected.rows - 1, expected.rejected + 1)
    found = rows_of(rejected_path(landed), "employee_id, fte, _reasons")
    known_as = pseudonym(os.environ["HR_PSEUDONYM_KEY"], person)
    assert (known_as, "-0.5", ['fte "-0.5" is not above 0']) in found
    assert known_as not in {row[0] for row in rows_of(landed.path, "employee_id")}
    assert_the_rest_landed(outcome, good, "hr.employees")
    assert_nothing_half(city)


def test_a_duplicate_key(city: Brigstow, good: Outcome) -> None:
    path = city.systems / "audit" / "audits.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    edit_lines(path, [*lines, lines[1].replace("Reasonable", "Limited")])
    outcome = city.land(QUARTERS)
    (landed,) = outcome["audit.audits"]
    assert (landed.error, landed.rows, landed.rejected) == (None, 322, 1)
    assert reasons_of(landed) == {324: ["duplicate key (audit_id): the first such row is kept"]}
    assert rows_of(rejected_path(landed), "audit_id, opinion") == [("A2020-01", "limited")]
    assert contents(outcome, "audit.audits") == contents(good, "audit.audits"), "the first is the one kept"
    assert_the_rest_landed(outcome, good, "audit.audits")
    assert_nothing_half(city)


def test_a_date_that_does_not_exist(city: Brigstow, good: Outcome) -> None:
    path = city.systems / "audit" / "audits.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace("04/06/2020", "31/02/2020")
    edit_lines(path, lines)
    outcome = city.land(QUARTERS)
    (landed,) = outcome["audit.audits"]
    assert (landed.error, landed.rows, landed.rejected) == (None, 321, 1)
    assert rows_of(rejected_path(landed), "audit_id, planned_date, _source, _source_row, _reasons") == [
        ("A2020-01", "31/02/2020", str(path), 2, ['planned_date "31/02/2020" is not a date that exists'])
    ]
    assert landed.reasons == {"planned_date is not a date that exists": 1}
    assert_the_rest_landed(outcome, good, "audit.audits")
    assert_nothing_half(city)


def test_a_code_that_nobody_has_mapped(city: Brigstow, good: Outcome) -> None:
    path = city.systems / "audit" / "audits.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace("Reasonable", "Splendid")
    edit_lines(path, lines)
    outcome = city.land(QUARTERS)
    (landed,) = outcome["audit.audits"]
    assert reasons_of(landed) == {2: ['opinion "Splendid" is not in the map file']}
    assert_the_rest_landed(outcome, good, "audit.audits")
    swap(city.council / "sources" / "opinions.csv", "from,to\n", "from,to\nSplendid,substantial\n")
    (landed,) = city.land(QUARTERS, only="audit")["audit.audits"]
    assert (landed.rows, landed.rejected) == (322, 0), "a line more in the map file, and the next run takes it"
    assert rows_of(landed.path, "opinion")[0] == ("substantial",)


def test_too_many_bad_rows_stop_the_dataset(city: Brigstow, good: Outcome) -> None:
    path = city.systems / "audit" / "audits.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    edit_lines(path, [lines[0], *(line.replace("/2020", "/202O") for line in lines[1:])])
    outcome = city.land(QUARTERS)
    (landed,) = outcome["audit.audits"]
    assert landed.error is not None
    assert "rows are refused (" in landed.error
    assert "the contract allows 2.0%). Nothing landed. " in landed.error
    assert "× planned_date is not a date that exists" in landed.error
    assert files_in(city.data / "rejected" / "audit" / "audits") == [], "no refused rows without their extract"
    assert_the_rest_landed(outcome, good, "audit.audits")
    assert_nothing_half(city)
