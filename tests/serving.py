"""The real command in a process of its own: started, asked, ended by pid, and nothing left behind."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

READY_S = 30
STOP_S = 20
COMMAND = (sys.executable, "-m", "duologue", "serve")


def clean_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Ours without the settings of whoever runs the tests, and with those given."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DUOLOGUE_", "REDIS_URL", "LIVEKIT_"))}
    # How long two people wait for each other once more is drawn; tests would have to wait for the unlucky
    # ones.
    return {**kept, "PYTHONUNBUFFERED": "1", "DUOLOGUE_RELAX_DRAWN": "0", **given}


class Serving:
    """A server process."""

    def __init__(
        self,
        *arguments: str,
        command: Sequence[str] = COMMAND,
        ops: Sequence[str] = ("--ops-port", "0"),
        **environment: str,
    ) -> None:
        """Starts it; ``environment``: settings as variables. ``ops``: the next port may be taken."""
        self._process = subprocess.Popen(
            [*command, *ops, *arguments],
            env=clean_environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # As on a terminal: Ctrl-C goes to the whole group, and must not be the test's own.
            process_group=0,
        )
        self.said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = ""
        self.ops_url = ""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def port(self) -> int:
        """The port that it said it listens on."""
        return int(self.url.rpartition(":")[2])

    def until_it_says(self, pattern: str) -> re.Match[str]:
        """The first line from now on that has the pattern; fails if it ends, or takes too long."""
        while (line := self._lines.get(timeout=READY_S)) is not None:
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"it ended without saying {pattern!r}:\n{''.join(self.said)}")

    def ready(self) -> Serving:
        """Itself, once it serves."""
        found = self.until_it_says(r'is at (http://\S+)|"event": ?"serving"')
        if found[1]:
            self.url, self.ops_url = found[1], self.until_it_says(r"inside (http://\S+)")[1]
        else:  # --log-format json: one line of the log
            line = json.loads(self.said[-1])
            self.url, self.ops_url = line["address"], line["ops"]
        self.url, self.ops_url = (each.replace("localhost", "127.0.0.1") for each in (self.url, self.ops_url))
        return self

    def signal(self, number: signal.Signals) -> None:
        """To it alone."""
        self._process.send_signal(number)

    def interrupt(self) -> None:
        """Ctrl-C: to all of its process group."""
        os.killpg(self.pid, signal.SIGINT)

    def wait(self) -> int:
        """Its exit code, when it has ended."""
        code = self._process.wait(STOP_S)
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def stop(self) -> int:
        """SIGTERM, and its exit code; killed if it takes too long."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """kill -9, if it still runs."""
        self._process.kill()
        self.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)
            self._lines.put(line)
        self._lines.put(None)


def refused(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and output of a start that must fail."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        env=clean_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.count("\n") == 1, f"not one line:\n{done.stdout}"
    assert done.stdout.startswith("duologue: ")
    return done.returncode, done.stdout


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[Serving]:
    """A server that is ready, on a free port unless told otherwise; killed at the end if it still runs."""
    server = Serving("--port", "0", *arguments, **environment)
    try:
        yield server.ready()
    finally:
        server.kill()


@contextmanager
def data_folder() -> Iterator[Path]:
    """A folder with a short path; at its end no process may be left that works in it."""
    folder = Path(tempfile.mkdtemp(prefix="duo-"))
    try:
        yield folder
    finally:
        left = working_in(folder)
        for process in left:
            process.kill()
        shutil.rmtree(folder)
    assert not left, f"left behind: {left}"


def working_in(folder: Path) -> list[psutil.Process]:
    """Processes whose working directory is in the folder, wherever it is by now: its embedded store."""
    return [process for process in psutil.process_iter() if _works_in(process, folder)]


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(folder)
    except psutil.Error:  # gone, or a zombie, which works nowhere
        return False


def is_alive(pid: int) -> bool:
    """Whether there is such a process; a zombie that init has not yet buried is none."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
