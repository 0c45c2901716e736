"""Sends commands to the server until they are answered or no longer wanted."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from duologue.client.api import CALL_S, Api
from duologue.client.backoff import full_jitter
from duologue.client.clock import Clock
from duologue.client.errors import Refused, Unreached
from duologue.client.model import Command, Failed, Input, Model, Replied, Send, StateRead
from duologue.client.session import Session
from duologue.client.vocabulary import Reply

PULSE_S = 2.0
"""A sign of life is due within 3 s, so a pulse without an answer for this long is sent again."""
RETRY_BASE_S = 0.4
RETRY_CAP_S = 4.0


class Courier:
    """The commands of one client. It raises nothing: how a command ended is an input to the model."""

    def __init__(
        self,
        api: Api,
        session: Session,
        clock: Clock,
        *,
        random: Callable[[], float],
        model: Callable[[], Model],
        dispatch: Callable[[Input], None],
        unauthorized: Callable[[], None],
    ) -> None:
        """Take ``unauthorized``, which is called when a command was answered 401."""
        self._api = api
        self._session = session
        self._clock = clock
        self._random = random
        self._model = model
        self._dispatch = dispatch
        self._unauthorized = unauthorized

    async def carry(self, effect: Send) -> None:
        """Send a command until it is answered, refused for good, or no longer wanted. If it is cancelled,
        it may have taken effect."""
        command = effect.command
        # A pulse says how things are now: a second try is another pulse, made by the model.
        once = command.name == "pulse"
        try:
            await self.ask(command, effect.body, once=once, timeout_s=PULSE_S if once else CALL_S)
        except Refused as refused:
            self._dispatch(_failed(command, refused))
        except Unreached:
            self._dispatch(Failed(command))

    async def ask(
        self, command: Command, body: Mapping[str, Any], *, once: bool = False, timeout_s: float = CALL_S
    ) -> Reply:
        """Send a command and return the answer. Raises ``Refused``, and ``Unreached`` if it is no longer
        wanted.

        429 and 503 are not refusals: it is sent again when the server says so, as long as it is wanted.
        """
        attempt = 0
        while True:
            try:
                return await self._once(command, body, timeout_s)
            except Refused as refused:
                if refused.status == HTTPStatus.UNAUTHORIZED:
                    self._session.refused()
                    self._unauthorized()
                if once or not refused.passing:
                    raise
                wait_s = refused.retry_after_s
            except Unreached:
                if once:
                    raise
                wait_s = 0.0
            jitter_s = full_jitter(attempt, base_s=RETRY_BASE_S, cap_s=RETRY_CAP_S, random=self._random)
            await self._clock.sleep(wait_s + jitter_s)
            attempt += 1
            if not meant(command, self._model()):
                raise Unreached(f"{command.name}: called off")

    async def read_state(self) -> None:
        """Send ``GET /v1/state`` once; the next heartbeat asks again."""
        snapshots = self._model().snapshots
        try:
            state = await self._api.state(token=self._session.token)
        except Refused as refused:
            self._dispatch(_failed(Command("state"), refused))
        except Unreached:
            self._dispatch(Failed(Command("state")))
        else:
            self._dispatch(StateRead(state, snapshots))

    async def _once(self, command: Command, body: Mapping[str, Any], timeout_s: float) -> Reply:
        snapshots, began_s = self._model().snapshots, self._clock.monotonic()
        reply = await self._api.command(command.name, body, token=self._session.token, timeout_s=timeout_s)
        took_ms = (self._clock.monotonic() - began_s) * 1000
        self._session.recognized()
        self._dispatch(Replied(command, reply, snapshots, took_ms))
        return reply


def _failed(command: Command, refused: Refused) -> Failed:
    """Handle a failure. A temporary one is not an answer, so the person is not told."""
    return Failed(command) if refused.passing else Failed(command, refused.status, refused.code)


def meant(command: Command, model: Model) -> bool:
    """Return whether it is still worth sending: a press until the next one, and a command about a match
    until its end."""
    if command.name in ("join", "leave"):
        return model.asking == command.intent
    if command.name in ("skip", "messages", "signal"):
        return model.match_id == command.match
    return True
