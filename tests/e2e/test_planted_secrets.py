"""Secrets are planted in a council, its sources run, some well and some badly, against servers that repeat whatever
they are shown; then everything that was printed or written is searched for them."""

from __future__ import annotations

import re
import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml
from support.fault_server import Answer, Asked, FaultServer, closed_port, faults
from support.pipeline import QUARTER, ROOT, Vitals

KEPT = ("framework", "complaints", "hr", "finance")  # what a release needs
PLANTED = {
    "HR_PSEUDONYM_KEY": "pseudonyms-7f3d0c9a51e24b68",
    "CARE_TOKEN": "bearer.Zm9v-Pz8/9+q=",
    "HOUSING_KEY": "api key/in?the&query",
    "WASTE_PASSWORD": "basic pässword: 100%",
    "PLAN_SECRET": "client-secret-2b9e61",
    "SURVEY_SAS": "sv=2024-08-04&sig=Yx%2Fplanted%2BpZQ%3D",
    "REVENUES_PASSWORD": "pg'pass\\word",
    "DEFLATORS_KEY": "a-key-that-is-taken-0042",
    "TILL_TOKEN": "token-of-the-hook-55aa",
}
PRIVATE_KEY = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktcGxhbnRlZC1oZXJl\n-----END OPENSSH PRIVATE KEY-----\n"
)
ISSUED = "issued-access-token-9d3c"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
HOOK = """
import logging

from sources.errors import SourceError


def prices(start, end, connection):
    logging.getLogger("till").warning("asking with %s", connection["token"])
    raise SourceError(f"the till does not like {connection['token']}")
"""


def repeated(asked: Asked) -> Answer:
    """A refusal that repeats all that was asked, as some gateways do."""
    return Answer(
        {"error": {"message": f"{asked.target} {dict(asked.query)} {dict(asked.headers)} {dict(asked.form)}"}}, 403
    )


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    gdp = {"vintage_date": "2026-03-03", "financial_year": "2025-26", "index_value": "100", "is_forecast": "false"}
    scripts = {path: [repeated] for path in ("/care", "/housing", "/waste", "/plan")}
    with faults({**scripts, "/token": [Answer({"access_token": ISSUED})], "/gdp": [Answer([gdp])]}) as found:
        yield found


def rest(system: str, path: str, dataset: str, auth: Mapping[str, Any]) -> dict[str, Any]:
    params = {} if dataset == "gdp" else {"params": {"from": "{period.start}"}}
    connection = {"base_url": "${ECHO_URL}", "auth": dict(auth)}
    return document(system, "rest", connection, {dataset: {"request": {"path": path, **params}}})


def document(system: str, connector: str, connection: Mapping[str, Any], datasets: Mapping[str, Any]) -> dict[str, Any]:
    owner = f"{system}@sampleton.example"
    return {"system": system, "owner": owner, "connector": connector, "connection": connection, "datasets": datasets}


def planted_sources() -> list[dict[str, Any]]:
    oauth = {"kind": "oauth2_client_credentials", "token_path": "/token", "client_id": "vitals"}
    closed = closed_port().removeprefix("http://")
    return [
        rest("social_care", "/care", "requests", {"kind": "bearer", "token": "${CARE_TOKEN}"}),
        rest(
            "housing",
            "/housing",
            "duties",
            {"kind": "api_key", "name": "key", "value": "${HOUSING_KEY}", "in": "query"},
        ),
        rest("waste", "/waste", "tonnages", {"kind": "basic", "username": "vitals", "password": "${WASTE_PASSWORD}"}),
        rest("plan", "/plan", "milestones", {**oauth, "client_secret": "${PLAN_SECRET}"}),
        rest("deflators", "/gdp", "gdp", {"kind": "api_key", "name": "k", "value": "${DEFLATORS_KEY}", "in": "query"}),
        document(
            "survey",
            "files",
            {
                "location": "azure://surveys/quality",
                "account": "sampleton",
                "endpoint": f"http://{closed}/sampleton",
                "sas_token": "${SURVEY_SAS}",
            },
            {"quality_of_life": {"files": "*.csv"}},
        ),
        document(
            "areas",
            "files",
            {"location": f"sftp://vitals@{closed}/out", "host_key": HOST_KEY, "private_key_file": "${AREAS_KEY_FILE}"},
            {"wards": {"files": "wards.csv"}},
        ),
        document(
            "revenues",
            "database",
            {"uri": f"postgresql://reader@{closed}/revenues", "password": "${REVENUES_PASSWORD}"},
            {"collection": {"query": "select * from collection where month >= :period_start"}},
        ),
        document("benchmarks", "python", {"token": "${TILL_TOKEN}"}, {"values": {"function": "till:prices"}}),
    ]


@dataclass(frozen=True)
class Told:
    """All that a council's commands have printed and written, by where it stands."""

    texts: Mapping[str, str]
    asked: list[Asked]
    issued: Mapping[str, str]
    run: str


@pytest.fixture(scope="module")
def told(server: FaultServer, systems: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("planted")
    council = folder / "councils" / "brigstow"
    shutil.copytree(ROOT / "councils" / "brigstow", council)
    for path in (council / "sources").glob("*.yaml"):
        if path.stem not in KEPT:
            path.unlink()
    for planted in planted_sources():
        text = yaml.safe_dump(planted, sort_keys=False)
        (council / "sources" / f"{planted['system']}.yaml").write_text(text, encoding="utf-8")
    (council / "hooks").mkdir()
    (council / "hooks" / "till.py").write_text(HOOK, encoding="utf-8")
    mounted = folder / "mounted"
    mounted.write_text(f"{PLANTED['HR_PSEUDONYM_KEY']}\n", encoding="utf-8")
    key = folder / "id_ed25519"
    key.write_text(PRIVATE_KEY, encoding="ascii")
    key.chmod(0o600)
    environment = {
        **systems,
        **PLANTED,
        "HR_PSEUDONYM_KEY": "",
        "HR_PSEUDONYM_KEY_FILE": str(mounted),
        "AREAS_KEY_FILE": str(key),
        "ECHO_URL": server.url,
        "VITALS_COUNCILS": str(folder / "councils"),
    }
    vitals = Vitals(folder / "data", environment)
    vitals.base.mkdir()
    commands = {
        "run": vitals("run", QUARTER, "--from", QUARTER),
        "check": vitals("check"),
        "trace": vitals("trace", "HR04", QUARTER, "--rows", "5"),
    }
    assert commands["run"].code == 1, "some sources fail"
    assert vitals.current == f"{QUARTER}/r1", commands["run"].out + commands["run"].err
    printed = {
        f"{name} ({stream})": getattr(ran, stream) for name, ran in commands.items() for stream in ("out", "err")
    }
    written = {str(path.relative_to(vitals.base)): text_of(path) for path in vitals.base.rglob("*") if path.is_file()}
    issued = {"COMPLAINTS_CLIENT_SECRET": systems["COMPLAINTS_CLIENT_SECRET"], "an access token": ISSUED}
    return Told(printed | written, server.asked, issued, commands["run"].err)


def text_of(path: Path) -> str:
    """What a file says, taken out of whatever it is packed in, beside its bytes as they are."""
    bare = path.read_bytes().decode("utf-8", "replace")
    if path.suffix == ".parquet":
        return f"{bare}{pq.read_metadata(path).metadata}{pq.ParquetFile(path).read().to_pylist()}"
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as con:
            tables = con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            return bare + "".join(
                str(con.execute(f'select * from "{schema}"."{table}"').fetchall()) for schema, table in tables
            )
    if bare.startswith("SQLite format 3"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            return bare + "\n".join(database.iterdump())
    return bare


def spellings(secret: str) -> set[str]:
    plain = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), repr(secret)[1:-1]}
    return plain | {b64encode(f"{before}{secret}".encode()).decode() for before in ("", "vitals:")}


def test_the_secrets_were_used_and_repeated(told: Told) -> None:
    """Else the search below would find nothing because there was nothing."""
    by_path = {asked.path: asked for asked in told.asked}
    assert by_path["/care"].headers["authorization"] == f"Bearer {PLANTED['CARE_TOKEN']}"
    assert by_path["/housing"].query["key"] == PLANTED["HOUSING_KEY"]
    assert by_path["/gdp"].query["k"] == PLANTED["DEFLATORS_KEY"]
    assert by_path["/waste"].headers["authorization"].startswith("Basic ")
    assert by_path["/plan"].headers["authorization"] == f"Bearer {ISSUED}"
    for failed in ("social_care/requests", "housing/duties", "waste/tonnages", "plan/milestones", "benchmarks/values"):
        (line,) = [line for line in told.run.splitlines() if line.startswith(f"✗ {failed}")]
        assert "•••" in line, line
    for failed in ("survey/quality_of_life", "areas/wards", "revenues/collection"):
        assert f"✗ {failed}" in told.run


def test_what_was_searched_is_everything(told: Told) -> None:
    assert {"run (out)", "run (err)", "check (err)", "trace (out)"} <= set(told.texts)
    names = set(told.texts)
    for part in ("attempts/", "dagster/", "dbt/", "raw/", "rejected/", "releases/", "curated.duckdb"):
        assert any(f"brigstow/{part}" in name for name in names), part
    events = [text for name, text in told.texts.items() if "dagster/" in name and "ASSET_MATERIALIZATION" in text]
    assert any("the till does not like" in text for text in events), "Dagster's own memory is among it"


@pytest.mark.parametrize("name", [*PLANTED, "COMPLAINTS_CLIENT_SECRET", "an access token", "the private key"])
def test_nothing_printed_or_written_holds_the_secret(told: Told, name: str) -> None:
    planted = {**PLANTED, **told.issued, "the private key": PRIVATE_KEY.splitlines()[1]}
    found = {
        (where, spelt) for where, text in told.texts.items() for spelt in spellings(planted[name]) if spelt in text
    }
    assert found == set()


def test_no_number_of_an_employee_is_landed_or_printed(told: Told, systems: Mapping[str, str]) -> None:
    with sqlite3.connect(f"file:{systems['HR_DATABASE']}?mode=ro", uri=True) as database:
        people = [str(row[0]) for row in database.execute("select distinct person_ref from assignment")]
    assert len(people) > 100
    searched = {where: text for where, text in told.texts.items() if "/hr/" in where or "(" in where}
    assert len(searched) > 8
    assert [where for where, text in searched.items() if set(people) & set(re.findall(r"\w+", text))] == []
