"""A store that lost single records: no script fails, and its people are in a queue or in a match again."""

from random import Random

import pytest
import redis

from duologue.pairing.vocabulary import DetachCause, Media, PersonId
from tests.races.control import held_by
from tests.races.direct import play
from tests.races.rooms import RoomStage
from tests.races.stage import SWEEP_MS, Stage
from tests.servers import StoreServer

OPEN, SILENT = Media.OPEN, Media.SILENT
PEOPLE = ("ann", "ben", "cat", "dan", "eve", "fay")
SEEDS, SEEDS_WHOLE = 8, 600
STEPS = 40
LATER = ("quiet lists", "rooms lists", "a room without an entry")
"""Healed by the check of quiet matches, every 5 min, or with the end of the match."""
HEALED_MS = 45_000
"""A lease and a heartbeat: by then each page has spoken, and each deadline that was made again was due."""


@held_by("scan-past-end")
def test_a_pass_meets_lost_records_under_its_cursor(stage: Stage) -> None:
    """It pairs two, takes the lost ones out, and finds fewer people than it counted: the pair stands."""
    stage.passes = False
    stage.comes("ann", language="de")
    for lost, language in (("cat", "fr"), ("dan", "it")):
        stage.clock.turn(1)
        stage.comes(lost, language=language)
        assert stage.waits(lost)
    stage.clock.turn(1)
    stage.comes("ben", language="en")
    assert stage.waits("ben")
    for lost in ("cat", "dan"):
        stage.client.delete("{0}p:" + lost)
        stage.client.srem("{0}at:s1", lost)
        stage.client.zrem("{0}lease", lost)
    stage.clock.turn(16_000)
    failed = ""
    try:
        play(stage.machine.scan("main"))
    except redis.ResponseError as error:
        failed = str(error)
    assert failed == ""
    assert stage.together("ann", "ben")


@held_by("partner-made-again", "orphan-adopted")
def test_a_partner_whose_record_was_lost_and_made_again(stage: Stage) -> None:
    """Ben's page attaches, idle now: Ann, matched with nobody, waits, is told, and meets Cat."""
    stage.meet("ann", "ben", media=OPEN)
    stage.client.delete("{0}p:ben")
    stage.attach("ben")
    stage.mail()
    stage.pulse("ann", None)
    assert stage.waits("ann")
    assert [line for line in stage.mail() if " ann " in line and line.endswith("waiting")]
    stage.comes("cat")
    assert stage.together("ann", "cat")
    stage.wait(300_250, "ann", "cat", "ben")


@held_by("requeued")
def test_the_queue_is_lost(stage: Stage) -> None:
    """Ann's record says that she is in it: with her next sign of life she is."""
    stage.comes("ann")
    stage.client.delete("{0}q:main")
    stage.pulse("ann")
    stage.comes("ben")
    assert stage.together("ann", "ben")


@held_by("owed-again")
def test_the_signs_that_are_owed_are_lost(stage: Stage) -> None:
    """Ben closes his tab, and nobody would ask any more: Ann's page hears nothing, and that arms it again."""
    stage.meet("ann", "ben", media=OPEN)
    stage.closes("ben")
    stage.wait(3_000, "ann")
    stage.client.delete("{0}owed")
    stage.says(SILENT, "ann")
    stage.wait(3_250, "ann")
    assert stage.waits("ann")


@pytest.fixture(params=[Stage, RoomStage], ids=["peer", "rooms"])
def any_stage(request: pytest.FixtureRequest, valkey9: StoreServer) -> "type[Stage]":
    """Either kind of media."""
    kind: type[Stage] = request.param
    return kind


class Play:
    """One play of chance: people do what people do, and the store loses things meanwhile."""

    def __init__(self, stage: Stage, random: Random) -> None:
        self.stage, self.random = stage, random
        self.n = 0

    def someone(self) -> str:
        return self.random.choice(PEOPLE)

    def act(self) -> None:
        """One thing that a page does, or the passing of time."""
        stage, who, random = self.stage, self.someone(), self.random
        match = stage.match(who)
        self.n += 1
        acts = (
            lambda: stage.attach(who, process=random.choice(("s1", "s2"))),
            lambda: stage.join(who),
            lambda: stage.join(who, intent=stage.state(who)["intent"] or 1),
            lambda: stage.leave(who),
            lambda: stage.skip(who, match or "m_nobodys"),
            lambda: stage.pulse(who, match or None, random.choice((None, *Media))),
            lambda: play(stage.machine.message(PersonId(who), match, f"k{self.n}", "hello")),
            lambda: play(stage.machine.signal(PersonId(who), match, f"k{self.n}", {"bye": True}, "p")),
            lambda: stage.block(who, match or "m_nobodys", skip=random.random() < 0.5),
            lambda: self.drop(who),
            self.reattach,
            lambda: stage.stray(random.choice(("s1", "s2"))),
            lambda: stage.wait(random.choice((SWEEP_MS, 2_500, 16_000)), *PEOPLE[::2]),
        )
        random.choice(acts)()

    def drop(self, who: str) -> None:
        theirs = [s for s in self.stage.sockets.values() if s.person == who]
        if theirs:
            self.stage.detach(theirs[-1], self.random.choice(list(DetachCause)))

    def reattach(self) -> None:
        for process in ("s1", "s2"):
            theirs = [s for s in self.stage.sockets.values() if s.process == process]
            if theirs:
                self.stage.reattach(*theirs)

    def lose(self) -> None:
        """A key, or one member of a key."""
        client, random = self.stage.client, self.random
        found: list[bytes] = sorted(client.keys("*"))  # type: ignore[arg-type]  # a blocking client's
        if not found:
            return
        kinds = sorted({key.removeprefix(b"{0}").partition(b":")[0] for key in found})
        kind = random.choice(kinds)
        key = random.choice([k for k in found if k.removeprefix(b"{0}").partition(b":")[0] == kind])
        if random.random() < 0.5:
            client.delete(key)
            return
        match client.type(key):
            case b"zset":
                client.zpopmin(key)
            case b"set":
                client.spop(key)
            case b"hash":
                client.hdel(key, random.choice(client.hkeys(key)))
            case b"list":
                client.lpop(key)
            case _:
                client.delete(key)

    def all_live_on(self) -> None:
        """Everybody has a page that wishes to talk: what a client does is all that heals."""
        for who in PEOPLE:
            self.stage.attach(who)
            self.stage.join(who)
        for _ in range(HEALED_MS // 5_000):
            self.reattach()
            for who in PEOPLE:
                self.stage.pulse(who, self.stage.match(who) or None, OPEN if self.stage.match(who) else None)
                if self.stage.state(who)["state"] == "idle":
                    self.stage.join(who)
            self.stage.wait(5_000, *PEOPLE)
        for process in ("s1", "s2"):
            self.stage.stray(process)
        if isinstance(self.stage, RoomStage):
            self.stage.reconcile()
            self.stage.wait(5_000, *PEOPLE)


def test_any_record_is_lost(any_stage: type[Stage], valkey9: StoreServer, whole: bool) -> None:
    """Between any two steps anything may be gone: no script raises, and 45 s later nobody is stuck."""
    stuck: list[str] = []
    for seed in range(SEEDS_WHOLE if whole else SEEDS):
        valkey9.flush()
        with valkey9.client() as client:
            stage, random = any_stage(client), Random(seed)
            try:
                chance = Play(stage, random)
                for _ in range(STEPS):
                    chance.act()
                    if random.random() < 0.3:
                        chance.lose()
                chance.all_live_on()
                stuck += [f"{seed}: {each}" for each in found_wrong(stage)]
            finally:
                stage.close()
    assert stuck == []


def found_wrong(stage: Stage) -> list[str]:
    """People who are neither matched nor in the queue, and indexes that do not fit the records."""
    states = {who: stage.state(who) for who in PEOPLE}
    idle = [f"{who} is idle" for who, state in states.items() if state["state"] == "idle"]
    alone = [
        f"{who} is with {state['match']['partner']['alias']}, who is not"
        for who, state in states.items()
        if state["state"] == "matched" and not stage.together(who, state["match"]["partner"]["alias"])
    ]
    return idle + alone + [each for each in stage.direct.broken() if not any(late in each for late in LATER)]
