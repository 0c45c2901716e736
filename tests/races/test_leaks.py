"""Everybody left: what stays in the store is what `docs/keys.md` says that stays."""

import random
from typing import Any

import pytest

from duologue.pairing.vocabulary import NO_MARKS, Marks, Media, PersonId, ProcessId
from tests.documented import permanent
from tests.races.control import held_by
from tests.races.direct import play
from tests.races.rooms import RoomStage
from tests.races.stage import Stage
from tests.servers import StoreServer

STEP_MS = 1_750
"""Between two sweeps: less than the 2 s that are taken for an outage."""
HOUR_S, SAMPLE_S = 3_600, 300
LONGEST_MS = 30 * 86_400_000
STAYS = -1
"""What `PTTL` says of a key that nothing takes away. A key that has just gone is -2."""


def kind_of(key: bytes) -> str:
    """The key's pattern, as far as its name says: `p:`, `owed`."""
    name = key.decode().partition("}")[2]
    return name.partition(":")[0] + (":" if ":" in name else "")


def left(stage: Stage) -> dict[str, list[str]]:
    """Keys that nothing will take away, by kind, without those that stay."""
    keys: Any = stage.client.keys("*")
    found: dict[str, list[str]] = {}
    for key in keys:
        lives_ms: Any = stage.client.pttl(key)
        assert lives_ms <= LONGEST_MS, key
        if lives_ms == STAYS and kind_of(key) not in permanent():
            found.setdefault(kind_of(key), []).append(key.decode())
    return found


class Visitors:
    """They come, talk, say something, skip, block, leave or just close their page, from a few networks."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.random = random.Random(seed)
        self.here: list[str] = []
        self.count = 0

    def step(self) -> None:
        """What a few people do between two sweeps."""
        if len(self.here) < 12:
            self._come()
        for _ in range(3):
            if self.here:
                self._does(self.random.choice(self.here))
        self._pass()

    def _come(self) -> None:
        person = f"v{self.count}"
        self.count += 1
        networks = ("n1", "n2", "n3")
        self.stage.marks[person] = Marks(f"dev{self.count}", self.random.choice(networks))
        self.stage.attach(person)
        self.stage.join(person)
        self.here.append(person)

    def _does(self, person: str) -> None:
        stage, match = self.stage, self.stage.match(person)
        what = self.random.randrange(9)
        if match and what < 2:
            stage.says(Media.OPEN, person)
        elif match and what == 2:
            stage.say(person, match, "hello")
        elif match and what == 3:
            page = stage.socket(person).page
            play(stage.machine.signal(PersonId(person), match, f"k{self.count}", {"a": 1}, page))
        elif match and what == 4:
            stage.skip(person, match)
        elif match and what == 5:
            stage.block(person, match, skip=True)
        elif what == 6:
            self._moves(person)
        elif what == 7:
            stage.leave(person)
            self._goes(person)
        elif what == 8:
            self._goes(person)

    def _moves(self, person: str) -> None:
        """Another network, by a new stream of the same page."""
        old = self.stage.socket(person)
        self.stage.marks[person] = Marks(old.marks.device, self.random.choice(("n1", "n2", "n3", "n4")))
        self.stage.attach(person, page=old.page)
        self.stage.sockets.pop(old.connection, None)

    def _goes(self, person: str) -> None:
        self.here.remove(person)
        self.stage.closes(person)

    def _pass(self) -> None:
        self.stage.clock.turn(STEP_MS)
        for process in sorted(self.stage.beating):
            self.stage.beat(process)
        self.stage.work()

    def all_leave(self) -> None:
        """Half of them say so, and half are just gone; their time to come back passes."""
        for n, person in enumerate([*self.here]):
            if n % 2:
                self.stage.leave(person)
            self._goes(person)
        for _ in range(60_000 // STEP_MS):
            self._pass()


@pytest.mark.timings(looks=16)
def test_everybody_leaves(stage: Stage, whole: bool) -> None:
    """An hour of people who come and go (5 min as a sample): no key is left but those that stay."""
    visitors = Visitors(stage, seed=1)
    for _ in range((HOUR_S if whole else SAMPLE_S) * 1000 // STEP_MS):
        visitors.step()
    assert visitors.count > 50
    visitors.all_leave()
    assert left(stage) == {}


def test_everybody_leaves_their_rooms(store_server_each: StoreServer, whole: bool) -> None:
    """The same with rooms on LiveKit: none is left there, nor in the outbox."""
    with store_server_each.client() as client:
        stage = RoomStage(client)
        visitors = Visitors(stage, seed=2)
        for _ in range((HOUR_S if whole else SAMPLE_S // 4) * 1000 // STEP_MS):
            visitors.step()
            stage.end(stage.begin())
            play(stage.machine.rooms.look((), 100))
        visitors.all_leave()
        assert left(stage) == {}
        assert stage.rooms == {}
        stage.close()


def test_a_process_that_is_gone_leaves_nothing(stage: Stage) -> None:
    """No list of its people, and no entry of its own."""
    stage.beat("s3")
    stage.beating.add("s3")
    stage.attach("ann", process="s3")
    stage.beating.discard("s3")
    stage.sockets.clear()
    for _ in range(10):
        Visitors(stage, 0)._pass()
    assert not stage.client.exists("{0}at:s3")
    for key in ("held", "published"):
        assert b"s3" not in stage.client.hkeys(f"{{0}}{key}")
    assert stage.client.zscore("{0}beats", "s3") is None


@held_by("near-emptied")
def test_the_last_of_a_network_moves_away(stage: Stage) -> None:
    """Ben left it a moment before: his place is kept for a minute, and the list not longer than that."""
    stage.marks = {"ann": Marks("d1", "n1"), "ben": Marks("d2", "n1")}
    stage.comes("ann", "ben")
    stage.closes("ben")
    page = stage.socket("ann").page
    stage.marks["ann"] = Marks("d1", "n2")
    stage.attach("ann", page=page)
    assert stage.client.pttl("{0}near:n1") > 0
    stage.marks["ann"] = NO_MARKS


@held_by("lost-match-forgotten")
def test_a_match_that_was_lost_leaves_nothing(stage: Stage) -> None:
    """Its messages and signals are deleted with its check for a word."""
    match = stage.meet("ann", "ben", media=Media.OPEN)
    stage.say("ann", match, "hello")
    play(stage.machine.signal(PersonId("ann"), match, "k", {"a": 1}, stage.socket("ann").page))
    stage.client.delete(f"{{0}}m:{match}")
    stage.pulse("ann")
    stage.pulse("ben")
    visitors = Visitors(stage, 0)
    for _ in range(310_000 // STEP_MS):
        visitors._pass()
    assert [key for key in ("msg:", "sig:") if key in left(stage)] == []


@held_by("network-keys-bounded")
def test_the_keys_of_old_signing_keys_leave(stage: Stage) -> None:
    """After 30 rotations there are 16 entries, and among them those that the server still lists."""
    found: dict[str, str] = {}
    for n in range(30):
        found = play(stage.machine.network_key(f"k{n}", "x", f"k{n}", f"k{n - 1}"))
        assert {f"k{n}", f"k{max(0, n - 1)}"} <= set(found)
    assert len(found) == 16


def test_a_leak_is_found(stage: Stage) -> None:
    """Control: one key too many, of a kind that does not stay."""
    stage.client.set("{0}recent:ann", "x")
    stage.client.set("{0}p:ann", "x", px=1_000)
    assert left(stage) == {"recent:": ["{0}recent:ann"]}
    stage.client.delete("{0}recent:ann", "{0}p:ann")
    assert play(stage.machine.beat(ProcessId("s1"))).known
