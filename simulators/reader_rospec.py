"""The life of one ROSpec in a simulated LLRP reader: triggers, antenna specs in a row, reports.

    disabled - ENABLE -> inactive - start trigger, START -> active - stop trigger, STOP, last spec over -> inactive

(LLRP 1.0.1, 6.1.1.) With an immediate start trigger it begins again at once when it has ended, unless it was stopped.
Times are the simulation's, in microseconds; nothing happens but in `advance`, `see` and the requests.
"""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum
from typing import Protocol

from drivers.llrp.elements import Bits, Element
from drivers.operations import Bank
from simulators.reader_reports import TAGS_MAX, Content, Entry, Gathering
from simulators.tags import Sighting, masked

RUN_US_MIN = 1000  # a spec with nothing to do takes so long, lest it begin for ever at one instant
IMMEDIATE, PERIODIC, GPI = 1, 2, 3
DURATION, GPI_TIMEOUT, OBSERVATION = 1, 2, 3


class State(IntEnum):
    DISABLED = 0
    INACTIVE = 1
    ACTIVE = 2


class Host(Protocol):
    """The reader around it: hears of changes, takes reports, and does access operations on a tag that was seen."""

    def rospec_started(self, rospec: RoSpec, at_us: int) -> None: ...

    def rospec_ended(self, rospec: RoSpec, at_us: int) -> None: ...

    def aispec_ended(self, rospec: RoSpec, index: int, at_us: int) -> None: ...

    def looped(self, rospec: RoSpec, count: int, at_us: int) -> None: ...

    def report(self, rospec: RoSpec, entries: list[Entry]) -> None: ...

    def access(self, rospec: RoSpec, entry: Entry) -> bool:
        """Does what is to be done, adds its results; true when the report must go at once."""
        ...


class RoSpec:
    def __init__(
        self, spec: Element, report_spec: Element, host: Host, *, impinj: bool, each: bool, quiet: bool
    ) -> None:
        self.spec = spec
        self.state = State.DISABLED
        self.content = Content.of(report_spec, impinj=impinj)
        self._host = host
        self._quiet: set[int] | None = set() if quiet and _silencing(spec) else None
        self._gathering = Gathering(self.content, each=each)
        self._trigger, self._n = report_spec.number("ROReportTrigger"), report_spec.number("N")
        bounds = spec.one("ROBoundarySpec")
        assert bounds is not None
        start, stop = bounds.one("ROSpecStartTrigger"), bounds.one("ROSpecStopTrigger")
        assert start is not None
        assert stop is not None
        self._start, self._stop = start, stop
        self._start_type = start.number("ROSpecStartTriggerType")
        self._specs = [
            one for one in spec.parameters if isinstance(one, Element) and one.name in {"AISpec", "LoopSpec"}
        ]
        self._index = self._loops = 0
        self._new_us = 0  # when a tag was last seen that this AISpec had not seen
        self._seen: set[int] = set()
        self._observed = 0
        self._limit_us: int | None = None
        self._start_us: int | None = None  # by a timer
        self._end_us: int | None = None
        self._spec_end_us: int | None = None
        self._report_us: int | None = None

    @property
    def id(self) -> int:
        return self.spec.number("ROSpecID")

    @property
    def element(self) -> Element:
        """As GET_ROSPECS tells it."""
        return replace(self.spec, fields={**self.spec.fields, "CurrentState": int(self.state)})

    @property
    def active(self) -> bool:
        return self.state is State.ACTIVE

    def enable(self, now_us: int) -> None:
        if self.state is not State.DISABLED:
            return
        self.state = State.INACTIVE
        if self._start_type == IMMEDIATE:
            self._start_us = now_us
        elif self._start_type == PERIODIC:
            value = self._start.one("PeriodicTriggerValue")
            self._start_us = now_us + (0 if value is None else value.number("Offset") * 1000)

    def disable(self, now_us: int) -> None:
        self.stop(now_us)
        self.state, self._start_us = State.DISABLED, None

    def start(self, now_us: int) -> None:
        """Also by START_ROSPEC, whatever its trigger."""
        self.state, self._start_us = State.ACTIVE, None
        period = self._start.one("PeriodicTriggerValue") if self._start_type == PERIODIC else None
        if period is not None and period["Period"]:
            self._start_us = now_us + period.number("Period") * 1000
        self._end_us = self._bound(self._stop, "ROSpecStopTriggerType", "DurationTriggerValue", now_us)
        self._loops = 0
        self._report_us = self._report_due(now_us)
        self._host.rospec_started(self, now_us)
        self._begin(0, now_us)

    def stop(self, now_us: int) -> None:
        if not self.active:
            return
        self._finish_spec(now_us)
        self.state = State.INACTIVE
        self._end_us = self._spec_end_us = self._report_us = None
        if self._quiet is not None:
            self._quiet.clear()
        if self._trigger:
            self.flush()
        self._host.rospec_ended(self, now_us)

    def input(self, port: int, level: bool, now_us: int) -> None:
        """An input of the reader changed."""
        if self.active:
            if _fires(self._stop, GPI_TIMEOUT, "ROSpecStopTriggerType", port, level):
                self.stop(now_us)
            elif (trigger := self._ai_trigger()) is not None and _fires(
                trigger, GPI_TIMEOUT, "AISpecStopTriggerType", port, level
            ):
                self._next_spec(now_us)
        elif self.state is State.INACTIVE and _fires(self._start, GPI, "ROSpecStartTriggerType", port, level):
            self.start(now_us)

    def next_us(self) -> int | None:
        timers = (self._end_us, self._spec_end_us, self._report_us) if self.active else (self._start_us,)
        return min((one for one in timers if one is not None), default=None)

    def advance(self, now_us: int) -> None:
        """One timer that is due; call again while `next_us` is not in the future."""
        if not self.active:
            if self.state is State.INACTIVE and self._start_us is not None and self._start_us <= now_us:
                self.start(now_us)
        elif self._end_us is not None and self._end_us <= now_us:
            self._end(now_us)
        elif self._spec_end_us is not None and self._spec_end_us <= now_us:
            self._next_spec(now_us)
        elif self._report_us is not None and self._report_us <= now_us:
            self.flush()
            self._report_us = self._report_due(now_us)

    def see(self, sighting: Sighting, at_us: int) -> None:
        """A tag in the field of an antenna that is connected."""
        spec = self._ai_spec()
        if spec is None or not _listens(spec, sighting):
            return
        key = id(sighting.tag)
        if self._quiet is not None:
            if key in self._quiet:
                return
            self._quiet.add(key)
        inventory = spec.one("InventoryParameterSpec")
        number = 0 if inventory is None else inventory.number("InventoryParameterSpecID")
        entry = Entry(sighting, self.id, self._index + 1, number, at_us, at_us, sighting.rssi_cdbm)
        at_once = self._host.access(self, entry)
        self._gathering.add(entry)
        if at_once or (self._trigger in {1, 2} and 0 < self._n <= len(self._gathering.entries)):
            self.flush()
        self._observe(key, at_us)

    def flush(self) -> None:
        """Report what was gathered, in reports of a bounded size."""
        entries = self._gathering.take()
        for at in range(0, len(entries), TAGS_MAX):
            self._host.report(self, entries[at : at + TAGS_MAX])

    def _begin(self, index: int, now_us: int) -> None:
        self._index, self._observed, self._new_us = index, 0, now_us
        self._seen.clear()
        trigger = self._ai_trigger()
        if trigger is None:
            self._spec_end_us = now_us + RUN_US_MIN
            return
        kind = trigger.number("AISpecStopTriggerType")
        self._spec_end_us = self._bound(trigger, "AISpecStopTriggerType", "DurationTrigger", now_us)
        watch = trigger.one("TagObservationTrigger")
        if kind == OBSERVATION and watch is not None:
            self._limit_us = now_us + watch.number("Timeout") * 1000 if watch["Timeout"] else None
            self._spec_end_us = self._quiet_end(watch)

    def _next_spec(self, now_us: int) -> None:
        self._finish_spec(now_us)
        following = self._index + 1
        if following < len(self._specs) and self._specs[following].name == "LoopSpec":
            self._loops += 1
            self._host.looped(self, self._loops, now_us)
            wanted = self._specs[following].number("LoopCount")
            following = 0 if not wanted or self._loops < wanted else len(self._specs)
        if following < len(self._specs):
            self._begin(following, now_us)
        else:
            self._index = len(self._specs)
            self._end(now_us)

    def _finish_spec(self, now_us: int) -> None:
        if self._ai_spec() is not None:
            self._host.aispec_ended(self, self._index + 1, now_us)
            if self._trigger in {1, 3, 5}:
                self.flush()

    def _end(self, now_us: int) -> None:
        """By itself, not by a request: an immediate trigger begins it anew."""
        self.stop(now_us)
        if self._start_type == IMMEDIATE:
            self._start_us = now_us

    def _observe(self, key: int, at_us: int) -> None:
        """The tag observation triggers of an AISpec (LLRP 1.0.1, 10.2.2.1.1); attempts are not simulated."""
        trigger = self._ai_trigger()
        watch = None if trigger is None else trigger.one("TagObservationTrigger")
        if trigger is None or watch is None or trigger["AISpecStopTriggerType"] != OBSERVATION:
            return
        self._observed += 1
        if key not in self._seen:
            self._seen.add(key)
            self._new_us = at_us
        kind, wanted = watch["TriggerType"], watch.number("NumberOfTags")
        if (kind == 0 and self._observed >= wanted) or (kind == 3 and len(self._seen) >= wanted):
            self._next_spec(at_us)
        else:
            self._spec_end_us = self._quiet_end(watch)

    def _quiet_end(self, watch: Element) -> int | None:
        """When nothing new was seen for long enough, or the time is up."""
        quiet_us = self._new_us + watch.number("T") * 1000 if watch["TriggerType"] in {1, 4} else None
        return min((one for one in (quiet_us, self._limit_us) if one is not None), default=None)

    def _ai_spec(self) -> Element | None:
        if not self.active or self._index >= len(self._specs) or self._specs[self._index].name != "AISpec":
            return None
        return self._specs[self._index]

    def _ai_trigger(self) -> Element | None:
        spec = self._ai_spec()
        return None if spec is None else spec.one("AISpecStopTrigger")

    def _bound(self, trigger: Element, kind: str, duration: str, now_us: int) -> int | None:
        """When a stop trigger's time is over, by its duration or by the time-out of its input."""
        if trigger[kind] == DURATION:
            return now_us + max(RUN_US_MIN, trigger.number(duration) * 1000)
        watched = trigger.one("GPITriggerValue") if trigger[kind] == GPI_TIMEOUT else None
        return now_us + watched.number("Timeout") * 1000 if watched is not None and watched["Timeout"] else None

    def _report_due(self, now_us: int) -> int | None:
        unit_us = {3: 1_000_000, 4: 1_000_000, 5: 1000, 6: 1000}.get(self._trigger)
        return None if unit_us is None or not self._n else now_us + self._n * unit_us


def _fires(trigger: Element, wanted: int, kind: str, port: int, level: bool) -> bool:
    value = trigger.one("GPITriggerValue") if trigger[kind] == wanted else None
    return value is not None and value["GPIPortNum"] == port and bool(value["GPIEvent"]) is level


def _listens(spec: Element, sighting: Sighting) -> bool:
    """The antenna is one of the spec's, and the tag passes its Select filters (their first action alone)."""
    antennas = spec["AntennaIDs"]
    if not isinstance(antennas, tuple) or not (0 in antennas or sighting.antenna in antennas):
        return False
    for inventory in spec.all("InventoryParameterSpec"):
        for antenna in inventory.all("AntennaConfiguration"):
            command = antenna.one("C1G2InventoryCommand")
            if command is None or antenna["AntennaID"] not in {0, sighting.antenna}:
                continue
            if not all(_passes(one, sighting) for one in command.all("C1G2Filter")):
                return False
    return True


def _passes(one: Element, sighting: Sighting) -> bool:
    mask = one.one("C1G2TagInventoryMask")
    bits = None if mask is None else mask["TagMask"]
    if mask is None or not isinstance(bits, Bits):
        return True
    return masked(sighting.tag, Bank(mask.number("MB")), mask.number("Pointer"), bits.data, bits.count)


def _silencing(spec: Element) -> bool:
    """Sessions S2 and S3 with one target: a tag that was read is silent while it is powered (Gen2, 6.3.2.2)."""
    for ai in spec.all("AISpec"):
        for inventory in ai.all("InventoryParameterSpec"):
            for antenna in inventory.all("AntennaConfiguration"):
                command = antenna.one("C1G2InventoryCommand")
                control = None if command is None else command.one("C1G2SingulationControl")
                mode = None if command is None else command.one("ImpinjInventorySearchMode")
                dual = mode is not None and mode["InventorySearchMode"] == 2
                if control is not None and control.number("Session") >= 2 and not dual:
                    return True
    return False
