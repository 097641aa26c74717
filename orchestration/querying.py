"""Read-only SQL for people: the curated tables by their schema, and the current release's files as `release`."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.csv

from exports.formats import neutralised
from orchestration.settings import Settings
from sources.errors import ConfigurationError

TABLES = """
    select case when table_catalog = 'release' then 'release' else table_schema end || '.' || table_name as "table",
           count(*) as columns
    from information_schema.columns
    where table_catalog in ('curated', 'release') and table_schema not in ('information_schema', 'pg_catalog')
    group by 1 order by 1
"""


def query(settings: Settings, sql: str) -> pa.Table:
    """The result of one statement. Nothing can be written, and no file outside the council's releases be read.

    Raises FileNotFoundError before the first build, ConfigurationError for SQL that DuckDB refuses.
    """
    if not settings.curated.exists():
        raise FileNotFoundError(f"{settings.curated}: nothing has been built yet. Run `vitals run` first.")
    with duckdb.connect(":memory:") as con:
        con.execute(f"attach {_quoted(settings.curated)} as curated (read_only)")
        con.execute("attach ':memory:' as release")
        for file in sorted((settings.releases / "current").resolve().glob("*/*.parquet")):
            name = file.stem.replace('"', "")
            con.execute(f'create view release.main."{name}" as select * from read_parquet({_quoted(file)})')
        con.execute(f"set allowed_directories = [{_quoted(f'{settings.releases}/')}]")
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        con.execute("use curated.marts")
        try:
            if [statement.type for statement in con.extract_statements(sql)] != [duckdb.StatementType.SELECT]:
                raise ConfigurationError("One question at a time: SELECT (or DESCRIBE, SHOW, SUMMARIZE), nothing else.")
            return con.execute(sql).to_arrow_table()
        except duckdb.Error as error:
            raise ConfigurationError(str(error)) from None


def is_number(field: pa.Field) -> bool:
    """Whether a column is shown flush right."""
    return bool(pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type))


def as_csv(table: pa.Table) -> bytes:
    """The whole result as CSV. Text that a spreadsheet would run as a formula is led by an apostrophe."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            coded = table.column(place).combine_chunks().dictionary_encode()
            safe = [None if text is None else neutralised(text) for text in coded.dictionary.to_pylist()]
            column = pa.DictionaryArray.from_arrays(coded.indices, pa.array(safe, pa.string())).dictionary_decode()
            table = table.set_column(place, field, column)
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(table, sink)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"
