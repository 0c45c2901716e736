"""``duologue serve --media livekit`` as people meet it, on a LiveKit server and on the fake."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import jwt
import pytest

from duologue.client import Client, Exchange, Model, SimulatedMedia
from duologue.client.http import HttpTransport, http_session
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.rooms import LiveKitRooms
from duologue.pairing.vocabulary import MatchId
from tests.livekit.conftest import NAMESPACE
from tests.livekit.ground import KEY, SECRET, Ground, JoinRefused
from tests.livekit.waiting import until
from tests.serving import Serving, data_folder

Pair = tuple[Client, Client]
SCHEMA = Path(__file__).parents[2] / "protocol" / "events.schema.json"
event = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))


def serve(server: Ground, data: Path, *more: str) -> Serving:
    """The command, ready."""
    given = ("--port", "0", "--data", str(data), "--no-page", "--media", "livekit")
    where = ("--livekit-url", server.project.ws_url, "--livekit-namespace", NAMESPACE.name)
    key = {"DUOLOGUE_LIVEKIT_API_KEY": KEY, "DUOLOGUE_LIVEKIT_API_SECRET": SECRET}
    return Serving(*given, *where, *more, **key).ready()


async def started(server: Ground, data: Path, *more: str) -> Serving:
    """The same; meanwhile the fake, which lives in this process, can be asked what kind of server it is."""
    return await asyncio.to_thread(serve, server, data, *more)


@contextlib.asynccontextmanager
async def two(url: str) -> AsyncIterator[Pair]:
    """Two people who look for a partner, and whose media works as soon as possible."""
    exchange = Exchange()
    async with http_session() as session:
        one, other = (
            Client(HttpTransport(session, url), media=SimulatedMedia(exchange), alias=name)
            for name in ("Ada", "Bob")
        )
        async with one.running(), other.running():
            one.start()
            other.start()
            yield one, other


def in_an_open_room(model: Model) -> bool:
    """With the grant that opens it."""
    return model.match is not None and model.match.is_open


async def met(pair: Pair) -> str:
    """Their match, once both may enter its room."""
    one, other = [await client.until(in_an_open_room) for client in pair]
    assert one.match_id == other.match_id
    return one.match_id


async def test_a_room_opens_and_dies_with_its_match(server: Ground, rooms: LiveKitRooms) -> None:
    """Each grant lets its person in; after a skip the room is gone for good, and the rooms of others stay."""
    strangers = Namespace(f"{NAMESPACE.name}-2")
    with data_folder() as data, contextlib.closing(Stopped(await started(server, data))) as duologue:
        async with LiveKitRooms(server.project, strangers).running() as theirs, two(duologue.url) as pair:
            foreign = await theirs.create(strangers.room(MatchId("m_AAAAAAAAAAAAAAAA")))
            match = await met(pair)
            tokens = [client.model.match.media["token"] for client in pair if client.model.match]
            guests = [await server.join(token) for token in tokens]
            pair[0].next()
            for client in pair:
                await client.until(lambda model: model.match_id != match)
            for guest in guests:
                await guest.sent_away.wait()
            await until(lambda: _lacks(rooms, match), "the room is gone")
            with pytest.raises(JoinRefused):
                await server.join(tokens[0])
            assert await theirs.list_rooms() == [foreign]
            await theirs.delete(foreign.name)


async def test_a_server_that_is_killed_leaves_no_room(server: Ground, rooms: LiveKitRooms) -> None:
    """kill -9 as a match has just ended: the next start deletes what the first one could not."""
    with data_folder() as data:
        first = await started(server, data)
        async with two(first.url) as pair:
            match = await met(pair)
            assert not await _lacks(rooms, match)
            pair[0].next()
            await pair[0].until(lambda model: model.match_id != match)
            first.kill()
        with contextlib.closing(Stopped(await started(server, data))):
            await until(lambda: _lacks(rooms, match), "the room is gone")


async def test_a_skip_waits_for_nobody(server: Ground) -> None:
    """LiveKit is away: the skip takes effect, both wait, and both are told that there is no video."""
    with data_folder() as data, contextlib.closing(Stopped(await started(server, data))) as duologue:
        async with two(duologue.url) as pair:
            match = await met(pair)
            await server.stop()
            pair[0].next()
            for client in pair:
                await client.until(lambda model: model.waiting)
                assert client.model.state is not None
                assert client.model.state.ended is not None
                assert client.model.state.ended.match == match
            await server.start()


async def test_every_frame_is_documented(server: Ground) -> None:
    """From the match to its room's end, as ``protocol/events.schema.json`` says it."""
    with data_folder() as data, contextlib.closing(Stopped(await started(server, data))) as duologue:
        async with http_session() as session, asyncio.TaskGroup() as group:
            readers = [Reader(session, duologue.url) for _ in range(2)]
            for reader in readers:
                await reader.begin()
                group.create_task(reader.read())
                await reader.ask("join", intent=1)
            await until(lambda: all_read("media", readers), "both rooms are open")
            match = next(frame["match"] for frame in readers[0].frames if frame["type"] == "media")
            await readers[0].ask("skip", match=match)
            await until(lambda: all_read("room-closing", readers), "both rooms close")
            for reader in readers:
                await reader.ask("ack", match=match, of="room-closing")
                await reader.ask("leave", intent=2)
            await until(lambda: all_read("idle", readers), "both are idle")
            for reader in readers:
                reader.end()
        for frame in (frame for reader in readers for frame in reader.frames):
            event.validate(frame)


async def test_s3_nobody_gets_a_grant_for_another_room(server: Ground) -> None:
    """By room or by match, asked for in any way: refused, or stale and without one. Control: who may."""
    with data_folder() as data, contextlib.closing(Stopped(serve(server, data))) as duologue:
        async with http_session() as session, asyncio.TaskGroup() as group:
            ada, bob, eve = readers = [Reader(session, duologue.url) for _ in range(3)]
            for reader in readers:
                await reader.begin()
                group.create_task(reader.read())
            for reader in (ada, bob):
                await reader.ask("join", intent=1)
            await until(lambda: all_read("media", [ada, bob]), "their room is open")
            media = (await ada.ask("pulse"))["state"]["match"]
            match, room = media["match"], media["media"]["room"]
            assert decode(media["media"]["token"])["video"]["room"] == room
            for command, body in (
                ("pulse", {"match": match}),
                ("pulse", {"match": match, "media": "open"}),
                ("skip", {"match": match}),
                ("ack", {"match": match, "of": "room-closing"}),
                ("messages", {"match": match, "key": "k", "text": "let me in"}),
            ):
                reply = await eve.ask(command, **body)
                assert reply["outcome"] == "stale"
                assert "match" not in reply["state"]
            assert await eve.refused("join", intent=1, room=room) == "unknown-field"
            assert await eve.refused("pulse", room=room) == "unknown-field"
            assert not any("token" in json.dumps(frame) for frame in eve.frames)
            for reader in readers:
                reader.end()


def decode(token: str) -> dict[str, Any]:
    """What a grant says, and that it is signed."""
    claims: dict[str, Any] = jwt.decode(token, SECRET, algorithms=["HS256"])
    return claims


class Reader:
    """A person who keeps every frame as it came."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.frames: list[dict[str, Any]] = []
        self._session, self._url = session, f"{url}/v1"
        self._headers: dict[str, str] = {}
        self._response: aiohttp.ClientResponse | None = None

    async def begin(self) -> None:
        """As a guest, with an open stream."""
        async with self._session.post(f"{self._url}/sessions", json={"cookie": False}) as answer:
            self._headers = {"Authorization": f"Bearer {(await answer.json())['token']}"}
        query = {"page": "p_1"}
        self._response = await self._session.get(f"{self._url}/events", params=query, headers=self._headers)

    async def read(self) -> None:
        """Until it is ended."""
        assert self._response is not None
        with contextlib.suppress(aiohttp.ClientError):
            async for line in self._response.content:
                if line.startswith(b"data:"):
                    self.frames.append(json.loads(line[5:]))

    def end(self) -> None:
        """The stream is closed."""
        assert self._response is not None
        self._response.close()

    async def refused(self, command: str, **body: Any) -> str:
        """The code of the problem."""
        async with self._session.post(f"{self._url}/{command}", json=body, headers=self._headers) as answer:
            assert answer.status == 422, await answer.text()
            return str((await answer.json())["code"])

    async def ask(self, command: str, **body: Any) -> dict[str, Any]:
        """And be answered: with this."""
        async with self._session.post(f"{self._url}/{command}", json=body, headers=self._headers) as answer:
            assert answer.status == 200, await answer.text()
            reply: dict[str, Any] = await answer.json()
            return reply


async def all_read(kind: str, readers: list[Reader]) -> bool:
    return all(any(frame["type"] == kind for frame in reader.frames) for reader in readers)


async def _lacks(rooms: LiveKitRooms, match: str) -> bool:
    """No room of that match is there."""
    return not await rooms.list_rooms([NAMESPACE.room(MatchId(match))])


class Stopped:
    """A server that is stopped in order when it is closed."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self.url = serving.url
        self.ops_url = serving.ops_url
        self.said = serving.said

    def close(self) -> None:
        """SIGTERM, and it leaves nothing behind."""
        assert self._serving.stop() == 0
