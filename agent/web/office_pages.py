"""What the office's pages share, and the small ones: history of an item, orders to pick, settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from starlette.requests import Request
from starlette.responses import Response

from agent.catalogue.errors import CatalogueError
from agent.operations import reservations
from agent.operations.values import State
from agent.texts import WEIGHED
from agent.web import api_settings, ask, shown
from agent.web.api_stock import of_sku
from agent.web.endpoint import SEQ_MAX
from agent.web.lane import Busy
from agent.web.pages import render
from agent.web.room import Room, room_of
from agent.web.texts import TEXTS, Language, text
from contract.ids import is_name
from contract.topics import EventType

T = TypeVar("T")
HISTORY_ROWS = 50
ORDERS_MAX = 200


async def look(room: Room, function: Callable[[State], T]) -> T:
    return await room.lane.call(room.view.back.look, function)


async def names(room: Room, skus: Iterable[str], language: Language) -> dict[str, str]:
    """What items are called; one that the catalogue does not know has no entry."""

    def read() -> dict[str, str]:
        found = {sku: room.view.item(sku) for sku in dict.fromkeys(skus)}
        return {
            sku: shown.item_name(item, language) + (WEIGHED if item.base_unit == "gram" else "")
            for sku, item in found.items()
            if item is not None
        }

    try:
        return await room.lane.call(read)
    except CatalogueError as error:
        raise Busy(str(error)) from error


def word(prefix: str, value: str, language: Language) -> str:
    """A machine's word in the reader's language; as it is where it has none."""
    key = f"{prefix}_{value}"
    return text(key, language) if key in TEXTS and "{" not in TEXTS[key][0] else value.replace("_", " ")


def cursor(request: Request, name: str) -> int:
    """`?before=`: a number of an event."""
    value = request.query_params.get(name, "")
    if not value:
        return SEQ_MAX
    if not (value.isascii() and value.isdigit() and len(value) <= 16 and 1 <= int(value) <= SEQ_MAX):
        raise ask.BadParameter(name, value, "expected_page", limit=SEQ_MAX)
    return int(value)


def stamp(event: Mapping[str, Any]) -> str:
    at = str(event["occurred_at"])
    return f"{at[5:10]} {at[11:19]}"


# -- history -----------------------------------------------------------------------------------------------------------


async def history(request: Request) -> Response:
    """`/stock/{sku}`: what is there by zone, and the movements that led to it, the newest first."""
    room, language, sku = room_of(request), ask.language(request), request.path_params["sku"]
    if not is_name(sku):
        raise ask.BadParameter("sku", sku, "expected_name")
    page = await room.lane.call(
        room.view.back.before, cursor(request, "before"), EventType.MOVEMENT, [of_sku(sku)], HISTORY_ROWS
    )
    item = await room.lane.call(room.view.item, sku)
    rows = [row for row in await room.lane.call(room.view.stock, sku, None) if row.quantity]
    content = {
        "sku": sku,
        "name": shown.item_name(item, language) if item is not None else text("not_in_catalogue", language),
        "rows": [shown.stock_row(row, item, language) for row in rows],
        "on_hand": shown.number(sum(row.quantity for row in rows)),
        "moves": [_move(event, line, language) for event in page.events for line in _lines(event, sku)],
        "next": f"?before={page.cursor}" if page.more else "",
    }
    unknown = item is None and not rows and not page.events
    return render(request, "history.html", language, content, status=404 if unknown else 200)


def _lines(event: Mapping[str, Any], sku: str) -> list[Mapping[str, Any]]:
    return [line for line in event["data"]["lines"] if line["sku"] == sku]


def _move(event: Mapping[str, Any], line: Mapping[str, Any], language: Language) -> dict[str, str]:
    data, source = event["data"], event["source"]
    why = [data.get("reason"), source.get("document"), data.get("transaction"), data.get("reservation")]
    return {
        "seq": str(event["seq"]),
        "time": stamp(event),
        "at": event["occurred_at"],
        "what": word("moved", data["kind"], language),
        "quantity": shown.number(line["quantity"]),
        "way": f"{place(line['from'], language)} → {place(line['to'], language)}",
        "lot": line.get("lot") or "",
        "disposition": text(line["disposition"], language) if line["disposition"] != "sellable" else "",
        "why": " · ".join(str(one) for one in why if one),
        "where": " · ".join(str(source[name]) for name in ("station", "device", "clerk") if source.get(name)),
    }


def place(name: str, language: Language) -> str:
    """A zone by its name, places outside the store in words."""
    if name.startswith("transit:"):
        return text("place_transit", language, store=name[8:])
    return word("place", name, language) if f"place_{name}" in TEXTS else name


# -- orders to pick ----------------------------------------------------------------------------------------------------


async def orders(request: Request) -> Response:
    room, language = room_of(request), ask.language(request)

    def read(state: State) -> list[dict[str, Any]]:
        held = [{"reservation": key, **record} for key, record in state.books.under(reservations.BOOK)]
        listed = sorted(held, key=lambda one: (one["picked"] >= one["quantity"], one["seq"]))[:ORDERS_MAX]
        return [{**one, "stock": state.stock_rows(sku=one["sku"])} for one in listed]

    found = await look(room, read)
    known = await names(room, (one["sku"] for one in found), language)
    content = {"orders": [_order(one, known, language) for one in found], "zones": sorted(room.zones)}
    return render(request, "orders.html", language, content)


def _order(one: Mapping[str, Any], known: Mapping[str, str], language: Language) -> dict[str, Any]:
    sellable = [row for row in one["stock"] if row.disposition == "sellable" and row.quantity > 0]
    left = one["quantity"] - one["picked"]
    return {
        "reservation": one["reservation"],
        "order": one.get("order", ""),
        "sku": one["sku"],
        "name": known.get(one["sku"], text("not_in_catalogue", language)),
        "quantity": shown.number(one["quantity"]),
        "left": left,
        "picked_zone": one.get("zone", "") if one["picked"] else "",
        "until": str(one.get("expires_at", ""))[5:16].replace("T", " "),
        "places": " · ".join(f"{row.zone} {shown.number(row.quantity)}" for row in sellable),
        "zone": max(sellable, key=lambda row: row.quantity).zone if sellable else "",
    }


# -- settings ----------------------------------------------------------------------------------------------------------


async def settings(request: Request) -> Response:
    room, language = room_of(request), ask.language(request)
    told = cast("dict[str, Any]", api_settings.shown(room.view.back.settings))
    sections = [{"name": name, "pairs": list(_flat("", section))} for name, section in told.items() if section]
    return render(request, "settings.html", language, {"sections": sections})


def _flat(prefix: str, value: Any) -> Iterable[tuple[str, str]]:
    """Rows of name and value; entries of lists by their name, or their number."""
    if isinstance(value, Mapping):
        for name, one in cast("Mapping[str, Any]", value).items():
            yield from _flat(f"{prefix}.{name}" if prefix else name, one)
    elif isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in cast("list[Any]", value)):
        for number, one in enumerate(cast("list[Any]", value), start=1):
            yield from _flat(f"{prefix}[{one.get('name', number)}]", one)
    elif isinstance(value, list | tuple):
        yield prefix, ", ".join(map(str, cast("list[Any]", value)))
    elif value is not None:
        yield prefix, str(value).lower() if isinstance(value, bool) else str(value)
