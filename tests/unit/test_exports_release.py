"""Releases: whole or not there, unchanged when nothing changed, and `current` never going backwards."""

from __future__ import annotations

import csv
import fcntl
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pyarrow.parquet as pq
import pytest
from exports_fixture import (
    ANSWERED,
    COUNCIL,
    FACTS,
    HIDDEN,
    SMALL,
    TABLES,
    facts_of,
    make_curated,
    manifest_content,
    write_manifest,
)

from exports import Check, ExportError, Recomputed, Release, ReleaseFacts, named, publish, recompute, verify
from exports import release as release_module


class House:
    """A council's data folder: a curated database, a manifest, releases."""

    def __init__(self, folder: Path, curated: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.curated = Path(shutil.copy(curated, folder / "curated.duckdb"))
        self.manifest = write_manifest(folder / "manifest.json")
        self.releases = folder / "releases"

    def publish(self, **options: Any) -> Release:
        return publish(self.curated, self.manifest, self.releases, options.pop("facts", FACTS), **options)

    def change(self, sql: str) -> None:
        with duckdb.connect(str(self.curated)) as connection:
            connection.execute(sql)

    def visible(self) -> list[str]:
        """The releases anyone can see."""
        found = self.releases.glob("[!.]*/r*")
        return sorted(p.relative_to(self.releases).as_posix() for p in found if not p.parent.is_symlink())

    def hidden(self) -> list[str]:
        return sorted(path.name for path in self.releases.glob(".*") if path.name != ".lock")

    @property
    def current(self) -> str:
        return str((self.releases / "current").readlink())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once, copied for each test: building takes longer than publishing."""
    return make_curated(tmp_path_factory.mktemp("built") / "curated.duckdb")


@pytest.fixture
def house(tmp_path: Path, built: Path) -> House:
    return House(tmp_path, built)


ONE_MORE = "update marts.feed_measure_values set value = value + 1 where measure_id = 'CO02'"


def test_a_release_holds_every_publication_page_and_the_manifest(house: House) -> None:
    made = house.publish()
    assert made == Release(
        release_id="2026-27-Q2/r1", path=house.releases / "2026-27-Q2" / "r1", period_code="2026-27-Q2", number=1,
        is_new=True, is_current=True, feeds=8, reports=1, pages=made.pages,
        rows={"feed_clinics": 0, "feed_comparators": 0, "feed_data_quality": 0, "feed_hotspots": 6,
              "feed_measure_status": 44, "feed_spc": 0, "feed_targets": 0, "feed_measure_values": 44,
              "report_org_health": 5},
    )  # fmt: skip
    files = sorted(path.relative_to(made.path).as_posix() for path in made.path.rglob("*") if path.is_file())
    pages = [name for name in files if name.startswith("site/") and name.endswith(".html")]
    assert "site/index.html" in pages
    assert len(pages) == made.pages
    assert [name for name in files if not name.startswith("site/")] == [
        "feeds/dictionary.csv",
        "feeds/feed_clinics.csv",
        "feeds/feed_clinics.parquet",
        "feeds/feed_comparators.csv",
        "feeds/feed_comparators.parquet",
        "feeds/feed_data_quality.csv",
        "feeds/feed_data_quality.parquet",
        "feeds/feed_hotspots.csv",
        "feeds/feed_hotspots.parquet",
        "feeds/feed_measure_status.csv",
        "feeds/feed_measure_status.parquet",
        "feeds/feed_measure_values.csv",
        "feeds/feed_measure_values.parquet",
        "feeds/feed_spc.csv",
        "feeds/feed_spc.parquet",
        "feeds/feed_targets.csv",
        "feeds/feed_targets.parquet",
        "manifest.json",
        "reports/report_org_health.csv",
        "reports/report_org_health.parquet",
    ]
    assert house.current == "2026-27-Q2/r1"
    assert house.hidden() == []
    assert verify(made.path) == []


def test_the_manifest_says_what_the_release_is(house: House) -> None:
    content = json.loads((house.publish().path / "manifest.json").read_text(encoding="utf-8"))
    assert content["release"] == "2026-27-Q2/r1"
    assert (content["council"], content["fictional"]) == (COUNCIL, True)
    assert content["notice"] == "Brigstow City Council (fictional): every figure is made up."
    assert content["period"] == {
        "code": "2026-27-Q2", "label": "Q2 2026/27 (Jul–Sep 2026)", "start": "2026-07-01", "end": "2026-09-30",
    }  # fmt: skip
    assert (content["as_of"], content["released_at"]) == ("2026-10-14T08:30:00Z", "2026-10-15T09:00:00Z")
    assert content["contracts"] == {"complaints.cases": ["1.0.0"]}
    (extract,) = content["extracts"]
    assert (extract["source_hash"], extract["row_count"], extract["extracted_at"]) == (
        "0" * 64,
        1284,
        "2026-10-14T08:30:00Z",
    )
    assert content["checks"][1]["severity"] == "warn"
    assert content["missing"]["datasets"] == [
        {
            "dataset": "risk.register", "owner": "risk@brigstow.example", "last_period_start": "2026-07-01",
            "reason": "the workbook was not returned",
        }
    ]  # fmt: skip
    assert [measure["measure_id"] for measure in content["missing"]["measures"]] == ["HR03"]
    feed = next(feed for feed in content["feeds"] if feed["name"] == "feed_measure_values")
    assert feed["description"] == "Everything in feed_measure_values."
    csv_file, parquet_file = sorted(feed["files"], key=lambda file: file["format"])
    assert (csv_file["path"], csv_file["rows"], csv_file["version"]) == ("feeds/feed_measure_values.csv", 44, 1)
    assert csv_file["columns"][0] == {"name": "council", "type": "VARCHAR"}
    listed = {file["path"]: file for file in content["files"]}
    assert listed[parquet_file["path"]]["sha256"] == parquet_file["sha256"]


def test_every_file_of_a_fictional_council_says_so(house: House) -> None:
    path = house.publish().path
    for parquet in path.rglob("*.parquet"):
        metadata = pq.read_schema(parquet).metadata
        assert metadata[b"notice"].decode() == "Brigstow City Council (fictional): every figure is made up."
        assert metadata[b"licence"] == b"Open Government Licence v3.0"
    for text in path.rglob("*.csv"):
        with text.open(newline="", encoding="utf-8-sig") as file:
            assert {row["council"] for row in csv.DictReader(file)} <= {COUNCIL}
    content = manifest_content()
    content["nodes"]["model.vitals.feed_comparators"]["columns"]["council"]["config"] = {}
    write_manifest(house.manifest, content)
    with pytest.raises(ExportError, match="'feed_comparators' has no published column 'council'"):
        house.publish()
    write_manifest(house.manifest)
    house.change("update marts.feed_measure_values set council = 'brigstow' where measure_id = 'CO02'")
    with pytest.raises(ExportError, match=r"10 rows have another council than 'Brigstow City Council \(fictional\)'"):
        house.publish()


def test_columns_that_are_not_marked_stay(house: House) -> None:
    path = house.publish().path
    columns = set(TABLES["feed_measure_values"]) - HIDDEN["feed_measure_values"]
    assert set(pq.read_schema(path / "feeds" / "feed_measure_values.parquet").names) == columns
    header = (path / "feeds" / "feed_measure_values.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    assert set(header) == columns
    with (path / "feeds" / "dictionary.csv").open(newline="", encoding="utf-8") as file:
        described = [row for row in csv.DictReader(file) if row["table"] == "feed_measure_values"]
    assert {row["column"] for row in described} == columns
    assert described[0] == {
        "council": COUNCIL, "table": "feed_measure_values", "column": "council", "type": "VARCHAR",
        "description": "The council.", "table_description": "Rows of feed_measure_values.",
    }  # fmt: skip


def test_the_public_gets_nothing_unless_asked_for(house: House) -> None:
    assert not (house.publish().path / "public").exists()
    with pytest.raises(ExportError, match=r"not a list of known audiences"):
        house.publish(audiences=("everyone",))


def test_the_same_again_adds_nothing(house: House) -> None:
    first = house.publish()
    later = replace(FACTS, released_at=datetime(2026, 11, 1, tzinfo=UTC), code_version="0.2.0")
    again = house.publish(facts=later)
    assert again == replace(first, is_new=False)
    assert house.visible() == ["2026-27-Q2/r1"]
    assert house.hidden() == []


def test_the_same_inputs_write_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    first = house.publish()
    with monkeypatch.context() as patch:
        patch.setattr(release_module.formats, "write_csv", kill)
        later = replace(FACTS, released_at=datetime(2026, 11, 1, tzinfo=UTC), code_version="0.2.0")
        assert house.publish(facts=later) == replace(first, is_new=False)
        house.change("create table t as from marts.feed_measure_status; delete from marts.feed_measure_status; "
                     "insert into marts.feed_measure_status from t order by value desc; drop table t")  # fmt: skip
        assert not house.publish().is_new
        for other in (replace(FACTS, accent="#123456"), replace(FACTS, attribution=("Somebody else.",))):
            with pytest.raises(Killed):
                house.publish(facts=other)


@pytest.mark.parametrize(
    "change",
    [
        ONE_MORE,
        "insert into core.dim_extracts from core.dim_extracts",  # rows that stand twice must not cancel themselves
        "update marts.feed_measure_values set value = value + 1 where period_code = '2026-27-Q2'",
        "create table core.another as select 1 as one",
    ],
)
def test_other_rows_are_other_inputs(change: str, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.publish()
    house.change(change)
    with monkeypatch.context() as patch:
        patch.setattr(release_module.formats, "write_csv", kill)
        with pytest.raises(Killed):
            house.publish()


def test_equal_files_of_other_inputs_add_nothing_and_are_compared_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = house.publish()
    house.change("create table core.another as select 1 as one")
    assert house.publish() == replace(first, is_new=False)
    with monkeypatch.context() as patch:
        patch.setattr(release_module.formats, "write_csv", kill)
        assert house.publish() == replace(first, is_new=False)


@pytest.mark.parametrize("left", ["", "{", "[1]", '{"2026-27-Q2/r1": 7}'])
def test_without_the_memory_files_are_compared(left: str, house: House) -> None:
    first = house.publish()
    (house.releases / "inputs.json").write_text(left, encoding="utf-8")
    assert house.publish() == replace(first, is_new=False)


def test_the_same_rows_elsewhere_make_the_same_files(tmp_path: Path, built: Path) -> None:
    one, two = House(tmp_path / "one", built), House(tmp_path / "two", built)
    two.change("create table t as from marts.feed_measure_status; delete from marts.feed_measure_status; "
               "insert into marts.feed_measure_status from t order by value desc; drop table t")  # fmt: skip
    first, second = one.publish().path, two.publish().path
    for path in first.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path.name


def test_a_changed_row_makes_the_next_release_and_leaves_the_last(house: House) -> None:
    first = house.publish()
    before = {path: path.read_bytes() for path in first.path.rglob("*") if path.is_file()}
    house.change(ONE_MORE)
    second = house.publish()
    assert (second.release_id, second.is_new, second.is_current) == ("2026-27-Q2/r2", True, True)
    assert house.current == "2026-27-Q2/r2"
    assert {path: path.read_bytes() for path in first.path.rglob("*") if path.is_file()} == before
    assert "release 2026-27-Q2/r2" in (second.path / "site" / "index.html").read_text(encoding="utf-8")
    assert not house.publish().is_new


def test_an_earlier_period_does_not_move_current_backwards(house: House) -> None:
    house.publish()
    make_curated(house.curated, SMALL, back=1)
    earlier = house.publish(facts=facts_of(1))
    assert (earlier.release_id, earlier.is_new, earlier.is_current) == ("2026-27-Q1/r1", True, False)
    assert house.current == "2026-27-Q2/r1"


def test_a_later_period_moves_current_on(house: House) -> None:
    make_curated(house.curated, SMALL, back=2)  # Q4 2025/26: an older financial year, a higher quarter
    house.publish(facts=facts_of(2))
    make_curated(house.curated, SMALL)
    assert house.publish().is_current
    assert house.current == "2026-27-Q2/r1"


def test_current_stays_when_asked(house: House) -> None:
    house.publish()
    house.change(ONE_MORE)
    assert not house.publish(switch_current=False).is_current
    assert house.current == "2026-27-Q2/r1"
    assert house.visible() == ["2026-27-Q2/r1", "2026-27-Q2/r2"]
    assert house.publish().is_current  # nothing new, but now it may move
    assert house.current == "2026-27-Q2/r2"


def test_a_folder_called_current_is_left_alone(house: House) -> None:
    (house.releases / "current").mkdir(parents=True)
    (house.releases / "current" / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(ExportError, match="is not a symlink, so it was left alone"):
        house.publish()
    assert (house.releases / "current" / "mine.txt").read_text(encoding="utf-8") == "keep"


class Killed(BaseException):
    """Stands for the end of the process: nothing in the code may catch it."""


def kill(*_: object, **__: object) -> None:
    raise Killed


STEPS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "while writing files": lambda patch: patch.setattr(release_module.formats, "write_csv", kill),
    "before the page": lambda patch: patch.setattr(release_module.site, "read_health", kill),
    "while writing the page": lambda patch: patch.setattr(release_module.site, "pages", kill),
    "before bringing it to the disk": lambda patch: patch.setattr(release_module, "_make_durable", kill),
    "before the rename": lambda patch: patch.setattr(Path, "rename", kill),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_release_that_is_cut_short_leaves_the_last(step: str, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.publish()
    house.change(ONE_MORE)
    with monkeypatch.context() as patch:
        STEPS[step](patch)
        with pytest.raises(Killed):
            house.publish()
    assert house.visible() == ["2026-27-Q2/r1"]
    assert house.current == "2026-27-Q2/r1"
    assert house.hidden() == [".draft-2026-27-Q2-r2"]
    made = house.publish()
    assert (made.release_id, made.is_new) == ("2026-27-Q2/r2", True)
    assert house.hidden() == []
    assert verify(made.path) == []


@pytest.mark.parametrize("step", ["symlink_to", "replace"])
def test_a_release_cut_short_before_the_switch_is_switched_to_by_the_next(
    step: str, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.publish()
    house.change(ONE_MORE)
    with monkeypatch.context() as patch:
        patch.setattr(Path, step, kill)
        with pytest.raises(Killed):
            house.publish()
    assert house.visible() == ["2026-27-Q2/r1", "2026-27-Q2/r2"]
    assert house.current == "2026-27-Q2/r1"
    assert verify(house.releases / "2026-27-Q2" / "r2") == []
    made = house.publish()
    assert (made.release_id, made.is_new, made.is_current) == ("2026-27-Q2/r2", False, True)
    assert house.current == "2026-27-Q2/r2"
    assert house.hidden() == []


def test_a_file_that_does_not_reconcile_publishes_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.publish()
    house.change(ONE_MORE)
    write = release_module.formats.write_csv

    def lose_a_row(connection: Any, selection: Any, path: Path) -> int:
        rows = write(connection, selection, path)
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:-1] if rows else lines))
        return rows

    monkeypatch.setattr(release_module.formats, "write_csv", lose_a_row)
    with pytest.raises(ExportError, match=r"feed_hotspots.csv: 5 rows written, 6 in"):
        house.publish()
    assert house.visible() == ["2026-27-Q2/r1"]
    assert house.current == "2026-27-Q2/r1"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "alter table marts.feed_comparators alter value type double",
            "column 'value' is DOUBLE in the curated database, DECIMAL\\(18,4\\) in its contract",
        ),
        (
            "alter table marts.feed_comparators add secret varchar",
            "column 'secret' is VARCHAR .* absent in its contract",
        ),
        ("alter table marts.feed_comparators drop area_code", "column 'area_code' is absent in the curated database"),
        ("drop table marts.feed_comparators", "'feed_comparators' is not in the curated database"),
        ("delete from marts.report_org_health", "report_org_health has no rows, so there is nothing to say"),
        ("delete from core.dim_council", "core.dim_council is empty"),
    ],
)
def test_a_database_of_another_build_publishes_nothing(sql: str, message: str, house: House) -> None:
    house.change(sql)
    with pytest.raises(ExportError, match=message):
        house.publish()
    assert house.visible() == []
    assert not (house.releases / "current").exists()


def test_the_database_must_be_the_councils_and_the_periods(house: House) -> None:
    with pytest.raises(ExportError, match=r"holds Brigstow City Council .fictional., the release is to be Trafford"):
        house.publish(facts=replace(FACTS, council="Trafford Council"))
    with pytest.raises(ExportError, match="reports on 2026-27-Q2, the release is to be 2026-27-Q1's"):
        house.publish(facts=facts_of(1))
    with pytest.raises(ExportError, match="cannot name a reporting period's folder"):
        house.publish(facts=replace(FACTS, period_code="../elsewhere"))
    with pytest.raises(ExportError, match="need a time zone"):
        house.publish(facts=replace(FACTS, as_of=datetime(2026, 10, 14)))
    assert house.visible() == []


def test_a_failed_check_of_error_severity_publishes_nothing(house: House) -> None:
    checks = (*FACTS.checks, Check("not_null_value", "marts/feed_measure_values", False, "error"))
    with pytest.raises(
        ExportError, match=r"1 checks of error severity failed.*marts/feed_measure_values: not_null_value"
    ):
        house.publish(facts=replace(FACTS, checks=checks))
    assert house.visible() == []


def test_the_page_needs_its_publications(house: House) -> None:
    content = manifest_content()
    del content["exposures"]["exposure.vitals.feed_comparators"]
    write_manifest(house.manifest, content)
    with pytest.raises(ExportError, match="the health page needs 'feed_comparators', which no exposure publishes"):
        house.publish()
    content = manifest_content()
    content["nodes"]["model.vitals.report_org_health"]["columns"]["target"]["config"] = {}
    write_manifest(house.manifest, content)
    with pytest.raises(
        ExportError, match=r"needs column 'report_org_health.target', which is not marked for 'internal'"
    ):
        house.publish()


def test_verify_finds_what_was_altered_lost_or_added(house: House) -> None:
    path = house.publish().path
    (path / "feeds" / "feed_measure_values.csv").write_text("council\r\n", encoding="utf-8")
    (path / "feeds" / "feed_comparators.csv").unlink()
    (path / "feeds" / "extra.csv").write_text("x", encoding="utf-8")
    assert verify(path) == [
        "feeds/feed_comparators.csv is missing",
        "feeds/extra.csv is not in manifest.json",
        "feeds/feed_measure_values.csv was altered",
    ]
    (path / "manifest.json").write_text("{", encoding="utf-8")
    assert verify(path)[0].startswith("manifest.json cannot be read")
    assert verify(house.releases / "2026-27-Q9" / "r1")[0].startswith("manifest.json cannot be read")


def test_an_altered_release_is_not_taken_for_unchanged(house: House) -> None:
    path = house.publish().path
    (path / "feeds" / "feed_measure_values.csv").write_text("council\r\n", encoding="utf-8")
    made = house.publish()
    assert (made.release_id, made.is_new) == ("2026-27-Q2/r2", True)


def test_a_number_is_never_used_twice(house: House) -> None:
    house.publish()
    (house.releases / "2026-27-Q2" / "r7").mkdir()  # not made here: no manifest
    house.change(ONE_MORE)
    assert house.publish().release_id == "2026-27-Q2/r8"
    assert house.current == "2026-27-Q2/r8"


def test_a_number_is_never_used_again_though_its_folder_was_removed(house: House) -> None:
    house.publish()
    house.change(ONE_MORE)
    shutil.rmtree(house.publish().path)
    assert house.publish().release_id == "2026-27-Q2/r3"
    shutil.rmtree(house.releases / "2026-27-Q2")
    assert house.publish().release_id == "2026-27-Q2/r4"
    assert json.loads((house.releases / "numbers.json").read_text(encoding="utf-8")) == {"2026-27-Q2": 4}


def test_releases_of_before_the_register_was_kept_count(house: House) -> None:
    house.publish()
    (house.releases / "numbers.json").unlink()
    house.publish()  # nothing new, but the register is there again
    shutil.rmtree(house.releases / "2026-27-Q2")
    assert house.publish().release_id == "2026-27-Q2/r2"


@pytest.mark.parametrize("text", ["{", "[]", '{"2026-27-Q2": "many"}'])
def test_a_register_that_cannot_be_read_publishes_nothing(text: str, house: House) -> None:
    house.publish()
    (house.releases / "numbers.json").write_text(text, encoding="utf-8")
    house.change(ONE_MORE)
    with pytest.raises(ExportError, match=r"numbers.json: cannot be read .* Put it back from a backup"):
        house.publish()
    assert house.visible() == ["2026-27-Q2/r1"]


# The manifest


SCHEMA = json.loads((Path(release_module.__file__).with_name("manifest.schema.json")).read_text(encoding="utf-8"))


def test_the_manifest_is_as_its_schema_says(house: House) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    content = json.loads((house.publish().path / "manifest.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(content)
    described = SCHEMA["properties"].keys()
    assert described == content.keys(), "nothing is said that is not described"
    for wrong in ({"as_of": "yesterday"}, {"release": "r1"}, {"extra": 1}, {"files": [{"path": "x"}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(SCHEMA).validate(content | wrong)


def test_the_manifest_says_what_is_provisional_and_what_made_it(house: House) -> None:
    content = json.loads((house.publish().path / "manifest.json").read_text(encoding="utf-8"))
    (provisional,) = content["provisional"]
    assert (provisional["measure_id"], provisional["measure_name"]) == ("CO02", "Complaints answered in time")
    assert 1 <= provisional["figures"] <= provisional["of_figures"]
    assert content["software"]["duckdb"] == duckdb.__version__


# Making a release again


def recomputed(house: House, name: str = "current", facts: ReleaseFacts = FACTS) -> Recomputed:
    release = named(house.releases, name)
    folder = house.releases.with_name("again")
    shutil.rmtree(folder, ignore_errors=True)
    return recompute(house.curated, house.manifest, house.releases, release, facts, folder)


def test_a_release_made_again_is_the_same_and_touches_nothing(house: House) -> None:
    made = house.publish()
    house.change(ONE_MORE)
    house.publish()
    before = {path: path.read_bytes() for path in house.releases.rglob("*") if path.is_file()}
    later = replace(FACTS, released_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert recomputed(house, facts=later).is_identical
    first = recomputed(house, made.release_id)
    changed = {"feed_measure_values.csv", "feed_measure_values.parquet"}
    assert {Path(path).name for path in first.different} >= changed
    assert not first.is_identical
    assert set(first.identical) | set(first.different) == set(named(house.releases, made.release_id).checksums)
    assert {path: path.read_bytes() for path in house.releases.rglob("*") if path.is_file()} == before
    assert house.hidden() == []


def test_files_that_are_made_no_more_or_only_now_are_told(house: House) -> None:
    house.publish()
    content = manifest_content()
    content["exposures"]["exposure.vitals.feed_comparators"]["config"]["meta"]["formats"] = ["parquet"]
    write_manifest(house.manifest, content)
    assert recomputed(house).missing == ("feeds/feed_comparators.csv",)
    house.publish()
    write_manifest(house.manifest)
    assert recomputed(house).added == ("feeds/feed_comparators.csv",)


def test_a_release_is_found_by_its_name(house: House) -> None:
    house.publish()
    house.change(ONE_MORE)
    house.publish(switch_current=False)
    assert named(house.releases, "current").release_id == "2026-27-Q2/r1"
    assert named(house.releases, "2026-27-Q2").release_id == "2026-27-Q2/r2"
    assert named(house.releases, "2026-27-Q2/r1/").number == 1
    with pytest.raises(ExportError, match=r"no release '2026-27-Q2/r3'\. Did you mean '2026-27-Q2/r\d'\?"):
        named(house.releases, "2026-27-Q2/r3")
    with pytest.raises(ExportError, match="Releases: none yet"):
        named(house.releases / "elsewhere", "current")


def test_two_releases_are_not_written_at_once(house: House) -> None:
    house.releases.mkdir()
    with (house.releases / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ExportError, match="another release is being written"):
            house.publish()
    assert house.publish().is_new


def test_a_figure_that_turns_final_is_a_change(house: House) -> None:
    """The page draws provisional values hollow, so the page differs though no value does."""
    house.publish()
    make_curated(house.curated, [replace(m, is_provisional=False) if m is ANSWERED else m for m in SMALL])
    assert house.publish().release_id == "2026-27-Q2/r2"
