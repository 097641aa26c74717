"""The sandbox's data: the same for the same seed, whole or absent, and shaped like what old systems write."""

from __future__ import annotations

import csv
import hashlib
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import fastexcel
import numpy as np
import pyarrow.parquet as pq
import pytest

from sources.sandbox import (
    areas,
    audit,
    city,
    complaints,
    ensure,
    finance,
    housing,
    hr,
    open_data,
    returns,
    risk,
    service_requests,
    social_care,
    store,
    timeline,
)
from sources.sandbox.sickness import Spells, _first_of_overlapping, _take

SEED, SCALE = 7, 0.05


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure(tmp_path_factory.mktemp("sandbox"), SEED, SCALE)


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read_csv(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


def ledger(data: Path, month: str) -> list[dict[str, str]]:
    return read_csv(data / finance.FOLDER / f"ledger_{month}.csv", "cp1252")


def test_the_same_seed_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    assert hashes(ensure(tmp_path, SEED, SCALE)) == hashes(data)


def test_another_seed_gives_another_city(data: Path, tmp_path: Path) -> None:
    other = hashes(ensure(tmp_path, SEED + 1, SCALE))
    assert other.keys() == hashes(data).keys()
    same = {name for name, digest in hashes(data).items() if other[name] == digest}
    facts = {"open_data/nearest-neighbours.parquet", "areas/wards.csv"}
    assert {name for name in same if "budget_book" not in name} == facts, "what no chance decides"


def test_every_period_has_its_files(data: Path) -> None:
    months = [f"{month.first:%Y-%m}" for month in timeline.months()]
    assert (months[0], months[-1], len(months)) == ("2021-04", "2026-09", 66)
    names = {path.name for path in (data / finance.FOLDER).iterdir()}
    kinds = ("ledger", "invoices", "forecasts", "savings")
    books = {f"budget_book_{year}.xlsx" for year in {quarter.financial_year for quarter in timeline.QUARTERS}}
    assert names == {f"{kind}_{month}.csv" for kind in kinds for month in months} | books
    assert {path.name for path in (data / housing.FOLDER).iterdir()} == {
        f"hclic_{quarter.code}.zip" for quarter in timeline.QUARTERS
    }
    assert {path.name for path in (data / returns.FOLDER).glob("*.csv")} == {
        f"one_city_plan_{quarter.code}.csv" for quarter in timeline.QUARTERS
    }
    assert {path.name for path in (data / risk.FOLDER).iterdir()} == {
        f"risk_register_{quarter.code}.xlsx" for quarter in timeline.QUARTERS
    }
    assert len(timeline.QUARTERS) == 22


def test_the_whole_city_has_about_a_million_rows(data: Path) -> None:
    """Counts at a twentieth of the size, so twenty times as many in the whole city."""

    def lines(kind: str) -> int:
        return sum(len(path.read_bytes().splitlines()) - 1 for path in (data / finance.FOLDER).glob(f"{kind}_*"))

    with sqlite3.connect(data / hr.DATABASE) as database:
        absences = database.execute("select count(distinct spell_ref) from sickness_history").fetchone()[0]
        employees = database.execute("select count(*) from assignment").fetchone()[0]
        paid = database.execute("select count(*) from pay_snapshot").fetchone()[0]
    with sqlite3.connect(data / social_care.DATABASE) as database:
        care = database.execute("select count(*) from contact").fetchone()[0]
        packages = database.execute("select count(*) from service_line").fetchone()[0]
    versions = pq.read_table(data / complaints.RECORDS, columns=["case_id", "stage"])
    requests = pq.read_table(data / service_requests.RECORDS, columns=["request_ref"])
    assert 28_000 < lines("ledger") < 36_000
    assert 9_000 < lines("invoices") < 11_000
    assert 2_700 < absences < 3_700
    assert 500 < employees < 700
    assert 2_000 < versions.group_by(["case_id", "stage"]).aggregate([]).num_rows < 2_700
    assert 3_400 < requests.group_by("request_ref").aggregate([]).num_rows < 4_200
    assert 1_500 < paid < 1_900
    assert 1_350 < care < 1_700
    assert 1_200 < packages < 1_700
    # Framework-like records are as many at every scale: a forecast per service and month, a few audits and risks.
    assert lines("forecasts") == 35 * 66 + 36
    assert len(read_csv(data / audit.FOLDER / "audits.csv")) == 322


def test_ledgers_write_money_and_dates_the_british_way_in_windows_encoding(data: Path) -> None:
    rows = ledger(data, "2025-03")
    amounts = {row["Net amount"] for row in rows}
    assert any(amount.startswith("£") and "," in amount for amount in amounts)
    assert any(amount.startswith("-£") for amount in amounts)
    assert any(amount.startswith("(£") and amount.endswith(")") for amount in amounts)
    assert all(row["Posted"][2] == row["Posted"][5] == "/" for row in rows)
    with pytest.raises(UnicodeDecodeError):
        (data / finance.FOLDER / "ledger_2025-03.csv").read_text("utf-8")


def test_the_ledger_renamed_a_column_in_april_2024(data: Path) -> None:
    assert "Posting date" in ledger(data, "2024-03")[0]
    assert "Posted" in ledger(data, "2024-04")[0]
    assert "Posting date" not in ledger(data, "2024-04")[0]


def test_a_reversal_takes_back_an_accrual_of_the_month_before(data: Path) -> None:
    before = [row for row in ledger(data, "2025-01") if row["Narrative"].startswith("Accrual: ")]
    after = [row for row in ledger(data, "2025-02") if row["Narrative"] == "Reversal of accrual"]
    assert len(before) == len(after) > 0
    for accrual, reversal in zip(before, after, strict=True):
        assert reversal["Cost centre"] == accrual["Cost centre"]
        taken, back = accrual["Net amount"], reversal["Net amount"]
        assert back == (taken.removeprefix("-") if taken.startswith("-") else f"({taken})")


def test_an_invoice_stands_once_a_quarter(data: Path) -> None:
    for quarter in timeline.QUARTERS:
        seen = [
            row["Invoice"]
            for month in quarter.months
            for row in read_csv(data / finance.FOLDER / f"invoices_{month:%Y-%m}.csv")
        ]
        assert len(seen) - len(set(seen)) == 1  # the fault planted in every quarter


def test_a_risk_register_has_its_table_below_a_title(data: Path) -> None:
    book = fastexcel.read_excel(data / risk.FOLDER / "risk_register_2026-27-Q1.xlsx")
    assert book.sheet_names == ["Corporate risks", "Notes"]
    top = book.load_sheet("Corporate risks", header_row=None, skip_rows=0, dtypes="string", n_rows=6).to_arrow()
    assert top.column(0).to_pylist()[0] == "Brigstow City Council (fictional)"
    rows = book.load_sheet("Corporate risks", header_row=5).to_arrow().to_pylist()
    assert 18 <= len(rows) <= 24
    for row in rows:
        assert row["Current score"] == row["Likelihood (1-5)"] * row["Impact (1-5)"]


def test_the_hr_system_speaks_its_own_language_and_keeps_versions(data: Path) -> None:
    with sqlite3.connect(data / hr.DATABASE) as database:
        types = dict(row[1:3] for row in database.execute("pragma table_info(sickness_history)"))
        assert types["first_day"] == "date"
        assert types["changed_at"] == "timestamp"
        again = database.execute(
            "select count(*) from (select 1 from sickness_history group by spell_ref having count(*) > 1)"
        ).fetchone()[0]
        later = database.execute(
            "select count(*) from sickness_history where julianday(changed_at) - julianday(last_day) > 25"
        ).fetchone()[0]
        beyond = database.execute(
            "select count(*) from sickness_history where changed_at < '2021-04-01' or changed_at >= '2026-10-01'"
        ).fetchone()[0]
    assert again > 300
    assert later > 30
    assert beyond == 0


def test_nobody_falls_ill_twice_at_once() -> None:
    spells = Spells(
        who=np.array([1, 1, 1, 2]),
        reason=np.zeros(4, dtype=np.int64),
        start=np.array(["2024-01-03", "2024-01-01", "2024-01-08", "2024-01-02"], dtype="datetime64[D]"),
        end=np.array(["2024-01-04", "2024-01-05", "2024-01-09", "2024-01-02"], dtype="datetime64[D]"),
    )
    kept = _take(spells, _first_of_overlapping(spells.who, spells.start, spells.end))
    assert kept.start.tolist() == [date(2024, 1, 1), date(2024, 1, 8), date(2024, 1, 2)]


def test_open_data_cover_the_city_and_ten_neighbours(data: Path) -> None:
    emissions = pq.read_table(data / open_data.FOLDER / "local-authority-emissions.parquet").to_pylist()
    assert {row["calendar_year"] for row in emissions} == set(range(2005, 2025))
    assert len({row["local_authority_code"] for row in emissions}) == 12
    assert all(row["local_authority_code"].startswith("X") for row in emissions), "no real area's code"
    own = [row for row in emissions if row["local_authority_code"] == city.AREA_CODE]
    per_head = [1000 * row["ktco2e_within_scope"] / row["mid_year_population"] for row in own]
    assert 5.5 < per_head[0] < 6.7
    assert 2.3 < per_head[-1] < 3.2
    neighbours = pq.read_table(data / open_data.FOLDER / "nearest-neighbours.parquet").to_pylist()
    assert len(neighbours) == 10
    assert city.AREA_CODE not in {row["local_authority_code"] for row in neighbours}


def test_staff_numbers_tell_nothing(data: Path) -> None:
    with sqlite3.connect(data / hr.DATABASE) as database:
        numbers = [number for (number,) in database.execute("select person_ref from assignment where fte_ratio > 0")]
        paid = {number for (number,) in database.execute("select person_ref from pay_snapshot")}
    assert all(len(number) == 6 and number.isdecimal() for number in numbers)
    assert len(set(numbers)) == len(numbers) - 1, "one repeated"
    assert sorted(numbers) != numbers, "not in the order of joining"
    assert paid <= set(numbers)


def test_every_address_lies_in_one_ward_at_a_time(data: Path) -> None:
    """The systems ask `areas` where an address lies; the lookup says the same."""
    known = areas.addresses(SEED, SCALE)
    before, since = np.datetime64("2024-05-01"), np.datetime64("2024-05-02")
    everyone = np.arange(len(known.uprn))
    old, new = ({code for code, _, _ in areas.wards_on(on)} for on in (before, since))
    assert (len(old), len(new), len(old & new)) == (34, 34, 28)
    assert set(known.ward_on(everyone, np.full(len(everyone), before))) == old
    assert set(known.ward_on(everyone, np.full(len(everyone), since))) == new
    with zipfile.ZipFile(data / areas.FOLDER / areas.UPRNS) as archive:
        (name,) = archive.namelist()
        lines = archive.read(name).decode().splitlines()
    moved = int((known.ward_before != known.ward_since).sum())
    assert len(lines) - 1 == len(known.uprn) + moved
    assert moved > 100


def test_a_return_has_its_tables_below_a_title(data: Path) -> None:
    book = fastexcel.read_excel(data / returns.FOLDER / "return_ASC_2026-27-Q1.xlsx")
    assert book.sheet_names == ["Measures", "Narratives", "Activities", "Milestones", "Sign-off"]
    top = book.load_sheet("Measures", header_row=None, skip_rows=0, dtypes="string", n_rows=6).to_arrow()
    assert top.column(0).to_pylist()[1] == "Directorate: Adults and Public Health"
    measures = book.load_sheet("Measures", header_row=5).to_arrow().to_pylist()
    assert [row["Measure"] for row in measures] == ["AS01", "AS02", "AS03"]
    assert {row["Period from"].date() for row in measures} == {date(2026, 4, 1)}
    signed = book.load_sheet("Sign-off", header_row=5).to_arrow().to_pylist()
    assert [row["Stage"] for row in signed[:2]] == ["Service", "Divisional management team"]


def test_a_partner_s_milestone_keeps_its_day_and_ends_once(data: Path) -> None:
    seen: dict[str, list[tuple[str, str]]] = {}
    for quarter in timeline.QUARTERS:
        for row in read_csv(data / returns.FOLDER / f"one_city_plan_{quarter.code}.csv"):
            seen.setdefault(row["Milestone"], []).append((row["Due"], row["Done on"]))
    assert len(seen) == 8 * 6
    for reports in seen.values():
        assert len({due for due, _ in reports}) == 1
        assert len({done for _, done in reports if done}) <= 1


def test_data_are_made_once(tmp_path: Path) -> None:
    first = ensure(tmp_path, SEED, 0.02)
    stamp = (first / hr.DATABASE).stat().st_mtime_ns
    assert ensure(tmp_path, SEED, 0.02) == first
    assert (first / hr.DATABASE).stat().st_mtime_ns == stamp


def test_two_at_once_make_them_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda _: ensure(tmp_path, SEED, 0.02), range(2)))
    assert made[0] == made[1]
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [made[0]]


def test_a_generation_that_is_killed_leaves_nothing_half(tmp_path: Path) -> None:
    program = f"from pathlib import Path; from sources.sandbox import ensure; ensure(Path({str(tmp_path)!r}), 7, 1.0)"
    maker = subprocess.Popen([sys.executable, "-c", program])
    database = f"unfinished-*/{hr.DATABASE}"
    while maker.poll() is None and not list(tmp_path.glob(database)):
        time.sleep(0.01)
    maker.send_signal(signal.SIGKILL)
    assert maker.wait() == -signal.SIGKILL, "it was killed in the middle"
    assert all(path.name.startswith("unfinished-") for path in tmp_path.iterdir() if path.is_dir())
    made = ensure(tmp_path, SEED, SCALE)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [made]
    months, quarters, years, directorates = 66, 22, 6, 6
    finance_files = months * 4 + years
    returned = quarters * directorates - 1 + quarters
    folders = {
        "audit": 2,
        "areas": 3,
        "open_data": 6,
        "deflators": 11,
        "waste": 1,
        "housing": quarters,
        "risk": quarters,
    }
    databases, tables = 3, 3
    assert len(hashes(made)) == finance_files + returned + sum(folders.values()) + databases + tables


def test_data_of_another_version_go(tmp_path: Path) -> None:
    old = tmp_path / "0123456789ab-7-0.02"
    old.mkdir()
    made = ensure(tmp_path, SEED, 0.02)
    assert made.name == f"{store.generator_version()}-7-0.02"
    assert not old.exists()


@pytest.mark.parametrize("scale", [0, 0.01, 1.5, -1])
def test_a_scale_out_of_range_is_refused(tmp_path: Path, scale: float) -> None:
    with pytest.raises(ValueError, match=r"it goes from 0\.02 to 1"):
        ensure(tmp_path, SEED, scale)
    assert not list(tmp_path.iterdir())
