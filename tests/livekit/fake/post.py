"""The fake's webhooks: signed as LiveKit signs them, and lost, doubled or shuffled on request."""

import asyncio
import base64
import hashlib
import json
import time

import aiohttp
import jwt

from duologue.media.livekit.project import Project
from tests.livekit.fake.house import Event

VALID_S = 300


def signature(project: Project, body: bytes, *, signed_at: float | None = None) -> str:
    """The ``Authorization`` header of a webhook."""
    at = int(time.time() if signed_at is None else signed_at)
    claims = {
        "iss": project.key,
        "nbf": at,
        "exp": at + VALID_S,
        "sha256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
    }
    return jwt.encode(claims, project.secret, algorithm="HS256")


class Post:
    """Sends one after the other; who does not answer is not asked again."""

    def __init__(self, project: Project, url: str) -> None:
        self._project = project
        self._url = url
        self._waiting: asyncio.Queue[Event] = asyncio.Queue()
        self._held: list[Event] | None = None
        self.is_losing = False
        """Begin without a receiver: later events are not sent."""
        self.is_doubling = False
        """What happens from now on is told twice."""

    def take(self, event: Event) -> None:
        """It will be sent, unless it is lost."""
        if self.is_losing:
            return
        for each in [event, event] if self.is_doubling else [event]:
            if self._held is not None:
                self._held.append(each)
            else:
                self._waiting.put_nowait(each)

    def hold(self) -> None:
        """What happens from now on is kept back."""
        self._held = []

    def release(self, *, reverse: bool = False) -> None:
        """What was kept back is sent, the newest first if asked."""
        held, self._held = self._held or [], None
        for each in reversed(held) if reverse else held:
            self._waiting.put_nowait(each)

    async def run(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession() as session:
            while True:
                body = json.dumps(await self._waiting.get()).encode()
                headers = {
                    "Authorization": signature(self._project, body),
                    "Content-Type": "application/webhook+json",
                }
                try:
                    async with asyncio.timeout(5), session.post(self._url, data=body, headers=headers):
                        pass
                except (aiohttp.ClientError, TimeoutError):
                    continue
