"""`python -m tests.contract.record_traffic`: writes tests/fixtures/traffic/ anew from a day and a demo (three minutes).

Both are played as they are tested and shown: agent, mosquitto and head office as processes; beside them the questions
and documents that head office can send. Of every kind of message the two shortest are kept, if they are short, and
the beginning of the day's log whole.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from contract.topics import EventType, parse
from simulators.day_plan import Day
from tests.brokers import Observer, free_port
from tests.day.staff import Staff
from tests.day.store import BIN, Store

FOLDER = Path(__file__).parent.parent / "fixtures" / "traffic"
SIZE_BYTES_MAX = 13_000  # of the shortest of its kind
SECOND_SIZE_BYTES_MAX = 2_500
LOG_MESSAGES = 24
EPC = "303619B83C0005C000895444"  # of one of the five tags that lie before the demo's reader
GTIN = "08809999000068"
MORE = '[epcis]\nbase = "https://example.com"\n[ledger]\ncheckpoint_events = 200\n'
LATER = "2099-01-01T00:00:00+09:00"
Heard = tuple[str, bytes, bool]


def kind_of(topic: str, body: Any) -> tuple[str, ...]:
    """What a message is one of: its plane, and what its reader tells apart first."""
    address = parse(topic)
    assert address is not None, topic
    if address.store == "catalog":
        return ("catalog", *sorted(body))
    if address.plane in {*EventType}:
        count = "many" if len(body["events"]) > 1 else "one"
        return (address.plane, count, *sorted({one["data"]["kind"] for one in body["events"]}))
    if body is None:
        return (address.plane, "empty")
    told = {
        "request": (address.name, body.get("of")),
        "ask": (address.name,),
        "answer": sorted(body),
        "response": (body.get("status"), body.get("reason"), *sorted(body.get("result") or ())),
        "device": (body.get("state"), *sorted(body)),
        "expected": (body.get("kind"), *sorted(body)),
    }
    return (address.plane, *(str(one) for one in told.get(address.plane, (body.get("state"),))))


def chosen(heard: Iterable[Heard]) -> list[Heard]:
    """The shortest of every kind, in the order of topics."""
    kinds: dict[tuple[str, ...], list[Heard]] = {}
    for one in heard:
        kinds.setdefault(kind_of(one[0], json.loads(one[1]) if one[1] else None), []).append(one)
    kept: list[Heard] = []
    for group in kinds.values():
        pair = sorted(group, key=lambda one: (len(one[1]), one))[:2]
        kept += [one for one in pair if len(one[1]) <= (SIZE_BYTES_MAX if one is pair[0] else SECOND_SIZE_BYTES_MAX)]
    return sorted(kept)


def write(name: str, heard: Iterable[Heard]) -> None:
    lines = [
        json.dumps({"topic": topic, "retained": retained, "payload": payload.decode()}, ensure_ascii=False)
        for topic, payload, retained in heard
    ]
    (FOLDER / name).write_text("\n".join(lines) + "\n", "utf-8")


def questions(observer: Observer, log: str, sku: str) -> None:
    """What head office can ask, each once, and one that is refused and one that is late."""
    asked: dict[str, list[dict[str, Any]]] = {
        "ping": [{}, {"expires_at": "2020-01-01T00:00:00+09:00"}],
        "replay": [{"log": log, "seq": 1, "consumer": "headoffice"}, {"log": "other", "seq": 1, "consumer": "x"}],
        "digest": [
            {"of": "stock", "rows_max": 3},
            {"of": "stock", "sku_from": "SKU-1", "sku_to": "SKU-1", "rows_max": 3},
            {"of": "events", "log": log, "seq_from": 1, "seq_to": 10},
        ],
        "reserve": [
            {"reservation": "R-9", "sku": "NOBODY", "quantity": 1, "order": "WEB-9"},
            {"reservation": "R-8", "sku": sku, "quantity": 1, "order": "WEB-8", "hold_until": LATER},
        ],
        "release": [{"reservation": "R-8"}, {"reservation": "R-7"}],
        "restart-device": [{"device": "nobody"}, {"device": "dock-ssi"}],
    }
    for verb, bodies in asked.items():
        for number, members in enumerate(bodies):
            body = {"id": f"hq-{verb}-{number}", "expires_at": LATER, **members}
            observer.publish(f"stock/v1/S001/request/{verb}", json.dumps(body).encode())


def ask_back(observer: Observer, seq: int) -> None:
    """A store that has lost its disk fetches the end of its log."""
    observer.publish("stock/v1/S001/ask/restore", json.dumps({"id": "restore-1", "seq": seq}).encode())


def expected(observer: Observer) -> None:
    request = {"document": "CR-1", "kind": "count_request", "revision": 1, "zones": ["backroom"], "blind": True}
    observer.publish("stock/v1/S001/expected/CR-1", json.dumps(request).encode(), retain=True)
    observer.publish("stock/v1/S001/expected/CR-1", b"", retain=True)


class Office(Store):
    """Whose head office has items and a desk, too."""

    def _start(self, *command: str) -> None:
        if command[0] != "jaego-hq":
            super()._start(*command)
            return
        super()._start(*command, "--catalog", "items.csv")
        desk = ("jaego-hq", "desk", "--db", "hq.db", "--broker", command[3], "--http", f"127.0.0.1:{free_port()}")
        super()._start(*desk)


def day(folder: Path) -> list[Heard]:
    plan = Day(1)
    with Office(folder, plan.items, MORE) as store, Observer(store.broker.port, "stock/v1/#") as observer:
        staff = Staff(store, plan)
        staff.play()
        staff.settled()
        staff._answered("floor", store.badges["Lee"])
        unknown = [staff._answered("floor", code)["seq"] for code in ("8801234567893", "8801234567909")]
        staff.post(f"/exceptions/{unknown[0]}/dismiss", {"note": "no goods of ours"})
        staff.post(f"/exceptions/{unknown[1]}/assign", {"sku": plan.items[0].sku})
        questions(observer, store.events()[-1]["log"], plan.items[0].sku)
        expected(observer)
        ask_back(observer, store.events()[-1]["seq"] - 9)
        time.sleep(8)
        store.stop()
        time.sleep(1)
        return list(observer.messages)


def demo(folder: Path) -> list[Heard]:
    command = [str(BIN / "jaego-sim"), "demo", "--seconds", "40", "--folder", str(folder)]
    played = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert played.stdout is not None
    port = next(int(line.split(" -p ")[1].split()[0]) for line in played.stdout if " -p " in line)
    with Observer(port, "stock/v1/#") as observer:
        config = str(folder / "agent.toml")
        time.sleep(6)
        for command in (
            ["jaego", "scan", "stockroom", "STK-MODE-COUNT-X", "-c", config],
            ["jaego", "tag", "write", "--device", "dock-gate", "--gtin", GTIN, "--replace", "--epc", EPC, "-c", config],
        ):
            subprocess.run([str(BIN / command[0]), *command[1:]], stdout=sys.stderr, check=False)
        questions(observer, "other", "RAMEN-CUP")
        sys.stderr.write(played.stdout.read())
        return list(observer.messages)


def main() -> None:
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        of_day, of_demo = day(Path(first)), demo(Path(second) / "demo")
    kept = chosen(of_day + of_demo)
    write("kinds.jsonl", kept)
    write("log.jsonl", [one for one in of_day if one[0].rpartition("/")[2] in {*EventType}][:LOG_MESSAGES])


if __name__ == "__main__":
    main()
