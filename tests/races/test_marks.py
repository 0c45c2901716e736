"""Races of blocks and networks: which people stay apart, and how many come from one network."""

import itertools
from collections.abc import Callable, Iterator

import pytest
import redis

from duologue.delivery.publication import numbered
from duologue.pairing.machine import fresh_ids
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import Marks, Media, Outcome, PersonId
from tests.races.control import held_by
from tests.races.direct import play
from tests.races.stage import Stage
from tests.servers import StoreServer

DAY_MS = 86_400_000
HOME, AWAY = "network_home____", "network_away____"
LAPTOP, PHONE = "device_laptop___", "device_phone____"


def blocked_in_a_match(stage: Stage) -> None:
    """Ann blocks Ben, whose browser is the laptop, at home."""
    stage.marks = {"ann": Marks("device_ann______", "network_ann_____"), "ben": Marks(LAPTOP, HOME)}
    match = stage.meet("ann", "ben")
    stage.block("ann", match, skip=True)
    stage.closes("ben")


def comes_back(stage: Stage, name: str, marks: Marks) -> bool:
    """Whether Ann, who waits, meets this newcomer: at once, or when what keeps two apart has relaxed."""
    stage.marks[name] = marks
    stage.comes(name)
    for _ in range(16):
        if stage.together("ann", name):
            return True
        stage.wait(1_000, "ann", name)
    return False


@held_by("block-person", "blocks")
def test_a_block_holds_against_the_person(stage: Stage) -> None:
    """Also on another device and another network."""
    blocked_in_a_match(stage)
    assert not comes_back(stage, "ben", Marks(PHONE, AWAY))


@held_by("block-device")
def test_a_block_holds_against_the_device(stage: Stage) -> None:
    """A new person in the same browser, on another network, also when the network's day is over."""
    blocked_in_a_match(stage)
    assert not comes_back(stage, "bea", Marks(LAPTOP, AWAY))
    stage.clock.turn(2 * DAY_MS)
    stage.comes("ann")
    assert not comes_back(stage, "bob", Marks(LAPTOP, AWAY))


@held_by("block-network")
def test_a_block_holds_against_the_network(stage: Stage) -> None:
    """A new person, with another browser, from the same address."""
    blocked_in_a_match(stage)
    assert not comes_back(stage, "bea", Marks(PHONE, HOME))


@held_by("block-network-ends")
def test_a_block_against_the_network_ends(stage: Stage) -> None:
    """A day later the neighbours are let in again; the device is not."""
    blocked_in_a_match(stage)
    stage.clock.turn(DAY_MS)
    stage.comes("ann")
    assert comes_back(stage, "neighbour", Marks(PHONE, HOME))


def test_what_has_no_mark_meets(stage: Stage) -> None:
    """People without marks (an operator's, behind one proxy) are blocked one by one."""
    match = stage.meet("ann", "ben")
    stage.block("ann", match, skip=True)
    stage.closes("ben")
    assert comes_back(stage, "bea", Marks())


@held_by("block-device")
def test_a_block_is_read_from_both_sides(stage: Stage) -> None:
    """The one who blocked may be the one who waits, or the one who comes."""
    blocked_in_a_match(stage)
    assert not comes_back(stage, "bea", Marks(LAPTOP, AWAY))
    stage.leave("ann")
    stage.wait(1_000, "bea")
    stage.join("ann")
    assert stage.waits("ann")
    assert stage.waits("bea")


@held_by("own-device")
def test_two_tabs_of_one_browser(stage: Stage) -> None:
    """Blocking a person on one's own device does not keep the third tab away."""
    stage.marks = {name: Marks(LAPTOP, "") for name in ("ann", "ben", "cat")}
    match = stage.meet("ann", "ben")
    stage.block("ann", match, skip=True)
    stage.closes("ben")
    assert comes_back(stage, "cat", Marks(LAPTOP, ""))


@held_by("own-network")
def test_two_of_one_household(stage: Stage) -> None:
    """Blocking a person on one's own network does not keep its other people away."""
    stage.marks = {"ann": Marks(LAPTOP, HOME), "ben": Marks(PHONE, HOME)}
    match = stage.meet("ann", "ben")
    stage.block("ann", match, skip=True)
    stage.closes("ben")
    assert comes_back(stage, "cat", Marks("device_tablet___", HOME))
    assert stage.client.zscore("{0}blocked:ann", f"d:{PHONE}") is not None


def test_a_block_of_an_ended_match_knows_the_marks(stage: Stage) -> None:
    """Within 15 min of the end, of who left meanwhile and is on another network by now."""
    stage.marks = {"ann": Marks(), "ben": Marks(LAPTOP, HOME)}
    match = stage.meet("ann", "ben")
    stage.skip("ben")
    stage.closes("ben")
    stage.marks["ben"] = Marks(LAPTOP, AWAY)
    stage.attach("ben")
    stage.leave("ben")
    stage.block("ann", match)
    kept = {member.decode() for member in stage.client.zrange("{0}blocked:ann", 0, -1)}  # type: ignore[union-attr]
    assert kept == {"ben", f"d:{LAPTOP}", f"n:{AWAY}"}


@held_by("blocks-bounded")
def test_blocks_are_bounded(stage: Stage) -> None:
    """Of more than a thousand marks the oldest go."""
    key = "{0}blocked:ann"
    stage.client.zadd(key, {f"old_{n}": stage.clock() - 2_000 + n for n in range(999)})
    stage.marks = {"ben": Marks(LAPTOP, HOME)}
    match = stage.meet("ann", "ben")
    stage.block("ann", match)
    assert stage.client.zcard(key) == 1_000
    assert stage.client.zscore(key, "old_0") is None
    assert stage.client.zscore(key, "old_2") is not None
    assert stage.client.zscore(key, "ben") is not None


# --- a block and a skip --------------------------------------------------------------------


def drawn(first: str) -> Callable[[int], str]:
    """Ids that begin so: how long the two of a match wait for each other once more."""

    def ids(count: int) -> str:
        made = fresh_ids(count)
        return "".join(first + made[at + 2 : at + 16] for at in range(0, len(made), 16))

    return ids


STOPS_MS = 500
"""When Ann presses Stop. It is when the promise to meet again is called off after a block, with these ids."""


def said_to(name: str, client: redis.Redis, without: tuple[str, ...], *, block: bool) -> list[bytes]:
    """Return all that a person is told while Ann ends a conversation, presses Stop a moment later, and
    until 14 s later, with the same ids and instants each time."""
    made = itertools.count(1)

    def counted(count: int) -> str:
        return "".join(f"zzA{next(made):013d}" for _ in range(count))

    client.flushall()
    stage = Stage(client, without, new_ids=counted)
    stage.marks = {"ann": Marks("device_ann______", HOME), "ben": Marks(LAPTOP, AWAY)}
    hears = client.pubsub()  # type: ignore[no-untyped-call]  # the library's own gap
    hears.psubscribe("*")
    try:
        match = stage.meet("ann", "ben", media=Media.OPEN)
        stage.wait(2_000, "ann", "ben")
        if block:
            assert stage.block("ann", match, skip=True) == Outcome.BLOCKED
        else:
            assert stage.skip("ann", match) == Outcome.SKIPPED
        stage.wait(STOPS_MS - 250, "ann", "ben")
        stage.clock.turn(250)
        for process in sorted(stage.beating):
            stage.beat(process)
        stage.leave("ann")
        stage.work()
        stage.wait(14_000, "ben")
        stage.comes("cat")
        states = [play(stage.machine.read(PersonId(each))) for each in ("ben", "cat")]
        client.publish("end", "")
        said: list[bytes] = []
        while (heard := hears.get_message(timeout=1)) is not None and heard["channel"] != b"end":
            if heard["type"] == "pmessage":
                _, parts = numbered(heard["data"])
                said += [part for part in parts if part.split(b" ", 2)[1] == name.encode()]
        return said + states
    finally:
        hears.close()
        stage.close()


def test_a_block_is_told_as_a_skip(store_server_each: StoreServer) -> None:
    """Ben reads the same after Ann's block as after her skip, if she presses Stop soon: the same frames,
    reasons, places and instants, byte for byte, and the same next partner."""
    with store_server_each.client() as client:
        skipped = said_to("ben", client, (), block=False)
        assert sum(b"again_at_ms" in each for each in skipped) == 1
        assert said_to("ben", client, (), block=True) == skipped


@pytest.mark.parametrize("guard", ["again-feigned", "again-called-off"])
def test_a_block_is_told_as_a_skip_control(store_server_each: StoreServer, guard: str) -> None:
    """The negative controls: promises that only a skip makes, or that stay when their person has gone."""
    with store_server_each.client() as client:
        skipped = said_to("ben", client, (), block=False)
        unguarded = guard == "again-called-off"
        assert said_to("ben", client, (guard,), block=not unguarded) != skipped


@pytest.mark.parametrize(
    ("first", "waits_ms"),
    [("__", 4_000), ("QA", 4_000), ("QB", 4_000), ("H_", 8_000), ("CA", 31_750), ("AA", 600_000)],
)
def test_how_long_two_wait_is_drawn(first: str, waits_ms: int, store_server_each: StoreServer) -> None:
    """In one case of four longer than 4 s, and never longer than the memory of 10 min: no wait proves a
    block."""
    with store_server_each.client() as client:
        stage = Stage(client, new_ids=drawn(first))
        try:
            stage.meet("ann", "ben")
            stage.skip("ann")
            stage.wait(waits_ms - 500, "ann", "ben")
            assert stage.waits("ann")
            stage.wait(2_500, "ann", "ben")
            assert stage.together("ann", "ben")
        finally:
            stage.close()


def test_how_long_two_wait_control(store_server_each: StoreServer) -> None:
    """Without the draw every wait after a skip ends at 4 s, so a longer one is a block."""
    with store_server_each.client() as client:
        stage = Stage(client, ["relax-drawn"], new_ids=drawn("CA"))
        try:
            stage.meet("ann", "ben")
            stage.skip("ann")
            stage.wait(4_500, "ann", "ben")
            assert stage.together("ann", "ben")
        finally:
            stage.close()


# --- people of one network -----------------------------------------------------------------


@pytest.fixture
def small(request: pytest.FixtureRequest, store_server_each: StoreServer) -> Iterator[Stage]:
    """A network may hold three."""
    without: tuple[str, ...] = getattr(request, "param", ())
    with store_server_each.client() as client:
        stage = Stage(client, without, timings=Timings(network_people=3))
        stage.marks = {f"p{n}": Marks(f"device_{n}", HOME) for n in range(10)}
        stage.marks |= {f"o{n}": Marks(f"device_o{n}", AWAY) for n in range(10)}
        try:
            yield stage
            assert without or stage.direct.broken() == []
        finally:
            stage.close()


def small_without(*guards: str) -> pytest.MarkDecorator:
    """As ``held_by``, on the small network."""
    broken = pytest.mark.xfail(strict=True, raises=AssertionError, reason="the negative control")
    cases = [pytest.param((), id="guarded")]
    cases += [pytest.param(tuple(g.split("+")), id=f"without-{g}", marks=broken) for g in guards]
    return pytest.mark.parametrize("small", cases, indirect=True)


@small_without("network-people", "near-arrives")
def test_a_full_network_takes_nobody_new(small: Stage) -> None:
    """The fourth is refused, from another network comes in, and one who leaves makes room after a minute."""
    assert all(small.attach(f"p{n}") for n in range(3))
    assert small.attach("p3") is None
    assert small.attach("o1")
    small.closes("p0")
    small.clock.turn(59_000)
    assert small.attach("p3") is None
    small.clock.turn(2_000)
    assert small.attach("p3")
    assert small.attach("p0") is None


@small_without("near-keeps")
def test_who_comes_back_has_a_place(small: Stage) -> None:
    """Within a minute of a closed tab, a drain or a dead server; the place is kept meanwhile."""
    assert all(small.attach(f"p{n}") for n in range(3))
    small.closes("p0")
    assert small.attach("p4") is None
    small.clock.turn(50_000)
    assert small.attach("p0", process="s2")


@small_without("attached-has-place")
def test_who_is_attached_is_never_refused(small: Stage) -> None:
    """A new page, and a move to a network that is full, in the midst of a conversation."""
    assert all(small.attach(f"p{n}") for n in range(3))
    small.meet("cat", "dan")
    assert small.attach("p1", page="another")
    small.marks["cat"] = Marks("", HOME)
    assert small.attach("cat", page="on a train")
    assert small.attach("p5") is None


@small_without("near-moves+near-ghosts")
def test_who_moves_on_gives_the_place_up(small: Stage) -> None:
    """A phone that leaves the wireless network counts where it is."""
    assert all(small.attach(f"p{n}") for n in range(3))
    small.marks["p0"] = Marks("device_0", AWAY)
    assert small.attach("p0")
    assert small.attach("p4")


@small_without("near-ghosts")
def test_lost_records_hold_no_place(small: Stage) -> None:
    """The store lost records of attached people, so they will not be detached: their places are free."""
    for n in range(3):
        assert small.attach(f"p{n}")
        small.client.delete(f"{{0}}p:p{n}")
        small.client.delete("{0}at:s1")
    assert small.attach("p4")


def test_a_join_before_the_stream_gives_no_place(small: Stage) -> None:
    """Nor does a place in the queue: only who was attached has been counted."""
    assert all(small.attach(f"p{n}") for n in range(3))
    small.join("p4")
    assert small.attach("p4") is None


def test_places_leave_no_key_behind(small: Stage) -> None:
    """When all people have gone, the key of the network goes, too."""
    for n in range(3):
        small.attach(f"p{n}")
    for n in range(3):
        assert small.client.ttl(f"{{0}}near:{HOME}") == -1
        small.closes(f"p{n}")
    assert small.client.ttl(f"{{0}}near:{HOME}") > 0
    small.attach("p0")
    assert small.client.ttl(f"{{0}}near:{HOME}") == -1


def test_five_hundred_of_one_network(store_server_each: StoreServer) -> None:
    """The default: of 600 attaches from one network 500 are people here, and all of another network come
    in."""
    with store_server_each.client() as client:
        stage = Stage(client)
        try:
            stage.marks = {f"p{n}": Marks("", HOME) for n in range(600)}
            stage.marks |= {f"o{n}": Marks("", AWAY) for n in range(100)}
            assert sum(stage.attach(f"p{n}") is not None for n in range(600)) == 500
            assert all(stage.attach(f"o{n}") for n in range(100))
            assert stage.direct.broken() == []
        finally:
            stage.close()
