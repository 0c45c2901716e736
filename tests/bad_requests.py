"""What no server should be sent, and what ours must answer: one table, for every level of test."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

LIMIT = 64 * 1024
LONG_ID = "a" * 65
SIGNAL = {"match": "m_1", "key": "k1"}

COMMANDS = (
    "/v1/sessions", "/v1/join", "/v1/skip", "/v1/leave", "/v1/pulse", "/v1/ack",
    "/v1/signal", "/v1/messages", "/v1/blocks", "/v1/reports", "/v1/comparisons",
)  # fmt: skip


INSIDE = ("/metrics", "/transports")
"""The operator's, on a listener of their own."""
SPELLINGS = (
    "/metrics%0a",
    "/transports%0a",
    "/readyz%0A",
    "/v1/state%0a",
    "/v1/events%0a",
    "/v1/state%00",
    "/v1/state%20",
    "/%6detrics",
    "/v1%2fstate",
    "/v1/%73tate",
    "/v1//state",
    "/V1/state",
    "/v1/state%e2%80%a8",
    "/v1/state%ff",
)
"""Of paths that are there: what a proxy may take for one of them, or not; all of them: ``test_paths.py``."""


@dataclass(frozen=True)
class BadRequest:
    """One request and the problem that it must be answered with."""

    name: str
    path: str
    status: int
    code: str
    field: str | None = None
    method: str = "POST"
    body: Any = None
    raw: bytes | None = None
    chunks: int = 0
    """Send ``raw`` so many times, chunked, without a Content-Length."""
    headers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.path} {self.name}"

    async def send(self, client: httpx.AsyncClient) -> httpx.Response:
        """Send it with the client's own credentials, unless its headers say otherwise."""
        headers = {"Content-Type": "application/json", **dict(self.headers)}
        if self.chunks:
            return await client.request(self.method, self.path, content=self._stream(), headers=headers)
        if self.raw is not None:
            return await client.request(self.method, self.path, content=self.raw, headers=headers)
        return await client.request(self.method, self.path, json=self.body, headers=headers)

    async def _stream(self) -> AsyncIterator[bytes]:
        for _ in range(self.chunks):
            yield self.raw or b""


def assert_problem(answer: httpx.Response, bad: BadRequest) -> None:
    """The answer is the problem document of RFC 9457 that the row asks for."""
    assert answer.status_code == bad.status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (document["status"], document["code"]) == (bad.status, bad.code)
    assert document["type"] == "about:blank"
    assert document["title"]
    assert document["detail"]
    assert document.get("field") == bad.field, document
    if bad.status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    if bad.status == 405:
        assert answer.headers["allow"]


def _malformed() -> list[BadRequest]:
    raws = {
        "empty": b"",
        "half an object": b'{"match"',
        "an array": b"[]",
        "a string": b'"m_1"',
        "null": b"null",
        "not UTF-8": b'{"match":"\xff"}',
        "half a character": b'{"match":"\\ud800"}',
        "two objects": b"{}{}",
        "a form": b"match=m_1",
        "broken behind an unknown field": b'{"nonsense":1,',
        "a byte order mark": b"\xef\xbb\xbf{}",
    }
    return [
        BadRequest(name, path, 422, "malformed", raw=raw)
        for path in COMMANDS
        for name, raw in raws.items()
        if path in ("/v1/skip", "/v1/join") or name in ("empty", "an array")
    ]


def _large() -> list[BadRequest]:
    too_much = b"x" * (LIMIT + 1)
    return [
        *(BadRequest("too large", path, 413, "body-too-large", raw=too_much) for path in COMMANDS),
        BadRequest("too large, chunked", "/v1/skip", 413, "body-too-large", raw=b"x" * 1024, chunks=65),
        BadRequest("large but within bounds", "/v1/skip", 422, "malformed", raw=b"x" * LIMIT),
        BadRequest("chunked within bounds", "/v1/skip", 422, "malformed", raw=b"x" * 1024, chunks=64),
    ]


def _methods() -> list[BadRequest]:
    wrong = [(path, "GET") for path in COMMANDS] + [
        ("/v1/state", "POST"),
        ("/v1/skip", "PUT"),
        ("/v1/skip", "DELETE"),
        ("/v1/skip", "OPTIONS"),
        ("/v1/events", "POST"),
        ("/v1/events", "PATCH"),
        ("/healthz", "POST"),
        ("/readyz", "DELETE"),
        ("/", "POST"),
    ]
    return [
        BadRequest(f"by {method}", path, 405, "method-not-allowed", method=method) for path, method in wrong
    ]


def _missing_paths() -> list[BadRequest]:
    paths = ("/v1", "/v1/", "/v1/nothing", "/v1/skip/", "/v2/skip", "/nothing", "/..%2f..%2fetc/passwd")
    return [
        *(BadRequest("is not there", path, 404, "not-found", method="GET") for path in paths),
        *(BadRequest("is another spelling", path, 404, "not-found", method="GET") for path in SPELLINGS),
        BadRequest("is another spelling", "/v1/skip%0a", 404, "not-found", body={}),
        *(BadRequest("is inside", path, 404, "not-found", method="GET") for path in INSIDE),
        BadRequest("is not signed by LiveKit", "/v1/livekit/webhook", 401, "bad-token", body={}),
    ]


def _tokens() -> list[BadRequest]:
    none, bad = (("Authorization", "Basic YTpi"),), (("Authorization", "Bearer nonsense"),)
    protected = [path for path in COMMANDS if path != "/v1/sessions"]
    return [
        *(BadRequest("without token", path, 401, "no-token", body={}, headers=none) for path in protected),
        *(BadRequest("with a bad token", path, 401, "bad-token", body={}, headers=bad) for path in COMMANDS),
        BadRequest("without token", "/v1/state", 401, "no-token", method="GET", headers=none),
        BadRequest("with a bad token", "/v1/state", 401, "bad-token", method="GET", headers=bad),
        BadRequest(
            "without token and too large", "/v1/skip", 401, "no-token", raw=b"x" * 100_000, headers=none
        ),
        BadRequest(
            "with an empty token", "/v1/skip", 401, "bad-token", headers=(("Authorization", "Bearer"),)
        ),
        BadRequest("with a token in the URL", "/v1/skip?token=abc", 401, "no-token", body={}, headers=none),
    ]


def _unknown() -> list[BadRequest]:
    return [
        *(
            BadRequest("unknown field", path, 422, "unknown-field", "person", body={"person": "x"})
            for path in COMMANDS
        ),
        BadRequest(
            "unknown field inside", "/v1/signal", 422, "unknown-field", "data.person",
            body={**SIGNAL, "data": {"from": "p", "hello": True, "person": "x"}},
        ),
        BadRequest(
            "unknown parameter", "/v1/state?person=x", 422, "unknown-field", "person", method="GET"
        ),
    ]  # fmt: skip


def _missing() -> list[BadRequest]:
    needed = {
        "/v1/join": "intent", "/v1/skip": "match", "/v1/leave": "intent", "/v1/ack": "match",
        "/v1/signal": "match", "/v1/messages": "match", "/v1/blocks": "match", "/v1/reports": "match",
    }  # fmt: skip
    return [
        *(
            BadRequest(f"no {name}", path, 422, "missing-field", name, body={})
            for path, name in needed.items()
        ),
        BadRequest("media of no match", "/v1/pulse", 422, "missing-field", "match", body={"media": "open"}),
        BadRequest(
            "no from",
            "/v1/signal",
            422,
            "missing-field",
            "data.from",
            body={**SIGNAL, "data": {"hello": True}},
        ),
    ]


_BAD_NAMES: list[tuple[str, str, dict[str, Any]]] = [
    *(
        ("/v1/sessions", "alias", {"alias": f"A{bad}da"})
        for bad in (
            *(
                "\n",
                "\0",
                "\x1b",
                "\x85",
                "\u200b",
                "\u200d",
                "\u202e",
                "\u2066",
                "\u2028",
                "\ufeff",
                "\u00ad",
            ),
            *("\u3164", "\u2800", "\ufe0f", "\U000e0041", "\ue000", "\uffff", "\u0301" * 6),
        )
    ),
    ("/v1/sessions", "alias", {"alias": "\u0301"}),
    ("/v1/join", "tags[0]", {"intent": 1, "tags": ["  "]}),
    ("/v1/join", "tags[1]", {"intent": 1, "tags": ["chess", "ch\u200bess"]}),
    ("/v1/join", "tags[0]", {"intent": 1, "tags": ["\u202echess"]}),
]


_BAD_FIELDS: list[tuple[str, str, dict[str, Any]]] = [
    ("/v1/sessions", "alias", {"alias": "a" * 65}),
    ("/v1/sessions", "alias", {"alias": "a" * 257}),
    ("/v1/sessions", "alias", {"alias": None}),
    ("/v1/sessions", "cookie", {"cookie": "no"}),
    ("/v1/join", "media", {"intent": 1, "media": "call"}),
    ("/v1/join", "media", {"intent": 1, "media": None}),
    ("/v1/join", "terms", {"intent": 1, "terms": ""}),
    ("/v1/join", "terms", {"intent": 1, "terms": "a b"}),
    ("/v1/join", "terms", {"intent": 1, "terms": "a" * 33}),
    ("/v1/join", "terms", {"intent": 1, "terms": None}),
    ("/v1/join", "intent", {"intent": "1"}),
    ("/v1/join", "intent", {"intent": -1}),
    ("/v1/join", "intent", {"intent": 10**14}),
    ("/v1/join", "intent", {"intent": 10**30}),
    ("/v1/join", "intent", {"intent": 1.5}),
    ("/v1/join", "intent", {"intent": True}),
    ("/v1/join", "intent", {"intent": None}),
    ("/v1/join", "tags", {"intent": 1, "tags": "a"}),
    ("/v1/join", "tags", {"intent": 1, "tags": ["a"] * 17}),
    ("/v1/join", "tags[0]", {"intent": 1, "tags": ["a" * 65]}),
    ("/v1/join", "tags[0]", {"intent": 1, "tags": [1]}),
    ("/v1/join", "language", {"intent": 1, "language": "a" * 36}),
    ("/v1/join", "language", {"intent": 1, "language": "de\n"}),
    ("/v1/join", "language", {"intent": 1, "language": "d e"}),
    ("/v1/join", "auto_next", {"intent": 1, "auto_next": 1}),
    ("/v1/join", "pool", {"intent": 1, "pool": ""}),
    ("/v1/join", "pool", {"intent": 1, "pool": None}),
    ("/v1/skip", "match", {"match": ""}),
    ("/v1/skip", "match", {"match": LONG_ID}),
    ("/v1/skip", "match", {"match": "m_1\n"}),
    ("/v1/skip", "match", {"match": "m 1"}),
    ("/v1/skip", "match", {"match": 1}),
    ("/v1/leave", "intent", {"intent": []}),
    ("/v1/pulse", "media", {"match": "m_1", "media": "loud"}),
    ("/v1/pulse", "told_ms", {"told_ms": -1}),
    ("/v1/pulse", "alone_ms", {"alone_ms": 0.5}),
    ("/v1/pulse", "next_face_ms", {"next_face_ms": "soon"}),
    ("/v1/pulse", "match", {"match": None}),
    ("/v1/ack", "of", {"match": "m_1", "of": "everything"}),
    ("/v1/messages", "key", {"match": "m_1", "key": "k\r\n", "text": "a"}),
    ("/v1/messages", "text", {"match": "m_1", "key": "k", "text": ""}),
    ("/v1/messages", "text", {"match": "m_1", "key": "k", "text": "a" * 2001}),
    ("/v1/messages", "text", {"match": "m_1", "key": "k", "text": {"a": 1}}),
    ("/v1/blocks", "skip", {"match": "m_1", "skip": "yes"}),
    ("/v1/reports", "reason", {"match": "m_1", "key": "k", "reason": "boring"}),
    ("/v1/reports", "text", {"match": "m_1", "key": "k", "reason": "spam", "text": ""}),
    ("/v1/comparisons", "same", {"same": 10_001}),
    ("/v1/comparisons", "missed", {"missed": -1}),
    ("/v1/comparisons", "differ", {"differ": "1"}),
    ("/v1/comparisons", "poll_first", {"poll_first": None}),
    ("/v1/signal", "data", {**SIGNAL, "data": "hello"}),
    ("/v1/signal", "data", {**SIGNAL, "data": {"from": "p"}}),
    ("/v1/signal", "data", {**SIGNAL, "data": {"from": "p", "hello": True, "bye": True}}),
    ("/v1/signal", "data", {**SIGNAL, "data": {"from": "p", "hello": False}}),
    ("/v1/signal", "data.from", {**SIGNAL, "data": {"from": "p p", "hello": True}}),
    ("/v1/signal", "data.description.type", {**SIGNAL, "data": {"from": "p", "description": {"type": "x"}}}),
    ("/v1/signal", "data.candidate[...]", {**SIGNAL, "data": {"from": "p", "candidate": {"a": {"b": 1}}}}),
    ("/v1/signal", "data", {**SIGNAL, "data": {"from": "p", "candidate": {"candidate": "c" * 16 * 1024}}}),
]


def _bad_fields() -> list[BadRequest]:
    return [
        BadRequest(f"bad {name} {number}", path, 422, "bad-field", name, body=body)
        for number, (path, name, body) in enumerate(_BAD_FIELDS)
    ] + [
        BadRequest(f"bad name {number}", path, 422, "bad-name", name, body=body)
        for number, (path, name, body) in enumerate(_BAD_NAMES)
    ]


def _others() -> list[BadRequest]:
    return [
        BadRequest(
            "unknown pool", "/v1/join", 422, "unknown-pool", "pool", body={"intent": 1, "pool": "nowhere"}
        ),
        BadRequest("polling", "/v1/state?page=p1", 403, "polling-off", method="GET"),
        BadRequest("polling", "/v1/state?page=p1&version=1&wait_ms=99999", 403, "polling-off", method="GET"),
    ]


BAD_POLLS: list[BadRequest] = [
    BadRequest(f"poll {query}", f"/v1/state?{query}", 422, code, field, method="GET")
    for query, code, field in (
        ("version=1", "no-page", None),
        ("wait_ms=1", "no-page", None),
        ("page=", "no-page", None),
        ("page=a%0d%0ab", "bad-field", "page"),
        ("page=" + LONG_ID, "bad-field", "page"),
        ("page=p1&page=p%202", "bad-field", "page"),
        ("page=p1&person=x", "unknown-field", "person"),
        ("page=p1&version=-1", "bad-field", "version"),
        ("page=p1&version=1" + "0" * 14, "bad-field", "version"),
        ("page=p1&version=", "bad-field", "version"),
        ("page=p1&wait_ms=15001", "bad-field", "wait_ms"),
        ("page=p1&wait_ms=1.5", "bad-field", "wait_ms"),
        ("page=p1&after=m_1", "bad-field", "after"),
        ("page=p1&after=m_1:1%0a", "bad-field", "after"),
        ("page=p1&signals_after=x", "bad-field", "signals_after"),
    )
]
"""Where polling is served."""

BAD_REQUESTS: list[BadRequest] = [
    *_malformed(),
    *_large(),
    *_methods(),
    *_missing_paths(),
    *_tokens(),
    *_unknown(),
    *_missing(),
    *_bad_fields(),
    *_others(),
]
