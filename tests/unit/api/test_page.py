"""The page: strict headers, cached where that is safe, and no way to the disk."""

import gzip
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from duologue.api.page import DIRECT, RELAYED, content_security_policy, page
from tests.unit.api.conftest import Connect

INDEX = "<!doctype html><title>t</title><script type=module src=/assets/main-3KZC7A2B.js></script>"
SCRIPT = "export const x = 1;\n" * 200


@pytest.fixture
def web(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "assets" / "main-3KZC7A2B.js").write_text(SCRIPT)
    (tmp_path / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return tmp_path


async def test_the_page_is_strict(connect: Connect, web: Path) -> None:
    """No inline script, no third party, no frame around it; camera and microphone for itself only."""
    answer = await connect(web=web).get("/")
    assert (answer.status_code, answer.text) == (200, INDEX)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "camera=(self), microphone=(self)" in answer.headers["permissions-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("", "connect-src 'self'"),
        (
            "wss://live.example:7443/rtc",
            "connect-src 'self' wss://live.example:7443 https://live.example:7443",
        ),
        ("https://live.example", "connect-src 'self' wss://live.example https://live.example"),
        ("ws://127.0.0.1:7880", "connect-src 'self' ws://127.0.0.1:7880 http://127.0.0.1:7880"),
    ],
)
def test_it_connects_to_its_own_origin_and_that_of_livekit(url: str, allowed: str) -> None:
    """Nowhere else, and over nothing less secure than the operator wrote."""
    (connects,) = [each for each in content_security_policy(url).split("; ") if each.startswith("connect-")]
    assert connects == allowed


@pytest.mark.parametrize("is_relayed", [True, False])
async def test_it_knows_whether_addresses_are_seen(tmp_path: Path, is_relayed: bool) -> None:
    """In each language; and the built page has the place for it."""
    for name in ("index.html", "index.de.html"):
        (tmp_path / name).write_bytes(b"<title>t</title>" + DIRECT)
    served = {route.path: route for route in page(tmp_path, is_relayed=is_relayed)}
    transport = httpx.ASGITransport(Starlette(routes=[served["/"]]))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for language in ("en", "de"):
            answer = await client.get("/", headers={"Accept-Language": language})
            assert (RELAYED if is_relayed else DIRECT) in answer.content
    source = Path(__file__).parents[3] / "pages" / "chat" / "src" / "index.html"
    assert source.read_bytes().count(DIRECT) == 1


async def test_head_is_get_without_the_body(connect: Connect, web: Path) -> None:
    """Monitors and link previews ask so."""
    client = connect(web=web)
    head, get = await client.head("/"), await client.get("/")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert head.headers["etag"] == get.headers["etag"]


async def test_hashed_assets_are_kept_for_ever(connect: Connect, web: Path) -> None:
    """Their name changes with their content; others are asked for again, with 304 if the same."""
    client = connect(web=web)
    script = await client.get("/assets/main-3KZC7A2B.js")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["content-type"].startswith("text/javascript")
    icon = await client.get("/icon.svg")
    assert icon.headers["cache-control"] == "no-cache"
    again = await client.get("/icon.svg", headers={"If-None-Match": icon.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_text_is_compressed_for_who_can_read_it(connect: Connect, web: Path) -> None:
    """The same content either way, and caches are told that there are two forms."""
    client = connect(web=web)
    zipped = await client.get("/assets/main-3KZC7A2B.js", headers={"Accept-Encoding": "br, gzip"})
    plain = await client.get("/assets/main-3KZC7A2B.js", headers={"Accept-Encoding": "identity"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.text == plain.text == SCRIPT
    assert int(zipped.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), mtime=0)) < len(SCRIPT)
    assert "content-encoding" not in plain.headers
    assert zipped.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path", ["/assets/", "/assets/nothing.js", "/assets/../index.html", "/%2e%2e/etc/passwd", "/index.html/"]
)
async def test_nothing_but_the_files_is_served(path: str, connect: Connect, web: Path) -> None:
    """No listing, no fallback, no path upwards."""
    answer = await connect(web=web).get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_an_unbuilt_page_says_what_to_do(connect: Connect, tmp_path: Path) -> None:
    """A server without its page still serves the interface, and says how to build the page."""
    answer = await connect(web=tmp_path / "nothing").get("/")
    assert answer.status_code == 200
    assert "make run" in answer.text


async def test_the_page_can_be_switched_off(connect: Connect) -> None:
    """An operator with another page does not serve ours."""
    assert (await connect(web=None).get("/")).status_code == 404
