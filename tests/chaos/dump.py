"""The whole of a shard at one instant, while everything runs: what the invariants are checked on."""

from collections.abc import Mapping
from typing import Any

import redis.asyncio

from duologue.pairing.invariants import Snapshot, snapshot

# One script, so nothing runs between two reads. KEYS is for a test's small store only.
READ = """
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind, value = redis.call('TYPE', key).ok, false
  if kind == 'string' then value = redis.call('GET', key)
  elseif kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'set' then value = redis.call('SMEMBERS', key)
  elseif kind == 'hash' then value = redis.call('HGETALL', key)
  elseif kind == 'list' then value = redis.call('LRANGE', key, 0, -1) end
  found[#found + 1] = {key, value}
end
return found
"""


class _Instant:
    """What was read, as a store would answer it."""

    def __init__(self, found: Mapping[bytes, Any]) -> None:
        self._found = found

    async def keys(self, pattern: str) -> list[bytes]:
        return list(self._found)

    async def get(self, key: str) -> bytes | None:
        value: bytes | None = self._found.get(key.encode())
        return value

    async def zrange(self, key: str, start: int, end: int, *, withscores: bool) -> Any:
        flat = self._found[key.encode()]
        return [(member, float(score)) for member, score in zip(flat[::2], flat[1::2], strict=True)]

    async def smembers(self, key: str) -> Any:
        return self._found[key.encode()]

    async def hgetall(self, key: str) -> Any:
        flat = self._found[key.encode()]
        return dict(zip(flat[::2], flat[1::2], strict=True))

    async def lrange(self, key: str, start: int, end: int) -> Any:
        return self._found[key.encode()]


async def at_once(store: "redis.asyncio.Redis") -> Snapshot:
    """Everything, as one moment saw it."""
    rows = await store.eval(READ, 0)
    return await snapshot(_Instant(dict(rows)))
