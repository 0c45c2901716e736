"""``POST /v1/sessions``: who am I to be? A guest, or the same person for longer."""

from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.api import bodies
from duologue.api.answers import as_json
from duologue.api.desk import Desk
from duologue.api.door import too_many
from duologue.api.fields import UNSET, Alias, UnsetType
from duologue.identity.credentials import find, set_cookie
from duologue.identity.limits import Kind
from duologue.identity.tokens import BadToken, Issued, Session, Tokens, now_ms
from duologue.pairing.vocabulary import PersonId


class SessionBody(bodies.Body):
    """``cookie: false``: the caller keeps the token itself, as a second tab of one browser must."""

    alias: Alias | UnsetType = UNSET
    cookie: bool = True


def sessions(desk: Desk) -> Route:
    """Answers 201 with a token, as body and as cookie (not to a page of another origin)."""

    door = desk.door

    async def endpoint(request: Request) -> Response:
        known = _known(desk, request.headers)
        person = known[0].person if known else ""
        # Also with the store away somebody may begin: nothing of theirs is there yet.
        if refused := await door.without_store(Kind.SESSIONS, request.scope, person):
            raise too_many(refused)
        body = await bodies.read(request, SessionBody, desk.sizes.body_bytes)
        issued = _issue(desk.tokens, known, None if body.alias is UNSET else body.alias)
        if known:
            # Their open stream came with the old token, and must not end with it.
            await desk.machine.renew(PersonId(person), issued.expires_at_ms)
        response = as_json(msgspec.json.encode(issued), status_code=201)
        if body.cookie and not desk.origins.is_foreign(request.headers):
            response.headers["Set-Cookie"] = _cookie(issued, secure=request.url.scheme == "https")
        return response

    return Route("/v1/sessions", endpoint, methods=["POST"])


def _known(desk: Desk, headers: Mapping[str, str]) -> tuple[Session, str] | None:
    """Who is asking already, and the token that says so; ``None``: somebody new. Raises ``Problem``.

    A bad cookie is nobody: the page cannot throw it away (HttpOnly), and must
    be able to begin anew. A bad bearer token is refused: its holder can.
    """
    credential = find(headers, desk.origins)
    if not desk.tokens.guests or (credential and not credential.by_cookie):
        session = desk.caller(headers)
        return session, credential.token if credential else ""
    if credential is None:
        return None
    found = desk.tokens.read(credential.token)
    return None if isinstance(found, BadToken) else (found, credential.token)


def _issue(tokens: Tokens, known: tuple[Session, str] | None, alias: str | None) -> Issued:
    if known is None:
        return tokens.start(alias or "")
    session, token = known
    return tokens.renew(session, token, alias)


def _cookie(issued: Issued, *, secure: bool) -> str:
    return set_cookie(issued.token, (issued.expires_at_ms - now_ms()) // 1000, secure=secure)
