"""Suspicion, echoes, and the store's clock."""

import asyncio

import pytest

from duologue.delivery.clock import StoreClock
from duologue.pairing.vocabulary import Beat
from tests.unit.delivery.fakes import FakeClock, Scene


async def test_suspicion_ends_after_an_echo_and_a_round(scene: Scene) -> None:
    """The echo must have been sent after the suspicion, and the round begun after the echo was."""
    contact, clock = scene.contact, scene.clock
    contact.people_here = 1
    early = contact.probe()
    await clock.turn(0.1)
    contact.suspect("feed")
    contact.echoed(early)
    await clock.turn(0.1)
    contact.healed(clock.now)
    assert contact.suspicious, "that probe was sent before"
    round_began = clock.now
    await clock.turn(0.1)
    contact.echoed(contact.probe())
    contact.healed(round_began)
    assert contact.suspicious, "what was lost between that round and the echo is still lost"
    contact.healed(clock.now)
    assert not contact.suspicious


async def test_a_deaf_spell_owes_one_snapshot(scene: Scene) -> None:
    """We come by each second while it lasts; all but the first time write only what differs."""
    contact = scene.contact
    contact.people_here = 1
    contact.suspect("deaf")
    contact.suspect("deaf")
    assert contact.generation == 1
    contact.suspect("store")
    assert contact.generation == 2
    contact.echoed(contact.probe())
    contact.suspect("deaf")
    assert contact.generation == 3


@pytest.mark.parametrize("cause", ["readonly", "moved", "store"])
async def test_a_spell_of_refusals_owes_one_snapshot(scene: Scene, cause: str) -> None:
    """A server that takes no writes refuses each call, and each refusal opens another connection."""
    contact = scene.contact
    contact.people_here = 1
    for _ in range(100):
        contact.suspect(cause)
    assert contact.generation == scene.value("suspicions_total", cause=cause) == 1
    assert contact.suspicious
    contact.echoed(contact.probe())
    await scene.clock.turn(0.1)
    contact.suspect(cause)
    assert contact.generation == 2
    contact.healed(scene.clock.now)
    assert contact.suspicious, "each one needs an echo and a round of its own"


async def test_nobody_here_has_missed_anything(scene: Scene) -> None:
    """A process that has just started opens its feed and is not known yet: no cause for a round."""
    scene.contact.suspect("feed")
    assert not scene.contact.suspicious
    scene.contact.suspect("deaf")
    assert scene.contact.suspicious, "who comes now would not hear"


async def test_an_old_echo_says_nothing(scene: Scene) -> None:
    """Only the probe under way counts."""
    old = scene.contact.probe()
    scene.contact.probe()
    scene.contact.echoed(old)
    assert not await scene.contact.hears(0)


async def test_a_beat_that_is_not_known_is_a_suspicion(scene: Scene) -> None:
    """Races E18, E28: buried or forgotten, so all people are re-attached."""
    scene.contact.people_here = 1
    scene.contact.beaten(Beat(False, 5, 2, 0), 0, 0)
    assert scene.contact.suspicious
    assert (scene.value("people_online"), scene.value("alone_people")) == (5, 2)


async def test_ready_from_the_first_beat_on(scene: Scene) -> None:
    """And no more after 10 s without one."""
    assert not scene.contact.ready()
    scene.contact.beaten(Beat(True, 0, 0, 0), 0, 0)
    assert scene.contact.ready()
    await scene.clock.turn(9.9)
    assert scene.contact.ready()
    await scene.clock.turn(0.2)
    assert not scene.contact.ready()


def test_the_quickest_answer_sets_the_clock() -> None:
    """A slow round trip says little about the store's time."""
    clock = FakeClock()
    store = StoreClock(clock)
    store.note(1.0, 1.002, 6000)
    store.note(2.0, 2.4, 7300)
    assert store.offset_ms == pytest.approx(4999.5)
    assert store.now_ms() == pytest.approx(clock.monotonic() * 1000 + 4999.5)


def test_a_jump_of_our_wall_clock_changes_no_instant() -> None:
    """Else sessions would end, and frames be dated, an hour from now until the samples are used up."""
    clock = FakeClock()
    store = StoreClock(clock)
    for set_before_the_first_beat in (True, False):
        before = store.now_ms()
        clock.wall_offset_ms += 3_600_000
        assert store.now_ms() == pytest.approx(before)
        if set_before_the_first_beat:
            store.note(clock.now - 0.002, clock.now, int(before))


def test_a_jump_of_the_stores_clock_is_followed_at_once() -> None:
    """Also after this machine slept, when our monotonic clock stood still: not 20 beats later."""
    clock = FakeClock()
    store = StoreClock(clock)
    store.note(1.0, 1.001, 6000)
    store.note(2.0, 2.004, 3_607_000)
    assert store.offset_ms == pytest.approx(3_604_998.5)
    store.note(3.0, 3.4, 3_608_300)
    assert store.offset_ms == pytest.approx(3_604_998.5), "a slow answer contradicts nothing"


async def test_our_own_lateness_is_not_the_stores_absence(scene: Scene) -> None:
    """What this process was late is taken out; a store that is silent for longer is away."""
    contact, clock = scene.contact, scene.clock
    began = clock.now
    await clock.turn(3.0)
    assert contact.is_away, "control: nothing was late"
    contact.late_since = lambda since: 2.5 if since <= began else 0.0
    assert contact.away_s() == pytest.approx(0.5)
    await clock.turn(1.6)
    assert contact.is_away


async def test_an_echo_that_we_read_late_is_heard(scene: Scene) -> None:
    """A limit that ends while the process stands still is given the lost time again, once."""
    contact, clock = scene.contact, scene.clock
    late = [0.4]
    contact.late_since = lambda _: late[0]
    token = contact.probe()
    async with asyncio.TaskGroup() as group:
        hearing = group.create_task(contact.hears(0.5))
        await clock.turn(0.6)
        contact.echoed(token)
        await clock.turn(0.1)
    assert hearing.result()
    late[0] = 0.0
    contact.probe()
    async with asyncio.TaskGroup() as group:
        hearing = group.create_task(contact.hears(0.5))
        await clock.turn(0.6)
    assert not hearing.result(), "control: it is deaf"
