"""From a new connection to a reader that reads as the settings say, whatever it did before.

    version, capabilities, extensions, its configuration, ours, ROSpecs

Nothing is reset: a reader that has been reading through an outage goes on, and keeps what it holds for us. A ROSpec
with the wanted id and content is not touched. Other ROSpecs of ours, from other settings, are deleted. Those of others
are disabled, because one radio serves one program, and deleted only where the reader has no room for ours beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.errors import DeviceMisbehaved, DeviceRefused
from drivers.llrp.capabilities import Capabilities, capabilities, value
from drivers.llrp.dialogue import VERSION_1_0_1, VERSION_1_1, Ask, Dialogue, Script, must, refusal
from drivers.llrp.elements import Element, element
from drivers.llrp.facts import facts
from drivers.llrp.rospec import is_ours, own_transmitter, same, wanted_config, wanted_rospec
from drivers.llrp.settings import LlrpSettings

VERSION_TIMEOUT_S = 1.0  # some readers of 1.0.1 say nothing to a message they do not know
ACCESS_SPEC_ID = 0x4A00_0001  # the one we use; a crash may have left it, and it would go on writing
GET_CONFIG = element("GET_READER_CONFIG", {"RequestedData": "All"})
DISABLED, INACTIVE, ACTIVE = range(3)


@dataclass(slots=True)
class Reader:
    """What is known of the reader on this connection. `config` is its GET_READER_CONFIG_RESPONSE, if it gave one."""

    able: Capabilities = field(default_factory=Capabilities)
    impinj: bool = False
    config: Element | None = None
    rospec: Element = field(default_factory=lambda: element("ROSpec"))
    active: bool = False  # the ROSpec was found running
    facts: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def rospec_id(self) -> int:
        return self.rospec.number("ROSpecID")


def set_up(dialogue: Dialogue, settings: LlrpSettings, learn: Callable[[Capabilities], None]) -> Script[Reader]:
    """`learn` hears the capabilities at once, for reports may come before the end. Raises DeviceRefused for what the
    reader cannot or will not do.
    """
    reader = Reader()
    yield from _agree_on_version(dialogue, settings)
    response = yield from must(element("GET_READER_CAPABILITIES", {"RequestedData": "All"}))
    if response.one("GeneralDeviceCapabilities") is None:
        raise DeviceMisbehaved("the reader does not say what it can do", hint="update the reader's firmware")
    reader.able = capabilities(response)
    learn(reader.able)
    reader.impinj = yield from _extend(settings, reader.able)
    config = yield Ask(GET_CONFIG)
    reader.config = config if refusal(config) is None else None
    reader.rospec = wanted_rospec(settings, reader.able, own_transmitter(reader.config), impinj=reader.impinj)
    yield from _configure(settings, reader)
    yield Ask(element("DELETE_ACCESSSPEC", {"AccessSpecID": ACCESS_SPEC_ID}))  # refused when there is none
    changed = yield from bring(reader, continuous=not settings.waits_for_eye)
    reader.facts = facts(settings, reader.able, reader.config, reader.rospec, impinj=reader.impinj)
    reader.facts["llrp"] = {VERSION_1_0_1: "1.0.1", VERSION_1_1: "1.1"}[dialogue.version]
    reader.facts["rospec"] = changed
    return reader


def _agree_on_version(dialogue: Dialogue, settings: LlrpSettings) -> Script[None]:
    """Asked with version 1.1 in the header. Whatever is no success means 1.0.1; statuses 109, 110, 112 are usual."""
    if settings.version == "1.0.1":
        return
    later = VERSION_1_1
    response = yield Ask(element("GET_SUPPORTED_VERSION"), later, VERSION_TIMEOUT_S, lenient=True)
    if refusal(response) is not None or value(response, "SupportedVersion") < later:
        return
    if value(response, "CurrentVersion") != later:
        response = yield Ask(element("SET_PROTOCOL_VERSION", {"ProtocolVersion": later}), later)
        if refusal(response) is not None:
            return
    dialogue.version = later


def _extend(settings: LlrpSettings, able: Capabilities) -> Script[bool]:
    if settings.impinj == "off" or (settings.impinj == "auto" and not able.impinj):
        return False
    response = yield Ask(element("IMPINJ_ENABLE_EXTENSIONS"))
    why = refusal(response)
    if why is not None and settings.impinj == "on":
        raise DeviceRefused(f"the reader has no Impinj extensions: {why}", hint="set impinj = auto")
    return why is None


def _configure(settings: LlrpSettings, reader: Reader) -> Script[None]:
    response = yield Ask(wanted_config(settings, reader.able, impinj=reader.impinj))
    if refusal(response) is not None:
        yield from must(wanted_config(settings, reader.able, impinj=reader.impinj, bare=True))


def bring(reader: Reader, *, continuous: bool) -> Script[str]:
    """ROSpecs to the wanted state; what had to be done, in a word. Raises DeviceRefused."""
    wanted, number = reader.rospec, reader.rospec_id
    found = yield from _rospecs()
    kept = next((one for one in found or [] if value(one, "ROSpecID") == number and same(wanted, one)), None)
    yield from _clear(found, kept, reader.able.rospecs_max)
    state: int | None = value(kept, "CurrentState")
    done = "kept"
    if kept is None:
        yield from must(element("ADD_ROSPEC", {}, wanted))
        replaced = any(is_ours(value(one, "ROSpecID")) for one in found or [])
        state, done = DISABLED, "replaced" if replaced else "added"
    if state == DISABLED:
        yield from must(element("ENABLE_ROSPEC", {"ROSpecID": number}))
        state, done = (yield from _state(number)), done if kept is None else "enabled"
    reader.active = state == ACTIVE
    if continuous and state != ACTIVE:
        yield from _start(number)
        done = "started" if done == "kept" else done
    return done


def _rospecs() -> Script[list[Element] | None]:
    """None from a reader that cannot tell."""
    response = yield Ask(element("GET_ROSPECS"))
    return None if response is None or refusal(response) is not None else response.all("ROSpec")


def _state(number: int) -> Script[int | None]:
    found = yield from _rospecs()
    return next((value(one, "CurrentState") for one in found or [] if value(one, "ROSpecID") == number), None)


def _clear(found: list[Element] | None, kept: Element | None, room: int) -> Script[None]:
    if found is None:
        yield Ask(element("DELETE_ROSPEC", {"ROSpecID": 0}))  # all; what cannot be seen cannot be kept
        return
    others = [one for one in found if one is not kept]
    foreign = [one for one in others if not is_ours(value(one, "ROSpecID"))]
    crowded = kept is None and 0 < room <= len(foreign)
    for one in others:
        number = {"ROSpecID": value(one, "ROSpecID")}
        if one not in foreign or crowded:
            yield from must(element("DELETE_ROSPEC", number))
        elif value(one, "CurrentState") != DISABLED:
            yield from must(element("DISABLE_ROSPEC", number))


def _start(number: int) -> Script[None]:
    """A start trigger Immediate starts by itself; a reader that says no has perhaps just done so."""
    response = yield Ask(element("START_ROSPEC", {"ROSpecID": number}))
    why = refusal(response)
    if why is None:
        return
    state = yield from _state(number)
    if state not in {None, ACTIVE}:
        raise DeviceRefused(f"the reader does not start to read: {why}", hint="restart the reader")
