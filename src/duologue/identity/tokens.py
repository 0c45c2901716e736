"""Session tokens: JWT, HS256, told apart by who issued them.

A guest's token is ours (issuer ``duologue``); an operator's back end may sign
tokens of its own with the same keys. Reading a token asks no store, so a
session costs nothing until its person does something.
"""

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

import jwt
import msgspec

from duologue.identity.devices import Devices
from duologue.identity.keyring import Keyring
from duologue.identity.names import ALIAS_CHARS, Reserved, tidied

GUEST_ISSUER = "duologue"
"""``iss`` of the sessions that this server started itself."""

LIFETIME_MS = 30 * 24 * 3600 * 1000
"""30 days; clients renew at half of it."""

SHARDS = ("0",)
"""The shards that exist: one (a claim that names another is refused, not sent astray)."""

MAX_TOKEN_CHARS = 4096
MAX_HEADER_CHARS = 512
"""Bounds on what is parsed before the signature is known: the JSON reader behind PyJWT recurses, and
a header that is nothing but brackets would exhaust the interpreter's stack."""

REMEMBERED_TOKENS = 2048
"""What was found of a token is a function of token and keys alone, and is remembered. At most 8 MB, were
every token junk of the full length."""
REMEMBERED_HEADERS = 64
"""Headers of tokens that PyJWT has verified. To verify one takes it 74 µs; another token with the very same
header takes 6 µs. With the tokens of more people than are remembered this is most of a small request."""

NOT_BEFORE_LEEWAY_S = 10
"""An operator's clock may be ahead of ours by this much."""

NO_TOKEN = "this is no session token"  # noqa: S105  # what the caller reads

_ALGORITHM = "HS256"
_MISSING = re.compile(r"missing required field `(\w+)`")


class Claims(msgspec.Struct):
    """What a token says. Claims that we do not know are ignored (RFC 7519 section 4)."""

    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    exp: Annotated[float, msgspec.Meta(gt=0, lt=10**11)]
    iss: Annotated[str, msgspec.Meta(max_length=256)] = ""
    nbf: Annotated[float, msgspec.Meta(ge=0, lt=10**11)] = 0
    alias: Annotated[str, msgspec.Meta(max_length=64)] = ""
    pool: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    shard: str = SHARDS[0]
    device: Annotated[str, msgspec.Meta(max_length=64)] = ""
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """Who is asking, as a verified token says it."""

    person: str
    """16 characters of ``[A-Za-z0-9_-]``: 96 bits of a hash of issuer and subject, so any host's id fits."""
    issuer: str
    subject: str
    alias: str
    pool: str | None
    """The only pool that this person may join; ``None``: any."""
    shard: str
    attributes: Mapping[str, Any]
    expires_at_ms: int
    device: str = ""
    """The device that a guest began with; ``""`` for an operator's people, who are known by their ``sub``."""

    @property
    def is_guest(self) -> bool:
        """Whether this server started the session itself."""
        return self.issuer == GUEST_ISSUER


@dataclass(frozen=True, slots=True)
class BadToken:
    """A token that says nothing about who is asking, and why, in words fit for the caller."""

    why: str


class Found(NamedTuple):
    """What is remembered of a token: whom it names, and when it holds. The time is asked each time."""

    session: Session | BadToken
    exp: float
    nbf: float


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that was just signed, or an operator's own that is handed back."""

    person: str
    token: str
    expires_at_ms: int


def person_id(issuer: str, subject: str) -> str:
    """The person behind a subject. ``issuer`` holds no ``|``, so no two pairs run together."""
    digest = hashlib.sha256(f"{issuer}|{subject}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:16]


def now_ms() -> int:
    """Wall clock, milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Tokens:
    """Signs and reads session tokens. Holds no state but its keys."""

    def __init__(
        self,
        keyring: Keyring,
        *,
        guests: bool = True,
        lifetime_ms: int = LIFETIME_MS,
        clock_ms: Callable[[], int] = now_ms,
        reserved: Reserved = Reserved(),  # noqa: B008 # it cannot be changed
    ) -> None:
        """``guests=False``: only tokens of the operator's own back end are accepted.

        ``reserved``: the names that no guest may have.
        """
        self.reserved = reserved
        self.guests = guests
        self.devices = Devices(keyring)
        self._keyring = keyring
        self._lifetime_ms = lifetime_ms
        self._clock_ms = clock_ms
        self._jws = jwt.PyJWS()
        self._found = lru_cache(maxsize=REMEMBERED_TOKENS)(self._find)
        self._headers: dict[str, bytes] = {}
        """The key of each header that PyJWT has verified."""

    def start(self, alias: str = "", device: str = "") -> Issued:
        """Sign a token for a new guest, on this device."""
        return self._sign(secrets.token_urlsafe(16), alias, device)

    def renew(self, session: Session, token: str, alias: str | None = None, device: str = "") -> Issued:
        """Answer the same person with a new expiry, and with the new alias if one is given.

        A session that has no device yet gets this one.

        An operator's token comes back as it is: how long it lasts and what it
        says is the operator's decision, and we must not stretch it.
        """
        if not session.is_guest:
            return Issued(session.person, token, session.expires_at_ms)
        alias = session.alias if alias is None else alias
        return self._sign(session.subject, alias, session.device or device)

    def read(self, token: str) -> Session | BadToken:
        """Who a token says is asking; never raises, whatever the token is."""
        # Looked at before it is remembered: 2,048 headers of any length would be kept.
        if len(token) > MAX_TOKEN_CHARS or not token.isascii():
            return BadToken(NO_TOKEN)
        found = self._found(token)
        if isinstance(found, BadToken):
            return found
        now = self._clock_ms() / 1000
        if found.exp <= now:
            return BadToken("the token has expired")
        if found.nbf > now + NOT_BEFORE_LEEWAY_S:
            return BadToken("the token is not valid yet")
        return found.session

    def _find(self, token: str) -> Found | BadToken:
        claims = self._decode(token)
        if isinstance(claims, BadToken):
            return claims
        return Found(self._session(claims), claims.exp, claims.nbf)

    def _decode(self, token: str) -> Claims | BadToken:
        payload = self._verified(token)
        if isinstance(payload, BadToken):
            return payload
        try:
            return self._named(msgspec.json.decode(payload, type=Claims))
        except msgspec.ValidationError as error:
            return BadToken(_of_claims(str(error)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return BadToken("the token's claims are not a JSON object")

    def _named(self, claims: Claims) -> Claims:
        """Tidy the alias: a guest's token may be older than a rule; an operator's is not refused for it."""
        claims.alias = tidied(claims.alias, ALIAS_CHARS)
        if claims.iss == GUEST_ISSUER and self.reserved.holds(claims.alias):
            claims.alias = ""
        return claims

    def _verified(self, token: str) -> bytes | BadToken:
        header, _, rest = token.partition(".")
        if not rest or len(header) > MAX_HEADER_CHARS:
            return BadToken(NO_TOKEN)
        known = self._headers.get(header)
        if known is not None and (payload := _signed(token, known)) is not None:
            return payload
        try:
            kid = self._jws.get_unverified_header(token).get("kid")
            key = self._keyring.keys.get(kid) if isinstance(kid, str) else None
            if key is None:
                return BadToken("the token's signing key (kid) is unknown here")
            verified = self._jws.decode_complete(token, key, algorithms=[_ALGORITHM])
        except jwt.PyJWTError:
            return BadToken("the token's signature is wrong: sign it with DUOLOGUE_SECRET of this server")
        if len(self._headers) < REMEMBERED_HEADERS:
            self._headers[header] = key
        return bytes(verified["payload"])

    def _session(self, claims: Claims) -> Session | BadToken:
        if "|" in claims.iss:
            return BadToken("the token's issuer (iss) must not contain '|'")
        if claims.shard not in SHARDS:
            return BadToken("the token names a shard that does not exist")
        if claims.iss == GUEST_ISSUER and not self.guests:
            return BadToken("guest sessions are turned off on this server")
        return Session(
            person=person_id(claims.iss, claims.sub),
            issuer=claims.iss,
            subject=claims.sub,
            alias=claims.alias,
            pool=claims.pool,
            shard=claims.shard,
            attributes=claims.attributes,
            expires_at_ms=int(claims.exp * 1000),
            device=claims.device if claims.iss == GUEST_ISSUER else "",
        )

    def _sign(self, subject: str, alias: str, device: str) -> Issued:
        exp = (self._clock_ms() + self._lifetime_ms) // 1000
        kid = self._keyring.signing_kid
        claims: dict[str, str | int] = {"iss": GUEST_ISSUER, "sub": subject, "exp": exp}
        if alias:
            claims["alias"] = alias
        if device:
            claims["device"] = device
        token = self._jws.encode(
            msgspec.json.encode(claims), self._keyring.keys[kid], algorithm=_ALGORITHM, headers={"kid": kid}
        )
        return Issued(person_id(GUEST_ISSUER, subject), token, exp * 1000)


def _of_claims(said: str) -> str:
    """Return what is wrong with which claim; msgspec names types and bounds, and repeats no value.

    Example: "the token's claim sub is wrong: expected `str`, got `int`".
    """
    what, _, path = said.partition(" - at `$.")
    if path:
        return f"the token's claim {path.rstrip('`')} is wrong: {what[:1].lower()}{what[1:]}"
    missing = _MISSING.search(said)
    return (
        f"the token lacks the claim {missing[1]}" if missing else "the token's claims are not a JSON object"
    )


def _signed(token: str, key: bytes) -> bytes | None:
    """Return the payload if this key has signed the token (HS256). ``None``: let PyJWT say what is wrong.

    Only for a token whose header PyJWT has accepted before, with this key.
    """
    signed, _, signature = token.rpartition(".")
    digest = hmac.digest(key, signed.encode(), hashlib.sha256)
    if not hmac.compare_digest(_base64url(digest), signature):
        return None
    payload = signed.partition(".")[2]
    try:
        found = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    except ValueError:
        return None
    return found if _base64url(found) == payload else None


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
