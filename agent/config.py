"""The configuration: one TOML file, read once, frozen. Secrets are only ever paths of files.

`load` gives the configuration or a `ConfigError` that names every mistake with file, key, what was found and what is
expected. `config/agent.example.toml` documents every setting; a test holds it against these models.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from agent.errors import ConfigError
from contract.events import Name
from contract.ids import is_store
from contract.stock import is_zone
from contract.topics import PREFIX
from drivers.registry import AnySettings

FILE_BYTES_MAX = 1_000_000


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

    @model_validator(mode="after")
    def _parts_belong_together(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file needs a username")
        if not self.tls and (self.ca_file or self.cert_file):
            raise ValueError("ca_file and cert_file need tls = true")
        return self


class WebSection(Section):
    enabled: bool = Field(default=True, description="Screens and the local API.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8470, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")


class StationSection(Section):
    name: Name = Field(description="Name of the station; its screen is /station/<name>.")
    mode: Literal["receive", "move", "lookup"] = Field("receive", description="Mode of a new session.")
    zone: Name = Field(description="Zone that goods are received into.")
    language: Literal["ko", "en"] | None = Field(None, description="Language of a new session; absent: the store's.")


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
    station: Annotated[tuple[StationSection, ...], Field(max_length=200)] = ()
    device: Annotated[tuple[DeviceSection, ...], Field(max_length=200)] = ()


def load(path: Path) -> Config:
    """The configuration. Raises `ConfigError` with every mistake in the file."""
    try:
        raw = path.read_bytes()
        if len(raw) > FILE_BYTES_MAX:
            raise ConfigError([f"{path}: found {len(raw)} bytes, expected a configuration of at most {FILE_BYTES_MAX}"])
        table = tomllib.loads(raw.decode())
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}; expected a readable configuration file"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: found {error}; expected TOML in UTF-8"]) from error
    try:
        config = Config.model_validate(table)
    except ValidationError as error:
        raise ConfigError([f"{path}: {_mistake(one)}" for one in error.errors()]) from error
    mistakes = [f"{path}: {line}" for line in _contradictions(config)]
    if mistakes:
        raise ConfigError(mistakes)
    return _rooted(config, path.parent)


def _mistake(error: ErrorDetails) -> str:
    key = _key(error["loc"])
    match error["type"]:
        case "missing":
            return f"{key}: found nothing, expected a value"
        case "extra_forbidden":
            return f"{key}: found a setting that does not exist, expected one of config/agent.example.toml"
        case "union_tag_not_found":
            return f"{key}.kind: found nothing, expected a kind of device"
        case _:
            found = error["input"]
            shown = "a table or list" if isinstance(found, (dict, list)) else repr(found)[:80]
            message = error["msg"]
            if message.startswith("Value error, "):
                return f"{key}: found {shown}; {message.removeprefix('Value error, ')}"
            return f"{key}: found {shown}, expected {message.removeprefix('Input should be ')}"


def _key(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"


def _contradictions(config: Config) -> Iterator[str]:
    """What each section alone cannot see."""
    zones, stations = set(config.store.zones), {one.name for one in config.station}
    for index, station in enumerate(config.station, start=1):
        if station.zone not in zones:
            yield f"station[{index}].zone: found {station.zone!r}, expected one of {', '.join(sorted(zones))}"
    for index, device in enumerate(config.device, start=1):
        if device.station is not None and device.station not in stations:
            expected = ", ".join(sorted(stations)) or "a [[station]], there is none"
            yield f"device[{index}].station: found {device.station!r}, expected {expected}"
    for kind, names in (
        ("station", [one.name for one in config.station]),
        ("device", [one.name for one in config.device]),
    ):
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{kind}: found {name!r} {names.count(name)} times, expected each name once"


def _rooted(config: Config, folder: Path) -> Config:
    """Relative paths are relative to the file that names them."""

    def under(section: Any, *names: str) -> Any:
        found = {name: getattr(section, name) for name in names}
        rooted = {
            name: str(folder / path) if isinstance(path, str) else folder / path
            for name, path in found.items()
            if path is not None
        }
        return section.model_copy(update=rooted)

    devices = [one.model_copy(update={"settings": under(one.settings, "path")}) for one in config.device]
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
        return path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: {error}; expected a readable file with a secret in it"]) from error
