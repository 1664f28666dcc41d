"""Delivery to a capture interface that fails in every way: each event once by its id, in order, none missing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from contract.epcis_rules import faults
from headoffice.clock import SystemClock
from headoffice.database import open_database
from headoffice.epcis_http import Capture
from headoffice.epcis_push import ASIDE_IN_A_ROW_MAX, Push
from headoffice.epcis_source import Source
from headoffice.errors import ConfigError, PeerRefuses
from simulators.epcis_capture import Peer, Server
from tests.contract.epcis_scores import check, validator
from tests.headoffice import epcis_store as made

BIN = Path(sys.executable).parent
KILLS = 5


class Impatient(SystemClock):
    """The real clock; pauses are the shortest ones."""

    def chance(self) -> float:
        return 0.0


def pusher(target: str, address: str, said: list[str], batch: int = 50) -> tuple[Push, Callable[[], None]]:
    database, names = open_database(target), made.names()
    capture = Capture(address, names.namespace)
    push = Push(database, Source(database, names), capture, Impatient(), said.append, batch=batch)

    def close() -> None:
        capture.close()
        database.close()

    return push, close


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
    push, close = pusher(target, address, said)
    push.run(None, follow=False)
    close()
    for log in logs:
        assert arrived(peer, log) == made.wanted(log)
    order = [one["jaego:log"] for one in peer.stored.values() if one["jaego:store"] == "S1"]
    assert order == sorted(order, reverse=True), "the log Z is older"
    assert (push.counts.events, push.counts.aside, peer.counts.total(), said) == (450, 0, 0, [])
    assert delivered(target, address, "S2") == (150, None)
    for one in list(peer.stored.values())[::50]:
        check({"@context": json.loads(push._source.document([], "2026-01-01T00:00:00Z"))["@context"], **_document(one)})


def _document(one: dict[str, Any]) -> dict[str, Any]:
    head = {"type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-01-01T00:00:00Z"}
    return head | {"epcisBody": {"eventList": [one]}}


def test_what_the_peer_refuses_is_put_aside_with_an_alarm_and_the_rest_goes_on(
    target: str, peers: Callable[[Peer], str]
) -> None:
    log = list(made.events("S1", "L1", 200, Random(5)))
    made.fill(target, [log])
    peer, said = Peer(Random(3), poison=97), list[str]()
    push, close = pusher(target, peers(peer), said)
    push.run(["S1"], follow=False)
    close()
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
    push, close = pusher(target, peers(peer), said)
    push.run(None, follow=False)
    close()
    assert arrived(peer, log) == made.wanted([*log[:3], *log[4:]])
    assert push.counts.aside == 1
    assert "event 4" in said[0]


def test_a_smaller_limit_of_the_peer_is_found_by_halving(target: str, peers: Callable[[Peer], str]) -> None:
    log = list(made.events("S1", "L1", 100, Random(6)))
    made.fill(target, [log])
    peer = Peer(Random(3), limit=20)
    push, close = pusher(target, peers(peer), [], batch=100)
    push.run(None, follow=False)
    close()
    assert arrived(peer, log) == made.wanted(log)
    assert push.counts.aside == 0


def test_sent_again_nothing_is_there_twice(target: str, peers: Callable[[Peer], str]) -> None:
    log = list(made.events("S1", "L1", 60, Random(6)))
    made.fill(target, [log])
    peer = Peer(Random(3))
    address = peers(peer)
    for _ in range(2):
        push, close = pusher(target, address, [])
        push.again(None)
        push.run(None, follow=False)
        close()
    assert arrived(peer, log) == made.wanted(log)
    assert peer.counts["known"] == len(made.wanted(log))


def test_a_peer_that_refuses_what_it_has_is_asked_for_it(target: str, peers: Callable[[Peer], str]) -> None:
    log = list(made.events("S1", "L1", 150, Random(6)))
    made.fill(target, [log])
    peer = Peer(Random(8), rate=0.3, strict=True)
    push, close = pusher(target, peers(peer), [], batch=10)
    push.run(None, follow=False)
    close()
    assert arrived(peer, log) == made.wanted(log)
    assert push.counts.aside == 0
    assert peer.counts["lose"] > 0
    assert peer.counts["looks"] > 0


def test_a_peer_that_refuses_everything_stops_the_delivery(tmp_path: Path, peers: Callable[[Peer], str]) -> None:
    target = str(tmp_path / "hq.db")
    made.fill(target, [list(made.events("S1", "L1", 100, Random(6)))])
    push, close = pusher(target, peers(Peer(Random(3), limit=0)), [], batch=1)
    push._clock.now_s = _hurried()  # type: ignore[method-assign]
    with pytest.raises(PeerRefuses, match=f"{ASIDE_IN_A_ROW_MAX} events in a row"):
        push.run(None, follow=False)
    close()


def _hurried() -> Callable[[], float]:
    now_s = [0.0]

    def later() -> float:
        now_s[0] += 10.0
        return now_s[0]

    return later


def test_two_that_deliver_the_same_log_are_noticed(tmp_path: Path, peers: Callable[[Peer], str]) -> None:
    target = str(tmp_path / "hq.db")
    made.fill(target, [list(made.events("S1", "L1", 100, Random(6)))])
    address = peers(Peer(Random(3)))
    first, close = pusher(target, address, [])
    taken = first._asked

    def slow(step: Any) -> Any:
        second, end = pusher(target, address, [])
        second.run(None, follow=False)
        end()
        return taken(step)

    first._asked = slow  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match="another push"):
        first.run(None, follow=False)
    close()


def test_a_store_that_nobody_knows_is_said(tmp_path: Path) -> None:
    target = str(tmp_path / "hq.db")
    made.fill(target, [list(made.events("S1", "L1", 5, Random(6)))])
    push, close = pusher(target, "http://127.0.0.1:9/epcis", [])
    with pytest.raises(ConfigError, match="S9"):
        push.run(["S9"], follow=False)
    close()


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
