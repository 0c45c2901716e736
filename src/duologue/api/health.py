"""``/healthz``, ``/readyz``, ``/metrics``: for whoever runs the server, without a token.

They tell counts, never people. Who must not read them is kept out in front of the server.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.api.answers import HEADERS, as_json
from duologue.api.problems import Code, Problem
from duologue.metrics import CONTENT_TYPE, Metrics


def health(metrics: Metrics, is_ready: Callable[[], bool]) -> list[Route]:
    """Alive: the process answers. Ready: it has heard from the store lately, and is not going away."""

    async def alive(_: Request) -> Response:
        return as_json(b'{"status":"ok"}')

    async def ready(_: Request) -> Response:
        if not is_ready():
            raise Problem(Code.UNAVAILABLE, "not ready: the store is away, or the server is going away")
        return as_json(b'{"status":"ok"}')

    async def scrape(_: Request) -> Response:
        return Response(metrics.render(), headers={**HEADERS, "Content-Type": CONTENT_TYPE})

    return [
        Route("/healthz", alive, methods=["GET"]),
        Route("/readyz", ready, methods=["GET"]),
        Route("/metrics", scrape, methods=["GET"]),
    ]
