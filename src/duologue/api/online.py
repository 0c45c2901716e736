"""``GET /v1/online``: how many people are online, for pages that have no session yet."""

from collections.abc import Callable

from duologue.api.exchange import Endpoint, Exchange, HttpReply


def online(people: Callable[[], int]) -> Endpoint:
    """Return the endpoint. ``people`` is the number as of the last beat, so a request asks no store."""

    async def handle(_: Exchange) -> HttpReply:
        return HttpReply(b'{"people_online":%d}' % people())

    return Endpoint("GET", handle)
