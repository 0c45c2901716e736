"""``POST /v1/livekit/webhook``: LiveKit tells what happened in a room. A hint, never the truth.

The request is verified, and what it says of a room of ours is handed on to whoever looks; the store is not
asked. So who repeats, delays or reorders it gains a look at a room, and LiveKit need not wait. No limit by
address: it is the one sender of all, and without its secret nothing gets past the first check.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.api import bodies
from duologue.api.answers import as_json
from duologue.api.paths import Exact
from duologue.api.problems import Code, Problem
from duologue.media.livekit.errors import WebhookRefused
from duologue.media.livekit.webhooks import Fact, Webhooks
from duologue.metrics import Metrics

PATH = "/v1/livekit/webhook"
BODY_BYTES = 64 * 1024
"""LiveKit's events with a person, their tracks and attributes have 1 to 4 kB."""


def webhook(webhooks: Webhooks, tell: Callable[[str, Fact], None], metrics: Metrics) -> Route:
    """Answers 200 to whatever is LiveKit's, also if it is about somebody else's room; 401 to all else."""

    async def endpoint(request: Request) -> Response:
        body = await bodies.content(request, BODY_BYTES)
        try:
            fact = webhooks.read(body, request.headers.get("authorization", ""))
        except WebhookRefused as error:
            metrics.webhook("refused")
            raise Problem(Code.BAD_TOKEN, str(error)[:200]) from error
        metrics.webhook("foreign" if fact is None else fact.kind)
        if fact is not None:
            tell(fact.match, fact)
        return as_json(b'{"status":"ok"}')

    return Exact(PATH, endpoint, methods=["POST"])
