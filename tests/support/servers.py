"""Real servers that files lie on, each on a free port of 127.0.0.1 with keys and folders of its own: OpenSSH's, S3
(moto), Azure Blob Storage (Azurite), a web server with TLS; and a line that breaks in the middle."""

from __future__ import annotations

import contextlib
import getpass
import ipaddress
import logging
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import paramiko
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sources.sandbox.district import outbox
from support.databases import free_port

ROOT = Path(__file__).parents[2]
AZURITE = ROOT / "tests" / "servers" / "node_modules" / ".bin" / "azurite-blob"
# Azurite's one account, the same for everyone who ever installed it.
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def until_it_listens(port: int, process: subprocess.Popen[Any], seconds: float = 20) -> None:
    """Wait until somebody listens; fail when `process` ends before, or takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, "the server ended while it started"
        assert time.monotonic() < deadline, "the server did not start in time"
        time.sleep(0.02)


@contextmanager
def ending(process: subprocess.Popen[Any]) -> Iterator[None]:
    """End the process with the context."""
    try:
        yield
    finally:
        process.terminate()
        process.wait()


# SFTP


@dataclass(frozen=True)
class Sshd:
    """Where it listens, its public keys by kind, the user, and files of a key that is let in and of one that is not."""

    port: int
    host_keys: dict[str, str]
    user: str
    key_file: Path
    foreign_key_file: Path


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> str:
    """A new pair of keys, the private one at `path`; gives the public one, as its kind and base64."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)], check=True)
    return " ".join(Path(f"{path}.pub").read_text().split()[:2])


@contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """OpenSSH's server, serving SFTP alone. `folder` is for its own files."""
    program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None or shutil.which("ssh-keygen") is None:
        pytest.skip("OpenSSH's server is not installed")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it puts away its privileges; a started system has it
    host_keys = {kind: make_key(folder / f"host_{kind}", kind) for kind in ("ed25519", "ecdsa", "rsa")}
    make_key(folder / "user")
    make_key(folder / "foreign")
    port = free_port()
    settings = [
        *("ListenAddress 127.0.0.1", f"Port {port}", "PidFile none", "UsePAM no", "StrictModes no", "UseDNS no"),
        *(f"HostKey {folder}/host_{kind}" for kind in host_keys),
        *(f"AuthorizedKeysFile {folder}/user.pub", "PermitRootLogin yes", "PasswordAuthentication yes"),
        *("MaxStartups 100", "Subsystem sftp internal-sftp", "ForceCommand internal-sftp"),
    ]
    (folder / "sshd_config").write_text("\n".join(settings) + "\n")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log)
        with ending(process):
            until_it_listens(port, process)
            yield Sshd(port, host_keys, getpass.getuser(), folder / "user", folder / "foreign")


class _LetsInByPassword(paramiko.ServerInterface):
    def __init__(self, password: str) -> None:
        self._password = password

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if password == self._password else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


@contextmanager
def password_sftp(folder: Path, password: str) -> Iterator[tuple[int, str]]:
    """paramiko's SFTP server over `folder`, for any user with the password (OpenSSH's would need one of this machine's
    own users); gives its port and its public key."""
    host_key = paramiko.RSAKey.generate(2048)

    def serve() -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            while True:
                near, _ = listening.accept()
                connection = paramiko.Transport(near)
                connection.add_server_key(host_key)
                connection.set_subsystem_handler("sftp", paramiko.SFTPServer, outbox._Files, folder)
                connection.start_server(threading.Event(), _LetsInByPassword(password))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1], f"ssh-rsa {host_key.get_base64()}"
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@dataclass
class Line:
    """A line to a server, where it begins, and how often it was taken. It breaks `breaks` times, and calls `meanwhile`
    once, when `after` bytes of the server's have come through."""

    port: int
    after: int
    breaks: int = 0
    meanwhile: Callable[[], object] | None = None
    taken: int = 0


@contextmanager
def line_to(port: int, after: int, breaks: int = 0, meanwhile: Callable[[], object] | None = None) -> Iterator[Line]:
    """A port of loopback that leads to another one, over a line on which things happen."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        line = Line(listening.getsockname()[1], after, breaks, meanwhile)
        threading.Thread(target=_accept, args=(listening, line, port), daemon=True).start()
        yield line
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def _accept(listening: socket.socket, line: Line, port: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            near, _ = listening.accept()
            far = socket.create_connection(("127.0.0.1", port))
            line.taken += 1
            threading.Thread(target=_pass_on, args=(near, far, None), daemon=True).start()
            threading.Thread(target=_pass_on, args=(far, near, line), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket, line: Line | None) -> None:
    passed = 0
    with contextlib.suppress(OSError):
        while block := source.recv(16384):
            passed += len(block)
            if line and passed > line.after:
                if line.meanwhile:
                    line.meanwhile()
                    line.meanwhile = None
                if line.breaks:
                    line.breaks -= 1
                    break
            sink.sendall(block)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


# Object stores


@contextmanager
def s3() -> Iterator[str]:
    """moto's S3; gives its address. It lets everyone in."""
    server = pytest.importorskip("moto.server", reason="moto's server is not installed")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        _, port = running.get_host_and_port()
        yield f"http://127.0.0.1:{port}"
    finally:
        running.stop()


@contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """Azurite's Blob Storage, with its files below `folder`; gives its address."""
    if shutil.which("node") is None or not AZURITE.exists():
        pytest.skip("Azurite is not installed: see tests/servers/README.md")
    port = free_port()
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    options += ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    process = subprocess.Popen(["node", str(AZURITE), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with ending(process):
        until_it_listens(port, process)
        yield f"http://127.0.0.1:{port}"


# The web


@contextmanager
def web(folder: Path, certificate: Path | None = None) -> Iterator[str]:
    """A web server over `folder`, with TLS where there is a certificate; gives its address. It tells when files were
    last changed, and answers 304 where they have not been."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def self_signed(path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    unlocked = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, unlocked)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
