"""200 people who join, talk and skip at random through real HTTP and event streams, a third of them rude."""

import asyncio
import secrets
import sys
from collections.abc import Sequence

import psutil
import pytest
import uvloop

from duologue.store.embedded import Embedded
from tests.chaos import claims
from tests.chaos.crowd import PEOPLE, Crowd, play
from tests.servers import StoreServer
from tests.serving import Serving, data_folder, serving

SAMPLE_S, WHOLE_S = 25, 60
SLACK_MS = 1_500
"""Two cores for the servers, the store and 200 people."""
MOST_HELD_UP = 0.2
"""More of the time, and nothing can be said about time."""
WAIT_MS = 20_000
"""Nobody is longer in the queue: relaxed after 15 s, and then the next pass."""


@pytest.mark.timeout(420)
def test_a_crowd_on_the_embedded_store(whole: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody in two states, nobody stuck, all served, nobody alone too long, nobody gone dealt out twice."""
    with data_folder() as data, serving("--data", str(data), "--no-page") as server:
        [store] = psutil.Process(server.pid).children()
        with capsys.disabled():
            found = evening("embedded store", [server], Embedded(data).url, store.pid, whole=whole)
        assert server.stop() == 0
    assert not found, "\n".join(found)


@pytest.mark.timeout(420)
def test_a_crowd_on_redis_and_two_servers(
    redis7: StoreServer, whole: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same with every request and every stream at either of two processes."""
    options = ("--redis-url", redis7.url, "--no-page")
    secret = secrets.token_urlsafe(32)
    with serving(*options, DUOLOGUE_SECRET=secret) as one, serving(*options, DUOLOGUE_SECRET=secret) as two:
        with capsys.disabled():
            found = evening("Redis 7, two servers", [one, two], redis7.url, redis7.pid, whole=whole)
        assert (one.stop(), two.stop()) == (0, 0)
    assert not found, "\n".join(found)


def evening(
    title: str, servers: Sequence[Serving], store_url: str, store_pid: int, *, whole: bool
) -> list[str]:
    """What must not be, after one evening; after another one if the machine was too busy to tell."""
    urls, processes = [server.url for server in servers], [*(server.pid for server in servers), store_pid]
    found, too_busy = _once(title, urls, store_url, processes, WHOLE_S if whole else SAMPLE_S)
    if too_busy and not found:
        found, too_busy = _once(title, urls, store_url, processes, WHOLE_S if whole else SAMPLE_S)
    return [*found, *(["the machine was too busy to tell, twice"] if too_busy else [])]


def _once(
    title: str, urls: Sequence[str], store_url: str, processes: Sequence[int], seconds: int
) -> tuple[list[str], bool]:
    before = [_cpu(pid) for pid in processes]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        crowd = runner.run(play(urls, store_url, seconds))
    cpu = [_cpu(pid) - used for pid, used in zip(processes, before, strict=True)]
    found, excused = verdict(crowd)
    text = table(crowd, f"{title}, {seconds} s", seconds, cpu)
    sys.stdout.write(f"\n{text}\n{len(found)} broken claims, {len(excused)} more while it was held up\n")
    return found, crowd.machine.share_held_up > MOST_HELD_UP


def verdict(crowd: Crowd) -> tuple[list[str], list[str]]:
    """What must not be; and of the claims about time, those broken while the machine was held up."""
    diaries = crowd.diaries
    found = [*crowd.found, *(line for diary in diaries.values() for line in diary.wrong)]
    found += claims.dealt_twice(diaries)
    found += claims.asymmetric(diaries)
    excused: list[str] = []
    for broken in (
        *claims.too_long(diaries, SLACK_MS),
        *claims.false_endings(diaries),
        *claims.unserved(diaries, WAIT_MS + SLACK_MS),
    ):
        held_up = crowd.machine.was_held_up(broken.from_ms, broken.until_ms)
        (excused if held_up else found).append(broken.what)
    return found, excused


def table(crowd: Crowd, title: str, seconds: float, cpu: Sequence[float]) -> str:
    """For whoever runs it."""
    diaries = crowd.diaries
    matches = {match for diary in diaries.values() for match in diary.meetings}
    skips = sum(len(diary.skips) for diary in diaries.values())
    gone = sum(len(diary.gone) for diary in diaries.values())
    ended = ", ".join(f"{reason} {n}" for reason, n in claims.endings(diaries).most_common())
    head = f"{'ms':30}{'n':>6}{'p50':>8}{'p95':>8}{'max':>8}"
    lines = [
        f"{title}: {PEOPLE} people, {PEOPLE - len(crowd.polite)} of them rude; seed {crowd.seed}",
        f"{len(matches)} conversations, {skips} skips ({skips / seconds:.0f}/s), {gone} times somebody gone",
        f"{crowd.looks} looks at the store; polite people's conversations ended: {ended}",
        "CPU s: " + ", ".join(f"{used:.1f}" for used in cpu) + " (servers, then the store)",
        head,
    ]
    for name, values in [*claims.rows(diaries), *crowd.machine.rows()]:
        cells = (len(values), *(claims.percentile(values, percent) for percent in (50, 95, 100)))
        lines.append(f"{name:30}{cells[0]:6}{cells[1]:8}{cells[2]:8}{cells[3]:8}")
    return "\n".join(lines)


def _cpu(pid: int) -> float:
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)
