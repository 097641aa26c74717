"""Pages of measures in a real browser: the interactive chart draws and speaks to pointer and keyboard; filters filter.
What the pages say without scripts is tested in tests/unit."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.browser import Browser

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from exports_fixture import ANSWERED, FACTS, SICKNESS, SMALL, make_curated, write_manifest

from exports import publish

WORSE = replace(SICKNESS, limits=(8.0, 9.2), signal="special_cause_concern")
LIMITED = replace(ANSWERED, limits=(78.0, 92.0))
MEASURES = [WORSE, LIMITED, *(series for series in SMALL if series.measure_id not in ("HR01", "CO02"))]
DRAWN = """new Promise((resolve, reject) => {
    const until = Date.now() + 15000;
    const look = () => document.getElementById('chart').dataset.drawn === 'yes' ? resolve(true)
        : Date.now() > until ? reject(new Error('not drawn')) : setTimeout(look, 30);
    look();
})"""
PLOT = "document.querySelector('.plot')"
TIP = "(t => t && !t.hidden ? t.textContent : '')(document.querySelector('.tip'))"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measures")
    curated, manifest = make_curated(folder / "curated.duckdb", MEASURES), write_manifest(folder / "manifest.json")
    return publish(curated, manifest, folder / "releases", FACTS).path / "site"


def test_the_interactive_chart_draws_over_the_static_one(pages: Path, browser: Browser) -> None:
    browser.open(pages / "measures" / "CO02.html", 1360)
    browser.evaluate(DRAWN)
    marks = f"{PLOT}.shadowRoot.querySelectorAll('.mark-symbol.role-mark path').length"
    assert browser.evaluate(marks) == len(LIMITED.values)
    assert browser.evaluate("getComputedStyle(document.querySelector('.static')).display") == "none"
    assert browser.complaints() == []
    assert all(url.startswith(("file:", "data:")) for url in browser.requests())


def test_pointing_at_the_newest_figure_says_its_numerator_and_denominator(pages: Path, browser: Browser) -> None:
    browser.open(pages / "measures" / "CO02.html", 1360)
    browser.evaluate(DRAWN)
    browser.evaluate("document.getElementById('chart').scrollIntoView()")
    place = browser.evaluate(
        f"(b => [b.right - 12, b.top + b.height / 2])({PLOT}.shadowRoot.querySelector('svg').getBoundingClientRect())"
    )
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
    said = browser.evaluate(TIP)
    assert "102 of 116 complaints due" in said
    assert "Q2 2026/27" in said and "87.9%" in said and "provisional" in said


def test_the_keyboard_reaches_every_figure_and_hears_it(pages: Path, browser: Browser) -> None:
    browser.open(pages / "measures" / "HR01.html", 1360)
    browser.evaluate(DRAWN)
    assert browser.evaluate(f"{PLOT}.getAttribute('role')") == "slider"
    browser.evaluate(f"{PLOT}.focus()")
    said = []
    for key in ("End", *["ArrowLeft"] * (len(WORSE.values) - 1)):
        browser.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key)
        said.append(browser.evaluate(f"{PLOT}.getAttribute('aria-valuetext')"))
        words = browser.evaluate(TIP)
        assert all(part in words for part in said[-1].split("; ")[:2])
    assert len(set(said)) == len(WORSE.values)
    assert "worse than usual" in said[0] and "working days lost" in said[0]
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="Escape", code="Escape")
    assert browser.evaluate(TIP) == ""


def test_printing_brings_the_static_chart_back(pages: Path, browser: Browser) -> None:
    browser.open(pages / "measures" / "CO02.html", 1360)
    browser.evaluate(DRAWN)
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.evaluate("getComputedStyle(document.querySelector('.static')).display") == "block"
        assert browser.evaluate("getComputedStyle(document.querySelector('.interactive')).display") == "none"
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")


@pytest.mark.parametrize("width", [320, 390, 1024, 1360])
@pytest.mark.parametrize(
    "page",
    ["measures/CO02.html", "measures/CO04.html", "explore.html", "hotspots.html", "clinics.html", "targets.html"],
)
def test_the_pages_fit_their_window(page: str, width: int, pages: Path, browser: Browser) -> None:
    browser.open(pages / page, width)
    if "measures" in page:
        browser.evaluate(DRAWN)
    assert browser.evaluate("innerWidth") == width
    browser.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.complaints() == []


def test_filters_narrow_the_list_and_the_address_keeps_them(pages: Path, browser: Browser) -> None:
    shown = "[...document.querySelectorAll('table.explore tbody tr')].filter(r => !r.hidden).map(r => r.dataset.id)"
    browser.open(pages / "explore.html", 1360)
    assert len(browser.evaluate(shown)) == len(MEASURES)
    browser.evaluate(
        "(f => { f.value = 'worse'; f.dispatchEvent(new Event('input', { bubbles: true })) })"
        "(document.querySelector('[name=signal]'))"
    )
    assert browser.evaluate(shown) == ["HR01"]
    assert browser.evaluate("location.hash") == "#signal=worse"
    assert browser.evaluate("document.querySelector('.count').textContent") == f"1 of {len(MEASURES)} measures"
    # Another reader, sent the address, sees the same; a field's words count, too.
    browser.evaluate("location.hash = '#q=complaints+answered'")
    browser.evaluate("new Promise(done => setTimeout(done, 100))")
    assert browser.evaluate(shown) == ["CO02"]
    assert browser.evaluate("document.querySelector('[name=q]').value") == "complaints answered"


def test_choosing_a_service_shows_its_own_figures(pages: Path, browser: Browser) -> None:
    browser.open(pages / "explore.html", 1360)
    browser.evaluate(
        "(f => { f.value = [...f.options].find(o => o.text === 'Parks').value;"
        " f.dispatchEvent(new Event('input', { bubbles: true })) })(document.querySelector('[name=unit]'))"
    )
    row = browser.evaluate("document.querySelector('tr[data-id=CO02]').textContent")
    assert "38 of 40 complaints due" in row and "102 of 116" not in row
