"""Text that ran out leaves the files of the embedded store too: its append-only file is rewritten by time.

The store appends every write, so a message stays in its files after it ran out, until they are rewritten from
what the store still holds. Valkey does that by size alone. Here it is done by time as well.

The time of the base file is the time of the last rewrite. So a restart, of the store or of a server, forgets
nothing, and servers that share a folder do not rewrite one after the other.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from duologue.store.errors import StoreError
from duologue.store.link import Address, Link, pack

log = structlog.get_logger(__name__)

LOOK_MAX_S = 30.0
"""How often the files are looked at, at least: two calls of ``stat`` and no more, unless a rewrite is due."""
CONNECT_S = 1.0
ANSWER_S = 10.0
REWRITE_S = 600.0
"""How long to wait for a rewrite to end. After that the next look starts again."""
POLL_S = 0.05
KEYS_A_STEP = 1_000
APPENDED = "appendonlydir"
UNDER_WAY = re.compile(rb"^aof_rewrite_(?:in_progress|scheduled):1", re.MULTILINE)


class RewriteError(StoreError):
    """A rewrite could not be done: it is tried again at the next look."""


class Rewriting:
    """The files of one embedded store. ``is_due`` and ``rewrite`` are the two halves of a look.

    Example::

        rewriting = Rewriting(folder, url, period_s=900)
        if rewriting.is_due():
            await rewriting.rewrite()
    """

    def __init__(
        self, folder: Path, url: str, *, period_s: float, now_s: Callable[[], float] = time.time
    ) -> None:
        """``folder``: where the store keeps its files. ``now_s``: the wall clock, other than in tests."""
        self._folder = folder
        self._files = folder / APPENDED
        self._url = url
        self._period_s = period_s
        self._now_s = now_s

    @property
    def look_s(self) -> float:
        """Return the time between two looks."""
        return min(LOOK_MAX_S, self._period_s / 4)

    def is_due(self) -> bool:
        """Return whether the last rewrite was a period ago and something was written since.

        What runs out is written as well, as a deletion: the store may have been idle otherwise.
        """
        try:
            base_s = max(f.stat().st_mtime for f in self._files.glob("*.base.*"))
            written = any(f.stat().st_size for f in self._files.glob("*.incr.*"))
        except (OSError, ValueError):  # there is no file yet, or one was replaced at this moment
            return False
        # A base file of the future is one from before the clock was set back.
        return written and not 0 <= self._now_s() - base_s < self._period_s

    async def rewrite(self) -> None:
        """Delete from the store what ran out, and rewrite its files. Can be repeated.

        Raises ``StoreError``. Cancelled, the store goes on rewriting.
        """
        began_s = self._now_s()
        link = await Link.open(Address(self._url), CONNECT_S)
        try:
            async with asyncio.timeout(REWRITE_S):
                await self._delete_what_ran_out(link)
                await self._write_anew(link)
        except TimeoutError as error:
            raise RewriteError("the store does not come to an end of it") from error
        finally:
            await link.close()
        self._remove_leftovers(began_s)

    async def _write_anew(self, link: Link) -> None:
        reply = await _ask(link, "BGREWRITEAOF")
        if isinstance(reply, Exception) and "in progress" not in str(reply):
            raise RewriteError(str(reply))
        while UNDER_WAY.search(found := await _persistence(link)):  # noqa: ASYNC110 # another process writes, not a task
            await asyncio.sleep(POLL_S)
        if b"aof_last_bgrewrite_status:ok" not in found:
            raise RewriteError("the store could not write its files; is the disk full?")

    def _remove_leftovers(self, before_s: float) -> None:
        """Remove what a rewrite left that was killed with its store: nothing else ever would."""
        for file in self._folder.glob("temp-*"):
            with contextlib.suppress(OSError):
                if file.stat().st_mtime < before_s:
                    file.unlink()

    async def _delete_what_ran_out(self, link: Link) -> None:
        """Visit every key: the store deletes what ran out when it comes upon it, and until then writes it."""
        cursor = b"0"
        while True:
            reply = await _ask(link, "SCAN", cursor, "COUNT", KEYS_A_STEP)
            if isinstance(reply, Exception):
                raise RewriteError(str(reply))
            cursor = reply[0]
            if cursor == b"0":
                return


async def repeat(rewriting: Rewriting) -> None:
    """Look and rewrite, until cancelled. A failure is logged once, and so is its end."""
    failing = False
    while True:
        await asyncio.sleep(rewriting.look_s)
        if not rewriting.is_due():
            continue
        try:
            await rewriting.rewrite()
        except StoreError as error:
            if not failing:
                log.warning("the embedded store's files are not rewritten", error=str(error))
            failing = True
        else:
            if failing:
                log.info("the embedded store's files are rewritten again")
            failing = False


async def _ask(link: Link, *command: str | int | bytes) -> Any:
    async with asyncio.timeout(ANSWER_S):
        await link.send(pack(*command))
        return await link.read()


async def _persistence(link: Link) -> bytes:
    reply = await _ask(link, "INFO", "persistence")
    if not isinstance(reply, bytes):
        raise RewriteError(str(reply))
    return reply
