"""Where files are: folders, https, SFTP, S3 and Azure Blob Storage. Finding them there, and opening them to read.

A kind of place is a module with `opened(connection, notes)`. What a file holds is the readers' business, what an
archive holds that of archives.
"""

from __future__ import annotations

import fnmatch
import importlib
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import IO

from sources.connectors.http import shown
from sources.connectors.places.base import Connection, Place, outside
from sources.errors import SourceError, listed, nearest

_MODULES = {"http": "web", "https": "web", "sftp": "sftp", "s3": "stores", "azure": "stores", "folder": "folder"}
_WILD = re.compile(r"[*?\[]")


def opened(connection: Connection, notes: list[str]) -> AbstractContextManager[Place]:
    """The place where `connection` leads. Raises SourceError when it cannot be reached or refuses us.

    Loaded when first needed, so that a council without object stores never loads their libraries.
    """
    module = importlib.import_module(f"{__name__}.{_MODULES[connection.kind]}")
    found: AbstractContextManager[Place] = module.opened(connection, notes)
    return found


def found(place: Place, names: Iterable[str]) -> list[str]:
    """The files that `names` (names or patterns) stand for, each once. Raises SourceError where one stands for none."""
    return list(dict.fromkeys(name for pattern in names for name in matching(place, pattern)))


def read(place: Place, names: Iterable[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Each of these files (see `found`): its address without secrets, and a binary stream that can be rewound and is
    good until the next one.

    Raises SourceError: not there, refused, out of reach, or altered while it was read.
    """
    for name in names:
        with ExitStack() as stack:
            try:
                file = stack.enter_context(place.open(name))
            except FileNotFoundError:
                raise _absent(place, name) from None
            yield f"{place.shown}/{name if place.entries else shown(name)}", file


def reach(connection: Connection, names: Iterable[str]) -> None:
    """Raise SourceError when the place does not answer, refuses us, is not there, or lacks one of `names` (not: a
    pattern). A web server, which cannot tell what it has, is asked for the first of them."""
    with opened(connection, []) as place:
        if place.entries is None:
            for name in [name for name in names if "*" not in name][:1]:
                with place.open(name):
                    pass
            return
        try:
            place.entries("")
        except FileNotFoundError:
            raise _no_folder(place) from None
        for name in names:
            if _WILD.search(name):
                continue
            folder, base = posixpath.split(posixpath.normpath(name))
            try:
                here = place.entries(folder)
            except FileNotFoundError:
                here = {}
            if base not in here:
                raise _absent(place, name)


def matching(place: Place, pattern: str) -> list[str]:
    """Names of the files that `pattern` stands for, sorted; a name without wildcards stands for itself.

    `*`, `?` and `[…]` stay within one folder, `**` goes into all below. Hidden files, and what Excel leaves beside an
    open workbook, are found by name only. Raises SourceError when nothing matches.
    """
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise outside(f"{place.shown}/{pattern}", place.shown)
    if place.entries is None:
        if "*" in pattern:  # an address may well hold a question mark or brackets
            raise SourceError(
                f"{place.shown}: '{pattern}' has a wildcard, but a web server does not tell which files it has. Name "
                "them one by one."
            )
        return [pattern]
    if not _WILD.search(pattern):
        return ["/".join(parts)]
    found = sorted(set(_walk(place.entries, "", parts)))
    if not found:
        raise _absent(place, pattern)
    return found


def _walk(entries: Callable[[str], dict[str, bool]], folder: str, parts: list[str]) -> Iterator[str]:
    first, rest = parts[0], parts[1:]
    if rest and not _WILD.search(first):
        yield from _walk(entries, posixpath.join(folder, first), rest)
        return
    if first == "**":
        yield from _walk(entries, folder, rest or ["*"])
    try:
        here = entries(folder)
    except FileNotFoundError:
        return
    for name, is_folder in here.items():
        path = posixpath.join(folder, name)
        if name.startswith((".", "~$")) and not first.startswith(name[0]):
            continue
        if first == "**" and is_folder:
            yield from _walk(entries, path, parts)
        elif first != "**" and fnmatch.fnmatchcase(name, first) and is_folder == bool(rest):
            yield from _walk(entries, path, rest) if rest else [path]


def _absent(place: Place, name: str) -> SourceError:
    """That a file is not there, with what is there instead; or which folder on the way to it is missing."""
    assert place.entries is not None, "a web server says itself what it does not have"
    parts = name.split("/")
    known = next((at for at, part in enumerate(parts[:-1]) if _WILD.search(part)), len(parts) - 1)
    for depth in range(known, -1, -1):
        folder, wanted = "/".join(parts[:depth]), parts[depth]
        try:
            here = place.entries(folder)
        except FileNotFoundError:
            continue
        of_folders = depth < len(parts) - 1
        missing = f", nor a folder '{posixpath.join(folder, wanted)}'" if of_folders and depth < known else ""
        present = sorted(each for each, is_folder in here.items() if is_folder == of_folders)
        has = listed(present[:6]) + (f" and {len(present) - 6} more" if len(present) > 6 else "")
        where = f"'{folder}'" if folder else "The folder"
        return SourceError(
            f"{place.shown}: there is no file '{name}'{missing}.{nearest(wanted, present)} "
            f"{where} has{' the folders' if of_folders else ''}: {has}."
        )
    return _no_folder(place)


def _no_folder(place: Place) -> SourceError:
    return SourceError(f"{place.shown}: there is no such folder. Check connection.location and its variable.")


__all__ = ["Connection", "Place", "matching", "opened", "reach", "read"]
