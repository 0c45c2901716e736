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
    numbered,
    parse,
    read,
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
        (b"P tok 12", Echo("tok", 12)),
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
        b"P tok",
        b"P tok x",
    ],
)
def test_anything_else_is_malformed(raw: bytes) -> None:
    """Never half read."""
    with pytest.raises(MalformedPublication):
        parse(raw)


@pytest.mark.parametrize(
    ("raw", "number", "parts"),
    [
        (b"N 7\n\nR", 7, [b"R"]),
        (b"N 8\n\nT ann c_1\n\nS ann c_1 7\n{}\n{1}", 8, [b"T ann c_1", b"S ann c_1 7\n{}\n{1}"]),
        (b"P tok 12", 0, [b"P tok 12"]),
    ],
)
def test_a_number_and_parts(raw: bytes, number: int, parts: list[bytes]) -> None:
    """What one call of a script says to a process comes at once, in order; an echo has no number."""
    assert numbered(raw) == (number, parts)
    assert read(raw) == (number, [parse(part) for part in parts])


@pytest.mark.parametrize("raw", [b"N \n\nR", b"N x\n\nR", b"N \xff\n\nR"])
def test_a_number_that_is_none_is_malformed(raw: bytes) -> None:
    """Never taken for one without a number: that would hide a gap."""
    with pytest.raises(MalformedPublication):
        numbered(raw)
