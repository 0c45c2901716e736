"""Through each documented proxy frames come one by one, and each end learns that the other is gone."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import psutil
import pytest

from duologue.api.poll import MAX_WAIT_MS
from duologue.delivery.hub import HEARTBEAT_S
from tests.e2e.serving import Serving
from tests.e2e.waiting import until
from tests.proxies.conftest import FRONTS, installed, started
from tests.proxies.front import Certificate, Front
from tests.proxies.reader import PATIENCE_S, Reader

AT_ONCE_S = 1.0
"""Loopback takes 2 ms; a proxy that holds frames back waits until it has more, or without end."""
MESSAGES = 20


async def test_frames_come_one_by_one(front: Front, servers: list[Serving]) -> None:
    """None waits for a later one to push it: each is read before the next thing happens.

    The partner reads from the server itself, so that the two ways can be compared.
    """
    direct = Front("direct", servers[0].url)
    async with front.client() as http, direct.client() as straight:
        a, b = await Reader.come(http), await Reader.come(straight)
        asked = time.monotonic()
        async with a.reading("a1"), b.reading("b1"):
            assert (await a.next("snapshot", AT_ONCE_S)).at_s - asked < AT_ONCE_S
            assert a.version == ("HTTP/2" if front.http2 else "HTTP/1.1")
            assert a.headers["content-type"].startswith("text/event-stream")
            assert "content-encoding" not in a.headers
            await a.ask("join", intent=1)
            await a.next("waiting", AT_ONCE_S)
            await b.ask("join", intent=1)
            match = (await a.next("new-match", AT_ONCE_S)).frame["match"]
            for n in range(1, MESSAGES + 1):
                await b.ask("messages", match=match, key=f"k{n}", text="x" * n)
                assert (await a.next("message", AT_ONCE_S)).frame["n"] == n
            await b.ask("skip", match=match)
            through = await a.next("force-disconnect", AT_ONCE_S)
            straight_there = await b.next("skip-confirmed", AT_ONCE_S)
            assert through.at_s - straight_there.at_s < AT_ONCE_S
            await b.ask("leave", intent=2)
            await a.ask("leave", intent=2)


async def test_a_closed_tab_is_seen_through_the_proxy(front: Front, servers: list[Serving]) -> None:
    """It closes its connection to the server as soon as the browser closes its own."""
    direct = Front("direct", servers[0].url)
    async with direct.client() as straight:
        b = await Reader.come(straight)
        async with b.reading("b1"):
            async with front.client() as http:
                a = await Reader.come(http)
                async with a.reading("a1"):
                    await a.next("snapshot")
                    await a.ask("join", intent=1)
                    await b.ask("join", intent=1)
                    await a.next("new-match")
                    await b.next("new-match")
            await b.next("partner-away", AT_ONCE_S)
            await b.ask("leave", intent=2)


HOLDS_BACK = {
    "    proxy_buffering off;": "    proxy_ignore_headers X-Accel-Buffering;",
    "    gzip off;": "    gzip_types text/event-stream;",
}
KEEPS_GOING = {"\t\tlb_policy round_robin": "\t\tflush_interval -1\n\t\tlb_policy round_robin"}


@pytest.mark.parametrize(
    ("test", "name", "lines"),
    [
        (test_frames_come_one_by_one, "nginx-http", HOLDS_BACK),
        (test_frames_come_one_by_one, "nginx-https", HOLDS_BACK),
        (test_a_closed_tab_is_seen_through_the_proxy, "caddy", KEEPS_GOING),
    ],
)
async def test_without_these_lines(
    test: Callable[[Front, list[Serving]], Awaitable[None]],
    name: str,
    lines: Mapping[str, str],
    servers: list[Serving],
    cert: Certificate,
    tmp_path: Path,
) -> None:
    """The control: with the lines that the configurations warn of, the same test fails."""
    installed(name)
    with started(name, tmp_path, servers, cert, lines) as front, pytest.raises(TimeoutError):
        await test(front, servers)


@pytest.mark.parametrize("name", FRONTS)
async def test_a_server_that_goes_is_told_to_the_browser(
    name: str, cert: Certificate, tmp_path: Path
) -> None:
    """A stopped server sends its last frame and then the end, a killed one the end: no one reads a dead
    stream."""
    installed(name)
    server = Serving(tmp_path / "server")
    try:
        server.start()
        with started(name, tmp_path / name, [server], cert) as front:
            async with front.client() as http:
                a = await Reader.come(http)
                async with a.reading("a1"):
                    await a.next("snapshot")
                    stopping = asyncio.create_task(asyncio.to_thread(server.stop))
                    await a.next("reconnect", AT_ONCE_S)
                    await asyncio.wait_for(a.ended.wait(), AT_ONCE_S)
                    await stopping
            server.start()
            async with front.client() as http:
                b = await Reader.come(http)
                async with b.reading("b1"):
                    await b.next("snapshot")
                    server.kill()
                    await asyncio.wait_for(b.ended.wait(), AT_ONCE_S)
                    assert {each.frame["type"] for each in b.reads} == {"snapshot"}
    finally:
        server.stop()


async def test_nothing_happens_for_long(fronts: dict[str, Front]) -> None:
    """No proxy gives a quiet stream up before its heartbeat, or a poll before its time is over.

    Nor is either held back then. All at once: it takes a while.
    """

    async def listen(front: Front) -> None:
        async with front.client() as http:
            a = await Reader.come(http)
            async with a.reading("a1"):
                first = await a.next("snapshot")
                beat = await a.next("heartbeat", HEARTBEAT_S + 5)
                # The first one comes sooner, so that the heartbeats of all streams are spread.
                assert beat.at_s - first.at_s < HEARTBEAT_S + AT_ONCE_S, front.name
                again = await a.next("heartbeat", HEARTBEAT_S + 5)
                late_s = again.at_s - beat.at_s - HEARTBEAT_S
                assert -AT_ONCE_S < late_s < AT_ONCE_S, f"{front.name}: {late_s:.1f} s"

    async def poll(front: Front) -> None:
        async with front.client() as http:
            a = await Reader.come(http)
            first = (await a.get("/v1/state?page=a1")).json()
            asked = time.monotonic()
            version, wait_ms = first["state"]["version"], MAX_WAIT_MS
            second = await a.get(f"/v1/state?page=a1&version={version}&wait_ms={wait_ms}")
            assert second.json()["state"] == first["state"]
            late_s = time.monotonic() - asked - wait_ms / 1000
            assert -AT_ONCE_S < late_s < AT_ONCE_S, f"{front.name}: {late_s:.1f} s"

    async with asyncio.TaskGroup() as group:
        for each in fronts.values():
            group.create_task(listen(each))
            group.create_task(poll(each))


async def test_a_poll_is_answered_at_news(front: Front) -> None:
    """The proxy holds the question, not the answer; which server it asks does not matter."""
    async with front.client() as http:
        a = await Reader.come(http)
        version = (await a.get("/v1/state?page=a1")).json()["state"]["version"]
        asking = asyncio.create_task(a.get(f"/v1/state?page=a1&version={version}&wait_ms={MAX_WAIT_MS}"))
        await a.ask("join", intent=1)
        found = await asyncio.wait_for(asking, AT_ONCE_S)
        assert found.json()["state"]["state"] == "waiting"
        await a.ask("leave", intent=2)


async def test_a_reload_of_nginx_disturbs_nobody(fronts: dict[str, Front]) -> None:
    """The old workers go on with the streams that they have; new ones come to the new workers."""
    front = fronts["nginx-http"]
    async with front.client() as http, front.client() as later:
        a, b = await Reader.come(http), await Reader.come(http)
        async with a.reading("a1"):
            await a.next("snapshot")
            old = psutil.Process(front.pid).children()
            psutil.Process(front.pid).send_signal(signal.SIGHUP)
            await asyncio.to_thread(
                until,
                lambda: set(psutil.Process(front.pid).children()) - set(old),
                PATIENCE_S,
                "a new worker",
            )
            b.http = later
            async with b.reading("b1"):
                await b.next("snapshot")
                await b.ask("join", intent=1)
                await a.ask("join", intent=1)
                await a.next("new-match", AT_ONCE_S)
                await b.next("new-match", AT_ONCE_S)
                assert not a.ended.is_set()
                await a.ask("leave", intent=2)
                await b.ask("leave", intent=2)
