"""What an EPCIS document of ours must keep beyond the official JSON schema, which takes a quantity of 0, `KG`, wrong
check digits, prefixes that nobody declared and one eventID for two events.

`faults` gives what is wrong, in the order of the document; none means that it may be sent. Each rule names where it is
written: EPCIS 2.0 and CBV 2.0 (GS1), RFC 3986, or `ours` where we are stricter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, cast

from identity.digital_link import parse
from identity.elements import ElementError

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
PREFIXES = frozenset({"epcis", "cbv", "cbvmda", "gs1", "rdfs", "owl", "xsd", "dcterms"})  # that the context declares
RULES = {
    "context": "the GS1 context is named (EPCIS 2.0, JSON-LD binding)",
    "prefix": "every prefix is declared (JSON-LD 1.1, 4.1.5)",
    "event_id": "every event has an eventID, a urn:uuid or ni URI, that no other event has (EPCIS 2.0, 7.4.1)",
    "time": "eventTime and eventTimeZoneOffset tell one offset (EPCIS 2.0, 7.4.1)",
    "empty": "an event is about something: no empty lists (EPCIS 2.0, 7.4.2 to 7.4.4)",
    "parent": "an aggregation names its parent (EPCIS 2.0, 7.4.3)",
    "quantity": "quantities are above 0, and whole numbers where they have no unit (EPCIS 2.0, quantityElement)",
    "uom": "the unit is KGM, the only one that our goods have (ours; UN/CEFACT Recommendation 20)",
    "uri": "identifiers are absolute URIs without characters that none may have (RFC 3986)",
    "key": "GS1 keys are whole, their check digits right (GS1 General Specifications, 7.9.1)",
    "instance": "epcList and childEPCs hold single objects, epcClass holds classes (EPCIS 2.0, quantityElement)",
    "step": "bizStep stands in every event, a word of the CBV that we use (ours; CBV 2.0, 7.1)",
    "disposition": "disposition is a word of the CBV that we use (ours; CBV 2.0, 7.2)",
    "transaction": "every business transaction says its type (ours)",
    "place": "goods on the way are at no place: no bizLocation (CBV 2.0, 7.2: in_transit)",
    "ilmd": "master data comes with ADD alone (EPCIS 2.0, 7.4.2)",
    "declaration": "an error declaration has a time and names other events as corrective (EPCIS 2.0, 7.4.1)",
}
_STEPS = frozenset({
    "accepting", "cycle_counting", "destroying", "encoding", "entering_exiting", "inspecting", "other", "packing",
    "picking", "receiving", "retail_selling", "shipping", "stocking",
})  # fmt: skip
_DISPOSITIONS = frozenset({
    "completeness_verified", "damaged", "destroyed", "encoded", "in_progress", "in_transit", "mismatch_quantity",
    "non_sellable_other", "retail_sold", "returned", "sellable_accessible", "sellable_not_accessible", "unknown",
})  # fmt: skip
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_EVENT_ID = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|ni:///sha-256;[0-9a-f]{64}\?ver=CBV2\.0")
_LINK = "https://id.gs1.org/"
_OBJECTS = frozenset({"00", "253", "255", "8003", "8004", "8017", "8018"})
_LISTS = ("epcList", "quantityList", "childEPCs", "childQuantityList")


class Fault(NamedTuple):
    """`rule` is a key of `RULES`; `event` the place in the list, None for the document."""

    rule: str
    event: int | None
    what: str


def faults(document: Mapping[str, Any]) -> list[Fault]:
    """Of an EPCISDocument that its schema takes."""
    declared = _declared(document.get("@context"))
    found = [] if declared is not None else [Fault("context", None, f"{CONTEXT} is not named")]
    seen: set[tuple[str, bool]] = set()
    for at, event in enumerate(document["epcisBody"]["eventList"]):
        inner = _declared(event.get("@context")) or frozenset()
        prefixes = PREFIXES | (declared or frozenset()) | inner
        for rule, what in _of_event(event, prefixes, seen):
            found.append(Fault(rule, at, what))
    return found


def _declared(context: Any) -> frozenset[str] | None:
    """Prefixes of a context; None where the GS1 context is missing."""
    parts: list[Any] = cast("list[Any]", context) if isinstance(context, list) else [context]
    prefixes: set[str] = set()
    for part in parts:
        if isinstance(part, Mapping):
            prefixes |= cast("Mapping[str, Any]", part).keys()
    return frozenset(prefixes) if CONTEXT in parts else None


def _of_event(
    event: Mapping[str, Any], prefixes: frozenset[str], seen: set[tuple[str, bool]]
) -> Iterator[tuple[str, str]]:
    yield from (("prefix", name) for name in _names(event) if ":" in name and name.partition(":")[0] not in prefixes)
    yield from _identity(event, seen)
    yield from _contents(event)
    yield from _meaning(event)
    for name, uri in _uris(event):
        if not _URI.fullmatch(uri):
            yield "uri", f"{name} {uri}"
        elif uri.startswith(_LINK) and (why := _key_fault(uri)) is not None:
            yield "key", f"{name} {uri}: {why}"


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, member in cast("Mapping[str, Any]", value).items():
            yield name
            yield from _names(member)
    elif isinstance(value, list):
        for member in cast("list[Any]", value):
            yield from _names(member)


def _identity(event: Mapping[str, Any], seen: set[tuple[str, bool]]) -> Iterator[tuple[str, str]]:
    name, declaration = event.get("eventID"), event.get("errorDeclaration")
    if not isinstance(name, str) or not _EVENT_ID.fullmatch(name):
        yield "event_id", f"{name!r}"
    elif (key := (name, declaration is not None)) in seen:
        yield "event_id", f"{name} stands twice"
    else:
        seen.add(key)
    time, offset = str(event.get("eventTime", "")), event.get("eventTimeZoneOffset")
    if not time.endswith(("Z", "z")) and time[-6:] != offset:
        yield "time", f"{time} and {offset}"
    if declaration is not None and (
        not declaration.get("declarationTime") or name in declaration.get("correctiveEventIDs", ())
    ):
        yield "declaration", f"{name}"


def _contents(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    lists = {name: event[name] for name in _LISTS if name in event}
    if not any(lists.values()) or not all(lists.values()):
        yield "empty", ", ".join(name for name, one in lists.items() if not one) or "nothing"
    if event["type"] == "AggregationEvent" and not event.get("parentID"):
        yield "parent", "no parentID"
    for name in ("quantityList", "childQuantityList"):
        for one in lists.get(name, ()):
            yield from _quantity(one)
    for name in ("epcList", "childEPCs"):
        for uri in lists.get(name, ()):
            if uri.startswith(_LINK) and not _is_object(uri):
                yield "instance", f"{name} {uri}"


def _quantity(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    quantity: Any = one.get("quantity")
    unit = one.get("uom")
    number = isinstance(quantity, int if unit is None else int | float) and not isinstance(quantity, bool)
    if not number or not math.isfinite(quantity) or quantity <= 0:
        yield "quantity", f"{quantity!r} of {one['epcClass']}"
    if unit not in (None, "KGM"):
        yield "uom", f"{unit!r}"
    if one["epcClass"].startswith(_LINK) and _is_object(one["epcClass"]):
        yield "instance", f"epcClass {one['epcClass']}"


def _is_object(uri: str) -> bool:
    segments = uri.removeprefix(_LINK).split("/")
    return segments[0] in _OBJECTS or "21" in segments[2::2]


def _meaning(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    step, disposition = event.get("bizStep"), event.get("disposition")
    if step not in _STEPS:
        yield "step", f"{step!r}"
    if disposition is not None and disposition not in _DISPOSITIONS:
        yield "disposition", f"{disposition!r}"
    if "bizLocation" in event and (disposition == "in_transit" or step == "shipping"):
        yield "place", f"{step}, {disposition}"
    if "ilmd" in event and event.get("action") != "ADD":
        yield "ilmd", f"{event.get('action')}"
    for one in event.get("bizTransactionList", ()):
        if not one.get("type"):
            yield "transaction", f"{one.get('bizTransaction')}"


def _uris(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("epcList", "childEPCs"):
        yield from ((name, uri) for uri in event.get(name, ()))
    for name in ("quantityList", "childQuantityList"):
        yield from (("epcClass", one["epcClass"]) for one in event.get(name, ()))
    if "parentID" in event:
        yield "parentID", event["parentID"]
    yield from ((name, event[name]["id"]) for name in ("readPoint", "bizLocation") if name in event)
    for name, member in (
        ("bizTransactionList", "bizTransaction"), ("sourceList", "source"), ("destinationList", "destination")
    ):  # fmt: skip
        yield from ((name, one[member]) for one in event.get(name, ()))


@lru_cache(10_000)
def _key_fault(uri: str) -> str | None:
    try:
        parse(uri)
    except ElementError as error:
        return str(error)
    return None
