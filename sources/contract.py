"""Contracts: what the project needs of a dataset, wherever it comes from.

One Open Data Contract Standard file gives the column types, the row checks, the zero-row table and dbt's source
description. How rows are fetched is no business of this module (see sources.connectors), nor is writing them
(sources.landing).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import pydantic
import yaml
from open_data_contract_standard.model import DataQuality, OpenDataContractStandard, SchemaProperty

from sources.errors import ConfigurationError, listed, nearest, not_yaml

CONTRACTS = Path(__file__).parent / "contracts"

Load = Literal["full", "snapshot", "incremental"]
_LOADS = ("full", "snapshot", "incremental")
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_VERSION = re.compile(r"^\d+\.\d+\.\d+$")
_MIGRATION = re.compile(r"^(\d+\.\d+\.\d+)_to_(\d+\.\d+\.\d+)$")
_DECIMAL = re.compile(r"^DECIMAL\((\d+), ?(\d+)\)$", re.IGNORECASE)
_SQL_TYPES = {
    "string": "VARCHAR",
    "integer": "INTEGER",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
}
_CLASSES = ("personal", "pseudonymised")
# What landing adds to every row, with SQL types: where it came from and when.
LINEAGE = {
    "_extract_id": "VARCHAR",
    "_extracted_at": "TIMESTAMPTZ",
    "_period_start": "DATE",
    "_row_number": "BIGINT",
    "_source": "VARCHAR",
    "_source_row": "BIGINT",
}
_CUSTOM = {
    "load",
    "rowsPerQuarter",
    "maximumRejectedShare",
    "maximumShrink",
    "periodColumn",
    "highWaterMark",
    "overlapDays",
    "deletedColumn",
    "requiredForRelease",
}


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _are_bounds(value: Any) -> bool:
    whole = isinstance(value, list) and len(value) == 2 and all(type(bound) is int for bound in value)
    return whole and 0 <= value[0] <= value[1]


def _is_number_of_days(value: Any) -> bool:
    return type(value) is int and value >= 0


_CUSTOM_FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "rowsPerQuarter": (_are_bounds, "the fewest and the most rows, for example [600, 2500]"),
    "maximumRejectedShare": (_is_share, "a share from 0 to 1, for example 0.02"),
    "maximumShrink": (_is_share, "a share from 0 to 1, for example 0.3"),
    "overlapDays": (_is_number_of_days, "a whole number of days, for example 7"),
    "requiredForRelease": (lambda value: isinstance(value, bool), "true or false"),
}


_MOMENTS = (("DATE", "TIMESTAMP"), "a date or a timestamp")
# Properties that name a column: SQL types that it may have, and how to say so.
_CUSTOM_COLUMNS = {
    "periodColumn": _MOMENTS,
    "highWaterMark": _MOMENTS,
    "deletedColumn": (("BOOLEAN",), "a boolean"),
}


@dataclass(frozen=True)
class Column:
    """One column of a contract. `sql_type` is DuckDB's; minimum, maximum and pattern bound its values.

    A personal column goes no further than staging. A pseudonymised one is replaced by a keyed hash before landing: it
    joins rows in staging and core, and leaves in no release.
    """

    name: str
    sql_type: str
    description: str
    required: bool
    is_key: bool
    is_personal: bool
    is_pseudonymised: bool = False
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    pattern: str | None = None

    @property
    def classification(self) -> str | None:
        """`personal`, `pseudonymised`, or None for what anyone may see."""
        return "personal" if self.is_personal else "pseudonymised" if self.is_pseudonymised else None

    @property
    def decimals(self) -> int:
        """Digits after the point of a DECIMAL column; 0 for others."""
        match = _DECIMAL.match(self.sql_type)
        return int(match[2]) if match else 0


@dataclass(frozen=True)
class Migration:
    """How what landed under one version of a contract is read under the next: `select` is SQL over `extract`."""

    path: Path
    from_version: str
    to_version: str
    select: str


@dataclass(frozen=True)
class Contract:
    """One dataset's contract.

    `load` says what an extract is: `full` (the whole dataset; replaces), `snapshot` (a quarter whole) or
    `incremental` (rows updated in a quarter; the newest row of a key counts). `high_water_mark` names the column that
    says when a row was last updated: only what changed since, and `overlap_days` before, is then asked for again.
    `deleted_column` says of the newest row of a key whether it is gone. `rules` are row rules as
    (name, SQL condition). `rows_per_quarter` are inclusive bounds of an extract; `maximum_rejected_share` and
    `maximum_shrink` are shares (0 to 1).
    """

    system: str
    dataset: str
    version: str
    purpose: str
    columns: tuple[Column, ...]
    rules: tuple[tuple[str, str], ...]
    load: Load
    period_column: str | None
    rows_per_quarter: tuple[int, int] | None
    maximum_rejected_share: float
    maximum_shrink: float
    required_for_release: bool
    latency_days: int | None
    high_water_mark: str | None = None
    overlap_days: int = 7
    deleted_column: str | None = None
    migrations: tuple[Migration, ...] = ()

    @property
    def name(self) -> str:
        """`complaints.cases`."""
        return f"{self.system}.{self.dataset}"

    @property
    def table(self) -> str:
        """Name of the raw view that dbt reads: `complaints__cases`."""
        return f"{self.system}__{self.dataset}"

    @property
    def is_open(self) -> bool:
        """Whether it names no column: connectors then give every column there is, under its own heading. Only for
        looking at a source that no contract describes yet (sources.scaffold)."""
        return not self.columns

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the key columns; empty where identical rows are legitimate."""
        return tuple(column.name for column in self.columns if column.is_key)

    def column(self, name: str) -> Column:
        """The column called `name`. Raises KeyError when the contract has none."""
        return next(column for column in self.columns if column.name == name)

    def migrations_from(self, version: str) -> list[Migration]:
        """The migrations, in order, by which what landed under `version` is read now; none where only columns may have
        been added since. Raises ConfigurationError, naming the file to write, where one is missing."""
        steps: list[Migration] = []
        while _major(version) != _major(self.version):
            step = next((each for each in self.migrations if _major(each.from_version) == _major(version)), None)
            if step is None:
                file = f"sources/contracts/{self.system}/migrations/{self.dataset}_{version}_to_{self.version}.sql"
                raise ConfigurationError(
                    f"{self.name}: extracts in force landed under version {version} of the contract, which is now "
                    f"{self.version}: what they hold is no longer what it describes. Write {file}: one SELECT … FROM "
                    "extract that makes the new columns of the old ones, or land them again."
                )
            steps.append(step)
            version = step.to_version
        return steps

    def zero_rows(self) -> str:
        """SQL with the raw table's columns, typed, and no row: what dbt reads where a council lacks the dataset."""
        types = {column.name: column.sql_type for column in self.columns} | LINEAGE
        columns = ", ".join(f"cast(null as {sql_type}) as {name}" for name, sql_type in types.items())
        return f"select {columns} where false"


def load_contracts(folder: Path = CONTRACTS) -> dict[str, Contract]:
    """Every contract under `folder`, by name, sorted. Raises ConfigurationError with all problems of all files."""
    contracts, problems = {}, []
    for path in sorted(folder.glob("*/*.yaml")):
        try:
            contract = load_contract(path)
            contracts[contract.name] = contract
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return contracts


@lru_cache
def load_contract(path: Path) -> Contract:
    """The contract in `path` (`<system>/<dataset>.yaml`). Raises ConfigurationError naming file, key and remedy."""
    where = f"sources/{path.parent.parent.name}/{path.parent.name}/{path.name}"
    standard, problems = _standard(path, where)
    system, dataset = path.parent.name, path.stem
    if standard.id != f"{system}.{dataset}":
        problems.append(f"id: is '{standard.id}', but the file's place makes it '{system}.{dataset}'.")
    if not _VERSION.match(str(standard.version)):
        problems.append(f"version: '{standard.version}' is not a version; write for example 1.0.0.")
    tables = standard.schema_ or []
    if len(tables) != 1 or tables[0].name != dataset:
        problems.append(f"schema: must hold exactly one table, named '{dataset}'.")
    columns = _columns((tables[0].properties or []) if tables else [], problems)
    rules = _rules((tables[0].quality or []) if tables else [], problems)
    custom: dict[str, Any] = {item.property or "": item.value for item in standard.customProperties or []}
    problems += _custom_problems(custom, columns)
    migrations = _migrations(path.parent / "migrations", dataset, problems)
    if problems:
        raise ConfigurationError([f"{where}: {problem}" for problem in problems])
    latency = next((sla.value for sla in standard.slaProperties or [] if sla.property == "latency"), None)
    bounds = custom.get("rowsPerQuarter")
    return Contract(
        system=system,
        dataset=dataset,
        version=str(standard.version),
        purpose=(standard.description.purpose or "") if standard.description else "",
        columns=columns,
        rules=rules,
        load=custom["load"],
        period_column=custom.get("periodColumn"),
        high_water_mark=custom.get("highWaterMark"),
        overlap_days=int(custom.get("overlapDays", 7)),
        deleted_column=custom.get("deletedColumn"),
        migrations=migrations,
        rows_per_quarter=(int(bounds[0]), int(bounds[1])) if bounds else None,
        maximum_rejected_share=float(custom.get("maximumRejectedShare", 0.02)),
        maximum_shrink=float(custom.get("maximumShrink", 0.3)),
        required_for_release=bool(custom.get("requiredForRelease", False)),
        latency_days=int(latency) if isinstance(latency, (int, float)) else None,
    )


def _standard(path: Path, where: str) -> tuple[OpenDataContractStandard, list[str]]:
    """The file as the standard has it, and its unknown keys. Raises ConfigurationError where it is no such file."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{where}: not an Open Data Contract: {not_yaml(error)}") from None
    problems = list(_unknown_keys(document, OpenDataContractStandard, ""))
    try:
        return OpenDataContractStandard.model_validate(document), problems
    except pydantic.ValidationError as error:
        for fault in error.errors():
            if fault["type"] != "extra_forbidden":  # already among the unknown keys, with a hint
                place = ".".join(map(str, fault["loc"])) or "the file"
                problems.append(f"not an Open Data Contract: {place}: {fault['msg']}.")
        raise ConfigurationError([f"{where}: {problem}" for problem in problems]) from None


def _columns(items: Iterable[SchemaProperty], problems: list[str]) -> tuple[Column, ...]:
    columns: list[Column] = []
    for item in items:
        try:
            columns.append(_column(item))
        except ValueError as error:
            problems.append(f"schema.{item.name}: {error}")
    names = [column.name for column in columns]
    problems += [f"schema.{name}: stands twice." for name in sorted({name for name in names if names.count(name) > 1})]
    return tuple(columns)


def _rules(qualities: Iterable[DataQuality], problems: list[str]) -> tuple[tuple[str, str], ...]:
    rules = []
    for quality in qualities:
        if quality.type != "custom" or quality.engine != "row" or not isinstance(quality.implementation, str):
            problems.append(f"schema.quality '{quality.name}': use type custom, engine row, implementation SQL.")
        else:
            rules.append((quality.name or quality.implementation, quality.implementation))
    return tuple(rules)


def _custom_problems(custom: Mapping[str, Any], columns: Sequence[Column]) -> Iterator[str]:
    for key in custom:
        if key not in _CUSTOM:
            yield f"customProperties: '{key}' is not known.{nearest(key, _CUSTOM)} Known: {listed(sorted(_CUSTOM))}."
    load = custom.get("load")
    if load not in _LOADS:
        told = f"'{load}' must be" if "load" in custom else "is missing; give"
        yield f"customProperties.load: {told} one of {listed(_LOADS)}."
    for key, (fits, form) in _CUSTOM_FORMS.items():
        if key in custom and not fits(custom[key]):
            yield f"customProperties.{key}: {custom[key]!r} will not do; write {form}."
    names = [column.name for column in columns]
    for key, (types, kind) in _CUSTOM_COLUMNS.items():
        named = custom.get(key)
        if named is not None and named not in names:
            yield f"customProperties.{key}: no column '{named}'.{nearest(str(named), names)}"
        elif any(column.name == named and column.sql_type not in types for column in columns):
            yield f"customProperties.{key}: '{named}' must be {kind}."
    for key in ("highWaterMark", "deletedColumn"):
        if key in custom and load in ("full", "snapshot"):
            yield f"customProperties.{key}: only an incremental dataset (load: incremental) can have one."
    if "overlapDays" in custom and "highWaterMark" not in custom:
        yield "customProperties.overlapDays: says how far to go back from a highWaterMark; name that, too."
    if load == "incremental" and not any(column.is_key for column in columns):
        yield "schema: an incremental dataset needs a primary key, to know which row is newest."


def _migrations(folder: Path, dataset: str, problems: list[str]) -> tuple[Migration, ...]:
    migrations: list[Migration] = []
    for file in sorted(folder.glob(f"{dataset}_[0-9]*.sql")):
        match = _MIGRATION.match(file.stem.removeprefix(f"{dataset}_"))
        if match is None or _major(match[1]) >= _major(match[2]):
            problems.append(f"migrations/{file.name}: name it {dataset}_<version>_to_<a later major version>.sql.")
        elif any(_major(other.from_version) == _major(match[1]) for other in migrations):
            problems.append(f"migrations/{file.name}: there is another one from version {_major(match[1])}. Keep one.")
        else:
            select = file.read_text(encoding="utf-8").rstrip().removesuffix(";")
            migrations.append(Migration(file, match[1], match[2], select))
    return tuple(migrations)


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _column(item: SchemaProperty) -> Column:
    if not item.name or not _NAME.match(item.name):
        raise ValueError("column names are lower_snake_case.")
    if item.logicalType == "number":
        match = _DECIMAL.match(item.physicalType or "")
        if not match:
            raise ValueError("a number needs its exact type, for example physicalType: DECIMAL(14,2).")
        sql_type = f"DECIMAL({match[1]},{match[2]})"
    elif item.logicalType in _SQL_TYPES:
        sql_type = _SQL_TYPES[item.logicalType]
    else:
        known = [*_SQL_TYPES, "number"]
        raise ValueError(f"logicalType '{item.logicalType}' is not supported.{nearest(str(item.logicalType), known)}")
    options: dict[str, Any] = item.logicalTypeOptions or {}
    known_options = {"minimum", "maximum", "exclusiveMinimum", "pattern"}
    for option in options:
        if option not in known_options:
            raise ValueError(f"logicalTypeOptions.{option} is not supported.{nearest(option, known_options)}")
        if option != "pattern" and type(options[option]) not in (int, float):
            raise ValueError(f"logicalTypeOptions.{option}: {options[option]!r} is not a number.")
    if item.classification is not None and item.classification not in _CLASSES:
        raise ValueError(
            f"classification '{item.classification}' is not known.{nearest(str(item.classification), _CLASSES)} "
            f"Known: {listed(_CLASSES)}."
        )
    if item.classification == "pseudonymised" and (sql_type != "VARCHAR" or options or item.enum):
        raise ValueError("a pseudonymised column is a string without enum or logicalTypeOptions: it holds a hash.")
    return Column(
        name=item.name,
        sql_type=sql_type,
        description=item.description or item.name.replace("_", " "),
        required=bool(item.required or item.primaryKey),
        is_key=bool(item.primaryKey),
        is_personal=item.classification == "personal",
        is_pseudonymised=item.classification == "pseudonymised",
        values=tuple(str(value.value) for value in item.enum or []),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        exclusive_minimum=options.get("exclusiveMinimum"),
        pattern=options.get("pattern"),
    )


def _unknown_keys(node: Any, model: type[pydantic.BaseModel], path: str) -> Iterable[str]:
    """The standard's own model lets unknown keys pass in silence; a mistyped key must not."""
    if not isinstance(node, dict):
        return
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for key, value in node.items():
        if key not in fields:
            yield f"{path}{key}: not a key of the Open Data Contract Standard.{nearest(key, fields)}"
            continue
        inner = _model_of(fields[key].annotation)
        if inner:
            for item in value if isinstance(value, list) else [value]:
                name = item.get("name") if isinstance(value, list) and isinstance(item, dict) else None
                yield from _unknown_keys(item, inner, f"{path}{key}.{f'{name}.' if name else ''}")


def _model_of(annotation: Any) -> type[pydantic.BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if found := _model_of(argument):
            return found
    return None


def dbt_sources(contracts: dict[str, Contract]) -> str:
    """dbt's description of the raw views, as YAML: generated from the contracts so that no second catalogue exists."""
    tables = [
        {
            "name": contract.table,
            "description": contract.purpose,
            "config": {"meta": {"system": contract.system, "dataset": contract.dataset, "load": contract.load}},
            "columns": [
                {
                    "name": column.name,
                    "description": column.description,
                    "data_type": column.sql_type.lower(),
                    **({"config": {"meta": {"classification": kind}}} if (kind := column.classification) else {}),
                }
                for column in contract.columns
            ],
        }
        for contract in contracts.values()
    ]
    head = "# Made from sources/contracts by `make contracts`; do not edit.\n"
    document = {
        "version": 2,
        "sources": [
            {
                "name": "raw",
                "schema": "raw",
                "description": "Extracts in force: one view per dataset.",
                "tables": tables,
            }
        ],
    }
    return head + yaml.safe_dump(document, sort_keys=False, width=120, allow_unicode=True)


if __name__ == "__main__":
    print(dbt_sources(load_contracts()), end="")
