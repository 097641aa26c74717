"""One full quarter of the fictional city, from its systems to the page, and all that can be asked of it after."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from support.brigstow import DATASETS, SOURCES
from support.pipeline import QUARTER, ROOT, Quarter, Vitals, end, files, free_port, get, sha256, wait_until

import exports
from sources.contract import load_contracts
from sources.sandbox.effects import FAULTS

PERSONAL = ("address_text", "employee_id", "uprn")
MATCHES = "addresses.matches"  # made here, of what has landed, and kept like an extract
WHOLE = {name for name, contract in DATASETS.items() if contract.load == "full"}
PLANTED = set(FAULTS)
PLANTED_WARNING = (
    "every_restatement_has_a_reason"  # one figure of an earlier paper is no longer so, and nobody said why
)


def landed(quarter: Quarter) -> dict[str, tuple[int, int, str]]:
    """Rows landed, rows rejected and what was said, by dataset, as the command printed them."""
    table = re.findall(r"^(\w+) (\w+) ([\d,]+|–) ([\d,]+|–) ?(.*)$", "\n".join(quarter.ran.lines), re.MULTILINE)
    number = {"–": "0"}
    return {
        f"{system}.{dataset}": (
            int(number.get(rows, rows).replace(",", "")),
            int(number.get(rejected, rejected).replace(",", "")),
            what,
        )
        for system, dataset, rows, rejected, what in table
    }


# The run


def test_the_run_ends_well_and_says_what_it_did(city: Quarter) -> None:
    lines = city.ran.lines
    assert lines[0] == "Brigstow City Council (fictional) · Q2 2026/27 (Jul–Sep 2026)"
    assert set(landed(city)) == {*DATASETS, MATCHES}
    assert re.search(r"^Built \d+ tables; \d+ checks passed, 1 warn\.$", city.ran.out, re.MULTILINE)
    assert any(line.startswith("Published 2026-27-Q2/r1: ") for line in lines)
    release = next(line.split(" ", 1)[1] for line in lines if line.startswith("Release "))
    page = next(line.split(" ", 2)[2] for line in lines if line.startswith("Read it "))
    assert (city.vitals.base / release).samefile(city.vitals.releases / QUARTER / "r1")
    assert (city.vitals.base / page).samefile(city.vitals.releases / QUARTER / "r1" / "site" / "index.html")


def test_progress_is_told_on_standard_error_and_nothing_else(city: Quarter) -> None:
    said = [line.strip() for line in city.ran.err.splitlines() if line.strip()]
    assert {line for line in said if line.startswith("reading")} == {f"reading {n.replace('.', ' ')}" for n in DATASETS}
    *rest, warning = [line for line in said if not line.startswith("reading")]
    assert rest == [
        "loading the pipeline", "matching addresses", "building", "publishing", "checking what was written",
    ]  # fmt: skip
    assert warning.startswith(f"! {PLANTED_WARNING}: HR02")


def test_planted_faults_are_refused_with_reasons(city: Quarter) -> None:
    told = landed(city)
    assert {name for name, (_, rejected, _) in told.items() if rejected} == PLANTED
    assert all(what for name, (_, rejected, what) in told.items() if rejected)
    assert "answered on or after receipt" in told["complaints.cases"][2]
    assert "unit_code is not in the map file" in told["finance.ledger"][2]


def test_nothing_is_left_but_what_is_meant_to_stay(city: Quarter) -> None:
    assert sorted(path.name for path in city.vitals.data.iterdir()) == [
        ".lock", "attempts", "curated.duckdb", "dagster", "dbt", "raw", "rejected", "releases",
        "restricted.duckdb",
    ]  # fmt: skip
    assert city.vitals.current == "2026-27-Q2/r1"
    assert city.vitals.published == ["2026-27-Q2/r1"]


# Raw


def test_raw_counts_reconcile_with_the_output_and_the_manifest(city: Quarter) -> None:
    extracts = city.vitals.manifest()["extracts"]
    assert sorted(extract["path"] for extract in extracts) == [f"raw/{name}" for name in city.vitals.raw()]
    rows: dict[str, int] = {}
    rejected: dict[str, int] = {}
    for extract in extracts:
        name = f"{extract['system']}.{extract['dataset']}"
        found = pq.read_metadata(city.vitals.data / extract["path"])
        assert found.num_rows == extract["row_count"], extract["path"]
        rows[name] = rows.get(name, 0) + found.num_rows
        aside = city.vitals.data / "rejected" / Path(extract["path"]).relative_to("raw")
        refused = pq.read_metadata(aside).num_rows if aside.exists() else 0
        assert refused == extract["rejected_count"], extract["path"]
        rejected[name] = rejected.get(name, 0) + refused
    assert {name: (rows[name], rejected[name]) for name in rows} == {
        name: numbers[:2] for name, numbers in landed(city).items()
    }


def test_every_quarter_of_the_history_has_landed(city: Quarter) -> None:
    slots: dict[str, int] = {}
    for extract in city.vitals.manifest()["extracts"]:
        name = f"{extract['system']}.{extract['dataset']}"
        slots[name] = slots.get(name, 0) + 1
    # What is not kept whole holds 2021/22 to Q2 2026/27, which is 22 quarters.
    assert slots == {name: 1 if name in WHOLE else 22 for name in DATASETS} | {MATCHES: 1}
    assert len(DATASETS) > 40


def test_every_rejected_row_has_its_reasons_and_its_place(city: Quarter) -> None:
    folder = city.vitals.data / "rejected"
    assert {".".join(name.split("/")[:2]) for name in files(folder)} == PLANTED
    with duckdb.connect() as con:
        for name in files(folder):
            total, with_reason, with_place = con.execute(
                "select count(*), count(*) filter (len(_reasons) > 0), count(_source_row) "
                "from read_parquet(?, hive_partitioning = false)",
                [str(folder / name)],
            ).fetchall()[0]
            assert total == with_reason == with_place > 0, name


# The release


def rows_in(path: Path) -> int:
    """Rows of a published table, whatever its format."""
    if path.suffix == ".json":
        return len(json.loads(path.read_text(encoding="utf-8"))["rows"])
    if path.suffix == ".parquet":
        return int(pq.read_metadata(path).num_rows)
    ((count,),) = duckdb.sql(f"select count(*) from '{path}'").fetchall()
    return int(count)


def test_every_publication_is_listed_with_counts_and_checksums_that_are_right(city: Quarter) -> None:
    manifest, release = city.vitals.manifest(), city.vitals.releases / "current"
    publications = {item["name"]: item["files"] for item in [*manifest["feeds"], *manifest["reports"]]}
    dbt = exports.publications.read_publications(city.vitals.data / "dbt" / "manifest.json")
    formats = {publication.name: set(publication.formats) for publication in dbt}
    assert set(publications) == set(formats)
    for name, listed in publications.items():
        assert {file["format"] for file in listed} == formats[name]
        counts = set()
        for file in listed:
            path = release / file["path"]
            assert (sha256(path), path.stat().st_size) == (file["sha256"], file["bytes"]), file["path"]
            if "rows" in file:
                counts.add((rows_in(path), file["rows"]))
        ((count, told),) = counts
        assert count == told, name
    assert {file["path"] for file in manifest["files"]} == set(files(release)) - {"manifest.json"}
    assert exports.verify(release) == []


def test_parquet_csv_and_curated_say_the_same(city: Quarter) -> None:
    release = city.vitals.releases / "current"
    with duckdb.connect() as con:
        con.execute(f"attach '{city.vitals.curated}' as curated (read_only)")
        for path in sorted(release.glob("*/*.parquet")):
            columns = [name for name, *_ in con.execute(f"describe select * from '{path}'").fetchall()]
            shown = ", ".join(f"cast({name} as varchar) as {name}" for name in columns)
            texts = ", ".join(f"coalesce({name}, '') as {name}" for name in columns)
            parquet = f"select {texts} from (select {shown} from '{path}')"
            written = f"select {texts} from read_csv('{path.with_suffix('.csv')}', header = true, all_varchar = true)"
            curated = f"select {texts} from (select {shown} from curated.marts.{path.stem})"
            pairs = [(parquet, curated), (curated, parquet)]
            if path.with_suffix(".csv").exists():
                pairs += [(parquet, written), (written, parquet)]
            for one, other in pairs:
                assert con.execute(f"{one} except all {other} limit 1").fetchall() == [], path.name


def test_the_manifest_tells_where_all_comes_from(city: Quarter) -> None:
    manifest = city.vitals.manifest()
    assert manifest["release"] == "2026-27-Q2/r1"
    assert manifest["period"]["code"] == QUARTER
    assert manifest["fictional"] is True and "made up" in manifest["notice"]
    assert manifest["missing"] == {"datasets": [], "measures": []}
    assert set(manifest["contracts"]) == {*DATASETS, MATCHES}
    assert len(manifest["checks"]) > 50
    assert {check["name"] for check in manifest["checks"] if not check["passed"]} == {PLANTED_WARNING}
    assert manifest["as_of"] == max(extract["extracted_at"] for extract in manifest["extracts"])


def test_the_page_says_that_it_is_fictional_and_shows_every_measure(city: Quarter) -> None:
    page = html.unescape(city.vitals.page())
    assert "fictional" in page and "Every figure on this page is made up" in page
    for (name,) in city.vitals.ask("select measure_name from core.dim_measures"):
        assert name in page, name


def test_figures_are_there_for_every_measure_unit_and_kind_of_period(city: Quarter) -> None:
    measured = dict(
        city.vitals.ask(
            "select measure_id, count(distinct unit_id) from marts.feed_measure_values "
            f"where period_code = '{QUARTER}' or period_type not in ('month', 'quarter') group by 1"
        )
    )
    assert set(measured) == {name for (name,) in city.vitals.ask("select measure_id from core.dim_measures")}
    assert measured["CO02"] > 20, "services and teams have figures of their own"


# Personal data


def test_staging_and_raw_are_gone_from_curated(city: Quarter) -> None:
    schemas = {name for (name,) in city.vitals.ask("select distinct table_schema from information_schema.tables")}
    assert schemas == {"core", "insight", "measures", "marts"}


def test_no_personal_column_or_value_leaves_staging(city: Quarter) -> None:
    columns = city.vitals.ask(
        "select table_schema, table_name, column_name, data_type from information_schema.columns order by all"
    )
    assert [column for column in columns if column[2] in PERSONAL] == []
    employees = _raw_values(city.vitals, "hr/employees", "employee_id")
    addresses = _raw_values(city.vitals, "complaints/cases", "uprn")
    assert employees and addresses
    # Every text column of every table; the views are made of these.
    tables = {(schema, table) for schema, table, _, _ in columns} - {
        (schema, table)
        for schema, table in city.vitals.ask("select table_schema, table_name from information_schema.views")
    }
    known = ", ".join(f"'{value}'" for value in [*employees, *addresses])
    for schema, table, column, kind in columns:
        if (schema, table) in tables and kind == "VARCHAR":
            (found,) = city.vitals.ask(f'select count(*) from {schema}.{table} where "{column}" in ({known})')[0]
            assert found == 0, f"{schema}.{table}.{column}"
    names = [rf"\b{name}\b" for name in PERSONAL]  # a dataset may be called areas.uprns
    wanted = re.compile("|".join([*names, *map(re.escape, [*employees, *addresses])]).encode())
    release = city.vitals.releases / QUARTER / "r1"
    for name in files(release):
        assert not wanted.search((release / name).read_bytes()), name  # CSV, JSON and HTML are plain text
    with duckdb.connect() as con:
        for path in release.rglob("*.parquet"):
            texts = [name for name, kind, *_ in con.execute(f"describe from '{path}'").fetchall() if kind == "VARCHAR"]
            assert not set(texts) & set(PERSONAL), path.name
            either = " or ".join(f"{name} in ({known})" for name in texts)
            assert con.execute(f"select count(*) from '{path}' where {either}").fetchall() == [(0,)], path.name


def _raw_values(vitals: Vitals, dataset: str, column: str) -> list[str]:
    """A hundred values that are long enough not to be met by chance."""
    with duckdb.connect() as con:
        rows = con.execute(
            f"select distinct {column} from read_parquet('{vitals.data}/raw/{dataset}/*/*.parquet') "
            f"where length({column}) >= 6 order by 1 limit 100"
        ).fetchall()
    return [value for (value,) in rows]


# Trace


@pytest.mark.parametrize(
    ("measure", "period", "unit"),
    [
        ("CO02", "2026-27-Q2", "ASC"),
        ("CO01", "2026-09", None),
        ("FI05", "2025-26-Q3", "HCS"),
        ("IA01", "2026-27-Q2", None),
        ("HR03", "2026-08", "CYP"),
        ("HR01", "2026-27-Q2", "PLC"),
        ("RK01", "2026-27-Q2", None),
        ("RK03", "2026-27-Q2", None),
        ("IA01H", "2026-27-Q1", None),
        ("CO06", "2025-26", None),
        ("CO08", "2025-26", None),
        ("FI02", "2026-27-Q2", "ASC"),
        ("FI03", "2026-27-Q2", None),
        ("FI04", "2026-27-Q2", None),
        ("FI06", "2025-26-Q4", "CEX"),
        ("FI06R", "2026-27-Q2", "CEX"),
        ("HR05", "2025-26", None),
        ("HR05M", "2025-26", "ASC"),
    ],
)
def test_a_figure_is_recounted_from_its_source_rows(
    measure: str, period: str, unit: str | None, city: Quarter, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.csv"
    asked = ["trace", measure, period, "--rows", "2", "--out", str(rows), *(["--unit", unit] if unit else [])]
    ran = city.vitals(*asked)
    assert ran.code == 0, ran.err
    chosen = f"= '{unit}'" if unit else "in (select unit_id from core.dim_units where unit_level = 'council')"
    ((numerator, denominator, value, multiplier, label),) = city.vitals.ask(
        "select v.numerator, v.denominator, v.value, m.multiplier, m.numerator_label "
        "from marts.feed_measure_values as v join core.dim_measures as m using (measure_id) "
        f"where v.measure_id = '{measure}' and v.period_code = '{period}' and v.unit_id {chosen} and v.area_id = '' "
        "and v.basis = 'reported'"
    )
    with rows.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    counted = sum((Decimal(row["numerator"]) for row in read), Decimal(0))
    below = sum((Decimal(row["denominator"]) for row in read), Decimal(0))
    # Feeds hold four decimals, the rows eight.
    assert abs(counted - numerator) < Decimal("0.0001") and abs(below - denominator) < Decimal("0.0001")
    assert abs(multiplier * counted / below - value) <= Decimal("0.05"), "at the precision that is published"
    assert f"From {len(read):,} source rows in " in ran.out and f"{label} " in ran.out
    assert all(row["source"] and int(row["source_row"]) > 0 and len(row["hash"]) == 16 for row in read)
    assert not set(read[0]) & set(PERSONAL)
    if measure in ("CO01", "CO02", "FI05", "IA01", "RK01"):
        assert len(read) == denominator, "each row is one case"
        assert {row["denominator"].rstrip("0").rstrip(".") for row in read} == {"1"}


def test_a_trace_reads_the_rows_as_they_landed(city: Quarter, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    city.vitals("trace", "CO02", QUARTER, "--unit", "ASC", "--out", str(rows))
    with rows.open(encoding="utf-8", newline="") as file:
        traced = {(row["case_id"], row["stage"], row["answered_date"]) for row in csv.DictReader(file)}
    with duckdb.connect() as con:
        landed_rows = con.execute(
            "select case_id, cast(stage as varchar), coalesce(cast(answered_date as varchar), '') "
            f"from read_parquet('{city.vitals.data}/raw/complaints/cases/*/*.parquet')"
        ).fetchall()
    assert traced <= set(landed_rows)
    assert {stage for _, stage, _ in traced} == {"1"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["CO22", QUARTER], "'CO22' is not a measure. Did you mean 'CO02'?"),
        (["CO02", QUARTER, "--unit", "ASK"], "'ASK' is not a unit. Did you mean 'ASC'?"),
        (["CO02", "2031-32-Q1"], "CO02 has no figure for Brigstow City Council in '2031-32-Q1'. Newest: '2026-"),
    ],
)
def test_a_trace_of_what_is_not_there_says_what_there_is(arguments: list[str], message: str, city: Quarter) -> None:
    ran = city.vitals("trace", *arguments)
    assert ran.code == 2
    assert message in ran.err


# Query


def test_a_query_gives_csv_to_a_pipe(city: Quarter) -> None:
    ran = city.vitals("query", "select measure_id, value from feed_measure_values order by all limit 3")
    assert ran.code == 0, ran.err
    table = list(csv.reader(io.StringIO(ran.out)))
    assert table[0] == ["measure_id", "value"] and len(table) == 4
    assert city.vitals("query", "-", stdin="select 1 as one").out == '"one"\n1\n'


def test_a_query_sees_the_released_files(city: Quarter) -> None:
    ran = city.vitals("query", "select count(*) as n from release.feed_measure_values")
    feeds = {feed["name"]: feed["files"][0]["rows"] for feed in city.vitals.manifest()["feeds"]}
    assert ran.out.splitlines()[1] == str(feeds["feed_measure_values"])
    shown = city.vitals("query")
    assert shown.code == 0
    assert "core.fct_complaints" in shown.out and "release.feed_measure_values" in shown.out


@pytest.mark.parametrize(
    "sql",
    [
        "create table core.mine as select 1 as one",
        "delete from curated.core.dim_units",
        "copy (select 1) to 'stolen.csv'",
        "attach '/tmp/other.duckdb' as other",
        "install httpfs",
        "set enable_external_access = true",
        "select 1; drop table marts.feed_measure_values",
        "select * from read_csv('/etc/passwd')",
        "select * from '{raw}/hr/employees/*/*.parquet'",
        "select nonsense from feed_measure_values",
    ],
)
def test_a_query_that_is_no_question_is_refused(sql: str, city: Quarter) -> None:
    before = sha256(city.vitals.curated)
    ran = city.vitals("query", sql.format(raw=city.vitals.data / "raw"))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("✗ ")
    assert sha256(city.vitals.curated) == before
    assert not list(city.vitals.base.glob("**/stolen.csv"))


# Status, check, serve, help


def test_status_shows_what_is_in_force(city: Quarter) -> None:
    ran = city.vitals("status")
    assert ran.code == 0, ran.err
    assert "Releases: 2026-27-Q2/r1 (current)" in ran.lines
    assert all(any(line.startswith(name.replace(".", " ")) for line in ran.lines) for name in DATASETS)
    assert sum(" in force" in line for line in ran.lines) == len(DATASETS)
    assert next(line for line in ran.lines if line.startswith("complaints cases")).endswith(
        "in force CO01, CO02, CO03, CO04, CO05, CO07"
    )
    assert any(line.startswith("complaints/cases: ") and "answered on or after receipt" in line for line in ran.lines)


def test_check_shows_a_sample_and_lands_nothing(city: Quarter) -> None:
    before = city.vitals.raw()
    ran = city.vitals("check", "complaints/cases", "hr", "--sample", "2")
    assert ran.code == 0, ran.err
    systems = [line.removeprefix("✓ ").partition(":")[0] for line in ran.lines if line.startswith("✓ ")]
    assert systems == ["complaints", "hr"]
    assert "•••" in ran.out, "an address shows"
    assert city.vitals.raw() == before
    unknown = city.vitals("check", "complaint", "--sample", "2")
    assert unknown.code == 2
    assert "has no source 'complaint'. Did you mean 'complaints'?" in unknown.err


def test_check_reaches_every_system(city: Quarter) -> None:
    ran = city.vitals("check")
    assert ran.code == 0, ran.err
    counts = f"{len(load_contracts())} contracts, {len(SOURCES)} sources."
    assert f"Brigstow City Council (fictional): {counts}" in ran.lines
    assert len([line for line in ran.lines if line.startswith("✓ ")]) == len(SOURCES) > 15


def test_docs_describe_every_table_on_one_page(city: Quarter) -> None:
    ran = city.vitals("docs")
    assert ran.code == 0, ran.err
    page = (city.vitals.data / "dbt/docs.html").read_text(encoding="utf-8")
    assert "Working days lost to sickness per full-time equivalent." in page
    assert "feed_measure_values" in page
    assert not (city.vitals.data / "build.duckdb").exists()


def test_serve_shows_the_page_until_interrupted(city: Quarter) -> None:
    port = free_port()
    process = city.vitals.start("serve", "--port", str(port))
    try:
        status, _ = wait_until(lambda: get(f"http://127.0.0.1:{port}/"), process)
        assert status == 302
        assert get(f"http://127.0.0.1:{port}/site/index.html") == (200, city.vitals.page())
        assert get(f"http://127.0.0.1:{port}/{QUARTER}/r1/site/index.html") == (200, city.vitals.page())
        assert (get(f"http://127.0.0.1:{port}/{QUARTER}/r9/site/index.html") or (0, ""))[0] == 404
        assert (get(f"http://127.0.0.1:{port}/../curated.duckdb") or (0, ""))[0] == 404
        second = city.vitals("serve", "--port", str(port))
        assert second.code == 1
        assert f"Port {port} cannot be used" in second.err
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        end(process)


@pytest.mark.parametrize(
    "command", ["", "run", "check", "status", "trace", "query", "serve", "source new", "measure new"]
)
def test_every_command_explains_itself(command: str, tmp_path: Path) -> None:
    ran = Vitals(tmp_path)(*command.split(), "--help")
    assert ran.code == 0, ran.err
    assert "Usage: vitals" in ran.out
    assert "--council" in ran.out if command else "trace" in ran.out


def test_before_the_first_run_every_command_says_so(tmp_path: Path) -> None:
    vitals = Vitals(tmp_path)
    for command in (["query", "select 1"], ["trace", "CO02", QUARTER], ["serve"]):
        ran = vitals(*command)
        assert ran.code == 1, command
        assert "`vitals run` first" in ran.err
    ran = vitals("status")
    assert ran.code == 1
    assert "Releases: none yet" in ran.out
    assert len(re.findall("missing|late by|awaited by", ran.out)) == len(DATASETS)


# Dashboards


@pytest.mark.parametrize("language", ["sql", "python"])
def test_the_recipes_for_dashboards_give_rows(language: str, city: Quarter) -> None:
    page = (ROOT / "docs" / "bi.md").read_text(encoding="utf-8")
    recipes = re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    place = "data/brigstow/releases/current"
    assert recipes
    for recipe in recipes:
        assert place in recipe
        here = recipe.replace(place, (city.vitals.releases / "current").as_posix())
        if language == "sql":
            assert duckdb.sql(here).fetchone(), recipe
        else:
            ran = subprocess.run([sys.executable, "-c", here], capture_output=True, text=True, check=True)
            assert ran.stdout.count("CO02") == 5


def test_services_add_up_to_their_directorates_as_the_recipe_says(city: Quarter) -> None:
    feeds = city.vitals.releases / "current" / "feeds"
    below = (
        "select directorate_id as unit_id, period_start, sum(numerator) as answered, sum(denominator) as due "
        f"from '{feeds}/feed_measure_values.parquet' "
        f"inner join '{feeds}/feed_units.parquet' using (unit_id, unit_level) "
        "where measure_id = 'CO02' and unit_level = 'service' and period_type = 'quarter' and basis = 'reported' "
        "group by all"
    )
    found = duckdb.sql(
        "select count(*) filter (where answered = numerator and due = denominator), count(*) "
        f"from '{feeds}/feed_measure_values.parquet' left join ({below}) using (unit_id, period_start) "
        "where measure_id = 'CO02' and unit_level = 'directorate' and period_type = 'quarter' and basis = 'reported'"
    ).fetchone()
    assert found is not None
    assert found[0] == found[1] > 100
