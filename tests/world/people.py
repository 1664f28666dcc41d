"""Who works in the store. A person does one thing at a time and waits for what the store says to it; without an answer
they look at the screen once it is there again, and do again what is not in."""

from __future__ import annotations

from collections.abc import Callable, Generator
from random import Random
from typing import Any, NamedTuple

from agent.capture.stations import SCREEN, Entry
from drivers.reads import Answer
from identity.control import encode
from tests.world.devices import DROPPED, typed
from tests.world.judge import NOTHING, Effect, Judge, effect_of, undone
from tests.world.sim import Sim
from tests.world.store import DEVICES, Agent, StorePc

ANSWER_S = 4.0
LOOK_S = 0.5
GIVE_UP = 400  # tries: something is stuck for ever


class Pause(NamedTuple):
    seconds: float


class Until(NamedTuple):
    true: Callable[[], bool]


class Say(NamedTuple):
    """A code at the person's own device; answered with an `Entry`, or None. `trouble` harms it on the way."""

    code: str
    trouble: str = ""
    press: str | None = None


class Do(NamedTuple):
    """Something in the office or at a till: answered with its result, or None."""

    start: Callable[[Agent, Callable[[Any, Exception | None], None]], None]


Step = Pause | Until | Say | Do
Script = Generator[Step, Any, None]
Acts = Generator[Step, Any, Effect]


class Person:
    """Runs a script. What is answered too late is not heard."""

    def __init__(self, sim: Sim, pc: StorePc, station: str, script: Script, chance: Random) -> None:
        self._sim, self._pc, self.station, self._script, self._chance = sim, pc, station, script, chance
        self._turn = 0
        self._listens = False
        self.done = False
        self.gone = False
        sim.at(chance.random(), lambda: self._go(0, None))

    def heard(self, entry: Entry) -> None:
        if self._listens:
            self._go(self._turn, entry)

    def _go(self, turn: int, value: Any) -> None:
        if turn != self._turn or self.done or self.gone:
            return
        self._turn += 1
        self._listens = False
        try:
            step = self._script.send(value if turn else None)
        except StopIteration:
            self.done = True
            return
        self._begin(step, self._turn)

    def _begin(self, step: Step, turn: int) -> None:
        if isinstance(step, Pause):
            self._sim.at(step.seconds, lambda: self._go(turn, None))
        elif isinstance(step, Until):
            self._look(step, turn)
        else:
            self._sim.at(ANSWER_S, lambda: self._go(turn, None))
            agent = self._pc.agent
            if agent is None:
                return
            if isinstance(step, Do):
                step.start(agent, lambda result, _error: agent._post(lambda: self._go(turn, result)))
            else:
                self._listens = self.station in DEVICES.values()  # a screen hears its own presses
                self._say(agent, step, turn)

    def _look(self, step: Until, turn: int) -> None:
        if step.true():
            self._go(turn, True)
        else:
            self._sim.at(LOOK_S, lambda: self._look(step, turn) if turn == self._turn else None)

    def _say(self, agent: Agent, step: Say, turn: int) -> None:
        device = next((name for name, station in DEVICES.items() if station == self.station), None)
        if device is None:
            for _ in range(2 if step.trouble == "double" else 1):
                hear: Callable[[Entry], None] = lambda entry: self._go(turn, entry)  # noqa: E731
                agent.desk.scan(self.station, step.code.encode(), hear, device=SCREEN, press=step.press)
            return
        serial = device == "dock-scanner"
        data = step.code.encode() + b"\r" if serial else typed(step.code)
        port = agent.ports[device]
        if step.trouble == "noise":
            port.receive(bytes(self._chance.choices((0x00, 0x7F, 0xFF, 0x41), k=9)) + b"\r" if serial else DROPPED)
        elif step.trouble == "torn":
            cut = self._chance.randrange(1, len(data) - 1)
            port.receive(data[: cut if serial else cut // 24 * 24 or 24])
            agent.replug(device)
        else:
            cut = self._chance.randrange(1, len(data))
            port.receive(data[:cut])
            agent.life.at(0.003, lambda: port.receive(data[cut:]))


class Clerk:
    """Scans with judgement: every scan says what it may become."""

    def __init__(self, judge: Judge, pc: StorePc, station: str, chance: Random, troubles: float) -> None:
        self.judge, self.pc, self.station, self.chance = judge, pc, station, chance
        self._troubles = troubles
        self._presses = 0
        self.harmed = 0

    def order(self, verb: str, argument: str | int | None = None, *, calm: bool = False) -> Acts:
        return (yield from self.scan(encode(verb, argument), NOTHING, calm=calm))

    def scan(self, code: str, *allowed: Effect, calm: bool = False) -> Acts:
        """Until it is in, exactly once; what it became. `calm`: nothing harms it, for noise is a scan too and takes
        what was said of the next one."""
        self._presses += 1
        press = f"{self.station}-{self._presses}" if self.station == "office" else None
        begun = self.judge.head
        for _ in range(GIVE_UP):
            yield Pause(0.05 + 0.4 * self.chance.random())
            mark = begun if press else self.judge.head
            trouble = "" if calm else self._trouble()
            entry: Entry | None = yield Say(code, trouble, press)
            found = yield from self._became(mark, entry, trouble)
            if found is not None:
                self._taken(found, entry, allowed, code)
                return found[0]
        raise AssertionError(f"{self.station}: {code} was never taken")

    def _trouble(self) -> str:
        if self.chance.random() >= self._troubles:
            return ""
        self.harmed += 1
        return "double" if self.station == "office" else self.chance.choice(("noise", "torn"))

    def _became(
        self, mark: int, entry: Entry | None, trouble: str
    ) -> Generator[Step, Any, tuple[Effect, int | None] | None]:
        """Its effect and newest event; None: it is not in, do it again."""
        judge, harmed = self.judge, trouble in {"noise", "torn"}
        if entry is None:
            yield Until(lambda: self.pc.agent is not None)
            yield Pause(0.2)  # what was under way when the process began again is written by now
            events = [one for one in judge.after(self.station, mark) if one["data"]["kind"] != "bad_read"]
            judge.resolved += 1
            if harmed:
                return None
            return (effect_of(events), events[-1]["seq"]) if events else None
        if entry.said in {"not_written", "bad_read"}:
            judge.refused += entry.said == "not_written"
            if entry.said == "not_written":
                yield Pause(1.0)
            return None
        if harmed and entry.answer is Answer.STOP:  # what came of it is in the tray, and moves nothing
            judge.confirm(entry.seq, effect_of(judge.after(self.station, mark)), (NOTHING,), "noise")
            return None
        if entry.seq is None:
            return NOTHING, None
        return effect_of(judge.after(self.station, mark)), entry.seq

    def _taken(
        self, found: tuple[Effect, int | None], entry: Entry | None, allowed: tuple[Effect, ...], code: str
    ) -> None:
        judge = self.judge
        judge.heard += entry is not None
        if entry is not None and entry.answer is Answer.STOP and found[0] != NOTHING:
            raise AssertionError(f"{code} was refused, and became {found[0]}")
        judge.confirm(found[1], found[0], allowed, (self.station, code, entry.said if entry else "seen on the screen"))
        judge.carry(found[0])

    def slip(self, code: str, *allowed: Effect) -> Generator[Step, Any, None]:
        """Scanned twice by mistake, and taken back."""
        became = yield from self.scan(code, *allowed, NOTHING)
        if became != NOTHING:
            yield from self.scan(encode("UNDO"), undone(became))
