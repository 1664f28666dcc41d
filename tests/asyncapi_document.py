"""`python -m tests.asyncapi_document`: writes docs/asyncapi.json and docs/schemas/ anew, from the code's models.

Examples are messages of the recorded traffic (tests/fixtures/traffic). A test holds the files against the models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from contract import asyncapi, json_schema
from contract.asyncapi import EMPTY, PLANES, Plane
from tests.contract_document import meaning

DOCS = Path(__file__).parent.parent / "docs"
DOCUMENT = DOCS / "asyncapi.json"
SCHEMAS = DOCS / "schemas"
TRAFFIC = Path(__file__).parent / "fixtures" / "traffic"
EXAMPLES = 2  # of each message, and one of each kind of event
EXAMPLE_CHARACTERS_MAX = 4000


class Recorded(NamedTuple):
    topic: str
    retained: bool
    payload: str


def recorded(name: str) -> list[Recorded]:
    return [Recorded(**json.loads(line)) for line in (TRAFFIC / name).read_text("utf-8").splitlines()]


def plane_of(topic: str) -> Plane:
    """The one channel whose address it is; a word of the contract goes before a parameter."""
    found = [one for one in PLANES if re.fullmatch(re.sub(r"{\w+}", r"[A-Za-z0-9._-]{1,64}", one.address), topic)]
    [one] = [one for one in found if one.key == "catalog"] if topic.startswith("stock/v1/catalog/") else found
    return one


def shape_name(one: str) -> str:
    """`StockDigest` is in stock-digest.json."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", one).lower()


def validators() -> dict[str, Draft202012Validator]:
    """Of the files in docs/schemas, by message."""
    found: dict[str, Draft202012Validator] = {}
    for path in SCHEMAS.glob("*.json"):
        schema = json.loads(path.read_text("utf-8"))
        found[schema["title"]] = Draft202012Validator(schema)
    return found


def messages_of(one: Recorded, known: Mapping[str, Draft202012Validator]) -> list[str]:
    """The messages of its channel that it is one of."""
    names = plane_of(one.topic).messages
    if not one.payload:
        return [name for name in names if name == EMPTY]
    body = json.loads(one.payload)
    return [name for name in names if name != EMPTY and known[name].is_valid(body)]


def shapes() -> dict[str, Any]:
    return json_schema.definitions(meaning)


def message_names() -> list[str]:
    return sorted({name for one in PLANES for name in one.messages} - {EMPTY})


def examples() -> dict[str, list[tuple[str, Any]]]:
    """The shortest that were recorded."""
    known = {name: Draft202012Validator(json_schema.document(name, "x", shapes())) for name in message_names()}
    found: dict[str, list[tuple[str, Any]]] = {}
    shown: set[tuple[str, str]] = set()
    for one in sorted(recorded("kinds.jsonl"), key=lambda one: (len(one.payload), one)):
        body = json.loads(one.payload) if one.payload else ""
        for name in messages_of(one, known):
            held = found.setdefault(name, [])
            kind = body["events"][0]["data"]["kind"] if name.endswith("Message") else str(len(held) % EXAMPLES)
            if (name, kind) not in shown and (len(one.payload) <= EXAMPLE_CHARACTERS_MAX or not held):
                shown.add((name, kind))
                held.append((one.topic, body))
    return found


def files() -> Iterator[tuple[Path, str]]:
    made = shapes()
    yield DOCUMENT, _text(asyncapi.document(made, examples()))
    for name in message_names():
        title = shape_name(name)
        yield SCHEMAS / f"{title}.json", _text(json_schema.document(name, title, made))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    SCHEMAS.mkdir(exist_ok=True)
    for old in SCHEMAS.glob("*.json"):
        old.unlink()
    for path, text in files():
        path.write_text(text, "utf-8")
