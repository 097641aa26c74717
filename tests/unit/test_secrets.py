"""Secrets: where they are read from, which values are taken for one, and that nothing told holds one."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from support.builders import make_source

from sources import secrets
from sources.config import load_sources
from sources.contract import load_contracts
from sources.errors import ConfigurationError

SECRET = "s3cr3t pass/word+&%é"


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """What one test makes a secret is none in the next."""
    known, pattern = set(secrets._known), secrets._pattern
    yield
    secrets._known.clear()
    secrets._known.update(known)
    secrets._pattern = pattern


@pytest.mark.parametrize(
    "name",
    [
        *("password", "client_secret", "token", "key", "account_key", "sas_token", "secret_access_key", "value"),
        *("pseudonym_key", "passphrase", "HR_PASSWORD", "CRM_CLIENT_SECRET", "LG_INFORM_KEY", "AZURE_SAS"),
    ],
)
def test_a_name_of_a_secret(name: str) -> None:
    assert secrets.is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *("location", "uri", "base_url", "client_id", "username", "name", "scope", "endpoint", "keys", "keyboard"),
        *("private_key_file", "token_path", "token_url", "access_key_id", "host_key", "CRM_HOST_KEY", "HR_DATABASE"),
    ],
)
def test_a_name_of_no_secret(name: str) -> None:
    assert not secrets.is_secret(name)


def test_a_variable_comes_from_the_environment_or_from_a_mounted_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = tmp_path / "password"
    mounted.write_text(f"{SECRET}\r\n", encoding="utf-8")
    monkeypatch.setenv("A_PLACE", "sftp.example")
    monkeypatch.setenv("A_PASSWORD_FILE", str(mounted))
    assert secrets.problem("A_PLACE") is None
    assert secrets.problem("A_PASSWORD") is None
    given = {"location": "sftp://${A_PLACE}/out", "password": "${A_PASSWORD}", "many": ["${A_PLACE}", 3, None]}
    assert secrets.variables(given) == ["A_PLACE", "A_PASSWORD"]
    assert secrets.resolve(given) == {
        "location": "sftp://sftp.example/out",
        "password": SECRET,
        "many": ["sftp.example", 3, None],
    }


def test_a_key_of_several_lines_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "-----BEGIN KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n-----END KEY-----"
    (tmp_path / "key").write_text(f"{lines}\n", encoding="ascii")
    monkeypatch.setenv("A_KEY_FILE", str(tmp_path / "key"))
    assert secrets.resolve("${A_KEY}") == lines
    assert secrets.scrub("found b3BlbnNzaC1rZXktdjEAAAAABG5vbmU in it") == f"found {secrets.HIDDEN} in it"
    assert secrets.scrub("-----BEGIN KEY-----") == "-----BEGIN KEY-----", "that says nothing"


def test_what_cannot_be_read_is_told_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unset = (
        "the environment variable A_PASSWORD is not set. Set it where this command runs, or in the file .env beside "
        "the README."
    )
    assert secrets.problem("A_PASSWORD") == unset
    monkeypatch.setenv("A_PASSWORD", "")
    assert secrets.problem("A_PASSWORD") == unset
    path = tmp_path / "password"
    monkeypatch.setenv("A_PASSWORD_FILE", str(path))
    assert secrets.problem("A_PASSWORD") == (
        f"{path}, the file that A_PASSWORD_FILE names, cannot be read (No such file or directory). Mount it, or set "
        "A_PASSWORD itself."
    )
    path.mkdir()
    assert "cannot be read (Is a directory)" in str(secrets.problem("A_PASSWORD"))
    path.rmdir()
    path.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read (it is no text)" in str(secrets.problem("A_PASSWORD"))
    path.write_text("\n", encoding="utf-8")
    assert "is empty. It should hold the value of A_PASSWORD." in str(secrets.problem("A_PASSWORD"))
    path.write_text("found", encoding="utf-8")
    monkeypatch.setenv("A_PASSWORD", "other")
    assert secrets.problem("A_PASSWORD") == "A_PASSWORD and A_PASSWORD_FILE are both set. Keep one of them."


def test_every_problem_names_file_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD_FILE", str(tmp_path / "gone"))
    document = {
        "system": "hr",
        "owner": "people@sampleton.example",
        "connector": "database",
        "connection": {"uri": "postgresql://${DB_HOST}/hr", "password": "${DB_PASSWORD}"},
        "pseudonym_key": "${HR_KEY}",
        "datasets": {"posts": {"query": "select 1"}},
    }
    source = make_source(tmp_path, document)
    first, second, third = source.missing_variables()
    assert first.startswith(f"{source.path}: connection.uri: the environment variable DB_HOST is not set.")
    assert second.startswith(f"{source.path}: connection.password: {tmp_path / 'gone'}, the file that DB_PASSWORD_FILE")
    assert third.startswith(f"{source.path}: pseudonym_key: the environment variable HR_KEY is not set.")
    with pytest.raises(ConfigurationError) as error:
        source.connect()
    assert error.value.problems == [first, second, third]


def test_a_secret_in_the_yaml_itself_is_a_mistake_of_a_council(tmp_path: Path) -> None:
    auth = {"kind": "basic", "username": "vitals", "password": SECRET}
    document = {
        "system": "hr",
        "owner": "people@sampleton.example",
        "connector": "rest",
        "connection": {"base_url": "https://hr.example", "auth": auth},
        "datasets": {"posts": {"request": {"path": "/posts"}}},
    }
    source = make_source(tmp_path, document)
    with pytest.raises(ConfigurationError) as error:
        load_sources(tmp_path / "sources", load_contracts())
    assert error.value.problems == [
        f"{source.path}: connection.auth.password: a secret does not belong in this file. Name a variable that holds "
        'it, as "${SOME_PASSWORD}", and change the secret: it has been seen.'
    ]
    auth["password"] = "${HR_PASSWORD}"
    make_source(tmp_path, document)
    assert list(load_sources(tmp_path / "sources", load_contracts())) == ["hr"]


def test_values_under_names_of_secrets_are_scrubbed_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"A_HOST": "crm.example", "A_PASSWORD": "correct horse", "A_CODE": "battery staple"}.items():
        monkeypatch.setenv(name, value)
    secrets.resolve(
        {"base_url": "https://${A_HOST}/?key=${A_PASSWORD}", "auth": {"token": "${A_CODE}"}, "user": "vitals"}
    )
    told = "crm.example: vitals was refused with correct horse and battery staple"
    assert secrets.scrub(told) == "crm.example: vitals was refused with ••• and •••"


def test_what_is_too_short_would_make_everything_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_PASSWORD", "the")
    secrets.resolve({"password": "${A_PASSWORD}"})
    assert secrets.scrub("the server refused the query") == "the server refused the query"


@pytest.mark.parametrize(
    "spell",
    [
        str,
        lambda text: quote(text, safe=""),
        quote,
        quote_plus,
        repr,
        json.dumps,
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.b64encode(f"reader:{text}".encode()).decode(),
        lambda text: base64.b64encode(f"me:{text}!".encode()).decode(),
        lambda text: base64.b64encode(f"you:{text}!!".encode()).decode(),
    ],
)
def test_it_is_found_however_it_is_spelt(spell: Any) -> None:
    secrets.register(SECRET)
    scrubbed = secrets.scrub(f"before {spell(SECRET)} after")
    assert scrubbed.startswith("before ")
    assert scrubbed.endswith(" after")
    assert "•••" in scrubbed
    assert len(scrubbed) <= len("before ") + 16 + len(" after"), f"little of it is left: {scrubbed}"


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    secrets.register("abcdefgh")
    secrets.register("abcdefgh-and-more")
    assert secrets.scrub("it is abcdefgh-and-more.") == "it is •••."


def test_logs_of_any_library_are_scrubbed(capsys: pytest.CaptureFixture[str]) -> None:
    secrets.register(SECRET)
    secrets.guard_logs()
    secrets.guard_logs()
    logger = logging.getLogger("some.library")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    try:
        logger.warning("sent %s to %s", SECRET, "crm.example")
        logger.warning("100% sure, and no arguments")
        try:
            raise ValueError(f"refused: {SECRET}")
        except ValueError:
            logger.exception("it failed")
    finally:
        logger.removeHandler(handler)
    told = capsys.readouterr().err
    assert "sent ••• to crm.example" in told
    assert "100% sure, and no arguments" in told
    assert "ValueError: refused: •••" in told
    assert SECRET not in told


def test_a_record_that_cannot_be_put_together_is_left_to_logging() -> None:
    secrets.register(SECRET)
    secrets.guard_logs()
    record = logging.getLogRecordFactory()("x", logging.INFO, "x.py", 1, "%s and %s", ("one",), None)
    assert record.msg == "%s and %s"
