"""The health page in a real browser: it fits a phone, complains of nothing, asks for nothing, has its own typeface.
What the page says is tested in tests/unit; how the release is written, too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.browser import Browser

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from exports_fixture import FACTS, SMALL, Series, dataset, facts_of, make_curated, write_manifest

from exports import publish


def _neighbours(base: float) -> dict[str, list[float]]:
    return {name: [base + i + j for j in range(5)] for i, name in enumerate(("Bury", "Stockport", "Solihull"))}


OPEN_DATA = [
    Series(
        f"TR{i:02}", f"Households in relative low income before housing costs, indicator {i}", "open_data",
        [(40 + i + j / 2, None) for j in range(5)], multiplier=1, labels=("published value", None), yearly=True,
        outcome="Children and young people" if i < 6 else "Climate crisis", neighbours=_neighbours(38), order=i,
    )
    for i in range(1, 12)
]  # fmt: skip
SPEND = Series(
    "SP01", "Payments to suppliers of £500 and over", "services", [(61e6 + i * 1e6, None) for i in range(8)],
    unit="gbp", multiplier=1, places=0, polarity="context", labels=("paid (£)", None),
)  # fmt: skip


@pytest.fixture(scope="module")
def themes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a council with services and targets."""
    folder = tmp_path_factory.mktemp("themes")
    curated, manifest = make_curated(folder / "curated.duckdb", SMALL), write_manifest(folder / "manifest.json")
    return publish(curated, manifest, folder / "releases", FACTS).path / "site" / "index.html"


@pytest.fixture(scope="module")
def open_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a real council with published indicators and neighbours, no services, no targets."""
    folder = tmp_path_factory.mktemp("open-data")
    curated = make_curated(
        folder / "curated.duckdb", [SPEND, *OPEN_DATA], council="Trafford Council", own_area="Trafford",
        datasets=[dataset("transparency", "supplier_spend", row_count=81_234)],
    )  # fmt: skip
    manifest = write_manifest(folder / "manifest.json")
    facts = facts_of(0, council="Trafford Council", is_fictional=False)
    return publish(curated, manifest, folder / "releases", facts).path / "site" / "index.html"


@pytest.mark.parametrize("width", [320, 375, 1024, 1360])
@pytest.mark.parametrize("council", ["themes", "open_data"])
def test_the_page_fits_its_window(council: str, width: int, browser: Browser, request: pytest.FixtureRequest) -> None:
    browser.open(request.getfixturevalue(council), width)
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    # With every table unfolded, too: a wide table scrolls inside its own box.
    browser.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("council", ["themes", "open_data"])
def test_the_page_complains_of_nothing_and_asks_for_nothing(
    council: str, browser: Browser, request: pytest.FixtureRequest
) -> None:
    page: Path = request.getfixturevalue(council)
    browser.open(page, 1360)
    browser.evaluate("document.fonts.ready.then(() => document.fonts.size)")
    assert browser.complaints() == []
    asked = [url for url in browser.requests() if not url.startswith("data:")]
    assert asked[0] == page.as_uri()
    assert all(url.startswith(page.parent.as_uri()) for url in asked), asked  # files beside it, nothing else
    assert browser.evaluate("document.fonts.check('16px \"Source Sans 3\"')") is True
    assert browser.evaluate("[...document.fonts].map(f => f.status)") == ["loaded"]


@pytest.mark.parametrize("council", ["themes", "open_data"])
def test_labels_at_a_lines_end_do_not_touch(council: str, browser: Browser, request: pytest.FixtureRequest) -> None:
    browser.open(request.getfixturevalue(council), 1360)
    overlaps = browser.evaluate(
        """[...document.querySelectorAll('svg.chart')].flatMap(svg => {
            const boxes = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBBox()]);
            return boxes.flatMap(([a, p], i) => boxes.slice(i + 1)
                .filter(([b, q]) => p.x < q.x + q.width && q.x < p.x + p.width
                    && p.y + 4 < q.y + q.height - 4 && q.y + 4 < p.y + p.height - 4)
                .map(([b]) => a + ' / ' + b));
        })"""
    )
    assert overlaps == []
    outside = browser.evaluate(
        """[...document.querySelectorAll('svg.chart text')].filter(t => {
            const b = t.getBBox(); return b.x < 0 || b.x + b.width > 372 + 1;
        }).map(t => t.textContent)"""
    )
    assert outside == []


def test_every_link_leads_somewhere(themes: Path, browser: Browser) -> None:
    browser.open(themes, 1360)
    links = browser.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))")
    missing = browser.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
        ".filter(id => !document.getElementById(id))"
    )
    assert missing == []
    files = [link for link in links if not link.startswith("#")]
    assert files and all((themes.parent / link).is_file() for link in files)


def test_the_keyboard_reaches_the_content_first(themes: Path, browser: Browser) -> None:
    browser.open(themes, 1360)
    for kind in ("rawKeyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert browser.evaluate("document.activeElement.getAttribute('href')") == "#content"
    assert browser.evaluate("document.activeElement.getBoundingClientRect().left >= 0") is True
