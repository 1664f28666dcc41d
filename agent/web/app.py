"""The screens as an ASGI application. `agent/web/server.py` serves it."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from agent.errors import LedgerError
from agent.web import (
    api,
    assets,
    endpoint,
    errors,
    finding,
    login,
    metrics_page,
    office,
    pages,
    picking,
    practice,
    print_pages,
    stream,
)
from agent.web.access import Denied
from agent.web.ask import BadParameter
from agent.web.endpoint import Refused
from agent.web.guard import Guard
from agent.web.lane import Busy
from agent.web.room import Room
from agent.web.view import View

BODY_BYTES_MAX = 2 * 1024 * 1024  # of any body; each endpoint has a limit of its own


def build(view: View) -> Starlette:
    """Screens and API of one store. `app.state.room` is what the server opens and closes."""
    room = Room(view)
    app = Starlette(
        routes=[
            Route("/", pages.overview),
            Route("/station/{name}", pages.station),
            Route("/station/{name}/documents", picking.documents),
            Route("/stock", pages.stock),
            Route("/find", finding.page),
            Route("/device/{name}", pages.device),
            Route("/login", login.page, methods=["GET"]),
            Route("/login", login.log_in, methods=["POST"]),
            Route("/logout", login.log_out, methods=["POST"]),
            *office.routes(),
            Route("/training", practice.page),
            Route("/print", print_pages.page),
            Route("/print/{size}.pdf", print_pages.document),
            Route("/events", stream.overview),
            Route("/events/find", finding.stream),
            Route("/events/{name}", stream.station),
            *api.routes(),
            Route("/static/{mark}/{name}", assets.serve),
            metrics_page.ROUTE,
        ],
        middleware=[Middleware(Guard, room=room)],
        exception_handlers={
            HTTPException: errors.http_error,
            Denied: errors.denied,
            BadParameter: errors.bad_parameter,
            Busy: errors.busy,
            Refused: endpoint.refused,
            LedgerError: endpoint.not_recorded,
            Exception: errors.failed,
        },
        max_body_size=BODY_BYTES_MAX,
    )
    app.state.room = room
    return app
