"""The configuration that the docs recommend is the one that is tested."""

import yaml

from duologue.media.livekit.limits import LIMITS
from tests.livekit.real import RECOMMENDED, configuration


def test_only_places_and_keys_are_the_tests_own() -> None:
    """Whatever else the file says holds in the tests, and the other way round."""
    recommended = yaml.safe_load(RECOMMENDED.read_text())
    tested = configuration(1, 2, "http://127.0.0.1", auto_create=False)
    assert set(tested) - set(recommended) == {"bind_addresses"}
    assert tested["room"] == recommended["room"]


def test_it_has_the_limits_that_rooms_are_made_with() -> None:
    """The net below them is of the same size; and joining makes no rooms."""
    assert yaml.safe_load(RECOMMENDED.read_text())["room"] == {
        "auto_create": False,
        "max_participants": LIMITS.people,
        "empty_timeout": LIMITS.empty_s,
        "departure_timeout": LIMITS.departure_s,
    }
