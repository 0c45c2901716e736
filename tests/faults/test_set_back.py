"""A store set back under a conversation, and then told as much as it forgot: by numbers nothing happened."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from duologue.client import Model, reducer
from duologue.client.http import http_session
from duologue.client.model import Step
from duologue.client.vocabulary import Frame
from tests.faults.house import House, house
from tests.faults.people import Person, Town

pytestmark = pytest.mark.timeout(120)

SAID = 3
"""How many messages are lost, and sent again."""
WITHIN_S = 10


class Ear:
    """What a page's media adapter is given."""

    def __init__(self, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        self.heard: list[str] = []
        self.all_of_it = asyncio.Event()
        monkeypatch.setattr(person.media, "hear", self._hear)

    def _hear(self, data: Mapping[str, Any]) -> None:
        self.heard.append(data["candidate"]["candidate"])
        if len(self.heard) == SAID:
            self.all_of_it.set()


def lines(person: Person) -> list[str]:
    """On screen, without the words of every length."""
    return [message.text.partition(":")[0] for message in person.client.model.chat.messages]


async def tell(person: Person, what: str) -> None:
    """So many lines and as many signals, whatever becomes of the store meanwhile."""
    for n in range(SAID):
        while not await person.say(f"{what} {n}"):
            pass
        person.client.signal(person.match, {"candidate": {"candidate": f"{what} {n}"}})


async def set_back(made: House, copy: bytes) -> None:
    """The copy is all that the store has."""
    await made.store.kill()
    made.store.restore(copy)
    await made.store.start()


async def heard_after_a_set_back(
    transports: str, monkeypatch: pytest.MonkeyPatch, heard_within_s: float = WITHIN_S
) -> list[str]:
    """What reached one's media adapter after the copy; both screens are as the store is."""
    options = ("--transports", transports)
    async with (
        house(durable=False, options=options) as made,
        http_session() as http,
        Town(made, http).inhabited() as town,
    ):
        one, two = await town.couple("main")
        ear = Ear(one, monkeypatch)
        assert await one.say("kept")
        copy = await made.store.copy()
        await tell(two, "lost")
        await one.client.until(lambda model: model.signal_n == SAID and len(lines(one)) == 1 + SAID, WITHIN_S)
        ear.heard.clear()
        ear.all_of_it.clear()
        await set_back(made, copy)
        await tell(two, "anew")
        whole = ["kept", *(f"anew {n}" for n in range(SAID))]
        for person in (one, two):
            await person.client.until(lambda _, who=person: lines(who) == whole, WITHIN_S)  # type: ignore[misc]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(heard_within_s):
                await ear.all_of_it.wait()
        return sorted(ear.heard)


@pytest.mark.parametrize("transports", ["sse", "poll"])
async def test_as_much_is_said_anew_as_was_lost(transports: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Race E8: both screens show what the store has, and a call that is negotiated again gets through."""
    assert await heard_after_a_set_back(transports, monkeypatch) == [f"anew {n}" for n in range(SAID)]


async def test_a_client_that_goes_by_numbers_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the numbers of the lost signals were given out again, and it takes them for heard."""
    hear = reducer._signal

    def by_number(model: Model, frame: Frame) -> Step:
        return hear(replace(model, signal_at_ms=frame.at_ms), frame)

    monkeypatch.setattr(reducer, "_signal", by_number)
    assert await heard_after_a_set_back("sse", monkeypatch, heard_within_s=2) == []
