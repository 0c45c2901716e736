"""Credentials that run out, for TURN servers that share a secret with us (coturn: ``use-auth-secret``).

https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00: the
user name is ``<expiry>:<name>``, the password its HMAC-SHA1. The server knows
nobody; whoever has the secret lets people in, for a time.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

TTL_S = 2 * 3600
"""How long credentials open the relay. They cannot be called back.

An allocation outlives them: coturn looks at the time when the first request of an allocation comes, and
refreshes what is allocated for as long as its client asks (``tests/integration/test_coturn.py``). They are
needed again whenever two people look for another way through the network, so they are renewed meanwhile."""
RENEW_S = TTL_S // 2
"""After this a person in a conversation is written the state again, with new credentials."""


def needs_credentials(server: Mapping[str, Any]) -> bool:
    """Whether an RTCIceServer is a TURN server without a user name of its own."""
    return relays(server) and not server.get("username")


def relays(server: Mapping[str, Any]) -> bool:
    """Whether an RTCIceServer is a TURN server: it has an address that relays."""
    urls = server["urls"]
    return any(url.startswith("turn") for url in ([urls] if isinstance(urls, str) else urls))


def credentials(secret: str, name: str, expires_at_s: int) -> dict[str, str]:
    """``username`` and ``credential`` of an RTCIceServer, good until then; ``name`` is for its log."""
    username = f"{expires_at_s}:{name}"
    digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return {"username": username, "credential": base64.b64encode(digest).decode()}
