"""Addresses as people wrote them, matched to those of a gazetteer by `uk-address-matcher`.

Belongs here: what is a match, and what is too weak to be one. Not here: which addresses there are to be matched, and
where what has been found is kept (orchestration.addresses).
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version

import duckdb
import pyarrow as pa

# The least that counts as a match. Of the sandbox's addresses it is known what they mean: 99 % of what is matched then
# is right, and 87 % of what could be is found; from a weight of 20 on none is wrong, but a quarter less is found. A
# candidate that is hardly better than the next has a twin: the same number in two streets of one name.
LEAST_WEIGHT = Decimal(10)
LEAST_DISTINGUISHABILITY = Decimal(2)
_PLACES = Decimal("0.001")  # to which weights are kept
_MEMORY = "1GB"


def matcher() -> str:
    """What matches, its version, and what counts as a match: results under another one are not the same thing."""
    return (
        f"uk-address-matcher {version('uk-address-matcher')}, weight from {LEAST_WEIGHT}, "
        f"distinguishability from {LEAST_DISTINGUISHABILITY}"
    )


@dataclass(frozen=True)
class Match:
    """What an address that somebody wrote down is.

    `kind` is `exact`, `probable`, `weak` (there is a candidate, but not strong enough) or `none`; only the first two
    have a `uprn`. `weight` is the best candidate's, the logarithm to base 2 of a Bayes factor, and
    `distinguishability` by how much it exceeds the next one's.
    """

    kind: str
    uprn: str | None = None
    weight: Decimal | None = None
    distinguishability: Decimal | None = None


def matched(texts: list[str], gazetteer: pa.Table) -> list[Match]:
    """What each of `texts` is. `gazetteer` has the columns uprn, address and postcode, one row per address."""
    from uk_address_matcher import AddressMatcher  # and Splink with it: only where it is used

    written = pa.table({"unique_id": [str(place) for place in range(len(texts))], "address_concat": texts})
    known = gazetteer.select(["uprn", "address", "postcode"]).rename_columns(
        ["unique_id", "address_concat", "postcode"]
    )
    for name in ("uk_address_matcher", "splink"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # Nothing is fetched from anywhere: models come with the package, extensions with DuckDB.
    with duckdb.connect(":memory:", config={"memory_limit": _MEMORY, "autoinstall_known_extensions": "false"}) as con:
        matcher = AddressMatcher(
            canonical_addresses=con.from_arrow(known),
            addresses_to_match=con.from_arrow(written),
            con=con,
            cleaning_num_chunks=1,
            show_progress="off",
        )
        best = (
            matcher.match()
            .matches()
            .select("unique_id, resolved_canonical_id, match_reason, match_weight, distinguishability")
            .fetchall()
        )
    found = {int(place): _match(*told) for place, *told in best}
    return [found.get(place, Match("none")) for place in range(len(texts))]


def _match(uprn: str | None, reason: str, weight: float | None, apart: float | None) -> Match:
    if uprn is None:
        return Match("none")
    if reason.startswith("exact"):
        return Match("exact", uprn)
    kept = _kept(weight)
    distance = _kept(apart)
    # Without a distinguishability there is no other candidate.
    is_strong = kept is not None and kept >= LEAST_WEIGHT and (distance is None or distance >= LEAST_DISTINGUISHABILITY)
    return Match("probable", uprn, kept, distance) if is_strong else Match("weak", None, kept, distance)


def _kept(weight: float | None) -> Decimal | None:
    return None if weight is None or not math.isfinite(weight) else Decimal(weight).quantize(_PLACES)
