"""Points boto3 at the local EMR and S3, by boto3's own environment variables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from . import endpoints
from .settings import Settings

#: The local S3 and EMR check no signature, but boto3 does not speak without credentials.
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@contextmanager
def use_local_emr(url: str) -> Iterator[None]:
    """Let every boto3 client that is made in the block speak to this address."""
    wanted = {"AWS_ENDPOINT_URL": url, **_CREDENTIALS}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def use_running(settings: Settings) -> Iterator[None]:
    """Let boto3 speak to the local S3 of the fleet that runs on TAGFLEET_DATA, if one does."""
    url = endpoints.read(settings.data).get("s3")
    if not url or os.environ.get("AWS_ENDPOINT_URL"):
        yield
        return
    with use_local_emr(url):
        yield
