"""The schemas that readers of feeds rely on, kept in schemas.json: a breaking change needs a new version.
Belongs here: the snapshot, and what breaks readers. Not here: whether the database agrees with it (release)."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from exports.errors import ExportError
from exports.formats import to_json
from exports.publications import Publication, read_publications

SNAPSHOT = Path(__file__).with_name("schemas.json")
Schemas = Mapping[str, Any]


def schemas(publications: Sequence[Publication]) -> dict[str, Any]:
    """Version, formats and, by table, each published column with its type and audiences, by publication."""
    return {
        publication.name: {
            "version": publication.version,
            "audiences": sorted(publication.audiences),
            "formats": sorted(publication.formats),
            "tables": {
                table.name: {
                    column.name: {"type": column.type.lower(), "audiences": sorted(column.audiences)}
                    for column in table.columns
                    if column.audiences
                }
                for table in publication.tables
            },
        }
        for publication in publications
    }


def breaking(then: Schemas, now: Schemas) -> list[str]:
    """What breaks readers and is not announced by a higher version, one sentence each with the remedy.

    A publication, table, format, audience or column that is gone, and a column of another type. What is added breaks
    nobody.
    """
    told = []
    for name, former in then.items():
        latter = now.get(name)
        if latter is None:
            told.append(
                f"{name}: is no longer published. Readers lose it: publish it again, or take it out of "
                f"{SNAPSHOT.name} when they have been told."
            )
        elif latter["version"] <= former["version"]:
            changes = _broken(former, latter)
            if changes:
                told.append(
                    f"{name}: {', '.join(changes)}. Readers rely on it: undo that, or raise meta.version of exposure "
                    f"'{name}' to {former['version'] + 1} and run `make schemas`."
                )
    return told


def _broken(former: Schemas, latter: Schemas) -> list[str]:
    changes = [f"format {each} is gone" for each in former["formats"] if each not in latter["formats"]]
    changes += [f"audience {each} is gone" for each in former["audiences"] if each not in latter["audiences"]]
    if latter["version"] < former["version"]:
        changes.append(f"its version went back from {former['version']} to {latter['version']}")
    for table, columns in former["tables"].items():
        if table not in latter["tables"]:
            changes.append(f"table {table} is gone")
            continue
        for column, told in columns.items():
            found = latter["tables"][table].get(column)
            if found is None:
                changes.append(f"column {table}.{column} is gone")
            elif found["type"] != told["type"]:
                changes.append(f"column {table}.{column} was {told['type']}, is {found['type']}")
            elif lost := [each for each in told["audiences"] if each not in found["audiences"]]:
                changes.append(f"column {table}.{column} is gone for audience {', '.join(lost)}")
    return changes


def read_snapshot(path: Path = SNAPSHOT) -> dict[str, Any]:
    """The schemas as they were agreed; empty where there is no snapshot yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_snapshot(manifest: Path, path: Path = SNAPSHOT) -> None:
    """Write the schemas of dbt's manifest into the snapshot.

    Raises:
        ExportError: a change breaks readers and no version was raised; nothing is written.
    """
    now = schemas(read_publications(manifest))
    problems = breaking(read_snapshot(path), now)
    if problems:
        raise ExportError("\n".join(problems))
    # A line for each column, so that a change is a line of a diff.
    lines = re.sub(r"\{[^{}]*\}|\[[^][{}]*\]", lambda found: " ".join(found[0].split()), to_json(now))
    path.write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    try:
        write_snapshot(Path(sys.argv[1]))
    except ExportError as error:
        sys.exit(str(error))
