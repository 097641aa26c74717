"""Text files as UTF-8, whatever they were written in: the encoding that is declared, or the one that is found."""

from __future__ import annotations

import codecs
import io
from typing import IO, TYPE_CHECKING

from sources.errors import SourceError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_BLOCK = 1 << 20
# In cp1252 these bytes are the pound sign, quotation marks and dashes, which councils write; in cp850 the pound is 9C,
# which in cp1252 is a ligature that they do not.
_OF_WINDOWS = bytes([0xA3, *range(0x91, 0x98)])
_POUND_OF_DOS = 0x9C
_LIKE_ASCII = {"utf-8", "utf-8-sig", "cp1252", "cp850", "cp437", "iso8859-1", "iso8859-15", "ascii"}
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Utf8(io.RawIOBase):
    """The bytes of `file`, read from its start, as UTF-8 and without a byte order mark.

    Without `declared`, text is UTF-8 until a byte says otherwise, and cp1252 or cp850 from there: what came before was
    plain ASCII, which is the same in all of them. `found` says which it was. Reading raises SourceError for bytes that
    do not belong to the encoding.
    """

    def __init__(self, file: IO[bytes], declared: str | None, place: str) -> None:
        file.seek(0)
        self._file, self._place = file, place
        self._declared = None if declared is None else codecs.lookup(declared).name
        self._decoder: codecs.IncrementalDecoder | None = None
        self._ready, self._offset, self._pure = b"", 0, True
        self.found = self._declared or "utf-8"

    def again(self) -> Utf8:
        """The same from its start; this one must not be read any more."""
        return Utf8(self._file, self._declared, self._place)

    def readable(self) -> bool:
        """Always: this is for reading."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes of UTF-8 (all that is left where it is negative); none at the end."""
        parts, wanted = [], size
        while wanted:
            if not self._ready:
                self._ready = self._next()
                if not self._ready:
                    break
            taken = self._ready if wanted < 0 else self._ready[:wanted]
            self._ready = self._ready[len(taken) :]
            parts.append(taken)
            wanted -= len(taken) if wanted > 0 else 0
        return b"".join(parts)

    def readinto(self, buffer: Buffer) -> int:
        """Fill `buffer` as far as it goes; how many bytes that was."""
        view = memoryview(buffer).cast("B")
        text = self.read(len(view))
        view[: len(text)] = text
        return len(text)

    def _next(self) -> bytes:
        """The next block that holds anything."""
        while True:
            block = self._file.read(_BLOCK)
            if self._decoder is None:
                block = self._begun(block)
            text = self._decoded(block)
            self._offset += len(block)
            if text or not block:
                return text

    def _begun(self, block: bytes) -> bytes:
        mark = next((mark for mark in _MARKS if block.startswith(mark)), b"")
        if mark and _MARKS[mark] != "utf-8" and self._declared is None:
            self.found = "utf-16"
        elif mark == codecs.BOM_UTF8 and self.found in ("utf-8", "utf-8-sig"):
            self._offset, block = len(mark), block[len(mark) :]
        self._decoder = codecs.getincrementaldecoder(self.found)()
        return block

    def _decoded(self, block: bytes) -> bytes:
        assert self._decoder is not None
        pending = self._decoder.getstate()[0]
        if self.found in _LIKE_ASCII and not pending and block.isascii():
            return block
        try:
            text = self._decoder.decode(block, final=not block).encode()
        except UnicodeDecodeError as error:
            at = self._offset - len(pending) + error.start
            before = (pending + block)[: error.start]
            if self._declared is not None or self.found != "utf-8":
                raise self._wrong(error.object[error.start], at) from None
            if not (self._pure and before.isascii()):
                raise SourceError(
                    f"{self._place}: is utf-8 up to byte {at:,} and something else from there. Set format.encoding, or "
                    "ask for the file in one encoding."
                ) from None
            self.found = _other_than_utf8(pending + block)
            self._decoder = codecs.getincrementaldecoder(self.found)()
            return self._decoded(pending + block)
        self._pure = self._pure and text.isascii()
        return text

    def _wrong(self, byte: int, at: int) -> SourceError:
        place = f"(byte 0x{byte:02x} at position {at:,})"
        if self._declared is None and self.found != "utf-16":
            return SourceError(f"{self._place}: is neither utf-8 nor {self.found} {place}. Set format.encoding.")
        other = "cp1252" if self.found.startswith("utf") else "utf-8"
        return SourceError(
            f"{self._place}: is not {self.found} {place}. Set format.encoding; many exports are {other}."
        )


def _other_than_utf8(block: bytes) -> str:
    of_dos = _POUND_OF_DOS in block and not any(byte in block for byte in _OF_WINDOWS)
    return "cp850" if of_dos else "cp1252"
