"""The supervisor with drivers that do as they are told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from agent.capture import supervisor
from agent.capture.supervisor import NOTICES_MAX, Device, DeviceStatus, HandlerFailed, Outage, State, Supervisor
from drivers.driver import Counters, Driver, Tap
from drivers.errors import DeviceError, DeviceMisbehaved, DeviceRefused, DeviceUnavailable
from drivers.operations import Bank, ReadMemory, TagOperation, TagResult
from drivers.reads import Answer, Arrival, BarcodeRead, Notice, Read
from drivers.registry import factory, watched
from drivers.serial_scanner.settings import SerialLineSettings
from simulators.scanner_line import LineScanner, LineSetup

GONE = DeviceUnavailable("gone", hint="plug it in")
HELD = DeviceRefused("held", hint="close the other program")


def clock() -> Arrival:
    return Arrival(time.time_ns() // 1000, time.monotonic_ns())


class Scripted:
    """A driver that opens or fails, then yields or raises what is put into its queue; None ends it."""

    def __init__(self, name: str, refusal: Exception | None = None) -> None:
        self.name = name
        self.counters = Counters()
        self.answers: list[tuple[int, Answer]] = []
        self.left = False
        self._refusal = refusal
        self._queue: asyncio.Queue[Read | Exception | None] = asyncio.Queue()
        self.facts = {"model": "scripted"}
        self.operations: list[TagOperation] = []
        self.tap: Tap | None = None

    async def __aenter__(self) -> Self:
        if self._refusal is not None:
            raise self._refusal
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.left = True

    def __aiter__(self) -> AsyncIterator[Read]:
        return self

    async def __anext__(self) -> Read:
        item = await self._queue.get()
        if item is None:
            raise StopAsyncIteration
        if isinstance(item, Exception):
            raise item
        self.counters.reads += 1
        return item

    def close(self) -> None:
        self._queue.put_nowait(None)

    def answer(self, read_id: int, answer: Answer) -> None:
        self.answers.append((read_id, answer))

    def scan(self, number: int) -> None:
        self._queue.put_nowait(BarcodeRead(self.name, number, b"%d" % number, None, clock()))

    async def operate(self, operation: TagOperation) -> list[TagResult]:
        self.operations.append(operation)
        return []

    def listen(self, tap: Tap | None) -> None:
        self.tap = tap

    def put(self, read: Read) -> None:
        self._queue.put_nowait(read)

    def fail(self, error: Exception) -> None:
        self._queue.put_nowait(error)


class World:
    """A supervisor, what it told, and the drivers it made. `plan` says how each opening of a device goes."""

    def __init__(
        self,
        plan: dict[str, list[Exception | None]],
        handler: Callable[[Read, Driver], None] | None = None,
        *,
        network: bool = False,
    ):
        self.made: dict[str, list[Scripted]] = {name: [] for name in plan}
        self.reads: list[Read] = []
        self.changes: list[DeviceStatus] = []
        self.outages: list[Outage] = []
        self.notices: list[Notice] = []
        self.delays: list[float] = []
        self._plan = plan
        self._handler = handler or (lambda read, _: self.reads.append(read))
        self.supervisor = Supervisor(
            [Device(name, self._maker(name), network=network) for name in plan],
            handler=self._handler,
            clock=clock,
            chance=lambda: 0.0,
            on_change=self.changes.append,
            on_outage=self.outages.append,
            on_notice=self.notices.append,
        )

    def _maker(self, name: str) -> Callable[[], Driver]:
        def make() -> Driver:
            plan = self._plan[name]
            driver = Scripted(name, plan.pop(0) if plan else None)
            self.made[name].append(driver)
            return driver

        return make

    async def up(self, name: str, opened: int = 1) -> Scripted:
        await until(lambda: self.status(name).opened >= opened and self.status(name).state is State.UP)
        return self.made[name][-1]

    def status(self, name: str) -> DeviceStatus:
        return self.supervisor.status(name)

    def states(self, name: str) -> list[State]:
        return [change.state for change in self.changes if change.device == name]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for happens in another task
        await asyncio.sleep(0.005)


def live(world: World, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def body() -> None:
        async with asyncio.timeout(20):
            running = asyncio.create_task(world.supervisor.run())
            try:
                await work()
            finally:
                world.supervisor.stop()
                await running

    asyncio.run(body())


def test_reads_reach_the_handler_with_their_driver() -> None:
    answered: list[str] = []

    def handler(read: Read, driver: Driver) -> None:
        assert isinstance(read, BarcodeRead)
        driver.answer(read.id, Answer.GOOD)
        answered.append(driver.name)

    world = World({"dock": [], "till": []}, handler)

    async def work() -> None:
        dock, till = await world.up("dock"), await world.up("till")
        dock.scan(1)
        till.scan(1)
        dock.scan(2)
        await until(lambda: len(answered) == 3)
        assert dock.answers == [(1, Answer.GOOD), (2, Answer.GOOD)]
        assert till.answers == [(1, Answer.GOOD)]
        assert world.status("dock").reads == 2

    live(world, work)
    assert world.states("dock") == [State.CONNECTING, State.UP, State.DOWN]
    assert world.outages == []


def test_a_loss_is_announced_once_and_its_end_once_and_counts_go_on() -> None:
    world = World({"dock": [None, GONE, None]})

    async def work() -> None:
        first = await world.up("dock")
        first.scan(1)
        first.fail(GONE)
        second = await world.up("dock", 2)
        assert first.left
        second.scan(1)
        await until(lambda: world.status("dock").reads == 2)
        assert world.status("dock").opened == 2

    live(world, work)
    assert [(one.began, one.hint) for one in world.outages] == [(True, "plug it in"), (False, "")]
    assert world.outages[1].down_for_s is not None
    assert world.outages[1].down_for_s >= 0.5
    assert world.states("dock") == [State.CONNECTING, State.UP, State.DOWN, State.UP, State.DOWN]


@pytest.mark.parametrize(
    ("error", "state"),
    [(HELD, State.REFUSED), (DeviceMisbehaved("odd", hint="firmware"), State.FAILED), (GONE, State.DOWN)],
)
def test_errors_at_opening_are_three_different_states(error: DeviceError, state: State) -> None:
    world = World({"dock": [error, None]})

    async def work() -> None:
        await until(lambda: world.status("dock").state is state)
        status = world.status("dock")
        assert (status.error, status.hint) == (str(error), error.hint)
        await world.up("dock")
        assert world.status("dock").error is None

    live(world, work)


def test_a_bug_in_a_driver_ends_it_alone_with_its_traceback() -> None:
    world = World({"dock": [], "till": []})

    async def work() -> None:
        dock, till = await world.up("dock"), await world.up("till")
        dock.fail(ZeroDivisionError("oops"))
        await until(lambda: world.status("dock").state is State.FAILED)
        till.scan(1)
        await until(lambda: world.status("till").reads == 1)
        status = world.status("dock")
        assert status.bugs == 1
        assert status.traceback is not None
        assert "ZeroDivisionError: oops" in status.traceback
        await world.up("dock", 2)

    live(world, work)


def test_a_bug_in_the_handler_ends_the_supervisor() -> None:
    def handler(read: Read, driver: Driver) -> None:
        raise KeyError(driver.name)

    world = World({"dock": [], "till": []}, handler)

    async def body() -> None:
        async with asyncio.timeout(10):
            running = asyncio.create_task(world.supervisor.run())
            (await world.up("dock")).scan(1)
            await running

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(body())
    (failed,) = caught.value.exceptions
    assert isinstance(failed, HandlerFailed)
    assert isinstance(failed.__cause__, KeyError)
    assert all(driver.left for drivers in world.made.values() for driver in drivers)


def test_restart_delivers_the_rest_and_opens_anew_at_once() -> None:
    world = World({"dock": []})

    async def work() -> None:
        first = await world.up("dock")
        first.scan(1)
        begun = time.monotonic()
        world.supervisor.restart("dock")
        await world.up("dock", 2)
        assert time.monotonic() - begun < 0.4
        assert world.status("dock").reads == 1
        with pytest.raises(KeyError):
            world.supervisor.restart("nobody")

    live(world, work)
    assert world.outages == []


def test_restart_of_a_refused_device_tries_at_once() -> None:
    world = World({"dock": [HELD] * 3})

    async def work() -> None:
        await until(lambda: world.status("dock").state is State.REFUSED)
        world.supervisor.restart("dock")
        await until(lambda: len(world.made["dock"]) >= 2)
        world.supervisor.restart("dock")

    live(world, work)


def test_sixty_healthy_seconds_hotplug_and_restart_reset_the_backoff() -> None:
    world = World({"dock": []})
    shift_ns = 0
    world.supervisor._clock = lambda: Arrival(clock().wall_us, clock().monotonic_ns + shift_ns)
    backoff = world.supervisor._runs["dock"].backoff

    async def work() -> None:
        nonlocal shift_ns
        for healthy_s, failures in ((59, 8), (61, 1)):
            dock = await world.up("dock")
            backoff.failures = 7
            shift_ns += healthy_s * 1_000_000_000
            dock.fail(GONE)
            await until(lambda: world.status("dock").state is State.DOWN)
            assert backoff.failures == failures
            for reset in (world.supervisor._plugged, world.supervisor.restart):
                backoff.failures = 7
                reset("dock")
                assert backoff.failures == 0
            await world.up("dock", world.status("dock").opened)

    live(world, work)


def test_a_driver_that_ends_by_itself_is_a_loss_and_does_not_spin() -> None:
    world = World({"dock": []})

    async def work() -> None:
        (await world.up("dock")).close()
        await until(lambda: world.status("dock").state is State.DOWN)
        await world.up("dock", 2)
        assert len(world.made["dock"]) == 2

    live(world, work)
    assert [one.began for one in world.outages] == [True, False]


def test_repeated_refusals_are_one_change_and_back_off() -> None:
    world = World({"dock": [HELD, HELD, None]})

    async def work() -> None:
        begun = time.monotonic()
        await world.up("dock")
        assert time.monotonic() - begun >= 1.0  # two delays of half a second at chance 0

    live(world, work)
    assert world.states("dock") == [State.CONNECTING, State.REFUSED, State.UP, State.DOWN]


def test_two_devices_of_one_name_are_a_mistake() -> None:
    device = Device("dock", lambda: Scripted("dock"))
    with pytest.raises(ValueError, match="same name"):
        Supervisor([device, device], handler=lambda *_: None, clock=clock, chance=lambda: 0.0)


def test_what_was_sent_last_is_answered_before_its_device_is_let_go(tmp_path: Path) -> None:
    simulated = LineScanner(tmp_path / "usb-1", LineSetup(host_ack=True, host_ack_timeout_s=5))
    simulated.plug()
    settings = SerialLineSettings(path=str(simulated.port.path), settle_ms=0, host_ack="honeywell")
    taken: list[tuple[Read, Driver]] = []

    async def answered() -> None:
        """As the ledger: it had the scan, and says so only now."""
        (read, driver) = taken[0]
        assert isinstance(read, BarcodeRead)
        driver.answer(read.id, Answer.GOOD)

    supervisor = Supervisor(
        [Device("dock", factory("dock", settings, clock), watched(settings))],
        handler=lambda read, driver: taken.append((read, driver)),
        clock=clock,
        chance=lambda: 1.0,
        answered=answered,
    )

    async def body() -> None:
        async with asyncio.timeout(20):
            running = asyncio.create_task(supervisor.run())
            await until(lambda: supervisor.status("dock").state is State.UP)
            scan = asyncio.create_task(asyncio.to_thread(simulated.scan, b"88"))
            await until(lambda: taken)
            supervisor.stop()
            await running
            result = await scan
            assert (result.acknowledged, result.answer) == (True, Answer.GOOD.value)
            read, driver = taken[0]
            driver.answer(read.id, Answer.STOP)  # it is left: too late, and nobody's file is written to

    asyncio.run(body())
    simulated.unplug()


def test_back_within_two_seconds_of_plugging_in(tmp_path: Path) -> None:
    simulated = LineScanner(tmp_path / "by-id" / "usb-1")
    settings = SerialLineSettings(path=str(simulated.port.path), settle_ms=0)
    reads: list[Read] = []
    outages: list[Outage] = []
    supervisor = Supervisor(
        [Device("dock", factory("dock", settings, clock), watched(settings))],
        handler=lambda read, _: reads.append(read),
        clock=clock,
        chance=lambda: 1.0,
        on_outage=outages.append,
    )

    async def body() -> None:
        async with asyncio.timeout(20):
            running = asyncio.create_task(supervisor.run())
            await until(lambda: supervisor.status("dock").state is State.DOWN)
            (tmp_path / "by-id").mkdir()
            for turn in range(1, 4):
                simulated.plug()
                plugged = time.monotonic()
                await until(lambda: supervisor.status("dock").state is State.UP)
                assert time.monotonic() - plugged < 2.0
                simulated.scan(b"88")
                await until(lambda turn=turn: len(reads) == turn)  # type: ignore[misc]
                simulated.unplug()
                await until(lambda: supervisor.status("dock").state is State.DOWN)
            supervisor._runs["dock"].backoff.failures = 10  # thirty seconds to wait
            simulated.plug()
            plugged = time.monotonic()
            await until(lambda: supervisor.status("dock").state is State.UP)
            assert time.monotonic() - plugged < 2.0
            supervisor.stop()
            await running

    asyncio.run(body())
    simulated.unplug()
    assert [one.began for one in outages] == [True, False] * 4


def notice(code: str, active: bool, message: str = "antenna 2 is off") -> Notice:
    return Notice("gate", code, active, message, "check its cable", clock(), "2")


def test_a_notice_changes_the_status_is_told_once_and_reaches_no_handler() -> None:
    world = World({"gate": []})

    async def work() -> None:
        driver = await world.up("gate")
        for active, message in ((True, "off"), (True, "off"), (True, "still off"), (False, "on"), (False, "on")):
            driver.put(notice("antenna_off", active, message))
        driver.scan(1)
        await until(lambda: bool(world.reads))

    live(world, work)
    assert [(one.active, one.message) for one in world.notices] == [(True, "off"), (False, "on")]
    assert all(isinstance(read, BarcodeRead) for read in world.reads)
    texts = [[one.message for one in change.notices] for change in world.changes if change.state is State.UP]
    assert texts == [[], ["off"], ["still off"], []]


def test_conditions_end_with_the_connection_and_facts_are_kept() -> None:
    world = World({"gate": []})

    async def work() -> None:
        driver = await world.up("gate")
        driver.put(notice("antenna_off", active=True))
        await until(lambda: bool(world.status("gate").notices))
        driver.fail(GONE)
        await world.up("gate", 2)
        assert world.status("gate").notices == ()
        assert world.status("gate").facts == {"model": "scripted"}

    live(world, work)


def test_conditions_of_one_device_are_limited() -> None:
    world = World({"gate": []})

    async def work() -> None:
        driver = await world.up("gate")
        for number in range(NOTICES_MAX + 10):
            driver.put(replace(notice("antenna_off", active=True), subject=str(number)))
        driver.scan(1)
        await until(lambda: bool(world.reads))
        assert len(world.status("gate").notices) == NOTICES_MAX

    live(world, work)


def test_a_lost_reader_in_the_network_is_tried_within_a_second_however_often() -> None:
    world = World({"gate": []}, network=True)

    async def work() -> None:
        for opened in range(1, 8):
            driver = await world.up("gate", opened)
            driver.fail(GONE)
        await world.up("gate", 8)

    live(world, work)
    assert world.status("gate").opened == 8


def test_operations_go_to_the_opened_driver_and_fail_with_a_hint_without_one() -> None:
    world = World({"gate": [], "away": [GONE] * 1000})
    operation = ReadMemory(Bank.TID, 0, 2)

    async def work() -> None:
        driver = await world.up("gate")
        assert await world.supervisor.operate("gate", operation) == []
        assert driver.operations == [operation]
        with pytest.raises(DeviceUnavailable) as caught:
            await world.supervisor.operate("away", operation)
        assert caught.value.hint
        with pytest.raises(KeyError):
            await world.supervisor.operate("nobody", operation)

    live(world, work)


def test_a_device_that_is_never_ready_is_no_bug_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "OPEN_S_MAX", 0.05)

    class Slow(Scripted):
        async def __aenter__(self) -> Self:
            await asyncio.Event().wait()
            return self

    world = World({"gate": []})
    made = iter([Slow("gate")])

    def make() -> Driver:
        return next(made, None) or Scripted("gate")

    world.supervisor._runs["gate"].device = replace(world.supervisor._runs["gate"].device, make=make)

    async def work() -> None:
        await until(lambda: world.status("gate").state is State.FAILED)
        status = world.status("gate")
        assert (status.bugs, status.traceback) == (0, None)
        assert "ready" in (status.error or "")
        assert status.hint
        await until(lambda: world.status("gate").state is State.UP)

    live(world, work)
