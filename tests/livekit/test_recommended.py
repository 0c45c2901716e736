"""The configuration that the docs recommend is what the tests and ``make run-livekit`` start."""

import importlib.util
import json
from typing import Any

import yaml

from duologue.media.livekit.limits import LIMITS
from tests.livekit.ground import KEY, SECRET
from tests.livekit.real import RECOMMENDED, ROOT, configuration


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


def test_on_this_machine_it_is_the_tested_one() -> None:
    """Another copy of it, for a tool that reads no YAML: only the ports differ."""
    spec = importlib.util.spec_from_file_location("run_livekit", ROOT / "tools" / "run_livekit.py")
    assert spec is not None
    assert spec.loader is not None
    tool: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    started = json.loads(tool.configuration(1, KEY, SECRET, "http://127.0.0.1"))
    tested = configuration(1, tool.MEDIA_PORT, "http://127.0.0.1", auto_create=False)
    assert started == tested
