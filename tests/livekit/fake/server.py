"""A LiveKit server without media, in the test's own event loop, with faults on request.

It counts because it passes the contract suite that the real one passes (``test_contract_*.py``).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

from aiohttp import web
from livekit import api
from livekit.api.access_token import Claims

from duologue.media.livekit.project import Project
from tests.livekit.fake.house import House, Person, Refused
from tests.livekit.fake.post import Post
from tests.livekit.ground import KEY, SECRET, Guest, JoinRefused
from tests.livekit.mailbox import Mailbox

Call = Callable[[Claims, bytes], bytes]


class FakeServer:
    """The fake; the tests' ``Ground``, and more: faults that a real one does not have on request."""

    def __init__(self, mailbox: Mailbox, *, auto_create: bool = False) -> None:
        self.mailbox = mailbox
        self.project = Project("ws://127.0.0.1:1", KEY, SECRET)
        self.post = Post(self.project, mailbox.url)
        self.house = House(self.post.take, auto_create=auto_create)
        self.failing = 0
        """The status that answers every call, without its being looked at; 0: none."""
        self.calls: list[str] = []
        """The methods that were called, as they came."""
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._flowing = asyncio.Event()
        self._creating = asyncio.Event()
        self._flowing.set()
        self._creating.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["FakeServer"]:
        """It serves within it."""
        async with asyncio.TaskGroup() as group:
            post = group.create_task(self.post.run())
            await self.start()
            try:
                yield self
            finally:
                self.thaw()
                self.land_creates()
                await self.stop()
                post.cancel()

    async def join(self, token: str) -> Guest:
        """By a short cut: no signalling, no media."""
        try:
            claims = self._claims(token)
            video = claims.video
            if video is None or not video.room_join:
                raise Refused(401, "unauthenticated", "permissions denied")
            limits = claims.room_config or api.RoomConfiguration()
            person = self.house.join(video.room, claims.identity, limits)
        except Refused as refused:
            raise JoinRefused(f"{refused.status} {refused.text}") from refused
        return FakeGuest(self.house, video.room, person)

    def freeze(self) -> None:
        """Every call waits."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Carry out the waiting calls, whether or not their callers still wait."""
        self._flowing.set()

    def hold_creates(self) -> None:
        """A call to make a room waits; all others are answered (race R18)."""
        self._creating.clear()

    def land_creates(self) -> None:
        """Those that waited are carried out."""
        self._creating.set()

    async def restart(self) -> None:
        """Killed and started again at once (race R20)."""
        await self.stop()
        await self.start()

    async def stop(self) -> None:
        """Gone at once, with all rooms; can be repeated."""
        self.house.forget()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def start(self) -> None:
        """Where it was."""
        app = web.Application()
        app.router.add_post("/twirp/livekit.RoomService/{method}", self._twirp)
        app.router.add_get("/rtc/validate", self._validate)
        # Like LiveKit: who hangs up has still asked.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=False, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()
        self._port = self._runner.addresses[0][1]
        self.project = Project(f"ws://127.0.0.1:{self._port}", KEY, SECRET)

    async def _twirp(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        self.calls.append(method)
        body = await request.read()
        await self._flowing.wait()
        if method == "CreateRoom":
            await self._creating.wait()
        try:
            answer = self._answer(method, request.headers, body)
        except Refused as refused:
            if refused.status == 401:
                return web.Response(status=401, text=refused.text)
            problem = {"code": refused.code, "msg": refused.text}
            return web.json_response(problem, status=refused.status)
        return web.Response(body=answer, content_type="application/protobuf")

    def _answer(self, method: str, headers: Mapping[str, str], body: bytes) -> bytes:
        claims = self._caller(headers)
        calls: Mapping[str, Call] = {
            "CreateRoom": self._create,
            "DeleteRoom": self._delete,
            "ListRooms": self._list,
            "ListParticipants": self._participants,
            "RemoveParticipant": self._remove,
        }
        if method not in calls:
            raise Refused(404, "bad_route", f"no handler for {method}")
        return calls[method](claims, body)

    def _create(self, claims: Claims, body: bytes) -> bytes:
        _may(claims, "room_create")
        return self.house.create(api.CreateRoomRequest.FromString(body)).SerializeToString()

    def _delete(self, claims: Claims, body: bytes) -> bytes:
        _may(claims, "room_create")
        self.house.delete(api.DeleteRoomRequest.FromString(body).room)
        return b""

    def _list(self, claims: Claims, body: bytes) -> bytes:
        _may(claims, "room_list")
        names = tuple(api.ListRoomsRequest.FromString(body).names)
        return api.ListRoomsResponse(rooms=self.house.rooms(names)).SerializeToString()

    def _participants(self, claims: Claims, body: bytes) -> bytes:
        room = api.ListParticipantsRequest.FromString(body).room
        _may(claims, "room_admin", room)
        people = self.house.participants(room)
        return api.ListParticipantsResponse(participants=people).SerializeToString()

    def _remove(self, claims: Claims, body: bytes) -> bytes:
        who = api.RoomParticipantIdentity.FromString(body)
        _may(claims, "room_admin", who.room)
        self.house.remove(who.room, who.identity)
        return b""

    async def _validate(self, request: web.Request) -> web.Response:
        await self._flowing.wait()
        try:
            video = self._caller(request.headers).video
            assert video is not None
            self.house.admit(video.room)
        except Refused as refused:
            return web.Response(status=refused.status, text=refused.text)
        return web.Response(text="success")

    def _caller(self, headers: Mapping[str, str]) -> Claims:
        if self.failing:
            raise Refused(self.failing, "internal", "failing on request")
        return self._claims(headers.get("Authorization", "").removeprefix("Bearer "))

    def _claims(self, token: str) -> Claims:
        try:
            return api.TokenVerifier(KEY, SECRET).verify(token)
        except Exception as error:  # the library's own are of no common kind
            raise Refused(401, "unauthenticated", "invalid token") from error


class FakeGuest:
    """A person in a room of the fake."""

    def __init__(self, house: House, room: str, person: Person) -> None:
        self._house, self._room, self._person = house, room, person
        self.sent_away = person.sent_away

    async def publish(self) -> None:
        """They show a picture."""
        self._house.publish(self._room, self._person)

    async def leave(self) -> None:
        """Says goodbye."""
        self._house.leave(self._room, self._person)


def _may(claims: Claims, what: str, room: str = "") -> None:
    video = claims.video
    if video is None or not getattr(video, what) or (room and video.room != room):
        raise Refused(401, "unauthenticated", "permissions denied")
