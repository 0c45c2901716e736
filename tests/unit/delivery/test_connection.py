"""One stream: what is written, in which order, and what is not."""

import pytest

from duologue.delivery.connection import MAX_HELD, Connection, End, Means
from duologue.delivery.offer import Offer
from duologue.delivery.publication import Echo, RoomWake, parse
from duologue.delivery.stream import MAX_WAITING_BYTES, Stream
from duologue.pairing.vocabulary import ConnectionId, DetachCause, LastRead, Note
from tests.unit.delivery.fakes import ANN, PAGE, Scene, attached, frame, frames, message, said, state


@pytest.fixture
def doubts() -> list[Connection]:
    """The connections on which a gap showed."""
    return []


@pytest.fixture
def connection(scene: Scene, doubts: list[Connection]) -> Stream:
    """A stream whose attach is under way."""
    means = Means(scene.hub.means.media, scene.contact, scene.metrics, Offer(), doubts.append)
    return Stream(ANN, PAGE, ConnectionId("c_1"), means, alias="Ann", after=LastRead(), expires_at_ms=0)


def tell(connection: Stream, raw: bytes) -> None:
    """A publication arrives."""
    publication = parse(raw)
    assert not isinstance(publication, Echo | RoomWake)
    connection.take(publication)


def text(connection: Stream, n: int, match: str = "m_1") -> bytes:
    """A message, published."""
    return f"M ann {connection.id} {match} {n}\n".encode() + message(n, match).frame


def signal(connection: Stream, n: int, to: str = "-") -> bytes:
    """A peer signal, published."""
    return f"G ann {connection.id} m_1 {n} {to}\n".encode() + frame("peer-signal", match="m_1", n=n)


async def test_what_arrives_during_the_attach_follows_the_snapshot(connection: Stream) -> None:
    """Race E5: nothing is lost between the address being written and the snapshot."""
    tell(connection, said(connection, 11, frame("new-match", match="m_1"), state_=state(11, "m_1")))
    tell(connection, text(connection, 1))
    assert not connection.has_waiting
    connection.attach_answered(attached(10), "connected", 0)
    assert [each["type"] for each in await frames(connection)] == ["snapshot", "new-match", "message"]


async def test_what_the_snapshot_knows_already_is_not_repeated(connection: Stream) -> None:
    """The attach itself may publish: its version and its messages are in the answer."""
    tell(connection, said(connection, 10, frame("new-match"), state_=state(10, "m_1", 2)))
    tell(connection, text(connection, 2))
    connection.attach_answered(attached(10, "m_1", [message(1), message(2)]), "connected", 0)
    tell(connection, text(connection, 3))
    told = await frames(connection)
    assert [(each["type"], each.get("n")) for each in told] == [
        ("snapshot", None),
        ("message", 1),
        ("message", 2),
        ("message", 3),
    ]
    assert told[1]["sse"] == {"id": "m_1:1:1"}


async def test_retry_comes_once_with_the_first_frame(connection: Stream) -> None:
    """Whatever the first frame is, it carries ``retry:``; no other does."""
    connection.unavailable()
    connection.attach_answered(attached(10), "connected", 0)
    first, second = await frames(connection)
    assert first["type"] == "unavailable"
    assert 500 <= int(first["sse"]["retry"]) <= 1000
    assert second["type"] == "snapshot"
    assert second["sse"] == {}


async def test_only_newer_states_are_written(connection: Stream) -> None:
    """One version is written once, an older one never."""
    connection.attach_answered(attached(10), "connected", 0)
    for version in (9, 12, 12, 11):
        tell(connection, said(connection, version, frame("state", of=version)))
    assert [each.get("of") for each in await frames(connection)] == [None, 12]


async def test_who_owes_a_sign_is_urgent(connection: Stream) -> None:
    """Their deadline is near: they are re-attached first."""
    connection.attach_answered(attached(10), "connected", 0)
    urgent = [connection.urgent]
    owing = state(11, probe={"probe": "b_1", "until_ms": 1})
    tell(connection, said(connection, 11, frame("probe"), state_=owing))
    urgent.append(connection.urgent)
    tell(connection, said(connection, 12, frame("state"), state_=state(12)))
    assert [*urgent, connection.urgent] == [False, True, False]


async def test_one_version_may_bring_several_frames(connection: Stream) -> None:
    """All with the same, final state, in order, and ``waiting`` with the people online."""
    connection.attach_answered(attached(10), "connected", 0)
    connection._means.contact.people_here = 42
    tell(connection, said(connection, 11, frame("force-disconnect", reason="partner-left"), frame("waiting")))
    _, ended, waits = await frames(connection)
    assert (ended["type"], waits["type"]) == ("force-disconnect", "waiting")
    assert ended["state"] == waits["state"]
    assert "people_online" not in ended
    assert waits["people_online"] == 42


async def test_a_snapshot_counts_whatever_its_version(connection: Stream) -> None:
    """Races E8 and E20: a store that fell back is followed, downwards too."""
    connection.attach_answered(attached(100), "connected", 0)
    connection.attach_answered(attached(50), "resync", 0)
    tell(connection, said(connection, 60, frame("state")))
    told = await frames(connection)
    assert [(each["type"], each["state"]["version"]) for each in told] == [
        ("snapshot", 100),
        ("snapshot", 50),
        ("state", 60),
    ]


async def test_after_a_store_fell_back_all_its_messages_are_written(connection: Stream) -> None:
    """Race E8: fewer than were written before, so their numbers stand for others now."""
    connection.attach_answered(attached(10, "m_1", [message(n) for n in (1, 2, 3)]), "connected", 0)
    await frames(connection)
    connection.attach_answered(attached(9, "m_1", [message(1), message(2)]), "resync", 0)
    tell(connection, text(connection, 3))
    assert [each.get("n") for each in await frames(connection)] == [None, 1, 2, 3]


async def test_as_many_said_anew_as_were_lost_are_written_all_the_same(connection: Stream) -> None:
    """Race E8: number 2 was lost, and given out again; its instant shows that it stands for another."""
    lost, hello = message(2, at_ms=50), frame("peer-signal", n=1)
    connection.attach_answered(attached(10, "m_1", [message(1), lost], [Note(1, hello)]), "connected", 0)
    await frames(connection)
    anew = [message(2, at_ms=900)], [Note(1, hello.replace(b'"at_ms":1', b'"at_ms":901'))]
    connection.attach_answered(attached(10, "m_1", *anew), "resync", 0)
    told = [(each["type"], each["at_ms"]) for each in await frames(connection)]
    assert told[1:] == [("message", 900), ("peer-signal", 901)]
    assert connection.seen[4:] == (900, 901)
    connection.attach_answered(attached(10, "m_1", *anew), "resync", 0)
    assert [each["type"] for each in await frames(connection)] == ["snapshot"]


async def test_messages_come_in_order_once_or_are_asked_after(
    connection: Stream, doubts: list[Connection]
) -> None:
    """A gap is never written over, a repeat never written twice."""
    connection.attach_answered(attached(10, "m_1", [message(1)]), "connected", 0)
    tell(connection, text(connection, 1))
    tell(connection, text(connection, 2))
    assert not doubts
    tell(connection, text(connection, 4))
    assert doubts == [connection]
    assert [each.get("n") for each in await frames(connection)] == [None, 1, 2]


async def test_a_message_of_another_match_is_not_written(
    connection: Stream, doubts: list[Connection]
) -> None:
    """Either it is late, or we missed the match: both are asked after."""
    connection.attach_answered(attached(10, "m_1"), "connected", 0)
    tell(connection, text(connection, 1, "m_2"))
    assert doubts == [connection]
    assert len(await frames(connection)) == 1


async def test_numbers_begin_anew_with_each_match(connection: Stream, doubts: list[Connection]) -> None:
    """Message 1 of the next match is not a repeat."""
    connection.attach_answered(attached(10, "m_1", [message(1)]), "connected", 0)
    tell(connection, said(connection, 11, frame("new-match"), state_=state(11, "m_2")))
    tell(connection, text(connection, 1, "m_2"))
    assert not doubts
    assert (await frames(connection))[-1]["sse"] == {"id": "m_2:1:1"}


async def test_a_state_that_knows_more_messages_shows_a_gap(
    connection: Stream, doubts: list[Connection]
) -> None:
    """The feed is in order: what a state counts was published before it."""
    connection.attach_answered(attached(10, "m_1", [message(1)]), "connected", 0)
    tell(connection, said(connection, 11, frame("state"), state_=state(11, "m_1", last=2)))
    assert doubts == [connection]


async def test_signals_for_another_page_are_counted_and_not_written(
    connection: Stream, doubts: list[Connection]
) -> None:
    """They are not a gap, and not for this page (race E21)."""
    connection.attach_answered(attached(10, "m_1"), "connected", 0)
    for n, to in ((1, "-"), (2, "page0"), (3, PAGE)):
        tell(connection, signal(connection, n, to))
    assert [each.get("n") for each in await frames(connection)] == [None, 1, 3]
    assert not doubts


async def test_more_than_can_be_held_is_asked_after(connection: Stream, doubts: list[Connection]) -> None:
    """An attach without an end costs bounded memory, and what was dropped is found."""
    for version in range(MAX_HELD + 5):
        tell(connection, said(connection, 11 + version, frame("state")))
    connection.attach_answered(attached(10), "connected", 0)
    assert doubts == [connection]


async def test_taken_over_is_the_last_frame(connection: Stream) -> None:
    """Another page came: one frame, the end, and no detach, for the record names the other."""
    tell(connection, b"T ann c_1")
    connection.attach_answered(attached(10), "connected", 0)
    assert [each["type"] for each in await frames(connection)] == ["taken-over"]
    assert connection.ended is End.TAKEN_OVER
    assert connection.ended.detach is None
    with pytest.raises(StopAsyncIteration):
        await anext(connection)


async def test_replaced_by_its_own_page_it_just_ends(connection: Stream) -> None:
    """Race E31: no frame, for the page that would read ``taken-over`` is the one that came."""
    connection.attach_answered(attached(10), "connected", 0)
    tell(connection, b"E ann c_1")
    assert [each["type"] for each in await frames(connection)] == ["snapshot"]
    assert connection.ended is End.REPLACED


async def test_a_slow_reader_costs_bounded_memory(connection: Stream) -> None:
    """Race S5: beyond the bound everything that waits is dropped, and the stream ends."""
    connection.attach_answered(attached(10, "m_1"), "connected", 0)
    n = 0
    while connection.ended is None:
        n += 1
        tell(
            connection, f"M ann c_1 m_1 {n}\n".encode() + b'{"type":"message","text":"' + b"x" * 4000 + b'"}'
        )
    assert n <= MAX_WAITING_BYTES / 4000 + 1
    assert connection.ended is End.SLOW
    assert connection.ended.detach is DetachCause.CLOSED
    assert not connection.has_waiting


async def test_told_is_measured_when_the_bytes_were_handed_over(scene: Scene, connection: Stream) -> None:
    """``duologue_skip_told_seconds``: from the script's time to the socket, by the store's clock."""
    scene.contact.store_clock.offset_ms += 5000
    at_ms = int(scene.contact.store_clock.now_ms())
    connection.attach_answered(attached(10), "connected", 0)
    made = b'{"type":"force-disconnect","at_ms":%d,"match":"m_1","reason":"partner-skipped"}' % at_ms
    tell(connection, said(connection, 11, made, frame("waiting")))
    await anext(connection)
    await scene.clock.turn(0.2)
    assert scene.value("skip_told_seconds_count", source="server") == 0
    connection.end(End.CLOSED)
    with pytest.raises(StopAsyncIteration):
        await anext(connection)
    assert scene.value("skip_told_seconds_count", source="server") == 1
    assert scene.value("skip_told_seconds_sum", source="server") == pytest.approx(0.2, abs=0.002)


async def test_a_token_that_runs_out_ends_the_stream(scene: Scene, connection: Stream) -> None:
    """``session-ended`` is its last word; what has no end, or a later one, goes on."""
    connection.attach_answered(attached(10), "connected", 0)
    assert not connection.token_ended()
    connection.expires_at_ms = int(scene.clock.wall_ms()) + 1
    assert not connection.token_ended()
    connection.expires_at_ms -= 1
    assert connection.token_ended()
    connection.session_ended()
    assert (await frames(connection))[-1]["type"] == "session-ended"
    assert connection.ended is End.SESSION_ENDED


async def test_heartbeat(scene: Scene, connection: Stream) -> None:
    """Carries the store's time, the version written last, and the people online."""
    connection.attach_answered(attached(10), "connected", 0)
    scene.contact.people_here = 3
    connection.heartbeat()
    beat = (await frames(connection))[-1]
    assert beat["now_ms"] == int(scene.clock.wall_ms())
    assert (beat["type"], beat["version"], beat["people_online"]) == ("heartbeat", 10, 3)
