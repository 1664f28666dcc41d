"""Which log goes out: the parent first, then what grew from it; nothing more once a log turns out to have gone back."""

from __future__ import annotations

from agent.ledger.reader import Row
from agent.uplink.engine import Engine
from agent.uplink.lineage import GIVEN_UP_S, LISTENS_S, Lineage, Source

OWN, PARENT, OLDEST = "L3", "L2", "L1"


class Rows:
    def __init__(self, first: int, last: int) -> None:
        self._rows = [(seq, "journal", b"{}") for seq in range(first, last + 1)]

    def events(self, start: int, limit: int) -> list[Row]:
        return [row for row in self._rows if row[0] >= start][:limit]

    def hash_of(self, seq: int) -> str | None:
        return next((f"hash {one}" for one, *_ in self._rows if one == seq), None)


class Tree:
    """A store whose log begins with event 21, behind two that are not delivered: 1 to 10, and 11 to 20."""

    def __init__(self, *consumers: str, sent: int = 0, listens_s: float = 0.0) -> None:
        self.alarms: list[tuple[str, tuple[str, int] | None]] = []
        self.delivered: list[str] = []
        self.said: list[str] = []
        sources = [
            Source(
                log,
                Engine(log, last, dict.fromkeys(consumers, 0), first=first),
                Rows(first, last),
                lambda log=log: self.delivered.append(log),
                at < sent,
            )
            for at, (log, first, last) in enumerate(((OLDEST, 1, 10), (PARENT, 11, 20), (OWN, 21, 25)))
        ]
        self.own = sources[-1].engine
        self.lineage = Lineage(
            sources[-1],
            sources[:-1],
            {OLDEST: 10, PARENT: 20},
            say=lambda _subject, text: self.said.append(text),
            alarm=lambda text, missing: self.alarms.append((text, missing)),
            listens_s=listens_s,
        )
        self.lineage.connect(0.0, receive_max=100, packet_bytes_max=1 << 16)

    def sends(self, now_s: float) -> tuple[str, list[int]]:
        """Which log, and the events of it that go out now; the broker takes them."""
        log, engine, reader, *_rest = self.lineage.source
        fetch = engine.fetch(now_s)
        if fetch is not None:
            engine.fetched(fetch.start, reader.events(fetch.start, fetch.limit))
        found = list[int]()
        for token, (batch, live) in enumerate(engine.take(now_s), start=1):
            engine.sent(token, batch, live=live)
            engine.pubacks([token])
            found += range(batch.first, batch.last + 1)
        return log, found

    def ack(self, log: str, seq: int, now_s: float, consumer: str = "hq", name: str | None = None) -> str | None:
        return self.lineage.acknowledge(consumer, log, seq, now_s, retained=False, name=name)

    def retained(self, log: str, seq: int, now_s: float, consumer: str = "hq") -> str | None:
        return self.lineage.acknowledge(consumer, log, seq, now_s, retained=True)


def test_a_parent_goes_out_before_what_grew_from_it() -> None:
    tree = Tree("hq")
    assert tree.sends(1) == (OLDEST, list(range(1, 11)))
    assert tree.ack(OLDEST, 9, 2) is None
    assert not tree.lineage.advance(2)
    assert tree.sends(2) == (OLDEST, [])
    assert tree.ack(OLDEST, 10, 3) is None
    assert tree.lineage.advance(3)
    assert tree.sends(3) == (PARENT, list(range(11, 21)))
    assert tree.ack(PARENT, 20, 4) is None
    assert tree.lineage.advance(4)
    assert tree.delivered == [OLDEST, PARENT]
    assert tree.sends(4) == (OWN, list(range(21, 26)))
    assert tree.ack(PARENT, 20, 5) is None, "it has not come to the own log yet, and nothing is wrong"
    assert not tree.alarms


def test_what_a_consumer_follows_needs_nothing_from_before() -> None:
    """After a restart in between, or one that was cut off before the parent was put away."""
    tree = Tree("hq")
    assert tree.ack(OWN, 22, 1) is None
    assert tree.lineage.advance(1)
    assert tree.lineage.advance(1)
    assert tree.sends(1)[0] == OWN


def test_a_store_without_consumers_sends_what_it_has_to_nobody() -> None:
    tree = Tree()
    assert tree.lineage.advance(1)
    assert tree.lineage.advance(1)
    assert tree.lineage.source.log == OWN


def test_one_that_is_silent_holds_the_others_up_for_a_day_only() -> None:
    tree = Tree("hq", "audit")
    tree.lineage.advance(0)
    tree.ack(OLDEST, 10, 5)
    tree.ack(OLDEST, 4, 10, "audit")
    assert not tree.lineage.advance(9 + GIVEN_UP_S)
    assert tree.lineage.advance(10 + GIVEN_UP_S)
    assert any("audit lacks events of log L1" in text for text in tree.said)
    for days in (20, 40):
        assert not tree.lineage.advance(days * GIVEN_UP_S), "when nobody has it, it waits"


def test_a_replay_is_of_the_log_that_it_names() -> None:
    tree = Tree("hq")
    tree.sends(1)
    assert tree.lineage.replay("hq", OLDEST, 3) == (3, "")
    assert tree.sends(2) == (OLDEST, list(range(3, 11)))
    assert tree.lineage.replay("hq", OWN, 1) == (21, "")
    assert tree.lineage.replay("hq", OWN, 27)[0] is None
    assert tree.lineage.replay("audit", OWN, 21)[0] is None
    tree.ack(OLDEST, 10, 3)
    tree.lineage.advance(3)
    assert tree.lineage.replay("hq", OLDEST, 3) == (None, "it is of another log")


def test_more_than_a_log_has_ends_all_sending() -> None:
    for log, seq in ((OWN, 26), (PARENT, 21), (OLDEST, 11)):
        tree = Tree("hq")
        complaint = tree.ack(log, seq, 1)
        assert complaint is not None
        assert tree.alarms == [(complaint, (log, seq))]
        assert tree.lineage.halted
        assert tree.sends(2)[1] == []
        assert tree.lineage.replay("hq", OLDEST, 1)[0] is None
        tree.lineage.connect(3, receive_max=100, packet_bytes_max=1 << 16)
        tree.own.head_is(40)
        assert tree.ack(OWN, 30, 4) is None
        assert tree.sends(4)[1] == [], "not even once the log is as long again"
        assert len(tree.alarms) == 1


def test_another_event_under_the_same_number_ends_all_sending() -> None:
    """The ledger went back while nobody could say so, and is longer by now than what was acknowledged."""
    for log, seq in ((OWN, 23), (PARENT, 20), (OLDEST, 4)):
        tree = Tree("hq")
        assert tree.ack(log, seq, 1, name=f"hash {seq}") is None
        complaint = tree.ack(log, seq, 2, name="hash of another")
        assert complaint is not None
        assert tree.alarms == [(complaint, (log, seq))]
        assert tree.sends(3)[1] == []
        assert tree.lineage.replay("hq", log, seq)[0] is None


def test_the_hash_of_an_event_that_is_gone_or_of_nobodys_log_is_not_judged() -> None:
    tree = Tree("hq")
    assert tree.ack(OWN, 20, 1, name="0" * 64) is None, "before the log's first event"
    assert tree.ack(OWN, 22, 1) is None, "a consumer need not tell it"
    assert not tree.alarms


def test_a_consumer_that_went_back_gets_an_older_log_again() -> None:
    """An old copy of head office's database: it follows the log that the store has left."""
    tree = Tree("hq", "audit")
    for name in ("hq", "audit"):
        tree.ack(OWN, 25, 1, name)
    assert tree.lineage.advance(1)
    assert tree.lineage.advance(1)
    assert tree.sends(1)[0] == OWN
    tree.own.head_is(30)
    assert tree.ack(OLDEST, 7, 2) is None
    assert tree.lineage.advance(2)
    assert tree.sends(2) == (OLDEST, [8, 9, 10])
    assert tree.lineage.replay("hq", OLDEST, 9) == (9, "")
    tree.ack(OLDEST, 10, 3)
    assert tree.lineage.advance(3)
    assert tree.sends(3)[0] == PARENT
    tree.ack(PARENT, 20, 4)
    assert tree.lineage.advance(4)
    log, seqs = tree.sends(4)
    assert (log, seqs[0]) == (OWN, 21)
    assert tree.delivered == [OLDEST, PARENT, OLDEST, PARENT]
    assert tree.ack(PARENT, 20, 5) is None
    assert not tree.lineage.advance(5), "all of it: what comes next is the own log's opening"
    assert not tree.alarms


def test_what_was_delivered_before_the_start_is_not_sent() -> None:
    tree = Tree("hq", sent=2)
    assert tree.sends(1)[0] == OWN
    tree.ack(PARENT, 15, 2)
    assert tree.lineage.advance(2)
    assert tree.sends(2) == (PARENT, [16, 17, 18, 19, 20])


def test_a_log_that_nobody_knows_is_said_once_and_head_office_judges() -> None:
    tree = Tree("hq")
    for _ in range(2):
        complaint = tree.ack("L9", 5, 1)
        assert complaint is not None
        assert "not known to grow from it" in complaint
    assert [log for _text, log in tree.alarms] == [None]
    assert not tree.lineage.halted
    assert tree.ack("L9", 5, 1, "stranger") == "stranger is no configured consumer: its acknowledgement is ignored"


def test_after_a_start_nothing_is_sent_before_each_consumer_could_be_heard() -> None:
    tree = Tree("hq", "audit", listens_s=LISTENS_S)
    assert not tree.lineage.may_send(0.1)
    tree.retained(OWN, 22, 0.1)
    tree.ack(OLDEST, 2, 0.1, "audit")
    assert not tree.lineage.may_send(0.2), "what waited in the session may be older than what the broker keeps"
    tree.retained(OLDEST, 3, 0.2, "audit")
    assert tree.lineage.may_send(0.2)
    tree.lineage.disconnect()
    tree.lineage.connect(50.0, receive_max=100, packet_bytes_max=1 << 16)
    assert tree.lineage.may_send(50.0), "a ledger does not go back while it is open"


def test_one_that_was_never_heard_is_waited_for_as_long_as_its_word_may_take() -> None:
    tree = Tree("hq", listens_s=LISTENS_S)
    assert not tree.lineage.may_send(LISTENS_S - 0.01)
    tree.lineage.disconnect()
    tree.lineage.connect(50.0, receive_max=100, packet_bytes_max=1 << 16)
    assert not tree.lineage.may_send(50.0), "the connection did not last so long"
    assert tree.lineage.may_send(50.0 + LISTENS_S)
    assert Tree(listens_s=LISTENS_S).lineage.may_send(0.0), "there is nobody to hear"


def test_a_log_that_began_with_this_start_cannot_have_gone_back() -> None:
    assert Tree("hq").lineage.may_send(0.0)
