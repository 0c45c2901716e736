"""One call to the store, from being asked for to its answer."""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from duologue.lane import Lane
from duologue.store.errors import StoreError


class Script(Protocol):
    """What is run: ``pairing.scripts.Script``."""

    @property
    def name(self) -> str:
        """For errors."""

    @property
    def source(self) -> bytes:
        """Sent only where the store does not know the script yet."""

    @property
    def sha1(self) -> str:
        """The store's name for it."""


@dataclass(slots=True, eq=False)
class Call:
    """What is asked of the store, and the future by which its caller waits."""

    name: str
    script: Script | None
    packed: bytes
    answer: asyncio.Future[Any]
    lane: Lane
    asked_at: float
    """Monotonic seconds, as ``late_at``."""
    late_at: float = math.inf
    """When its caller gives up; infinite: the caller waits until it is answered, or its connection ends."""
    is_sent: bool = False
    """The call may run, or have run, from now on; the wait for its answer does not end that."""

    @property
    def is_over(self) -> bool:
        """Whether it was answered, failed, or given up by its caller."""
        return self.answer.done()

    def succeed(self, reply: Any) -> None:
        """Hand the reply to the caller, unless the caller gave up."""
        if not self.answer.done():
            self.answer.set_result(reply)

    def fail(self, error: StoreError) -> None:
        """Raise the error at the caller, unless the caller gave up."""
        if not self.answer.done():
            self.answer.set_exception(error)


def fail_all(calls: Iterable[Call], error: StoreError) -> None:
    """Fail each call with a copy: one exception raised in several tasks would collect all tracebacks."""
    for call in calls:
        call.fail(type(error)(*error.args))
