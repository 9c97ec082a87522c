"""Rules for every test of the project, and the servers that several of them talk to."""

import fcntl
import os
import shutil
import sqlite3
import ssl
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import settings

# Workers share the cores, and threads of scikit-learn that wait for a core spin on the one they have.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_S3_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(*server.get_host_and_port(), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """An S3 server in a process of its own, which ends with its standard input."""
    command = [sys.executable, "-c", _S3_SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout
        host, port = server.stdout.readline().split()
        yield f"http://{host}:{port}"
        server.stdin.close()


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of a new bucket, with the environment that a step needs to reach it."""
    import boto3

    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}"


@pytest.fixture(scope="session")
def _empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of MLflow, made once for all workers: making one takes seconds, copying it none."""
    base = tmp_path_factory.getbasetemp()
    shared = base if "PYTEST_XDIST_WORKER" not in os.environ else base.parent
    path = shared / "mlflow-empty.db"
    with (shared / "mlflow-empty.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            from mlflow import MlflowClient

            MlflowClient(f"sqlite:///{base}/mlflow-new.db").search_experiments()
            (base / "mlflow-new.db").rename(path)
    return path


@pytest.fixture
def mlflow_store(_empty_mlflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tracking store and registry of its own, without a server; artifacts lie below the test's folder."""
    folder = tmp_path / "mlflow"
    folder.mkdir()
    shutil.copy(_empty_mlflow, folder / "mlflow.db")
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        # The first experiment knows the folder in which the empty database was made.
        database.execute("UPDATE experiments SET artifact_location = ?", (f"{folder}/mlruns/0",))
    uri = f"sqlite:///{folder}/mlflow.db"
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    return uri


# There the same examples are drawn each time: whether a change is taken must not hang on luck. Elsewhere they vary, and
# an example that fails is kept as a test.
settings.register_profile("steady", derandomize=True)
if os.environ.get("KFP_LIFECYCLE_NOTHING_MAY_SKIP"):
    settings.load_profile("steady")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """On the machine that has everything, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("KFP_LIFECYCLE_NOTHING_MAY_SKIP") and reporter and reporter.stats.get("skipped"):
        reporter.write_line("tests were skipped, and KFP_LIFECYCLE_NOTHING_MAY_SKIP is set", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


class WebServer:
    """Serves ``files`` by path; the first ``failures`` requests are answered with ``status``."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.failures = 0
        self.status = 500
        self.requests = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                if outer.requests <= outer.failures:
                    self.send_error(outer.status)
                    return
                content = outer.files.get(self.path.partition("?")[0])
                if content is None:
                    self.send_error(404)
                    return
                start = 0
                if byte_range := self.headers.get("Range"):
                    start = int(byte_range.removeprefix("bytes=").partition("-")[0])
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(len(content) - start))
                self.send_header("ETag", '"e"')
                self.send_header("Last-Modified", "Tue, 01 Jan 2013 00:00:00 GMT")
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content[start:])

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def web_server() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine's loopback address, which the https client of this process trusts."""
    import aiohttp.connector
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    # aiohttp reads SSL_CERT_FILE once, when it is first imported, which may be long ago.
    aiohttp.connector._SSL_CONTEXT_VERIFIED.load_verify_locations(folder / "cert.pem")
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def https_server(certificate: tuple[Path, Path]) -> Iterator[WebServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = WebServer(context)
    yield server
    server.stop()
