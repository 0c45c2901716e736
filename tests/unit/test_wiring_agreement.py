"""A server that stops does not wait for a store that hangs."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from duologue import wiring_agreement
from duologue.identity.keyring import Keyring
from duologue.lane import Lane
from duologue.pairing.machine import Machine
from duologue.pairing.scripts import Script
from duologue.pairing.vocabulary import ProcessId
from duologue.settings import Settings
from duologue.store.client import StoreUnavailable
from duologue.wiring_agreement import Agreement


class Runner:
    """A store that hangs, or is away."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | int | bytes],
        *,
        lane: Lane = Lane.INTERACTIVE,
    ) -> Any:
        """Raise the error, or never answer."""
        if self.error:
            raise self.error
        await asyncio.Event().wait()


@pytest.mark.parametrize("error", [None, StoreUnavailable("away")])
async def test_a_stop_does_not_wait_for_the_store(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings stay in the store then, and count no more once the process has ended."""
    monkeypatch.setattr(wiring_agreement, "QUIT_S", 0.01)
    agreement = Agreement(Settings(), Keyring.parse("s" * 32), Machine(Runner(error)), ProcessId("s1"))
    async with asyncio.timeout(10):
        await agreement.quit()
