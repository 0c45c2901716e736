"""``POST /v1/livekit/webhook``: LiveKit reports what happened in a room. This is only a hint.

The request is verified, and what it says about a room of ours is passed on; the store is not asked. So a
person who repeats, delays or reorders webhooks only causes a look at a room, and LiveKit does not wait.
There is no limit by address: LiveKit is the only sender, and without its secret nothing passes the first
check.
"""

from collections.abc import Callable

from duologue.api.exchange import Endpoint, Exchange, HttpReply
from duologue.api.problems import Code, Problem
from duologue.media.livekit.errors import WebhookRefused
from duologue.media.livekit.webhooks import Fact, Webhooks
from duologue.metrics import Metrics

BODY_BYTES = 64 * 1024
"""LiveKit's events with a person, their tracks and attributes have 1 to 4 kB."""


def webhook(webhooks: Webhooks, tell: Callable[[str, Fact], None], metrics: Metrics) -> Endpoint:
    """Return the endpoint: 200 for LiveKit's requests, also about rooms of other apps, and 401 for all
    others."""

    async def handle(exchange: Exchange) -> HttpReply:
        body = await exchange.content(BODY_BYTES)
        try:
            fact = webhooks.read(body, exchange.headers.get("authorization", ""))
        except WebhookRefused as error:
            metrics.webhook("refused")
            raise Problem(Code.BAD_TOKEN, str(error)[:200]) from error
        metrics.webhook("foreign" if fact is None else fact.kind)
        if fact is not None:
            tell(fact.match, fact)
        return HttpReply(b'{"status":"ok"}')

    return Endpoint("POST", handle)
