"""The HTTP application for the public, made from plain objects: its caller hands in all that it uses."""

from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Lifespan

from duologue.api.ack import AckBody, ack
from duologue.api.blocks import BlockBody, block
from duologue.api.commands import command
from duologue.api.comparisons import ComparisonBody, compare
from duologue.api.desk import Desk
from duologue.api.guard import STREAM
from duologue.api.health import alive, ready
from duologue.api.join import JoinBody, join
from duologue.api.leave import LeaveBody, leave
from duologue.api.messages import MessageBody, message
from duologue.api.page import page
from duologue.api.paths import Exact, Unspeakable
from duologue.api.problems import HANDLERS
from duologue.api.pulse import PulseBody, pulse, pulse_counts
from duologue.api.reports import ReportBody, report
from duologue.api.sessions import sessions
from duologue.api.signals import SignalBody, signal, signal_counts
from duologue.api.skip import SkipBody, skip, skip_counts
from duologue.api.state import state
from duologue.delivery.polls import Polls
from duologue.identity.limits import Kind


def build(
    desk: Desk,
    *,
    events: ASGIApp,
    is_ready: Callable[[], bool],
    web: Path | None,
    polls: Polls | None = None,
    livekit_url: str = "",
    webhook: BaseRoute | None = None,
    lifespan: Lifespan[Starlette] | None = None,
) -> Starlette:
    """The whole of HTTP, but for the operator's pages (``api/ops.py``).

    ``events`` is the event stream (``api/stream.py``; an object, for a function would be
    taken for an endpoint of Starlette's), ``web`` the folder of the built
    page (empty: a line that says how to build it; ``None``: no page), ``polls`` who answers polls
    (``None``: nobody, they are refused), ``livekit_url`` where the page connects to for its rooms,
    ``webhook`` where LiveKit posts to (``api/webhook.py``; ``None``: nowhere),
    ``lifespan`` whatever runs while the application does.
    """
    others = (alive(), ready(is_ready), *([webhook] if webhook else []))
    app = Starlette(
        routes=[Unspeakable(), *_routes(desk, events, polls), *others, *page(web, livekit_url)],
        exception_handlers=dict(HANDLERS),
        lifespan=lifespan,
    )
    # A path has one spelling: a redirect of a POST would lose its body, or run it elsewhere.
    app.router.redirect_slashes = False
    return app


def _routes(desk: Desk, events: ASGIApp, polls: Polls | None) -> list[BaseRoute]:
    return [
        sessions(desk),
        command("/v1/join", JoinBody, join, desk, Kind.JOINS),
        command("/v1/skip", SkipBody, skip, desk, Kind.SKIPS),
        command("/v1/leave", LeaveBody, leave, desk, Kind.PULSES),
        command("/v1/pulse", PulseBody, pulse, desk, Kind.PULSES, also=pulse_counts),
        command("/v1/ack", AckBody, ack, desk, Kind.PULSES),
        command("/v1/signal", SignalBody, signal, desk, Kind.SIGNALS, also=signal_counts),
        command("/v1/messages", MessageBody, message, desk, Kind.MESSAGES),
        command("/v1/blocks", BlockBody, block, desk, Kind.REPORTS, also=skip_counts),
        command("/v1/reports", ReportBody, report, desk, Kind.REPORTS, also=skip_counts),
        command("/v1/comparisons", ComparisonBody, compare, desk, Kind.READS),
        state(desk, polls),
        _stream(events),
    ]


def _stream(events: ASGIApp) -> Route:
    """GET only: HEAD, which Starlette adds, would attach a connection that nobody reads."""
    route = Exact(STREAM, events, methods=["GET"])
    route.methods = {"GET"}
    return route
