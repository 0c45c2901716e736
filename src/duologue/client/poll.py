"""Polls one after the other, read as the frames that a stream would bring."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from duologue.client.backoff import full_jitter
from duologue.client.clock import Clock
from duologue.client.errors import Refused, Unreached
from duologue.client.fallback import End
from duologue.client.vocabulary import Frame, PersonState, PollReply

WAIT_S = 15.0
"""The longest wait of a poll that the server allows."""
ANSWER_S = 5.0
"""A poll without an answer for this long beyond its wait is dead."""
EMPTY_BASE_S = 0.25
"""Pause after a poll that was answered early and brought nothing, so that there is no loop."""
EMPTY_CAP_S = 2.0


@dataclass(frozen=True, slots=True)
class Known:
    """What the page has already, so that it is not sent again."""

    version: int | None
    match: str
    signal_n: int
    signal_at_ms: int
    """The last signal of ``match`` that was read."""
    after: str = ""
    """``<match>:<n>:<at_ms>`` of the last message, or empty."""

    def outnumbers(self, state: PersonState) -> bool:
        """Return whether it has more messages than there are: then the store fell back."""
        if state.match is None or not self.after.startswith(f"{state.match.match}:"):
            return False
        return int(self.after.split(":")[1]) > state.match.messages.last

    @property
    def query(self) -> str:
        """Return the query of a poll."""
        fields: dict[str, str | int] = {}
        if self.version is not None:
            fields = {"version": self.version, "wait_ms": round(WAIT_S * 1000)}
        # Both numbers are of the match that `after` names: of another one the server tells everything.
        same = not self.match or self.after.startswith(f"{self.match}:")
        if not same or self.after:
            fields["after"] = self.after if same else f"{self.match}:0"
        if self.match and self.signal_n > 0:
            fields["signals_after"] = f"{self.signal_n}:{self.signal_at_ms}"
        return urlencode(fields)


Ask = Callable[[str, float], Awaitable[PollReply]]
"""Send a query, and give it up after so many seconds. Raises ``Refused`` and ``Unreached``."""


async def poll_on(
    page: str,
    ask: Ask,
    known: Callable[[], Known],
    clock: Clock,
    *,
    random: Callable[[], float],
    take: Callable[[Frame], bool],
    goes_on: Callable[[], bool],
) -> End | None:
    """Poll until a poll is refused or not answered; ``None``: ``take`` or ``goes_on`` returned ``False``.

    The first poll has no version and is answered at once; its answer counts as a snapshot, because every
    connection begins with one. Raises nothing.
    """
    reader, first, empty = PollReader(), True, 0
    while True:
        had = replace(known(), version=None) if first else known()
        began_s = clock.monotonic()
        try:
            query = f"page={page}&{had.query}".rstrip("&")
            reply = await ask(query, ANSWER_S if first else ANSWER_S + WAIT_S)
        except Refused as refused:
            return End(refused.status, refused.retry_after_s, code=refused.code)
        except Unreached:
            return End()
        if not all(take(frame) for frame in reader.read(reply, had, known().version)) or not goes_on():
            return None
        early = clock.monotonic() - began_s < WAIT_S - ANSWER_S
        empty = empty + 1 if early and _brought_nothing(reply, had) else 0
        if empty:
            pause_s = full_jitter(empty - 1, base_s=EMPTY_BASE_S, cap_s=EMPTY_CAP_S, random=random)
            await clock.sleep(pause_s)
        first = False


class PollReader:
    """Turns answers into frames, so that the rest of the client is the same for both transports."""

    def __init__(self) -> None:
        self._ended = ""

    def read(self, reply: PollReply, had: Known, version: int | None) -> Iterator[Frame]:
        """Return the frames of an answer; ``version``: what the page has by now."""
        if reply.taken_over or reply.state is None:
            yield Frame("taken-over", reply.now_ms)
            return
        yield from self._told(reply.state, had, version)
        kind = "snapshot" if _is_snapshot(reply, reply.state.version, had, version) else "state"
        yield Frame(
            kind,
            reply.now_ms,
            state=reply.state,
            people_online=reply.people_online,
            transports=reply.transports,
        )
        if reply.state.match is None:
            return
        match = reply.state.match.match
        for line in reply.messages:
            yield Frame("message", line.at_ms, match=match, n=line.n, sender=line.sender, text=line.text)
        for signal in reply.signals:
            yield Frame("peer-signal", signal.at_ms, match=match, n=signal.n, data=signal.data)

    def _told(self, state: PersonState, had: Known, version: int | None) -> Iterator[Frame]:
        """Return the time of an end that came by poll. "Told" is measured from the instant of the end, not
        of the answer."""
        ended = state.ended
        news = had.version is not None and state.version > (version or 0)
        if ended and ended.match != self._ended and news:
            yield Frame("force-disconnect", ended.at_ms, state=state, match=ended.match, reason=ended.reason)
        self._ended = ended.match if ended else ""


def _is_snapshot(reply: PollReply, answered: int, had: Known, version: int | None) -> bool:
    """Return whether the answer counts as a snapshot: all do, except one with only messages or signals, and
    one that is late.

    Late: its version is lower than what a command brought while the poll waited. A version lower than the
    poll's own, or fewer messages, show a store that fell back.
    """
    if had.version is None or answered < had.version or (reply.state and had.outnumbers(reply.state)):
        return True
    if answered == had.version:
        return _brought_nothing(reply, had) and answered == version
    return version is None or answered >= version


def _brought_nothing(reply: PollReply, had: Known) -> bool:
    same = reply.state is not None and reply.state.version == had.version
    return same and not reply.messages and not reply.signals
