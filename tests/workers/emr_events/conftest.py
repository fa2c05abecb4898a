"""A local EMR of these tests' own: they lose its events, and stop and start it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tagfleet.models.aws import AwsClients
from tagfleet.models.local_addresses import use_local_emr
from tagfleet.workers.local_emr.server import LocalEmr

from ...emr_fixtures import BUCKET, Emr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEmr]:
    with LocalEmr(tmp_path_factory.mktemp("emr")) as started:
        yield started


@pytest.fixture
def emr(server: LocalEmr) -> Iterator[Emr]:
    """boto3 speaks to it; a bucket is there, the queue of events is empty, and no call was made yet."""
    with use_local_emr(server.url):
        clients = AwsClients()
        clients.s3().create_bucket(Bucket=BUCKET)
        clients.sqs().purge_queue(QueueUrl=server.events_queue_url)
        found = Emr(server.url, clients)
        found.ask("DELETE", "faults")
        found.calls()
        yield found
        found.ask("DELETE", "faults")
        clients.close()
