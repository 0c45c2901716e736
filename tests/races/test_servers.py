"""Servers of one store agree on the settings that all of them need."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from duologue.pairing.vocabulary import Differs, ProcessId
from tests.races.control import held_by
from tests.races.direct import play
from tests.races.stage import Stage

OLD, NEW = "mark-of-old", "mark-of-new"


def enter(stage: Stage, name: str, *marks: str, pools: str = "main", rolls: bool = False) -> Differs | None:
    """Let a process enter; it does not listen yet."""
    return play(stage.machine.enter(ProcessId(name), f"server {name}", pools, marks or (OLD,), rolls=rolls))


@contextmanager
def listening(stage: Stage, *names: str) -> Iterator[None]:
    """Let these processes listen, as they do until they end."""
    channels: Any = stage.client.pubsub()  # type: ignore[no-untyped-call]
    channels.subscribe(*(stage.machine.channel(ProcessId(name)) for name in names))
    for _ in names:
        assert channels.get_message(timeout=5)
    try:
        yield
    finally:
        channels.close()


@held_by("servers-agree")
def test_e46_servers_of_different_settings(stage: Stage) -> None:
    """The second one is refused, and told which process differs, and in what."""
    assert enter(stage, "s1") is None
    with listening(stage, "s1"):
        stage.clock.turn(3_600_000)
        assert enter(stage, "s2", NEW) == Differs("secret", "server s1", "main")
        assert enter(stage, "s2", pools="main,de") == Differs("pools", "server s1", "main")
        assert enter(stage, "s2") is None


@held_by("servers-start")
def test_e46_two_that_start_at_once(stage: Stage) -> None:
    """A process that has entered counts before it listens."""
    assert enter(stage, "s1") is None
    assert enter(stage, "s2", NEW) == Differs("secret", "server s1", "main")
    stage.clock.turn(6_000)
    assert enter(stage, "s2", NEW) is None


def test_e46_a_server_that_ended_decides_nothing(stage: Stage) -> None:
    """Stopped in order it is forgotten at once; killed, as soon as its connection has ended."""
    assert enter(stage, "s1") is None
    play(stage.machine.quit(ProcessId("s1")))
    assert enter(stage, "s2", NEW) is None
    with listening(stage, "s2"):
        stage.clock.turn(6_000)
        assert enter(stage, "s3") is not None
    assert enter(stage, "s3") is None
    assert stage.client.hkeys("{0}servers") == [b"s3"]


def test_e46_a_rolling_change(stage: Stage) -> None:
    """A server that says so enters, and the next one that does not is held against both."""
    assert enter(stage, "s1") is None
    assert enter(stage, "s2", pools="main,de", rolls=True) is None
    assert enter(stage, "s3", pools="main,de") == Differs("pools", "server s1", "main")
    play(stage.machine.quit(ProcessId("s1")))
    assert enter(stage, "s3", pools="main,de") is None


def test_e46_keys_are_rotated_in_the_right_order(stage: Stage) -> None:
    """Listed everywhere before it signs anywhere, a new key needs no option; else it is refused."""
    order = [(OLD,), (OLD, NEW), (NEW, OLD), (NEW,)]
    for n, marks in enumerate(order):
        assert enter(stage, f"s{n}", *marks) is None
        if n:
            play(stage.machine.quit(ProcessId(f"s{n - 1}")))
    assert enter(stage, "s9", OLD) == Differs("secret", "server s3", "main")
