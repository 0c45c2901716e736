"""The servers of the contract suite: the real one, and the fake that may stand in for it."""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.rooms import LiveKitRooms
from tests.livekit import elsewhere
from tests.livekit.fake.server import FakeServer
from tests.livekit.ground import Ground
from tests.livekit.mailbox import Mailbox
from tests.livekit.real import RealServer, binary

NAMESPACE = Namespace(f"tests-{secrets.token_hex(6)}")
MISSING = "no livekit-server (make livekit builds one with Go 1.21+): the contract is played on the fake only"


@pytest.fixture(params=["real", "fake"])
def server_kind(request: pytest.FixtureRequest) -> str:
    """Each of the two; a machine without the real one has the fake only, CI has both."""
    kind = str(request.param)
    if kind == "real" and binary() is None:
        if elsewhere.project() is not None:
            return "elsewhere"
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return kind


@pytest.fixture
async def mailbox(request: pytest.FixtureRequest) -> AsyncIterator[Mailbox]:
    """Where the server's webhooks go."""
    kind = request.getfixturevalue("server_kind") if "server_kind" in request.fixturenames else "fake"
    async with (elsewhere.NoMail() if kind == "elsewhere" else Mailbox()).running() as it:
        yield it


@pytest.fixture
def auto_create() -> bool:
    """Whether joining makes rooms; a test that wants it parametrizes this."""
    return False


@pytest.fixture
async def server(
    server_kind: str, mailbox: Mailbox, auto_create: bool, tmp_path: Path
) -> AsyncIterator[Ground]:
    """An empty server of this test's own."""
    async with AsyncExitStack() as stack:
        if server_kind == "real":
            real = RealServer(tmp_path, mailbox, auto_create=auto_create)
            yield await stack.enter_async_context(real.running())
        elif project := elsewhere.project() if server_kind == "elsewhere" else None:
            it = elsewhere.Elsewhere(project, mailbox)
            yield await stack.enter_async_context(it.running(NAMESPACE, auto_create=auto_create))
        else:
            fake = FakeServer(mailbox, auto_create=auto_create)
            yield await stack.enter_async_context(fake.running())


@pytest.fixture
async def fake(mailbox: Mailbox) -> AsyncIterator[FakeServer]:
    """The fake, for what only it does on request."""
    async with FakeServer(mailbox).running() as it:
        yield it


@pytest.fixture
async def rooms(server: Ground) -> AsyncIterator[LiveKitRooms]:
    """What is tested."""
    async with LiveKitRooms(server.project, NAMESPACE).running() as it:
        yield it
