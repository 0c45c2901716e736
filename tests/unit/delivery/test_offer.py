"""What a deployment offers, and to whom."""

import pytest

from duologue.delivery.offer import Offer, Transports
from duologue.pairing.vocabulary import PersonId
from duologue.settings import Settings

PEOPLE = [PersonId(f"person-{n}") for n in range(2_000)]


@pytest.mark.parametrize(
    ("transports", "streams", "polls"),
    [(Transports.SSE, True, False), (Transports.POLL, False, True), (Transports.BOTH, True, True)],
)
def test_which_are_served(transports: Transports, streams: bool, polls: bool) -> None:
    """Each alone, or both."""
    offer = Offer(transports)
    assert (offer.streams, offer.polls) == (streams, polls)


@pytest.mark.parametrize("percent", [0, 10, 50, 100])
def test_a_share_of_the_people_compares(percent: int) -> None:
    """About that many, and the same ones each time they are asked."""
    offer = Offer(Transports.BOTH, percent)
    found = [offer.compares(person) for person in PEOPLE]
    assert found == [Offer(Transports.BOTH, percent).compares(person) for person in PEOPLE]
    assert sum(found) == pytest.approx(len(PEOPLE) * percent / 100, abs=60)


@pytest.mark.parametrize("transports", [Transports.SSE, Transports.POLL])
def test_nobody_compares_one_transport_with_itself(transports: Transports) -> None:
    """There is nothing to hold against it; the word alone is told."""
    assert Offer(transports, 100).said_to(PEOPLE[0]) == {"transports": transports}


def test_who_compares_is_told_how_often() -> None:
    """Every 2 s."""
    assert Offer(Transports.BOTH, 100).said_to(PEOPLE[0]) == {"transports": "both", "compare_ms": 2000}


def test_everybody_is_told_after_how_many_silent_conversations_they_are_asked() -> None:
    """By streams and polls; left out where the page never asks."""
    assert Offer(ask_after=3).said_to(PEOPLE[0]) == {"transports": "both", "ask_after": 3}
    assert Offer(ask_after=3).said_to_all() == {"transports": "both", "ask_after": 3}
    assert Offer(ask_after=0).said_to_all() == {"transports": "both"}


def test_by_default_both_are_served_and_nobody_compares() -> None:
    """A person whom no stream reaches polls, without any setting; comparing is for a change of transports."""
    assert Offer().said_to(PEOPLE[0]) == {"transports": "both"}
    settings = Settings()
    assert (Transports(settings.transports), settings.compare_percent) == (
        Offer().transports,
        Offer().compare_percent,
    )
