"""``examples/fastapi-host``: people log in to an app in Python that signs their tokens, and meet."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.person import MEET_S
from tests.e2e.serving import Serving, free_port
from tests.examples.frames import call
from tests.examples.program import EXAMPLES, program
from tests.examples.visitor import Visitor, meet_and_talk, skip, visiting

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SECRET = "the-secret-that-both-of-them-have"  # 33 characters


@pytest.fixture(scope="module")
def host(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Serving]]:
    """The app, and the Duologue server that accepts only its people."""
    folder, port = tmp_path_factory.mktemp("host"), free_port()
    home = f"http://localhost:{port}"
    options = ("--no-guests", "--no-page", "--cors-origins", home)
    duologue = Serving(folder / "duologue", options=options, secret=SECRET)
    command = [sys.executable, "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", str(port)]
    with ExitStack() as stack:
        stack.callback(duologue.stop)
        duologue.start()
        given = {"DUOLOGUE_SECRET": SECRET, "DUOLOGUE_URL": duologue.url}
        app = stack.enter_context(program(command, folder / "log", cwd=EXAMPLES / "fastapi-host", **given))
        app.answers(home)
        yield home, duologue


def log_in(visitor: Visitor, name: str) -> None:
    """They say who they are, and the page is connected."""
    visitor.page.fill("input[name=name]", name)
    visitor.page.click("#login")
    visitor.is_in("idle", MEET_S)


def test_two_people_meet(host: tuple[str, Serving], browser: Chromium, artifacts: Path) -> None:
    """Under the names that they logged in with: they see each other, write, one presses Next."""
    home, _ = host
    with visiting(browser, home) as a, visiting(browser, home) as b:
        log_in(a, "Ada")
        log_in(b, "Bob")
        meet_and_talk(a, b)
        assert a.page.text_content("#with") == "with Bob"
        a.page.screenshot(path=artifacts / "example-fastapi-host.png")
        skip(a, b)


def test_nobody_comes_in_without_the_host(host: tuple[str, Serving]) -> None:
    """Guests are off, and who is not logged in gets no token."""
    home, duologue = host
    assert call(int(home.rpartition(":")[2]), "POST", "/token")[0] == 401
    assert call(duologue.port, "POST", "/v1/sessions", body={})[0] in {401, 403}
