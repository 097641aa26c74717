"""OAuth2 client credentials against `oidc-provider`, and an API on another address that checks every token with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.builders import column, files_in, key, make_contract, rows_of
from support.fault_server import faults
from support.oidc import Api, Oidc, needs_oidc, oidc
from support.rest import PATH, fetched

from sources.contract import Contract
from sources.landing import Landed

pytestmark = needs_oidc
SECRET = "hunter2 %+:&/not-to-be-seen"  # with all that has a meaning in headers, forms and addresses


@pytest.fixture(scope="module")
def server() -> Iterator[Oidc]:
    with oidc("vitals:brigstow", SECRET, seconds=3) as running:
        yield running


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(tmp_path, key("ref"), column("score", "integer", required=True))


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADE_SECRET", SECRET)


def read(folder: Path, contract: Contract, server: Oidc, api: Api, **auth: Any) -> Landed:
    given = {
        "kind": "oauth2_client_credentials",
        "token_url": f"{server.url}/token",
        "client_id": server.client,
        "client_secret": "${MADE_SECRET}",
        "scope": "read",
    }
    with faults({PATH: [api]}) as faulty:
        return fetched(folder, faulty.url, contract, connection={"auth": given | auth})


def test_a_token_is_renewed_before_it_expires(tmp_path: Path, contract: Contract, server: Oidc) -> None:
    api = Api(server, pages=7, seconds=0.6)
    landed = read(tmp_path, contract, server, api)
    assert rows_of(landed.path, "ref") == [(f"R{number}",) for number in range(7)]
    assert len(api.tokens) > 1


def test_a_token_that_is_taken_back_is_renewed(tmp_path: Path, contract: Contract, server: Oidc) -> None:
    api = Api(server, pages=4, revoked_after=2)
    landed = read(tmp_path, contract, server, api)
    assert rows_of(landed.path, "ref") == [(f"R{number}",) for number in range(4)]
    assert (api.refused, len(api.tokens)) == (1, 2)


def test_credentials_may_go_in_the_body(tmp_path: Path, contract: Contract, server: Oidc) -> None:
    landed = read(tmp_path, contract, server, Api(server, pages=2), client_id="by-post", credentials_in="body")
    assert (landed.error, landed.rows) == (None, 2)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"client_id": "somebody"}, "401, invalid_client"),
        ({"client_secret": "mistyped"}, "401, invalid_client"),
        ({"scope": "write"}, "400, invalid_scope"),
    ],
)
def test_a_refusal_is_told_without_secrets(
    tmp_path: Path, contract: Contract, server: Oidc, change: dict[str, str], told: str
) -> None:
    api = Api(server, pages=1)
    landed = read(tmp_path, contract, server, api, **change)
    assert landed.error == (
        f"{server.url}/token: no token given (status {told}). Check client_id, client_secret and scope."
    )
    assert api.refused == 0 and api.tokens == []
    assert files_in(tmp_path / "data") == []


def test_tokens_from_elsewhere_need_https(tmp_path: Path, contract: Contract, server: Oidc) -> None:
    with pytest.raises(Exception, match="must be an https address") as error:
        read(tmp_path, contract, server, Api(server, pages=1), token_url="http://login.example/token")
    assert SECRET not in str(error.value)
