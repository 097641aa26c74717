"""Where things lie and which council is meant: VITALS_COUNCIL, VITALS_COUNCILS, VITALS_DATA and what they lead to."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from dotenv import load_dotenv

from orchestration.council import Council, load_council, says_it_is_meant
from sources import secrets
from sources.config import Source, load_sources
from sources.contract import Contract, load_contracts
from sources.errors import ConfigurationError, listed, nearest, shown_path

ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT = ROOT / "dbt_project"
# What people wrote down, matched to the gazetteer: made by the pipeline itself of what two sources land.
MATCHES, GAZETTEER, ADDRESSES_WRITTEN_DOWN = "addresses.matches", "areas.uprns", "complaints.service_requests"
CHANGED = ".changed"  # ends the version of code that differs from its commit
COUNCILS = ROOT / "councils"  # unless VITALS_COUNCILS names another folder, say of a repository of the council's own


@dataclass(frozen=True)
class Settings:
    """One council's configuration and folders. Nothing here touches a network, a credential or a database."""

    name: str
    base: Path
    councils: Path = COUNCILS

    @property
    def folder(self) -> Path:
        """`councils/<name>`, or `<VITALS_COUNCILS>/<name>`."""
        return self.councils / self.name

    @property
    def data(self) -> Path:
        """`<VITALS_DATA>/<name>`: raw, rejected, curated.duckdb, releases."""
        return self.base / self.name

    @property
    def build(self) -> Path:
        """The database that dbt writes; private until every check has passed."""
        return self.data / "build.duckdb"

    @property
    def curated(self) -> Path:
        """The database that analysts and exports read."""
        return self.data / "curated.duckdb"

    @property
    def rebuilt(self) -> Path:
        """The same for an earlier quarter, or as of an earlier moment: what analysts read does not go back in time."""
        return self.data / "rebuilt.duckdb"

    @property
    def restricted(self) -> Path:
        """Tables of single addresses, for the few who may see them; there only where council.yaml asks for it."""
        return self.data / "restricted.duckdb"

    @property
    def releases(self) -> Path:
        """Folder of immutable releases."""
        return self.data / "releases"

    @property
    def dbt_target(self) -> Path:
        """Where dbt keeps the compiled SQL and the results of this council's builds."""
        return self.data / "dbt"

    @cached_property
    def council(self) -> Council:
        """council.yaml. Raises ConfigurationError."""
        return load_council(self.folder / "council.yaml")

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        """Every contract, by name. Raises ConfigurationError."""
        return load_contracts()

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The council's source systems. Raises ConfigurationError."""
        return load_sources(self.folder / "sources", self.contracts)

    def declared(self) -> list[tuple[Source, Contract]]:
        """Every dataset of the council with its source, in a stable order."""
        return [(source, contract) for source in self.sources.values() for contract in source.datasets.values()]

    def matches(self) -> Contract | None:
        """The dataset that the pipeline makes itself of others; None where the council does not declare those."""
        declared = {contract.name for _, contract in self.declared()}
        return self.contracts[MATCHES] if {GAZETTEER, ADDRESSES_WRITTEN_DOWN} <= declared else None

    def owners(self) -> dict[str, str]:
        """Who answers for each dataset that lands, by the contract's name: the source's owner, or for what the pipeline
        makes itself the council's contact."""
        owners = {contract.name: source.owner for source, contract in self.declared()}
        return owners | ({MATCHES: self.council.contact} if self.matches() else {})


def settings(council: str | None = None) -> Settings:
    """Settings of `council` (None: VITALS_COUNCIL, else the only one there is, else the one that says it is meant).
    Raises ConfigurationError for an unknown one, and where it is not clear which is meant.

    Also tells dbt, and processes started from here, through the environment which council is meant.
    """
    load_dotenv(ROOT / ".env")
    secrets.guard_logs()
    councils = Path(os.environ.get("VITALS_COUNCILS") or COUNCILS).expanduser().resolve()
    known = sorted(path.parent.name for path in councils.glob("*/council.yaml"))
    name = council or os.environ.get("VITALS_COUNCIL") or _meant(councils, known)
    if name not in known:
        raise ConfigurationError(
            f"{shown_path(councils / name)}: no such council.{nearest(name, known)} Councils: {listed(known)}."
        )
    base = Path(os.environ.get("VITALS_DATA") or ROOT / "data").expanduser().resolve()
    chosen = Settings(name, base, councils)
    os.environ["VITALS_COUNCIL"] = name
    os.environ["VITALS_COUNCILS"] = str(councils)
    os.environ["VITALS_DATA"] = str(base)
    os.environ["VITALS_BUILD"] = str(chosen.build)
    return chosen


def _meant(councils: Path, known: list[str]) -> str:
    """The council where nobody names one."""
    said = [name for name in known if len(known) == 1 or says_it_is_meant(councils / name / "council.yaml")]
    if len(said) != 1:
        raise ConfigurationError(
            f"{shown_path(councils)}: which council is meant? Name it with --council or VITALS_COUNCIL, or say "
            f"`default: true` in the council.yaml of one. Councils: {listed(known)}."
        )
    return said[0]


def code_version() -> str:
    """The version of code and configuration: `0.1.0+1a2b3c4d5e6f`, with `.changed` where a file differs from that
    commit; the number alone where the project is no git checkout."""
    number = version("council-vitals")
    git = ["git", "-C", str(ROOT)]
    try:
        commit = subprocess.run(
            [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return number
    return f"{number}+{commit}{CHANGED if changed else ''}"


def dagster_home(chosen: Settings) -> Path:
    """The folder of the council's Dagster instance: DAGSTER_HOME where it is set, else beside the council's data, with
    the project's dagster.yaml. Made if it is not there, and told to Dagster through the environment."""
    named = os.environ.get("DAGSTER_HOME")
    home = Path(named) if named else chosen.data / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    if not named:
        shutil.copyfile(ROOT / "dagster.yaml", home / "dagster.yaml")
        os.environ["DAGSTER_HOME"] = str(home)
    return home
