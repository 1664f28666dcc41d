"""The local HTTP API, version 1: what the screens show, as values. Read-only so far."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.capture.stations import Entry
from agent.capture.supervisor import DeviceStatus
from agent.operations.values import Station
from agent.web import ask
from agent.web.answers import answer
from agent.web.pages import PAGE_ROWS, stock_page
from agent.web.room import room_of


async def status(request: Request) -> Response:
    """Times are microseconds since 1970 (`…_us`), `last` is what the station's newest scan was answered."""
    room = room_of(request)
    facts, view = await room.facts(), room.view
    return answer(
        {
            "store": view.store,
            "version": view.version,
            "language": view.language,
            "sync": asdict(facts.sync),
            "devices": [_device(one) for one in facts.devices],
            "stations": [_station(one, room.last(one.name)) for one in room.stations.values()],
            "scans": view.feed.total,
            "screens": {"failures": room.failures},
        }
    )


def _device(one: DeviceStatus) -> dict[str, Any]:
    """Without the traceback: it belongs into the log, not on the wire."""
    held = {name: getattr(one, name) for name in DeviceStatus.__dataclass_fields__ if name != "traceback"}
    return held | {
        "facts": dict(one.facts),
        "notices": [
            {
                "code": notice.code,
                "subject": notice.subject,
                "message": notice.message,
                "hint": notice.hint,
                "since_us": notice.arrived.wall_us,
            }
            for notice in one.notices
        ],
    }


async def device(request: Request) -> Response:
    """One of `status`'s `devices`."""
    found = room_of(request).device(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return answer(_device(found))


async def count(request: Request) -> Response:
    """A station's count by RFID; `count` is null while it is in none.

    `expected` is as fresh as stock can be asked, ten seconds at most, and null when it was never told.
    """
    room, name = room_of(request), request.path_params["station"]
    if name not in room.stations:
        raise HTTPException(404)
    held = room.counting(name)
    if held is None:
        return answer({"station": name, "count": None})
    told = {key: value for key, value in asdict(held).items() if key != "station"}
    return answer({"station": name, "count": told | {"expected": await room.expected.fresh(held.zone)}})


def _station(one: Station, last: Entry | None) -> dict[str, Any]:
    return {
        "station": one.name,
        "mode": one.mode,
        "zone": one.zone,
        "language": one.language,
        "last": _last(last) if last is not None else None,
    }


def _last(one: Entry) -> dict[str, Any]:
    return asdict(one) | {"session": one.session._asdict() if one.session is not None else None}


async def stock(request: Request) -> Response:
    """`?sku=`, `?zone=`, `?page=`: rows in key order, `PAGE_ROWS` a page; `lot` is null for goods without one."""
    room = room_of(request)
    sku, zone, page = ask.name(request, "sku"), ask.name(request, "zone"), ask.page_number(request)
    total, rows = await stock_page(room, sku, zone, page)
    listed = [
        {
            "sku": row.sku,
            "name": {"ko": item.name.ko, "en": item.name.en} if item is not None else None,
            "base_unit": item.base_unit if item is not None else None,
            "zone": row.zone,
            "lot": row.lot or None,
            "disposition": row.disposition,
            "quantity": row.quantity,
        }
        for row, item in rows
    ]
    return answer({"rows": listed, "total": total, "page": page, "page_rows_max": PAGE_ROWS})


async def health(request: Request) -> Response:
    return answer(room_of(request).view.health())
