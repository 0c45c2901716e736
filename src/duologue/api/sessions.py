"""``POST /v1/sessions``: begin as a guest, or go on as the same person for longer."""

import asyncio
from dataclasses import dataclass

import msgspec
import structlog

from duologue.api.exchange import Body, Endpoint, Exchange, HttpReply, parse
from duologue.api.fields import UNSET, Alias, DeviceToken, UnsetType, alias_of
from duologue.api.gate import OPEN_AFTER_S, too_many
from duologue.api.problems import banned
from duologue.api.services import Services
from duologue.identity.credentials import (
    COOKIE,
    DEVICE_COOKIE,
    Credential,
    TwoCookies,
    cookie_name,
    find,
    own_cookie,
    set_cookie,
)
from duologue.identity.devices import LIFETIME_S, new_device
from duologue.identity.limits import Kind
from duologue.identity.names import Reserved
from duologue.identity.tokens import BadToken, Issued, Session, now_ms
from duologue.pairing.vocabulary import PersonId
from duologue.store.client import StoreError

log = structlog.get_logger(__name__)


class SessionBody(Body):
    """``cookie: false``: the caller keeps the token itself, as a second tab of one browser must.

    ``device``: what an earlier answer to such a caller said.
    """

    alias: Alias | UnsetType = UNSET
    cookie: bool = True
    device: DeviceToken | UnsetType = UNSET


class Granted(msgspec.Struct, omit_defaults=True):
    """The answer. ``device``: for a guest who gets no cookie, to be kept and sent with the next session."""

    person: str
    token: str
    expires_at_ms: int
    device: str = ""
    ignored: str = ""
    """``two-cookies``: the request had two different session cookies, so a new person begins."""


@dataclass(frozen=True, slots=True)
class Known:
    """Who is asking already, and the credential that says so."""

    session: Session
    credential: Credential


def sessions(services: Services) -> Endpoint:
    """Answer 201 with a token, in the body and as a cookie (without the cookie for a page of another
    origin)."""

    gate, decoder = services.gate, msgspec.json.Decoder(SessionBody)

    async def handle(exchange: Exchange) -> HttpReply:
        exchange.must_be_json()
        known, ignored = _known(services, exchange)
        # A new person may begin while the store is unavailable: it has nothing about them yet.
        person = known.session.person if known else ""
        if refused := await gate.without_store(Kind.SESSIONS, exchange.scope, person):
            raise too_many(refused)
        body = parse(await exchange.content(services.sizes.body_bytes), decoder)
        if known and known.credential.by_cookie and not body.cookie:
            # The cookie is the browser's other person. This one is new, and so counts against the address.
            known = None
            if refused := await gate.without_store(Kind.SESSIONS, exchange.scope):
                raise too_many(refused)
        kept = _kept_device(services, exchange)
        fresh = new_device()
        issued, device = _issue(services, known, body, kept, fresh)
        if known or device != fresh:
            await _must_not_be_barred(services, known, device)
        if known:
            # Their open stream came with the old token, and must not end with it.
            await services.machine.renew(PersonId(issued.person), issued.expires_at_ms)
        log.debug("session", often=True, person=issued.person, renewed=known is not None)
        return _answer(services, exchange, body, issued, device, ignored)

    return Endpoint("POST", handle)


def _known(services: Services, exchange: Exchange) -> tuple[Known | None, str]:
    """Return who is asking already (``None``: a new person), and why a cookie was ignored. Raises
    ``Problem``.

    A bad cookie begins a new person: the page cannot delete it (HttpOnly), and must be able to begin again.
    A bad bearer token is refused, because its client can delete it.
    """
    secure = exchange.secure
    found = find(exchange.headers, services.origins, secure=secure)
    by_cookie = isinstance(found, TwoCookies) or (found is not None and found.by_cookie)
    if not services.tokens.guests or (found is not None and not by_cookie):
        session = services.caller(exchange.headers, secure=secure)
        assert isinstance(found, Credential)
        return Known(session, found), ""
    if isinstance(found, TwoCookies):
        return None, "two-cookies"
    if found is None:
        return None, ""
    read = services.tokens.read(found.token)
    return (None if isinstance(read, BadToken) else Known(read, found)), ""


async def _must_not_be_barred(services: Services, known: Known | None, device: str) -> None:
    """Raise ``Problem`` (403) if a moderator keeps the person, or the device, out.

    A new person on a new device is not asked about. While the store is unavailable nobody can say so; the
    attach looks again.
    """
    person = known.session.person if known else ""
    try:
        async with asyncio.timeout(OPEN_AFTER_S):
            barred = await services.machine.moderation.barred(person, device)
    except (StoreError, TimeoutError) as error:
        log.info("bans not asked", error=str(error) or type(error).__name__)
        return
    if barred:
        raise banned(barred.sanction)


def _kept_device(services: Services, exchange: Exchange) -> str:
    """Return the device of the browser's cookie; ``""`` if there is none that we signed."""
    kept = own_cookie(DEVICE_COOKIE, exchange.headers, services.origins, secure=exchange.secure)
    return services.tokens.devices.read(kept) if isinstance(kept, str) else ""


def _issue(
    services: Services, known: Known | None, body: SessionBody, kept: str, fresh: str
) -> tuple[Issued, str]:
    """Return the session and its device: that of the present session, of the cookie, of the body, or a new
    one."""
    is_guest = known is None or known.session.is_guest
    # An operator's token keeps its own alias, but the alias in the body is checked too.
    alias = (
        None
        if body.alias is UNSET
        else alias_of(body.alias, services.tokens.reserved if is_guest else Reserved())
    )
    if known and not known.session.is_guest:
        return services.tokens.renew(known.session, known.credential.token, alias), ""
    said = "" if body.device is UNSET else services.tokens.devices.read(body.device)
    device = (known and known.session.device) or kept or said or fresh
    if known is None:
        return services.tokens.start(alias or "", device), device
    return services.tokens.renew(known.session, known.credential.token, alias, device), device


def _answer(
    services: Services, exchange: Exchange, body: SessionBody, issued: Issued, device: str, ignored: str
) -> HttpReply:
    by_cookie = body.cookie and not services.origins.is_foreign(exchange.headers)
    token = services.tokens.devices.token(device) if device else ""
    granted = Granted(issued.person, issued.token, issued.expires_at_ms, "" if by_cookie else token, ignored)
    fields: list[tuple[bytes, bytes]] = []
    if by_cookie:
        lasts_s = (issued.expires_at_ms - now_ms()) // 1000
        kept = [(COOKIE, issued.token, lasts_s), *([(DEVICE_COOKIE, token, LIFETIME_S)] if token else [])]
        host, secure = exchange.headers.get("host", ""), exchange.secure
        for what, value, max_age_s in kept:
            cookie = set_cookie(cookie_name(what, host, secure=secure), value, max_age_s, secure=secure)
            fields.append((b"set-cookie", cookie.encode("latin-1")))
    return HttpReply(msgspec.json.encode(granted), 201, fields)
