"""What goes wrong in a day, drawn from its seed. Each fault waits for its number of events, so that all come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.world.broker import Broker
from tests.world.office import Office
from tests.world.sim import Sim
from tests.world.store import STORE, StorePc

AGENT, HQ = f"jaego-{STORE}", "headoffice"
YEAR_S = 365 * 86_400
LAST_EVENT = 480  # behind it nothing new goes wrong
CRASHES = ("killed", "before the commit", "in the commit", "after the commit")
OFFICE_CRASHES = (
    "office killed",
    "office before the commit",
    "office stored, not acknowledged",
    "office from a backup",
)
NETWORK = (
    "store line reset", "office line reset", "store half open", "office half open", "both lines reset",
    "broker killed, empty", "broker killed, keeps some", "broker killed, keeps all", "broker frozen",
    "broker refuses", "publishes denied", "messages lost", "messages doubled", "messages reordered", "taken over",
)  # fmt: skip
DISK = ("disk full", "office disk full")
CLOCK = ("store clock wrong", "office clock wrong")
LIE = "the disk lied"


class Faults:
    """`come` is asked at every commit."""

    def __init__(self, sim: Sim, pc: StorePc, broker: Broker, office: Office, *, lying: bool) -> None:
        self._sim, self._pc, self._broker, self._office = sim, pc, broker, office
        self.chance = sim.chance("faults")
        self.counts: Counter[str] = Counter()
        self.healed = False
        self._due = 0
        self._plan = self._drawn(lying=lying)

    def _drawn(self, *, lying: bool) -> list[tuple[int, str]]:
        chance = self.chance
        names = chance.choices(CRASHES, k=chance.randint(3, 5)) + chance.choices(OFFICE_CRASHES, k=chance.randint(1, 2))
        names += chance.choices(NETWORK, k=chance.randint(5, 9))
        names += [one for one in (*DISK, *CLOCK) if chance.random() < 0.5]
        if self._pc.prunes:  # what is pruned cannot come again: a backup that is older than that has gaps
            names = ["office killed" if one == "office from a backup" else one for one in names]
        found = [(chance.randrange(40, LAST_EVENT), name) for name in names]
        if "office from a backup" in names:
            found.append((30, "office backup"))
        if lying:
            at = chance.randrange(60, LAST_EVENT - 60)
            found += [(at, "remembered"), (at + chance.randrange(2, 60), LIE)]
            found = [one for one in found if one[0] <= found[-1][0]]
        return sorted(found, reverse=True)

    @property
    def all_struck(self) -> bool:
        """And none waits for its moment, as a cut does for a commit."""
        waiting = self._pc.disk.cut_at is not None or self._office.cut_at is not None
        return not self._plan and not self._due and not waiting

    def come(self, head: int) -> None:
        while self._plan and self._plan[-1][0] <= head:
            _, name = self._plan.pop()
            self._due += 1
            self._sim.at(2 * self.chance.random(), lambda name=name: self._strike(name))

    def _strike(self, name: str) -> None:
        if self.healed:
            return
        if not self._struck(name):  # not now: the line is down, the process is gone
            self._sim.at(1 + 2 * self.chance.random(), lambda: self._strike(name))
            return
        self._due -= 1
        self.counts[name] += 1
        self._sim.trace("fault", name)

    def _struck(self, name: str) -> bool:
        strike: Callable[[], bool] = {**self._store_faults(), **self._office_faults(), **self._network_faults()}[name]
        return strike()

    def _later(self, low_s: float, high_s: float, call: Callable[[], Any]) -> bool:
        self._sim.at(self.chance.uniform(low_s, high_s), call)
        return True

    # -- the store --------------------------------------------------------------------------------------------------

    def _store_faults(self) -> dict[str, Callable[[], bool]]:
        return {
            "killed": self._kill,
            **{where: lambda where=where: self._cut(where) for where in CRASHES[1:]},
            "disk full": self._fill,
            "store clock wrong": self._set_clock,
            "remembered": self._remember,
            LIE: lambda: (self._pc.disk.old is not None or self._pc.disk.lied) and self._kill(),
        }

    def _kill(self) -> bool:
        if self._pc.agent is None:
            return False
        self._pc.crash()
        return True

    def _cut(self, where: Any) -> bool:
        if self._pc.agent is None or self._pc.disk.cut_at is not None or self._pc.disk.full:
            return False
        self._pc.disk.cut_at = where
        return True

    def _remember(self) -> bool:
        self._pc.disk.remember()
        return True

    def _fill(self) -> bool:
        if self._pc.agent is None or self._pc.disk.cut_at is not None:
            return False
        self._pc.disk.full = True
        return self._later(3, 15, lambda: setattr(self._pc.disk, "full", False))

    def _set_clock(self) -> bool:
        clock = self._pc.clock
        wrong_s = self.chance.choice((1, -1)) * self.chance.choice((3, 600, 7200, YEAR_S))
        clock.set_wrong(int(wrong_s * 1e6))
        return self._later(5, 60, lambda: clock.set_wrong(0))

    # -- head office ------------------------------------------------------------------------------------------------

    def _office_faults(self) -> dict[str, Callable[[], bool]]:
        return {
            "office killed": self._kill_office,
            "office before the commit": lambda: self._cut_office("before the commit"),
            "office stored, not acknowledged": lambda: self._cut_office("stored and not acknowledged"),
            "office backup": lambda: self._office.life is not None and (self._office.save() or True),
            "office from a backup": self._restore_office,
            "office disk full": self._fill_office,
            "office clock wrong": self._set_office_clock,
        }

    def _kill_office(self) -> bool:
        if self._office.life is None:
            return False
        self._office.crash()
        return True

    def _cut_office(self, where: Any) -> bool:
        if self._office.life is None or self._office.cut_at is not None:
            return False
        self._office.cut_at = where
        return True

    def _restore_office(self) -> bool:
        if self._office.life is None or self._office.backup is None:
            return False
        self._office.crash(restore=True)
        return True

    def _fill_office(self) -> bool:
        self._office.full = True
        return self._later(3, 15, lambda: setattr(self._office, "full", False))

    def _set_office_clock(self) -> bool:
        wrong_s = self.chance.choice((1, -1)) * self.chance.choice((600, 7200, YEAR_S))
        clock, wrong_us = self._office.clock, wrong_s * 1_000_000
        clock.offset_us += wrong_us

        def right() -> None:
            clock.offset_us -= wrong_us

        return self._later(10, 60, right)

    # -- between them -----------------------------------------------------------------------------------------------

    def _network_faults(self) -> dict[str, Callable[[], bool]]:
        broker = self._broker
        return {
            "store line reset": lambda: broker.reset(AGENT),
            "office line reset": lambda: broker.reset(HQ),
            "both lines reset": lambda: broker.reset(AGENT) | broker.reset(HQ),
            "store half open": lambda: not broker.frozen and broker.half_open(AGENT),
            "office half open": lambda: not broker.frozen and broker.half_open(HQ),
            "broker killed, empty": lambda: self._kill_broker(0.0),
            "broker killed, keeps some": lambda: self._kill_broker(0.5),
            "broker killed, keeps all": lambda: self._kill_broker(1.0),
            "broker frozen": self._freeze,
            "broker refuses": self._refuse,
            "publishes denied": self._deny,
            "messages lost": lambda: self._disturb("lose"),
            "messages doubled": lambda: self._disturb("double"),
            "messages reordered": lambda: self._disturb("reorder"),
            "taken over": self._take_over,
        }

    def _kill_broker(self, keeps: float) -> bool:
        if not self._broker.up:
            return False
        self._broker.kill(keeps=keeps)
        return self._later(0.5, 15, self._broker.restart)

    def _freeze(self) -> bool:
        if not self._broker.up or self._broker.frozen:
            return False
        self._broker.freeze()
        return self._later(5, 60, lambda: self._broker.thaw() if self._broker.frozen else None)

    def _refuse(self) -> bool:
        self._broker.refuses = True
        self._broker.reset(AGENT)
        return self._later(3, 20, lambda: setattr(self._broker, "refuses", False))

    def _deny(self) -> bool:
        """An access list that forgets the store's topics: it says so under MQTT 5, and lies under 3.1.1. Whoever mends
        it starts the broker's listener again: levels are said anew with a connection, never else."""
        self._broker.denies = True
        return self._later(3, 20, self._broker.allow)

    def _disturb(self, how: Any) -> bool:
        if self._broker.chaos is not None:
            return False
        self._broker.chaos = how, self.chance.choice((0.02, 0.1, 0.4))
        return self._later(5, 30, lambda: setattr(self._broker, "chaos", None))

    def _take_over(self) -> bool:
        """A second client with the store's id, that comes some times and goes again."""
        if not self._broker.up or self._broker.frozen or self._broker.refuses:
            return False
        for _ in range(self.chance.randint(1, 4)):
            self._later(0, 12, lambda: self._broker.intrude(AGENT))
        return True

    def heal(self) -> None:
        """From now on nothing breaks, and what is broken is mended."""
        self.healed = True
        self._plan.clear()
        self._pc.disk.full = self._office.full = False
        self._pc.disk.cut_at = self._office.cut_at = None
        self._pc.clock.set_wrong(0)
        self._broker.heal()
