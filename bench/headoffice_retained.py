"""What retained levels cost the broker (memory and file for each, how long it takes to come back with them), and what
a connection with its session costs.

    python -m bench.headoffice_retained [MESSAGES] [CONNECTIONS]
"""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from pathlib import Path

from bench.headoffice_ground import pid_of, resident_mib
from contract.messages import Level
from contract.topics import Topics
from simulators import load_wire as wire
from tests.brokers import Mosquitto

WINDOW = 1000
SKUS = 20_000
LOG = "01a21615-6e07-7e13-ae7f-aa1e1a9fc865"


def connected(port: int, name: str) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port), 10)
    opened.sendall(wire.connect(name, 60))
    opened.recv(4)
    return opened


def levels(count: int) -> list[bytes]:
    """PUBLISH packets of stores with 20,000 SKUs each."""
    found: list[bytes] = []
    for number in range(count):
        store, sku = divmod(number, SKUS)
        level = Level(
            sku=f"SKU{sku:06d}", on_hand=42, reserved=0, available=42, zones={"floor": 12, "stockroom": 30}, log=LOG,
            as_of=123_456,
        )  # fmt: skip
        payload = level.model_dump_json().encode()
        topic = Topics(f"S{store:05d}").level(level.sku)
        found.append(wire.publish(topic, payload, number % WINDOW + 1, retain=True))
    return found


def publish(port: int, packets: list[bytes]) -> float:
    with connected(port, "levels") as opened:
        begin = time.perf_counter()
        for at in range(0, len(packets), WINDOW):
            some = packets[at : at + WINDOW]
            opened.sendall(b"".join(some))
            wanted = 4 * len(some)
            while wanted:
                wanted -= len(opened.recv(wanted))
        return len(packets) / (time.perf_counter() - begin)


def main() -> None:
    count, connections = (int(one) for one in (sys.argv[1:3] + ["1000000", "1000"][len(sys.argv) - 1 :])[:2])
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top)
        broker = Mosquitto(folder, "persistence true", f"persistence_location {folder}/", "autosave_interval 0")
        broker.start()
        before = resident_mib(pid_of(broker))
        packets = levels(count)
        rate = publish(broker.port, packets)
        size = sum(map(len, packets)) / count
        used = resident_mib(pid_of(broker)) - before
        print(f"{count} retained levels of {size:.0f} bytes on the wire, taken at {rate:,.0f} a second")
        print(f"  memory: {used:.0f} MiB, {used * 2**20 / count:.0f} bytes each")
        begin = time.perf_counter()
        broker.stop()
        stopped = time.perf_counter() - begin
        file = sum(one.stat().st_size for one in folder.glob("mosquitto.db"))
        begin = time.perf_counter()
        broker.start()
        started = time.perf_counter() - begin
        print(f"  file: {file / 2**20:.0f} MiB, {file / count:.0f} bytes each; written in {stopped:.1f} s at the stop")
        print(f"  takes connections again after {started:.1f} s")
        broker.kill()
    with tempfile.TemporaryDirectory() as top:
        broker = Mosquitto(Path(top), "persistence false")
        broker.start()
        before = resident_mib(pid_of(broker))
        opened = [connected(broker.port, f"store-{number}") for number in range(connections)]
        for number, one in enumerate(opened):
            topics = Topics(f"S{number:05d}")
            one.sendall(
                wire.subscribe(1, [topics.ack("headoffice"), *map(topics.request, ("replay", "digest", "ping"))])
            )
            one.recv(16)
        used = resident_mib(pid_of(broker)) - before
        each = used * 1024 / connections
        print(f"{connections} connections with 4 subscriptions each: {used:.1f} MiB, {each:.1f} KiB each")
        for one in opened:
            one.close()
        broker.kill()


if __name__ == "__main__":
    main()
