"""The local HTTP API, version 1: every endpoint of it."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.routing import BaseRoute

from agent.web import (
    api_counts,
    api_documents,
    api_orders,
    api_settings,
    api_stock,
    api_store,
    api_till,
    api_tray,
    finding,
    openapi,
    practice,
    scanning,
)
from agent.web.endpoint import Body, Call, Endpoint, Header, Query, Told, route


class DocumentTold(Told):
    """This document."""

    openapi: str


class FindQuery(Query):
    q: Annotated[str, Field(min_length=1, description="an SKU, or an EPC in hexadecimal")]


class FoundTold(Told):
    q: str
    sku: str | None
    named_by_tags: bool
    readers_up: int
    tags: list[dict[str, Any]]


class Scanned(Body):
    """`code` as a scanner would send it, or a control code's `verb` and `argument` without its check character."""

    code: str | None = None
    verb: str | None = None
    argument: str | None = None


class ScanTold(Told):
    answer: Literal["good", "look", "stop"]
    text: str
    seq: int | None = Field(description="the event's number; null: nothing was written")


@cache
def described() -> dict[str, Any]:
    return openapi.document(ENDPOINTS)


async def openapi_document(_call: Call) -> Any:
    return described()


ENDPOINTS: tuple[Endpoint, ...] = (
    *api_store.ENDPOINTS,
    *api_stock.ENDPOINTS,
    *api_counts.ENDPOINTS,
    *api_tray.ENDPOINTS,
    *api_orders.ENDPOINTS,
    *api_documents.ENDPOINTS,
    *api_settings.ENDPOINTS,
    *api_till.ENDPOINTS,
    *practice.ENDPOINTS,
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
        method="POST",
        path="/stations/{name}/scan",
        does="What a scanner does, from a screen",
        tells=ScanTold,
        raw=scanning.scan,
        scope="stock",
        kiosk=True,
        body=Scanned,
        body_bytes_max=scanning.BODY_BYTES_MAX,
        headers=(
            Header("X-Jaego-Press", scanning.PRESS.pattern, True, "names the press: the same one again is done once"),
            Header("X-Jaego-Resent", "[01]", False, "1: it was sent before"),
        ),
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
