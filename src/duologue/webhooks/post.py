"""One POST to an address of the settings, and the status of its answer. Nothing leads elsewhere.

No redirect is followed: its status is the answer. A name is looked up once, and the connection is made to an
address that was looked at. Over ``https`` the certificate proves the name, so a name that was made to lead to
another machine gets no request. Over ``http`` nothing proves it, so only private addresses are connected to.
"""

import asyncio
import contextlib
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import SplitResult, urlsplit

ANSWER_S = 15.0
"""For the whole of it, from the look-up to the status (the specification proposes 15 to 30 s)."""
STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r\n]")
HEADER_LINES = 100
"""Lines of interim answers that are read at most."""

Resolve = Callable[[str, int], Awaitable[list[str]]]


class PostFailed(Exception):
    """There is no status; the message says why, without the address."""


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host. Raises ``OSError``."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in found))


class Poster:
    """Sends requests.

    Example::

        status = await Poster().post("https://host.example/hooks", {"webhook-id": "…"}, b"{}")
    """

    def __init__(
        self, resolve: Resolve = resolve, tls: ssl.SSLContext | None = None, answer_s: float = ANSWER_S
    ) -> None:
        """``tls``: which certificates count; the default is those of the system (``SSL_CERT_FILE``)."""
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._answer_s = answer_s

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status of the answer. Raises ``PostFailed``."""
        try:
            async with asyncio.timeout(self._answer_s):
                return await self._post(urlsplit(url), headers, body)
        except TimeoutError as error:
            raise PostFailed(f"no answer within {self._answer_s:g} s") from error
        except ssl.SSLError as error:
            raise PostFailed(f"TLS failed: {error.reason or type(error).__name__}") from error
        except (OSError, ValueError, UnicodeError) as error:
            raise PostFailed(f"the connection failed: {type(error).__name__}") from error

    async def _post(self, url: SplitResult, headers: Mapping[str, str], body: bytes) -> int:
        host, is_tls = url.hostname or "", url.scheme == "https"
        port = url.port or (443 if is_tls else 80)
        address = _allowed(await self._resolve(host, port), is_tls=is_tls)
        reader, writer = await asyncio.open_connection(
            address,
            port,
            ssl=self._tls if is_tls else None,
            server_hostname=host if is_tls else None,
        )
        try:
            writer.write(_request(url, headers, body))
            await writer.drain()
            return await _status(reader)
        finally:
            writer.close()
            if is_tls:  # closing TLS waits for the other side
                writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _allowed(addresses: list[str], *, is_tls: bool) -> str:
    """Return the first address that may be connected to. Raises ``PostFailed``."""
    for address in addresses:
        ip = ipaddress.ip_address(address.partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip
        # Link-local: where clouds answer with credentials of the machine.
        if ip.is_link_local or ip.is_multicast or ip.is_unspecified:
            continue
        if is_tls or ip.is_private or ip.is_loopback:
            return address
    raise PostFailed("the name leads to no address that may be used: over http only private addresses may")


def _request(url: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    fields = {
        "host": url.netloc,
        "content-type": "application/json",
        "content-length": str(len(body)),
        "user-agent": "Duologue",
        "connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {target} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


async def _status(reader: asyncio.StreamReader) -> int:
    """Return the status; interim answers (1xx) are passed over. Raises ``PostFailed``, ``ValueError``."""
    for _ in range(HEADER_LINES):
        found = STATUS.match(line := await reader.readline())
        if found and not found[1].startswith(b"1"):
            return int(found[1])
        if not line:
            break
    raise PostFailed("the answer is not HTTP")
