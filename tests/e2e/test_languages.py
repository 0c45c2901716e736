"""The page in the language of its person, and under an operator's name."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.e2e.chromium import Chromium
from tests.e2e.person import by
from tests.e2e.serving import Serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

PICTURES = Path("artifacts/screens/languages")
SIZES = {"phone": (360, 740), "desk": (1280, 800)}
WORDS_LOADED = """() => performance.getEntriesByType("resource").map(({ name }) => name)
  .flatMap((name) => /assets\\/(en|es|de)-/.exec(name)?.[1] ?? [])"""

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><rect width="2" height="2"/></svg>'
BRAND = """name = "Plaza"
tagline = "Meet your neighbours"
logo = "logo.svg"
[colours]
accent = "#7a1f5c"
accent_dark = "#f2a7d4"
[links]
rules = "https://plaza.example/rules"
[languages]
offered = ["es", "en"]
[texts.es]
tagline = "Conoce a tus vecinos"
"""


@pytest.fixture
def opens(browser: Chromium, serving: Serving) -> Iterator["Opens"]:
    """Open the page in a browser that asks for a language."""
    with ExitStack() as leaving:
        yield Opens(browser, serving.url, leaving)


class Opens:
    """Open pages, and close them after the test."""

    def __init__(self, browser: Chromium, url: str, leaving: ExitStack) -> None:
        self._browser, self._url, self._leaving = browser, url, leaving

    def __call__(self, locale: str, *, url: str = "", clock: bool = False) -> Page:
        """Return the page once it can be used. ``url``: of another server; ``clock``: the test turns it."""
        context = self._browser.browser.new_context(locale=locale)
        self._leaving.callback(context.close)
        page = context.new_page()
        if clock:
            page.clock.install()
        page.goto(url or self._url)
        page.wait_for_selector(by("start"))
        return page


@pytest.mark.parametrize(
    ("locale", "language", "start"),
    [
        ("en-GB", "en", "Start"),
        ("es-MX", "es", "Empezar"),
        ("de-AT", "de", "Start"),
        ("ar-EG", "en", "Start"),
    ],
)
def test_the_browser_chooses(opens: Opens, locale: str, language: str, start: str) -> None:
    """The document says its language, one language's texts are loaded, and all fits into the window."""
    page = opens(locale)
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [language, "ltr"]
    assert start in page.inner_text(by("start"))
    assert set(page.evaluate(WORDS_LOADED)) == {language}
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=PICTURES / f"{locale}-{name}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_person_chooses_and_the_browser_remembers(opens: Opens) -> None:
    """The list is in each language's own name; a choice holds after a reload."""
    page = opens("en-GB")
    assert page.locator(f"{by('page-language')} option").all_inner_texts() == [
        "Deutsch",
        "English",
        "Español",
    ]
    with page.expect_navigation():
        page.select_option(by("page-language"), "es")
    page.wait_for_selector("html[lang=es]")
    page.reload()
    assert page.evaluate("document.documentElement.lang") == "es"
    assert "?" not in page.url


def test_the_page_can_be_installed(opens: Opens) -> None:
    """Its manifest is read under its policy, and each icon that it names is there."""
    page = opens("de-DE")
    manifest = page.evaluate(
        "fetch(document.querySelector('link[rel=manifest]').href).then((it) => it.json())"
    )
    assert (manifest["lang"], manifest["display"], manifest["name"]) == ("de", "standalone", "Duologue")
    for icon in manifest["icons"]:
        answer = page.request.get(f"{page.url.rstrip('/')}/{icon['src']}")
        assert (answer.status, answer.headers["content-type"].split(";")[0]) == (200, icon["type"])


def test_a_new_version_is_told_on_the_welcome(opens: Opens) -> None:
    """After a deployment the open page says so; the button loads the new one."""
    page = opens("en-GB", clock=True)
    with page.expect_response("**/version.json"):
        page.clock.fast_forward("11:00")
    assert page.locator(by("new-version")).is_hidden()  # the server has the same
    page.route("**/version.json", lambda route: route.fulfill(json={"version": "another"}))
    page.clock.fast_forward("11:00")
    page.wait_for_selector(by("new-version"))
    with page.expect_navigation():
        page.click(by("reload"))
    page.wait_for_selector(by("start"))
    assert page.locator(by("new-version")).is_hidden()


def test_the_page_under_an_operators_name(opens: Opens, tmp_path: Path) -> None:
    """Name, tagline, colour, logo and links are on screen, and the strict policy stops none of them."""
    (tmp_path / "logo.svg").write_text(LOGO)
    (tmp_path / "brand.toml").write_text(BRAND)
    with Serving(tmp_path / "server", options=("--brand", str(tmp_path / "brand.toml"))).running() as server:
        page = opens("es-ES", url=server.url)
        page.evaluate("addEventListener('securitypolicyviolation', () => { window.violated = true; })")
        assert page.title() == "Plaza"
        assert page.inner_text("h1").strip() == "Plaza"
        assert page.inner_text("#greeting") == "Conoce a tus vecinos"
        assert page.evaluate("getComputedStyle(start).backgroundColor") == "rgb(122, 31, 92)"
        assert page.evaluate("document.querySelector('#brand-mark img').naturalWidth > 0")
        assert page.get_attribute("#link-rules", "href") == "https://plaza.example/rules"
        assert page.locator("#link-rules").is_visible()
        assert page.locator("#link-privacy").is_hidden()
        assert page.locator(f"{by('page-language')} option").all_inner_texts() == ["Español", "English"]
        assert page.evaluate("window.violated") is None
        page.screenshot(path=PICTURES / "brand.png", full_page=True)
