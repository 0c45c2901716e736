"""Ways in which a blocked guest tries to come back, over HTTP, on the real server; docs/blocks.md has the
same table."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from tests.servers import StoreServer
from tests.serving import serving

DOCS = Path(__file__).parents[2] / "docs" / "blocks.md"
SECRET = "s" * 32
PATIENCE_S = 30.0
APART_S = 2.0
"""So long two who may meet would not be apart: what relaxes does so after 0.3 s here."""
POLL_S = 0.15

POOLS = [f"w{n}" for n in range(20)]
OPTIONS = (
    "--transports", "poll", "--pools", ",".join([*POOLS, "elsewhere"]), "--relax-after-ms", "300",
    "--port", "0", "--no-page",
)  # fmt: skip


class Browser:
    """What a browser keeps: its cookies, and the address that it asks from."""

    opened: ClassVar[list["Browser"]] = []

    def __init__(self, url: str, address: str) -> None:
        self.opened.append(self)
        self.url, self.address = url, address
        self.http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE_S)

    def forget(self, name: str = "") -> None:
        """Deletes the cookies, or the one that is called so."""
        for cookie in list(self.http.cookies.jar):
            if cookie.name.startswith(name or "duologue"):
                self.http.cookies.delete(cookie.name)


class Guest:
    """One page of a browser, which polls."""

    pages = itertools.count()

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.page = f"page{next(self.pages)}"
        self.token = self.device = ""
        """Of a page that keeps its token itself."""
        self.state: dict[str, Any] = {"state": "idle"}

    async def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """A request from the browser's address."""
        headers = {"X-Forwarded-For": self.browser.address}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        while True:
            answer = await self.browser.http.request(method, path, headers=headers, json=body)
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(float(answer.headers["Retry-After"]))  # as each client does
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def begin(self, *, cookie: bool = True, device: str = "") -> "Guest":
        """A session: by cookie, or one that the page keeps."""
        said = {"cookie": cookie, **({"device": device} if device else {})}
        granted = await self.ask("POST", "/v1/sessions", said)
        if not cookie:
            self.token, self.device = granted["token"], granted["device"]
        return self

    async def poll(self) -> None:
        """Here, and alive."""
        self.state = (await self.ask("GET", f"/v1/state?page={self.page}"))["state"]

    async def start(self, pool: str, **more: Any) -> None:
        """Here, and Start was pressed."""
        await self.poll()
        intent = int(self.state.get("intent", 0)) + 1
        await self.ask("POST", "/v1/join", {"intent": intent, "pool": pool, **more})

    @property
    def match(self) -> str:
        """``""`` while alone."""
        return str(self.state["match"]["match"]) if "match" in self.state else ""


async def met(one: Guest, other: Guest, within_s: float) -> str:
    """The match of the two, as soon as they have one; ``""``: they have none within the time."""
    async with asyncio.timeout(PATIENCE_S):
        until = asyncio.get_running_loop().time() + within_s
        while True:
            await one.poll()
            await other.poll()
            if one.match and one.match == other.match:
                return one.match
            if asyncio.get_running_loop().time() > until:
                return ""
            await asyncio.sleep(POLL_S)


@dataclass(frozen=True, slots=True)
class Scene:
    """Ann has blocked Ben, and waits."""

    url: str
    pool: str
    ann: Guest
    ben: Guest


async def blocked(url: str, number: int) -> Scene:
    """They met, Ann pressed Block, and both wait; each at an address of their own."""
    ann = await Guest(Browser(url, f"203.0.113.{number + 1}")).begin()
    ben = await Guest(Browser(url, f"198.51.100.{number + 1}")).begin()
    pool = POOLS[number]
    await ann.start(pool)
    await ben.start(pool)
    match = await met(ann, ben, PATIENCE_S)
    assert match
    await ann.ask("POST", "/v1/blocks", {"match": match, "skip": True})
    return Scene(url, pool, ann, ben)


# --- the ways ------------------------------------------------------------------------------


async def reloads(scene: Scene) -> Guest:
    return Guest(scene.ben.browser)


async def second_tab(scene: Scene) -> Guest:
    return await Guest(scene.ben.browser).begin(cookie=False)


async def session_cookie_deleted(scene: Scene) -> Guest:
    scene.ben.browser.forget("duologue_session")
    return await Guest(scene.ben.browser).begin()


async def bearer_begins_again(scene: Scene) -> Guest:
    """A program that kept the device which the server told it: it is Ben's own here."""
    device = (await Guest(scene.ben.browser).begin(cookie=False)).device
    return await Guest(Browser(scene.url, "198.51.100.200")).begin(cookie=False, device=device)


async def another_pool(scene: Scene) -> Guest:
    await scene.ann.ask("POST", "/v1/join", {"intent": 99, "pool": "elsewhere", "tags": ["only", "us"]})
    await scene.ben.ask("POST", "/v1/join", {"intent": 99, "pool": "elsewhere", "tags": ["only", "us"]})
    return scene.ben


async def another_language(scene: Scene) -> Guest:
    await scene.ben.ask(
        "POST", "/v1/join", {"intent": 99, "pool": scene.pool, "language": "eo", "tags": ["x"]}
    )
    return scene.ben


async def session_on_another_network(scene: Scene) -> Guest:
    scene.ben.browser.address = "198.51.100.201"
    return Guest(scene.ben.browser)


async def device_on_another_network(scene: Scene) -> Guest:
    scene.ben.browser.address = "198.51.100.202"
    return await session_cookie_deleted(scene)


async def private_window(scene: Scene) -> Guest:
    return await Guest(Browser(scene.url, scene.ben.browser.address)).begin()


async def cookies_cleared(scene: Scene) -> Guest:
    scene.ben.browser.forget()
    return await Guest(scene.ben.browser).begin()


async def another_browser(scene: Scene) -> Guest:
    return await Guest(Browser(scene.url, scene.ben.browser.address)).begin(cookie=False)


async def other_writing(scene: Scene) -> Guest:
    """The same IPv4 address, as a network with IPv6 only writes it."""
    *_, last = scene.ben.browser.address.split(".")
    return await Guest(Browser(scene.url, f"64:ff9b::c633:64{int(last):02x}")).begin()


async def everything_new(scene: Scene) -> Guest:
    return await Guest(Browser(scene.url, "198.51.100.203")).begin()


Way = Callable[[Scene], Awaitable[Guest]]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    words: str
    way: Way
    stopped_by: str
    """``""``: by nothing."""

    @property
    def in_docs(self) -> str:
        holds = f"holds: {self.stopped_by}" if self.stopped_by else "**cannot hold**"
        return f"| {self.words} | {holds} |"


ROWS = (
    Row("reloads the page", reloads, "the person"),
    Row("opens a second tab as another person", second_tab, "the device"),
    Row("deletes the session cookie", session_cookie_deleted, "the device"),
    Row(
        "begins a new session by bearer token, with the device that was kept",
        bearer_begins_again,
        "the device",
    ),
    Row("goes to another pool, where the other one goes too", another_pool, "the person"),
    Row("takes another language and other tags", another_language, "the person"),
    Row("comes with the same session from another network", session_on_another_network, "the person"),
    Row(
        "begins a new session in the same browser on another network", device_on_another_network, "the device"
    ),
    Row("opens a private window on the same network", private_window, "the network, for a day"),
    Row("deletes all cookies, on the same network", cookies_cleared, "the network, for a day"),
    Row("takes another browser on the same network", another_browser, "the network, for a day"),
    Row("takes another notation of the same address (NAT64)", other_writing, "the network, for a day"),
    Row(
        "takes another browser, or deletes all cookies, *and* comes from another network", everything_new, ""
    ),
)


@asynccontextmanager
async def server(store: StoreServer, *options: str) -> AsyncIterator[str]:
    """The real command; its address."""
    with serving(*OPTIONS, *options, REDIS_URL=store.url, DUOLOGUE_SECRET=SECRET) as running:
        try:
            yield running.url
        finally:
            while Browser.opened:
                await Browser.opened.pop().http.aclose()


async def outcomes(url: str, rows: tuple[Row, ...]) -> dict[str, bool]:
    """Whether each way leads to Ann; all at once, each in a pool of its own."""

    async def play(number: int, row: Row) -> bool:
        scene = await blocked(url, number)
        back = await row.way(scene)
        if back.state["state"] != "waiting" and back is not scene.ben:
            await back.start(scene.pool)
        within_s = APART_S if row.stopped_by else PATIENCE_S
        return bool(await met(scene.ann, back, within_s))

    async with asyncio.TaskGroup() as group:
        tasks = {row.words: group.create_task(play(n, row)) for n, row in enumerate(rows)}
    return {words: task.result() for words, task in tasks.items()}


@pytest.mark.timeout(120)
async def test_ways_back(valkey9: StoreServer) -> None:
    """What is said to hold does, and what cannot hold is said: the table in the docs is this one."""
    async with server(valkey9) as url:
        came_back = await outcomes(url, ROWS)
    for row in ROWS:
        print(f"{row.words:85} {'meets again' if came_back[row.words] else 'holds: ' + row.stopped_by}")  # noqa: T201 # the table is to be read
    assert came_back == {row.words: not row.stopped_by for row in ROWS}
    docs = DOCS.read_text()
    assert [row.in_docs for row in ROWS if row.in_docs not in docs] == []


@pytest.mark.timeout(120)
async def test_ways_back_control(valkey9: StoreServer) -> None:
    """Without the network's mark (``--block-network-ms 0``) what only the network stopped comes back."""
    rows = tuple(row for row in ROWS if "network" in row.stopped_by or row.way is session_cookie_deleted)
    by_network = tuple(
        Row(row.words, row.way, "" if "network" in row.stopped_by else "the device") for row in rows
    )
    async with server(valkey9, "--block-network-ms", "0") as url:
        came_back = await outcomes(url, by_network)
    assert came_back == {row.words: not row.stopped_by for row in by_network}


# --- people of one network -----------------------------------------------------------------


@pytest.mark.timeout(120)
async def test_a_full_network_over_http(valkey9: StoreServer) -> None:
    """The third of two is told 429 with words and when to ask again; who is here comes and goes as they
    like."""
    async with server(valkey9, "--network-people", "2", "--transports", "both") as url:
        home = "203.0.113.77"
        first, second = [await Guest(Browser(url, home)).begin() for _ in range(2)]
        await first.poll()
        await second.poll()
        third = await Guest(Browser(url, home)).begin()
        for path in (f"/v1/state?page={third.page}", f"/v1/events?page={third.page}"):
            refused = await third.browser.http.get(path, headers={"X-Forwarded-For": home})
            assert (refused.status_code, refused.json()["code"]) == (429, "network-full")
            assert "from your network" in refused.json()["detail"]
            assert int(refused.headers["Retry-After"]) >= 1
        sse = {"X-Forwarded-For": home, "Accept": "text/event-stream"}
        later = await third.browser.http.get(f"/v1/events?page={third.page}", headers=sse)
        assert later.status_code == 200
        assert '"type":"reconnect"' in later.text
        assert '"reason":"network-full"' in later.text
        await first.poll()
        await Guest(first.browser).poll()
        third.browser.address = "203.0.113.78"
        await third.poll()
