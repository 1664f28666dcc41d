"""An identity as a JSON object, one line of `jaego identify --json`."""

from __future__ import annotations

from typing import Any

from identity.values import Identity

# Always there, null when unknown: scripts may rely on them.
FIELDS = (
    "input",
    "kind",
    "gtin",
    "serial",
    "lot",
    "expiry",
    "best_before",
    "quantity",
    "weight_g",
    "price",
    "sscc",
    "gln",
    "epc_uri",
    "tag_uri",
    "digital_link",
    "ais",
    "sku",
    "reason",
)
# There when they say something.
EXTRAS = ("hint", "item_number", "document", "asset", "currency", "symbology", "addon", "filter")


def describe(identity: Identity) -> dict[str, Any]:
    """Plain values only: text, integers, null, lists of pairs. `control` is an object of verb and argument."""
    found: dict[str, Any] = {name: getattr(identity, name) for name in FIELDS}
    found["kind"] = identity.kind.value
    found["ais"] = [list(pair) for pair in identity.ais]
    for name in EXTRAS:
        value = getattr(identity, name)
        if value is not None:
            found[name] = value
    if identity.candidates:
        found["candidates"] = list(identity.candidates)
    if identity.control is not None:
        found["control"] = {"verb": identity.control.verb, "argument": identity.control.argument}
    return found


def line_to_input(line: str) -> str:
    """One line of standard input: `\\x1d` and `<GS>` written out stand for the separator."""
    return line.rstrip("\r\n").replace("\\x1d", "\x1d").replace("\\x1D", "\x1d").replace("<GS>", "\x1d")
