"""Rules for every test of the project."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """On the machine that has everything, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("KFP_LIFECYCLE_NOTHING_MAY_SKIP") and reporter and reporter.stats.get("skipped"):
        reporter.write_line("tests were skipped, and KFP_LIFECYCLE_NOTHING_MAY_SKIP is set", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
