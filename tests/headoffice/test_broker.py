"""`jaego-hq run` as a process on a real broker, with a store that speaks the contract: kills, losses, comparison."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from headoffice.cli import app
from tests.brokers import MOSQUITTO, Mosquitto, Observer
from tests.headoffice.fake_agent import FakeAgent
from tests.headoffice.logs import OTHER_KEY, Log, parsed

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto (apt install mosquitto)"),
]
PROGRAM = Path(sys.executable).parent / "jaego-hq"
CATALOGUE = Path(__file__).parents[2] / "config" / "demo-catalogue.csv"


class HeadOffice:
    """The program, its database and what it has said."""

    def __init__(self, folder: Path, port: int) -> None:
        self.db = folder / "hq.db"
        self.broker = f"127.0.0.1:{port}"
        self._log = folder / "hq.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        command = [str(PROGRAM), "run", "--broker", self.broker, "--db", str(self.db), *arguments]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)

    def kill(self) -> None:
        assert self._process is not None
        assert self._process.poll() is None, self.said()
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(10)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def said(self) -> str:
        return self._log.read_text()

    def wait_for(self, text: str, timeout_s: float = 10) -> None:
        end_s = time.monotonic() + timeout_s
        while text not in self.said():
            assert time.monotonic() < end_s, self.said()
            time.sleep(0.02)

    def verify(self, timeout_s: int) -> Result:
        arguments = ["--broker", self.broker, "--db", str(self.db), "--timeout", str(timeout_s)]
        return CliRunner().invoke(app, ["verify", *arguments])

    def head(self) -> int:
        with sqlite3.connect(self.db) as db:
            found = int(db.execute("SELECT MAX(seq) FROM event").fetchone()[0])
        db.close()
        return found

    def check(self, log: Log) -> None:
        """Every event of the log is stored once, as it was written, and stock is its sum."""
        with sqlite3.connect(self.db) as db:
            found = db.execute("SELECT seq, body FROM event WHERE store = ? ORDER BY seq", (log.store,)).fetchall()
            stock = db.execute("SELECT SUM(quantity) FROM stock WHERE store = ?", (log.store,)).fetchone()[0]
        db.close()
        assert found == [(one.seq, one.body) for one in log.events]
        assert stock == sum(line["quantity"] for event in parsed(log.events) for line in event["data"].get("lines", ()))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as mosquitto:
        yield mosquitto


@pytest.fixture
def office(tmp_path: Path, broker: Mosquitto) -> Iterator[HeadOffice]:
    office = HeadOffice(tmp_path, broker.port)
    yield office
    office.end()


def long_log(count: int, store: str = "S1") -> Log:
    log = Log(store=store).open()
    for _ in range(count // 10):
        log.receive_many(9).look()
    return log


def test_everything_is_stored_once_and_acknowledged(office: HeadOffice, broker: Mosquitto) -> None:
    log = long_log(1000)
    other = Log(store="S2", key=OTHER_KEY).open().receive_many(50)
    office.start("--catalog", str(CATALOGUE))
    with FakeAgent(log, broker.port) as agent, FakeAgent(other, broker.port) as second:
        agent.publish(log.batches())
        second.publish(other.batches(size=1))
        agent.deliver()
        second.deliver()
        agent.publish(log.batches())
        assert agent.acks == sorted(agent.acks)
    with Observer(broker.port, "stock/v1/#") as observer:
        observer.wait(lambda: len(observer.payloads("stock/v1/catalog/COLA-355")) == 1)
        observer.wait(lambda: observer.payloads("stock/v1/S1/ack/headoffice"))
        assert observer.payloads("stock/v1/S1/ack/headoffice")[-1] == (
            b'{"log":"L1","seq":%d,"hash":"%s"}' % (log.head, log.hash.encode())
        )
    office.check(log)
    office.check(other)
    assert office.stop() == 0
    assert "closed, 1052 events taken in" in office.said()


def test_a_head_office_killed_in_mid_stream_goes_on_where_its_database_ends(
    office: HeadOffice, broker: Mosquitto
) -> None:
    log = long_log(3000)
    office.start()
    with FakeAgent(log, broker.port) as agent:
        for part in range(1, 4):
            agent.deliver(part * 500, size=3)
            office.kill()
            held = office.head()
            assert part * 500 <= agent.acked <= held < log.head, "not in mid-stream, or acknowledged before stored"
            agent.publish(log.batches(held + 1, size=3)[:50])
            office.start()
        agent.deliver(timeout_s=30)
        assert agent.acks[-1] == log.head
    office.check(log)


def test_a_broker_that_comes_back_empty_loses_nothing(office: HeadOffice, broker: Mosquitto) -> None:
    log = long_log(2000)
    office.start()
    with FakeAgent(log, broker.port) as agent:
        agent.deliver(200, size=5)
        broker.kill()
        broker.start()
        assert agent.acked < log.head
        agent.deliver(timeout_s=30)
    office.check(log)
    office.wait_for("connected again")


def test_a_lost_message_is_asked_for_again(office: HeadOffice, broker: Mosquitto) -> None:
    log = long_log(100)
    office.start()
    with FakeAgent(log, broker.port) as agent:
        agent.deliver()
        lost = log.head + 1
        log.receive_many(500)
        agent.publish(log.batches(lost, size=10)[1:])
        assert agent.wait(lambda: lost in agent.replays, 15), office.said()
        assert agent.acked == lost - 1
        agent.publish(log.batches(lost, size=10)[:1])
        assert agent.wait(lambda: agent.acked == log.head, 15), office.said()
    office.check(log)
    assert office.said().count(f"event {lost} is missing, asked for it") == 1


def test_a_message_that_breaks_something_breaks_nothing(office: HeadOffice, broker: Mosquitto) -> None:
    log = long_log(50)
    office.start()
    with FakeAgent(log, broker.port) as agent, Observer(broker.port, "none") as hostile:
        agent.deliver()
        for payload in (
            b"",
            b"\xff",
            b"[" * 3000,
            b'{"store":"S1","log":"L1","events":[{"seq":18446744073709551615}]}',
        ):
            for plane in ("movement", "state", "journal", "ask/catalog", "response/x"):
                hostile.publish(f"stock/v1/S1/{plane}", payload)
        hostile.publish(
            "stock/v1/S1/state", b'{"state":"online","boot":"b","log":"a/b","head":5,"version":"1"}', retain=True
        )
        log.receive_many(10)
        agent.publish(log.batches(52))
        agent.deliver()
    office.check(log)
    assert "Traceback" not in office.said()


def test_verify_asks_the_running_store(office: HeadOffice, broker: Mosquitto) -> None:
    log = Log().open([[f"SKU-{n:04}", "floor", None, "sellable", n + 1] for n in range(300)]).receive_many(200)
    office.start()
    with FakeAgent(log, broker.port) as agent:
        agent.fold()
        agent.deliver()
        equal = office.verify(10)
        assert equal.exit_code == 0, equal.stdout + equal.stderr
        assert f"S1: equal at event {log.head}: 307 rows" in equal.stdout
        agent.stock["SKU-0200", "floor", "", "sellable"] += 1
        agent.stock["SKU-0200-X", "floor", "", "sellable"] = 9
        different = office.verify(10)
        assert different.exit_code == 1, different.stdout + different.stderr
        assert "  SKU-0200 floor - sellable: 202 in the store, 201 here" in different.stdout
        assert "  SKU-0200-X floor - sellable: 9 in the store, 0 here" in different.stdout
        agent.deaf = True
        silent = office.verify(1)
        assert silent.exit_code == 2
        assert "does not answer" in silent.stderr
        agent.deaf = False
        log.receive()
        behind = office.verify(1)
        assert behind.exit_code == 2
        assert "not at one event" in behind.stderr


def test_a_head_office_without_a_broker_says_so_once_and_waits(office: HeadOffice, broker: Mosquitto) -> None:
    broker.kill()
    office.start()
    office.wait_for("cannot be reached")
    broker.start()
    office.wait_for("connected again")
    assert office.said().count("cannot be reached") == 1
    assert office.stop() == 0


def test_a_refusal_is_said_once(office: HeadOffice, broker: Mosquitto, tmp_path: Path) -> None:
    (tmp_path / "users").write_text("")
    broker.kill()
    broker.start("allow_anonymous false", f"password_file {tmp_path / 'users'}")
    office.start()
    office.wait_for("refuses head office")
    (log,) = tmp_path.glob("mosquitto-*.log")
    end_s = time.monotonic() + 10
    while log.read_text().count("not authorised") < 2:
        assert time.monotonic() < end_s, log.read_text()
        time.sleep(0.02)
    assert office.said().count("refuses") == 1, office.said()
    assert office.stop() == 0
