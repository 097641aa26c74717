"""`make ui`: Dagster's own interface and the released page side by side, on loopback, until interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestration.settings import ROOT, dagster_home, settings


def main(council: Annotated[str | None, typer.Option("--council")] = None, port: int = 3000) -> None:
    """Start both; end both when either ends."""
    chosen = settings(council)
    dagster_home(chosen)
    binaries = Path(sys.executable).parent
    servers = [
        subprocess.Popen([binaries / "dagster", "dev", "--host", "127.0.0.1", "--port", str(port)], cwd=ROOT),
    ]
    if (chosen.releases / "current").exists():
        servers.append(subprocess.Popen([binaries / "vitals", "serve", "--council", chosen.name], cwd=ROOT))
    else:
        print(f"Nothing has been published for {chosen.council.label} yet: run `make quarter` to have a page to read.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that whoever ends this ends the servers, too
    try:
        servers[0].wait()
    except KeyboardInterrupt:
        print()
    finally:
        for server in servers:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    typer.run(main)
