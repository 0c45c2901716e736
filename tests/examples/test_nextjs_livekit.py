"""``examples/nextjs`` at ``/livekit``: the app's own ``<LiveKitRoom>``, on a real LiveKit server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.livekit import LivekitServer
from tests.e2e.serving import Serving
from tests.e2e.waiting import until
from tests.examples.test_nextjs import SECRET, Host, hosting, log_in
from tests.examples.visitor import meet_and_talk, skip, visiting

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

TOLD_S = 4
"""A frozen page is silent after 3 s."""


@pytest.fixture(scope="module")
def host(tarball: Path, tmp_path_factory: pytest.TempPathFactory, livekit: LivekitServer) -> Iterator[Host]:
    """The app, and a Duologue server whose matches are rooms on LiveKit."""
    folder = tmp_path_factory.mktemp("nextjs")
    duologue = Serving(
        folder / "duologue",
        options=("--no-guests", "--no-page"),
        secret=SECRET,
        environment=livekit.environment(),
    )
    livekit.start(duologue)
    with hosting(tarball, folder, duologue) as it:
        yield it


def test_two_people_meet_in_the_apps_own_room(
    host: Host, browser: Chromium, livekit: LivekitServer, artifacts: Path
) -> None:
    """LiveKit's components show each the other; Next ends the room, and no room of ours is left."""
    with visiting(browser, f"{host.url}/livekit") as a, visiting(browser, f"{host.url}/livekit") as b:
        log_in(a, "Ada")
        log_in(b, "Bob")
        meet_and_talk(a, b)
        (room,) = livekit.ours()
        assert len(livekit.guests(room)) == 2
        a.page.screenshot(path=artifacts / "example-nextjs-livekit.png")
        skip(a, b)
        until(lambda: not livekit.ours(), 5, "no room of ours is left", last=livekit.rooms)


def test_what_is_attached_tells_who_froze(host: Host, browser: Chromium) -> None:
    """The pings go through the app's room: a partner silent for 3 s is said to be gone, and comes back."""
    with visiting(browser, f"{host.url}/livekit") as a, visiting(browser, f"{host.url}/livekit") as b:
        log_in(a, "Cleo")
        log_in(b, "Dan")
        meet_and_talk(a, b)
        # A page that is held up, with its sockets open: what a frozen browser looks like from outside.
        b.page.evaluate("setTimeout(() => { const t = Date.now(); while (Date.now() - t < 4500); })")
        until(lambda: "reconnecting" in (a.page.text_content("main") or ""), TOLD_S + 1, "that Dan is gone")
        until(lambda: "reconnecting" not in (a.page.text_content("main") or ""), 5, "that Dan is back")
        assert "with Dan" in (a.page.text_content("main") or "")
