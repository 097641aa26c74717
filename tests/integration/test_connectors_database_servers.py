"""The connector `database` against real servers on loopback: PostgreSQL by ADBC and by ODBC, MariaDB by ODBC.

SQL Server and Oracle have no server that could be started here: how their connections are written is tested in
tests/unit/test_connectors_sql.py, and no more than that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support import databases
from support.builders import Q1, Q2, column, key, make_contract, make_source, rows_of
from support.databases import Server

from sources.config import Source
from sources.connectors import odbc
from sources.contract import Contract
from sources.errors import SourceError
from sources.landing import Landed, land

PASSWORD = "pass;word }{ x'\" \\%40"  # every sign that a connection string could stumble over
QUOTED = PASSWORD.replace("'", "''")
ABSENCES = """
create table absence (ref varchar(9), person varchar(9), fte numeric(5,3), first_day date, changed timestamp{zone} null,
                      open boolean);
insert into absence values
  ('A1', 'P1', 1, '2025-04-01', '2025-04-01 00:30:00', true),
  ('A2', 'P2', 0.6, '2025-06-30', '2025-06-30 22:59:59', false),
  ('A3', 'Zoë £', 0.125, '2025-07-01', '2025-07-01 00:00:00', null),
  ('A4', null, null, null, null, null);
"""


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    with databases.postgresql() as server:
        server.sql(f"""
            create user reader login password '{QUOTED}';
            set timezone = 'UTC';
            {ABSENCES.format(zone="tz")}
            create table many as select n as ref, md5(n::text) as noise from generate_series(1, 300000) as n;
            create function sneak() returns text language sql
                as $$ insert into absence (ref) values ('X'); select 'sneaked' $$;
            grant select, insert on all tables in schema public to reader;
        """)
        yield server


@pytest.fixture(scope="module")
def mariadb() -> Iterator[Server]:
    with databases.mariadb() as server:
        server.sql(f"""
            set sql_mode = 'no_backslash_escapes', time_zone = '+00:00';
            create user reader identified by '{QUOTED}';
            {ABSENCES.format(zone="")}
            delimiter //
            create function sneak() returns text begin insert into absence (ref) values ('X'); return 'sneaked'; end//
            delimiter ;
            grant select, insert, execute on hr.* to reader;
        """)
        yield server


@dataclass(frozen=True)
class Way:
    """A server, and how to get to it."""

    server: Server
    connection: dict[str, Any]

    def source(self, folder: Path, contract: Contract, query: str, **more: Any) -> Source:
        connection = more.pop("connection", {})
        document = {
            "system": "made",
            "owner": "owner@brigstow.example",
            "connector": "database",
            "connection": {**self.connection, **connection},
            "datasets": {"things": {"query": query, **more}},
        }
        return make_source(folder, document, {contract.name: contract})

    def landed(self, folder: Path, contract: Contract, query: str, **more: Any) -> list[Landed]:
        source = self.source(folder, contract, query, **more)
        return land(contract, source.extract("things", [Q1, Q2]), folder / "data", [Q1, Q2])


def has_driver(kind: str) -> None:
    try:
        odbc.driver_for(kind, None, "here")
    except SourceError as error:
        pytest.skip(str(error))


WAYS = ("postgresql by tcp", "postgresql by odbc", "mariadb by tcp")
SOCKETS = ("postgresql by socket", "mariadb by socket")


@pytest.fixture
def way(request: pytest.FixtureRequest) -> Way:
    kind, _, how = request.param.split(" ")
    if kind == "mariadb" or how == "odbc":
        has_driver(kind)
    server: Server = request.getfixturevalue(kind)
    uri = {
        "postgresql by tcp": f"postgresql://reader@127.0.0.1:{server.port}/hr",
        "postgresql by socket": f"postgresql://reader@:{server.port}/hr?host={server.socket}",
        "postgresql by odbc": f"postgresql://reader@127.0.0.1:{server.port}/hr",
        "mariadb by tcp": f"mariadb://reader@127.0.0.1:{server.port}/hr",
        "mariadb by socket": f"mariadb://reader@/hr?host={server.socket}",
    }[request.param]
    driver = {"odbc_driver": "PostgreSQL Unicode"} if how == "odbc" else {}
    return Way(server, {"uri": uri, "password": PASSWORD, **driver})


def every_way(*ways: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("way", ways or WAYS, indirect=True)


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(
        tmp_path,
        key("ref"),
        column("person"),
        column("fte", "DECIMAL(5,3)"),
        column("first_day", "date"),
        column("changed", "timestamp"),
        column("open", "boolean"),
    )


@every_way(*WAYS, *SOCKETS)
def test_values_of_every_kind_arrive(tmp_path: Path, contract: Contract, way: Way) -> None:
    (landed,) = way.landed(tmp_path, contract, "select * from absence order by ref")
    assert (landed.error, landed.rejected, landed.notes) == (None, 0, ())
    assert rows_of(landed.path, "ref, person, fte, first_day, changed, open") == [
        ("A1", "P1", Decimal("1.000"), date(2025, 4, 1), datetime(2025, 4, 1, 0, 30), True),
        ("A2", "P2", Decimal("0.600"), date(2025, 6, 30), datetime(2025, 6, 30, 22, 59, 59), False),
        ("A3", "Zoë £", Decimal("0.125"), date(2025, 7, 1), datetime(2025, 7, 1), None),
        ("A4", None, None, None, None, None),
    ]
    scheme = way.connection["uri"].split("://")[0]
    ((origin,),) = rows_of(landed.path, "distinct _source", "1")
    assert origin.startswith(f"{scheme}://") and origin.endswith("/hr: things") and "reader" not in origin


@every_way()
def test_the_period_bounds_dates_and_moments(tmp_path: Path, way: Way) -> None:
    made = make_contract(tmp_path, key("ref"), column("note"), load="incremental")
    query = """
        select ref, ':period_start' as note  -- of :period_end
        from absence where changed >= :period_start and changed < :period_end and first_day < :period_end /* :x */
        order by ref -- to the end"""
    first, second = way.landed(tmp_path, made, query)
    assert (first.quarter, rows_of(first.path, "ref, note")) == (Q1, [("A1", ":period_start"), ("A2", ":period_start")])
    assert (second.quarter, rows_of(second.path, "ref")) == (Q2, [("A3",)])
    way.source(tmp_path, made, query).reach()


@every_way()
def test_only_what_changed_since_is_asked_for(tmp_path: Path, way: Way) -> None:
    made = make_contract(tmp_path, key("ref"), load="incremental")
    source = way.source(
        tmp_path, made, "select ref from absence where changed >= :period_start and changed < :period_end"
    )
    mark = datetime(2025, 6, 30, 14, tzinfo=UTC)
    first, second = list(source.extract("things", [Q1, Q2], {Q1: mark}))
    assert (first.quarter, first.since, second.since) == (Q1, mark, None)
    assert [row for batch in first.batches for row in batch.column("ref").to_pylist()] == ["A2"]


@every_way("postgresql by tcp")
def test_a_cast_is_no_parameter(tmp_path: Path, way: Way) -> None:
    made = make_contract(tmp_path, key("ref"), column("until", "date"), load="incremental")
    query = "select ref, :period_end::date - 1 as until from absence where first_day::date >= :period_start::date"
    first, _ = way.landed(tmp_path, made, query)
    assert rows_of(first.path, "ref, until")[0] == ("A1", date(2025, 6, 30))


@every_way()
def test_a_query_file_stands_beside_the_yaml(tmp_path: Path, contract: Contract, way: Way) -> None:
    (tmp_path / "sources" / "made").mkdir(parents=True)
    (tmp_path / "sources" / "made" / "absences.sql").write_text(
        "select * from absence;\n-- the end\n", encoding="utf-8"
    )
    (landed,) = way.landed(tmp_path, contract, None, query_file="made/absences.sql")  # type: ignore[arg-type]
    assert (landed.error, landed.rows) == (None, 4)


@every_way()
def test_the_server_refuses_to_write(tmp_path: Path, contract: Contract, way: Way) -> None:
    """By a function that the reader may call, into a table that the reader may write to: the session is read-only."""
    made = make_contract(tmp_path, key("ref"))
    (landed,) = way.landed(tmp_path, made, "select sneak() as ref from absence")
    assert landed.error is not None
    assert "read-only transaction" in landed.error.lower().replace("read only", "read-only")
    assert way.server.sql("select count(*) from absence") == "4"


@every_way()
@pytest.mark.parametrize(
    "query", ["insert into absence (ref) values ('X')", "with x as (delete from absence) select 1"]
)
def test_what_writes_is_not_even_sent(tmp_path: Path, contract: Contract, way: Way, query: str) -> None:
    with pytest.raises(SourceError, match=r"the query (must be one select|says 'delete', but only reads)"):
        way.landed(tmp_path, contract, query)


@every_way()
def test_a_refused_login_does_not_show_the_password(tmp_path: Path, contract: Contract, way: Way) -> None:
    wrong = {"password": "wrong-and-secret"}
    (landed,) = way.landed(tmp_path, contract, "select * from absence", connection=wrong)
    assert landed.error is not None
    assert "password authentication failed" in landed.error or "Access denied" in landed.error
    assert "secret" not in landed.error


@every_way()
def test_a_server_that_is_not_there_is_told(tmp_path: Path, contract: Contract, way: Way) -> None:
    uri = f"{way.connection['uri'].split('://')[0]}://reader@127.0.0.1:{databases.free_port()}/hr"
    source = way.source(tmp_path, contract, "select 1 as ref", connection={"uri": uri})
    with pytest.raises(SourceError, match=r"(?i)refused|can't connect"):
        source.reach()


@every_way()
@pytest.mark.parametrize(
    ("query", "words"),
    [("select x from absence", "x"), ("select * from absense", "absense"), ("select from where", "syntax")],
)
def test_a_query_that_the_server_refuses_is_shown_its_words(
    tmp_path: Path, contract: Contract, way: Way, query: str, words: str
) -> None:
    source = way.source(tmp_path, contract, query)
    with pytest.raises(SourceError, match=f"the query was refused: .*{words}"):
        source.reach()
    (landed,) = way.landed(tmp_path, contract, query)
    assert landed.error is not None and f"{words}" in landed.error
    assert "Query was" not in landed.error and "\n" not in landed.error


@every_way("postgresql by tcp", "postgresql by odbc")
def test_a_value_that_the_server_could_not_convert_is_not_shown(tmp_path: Path, way: Way) -> None:
    made = make_contract(tmp_path, key("ref"))
    (landed,) = way.landed(tmp_path, made, "select person::integer as ref from absence where person like 'Z%'")
    assert landed.error is not None
    assert "invalid input syntax for type integer: '…'" in landed.error
    assert "Zoë" not in landed.error


@every_way()
def test_a_query_that_takes_too_long_is_ended(tmp_path: Path, way: Way) -> None:
    made = make_contract(tmp_path, key("ref"))
    sleep = "pg_sleep(600)" if "postgresql" in way.connection["uri"] else "sleep(600)"
    (landed,) = way.landed(tmp_path, made, f"select ref, {sleep} from absence", connection={"timeout_seconds": 1})
    assert landed.error is not None
    assert "statement timeout" in landed.error or "max_statement_time exceeded" in landed.error


@every_way("postgresql by tcp", "postgresql by odbc")
def test_a_connection_that_breaks_on_the_way_is_told(tmp_path: Path, way: Way) -> None:
    made = make_contract(tmp_path, key("ref"), column("noise"))
    source = way.source(tmp_path, made, "select a.* from many as a cross join generate_series(1, 20)")
    (extract,) = source.extract("things", [Q1])
    batches = iter(extract.batches)
    assert next(batches).num_rows > 1000
    way.server.sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'reader'")
    with pytest.raises(SourceError, match=r"reading broke off: .*Nothing landed; try again\."):
        for _ in batches:
            pass


@every_way("mariadb by tcp")
def test_a_query_that_is_killed_is_told(tmp_path: Path, way: Way) -> None:
    """The driver of Debian 12 has every row before it gives the first."""
    made = make_contract(tmp_path, key("ref"))
    ended = in_background(lambda: way.landed(tmp_path, made, "select sleep(600) as ref"))
    running = "select id from information_schema.processlist where user = 'reader' and info like '%sleep(600)%'"
    while not (found := way.server.sql(running)):
        time.sleep(0.05)
    way.server.sql(f"kill {found}")
    (landed,) = ended()
    assert landed.error is not None
    assert "the query was refused: " in landed.error


def in_background(task: Callable[[], Any]) -> Callable[[], Any]:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(task()))
    thread.start()

    def ended() -> Any:
        thread.join(60)
        return results[0]

    return ended


@every_way("postgresql by tcp", "postgresql by odbc")
def test_rows_are_read_as_they_come(tmp_path: Path, way: Way) -> None:
    """Rows of a query that would never end arrive all the same, in batches; leaving them ends it."""
    made = make_contract(tmp_path, key("ref"))
    source = way.source(tmp_path, made, "select a.ref from many as a cross join generate_series(1, 1000000) as n")
    (extract,) = source.extract("things", [Q1])
    batches = iter(extract.batches)
    first, second = next(batches), next(batches)
    assert second.column("_source_row")[0].as_py() == first.num_rows + 1
    batches.close()  # type: ignore[attr-defined]


@every_way("postgresql by tcp")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("12345678901234567890.123456789::numeric", "12345678901234567890.123456789"),
        ("1e20::float8", "1e+20"),
        ("0.1::real", "0.1"),
        ("3::float8", "3"),
        ("timestamptz '2025-07-01 10:00:00.25+01'", "2025-07-01 09:00:00.250000Z"),
        ("timestamp '2025-07-01 10:00'", "2025-07-01 10:00:00.000000"),
        ("date '2025-07-01'", "2025-07-01"),
        ("true", "true"),
        ("'{\"a\": [1, null]}'::jsonb", '{"a": [1, null]}'),
        ("array[1, null, 2]", "[1, null, 2]"),
        ("array['a\"b']", '["a\\"b"]'),
        ("'a'::char(3)", "a"),
        ("null::date", None),
        ("'466bbacf-4775-41ff-b6a2-74cd5ecced41'::uuid", "466bbacf-4775-41ff-b6a2-74cd5ecced41"),
        ("12.5::money::numeric", "12.50"),
    ],
)
def test_postgresqls_types_as_text(tmp_path: Path, way: Way, value: str, text: str | None) -> None:
    made = make_contract(tmp_path, column("value"))
    (landed,) = way.landed(tmp_path, made, f"select {value} as value")
    assert landed.error is None
    assert rows_of(landed.path, "value") == [(text,)]


@every_way("postgresql by tcp")
@pytest.mark.parametrize(
    "value", ["decode('dead', 'hex')", "'1.5'::money", "'1.2.3.4'::inet", "interval '1 day'", "array['1.2.3.4'::inet]"]
)
def test_types_that_are_no_text_are_refused(tmp_path: Path, way: Way, value: str) -> None:
    made = make_contract(tmp_path, column("value"))
    (landed,) = way.landed(tmp_path, made, f"select {value} as value")
    assert landed.error is not None
    assert "things: the column 'value' has the type " in landed.error
    assert "Cast it in the query (money to numeric, others to text), or leave it out." in landed.error


@every_way("mariadb by tcp")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("cast(12345678901234567890.123456789 as decimal(65,9))", "12345678901234567890.123456789"),
        ("1e20", "1e+20"),
        ("cast('2025-07-01 10:00:00' as datetime)", "2025-07-01 10:00:00"),
        ("cast('2025-07-01 10:00:00.25' as datetime(6))", "2025-07-01 10:00:00.250000"),
        ("cast(18446744073709551615 as unsigned)", "18446744073709551615"),
        ("json_object('a', 1)", '{"a": 1}'),
        ("repeat('é', 2000)", "é" * 2000),
        ("no_day", "2025-02-00"),
        ("no_moment", "0000-00-00 00:00:00"),
    ],
)
def test_mariadbs_types_as_text(tmp_path: Path, way: Way, value: str, text: str) -> None:
    way.server.sql(
        "set sql_mode = ''; create table if not exists odd (no_day date, no_moment datetime);"
        "truncate odd; insert into odd values ('2025-02-00', '0000-00-00 00:00:00')"
    )
    made = make_contract(tmp_path, column("value"))
    (landed,) = way.landed(tmp_path, made, f"select {value} as value from odd")
    assert landed.error is None
    assert rows_of(landed.path, "value") == [(text,)]


@every_way("mariadb by tcp", "postgresql by odbc")
def test_bytes_by_odbc_are_refused_in_words(tmp_path: Path, way: Way) -> None:
    made = make_contract(tmp_path, column("value"))
    value = "x'dead'" if way.server.socket.name == "s" else "decode('dead', 'hex')"
    (landed,) = way.landed(tmp_path, made, f"select {value} as value")
    assert landed.error is not None
    assert "the column 'value' holds bytes; leave it out, or write it as text in the query." in landed.error


@every_way("mariadb by tcp")
def test_a_text_longer_than_expected_is_refused_in_words(tmp_path: Path, way: Way) -> None:
    made = make_contract(tmp_path, column("value"))
    way.server.sql("create table if not exists long_text (value longtext); truncate long_text;")
    way.server.sql("insert into long_text values (repeat('x', 5000))")
    (landed,) = way.landed(tmp_path, made, "select value from long_text")
    assert landed.error is not None
    assert "a text is longer than the 4,000 characters of connection.max_text_size" in landed.error
    (landed,) = way.landed(tmp_path, made, "select value from long_text", connection={"max_text_size": 5000})
    assert (landed.error, landed.rows) == (None, 1)


@every_way("postgresql by tcp")
def test_a_driver_that_is_not_installed_is_named_with_those_that_are(
    tmp_path: Path, contract: Contract, way: Way
) -> None:
    (landed,) = way.landed(tmp_path, contract, "select 1", connection={"odbc_driver": "PostgreSQL Unikode"})
    assert landed.error is not None
    assert "no ODBC driver 'PostgreSQL Unikode' is installed here." in landed.error
    assert "Install odbc-postgresql (Debian), or name another one as connection.odbc_driver." in landed.error
    for name in odbc.installed():
        assert f"'{name}'" in landed.error


# TLS


@pytest.fixture(scope="module")
def secured() -> Iterator[Server]:
    with databases.postgresql(tls=True) as server:
        server.sql(f"create user reader login password '{QUOTED}'")
        yield server


def test_postgresqls_certificate_is_checked(tmp_path: Path, secured: Server) -> None:
    made = make_contract(tmp_path, column("is_secure", "boolean"))
    query = "select ssl as is_secure from pg_stat_ssl where pid = pg_backend_pid()"
    (tmp_path / "other").mkdir()
    stranger, _, _ = databases.certificates(tmp_path / "other")

    def landed(host: str, authority: Path) -> Landed:
        uri = f"postgresql://reader@{host}:{secured.port}/hr?sslmode=verify-full&sslrootcert={authority}"
        (only,) = Way(secured, {"uri": uri, "password": PASSWORD}).landed(tmp_path, made, query)
        return only

    good = landed("localhost", secured.authority)
    assert good.error is None
    assert rows_of(good.path, "is_secure") == [(True,)]
    refused = landed("localhost", stranger)
    assert refused.error is not None and "SSL error" in refused.error
    refused = landed("localhost.localdomain", secured.authority)
    assert refused.error is not None and "127.0.0.1" not in refused.error.split(": things: ")[0]


def test_mariadbs_certificate_is_checked(tmp_path: Path, mariadb: Server) -> None:
    has_driver("mariadb")
    made = make_contract(tmp_path, column("cipher", required=True))
    query = "select variable_value as cipher from information_schema.session_status where variable_name = 'Ssl_cipher'"
    (tmp_path / "other").mkdir()
    stranger, _, _ = databases.certificates(tmp_path / "other")

    def landed(authority: Path) -> Landed:
        options = {"FORCETLS": True, "SSLVERIFY": 1, "SSLCA": str(authority)}
        connection = {
            "uri": f"mariadb://reader@127.0.0.1:{mariadb.port}/hr",
            "password": PASSWORD,
            "options": {word: "1" if value is True else value for word, value in options.items()},
        }
        (only,) = Way(mariadb, connection).landed(tmp_path, made, query)
        return only

    good = landed(mariadb.authority)
    assert good.error is None
    assert rows_of(good.path, "cipher")[0][0]
    refused = landed(stranger)
    assert refused.error is not None and "certificate" in refused.error.lower()
