"""The races of presence once more, with LiveKit media, each room open at once: all else is the same."""

from collections.abc import Iterator

import pytest

from tests.races import test_presence
from tests.races.control import timings_of
from tests.races.rooms import RoomStage
from tests.servers import StoreServer

globals().update({name: test for name, test in vars(test_presence).items() if name.startswith("test_")})


@pytest.fixture
def stage(request: pytest.FixtureRequest, store_server_each: StoreServer) -> Iterator[RoomStage]:
    """An empty store; afterwards the invariants hold, and so they do of the rooms."""
    without: tuple[str, ...] = getattr(request, "param", ())
    with store_server_each.client() as client:
        stage = RoomStage(client, without, timings=timings_of(request))
        try:
            yield stage
            assert without or stage.direct.broken() == []
        finally:
            stage.close()
