"""docs/from-polling.md: by the lines that it shows, a pool's people go to servers a phase ahead."""

import re
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest

from duologue.client import By, Client, Exchange, Preferences, SimulatedMedia
from duologue.client.http import HttpTransport, http_session
from tests.e2e.serving import Serving
from tests.proxies.conftest import installed
from tests.proxies.front import Front, nginx
from tests.servers import StoreServer

PAGE = (Path(__file__).parents[2] / "docs" / "from-polling.md").read_text()
UPSTREAM, LOCATIONS = re.findall(r"^```nginx\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def front(valkey9: StoreServer, tmp_path: Path) -> Iterator[Front]:
    """One server that polls only, one of a pool that has both; each stands for two here."""
    installed("nginx")
    with ExitStack() as stopping:
        found = {}
        for name in ("poll", "both"):
            options = ("--transports", name, "--pools", "main,de", "--no-page")
            found[name] = Serving(tmp_path / name, redis_url=valkey9.url, options=options)
            stopping.callback(found[name].stop)
            found[name].start()
        of_pool = f"127.0.0.1:{found['both'].port}"
        upstream = UPSTREAM.replace("127.0.0.1:8020", of_pool).replace("127.0.0.1:8030", of_pool)
        more = {
            "upstream duologue {": f"{upstream}\nupstream duologue {{",
            "location / {": f"{LOCATIONS}\nlocation / {{",
        }
        others = [f"127.0.0.1:{found['poll'].port}"]
        yield stopping.enter_context(nginx(tmp_path / "nginx", others, site="http", more=more))


@pytest.mark.parametrize(("path", "pool", "by"), [("", "main", By.POLL), ("/de", "de", By.SSE)])
async def test_a_pool_is_a_phase_ahead(front: Front, path: str, pool: str, by: By) -> None:
    """Its people have streams; those of another one poll. A stream that is held back would be given up."""
    exchange, base = Exchange(), front.url.replace("localhost", "127.0.0.1") + path
    async with http_session() as http, AsyncExitStack() as stack:
        people = [Client(HttpTransport(http, base), media=SimulatedMedia(exchange)) for _ in range(2)]
        for person in people:
            await stack.enter_async_context(person.running())
            person.start(Preferences(pool=pool))
        for person in people:
            model = await person.until(lambda model: model.match is not None)
            assert (model.by, model.state and model.state.pool) == (by, pool)
        await people[0].say("hello")
        await people[1].until(lambda model: [line.text for line in model.chat.messages] == ["hello"])
