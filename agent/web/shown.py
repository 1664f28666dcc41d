"""What a screen shows of a value: short texts in one language. Pure; template and live updates use the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from agent.capture.stations import Entry
from agent.capture.supervisor import DeviceStatus, State
from agent.operations.sessions import IN_ONE_ZONE
from agent.operations.values import Session, Station
from agent.web.guiding import advice
from agent.web.texts import TEXTS, Language, age, text
from agent.web.view import Sync
from contract.catalog import Item
from contract.stock import StockRow
from drivers.reads import Notice

CODE_CHARACTERS_MAX = 120
HINT_CHARACTERS_MAX = 300
MODEL_FACTS = ("model", "hardware", "firmware")
# Stops that a supervisor may allow: the goods are there, the paper is short.
APPROVABLE = frozenset({"over_delivery", "unexpected_item"})
TALLIES = ("reads", "bad_reads", "resent", "overflows", "bytes_in", "opened", "bugs")
# Conditions whose subject is an antenna's number.
OF_ANTENNAS = frozenset({"antenna_off", "antenna_silent", "high_return_loss"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Control characters become visible by name; their pictures (U+2400 …) are missing from common Korean fonts.
_CONTROLS = (
    "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
)
_VISIBLE = {code: f"<{name}>" for code, name in enumerate(_CONTROLS.split())} | {127: "<DEL>"}
_WHERE = {"receive": "into", "return": "into", "ship": "out_of"}

Shown = dict[str, str]


def clock_time(at_us: int, zone: tzinfo | None) -> str:
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(zone).strftime("%H:%M:%S")


def day_time(at_us: int, zone: tzinfo | None) -> str:
    """For what may be days old."""
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(zone).strftime("%m-%d %H:%M")


def line(one: Entry) -> str:
    """The answer's text without its first word where that says the answer, which is shown in large already."""
    return one.text.removeprefix(f"{text(one.answer.value, one.language)}: ")


def number(quantity: int) -> str:
    return f"{quantity:,}".replace("-", "\N{MINUS SIGN}")


def signed(quantity: int) -> str:
    return f"+{number(quantity)}" if quantity > 0 else number(quantity)


def entry(one: Entry, station: Station, language: Language, zone: tzinfo | None, clerk: str = "") -> dict[str, Any]:
    """For the station's screen. `at_us` and `seq` name the entry; `approvable`: a supervisor may allow it."""
    return {
        "at_us": one.at_us,
        "seq": one.seq,
        "answer": one.answer.value,
        "word": text(one.answer.value, language),
        "text": line(one),
        "language": one.language,
        "time": clock_time(one.at_us, zone),
        "approvable": one.said in APPROVABLE and one.seq is not None,
        "item": one.name,
        "quantity": "" if one.quantity is None or not one.name else number(one.quantity),
        "running": _running(one),
        **doing(begun(one, station), language, clerk),
    }


def _running(one: Entry) -> str:
    """What has come of what is expected. A blind document tells neither."""
    if one.done is None:
        return ""
    return number(one.done) if one.expected is None else of(one.done, one.expected)


def of(done: int, expected: int) -> str:
    return f"{number(done)} / {number(expected)}"


def begun(last: Entry | None, station: Station) -> Session:
    """The session after an entry; without one, and after a session is closed, what a new session begins with."""
    if last is not None and last.session is not None:
        return last.session
    zone = station.zone if station.mode in IN_ONE_ZONE else None
    return Session(station.name, "", station.mode, zone, None, last.language if last is not None else station.language)


def doing(session: Session, language: Language, clerk: str = "") -> Shown:
    """What the station is at, who is there, and what to do next."""
    return {
        "mode": text(f"mode_{session.mode}", language),
        "clerk": clerk,
        "zone": _zone(session, language),
        "place": _place(session),
        "document": session.document or (text("chip_counting", language) if session.counting else ""),
        "reason": session.reason or "",
        "times": f"×{number(session.multiplier)}" if session.multiplier else "",
        "damaged": text("chip_damaged", language) if session.damaged else "",
        "pending": text("chip_pending", language) if session.pending else "",
        "locked": text("chip_locked", language) if session.locked else "",
        "advice": advice(session, language),
    }


def _place(session: Session) -> str:
    """The zones alone, for where it is said beside them what they are for."""
    if session.zone is None or session.mode in IN_ONE_ZONE:
        return session.zone or ""
    return f"{session.zone} → {session.zone_to or '…'}"


def _zone(session: Session, language: Language) -> str:
    source, target = session.zone, session.zone_to
    if session.mode == "lookup":
        return ""
    if source is None:
        return text("no_zone", language)
    if session.mode in IN_ONE_ZONE:
        return text(_WHERE.get(session.mode, "in"), language, zone=source)
    return text("from_to" if target else "from", language, zone=source, zone_to=target or "")


def station_card(
    session: Session, last: Entry | None, language: Language, zone: tzinfo | None, clerk: str = ""
) -> Shown:
    shown = {"name": session.station, **doing(session, language, clerk)}
    if last is None:
        return shown | {
            "state": "ready",
            "word": text("ready", language),
            "text": text("no_scan", language),
            "language": language,
            "time": "",
        }
    return shown | {
        "state": last.answer.value,
        "word": text(last.answer.value, language),
        "text": line(last),
        "language": last.language,
        "time": day_time(last.at_us, zone),
    }


def device_card(status: DeviceStatus, language: Language, zone: tzinfo | None) -> dict[str, Any]:
    """Everything of one device but its traceback, which belongs into the log.

    A device that works and has something to tell is in state `look`. `notices`, `facts` and `tallies` are rows.
    """
    state = "look" if status.state is State.UP and status.notices else status.state.value
    return {
        "name": status.device,
        "state": state,
        "word": text(f"state_{state}", language),
        "since": text("since", language, time=day_time(status.since_us, zone)),
        "reads": text("reads", language, reads=number(status.reads), bad=number(status.bad_reads)),
        "advice": text(f"advice_{status.state.value}", language),
        "hint": " · ".join(part for part in (status.error, status.hint) if part)[:HINT_CHARACTERS_MAX],
        "about": " · ".join(filter(None, map(status.facts.get, MODEL_FACTS)))[:HINT_CHARACTERS_MAX],
        "notices": [notice(one, language) for one in status.notices],
        "facts": [
            {"label": _known(f"fact_{name}", name, language), "value": value[:HINT_CHARACTERS_MAX]}
            for name, value in sorted(status.facts.items(), key=_fact_order)
        ],
        "tallies": [
            {"label": text(f"tally_{name}", language), "value": number(getattr(status, name))} for name in TALLIES
        ],
    }


def _fact_order(fact: tuple[str, str]) -> int:
    """Model and firmware first, the rest as the driver tells it."""
    return MODEL_FACTS.index(fact[0]) if fact[0] in MODEL_FACTS else len(MODEL_FACTS)


def notice(one: Notice, language: Language) -> Shown:
    """A condition of a device and what to do about it; `detail` is the driver's own message, in English.

    One without texts of its own shows the driver's: `language` says in which language `what` and `fix` are.
    """
    key, detail = f"notice_{one.code}", one.message[:HINT_CHARACTERS_MAX]
    if key not in TEXTS:
        what, fix = detail or one.code.replace("_", " "), one.hint[:HINT_CHARACTERS_MAX]
        return {"what": what, "fix": fix, "detail": "", "language": "en"}
    what = text(key, language)
    if one.subject:
        what += " · " + (text("on_antenna", language, subject=one.subject) if one.code in OF_ANTENNAS else one.subject)
    return {"what": what, "fix": text(f"fix_{one.code}", language), "detail": detail, "language": language}


def sync_card(sync: Sync, language: Language) -> Shown:
    """Facts, no alarm: offline is a normal state (operations.md)."""
    said = text("all_sent", language)
    if sync.waiting > 0:
        said = text("to_send", language, waiting=number(sync.waiting), age=age(sync.oldest_s, language))
    if sync.halted:
        said = text("halted", language)
    return {
        "state": ("waiting" if sync.waiting or sync.halted else "sent") if sync.connected else "offline",
        "text": said,
        "link": text("online" if sync.connected else "offline", language),
        "clock": text("clock_suspect", language) if sync.clock == "suspect" else "",
        "head": text("events", language, head=number(sync.head)),
    }


def exceptions_card(newest: list[dict[str, Any]], limit: int, language: Language) -> Shown:
    """`newest` as the log has it, oldest first, at most `limit`."""
    if not newest:
        return {"state": "none", "count": "0", "text": text("no_exceptions", language), "code": "", "time": ""}
    last = exception(newest[-1], language)
    key = "exceptions_many" if len(newest) >= limit else "exceptions_count"
    return {
        "state": "some",
        "count": text(key, language, n=len(newest)),
        "text": last["kind"],
        "code": last["code"],
        "time": last["time"],
    }


def exception(event: Mapping[str, Any], language: Language) -> Shown:
    """One row of the exceptions page, from an event of type exception."""
    data: Mapping[str, Any] = event["data"]
    source: Mapping[str, Any] = event.get("source") or {}
    at = str(event["occurred_at"])
    return {
        "seq": str(event["seq"]),
        "time": f"{at[5:10]} {at[11:19]}",
        "at": at,
        "suspect": text("time_suspect", language) if event.get("clock") == "suspect" else "",
        "kind": _known(f"kind_{data['kind']}", str(data["kind"]), language),
        "reason": _reason(data, language),
        "detail": str(data.get("detail") or "")[:HINT_CHARACTERS_MAX],
        "code": code(data.get("code") or {}),
        "sku": str(data.get("sku") or ""),
        "where": " · ".join(str(source[name]) for name in ("station", "device") if source.get(name)),
    }


def _reason(data: Mapping[str, Any], language: Language) -> str:
    key, word = f"reason_{data.get('reason')}", str(data.get("reason") or "")
    if key == "reason_below_zero" and isinstance(data.get("quantity"), int):
        return text(key, language, zone=data.get("zone") or "–", quantity=number(data["quantity"]))
    return _known(key, word, language)


def _known(key: str, word: str, language: Language) -> str:
    """Machine words without a text of their own are shown as they are."""
    known = key in TEXTS and "{" not in TEXTS[key][0]
    return text(key, language) if known else word.replace("_", " ")


def code(held: Mapping[str, Any]) -> str:
    """What was scanned, every control character visible; bytes that are no text in hexadecimal."""
    if held.get("text") is not None:
        shown = str(held["text"]).translate(_VISIBLE)
    else:
        digits = str(held.get("raw_hex") or "")
        shown = " ".join(digits[at : at + 2] for at in range(0, min(len(digits), CODE_CHARACTERS_MAX * 2), 2))
    return shown if len(shown) <= CODE_CHARACTERS_MAX else shown[: CODE_CHARACTERS_MAX - 1] + "…"


def stock_row(row: StockRow, item: Item | None, language: Language) -> Shown:
    unit = item.base_unit if item is not None else "each"
    return {
        "sku": row.sku,
        "name": item_name(item, language) if item is not None else text("not_in_catalogue", language),
        "known": "yes" if item is not None else "",
        "tagged": "yes" if item is not None and item.gtins and unit == "each" else "",
        "zone": row.zone,
        "lot": row.lot or "–",
        "disposition": _known(row.disposition, row.disposition, language),
        "quantity": text(f"unit_{unit}", language, n=number(row.quantity)),
        "negative": "yes" if row.quantity < 0 else "",
    }


def item_name(item: Item, language: Language) -> str:
    names = (item.name.ko, item.name.en) if language == "ko" else (item.name.en, item.name.ko)
    return names[0] or names[1] or item.sku
