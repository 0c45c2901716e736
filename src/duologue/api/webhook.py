"""``POST /v1/livekit/webhook``: LiveKit tells what happened in a room. A hint, never the truth.

The request is verified, and what it says of a room of ours is handed on to whoever looks; the store is not
asked. So who repeats, delays or reorders it gains a look at a room, and LiveKit need not wait. No limit by
address: it is the one sender of all, and without its secret nothing gets past the first check.
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
    """Return the endpoint: 200 to LiveKit's requests, also about rooms of others; 401 to all else."""

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
