"""Two servers on one store, and in front of them each proxy that docs/proxies.md shows."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from tests.e2e.chromium import Chromium, chromium
from tests.e2e.conftest import arrive, lacking, playwright  # noqa: F401 # fixtures
from tests.e2e.serving import Serving
from tests.proxies.front import NOTHING, Certificate, Front, caddy, certificate, nginx, nginx_binary
from tests.servers import store_server, valkey9_binary

FRONTS = ("nginx-http", "nginx-https", "caddy")


@pytest.fixture(scope="session")
def cert(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for localhost."""
    _needs("openssl")
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Serving]]:
    """Two processes that share a store, for streams and for polls."""
    with store_server("valkey9", valkey9_binary()) as store, ExitStack() as stopping:
        both = ("--transports", "both")
        folder = tmp_path_factory.mktemp("servers")
        found = [Serving(folder / name, redis_url=store.url, options=both) for name in ("1", "2")]
        for each in found:
            stopping.callback(each.stop)
            each.start()
        yield found


@pytest.fixture(scope="module")
def fronts(
    servers: list[Serving], cert: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Front]]:
    """All of them by name."""
    with ExitStack() as stopping:
        found = {}
        for name in FRONTS:
            installed(name)
            folder = tmp_path_factory.mktemp(name)
            found[name] = stopping.enter_context(started(name, folder, servers, cert))
        yield found


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:  # noqa: F811
    """A browser that takes our certificate."""
    folder = tmp_path_factory.mktemp("chromium")
    with chromium(playwright, folder, flags=("--ignore-certificate-errors",)) as it:
        yield it


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest, fronts: dict[str, Front]) -> Front:
    """Each of them in turn."""
    return fronts[request.param]


def started(
    name: str,
    folder: Path,
    servers: Sequence[Serving],
    cert: Certificate,
    more: Mapping[str, str] = NOTHING,
) -> AbstractContextManager[Front]:
    """The front of that name before these servers, which may be one; ``more``: edits besides."""
    addresses = [f"127.0.0.1:{each.port}" for each in servers]
    match name:
        case "nginx-http":
            return nginx(folder, addresses, site="http", more=more)
        case "nginx-https":
            return nginx(folder, addresses, site="https", cert=cert, more=more)
        case "caddy":
            return caddy(folder, addresses, cert=cert, more=more)
        case _:
            raise ValueError(name)


def installed(name: str) -> None:
    """What the front of that name is made of is on this machine."""
    if name.startswith("nginx") and nginx_binary() is None:
        _missing("nginx")
    if name == "caddy":
        _needs("caddy")


def _needs(program: str) -> None:
    if shutil.which(program) is None:
        _missing(program)


def _missing(program: str) -> None:
    lacking(f"{program} is not installed (make test installs it on Debian as root)")
