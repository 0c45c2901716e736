"""The address and scheme of a request behind a proxy, as far as the proxy is trusted."""

from collections.abc import Awaitable
from functools import lru_cache

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from duologue.identity.addresses import Proxies

REMEMBERED = 20_000
REMEMBERED_CHARS = 64
"""Longer headers are read each time: a client chooses their length."""
SCHEMES = frozenset({"http", "https"})

log = structlog.get_logger(__name__)


class Forwarded:
    """The application behind proxies: ``scope["client"]`` and ``scope["scheme"]`` are those of the person
    who asks."""

    def __init__(self, app: ASGIApp, proxies: Proxies) -> None:
        self._app = app
        self._proxies = proxies
        self._trusts = lru_cache(REMEMBERED)(proxies.trusts)
        self._one = lru_cache(REMEMBERED)(lambda host, said: proxies.client(host, (said,)))
        self._warned = False

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Read the headers once per request; the application never sees the address of a trusted proxy."""
        if scope["type"] == "http":
            self._settle(scope)
        return self._app(scope, receive, send)

    def _settle(self, scope: Scope) -> None:
        host, port = scope.get("client") or (None, 0)
        forwarded, schemes = [], []
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                forwarded.append(value.decode("latin-1"))
            elif name == b"x-forwarded-proto":
                schemes.append(value.decode("latin-1"))
        if not forwarded and not schemes:
            return
        if not self._trusts(host):
            self._warn(host)
            return
        # Each proxy of a row may add its own: the browser's is the first.
        scheme = ",".join(schemes).partition(",")[0].strip().lower() if schemes else ""
        if scheme in SCHEMES:
            scope["scheme"] = scheme
        if len(forwarded) == 1 and len(forwarded[0]) <= REMEMBERED_CHARS:
            address = self._one(host, forwarded[0])
        else:
            address = self._proxies.client(host, forwarded)
        if address and address != host:
            port = 0
        scope["client"] = (address, port) if address else None

    def _warn(self, host: str | None) -> None:
        """Log once that a proxy is not listed: a person may be trying something, or the settings lack a
        proxy, and all people behind it count as one."""
        if not self._warned:
            self._warned = True
            log.warning(
                "X-Forwarded-For of a peer that --trusted-proxies does not name is ignored", peer=host
            )
