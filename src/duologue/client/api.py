"""The calls of the protocol: bytes out, typed answers back."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec

from duologue.client.clock import Clock
from duologue.client.errors import Refused, Unreached
from duologue.client.transport import Answer, Transport
from duologue.client.vocabulary import (
    Grant,
    Online,
    PersonState,
    PollReply,
    ProblemDocument,
    Reply,
    StateReply,
)

T = TypeVar("T")

CALL_S = 10.0
"""A call without an answer for this long is given up, and sent again if it is still wanted."""


class Api:
    """The calls; each returns one answer. Raises ``Refused`` (the server refused) and ``Unreached`` (there
    was no answer)."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock

    async def grant(self, *, token: str, alias: str, device: str = "") -> Grant:
        """Return a session: for a new person, or with a valid token for the same person for longer."""
        said = {"alias": alias, "device": device}
        body = {"cookie": False, **{name: value for name, value in said.items() if value}}
        return _parsed(await self._call("POST", "/v1/sessions", token, body), Grant)

    async def command(
        self, name: str, body: Mapping[str, Any], *, token: str, timeout_s: float = CALL_S
    ) -> Reply:
        """``POST /v1/<name>``. Every command can be repeated with no second effect."""
        return _parsed(await self._call("POST", f"/v1/{name}", token, body, timeout_s), Reply)

    async def online(self, *, token: str = "") -> int:
        """Send ``GET /v1/online``: how many people are online. It needs no session."""
        return _parsed(await self._call("GET", "/v1/online", token), Online).people_online

    async def state(self, *, token: str, timeout_s: float = CALL_S) -> PersonState:
        """Send ``GET /v1/state``: only a read, not a sign of life."""
        answer = await self._call("GET", "/v1/state", token, timeout_s=timeout_s)
        return _parsed(answer, StateReply).state

    async def poll(self, query: str, *, token: str, timeout_s: float) -> PollReply:
        """Send ``GET /v1/state?page=…``: one long poll, which is a connection."""
        return _parsed(await self._call("GET", f"/v1/state?{query}", token, timeout_s=timeout_s), PollReply)

    async def reaches(self, *, token: str) -> bool:
        """Return whether the server answers a request that is neither a stream nor a poll.

        It changes nothing.
        """
        try:
            await self._call("POST", "/v1/comparisons", token, {})
        except Refused as error:
            # A refusal without a code is not this server's: a proxy of the network said it.
            return error.status < HTTPStatus.INTERNAL_SERVER_ERROR and error.code != ""
        except Unreached:
            return False
        return True

    async def _call(
        self,
        method: str,
        path: str,
        token: str,
        body: Mapping[str, Any] | None = None,
        timeout_s: float = CALL_S,
    ) -> Answer:
        encoded = None if body is None else msgspec.json.encode(body)
        try:
            async with self._clock.timeout(timeout_s):
                answer = await self._transport.request(method, path, token=token, body=encoded)
        except TimeoutError as error:
            raise Unreached(f"{method} {path}: no answer within {timeout_s} s") from error
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise refusal(answer)
        return answer


def _parsed(answer: Answer, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.MsgspecError as error:
        raise Unreached(f"the answer is not one of a Duologue server: {error}") from error


def refusal(answer: Answer) -> Refused:
    """Return the problem in an answer; one without a document, such as a proxy's, has only a status."""
    try:
        problem = msgspec.json.decode(answer.body, type=ProblemDocument)
    except msgspec.MsgspecError:
        problem = ProblemDocument()
    return Refused(
        answer.status, problem.code, problem.detail, _seconds(answer.headers.get("retry-after", ""))
    )


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else 0.0
