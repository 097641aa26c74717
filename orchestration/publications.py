"""Publications as Dagster shows them: what an asset says of itself, of its last release, and the checks of its files.
Belongs here: metadata and check results. Not here: how files are read back or drawn (exports)."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import dagster as dg

import exports
from exports import Archived, Finding, Publication
from orchestration import SERVED_AT
from orchestration.progress import journal

GROUP = "releases"
RECONCILES, SCHEMA, DISCLOSURE = "reconciles", "schema", "disclosure"
RELEASE, PREVIEW, FIRST_ROWS = "release", "preview", "first rows"
CHECKS = {
    RECONCILES: "Every file is there, as long as it was written, with as many rows as its curated table.",
    SCHEMA: "The columns and types of every Parquet file are those registered in exports/schemas.json.",
    DISCLOSURE: "The public files hold public columns only, no small count of people, and no value that is hidden.",
}
NAMING, MOST_COLUMNS = 3, 8  # of the first rows: those that come first anyway, and all there is room for
MOST_CHARACTERS = 940  # of a table: Dagster shows Markdown below a thousand at once, longer only when asked
LONGEST_CELL = 40
Metadata = dict[str, dg.MetadataValue]


def key(publication: Publication) -> dg.AssetKey:
    """`releases/feed_measure_values`."""
    return dg.AssetKey([GROUP, publication.name])


def asset_spec(publication: Publication, owner: str) -> dg.AssetSpec:
    """What is known before anything is published: whose it is, for whom, of which tables and columns."""
    return dg.AssetSpec(
        key=key(publication),
        group_name=GROUP,
        kinds=set(publication.formats),
        owners=[owner],
        description=publication.description.split("\n")[0],
        deps=[dg.AssetKey([table.schema, table.name]) for table in publication.tables],
        metadata={
            "for": ", ".join(publication.audiences),
            "version": publication.version,
            "method": publication.method,
            "dagster/column_schema": _column_schema(publication),
        },
    )


def check_specs(publication: Publication) -> list[dg.AssetCheckSpec]:
    """The checks of one publication's files; disclosure only where there is something for the public."""
    names = [name for name in CHECKS if name != DISCLOSURE or "public" in publication.audiences]
    return [dg.AssetCheckSpec(name, asset=key(publication), description=CHECKS[name]) for name in names]


def results(
    instance: dg.DagsterInstance,
    releases: Path,
    publications: Sequence[Publication],
    published: exports.Release,
    curated: Path,
    facts: exports.ReleaseFacts,
    registered: Mapping[str, Any],
) -> Iterator[dg.MaterializeResult]:
    """One result for each publication of the release just made or found unchanged: what it holds, and its checks.

    A picture is drawn once for each release; found unchanged, it keeps the one it has. What a check finds is told to
    the run, too: the release is there by now, whatever a look at it finds.
    """
    release = exports.named(releases, published.release_id)
    kept = kept_previews(instance, publications, published.release_id)
    with closing(exports.connect(curated)) as connection:
        for publication in publications:
            drawn = kept.get(publication.name)
            if drawn is None:
                drawn = preview_metadata(exports.preview(connection, publication, facts))
            findings = {
                RECONCILES: exports.reconciles(connection, release, publication),
                SCHEMA: exports.schema(connection, release, publication, registered),
            }
            if "public" in publication.audiences:
                findings[DISCLOSURE] = exports.disclosure(connection, release, publication, facts.disclosure.threshold)
            journal().warnings += [
                f"releases/{publication.name}, {name}: {problem}"
                for name, finding in findings.items()
                for problem in finding.problems
            ]
            yield dg.MaterializeResult(
                asset_key=key(publication),
                metadata={**_told(release, publication, published), **drawn},
                check_results=[_check(publication, name, finding) for name, finding in findings.items()],
            )


def _check(publication: Publication, name: str, finding: Finding) -> dg.AssetCheckResult:
    problems = "\n".join(f"- {problem}" for problem in finding.problems)
    return dg.AssetCheckResult(
        asset_key=key(publication),
        check_name=name,
        passed=not finding.problems,
        metadata={**finding.told, **({"problems": dg.MetadataValue.md(problems)} if problems else {})},
    )


def _told(release: Archived, publication: Publication, published: exports.Release) -> dict[str, Any]:
    """What the release holds of the publication, with the way to it. A page of Dagster's may not open files, so that
    links lead to `vitals serve`, which `make ui` starts."""
    files = exports.files(release, publication)
    served = f"http://127.0.0.1:{SERVED_AT}/{release.release_id}"
    papers = [PurePosixPath(file["path"]) for file in files if file["format"] == "pdf"]
    data = [release.path / file["path"] for file in files if file["format"] == "parquet"]
    told: dict[str, Any] = {
        RELEASE: f"{release.release_id} ({'new' if published.is_new else 'unchanged'})",
        "council": release.manifest["council"],
        "dagster/row_count": published.rows.get(publication.name, 0),
        "page": dg.MetadataValue.url(f"{served}/site/index.html"),
    }
    if papers:  # one for each reader lie in a folder
        own = papers[0] if len(papers) == 1 else papers[0].parent
        told["paper"] = dg.MetadataValue.url(f"{served}/{own}{'' if own.suffix else '/'}")
    if data:
        told["data"] = dg.MetadataValue.path(str(data[0]))
    told["folder"] = dg.MetadataValue.path(str(release.path))
    told["files"] = _table(
        ("file", "for", "rows", "size"),
        [
            (f"`{file['path']}`", file["audience"], f"{file['rows']:,}" if "rows" in file else "", _size(file["bytes"]))
            for file in files
        ],
        right=("rows", "size"),
    )
    return told


def preview_metadata(preview: exports.Preview) -> Metadata:
    """The picture and the first rows. Dagster draws pictures within Markdown, at once if it is short."""
    told: Metadata = {PREVIEW: dg.MetadataValue.md("no rows")}
    if preview.picture is not None:
        if preview.media_type == "image/svg+xml":
            content = "," + quote(preview.picture, safe="/:=',;")
        else:
            content = ";base64," + base64.b64encode(preview.picture).decode()
        told[PREVIEW] = dg.MetadataValue.md(f"![{PREVIEW}](data:{preview.media_type}{content})")
        told[FIRST_ROWS] = _first_rows(preview)
    return told


def _first_rows(preview: exports.Preview) -> dg.MarkdownMetadataValue:
    """The first columns and those that tell rows apart, as far as there is room."""
    cells = {name: [_cell(row[at]) for row in preview.rows] for at, name in enumerate(preview.columns)}
    cells.pop("council", None)  # stands above
    names = list(cells)
    room, shown = MOST_CHARACTERS, []
    for name in [*names[:NAMING], *sorted(names[NAMING:], key=lambda name: -len(set(cells[name])))][:MOST_COLUMNS]:
        room -= sum(len(cell) + 3 for cell in [name, "---", *cells[name]])
        if room >= 0:
            shown.append(name)
    shown.sort(key=names.index)
    table = _table(shown, zip(*(cells[name] for name in shown), strict=True))
    more = len(names) - len(shown)
    return dg.MetadataValue.md(f"{table.value}\n\nand {more} more columns") if more else table


def kept_previews(
    instance: dg.DagsterInstance, publications: Iterable[Publication], release_id: str
) -> dict[str, Metadata]:
    """By publication, what was drawn of the release when it was last looked at; nothing where that was another."""
    found: dict[str, Metadata] = {}
    events = instance.get_latest_materialization_events([key(publication) for publication in publications])
    for asset, event in events.items():
        metadata = event.asset_materialization.metadata if event and event.asset_materialization else {}
        if RELEASE in metadata and str(metadata[RELEASE].value).partition(" ")[0] == release_id:
            kept = {name: metadata[name] for name in (PREVIEW, FIRST_ROWS) if name in metadata}
            if PREVIEW in kept:
                found[asset.path[-1]] = kept
    return found


def _column_schema(publication: Publication) -> dg.TableSchema:
    """The published columns, as their models' contracts have them."""
    several = len(publication.tables) > 1
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=f"{table.name}.{column.name}" if several else column.name,
                type=column.type,
                description=column.description,
                tags={"public": ""} if "public" in column.audiences else {},
            )
            for table in publication.tables
            for column in table.columns
            if column.audiences
        ]
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> dg.MarkdownMetadataValue:
    lines = [header, ["--:" if name in right else "---" for name in header], *rows]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split()).replace("|", "\\|")
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


def _size(count: int) -> str:
    return f"{count / 1000:,.0f} kB" if count >= 1000 else f"{count} B"
