"""Koop, a real server that speaks ArcGIS, on loopback (tests/servers/koop.js)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SERVERS = Path(__file__).parents[1] / "servers"
LAYER = "council/rest/services/things/FeatureServer/0"

needs_koop = pytest.mark.skipif(
    shutil.which("node") is None or not (SERVERS / "node_modules" / "@koopjs").is_dir(),
    reason="Koop is not installed (see tests/servers/README.md)",
)


@contextmanager
def koop(folder: Path, features: Sequence[dict[str, Any]], fields: dict[str, str], page: int) -> Iterator[str]:
    """Koop over these features (attributes; a point `at` [longitude, latitude]), at most `page` at a time; its address.

    `fields` are names and types as Koop writes them (String, Integer, Date); the object id is `OBJECTID`.
    """
    collection = {
        "type": "FeatureCollection",
        "metadata": {
            "idField": "OBJECTID",
            "maxRecordCount": page,
            "fields": [{"name": name, "type": kind} for name, kind in fields.items()],
        },
        "features": [
            {
                "type": "Feature",
                "properties": {name: value for name, value in feature.items() if name != "at"},
                "geometry": {"type": "Point", "coordinates": feature.get("at", [0, 0])},
            }
            for feature in features
        ],
    }
    path = folder / "things.geojson"
    path.write_text(json.dumps(collection), encoding="utf-8")
    quiet = os.environ | {"SUPPRESS_NO_CONFIG_WARNING": "1"}
    server = subprocess.Popen(["node", "koop.js", str(path)], cwd=SERVERS, env=quiet, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = next(line.split()[1] for line in server.stdout if line.startswith("port "))
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.communicate()
