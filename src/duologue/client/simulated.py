"""Media without pictures: bots whose pings go through an exchange, and every way in which that can fail."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duologue.client.clock import Clock, SystemClock
from duologue.client.media import MediaListener
from duologue.client.silence import TICK_S, Silence
from duologue.client.vocabulary import Match, MediaWord


@dataclass(frozen=True, slots=True)
class Ping:
    """On its way over the simulated connection; ``pong``: an answer to that number."""

    n: int
    pong: bool
    channel: int
    """The sender's channel: a new page, or a new match, has a new one."""


class Exchange:
    """The network between bots of one process: who is in which match, and delivery at once."""

    def __init__(self) -> None:
        self._there: dict[str, list[SimulatedMedia]] = {}
        self._channels = itertools.count(1)

    def new_channel(self) -> int:
        """Return a channel that was never used."""
        return next(self._channels)

    def enter(self, match: str, media: "SimulatedMedia") -> None:
        """Make a channel reachable under that match."""
        self._there.setdefault(match, []).append(media)

    def leave(self, match: str, media: "SimulatedMedia") -> None:
        """Make it unreachable."""
        there = self._there.get(match, [])
        if media in there:
            there.remove(media)
        if not there:
            self._there.pop(match, None)

    def send(self, match: str, sender: "SimulatedMedia", ping: Ping) -> None:
        """Send to the other side."""
        for media in tuple(self._there.get(match, ())):
            if media is not sender:
                media.receive(ping)


class SimulatedMedia:
    """One bot's media. The four switches may be turned at any time.

    ``up``: its network; off, nothing comes in or goes out. ``deaf``: nothing comes in (race R17).
    ``frozen``: as ``up`` off, and its own clock stands still. ``fails``: the connection will not come.
    """

    def __init__(self, exchange: Exchange, clock: Clock | None = None) -> None:
        self.up = True
        self.deaf = False
        self.frozen = False
        self.fails = False
        self.word: MediaWord | None = None
        self._exchange = exchange
        self._clock = clock or SystemClock()
        self._listener: MediaListener | None = None
        self._match = ""
        self._silence = Silence(0.0)
        self._sent = 0
        self._asked: int | None = None
        self._channel = self._theirs = 0

    def bind(self, listener: MediaListener) -> None:
        """Set the listener."""
        self._listener = listener

    def enter(self, match: Match) -> None:
        """Enter the match and send the first ping."""
        self.leave()
        self._match, self.word, self._sent, self._asked = match.match, None, 0, None
        self._channel, self._theirs = self._exchange.new_channel(), 0
        self._silence = Silence(self._clock.monotonic())
        self._exchange.enter(self._match, self)
        self._try()

    def leave(self) -> None:
        """Leave the match."""
        if self._match:
            self._exchange.leave(self._match, self)
        self._match = ""

    def ask(self) -> None:
        """Ping; ``vouched`` follows when this ping or a later one is answered."""
        self._asked = self._sent + 1
        self._ping()

    def hear(self, data: Mapping[str, Any]) -> None:
        """Do nothing: this media needs no signals."""

    async def run(self) -> None:
        """Tick every half second."""
        while True:
            await self._clock.sleep(TICK_S)
            self.tick()

    def tick(self) -> None:
        """Ping, and count the silence."""
        if not self._match or self.frozen:
            return
        if self._silence.tick(self._clock.monotonic()) and self.word is not MediaWord.FAILED:
            self._become(MediaWord.SILENT)
        self._try()

    def receive(self, ping: Ping) -> None:
        """Take a ping or pong of the partner."""
        if self.frozen or self.deaf or not self.up or self.fails:
            return
        self._silence.heard(self._clock.monotonic())
        if not ping.pong:
            self._send(ping.n, pong=True)
            if self.word is MediaWord.SILENT:
                # They are heard, so `silent` would be wrong; whether they hear us, only a pong tells.
                self._become(None)
        elif ping.n <= self._sent:
            # A partner's new page is a new connection: it is said again though the word is the same.
            fresh, self._theirs = ping.channel != self._theirs, ping.channel
            self._become(MediaWord.OPEN, fresh=fresh)
            if self._asked is not None and ping.n >= self._asked and self._listener:
                self._asked = None
                self._listener.vouched(self._match)

    def _try(self) -> None:
        if self.fails:
            self._become(MediaWord.FAILED)
        else:
            self._ping()

    def _ping(self) -> None:
        self._sent += 1
        self._send(self._sent, pong=False)

    def _send(self, n: int, *, pong: bool) -> None:
        if self._match and self.up and not self.frozen and not self.fails:
            self._exchange.send(self._match, self, Ping(n, pong, self._channel))

    def _become(self, word: MediaWord | None, *, fresh: bool = False) -> None:
        if (fresh or word is not self.word) and self._listener:
            self.word = word
            self._listener.media_said(self._match, word)
