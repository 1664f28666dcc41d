"""The configuration of a simulated LLRP reader: GET_READER_CONFIG and SET_READER_CONFIG (LLRP 1.0.1, chapter 13)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType

from drivers.llrp.definitions import CHOICES, DEFINITIONS
from drivers.llrp.elements import Content, Element, element
from simulators.reader_profiles import Profile

# StatusCode, LLRP 1.0.1, 14.2.2.1
M_PARAMETER_ERROR, M_FIELD_ERROR, M_MISSING_PARAMETER = 100, 101, 103
M_UNSUPPORTED_MESSAGE, M_UNSUPPORTED_VERSION = 109, 110
P_FIELD_ERROR, P_OVERFLOW_PARAMETER, P_UNSUPPORTED_PARAMETER = 201, 205, 209
A_INVALID, A_OUT_OF_RANGE, R_DEVICE_ERROR = 300, 301, 401

EVENTS = range(9)  # NotificationEventType of 1.0.1
GPI_EVENT, ROSPEC_EVENT, BUFFER_EVENT, EXCEPTION_EVENT, AISPEC_EVENT, ANTENNA_EVENT = 1, 2, 3, 4, 6, 8
LOOP_EVENT = 9
_MAC = bytes.fromhex("0016250cafe0")


class Refusal(Exception):
    """A request that is answered by an LLRPStatus other than success."""

    def __init__(self, code: int, text: str, *details: Content) -> None:
        super().__init__(text)
        self.status = element("LLRPStatus", {"StatusCode": code, "ErrorDescription": text}, *details)


def field_refused(text: str, code: int = A_INVALID, field_number: int = 0) -> Refusal:
    """A field of the message itself."""
    return Refusal(M_FIELD_ERROR, text, element("FieldError", {"FieldNum": field_number, "ErrorCode": code}))


def parameter_refused(name: str, text: str, code: int = P_FIELD_ERROR) -> Refusal:
    number = DEFINITIONS[name].number
    return Refusal(M_PARAMETER_ERROR, text, element("ParameterError", {"ParameterType": number, "ErrorCode": code}))


def success() -> Element:
    return element("LLRPStatus", {})


def check(message: Element) -> None:
    """Raises Refusal for what cannot be framed, and for a parameter that must be there and is not."""
    if message.malformed:
        raise Refusal(M_PARAMETER_ERROR, message.malformed[0].detail)
    for one in (message, *_below(message)):
        definition = DEFINITIONS.get(one.name)
        names = {each.name for each in one.parameters if isinstance(each, Element)}
        for part in definition.parts if definition is not None else ():
            if part.needed and not names & set(CHOICES.get(part.name, (part.name,))):
                raise Refusal(M_MISSING_PARAMETER, f"{one.name} has no {part.name}")


def _below(one: Element) -> list[Element]:
    found = [each for each in one.parameters if isinstance(each, Element)]
    return found + [deeper for each in found for deeper in _below(each)]


_FLAGS = (
    "ROSpecID", "SpecIndex", "InventoryParameterSpecID", "AntennaID", "ChannelIndex", "PeakRSSI",
    "FirstSeenTimestamp", "LastSeenTimestamp", "TagSeenCount", "AccessSpecID",
)  # fmt: skip


def _report_spec() -> Element:
    selector = element("TagReportContentSelector", {f"Enable{name}": True for name in _FLAGS})
    return element("ROReportSpec", {"ROReportTrigger": 2, "N": 0}, selector)


@dataclass(slots=True)
class Config:
    """What SET_READER_CONFIG sets, by antenna and port where it is of one. `connected` is the cables' business."""

    profile: Profile
    connected: dict[int, bool] = field(default_factory=dict[int, bool])
    levels: dict[int, bool] = field(default_factory=dict[int, bool])
    antennas: dict[int, Element] = field(default_factory=dict[int, Element])
    inputs: dict[int, bool] = field(default_factory=dict[int, bool])
    outputs: dict[int, bool] = field(default_factory=dict[int, bool])
    events: dict[int, bool] = field(default_factory=dict[int, bool])
    report_spec: Element = field(default_factory=_report_spec)
    access_report_spec: Element = field(default_factory=lambda: element("AccessReportSpec", {}))
    keepalive_ms: int = 0
    hold: bool = False
    customs: dict[str, Element] = field(default_factory=dict[str, Element])
    changes: int = 0

    def __post_init__(self) -> None:
        antennas, inputs = range(1, self.profile.antennas + 1), range(1, self.profile.gpis + 1)
        self.connected = {antenna: self.connected.get(antenna, True) for antenna in antennas}
        self.levels = {port: self.levels.get(port, False) for port in inputs}
        self.reset()

    def reset(self) -> None:
        """To the factory's defaults; cables stay as they are."""
        self.antennas = {antenna: _antenna(antenna, self.profile) for antenna in self.connected}
        self.inputs = dict.fromkeys(self.levels, False)
        self.outputs = dict.fromkeys(range(1, self.profile.gpos + 1), False)
        self.events = dict.fromkeys([*EVENTS, LOOP_EVENT], False)
        self.report_spec, self.access_report_spec = _report_spec(), element("AccessReportSpec", {})
        self.keepalive_ms, self.hold = 0, False
        self.customs.clear()
        self.changes += 1

    def apply(self, message: Element) -> None:
        """All of a SET_READER_CONFIG or, with Refusal, nothing of it. The reset is the caller's."""
        for one in message.parameters:
            if isinstance(one, Element) and one.name in self.CHECKS:
                self.CHECKS[one.name](self, one)
        for one in message.parameters:
            if isinstance(one, Element):
                setter = self.SETTERS.get(one.name)
                if setter is None:
                    self.customs[one.name] = one
                else:
                    setter(self, one)
        self.changes += 1

    def answer(self, request: Element) -> list[Element]:
        """The parameters of a GET_READER_CONFIG_RESPONSE. Raises Refusal for a port or antenna that is not there."""
        antenna, wanted = request.number("AntennaID"), request.number("RequestedData")
        gpi, gpo = request.number("GPIPortNum"), request.number("GPOPortNum")
        if wanted > max(self.ANSWERS):
            raise field_refused("no such data", A_OUT_OF_RANGE, 1)
        for number, known, at in ((antenna, self.connected, 0), (gpi, self.levels, 2), (gpo, self.outputs, 3)):
            if number and number not in known:
                raise field_refused(f"{number} is not there", A_OUT_OF_RANGE, at)
        found = [one for number, make in self.ANSWERS.items() if wanted in {0, number} for one in make(self)]
        kept = {"AntennaID": antenna, "GPIPortNum": gpi, "GPOPortNumber": gpo}
        found = [one for one in found if all(not one.fields.get(name) or kept[name] in {0, one[name]} for name in kept)]
        return found + (list(self.customs.values()) if wanted == 0 else [])

    def check_antenna(self, one: Element) -> None:
        """An AntennaConfiguration, of the reader or of a ROSpec."""
        antenna, transmitter = one.number("AntennaID"), one.one("RFTransmitter")
        if antenna and antenna not in self.connected:
            raise parameter_refused("AntennaConfiguration", f"antenna {antenna} is not there")
        if transmitter is not None and transmitter["TransmitPower"] not in self.profile.power_indices:
            raise parameter_refused(
                "RFTransmitter", f"no transmit power has the index {transmitter.number('TransmitPower')}"
            )
        command = one.one("C1G2InventoryCommand")
        control = None if command is None else command.one("C1G2RFControl")
        modes = {mode.identifier for mode in self.profile.modes} | {0}
        if control is not None and control["ModeIndex"] not in modes:
            raise parameter_refused("C1G2RFControl", f"no RF mode {control.number('ModeIndex')}")

    def _check_input(self, one: Element) -> None:
        if one["GPIPortNum"] not in self.levels:
            raise parameter_refused("GPIPortCurrentState", f"no input {one.number('GPIPortNum')}")

    def _check_output(self, one: Element) -> None:
        if one["GPOPortNumber"] not in self.outputs:
            raise parameter_refused("GPOWriteData", f"no output {one.number('GPOPortNumber')}")

    def _set_antenna(self, one: Element) -> None:
        """Parts that are left out stay as they are; antenna 0 is all."""
        for antenna in self.antennas if not one["AntennaID"] else (one.number("AntennaID"),):
            names = {each.name for each in one.parameters if isinstance(each, Element)}
            kept = [
                each
                for each in self.antennas[antenna].parameters
                if not isinstance(each, Element) or each.name not in names
            ]
            self.antennas[antenna] = replace(
                one, fields={"AntennaID": antenna}, parameters=_ordered([*kept, *one.parameters])
            )

    def _set_input(self, one: Element) -> None:
        self.inputs[one.number("GPIPortNum")] = bool(one["Config"])

    def _set_output(self, one: Element) -> None:
        self.outputs[one.number("GPOPortNumber")] = bool(one["GPOData"])

    def _set_events(self, one: Element) -> None:
        for state in one.all("EventNotificationState"):
            self.events[state.number("EventType")] = bool(state["NotificationState"])

    def _set_report(self, one: Element) -> None:
        self.report_spec = one

    def _set_access_report(self, one: Element) -> None:
        self.access_report_spec = one

    def _set_keepalive(self, one: Element) -> None:
        self.keepalive_ms = one.number("PeriodicTriggerValue") if one["KeepaliveTriggerType"] else 0

    def _set_hold(self, one: Element) -> None:
        self.hold = bool(one["HoldEventsAndReportsUponReconnect"])

    def _ignore(self, _one: Element) -> None:
        """AntennaProperties: gain and connection are what they are (CanSetAntennaProperties is false)."""

    def _identification(self) -> list[Element]:
        identity = _MAC[:3] + b"\xff\xfe" + _MAC[3:]
        return [element("Identification", {"IDType": 0, "ReaderID": identity})]

    def _properties(self) -> list[Element]:
        return [
            element("AntennaProperties", {"AntennaConnected": on, "AntennaID": antenna, "AntennaGain": 0})
            for antenna, on in self.connected.items()
        ]

    def _antennas(self) -> list[Element]:
        return list(self.antennas.values())

    def _reports(self) -> list[Element]:
        return [self.report_spec]

    def _events(self) -> list[Element]:
        states = [
            element("EventNotificationState", {"EventType": kind, "NotificationState": on})
            for kind, on in self.events.items()
            if kind != LOOP_EVENT
        ]
        return [element("ReaderEventNotificationSpec", {}, *states)]

    def _access_reports(self) -> list[Element]:
        return [self.access_report_spec]

    def _state_value(self) -> list[Element]:
        return [element("LLRPConfigurationStateValue", {"LLRPConfigurationStateValue": self.changes})]

    def _keepalive(self) -> list[Element]:
        kind = int(bool(self.keepalive_ms))
        return [element("KeepaliveSpec", {"KeepaliveTriggerType": kind, "PeriodicTriggerValue": self.keepalive_ms})]

    def _inputs(self) -> list[Element]:
        return [
            element("GPIPortCurrentState", {"GPIPortNum": port, "Config": on, "State": int(self.levels[port])})
            for port, on in self.inputs.items()
        ]

    def _outputs(self) -> list[Element]:
        return [element("GPOWriteData", {"GPOPortNumber": port, "GPOData": on}) for port, on in self.outputs.items()]

    def _holding(self) -> list[Element]:
        return [element("EventsAndReports", {"HoldEventsAndReportsUponReconnect": self.hold})]

    CHECKS = MappingProxyType(
        {"AntennaConfiguration": check_antenna, "GPIPortCurrentState": _check_input, "GPOWriteData": _check_output}
    )
    SETTERS = MappingProxyType(
        {
            "AntennaConfiguration": _set_antenna,
            "AntennaProperties": _ignore,
            "GPIPortCurrentState": _set_input,
            "GPOWriteData": _set_output,
            "ReaderEventNotificationSpec": _set_events,
            "ROReportSpec": _set_report,
            "AccessReportSpec": _set_access_report,
            "KeepaliveSpec": _set_keepalive,
            "EventsAndReports": _set_hold,
        }
    )
    ANSWERS = MappingProxyType(
        {
            1: _identification,
            2: _properties,
            3: _antennas,
            5: _events,
            4: _reports,
            6: _access_reports,
            7: _state_value,
            8: _keepalive,
            9: _inputs,
            10: _outputs,
            11: _holding,
        }
    )


def _antenna(antenna: int, profile: Profile) -> Element:
    return element(
        "AntennaConfiguration",
        {"AntennaID": antenna},
        element("RFReceiver", {"ReceiverSensitivity": profile.index_first}),
        element(
            "RFTransmitter",
            {
                "HopTableID": int(profile.region.hopping),
                "ChannelIndex": int(not profile.region.hopping),
                "TransmitPower": profile.power_indices[-1],
            },
        ),
        element(
            "C1G2InventoryCommand",
            {},
            element("C1G2RFControl", {"ModeIndex": profile.modes[0].identifier}),
            element("C1G2SingulationControl", {"Session": 1, "TagPopulation": 32}),
        ),
    )


_ORDER = ("RFReceiver", "RFTransmitter", "C1G2InventoryCommand")


def _ordered(parts: list[Content]) -> tuple[Content, ...]:
    """As the definition puts them, whatever was kept and whatever is new; others at the end."""
    names = [one.name if isinstance(one, Element) else "" for one in parts]
    ranks = [_ORDER.index(name) if name in _ORDER else len(_ORDER) for name in names]
    return tuple(parts[at] for at in sorted(range(len(parts)), key=ranks.__getitem__))
