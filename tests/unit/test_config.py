"""A council's source files: every problem named with file, key and remedy, all at once, and never a secret."""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.builders import Q1, make_source, rows_of

from sources.config import Source, load_source, load_sources
from sources.connectors import KINDS
from sources.contract import load_contracts
from sources.errors import ConfigurationError, SourceError, listed
from sources.landing import land

ROOT = Path(__file__).parents[2]
SECRET = "hunter2-not-to-be-seen"

REST: dict[str, Any] = {
    "system": "complaints",
    "owner": "customer.relations@brigstow.example",
    "connector": "rest",
    "connection": {
        "base_url": "${CRM_URL}",
        "auth": {
            "kind": "oauth2_client_credentials",
            "token_path": "/oauth/token",
            "client_id": "${CRM_ID}",
            "client_secret": "${CRM_SECRET}",
        },
    },
    "datasets": {
        "cases": {
            "request": {"path": "/api/cases", "params": {"from": "{period.start}"}},
            "records": "items",
            "paging": {"kind": "cursor"},
            "columns": {"received_date": "dates.received"},
        }
    },
}
FILES: dict[str, Any] = {
    "system": "risk",
    "owner": "risk@brigstow.example",
    "connector": "files",
    "connection": {"location": "returns"},
    "datasets": {"register": {"files": "register.csv"}},
}
DATABASE: dict[str, Any] = {
    "system": "hr",
    "owner": "people@brigstow.example",
    "connector": "database",
    "connection": {"uri": "sqlite://${HR_DATABASE}"},
    "datasets": {"posts": {"query": "select * from posts"}},
}
PORTAL: dict[str, Any] = {
    "system": "population",
    "owner": "insight@brigstow.example",
    "connector": "opendatasoft",
    "connection": {"base_url": "https://portal.example"},
    "datasets": {"estimates": {"dataset": "population"}},
}


def problems_of(folder: Path, document: Any) -> list[str]:
    """Problems in a source of this content, without the file's name, which every one must begin with."""
    path = folder / "risk.yaml"
    text = document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        load_source(path, load_contracts())
    for problem in error.value.problems:
        assert problem.startswith(f"{path}: "), problem
    return [problem.removeprefix(f"{path}: ") for problem in error.value.problems]


def changed(document: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """A copy with the value at `place` (keys by dots) set, or taken away where it is None."""
    copy = deepcopy(document)
    *above, last = place.split(".")
    node = copy
    for part in above:
        node = node[part]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return copy


@pytest.mark.parametrize("council", ["brigstow", "trafford"])
def test_the_councils_own_sources_are_sound(council: str) -> None:
    sources = load_sources(ROOT / "councils" / council / "sources", load_contracts())
    assert "framework" in sources
    for system, source in sources.items():
        assert source.system == system
        assert "@" in source.owner
        assert source.path == Path(f"councils/{council}/sources/{system}.yaml"), "shown from the project's root"
        assert source.datasets


@pytest.mark.parametrize("document", [REST, FILES, DATABASE, PORTAL], ids=lambda document: document["connector"])
def test_the_examples_of_these_tests_are_sound(tmp_path: Path, document: dict[str, Any]) -> None:
    source = make_source(tmp_path, document)
    assert list(source.datasets) == list(document["datasets"])
    assert (source.connector, source.licence) == (document["connector"], None)


KEYS = "Keys: 'absent', 'columns', 'files', 'format'."


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (
            changed(FILES, "ownr", "x"),
            "ownr: not a known key. Did you mean 'owner'? Keys: "
            "'connection', 'connector', 'datasets', 'licence', 'owner', 'pseudonym_key', 'system'.",
        ),
        (changed(FILES, "owner", None), "owner: is missing. Add it."),
        (changed(FILES, "system", None), "system: is missing. Add it."),
        (
            changed(FILES, "connector", "databse"),
            f"connector: 'databse' is not a connector. Did you mean 'database'? Connectors: {listed(KINDS)}.",
        ),
        (
            changed(FILES, "connection.locaton", "x"),
            "connection.locaton: not a known key. Did you mean 'location'? Keys: 'location'",
        ),
        (
            changed(FILES, "datasets.registr", {"files": "x.csv"}),
            "datasets.registr: no contract sources/contracts/risk/registr.yaml. Did you mean 'register'? "
            "Contracts of risk: 'register'.",
        ),
        (
            changed(FILES, "datasets.register.fils", "x.csv"),
            f"datasets.register.fils: not a known key. Did you mean 'files'? {KEYS}",
        ),
        (changed(FILES, "datasets.register.files", None), "datasets.register.files: is missing. Add it."),
        (
            changed(FILES, "datasets.register.files", "/etc/passwd"),
            "datasets.register.files: '/etc/passwd' must be a name or pattern below connection.location.",
        ),
        (
            changed(FILES, "datasets.register.files", [""]),
            "datasets.register.files: '' must be a name or pattern below connection.location.",
        ),
        (
            changed(FILES, "datasets.register.format", {"delimeter": ";"}),
            "datasets.register.format.delimeter: not a known key. Did you mean 'delimiter'? Keys: 'dates', ",
        ),
        (
            changed(FILES, "datasets.register.format", {"header": {"alias": {}}}),
            "datasets.register.format.header.alias: not a known key. Did you mean 'aliases'? Keys: 'aliases'.",
        ),
        (
            changed(FILES, "datasets.register.format", {"dates": "dd/mm/yyy"}),
            "datasets.register.format.dates: 'dd/mm/yyy' is not a known spelling of dates. Did you mean 'dd/mm/yyyy'? "
            "Known: 'yyyy-mm-dd', 'dd/mm/yyyy', ",
        ),
        (
            changed(FILES, "datasets.register.columns", {"risk_ref": "Ref"}),
            "datasets.register.columns.risk_ref: risk.register has no such column. Did you mean 'risk_id'? "
            "It has: 'risk_id', 'title', 'unit_code', ",
        ),
        (
            changed(FILES, "datasets.register.absent", ["titel"]),
            "datasets.register.absent.titel: risk.register has no such column. Did you mean 'title'?",
        ),
        (
            changed(FILES, "datasets.register.format", {"header": {"aliases": {"titel": ["Risk"]}}}),
            "datasets.register.format.header.aliases.titel: risk.register has no such column. Did you mean 'title'?",
        ),
        (
            changed(
                FILES, "datasets.register.format", {"unpivot": {"columns": "v", "name": "titel", "value": "impact"}}
            ),
            "datasets.register.format.unpivot.name.titel: risk.register has no such column. Did you mean 'title'?",
        ),
        (
            changed(FILES, "datasets.register.columns", {"title": {"feild": "Risk"}}),
            "datasets.register.columns.title.feild: not a known key. Did you mean 'field'? "
            "Keys: 'constant', 'field', 'map_file'.",
        ),
        (
            changed(FILES, "datasets.register.columns", {"title": {"field": "Risk", "constant": "x"}}),
            "datasets.register.columns.title: give either a field or a constant.",
        ),
        (
            changed(FILES, "datasets.register.columns", {"title": {"map_file": "x.csv"}}),
            "datasets.register.columns.title: give either a field or a constant.",
        ),
        (
            changed(FILES, "datasets.register.columns", {"unit_code": {"field": "Service", "map_file": "teams.csv"}}),
            "datasets.register.columns.unit_code: map_file teams.csv does not exist beside the YAML. "
            "Make it, with the columns from,to.",
        ),
        (
            changed(REST, "datasets.cases.paging.kind", "curser"),
            "datasets.cases.paging.kind: 'curser' is not a kind of paging. Did you mean 'cursor'? "
            "Kinds: none, link_header, json_link, offset, page, cursor.",
        ),
        (
            changed(REST, "datasets.cases.request.pth", "/x"),
            "datasets.cases.request.pth: not a known key. Did you mean 'path'? "
            "Keys: 'body', 'headers', 'method', 'params', 'path'.",
        ),
        (changed(REST, "datasets.cases.request.path", None), "datasets.cases.request.path: is missing. Add it."),
        (changed(DATABASE, "datasets.posts.query", None), "datasets.posts: give either a query or a query_file."),
        (changed(PORTAL, "datasets.estimates.dataset", None), "datasets.estimates.dataset: is missing. Add it."),
        (
            changed(FILES, "system", "rsik"),
            "system: no contracts for 'rsik'. Did you mean 'risk'?",
        ),
        (
            changed(FILES, "datasets.register.files", "register_{quater}.csv"),
            "datasets.register.files: '{quater}' stands for nothing. Did you mean 'quarter'? Write {period.start}, ",
        ),
        (
            changed(REST, "datasets.cases.request.path", "/api/{finacial_year}"),
            "datasets.cases.request: '{finacial_year}' stands for nothing. Did you mean 'financial_year'?",
        ),
        (
            changed(FILES, "datasets.register.absent", ["title"]),
            "datasets.register.absent.title: risk.register requires it. Say under `columns` where it comes from",
        ),
        (
            changed(FILES, "connection.location", "${risk_folder}"),
            "connection.location: what stands in ${…} is no variable: names are capitals, as ${CRM_EXPORTS}.",
        ),
        (
            changed(FILES, "datasets.register.files", "${RISK_FILE}.csv"),
            "datasets.register: a variable such as ${NAME} is filled in below `connection` only. Put it there.",
        ),
        ("system: [", " line 1: not valid YAML: "),
        (
            "system: risk\nconnection: {location: ${RISK_FOLDER}}\n",
            " line 2: not valid YAML: ",
        ),
    ],
)
def test_a_mistake_is_named_with_key_and_remedy(tmp_path: Path, document: Any, problem: str) -> None:
    assert problems_of(tmp_path, document)[0].startswith(problem.lstrip()), problems_of(tmp_path, document)


def test_an_unquoted_variable_is_explained(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, "system: risk\nconnection: {location: ${RISK_FOLDER}}\n")
    assert problem.endswith("(Inside {…} a value such as ${NAME} needs quotes.)")
    assert "needs quotes" not in problems_of(tmp_path, "system: risk\n\tconnector: files\n")[0]


@pytest.mark.parametrize("text", ["", "- a\n- list\n", "just words"])
def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, text: str) -> None:
    assert len(problems_of(tmp_path, text)) == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("code,unit\nA,B\n", "map_file teams.csv: a map file has the columns from,to and at least one row."),
        ("from,to\n", "map_file teams.csv: a map file has the columns from,to and at least one row."),
        ("from,to\nT1,A\nT2,B\nT1,C\n", "map_file teams.csv: 'T1' stands for 'A' and for 'C'. Keep one."),
    ],
)
def test_a_map_file_is_checked_with_the_yaml_that_names_it(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "teams.csv").write_text(content, encoding="utf-8")
    document = changed(FILES, "datasets.register.columns", {"unit_code": {"field": "Service", "map_file": "teams.csv"}})
    assert problems_of(tmp_path, document) == [f"datasets.register.columns.unit_code: {problem}"]


def test_all_problems_of_one_file_come_at_once(tmp_path: Path) -> None:
    document = changed(REST, "connection.base_ulr", "x")
    document["datasets"]["cases"]["paging"]["kind"] = "curser"
    document["datasets"]["cases"]["recrods"] = "items"
    document["datasets"]["case"] = {"request": {"path": "/"}}
    keys = [problem.split(": ")[0] for problem in problems_of(tmp_path, document)]
    assert keys == ["connection.base_ulr", "datasets.cases.paging.kind", "datasets.cases.recrods", "datasets.case"]


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(changed(FILES, "connector", "databse")), encoding="utf-8")
    (tmp_path / "b.yaml").write_text(yaml.safe_dump(PORTAL), encoding="utf-8")
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(changed(DATABASE, "datasets.posts.qeury", "x")), encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        load_sources(tmp_path, load_contracts())
    places = [tuple(problem.split(": ")[:2]) for problem in error.value.problems]
    assert places == [(f"{tmp_path}/a.yaml", "connector"), (f"{tmp_path}/c.yaml", "datasets.posts.qeury")]


def test_one_system_is_read_by_one_file(tmp_path: Path) -> None:
    for name in ("hr.yaml", "hr_copy.yaml"):
        (tmp_path / name).write_text(yaml.safe_dump(DATABASE), encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        load_sources(tmp_path, load_contracts())
    assert error.value.problems == [
        f"{tmp_path}/hr_copy.yaml: system: 'hr' is already read by {tmp_path}/hr.yaml. "
        "One file per system: put the datasets together, or rename the system."
    ]


def test_a_council_without_sources_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r": holds no source\. A source is one YAML file per system\.$"):
        load_sources(tmp_path, load_contracts())


# Credentials


@pytest.fixture
def crm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    monkeypatch.setenv("CRM_URL", "https://crm.example")
    monkeypatch.setenv("CRM_ID", "vitals")
    monkeypatch.setenv("CRM_SECRET", SECRET)
    return make_source(tmp_path, REST)


def test_loading_needs_no_credentials(tmp_path: Path) -> None:
    assert not {"CRM_URL", "CRM_ID", "CRM_SECRET"} & set(os.environ)
    source = make_source(tmp_path, REST)
    assert source.variables == ["CRM_ID", "CRM_SECRET", "CRM_URL"]


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_credential_names_file_key_variable_and_remedy(
    crm: Source, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv("CRM_SECRET")
    else:
        monkeypatch.setenv("CRM_SECRET", value)
    expected = (
        f"{crm.path}: connection.auth: the environment variable CRM_SECRET is not set. "
        "Set it where this command runs, or in the file .env beside the README."
    )
    assert crm.missing_variables() == [expected]
    with pytest.raises(ConfigurationError) as error:
        crm.connect()
    assert error.value.problems == [expected]
    with pytest.raises(ConfigurationError):
        next(crm.extract("cases", [Q1]))


def test_all_missing_credentials_come_at_once(tmp_path: Path) -> None:
    problems = make_source(tmp_path, REST).missing_variables()
    assert [problem.split("variable ")[1].split()[0] for problem in problems] == ["CRM_URL", "CRM_ID", "CRM_SECRET"]


def test_variables_are_resolved_when_the_source_is_read(crm: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_URL", "https://new.example/")
    connection: Any = crm.connect()
    assert connection.base_url == "https://new.example"
    assert connection.auth.client_secret.get_secret_value() == SECRET


@pytest.mark.parametrize(
    "address",
    [
        "http://crm.example",
        "http://127.0.0.1.crm.example",
        "http://localhost.crm.example:80",
        "http://127.0.0.1@crm.example",
        "http://10.0.0.1",
        "ftp://crm.example",
        "crm.example",
    ],
)
def test_an_address_that_would_show_credentials_to_the_network_is_refused(
    crm: Source, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("CRM_URL", address)
    with pytest.raises(ConfigurationError) as error:
        crm.connect()
    (problem,) = error.value.problems
    assert problem.startswith(f"{crm.path}: connection.base_url: ")
    assert problem.endswith(" must be an https address (plain http is for loopback only).")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:80", "https://crm.example"]
)
def test_https_and_loopback_are_taken(crm: Source, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("CRM_URL", address)
    connection: Any = crm.connect()
    assert connection.base_url == address


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        ("connection.rate_limit", "10 per second", "connection.rate_limit: is not a rate. Write 10/s or 200/m."),
        ("connection.rate_limit", "0/s", "connection.rate_limit: is not a rate. Write 10/s or 200/m."),
        (
            "connection.auth.kind",
            "oauth2_client_credential",
            "connection.auth.kind: 'oauth2_client_credential' is not a kind of auth. "
            "Did you mean 'oauth2_client_credentials'? Kinds: none, api_key, basic, bearer, oauth2_client_credentials.",
        ),
        (
            "connection.auth.client_secrt",
            "x",
            "connection.auth.client_secrt: not a known key. Did you mean 'client_secret'? "
            "Keys: 'client_id', 'client_secret', 'credentials_in', 'kind', 'scope', 'token_path', 'token_url'.",
        ),
        ("connection.base_url", None, "connection.base_url: is missing. Add it."),
    ],
)
def test_a_wrong_connection_is_named_before_anything_is_asked(
    crm: Source, tmp_path: Path, place: str, value: str | None, problem: str
) -> None:
    source = make_source(tmp_path, changed(REST, place, value))
    with pytest.raises(ConfigurationError) as error:
        source.connect()
    assert error.value.problems[0].startswith(f"{source.path}: {problem}")


WRONG_CONNECTIONS: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    (
        "rest",
        lambda connection: connection.update(base_url="http://user:${CRM_SECRET}@crm.example/x?key=${CRM_SECRET}"),
    ),
    ("rest", lambda connection: connection.update(base_url="${CRM_SECRET}")),
    ("rest", lambda connection: connection.update(rate_limit="${CRM_SECRET}")),
    ("rest", lambda connection: connection["auth"].update(clientsecret="${CRM_SECRET}")),
    ("rest", lambda connection: connection["auth"].update(token_path=["${CRM_SECRET}"])),
    ("rest", lambda connection: connection.update(auth="${CRM_SECRET}")),
    ("rest", lambda connection: connection["auth"].update(kind="${CRM_SECRET}")),
    ("database", lambda connection: connection.update(uri="${CRM_SECRET}")),
    ("database", lambda connection: connection.update(uri="postgresql://vitals:${CRM_SECRET}@host/db")),
    ("files", lambda connection: connection.update(location="sftp://vitals:${CRM_SECRET}@host/outbox")),
    ("files", lambda connection: connection.update(location=["${CRM_SECRET}"])),
]


@pytest.mark.parametrize(("connector", "change"), WRONG_CONNECTIONS)
def test_no_message_holds_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connector: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    for name in ("CRM_URL", "CRM_ID", "CRM_SECRET"):
        monkeypatch.setenv(name, SECRET if name == "CRM_SECRET" else "https://crm.example")
    document = deepcopy({"rest": REST, "database": DATABASE, "files": FILES}[connector])
    change(document["connection"])
    source = make_source(tmp_path, document)
    with pytest.raises(ConfigurationError) as error:
        source.connect()
    assert str(error.value).startswith(f"{source.path}: connection.")
    assert SECRET not in str(error.value)
    assert SECRET not in repr(source)


def test_a_connection_does_not_show_its_secret(crm: Source) -> None:
    assert SECRET not in repr(crm.connect())
    assert SECRET not in str(crm)


# Where relative places stand


def test_a_relative_folder_stands_in_the_councils_own_wherever_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = load_source(ROOT / "councils/brigstow/sources/framework.yaml", load_contracts())
    contract = source.datasets["outcomes"]
    (landed,) = land(contract, source.extract("outcomes", [Q1]), tmp_path / "data", [Q1])
    assert landed.error is None
    assert landed.rows == 7
    sources = {row[0] for row in rows_of(landed.path, "_source")}
    assert sources == {"councils/brigstow/framework/outcomes.csv"}, "lineage names no folder of this machine"


def test_a_constant_fills_a_column(tmp_path: Path) -> None:
    folder = tmp_path / "returns"
    folder.mkdir()
    (folder / "register_2025-26-Q1.csv").write_text(
        "risk_id,title,likelihood,impact,current_score,target_score,tolerance_score\nR1,Flood,2,3,6,,8\n",
        encoding="utf-8",
    )
    document = changed(FILES, "datasets.register", {"files": "register_{quarter}.csv"})
    document["datasets"]["register"]["columns"] = {"unit_code": {"constant": "CEX"}}
    source = make_source(tmp_path, document)
    (landed,) = land(source.datasets["register"], source.extract("register", [Q1]), tmp_path / "data", [Q1])
    assert rows_of(landed.path, "risk_id, unit_code") == [("R1", "CEX")]


def test_reaching_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"returns: there is no such folder\. Check connection\.location"):
        make_source(tmp_path, FILES).reach()
