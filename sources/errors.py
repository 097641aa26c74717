"""What can go wrong before a row is landed, in words a person can act on. No logic beyond wording."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class ConfigurationError(Exception):
    """The council's configuration is wrong. Carries every problem found, each naming file, key and remedy."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class SourceError(Exception):
    """A source could not be read, or what it gave cannot be landed. Nothing of that extract has landed."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint such as " Did you mean 'cursor'?" when something known is close to `word`, else an empty string."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{match[0]}'?" if match else ""


def listed(words: Iterable[str]) -> str:
    """`a, b, c` in single quotes, for messages; 'none' when there is nothing to list."""
    return ", ".join(f"'{word}'" for word in words) or "none"


def not_yaml(error: Exception) -> str:
    """What a YAML parser says, in one line: `line 4: not valid YAML: …`."""
    mark = getattr(error, "problem_mark", None)
    line = f"line {mark.line + 1}: " if mark else ""
    return f"{line}not valid YAML: {getattr(error, 'problem', None) or error}."


def shown_path(path: Path) -> Path:
    """The path as messages and origins show it: from the project's root where it lies there."""
    root = Path(__file__).resolve().parent.parent
    return path.resolve().relative_to(root) if path.resolve().is_relative_to(root) else path
