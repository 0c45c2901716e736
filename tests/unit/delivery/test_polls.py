"""Polls of one page: when they are answered, with what, and how long their connection outlives them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from duologue.delivery.connection import Connection, End
from duologue.delivery.poll import Asked, Asking, Poll, Reply, Untold
from duologue.delivery.polls import LINGER_S
from duologue.delivery.resync import Resync
from duologue.pairing.vocabulary import DetachCause, LastRead, Note, Refused, TakenOver
from duologue.store.client import StoreUnavailable
from duologue.workers.supervisor import repeat
from tests.unit.delivery.fakes import ANN, PAGE, PROCESS, Scene, attached, frame, settle, state

WAITS = Asked(version=10, wait_s=15)
"""A page that has the state of the usual attach."""


def message(n: int) -> Note:
    """A kept message, whole as the scripts make it."""
    fields = {"match": "m_1", "n": n, "from": "partner", "text": f"text {n}"}
    return Note(n, frame("message", **fields))


def signal(n: int) -> Note:
    """A kept signal."""
    return Note(n, frame("peer-signal", match="m_1", n=n, data={"from": "b1", "hello": True}))


@contextlib.asynccontextmanager
async def at_work(scene: Scene) -> AsyncIterator[None]:
    """The hub, and the loop that closes who stays away."""
    async with scene.hub.running(), asyncio.TaskGroup() as group:
        loop = group.create_task(repeat(scene.polls, scene.metrics))
        try:
            yield
        finally:
            await scene.hub.drain()
            loop.cancel()


class Polling:
    """One poll in a task of its own."""

    def __init__(self, scene: Scene, asked: Asked, expires_at_ms: int = 0) -> None:
        self.asking: Asking | None = None
        self.found: Reply | None = None
        self._scene = scene
        self._asked = asked
        self._expires_at_ms = expires_at_ms
        self.task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        asks = self._scene.polls.ask(ANN, PAGE, self._asked, alias="Ann", expires_at_ms=self._expires_at_ms)
        with asks as self.asking:
            self.found = await self.asking.reply()

    def reply(self) -> dict[str, Any]:
        """What it was answered."""
        assert isinstance(self.found, bytes), self.found
        whole: dict[str, Any] = msgspec.json.decode(self.found)
        return whole

    def version(self) -> int:
        """Of the state that it was answered."""
        return int(self.reply()["state"]["version"])


async def poll(scene: Scene, asked: Asked = WAITS, **more: int) -> Polling:
    """A poll, asked; answered already if anything answers it."""
    one = Polling(scene, asked, **more)
    await settle()
    return one


async def met(scene: Scene) -> Polling:
    """Ann's page has polled once: the connection is there, and no poll waits."""
    return await poll(scene, Asked())


def connection_of(scene: Scene) -> str:
    """The connection id of the last attach."""
    return str(scene.machine.named("attach")[-1][1])


def published(scene: Scene, version: int, kind: str = "state", match: str = "") -> bytes:
    """A state of the page's connection, published."""
    head = f"S ann {connection_of(scene)} {version}".encode()
    return b"\n".join([head, state(version, match), frame(kind)])


# --- when it is answered, and with what ------------------------------------------------------


async def test_the_first_poll_is_answered_at_once(scene: Scene) -> None:
    """It attaches with a connection id of its own, and reads all that a stream's snapshot says."""
    async with at_work(scene):
        first = await met(scene)
        ((person, _, process, page, alias, *after),) = scene.machine.named("attach")
        assert (person, process, page, alias, after) == (ANN, PROCESS, PAGE, "Ann", ["", 0, 0])
        assert first.reply() == {
            "state": msgspec.json.decode(state(10)),
            "messages": [],
            "signals": [],
            "people_online": 1,
            "now_ms": int(scene.contact.store_clock.now_ms()),
            "transports": "both",
            "media": {"kind": "peer", "ice_servers": [{"urls": ["stun:s"]}]},
        }


async def test_each_poll_is_an_attach_with_the_same_connection(scene: Scene) -> None:
    """That is its sign of life; nothing is replaced, and no one is told."""
    async with at_work(scene):
        await met(scene)
        await poll(scene)
        ids = {call[1] for call in scene.machine.named("attach")}
        assert len(scene.machine.named("attach")) == 2
        assert len(ids) == 1


async def test_it_waits_for_news(scene: Scene) -> None:
    """A version that the page has is not news; a newer one is, at once."""
    async with at_work(scene):
        await met(scene)
        waiting = await poll(scene)
        await scene.clock.turn(5)
        assert waiting.found is None
        scene.hub.deliver(published(scene, 11))
        await settle()
        assert waiting.version() == 11


async def test_it_is_answered_when_its_time_is_up(scene: Scene) -> None:
    """With how things are: the same state again."""
    async with at_work(scene):
        await met(scene)
        waiting = await poll(scene, WAITS._replace(wait_s=2))
        await scene.clock.turn(1.9)
        assert waiting.found is None
        await scene.clock.turn(0.2)
        assert waiting.version() == 10


@pytest.mark.parametrize("version", [None, 9, 11])
async def test_any_other_version_is_answered_at_once(scene: Scene, version: int | None) -> None:
    """Race E20: a lower one is news too, for the store may have fallen back."""
    async with at_work(scene):
        await met(scene)
        assert (await poll(scene, WAITS._replace(version=version))).version() == 10


async def test_who_begins_anew_is_answered_at_once(scene: Scene) -> None:
    """After an absence the media deadline runs again: only a page that reads something says ``open``."""
    async with at_work(scene):
        await met(scene)
        scene.machine.answers["attach"] = [attached(10)._replace(anew=True)]
        assert (await poll(scene)).version() == 10
        assert (await poll(scene)).found is None, "once"


async def test_messages_and_signals_come_after_the_numbers_named(scene: Scene) -> None:
    """In order, of the match named; what the page has is left out."""
    notes = [message(n) for n in (3, 4)]
    scene.machine.answers["attach"] = [attached(10, "m_1", notes, [signal(n) for n in (1, 2, 3)])]
    async with at_work(scene):
        found = await poll(scene, WAITS._replace(after=LastRead("m_1", 2), signals_after=2))
        assert scene.machine.named("attach")[0][5:] == ("m_1", 2, 0)
        assert [each["n"] for each in found.reply()["messages"]] == [3, 4]
        assert found.reply()["messages"][0] == {"n": 3, "from": "partner", "text": "text 3", "at_ms": 1}
        assert found.reply()["signals"] == [{"n": 3, "data": {"from": "b1", "hello": True}, "at_ms": 1}]


@pytest.mark.parametrize(
    ("after", "signals_after", "found"),
    [
        (LastRead("m_1", 2), 2, []),
        (LastRead("m_1", 0), 1, [2]),
        (LastRead("m_0", 9), 2, [1, 2]),  # numbers of another match say nothing of this one
        (LastRead("", 0), 2, []),  # no message read: the match is that of the version named
        (LastRead("", 0), 0, [1, 2]),
    ],
)
async def test_which_signals_are_news(
    scene: Scene, after: LastRead, signals_after: int, found: list[int]
) -> None:
    """A page that has them all waits; one that names another match gets them all."""
    scene.machine.usual["attach"] = attached(10, "m_1", [], [signal(1), signal(2)])
    async with at_work(scene):
        asked = await poll(scene, WAITS._replace(after=after, signals_after=signals_after))
        assert (asked.found is None) == (not found)
        if found:
            assert [each["n"] for each in asked.reply()["signals"]] == found


async def test_a_message_is_news(scene: Scene) -> None:
    """It raises no version, and still counts as news."""
    scene.machine.usual["attach"] = attached(10, "m_1")
    async with at_work(scene):
        waiting = await poll(scene, WAITS._replace(after=LastRead("m_1", 0)))
        note = message(1)
        scene.hub.deliver(f"M ann {connection_of(scene)} m_1 1\n".encode() + note.frame)
        await settle()
        assert [each["text"] for each in waiting.reply()["messages"]] == ["text 1"]


async def test_after_a_store_fell_back_what_was_said_anew_is_news(scene: Scene) -> None:
    """Race E8: the page has read as many as there are; theirs were said at other instants."""
    anew = Note(2, frame("message", match="m_1", n=2, **{"from": "me", "text": "two"}, at_ms=900))
    hello = Note(1, frame("peer-signal", match="m_1", n=1, data={"from": "b1"}, at_ms=901))
    scene.machine.usual["attach"] = attached(10, "m_1", [message(1), anew], [hello])
    async with at_work(scene):
        read = WAITS._replace(signals_after=1)
        asked = await poll(scene, read._replace(after=LastRead("m_1", 2, 50), signals_after_ms=51))
        found = asked.reply()
        assert [each["n"] for each in (*found["messages"], *found["signals"])] == [2, 1]
        has_all = read._replace(after=LastRead("m_1", 2, 900), signals_after_ms=901)
        assert (await poll(scene, has_all)).found is None


async def test_after_a_store_fell_back_all_its_messages_are_news(scene: Scene) -> None:
    """Race E8: the page has read more than there are, so their numbers stand for others now."""
    scene.machine.answers["attach"] = [attached(10, "m_1", [message(1), message(2)])]
    async with at_work(scene):
        asked = await poll(scene, WAITS._replace(after=LastRead("m_1", 3)))
        assert [each["n"] for each in asked.reply()["messages"]] == [1, 2]


async def test_what_arrives_during_the_attach_is_in_the_reply(scene: Scene) -> None:
    """Race E5, with polls: published after the script ran, heard before its answer came."""
    async with at_work(scene):
        await met(scene)
        answer = asyncio.Event()
        scene.machine.answers["attach"] = [answer, attached(10)]
        waiting = await poll(scene)
        scene.hub.deliver(published(scene, 11))
        answer.set()
        await settle()
        assert waiting.version() == 11


async def test_a_skip_told_by_a_reply_is_measured(scene: Scene) -> None:
    """``duologue_skip_told_seconds``, also of people who poll, and also if it came between two polls."""
    async with at_work(scene):
        await met(scene)
        at_ms = int(scene.contact.store_clock.now_ms())
        skip = b'{"type":"force-disconnect","at_ms":%d,"reason":"partner-skipped"}' % at_ms
        head = f"S ann {connection_of(scene)} 11".encode()
        scene.hub.deliver(b"\n".join([head, state(11), skip]))
        await scene.clock.turn(0.5)
        scene.machine.answers["attach"] = [attached(11)]
        assert (await poll(scene)).version() == 11
        assert scene.value("skip_told_seconds_count", source="server") == 1
        assert scene.value("skip_told_seconds_sum", source="server") == pytest.approx(0.5, abs=0.002)


# --- several polls ---------------------------------------------------------------------------


async def test_of_two_polls_the_older_is_answered_at_once(scene: Scene) -> None:
    """A page came back while its last poll still hangs in a proxy: one waits, and the person stays
    attached."""
    async with at_work(scene):
        await met(scene)
        older = await poll(scene)
        newer = await poll(scene)
        assert older.version() == 10
        assert newer.found is None
        await scene.clock.turn(LINGER_S + 1)
        assert scene.machine.named("detach") == []
        scene.hub.deliver(published(scene, 11))
        await settle()
        assert newer.version() == 11


async def test_a_newer_poll_may_come_during_the_attach_of_the_older(scene: Scene) -> None:
    """Each has its own attach, one after the other; both are answered."""
    async with at_work(scene):
        await met(scene)
        answer = asyncio.Event()
        scene.machine.answers["attach"] = [answer, attached(11), attached(12)]
        older = await poll(scene, WAITS._replace(version=11))
        newer = await poll(scene, WAITS._replace(version=11))
        assert len(scene.machine.named("attach")) == 2, "the newer one's waits its turn"
        answer.set()
        await settle()
        assert (older.version(), newer.version()) == (11, 12)


async def test_the_older_ones_end_is_not_the_pages(scene: Scene) -> None:
    """Its client hung up long after the newer one came: the time between two polls does not begin."""
    async with at_work(scene):
        await met(scene)
        older = await poll(scene)
        await poll(scene)
        older.task.cancel()
        await scene.clock.turn(LINGER_S + 1)
        assert scene.machine.named("detach") == []


# --- between two polls -----------------------------------------------------------------------


async def test_who_stays_away_is_detached_after_3_s(scene: Scene) -> None:
    """Counted from the last answer, and as closed: a partner is told."""
    async with at_work(scene):
        await met(scene)
        await scene.clock.turn(2.9)
        assert scene.machine.named("detach") == []
        await scene.clock.turn(0.2)
        assert [call[1:] for call in scene.machine.named("detach")] == [
            (connection_of(scene), DetachCause.CLOSED)
        ]
        assert scene.contact.people_here == scene.contact.polls_here == 0


async def test_who_comes_back_in_time_is_not(scene: Scene) -> None:
    """Again and again, with news or without."""
    async with at_work(scene):
        for _ in range(4):
            await met(scene)
            await scene.clock.turn(2.5)
        assert scene.machine.named("detach") == []


async def test_a_client_that_hangs_up_is_away_from_then_on(scene: Scene) -> None:
    """In the midst of a poll: 3 s later its person is detached."""
    async with at_work(scene):
        await met(scene)
        waiting = await poll(scene)
        await scene.clock.turn(10)
        assert waiting.asking
        waiting.asking.answer(Untold.GONE)
        await scene.clock.turn(2.9)
        assert scene.machine.named("detach") == []
        await scene.clock.turn(0.2)
        assert len(scene.machine.named("detach")) == 1


async def test_a_detach_waits_for_the_attach_under_way(scene: Scene) -> None:
    """Race E16: the client hung up, the store hangs; the detach follows the attach, never overtakes it."""
    async with at_work(scene):
        answer = asyncio.Event()
        scene.machine.answers["attach"] = [answer, attached(10)]
        hung = await poll(scene)
        hung.task.cancel()
        await scene.clock.turn(LINGER_S + 1)
        assert scene.machine.named("detach") == []
        answer.set()
        await settle()
        assert len(scene.machine.named("detach")) == 1


async def test_a_process_that_was_held_up_gives_everybody_their_time_again(scene: Scene) -> None:
    """Paused for 10 s: the polls that came meanwhile wait in their sockets, and no one is away."""
    async with at_work(scene):
        await met(scene)
        await scene.clock.turn(10, step=10)
        await scene.clock.turn(2.5)
        assert scene.machine.named("detach") == []
        await met(scene)
        await scene.clock.turn(2.5)
        assert scene.machine.named("detach") == []
        await scene.clock.turn(1)
        assert len(scene.machine.named("detach")) == 1


async def test_a_thousand_polls_leave_nothing_behind(scene: Scene) -> None:
    """No task and no entry a poll: what there is, is one connection and its last absence."""
    async with at_work(scene):
        await met(scene)
        before = len(asyncio.all_tasks())
        for _ in range(1000):
            await met(scene)
        assert len(asyncio.all_tasks()) == before
        await scene.clock.turn(LINGER_S + 0.5)
        assert not scene.polls._away
        assert not scene.polls._by_page
        assert not scene.hub._open


async def test_between_two_polls_nothing_piles_up(scene: Scene) -> None:
    """The next poll's attach answers it all; only what was told last is known, for the re-attach loop."""
    scene.machine.usual["attach"] = attached(10, "m_1")
    async with at_work(scene):
        await met(scene)
        (held,) = scene.hub.connections()
        for n in range(1, 50):
            scene.hub.deliver(f"M ann {held.id} m_1 {n}\n".encode() + message(n).frame)
        assert held.seen[:4] == (10, "m_1", 49, 0)
        assert not held._messages  # type: ignore[attr-defined]  # a poll's
        assert not scene.hub.doubtful


# --- ends ------------------------------------------------------------------------------------


async def test_another_page_takes_over(scene: Scene) -> None:
    """The poll that waits says so, and so does every later one; nothing is detached."""
    async with at_work(scene):
        await met(scene)
        waiting = await poll(scene)
        scene.hub.deliver(f"T ann {connection_of(scene)}".encode())
        await settle()
        assert waiting.found is Untold.TAKEN_OVER
        scene.machine.answers["attach"] = [TakenOver()]
        assert (await poll(scene)).found is Untold.TAKEN_OVER
        await scene.clock.turn(LINGER_S + 1)
        assert scene.machine.named("detach") == []


async def test_the_page_comes_by_another_process_or_a_stream(scene: Scene) -> None:
    """The poll here is answered at once with what there is; no detach: the record names the other."""
    async with at_work(scene):
        await met(scene)
        waiting = await poll(scene)
        scene.hub.deliver(f"E ann {connection_of(scene)}".encode())
        await settle()
        assert waiting.version() == 10
        assert scene.machine.named("detach") == []
        old = connection_of(scene)
        await poll(scene)
        assert connection_of(scene) != old, "a connection that ended is never used again"


async def test_replaced_between_two_polls(scene: Scene) -> None:
    """It goes at once, not after 3 s: its person is counted by the other process."""
    async with at_work(scene):
        await met(scene)
        scene.hub.deliver(f"E ann {connection_of(scene)}".encode())
        await settle()
        assert scene.contact.polls_here == 0
        assert scene.machine.named("detach") == []


async def play_overtaken(scene: Scene) -> list[Any]:
    """Another process had the page for a moment; its ``E`` is heard while the page's next poll attaches."""
    await met(scene)
    answer = asyncio.Event()
    scene.machine.answers["attach"] = [answer, attached(10)]
    await poll(scene)
    scene.hub.deliver(f"E ann {connection_of(scene)}".encode())
    answer.set()
    await settle()
    return list(scene.hub.connections())


async def test_an_older_replacement_does_not_end_a_newer_attach(scene: Scene) -> None:
    """The record names this connection again; otherwise no process would have it. The store sorts it out."""
    async with at_work(scene):
        (held,) = await play_overtaken(scene)
        assert scene.hub.doubtful == {held}
        scene.machine.answers["reattach"] = [[Refused()]]
        await Resync(scene.hub).some([held])
        assert held.ended is End.REFUSED


async def test_without_the_doubt_the_page_is_held_by_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: it ends, undetached, while the store believes it here."""
    monkeypatch.setattr(Poll, "_superseded", Connection._superseded)
    async with at_work(scene):
        assert await play_overtaken(scene) == []
        assert scene.machine.named("detach") == []


async def test_a_lost_publication_is_found_by_the_reattach_loop(scene: Scene) -> None:
    """It names what was told last, and the answer is news for the poll that waits."""
    async with at_work(scene):
        await met(scene)
        waiting = await poll(scene)
        scene.machine.answers["reattach"] = [[attached(11)]]
        await Resync(scene.hub).everybody()
        ((_, (held,)),) = scene.machine.named("reattach")
        assert held.seen[:4] == (10, "", 0, 0)
        await settle()
        assert waiting.version() == 11


@pytest.mark.parametrize("waits", [True, False])
async def test_under_suspicion_the_same_state_is_news(scene: Scene, waits: bool) -> None:
    """Race E35: a store that fell back to before an ``open`` has the same version; the page must say it
    again.

    It holds for a poll that waits when the store was asked, and for one that comes afterwards.
    """
    async with at_work(scene):
        await met(scene)
        waiting = await poll(scene) if waits else None
        scene.contact.suspect("feed")
        scene.machine.answers["reattach"] = [[attached(10)]]
        await Resync(scene.hub).everybody()
        ((_, (held,)),) = scene.machine.named("reattach")
        assert held.seen
        assert held.seen.version == 0
        await settle()
        assert (waiting or await poll(scene)).version() == 10
        assert (await poll(scene)).found is None, "once"


async def test_drain(scene: Scene) -> None:
    """The poll that waits is answered; who polls and who has just polled are detached as our own doing."""
    async with scene.hub.running():
        await met(scene)
        waiting = await poll(scene)
        with scene.polls.ask(ANN, PAGE, Asked(), alias="Bob"):
            pass
        await scene.hub.drain()
        assert waiting.version() == 10
        assert {call[2] for call in scene.machine.named("detach")} == {DetachCause.OURS}
        assert (await poll(scene)).found is Untold.NOT_HELD
        assert not scene.hub._open


async def test_a_drain_comes_before_the_attach(scene: Scene) -> None:
    """A poll that has just come is not told that the store is away: it is answered by a read."""
    async with scene.hub.running():
        await met(scene)
        waiting = Polling(scene, WAITS)
        while waiting.asking is None:  # noqa: ASYNC110 # a step of its task
            await asyncio.sleep(0)
        await scene.hub.drain()
        assert waiting.found is Untold.NOT_HELD


@pytest.mark.parametrize("way", ["overtaken", "refused"])
async def test_replaced_before_the_attach(scene: Scene, way: str) -> None:
    """A page that goes to and fro between two servers: what the other did is heard as its poll comes here.

    The store is not away, and nothing is wrong: a read answers, the next poll has a connection of its own.
    """
    async with at_work(scene):
        await met(scene)
        (held,) = scene.hub.connections()
        waiting = Polling(scene, WAITS)
        while waiting.asking is None:  # noqa: ASYNC110 # a step of its task
            await asyncio.sleep(0)
        if way == "overtaken":
            scene.hub.deliver(f"E ann {held.id}".encode())
        else:
            held.end(End.REFUSED)
        await settle()
        assert waiting.found is Untold.NOT_HELD
        assert (await met(scene)).version() == 10
        assert connection_of(scene) != held.id


async def test_a_drain_finds_somebody_between_two_polls(scene: Scene) -> None:
    """Told nothing, detached as our own doing: no partner reads that they are away."""
    async with scene.hub.running():
        await met(scene)
        await scene.hub.drain()
        assert [call[2] for call in scene.machine.named("detach")] == [DetachCause.OURS]


async def test_the_store_is_away(scene: Scene) -> None:
    """The poll is refused, to be repeated; the connection stays for the next one."""
    scene.machine.answers["attach"] = [attached(10), StoreUnavailable("away"), attached(11)]
    async with at_work(scene):
        await met(scene)
        assert (await poll(scene)).found is Untold.AWAY
        assert (await poll(scene)).version() == 11
        assert len({call[1] for call in scene.machine.named("attach")}) == 1


async def test_the_store_goes_away_while_a_poll_waits(scene: Scene) -> None:
    """No beat for 2 s: refused, not left to wait for what cannot come."""
    async with at_work(scene):
        await met(scene)
        waiting = await poll(scene)
        scene.hub.tell_unavailable()
        await settle()
        assert waiting.found is Untold.AWAY


async def test_a_store_that_stays_away_sends_elsewhere(scene: Scene) -> None:
    """As streams: our own doing."""
    async with at_work(scene):
        await met(scene)
        waiting = await poll(scene)
        scene.hub.send_elsewhere(10)
        await settle()
        assert waiting.found is Untold.AWAY
        assert [call[2] for call in scene.machine.named("detach")] == [DetachCause.OURS]


async def test_a_token_ends_in_the_midst_of_a_poll(scene: Scene) -> None:
    """Race R21: answered when it ends, not when the time is up, and 3 s later the person is detached."""
    expires_at_ms = int(scene.contact.store_clock.now_ms()) + 4_000
    async with at_work(scene):
        await met(scene)
        waiting = await poll(scene, expires_at_ms=expires_at_ms)
        await scene.clock.turn(3.9)
        assert not waiting.task.done()
        await scene.clock.turn(0.3)
        assert waiting.found is Untold.SESSION_ENDED
        await scene.clock.turn(LINGER_S - 0.5)
        assert scene.machine.named("detach") == []
        await scene.clock.turn(0.5)
        assert [call[2] for call in scene.machine.named("detach")] == [DetachCause.CLOSED]


async def test_who_has_another_token_by_then_stays(scene: Scene) -> None:
    """Renewed while a poll with the old one waited: the same connection, and no partner reads "away"."""
    expires_at_ms = int(scene.contact.store_clock.now_ms()) + 4_000
    async with at_work(scene):
        await met(scene)
        await poll(scene, expires_at_ms=expires_at_ms)
        await scene.clock.turn(5)
        waiting = await poll(scene, expires_at_ms=expires_at_ms + 60_000)
        await scene.clock.turn(LINGER_S + 1)
        assert waiting.found is None
        assert scene.machine.named("detach") == []
        assert len({call[1] for call in scene.machine.named("attach")}) == 1


async def test_a_defect_is_one_polls(scene: Scene) -> None:
    """It is counted, the poll is refused, and the page begins again."""
    async with at_work(scene):
        await met(scene)
        scene.machine.answers["attach"] = [ValueError("a defect")]
        assert (await poll(scene)).found is Untold.AWAY
        assert scene.value("worker_failures_total", worker="hub") == 1
        assert (await met(scene)).version() == 10


async def test_polls_are_no_streams(scene: Scene) -> None:
    """Neither counted nor sent heartbeats as such; people are people."""
    async with at_work(scene):
        await met(scene)
        assert scene.value("streams_open") == 0
        assert (scene.contact.people_here, scene.contact.held_here) == (1, (0, 1))
        waiting = await poll(scene)
        await scene.clock.turn(14.5, step=0.25)
        assert waiting.found is None
