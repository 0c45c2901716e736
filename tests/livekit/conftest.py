"""The two servers of the contract suite: the real one, and the fake that may stand in for it."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.rooms import Rooms
from tests.livekit.fake.server import FakeServer
from tests.livekit.ground import Ground
from tests.livekit.mailbox import Mailbox
from tests.livekit.real import RealServer, binary

NAMESPACE = Namespace("tests")
MISSING = "no livekit-server (make livekit builds one with Go 1.21+): the contract is played on the fake only"


@pytest.fixture(params=["real", "fake"])
def server_kind(request: pytest.FixtureRequest) -> str:
    """Each of the two; a machine without the real one has the fake only, CI has both."""
    kind = str(request.param)
    if kind == "real" and binary() is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return kind


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    """Where the server's webhooks go."""
    async with Mailbox().running() as it:
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
        it: RealServer | FakeServer
        if server_kind == "real":
            it = RealServer(tmp_path, mailbox, auto_create=auto_create)
        else:
            it = FakeServer(mailbox, auto_create=auto_create)
        yield await stack.enter_async_context(it.running())


@pytest.fixture
async def fake(mailbox: Mailbox) -> AsyncIterator[FakeServer]:
    """The fake, for what only it does on request."""
    async with FakeServer(mailbox).running() as it:
        yield it


@pytest.fixture
async def rooms(server: Ground) -> AsyncIterator[Rooms]:
    """What is tested."""
    async with Rooms(server.project, NAMESPACE).running() as it:
        yield it
