"""A reader's facts in a few words, for the pages that show devices and for diagnosis."""

from __future__ import annotations

from drivers.llrp.capabilities import Capabilities, value
from drivers.llrp.elements import Element
from drivers.llrp.settings import LlrpSettings

ID_BYTES_MAX = 16


def facts(
    settings: LlrpSettings, able: Capabilities, config: Element | None, rospec: Element, *, impinj: bool
) -> dict[str, str]:
    known = {
        "model": f"{able.maker} {able.model}",
        "firmware": able.firmware,
        "reader_id": _reader_id(config),
        "region": able.region,
        "antennas": antennas_told(settings, able, config),
        "power": power_told(able, config, rospec),
        "session": settings.session,
        "mode": _mode(rospec),
        "extensions": "Impinj" if impinj else "none",
        "clock": "UTC" if able.utc else "uptime",
    }
    return {name: text for name, text in known.items() if text}


def connected(settings: LlrpSettings, config: Element | None) -> tuple[list[int], list[int]]:
    """Antennas that are there and that are missing, of those that are wanted; both empty if the reader does not say."""
    states = config.all("AntennaProperties") if config is not None else []
    known = {value(one, "AntennaID"): bool(value(one, "AntennaConnected")) for one in states}
    wanted = [antenna for antenna in settings.antennas or sorted(known) if antenna in known]
    return [one for one in wanted if known[one]], [one for one in wanted if not known[one]]


def antennas_told(settings: LlrpSettings, able: Capabilities, config: Element | None) -> str:
    there, missing = connected(settings, config)
    if not there and not missing:
        return f"{able.antennas} ports"
    return f"{', '.join(map(str, there)) or 'none'} connected of {able.antennas} ports"


def power_cdbm(able: Capabilities, config: Element | None, rospec: Element) -> int | None:
    """The strongest antenna's; None if nothing says so."""
    indices = [value(one, "TransmitPower") for one in _named(rospec, "RFTransmitter")]
    if not indices and config is not None:
        indices = [value(one, "TransmitPower") for one in _named(config, "RFTransmitter")]
    powers = [power for index in indices if (power := able.power_cdbm(index)) is not None]
    return max(powers, default=None)


def power_told(able: Capabilities, config: Element | None, rospec: Element) -> str:
    power, most = power_cdbm(able, config, rospec), able.power_max_cdbm
    if power is None or most is None:
        return ""
    return f"{power / 100:g} dBm of up to {most / 100:g}"


def _mode(rospec: Element) -> str:
    controls = _named(rospec, "C1G2RFControl")
    return str(value(controls[0], "ModeIndex")) if controls else ""


def _named(one: Element, name: str) -> list[Element]:
    found = one.all(name)
    for part in one.parameters:
        if isinstance(part, Element):
            found += _named(part, name)
    return found


def _reader_id(config: Element | None) -> str:
    one = config.one("Identification") if config is not None else None
    data = one.fields.get("ReaderID") if one is not None else None
    return data[:ID_BYTES_MAX].hex() if isinstance(data, bytes) else ""
