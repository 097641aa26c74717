"""Pages about the site itself: its files, how to read it, how accessible it is, how well the data arrived.
Belongs here: facts of the release in the order they are told. Not here: pages of measures and places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from exports import wording
from exports.facts import ReleaseFacts
from exports.publications import Publication
from exports.site.drawn import Drawn
from exports.site.reading import Reader

DATASET = (
    "system", "dataset", "owner", "is_declared", "last_extracted_on", "row_count", "rejected_count", "is_missing",
    "reason", "measure_ids",
)  # fmt: skip
GAP = ("measure_id", "measure_name", "unit_name", "period_label", "period_start", "missing_reason")
RESTATEMENT = (
    "measure_id",
    "measure_name",
    "unit_name",
    "period_label",
    "period_start",
    "published_in",
    "is_unexplained",
)
PATHS = ("about.html", "accessibility.html", "data.html")
STATUS = "status.html"
FORMATS = {
    "csv": "CSV", "parquet": "Parquet", "json": "JSON", "xlsx": "Excel", "pdf": "PDF", "html": "page", "md": "text",
}  # fmt: skip
MOST_GAPS = 40
CSVW = ".csv-metadata.json"


def matter_pages(
    reader: Reader, facts: ReleaseFacts, publications: Sequence[Publication], words: Mapping[str, Any], edition: str
) -> Iterator[Drawn]:
    """Every page of this module but data.html, which waits for the files; how the data arrived stays in the house."""
    methods = [publication for publication in publications if edition in publication.audiences]
    yield Drawn("about.html", "about.html.j2", {**words, "publications": methods, "disclosure": facts.disclosure})
    yield Drawn("accessibility.html", "accessibility.html.j2", dict(words))
    if edition == "internal":
        yield Drawn(STATUS, "status.html.j2", {**words, **_status(reader, facts)})


def data_page(publications: Sequence[Publication], files: Sequence[Mapping[str, Any]], edition: str) -> Drawn:
    """The page of all files.

    Args:
        files: entries of the release's files written so far: path in the release, bytes, and rows where it has rows.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    others: list[dict[str, Any]] = []
    homes = {
        home: publication.name
        for publication in publications
        for home in (
            *(f"{publication.kind}s/{table.name}" for table in publication.tables),
            f"{publication.kind}s/{publication.name}",
        )
    }
    for entry in sorted(files, key=lambda entry: str(entry["path"])):
        path = str(entry["path"])
        if entry.get("audience", edition) != edition or path.startswith("site/"):
            continue
        folder, _, name = path.rpartition("/")
        if name.endswith(CSVW):
            continue  # for programs, which find it by the name of its CSV file
        home = homes.get(path.rpartition(".")[0]) or homes.get(folder)
        described = {
            "href": f"../{path}",
            "name": name,
            "format": FORMATS.get(name.rpartition(".")[2], name.rpartition(".")[2]),
            "size": size_words(int(entry["bytes"])),
            "rows": entry.get("rows"),
        }
        (found.setdefault(home, []) if home else others).append(described)
    listed = [
        (publication, found[publication.name])
        for publication in sorted(publications, key=lambda publication: (publication.kind, publication.label))
        if publication.name in found
    ]
    return Drawn("data.html", "data.html.j2", {"listed": listed, "others": others})


def size_words(number: int) -> str:
    """'812 bytes', '14 kB', '3.2 MB': as a reader's folder shows it."""
    if number < 1000:
        return f"{number} bytes"
    if number < 1_000_000:
        return f"{(number + 500) // 1000} kB"
    return f"{number / 1_000_000:.1f} MB"


def _status(reader: Reader, facts: ReleaseFacts) -> dict[str, Any]:
    """Late and refused data first, then everything that arrived; checks; gaps; restatements."""
    datasets = [row for row in reader.rows("feed_datasets", DATASET, order_by="system, dataset") if row["is_declared"]]
    datasets.sort(key=lambda row: (not row["is_missing"], not row["rejected_count"]))
    missing = sum(bool(row["is_missing"]) for row in datasets)
    gaps = reader.rows("feed_measure_gaps", GAP, order_by="period_start desc, measure_name, measure_id, unit_name")
    failed = [check for check in facts.checks if not check.passed]
    headline = f"{len(datasets) - missing} of {len(datasets)} data sets arrived"
    if facts.checks:
        headline += f"; {wording.count(len(failed), 'warning')} from {wording.count(len(facts.checks), 'check')}"
    return {
        "headline": wording.sentence(wording.capital(headline))
        if datasets
        else "Nothing is published of the data sets.",
        "datasets": datasets,
        "failed": failed,
        "checked": len(facts.checks),
        "gaps": gaps[:MOST_GAPS],
        "more_gaps": max(0, len(gaps) - MOST_GAPS),
        "unexplained": [
            row
            for row in reader.rows("feed_restatements", RESTATEMENT, order_by="measure_name, measure_id, period_start")
            if row["is_unexplained"]
        ],
    }
