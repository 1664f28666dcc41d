"""A store's day, from the delivery to the online orders, with agent, broker and head office as processes.

In the evening stock in the agent, stock at head office, the sum of movements and what physically lies in the store are
the same, row by row. `make day SEEDS=20` plays more days.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from simulators.day_plan import LINES, Day
from tests.day import judge
from tests.day.staff import Staff
from tests.day.store import Store

SEEDS = range(1, 1 + int(os.environ.get("JAEGO_DAYS", "2")))


@pytest.mark.broker
@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", SEEDS)
def test_in_the_evening_the_books_are_what_lies_in_the_store(tmp_path: Path, seed: int) -> None:
    day = Day(seed)
    with Store(tmp_path, day.items) as store:
        staff = Staff(store, day)
        staff.play()
        staff.settled()
        events = store.events()
        truth = day.premises.tally()
        assert judge.moved(events) == truth
        assert judge.tally(store.rows("jaego", "stock", "-c", "agent.toml", "--json")) == truth
        store.run("jaego-hq", "verify", "--db", "hq.db", "--broker", f"127.0.0.1:{store.broker.port}")
        store.stop()
        assert judge.tally(store.rows("jaego-hq", "stock", "--db", "hq.db", "--json")) == truth
        verified = store.run("jaego", "log", "verify", "-c", "agent.toml")
        assert re.search(r"^intact: (?s:.*)^signed: to event (\d+) of \1$", verified, re.MULTILINE), verified
        assert "were right" in store.run("jaego", "log", "rebuild", "-c", "agent.toml")
    judge.written_well(events)
    judge.told_as_epcis(events)
    judge.receipt(events, day.delivery, day.items[LINES].sku)
    differences = judge.count(events)
    assert all(differences[sku] <= -pieces for sku, pieces in day.stolen.items())
    judge.resolved(events)
    kinds = [one["data"]["kind"] for one in events]
    assert kinds.count("pick_rejected") == 1
    assert kinds.count("sales_file_taken") == 1
    assert any("balances" in one["data"] for one in events), "a late sale that the count had seen already"
