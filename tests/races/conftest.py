"""The stage of the races: both servers, and each guard switched off once for its negative control."""

from collections.abc import Iterator

import pytest

from duologue.pairing.timings import Timings
from tests.races.stage import Stage
from tests.servers import StoreServer


@pytest.fixture
def stage(request: pytest.FixtureRequest, store_server_each: StoreServer) -> Iterator[Stage]:
    """An empty store. Unless a guard is off, the invariants must hold when the play is over.

    The mark ``timings`` names constants other than the defaults.
    """
    without: tuple[str, ...] = getattr(request, "param", ())
    mark = request.node.get_closest_marker("timings")
    with store_server_each.client() as client:
        stage = Stage(client, without, timings=Timings(**mark.kwargs) if mark else None)
        try:
            yield stage
            assert without or stage.direct.broken() == []
        finally:
            stage.close()
