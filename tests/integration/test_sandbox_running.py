"""The sandbox as a whole: its servers keep connections, stop when it stops, and run from the command line."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sources.sandbox import running


def test_connections_are_kept_and_end_with_the_sandbox(tmp_path: Path) -> None:
    with running(tmp_path, 7, scale=0.02) as environment:
        connection = http.client.HTTPConnection(urlsplit(environment["OPEN_DATA_URL"]).netloc, timeout=10)
        connection.connect()
        socket = connection.sock
        for _ in range(3):
            connection.request("GET", "/nowhere")
            answer = connection.getresponse()
            assert (answer.status, answer.read()[:1]) == (404, b"{")
            assert connection.sock is socket, "the same connection serves again"
    with pytest.raises((http.client.RemoteDisconnected, OSError)):
        connection.request("GET", "/nowhere")
        connection.getresponse()
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        connection.connect()


def test_each_run_has_a_secret_of_its_own(tmp_path: Path) -> None:
    secrets = []
    for _ in range(2):
        with running(tmp_path, 7, scale=0.02) as environment:
            secrets.append(environment["COMPLAINTS_CLIENT_SECRET"])
    assert secrets[0] != secrets[1]
    assert min(map(len, secrets)) >= 32


def test_the_sandbox_runs_by_itself_until_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sources.sandbox", str(tmp_path), "--scale", "0.02"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(16)]
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0
    names = [re.fullmatch(r"export ([A-Z_]+)=\S+\n", line) for line in lines]
    assert {match[1] for match in names if match} == {
        "HR_DATABASE",
        "HR_PSEUDONYM_KEY",
        "FINANCE_FOLDER",
        "RISK_FOLDER",
        "AUDIT_FOLDER",
        "REVENUES_DATABASE",
        "SOCIAL_CARE_DATABASE",
        "HOUSING_FOLDER",
        "WASTE_FOLDER",
        "RETURNS_FOLDER",
        "AREAS_FOLDER",
        "DEFLATORS_FOLDER",
        "COMPLAINTS_URL",
        "COMPLAINTS_CLIENT_ID",
        "COMPLAINTS_CLIENT_SECRET",
        "OPEN_DATA_URL",
    }
