"""An application over a recorder, and a client that speaks to it in process."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from starlette.types import ASGIApp

from duologue.api.app import build
from duologue.api.brand import Brand
from duologue.api.ops import build_ops
from duologue.api.services import Services
from duologue.api.webhook import webhook
from duologue.identity.credentials import Origins
from duologue.identity.keyring import Keyring
from duologue.identity.tokens import Tokens
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.project import Project
from duologue.media.livekit.webhooks import Webhooks
from duologue.media.peer import Peer
from duologue.metrics import Metrics
from duologue.pairing.machine import Machine
from tests.unit.api.recorder import NoEvents, Recorder

HOME = "http://chat.example"
PROJECT = Project("ws://127.0.0.1:1", "key", "s" * 32)
UNBUILT = Path("nowhere")
ICE = [{"urls": ["stun:stun.example"]}]

Connect = Callable[..., httpx.AsyncClient]
MakeServices = Callable[..., Services]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(Keyring.parse("s" * 32))


@pytest.fixture
def make_services(recorder: Recorder, metrics: Metrics, tokens: Tokens) -> Callable[..., Services]:
    def make(**changes: Any) -> Services:
        parts: dict[str, Any] = {
            "machine": Machine(recorder),
            "media": Peer(ICE),
            "metrics": metrics,
            "tokens": tokens,
            "origins": Origins(),
            "pools": ("main", "de"),
        }
        return Services(**{**parts, **changes})

    return make


@pytest.fixture
async def connect(make_services: Callable[..., Services]) -> AsyncIterator[Connect]:
    """Make a client of an application of its own; raises what the server would only log if asked to."""
    clients: list[httpx.AsyncClient] = []

    def make(
        *,
        token: str = "",
        web: Path | None = UNBUILT,
        ready: bool = True,
        base: str = HOME,
        inside: bool = False,
        brand: Brand | None = None,
        **changes: Any,
    ) -> httpx.AsyncClient:
        services = make_services(**changes)
        hooks = webhook(Webhooks(PROJECT, Namespace("ours")), lambda _match, _fact: None, services.metrics)
        app: ASGIApp = build(
            services, events=NoEvents(), is_ready=lambda: ready, web=web, brand=brand, webhook=hooks
        )
        if inside:  # the operator's pages in place of the public's
            app = build_ops(services, lambda: ready)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        clients.append(httpx.AsyncClient(transport=transport, base_url=base, headers=headers))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def client(connect: Connect, tokens: Tokens) -> httpx.AsyncClient:
    """A person with a bearer token."""
    return connect(token=tokens.start("Ada").token)


@pytest.fixture
def make_token() -> Callable[..., str]:
    """A token as an operator's back end signs it."""

    def make(**claims: Any) -> str:
        whole = {"sub": "host-user-7", "exp": 4_000_000_000, **claims}
        return jwt.encode(whole, "s" * 32, algorithm="HS256", headers={"kid": "main"})

    return make
