"""How soon a ban is felt: ``python -m bench.bans [--trials 200]``.

Two real servers on one Redis. Each trial: two guests meet, one on each server, and a moderator asks the
first server to ban the guest of the second one. Counted from the moderator's request: when the answer is
there, when the banned guest's client knows that the session is over, and when the partner's client reads
that they left. The goal is 150 ms (p99). Everything runs on this machine, the clients too.
"""

import argparse
import asyncio
import contextlib
import statistics
import time
from collections.abc import Iterator, Sequence

import aiohttp

from duologue.admin.tokens import AdminTokens, Role
from duologue.client import Client, Link, Model
from duologue.client.http import HttpTransport, http_session
from duologue.identity.keyring import Keyring
from duologue.identity.tokens import Tokens
from tests.servers import redis7_binary, store_server
from tests.serving import Serving, serving

SECRET, ADMIN_SECRET = "s" * 32, "a" * 32
BAN = {"kind": "ban", "rule": "rule", "why": "why", "lasts_ms": 3_600_000}
NAMES = ("answered", "banned: session over", "partner: told")


@contextlib.contextmanager
def two_servers() -> Iterator[tuple[Serving, Serving, str]]:
    """Both, and the address of the first one's admin API."""
    binary = redis7_binary()
    assert binary is not None, "Debian's redis-server is needed"
    with store_server("redis7", binary) as store:
        settings = {"REDIS_URL": store.url, "DUOLOGUE_SECRET": SECRET, "DUOLOGUE_ADMIN_SECRET": ADMIN_SECRET}
        options = ("--no-page", "--no-limits", "--admin-port", "0")
        with serving(*options, **settings) as one, serving(*options, **settings) as other:
            admin = one.until_it_says(r"admin  (http://\S+)/admin/v1")[1].replace("localhost", "127.0.0.1")
            yield one, other, admin


async def trial(
    session: aiohttp.ClientSession, one: Serving, other: Serving, admin: str
) -> tuple[float, ...]:
    """The three times, in ms."""
    tokens = Tokens(Keyring.parse(SECRET))
    a, b = tokens.start(), tokens.start()
    ann = Client(HttpTransport(session, one.url), token=a.token)
    ben = Client(HttpTransport(session, other.url), token=b.token)
    async with ann.running(), ben.running():
        ann.start()
        ben.start()
        await asyncio.gather(ann.until(_talks), ben.until(_talks))
        began = time.monotonic()

        async def banned() -> float:
            await ben.until(lambda model: model.link is Link.ENDED)
            return time.monotonic()

        async def told() -> float:
            await ann.until(lambda model: not _talks(model))
            return time.monotonic()

        async def asked() -> float:
            url = f"{admin}/admin/v1/persons/{b.person}/sanctions"
            token = AdminTokens(ADMIN_SECRET).sign("bench", Role.MODERATOR, lasts_s=600)
            async with session.post(url, json=BAN, headers={"Authorization": f"Bearer {token}"}) as answer:
                assert answer.status == 200, await answer.text()
            return time.monotonic()

        times = await asyncio.gather(asked(), banned(), told())
        return tuple((each - began) * 1000 for each in times)


def _talks(model: Model) -> bool:
    return model.match_id != ""


async def measured(trials: int) -> Sequence[tuple[float, ...]]:
    """The times of all trials, after a few to warm up."""
    with two_servers() as (one, other, admin):
        async with http_session() as session:
            for _ in range(5):
                await trial(session, one, other, admin)
            return [await trial(session, one, other, admin) for _ in range(trials)]


def main() -> None:
    """Print p50, p95, p99 and the maximum of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    rows = asyncio.run(measured(parser.parse_args().trials))
    print(f"{'ms':<24}{'p50':>8}{'p95':>8}{'p99':>8}{'max':>8}")
    for name, times in zip(NAMES, zip(*rows, strict=True), strict=True):
        cuts = statistics.quantiles(times, n=100, method="inclusive")
        print(f"{name:<24}{cuts[49]:>8.1f}{cuts[94]:>8.1f}{cuts[98]:>8.1f}{max(times):>8.1f}")


if __name__ == "__main__":
    main()
