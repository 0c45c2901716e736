"""One request: its status, and that nothing leads elsewhere."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duologue.lan.certificate import certificate
from duologue.webhooks.post import Poster, PostFailed


class House:
    """A server that answers each request with the same bytes and keeps what it was sent."""

    def __init__(self, answer: bytes, *, delay_s: float = 0.0) -> None:
        self.answer = answer
        self.delay_s = delay_s
        self.heard: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            self.heard.append(head + await reader.readexactly(length))
            await asyncio.sleep(self.delay_s)
            writer.write(self.answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            writer.close()

    @contextlib.asynccontextmanager
    async def open(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["House"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self


def ok() -> House:
    return House(b"HTTP/1.1 204 No Content\r\n\r\n")


async def test_the_request_and_its_status() -> None:
    """Path, query, headers and the body as it is; interim answers are passed over."""
    house = House(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n")
    async with house.open():
        url = f"http://127.0.0.1:{house.port}/hooks?key=1"
        assert await Poster().post(url, {"webhook-id": "e_1"}, b'{"a":1}') == 202
    head, _, body = house.heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hooks?key=1 HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"\r\nwebhook-id: e_1" in head
    assert body == b'{"a":1}'


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """Its status is the answer, and the other address hears nothing."""
    async with ok().open() as other:
        there = f"http://127.0.0.1:{other.port}/"
        answer = f"HTTP/1.1 {status} Moved\r\nlocation: {there}\r\ncontent-length: 0\r\n\r\n".encode()
        async with House(answer).open() as house:
            assert await Poster().post(f"http://127.0.0.1:{house.port}/", {}, b"{}") == status
        assert other.connections == 0


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://host.example/", "93.184.216.34"),
        ("http://host.example/", "::ffff:93.184.216.34"),
        ("http://host.example/", "169.254.169.254"),
        ("https://host.example/", "169.254.169.254"),
        ("https://host.example/", "fe80::1%eth0"),
        ("https://host.example/", "0.0.0.0"),
    ],
)
async def test_addresses_that_are_not_used(url: str, address: str) -> None:
    """Public ones without TLS, and those where clouds hand out credentials, with it, too."""

    async def resolve(_: str, __: int) -> list[str]:
        return [address]

    with pytest.raises(PostFailed, match="no address that may be used"):
        await Poster(resolve).post(url, {}, b"{}")


async def test_a_name_is_looked_up_once() -> None:
    """The connection goes to the address that was looked at: a second answer changes nothing."""
    asked: list[str] = []

    async def resolve(host: str, _: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["203.0.113.1"]

    async with ok().open() as house:
        assert await Poster(resolve).post(f"http://internal.example:{house.port}/", {}, b"{}") == 204
    assert asked == ["internal.example"]


async def test_over_tls_another_machine_gets_no_request(tmp_path: Path) -> None:
    """A name that was made to lead to another machine fails at its certificate, before anything is sent."""
    made = certificate(tmp_path, [], ["localhost"])

    async def resolve(_: str, __: int) -> list[str]:
        return ["127.0.0.1"]

    async with ok().open(made.context) as house:
        with pytest.raises(PostFailed, match="TLS failed"):
            await Poster(resolve).post(f"https://host.example:{house.port}/", {}, b"secret")
    assert house.heard == []


@pytest.mark.parametrize(
    "answer", [b"", b"hello\r\n", b"HTTP/2 200\r\n", b"x" * 100_000, b"HTTP/1.1 100 C\r\n"]
)
async def test_what_is_not_an_answer(answer: bytes) -> None:
    """It fails, and reads no more than a bounded amount."""
    async with House(answer).open() as house:
        with pytest.raises(PostFailed):
            await Poster().post(f"http://127.0.0.1:{house.port}/", {}, b"{}")


async def test_a_late_answer_is_none() -> None:
    """The time is for all of it; drops of bytes do not make it longer."""
    async with House(b"HTTP/1.1 200 OK\r\n\r\n", delay_s=0.5).open() as house:
        with pytest.raises(PostFailed, match=r"no answer within 0\.1 s"):
            await Poster(answer_s=0.1).post(f"http://127.0.0.1:{house.port}/", {}, b"{}")


async def test_nobody_listens() -> None:
    """A refused connection, and a name that is not known."""
    async with ok().open() as house:
        pass
    with pytest.raises(PostFailed, match="connection failed"):
        await Poster().post(f"http://127.0.0.1:{house.port}/", {}, b"{}")
    with pytest.raises(PostFailed, match="connection failed"):
        await Poster().post("http://no-such-name.invalid/", {}, b"{}")
