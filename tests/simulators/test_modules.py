"""Simulated modules with their sessions, wired in memory under a simulated clock: faults, restarts, tags."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.errors import DeviceRefused, DeviceUnavailable
from drivers.modules.base import ModuleSession
from drivers.operations import Bank, Outcome, ReadMemory, TagResult, WriteMemory
from drivers.r200.frames import Cmd
from drivers.r200.session import R200Session
from drivers.r200.settings import R200Settings
from drivers.reads import BadRead, Notice, Read, TagRead
from drivers.thingmagic.session import ThingmagicSession
from drivers.thingmagic.settings import ThingmagicSettings
from simulators.module import Machine, ModuleFault, World
from simulators.module_r200 import R200Module
from simulators.module_thingmagic import ThingmagicModule, ThingmagicSetup
from simulators.tags import RateSource, sgtin_tags
from tests.drivers.device_tools import at

STEP_MS = 20
TAGS = 10
RATE = 50


class Wire:
    """Both ends of a line. `cut`: nothing passes from the module to the host."""

    def __init__(self, session: ModuleSession[Any], machine: Machine) -> None:
        self.session, self.machine = session, machine
        self.ms = 0
        self.cut = False
        self.reads: list[Read] = []
        session.open(at(0))

    def run(self, ms: int) -> list[Read]:
        """What is read meanwhile."""
        before = len(self.reads)
        for _ in range(ms // STEP_MS):
            self.ms += STEP_MS
            us = 1000 * self.ms
            frames = self.machine.hear(self.session.take_output(), us) + self.machine.due(us)
            heard = b"" if self.cut else b"".join(frames)
            now = at(self.ms)
            self.reads += self.session.receive(heard, now) if heard else self.session.tick(now)
        return self.reads[before:]

    def suffer(self, fault: ModuleFault) -> None:
        self.reads += self.session.receive(b"".join(self.machine.suffer(fault)), at(self.ms))

    def operate(self, operation: ReadMemory | WriteMemory) -> list[TagResult]:
        self.session.begin(operation, at(self.ms))
        for _ in range(500):
            self.run(STEP_MS)
            results = self.session.take_results()
            if results is not None:
                return results
        raise AssertionError("no end")


def world(tags: int = TAGS) -> World:
    made = sgtin_tags(tags)
    return World(RateSource(made, RATE), made)


def thingmagic(setup: ThingmagicSetup | None = None, **settings: object) -> tuple[Wire, ThingmagicModule]:
    model = ThingmagicSettings.model_validate({"path": "x", "region": "kr"} | settings)
    module = ThingmagicModule(world(), setup)
    return Wire(ThingmagicSession("m", model), module), module


def r200(module: R200Module | None = None, **settings: object) -> tuple[Wire, R200Module]:
    model = R200Settings.model_validate({"path": "x", "region": "kr"} | settings)
    made = module or R200Module(world())
    return Wire(R200Session("m", model), made), made


def tags(reads: list[Read]) -> int:
    return len([read for read in reads if isinstance(read, TagRead)])


def notices(reads: list[Read]) -> list[tuple[str, str, bool]]:
    return [(one.code, one.subject, one.active) for one in reads if isinstance(one, Notice)]


def test_every_sighting_is_one_read() -> None:
    for wire in (thingmagic()[0], r200()[0]):
        wire.run(1000)
        assert wire.session.ready
        assert abs(tags(wire.run(60_000)) - 60 * RATE) <= 1
        assert not [read for read in wire.reads if not isinstance(read, TagRead)]
        assert len({read.epc for read in wire.reads if isinstance(read, TagRead)}) == TAGS


def test_the_modules_own_time_is_the_reads() -> None:
    wire, _ = thingmagic()
    wire.run(1000)
    reads = [read for read in wire.run(5000) if isinstance(read, TagRead)]
    late_us = [read.arrived.wall_us - read.seen_us for read in reads]
    assert max(late_us) <= 1000 * 2 * STEP_MS
    assert [read.seen_us for read in reads] == sorted(read.seen_us for read in reads)


def test_a_module_in_its_boot_loader_or_in_an_old_stream_is_set_up() -> None:
    for setup in (ThingmagicSetup(bootloader=True), ThingmagicSetup(streaming=True)):
        wire, module = thingmagic(setup)
        assert tags(wire.run(2000)) > RATE
        assert module.region == 0x09
        assert module.power_cdbm == 2000
        assert not module.noise
        assert not [read for read in wire.reads if isinstance(read, BadRead)]
    wire, polled = r200(R200Module(world(), polling=True))
    assert tags(wire.run(2000)) > RATE
    assert (polled.region, polled.power_cdbm) == (0x06, 2000)


def test_hot_and_cool_again() -> None:
    wire, module = thingmagic()
    wire.run(1000)
    wire.suffer(ModuleFault.HOT)
    assert notices(wire.run(20_000)) == []
    assert notices(wire.reads) == [("hot", "", True)]
    module.suffer(ModuleFault.MENDED)
    assert notices(wire.run(15_000)) == [("hot", "", False)]
    assert tags(wire.run(1000)) > 0


def test_an_antenna_that_comes_off_and_is_screwed_on_again() -> None:
    wire, module = thingmagic()
    wire.run(1000)
    wire.suffer(ModuleFault.ANTENNA)
    wire.run(40_000)
    assert notices(wire.reads)[0] == ("antenna_off", "1", True)
    module.suffer(ModuleFault.MENDED)
    wire.run(20_000)
    assert notices(wire.reads)[-1] == ("antenna_off", "1", False)


def test_a_thingmagic_that_restarts_is_lost_and_an_r200_is_set_up_again() -> None:
    wire, _ = thingmagic()
    wire.run(1000)
    with pytest.raises(DeviceUnavailable, match="restarted"):
        wire.suffer(ModuleFault.REBOOT)
    other, module = r200()
    other.run(1000)
    module.suffer(ModuleFault.REBOOT)
    assert module.region == 0x01
    assert tags(other.run(3000)) > RATE
    assert (module.region, module.power_cdbm) == (0x06, 2000)


def test_a_poll_that_ends_is_begun_again_and_loses_little() -> None:
    wire, module = r200(R200Module(world(), rounds_max=200))
    wire.run(60_000)
    begun = [frame for frame in module.commands if frame.command == Cmd.MULTI_POLL]
    assert 8 <= len(begun) <= 11  # 200 rounds of 25 ms, and a second of silence
    assert tags(wire.reads) > 60 * RATE * 3 // 4


def test_silence_is_a_loss_within_two_intervals() -> None:
    for wire in (thingmagic()[0], r200()[0]):
        wire.run(3000)
        wire.cut = True
        begun = wire.ms
        with pytest.raises(DeviceUnavailable):
            wire.run(10_000)
        assert wire.ms - begun <= 2000 + 2 * STEP_MS


def test_what_a_module_cannot_is_refused() -> None:
    with pytest.raises(DeviceRefused, match="33 dBm"):
        thingmagic(power_dbm=33)[0].run(1000)
    with pytest.raises(DeviceRefused, match="set_region"):
        thingmagic(region="in")[0].run(1000)
    with pytest.raises(DeviceRefused, match="set_antenna_port"):
        thingmagic(antennas=[9])[0].run(1000)
    with pytest.raises(DeviceRefused, match="set_power"):
        r200(power_dbm=30)[0].run(1000)


def test_operations_on_all_tags_and_on_one() -> None:
    for wire in (thingmagic(antennas=[1, 2])[0], r200()[0]):
        wire.run(1000)
        results = wire.operate(ReadMemory(Bank.TID, 0, 6))
        assert {result.outcome for result in results} == {Outcome.DONE}
        assert len({result.data for result in results}) == TAGS
        first = results[0].epc
        [result] = wire.operate(WriteMemory(Bank.TID, 0, b"\0\0", match=first))
        assert result.outcome is Outcome.LOCKED
        [result] = wire.operate(WriteMemory(Bank.USER, 2, b"abcd", match=first))
        assert result.outcome is Outcome.DONE
        [result] = wire.operate(ReadMemory(Bank.USER, 1, 3, match=first))
        assert result.data == b"\0\0abcd"
        assert tags(wire.run(1000)) > 0


def test_a_wrong_password_is_told_where_the_module_tells_it() -> None:
    for wire, told in ((thingmagic()[0], Outcome.NO_RESPONSE), (r200()[0], Outcome.PASSWORD)):
        wire.run(1000)
        [epc] = {result.epc for result in wire.operate(ReadMemory(Bank.TID, 0, 1))[:1]}
        operation = ReadMemory(Bank.TID, 0, 1, match=epc, access_password=0xBAD, duration_ms=100)
        [result] = wire.operate(operation)
        assert result.outcome is told


def test_no_tags_is_a_condition_and_the_first_ends_it() -> None:
    made = sgtin_tags(1)
    late = World(RateSource(made, 0.02), made)  # one at the beginning, the next after 50 s
    wire = Wire(R200Session("m", R200Settings.model_validate({"path": "x", "region": "kr"})), R200Module(late))
    wire.run(70_000)
    assert notices(wire.reads) == [("out_of_reach", "", True), ("out_of_reach", "", False)]
