"""Addresses that people wrote, matched to a gazetteer by the real package: how well, what is left alone, and once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from support.builders import Q1, extract_of, land_rows, rows_of

from orchestration.addresses import land_matches
from orchestration.settings import Settings
from sources.landing import Landed, land
from sources.matching import LEAST_DISTINGUISHABILITY, LEAST_WEIGHT, Match, matched
from sources.sandbox import addresses

STREETS = ["Alderbury Street", "Bellcombe Road", "Cottongate Lane", "Fairmead Close"]
HOMES = {
    f"{1000 + 100 * street + number}": (f"{number} {name}, Brigstow", f"XB1 {street}AB")
    for street, name in enumerate(STREETS)
    for number in range(1, 26)
}

FOUND, LOST = "3 Alderbury St, Brigstow XB1 0AB", "Old Church, Quarry Hill, Brigstow XB1 9AB"


def gazetteer(homes: dict[str, tuple[str, str]]) -> pa.Table:
    lines, postcodes = zip(*homes.values(), strict=True)
    return pa.table({"uprn": list(homes), "address": list(lines), "postcode": list(postcodes)})


# How well


@pytest.fixture(scope="module")
def written() -> list[tuple[str, str | None, Match]]:
    """Four hundred addresses as people write them: the text, the key of the home that is meant (None where the text
    does not tell), and what was found."""
    known = addresses.gazetteer(np.repeat(np.arange(40), 120), "Brigstow", "XB")
    rng = np.random.default_rng(7)
    which = rng.choice(len(known.line), 400, replace=False)
    texts, tells = addresses.as_written(rng, known, which)
    table = pa.table(
        {
            "uprn": [str(place) for place in range(len(known.line))],
            "address": known.line.tolist(),
            "postcode": known.postcode.tolist(),
        }
    )
    meant = [str(place) if told else None for place, told in zip(which.tolist(), tells.tolist(), strict=True)]
    return list(zip(texts, meant, matched(texts, table), strict=True))


def test_what_is_matched_is_right_and_most_is_found(written: list[tuple[str, str | None, Match]]) -> None:
    found = [(meant, match.uprn) for _, meant, match in written if match.uprn]
    right = sum(meant == uprn for meant, uprn in found)
    could_be = sum(meant is not None for _, meant, _ in written)
    assert right / len(found) > 0.96  # seen: 0.99
    assert right / could_be > 0.8  # seen: 0.9


def test_only_strong_matches_have_a_key(written: list[tuple[str, str | None, Match]]) -> None:
    kinds = Counter(match.kind for _, _, match in written)
    assert all(kinds[kind] for kind in ("exact", "probable", "weak", "none")), kinds
    for text, _, match in written:
        assert (match.uprn is not None) == (match.kind in ("exact", "probable")), text
        if match.kind == "probable":
            assert match.weight is not None and match.weight >= LEAST_WEIGHT
            assert match.distinguishability is None or match.distinguishability >= LEAST_DISTINGUISHABILITY


def test_each_address_is_judged_by_itself_and_always_the_same() -> None:
    texts = [FOUND, "7 bellcombe rd", "12 Cottongate Lane, Brigstow", "Elsewhere 5"]
    together, alone = matched(texts, gazetteer(HOMES)), matched(texts[1:2], gazetteer(HOMES))
    assert matched(texts, gazetteer(HOMES)) == together
    assert [match.uprn for match in together] == ["1003", "1107", "1212", None]
    assert alone == together[1:2]


def test_twins_are_left_alone() -> None:
    twins = HOMES | {f"9{uprn}": (line, "XB9 9ZZ") for uprn, (line, _) in HOMES.items()}
    (match,) = matched(["3 Alderbury Street, Brigstow"], gazetteer(twins))
    assert (match.uprn, match.kind) == (None, "weak")
    assert match.distinguishability is not None and match.distinguishability < LEAST_DISTINGUISHABILITY


# The step between landing and dbt


@pytest.fixture
def council(tmp_path: Path) -> Settings:
    """A council whose gazetteer has landed, and two requests without a key."""
    settings = Settings("brigstow", tmp_path)
    land_gazetteer(settings, HOMES)
    land_requests(settings, {"R1": FOUND, "R2": LOST})
    return settings


def land_gazetteer(settings: Settings, homes: dict[str, tuple[str, str]]) -> None:
    rows = [
        {"uprn": uprn, "valid_from": "2021-04-01", "lsoa_code": "L1", "ward_code": "W1", "address": a, "postcode": p}
        for uprn, (a, p) in homes.items()
    ]
    assert land_rows(settings.contracts["areas.uprns"], settings.data, rows).error is None


def land_requests(settings: Settings, texts: dict[str, str | None], **known: str) -> None:
    contract = settings.contracts["complaints.service_requests"]
    same = {"received_date": "2025-04-03", "unit_code": "A", "category": "Bin", "updated_at": "2025-04-03T09:00:00"}
    rows = [{"request_id": ref, "address_text": text, **same, **known} for ref, text in texts.items()]
    (landed,) = land(contract, [extract_of(contract, rows, Q1)], settings.data, [Q1])
    assert landed.error is None


def step(settings: Settings) -> Landed:
    contract = settings.matches()
    assert contract is not None
    (landed,), error = land_matches(settings, contract)
    assert error is None and landed.error is None
    return landed


def test_what_was_found_lands_with_its_weight_and_what_it_was_matched_against(council: Settings) -> None:
    landed = step(council)
    assert landed.notes == ("2 addresses written down: 0 exact, 1 probable, 0 weak, 1 none",)
    (found, lost) = rows_of(landed.path, "address_text, match_kind, uprn, match_weight, matcher", "address_text")
    assert found[:3] == (FOUND, "probable", "1003")
    assert isinstance(found[3], Decimal) and found[3] >= LEAST_WEIGHT
    assert found[4].startswith("uk-address-matcher ") and "weight from 10" in found[4]
    assert lost[:4] == (LOST, "none", None, None)


def test_what_has_been_matched_is_not_matched_again(council: Settings) -> None:
    first = step(council)
    script = f"""
import sys
from pathlib import Path
from orchestration.addresses import land_matches
from orchestration.settings import Settings
settings = Settings("brigstow", Path({str(council.base)!r}))
(landed,), error = land_matches(settings, settings.matches())
print(landed.unchanged, error, "uk_address_matcher" in sys.modules)
"""
    again = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert again.stdout == "True None False\n", "nothing new: the package is not even loaded"
    assert first.path is not None and list(first.path.parent.iterdir()) == [first.path]


def test_a_new_address_is_added_to_what_is_known(council: Settings) -> None:
    first = step(council)
    land_requests(council, {"R1": FOUND, "R2": None, "R3": "7 bellcombe rd, brigstow"})
    second = step(council)
    columns = "address_text, uprn, match_weight"
    (before, _) = rows_of(first.path, columns, "address_text")
    assert rows_of(second.path, columns, "address_text")[0] == before
    assert [row[:2] for row in rows_of(second.path, columns, "address_text")] == [
        (FOUND, "1003"),
        ("7 bellcombe rd, brigstow", "1107"),
    ], "what nobody has written any more is not kept"


def test_another_gazetteer_is_matched_against_anew(council: Settings) -> None:
    step(council)
    land_gazetteer(council, HOMES | {"2000": ("Old Church, Quarry Hill, Brigstow", "XB1 9AB")})
    assert [row[0] for row in rows_of(step(council).path, "uprn", "address_text")] == ["1003", "2000"]


def test_a_request_with_its_key_is_left_alone(council: Settings) -> None:
    land_requests(council, {"R1": FOUND, "R2": LOST}, uprn="1005")
    contract = council.matches()
    assert contract is not None
    assert land_matches(council, contract) == ([], None)


def test_a_gazetteer_without_addresses_is_no_gazetteer(tmp_path: Path) -> None:
    settings = Settings("brigstow", tmp_path)
    rows = [{"uprn": "1", "valid_from": "2021-04-01", "lsoa_code": "L1", "ward_code": "W1"}]
    land_rows(settings.contracts["areas.uprns"], settings.data, rows)
    land_requests(settings, {"R1": "3 Alderbury St"})
    contract = settings.matches()
    assert contract is not None
    assert land_matches(settings, contract) == ([], None)


def test_a_council_without_a_gazetteer_matches_nothing(tmp_path: Path) -> None:
    assert Settings("trafford", tmp_path).matches() is None


def test_nothing_is_fetched_from_anywhere() -> None:
    """The package comes with its models, and DuckDB with its extensions: none is installed while matching."""
    with duckdb.connect() as con:
        before = con.execute("select extension_name, installed from duckdb_extensions() order by all").fetchall()
    matched(["3 Alderbury St, Brigstow"], gazetteer(HOMES))
    with duckdb.connect() as con:
        after = con.execute("select extension_name, installed from duckdb_extensions() order by all").fetchall()
    assert after == before
