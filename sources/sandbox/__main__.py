"""`python -m sources.sandbox FOLDER`: run the sandbox systems in the foreground and print where they are."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import threading
from pathlib import Path

from sources.sandbox import SYSTEMS, running


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m sources.sandbox", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the data are kept")
    parser.add_argument("--systems", choices=SYSTEMS, default="city", help="whose systems (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1373, help="another seed is another council (default: %(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the council, 0 to 1 (default: %(default)s)")
    arguments = parser.parse_args()
    with (
        running(arguments.folder, arguments.seed, arguments.scale, arguments.systems) as environment,
        contextlib.suppress(KeyboardInterrupt),
    ):
        for name, value in environment.items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
