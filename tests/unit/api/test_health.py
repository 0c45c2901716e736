"""What an operator's machinery asks, without a token."""

from tests.unit.api.conftest import Connect
from tests.unit.api.recorder import Recorder


async def test_alive_and_ready_are_two_things(connect: Connect, recorder: Recorder) -> None:
    """A process that lost the store lives, and must not be sent anybody; neither question asks the store."""
    away = connect(ready=False)
    assert (await away.get("/healthz")).status_code == 200
    refused = await away.get("/readyz")
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert refused.headers["retry-after"] == "1"
    assert (await connect().get("/readyz")).status_code == 200
    assert recorder.calls == []


async def test_metrics_are_prometheus(connect: Connect) -> None:
    """Every name is there from the start, at zero."""
    answer = await connect().get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'duologue_skips_total{outcome="stale"} 0.0' in answer.text


async def test_head_opens_no_stream(connect: Connect) -> None:
    """A HEAD of the event stream would be a connection that nobody reads; a HEAD of a read is a read."""
    client = connect()
    assert (await client.head("/v1/events?page=p1")).status_code == 405
    assert (await client.head("/healthz")).status_code == 200
