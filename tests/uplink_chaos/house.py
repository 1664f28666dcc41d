"""A store, a broker and two consumers under faults: agent and head office as processes, a clerk who goes on scanning.

The clerk counts what the agent acknowledged. `Books`, the second consumer, is as simple as one can be: it asks for
nothing, acknowledges its position, and holds every event against the chain. So what a broker lost comes to it again
only if the agent's position waits for the consumer's acknowledgement and not for the broker's receipt.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.control import ControlError, request
from contract.chain import GENESIS, check_event
from tests.brokers import USER, Broker

BIN = Path(sys.executable).parent
REPOSITORY = Path(__file__).parents[2]
LONG = os.environ.get("JAEGO_UPLINK") == "long"  # `make uplink`
WAIT_S_MAX = 800.0 if LONG else 60.0
EACH = "8801234567893"
STORE, PASSWORD = "S001", "right"
CONFIG = """
[store]
id = "{store}"
state_dir = "{store}"
zones = ["backroom", "salesfloor"]
language = "en"
clock_trusted = true
[catalogue]
file = "items.csv"
[uplink]
host = "{host}"
port = {port}
client_id = "jaego-S001"
username = "store"
password_file = "password"
consumers = {consumers}
keepalive_s = 5
backoff_s_max = 1
ack_timeout_s = 2
ahead_messages_max = 50
health_interval_s = 2
{uplink}
[web]
enabled = false
[sales]
zone = "salesfloor"
folder = "drop"
settle_s = 0.5
[[station]]
name = "dock"
zone = "backroom"
mode = "receive"
"""


def until(true: Callable[[], Any], what: Callable[[], object], timeout_s: float = WAIT_S_MAX) -> float:
    """Seconds that it took."""
    begun_s = time.monotonic()
    while not true():
        assert time.monotonic() < begun_s + timeout_s, what()
        time.sleep(0.02)
    return time.monotonic() - begun_s


class Books:
    """A consumer in memory. Events that come again, or before their turn, are let go."""

    def __init__(self, port: int, *, ca_file: Path | None = None) -> None:
        self.position, self.prev, self.log = 0, GENESIS, ""
        self.again = 0  # events heard that were known
        self.pause_s = 0.0  # over each message
        self.damaged: list[str] = []
        self._port, self._ca_file = port, ca_file
        self._client: paho.Client | None = None

    def come(self) -> None:
        """Once the broker takes it, it hears what comes from then on: it says nothing of itself."""
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="books", clean_session=True)
        client.username_pw_set(USER, PASSWORD)
        if self._ca_file is not None:
            client.tls_set_context(ssl.create_default_context(cafile=str(self._ca_file)))  # pyright: ignore[reportUnknownMemberType]
        client.reconnect_delay_set(1, 1)
        client.on_connect = self._connected
        client.on_message = self._message
        client.connect_async("127.0.0.1", self._port, 5)
        client.loop_start()
        self._client = client

    def leave(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def _connected(self, client: paho.Client, *_rest: Any) -> None:
        planes = ("movement", "count", "document", "exception", "journal")
        client.subscribe([(f"stock/v1/{STORE}/{plane}", 1) for plane in planes])

    def _message(self, client: Any, _data: Any, message: Any) -> None:
        time.sleep(self.pause_s)
        try:
            found = json.loads(message.payload)
            self.log = found["log"]
            for event in found["events"]:
                self.again += event["seq"] <= self.position
                if event["seq"] == self.position + 1:
                    check_event(event, prev=self.prev, seq=self.position + 1)
                    self.position, self.prev = event["seq"], event["hash"]
            answer = json.dumps({"log": self.log, "seq": self.position})
            client.publish(f"stock/v1/{STORE}/ack/books", answer, qos=1, retain=True)
        except Exception as error:  # noqa: BLE001  an exception would end paho's thread, and say nothing
            self.damaged.append(repr(error))


class Clerk(threading.Thread):
    """Scans at the dock, `rate_per_s` at most; `good` were acknowledged, of `unsure` nobody knows."""

    def __init__(self, folder: Path, rate_per_s: float) -> None:
        super().__init__(name="clerk", daemon=True)
        self._folder, self._pause_s = folder, 1 / rate_per_s
        self.good = self.unsure = 0
        self.failure: BaseException | None = None
        self.works, self._ended = threading.Event(), threading.Event()
        self.idle = threading.Event()

    def run(self) -> None:
        try:
            while not self._ended.is_set():
                if self.works.is_set():
                    self.idle.clear()
                    self._scan()
                else:
                    self.idle.set()
                self._ended.wait(self._pause_s)
        except BaseException as error:  # noqa: BLE001  the test's own thread reads it
            self.failure = error

    def _scan(self) -> None:
        try:
            [one] = request(self._folder, "scan", station="dock", code=EACH, wait_s=20.0)
        except (ControlError, OSError) as error:
            self.unsure += getattr(error, "code", "") != "unreachable" or "ended" in str(error)
            return
        assert one["answer"] == "good", one
        self.good += 1

    def rest(self) -> None:
        """Until nothing of the clerk's is under way."""
        self.works.clear()
        self.idle.clear()
        self.idle.wait(30.0)

    def end(self) -> None:
        self._ended.set()
        self.join(30.0)


@dataclass(frozen=True, slots=True)
class Told:
    """What one fault cost: from its mending until head office had all of it, and events that were sent again."""

    broker: str
    fault: str
    recovery_s: float
    resends: int


class House:
    """`within` are commands that processes of the store and of head office begin with."""

    def __init__(
        self,
        folder: Path,
        broker: Broker,
        *,
        uplink: str = "",
        ca_file: Path | None = None,
        port: int | None = None,
        rate_per_s: float = 50.0,
        consumers: Sequence[str] = ("headoffice", "books"),
    ) -> None:
        self.folder, self.broker = folder, broker
        self.port = port or broker.port
        self._uplink, self._consumers = uplink, list(consumers)
        self._ca_file = ca_file
        (folder / "items.csv").write_text(f"sku,name_en,gtin\nMILK,Milk,{EACH}\n")
        (folder / "password").write_text(PASSWORD + "\n")
        (folder / "password").chmod(0o600)
        (folder / "drop").mkdir()
        self.config(STORE)
        self.told: list[Told] = []
        self.faults = self._sent_before = 0
        self._mended_s = 0.0
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.clerk = Clerk(folder / STORE, rate_per_s)
        self.clerk.start()
        self.books = Books(self.port, ca_file=ca_file)

    def config(self, store: str) -> None:
        (self.folder / store).mkdir()
        host = self.broker.host
        text = CONFIG.format(
            store=store, host=host, port=self.port, uplink=self._uplink, consumers=json.dumps(self._consumers)
        )
        (self.folder / f"{store}.toml").write_text(text)

    # -- processes --------------------------------------------------------------------------------------------------

    def start(self, name: str, *command: str, within: Sequence[str] = ()) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [*within, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            )

    def start_agent(self, store: str = STORE, *, within: Sequence[str] = (), jumping: bool = False) -> None:
        command = [sys.executable, "-m", "tests.uplink_chaos.jumping"] if jumping else [str(BIN / "jaego"), "run"]
        self.start(store, *command, f"{store}.toml", within=within)
        until(lambda: self._answers(store), lambda: self.log(store))

    def _answers(self, store: str) -> bool:
        with suppress(ControlError, OSError):
            return bool(list(request(self.folder / store, "health", wait_s=20.0)))
        return False

    def start_office(self, database: str = "hq.db", within: Sequence[str] = ()) -> None:
        command = [str(BIN / "jaego-hq"), "run", "--broker", f"{self.broker.host}:{self.port}", "--db", database]
        command += ["--username", USER, "--password-file", "password"]
        if self._ca_file is not None:
            command += ["--ca", str(self._ca_file)]
        self.start("office", *command, within=within)

    def signal(self, name: str, number: signal.Signals) -> None:
        self._running[name].send_signal(number)

    def kill(self, name: str) -> None:
        if name == STORE:
            self._sent_before += self._counter("events_sent")
        one = self._running.pop(name)
        assert one.poll() is None, f"{name} had ended by itself: {self.log(name)}"
        one.kill()
        one.wait()

    def stop(self, name: str) -> None:
        if name == STORE:
            self._sent_before += self._counter("events_sent")
        one = self._running.pop(name)
        one.terminate()
        one.wait(30)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def said(self, name: str, words: str) -> int:
        """How often, in its log."""
        return (self.folder / f"{name}.log").read_text(errors="replace").count(words)

    def says(self, name: str, words: str, before: int = 0) -> None:
        """Until a process has said it once more than it had `before`."""
        until(lambda: self.said(name, words) > before, lambda: f"not said: {words}\n{self.log(name)}")

    # -- what they hold ---------------------------------------------------------------------------------------------

    def health(self) -> dict[str, Any]:
        [found] = request(self.folder / STORE, "health", wait_s=20.0)
        return dict(found)

    def _counter(self, name: str) -> int:
        return int(self.health()["counters"][name])

    def ledger(self, sql: str) -> list[tuple[Any, ...]]:
        return _rows(self.folder / STORE / "ledger.db", sql)

    def office(self, sql: str) -> list[tuple[Any, ...]]:
        return _rows(self.folder / "hq.db", sql)

    def head(self) -> int:
        return int(self.ledger("SELECT MAX(seq) FROM event")[0][0])

    def office_head(self) -> int:
        found = self.office(f"SELECT seq FROM position WHERE store = '{STORE}'")
        return int(found[0][0]) if found else 0

    def delivered(self, consumer: str = "headoffice") -> int:
        """The position that the store has written down."""
        found = self.ledger(f"SELECT seq FROM position WHERE consumer = '{consumer}'")
        return int(found[0][0]) if found else 0

    def sell(self, name: str, count: int, *, returned: bool = False) -> None:
        """A file of sales, or returns, of one item each, put down whole."""
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        lines = [f"{name}-{number},till-1,{now},MILK,1,{'y' * returned}" for number in range(count)]
        path = self.folder / f"{name}.csv"
        path.write_text("\n".join(["transaction,till,occurred_at,sku,quantity,return", *lines, ""]))
        path.rename(self.folder / "drop" / path.name)

    # -- faults -----------------------------------------------------------------------------------------------------

    @contextmanager
    def fault(self, name: str) -> Generator[None]:
        """What happens in it is the fault, up to its end; then both consumers must have all, once and in order."""
        self.faults += 1
        sent, head = self._sent(), self.head()
        self.clerk.works.set()
        self._mended_s = 0.0
        yield
        target = self.head()
        until(lambda: self.office_head() >= target, self.state)
        recovery_s = time.monotonic() - self._mended_s
        self.settle()
        self.told.append(Told(self.broker.name, name, recovery_s, self._sent() - sent - (self.head() - head)))

    def mend(self) -> None:
        """Said in a fault right before what ends it: recovery counts from here."""
        self._mended_s = time.monotonic()

    def _sent(self) -> int:
        return self._sent_before + self._counter("events_sent")

    def settle(self) -> None:
        """Both consumers have all of it, and it is the same: 0 lost, 0 doubled."""
        self.clerk.rest()
        assert self.clerk.failure is None, repr(self.clerk.failure)
        head = self.head()
        until(lambda: self.office_head() == head, self.state)
        if "books" in self._consumers:
            until(lambda: self.books.position == head, self.state)
            assert not self.books.damaged
            newest = self.ledger("SELECT body FROM event ORDER BY seq DESC LIMIT 1")[0][0]
            assert self.books.prev == json.loads(newest)["hash"]
        here, there = "SELECT seq, body FROM event ORDER BY seq", f"WHERE store = '{STORE}' ORDER BY"
        assert self.ledger(here) == self.office(here.replace("ORDER BY", there))
        stock = "SELECT sku, zone, disposition, quantity FROM stock WHERE quantity <> 0 ORDER BY 1, 2, 3"
        held = self.office(stock.replace("WHERE", f"WHERE store = '{STORE}' AND"))
        assert held == self.ledger(stock)
        received = sum(row[3] for row in held if row[1] == "backroom")
        assert self.clerk.good <= received <= self.clerk.good + self.clerk.unsure

    def state(self) -> dict[str, Any]:
        """For who waits in vain."""
        told = {"head": self.head(), "office": self.office_head(), "books": self.books.position}
        return {**told, **{name: self.log(name)[-1500:] for name in self._running}}

    def verified(self) -> None:
        """Head office's own word: every event of it, and stock against them, against an export of the store."""
        self._tool("jaego", "log", "export", "store.jsonl", "-c", f"{STORE}.toml")
        head = self.head()  # the store may have written by itself since it settled: a session that lapsed
        until(lambda: self.office_head() >= head, self.state)
        self._tool("jaego-hq", "verify", "--deep", "--store", STORE, "--db", "hq.db", "--export", "store.jsonl")

    def _tool(self, *command: str) -> None:
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]], capture_output=True, text=True, check=False, cwd=self.folder
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def report(self) -> str:
        lines = [f"{one.broker}: {one.fault}: {one.recovery_s:.1f} s, {one.resends:,} resends" for one in self.told]
        resends = sum(one.resends for one in self.told)
        total = f"{self.broker.name}: {self.head():,} events pushed, {self.faults} faults, {resends:,} resends"
        return "\n".join(["", *lines, f"{total}, 0 lost, 0 doubled", ""])

    def close(self) -> None:
        self.clerk.end()
        self.books.leave()
        for one in self._running.values():
            one.kill()
            one.wait()
        self.broker.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return db.execute(sql).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error) or "unable to open" in str(error):
            return []
        raise
