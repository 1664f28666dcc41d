"""`GET /metrics` for Prometheus: everybody on this PC may, others with a token that reads."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.metrics import CONTENT_TYPE
from agent.web.access import METRICS, Need, needs
from agent.web.room import room_of


async def serve(request: Request) -> Response:
    return Response(await room_of(request).view.metrics(), headers={"content-type": CONTENT_TYPE})


ROUTE = Route(METRICS, needs(serve, Need(), open_here=True))
