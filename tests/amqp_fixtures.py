"""Pytest's way to a private RabbitMQ: one for all, and one for the tests that break it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from tests.rabbitmq import NotInstalled, RabbitNode

#: Virtual hosts are made in batches: a call of rabbitmqctl costs as much as several of them.
BATCH = 20


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitNode]:
    """A RabbitMQ that all tests share and none may harm."""
    yield from _node(tmp_path_factory)


@pytest.fixture(scope="session")
def fresh_vhosts(rabbitmq: RabbitNode) -> Iterator[str]:
    """Names of virtual hosts that nobody has used."""
    return _fresh_vhosts(rabbitmq)


@pytest.fixture
def amqp_url(rabbitmq: RabbitNode, fresh_vhosts: Iterator[str]) -> str:
    """The address of an empty virtual host, for one test; it goes when the node goes."""
    return rabbitmq.url(next(fresh_vhosts))


@pytest.fixture(scope="session")
def breakable_rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitNode]:
    """The node behind `chaos_rabbitmq`: starting one takes as long as ten tests."""
    yield from _node(tmp_path_factory)


@pytest.fixture
def chaos_rabbitmq(breakable_rabbitmq: RabbitNode) -> Iterator[RabbitNode]:
    """A RabbitMQ that the test may kill, freeze and start again; it runs when the test begins."""
    yield breakable_rabbitmq
    if breakable_rabbitmq.is_running:
        breakable_rabbitmq.thaw()
    else:
        breakable_rabbitmq.restart()


@pytest.fixture(scope="session")
def chaos_vhosts(breakable_rabbitmq: RabbitNode) -> Iterator[str]:
    """Names of virtual hosts of the breakable node that nobody has used."""
    return _fresh_vhosts(breakable_rabbitmq)


@pytest.fixture
def chaos_url(chaos_rabbitmq: RabbitNode, chaos_vhosts: Iterator[str]) -> str:
    """The address of an empty virtual host of a node that the test may break."""
    return chaos_rabbitmq.url(next(chaos_vhosts))


def _node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitNode]:
    try:
        node = RabbitNode(tmp_path_factory.mktemp("rabbitmq"))
    except NotInstalled as error:
        pytest.skip(str(error))
    try:
        node.start()
        yield node
    finally:
        node.stop()


def _fresh_vhosts(node: RabbitNode) -> Iterator[str]:
    for batch in itertools.count():
        names = [f"test-{batch}-{number}" for number in range(BATCH)]
        node.add_vhosts(names)
        yield from names
