"""Every page of the fictional city in a real browser: WCAG 2.2 AA, keyboard, zoom, spacing, paper, no stranger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.browser import Browser
from support.pages import (
    A4_PIXELS,
    DESK,
    HOME_BYTES,
    PRINTED,
    SPACED,
    Visit,
    axe,
    dead_links,
    needs_axe,
    one_of_each,
    opened,
    pages_of,
    tabbed,
    told,
    unfolded,
    visited,
)
from support.pipeline import QUARTER, Quarter

PHONE = 390
EDITIONS = ("site", "public/site")


@pytest.fixture(scope="module")
def release(city: Quarter) -> Path:
    return city.vitals.releases / QUARTER / "r1"


@pytest.fixture(scope="module", params=EDITIONS)
def visit(request: pytest.FixtureRequest, release: Path, browser: Browser) -> Visit:
    pages = pages_of(release / request.param)
    assert len(pages) > 100
    return visited(release, pages, browser)


def problems_of(
    pages: Sequence[Path], site: Path, width: int, browser: Browser, *looks: Callable[[Browser], list[str]]
) -> dict[str, list[str]]:
    """Address of each page with what is wrong with it; pages without a fault are left out."""
    found: dict[str, list[str]] = defaultdict(list)
    for page in pages:
        opened(browser, page, width)
        for look in looks:
            found[page.relative_to(site).as_posix()] += look(browser)
    return {page: listed for page, listed in found.items() if listed}


def spaced(browser: Browser) -> list[str]:
    browser.evaluate(SPACED)
    return unfolded(browser)


def printed(browser: Browser) -> list[str]:
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        return list(browser.evaluate(PRINTED))
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")


@needs_axe
def test_no_page_breaks_a_rule_of_axe_says_by_colour_alone_or_asks_a_stranger(visit: Visit) -> None:
    assert not any(visit.rules.values()), told(visit.rules)


def test_no_page_is_cut_or_scrolls_sideways_at_400_percent(visit: Visit) -> None:
    assert not any(visit.zoomed.values()), told(visit.zoomed)


def test_every_link_leads_to_a_file_and_a_place_in_it(visit: Visit, release: Path) -> None:
    of_public = any("public" in page.parts for page in visit.links)
    assert list(dead_links(visit.links, release / "public" if of_public else release)) == []


@needs_axe
@pytest.mark.parametrize("edition", EDITIONS)
def test_nor_does_it_on_a_phone(edition: str, release: Path, browser: Browser) -> None:
    site = release / edition
    problems = problems_of(one_of_each(site), site, PHONE, browser, axe, unfolded)
    assert not problems, told(problems)


def test_wider_spacing_of_letters_and_lines_cuts_nothing(release: Path, browser: Browser) -> None:
    site = release / "site"
    problems = problems_of(one_of_each(site), site, DESK, browser, spaced)
    problems |= problems_of(one_of_each(site), site, PHONE, browser, spaced)
    assert not problems, told(problems)


def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(release: Path, browser: Browser) -> None:
    site = release / "site"
    problems = problems_of(one_of_each(site), site, DESK, browser, tabbed)
    assert not problems, told(problems)


def test_nothing_is_cut_on_paper(release: Path, browser: Browser) -> None:
    site = release / "site"
    problems = problems_of(one_of_each(site), site, A4_PIXELS, browser, printed)
    assert not problems, told(problems)


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_home_page_is_small_before_anybody_touches_it(edition: str, release: Path, browser: Browser) -> None:
    home = release / edition / "index.html"
    opened(browser, home, DESK)
    loaded = {url.removeprefix("file://") for url in browser.requests() if url.startswith("file:")}
    assert len(loaded) > 1
    assert sum(Path(path).stat().st_size for path in loaded) < HOME_BYTES
