"""A store's events back from head office: what is missing comes, what is whole stays, nothing is mixed, or nothing is
changed and it is said why."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.errors import LedgerCorrupt, LedgerUnusable, UplinkUnreachable
from agent.ledger import files, lineage, marks, rebuild
from agent.ledger.checking import check_whole
from agent.ledger.reader import Reader, verify
from agent.ledger.regain import regain
from agent.ledger.restore import Place, begin_anew
from contract.answers import RestorePage
from tests.agent.clocks import FakeClock
from tests.agent.ledger.test_ledger import SEOUL, append, movement, open_ledger
from tests.agent.ledger.test_restore import STAMP, page_of
from tests.agent.ledger.test_snapshots import spoil

PAGE = 100


def bodies_of(folder: Path, name: str = files.DATABASE) -> list[dict[str, Any]]:
    with closing(Reader(folder, name)) as reader:
        return [files.parse(body) for _seq, _type, body in reader.all_events()]


class Office:
    """Head office as it answers `ask/restore`: `logs` are its events by log, the last one is followed."""

    def __init__(self, *logs: list[dict[str, Any]]) -> None:
        self.logs = {events[0]["log"]: events for events in logs}
        self.key: str | None = logs[-1][0]["data"]["key"] if logs else None
        self.asked: list[tuple[str | None, int]] = []
        self.change: Callable[[RestorePage], RestorePage] = lambda page: page

    def page(self, log: str | None, seq: int) -> RestorePage:
        self.asked.append((log, seq))
        if not self.logs:
            return RestorePage(id="1", head=0, events=[], log=None, hash=None, key=None, followed=None)
        followed = list(self.logs)[-1]
        events = self.logs.get(log or followed, [])
        if seq == 0:
            seq = max(one["seq"] for one in events if one["data"]["kind"] == "opening" and one["data"]["part"] == 1)
        newest: dict[str, Any] = events[-1] if events else {"seq": 0, "hash": None}
        page = RestorePage(
            id="1",
            log=log or followed,
            head=newest["seq"],
            hash=newest["hash"],
            key=self.key,
            followed=followed,
            events=[one for one in events if seq <= one["seq"] < seq + PAGE],
        )
        return self.change(page)


class Store:
    """A ledger of 300 events, of which head office has 290."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "state"
        self.folder.mkdir()
        self._folders = folder
        head = 1
        for older in (120, 250, 290, 300):
            with closing(open_ledger(self.folder)) as ledger:
                append(ledger, *(movement() for _ in range(older - head)))
            shutil.copy(self.path, folder / f"{older}.db")
            head = older
        self.events = bodies_of(self.folder)
        self.office = Office(self.events[:290])
        self.said: list[str] = []

    @property
    def path(self) -> Path:
        return self.folder / files.DATABASE

    def place(self, seed: int = 9, stamp: str = STAMP) -> Place:
        """The clock's chance names the new log."""
        into = self.folder / "snapshots"
        return Place(self.folder, into, "S1", stamp, FakeClock(seed=seed), SEOUL, self.said.append)

    def log(self) -> str:
        with closing(Reader(self.folder)) as reader:
            return reader.log

    def on_hand(self) -> int:
        with closing(Reader(self.folder)) as reader:
            return sum(row.quantity for row in reader.stock())

    def cut(self, head: int) -> None:
        """The folder as it was when the log had so many events."""
        shutil.copy(self._folders / f"{head}.db", self.path)

    def grown(self, head: int, parent: list[dict[str, Any]]) -> None:
        """A new log, behind event `head` of the parent."""
        check_whole(self.folder)
        with closing(Reader(self.folder)) as reader:
            assert verify(reader)["head"] >= head + 1
            opening = lineage.opening_of(reader).parent
            assert opening is not None
            assert (opening.log, opening.seq, opening.hash) == (
                parent[0]["log"],
                head,
                next(one["hash"] for one in parent if one["seq"] == head),
            )
        assert self.on_hand() == head - 1
        sent = bodies_of(self.folder, lineage.parent_of(self.folder, parent[0]["log"]).name)
        assert sent == [one for one in parent if sent[0]["seq"] <= one["seq"] <= head]
        assert not marks.told(self.folder, marks.BEHIND)

    def unchanged(self, words: str, error: type[Exception] = LedgerCorrupt, **how: Any) -> None:
        before = {one.name: one.read_bytes() for one in self.folder.iterdir() if one.is_file()}
        with pytest.raises(error, match=words) as caught:
            regain(self.place(), self.office, **how)
        assert getattr(caught.value, "hint", "")
        after = {one.name: one.read_bytes() for one in self.folder.iterdir() if one.is_file()}
        after = {
            name: body
            for name, body in after.items()
            if name in before or not name.startswith(("ledger.db-", "ledger.lock"))
        }
        assert after == before


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def rot(store: Store, seq: int) -> None:
    spoil(store.path, f"UPDATE event SET body = x'7b7d' WHERE seq = {seq}")


def test_an_event_that_rotted_comes_back_and_the_log_goes_on(store: Store) -> None:
    rot(store, 150)
    found = regain(store.place(), store.office).restored
    assert found is not None
    assert (found.saved, found.fetched, found.head, found.log, found.left) == (149 + 10, 141, 300, None, 0)
    assert bodies_of(store.folder) == store.events
    check_whole(store.folder)
    assert (found.aside / files.DATABASE).exists()


def test_where_the_end_itself_is_rotten_a_new_log_begins(store: Store) -> None:
    rot(store, 280)
    rot(store, 300)
    found = regain(store.place(), store.office).restored
    assert found is not None
    assert (found.saved, found.fetched, found.head, found.left) == (279 + 9, 11, 299, 0)
    assert found.log == store.log() != store.events[0]["log"]
    store.grown(299, store.events)


def test_a_pc_that_is_new_begins_where_head_office_is(store: Store) -> None:
    shutil.rmtree(store.folder)
    store.folder.mkdir()
    found = regain(store.place(), store.office)
    assert found.restored is not None
    assert (found.restored.saved, found.restored.fetched, found.restored.head) == (0, 290, 290)
    store.grown(290, store.events)
    assert found.key == store.office.key != found.ours, "a new key: head office must be told"
    assert (store.folder / files.KEY).exists()
    with closing(open_ledger(store.folder)) as ledger:
        append(ledger, movement())


def test_a_ledger_that_is_whole_and_ahead_is_left_alone(store: Store) -> None:
    marks.put(store.folder, marks.BEHIND, {"what": "something", "log": "L"})
    before = store.path.read_bytes()
    found = regain(store.place(), store.office)
    assert (found.restored, found.known, found.log) == (None, 290, store.events[0]["log"])
    assert store.path.read_bytes() == before
    assert not marks.told(store.folder, marks.BEHIND), "the alarm was wrong, or is mended"
    assert store.office.asked == [(None, 0)]


def test_damage_beside_the_log_needs_nothing_from_head_office(store: Store) -> None:
    with store.path.open("r+b") as file:
        file.seek((page_of(store.path, "stock") - 1) * 4096)
        file.write(b"\xff" * 4096)
    found = regain(store.place(), store.office).restored
    assert found is not None
    assert (found.saved, found.fetched, found.head, found.log) == (300, 0, 300, None)
    assert bodies_of(store.folder) == store.events


def test_a_ledger_that_went_back_goes_on_in_a_new_log(store: Store) -> None:
    """Its end is good, so nothing here tells that it is old."""
    store.cut(120)
    marks.put(store.folder, marks.BEHIND, {"what": "headoffice has more", "log": store.log()})
    found = regain(store.place(), store.office).restored
    assert found is not None
    assert (found.saved, found.fetched, found.head, found.left) == (120, 170, 290, 0)
    store.grown(290, store.events)
    assert store.office.asked[1:] == [(store.events[0]["log"], seq) for seq in (120, 121, 221)]


def test_what_was_written_since_a_ledger_went_back_is_set_aside_only_when_somebody_says_so(store: Store) -> None:
    store.cut(120)
    with closing(open_ledger(store.folder)) as ledger:
        append(ledger, *(movement(sku="BEER") for _ in range(7)))
    store.unchanged("7 events that only this ledger has")
    found = regain(store.place(), store.office, accept_loss=True).restored
    assert found is not None
    assert (found.saved, found.fetched, found.head, found.left) == (0, 290, 290, 7)
    store.grown(290, store.events)
    assert len(bodies_of(found.aside)) == 127


def test_a_log_that_head_office_has_not_come_to_yet_lacks_nothing(store: Store) -> None:
    begin_anew(store.place(stamp="first"))
    found = regain(store.place(), store.office)
    assert found.restored is None
    assert lineage.parent_of(store.folder, store.events[0]["log"]).exists()


def test_a_log_that_began_without_what_head_office_has_gives_way(store: Store) -> None:
    """`--accept-loss` was wrong: head office has more than was saved."""
    store.cut(250)
    begin_anew(store.place(stamp="first"))
    with closing(open_ledger(store.folder)) as ledger:
        append(ledger, *(movement() for _ in range(3)))
    store.unchanged("3 events that only this ledger has")
    found = regain(store.place(seed=11), store.office, accept_loss=True).restored
    assert found is not None
    assert (found.fetched, found.head, found.left) == (290, 290, 3)
    store.grown(290, store.events)


def test_the_folder_of_a_pc_that_was_replaced_learns_of_what_came_after(store: Store) -> None:
    old = store.folder.with_name("old")
    shutil.copytree(store.folder, old)
    store.cut(290)
    begin_anew(store.place(stamp="first"))
    child = bodies_of(store.folder)
    store.office = Office(store.events[:290], child)
    shutil.rmtree(store.folder)
    shutil.copytree(old, store.folder)
    store.unchanged("10 events that only this ledger has")
    found = regain(store.place(seed=11), store.office, accept_loss=True).restored
    assert found is not None
    assert (found.fetched, found.head, found.left) == (len(child), child[-1]["seq"], 10)
    check_whole(store.folder)
    with closing(Reader(store.folder)) as reader:
        assert [one.log for one in lineage.ancestors(store.folder, reader)] == [store.events[0]["log"], child[0]["log"]]
    assert store.on_hand() == 289


def test_a_log_of_its_own_is_set_aside_only_when_somebody_says_so(store: Store) -> None:
    """A new PC was started before it was restored."""
    (store.path).unlink()
    (store.folder / files.KEY).unlink()
    with closing(open_ledger(store.folder)) as ledger:
        append(ledger, movement())
    store.office.logs = {"another": store.events[:290]}
    store.unchanged("1 events that only this ledger has")


def test_a_page_that_head_office_has_wrong_changes_nothing(store: Store) -> None:
    rot(store, 200)
    good = store.office.change

    def event(changed: dict[str, Any]) -> Callable[[RestorePage], RestorePage]:
        def change(page: RestorePage) -> RestorePage:
            events = [{**one, **changed} if one["seq"] == 250 else one for one in page.events]
            return page.model_copy(update={"events": events})

        return change

    for changed in ({"data": {"kind": "received"}}, {"log": "L9"}, {"store": "S9"}, {"seq": 9}, {"hash": "0" * 64}):
        store.office.change = event(changed)
        store.unchanged("event 250 from head office is not what this store wrote")
    store.office.change = lambda page: page.model_copy(update={"events": page.events[:1] if page.events else []})
    assert regain(store.place(), store.office).restored is not None, "one event a page is enough"
    store.office.change = good


def test_no_end_of_pages_that_hold_nothing(store: Store) -> None:
    rot(store, 200)
    store.office.change = lambda page: page.model_copy(
        update={"events": [one for one in page.events if one["seq"] < 250]}
    )
    store.unchanged("event 250 from head office .* it is not told")


def test_head_office_that_has_nothing_moves_on_or_is_not_there(store: Store) -> None:
    rot(store, 200)
    office = store.office
    store.office = Office()
    store.unchanged("head office has no events of this store")
    store.office = office
    heads = iter((290, 290, 291))
    office.change = lambda page: page.model_copy(update={"head": next(heads)})
    store.unchanged("getting new events", LedgerUnusable)

    def lost(_page: RestorePage) -> RestorePage:
        raise UplinkUnreachable("gone", hint="look")

    office.change = lost
    store.unchanged("gone", UplinkUnreachable)


def test_a_key_that_head_office_does_not_say_is_its_log_s_end_changes_nothing(store: Store) -> None:
    shutil.rmtree(store.folder)
    store.folder.mkdir()
    store.office.key = "0" * 64
    store.unchanged("its log ends with key")
    assert not (store.folder / files.KEY).exists()


def torn(store: Store, chance: random.Random) -> list[dict[str, Any]]:
    """The ledger cut at a random event, perhaps gone on with, with random events rotten: what was in it."""
    head = chance.choice((300, 290, chance.randrange(1, 301)))
    with closing(files.connect(store.path)) as raw:
        raw.execute("DROP TRIGGER event_is_never_deleted")
        raw.execute("DELETE FROM event WHERE seq > ?", (head,))
        rebuild.rebuild(raw)
    if chance.random() < 0.3:
        with closing(open_ledger(store.folder)) as ledger:
            append(ledger, *(movement(sku="BEER") for _ in range(chance.randrange(1, 5))))
    found = bodies_of(store.folder)
    for seq in chance.sample(range(1, len(found) + 1), k=min(len(found), chance.randrange(3))):
        rot(store, seq)
        found[seq - 1] = {}
    return found


@pytest.mark.parametrize("seed", range(24))
def test_whatever_is_lost_what_head_office_has_stays_and_nothing_is_mixed(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    known = chance.choice((300, 290, chance.randrange(1, 301)))
    store.office = Office(store.events[:known])
    local = torn(store, chance)
    before = store.path.read_bytes()
    try:
        found = regain(store.place(seed=99), store.office)
    except LedgerCorrupt:
        assert store.path.read_bytes() == before
        found = regain(store.place(seed=99), store.office, accept_loss=True)
        assert found.restored is not None
        assert found.restored.left > 0, "else nobody need accept it"
    check_whole(store.folder)
    done = found.restored
    whole = bodies_of(store.folder)
    if done is not None and done.log is not None:
        assert whole[0]["data"]["parent"]["seq"] == done.head
        whole = bodies_of(store.folder, lineage.parent_of(store.folder, store.events[0]["log"]).name)
        assert whole[-1]["seq"] == done.head
    assert whole[:known] == store.events[:known], "all of it, and first"
    for at, one in enumerate(whole[known:], start=known):
        assert one == local[at], "behind it only what was written here"
    if done is None or done.log is None:
        assert len(whole) == len(local), "the log goes on only where its end is here"
    assert store.on_hand() == sum(one["type"] == "movement" for one in whole)
