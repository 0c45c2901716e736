"""Run tests side by side only while the machine has processors left for what they use.

`--side-by-side` switches it on, for runs with several workers of pytest-xdist. `load.json` says for each file
how long it takes and how many processors it uses. These are figures of an earlier run; `python -m tests.load`
renews them. Before each test its worker waits until the sum over all workers fits the machine.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

FILE = Path(__file__).with_name("load.json")
ARTIFACTS = Path(__file__).parents[1] / "artifacts"
TIMES = ARTIFACTS / "times.jsonl"
"""One line for each test of the last run: its id, seconds, processor seconds of it and its children."""
FAILED = ARTIFACTS / "failed.json"
"""The ids of the tests that failed in the last run with `--side-by-side`."""

LOOK_S = 0.05
"""Pause between two looks at what is free."""

TURN_S = 15.0
"""A test that fits passes one that does not fit yet, but only if it came less than 15 s after it."""

CALM_S, CALM_SHARE, CALM_LOOKS = 2.0, 0.9, 3
"""A measured test begins when a process that spins got 90 % of one three times; after 2 s at most."""

MORE = 1.0
"""So many processors are shared out for each that there is."""

HEAVY = 0.5
"""Files that use at least so many processors, mostly those with browsers, go to every second worker."""

MEASURED = (
    "tests/chaos/test_claims.py",
    "tests/chaos/test_kill.py",
    "tests/chaos/test_long_run.py",
    "tests/chaos/test_migration.py",
    "tests/faults/",
    "tests/e2e/test_livekit.py",
    "tests/e2e/test_meet.py",
    "tests/e2e/test_never_alone.py",
    "tests/e2e/test_relay.py",
    "tests/e2e/test_two_transports.py",
    "tests/livekit/test_crashes.py",
    "tests/livekit/test_goodbyes.py",
    "tests/livekit/test_stale_grants.py",
    "tests/proxies/test_frames.py",
    "tests/proxies/test_rolling.py",
    "tests/integration/test_one_address.py",
    "tests/integration/test_polling.py",
)
"""These measure times against bounds of seconds. A test of them that fails beside others is judged alone."""


@dataclass(frozen=True, slots=True)
class Use:
    """What one file takes."""

    seconds: float = 20.0
    processors: float = 1.0


def known(file: Path = FILE) -> Mapping[str, Use]:
    """Return what earlier runs measured, by the file's path from the repository's root."""
    return {name: Use(*figures) for name, figures in json.loads(file.read_text()).items()}


def share(for_s: float = 0.02) -> float:
    """Return which share of a processor this process gets now: less than 1 means that others wait as well."""
    began, used = time.monotonic(), time.thread_time()
    while (spent := time.monotonic() - began) < for_s:
        pass
    return (time.thread_time() - used) / spent


def wait_for_calm(
    share_now: Callable[[], float] = share,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Return True when a process that wants a processor gets one; False after ``CALM_S``."""
    began, calm = clock(), 0
    while calm < CALM_LOOKS:
        if clock() - began > CALM_S:
            return False
        calm = calm + 1 if share_now() >= CALM_SHARE else 0
        sleep(LOOK_S)
    return True


@dataclass(slots=True)
class Taken:
    """What one worker uses, or waits for."""

    pid: int
    amount: float
    since_s: float


class Processors:
    """The processors of this machine, shared among the workers of one run by means of a locked file."""

    def __init__(self, folder: Path, count: float) -> None:
        """``folder`` is the same for all workers."""
        self.count = count
        self._file = folder / "processors.json"
        self._lock = folder / "lock"

    @contextmanager
    def taken(self, amount: float) -> Iterator[None]:
        """Wait until so many are free, and keep them for as long as the context lasts."""
        me = Taken(os.getpid(), min(amount, self.count), time.time())
        while not self.take(me):
            time.sleep(LOOK_S)
        try:
            yield
        finally:
            self.give_back(me.pid)

    def take(self, me: Taken) -> bool:
        """Return True if they are now this worker's; False while it has to wait."""
        with self._state() as (running, waiting):
            waiting[:] = [*(each for each in waiting if each.pid != me.pid), me]
            if not _may_begin(me, running, waiting, self.count):
                return False
            waiting.remove(me)
            running.append(me)
            return True

    def give_back(self, pid: int) -> None:
        """Free what the worker used."""
        with self._state() as (running, _):
            running[:] = [each for each in running if each.pid != pid]

    @contextmanager
    def _state(self) -> Iterator[tuple[list[Taken], list[Taken]]]:
        with self._lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found: list[Any] = json.loads(self._file.read_text()) if self._file.exists() else [[], []]
            running, waiting = (
                [Taken(*each) for each in part if psutil.pid_exists(each[0])] for part in found
            )
            yield running, waiting
            kept = [[[each.pid, each.amount, each.since_s] for each in part] for part in (running, waiting)]
            self._file.write_text(json.dumps(kept))


def _may_begin(me: Taken, running: Iterable[Taken], waiting: Iterable[Taken], count: float) -> bool:
    used = sum(each.amount for each in running)
    is_their_turn = any(each.since_s < me.since_s and me.since_s - each.since_s > TURN_S for each in waiting)
    return not used or (used + me.amount <= count + 1e-9 and not is_their_turn)


# --- the plugin -------------------------------------------------------------------------------------


class SideBySide:
    """The plugin, in the process that hands out the files and in each worker."""

    def __init__(self, config: pytest.Config) -> None:
        """A worker is told the folder of the run."""
        self.uses = known()
        given: dict[str, Any] | None = getattr(config, "workerinput", None)
        self._folder = tempfile.TemporaryDirectory(prefix="duo-load-") if given is None else None
        folder = self._folder.name if self._folder else given["load_folder"] if given else ""
        self._processors = Processors(Path(folder), MORE * (os.cpu_count() or 1))
        self._is_worker = given is not None
        self._failed: set[str] = set()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell the worker where the workers meet."""
        assert self._folder
        node.workerinput["load_folder"] = self._folder.name

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Hand out whole files, the longest first; see `Files`."""
        return Files(config, log, self.uses)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Begin when there is room. What it waits for does not count against the test's own limit of time."""
        if not self._is_worker:
            return (yield)
        file = item.nodeid.partition("::")[0]
        with self._processors.taken(self.uses.get(file, Use()).processors):
            if file.startswith(MEASURED):
                wait_for_calm()
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what failed."""
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_unconfigure(self) -> None:
        """Remove the folder of the run, and leave the names of what failed."""
        if self._folder:
            self._folder.cleanup()
            ARTIFACTS.mkdir(exist_ok=True)
            FAILED.write_text(json.dumps(sorted(self._failed)))


class Files(LoadFileScheduling):  # type: ignore[misc]  # the library has no types
    """Give each worker whole files, the longest first; every second worker gets those with browsers."""

    def __init__(self, config: pytest.Config, log: Any, uses: Mapping[str, Use]) -> None:
        """``uses`` orders the files."""
        super().__init__(config, log)
        self._uses = uses

    def _assign_work_unit(self, node: Any) -> None:
        heavy = int(node.gateway.id.removeprefix("gw")) % 2 == 0
        self.workqueue.move_to_end(next_file(self.workqueue, self._uses, heavy=heavy), last=False)
        super()._assign_work_unit(node)


def next_file(files: Iterable[str], uses: Mapping[str, Use], *, heavy: bool) -> str:
    """Return the longest of the wanted kind; of the other kind when there are none left."""

    def rank(file: str) -> tuple[bool, float]:
        use = uses.get(file, Use())
        return (use.processors >= HEAVY) == heavy, use.seconds

    return max(files, key=rank)


class Times:
    """Note for each test how long it took, and how much time of the processors it and its children used."""

    def __init__(self, file: Path = TIMES) -> None:
        """``file`` gets a line for each test."""
        self._file = file
        file.parent.mkdir(exist_ok=True)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """The wait for room is not in it: that hook is around this one."""
        began, used = time.monotonic(), _cpu_s()
        result = yield
        figures = [item.nodeid, round(time.monotonic() - began, 2), round(_cpu_s() - used, 2)]
        with self._file.open("a") as out:
            out.write(json.dumps(figures) + "\n")
        return result


def _cpu_s() -> float:
    me, total = psutil.Process(), 0.0
    for each in (me, *me.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def folded(lines: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Return seconds and processors of each file from the lines of `Times`."""
    sums: dict[str, list[float]] = {}
    for line in lines:
        test, seconds, cpu_s = json.loads(line)
        of = sums.setdefault(test.partition("::")[0], [0.0, 0.0])
        of[0] += seconds
        # A child that was killed takes its figures with it: the difference can be below zero.
        of[1] += max(cpu_s, 0.0)
    most = os.cpu_count() or 1
    return {
        file: (round(seconds, 1), round(min(max(cpu_s / max(seconds, 0.1), 0.1), most), 2))
        for file, (seconds, cpu_s) in sorted(sums.items())
    }


def main() -> None:
    """Renew `load.json` from the last run; files that did not run keep their figures."""
    before = json.loads(FILE.read_text()) if FILE.exists() else {}
    merged = {**before, **folded(TIMES.read_text().splitlines())}
    lines = [f"  {json.dumps(file)}: {json.dumps(figures)}" for file, figures in sorted(merged.items())]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    sys.stdout.write(f"{len(merged)} files\n")


if __name__ == "__main__":
    main()
