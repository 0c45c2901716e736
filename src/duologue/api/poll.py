"""``GET /v1/state``: a read of the state; with a page it is the polling transport. The parameters of a poll
are read here."""

import asyncio
import re
from collections.abc import Mapping

from duologue.api.exchange import Endpoint, Exchange, HttpReply
from duologue.api.gate import address_of, crowded
from duologue.api.problems import Code, Problem, banned, unavailable
from duologue.api.services import Services
from duologue.api.stream import last_read, page_of, without_navigation
from duologue.delivery.frame import dress
from duologue.delivery.poll import Asked, Asking, Reply, Untold, reply
from duologue.delivery.polls import Polls
from duologue.identity.limits import Kind
from duologue.identity.tokens import Session
from duologue.pairing.vocabulary import Barred, LastRead, Marks, PersonId

MAX_WAIT_MS = 15_000
MAX_VERSION = 10**14
NUMBER = re.compile(r"[0-9]{1,15}")
SIGNAL = re.compile(r"([0-9]{1,9})(?::([0-9]{1,14}))?")

NAMES = frozenset({"page", "version", "wait_ms", "after", "signals_after"})

CLOSE = ((b"connection", b"close"),)
"""While the server stops: close the connection, so that the next poll opens another one and reaches another
process."""


def state(services: Services, polls: Polls | None) -> Endpoint:
    """Return the endpoint. Without parameters it is a pure read: not a sign of life, and nothing changes.

    ``polls`` is ``None`` where polling is switched off.
    """
    gate = services.gate

    async def handle(exchange: Exchange) -> HttpReply:
        has_query = bool(exchange.scope["query_string"])
        caller = services.caller(
            without_navigation(exchange.headers) if has_query else exchange.headers, secure=exchange.secure
        )
        query = exchange.query
        for name in query:
            if name not in NAMES:
                raise Problem(Code.UNKNOWN_FIELD, "this parameter does not exist", field=name[:200])
        if not query:
            await gate.admit(Kind.READS, exchange.scope, caller.person)
            read = await services.machine.read(PersonId(caller.person))
            return HttpReply(b'{"state":%b}' % dress(read, services.media))
        if polls is None:
            raise Problem(Code.POLLING_OFF, "polling is turned off on this server: use GET /v1/events")
        await gate.admit(Kind.POLLS, exchange.scope, caller.person)
        return await poll(services, polls, caller, exchange, query)

    return Endpoint("GET", handle)


async def poll(
    services: Services, polls: Polls, caller: Session, exchange: Exchange, query: Mapping[str, str]
) -> HttpReply:
    """Answer a poll of the caller's page when there is news, its time is up, or we cannot wait."""
    page = page_of(query.get("page", ""))
    asked = asked_by(query)
    person = PersonId(caller.person)
    marks = Marks(caller.device, services.network_of(address_of(exchange.scope)))
    expires_at_ms = caller.expires_at_ms
    with polls.ask(
        person, page, asked, alias=caller.alias, expires_at_ms=expires_at_ms, marks=marks
    ) as asking:
        found = await _reply(asking, exchange)
    if found is Untold.NOT_HELD:
        found = reply(dress(await services.machine.read(person), services.media), [], [], polls.hub.means)
    if found is Untold.AWAY:
        raise unavailable(polls.hub.attaches.retry_after_s())
    return _answer(found, draining=polls.hub.contact.draining)


async def _reply(asking: Asking, exchange: Exchange) -> Reply:
    async with asyncio.TaskGroup() as group:
        gone = group.create_task(_until_gone(asking, exchange))
        try:
            return await asking.reply()
        finally:
            gone.cancel()


async def _until_gone(asking: Asking, exchange: Exchange) -> None:
    """Wait until the client hangs up. The time until the next poll is counted from then on."""
    while (await exchange.receive())["type"] != "http.disconnect":
        pass
    asking.answer(Untold.GONE)


def _answer(found: Reply, *, draining: bool) -> HttpReply:
    match found:
        case Untold.TAKEN_OVER:
            return HttpReply(b'{"taken_over":true}')
        case Untold.CROWDED:
            raise crowded()
        case Barred(sanction):
            raise banned(sanction)
        case Untold.SESSION_ENDED:
            raise Problem(Code.BAD_TOKEN, "the token has expired")
        case bytes():
            return HttpReply(found, fields=CLOSE if draining else ())
        case _:
            return HttpReply(b"")  # it is not read


def asked_by(query: Mapping[str, str]) -> Asked:
    """Return the parameters of a poll, without its page. Raises ``Problem`` (422)."""
    version = _number(query, "version", MAX_VERSION) if "version" in query else None
    return Asked(
        version,
        _number(query, "wait_ms", MAX_WAIT_MS + 1) / 1000,
        _after(query),
        *_signals_after(query),
    )


def _number(query: Mapping[str, str], name: str, below: int) -> int:
    text = query.get(name, "0")
    if not NUMBER.fullmatch(text) or int(text) >= below:
        raise Problem(Code.BAD_FIELD, f"{name} must be a whole number from 0 to {below - 1}", field=name)
    return int(text)


def _after(query: Mapping[str, str]) -> LastRead:
    if "after" not in query:
        return LastRead()
    found = last_read(query["after"])
    if found is None:
        raise Problem(
            Code.BAD_FIELD,
            "after must be a match, a number and an instant: <match>:<n>:<at_ms>",
            field="after",
        )
    return found


def _signals_after(query: Mapping[str, str]) -> tuple[int, int]:
    found = SIGNAL.fullmatch(query.get("signals_after", "0"))
    if found is None:
        raise Problem(
            Code.BAD_FIELD,
            "signals_after must be a number and an instant: <n>:<at_ms>",
            field="signals_after",
        )
    return int(found[1]), int(found[2] or 0)
