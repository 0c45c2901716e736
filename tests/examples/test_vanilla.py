"""``examples/vanilla``: a static page on one origin, the server on another, and no build step between."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.person import MEET_S
from tests.e2e.serving import Serving, free_port
from tests.examples.program import ROOT, program
from tests.examples.visitor import meet_and_talk, skip, visiting

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def url(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page, which knows its server; ``tarball`` has built what it imports."""
    folder, port = tmp_path_factory.mktemp("vanilla"), free_port()
    home = f"http://localhost:{port}"
    duologue = Serving(folder / "duologue", options=("--no-page", "--cors-origins", home))
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with ExitStack() as stack:
        stack.callback(duologue.stop)
        duologue.start()
        files = stack.enter_context(program(command, folder / "log", cwd=ROOT))
        files.answers(home)
        yield f"{home}/examples/vanilla/?server={duologue.url}"


def test_two_people_meet(url: str, browser: Chromium, artifacts: Path) -> None:
    """They see each other, write, one presses Next, one stops; a reload is the same person."""
    with visiting(browser, url) as a, visiting(browser, url) as b:
        meet_and_talk(a, b)
        a.page.screenshot(path=artifacts / "example-vanilla.png")
        b.page.reload()
        b.reads("partner: hello")
        b.is_in("matched", MEET_S)
        skip(a, b)
        assert b.page.text_content("#why") == "Your partner left."
        b.page.click("#stop")
        b.is_in("idle")
