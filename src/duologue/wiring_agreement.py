"""All servers of one store sign with keys that the others accept, and have the same pools.

A server with another key would turn away people whom the others let in, and one with other pools would refuse
joins that the others accept. Each server would look healthy.
"""

import asyncio
import contextlib
import os
import socket

from duologue.identity.keyring import Keyring
from duologue.pairing.machine import Machine
from duologue.pairing.vocabulary import Differs, ProcessId
from duologue.settings import Settings, SettingsError
from duologue.store.client import StoreError

WHAT_TO_DO = (
    "Use the same, or start with --rolling-change if you are changing it on one server after the other"
)

QUIT_S = 0.5
"""A store that hangs must not hold up a stop."""


class Agreement:
    """What one process says to the others of its store about its settings."""

    def __init__(self, settings: Settings, keys: Keyring, machine: Machine, process: ProcessId) -> None:
        self._rolls = settings.rolling_change
        self._pools = ",".join(settings.pools)
        self._marks = keys.marks()
        self._machine = machine
        self._process = process
        self._called = ""

    async def enter(self, port: int) -> None:
        """Note the settings for the others. Raises ``SettingsError`` if another server has others."""
        self._called = f"{socket.gethostname()}:{port} (process {os.getpid()})"
        if found := await self._noted(rolls=self._rolls):
            raise SettingsError(self._in_words(found))

    async def repeat(self) -> None:
        """Note the settings once more: the store may have lost them. Raises ``StoreError``."""
        await self._noted(rolls=True)

    async def quit(self) -> None:
        """Take the settings back if the store answers soon; else later servers find that we are gone."""
        with contextlib.suppress(StoreError, TimeoutError):
            async with asyncio.timeout(QUIT_S):
                await self._machine.quit(self._process)

    async def _noted(self, *, rolls: bool) -> Differs | None:
        return await self._machine.enter(self._process, self._called, self._pools, self._marks, rolls=rolls)

    def _in_words(self, found: Differs) -> str:
        there = f"{found.called} on the same store. {WHAT_TO_DO}"
        if found.what == "secret":
            return f"DUOLOGUE_SECRET differs between this server and {there}"
        return f"--pools differs: {self._pools} here, and {found.pools} in {there}"
