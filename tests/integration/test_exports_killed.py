"""A release killed outright, at every point where it touches the disk: only whole releases are ever seen.
The same cuts as exceptions, with what the next run does, are tested in tests/unit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from exports_fixture import make_curated, write_manifest

UNIT = Path(__file__).parents[1] / "unit"
# Publishes in a child for each n, killed without warning at the n-th operation that others could see; prints what is
# visible after each. It ends with the n at which nothing was left to be killed. A script of its own, so that the fork
# happens in a process without threads.
SCRIPT = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from exports_fixture import FACTS
from exports import publish, verify
curated, manifest, releases = (Path(argument) for argument in sys.argv[2:5])

def deadly(function, countdown=[0]):
    def wrapped(*args, **kwargs):
        countdown[0] -= 1
        if countdown[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    wrapped.countdown = countdown
    return wrapped

n, state = 0, None
while state != 0:
    n += 1
    child = os.fork()
    if child == 0:
        os.fsync = deadly(os.fsync)
        for name in ("mkdir", "rename", "symlink_to", "replace", "write_bytes"):
            setattr(Path, name, deadly(getattr(Path, name)))
        os.fsync.countdown[0] = n
        publish(curated, manifest, releases, FACTS)
        os._exit(0)
    _, state = os.waitpid(child, 0)
    assert state in (0, signal.SIGKILL), state
    whole = [folder for folder in releases.glob("[!.]*/r*") if not folder.parent.is_symlink()]
    assert all(verify(folder) == [] for folder in whole), whole
    current = releases / "current"
    assert not current.is_symlink() or verify(current.resolve()) == []
    print(n, len(whole), current.is_symlink(), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork to be killed cheaply")
def test_only_whole_releases_are_ever_seen(tmp_path: Path) -> None:
    curated, manifest = make_curated(tmp_path / "curated.duckdb"), write_manifest(tmp_path / "manifest.json")
    releases = tmp_path / "releases"
    command = [sys.executable, "-c", SCRIPT, str(UNIT), str(curated), str(manifest), str(releases)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    seen = [tuple(line.split()) for line in done.stdout.splitlines()]
    assert len(seen) > 20  # it was killed that often
    assert {(whole, current) for _, whole, current in seen} == {("0", "False"), ("1", "False"), ("1", "True")}
    assert seen[-1][1:] == ("1", "True")
    assert sorted(path.name for path in releases.iterdir()) == [
        ".lock",
        "2026-27-Q2",
        "current",
        "inputs.json",
        "numbers.json",
    ]
