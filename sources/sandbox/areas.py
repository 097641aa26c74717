"""Where things are in the fictional city: wards before and after a boundary change, their LSOAs, and addresses.

The lookups are files as a statistics office publishes them; other systems ask here where an address lies. Codes begin
with X, which no real one does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sources.sandbox.addresses import Gazetteer, gazetteer
from sources.sandbox.effects import BOUNDARY_CHANGE
from sources.sandbox.tables import write_csv, zipped
from sources.sandbox.timeline import BEGIN, LAST, Days, Ints, day, generator

FOLDER = "areas"
UPRNS = "uprn_lookup.zip"
_ADDRESSES = 45_000  # those that the council's systems know of; the city has five times as many
_FIRST_UPRN = 900_000_000_000
_LSOAS_PER_WARD = 8
_INDEX_YEAR = 2025
_ALL_LSOAS = 33_755  # of the whole country, among which each one has its rank

# Name of every ward before the change, and its deprivation (1: the most deprived tenth of the country).
_WARDS = [
    ("Abbotsmead", 5), ("Ashen Vale", 7), ("Barrow Hill", 2), ("Bellmouth", 4), ("Castle Ditch", 3), ("Cathedral", 6),
    ("Coldharbour", 4), ("Cotton Row", 3), ("Deanery", 9), ("Easterwood", 5), ("Fairlawn", 8), ("Gallows Field", 1),
    ("Greyfriars", 4), ("Harbourside", 7), ("Hollybrook", 9), ("Kingsmarsh", 2), ("Lamb Lane", 6), ("Larch Hill", 8),
    ("Mardyke", 3), ("Millrace", 5), ("Northmoor", 1), ("Oldquay", 6), ("Orchard End", 10), ("Paddock Rise", 9),
    ("Priory Park", 7), ("Quarry Bank", 2), ("Rope Walk", 4), ("Saltmarsh", 3), ("Southdown", 10), ("St Brannoc", 5),
    ("Stokeway", 6), ("Temple Fields", 8), ("Tumbledown", 2), ("Weavers", 4),
]  # fmt: skip
# Wards of the change: name, and the former wards that it was made from.
_NEW_WARDS = [
    ("Harbourside", ["Harbourside"]),
    ("Lockgate", ["Harbourside", "Oldquay"]),
    ("Oldquay", ["Oldquay"]),
    ("Cotton Row and Coldharbour", ["Cotton Row", "Coldharbour"]),
    ("Kingsmarsh", ["Kingsmarsh", "Saltmarsh"]),
    ("Saltmarsh", ["Saltmarsh"]),
]


@dataclass(frozen=True)
class Addresses:
    """Addresses, one array entry each: key, LSOA as a position, ward codes before and since the boundary change, and
    as they are written in the gazetteer."""

    uprn: npt.NDArray[np.str_]
    lsoa: Ints
    ward_before: npt.NDArray[np.str_]
    ward_since: npt.NDArray[np.str_]
    written: Gazetteer

    def ward_on(self, which: Ints, days: Days) -> npt.NDArray[np.str_]:
        """Codes of the wards in which the addresses at the positions `which` lay on `days`."""
        since = days >= day(BOUNDARY_CHANGE.starts)
        return np.where(since, self.ward_since[which], self.ward_before[which])


@cache
def addresses(seed: int, scale: float) -> Addresses:
    """The addresses that the city's systems know of; the same for the same seed and scale."""
    rng = generator(seed, "areas")
    n = round(_ADDRESSES * scale)
    lsoa = np.sort(rng.integers(0, len(_WARDS) * _LSOAS_PER_WARD, n))
    before = np.array([_ward_code(place) for place in range(len(_WARDS))])
    since = np.repeat(before, _LSOAS_PER_WARD)
    for place, (_, former) in enumerate(_NEW_WARDS):
        for name in former:
            since[_moved(name, place)] = _new_ward_code(place)
    return Addresses(
        np.array([str(_FIRST_UPRN + number) for number in range(n)]),
        lsoa,
        before[lsoa // _LSOAS_PER_WARD],
        since[lsoa],
        gazetteer(lsoa, "Brigstow", "XB"),
    )


def wards_on(on: np.datetime64) -> list[tuple[str, str, float]]:
    """Code, name and deprivation (1 to 10) of the wards that there were on a day, in order of their codes."""
    old = dict(_WARDS)
    changed = {name for _, former in _NEW_WARDS for name in former}
    if on < day(BOUNDARY_CHANGE.starts):
        return [(_ward_code(place), name, decile) for place, (name, decile) in enumerate(_WARDS)]
    kept = [(_ward_code(place), name, float(d)) for place, (name, d) in enumerate(_WARDS) if name not in changed]
    new = [
        (_new_ward_code(place), name, sum(old[each] for each in former) / len(former))
        for place, (name, former) in enumerate(_NEW_WARDS)
    ]
    return kept + new


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the lookups to `folder`."""
    change = day(BOUNDARY_CHANGE.starts)
    _write_wards(folder / FOLDER, change)
    _write_lsoas(folder / FOLDER, seed)
    _write_uprns(folder / FOLDER, addresses(seed, scale), change)


def _ward_code(place: int) -> str:
    return f"X05{place + 1:06d}"


def _new_ward_code(place: int) -> str:
    return _ward_code(len(_WARDS) + place)


def _moved(name: str, place: int) -> slice:
    """Positions of the LSOAs of the former ward `name` that the new ward at `place` takes: all, or those that other
    new wards leave."""
    ward = [old for old, _ in _WARDS].index(name)
    takers = [taker for taker, (_, former) in enumerate(_NEW_WARDS) if name in former]
    share = _LSOAS_PER_WARD // len(takers)
    begin = ward * _LSOAS_PER_WARD + takers.index(place) * share
    return slice(begin, begin + share)


def _write_wards(folder: Path, change: np.datetime64) -> None:
    codes = {name: _ward_code(place) for place, (name, _) in enumerate(_WARDS)}
    ended = {name for _, former in _NEW_WARDS for name in former}
    rows = [[codes[name], name, "2016-05-05", str(change - 1) if name in ended else "", ""] for name, _ in _WARDS]
    for place, (name, former) in enumerate(_NEW_WARDS):
        rows.append([_new_ward_code(place), name, str(change), "", " ".join(codes[each] for each in former)])
    write_csv(folder / "wards.csv", ["WDCD", "WDNM", "Operative from", "Operative to", "Predecessors"], rows)


def _write_lsoas(folder: Path, seed: int) -> None:
    rng = generator(seed, "deprivation")
    rows: list[list[object]] = []
    for place in range(len(_WARDS) * _LSOAS_PER_WARD):
        decile = _WARDS[place // _LSOAS_PER_WARD][1]
        share = min(max((decile - 0.5) / 10 + rng.normal(0, 0.07), 0.0005), 0.9995)
        rank = int(share * _ALL_LSOAS) + 1
        name = f"Brigstow {place // 5 + 1:03d}{'ABCDE'[place % 5]}"
        rows.append([f"X01{place + 1:06d}", name, rank, int(share * 10) + 1, _INDEX_YEAR])
    header = ["LSOA code", "LSOA name", "IMD rank", "IMD decile", "IMD year"]
    write_csv(folder / "lsoas.csv", header, rows)


def _write_uprns(folder: Path, known: Addresses, change: np.datetime64) -> None:
    """A line for each address and ward in which it has lain, zipped as the office sends it; three keys are spoilt."""
    moved = known.ward_before != known.ward_since
    lines = ["UPRN,LSOA21CD,WDCD,From,To,Address,Postcode"]
    spoilt = {place: f"{known.uprn[place]}A" for place in (40, 41, 42)}
    first, last = str(BEGIN), str(change - 1)
    written = [
        f'"{line}",{postcode}' for line, postcode in zip(known.written.line, known.written.postcode, strict=True)
    ]
    wards = zip(known.ward_before.tolist(), known.ward_since.tolist(), moved.tolist(), strict=True)
    for place, (uprn, lsoa, (before, since, has_moved), address) in enumerate(
        zip(known.uprn.tolist(), known.lsoa.tolist(), wards, written, strict=True)
    ):
        uprn = spoilt.get(place, uprn)
        if has_moved:
            lines.append(f"{uprn},X01{lsoa + 1:06d},{before},{first},{last},{address}")
            lines.append(f"{uprn},X01{lsoa + 1:06d},{since},{change},,{address}")
        else:
            lines.append(f"{uprn},X01{lsoa + 1:06d},{since},{first},,{address}")
    member = {"uprn_lookup/NSUL_SEP_2026.csv": "\r\n".join(lines).encode()}
    (folder / UPRNS).write_bytes(zipped(member, LAST.end))
