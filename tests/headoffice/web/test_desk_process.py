"""The desk as a process: live within a moment of a commit, one desk for the parts, outages, an end that is clean."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from headoffice.clock import SystemClock
from headoffice.database import Database
from headoffice.desk import Threads
from headoffice.desk_outage import await_database, outlasting
from headoffice.desk_parts import Surroundings, run_parts
from headoffice.desk_server import Address, Server, bind
from headoffice.errors import ConfigError, DatabaseUnusable
from headoffice.mqtt import Broker
from headoffice.part import Message, Publish
from headoffice.storages import open_storage
from tests.brokers import Mosquitto, Observer, free_port
from tests.headoffice.logs import Log
from tests.headoffice.taking import batch
from tests.headoffice.web.office import Office
from tests.postgres import Postgres

PROGRAM = str(Path(sys.executable).parent / "jaego-hq")


class Desk:
    def __init__(self, target: str, *more: str) -> None:
        self.port = free_port()
        command = [PROGRAM, "desk", "--db", target, "--http", f"127.0.0.1:{self.port}", *more]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.said: list[str] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.said.append(line.rstrip())
                self._news.notify_all()

    def wait(self, word: str) -> None:
        with self._news:
            assert self._news.wait_for(lambda: any(word in line for line in self.said), 30), self.said

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(20)
        self._thread.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code

    def get(self, path: str) -> Any:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=20).json()


@pytest.fixture(params=["sqlite", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    found = request.getfixturevalue("postgres") if request.param == "postgres" else str(tmp_path / "hq.db")
    open_storage(found).close()
    return found


def events_of(stream: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    name = ""
    for line in stream.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def heard(desk: Desk, events: Iterator[tuple[str, dict[str, Any]]], on_hand: int) -> bool:
    """As a page does: by what is told, and after a `resync` by asking."""
    for name, data in events:
        if name == "stock":
            return (data["store"], data["on_hand"]) == ("S1", on_hand)
        if name == "resync" and desk.get("/api/v1/stock/COLA").get("on_hand") == on_hand:
            return True
    return False


def test_a_commit_of_another_process_is_heard_and_an_open_stream_ends_with_the_desk(target: str) -> None:
    storage, log = open_storage(target), Log(store="S1").open()
    clock = SystemClock()
    storage.save([batch(storage, log)], clock.wall_us())
    desk = Desk(target, "--open", "--no-parts")
    desk.wait("http://")
    with httpx.stream("GET", f"http://127.0.0.1:{desk.port}/api/v1/live?events=stock", timeout=30) as stream:
        events = events_of(stream)
        assert next(events)[0] == "resync"
        for number in range(5):
            log.receive("COLA", 1)
            storage.save([batch(storage, log, log.head)], clock.wall_us())
            assert heard(desk, events, number + 1)
        assert desk.get("/api/v1/stock/COLA")["on_hand"] == 5
        desk.process.send_signal(signal.SIGTERM)
        assert list(events) == []
    assert desk.end() == 0
    assert desk.said[-1] == "desk: closed"
    storage.close()


def test_a_mistake_in_a_thread_ends_the_desk_and_is_raised() -> None:
    threads, ended = Threads(), threading.Event()

    def body() -> None:
        raise KeyError("a mistake")

    threads.start("parts", body, ended.set)
    assert ended.wait(10)
    threads.join()
    with pytest.raises(KeyError, match="a mistake"):
        threads.raise_failure()


def test_a_desk_waits_for_its_database_and_says_so(tmp_path: Path) -> None:
    desk = Desk(str(tmp_path / "hq.db"), "--open", "--no-parts")
    desk.wait("waiting for jaego-hq run")
    open_storage(str(tmp_path / "hq.db")).close()
    desk.wait("http://")
    assert desk.end(signal.SIGINT) == 0


def test_a_database_that_does_not_come_is_said_with_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headoffice.desk_outage.DATABASE_S_MAX", 0.5)
    with pytest.raises(DatabaseUnusable) as told:
        await_database(str(tmp_path / "hq.db"), threading.Event(), print)
    assert "jaego-hq run" in told.value.hint


def test_an_address_that_cannot_be_had_is_said_with_a_hint() -> None:
    with bind(Address("127.0.0.1", 0)) as held:
        for address in (Address("127.0.0.1", held.getsockname()[1]), Address("no.such.host.invalid", 1)):
            with pytest.raises(ConfigError):
                bind(address)


def test_a_head_that_does_not_end_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headoffice.desk_server.HEAD_S_MAX", 0.2)
    office, address = Office(str(tmp_path / "hq.db")), Address("127.0.0.1", 0)
    bound = bind(address)
    server = Server(office.app(), address)
    thread = threading.Thread(target=server.serve, args=[bound])
    thread.start()
    port = bound.getsockname()[1]
    assert httpx.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=10).status_code == 200
    for begin in (b"", b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n"):
        with socket.create_connection(("127.0.0.1", port), 10) as slow:
            slow.sendall(begin)
            slow.settimeout(10)
            with suppress(ConnectionResetError):
                assert slow.recv(100) == b""
    server.stop(office.room.hub)
    thread.join(10)
    bound.close()
    office.close()


def test_an_outage_is_said_once_and_its_end_too_and_a_mistake_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headoffice.desk_outage.RETRY_S", 0.0)
    said: list[str] = []
    outcomes: list[Exception | None] = [DatabaseUnusable("gone", hint="x"), DatabaseUnusable("gone", hint="x"), None]

    def body(well: Callable[[], None]) -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        well()

    outlasting(str(tmp_path / "hq.db"), threading.Event(), said.append, "watch", body)
    assert said == ["desk: watch: the database is lost, trying again: gone", "desk: watch: the database is there again"]

    def wrong(_well: Callable[[], None]) -> None:
        sqlite3.connect(":memory:").execute("SELECT nothing")

    with pytest.raises(sqlite3.OperationalError, match="nothing"):
        outlasting(str(tmp_path / "hq.db"), threading.Event(), said.append, "watch", wrong)


class Echo:
    """A part that says again what it hears, and who it is."""

    topics: Sequence[str] = ("+/response/+",)

    def __init__(self, name: str, database: Database) -> None:
        self.name = name
        self.database = database
        self.ticks = 0

    def receive(self, message: Message) -> list[Publish]:
        return [Publish(f"echo/{self.name}", message.payload, retain=False)]

    def connected(self) -> list[Publish]:
        return [Publish(f"echo/{self.name}", b"here", retain=False)]

    def tick(self) -> list[Publish]:
        self.database.rows("SELECT store FROM position LIMIT 1")
        self.ticks += 1
        return [Publish(f"ticks/{self.name}", b"", retain=False)] if self.ticks == 1 else []


class Running:
    """`run_parts` in a thread, as a desk does."""

    def __init__(self, name: str, target: str, port: int) -> None:
        self.stop = threading.Event()
        self.said: list[str] = []
        self.built: list[Echo] = []

        def build(around: Surroundings) -> Echo:
            self.built.append(Echo(name, around.open()))
            return self.built[-1]

        broker = Broker("127.0.0.1", port, f"desk-{name}")
        self._thread = threading.Thread(
            target=run_parts, args=(target, broker, (build,), SystemClock(), "stock/v1", self.stop, self.said.append)
        )
        self._thread.start()

    def end(self) -> None:
        self.stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.mark.broker
def test_one_desk_runs_the_parts_and_the_next_takes_over(target: str, tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Observer(broker.port, "echo/#", "ticks/#") as observer:
        first = Running("one", target, broker.port)
        observer.wait(lambda: observer.payloads("ticks/one") and observer.payloads("echo/one") == [b"here"])
        second = Running("two", target, broker.port)
        observer.publish("stock/v1/S1/response/R1", b"said")
        observer.publish("stock/v1/S1/state", b"not asked for")
        observer.wait(lambda: observer.payloads("echo/one") == [b"here", b"said"])
        assert second.built == []
        first.end()
        observer.wait(lambda: observer.payloads("ticks/two"))
        assert any("another desk" in line for line in second.said)
        second.end()


@pytest.mark.broker
def test_parts_are_made_again_when_the_database_was_lost(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headoffice.desk_outage.RETRY_S", 0.05)
    with Mosquitto(tmp_path) as broker, Observer(broker.port, "ticks/#") as observer:
        running = Running("one", target, broker.port)
        observer.wait(lambda: len(observer.payloads("ticks/one")) == 1)

        def lost(*_: Any) -> Any:
            raise DatabaseUnusable("gone", hint="x")

        running.built[0].database.rows = lost  # type: ignore[method-assign]
        observer.wait(lambda: len(observer.payloads("ticks/one")) == 2)
        assert len(running.built) == 2
        assert running.said[-1] == "desk: parts: the database is there again"
        running.end()


@pytest.mark.broker
def test_pages_live_stream_and_parts_outlive_a_postgresql_that_is_killed(tmp_path: Path) -> None:
    with Postgres() as server, Mosquitto(tmp_path) as broker, Observer(broker.port, "ticks/#") as observer:
        target = server.database()
        open_storage(target).close()
        running, desk = Running("one", target, broker.port), Desk(target, "--open", "--no-parts")
        desk.wait("http://")
        observer.wait(lambda: len(observer.payloads("ticks/one")) == 1)
        assert desk.get("/api/v1/stores") == {"rows": [], "more": None}
        server.kill()
        assert desk.get("/api/v1/stores")["error"] == "database"
        desk.wait("watch: the database is lost")
        server.start()
        desk.wait("watch: the database is there again")
        observer.wait(lambda: len(observer.payloads("ticks/one")) == 2)
        assert desk.get("/api/v1/stores") == {"rows": [], "more": None}
        running.end()
        assert desk.end() == 0


def test_tokens_are_made_listed_and_taken_back(target: str) -> None:
    def said(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([PROGRAM, "token", *command, "--db", target], capture_output=True, text=True, check=False)

    made = said("add", "till", "--role", "act")
    secret = made.stdout.strip()
    assert secret.startswith("jhq_")
    assert len(secret) > 40
    assert said("list").stdout.split()[:2] == ["till", "act"]
    assert said("add", "till").returncode == 78
    desk = Desk(target, "--no-parts")
    desk.wait("http://")
    url = f"http://127.0.0.1:{desk.port}/api/v1/me"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"authorization": f"Bearer {secret}"}).json() == {"name": "till", "role": "act"}
    assert desk.end() == 0
    assert said("remove", "till").returncode == 0
    assert said("list").stdout == ""
    assert "no token" in said("remove", "till").stderr


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--http", "8480"], "HOST:PORT"),
        (["--broker", "x"], "HOST:PORT"),
        (["--https-cert", "x.pem"], "--https-key"),
        (["--https-cert", "x.pem", "--https-key", "x.key"], "x.pem, x.key: No such file"),
        (["--https-cert", __file__, "--https-key", __file__], "PEM files that can be read"),
    ],
)
def test_arguments_that_cannot_be_are_said_with_a_hint(tmp_path: Path, more: list[str], word: str) -> None:
    done = subprocess.run(
        [PROGRAM, "desk", "--db", str(tmp_path / "x"), *more], capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert word in done.stderr
    assert "Traceback" not in done.stderr
