"""Credentials with an end, for TURN servers that share a secret with us (coturn: ``use-auth-secret``).

https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00: the user name is
``<expiry>:<name>``, and the password is its HMAC-SHA1. The TURN server has no list of people: everyone with
the secret can make credentials.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

TTL_S = 2 * 3600
"""How long credentials are valid. They cannot be revoked.

An allocation goes on after that: coturn checks the time only with the first request of an allocation, and
refreshes it as long as its client asks (``tests/integration/test_coturn.py``). Credentials are needed again
when two people look for another path through the network, so they are renewed meanwhile.
"""
RENEW_S = TTL_S // 2
"""Age of a state after which a person in a conversation gets it again, with new credentials."""


def needs_credentials(server: Mapping[str, Any]) -> bool:
    """Return whether an RTCIceServer is a TURN server without a user name."""
    return relays(server) and not server.get("username")


def relays(server: Mapping[str, Any]) -> bool:
    """Return whether an RTCIceServer is a TURN server."""
    urls = server["urls"]
    return any(url.startswith("turn") for url in ([urls] if isinstance(urls, str) else urls))


def credentials(secret: str, name: str, expires_at_s: int) -> dict[str, str]:
    """Return ``username`` and ``credential`` of an RTCIceServer, valid until then; ``name`` appears in its
    log."""
    username = f"{expires_at_s}:{name}"
    digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return {"username": username, "credential": base64.b64encode(digest).decode()}
