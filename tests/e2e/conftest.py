"""Browsers, servers and networks for the tests that drive the page; and the one table, printed at the end."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Playwright, sync_playwright

from tests.e2e import netns
from tests.e2e.chromium import Chromium, binary, chromium
from tests.e2e.faces import Faces
from tests.e2e.livekit import LivekitServer, missing
from tests.e2e.person import Person
from tests.e2e.serving import Serving
from tests.e2e.steps import Steps
from tests.e2e.tab import WATCH, ChromiumTab
from tests.e2e.table import Row, Table

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
TABLE = pytest.StashKey[Table]()
FACES = pytest.StashKey[Faces]()
STEPS = pytest.StashKey[Steps]()

Arrive = Callable[..., Person]
"""``arrive(name, chromium, url)``: a person with a new profile opens the page; ``script`` runs first."""


def lacking(what: str) -> None:
    """A machine without it skips; CI must have it."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where a run leaves what people look at."""
    ARTIFACTS.mkdir(exist_ok=True)
    return ARTIFACTS


# Playwright keeps an event loop running while it is there, and asyncio tests need to start their own:
# so it lives for one module, and not for the session.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright; needs Debian's Chromium."""
    if binary() is None:
        lacking("chromium is not installed (make test installs it on Debian as root)")
    with sync_playwright() as it:
        yield it


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The real server on this machine's loopback."""
    with Serving(tmp_path_factory.mktemp("server")).running() as server:
        yield server


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser in which people can be, one context each."""
    with chromium(playwright, tmp_path_factory.mktemp("chromium")) as it:
        yield it


@pytest.fixture(scope="module")
def livekit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivekitServer]:
    """The real server, for tests that start it."""
    if reason := missing():
        lacking(reason)
    it = LivekitServer(tmp_path_factory.mktemp("livekit"))
    try:
        yield it
    finally:
        it.stop()


@pytest.fixture(scope="module")
def network() -> Iterator[netns.Network]:
    """A network that can be lost."""
    reason = netns.missing()
    if reason:
        lacking(reason)
    with netns.network() as it:
        yield it


@pytest.fixture
def arrive() -> Iterator[Arrive]:
    """Lets people come; they leave at the end of the test."""
    with ExitStack() as leaving:

        def come(
            name: str, where: Chromium, url: str, *, width: int = 1280, height: int = 800, script: str = ""
        ) -> Person:
            context = where.browser.new_context(viewport={"width": width, "height": height})
            leaving.callback(context.close)
            context.add_init_script(WATCH)
            context.add_init_script(script)
            context.set_default_timeout(15_000)
            person = Person(name, ChromiumTab(context.new_page()))
            person.arrive(url)
            return person

        yield come


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Table:
    """The one table of faults; `pytest_terminal_summary` prints it and keeps it."""
    return request.config.stash.setdefault(TABLE, Table())


@pytest.fixture(scope="session")
def faces(request: pytest.FixtureRequest) -> Faces:
    """The benchmark; printed and kept as the table is."""
    return request.config.stash.setdefault(FACES, Faces())


@pytest.fixture(scope="session")
def steps(request: pytest.FixtureRequest) -> Steps:
    """Where the benchmark's time goes; printed and kept as well."""
    return request.config.stash.setdefault(STEPS, Steps())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """However the tests ended, what was measured is shown."""
    table, faces = config.stash.get(TABLE, None), config.stash.get(FACES, None)
    if table is not None and table.rows:
        _show(terminalreporter, "never alone", table.markdown())
    if faces is not None and faces.seen:
        _show(terminalreporter, "next face", faces.markdown())
    steps = config.stash.get(STEPS, None)
    if steps is not None and steps.seen:
        _show(terminalreporter, "next face steps", steps.markdown())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands its rows over to the process that prints the table."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    table = session.config.stash.get(TABLE, None)
    if output is not None and table is not None:
        output["rows"] = [asdict(each) for each in table.rows]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take a worker's rows over."""
    rows = getattr(node, "workeroutput", {}).get("rows", [])
    node.config.stash.setdefault(TABLE, Table()).rows.extend(Row(**each) for each in rows)


def _show(reporter: pytest.TerminalReporter, name: str, text: str) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    (ARTIFACTS / f"{name.replace(' ', '-')}.md").write_text(text)
    reporter.write_sep("-", name)
    reporter.write_line(text)
