"""The real `duologue serve` as a process that can be killed, and started again where it was."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

from tests.e2e.waiting import until

READY_S = 30
STOP_S = 15
COMMAND = (sys.executable, "-m", "duologue")


class Serving:
    """One server on a port and a folder of its own, with peer media."""

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        options: tuple[str, ...] = (),
        redis_url: str = "",
        secret: str = "",
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = COMMAND,
    ) -> None:
        """``folder`` gets the data and the log; ``redis_url``: in place of the embedded store.

        ``secret``: what signs tokens, for a host app that has the same. ``environment``: other settings.
        ``program``: ours, or one that switches a part of ours off.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.host = host
        self.port = free_port(host)
        self.ops_port = free_port()
        self._command = [*program, "serve", "--host", host, "--port", str(self.port)]
        self._command += ["--ops-port", str(self.ops_port)]
        self._command += ["--data", str(folder / "data"), "--log-format", "json", *options]
        self.log = folder / "server.log"
        # How long two wait to meet once more is drawn; tests would have to wait for the unlucky ones.
        self._environment = {"DUOLOGUE_RELAX_DRAWN": "0", **(environment or {})}
        if redis_url:
            self._environment |= {"REDIS_URL": redis_url, "DUOLOGUE_SECRET": "e" * 32}
        if secret:
            self._environment["DUOLOGUE_SECRET"] = secret
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self._family: list[psutil.Process] = []

    @property
    def url(self) -> str:
        """Where people find it."""
        return f"http://{self.host}:{self.port}"

    def change(self, **environment: str) -> None:
        """Give it other settings, from its next start on."""
        self._environment |= environment

    def start(self) -> None:
        """Returns when it is ready to serve."""
        others = {k: v for k, v in os.environ.items() if not k.startswith("DUOLOGUE_") and k != "REDIS_URL"}
        self._output = self.log.open("ab")
        self._process = subprocess.Popen(
            self._command, stdout=self._output, stderr=subprocess.STDOUT, env=others | self._environment
        )
        until(self._is_ready, READY_S, "the server is ready", last=self.said)
        self._meet_family()

    @contextmanager
    def running(self) -> Iterator["Serving"]:
        """Start it, and stop it at the end of the context, also after a start that failed."""
        try:
            self.start()
            yield self
        finally:
            self.stop()

    def kill(self) -> None:
        """kill -9 of the server; its store lives on, as it would."""
        assert self._process is not None
        self._process.kill()
        self._wait()

    def kill_store(self) -> None:
        """kill -9 of the embedded store; the server lives on."""
        self._meet_family()
        stores = [each for each in self._family if each.is_running() and "valkey" in each.name()]
        assert stores, "there is no embedded store"
        for each in stores:
            each.kill()

    def stop(self) -> None:
        """An orderly end, and none of its processes left; can be repeated."""
        self._meet_family()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._wait()
        for each in self._family:  # the store of a server that a test left killed
            if each.is_running():
                each.kill()

    def said(self) -> str:
        """Send a plain request; status 0 without an answer."""
        return self.log.read_text(errors="replace")[-2_000:]

    def get(self, path: str) -> tuple[int, str]:
        """A plain request; status 0 when nobody answers."""
        return _get(self.host, self.port, path)

    def inside(self, path: str) -> tuple[int, str]:
        """Return a free port; a restart needs the same one again, so 0 does not work."""
        return _get("127.0.0.1", self.ops_port, path)

    def _meet_family(self) -> None:
        if self._process is not None and self._process.poll() is None:
            known = {each.pid for each in self._family}
            children = psutil.Process(self._process.pid).children(recursive=True)
            self._family += [each for each in children if each.pid not in known]

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the server ended:\n{self.said()}"
        return self.get("/readyz")[0] == 200

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait(STOP_S)
        if self._output is not None:
            self._output.close()


def _get(host: str, port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return 0, ""
    finally:
        connection.close()


def free_port(host: str = "127.0.0.1") -> int:
    """One that nobody listens on now; a restart needs the same again, so 0 will not do."""
    with socket.create_server((host, 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
