"""A real council from what it publishes itself: every row and every penny, from a folder and over HTTP alike."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.browser import Browser
from support.pages import dead_links, needs_axe, one_of_each, told, visited
from support.pipeline import Quarter, Vitals, free_port, ran_well

import exports

QUARTER = "2025-26-Q4"
# Counted in the published files themselves: see SOURCE.md beside them.
SUPPLIER_ROWS, SUPPLIER_GBP = 241_764, Decimal("621913624.42")
CARD_ROWS, CARD_GBP = 14_050, Decimal("3482444.31")


@pytest.fixture(scope="module")
def trafford(trafford_files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Quarter:
    """Trafford from its files in two folders."""
    places = dict(zip(("TRAFFORD_TRANSPARENCY", "TRAFFORD_THEMES"), map(str, trafford_files), strict=True))
    return ran_well(Vitals(tmp_path_factory.mktemp("trafford"), places, "trafford"), "run")


@pytest.fixture(scope="module")
def served(
    trafford: Quarter, trafford_files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Quarter]:
    """The same files behind a web server on loopback."""
    with _file_server(trafford_files[0]) as transparency, _file_server(trafford_files[1]) as themes:
        places = {"TRAFFORD_TRANSPARENCY": transparency, "TRAFFORD_THEMES": themes}
        yield ran_well(Vitals(tmp_path_factory.mktemp("served"), places, "trafford"), "run")


@contextmanager
def _file_server(folder: Path) -> Iterator[str]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_every_row_and_every_penny_arrives(trafford: Quarter) -> None:
    ask = trafford.vitals.ask
    assert ask("select count(*), sum(amount_gbp) from core.fct_supplier_spend") == [(SUPPLIER_ROWS, SUPPLIER_GBP)]
    assert ask("select count(*), sum(amount_gbp) from core.fct_card_transactions") == [(CARD_ROWS, CARD_GBP)]
    assert "transparency supplier_spend 241,764 0" in trafford.ran.lines
    assert "transparency card_transactions 14,050 0" in trafford.ran.lines


@pytest.mark.parametrize(("measure", "total"), [("SP01", SUPPLIER_GBP), ("SP02", CARD_GBP)])
def test_the_quarters_and_the_months_add_up_to_the_year(measure: str, total: Decimal, trafford: Quarter) -> None:
    for kind, count in (("quarter", 4), ("month", 12)):
        rows = trafford.vitals.ask(
            "select period_code, value, numerator from marts.feed_measure_values "
            f"where measure_id = '{measure}' and period_type = '{kind}' and unit_level = 'council' and area_id = ''"
        )
        assert len(rows) == count
        assert sum(numerator for *_, numerator in rows) == total
        assert all(value == numerator for _, value, numerator in rows)


def test_the_figures_are_in_the_released_files(trafford: Quarter) -> None:
    with duckdb.connect() as con:
        feed = trafford.vitals.releases / "current" / "feeds" / "feed_measure_values"
        for file in (f"{feed}.parquet", f"{feed}.csv"):
            where = "where measure_id = 'SP01' and period_type = 'quarter' and unit_level = 'council'"
            assert con.execute(f"select sum(cast(value as decimal(18, 4))) from '{file}' {where}").fetchall() == [
                (SUPPLIER_GBP,)
            ]


def test_prompt_payment_is_as_published(trafford: Quarter) -> None:
    sql = "select value from marts.feed_measure_values where measure_id = 'FI05' and period_label = '2024/25'"
    assert trafford.vitals.ask(sql) == [(Decimal("94.60"),)]


def test_figures_stand_beside_neighbours_and_england(trafford: Quarter) -> None:
    areas = {
        name
        for (name,) in trafford.vitals.ask(
            "select distinct area_name from marts.feed_comparators where not is_own_area and neighbour_set <> ''"
        )
    }
    assert {"Stockport", "Solihull", "Bury"} <= areas and len(areas) > 15
    assert trafford.vitals.ask("select count(*) > 0 from marts.feed_comparators where area_name = 'England'") == [
        (True,)
    ]
    own = trafford.vitals.ask("select distinct area_name, area_code from marts.feed_comparators where is_own_area")
    assert own == [("Trafford", "E08000009")]


def test_it_is_no_fiction_and_its_licences_are_named(trafford: Quarter) -> None:
    manifest, page = trafford.vitals.manifest(), trafford.vitals.page()
    assert manifest["fictional"] is False and manifest["notice"] == ""
    assert "fictional" not in page
    assert manifest["licence"] == "Open Government Licence v3.0"
    council, themes = "Contains Trafford Council data, Open Government Licence v3.0.", "tidied by Trafford Data Lab"
    assert len(manifest["attribution"]) == 2
    assert council in manifest["attribution"] and council in page
    assert any(themes in line for line in manifest["attribution"]) and themes in page
    assert exports.verify(trafford.vitals.releases / "current") == []


def test_a_figure_is_traced_to_lines_of_the_published_file(trafford: Quarter, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    ran = trafford.vitals("trace", "SP02", "2025-12", "--out", str(rows))
    assert ran.code == 0, ran.err
    assert "government_procurement_card_transactions_2025-26.csv" in ran.out
    with duckdb.connect() as con:
        traced = con.execute(f"select sum(cast(numerator as decimal(18, 2))), sum(amount_gbp) from '{rows}'").fetchall()
    value = trafford.vitals.ask(
        "select numerator from marts.feed_measure_values where measure_id = 'SP02' and period_code = '2025-12'"
    )
    assert traced[0][0] == value[0][0]


def test_over_http_it_is_the_same_release(served: Quarter, trafford: Quarter) -> None:
    here, there = (quarter.vitals.releases / QUARTER / "r1" for quarter in (trafford, served))
    # Papers and workbooks say when the data were read.
    tables = [
        path.relative_to(here) for path in sorted(here.rglob("*")) if path.suffix in (".parquet", ".csv", ".json")
    ]
    tables = [table for table in tables if table.name not in ("manifest.json", "datapackage.json")]
    assert len(tables) > 100
    for table in tables:
        assert (here / table).read_bytes() == (there / table).read_bytes(), table
    assert served.vitals.page() == trafford.vitals.page()
    origins = {extract["origin"] for extract in served.vitals.manifest()["extracts"]}
    assert any(origin.startswith("http://127.0.0.1:") for origin in origins)


def test_check_tells_which_server_is_away(served: Quarter) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    check = served.vitals.with_environment(TRAFFORD_TRANSPARENCY=away)("check")
    assert check.code == 1
    assert "✗ transparency: " in check.err and "cannot be reached" in check.err
    assert "✓ indicators: published_values, neighbours" in check.lines


def test_plain_http_beyond_this_machine_is_refused(tmp_path: Path) -> None:
    places = {"TRAFFORD_TRANSPARENCY": "http://data.example/files", "TRAFFORD_THEMES": str(tmp_path)}
    check = Vitals(tmp_path, places, "trafford")("check")
    assert check.code == 2
    assert "must be an https address (plain http is for loopback only)" in check.err


# Pages


@needs_axe
@pytest.mark.parametrize("edition", ["site", "public/site"])
def test_a_page_of_each_kind_breaks_no_rule_is_not_cut_and_leads_somewhere(
    edition: str, trafford: Quarter, browser: Browser
) -> None:
    release = (trafford.vitals.releases / "current").resolve()
    visit = visited(release, one_of_each(release / edition), browser)
    assert len(visit.rules) > 8
    assert not any(visit.rules.values()), told(visit.rules)
    assert not any(visit.zoomed.values()), told(visit.zoomed)
    assert list(dead_links(visit.links, release if edition == "site" else release / "public")) == []
