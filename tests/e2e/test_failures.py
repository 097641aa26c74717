"""What is published when something fails, what is not, and what people read then. Each failure is made real: a workbook
taken away, a system that is down, a secret that is not set, a framework that contradicts itself."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import yaml
from support.brigstow import DATASETS
from support.pipeline import QUARTER, ROOT, SINCE, Quarter, Ran, Vitals, fingerprint, free_port, own_systems, sha256

RUN = ("run", QUARTER, "--from", SINCE)
START = "period=2026-07-01"
OPEN_DATA = (  # what the open data server gives, a system each
    *("emissions/local_authority", "indicators/neighbours", "population/estimates"),
    *("survey/quality_of_life", "attainment/key_stage_4", "benchmarks/values"),
)


@dataclass(frozen=True)
class Failed:
    """A run in which something failed, and what stood there before and after."""

    vitals: Vitals
    ran: Ran
    before: Mapping[str, Mapping[str, str]]
    curated_before: str

    @classmethod
    def run(cls, vitals: Vitals) -> Failed:
        before = {name: fingerprint(vitals.releases / name) for name in vitals.published}
        curated = sha256(vitals.curated)
        return cls(vitals, vitals(*RUN), before, curated)

    def nothing_changed(self) -> bool:
        """Whether releases, `current` and the database of analysts are as they were."""
        after = {name: fingerprint(self.vitals.releases / name) for name in self.vitals.published}
        return (after, self.vitals.current, sha256(self.vitals.curated)) == (
            self.before,
            f"{QUARTER}/r1",
            self.curated_before,
        )


@pytest.fixture(scope="module")
def copy(town: Quarter, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Vitals]:
    """Makes copies of the town's data after its first run."""
    return lambda name: town.vitals.copied(tmp_path_factory.mktemp(name))


# A source fails that the release can do without


@pytest.fixture(scope="module")
def without_risks(
    copy: Callable[[str], Vitals], systems: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Failed:
    """The quarter's risk workbook was never delivered, and the open data server is down though it was up before."""
    own = own_systems(systems, tmp_path_factory.mktemp("no-risks"))
    (Path(own["RISK_FOLDER"]) / f"risk_register_{QUARTER}.xlsx").unlink()
    own["OPEN_DATA_URL"] = f"http://127.0.0.1:{free_port()}"
    vitals = copy("without-risks").with_environment(**own)
    shutil.rmtree(vitals.data / "raw" / "risk" / "register" / START)
    return Failed.run(vitals)


def test_the_other_sources_land_and_the_release_says_what_is_missing(without_risks: Failed) -> None:
    vitals, ran = without_risks.vitals, without_risks.ran
    assert ran.code == 1
    assert any(line.startswith(f"Published {QUARTER}/r2: ") for line in ran.lines)
    assert vitals.current == f"{QUARTER}/r2"
    missing = vitals.manifest()["missing"]
    (dataset,) = missing["datasets"]
    assert (dataset["dataset"], dataset["owner"]) == ("risk.register", "risk@brigstow.example")
    assert dataset["last_period_start"] == "2026-04-01"
    assert f"there is no file 'risk_register_{QUARTER}.xlsx'" in dataset["reason"]
    assert {measure["measure_id"] for measure in missing["measures"]} == {"RK01", "RK02", "RK03"}
    page = vitals.page()
    assert "risk@brigstow.example" in page and "Corporate risks out of tolerance" in page


def test_measures_of_what_is_missing_have_no_figure_for_the_quarter(without_risks: Failed) -> None:
    sql = "select distinct period_code from marts.feed_measure_values where measure_id = 'RK01'"
    assert {code for (code,) in without_risks.vitals.ask(sql)} == {f"2025-26-Q{n}" for n in (1, 2, 3, 4)} | {
        "2026-27-Q1"
    }


def test_each_failure_is_told_with_its_remedy_and_what_it_touches(without_risks: Failed) -> None:
    err = without_risks.ran.err
    assert f"✗ risk/register {QUARTER}: " in err
    assert "Did you mean 'risk_register_2026-27-Q1.xlsx'?" in err
    assert "Touches 3 measures: RK01, RK02, RK03." in err
    for dataset in OPEN_DATA:
        assert f"✗ {dataset}: " in err
    assert err.count("Check connection.base_url, the network, and whether the system is up.") == len(OPEN_DATA)


def test_what_had_landed_before_stays_in_force_when_its_source_is_down(without_risks: Failed) -> None:
    line = next(line for line in without_risks.ran.lines if line.startswith("population estimates"))
    assert line.endswith("failed")
    sql = "select count(*) from marts.feed_measure_values where measure_id = 'CO05' and period_code = '2026-27-Q2'"
    assert without_risks.vitals.ask(sql)[0][0] > 0
    # Nothing of the failed attempt is in the release but what is missing: its other figures are those of before.
    feeds = [
        without_risks.vitals.releases / QUARTER / release / "feeds" / "feed_measure_values.parquet"
        for release in ("r1", "r2")
    ]
    with duckdb.connect() as con:
        differing = con.execute(f"from '{feeds[0]}' except from '{feeds[1]}'").fetchall()
        assert {row[1] for row in differing} == {"RK01", "RK02", "RK03"}
        assert con.execute(f"from '{feeds[1]}' except from '{feeds[0]}'").fetchall() == []


def test_status_and_check_tell_it_afterwards(without_risks: Failed) -> None:
    status = without_risks.vitals("status", QUARTER)
    assert status.code == 1
    assert "there is no file" in status.err and status.err.count("cannot be reached") == len(OPEN_DATA)
    check = without_risks.vitals("check")
    assert check.code == 1
    assert check.err.count("✗ ") == len(OPEN_DATA) and "emissions: " in check.err
    assert "✓ complaints: cases, service_requests, ombudsman_decisions" in check.lines


# A source fails that the release requires


@pytest.fixture(scope="module")
def without_complaints(copy: Callable[[str], Vitals]) -> Failed:
    """Complaints of the quarter have never landed, and the secret that reading them needs is not set."""
    vitals = copy("without-complaints").with_environment(COMPLAINTS_CLIENT_SECRET="")
    shutil.rmtree(vitals.data / "raw" / "complaints" / "cases" / START)
    return Failed.run(vitals)


def test_a_release_without_what_its_contract_requires_is_refused(without_complaints: Failed) -> None:
    ran = without_complaints.ran
    assert ran.code == 1
    assert f"✗ complaints/cases {QUARTER}: nothing has landed for it." in ran.err
    assert "Nothing was published; the former release, if there is one, stays current." in ran.err
    assert "Published" not in ran.out and "Built" not in ran.out
    assert without_complaints.nothing_changed()


def test_a_secret_that_is_not_set_is_named_and_the_other_sources_land(without_complaints: Failed) -> None:
    ran = without_complaints.ran
    assert "complaints.yaml: connection.auth: the environment variable COMPLAINTS_CLIENT_SECRET is not set." in ran.err
    assert "Touches 6 measures: CO01, CO02, CO03, CO04, CO05, CO07." in ran.err
    assert sum(line.endswith("– – unchanged") for line in ran.lines) == len(DATASETS) - 2 + 1  # the addresses matched
    assert {"complaints cases – – failed", "complaints ombudsman_decisions – – failed"} <= set(ran.lines)
    assert "complaints service_requests – – unchanged" in ran.lines, "closed quarters are not asked for again"


def test_for_check_it_is_a_matter_of_configuration(without_complaints: Failed) -> None:
    check = without_complaints.vitals("check")
    assert check.code == 2
    assert "COMPLAINTS_CLIENT_SECRET is not set. Set it where this command runs, or in the file .env" in check.err
    assert "✓ hr: employees, posts, absences, pay" in check.lines, "the others are tried all the same"


# A check of error severity fails


@pytest.fixture(scope="module")
def own_council(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of councils outside the project, with the town's configuration, free to be changed."""
    councils = tmp_path_factory.mktemp("councils")
    shutil.copytree(ROOT / "councils" / "brigstow", councils / "brigstow")
    return councils


@pytest.fixture(scope="module")
def contradicted(copy: Callable[[str], Vitals], own_council: Path) -> Failed:
    """Somebody has set a second target for a measure and unit without ending the first one."""
    targets = own_council / "brigstow" / "framework" / "targets.csv"
    with targets.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    open_ended = next(row for row in rows if not row["valid_to"])
    twice = open_ended | {"valid_from": "2026-06-01"}
    assert twice["valid_from"] > open_ended["valid_from"]
    with targets.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows([*rows, twice])
    return Failed.run(copy("contradicted").with_environment(VITALS_COUNCILS=str(own_council)))


def test_a_failed_check_publishes_nothing(contradicted: Failed) -> None:
    assert contradicted.ran.code == 1
    assert "Published" not in contradicted.ran.out
    assert contradicted.nothing_changed()
    assert contradicted.vitals("query", "select count(*) as n from feed_measure_values").code == 0


def test_the_failed_check_is_named_and_its_database_kept(contradicted: Failed) -> None:
    assert "dim_targets" in contradicted.ran.err or "target" in contradicted.ran.err
    assert "Nothing was published; the former release, if there is one, stays current." in contradicted.ran.err
    assert any("1 failed" in line for line in contradicted.ran.lines if line.startswith("Built"))
    with duckdb.connect(str(contradicted.vitals.data / "build.duckdb"), read_only=True) as con:
        assert con.execute("select count(*) from core.dim_targets").fetchone() != (0,)


def test_the_rows_themselves_had_landed_and_are_kept(contradicted: Failed) -> None:
    line = next(line for line in contradicted.ran.lines if line.startswith("framework targets"))
    assert line == "framework targets 109 0"


# Wrong configuration


@pytest.mark.parametrize(
    ("file", "path", "value", "message"),
    [
        (
            "sources/complaints.yaml",
            ("datasets", "cases", "paging", "kind"),
            "curser",
            "sources/complaints.yaml: datasets.cases.paging",
        ),
        ("sources/hr.yaml", ("connector",), "databse", "Did you mean 'database'?"),
        ("sources/finance.yaml", ("datasets", "ledger", "colums"), {}, "Did you mean 'columns'?"),
        ("council.yaml", ("calendar", "first_period"), "2021-23-Q1", "Did you mean '2021-22-Q1'?"),
        ("council.yaml", ("calender",), {}, "Did you mean 'calendar'?"),
    ],
)
def test_wrong_configuration_is_refused_naming_file_key_and_remedy(
    file: str, path: tuple[str, ...], value: object, message: str, systems: Mapping[str, str], tmp_path: Path
) -> None:
    council = tmp_path / "councils" / "brigstow"
    shutil.copytree(ROOT / "councils" / "brigstow", council)
    document = yaml.safe_load((council / file).read_text(encoding="utf-8"))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (council / file).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    vitals = Vitals(tmp_path, {**systems, "VITALS_COUNCILS": str(council.parent)})
    for command in (RUN, ("check",)):
        ran = vitals(*command)
        assert ran.code == 2, ran.out
        assert f"✗ {council / file}: " in ran.err and message in ran.err, ran.err
        assert "Traceback" not in ran.err
    assert not (vitals.data / "raw").exists(), "nothing was tried"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "2026-27-Q5"), "'2026-27-Q5' is not a period. Periods are written 2025-26-Q3."),
        (("run", "2026-28-Q1"), "Did you mean '2026-27-Q1'?"),
        (("run", QUARTER, "--from", "2019-20-Q1"), "Brigstow City Council begins with 2021-22-Q1"),
        (("run", "2025-26-Q1", "--from", QUARTER), "the first quarter cannot come after the last"),
        (("run", "--council", "brigstowe"), "Did you mean 'brigstow'?"),
        (("status", "--council", "nowhere"), "Councils: 'bremesgrave', 'brigstow', 'trafford'."),
    ],
)
def test_wrong_use_is_refused_in_words(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    ran = Vitals(tmp_path)(*arguments)
    assert ran.code == 2
    assert message in ran.err
    assert list(tmp_path.iterdir()) == []
