"""What every page of a site must be like, looked at in a real browser; each check returns what is wrong, in words.
Belongs here: rules that hold for any page. Not here: what one page says, or how it is made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from support.browser import Browser

AXE = Path(__file__).parents[1] / "servers" / "node_modules" / "axe-core" / "axe.min.js"
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (see tests/servers/README.md)")
# WCAG 2.2 AA with all that it builds on, and the practices that axe's makers call best.
STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
HOME_BYTES = 300_000
DESK, ZOOMED = 1360, 320  # 320 pixels are a window of 1280 at 400 %
A4_PIXELS = 688  # the width that text has on paper: 210 mm less 14 mm on each side, at 96 pixels an inch

READY = """new Promise((resolve, reject) => {
    const chart = document.querySelector('#chart .interactive') && document.getElementById('chart');
    const until = Date.now() + 15000;
    const look = () => !chart || !window.vegaEmbed || chart.dataset.drawn === 'yes'
        ? document.fonts.ready.then(() => resolve(true))
        : Date.now() > until ? reject(new Error('the chart was not drawn')) : setTimeout(look, 10);
    look();
})"""
# A chart draws itself anew a moment after its window has changed.
SETTLED = """new Promise(resolve => {
    const page = document.documentElement, until = Date.now() + 2000;
    const fits = () => page.scrollWidth <= page.clientWidth || Date.now() > until;
    const look = () => fits() ? resolve(true) : setTimeout(look, 10);
    requestAnimationFrame(look);
})"""
UNFOLD = "document.querySelectorAll('details').forEach(each => { each.open = true })"
# What is wider than the window, or cut off by its own box: text that nobody can read.
TOO_WIDE = """(() => {
    const page = document.documentElement, found = [];
    if (page.scrollWidth > page.clientWidth) {
        const inScroller = each => each.closest('.scroll') && !each.matches('.scroll');
        const wide = [...document.body.querySelectorAll('*')].filter(each =>
            !inScroller(each) && each.getBoundingClientRect().right > page.clientWidth + 1);
        found.push(`${page.scrollWidth} wide in ${page.clientWidth}: `
            + wide.slice(-2).map(each => each.outerHTML.slice(0, 90)).join(' … '));
    }
    for (const each of document.body.querySelectorAll('*')) {
        const style = getComputedStyle(each);
        if (['hidden', 'clip'].includes(style.overflowX) && !each.closest('svg') && each.clientWidth > 2
            && each.scrollWidth > each.clientWidth + 1)
            found.push('cut off: ' + each.outerHTML.slice(0, 120));
    }
    return found;
})()"""
# What can be reached with Tab, in the order of the document, each with a number to know it again. The things that the
# closed disclosures hold are reached once those are open.
STOPS = """(() => {
    const all = document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]');
    window.stops = [...all].filter(each =>
        each.tabIndex >= 0 && !each.disabled && each.checkVisibility({ visibilityProperty: true }));
    window.reached = [];
    document.addEventListener('focusin', event => {
        const each = event.target, style = getComputedStyle(each), box = each.getBoundingClientRect();
        const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && box.width > 0
            && box.height > 0 && box.right > 0;
        window.reached.push([window.stops.indexOf(each), seen, each.outerHTML.slice(0, 100)]);
    }, true);
    return window.stops.map(each => each.outerHTML.slice(0, 100));
})()"""
# A signal is a shape and a word. Its colour comes on top.
COLOUR_ALONE = """(() => {
    const found = [];
    const words = /worse|better|change|usual|higher|lower|concern|improve/i;
    for (const each of document.querySelectorAll('.signal[class*="special_cause"], .status'))
        if (!/[a-z]{2}/i.test(each.textContent)) found.push('no word: ' + each.outerHTML.slice(0, 120));
    for (const mark of document.querySelectorAll('svg [class*="special_cause"]')) {
        // The newest figure's signal is said beside it; what marks of earlier ones mean is said on the page.
        const svg = mark.closest('svg');
        const near = svg.closest(mark.matches('.last') ? 'li, tr, figure, aside, .lead, .case' : 'main');
        if (mark.tagName === 'circle') found.push('a circle as usual ones are: ' + mark.outerHTML.slice(0, 120));
        else if (!words.test((svg.getAttribute('aria-label') || '') + svg.textContent + near.textContent))
            found.push('no word beside it: ' + mark.outerHTML.slice(0, 120));
    }
    for (const cell of document.querySelectorAll('.matrix td.passing, .matrix td.lasting'))
        if (!/▲/.test(cell.textContent) ||
            !/[a-z]{3}/i.test(cell.textContent + (cell.querySelector('[title]') || {}).title))
            found.push('a tint only: ' + cell.outerHTML.slice(0, 120));
    return found;
})()"""
LINKS = """({
    base: location.href.split('#')[0],
    targets: [...document.querySelectorAll('a[href]')].map(each => each.href),
    ids: [...document.querySelectorAll('[id]')].map(each => each.id),
})"""
SPACED = """(() => {
    const style = document.createElement('style');
    style.textContent = '* { line-height: 1.5 !important; letter-spacing: 0.12em !important; '
        + 'word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }';
    document.head.append(style);
})()"""
PRINTED = """(() => {
    const found = [];
    const shown = each => each.checkVisibility();
    for (const each of document.querySelectorAll('nav, .skip, .filters, .interactive'))
        if (shown(each)) found.push('not for paper: ' + each.outerHTML.slice(0, 80));
    for (const each of document.querySelectorAll('h1, footer, .static'))
        if (!shown(each)) found.push('not on paper: ' + each.outerHTML.slice(0, 80));
    for (const each of document.querySelectorAll('.scroll'))
        if (shown(each) && each.scrollWidth > each.clientWidth + 1)
            found.push(`a table ${each.scrollWidth} wide is cut off at ${each.clientWidth}: `
                + (each.getAttribute('aria-label') || each.getAttribute('aria-labelledby')));
    const page = document.documentElement;
    if (page.scrollWidth > page.clientWidth) found.push(`${page.scrollWidth} wide on paper of ${page.clientWidth}`);
    return found;
})()"""


def pages_of(site: Path) -> list[Path]:
    """Every page below a folder, the home page first."""
    found = sorted(site.rglob("*.html"), key=lambda page: (page != site / "index.html", page))
    assert found, f"{site} has no page"
    return found


def one_of_each(site: Path) -> list[Path]:
    """Every page at the top, and the first and the largest of each folder: every template, and its worst case."""
    chosen: list[Path] = []
    for folder in [site, *sorted(each for each in site.iterdir() if each.is_dir())]:
        there = sorted(folder.glob("*.html"))
        if folder == site:
            chosen += there
        elif there:
            chosen += dict.fromkeys([there[0], max(there, key=lambda page: page.stat().st_size)])
    return chosen


def told(problems: dict[str, list[str]]) -> str:
    """Problems by page, as whoever mends them wants to read them."""
    faulty = {page: listed for page, listed in problems.items() if listed}
    lines = [line for page, listed in faulty.items() for line in (page, *(f"    {each}" for each in listed))]
    return "\n" + "\n".join(lines)


def opened(browser: Browser, page: Path, width: int) -> None:
    """Load a page and wait until its typeface and, where it has one, its interactive chart are there."""
    browser.open(page, width)
    browser.evaluate(READY)


def axe(browser: Browser) -> list[str]:
    """What axe-core finds wrong with the open page, disclosures opened: rule, what it asks for, and where."""
    browser.evaluate(UNFOLD)
    browser.evaluate(f"{AXE.read_text(encoding='utf-8')}; undefined")
    choice = json.dumps({"runOnly": list(STANDARDS), "resultTypes": ["violations"], "preload": False})
    violations: list[dict[str, Any]] = browser.evaluate(
        f"axe.run(document, {choice})"
        ".then(result => result.violations.map(each => ({ id: each.id, help: each.help, nodes: each.nodes.map("
        "node => node.target.join(' ') + ' ' + node.html.slice(0, 100)) })))"
    )
    return [f"{each['id']}: {each['help']}: {node}" for each in violations for node in each["nodes"][:3]]


def strangers(browser: Browser) -> list[str]:
    """What the open page asked of others, and what it complained of."""
    asked = [url for url in browser.requests() if not url.startswith(("file:", "data:"))]
    return [f"asks for {url}" for url in asked] + browser.complaints()


def tabbed(browser: Browser) -> list[str]:
    """What the keyboard cannot reach on the open page, does not show, or cannot leave; disclosures are opened."""
    browser.evaluate(UNFOLD)
    stops = browser.evaluate(STOPS)
    for _ in range(len(stops)):
        press(browser, "Tab")
    reached = browser.evaluate("window.reached")
    order = [number for number, _, _ in reached]
    problems = [f"not reached by Tab: {stops[number]}" for number in range(len(stops)) if number not in order]
    if not problems and order != list(range(len(stops))):
        problems.append(f"reached out of order: {order}")
    problems += [f"focus cannot be seen: {html}" for _, seen, html in reached if not seen]
    return problems


def press(browser: Browser, key: str) -> None:
    """Press and release one key."""
    code = {"Tab": 9, "Enter": 13}[key]
    text = {"text": "\r"} if key == "Enter" else {}
    kind = "keyDown" if text else "rawKeyDown"
    browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)
    browser.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)


def unfolded(browser: Browser) -> list[str]:
    """What is too wide on the open page once everything on it is unfolded."""
    browser.evaluate(UNFOLD)
    return list(browser.evaluate(TOO_WIDE))


@dataclass
class Visit:
    """What one walk through pages found, by page: loading one takes longer than looking at it."""

    rules: dict[str, list[str]] = field(default_factory=dict)
    zoomed: dict[str, list[str]] = field(default_factory=dict)
    links: dict[Path, dict[str, Any]] = field(default_factory=dict)


def visited(release: Path, pages: Sequence[Path], browser: Browser) -> Visit:
    """Open each page once: rules of axe where it is installed, strangers, colour alone; what is cut at 400 %; links."""
    found = Visit()
    for page in pages:
        name = page.relative_to(release).as_posix()
        opened(browser, page, DESK)
        found.links[page.resolve()] = browser.evaluate(LINKS)
        found.rules[name] = strangers(browser) + list(browser.evaluate(COLOUR_ALONE))
        found.rules[name] += axe(browser) if AXE.is_file() else []
        browser.widen(ZOOMED)
        browser.evaluate(SETTLED)
        found.zoomed[name] = unfolded(browser)
    return found


def dead_links(seen: dict[Path, dict[str, Any]], release: Path) -> Iterator[tuple[Path, str]]:
    """Page and address of each link that leads to no file, to no place within a page, or out of the release.

    Args:
        seen: page to its links and ids, as `LINKS` tells them.
    """
    for page, found in seen.items():
        for target in dict.fromkeys(found["targets"]):
            parts = urlsplit(target)
            if parts.scheme != "file":
                continue  # out into the world; nobody fetches it unless a reader asks
            path = Path(unquote(parts.path))
            if not path.is_relative_to(release.resolve()) or not path.is_file():
                yield page, f"leads nowhere: {target}"
            elif (
                parts.fragment
                and path in seen
                and "=" not in parts.fragment
                and unquote(parts.fragment) not in seen[path]["ids"]
            ):
                yield page, f"no such place: {target}"
