"""A program that slept, or was away for long, asks its person before the next stranger."""

from typing import Any

import pytest

from duologue.client.absence import AWAY_S, ENDED_MS, FORGOTTEN_MS
from duologue.client.client import Client
from duologue.client.model import FrameRead, Input, Link, LinkChanged, Model, NewPage, Pressed, Slept
from duologue.client.vocabulary import Wish
from tests.unit.client.fakes import EPOCH_MS, FakeClock, FakeServer, frame, matched, settle, state
from tests.unit.client.test_reducer import Page, names

AWAY = state(version=50, intent=EPOCH_MS, wish="talk", idle_reason="you-were-away")
FORGOTTEN = state(version=1)


def talking(*, asks: bool = True) -> Page:
    """In a match that was answered."""
    page = Page()
    page.model = Model(asks=asks)
    page.feed(
        NewPage("p_1"), LinkChanged(Link.OPEN), FrameRead(frame("snapshot", state())), Pressed(Wish.TALK)
    )
    page.answer("join", "matched", matched(), intent=EPOCH_MS)
    return page.answer("pulse", "ok", matched(), match="m_1")


def read(kind: str, found: dict[str, Any]) -> Input:
    return FrameRead(frame(kind, found))


def test_a_person_whom_the_server_took_out_is_asked() -> None:
    """By another press; until then nothing is sent. Control: without the sleep the intent is healed."""
    page = talking().feed(Slept(), read("idle", AWAY))
    assert "join" not in names(page.sent())
    assert (page.model.let_go, page.model.own) == ("away", None)
    assert names(page.feed(Pressed(Wish.TALK)).sent()) == ["join"]
    assert page.model.let_go == ""
    assert names(talking().feed(read("idle", AWAY)).sent()) == ["join"]


def test_the_same_conversation_goes_on() -> None:
    """The server is asked at once, and from its answer on it is as if nothing had been."""
    page = talking().feed(Slept())
    assert names(page.sent()) == ["pulse"]
    page.answer("pulse", "ok", matched(), match="m_1")
    assert page.model.slept is None
    assert names(page.feed(read("idle", AWAY)).sent()) == ["join"]


def test_a_stranger_who_came_meanwhile_is_left() -> None:
    """Whom the person never agreed to meet now."""
    page = talking().feed(Slept(), read("new-match", matched("m_2", 20)))
    assert "leave" in names(page.sent())
    assert page.model.let_go == "away"


def test_what_the_socket_kept_is_no_news() -> None:
    """A heartbeat and a snapshot from before the end do not make the intent young."""
    page = talking().feed(Slept(), read("snapshot", matched(version=6)), read("idle", AWAY))
    assert "join" not in names(page.sent())


def test_a_press_from_before_is_not_carried_out() -> None:
    """One that waits, nor one that is under way."""
    page = Page().feed(Pressed(Wish.TALK), Slept(), read("snapshot", state()))
    assert (page.sent(), page.model.let_go) == ([], "away")
    asking = Page().feed(read("snapshot", state()), Pressed(Wish.TALK), Slept())
    assert names(asking.sent())[:2] == ["join", "leave"]


@pytest.mark.parametrize(("found", "most_ms"), [(AWAY, ENDED_MS), (FORGOTTEN, FORGOTTEN_MS)])
def test_an_intent_has_an_age(found: dict[str, Any], most_ms: int) -> None:
    """Also on a program that ran: the network was gone for minutes."""
    young = talking().feed(read("snapshot", found), now_ms=EPOCH_MS + most_ms)
    assert names(young.sent()) == ["join"]
    old = talking().feed(read("snapshot", found), now_ms=EPOCH_MS + most_ms + 1)
    assert (old.sent(), old.model.let_go) == ([], "away")


def test_an_intent_is_as_young_as_the_last_word_of_the_server() -> None:
    """Which says every 15 s that it has the person where they wish to be."""
    page = talking().feed(FrameRead(frame("heartbeat", version=3)), now_ms=EPOCH_MS + 10 * FORGOTTEN_MS)
    page.feed(read("idle", AWAY), now_ms=EPOCH_MS + 10 * FORGOTTEN_MS + ENDED_MS)
    assert names(page.sent()) == ["join"]


def test_a_program_without_a_person_asks_nobody() -> None:
    """A bot goes on however long it slept."""
    page = talking(asks=False).feed(Slept(), read("idle", AWAY), now_ms=EPOCH_MS + 10 * FORGOTTEN_MS)
    assert names(page.sent()) == ["join"]


@pytest.mark.parametrize(("asks", "went_on"), [(True, False), (False, True)])
async def test_a_client_notices_that_it_did_not_run(asks: bool, went_on: bool) -> None:
    """Its clock went on by more than 5 s between two ticks."""
    server, clock = FakeServer(), FakeClock()
    server.replies("join", "matched", matched())
    server.replies("pulse", "ok", matched())
    client = Client(server, clock=clock, random=lambda: 1.0, asks=asks)
    async with client.running():
        await settle()
        server.streams[-1].frame("snapshot", state=state())
        await settle()
        client.start()
        await settle()
        clock.elapsed_s += AWAY_S + 0.1
        server.streams[-1].frame("idle", state=AWAY)
        await settle()
        joins = len(server.said("join"))
    assert (joins == 2, client.model.let_go) == (went_on, "" if went_on else "away")
