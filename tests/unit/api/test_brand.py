"""An operator's brand: each mistake is told with its key and what to write, and the page shows the rest."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from duologue.api.brand import LOGO_BYTES, PALETTE, Brand, BrandError, Texts, contrast, read_brand
from duologue.api.branding import Misfit, branded_page, stylesheet
from tests.unit.api.conftest import Connect

ROOT = Path(__file__).parents[3]
BUILT = ("de", "en", "es")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>'
PNG_HEAD = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"

WHOLE = """
name = "Plaza & Co."
tagline = "Meet your neighbours"
logo = "logo.svg"

[colours]
accent = "#7A1F5C"
accent_dark = "#f2a7d4"

[links]
rules = "https://plaza.example/rules"
imprint = "/imprint"

[languages]
offered = ["es", "en"]
default = "es"

[texts.es]
tagline = "Conoce a tus vecinos"
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a brand file, with a logo beside it."""

    def write(text: str, logo: bytes = SVG, name: str = "logo.svg") -> Path:
        (tmp_path / name).write_bytes(logo)
        file = tmp_path / "brand.toml"
        file.write_text(text)
        return file

    return write


def mistakes(file: Path) -> list[str]:
    """Return what is said of the file, without its path."""
    with pytest.raises(BrandError) as raised:
        read_brand(file, BUILT)
    return [each.removeprefix(f"--brand: {file}: ") for each in raised.value.mistakes]


def test_a_whole_file_is_read(write: Write) -> None:
    """Each key has its effect; a text of a language replaces the common one there only."""
    brand = read_brand(write(WHOLE), BUILT)
    assert brand.name("es") == brand.name("en") == "Plaza & Co."
    assert (brand.tagline("es"), brand.tagline("en")) == ("Conoce a tus vecinos", "Meet your neighbours")
    assert brand.colours == {"light": "#7a1f5c", "dark": "#f2a7d4"}
    assert brand.links == {"rules": "https://plaza.example/rules", "imprint": "/imprint"}
    assert (brand.languages, brand.default_language) == (("es", "en"), "es")
    assert brand.logo is not None
    assert brand.logo.body == SVG


def test_an_empty_file_changes_nothing(write: Write) -> None:
    """Each key has a default: the page as it is built, in all its languages."""
    assert read_brand(write(""), BUILT) == Brand(languages=BUILT)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nmae = 'Plaza'", "there is no key nmae; the keys are name, tagline, logo"),
        (
            "[colours]\naccent = '#0c6557'\naccent_dark = '#6fd9bf'\nacent = '#0c6557'",
            "there is no key colours.acent",
        ),
        ("[texts.fr]\nname = 'Place'", "there is no key texts.fr; the keys are de, en, es"),
        ("[texts.de]\nnom = 'Platz'", "there is no key texts.de.nom"),
        ("texts = 'de'", "texts is a table: write [texts]"),
        ("name = 7", "name is a text of 1 to 40 characters"),
        ("name = ' '", "name is a text of 1 to 40 characters"),
        (f"name = '{'x' * 41}'", "name is a text of 1 to 40 characters"),
        ('tagline = "two\\nlines"', "tagline is a text of 1 to 120 characters in one line"),
        ("[colours]\naccent = 'teal'", "colours.accent is # and six hexadecimal digits"),
        ("[colours]\naccent_dark = '#f2a7d4'", "colours.accent is # and six hexadecimal digits"),
        ("[colours]\naccent = '#ffd400'", "colours.accent #ffd400 has a contrast of 1."),
        (
            "[colours]\naccent = '#0c6557'",
            "colours.accent cannot be read on the dark page: add a lighter one",
        ),
        (
            "[colours]\naccent = '#0c6557'\naccent_dark = '#0c6557'",
            "colours.accent_dark #0c6557 has a contrast of",
        ),
        (
            "[links]\nrules = 'plaza.example/rules'",
            'links.rules is an address such as "https://example.org/rules"',
        ),
        ("[links]\nrules = 'javascript:alert(1)'", "links.rules is an address"),
        ("[links]\nrules = '//plaza.example'", "links.rules is an address"),
        ("[links]\nprivacy = 'https://a.example/\"onclick=x'", "links.privacy is an address"),
        ("[languages]\noffered = ['fr']", 'languages.offered is a list of some of: "de", "en", "es"'),
        ("[languages]\noffered = []", "languages.offered is a list"),
        ("[languages]\noffered = ['de']\ndefault = 'en'", "languages.default is one of the offered ones: de"),
        ("logo = 'none.svg'", "cannot be read (No such file or directory)"),
        ("logo = 7", "logo is the path of a picture"),
        ("logo = '.'", "cannot be read (Is a directory)"),
    ],
)
def test_a_mistake_names_its_key_and_the_remedy(write: Write, text: str, said: str) -> None:
    """The line says which key, and what to write there."""
    (line,) = mistakes(write(text))
    assert said in line


def test_all_mistakes_are_told_at_once(write: Write) -> None:
    """Nobody has to start the server once per mistake."""
    assert len(mistakes(write("nmae = 'x'\nlogo = 'none.svg'\n[links]\nrules = 'x'"))) == 3


@pytest.mark.parametrize(
    ("logo", "said"),
    [
        (b"GIF89a", "neither an SVG nor a PNG"),
        (PNG_HEAD + (64).to_bytes(4) * 2, "has 64 x 64 pixels"),
        (PNG_HEAD + (512).to_bytes(4) + (200).to_bytes(4), "has 512 x 200 pixels"),
        (SVG + b" " * LOGO_BYTES, "has more than 256 kB"),
        (b"<html><svg></svg></html>", "neither an SVG nor a PNG"),
    ],
)
def test_a_logo_that_does_not_fit(write: Write, logo: bytes, said: str) -> None:
    """Its kind, its shape and its size are checked before anybody sees it."""
    (line,) = mistakes(write("logo = 'logo.svg'", logo))
    assert said in line


def test_what_is_not_toml_or_not_there(write: Write, tmp_path: Path) -> None:
    """Both are one line, and the file's name is in it."""
    with pytest.raises(BrandError, match=r"brand\.toml is not TOML: .*line 1"):
        read_brand(write("name = Plaza"), BUILT)
    with pytest.raises(BrandError, match=r"none\.toml cannot be read \(No such file"):
        read_brand(tmp_path / "none.toml", BUILT)


def test_the_contrast_of_known_pairs() -> None:
    """Black and white have 21:1; #767676 is the lightest grey that can be read on white (WCAG)."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert contrast("#0c6557", "#0c6557") == 1


def test_the_page_has_the_colours_that_contrast_is_checked_against() -> None:
    """Each is in the style sheet, in its scheme."""
    light, _, dark = (
        (ROOT / "pages/chat/src/style/base.css").read_text().partition("@media (prefers-color-scheme: dark)")
    )
    for css, palette in ((light, PALETTE["light"]), (dark, PALETTE["dark"])):
        assert [re.findall(rf"{name}: (#\w+);", css)[:1] for name in palette] == [
            [each] for each in palette.values()
        ]


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A built page in two languages, with the template's own elements."""
    folder = tmp_path / "web"
    folder.mkdir()
    html = (ROOT / "pages/chat/src/index.html").read_text().replace("%style%", "assets/page-ABCDEFGH.css")
    (folder / "index.html").write_text(html.replace("{{title.base}}", "Duologue"))
    (folder / "index.es.html").write_text(html.replace("{{title.base}}", "Duologue"))
    for language in ("en", "es"):
        manifest = {
            "name": "Duologue",
            "short_name": "Duologue",
            "description": "-",
            "icons": [],
            "lang": language,
        }
        (folder / f"manifest.{language}.webmanifest").write_text(json.dumps(manifest))
    return folder


async def test_the_page_shows_the_brand(connect: Connect, web: Path, write: Write) -> None:
    """Name, tagline, logo, links and colours are in the first bytes, with no script or style in the page."""
    client = connect(web=web, brand=read_brand(write(WHOLE), ("en", "es")))
    page = await client.get("/", headers={"Accept-Language": "ar"})
    for part in (
        "<title>Plaza &amp; Co.</title>",
        'name="application-name" content="Plaza &amp; Co."',
        "Conoce a tus vecinos</h2>",
        'name="duologue-languages" content="es en"',
        '<img class="mark" src="brand-logo.svg" alt="" />',
        '<link rel="stylesheet" href="brand.css" />',
        '<a id="link-rules" href="https://plaza.example/rules"',
        '<a id="link-privacy" hidden',
    ):
        assert part in page.text
    assert "Duologue<" not in page.text
    assert "style=" not in page.text
    assert "unsafe" not in page.headers["content-security-policy"]
    style = await client.get("/brand.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "--accent: #7a1f5c" in style.text
    again = await client.get("/brand.css", headers={"If-None-Match": style.headers["etag"]})
    assert (style.headers["cache-control"], again.status_code) == ("no-cache", 304)
    logo = await client.get("/brand-logo.svg")
    assert (logo.content, logo.headers["content-type"]) == (SVG, "image/svg+xml; charset=utf-8")
    assert "script-src 'self'" in logo.headers["content-security-policy"]  # no script in the picture runs


async def test_the_manifest_installs_the_brand(connect: Connect, web: Path, write: Write) -> None:
    """Its name, description, colour and icon; a browser may read it under the page's own policy."""
    answer = await connect(web=web, brand=read_brand(write(WHOLE), ("en", "es"))).get(
        "/manifest.es.webmanifest"
    )
    assert answer.headers["content-type"].startswith("application/manifest+json")
    assert "manifest-src 'self'" in answer.headers["content-security-policy"]
    assert answer.json() == {
        "name": "Plaza & Co.",
        "short_name": "Plaza & Co.",
        "description": "Conoce a tus vecinos",
        "lang": "es",
        "theme_color": "#7a1f5c",
        "icons": [{"src": "brand-logo.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
    }


async def test_the_page_knows_its_version(connect: Connect, web: Path, write: Write) -> None:
    """It is the same in the page and in ``/version.json``, and another one after any change."""
    client = connect(web=web)
    version = (await client.get("/version.json")).json()["version"]
    assert f'name="duologue-version" content="{version}"' in (await client.get("/")).text
    branded = connect(web=web, brand=read_brand(write(WHOLE), ("en", "es")))
    assert (await branded.get("/version.json")).json()["version"] != version
    (web / "more.txt").write_text("more")
    assert (await connect(web=web).get("/version.json")).json()["version"] != version


async def test_the_page_knows_the_version_of_the_rules(connect: Connect, web: Path) -> None:
    """Each language has it, and pages that are open learn of new rules as of a new version of the page."""
    client, plain = connect(web=web, terms_version="2026-12"), connect(web=web)
    for language in ("en", "es"):
        answer = await client.get("/", headers={"Accept-Language": language})
        assert 'name="duologue-terms" content="2026-12"' in answer.text
    assert 'name="duologue-terms" content=""' in (await plain.get("/")).text
    old, new = [(await one.get("/version.json")).json()["version"] for one in (plain, client)]
    assert old != new


async def test_without_a_brand_the_page_is_as_built(connect: Connect, web: Path) -> None:
    """Apart from its version, not a byte differs."""
    page = (await connect(web=web).get("/")).text
    assert re.sub(r'(duologue-version" content=")\w+', r"\1", page) == (web / "index.html").read_text()


def test_a_page_without_a_place_for_the_brand_is_a_defect() -> None:
    """A changed template cannot silently drop an operator's name."""
    with pytest.raises(Misfit, match="0 places in place of one"):
        branded_page("<title>Duologue</title>", Brand(Texts(name="Plaza")), "en")


@pytest.mark.parametrize(("accent", "dark"), [("#7a1f5c", "#f2a7d4"), ("#0c6557", "#6fd9bf")])
def test_the_button_under_a_pointer_is_read_as_well(accent: str, dark: str) -> None:
    """The colour under a pointer goes away from its text's."""
    css = stylesheet(Brand(colours={"light": accent, "dark": dark}))
    light, darker = re.findall(r"--accent-hover: (#\w{6})", css)
    assert contrast(light, "#ffffff") > contrast(accent, "#ffffff")
    assert contrast(darker, "#07231d") > contrast(dark, "#07231d")
