"""The raw client of the benchmark reads what a server sends, however it is cut into pieces."""

import asyncio
from typing import cast

import pytest

from duologue.bench.wire import CONNECTION_LOST, Lines, StreamSocket, Target

BLOCKS = b'retry: 750\ndata: {"type":"snapshot"}\n\ndata:{"type":"heartbeat"}\n\n'
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Pipe:
    """Takes what is written, as a transport would."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        """Close nothing."""

    abort = close


def socket_with(said: list[bytes], ends: list[int]) -> StreamSocket:
    """Return a socket that is connected."""
    made = StreamSocket(b"GET", said.append, ends.append)
    made.connection_made(cast("asyncio.Transport", Pipe()))
    return made


def chunked(*pieces: bytes) -> bytes:
    """Return the pieces as HTTP/1.1 sends them, with the last chunk."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_stream_is_read_wherever_its_bytes_are_cut(cut: int) -> None:
    """The same events and one end, for blocks that chunks and packets cut at every place."""
    said: list[bytes] = []
    ends: list[int] = []
    stream = socket_with(said, ends)
    sent = HEAD + chunked(BLOCKS[:cut], BLOCKS[cut:])
    for start in range(0, len(sent), cut):
        stream.data_received(sent[start : start + cut])
    stream.connection_lost(None)
    assert [text.strip() for text in said] == [b'{"type":"snapshot"}', b'{"type":"heartbeat"}']
    assert ends == [200]
    assert stream.retry_ms == 750


def test_a_stream_that_is_refused_ends_with_the_status() -> None:
    """A status other than 200 reaches the caller, who does not come back after a 401."""
    ends: list[int] = []
    stream = socket_with([], ends)
    stream.data_received(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}")
    stream.connection_lost(None)
    assert ends == [401]


async def served(answer: bytes, requests: int) -> list[tuple[int, bytes]]:
    """Return what so many requests at once read of a server that gives this answer to each."""
    connections: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.current_task())
        while await reader.readline():
            writer.write(answer)
            if b"connection: close" in answer or not answer:
                break
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    lines = Lines(Target("127.0.0.1", server.sockets[0].getsockname()[1]))
    answers: list[tuple[int, bytes]] = []
    done = asyncio.Event()

    def answered(status: int, body: bytes) -> None:
        answers.append((status, body))
        if len(answers) == requests:
            done.set()
        elif len(answers) < requests:
            lines.ask(b"again\n", answered)

    async with server, asyncio.timeout(10):
        lines.ask(b"first\n", answered)
        await done.wait()
        await lines.close()
        await asyncio.gather(*filter(None, connections))
    assert len(connections) == (requests if b"close" in answer or not answer else 1)
    return answers


async def test_one_socket_carries_one_request_after_another() -> None:
    """Keep-alive: three requests, one connection, each body whole."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
    assert await served(answer, 3) == [(200, b"body")] * 3


async def test_a_socket_that_is_closed_is_not_used_again() -> None:
    """A server that closes after each answer, or without one: each request has a connection of its own."""
    closing = b"HTTP/1.1 503 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    assert await served(closing, 2) == [(503, b"")] * 2
    assert await served(b"", 2) == [(CONNECTION_LOST, b"")] * 2


def test_only_an_http_address_is_a_target() -> None:
    """A file, or https, is refused before anything is sent."""
    assert Target.parse("http://127.0.0.1:8000") == Target("127.0.0.1", 8000)
    for wrong in ("https://127.0.0.1", "file:///etc/passwd", "127.0.0.1:8000"):
        with pytest.raises(ValueError, match="is not an address"):
            Target.parse(wrong)
