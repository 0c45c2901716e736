"""Paths as they are served: each has one spelling, and no other matches it.

The proxy in front of the server decides by the path, too. A second spelling (``/metrics%0a``,
``/v1%2fevents``) that means one thing here and another there would get past such a decision.
"""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

WEBHOOK = "/v1/livekit/webhook"
"""Where LiveKit posts to. It stands here: ``api.webhook`` needs LiveKit's library, which is an extra."""


class Exact(Route):
    """A route of one path, letter for letter.

    Starlette's own matches by a regular expression whose ``$`` also matches before a line feed at the end.
    """

    def matches(self, scope: Scope) -> tuple[Match, dict[str, Any]]:
        """Return how the request matches; it has no parameters."""
        if scope["type"] != "http" or scope["path"] != self.path:
            return Match.NONE, {}
        allowed = not self.methods or scope["method"] in self.methods
        return Match.FULL if allowed else Match.PARTIAL, {"endpoint": self.endpoint, "path_params": {}}


class Unspeakable(BaseRoute):
    """Answer 404 for each path with a second spelling. It stands before all other routes.

    Our paths need no escapes. So an escape is a control character, a letter that could be written plainly,
    a slash that a proxy may not see as one, or part of a path that does not exist.
    """

    def matches(self, scope: Scope) -> tuple[Match, dict[str, Any]]:
        """Return whether the path is plain; ``raw_path`` is the path before its escapes were resolved."""
        if scope["type"] != "http" or is_plain(scope["path"], scope.get("raw_path")):
            return Match.NONE, {}
        return Match.FULL, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 # Starlette's
        """Refuse, as every path that is not served."""
        raise HTTPException(404)


def is_plain(path: str, raw: bytes | None) -> bool:
    """Return whether the path has printable ASCII only and was sent as it stands here."""
    return path.isascii() and path.isprintable() and (raw is None or b"%" not in raw)
