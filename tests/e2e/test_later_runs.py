"""What later runs of a quarter that is over take in, and what only when somebody says so: rows that a mended map file
explains, an extract that is shorter than it ought to be, a correction that the source files under a closed quarter; and
a source that nobody had described before. One story on a copy of the project, each run once."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow.parquet as pq
import pytest
from support.brigstow import DATASETS
from support.pipeline import QUARTER, ROOT, SINCE, Quarter, Ran, Vitals, own_systems

RUN = ("run", QUARTER, "--from", SINCE)
START = "period=2026-07-01"
ROOMS = ("sources", "orchestration", "exports", "dbt_project", "councils")
BRANCHES = ("Central", "Harbourside", "Northfield")
WHY = "internal audit: actions of closed audits were archived"


@dataclass(frozen=True)
class Step:
    """How a run ended, what `vitals status` said then, and what lay in raw."""

    ran: Ran
    status: Ran
    raw: frozenset[str]

    @classmethod
    def run(cls, vitals: Vitals, *more: str) -> Step:
        ran = vitals(*RUN, *more)
        return cls(ran, vitals("status", QUARTER), frozenset(vitals.raw()))

    def line(self, dataset: str) -> str:
        """What the run's table says of a dataset, written as there (`hr absences`)."""
        return next(line for line in self.ran.lines if line.startswith(f"{dataset} "))


@dataclass(frozen=True)
class Story:
    """The runs, in order, and what was said on the way to the second one."""

    vitals: Vitals
    project: Path
    troubled: Step
    drafted: Ran
    sampled: Ran
    mended: Step
    again: Step


@pytest.fixture(scope="module")
def story(town: Quarter, systems: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("later")
    project = folder / "project"
    for room in ROOMS:
        shutil.copytree(ROOT / room, project / room, ignore=shutil.ignore_patterns("__pycache__", "target"))
    shutil.copy(ROOT / "dagster.yaml", project)
    own = own_systems(systems, folder / "systems")
    vitals = town.vitals.copied(folder / "data").with_environment(**own, PYTHONPATH=str(project))

    # Requests of the quarter land for the first time only now.
    shutil.rmtree(vitals.data / "raw" / "social_care" / "requests" / START)
    come_from_prison(Path(own["SOCIAL_CARE_DATABASE"]), requests=2)
    prolong_a_spell(Path(own["HR_DATABASE"]))
    cut_short(Path(own["AUDIT_FOLDER"]) / "recommendations.csv")
    troubled = Step.run(vitals)

    visits = vitals.base / "visits.csv"
    count_visits(visits)
    drafted = vitals("source", "new", "libraries/visits", visits.name)
    with visits.open("a", encoding="utf-8") as file:
        file.write('V9999,Harbourside,31/06/2026,"1,010"\n')
    sampled = vitals("check", "libraries/visits", "--sample", "3")
    made = subprocess.run(  # as `make contracts` does
        [sys.executable, "-m", "sources.contract"], cwd=project, capture_output=True, text=True, check=True
    )
    (project / "dbt_project" / "models" / "staging" / "_sources.yml").write_text(made.stdout, encoding="utf-8")
    with (project / "councils" / "brigstow" / "sources" / "care_routes.csv").open("a", encoding="utf-8") as file:
        file.write("Prison,community\n")
    mended = Step.run(vitals, "--accept", f"audit/recommendations={WHY}")
    return Story(vitals, project, troubled, drafted, sampled, mended, Step.run(vitals, "--again"))


def come_from_prison(database: Path, requests: int) -> None:
    """Some requests of the quarter come by a route that nobody has thought of."""
    with sqlite3.connect(database) as con:
        con.execute(
            "update contact set source = 'Prison' where contact_ref in (select contact_ref from contact "
            "where source = 'Community' and changed_at >= '2026-07-01' order by contact_ref limit ?)",
            [requests],
        )


def prolong_a_spell(database: Path) -> None:
    """Save one more version of a spell on the last day of the quarter, known only after it had been read."""
    with sqlite3.connect(database) as con:
        con.execute(
            "insert into sickness_history select spell_ref, person_ref, org_unit, first_day, date(last_day, '+8 days'),"
            " fte_ratio, reason_code, '2026-09-30 17:00:00' from sickness_history "
            "where last_day between '2026-08-01' and '2026-08-31' and changed_at >= '2026-07-01' "
            "order by changed_at desc limit 1"
        )


def cut_short(path: Path) -> None:
    """Keep the newer half of an export."""
    head, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([head, *lines[len(lines) // 2 :]]), encoding="utf-8")


def count_visits(path: Path) -> None:
    """An export with a title above it, days as people write them and thousands set off."""
    lines = ["Library visits by branch,,,", "Source: door counters,,,", ",,,", "Visit ref,Branch,Visit date,Visits"]
    days = [date(2026, 7, 1) + timedelta(day) for day in range(20)]
    for number, (day, branch) in enumerate((day, branch) for day in days for branch in BRANCHES):
        lines.append(f'V{number:04},{branch},{day:%d/%m/%Y},"{900 + 37 * number:,}"')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def told(path: Path) -> dict[str, Any]:
    """What an extract's file says of itself."""
    content: dict[str, Any] = json.loads(pq.read_metadata(path).metadata[b"council_vitals"])
    return content


def changed(vitals: Vitals, before: str, after: str) -> set[str]:
    """Measures of which some figure differs between two releases."""
    feeds = [vitals.releases / QUARTER / name / "feeds" / "feed_measure_values.parquet" for name in (before, after)]
    with duckdb.connect() as con:
        rows = con.execute(
            "select distinct measure_id from "
            f"((from '{feeds[0]}' except from '{feeds[1]}') union all (from '{feeds[1]}' except from '{feeds[0]}'))"
        ).fetchall()
    return {measure for (measure,) in rows}


# An extract that is shorter than it ought to be


def test_too_few_rows_are_refused_and_what_had_landed_stays(story: Story) -> None:
    step = story.troubled
    assert step.ran.code == 1
    assert "✗ audit/recommendations: 512 rows where 1,021 had landed before: it shrank by 50%" in step.ran.err
    assert step.line("audit recommendations") == "audit recommendations – – failed"
    assert any(line.startswith(f"Published {QUARTER}/r2: ") for line in step.ran.lines)
    line = next(line for line in step.status.lines if line.startswith("audit recommendations"))
    assert " 1,021 " in line and " not refreshed " in line
    assert step.status.code == 1 and "it shrank by 50%" in step.status.err
    assert "IA01" not in changed(story.vitals, "r1", "r2")


def test_whoever_accepts_it_is_kept_with_the_extract(story: Story) -> None:
    assert story.mended.ran.code == 0, story.mended.ran.err
    assert story.mended.line("audit recommendations").startswith("audit recommendations 512 ")
    (path,) = (name for name in story.mended.raw - story.troubled.raw if name.startswith("audit/recommendations/"))
    assert told(story.vitals.data / "raw" / path)["accepted"] == WHY
    others = [told(story.vitals.data / "raw" / name)["accepted"] for name in story.again.raw - {path}]
    assert set(others) == {None}, "of that dataset in that run, and of no other"
    assert story.mended.status.code == 0 and "IA01" in changed(story.vitals, "r2", "r3")


def test_dagster_shows_who_accepted_it(story: Story) -> None:
    metadata = last_materialization(story.vitals, "audit", "recommendations", new=True)
    assert f"it shrank by 50%, the contract allows 30%. Accepted: {WHY}" in str(metadata["notes"].value)


# A map file that lacks a code


def test_a_code_that_nobody_has_mapped_refuses_its_rows(story: Story) -> None:
    assert "2 route is not in the map file" in story.troubled.line("social_care requests")
    assert any(
        line.startswith("social_care/requests: ") and "2 × route is not in the map file" in line
        for line in story.troubled.status.lines
    )


def test_once_the_map_file_has_it_they_land_though_their_quarter_is_closed(story: Story, town: Quarter) -> None:
    assert "route is not" not in story.mended.line("social_care requests")
    assert "route is not in the map file" not in story.mended.status.out
    folder = f"raw/social_care/requests/{START}"
    newest, first = (max((each.vitals.data / folder).iterdir()) for each in (story, town))
    assert told(newest)["rows"] == told(first)["rows"]
    with duckdb.connect() as con:
        former = con.execute(f"select request_id, received_date, outcome from '{first}' order by all").fetchall()
        assert con.execute(f"select request_id, received_date, outcome from '{newest}' order by all").fetchall() == (
            former
        )


# A correction that arrives after the quarter was read


@pytest.mark.parametrize("step", ["troubled", "mended"])
def test_a_closed_quarter_is_not_read_again(step: str, story: Story) -> None:
    assert getattr(story, step).line("hr absences") == "hr absences – – unchanged"


def test_again_reads_it_and_only_what_differs_lands(story: Story) -> None:
    assert story.again.ran.code == 0, story.again.ran.err
    (added,) = story.again.raw - story.mended.raw
    assert added.startswith(f"hr/absences/{START}/")
    assert story.mended.raw < story.again.raw
    unchanged = [line for line in story.again.ran.lines if line.endswith("– – unchanged")]
    assert len(unchanged) == len(DATASETS) + 1, "with the visits and addresses matched, and without the absences"


def test_only_measures_of_what_was_corrected_change(story: Story) -> None:
    assert changed(story.vitals, "r3", "r4") == {"HR01"}


# A source that nobody had described


def test_a_contract_and_a_source_are_drafted_from_a_sample(story: Story) -> None:
    assert story.drafted.code == 0, story.drafted.err
    assert "Read 60 rows of 4 columns, and wrote:" in story.drafted.lines
    assert (story.project / "sources" / "contracts" / "libraries" / "visits.yaml").exists()
    assert (story.project / "councils" / "brigstow" / "sources" / "libraries.yaml").exists()
    assert "{name: visit_date, logicalType: date, required: true" in story.drafted.out
    assert not (ROOT / "sources" / "contracts" / "libraries").exists(), "nothing in the project itself"


def test_a_sample_shows_what_would_land(story: Story) -> None:
    assert story.sampled.code == 0, story.sampled.err
    assert "V0000 Central 2026-07-01 900" in story.sampled.lines
    assert "All 61 rows were read: 60 would land, 1 would be rejected." in story.sampled.lines
    assert "1 × visit_date is not a date that exists" in story.sampled.lines
    assert not any(name.startswith("libraries/") for name in story.troubled.raw)


def test_it_lands_with_the_next_run(story: Story) -> None:
    assert story.mended.line("libraries visits") == "libraries visits 60 1 1 visit_date is not a date that exists"
    (path,) = (name for name in story.mended.raw if name.startswith("libraries/visits/period=all/"))
    rows = pq.read_table(story.vitals.data / "raw" / path).select(["visit_date", "visits"]).to_pylist()
    assert rows[1] == {"visit_date": date(2026, 7, 1), "visits": 937} and len(rows) == 60
    line = next(line for line in story.mended.status.lines if line.startswith("libraries visits"))
    assert line.endswith(" 60 1 in force")
    assert any(line.startswith("libraries/visits: 1 × visit_date") for line in story.mended.status.lines)


def last_materialization(vitals: Vitals, *key: str, new: bool) -> Mapping[str, dg.MetadataValue]:
    """Metadata of the last materialisation of an asset; with `new` of the last one with which something landed."""
    with dg.DagsterInstance.from_config(str(vitals.data / "dagster")) as instance:
        records = instance.fetch_materializations(dg.AssetKey(list(key)), limit=10).records
    found = [record.asset_materialization.metadata for record in records if record.asset_materialization]
    return next(metadata for metadata in found if not new or metadata["new extracts"].value)
