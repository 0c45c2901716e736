"""The host application's own names of people, kept for the events that it hears of.

A person's id is a hash of issuer and subject. The store is told both as the person begins to look for a
partner, once a day in each process. Of guests there is nothing to keep.
"""

import time
from collections.abc import Awaitable, Callable

from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import PersonId

REMEMBERED = 16_384
"""People of whom a process remembers that the store was told; about 2 MB."""
AGAIN_S = 86_400.0
"""A store that lost the name has it again after this time."""


async def _nowhere(person: PersonId, issuer: str, subject: str) -> None:
    """Keep nothing."""


class Subjects:
    """What one process has told the store.

    Example::

        subjects = Subjects(machine.events.name)
        await subjects.keep(session)
    """

    def __init__(
        self,
        name: Callable[[PersonId, str, str], Awaitable[None]] = _nowhere,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._monotonic_s = monotonic_s
        self._told: dict[str, float] = {}

    async def keep(self, session: Session) -> None:
        """The store knows whom the host application's token names. Raises the store's errors."""
        now = self._monotonic_s()
        if session.is_guest or self._told.get(session.person, -AGAIN_S) > now - AGAIN_S:
            return
        await self._name(PersonId(session.person), session.issuer, session.subject)
        if len(self._told) >= REMEMBERED:
            del self._told[next(iter(self._told))]
        self._told.pop(session.person, None)
        self._told[session.person] = now
