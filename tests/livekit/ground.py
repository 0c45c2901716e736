"""What the contract suite is played on: a LiveKit server that can be joined, frozen, stopped and started."""

import asyncio
from typing import Protocol

from duologue.media.livekit.project import Project
from tests.livekit.mailbox import Mailbox

KEY = "duologue-tests"
SECRET = "only-for-tests-on-loopback-0123456789"


class JoinRefused(Exception):
    """The server did not let a person in."""


class Guest(Protocol):
    """A person in a room, as a browser would be."""

    sent_away: asyncio.Event
    """Set when the server ended it."""

    async def publish(self) -> None:
        """They show a picture."""

    async def leave(self) -> None:
        """They go, and say so; can be repeated."""


class Ground(Protocol):
    """One server with a mailbox for its webhooks. ``auto_create`` is as it was started."""

    project: Project
    mailbox: Mailbox

    async def join(self, token: str) -> Guest:
        """Join a room; people leave at the end of the test. Raises ``JoinRefused``."""

    def freeze(self) -> None:
        """It accepts connections and answers nothing."""

    def thaw(self) -> None:
        """It goes on, with what was asked meanwhile; can be repeated."""

    async def stop(self) -> None:
        """It is gone at once, and all its rooms; nothing listens there."""

    async def start(self) -> None:
        """It is there again, empty, where it was."""
