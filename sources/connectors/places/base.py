"""How a place is described in YAML, what every kind of place offers, and the faults that they have in common."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors import http, spools
from sources.errors import SourceError, listed, nearest, shown_path

CONNECT_SECONDS = 15
SILENT_SECONDS = 60  # a server that says nothing for so long has gone

_KEYS = {
    "https": {"auth"},
    "http": {"auth"},
    "sftp": {"host_key", "private_key_file", "password"},
    "s3": {"endpoint", "region", "access_key_id", "secret_access_key"},
    "azure": {"endpoint", "account", "account_key", "sas_token", "tenant_id", "client_id", "client_secret"},
}
_FORMS = {
    "https": (".*", "https://host/folder"),
    "sftp": (r"sftp://[^@/:?#\s]+@([\w.-]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?(/[^?#]*)?", "sftp://user@host/folder"),
    "s3": (r"s3://[a-z0-9][a-z0-9.-]+(/[^?#]*)?", "s3://bucket/prefix"),
    "azure": (r"azure://[a-z0-9$][a-z0-9-]+(/[^?#]*)?", "azure://container/prefix"),
}


class Connection(pydantic.BaseModel):
    """`location` is a folder (relative ones stand in the council's own folder), an https address, or one of SFTP, S3
    and Azure; each other key belongs to one kind of location."""

    model_config = pydantic.ConfigDict(extra="forbid")
    location: str
    auth: http.Auth = http.NoAuth()
    host_key: str | None = None
    private_key_file: Path | None = None
    password: pydantic.SecretStr | None = None
    endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: pydantic.SecretStr | None = None
    account: str | None = None
    account_key: pydantic.SecretStr | None = None
    sas_token: pydantic.SecretStr | None = None
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: pydantic.SecretStr | None = None

    @property
    def kind(self) -> str:
        """`folder`, or the location's scheme: `https` (`http` on loopback), `sftp`, `s3`, `azure`."""
        return self.location.partition("://")[0] if "://" in self.location else "folder"

    @property
    def shown(self) -> str:
        """The location as messages and origins show it, without the user's name."""
        if self.kind == "folder":
            return str(shown_path(Path(self.location)))
        scheme, _, rest = self.location.partition("://")
        return f"{scheme}://{rest.partition('@')[2] if self.kind == 'sftp' else rest}"

    @pydantic.field_validator("location")
    @classmethod
    def _place(cls, value: str, info: pydantic.ValidationInfo) -> str:
        if "://" not in value:
            return str(_from_council(Path(value), info))
        kind = value.partition("://")[0]
        if kind not in _KEYS:
            known = ", ".join(example for _, example in _FORMS.values())
            raise ValueError(f"'{kind}://' is no kind of place.{nearest(kind, _KEYS)} Write a folder, or {known}.")
        if kind in ("https", "http"):
            http.check_address(value)
        elif not re.fullmatch(_FORMS[kind][0], value):
            # Without the value: an address that is written wrongly may hold a password.
            raise ValueError(f"is written {_FORMS[kind][1]}; a password or key has a key of its own beside it.")
        return value.rstrip("/")

    @pydantic.field_validator("private_key_file")
    @classmethod
    def _is_there(cls, value: Path | None, info: pydantic.ValidationInfo) -> Path | None:
        if value is not None:
            value = _from_council(value, info)
            if not value.is_file():
                raise ValueError(f"there is no file {value}. Name the file that holds the private key.")
        return value

    @pydantic.field_validator("host_key")
    @classmethod
    def _is_a_key(cls, value: str | None) -> str | None:
        if value is not None:
            public_key(value)
        return value

    @pydantic.field_validator("endpoint")
    @classmethod
    def _is_safe(cls, value: str | None) -> str | None:
        if value is not None:
            http.check_address(value)
        return value

    @pydantic.field_validator("account_key")
    @classmethod
    def _is_whole(cls, value: pydantic.SecretStr | None) -> pydantic.SecretStr | None:
        if value is not None:
            try:
                base64.b64decode(value.get_secret_value(), validate=True)
            except ValueError:
                raise ValueError("is no account key: those are base64. Copy it whole.") from None
        return value

    @pydantic.model_validator(mode="after")
    def _is_complete(self) -> Connection:
        if foreign := sorted(self.model_fields_set - {"location"} - _KEYS.get(self.kind, set())):
            raise ValueError(
                f"{listed(foreign)} cannot stand beside a location of the kind '{self.kind}'. Take it out."
            )
        if self.kind == "sftp":
            if self.host_key is None:
                raise ValueError(
                    'host_key is missing: the server\'s public key, such as "ssh-ed25519 AAAA…". Ask its owner for it; '
                    "compare what `ssh-keyscan` shows with what the owner says."
                )
            if self.private_key_file is None and self.password is None:
                raise ValueError("give private_key_file, or password.")
        if self.kind == "s3":
            if (self.access_key_id is None) != (self.secret_access_key is None):
                raise ValueError("give access_key_id and secret_access_key together, or neither.")
            if self.region is None and self.endpoint is None:
                raise ValueError("region is missing, such as eu-west-2.")
        if self.kind == "azure":
            if self.account is None:
                raise ValueError("account is missing: the name of the storage account.")
            application = (self.tenant_id, self.client_id, self.client_secret)
            # A client_id alone names one of several managed identities.
            ways = [self.account_key, self.sas_token, all(application) or None, self.client_secret or self.tenant_id]
            if sum(way is not None for way in ways[:2]) + any(application) > 1 or (ways[3] and not ways[2]):
                raise ValueError("give one of account_key, sas_token, or tenant_id with client_id and client_secret.")
        return self


def _from_council(path: Path, info: pydantic.ValidationInfo) -> Path:
    path = path.expanduser()
    return info.context["folder"].parent / path if info.context and not path.is_absolute() else path


def public_key(text: str) -> Any:
    """paramiko's form of `ssh-ed25519 AAAA…` (a comment may follow). Raises ValueError."""
    import paramiko  # loaded only where a council has SFTP

    kind, _, rest = text.strip().partition(" ")
    try:
        return paramiko.PKey.from_type_string(kind, base64.b64decode(rest.split(" ")[0], validate=True))
    except Exception:  # whatever its parsers stumble over
        raise ValueError(
            'is no public key. Write its kind and the key, such as "ssh-ed25519 AAAA…"; ed25519, ecdsa and rsa will do.'
        ) from None


Batches = Iterable[pa.RecordBatch]


def _whatever_changed(version: x.Version, reading: str, batches: Batches) -> Iterator[pa.RecordBatch]:
    yield from batches


@dataclass(frozen=True)
class Place:
    """A place while it is open. Names are relative to its location, their parts divided by slashes.

    `entries(folder)` gives the names that stand in a folder, with True for folders ("" is the location itself); it is
    None where a place cannot tell. `open(name)` gives a stream that can be rewound. Both raise FileNotFoundError for
    what is not there, and SourceError for all else. `unless_unchanged` gives the batches, read by way of this place in
    the manner of which `reading` is a digest, or none where the place knows that they stand in the extract in force.
    """

    shown: str
    entries: Callable[[str], dict[str, bool]] | None
    open: Callable[[str], AbstractContextManager[IO[bytes]]]
    unless_unchanged: Callable[[x.Version, str, Batches], Iterator[pa.RecordBatch]] = _whatever_changed


def outside(address: str, place: str) -> SourceError:
    """That a name leads out of its place."""
    return SourceError(f"{address}: lies outside {place}; links and '..' that lead out are not followed.")


def altered(address: str) -> SourceError:
    """That a file was being written while it was read."""
    return SourceError(
        f"{address}: changed while it was read. Nothing landed; run again when whoever writes it has finished."
    )


def not_a_file(address: str) -> SourceError:
    """That a folder, a device or the like stands where a file should."""
    return SourceError(f"{address}: is not a file. Name a file, or use `*`.")


def check_size(address: str, size: int) -> None:
    """Raise SourceError for a file that no council has."""
    if size > spools.MAXIMUM:
        raise SourceError(
            f"{address}: is {size:,} bytes; files above {spools.MAXIMUM:,} are refused. Ask for it in parts."
        )
