"""A play of chance: people do what people do, and the store loses keys, records and members meanwhile."""

from collections.abc import Iterable
from random import Random

from duologue.pairing.vocabulary import DetachCause, Media, PersonId
from tests.races.direct import play
from tests.races.rooms import RoomStage
from tests.races.stage import SWEEP_MS, Stage
from tests.servers import StoreServer

OPEN = Media.OPEN
PEOPLE = ("ann", "ben", "cat", "dan", "eve", "fay")
SEEDS, SEEDS_WHOLE = 8, 600
STEPS = 40
LATER = ("rooms lists", "a room without an entry", "open, and work on it is due at None")
"""An open room has no work to be done; the entry is made again with the end of its match."""
QUIET_CHECK_MS = 305_000
"""What was left of matches goes with their next check."""
HEALED_MS = 45_000
"""A lease and a heartbeat: by then each page has spoken, and each deadline that was made again was due."""


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
        """Give all people a page that wants to talk: everything else is healed by what clients do."""
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


def found_wrong(stage: Stage) -> list[str]:
    """Return people who are neither matched nor in the queue, or whose partner is not with them."""
    states = {who: stage.state(who) for who in PEOPLE}
    idle = [f"{who} is idle" for who, state in states.items() if state["state"] == "idle"]
    alone = [
        f"{who} is with {state['match']['partner']['alias']}, who is not"
        for who, state in states.items()
        if state["state"] == "matched" and not stage.together(who, state["match"]["partner"]["alias"])
    ]
    return idle + alone


def left_overs(stage: Stage) -> list[str]:
    """Return records and indexes that do not fit each other."""
    return [each for each in stage.direct.broken() if not any(late in each for late in LATER)]


def losses(kind: type[Stage], server: StoreServer, seeds: Iterable[int]) -> list[str]:
    """Play each seed on an empty store. Raise what a script raises; return who is stuck in the end."""
    stuck: list[str] = []
    for seed in seeds:
        server.flush()
        with server.client() as client:
            stage, random = kind(client), Random(seed)
            try:
                chance = Play(stage, random)
                for _ in range(STEPS):
                    chance.act()
                    if random.random() < 0.3:
                        chance.lose()
                chance.all_live_on()
                stuck += [f"{seed}: {each}" for each in found_wrong(stage)]
                if left_overs(stage):
                    stage.wait(QUIET_CHECK_MS, *PEOPLE)
                stuck += [f"{seed}: {each}" for each in (*found_wrong(stage), *left_overs(stage))]
            finally:
                stage.close()
    return stuck
