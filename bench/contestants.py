"""The servers that are measured, each with a store of its own, as children of the benchmark."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psutil

from duologue.bench.load import Processes
from tests.servers import StoreServer, redis7_binary, store_server, valkey9_binary
from tests.serving import serving

READY_S = 30.0
REDIS7, VALKEY9 = "redis7", "valkey9"
MAX_CLIENTS = ("--maxclients", "15000")
"""The predecessor has one connection for each person."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A running design: where it serves, and whose processor time counts as what."""

    name: str
    urls: tuple[str, ...]
    processes: Processes
    store: StoreServer


def binary(kind: str) -> str:
    """Return the program of a store. Raises ``LookupError`` where it is not installed."""
    found = redis7_binary() if kind == REDIS7 else valkey9_binary()
    if found is None:
        raise LookupError("there is no redis-server here: apt-get install redis-server (make system)")
    return found


def running_store(kind: str) -> contextlib.AbstractContextManager[StoreServer]:
    """Run a store that keeps nothing on disk."""
    return store_server(kind, binary(kind), *MAX_CLIENTS)


@contextlib.contextmanager
def ours(
    kind: str = REDIS7,
    *,
    servers: int = 1,
    name: str = "",
    store: StoreServer | None = None,
    store_url: str = "",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Contestant]:
    """Run Duologue in its shipped configuration, without the page.

    ``store``: one that runs already. ``store_url``: where the servers find it, such as a relay that makes
    it slow.
    """
    with contextlib.ExitStack() as stack:
        store = store or stack.enter_context(running_store(kind))
        settings = {
            "DUOLOGUE_SECRET": secrets.token_urlsafe(32),
            "DUOLOGUE_RELAX_DRAWN": "1",
            **(environment or {}),
        }
        started = [
            stack.enter_context(serving("--no-page", "--redis-url", store_url or store.url, **settings))
            for _ in range(servers)
        ]
        pids = [each.pid for each in started]
        yield Contestant(
            name or f"ours, {kind}" + (f", {servers} processes" if servers > 1 else ""),
            tuple(each.url for each in started),
            Processes(server=pids, store=[store.pid], generator=[psutil.Process().pid]),
            store,
        )


@contextlib.contextmanager
def predecessor(kind: str = REDIS7) -> Iterator[Contestant]:
    """Run the predecessor's design under uvicorn, with uvloop and httptools."""
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(running_store(kind))
        port = _free_port()
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "uvicorn", "bench.predecessor.app:app", "--port", str(port)]
        command += ["--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"]
        child = subprocess.Popen(
            command,
            env={"PATH": os.environ.get("PATH", ""), "PREDECESSOR_REDIS_URL": store.url},
        )
        stack.callback(child.wait)
        stack.callback(child.kill)
        _wait_for(url + "/readyz", child)
        processes = Processes(server=[child.pid], store=[store.pid], generator=[psutil.Process().pid])
        yield Contestant("predecessor", (url,), processes, store)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait_for(url: str, child: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and child.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=READY_S).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")
