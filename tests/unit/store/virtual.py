"""An event loop whose time jumps to the next instant at which something happens: hours pass in a second.

Real tasks, timers and time limits run on it; nothing that needs a socket does.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Jumping(selectors.SelectSelector):
    """Instead of waiting, it says that the time is over."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass that would have been waited for."""
        if timeout is None:
            raise AssertionError("everybody waits, and nothing will ever happen")
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop, and its clock."""

    def __init__(self) -> None:
        self._jumping = Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds that pass only while everybody waits."""
        return self._jumping.now


def now() -> float:
    """The time of the loop that runs."""
    return asyncio.get_running_loop().time()


def play(scene: Coroutine[Any, Any, T]) -> T:
    """Run a scene to its end, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scene)
