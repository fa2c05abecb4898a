"""A real S3 over HTTP, a real web server, and the storages and staging areas on top of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from tagfleet.models.aws import AwsClients
from tagfleet.models.storage import Storage, open_storage
from tagfleet.workers.staging import SourceRules, Staging

from .calls import CallLog
from .web import WebServer, make_certificate

#: As `tagfleet up` with its local EMR has it.
THIS_MACHINE = SourceRules(
    networks=(ip_network("127.0.0.0/8"), ip_network("::1")), folders=(Path("/"),)
)


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The address of an S3."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def clients(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    """Clients of that S3."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    made = AwsClients()
    yield made
    made.close()


@pytest.fixture
def bucket(clients: AwsClients) -> str:
    """A new bucket."""
    name = f"bucket-{uuid.uuid4().hex}"
    clients.s3().create_bucket(Bucket=name)
    return name


@pytest.fixture
def calls(clients: AwsClients) -> CallLog:
    """What is asked of S3 from now on."""
    return CallLog(clients.s3())


@pytest.fixture(params=["s3", "folder"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty storage, of each kind."""
    if request.param == "s3":
        return f"s3://{request.getfixturevalue('bucket')}/some/prefix"
    return str(tmp_path / "storage")


@pytest.fixture
def storage(url: str, clients: AwsClients) -> Storage:
    """An empty storage, of each kind."""
    return open_storage(url, clients)


@pytest.fixture
def staging(storage: Storage, clients: AwsClients) -> Iterator[Staging]:
    """A staging area in that storage."""
    made = Staging(storage, clients, rules=THIS_MACHINE, limit_bytes=5_000_000)
    yield made
    made.close()


@pytest.fixture
def s3_staging(bucket: str, clients: AwsClients) -> Iterator[Staging]:
    """A staging area in S3."""
    made = Staging(open_storage(f"s3://{bucket}/staging", clients), clients, rules=THIS_MACHINE)
    yield made
    made.close()


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A web server that speaks http."""
    with WebServer() as server:
        yield server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost, and its key, in one file."""
    return make_certificate(tmp_path_factory.mktemp("certificate") / "localhost.pem")


@pytest.fixture
def secure_web(certificate: Path) -> Iterator[WebServer]:
    """A web server that speaks https, with a certificate that nobody trusts unless told to."""
    with WebServer(certificate) as server:
        yield server
