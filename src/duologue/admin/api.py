"""The admin API, ``/admin/v1`` on a listener of its own. Each request needs an admin token.

Reads need any role, decisions about people need ``moderator``. A write may carry an ``Idempotency-Key``: sent
again with the same key it is answered as the first time and does nothing more.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from duologue.admin.acts import BAN_MOST_MS, PAUSE_MOST_MS, Acts, Busy, Decision, Request
from duologue.admin.hooks import Hooks
from duologue.admin.tokens import AdminTokens, BadAdminToken, Moderator, Role
from duologue.api.exchange import Body, Exchange, as_json, headers_of, parse
from duologue.api.health import alive
from duologue.api.paths import Unspeakable
from duologue.api.problems import HANDLERS, Code, Problem
from duologue.identity.tokens import person_id
from duologue.pairing.moderation import (
    PAGE,
    AnotherRequest,
    Done,
    KeptSanction,
    Moderation,
    NoSuchSanction,
)
from duologue.pairing.vocabulary import PersonId, SanctionKind

BODY_BYTES = 16 * 1024
PERSON = re.compile(r"[A-Za-z0-9_-]{1,64}")
SEQ = re.compile(r"[0-9]{1,15}")
AUDIT_ID = re.compile(r"[0-9]{1,16}-[0-9]{1,10}")
KEY = re.compile(r"[\x21-\x7e]{1,255}")

Sentence = Annotated[str, Meta(min_length=1, max_length=500)]
Note = Annotated[str, Meta(max_length=2_000)]


class SanctionBody(Body):
    """A decision about a person."""

    kind: SanctionKind
    rule: Sentence
    """The rule that was broken; the person reads it."""
    why: Sentence
    """What happened, in one sentence that the person reads."""
    note: Note = ""
    """For moderators only."""
    lasts_ms: Annotated[int, Meta(gt=0, le=BAN_MOST_MS)] | None = None
    """For a pause (24 h at most) and a ban (366 days at most)."""
    device: bool = False
    """Keep the person's device out, too."""
    dry_run: bool = False
    """Only answer whom it would hit."""


class LiftBody(Body):
    """The person whose sanction ends before its time."""

    person: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
    why: Note = ""


class Asked(NamedTuple):
    """One request of a moderator."""

    by: Moderator
    request: HttpRequest
    body: bytes

    @property
    def repeatable(self) -> Request:
        """Return the request's key and what it asks for. Raises ``Problem`` (422)."""
        key = self.request.headers.get("idempotency-key", "")
        if not key:
            return Request()
        if not KEY.fullmatch(key):
            raise Problem(
                Code.BAD_FIELD,
                "Idempotency-Key is 1 to 255 printable ASCII characters without spaces",
                field="Idempotency-Key",
            )
        # Two moderators who draw the same key do not meet.
        whose = hashlib.sha256(f"{self.by.name}\0{key}".encode()).hexdigest()[:32]
        asks = hashlib.sha256(self.request.url.path.encode() + b"\0" + self.body).hexdigest()[:32]
        return Request(whose, asks)


Handler = Callable[[Asked], Awaitable[Any]]
"""Returns what is answered as JSON."""


def build_admin(moderation: Moderation, acts: Acts, tokens: AdminTokens, hooks: Hooks) -> ASGIApp:
    """Return the application of ``--admin-port``."""
    api = AdminApi(moderation, acts, hooks)

    def route(method: str, path: str, handler: Handler, role: Role) -> Route:
        async def endpoint(request: HttpRequest) -> Response:
            by = _who(request, tokens, role)
            body = b""
            if method == "POST":
                exchange = Exchange(request.scope, request.receive, headers_of(request.scope))
                exchange.must_be_json()
                body = await exchange.content(BODY_BYTES)
            try:
                found = await handler(Asked(by, request, body))
            except Busy as error:
                raise Problem(
                    Code.UNAVAILABLE,
                    "too many decisions at one time; nothing was changed: send it again",
                    retry_after_s=1,
                ) from error
            return as_json(msgspec.json.encode(found))

        return Route(f"/admin/v1/{path}", endpoint, methods=[method])

    application = Starlette(
        routes=[
            Unspeakable(),
            alive(),
            route("GET", "me", api.me, Role.VIEWER),
            route("GET", "persons", api.by_subject, Role.VIEWER),
            route("GET", "persons/{person}", api.person, Role.VIEWER),
            route("POST", "persons/{person}/sanctions", api.decide, Role.MODERATOR),
            route("GET", "sanctions", api.sanctions, Role.VIEWER),
            route("POST", "sanctions/{sanction}/lift", api.lift, Role.MODERATOR),
            route("GET", "audit", api.audit, Role.VIEWER),
            route("GET", "events", api.events, Role.VIEWER),
            route("GET", "webhooks", api.webhooks, Role.VIEWER),
            route("POST", "webhooks/{webhook}/test", api.test_webhook, Role.ADMIN),
            route("POST", "webhooks/{webhook}/retry", api.retry_webhook, Role.ADMIN),
        ],
        exception_handlers=dict(HANDLERS),
    )
    application.router.redirect_slashes = False
    return application


def _who(request: HttpRequest, tokens: AdminTokens, role: Role) -> Moderator:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise Problem(Code.NO_TOKEN, "send an admin token: Authorization: Bearer …")
    by = tokens.read(token.strip())
    if isinstance(by, BadAdminToken):
        raise Problem(Code.BAD_TOKEN, by.why)
    if by.role.rank < role.rank:
        raise Problem(Code.NOT_ALLOWED, f"this needs the role {role}, and your token has the role {by.role}")
    return by


class AdminApi:
    """What each path answers."""

    def __init__(self, moderation: Moderation, acts: Acts, hooks: Hooks) -> None:
        self._moderation = moderation
        self._acts = acts
        self._hooks = hooks

    async def me(self, asked: Asked) -> Any:
        """Return who asks, as the token says it."""
        return {"name": asked.by.name, "role": asked.by.role}

    async def by_subject(self, asked: Asked) -> Any:
        """Return the person behind a subject (``sub``) and an issuer (``iss``) of session tokens."""
        sub = asked.request.query_params.get("sub", "")
        if not sub:
            raise Problem(
                Code.MISSING_FIELD, "name the person by sub, and iss if your tokens have one", field="sub"
            )
        return await self._person(PersonId(person_id(asked.request.query_params.get("iss", ""), sub)))

    async def person(self, asked: Asked) -> Any:
        """Return what moderators may know of a person."""
        return await self._person(_person(asked))

    async def _person(self, person: PersonId) -> Any:
        facts = await self._moderation.facts(person)
        history = await self._moderation.kept(*facts.history)
        return {
            "person": person,
            "known": facts.is_known,
            "online": facts.is_attached,
            "state": msgspec.Raw(facts.state),
            "alias": msgspec.Raw(facts.alias),
            "has_device": facts.device != "",
            "ban": _raw(facts.ban),
            "warning": _raw(facts.warning),
            "sanctions": [
                _shown(id_, kept)
                for id_, kept in zip(facts.history, history, strict=True)
                if kept is not None
            ],
        }

    async def decide(self, asked: Asked) -> Any:
        """Decide about a person; with ``dry_run`` only say whom it would hit."""
        person, body = _person(asked), parse(asked.body, _sanction_body)
        lasts_ms = _lasts_ms(body)
        if body.device and body.kind not in (SanctionKind.PAUSE, SanctionKind.BAN):
            raise Problem(Code.BAD_FIELD, "only a pause or a ban keeps a device out", field="device")
        others = await self._acts.others_on_device(person) if body.device else []
        if body.dry_run:
            facts = await self._moderation.facts(person)
            return {
                "outcome": "dry-run",
                "person": person,
                "online": facts.is_attached,
                "device": body.device and facts.device != "",
                "also": others,
            }
        decision = Decision(body.kind, body.rule, body.why, body.note, lasts_ms, body.device)
        done = _done(await self._acts.decide(person, decision, asked.by, asked.repeatable))
        # People who are here on the same device would stay until their next page.
        for other in others:
            await self._acts.decide(other, decision._replace(device=False), asked.by)
        return {**msgspec.json.decode(done.reply), "also": others}

    async def lift(self, asked: Asked) -> Any:
        """End a sanction before its time."""
        body, sanction = parse(asked.body, _lift_body), asked.request.path_params["sanction"]
        done = await self._acts.lift(PersonId(body.person), sanction, asked.by, asked.repeatable, body.why)
        if isinstance(done, NoSuchSanction):
            raise Problem(Code.NOT_FOUND, "this person has no sanction of this id")
        return msgspec.Raw(_done(done).reply)

    async def sanctions(self, asked: Asked) -> Any:
        """Return sanctions, the newest first; ``after``: the id of the sanction before them."""
        after = asked.request.query_params.get("after", "")
        if after and not PERSON.fullmatch(after):
            raise Problem(Code.BAD_FIELD, "after is the id of a sanction", field="after")
        rows = await self._moderation.newest(after)
        return {
            "sanctions": [_shown(id_, kept) for id_, kept in rows if kept is not None],
            "next": rows[-1][0] if len(rows) == PAGE else None,
        }

    async def audit(self, asked: Asked) -> Any:
        """Return entries of the audit, the oldest first; ``after``: the id of the entry before them."""
        after = asked.request.query_params.get("after", "")
        if after and not AUDIT_ID.fullmatch(after):
            raise Problem(Code.BAD_FIELD, "after is the id of an entry of the audit", field="after")
        rows, head = await self._moderation.audit(after)
        return {
            # The text is what the hash is of, so it is given as text.
            "entries": [{"id": row.id, "entry": row.text.decode(), "hash": row.hash} for row in rows],
            "head": head,
            "more": len(rows) == PAGE,
        }

    async def events(self, asked: Asked) -> Any:
        """Return events behind the number ``after``, the oldest first; ``gap``: some are no longer kept."""
        after = asked.request.query_params.get("after", "0")
        if not SEQ.fullmatch(after):
            raise Problem(Code.BAD_FIELD, "after is the seq of an event, or 0", field="after")
        return await self._hooks.events(int(after))

    async def webhooks(self, _: Asked) -> Any:
        """Return the host application's addresses, and what became of the deliveries to each."""
        return {"webhooks": await self._hooks.listed()}

    async def test_webhook(self, asked: Asked) -> Any:
        """Write an event that only one address hears of."""
        return _hooked(asked, await self._hooks.test(asked.request.path_params["webhook"]))

    async def retry_webhook(self, asked: Asked) -> Any:
        """Send what an address is owed again now, also if it was disabled."""
        return _hooked(asked, await self._hooks.retry(asked.request.path_params["webhook"]))


def _hooked(asked: Asked, is_known: bool) -> Any:
    endpoint = asked.request.path_params["webhook"]
    if not is_known:
        raise Problem(Code.NOT_FOUND, "no --webhook has this id, or nothing was delivered there yet")
    return {"outcome": "done", "endpoint": endpoint}


def _person(asked: Asked) -> PersonId:
    person = asked.request.path_params["person"]
    if not PERSON.fullmatch(person):
        raise HTTPException(404)
    return PersonId(person)


def _lasts_ms(body: SanctionBody) -> int:
    """Return how long it lasts. Raises ``Problem`` (422) for a length that its kind does not have."""
    most: dict[SanctionKind, int] = {SanctionKind.PAUSE: PAUSE_MOST_MS, SanctionKind.BAN: BAN_MOST_MS}
    if body.kind not in most:
        if body.lasts_ms is not None:
            raise Problem(Code.BAD_FIELD, "only a pause or a ban lasts", field="lasts_ms")
        return 0
    if body.lasts_ms is None:
        raise Problem(Code.MISSING_FIELD, "a pause or a ban needs its length in ms", field="lasts_ms")
    if body.lasts_ms > most[body.kind]:
        raise Problem(Code.BAD_FIELD, f"a {body.kind} lasts {most[body.kind]} ms at most", field="lasts_ms")
    return body.lasts_ms


def _done(done: Done | AnotherRequest | NoSuchSanction) -> Done:
    if not isinstance(done, Done):
        raise Problem(
            Code.BAD_FIELD,
            "this Idempotency-Key belongs to a request that asked for something else: draw a new key",
            field="Idempotency-Key",
        )
    return done


def _raw(json: bytes) -> msgspec.Raw | None:
    return msgspec.Raw(json) if json else None


def _shown(id_: str, kept: KeptSanction) -> dict[str, Any]:
    about: dict[str, Any] = msgspec.json.decode(kept.about)
    return {**about, "sanction": id_, "device": kept.device, "lifted_at_ms": kept.lifted_at_ms or None}


_sanction_body = msgspec.json.Decoder(SanctionBody)
_lift_body = msgspec.json.Decoder(LiftBody)
