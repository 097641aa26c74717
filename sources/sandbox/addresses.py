"""Addresses in fictional places: as a gazetteer has them, and as people write them on a form.

No postcode area of the country begins with X.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sources.sandbox.timeline import Flags, Ints

_STEMS = [
    "Alder", "Ashen", "Barrow", "Bell", "Birch", "Bram", "Castle", "Chapel", "Cold", "Corn", "Cotton", "Dean",
    "Elder", "Fair", "Fern", "Gallow", "Grey", "Harbour", "Hazel", "Holly", "King", "Lamb", "Larch", "Mallow",
    "Mar", "Mill", "North", "Orchard", "Paddock", "Prior", "Quarry", "Rope", "Salt", "South", "Stoke", "Temple",
    "Thorn", "Tumble", "Weaver", "Willow",
]  # fmt: skip
_ENDS = ["bury", "combe", "croft", "den", "field", "ford", "gate", "ham", "ley", "mead"]
_KINDS = ["Street", "Road", "Lane", "Avenue", "Close", "Drive", "Terrace", "Way", "Gardens", "Crescent"]
_STRIDE = 1237  # shares no factor with the number of names: neighbouring streets are called by quite other ones
_HOMES = 30  # to a street
_FLATS = 6  # to a house in every fourth street
_UNITS = "ABDEFGHJLNPQRSTUWXYZ"
_SHORT = {
    "Street": "St", "Road": "Rd", "Lane": "Ln", "Avenue": "Ave", "Close": "Cl", "Drive": "Dr", "Terrace": "Terr",
    "Gardens": "Gdns", "Crescent": "Cres",
}  # fmt: skip
_NO_HOME = ["by the bus stop, {}", "opposite the shops, {}", "corner of {} and the main road"]


@dataclass(frozen=True)
class Gazetteer:
    """Addresses, one entry each: flat, house and street in one line with the town, and the postcode."""

    line: npt.NDArray[np.str_]
    postcode: npt.NDArray[np.str_]


def gazetteer(place: Ints, town: str, area: str) -> Gazetteer:
    """An address in `town` for each home, in the order of `place`, the small area in which it lies; those of a small
    area fill its streets one after the other. `area` is the postcode area, two letters."""
    counts = np.bincount(place)
    within = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
    streets = -(-counts // _HOMES)
    street = np.repeat(np.cumsum(streets) - streets, counts) + within // _HOMES
    home = within % _HOMES
    lines, postcodes = [], []
    for number, nth in zip(street.tolist(), home.tolist(), strict=True):
        house = f"Flat {nth % _FLATS + 1}, {nth // _FLATS + 1}" if number % 4 == 3 else f"{nth + 1}"
        lines.append(f"{house} {_street(number)}, {town}")
        unit = f"{_UNITS[number % 20]}{_UNITS[number * 7 % 20]}"
        postcodes.append(f"{area}{number // 200 + 1} {number // 20 % 10}{unit}")
    return Gazetteer(np.array(lines), np.array(postcodes))


def as_written(rng: np.random.Generator, known: Gazetteer, which: Ints) -> tuple[list[str], Flags]:
    """The addresses at the positions `which` as people write them, and which of these still tell the home: one in
    twelve has a number that the street has not, one in sixteen names a place in the street and no home."""
    draws = rng.random((len(which), 8))
    texts, tells = [], []
    for line, postcode, draw in zip(known.line[which].tolist(), known.postcode[which].tolist(), draws, strict=True):
        house, town = line.rsplit(", ", 1)
        street = re.sub(r"^(Flat \d+, )?\d+ ", "", house)
        tells.append(bool(draw[0] >= 1 / 12 + 1 / 16))
        if draw[0] < 1 / 16:
            house = _NO_HOME[int(draw[1] * 3)].format(street)
        elif not tells[-1]:
            house = re.sub(r"\d+(?= \D+$)", lambda found: str(int(found.group()) + 200), house)
        if draw[2] < 0.5:
            before, _, kind = house.rpartition(" ")
            house = f"{before} {_SHORT.get(kind, kind)}"
        if draw[3] < 0.2:  # a letter of the street's name is left out, somewhere in its middle
            at = house.index(street[:4]) + 1 + int(draw[1] * 4)
            house = house[:at] + house[at + 1 :]
        if draw[4] < 0.2:
            house = house.replace("Flat ", "Apt ")
        written = ", ".join([house, *([town] if draw[5] < 0.7 else [])])
        written = f"{written} {postcode}" if draw[6] < 0.65 else written
        texts.append(written.lower() if draw[7] < 0.25 else written)
    return texts, np.array(tells, dtype=bool)


def _street(number: int) -> str:
    name = number * _STRIDE % (len(_STEMS) * len(_ENDS) * len(_KINDS))
    stem, rest = divmod(name, len(_ENDS) * len(_KINDS))
    end, kind = divmod(rest, len(_KINDS))
    return f"{_STEMS[stem]}{_ENDS[end]} {_KINDS[kind]}"
