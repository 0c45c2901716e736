"""What a proxy says of the browser, and what it keeps from it."""

import httpx
import pytest

from tests.proxies.front import Front

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
        for origin, status in ((front.url, 200), ("https://elsewhere.example", 401)):
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
