"""How soon the room of an ended match is gone, and what waits for it: on a LiveKit server and on the fake."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

import aiohttp
import pytest

from duologue.client import Model
from duologue.client.http import http_session
from tests.livekit.ground import Ground
from tests.livekit.test_serving import Reader, Stopped, in_an_open_room, started, two
from tests.livekit.waiting import until
from tests.serving import data_folder

CLOSE_S = 1.0
"""What people have to leave an ended match's room, unless both say that they did."""
TRIES = 3
"""A busy machine is slow now and then; once that it is quick shows that nothing waited."""


class Talk:
    """Two people who do only what the test does, and meet again and again."""

    def __init__(self, ops_url: str, readers: tuple[Reader, Reader], said: Sequence[str]) -> None:
        self.ops_url = ops_url
        self.readers = readers
        self.said = said
        """What the server wrote."""

    async def meet(self) -> str:
        """The match that both are in, if they are."""
        one, other = (_match(reader) for reader in self.readers)
        return one if one == other else ""

    async def opens(self) -> str:
        """The newest match, once both may enter its room; both say that they are there."""
        match = await until(self._open, "a room opens")
        for reader in self.readers:
            await reader.ask("pulse", match=match)
        return match

    async def _open(self) -> str:
        one, other = (_newest(reader, "media") for reader in self.readers)
        current = [_match(reader) for reader in self.readers]
        return one if [one, other] == current else ""

    async def ends(self, match: str, *leaving: Reader) -> float:
        """Let one person press Next; these say that they left. Returns the seconds until the room is gone."""
        before = await self._gone()
        await self.readers[0].ask("skip", match=match)
        for reader in leaving:
            await until(partial(_is_closing, reader, match), "the room closes")
            await reader.ask("ack", match=match, of="room-closing")
        await until(lambda: self._one_more(before[0]), "the room is gone")
        return (await self._gone())[1] - before[1]

    async def _one_more(self, count: float) -> bool:
        return (await self._gone())[0] > count

    async def _gone(self) -> list[float]:
        """How many rooms were deleted since the start, and the seconds of all of them together."""
        name = "duologue_room_gone_seconds_"
        async with aiohttp.ClientSession() as session, session.get(f"{self.ops_url}/metrics") as answer:
            lines = [line.split() for line in (await answer.text()).splitlines()]
        values = {line[0]: float(line[1]) for line in lines if line[0].startswith(name)}
        return [values[name + "count"], values[name + "sum"]]


def _newest(reader: Reader, kind: str) -> str:
    return next((frame["match"] for frame in reversed(reader.frames) if frame["type"] == kind), "none")


def _match(reader: Reader) -> str:
    """The match of the newest state that came."""
    states = [frame["state"] for frame in reader.frames if "state" in frame]
    return str(states[-1]["match"]["match"]) if states and "match" in states[-1] else ""


async def _is_closing(reader: Reader, match: str) -> bool:
    return _newest(reader, "room-closing") == match


@contextlib.asynccontextmanager
async def talking(server: Ground) -> AsyncIterator[Talk]:
    """Let both look for a partner."""
    with (
        data_folder() as data,
        contextlib.closing(Stopped(await started(server, data, "--rematch-ms", "1"))) as it,
    ):
        async with http_session() as session, asyncio.TaskGroup() as group:
            readers = Reader(session, it.url), Reader(session, it.url)
            for reader in readers:
                await reader.begin()
                group.create_task(reader.read())
                await reader.ask("join", intent=1)
            yield Talk(it.ops_url, readers, it.said)
            for reader in readers:
                reader.end()


async def test_a_room_waits_for_its_people_and_no_longer(server: Ground) -> None:
    """With the acks of both it is deleted at once; with one, or none, when the second is over."""
    async with talking(server) as talk:
        one, other = talk.readers
        assert await talk.ends(await talk.opens()) >= CLOSE_S
        assert await talk.ends(await talk.opens(), other) >= CLOSE_S
        took = [await talk.ends(await talk.opens(), one, other) for _ in range(TRIES)]
        assert min(took) < CLOSE_S, took


async def test_the_next_match_waits_for_no_room(server: Ground) -> None:
    """LiveKit hangs: Next is still answered with the next match, and its room opens when it can."""
    async with talking(server) as talk:
        match = await talk.opens()
        server.freeze()
        try:
            reply = await talk.readers[0].ask("skip", match=match)
            following = reply["state"]["match"]
            assert following["match"] != match
            assert following["media"] == {"kind": "livekit", "ready": False}
            await until(lambda: _is_closing(talk.readers[1], match), "the other is told")
        finally:
            server.thaw()
        assert await talk.opens() == following["match"]


@pytest.mark.parametrize("auto_create", [True])
async def test_where_joining_makes_rooms_nothing_is_waited_for(server: Ground) -> None:
    """The start finds out and says so; the match comes with its grant, and that lets its person in."""
    async with talking(server) as talk:
        assert any("auto-create" in line for line in talk.said)
        match = await until(talk.meet, "both are in one match")
        for reader in talk.readers:
            met = next(frame for frame in reader.frames if "match" in frame.get("state", {}))
            assert met["state"]["match"]["match"] == match
            await server.join(met["state"]["match"]["media"]["token"])


def meets_by(kind: str) -> Callable[[Model], bool]:
    """In a match with that media."""
    return lambda model: model.match is not None and model.match.media["kind"] == kind


@pytest.mark.parametrize("server_kind", ["fake"])
async def test_while_livekit_is_away_people_meet_without_it(server: Ground) -> None:
    """``--media-fallback``: after a match that got no room it is browser to browser; then rooms again."""
    await server.stop()
    given = ("--rematch-ms", "1", "--media-fallback")
    with data_folder() as data, contextlib.closing(Stopped(await started(server, data, *given))) as it:
        async with two(it.url) as pair:
            for client in pair:
                await client.until(meets_by("livekit"))
            for client in pair:
                await client.until(meets_by("peer"))
            await until(lambda: _video_is(0, it.ops_url), "it is known that no room opens")
            await server.start()
            await until(lambda: _video_is(1, it.ops_url), "it is known that rooms open")
            pair[0].next()
            for client in pair:
                await client.until(meets_by("livekit"))
                await client.until(in_an_open_room)


async def _video_is(up: int, url: str) -> bool:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        return f"duologue_video_up {up}.0" in await answer.text()
