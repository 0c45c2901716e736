"""``POST /v1/sessions``: who am I to be? A guest, or the same person for longer."""

from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.api import bodies
from duologue.api.answers import as_json
from duologue.api.desk import Desk
from duologue.api.door import is_secure, too_many
from duologue.api.fields import UNSET, Alias, DeviceToken, UnsetType
from duologue.api.naming import alias_of
from duologue.api.paths import Exact
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


class SessionBody(bodies.Body):
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
    """``two-cookies``: two different session cookies came, so somebody new begins."""


@dataclass(frozen=True, slots=True)
class Known:
    """Who is asking already, and the credential that says so."""

    session: Session
    credential: Credential


def sessions(desk: Desk) -> Route:
    """Answers 201 with a token, as body and as cookie (not to a page of another origin)."""

    door = desk.door

    async def endpoint(request: Request) -> Response:
        bodies.must_be_json(request.headers)
        known, ignored = _known(desk, request)
        # Also with the store away somebody may begin: nothing of theirs is there yet.
        person = known.session.person if known else ""
        if refused := await door.without_store(Kind.SESSIONS, request.scope, person):
            raise too_many(refused)
        body = await bodies.read(request, SessionBody, desk.sizes.body_bytes)
        if known and known.credential.by_cookie and not body.cookie:
            # The cookie is the browser's other person. This one is new, and so counts against the address.
            known = None
            if refused := await door.without_store(Kind.SESSIONS, request.scope):
                raise too_many(refused)
        issued, device = _issue(desk, known, body, _kept_device(desk, request))
        if known:
            # Their open stream came with the old token, and must not end with it.
            await desk.machine.renew(PersonId(issued.person), issued.expires_at_ms)
        return _answer(desk, request, body, issued, device, ignored)

    return Exact("/v1/sessions", endpoint, methods=["POST"])


def _known(desk: Desk, request: Request) -> tuple[Known | None, str]:
    """Return who is asking already (``None``: somebody new), and why a cookie was ignored. Raises
    ``Problem``.

    A bad cookie is nobody: the page cannot throw it away (HttpOnly), and must
    be able to begin again. A bad bearer token is refused: its holder can.
    """
    secure = is_secure(request.scope)
    found = find(request.headers, desk.origins, secure=secure)
    by_cookie = isinstance(found, TwoCookies) or (found is not None and found.by_cookie)
    if not desk.tokens.guests or (found is not None and not by_cookie):
        session = desk.caller(request.headers, secure=secure)
        assert isinstance(found, Credential)
        return Known(session, found), ""
    if isinstance(found, TwoCookies):
        return None, "two-cookies"
    if found is None:
        return None, ""
    read = desk.tokens.read(found.token)
    return (None if isinstance(read, BadToken) else Known(read, found)), ""


def _kept_device(desk: Desk, request: Request) -> str:
    """Return the device that the browser's cookie names; ``""``: none that we signed."""
    kept = own_cookie(DEVICE_COOKIE, request.headers, desk.origins, secure=is_secure(request.scope))
    return desk.tokens.devices.read(kept) if isinstance(kept, str) else ""


def _issue(desk: Desk, known: Known | None, body: SessionBody, kept: str) -> tuple[Issued, str]:
    """Return the session and its device: that of the session so far, of the cookie, of the body, or a new
    one."""
    is_guest = known is None or known.session.is_guest
    # An operator's token keeps its own alias, but the alias in the body is checked too.
    alias = (
        None
        if body.alias is UNSET
        else alias_of(body.alias, desk.tokens.reserved if is_guest else Reserved())
    )
    if known and not known.session.is_guest:
        return desk.tokens.renew(known.session, known.credential.token, alias), ""
    said = "" if body.device is UNSET else desk.tokens.devices.read(body.device)
    device = (known and known.session.device) or kept or said or new_device()
    if known is None:
        return desk.tokens.start(alias or "", device), device
    return desk.tokens.renew(known.session, known.credential.token, alias, device), device


def _answer(
    desk: Desk, request: Request, body: SessionBody, issued: Issued, device: str, ignored: str
) -> Response:
    by_cookie = body.cookie and not desk.origins.is_foreign(request.headers)
    token = desk.tokens.devices.token(device) if device else ""
    granted = Granted(issued.person, issued.token, issued.expires_at_ms, "" if by_cookie else token, ignored)
    response = as_json(msgspec.json.encode(granted), status_code=201)
    if by_cookie:
        lasts_s = (issued.expires_at_ms - now_ms()) // 1000
        kept = [(COOKIE, issued.token, lasts_s), *([(DEVICE_COOKIE, token, LIFETIME_S)] if token else [])]
        host, secure = request.headers.get("host", ""), is_secure(request.scope)
        for what, value, max_age_s in kept:
            name = cookie_name(what, host, secure=secure)
            response.headers.append("Set-Cookie", set_cookie(name, value, max_age_s, secure=secure))
    return response
