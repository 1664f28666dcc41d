"""A store's stream of events while the broker, the agent, head office and the other clients fail, with each broker.

One house per broker lives through all of it, and after each fault head office and a second consumer hold what the store
holds: every event once, in order, byte for byte. `JAEGO_UPLINK=long` (`make uplink`) freezes for 2 minutes and lets a
week of 100,000 events wait; otherwise it is the short form.
"""

from __future__ import annotations

import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.brokers import BROKERS, Needs
from tests.uplink_chaos.house import LONG, PASSWORD, STORE, House, until

FROZEN_S = 120.0 if LONG else 10.0
WEEK_EVENTS = 100_000 if LONG else 2_000
NEEDS = Needs(password=PASSWORD, queue_messages_max=60)
pytestmark = [pytest.mark.broker, pytest.mark.timeout(1200 if LONG else 180)]


@pytest.fixture(scope="module", params=list(BROKERS))
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    broker = BROKERS[request.param](folder)
    broker.start(*broker.lines(NEEDS))
    with House(folder, broker) as made:
        made.start_office()
        made.books.come()
        made.start_agent()
        made.clerk.works.set()
        until(lambda: made.clerk.good > 20, made.state)
        made.settle()
        yield made
        made.verified()
        sys.stdout.write(made.report())


def test_the_broker_is_killed_and_comes_again_with_what_it_kept(house: House) -> None:
    with house.fault("killed, comes again"):
        time.sleep(1.0)
        house.broker.kill()
        time.sleep(0.5)
        house.mend()
        house.broker.start()


def test_the_broker_is_killed_and_comes_again_empty(house: House) -> None:
    """Both consumers are away: only the broker has what it gave its receipt for, and loses it in a quiet hour."""
    with house.fault("killed, comes again empty"):
        house.kill("office")
        house.books.leave()
        had, good = max(house.office_head(), house.books.position), house.clerk.good
        until(lambda: house.clerk.good > good + 50, house.state)
        house.clerk.rest()
        assert max(house.delivered(), house.delivered("books")) <= had
        house.broker.kill()
        house.broker.forget()
        house.mend()
        house.broker.start()
        house.books.come()
        until(lambda: house.books.position == house.head(), house.state)
        house.start_office()


def test_the_broker_is_frozen(house: House) -> None:
    with house.fault(f"frozen for {FROZEN_S:.0f} s"):
        before = house.said(STORE, "no answer within the keepalive")
        house.broker.freeze()
        begun_s = time.monotonic()
        house.says(STORE, "no answer within the keepalive", before)
        time.sleep(max(0.0, begun_s + FROZEN_S - time.monotonic()))
        house.mend()
        house.broker.thaw()


def test_the_agent_is_killed(house: House) -> None:
    with house.fault("agent killed"):
        time.sleep(0.5)
        house.kill(STORE)
        house.mend()
        house.start_agent()


def test_head_office_is_killed(house: House) -> None:
    with house.fault("head office killed"):
        time.sleep(0.5)
        house.kill("office")
        time.sleep(0.5)
        house.mend()
        house.start_office()


def test_another_store_comes_with_our_client_id(house: House) -> None:
    """Both throw each other out, and both say so."""
    house.config("S002")
    with house.fault("session taken over"):
        house.start_agent("S002")
        for name in (STORE, "S002"):
            house.says(name, "jaego-S001")
        house.mend()
        house.stop("S002")


def test_the_queue_of_head_office_overflows_over_a_week(house: House) -> None:
    """Far more waits than the broker keeps for a client that is away; what it drops, it drops without a word."""
    with house.fault(f"head office away for a week of {WEEK_EVENTS:,} events"):
        house.kill("office")
        house.sell("week", WEEK_EVENTS)
        until((house.folder / "drop" / "done" / "week.csv").exists, house.state)
        house.mend()
        house.start_office()


def test_head_office_is_restored_from_an_old_copy(house: House) -> None:
    old = house.folder / "old.db"
    with closing(sqlite3.connect(house.folder / "hq.db")) as db, closing(sqlite3.connect(old)) as copy:
        db.backup(copy)
    with house.fault("head office restored from an old copy"):
        good = house.clerk.good
        until(lambda: house.clerk.good > good + 100, house.state)
        until(lambda: house.delivered() > good, house.state)
        house.kill("office")
        for end in ("-wal", "-shm"):
            (house.folder / f"hq.db{end}").unlink(missing_ok=True)
        shutil.move(old, house.folder / "hq.db")
        house.mend()
        house.start_office()


def test_a_consumer_a_week_behind_does_not_delay_the_other(house: House) -> None:
    """While the books catch up, head office has what was scanned just now; how soon is printed, with and without."""
    with house.fault(f"the other consumer {WEEK_EVENTS:,} events behind"):
        alone_s = sorted(_delay_s(house) for _ in range(15))
        house.books.leave()
        house.sell("behind", WEEK_EVENTS)
        until((house.folder / "drop" / "done" / "behind.csv").exists, house.state)
        until(lambda: house.office_head() == house.head(), house.state)
        house.books.pause_s = 0.01
        house.mend()
        house.books.come()
        beside_s: list[float] = []
        while house.books.position < house.office_head() - 50 or len(beside_s) < 5:
            beside_s.append(_delay_s(house))
            assert len(beside_s) > 1 or house.books.position < house.office_head()
        house.books.pause_s = 0.0
    middle_ms = [round(1000 * found[len(found) // 2]) for found in (alone_s, sorted(beside_s))]
    sys.stdout.write(f"\nscan to head office, median: {middle_ms[0]} ms alone, {middle_ms[1]} ms beside the other\n")


def _delay_s(house: House) -> float:
    """From a scan's acknowledgement to its event in head office's database."""
    head = house.head()
    return until(lambda: house.office_head() > head, house.state)


def test_the_clock_jumps_back_a_year_and_forward_again(house: House) -> None:
    """Times are wrong then, and marked; order and sums are not."""
    house.stop(STORE)
    house.start_agent(jumping=True)
    with house.fault("clock a year back, and forward again"):
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            good = house.clerk.good
            until(lambda good=good: house.clerk.good > good + 20, house.state)
            house.signal(STORE, number)
        house.mend()
    years = house.office("SELECT DISTINCT substr(body ->> '$.recorded_at', 1, 4) FROM event WHERE store = 'S001'")
    assert len(years) > 1
    house.stop(STORE)
    house.start_agent()
