"""Session tokens: who they say is asking, and every way in which they do not."""

import base64
import hmac
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.identity.keyring import Keyring
from duologue.identity.tokens import (
    LIFETIME_MS,
    MAX_TOKEN_CHARS,
    NOT_BEFORE_LEEWAY_S,
    BadToken,
    Claims,
    Session,
    Tokens,
    person_id,
)

NOW_MS = 1_764_000_000_000
SECRET = "s" * 32
LONG = "l" * 64
ring = Keyring.parse(f"new:{SECRET},old:{'o' * 32},long:{LONG}")


def tokens(now_ms: int = NOW_MS, **options: Any) -> Tokens:
    return Tokens(ring, clock_ms=lambda: now_ms, **options)


def signed(
    claims: dict[str, Any], *, secret: str = SECRET, kid: str | None = "new", algorithm: str = "HS256"
) -> str:
    """A token as an operator's own back end would sign it, with any JWT library."""
    full = {"sub": "host-user-7", "exp": NOW_MS // 1000 + 60, **claims}
    return jwt.encode(full, secret, algorithm=algorithm, headers={"kid": kid} if kid else None)


def session(token: str, reader: Tokens | None = None) -> Session:
    found = (reader or tokens()).read(token)
    assert isinstance(found, Session), found
    return found


def test_a_guest_is_somebody_new_for_thirty_days() -> None:
    """Two guests are two people; the expiry that is answered is the one in the token."""
    one, two = tokens().start("Ada"), tokens().start()
    assert one.person != two.person
    assert re.fullmatch(r"[A-Za-z0-9_-]{16}", one.person)
    read = session(one.token)
    assert (read.person, read.alias, read.expires_at_ms) == (one.person, "Ada", one.expires_at_ms)
    assert one.expires_at_ms == NOW_MS + LIFETIME_MS
    assert read.is_guest


def test_renewal_keeps_the_person_and_moves_the_expiry() -> None:
    """A client that renews at half-life stays who it is, with its alias unless it gives another."""
    first = tokens().start("Ada")
    later = tokens(NOW_MS + LIFETIME_MS // 2)
    again = later.renew(session(first.token), first.token)
    assert again.person == first.person
    assert again.expires_at_ms == first.expires_at_ms + LIFETIME_MS // 2
    assert session(again.token, later).alias == "Ada"
    renamed = later.renew(session(first.token), first.token, alias="")
    assert session(renamed.token, later).alias == ""


def test_a_remembered_token_still_runs_out() -> None:
    """What is remembered of a token is its signature, never that it was in time."""
    clock = [NOW_MS]
    reader = Tokens(ring, clock_ms=lambda: clock[0])
    token = signed({})
    assert session(token, reader).expires_at_ms == NOW_MS + 60_000
    clock[0] += 60_000
    assert isinstance(reader.read(token), BadToken)


def test_an_operators_token_is_never_stretched() -> None:
    """What the operator signed for one minute ends after one minute."""
    token = signed({})
    assert tokens().renew(session(token), token, alias="Eve").token == token


def test_an_operators_claims_are_read() -> None:
    """Optional claims arrive, unknown ones are ignored, and the person is a hash of issuer and subject."""
    read = session(
        signed(
            {
                "iss": "acme",
                "alias": "Grace",
                "pool": "de",
                "shard": "0",
                "attributes": {"age": 44},
                "aud": "x",
            }
        )
    )
    assert read.person == person_id("acme", "host-user-7")
    assert (read.alias, read.pool, read.attributes, read.is_guest) == ("Grace", "de", {"age": 44}, False)


def test_issuers_do_not_share_people() -> None:
    """The same subject of two issuers is two people, and no issuer can spell another's subject."""
    assert session(signed({"iss": "a"})).person != session(signed({"iss": "b"})).person
    assert isinstance(tokens().read(signed({"iss": "a|b"})), BadToken)


def test_an_old_key_still_verifies() -> None:
    """A change of keys ends no session."""
    assert session(signed({}, secret="o" * 32, kid="old")).subject == "host-user-7"


def test_guests_can_be_switched_off() -> None:
    """Then a guest's token is worth nothing, and an operator's still counts."""
    strict = tokens(guests=False)
    assert isinstance(strict.read(tokens().start().token), BadToken)
    assert not session(signed({}), strict).is_guest


def _without_signature() -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none","kid":"new"}').rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(json.dumps({"sub": "a", "exp": 9e9}).encode()).rstrip(b"=").decode()
    return f"{head}.{body}."


def _altered() -> str:
    head, _, signature = signed({}).split(".")
    body = base64.urlsafe_b64encode(json.dumps({"sub": "b", "exp": 9e9}).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def _deep_header() -> str:
    head = base64.urlsafe_b64encode(b"[" * 5000).rstrip(b"=").decode()
    return f"{head}.e30.AAAA"


BAD: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "prose": lambda: "not a token",
    "two dots": lambda: "..",
    "not ASCII": lambda: "é.é.é",
    "huge": lambda: "a." * 100_000,
    "a header that is nothing but brackets": _deep_header,
    "no signature, alg none": _without_signature,
    "altered after signing": _altered,
    "another secret": lambda: signed({}, secret="x" * 32),
    "another key's name": lambda: signed({}, kid="old"),
    "unknown kid": lambda: signed({}, kid="nobody"),
    "no kid": lambda: signed({}, kid=None),
    "another algorithm": lambda: signed({}, secret=LONG, kid="long", algorithm="HS512"),
    "expired": lambda: signed({"exp": NOW_MS // 1000}),
    "not yet valid": lambda: signed({"nbf": NOW_MS // 1000 + 60}),
    "endless": lambda: signed({"exp": 10**300}),
    "exp of the wrong type": lambda: signed({"exp": "soon"}),
    "empty subject": lambda: signed({"sub": ""}),
    "long alias": lambda: signed({"alias": "a" * 65}),
    "alias of half a character": lambda: signed({"alias": "\ud800"}),
    "unknown shard": lambda: signed({"shard": "1"}),
    "attributes that are no object": lambda: signed({"attributes": []}),
    "pool of the wrong type": lambda: signed({"pool": 3}),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
def test_a_bad_token_is_nobody(make: Callable[[], str]) -> None:
    """Nothing but a token that we or the operator signed, unaltered and in time, names a person."""
    assert isinstance(tokens().read(make()), BadToken)


def _unpadded(payload: bytes) -> str:
    return base64.urlsafe_b64encode(payload).rstrip(b"=").decode()


def _signed_as_it_is(payload: str) -> str:
    """Return a token with a known header and a good signature over a payload that is not one."""
    head = signed({}).partition(".")[0]
    digest = hmac.digest(SECRET.encode(), f"{head}.{payload}".encode(), "sha256")
    return f"{head}.{payload}.{_unpadded(digest)}"


KNOWN_HEADER: dict[str, Callable[[], str]] = {
    "cut": lambda: signed({"sub": "other"})[:-1],
    "longer": lambda: signed({"sub": "other"}) + "A",
    "padded": lambda: signed({"sub": "other"}) + "==",
    "without a signature": lambda: signed({"sub": "other"}).rpartition(".")[0] + ".",
    "two parts": lambda: signed({"sub": "other"}).rpartition(".")[0],
    "four parts": lambda: signed({"sub": "other"}) + "." + signed({}).rpartition(".")[2],
    "a payload of another alphabet": lambda: _signed_as_it_is("+/+/"),
    "a payload that is cut": lambda: _signed_as_it_is("A"),
    "a payload in another spelling": lambda: _signed_as_it_is(_unpadded(b'{"sub":"a","exp":4e9} ') + "="),
    "no JSON": lambda: _signed_as_it_is(_unpadded(b"x")),
}


@pytest.mark.parametrize("make", [*BAD.values(), *KNOWN_HEADER.values()], ids=[*BAD, *KNOWN_HEADER])
def test_a_known_header_is_no_signature(make: Callable[[], str]) -> None:
    """A reader that remembers headers refuses what one that remembers none refuses."""
    warm = tokens()
    for kid, secret in (("new", SECRET), ("old", "o" * 32), ("long", LONG)):
        session(signed({}, kid=kid, secret=secret), warm)
    assert isinstance(warm.read(make()), BadToken)
    assert isinstance(tokens().read(make()), BadToken)


def test_a_known_header_takes_nothing_away() -> None:
    """A padded signature, which some issuers write, is left to PyJWT, and read as before."""
    warm = tokens()
    session(signed({}), warm)
    padded = signed({"sub": "other"}) + "="
    assert session(padded, warm) == session(padded)


def test_a_known_header_spares_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another person's token, with the same header, needs one HMAC."""
    warm = tokens()
    first, second = session(signed({}), warm), signed({"sub": "other"})
    monkeypatch.setattr(jwt.PyJWS, "decode_complete", None)
    assert session(second, warm).person != first.person


def test_without_the_comparison_anything_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the comparison is all that refuses a token with a known header."""
    warm = tokens()
    session(signed({}), warm)
    assert isinstance(warm.read(_altered()), BadToken)
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: True)
    again = tokens()
    session(signed({}), again)
    assert isinstance(again.read(_altered()), Session)


@pytest.mark.parametrize("token", ["a" * (MAX_TOKEN_CHARS + 1), "a.é" * 100])
def test_what_is_no_token_is_not_remembered(token: str) -> None:
    """What is kept of bad tokens is bounded: one that is too long, or not of letters, is let go at once."""
    reader = tokens()
    before = sys.getrefcount(token)
    assert isinstance(reader.read(token), BadToken)
    assert sys.getrefcount(token) == before


@given(st.text(max_size=300))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    """Whatever stands in the header, reading answers and never raises."""
    assert isinstance(tokens().read(text), BadToken)


@given(st.binary(max_size=100), st.binary(max_size=200))
def test_no_three_parts_make_the_reader_fail(head: bytes, body: bytes) -> None:
    """The same for what has the shape of a token."""
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (head, body, b"x" * 32)]
    assert isinstance(tokens().read(".".join(parts)), BadToken)


def test_the_document_names_every_claim() -> None:
    """``docs/tokens.md`` is what a host's back end is written from: its table is what is read here."""
    text = (Path(__file__).parents[3] / "docs" / "tokens.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (\w*) ?\|", text, re.MULTILINE))
    read = {field.encode_name: field.required for field in msgspec.structs.fields(Claims)}
    assert {name: bool(needed) for name, needed in rows.items()} == {**read, "exp": True}
    assert f"{MAX_TOKEN_CHARS:,} characters" in text
    assert f"{NOT_BEFORE_LEEWAY_S} s ahead" in text
