"""What a screen shows of tags: a count by RFID, and how near the one is that somebody looks for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.capture.tags import FADE_S, RATE_S, CountShown, Found
from agent.web.shown import Shown, number
from agent.web.texts import Language, age, text

# Nearness from which a tag is near, and very near: an arm's length and a hand's breadth with a handheld reader.
NEAR, CLOSE = 40, 75
GONE_S = 3 * FADE_S  # then its nearness has faded to 0
UNKNOWN = "–"
LONG = 8  # characters of both numbers that a phone shows in large


def count_panel(count: CountShown, expected: int | None, language: Language) -> Shown:
    """Numbers as they are: more read than expected is a fact like any other. `expected` None: it is not known yet."""
    advice = ""
    if count.flat:
        advice = text("count_flat", language, n=RATE_S)
    elif not count.read and not count.waiting:
        advice = text("count_begin", language)
    read, of = number(count.read), UNKNOWN if expected is None else number(expected)
    return {
        "state": "flat" if count.flat else "reading",
        "size": "long" if len(read + of) > LONG else "",
        "zone": count.zone,
        "read": read,
        "expected": of,
        "new": f"{count.new_per_s:,.1f}",
        "foreign": number(count.foreign),
        "waiting": number(count.waiting),
        "advice": advice,
    }


def finding(found: Sequence[Found], language: Language, *, readers: int, named: bool) -> dict[str, Any]:
    """The nearest tag and the others. `readers`: how many are connected; `named`: a tag can name what is looked for."""
    note = ""
    if not named:
        note = text("find_no_gtin", language)
    elif not readers:
        note = text("find_no_reader", language)
    if found:
        nearest = {**tag(found[0], language), "note": note, "hint": ""}
    else:
        hint = "" if note else text("find_none_hint", language)
        nearest = {**NOTHING, "word": text("near_looking", language), "line": text("find_none", language)}
        nearest |= {"note": note, "hint": hint}
    return {"nearest": nearest, "others": [tag(one, language) for one in found[1:]]}


NOTHING = {"state": "looking", "word": "", "nearness": "0", "number": UNKNOWN, "line": "", "epc": ""} | dict.fromkeys(
    ("signal", "antenna", "reader", "seen"), UNKNOWN
)


def tag(one: Found, language: Language) -> Shown:
    """`state` is far, near, close, or lost when it was not read for a while."""
    state = nearness_state(one)
    return {
        "state": state,
        "word": text(f"near_{state}", language),
        "nearness": str(one.nearness),
        "number": UNKNOWN if state == "lost" else str(one.nearness),
        "line": "",
        "epc": one.epc,
        "signal": UNKNOWN if one.rssi_dbm is None else f"{one.rssi_dbm:.0f} dBm".replace("-", "\N{MINUS SIGN}"),
        "antenna": str(one.antenna) if one.antenna else UNKNOWN,
        "reader": f"{one.device} · {one.zone}" if one.zone else one.device,
        "seen": _ago(one.age_s, language),
    }


def nearness_state(one: Found) -> str:
    if one.age_s >= GONE_S:
        return "lost"
    return "close" if one.nearness >= CLOSE else "near" if one.nearness >= NEAR else "far"


def _ago(age_s: float, language: Language) -> str:
    if age_s < 1:
        return text("just_now", language)
    return text("ago", language, age=age(int(age_s), language))
