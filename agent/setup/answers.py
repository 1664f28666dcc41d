"""The answers of whoever installs, and the configuration that they make. Pure.

What the configuration had before stays, unless an answer says otherwise: stations and devices are known again by name,
devices by their place too, so `jaego setup` can be repeated and corrected.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from agent.errors import ConfigError
from agent.sections import Section
from contract.shapes import Mode, Name

Way = Literal["token", "request", "password", "none"]


class BrokerAnswers(Section):
    """`enabled = false`: the store works alone for now."""

    enabled: bool = True
    host: str = Field("127.0.0.1", min_length=1, max_length=255)
    port: int = Field(8883, ge=1, le=65_535)
    tls: bool = True


class CredentialAnswers(Section):
    """`token` and `desk`: exchanged at head office's desk. `certificate`: head office's answer to the request, with
    `authority`. `password_file`: holds the password, and is copied. Files are relative to the answers' folder."""

    way: Way = "none"
    desk: str | None = Field(None, pattern=r"^https?://[A-Za-z0-9.:\[\]-]+/?$", max_length=300)
    token_file: str | None = None
    certificate: str | None = None
    authority: str | None = None
    password_file: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.way == "token" and self.desk is None:
            raise ValueError("way token needs desk, as in https://desk.example.com:8480")
        return self


class StationAnswers(Section):
    name: Name
    zone: Name
    mode: Mode = "receive"


class DeviceAnswers(Section):
    """A scanner with `path`, or without: then the one that scans the sheet. A reader with `host`. With `learn` its
    settings come from a scan of the sheet; those that are given here stand above them."""

    name: Name
    station: Name | None = None
    path: str | None = Field(None, min_length=1, max_length=512)
    host: str | None = Field(None, min_length=1, max_length=255)
    learn: bool = False
    settings: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.path is not None and self.host is not None:
            raise ValueError("has either path or host")
        if self.host is None and not self.learn and "kind" not in self.settings:
            raise ValueError("needs host, learn = true, or settings with a kind")
        return self


class Answers(Section):
    store: Name
    language: Literal["ko", "en"] = "ko"
    time_zone: str = "Asia/Seoul"
    zones: tuple[Name, ...] = Field(("backroom", "salesfloor"), min_length=1, max_length=500)
    state_dir: str | None = None
    broker: BrokerAnswers = BrokerAnswers.model_validate({})
    credentials: CredentialAnswers = CredentialAnswers.model_validate({})
    station: tuple[StationAnswers, ...] = Field((), max_length=200)
    device: tuple[DeviceAnswers, ...] = Field((), max_length=200)


def read(table: Mapping[str, Any], where: str) -> Answers:
    """Raises `ConfigError` with every mistake."""
    try:
        return Answers.model_validate(table)
    except ValidationError as error:
        mistakes = [
            f"{where}: {'.'.join(str(part) for part in one['loc']) or 'answers'}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise ConfigError(mistakes) from error


def configuration(
    former: Mapping[str, Any],
    answers: Answers,
    access: Mapping[str, Any],
    learned: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """`access`: settings of the uplink that the credentials give, None: it goes. `learned`: settings by the
    name of a device."""
    table = copy.deepcopy(dict(former))
    store = table.setdefault("store", {})
    store |= {"id": answers.store, "time_zone": answers.time_zone, "language": answers.language}
    store["zones"] = list(answers.zones)
    if answers.state_dir is not None:
        store["state_dir"] = answers.state_dir
    uplink = table.setdefault("uplink", {})
    broker = answers.broker
    uplink |= {"enabled": broker.enabled, "host": broker.host, "port": broker.port, "tls": broker.tls, **access}
    table["uplink"] = {name: value for name, value in uplink.items() if value is not None}
    for one in answers.station:
        _into(table.setdefault("station", []), one.model_dump())
    for device in answers.device:
        _into(table.setdefault("device", []), _device(device, learned.get(device.name, {})))
    return table


def _device(device: DeviceAnswers, learned: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if device.host is not None:
        settings = {"kind": "llrp", "host": device.host}
    elif device.path is not None:
        settings = {"path": device.path}
    settings |= {**learned, **device.settings}
    found: dict[str, Any] = {"name": device.name, "settings": settings}
    return found if device.station is None else found | {"station": device.station}


def _into(entries: list[Any], fresh: dict[str, Any]) -> None:
    """In the place of the entry with its name, or of the device that sits in its place; else at the end."""
    for at, held in enumerate(entries):
        if held.get("name") == fresh["name"] or (_place(held) is not None and _place(held) == _place(fresh)):
            settings = {"settings": fresh["settings"]} if "settings" in fresh else {}
            entries[at] = {**held, **fresh, **settings}
            return
    entries.append(fresh)


def _place(entry: Mapping[str, Any]) -> str | None:
    settings = entry.get("settings", {})
    place: str | None = settings.get("path") or settings.get("host")
    return place
