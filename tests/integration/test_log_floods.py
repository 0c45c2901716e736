"""What strangers can cause with each request does not fill the log of a real server."""

import asyncio
import contextlib
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from duologue.floods import LINES
from tests.servers import store_server, valkey9_binary
from tests.serving import data_folder, serving

AT_ONCE = 50
JUNK = b"JUNK\x1b[31m\r\n forged: line\r\n\r\n"


def lines_of(said: list[str]) -> list[dict[str, Any]]:
    """What was logged, of all that was said."""
    assert not any("\x1b[31m" in line or line.startswith(" forged") for line in said)
    return [json.loads(line) for line in said if line.startswith("{")]


async def send_junk(url: str, times: int) -> None:
    """So many connections, each with bytes that no parser takes."""
    at = urlsplit(url)
    turns = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with turns:
            reader, writer = await asyncio.open_connection(at.hostname, at.port)
            with contextlib.suppress(OSError):
                writer.write(JUNK)
                await reader.read()
            writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(times):
            group.create_task(one())


async def begin(url: str, times: int) -> None:
    """So many new guests."""
    turns = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=30) as client, asyncio.TaskGroup() as group:

        async def one() -> None:
            async with turns:
                assert (await client.post("/v1/sessions", json={"cookie": False})).status_code == 201

        for _ in range(times):
            group.create_task(one())


@pytest.mark.timeout(180)
def test_a_flood_of_junk(whole: bool) -> None:
    """Ten lines at most, and nothing forged."""
    with data_folder() as data, serving("--no-page", "--data", str(data)) as server:
        asyncio.run(send_junk(server.url, 10_000 if whole else 500))
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        assert server.stop() == 0
    assert len([line for line in lines_of(server.said) if line["level"] == "warning"]) <= 3 * LINES


@pytest.mark.timeout(180)
def test_a_flood_while_the_store_is_away(whole: bool) -> None:
    """Each new guest would be a line: ten are, and when the server stops it says of how many more."""
    times = 10_000 if whole else 500
    with contextlib.ExitStack() as stores:
        store = stores.enter_context(store_server("valkey9", valkey9_binary()))
        with serving("--no-page", REDIS_URL=store.url, DUOLOGUE_SECRET="s" * 32) as server:
            stores.close()
            asyncio.run(begin(server.url, times))
            server.stop()
    lines = lines_of(server.said)
    written = [line for line in lines if line["event"] == "limits not asked"]
    held_back = sum(line["more"] for line in lines if line.get("of") == "limits not asked")
    assert len(written) + held_back == times
    assert LINES <= len(written) <= 3 * LINES, "under load it may take more than a minute"
