"""A phone on the network of the machine that serves: over https, and what it is told without."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Playwright

from duologue.lan.certificate import FILE
from tests.e2e.chromium import Chromium, chromium
from tests.e2e.netns import Network
from tests.e2e.person import MEET_S, Person, by, meet
from tests.e2e.serving import Serving
from tests.e2e.tab import WATCH, ChromiumTab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

NO_CAMERA_HERE = "addresses with https only"
HOW = "duologue serve --lan"


@pytest.fixture(scope="module")
def phones(
    playwright: Playwright, network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chromium]:
    """The browser of another device: it has an address of its own, and asks over the network."""
    with chromium(playwright, tmp_path_factory.mktemp("phone"), inside=network) as it:
        yield it


@pytest.fixture(scope="module")
def lan(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """``duologue serve --lan``, started where the network is there already."""
    with Serving(tmp_path_factory.mktemp("lan"), options=("--lan",)).running() as server:
        yield server


@pytest.fixture(scope="module")
def plain(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The same address without TLS, as people start it first."""
    with Serving(tmp_path_factory.mktemp("plain"), host=network.host).running() as server:
        yield server


@pytest.fixture
def come() -> Iterator[ExitStack]:
    """Leaves at the end of the test."""
    with ExitStack() as leaving:
        yield leaving


def person(
    leaving: ExitStack,
    name: str,
    browser: Chromium,
    url: str,
    *,
    permissions: Sequence[str] = ("camera", "microphone"),
) -> Person:
    """A person whose browser accepts the certificate's warning, as after a press."""
    context = browser.browser.new_context(
        ignore_https_errors=True, viewport={"width": 390, "height": 844}, permissions=permissions
    )
    leaving.callback(context.close)
    context.add_init_script(WATCH)
    context.set_default_timeout(15_000)
    it = Person(name, ChromiumTab(context.new_page()))
    it.arrive(url)
    return it


def test_a_phone_and_the_machine_itself_meet_face_to_face(
    come: ExitStack, lan: Serving, network: Network, phones: Chromium, browser: Chromium
) -> None:
    """The phone types the address without https, and is led there; both see each other's picture."""
    phone = person(come, "phone", phones, f"http://{network.host}:{lan.port}/?pool=main")
    assert phone.tab.ask("return location.href") == f"https://{network.host}:{lan.port}/?pool=main"
    assert phone.tab.ask("return isSecureContext")
    laptop = person(come, "laptop", browser, f"http://localhost:{lan.port}")
    for each in (phone, laptop):
        assert not shown(each, "camera-note")
        each.start()
    match = meet(phone, laptop)
    phone.say("from the phone")
    laptop.reads(1)
    laptop.next()
    phone.until(lambda m: m.match != match, MEET_S, "that it is over")
    cookies = phone.tab.page.context.cookies() if isinstance(phone.tab, ChromiumTab) else []
    assert {each["name"] for each in cookies} == {
        f"__Host-duologue_{what}_{lan.port}" for what in ("session", "device")
    }
    assert all(each["secure"] for each in cookies)


@pytest.mark.whole
def test_a_phone_without_a_camera_sees_the_machine(
    come: ExitStack, lan: Serving, network: Network, phones: Chromium, browser: Chromium
) -> None:
    """Its browser hides its addresses (mDNS candidates), and there is no STUN server: the other side's do."""
    phone = person(come, "phone", phones, f"https://{network.host}:{lan.port}", permissions=[])
    laptop = person(come, "laptop", browser, f"http://localhost:{lan.port}")
    phone.tab.press(by("consent"))
    phone.tab.press(by("without"))
    laptop.start()
    phone.meets()
    phone.watches()


def test_without_tls_it_says_what_is_missing_and_text_works(
    come: ExitStack, plain: Serving, network: Network, phones: Chromium, browser: Chromium
) -> None:
    """Before any press: no camera on this address, and how to get https. Two people can write."""
    phone = person(come, "phone", phones, plain.url)
    assert not phone.tab.ask("return isSecureContext")
    assert NO_CAMERA_HERE in shown(phone, "camera-word")
    assert HOW in shown(phone, "camera-note")
    assert shown(phone, "start") == "Start with text only"
    assert not shown(phone, "ask")
    other = person(come, "other", browser, plain.url)
    for each in (phone, other):
        each.start()
    phone.meets()
    phone.say("in writing")
    other.reads(1)


def test_the_machine_itself_is_not_told_so(come: ExitStack, lan: Serving, browser: Chromium) -> None:
    """The control: ``localhost`` has a camera over http."""
    laptop = person(come, "laptop", browser, f"http://localhost:{lan.port}")
    assert not shown(laptop, "camera-note")
    assert NO_CAMERA_HERE not in shown(laptop, "camera-word")


def test_the_certificate_holds_for_the_address(lan: Serving, network: Network, tmp_path: Path) -> None:
    """The browsers above do not look at it."""
    file = lan.log.parent / "data" / FILE
    url = f"https://{network.host}:{lan.port}/healthz"
    assert httpx.get(url, verify=ssl.create_default_context(cafile=file)).status_code == 200


def shown(who: Person, name: str) -> str:
    """The text of an element as it is on screen; empty if it is not."""
    script = "const e = document.getElementById(a); return e.checkVisibility() ? e.textContent.trim() : ''"
    return str(who.tab.ask(script, name))
