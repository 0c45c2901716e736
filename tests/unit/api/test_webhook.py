"""``POST /v1/livekit/webhook``: what is LiveKit's is handed on, and nothing else is believed."""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from duologue.api.app import build
from duologue.api.paths import WEBHOOK
from duologue.api.services import Services
from duologue.api.webhook import BODY_BYTES, webhook
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.project import Project
from duologue.media.livekit.webhooks import Fact, FactKind, Webhooks
from duologue.metrics import Metrics
from duologue.pairing.vocabulary import Side
from tests.livekit.fake.post import signature
from tests.unit.api.recorder import NoEvents, Recorder

PROJECT = Project("ws://127.0.0.1:1", "key", "s" * 32)
MATCH = "m_0123456789abcdef"
LEFT = {
    "event": "participant_left",
    "id": "EV_1",
    "createdAt": "1764000000",
    "room": {"sid": "RM_1", "name": f"ours_{MATCH}"},
    "participant": {"identity": f"{MATCH}.polite"},
}


class Post:
    """LiveKit, as far as the route sees it, and what came of it."""

    def __init__(self, client: httpx.AsyncClient, metrics: Metrics) -> None:
        self.client = client
        self.metrics = metrics
        self.told: list[tuple[str, Fact]] = []

    def tell(self, match: str, fact: Fact) -> None:
        self.told.append((match, fact))

    async def send(self, event: Any = LEFT, *, header: str | None = None, sent: bytes | None = None) -> int:
        body = json.dumps(event).encode()
        headers = {"Authorization": signature(PROJECT, body) if header is None else header}
        return (
            await self.client.post(WEBHOOK, content=body if sent is None else sent, headers=headers)
        ).status_code

    def count(self, what: str) -> float | None:
        return self.metrics.registry.get_sample_value("duologue_webhooks_total", {"what": what})


@pytest.fixture
async def post(make_services: Callable[..., Services], metrics: Metrics) -> AsyncIterator[Post]:
    post = Post(httpx.AsyncClient(), metrics)
    route = webhook(Webhooks(PROJECT, Namespace("ours")), post.tell, metrics)
    app = build(make_services(), events=NoEvents(), is_ready=lambda: True, web=None, webhook=route)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ours.example") as post.client:
        yield post


@pytest.fixture(autouse=True)
def the_store_is_not_asked(recorder: Recorder) -> Iterator[None]:
    """By no webhook, whatever it says: it cannot change a byte, nor be slow with the store."""
    yield
    assert recorder.calls == []


async def test_a_genuine_one_is_handed_on(post: Post) -> None:
    """With its match, whose it is, and the id by which a repetition is known."""
    assert await post.send() == 200
    fact = Fact("EV_1", FactKind.PARTICIPANT_LEFT, MATCH, "RM_1", Side.POLITE, 1_764_000_000_000)  # type: ignore[arg-type]
    assert post.told == [(MATCH, fact)]
    assert post.count("participant_left") == 1


@pytest.mark.parametrize(
    "room", [f"theirs_{MATCH}", f"ours-2_{MATCH}", "ours_canary-0123456789abcdef", "", MATCH]
)
async def test_a_room_that_is_not_ours_is_passed_over(post: Post, room: str) -> None:
    """With 200: LiveKit would else send it again and again, and it tells all who share the project."""
    assert await post.send({**LEFT, "room": {"name": room}}) == 200
    assert post.told == []
    assert post.count("foreign") == 1


async def test_forged_altered_expired(post: Post) -> None:
    """S4: 401, and nothing is passed on."""
    body = json.dumps(LEFT).encode()
    other = Project(PROJECT.url, "key", "x" * 32)
    for header in (
        "",
        "Bearer x",
        signature(other, body),
        signature(Project(PROJECT.url, "another", PROJECT.secret), body),
        signature(PROJECT, body, signed_at=time.time() - 3600),
    ):
        assert await post.send(header=header) == 401
    assert await post.send(header=signature(PROJECT, body), sent=body + b" ") == 401
    assert await post.send([]) == 401
    assert post.told == []
    assert post.count("refused") == 7


async def test_a_body_without_end(post: Post) -> None:
    """413, before anything of it is verified."""
    assert await post.send({**LEFT, "x": "x" * BODY_BYTES}) == 413
    assert post.told == []


async def test_there_is_none_without_livekit(make_services: Callable[..., Services]) -> None:
    """404, as for any other path that is not served."""
    app = build(make_services(), events=NoEvents(), is_ready=lambda: True, web=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:
        answer = await client.post(WEBHOOK, json=LEFT)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
