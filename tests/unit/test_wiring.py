"""What the wiring decides: the signing key, signals, and which stores are accepted."""

import asyncio
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from duologue import wiring
from duologue.identity.keyring import SecretError
from duologue.settings import Settings, SettingsError
from duologue.store.client import ServerInfo, Store, StoreError


def test_a_signing_key_is_made_once_and_kept(tmp_path: Path) -> None:
    """A person who signed in before a restart is the same person after it; others cannot read the key."""
    file = tmp_path / "secret"
    first = wiring.kept_secret(file)
    assert len(first) >= 32
    assert wiring.kept_secret(file) == first
    assert file.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [file]


def test_servers_that_start_together_make_one_key(tmp_path: Path) -> None:
    """Each would otherwise refuse the tokens of the others."""
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(wiring.kept_secret, [tmp_path / "secret"] * 32))
    assert len(keys) == 1


@pytest.mark.parametrize("refuses", ["write_text", "hardlink_to", "touch"])
def test_a_key_that_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: str) -> None:
    """A full disk, a file system without hard links: one line, and nothing half-made is left."""

    def no(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, refuses, no)
    with pytest.raises(SecretError, match=r"No space left on device.*DUOLOGUE_SECRET.*--data"):
        wiring.kept_secret(tmp_path / "secret")
    assert not list(tmp_path.iterdir())


def test_a_given_key_wins(tmp_path: Path) -> None:
    """Then none is made."""
    settings = replace(Settings(), secret="x" * 32, data=tmp_path)
    assert wiring.keyring(settings).keys == {"main": b"x" * 32}
    assert not list(tmp_path.iterdir())


def test_what_can_be_known_is_refused_before_a_store_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad key, and a page that is not there."""
    with pytest.raises(SecretError):
        wiring.check(replace(Settings(), secret="short", page=False))
    monkeypatch.setattr(wiring, "WEB", tmp_path)
    with pytest.raises(SettingsError, match="not built"):
        wiring.check(Settings())
    (tmp_path / "index.html").touch()
    wiring.check(Settings())


@pytest.mark.parametrize(
    ("given", "relayed"),
    [
        ({}, False),
        ({"relay_only": True}, True),
        ({"media": "livekit"}, True),
        ({"media": "livekit", "media_fallback": True}, False),
        ({"media": "livekit", "media_fallback": True, "relay_only": True}, True),
    ],
)
def test_whether_a_partner_can_see_the_address(given: dict[str, Any], relayed: bool) -> None:
    """The page says what is true for this server; where one call may go directly, that one counts."""
    assert wiring.is_relayed(replace(Settings(), **given)) == relayed


def test_limits_can_be_switched_off() -> None:
    """Then there are no limits; by default there are."""
    store = Store("redis://nowhere")
    assert wiring.limits_of(Settings(limits=False), store, b"") is None
    assert wiring.limits_of(Settings(), store, b"s" * 32) is not None


@pytest.mark.parametrize(("kind", "version"), [("Redis", "6.2.14"), ("Redis", "5.0.3")])
def test_a_store_that_is_too_old(kind: str, version: str) -> None:
    """It would fail at the first script, with an error that is hard to understand."""
    with pytest.raises(StoreError, match="Redis 7 or newer"):
        wiring.look_at(ServerInfo(kind, version, "", ""))


@pytest.mark.parametrize(("kind", "version"), [("Redis", "7.0.15"), ("Redis", ""), ("Valkey", "8.1.0")])
def test_a_store_that_will_do(kind: str, version: str) -> None:
    """One that does not say its version is given the benefit of the doubt."""
    wiring.look_at(ServerInfo(kind, version, "", "noeviction"))


@pytest.fixture
def hang_up_counts() -> Iterator[None]:
    """Under nohup SIGHUP is ignored, and our servers keep to that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hang_up_counts")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_during_the_start_cancels_it_and_later_stops_the_server(
    number: signal.Signals,
) -> None:
    """At first there is nothing to drain; afterwards nothing may be cut off, by a closed terminal either."""
    stopped = asyncio.Event()

    async def start() -> None:
        with wiring.Signals():
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()

    async def serve() -> None:
        with wiring.Signals() as signals:
            signals.lead_to(stopped.set)
            os.kill(os.getpid(), number)
            await stopped.wait()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(start())
    await asyncio.create_task(serve())


async def test_a_second_signal_does_not_interrupt_the_end_of_the_start() -> None:
    """It would leave the store running: its end is what the first one's cancellation waits for."""
    ending, ended = asyncio.Event(), False

    async def start() -> None:
        nonlocal ended
        with wiring.Signals():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.Event().wait()
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                asyncio.get_running_loop().call_later(0.05, ending.set)
                await ending.wait()
                ended = True

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(start())
    assert ended


async def test_nohup_is_respected() -> None:
    """A terminal that closes is then no reason to stop."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with wiring.Signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "localhost"),
        ("0.0.0.0", "localhost"),
        ("", "localhost"),
        ("chat.example", "chat.example"),
        ("2001:db8::1", "[2001:db8::1]"),
    ],
)
def test_the_address_that_is_shown_is_one_that_works(host: str, shown: str) -> None:
    """Cameras work on localhost without TLS, and http://0.0.0.0 cannot be opened."""
    assert wiring.Running(host, 1, "", "").shown_host == shown
