"""The step between landing and dbt: addresses that people wrote down are matched to the council's gazetteer.

What has been found is landed as a dataset of its own, so a build only reads it, a rebuild as of an earlier moment finds
what was known then, and what has been matched once against the same gazetteer is not matched again. Whether two
addresses are the same is the business of sources.matching.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import duckdb
import pyarrow as pa

from orchestration import attempts
from orchestration.progress import journal
from orchestration.settings import ADDRESSES_WRITTEN_DOWN, GAZETTEER, Settings
from sources import door, matching
from sources.contract import Contract
from sources.errors import ConfigurationError, SourceError
from sources.extract import Extract, Format, text_batch
from sources.landing import Landed, land
from sources.matching import Match
from sources.store import extracts_in_force, rows


def land_matches(settings: Settings, contract: Contract) -> tuple[list[Landed], str | None]:
    """Match what has not been matched yet, and land all that is known; what became of it, and the error if it failed.

    Nothing lands where the gazetteer has no addresses or every record has its key.
    """
    told = journal()
    told.tell(f"matching {contract.system}")
    landed: list[Landed] = []
    error = None
    try:
        with door.scrubbed(contract.name), duckdb.connect(":memory:") as con:
            if records := _records(con, settings, contract):
                landed = land(contract, [_extract(contract, records)], settings.data, [])
    except (SourceError, ConfigurationError) as problem:
        error = str(problem)
        landed = [Landed(contract.dataset, None, None, 0, 0, False, {}, (), error)]
    attempts.record(settings.data, contract, landed, told.began)
    if landed:
        told.landed[contract.system, contract.dataset] = landed
    return landed, error


def _records(con: duckdb.DuckDBPyConnection, settings: Settings, contract: Contract) -> list[dict[str, Any]]:
    """What every address that somebody wrote down is, in order of their letters."""

    def in_force(name: str) -> str:
        needed = settings.contracts[name]
        return f"({rows(con, needed, extracts_in_force(needed, settings.data))})"

    written = con.execute(f"""
        select distinct address_text
        from {in_force(ADDRESSES_WRITTEN_DOWN)}
        where uprn is null and address_text is not null
        order by address_text
    """).fetchall()
    extracts = extracts_in_force(settings.contracts[GAZETTEER], settings.data)
    gazetteer = con.execute(f"""
        select uprn, arg_max(address, valid_from) as address, arg_max(postcode, valid_from) as postcode
        from {in_force(GAZETTEER)}
        where address is not null
        group by uprn
        order by uprn
    """).to_arrow_table()
    if not written or not gazetteer.num_rows:
        return []
    same = {"gazetteer_extract_id": extracts[-1].extract_id, "matcher": matching.matcher()}
    known = con.execute(
        f"""
        select address_text, match_kind, uprn, match_weight, distinguishability
        from {in_force(contract.name)}
        where gazetteer_extract_id = $gazetteer_extract_id and matcher = $matcher
        """,
        same,
    ).fetchall()
    found = {text: Match(*told) for text, *told in known}
    texts = [text for (text,) in written]
    if new := [text for text in texts if text not in found]:
        found |= dict(zip(new, matching.matched(new, gazetteer), strict=True))
    return [
        {
            "address_text": text,
            "match_kind": found[text].kind,
            "uprn": found[text].uprn,
            "match_weight": found[text].weight,
            "distinguishability": found[text].distinguishability,
            **same,
        }
        for text in texts
    ]


def _extract(contract: Contract, records: list[dict[str, Any]]) -> Extract:
    origin = f"{ADDRESSES_WRITTEN_DOWN} matched to {GAZETTEER}"
    columns = {column.name: pa.array([record[column.name] for record in records]) for column in contract.columns}
    batch = text_batch(contract, columns, origin, range(1, len(records) + 1))
    kinds = Counter(record["match_kind"] for record in records)
    note = f"{len(records):,} addresses written down: " + ", ".join(
        f"{kinds[kind]:,} {kind}" for kind in contract.column("match_kind").values
    )
    return Extract(None, [batch], origin, Format(), [note])
