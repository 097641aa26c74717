"""Secrets: read from the environment or a mounted file when a source is read, and scrubbed from all that is told.

A value is secret by the name under which it stands (`password`, `client_secret`, …), for most variables are places and
must stay readable. Known secrets live in this process only, and no longer than it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "•••"
SHORTEST = 6  # characters: what is shorter stands in half of all words, and would make every log unreadable

VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_SECRET = {"password", "passphrase", "pwd", "secret", "token", "key", "sas", "credential", "credentials"}
_SECRET |= {"value"}  # of an API key: `auth: {kind: api_key, name, value}`
_PUBLIC = re.compile(r"_(file|path|id|url|uri|name)$|^host_key$|_host_key$")  # where a secret lies, or its public half
_known: set[str] = set()
_pattern: re.Pattern[str] | None = None


def is_secret(name: str) -> bool:
    """Whether what stands under this key of the YAML, or in this variable, is a secret."""
    return not _PUBLIC.search(name.lower()) and not _SECRET.isdisjoint(name.lower().split("_"))


def variables(value: Any) -> list[str]:
    """Names of the variables in a value of the YAML, at whatever depth, each once."""
    return list(dict.fromkeys(name for text in _texts(value) for name in VARIABLE.findall(text)))


def written_out(value: Any, place: str) -> Iterator[str]:
    """Places in the YAML, from `place` on, at which a secret itself stands instead of a variable."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from written_out(item, f"{place}.{name}")
    elif isinstance(value, str) and is_secret(place.rpartition(".")[2]) and not VARIABLE.search(value):
        yield place


def problem(name: str) -> str | None:
    """Why the variable `name` cannot be read, and what to do; None when it can."""
    path = os.environ.get(f"{name}_FILE")
    if os.environ.get(name):
        return f"{name} and {name}_FILE are both set. Keep one of them." if path else None
    if not path:
        return (
            f"the environment variable {name} is not set. Set it where this command runs, or in the file .env beside "
            "the README."
        )
    try:
        content = _content(path)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        return f"{path}, the file that {name}_FILE names, cannot be read ({why}). Mount it, or set {name} itself."
    return (
        None if content else f"{path}, the file that {name}_FILE names, is empty. It should hold the value of {name}."
    )


def resolve(value: Any, key: str = "") -> Any:
    """A value of the YAML with its variables filled in, every one of which must be readable. What is a secret, by the
    key or the variable's name, is known from here on to `scrub`."""
    if isinstance(value, Mapping):
        return {name: resolve(item, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, key) for item in value]
    if not isinstance(value, str):
        return value
    resolved = VARIABLE.sub(lambda match: _read(match[1]), value)
    if is_secret(key):
        register(resolved)
    return resolved


def register(secret: str) -> None:
    """Scrub this from now on, in every spelling that messages and addresses could give it."""
    global _pattern
    lines = [line.strip() for line in secret.splitlines()] if "\n" in secret else []  # of a private key
    pieces = {secret, secret.strip(), *(line for line in lines if len(line) > 15 and not line.startswith("---"))}
    spelt = {form for piece in pieces for form in (piece, quote(piece, safe=""), quote(piece), quote_plus(piece))}
    spelt |= {form for piece in pieces for form in (json.dumps(piece)[1:-1], repr(piece)[1:-1], *_encoded(piece))}
    _known.update(form for form in spelt if len(form) >= SHORTEST)
    # The longest first: a secret may begin like another one.
    _pattern = re.compile("|".join(re.escape(form) for form in sorted(_known, key=len, reverse=True)) or r"(?!)")


def _encoded(piece: str) -> Iterator[str]:
    """What of a text in Base64 this makes sure of, wherever it begins in that text: servers repeat headers."""
    for before in range(3):
        encoded = b64encode(b"\0" * before + piece.encode()).decode().rstrip("=")
        yield encoded[(0, 2, 3)[before] : len(encoded) - ((before + len(piece.encode())) % 3 > 0)]


def forget() -> None:
    """Know no secret any more: for a process that goes on to another council's."""
    global _pattern
    _known.clear()
    _pattern = None


def scrub(text: str) -> str:
    """The text with every known secret in it hidden."""
    return _pattern.sub(HIDDEN, text) if _pattern is not None else text


def guard_logs() -> None:
    """Scrub every log record of this process from now on, whichever library makes it."""
    former = logging.getLogRecordFactory()
    if getattr(former, "is_guarding", False):
        return

    def made(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = former(*args, **kwargs)
        # What cannot be put together is logging's to complain of, not ours.
        with contextlib.suppress(TypeError, ValueError):
            message = record.getMessage()
            if (scrubbed := scrub(message)) != message:
                record.msg, record.args = scrubbed, ()
        if _pattern is not None and record.exc_info:
            record.exc_text = scrub(logging.Formatter().formatException(record.exc_info))
        return record

    made.is_guarding = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(made)


def _read(name: str) -> str:
    value = os.environ.get(name) or _content(os.environ[f"{name}_FILE"])
    if is_secret(name):
        register(value)
    return value


def _content(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").rstrip("\r\n")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
