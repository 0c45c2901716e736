"""Run all tests in four lanes, and say for each lane how it ended and how long it took: `make test`.

- `computed`: tests that turn their own clock. They use what the other lanes leave of the processors.
- `side by side`: tests with servers, browsers and proxies of their own, three files at once if there are two
  processors.
- `measured`: tests that measure times against bounds of seconds (`load.MEASURED`), two files at once.
- `alone`: tests that measure what people saw against tight bounds, or drive whole crowds, one after another.

A test that failed in the lane `measured` is judged again in the lane `alone`. Its bounds are the same there.
Any other test that fails has failed.

`--fast` runs the computed lane with small samples and a few tests with servers, for work on a change.
Other arguments go to each pytest: `make test ARGS='-k poll'`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from tests.load import FAILED, MEASURED, TIMES

ROOT = Path(__file__).parents[1]
ARTIFACTS = ROOT / "artifacts"

COMPUTED = ("tests/unit", "tests/races", "tests/model")
WITH_SERVERS = ("tests/integration", "tests/e2e", "tests/examples", "tests/livekit", "tests/proxies")
OTHERS = ("tests/chaos", "tests/faults")
ALONE = (
    # Crowds use every processor that they get.
    "tests/chaos/test_crowd.py",
    "tests/faults/test_slow_readers.py",
    # Benchmarks, and bounds of a second or less.
    "tests/faults/test_latency.py",
    "tests/integration/test_gaps.py",
    "tests/e2e/test_next_face.py",
    "tests/e2e/test_livekit.py::test_the_next_face",
    "tests/e2e/test_firefox.py",
    "tests/e2e/test_polling.py",
)
"""Files, and single tests of files."""

LONG_MODEL = (
    "tests/model/test_scripts_against_model.py::test_ten_thousand_steps_on_valkey",
    "tests/model/test_scripts_against_model.py::test_rooms_on_valkey",
)
TELLING = (
    "tests/integration/test_protocol.py",
    "tests/integration/test_embedded.py",
    "tests/integration/test_client_transports.py",
    "tests/integration/test_harm.py",
    "tests/e2e/test_meet.py::test_three_people_and_a_skip",
)
"""What `--fast` runs of the tests with servers: the wire, the store, each transport, and one browser."""

MOST_AGAIN = 5
"""If more measured tests fail side by side, something is broken, and all of them have failed."""

STOP_S = 20
"""How long pytest may take to end its servers and browsers after Ctrl-C."""

NO_TESTS = 5
"""How pytest ends when `ARGS` selects none of a lane's tests."""


@dataclass(slots=True)
class Lane:
    """Commands that run one after another."""

    name: str
    commands: Sequence[Sequence[str]]
    shown: bool = True
    """Whether its output is shown as it comes. It is kept in artifacts/<name>.log in any case."""
    codes: list[int] = field(default_factory=list)
    seconds: float = 0.0
    running: subprocess.Popen[str] | None = None
    is_stopped: bool = False
    again: list[str] = field(default_factory=list)
    """Tests that the next lane judges."""

    @property
    def log(self) -> Path:
        """Return where its output is kept."""
        return ARTIFACTS / f"{self.name.replace(' ', '-')}.log"

    @property
    def has_passed(self) -> bool:
        """Return whether each command was run and has ended well."""
        return len(self.codes) == len(self.commands) and not any(self.codes)

    def run(self) -> None:
        """Run all commands, also after one has failed."""
        began = time.monotonic()
        with self.log.open("w") as log:
            for command in self.commands:
                if not self.is_stopped:
                    self.codes.append(self._once(command, log))
                self.seconds = time.monotonic() - began

    def _once(self, command: Sequence[str], log: TextIO) -> int:
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as self.running:
            assert self.running.stdout
            for line in self.running.stdout:
                log.write(line)
                if self.shown:
                    sys.stdout.write(line)
                    sys.stdout.flush()
        return self.running.returncode

    def stop(self) -> None:
        """End what runs now, and begin nothing more."""
        self.is_stopped = True
        if self.running and self.running.poll() is None:
            self.running.send_signal(signal.SIGINT)
            try:
                self.running.wait(STOP_S)
            except subprocess.TimeoutExpired:  # a shell's background job ignores SIGINT
                self.running.kill()

    def failures(self) -> list[str]:
        """Return the lines of its log that name what failed."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        marks = ("FAILED ", "ERROR ", " FAIL ", "npm error ")
        return [line for line in lines if line.startswith(marks)]


def pytest(*arguments: str) -> list[str]:
    """Return the command."""
    return [sys.executable, "-m", "pytest", "-q", *arguments]


def lanes(given: Sequence[str], processors: int) -> list[Lane]:
    """Return the lanes of `make test`; `given` goes to each pytest."""
    idle = [sys.executable, "-m", "tests.idle"]
    computed = [[*idle, *pytest("-n", str(processors), *COMPUTED, *given)], [*idle, *NPM]]
    left_out = [f"--deselect={each}" for each in ALONE]
    # More workers than processors: a test with servers waits for them half of the time and more.
    beside = ["-n", str(processors + (processors + 1) // 2), "--side-by-side", "--times"]
    beside += [*WITH_SERVERS, *OTHERS, *left_out, *(f"--deselect={each}" for each in MEASURED)]
    measured = ["-n", str(processors), "--side-by-side", "--times", *MEASURED, *left_out]
    return [
        Lane("computed", computed, shown=False),
        Lane("side by side", [pytest(*beside, *given)]),
        Lane("measured", [pytest(*measured, *given)]),
        Lane("alone", [pytest("--times", *ALONE, *given)]),
    ]


def fast_lanes(given: Sequence[str], processors: int) -> list[Lane]:
    """Return the lanes of `make test FAST=1`."""
    left_out = [f"--deselect={each}" for each in LONG_MODEL]
    computed = pytest("--fast", "-n", str(processors), *COMPUTED, *left_out, *given)
    with_servers = pytest("--fast", *TELLING, *given)
    return [Lane("computed", [computed, NPM], shown=False), Lane("with servers", [with_servers])]


NPM = ("npm", "run", "--silent", "test")


def run(chosen: Sequence[Lane]) -> None:
    """Run the lanes that are shown one after another, and the others beside them."""
    beside = [threading.Thread(target=lane.run) for lane in chosen if not lane.shown]
    for thread in beside:
        thread.start()
    try:
        again: list[str] = []
        for lane in (each for each in chosen if each.shown):
            lane.commands = [[*command, *again] for command in lane.commands]
            lane.run()
            again = lane.again = judged_again(lane)
        for thread in beside:
            thread.join()
    except KeyboardInterrupt:
        for lane in chosen:
            lane.stop()
    for thread in beside:
        thread.join()


def judged_again(lane: Lane) -> list[str]:
    """Return the measured tests that failed beside others, unless something else failed as well."""
    if lane.codes != [1] or "--side-by-side" not in lane.commands[0]:
        return []
    failed: list[str] = json.loads(FAILED.read_text())
    if len(failed) > MOST_AGAIN or not all(each.startswith(MEASURED) for each in failed):
        return []
    lane.codes = [0]
    return failed


def summary(chosen: Sequence[Lane], seconds: float) -> str:
    """Return how each lane ended, and what failed in it."""
    lines = ["", "lane            took   result"]
    for lane in chosen:
        result = "passed" if lane.has_passed else f"FAILED: {lane.log.relative_to(ROOT)}"
        lines.append(f"{lane.name:14}{_minutes(lane.seconds):>6}   {result}")
        lines += [f"    judged again alone: {each}" for each in lane.again]
        if not lane.has_passed:
            lines += [f"    {each}" for each in lane.failures()]
    lines.append(f"{'all':14}{_minutes(seconds):>6}")
    return "\n".join(lines) + "\n"


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def main() -> int:
    """Return 0 if all lanes have passed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ARTIFACTS.mkdir(exist_ok=True)
    for old in (FAILED, TIMES):
        old.unlink(missing_ok=True)
    given = [each for each in sys.argv[1:] if each != "--fast"]
    processors = os.cpu_count() or 1
    chosen = (fast_lanes if "--fast" in sys.argv[1:] else lanes)(given, processors)
    began = time.monotonic()
    run(chosen)
    for lane in chosen:
        if given:
            lane.codes = [0 if code == NO_TESTS else code for code in lane.codes]
        if not lane.shown and not lane.has_passed:
            sys.stdout.write(f"\n=== {lane.name}\n{lane.log.read_text()}")
    sys.stdout.write(summary(chosen, time.monotonic() - began))
    return 0 if all(lane.has_passed for lane in chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
