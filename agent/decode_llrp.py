"""Messages of LLRP as JSON for a person who looks for what a reader said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.llrp.definitions import CHOICES, DEFINITIONS, ENUMERATIONS, Field
from drivers.llrp.elements import Bits, Element, Malformed, Unknown, Value, decode
from drivers.llrp.fields import RESERVED
from drivers.llrp.frames import HEADER_BYTES, Message
from drivers.session import RAW_BYTES_MAX

# Members of a tag and the parameter and field they are of, where the value stands as it is.
_TAG = {
    "antenna": ("AntennaID", "AntennaID"),
    "rssi_dbm": ("PeakRSSI", "PeakRSSI"),
    "channel": ("ChannelIndex", "ChannelIndex"),
    "seen_count": ("TagSeenCount", "TagCount"),
    "rospec": ("ROSpecID", "ROSpecID"),
    "accessspec": ("AccessSpecID", "AccessSpecID"),
    "phase": ("ImpinjRFPhaseAngle", "PhaseAngle"),
}
_NONE: Mapping[int, str] = {}
_RESULTS = frozenset(CHOICES["AccessCommandOpSpecResult"]) - {"Custom"}


def message(one: Message, offset: int = 0) -> dict[str, Any]:
    """`offset` is where its header begins in the stream.

    `type` is the LTK name (an extension's own, as IMPINJ_ENABLE_EXTENSIONS), beside `number`, `id`, `version` and
    `length` in bytes. `parameters` has fields and parameters side by side by their LTK names, as LTK-XML has them:
    enumerators by name, bytes in hexadecimal, a parameter that may be repeated as a list. `Unknown` lists parameters of
    no known type, `malformed` what could not be framed. A report has `tags` too.
    """
    found = decode(one)
    shown: dict[str, Any] = {
        "type": found.name,
        "number": one.type,
        "id": one.id,
        "version": one.version,
        "length": one.length,
        "parameters": _content(found, offset + HEADER_BYTES),
    }
    if found.name == "RO_ACCESS_REPORT":
        shown["tags"] = [tag(each) for each in found.all("TagReportData")]
    return shown


def malformed(one: Malformed, base: int = 0) -> dict[str, Any]:
    """`base` is where the offsets count from; bytes are cut at 512."""
    return {"malformed": one.detail, "offset": base + one.offset, "bytes": one.raw[:RAW_BYTES_MAX].hex()}


def tag(one: Element) -> dict[str, Any]:
    """What a report says of one tag; members that the reader did not report are absent.

    `epc` and `tid` are hexadecimal, `rssi_dbm` has hundredths where the reader has them, times are microseconds of the
    reader's `clock`, `phase` counts 4096 to a turn, `results` are those of operations on the tag.
    """
    shown: dict[str, Any] = {}
    epc = next((each["EPC"] for each in one.parameters if isinstance(each, Element) and "EPC" in each.fields), None)
    if isinstance(epc, Bits):
        shown = {"epc": epc.data.hex(), "epc_bits": epc.count}
    elif isinstance(epc, bytes):
        shown = {"epc": epc.hex(), "epc_bits": len(epc) * 8}
    for member, (name, field) in _TAG.items():
        if (parameter := one.one(name)) is not None:
            shown[member] = parameter[field]
    for member, name in (("first_seen_us", "FirstSeenTimestamp"), ("last_seen_us", "LastSeenTimestamp")):
        for clock in ("UTC", "Uptime"):
            if member not in shown and (parameter := one.one(name + clock)) is not None:
                shown |= {member: parameter["Microseconds"], "clock": clock}
    return shown | _more(one)


def _more(one: Element) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if (rssi := one.one("ImpinjPeakRSSI")) is not None:
        shown["rssi_dbm"] = rssi.number("RSSI") / 100
    if (doppler := one.one("ImpinjRFDopplerFrequency")) is not None:
        shown["doppler_hz"] = doppler.number("DopplerFrequency") / 16
    if (pc := one.one("C1G2_PC")) is not None:
        shown["pc"] = f"{pc.number('PC_Bits'):04x}"
    if (tid := one.one("ImpinjSerializedTID")) is not None:
        shown["tid"] = _content(tid, 0)["TID"]
    results = [
        {"type": each.name} | _content(each, 0)
        for each in one.parameters
        if isinstance(each, Element) and each.name in _RESULTS
    ]
    return shown | ({"results": results} if results else {})


def _content(one: Element, base: int) -> dict[str, Any]:
    definition = DEFINITIONS.get(one.name)
    kinds: Mapping[str, Field] = {} if definition is None else {each.name: each for each in definition.fields}
    shown: dict[str, Any] = {
        name: _value(value, kinds.get(name)) for name, value in one.fields.items() if name != RESERVED or value
    }
    many = _many(one.name)
    for each in one.parameters:
        if isinstance(each, Unknown):
            shown.setdefault("Unknown", []).append({"type": each.type, "bytes": each.raw.hex()})
        elif isinstance(each, Malformed):
            shown.setdefault("malformed", []).append(malformed(each, base))
        else:
            inner = _content(each, base)
            if each.name not in shown:
                shown[each.name] = [inner] if each.name in many else inner
            elif isinstance(shown[each.name], list):
                shown[each.name].append(inner)
            else:
                shown[each.name] = [shown[each.name], inner]
    return shown


def _many(name: str) -> frozenset[str]:
    """Parameters that may stand several times in the one of this name."""
    definition = DEFINITIONS.get(name)
    parts = () if definition is None else definition.parts
    return frozenset(member for part in parts if part.many for member in CHOICES.get(part.name, (part.name,)))


def _value(value: Value, kind: Field | None) -> Any:
    names: Mapping[int, str] = ENUMERATIONS.get(kind.enumeration, _NONE) if kind is not None else _NONE
    if isinstance(value, Bits):
        return {"bits": value.count, "hex": value.data.hex()}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        if kind is not None and kind.format == "Hex":
            return "".join(f"{word:04x}" for word in value)
        return [_named(number, names) for number in value]
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return value if isinstance(value, bool) else _named(value, names)


def _named(number: int, names: Mapping[int, str]) -> int | str:
    return names.get(number, number)
