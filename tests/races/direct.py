"""The machine driven step by step, with no event loop: one call, one script, a clock that a test turns."""

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import redis
from redis.exceptions import NoScriptError

from duologue.pairing.invariants import snapshot, violations
from duologue.pairing.scripts import Script

T = TypeVar("T")

NOON_MS = 1_764_000_000_000


class Clock:
    """Milliseconds since the epoch; stands still until it is turned."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS

    def __call__(self) -> int:
        return self.now_ms

    def turn(self, ms: int) -> None:
        self.now_ms += ms


def play(call: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits: over ``Direct`` no call of the machine does."""
    try:
        call.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    call.close()
    raise AssertionError("it waits for something")


class Direct:
    """A ``ScriptRunner`` and the invariants' ``Dump`` over a blocking client."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.calls = 0

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | int | bytes]) -> Any:
        self.calls += 1
        values = [*keys, *args]
        try:
            return self.client.evalsha(script.sha1, len(keys), *values)
        except NoScriptError:
            self.client.script_load(script.source)
            return self.client.evalsha(script.sha1, len(keys), *values)

    async def keys(self, pattern: str) -> list[bytes]:
        found: Any = self.client.keys(pattern)
        return list(found)

    async def get(self, key: str) -> bytes | None:
        found: Any = self.client.get(key)
        return bytes(found) if found is not None else None

    async def zrange(self, key: str, start: int, end: int, *, withscores: bool) -> Any:
        return self.client.zrange(key, start, end, withscores=withscores)

    async def smembers(self, key: str) -> Any:
        return self.client.smembers(key)

    def broken(self) -> list[str]:
        """The invariants that do not hold now."""
        return violations(play(snapshot(self)))
