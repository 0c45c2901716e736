"""Where requests end: what is taken, what is refused, in whatever pieces it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.api.framing import Framing
from tests.framings import FRAMINGS, HARMLESS, ODD, PADDED, Framed, sized


def read(*pieces: bytes) -> tuple[bytes, str, bool]:
    """What may be parsed of these reads, why it ends (empty: it does not), and whether more must come."""
    framing, framed = Framing(), b""
    for piece in pieces:
        part, fault = framing.feed(piece)
        framed += part
        if fault:
            return framed, fault, framing.in_body
    return framed, "", framing.is_open


def in_bytes(raw: bytes) -> list[bytes]:
    """Each byte a read of its own."""
    return [raw[at : at + 1] for at in range(len(raw))]


def test_the_table_is_large_and_has_no_name_twice() -> None:
    """At least 60 framings, each of its own."""
    assert len(ODD) >= 60
    assert len({each.name for each in FRAMINGS}) == len({each.raw for each in FRAMINGS}) == len(FRAMINGS)


@pytest.mark.parametrize("each", ODD, ids=str)
def test_what_can_be_read_in_two_ways_is_refused(each: Framed) -> None:
    """With a reason, and before a byte of a body that was framed oddly: at most the head is parsed."""
    framed, fault, in_body = read(each.raw)
    assert fault
    head = each.raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    if in_body:
        assert framed.startswith(head)  # chunks: only the body is odd
        assert b"X-I" not in framed
    else:
        assert framed == b"" or framed.startswith(head)


@pytest.mark.parametrize("each", HARMLESS, ids=str)
def test_what_programs_send_is_taken(each: Framed) -> None:
    """Whole, to the byte, and the next request begins behind it."""
    assert read(each.raw) == (each.raw, "", False)
    assert read(each.raw * 3) == (each.raw * 3, "", False)


@pytest.mark.parametrize("each", FRAMINGS, ids=str)
def test_the_pieces_make_no_difference(each: Framed) -> None:
    """Each byte a read of its own, and each cut in two: the same is parsed, for the same reason."""
    framed, fault, _ = read(each.raw)
    if len(each.raw) < 1_000:
        for cut in range(1, len(each.raw)):
            assert read(each.raw[:cut], each.raw[cut:])[0] == framed
    slowly = read(*in_bytes(each.raw))
    assert slowly[0] == framed
    assert bool(slowly[1]) is bool(fault)


@given(st.lists(st.sampled_from(HARMLESS), min_size=1, max_size=4), st.data())
def test_requests_in_any_pieces(requests: list[Framed], data: st.DataObject) -> None:
    """Several in a row, cut anywhere: nothing is lost, added or refused."""
    raw = b"".join(each.raw for each in requests)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert read(*pieces) == (raw, "", False)


@given(st.binary(max_size=64), st.sampled_from(FRAMINGS))
def test_whatever_comes_nothing_is_made_up(junk: bytes, each: Framed) -> None:
    """What may be parsed is the beginning of what came, whatever stands where."""
    for raw in (junk + each.raw, each.raw + junk, junk):
        assert raw.startswith(read(raw)[0])


def test_a_body_is_passed_on_as_it_comes() -> None:
    """It is not kept until it is whole: the application bounds it."""
    framing, raw = Framing(), sized(PADDED)
    head = raw.index(b"\r\n\r\n") + 4
    assert framing.feed(raw[: head + 10]) == (raw[: head + 10], "")
    assert framing.in_body
    assert framing.feed(raw[head + 10 :]) == (raw[head + 10 :], "")
    assert not framing.is_open


def test_a_long_head_in_bytes_is_looked_at_once() -> None:
    """The search for its end goes on where it left off: 32 KiB in single bytes are little work."""
    framing = Framing()
    framing.feed(b"GET / HTTP/1.1\r\nX: ")
    for _ in range(32 * 1024):
        assert framing.feed(b"x") == (b"", "")
    assert framing.is_open
    assert not framing.in_body
