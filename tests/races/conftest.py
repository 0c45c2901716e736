"""The stage of the races: both servers, and each guard switched off once for its negative control."""

from collections.abc import Iterator

import pytest

from tests.races.control import timings_of
from tests.races.stage import Stage
from tests.servers import StoreServer


@pytest.fixture
def stage(request: pytest.FixtureRequest, store_server_each: StoreServer) -> Iterator[Stage]:
    """An empty store. Unless a guard is off, the invariants must hold when the play is over.

    The mark ``timings`` names constants other than the defaults.
    """
    without: tuple[str, ...] = getattr(request, "param", ())
    with store_server_each.client() as client:
        stage = Stage(client, without, timings=timings_of(request))
        try:
            yield stage
            assert without or stage.direct.broken() == []
        finally:
            stage.close()
