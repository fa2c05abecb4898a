"""What Dramatiq's worker holds while a message is worked at."""

from __future__ import annotations

from typing import Any

import dramatiq
from dramatiq.broker import MessageProxy

from .subscription import Delivered, Subscription


class FleetMessage(MessageProxy):
    """A message on its way through the worker, bound to the one channel that may settle it."""

    def __init__(
        self,
        message: dramatiq.Message[Any],
        delivered: Delivered,
        subscription: Subscription,
    ) -> None:
        super().__init__(message)
        self.delivered, self.subscription = delivered, subscription
        #: Why its actor did not finish it.
        self.error: BaseException | None = None

    def stuff_exception(self, exception: BaseException) -> None:
        """Called by the worker when the actor raised: without Retries, Dramatiq would call it done."""
        super().stuff_exception(exception)
        self.error = exception
        self.fail()

    def clear_exception(self) -> None:
        """Called by the worker when the message is settled."""
        super().clear_exception()
        self.error = None
