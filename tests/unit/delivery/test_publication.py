"""Publications, read."""

import pytest

from duologue.delivery.publication import (
    Echo,
    MalformedPublication,
    Message,
    Publication,
    RoomWake,
    Signal,
    StateFrames,
    Superseded,
    parse,
)
from duologue.pairing.vocabulary import ConnectionId

C = ConnectionId("c_1")


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (b"S ann c_1 7\n{}\n{1}\n{2}", StateFrames(C, 7, b"{}", [b"{1}", b"{2}"])),
        (b"M ann c_1 m_1 3\n{}", Message(C, "m_1", 3, b"{}")),
        (b"G ann c_1 m_1 3 -\n{}", Signal(C, "m_1", 3, "", b"{}")),
        (b"G ann c_1 m_1 3 page2\n{}", Signal(C, "m_1", 3, "page2", b"{}")),
        (b"T ann c_1", Superseded(C, taken_over=True)),
        (b"E ann c_1", Superseded(C, taken_over=False)),
        (b"P tok", Echo("tok")),
        (b"R", RoomWake()),
    ],
)
def test_each_letter(raw: bytes, read: Publication) -> None:
    """One form a letter."""
    assert parse(raw) == read


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"X ann",
        b"S ann c_1 x\n{}",
        b"S ann c_1",
        b"M ann c_1 m_1 3",
        b"M ann c_1 m_1 3\n{}\n{}",
        b"\xff",
    ],
)
def test_anything_else_is_malformed(raw: bytes) -> None:
    """Never half read."""
    with pytest.raises(MalformedPublication):
        parse(raw)
