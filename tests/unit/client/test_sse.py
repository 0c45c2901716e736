"""Events out of bytes, wherever they are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.client.sse import BadStream, Event, Parser

STREAM = (
    "retry: 731\ndata: {\"type\":\"snapshot\"}\n\n: a comment\n\nid: m_1:4\ndata: {\"text\":\"zwölf 🙂\"}\n\n"
    "event: other\nid\ndata: a\ndata: b\n\nid: m_9:9\ndata: never ended"
)  # fmt: skip
EVENTS = [Event('{"type":"snapshot"}', ""), Event('{"text":"zwölf 🙂"}', "m_1:4"), Event("a\nb", "")]


@given(st.lists(st.integers(0, len(STREAM.encode())), max_size=12))
def test_where_the_bytes_are_cut_makes_no_difference(cuts: list[int]) -> None:
    """Also in mid-character."""
    parser, data = Parser(), STREAM.encode()
    edges = [0, *sorted(cuts), len(data)]
    found = [e for a, b in itertools.pairwise(edges) for e in parser.feed(data[a:b])]
    assert found == EVENTS
    assert parser.retry_ms == 731


def test_an_event_that_did_not_end_moves_no_id() -> None:
    """A reconnect must ask for it again."""
    parser = Parser("m_1:1")
    assert list(parser.feed(b"id: m_1:2\ndata: half")) == []
    assert parser.last_id == "m_1:1"


def test_lines_may_end_as_on_the_web() -> None:
    """A proxy may have rewritten them."""
    assert list(Parser().feed(b"id: 7\r\ndata: x\r\n\r\n")) == [Event("x", "7")]


def test_a_line_without_an_end_is_no_stream() -> None:
    """Memory stays bounded whatever answers."""
    parser = Parser()
    for _ in range(10):
        list(parser.feed(b"x" * 100_000))
    with pytest.raises(BadStream):
        list(parser.feed(b"x"))
