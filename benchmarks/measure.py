"""One measurement: a command in a process of its own, its wall time and the peak memory of it and its children."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Measured:
    """Wall seconds, peak resident bytes (all processes together), and what a part told of itself."""

    seconds: float
    peak_bytes: int
    told: dict[str, float]


def command(arguments: list[str], environment: dict[str, str] | None = None) -> Measured:
    """Run a command and measure it. Raises RuntimeError with its output when it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    )
    peak = _Peak(process.pid)
    peak.start()
    output, errors = process.communicate()
    seconds = time.perf_counter() - began
    peak.stop()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{output}\n{errors}")
    last = output.strip().splitlines()[-1] if output.strip() else ""
    return Measured(seconds, peak.bytes, json.loads(last) if last.startswith("{") else {})


def part(name: str, *arguments: str, environment: dict[str, str] | None = None) -> Measured:
    """Run one of `benchmarks.parts` in a process of its own; `told` is what it printed as JSON on its last line."""
    return command([sys.executable, "-m", "benchmarks.parts", name, *arguments], environment)


class _Peak(threading.Thread):
    """Samples the memory of a process tree; good to a few per cent, which is what a budget needs."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._process = psutil.Process(pid)
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.02):
            total = 0
            try:
                for process in [self._process, *self._process.children(recursive=True)]:
                    total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
            self.bytes = max(self.bytes, total)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def folder_bytes(folder: Path) -> int:
    """Size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
