"""Partners who mean harm, on a real browser's connections: what their page can make another one do.

Each claim has its control: the same attack on a page whose bound is switched off gets through.
"""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Playwright

from tests.e2e.chromium import Chromium, chromium
from tests.examples.program import ROOT, environment, tool

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

HELLOS = 560
"""Chromium allows a page 500 connections, closed ones included until it has collected them."""
MEET_MS = 3_000

Attack = Callable[[str], dict[str, Any]]
"""``attack("sections(null)")``: what came of it. Its last argument names the bound that is switched off."""

CODE = Path(__file__).parent / "hostile.mjs"


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client's own sources, bundled with the attacks."""
    out = tmp_path_factory.mktemp("hostile") / "hostile.js"
    command = [
        tool("esbuild"),
        str(CODE),
        "--bundle",
        "--format=iife",
        f"--outfile={out}",
        "--log-level=error",
    ]
    subprocess.run(command, cwd=ROOT, env=environment({}), check=True, timeout=60)
    return out


@pytest.fixture(scope="module")
def here(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser that names its own address: both ends of each connection are in it, and have no camera."""
    flags = ["--disable-features=WebRtcHideLocalIpsWithMdns"]
    with chromium(playwright, tmp_path_factory.mktemp("chromium"), flags=flags) as it:
        yield it


@pytest.fixture
def attack(here: Chromium, code: Path) -> Iterator[Attack]:
    """Each in a page of its own, whose scripts must complain of nothing."""
    context = here.browser.new_context()
    errors: list[str] = []

    def run(call: str) -> dict[str, Any]:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.add_script_tag(path=code)
        came: dict[str, Any] = page.evaluate(f"hostile.{call}")
        page.close()
        return came

    yield run
    context.close()
    assert errors == []


def test_hellos_without_end(attack: Attack) -> None:
    """560 pages in one match are seven connections, and the next conversation begins at once."""
    came = attack(f"hellos({HELLOS}, {MEET_MS}, null)")
    assert (came["made"], came["refused"], came["limits"]) == (7, 0, ["pages"])
    assert came["word"] == "failed"
    assert came["next"]["refused"] == 0
    assert came["next"]["took_ms"] < MEET_MS
    free = attack(f"hellos({HELLOS}, {MEET_MS}, 'hellos')")
    assert free["made"] > 400
    assert free["next"]["refused"] > 0, "the browser would have put up with it: the control shows nothing"
    assert free["next"]["took_ms"] >= MEET_MS


def test_an_offer_of_eight_pictures(attack: Attack) -> None:
    """It is answered with one picture and one sound, one is encoded, and no more is shown."""
    came = attack("sections(null)")
    assert came == {"encoded": 1, "answered": ["video", "audio"], "tracks": 2}
    free = attack("sections('sections')")
    assert (free["encoded"], free["tracks"]) == (8, 11)


def test_an_offer_of_three_encodings(attack: Attack) -> None:
    """A partner cannot make a page encode its picture in several sizes at once."""
    assert attack("layers(null)") == {"encoded": 1}
    assert attack("layers('layers')") == {"encoded": 3}


@pytest.mark.parametrize("what", ["short", "long", "channels"])
def test_a_flood(attack: Attack, what: str) -> None:
    """Messages or channels without end close the connection, and the page says why."""
    assert attack(f"flood('{what}', null)") == {"closed": True, "word": "failed", "limits": ["flood"]}


def test_a_flood_without_the_bound(attack: Attack) -> None:
    """The control: the connection stays, and every message is worked off."""
    free = attack("flood('short', 'flood')")
    assert (free["closed"], free["limits"]) == (False, [])


def test_nonsense(attack: Attack) -> None:
    """Descriptions and candidates that no browser understands end no script, and no later conversation."""
    came = attack("nonsense()")
    assert came["unhandled"] == []
    assert came["next"]["took_ms"] < MEET_MS
