"""How a worker stands to one queue: it takes what comes, or sees the last of it go."""

from __future__ import annotations

from enum import Enum, auto


class Course(Enum):
    """What a consumer of a queue does."""

    TAKE = auto()  #: It consumes; a queue that is missing is declared again.
    LEAVE = auto()  #: The queue is drained: it consumes until nothing has come for a while.
    STAY = auto()  #: The queue is drained: it consumes until the queue is deleted.
