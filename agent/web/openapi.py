"""The OpenAPI 3.1 document, from the table of endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from agent import VERSION
from agent.operations.transactions import Transaction
from agent.web.endpoint import API, PATH_SHAPES, Endpoint, Refusal, Word

REFUSALS = {
    400: "A parameter or the JSON is malformed",
    401: "Nobody is known by that token or session",
    403: "Not with that scope or role",
    404: "There is no such thing",
    409: "It cannot be done as things are",
    413: "The body is too long",
    415: "The body is not application/json",
    422: "The body says something that cannot be",
    429: "Too many requests; retry-after says when",
    503: "Not recorded, or too much is asked at once; retry-after says when",
}
_SCHEMA = "#/components/schemas/{model}"


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    listed = list(endpoints)
    paths: dict[str, Any] = {}
    for one in listed:
        paths.setdefault(API + one.path, {})[one.method.lower()] = operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Jaego, the agent of a store",
            "version": VERSION,
            "description": "Quantities are integers in an item's base unit. Writing answers once it is durable.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(listed),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "jaego token add"},
                "session": {"type": "apiKey", "in": "cookie", "name": "jaego_session", "description": "of a screen"},
            },
        },
    }


def _schemas(endpoints: list[Endpoint]) -> dict[str, Any]:
    # As `validation`: as `serialization`, members with defaults would be required.
    models: list[type[BaseModel]] = [
        Refusal,
        Transaction,  # what each of a batch of sales is
        *(one.tells for one in endpoints),
        *(one.body for one in endpoints if one.body),
    ]
    unique = list(dict.fromkeys(models))
    _, found = models_json_schema([(one, "validation") for one in unique], ref_template=_SCHEMA)
    return dict(sorted(found.get("$defs", {}).items()))


def operation(one: Endpoint) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": _name(one),
        "summary": one.does,
        "parameters": [*_path_parameters(one), *_query_parameters(one), *_header_parameters(one)],
        "responses": {"200": _json("Done", one.tells)}
        | {str(status): _json(REFUSALS[status], Refusal) for status in one.statuses},
        "x-scope": one.scope,
        "x-role": one.role,
    }
    if one.open:
        told["security"] = []
    if one.body is not None:
        told["requestBody"] = {"required": True, "content": _content(one.body)}
    return told


def _name(one: Endpoint) -> str:
    words = [part.strip("{}").replace(".", "_").replace("-", "_") for part in one.path.split("/") if part]
    return "_".join([one.method.lower(), *words])


def _json(description: str, model: type[BaseModel]) -> dict[str, Any]:
    return {"description": description, "content": _content(model)}


def _content(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _SCHEMA.format(model=model.__name__)}}}


def _path_parameters(one: Endpoint) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": TypeAdapter[Any](PATH_SHAPES.get(name, Word)).json_schema(),
        }
        for name in one.parameters
    ]


def _query_parameters(one: Endpoint) -> list[dict[str, Any]]:
    schema = one.query.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _plain(shape)}
        | ({"description": shape["description"]} if "description" in shape else {})
        for name, shape in schema["properties"].items()
    ]


def _header_parameters(one: Endpoint) -> list[dict[str, Any]]:
    return [
        {
            "name": header.name,
            "in": "header",
            "required": header.required,
            "description": header.description,
            "schema": {"type": "string", "pattern": f"^{header.pattern}$"},
        }
        for header in one.headers
    ]


def _plain(shape: dict[str, Any]) -> dict[str, Any]:
    """A parameter is absent, never null."""
    options = [one for one in shape.get("anyOf", []) if one.get("type") != "null"]
    held = {name: value for name, value in shape.items() if name not in {"anyOf", "title", "description"}}
    if held.get("default", "") is None:
        del held["default"]
    return held | options[0] if options else held
