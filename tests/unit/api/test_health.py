"""What an operator's machinery asks, without a token."""

import pytest

from duologue.api import ops
from tests.unit.api.conftest import Connect
from tests.unit.api.recorder import Recorder


async def test_alive_and_ready_are_two_things(connect: Connect, recorder: Recorder) -> None:
    """A process that lost the store is alive and must get no new people; neither question asks the store."""
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
    """It has no interface and no page, so a port that is opened by mistake gives access to nothing else."""
    assert (await connect(inside=True).get(path)).status_code == 404


STRANGERS = ["evil.example", "evil.example:8001", "127.0.0.1.evil.example", "localhost.evil.example.", "a.b"]
OURS = [
    "localhost:8001", "127.0.0.1:8001", "[::1]:8001", "[::1]", "192.0.2.7", "", "prometheus",
    "LOCALHOST.:8001", "host.docker.internal:8001", "ops.localhost",
]  # fmt: skip


@pytest.mark.parametrize("path", ["/metrics", "/transports"])
@pytest.mark.parametrize("own", ["http://127.0.0.1:8001", "http://[::1]:8001"])
async def test_a_name_that_a_stranger_owns_is_refused(connect: Connect, path: str, own: str) -> None:
    """Else a page of that name, which leads to this machine, reads the pages (DNS rebinding)."""
    inside = connect(inside=True, base=own)
    for host in STRANGERS:
        answer = await inside.get(path, headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), host
        assert "localhost" in answer.json()["detail"]
        assert (await inside.get("/healthz", headers={"Host": host})).status_code == 200
    for host in OURS:
        assert (await inside.get(path, headers={"Host": host})).status_code != 404, host


async def test_on_another_address_the_name_is_the_operators(connect: Connect) -> None:
    """Who opens the port to a network says how it is called there."""
    inside = connect(inside=True, base="http://192.0.2.7:8001")
    assert (await inside.get("/metrics", headers={"Host": "ops.example"})).status_code == 200


async def test_without_that_a_strangers_page_reads_them(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(ops, "is_ours", lambda _host: True)
    inside = connect(inside=True, base="http://127.0.0.1:8001")
    assert (await inside.get("/metrics", headers={"Host": "evil.example:8001"})).status_code == 200


async def test_head_opens_no_stream(connect: Connect) -> None:
    """A HEAD of the event stream would be a connection that is never read; a HEAD of a read is a read."""
    client = connect()
    assert (await client.head("/v1/events?page=p1")).status_code == 405
    assert (await client.head("/healthz")).status_code == 200
