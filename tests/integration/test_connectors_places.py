"""Files wherever they are: in folders, on a web server, OpenSSH's, S3 and Azure Blob Storage, as YAML says it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from pyarrow import fs
from support.builders import Q1, column, files_in, key, make_contract, make_source, rows_of
from support.databases import free_port
from support.fault_server import Answer, faults
from support.servers import (
    AZURITE_ACCOUNT,
    AZURITE_KEY,
    Sshd,
    azurite,
    line_to,
    make_key,
    password_sftp,
    s3,
    self_signed,
    sshd,
    web,
)

from sources.config import Source
from sources.connectors.places import sftp
from sources.contract import Contract
from sources.errors import ConfigurationError
from sources.landing import Landed, land

SECRET = "planted-secret-not-to-be-seen"
SECRET_KEY = base64.b64encode(SECRET.encode()).decode()


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return make_contract(tmp_path, key("ref"), column("title"), maximumShrink=1.0)


@pytest.fixture
def quarterly(tmp_path: Path) -> Contract:
    return make_contract(tmp_path, key("ref"), column("title"), load="snapshot")


def things(*refs: str) -> bytes:
    return ("ref,title\n" + "".join(f"{ref},about {ref}\n" for ref in refs)).encode()


def source_at(folder: Path, contract: Contract, connection: dict[str, Any], files: Any, **dataset: Any) -> Source:
    document = {
        "system": "made",
        "owner": "owner@brigstow.example",
        "connector": "files",
        "connection": connection,
        "datasets": {"things": {"files": files, **dataset}},
    }
    return make_source(folder, document, {contract.name: contract})


def fetched(folder: Path, contract: Contract, connection: dict[str, Any], files: Any = "things.csv") -> Landed:
    """What becomes of the dataset when it is read from there and landed."""
    (landed,) = land(
        contract, source_at(folder, contract, connection, files).extract("things", [Q1]), folder / "data", [Q1]
    )
    return landed


def refs(landed: Landed) -> list[str]:
    assert landed.error is None
    return [ref for (ref,) in rows_of(landed.path, "ref", "ref")]


def addresses(landed: Landed) -> list[str]:
    assert landed.error is None
    return [address for (address,) in rows_of(landed.path, "distinct _source", "_source")]


def refusal(folder: Path, contract: Contract, connection: dict[str, Any], files: Any = "things.csv") -> str:
    landed = fetched(folder, contract, connection, files)
    assert landed.error is not None
    assert (landed.path, files_in(folder / "data")) == (None, [])
    assert SECRET not in landed.error
    return landed.error


# Folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "exports"
    path.mkdir()
    return path


def test_wildcards_in_folders_and_names(tmp_path: Path, folder: Path, contract: Contract) -> None:
    for name, ref in {"2025/q1/a.csv": "A", "2025/q1/b.csv": "B", "2024/q1/a.csv": "C", "2025/a.csv": "D"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(things(ref))
    place = {"location": str(folder)}
    assert refs(fetched(tmp_path, contract, place, "2025/*/*.csv")) == ["A", "B"]
    assert refs(fetched(tmp_path, contract, place, "*/q1/a.csv")) == ["A", "C"]
    assert refs(fetched(tmp_path, contract, place, "**/a.csv")) == ["A", "C", "D"]
    assert refs(fetched(tmp_path, contract, place, "**/q?/[b-z].csv")) == ["B"]
    assert refs(fetched(tmp_path, contract, place, ["2025/*.csv", "2025/a.csv"])) == ["D"], "each file once"


def test_what_programs_leave_beside_files_is_not_found_by_wildcards(
    tmp_path: Path, folder: Path, contract: Contract
) -> None:
    (folder / "things.csv").write_bytes(things("A"))
    for name in (".things.csv", "~$things.csv"):
        (folder / name).write_bytes(b"\x00\x01 not a table")
    (folder / "folder.csv").mkdir()
    assert refs(fetched(tmp_path, contract, {"location": str(folder)}, "*.csv")) == ["A"]


def test_links_in_a_circle_end(tmp_path: Path, folder: Path, contract: Contract) -> None:
    (folder / "things.csv").write_bytes(things("A"))
    (folder / "again").symlink_to(folder)
    assert refs(fetched(tmp_path, contract, {"location": str(folder)}, "**/*.csv")) == ["A"]
    assert refs(fetched(tmp_path, contract, {"location": str(folder)}, "again/again/things.csv")) == ["A"]


def test_a_file_that_grows_while_it_is_read_does_not_land(tmp_path: Path, folder: Path, contract: Contract) -> None:
    path = folder / "things.csv"
    path.write_bytes(things("A"))
    (extract,) = source_at(tmp_path, contract, {"location": str(folder)}, "things.csv").extract("things", [Q1])

    def batches() -> Iterator[Any]:
        for batch in given:
            with path.open("ab") as file:
                file.write(b"B,late\n")
            yield batch

    given = extract.batches
    extract.batches = batches()
    (landed,) = land(contract, [extract], tmp_path / "data", [Q1])
    assert landed.error == (
        f"{path}: changed while it was read. Nothing landed; run again when whoever writes it has finished."
    )


def test_only_files_are_opened(tmp_path: Path, folder: Path, contract: Contract) -> None:
    """A named pipe would keep the run waiting for ever."""
    os.mkfifo(folder / "pipe.csv")
    (folder / "folder.csv").mkdir()
    place = {"location": str(folder)}
    for name in ("pipe.csv", "folder.csv"):
        assert refusal(tmp_path, contract, place, name) == (f"{folder}/{name}: is not a file. Name a file, or use `*`.")


def test_a_folder_on_the_way_that_is_missing_is_named(tmp_path: Path, folder: Path, contract: Contract) -> None:
    (folder / "outbox" / "2025").mkdir(parents=True)
    message = refusal(tmp_path, contract, {"location": str(folder)}, "outbox/2052/things.csv")
    assert message == (
        f"{folder}: there is no file 'outbox/2052/things.csv', nor a folder 'outbox/2052'. Did you mean '2025'? "
        "'outbox' has the folders: '2025'."
    )
    assert refusal(tmp_path, contract, {"location": str(folder)}, "outbox/2*/t*.csv") == (
        f"{folder}: there is no file 'outbox/2*/t*.csv'. 'outbox' has the folders: '2025'."
    )


# SFTP


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


def at(server: Sshd, folder: Path, **more: Any) -> dict[str, Any]:
    """The connection that reads `folder` by SFTP."""
    port = more.pop("port", server.port)
    given = {
        "location": f"sftp://{server.user}@127.0.0.1:{port}{folder}",
        "host_key": server.host_keys["ed25519"],
        "private_key_file": str(server.key_file),
    }
    return {name: value for name, value in (given | more).items() if value is not None}


def test_sftp_with_its_key(tmp_path: Path, folder: Path, contract: Contract, server: Sshd) -> None:
    (folder / "things.csv").write_bytes(things("A", "B"))
    landed = fetched(tmp_path, contract, at(server, folder))
    assert refs(landed) == ["A", "B"]
    assert addresses(landed) == [f"sftp://127.0.0.1:{server.port}{folder}/things.csv"], "without the user"
    assert landed.notes == ()
    source_at(tmp_path, contract, at(server, folder), "things.csv").reach()


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_sftp_knows_a_server_by_any_of_its_keys(
    tmp_path: Path, folder: Path, contract: Contract, server: Sshd, kind: str
) -> None:
    (folder / "things.csv").write_bytes(things("A"))
    connection = at(server, folder, host_key=f"{server.host_keys[kind]} root@outbox")
    assert refs(fetched(tmp_path, contract, connection)) == ["A"]


def test_sftp_finds_files_by_pattern_and_period(
    tmp_path: Path, folder: Path, quarterly: Contract, server: Sshd
) -> None:
    (folder / "out").mkdir()
    for month in (3, 4, 5, 6, 7):
        (folder / "out" / f"things_2025{month:02}_final.csv").write_bytes(things(f"M{month}"))
    landed = fetched(tmp_path, quarterly, at(server, folder), "o*/things_{period:%Y%m}*.csv")
    assert refs(landed) == ["M4", "M5", "M6"]


def test_sftp_with_another_host_key_is_refused_before_anything_is_sent(
    tmp_path: Path, folder: Path, contract: Contract, server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the user's own known_hosts says."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {server.host_keys['ed25519']}\n")
    monkeypatch.setenv("HOME", str(home))
    (folder / "things.csv").write_bytes(things("A"))
    other = make_key(tmp_path / "other")
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", f"{server.key_file.parent}/host_ed25519.pub"], capture_output=True, text=True
    )
    fingerprint = listed.stdout.split()[1]
    logged = (server.key_file.parent / "log").stat().st_size
    connection = at(server, folder, host_key=other, private_key_file=None, password=SECRET)
    assert refusal(tmp_path, contract, connection) == (
        f"sftp://127.0.0.1:{server.port}{folder}: the server's key is not connection.host_key; nothing was sent. It "
        f"shows ssh-ed25519 {fingerprint}. Either the server was set up anew, or somebody stands in between: ask its "
        "owner to confirm this fingerprint, and only then write "
        f'host_key: "{server.host_keys["ed25519"]}" into the source\'s YAML.'
    )
    with (server.key_file.parent / "log").open() as log:
        log.seek(logged)
        assert "password" not in log.read(), "no password was tried"


def test_sftp_refuses_a_key_that_the_server_has_not_let_in(
    tmp_path: Path, folder: Path, contract: Contract, server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own keys, one of which would do, are not tried."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id_ed25519").write_bytes(server.key_file.read_bytes())
    (home / ".ssh" / "id_ed25519").chmod(0o600)
    monkeypatch.setenv("HOME", str(home))
    connection = at(server, folder, private_key_file=str(server.foreign_key_file))
    assert refusal(tmp_path, contract, connection) == (
        f"sftp://127.0.0.1:{server.port}{folder}: the server refuses the user or what it was shown. Check the user in "
        "connection.location and connection.private_key_file, and ask the owner whether this user may come in with it."
    )


def test_sftp_refuses_a_wrong_password(tmp_path: Path, folder: Path, contract: Contract, server: Sshd) -> None:
    connection = at(server, folder, private_key_file=None, password=SECRET)
    message = refusal(tmp_path, contract, connection)
    assert "the server refuses the user or what it was shown. Check the user in connection.location and " in message
    assert "connection.password" in message


def test_sftp_with_a_password(tmp_path: Path, folder: Path, contract: Contract) -> None:
    (folder / "things.csv").write_bytes(things("A"))
    with password_sftp(folder, SECRET) as (port, host_key):
        connection = {"location": f"sftp://reader@127.0.0.1:{port}", "host_key": host_key, "password": SECRET}
        landed = fetched(tmp_path, contract, connection)
        assert refs(landed) == ["A"]
        assert addresses(landed) == [f"sftp://127.0.0.1:{port}/things.csv"]
        message = refusal(tmp_path / "again", contract, connection | {"password": "another"})
        assert "the server refuses the user or what it was shown." in message


def test_sftp_with_a_locked_key(tmp_path: Path, folder: Path, contract: Contract, server: Sshd) -> None:
    (folder / "things.csv").write_bytes(things("A"))
    locked = tmp_path / "locked"
    locked.write_bytes(server.key_file.read_bytes())
    locked.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", SECRET, "-f", str(locked)], check=True)
    assert refs(fetched(tmp_path, contract, at(server, folder, private_key_file=str(locked), password=SECRET))) == ["A"]
    for password in (None, f"not {SECRET}"):
        message = refusal(
            tmp_path / "again", contract, at(server, folder, private_key_file=str(locked), password=password)
        )
        assert message == (
            f"{locked}: cannot be read as a private key. Give one of OpenSSH's (ed25519, ecdsa or rsa) and, where it "
            "is locked, its passphrase as connection.password."
        )


def test_a_private_key_that_everyone_can_read_is_noted(
    tmp_path: Path, folder: Path, contract: Contract, server: Sshd
) -> None:
    (folder / "things.csv").write_bytes(things("A"))
    copy = tmp_path / "copy"
    copy.write_bytes(server.key_file.read_bytes())
    copy.chmod(0o644)
    landed = fetched(tmp_path, contract, at(server, folder, private_key_file=str(copy)))
    assert landed.notes == (f"{copy}: every user of this machine can read this private key; `chmod 600` it",)


def test_sftp_says_what_is_there_instead(tmp_path: Path, folder: Path, contract: Contract, server: Sshd) -> None:
    (folder / "things_2025.csv").write_bytes(things("A"))
    message = refusal(tmp_path, contract, at(server, folder), "thing_2025.csv")
    assert message == (
        f"sftp://127.0.0.1:{server.port}{folder}: there is no file 'thing_2025.csv'. Did you mean 'things_2025.csv'? "
        "The folder has: 'things_2025.csv'."
    )
    for name in ("things.csv", "*.csv"):
        assert refusal(tmp_path, contract, at(server, folder / "gone"), name) == (
            f"sftp://127.0.0.1:{server.port}{folder}/gone: there is no such folder. Check connection.location and its "
            "variable."
        )


@pytest.mark.parametrize("name", ["../outside.csv", "link.csv", "*.csv", "up/outside.csv"])
def test_sftp_leads_nowhere_else(tmp_path: Path, folder: Path, contract: Contract, server: Sshd, name: str) -> None:
    (tmp_path / "outside.csv").write_bytes(things("A"))
    (folder / "link.csv").symlink_to(tmp_path / "outside.csv")
    (folder / "up").symlink_to(tmp_path)
    message = refusal(tmp_path, contract, at(server, folder), name)
    assert (
        f"lies outside sftp://127.0.0.1:{server.port}{folder}; links and '..' that lead out are not followed."
        in message
    )


def test_sftp_follows_links_that_stay_inside(tmp_path: Path, folder: Path, contract: Contract, server: Sshd) -> None:
    (folder / "newest").mkdir()
    (folder / "newest" / "things.csv").write_bytes(things("A"))
    (folder / "things.csv").symlink_to(folder / "newest" / "things.csv")
    assert refs(fetched(tmp_path, contract, at(server, folder))) == ["A"]


# paramiko asks for the blocks of a file in a thread of its own, which complains when the line breaks.
broken_line = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
BULK = tuple(f"{number:06}" for number in range(30_000))


@broken_line
def test_sftp_takes_up_a_line_that_broke(tmp_path: Path, folder: Path, contract: Contract, server: Sshd) -> None:
    (folder / "things.csv").write_bytes(things(*BULK))
    with line_to(server.port, after=200_000, breaks=1) as line:
        landed = fetched(tmp_path, contract, at(server, folder, port=line.port))
        assert (landed.error, landed.rows, line.taken) == (None, len(BULK), 2)


@broken_line
def test_sftp_gives_up_a_line_that_always_breaks(
    tmp_path: Path, folder: Path, contract: Contract, server: Sshd
) -> None:
    (folder / "things.csv").write_bytes(things(*BULK))
    with line_to(server.port, after=200_000, breaks=99) as line:
        message = refusal(tmp_path, contract, at(server, folder, port=line.port))
        assert message.startswith(f"sftp://127.0.0.1:{line.port}{folder}/things.csv: cannot be read, 3 times tried: ")
        assert message.endswith("Check connection.location, the network, and whether the server is up.")
        assert line.taken == sftp.ATTEMPTS


def test_sftp_where_nobody_listens(tmp_path: Path, folder: Path, contract: Contract, server: Sshd) -> None:
    port = free_port()
    message = refusal(tmp_path, contract, at(server, folder, port=port))
    assert message.startswith(f"sftp://127.0.0.1:{port}{folder}: cannot be read, 3 times tried: ")


def test_a_file_that_grows_on_the_server_does_not_land(
    tmp_path: Path, folder: Path, contract: Contract, server: Sshd
) -> None:
    path = folder / "things.csv"
    path.write_bytes(things(*BULK))

    def write_on() -> None:
        with path.open("ab") as file:
            file.write(b"late,about late\n")

    with line_to(server.port, after=200_000, meanwhile=write_on) as line:
        message = refusal(tmp_path, contract, at(server, folder, port=line.port))
        assert message == (
            f"sftp://127.0.0.1:{line.port}{folder}/things.csv: changed while it was read. Nothing landed; run again "
            "when whoever writes it has finished."
        )


# Object stores


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    with s3() as address:
        yield address


@pytest.fixture
def bucket(s3_address: str, request: pytest.FixtureRequest) -> Iterator[fs.FileSystem]:
    """A bucket of this test's own."""
    port = s3_address.rpartition("/")[2]
    store = fs.S3FileSystem(
        access_key="any", secret_key="any", endpoint_override=port, scheme="http", allow_bucket_creation=True
    )
    yield made(store, f"bucket-{abs(hash(request.node.name))}")


def made(store: fs.FileSystem, name: str) -> fs.SubTreeFileSystem:
    store.create_dir(name)
    return fs.SubTreeFileSystem(name, store)


def put(store: fs.FileSystem, name: str, content: bytes) -> None:
    with store.open_output_stream(name) as file:
        file.write(content)


def in_bucket(bucket: fs.SubTreeFileSystem, address: str, prefix: str = "", **more: Any) -> dict[str, Any]:
    credentials = {"access_key_id": "any", "secret_access_key": SECRET}
    return {"location": f"s3://{bucket.base_path.strip('/')}{prefix}", "endpoint": address, **credentials, **more}


def test_s3(tmp_path: Path, contract: Contract, bucket: fs.SubTreeFileSystem, s3_address: str) -> None:
    put(bucket, "in/things.csv", things("A", "B"))
    put(bucket, "in/deeper/things.csv", things("C"))
    landed = fetched(tmp_path, contract, in_bucket(bucket, s3_address, "/in"))
    assert refs(landed) == ["A", "B"]
    name = bucket.base_path.strip("/")
    assert addresses(landed) == [f"s3://{name}/in/things.csv"]
    assert refs(fetched(tmp_path, contract, in_bucket(bucket, s3_address), "in/*/things.csv")) == ["C"]
    assert refs(fetched(tmp_path, contract, in_bucket(bucket, s3_address), "**/*.csv")) == ["A", "B", "C"]
    source_at(tmp_path, contract, in_bucket(bucket, s3_address, "/in"), "things.csv").reach()


def test_s3_finds_files_by_period(
    tmp_path: Path, quarterly: Contract, bucket: fs.SubTreeFileSystem, s3_address: str
) -> None:
    for month in (3, 4, 5, 6, 7):
        put(bucket, f"2025-{month:02}/things-{month}.csv", things(f"M{month}"))
    landed = fetched(tmp_path, quarterly, in_bucket(bucket, s3_address), "{period:%Y-%m}/things-*.csv")
    assert refs(landed) == ["M4", "M5", "M6"]


def test_s3_a_file_larger_than_memory_should_hold(
    tmp_path: Path, contract: Contract, bucket: fs.SubTreeFileSystem, s3_address: str
) -> None:
    rows = tuple(f"{number:07}" for number in range(600_000))
    put(bucket, "things.csv", things(*rows))
    landed = fetched(tmp_path, contract, in_bucket(bucket, s3_address))
    assert (landed.error, landed.rows) == (None, len(rows))


def test_s3_says_what_is_missing(
    tmp_path: Path, contract: Contract, bucket: fs.SubTreeFileSystem, s3_address: str
) -> None:
    put(bucket, "in/things_2025.csv", things("A"))
    name = bucket.base_path.strip("/")
    assert refusal(tmp_path, contract, in_bucket(bucket, s3_address, "/in"), "thing_2025.csv") == (
        f"s3://{name}/in: there is no file 'thing_2025.csv'. Did you mean 'things_2025.csv'? The folder has: "
        "'things_2025.csv'."
    )
    assert refusal(tmp_path, contract, in_bucket(bucket, s3_address, "/out")) == (
        f"s3://{name}/out: there is no such folder. Check connection.location and its variable."
    )
    connection = in_bucket(bucket, s3_address) | {"location": "s3://no-such-bucket/in"}
    for files in ("things.csv", "*.csv"):
        assert refusal(tmp_path, contract, connection, files) == (
            "s3://no-such-bucket/in: there is no such bucket. Check connection.location."
        )
    with pytest.raises(Exception, match="there is no such bucket"):
        source_at(tmp_path, contract, connection, "things.csv").reach()


def test_s3_refuses_the_credentials(tmp_path: Path, contract: Contract) -> None:
    """moto lets everyone in, so this one is a refusal as Amazon words it."""
    body = (
        b"<?xml version='1.0'?><Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated "
        b"does not match the signature you provided.</Message><AWSAccessKeyId>any</AWSAccessKeyId></Error>"
    )
    answer = Answer(body, 403, content_type="application/xml")
    with faults({path: [answer] for path in ("/bucket", "/bucket/things.csv", "/bucket/things.csv/")}) as server:
        connection = {
            "location": "s3://bucket",
            "endpoint": server.url,
            "access_key_id": "any",
            "secret_access_key": SECRET,
        }
        for files in ("things.csv", "*.csv"):
            message = refusal(tmp_path, contract, connection, files)
            assert "the credentials are refused (" in message
            assert message.endswith("Check them, and that they may list and read this bucket.")


def test_s3_out_of_reach(tmp_path: Path, contract: Contract) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    connection = {
        "location": "s3://bucket",
        "endpoint": address,
        "access_key_id": "any",
        "secret_access_key": SECRET,
    }
    assert refusal(tmp_path, contract, connection) == (
        "s3://bucket/things.csv: cannot be reached. Check connection.endpoint, the network, and whether the store is "
        "up."
    )


@pytest.fixture(scope="module")
def azure_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azurite(tmp_path_factory.mktemp("azurite")) as address:
        yield address


@pytest.fixture(scope="module")
def container(azure_address: str) -> fs.SubTreeFileSystem:
    where = azure_address.rpartition("/")[2]
    places = {f"{api}_storage_authority": where for api in ("blob", "dfs")}
    schemes = {f"{api}_storage_scheme": "http" for api in ("blob", "dfs")}
    store = made(fs.AzureFileSystem(AZURITE_ACCOUNT, account_key=AZURITE_KEY, **places, **schemes), "exports")
    put(store, "in/things_2025.csv", things("A", "B"))
    put(store, "in/deeper/things.csv", things("C"))
    return store


def in_container(address: str, prefix: str = "", **more: Any) -> dict[str, Any]:
    return {"location": f"azure://exports{prefix}", "endpoint": address, "account": AZURITE_ACCOUNT, **more}


def shared_access(permissions: str) -> str:
    """A shared access signature for the whole account, as its owner would make it."""
    expiry = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = [AZURITE_ACCOUNT, permissions, "b", "sco", "", expiry, "", "", "2020-12-06", "", ""]
    signed = hmac.new(base64.b64decode(AZURITE_KEY), "\n".join(fields).encode(), hashlib.sha256).digest()
    given = {"sv": "2020-12-06", "ss": "b", "srt": "sco", "sp": permissions, "se": expiry}
    return urlencode(given | {"sig": base64.b64encode(signed).decode()})


@pytest.mark.usefixtures("container")
def test_azure(tmp_path: Path, contract: Contract, azure_address: str) -> None:
    connection = in_container(azure_address, "/in", account_key=AZURITE_KEY)
    landed = fetched(tmp_path, contract, connection, "things_{financial_year}.csv".replace("{financial_year}", "2025"))
    assert refs(landed) == ["A", "B"]
    assert addresses(landed) == ["azure://exports/in/things_2025.csv"]
    assert refs(fetched(tmp_path, contract, connection, "*/th*.csv")) == ["C"]
    source_at(tmp_path, contract, connection, "things_2025.csv").reach()


@pytest.mark.usefixtures("container")
@pytest.mark.parametrize("mark", ["", "?"])
def test_azure_with_a_shared_access_signature(
    tmp_path: Path, contract: Contract, azure_address: str, mark: str
) -> None:
    connection = in_container(azure_address, "/in", sas_token=f"{mark}{shared_access('rl')}")
    assert refs(fetched(tmp_path, contract, connection, "*.csv")) == ["A", "B"]


@pytest.mark.usefixtures("container")
@pytest.mark.parametrize(
    "given",
    [
        {"account_key": SECRET_KEY},
        {"sas_token": f"sv=2020-12-06&ss=b&srt=sco&sp=rl&se=2099-01-01T00:00:00Z&sig={SECRET}"},
        {},
        {"tenant_id": "11111111-1111-1111-1111-111111111111", "client_id": "c", "client_secret": SECRET},
    ],
)
@pytest.mark.parametrize("files", ["things_2025.csv", "*.csv"])
def test_azure_refuses_wrong_credentials(
    tmp_path: Path, contract: Contract, azure_address: str, given: dict[str, str], files: str
) -> None:
    message = refusal(tmp_path, contract, in_container(azure_address, "/in", **given), files)
    assert "the credentials are refused" in message
    assert message.endswith("Check them, and that they may list and read this container.")
    assert SECRET_KEY not in message
    assert "sig=" not in message


@pytest.mark.usefixtures("container")
def test_azure_says_what_is_missing(tmp_path: Path, contract: Contract, azure_address: str) -> None:
    connection = in_container(azure_address, "/in", account_key=AZURITE_KEY)
    assert refusal(tmp_path, contract, connection, "thing_2025.csv") == (
        "azure://exports/in: there is no file 'thing_2025.csv'. Did you mean 'things_2025.csv'? The folder has: "
        "'things_2025.csv'."
    )
    connection["location"] = "azure://exprots/in"
    for files in ("things.csv", "*.csv"):
        assert refusal(tmp_path, contract, connection, files) == (
            "azure://exprots/in: there is no such folder. Check connection.location and its variable."
        )


# The web


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, folder: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "things.csv").write_bytes(things("A"))
    certificate = self_signed(tmp_path / "certificate.pem")
    with web(folder, certificate) as address:
        message = refusal(tmp_path, contract, {"location": address})
        assert message.startswith(f"{address}/things.csv: its certificate is not trusted: ")
        assert "self-signed certificate" in message
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert refs(fetched(tmp_path, contract, {"location": address})) == ["A"]


def test_a_file_of_the_web_that_has_not_changed_is_not_fetched_again(
    tmp_path: Path, folder: Path, contract: Contract
) -> None:
    path = folder / "things.csv"
    path.write_bytes(things("A"))
    os.utime(path, (1e9, 1e9))
    with web(folder) as address:
        first = fetched(tmp_path, contract, {"location": address})
        path.write_bytes(things("B"))
        os.utime(path, (1e9, 1e9))  # what the server takes for unchanged is not looked at
        second = fetched(tmp_path, contract, {"location": address})
        assert (first.unchanged, second.unchanged, second.path) == (False, True, first.path)
        os.utime(path, (1.1e9, 1.1e9))
        assert refs(fetched(tmp_path, contract, {"location": address})) == ["B"]


def test_the_web_gives_no_list_of_files(tmp_path: Path, folder: Path, contract: Contract) -> None:
    with web(folder) as address:
        assert refusal(tmp_path, contract, {"location": address}, "*.csv") == (
            f"{address}: '*.csv' has a wildcard, but a web server does not tell which files it has. Name them one by "
            "one."
        )


def test_a_file_of_the_web_with_a_key(tmp_path: Path, contract: Contract) -> None:
    """Which stays with its server where that one redirects elsewhere."""
    with (
        faults({"/store/things.csv": [Answer(things("A"), content_type="text/csv")]}) as elsewhere,
        faults(
            {"/things.csv": [Answer(status=302, headers={"Location": f"{elsewhere.url}/store/things.csv"})]}
        ) as home,
    ):
        connection = {
            "location": home.url,
            "auth": {"kind": "api_key", "name": "X-Key", "value": SECRET},
        }
        landed = fetched(tmp_path, contract, connection)
        assert refs(landed) == ["A"]
        assert [asked.headers.get("x-key") for asked in (*home.asked, *elsewhere.asked)] == [SECRET, None]
        assert addresses(landed) == [f"{home.url}/things.csv"]


# What YAML may say

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
SFTP = {"location": "sftp://reader@files.example/out", "host_key": HOST_KEY, "password": SECRET}
S3 = {"location": "s3://bucket/in", "region": "eu-west-2"}
AZURE = {"location": "azure://exports/in", "account": "brigstow"}


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ({"location": f"sftp://reader:{SECRET}@files.example/out"}, "location: is written sftp://user@host/folder; a"),
        (
            {"location": f"sftp://reader:{SECRET}/x@files.example/out"},
            "location: is written sftp://user@host/folder; a",
        ),
        (
            {"location": f"s3://key:{SECRET}@bucket/in"},
            "location: is written s3://bucket/prefix; a password or key has",
        ),
        ({"location": f"azure://exports?sig={SECRET}"}, "location: is written azure://container/prefix; a password or"),
        (
            {"location": f"https://reader:{SECRET}@files.example"},
            "location: 'https://files.example': an address holds no",
        ),
        (
            {"location": f"https://files.example/?key={SECRET}"},
            "location: 'https://files.example': an address holds no",
        ),
        ({"location": f"https://reader:{SECRET}/x@files.example"}, "location: the address has no number for a port."),
        ({"location": "http://files.example"}, "location: 'http://files.example' must be an https address"),
        (
            {"location": f"stfp://reader:{SECRET}@files.example"},
            "location: 'stfp://' is no kind of place. Did you mean 'sf",
        ),
        ({"location": "ftp://files.example"}, "location: 'ftp://' is no kind of place."),
        (
            {"location": "/exports", "password": SECRET},
            "'password' cannot stand beside a location of the kind 'folder'.",
        ),
        (SFTP | {"host_key": None}, "host_key is missing: the server's public key"),
        (
            SFTP | {"host_key": f"ssh-ed25519 {SECRET}"},
            "host_key: is no public key. Write its kind and the key, such as",
        ),
        (SFTP | {"host_key": HOST_KEY[:-9]}, "host_key: is no public key."),
        (SFTP | {"host_key": "SHA256:abc"}, "host_key: is no public key."),
        (SFTP | {"password": None}, "give private_key_file, or password."),
        (SFTP | {"private_key_file": "/no/such/key"}, "private_key_file: there is no file /no/such/key. Name the file"),
        (SFTP | {"region": "eu-west-2"}, "'region' cannot stand beside a location of the kind 'sftp'. Take it out."),
        (S3 | {"access_key_id": "any"}, "give access_key_id and secret_access_key together, or neither."),
        (S3 | {"region": None}, "region is missing, such as eu-west-2."),
        (
            S3 | {"endpoint": f"http://store.example/{SECRET}"},
            "endpoint: 'http://store.example' must be an https address",
        ),
        (AZURE | {"account": None}, "account is missing: the name of the storage account."),
        (AZURE | {"account_key": f"{SECRET}!"}, "account_key: is no account key: those are base64. Copy it whole."),
        (
            AZURE | {"account_key": SECRET_KEY, "sas_token": SECRET},
            "give one of account_key, sas_token, or tenant_id with",
        ),
        (AZURE | {"tenant_id": "t", "client_secret": SECRET}, "give one of account_key, sas_token, or tenant_id with"),
        (AZURE | {"sas_token": SECRET, "client_id": "c"}, "give one of account_key, sas_token, or tenant_id with"),
    ],
)
def test_a_wrong_connection(tmp_path: Path, contract: Contract, connection: dict[str, Any], words: str) -> None:
    given = {name: value for name, value in connection.items() if value is not None}
    source = source_at(tmp_path, contract, given, "things.csv")
    with pytest.raises(ConfigurationError) as error:
        source.connect()
    (message,) = error.value.problems
    assert message.startswith(f"{tmp_path}/sources/made.yaml: connection")
    assert words in message
    assert SECRET not in message


@pytest.mark.parametrize(
    "connection",
    [
        SFTP,
        S3,
        S3 | {"access_key_id": "any", "secret_access_key": SECRET},
        AZURE,
        AZURE | {"account_key": SECRET_KEY},
        AZURE | {"sas_token": f"?sig={SECRET}"},
        AZURE | {"client_id": "c"},
        AZURE | {"tenant_id": "t", "client_id": "c", "client_secret": SECRET},
        {"location": "https://files.example", "auth": {"kind": "bearer", "token": SECRET}},
    ],
)
def test_a_right_connection_keeps_its_secrets(tmp_path: Path, contract: Contract, connection: dict[str, Any]) -> None:
    made = source_at(tmp_path, contract, connection, "things.csv").connect()
    assert SECRET not in f"{made!r} {made}"
    assert SECRET_KEY not in f"{made!r} {made}"
