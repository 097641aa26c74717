"""Drafts a contract and a source's YAML from a sample of the real source, for a person to review.

Types are found by landing the sample aside under every type that a column could have: what fits there lands later.
Belongs here: guessing, and writing the guesses down. Not here: reading (sources.connectors), judging rows
(sources.landing).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pyarrow as pa
import pydantic
import yaml

from sources import connectors, door, secrets
from sources.config import explain, load_source
from sources.connectors import placeholders
from sources.connectors.readers.headers import plain
from sources.contract import Column, Contract, load_contract, load_contracts
from sources.errors import ConfigurationError, SourceError, listed, nearest, shown_path
from sources.extract import DATE_PATTERNS, EXCEL_SERIAL, Extract, Format, text_batch
from sources.landing import land
from sources.periods import Quarter

ROWS = 5_000  # of the sample: enough to meet a value that is no number, little enough to be quick
_DATABASES = ("postgresql", "sqlite", "mariadb", "sqlserver", "oracle")
_PLACES = ("sftp", "s3", "azure")
_FILE = re.compile(r"\.(csv|txt|tsv|xlsx|xlsm|xlsb|xls|ods|parquet|jsonl|ndjson|json|zip|gz)$", re.IGNORECASE)
_SQLITE = re.compile(r"\.(db|sqlite3?)$", re.IGNORECASE)
_IDENTIFIER = re.compile(r"(^|_)(id|ref|reference|code|number|no|uprn|key|urn)$")
_PERSONAL = re.compile(
    r"(^|_)(forename|surname|first_name|last_name|full_name|person|employee|claimant|tenant|resident|patient|pupil|email|phone|"
    r"mobile|address|post_?code|uprn|nino|national_insurance|dob|date_of_birth|birth)(_|$)"
)
_MONEY = re.compile(
    r"(^|_)(gbp|amounts?|costs?|prices?|paid|spend|income|budgets?|values?|pounds|fees?|fines?|charges?|rents?|salary|"
    r"balance)(_|$)"
)
_CLOCK = re.compile(
    r"[T ](?!00:00(:00([.]0+)?)?(Z|[+-]00:?00)?$)\d\d?:\d\d"
)  # not midnight, which workbooks add to days
_TOTAL = re.compile(r"(sub|grand[ -]?)?totals?\b", re.IGNORECASE)
# Kinds in order of preference, with DuckDB's types. Text is what is left.
_KINDS = {"boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP", "integer": "INTEGER", "number": "DECIMAL"}
_OF_KEYS = ("string", "date", "timestamp")
_FIRST = 12  # columns among which a pair is looked for: keys stand on the left
_NULLS = ("NA", "N/A", "n/a", "None", "none", "-", "--", ".", "?")


@dataclass(frozen=True)
class Origin:
    """Where a sample comes from: a connector's name, and its `connection` and dataset keys as in the YAML."""

    connector: str
    connection: Mapping[str, Any]
    request: Mapping[str, Any]


@dataclass(frozen=True)
class Draft:
    """What was guessed: the contract's file, the dataset's lines of the source's YAML, and what a person should look
    at."""

    contract: str
    dataset: str
    connection: str
    remarks: tuple[str, ...]


def origin_of(address: str | None, settings: Iterable[str] = ()) -> Origin:
    """The origin that `address` means: a file's path or address, a database's URI, or an API's; `settings` are written
    `connector=arcgis`, `connection.key=value` or `dataset.key=value` and add to it. Raises ConfigurationError.
    """
    told: dict[str, Any] = {"connector": None, "connection": {}, "dataset": {}}
    if address:
        told["connector"], told["connection"], told["dataset"] = _guessed(address)
    for setting in settings:
        path, separator, text = setting.partition("=")
        first, *rest = path.split(".")
        if not separator or first not in told or bool(rest) != (first != "connector"):
            raise ConfigurationError(
                f"--set {setting}: write connector=NAME, connection.KEY=VALUE or dataset.KEY=VALUE, for example "
                "dataset.records=items."
            )
        if first == "connector":
            told["connector"] = text
            continue
        place = told[first]
        for part in rest[:-1]:
            place = place.setdefault(part, {})
        place[rest[-1]] = yaml.safe_load(text)
    if told["connector"] not in connectors.KINDS:
        raise ConfigurationError(
            f"'{told['connector']}' is not a connector.{nearest(str(told['connector']), connectors.KINDS)} Connectors: "
            f"{listed(connectors.KINDS)}. Name one with --set connector=…"
        )
    if told["connector"] == "database" and not {"query", "query_file"} & set(told["dataset"]):
        raise ConfigurationError("A database needs a query: --query 'select … from …'.")
    return Origin(told["connector"], told["connection"], told["dataset"])


def _guessed(address: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    parts = urlsplit(address)
    if parts.scheme in _DATABASES:
        return "database", {"uri": address}, {}
    named = _FILE.search(parts.path if "://" in address else address)
    is_web = parts.scheme in ("http", "https")
    if named and not (is_web and named[1].lower() == "json"):
        if "://" in address:
            place, _, name = address.rpartition("/")
            return "files", {"location": place}, {"files": name}
        path = Path(address).expanduser().resolve()
        return "files", {"location": str(path.parent)}, {"files": path.name}
    if _SQLITE.search(address) and "://" not in address:
        return "database", {"uri": f"sqlite://{Path(address).expanduser().resolve()}"}, {}
    if is_web:
        request: dict[str, Any] = {"path": parts.path or "/"}
        if parts.query:
            request["params"] = dict(parse_qsl(parts.query))
        return "rest", {"base_url": f"{parts.scheme}://{parts.netloc}"}, {"request": request}
    raise ConfigurationError(
        f"'{address}' is no file, database or web address that is known here. Files end in .csv, .xlsx, .ods, "
        f".parquet, .json, .zip or .gz; databases begin with {listed(f'{scheme}://' for scheme in _DATABASES)}; "
        f"folders elsewhere with {listed(f'{scheme}://' for scheme in _PLACES)}; anything else needs --set connector=…"
    )


def read_sample(origin: Origin, folder: Path, quarter: Quarter) -> tuple[pa.Table, tuple[str, ...]]:
    """The first rows of the source as text under its own headings, and what the connector noted on the way.

    `folder` is where the source's YAML will stand. Raises ConfigurationError for keys that the connector does not know
    and variables that are not set, SourceError where the source cannot be read.
    """
    if unset := [problem for name in secrets.variables(dict(origin.connection)) if (problem := secrets.problem(name))]:
        raise ConfigurationError(unset)
    module = connectors.named(origin.connector)
    given: dict[type[pydantic.BaseModel], Any] = {
        module.Connection: secrets.resolve(dict(origin.connection)),
        module.Request: dict(origin.request),
    }
    with door.scrubbed("source new"):
        read = []
        for model, values in given.items():
            try:
                read.append(model.model_validate(values, context={"folder": folder}))
            except pydantic.ValidationError as error:
                place = "connection" if model is module.Connection else "dataset"
                raise ConfigurationError(explain(error, f"{origin.connector}: {place}", model)) from None
        batches, rows, notes = [], 0, []
        for extract in module.extract(*read, _open("sample", "rows"), [quarter]):
            for batch in extract.batches:
                batches.append(batch.slice(0, ROWS - rows))
                rows += batches[-1].num_rows
                if rows >= ROWS:
                    break
            notes += extract.notes
    named = [[name for name in batch.schema.names if not name.startswith("_")] for batch in batches]
    if not any(named):
        raise SourceError("The source gave no rows, so there is nothing to infer from. Name a place that has some.")
    widest = max(named, key=len)
    whole = [batch.select(widest) for batch in batches if set(widest) <= set(batch.schema.names)]
    return pa.Table.from_batches(whole), tuple(notes)


def with_records(origin: Origin) -> Origin:
    """The origin of an API, with the place of its list of records where nobody has named it: the first one that the
    answer holds. Raises SourceError where there is none."""
    request = origin.request.get("request", {})
    if origin.connector != "rest" or "records" in origin.request or request.get("method", "get") != "get":
        return origin
    from sources.connectors.http import Client, HttpConnection

    with (
        door.scrubbed("source new"),
        Client(HttpConnection.model_validate(secrets.resolve(dict(origin.connection)))) as api,
    ):
        found = next(_lists(api.json(request["path"], request.get("params"))), None)
    if found is None:
        raise SourceError(f"{request['path']}: the answer holds no list of records. Name its place: dataset.records=…")
    return Origin("rest", origin.connection, {**origin.request, **({"records": found} if found else {})})


def _lists(body: Any, path: str = "") -> Iterator[str]:
    """Where lists of records stand in an answer, by dots; the outermost first."""
    if isinstance(body, list) and body and isinstance(body[0], dict):
        yield path
    elif isinstance(body, dict):
        for name, value in body.items():
            yield from _lists(value, f"{path}.{name}".lstrip("."))


def _open(system: str, dataset: str, columns: Sequence[Column] = ()) -> Contract:
    """A contract that refuses nothing of its own accord; without columns connectors give every column there is."""
    return Contract(
        system=system,
        dataset=dataset,
        version="1.0.0",
        purpose="",
        columns=tuple(columns),
        rules=(),
        load="full",
        period_column=None,
        rows_per_quarter=None,
        maximum_rejected_share=1.0,
        maximum_shrink=1.0,
        required_for_release=False,
        latency_days=None,
    )


def draft(system: str, dataset: str, sample: pa.Table, origin: Origin, load: str = "full") -> Draft:
    """A contract and the source's lines for `sample`, a table of text under the source's own headings."""
    nulls = _nulls(sample)
    totals: dict[str, list[str]] = {}
    if origin.connector == "files" and "skip_rows" not in origin.request.get("format", {}):
        sample, totals = _without_totals(sample, nulls)
    remarks = [f"{heading}: rows of {listed(told)} are left out (skip_rows)." for heading, told in totals.items()]
    headings, names = sample.column_names, _names(sample.column_names)
    form, kinds = _kinds(sample, names, nulls)
    key = _key(sample, names, nulls)
    columns: list[dict[str, Any]] = []
    for heading, name, kind in zip(headings, names, kinds, strict=True):
        values = _present(sample, heading, nulls)
        columns.append(_column(heading, name, kind, values, is_required=len(values) == sample.num_rows))
        if name == key:
            columns[-1] |= {"required": True, "primaryKey": True, "primaryKeyPosition": 1}
        if "classification" in columns[-1]:
            remarks.append(f"{name} is taken for personal data: it stops at staging. Take the class out if it is none.")
        if not values:
            remarks.append(f"{name} is empty in the sample: its type is a guess.")
    if key is None:
        likely = {h: name for h, name, kind in zip(headings, names, kinds, strict=True) if kind in _OF_KEYS}
        remarks.append(_without_key(_pair(sample, nulls, likely)))
    if origin.connector == "rest" and "paging" not in origin.request:
        remarks.append(
            f"One answer with {sample.num_rows:,} records was read. If the API has more, say under `paging` how the "
            "next page is found; else these are all that land."
        )
    if load != "full" and not any(placeholders.found(dict(origin.request))) and ":period_" not in str(origin.request):
        split = (
            ", or name the date that tells quarters apart as periodColumn in the contract" if load == "snapshot" else ""
        )
        remarks.append(
            f"{load}: say where the period goes ({{quarter}} in `files`, :period_start and :period_end in a query, "
            f"{{period.start}} in a call){split}."
        )
    mapping = {name: heading for heading, name in zip(headings, names, strict=True) if heading != name}
    if origin.connector == "files":  # headings are found whatever their case and blanks
        mapping = {name: heading for name, heading in mapping.items() if plain(heading) != name}
    spelling: dict[str, Any] = {"dates": form.dates[0]} if form.dates else {}
    if extra := [null for null in nulls if null not in Format().nulls]:
        spelling["nulls"] = [*Format().nulls, *extra]
    if totals:
        spelling["skip_rows"] = totals
    request = dict(origin.request)
    if spelling:
        request["format"] = {**request.get("format", {}), **spelling}
    if mapping:
        request["columns"] = mapping
    return Draft(
        contract=_contract_text(system, dataset, load, columns),
        dataset=_indented({dataset: request}, 2),
        connection=_flow(dict(origin.connection)),
        remarks=tuple(remarks),
    )


def _column(heading: str, name: str, kind: str, values: Sequence[str], is_required: bool) -> dict[str, Any]:
    """A column as the contract has it. What is personal is not quoted."""
    told: dict[str, Any] = {"name": name, "logicalType": kind}
    if kind == "number":
        told["physicalType"] = _decimal(values, name)
    if is_required and values:
        told["required"] = True
    seen = ""
    if _PERSONAL.search(name):
        told["classification"] = "personal"
    elif kind == "string" and 1 < len(distinct := sorted(set(values))) <= 6 < len(values):
        seen = f" (seen: {', '.join(distinct)})"
    return told | {"description": f"{heading.strip()}{seen}"}


def _without_key(pair: tuple[str, str] | None) -> str:
    if pair is None:
        return (
            "No column tells every row apart, so identical rows all land. Mark the key columns with primaryKey if "
            "there are some."
        )
    return (
        f"No column tells every row apart, but {' and '.join(pair)} together do. If they are the key, mark both: "
        "primaryKey: true, and primaryKeyPosition: 1 and 2."
    )


@dataclass(frozen=True)
class Place:
    """Where a new source is written: the contract's file, and the source's YAML, which may be there already."""

    system: str
    dataset: str
    contract: Path
    source: Path


def place_of(name: str, contracts: Path, sources: Path, anew: bool = False) -> Place:
    """Where `system/dataset` goes. Raises ConfigurationError for names that will not do and for what is there, but with
    `anew` not for a draft."""
    system, _, dataset = name.partition("/")
    if not all(re.fullmatch(r"[a-z][a-z0-9_]*", part) for part in (system, dataset)):
        raise ConfigurationError(f"'{name}': write system/dataset in lower_snake_case, for example libraries/visits.")
    place = Place(system, dataset, contracts / system / f"{dataset}.yaml", sources / f"{system}.yaml")
    if not place.contract.exists():
        return place
    is_draft = "status: draft" in place.contract.read_text(encoding="utf-8").splitlines()
    if is_draft and anew:
        return place
    raise ConfigurationError(
        f"{shown_path(place.contract)}: is there already"
        + (" (--anew drafts it again). " if is_draft else ", and no draft any more. ")
        + f"To use it as it is, declare the dataset in {shown_path(place.source)}; else choose another name."
    )


def write(place: Place, owner: str, origin: Origin, drafted: Draft) -> list[Path]:
    """Write the contract, and the source's YAML or, where the system has one, the dataset at its end; returns both.

    Both are read back as the pipeline reads them. What does not pass is taken back, and ConfigurationError says why.
    """
    former = {
        path: path.read_text(encoding="utf-8") if path.exists() else None for path in (place.contract, place.source)
    }
    wanted = {place.contract: drafted.contract, place.source: _source_text(place, owner, origin, drafted)}
    for path, content in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    load_contract.cache_clear()  # it may have read what stood there before
    try:
        contracts = {f"{place.system}.{place.dataset}": load_contract(place.contract)}
        others = load_contracts(place.contract.parent.parent)
        load_source(place.source, others | contracts)
    except ConfigurationError:
        for path, text in former.items():
            if text is None:
                path.unlink()
            else:
                path.write_text(text, encoding="utf-8")
        raise
    return [*wanted]


def _source_text(place: Place, owner: str, origin: Origin, drafted: Draft) -> str:
    """The source's YAML with the dataset in it: a new one, or the one that is there, with the dataset at its end."""
    text = place.source.read_text(encoding="utf-8") if place.source.exists() else ""
    known = yaml.safe_load(text) or {}
    datasets = set(known.get("datasets") or ())
    if place.dataset in datasets and not place.contract.exists():
        raise ConfigurationError(
            f"{shown_path(place.source)}: datasets.{place.dataset}: is there already, without a contract. Take it out, "
            "or write the contract by hand."
        )
    if datasets <= {place.dataset}:
        return source_text(place.system, known.get("owner", owner), origin, drafted)
    if known.get("connector") != origin.connector or known.get("connection", {}) != dict(origin.connection):
        raise ConfigurationError(
            f"{shown_path(place.source)}: reads {place.system} in another way (connector or connection differ). "
            "One system has one connection: choose another name for the new system."
        )
    if list(known)[-1] != "datasets":
        raise ConfigurationError(f"{shown_path(place.source)}: put `datasets` last, so that one can be added.")
    if place.dataset in datasets:
        text = re.sub(rf"(?m)^  {place.dataset}:.*\n(?:(?:   .*)?\n)*", "", text.rstrip("\n") + "\n")
    return text.rstrip("\n") + "\n" + drafted.dataset


def source_text(system: str, owner: str, origin: Origin, drafted: Draft) -> str:
    """The whole YAML of a source that has one dataset."""
    return (
        f"system: {system}\nowner: {owner}\nconnector: {origin.connector}\n"
        f"connection: {drafted.connection}\ndatasets:\n{drafted.dataset}"
    )


def _names(headings: Sequence[str]) -> list[str]:
    """Column names as contracts write them, one for each heading, none twice."""
    names: list[str] = []
    for position, heading in enumerate(headings, start=1):
        name = _snake(heading) or f"column_{position}"
        name = name if name[0].isalpha() else f"column_{name}"
        names.append(name if name not in names else f"{name}_{position}")
    return names


def _snake(heading: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", heading.replace("£", " gbp ").replace("%", " pct "))
    return re.sub(r"[^a-z0-9]+", "_", spaced.casefold()).strip("_")


def _nulls(sample: pa.Table) -> list[str]:
    """Words for nothing: those the format knows, and others of the usual ones that stand in the sample."""
    found = {value for heading in sample.column_names for value in sample.column(heading).unique().to_pylist()}
    return [*Format().nulls, *(word for word in _NULLS if word in found)]


def _present(sample: pa.Table, heading: str, nulls: Sequence[str]) -> list[str]:
    texts = (value.strip() for value in sample.column(heading).to_pylist() if value is not None)
    return [text for text in texts if text not in nulls]


def _without_totals(sample: pa.Table, nulls: Sequence[str]) -> tuple[pa.Table, dict[str, list[str]]]:
    """The sample without the rows that sum others up, and the `skip_rows` that leave them out: rows that say so in a
    column, and lack what every other row has."""
    texts = {heading: sample.column(heading).to_pylist() for heading in sample.column_names}
    empty = {
        heading: {row for row, text in enumerate(values) if text is None or text.strip() in nulls}
        for heading, values in texts.items()
    }
    for heading, values in texts.items():
        marked = {row for row, text in enumerate(values) if text is not None and _TOTAL.match(text.strip())}
        lacking = set().union(*(rows for rows in empty.values() if rows <= marked))
        if marked and marked == lacking and len(marked) < sample.num_rows:
            rest = [row for row in range(sample.num_rows) if row not in marked]
            return sample.take(rest), {heading: sorted({values[row].strip() for row in marked})}
    return sample, {}


def _kinds(sample: pa.Table, names: Sequence[str], nulls: Sequence[str]) -> tuple[Format, list[str]]:
    """The kind of each column, and the spelling of dates that reads the most columns."""
    values = {heading: _present(sample, heading, nulls) for heading in sample.column_names}
    plain_form = Format(nulls=list(nulls))
    fits = _fitting(sample, plain_form, list(_KINDS))
    unread = [
        heading
        for heading, name in zip(sample.column_names, names, strict=True)
        if values[heading] and (not fits[heading] or "date" in name) and not {"date", "timestamp"} & fits[heading]
    ]
    best, form = 0, plain_form
    # A serial number is a date by its column's name at most, and a person had better say so.
    for spelling in (each for each in DATE_PATTERNS if unread and each not in ("yyyy-mm-dd", EXCEL_SERIAL)):
        spelt = Format(dates=[spelling], nulls=list(nulls))
        read = {
            name: kinds
            for name, kinds in _fitting(sample.select(unread), spelt, ["date", "timestamp"]).items()
            if kinds
        }
        if len(read) > best:
            best, form = len(read), spelt
            found = read
    if best:
        fits |= {heading: fits[heading] | kinds for heading, kinds in found.items()}
    return form, [_chosen(name, values[h], fits[h]) for h, name in zip(sample.column_names, names, strict=True)]


def _fitting(sample: pa.Table, form: Format, kinds: Sequence[str]) -> dict[str, set[str]]:
    """For each column those of `kinds` that all of its values have, as landing reads them."""
    columns, given = [], {}
    for position, heading in enumerate(sample.column_names):
        for kind in kinds:
            name = f"c{position}_{kind}"
            exact = "DECIMAL(38,10)" if kind == "number" else _KINDS[kind]
            columns.append(Column(name, exact, heading, required=False, is_key=False, is_personal=False))
            given[name] = sample.column(heading)
    contract = _open("sample", "kinds", columns)
    batch = text_batch(contract, given, "sample", range(1, sample.num_rows + 1))
    with tempfile.TemporaryDirectory() as aside:
        landed = land(contract, [Extract(None, [batch], "sample", form)], Path(aside), [])
    refused = {reason.split(" ", 1)[0] for item in landed for reason in item.reasons}
    return {
        heading: {kind for kind in kinds if f"c{position}_{kind}" not in refused}
        for position, heading in enumerate(sample.column_names)
    }


def _chosen(name: str, values: Sequence[str], kinds: set[str]) -> str:
    """The likeliest of the kinds that fit: identifiers stay text, and figures are no flags or dates without need."""
    if not values:
        return "string"
    digits = all(re.fullmatch(r"\d+", value) for value in values)
    if _IDENTIFIER.search(name) or (digits and any(len(value) > 1 and value.startswith("0") for value in values)):
        return "string"
    if digits:
        kinds = kinds - ({"boolean"} if not name.startswith(("is_", "has_")) else set())
        kinds = kinds - ({"date", "timestamp"} if "date" not in name else set())
    if {"date", "timestamp"} <= kinds:
        kinds = kinds - ({"date"} if any(map(_CLOCK.search, values)) else {"timestamp"})
    if "integer" in kinds and _MONEY.search(name):
        kinds = kinds - {"integer"}
    return next((kind for kind in _KINDS if kind in kinds), "string")


def _decimal(values: Sequence[str], name: str) -> str:
    scale = max((len(re.sub(r"\D+$", "", value).partition(".")[2]) for value in values), default=0)
    scale = min(max(scale, 2 if _MONEY.search(name) else 0), 6)
    return f"DECIMAL({12 + scale},{scale})"


def _key(sample: pa.Table, names: Sequence[str], nulls: Sequence[str]) -> str | None:
    """The column that tells every row apart: one named like an identifier, else the first."""
    unique = []
    for heading, name in zip(sample.column_names, names, strict=True):
        values = _present(sample, heading, nulls)
        if sample.num_rows > 1 and len(values) == sample.num_rows == len(set(values)):
            unique.append(name)
    return next((name for name in unique if _IDENTIFIER.search(name)), None)


def _pair(sample: pa.Table, nulls: Sequence[str], columns: Mapping[str, str]) -> tuple[str, str] | None:
    """Two columns that together tell every row apart, the first such pair. `columns` are names by heading."""
    values = {heading: _present(sample, heading, nulls) for heading in columns}
    whole = [heading for heading in columns if len(values[heading]) == sample.num_rows > 1]
    for one, other in combinations(whole[:_FIRST], 2):
        if len(set(zip(values[one], values[other], strict=True))) == sample.num_rows:
            return columns[one], columns[other]
    return None


def _contract_text(system: str, dataset: str, load: str, columns: Sequence[Mapping[str, Any]]) -> str:
    words = dataset.replace("_", " ")
    properties = "\n".join(f"      - {_flow(dict(column))}" for column in columns)
    return f"""apiVersion: v3.2.0
kind: DataContract
id: {system}.{dataset}
name: {words.capitalize()} ({system})
version: 1.0.0
status: draft
domain: {system}
description:
  purpose: "To be reviewed: what {words} are for."
schema:
  - name: {dataset}
    dataGranularityDescription: "to be reviewed: one row per …"
    properties:
{properties}
customProperties:
  - {{property: load, value: {load}}}
"""


def _flow(value: Mapping[str, Any]) -> str:
    """One line of YAML."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000).strip()


def _indented(value: Mapping[str, Any], by: int) -> str:
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())
