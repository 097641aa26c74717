"""The district's systems, none of the city's kind: they answer as such systems do, keep to themselves what is not asked
for properly, and everything in them lands through Bremesgrave's own configuration."""

from __future__ import annotations

import csv
import hashlib
import http.client
import io
import json
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import adbc_driver_postgresql.dbapi as postgresql
import duckdb
import paramiko
import psutil
import pyarrow.parquet as pq
import pytest
import yaml

from sources.config import load_sources
from sources.contract import load_contracts
from sources.landing import Landed, land
from sources.sandbox import ensure, running, variables
from sources.sandbox.district import accounts, casework, people, postgres, registers, returns, world
from sources.sandbox.timeline import QUARTERS

COUNCIL = Path(__file__).parents[2] / "councils" / "bremesgrave"
SEED = 2741
# What every quarter's faults are refused for; all other datasets land whole.
REASONS = {
    "audit.recommendations": {"due_date is not a date that exists": 1},
    "complaints.cases": {
        "breaks the rule: acknowledged on or after receipt": 22,
        "breaks the rule: answered on or after receipt": 22,
        "unit_code is not in the map file": 22,
    },
    "finance.ledger": {"unit_code is not in the map file": 48},
    "hr.absences": {
        "breaks the rule: ends on or after it begins": 22,
        "duplicate key (absence_id): the first such row is kept": 22,
    },
    "hr.employees": {"fte is not above 0": 1},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sandbox")


@pytest.fixture(scope="module")
def environment(folder: Path) -> Iterator[dict[str, str]]:
    with running(folder, SEED, systems="district") as given:
        assert set(given) == set(variables("district"))
        yield given


@pytest.fixture(scope="module")
def data(folder: Path, environment: dict[str, str]) -> Path:
    return ensure(folder, SEED, systems="district")


@pytest.fixture(scope="module")
def landed(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Landed]]:
    into, contracts = tmp_path_factory.mktemp("landed"), load_contracts()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return {
            contract.name: land(contract, source.extract(contract.dataset, QUARTERS), into, QUARTERS)
            for source in load_sources(COUNCIL / "sources", contracts).values()
            for contract in source.datasets.values()
        }


def written(data: Path) -> dict[str, str]:
    """Fingerprints of what the generators wrote: all but the database server's own files."""
    return {
        str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(data.rglob("*"))
        if path.is_file() and not path.relative_to(data).parts[0].startswith("postgres")
    }


def mapped(name: str) -> dict[str, str]:
    with (COUNCIL / "sources" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return {row["from"]: row["to"] for row in csv.DictReader(file)}


def records(path: Path, below: int = 0, **spelling: str) -> list[dict[str, str]]:
    """The rows of a CSV file whose header stands below so many lines."""
    text = path.read_text(spelling.pop("encoding", "utf-8-sig")).split("\n", below)[-1]
    return list(csv.DictReader(io.StringIO(text), **spelling))  # type: ignore[call-overload]


def test_the_same_seed_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    again = written(ensure(tmp_path, SEED, systems="district"))
    assert again == written(data)
    other = written(ensure(tmp_path, SEED + 1, systems="district"))
    assert other.keys() == again.keys()
    same = {Path(name).stem for name in other if other[name] == again[name]}
    assert same == {"addresses", "budget_book", "gdp_deflators", "similar_districts", "wards"}, "no chance in these"


def test_the_configuration_names_what_the_sandbox_gives(environment: dict[str, str]) -> None:
    council = yaml.safe_load((COUNCIL / "council.yaml").read_text(encoding="utf-8"))
    assert council["sandbox"] == {"systems": "district", "seed": SEED}
    sources = load_sources(COUNCIL / "sources", load_contracts())
    assert {name for source in sources.values() for name in source.variables} == set(environment)


def test_map_files_translate_every_code_but_those_that_nobody_has_mapped() -> None:
    assert mapped("hr_teams") == world.HR_TEAMS
    assert mapped("cost_centres") == world.COST_CENTRES
    assert mapped("casework_teams") == world.CASEWORK_TEAMS
    assert mapped("services") == {name: code for code, name in world.SERVICES.items()}
    assert world.UNMAPPED_COST_CENTRE not in mapped("cost_centres")
    assert set(mapped("likelihoods")) == set(registers.LIKELIHOODS)
    units = {row["unit_id"]: row for row in records(COUNCIL / "framework" / "units.csv")}
    assert {unit for unit, row in units.items() if row["level"] == "team"} == set(world.UNITS.tolist())
    assert {unit for unit, row in units.items() if row["level"] == "service"} == set(world.SERVICES)
    assert len(world.SERVICES) == 9


def test_every_dataset_lands(landed: dict[str, list[Landed]]) -> None:
    contracts = load_contracts()
    assert len(landed) == 41
    for name, slots in landed.items():
        assert [slot.error for slot in slots if slot.error] == [], name
        assert [slot.quarter for slot in slots] == ([None] if contracts[name].load == "full" else QUARTERS), name
        assert all(slot.rows for slot in slots), name


def test_rows_are_refused_for_what_is_wrong_with_them_and_nothing_else(landed: dict[str, list[Landed]]) -> None:
    reasons: dict[str, dict[str, int]] = {}
    for name, slots in landed.items():
        for slot in slots:
            for reason, count in slot.reasons.items():
                counts = reasons.setdefault(name, {})
                counts[reason] = counts.get(reason, 0) + count
    assert reasons == REASONS


def test_what_lands_is_what_the_systems_hold(landed: dict[str, list[Landed]], data: Path) -> None:
    def rows(name: str) -> int:
        return sum(slot.rows + slot.rejected for slot in landed[name])

    outbox, bureau = data / people.FOLDER / people.OUTBOX, {"below": 3, "encoding": "cp1252", "delimiter": ";"}
    assert rows("hr.posts") == len(records(outbox / "establishment.csv", **bureau))
    assert rows("hr.employees") == len(records(outbox / "starters_and_leavers.csv", **bureau))
    assert rows("hr.absences") == sum(len(records(path, **bureau)) for path in outbox.glob("absence_*"))
    assert rows("complaints.cases") == pq.read_metadata(data / casework.COMPLAINTS).num_rows
    assert rows("complaints.service_requests") == pq.read_metadata(data / casework.REQUESTS).num_rows
    assert rows("finance.ledger") == pq.read_metadata(data / accounts.FOLDER / "gl_posting.parquet").num_rows
    assert rows("finance.invoices") == pq.read_metadata(data / accounts.FOLDER / "ap_invoice.parquet").num_rows
    assert rows("audit.recommendations") == len(records(data / registers.FOLDER / "audit_actions.csv"))
    assert rows("revenues.collection") == len(records(data / returns.FOLDER / "tax_collection.csv"))


def test_every_penny_of_the_ledger_arrives(landed: dict[str, list[Landed]], data: Path) -> None:
    paths = [str(slot.path) for slot in landed["finance.ledger"]]
    ledger = data / accounts.FOLDER / "gl_posting.parquet"
    with duckdb.connect() as con:
        total = con.execute("select sum(amount_gbp) from read_parquet($1)", [paths]).fetchall()
        expected = con.execute(
            "select sum(net_value) from read_parquet($1) where ccentre <> $2", [str(ledger), world.UNMAPPED_COST_CENTRE]
        ).fetchall()
    assert total == expected
    assert isinstance(total[0][0], Decimal)


def test_people_are_pseudonyms_once_they_have_landed(landed: dict[str, list[Landed]]) -> None:
    with duckdb.connect() as con:
        numbers = {
            name: con.execute(
                "select employee_id from read_parquet($1)", [[str(slot.path) for slot in landed[name]]]
            ).fetchall()
            for name in ("hr.employees", "hr.absences", "hr.pay")
        }
    staff = set(numbers["hr.employees"])
    assert not any(number.isdigit() for (number,) in staff)
    assert set(numbers["hr.pay"]) <= staff and set(numbers["hr.absences"]) <= staff, "they join all the same"


def sftp(environment: dict[str, str], key: paramiko.PKey, user: str = "extracts") -> paramiko.SFTPClient:
    host, port = environment["HR_SFTP_HOST"].split(":")
    transport = paramiko.Transport((host, int(port)))
    transport.connect(username=user, pkey=key)
    client = paramiko.SFTPClient.from_transport(transport)
    assert client is not None
    return client


def test_the_outbox_is_read_only_and_shows_nothing_else(environment: dict[str, str]) -> None:
    with sftp(environment, paramiko.Ed25519Key(filename=environment["HR_SFTP_KEY_FILE"])) as client:
        assert len(client.listdir("/outbox")) == len(QUARTERS) + 3
        with pytest.raises(PermissionError):
            client.open("/outbox/new.csv", "w")
        with pytest.raises(OSError):
            client.remove("/outbox/establishment.csv")
        for way_out in ("/../casework.parquet", "/outbox/../../complaints.parquet", "/etc/passwd"):
            with pytest.raises(FileNotFoundError):
                client.stat(way_out)
        client.get_channel().get_transport().close()  # type: ignore[union-attr]


def test_the_outbox_knows_its_user_by_the_key(environment: dict[str, str], folder: Path) -> None:
    key = paramiko.Ed25519Key(filename=environment["HR_SFTP_KEY_FILE"])
    with pytest.raises(paramiko.AuthenticationException):
        sftp(environment, key, "root")
    with pytest.raises(paramiko.AuthenticationException):
        sftp(environment, paramiko.ECDSAKey.generate())
    assert Path(environment["HR_SFTP_KEY_FILE"]).stat().st_mode & 0o077 == 0


def ask(
    environment: dict[str, str], path: str, key: str | None = None, **query: object
) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection(urlsplit(environment["CASEWORK_URL"]).netloc, timeout=10)
    headers = {"X-Casework-Key": environment["CASEWORK_KEY"] if key is None else key}
    connection.request("GET", f"{path}?{urlencode(query)}", headers=headers)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body


def test_casework_comes_in_numbered_pages(environment: dict[str, str], data: Path) -> None:
    quarter = {"modifiedFrom": "01/07/2026", "modifiedBefore": "01/10/2026", "pageSize": 40}
    references, page, pages = [], 0, 1
    while page < pages:
        page += 1
        status, body = ask(environment, "/casework/v2/complaints", page=page, **quarter)
        assert status == 200
        response = body["response"]
        pages = response["paging"]["pageCount"]  # type: ignore[index]
        references += [(row["reference"], row["stage"]) for row in response["record"]]  # type: ignore[index]
    table = pq.read_table(data / casework.COMPLAINTS, columns=["modified"])
    expected = sum(moment.isoformat() >= "2026-07-01" for moment in table["modified"].to_pylist())
    assert len(references) == len(set(references)) == expected > 100
    assert ask(environment, "/casework/v2/complaints", page=pages + 1, **quarter)[1]["response"]["record"] == []  # type: ignore[index]


def test_casework_refuses_who_has_no_key_and_what_it_does_not_understand(environment: dict[str, str]) -> None:
    assert ask(environment, "/casework/v2/complaints", key="")[0] == 401
    assert ask(environment, "/casework/v2/complaints", key="ÿ")[0] == 401
    assert ask(environment, "/casework/v2/nowhere")[0] == 404
    status, body = ask(environment, "/casework/v2/complaints", modifiedFrom="2026-07-01")
    assert (status, list(body)) == (400, ["fault"])


def reader(environment: dict[str, str], password: str | None = None) -> str:
    return (
        f"postgresql://{postgres.ROLE}:{password or environment['FINANCE_DB_PASSWORD']}@/{postgres.DATABASE}"
        f"?host={environment['FINANCE_DB_SOCKET']}"
    )


def test_the_finance_reader_reads_and_no_more(environment: dict[str, str]) -> None:
    with postgresql.connect(reader(environment)) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from efin.gl_posting")
        assert cursor.fetchall()[0][0] > 50_000
    for write in ("delete from efin.gl_posting", "set default_transaction_read_only = off; drop table efin.gl_posting"):
        with (
            postgresql.connect(reader(environment)) as connection,
            connection.cursor() as cursor,
            pytest.raises(postgresql.Error),
        ):
            for statement in write.split(";"):
                cursor.execute(statement)
    with pytest.raises(postgresql.Error, match="password"):
        postgresql.connect(reader(environment, "wrong"))


def killed(folder: Path) -> dict[str, str]:
    """What a small district said of itself whose process was killed a moment after it had started."""
    command = [sys.executable, "-m", "sources.sandbox", str(folder), "--systems", "district", "--scale", "0.05"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(11)]
        process.send_signal(signal.SIGKILL)
    said = {name: shlex.split(value)[0] for name, value in (line[7:].split("=", 1) for line in lines)}
    shutil.rmtree(Path(said["HR_SFTP_KEY_FILE"]).parent)  # the keys of a server that is gone
    return said


def budgets(environment: dict[str, str]) -> int:
    with postgresql.connect(reader(environment)) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from efin.budget_book")
        return int(cursor.fetchall()[0][0])


def test_the_database_outlives_a_process_that_was_killed_and_goes_with_the_last(tmp_path: Path) -> None:
    said = killed(tmp_path)
    assert budgets(said) == 54, "nobody was there to stop it"
    with running(tmp_path, 1373, 0.05, "district") as first:
        with running(tmp_path, 1373, 0.05, "district") as second:
            for name in ("FINANCE_DB_SOCKET", "FINANCE_DB_PASSWORD"):
                assert first[name] == second[name] == said[name]
        assert budgets(first) == 54
    assert not Path(said["FINANCE_DB_SOCKET"]).exists()
    with pytest.raises(postgresql.Error):
        budgets(said)


def test_a_server_that_was_killed_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    said = killed(tmp_path)
    cluster = Path(said["FINANCE_DB_SOCKET"])
    server = psutil.Process(int((cluster / "postmaster.pid").read_text().split()[0]))
    server.kill()
    assert (cluster / "postmaster.pid").exists() and (cluster / ".s.PGSQL.5432").exists()
    with running(tmp_path, 1373, 0.05, "district") as given:
        assert given["FINANCE_DB_SOCKET"] != said["FINANCE_DB_SOCKET"]
        assert budgets(given) == 54
    assert not cluster.exists()
