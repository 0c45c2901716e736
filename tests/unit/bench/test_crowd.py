"""People of the benchmark insist where a server is busy, and give up where it refuses."""

import asyncio

import pytest

from duologue.bench import crowd
from duologue.bench.crowd import Crowd


async def joined(statuses: list[int]) -> int:
    """Return how many requests a join takes of a server that answers these, one after the other."""
    left = [*statuses]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(b"HTTP/1.1 %d x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}" % left.pop(0))
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(10), Crowd([f"http://127.0.0.1:{port}"]) as people:
        await people.new_person().join()
    return len(statuses) - len(left)


async def test_a_busy_server_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """503 passes: the third answer counts."""
    monkeypatch.setattr(crowd, "AGAIN_S", 0.01)
    assert await joined([503, 503, 200]) == 3


async def test_a_refusal_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 429 means that the figures would be those of a limit, so the run ends."""
    monkeypatch.setattr(crowd, "AGAIN_S", 0.01)
    with pytest.raises(RuntimeError, match="/v1/join was answered 429"):
        await joined([429, 200])
