"""200 people who join, talk and skip at random through real HTTP and event streams, a third of them rude."""

import asyncio
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import psutil
import pytest
import uvloop

from duologue.store.embedded import Embedded
from tests.chaos import claims
from tests.chaos.crowd import PEOPLE, Crowd, play
from tests.servers import StoreServer
from tests.serving import Serving, data_folder, serving

EVENINGS = 3
"""Tries at an evening that can be judged whole."""
SAMPLE_S, HALF_S, WHOLE_S = 25, 15, 60
FEW = 80
SLACK_MS = 1_500
"""Two cores for the servers, the store and 200 people."""
WAIT_MS = 20_000
"""No one waits longer in the queue: rules relax after 15 s, and then comes the next pass."""


@pytest.mark.timeout(420)
def test_a_crowd_on_the_embedded_store(whole: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """No person has two states, is stuck, is alone too long, or is matched while gone; all are served."""
    with data_folder() as data, serving("--data", str(data), "--no-page") as server:
        [store] = psutil.Process(server.pid).children()
        with capsys.disabled():
            verdict = evening(
                "embedded store", [server], Embedded(data).url, store.pid, seconds=seconds(whole)
            )
        assert server.stop() == 0
    judge(verdict)


@pytest.mark.timeout(420)
def test_a_crowd_on_redis_and_two_servers(
    redis7: StoreServer, whole: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same with every request and every stream at either of two processes."""
    options = ("--redis-url", redis7.url, "--no-page")
    secret = secrets.token_urlsafe(32)
    with serving(*options, DUOLOGUE_SECRET=secret) as one, serving(*options, DUOLOGUE_SECRET=secret) as two:
        with capsys.disabled():
            verdict = evening(
                "Redis 7, two servers", [one, two], redis7.url, redis7.pid, seconds=seconds(whole)
            )
        assert (one.stop(), two.stop()) == (0, 0)
    judge(verdict)


def seconds(whole: bool) -> int:
    """Of an evening in which they skip."""
    return WHOLE_S if whole else SAMPLE_S


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one evening."""

    found: list[str]
    """What must not be."""
    excused: list[str]
    """Claims about time that broke while a process got no core: they say nothing about the servers."""


def evening(
    title: str,
    servers: Sequence[Serving],
    store_url: str,
    store_pid: int,
    *,
    seconds: int,
    people: int = PEOPLE,
    polling: bool = False,
) -> Verdict:
    """Of an evening; of another one, and of a third, if the machine was too busy to tell."""
    urls, processes = [server.url for server in servers], [*(server.pid for server in servers), store_pid]
    once = partial(_once, title, urls, store_url, processes, seconds, people, polling)
    verdict = once()
    for _ in range(1, EVENINGS):
        if verdict.found or not verdict.excused:
            break
        verdict = once()
    return verdict


@pytest.mark.whole
@pytest.mark.timeout(300)
def test_a_crowd_half_of_whom_poll(
    valkey9: StoreServer, whole: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same with streams that reach only every second person; for who polls the bounds are the polls'."""
    options = ("--redis-url", valkey9.url, "--no-page", "--compare-percent", "100")
    secret = secrets.token_urlsafe(32)
    with serving(*options, DUOLOGUE_SECRET=secret) as one, serving(*options, DUOLOGUE_SECRET=secret) as two:
        with capsys.disabled():
            verdict = evening(
                "half of them poll",
                [one, two],
                valkey9.url,
                valkey9.pid,
                seconds=WHOLE_S if whole else HALF_S,
                people=PEOPLE if whole else FEW,
                polling=True,
            )
        assert (one.stop(), two.stop()) == (0, 0)
    judge(verdict)


def judge(verdict: Verdict) -> None:
    """Fails with what was found, and when no evening could be judged whole: unseen is not shown."""
    assert not verdict.found, "\n".join(verdict.found)
    assert not verdict.excused, f"too busy a machine, {EVENINGS} times:\n" + "\n".join(verdict.excused)


def _once(
    title: str,
    urls: Sequence[str],
    store_url: str,
    processes: Sequence[int],
    seconds: int,
    people: int,
    polling: bool,
) -> Verdict:
    before = [_cpu(pid) for pid in processes]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        crowd = runner.run(play(urls, store_url, processes, seconds, people=people, polling=polling))
    cpu = [_cpu(pid) - used for pid, used in zip(processes, before, strict=True)]
    verdict = verdict_on(crowd)
    counts = f"{len(verdict.found)} broken claims, {len(verdict.excused)} that cannot be judged"
    sys.stdout.write(f"\n{table(crowd, f'{title}, {seconds} s', seconds, cpu)}\n{counts}\n")
    return verdict


def verdict_on(crowd: Crowd) -> Verdict:
    """Everything that is claimed."""
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
    return Verdict(found, excused)


def table(crowd: Crowd, title: str, seconds: float, cpu: Sequence[float]) -> str:
    """Return the figures as a table."""
    diaries = crowd.diaries
    matches = {match for diary in diaries.values() for match in diary.meetings}
    skips = sum(len(diary.skips) for diary in diaries.values())
    gone = sum(len(diary.gone) for diary in diaries.values())
    ended = ", ".join(f"{reason} {n}" for reason, n in claims.endings(diaries).most_common())
    head = f"{'ms':30}{'n':>6}{'p50':>8}{'p95':>8}{'max':>8}"
    lines = [
        f"{title}: {len(crowd.people)} people; seed {crowd.seed}",
        f"{len(crowd.people) - len(crowd.polite)} are rude, {sum(p.polls for p in crowd.people)} poll",
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
