"""Real files of other councils and publishers, read in place by the YAML and contracts below tests/real."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sources.config import Source, load_source
from sources.contract import load_contracts
from sources.landing import Landed, land
from sources.periods import Quarter

REAL = Path(__file__).parents[1] / "real"
DATA = REAL.parents[2] / "shared" / "data"
ANY = [Quarter(2025, 1)]  # for datasets that are kept whole, whatever the quarter


def needs(folder: str) -> pytest.MarkDecorator:
    """Skips where the files of `folder` do not lie beside this checkout."""
    return pytest.mark.skipif(not (DATA / folder).is_dir(), reason=f"{folder} does not lie beside this checkout")


@pytest.fixture(scope="module")
def real_data() -> Iterator[Path]:
    """The folder that the YAML files name as ${REAL_DATA}."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REAL_DATA", str(DATA))
        yield DATA


def real_source(name: str, system: str) -> Source:
    """The source `system` as tests/real/`name` declares it."""
    return load_source(
        REAL / name / "sources" / f"{system}.yaml", load_contracts() | load_contracts(REAL / "contracts")
    )


def landed(source: Source, dataset: str, data: Path, quarters: Sequence[Quarter] = ANY) -> list[Landed]:
    """What becomes of a dataset of `source`, landed below `data`; one a slot."""
    contract = source.datasets[dataset]
    return land(contract, source.extract(dataset, list(quarters)), data, list(quarters))


def asked(found: Sequence[Landed], expression: str, rest: str = "") -> list[tuple[Any, ...]]:
    """An expression over everything that landed; `rest` is what follows the table in SQL."""
    paths = [str(item.path) for item in found]
    with duckdb.connect() as con:
        table = "read_parquet(?, hive_partitioning = false)"
        return con.execute(f"select {expression} from {table} {rest}", [paths]).fetchall()


def records(path: Path, encoding: str = "utf-8-sig", delimiter: str = ",") -> Iterator[dict[str, str]]:
    """Records of a plain or packed CSV as the standard library reads them."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    yield from csv.DictReader(io.StringIO(content.decode(encoding), newline=""), delimiter=delimiter)
