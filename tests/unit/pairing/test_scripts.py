"""The Lua files keep what their headers and their Python counterparts promise."""

import re

import pytest

from duologue.pairing import records, scripts
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import MediaKind

FILES = sorted(scripts.FOLDER.glob("*.lua"))
BODIES = {f.stem: f.read_text() for f in FILES}
CONTEXT = (scripts.FOLDER / "include" / "context.lua").read_text()
HEADER = re.compile(
    r"\A#!lua(?: flags=[a-z,-]+)?\n-- [A-Z][\w-]*[:,] .+\n-- KEYS\[1\]  .+\n-- ARGV     .+\n"
    r"-- Returns  .+\n-- Events   .+\n-- Invariants: .+\n"
)
ENDING = {"skip", "leave", "expire", "detach", "attach", "pulse", "bury", "reattach", "scan", "tell"}


@pytest.mark.parametrize("name", BODIES)
def test_every_script_says_what_it_takes_and_returns(name: str) -> None:
    """Purpose, KEYS, ARGV, returns, events and invariants stand at the head of each transition."""
    assert HEADER.match(BODIES[name]), name


@pytest.mark.parametrize("name", BODIES)
def test_the_header_counts_the_arguments_that_the_body_reads(name: str) -> None:
    """The highest ARGV index of the body is one that the header names, or part of its repeated tail."""
    head, body = BODIES[name].split("-- Invariants", 1)
    named = [int(n) for n in re.findall(r"(\d+) [a-z]", re.search(r"-- ARGV .+", head)[0])]  # type: ignore[index]  # HEADER matched
    used = {int(n) for n in re.findall(r"ARGV\[(\d+)\]", body)}
    assert used <= set(named), (used, named)


@pytest.mark.parametrize("name", sorted(ENDING))
def test_people_can_leave_a_full_store(name: str) -> None:
    """Whatever ends a match or a connection runs with the memory full."""
    assert BODIES[name].startswith("#!lua flags=allow-oom\n")


@pytest.mark.parametrize("name", ["join", "message", "signal", "report", "decide"])
def test_a_full_store_takes_nothing_in(name: str) -> None:
    """Joins, messages, signals, reports and decisions are refused whole when the memory is full."""
    assert BODIES[name].startswith("#!lua\n")


EVIDENCE = re.compile(r"(?:said_key|report_key)\(|'(?:said:|report:|report_bytes|reports|decided)'")
GROWS = re.compile(r"redis\.call\('(?:RPUSH|HSET|HSETNX|HINCRBY|INCRBY|ZADD|SET|APPEND|COPY)'[^\n]*")


def takes_room(source: str) -> list[str]:
    """Return the calls that make reports, or what was said, larger."""
    return [call for call in GROWS.findall(source) if EVIDENCE.search(call)]


@pytest.mark.parametrize("name", BODIES)
def test_nothing_of_reports_grows_in_a_full_store(name: str) -> None:
    """A script that runs beyond ``maxmemory`` writes no report and no evidence."""
    if "allow-oom" in BODIES[name].partition("\n")[0]:
        source = scripts.load(Timings(), MediaKind.PEER, "main")[name].source.decode()
        assert takes_room(source) == []


@pytest.mark.parametrize("name", ["message", "report"])
def test_what_makes_reports_grow_is_seen(name: str) -> None:
    """Control: in the scripts that do write them, the calls are found."""
    assert takes_room(scripts.load(Timings(), MediaKind.PEER, "main")[name].source.decode())


@pytest.mark.parametrize("name", ["PERSON", "MATCH"])
def test_python_reads_records_as_lua_writes_them(name: str) -> None:
    """The field order in ``context.lua`` is that of ``records.py``."""
    block = re.search(rf"local {name} = \{{(.*?)\n\}}", CONTEXT, re.DOTALL)
    assert block
    assert tuple(re.findall(r"'(\w+)'", block[1])) == getattr(records, name)


def test_every_guard_can_be_switched_off() -> None:
    """A guard's name finds its lines, and the source without it differs."""
    everything = "".join(f.read_text() for f in scripts.FOLDER.rglob("*.lua"))
    names = set(re.findall(r"-- guard: ([a-z-]+)", everything))
    real = scripts.load(Timings(), MediaKind.PEER, "main")
    for name in names:
        without = scripts.load(Timings(), MediaKind.PEER, "main", without=[name])
        assert any(without[s].sha1 != real[s].sha1 for s in real), name


def test_an_unknown_guard_is_refused() -> None:
    """A negative control that switches nothing off would prove nothing."""
    with pytest.raises(LookupError, match="no-such-guard"):
        scripts.load(Timings(), MediaKind.PEER, "main", without=["no-such-guard"])
