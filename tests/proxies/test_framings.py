"""Whatever a stranger sends: no person reads another's answer, and no command becomes another one.

The table at the end is kept as ``artifacts/framings.md``.
"""

import asyncio
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, nullcontext
from pathlib import Path

import pytest

from tests.e2e.conftest import artifacts  # noqa: F401 # a fixture
from tests.e2e.serving import COMMAND, Serving
from tests.framings import FRAMINGS, UNFINISHED, Framed
from tests.proxies.conftest import installed, started
from tests.proxies.front import Certificate, Front
from tests.proxies.ways import Way

WEBSOCKETS = {
    'proxy_set_header Connection "";': "proxy_set_header Upgrade $http_upgrade;\n"
    "proxy_set_header Connection $connection_upgrade;",
    "include upstream.conf;": "map $http_upgrade $connection_upgrade { default upgrade; '' ''; }\n"
    "    include upstream.conf;",
}
"""The recipe of nginx's own documentation, which many copy into every location."""
WAYS = ("direct", "nginx", "nginx-websockets", "caddy")
OPEN = ("nginx-websockets", "caddy")
"""Through which the attack came, while the server had no guard."""
POOLS = ("main", *(f"v{n}" for n in range(len(WAYS))))
UNGUARDED = (sys.executable, "-m", "tests.unguarded")
SAMPLE = 8
"""Through the proxies the default run sends each eighth framing, and these:"""
UPGRADES = ("upgrade, a body of", "upgrade to a protocol of")
ATTACKS = [*(each for each in FRAMINGS if each.name.startswith(UPGRADES)), *UNFINISHED]
CORPUS = (*FRAMINGS, *UNFINISHED)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Serving]:
    """One server, so that each proxy has its connections to it alone."""
    yield from _server(tmp_path, COMMAND)


@pytest.fixture
def unguarded(tmp_path: Path) -> Iterator[Serving]:
    """The same without the guard."""
    yield from _server(tmp_path, UNGUARDED)


def _server(folder: Path, program: Sequence[str]) -> Iterator[Serving]:
    options = ("--no-limits", "--pools", ",".join(POOLS), "--lease-ms", "600000")
    server = Serving(folder / "server", options=options, program=program)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def way_in(name: str, folder: Path, server: Serving, cert: Certificate) -> AbstractContextManager[Front]:
    """By that name."""
    if name == "direct":
        return nullcontext(Front("direct", server.url))
    installed(name.removesuffix("-websockets"))
    kind = "caddy" if name == "caddy" else "nginx-http"
    return started(kind, folder / name, [server], cert, WEBSOCKETS if name == "nginx-websockets" else {})


async def attacked(
    server: Serving,
    folder: Path,
    cert: Certificate,
    names: Sequence[str],
    corpus: Mapping[str, Sequence[Framed]],
) -> dict[str, Way]:
    """Each way in with its part of the corpus; afterwards all victims must be as they were."""
    ways: dict[str, Way] = {}
    with ExitStack() as fronts:
        async with AsyncExitStack() as people:
            for n, name in enumerate(names):
                front = fronts.enter_context(way_in(name, folder, server, cert))
                ways[name] = await people.enter_async_context(Way(front, POOLS[1 + n], 1000 + n).open())
            await asyncio.gather(*(ways[name].attacked(corpus[name]) for name in names))
            for way in ways.values():
                if (await way.state())["state"] != "waiting":
                    way.found.wrong.append("the victim's own state has changed")
    return ways


def skips(server: Serving) -> float:
    """Return how many skips the server was asked for; no one here asks for one."""
    _, text = server.inside("/metrics")
    return sum(map(float, re.findall(r"^duologue_skips_total\{.*\} ([\d.]+)$", text, re.MULTILINE)))


def table(guarded: dict[str, Way], unguarded: dict[str, Way]) -> str:
    """One row for each way in; the control's figures beside it."""
    own = ("way in", "framings", "sends", "victims' requests", "wrong answers", "not answered")
    off = ("guard off: sends", "victims' requests", "wrong answers")
    lines = [f"| {' | '.join((*own, *off))} |", "|---" + "|---:" * (len(own) + len(off) - 1) + "|"]
    for name, way in guarded.items():
        found = way.found
        row = [name, found.framings, found.sends, found.victims, len(found.wrong), len(found.failed)]
        without = unguarded[name].found if name in unguarded else None
        row += [without.sends, without.victims, len(without.wrong)] if without else ["–"] * 3
        lines.append("| " + " | ".join(map(str, row)) + " |")
    return "\n".join(lines)


@pytest.mark.timeout(900)
async def test_nobody_reads_anothers_answer(
    guarded: Serving,
    unguarded_ways: dict[str, Way],
    cert: Certificate,
    tmp_path: Path,
    whole: bool,
    artifacts: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All framings by all ways in with ``--whole``; otherwise all directly, and a sample by proxies."""
    sample = [each for n, each in enumerate(CORPUS) if whole or each in ATTACKS or n % SAMPLE == 0]
    corpus = {name: CORPUS if name == "direct" else sample for name in WAYS}
    ways = await attacked(guarded, tmp_path, cert, WAYS, corpus)
    shown = table(ways, unguarded_ways)
    (artifacts / "framings.md").write_text(f"{shown}\n")
    with capsys.disabled():
        sys.stdout.write(f"\n{shown}\n")
    for name, way in ways.items():
        assert way.found.wrong == [], name
        assert way.found.failed == [], name
        assert way.found.surprises == [], name
        assert way.found.victims >= way.found.sends >= way.found.framings >= len(sample)
    assert skips(guarded) == 0
    for name in OPEN:
        assert unguarded_ways[name].found.wrong, f"the control: without the guard {name} lets it through"


@pytest.fixture
async def unguarded_ways(unguarded: Serving, cert: Certificate, tmp_path: Path) -> dict[str, Way]:
    """Some of them on a server whose guard is off, by the ways that it was open to."""
    attacks = {name: [*ATTACKS[: -len(UNFINISHED)], UNFINISHED[0]] for name in OPEN}
    return await attacked(unguarded, tmp_path / "unguarded", cert, OPEN, attacks)
