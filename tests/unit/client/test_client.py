"""The client as a whole, on a fake server: what is sent, and when."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from duologue.client.client import Client
from duologue.client.errors import Refused, Unreached
from duologue.client.model import Link
from duologue.client.simulated import Exchange, SimulatedMedia
from duologue.client.vocabulary import Outcome
from tests.unit.client.fakes import EPOCH_MS, FakeClock, FakeServer, matched, probed, problem, settle, state


class Seat:
    """A client in front of a fake server."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.clock = FakeClock()
        self.exchange = Exchange()
        self.media = SimulatedMedia(self.exchange, self.clock)
        self.partner = SimulatedMedia(self.exchange, self.clock)
        self.client = Client(self.server, media=self.media, clock=self.clock, random=lambda: 1.0, alias="Ada")

    async def say(self, kind: str, found: dict[str, Any] | None = None) -> None:
        """The server writes a frame."""
        fields: dict[str, Any] = {"state": found} if found else {}
        self.server.streams[-1].frame(kind, **fields)
        await settle()

    @property
    def link(self) -> Link:
        return self.client.model.link


@pytest.fixture
async def seat() -> AsyncIterator[Seat]:
    """Connected, and idle."""
    made = Seat()
    async with made.client.running("p_1"):
        await settle()
        await made.say("snapshot", state())
        yield made


async def test_a_conversation_from_start_to_next(seat: Seat) -> None:
    """Join, sign of life, media, skip: each once."""
    seat.server.replies("join", "waiting", state("waiting", 2))
    seat.client.start()
    await settle()
    assert seat.server.said("join") == [{"intent": EPOCH_MS}]
    await seat.say("new-match", matched(probe=probed()))
    assert seat.server.said("pulse") == [{"match": "m_1"}]
    seat.server.replies("pulse", "ok", matched(version=4))
    await seat.clock.turn(2)  # the first pulse hung: given up, then sent anew
    await seat.clock.turn(0.4)
    assert seat.server.said("pulse")[1:] == [{"match": "m_1"}]
    assert seat.client.model.match is not None
    seat.partner.enter(seat.client.model.match)
    await seat.clock.turn(0.6)
    assert seat.server.said("pulse")[2:] == [{"match": "m_1", "media": "open"}]
    seat.server.replies("skip", "skipped", state("waiting", 5))
    seat.client.next()
    await settle()
    assert seat.server.said("skip") == [{"match": "m_1"}]
    assert seat.client.model.waiting


async def test_silence_is_repeated_while_it_lasts(seat: Seat) -> None:
    """Every 2.5 s: one report may cross an answer under way (race R13)."""
    seat.server.replies("pulse", "ok", matched(version=3))
    await seat.say("snapshot", matched())
    await seat.clock.turn(8)
    words = [body.get("media") for body in seat.server.said("pulse")]
    assert words == [None, "silent", "silent", "silent"]


async def test_a_command_goes_on_until_it_is_answered(seat: Seat) -> None:
    """Through an unreachable server and a store that is away."""
    seat.server.reachable = False
    seat.client.start()
    await settle()
    seat.server.reachable = True
    seat.server.answers.insert(0, lambda *_: problem(503, "unavailable", **{"retry-after": "1"}))
    await seat.clock.turn(0.4)
    seat.server.replies("join", "waiting", state("waiting", 2))
    await seat.clock.turn(1.7)
    assert len(seat.server.said("join")) == 2
    await seat.clock.turn(0.1)
    assert len(seat.server.said("join")) == 3
    assert seat.client.model.waiting


async def test_a_press_is_given_up_for_a_later_one(seat: Seat) -> None:
    """Start's retry must not arrive after the Stop (race P18)."""
    seat.server.reachable = False
    seat.client.start()
    await settle()
    seat.client.stop()
    await seat.clock.turn(60)
    names = [name for name, _ in seat.server.asked if name in ("join", "leave")]
    assert names[:2] == ["join", "leave"]
    assert set(names[2:]) == {"leave"}


async def test_a_skip_is_given_up_when_its_match_is_over(seat: Seat) -> None:
    """It would be stale."""
    seat.server.replies("pulse", "ok", matched())
    await seat.say("snapshot", matched())
    seat.client.next()
    await settle()
    assert len(seat.server.said("skip")) == 1
    await seat.say("force-disconnect", state("waiting", 9))
    await seat.clock.turn(30)
    assert len(seat.server.said("skip")) == 1


async def test_what_a_person_says_is_answered_or_refused(seat: Seat) -> None:
    """The caller gets the answer directly."""
    seat.server.replies("pulse", "ok", matched())
    seat.server.replies("messages", "sent", matched())
    seat.server.replies("blocks", "unknown-match", matched())
    seat.server.answers.insert(0, lambda path, _: problem(422, "bad-field") if path == "reports" else None)
    await seat.say("snapshot", matched())
    assert (await seat.client.say("hi")).outcome is Outcome.SENT
    assert (await seat.client.block("m_0")).outcome is Outcome.UNKNOWN_MATCH
    with pytest.raises(Refused) as refused:
        await seat.client.report("m_1", "nonsense")
    assert refused.value.code == "bad-field"
    [said] = seat.server.said("messages")
    assert (said["match"], said["text"], said["key"][:2]) == ("m_1", "hi", "k_")


async def test_a_message_to_a_match_that_is_over_is_called_off(seat: Seat) -> None:
    """Unsent, and said so."""
    seat.server.replies("pulse", "ok", matched())
    await seat.say("snapshot", matched())
    seat.server.reachable = False

    async def gone() -> None:
        with pytest.raises(Unreached):
            await seat.client.say("hi")

    async with asyncio.TaskGroup() as group:
        group.create_task(gone())
        await settle()
        await seat.say("waiting", state("waiting", 9))
        await seat.clock.turn(1)


async def test_leaving_closes_the_stream_and_says_nothing() -> None:
    """A reload must not end a conversation."""
    seat = Seat()
    async with seat.client.running("p_1"):
        await settle()
        await seat.say("snapshot", matched())
        asked = len(seat.server.asked)
    assert seat.server.streams[-1].closed
    assert len(seat.server.asked) == asked


async def test_a_page_that_was_taken_over_can_take_over_again(seat: Seat) -> None:
    """With a new id, when its person says so."""
    await seat.say("taken-over")
    assert str(seat.link) == "taken-over"
    seat.client.open()
    await settle()
    assert seat.server.streams[-1].page not in ("", "p_1")
    await seat.say("snapshot", state())
    assert seat.link is Link.OPEN


async def test_until_ends_with_the_first_model_that_fits(seat: Seat) -> None:
    """Or says that none came."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(seat.client.until(lambda model: model.waiting))
        await seat.say("waiting", state("waiting", 2))
        await settle()
        assert task.done()
        late = group.create_task(seat.client.until(lambda model: model.match is not None, 5))
        late.add_done_callback(lambda done: done.exception())
        await seat.clock.turn(4.9)
        assert not late.done()
        late.cancel()


async def test_a_store_that_forgot_everything_heals_by_itself(seat: Seat) -> None:
    """The same intent, the same queue; the conversation is lost, the wish is not (race E18)."""
    seat.server.replies("join", "waiting", state("waiting", 2))
    seat.client.start()
    await settle()
    await seat.say("snapshot", state(version=1))
    assert [body["intent"] for body in seat.server.said("join")] == [EPOCH_MS, EPOCH_MS]


async def test_too_many_is_no_refusal(seat: Seat) -> None:
    """A press waits as long as the server says, and is sent again; the person reads no error."""
    answers = [problem(429, "too-many", **{"retry-after": "3"})]
    seat.server.answers.insert(0, lambda path, _: answers.pop() if answers and path == "join" else None)
    seat.server.replies("state", "ok", state())
    seat.client.start()
    await seat.clock.turn(2.9)
    assert (len(seat.server.said("join")), seat.client.model.refusal) == (1, None)
    await seat.clock.turn(0.5)
    assert [body["intent"] for body in seat.server.said("join")] == [EPOCH_MS, EPOCH_MS]


async def test_a_pulse_that_is_too_much_is_no_refusal_either(seat: Seat) -> None:
    """Another one follows."""
    seat.server.answers.insert(0, lambda path, _: problem(429, "too-many") if path == "pulse" else None)
    await seat.say("snapshot", matched())
    await seat.clock.turn(1)
    assert (len(seat.server.said("pulse")) > 1, seat.client.model.refusal) == (True, None)


async def test_what_was_measured_goes_with_the_next_pulse(seat: Seat) -> None:
    """Told: from the partner's press; alone: as long as the screen showed them gone; next face: from Next."""
    seat.server.replies("pulse", "ok", matched())
    await seat.say("snapshot", matched())
    assert seat.client.model.match is not None
    seat.partner.enter(seat.client.model.match)
    await seat.clock.turn(1)
    seat.partner.leave()
    await seat.clock.turn(4)
    seat.partner.enter(seat.client.model.match)
    await seat.clock.turn(1)
    [alone_ms] = [body["alone_ms"] for body in seat.server.said("pulse") if "alone_ms" in body]
    assert 1000 <= alone_ms <= 3000
    seat.server.streams[-1].frame(
        "force-disconnect", state=matched("m_2", 6), match="m_1", reason="partner-skipped"
    )
    await settle()
    told = [body["told_ms"] for body in seat.server.said("pulse") if "told_ms" in body]
    assert told == [6000]  # the fake writes all instants as of its first, and the clock went on
    seat.server.replies("skip", "skipped", matched("m_3", 7))
    seat.server.replies("pulse", "ok", matched("m_3", 7))
    seat.client.next()
    await seat.clock.turn(1.5)
    seat.client.saw_face("m_3")
    seat.client.saw_face("m_3")
    await settle()
    faces = [body["next_face_ms"] for body in seat.server.said("pulse") if "next_face_ms" in body]
    assert faces == [1500]


def in_a_room(version: int, *, ready: bool) -> dict[str, Any]:
    """A match on LiveKit, its room open or not yet."""
    found = matched(version=version)
    found["match"]["media"] = {"kind": "livekit", "ready": ready}
    return found


async def test_media_begins_when_the_room_is_open(seat: Seat) -> None:
    """Before that nothing is said of it, however long it takes."""
    seat.server.replies("pulse", "ok", in_a_room(3, ready=False))
    await seat.say("new-match", in_a_room(3, ready=False))
    assert seat.client.model.match is not None
    seat.partner.enter(seat.client.model.match)
    await seat.clock.turn(1)
    assert seat.server.said("pulse") == [{"match": "m_1"}]
    seat.server.replies("pulse", "ok", in_a_room(4, ready=True))
    await seat.say("media", in_a_room(4, ready=True))
    await seat.clock.turn(1)
    assert seat.server.said("pulse")[1:] == [{"match": "m_1", "media": "open"}]


async def test_whoever_left_the_room_says_so(seat: Seat) -> None:
    """Once both did, it is deleted before its deadline."""
    await seat.say("new-match", in_a_room(3, ready=True))
    seat.server.replies("ack", "ok", state("waiting", 4))
    seat.server.streams[-1].frame("room-closing", match="m_1", state=state("waiting", 4))
    await settle()
    assert seat.server.said("ack") == [{"match": "m_1", "of": "room-closing"}]
