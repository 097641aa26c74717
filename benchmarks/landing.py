"""Landing beside others who read the same: a ledger CSV, an API, a workbook. Parts are run as `benchmarks.parts` runs
them. Whoever reads the ledger writes typed Parquet with zstd; only landing checks rows and knows where they came from.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import pyarrow.dataset  # noqa: F401  # DuckDB imports it when it first sees Arrow, which is not what is measured

from sources.config import load_source
from sources.contract import load_contracts
from sources.landing import land
from sources.periods import Quarter

QUARTER = Quarter(2026, 1)
PAGE = 1_000
PAGE_SECONDS = 0.02  # what the API takes to make a page; few are as quick


def _landed(folder: Path, system: str, dataset: str, text: str) -> dict[str, float]:
    path = folder / f"{system}.yaml"
    path.write_text(text, encoding="utf-8")
    contracts = load_contracts()
    source = load_source(path, contracts)
    contract = contracts[f"{system}.{dataset}"]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder) as data:  # where it has not landed yet
        (landed,) = land(contract, source.extract(dataset, [QUARTER]), Path(data), [QUARTER])
    seconds = time.perf_counter() - began
    if landed.error:
        raise RuntimeError(landed.error)
    return {"seconds": seconds, "rows": landed.rows}


# A ledger


def large_csv(folder: Path, rows: str) -> dict[str, float]:
    """Write the ledger for the parts below: `rows` postings, dates in dd/mm/yyyy."""
    (folder / "csv").mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as con:
        con.execute(
            f"""copy (select 'T' || i as transaction_id, strftime(date '2026-04-01' + cast(i % 91 as integer),
                '%d/%m/%Y') as posted_date, 'UNIT-' || (i % 57) as unit_code,
                list_element(['employee_pay', 'agency', 'supplies', 'income'], 1 + i % 4) as account_type,
                round((hash(i) % 10000000) / 100.0 - 20000, 2) as amount_gbp, 'Posting ' || i || ' of the bench' as
                description from range({int(rows)}) as r(i)) to '{_ledger(folder)}' (header)"""
        )
    return {}


def land_csv(folder: Path) -> dict[str, float]:
    """Landing it: conform, check, set rejected rows aside, write."""
    return _landed(
        folder,
        "finance",
        "ledger",
        f"""
        system: finance
        owner: bench@example.org
        connector: files
        connection: {{location: "{folder}/csv"}}
        datasets: {{ledger: {{files: "ledger_{{quarter}}.csv", format: {{dates: dd/mm/yyyy}}}}}}
        """,
    )


def copy_csv(folder: Path) -> dict[str, float]:
    """DuckDB's own reader, straight to Parquet."""
    began = time.perf_counter()
    with duckdb.connect() as con:
        types = ", ".join(f"'{name}': '{kind}'" for name, kind in _LEDGER.items())
        con.execute(
            f"copy (select * from read_csv('{_ledger(folder)}', columns = {{{types}}}, dateformat = '%d/%m/%Y')) "
            f"to '{folder}/bare.parquet' (format parquet, compression zstd)"
        )
    return {"seconds": time.perf_counter() - began}


def pandas_csv(folder: Path) -> dict[str, float]:
    """pandas with the types of Arrow, which it needs for exact amounts."""
    import pandas as pd
    import pyarrow as pa

    began = time.perf_counter()
    types = {"VARCHAR": pa.string(), "DECIMAL(14,2)": pa.decimal128(14, 2)}
    table = pd.read_csv(
        _ledger(folder),
        engine="pyarrow",
        dtype={name: pd.ArrowDtype(types[kind]) for name, kind in _LEDGER.items() if kind in types},
        parse_dates=["posted_date"],
        date_format="%d/%m/%Y",
    )
    table["posted_date"] = table["posted_date"].astype(pd.ArrowDtype(pa.date32()))
    table.to_parquet(folder / "pandas.parquet", compression="zstd")
    return {"seconds": time.perf_counter() - began}


def dlt_csv(folder: Path) -> dict[str, float]:
    """dlt the quickest way: Arrow tables, typed before it sees them, to Parquet files in a folder."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["DLT_DATA_DIR"] = str(folder / "dlt")
    os.environ["DATA_WRITER__COMPRESSION"] = "zstd"
    import dlt
    import pyarrow as pa
    import pyarrow.csv

    began = time.perf_counter()
    types = {"VARCHAR": pa.string(), "DECIMAL(14,2)": pa.decimal128(14, 2), "DATE": pa.timestamp("s")}

    @dlt.resource(name="ledger", write_disposition="replace")
    def ledger() -> Iterator[Any]:
        convert = pyarrow.csv.ConvertOptions(
            column_types={name: types[kind] for name, kind in _LEDGER.items()}, timestamp_parsers=["%d/%m/%Y"]
        )
        read = pyarrow.csv.ReadOptions(block_size=16 << 20)
        for batch in pyarrow.csv.open_csv(_ledger(folder), read, convert_options=convert):
            table = pa.table(batch)
            place = table.column_names.index("posted_date")
            yield table.set_column(place, "posted_date", table["posted_date"].cast(pa.date32()))

    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(folder / "dlt"),
        destination=dlt.destinations.filesystem(bucket_url=str(folder / "by_dlt")),
        dataset_name="bench",
    )
    pipeline.run(ledger(), loader_file_format="parquet")
    return {"seconds": time.perf_counter() - began}


def _ledger(folder: Path) -> Path:
    return folder / "csv" / f"ledger_{QUARTER}.csv"


_LEDGER = {
    "transaction_id": "VARCHAR",
    "posted_date": "DATE",
    "unit_code": "VARCHAR",
    "account_type": "VARCHAR",
    "amount_gbp": "DECIMAL(14,2)",
    "description": "VARCHAR",
}

# An API


def land_rest(folder: Path, rows: str) -> dict[str, float]:
    """Landing `rows` cases from an API, a thousand a page."""
    with _api(int(rows)) as address:
        return _landed(
            folder,
            "complaints",
            "cases",
            f"""
            system: complaints
            owner: bench@example.org
            connector: rest
            connection: {{base_url: "{address}"}}
            datasets:
              cases:
                request: {{path: /cases, params: {{from: "{{period.start}}"}}}}
                records: items
                paging: {{kind: cursor, next: next, parameter: cursor}}
                columns: {{received_date: dates.received, unit_code: team.code}}
            """,
        )


def read_rest(folder: Path, rows: str) -> dict[str, float]:
    """The server alone: every page is fetched, and nothing is done with it."""
    import requests

    with _api(int(rows)) as address, requests.Session() as session:
        began = time.perf_counter()
        for cursor in range(0, int(rows), PAGE):
            session.get(f"{address}/cases", params={"from": "2026-04-01", "cursor": cursor}).raise_for_status()
        return {"seconds": time.perf_counter() - began}


@contextmanager
def _api(rows: int) -> Iterator[str]:
    """The address of a server in a process of its own."""
    with Popen([sys.executable, "-m", "benchmarks.landing", str(rows)], stdout=PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def _serve(rows: int) -> None:
    pages = {
        start: json.dumps(
            {"items": [_case(number) for number in range(start, start + PAGE)], "next": start + PAGE}
            if start + PAGE < rows
            else {"items": [_case(number) for number in range(start, rows)], "next": None}
        ).encode()
        for start in range(0, rows, PAGE)
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            cursor = parse_qs(urlsplit(self.path).query).get("cursor", ["0"])[0]
            time.sleep(PAGE_SECONDS)
            body = pages[int(cursor)]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


def _case(number: int) -> dict[str, Any]:
    received = date(2026, 4, 1) + timedelta(days=number % 91)
    return {
        "case_id": f"C{number:07}",
        "stage": 1 + number % 2,
        "dates": {"received": received.isoformat()},
        "acknowledged_date": received.isoformat(),
        "answered_date": (received + timedelta(days=9)).isoformat() if number % 7 else None,
        "extension_working_days": number % 3,
        "outcome": ["upheld", "not_upheld", None][number % 3],
        "root_cause": None,
        "team": {"code": f"UNIT-{number % 57}", "name": "a team"},
        "uprn": f"{100_000_000_000 + number}",
        "updated_at": f"{received.isoformat()}T09:30:00Z",
        "notes": "what else the API knows of the case, and nobody asks for",
    }


# A workbook


def large_workbook(folder: Path, rows: str) -> dict[str, float]:
    """Write the workbook for the parts below: `rows` payments in thirteen columns below a title."""
    import xlsxwriter

    (folder / "xlsx").mkdir(parents=True, exist_ok=True)
    form = {"constant_memory": True, "default_date_format": "dd/mm/yyyy"}
    with xlsxwriter.Workbook(_workbook(folder), form) as book:
        sheet = book.add_worksheet("Payments")
        sheet.write_row(0, 0, ["Payments to suppliers"])
        sheet.write_row(2, 0, _PAYMENT)
        for number in range(int(rows)):
            day = date(2026, 4, 1) + timedelta(days=number % 91)
            texts = [f"{name} {number % 997}" for name in _PAYMENT[7:]]
            amounts = [round(number % 9973 / 7, 2), 0.0]
            start = [day, f"Unit {number % 57}", f"Supplier {number % 5003}", f"S{number % 5003}", day, f"P{number}"]
            sheet.write_row(number + 3, 0, [*start, amounts[0], amounts[1], *texts[1:]])
    return {}


def land_workbook(folder: Path) -> dict[str, float]:
    """Landing it."""
    return _landed(
        folder,
        "transparency",
        "supplier_spend",
        f"""
        system: transparency
        owner: bench@example.org
        connector: files
        connection: {{location: "{folder}/xlsx"}}
        datasets: {{supplier_spend: {{files: "payments_{{quarter}}.xlsx"}}}}
        """,
    )


def pandas_workbook(folder: Path) -> dict[str, float]:
    """pandas, which reads workbooks by way of openpyxl."""
    import pandas as pd

    began = time.perf_counter()
    table = pd.read_excel(_workbook(folder), header=2)
    table.to_parquet(folder / "workbook.parquet", compression="zstd")
    return {"seconds": time.perf_counter() - began}


def _workbook(folder: Path) -> Path:
    return folder / "xlsx" / f"payments_{QUARTER}.xlsx"


_PAYMENT = [
    "effective_date",
    "organisational_unit",
    "beneficiary_name",
    "beneficiary_id",
    "payment_date",
    "transaction_number",
    "amount_gbp",
    "irrecoverable_vat_gbp",
    "purpose",
    "proclass_label",
    "proclass_code",
    "invoice_number",
    "profit_centre",
]

PARTS: tuple[Callable[..., dict[str, float]], ...] = (
    *(large_csv, land_csv, copy_csv, pandas_csv, dlt_csv),
    *(land_rest, read_rest),
    *(large_workbook, land_workbook, pandas_workbook),
)

if __name__ == "__main__":
    _serve(int(sys.argv[1]))
