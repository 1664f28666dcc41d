"""The contract as an AsyncAPI 3.0 document (asyncapi.com, specification 3.0.0): one document for both sides.

An operation says whose it is: `storeSends…`, `officeReceives…`. MQTT bindings are those of version 0.2.0. AsyncAPI has
no pattern for parameters: it stands in `x-pattern`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from contract.ids import NAME
from contract.json_schema import Schema, draft7
from contract.topics import EventType, Topics

Side = Literal["store", "office"]
QOS = 1
BINDING = "0.2.0"
EMPTY = "Cleared"
CONTENT_TYPE = "application/json"
_OTHER: dict[Side, Side] = {"store": "office", "office": "store"}
_SIDES = {"store": "The agent on a store's PC.", "office": "Head office, or any consumer of its own."}
_AT = Topics("_store_")


@dataclass(frozen=True, slots=True)
class Plane:
    """One channel. `messages` are shapes of `json_schema`; `reply` is the channel of the answer."""

    key: str
    topic: str  # with parameters as `_name_`
    sender: Side
    retained: bool
    messages: tuple[str, ...]
    summary: str
    reply: str | None = None
    replies: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        return re.sub(r"_([a-z]+)_", r"{\1}", self.topic)


def _request(verb: str, messages: tuple[str, ...], summary: str) -> Plane:
    return Plane(
        f"request{verb.title().replace('-', '')}", _AT.request(verb), "office", False, messages, summary, "response",
        ("Response",),
    )  # fmt: skip


def _ask(verb: str, message: str, answer: str, summary: str) -> Plane:
    return Plane(f"ask{verb.title()}", _AT.ask(verb), "store", False, (message,), summary, "answer", (answer,))


_EVENTS = {
    EventType.MOVEMENT: "Stock moved: received, moved, sold, returned, transferred, adjusted, reversed.",
    EventType.COUNT: "An approved count of one zone, line by line, with its accuracy.",
    EventType.DOCUMENT: "A receipt, transfer or pick opened, closed or closed short.",
    EventType.EXCEPTION: "Something that a person must look at.",
    EventType.JOURNAL: "Every other event: sessions, count scans, reservations, tags, openings, checkpoints.",
}
PLANES: tuple[Plane, ...] = (
    *(
        Plane(kind.value, _AT.events(kind), "store", False, (f"{kind.capitalize()}Message",), summary)
        for kind, summary in _EVENTS.items()
    ),
    Plane("state", _AT.state(), "store", True, ("State",), "Online, stopped or offline; also the store's will."),
    Plane("health", _AT.health(), "store", True, ("Health",), "Every 60 s and on change."),
    Plane("device", _AT.device("_device_"), "store", True, ("DeviceState",), "One scanner, reader or printer."),
    Plane(
        "level", _AT.level("_sku_"), "store", True, ("Level", EMPTY),
        "Stock of one item, coalesced; empty: the item has none any more. Retained unless the store is set otherwise.",
    ),
    Plane(
        "epcis", _AT.epcis(), "store", False, ("EpcisDocument",),
        "Optional: the events that have a meaning there as EPCIS 2.0, each document before the message of its events.",
    ),
    Plane("ack", _AT.ack("_consumer_"), "office", True, ("Ack",), "All events up to `seq` are durably stored."),
    Plane(
        "expected", _AT.expected("_document_"), "office", True, ("ExpectedDocument", EMPTY),
        "What a store is to receive, send or count; empty: withdrawn.",
    ),
    _request("replay", ("Replay",), "Send events again, from one on."),
    _request("digest", ("StockDigest", "ChainDigest"), "Sums and hashes over SKUs or a range of events."),
    _request("reserve", ("Reserve",), "Keep goods for an order."),
    _request("release", ("Release",), "What is left of a reservation is free again."),
    _request("ping", ("Ping",), "Answered with the head of the log."),
    _request("restart-device", ("RestartDevice",), "Close and open a device's connection."),
    Plane("response", _AT.response("_request_"), "store", False, ("Response",), "To a request, recorded by its id."),
    _ask("catalog", "Ask", "CatalogPage", "Items that changed since a revision, page by page."),
    _ask("expected", "Ask", "ExpectedPage", "Documents that changed since a revision, page by page."),
    _ask("restore", "AskRestore", "RestorePage", "The store's own events back, page by page."),
    _ask("resolve", "AskResolve", "Resolved", "A code that the store does not know."),
    Plane(
        "answer", _AT.answer("_ask_"), "office", False, ("CatalogPage", "ExpectedPage", "RestorePage", "Resolved"),
        "To a store's question.",
    ),
    Plane("alert", _AT.alert("_alert_"), "office", False, ("Alert",), "An alert was raised, acknowledged or closed."),
    Plane("catalog", _AT.catalog("_sku_"), "office", True, ("Item",), "The item master, one for all stores."),
)  # fmt: skip
_PARAMETERS = {
    "store": ("store id; `catalog` is none; alerts of no one store have `headoffice`", "S001", None),
    "sku": ("item", "MILK-1L", "$message.payload#/sku"),
    "device": ("name of the device", "dock-ssi", "$message.payload#/device"),
    "consumer": ("who acknowledges, as the store's configuration names it", "headoffice", None),
    "document": ("name of the document", "ASN-4711", "$message.payload#/document"),
    "request": ("id of the request", "hq-17", "$message.payload#/id"),
    "alert": ("id of the alert", "17", None),
    "ask": ("id of the question", "019a8b1c-0000-7000-8000-0000000000aa", "$message.payload#/id"),
}


def document(shapes: Mapping[str, Schema], examples: Mapping[str, Iterable[tuple[str, Any]]]) -> Schema:
    """`shapes` as `json_schema.definitions` gives them; `examples` by message: name and payload."""
    names = sorted({name for plane in PLANES for name in (*plane.messages, *plane.replies)})
    return {
        "asyncapi": "3.0.0",
        "id": "urn:jaego:stock:v1",
        "info": _info(),
        "defaultContentType": CONTENT_TYPE,
        "servers": _servers(),
        "channels": {plane.key: _channel(plane) for plane in PLANES},
        "operations": {name: one for plane in PLANES for name, one in _operations(plane)},
        "components": {
            "messages": {name: _message(name, shapes, examples.get(name, ())) for name in names},
            "schemas": draft7(dict(shapes)),
            "parameters": {name: _parameter(*said) for name, said in _PARAMETERS.items()},
            "securitySchemes": {
                "password": {"type": "userPassword", "description": "User name and password of one store or consumer."},
                "certificate": {"type": "X509", "description": "A client certificate; its name is the user name."},
            },
        },
    }


def _info() -> Schema:
    return {
        "title": "Jaego: stock of stores",
        "version": "1.0.0",
        "description": (
            "Every store's stock movements as one ordered, hash-chained log per store, and the commands down to "
            "it, over MQTT 3.1.1 or 5 with QoS 1. JSON in UTF-8; quantities are integers in the item's base unit; "
            "times are RFC 3339 with the store's offset. Readers ignore members that they do not know; a member "
            "is absent where there is nothing to say. Events come at least once and in the order of `seq`: a "
            "consumer is exactly-once by remembering store, log and seq, and acknowledges what is on its disk. "
            "The prefix `stock/v1` is a setting; a breaking change is a new prefix. contract.md tells the whole "
            "of it, consume.md how to begin."
        ),
        "license": {"name": "Apache-2.0"},
        "tags": [{"name": side, "description": said} for side, said in _SIDES.items()],
    }


def _servers() -> Schema:
    security = [{"$ref": "#/components/securitySchemes/password"}, {"$ref": "#/components/securitySchemes/certificate"}]
    mqtt = {"mqtt": {"cleanSession": False, "keepAlive": 15, "bindingVersion": BINDING}}
    return {
        "tls": {
            "host": "{broker}:8883",
            "protocol": "secure-mqtt",
            "protocolVersion": "5.0",
            "description": "TLS; MQTT 3.1.1 is served as well. What a name may read and write is the broker's to say.",
            "variables": {"broker": {"default": "broker.example.com", "description": "host of the broker"}},
            "security": security,
            "bindings": mqtt,
        },
        "local": {
            "host": "127.0.0.1:1883",
            "protocol": "mqtt",
            "protocolVersion": "5.0",
            "description": "A broker on this machine, to try it.",
            "bindings": mqtt,
        },
    }


def _parameter(said: str, example: str, location: str | None) -> Schema:
    where = {"location": location} if location else {}
    return {"description": said, "examples": [example], "x-pattern": f"^{NAME.pattern}$", **where}


def _channel(plane: Plane) -> Schema:
    names = re.findall(r"{(\w+)}", plane.address)
    parameters = {name: {"$ref": f"#/components/parameters/{name}"} for name in names}
    return {
        "address": plane.address,
        "summary": plane.summary,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in plane.messages},
        **({"parameters": parameters} if parameters else {}),
    }


def _operations(plane: Plane) -> Iterable[tuple[str, Schema]]:
    what = plane.key[0].upper() + plane.key[1:]
    channel = {"$ref": f"#/channels/{plane.key}"}
    messages = [{"$ref": f"#/channels/{plane.key}/messages/{name}"} for name in plane.messages]
    reply: Schema = {}
    if plane.reply is not None:
        answers = [{"$ref": f"#/channels/{plane.reply}/messages/{name}"} for name in plane.replies]
        reply = {"reply": {"channel": {"$ref": f"#/channels/{plane.reply}"}, "messages": answers}}
    sides: tuple[tuple[Side, str, Schema], ...] = (
        (plane.sender, "send", {"qos": QOS, "retain": plane.retained}),
        (_OTHER[plane.sender], "receive", {"qos": QOS}),
    )
    for side, action, binding in sides:
        yield (
            f"{side}{action.capitalize()}s{what}",
            {
                "action": action,
                "channel": channel,
                "summary": plane.summary,
                "tags": [{"name": side}],
                "bindings": {"mqtt": {**binding, "bindingVersion": BINDING}},
                "messages": messages,
                **reply,
            },
        )


def _message(name: str, shapes: Mapping[str, Schema], examples: Iterable[tuple[str, Any]]) -> Schema:
    shown = {"examples": [{"name": said, "payload": payload} for said, payload in examples]}
    if name == EMPTY:
        payload: Schema = {"type": "string", "maxLength": 0, "description": "no byte at all"}
        return {"name": name, "title": name, "contentType": "text/plain", "payload": payload, **shown}
    said = {"summary": text} if (text := shapes[name].get("description")) else {}
    payload = {"$ref": f"#/components/schemas/{name}"}
    return {"name": name, "title": name, **said, "contentType": CONTENT_TYPE, "payload": payload, **shown}
