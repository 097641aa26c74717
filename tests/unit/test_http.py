"""The HTTP client's own rules about addresses and rates; how it meets faults is tested against a server."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest
from support.fault_server import closed_port

from sources.connectors.http import Client, HttpConnection, OAuth2ClientCredentials, check_address, error_in, shown
from sources.errors import SourceError


@pytest.mark.parametrize(
    "address",
    [
        "https://crm.example",
        "https://crm.example:8443/api",
        "http://127.0.0.1:9",
        "http://localhost/x",
        "http://[::1]:9",
    ],
)
def test_addresses_that_are_taken(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "http://crm.example",
        "http://127.0.0.1.example",
        "http://127.0.0.1@crm.example",
        "http://localhost.example",
        "http://192.168.0.1",
        "HTTP://crm.example",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "//crm.example",
        "crm.example",
        "",
    ],
)
def test_addresses_that_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"must be an https address \(plain http is for loopback only\)\.$"):
        check_address(address)


@pytest.mark.parametrize(
    "address", ["https://user:hunter2@crm.example", "https://crm.example/?key=hunter2", "https://crm.example#hunter2"]
)
def test_an_address_with_credentials_in_it_is_refused(address: str) -> None:
    """It would stand in releases: an address is the origin of every row."""
    with pytest.raises(ValueError, match=r"Credentials belong under connection\.auth\.$") as error:
        check_address(address)
    assert "hunter2" not in str(error.value)


def test_a_refused_address_is_shown_without_what_may_be_secret() -> None:
    with pytest.raises(ValueError) as error:
        check_address("http://user:hunter2@crm.example:80/path-token?key=secret#part")
    assert str(error.value).startswith("'http://crm.example' must be")
    with pytest.raises(ValueError) as error:
        check_address("hunter2")
    assert str(error.value).startswith("the address must be")


def test_a_slash_at_the_end_makes_no_difference() -> None:
    assert HttpConnection(base_url="https://crm.example/api/").base_url == "https://crm.example/api"


@pytest.mark.parametrize("rate", ["10/s", "200/m", "1/s", None])
def test_rates(rate: str | None) -> None:
    assert HttpConnection(base_url="https://crm.example", rate_limit=rate).rate_limit == rate


@pytest.mark.parametrize("rate", ["10", "10/h", "/s", "0/s", "-1/s", "1.5/s", "ten/s", ""])
def test_rates_that_are_refused(rate: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=r"is not a rate\. Write 10/s or 200/m\."):
        HttpConnection(base_url="https://crm.example", rate_limit=rate)


def test_a_secret_does_not_show() -> None:
    given: dict[str, Any] = {"kind": "oauth2_client_credentials", "token_path": "/t", "client_id": "c"}
    auth = OAuth2ClientCredentials(**given, client_secret="hunter2")
    assert "hunter2" not in f"{auth} {auth!r} {auth.model_dump()} {auth.model_dump_json()}"
    assert auth.client_secret.get_secret_value() == "hunter2"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "give either token_path"),
        ({"token_path": "/t", "token_url": "https://login.example/t"}, "give either token_path"),
        ({"token_url": "http://login.example/t"}, "must be an https address"),
        ({"token_url": "https://user:hunter2@login.example/t"}, "holds no user, password"),
        ({"token_path": "/t", "credentials_in": "cookie"}, "Input should be 'header' or 'body'"),
    ],
)
def test_where_tokens_come_from(given: dict[str, str], problem: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=problem):
        OAuth2ClientCredentials(kind="oauth2_client_credentials", client_id="c", client_secret="x", **given)


@pytest.mark.parametrize(
    ("base", "address", "elsewhere", "words"),
    [
        ("https://crm.example", "https://crm.example:8443/x?key=hunter2", False, "lies on another server"),
        ("https://crm.example", "https://other.example/x?key=hunter2", False, "lies on another server"),
        ("https://crm.example", "http://other.example/x?key=hunter2", True, "leads to 'http://other.example', which"),
        ("https://crm.example", "http://127.0.0.1/x?key=hunter2", True, "leads to 'http://127.0.0.1', which"),
        ("https://crm.example", "https://localhost/x?key=hunter2", True, "leads to 'https://localhost', which"),
        ("http://127.0.0.1:9", "http://crm.example/x?key=hunter2", True, "leads to 'http://crm.example', which"),
        ("http://127.0.0.1:9", "file://127.0.0.1/etc/passwd", True, "leads to 'file://127.0.0.1', which"),
    ],
)
def test_addresses_that_are_not_followed(base: str, address: str, elsewhere: bool, words: str) -> None:
    """Not to another server with credentials, not in the clear, and not from outside to this machine's own services."""
    with Client(HttpConnection(base_url=base)) as client, pytest.raises(SourceError) as error:
        client.get(address, elsewhere=elsewhere)
    assert words in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_server_that_takes_itself_for_plain_http_is_asked_by_https() -> None:
    """Behind a proxy that ends TLS, links to the next page often begin with http."""
    closed = closed_port().removeprefix("http://")
    with Client(HttpConnection(base_url=f"https://{closed}")) as client, pytest.raises(SourceError) as error:
        client.get(f"http://{closed}/things?page=2")
    assert str(error.value).startswith(f"https://{closed}/things: cannot be reached")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": "quota"}, "quota"),
        ({"error": True, "message": "no", "data": {}}, "no"),
        ({"success": False, "detail": "no"}, "no"),
        ({"errors": ["a", "b"], "status": 400}, "['a', 'b']"),
        ({"error": "quota", "items": [], "total": 0}, "quota"),
        ({"error": "of one field", "items": [1]}, None),
        ({"error": None, "message": "fine"}, None),
        ({"success": True}, None),
        ([{"error": "in a record"}], None),
        ("error", None),
        ({}, None),
    ],
)
def test_errors_in_answers(body: Any, told: str | None) -> None:
    assert error_in(body) == told


@pytest.mark.parametrize(
    "address", ["https://u:p@crm.example/x?k=1#f", "https://crm.example/x", "https://crm.example/x#f?k"]
)
def test_addresses_are_shown_without_parameters(address: str) -> None:
    assert shown(address) == "https://crm.example/x"
