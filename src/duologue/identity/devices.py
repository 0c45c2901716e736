"""The device of a guest: a random id that lasts longer than the guest's sessions, so that a block holds
against it, too.

Browsers keep it as a long-lived cookie, other clients as a token. It is not a fingerprint of the machine: a
browser whose cookie was deleted is a new device.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode

from duologue.identity.keyring import Keyring

LIFETIME_S = 400 * 24 * 3600
"""400 days: the longest that browsers keep a cookie (RFC 6265bis, section 5.5). Each session sets it again.
"""
MAX_TOKEN_CHARS = 128

_ID = re.compile(r"[A-Za-z0-9_-]{16}")


class Devices:
    """Sign device ids, and read them.

    A device token is not a JWT, because every JWT that a signing key has signed is a session token.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def token(self, device: str) -> str:
        """Return the token of a device id, signed by the key that signs."""
        kid = self._keyring.signing_kid
        return f"{device}.{_mac(self._keyring.keys[kid], device)}.{kid}"

    def read(self, token: str) -> str:
        """Return the device id of a token; ``""`` if no listed key has signed it. Never raises."""
        device, _, rest = token[: MAX_TOKEN_CHARS + 1].partition(".")
        mac, _, kid = rest.partition(".")
        key = self._keyring.keys.get(kid)
        if len(token) > MAX_TOKEN_CHARS or key is None or not _ID.fullmatch(device):
            return ""
        return device if hmac.compare_digest(mac.encode(), _mac(key, device).encode()) else ""


def new_device() -> str:
    """Return a fresh device id: 96 random bits."""
    return secrets.token_urlsafe(12)


def _mac(key: bytes, device: str) -> str:
    digest = hmac.digest(key, b"duologue device\0" + device.encode(), hashlib.sha256)[:16]
    return urlsafe_b64encode(digest).decode().rstrip("=")
