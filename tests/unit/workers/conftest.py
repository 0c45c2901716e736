"""A scene for the units of the workers."""

import pytest

from tests.unit.delivery.fakes import Scene


@pytest.fixture
def scene() -> Scene:
    """A hub on a scripted machine and a clock to turn."""
    return Scene()
