"""Strangers who send what is not HTTP do not fill the log of a real server."""

import asyncio
import contextlib
import json
from urllib.parse import urlsplit

import httpx
import pytest

from duologue.floods import LINES
from tests.serving import data_folder, serving

AT_ONCE = 50
JUNK = b"JUNK\x1b[31m\r\n forged: line\r\n\r\n"


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


@pytest.mark.timeout(180)
def test_a_flood_of_junk(whole: bool) -> None:
    """A handful of lines for each kind, the number of the rest when the server stops, and nothing forged."""
    times = 10_000 if whole else 1_000
    with data_folder() as data, serving("--no-page", "--data", str(data)) as server:
        asyncio.run(send_junk(server.url, times))
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        assert server.stop() == 0
        said = server.said
    lines = [json.loads(line) for line in said if line.startswith("{")]
    held_back = sum(line.get("more", 0) for line in lines)
    written = [line for line in lines if line["event"] == "Invalid HTTP request received."]
    assert len(written) + held_back == times
    assert len(written) <= 3 * LINES, "a minute's worth; under load it may take more than one"
    assert not any("\x1b[31m" in line or line.startswith(" forged") for line in said)
