"""The hook for the odd one: a function of the council's own that gives records, where nothing else can read the system.

It stands in `hooks/` beside the council's `sources/` and is imported when it is read, never before; that it is there is
checked with the rest of the configuration. It runs with all the rights of this process: review it as code.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.contract import Contract
from sources.errors import SourceError, listed, nearest, shown_path
from sources.periods import Quarter

_PAGE = 10_000  # records at a time


class Connection(pydantic.BaseModel):
    """Whatever the function needs to know; it gets these keys as a dict, with variables filled in."""

    model_config = pydantic.ConfigDict(extra="allow")


class Request(x.Request):
    """`function` is `module:function` or `package.module:function`, below the council's folder `hooks`."""

    function: str
    _folder: Path = pydantic.PrivateAttr()

    @pydantic.model_validator(mode="after")
    def _there(self, info: pydantic.ValidationInfo) -> Request:
        module, _, name = self.function.partition(":")
        if not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
            raise ValueError(f"function: '{self.function}' will not do; write module:function.")
        self._folder = (info.context or {})["folder"].resolve().parent / "hooks"
        if not self.file.is_file():
            known = sorted(path.stem for path in self.file.parent.glob("*.py"))
            raise ValueError(f"function: there is no {shown_path(self.file)}.{nearest(self.file.stem, known)}")
        try:
            names = set(_defined(ast.parse(self.file.read_bytes())))
        except (SyntaxError, ValueError) as error:
            line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
            raise ValueError(f"function: {shown_path(self.file)}{line} is no Python that can be read.") from None
        if name not in names:
            raise ValueError(
                f"function: {shown_path(self.file)} defines no function '{name}'.{nearest(name, names)} It defines: "
                f"{listed(sorted(names))}."
            )
        return self

    def beside(self) -> list[Path]:
        """The map files, and the module of the function."""
        return [*super().beside(), self.file]

    @property
    def file(self) -> Path:
        """The module's file."""
        return self._folder.joinpath(*self.function.partition(":")[0].split(".")).with_suffix(".py")


def extract(
    connection: Connection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract a quarter, by a call each; for a dataset that is kept whole one call for all of the quarters. Raises
    SourceError while reading."""
    origin = f"{shown_path(request.file)}: {request.function.partition(':')[2]}"
    slots: list[Quarter | None] = [None] if contract.load == "full" else [*quarters]
    for quarter in slots:
        mark = since.get(quarter) if quarter else None
        first, last = (quarter, quarter) if quarter else (quarters[0], quarters[-1])
        start = max(first.start, mark.date()) if mark else first.start
        pages = _pages(request, start, last.next.start, connection.model_extra or {}, origin)
        made = x.Extract(quarter, (), origin, request.format, since=mark)
        made.batches = x.record_batches(contract, request, pages, lambda: origin, made.notes)
        yield made


def reach(connection: Connection, request: Request) -> None:
    """Raise SourceError when the module cannot be imported. Nothing is called."""
    with _told(request):
        _function(request)


def _pages(
    request: Request, start: date, end: date, connection: Mapping[str, Any], origin: str
) -> Iterator[list[dict[str, Any]]]:
    with _told(request):
        records = _records(_function(request)(start, end, dict(connection)), origin)
        while page := list(islice(records, _PAGE)):
            yield page


def _records(given: Any, origin: str) -> Iterator[dict[str, Any]]:
    """Records out of whatever the function gave: a record, a table of pandas or Arrow, or several of these."""
    if isinstance(given, dict):
        yield {name: None if value != value else value for name, value in given.items()}  # NaN is no value
    elif isinstance(given, pa.Table):
        yield from _records(given.to_batches(_PAGE), origin)
    elif isinstance(given, pa.RecordBatch):
        yield from given.to_pylist()
    elif type(given).__module__.partition(".")[0] == "pandas":
        yield from _records(pa.Table.from_pandas(given, preserve_index=False), origin)
    elif isinstance(given, Iterable) and not isinstance(given, str | bytes):
        for item in given:
            yield from _records(item, origin)
    else:
        raise SourceError(
            f"{origin}: gave {type(given).__name__} where a record should be. It should yield dicts, or give a table "
            "of pandas or Arrow. Nothing landed."
        )


def _function(request: Request) -> Callable[[date, date, dict[str, Any]], Any]:
    module, _, name = request.function.partition(":")
    with _importable(request._folder):
        imported = importlib.import_module(module)
    if Path(imported.__file__ or "") != request.file:
        raise SourceError(
            f"{shown_path(request.file)}: another module is called '{module}', too. Give the hook's file another name."
        )
    function: Callable[[date, date, dict[str, Any]], Any] = getattr(imported, name)
    return function


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """While this lasts modules are found in `folder`; they are forgotten afterwards, for another council may have one
    of the same name."""
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes_bytecode
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
        for name, module in list(sys.modules.items()):
            places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
            if any(place and Path(place).is_relative_to(folder) for place in places):
                del sys.modules[name]


@contextlib.contextmanager
def _told(request: Request) -> Iterator[None]:
    """Errors of the hook by type, file and line, without their own words: those may hold what it has read. Only what
    the hook says by raising a SourceError of its own is passed on."""
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        lines = [
            (Path(frame.tb_frame.f_code.co_filename), frame.tb_lineno)
            for frame in _frames(error)
            if Path(frame.tb_frame.f_code.co_filename).is_relative_to(request._folder)
        ]
        if isinstance(error, SyntaxError) and error.filename:
            lines.append((Path(error.filename), error.lineno or 0))
        file, line = lines[-1] if lines else (request.file, 0)
        at = f"{shown_path(file)}{f':{line}' if line else ''}"
        raise SourceError(
            f"{at}: {request.function} failed with {type(error).__name__}. Nothing landed; mend the hook."
        ) from None


def _frames(error: Exception) -> Iterator[Any]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _defined(module: ast.Module) -> Iterator[str]:
    """Names of the functions that a module defines, by def or by taking them from elsewhere."""
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef):
            yield statement.name
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            yield from (name.asname or name.name.partition(".")[0] for name in statement.names)
        elif isinstance(statement, ast.Assign):
            yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
