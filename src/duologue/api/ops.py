"""The operator's pages, on a listener of their own: no proxy's list of paths has to keep the public out."""

from collections.abc import Callable

from starlette.applications import Starlette

from duologue.api.desk import Desk
from duologue.api.health import alive, metrics, why_ready
from duologue.api.paths import Unspeakable
from duologue.api.problems import HANDLERS
from duologue.api.transports import transports


def build_ops(desk: Desk, is_ready: Callable[[], bool]) -> Starlette:
    """Return the application of ``--ops-port``: counts, never people, and without a token."""
    return Starlette(
        routes=[Unspeakable(), alive(), why_ready(is_ready), metrics(desk.metrics), transports(desk)],
        exception_handlers=dict(HANDLERS),
    )
