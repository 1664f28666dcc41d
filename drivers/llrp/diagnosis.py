"""Connected, and reads nothing: why, as far as the reader can tell, and what a person can do.

The users' most frequent question (sllurp#115, #218). The first reason that fits is given, the certain ones first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.llrp.capabilities import STANDARDS, Capabilities, value
from drivers.llrp.elements import Element
from drivers.llrp.facts import connected, power_cdbm
from drivers.llrp.settings import LlrpSettings
from drivers.llrp.setup import ACTIVE, DISABLED, Reader

LOW_POWER_CDBM = 1_000  # so far below the reader's most, a tag is read from a third of the distance


@dataclass(frozen=True, slots=True)
class Reason:
    code: str
    message: str
    hint: str


def diagnose(
    settings: LlrpSettings,
    reader: Reader,
    config: Element | None,
    rospecs: Sequence[Element] | None,
    *,
    has_read: bool,
) -> Reason:
    """`config` and `rospecs` as they are now, None where the reader does not say; `has_read`: on this connection."""
    quiet = _session_quiet(settings)
    return (
        _not_started(settings, reader, rospecs)
        or _no_antenna(settings, config)
        or wrong_region(settings, reader.able)
        or _eye_not_asserted(settings, config)
        or (quiet if has_read else None)  # then the power was enough
        or _low_power(reader, config)
        or quiet
        or Reason(
            "out_of_reach",
            "everything is in order; no tag is in reach",
            "hold a tag in front of an antenna; if it is not read, check cables, power and the tag",
        )
    )


def wrong_region(settings: LlrpSettings, able: Capabilities) -> Reason | None:
    hint = "let the supplier set the reader's region; another region's channels are not permitted here"
    if settings.region is not None and able.standard != STANDARDS[settings.region]:
        return Reason("wrong_region", f"the reader is set to {able.region}, expected is {settings.region}", hint)
    if settings.country is not None and able.country != settings.country:
        return Reason("wrong_region", f"the reader is set to {able.region}, expected is {settings.country}", hint)
    if not able.standard and not able.frequencies_khz:
        return Reason("wrong_region", "the reader has no region and no channels to send on", hint)
    return None


def _not_started(settings: LlrpSettings, reader: Reader, rospecs: Sequence[Element] | None) -> Reason | None:
    if rospecs is None:
        return None
    hint = "it is started again; if that recurs, another program uses the reader"
    mine = next((one for one in rospecs if value(one, "ROSpecID") == reader.rospec_id), None)
    if mine is None:
        return Reason("rospec_not_started", "the reader has lost its order to read (ROSpec)", hint)
    state = value(mine, "CurrentState")
    if state == DISABLED:
        return Reason("rospec_not_started", "the order to read (ROSpec) is disabled", hint)
    if state != ACTIVE and not settings.waits_for_eye:
        return Reason("rospec_not_started", "the order to read (ROSpec) is not running", hint)
    return None


def _no_antenna(settings: LlrpSettings, config: Element | None) -> Reason | None:
    there, missing = connected(settings, config)
    if there or not missing:
        return None
    told = ", ".join(map(str, missing))
    return Reason("no_antenna", f"no antenna is connected (of {told})", "check antenna cables and `antennas`")


def _eye_not_asserted(settings: LlrpSettings, config: Element | None) -> Reason | None:
    port = settings.eye_port
    if port is None or not settings.waits_for_eye or config is None:
        return None
    mine = next((one for one in config.all("GPIPortCurrentState") if value(one, "GPIPortNum") == port), None)
    if mine is None or value(mine, "State", 2) == (1 if settings.eye_level == "high" else 0):
        return None
    off = "" if value(mine, "Config") else ", and the input is switched off"
    return Reason(
        "gpi_not_asserted",
        f"the reader waits for the photo-eye at input {port}, which is not {settings.eye_level}{off}",
        "nobody passed, or the photo-eye is out of line; break its beam and look at the reader's input",
    )


def _session_quiet(settings: LlrpSettings) -> Reason | None:
    if not settings.silencing:
        return None
    return Reason(
        "session_quiet",
        f"session {settings.session} keeps tags silent that were read before",
        "carry the tags out of the field for a while, or choose session S1 or S0",
    )


def _low_power(reader: Reader, config: Element | None) -> Reason | None:
    power, most = power_cdbm(reader.able, config, reader.rospec), reader.able.power_max_cdbm
    if power is None or most is None or most - power < LOW_POWER_CDBM:
        return None
    return Reason(
        "low_power",
        f"the power is {power / 100:g} dBm of up to {most / 100:g}",
        "raise power_dbm as far as the site permits",
    )


def circumstances(settings: LlrpSettings, reader: Reader, config: Element | None) -> str:
    """The facts that go with any reason, for its message."""
    there, _ = connected(settings, config)
    power = power_cdbm(reader.able, config, reader.rospec)
    parts = [
        f"antennas {', '.join(map(str, there))}" if there else "no antenna known",
        f"power {power / 100:g} dBm" if power is not None else "power unknown",
        f"session {settings.session}",
        f"region {reader.able.region}",
    ]
    return "; ".join(parts)
