"""Frames on the wire."""

import msgspec
import pytest

from duologue.delivery import frame
from duologue.media.peer import Peer
from tests.unit.delivery.fakes import parsed, state


def test_retry_is_in_the_block_of_the_frame() -> None:
    """A block without data reaches some clients as an empty event, so ``retry:`` never stands alone."""
    block = frame.block(b"{}", retry_ms=700, event_id="m_1:2")
    assert block == b"retry: 700\nid: m_1:2\ndata: {}\n\n"


@pytest.mark.parametrize("data", [b"{}\ndata: {}", b"{}\r", b"\n"])
def test_a_line_break_is_never_written(data: bytes) -> None:
    """Race S6: whatever got into a frame, it does not become another field."""
    with pytest.raises(frame.UnsafeFrame):
        frame.block(data)


def test_splice_completes_a_frame_of_the_scripts() -> None:
    """A frame is complete but for the state, and for ``waiting`` the people online."""
    made = frame.splice(b'{"type":"waiting","at_ms":5}', b'{"version":1}', 12)
    assert msgspec.json.decode(made) == {
        "type": "waiting",
        "at_ms": 5,
        "people_online": 12,
        "state": {"version": 1},
    }


def test_dress_puts_in_what_only_the_process_knows() -> None:
    """ICE servers are in no record; the state still has them, and nothing else changes."""
    servers = [{"urls": ["turn:t"], "username": "u", "credential": "c"}]
    before = msgspec.json.decode(state(3, "m_1"))
    after = msgspec.json.decode(frame.dress(state(3, "m_1"), Peer(servers)))
    before["match"]["media"]["ice_servers"] = servers
    assert after == before


def test_dress_leaves_other_states_alone() -> None:
    """Without a match nothing is parsed, and an alias cannot pretend that there is one."""
    idle = msgspec.json.encode({"state": "idle", "version": 1, "alias": '"match":{'})
    assert frame.dress(idle, Peer()) is idle


def test_reconnect_says_the_same_number_twice() -> None:
    """Our own client reads ``after_ms``, a plain ``EventSource`` reads ``retry:``: both spread alike."""
    numbers = set()
    for _ in range(20):
        (told,) = parsed(frame.reconnect(1))
        assert int(told["sse"]["retry"]) == told["after_ms"] <= 2000
        numbers.add(told["after_ms"])
    assert len(numbers) > 5


def test_reconnect_says_why_only_where_there_is_a_reason() -> None:
    """The schema knows no empty one."""
    (told,) = parsed(frame.reconnect(1, 30_000, frame.NETWORK_FULL))
    assert told["reason"] == "network-full"
    assert told["after_ms"] > 30_000
    (plain,) = parsed(frame.reconnect(1))
    assert "reason" not in plain


def test_retry_is_drawn_anew_within_its_bounds() -> None:
    """500 to 1,000 ms: below what a partner waits, and not all at one instant."""
    drawn = {frame.retry_ms() for _ in range(50)}
    assert len(drawn) > 5
    assert min(drawn) >= 500
    assert max(drawn) <= 1000
