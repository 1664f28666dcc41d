"""The ROSpec and the configuration that a reader should have, from settings and capabilities.

Our ROSpecs are told from others by their id: a byte `J`, then 24 bits of a checksum over the content. So a changed
setting is another ROSpec, and one that is found with the wanted id is left running after a look at its content.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from drivers.errors import DeviceRefused
from drivers.llrp.capabilities import Capabilities, value
from drivers.llrp.elements import Content, Element, Value, element, encode_parameter
from drivers.llrp.settings import LlrpSettings

OURS, OURS_MASK = 0x4A00_0000, 0xFF00_0000
SESSIONS = ("S0", "S1", "S2", "S3")
SEARCH = {"reader": 0, "single": 1, "dual": 2, "focus": 3}  # ImpinjInventorySearchMode
LINK_DOWN_COUNT = 2  # keepalives without an answer, after which an Impinj reader takes us for dead
_GEN2 = "EPCGlobalClass1Gen2"
_SELECTORS = {
    "antenna": "EnableAntennaID",
    "rssi": "EnablePeakRSSI",
    "channel": "EnableChannelIndex",
    "first_seen": "EnableFirstSeenTimestamp",
    "last_seen": "EnableLastSeenTimestamp",
    "seen_count": "EnableTagSeenCount",
}
# What a reader fills in where we leave it to the reader.
_FILLED = frozenset(
    {
        ("AntennaConfiguration", "AntennaID"),
        ("RFTransmitter", "HopTableID"),
        ("RFTransmitter", "ChannelIndex"),
        ("C1G2RFControl", "Tari"),
        ("C1G2SingulationControl", "TagTransitTime"),
        ("ROSpecStopTrigger", "DurationTriggerValue"),
        ("AISpecStopTrigger", "DurationTrigger"),
    }
)


@dataclass(frozen=True, slots=True)
class Transmitter:
    """How the reader's own configuration says where to send: kept, because only the power is ours to change."""

    hop_table: int
    channel: int


def is_ours(rospec_id: int) -> bool:
    return rospec_id & OURS_MASK == OURS


def wanted_rospec(settings: LlrpSettings, able: Capabilities, own: Transmitter | None, *, impinj: bool) -> Element:
    """Raises DeviceRefused for a setting that this reader cannot follow."""
    able.check_antennas(settings.antennas)
    able.check_inputs(settings.inputs)
    _check_search(settings, able, impinj=impinj)
    parts = (_boundary(settings), _inventory(settings, able, own, impinj=impinj), _report(settings, impinj=impinj))
    bare = element("ROSpec", {"ROSpecID": OURS}, *parts)
    checksum = zlib.crc32(encode_parameter(bare)) & ~OURS_MASK
    return element("ROSpec", {"ROSpecID": OURS | checksum}, *parts)


def same(wanted: Content, found: Content) -> bool:
    """`found` has all of `wanted`; its state, and what a reader adds or fills in, does not count."""
    if not isinstance(wanted, Element) or not isinstance(found, Element) or wanted.name != found.name:
        return False
    for field, ours in wanted.fields.items():
        if not _agrees(wanted.name, field, ours, found.fields.get(field)):
            return False
    left = list(found.parameters)
    for part in wanted.parameters:
        match = next((at for at, other in enumerate(left) if same(part, other)), None)
        if match is None:
            return False
        del left[match]
    return True


def _agrees(name: str, field: str, ours: object, theirs: object) -> bool:
    if ours == theirs or field == "CurrentState":
        return True
    if field == "AntennaIDs":
        return ours == (0,)  # all of them, which a reader may spell out
    return (name, field) in _FILLED and ours == 0


def _boundary(settings: LlrpSettings) -> Element:
    if not settings.waits_for_eye:
        return element(
            "ROBoundarySpec",
            {},
            element("ROSpecStartTrigger", {"ROSpecStartTriggerType": "Immediate"}),
            element("ROSpecStopTrigger", {"ROSpecStopTriggerType": "Null"}),
        )
    broken = settings.eye_level == "high"
    port = {"GPIPortNum": settings.eye_port or 0}
    start = element("GPITriggerValue", {**port, "GPIEvent": broken, "Timeout": 0})
    stop = element("GPITriggerValue", {**port, "GPIEvent": not broken, "Timeout": round(settings.window_s_max * 1000)})
    return element(
        "ROBoundarySpec",
        {},
        element("ROSpecStartTrigger", {"ROSpecStartTriggerType": "GPI"}, start),
        element("ROSpecStopTrigger", {"ROSpecStopTriggerType": "GPI_With_Timeout"}, stop),
    )


def _inventory(settings: LlrpSettings, able: Capabilities, own: Transmitter | None, *, impinj: bool) -> Element:
    command = _command(settings, able, impinj=impinj)
    antennas = [
        element("AntennaConfiguration", {"AntennaID": antenna}, *_transmitter(dbm, able, own), command)
        for antenna, dbm in _powers(settings)
    ]
    return element(
        "AISpec",
        {"AntennaIDs": settings.antennas or (0,)},
        element("AISpecStopTrigger", {"AISpecStopTriggerType": "Null"}),
        element("InventoryParameterSpec", {"InventoryParameterSpecID": 1, "ProtocolID": _GEN2}, *antennas),
    )


def _powers(settings: LlrpSettings) -> list[tuple[int, float | None]]:
    """Antenna and power; antenna 0 stands for all."""
    if settings.antenna_power_dbm:
        return list(zip(settings.antennas, settings.antenna_power_dbm, strict=True))
    return [(0, settings.power_dbm)]


def _transmitter(dbm: float | None, able: Capabilities, own: Transmitter | None) -> Iterator[Element]:
    if dbm is None:
        return
    place = own or Transmitter(able.hop_table or 0, 0 if able.hop_table is not None else 1)
    yield element(
        "RFTransmitter",
        {"HopTableID": place.hop_table, "ChannelIndex": place.channel, "TransmitPower": able.power_index(dbm)},
    )


def _command(settings: LlrpSettings, able: Capabilities, *, impinj: bool) -> Element:
    parts: list[Element] = []
    if settings.mode is not None:
        parts.append(element("C1G2RFControl", {"ModeIndex": able.mode_number(settings.mode)}))
    aware = settings.search == "single" and not impinj and able.state_aware
    state = [element("C1G2TagInventoryStateAwareSingulationAction", {"I": "State_A", "S": "Not_SL"})] if aware else []
    tags = {"Session": SESSIONS.index(settings.session), "TagPopulation": settings.population}
    parts.append(element("C1G2SingulationControl", tags, *state))
    if settings.search is not None and impinj:
        parts.append(element("ImpinjInventorySearchMode", {"InventorySearchMode": SEARCH[settings.search]}))
    return element("C1G2InventoryCommand", {"TagInventoryStateAware": aware}, *parts)


def _check_search(settings: LlrpSettings, able: Capabilities, *, impinj: bool) -> None:
    search = settings.search
    if search in {None, "reader"} or impinj or (search == "single" and able.state_aware):
        return
    raise DeviceRefused(f"the reader has no search mode {search}", hint="leave `search` out; it needs an Impinj reader")


def _report(settings: LlrpSettings, *, impinj: bool) -> Element:
    memory = element("C1G2EPCMemorySelector", {"EnablePCBits": "pc" in settings.content})
    flags = {field: name in settings.content for name, field in _SELECTORS.items()}
    extensions = (
        element(
            "ImpinjTagReportContentSelector",
            {},
            element("ImpinjEnableRFPhaseAngle", {"RFPhaseAngleMode": "Enabled"}),
            element("ImpinjEnablePeakRSSI", {"PeakRSSIMode": "Enabled"}),
            element("ImpinjEnableRFDopplerFrequency", {"RFDopplerFrequencyMode": "Enabled"}),
        ),
    )
    return element(
        "ROReportSpec",
        {"ROReportTrigger": "Upon_N_Tags_Or_End_Of_ROSpec", "N": settings.report_every_tags},
        element("TagReportContentSelector", flags, memory),
        *(extensions if impinj else ()),
    )


def wanted_config(settings: LlrpSettings, able: Capabilities, *, impinj: bool, bare: bool = False) -> Element:
    """A SET_READER_CONFIG that leaves alone what ROSpecs say. `bare` is without what some readers do not know."""
    events = {
        "Upon_Hopping_To_Next_Channel": False,
        "GPI_Event": bool(settings.inputs),
        "ROSpec_Event": True,
        "Report_Buffer_Fill_Warning": able.warns and not bare,
        "Reader_Exception_Event": True,
        "RFSurvey_Event": False,
        "AISpec_Event": False,
        "AISpec_Event_With_Details": False,
        "Antenna_Event": True,
    }
    states = [
        element("EventNotificationState", {"EventType": name, "NotificationState": on})
        for name, on in events.items()
        if on or not bare
    ]
    parts = [element("ReaderEventNotificationSpec", {}, *states)]
    if not bare:
        parts.append(element("AccessReportSpec", {"AccessReportTrigger": "Whenever_ROReport_Is_Generated"}))
    period: dict[str, Value] = {
        "KeepaliveTriggerType": "Periodic",
        "PeriodicTriggerValue": round(settings.keepalive_s * 1000),
    }
    parts.append(element("KeepaliveSpec", period))
    parts += [element("GPIPortCurrentState", {"GPIPortNum": port, "Config": True}) for port in settings.inputs]
    if able.holds and not bare:
        parts.append(element("EventsAndReports", {"HoldEventsAndReportsUponReconnect": True}))
    if impinj and not bare:
        monitor: dict[str, Value] = {"LinkMonitorMode": "Enabled", "LinkDownThreshold": LINK_DOWN_COUNT}
        parts.append(element("ImpinjLinkMonitorConfiguration", monitor))
    return element("SET_READER_CONFIG", {}, *parts)


def own_transmitter(config: Element | None) -> Transmitter | None:
    """Of a GET_READER_CONFIG_RESPONSE, from its first antenna."""
    antennas = config.all("AntennaConfiguration") if config is not None else []
    found = next((one for each in antennas if (one := each.one("RFTransmitter")) is not None), None)
    return None if found is None else Transmitter(value(found, "HopTableID"), value(found, "ChannelIndex"))
