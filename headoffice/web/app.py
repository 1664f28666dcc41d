"""Puts the desk's endpoints together."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware

from headoffice.web import (
    api_access,
    api_alerts,
    api_books,
    api_charts,
    api_checks,
    api_commands,
    api_enrol,
    api_events,
    api_live,
    api_stock,
    api_stores,
    assets,
    pages,
    pages_care,
    pages_records,
    pages_stock,
)
from headoffice.web.access import COOKIE, Access, Gate, Guard
from headoffice.web.errors import ALWAYS, install
from headoffice.web.examples import EXAMPLES
from headoffice.web.room import Refused, Room

ROUTERS: tuple[APIRouter, ...] = (
    api_access.router,
    api_stock.router,
    api_stores.router,
    api_events.router,
    api_books.router,
    api_alerts.router,
    api_checks.router,
    api_charts.router,
    api_commands.router,
    api_live.router,
    api_enrol.router,
)
PAGES = (assets.router, pages_stock.router, pages_records.router, pages_care.router)
GZIP_BYTES_MIN = 1_000
ABOUT = """\
What head office holds of all stores. Quantities are integers in an item's base unit. Times that end in `_us` are
microseconds since 1970 by head office's clock; those that end in `_at` are the stores' own, RFC 3339.

Lists come in pages: ask on with `cursor` = `more`, while there is one. As a table: `format=csv`, or Accept: text/csv.
Every refusal is `{"error", "hint", "field"}`; the hint is Korean to who names Korean first
(Accept-Language). A parameter that an endpoint does not know is refused."""


class Desk(FastAPI):
    """Its OpenAPI document says how to be let in, and knows which parameters there are."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            found = super().openapi()
            found["components"]["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer", "description": "jaego-hq token add"},
                "login": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "of a browser"},
            }
            found["security"] = [{"token": []}, {"login": []}]
            for name, example in EXAMPLES.items():
                found["components"]["schemas"][name]["examples"] = [example]
        assert self.openapi_schema is not None
        return self.openapi_schema

    def parameters(self, method: str, path: str) -> frozenset[str]:
        operation = self.openapi()["paths"].get(path, {}).get(method.lower(), {})
        return frozenset(one["name"] for one in operation.get("parameters", []) if one["in"] == "query")


def build(room: Room, gate: Gate) -> Desk:
    app = Desk(
        title="Jaego, head office",
        version=version("jaego"),
        description=ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=_operation,
        dependencies=[Depends(_known_parameters)],
        redirect_slashes=False,
    )
    app.state.room = room
    app.state.access = Access(room, gate)
    app.state.enrolling = api_enrol.Limits()
    install(app, room.reading.target)
    for router in ROUTERS:
        app.include_router(router, responses=ALWAYS)
    for router in PAGES:
        app.include_router(router)
    pages.tell_failures(app)
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_BYTES_MIN)
    app.add_middleware(Guard, access=app.state.access)
    return app


def _operation(route: APIRoute) -> str:
    words = re.findall(r"[A-Za-z0-9]+", route.path.removeprefix("/api/v1"))
    return "_".join([*(one.lower() for one in sorted(route.methods or ())), *words])


def _known_parameters(request: Request) -> None:
    """A parameter that is mistyped must not be as if it were not there."""
    path: str = request.scope["route"].path
    if not path.startswith("/api/"):
        return
    unknown = request.query_params.keys() - request.app.parameters(request.method, path)
    if unknown:
        raise Refused(400, "unknown_parameter", "this endpoint knows no such parameter", min(unknown))
