"""Negative controls: each guard of polling switched off, and what it prevents is there."""

import asyncio
from typing import Any

import pytest

from duologue.delivery import polls
from duologue.delivery.connection import Connection
from duologue.delivery.poll import Asked, Asking, Poll
from duologue.delivery.polls import LINGER_S, Polls
from duologue.delivery.resync import Resync
from duologue.pairing.vocabulary import LastRead, PageId, PersonId
from tests.unit.delivery.fakes import Scene, attached, settle
from tests.unit.delivery.test_polls import WAITS, at_work, connection_of, met, poll, published, signal


async def test_without_holding_back_news_is_lost(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Race E5: what is published during a poll's attach is overwritten by the attach's older answer."""
    begin = Poll.begin

    def without(self: Poll, asking: Asking) -> None:
        begin(self, asking)
        self._held = None

    monkeypatch.setattr(Poll, "begin", without)
    async with at_work(scene):
        await met(scene)
        answer = asyncio.Event()
        scene.machine.answers["attach"] = [answer, attached(10)]
        waiting = await poll(scene)
        scene.hub.deliver(published(scene, 11))
        answer.set()
        await settle()
        assert waiting.found is None, "told nothing, for up to 15 s"


async def test_with_a_connection_a_poll_nobody_is_let_go(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each poll would be a new arrival, and replace the one before: no connection lives between two polls."""

    def anew(self: Polls, person: PersonId, page: PageId, alias: str) -> Poll:
        self._by_page.clear()
        return found(self, person, page, alias)

    found = Polls._of
    monkeypatch.setattr(Polls, "_of", anew)
    async with at_work(scene):
        await met(scene)
        await met(scene)
        assert len({call[1] for call in scene.machine.named("attach")}) == 2
        await scene.clock.turn(LINGER_S - 0.1)
        assert scene.contact.polls_here == 2, "one person, counted twice"


async def test_without_counting_polls_an_old_absence_ends_a_new_presence(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Back after 2.5 s, gone again at once: the first absence's end falls due 0.5 s later."""

    def uncounted(self: Poll, asking: Asking) -> None:
        asks(self, asking)
        self.polls = 0

    asks = Poll.ask
    monkeypatch.setattr(Poll, "ask", uncounted)
    async with at_work(scene):
        await met(scene)
        await scene.clock.turn(2.5)
        await met(scene)
        await scene.clock.turn(1)
        assert len(scene.machine.named("detach")) == 1


async def test_without_looking_for_lateness_a_pause_of_ours_makes_everybody_away(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their polls wait in the sockets while we close their connections."""
    monkeypatch.setattr(polls, "LATE_S", 1e9)
    async with at_work(scene):
        await met(scene)
        await scene.clock.turn(10, step=10)
        assert len(scene.machine.named("detach")) == 1


async def test_if_any_poll_could_end_an_absence_the_older_one_would(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older of two polls is answered, and begins an absence of a page that is waiting."""

    def any_of_them(self: Poll, asking: Asking) -> bool:
        leaves(self, asking)
        self.asking = None
        return True

    leaves = Poll.leave
    monkeypatch.setattr(Poll, "leave", any_of_them)
    async with at_work(scene):
        await met(scene)
        await poll(scene)
        waiting = await poll(scene)
        await scene.clock.turn(LINGER_S + 0.5)
        assert waiting.found is None
        assert len(scene.machine.named("detach")) == 1


async def test_without_the_owed_answer_a_fallen_back_store_goes_unseen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Race E35: the version is the same, the poll waits on, and the page does not say ``open``."""

    def quietly(self: Poll, *args: Any) -> None:
        Connection.attach_answered(self, *args)
        self._look(self.asking)

    monkeypatch.setattr(Poll, "attach_answered", quietly)
    async with at_work(scene):
        await met(scene)
        waiting = await poll(scene)
        scene.contact.suspect("feed")
        scene.machine.answers["reattach"] = [[attached(10)]]
        await Resync(scene.hub).everybody()
        await settle()
        assert waiting.found is None


async def test_signals_of_another_match_would_be_taken_for_read(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers begin again with each match: by number alone, the next partner's first signals are skipped."""

    def by_number(self: Poll, asked: Asked) -> list[Any]:
        return [note for note in self._signals if note.n > asked.signals_after]

    monkeypatch.setattr(Poll, "_unread_signals", by_number)
    scene.machine.answers["attach"] = [attached(10, "m_2", [], [signal(1), signal(2)])]
    async with at_work(scene):
        asked = WAITS._replace(version=9, after=LastRead("m_1", 4), signals_after=5)
        assert (await poll(scene, asked)).reply()["signals"] == []
        assert connection_of(scene)
