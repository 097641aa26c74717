"""What a page of the site is and where it lies.
Belongs here: addresses, and links to pages that are there. Not here: what pages show (measures, lists, places)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from markupsafe import Markup


class Drawn(NamedTuple):
    """A page to render: its path in the site, its template and what the template needs; bytes where there is none."""

    path: str
    template: str | None
    context: Any


def file_name(identifier: str) -> str:
    """An id as part of a file's name: letters, figures, '.', '_' and '-' stay; anything else becomes its code."""
    return re.sub(r"[^A-Za-z0-9._-]", lambda found: f"_{ord(found[0]):x}_", identifier)


def page_path(kind: str, identifier: object) -> str:
    """Where a page lies: 'measures', 'outcomes', 'units', 'portfolios' or 'areas', and the id."""
    return f"{kind}/{file_name(str(identifier))}.html"


@dataclass(frozen=True)
class Links:
    """Names that become links where the page is there."""

    known: Collection[str]

    def has_page(self, path: str) -> bool:
        """Whether the site has it."""
        return path in self.known

    def href(self, root: str, kind: str, identifier: object, text: object) -> Markup | str:
        """The name as a link to its page, relative by `root` ('', '../'); the mere name where there is no page."""
        return self.to(root, page_path(kind, identifier), text)

    def to(self, root: str, path: str, text: object) -> Markup | str:
        """The same for a path."""
        if path not in self.known:
            return text if isinstance(text, Markup) else str(text)
        return Markup('<a href="{}{}">{}</a>').format(root, path, text)
