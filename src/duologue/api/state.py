"""``GET /v1/state``: where I am; with a page, the polling transport."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.api.answers import as_json
from duologue.api.desk import Desk
from duologue.api.door import is_secure
from duologue.api.paths import Exact
from duologue.api.poll import NAMES, poll
from duologue.api.problems import Code, Problem
from duologue.api.stream import without_navigation
from duologue.delivery.frame import dress
from duologue.delivery.polls import Polls
from duologue.identity.limits import Kind
from duologue.pairing.vocabulary import PersonId


def state(desk: Desk, polls: Polls | None) -> Route:
    """Without parameters a pure read: no sign of life, nothing changes. ``polls`` is ``None``: no polling."""

    door = desk.door

    async def endpoint(request: Request) -> Response:
        connects = bool(request.query_params)
        headers = without_navigation(request.headers) if connects else request.headers
        caller = desk.caller(headers, secure=is_secure(request.scope))
        for name in request.query_params:
            if name not in NAMES:
                raise Problem(Code.UNKNOWN_FIELD, "there is no such parameter here", field=name[:200])
        if not connects:
            await door.admit(Kind.READS, request.scope, caller.person)
            read = await desk.machine.read(PersonId(caller.person))
            return as_json(b'{"state":%b}' % dress(read, desk.media))
        if polls is None:
            raise Problem(Code.POLLING_OFF, "polling is switched off here; use GET /v1/events")
        await door.admit(Kind.POLLS, request.scope, caller.person)
        return await poll(desk, polls, caller, request)

    # GET only: HEAD, which Starlette adds, would be a poll whose news nobody reads.
    route = Exact("/v1/state", endpoint, methods=["GET"])
    route.methods = {"GET"}
    return route
