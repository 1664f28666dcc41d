"""What the uplink begins with: logs that are still to be sent, and what was found missing before a restart."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.catalogue import Catalogue
from agent.clock import SystemClock
from agent.config import load
from agent.keeping import place_of
from agent.ledger import lineage, marks
from agent.ledger.log import Ledger
from agent.ledger.restore import begin_anew
from agent.uplinking import Around, Uplink, uplink_of
from tests.agent.doctor.shop import Shop, level
from tests.agent.ledger.test_ledger import SEOUL, append, movement, open_ledger
from tests.brokers import free_port

CLOCK = SystemClock(trust_unsynchronised=True)


class Grown(Shop):
    """A store whose log grew from another one, at event 4."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.uplink_port = free_port()
        self.configure(uplink=f"port = {self.uplink_port}")
        with closing(open_ledger(self.state)) as ledger:
            append(ledger, *(movement() for _ in range(3)))
            self.parent = ledger.log
        done = begin_anew(place_of(load(self.config), CLOCK, print))
        assert done.log is not None
        self.log = done.log
        self.told: list[tuple[str, int]] = []

    def tell(self, _subject: str, text: str, *, hint: str = "", level: int = 5) -> None:
        assert hint or level > 4
        self.told.append((text, level))

    @contextmanager
    def uplink(self) -> Generator[Uplink]:
        ledger = Ledger(self.state, store="S1", clock=CLOCK, stamper=SEOUL)
        with closing(ledger), closing(Catalogue(self.state / "catalogue.db")) as catalogue:
            parts: Any = ledger, catalogue, CLOCK, SEOUL, self.tell
            made = uplink_of(
                load(self.config),
                Around(*parts, restart=lambda _name: False, failed=lambda error: pytest.fail(str(error))),
            )
            try:
                yield made
            finally:
                made.close_readers()
                made.link.close()

    def mark(self, log: str, seq: int) -> None:
        marks.put(self.state, marks.BEHIND, {"what": "head office has more", "log": log, "seq": seq})


@pytest.fixture
def shop(tmp_path: Path) -> Grown:
    return Grown(tmp_path)


def test_the_parent_is_sent_first_and_put_away(shop: Grown) -> None:
    with shop.uplink() as made:
        sending = made.traffic.lineage
        assert sending.source.log == shop.parent
        assert sending.source.engine.head == 4
        assert made.traffic.engine.consumers["headoffice"].delivered == 4, "numbers go on behind the parent's"
        sending.acknowledge("headoffice", shop.parent, 4, 1.0, retained=True)
        assert sending.advance(1.0)
        assert sending.source.log == shop.log
    assert not lineage.parent_of(shop.state, shop.parent).exists()
    assert (shop.state / f"former-{shop.parent}.db").exists()
    with shop.uplink() as made:
        assert made.traffic.lineage.source.log == shop.log
        assert made.traffic.lineage.acknowledge("headoffice", shop.parent, 4, 1.0, retained=True) is None
        assert made.traffic.lineage.acknowledge("headoffice", shop.parent, 3, 1.0, retained=True) is None
        assert made.traffic.lineage.source.log == shop.parent, "head office went back, and gets it again"
        assert made.traffic.lineage.source.reader.events(4, 10)
        assert made.traffic.lineage.acknowledge("headoffice", shop.parent, 5, 1.0, retained=True) is not None
    assert marks.read(shop.state, marks.BEHIND) is not None


def test_a_parent_that_cannot_be_read_is_said_and_the_store_opens(shop: Grown) -> None:
    lineage.parent_of(shop.state, shop.parent).write_bytes(b"no database" * 1000)
    with shop.uplink() as made:
        assert made.traffic.lineage.source.log == shop.log
    assert any("cannot be sent" in text and level == 2 for text, level in shop.told)


@pytest.mark.parametrize("own", [True, False])
def test_what_is_missing_here_is_missing_after_a_restart(shop: Grown, own: bool) -> None:
    shop.mark(shop.log if own else shop.parent, 40)
    with shop.uplink() as made:
        assert made.traffic.lineage.halted
    assert ("head office has more", 2) in shop.told
    with shop.agent():
        found, _code = shop.doctor()
    assert level(found, "ledger_rotten") == "failure"


def test_a_mark_that_a_restore_has_answered_is_taken_away(shop: Grown) -> None:
    """Interrupted between the ledger's renaming and the mark: the parent has what was missing."""
    shop.mark(shop.parent, 4)
    with shop.uplink() as made:
        assert not made.traffic.lineage.halted
    assert marks.read(shop.state, marks.BEHIND) is None
