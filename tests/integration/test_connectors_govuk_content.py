"""The connector `govuk_content` against a replay of the Content API, with attachments on a server of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.builders import Q1, Q2, column, files_in, key, make_contract, rows_of, write_workbook
from support.fault_server import Answer, FaultServer, faults
from support.replays import fetched, source_of

from sources.config import Source
from sources.contract import Contract
from sources.errors import SourceError
from sources.landing import land

PAGE = "/government/statistics/local-authority-collected-waste"
API = f"/api/content{PAGE}"
CSV = b"Authority,Recycled\nE06000023,45.1\nE06000024,60.2\n"


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(tmp_path, key("authority"), column("recycled", "DECIMAL(6,2)"))


@pytest.fixture
def assets(tmp_path: Path) -> Iterator[FaultServer]:
    rows = [["Table 1: recycling"], [], ["Authority", "Recycled"], ["E06000023", 45.1], ["E06000024", 60.2]]
    book = write_workbook(tmp_path / "made.xlsx", {"Table_1": rows})
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    scripts = {
        "/media/1/waste.csv": [Answer(CSV, content_type="text/csv")],
        "/media/2/waste.csv": [Answer(CSV.replace(b"60.2", b"61.3"), content_type="text/csv")],
        "/media/3/tables.xlsx": [Answer(book.read_bytes(), content_type=sheet)],
        "/media/4/notes.pdf": [Answer(b"%PDF", content_type="application/pdf")],
        "/media/5/gone.csv": [Answer(b"<html>Sign in</html>", content_type="text/html")],
    }
    with faults(scripts) as server:
        yield server


def attached(server: FaultServer, path: str, title: str, **more: Any) -> dict[str, Any]:
    name = path.rpartition("/")[2]
    return {"attachment_type": "file", "title": title, "filename": name, "url": f"{server.url}{path}", **more}


def page(*attachments: dict[str, Any], **more: Any) -> Answer:
    return Answer(
        {
            "base_path": PAGE,
            "document_type": "official_statistics",
            "schema_name": "publication",
            "public_updated_at": "2026-02-24T09:30:00Z",
            "updated_at": "2026-02-24T09:30:05Z",
            "details": {"attachments": list(attachments)},
            "links": {},
            **more,
        }
    )


def source_at(folder: Path, url: str, contract: Contract, **dataset: Any) -> Source:
    return source_of(folder, "govuk_content", url, contract, {"page": PAGE, "attachment": "*waste*"} | dataset)


@pytest.mark.parametrize("pattern", ["waste.csv", "Waste by *", "WASTE*", "waste b? authority"])
def test_an_attachment_is_found_by_title_or_name(
    tmp_path: Path, contract: Contract, assets: FaultServer, pattern: str
) -> None:
    web = {"attachment_type": "html", "title": "Waste: commentary", "url": f"{PAGE}/commentary"}
    answer = page(
        web, attached(assets, "/media/1/waste.csv", "Waste by authority"), attached(assets, "/media/3/tables.xlsx", "T")
    )
    with faults({API: [answer]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, attachment=pattern), tmp_path)
        assert (landed.error, landed.rows) == (None, 2)
        assert landed.notes == ("waste.csv: 'Waste by authority' of the edition of 2026-02-24",)
        assert rows_of(landed.path, "distinct _source", "1") == [(f"{assets.url}/media/1/waste.csv",)]


def test_a_workbook_is_read_with_its_title_block(tmp_path: Path, contract: Contract, assets: FaultServer) -> None:
    with faults({API: [page(attached(assets, "/media/3/tables.xlsx", "Tables"))]}) as server:
        source = source_at(tmp_path, server.url, contract, attachment="*.xlsx", format={"sheet": "Table_1"})
        landed = fetched(source, tmp_path)
        assert (landed.error, landed.rows) == (None, 2)


def test_credentials_stay_with_the_site(tmp_path: Path, contract: Contract, assets: FaultServer) -> None:
    with faults({API: [page(attached(assets, "/media/1/waste.csv", "Waste"))]}) as server:
        token = {"kind": "bearer", "token": "hunter2-not-to-be-seen"}
        dataset = {"page": PAGE, "attachment": "*waste*"}
        landed = fetched(source_of(tmp_path, "govuk_content", server.url, contract, dataset, auth=token), tmp_path)
        assert landed.error is None
        assert "authorization" in server.asked[0].headers and "authorization" not in assets.asked[0].headers


def test_the_same_edition_is_not_fetched_again(tmp_path: Path, contract: Contract, assets: FaultServer) -> None:
    first = page(attached(assets, "/media/1/waste.csv", "Waste"))
    second = page(attached(assets, "/media/2/waste.csv", "Waste"), updated_at="2026-05-19T09:30:05Z")
    with faults({API: [first, first, second]}) as server:
        source = source_at(tmp_path, server.url, contract)
        landed = [fetched(source, tmp_path) for _ in range(3)]
        assert [item.unchanged for item in landed] == [False, True, False]
        assert landed[0].path == landed[1].path != landed[2].path
        assert [asked.path for asked in assets.asked] == ["/media/1/waste.csv", "/media/2/waste.csv"]


def test_pages_that_moved_are_followed(tmp_path: Path, contract: Contract, assets: FaultServer) -> None:
    """A canonical path by status 303; a page that was put elsewhere by a document that says so."""
    moved = Answer(b"", 303, {"Location": "/api/content/other"})
    redirect = Answer({"document_type": "redirect", "redirects": [{"path": "/other", "destination": "/third"}]})
    found = page(attached(assets, "/media/1/waste.csv", "Waste"))
    with faults({API: [moved], "/api/content/other": [redirect], "/api/content/third": [found]}) as server:
        assert fetched(source_at(tmp_path, server.url, contract), tmp_path).rows == 2
    with faults({API: [Answer({"document_type": "redirect", "redirects": [{"destination": PAGE}]})]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.error == (f"{server.url}{PAGE}: is redirected again and again. Mend `page` in the source's YAML.")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            Answer({"message": "gone"}, 410),
            "It has been withdrawn. Look for what replaces it.",
        ),
        (
            Answer({"document_type": "gone", "details": {"explanation": "<p>Merged.</p>", "alternative_path": "/new"}}),
            ": has been withdrawn (Merged.). Read '/new' instead.",
        ),
        (Answer({"document_type": "gone"}), ": has been withdrawn. Look for what replaces it."),
        (Answer({"items": []}), ": the answer is no page of the Content API. Check connection.base_url."),
    ],
)
def test_pages_that_are_gone_are_named(tmp_path: Path, contract: Contract, answer: Answer, words: str) -> None:
    with faults({API: [answer]}) as server:
        source = source_at(tmp_path, server.url, contract)
        landed = fetched(source, tmp_path)
        assert landed.error is not None and landed.error.endswith(words)
        assert landed.error.startswith(f"{server.url}/") and PAGE in landed.error
        with pytest.raises(SourceError):
            source.reach()


def test_attachments_that_do_not_fit_are_named(tmp_path: Path, contract: Contract, assets: FaultServer) -> None:
    both = page(
        attached(assets, "/media/1/waste.csv", "Waste 2024"), attached(assets, "/media/2/waste.csv", "Waste 2025")
    )
    with faults({API: [both]}) as server:
        assert fetched(source_at(tmp_path, server.url, contract), tmp_path).error == (
            f"{server.url}{PAGE}: 2 attachments match '*waste*', one is needed. It has: 'Waste 2024 (waste.csv)', "
            "'Waste 2025 (waste.csv)'. Mend `attachment` in the source's YAML."
        )
        assert fetched(source_at(tmp_path, server.url, contract, attachment="waste 2026"), tmp_path).error == (
            f"{server.url}{PAGE}: 0 attachments match 'waste 2026', one is needed. Did you mean 'Waste 2025'? It has: "
            "'Waste 2024 (waste.csv)', 'Waste 2025 (waste.csv)'. Mend `attachment` in the source's YAML."
        )
        assert fetched(source_at(tmp_path, server.url, contract, attachment="waste 2025"), tmp_path).rows == 2
    collection = page(document_type="document_collection", links={"documents": [{"base_path": "/government/a"}]})
    with faults({API: [collection]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path / "other")
        assert landed.error is not None
        assert landed.error.endswith("It is a collection; its pages are: '/government/a'.")


def test_attachments_that_are_no_table_are_refused(tmp_path: Path, contract: Contract, assets: FaultServer) -> None:
    answer = page(attached(assets, "/media/4/notes.pdf", "Notes"), attached(assets, "/media/5/gone.csv", "Gone"))
    with faults({API: [answer]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract, attachment="notes*"), tmp_path)
        assert landed.error is not None and ": 'notes.pdf' is not read. Files that are: .csv, .xlsx" in landed.error
        landed = fetched(source_at(tmp_path, server.url, contract, attachment="gone*"), tmp_path)
        assert landed.error is not None and "answered 'text/html' instead of a file" in landed.error
        assert files_in(tmp_path / "data") == []


def test_editions_are_found_by_their_period(tmp_path: Path, assets: FaultServer) -> None:
    made = make_contract(tmp_path, key("authority"), column("recycled", "DECIMAL(6,2)"), load="snapshot")
    answer = page(
        attached(assets, "/media/1/waste.csv", "Waste, April to June 2025 (2025-26-Q1)"),
        attached(assets, "/media/2/waste.csv", "Waste, July to September 2025 (2025-26-Q2)"),
    )
    with faults({API: [answer]}) as server:
        source = source_at(tmp_path, server.url, made, attachment="waste*({quarter})")
        landed = land(made, source.extract("things", [Q1, Q2]), tmp_path / "data", [Q1, Q2])
        assert [rows_of(item.path, "max(recycled)::text", "1") for item in landed] == [[("60.20",)], [("61.30",)]]


def test_an_attachment_in_a_withdrawn_page_is_read_and_noted(
    tmp_path: Path, contract: Contract, assets: FaultServer
) -> None:
    notice = {"explanation": "<p>Superseded</p>", "withdrawn_at": "2026-03-01T00:00:00Z"}
    with faults({API: [page(attached(assets, "/media/1/waste.csv", "Waste"), withdrawn_notice=notice)]}) as server:
        landed = fetched(source_at(tmp_path, server.url, contract), tmp_path)
        assert landed.notes[1] == f"{PAGE}: has been withdrawn; look for what replaces it"
