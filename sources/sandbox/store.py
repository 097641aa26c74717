"""Keeps the generated data of the sandbox: made once, whole or not at all, made anew when its makers change."""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import shutil
from pathlib import Path
from types import ModuleType

# What sets of systems there are. A module offers GENERATORS, modules with `generate(folder, seed, scale)` that write
# the data of one system, and `serving(data)`, a context in which those systems run; it gives their environment, the
# names in which are VARIABLES.
SYSTEMS = {"city": "sources.sandbox.city_systems", "district": "sources.sandbox.district"}
_UNFINISHED = "unfinished-"


def named(systems: str) -> ModuleType:
    """The module of a set of systems."""
    return importlib.import_module(SYSTEMS[systems])


def ensure(folder: Path, seed: int, scale: float = 1.0, systems: str = "city") -> Path:
    """The folder inside `folder` that holds the data of `seed` at `scale` (1 is the whole council); makes it if need
    be.

    The data are written aside and renamed, so a generation that was killed leaves nothing that is taken for whole.
    Data that other versions of the generators made are removed. Safe to call from several processes. Raises
    ValueError for a scale below 0.02 (too few rows to plant the faults in) or above 1.
    """
    if not 0.02 <= scale <= 1:
        raise ValueError(f"scale is {scale}; it goes from 0.02 to 1")
    folder.mkdir(parents=True, exist_ok=True)
    version = generator_version()
    data = folder / f"{version}-{seed}-{scale:g}"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if data.is_dir():
            return data
        for old in folder.iterdir():
            if old.is_dir() and not old.name.startswith(version):
                shutil.rmtree(old)
        unfinished = folder / f"{_UNFINISHED}{data.name}"
        unfinished.mkdir()
        for generator in named(systems).GENERATORS:
            generator.generate(unfinished, seed, scale)
        unfinished.rename(data)
    return data


def generator_version() -> str:
    """Twelve digits that change whenever the code that makes the data does."""
    code = b"\0".join(path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py")))
    return hashlib.sha256(code).hexdigest()[:12]
