"""``protocol/`` is true: the samples follow the schema, and the document says what the server parses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from starlette.applications import Starlette
from starlette.routing import Route

from duologue.api.app import build
from duologue.api.commands import COMMANDS, Description, SignalData
from duologue.api.exchange import Body
from duologue.api.ops import build_ops
from duologue.api.paths import WEBHOOK
from duologue.api.problems import Code
from duologue.api.services import Services
from duologue.api.sessions import SessionBody
from duologue.api.webhook import webhook
from duologue.delivery.offer import Transports
from duologue.identity.credentials import Origins
from duologue.identity.keyring import Keyring
from duologue.identity.tokens import Tokens
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.project import Project
from duologue.media.livekit.webhooks import Webhooks
from duologue.media.peer import Peer
from duologue.metrics import Metrics
from duologue.pairing.machine import Machine
from duologue.pairing.vocabulary import Comparison, EndReason, IdleReason, Media, ReportReason, State, Wish
from tests.unit.api.recorder import NoEvents, Recorder

PROJECT = Project("ws://127.0.0.1:1", "key", "s" * 32)
ROOT = Path(__file__).resolve().parents[2] / "protocol"
SCHEMA = json.loads((ROOT / "events.schema.json").read_text())
DOCUMENT = yaml.safe_load((ROOT / "openapi.yaml").read_text())
SAMPLES = sorted((ROOT / "frames").glob("*.sse"))
event = jsonschema.Draft202012Validator(SCHEMA)


def events(path: Path) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """The events of a sample: its other fields, and its data. Only fields of the HTML standard."""
    blocks = path.read_text().split("\n\n")
    assert blocks.pop() == "", "the last event ends with an empty line"
    for block in blocks:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        assert set(fields) <= {"retry", "id", "data"}
        yield fields, json.loads(fields["data"])


def test_the_schema_is_a_schema() -> None:
    """It follows its own meta-schema, and every definition in it is used."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    text = json.dumps(SCHEMA)
    unused = [name for name in SCHEMA["$defs"] if f'"#/$defs/{name}"' not in text]
    assert unused == []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_follow_the_schema(path: Path) -> None:
    """Every event of every sample is one that the schema knows, and ids and numbers agree with the data."""
    version = 0
    for fields, data in events(path):
        event.validate(data)
        if data["type"] == "message":
            assert fields["id"] == f"{data['match']}:{data['n']}:{data['at_ms']}"
        else:
            assert "id" not in fields
        if data["type"] == "reconnect":
            assert int(fields["retry"]) == data["after_ms"]
        if "state" in data and data["type"] != "snapshot":
            assert data["state"]["version"] >= version
            version = data["state"]["version"]


def test_every_type_has_a_sample() -> None:
    """A client's author finds each event at least once."""
    shown = {data["type"] for path in SAMPLES for _, data in events(path)}
    known = {
        SCHEMA["$defs"][one["$ref"].rpartition("/")[2]]["properties"]["type"]["const"]
        for one in SCHEMA["oneOf"]
    }
    assert shown == known


@pytest.mark.parametrize(
    "change",
    [
        {"type": "new"},
        {"match": "m 1"},
        {"state": {"state": "matched"}},
        {"person": "x"},
        {"at_ms": None},
    ],
)
def test_the_schema_refuses(change: dict[str, Any]) -> None:
    """The negative control: a wrong type, id, state, an unknown field, a null."""
    (_, _), (_, data) = events(ROOT / "frames" / "skip-by-partner.sse")
    event.validate(data)
    assert not event.is_valid({**data, **change})


BODIES: dict[str, type[Body]] = {
    "/v1/sessions": SessionBody,
    **{path: command.body for path, command in COMMANDS.items()},
}


def body_schema(path: str) -> dict[str, Any]:
    content = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]
    schema: dict[str, Any] = content["application/json"]["schema"]
    return schema


def assert_same_fields(schema: dict[str, Any], kind: type[Body]) -> None:
    fields = msgspec.structs.fields(kind)
    assert set(schema["properties"]) == {field.encode_name for field in fields}
    assert set(schema.get("required", ())) == {field.encode_name for field in fields if field.required}
    assert schema["additionalProperties"] is False


def test_the_document_and_the_server_have_the_same_bodies() -> None:
    """Fields and which of them are needed; their bounds are compared by the fuzz."""
    posts = {path for path, item in DOCUMENT["paths"].items() if "post" in item}
    assert posts == {*BODIES, WEBHOOK}  # LiveKit's own, of which a few fields are read
    for path, kind in BODIES.items():
        assert_same_fields(body_schema(path), kind)
    assert_same_fields(SCHEMA["$defs"]["signal"], SignalData)
    assert_same_fields(SCHEMA["$defs"]["signal"]["properties"]["description"], Description)


def test_the_document_and_the_server_have_the_same_paths() -> None:
    """All that is served, but for the page, is written down, and all that is written down is served."""
    services = Services(
        machine=Machine(Recorder()),
        media=Peer(),
        metrics=Metrics(),
        tokens=Tokens(Keyring.parse("s" * 32)),
        origins=Origins(),
        pools=("main",),
    )
    hooks = webhook(Webhooks(PROJECT, Namespace("x")), lambda _match, _fact: None, services.metrics)
    app = build(services, events=NoEvents(), is_ready=lambda: True, web=None, webhook=hooks)
    public = served_by(app.rest) | {(path, method.lower()) for path, method in app.methods.items()}
    inside = served_by(build_ops(services, lambda: True))
    written = {(path, word) for path, item in DOCUMENT["paths"].items() for word in item}
    elsewhere = {path for path, word in written if word == "servers"}
    assert public | inside == {each for each in written if each[1] != "servers"}
    assert {path for path, _ in inside - public} == elsewhere


def served_by(app: Starlette) -> set[tuple[str, str]]:
    """Path and method of each route."""
    return {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }


def test_one_word_for_one_thing() -> None:
    """Document, schema and vocabulary list the same words."""
    defs = SCHEMA["$defs"]
    assert set(defs["transports"]["enum"]) == set(Transports)
    assert set(DOCUMENT["components"]["schemas"]["Comparison"]["required"]) == set(Comparison._fields)
    assert set(defs["end_reason"]["enum"]) == set(EndReason)
    assert set(defs["idle_reason"]["enum"]) == set(IdleReason)
    assert set(defs["state"]["properties"]["state"]["enum"]) == set(State)
    assert set(defs["state"]["properties"]["wish"]["enum"]) == set(Wish)
    assert set(body_schema("/v1/pulse")["properties"]["media"]["enum"]) == set(Media)
    assert set(body_schema("/v1/reports")["properties"]["reason"]["enum"]) == set(ReportReason)
    assert set(DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) == set(Code)
