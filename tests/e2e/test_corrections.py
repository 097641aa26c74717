"""What happens to releases after the first: nothing new, a correction at the source, an older quarter, a look back as
of a moment, a release made again. Told as one story, each step once; the tests look at what each step left behind."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from support.brigstow import DATASETS, double_an_agency_bill
from support.pipeline import QUARTER, SINCE, Quarter, Ran, Vitals, end, fingerprint, own_systems, sha256, wait_until

R1, R2 = f"{QUARTER}/r1", f"{QUARTER}/r2"
OLDER = "2025-26-Q4"


@dataclass(frozen=True)
class Step:
    """How a command ended and what stood there afterwards."""

    ran: Ran
    raw: list[str]
    published: list[str]
    current: str
    releases: Mapping[str, Mapping[str, str]]  # checksums of every release's files
    curated: str  # checksum

    @classmethod
    def taken(cls, vitals: Vitals, ran: Ran) -> Step:
        releases = {name: fingerprint(vitals.releases / name) for name in vitals.published}
        return cls(ran, vitals.raw(), vitals.published, vitals.current, releases, sha256(vitals.curated))


@dataclass(frozen=True)
class Story:
    """The steps, in order, and what was seen beside them."""

    vitals: Vitals
    first: Step
    unchanged: Step
    meanwhile: Mapping[str, Ran]
    corrected: Step
    as_of_now: Step
    older: Step
    as_of_before: Step
    rebuilt: Step
    differences: Ran


@pytest.fixture(scope="module")
def story(town: Quarter, systems: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    own = own_systems(systems, folder)
    vitals = town.vitals.copied(folder).with_environment(**own)
    first = Step.taken(vitals, town.ran)

    process = vitals.start("run", QUARTER, "--from", SINCE)
    try:
        assert process.stderr is not None
        wait_until(lambda: "reading" in process.stderr.readline(), process)  # type: ignore[union-attr]
        meanwhile = {
            "run": vitals("run", QUARTER, "--from", SINCE),
            "query": vitals("query", "select count(*) as n from feed_measure_values"),
            "status": vitals("status", QUARTER),
        }
        out, err = process.communicate(timeout=300)
    finally:
        end(process)
    unchanged = Step.taken(vitals, Ran(process.returncode, out, err))

    before = datetime.now(UTC)
    double_an_agency_bill(Path(own["FINANCE_FOLDER"]) / "ledger_2026-08.csv")
    corrected = Step.taken(vitals, vitals("run", QUARTER, "--from", SINCE))
    as_of_now = Step.taken(vitals, vitals("run", QUARTER, "--from", SINCE, "--as-of", datetime.now(UTC).isoformat()))
    older = Step.taken(vitals, vitals("run", OLDER, "--from", SINCE))
    as_of_before = Step.taken(vitals, vitals("run", QUARTER, "--from", SINCE, "--as-of", before.isoformat()))
    rebuilt = Step.taken(vitals, vitals("rebuild", R1))
    differences = vitals("release", "diff", R1, R2, "--out", "restated.csv")
    return Story(vitals, first, unchanged, meanwhile, corrected, as_of_now, older, as_of_before, rebuilt, differences)


# Nothing new


def test_a_second_run_adds_nothing_and_says_so(story: Story) -> None:
    assert story.unchanged.ran.code == 0, story.unchanged.ran.err
    assert f"Unchanged: {R1} already says all of this; nothing was added." in story.unchanged.ran.lines
    assert story.unchanged.raw == story.first.raw
    assert story.unchanged.releases == story.first.releases
    assert story.unchanged.current == R1
    table = [line for line in story.unchanged.ran.lines if line.endswith("– – unchanged")]
    assert len(table) == len(DATASETS) + 1  # and the addresses matched


def test_two_runs_at_once_the_second_gives_way(story: Story) -> None:
    second = story.meanwhile["run"]
    assert second.code == 1
    assert "Another run is working on brigstow" in second.err
    assert "Wait until it ends, then run again." in second.err


def test_readers_are_not_held_up_by_a_run(story: Story) -> None:
    assert story.meanwhile["query"].code == 0 and int(story.meanwhile["query"].out.split()[1]) > 1000
    assert story.meanwhile["status"].code == 0 and f"Releases: {R1} (current)" in story.meanwhile["status"].lines


# A correction at the source


def test_a_correction_becomes_a_new_release_beside_the_old_one(story: Story) -> None:
    assert story.corrected.ran.code == 0, story.corrected.ran.err
    assert any(line.startswith(f"Published {R2}: ") for line in story.corrected.ran.lines)
    assert story.corrected.published == [R1, R2]
    assert story.corrected.current == R2
    assert story.corrected.releases[R1] == story.first.releases[R1], "the former release is as it was, bit for bit"


def test_only_the_corrected_quarter_of_the_ledger_lands_again(story: Story) -> None:
    (added,) = set(story.corrected.raw) - set(story.first.raw)
    assert added.startswith("finance/ledger/period=2026-07-01/")
    assert set(story.first.raw) < set(story.corrected.raw), "what landed before is still there"
    line = next(line for line in story.corrected.ran.lines if line.startswith("finance ledger"))
    assert not line.endswith("unchanged")


def test_only_what_the_correction_touches_has_changed(story: Story) -> None:
    with duckdb.connect() as con:
        feeds = [story.vitals.releases / name / "feeds" / "feed_measure_values.parquet" for name in (R1, R2)]
        changed = con.execute(
            "select distinct measure_id, period_code from "
            f"((from '{feeds[0]}' except from '{feeds[1]}') union all (from '{feeds[1]}' except from '{feeds[0]}'))"
        ).fetchall()
    assert set(changed) == {("HR03", "2026-08"), ("HR03", QUARTER), ("FI06", QUARTER), ("FI06R", QUARTER)}


def test_as_of_now_is_what_is_published_and_asks_no_source(story: Story) -> None:
    assert story.as_of_now.ran.code == 0, story.as_of_now.ran.err
    assert f"Unchanged: {R2} already says all of this; nothing was added." in story.as_of_now.ran.lines
    assert "reading" not in story.as_of_now.ran.err
    assert (story.as_of_now.raw, story.as_of_now.releases) == (story.corrected.raw, story.corrected.releases)


# Looking back


def test_an_older_quarter_is_published_and_current_stays(story: Story) -> None:
    assert story.older.ran.code == 0, story.older.ran.err
    assert story.older.published == [f"{OLDER}/r1", R1, R2]
    assert story.older.current == R2
    page = next(line for line in story.older.ran.lines if line.startswith("Read it "))
    assert f"{OLDER}/r1" in page, "the address is of the page that was made"
    assert story.vitals.manifest(f"{OLDER}/r1")["period"]["code"] == OLDER
    extracts = story.vitals.manifest(f"{OLDER}/r1")["extracts"]
    assert max(extract["period_start"] or "" for extract in extracts) == "2026-01-01", "nothing later than its quarter"


def test_analysts_keep_the_newest_quarter(story: Story) -> None:
    assert story.older.curated == story.as_of_now.curated
    assert story.as_of_before.curated == story.as_of_now.curated


def test_as_of_the_moment_before_the_correction_is_the_first_release_again(story: Story) -> None:
    assert story.as_of_before.ran.code == 0, story.as_of_before.ran.err
    # Built anew and compared file by file: feeds, reports and the page are those of then, bit for bit.
    assert f"Unchanged: {R1} already says all of this; nothing was added." in story.as_of_before.ran.lines
    assert "reading" not in story.as_of_before.ran.err
    assert story.as_of_before.raw == story.corrected.raw
    assert (story.as_of_before.published, story.as_of_before.current) == (story.older.published, R2)


def test_looking_back_leaves_all_former_releases_as_they_were(story: Story) -> None:
    for name, files in story.older.releases.items():
        assert story.as_of_before.releases[name] == files


def test_after_a_rebuild_as_of_an_earlier_moment_the_newest_release_is_still_the_newest(story: Story) -> None:
    ran = story.vitals("run", QUARTER, "--from", SINCE)
    assert f"Unchanged: {R2} already says all of this; nothing was added." in ran.lines
    assert story.vitals.current == R2


# Made again, and compared


def test_a_release_made_again_from_raw_is_the_same_bit_for_bit_and_touches_nothing(story: Story) -> None:
    files = len(story.vitals.manifest(R1)["files"])
    assert story.rebuilt.ran.code == 0, story.rebuilt.ran.err
    assert f"{files:,} of {files:,} files are identical, bit for bit." in story.rebuilt.ran.lines
    assert "differs" not in story.rebuilt.ran.err
    assert (story.rebuilt.raw, story.rebuilt.releases) == (story.as_of_before.raw, story.as_of_before.releases)
    assert (story.rebuilt.curated, story.rebuilt.current) == (story.as_of_before.curated, R2)
    assert [path.name for path in story.vitals.data.glob(".rebuild-*")] == [], "it leaves nothing behind"


def test_the_difference_of_two_releases_names_every_restated_figure(story: Story) -> None:
    assert story.differences.code == 0, story.differences.err
    with (story.vitals.base / "restated.csv").open(encoding="utf-8", newline="") as file:
        restated = list(csv.DictReader(file))
    assert {row["measure_id"] for row in restated} == {"HR03", "FI06", "FI06R"}
    assert all(row["old_value"] != row["new_value"] for row in restated)
    assert {(row["old_release"], row["new_release"]) for row in restated} == {(R1, R2)}
    assert f"{len(restated):,} figures restated, 0 new." in story.differences.lines


# --as-of with moments that mean nothing


@pytest.mark.parametrize(
    ("moment", "message"),
    [
        ("2020-01-01", "--as-of: nothing had landed by 01 Jan 2020 00:00:00 UTC. See `vitals status` for what has."),
        ("2999-01-01T12:00", "--as-of: 2999-01-01T12:00 has not come yet"),
        ("yesterday", "--as-of: 'yesterday' is not a time. Write 2026-10-21T06:00 (UTC)."),
    ],
)
def test_a_moment_without_figures_is_refused_in_words(moment: str, message: str, town: Quarter) -> None:
    ran = town.vitals("run", QUARTER, "--as-of", moment)
    assert ran.code == 2
    assert message in ran.err
