"""What the re-attach script answers to a process that says what it wrote last, on real stores."""

import contextlib
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from duologue.pairing import scripts
from duologue.pairing.machine import Machine
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import (
    Attached,
    ConnectionId,
    DetachCause,
    Held,
    MediaKind,
    PageId,
    PersonId,
    ProcessId,
    Reattached,
    Refused,
    Same,
    Seen,
)
from duologue.store.client import Store
from tests.servers import StoreServer

ANN, BOB, PROCESS = PersonId("ann"), PersonId("bob"), ProcessId("s_1")


class Talk:
    """Ann and Bob in a match, with two messages and three signals to Ann, of which one is another page's."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.match = ""
        self._attached_at_ms = 0

    async def begin(self) -> None:
        for person in (ANN, BOB):
            answer = await self.machine.attach(person, self.connection(person), PROCESS, "page")
            assert isinstance(answer, Attached)
            if person == ANN:
                self._attached_at_ms = answer.attached_at_ms
            await self.machine.join(person, intent=1, pool="main")
        self.match = msgspec.json.decode(await self.machine.read(ANN))["match"]["match"]
        for n in (1, 2):
            await self.machine.message(BOB, self.match, f"k{n}", f"text {n}")
        for n, page in enumerate(("", "another", "page")):
            await self.machine.signal(BOB, self.match, f"g{n}", {}, "page", page)

    @staticmethod
    def connection(person: PersonId) -> ConnectionId:
        return ConnectionId(f"c_{person}")

    async def all_seen(self) -> Seen:
        """What a process has written that missed nothing."""
        version = msgspec.json.decode(await self.machine.read(ANN))["version"]
        return Seen(version, self.match, 2, 3)

    async def reattach(self, seen: Seen | None) -> Reattached:
        at = self._attached_at_ms
        held = Held(ANN, self.connection(ANN), PageId("page"), at, '""', seen)
        (answer,) = await self.machine.reattach(PROCESS, [held])
        return answer


@contextlib.asynccontextmanager
async def talking(url: str, without: Sequence[str] = ()) -> AsyncIterator[Talk]:
    """On a machine with these guards switched off."""
    async with Store(url).running() as store:
        made = scripts.load(Timings(), MediaKind.PEER, "main", without=without)
        talk = Talk(Machine(store, scripts=made))
        await talk.begin()
        yield talk


def dump(server: StoreServer) -> dict[bytes, bytes]:
    """The whole store."""
    with server.client() as client:
        return {key: client.dump(key) for key in client.keys("*")}


async def test_nothing_missed(store_url: str) -> None:
    """Every number is the last one: ``same``. So it is when only the address is compared."""
    async with talking(store_url) as talk:
        assert isinstance(await talk.reattach(await talk.all_seen()), Same)
        assert isinstance(await talk.reattach(None), Same)


@pytest.mark.parametrize(
    ("missed", "messages", "signals"),
    [
        ({"version": -1}, [], []),
        ({"version": 1}, [], []),
        ({"message_n": -1}, [2], []),
        ({"message_n": 1}, [1, 2], []),
        ({"signal_n": -1}, [], [3]),
        ({"signal_n": -3}, [], [1, 3]),
    ],
    ids=str,
)
async def test_whatever_differs_is_answered_by_a_snapshot_and_what_followed(
    store_url: str, missed: dict[str, int], messages: list[int], signals: list[int]
) -> None:
    """The state, and what came later; all messages if the page has more than there are (a store that fell
    back)."""
    async with talking(store_url) as talk:
        seen = await talk.all_seen()
        behind = seen._replace(**{name: getattr(seen, name) + by for name, by in missed.items()})
        answer = await talk.reattach(behind)
        assert isinstance(answer, Attached)
        assert msgspec.json.decode(answer.state)["version"] == seen.version == answer.version
        assert (answer.match, answer.message_n, answer.signal_n) == (talk.match, 2, 3)
        assert [note.n for note in answer.messages] == messages
        assert [note.n for note in answer.signals] == signals


async def test_of_another_match_nothing_was_seen(store_url: str) -> None:
    """Numbers of another match say nothing of this one: all that is kept follows."""
    async with talking(store_url) as talk:
        answer = await talk.reattach((await talk.all_seen())._replace(match="m_other"))
        assert isinstance(answer, Attached)
        assert [note.n for note in answer.messages] == [1, 2]
        assert [note.n for note in answer.signals] == [1, 3]


async def test_version_0_is_never_the_same(store_url: str) -> None:
    """Race E35: how a process that suspects something asks for a snapshot whatever it has written."""
    async with talking(store_url) as talk:
        answer = await talk.reattach((await talk.all_seen())._replace(version=0))
        assert isinstance(answer, Attached)
        assert not answer.messages
        assert not answer.signals


async def test_a_snapshot_for_a_named_connection_writes_nothing(store_server_each: StoreServer) -> None:
    """Not even a sign of life: the store is as it was, to the byte."""
    async with talking(store_server_each.url) as talk:
        before = dump(store_server_each)
        assert isinstance(await talk.reattach(Seen(0, "", 0, 0)), Attached)
        assert dump(store_server_each) == before


async def test_control_of_the_comparison(store_url: str) -> None:
    """Control: by the connection alone, a lost newest frame would not be found (race E39)."""
    async with talking(store_url, without=["seen-compared"]) as talk:
        assert isinstance(await talk.reattach(Seen(1, "", 0, 0)), Same)


async def test_a_lost_address_is_written_and_what_followed_comes(
    store_server_each: StoreServer,
) -> None:
    """Race E17, and the same numbers count: what was read already does not come again."""
    async with talking(store_server_each.url) as talk:
        seen = await talk.all_seen()
        await talk.machine.detach(ANN, talk.connection(ANN), DetachCause.OURS)
        answer = await talk.reattach(seen._replace(message_n=1))
        assert isinstance(answer, Attached)
        assert [note.n for note in answer.messages] == [2]
        assert not answer.signals
        assert (await talk.machine.beat(PROCESS)).people_online == 2


async def test_a_later_connection_is_not_answered_with_anything(store_url: str) -> None:
    """Race E38: whatever an older socket says that it wrote, it reads nothing more."""
    async with talking(store_url) as talk:
        await talk.machine.attach(ANN, ConnectionId("c_later"), PROCESS, "page")
        assert isinstance(await talk.reattach(Seen(0, "", 0, 0)), Refused)
