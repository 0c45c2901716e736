"""People who end conversations as they like and keep their place: over HTTP, at the default limits."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from duologue.identity.limits import DEFAULTS, Kind, RateLimits, Rates
from duologue.pairing.invariants import snapshot
from duologue.pairing.keys import Keys
from duologue.pairing.scripts import load
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import ConnectionId, MediaKind, PersonId, ProcessId
from tests.integration.served import limited
from tests.integration.streams import Process
from tests.races.direct import NOON_MS, Direct, play
from tests.servers import StoreServer

NOBODY = PersonId("")
STRANGERS = 110
ATTACK_MS = 1_200
WAITED_MS = 20_000


@dataclass
class Attack:
    """Eve fits all people, and strangers fit only her. The test turns the clock."""

    process: Process
    client: httpx.AsyncClient
    now: list[int]
    eve: PersonId = NOBODY
    answers: list[httpx.Response] = field(default_factory=list)
    met: set[str] = field(default_factory=set)

    async def begin(self) -> None:
        """Eve has waited for 20 s when the strangers come."""
        session = (await self.client.post("/v1/sessions", json={"cookie": False})).json()
        self.client.headers["Authorization"] = f"Bearer {session['token']}"
        self.eve = PersonId(session["person"])
        await self.attach(self.eve)
        assert (await self.post("/v1/join", intent=1))["outcome"] == "waiting"
        await self.turn(WAITED_MS)
        for n in range(STRANGERS):
            stranger = PersonId(f"stranger_{n}")
            await self.attach(stranger)
            await self.process.machine.join(stranger, intent=1, pool="main", language=f"l{n}")

    async def attach(self, person: PersonId, page: str = "p1") -> None:
        connection = ConnectionId(f"c_{person}_{page}")
        await self.process.machine.attach(person, connection, ProcessId("s_1"), page)

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.client.post(path, json=body)
        self.answers.append(answer)
        found: dict[str, Any] = answer.json()
        return found

    async def turn(self, ms: int) -> None:
        """Time passes, in steps of a sweep; process s_1 lives, and Eve answers."""
        for _ in range(0, ms, 200):
            self.now[0] += 200
            await self.process.machine.beat(ProcessId("s_1"))
            await self.process.machine.sweep()
            await self.process.machine.pulse(self.eve)

    async def match(self) -> str:
        state = (await self.client.get("/v1/state")).json()["state"]
        return str(state["match"]["match"]) if "match" in state else ""

    async def look_and_fail(self, words: int) -> None:
        """So many times: meet a partner, never say ``open``, and report a failure."""
        for n in range(words):
            if n and n % (words // (ATTACK_MS // 200)) == 0:
                await self.turn(200)
            match = await self.match()
            self.met |= {match} - {""}
            await self.post("/v1/pulse", match=match or "m_none", media="failed")

    @property
    def refused(self) -> int:
        return sum(answer.status_code == 429 for answer in self.answers)

    def waited_ms(self, client: Any) -> float:
        """How long Eve counts as having waited."""
        record = play(snapshot(Direct(client))).people[self.eve]
        return self.now[0] - record["place"] if record["state"] == "waiting" else float(record["waited"])


@pytest.fixture
async def attack(request: pytest.FixtureRequest, valkey9: StoreServer) -> AsyncIterator[Attack]:
    """The parameter: guards of the scripts that are off, and whether ``failed`` is limited as skips are."""
    without, is_limited = getattr(request, "param", ((), True))
    now = [NOON_MS]
    async with Process(valkey9.url).started(sweeps=False) as process:
        process.machine._now_ms = lambda: now[0]
        process.machine._scripts = load(Timings(), MediaKind.PEER, "main", without=without)
        rates = dict(DEFAULTS)
        if not is_limited:
            rates[Kind.SKIPS] = Rates()
        limits = RateLimits(
            process.store,
            rates,
            known=Keys("0").person,
            now_ms=lambda: float(now[0]),
            store_now_ms=lambda: now[0],
        )
        app = limited(process, limits)
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            made = Attack(process, client, now)
            await made.begin()
            yield made


async def test_failed_is_no_way_past_the_limit_of_skips(attack: Attack, valkey9: StoreServer) -> None:
    """In 1.2 s Eve says ``failed`` 96 times: one conversation ends, she reads 429, and her place is gone."""
    await attack.look_and_fail(96)
    assert len(attack.met) <= 2
    assert attack.refused >= 96 - 40 - 3
    last = attack.answers[-1]
    assert (last.status_code, last.json()["code"]) == (429, "too-many")
    assert "skips" in last.json()["detail"]
    assert int(last.headers["retry-after"]) >= 1
    with valkey9.client() as client:
        assert attack.waited_ms(client) < ATTACK_MS


@pytest.mark.parametrize(
    ("attack", "met", "refused", "kept"),
    [
        ((("failed-waits",), False), range(90, 97), False, True),  # as it was
        ((("failed-waits",), True), range(40, 46), True, True),
        (((), False), range(1, 3), False, False),
    ],
    indirect=["attack"],
)
async def test_control_without_the_rule_or_without_the_limit(
    attack: Attack, valkey9: StoreServer, met: range, refused: bool, kept: bool
) -> None:
    """As it was she looks at more than 90 people and keeps her place; each of the two rules bounds that."""
    await attack.look_and_fail(96)
    assert len(attack.met) in met
    assert (attack.refused > 0) is refused
    with valkey9.client() as client:
        assert (attack.waited_ms(client) >= WAITED_MS) is kept


@pytest.mark.parametrize(
    ("attack", "kept"), [(((), True), False), ((("lapse-costs",), True), True)], indirect=["attack"]
)
async def test_a_sign_that_lapses_is_no_way_either(attack: Attack, valkey9: StoreServer, kept: bool) -> None:
    """Eve looks, says nothing for 3 s, and joins again within a minute; the control: as it was."""
    match = await attack.match()
    assert match
    for _ in range(16):
        attack.now[0] += 200
        await attack.process.machine.beat(ProcessId("s_1"))
        await attack.process.machine.pulse(PersonId("stranger_0"), match)
        await attack.process.machine.sweep()
    assert (await attack.client.get("/v1/state")).json()["state"]["idle_reason"] == "you-were-away"
    assert (await attack.post("/v1/join", intent=1))["outcome"] in ("matched", "waiting")
    with valkey9.client() as client:
        assert (attack.waited_ms(client) >= WAITED_MS) is kept


@pytest.mark.parametrize("path", ["/v1/blocks", "/v1/reports"])
async def test_a_block_or_a_report_that_skips_is_a_skip(attack: Attack, path: str) -> None:
    """With no skip left neither ends the conversation; without ``skip`` both are taken as ever."""
    match = await attack.match()
    for _ in range(40):
        await attack.post("/v1/skip", match="m_none")
    more = {"key": "k", "reason": "spam"} if path == "/v1/reports" else {}
    refused = await attack.post(path, match=match, skip=True, **more)
    assert refused["code"] == "too-many"
    assert await attack.match() == match
    taken = await attack.post(path, match=match, **more)
    assert taken["outcome"] in ("blocked", "reported")
    await attack.turn(1_000)
    again = await attack.post(path, match=match, skip=True, **more)
    assert again["outcome"] in ("blocked", "reported")
    assert await attack.match() != match


@pytest.mark.parametrize(
    ("attack", "sent"), [(((), True), 1), ((("signal-names-page",), True), 560)], indirect=["attack"]
)
async def test_560_hellos_from_560_pages(attack: Attack, sent: int) -> None:
    """Only that of the page that has the connection is relayed; the control: every one of them was."""
    match = await attack.match()
    said = [
        await attack.post("/v1/signal", match=match, key=f"k{n}", data={"from": f"p{n}", "hello": True})
        for n in range(560)
    ]
    assert [each["outcome"] for each in said].count("sent") == sent


async def test_seven_pages(attack: Attack) -> None:
    """Six changes of the page are a bad evening; the seventh ends the conversation as ``media-failed``."""
    match = await attack.match()
    for n in range(2, 8):
        await attack.attach(attack.eve, f"p{n}")
        assert await attack.match() == match
    await attack.attach(attack.eve, "p8")
    assert await attack.match() != match
    ended = (await attack.client.get("/v1/state")).json()["state"]["ended"]
    assert (ended["match"], ended["reason"]) == (match, "media-failed")
