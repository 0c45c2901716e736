"""``GET /v1/state``: where I am."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.api.answers import as_json
from duologue.api.desk import Desk
from duologue.api.problems import Code, Problem
from duologue.delivery.frame import dress
from duologue.pairing.vocabulary import PersonId

POLLING = frozenset({"page", "version", "wait_ms", "after", "signals_after"})
"""The parameters of the polling transport, which is not served yet."""


def state(desk: Desk) -> Route:
    """A pure read: no sign of life, nothing changes."""

    async def endpoint(request: Request) -> Response:
        caller = desk.caller(request.headers)
        for name in request.query_params:
            if name not in POLLING:
                raise Problem(Code.UNKNOWN_FIELD, "there is no such parameter here", field=name[:200])
        if request.query_params:
            raise Problem(Code.POLLING_OFF, "polling is switched off here; use GET /v1/events")
        read = await desk.machine.read(PersonId(caller.person))
        return as_json(b'{"state":%b}' % dress(read, desk.media))

    return Route("/v1/state", endpoint, methods=["GET"])
