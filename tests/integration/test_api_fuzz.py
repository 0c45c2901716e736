"""Every endpoint, fuzzed from its own document: no 5xx, and every answer is one that the document describes.

The event stream has no end to wait for: here only its status is looked at, and a conversation is held
against its schema in ``test_protocol.py``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from duologue.api.fields import alias_of, tags_of
from duologue.api.problems import Problem
from duologue.delivery.offer import Offer, Transports
from duologue.identity.keyring import Keyring
from duologue.identity.names import Reserved
from duologue.identity.tokens import Tokens
from tests.integration.served import POOLS, SECRET, served
from tests.servers import StoreServer

DOCUMENT = Path(__file__).resolve().parents[2] / "protocol" / "openapi.yaml"

whole = schemathesis.openapi.from_path(DOCUMENT)
# Which pools there are is the settings' business, so the document cannot list them.
whole.raw_schema["paths"]["/v1/join"]["post"]["requestBody"]["content"]["application/json"]["schema"][
    "properties"
]["pool"] = {"enum": list(POOLS)}
schema = whole.exclude(path=["/v1/events", "/metrics", "/transports"])


@schema.hook
def filter_body(context: Any, body: Any) -> bool:
    """Leave out ``7.0``: an integer to JSON Schema, not to us, and no client writes it."""
    return not has_whole_float(body)


def has_bad_name(value: Any) -> bool:
    """Whether an alias or a tag of this body is one that the schema allows and we refuse."""
    tags = value.get("tags") if isinstance(value, dict) else None
    alias = value.get("alias") if isinstance(value, dict) else None
    try:
        alias_of(alias if isinstance(alias, str) else "", Reserved())
        tags_of([tag for tag in tags if isinstance(tag, str) and tag] if isinstance(tags, list) else [])
    except Problem:
        return True
    return False


def has_whole_float(value: Any) -> bool:
    match value:
        case dict():
            return any(map(has_whole_float, value.values()))
        case list():
            return any(map(has_whole_float, value))
        case float():
            return value.is_integer()
        case _:
            return False


@pytest.fixture(scope="module")
def address(_valkey9: StoreServer) -> Iterator[str]:
    with served(_valkey9.url, Offer(Transports.BOTH)) as base:
        yield base


@pytest.fixture(scope="module")
def token() -> str:
    return Tokens(Keyring.parse(SECRET)).start("Fuzz").token


@schema.parametrize()
@settings(
    max_examples=settings().max_examples * 2 // 5,  # 40, or 400 of the long form
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_the_server(case: schemathesis.Case[Any], address: str, token: str) -> None:
    """Valid or not, the answer has a documented status, type, headers and shape; if not valid, a 4xx."""
    # A poll of no page is refused, and OpenAPI cannot say so; also of the examples, which no filter sees.
    assume(not case.query or case.path != "/v1/state" or "page" in case.query)
    # JSON Schema cannot say which characters a name may have; ``test_names.py`` plays with them.
    assume(not has_bad_name(case.body))
    case.call_and_validate(base_url=address, headers={"Authorization": f"Bearer {token}"})


HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40).map(
    lambda text: text.strip() or "x"
)


@given(
    query=st.dictionaries(st.sampled_from(("page", "version", "x")), st.text(max_size=80), max_size=3),
    last_event_id=HEADER,
    known=st.booleans(),
    stranger=HEADER,
)
@settings(suppress_health_check=list(HealthCheck))
def test_no_request_breaks_the_event_stream(
    query: dict[str, str], last_event_id: str, known: bool, stranger: str, address: str, token: str
) -> None:
    """Whatever page, cursor and token: 200, 401 or 422, all that an EventSource may see here."""
    headers = {"Authorization": f"Bearer {token if known else stranger}", "Last-Event-ID": last_event_id}
    with httpx.stream(
        "GET", f"{address}/v1/events", params=query, headers=headers, trust_env=False
    ) as answer:
        assert answer.status_code in {200, 401, 422}
        assert answer.status_code != 200 or known
