"""A council's `sources/<system>.yaml`: which connector, where, with which credentials, and how fields map to contracts.

Validated whole, every problem at once, each naming file, key and remedy. Credentials are names of variables here; they
are resolved when a source is read (sources.secrets), never before.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pydantic
import yaml

from sources import connectors, door, secrets
from sources.contract import Contract
from sources.errors import ConfigurationError, SourceError, listed, nearest, not_yaml, shown_path
from sources.extract import Extract, Request, reading
from sources.periods import Quarter

_BRACED = re.compile(r"\$\{[^}]*\}")
_SHORTEST_KEY = 16  # characters of a key for pseudonyms: what is shorter can be guessed, and people with it


class _Document(pydantic.BaseModel):
    """The keys that every source file has; `connection` and `datasets` are checked by the connector's own models."""

    model_config = pydantic.ConfigDict(extra="forbid")
    system: str
    owner: str
    connector: str
    connection: dict[str, Any] = {}
    pseudonym_key: str | None = None
    datasets: dict[str, dict[str, Any]]
    licence: str | None = None


@dataclass(frozen=True)
class Source:
    """One source system of one council. `datasets` maps a dataset's name to its contract."""

    system: str
    owner: str
    connector: str
    path: Path
    licence: str | None
    datasets: Mapping[str, Contract]
    _folder: Path = field(repr=False)
    _connection: Mapping[str, Any]
    _pseudonym_key: str | None
    _requests: Mapping[str, Request] = field(repr=False)

    @property
    def variables(self) -> list[str]:
        """Names of the variables that reading this source needs."""
        return sorted({name for value in self._settings().values() for name in secrets.variables(value)})

    def secrets_written_out(self) -> list[str]:
        """Problems, one for each secret that stands in the YAML itself."""
        return [
            f"{self.path}: {place}: a secret does not belong in this file. Name a variable that holds it, as "
            '"${SOME_PASSWORD}", and change the secret: it has been seen.'
            for place in secrets.written_out(self._connection, "connection")
        ]

    def missing_variables(self) -> list[str]:
        """Problems, one for each variable that cannot be read; each names file, key and remedy."""
        return [
            f"{self.path}: {key}: {problem}"
            for key, value in self._settings().items()
            for name in secrets.variables(value)
            if (problem := secrets.problem(name))
        ]

    def _settings(self) -> dict[str, Any]:
        """What holds variables, by its place in the YAML."""
        settings = {f"connection.{key}": value for key, value in self._connection.items()}
        return settings | ({"pseudonym_key": self._pseudonym_key} if self._pseudonym_key else {})

    def connect(self) -> pydantic.BaseModel:
        """The connection with its variables resolved. Raises ConfigurationError for a missing or malformed one."""
        if problems := self.missing_variables():
            raise ConfigurationError(problems)
        values = secrets.resolve(self._connection)
        with door.scrubbed(str(self.path)):
            try:
                return self._module.Connection.model_validate(values, context={"folder": self._folder})
            except pydantic.ValidationError as error:
                raise ConfigurationError(explain(error, f"{self.path}: connection", self._module.Connection)) from None

    def extract(
        self, dataset: str, quarters: list[Quarter], since: Mapping[Quarter, datetime] = {}
    ) -> Iterator[Extract]:
        """Read `dataset` for `quarters`: one Extract a quarter, or one for all where the dataset is kept whole.
        For a quarter in `since`, only rows that changed from that moment on.

        Reading happens while the extract's rows are consumed. Raises ConfigurationError before anything is read,
        SourceError while reading. Secrets and identifiers of people stay behind (sources.door).
        """
        contract = self.datasets[dataset]
        connection, key = self.connect(), self._key()
        with door.scrubbed(contract.name):
            for extract in self._module.extract(connection, self._requests[dataset], contract, quarters, since):
                yield dataclasses.replace(door.leaving(extract, contract, key), reading=self.reading(dataset))

    @property
    def asks_for_changes(self) -> bool:
        """Whether the source can be asked for what has changed; else it is read as it is now, time and again."""
        return self.connector in connectors.ASK_FOR_CHANGES

    def reading(self, dataset: str) -> str:
        """A digest of how rows of `dataset` are read: it changes with contract, mapping, the files beside them and the
        key of its pseudonyms. Raises ConfigurationError where that cannot be read."""
        contract, key = self.datasets[dataset], self._key()
        hashes = any(column.is_pseudonymised for column in contract.columns)
        mark = door.pseudonym(key, "which key this is") if key and hashes else None
        return reading(contract, self._requests[dataset], mark)

    def _key(self) -> str | None:
        if self._pseudonym_key is None:
            return None
        for name in secrets.variables(self._pseudonym_key):
            if problem := secrets.problem(name):
                raise ConfigurationError(f"{self.path}: pseudonym_key: {problem}")
        key: str = secrets.resolve(self._pseudonym_key, "pseudonym_key")
        if len(key) < _SHORTEST_KEY:
            raise ConfigurationError(
                f"{self.path}: pseudonym_key: too short to be a key: it needs {_SHORTEST_KEY} characters or more. "
                "Make one with `openssl rand -hex 32`, and keep it."
            )
        return key

    def reach(self, datasets: Iterable[str] | None = None) -> None:
        """Raise SourceError, saying how to mend it, when the system does not answer or refuses us for one of `datasets`
        (None: all)."""
        connection = self.connect()
        self._key()
        with door.scrubbed(str(self.path)):
            for name in self.datasets if datasets is None else datasets:
                self._module.reach(connection, self._requests[name])

    @property
    def _module(self) -> ModuleType:
        return connectors.named(self.connector)


def load_sources(folder: Path, contracts: Mapping[str, Contract]) -> dict[str, Source]:
    """Every source of a council (`councils/<name>/sources`), by system. Raises ConfigurationError with all problems."""
    sources: dict[str, Source] = {}
    problems: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            source = load_source(path, contracts)
            if source.system in sources:
                problems.append(
                    f"{source.path}: system: '{source.system}' is already read by {sources[source.system].path}. "
                    "One file per system: put the datasets together, or rename the system."
                )
            sources.setdefault(source.system, source)
            problems += source.secrets_written_out()
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    if not sources:
        raise ConfigurationError(f"{folder}: holds no source. A source is one YAML file per system.")
    return sources


def load_source(path: Path, contracts: Mapping[str, Contract]) -> Source:
    """The source that `path` declares. Raises ConfigurationError with every problem in it."""
    shown = shown_path(path)
    text = path.read_text(encoding="utf-8")
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        hint = " (Inside {…} a value such as ${NAME} needs quotes.)" if "${" in text else ""
        raise ConfigurationError(f"{shown}: {not_yaml(error)}{hint}") from None
    try:
        document = _Document.model_validate(content)
    except pydantic.ValidationError as error:
        raise ConfigurationError(explain(error, str(shown), _Document)) from None
    problems: list[str] = []
    known = {contract.system for contract in contracts.values()}
    if document.system not in known:
        problems.append(f"{shown}: system: no contracts for '{document.system}'.{nearest(document.system, known)}")
    if document.connector not in connectors.KINDS:
        problems.append(
            f"{shown}: connector: '{document.connector}' is not a connector."
            f"{nearest(document.connector, connectors.KINDS)} Connectors: {listed(connectors.KINDS)}."
        )
        raise ConfigurationError(problems)
    module = connectors.named(document.connector)
    problems += _unknown(document.connection, module.Connection, f"{shown}: connection")
    requests: dict[str, Request] = {}
    datasets: dict[str, Contract] = {}
    for name, request in document.datasets.items():
        contract = contracts.get(f"{document.system}.{name}")
        where = f"{shown}: datasets.{name}"
        if contract is None:
            offered = [c.dataset for c in contracts.values() if c.system == document.system]
            problems.append(
                f"{where}: no contract sources/contracts/{document.system}/{name}.yaml.{nearest(name, offered)} "
                f"Contracts of {document.system}: {listed(offered)}."
            )
            continue
        try:
            requests[name] = module.Request.model_validate(request, context={"folder": path.parent})
        except pydantic.ValidationError as error:
            problems += explain(error, where, module.Request)
            continue
        columns = [column.name for column in contract.columns]
        for key, column in requests[name].named_columns():
            if column not in columns:
                problems.append(
                    f"{where}.{key}.{column}: {contract.name} has no such column."
                    f"{nearest(column, columns)} It has: {listed(columns)}."
                )
            elif key == "absent" and contract.column(column).required:
                problems.append(
                    f"{where}.absent.{column}: {contract.name} requires it. Say under `columns` where it comes "
                    "from, or give it a constant."
                )
        datasets[name] = contract
    problems += [f"{shown}: {problem}" for problem in _misplaced_variables(document)]
    problems += [f"{shown}: pseudonym_key: {problem}" for problem in _key_problems(document.pseudonym_key, datasets)]
    if problems:
        raise ConfigurationError(problems)
    return Source(
        system=document.system,
        owner=document.owner,
        connector=document.connector,
        path=shown,
        licence=document.licence,
        datasets=datasets,
        _folder=path.resolve().parent,
        _connection=document.connection,
        _pseudonym_key=document.pseudonym_key,
        _requests=requests,
    )


def _misplaced_variables(document: _Document) -> Iterator[str]:
    """What is written like a variable and would stay as it is."""
    for key, value in document.connection.items():
        if _BRACED.search(secrets.VARIABLE.sub("", str(value))):
            yield f"connection.{key}: what stands in ${{…}} is no variable: names are capitals, as ${{CRM_EXPORTS}}."
    for name, request in document.datasets.items():
        if secrets.VARIABLE.search(str(request)):
            yield f"datasets.{name}: a variable such as ${{NAME}} is filled in below `connection` only. Put it there."


def _key_problems(key: str | None, datasets: Mapping[str, Contract]) -> Iterator[str]:
    if key is not None and not secrets.VARIABLE.fullmatch(key):
        yield 'the key itself does not belong in this file. Name a variable that holds it, as "${HR_PSEUDONYM_KEY}".'
    for contract in datasets.values() if key is None else ():
        if named := [column.name for column in contract.columns if column.is_pseudonymised]:
            yield (
                f"is missing: {contract.name} gives pseudonyms to {listed(named)}. Name a variable that holds a key, "
                'as "${HR_PSEUDONYM_KEY}".'
            )


def _unknown(values: Mapping[str, Any], model: type[pydantic.BaseModel], where: str) -> list[str]:
    """Keys that the connection's model does not know; its values can be checked only once variables are resolved."""
    if model.model_config.get("extra") == "allow":
        return []
    return [
        f"{where}.{key}: not a known key.{nearest(key, model.model_fields)} Keys: {listed(model.model_fields)}."
        for key in values
        if key not in model.model_fields
    ]


def explain(error: pydantic.ValidationError, where: str, model: type[pydantic.BaseModel]) -> list[str]:
    """Pydantic's errors as `file: key: what is wrong. Did you mean …?`, without input values: they may be secret."""
    problems = []
    for item in error.errors(include_url=False, include_input=False):
        place = ".".join(_walk(model, item["loc"])[0])
        separator = ": " if where.endswith((".yaml", ".yml")) else "."
        at = f"{where}{separator}{place}" if place else where
        if item["type"] == "extra_forbidden":
            _, keys = _walk(model, item["loc"][:-1])
            hint = nearest(str(item["loc"][-1]), keys)
            problems.append(f"{at}: not a known key.{hint} Keys: {listed(keys)}.")
        elif item["type"] == "missing":
            problems.append(f"{at}: is missing. Add it.")
        elif item["type"] == "union_tag_invalid":
            key = item["ctx"]["discriminator"].strip("'")
            kinds = [kind.strip("'") for kind in item["ctx"]["expected_tags"].split(", ")]
            # What is near to a kind is a slip of the pen; anything else may be a secret in the wrong place.
            hint = nearest(item["ctx"]["tag"], kinds)
            told = f"'{item['ctx']['tag']}' is" if hint else "is"
            problems.append(f"{at}.{key}: {told} not a kind of {at.split('.')[-1]}.{hint} Kinds: {', '.join(kinds)}.")
        elif item["type"] == "union_tag_not_found":
            problems.append(f"{at}.{item['ctx']['discriminator'].strip(chr(39))}: is missing. Add it.")
        else:
            message = item["msg"].removeprefix("Value error, ")
            problems.append(f"{at}: {message}{'' if message.endswith('.') else '.'}")
    return problems


def _walk(model: type[pydantic.BaseModel], location: Iterable[int | str]) -> tuple[list[str], list[str]]:
    """Where an error stands as the YAML has it (without the tags that pydantic puts before members of a union), and
    the keys allowed there."""
    current, place = [model], []
    for part in location:
        if tagged := [candidate for candidate in current if _is_tag(candidate, part)]:
            current = tagged
            continue
        place.append(str(part))
        annotations = [info.annotation for each in current if (info := each.model_fields.get(str(part)))]
        inner = [
            candidate
            for annotation in annotations
            for candidate in _models(annotation)
            if isinstance(candidate, type) and issubclass(candidate, pydantic.BaseModel)
        ]
        current = inner or current
    return place, sorted({info.alias or key for each in current for key, info in each.model_fields.items()})


def _is_tag(model: type[pydantic.BaseModel], part: int | str) -> bool:
    return any(part in get_args(info.annotation) for info in model.model_fields.values() if info.annotation)


def _models(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)


__all__ = ["ConfigurationError", "Source", "SourceError", "load_source", "load_sources"]
