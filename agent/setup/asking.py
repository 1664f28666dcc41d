"""What a person is asked, in the order that makes sense, with what the configuration has now as the proposal. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from agent.setup.texts import Language, say


class Voice(NamedTuple):
    """How a person is asked: a line with a proposal, a yes or no, a secret that is not shown."""

    line: Callable[[str, str], str]
    agree: Callable[[str, bool], bool]
    secret: Callable[[str], str]


def ask(voice: Voice, former: Mapping[str, Any], language: Language) -> tuple[dict[str, Any], str | None]:
    """Answers as `answers.read` takes them, and the secret of the credentials."""

    def line(name: str, proposal: object) -> str:
        return voice.line(say(name, language), str(proposal)).strip()

    store, uplink = former.get("store", {}), former.get("uplink", {})
    found: dict[str, Any] = {"language": language, "store": line("ask_store", store.get("id", ""))}
    found["time_zone"] = line("ask_time_zone", store.get("time_zone", "Asia/Seoul"))
    zones = line("ask_zones", ", ".join(store.get("zones", ("backroom", "salesfloor"))))
    found["zones"] = [one.strip() for one in zones.split(",") if one.strip()]
    host = line("ask_broker", uplink.get("host", "-") if uplink.get("enabled", True) else "-")
    secret = None
    if host == "-":
        found["broker"] = {"enabled": False}
    else:
        tls = voice.agree(say("ask_tls", language), bool(uplink.get("tls", True)))
        port = line("ask_port", uplink.get("port", 8883 if tls else 1883))
        found["broker"] = {"host": host, "port": _number(port), "tls": tls}
        found["credentials"], secret = _credentials(voice, uplink, language)
    found["station"] = _stations(voice, former, found["zones"], language)
    found["device"] = _scanners(voice, former, found["station"], language)
    return found, secret


def _number(text: str) -> int | str:
    return int(text) if text.isdigit() else text  # what is no number is named with the other mistakes


def _credentials(voice: Voice, uplink: Mapping[str, Any], language: Language) -> tuple[dict[str, Any], str | None]:
    has = "cert_file" in uplink or "password_file" in uplink
    way = voice.line(say("ask_way", language), "none" if has else "token").strip()
    if way == "token":
        desk = voice.line(say("ask_desk", language), uplink.get("desk", "")).strip()
        return {"way": way, "desk": desk}, voice.secret(say("ask_token", language)).strip()
    if way == "password":
        return {"way": way}, voice.secret(say("ask_password", language))
    return {"way": way}, None


def _stations(voice: Voice, former: Mapping[str, Any], zones: list[str], language: Language) -> list[dict[str, Any]]:
    held = former.get("station", [])
    if held:
        return [{name: one[name] for name in ("name", "zone", "mode") if name in one} for one in held]
    name = voice.line(say("ask_station", language), "dock").strip()
    zone = voice.line(say("ask_station_zone", language), zones[0] if zones else "").strip()
    return [{"name": name, "zone": zone}]


def _scanners(
    voice: Voice, former: Mapping[str, Any], stations: list[dict[str, Any]], language: Language
) -> list[dict[str, Any]]:
    known = {one.get("name") for one in former.get("device", [])}
    found: list[dict[str, Any]] = []
    while voice.agree(say("ask_scanner", language), not known and not found):
        number = len(known) + len(found) + 1
        name = voice.line(say("ask_device", language), f"hand-{number}").strip()
        station = voice.line(say("ask_station", language), stations[0]["name"]).strip()
        found.append({"name": name, "station": station, "learn": True})
    return found
