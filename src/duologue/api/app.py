"""HTTP for the public: one table of endpoints serves everything below ``/v1``, and Starlette the rest."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from duologue.api.brand import Brand
from duologue.api.commands import commands
from duologue.api.cors import SERVED, CrossOrigin, Fields, Shared, preflight
from duologue.api.exchange import Endpoint, Exchange, deliver, headers_of, send_whole
from duologue.api.guard import STREAM
from duologue.api.health import alive, ready
from duologue.api.online import online
from duologue.api.page import page
from duologue.api.paths import WEBHOOK, Unspeakable, is_plain
from duologue.api.poll import state
from duologue.api.problems import HANDLERS
from duologue.api.services import Services
from duologue.api.sessions import sessions
from duologue.delivery.polls import Polls


def build(
    services: Services,
    *,
    events: ASGIApp,
    is_ready: Callable[[], bool],
    web: Path | None,
    polls: Polls | None = None,
    people_online: Callable[[], int] = lambda: 0,
    livekit_url: str = "",
    brand: Brand | None = None,
    is_relayed: bool = False,
    webhook: Endpoint | None = None,
    shared: CrossOrigin | None = None,
    lifespan: Lifespan[Starlette] | None = None,
) -> "Public":
    """Return the whole HTTP application, without the operator's pages (``api/ops.py``).

    ``events`` is the event stream (``api/stream.py``). ``web`` is the folder of the built page (empty: a
    line that says how to build it; ``None``: no page). ``polls`` answers polls (``None``: they are
    refused). ``people_online`` is the number of people, as of the last beat. ``livekit_url`` is where the
    page connects to for its rooms. ``brand`` is what the operator changed of the page, and ``is_relayed``
    whether no call shows a network address to the partner. ``webhook`` receives LiveKit's webhooks
    (``api/webhook.py``; ``None``: nothing does). ``shared`` says which other origins may read the answers
    (``None``: none). ``lifespan`` runs while the application does.
    """
    table = {
        "/v1/sessions": sessions(services),
        **commands(services),
        "/v1/state": state(services, polls),
        "/v1/online": online(people_online),
        **({WEBHOOK: webhook} if webhook else {}),
    }
    rest = Starlette(
        routes=[
            Unspeakable(),
            alive(),
            ready(is_ready),
            *page(web, livekit_url, brand, services.terms_version, is_relayed=is_relayed),
        ],
        exception_handlers=dict(HANDLERS),
        lifespan=lifespan,
    )
    # A path has one spelling: a redirect of a POST would lose its body, or run it elsewhere.
    rest.router.redirect_slashes = False
    return Public(table, events, rest, shared or CrossOrigin())


class Public:
    """The application. A request below ``/v1`` passes through Starlette only if it is refused."""

    def __init__(
        self, table: Mapping[str, Endpoint], events: ASGIApp, rest: Starlette, shared: CrossOrigin
    ) -> None:
        """Take ``table``, which serves the paths below ``/v1`` besides the event stream, and ``rest``,
        which serves all other paths."""
        self.rest = rest
        self.methods = {STREAM: "GET", **{path: endpoint.method for path, endpoint in table.items()}}
        """The one method of each path below ``/v1``."""
        self._table = table
        self._events = events
        self._shared = shared

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request. Preflights are answered for every path below ``/v1``.

        This is not a coroutine: a stream would keep it, and the headers with it, for as long as it is open.
        """
        if scope["type"] != "http" or not scope["path"].startswith(SERVED):
            return self.rest(scope, receive, send)
        headers = headers_of(scope)
        fields = self._shared.fields(headers.get("origin"))
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return preflight(fields)(scope, receive, send)
        path = scope["path"]
        method = self.methods.get(path) if is_plain(path, scope.get("raw_path")) else None
        if method is None:
            return self.rest(scope, receive, Shared(send, fields))
        if scope["method"] != method:
            # HEAD as well: it would attach a connection that is never read.
            refused = HTTPException(405, headers={"Allow": method})
            return _refuse(refused, scope, send, fields)
        if path == STREAM:
            return self._stream(scope, receive, Shared(send, fields))
        return _answer(self._table[path], Exchange(scope, receive, headers), send, fields)

    async def _stream(self, scope: Scope, receive: Receive, send: Shared) -> None:
        try:
            await self._events(scope, receive, send)
        except Exception as error:
            if send.started:
                raise
            await _refuse(error, scope, send.send, send.fields)


async def _answer(endpoint: Endpoint, exchange: Exchange, send: Send, fields: Fields) -> None:
    try:
        reply = await endpoint.handle(exchange)
    except Exception as error:  # noqa: BLE001 # each is answered, and a defect is raised again
        await _refuse(error, exchange.scope, send, fields)
    else:
        await deliver(reply, fields, exchange.scope, send)


async def _refuse(error: Exception, scope: Scope, send: Send, fields: Fields) -> None:
    """Answer an exception as ``HANDLERS`` says. A defect is raised again, so that the server logs it."""
    kind = next(each for each in type(error).__mro__ if each in HANDLERS)
    response = await HANDLERS[kind](Request(scope), error)
    body = bytes(response.body)
    await send_whole(response.status_code, [*response.raw_headers, *fields], body, scope, send)
    if kind is Exception:
        raise error
    error.__traceback__ = None  # An error that is raised in several tasks would collect their tracebacks.
