"""`python -m tests.config_example > config/agent.example.toml`: each setting, its description, default and range."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from agent.config import Config
from agent.sections import DeviceSection
from drivers.registry import KINDS

HEAD = """\
# Jaego, the agent on a store's PC: every setting. Copy this file to /etc/jaego/agent.toml and keep what you need.
#
# A line that begins with a setting must be there. A line with `# setting = ...` shows the default, or an example where
# there is no default: take the `#` away to change it. Paths are relative to the folder of this file.
# `jaego check-config FILE` names every mistake. Secrets are never in here: they are files that only the agent can read.
#
# Made from the settings' own descriptions by `python -m tests.config_example`; a test holds it against them.
"""

# What stands where there is no default, by section and setting.
EXAMPLES: dict[str, Any] = {
    "store.id": "S001",
    "store.zones": ["backroom", "salesfloor"],
    "backup.folder": "/mnt/backup/jaego",
    "catalogue.file": "/etc/jaego/catalogue.csv",
    "uplink.client_id": "jaego-S001",
    "uplink.ca_file": "/etc/jaego/ca.pem",
    "uplink.cert_file": "/etc/jaego/store.pem",
    "uplink.key_file": "/etc/jaego/store.key",
    "uplink.desk": "https://desk.example.com:8480",
    "uplink.username": "S001",
    "uplink.password_file": "/etc/jaego/broker.password",
    "web.cert_file": "/etc/jaego/screens.pem",
    "web.key_file": "/etc/jaego/screens.key",
    "station.name": "dock",
    "station.zone": "backroom",
    "station.language": "ko",
    "rules.quarantine_zone": "backroom",
    "sales.tills": {"till-1": "salesfloor"},
    "sales.zone": "salesfloor",
    "sales.folder": "/var/lib/jaego/sales",
    "orders.pickup_zone": "backroom",
    "epcis.base": "https://stock.example.com",
    "epcis.company": "8801234000000",
    "epcis.supplier": "8801234100007",
    "epcis.gln": "8801234000109",
    "reason.code": "SAMPLE",
    "reason.kind": "out",
    "reason.ko": "견본",
    "reason.en": "Sample",
    "portal.name": "dock-door",
    "portal.device": "portal-1",
    "portal.zones": ["supplier", "backroom"],
    "portal.antennas": {"1": "supplier", "2": "supplier", "3": "backroom", "4": "backroom"},
    "zone_reader.device": "gate-1",
    "zone_reader.antennas": {"1": "backroom", "2": "salesfloor"},
    "in_store.name": "scale",
    "in_store.prefixes": ["28"],
    "in_store.layout": "IIIIIWWWWWC",
    "in_store.currency": "KRW",
    "device.station": "dock",
    "hid.path": "/dev/input/by-path/pci-0000:00:14.0-usb-0:2:1.0-event-kbd",
    "hid.usb_serial": "S/N:1A2B3C",
    "hid.usb_name": "Honeywell Imaging & Mobility 1900",
    "hid.vendor": "0c2e",
    "hid.product": "0b61",
    "serial_line.path": "/dev/serial/by-id/usb-Datalogic_Gryphon-if00",
    "llrp.host": "192.0.2.20",
    "llrp.port": 5084,
    "llrp.tls_ca_file": "/etc/jaego/ca.pem",
    "llrp.power_dbm": 30.0,
    "llrp.mode": "robust",
    "llrp.search": "dual",
    "llrp.region": "kr",
    "llrp.country": 410,
    "llrp.eye_port": 1,
    "r200.path": "/dev/serial/by-path/pci-0000:00:14.0-usb-0:4:1.0-port0",
    "r200.region": "kr",
    "r200.session": 1,
    "reader_json.dialect": "impinj",
    "reader_json.host": "127.0.0.1",
    "reader_json.port": 1883,
    "reader_json.topics": ["impinj/gate/#"],
    "reader_json.username": "jaego",
    "reader_json.password_file": "/etc/jaego/reader.password",
    "reader_json.tls_ca_file": "/etc/jaego/ca.pem",
    "reader_json.heartbeat_s": 10,
    "ssi.path": "/dev/serial/by-id/usb-Symbol_DS9308-if00",
    "ssi.aiming": True,
    "ssi.led_look": 3,
    "thingmagic.path": "/dev/serial/by-id/usb-ThingMagic_M6e-if00",
    "thingmagic.region": "kr",
    "thingmagic.session": 1,
}
# Needed by rules over several settings, so they stand without `#` although the model alone would do without them.
WRITTEN = frozenset({"hid.path", "device.station", "reader_json.topics"})
DEVICES = {
    "hid": "hand-1",
    "llrp": "portal-1",
    "r200": "desk-1",
    "reader_json": "gate-1",
    "serial_line": "counter-1",
    "ssi": "dock-1",
    "thingmagic": "table-1",
}


def toml(value: Any) -> str:
    if isinstance(value, Enum):
        return toml(value.value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {toml(one)}' for key, one in value.items())} }}"
    if isinstance(value, Path):
        return toml(str(value))
    return json.dumps(value, ensure_ascii=False)


def limits(model: type[BaseModel], name: str) -> str:
    """The range of a setting in words, from its JSON schema."""
    schema = model.model_json_schema()
    return _limits(schema["properties"][name], schema.get("$defs", {}))


def _limits(shape: dict[str, Any], held: dict[str, Any]) -> str:
    if "$ref" in shape:
        return _limits(held[shape["$ref"].rpartition("/")[2]], held)
    if "anyOf" in shape:
        return " ".join(filter(None, (_limits(one, held) for one in shape["anyOf"] if one.get("type") != "null")))
    if shape.get("const") is False:
        return ""  # the description says so
    if "enum" in shape or "const" in shape:
        choices = shape.get("enum") or [shape["const"]]
        return f"One of {', '.join(map(toml, choices))}." if len(choices) > 1 else f"Always {toml(choices[0])}."
    match shape.get("type"):
        case "boolean":
            return "true or false."
        case "integer" | "number":
            low, above, high = shape.get("minimum"), shape.get("exclusiveMinimum"), shape.get("maximum")
            whole = "A whole number" if shape["type"] == "integer" else "A number"
            return f"{whole} above {above:g}, at most {high:g}." if above is not None else f"{whole}, {low} to {high}."
        case "object":
            return f"A table, at most {shape['maxProperties']}."
        case "array" if "prefixItems" in shape:
            return f"A list of {len(shape['prefixItems'])}."
        case "array":
            most = f", at most {shape['maxItems']}" if "maxItems" in shape else ""
            each = _limits(shape["items"], held)
            return f"A list{most}; each: {each[0].lower()}{each[1:]}"
        case _:
            return "A path." if shape.get("format") == "path" else _text_limits(shape)


def _text_limits(shape: dict[str, Any]) -> str:
    if shape.get("pattern") == "^[A-Za-z0-9._-]{1,64}$":
        return "1 to 64 of A-Z a-z 0-9 . _ -"
    if "maxLength" in shape:
        return f"Text of {shape.get('minLength', 0)} to {shape['maxLength']} characters."
    return f"Text like {shape['pattern']}" if "pattern" in shape else "Text."


def setting(section: str, model: type[BaseModel], name: str, field: FieldInfo) -> Iterator[str]:
    """Comment and line of one setting."""
    key = f"{section}.{name}"
    bare = field.default is PydanticUndefined
    default = None if bare else field.default
    needed = bare or key in WRITTEN or name == "kind"
    stated = (
        "Required." if bare or name == "kind" else "No default." if default is None else f"Default: {toml(default)}."
    )
    assert field.description, f"{key} has no description"
    text = f"{field.description} {limits(model, name)} {stated}"
    yield from textwrap.wrap(text, 118, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
    shown = EXAMPLES.get(key) if default is None or key in WRITTEN else default
    assert shown is not None, f"{key}: give an example in tests/config_example.py"
    yield f"{'' if needed else '# '}{name} = {toml(shown)}"


def document() -> str:
    lines = [HEAD]
    for name, field in Config.model_fields.items():
        model = field.annotation
        assert model is not None
        if name == "device":
            lines += _devices()
        else:
            many = get_args(model)
            section = many[0] if many else model
            lines.append(f"[[{name}]]" if many else f"[{name}]")
            for key, one in section.model_fields.items():
                lines += [*setting(name, section, key, one), ""]
    return "\n".join(lines).rstrip() + "\n"


def _devices() -> Iterator[str]:
    for kind, model in KINDS.items():
        yield from ("[[device]]",)
        for key, one in DeviceSection.model_fields.items():
            EXAMPLES["device.name"] = DEVICES[kind]
            if key != "settings":
                yield from (*setting("device", DeviceSection, key, one), "")
        yield "[device.settings]"
        for key, one in sorted(model.model_fields.items(), key=lambda pair: pair[0] != "kind"):
            yield from (*setting(kind, model, key, one), "")


if __name__ == "__main__":
    sys.stdout.write(document())
