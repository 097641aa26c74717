"""The door of a source: what every extract and every error passes on the way out, whichever connector made it.

Secrets are scrubbed from what is told, identifiers of people are replaced by pseudonyms, and records that cannot be
taken apart are withheld where they may hold such identifiers. Not here: what a value must be (sources.landing).
"""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from sources import secrets
from sources.contract import Contract
from sources.errors import ConfigurationError, SourceError
from sources.extract import UNMAPPED, Extract, Version

WITHHELD = "(withheld: this dataset holds personal data)"
_BYTES = 16  # of the hash that make a pseudonym: 128 bits, by chance never the same for two people


def pseudonym(key: str, text: str) -> str:
    """What stands for `text`: 128 bits of HMAC-SHA256 under `key`, in hexadecimal. Blanks around do not count."""
    return hmac.digest(key.encode(), text.strip().encode(), "sha256")[:_BYTES].hex()


@contextmanager
def scrubbed(where: str) -> Iterator[None]:
    """Errors leave as SourceError or ConfigurationError, without secrets. One that nobody foresaw is told by its type
    and place alone, for its message may hold anything."""
    try:
        yield
    except SourceError as error:
        raise SourceError(secrets.scrub(str(error))) from None
    except ConfigurationError as error:
        raise ConfigurationError(secrets.scrub(problem) for problem in error.problems) from None
    except Exception as error:
        traceback = error.__traceback__
        while traceback is not None and traceback.tb_next is not None:
            traceback = traceback.tb_next
        place = f"{Path(traceback.tb_frame.f_code.co_filename).name}:{traceback.tb_lineno}" if traceback else "?"
        raise SourceError(
            f"{where}: reading failed in a way that nobody foresaw ({type(error).__name__} at {place}). "
            "Nothing landed. Please report it."
        ) from None


def leaving(extract: Extract, contract: Contract, key: str | None) -> Extract:
    """The extract as others may see it. `key` is the source's key for pseudonyms, None where it needs none."""
    extract.notes[:] = map(secrets.scrub, extract.notes)
    batches = _batches(extract, contract, key)
    # Under another key the same answers give other pseudonyms: they are read again, changed or not.
    version = Version() if key else extract.version
    return dataclasses.replace(extract, batches=batches, origin=secrets.scrub(extract.origin), version=version)


def _batches(extract: Extract, contract: Contract, key: str | None) -> Iterator[pa.RecordBatch]:
    hashed = [column.name for column in contract.columns if column.is_pseudonymised]
    withholds = any(column.classification for column in contract.columns)
    nulls = frozenset(extract.format.nulls)
    try:
        with scrubbed(contract.name):
            for batch in extract.batches:
                for name in hashed:
                    batch = _replaced(batch, name, _pseudonyms(batch.column(name), key or "", nulls))
                if withholds and batch.column("_original").null_count < batch.num_rows:
                    original = batch.column("_original")
                    batch = _replaced(batch, "_original", pc.if_else(pc.is_valid(original), WITHHELD, None))
                yield _replaced(batch, "_source", _scrubbed(batch.column("_source")))
    finally:
        extract.notes[:] = map(secrets.scrub, extract.notes)


def _replaced(batch: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    place = batch.schema.get_field_index(name)
    return batch.set_column(place, batch.schema.field(place), column)


def _scrubbed(sources: pa.DictionaryArray) -> pa.DictionaryArray:
    told = [secrets.scrub(source) for source in sources.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(sources.indices, pa.array(told, pa.string()))


def _pseudonyms(column: pa.Array, key: str, nulls: Iterable[str]) -> pa.Array:
    """Pseudonyms of a text column, made once for each value of the batch. What the source means by no value stays
    null, and a code that its map file lacks stays marked."""

    def made(text: str) -> str | None:
        if text.startswith(UNMAPPED):
            return UNMAPPED + pseudonym(key, text.removeprefix(UNMAPPED))
        return None if text.strip() in nulls or not text.strip() else pseudonym(key, text)

    coded = column.dictionary_encode()
    values = [made(text) for text in coded.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(coded.indices, pa.array(values, pa.string())).dictionary_decode()
