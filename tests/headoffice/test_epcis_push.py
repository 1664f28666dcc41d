"""Delivery to a capture interface that fails in every way: each event once by its id, in order, none missing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from contract.epcis_rules import faults
from headoffice import epcis_push
from headoffice.clock import SystemClock
from headoffice.database import Database, open_database
from headoffice.epcis_engine import Answer
from headoffice.epcis_http import Capture
from headoffice.epcis_push import ASIDE_IN_A_ROW_MAX, Push
from headoffice.epcis_source import Source
from headoffice.errors import ConfigError, DatabaseLost, PeerRefuses
from simulators.epcis_capture import Peer, Reply, Server
from tests.contract.epcis_scores import check, validator
from tests.headoffice import epcis_store as made

BIN = Path(sys.executable).parent
KILLS = 5


class Impatient(SystemClock):
    """The real clock; pauses are the shortest ones."""

    def chance(self) -> float:
        return 0.0


class Hurried(Impatient):
    """Ten seconds pass at every look."""

    def __init__(self) -> None:
        super().__init__()
        self._s = 0.0

    def now_s(self) -> float:
        self._s += 10.0
        return self._s


def pusher(
    target: str, address: str, said: list[str], *, batch: int = 50, lanes: int = 4, clock: SystemClock | None = None,
    database: Callable[[Database], Any] = lambda found: found,
) -> Push:  # fmt: skip
    names = made.names()

    def opened() -> tuple[Database, Source, Capture]:
        found = database(open_database(target))
        return found, Source(found, names), Capture(address, names.namespace)

    return Push(opened, clock or Impatient(), said.append, batch=batch, lanes=lanes)


@pytest.fixture
def peers() -> Iterator[Callable[[Peer], str]]:
    servers: list[Server] = []

    def start(peer: Peer) -> str:
        servers.append(Server(peer))
        return servers[-1].address

    yield start
    for one in servers:
        one.close()


def arrived(peer: Peer, log: list[dict[str, Any]]) -> list[made.Key]:
    name = log[0]["log"]
    return [key for key, one in peer.stored.items() if one["jaego:log"] == name]


def delivered(target: str, address: str, store: str) -> tuple[int, str | None]:
    with closing(open_database(target, read_only=True)) as database:
        rows = database.rows("SELECT seq, job FROM epcis_push WHERE target = ? AND store = ?", (address, store))
    return rows[0]


def test_stores_and_their_logs_arrive_whole_in_order(target: str, peers: Callable[[Peer], str]) -> None:
    logs = [list(made.events(store, log, 150, Random(log))) for store, log in (("S1", "Z"), ("S1", "A"), ("S2", "B"))]
    made.fill(target, logs)
    peer, said = Peer(Random(1)), list[str]()
    address = peers(peer)
    push = pusher(target, address, said)
    push.run(None, follow=False)
    push.close()
    for log in logs:
        assert arrived(peer, log) == made.wanted(log)
    order = [one["jaego:log"] for one in peer.stored.values() if one["jaego:store"] == "S1"]
    assert order == sorted(order, reverse=True), "the log Z is older"
    assert (push.counts.events, push.counts.aside, peer.counts.total(), said) == (450, 0, 0, [])
    assert delivered(target, address, "S2") == (150, None)
    for one in list(peer.stored.values())[::50]:
        check({"@context": json.loads(_context(target))["@context"], **_document(one)})


def _context(target: str) -> bytes:
    with closing(open_database(target, read_only=True)) as database:
        return Source(database, made.names()).document([], "2026-01-01T00:00:00Z")


def _document(one: dict[str, Any]) -> dict[str, Any]:
    head = {"type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-01-01T00:00:00Z"}
    return head | {"epcisBody": {"eventList": [one]}}


def test_what_the_peer_refuses_is_put_aside_with_an_alarm_and_the_rest_goes_on(
    target: str, peers: Callable[[Peer], str]
) -> None:
    log = list(made.events("S1", "L1", 200, Random(5)))
    made.fill(target, [log])
    peer, said = Peer(Random(3), poison=97), list[str]()
    push = pusher(target, peers(peer), said)
    push.run(["S1"], follow=False)
    push.close()
    assert arrived(peer, log) == made.wanted(log, poison=97)
    guilty = made.guilty(log, 97)
    assert len(guilty) > 1
    assert push.counts.aside == len(guilty)
    assert [line for line in said if "ALARM S1" in line and "not this one" in line]
    with closing(open_database(target, read_only=True)) as database:
        rows = database.rows("SELECT seq, count, reason FROM quarantine WHERE code = 'epcis' ORDER BY seq")
    assert [(seq, count) for seq, count, _ in rows] == [(seq, 1) for seq in guilty]


def test_what_has_no_epcis_form_is_put_aside_too(target: str, peers: Callable[[Peer], str]) -> None:
    log = list(made.events("S1", "L1", 20, Random(5)))
    log[3]["data"] = {"kind": "melted"}
    made.fill(target, [log])
    peer, said = Peer(Random(3)), list[str]()
    push = pusher(target, peers(peer), said)
    push.run(None, follow=False)
    push.close()
    assert arrived(peer, log) == made.wanted([*log[:3], *log[4:]])
    assert push.counts.aside == 1
    assert "event 4" in said[0]


def test_a_smaller_limit_of_the_peer_is_found_by_halving(target: str, peers: Callable[[Peer], str]) -> None:
    log = list(made.events("S1", "L1", 100, Random(6)))
    made.fill(target, [log])
    peer = Peer(Random(3), limit=20)
    push = pusher(target, peers(peer), [], batch=100)
    push.run(None, follow=False)
    push.close()
    assert arrived(peer, log) == made.wanted(log)
    assert push.counts.aside == 0


def test_sent_again_nothing_is_there_twice(target: str, peers: Callable[[Peer], str]) -> None:
    log = list(made.events("S1", "L1", 60, Random(6)))
    made.fill(target, [log])
    peer = Peer(Random(3))
    address = peers(peer)
    for _ in range(2):
        push = pusher(target, address, [])
        push.again(None)
        push.run(None, follow=False)
        push.close()
    assert arrived(peer, log) == made.wanted(log)
    assert peer.counts["known"] == len(made.wanted(log))


def test_a_peer_that_refuses_what_it_has_is_asked_for_it(target: str, peers: Callable[[Peer], str]) -> None:
    log = list(made.events("S1", "L1", 150, Random(6)))
    made.fill(target, [log])
    peer = Peer(Random(8), rate=0.3, strict=True)
    push = pusher(target, peers(peer), [], batch=10)
    push.run(None, follow=False)
    push.close()
    assert arrived(peer, log) == made.wanted(log)
    assert push.counts.aside == 0
    assert peer.counts["lose"] > 0
    assert peer.counts["looks"] > 0


def test_a_peer_that_refuses_everything_stops_the_delivery(tmp_path: Path, peers: Callable[[Peer], str]) -> None:
    target = str(tmp_path / "hq.db")
    made.fill(target, [list(made.events("S1", "L1", 100, Random(6)))])
    push = pusher(target, peers(Peer(Random(3), limit=0)), [], batch=1, lanes=1, clock=Hurried())
    with pytest.raises(PeerRefuses, match=f"{ASIDE_IN_A_ROW_MAX} events in a row"):
        push.run(None, follow=False)
    push.close()


def test_two_that_deliver_the_same_log_are_noticed(tmp_path: Path, peers: Callable[[Peer], str]) -> None:
    target = str(tmp_path / "hq.db")
    made.fill(target, [list(made.events("S1", "L1", 100, Random(6)))])
    address, said = peers(Peer(Random(3))), list[str]()
    names, beside = made.names(), list[Push]()

    class Slow(Capture):
        """Another push comes between a document and its answer."""

        def post(self, document: bytes, now_us: int) -> Answer:
            if not beside:
                beside.append(pusher(target, address, []))
                beside[0].run(None, follow=False)
                beside[0].close()
            return super().post(document, now_us)

    def opened() -> tuple[Database, Source, Capture]:
        found = open_database(target)
        return found, Source(found, names), Slow(address, names.namespace)

    with (
        closing(Push(opened, Impatient(), said.append, batch=50)) as first,
        pytest.raises(ConfigError, match="another push"),
    ):
        first.run(None, follow=False)


def test_a_store_that_nobody_knows_is_said(tmp_path: Path) -> None:
    target = str(tmp_path / "hq.db")
    made.fill(target, [list(made.events("S1", "L1", 5, Random(6)))])
    push = pusher(target, "http://127.0.0.1:9/epcis", [])
    with pytest.raises(ConfigError, match="S9"):
        push.run(["S9"], follow=False)
    push.close()


@pytest.mark.parametrize(("events", "size"), [(20, None), (1000, 9_000)])
def test_limits_that_the_peer_tells_are_kept_to(
    target: str, peers: Callable[[Peer], str], events: int, size: int | None
) -> None:
    log = list(made.events("S1", "L1", 100, Random(6)))
    made.fill(target, [log])
    peer, posts = Peer(Random(3), limit=events, size_limit=size, tells=True), list[int]()
    plain = peer.post

    def counted(headers: Mapping[str, str], body: bytes) -> tuple[Reply, float]:
        reply, delay_s = plain(headers, body)
        posts.append(reply.status)
        return reply, delay_s

    peer.post = counted  # type: ignore[method-assign]
    push = pusher(target, peers(peer), [], batch=100)
    push.run(None, follow=False)
    push.close()
    assert arrived(peer, log) == made.wanted(log)
    assert {*posts} == {202}, "nothing had to be refused first"
    assert len(posts) > 3


def test_stores_do_not_wait_for_each_other(target: str, peers: Callable[[Peer], str]) -> None:
    logs = [list(made.events(f"S{number}", f"L{number}", 60, Random(number))) for number in range(4)]
    made.fill(target, logs)
    peer = Peer(Random(1))
    address, names, meeting = peers(peer), made.names(), threading.Barrier(4, timeout=20)

    class Together(Capture):
        """No document goes before every lane has one."""

        def post(self, document: bytes, now_us: int) -> Answer:
            meeting.wait()
            return super().post(document, now_us)

    def opened() -> tuple[Database, Source, Capture]:
        found = open_database(target)
        return found, Source(found, names), Together(address, names.namespace)

    with closing(Push(opened, Impatient(), print, batch=20, lanes=4)) as push:
        push.run(None, follow=False)
    for log in logs:
        assert arrived(peer, log) == made.wanted(log)


def test_a_store_with_much_to_send_lets_others_have_their_turn(
    tmp_path: Path, peers: Callable[[Peer], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epcis_push, "TURN_DOCUMENTS", 2)
    target = str(tmp_path / "hq.db")
    logs = [list(made.events(store, f"L-{store}", count, Random(store))) for store, count in (("S1", 100), ("S2", 10))]
    made.fill(target, logs)
    peer = Peer(Random(1))
    push = pusher(target, peers(peer), [], batch=10, lanes=1)
    push.run(None, follow=False)
    push.close()
    order = [one["jaego:store"] for one in peer.stored.values()]
    assert order.index("S2") < len(order) // 2
    assert arrived(peer, logs[0]) == made.wanted(logs[0])


class Losing:
    """A database whose connection breaks after so many statements."""

    def __init__(self, database: Database, statements: int) -> None:
        self._database = database
        self._left = statements

    def __getattr__(self, name: str) -> Any:
        self._left -= name in {"rows", "write", "transaction"}
        if self._left < 0 and name != "close":
            raise DatabaseLost("gone", hint="wait")
        return getattr(self._database, name)


def test_to_follow_is_to_outlive_a_lost_database(target: str, peers: Callable[[Peer], str]) -> None:
    logs = [list(made.events(store, f"L-{store}", 150, Random(store))) for store in ("S1", "S2")]
    made.fill(target, logs)
    peer, said = Peer(Random(1)), list[str]()
    breaks = iter([6, 11, 17, 23, 31, 40])
    push = pusher(target, peers(peer), said, batch=10, lanes=2, clock=Hurried(),
                  database=lambda found: Losing(found, next(breaks, 10**9)))  # fmt: skip
    following = threading.Thread(target=push.run, args=(None,), kwargs={"follow": True})
    following.start()
    _until(lambda: len(peer.stored) == sum(len(made.wanted(log)) for log in logs))
    push.end()
    following.join(20)
    push.close()
    assert not following.is_alive()
    for log in logs:
        assert arrived(peer, log) == made.wanted(log)
    assert said[0] == "gone: it is tried again; wait"
    assert any(line.startswith("the database is there again") for line in said)


def test_without_follow_a_lost_database_is_the_end(tmp_path: Path, peers: Callable[[Peer], str]) -> None:
    target = str(tmp_path / "hq.db")
    made.fill(target, [list(made.events("S1", "L1", 50, Random(6)))])
    push = pusher(target, peers(Peer(Random(3))), [], batch=5, database=lambda found: Losing(found, 9))
    with closing(push), pytest.raises(DatabaseLost):
        push.run(None, follow=False)


# -- as a process ------------------------------------------------------------------------------------------------------


def command(target: str, folder: Path, address: str, *more: str) -> list[str]:
    master = made.master_file(folder)
    return [str(BIN / "jaego-hq"), "epcis", "push", address, "--db", target, "--master", str(master), *more]


@pytest.mark.timeout(240)
def test_over_all_faults_and_kills_each_event_is_there_once_in_order(
    tmp_path: Path, peers: Callable[[Peer], str]
) -> None:
    target, chance, kills = str(tmp_path / "hq.db"), Random(7), 0
    logs = [list(made.events(store, f"L-{store}", 1000, Random(store))) for store in ("S1", "S2")]
    made.fill(target, logs)
    peer = Peer(Random(7), rate=0.25, poison=499)
    address = peers(peer)
    end_s = time.monotonic() + 200
    while True:
        with (tmp_path / "push.log").open("ab") as log:
            running = subprocess.Popen(command(target, tmp_path, address, "--batch", "60"), stdout=log, stderr=log)
        try:
            running.wait(1.0 + 3.0 * chance.random() if kills < KILLS else 100)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait(20)
            kills += 1
            assert time.monotonic() < end_s, (tmp_path / "push.log").read_text()[-2000:]
            continue
        break
    assert " put aside\n" in (tmp_path / "push.log").read_text(), (tmp_path / "push.log").read_text()[-2000:]
    for log in logs:
        assert arrived(peer, log) == made.wanted(log, poison=499)
    assert delivered(target, address, "S1") == (1000, None)
    assert delivered(target, address, "S2") == (1000, None)
    assert kills == KILLS, "it was done before"
    assert {*peer.counts} >= {"drop", "lose", "busy", "error", "delay", "repeat", "fail", "forget", "known"}


def test_new_events_are_followed_until_the_end_is_asked_for(tmp_path: Path, peers: Callable[[Peer], str]) -> None:
    target, log = str(tmp_path / "hq.db"), list(made.events("S1", "L1", 60, Random(1)))
    made.fill(target, [log[:30]])
    peer = Peer(Random(1))
    running = subprocess.Popen(command(target, tmp_path, peers(peer), "--follow"), stdout=subprocess.PIPE)
    _until(lambda: len(peer.stored) == len(made.wanted(log[:30])))
    with closing(open_database(target)) as database:
        made.add(database, log[30:], 1)
    _until(lambda: len(peer.stored) == len(made.wanted(log)))
    running.terminate()
    out, _ = running.communicate(timeout=20)
    assert running.returncode == 0
    assert b"60 events delivered" in out
    assert arrived(peer, log) == made.wanted(log)


def _until(found: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 30
    while not found():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_a_token_is_needed_kept_and_never_shown(tmp_path: Path, peers: Callable[[Peer], str]) -> None:
    target, log = str(tmp_path / "hq.db"), list(made.events("S1", "L1", 20, Random(1)))
    made.fill(target, [log])
    peer = Peer(Random(1), token="right-word")
    address, token = peers(peer), tmp_path / "token"
    for word, code in (("wrong-word", 1), ("right-word", 0)):
        token.write_text(word + "\n")
        more = ("--token-file", str(token))
        done = subprocess.run(command(target, tmp_path, address, *more), capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert word not in done.stdout + done.stderr
        assert ("check the token" in done.stderr) == (code == 1)
    assert arrived(peer, log) == made.wanted(log)


def test_everything_is_exported_as_one_valid_document(tmp_path: Path) -> None:
    target = str(tmp_path / "hq.db")
    logs = [list(made.events(store, f"L-{store}", 200, Random(store))) for store in ("S1", "S2")]
    logs[1][10]["occurred_at"] = "once"
    made.fill(target, logs)
    out, master = tmp_path / "all.json", made.master_file(tmp_path)
    words = [str(BIN / "jaego-hq"), "epcis", "export", str(out), "--db", target, "--master", str(master)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, "S2: event 11: it has no EPCIS form" in done.stderr) == (1, True), done.stderr
    document = json.loads(out.read_text("utf-8"))
    assert next(iter(validator().iter_errors(document)), None) is None
    assert faults(document) == []
    found = [made.key_of(one) for one in document["epcisBody"]["eventList"]]
    assert found == made.wanted(logs[0]) + made.wanted([*logs[1][:10], *logs[1][11:]])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("base = 1", "base"),
        ("base", "Expected"),
        ('base = "https://x.kr"\nlocation = {}', "location"),
        (None, "No such"),
    ],
)
def test_a_master_that_cannot_be_used_is_named(tmp_path: Path, text: str | None, why: str) -> None:
    path = tmp_path / "wrong.toml"
    if text is not None:
        path.write_text(text)
    words = ["epcis", "push", "http://127.0.0.1:9/epcis", "--db", str(tmp_path / "hq.db"), "--master", str(path)]
    done = subprocess.run([str(BIN / "jaego-hq"), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert why in done.stderr
