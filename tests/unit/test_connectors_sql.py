"""Queries as text, and connections as each kind of driver wants them. SQL Server and Oracle have no server here:
what is tried of them is this alone."""

from __future__ import annotations

from datetime import date
from typing import Any

import pydantic
import pytest

from sources.connectors import database, odbc, sql

BOUNDS = {"period_start": date(2025, 4, 1), "period_end": date(2025, 7, 1)}


@pytest.mark.parametrize(
    ("server", "query", "filled"),
    [
        ("sqlite", "a >= :period_start and a < :period_end", "a >= '2025-04-01' and a < '2025-07-01'"),
        ("sqlserver", "a >= :period_start", "a >= cast('20250401' as date)"),
        ("oracle", "a < :period_end", "a < date '2025-07-01'"),
        ("postgresql", "a::date < :period_end::date", "a::date < '2025-07-01'::date"),
        ("postgresql", "a = (:period_start)", "a = ('2025-04-01')"),
        ("postgresql", "':period_start' || ':period_end'''", None),
        ("postgresql", '":period_start"', None),
        ("postgresql", "a::period_start", None),
        ("postgresql", ":period_starts, :period", None),
        ("postgresql", "1 -- until :period_end", None),
        ("postgresql", "1 /* from :period_start\n to :period_end */", None),
        ("postgresql", "$$ :period_start $$, $x$ :period_end $$ $x$", None),
        ("postgresql", r"E'it\'s :period_start'", None),
        ("postgresql", r"'a \', :period_start", r"'a \', '2025-04-01'"),
        ("mariadb", r"'it\'s :period_start', :period_end", r"'it\'s :period_start', '2025-07-01'"),
        ("mariadb", "1 # until :period_end", None),
        ("mariadb", "`:period_start`", None),
        ("postgresql", "a # :period_start", "a # '2025-04-01'"),
    ],
)
def test_the_period_is_filled_in_where_it_is_meant(server: str, query: str, filled: str | None) -> None:
    assert sql.filled(query, server, BOUNDS) == (filled or query)
    assert bool(sql.named_parameters(query, server)) == (filled is not None)


@pytest.mark.parametrize(
    "query",
    [
        "select a from t",
        "  -- a comment\nwith x as (select 1) select * from x;",
        "select 'insert into t; drop table t' as words from t /* update */ ; -- the end; really",
        "(select 1) union all (select 2)",
        'select t.update, "delete" from t',
        "select inserted, into_account, deleted_at from t",
    ],
)
def test_a_query_that_reads_is_taken(query: str) -> None:
    sql.check_reads(query, "postgresql")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "must be one select"),
        ("-- select", "must be one select"),
        ("update t set a = 1", "must be one select"),
        ("call something()", "must be one select"),
        ("select 1; select 2", "more than one statement"),
        ("select 1; drop table t", "more than one statement"),
        ("with gone as (delete from t returning *) select * from gone", "says 'delete'"),
        ("with x as (select 1) INSERT into t select * from x", "says 'insert'"),
        ("select * into copied from t", "says 'into'"),
        ("select * from t for update", "says 'update'"),
    ],
)
def test_a_query_that_could_write_is_not(query: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sql.check_reads(query, "sqlserver")


def test_a_semicolon_before_a_comment_is_taken_out() -> None:
    assert sql.bare("select ';' as a; -- the end;", "postgresql") == "select ';' as a  -- the end;\n"


# Connections


def connection(uri: str, **more: Any) -> database.Connection:
    return database.Connection(uri=uri, **more)


AWKWARD = "a;b{c}d 'e\\"


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        (
            "sqlserver://reader@hr.example:1433/HR",
            "Driver={Some Driver};Server=tcp:hr.example,1433;Database=HR;UID=reader;PWD={a;b{c}}d 'e\\};"
            "ApplicationIntent=ReadOnly;APP=council-vitals;Encrypt=yes;TrustServerCertificate=no;",
        ),
        (
            "sqlserver://localhost/HR",
            "Driver={Some Driver};Server=localhost;Database=HR;Trusted_Connection=yes;"
            "ApplicationIntent=ReadOnly;APP=council-vitals;Encrypt=yes;TrustServerCertificate=yes;",
        ),
        (
            "oracle://reader@fin.example/LEDGER.council.example",
            "Driver={Some Driver};DBQ=tcps://fin.example:2484/LEDGER.council.example;UID=reader;PWD={a;b{c}}d 'e\\};",
        ),
        (
            "oracle://reader@127.0.0.1:1521/XE",
            "Driver={Some Driver};DBQ=//127.0.0.1:1521/XE;UID=reader;PWD={a;b{c}}d 'e\\};",
        ),
        (
            "mariadb://read%40er@db.example:3307/hr",
            "Driver={Some Driver};Server=db.example;Port=3307;Database=hr;UID={read@er};PWD={a;b{c}}d 'e\\};"
            "NO_CACHE=1;FORWARDONLY=1;FORCETLS=1;SSLVERIFY=1;",
        ),
        (
            "mariadb://reader@/hr?host=/run/mysqld/mysqld.sock",
            "Driver={Some Driver};Server=localhost;"
            "Socket=/run/mysqld/mysqld.sock;Database=hr;UID=reader;PWD={a;b{c}}d 'e\\};"
            "NO_CACHE=1;FORWARDONLY=1;",
        ),
        (
            "postgresql://reader@db.example/hr",
            "Driver={Some Driver};Server=db.example;Database=hr;UID=reader;PWD={a;b{c}}d 'e\\};"
            "UseDeclareFetch=1;Fetch=10000;SSLmode=verify-full;",
        ),
    ],
)
def test_connections_by_odbc(uri: str, text: str) -> None:
    given = connection(uri, **({"password": AWKWARD} if "@" in uri else {}))
    assert odbc.connection_string(database.server_of(given), "Some Driver", given.options) == text


def test_an_option_replaces_a_keyword_whatever_its_case() -> None:
    given = connection("sqlserver://reader@hr.example/HR", options={"encrypt": "strict", "Port": 1433, "MARS": False})
    text = odbc.connection_string(database.server_of(given), "Some Driver", given.options)
    assert "Encrypt=yes" not in text
    assert text.endswith("TrustServerCertificate=no;encrypt=strict;Port=1433;MARS=no;")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("postgresql://reader@db.example/hr", "host='db.example' port='5432' dbname='hr' user='reader'"),
        ("postgresql://reader@db.example/hr", "sslmode='verify-full'"),
        ("postgresql://reader@db.example/hr?sslmode=require&sslrootcert=/ca.pem", "sslmode='require'"),
        ("postgresql://reader@localhost/hr", "sslmode='prefer'"),
        ("postgresql://reader@[::1]:5433/hr", "host='::1' port='5433'"),
        ("postgresql://reader@/hr?host=/run/postgresql", "host='/run/postgresql'"),
        ("postgresql://reader@db.example/hr", r"password='a;b{c}d \'e\\'"),
        ("postgresql://reader@db.example/hr", "-c default_transaction_read_only=on"),
        (
            "postgresql://reader@db.example/hr?options=-c%20default_transaction_read_only%3Doff",
            "options='-c default_transaction_read_only=off -c default_transaction_read_only=on ",
        ),
    ],
)
def test_postgresqls_connection(uri: str, words: str) -> None:
    assert words in database.conninfo(connection(uri, password=AWKWARD))


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("postgres://reader@host/hr", "'postgres' is not a database known here. Did you mean 'postgresql'?"),
        ("db.example/hunter2", "an address without :// is not a database known here."),
        ("postgresql://reader:hunter2@host/hr", "holds a password. It belongs in connection.password, as a variable."),
        ("postgresql://reader@host/hr?password=hunter2", "holds a password."),
        ("postgresql://reader@host", "names no database. Write postgresql://user@host:port/database."),
        (
            "mariadb://reader@host/hr?ssl=1",
            "uri: 'ssl' cannot stand there; an ODBC driver's keywords belong in options.",
        ),
        ("mariadb://reader@host:port/hunter2", "cannot be read. Write mariadb://user@host:port/database."),
    ],
)
def test_an_address_that_will_not_do_is_refused_in_words(uri: str, words: str) -> None:
    with pytest.raises(pydantic.ValidationError) as error:
        connection(uri)
    (message,) = [item["msg"] for item in error.value.errors(include_input=False)]
    assert words in message
    assert "hunter2" not in message


def test_a_server_without_a_driver_says_what_to_install() -> None:
    if any(name.startswith("Oracle") for name in odbc.installed()):
        pytest.skip("a driver for Oracle is installed")
    with pytest.raises(Exception, match=r"no ODBC driver for oracle is installed here\. Installed: .*Instant Client"):
        odbc.driver_for("oracle", None, "oracle://db.example/hr")
