"""A person that streams do not reach: polls one after the other, as bare HTTP, and what the answers said."""

import asyncio
from typing import Any

import httpx

from duologue.api.poll import MAX_WAIT_MS
from tests.proxies.reader import Reader

SAY_S = 0.4
"""Below the limit of 120 a minute, but for what may be said at once."""


class Poller:
    """One person; ``live`` runs until cancelled. Any answer but 200 is kept in ``refused``."""

    def __init__(self, reader: Reader, page: str) -> None:
        self.state: dict[str, Any] = {}
        self.texts: list[str] = []
        self.refused: list[str] = []
        self.away = 0
        """Answers in which the partner was away."""
        self.quiet = False
        self._reader = reader
        self._page = page
        self._after = ""
        self._n = 0

    @classmethod
    async def come(cls, http: httpx.AsyncClient, page: str) -> "Poller":
        """Begin as a new person."""
        return cls(await Reader.come(http), page)

    @property
    def match(self) -> str:
        """That of the last answer, or empty."""
        return str(self.state.get("match", {}).get("match", ""))

    async def live(self) -> None:
        """Join, poll, answer what is owed with "my media is up"."""
        await self._reader.ask("join", intent=1, pool="talk")
        while True:
            answer = await self._reader.get(f"/v1/state?page={self._page}{self._known()}")
            if answer.status_code == 200:
                await self._take(answer.json())
            else:
                self.refused.append(answer.text)

    async def talk(self) -> None:
        """A numbered line, again and again, until it is ``quiet``."""
        while not self.quiet:
            await asyncio.sleep(SAY_S)
            if self.match:
                self._n += 1
                body = {"match": self.match, "key": f"k{self._n}", "text": f"{self._page} {self._n}"}
                await self._reader.ask("messages", **body)

    @property
    def said(self) -> list[str]:
        """Its own lines that were accepted."""
        return [f"{self._page} {n}" for n in range(1, self._n + 1)]

    def _known(self) -> str:
        if not self.state:
            return ""
        after = f"&after={self._after}" if self._after else ""
        return f"&version={self.state['version']}&wait_ms={MAX_WAIT_MS}{after}"

    async def _take(self, reply: dict[str, Any]) -> None:
        before, self.state = self.match, reply["state"]
        self.texts += [message["text"] for message in reply["messages"]]
        if reply["messages"]:
            self._after = f"{self.match}:{reply['messages'][-1]['n']}"
        if self.match:
            self.away += self.state["match"]["partner"]["away_until_ms"] is not None
        if self.match and (self.match != before or "probe" in self.state):
            await self._reader.ask("pulse", match=self.match, media="open")
