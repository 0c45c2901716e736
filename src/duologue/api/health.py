"""``/healthz``, ``/readyz``, ``/metrics``: for load balancers and for the operator, without a token.

The first two are served to everybody, and tell the public yes or no. Why, and all counts, are told only on
the operator's own listener (``api/ops.py``).
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.api.answers import HEADERS, as_json
from duologue.api.paths import Exact
from duologue.api.problems import Code, Problem
from duologue.metrics import CONTENT_TYPE, Metrics

YES, NO = b'{"status":"ok"}', b'{"status":"no"}'


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
