"""Head office put back from an old copy of its database: what stores still have comes again, and what they no longer
have is skipped and told. And the store PC that nobody should have switched on again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from headoffice import own
from headoffice.part import Publish
from headoffice.taken import Skipped
from tests.headoffice.logs import KEY, OTHER_KEY, Log
from tests.headoffice.taking import different, projections, stock, table
from tests.headoffice.test_service import Desk, acks, request

STOCK = [["COLA", "backroom", None, "sellable", 40], ["RICE", "floor", None, "sellable", 7]]
LEFT = {("COLA", "backroom", "", "sellable"): 40, ("RICE", "floor", "", "sellable"): 7}
WAIT_S = 120


class Branch:
    """A store, and its side of the conversation: it has of `log` what is not older than `first`, and no other log."""

    def __init__(self, desk: Desk, log: Log) -> None:
        self.desk = desk
        self.log = log
        self.first = 1
        self.tells = True  # its state reaches head office

    def comes(self) -> list[Publish]:
        out = self.desk.service.greet()
        if self.tells:
            said = {"state": "online", "boot": "b", "log": self.log.name, "head": self.log.head, "version": "1"}
            out += self.desk.get("S1/state", {**said, "first": self.first})
        return out

    def answer(self, found: list[Publish]) -> list[Publish]:
        out: list[Publish] = []
        for one in found:
            if not one.topic.endswith("/request/replay"):
                continue
            asked = request(one)
            answer = {"id": asked["id"], "status": "done", "result": {"from": max(asked["seq"], self.first)}}
            if asked["log"] != self.log.name:
                answer = {"id": asked["id"], "status": "refused", "reason": "replay", "hint": "it is of another log"}
            elif asked["seq"] < self.first:
                answer["result"] = {"from": self.first, "first": self.first}
            out += self.desk.get(f"S1/response/{asked['id']}", answer)
            if answer["status"] == "done":
                out += self.desk.events(self.log, max(asked["seq"], self.first))
        return out

    def level(self) -> None:
        """Until head office is where the store is, and asks no more. Each round is half a second."""
        found = self.comes() + self.desk.events(self.log, self.log.head)  # what happens now
        for _ in range(2 * WAIT_S):
            while found:
                found = self.answer(found)
            if self.desk.position() == (self.log.name, self.log.head):
                break
            self.desk.clock.s += 0.5
            found = self.desk.service.tick()
        assert self.desk.position() == (self.log.name, self.log.head), self.desk.said
        own.check(self.desk.store, "S1", deep=True)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.store.close()


def back(desk: Desk, log: Log, upto: int) -> Branch:
    """Head office has taken in everything; then its database is the copy of when it had `upto` events."""
    desk.events(log, 1, upto)
    desk.store.close()
    shutil.copy(desk.path, desk.path.with_suffix(".copy"))
    desk.start()
    desk.events(log, upto + 1)
    assert desk.position() == ("L1", log.head)
    desk.store.close()
    for one in desk.path.parent.glob("hq.db*"):
        one.unlink()
    shutil.copy(desk.path.with_suffix(".copy"), desk.path)
    desk.start()
    assert desk.position() == ("L1", upto)
    return Branch(desk, log)


def test_everything_comes_again(desk: Desk, tmp_path: Path) -> None:
    log = Log().open().receive_many(300)
    branch = back(desk, log, 40)
    log.rotate()
    log.receive_many(20).checkpoint()
    branch.level()
    assert not table(desk.store, "skipped")
    assert not table(desk.store, "quarantine")
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other")
    other.clock.s = desk.clock.s
    other.events(log)
    assert stock(other.store) == stock(desk.store)
    other.store.close()


@pytest.mark.parametrize("tells", [True, False])
def test_what_the_store_has_pruned_meanwhile_is_skipped(desk: Desk, tells: bool) -> None:
    log = Log().open().receive_many(300)
    branch = back(desk, log, 40)
    log.open(STOCK)
    branch.first, branch.tells = log.head, tells
    branch.level()
    assert desk.store.skipped("S1", "L1") == [Skipped("L1", 41, branch.first - 1)]
    assert stock(desk.store) == LEFT
    log.receive("COLA", 2)
    branch.level()
    assert stock(desk.store)["COLA", "backroom", "", "sellable"] == 42
    assert not table(desk.store, "quarantine")


@pytest.mark.parametrize("pruned", [False, True])
def test_a_log_that_the_store_has_begun_meanwhile_is_followed(desk: Desk, pruned: bool) -> None:
    log = Log().open().receive_many(300)
    branch = back(desk, log, 40)
    branch.log = Log("L2").open(STOCK, log.end())
    if pruned:
        branch.log.receive_many(5).open(STOCK, log.end())
        branch.first = branch.log.head
    branch.level()
    assert desk.store.skipped("S1", "L1") == [Skipped("L1", 41, 301)]
    assert stock(desk.store) == LEFT
    assert not table(desk.store, "quarantine")
    assert not table(desk.store, "opening_off")


def test_a_new_log_with_another_key_is_not_followed_until_it_is_enrolled(desk: Desk) -> None:
    log = Log().open().receive_many(300)
    branch = back(desk, log, 40)
    branch.log = Log("L2", key=OTHER_KEY).open(STOCK, log.end())
    found = branch.comes() + desk.events(branch.log)
    for _ in range(200):
        desk.clock.s += 0.5
        found = branch.answer(found) + desk.service.tick()
    assert desk.position() == ("L1", 40)
    assert {row[0] for row in table(desk.store, "quarantine", "code")} == {"key"}


def test_a_store_that_was_set_back_is_told_what_to_do(desk: Desk) -> None:
    log = Log().open().receive_many(30)
    desk.events(log)
    older = log.fork(20)
    child = Log("L2").open(STOCK, older.end())
    found = desk.state(child) + desk.events(child)
    assert acks(found) == []
    assert desk.position() == ("L1", 31)
    [(code, reason)] = table(desk.store, "quarantine", "code, reason")
    assert code == "parent"
    assert "has 31: run jaego restore --from-hq in the store" in reason


def test_a_store_pc_that_comes_back_after_its_child_is_a_fork(desk: Desk) -> None:
    log = Log().open().receive_many(30)
    desk.events(log)
    child = Log("L2").open(STOCK, log.end())
    desk.events(child)
    before = projections(desk.store)
    log.receive_many(3)
    for _ in range(3):
        assert acks(desk.state(log) + desk.events(log, 31), "S1") in ([], [("L2", 1)])
        desk.clock.s += 40
    assert desk.position() == ("L2", 1)
    assert different(projections(desk.store), before) == {}
    assert table(desk.store, "quarantine", "code, log, seq, count") == [("fork", "L1", seq, 3) for seq in (32, 33, 34)]
    assert sum("ALARM quarantined (fork)" in line for line in desk.said) == 1
    second = Log("L3", key=KEY).open(STOCK, log.fork(31).end())
    desk.events(second)
    assert desk.position() == ("L2", 1), "one child for one parent"
