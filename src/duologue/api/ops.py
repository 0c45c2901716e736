"""The operator's pages, on a separate listener, so that no proxy needs a list of private paths."""

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from duologue.api.health import alive, metrics, transports, why_ready
from duologue.api.paths import Unspeakable
from duologue.api.problems import HANDLERS, Code, Problem
from duologue.api.services import Services
from duologue.identity.addresses import read

PRIVATE_NAMES = (".localhost", ".internal")
"""Domains in which names cannot be registered (RFC 6761; ICANN's resolution of July 2024)."""


def build_ops(services: Services, is_ready: Callable[[], bool]) -> Starlette:
    """Return the application of ``--ops-port``: counts, never people, and without a token."""
    return Starlette(
        routes=[
            Unspeakable(),
            alive(),
            why_ready(is_ready),
            Rebound(),
            metrics(services.metrics),
            transports(services),
        ],
        exception_handlers=dict(HANDLERS),
    )


class Rebound(BaseRoute):
    """Match requests on a loopback address for a name that a stranger may own. It stands before the pages.

    The owner of ``evil.example`` can let that name point to 127.0.0.1. A page from there then asks
    ``evil.example:8001``, and may read the answer as one of its own origin (DNS rebinding).
    """

    def matches(self, scope: Scope) -> tuple[Match, dict[str, Any]]:
        """Return whether the request is to be refused."""
        if scope["type"] != "http" or not _is_loopback(scope.get("server")):
            return Match.NONE, {}
        return (Match.NONE if is_ours(Headers(scope=scope).get("host", "")) else Match.FULL), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 # Starlette's
        """Refuse, and say how to ask."""
        raise Problem(
            Code.NOT_FOUND,
            "on this machine's own address these pages are for localhost or an IP address as Host",
        )


def _is_loopback(server: tuple[str, int | None] | None) -> bool:
    address = read(server[0]) if server else None
    return address is not None and address.is_loopback


def is_ours(host: str) -> bool:
    """Return whether a ``Host`` is an address, or a name that a stranger cannot point to this machine.

    A name without a dot is one of the operator's own network.
    """
    name = host.lower().partition(":")[0].removesuffix(".")
    return "." not in name or name.endswith(PRIVATE_NAMES) or read(host) is not None
