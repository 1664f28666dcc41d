"""The local HTTP API, version 1: every endpoint of it."""

from __future__ import annotations

from functools import cache
from typing import Any

from starlette.routing import BaseRoute

from agent.web import api_stock, api_store, finding, openapi
from agent.web.endpoint import Call, Endpoint, Query, Told, route


class DocumentTold(Told):
    """This document."""

    openapi: str


class FindQuery(Query):
    q: str


class FoundTold(Told):
    q: str
    sku: str | None
    named_by_tags: bool
    readers_up: int
    tags: list[dict[str, Any]]


@cache
def described() -> dict[str, Any]:
    return openapi.document(ENDPOINTS)


async def openapi_document(_call: Call) -> Any:
    return described()


ENDPOINTS: tuple[Endpoint, ...] = (
    *api_store.ENDPOINTS,
    *api_stock.ENDPOINTS,
    Endpoint(
        method="GET",
        path="/find",
        does="Tags of an item, or one tag, lately read; the nearest first",
        tells=FoundTold,
        raw=finding.api,
        query=FindQuery,
        refusals=(404,),
    ),
    Endpoint(
        method="GET",
        path="/openapi.json",
        does="This document",
        tells=DocumentTold,
        handler=openapi_document,
    ),
)


def routes() -> list[BaseRoute]:
    return [route(one) for one in ENDPOINTS if one.handler is not None or one.raw is not None]
