"""Limit repeated log lines: the first lines per minute are written, and of the others only their number.

A stranger can cause a line with each request (bytes that are not HTTP, an overloaded store), and could fill
a disk. Lines are counted together by their event, and errors by their traceback, so a new mistake in our
code is still seen in a flood of another one.
"""

import asyncio
import contextlib
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from structlog import DropEvent
from structlog.typing import EventDict

LINES = 10
"""How many lines of one kind are written in ``WINDOW_S``."""
OFTEN = 6_000
"""The same for the kinds that say ``often=True``: those about each conversation, at level debug."""
WINDOW_S = 60.0
KINDS = 256
"""How many kinds are counted separately in ``WINDOW_S``; all further ones count as one kind, so that memory
is bounded."""
OF_CHARS = 100
"""How much of a library's text a summary repeats."""
FRAMES = 32
DEPTH = 4
ERROR_LEVELS = ("error", "critical", "exception")

_VARIABLE = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)
"""What differs in texts that are otherwise the same: addresses of objects, numbers."""

Say = Callable[[str, str, str, int], None]
"""Write a summary: level, event, what it summarises, and how many lines."""


@dataclass(slots=True)
class _Count:
    level: str
    of: str
    since: float
    lines: int = 0
    most: int = LINES

    @property
    def more(self) -> int:
        return max(0, self.lines - self.most)


class Floods:
    """Count lines by their kind. Any thread may call it.

    A summary is written when its window ends: by a timer of the event loop in which a line was held back,
    with the next line, or by ``settle``.
    """

    def __init__(self, say: Say, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take the writer of summaries; ``say`` must not call this object."""
        self._say = say
        self._monotonic = monotonic
        self._counts: dict[Hashable, _Count] = {}
        self._lock = threading.Lock()
        self._timed = False

    def passes(self, key: Hashable, level: str, of: str, most: int = LINES) -> bool:
        """Count one more line; return whether it is to be written. ``most``: how many are, in a window."""
        self._say_over()
        with self._lock:
            if key not in self._counts and len(self._counts) >= KINDS:
                key, of = "others", "lines of other kinds"
            count = self._counts.setdefault(key, _Count(level, of, self._monotonic(), most=most))
            count.lines += 1
            first_held_back = count.lines == count.most + 1
        if first_held_back:
            self._set_timer()
        return count.lines <= count.most

    def settle(self) -> None:
        """Write the summaries that are due, and begin all counts again."""
        self._say_over(at_once=True)

    def _say_over(self, *, at_once: bool = False) -> None:
        now = self._monotonic()
        with self._lock:
            over = [key for key, count in self._counts.items() if at_once or now - count.since >= WINDOW_S]
            ended = [self._counts.pop(key) for key in over]
        for count in ended:
            if count.more:
                text = f"… and {count.more:,} more in {now - count.since:.0f} s"
                self._say(count.level, text, count.of, count.more)

    def _set_timer(self) -> None:
        with contextlib.suppress(RuntimeError):  # no event loop here: the next line says it
            if not self._timed:
                asyncio.get_running_loop().call_later(WINDOW_S, self._time_up)
                self._timed = True

    def _time_up(self) -> None:
        self._timed = False
        self._say_over()
        if any(count.more for count in list(self._counts.values())):
            self._set_timer()

    # --- where lines come by -----------------------------------------------------------------

    def of_ours(self, _logger: Any, method: str, event: EventDict) -> EventDict:
        """Drop a line of structlog's, or let it pass. A line with ``ours=True`` is a summary and always
        passes.

        Errors are counted by their traceback, because an identical one says nothing new.
        """
        is_ours = event.pop("ours", False)
        most = OFTEN if event.pop("often", False) else LINES
        error = _error_of(event.get("exc_info"))
        if is_ours and error is None:
            return event
        name = str(event.get("event", ""))
        key: Hashable = name
        if error is not None:
            key = (name, trace_of(error))
        elif method in ERROR_LEVELS:
            fields = {field: value for field, value in event.items() if field != "event"}
            key = (name, _VARIABLE.sub("#", str(fields)))
        if not self.passes(key, method, name, most):
            raise DropEvent
        return event

    def of_theirs(self, record: logging.LogRecord) -> bool:
        """Return whether a library's line is to be written: a filter for handlers."""
        level = record.levelname.lower()
        error = _error_of(record.exc_info)
        key: Hashable = (record.name, str(record.msg))
        if error is not None:
            key = (record.name, trace_of(error))
        elif record.levelno >= logging.ERROR or not record.args:
            # Made before it came here (asyncio does): the same text differs in numbers.
            key = (record.name, _VARIABLE.sub("#", record.getMessage()))
        return self.passes(key, level, str(record.msg)[:OF_CHARS])


def _error_of(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1] if isinstance(given[1], BaseException) else None
    return sys.exc_info()[1] if given else None


def trace_of(error: BaseException, depth: int = DEPTH) -> Hashable:
    """Return what identifies a traceback: the kinds of errors and the lines of code, without their
    messages."""
    causes = [each for each in (error.__cause__, error.__context__) if each is not None][:1]
    if isinstance(error, BaseExceptionGroup):
        causes += error.exceptions
    within = tuple(trace_of(each, depth - 1) for each in causes[:8]) if depth else ()
    return type(error).__qualname__, _lines_of(error.__traceback__), within


def _lines_of(trace: TracebackType | None) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    while trace is not None and len(found) < FRAMES:
        found.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return tuple(found)
