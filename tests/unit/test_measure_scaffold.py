"""A new measure drafted: what is written, what is refused, and a unit test that fails until somebody has counted."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
import yaml
from support.dbt_project import render

from orchestration import build, measure_scaffold
from orchestration.measure_scaffold import scaffold, unit_tests
from orchestration.settings import COUNCILS, DBT_PROJECT, Settings
from sources.connectors import files
from sources.errors import ConfigurationError
from sources.landing import land
from sources.periods import Quarter

COLUMNS = [
    *("measure_id", "unit_id", "area_id", "period_start", "numerator", "denominator", "is_provisional"),
    *("extract_id", "source_row"),
]
QUARTER = Quarter(2026, 2)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the dbt project, to write into."""
    copy = tmp_path / "dbt_project"
    shutil.copytree(DBT_PROJECT, copy, ignore=shutil.ignore_patterns("target", "logs"))
    return copy


@pytest.fixture
def council(tmp_path: Path) -> Settings:
    """A copy of a council's configuration; nothing has been landed."""
    shutil.copytree(COUNCILS / "brigstow", tmp_path / "councils" / "brigstow")
    return Settings("brigstow", tmp_path / "data", tmp_path / "councils")


def measures(council: Settings) -> list[dict[str, str]]:
    with (council.folder / "framework" / "measures.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def counts(sql: Path) -> str:
    """What the SQL gives, a column each."""
    query = sqlglot.parse_one(render(sql.read_text(encoding="utf-8")), read="spark")
    assert query.named_selects == COLUMNS
    return query.sql("spark")


def test_a_row_an_sql_file_its_description_and_an_entry_are_written(council: Settings, project: Path) -> None:
    before = measures(council)
    made = scaffold(council, "HR96", "Days lost to stress", "hr", "fct_absence_months", project)
    assert made.model == "hr96_days_lost_to_stress"
    assert all(path.exists() for path in made.paths)
    row = measures(council)[-1]
    assert measures(council)[:-1] == before
    assert {name: row[name] for name in ("measure_id", "name", "domain", "frequency", "computed_by")} == {
        "measure_id": "HR96",
        "name": "Days lost to stress",
        "domain": "hr",
        "frequency": "month",
        "computed_by": "model",
    }
    sql = project / "models" / "measures" / "hr" / "hr96_days_lost_to_stress.sql"
    assert "month_start AS period_start" in counts(sql)
    described = yaml.safe_load(sql.with_suffix(".yml").read_text(encoding="utf-8"))
    assert [column["name"] for column in described["models"][0]["columns"]] == COLUMNS
    entries = (project / "macros" / "measure_models.sql").read_text(encoding="utf-8").splitlines()
    listed = [line.strip() for line in entries if line.startswith("        '")]
    assert listed == sorted(listed)
    assert "'hr96_days_lost_to_stress'," in listed


def test_its_row_keeps_the_contract(council: Settings, project: Path, tmp_path: Path) -> None:
    scaffold(council, "HR96", 'Days lost to "stress", and worse', "hr", "fct_absence_months", project)
    contract = council.contracts["framework.measures"]
    extracts = files.extract(
        files.Connection(location=str(council.folder / "framework")),
        files.Request(files=["measures.csv"]),
        contract,
        [QUARTER],
    )
    (landed,) = land(contract, extracts, tmp_path / "landed", [QUARTER])
    assert (landed.error, landed.rejected, landed.rows) == (None, 0, len(measures(council)))


def test_what_is_not_said_is_taken_from_the_domain(council: Settings, project: Path) -> None:
    made = scaffold(council, "ZZ01", domain="complaints", project=project)
    row = measures(council)[-1]
    assert (row["name"], row["owner"], row["source_label"]) == (
        "Measure ZZ01",
        "Head of Customer Services",
        "fct_complaints",
    )
    assert made.model == "zz01_measure_zz01"


@pytest.mark.parametrize(
    ("core", "given"),
    [
        ("fct_care_packages", "TRUNC(start_date, 'MM') AS period_start"),
        ("fct_emissions", "council.root_unit_id AS unit_id"),
        ("fct_service_requests", "area_id, received_month AS period_start"),
        ("fct_risks", "quarter_start AS period_start"),
    ],
)
def test_each_kind_of_core_model_can_be_counted(core: str, given: str, council: Settings, project: Path) -> None:
    made = scaffold(council, "ZZ01", "Things", "services", core, project)
    assert given in counts(project / "models" / "measures" / "services" / f"{made.model}.sql")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("CO02",), r"measures\.csv: row \d+ has CO02 as measure_id\. An id is never used again"),
        (("COMPLAINTS",), "two capital letters and two digits, such as HR06"),
        (("co98",), "not an id of a measure"),
        (("CO98", None, "complaint"), "'complaint' is not a domain. Did you mean 'complaints'"),
        (("CO98", None, "hr", "fct_absences"), "'fct_absences' is not a core model. Did you mean 'fct_absence"),
        (("SP01",), r"sp01_supplier_spend\.sql: SP01 has its SQL already, for another council"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    arguments: tuple[str | None, ...], message: str, council: Settings, project: Path
) -> None:
    before = {
        path: path.read_bytes() for root in (project, council.folder) for path in root.rglob("*") if path.is_file()
    }
    with pytest.raises(ConfigurationError, match=message):
        scaffold(council, *arguments, project=project)  # type: ignore[arg-type]
    after = {
        path: path.read_bytes() for root in (project, council.folder) for path in root.rglob("*") if path.is_file()
    }
    assert after == before


def test_an_id_that_was_once_used_stays_used(council: Settings, project: Path) -> None:
    feeds = council.releases / "2025-26-Q1" / "r2" / "feeds"
    feeds.mkdir(parents=True)
    pq.write_table(pa.table({"measure_id": ["CO97"]}), feeds / "feed_measure_values.parquet")
    with pytest.raises(ConfigurationError, match="CO97 was published in 2025-26-Q1/r2"):
        scaffold(council, "CO97", project=project)
    table = council.folder / "framework" / "measures.csv"
    text = table.read_text(encoding="utf-8")
    header = text.splitlines()[0].split(",")
    table.write_text(
        text + ",".join({"measure_id": "CO95", "supersedes": "CO96"}.get(name, "") for name in header) + "\n"
    )
    with pytest.raises(ConfigurationError, match="has CO96 as supersedes"):
        scaffold(council, "CO96", project=project)


def test_its_unit_test_fails_until_somebody_has_counted(
    council: Settings, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "DBT_PROJECT", project)
    made = scaffold(council, "HR96", "Days lost to stress", "hr", "fct_absence_months", project)
    build.prepare(council, QUARTER, None)
    built = build.dbt(council, ["run", "--select", f"+{made.model}"])
    assert built.success, build.problems(built)
    council.build.replace(council.curated)
    ((name, problem),) = unit_tests(council, "HR96", project)
    assert name == "hr96_days_lost_to_stress_counted_by_hand"
    assert "NOT COUNTED BY HAND YET" in problem
    described = made.paths[2]
    lines = described.read_text(encoding="utf-8").splitlines()
    counted = [f"        - {{measure_id: HR96, unit_id: S1, numerator: 1, source_row: {number}}}" for number in (1, 2)]
    described.write_text("\n".join([*lines[:-1], *counted]) + "\n", encoding="utf-8")
    assert unit_tests(council, "HR96", project) == [(name, "")]


def test_a_measure_without_sql_or_tables_says_so(council: Settings) -> None:
    with pytest.raises(ConfigurationError, match="'CY01' has no SQL file of its own"):
        unit_tests(council, "CY01")
    with pytest.raises(FileNotFoundError, match="nothing has been built yet"):
        unit_tests(council, "CO02")


def test_ids_are_the_framework_s(council: Settings) -> None:
    assert all(measure_scaffold._ID.fullmatch(row["measure_id"]) for row in measures(council))
