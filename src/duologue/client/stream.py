"""One event stream, opened once and read to its end."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from http import HTTPStatus

from duologue.client.api import refusal
from duologue.client.clock import Clock
from duologue.client.errors import Refused, Unreached
from duologue.client.fallback import End
from duologue.client.sse import BadStream, Event, Parser
from duologue.client.transport import Answer, ByteStream

QUIET_S = 20.0
"""Heartbeats come every 15 s, so a stream without anything for this long is dead."""

Opening = AbstractAsyncContextManager[ByteStream]


async def read_stream(
    opening: Opening, parser: Parser, clock: Clock, *, first_s: float, take: Callable[[Event], bool]
) -> End:
    """Read until ``take`` returns ``False`` or the stream ends. The first event has to come within
    ``first_s``.

    Raises nothing. The socket is closed afterwards, also after a cancellation.
    """
    heard = False
    try:
        async with AsyncExitStack() as stack:
            async with clock.timeout(first_s):
                stream = await stack.enter_async_context(opening)
                if stream.status != HTTPStatus.OK:
                    raise refusal(Answer(stream.status, await stream.read()))
                events = await stack.enter_async_context(aclosing(_events(stream, parser, clock)))
                event = await anext(events, None)
            heard = event is not None
            while event is not None and take(event):
                event = await anext(events, None)
    except Refused as refused:
        return End(refused.status, refused.retry_after_s)
    except TimeoutError:
        return End(held_back=not heard)
    except (Unreached, BadStream):
        return End()
    return End()


async def _events(stream: ByteStream, parser: Parser, clock: Clock) -> AsyncGenerator[Event, None]:
    while True:
        async with clock.timeout(QUIET_S):
            data = await stream.read()
        if not data:
            return
        for event in parser.feed(data):
            yield event
