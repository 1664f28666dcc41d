"""The contract's models as JSON Schemas for people and programs that do not read Python.

pydantic knows the shapes; here they get the contract's words: a member that may be absent is not required (`null`
stands only where the contract says so), and what readers must ignore is not forbidden.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from contract import answers, documents, events, messages
from contract.catalog import Item
from contract.topics import EventType

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
Meaning = Callable[[type[BaseModel], str], str | None]  # of a member, where its model leaves that to its name
# The rest of it is GS1's to say: https://ref.gs1.org/standards/epcis/2.0.0/epcis-json-schema.json
EPCIS_DOCUMENT: Schema = {
    "title": "EpcisDocument",
    "description": "An EPCISDocument of GS1 EPCIS 2.0; GS1's own schema says what its events are.",
    "type": "object",
    "properties": {
        "@context": {"type": "array"},
        "type": {"const": "EPCISDocument"},
        "schemaVersion": {"const": "2.0"},
        "creationDate": {"type": "string"},
        "epcisBody": {
            "type": "object",
            "properties": {"eventList": {"type": "array", "items": {"type": "object"}, "minItems": 1}},
            "required": ["eventList"],
        },
    },
    "required": ["@context", "type", "schemaVersion", "creationDate", "epcisBody"],
}
ROOTS: tuple[type[BaseModel], ...] = (
    *(events.MovementEvent, events.CountEvent, events.DocumentEvent, events.ExceptionEvent, events.JournalEvent),
    *(messages.State, messages.Health, messages.DeviceState, messages.Level, messages.Ack, messages.Alert),
    *(messages.Replay, messages.StockDigest, messages.ChainDigest, messages.Ping, messages.RestartDevice),
    *(messages.Reserve, messages.Release, messages.Response, messages.DigestResult),
    *(messages.Ask, messages.AskResolve, answers.CatalogPage, answers.ExpectedPage, answers.Resolved),
    *(messages.AskRestore, answers.RestorePage),
    *(documents.ExpectedDocument, Item),
)  # fmt: skip


def definitions(meaning: Meaning) -> dict[str, Schema]:
    """Every shape by name; references are `#/$defs/{name}`."""
    _, found = models_json_schema([(one, "validation") for one in ROOTS], by_alias=True)
    models = {one.__name__: one for one in _family(ROOTS)}
    shapes: dict[str, Schema] = {}
    for name, raw in sorted(found["$defs"].items()):
        model = models[name]
        shape = cast("Schema", _plain(raw))
        shape["title"] = name
        if not issubclass(model, messages.Request):
            shape.pop("additionalProperties", None)
        for member, value in shape["properties"].items():
            said = value.get("description") or meaning(model, member)
            if said:
                value["description"] = said
        shapes[name] = shape
    for kind in EventType:
        shapes[f"{kind.capitalize()}Message"] = _event_message(kind)
    return shapes | {"EpcisDocument": EPCIS_DOCUMENT}


def _event_message(kind: EventType) -> Schema:
    """`EventMessage` with the events that travel on this topic."""
    shape = cast("Schema", _plain(events.EventMessage.model_json_schema()))
    shape["title"] = f"{kind.capitalize()}Message"
    shape["description"] = f"Payload of `{kind}`: consecutive events of that type, oldest first."
    shape["properties"]["events"]["items"] = {"$ref": f"#/$defs/{kind.capitalize()}Event"}
    return shape


def document(name: str, title: str, shapes: Mapping[str, Schema]) -> Schema:
    """One shape and all that it refers to, as a file of its own (2020-12)."""
    held: dict[str, Schema] = {}
    waiting = list(references(shapes[name]))
    while waiting:
        one = waiting.pop()
        if one not in held:
            held[one] = shapes[one]
            waiting += references(shapes[one])
    own = shapes[name]
    return {
        "$schema": DIALECT,
        "$id": f"urn:jaego:stock:v1:{title}",
        **own,
        **({"$defs": dict(sorted(held.items()))} if held else {}),
    }


def draft7(shape: Any) -> Any:
    """For AsyncAPI: tuples as lists of schemas, references into the document's components."""
    if isinstance(shape, list):
        return [draft7(one) for one in cast("list[Any]", shape)]
    if not isinstance(shape, dict):
        return shape
    found = {"items" if name == "prefixItems" else name: draft7(value) for name, value in cast("Schema", shape).items()}
    if "$ref" in found:
        # Draft 7 looks at nothing beside a reference.
        found = {"$ref": found["$ref"].replace("#/$defs/", "#/components/schemas/")}
    return found


def references(shape: Any) -> Iterator[str]:
    if isinstance(shape, list):
        for one in cast("list[Any]", shape):
            yield from references(one)
    elif isinstance(shape, dict):
        for name, value in cast("Schema", shape).items():
            if name == "$ref":
                yield value.rpartition("/")[2]
            else:
                yield from references(value)


def _family(models: Sequence[type[BaseModel]]) -> set[type[BaseModel]]:
    """The models, and those that their members are made of."""
    found: set[type[BaseModel]] = set()
    waiting: list[Any] = list(models)
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, BaseModel):
            if one not in found:
                found.add(one)
                waiting += [field.annotation for field in one.model_fields.values()]
        else:
            waiting += get_args(one)
    return found


def _without_null(shape: Schema) -> Schema:
    """A member that is absent by default is never null."""
    if "anyOf" not in shape or shape.get("default", shape) is not None:
        return shape
    others = [one for one in shape["anyOf"] if one != {"type": "null"}]
    rest = {name: value for name, value in shape.items() if name not in {"anyOf", "default"}}
    return {**others[0], **rest} if len(others) == 1 else {"anyOf": others, **rest}


def _plain(shape: Any) -> Any:
    """Without the words that only pydantic needs."""
    if isinstance(shape, list):
        return [_plain(one) for one in cast("list[Any]", shape)]
    if not isinstance(shape, dict):
        return shape
    found: Schema = {}
    for name, value in _without_null(cast("Schema", shape)).items():
        if name == "properties":
            found[name] = {member: _plain(one) for member, one in value.items()}
        elif name == "description":
            found[name] = re.sub(r"\s*\n\s*", " ", value)
        elif name not in {"title", "discriminator"} and not (name == "default" and value is None):
            found[name] = _plain(value)
    return found
