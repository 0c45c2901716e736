"""Addresses of --webhook, and which events go there."""

import pytest

from duologue.pairing.events import Event
from duologue.pairing.vocabulary import EventKind
from duologue.webhooks.endpoint import USUAL, Address, Endpoint, address_of

URL = "https://host.example/hooks?key=a=b"


def test_an_address_alone_hears_the_usual_kinds() -> None:
    """Matches and presence are asked for by name."""
    assert address_of(URL) == Address(URL, USUAL)
    assert EventKind.REPORT_CREATED in USUAL
    assert EventKind.MATCH_STARTED not in USUAL
    assert address_of(URL).shown == "https://host.example/hooks"


def test_kinds_stand_before_the_address() -> None:
    """Only those are sent then."""
    found = address_of(f"match.started,match.ended={URL}")
    assert found == Address(URL, frozenset({EventKind.MATCH_STARTED, EventKind.MATCH_ENDED}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host.example",
        "ftp://host.example",
        "=https://host.example",
        "match.started=",
        "no.such=https://host.example",
        "https://",
        "https://ann:pass@host.example",
        "https://host.example/#part",
        "https://host.example/a b",
        "https://host.example/\r\nx: y",
        "https://host.example:99999/",
        "https://[::1/",
    ],
)
def test_what_is_not_an_address(text: str) -> None:
    """It is refused at the start."""
    with pytest.raises(ValueError, match=r"address|kinds"):
        address_of(text)


def test_a_test_goes_to_one_endpoint() -> None:
    """To the one that it names, whatever kinds that one hears of."""
    one, other = (Endpoint(address_of(f"match.ended=https://{n}.example"), (b"",)) for n in "ab")
    event = Event(1, EventKind.WEBHOOK_TEST, 0, "", {"endpoint": one.id})
    assert one.hears(event)
    assert not other.hears(event)
