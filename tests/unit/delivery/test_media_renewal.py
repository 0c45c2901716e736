"""Relay credentials run out after 2 hours; a conversation may last longer, and be as quiet as it likes."""

import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from duologue.delivery.hub import HEARTBEAT_S
from duologue.delivery.resync import Resync
from duologue.delivery.stream import Stream
from duologue.media.peer import Peer
from duologue.media.turn import RENEW_S, TTL_S
from tests.unit.delivery.fakes import ANN, PAGE, Scene, attached, frames, in_own_task

TURN = ({"urls": "stun:s"}, {"urls": "turn:t"})
HOURS = 3


def scene_of(**peer: Any) -> Scene:
    """A scene whose credentials are made by the scene's own clock."""
    made: list[Scene] = []
    media = Peer(TURN, now_s=lambda: made[0].clock.wall_ms() / 1000, **peer)
    made.append(Scene(media))
    return made[0]


@pytest.fixture
async def ours() -> AsyncIterator[tuple[Scene, Stream, list[int]]]:
    """A person in a match, and until when the credentials last that each state brings (s)."""
    scene = scene_of(turn_secret="north")
    async with in_own_task(scene.hub.running()):
        scene.machine.answers["attach"] = [attached(10, "m_1")]
        scene.machine.usual["reattach"] = [attached(10, "m_1")]
        with scene.hub.open(ANN, PAGE, alias="") as stream:
            yield scene, stream, [ends_at_s(each) for each in await frames(stream) if "state" in each]


def ends_at_s(frame: dict[str, Any]) -> int:
    """Until when the credentials of a state's TURN server are good."""
    turn = frame["state"]["match"]["media"]["ice_servers"][1]
    return int(turn["username"].partition(":")[0])


async def quiet(scene: Scene, stream: Stream, hours: float) -> list[dict[str, Any]]:
    """Wait so long without events, except heartbeats and a round of the re-attach loop; return the
    snapshots."""
    written: list[dict[str, Any]] = []
    for _ in range(round(hours * 3600 / HEARTBEAT_S)):
        scene.clock.now += HEARTBEAT_S
        stream.heartbeat()
        if scene.hub.doubtful:
            await Resync(scene.hub).some([scene.hub.doubtful.pop()])
        written += [each for each in await frames(stream) if each["type"] == "snapshot"]
    return written


async def test_a_quiet_conversation_has_good_credentials_at_each_instant(
    ours: tuple[Scene, Stream, list[int]],
) -> None:
    """Three hours, and at no heartbeat have the last ones run out; one state an hour is enough."""
    scene, stream, (ends_s,) = ours
    lasting: list[float] = []
    told = 0
    for _ in range(HOURS * 4):
        for snapshot in await quiet(scene, stream, 0.25):
            told += 1
            ends_s = ends_at_s(snapshot)
        lasting.append(ends_s - scene.clock.wall_ms() / 1000)
    assert min(lasting) >= TTL_S - RENEW_S - HEARTBEAT_S
    assert told == HOURS


async def test_without_renewal_they_run_out(
    ours: tuple[Scene, Stream, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(Stream, "_renew_media", lambda *_: None)
    scene, stream, (ends_s,) = ours
    assert await quiet(scene, stream, HOURS) == []
    assert ends_s < scene.clock.wall_ms() / 1000


async def test_a_state_that_was_written_meanwhile_counts(ours: tuple[Scene, Stream, list[int]]) -> None:
    """Each state has fresh ones; the hour begins with the last."""
    scene, stream, _ = ours
    await quiet(scene, stream, 0.75)
    stream.owe_snapshot()
    assert len(await quiet(scene, stream, 0.75)) == 1
    assert len(await quiet(scene, stream, 0.5)) == 1


async def test_a_clock_that_was_set_back_renews(ours: tuple[Scene, Stream, list[int]]) -> None:
    """Of what lies in the future no age is known: once written again, all is well."""
    scene, stream, _ = ours
    scene.contact.store_clock.offset_ms -= 3_600_000
    assert len(await quiet(scene, stream, 0.5)) == 1


@pytest.mark.parametrize("peer", [Peer([{"urls": "stun:s"}], turn_secret="s"), Peer(TURN), Peer()])
async def test_what_does_not_run_out_is_not_renewed(peer: Peer) -> None:
    """STUN servers only, or credentials that are the operator's own."""
    assert peer.renew_ms == math.inf
    scene = Scene(peer)
    async with in_own_task(scene.hub.running()):
        scene.machine.answers["attach"] = [attached(10, "m_1")]
        with scene.hub.open(ANN, PAGE, alias="") as stream:
            await frames(stream)
            assert await quiet(scene, stream, HOURS) == []


async def test_a_waiting_person_needs_none() -> None:
    """Their next state brings some."""
    scene = scene_of(turn_secret="north")
    async with in_own_task(scene.hub.running()):
        with scene.hub.open(ANN, PAGE, alias="") as stream:
            await frames(stream)
            assert await quiet(scene, stream, HOURS) == []
