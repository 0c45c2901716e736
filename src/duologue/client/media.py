"""The port to media: what a client must be told of the connection over which picture and sound flow."""

from collections.abc import Mapping
from typing import Any, Protocol

from duologue.client.vocabulary import Match, MediaWord


class MediaListener(Protocol):
    """Whom a media adapter tells: the client."""

    def media_said(self, match: str, word: MediaWord | None) -> None:
        """The word on the connection changed, or a new connection came up; ``None``: it is being set up."""

    def vouched(self, match: str) -> None:
        """A ping sent at ``ask`` or after it was answered."""

    def signal(self, match: str, data: Mapping[str, Any]) -> None:
        """To the partner's page, through the server."""


class Media(Protocol):
    """One page's media. Called by one client only, and never at once with itself."""

    def bind(self, listener: MediaListener) -> None:
        """Before anything else."""

    def enter(self, match: Match) -> None:
        """The page is in this match now; the clock of silence starts."""

    def leave(self) -> None:
        """It is in none. Can be repeated."""

    def ask(self) -> None:
        """Ping the partner at once, and tell when an answer to that shows that they live."""

    def hear(self, data: Mapping[str, Any]) -> None:
        """A signal from the partner's page."""

    async def run(self) -> None:
        """Whatever it has to do by itself, until cancelled."""


class NoMedia:
    """No media at all: the server ends each match as ``media-failed`` after 10 s."""

    def bind(self, listener: MediaListener) -> None:
        """Nobody is told anything."""

    def enter(self, match: Match) -> None:
        """Nothing."""

    def leave(self) -> None:
        """Nothing."""

    def ask(self) -> None:
        """Nothing."""

    def hear(self, data: Mapping[str, Any]) -> None:
        """Nothing."""

    async def run(self) -> None:
        """Nothing."""
