"""The whole server with LiveKit media: its loops run, and LiveKit's own webhooks reach it."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import httpx
import pytest

from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.rooms import LiveKitRooms
from duologue.pairing.vocabulary import MatchId
from tests.livekit.conftest import NAMESPACE
from tests.livekit.ground import KEY, SECRET, Ground
from tests.livekit.mailbox import PATH, Mailbox
from tests.livekit.waiting import until
from tests.servers import StoreServer
from tests.serving import Serving, serving

ORPHAN_S = 20
"""Older than 5 s, and in a listing, one each 5 s; then it is deleted."""


@pytest.fixture
async def served(server: Ground, server_kind: str, valkey9: StoreServer) -> AsyncIterator[Serving]:
    """The whole server."""
    if server_kind == "elsewhere":
        pytest.skip("needs a server of the tests' own: LIVEKIT_URL names somebody else's")
    options = ("--no-page", "--redis-url", valkey9.url, "--media", "livekit")
    environment = {
        "DUOLOGUE_LIVEKIT_URL": server.project.ws_url,
        "DUOLOGUE_LIVEKIT_API_KEY": KEY,
        "DUOLOGUE_LIVEKIT_API_SECRET": SECRET,
        "DUOLOGUE_LIVEKIT_NAMESPACE": NAMESPACE.name,
        "DUOLOGUE_SECRET": secrets.token_urlsafe(32),
    }
    context = serving(*options, **environment)
    running = await asyncio.to_thread(context.__enter__)
    try:
        yield running
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)


async def test_it_looks_after_its_rooms(
    served: Serving, server: Ground, rooms: LiveKitRooms, mailbox: Mailbox
) -> None:
    """A room of ours without an owner is gone soon, another Duologue's stays, and webhooks are accepted."""
    second = Namespace(f"{NAMESPACE.name}-2")
    match = MatchId("m_" + secrets.token_urlsafe(12))
    async with (
        LiveKitRooms(server.project, second).running() as theirs,
        httpx.AsyncClient(base_url=served.url, trust_env=False) as client,
    ):
        foreign = await theirs.create(second.room(match))
        await rooms.create(NAMESPACE.room(match))
        ours = await mailbox.first("room_started", NAMESPACE.room(match))
        other = await mailbox.first("room_started", foreign.name)
        for letter, header, status in (
            (ours, ours.authorization, 200),
            (other, other.authorization, 200),
            (ours, other.authorization, 401),
        ):
            answer = await client.post(PATH, content=letter.body, headers={"Authorization": header})
            assert answer.status_code == status

        async def is_gone() -> bool:
            return await rooms.list_rooms() == []

        await until(is_gone, "the orphan is gone", within_s=ORPHAN_S)
        assert [room.name for room in await theirs.list_rooms()] == [foreign.name]
        await theirs.delete(foreign.name)
        shown = (await client.get(f"{served.ops_url}/metrics")).text.splitlines()
        for line in (
            "duologue_video_up 1.0",
            'duologue_rooms_total{what="orphaned"} 1.0',
            'duologue_webhooks_total{what="room_started"} 1.0',
            'duologue_webhooks_total{what="foreign"} 1.0',
            'duologue_webhooks_total{what="refused"} 1.0',
        ):
            assert line in shown
        assert not [line for line in shown if line.startswith("duologue_worker_failures_total")]
