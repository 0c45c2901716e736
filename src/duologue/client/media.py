"""The port to media: what a client must know about the connection for picture and sound."""

from collections.abc import Mapping
from typing import Any, Protocol

from duologue.client.vocabulary import Match, MediaWord


class MediaListener(Protocol):
    """What a media adapter reports to: the client."""

    def media_said(self, match: str, word: MediaWord | None) -> None:
        """Report the state of the connection, or a new connection; ``None``: it is being set up."""

    def vouched(self, match: str) -> None:
        """Report that a ping sent at ``ask`` or later was answered."""

    def signal(self, match: str, data: Mapping[str, Any]) -> None:
        """Send a signal to the partner's page, through the server."""


class Media(Protocol):
    """The media of one page. One client uses it, and never makes two calls at once."""

    def bind(self, listener: MediaListener) -> None:
        """Set the listener, before any other call."""

    def enter(self, match: Match) -> None:
        """Enter this match; the clock of silence starts."""

    def leave(self) -> None:
        """Leave the match. Can be repeated."""

    def ask(self) -> None:
        """Ping the partner at once, and report an answer to that ping."""

    def hear(self, data: Mapping[str, Any]) -> None:
        """Take a signal from the partner's page."""

    async def run(self) -> None:
        """Run the adapter's own tasks until cancelled."""


class NoMedia:
    """No media: the server ends each match as ``media-failed`` after 10 s."""

    def bind(self, listener: MediaListener) -> None:
        """Do nothing."""

    def enter(self, match: Match) -> None:
        """Do nothing."""

    def leave(self) -> None:
        """Do nothing."""

    def ask(self) -> None:
        """Do nothing."""

    def hear(self, data: Mapping[str, Any]) -> None:
        """Do nothing."""

    async def run(self) -> None:
        """Do nothing."""
