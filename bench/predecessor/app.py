"""The predecessor's design, told by events in place of polling: separate commands, locks that time out.

It is written fairly, as one would normally write it with Starlette and redis-py: hashes for people and
matches, a sorted set of those who wait, a set of those who talk, a lock around each skip that times out, one
channel and one subscription for each person, JSON Web Tokens. Commands that need no answer in between share
a pipeline, and nothing is read twice. It speaks as much of Duologue's wire as the generator needs.
It has the predecessor's races, and limits nobody: that only spares it work.
"""

import asyncio
import contextlib
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import jwt
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.client import Pipeline
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

SECRET = os.environ.get("PREDECESSOR_SECRET", secrets.token_hex(32))
REDIS_URL = os.environ.get("PREDECESSOR_REDIS_URL", "redis://localhost")
MAX_CONNECTIONS = 30_000
"""One for each person who listens; the library's own limit is 100."""
LOCK_MS = 5_000
LOOKS = 16
RECENT = 8
HEARTBEAT_S = 15.0
TTL_S = 3_600
WAITING, IN_CALL = "matching:waiting", "matching:in_call"

User = Mapping[str, str]
Stored = dict[Any, Any]
"""What redis-py takes for a hash."""

redis = Redis(
    connection_pool=ConnectionPool.from_url(REDIS_URL, decode_responses=True, max_connections=MAX_CONNECTIONS)
)


def caller(request: Request) -> str:
    """Return who is asking. Raises 401."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        return str(jwt.decode(token, SECRET, algorithms=["HS256"])["sub"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, "bad token") from error


def now_ms() -> int:
    """Return the time."""
    return time.time_ns() // 1_000_000


async def read(key: str) -> dict[str, str]:
    """Return a user or a match as stored."""
    return cast("dict[str, str]", await redis.hgetall(key))


def shown(user: User) -> dict[str, Any]:
    """Return the state of a user as the page reads it."""
    state: dict[str, Any] = {"state": user.get("state", "idle"), "since_ms": int(user.get("since", 0))}
    if match := user.get("match"):
        state["match"] = {"match": match}
    return state


def waiting_since(ms: int) -> Stored:
    """Return a user who waits."""
    return {"state": "waiting", "match": "", "since": str(ms)}


def tell(pipeline: Pipeline, user_id: str, kind: str, user: User, **fields: str) -> None:
    """Publish an event with the state."""
    event = {"type": kind, "at_ms": now_ms(), **fields, "state": shown(user)}
    pipeline.publish(f"user:{user_id}:events", json.dumps(event))


async def try_match(user_id: str) -> User | None:
    """Pair the user with the longest waiting of the first who fit; the user now, if somebody is there."""
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.lrange(f"recent:{user_id}", 0, RECENT - 1)
        pipeline.zrange(WAITING, 0, LOOKS - 1, withscores=True)
        recent, looked_at = await pipeline.execute()
    for other, since in looked_at:
        if other == user_id or other in recent:
            continue
        if not await redis.zrem(WAITING, other):
            continue  # somebody else took the other
        if not await redis.zrem(WAITING, user_id):
            await redis.zadd(WAITING, {other: since})  # somebody took the user meanwhile
            return await read(f"user:{user_id}")
        return await make_match(user_id, other)
    return None


async def make_match(one: str, other: str) -> User:
    """Write the match and both users, and tell both."""
    match, since = secrets.token_urlsafe(12), str(now_ms())
    user: Stored = {"state": "matched", "match": match, "since": since}
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.hset(f"match:{match}", mapping={"one": one, "other": other, "since": since})
        pipeline.expire(f"match:{match}", TTL_S)
        pipeline.sadd(IN_CALL, one, other)
        for each, partner in ((one, other), (other, one)):
            pipeline.hset(f"user:{each}", mapping=user)
            pipeline.lpush(f"recent:{each}", partner)
            pipeline.ltrim(f"recent:{each}", 0, RECENT - 1)
        for each in (one, other):
            tell(pipeline, each, "new-match", user, match=match)
        await pipeline.execute()
    return user


async def sessions(_: Request) -> Response:
    """Begin as a guest."""
    user_id = secrets.token_urlsafe(12)
    await redis.hset(f"user:{user_id}", mapping={"state": "idle", "match": "", "since": now_ms()})
    token = jwt.encode({"sub": user_id, "exp": int(time.time()) + 86_400}, SECRET, algorithm="HS256")
    return JSONResponse({"person": user_id, "token": token}, status_code=201)


async def join(request: Request) -> Response:
    """Wait for a partner, or have one."""
    user_id = caller(request)
    await request.json()
    user: User = await read(f"user:{user_id}")
    if user.get("state") == "matched":
        return JSONResponse({"outcome": "matched", "state": shown(user)})
    waits = waiting_since(since := now_ms())
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.hset(f"user:{user_id}", mapping=waits)
        pipeline.zadd(WAITING, {user_id: since})
        tell(pipeline, user_id, "waiting", waits)
        await pipeline.execute()
    matched = await try_match(user_id)
    outcome = "matched" if matched else "waiting"
    return JSONResponse({"outcome": outcome, "state": shown(matched or waits)})


async def skip(request: Request) -> Response:
    """End the match; both look for the next."""
    user_id, match_id = caller(request), (await request.json())["match"]
    lock = f"skip-processing:{match_id}"
    if not await redis.set(lock, user_id, nx=True, px=LOCK_MS):
        return JSONResponse({"outcome": "already-processing", "state": shown(await read(f"user:{user_id}"))})
    try:
        match = await read(f"match:{match_id}")
        if user_id not in (match.get("one"), match.get("other")):
            return JSONResponse({"outcome": "stale", "state": shown(await read(f"user:{user_id}"))})
        partner = match["other"] if match["one"] == user_id else match["one"]
        user = await ended(match_id, user_id, partner, int(match["since"]))
    finally:
        await redis.delete(lock)
    return JSONResponse({"outcome": "skipped", "state": shown(user)})


async def ended(match_id: str, user_id: str, partner: str, since: int) -> User:
    """Put both back, tell both, pair both; return the one who skipped."""
    places = ((partner, waiting_since(since)), (user_id, waiting_since(now_ms())))
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.delete(f"match:{match_id}")
        pipeline.srem(IN_CALL, user_id, partner)
        for each, waits in places:
            pipeline.hset(f"user:{each}", mapping=waits)
            pipeline.zadd(WAITING, {each: int(waits["since"])})
        tell(pipeline, partner, "force-disconnect", places[0][1], match=match_id, reason="partner-skipped")
        tell(pipeline, user_id, "skip-confirmed", places[1][1], match=match_id)
        await pipeline.execute()
    user: User = places[1][1]
    for each, waits in places:
        matched = await try_match(each)
        if matched is None:
            async with redis.pipeline(transaction=False) as pipeline:
                tell(pipeline, each, "waiting", waits)
                await pipeline.execute()
        elif each == user_id:
            user = matched
    return user


async def pulse(request: Request) -> Response:
    """Note a sign of life."""
    user_id, body = caller(request), await request.json()
    user = await read(f"user:{user_id}")
    if body.get("match") and user.get("match") != body["match"]:
        return JSONResponse({"outcome": "stale", "state": shown(user)})
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.hset(f"user:{user_id}", mapping={"seen": now_ms(), "media": body.get("media", "")})
        pipeline.expire(f"user:{user_id}", TTL_S)
        await pipeline.execute()
    return JSONResponse({"outcome": "ok", "state": shown(user)})


async def events(request: Request) -> Response:
    """Stream what happens to the user."""
    return StreamingResponse(blocks(caller(request)), media_type="text/event-stream")


async def blocks(user_id: str) -> AsyncIterator[str]:
    """Yield the state, then each event, and a heartbeat in silence."""
    loop = asyncio.get_running_loop()
    async with redis.pubsub(ignore_subscribe_messages=True) as channel:
        await channel.subscribe(f"user:{user_id}:events")
        state = shown(await read(f"user:{user_id}"))
        yield block({"type": "snapshot", "at_ms": now_ms(), "state": state})
        last = loop.time()
        while True:
            message = await channel.get_message(timeout=HEARTBEAT_S)
            if message is not None:
                yield f"data: {message['data']}\n\n"
            elif loop.time() - last >= HEARTBEAT_S:
                yield block({"type": "heartbeat", "now_ms": now_ms()})
            else:
                continue
            last = loop.time()


def block(event: dict[str, Any]) -> str:
    """Return an event as a block of the stream."""
    return f"data: {json.dumps(event)}\n\n"


async def ready(_: Request) -> Response:
    """Say that it serves."""
    return JSONResponse({})


@contextlib.asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Close the pool at the end."""
    yield
    await redis.aclose()


app = Starlette(
    routes=[
        Route("/readyz", ready),
        Route("/v1/sessions", sessions, methods=["POST"]),
        Route("/v1/join", join, methods=["POST"]),
        Route("/v1/skip", skip, methods=["POST"]),
        Route("/v1/pulse", pulse, methods=["POST"]),
        Route("/v1/events", events),
    ],
    lifespan=lifespan,
)
