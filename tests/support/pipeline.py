"""The whole pipeline as people start it: commands in processes of their own, with an environment of their own.
Belongs here: starting, waiting, and reading what a council's data folder holds. Not here: what must hold of it."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb

ROOT = Path(__file__).resolve().parents[2]
BINARIES = Path(sys.executable).parent
SHARED = ROOT.parent / "shared" / "data"
SEED = 1373
SCALE = 0.1  # of the fictional city: enough people for every measure, and a run takes little more than its fixed cost
QUARTER = "2026-27-Q2"
SINCE = "2025-26-Q1"  # the small town's history: HR01 looks back twelve months, its change another three

_OURS = ("VITALS_", "DAGSTER_", "DBT_")
# Given empty where a test does not set them: a developer's own environment, or .env file, must not decide what it sees.
_NAMED = {
    name
    for path in (ROOT / "councils").glob("*/sources/*.yaml")
    for name in re.findall(r"\$\{(\w+)\}", path.read_text(encoding="utf-8"))
}
_EMPTY = (
    *("VITALS_COUNCIL", "VITALS_COUNCILS", "VITALS_DATA", "DAGSTER_HOME"),
    *(variable for name in sorted(_NAMED) for variable in (name, f"{name}_FILE")),
)


def clean_environment(**added: str) -> dict[str, str]:
    """This process's environment without anything that the pipeline itself would heed, and with what is added."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return kept | dict.fromkeys(_EMPTY, "") | {"COLUMNS": "200", "NO_COLOR": "1"} | added


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What it printed, each line with its blanks squeezed."""
        return [" ".join(line.split()) for line in self.out.splitlines() if line.strip()]


@dataclass(frozen=True)
class Vitals:
    """The command `vitals` working on one data folder."""

    base: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    council: str = "brigstow"

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 400) -> Ran:
        done = subprocess.run(
            [BINARIES / "vitals", *arguments],
            env=self._environment(),
            cwd=self.base,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The command, under way; what it prints can be read line by line."""
        return subprocess.Popen(
            [BINARIES / "vitals", *arguments],
            env=self._environment(),
            cwd=self.base,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def with_environment(self, **changed: str) -> Vitals:
        """The same data in another environment."""
        return Vitals(self.base, {**self.environment, **changed}, self.council)

    def copied(self, base: Path) -> Vitals:
        """A copy of the council's data, to go on with from here."""
        shutil.copytree(self.data, base / self.council, symlinks=True)
        return Vitals(base, self.environment, self.council)

    @property
    def data(self) -> Path:
        """The council's data folder."""
        return self.base / self.council

    @property
    def curated(self) -> Path:
        """The database that analysts read."""
        return self.data / "curated.duckdb"

    @property
    def releases(self) -> Path:
        """The folder of releases."""
        return self.data / "releases"

    @property
    def current(self) -> str:
        """Where `current` points, such as `2026-27-Q2/r1`; empty when there is none."""
        link = self.releases / "current"
        return str(link.readlink()) if link.is_symlink() else ""

    @property
    def published(self) -> list[str]:
        """Every release there is, such as `2026-27-Q2/r1`."""
        return sorted(f"{path.parent.name}/{path.name}" for path in self.releases.glob("[!.]*-Q*/r*"))

    def manifest(self, release: str = "current") -> dict[str, Any]:
        """What a release says of itself."""
        content: dict[str, Any] = json.loads((self.releases / release / "manifest.json").read_text(encoding="utf-8"))
        return content

    def page(self, release: str = "current") -> str:
        """The page of organisational health."""
        return (self.releases / release / "site" / "index.html").read_text(encoding="utf-8")

    def raw(self) -> list[str]:
        """Every file below raw, hidden ones too."""
        return files(self.data / "raw")

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows from the curated database."""
        with duckdb.connect(str(self.curated), read_only=True) as con:
            con.execute("set timezone = 'UTC'")
            return con.execute(sql).fetchall()

    def _environment(self) -> dict[str, str]:
        return clean_environment(**{"VITALS_DATA": str(self.base), "VITALS_COUNCIL": self.council, **self.environment})


@dataclass(frozen=True)
class Quarter:
    """A council after a run."""

    vitals: Vitals
    ran: Ran


def ran_well(vitals: Vitals, *arguments: str) -> Quarter:
    """The council after a command that must end well."""
    ran = vitals(*arguments)
    assert ran.code == 0, ran.out + ran.err
    return Quarter(vitals, ran)


def own_systems(systems: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The sandbox's systems with copies in `folder` of the files, databases and folders that they are, free to be
    changed. Its servers are shared."""
    folder.mkdir(exist_ok=True)
    copies = {name: str(folder / Path(place).name) for name, place in systems.items() if Path(place).exists()}
    for name, copy in copies.items():
        (shutil.copytree if Path(systems[name]).is_dir() else shutil.copy)(systems[name], copy)
    return {**systems, **copies}


def files(folder: Path) -> list[str]:
    """Every file below `folder`, hidden ones too, as sorted relative names."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def fingerprint(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder`."""
    return {name: sha256(folder / name) for name in files(folder)}


def sha256(path: Path) -> str:
    """The file's checksum, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], Any], process: subprocess.Popen[str], seconds: float = 180) -> Any:
    """The first truthy answer of `condition` while the process lives. Fails when it ends, or takes very long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := condition():
            return answer
        if process.poll() is not None:
            said = process.stderr.read() if process.stderr is not None else ""
            raise AssertionError(f"{process.args} ended with {process.returncode} before its time:\n{said}")
        time.sleep(0.005)
    raise AssertionError(f"{process.args}: waited {seconds:.0f} seconds in vain")


def get(address: str) -> tuple[int, str] | None:
    """Status and body of an address on loopback; None when nobody answers there yet."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return None
    finally:
        connection.close()


def end(process: subprocess.Popen[str]) -> None:
    """End a process that the test started, and wait for it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
