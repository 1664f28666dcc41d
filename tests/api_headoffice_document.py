"""Writes docs/api-headoffice.md from the desk's endpoints: `python -m tests.api_headoffice_document`.

A test holds the two together.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from headoffice.clock import SystemClock
from headoffice.view.figures import Figures
from headoffice.web.access import Gate
from headoffice.web.app import build
from headoffice.web.errors import REFUSALS
from headoffice.web.hub import Hub
from headoffice.web.room import Pool, Room
from tests.api_document import shape_of, type_of

DOCUMENT = Path(__file__).parent.parent / "docs" / "api-headoffice.md"
HEAD = """\
# Head office's API

Made from `headoffice/web/api_*.py` by `python -m tests.api_headoffice_document`. The desk (`jaego-hq desk`) serves
the same as OpenAPI 3.1 under `GET /api/v1/openapi.json`.

- A program sends `Authorization: Bearer <token>` (`jaego-hq token add NAME --role view|act`): `view` reads, `act`
  writes too. A browser opens a login with a token and sends its cookie; with `jaego-hq desk --open` whoever is on this
  machine needs neither. What is written without a token in the header carries `X-Jaego-Desk: 1`.
- Quantities are integers in the item's base unit. Times that end in `_us` are microseconds since 1970 by head office's
  clock, those that end in `_at` are the stores' own, RFC 3339.
- Lists come in pages: `{"rows": [...], "more": cursor or null}`; ask on with `cursor` = `more`. As a table, whole:
  `format=csv`, or `Accept: text/csv` (UTF-8 with a byte order mark; `_us` columns become `_utc`).
- A parameter that an endpoint does not know is refused. Members may be added to what is answered.
- Every refusal is `{"error": word for machines, "hint": what to do, "field": where}`.
- `GET /api/v1/live` streams what changes (server-sent events). The first event is `resync`: fetch what you show; what
  changes from then on is told as soon as it is committed. A listener that does not keep up hears `resync` again.

```sh
curl -s -H "Authorization: Bearer $TOKEN" 'http://127.0.0.1:8480/api/v1/stock?q=cola&limit=5'
curl -s -H "Authorization: Bearer $TOKEN" 'http://127.0.0.1:8480/api/v1/movements?store=S001&format=csv' > moved.csv
curl -sN -H "Authorization: Bearer $TOKEN" 'http://127.0.0.1:8480/api/v1/live?events=stock,alert'
```

| status | means |
|---|---|
"""


@cache
def described() -> dict[str, Any]:
    pool, clock = Pool("headoffice.db", read_only=True), SystemClock()
    return build(Room(pool, pool, clock, Figures(clock.wall_us), Hub()), Gate()).openapi()


def document() -> str:
    parts = [HEAD + "".join(f"| {status} | {means} |\n" for status, means in REFUSALS.items())]
    parts += [
        _endpoint(method.upper(), path, one)
        for path, methods in described()["paths"].items()
        for method, one in methods.items()
    ]
    schemas = described()["components"]["schemas"]
    named = [
        name for name, shape in sorted(schemas.items()) if shape.get("properties") and not name.startswith("Page_")
    ]
    parts.append("## Shapes\n\n" + "\n".join(shape_of(name, schemas[name]) for name in named))
    return "\n".join(parts)


def _endpoint(method: str, path: str, one: dict[str, Any]) -> str:
    lines = [f"## {method} {path}\n", f"{one['summary']}.\n"]
    if one.get("description"):
        lines.append(f"{' '.join(one['description'].split())}\n")
    if one.get("parameters"):
        lines.append("| parameter | in | required | what |\n|---|---|---|---|")
        lines += [_parameter(held) for held in one["parameters"]]
        lines.append("")
    body = one.get("requestBody", {}).get("content", {})
    told = [f"Body: {_content(body)}. "] if body else []
    answers = {status: held.get("content", {}) for status, held in one["responses"].items() if status.startswith("2")}
    told += [f"Answers {_content(content) if content else status}." for status, content in answers.items()]
    return "\n".join([*lines, "".join(told) + "\n"])


def _parameter(held: dict[str, Any]) -> str:
    shape = held["schema"]
    options = [one for one in shape.get("anyOf", [shape]) if one.get("type") != "null"]
    what = f"{' or '.join(type_of(one) for one in options)}. {held.get('description', '')}".strip().removesuffix(".")
    return f"| `{held['name']}` | {held['in']} | {'yes' if held['required'] else 'no'} | {what} |"


def _content(content: dict[str, Any]) -> str:
    found = []
    for kind, held in content.items():
        shape = held.get("schema", {})
        name = shape.get("$ref", "").rpartition("/")[2]
        if name.startswith("Page_"):
            name = f"a page of `{name.removeprefix('Page_').strip('_')}`"
        elif name:
            name = f"`{name}`"
        found.append(
            (name or (type_of(shape) if "type" in shape else "JSON")) if kind == "application/json" else f"`{kind}`"
        )
    return " or ".join(found)


if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
