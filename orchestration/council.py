"""`council.yaml`: who the council is, its calendar and how it speaks of itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import pydantic
import yaml

from sources.config import explain
from sources.errors import ConfigurationError, listed, nearest, shown_path
from sources.periods import Quarter
from sources.sandbox import SYSTEMS


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Calendar(_Strict):
    """`first_period` is where history begins; `last_period` where it ends, for a council whose data do not go on.
    The quarter runs `working_days_after` working days after a quarter has ended."""

    first_period: str
    last_period: str | None = None
    working_days_after: int = pydantic.Field(15, ge=1, le=60)

    @pydantic.field_validator("first_period", "last_period")
    @classmethod
    def _period(cls, value: str | None) -> str | None:
        return Quarter.parse(value).code if value else value


class Sandbox(_Strict):
    """The council's source systems come with the project and are served on loopback while a quarter runs. `systems`
    says which set of them; another `seed` makes another council of the same kind."""

    systems: str
    seed: int

    @pydantic.field_validator("systems")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in SYSTEMS:
            raise ValueError(
                f"'{value}' is not a set of systems that comes with the project.{nearest(value, SYSTEMS)} "
                f"Known: {listed(SYSTEMS)}."
            )
        return value


class Retention(_Strict):
    """For how many days things are kept that no release needs; `vitals prune` removes what is older. Without
    `extracts_days`, extracts that gave way to newer ones are kept for ever. Releases always are."""

    builds_days: int = pydantic.Field(default=30, ge=1)
    run_logs_days: int = pydantic.Field(default=400, ge=1)
    extracts_days: int | None = pydantic.Field(default=None, ge=1)


class Disclosure(_Strict):
    """What the public edition hides: counts of people from 1 to `threshold`, and whatever would give them away. What is
    left must allow each hidden number a range of at least `width`."""

    threshold: int = pydantic.Field(default=7, ge=1)
    width: int = pydantic.Field(default=3, ge=1)


class Council(_Strict):
    """One council. `area_code` is its statistical code, `accent` its colour on pages: dark, for text on white.
    `default` is true of the one that is meant where nobody names a council. `restricted_tables`: whether tables of
    single addresses are kept, in a file of their own; without it there are none. `corrections: required`: a figure that
    was published as final may change only when somebody has written why; `marked`: a check warns of it."""

    id: str
    default: bool = False
    name: str
    fictional: bool
    area_code: str
    contact: str
    accent: str = pydantic.Field("#0b5c6b", pattern="^#[0-9a-f]{6}$")
    restricted_tables: bool = False
    corrections: Literal["marked", "required"] = "marked"
    retention: Retention = Retention()
    disclosure: Disclosure = Disclosure()
    calendar: Calendar
    sandbox: Sandbox | None = None

    @pydantic.field_validator("accent")
    @classmethod
    def _legible(cls, value: str) -> str:
        if _contrast_on_white(value) < 4.5:
            raise ValueError(
                f"'{value}' is too light for text on white (WCAG 2.2 asks for a contrast of 4.5). Darken it."
            )
        return value

    @property
    def label(self) -> str:
        """The name as every page and file shows it: a fictional council says so."""
        return f"{self.name} (fictional)" if self.fictional else self.name

    @property
    def first_quarter(self) -> Quarter:
        """Where history begins."""
        return Quarter.parse(self.calendar.first_period)

    def last_complete_quarter(self, today: date) -> Quarter:
        """The newest quarter there can be a release of."""
        last = Quarter.last_complete(today)
        return min(last, Quarter.parse(self.calendar.last_period)) if self.calendar.last_period else last


def _contrast_on_white(colour: str) -> float:
    """Contrast ratio of `#rrggbb` on white, 1 to 21. WCAG 2.2, definitions of relative luminance and contrast ratio."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)


def says_it_is_meant(path: Path) -> bool:
    """Whether the council described by `path` says `default: true`; what else it says is not looked at."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError:
        return False
    return isinstance(content, dict) and content.get("default") is True


def load_council(path: Path) -> Council:
    """The council described by `path`. Raises ConfigurationError naming file, key and remedy."""
    shown = str(shown_path(path))
    try:
        council = Council.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{shown}: not valid YAML: {error}") from None
    except pydantic.ValidationError as error:
        raise ConfigurationError(explain(error, shown, Council)) from None
    if council.id != path.parent.name:
        raise ConfigurationError(f"{shown}: id: is '{council.id}', but the folder is '{path.parent.name}'.")
    return council
