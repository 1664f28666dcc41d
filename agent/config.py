"""The configuration: one TOML file, read once, frozen. Secrets are only ever paths of files.

`load` gives the configuration or a `ConfigError` that names every mistake with file, key, what was found and what is
expected. `config/agent.example.toml` documents every setting; a test holds it against these models.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from agent.errors import ConfigError
from agent.operations.rules import REASONS, Reason, Rules
from agent.sections import (
    BackupSection,
    CatalogueSection,
    DeviceSection,
    EpcisSection,
    InStoreSection,
    LedgerSection,
    OrdersSection,
    PortalSection,
    ReasonSection,
    RulesSection,
    SalesSection,
    Section,
    StationSection,
    StoreSection,
    TagsSection,
    UplinkSection,
    WebSection,
    ZoneReaderSection,
)
from contract.ids import NAME
from contract.stock import is_outside
from drivers.registry import KINDS

FILE_BYTES_MAX = 1_000_000
READERS = frozenset({"llrp", "reader_json", "thingmagic", "r200"})  # kinds that read tags
SECRET_BYTES_MAX = 65_535  # what MQTT's password field holds


class Config(Section):
    store: StoreSection
    ledger: LedgerSection = LedgerSection.model_validate({})
    backup: BackupSection = BackupSection.model_validate({})
    catalogue: CatalogueSection = CatalogueSection.model_validate({})
    uplink: UplinkSection = UplinkSection.model_validate({})
    web: WebSection = WebSection.model_validate({})
    tags: TagsSection = TagsSection.model_validate({})
    rules: RulesSection = RulesSection.model_validate({})
    sales: SalesSection = SalesSection.model_validate({})
    orders: OrdersSection = OrdersSection.model_validate({})
    epcis: EpcisSection = EpcisSection.model_validate({})
    reason: Annotated[tuple[ReasonSection, ...], Field(max_length=100)] = ()
    station: Annotated[tuple[StationSection, ...], Field(max_length=200)] = ()
    device: Annotated[tuple[DeviceSection, ...], Field(max_length=200)] = ()
    portal: Annotated[tuple[PortalSection, ...], Field(max_length=50)] = ()
    zone_reader: Annotated[tuple[ZoneReaderSection, ...], Field(max_length=50)] = ()
    in_store: Annotated[tuple[InStoreSection, ...], Field(max_length=50)] = ()


def rules_of(config: Config) -> Rules:
    """What operations need of it."""
    given = config.rules
    reasons = tuple(Reason(one.code, one.kind, one.ko, one.en) for one in config.reason)
    return Rules(
        **given.model_dump(),
        reasons=reasons or REASONS,
        pickup_zone=config.orders.pickup_zone,
        zone=ZoneInfo(config.store.time_zone),
    )


def load(path: Path) -> Config:
    """The configuration. Raises `ConfigError` with every mistake in the file."""
    table = _table(path)
    mistakes: list[str] = []
    config: Config | None = None
    try:
        config = Config.model_validate(table)
    except ValidationError as error:
        mistakes = [_mistake(one) for one in error.errors(include_url=False)]
    mistakes += _contradictions(table)
    if config is None or mistakes:
        raise ConfigError([f"{path}: {line}" for line in mistakes])
    return _rooted(config, path.parent)


def _table(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}; expected a readable configuration file"]) from error
    if len(raw) > FILE_BYTES_MAX:
        raise ConfigError([f"{path}: found more than {FILE_BYTES_MAX} bytes, expected a configuration"])
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except RecursionError as error:
        raise ConfigError([f"{path}: found lists within lists without end, expected TOML in UTF-8"]) from error
    except ValueError as error:  # no UTF-8, no TOML, a number of thousands of digits
        raise ConfigError([f"{path}: found {error}; expected TOML in UTF-8"]) from error


def _mistake(error: ErrorDetails) -> str:
    key = _key(error["loc"])
    found = error["input"]
    shown = "a table or list" if isinstance(found, (dict, list)) else repr(found)[:80]
    match error["type"]:
        case "missing":
            return f"{key}: found nothing, expected a value"
        case "extra_forbidden":
            return f"{key}: found a setting that does not exist, expected one of config/agent.example.toml"
        case "union_tag_not_found":
            return f"{key}.kind: found nothing, expected one of {', '.join(sorted(KINDS))}"
        case "union_tag_invalid":
            tag = error.get("ctx", {}).get("tag")
            return f"{key}.kind: found {tag!r}, expected one of {', '.join(sorted(KINDS))}"
        case "value_error":
            return f"{key}: found {shown}; {error['msg'].removeprefix('Value error, ')}"
        case _:
            return f"{key}: found {shown}, expected {_expected(error)}"


def _expected(error: ErrorDetails) -> str:
    limits = error.get("ctx", {})
    match error["type"]:
        case "string_pattern_mismatch":
            pattern = str(limits["pattern"]).strip("^$")
            return "1 to 64 of A-Z a-z 0-9 . _ -" if pattern == NAME.pattern else f"text that matches {pattern}"
        case "string_too_short":
            return f"at least {limits['min_length']} characters"
        case "string_too_long":
            return f"at most {limits['max_length']} characters"
        case "too_short":
            return f"at least {limits['min_length']} of them"
        case "too_long":
            return f"at most {limits['max_length']} of them"
        case "tuple_type":
            return "a list; a section that may come often is written [[name]]"
        case "model_type" | "model_attributes_type":
            return "a table of settings"
        case _:
            return error["msg"].removeprefix("Input should be ")


def _key(location: tuple[int | str, ...]) -> str:
    """As a person finds it in the file: entries count from 1, and the kind of a device is no level of the file."""
    text = ""
    for place, part in enumerate(location):
        if isinstance(part, int):
            text += f"[{part + 1}]"
        elif not (place and location[place - 1] == "settings" and part in KINDS):
            text += f".{part}" if text else part
    return text or "the file"


def _unknown_zones(table: Mapping[str, Any], zones: Any) -> Iterator[str]:
    """Zones that settings outside of stations and portals name."""
    sales, orders = _section(table, "sales"), _section(table, "orders")
    named = {
        "rules.quarantine_zone": _section(table, "rules").get("quarantine_zone"),
        "sales.zone": sales.get("zone"),
        "orders.pickup_zone": orders.get("pickup_zone"),
    }
    tills = sales.get("tills")
    if isinstance(tills, dict):
        named |= {f"sales.tills.{till}": zone for till, zone in cast("dict[str, Any]", tills).items()}
    for key, zone in named.items():
        if isinstance(zones, list) and isinstance(zone, str) and zone not in zones:
            expected = ", ".join(sorted(str(one) for one in cast("list[Any]", zones)))
            yield f"{key}: found {zone!r}, expected one of {expected}"


def _contradictions(table: Mapping[str, Any]) -> Iterator[str]:
    """What each setting alone cannot see, as far as a file with mistakes shows it."""
    stations, devices = _entries(table, "station"), _entries(table, "device")
    yield from _unknown_places(_section(table, "store").get("zones"), stations, devices)
    portals = _entries(table, "portal")
    zones = _section(table, "store").get("zones")
    yield from _unknown_zones(table, zones)
    yield from _portals(portals, zones, devices)
    yield from _zone_readers(_entries(table, "zone_reader"), zones, devices)
    reasons: list[Mapping[str, Any]] = [{"name": one.get("code")} for one in _entries(table, "reason")]
    for kind, entries in (("station", stations), ("device", devices), ("portal", portals), ("reason", reasons)):
        names = [one["name"] for one in entries if isinstance(one.get("name"), str)]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{kind}: found {name!r} {names.count(name)} times, expected each name once"
    places: dict[str, int] = {}
    for index, device in enumerate(devices, start=1):
        settings = _section(device, "settings")
        key = "path" if "path" in settings else "host"
        place = settings.get(key)
        where = f"{place}:{settings.get('port', settings.get('kind'))}" if key == "host" else place
        if isinstance(place, str) and isinstance(where, str) and places.setdefault(where, index) != index:
            taken = f"expected a {key} that device[{places[where]}] has not"
            yield f"device[{index}].settings.{key}: found {place!r}, {taken}"
    yield from _halves(_section(table, "uplink"))
    yield from _web(_section(table, "web"))


def _unknown_places(zones: Any, stations: list[Mapping[str, Any]], devices: list[Mapping[str, Any]]) -> Iterator[str]:
    if isinstance(zones, list):
        names = [name for name in cast("list[Any]", zones) if isinstance(name, str)]
        for index, station in enumerate(stations, start=1):
            zone = station.get("zone")
            if isinstance(zone, str) and zone not in names:
                yield f"station[{index}].zone: found {zone!r}, expected one of {', '.join(sorted(names))}"
    known = [station.get("name") for station in stations]
    for index, device in enumerate(devices, start=1):
        name = device.get("station")
        if isinstance(name, str) and name not in known:
            expected = ", ".join(sorted(one for one in known if isinstance(one, str))) or "a [[station]], there is none"
            yield f"device[{index}].station: found {name!r}, expected one of {expected}"


def _portals(portals: list[Mapping[str, Any]], zones: Any, devices: list[Mapping[str, Any]]) -> Iterator[str]:
    readers = _readers(devices)
    taken: dict[str, int] = {}
    for index, portal in enumerate(portals, start=1):
        device, sides = portal.get("device"), portal.get("zones")
        if isinstance(device, str) and device not in readers:
            yield f"portal[{index}].device: found {device!r}, expected the name of a [[device]] that reads tags"
        if isinstance(device, str) and taken.setdefault(device, index) != index:
            yield f"portal[{index}].device: found {device!r}, expected a reader that portal[{taken[device]}] has not"
        if isinstance(sides, list) and isinstance(zones, list):
            for side in cast("list[Any]", sides):
                if isinstance(side, str) and side not in zones and not is_outside(side):
                    expected = ", ".join(sorted(str(zone) for zone in cast("list[Any]", zones)))
                    yield f"portal[{index}].zones: found {side!r}, expected one of {expected}, or a place outside"


def _readers(devices: list[Mapping[str, Any]]) -> list[Any]:
    """Names of devices that read tags, as they stand in the file."""
    return [one.get("name") for one in devices if _section(one, "settings").get("kind") in tuple(READERS)]


def _zone_readers(readers: list[Mapping[str, Any]], zones: Any, devices: list[Mapping[str, Any]]) -> Iterator[str]:
    known = _readers(devices)
    for index, reader in enumerate(readers, start=1):
        device = reader.get("device")
        if isinstance(device, str) and device not in known:
            yield f"zone_reader[{index}].device: found {device!r}, expected the name of a [[device]] that reads tags"
        for antenna, zone in _section(reader, "antennas").items():
            if isinstance(zone, str) and isinstance(zones, list) and zone not in zones:
                expected = ", ".join(sorted(str(one) for one in cast("list[Any]", zones)))
                yield f"zone_reader[{index}].antennas.{antenna}: found {zone!r}, expected one of {expected}"


def _halves(uplink: Mapping[str, Any]) -> Iterator[str]:
    """Settings of the uplink that mean nothing without another one."""
    for one, other in (("cert_file", "key_file"), ("key_file", "cert_file"), ("password_file", "username")):
        if one in uplink and other not in uplink:
            yield f"uplink.{other}: found nothing, expected a value, {one} needs it"
    for name in ("ca_file", "cert_file", "key_file"):
        if name in uplink and uplink.get("tls") is not True:
            yield f"uplink.tls: found {str(uplink.get('tls', False)).lower()}, expected true, {name} needs it"


def _web(web: Mapping[str, Any]) -> Iterator[str]:
    """Badges, PINs and tokens never cross a network in the clear."""
    for one, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if one in web and other not in web:
            yield f"web.{other}: found nothing, expected a value, {one} needs it"
    host = web.get("host", "127.0.0.1")
    if isinstance(host, str) and web.get("enabled") is not False and "cert_file" not in web and not _is_loopback(host):
        yield f"web.host: found {host!r} without TLS, expected 127.0.0.1, or cert_file and key_file beside it"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _section(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = table.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _entries(table: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Places of entries are kept: one that is no table counts as an empty one."""
    found = table.get(name)
    if not isinstance(found, list):
        return []
    return [cast("dict[str, Any]", one) if isinstance(one, dict) else {} for one in cast("list[Any]", found)]


_DEVICE_PATHS = ("path", "tls_ca_file", "password_file")


def _rooted(config: Config, folder: Path) -> Config:
    """Relative paths are relative to the file that names them."""

    def under(section: Any, *names: str) -> Any:
        found = {name: getattr(section, name, None) for name in names}
        rooted = {
            name: str(folder / path) if isinstance(path, str) else folder / path
            for name, path in found.items()
            if path is not None
        }
        return section.model_copy(update=rooted)

    devices = [one.model_copy(update={"settings": under(one.settings, *_DEVICE_PATHS)}) for one in config.device]
    return config.model_copy(
        update={
            "store": under(config.store, "state_dir"),
            "backup": under(config.backup, "folder"),
            "catalogue": under(config.catalogue, "file"),
            "web": under(config.web, "cert_file", "key_file"),
            "sales": under(config.sales, "folder"),
            "uplink": under(config.uplink, "ca_file", "cert_file", "key_file", "password_file"),
            "device": tuple(devices),
        }
    )


def secret(path: Path | None) -> str | None:
    """The content of a secret's file without its line end. Raises `ConfigError`."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            text = file.read(SECRET_BYTES_MAX + 1).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8"  # never a byte of a secret
        raise ConfigError([f"{path}: {why}; expected a readable file with a secret in it"]) from error
    if not text or len(text) > SECRET_BYTES_MAX:
        found = "nothing" if not text else f"more than {SECRET_BYTES_MAX} bytes"
        raise ConfigError([f"{path}: found {found}, expected a secret"])
    return text
