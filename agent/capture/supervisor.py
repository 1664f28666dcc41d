"""One task a device: it opens, hands each read to the handler, and begins again after a loss, a refusal or a bug.

A failing device never disturbs another. A `DeviceError` is expected; any other exception of a driver is a bug that ends
this driver: its traceback is kept, and it is opened again with backoff. An exception of the *handler* is no driver's
bug: it ends the supervisor, because what comes after it (ledger, operations) must not go on half broken.

Waiting: a device that is not there is probed every second and at once when hotplug sees its path; after a failure of
a device that was there, backoff (0.5 s to 30 s, full jitter, reset after 60 s of healthy running), which hotplug and
`restart` reset. No hotplug tells of a reader in the network, so one that was lost is tried within a second, however
often it was lost, and one that refuses us within two: the client that it says it serves may be our own dead one. An
outage is announced once when it begins and once when it ends.

A `Notice` is not handed on: it changes the device's status, which holds the conditions that last.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum

from agent.capture.backoff import NS_PER_S, Backoff
from agent.capture.hotplug import Hotplug
from drivers.driver import Clock, Driver, Tap
from drivers.errors import DeviceError, DeviceMisbehaved, DeviceRefused, DeviceUnavailable
from drivers.operations import TagOperation, TagResult
from drivers.reads import Notice, Read

PROBE_S = 1.0
PROBE_S_MIN = 0.1
REFUSED_S_MAX = 2.0  # a reader in the network that refuses
NOTICES_MAX = 64  # conditions of one device at a time
OPEN_S_MAX = 30.0  # a reader is set up in a few
TRACEBACK_CHARS_MAX = 8192


class State(StrEnum):
    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"  # not there, or lost: tried again
    REFUSED = "refused"  # a person must act
    FAILED = "failed"  # a bug in its driver, or a device that breaks its protocol


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """Counts are since the start of the agent, `since_us` the wall time of the last change of state."""

    device: str
    state: State
    since_us: int
    reads: int = 0
    bad_reads: int = 0
    resent: int = 0
    overflows: int = 0
    bytes_in: int = 0
    opened: int = 0
    bugs: int = 0
    error: str | None = None
    hint: str | None = None
    traceback: str | None = None
    notices: tuple[Notice, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Outage:
    """`down_for_s` is None at its beginning."""

    device: str
    began: bool
    message: str
    hint: str
    down_for_s: float | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """`make` makes a fresh driver. `path` is watched; None for a device that has none, as one in the network."""

    name: str
    make: Callable[[], Driver]
    path: str | None = None
    network: bool = False


Handler = Callable[[Read, Driver], None]


class HandlerFailed(Exception):
    """The handler raised: the cause is a bug outside the drivers."""


@dataclass(slots=True)
class _Run:
    """What a device's task knows."""

    device: Device
    status: DeviceStatus
    backoff: Backoff = field(default_factory=Backoff)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    driver: Driver | None = None
    tap: Tap | None = None
    before: DeviceStatus | None = None  # the counts before this opening
    down_since_ns: int | None = None
    asked: bool = False  # to let go
    shown: tuple[State, str | None, str | None] | None = None  # by `on_change`


class Supervisor:
    """`chance` gives numbers from 0 to 1. `on_change` and `on_outage` are plain functions that may not block."""

    def __init__(
        self,
        devices: Sequence[Device],
        *,
        handler: Handler,
        clock: Clock,
        chance: Callable[[], float],
        on_change: Callable[[DeviceStatus], None] = lambda _: None,
        on_outage: Callable[[Outage], None] = lambda _: None,
        on_notice: Callable[[Notice], None] = lambda _: None,
        answered: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`answered` waits until all that was handled has its answer: a device that is let go hears its last one."""
        self._handler = handler
        self._clock = clock
        self._chance = chance
        self._on_change = on_change
        self._on_outage = on_outage
        self._on_notice = on_notice
        self._answered = answered
        self._stopping = False
        now_us = clock().wall_us
        self._runs = {one.name: _Run(one, DeviceStatus(one.name, State.CONNECTING, now_us)) for one in devices}
        if len(self._runs) != len(devices):
            raise ValueError("two devices have the same name")

    async def run(self) -> None:
        """Until `stop`. Raises an ExceptionGroup with a HandlerFailed if the handler raised."""
        hotplug = Hotplug({name: run.device.path for name, run in self._runs.items() if run.device.path}, self._plugged)
        try:
            hotplug.open()
        except OSError as error:
            self._on_outage(
                Outage("hotplug", True, str(error), "raise fs.inotify.max_user_instances or max_user_watches")
            )
        try:
            async with asyncio.TaskGroup() as group:
                for run in self._runs.values():
                    group.create_task(self._supervise(run), name=f"device {run.device.name}")
        finally:
            hotplug.close()

    def stop(self) -> None:
        """Let every device go. What they have sent is still handled and answered."""
        self._stopping = True
        for run in self._runs.values():
            self._let_go(run)

    def restart(self, device: str) -> None:
        """Open it anew, at once. Raises KeyError for an unknown device."""
        run = self._runs[device]
        run.backoff.reset()
        self._let_go(run)

    async def operate(self, device: str, operation: TagOperation) -> list[TagResult]:
        """Raises KeyError for an unknown device, `DeviceError` if it is not up or cannot."""
        return await self._opened(device).operate(operation)

    def note(self, notice: Notice) -> None:
        """A condition that was found behind the driver, in what the device reads. Raises KeyError."""
        self._notice(self._runs[notice.device], notice)

    def listen(self, device: str, tap: Tap | None) -> None:
        """Show `tap` a device's raw bytes, over all its openings; None ends it. Raises KeyError for an unknown device,
        DeviceRefused if another listens."""
        run = self._runs[device]
        if tap is not None and run.tap is not None:
            raise DeviceRefused(f"{device} is listened to already", hint="end the other recording first")
        run.tap = tap
        if run.driver is not None:
            run.driver.listen(tap)

    def _opened(self, device: str) -> Driver:
        driver = self._runs[device].driver
        if driver is None:
            raise DeviceUnavailable(f"{device} is not connected", hint=f"jaego device show {device} says why")
        return driver

    def status(self, device: str) -> DeviceStatus:
        """Raises KeyError for an unknown device."""
        return self._counted(self._runs[device])

    def statuses(self) -> list[DeviceStatus]:
        return [self._counted(run) for run in self._runs.values()]

    def _plugged(self, device: str) -> None:
        run = self._runs[device]
        if run.status.state is not State.UP:
            run.backoff.reset()
            run.wake.set()

    def _let_go(self, run: _Run) -> None:
        run.wake.set()
        if run.driver is not None:
            run.asked = True
            run.driver.close()

    async def _supervise(self, run: _Run) -> None:
        while not self._stopping:
            run.wake.clear()
            run.asked = False
            self._change(run, State.CONNECTING)
            delay_s = await self._serve(run)
            if delay_s > 0 and not self._stopping:
                with suppress(TimeoutError):
                    await asyncio.wait_for(run.wake.wait(), delay_s)

    async def _serve(self, run: _Run) -> float:
        """Open, hand over, close. The delay before the next try."""
        begun_ns = self._clock().monotonic_ns
        opened_ns: int | None = None
        try:
            driver = run.device.make()
            driver.listen(run.tap)
            await _enter(driver)
            try:
                opened_ns = self._clock().monotonic_ns
                self._up(run, driver)
                await self._hand_over(run, driver)
                if self._answered is not None:
                    await self._answered()
                _asked(run)
            finally:
                run.status, run.before, run.driver = replace(self._counted(run), notices=()), None, None
                await driver.__aexit__(None, None, None)
        except HandlerFailed:
            raise
        except DeviceError as error:
            state = State.DOWN if isinstance(error, DeviceUnavailable) else State.FAILED
            state = State.REFUSED if isinstance(error, DeviceRefused) else state
            self._down(run, state, str(error), error.hint)
            if state is State.DOWN and (opened_ns is None or run.device.network):
                passed_s = (self._clock().monotonic_ns - begun_ns) / NS_PER_S if opened_ns is None else 0.0
                return max(PROBE_S_MIN, PROBE_S * (1.0 if opened_ns is None else self._chance()) - passed_s)
        except Exception as bug:  # noqa: BLE001 - the boundary: a bug ends this driver, with its traceback, and no other
            text = "".join(traceback.format_exception(bug))[-TRACEBACK_CHARS_MAX:]
            run.status = replace(run.status, bugs=run.status.bugs + 1, traceback=text)
            self._down(run, State.FAILED, f"{type(bug).__name__}: {bug}", "a bug in the driver: report its traceback")
        else:
            self._change(run, State.DOWN, "closed")
            return 0.0
        if opened_ns is not None:
            run.backoff.ran((self._clock().monotonic_ns - opened_ns) / NS_PER_S)
        delay_s = run.backoff.next_delay_s(self._chance())
        return min(delay_s, REFUSED_S_MAX) if run.device.network and run.status.state is State.REFUSED else delay_s

    async def _hand_over(self, run: _Run, driver: Driver) -> None:
        reads: AsyncIterator[Read] = aiter(driver)
        async for read in reads:
            if isinstance(read, Notice):
                self._notice(run, read)
                continue
            try:
                self._handler(read, driver)
            except Exception as error:
                raise HandlerFailed(f"handling a read of {run.device.name}") from error

    def _notice(self, run: _Run, notice: Notice) -> None:
        """Once when it begins and once when it ends; a newer text of a condition that lasts replaces the older."""
        key = (notice.code, notice.subject)
        held = {(one.code, one.subject): one for one in run.status.notices}
        before = held.pop(key, None)
        if before is None and (not notice.active or len(held) >= NOTICES_MAX):
            return
        if notice.active:
            held[key] = notice
        if before is None or not notice.active:
            self._on_notice(notice)
        elif before.message == notice.message:
            return
        run.status = replace(run.status, notices=tuple(held.values()))
        self._on_change(self._counted(run))

    def _up(self, run: _Run, driver: Driver) -> None:
        run.driver = driver
        run.before = run.status
        run.status = replace(run.status, opened=run.status.opened + 1)
        if run.down_since_ns is not None:
            down_for_s = (self._clock().monotonic_ns - run.down_since_ns) / NS_PER_S
            run.down_since_ns = None
            self._on_outage(Outage(run.device.name, False, "up again", "", down_for_s))
        self._change(run, State.UP)
        if self._stopping:
            self._let_go(run)

    def _down(self, run: _Run, state: State, error: str, hint: str) -> None:
        if run.down_since_ns is None:
            run.down_since_ns = self._clock().monotonic_ns
            self._on_outage(Outage(run.device.name, True, error, hint))
        self._change(run, state, error, hint)

    def _change(self, run: _Run, state: State, error: str | None = None, hint: str | None = None) -> None:
        """While an outage lasts, trying again is no change: its state and reason stay."""
        if state is State.CONNECTING and run.down_since_ns is not None:
            return
        if run.shown == (state, error, hint):
            return
        run.shown, before = (state, error, hint), run.status
        since_us = before.since_us if before.state is state else self._clock().wall_us
        run.status = replace(before, state=state, since_us=since_us, error=error, hint=hint)
        self._on_change(self._counted(run))

    def _counted(self, run: _Run) -> DeviceStatus:
        """The status with the counts of the opening that is under way."""
        if run.driver is None or run.before is None:
            return run.status
        counters, before = run.driver.counters, run.before
        return replace(
            run.status,
            reads=before.reads + counters.reads,
            bad_reads=before.bad_reads + counters.bad_reads,
            resent=before.resent + counters.resent,
            overflows=before.overflows + counters.overflows,
            bytes_in=before.bytes_in + counters.bytes_in,
            facts=run.driver.facts,
        )


async def _enter(driver: Driver) -> None:
    try:
        async with asyncio.timeout(OPEN_S_MAX):
            await driver.__aenter__()
    except TimeoutError as error:
        message = f"{driver.name} was not ready within {OPEN_S_MAX:.0f} s"
        raise DeviceMisbehaved(message, hint="restart the device; it answers too slowly, or not at all") from error


def _asked(run: _Run) -> None:
    """An end that nobody asked for is a loss."""
    if not run.asked:
        raise DeviceUnavailable(f"{run.device.name} ended by itself", hint="unplug the device and plug it in again")
