"""Draining a backlog of 100,000 events to a local mosquitto, against `mosquitto_pub -l -q 1` with one event a message.

The backlog is a mix as four busy stations make it: each keeps to one activity (receiving, counting, moving, selling)
for 20 to 200 scans, the stations interleave at random, and one scan in a hundred is an exception. Both sides publish
the same event bodies at QoS 1 to the same broker, in turn. Neither has a consumer, so flow control is set wide. Ours
reads from the ledger's database; it is done when the broker has receipted every message.
"""

from __future__ import annotations

import random
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.clock import SystemClock
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from agent.operations.values import Draft
from agent.uplink.engine import Engine, EngineSettings
from agent.uplink.link import Access, Link
from agent.uplink.plane import StatePlane
from agent.uplink.traffic import Outside, Store, StoreTraffic
from bench.figures import in_turn, ratio, verdict
from contract.times import Stamper

EVENTS = 100_000
ROUNDS = 3
WINDOWS = (20, 100)
ACTIVITIES = {"receive": "movement", "count": "journal", "move": "movement", "sell": "movement"}


def backlog(folder: Path) -> None:
    chance = random.Random(7)
    clock = SystemClock(trust_unsynchronised=True)
    ledger = Ledger(folder, store="S1", clock=clock, stamper=Stamper(ZoneInfo("Asia/Seoul")))
    ledger.start()
    doing = dict.fromkeys(("dock", "backroom", "floor", "till"), ("receive", 0))
    while ledger.head < EVENTS:
        drafts: list[Draft] = []
        for _ in range(500):
            station = chance.choice(list(doing))
            activity, left = doing[station]
            if left == 0:
                activity, left = chance.choice(list(ACTIVITIES)), chance.randint(20, 200)
            doing[station] = (activity, left - 1)
            drafts.append(draft(station, activity, chance))
        ledger.call(lambda tx, drafts=drafts: tx.append(drafts))
    ledger.close()


def draft(station: str, activity: str, chance: random.Random) -> Draft:
    source = {"device": f"{station}-scanner", "station": station, "session": "01993a1e-0000-7000-8000-000000000000"}
    code = {"text": f"88099990{chance.randint(0, 99999):05d}", "aim": "]E0", "units": 1, "revision": 3}
    kind = ACTIVITIES[activity]
    data: dict[str, Any] = {"kind": "counted", "sku": f"SKU{chance.randint(0, 999):05d}", "zone": "floor", "code": code}
    if chance.random() < 0.01:
        kind, data = "exception", {"kind": "unknown_code", "reason": "unknown_trade_item", "code": code}
    elif kind == "movement":
        line = {"sku": f"SKU{chance.randint(0, 999):05d}", "quantity": 1, "from": "supplier", "to": "backroom"}
        data = {"kind": "received", "lines": [{**line, "disposition": "sellable", "code": code}], "follows": 17}
    return Draft(kind, data, source, 1_757_217_000_000_000, "synced")  # type: ignore[arg-type]


class Broker:
    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self._process = subprocess.Popen(["mosquitto", "-c", str(config)], stderr=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                continue
            break

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def alone(reader: Reader, clock: SystemClock, engine: Engine) -> StoreTraffic:
    """A store's traffic with nothing else to do."""
    outside = Outside(
        submit=lambda _job, _done: None,
        post=lambda _call: None,
        restart=lambda _device: False,
        say=print,
        items=None,
    )
    return StoreTraffic(
        Store("S1", reader.log, "boot", "0"),
        engine=engine,
        plane=StatePlane(levels_per_s_max=1, dirty_max=1),
        reader=reader,
        clock=clock,
        stamper=Stamper(ZoneInfo("Asia/Seoul")),
        levels="off",
        outside=outside,
    )


def ours(folder: Path, port: int, window: int) -> float:
    reader, clock = Reader(folder), SystemClock(trust_unsynchronised=True)
    head = reader.head()
    settings = EngineSettings(window_messages=window, ahead_messages_max=1_000_000, ack_timeout_s=3600)
    engine = Engine(reader.log, head, {"bench": 0}, settings)
    taken = threading.Event()
    traffic = alone(reader, clock, engine)
    receipts = traffic.receipts

    def watched(acks: Any) -> None:
        receipts(acks)
        if engine.taken >= head:
            taken.set()

    traffic.receipts = watched  # type: ignore[method-assign]
    link = Link(
        Access("127.0.0.1", port, "bench"), traffic, clock=clock, say=print, on_failure=lambda error: print(repr(error))
    )
    begin = time.perf_counter()
    link.start()
    assert taken.wait(300)
    elapsed = time.perf_counter() - begin
    link.stop()
    link.close()
    reader.close()
    return head / elapsed


def mosquitto_pub(lines: Path, port: int, count: int) -> float:
    begin = time.perf_counter()
    with lines.open("rb") as source:
        subprocess.run(
            ["mosquitto_pub", "-p", str(port), "-t", "stock/v1/S1/movement", "-q", "1", "-l"], stdin=source, check=True
        )
    return count / (time.perf_counter() - begin)


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top)
        backlog(folder)
        database = sqlite3.connect(folder / "ledger.db")
        rows = database.execute("SELECT type, body FROM event ORDER BY seq").fetchall()
        database.close()
        lines = folder / "lines"
        lines.write_bytes(b"".join(body + b"\n" for _kind, body in rows))
        runs = 1 + sum(before[0] != after[0] for before, after in pairwise(rows))
        shares = {kind: sum(row[0] == kind for row in rows) / len(rows) for kind in {row[0] for row in rows}}
        print(f"{len(rows)} events, {', '.join(f'{share:.0%} {kind}' for kind, share in sorted(shares.items()))}")
        print(f"{runs} messages at the least ({len(rows) / runs:.2f} events each)")
        broker = Broker(folder)
        subjects: dict[str, Any] = {f"window_{one}": lambda one=one: ours(folder, broker.port, one) for one in WINDOWS}
        found = in_turn(ROUNDS, **subjects, mosquitto_pub=lambda: mosquitto_pub(lines, broker.port, len(rows)))
        broker.stop()
    for name, figures in found.items():
        print(f"{name:14} {statistics.median(figures):10,.0f} events/s (median of {ROUNDS})")
    for one in WINDOWS:
        figure = ratio(found[f"window_{one}"], found["mosquitto_pub"])
        verdict(f"drain with a window of {one} against mosquitto_pub -l -q 1", figure, 2.0, at_least=True)


if __name__ == "__main__":
    main()
