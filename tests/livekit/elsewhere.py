"""A LiveKit server of another owner (``LIVEKIT_URL``): tests that need no power over it run there."""

import contextlib
import os
from collections.abc import AsyncIterator
from typing import NoReturn

import pytest

from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.project import Project
from duologue.media.livekit.rooms import LiveKitRooms
from tests.livekit.ground import Guest
from tests.livekit.mailbox import Mailbox
from tests.livekit.real import SdkGuest

OURS_ONLY = "needs a server of the tests' own: LIVEKIT_URL names somebody else's"


def project() -> Project | None:
    """The one of the environment, as LiveKit's own tools read it."""
    url = os.environ.get("LIVEKIT_URL", "")
    return Project(url, os.environ["LIVEKIT_API_KEY"], os.environ["LIVEKIT_API_SECRET"]) if url else None


class Elsewhere:
    """The tests' ``Ground``, as far as it goes."""

    def __init__(self, project: Project, mailbox: Mailbox) -> None:
        self.project = project
        self.mailbox = mailbox
        self._guests: list[SdkGuest] = []

    @contextlib.asynccontextmanager
    async def running(self, namespace: Namespace, *, auto_create: bool) -> AsyncIterator["Elsewhere"]:
        """It is of the kind that is wanted; of this namespace nothing is left behind."""
        async with LiveKitRooms(self.project, namespace).running() as rooms:
            if await rooms.makes_rooms_by_itself() is not auto_create:
                pytest.skip(f"needs auto_create: {auto_create}".lower())
            try:
                yield self
            finally:
                for guest in self._guests:
                    await guest.leave()
                for room in await rooms.list_rooms():
                    await rooms.delete(room.name)

    async def join(self, token: str) -> Guest:
        """With LiveKit's own client for Python."""
        guest = SdkGuest()
        await guest.join(self.project.ws_url, token)
        self._guests.append(guest)
        return guest

    def freeze(self) -> None:
        """Not theirs."""
        pytest.skip(OURS_ONLY)

    def thaw(self) -> None:
        """Nothing was frozen."""

    async def stop(self) -> None:
        """Not theirs."""
        pytest.skip(OURS_ONLY)

    async def start(self) -> None:
        """It was not stopped."""


class NoMail(Mailbox):
    """Its webhooks go elsewhere."""

    async def first(self, kind: str, room: str) -> NoReturn:
        """Not ours to read."""
        pytest.skip(OURS_ONLY)
