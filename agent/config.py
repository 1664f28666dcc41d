"""The configuration: one TOML file, read once, frozen. Secrets are only ever paths of files.

`load` gives the configuration or a `ConfigError` that names every mistake with file, key, what was found and what is
expected. `config/agent.example.toml` documents every setting; a test holds it against these models.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from agent.errors import ConfigError
from agent.operations.tags import SERIAL_MAX
from contract.events import Name
from contract.ids import NAME, is_store
from contract.stock import is_zone
from contract.topics import PREFIX
from drivers.registry import KINDS, AnySettings
from identity import InStoreTemplate
from identity.prefixes import company_prefix_digits

Digits = Annotated[str, Field(pattern="^[0-9]{6,12}$")]
FILE_BYTES_MAX = 1_000_000
SECRET_BYTES_MAX = 65_535  # what MQTT's password field holds


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreSection(Section):
    id: Name = Field(description="Store id, as head office knows it. Never changes for a ledger.")
    time_zone: str = Field("Asia/Seoul", description="IANA name; times in events carry this zone's offset.")
    language: Literal["ko", "en"] = Field("ko", description="Language of stations that name none.")
    state_dir: Path = Field(Path("/var/lib/jaego"), description="Ledger, catalogue and the store's key live here.")
    zones: tuple[Name, ...] = Field(min_length=1, max_length=500, description="The store's zones.")
    clock_trusted: bool = Field(
        default=False, description="Take the clock as right without the kernel's word (no NTP on this PC)."
    )

    @field_validator("id")
    @classmethod
    def _a_store(cls, text: str) -> str:
        if not is_store(text):
            raise ValueError("'catalog' is reserved in the topics")
        return text

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, text: str) -> str:
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("expected an IANA time zone such as Asia/Seoul or Europe/London") from error
        return text

    @field_validator("zones")
    @classmethod
    def _places_inside(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not is_zone(name):
                raise ValueError(f"{name!r} is a place outside the store, not a zone")
        if len({name.upper() for name in names}) != len(names):
            raise ValueError("two zones differ in upper and lower case only, or not at all")
        return names


class LedgerSection(Section):
    group_max: int = Field(500, ge=1, le=10_000, description="Most commands that one commit takes together.")
    queue_max: int = Field(10_000, ge=100, le=1_000_000, description="Commands that may wait; beyond it scans stop.")


class CatalogueSection(Section):
    file: Path | None = Field(None, description="CSV, JSON or JSONL that is imported at start when it is newer.")
    topic: bool = Field(default=True, description="Take items from head office's catalogue topic.")


class UplinkSection(Section):
    enabled: bool = Field(default=True, description="Without it the store works alone and keeps everything.")
    host: str = Field("127.0.0.1", min_length=1, max_length=255, description="The broker's host.")
    port: int = Field(1883, ge=1, le=65_535, description="The broker's port; 8883 is usual with TLS.")
    prefix: str = Field(PREFIX, pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", description="Topics begin with this.")
    consumers: tuple[Name, ...] = Field(
        ("headoffice",), max_length=16, description="Who must acknowledge events before they may be pruned."
    )
    client_id: Name | None = Field(None, description="MQTT client id; absent: jaego-<store id>. One client each.")
    tls: bool = Field(default=False, description="TLS; verified against ca_file or the system's authorities.")
    ca_file: Path | None = Field(None, description="Authorities that the broker's certificate is checked against.")
    cert_file: Path | None = Field(None, description="This store's certificate, for a broker that asks for one.")
    key_file: Path | None = Field(None, description="The certificate's key.")
    username: str | None = Field(None, max_length=256, description="User name at the broker.")
    password_file: Path | None = Field(None, description="File that holds the password, readable by the agent only.")
    keepalive_s: int = Field(15, ge=5, le=600, description="A silent broker is noticed after about twice this.")
    connect_timeout_s: float = Field(5.0, gt=0, le=60, description="How long one attempt to connect may take.")
    backoff_s_max: float = Field(30.0, ge=1, le=600, description="Longest pause between attempts to connect.")
    window_messages: int = Field(20, ge=1, le=1000, description="Messages under way without the broker's receipt.")
    ahead_messages_max: int = Field(
        500,
        ge=10,
        le=1_000_000,
        description="Messages sent before moving consumers acknowledged; below the broker's queue limit.",
    )
    ack_timeout_s: float = Field(10.0, ge=1, le=3600, description="A consumer that is silent so long is sent to again.")
    levels: Literal["retained", "changes", "off"] = Field(
        "retained", description="level/{sku}: retained and all sent again after a connect, changes only, or off."
    )
    levels_per_s_max: float = Field(200.0, ge=1, le=10_000, description="Most level messages a second.")
    health_interval_s: float = Field(60.0, ge=1, le=3600, description="How often health is published.")


class WebSection(Section):
    enabled: bool = Field(default=True, description="Screens and the local API.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8470, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")


class TagsSection(Section):
    """Tags that this store writes itself."""

    serial_first: int = Field(
        1, ge=0, le=SERIAL_MAX, description="First serial number that this store gives out, for each GTIN."
    )
    serial_last: int = Field(
        SERIAL_MAX, ge=0, le=SERIAL_MAX, description="Last of them. No two stores may share a number: divide the range."
    )
    filter_value: int = Field(1, ge=0, le=7, description="Filter of an SGTIN; 1 is a single item at the point of sale.")
    company_prefixes: tuple[Digits, ...] = Field(
        (), max_length=1000, description="GS1 company prefixes, 6 to 12 digits, where GS1's list does not tell them."
    )

    @model_validator(mode="after")
    def _a_range(self) -> Self:
        if self.serial_last < self.serial_first:
            raise ValueError(f"serial_last {self.serial_last} is below serial_first {self.serial_first}")
        return self

    def prefix_digits(self, gtin: str) -> int | None:
        """How many digits of a GTIN of 14 are the company prefix; the longest that is named here, else GS1's list."""
        named = [len(prefix) for prefix in self.company_prefixes if gtin[1:].startswith(prefix)]
        found = max(named) if named else company_prefix_digits(gtin[1:])
        return found if found is not None and 6 <= found <= 12 else None


class StationSection(Section):
    name: Name = Field(description="Name of the station; its screen is /station/<name>.")
    mode: Literal["receive", "move", "lookup", "count"] = Field("receive", description="Mode of a new session.")
    zone: Name = Field(description="Zone that goods are received into.")
    language: Literal["ko", "en"] | None = Field(None, description="Language of a new session; absent: the store's.")


class InStoreSection(Section):
    """How this store's own labels are laid out; there is no official Korean layout (standards.md, 5)."""

    name: Name = Field(description="Name of the template, for messages.")
    prefixes: tuple[str, ...] = Field(min_length=1, max_length=10, description="First digits: 02, or 20 to 29.")
    layout: str = Field(
        min_length=2,
        max_length=12,
        description="Digits behind the prefix: I item, W weight, P price, N count, K measure check, - any, C check.",
    )
    weight_unit_g: int = Field(1, ge=1, le=10_000, description="Grams that the last weight digit stands for.")
    price_decimals: int = Field(0, ge=0, le=3, description="Digits behind the price's decimal point; won has none.")
    currency: str | None = Field(None, pattern="^[A-Z]{3}$", description="ISO 4217 letters of the price.")

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        self.template()
        return self

    def template(self) -> InStoreTemplate:
        """Raises ValueError for a layout that cannot be."""
        return InStoreTemplate(
            self.name, self.prefixes, self.layout, self.weight_unit_g, self.price_decimals, self.currency
        )


class DeviceSection(Section):
    name: Name = Field(description="Name of the device in topics and on screens.")
    station: Name | None = Field(None, description="Station whose clerk uses it.")
    settings: AnySettings = Field(description="kind, and what that kind of device needs.")


class Config(Section):
    store: StoreSection
    ledger: LedgerSection = LedgerSection.model_validate({})
    catalogue: CatalogueSection = CatalogueSection.model_validate({})
    uplink: UplinkSection = UplinkSection.model_validate({})
    web: WebSection = WebSection.model_validate({})
    tags: TagsSection = TagsSection.model_validate({})
    station: Annotated[tuple[StationSection, ...], Field(max_length=200)] = ()
    device: Annotated[tuple[DeviceSection, ...], Field(max_length=200)] = ()
    in_store: Annotated[tuple[InStoreSection, ...], Field(max_length=50)] = ()


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


def _contradictions(table: Mapping[str, Any]) -> Iterator[str]:
    """What each setting alone cannot see, as far as a file with mistakes shows it."""
    stations, devices = _entries(table, "station"), _entries(table, "device")
    yield from _unknown_places(_section(table, "store").get("zones"), stations, devices)
    for kind, entries in (("station", stations), ("device", devices)):
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


def _halves(uplink: Mapping[str, Any]) -> Iterator[str]:
    """Settings of the uplink that mean nothing without another one."""
    for one, other in (("cert_file", "key_file"), ("key_file", "cert_file"), ("password_file", "username")):
        if one in uplink and other not in uplink:
            yield f"uplink.{other}: found nothing, expected a value, {one} needs it"
    for name in ("ca_file", "cert_file", "key_file"):
        if name in uplink and uplink.get("tls") is not True:
            yield f"uplink.tls: found {str(uplink.get('tls', False)).lower()}, expected true, {name} needs it"


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
            "catalogue": under(config.catalogue, "file"),
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
