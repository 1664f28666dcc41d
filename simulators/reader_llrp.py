"""An LLRP reader as a state machine: bytes in, frames out; no I/O and no clock. Here it answers requests.

A request that cannot be met is answered by its response with an LLRPStatus that is not success, or by ERROR_MESSAGE
where there is no such response (LLRP 1.0.1, 14.2): unknown messages, versions that are not spoken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from drivers.llrp.definitions import DEFINITIONS
from drivers.llrp.elements import Element, decode, element
from drivers.llrp.frames import Message
from simulators.reader_access import AccessSpec, unsupported
from simulators.reader_config import (
    M_UNSUPPORTED_MESSAGE,
    M_UNSUPPORTED_VERSION,
    P_OVERFLOW_PARAMETER,
    P_UNSUPPORTED_PARAMETER,
    Refusal,
    check,
    field_refused,
    parameter_refused,
    success,
)
from simulators.reader_core import Client, Frame, ReaderCore, Setup
from simulators.reader_profiles import IMPINJ, capabilities
from simulators.reader_rospec import RoSpec, State

__all__ = ["Frame", "LlrpReader", "Setup"]


class LlrpReader(ReaderCore):
    """`received` are the names of the last messages that it got."""

    def _handle(self, client: Client, message: Message) -> None:
        one = decode(message)
        self.received.append(one.name)
        if one.name == "KEEPALIVE_ACK":
            client.unanswered = 0
            return
        response = DEFINITIONS[one.name].response if one.name in DEFINITIONS else ""
        try:
            self._check_version(client, one, message.version)
            answer = self._answer(client, one)
        except Refusal as refusal:
            unknown = refusal.status["StatusCode"] in {M_UNSUPPORTED_MESSAGE, M_UNSUPPORTED_VERSION}
            name = "ERROR_MESSAGE" if unknown and one.name != "SET_PROTOCOL_VERSION" else response or "ERROR_MESSAGE"
            if one.name in _NEGOTIATION and self.setup.version_max == 1:
                name = "ERROR_MESSAGE"
            self._send(client, element(name, {}, refusal.status), message.id)
            return
        if answer is not None:
            version = message.version if one.name in _NEGOTIATION else client.version
            self._send(client, answer, message.id, version)
        self._after(client, one)

    def _check_version(self, client: Client, one: Element, version: int) -> None:
        """The version that was agreed on, but for the two messages that agree on it (LLRP 1.1, 9.1)."""
        if one.name in _NEGOTIATION:
            if self.setup.version_max == 1:
                code = M_UNSUPPORTED_VERSION if version > 1 else M_UNSUPPORTED_MESSAGE
                raise Refusal(code, f"{one.name} is not known here")
        elif version != client.version:
            raise Refusal(M_UNSUPPORTED_VERSION, f"version {version}, {client.version} is spoken")

    def _answer(self, client: Client, one: Element) -> Element | None:
        handler = _HANDLERS.get(one.name)
        vendor = DEFINITIONS[one.name].vendor if one.name in DEFINITIONS else -1
        if handler is None or (vendor >= 0 and vendor != self.setup.profile.maker):
            raise Refusal(M_UNSUPPORTED_MESSAGE, f"{one.name} is not known here")
        check(one)
        return handler(self, client, one)

    def _after(self, client: Client, one: Element) -> None:
        """What follows a response, so that the client has it first."""
        if one.name in {"ENABLE_ROSPEC", "ADD_ROSPEC", "START_ROSPEC"}:
            self.advance(self._now_us)
        elif one.name == "SET_READER_CONFIG":
            self._set_keepalive()
        elif one.name == "ENABLE_EVENTS_AND_REPORTS":
            client.holding = False
            self._tell_held()
        elif one.name == "CLOSE_CONNECTION":
            client.closing = True

    # Requests

    def _supported_version(self, client: Client, one: Element) -> Element:
        versions = {"CurrentVersion": client.version, "SupportedVersion": self.setup.version_max}
        return element(_response(one), versions, success())

    def _set_version(self, client: Client, one: Element) -> Element:
        wanted = one.number("ProtocolVersion")
        if not 1 <= wanted <= self.setup.version_max:
            raise Refusal(M_UNSUPPORTED_VERSION, f"version {wanted} is not spoken")
        client.version = wanted
        return element(_response(one), {}, success())

    def _capabilities(self, _client: Client, one: Element) -> Element:
        requested = one.number("RequestedData")
        if requested > 4:
            raise field_refused("no such capabilities")
        return element(_response(one), {}, success(), *capabilities(self.setup.profile, requested))

    def _get_config(self, _client: Client, one: Element) -> Element:
        return element(_response(one), {}, success(), *self.config.answer(one))

    def _set_config(self, _client: Client, one: Element) -> Element:
        if one["ResetToFactoryDefault"]:
            for rospec in list(self.rospecs.values()):
                rospec.disable(self._now_us)
            self.rospecs.clear()
            self.access_specs.clear()
            self.config.reset()
        self.config.apply(one)
        return element(_response(one), {}, success())

    def _add_rospec(self, client: Client, one: Element) -> Element:
        spec = one.one("ROSpec")
        assert spec is not None
        self._check_rospec(spec)
        report_spec = spec.one("ROReportSpec") or self.config.report_spec
        quiet, each = self.setup.silent_sessions, self.setup.each
        rospec = RoSpec(spec, report_spec, self, impinj=client.extensions, each=each, quiet=quiet)
        self.rospecs[rospec.id] = rospec
        self._writers.pop(rospec.id, None)
        return element(_response(one), {}, success())

    def _check_rospec(self, spec: Element) -> None:
        profile, number = self.setup.profile, spec.number("ROSpecID")
        if number == 0 or number in self.rospecs:
            raise parameter_refused("ROSpec", f"ROSpec {number} is there already" if number else "ROSpec 0 is none")
        if len(self.rospecs) >= profile.rospecs_max:
            raise parameter_refused("ROSpec", f"at most {profile.rospecs_max} ROSpecs", P_OVERFLOW_PARAMETER)
        if spec["CurrentState"] != State.DISABLED:
            raise parameter_refused("ROSpec", "a new ROSpec is disabled")
        if spec.number("Priority") >= max(1, profile.priorities):
            raise parameter_refused("ROSpec", f"priorities are below {profile.priorities}")
        for survey in spec.all("RFSurveySpec"):
            raise parameter_refused(survey.name, "surveys are not simulated", P_UNSUPPORTED_PARAMETER)
        for ai in spec.all("AISpec"):
            antennas = ai["AntennaIDs"]
            wrong = [one for one in antennas if one > profile.antennas] if isinstance(antennas, tuple) else []
            if wrong or not antennas:
                raise parameter_refused("AISpec", f"no antenna {wrong[0] if wrong else ''}".rstrip())
            for inventory in ai.all("InventoryParameterSpec"):
                for antenna in inventory.all("AntennaConfiguration"):
                    self.config.check_antenna(antenna)

    def _some_rospecs(self, one: Element, *, all_by_zero: bool) -> list[RoSpec]:
        number = one.number("ROSpecID")
        if number == 0 and all_by_zero:
            return list(self.rospecs.values())
        if number not in self.rospecs:
            raise field_refused(f"there is no ROSpec {number}")
        return [self.rospecs[number]]

    def _delete_rospec(self, _client: Client, one: Element) -> Element:
        for rospec in self._some_rospecs(one, all_by_zero=True):
            rospec.disable(self._now_us)
            del self.rospecs[rospec.id]
        return element(_response(one), {}, success())

    def _enable_rospec(self, _client: Client, one: Element) -> Element:
        for rospec in self._some_rospecs(one, all_by_zero=True):
            rospec.enable(self._now_us)
        return element(_response(one), {}, success())

    def _disable_rospec(self, _client: Client, one: Element) -> Element:
        for rospec in self._some_rospecs(one, all_by_zero=True):
            rospec.disable(self._now_us)
        return element(_response(one), {}, success())

    def _start_rospec(self, _client: Client, one: Element) -> Element:
        (rospec,) = self._some_rospecs(one, all_by_zero=False)
        if rospec.state is not State.INACTIVE:
            raise field_refused(f"ROSpec {rospec.id} is {rospec.state.name.lower()}")
        rospec.start(self._now_us)
        return element(_response(one), {}, success())

    def _stop_rospec(self, _client: Client, one: Element) -> Element:
        (rospec,) = self._some_rospecs(one, all_by_zero=False)
        if rospec.state is State.DISABLED:
            raise field_refused(f"ROSpec {rospec.id} is disabled")
        rospec.stop(self._now_us)
        return element(_response(one), {}, success())

    def _get_rospecs(self, _client: Client, one: Element) -> Element:
        return element(_response(one), {}, success(), *(each.element for each in self.rospecs.values()))

    def _add_access(self, _client: Client, one: Element) -> Element:
        spec = one.one("AccessSpec")
        assert spec is not None
        number, most = spec.number("AccessSpecID"), self.setup.profile.access_specs_max
        if number == 0 or number in self.access_specs or spec["CurrentState"]:
            raise parameter_refused("AccessSpec", f"AccessSpec {number} is there already, 0, or not disabled")
        if len(self.access_specs) >= most:
            raise parameter_refused("AccessSpec", f"at most {most} AccessSpecs", P_OVERFLOW_PARAMETER)
        if (name := unsupported(spec)) is not None:
            raise parameter_refused(name, f"{name} is not simulated", P_UNSUPPORTED_PARAMETER)
        self.access_specs[number] = AccessSpec(spec)
        return element(_response(one), {}, success())

    def _some_access(self, one: Element) -> list[AccessSpec]:
        number = one.number("AccessSpecID")
        if number and number not in self.access_specs:
            raise field_refused(f"there is no AccessSpec {number}")
        return [self.access_specs[number]] if number else list(self.access_specs.values())

    def _change_access(self, _client: Client, one: Element) -> Element:
        for spec in self._some_access(one):
            if one.name == "DELETE_ACCESSSPEC":
                del self.access_specs[spec.id]
            else:
                spec.active = one.name == "ENABLE_ACCESSSPEC"
        return element(_response(one), {}, success())

    def _get_access(self, _client: Client, one: Element) -> Element:
        return element(_response(one), {}, success(), *(each.element for each in self.access_specs.values()))

    def _get_report(self, client: Client, _one: Element) -> None:
        """What was gathered and what is held. Without any tag an empty report, as real readers send."""
        for rospec in self.rospecs.values():
            rospec.flush()
        holding, client.holding = client.holding, False
        self._tell_held()
        client.holding = holding
        if not any(frame.entries for frame in client.out):
            self._send(client, element("RO_ACCESS_REPORT"), self._id())

    def _enable_reports(self, _client: Client, _one: Element) -> None:
        """No response (LLRP 1.0.1, 14.1.6); `_after` lets go what is held."""

    def _close(self, _client: Client, one: Element) -> Element:
        return element(_response(one), {}, success())

    def _enable_extensions(self, client: Client, one: Element) -> Element:
        client.extensions = self.setup.profile.maker == IMPINJ
        return element(_response(one), {}, success())

    HANDLERS: Mapping[str, Callable[[LlrpReader, Client, Element], Element | None]] = MappingProxyType(
        {
            "GET_SUPPORTED_VERSION": _supported_version,
            "SET_PROTOCOL_VERSION": _set_version,
            "GET_READER_CAPABILITIES": _capabilities,
            "GET_READER_CONFIG": _get_config,
            "SET_READER_CONFIG": _set_config,
            "ADD_ROSPEC": _add_rospec,
            "DELETE_ROSPEC": _delete_rospec,
            "ENABLE_ROSPEC": _enable_rospec,
            "DISABLE_ROSPEC": _disable_rospec,
            "START_ROSPEC": _start_rospec,
            "STOP_ROSPEC": _stop_rospec,
            "GET_ROSPECS": _get_rospecs,
            "ADD_ACCESSSPEC": _add_access,
            "DELETE_ACCESSSPEC": _change_access,
            "ENABLE_ACCESSSPEC": _change_access,
            "DISABLE_ACCESSSPEC": _change_access,
            "GET_ACCESSSPECS": _get_access,
            "GET_REPORT": _get_report,
            "ENABLE_EVENTS_AND_REPORTS": _enable_reports,
            "CLOSE_CONNECTION": _close,
            "IMPINJ_ENABLE_EXTENSIONS": _enable_extensions,
        }
    )


_NEGOTIATION = {"GET_SUPPORTED_VERSION", "SET_PROTOCOL_VERSION"}
_HANDLERS = LlrpReader.HANDLERS


def _response(request: Element) -> str:
    return DEFINITIONS[request.name].response
