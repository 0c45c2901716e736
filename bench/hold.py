"""People of a second generator process (`python -m bench.hold`), who are matched and answer, and never skip.

One process may not have as many sockets as 20,000 streams need.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import uvloop

from duologue.bench.crowd import Crowd


@dataclass(frozen=True, slots=True)
class Held:
    """The people of the other process."""

    pid: int
    child: "subprocess.Popen[str]"

    def taken(self) -> dict[str, int]:
        """Return what their streams brought and how often they pulsed, since this was asked last."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        counts: dict[str, int] = json.loads(self.child.stdout.readline())
        return counts


@contextlib.asynccontextmanager
async def held(urls: Sequence[str], people: int, *, first_number: int) -> AsyncIterator[Held]:
    """Bring so many people from another process, and end it afterwards."""
    command = [sys.executable, "-m", "bench.hold", str(people), str(first_number), *urls]
    child = _started(command)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        said = await asyncio.to_thread(child.stdout.readline)
        if said != "ready\n":
            raise RuntimeError(f"the second generator did not begin: {said!r}")
        yield Held(child.pid, child)
    finally:
        child.stdin.close()
        child.wait()
        child.stdout.close()


def _started(command: Sequence[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


async def _hold(people: int, first_number: int, urls: Sequence[str]) -> None:
    async with Crowd(urls, first_number=first_number) as crowd:
        await crowd.come(people)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while await asyncio.to_thread(sys.stdin.readline):
            counts = crowd.taken()
            sys.stdout.write(json.dumps({"events": counts.events, "pulses": counts.pulses}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(_hold(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
