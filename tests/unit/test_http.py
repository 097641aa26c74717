"""The HTTP client's own rules about addresses and rates; how it meets faults is tested against a server."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest

from sources.connectors.http import HttpConnection, OAuth2ClientCredentials, check_address


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
