"""What a test or a curious person may ask of the server itself, below `/_local/`.

| route              | GET                        | POST                               | DELETE      |
|--------------------|----------------------------|------------------------------------|-------------|
| `/_local/health`   | `{"status": "ok"}`         |                                    |             |
| `/_local/calls`    | calls so far, by operation |                                    | counts anew |
| `/_local/faults`   | the faults in force        | adds faults, see `faults.Fault`    | removes all |
| `/_local/throttle` | `{"enforced": bool}`       | switches the quotas on or off      |             |
| `/_local/ledger`   | every step there ever was  |                                    |             |
| `/_local/events`   | `{"queue": name or null}`  | (PUT) sends events to this queue   |             |
| `/_local/kill`     |                            | `{"cluster": id}`: it dies         |             |

`/_local/applications` and what is below it is for the programs of steps, see `applications`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .errors import AwsError
from .web import Request, Response

#: Answers one route: takes the JSON that was sent (None without one).
Route: TypeAlias = Callable[[Any], object]


class Admin:
    """The routes below `/_local/`.

    Arguments:
        routes: By method and path.
    """

    def __init__(self, routes: Mapping[tuple[str, str], Route]) -> None:
        self._routes = routes

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return _json(404, {"error": f"There is no {request.method} {request.path}."})
        try:
            content = json.loads(request.body.read() or b"null")
            return _json(200, route(content))
        except (AwsError, ValueError, LookupError, TypeError, AttributeError) as error:
            return _json(400, {"error": str(error)})


def _json(status: int, content: object) -> Response:
    body = json.dumps(content, separators=(",", ":")).encode()
    return Response(status, {"Content-Type": "application/json"}, body)
