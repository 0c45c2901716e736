"""Rooms in which a person may be alone: named by webhooks and listings, checked by the watchdog.

Nothing is taken as a fact, so order and repetition do not matter: an entry only says where to look.
"""

import asyncio
from collections.abc import Mapping

from duologue.media.livekit.webhooks import Fact

MOST = 1000
"""Matches kept; what is told of more is dropped, for the next listing finds them again."""
FACTS_A_MATCH = 8


class Suspects:
    """What was told and has not been looked at yet."""

    def __init__(self) -> None:
        self.attention = asyncio.Event()
        """Set while there is something to look at soon."""
        self._told: dict[str, list[Fact]] = {}

    def add(self, match: str, fact: Fact | None = None) -> None:
        """Look at this match's room; ``fact``: LiveKit said so, which makes it urgent."""
        if match not in self._told and len(self._told) >= MOST:
            return
        facts = self._told.setdefault(match, [])
        if fact is not None:
            if fact.id not in [each.id for each in facts] and len(facts) < FACTS_A_MATCH:
                facts.append(fact)
            self.attention.set()

    @property
    def count(self) -> int:
        """How many matches wait for a look."""
        return len(self._told)

    def take(self, most: int) -> Mapping[str, list[Fact]]:
        """The oldest of them; they are the caller's to look at."""
        taken = {match: self._told.pop(match) for match in list(self._told)[:most]}
        if not self._told:
            self.attention.clear()
        return taken
