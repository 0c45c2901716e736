"""What a proxy says of the browser, and what it keeps from it."""

from pathlib import Path

import httpx
import pytest

from tests.e2e.serving import Serving
from tests.proxies.conftest import FRONTS, installed, started
from tests.proxies.front import Certificate, Front

FORGED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7", "Forwarded": "proto=https"}


async def test_the_cookie_is_secure_behind_tls(front: Front) -> None:
    """By X-Forwarded-Proto: the server itself is asked over plain HTTP. A browser cannot say it itself."""
    async with front.client() as http:
        for headers in ({}, FORGED):
            cookie = (await http.post("/v1/sessions", json={}, headers=headers)).headers["set-cookie"]
            assert ("; Secure" in cookie) is front.url.startswith("https:")


async def test_the_cookie_counts_for_the_page_of_this_host(front: Front) -> None:
    """The proxy hands on ``Host`` with its port: else a page of ours would be taken for another origin's."""
    async with front.client() as http:
        cookie = (await http.post("/v1/sessions", json={})).headers["set-cookie"].partition(";")[0]
        for origin, status in ((str(http.base_url).rstrip("/"), 200), ("https://elsewhere.example", 401)):
            found = await http.get("/v1/state", headers={"Origin": origin, "Cookie": cookie})
            assert found.status_code == status


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/transports"])
async def test_the_operators_pages_are_kept_inside(front: Front, path: str) -> None:
    """The page itself is served."""
    async with front.client() as http:
        assert (await http.get("/")).status_code == 200
        assert (await http.get(path)).status_code == 404


async def test_refusals_come_as_they_are(front: Front) -> None:
    """Problem documents, also the one for a body that is too large: no page of the proxy's own."""
    async with front.client() as http:
        for path, body, code in (
            ("/v1/join", b"{}", "no-token"),
            ("/v1/sessions", b" " * 70_000, "body-too-large"),
            ("/v1/nothing", b"{}", "not-found"),
        ):
            found: httpx.Response = await http.post(path, content=body)
            assert found.json()["code"] == code


GUESTS = 3


@pytest.mark.parametrize("name", FRONTS)
async def test_a_persons_address_is_the_browsers(name: str, cert: Certificate, tmp_path: Path) -> None:
    """Limits count who is behind the proxy, not the proxy; no browser can say that it is somebody else."""
    installed(name)
    options = ("--address-sessions-burst", str(GUESTS), "--address-sessions-per-min", "1")
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
