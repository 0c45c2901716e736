"""What an operator's machinery asks, without a token."""

import pytest

from tests.unit.api.conftest import Connect
from tests.unit.api.recorder import Recorder


async def test_alive_and_ready_are_two_things(connect: Connect, recorder: Recorder) -> None:
    """A process that lost the store lives, and must not be sent anybody; neither question asks the store."""
    for inside in (False, True):
        away, there = connect(ready=False, inside=inside), connect(inside=inside)
        assert (await away.get("/healthz")).status_code == 200
        assert (await away.get("/readyz")).status_code == 503
        assert (await there.get("/readyz")).status_code == 200
    assert recorder.calls == []


async def test_the_public_reads_yes_or_no(connect: Connect) -> None:
    """Why a server is not ready is for the operator, and so is everything that counts."""
    refused = await connect(ready=False).get("/readyz")
    assert refused.json() == {"status": "no"}
    told = await connect(ready=False, inside=True).get("/readyz")
    assert (told.status_code, told.json()["code"]) == (503, "unavailable")
    assert told.headers["retry-after"] == "1"


async def test_metrics_are_prometheus(connect: Connect) -> None:
    """Every name is there from the start, at zero."""
    answer = await connect(inside=True).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'duologue_skips_total{outcome="stale"} 0.0' in answer.text


@pytest.mark.parametrize("path", ["/metrics", "/transports"])
async def test_the_operators_pages_are_inside_only(connect: Connect, path: str) -> None:
    """The public's listener does not know them, whatever a proxy lets through; inside they are read only."""
    assert (await connect().get(path)).status_code == 404
    assert (await connect(inside=True).post(path)).status_code == 405


@pytest.mark.parametrize("path", ["/", "/v1/state", "/v1/sessions", "/metrics%0a", "/%6detrics"])
async def test_inside_there_is_nothing_else(connect: Connect, path: str) -> None:
    """No interface and no page: a port that is opened by mistake lets nobody in."""
    assert (await connect(inside=True).get(path)).status_code == 404


async def test_head_opens_no_stream(connect: Connect) -> None:
    """A HEAD of the event stream would be a connection that nobody reads; a HEAD of a read is a read."""
    client = connect()
    assert (await client.head("/v1/events?page=p1")).status_code == 405
    assert (await client.head("/healthz")).status_code == 200
