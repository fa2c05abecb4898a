"""The clients, and which errors pass."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError

from tagfleet.models.aws import AwsClients, is_passing
from tagfleet.models.errors import BadSetting

ROLE = "arn:aws:iam::123456789012:role/fleet"


class FailingService:
    """Answers every call with HTTP 500, and counts them."""

    def __init__(self) -> None:
        self.calls = 0
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.calls += 1
                self.send_response(500)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def failing_emr(clients: AwsClients, monkeypatch: pytest.MonkeyPatch) -> Iterator[FailingService]:
    """An EMR that fails."""
    service = FailingService()
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", service.url)
    yield service
    service.close()


def error(code: str, status: int) -> ClientError:
    """An error as boto3 raises it."""
    return ClientError(
        {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "Operation",
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("SlowDown", 503),
        ("InternalError", 500),
        ("503", 503),
        ("RequestTimeout", 400),
        ("ConditionalRequestConflict", 409),
        ("ExpiredToken", 400),
    ],
)
def test_throttles_and_errors_of_the_service_pass(code: str, status: int) -> None:
    assert is_passing(error(code, status))


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ValidationException", 400),
        ("AccessDenied", 403),
        ("404", 404),
        ("PreconditionFailed", 412),
    ],
)
def test_our_own_mistakes_do_not_pass(code: str, status: int) -> None:
    assert not is_passing(error(code, status))


def test_an_answer_without_a_status_passes() -> None:
    assert is_passing(ClientError({}, "Operation"))


def test_a_client_is_made_once_for_all_threads(clients: AwsClients) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: clients.emr("eu-west-1"), range(32)))
    assert len({id(client) for client in made}) == 1


def test_each_region_has_its_own_client(clients: AwsClients) -> None:
    one, other = clients.emr("eu-west-1"), clients.emr("us-west-2")
    assert (one.meta.region_name, other.meta.region_name) == ("eu-west-1", "us-west-2")


def test_the_region_comes_from_aws_region(
    clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    assert AwsClients().emr().meta.region_name == "ap-south-1"


def test_without_a_region_the_setting_is_named(
    clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(BadSetting, match="AWS_REGION"):
        AwsClients().emr()


def test_no_call_of_emr_is_repeated_behind_our_back(
    clients: AwsClients, failing_emr: FailingService
) -> None:
    # A submission would be doubled, and a call that nobody asked for is one over the quota.
    with pytest.raises(ClientError):
        clients.emr().add_job_flow_steps(JobFlowId="j-1", Steps=[])
    with pytest.raises(ClientError):
        clients.emr().list_steps(ClusterId="j-1")
    assert failing_emr.calls == 2


def test_another_server_than_aws_is_asked_by_path(clients: AwsClients) -> None:
    assert clients.s3().meta.config.s3 == {"addressing_style": "path"}


def test_aws_itself_is_asked_by_its_own_style(
    clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert not AwsClients().s3().meta.config.s3


def test_a_role_is_assumed_for_its_clients_only(clients: AwsClients) -> None:
    # Given a client that acts as a role
    acting = clients.emr("us-east-1", ROLE)
    signed: list[str] = []
    acting.meta.events.register(
        "before-send.emr", lambda request, **_: signed.append(request.headers["Authorization"])
    )
    # When it is used
    acting.list_clusters()
    # Then it signs with the role's credentials, not with the process's own
    own = clients.emr("us-east-1")
    assert own is not acting
    assert b"Credential=test/" not in signed[0]  # type: ignore[operator]


def test_a_role_that_nobody_may_assume_is_an_error_of_the_call(
    clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    with pytest.raises((EndpointConnectionError, HTTPClientError)):
        AwsClients().emr("us-east-1", ROLE).list_clusters()


def test_closed_clients_are_made_anew(clients: AwsClients) -> None:
    before = clients.s3()
    clients.close()
    assert clients.s3() is not before
