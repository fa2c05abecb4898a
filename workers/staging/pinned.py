"""Connections that look at the address which they are about to use, and use no other."""

from __future__ import annotations

import socket

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.connection import create_connection

from .allowed import SourceRules


def checked_pools(rules: SourceRules) -> dict[str, type[HTTPConnectionPool]]:
    """The pools of connections that a PoolManager needs, by scheme.

    A name is looked up once, all that it means is checked, and the connection is made to just that: what
    a name server says a moment later (DNS rebinding) changes nothing.
    """

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, rules)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, rules)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _connected(connection: HTTPConnection, rules: SourceRules) -> socket.socket:
    addresses = _looked_up(connection)
    rules.check_addresses(connection.host, addresses)
    failed: Exception | None = None
    for address in addresses:
        try:
            return create_connection(
                (address, int(connection.port or 0)),
                connection.timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except TimeoutError as error:
            failed = ConnectTimeoutError(connection, "timed out")
            failed.__cause__ = error
        except OSError as error:
            failed = NewConnectionError(connection, str(error))
            failed.__cause__ = error
    raise failed or NewConnectionError(connection, "no address")


def _looked_up(connection: HTTPConnection) -> list[str]:
    host = connection.host.strip("[]")
    try:
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise NameResolutionError(host, connection, error) from error
    except UnicodeError as error:
        raise LocationParseError(host) from error
    return list(dict.fromkeys(str(each[4][0]) for each in found))
