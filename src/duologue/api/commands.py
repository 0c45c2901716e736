"""What all commands have in common: who asks, what they say, one call, the answer."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.api import bodies
from duologue.api.answers import Answer, render
from duologue.api.desk import Desk
from duologue.api.door import is_secure
from duologue.api.paths import Exact
from duologue.identity.limits import Kind
from duologue.identity.tokens import Session

T = TypeVar("T", bound=bodies.Body)

Command = Callable[[Desk, Session, T], Awaitable[Answer]]
"""One noun's own part. It may raise ``Problem``, before it changes anything."""


def command(
    path: str,
    kind: type[T],
    handle: Command[T],
    desk: Desk,
    counts: Kind,
    *,
    also: Callable[[T], Iterable[Kind]] = lambda _: (),
) -> Route:
    """The route of a command: nothing reaches ``handle`` but a known caller and a body within its bounds.

    It counts as one of its kind before its body is read: a refused request costs little. ``also`` names
    what it counts as besides; only the body tells.
    """
    door = desk.door

    async def endpoint(request: Request) -> Response:
        bodies.must_be_json(request.headers)
        caller = desk.caller(request.headers, secure=is_secure(request.scope))
        await door.admit(counts, request.scope, caller.person)
        body = await bodies.read(request, kind, desk.sizes.body_bytes)
        for besides in also(body):
            await door.admit(besides, request.scope, caller.person)
        return render(await handle(desk, caller, body), desk.media)

    return Exact(path, endpoint, methods=["POST"])
