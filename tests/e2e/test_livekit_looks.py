"""What only LiveKit brings to the screen: the mark of the connections, and video that is not available."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.conftest import Arrive, lacking
from tests.e2e.gallery import AXE, Gallery
from tests.e2e.livekit import LivekitServer
from tests.e2e.person import Person, by, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import ChromiumTab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

HELD = "Weak connection: sound first"
NARROW = f"""addEventListener("DOMContentLoaded", () => {{
  const mark = document.getElementById("quality"), word = document.getElementById("quality-word");
  new MutationObserver(() => {{
    if (mark.hidden || (mark.dataset.level === "weak" && word.textContent === "{HELD}")) return;
    mark.dataset.level = "weak";
    word.textContent = "{HELD}";
  }}).observe(mark, {{ subtree: true, childList: true, attributes: true, characterData: true }});
}});"""
"""As the page says it of a link that is too narrow: nothing here can make one."""

AWAY_S = 40
"""Until a canary finds out that LiveKit is away, and the two who talked are in the queue again."""

BACK_S = 30
"""Until a canary finds out that LiveKit is back, and two who may meet do."""


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, livekit: LivekitServer) -> Iterator[Serving]:
    """A server whose matches are rooms of LiveKit's, whose people may meet again at once."""
    options = ("--rematch-ms", "1")
    server = Serving(tmp_path_factory.mktemp("server"), options=options, environment=livekit.environment())
    try:
        livekit.start(server)
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def gallery(artifacts: Path, whole: bool) -> Iterator[Gallery]:
    """What it found fails the module, after all pictures are taken."""
    if not AXE.exists():
        lacking("axe-core is not installed (npm ci)")
    folder = artifacts / "screens-livekit"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    it = Gallery(folder, whole)
    yield it
    assert not it.findings, "\n".join(it.findings)


def looked_at(person: Person, *scripts: str) -> Person:
    """Their page, once more, with what looks at it."""
    assert isinstance(person.tab, ChromiumTab)
    person.tab.page.context.add_init_script(path=AXE)
    for script in scripts:
        person.tab.page.context.add_init_script(script)
    person.tab.reload()
    return person


def test_the_mark_and_video_that_is_away(
    arrive: Arrive, browser: Chromium, serving: Serving, livekit: LivekitServer, gallery: Gallery
) -> None:
    """How good it is; LiveKit gone: both are told what happens next, keep their place, and meet again."""
    a = looked_at(arrive("A", browser, serving.url))
    b = looked_at(arrive("B", browser, serving.url), NARROW)
    a.start()
    a.waits()
    b.start()
    match = meet(a, b)
    for each in (a, b):
        assert isinstance(each.tab, ChromiumTab)
        each.tab.page.locator(by("quality")).wait_for()
    gallery.show("01-good", a)
    a.tab.press(by("mute"))
    b.until(lambda m: m.says("Their microphone is off"), 5, "that A is muted")
    gallery.show("02-picture-held-back", b)

    livekit.stop()
    for each in (a, b):
        each.until(lambda m: m.says("Video is not available right now"), AWAY_S, "that video is away")
        assert each.now().says("You keep your place")
    gallery.show("03-no-video", a)
    livekit.start(serving)
    again = a.meets(BACK_S, other_than=match)
    b.until(lambda m: m.match == again, BACK_S, "the same conversation")
    a.watches()
    b.watches()
