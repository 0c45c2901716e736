"""Ways in to one server: a stranger's raw bytes go in, and beside them ordinary people ask ordinary things.

A victim's request goes the same way right after the stranger's, so that a proxy sends it over the connection
that the stranger's bytes just used. The victim must read the answer to the victim's own question.
"""

import asyncio
import contextlib
import itertools
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import jwt

from tests.framings import HARMLESS, Framed
from tests.proxies.front import Front

QUIET_S = 0.15
"""When nothing comes for so long, the stranger goes on, or goes. A proxy that waits for more says nothing."""
MOST_S = 10.0
READ = 65_536
"""What the server reads at once."""
VICTIMS = 2
"""Requests of ordinary people after each of the stranger's, and one more when the stranger has gone."""
TAKEN = (200, 201, 404, 405, 401, 415, 422)
"""What the application itself answers to a request that was let through."""


@dataclass(slots=True)
class Found:
    """What came of it, by one way in."""

    framings: int = 0
    sends: int = 0
    victims: int = 0
    wrong: list[str] = field(default_factory=list)
    """Answers that were not to what the victim had asked."""
    failed: list[str] = field(default_factory=list)
    """Requests of victims that got no answer, or a proxy's own."""
    answers: Counter[str] = field(default_factory=Counter)
    """What the stranger read first, by status."""
    surprises: list[str] = field(default_factory=list)
    """Framings that were not refused or taken as the table says."""


class Way:
    """One way in, and a person who used it before."""

    def __init__(self, front: Front, pool: str, intent: int) -> None:
        self.front = front
        self.found = Found()
        self._pool, self._intent = pool, intent
        self._people: set[str] = set()
        self._headers: dict[str, str] = {}
        self._turn = itertools.count()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Way"]:
        """The victim waits in a pool of its own; the number of the intent in a state says whose it is."""
        async with self.front.client() as self._http:
            answer = await self._http.post("/v1/sessions", json={"cookie": False})
            self._headers = {"Authorization": f"Bearer {answer.json()['token']}"}
            body = {"intent": self._intent, "pool": self._pool}
            joined = await self._http.post("/v1/join", json=body, headers=self._headers)
            assert joined.json()["outcome"] == "waiting"
            yield self

    async def state(self) -> dict[str, object]:
        """The victim's, asked for directly."""
        found: dict[str, object] = (await self._http.get("/v1/state", headers=self._headers)).json()["state"]
        return found

    async def attacked(self, framings: Sequence[Framed]) -> None:
        """Each of them is sent, whole and through a proxy also in two pieces, and victims ask."""
        cuts = (0,) if self.front.name == "direct" else (0, 0.5)
        for each in framings:
            self.found.framings += 1
            raw = each.to(urlsplit(self.front.url).netloc)
            for cut in cuts:
                await self._attack(each, raw, round(len(raw) * cut))

    async def _attack(self, each: Framed, raw: bytes, cut: int) -> None:
        self.found.sends += 1
        async with self._connected() as (reader, writer):
            said = b""
            for is_last, piece in ((False, raw[:cut]), (True, raw[cut:])):
                if piece:
                    with contextlib.suppress(ConnectionError, ssl.SSLError):
                        writer.write(piece)
                        await writer.drain()
                        said += await _heard(reader, self._first_s(each, is_last=is_last))
            self.found.answers[said[9:12].decode("latin-1") or "none"] += 1
            self._judge(each, raw, said)
            # Directly, each has a connection of their own: one question is enough.
            for _ in range(0 if self.front.name == "direct" else VICTIMS):
                await self._asks(f"{each.name}, cut at {cut}")
        await self._asks(f"{each.name}, cut at {cut}, and gone")

    def _first_s(self, each: Framed, *, is_last: bool) -> float:
        """How long the first byte may take; what must be answered is waited for, on a busy machine too."""
        must = each in HARMLESS or (self.front.name == "direct" and not each.taken)
        return MOST_S if is_last and must else QUIET_S

    def _judge(self, each: Framed, raw: bytes, said: bytes) -> None:
        """A proxy may refuse more than we do, and may send on something else than it was sent."""
        status = said[9:12].decode("latin-1")
        # Of HTTP/1.0 without Host nginx makes HTTP/1.1 without Host, which is rightly refused.
        by_proxy = self.front.name != "direct" and b"Host:" not in raw
        if each in HARMLESS and not by_proxy and status not in map(str, (*TAKEN, 100)):
            self.found.surprises.append(f"{each.name}: {status or 'no answer'}, and it is harmless")
        may = ("400", "") if len(raw) > READ else ("400",)  # the reset that follows may be first
        if self.front.name == "direct" and not each.taken and status not in may:
            self.found.surprises.append(f"{each.name}: {status or 'no answer'}, and it is odd")

    async def _asks(self, after: str) -> None:
        """One ordinary request, and whether its answer is its own."""
        turn = next(self._turn) % 3
        self.found.victims += 1
        try:
            answer = await (self._reads, self._pulses, self._arrives)[turn]()
        except httpx.HTTPError as error:
            self.found.failed.append(f"{after}: {type(error).__name__}")
            return
        if answer:
            kind = self.found.failed if answer in ("502", "503", "504") else self.found.wrong
            kind.append(f"{after}: {answer}")

    async def _reads(self) -> str:
        return self._theirs(await self._http.get("/v1/state", headers=self._headers))

    async def _pulses(self) -> str:
        answer = await self._http.post("/v1/pulse", json={}, headers=self._headers)
        return self._theirs(answer) or ("" if answer.json()["outcome"] == "ok" else answer.text)

    def _theirs(self, answer: httpx.Response) -> str:
        """Empty if it is the victim's own state, in their own pool; otherwise what it is."""
        if answer.status_code in (502, 503, 504):
            return str(answer.status_code)
        try:
            state = answer.json()["state"]
            own = (state["state"], state["pool"], state["intent"]) == ("waiting", self._pool, self._intent)
        except (KeyError, ValueError, TypeError):
            own = False
        return "" if own and answer.status_code == 200 else f"{answer.status_code} {answer.text[:200]}"

    async def _arrives(self) -> str:
        """A new person gets a session that no one had before, in their own name."""
        name = f"n{len(self._people)}"
        answer = await self._http.post("/v1/sessions", json={"cookie": False, "alias": name})
        if answer.status_code in (502, 503, 504):
            return str(answer.status_code)
        try:
            token = answer.json()["token"]
            claims = jwt.decode(token, options={"verify_signature": False})
            own = token not in self._people and name in claims.values()
            self._people.add(token)
        except (KeyError, ValueError, jwt.PyJWTError):
            own = False
        return "" if own and answer.status_code == 201 else f"{answer.status_code} {answer.text[:200]}"

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        at = urlsplit(self.front.url)
        tls = self.front.tls
        if tls is not None:
            tls = ssl.create_default_context()
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
            tls.set_alpn_protocols(["http/1.1"])
        name = {"server_hostname": "localhost"} if tls else {}
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port, ssl=tls, **name)  # type: ignore[arg-type]
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def _heard(reader: asyncio.StreamReader, first_s: float) -> bytes:
    """What comes until it is quiet, or closed."""
    said = b""
    with contextlib.suppress(TimeoutError, ConnectionError, ssl.SSLError):
        while more := await asyncio.wait_for(reader.read(READ), QUIET_S if said else first_s):
            said += more
    return said
