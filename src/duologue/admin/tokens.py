"""Admin tokens: JWT, HS256, under a secret of their own. Neither kind of token counts as the other.

A session token is signed with ``DUOLOGUE_SECRET`` and has no audience; an admin token is signed with
``DUOLOGUE_ADMIN_SECRET`` and has the audience ``duologue-admin``.
"""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import jwt

AUDIENCE = "duologue-admin"
MIN_SECRET_BYTES = 32
MAX_TOKEN_CHARS = 2048
LEEWAY_S = 10

_ALGORITHM = "HS256"


class Role(StrEnum):
    """What an admin token allows; each role also allows what the ones before it do."""

    VIEWER = "viewer"
    """Read states, sanctions and the audit."""
    MODERATOR = "moderator"
    """Decide about people."""
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Return a higher number for a role that allows more."""
        return list(Role).index(self)


class Moderator(NamedTuple):
    """Who asks, as a verified admin token says it."""

    name: str
    role: Role


class BadAdminToken(NamedTuple):
    """A token that does not count, and why."""

    why: str


class AdminTokens:
    """Signs and reads admin tokens.

    Example: ``AdminTokens(secret).sign("mona", Role.MODERATOR, lasts_s=30 * 86_400)``
    """

    def __init__(self, secret: str, clock_s: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock_s = clock_s

    def sign(self, name: str, role: Role, *, lasts_s: int) -> str:
        """Return a token for a moderator of this name."""
        now = int(self._clock_s())
        claims = {"aud": AUDIENCE, "sub": name, "role": role.value, "iat": now, "exp": now + lasts_s}
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def read(self, token: str) -> Moderator | BadAdminToken:
        """Return who a token says is asking. Raises nothing, whatever the token is."""
        if len(token) > MAX_TOKEN_CHARS or not token.isascii():
            return BadAdminToken("this is not an admin token")
        try:
            # The instants are looked at below, by the clock that we were given.
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["exp", "sub", "aud"], "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, RecursionError):
            return BadAdminToken(
                "the admin token is not signed with DUOLOGUE_ADMIN_SECRET of this server, or is not for "
                "moderators: make one with duologue admin token"
            )
        return self._moderator(claims)

    def _moderator(self, claims: dict[str, object]) -> Moderator | BadAdminToken:
        name, role, exp = claims["sub"], claims.get("role"), claims["exp"]
        if not isinstance(exp, int | float) or exp + LEEWAY_S <= self._clock_s():
            return BadAdminToken("the admin token has expired: make another one with duologue admin token")
        if not isinstance(name, str) or not 0 < len(name) <= 64:  # as the settings say
            return BadAdminToken("the admin token names nobody: sub is 1 to 64 characters")
        if role not in tuple(Role):
            return BadAdminToken(f"the admin token's role is one of {', '.join(Role)}")
        return Moderator(name, Role(str(role)))
