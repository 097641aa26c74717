"""One HTTP client for every connector that needs one: retries, deadline, rate limit, tokens, and answers that lie.

`requests` with urllib3's Retry recovers busy servers and resets; what it leaves open is closed here: bodies cut
short, slow drips, login pages and errors that arrive with status 200.
"""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import orjson
import pydantic
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import DecodeError, HTTPError, ProtocolError
from urllib3.util.retry import Retry

from sources.errors import SourceError

USER_AGENT = "council-vitals/0.1 (+https://github.com/council-vitals)"
CONNECT_SECONDS = 10
ANSWER_SECONDS = 120  # a whole answer, body included: a drip that never ends must not hold a quarter up
ATTEMPTS = 4


class NoAuth(pydantic.BaseModel):
    """Nothing to show."""

    model_config = pydantic.ConfigDict(extra="forbid")
    kind: Literal["none"] = "none"


class OAuth2ClientCredentials(pydantic.BaseModel):
    """RFC 6749, section 4.4. The token is asked for when first needed and again when the server no longer takes it."""

    model_config = pydantic.ConfigDict(extra="forbid")
    kind: Literal["oauth2_client_credentials"]
    token_path: str
    client_id: str
    client_secret: pydantic.SecretStr
    scope: str | None = None


Auth = Annotated[NoAuth | OAuth2ClientCredentials, pydantic.Field(discriminator="kind")]


class HttpConnection(pydantic.BaseModel):
    """`rate_limit` is written `10/s` or `200/m`; plain http is for loopback only."""

    model_config = pydantic.ConfigDict(extra="forbid")
    base_url: str
    auth: Auth = NoAuth()
    rate_limit: str | None = None

    @pydantic.field_validator("base_url")
    @classmethod
    def _safe(cls, value: str) -> str:
        check_address(value)
        return value.rstrip("/")

    @pydantic.field_validator("rate_limit")
    @classmethod
    def _rate(cls, value: str | None) -> str | None:
        if value is not None:
            count, _, unit = value.partition("/")
            if not count.isdigit() or int(count) == 0 or unit not in ("s", "m"):
                raise ValueError("is not a rate. Write 10/s or 200/m.")
        return value


def check_address(address: str) -> None:
    """Raise ValueError unless `address` is https, or http on this machine: credentials never cross in the clear."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        # Only the server's name: a wrongly set variable may hold a secret.
        shown = f"'{parts.scheme}://{parts.hostname}'" if parts.hostname else "the address"
        raise ValueError(f"{shown} must be an https address (plain http is for loopback only).")
    if parts.username or parts.password or parts.query or parts.fragment:
        # An address becomes the origin of every row, and stands in releases.
        raise ValueError(
            f"'{parts.scheme}://{parts.hostname}': an address holds no user, password or parameters. "
            "Credentials belong under connection.auth."
        )


_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Client:
    """A session with one server. Use as a context manager. Every failure is a SourceError that says what to do."""

    def __init__(self, connection: HttpConnection) -> None:
        self._connection = connection
        self._token: str | None = None
        self._next = 0.0
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        retry = Retry(
            total=6,
            connect=2,
            backoff_factor=0.3,
            backoff_max=20,
            retry_after_max=120,  # a server that asks for hours is down for today
            status_forcelist=(429, 502, 503, 504),
            allowed_methods=("GET", "POST"),
            respect_retry_after_header=True,
            raise_on_status=False,
        )
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def json(self, path: str, params: dict[str, Any] | None = None) -> Any:
        """The JSON answer to GET `path`. Raises SourceError for HTML, errors inside a 200 and anything unreadable."""
        response = self.get(path, params)
        address = _shown(response.url)
        kind = response.headers.get("Content-Type", "")
        if "json" not in kind:
            raise SourceError(
                f"{address}: answered '{kind.split(';')[0] or 'nothing named'}' instead of JSON (a login or "
                "maintenance page?). Open the address in a browser, or ask the system's owner."
            )
        try:
            body = orjson.loads(response.content)
        except orjson.JSONDecodeError as error:
            raise SourceError(f"{address}: the JSON cannot be read: {error}.") from None
        if isinstance(body, dict) and body.get("error") and set(body) <= {"error", "message", "error_code", "status"}:
            raise SourceError(f"{address}: answered with an error: {body['error']}.")
        return body

    def get(self, path: str, params: dict[str, Any] | None = None) -> requests.Response:
        """The whole answer to GET `path`, its body read. A body cut short or a reset is asked for again."""
        url = f"{self._connection.base_url}{path}"
        for attempt in range(1, ATTEMPTS + 1):
            self._wait()
            try:
                response = self._session.get(
                    url, params=params, headers=self._authorization(), timeout=(CONNECT_SECONDS, 30), stream=True
                )
                _read_all(response)
            except requests.exceptions.ChunkedEncodingError as error:
                if attempt == ATTEMPTS:
                    raise SourceError(f"{_shown(url)}: the answer was cut short {ATTEMPTS} times: {error}.") from None
                time.sleep(0.3 * 2**attempt)
                continue
            except requests.exceptions.RequestException as error:
                raise SourceError(
                    f"{_shown(url)}: cannot be reached ({type(error).__name__}). Check connection.base_url, the "
                    "network, and whether the system is up."
                ) from None
            if response.status_code == 401 and self._token is not None:
                self._token = None  # expired mid-run: ask for a new one, once per attempt
                if attempt < ATTEMPTS:
                    continue
            if response.status_code >= 400:
                raise SourceError(f"{_shown(response.url)}: {_refusal(response)}")
            return response
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _authorization(self) -> dict[str, str]:
        auth = self._connection.auth
        if isinstance(auth, NoAuth):
            return {}
        if self._token is None:
            url = f"{self._connection.base_url}{auth.token_path}"
            form = {"grant_type": "client_credentials"} | ({"scope": auth.scope} if auth.scope else {})
            try:
                response = self._session.post(
                    url,
                    data=form,
                    auth=(auth.client_id, auth.client_secret.get_secret_value()),
                    timeout=(CONNECT_SECONDS, 30),
                )
            except requests.exceptions.RequestException as error:
                raise SourceError(
                    f"{_shown(url)}: cannot be reached for a token ({type(error).__name__}). Check "
                    "connection.base_url, the network, and whether the system is up."
                ) from None
            if response.status_code != 200:
                raise SourceError(
                    f"{_shown(url)}: no token given (status {response.status_code}). Check the client id and secret."
                )
            try:
                self._token = str(orjson.loads(response.content)["access_token"])
            except (orjson.JSONDecodeError, KeyError, TypeError):
                raise SourceError(
                    f"{_shown(url)}: the answer holds no access_token. Check token_path, or ask the system's owner."
                ) from None
        return {"Authorization": f"Bearer {self._token}"}

    def _wait(self) -> None:
        if self._connection.rate_limit:
            count, _, unit = self._connection.rate_limit.partition("/")
            pause = self._next - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            self._next = max(self._next, time.monotonic()) + (60 if unit == "m" else 1) / int(count)


def _read_all(response: requests.Response) -> None:
    """Read the body under one deadline: the socket's own timeout starts anew with every byte that drips in."""
    deadline = time.monotonic() + ANSWER_SECONDS
    chunks = []
    try:
        # `read1` gives what has arrived; `read` and `iter_content` wait for their full measure and see no clock.
        while chunk := response.raw.read1(1 << 20, decode_content=True):
            chunks.append(chunk)
            if time.monotonic() > deadline:
                raise SourceError(f"{_shown(response.url)}: still answering after {ANSWER_SECONDS} seconds; given up.")
    except (ProtocolError, DecodeError) as error:
        raise requests.exceptions.ChunkedEncodingError(error) from None
    except HTTPError as error:
        raise requests.exceptions.ConnectionError(error) from None
    response._content = b"".join(chunks)  # what requests itself keeps once a body is read


def _refusal(response: requests.Response) -> str:
    remedy = {
        401: "Check the credentials.",
        403: "The credentials lack the right to read this.",
        404: "Check the path.",
        429: "The server stays busy; lower connection.rate_limit or try later.",
    }.get(response.status_code, "Ask the system's owner.")
    return f"refused with status {response.status_code} {response.reason}: {response.text[:200].strip()!r}. {remedy}"


def _shown(url: str) -> str:
    """An address without query or user: parameters can carry keys, and messages end up in logs."""
    bare = url.split("?")[0]
    scheme, _, rest = bare.partition("://")
    return f"{scheme}://{rest.rsplit('@', 1)[-1]}" if rest else bare
