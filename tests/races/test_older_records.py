"""Records that a server of the first edition wrote: in a rolling upgrade both write and read each other's."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from duologue.pairing.vocabulary import Media, Outcome
from tests.races.stage import Stage
from tests.servers import StoreServer

FIELDS = {"{0}p:*": 32, "{0}m:*": 26}
"""How many fields a record of the first edition has, by its keys."""
CUT = """
local values = cmsgpack.unpack(redis.call('GET', KEYS[1]))
local kept = {}
for i = 1, tonumber(ARGV[1]) do kept[i] = values[i] end
redis.call('SET', KEYS[1], cmsgpack.pack(kept))
"""


@pytest.fixture
def stage(store_server_each: StoreServer) -> Iterator[Stage]:
    """An empty store; the look at the invariants reads only whole records, so it is left out."""
    with store_server_each.client() as client:
        made = Stage(client)
        try:
            yield made
        finally:
            made.close()


def make_older(stage: Stage) -> None:
    """Cut each record down to what an older server writes of it."""
    for pattern, fields in FIELDS.items():
        keys: Any = stage.client.keys(pattern)
        assert keys
        for key in keys:
            stage.client.eval(CUT, 1, key, fields)


ACTS: dict[str, Callable[[Stage, str], object]] = {
    "a new page": lambda stage, _match: stage.attach("ben"),
    "a closed tab": lambda stage, _match: stage.closes("ben"),
    "open": lambda stage, _match: stage.says(Media.OPEN, "ann"),
    "silent": lambda stage, _match: stage.says(Media.SILENT, "ann"),
    "failed": lambda stage, _match: stage.says(Media.FAILED, "ann"),
    "a message": lambda stage, match: stage.say("ann", match, "hello"),
    "a report": lambda stage, match: stage.report("ann", match),
    "a block": lambda stage, match: stage.block("ann", match),
    "a skip": lambda stage, match: stage.skip("ann", match),
    "a stop": lambda stage, _match: stage.leave("ann"),
}


@pytest.mark.parametrize("act", ACTS)
def test_nothing_fails_on_a_record_of_an_older_version(stage: Stage, act: str) -> None:
    """The act itself, what falls due after it, and one more conversation."""
    match = stage.meet("ann", "ben", media=Media.OPEN)
    make_older(stage)
    ACTS[act](stage, match)
    make_older_if_any(stage)
    stage.wait(16_000, "ann", says={"ann": Media.OPEN})
    stage.comes("cat", "dan")
    assert stage.match("cat")


def make_older_if_any(stage: Stage) -> None:
    """Once more, by the older server: what ended is gone."""
    if stage.client.keys("{0}m:*"):
        make_older(stage)


def test_a_page_that_changes_is_counted_from_there_on(stage: Stage) -> None:
    """A match that an older server made ends, too, when one side's page changes too often."""
    stage.meet("ann", "ben", media=Media.OPEN)
    make_older(stage)
    for _ in range(6):
        assert stage.attach("ben")
        assert stage.pulse("ben", stage.match("ben"), Media.OPEN) == Outcome.OK
        assert stage.together("ann", "ben")
    stage.attach("ben")
    assert stage.ended("ann") == "media-failed"
