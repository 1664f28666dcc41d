"""docs/asyncapi.json and docs/schemas: made from the models, right for the public parser, true of recorded traffic."""

from __future__ import annotations

import inspect
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator, ValidationError
from pydantic import BaseModel

from contract import answers, events, messages
from contract.asyncapi import EMPTY, PLANES
from contract.documents import parse_document
from contract.topics import EventType, Topics, parse
from tests import asyncapi_document as made
from tests.asyncapi_document import Recorded, recorded

ROOT = made.DOCS.parent
PARSER = ROOT / "build" / "asyncapi"
NODE = shutil.which("node", path=f"{ROOT / '.venv' / 'bin'}") or shutil.which("node")
# Models that are parts of messages, or that messages are made from.
NO_MESSAGES = {messages.Request, answers.Page}
KINDS, LOG = recorded("kinds.jsonl"), recorded("log.jsonl")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(made.DOCUMENT.read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def schemas() -> dict[str, Draft202012Validator]:
    return made.validators()


def test_the_files_are_of_these_models() -> None:
    """Else: python -m tests.asyncapi_document"""
    files = dict(made.files())
    assert {*files} == {made.DOCUMENT, *made.SCHEMAS.glob("*.json")}
    assert not [path.name for path, text in files.items() if path.read_text("utf-8") != text]


def test_the_public_parser_takes_the_document() -> None:
    if NODE is None or not (PARSER / "node_modules").exists():
        pytest.skip("needs node and the AsyncAPI parser (scripts/asyncapi)")
    command = [NODE, str(ROOT / "tests" / "asyncapi" / "check.mjs"), str(PARSER), str(made.DOCUMENT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    *said, counts = [json.loads(line) for line in done.stdout.splitlines()]
    assert not [one for one in said if one["code"] != "asyncapi-latest-version"]
    assert counts == {"channels": len(PLANES), "operations": 2 * len(PLANES)}


def test_the_public_parser_would_not_take_anything(tmp_path: Path, document: dict[str, Any]) -> None:
    if NODE is None or not (PARSER / "node_modules").exists():
        pytest.skip("needs node and the AsyncAPI parser (scripts/asyncapi)")
    path = tmp_path / "broken.json"
    changed = document["operations"]["storeSendsLevel"] | {"action": "shout"}
    path.write_text(json.dumps(document | {"operations": {"storeSendsLevel": changed}}))
    command = [NODE, str(ROOT / "tests" / "asyncapi" / "check.mjs"), str(PARSER), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    paths = [json.loads(line).get("path", "") for line in done.stdout.splitlines()]
    assert any(path.startswith("operations/storeSendsLevel") for path in paths)


def topics() -> Iterator[str]:
    """Every topic that `Topics` can say, requests and questions of every verb."""
    at = Topics("S001")
    for name in (name for name in vars(Topics) if not name.startswith("_") and callable(getattr(Topics, name))):
        method = getattr(at, name)
        words = {"events": [*EventType], "request": VERBS, "ask": ["catalog", "expected", "resolve", "restore"]}.get(
            name, ["x"]
        )
        yield from [method(word) for word in words] if inspect.signature(method).parameters else [method()]


VERBS = ["replay", "digest", "reserve", "release", "ping", "restart-device"]


@pytest.mark.parametrize("topic", [*topics()])
def test_every_topic_has_a_channel(topic: str, document: dict[str, Any]) -> None:
    assert document["channels"][made.plane_of(topic).key]["messages"]


def test_every_channel_is_a_topic() -> None:
    keys = [made.plane_of(topic).key for topic in topics()]
    assert sorted(keys) == sorted(one.key for one in PLANES)


def test_every_message_is_in_the_document(document: dict[str, Any]) -> None:
    shapes = document["components"]["schemas"]
    for module in (messages, answers, events):
        for name, model in inspect.getmembers(module, inspect.isclass):
            if issubclass(model, BaseModel) and model.__module__ == module.__name__ and model not in NO_MESSAGES:
                assert name in shapes or f"{name[:-8]}Message" in shapes or name in {"EventMessage", "Envelope"}, name
    verbs = {name for one in PLANES if one.key.startswith("request") for name in one.messages}
    assert verbs == {one.__name__ for one in messages.Request.__subclasses__()}


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    def lookup(path: str) -> Any:
        found: Any = document
        for name in path.removeprefix("#/").split("/"):
            found = found[name]
        return found

    def walk(value: Any) -> Iterator[str]:
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            if name == "$ref":
                yield one
            elif isinstance(one, dict | list):
                yield from walk(one)

    assert len([lookup(one) for one in walk(document)]) > 100


def test_bindings_say_what_the_contract_says(document: dict[str, Any]) -> None:
    """docs/contract.md: QoS 1 everywhere; these topics are retained and no others."""
    retained = set()
    for name, one in document["operations"].items():
        mqtt = one["bindings"]["mqtt"]
        assert (mqtt["qos"], mqtt["bindingVersion"]) == (1, "0.2.0"), name
        key = one["channel"]["$ref"].rpartition("/")[2]
        assert (one["action"] == "send") == ("retain" in mqtt)
        retained |= {key} if mqtt.get("retain") else set()
        assert {ref["$ref"].rpartition("/")[2] for ref in one["messages"]} == {*document["channels"][key]["messages"]}
    assert retained == {"state", "health", "device", "level", "ack", "expected", "catalog"}


def test_examples_are_of_their_schemas(document: dict[str, Any]) -> None:
    parts = {"components": document["components"]}
    for name, message in document["components"]["messages"].items():
        validator = Draft7Validator({**message["payload"], **parts})
        assert message["examples"], f"{name} has no example: python -m tests.contract.record_traffic"
        for one in message["examples"]:
            validator.validate(one["payload"])


# -- recorded traffic -------------------------------------------------------------------------------------------------


def test_recorded_traffic_is_of_every_plane_and_message(schemas: dict[str, Draft202012Validator]) -> None:
    seen = {(made.plane_of(one.topic).key, name) for one in KINDS for name in made.messages_of(one, schemas)}
    wanted = {(plane.key, name) for plane in PLANES for name in plane.messages}
    assert wanted - seen == {("level", EMPTY)}  # nothing vanished while it was recorded


@pytest.mark.parametrize("one", KINDS + LOG, ids=lambda one: one.topic.removeprefix("stock/v1/"))
def test_recorded_traffic_is_what_the_schemas_say(one: Recorded, schemas: dict[str, Draft202012Validator]) -> None:
    assert made.messages_of(one, schemas)


@pytest.mark.parametrize("one", KINDS, ids=lambda one: one.topic.removeprefix("stock/v1/"))
def test_a_member_that_must_be_there_is_missed(one: Recorded, schemas: dict[str, Draft202012Validator]) -> None:
    if not one.payload:
        return
    [*names] = made.messages_of(one, schemas)
    body = json.loads(one.payload)
    for name in names:
        for member in schemas[name].schema["required"]:
            with pytest.raises(ValidationError):
                schemas[name].validate({key: value for key, value in body.items() if key != member})
        schemas[name].validate({**body, "of_a_later_release": 1}) if not name.endswith(CLOSED) else None


CLOSED = ("Replay", "Digest", "Reserve", "Release", "Ping", "RestartDevice")


def test_an_event_that_the_models_refuse_is_refused_by_the_schemas(schemas: dict[str, Draft202012Validator]) -> None:
    """One member after the other made wrong: both know it, or neither does."""
    tried = 0
    for one in KINDS:
        address = parse(one.topic)
        assert address is not None
        if address.plane not in {*EventType} or len(one.payload) > 4000:
            continue
        body = json.loads(one.payload)
        for event in body["events"]:
            for room in (event, event["data"], event["source"]):
                for member, value in [*room.items()]:
                    for wrong in (None, -1, "not a name!", []):
                        room[member] = wrong
                        valid = schemas[f"{address.plane.capitalize()}Message"].is_valid(body)
                        assert valid <= _taken(event), (one.topic, member, wrong)
                        tried += 1
                    room[member] = value
    assert tried > 1000


def _taken(event: dict[str, Any]) -> bool:
    try:
        events.EVENT.validate_python(event)
    except ValueError:
        return False
    return True


def test_expected_documents_are_what_the_reader_takes(schemas: dict[str, Draft202012Validator]) -> None:
    for one in KINDS:
        if made.plane_of(one.topic).key == "expected" and one.payload:
            assert parse_document(json.loads(one.payload)).document == one.topic.rpartition("/")[2]
