"""The page's language: what the person chose, or else what the browser accepts."""

from pathlib import Path

import pytest

from duologue.api.languages import RANGES, accepted
from tests.unit.api.conftest import Connect

OFFERED = ("en", "es", "de", "pt-BR")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("es-419", "es"),
        ("fr-FR,fr;q=0.9,es;q=0.5,en;q=0.4", "es"),
        ("en;q=0.2, DE ; q=0.7", "de"),
        ("pt-br", "pt-BR"),
        ("pt", None),
        ("ar", None),
        ("*", None),
        ("de;q=0", None),
        ("de;q=0,en", "en"),
        ("de;q=7, es", "es"),
        ("", None),
        ("\u00e4,;;,de;;q", None),
        (",".join(["fr"] * RANGES + ["de"]), None),
    ],
)
def test_the_best_liked_language_that_is_offered(header: str, expected: str | None) -> None:
    """Weights count, regions fall back to their language, and nonsense counts as nothing."""
    assert accepted(header, OFFERED) == expected


@pytest.fixture
def web(tmp_path: Path) -> Path:
    for name, text in (("index.html", "Hello"), ("index.es.html", "Hola"), ("index.de.html", "Hallo")):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "accept", "cookie", "expected"),
    [
        ("/", "es-ES,es", "", "Hola"),
        ("/", "ar", "", "Hello"),
        ("/", "es", "duologue_language=de", "Hallo"),
        ("/", "es", "duologue_language=../secret", "Hola"),
        ("/?language=de", "es", "duologue_language=en", "Hallo"),
        ("/?language=xx", "es", "", "Hola"),
    ],
)
async def test_address_then_choice_then_browser(
    connect: Connect, web: Path, path: str, accept: str, cookie: str, expected: str
) -> None:
    """The first of them that names an offered language wins; caches are told what the answer depends on."""
    answer = await connect(web=web).get(path, headers={"Accept-Language": accept, "Cookie": cookie})
    assert (answer.status_code, answer.text) == (200, expected)
    assert answer.headers["vary"] == "Accept-Language, Cookie"


async def test_each_language_has_its_own_etag(connect: Connect, web: Path) -> None:
    """A browser that kept one language is not told that another one is the same."""
    client = connect(web=web)
    spanish = await client.get("/", headers={"Accept-Language": "es"})
    kept = {"If-None-Match": spanish.headers["etag"]}
    assert (await client.get("/", headers={**kept, "Accept-Language": "es"})).status_code == 304
    assert (await client.get("/", headers={**kept, "Accept-Language": "de"})).text == "Hallo"


@pytest.mark.parametrize("path", ["/index.html", "/index.de.html"])
async def test_a_language_has_no_address_of_its_own(connect: Connect, web: Path, path: str) -> None:
    """The page has one address."""
    assert (await connect(web=web).get(path)).status_code == 404
