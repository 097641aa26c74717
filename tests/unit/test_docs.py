"""What README and docs say is there: links, commands, options, keys, examples. How well it reads is for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pydantic
import pytest
import typer
import yaml

from orchestration.cli import app
from orchestration.council import load_council
from sources.config import Source, load_source
from sources.connectors import KINDS, files, http, paging
from sources.contract import load_contract, load_contracts
from sources.landing import land
from sources.periods import Quarter

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
LARGEST_PICTURE = 250_000  # bytes; a README is read over a train's network, too

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_KEYS = re.compile(r"<!-- keys: (\S+)((?: \+\S+)*) -->\n((?:\|.*\n)+)")


@dataclass(frozen=True)
class Example:
    """A fenced block: its page, kind (`yaml source`, `csv framework.units`, …) and text."""

    page: Path
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}: {self.kind}"


def examples(kind: str) -> list[Example]:
    """Every fenced block whose kind begins with `kind`, in order."""
    return [
        Example(page, found[1], found[2])
        for page in PAGES
        for found in _FENCE.finditer(page.read_text(encoding="utf-8"))
        if found[1].split(" ")[0] == kind
    ]


def lines_of_code(page: Path) -> Iterator[str]:
    """Every line of a fenced block, one that a backslash continues counting as one; and of every other line its pieces
    of code, two blanks apart, so that no command reaches from one into the next."""
    text = page.read_text(encoding="utf-8")
    for _, block in _FENCE.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    for line in _FENCE.sub("", text).splitlines():
        if code := _CODE.findall(line):
            yield "  ".join(code)


def ids(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    lost = []
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        there = page.parent / path if path else page
        if "://" not in link and (not there.exists() or (anchor and anchor not in anchors(there))):
            lost.append(link)
    assert lost == []


def anchors(page: Path) -> set[str]:
    """What leads to the headings of a page, as GitHub makes it of their words."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_pictures_are_small() -> None:
    pictures = [path for path in (ROOT / "docs" / "images").iterdir() if path.is_file()]
    assert [path.name for path in pictures if path.stat().st_size > LARGEST_PICTURE] == []
    told = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [path.name for path in pictures if path.name not in told] == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_make_has_every_target(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    told = {target for line in lines_of_code(page) for target in re.findall(r"(?:^|\s)make ([a-z]+)", line)}
    assert told <= targets


def every_command(group: Any) -> Iterator[tuple[str, Any]]:
    """Commands by what is typed: `run`, `source new`."""
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        yield from ((f"{name} {below}", it) for below, it in every_command(command)) if inner else [(name, command)]


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_vitals_has_every_command_and_option(page: Path) -> None:
    commands = dict(every_command(typer.main.get_command(app)))
    wrong = []
    for line in lines_of_code(page):
        for told in re.split(r"(?:^|[\s/])vitals (?=[a-z])", line.split("#")[0])[1:]:
            words = re.findall("[a-z]+", told.split("--")[0])
            name = next((typed for typed in (" ".join(words[:2]), words[0]) if typed in commands), words[0])
            parameters = commands[name].params if name in commands else []
            known = {"--help"} | {option for parameter in parameters for option in parameter.opts}
            wrong += [] if name in commands else [f"vitals {name}"]
            wrong += [f"vitals {name} {option}" for option in re.findall(r"--[a-z-]+", told) if option not in known]
    assert wrong == []


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = dict(every_command(typer.main.get_command(app)))
    assert [name for name in commands if f"`vitals {name}" not in readme] == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_files_that_are_named_exist(page: Path) -> None:
    places = [ROOT, ROOT / "dbt_project", ROOT / "councils" / "trafford"]
    named = re.findall(
        r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|sql|yml|yaml|csv|md))`", _FENCE.sub("", page.read_text(encoding="utf-8"))
    )
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_folders_of_the_house_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    house = readme.split("## The house")[1].split("##")[0]
    folders = [name for row in re.findall(r"^\|([^|]*)\|", house, re.MULTILINE) for name in _CODE.findall(row)]
    assert len(folders) > 5
    assert [name for name in folders if not (ROOT / name).is_dir()] == []


def test_every_yaml_example_says_what_it_is() -> None:
    kinds = {"yaml source", "yaml contract", "yaml council", "yaml dbt"}
    assert [str(example) for example in examples("yaml") if example.kind not in kinds] == []


@pytest.mark.parametrize("example", [e for e in examples("yaml") if e.kind == "yaml source"], ids=str)
def test_source_example(example: Example, tmp_path: Path) -> None:
    document = yaml.safe_load(example.text)
    source = source_of(example, tmp_path)
    assert list(source.datasets) == list(document["datasets"])
    for name, contract in source.datasets.items():
        absent = document["datasets"][name].get("absent", [])
        assert [column for column in absent if contract.column(column).required] == []


def source_of(example: Example, council: Path) -> Source:
    """The source that an example declares, in a council's folder with the files and hooks that it names."""
    (council / "sources").mkdir()
    for name in re.findall(r"map_file: ([\w.]+)", example.text):
        (council / "sources" / name).write_text("from,to\na,b\n", encoding="utf-8")
    for hook in examples("python"):
        _, _, name = hook.kind.partition(" ")
        if not name:
            continue  # a recipe for readers of feeds
        file = council / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(hook.text, encoding="utf-8")
    path = council / "sources" / f"{yaml.safe_load(example.text)['system']}.yaml"
    path.write_text(example.text, encoding="utf-8")
    return load_source(path, load_contracts())


def test_hook_example_lands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = [e for e in examples("yaml") if "connector: python" in e.text]
    monkeypatch.setenv("WEIGHBRIDGE_FOLDER", str(tmp_path))
    for day, tickets in {"20260701": "DR00001200\nRS00003400\n", "20260930": "DR00000034\n"}.items():
        (tmp_path / f"{day}.txt").write_text(tickets, encoding="ascii")
    source = source_of(example, tmp_path)
    contract, quarter = source.datasets["tonnages"], Quarter(2026, 2)
    (landed,) = land(contract, source.extract("tonnages", [quarter]), tmp_path / "data", [quarter])
    assert (landed.error, landed.rejected, landed.rows) == (None, 0, 2)


@pytest.mark.parametrize("example", [e for e in examples("yaml") if e.kind == "yaml contract"], ids=str)
def test_contract_example(example: Example, tmp_path: Path) -> None:
    system, dataset = yaml.safe_load(example.text)["id"].split(".")
    path = tmp_path / system / f"{dataset}.yaml"
    path.parent.mkdir()
    path.write_text(example.text, encoding="utf-8")
    contract = load_contract(path)
    assert contract.name == f"{system}.{dataset}"
    assert contract.rules


@pytest.mark.parametrize("example", [e for e in examples("yaml") if e.kind == "yaml council"], ids=str)
def test_council_example(example: Example, tmp_path: Path) -> None:
    path = tmp_path / yaml.safe_load(example.text)["id"] / "council.yaml"
    path.parent.mkdir()
    path.write_text(example.text, encoding="utf-8")
    assert load_council(path).first_quarter == Quarter(2026, 1)


@pytest.mark.parametrize("example", [e for e in examples("yaml") if e.kind == "yaml dbt"], ids=str)
def test_dbt_example(example: Example) -> None:
    """Its models' inputs and shared descriptions exist, and it is the `.yml` of the SQL on the same page."""
    document = yaml.safe_load(example.text)
    models = {path.stem for path in (ROOT / "dbt_project" / "models").rglob("*.sql")}
    shared = (ROOT / "dbt_project" / "models" / "_columns.md").read_text(encoding="utf-8")
    (sql,) = (other.text for other in examples("sql") if other.page == example.page)
    assert set(re.findall(r"ref\('(\w+)'\)", sql + example.text)) <= models
    assert [name for name in re.findall(r"doc\('(\w+)'\)", example.text) if f"{{% docs {name} %}}" not in shared] == []
    for given in (given for test in document["unit_tests"] for given in test["given"]):
        (name,) = re.findall(r"ref\('(\w+)'\)", given["input"])
        (described,) = (ROOT / "dbt_project" / "models").rglob(f"{name}.yml")
        known = {
            column["name"] for column in yaml.safe_load(described.read_text(encoding="utf-8"))["models"][0]["columns"]
        }
        assert {column for row in given["rows"] for column in row} <= known
    (model,) = document["models"]
    selected = re.findall(r"^ +(?:.* as )?(\w+),?$", sql.split("from {{")[0], re.MULTILINE)
    assert [column["name"] for column in model["columns"]] == selected


@pytest.mark.parametrize("example", examples("csv"), ids=str)
def test_framework_example_keeps_its_contract(example: Example, tmp_path: Path) -> None:
    contract = load_contracts()[example.kind.split(" ")[1]]
    (tmp_path / "example.csv").write_text(example.text, encoding="utf-8")
    extracts = files.extract(
        files.Connection(location=str(tmp_path)),
        files.Request(files=["example.csv"]),
        contract,
        [Quarter(2026, 2)],
    )
    (landed,) = land(contract, extracts, tmp_path / "data", [Quarter(2026, 2)])
    assert (landed.error, landed.rejected, landed.rows) == (None, 0, len(example.text.splitlines()) - 1)


KEY_TABLES = [found for page in PAGES for found in _KEYS.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("named", "without", "table"), KEY_TABLES, ids=[found[0] for found in KEY_TABLES])
def test_tables_of_keys_are_complete(named: str, without: str, table: str) -> None:
    elsewhere = {key for other in without.replace("+", "").split() for key in keys_of(other)}
    told = [key for row in table.splitlines()[2:] for key in _CODE.findall(row.split("|")[1])]
    assert sorted(told) == sorted(keys_of(named) - elsewhere)


def test_every_model_of_configuration_has_its_table() -> None:
    told = {found[0] for found in KEY_TABLES}
    for kind in KINDS:
        module = import_module(f"sources.connectors.{kind}")
        for model in (module.Connection, module.Request):
            assert f"{model.__module__}.{model.__name__}" in told


def test_every_kind_of_signing_in_and_of_paging_is_shown() -> None:
    text = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")
    models = [model for union in (http.Auth, paging.Paging) for model in get_args(get_args(union)[0])]
    kinds = [get_args(model.model_fields["kind"].annotation)[0] for model in models]
    assert len(kinds) > 8
    assert [kind for kind in kinds if f"{{kind: {kind}" not in text] == []


def keys_of(name: str) -> set[str]:
    """Keys of a pydantic model, or the words of a set, by dotted name."""
    module, _, thing = name.rpartition(".")
    found = getattr(import_module(module), thing)
    if isinstance(found, type) and issubclass(found, pydantic.BaseModel):
        return set(found.model_fields)
    return set(found)


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=ids)
def test_decision_has_its_parts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(path.name[:4])}. ")
    parts = [text.find(f"**{part}.**") for part in ("Context", "Decision", "Consequence")]
    assert -1 not in parts
    assert parts == sorted(parts)
    assert len(text.splitlines()) <= 40


def test_every_file_of_the_framework_is_listed_with_its_columns() -> None:
    text = (ROOT / "docs" / "adopt-a-council.md").read_text(encoding="utf-8")
    _, table = text.split("<!-- framework files -->\n")
    rows = (line.split("|") for line in table.split("\n\n")[0].splitlines()[2:])
    told = {_CODE.findall(file)[0]: _CODE.findall(columns) for _, file, columns, *_ in rows}
    contracts = [contract for contract in load_contracts().values() if contract.system == "framework"]
    assert told == {contract.dataset: [column.name for column in contract.columns] for contract in contracts}
