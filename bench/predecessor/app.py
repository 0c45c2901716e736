"""The predecessor's design, told by events in place of polling: separate commands, locks that time out.

It is written fairly, as one would normally write it with FastAPI and redis-py: hashes for people and
matches, a sorted set of those who wait, a set of those who talk, a lock around each skip that times out, one
channel and one subscription for each person, JSON Web Tokens. It speaks as much of Duologue's wire as the
generator needs.
It has the predecessor's races, and limits nobody: that only spares it work.
"""

import asyncio
import json
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, cast

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from redis.asyncio import ConnectionPool, Redis

SECRET = os.environ.get("PREDECESSOR_SECRET", secrets.token_hex(32))
REDIS_URL = os.environ.get("PREDECESSOR_REDIS_URL", "redis://localhost")
LOCK_MS = 5_000
LOOKS = 16
RECENT = 8
HEARTBEAT_S = 15.0
TTL_S = 3_600

MAX_CONNECTIONS = 30_000
"""One for each person who listens; the library's own limit is 100."""

redis = Redis(
    connection_pool=ConnectionPool.from_url(REDIS_URL, decode_responses=True, max_connections=MAX_CONNECTIONS)
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Close the pool at the end."""
    yield
    await redis.aclose()


app = FastAPI(lifespan=lifespan)


class JoinBody(BaseModel):
    """A wish for a partner."""

    tags: list[str] = []


class SkipBody(BaseModel):
    """The match that is over."""

    match: str


class PulseBody(BaseModel):
    """A sign of life."""

    match: str = ""
    media: str = ""


def caller(authorization: Annotated[str, Header()]) -> str:
    """Return who is asking. Raises 401."""
    try:
        claims = jwt.decode(authorization.removeprefix("Bearer "), SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, "bad token") from error
    return str(claims["sub"])


Caller = Annotated[str, Depends(caller)]


async def user_of(user_id: str) -> dict[str, str]:
    """Return a user as they are stored."""
    return cast("dict[str, str]", await redis.hgetall(f"user:{user_id}"))


def now_ms() -> int:
    """Return the time."""
    return time.time_ns() // 1_000_000


def shown(user: dict[str, str]) -> dict[str, Any]:
    """Return the state of a user as the page reads it."""
    state: dict[str, Any] = {"state": user.get("state", "idle"), "since_ms": int(user.get("since", 0))}
    if user.get("match"):
        state["match"] = {"match": user["match"], "partner": {"alias": user.get("partner_alias", "")}}
    return state


async def tell(user_id: str, kind: str, **fields: Any) -> None:
    """Publish an event with the state as it is now."""
    user = await user_of(user_id)
    event = {"type": kind, "at_ms": now_ms(), **fields, "state": shown(user)}
    await redis.publish(f"user:{user_id}:events", json.dumps(event))


async def try_match(user_id: str) -> bool:
    """Pair the user with the longest waiting of the first who fit; true if there was one."""
    recent = await redis.lrange(f"recent:{user_id}", 0, RECENT - 1)
    looked_at = await redis.zrange("matching:waiting", 0, LOOKS - 1, withscores=True)
    for other, since in cast("list[tuple[str, float]]", looked_at):
        if other == user_id or other in recent:
            continue
        if not await redis.zrem("matching:waiting", other):
            continue  # somebody else took the other
        if not await redis.zrem("matching:waiting", user_id):
            await redis.zadd("matching:waiting", {other: since})  # somebody took the user meanwhile
            return True
        await make_match(user_id, other)
        return True
    return False


async def make_match(one: str, other: str) -> None:
    """Write the match and both users, and tell both."""
    match, since = secrets.token_urlsafe(12), now_ms()
    await redis.hset(f"match:{match}", mapping={"one": one, "other": other, "since": since})
    await redis.expire(f"match:{match}", TTL_S)
    for user, partner in ((one, other), (other, one)):
        await redis.hset(f"user:{user}", mapping={"state": "matched", "match": match, "since": since})
        await redis.lpush(f"recent:{user}", partner)
        await redis.ltrim(f"recent:{user}", 0, RECENT - 1)
    await redis.sadd("matching:in_call", one, other)
    for user in (one, other):
        await tell(user, "new-match", match=match)


async def requeue(user_id: str, since_ms: int) -> None:
    """Put the user in the queue."""
    await redis.hset(f"user:{user_id}", mapping={"state": "waiting", "match": "", "since": since_ms})
    await redis.zadd("matching:waiting", {user_id: since_ms})


@app.post("/v1/sessions", status_code=201)
async def sessions() -> dict[str, Any]:
    """Begin as a guest."""
    user = secrets.token_urlsafe(12)
    await redis.hset(f"user:{user}", mapping={"state": "idle", "match": "", "since": now_ms()})
    token = jwt.encode({"sub": user, "exp": int(time.time()) + 86_400}, SECRET, algorithm="HS256")
    return {"person": user, "token": token}


@app.post("/v1/join")
async def join(body: JoinBody, user_id: Caller) -> dict[str, Any]:
    """Wait for a partner, or have one."""
    user = await user_of(user_id)
    if user.get("state") == "matched":
        return {"outcome": "matched", "state": shown(user)}
    await redis.hset(f"user:{user_id}", "tags", ",".join(body.tags))
    await requeue(user_id, now_ms())
    matched = await try_match(user_id)
    if not matched:
        await tell(user_id, "waiting")
    return {
        "outcome": "matched" if matched else "waiting",
        "state": shown(await user_of(user_id)),
    }


@app.post("/v1/skip")
async def skip(body: SkipBody, user_id: Caller) -> dict[str, Any]:
    """End the match; both look for the next."""
    lock = f"skip-processing:{body.match}"
    if not await redis.set(lock, user_id, nx=True, px=LOCK_MS):
        return {
            "outcome": "already-processing",
            "state": shown(await user_of(user_id)),
        }
    try:
        match = cast("dict[str, str]", await redis.hgetall(f"match:{body.match}"))
        if user_id not in (match.get("one"), match.get("other")):
            return {"outcome": "stale", "state": shown(await user_of(user_id))}
        partner = match["other"] if match["one"] == user_id else match["one"]
        await redis.delete(f"match:{body.match}")
        await redis.srem("matching:in_call", user_id, partner)
        before = await user_of(partner)
        await requeue(partner, int(before.get("since", 0)) or now_ms())
        await requeue(user_id, now_ms())
        await tell(partner, "force-disconnect", match=body.match, reason="partner-skipped")
        await tell(user_id, "skip-confirmed", match=body.match)
        for user in (partner, user_id):
            if await redis.zscore("matching:waiting", user) is None:
                continue  # the one before was paired with this one
            if not await try_match(user):
                await tell(user, "waiting")
    finally:
        await redis.delete(lock)
    return {"outcome": "skipped", "state": shown(await user_of(user_id))}


@app.post("/v1/pulse")
async def pulse(body: PulseBody, user_id: Caller) -> dict[str, Any]:
    """Note a sign of life."""
    user = await user_of(user_id)
    if body.match and user.get("match") != body.match:
        return {"outcome": "stale", "state": shown(user)}
    await redis.hset(f"user:{user_id}", mapping={"seen": now_ms(), "media": body.media})
    await redis.expire(f"user:{user_id}", TTL_S)
    return {"outcome": "ok", "state": shown(user)}


@app.get("/v1/events")
async def events(user_id: Caller) -> StreamingResponse:
    """Stream what happens to the user."""
    return StreamingResponse(blocks(user_id), media_type="text/event-stream")


async def blocks(user_id: str) -> AsyncIterator[str]:
    """Yield the state, then each event, and a heartbeat in silence."""
    async with redis.pubsub(ignore_subscribe_messages=True) as channel:
        await channel.subscribe(f"user:{user_id}:events")
        state = shown(await user_of(user_id))
        yield block({"type": "snapshot", "at_ms": now_ms(), "state": state})
        last = asyncio.get_running_loop().time()
        while True:
            message = await channel.get_message(timeout=HEARTBEAT_S)
            if message is not None:
                last = asyncio.get_running_loop().time()
                yield f"data: {message['data']}\n\n"
            elif asyncio.get_running_loop().time() - last >= HEARTBEAT_S:
                last = asyncio.get_running_loop().time()
                yield block({"type": "heartbeat", "now_ms": now_ms()})


def block(event: dict[str, Any]) -> str:
    """Return an event as a block of the stream."""
    return f"data: {json.dumps(event)}\n\n"
