"""Signatures of Standard Webhooks 1.0.0 (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
"""The lengths that the specification allows."""


def secret_of(text: str) -> bytes:
    """Return the key behind ``whsec_…``. Raises ``ValueError``; the message never repeats the secret."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or len(key) not in SECRET_BYTES:
        raise ValueError("a secret is whsec_ and the base64 of 24 to 64 bytes")
    return key


def signature(secrets: Sequence[bytes], id_: str, at_s: int, body: bytes) -> str:
    """Return the value of ``webhook-signature``: one signature for each secret, with spaces between."""
    signed = f"{id_}.{at_s}.".encode() + body
    macs = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(mac).decode()}" for mac in macs)
