"""One page's event stream, kept open: when it ends, falls quiet, or is sent elsewhere, it comes back."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from http import HTTPStatus

from duologue.client.api import Api, refusal
from duologue.client.backoff import full_jitter
from duologue.client.clock import Clock
from duologue.client.errors import Refused, Unreached
from duologue.client.model import Link
from duologue.client.session import Session
from duologue.client.sse import BadStream, Parser
from duologue.client.transport import Answer, ByteStream, Transport
from duologue.client.vocabulary import Frame, parse_frame

QUIET_S = 20.0
"""The server's heartbeat comes every 15 s whatever else was sent."""
RETRY_BASE_S = 0.5
"""Until a stream's ``retry:`` says otherwise. A partner waits 5 s: the first tries come quickly."""
RETRY_CAP_S = 4.0
"""Spares a server that is down for long."""

FINAL = {"taken-over": Link.TAKEN_OVER, "session-ended": Link.ENDED}


class Line:
    """The stream of one page id after another. ``on_frame`` and ``on_link`` are called in order."""

    def __init__(
        self,
        transport: Transport,
        api: Api,
        session: Session,
        clock: Clock,
        *,
        random: Callable[[], float],
        on_frame: Callable[[Frame], None],
        on_link: Callable[[Link], None],
    ) -> None:
        self._transport = transport
        self._api = api
        self._session = session
        self._clock = clock
        self._random = random
        self._on_frame = on_frame
        self._on_link = on_link
        self._link = Link.CLOSED
        self._last_id = ""
        self._retry_s = RETRY_BASE_S
        self._attempt = 0

    async def run(self, page: str) -> None:
        """Until another page has taken over or the session is over, as ``on_link`` says.

        Cancelled, the socket closes.
        """
        self._last_id, self._attempt = "", 0
        self._become(Link.CONNECTING)
        while True:
            found = await self._try(page)
            if isinstance(found, Link):
                self._become(found)
                return
            self._become(Link.AWAY)
            await self._clock.sleep(found)

    async def _try(self, page: str) -> Link | float:
        """Where the line ended for good, or in how many seconds to come back."""
        try:
            await self._session.ensure(self._api)
        except Refused as refused:
            return self._later() if refused.passing else Link.ENDED
        except Unreached:
            return self._later()
        try:
            async with AsyncExitStack() as stack:
                return await self._read(await self._open(stack, page))
        except Refused as refused:
            if refused.status == HTTPStatus.UNAUTHORIZED:
                self._session.refused()
            elif not refused.passing:
                return Link.ENDED
        except (Unreached, BadStream, TimeoutError):
            pass  # a stream that broke or fell quiet: come back
        return self._later()

    async def _open(self, stack: AsyncExitStack, page: str) -> ByteStream:
        async with self._clock.timeout(QUIET_S):
            opening = self._transport.stream(
                f"/v1/events?page={page}", token=self._session.token, last_event_id=self._last_id
            )
            stream = await stack.enter_async_context(opening)
            if stream.status != HTTPStatus.OK:
                raise refusal(Answer(stream.status, await stream.read()))
        return stream

    async def _read(self, stream: ByteStream) -> Link | float:
        parser = Parser(self._last_id)
        while True:
            async with self._clock.timeout(QUIET_S):
                data = await stream.read()
            if not data:
                return self._later()
            for event in parser.feed(data):
                self._last_id = event.id
                self._retry_s = (parser.retry_ms or 0) / 1000 or self._retry_s
                frame = parse_frame(event.data)
                found = self._take(frame) if frame else None
                if found is not None:
                    return found

    def _take(self, frame: Frame) -> Link | float | None:
        """What the frame means for the line; ``None``: it goes on."""
        if frame.type in FINAL:
            return FINAL[frame.type]
        if frame.type == "reconnect":
            return frame.after_ms / 1000
        if frame.type == "unavailable":
            self._become(Link.AWAY)
        else:
            self._attempt = 0
            self._become(Link.OPEN)
        self._on_frame(frame)
        return None

    def _later(self) -> float:
        self._attempt += 1
        return full_jitter(self._attempt - 1, base_s=self._retry_s, cap_s=RETRY_CAP_S, random=self._random)

    def _become(self, link: Link) -> None:
        if self._link is not link:
            self._link = link
            self._on_link(link)
