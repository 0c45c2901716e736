"""``duologue transports``: what it prints, and its one line when there is no answer."""

import socket

import pytest

from duologue.usage import Unanswered, fetch, one_higher, shown

DOCUMENT = {
    "transports": "both",
    "people": {"sse": 12, "poll": 3},
    "today": {"same": 1200, "stream_first": 30, "poll_first": 4, "missed": 0, "differ": 0},
    "yesterday": {"same": 9, "stream_first": 0, "poll_first": 0, "missed": 1, "differ": 0},
    "compared": {"people": 31, "troubled": 1},
    "verdict": {"safe": False, "why": "3 people poll"},
}


def test_a_table_and_a_sentence() -> None:
    """Every sum once, and at the end whether polling can be switched off."""
    lines = shown(DOCUMENT).splitlines()
    assert lines[0] == "both; people on streams: 12, polling: 3"
    assert [line.split()[-2:] for line in lines[2:7]] == [
        ["1200", "9"], ["30", "0"], ["4", "0"], ["0", "1"], ["0", "0"]
    ]  # fmt: skip
    assert len({len(line) for line in lines[1:7]}) == 1, "columns"
    assert lines[7] == "people compared: 31, with something missed or different: 1"
    assert lines[-1] == "Not safe to switch polling off: 3 people poll."
    safe = {**DOCUMENT, "verdict": {"safe": True, "why": "nobody polls"}}
    assert shown(safe).splitlines()[-1] == "Polling can be switched off: nobody polls."


@pytest.mark.parametrize(
    ("transports", "said"), [("sse", "polling is switched off."), ("poll", "--compare-percent 100.")]
)
def test_nothing_to_decide(transports: str, said: str) -> None:
    """Where a server has one of the two, no verdict is given on what was never compared."""
    last = shown({**DOCUMENT, "transports": transports}).splitlines()[-1]
    assert last.endswith(said)
    assert "safe" not in last


def test_nobody_answers() -> None:
    """One line, with the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unanswered, match=f"{port}/transports does not answer"):
        fetch(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://localhost:9000", "http://localhost:9001"),
        ("http://127.0.0.1:8471/", "http://localhost:8472"),
        ("https://duologue.example", "http://localhost:8001"),
        ("http://localhost:99999", "http://localhost:8001"),
    ],
)
def test_the_address_to_try_is_that_of_the_server_asked(url: str, found: str) -> None:
    """Name the port after the one that was asked; a proxy's address says nothing about it."""
    assert one_higher(url) == found


@pytest.mark.parametrize("url", ["localhost:8000", "file:///etc/passwd", ""])
def test_no_address(url: str) -> None:
    """Nothing but HTTP is ever opened."""
    with pytest.raises(Unanswered, match="is not the address"):
        fetch(url)
