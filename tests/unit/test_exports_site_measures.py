"""What the pages of measures say and that they are readable without scripts; what each audience's pages may hold."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest
from exports_fixture import ANSWERED, FACTS, SICKNESS, SMALL, Series, make_curated, manifest_content

from exports import site
from exports.formats import connect
from exports.publications import Publication, publications_of
from exports.site.drawn import file_name
from exports.site.reading import Reader

WORSE = replace(
    SICKNESS, limits=(8.0, 9.2), signal="special_cause_concern", verdict="unrealistic", grades={"timely": "C"}
)
MEASURES = [WORSE, *(series for series in SMALL if series.measure_id != WORSE.measure_id)]


class Outline(HTMLParser):
    """Tags with their attributes, and all text outside scripts and styles."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._silent = 0
        self.feed(markup)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._silent += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def pages_of(folder: Path, measures: Sequence[Series] = MEASURES) -> dict[str, bytes]:
    with connect(make_curated(folder / "curated.duckdb", measures)) as connection:
        return site.pages(site.read_health(connection, publications_of(manifest_content()), FACTS), "2026-27-Q2/r1")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return pages_of(tmp_path_factory.mktemp("site"))


def outline(pages: dict[str, bytes], path: str) -> Outline:
    return Outline(pages[path].decode())


def test_each_measure_has_a_page_and_its_figures(pages: dict[str, bytes]) -> None:
    for measure in MEASURES:
        assert f"measures/{measure.measure_id}.html" in pages
        assert f"measures/{measure.measure_id}.csv" in pages


def test_a_page_answers_five_questions_in_this_order(pages: dict[str, bytes]) -> None:
    markup = pages["measures/HR01.html"].decode()
    headings = re.findall(r'<h2 id="[a-z-]+">([^<]+)</h2>', markup)
    assert headings == ["What changed", "Is it real?", "Why it may be", "What is being done", "Can I trust the figure?"]


def test_the_title_says_what_changed_in_words(pages: dict[str, bytes]) -> None:
    title = re.search(r"<h1>(.*?)</h1>", pages["measures/HR01.html"].decode(), re.DOTALL)
    assert title and "worse than usual" in title[1]


def test_the_verdict_stands_with_its_evidence_and_the_fact_with_its_grade(pages: dict[str, bytes]) -> None:
    text = outline(pages, "measures/HR01.html").text
    assert "Unrealistic." in text
    assert re.search(r"Timely C \w", text)


def test_the_picture_is_there_without_scripts_and_says_what_it_shows(pages: dict[str, bytes]) -> None:
    found = outline(pages, "measures/HR01.html")
    pictures = [attrs for tag, attrs in found.tags if tag == "svg" and attrs.get("role") == "img"]
    assert len(pictures) == 2  # one for a desk, one for a phone; the style sheet shows one
    assert all("Days lost to sickness" in str(attrs["aria-label"]) for attrs in pictures)
    live = next(attrs for tag, attrs in found.tags if tag == "div" and attrs.get("class") == "interactive")
    assert "hidden" in live


def test_the_table_has_every_period_with_its_denominator(pages: dict[str, bytes]) -> None:
    text = outline(pages, "measures/CO02.html").text
    assert "102 of 116" in text
    assert "provisional" in text
    assert text.count("Q2 2026/27") >= 2


def test_the_charts_data_say_what_the_table_says(pages: dict[str, bytes]) -> None:
    markup = pages["measures/CO02.html"].decode()
    data = json.loads(re.search(r'class="chart-data">(.*?)</script>', markup, re.DOTALL)[1])  # type: ignore[index]
    newest = data["points"][-1]
    assert "102 of 116 complaints due" in newest["said"]
    assert newest["hollow"] is True and "provisional" in newest["said"]


def test_the_page_says_how_to_get_to_every_row(pages: dict[str, bytes]) -> None:
    assert "vitals trace CO02 2026-27-Q2" in outline(pages, "measures/CO02.html").text


def test_the_charts_figures_can_be_had_as_csv(pages: dict[str, bytes]) -> None:
    rows = list(csv.DictReader(io.StringIO(pages["measures/CO02.csv"].decode("utf-8-sig"))))
    assert len(rows) == len(ANSWERED.values)
    assert (float(rows[-1]["numerator"]), float(rows[-1]["denominator"])) == (102, 116)
    assert rows[-1]["is_provisional"] == "true"


def test_text_of_the_data_cannot_leave_its_script(tmp_path: Path) -> None:
    nasty = replace(ANSWERED, name="</script><img src=x onerror=alert(1)>")
    made = pages_of(tmp_path, [nasty])
    for path in ("measures/CO02.html", "explore.html", "hotspots.html", "clinics.html", "targets.html"):
        assert b"<img" not in made[path], path


def test_every_link_between_pages_leads_somewhere(pages: dict[str, bytes]) -> None:
    links = 0
    for path, content in pages.items():
        if not path.endswith(".html") or path == "index.html":
            continue
        for tag, attrs in Outline(content.decode()).tags:
            target = attrs.get("href") or attrs.get("src") or ""
            if tag not in ("a", "script", "link") or not target or target.startswith(("data:", "#")):
                continue
            base = Path("/site") / Path(path).parent
            joined = (base / target.split("#")[0]).resolve().relative_to("/site").as_posix()
            assert joined in pages, f"{path} leads to {target}"
            links += 1
    assert links > 40


def test_anchors_are_unique_and_lead_somewhere(pages: dict[str, bytes]) -> None:
    for path in ("hotspots.html", "measures/HR01.html", "explore.html", "clinics.html", "targets.html"):
        found = outline(pages, path)
        ids = [attrs["id"] for _, attrs in found.tags if attrs.get("id")]
        assert len(ids) == len(set(ids)), path
        for tag, attrs in found.tags:
            if tag == "a" and str(attrs.get("href")).startswith("#"):
                assert str(attrs["href"])[1:] in ids, path


def test_explore_lists_everything_without_scripts(pages: dict[str, bytes]) -> None:
    found = outline(pages, "explore.html")
    listed = [attrs["data-id"] for tag, attrs in found.tags if tag == "tr" and "data-id" in attrs]
    assert sorted(map(str, listed)) == sorted(measure.measure_id for measure in MEASURES)
    form = next(attrs for tag, attrs in found.tags if tag == "form")
    assert "hidden" in form  # filters show themselves once they work


def test_explore_holds_the_figures_of_units(pages: dict[str, bytes]) -> None:
    markup = pages["explore.html"].decode()
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', markup, re.DOTALL)[1])  # type: ignore[index]
    parks = next(value for key, value in figures["CO02"].items() if value[0] == "95.0%")
    assert parks[1] == "38 of 40 complaints due"


def test_a_council_without_units_targets_or_clinics_has_the_same_pages(tmp_path: Path) -> None:
    plain = replace(ANSWERED, services={}, target=None)
    made = pages_of(tmp_path, [plain])
    assert "No measure has a target" in outline(made, "targets.html").text
    assert "No measure needs a clinic" in outline(made, "clinics.html").text
    assert "It has none." in outline(made, "measures/CO02.html").text


def test_the_same_tables_give_the_same_bytes(tmp_path: Path, pages: dict[str, bytes]) -> None:
    assert pages_of(tmp_path) == pages


def test_a_fictional_council_says_so_on_every_page(pages: dict[str, bytes]) -> None:
    for path, content in pages.items():
        if path.endswith(".html"):
            assert b"fictional" in content, path


def test_columns_withheld_from_an_audience_are_not_read(tmp_path: Path) -> None:
    publications = publications_of(manifest_content())
    withheld = tuple(_without(publication, "feed_measure_status", "numerator") for publication in publications)
    with connect(make_curated(tmp_path / "curated.duckdb", MEASURES)) as connection:
        rows = Reader(connection, withheld, "internal").rows("feed_measure_status", ("measure_id", "numerator"))
    assert rows and all(row["numerator"] is None for row in rows)


def test_a_table_not_published_to_an_audience_has_no_rows(tmp_path: Path) -> None:
    publications = tuple(
        replace(publication, audiences=("public",)) for publication in publications_of(manifest_content())
    )
    with connect(make_curated(tmp_path / "curated.duckdb", MEASURES)) as connection:
        assert Reader(connection, publications, "internal").rows("feed_spc", ("measure_id",)) == []


def test_reading_takes_one_query_per_table_not_per_measure(tmp_path: Path) -> None:
    class Counting:
        """Passes queries on and counts them."""

        def __init__(self, inner: duckdb.DuckDBPyConnection) -> None:
            self.inner, self.asked = inner, 0

        def execute(self, query: str) -> duckdb.DuckDBPyConnection:
            self.asked += 1
            return self.inner.execute(query)

    publications = publications_of(manifest_content())
    many = [replace(ANSWERED, measure_id=f"M{i:03}", name=f"Measure {i}", order=i) for i in range(12)]
    counts = []
    for name, measures in (("few", many[:2]), ("many", many)):
        with connect(make_curated(tmp_path / f"{name}.duckdb", measures)) as connection:
            counting = Counting(connection)
            site.read_health(counting, publications, FACTS)  # type: ignore[arg-type]
            counts.append(counting.asked)
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize(
    ("identifier", "name"), [("CO02", "CO02"), ("A/B", "A_2f_B"), ("a b", "a_20_b"), ("É", "_c9_"), ("x-1.y", "x-1.y")]
)
def test_ids_become_safe_names_of_files(identifier: str, name: str) -> None:
    assert file_name(identifier) == name


def _without(publication: Publication, table: str, column: str) -> Publication:
    """The publication with a column that no audience may see."""
    tables = tuple(
        replace(
            one,
            columns=tuple(
                replace(c, audiences=frozenset()) if (one.name, c.name) == (table, column) else c for c in one.columns
            ),
        )
        for one in publication.tables
    )
    return replace(publication, tables=tables)
