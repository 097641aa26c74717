"""How `vitals` puts numbers, ages, paths and moments into words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration import cli
from sources.errors import ConfigurationError


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1.00000000", "1"),
        ("63761.86000000", "63,761.86"),
        ("100", "100"),
        ("0.00000000", "0"),
        ("-1234567.5", "-1,234,567.5"),
        ("0.08333333", "0.08333333"),
    ],
)
def test_numbers_have_thousands_set_off_and_no_idle_zeros(value: str, words: str) -> None:
    assert cli._number(Decimal(value)) == words


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=10), "0 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=23), "23 h"),
        (timedelta(days=3), "3 d"),
    ],
)
def test_ages_are_rough(age: timedelta, words: str) -> None:
    assert cli._age(datetime.now(UTC) - age) == words


def test_no_extract_has_no_age() -> None:
    assert cli._age(None) == "–"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-10-21", datetime(2026, 10, 21, tzinfo=UTC)),
        ("2026-10-21T06:00", datetime(2026, 10, 21, 6, tzinfo=UTC)),
        ("2026-10-21T06:00+01:00", datetime(2026, 10, 21, 5, tzinfo=UTC)),
        ("2026-10-21T06:00:00.5Z", datetime(2026, 10, 21, 6, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_a_moment_without_a_zone_is_utc(text: str, moment: datetime) -> None:
    assert cli._moment(text) == moment


def test_a_moment_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'21/10/2026' is not a time"):
        cli._moment("21/10/2026")


def test_paths_are_shown_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli._near(tmp_path / "data" / "brigstow") == "data/brigstow"
    assert cli._near(Path("/elsewhere/data")) == "/elsewhere/data"


def test_square_brackets_in_data_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    cli.Console(width=80).print(cli._plain("title [bold]x[/bold] [/] row[0]"))
    assert capsys.readouterr().out == "title [bold]x[/bold] [/] row[0]\n"
