"""What the health page says, and that anyone can read its markup: sentences, denominators, structure, contrast."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
from exports_fixture import (
    ACTIONS,
    AGENCY,
    ANSWERED,
    FACTS,
    SICKNESS,
    SMALL,
    UPHELD,
    Series,
    dataset,
    make_curated,
    manifest_content,
)

from exports import ReleaseFacts, site
from exports.formats import connect
from exports.publications import publications_of

VOID = {"meta", "link", "br", "path", "circle", "rect"}
NEIGHBOURS = {"Bury": [38.0, 39, 40], "Stockport": [41.0, 42, 43], "Solihull": [44.0, 45, 46]}
RECYCLING = Series(
    "WA01", "Household waste recycled", "open_data", [(45.0, None), (46.0, None), (47.1, None)], multiplier=1,
    labels=("published value", None), yearly=True, neighbours=NEIGHBOURS,
)  # fmt: skip
OBESITY = replace(RECYCLING, measure_id="CH01", name="Children who are obese", polarity="lower", order=2)
SPEND = Series(
    "SP01", "Payments to suppliers", "services", [(61e6, None), (70.2e6, None), (83.4e6, None)], unit="gbp",
    multiplier=1,
    places=0, polarity="context", labels=("paid (£)", None),
)  # fmt: skip


class Page(HTMLParser):
    """The page as a reader or a screen reader meets it."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(markup)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "title" not in self.open:
            self.text += f" {data}"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def markup_of(
    folder: Path, measures: list[Series], facts: ReleaseFacts = FACTS, path: str = "index.html", **options: object
) -> str:
    curated = make_curated(folder / "curated.duckdb", measures, council=facts.council, **options)  # type: ignore[arg-type]
    with connect(curated) as connection:
        health = site.read_health(connection, publications_of(manifest_content()), facts)
    return site.pages(health, "2026-27-Q2/r1")[path].decode("utf-8")


@pytest.fixture(scope="module")
def markup(tmp_path_factory: pytest.TempPathFactory) -> str:
    return markup_of(tmp_path_factory.mktemp("page"), SMALL)


@pytest.fixture(scope="module")
def page(markup: str) -> Page:
    return Page(markup)


@pytest.fixture(scope="module")
def trafford(tmp_path_factory: pytest.TempPathFactory) -> Page:
    facts = replace(FACTS, council="Trafford Council", is_fictional=False, checks=())
    arrived = [dataset("transparency", "supplier_spend", row_count=81_234)]
    folder = tmp_path_factory.mktemp("page")
    return Page(markup_of(folder, [SPEND, RECYCLING, OBESITY], facts, own_area="Trafford", datasets=arrived))


def test_the_headline_is_made_from_the_data(page: Page) -> None:
    assert (
        "One of three targets is met and two are missed. Adult social care is off target in three domains at once."
        in page.text
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "Q2 2026/27 · July to September 2026",
        "Figures as at 14 October 2026",
        "4 of 5 measures reported",
        # the leading measure of each domain: what happened, against which target, how often
        "Days lost to sickness per employee missed the target of 9, at 9.4 days per FTE. "
        "It was met in one of the last eight quarters.",
        "Audit actions done by their due date missed the target of 80%, at 39.7%. "
        "It was met in none of the last seven quarters.",
        "Complaints answered in time met the target of 85%, at 87.9% (provisional).",
        # denominators in sight, with their words
        "9,420 working days lost; 1,000 average full-time equivalent staff",
        "102 of 116 complaints due",
        "31 of 78 actions that fell due",
        "40 of 97 complaints decided",
        # change as word and arrow; neither better nor worse for context
        "Worse than last quarter (↑ 0.1) and a year ago (↑ 0.2)",
        "Better than last quarter (↑ 1.3 points) and a year ago (↑ 4.9)",
        "Lower than last quarter (↓ 0.4 points) and a year ago (↓ 1.8)",
        # services
        "1 of 2 services off target; furthest: Adult social care, 14.1",
        # coverage, gaps
        "1 of 2 reported",
        "not reported",
        # how far to trust it
        "4 of 5 measures reported for Q2 2026/27.",
        "2 of 3 data sets arrived; 1 late or missing.",
        "3 of 8,189 rows were refused because they broke their data contract.",
        "1 of 2 checks passed; one warning.",
        "Provisional: Complaints answered in time.",
        "Risk register: The workbook was not returned. Ask risk@brigstow.example.",
        "Complaints: 12 % fewer rows than usual.",
        "release 2026-27-Q2/r1",
        "Open Government Licence v3.0. Contains public sector information",
    ],
)
def test_the_page_says(sentence: str, page: Page) -> None:
    assert sentence in page.text


def test_a_fictional_council_says_so_at_the_top_and_the_bottom(page: Page, trafford: Page) -> None:
    assert "a fictional council: every figure is made up" in page.text
    assert "Brigstow City Council is a fictional council. Every figure on this page is made up." in page.text
    assert "fictional" not in trafford.text.lower()


def test_nothing_claims_a_real_change_or_paints_a_traffic_light(markup: str, page: Page) -> None:
    for word in ("real change", "significant", "usual range", "limits", "improving", "amber", "green"):
        assert word not in page.text.lower()
    assert "One period’s move can be chance" in page.text
    colours = {colour.lower() for colour in re.findall(r"#[0-9a-fA-F]{3,6}\b", markup.split("</style>")[0])}
    # Neither a red, an amber nor a green: crimson is a dashed line, orange with its tint marks a real change.
    for colour in colours - {"#a4133c", "#b35309", "#fdf4ec"}:
        red, green, blue = rgb(colour)
        assert max(red, green) - blue < 40, colour


def test_the_page_asks_nothing_of_anyone(markup: str) -> None:
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?\s*(?:https?:)?//""", markup)
    assert "http://" not in markup and "https://" not in markup
    assert "<script" not in markup and "@import" not in markup
    assert "default-src 'none'" in markup


def test_the_structure_can_be_heard(page: Page) -> None:
    assert page.all("html") == [{"lang": "en-GB"}]
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.all("a")[0] == {"class": "skip", "href": "#content"}
    assert page.all("main")[0]["id"] == "content"
    for tag in ("header", "main", "footer"):
        assert len(page.all(tag)) == 1
    assert [nav["aria-label"] for nav in page.all("nav")] == ["Pages", "On this page"]
    for picture in page.all("svg"):
        assert (picture.get("role") == "img" and picture.get("aria-label")) or picture.get("aria-hidden") == "true"
    for head in page.all("th"):
        assert head.get("scope") in ("row", "col")
    for table in page.all("div"):
        if table.get("class") == "scroll":  # a box that scrolls must be reachable by keyboard, and have a name
            assert table.get("tabindex") == "0" and (table.get("aria-label") or table.get("aria-labelledby"))
    ids = Counter(attrs["id"] for _, attrs in page.tags if "id" in attrs)
    assert ids.most_common(1)[0][1] == 1
    assert page.open == []


def rgb(colour: str) -> tuple[int, int, int]:
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [part / 255 for part in rgb(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_enough() -> None:
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48  # the well-known near miss, to trust the formula
    style = (site.HERE / "assets" / "page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#\w+);", style))
    for name in ("ink", "soft", "accent", "target", "line", "median", "better", "worse"):
        assert contrast(colours[name], "#ffffff") >= 4.5, name
    for name in ("ink", "soft", "accent"):
        assert contrast(colours[name], colours["tint"]) >= 4.5, name
    [lasting] = re.findall(r"\.matrix td\.\w+ \{[^}]*background: (#\w+)", style)
    assert contrast(colours["worse"], lasting) >= 4.5


def test_every_point_is_in_the_table_behind_the_chart(page: Page) -> None:
    assert "Q3 2024/25 80.0% 80 of 100 85% off target" in page.text
    assert "Q2 2026/27 (provisional) 87.9% 102 of 116 85% on target" in page.text


def test_services_that_miss_targets_come_worst_first(page: Page) -> None:
    table = page.text[page.text.index("Where concerns meet") : page.text.index("How far to trust")]
    assert (
        "Service People Complaints Audit Adult social care ○ one off target ○ one off target ○ one off target" in table
    )
    assert "One service has none." in table
    assert "Parks" not in table


def test_changes_lead_to_their_evidence(markup: str) -> None:
    changes = markup[markup.index('id="changes"') : markup.index('id="targets"')]
    links = re.findall(r'href="#(\w+)"', changes)
    assert links == ["IA01", "CO02", "HR01", "CO04"]
    said = Page(f"<section {changes}").text
    assert "Audit actions done by their due date fell to 39.7% from 43.8% last quarter, which is worse." in said
    assert "Complaints upheld fell to 41.2% from 41.7% last quarter." in said
    for link in links:
        assert f'id="{link}"' in markup


def test_a_council_without_targets_or_services_is_compared_with_its_neighbours(trafford: Page) -> None:
    assert (
        "Trafford does better than the median of its neighbours on one of two measures and worse on one."
        in trafford.text
    )
    assert (
        "Household waste recycled: Trafford 47.1%, median of three neighbours 43.0%: better in 2024." in trafford.text
    )
    assert "Trafford 47.1%, median of three neighbours 43.0%: worse" in trafford.text
    assert "Better than the year before (↑" in trafford.text
    assert "Payments to suppliers: £83.4m." in trafford.text
    assert "Higher than last quarter (↑" in trafford.text
    for absent in ("Where concerns meet", "How targets stand", "Risk"):
        assert absent not in trafford.text
    assert "2022 45.0% 41.0%" in trafford.text  # the neighbours' median of each year is in the table


def test_a_wide_domain_is_grouped_by_outcome(tmp_path: Path) -> None:
    many = [
        replace(
            RECYCLING, measure_id=f"TR{i}", name=f"Indicator {i}", order=i, outcome="Children" if i < 5 else "Climate"
        )
        for i in range(1, 11)
    ]
    page = Page(markup_of(tmp_path, many, replace(FACTS, council="Trafford Council", is_fictional=False)))
    assert (
        "10 of 10 reported Better than the neighbours’ median on ten of ten measures. Children Indicator 1" in page.text
    )
    assert len([attrs for attrs in page.all("section") if "wide" in str(attrs.get("class"))]) == 1


def test_few_cases_are_not_hidden_behind_a_percentage(tmp_path: Path) -> None:
    few = replace(ACTIONS, values=[(3, 12), (4, 11), (3, 11)])
    page = Page(markup_of(tmp_path, [few]))
    assert "Audit actions done by their due date missed the target of 80%, at 3 of 11." in page.text
    assert "3 of 11 actions that fell due, 27.3%" in page.text


def test_distance_from_zero_is_a_target_on_both_sides(tmp_path: Path) -> None:
    forecast = Series(
        "FI01", "Forecast over or under budget", "finance", [(1e6, 361e6), (2e6, 361e6), (6.1e6, 361e6)],
        polarity="toward_zero", labels=("forecast less budget (£)", "net budget (£)"), target=0.5,
    )  # fmt: skip
    page = Page(markup_of(tmp_path, [forecast]))
    assert "missed the target of ±0.5%, at +1.7%." in page.text
    assert "£6.1m of £361.0m net budget" in page.text
    assert (
        "Worse than last quarter (↑ 1.1 points)" in page.text or "Worse than last quarter (↑ 1.1 points)" in page.text
    )


def test_a_page_with_nothing_reported_still_says_so(tmp_path: Path) -> None:
    silent = [replace(measure, values=[*measure.values[:-1], None], services={}) for measure in (SICKNESS, UPHELD)]
    page = Page(markup_of(tmp_path, silent))
    assert "0 of 2 measures reported; none has a target or a neighbour to compare with." in page.text
    assert "Nothing was reported for this period." in page.text


def test_all_targets_met(tmp_path: Path) -> None:
    page = Page(markup_of(tmp_path, [replace(ANSWERED, target=60, services={"Parks": (38, 40)})]))
    assert "The one target is met." in page.text
    assert "No service is worse than usual or off target in anything." in page.text


def test_text_from_the_data_is_text(tmp_path: Path) -> None:
    nasty = replace(AGENCY, name='<img src=x onerror="1"> & CO₂', values=[(8, 100)] * 4)
    markup = markup_of(tmp_path, [nasty])
    assert "<img" not in markup
    assert "&lt;img src=x onerror=&#34;1&#34;&gt; &amp; CO<sub>2</sub>" in markup


def test_a_target_newly_met_or_missed_is_the_first_of_the_changes(tmp_path: Path) -> None:
    fell = replace(ANSWERED, values=[*ANSWERED.values[:-1], (80, 96)])  # 86.6% last quarter, target 85%, tolerance 2
    page = Page(markup_of(tmp_path, [ACTIONS, fell]))
    changes = page.text[page.text.index("What changed") : page.text.index("How targets stand")]
    moved = "moved to within tolerance of the target (provisional): 83.3% against 85%, from 86.6% last quarter."
    assert f"Complaints answered in time {moved}" in changes
    assert changes.index("Complaints answered in time") < changes.index("Audit actions done")


def test_several_worst_units_are_told_apart(tmp_path: Path) -> None:
    """Their names hold "and" themselves, so they stand after a colon."""
    units = {"Adults and Public Health": (20, 40), "Homes and Communities": (19, 40), "Parks": (38, 40)}
    page = Page(markup_of(tmp_path, [replace(ANSWERED, services=units), replace(ACTIONS, services=units)]))
    assert (
        "Two services are off target in two domains at once: Adults and Public Health; Homes and Communities."
        in page.text
    )


def test_a_council_without_services_shows_the_level_it_has(tmp_path: Path) -> None:
    curated = make_curated(tmp_path / "curated.duckdb", SMALL)
    with duckdb.connect(str(curated)) as connection:
        connection.execute("update marts.feed_hotspots set unit_level = 'directorate'")
        connection.execute("update marts.feed_measure_status set unit_level = 'directorate' where unit_name = 'Parks'")
    with connect(curated) as connection:
        health = site.read_health(connection, publications_of(manifest_content()), FACTS)
    assert health.story.hotspots is not None
    assert health.story.hotspots.level == "directorates"
    lead = health.story.panels[0].lead
    assert lead is not None
    assert lead.units_words == "1 of 2 directorates and services off target; furthest: Adult social care, 14.1"


WORSE = replace(
    SICKNESS, limits=(8.5, 9.3), signal="special_cause_concern", concerned=["Adult social care"], verdict="too_soft",
    grades={"well_defined": "A", "timely": "B"},
)  # fmt: skip
BETTER = replace(
    ANSWERED,
    limits=(70.0, 85.0),
    signal="special_cause_improvement",
    concerned=["Adult social care"],
    grades={"timely": "D"},
)
USUAL = [
    replace(measure, limits=(30.0, 95.0), measure_id=f"XX{i}", name=f"Usual {i}", order=i + 3)
    for i, measure in enumerate([UPHELD, ACTIONS, ACTIONS])
]


@pytest.fixture(scope="module")
def charted(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(markup_of(tmp_path_factory.mktemp("charted"), [WORSE, BETTER, *USUAL]))


@pytest.mark.parametrize(
    "sentence",
    [
        "Most measures run as usual. One has really got worse and one has really improved.",
        "Adult social care is worse than usual in two domains at once.",
        "▲ worse than usual since Apr 2026",
        "▲ better than usual since Apr 2026",
        "● usual variation",
        "Days lost to sickness per employee: 9.4200, as its chart says.",
        "▲ measures worse than usual, ○ others off target.",
        "usual range and mean",
        "What they are worth: one too soft.",
        "What deserves a clinic Days lost to sickness per employee Worse than usual, and lasting. What changed?",
        "Days lost to sickness per employee: too soft Why Days lost to sickness per employee is so.",
        "One of two measures graded A or B for data quality throughout.",
        "Graded D: Complaints answered in time (timely).",
    ],
)
def test_real_changes_are_told_in_shape_and_word(sentence: str, charted: Page) -> None:
    assert sentence in charted.text


def test_what_changed_leaves_usual_variation_out(charted: Page) -> None:
    changes = charted.text[charted.text.index("What changed") : charted.text.index("How targets stand")]
    assert changes.index("Days lost to sickness") < changes.index("Complaints answered in time")
    assert "Usual" not in changes


def test_a_signal_is_drawn_as_a_shape_within_the_band(charted: Page) -> None:
    bands = [rect for rect in charted.all("rect") if rect.get("class") == "band"]
    assert len(bands) == 1 + 5  # the key, and every chart
    shapes = Counter(str(path.get("class")).split(" provisional")[0] for path in charted.all("path"))
    assert shapes["point special_cause_concern"] == 1 and shapes["last special_cause_improvement"] >= 1


def test_a_process_that_was_changed_has_new_limits_in_its_chart(tmp_path: Path) -> None:
    curated = make_curated(tmp_path / "curated.duckdb", [WORSE])
    with duckdb.connect(str(curated)) as connection:
        connection.execute(
            "update marts.feed_spc set process_group = 2, lower_limit = 9, upper_limit = 10, mean = 9.5 "
            "where period_start >= date '2025-10-01'"
        )
    with connect(curated) as connection:
        health = site.read_health(connection, publications_of(manifest_content()), FACTS)
    page = Page(site.pages(health, "2026-27-Q2/r1")["index.html"].decode("utf-8"))
    bands = [rect for rect in page.all("rect") if rect.get("class") == "band"]
    assert len(bands) == 1 + 2
    assert float(bands[1]["x"] or 0) + float(bands[1]["width"] or 0) == pytest.approx(
        float(bands[2]["x"] or 0), abs=0.2
    )


def test_england_is_no_neighbour(tmp_path: Path) -> None:
    curated = make_curated(tmp_path / "curated.duckdb", [RECYCLING], council="Trafford Council", own_area="Trafford")
    with duckdb.connect(str(curated)) as connection:
        connection.execute(
            "insert into marts.feed_comparators select distinct * replace ('E92000001' as area_code, "
            "'England' as area_name, 1000 as value) from marts.feed_comparators where area_name = 'Bury'"
        )
    facts = replace(FACTS, council="Trafford Council", is_fictional=False)
    with connect(curated) as connection:
        health = site.read_health(connection, publications_of(manifest_content()), facts)
    assert [point.median for point in health.story.measures[0].points] == [41, 42, 43]


def test_the_period_before_is_called_by_its_name_after_a_gap(tmp_path: Path) -> None:
    gap = replace(ANSWERED, values=[(80, 100), (84, 97), None, (102, 116)])
    curated = make_curated(tmp_path / "curated.duckdb", [gap])
    with duckdb.connect(str(curated)) as connection:
        connection.execute("update marts.report_org_health set previous_value = 86.6, direction_of_travel = 'better'")
    with connect(curated) as connection:
        health = site.read_health(connection, publications_of(manifest_content()), FACTS)
    (measure,) = health.story.measures
    assert measure.change == "Better than Q4 2025/26 (↑\u00a01.3 points)"
    assert measure.sentence_of_change() == "rose to 87.9% (provisional) from 86.6% in Q4 2025/26, which is better"


def test_an_unreported_measure_keeps_its_history_in_sight(tmp_path: Path) -> None:
    page = Page(markup_of(tmp_path, [ANSWERED, AGENCY]))
    assert "Agency share of the pay bill not reported" in page.text
    own = Page(markup_of(tmp_path / "own", [ANSWERED, AGENCY], path=f"measures/{AGENCY.measure_id}.html"))
    assert "Q2 2026/27 no value" in own.text
    assert "Q1 2026/27 10.3%" in own.text


def test_the_same_data_gives_the_same_page(tmp_path: Path) -> None:
    assert markup_of(tmp_path / "one", SMALL) == markup_of(tmp_path / "two", SMALL)
