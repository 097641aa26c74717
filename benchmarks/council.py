"""The bundled council that is measured, in a folder of its own."""

from __future__ import annotations

import os
from pathlib import Path

from orchestration.settings import Settings, settings
from sources.periods import Quarter

COUNCIL = "brigstow"


def council(folder: Path) -> Settings:
    """The council, with its data in `folder`."""
    os.environ["VITALS_DATA"] = str(folder)
    return settings(COUNCIL)


def last_quarter(chosen: Settings) -> Quarter:
    """The last quarter that its source systems know of."""
    return Quarter.parse(chosen.council.calendar.last_period or "")
