"""Who may publish a request for whom: RabbitMQ vouches for the one, the body names the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from ..models.errors import InvalidInput
from ..models.settings import SETTINGS, Settings

#: Whom RabbitMQ knows a connection by whose URL names nobody.
_DEFAULT_USER: Final = "guest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishers:
    """Who may publish for whom.

    Arguments:
        mode: `off`, `match` or `require`; see TAGFLEET_AMQP_IDENTITY.
        trusted: RabbitMQ users that may publish for any user.
    """

    mode: str
    trusted: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What the settings say; the fleet's own RabbitMQ user is trusted, whose hands all passes through."""
        own = unquote(urlsplit(settings.amqp_url or "").username or _DEFAULT_USER)
        return cls(
            mode=settings.amqp_identity,
            trusted=frozenset({own, *settings.amqp_trusted_publishers}),
        )

    def check(self, publisher: str | None, user: str) -> None:
        """Make sure that the publisher may ask for a job of this user.

        Arguments:
            publisher: The RabbitMQ user; None where RabbitMQ has verified none.

        Raises:
            InvalidInput: He may not.
        """
        if self.mode == "off":
            return
        if publisher is None:
            if self.mode == "require":
                raise _refused(
                    "user_id: missing; set this property of the message to the name of the RabbitMQ user "
                    f"who publishes it ({SETTINGS['amqp_identity'].variable} is 'require')"
                )
        elif publisher != user and publisher not in self.trusted:
            raise _refused(
                f"user: {user!r} is not {publisher!r}, who has published the message; publish as the job's "
                f"user, or list the publisher in {SETTINGS['amqp_trusted_publishers'].variable}"
            )


def _refused(problem: str) -> InvalidInput:
    return InvalidInput("job request", [problem])
