"""Writes docs/api.md from the table of endpoints: `python -m tests.api_document`. A test holds the two together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.web.api import ENDPOINTS, described
from agent.web.endpoint import API, Endpoint
from agent.web.openapi import REFUSALS

DOCUMENT = Path(__file__).parent.parent / "docs" / "api.md"
HEAD = """\
# The local HTTP API

Made from `agent/web/api.py` by `python -m tests.api_document`. The agent serves the same as OpenAPI 3.1 under
`GET /api/v1/openapi.json`.

- A program sends `Authorization: Bearer <token>` (`jaego token add`); a token has scopes: `read`, `sales`, `stock`,
  `admin`. A screen has a session and sends `X-Jaego-CSRF` with what it writes: [security-web.md](security-web.md).
- Bodies are `application/json`, at most 64 KiB, sales 1 MiB. Members that are not documented are refused in what is
  sent, and may be added to what is answered.
- Writing is answered once it is durable: `seqs` are the events that say so. A refused call has written nothing.
- Quantities are integers in the item's base unit. Lists come in pages: ask on with what the page says, while `more` is
  true.
- Every refusal is `{"error": word for machines, "hint": what to do, "field": where}`; `?lang=ko` or `en` chooses the
  hint's language.

| status | means |
|---|---|
"""


def document() -> str:
    schemas = described()["components"]["schemas"]
    parts = [HEAD + "".join(f"| {status} | {means} |\n" for status, means in REFUSALS.items())]
    parts += [_endpoint(one, schemas) for one in ENDPOINTS]
    parts.append("## Shapes\n\n" + "\n".join(shape_of(name, schemas[name]) for name in _named(schemas)))
    return "\n".join(parts)


def _endpoint(one: Endpoint, schemas: dict[str, Any]) -> str:
    who = "open on this PC" if one.open else f"scope `{one.scope}`, role {one.role}"
    lines = [f"## {one.method} {API}{one.path}\n", f"{one.does}. ({who})\n"]
    operation = described()["paths"][API + one.path][one.method.lower()]
    listed = [held for held in operation["parameters"] if held["name"] != "lang"]
    if listed:
        lines.append("| parameter | in | required | what |\n|---|---|---|---|")
        lines += [
            f"| `{held['name']}` | {held['in']} | {'yes' if held['required'] else 'no'} | {_meaning(held)} |"
            for held in listed
        ]
        lines.append("")
    if one.body is not None and schemas[one.body.__name__].get("properties"):
        lines.append(f"Body: `{one.body.__name__}`. ")
    lines.append(f"Answers `{one.tells.__name__}`.\n")
    return "\n".join(lines)


def _meaning(held: dict[str, Any]) -> str:
    return f"{type_of(held['schema'])}. {held.get('description', '')}".strip().removesuffix(".")


def _named(schemas: dict[str, Any]) -> list[str]:
    return [name for name, shape in schemas.items() if shape.get("properties")]


def shape_of(name: str, shape: dict[str, Any]) -> str:
    about = " ".join(str(shape.get("description", "")).split())
    lines = [f"### {name}\n"] + ([about + "\n"] if about else [])
    lines.append("| member | type | required | what |\n|---|---|---|---|")
    required = shape.get("required", [])
    for member, held in shape["properties"].items():
        what = str(held.get("description", "")).replace("|", "\\|")
        lines.append(f"| `{member}` | {type_of(held)} | {'yes' if member in required else 'no'} | {what} |")
    return "\n".join(lines) + "\n"


def type_of(held: dict[str, Any]) -> str:
    if "$ref" in held:
        return f"`{held['$ref'].rpartition('/')[2]}`"
    if "anyOf" in held:
        return " or ".join(dict.fromkeys(type_of(one) for one in held["anyOf"]))
    if "enum" in held:
        return ", ".join(f"`{one}`" for one in held["enum"])
    if "const" in held:
        return f"`{held['const']}`"
    if held.get("type") == "array":
        return f"list of {type_of(held['items'])}" if "items" in held else "list"
    limits = [f"{word} {held[key]}" for key, word in _LIMITS if key in held]
    return " ".join([str(held.get("type", "any")), *limits])


_LIMITS = (("minimum", "from"), ("maximum", "to"), ("maxLength", "at most"))

if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
