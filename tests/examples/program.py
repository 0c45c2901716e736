"""An example as a process: started as its README says, on loopback, and ended with all that it started."""

import contextlib
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from tests.e2e.chromium import kill
from tests.e2e.waiting import until

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
READY_S = 40
STOP_S = 10
TOOLS = (str(ROOT / ".venv" / "bin"), str(ROOT / "node_modules" / ".bin"))
"""Where ``make setup`` put Node, if the machine has none, and what npm installed."""


def tool(name: str) -> str:
    """A program of the machine's, or one that was set up; fails if there is none."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *TOOLS)))
    assert found is not None, f"{name} is not there (make setup)"
    return found


def npm() -> list[str]:
    """The command that starts npm."""
    return [tool("npm")]


def environment(given: Mapping[str, str] = {}) -> dict[str, str]:
    """Ours without settings of Duologue, and nothing that reports home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DUOLOGUE_", "REDIS_URL"))}
    path = os.pathsep.join((kept.get("PATH", ""), *TOOLS))
    return {**kept, "PATH": path, "NEXT_TELEMETRY_DISABLED": "1", "PYTHONUNBUFFERED": "1", **given}


class Program:
    """One process and what it started; what it says is in its log."""

    def __init__(
        self, command: Sequence[str], log: Path, *, cwd: Path, given: Mapping[str, str] = {}
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = psutil.Popen(
                list(command), cwd=cwd, env=environment(given), stdout=output, stderr=subprocess.STDOUT
            )

    def said(self) -> str:
        """All of it."""
        return self.log.read_text(errors="replace")

    def says(self, words: str, within_s: float) -> None:
        """Waits until it did; fails if it ended without."""

        def has() -> bool:
            return words in self.said() or (self._process.poll() is not None and self._fail(words))

        until(has, within_s, f"it says {words!r}", last=lambda: self.said()[-2_000:])

    def ends(self, within_s: float) -> int:
        """Return its exit code, once it has ended."""
        return int(self._process.wait(within_s))

    def answers(self, url: str) -> None:
        """Waits until there is an answer."""

        def there() -> bool:
            assert self._process.poll() is None, self.said()[-2_000:]
            return _is_there(url)

        until(there, READY_S, f"{url} answers", last=lambda: self.said()[-2_000:])

    def stop(self) -> None:
        """SIGTERM to it, and kill -9 for what is left of its family."""
        family = self._process.children(recursive=True) if self._process.is_running() else []
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except psutil.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_S)
        kill(family)

    def _fail(self, words: str) -> bool:
        raise AssertionError(f"it ended without saying {words!r}:\n{self.said()[-2_000:]}")


@contextlib.contextmanager
def program(command: Sequence[str], log: Path, *, cwd: Path, **given: str) -> Iterator[Program]:
    """One for as long as the context lasts; ``given``: variables."""
    it = Program(command, log, cwd=cwd, given=given)
    try:
        yield it
    finally:
        it.stop()


def _is_there(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
