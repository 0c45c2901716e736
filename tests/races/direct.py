"""The machine driven step by step, with no event loop: one call, one script, a clock that a test turns."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import redis
from redis.exceptions import NoScriptError

from duologue.lane import Lane
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
        self._dump: dict[str, Any] = {}

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | int | bytes],
        *,
        lane: Lane = Lane.INTERACTIVE,
    ) -> Any:
        self.calls += 1
        values = [*keys, *args]
        try:
            return self.client.evalsha(script.sha1, len(keys), *values)
        except NoScriptError:
            self.client.script_load(script.source)
            return self.client.evalsha(script.sha1, len(keys), *values)

    async def keys(self, pattern: str) -> list[bytes]:
        """Also reads them all, in one round trip: who dumps a store asks for every key."""
        found: Any = self.client.keys(pattern)
        pipeline = self.client.pipeline(transaction=False)
        for key in found:
            pipeline.type(key)
        kinds = pipeline.execute()
        fetch: dict[bytes, Callable[[bytes], Any]] = {
            b"string": pipeline.get,
            b"zset": self._members(pipeline),
            b"set": pipeline.smembers,
            b"hash": pipeline.hgetall,
            b"list": lambda key: pipeline.lrange(key, 0, -1),
        }
        read = [(key, fetch[kind]) for key, kind in zip(found, kinds, strict=True) if kind in fetch]
        for key, ask in read:
            ask(key)
        self._dump = {key.decode(): value for (key, _), value in zip(read, pipeline.execute(), strict=True)}
        return list(found)

    @staticmethod
    def _members(pipeline: Any) -> Callable[[bytes], Any]:
        return lambda key: pipeline.zrange(key, 0, -1, withscores=True)

    async def get(self, key: str) -> bytes | None:
        found: bytes | None = self._dump.get(key)
        return found

    async def zrange(self, key: str, start: int, end: int, *, withscores: bool) -> Any:
        assert (start, end, withscores) == (0, -1, True)
        return self._dump.get(key, [])

    async def smembers(self, key: str) -> Any:
        return self._dump.get(key, set())

    async def hgetall(self, key: str) -> Any:
        return self._dump.get(key, {})

    async def lrange(self, key: str, start: int, end: int) -> Any:
        assert (start, end) == (0, -1)
        return self._dump.get(key, [])

    def broken(self) -> list[str]:
        """The invariants that do not hold now."""
        return violations(play(snapshot(self)))
