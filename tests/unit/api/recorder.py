"""The real ``Machine`` over a store that only takes notes: what reaches the scripts, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from duologue.lane import Lane
from duologue.pairing.scripts import Script
from duologue.pairing.vocabulary import Outcome
from duologue.store.client import StoreFull

IDLE = {
    "state": "idle",
    "version": 1764000000123,
    "since_ms": 1764000000000,
    "intent": 0,
    "wish": "rest",
    "pool": "main",
    "idle_reason": "never",
}
MATCHED = {
    **{key: IDLE[key] for key in ("version", "since_ms", "pool")},
    "state": "matched",
    "intent": 5,
    "wish": "talk",
    "match": {
        "match": "m_1",
        "started_at_ms": 1764000000000,
        "partner": {"alias": 'quote " and {brace}', "away_until_ms": None},
        "media": {"kind": "peer", "role": "polite"},
        "messages": {"first": 1, "last": 0},
    },
}


@dataclass
class Recorder:
    """A script runner. ``calls``: script name and arguments, without the machine's own first three.

    ``words``: what scripts answer that answer something other than ``word``. ``full``: those for which the
    store's memory is full.
    """

    word: str = Outcome.OK
    words: dict[str, str] = field(default_factory=dict)
    full: frozenset[str] = frozenset()
    state: dict[str, Any] = field(default_factory=lambda: dict(IDLE))
    n: int = 7
    error: Exception | None = None
    calls: list[tuple[str, list[str | int | bytes]]] = field(default_factory=list)

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | int | bytes],
        *,
        lane: Lane = Lane.INTERACTIVE,
    ) -> list[Any]:
        """Note the call, and answer as a script would."""
        assert len(keys) == 1
        self.calls.append((script.name, list(args[3:])))
        if self.error:
            raise self.error
        if script.name in self.full:
            raise StoreFull(script.name)
        return [self.words.get(script.name, self.word).encode(), msgspec.json.encode(self.state), [], self.n]


class NoEvents:
    """In place of the event stream, which has tests of its own; serves one empty answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Response()(scope, receive, send)
