"""The keys that sign session tokens, by name, so that they can be changed."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_KID = "main"
"""The name of a key that was given without one."""

MIN_SECRET_BYTES = 32
"""RFC 7518 section 3.2: an HS256 key is at least as long as the hash's output."""

_KID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class SecretError(ValueError):
    """Report a signing secret that cannot be used; the message says in one line what to do, without the
    secret."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys by ``kid``. The first one signs, and all of them verify."""

    keys: Mapping[str, bytes] = field(repr=False)

    @property
    def signing_kid(self) -> str:
        """Return the name of the key that signs."""
        return next(iter(self.keys))

    def marks(self) -> list[str]:
        """Return a short and stable text for each key, first for the one that signs.

        It differs between keys and between their names, and does not reveal the key.
        """
        return [_mark(kid, key) for kid, key in self.keys.items()]

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """Read ``secret`` or ``kid:secret,kid:secret``; a key without a name is called ``main``.

        To change keys, put the new key first, and keep the old one until the tokens that it signed have
        ended (30 d). Raises ``SecretError``.
        """
        keys: dict[str, bytes] = {}
        for entry in text.split(","):
            kid, secret = _named(entry.strip())
            if kid in keys:
                raise SecretError(f"two signing keys are called {kid!r}; give each a name of its own")
            keys[kid] = secret
        return cls(keys)


def _mark(kid: str, key: bytes) -> str:
    return hmac.digest(key, b"duologue servers\0" + kid.encode(), "sha256").hex()[:16]


def _named(entry: str) -> tuple[str, bytes]:
    name, colon, rest = entry.partition(":")
    kid, secret = (name, rest) if colon else (DEFAULT_KID, name)
    if not _KID.fullmatch(kid):
        raise SecretError("a signing key's name has 1 to 64 letters, digits, '_', '.' or '-'")
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise SecretError(
            f"the signing key {kid!r} is shorter than {MIN_SECRET_BYTES} bytes; "
            "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return kid, secret.encode()
