"""The address and scheme that the application reads, behind a proxy and without one."""

from collections.abc import Sequence
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from duologue.api.gate import address_of
from duologue.api.proxies import Forwarded
from duologue.identity.addresses import Proxies

Header = tuple[bytes, bytes]


async def seen(
    peer: tuple[str, int] | None, headers: Sequence[Header], *, proxies: str = "10.0.0.1", times: int = 1
) -> dict[str, Any]:
    """The scope as the application got it."""
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    async def nowhere(_: Message) -> None:
        """There is no answer."""

    forwarded = Forwarded(app, Proxies.parse(proxies))
    for _ in range(times):
        scope: Scope = {"type": "http", "scheme": "http", "client": peer, "headers": headers}
        await forwarded(scope, nothing, nowhere)
    return dict(scopes[-1])


async def test_a_trusted_proxys_word_counts() -> None:
    """Address and scheme (which makes the cookie Secure)."""
    scope = await seen(
        ("10.0.0.1", 5), [(b"x-forwarded-for", b"192.0.2.7"), (b"x-forwarded-proto", b"https")]
    )
    assert (address_of(scope), scope["scheme"]) == ("192.0.2.7", "https")


@pytest.mark.parametrize(
    ("said", "scheme"),
    [
        ([b"https, http"], "https"),
        ([b"https,http"], "https"),
        ([b"HTTPS ", b"http"], "https"),
        ([b"http, https"], "http"),
        ([b", https"], "http"),
    ],
)
async def test_of_proxies_in_a_row_the_first_was_asked_by_the_browser(said: list[bytes], scheme: str) -> None:
    """Each may add what it was asked over itself."""
    scope = await seen(("10.0.0.1", 5), [(b"x-forwarded-proto", each) for each in said])
    assert scope["scheme"] == scheme


async def test_anybody_elses_does_not_and_is_told_once() -> None:
    """Without the warning, an operator whose proxy is not listed would not know why all people are one
    address."""
    headers = [(b"x-forwarded-for", b"192.0.2.7"), (b"x-forwarded-proto", b"https")]
    with capture_logs() as logs:
        scope = await seen(("198.51.100.4", 5), headers, times=3)
    assert (address_of(scope), scope["scheme"]) == ("198.51.100.4", "http")
    assert [(each["log_level"], each["peer"]) for each in logs] == [("warning", "198.51.100.4")]


@pytest.mark.parametrize(
    "headers",
    [
        [(b"x-forwarded-for", b"\xff\xfe")],
        [(b"x-forwarded-for", b"')--")],
        [(b"x-forwarded-for", b"")],
        [(b"x-forwarded-for", b"," * 20_000)],
        [(b"x-forwarded-proto", b"javascript")],
        [],
    ],
)
async def test_garbage_changes_nothing(headers: list[Header]) -> None:
    """Not even of a trusted proxy: it asks itself."""
    scope = await seen(("10.0.0.1", 5), headers)
    assert (address_of(scope), scope["scheme"]) == ("10.0.0.1", "http")


@pytest.mark.parametrize(("proxies", "address"), [("unix", "192.0.2.7"), ("10.0.0.1", "")])
async def test_a_peer_on_a_unix_socket(proxies: str, address: str) -> None:
    """It has no address. If the list has ``unix``, the address that it names counts; else no bucket is
    used."""
    assert address_of(await seen(None, [(b"x-forwarded-for", b"192.0.2.7")], proxies=proxies)) == address


async def test_what_is_no_request_passes() -> None:
    """The lifespan of an application has no peer."""
    passed: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope)

    async def nothing() -> Message:
        return {"type": "lifespan.startup"}

    async def nowhere(_: Message) -> None:
        """There is no answer."""

    await Forwarded(app, Proxies())({"type": "lifespan"}, nothing, nowhere)
    assert passed == [{"type": "lifespan"}]
