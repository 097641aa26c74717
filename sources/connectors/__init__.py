"""Ways of fetching, one module each. A connector offers `Connection`, `Request`, `extract` and `reach`.

Imported by name when first used, so that a council without workbooks never loads a workbook reader.
"""

from __future__ import annotations

import importlib
from types import ModuleType

KINDS = (
    "arcgis",
    "ckan",
    "database",
    "explore_education_statistics",
    "files",
    "fingertips",
    "govuk_content",
    "lg_inform",
    "nomis",
    "ons",
    "opendatasoft",
    "python",
    "rest",
    "socrata",
)

LOOPBACK = ("127.0.0.1", "localhost", "::1")  # hosts that are this machine: nobody listens in between

# These can ask for what has changed since a moment. The others read what is there, whole: a file of a quarter long past
# may have been sent again, corrected.
ASK_FOR_CHANGES = ("database", "python", "rest")


def named(kind: str) -> ModuleType:
    """The connector called `kind`, one of KINDS."""
    return importlib.import_module(f"sources.connectors.{kind}")
