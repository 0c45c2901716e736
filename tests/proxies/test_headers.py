"""What a proxy says of the browser, and what it keeps from it."""

import re
from pathlib import Path

import httpx
import pytest

from tests.e2e.serving import Serving
from tests.proxies.conftest import FRONTS, installed, started
from tests.proxies.front import Certificate, Front
from tests.proxies.reader import Reader

FORGED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7", "Forwarded": "proto=https"}


async def test_the_cookie_is_secure_behind_tls(front: Front) -> None:
    """By X-Forwarded-Proto: the server itself is asked over plain HTTP. A browser cannot say it itself."""
    async with front.client() as http:
        for headers in ({}, FORGED):
            cookie = (await http.post("/v1/sessions", json={}, headers=headers)).headers["set-cookie"]
            assert ("; Secure" in cookie) is front.url.startswith("https:")


async def test_the_cookie_counts_for_the_page_of_this_host(front: Front) -> None:
    """The proxy forwards ``Host`` with its port; otherwise our page would count as one of another origin."""
    async with front.client() as http:
        cookie = (await http.post("/v1/sessions", json={})).headers["set-cookie"].partition(";")[0]
        for origin, status in ((str(http.base_url).rstrip("/"), 200), ("https://elsewhere.example", 401)):
            found = await http.get("/v1/state", headers={"Origin": origin, "Cookie": cookie})
            assert found.status_code == status


@pytest.mark.parametrize("end", ["", "%0a", "%0A", "/", "%20"])
@pytest.mark.parametrize("path", ["/metrics", "/transports", "/%6detrics", "/x//metrics"])
async def test_the_operators_pages_are_not_there(front: Front, path: str, end: str) -> None:
    """No list of the proxy's keeps them back: the port that it speaks to does not have them."""
    async with front.client() as http:
        assert (await http.get(f"{path}{end}")).status_code == 404


async def test_load_balancers_read_yes_or_no(front: Front) -> None:
    """From outside too they say yes or no; another spelling of their path is not a page."""
    async with front.client() as http:
        for path in ("/healthz", "/readyz"):
            answer = await http.get(path)
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
            assert (await http.get(f"{path}%0A")).status_code == 404


async def test_browsers_are_told_to_stay_with_https(front: Front) -> None:
    """HSTS (RFC 6797), on every answer, refusals too; over plain HTTP it would count for nothing."""
    async with front.client() as http:
        for path in ("/", "/v1/state", "/nothing"):
            told = (await http.get(path)).headers.get("strict-transport-security")
            assert told == ("max-age=31536000" if front.url.startswith("https:") else None)


BURST = "burst=2000 nodelay"
AT_ONCE = "limit_conn duologue_connections 1500;"


async def test_nginx_holds_a_flood_off(servers: list[Serving], cert: Certificate, tmp_path: Path) -> None:
    """By the same directives with smaller numbers: an address that floods reads 429, another one does not."""
    installed("nginx-http")
    small = {"rate=1000r/s": "rate=1r/m", BURST: "burst=19 nodelay"}
    with started("nginx-http", tmp_path, servers, cert, small) as front:
        async with front.client(at="127.0.0.2") as busy, front.client(at="127.0.0.3") as other:
            found = [(await busy.get("/healthz")).status_code for _ in range(25)]
            assert found == [200] * 20 + [429] * 5
            assert (await other.get("/healthz")).status_code == 200


async def test_nginx_bounds_connections(servers: list[Serving], cert: Certificate, tmp_path: Path) -> None:
    """Streams of one address, which cost no requests while they are open."""
    installed("nginx-http")
    small = {AT_ONCE: "limit_conn duologue_connections 2;"}
    with started("nginx-http", tmp_path, servers, cert, small) as front:
        async with front.client(at="127.0.0.2") as http, front.client(at="127.0.0.3") as other:
            one, two = await Reader.come(http), await Reader.come(http)
            async with one.reading("p1"), two.reading("p2"):
                assert (await http.get("/healthz")).status_code == 429
                assert (await other.get("/healthz")).status_code == 200


JSON = {"Content-Type": "application/json"}


async def test_refusals_come_as_they_are(front: Front) -> None:
    """Problem documents, also the one for a body that is too large: no page of the proxy's own."""
    async with front.client() as http:
        for path, body, code in (
            ("/v1/join", b"{}", "no-token"),
            ("/v1/sessions", b" " * 70_000, "body-too-large"),
            ("/v1/nothing", b"{}", "not-found"),
        ):
            found: httpx.Response = await http.post(path, content=body, headers=JSON)
            assert found.json()["code"] == code


async def test_behind_tls_the_cookies_are_of_this_host_alone(front: Front) -> None:
    """By what the proxy says of the scheme and hands on of the host: ``__Host-`` and Secure, and the port in
    the name."""
    async with front.client() as http:
        answer = await http.post("/v1/sessions", json={})
        port = httpx.URL(front.url).port
        prefix, secure = ("__Host-", "; Secure") if front.tls else ("", "")
        cookies = answer.headers.get_list("set-cookie")
        assert len(cookies) == 2
        for what, cookie in zip(("session", "device"), cookies, strict=True):
            assert cookie.startswith(f"{prefix}duologue_{what}_{port}=")
            assert re.fullmatch(rf"[^;]+; Path=/; Max-Age=\d+; HttpOnly; SameSite=Lax{secure}", cookie)


GUESTS = 3


@pytest.mark.parametrize("name", FRONTS)
async def test_a_persons_address_is_the_browsers(name: str, cert: Certificate, tmp_path: Path) -> None:
    """Limits count the person behind the proxy, not the proxy; a browser cannot claim another address."""
    installed(name)
    options = ("--limit", f"sessions=,1/{GUESTS}")
    server = Serving(tmp_path / "server", options=options)
    try:
        server.start()
        with started(name, tmp_path / name, [server], cert) as front:
            async with front.client(at="127.0.0.2") as busy, front.client(at="127.0.0.3") as other:
                found = []
                somebody_new = {"cookie": False}
                for n in range(GUESTS + 1):
                    forged = {"X-Forwarded-For": f"203.0.113.{n}"}
                    answer = await busy.post("/v1/sessions", json=somebody_new, headers=forged)
                    found.append(answer.status_code)
                assert found == [201] * GUESTS + [429]
                assert (await other.post("/v1/sessions", json=somebody_new)).status_code == 201
    finally:
        server.stop()
