"""One store-day: everything is put together, run to its end, and held against the judge."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from agent.capture.stations import Entry
from agent.ledger.reader import verify
from agent.ledger.rebuild import fold
from contract.chain import GENESIS, check_body
from contract.documents import ExpectedDocument
from contract.topics import PREFIX
from headoffice.commands import Order, enter
from headoffice.documents import wire
from tests.world.broker import Broker
from tests.world.faults import CLOCK, CRASHES, DISK, LIE, NETWORK, OFFICE_CRASHES, Faults
from tests.world.judge import Broken, Judge
from tests.world.office import Office, template
from tests.world.people import Person
from tests.world.scripts import EVENTS_MIN, GOODS_LIST, TAGGED, Day, Plan, items
from tests.world.sim import OfficeClock, Sim
from tests.world.store import BACK, CONSUMER, STORE, Hooks, StorePc

DAY_S_MAX = 3600.0
HEALED_S_MAX = 2 * 3600.0
LOOK_STEPS = 50
CRASHES_MIN, NETWORK_MIN = 3, 5
RAM = Path("/", "dev", "shm")


@dataclass
class Totals:
    """Of one day or of many."""

    days: int = 0
    events: int = 0
    confirmed: int = 0
    counts: Counter[str] = field(default_factory=Counter[str])
    sim_s: float = 0.0
    steps: int = 0

    def add(self, other: Totals) -> None:
        self.days += other.days
        self.events += other.events
        self.confirmed += other.confirmed
        self.counts += other.counts
        self.sim_s += other.sim_s
        self.steps += other.steps


@contextmanager
def scratch() -> Generator[Path]:
    """In memory where there is such a place: a commit is synced all the same, and costs nothing."""
    base = RAM if RAM.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="jaego-world-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _templates() -> dict[str, bytes]:
    with scratch() as folder:
        template(folder, items())
        return {path.name: path.read_bytes() for path in sorted(folder.glob("hq.db*"))}


class World:
    """`lying`: one of its crashes gives up what the disk had confirmed; such a day ends there."""

    def __init__(self, seed: int, folder: Path, *, lying: bool = False) -> None:
        self.sim = sim = Sim(seed)
        chance = sim.chance("day")
        self.judge = Judge()
        self.broker = Broker(sim, queue_max=chance.choice((20, 100, 1000)), version5=chance.random() < 0.7)
        store, head = folder / "store", folder / "office"
        store.mkdir()
        head.mkdir()
        (store / "store.key").write_bytes(sim.chance("key").randbytes(32))
        (store / "store.key").chmod(0o600)
        for name, data in _templates().items():
            (head / name).write_bytes(data)
        hooks = Hooks(self._committed, self._shown, self._beeped, self._died, self._opened)
        self.pc = StorePc(sim, self.broker, store, hooks)
        self.office = Office(sim, self.broker, head, OfficeClock(sim, self.pc.clock.right_us), self._stored)
        self.faults = Faults(sim, self.pc, self.broker, self.office, lying=lying)
        self.day = Day(
            self.judge, self.pc, Plan(chance), chance, chance.choice((0.0, 0.02, 0.08)), lambda: self.faults.all_struck
        )
        self.beeps = self.kept = 0
        self.people: list[Person] = []
        self.commands: list[str] = []
        self._reader: Any = None

    # -- what happens -----------------------------------------------------------------------------------------------

    def _committed(self, head: int) -> None:
        agent = self.pc.agent
        if agent is None or self.judge.lies:
            return
        self.judge.read(agent.screen.events(self.judge.head + 1, 1000))
        if self.judge.head != head:
            raise Broken(f"the ledger says {head}, {self.judge.head} can be read")
        self.sim.trace("commit", head, self.judge.events[-1]["hash"])
        self.faults.come(head)

    def _opened(self) -> None:
        """The log goes on where it was: what was durable is there, and what a cut left of the last commit may be."""
        agent = self.pc.agent
        assert agent is not None
        rows = agent.screen.events(1, 100_000)
        if self.pc.disk.lied and rows[-1][0] < self.judge.head:
            self.judge.lies, self.kept = True, rows[-1][0]
        if self.judge.lies:
            return
        self.judge.held_against(rows, "the ledger after a start")
        self.judge.read(row for row in rows if row[0] > self.judge.head)

    def _died(self) -> None:
        self.sim.trace("died")

    def _shown(self, entry: Entry) -> None:
        self.sim.trace("shown", entry.station, entry.seq, entry.said)
        if self.judge.lies:
            return
        for one in self.people:
            if one.station == entry.station:
                one.heard(entry)

    def _beeped(self, device: str, data: bytes) -> None:
        self.beeps += 1

    def _stored(self, seq: int) -> None:
        self.judge.stored = max(self.judge.stored, seq)
        self.sim.trace("stored", seq)

    # -- a day ------------------------------------------------------------------------------------------------------

    def run(self) -> Totals:
        self.office.start()
        self.pc.start()
        self._announce()
        day, sim = self.day, self.sim
        scripts = {
            "dock": day.dock(),
            "floor": day.floor(),
            "office": day.shelf(),
            "till": day.till(),
            "door": day.door(),
        }
        self.people = [Person(sim, self.pc, name, one, sim.chance(name)) for name, one in scripts.items()]
        self._order_soon(sim.chance("orders"))
        self._until(self._over, DAY_S_MAX, "the day never ends")
        self.faults.heal()
        if self.judge.lies:
            self._after_a_lie()
        else:
            self._until(self._settled, HEALED_S_MAX, "head office never has everything")
            self._settle_more()
            self._held_against_everything()
        return self._totals()

    def _over(self) -> bool:
        return self.judge.lies or all(one.done for one in self.people)

    def _announce(self) -> None:
        lines = [
            {"line": at, "sku": sku, "quantity": pieces}
            for at, (sku, pieces) in enumerate(self.day.plan.delivery.items(), 1)
        ]
        body = wire(
            ExpectedDocument.model_validate(
                {
                    "document": self.day.plan.document,
                    "kind": "receipt",
                    "revision": 1,
                    "from": "supplier",
                    "to": BACK,
                    "lines": lines,
                }
            )
        )
        self.office.expect(self.day.plan.document, body)

    def _order_soon(self, chance: Any) -> None:
        """Web orders: head office reserves, and gives some of it free again."""

        def one() -> None:
            if self.faults.healed:
                return
            if self.office.life is not None and self.day.shelved:
                number = len(self.commands) + 1
                release = number % 3 == 0
                members: dict[str, Any] = {"reservation": f"R{number - release}"}
                if not release:
                    members |= {"sku": chance.choice(GOODS_LIST).sku, "quantity": chance.randint(1, 3)}
                verb = "release" if release else "reserve"
                order = Order(STORE, verb, members, 6 * 86_400, "web", f"web-{number}")
                self.commands.append(enter(self.office.writing, self.office.clock, order))
            self.sim.at(1 + 4 * chance.random(), one)

        self.sim.at(5, one)

    def _until(self, true: Callable[[], bool], limit_s: float, why: str) -> None:
        end_s = self.sim.now_s + limit_s
        steps = 0
        while not true():
            for _ in range(LOOK_STEPS):
                self.sim.step()
                self._look()
            steps += 1
            if self.sim.now_s > end_s:
                raise Broken(f"{why}: {self._state()}")

    def _look(self) -> None:
        """What must be true at every step, and costs next to nothing to see."""
        agent, judge = self.pc.agent, self.judge
        if agent is None or judge.lies:
            return
        delivered = agent.traffic.engine.consumers[CONSUMER].delivered
        if delivered > judge.stored:
            raise Broken(
                f"the store counts {delivered} events as delivered, head office never had more than {judge.stored}"
            )
        if self.sim.steps % LOOK_STEPS == 0:
            office = self.office.queues if self.office.life is not None else {}
            for name, (length, limit) in {**agent.queues, **office}.items():
                if length > limit:
                    raise Broken(f"{name}: {length} wait, the limit is {limit}")

    def _settled(self) -> bool:
        agent = self.pc.agent
        if agent is None or self.office.life is None or agent.ledger.waiting or agent.writing:
            return False
        consumer = agent.traffic.engine.consumers[CONSUMER]
        there = self.office.position()[1] == self.judge.head == consumer.delivered
        return there and not agent.traffic._plane.waiting and not self._open_commands()

    def _open_commands(self) -> bool:
        rows = self.office.view.rows("SELECT COUNT(*) FROM command WHERE status IN ('waiting', 'sent')")
        return bool(rows[0][0])

    def _settle_more(self) -> None:
        """Positions are written behind acknowledgements; what is under way arrives."""
        end_s = self.sim.now_s + 3
        self._until(lambda: self.sim.now_s > end_s and self._settled(), HEALED_S_MAX, "it never rests")

    def _state(self) -> dict[str, Any]:
        agent = self.pc.agent
        consumer = agent.traffic.engine.consumers[CONSUMER] if agent is not None else None
        return {
            "head": self.judge.head, "office": self.office.position() if self.office.life else None,
            "consumer": consumer, "people": {one.station: one.done for one in self.people},
            "faults": dict(self.faults.counts), "said": self.pc.said[-5:], "office said": self.office.said[-5:],
            "commands open": self._open_commands() if self.office.life else None,
        }  # fmt: skip

    # -- the end ----------------------------------------------------------------------------------------------------

    def _held_against_everything(self) -> None:
        agent, judge = self.pc.agent, self.judge
        assert agent is not None
        rows = agent.screen.events(1, 100_000)
        judge.held_against(rows, "the ledger")
        verify(agent.screen)
        if agent.screen.integrity() != "ok":
            raise Broken("SQLite finds damage in the ledger")
        if fold(body for _seq, _kind, body in rows) != agent.screen.projections():
            raise Broken("projections made anew are not what the ledger has")
        judge.same_stock(agent.screen.stock(), "the store")
        judge.same_premises(one.sku for one in GOODS_LIST)
        if sum(value for key, value in judge.stock.items() if key[0] == TAGGED) != len(self.day.tags):
            raise Broken("goods with tags came or went without anybody")
        for seq in judge.confirmed:
            if seq > rows[-1][0]:
                raise Broken(f"event {seq} was confirmed, and is not there")
        if agent.reader.positions().get(CONSUMER, 0) > self.office.position()[1]:
            raise Broken("the delivered position on the disk is above what head office has")
        self._office_has(rows)
        self._orders_once()
        self._levels()
        counts = self.faults.counts
        crashes, network = sum(counts[one] for one in CRASHES), sum(counts[one] for one in NETWORK)
        few = judge.head < EVENTS_MIN or crashes < CRASHES_MIN or network < NETWORK_MIN
        if few and not self.pc.disk.lied:
            raise Broken(f"a day of {judge.head} events, {crashes} crashes and {network} network faults is none")

    def _office_has(self, rows: list[tuple[int, str, bytes]]) -> None:
        log = self.office.position()[0]
        found = self.office.view.rows(
            "SELECT seq, type, body FROM event WHERE store = ? AND log = ? ORDER BY seq", (STORE, log)
        )
        self.judge.held_against([(int(one[0]), str(one[1]), bytes(one[2])) for one in found], "head office")
        if len(found) != rows[-1][0]:
            raise Broken(f"head office has {len(found)} events, the store {rows[-1][0]}")
        stock = self.office.view.rows(
            "SELECT sku, zone, lot, disposition, quantity FROM stock WHERE store = ?", (STORE,)
        )
        self.judge.same_stock([tuple(one) for one in stock], "head office")  # type: ignore[misc]
        if self.office.quarantined():
            raise Broken(f"head office refused what is right: {self.office.quarantined()[:3]}")

    def _orders_once(self) -> None:
        """A command that is done had its effect once, one that is refused none."""
        happened = {
            verb: Counter(one["data"]["reservation"] for one in self.judge.events if one["data"]["kind"] == kind)
            for verb, kind in (("reserve", "reservation_made"), ("release", "reservation_released"))
        }
        if any(count > 1 for made in happened.values() for count in made.values()):
            raise Broken(f"done twice: {happened}")
        rows = self.office.view.rows("SELECT id, verb, body, status FROM command")
        for name, verb, body, status in rows:
            times = happened[verb][orjson.loads(body)["reservation"]]
            told = {"done": 1, "refused": 0, "expired": 0}  # the last: it was never sent
            if times != told.get(status, times) and not (status == "expired" and self.office.backup):
                raise Broken(f"{name} ({verb}) is {status}, and happened {times} times")

    def _levels(self) -> None:
        """What the broker retains of each item is what the store has."""
        agent = self.pc.agent
        assert agent is not None
        held: Counter[str] = Counter()
        for row in agent.screen.stock():
            held[row.sku] += row.quantity
        prefix = f"{PREFIX}/{STORE}/level/"
        found = {
            topic.removeprefix(prefix): orjson.loads(payload)["on_hand"]
            for topic, payload in self.broker.retained.items()
            if topic.startswith(prefix)
        }
        if found != dict(held):
            raise Broken(f"retained levels {found}, stock {dict(held)}")

    def _after_a_lie(self) -> None:
        """The store's log begins again below what was durable. If head office has of what is gone, somebody says so and
        nothing is mixed; if not, it is gone with the disk, and the two are one again."""
        for one in self.people:
            one.gone = True

        def scan() -> None:
            if self.pc.agent is not None:
                self.pc.agent.desk.scan("office", GOODS_LIST[0].gtin.encode(), lambda _entry: None)

        for second in range(60):
            self.sim.at(second, scan)
        end_s = self.sim.now_s + 600
        self._until(lambda: self.sim.now_s > end_s, 700, "time stands still")
        before, now = self._like_before(), self._like_now()
        if not (before or now):
            raise Broken("head office has mixed two logs")
        alarms = [one for one in self.office.quarantined() if one[0] in {"fork", "prev", "signature"}]
        refused = [text for _, text in self.pc.said if "this ledger went back" in text]
        if not (now or alarms or refused):
            raise Broken(f"head office has what the store lacks, which fell back to {self.kept}, and nobody says so")
        self.faults.counts["lies about what nobody else had" if now else "lies found out"] += 1

    def _taken_in(self) -> list[tuple[int, bytes]]:
        return [(seq, bytes(body)) for seq, body in self.office.view.rows("SELECT seq, body FROM event ORDER BY seq")]

    def _like_before(self) -> bool:
        """Whether head office has the log as it was before the lie, up to some event."""
        bodies = self.judge.bodies
        return all(seq <= len(bodies) and bodies[seq - 1] == body for seq, body in self._taken_in())

    def _like_now(self) -> bool:
        """Whether head office has the log that the store has now, up to some event: its last one says so by its hash,
        and where that is just below what the store still has, the event behind it does."""
        agent = self.pc.agent
        assert agent is not None
        taken, prev = self._taken_in(), GENESIS
        for seq, body in taken:
            prev = check_body(body, prev=prev, seq=seq)["hash"]
        last = len(taken)
        if last == agent.screen.first() - 1:
            return bool(check_body(agent.screen.events(last + 1, 1)[0][2])["prev"] == prev)
        return last == 0 or agent.screen.hash_of(last) == prev

    def _totals(self) -> Totals:
        counts, judge, day, agent = self.faults.counts, self.judge, self.day, self.pc.agent
        found = Counter(
            {
                "agent crashes": sum(counts[one] for one in CRASHES) + counts[LIE],
                "office crashes": sum(counts[one] for one in OFFICE_CRASHES),
                "network faults": sum(counts[one] for one in NETWORK),
                "disk faults": sum(counts[one] for one in DISK) + counts[LIE],
                "events pruned": agent.screen.first() - 1 if agent is not None and not judge.lies else 0,
                "clock jumps": sum(counts[one] for one in CLOCK),
                "device faults": sum(one.harmed for one in (day.kim, day.lee, day.park)),
                "scans without an answer": judge.resolved,
                "refused by a full disk": self.pc.disk.refused + self.office.refused,
                "sales": day.sales, "undos": day.undos, "receipts": day.receipts,
                "counts approved": int(day.approved), "recounts": day.recounts,
                "passages": sum(judge.walked.values()), "passages told": sum(judge.passed.values()),
                "commands of head office": len(self.commands),
                "messages harmed": self.broker.told.harmed, "dropped by full queues": self.broker.told.dropped,
            }
        )  # fmt: skip
        for name, number in counts.items():
            found[f"· {name}"] += number
        return Totals(0 if judge.lies else 1, judge.head, judge.heard, found, self.sim.now_s - 1000, self.sim.steps)

    def close(self) -> None:
        if self.pc.agent is not None:
            self.pc.agent.close()
        self.office.close()


def play(seed: int, *, lying: bool = False) -> tuple[Totals, str]:
    """A day and the hash of all that happened in it. Raises `Broken`, and whatever the code under test raises."""
    with scratch() as folder:
        world = World(seed, folder, lying=lying)
        try:
            return world.run(), world.sim.digest()
        finally:
            world.close()
