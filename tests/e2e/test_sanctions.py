"""What a moderator decides, as people see it: a ban that cuts a conversation, and a warning."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.conftest import Arrive, lacking
from tests.e2e.gallery import AXE, Gallery
from tests.e2e.person import MEET_S, Person, by, meet
from tests.e2e.serving import Serving, free_port
from tests.e2e.tab import ChromiumTab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

SECRET = "a" * 32
OWN_PERSON = """async () => {
  const answer = await fetch("/v1/sessions", {
    method: "POST", body: "{}", headers: { "Content-Type": "application/json" },
  });
  return (await answer.json()).person;
}"""
REASONS = ("--rule", "No nudity", "--why", "People reported it.")


class Desk:
    """A moderator at a terminal."""

    def __init__(self, port: int) -> None:
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("DUOLOGUE_")},
            "DUOLOGUE_ADMIN_URL": f"http://127.0.0.1:{port}",
            "DUOLOGUE_ADMIN_SECRET": SECRET,
        }
        self._environment["DUOLOGUE_ADMIN_TOKEN"] = self.says("token", "--sub", "mona").strip()

    def says(self, *arguments: str) -> str:
        """What `duologue admin …` prints; it has to end well."""
        command = [sys.executable, "-m", "duologue", "admin", *arguments]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def admin_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, admin_port: int) -> Iterator[Serving]:
    """A server with an admin API."""
    server = Serving(
        tmp_path_factory.mktemp("server"),
        options=("--admin-port", str(admin_port)),
        environment={"DUOLOGUE_ADMIN_SECRET": SECRET},
    )
    with server.running() as it:
        yield it


@pytest.fixture(scope="module")
def desk(serving: Serving, admin_port: int) -> Desk:
    return Desk(admin_port)


def id_of(person: Person) -> str:
    """The id by which moderators know them."""
    assert isinstance(person.tab, ChromiumTab)
    return str(person.tab.page.evaluate(OWN_PERSON))


def looks(artifacts: Path, name: str, person: Person) -> None:
    """Pictures in both sizes, dark and light; axe-core finds nothing."""
    if not AXE.exists():
        lacking("axe-core is not installed (npm ci)")
    assert isinstance(person.tab, ChromiumTab)
    person.tab.page.evaluate(AXE.read_text())
    gallery = Gallery(artifacts / "sanctions")
    gallery.show(name, person)
    assert gallery.findings == []


def shows_the_welcome(person: Person) -> None:
    person.until(lambda m: m.state == "welcome", MEET_S, "the welcome")


def test_a_ban_cuts_the_conversation(
    arrive: Arrive, browser: Chromium, serving: Serving, desk: Desk, artifacts: Path
) -> None:
    """The person reads why and until when, also after a reload; the partner goes on and reads nothing."""
    a, b = (arrive(name, browser, serving.url) for name in "AB")
    for person in (a, b):
        person.start()
    meet(a, b)
    banned = id_of(b)
    desk.says("ban", banned, *REASONS, "--for", "7d", "--device")
    a.waits()
    assert isinstance(a.tab, ChromiumTab)
    assert "moderator" not in a.tab.page.inner_text("body").lower()
    b.until(lambda m: m.state == "ended" and m.says("You cannot take part until"), MEET_S, "the ban")
    assert b.now().says("No nudity")
    looks(artifacts, "banned", b)
    b.tab.reload()
    shows_the_welcome(b)
    b.start()
    b.until(lambda m: m.state == "ended" and m.says("You cannot take part until"), MEET_S, "the ban, again")
    listed = desk.says("bans")
    sanction = re.match(r"(x_\S+) ", listed)
    assert sanction is not None
    desk.says("unban", sanction[1], banned)
    b.tab.reload()
    b.start()
    meet(a, b)
    assert desk.says("audit", "--verify").startswith("2 entries fit")


def test_a_warning_is_read_before_the_next_one(
    arrive: Arrive, browser: Chromium, serving: Serving, desk: Desk, artifacts: Path
) -> None:
    """The conversation goes on under a banner; then the warning stands over Start until it is confirmed."""
    a, b = (arrive(name, browser, serving.url) for name in "AB")
    for person in (a, b):
        person.start()
    meet(a, b)
    desk.says("warn", id_of(b), *REASONS)
    b.until(lambda m: m.says("A moderator has warned you (No nudity)"), MEET_S, "the banner")
    assert b.now().state == "talking"
    a.next()
    shows_the_welcome(b)
    looks(artifacts, "warned", b)
    b.tab.press(by("confirm"))
    b.start()
    b.until(lambda m: m.state in ("waiting", "connecting", "talking"), MEET_S, "looking again")
