"""One HTTP client for every connector that needs one: retries, deadlines, rate limit, credentials, answers that lie.

`requests` carries the bytes; when to ask again, how long to wait, which host may see the credentials and what counts
as an answer is decided here. What an answer means is the connectors' business.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import IO, Annotated, Any, Literal, cast
from urllib.parse import parse_qsl, quote_plus, urljoin, urlsplit

import pyarrow as pa
import pydantic
import requests
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

from sources import extract as x
from sources import secrets
from sources.connectors import LOOPBACK, spools
from sources.errors import SourceError

USER_AGENT = "council-vitals/0.1 (+https://github.com/council-vitals)"
CONNECT_SECONDS = 10
FILE_SECONDS = 1800  # a bulk file may take its time, but not for ever
ATTEMPTS = 6
LONGEST_PAUSE = 120  # seconds; a server that asks for hours is down for today
MAXIMUM_PAGE = 256 << 20  # bytes once unpacked, read into memory
_MOST_VERSIONS = 200  # answers of one extract whose versions are kept beside it
_BUSY = (429, 502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)


class NoAuth(pydantic.BaseModel):
    """Nothing to show."""

    model_config = pydantic.ConfigDict(extra="forbid")
    kind: Literal["none"] = "none"


class ApiKey(pydantic.BaseModel):
    """A key in a header or a parameter called `name`; `prefix` stands before it (`"Apikey "`)."""

    model_config = pydantic.ConfigDict(extra="forbid")
    kind: Literal["api_key"]
    name: str
    value: pydantic.SecretStr
    place: Literal["header", "query"] = pydantic.Field(default="header", alias="in")
    prefix: str = ""


class Basic(pydantic.BaseModel):
    """RFC 7617."""

    model_config = pydantic.ConfigDict(extra="forbid")
    kind: Literal["basic"]
    username: str
    password: pydantic.SecretStr


class Bearer(pydantic.BaseModel):
    """A token that somebody issued by hand."""

    model_config = pydantic.ConfigDict(extra="forbid")
    kind: Literal["bearer"]
    token: pydantic.SecretStr


class OAuth2ClientCredentials(pydantic.BaseModel):
    """RFC 6749, section 4.4. A token is asked for when first needed, before it expires, and when it is refused.

    `token_path` stands below base_url, `token_url` may be elsewhere. `credentials_in` says how id and secret are sent:
    in a header, as the RFC prefers, or in the body, for servers that know no better.
    """

    model_config = pydantic.ConfigDict(extra="forbid")
    kind: Literal["oauth2_client_credentials"]
    token_path: str | None = None
    token_url: str | None = None
    client_id: str
    client_secret: pydantic.SecretStr
    scope: str | None = None
    credentials_in: Literal["header", "body"] = "header"

    @pydantic.field_validator("token_url")
    @classmethod
    def _safe(cls, value: str | None) -> str | None:
        if value is not None:
            check_address(value)
        return value

    @pydantic.model_validator(mode="after")
    def _one(self) -> OAuth2ClientCredentials:
        if (self.token_path is None) == (self.token_url is None):
            raise ValueError("give either token_path (below base_url) or token_url.")
        return self


Auth = Annotated[NoAuth | ApiKey | Basic | Bearer | OAuth2ClientCredentials, pydantic.Field(discriminator="kind")]


class HttpConnection(pydantic.BaseModel):
    """`rate_limit` is written `10/s` or `200/m`; `answer_seconds` is how long one answer may take, to its last byte.
    Plain http is for loopback only."""

    model_config = pydantic.ConfigDict(extra="forbid")
    base_url: str
    auth: Auth = NoAuth()
    rate_limit: str | None = None
    answer_seconds: pydantic.PositiveFloat = 120

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
    try:
        _ = parts.port
    except ValueError:  # its message shows what stands there, such as a password that holds a slash
        raise ValueError("the address has no number for a port. Credentials belong under connection.auth.") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        # Only the server's name: a wrongly set variable may hold a secret.
        shown = f"'{parts.scheme}://{parts.hostname}'" if parts.hostname else "the address"
        raise ValueError(f"{shown} must be an https address (plain http is for loopback only).")
    if parts.username or parts.password or parts.query or parts.fragment:
        # An address becomes the origin of every row, and stands in releases.
        raise ValueError(
            f"'{parts.scheme}://{parts.hostname}': an address holds no user, password or parameters. "
            "Credentials belong under connection.auth."
        )


@dataclass(frozen=True)
class Answer:
    """A whole answer. `url` is where it came from in the end, parameters and all: not for messages (see `shown`).
    `file` stands at its beginning; large ones lie on disk until it is closed."""

    url: str
    status: int
    headers: Mapping[str, str]
    file: IO[bytes]

    @property
    def content(self) -> bytes:
        """The body in memory."""
        self.file.seek(0)
        return self.file.read()

    @property
    def kind(self) -> str:
        """The content type without its parameters, in lower case; empty when the server names none."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def error_in(body: Any) -> str | None:
    """What a JSON answer with status 200 says went wrong, or None: `{"error": …}`, `{"success": false, …}` and the
    like, with nothing beside it that could be data."""
    if not isinstance(body, dict):
        return None
    data = {key for key, value in body.items() if value} - _ERROR_KEYS
    if data and body.get("error") is not True:
        return None
    told = next((body[key] for key in ("error", "errors") if body.get(key)), None)
    if told is None and body.get("success") is not False:
        return None
    if told is None or isinstance(told, bool):
        told = body.get("message") or body.get("detail") or "no reason given"
    return str(told)


_ERROR_KEYS = {
    *("error", "errors", "error_code", "errorcode", "code", "status", "success", "message", "detail", "details"),
    *("title", "type", "help", "path", "timestamp", "traceId", "instance"),
}


class Client:
    """A session with one server. Use as a context manager. Every failure is a SourceError that says what to do.

    A path is put behind `base_url`. An absolute address must lie on the same host, or be asked for with
    `elsewhere=True`: then it may be any https address, and the credentials stay at home. `error_in` finds what a JSON
    answer with status 200 says went wrong; platforms with shapes of their own pass theirs.
    """

    def __init__(self, connection: HttpConnection, error_in: Callable[[Any], str | None] = error_in) -> None:
        self._connection = connection
        self._error_in = error_in
        self._token: str | None = None
        self._token_until = 0.0
        self._next = 0.0
        self._versions: list[tuple[str, str, str]] | None = []  # address, ETag, Last-Modified; None: not all have one
        self._kept: dict[str, Answer] = {}
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        # requests shows what ~/.netrc holds for a host unless a request has an `auth` of its own.
        self._session.auth = lambda request: request

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def json(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        method: Literal["GET", "POST"] = "GET",
        json_body: Any = None,
        elsewhere: bool = False,
    ) -> Any:
        """The JSON answer. Numbers keep their digits: whole ones are int, others Decimal.

        Raises SourceError for HTML, errors inside a 200 and anything unreadable.
        """
        return self.parsed(self.get(path, params, method=method, json_body=json_body, elsewhere=elsewhere))

    def parsed(self, answer: Answer) -> Any:
        """The JSON in `answer`; raises SourceError as `json` does."""
        address, content = shown(answer.url), answer.content.removeprefix(b"\xef\xbb\xbf")
        if "html" in answer.kind or content.lstrip()[:1] == b"<":
            raise SourceError(
                f"{address}: answered '{answer.kind or 'nothing named'}' instead of JSON (a login or maintenance "
                "page?). Open the address in a browser, or ask the system's owner."
            )
        try:
            # Not orjson: it makes floats of decimals, and of whole numbers beyond 64 bits, and so loses digits.
            body = json.loads(content, parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
            raise SourceError(f"{address}: the JSON cannot be read: {reason}.") from None
        if told := self._error_in(body):
            raise SourceError(f"{address}: answered with an error: {secrets.scrub(told)[:300]}.")
        return body

    def content(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        kinds: Iterable[str] = (),
        elsewhere: bool = False,
    ) -> bytes:
        """The body of the answer to GET `path`, in memory. `kinds` are parts of content types that will do (`csv`);
        whatever they are, a page of HTML is refused."""
        answer = self.get(path, params, elsewhere=elsewhere)
        self._check_kind(answer, kinds)
        return answer.content

    def spooled(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        kinds: Iterable[str] = (),
        elsewhere: bool = False,
    ) -> IO[bytes]:
        """As `content`, for bulk files: a file that can be rewound, on disk when it is large. Close it after use."""
        answer = self.get(path, params, elsewhere=elsewhere, bulk=True)
        self._check_kind(answer, kinds)
        return answer.file

    def get(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        method: Literal["GET", "POST"] = "GET",
        json_body: Any = None,
        headers: Mapping[str, str] | None = None,
        elsewhere: bool = False,
        bulk: bool = False,
    ) -> Answer:
        """The whole answer, whatever it holds. Busy servers, resets and bodies cut short are asked again, a token that
        has expired is renewed. With If-None-Match or If-Modified-Since among `headers` the status may be 304."""
        asked = url = _with(self._address(path, elsewhere), params)
        if method == "GET" and url in self._kept:
            return self._kept.pop(url)
        for _ in range(6):
            answer = self._ask(method, url, json_body, headers or {}, bulk)
            if answer.status == 401 and self._token is not None and self._is_home(url):
                self._token = None  # expired on the way, whatever its lifetime was said to be
                answer = self._ask(method, url, json_body, headers or {}, bulk)
            if answer.status not in _REDIRECTS:
                break
            url = self._redirected(method, url, answer)
        else:
            raise SourceError(f"{shown(url)}: is redirected again and again. Check the path.")
        if answer.status >= 400:
            raise SourceError(f"{shown(answer.url)}: {_refusal(answer, self._told(answer))}")
        self._note_version(method, asked, answer)
        return answer

    def unless_unchanged(
        self, version: x.Version, reading: str, batches: Iterable[pa.RecordBatch]
    ) -> Iterator[pa.RecordBatch]:
        """`batches`, read with this client; or none, where the server says that every answer of which the extract in
        force was made still stands (RFC 9110, section 13). `reading` is the digest of how they are read."""
        former = json.loads(version.landed) if version.landed else {}
        answers = former.get("answers") if former.get("reading") == reading else None
        if answers and self._still_stand(answers):
            version.read, version.is_unchanged = version.landed, True
            return
        yield from batches
        if self._versions and len(self._versions) <= _MOST_VERSIONS:
            read = json.dumps({"reading": reading, "answers": self._versions})
            version.read = read if secrets.scrub(read) == read else None

    def _still_stand(self, versions: Iterable[tuple[str, str, str]]) -> bool:
        for address, tag, modified in versions:
            conditions = {"If-None-Match": tag} if tag else {"If-Modified-Since": modified}
            try:
                answer = self.get(address, headers=conditions, elsewhere=True, bulk=True)
            except SourceError:
                return False  # a page that is there no more; anything worse shows when all is read
            if answer.status != 304:
                self._kept[address] = answer  # it need not come twice
                return False
        return True

    def _note_version(self, method: str, address: str, answer: Answer) -> None:
        """Keep what the server calls this version. A time without a tag must lie well back (RFC 9110, 8.8.2.2): within
        the same second there may be another version."""
        if answer.status == 304 or self._versions is None:
            return
        tag, modified = answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")
        if not tag and modified:
            age = _seconds_between(modified, answer.headers.get("Date", ""))
            modified = modified if age is not None and age >= 60 else ""
        if method != "GET" or not (tag or modified):
            self._versions = None
        else:
            self._versions.append((address, tag, modified))

    def _told(self, answer: Answer) -> str:
        """What a refusal says, in the server's words: its error where it is JSON with one, else how it begins."""
        with contextlib.suppress(ValueError, RecursionError):
            if told := self._error_in(json.loads(answer.content)):
                return secrets.scrub(told)[:300].rstrip(".")
        return repr(secrets.scrub(answer.content[:2000].decode("utf-8", "replace"))[:200].strip())

    @property
    def _auth(self) -> Auth:
        return self._connection.auth

    def _address(self, path: str, elsewhere: bool) -> str:
        if "://" not in path:
            return f"{self._connection.base_url}{path}"
        home = urlsplit(self._connection.base_url)
        parts = urlsplit(path)
        if parts.scheme == "http" and home.scheme == "https" and parts.netloc == home.netloc:
            return path.replace("http:", "https:", 1)  # behind a proxy many servers take themselves for plain http
        if not elsewhere and not self._is_home(path):
            raise SourceError(
                f"{shown(path)}: lies on another server than connection.base_url; not followed. Ask the system's owner."
            )
        self._check_safe(path, self._connection.base_url)
        return path

    def _is_home(self, url: str) -> bool:
        return _origin(url) == _origin(self._connection.base_url)

    def _check_safe(self, url: str, source: str) -> None:
        """Refuse to be sent to plain http, or from outside to this machine's own services."""
        parts = urlsplit(url)
        inside = parts.hostname in LOOPBACK
        allowed = urlsplit(source).hostname in LOOPBACK if inside else parts.scheme == "https"
        if not allowed or parts.scheme not in ("http", "https"):
            raise SourceError(
                f"{shown(source)}: leads to '{parts.scheme}://{parts.hostname}', which is no safe https address; "
                "not followed. Ask the system's owner."
            )

    def _redirected(self, method: str, url: str, answer: Answer) -> str:
        target = urljoin(answer.url, answer.headers.get("Location", ""))
        if method != "GET":
            raise SourceError(f"{shown(url)}: a {method} is redirected to {shown(target)}. Mend connection.base_url.")
        self._check_safe(target, url)
        return target

    def _ask(self, method: str, url: str, json_body: Any, headers: Mapping[str, str], bulk: bool) -> Answer:
        shown_headers, shown_params = self._credentials() if self._is_home(url) else ({}, {})
        in_url = dict(parse_qsl(urlsplit(url).query))  # a link to the next page may hold the key already
        params = {key: value for key, value in shown_params.items() if key not in in_url}
        return self._patiently(
            method, url, bulk=bulk, params=params, json=json_body, headers={**headers, **shown_headers}
        )

    def _credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        """Headers and parameters that show who asks."""
        auth = self._auth
        if isinstance(auth, ApiKey):
            shown_key = {auth.name: f"{auth.prefix}{auth.value.get_secret_value()}"}
            return (shown_key, {}) if auth.place == "header" else ({}, shown_key)
        if isinstance(auth, Basic):
            return {"Authorization": _basic(auth.username, auth.password.get_secret_value())}, {}
        if isinstance(auth, Bearer):
            return {"Authorization": f"Bearer {auth.token.get_secret_value()}"}, {}
        if isinstance(auth, OAuth2ClientCredentials):
            return {"Authorization": f"Bearer {self._valid_token(auth)}"}, {}
        return {}, {}

    def _valid_token(self, auth: OAuth2ClientCredentials) -> str:
        if self._token is None or time.monotonic() > self._token_until:
            url = auth.token_url or f"{self._connection.base_url}{auth.token_path}"
            form = {"grant_type": "client_credentials"} | ({"scope": auth.scope} if auth.scope else {})
            headers = {"Accept": "application/json"}
            secret = auth.client_secret.get_secret_value()
            if auth.credentials_in == "header":
                headers["Authorization"] = _basic(quote_plus(auth.client_id), quote_plus(secret))
            else:
                form |= {"client_id": auth.client_id, "client_secret": secret}
            answer = self._patiently("POST", url, data=form, headers=headers)
            if answer.status != 200:
                told = re.search(r'"error" *: *"(\w+)"', answer.content[:2000].decode("utf-8", "replace"))
                raise SourceError(
                    f"{shown(url)}: no token given (status {answer.status}{f', {told[1]}' if told else ''}). "
                    "Check client_id, client_secret and scope."
                )
            try:
                body = json.loads(answer.content)
                token, lifetime = str(body["access_token"]), float(body.get("expires_in") or 3600)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                raise SourceError(
                    f"{shown(url)}: the answer holds no access_token. Check token_path, or ask the system's owner."
                ) from None
            # Renewed with a tenth of its life left: it must still be good when it gets there.
            self._token, self._token_until = token, time.monotonic() + 0.9 * lifetime
            secrets.register(token)
        return self._token

    def _patiently(self, method: str, url: str, *, bulk: bool = False, **sent: Any) -> Answer:
        """One answer, whatever its status, asked for until it comes whole. Raises SourceError when it does not."""
        seconds = max(FILE_SECONDS, self._connection.answer_seconds) if bulk else self._connection.answer_seconds
        for attempt in itertools.count(1):
            self._wait()
            pause = 0.3 * 2 ** (attempt - 1)
            last = attempt >= ATTEMPTS
            try:
                response = self._session.request(
                    method, url, timeout=(CONNECT_SECONDS, seconds), stream=True, allow_redirects=False, **sent
                )
                with response:
                    answer = self._read(response, seconds, spools.MAXIMUM if bulk else MAXIMUM_PAGE)
            except requests.exceptions.ReadTimeout:
                raise self._too_slow(url, seconds) from None
            except requests.exceptions.SSLError as error:
                raise SourceError(
                    f"{shown(url)}: its certificate is not trusted: {_reason(error)}. Check connection.base_url; for a "
                    "council's own authority set REQUESTS_CA_BUNDLE."
                ) from None
            except requests.exceptions.ChunkedEncodingError as error:
                if last:
                    raise SourceError(
                        f"{shown(url)}: the answer was cut short {attempt} times: {_reason(error)}."
                    ) from None
            except requests.exceptions.RequestException as error:
                # Where nobody listens, patience is no help.
                nobody = isinstance(getattr(error.args[0], "reason", None) if error.args else None, NewConnectionError)
                if last or (nobody and attempt > 1) or not isinstance(error, requests.exceptions.ConnectionError):
                    raise SourceError(
                        f"{shown(url)}: cannot be reached ({type(error).__name__}). Check connection.base_url, the "
                        "network, and whether the system is up."
                    ) from None
            else:
                if answer.status not in _BUSY or last:
                    return answer
                pause = max(pause, _asked_pause(answer))
                if pause > LONGEST_PAUSE:
                    raise SourceError(
                        f"{shown(url)}: is busy (status {answer.status}) and asks to be left alone for {pause:,.0f} "
                        "seconds. Try again then; a lower connection.rate_limit may help."
                    )
            time.sleep(pause)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _read(self, response: requests.Response, seconds: float, maximum: int) -> Answer:
        """The body under one deadline: the socket's own timeout starts anew with every byte that drips in."""
        deadline = time.monotonic() + seconds
        file = spools.spool()
        size = 0
        try:
            # `read1` gives what has arrived, unpacking no more than asked for; `read` and `iter_content` wait for
            # their full measure and see no clock.
            while chunk := response.raw.read1(1 << 20, decode_content=True):
                size += len(chunk)
                if size > maximum:
                    raise SourceError(f"{shown(response.url)}: the answer is larger than {maximum:,} bytes; refused.")
                file.write(chunk)
                if time.monotonic() > deadline:
                    raise self._too_slow(response.url, seconds)
        except ReadTimeoutError as error:
            raise requests.exceptions.ReadTimeout(error) from None
        except HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(error) from None
        file.seek(0)
        return Answer(response.url, response.status_code, response.headers, file)

    def _too_slow(self, url: str, seconds: float) -> SourceError:
        return SourceError(
            f"{shown(url)}: still answering after {seconds:g} seconds; given up. Ask for less at a time, or raise "
            "connection.answer_seconds."
        )

    def _check_kind(self, answer: Answer, kinds: Iterable[str]) -> None:
        wanted = list(kinds)
        head = answer.file.read(512).lstrip().lower()
        answer.file.seek(0)
        page = "html" in answer.kind or head.startswith((b"<!doctype html", b"<html"))
        if page or (wanted and not any(kind in answer.kind for kind in wanted)):
            raise SourceError(
                f"{shown(answer.url)}: answered '{answer.kind or 'nothing named'}' instead of "
                f"{' or '.join(wanted) or 'a file'} (a login or maintenance page?). Open the address in a browser, or "
                "ask the system's owner."
            )

    def _wait(self) -> None:
        if self._connection.rate_limit:
            count, _, unit = self._connection.rate_limit.partition("/")
            pause = self._next - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            self._next = max(self._next, time.monotonic()) + (60 if unit == "m" else 1) / int(count)


def _basic(user: str, password: str) -> str:
    shown_pair = b64encode(f"{user}:{password}".encode()).decode()
    secrets.register(shown_pair)  # servers like to repeat what they were shown
    return f"Basic {shown_pair}"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _with(url: str, params: Mapping[str, Any] | None) -> str:
    """The address with these parameters."""
    return cast("str", requests.Request("GET", url, params=params).prepare().url) if params else url


def _seconds_between(earlier: str, later: str) -> float | None:
    try:
        return (parsedate_to_datetime(later) - parsedate_to_datetime(earlier)).total_seconds()
    except (ValueError, TypeError):
        return None


def _asked_pause(answer: Answer) -> float:
    """Seconds that Retry-After asks for, given as a number or as a date; 0 when it does not."""
    told = answer.headers.get("Retry-After", "").strip()
    if told.isdigit():
        return float(told)
    try:
        moment = parsedate_to_datetime(told)
    except ValueError:
        return 0.0
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _reason(error: requests.exceptions.RequestException) -> str:
    """The innermost cause, without object addresses: the outer ones repeat the address with its parameters."""
    if found := re.search(r"certificate verify failed: ([^(']+)", str(error)):
        return found[1].strip()
    cause: Any = error
    while getattr(cause, "reason", None) is not None or (cause.args and isinstance(cause.args[-1], Exception)):
        cause = getattr(cause, "reason", None) or cause.args[-1]
        if not isinstance(cause, Exception):
            break
    return str(cause)


def _refusal(answer: Answer, told: str) -> str:
    remedy = {
        401: "Check the credentials.",
        403: "The credentials lack the right to read this.",
        404: "Check the path.",
        410: "It has been withdrawn. Look for what replaces it.",
        429: "The server stays busy; lower connection.rate_limit or try later.",
    }.get(answer.status, "Ask the system's owner.")
    return f"refused with status {answer.status}{_phrase(answer.status)}: {told}. {remedy}"


def _phrase(status: int) -> str:
    return f" {HTTPStatus(status).phrase}" if status in set(HTTPStatus) else ""


def shown(url: str) -> str:
    """An address without query or user: parameters can carry keys, and messages end up in logs."""
    bare = url.split("?")[0].split("#")[0]
    scheme, _, rest = bare.partition("://")
    return f"{scheme}://{rest.rsplit('@', 1)[-1]}" if rest else bare
