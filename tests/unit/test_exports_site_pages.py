"""Pages of outcomes, units, portfolios, areas, and about the site: what they say, where they lead, for whom."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from exports_fixture import FACTS, SICKNESS, SMALL, make_curated, manifest_content

from exports import site
from exports.formats import connect
from exports.publications import publications_of
from exports.site.drawn import Links, page_path
from exports.site.matters import data_page, size_words
from exports.site.places import Line, finding

NAVIGATION = ["Health", "Outcomes", "Services", "Areas", "Explore", "Targets", "Data", "About"]
# Published beside what the fixture has: table, columns, rows.
MORE: dict[str, tuple[dict[str, str], list[tuple[Any, ...]]]] = {
    "feed_measures": (
        {"measure_id": "varchar", "outcome_id": "varchar", "outcome_name": "varchar", "portfolio_id": "varchar",
         "portfolio_name": "varchar", "owner": "varchar"},
        [("CO02", "ORG", "A well-run council", "R/F", "Finance & resources", "Director of Resources"),
         ("HR01", "ORG", "A well-run council", "R/F", "Finance & resources", "Director of Resources")],
    ),
    "feed_outcomes": (
        {"outcome_id": "varchar", "outcome_name": "varchar", "owner": "varchar", "display_order": "integer"},
        [("ORG", "A well-run council", "Director of Resources", 1)],
    ),
    "feed_units": (
        {"unit_id": "varchar", "unit_name": "varchar", "unit_level": "varchar", "parent_unit_id": "varchar",
         "depth": "integer", "owner": "varchar", "valid_to": "date"},
        [("TOP", "Brigstow", "council", None, 0, None, None),
         ("PLC", "Place", "directorate", "TOP", 1, "Director of Place", None),
         ("PLC-PRK", "Parks & paths", "service", "PLC", 2, None, None),
         ("OLD", "Abolished", "service", "PLC", 2, None, "2020-03-31")],
    ),
    "feed_composite": (
        {"outcome_id": "varchar", "period_start": "date", "period_end": "date", "period_label": "varchar",
         "score": "decimal(9, 1)", "coverage_pct": "decimal(9, 1)", "measures_scored": "integer",
         "measures_total": "integer", "weakest_measure_id": "varchar", "weakest_measure_name": "varchar",
         "weakest_score": "decimal(9, 1)"},
        [("ORG", "2026-04-01", "2026-06-30", "Q1 2026/27", 55, 100, 2, 2, "HR01", "Days lost to sickness", 31),
         ("ORG", "2026-07-01", "2026-09-30", "Q2 2026/27", 48.5, 66.7, 2, 3, "HR01", "Days lost to sickness", 12)],
    ),
    "feed_activities": (
        {"item_kind": "varchar", "item_id": "varchar", "activity_id": "varchar", "title": "varchar",
         "outcome_id": "varchar", "unit_id": "varchar", "unit_name": "varchar", "status": "varchar",
         "progress_pct": "integer", "due_date": "date", "completed_date": "date", "is_met_in_time": "boolean",
         "is_newest": "boolean"},
        [("activity", "A1", "A1", "Answer letters sooner", "ORG", "PLC-PRK", "Parks & paths", "on_track", 40,
          "2027-03-31", None, None, True),
         ("activity", "A2", "A2", "Mend the scanner", "ORG", "PLC-PRK", "Parks & paths", "off_track", 10,
          "2026-12-31", None, None, True),
         ("activity", "A3", "A3", "Done long ago", "ORG", "PLC-PRK", "Parks & paths", "completed", 100,
          "2025-12-31", None, None, True),
         ("milestone", "M1", "A1", "Choose a supplier", "ORG", "PLC-PRK", "Parks & paths", None, None,
          "2026-06-30", "2026-07-09", False, True)],
    ),
    "feed_links": (
        {"driver_measure_id": "varchar", "driver_name": "varchar", "response_measure_id": "varchar",
         "response_name": "varchar", "unit_level": "varchar", "is_found": "boolean", "sentence": "varchar"},
        [("HR01", "Days lost to sickness", "CO02", "Complaints answered in time", "council", True,
          "They move together.")],
    ),
    "feed_service_value": (
        {"unit_id": "varchar", "period_start": "date", "period_label": "varchar", "is_complete": "boolean",
         "demand": "decimal(18, 2)", "demand_measure_id": "varchar", "demand_measure_name": "varchar",
         "spend_real_gbp": "decimal(18, 2)", "price_year": "varchar", "unit_cost_real_gbp": "decimal(18, 2)",
         "outcome_measure_id": "varchar", "outcome_measure_name": "varchar", "outcome_value": "decimal(18, 4)"},
        [("PLC-PRK", "2026-04-01", "2026/27", False, 1234, "SR01", "Requests", 5_250_000, "2025-26", 12.5,
          "CO02", "Complaints answered in time", 81.26)],
    ),
    "feed_areas": (
        {"area_id": "varchar", "area_name": "varchar", "area_type": "varchar", "population": "bigint",
         "population_year": "integer", "requests": "bigint", "judged_requests": "bigint",
         "failure_requests": "bigint", "complaints": "bigint", "valid_from": "date", "valid_to": "date"},
        [("W1", "Easterwood", "ward", None, None, 79, 58, 23, 42, "2016-05-05", None),
         ("L1", "Easterwood 001A", "lsoa", None, None, 5, 4, 1, 2, None, None)],
    ),
    "feed_datasets": (
        {"system": "varchar", "dataset": "varchar", "owner": "varchar", "is_declared": "boolean",
         "last_extracted_on": "date", "row_count": "bigint", "rejected_count": "bigint", "is_missing": "boolean",
         "reason": "varchar"},
        [("hr", "absences", "people@brigstow.example", True, "2026-10-14", 6902, 0, False, None),
         ("risk", "register", "risk@brigstow.example", True, None, None, None, True, "not returned")],
    ),
}  # fmt: skip


def manifest(rows: bool) -> dict[str, Any]:
    content = manifest_content()
    for name, (columns, _) in MORE.items() if rows else ():
        content["nodes"][f"model.vitals.{name}"] = {
            "resource_type": "model", "name": name, "alias": name, "schema": "marts", "description": name,
            "config": {"contract": {"enforced": True}},
            "columns": {
                column: {"name": column, "data_type": kind, "description": column,
                         "config": {"meta": {"audiences": ["internal"]}}}
                for column, kind in columns.items()
            },
        }  # fmt: skip
        exposure = content["exposures"]["exposure.vitals.feed_spc"]
        content["exposures"][f"exposure.vitals.{name}"] = exposure | {
            "name": name, "label": name, "depends_on": {"nodes": [f"model.vitals.{name}"]},
            "config": {"meta": exposure["config"]["meta"] | {"audiences": ["internal"]}},
        }  # fmt: skip
    return content


def pages_of(
    folder: Path, edition: str = "internal", rows: bool = True, files: Sequence[Mapping[str, Any]] = ()
) -> dict[str, str]:
    curated = make_curated(folder / "curated.duckdb", SMALL)
    with duckdb.connect(str(curated)) as connection:
        for name, (columns, content) in MORE.items():
            connection.execute(f"create table marts.{name} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
            for row in content if rows else ():
                connection.execute(f"insert into marts.{name} values ({', '.join('?' for _ in row)})", list(row))
    with connect(curated) as connection:
        health = site.read_health(connection, publications_of(manifest(rows)), FACTS, edition)
    drawn = site.pages(health, "2026-27-Q2/r1", files)
    return {path: content.decode() for path, content in drawn.items() if path.endswith(".html")}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return pages_of(tmp_path_factory.mktemp("site"))


def words(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup.partition("<body>")[2]).split())


def test_every_page_has_the_same_ways_and_says_that_the_council_is_fictional(pages: dict[str, str]) -> None:
    for path, markup in pages.items():
        nav = re.search(r'<nav aria-label="Pages">(.*?)</nav>', markup, re.DOTALL)
        assert nav and re.findall(r">([A-Z]\w+)</a>", nav[1]) == NAVIGATION, path
        assert "accessibility.html" in markup.partition('<footer>\n<div class="wrap')[2], path
        assert "is a fictional council" in markup, path


def test_every_link_leads_to_a_file_of_the_site(pages: dict[str, str], tmp_path: Path) -> None:
    for path, markup in pages.items():
        for address in re.findall(r'<a href="([^"#]+)', markup):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), address))
            if not target.startswith("..") and target.endswith(".html"):
                assert target in pages, f"{path}: {address}"


def test_an_outcome_shows_who_answers_how_it_stands_and_what_is_done(pages: dict[str, str]) -> None:
    said = words(pages["outcomes/ORG.html"])
    for sentence in (
        "Owner: Director of Resources",
        "48.5 of 100, Q2 2026/27",
        "2 of 3 measures have a figure (66.7&nbsp;% by weight).",
        "Weakest: Days lost to sickness , 12.0 of 100.",
        "They move together.",
        "Choose a supplier: due 30 June 2026, met 9 July 2026 (late)",
        "1 completed.",
    ):
        assert sentence in said
    assert said.index("Mend the scanner") < said.index("Answer letters sooner")  # off track first
    assert "Done long ago" not in said


def test_a_unit_shows_its_place_and_demand_cost_and_outcome_side_by_side(pages: dict[str, str]) -> None:
    markup = pages["units/PLC-PRK.html"]
    assert "<h1>Parks &amp; paths</h1>" in markup
    crumbs = re.search(r'<nav class="crumbs.*?</nav>', markup, re.DOTALL)
    assert crumbs and words(f"<body>{crumbs[0]}") == "Services Place"
    assert "2026/27 so far 1,234 £5.3m £12.50 81.3%" in words(markup)
    assert 'href="../units/PLC-PRK.html"' in pages["units/PLC.html"]
    assert "units/OLD.html" not in pages and "units/TOP.html" not in pages


def test_portfolios_have_safe_addresses(pages: dict[str, str]) -> None:
    assert "<h1>Finance &amp; resources</h1>" in pages["portfolios/R_2f_F.html"]
    assert 'href="portfolios/R_2f_F.html"' in pages["outcomes.html"]


def test_areas_show_denominators_and_small_ones_have_no_page(pages: dict[str, str]) -> None:
    said = words(pages["areas/W1.html"])
    assert "23 of 58 judged requests were failure demand" in said
    assert "No population is published for this area" in said
    assert "areas/L1.html" not in pages


def test_the_status_page_names_what_is_missing_first(pages: dict[str, str]) -> None:
    said = words(pages["status.html"])
    assert "1 of 2 data sets arrived; one warning from two checks." in said
    assert said.index("risk.register") < said.index("hr.absences")
    assert "Complaints: 12 % fewer rows than usual." in said


def test_a_council_that_publishes_none_of_it_gets_honest_pages(tmp_path: Path) -> None:
    pages = pages_of(tmp_path, rows=False)
    assert "No outcome is published." in words(pages["outcomes.html"])
    assert "every figure is for the whole council" in words(pages["units.html"])
    assert "No figures below the whole council" in words(pages["areas.html"])
    assert not any(path.startswith(("outcomes/", "units/", "areas/", "portfolios/")) for path in pages)


def test_the_public_edition_holds_nothing_of_the_house(tmp_path: Path) -> None:
    pages = pages_of(tmp_path, edition="public")
    assert "status.html" not in pages
    assert not any(path.startswith(("outcomes/", "units/", "areas/")) for path in pages)
    for path, markup in pages.items():
        assert "status.html" not in markup, path
        assert "Mend the scanner" not in markup and "risk@brigstow.example" not in markup, path
        assert "public edition" in markup, path
    assert "Counts of people from 1 to 7 are hidden" in words(pages["about.html"])


def test_the_data_page_lists_every_file_with_size_and_rows(tmp_path: Path) -> None:
    files = [
        {"path": "feeds/feed_spc.csv", "bytes": 3_210_000, "rows": 12_345, "audience": "internal"},
        {"path": "feeds/dictionary.csv", "bytes": 812, "rows": 30, "audience": "internal"},
        {"path": "public/feeds/feed_spc.csv", "bytes": 1, "rows": 1, "audience": "public"},
    ]
    markup = pages_of(tmp_path, files=files)["data.html"]
    assert 'href="../feeds/feed_spc.csv"' in markup and "3.2 MB, 12,345 rows" in markup
    assert 'href="../feeds/dictionary.csv"' in markup and "812 bytes, 30 rows" in markup
    assert "public/" not in markup


def test_papers_of_one_publication_are_listed_under_it() -> None:
    [publication, *_] = publications_of(manifest_content())
    files = [{"path": f"feeds/{publication.name}/PLC.pdf", "bytes": 1499, "audience": "internal"}]
    context = data_page([replace(publication, kind="feed")], files, "internal").context
    assert context["others"] == []
    [(_, [listed])] = context["listed"]
    assert (listed["format"], listed["size"], listed["rows"]) == ("PDF", "1 kB", None)


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "2 kB"), (1_250_000, "1.2 MB")]
)
def test_sizes_read_as_a_folder_shows_them(number: int, said: str) -> None:
    assert size_words(number) == said


def test_names_become_links_only_where_there_is_a_page() -> None:
    links = Links(frozenset({page_path("units", "A/B")}))
    assert links.href("../", "units", "A/B", "<Parks>") == '<a href="../units/A_2f_B.html">&lt;Parks&gt;</a>'
    assert links.href("../", "units", "gone", "Gone") == "Gone"


def line(**changes: Any) -> Line:
    base = Line("M1", "Measure", "People", "1", "", "", "", "", "common_cause", False, site.Markup(""))
    return replace(base, **changes)


def test_the_finding_counts_signals_and_targets() -> None:
    worse = line(variation="special_cause_concern", target="5", status="off_target")
    assert finding([]) == "No measure has a figure."
    assert finding([line(target="5", status="on_target")]) == (
        "One measure, not unlike usual; its only target is met or within tolerance."
    )
    assert finding([line(), line()]) == "Two measures, none of them unlike usual."
    assert (
        finding([worse, line(variation="special_cause_improvement"), line(target="5", status="on_target")])
        == "Of three measures, one is worse than usual and one is better than usual; one of two targets is missed."
    )


def test_what_is_worse_or_off_target_comes_first() -> None:
    lines = [
        line(name="better", variation="special_cause_improvement"),
        line(name="plain"),
        line(name="missed", status="off_target"),
        line(name="worse", variation="special_cause_concern"),
    ]
    assert [one.name for one in sorted(lines, key=lambda one: one.rank)] == ["worse", "missed", "plain", "better"]


def test_without_a_published_chart_the_arrow_still_goes_the_way_of_the_figure(tmp_path: Path) -> None:
    worse = replace(SICKNESS, limits=(8.0, 9.2), signal="special_cause_concern")
    with connect(make_curated(tmp_path / "curated.duckdb", [worse])) as connection:
        published = [one for one in publications_of(manifest_content()) if one.name != "feed_spc"]
        [measure] = site.read_health(connection, published, FACTS, "public").story.measures
    assert measure.signal == "▲ worse than usual"  # more days lost
