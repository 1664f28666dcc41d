"""What several workers cost, and what else there was: a bridge, 10,000 stores' subscriptions, ways of dividing stores.

    .venv/bin/python -m bench.cluster

One machine carries all ends; ratios count. Takeovers and losses are `make cluster`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from headoffice.mqtt import SUBSCRIBE_TOPICS_MAX
from headoffice.worker import topics_of
from tests.brokers import MOSQUITTO, free_port
from tests.cluster.house import House, Member, broker_settings
from tests.cluster.stores import Load, LoadStore
from tests.postgres import Postgres

MESSAGES = 20_000
SIZE_BYTES = 400
PACED = 500
STORES = 10_000
HOLD_S = 20.0
LOAD_EVENTS_S = 500
TIMES = 5


class Client:
    """Counts what it hears; `window` messages may be under way."""

    def __init__(self, port: int, name: str, window: int = 100) -> None:
        self.heard = 0
        self.late_s: list[float] = []
        self.news = threading.Condition()
        self.granted = 0
        self._room = threading.Semaphore(window)
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=True)
        self.client.max_inflight_messages_set(window)
        self.client.on_message = self._message
        self.client.on_publish = lambda *_rest: self._room.release()
        self.client.on_subscribe = self._subscribed
        self.client.connect("127.0.0.1", port, 60)
        self.client.loop_start()
        while not self.client.is_connected():
            time.sleep(0.01)

    def _message(self, _client: Any, _data: Any, message: Any) -> None:
        with self.news:
            self.heard += 1
            self.late_s.append(time.monotonic() - float(message.payload[:20]))
            self.news.notify_all()

    def _subscribed(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        with self.news:
            self.granted += len(reasons)
            self.news.notify_all()

    def wait(self, found: Any, timeout_s: float = 120.0) -> None:
        with self.news:
            assert self.news.wait_for(found, timeout_s)

    def publish(self, topic: str) -> None:
        self._room.acquire()
        self.client.publish(topic, f"{time.monotonic():020.6f}".encode().ljust(SIZE_BYTES, b"x"), qos=1)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def brokers(folder: Path) -> Iterator[dict[str, int]]:
    assert MOSQUITTO is not None
    ports = {"core": free_port(), "edge-1": free_port()}
    members = []
    for name, port in ports.items():
        (folder / name).mkdir(exist_ok=True)
        settings = folder / f"{name}.conf"
        settings.write_text(broker_settings(name, port, folder / name, ports["core"]))
        members.append(Member(name, [MOSQUITTO, "-c", str(settings)], folder / f"{name}.log"))
        members[-1].start()
    time.sleep(2.5)  # the bridge's first try comes before the core is up
    try:
        yield ports
    finally:
        for member in members:
            member.end()


def bridge(ports: dict[str, int]) -> None:
    for place, port in (("at the core", ports["core"]), ("over the edge", ports["edge-1"])):
        sink, source = Client(ports["core"], "sink"), Client(port, "source")
        sink.client.subscribe("stock/v1/+/movement", 1)
        sink.wait(lambda: sink.granted)  # noqa: B023  used at once
        for _ in range(PACED):
            source.publish("stock/v1/S1/movement")
            time.sleep(0.005)
        sink.wait(lambda: sink.heard == PACED)  # noqa: B023  same
        late_ms = sorted(late * 1000 for late in sink.late_s)
        begun_s = time.monotonic()
        for _ in range(MESSAGES):
            source.publish("stock/v1/S1/movement")
        sink.wait(lambda: sink.heard == PACED + MESSAGES)  # noqa: B023  same
        rate = MESSAGES / (time.monotonic() - begun_s)
        print(
            f"published {place:13}  {rate:>8,.0f} messages/s   200/s: p50 {late_ms[len(late_ms) // 2]:.2f} ms, "
            f"p99 {late_ms[len(late_ms) * 99 // 100]:.2f} ms"
        )
        source.close()
        sink.close()


def subscriptions(ports: dict[str, int], pid: int) -> None:
    before = _resident_kib(pid)
    topics = topics_of(frozenset(f"S{number:05}" for number in range(STORES)), "stock/v1")
    worker = Client(ports["core"], "worker")
    begun_s = time.monotonic()
    for at in range(0, len(topics), SUBSCRIBE_TOPICS_MAX):
        worker.client.subscribe([(topic, 1) for topic in topics[at : at + SUBSCRIBE_TOPICS_MAX]])
    worker.wait(lambda: worker.granted == len(topics))
    took_s, used = time.monotonic() - begun_s, _resident_kib(pid) - before
    source = Client(ports["core"], "source")
    begun_s = time.monotonic()
    for number in range(MESSAGES):
        source.publish(f"stock/v1/S{number % STORES:05}/movement")
    worker.wait(lambda: worker.heard == MESSAGES)
    rate = MESSAGES / (time.monotonic() - begun_s)
    print(
        f"{STORES:,} stores, {len(topics):,} topics: subscribed in {took_s:.1f} s, "
        f"{used / 1024:.0f} MiB in the broker, then {rate:,.0f} messages/s"
    )
    worker.close()
    source.close()


def frozen_member(ports: dict[str, int]) -> None:
    """`$share`: of a group of two one is frozen; what does the other hear?"""
    script = (
        "import sys, time; from bench.cluster import Client; c = Client(int(sys.argv[1]), 'frozen');"
        "c.client.subscribe('$share/g/stock/v1/+/movement', 1); time.sleep(600)"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(ports["core"])])
    alive, source = Client(ports["core"], "alive"), Client(ports["core"], "source")
    alive.client.subscribe("$share/g/stock/v1/+/movement", 1)
    time.sleep(3)
    other.send_signal(signal.SIGSTOP)
    for _ in range(1000):
        source.publish("stock/v1/S1/movement")
        time.sleep(0.001)
    time.sleep(2)
    print(f"$share, one of two frozen: the other hears {alive.heard} of 1,000 messages of one store")
    other.kill()
    other.wait()
    alive.close()
    source.close()


def frozen_lock() -> None:
    """An advisory lock is its session's: how long does one hold that is frozen?"""
    with ExitStack() as stack:
        server = stack.enter_context(Postgres())
        script = (
            "import sys, time, psycopg; c = psycopg.connect(sys.argv[1], autocommit=True);"
            "c.execute('SELECT pg_advisory_lock(1)'); print('held', flush=True); time.sleep(600)"
        )
        holder = subprocess.Popen([sys.executable, "-c", script, server.address()], stdout=subprocess.PIPE)
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.send_signal(signal.SIGSTOP)
        with psycopg.connect(server.address(), autocommit=True) as other:
            begun_s, free = time.monotonic(), False
            while not free and time.monotonic() - begun_s < HOLD_S:
                row = other.execute("SELECT pg_try_advisory_lock(1)").fetchone()
                free = bool(row and row[0])
                time.sleep(0.1)
        print(f"advisory lock of a frozen worker: {'free' if free else 'still held'} after {HOLD_S:.0f} s")
        holder.kill()
        holder.wait()


def outages() -> None:
    """Killed and started at once, under load: until everything that was written before is acknowledged."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(Postgres())
        house = stack.enter_context(House(folder, server.database(), edges=2, workers=3))
        places = [house.ports[name] for name in house.edges]
        stores = [LoadStore(f"S{one:03}", places[one % 2], one) for one in range(12)]
        stack.enter_context(Load(stores, LOAD_EVENTS_S, 1))
        time.sleep(25)  # until the stores are shared out
        for victim in ("core", "edge-1", "database"):
            found = [_outage(house, server, stores, victim) for _ in range(TIMES)]
            asked, took_s = sum(one[0] for one in found), sorted(one[1] for one in found)
            print(
                f"{victim:9} killed and started again, {TIMES} times at {LOAD_EVENTS_S} events/s: whole again after "
                f"{took_s[TIMES // 2]:.1f} s (longest {took_s[-1]:.1f} s), {asked} requests for what was missing"
            )


def _outage(house: House, server: Postgres, stores: list[LoadStore], victim: str) -> tuple[int, float]:
    before, begun_s = sum(store.asked for store in stores), time.monotonic()
    if victim == "database":
        server.kill()
        server.start()
    else:
        house.members[victim].signal("kill")
        house.members[victim].start()
    heads = [store.log.head for store in stores]
    while any(store.acked < head for store, head in zip(stores, heads, strict=True)):
        time.sleep(0.02)
    took_s = time.monotonic() - begun_s
    time.sleep(3)
    return sum(store.asked for store in stores) - before, took_s


def _resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def _pid(port: int) -> int:
    """Of the broker that listens there."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if command[0].endswith(b"mosquitto") and f"listener {port} " in Path(os.fsdecode(command[2])).read_text():
                return int(entry.name)
    raise SystemExit("no broker")


def main() -> None:
    with tempfile.TemporaryDirectory() as name, brokers(Path(name)) as ports:
        bridge(ports)
        subscriptions(ports, _pid(ports["core"]))
        frozen_member(ports)
    frozen_lock()
    outages()


if __name__ == "__main__":
    main()
