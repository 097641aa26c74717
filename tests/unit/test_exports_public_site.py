"""The public edition's pages: from the house's templates, of what the public may see, and whole by themselves."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exports_fixture import ANSWERED, FACTS, SICKNESS, make_curated, manifest_content, write_manifest

from exports import publish

OF_THE_HOUSE = ("feed_targets", "feed_clinics", "feed_data_quality", "feed_hotspots")
# Nine reviews late of 6,131 would be shown; seven of 6,131 are hidden, and with them those of another unit.
REVIEWS = replace(
    ANSWERED, measure_id="CO03", name="Reviews answered late", services={"Parks": (7, 6131), "Waste": (911, 7177)},
    polarity="lower", target=10, verdict="too_soft", limits=(60, 90), grades={"complete": "C"}, order=3,
)  # fmt: skip
# Of the whole council, too, few people are few: four in the last quarter.
MOVED = replace(
    ANSWERED, measure_id="HO09", name="Families who moved twice", values=[(40, 700)] * 7 + [(4, 739)], services={},
    target=None, polarity="lower", order=4, is_provisional=False,
)  # fmt: skip
HIDDEN = ("7 of 6,131", "0.1%", "4 of 739", "0.5%")
WORDS_OF_THE_HOUSE = ("Why Reviews answered late is so.", "too soft", "What changed?", "A fact.")


def manifest() -> dict[str, Any]:
    content = manifest_content()
    for name in OF_THE_HOUSE:
        content["exposures"][f"exposure.vitals.{name}"]["config"]["meta"]["audiences"] = ["internal"]
    for name, column in content["nodes"]["model.vitals.report_org_health"]["columns"].items():
        if name.startswith("worst_unit"):
            column["config"] = {"meta": {"audiences": ["internal"]}}
    charts = content["exposures"]["exposure.vitals.feed_spc"]["config"]["meta"]
    charts["public_rows"] = "unit_level = 'council' and area_id = ''"
    return content


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("public")
    measures = [replace(SICKNESS, signal="special_cause_concern", limits=(8, 9)), ANSWERED, REVIEWS, MOVED]
    curated = make_curated(folder / "curated.duckdb", measures)
    audiences = ("internal", "public")
    dbt = write_manifest(folder / "manifest.json", manifest())
    return publish(curated, dbt, folder / "releases", FACTS, audiences=audiences).path


def texts(folder: Path) -> dict[str, str]:
    kinds = (".html", ".csv", ".json", ".md")
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.suffix in kinds
    }


def test_the_pages_that_the_public_gets_are_there_and_the_others_are_not(release: Path) -> None:
    pages = {path for path in texts(release / "public" / "site") if path.endswith(".html")}
    assert {
        "index.html",
        "explore.html",
        "about.html",
        "accessibility.html",
        "data.html",
        "measures/CO03.html",
    } <= pages
    assert not {"status.html", "targets.html", "clinics.html", "hotspots.html"} & pages
    assert {"status.html", "targets.html", "clinics.html", "hotspots.html"} <= set(texts(release / "site"))


def test_every_link_stays_inside_the_public_folder_and_leads_somewhere(release: Path) -> None:
    public = release / "public"
    for path, markup in texts(public / "site").items():
        for address in re.findall(r'(?:href|src)="([^"#:]+)(?:#[^"]*)?"', markup) if path.endswith(".html") else ():
            target = (public / "site" / path).parent.joinpath(address).resolve()
            assert target.is_file(), f"{path}: {address}"
            assert target.is_relative_to(public.resolve()), f"{path}: {address}"


def test_nothing_hidden_and_nothing_of_the_house_is_in_any_public_file(release: Path) -> None:
    inside = "\n".join(texts(release / "site").values())
    for said in (*HIDDEN, *WORDS_OF_THE_HOUSE):
        assert said in inside, f"{said!r} would not be found: the test looks for nothing"
    for path, text in texts(release / "public").items():
        for said in (*HIDDEN, *WORDS_OF_THE_HOUSE):
            assert said not in text, f"{path}: {said}"


def test_a_hidden_figure_says_so_and_the_pages_say_why(release: Path) -> None:
    site = texts(release / "public" / "site")
    assert "hidden: too few to publish safely" in site["measures/CO03.html"]
    assert "Families who moved twice: hidden, so that nobody can be found." in site["measures/HO09.html"]
    assert "4 of 4 measures reported" in site["index.html"]
    assert "not reported" not in site["index.html"]
    assert "from 1 to 7 are hidden" in site["about.html"]
    assert all("public edition" in text for path, text in site.items() if path.endswith(".html"))


def test_control_charts_of_the_whole_council_are_public(release: Path) -> None:
    page = texts(release / "public" / "site")["measures/HR01.html"]
    assert "worse than usual" in page
    assert 'class="band"' in page
