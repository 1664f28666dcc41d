"""A store's uplink, as the configuration has it: its own log, and the logs before it that are still to be sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from agent import VERSION
from agent.catalogue import Catalogue
from agent.clock import Clock
from agent.config import Config
from agent.errors import LedgerError
from agent.ledger import lineage, marks
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from agent.selling import orders_of
from agent.uplink.access import Access
from agent.uplink.engine import Engine, EngineSettings
from agent.uplink.epcis import EpcisDocuments
from agent.uplink.lineage import LISTENS_S, Source
from agent.uplink.link import Link
from agent.uplink.plane import StatePlane, moved
from agent.uplink.traffic import Outside, Store, StoreTraffic
from contract.ids import uuid7
from contract.times import Stamper

DIRTY_LEVELS_MAX = 50_000
MOVED_EVENTS_MIN = 1_000
MOVED_EVENTS_MAX = 50_000  # half a second
READ_EVENTS = 1_000
HINT = "stop the agent and run jaego restore --from-hq (docs/restore.md); scanning goes on until then"


class Say(Protocol):
    def __call__(self, subject: str, text: str, *, hint: str = "", level: int = 5) -> None: ...


@dataclass(frozen=True, slots=True)
class Uplink:
    """`reader` and those of the logs before are for the link's thread."""

    link: Link
    traffic: StoreTraffic
    reader: Reader
    elders: list[Reader]

    def close_readers(self) -> None:
        for one in (self.reader, *self.elders):
            one.close()


@dataclass(frozen=True, slots=True)
class Around:
    """What the uplink is joined to. `restart` says whether there is such a device; `failed` ends the process."""

    ledger: Ledger
    catalogue: Catalogue
    clock: Clock
    stamper: Stamper
    say: Say
    restart: Callable[[str], bool]
    failed: Callable[[BaseException], None]


def uplink_of(config: Config, around: Around) -> Uplink:
    settings, ledger, clock, folder = config.uplink, around.ledger, around.clock, config.store.state_dir
    reader = Reader(folder)
    before = lineage.ancestors(folder, reader)
    parents = {one.log: one.seq for one in before}
    elders = _opened(folder, before, around.say)
    names = config.epcis.names(config.store.id)
    boot = uuid7(clock.now().wall_us // 1000, clock.entropy(10))
    traffic = StoreTraffic(
        Store(config.store.id, ledger.log, boot, VERSION, settings.prefix),
        engine=_engine(config, reader, ledger.head),
        plane=StatePlane(levels_per_s_max=settings.levels_per_s_max, dirty_max=DIRTY_LEVELS_MAX),
        reader=reader,
        clock=clock,
        stamper=around.stamper,
        levels=settings.levels,
        outside=Outside(
            submit=ledger.submit,
            post=lambda call: link.post(call),  # noqa: PLW0108 - it is built after
            restart=around.restart,
            say=around.say,
            items=around.catalogue if config.catalogue.topic else None,
            orders=orders_of(config),
            alarm=partial(_alarm, config, around.say),
        ),
        epcis=EpcisDocuments(names, around.catalogue, reader, around.say) if names else None,
        elders=[
            Source(one.log, _engine(config, one, one.head()), one, partial(lineage.delivered, folder, one.log), sent)
            for one, sent in elders
        ],
        parents=parents,
        listens_s=0.0 if ledger.begun else LISTENS_S,
    )
    _halt_again(config, traffic, parents, around.say)
    traffic.touched.extend(_moved_lately(reader, traffic.engine))
    access = Access.of(settings, config.store.id)
    link = Link(access, traffic, clock=clock, say=around.say, on_failure=around.failed)
    return Uplink(link, traffic, reader, [one for one, _sent in elders])


def _engine(config: Config, reader: Reader, head: int) -> Engine:
    settings, held = config.uplink, reader.positions()
    limits = EngineSettings(settings.window_messages, settings.ahead_messages_max, ack_timeout_s=settings.ack_timeout_s)
    positions = {name: held.get(name, 0) for name in settings.consumers}
    return Engine(reader.log, head, positions, limits, first=reader.first())


def _moved_lately(reader: Reader, engine: Engine) -> set[str]:
    """SKUs whose level may not have gone out before the last end: those that are gone since are in no sweep."""
    delivered = min((one.delivered for one in engine.consumers.values()), default=engine.head)
    start = max(engine.head - MOVED_EVENTS_MAX, min(delivered, engine.head - MOVED_EVENTS_MIN)) + 1
    found: set[str] = set()
    for first in range(start, engine.head + 1, READ_EVENTS):
        found |= moved(reader.events(first, READ_EVENTS))
    return found


def _opened(folder: Path, before: list[lineage.Ancestor], say: Say) -> list[tuple[Reader, bool]]:
    """Logs before the own one, the oldest first, and whether each is delivered."""
    found: list[tuple[Reader, bool]] = []
    for one in before:
        if one.path is not None:
            try:
                found.append((Reader(folder, one.path.name), one.sent))
            except LedgerError as error:
                hint = "head office takes nothing of this store before it has it: jaego restore --from-hq"
                say("uplink", f"log {one.log} cannot be sent: {error}", hint=hint, level=2)
    return found


def _alarm(config: Config, say: Say, text: str, missing: tuple[str, int] | None) -> None:
    """Remembered over a restart: by then the log may be as long as what was acknowledged, and be another one."""
    if missing is not None:
        what, (log, seq) = f"{text}: run jaego restore --from-hq", missing
        marks.put(config.store.state_dir, marks.BEHIND, {"what": what, "log": log, "seq": seq})
    say("uplink", text, hint=HINT, level=2)


def _halt_again(config: Config, traffic: StoreTraffic, parents: dict[str, int], say: Say) -> None:
    """Unless the log that lacked something is a parent by now that has it: then it was restored."""
    folder = config.store.state_dir
    mark = marks.read(folder, marks.BEHIND)
    if mark is None:
        return
    if parents.get(str(mark.get("log")), 0) >= int(mark.get("seq", 0)):
        marks.forget(folder, marks.BEHIND)
        return
    traffic.lineage.halt()
    say("uplink", str(mark.get("what")), hint=HINT, level=2)
