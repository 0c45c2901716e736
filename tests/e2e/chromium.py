"""Debian's Chromium as a process that can be frozen, killed and put into a network of its own."""

import contextlib
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
from playwright.sync_api import Browser, BrowserContext, Error, Playwright

from tests.e2e.netns import Network
from tests.e2e.waiting import until
from tests.freezing import freeze, thaw

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--no-proxy-server",
)
READY_S = 30


class Chromium:
    """One browser with all of its processes; a person is a context of it."""

    def __init__(self, browser: Browser, pid: int) -> None:
        """``pid``: of its main process."""
        self.browser = browser
        self._main = psutil.Process(pid)
        self._frozen: list[psutil.Process] = []

    @property
    def own(self) -> BrowserContext:
        """The context that a `plain` browser began with: its tabs can be hidden."""
        return self.browser.contexts[0]

    def freeze(self) -> None:
        """SIGSTOP to all of its processes: nothing is closed, nothing is answered."""
        self._frozen = self.family()
        for each in self._frozen:
            with contextlib.suppress(ProcessLookupError):
                freeze(each.pid)

    def thaw(self) -> None:
        """They go on; can be repeated."""
        for each in self._frozen:
            thaw(each.pid)
        self._frozen = []

    def kill(self) -> None:
        """SIGKILL to all of them at once; can be repeated."""
        kill(self.family())

    def family(self) -> list[psutil.Process]:
        """All of its processes; none when it is gone."""
        try:
            return [self._main, *self._main.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def binary() -> str | None:
    """Debian's, or whatever goes by the name."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextlib.contextmanager
def chromium(
    playwright: Playwright, folder: Path, *, inside: Network | None = None, flags: Sequence[str] = ()
) -> Iterator[Chromium]:
    """A browser for as long as the context lasts; none of its processes outlives it, frozen or not."""
    wrapper, pid = folder / "chromium", folder / "pid"
    folder.mkdir(parents=True, exist_ok=True)
    program = shlex.join([*(inside.command() if inside else []), _program()])
    # Playwright does not tell the process; a shell that becomes the browser does.
    wrapper.write_text(f'#!/bin/sh\necho $$ > {shlex.quote(str(pid))}\nexec {program} "$@"\n')
    wrapper.chmod(0o755)
    browser = playwright.chromium.launch(executable_path=wrapper, args=[*FLAGS, *flags], headless=True)
    with _ended(Chromium(browser, int(pid.read_text()))) as it:
        yield it


@contextlib.contextmanager
def plain(playwright: Playwright, folder: Path, *, flags: Sequence[str] = ()) -> Iterator[Chromium]:
    """A browser as people have it: a covered tab is hidden and its timers are held back.

    Those that Playwright starts itself show every tab as visible and focused.
    """
    profile = folder / "profile"
    command = [_program(), "--headless", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
    command += [*FLAGS, *flags]
    process = subprocess.Popen(
        [*command, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        port, path = until(lambda: _endpoint(profile), READY_S, "Chromium says where it listens")
        endpoint = f"ws://127.0.0.1:{port}{path}"
        browser = playwright.chromium.connect_over_cdp(endpoint, no_defaults=True)
        with _ended(Chromium(browser, process.pid)) as it:
            yield it
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def profile_of(browser: Chromium) -> Iterator[BrowserContext]:
    """Make a new profile in the browser, for tests without a person at the page."""
    context = browser.browser.new_context()
    context.set_default_timeout(15_000)
    try:
        yield context
    finally:
        context.close()


def kill(processes: Sequence[psutil.Process]) -> None:
    """SIGKILL, to those that are still there."""
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()


@contextlib.contextmanager
def _ended(it: Chromium) -> Iterator[Chromium]:
    first = it.family()
    try:
        yield it
    finally:
        it.thaw()
        last = it.family()
        with contextlib.suppress(Error):
            it.browser.close()
        kill([*first, *last])


def _program() -> str:
    found = binary()
    assert found is not None
    return found


def _endpoint(profile: Path) -> list[str]:
    file = profile / "DevToolsActivePort"
    words = file.read_text().split() if file.exists() else []
    return words if len(words) == 2 else []
