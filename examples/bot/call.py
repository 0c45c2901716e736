"""The bot's end of a call: a WebRTC data channel, in which the two sides ping each other; no picture.

What goes over it is written down in ``clients/js/README.md``. ``aiortc`` speaks WebRTC; the rest is who
offers, and which page of the partner is meant.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiortc import RTCConfiguration, RTCDataChannel, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from duologue.client.clock import SystemClock
from duologue.client.media import MediaListener
from duologue.client.silence import TICK_S, Silence
from duologue.client.vocabulary import Match, MediaWord

HELLO_S = 2.5
"""A hello may be lost with the partner's line."""

ME = {"camera": False, "microphone": False, "hidden": False}


class Call:
    """One bot's media (`duologue.client.media.Media`): open while the partner's page answers pings."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._listener: MediaListener | None = None
        self._work: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        self._match: Match | None = None
        self._partner = ""  # the page that we talk to
        self._connection: RTCPeerConnection | None = None
        self._channel: RTCDataChannel | None = None
        self._silence = Silence(0.0)
        self._word: MediaWord | None = None
        self._sent = self._first = 0
        self._asked: int | None = None
        self._hello_at = 0.0

    # --- what the client asks for ------------------------------------------------------

    def bind(self, listener: MediaListener) -> None:
        self._listener = listener

    def enter(self, match: Match) -> None:
        self.leave()
        self._match, self._partner, self._word, self._asked = match, "", None, None
        self._silence = Silence(self._clock.monotonic())
        self._hello()

    def leave(self) -> None:
        self._match = None
        self._drop()

    def ask(self) -> None:
        self._asked = self._sent + 1
        self._ping()

    def hear(self, data: Mapping[str, Any]) -> None:
        match, page = self._match, str(data["from"])
        if match is None:
            return
        if "bye" in data:
            if page == self._partner:
                self._drop()
            return
        if page != self._partner or (self._connection is None and "candidate" not in data):
            self._partner = page
            self._build(match)
        if "description" in data:
            self._work.put_nowait(lambda: self._describe(self._connection, data["description"]))
        elif "candidate" in data:
            self._work.put_nowait(lambda: self._candidate(self._connection, data["candidate"]))
        elif match.media["role"] == "polite":
            self._signal({"hello": True})  # the other side offers, as soon as it knows our page

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tick())
                while True:
                    work = await self._work.get()
                    try:
                        await work()
                    except Exception as error:  # noqa: BLE001  # whatever a stranger's page sends ends no bot
                        print(f"call: {error!r}")
                        self._drop()
        finally:
            self._drop()

    # --- the connection ----------------------------------------------------------------

    def _build(self, match: Match) -> None:
        self._drop()
        servers = [RTCIceServer(**_server(each)) for each in match.media["ice_servers"]]
        connection = self._connection = RTCPeerConnection(RTCConfiguration(servers))
        channel = self._channel = connection.createDataChannel(
            "presence", negotiated=True, id=0, ordered=False, maxRetransmits=0
        )
        channel.on("open", self._opened)
        channel.on("message", self._heard)
        channel.on("close", lambda: self._closed(connection))
        if match.media["role"] == "impolite":  # who makes every offer
            self._work.put_nowait(lambda: self._offer(connection))

    def _drop(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            self._work.put_nowait(connection.close)

    def _closed(self, connection: RTCPeerConnection) -> None:
        """Whoever reloads says hello with a new page; who is still there must be told that we start anew."""
        if connection is self._connection:
            self._drop()
            self._signal({"bye": True})
            self._hello()

    async def _offer(self, connection: RTCPeerConnection) -> None:
        if connection is self._connection:
            await connection.setLocalDescription(await connection.createOffer())
            self._announce(connection)

    async def _describe(self, connection: RTCPeerConnection | None, description: Mapping[str, str]) -> None:
        if connection is None or connection is not self._connection:
            return
        await connection.setRemoteDescription(RTCSessionDescription(description["sdp"], description["type"]))
        if description["type"] != "offer":
            return
        for transceiver in connection.getTransceivers():
            transceiver.direction = "inactive"  # we neither show nor look
        await connection.setLocalDescription(await connection.createAnswer())
        self._announce(connection)

    async def _candidate(self, connection: RTCPeerConnection | None, given: Mapping[str, Any]) -> None:
        if connection is None or connection is not self._connection or connection.remoteDescription is None:
            return
        candidate = candidate_from_sdp(str(given["candidate"]).removeprefix("candidate:"))
        candidate.sdpMid, candidate.sdpMLineIndex = given.get("sdpMid"), given.get("sdpMLineIndex")
        await connection.addIceCandidate(candidate)

    def _announce(self, connection: RTCPeerConnection) -> None:
        if connection is self._connection:
            local = connection.localDescription
            self._signal({"description": {"type": local.type, "sdp": local.sdp}})

    # --- the pings -----------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            if self._match is None:
                continue
            now = self._clock.monotonic()
            if self._silence.tick(now):
                self._become(MediaWord.SILENT)
            if self._connection is None and now >= self._hello_at:
                self._hello()
            self._ping()

    def _opened(self) -> None:
        self._first = self._sent + 1
        self._ping()

    def _heard(self, message: str | bytes) -> None:
        said = json.loads(message)
        self._silence.heard(self._clock.monotonic())
        if "ping" in said:
            self._say({"pong": said["ping"]})
            if self._word is MediaWord.SILENT:
                self._become(None)
        elif self._sent >= said["pong"] >= self._first:
            self._become(MediaWord.OPEN, fresh=self._first > 0)
            self._first = 0  # of this channel, the first answer is known
            if self._asked is not None and said["pong"] >= self._asked and self._match and self._listener:
                self._asked = None
                self._listener.vouched(self._match.match)

    def _ping(self) -> None:
        self._sent += 1
        self._say({"ping": self._sent, **ME})

    def _say(self, words: Mapping[str, Any]) -> None:
        if self._channel is not None and self._channel.readyState == "open":
            self._channel.send(json.dumps(words))

    def _become(self, word: MediaWord | None, *, fresh: bool = False) -> None:
        if self._match and self._listener and (fresh or word is not self._word):
            self._word = word
            self._listener.media_said(self._match.match, word)

    # --- to the partner's page, by way of the server -----------------------------------------

    def _hello(self) -> None:
        self._hello_at = self._clock.monotonic() + HELLO_S
        self._signal({"hello": True})

    def _signal(self, body: Mapping[str, Any]) -> None:
        if self._match and self._listener:
            to = {"to": self._partner} if self._partner else {}
            self._listener.signal(self._match.match, {**to, **body})


def _server(given: Mapping[str, Any]) -> dict[str, Any]:
    """An `RTCIceServer` as the server hands it out; `aiortc` knows these fields."""
    return {name: given[name] for name in ("urls", "username", "credential") if name in given}
