"""Signatures, held against the specification's own vector and its own library."""

import base64
import json
import secrets
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from duologue.webhooks.signing import secret_of, signature

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT_S = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330
BODY = b'{"test": 2432232314}'


def test_the_vector_of_the_specification() -> None:
    """Secret, id, timestamp and body of its example give its signature."""
    assert signature([secret_of(SECRET)], ID, AT_S, BODY) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("body", [b"{}", '{"a":"ä\\n"}'.encode(), json.dumps({"n": [1] * 500}).encode()])
def test_its_library_verifies(body: bytes) -> None:
    """With the one secret, and with the old one while two are rotated; not with a third, nor another body."""
    old, new, other = ("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(3))
    at_s = int(time.time())
    headers = {
        "webhook-id": "e_1_2",
        "webhook-timestamp": str(at_s),
        "webhook-signature": signature([secret_of(new), secret_of(old)], "e_1_2", at_s, body),
    }
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body + b" ", headers)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", SECRET.removeprefix("whsec_"), "whsec_%%%"])
def test_a_bad_secret_is_refused_and_not_repeated(text: str) -> None:
    """Too short, without its beginning, or not base64."""
    with pytest.raises(ValueError, match="whsec_ and the base64 of 24 to 64 bytes"):
        secret_of(text)
