"""``/healthz``, ``/readyz``, ``/metrics``, ``/transports``: for load balancers and operators.

They need no token. The public can read the first two, which say yes or no. Reasons and counts are only on
the operator's listener (``api/ops.py``).
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.api.exchange import HEADERS, as_json
from duologue.api.paths import Exact
from duologue.api.problems import Code, Problem
from duologue.api.services import Services
from duologue.metrics import CONTENT_TYPE, Metrics
from duologue.pairing.vocabulary import Usage

YES, NO = b'{"status":"ok"}', b'{"status":"no"}'

ENOUGH = 50
"""How many people must be compared before their agreement counts: they have many kinds of network."""
DOUBTED = 1
"""How many people with trouble are ignored: the report of one client proves nothing."""


def alive() -> Route:
    """Return the route that answers while the process does."""

    async def endpoint(_: Request) -> Response:
        return as_json(YES)

    return Exact("/healthz", endpoint, methods=["GET"])


def ready(is_ready: Callable[[], bool]) -> Route:
    """Return the route that says whether new people should be sent here: 200 or 503, and no reason."""

    async def endpoint(_: Request) -> Response:
        return as_json(YES) if is_ready() else as_json(NO, 503)

    return Exact("/readyz", endpoint, methods=["GET"])


def why_ready(is_ready: Callable[[], bool]) -> Route:
    """Return the same with the reason, for the operator."""

    async def endpoint(_: Request) -> Response:
        if not is_ready():
            raise Problem(Code.UNAVAILABLE, "not ready: the store is away, or the server is going away")
        return as_json(YES)

    return Exact("/readyz", endpoint, methods=["GET"])


def metrics(of: Metrics) -> Route:
    """Return the route that Prometheus reads."""

    async def endpoint(_: Request) -> Response:
        return Response(of.render(), headers={**HEADERS, "Content-Type": CONTENT_TYPE})

    return Exact("/metrics", endpoint, methods=["GET"])


class Verdict(NamedTuple):
    """Whether polling can be turned off now, and one sentence that says why."""

    safe: bool
    why: str


def verdict(usage: Usage) -> Verdict:
    """Return whether the people of today and yesterday allow it, and the first reason against it.

    It counts people, not reads, so one person cannot change it, whatever their client reports.
    """
    if usage.troubled > DOUBTED:
        return Verdict(
            False,
            f"for {usage.troubled} people a read knew what the stream never brought, or said something else: "
            "find out why",
        )
    doubt = ", for 1 of them a read knew what the stream never brought" if usage.troubled else ""
    if usage.compared < ENOUGH:
        people = "1 person was" if usage.compared == 1 else f"{usage.compared} people were"
        return Verdict(False, f"{people} compared{doubt}, and {ENOUGH} people are needed")
    if usage.on_poll:
        poll = "1 person polls" if usage.on_poll == 1 else f"{usage.on_poll} people poll"
        return Verdict(False, f"{poll}: streams do not reach them")
    agreed = f"the streams of {usage.compared} people agreed with their reads{doubt}"
    return Verdict(True, f"{agreed}, and no one polls")


def transports(services: Services) -> Route:
    """Return the route that says how people receive events, and whether polling can be turned off."""

    async def endpoint(_: Request) -> Response:
        usage = await services.machine.usage()
        found = verdict(usage)
        whole = {
            "transports": services.offer.transports,
            "people": {"sse": usage.on_sse, "poll": usage.on_poll},
            "today": usage.today._asdict(),
            "yesterday": usage.yesterday._asdict(),
            "compared": {"people": usage.compared, "troubled": usage.troubled},
            "verdict": found._asdict(),
        }
        return as_json(msgspec.json.encode(whole))

    return Exact("/transports", endpoint, methods=["GET"])
