"""What head office's ingest is measured against: one process that receives the same messages from the broker, parses
and hashes every event, and copies the same rows into PostgreSQL's table of events, and no other.

`plain` is what one would write: paho's own loop, Python as it comes. `tuned` has what the worker has: its connection
(`headoffice.mqtt` with its lane) and its settings of the interpreter. Both have the worker's size of a round, and
acknowledge after the commit, for the load program to go on. They keep no order, know no gap, no fork and no signature,
and make no stock.

    python -m bench.headoffice_reference plain|tuned BROKER_PORT POSTGRES_ADDRESS
"""

from __future__ import annotations

import gc
import queue
import sys
import time
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import orjson
import psycopg
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from contract.messages import Ack
from contract.topics import EventType, Topics
from headoffice.compose import GARBAGE_OBJECTS, SWITCH_INTERVAL_S
from headoffice.mqtt import Broker, Connected, Shell
from headoffice.postgres import PostgresStore
from headoffice.worker import ROUND_MESSAGES_MAX, ROUND_S, ROUND_SIZE_BYTES_MAX

COPY = "COPY event (store, log, seq, type, hash, body, at_us) FROM STDIN (FORMAT BINARY)"
TYPES = ("text", "text", "int8", "text", "text", "bytea", "int8")
TOPICS = [f"stock/v1/+/{kind.value}" for kind in EventType]
Row = tuple[str, str, int, str, str, bytes, int]


def rows_of(payload: bytes, at_us: int) -> list[Row]:
    found: list[Row] = []
    for event in orjson.loads(payload)["events"]:
        body = orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
        at = body.rfind(b',"hash":"')
        if sha256(body[:at] + body[at + 74 :]).hexdigest() != event["hash"]:
            raise ValueError("an event was changed")
        found.append((event["store"], event["log"], event["seq"], event["type"], event["hash"], body, at_us))
    return found


def copy(connection: psycopg.Connection[Any], rows: Iterable[Row]) -> None:
    """In one commit."""
    with connection.cursor() as cursor, cursor.copy(COPY) as copying:
        copying.set_types(TYPES)
        for row in rows:
            copying.write_row(row)


class Plain:
    """paho in a thread of its own, and a queue."""

    def __init__(self, port: int) -> None:
        self._queue: queue.Queue[Any] = queue.Queue(10_000)
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="reference")
        self._client.max_inflight_messages_set(0)
        self._client.on_connect = lambda client, *_rest: client.subscribe([(topic, 1) for topic in TOPICS])
        self._client.on_message = lambda _client, _data, message: self._queue.put(message)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def take(self) -> list[bytes]:
        found, size = list[bytes](), 0
        try:
            one = self._queue.get(timeout=ROUND_S)
            while True:
                found.append(one.payload)
                size += len(one.payload)
                if len(found) >= ROUND_MESSAGES_MAX or size >= ROUND_SIZE_BYTES_MAX:
                    break
                one = self._queue.get_nowait()
        except queue.Empty:
            pass
        return found

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1, retain=True)


class Tuned:
    def __init__(self, port: int) -> None:
        gc.freeze()
        gc.set_threshold(GARBAGE_OBJECTS, 50, 100)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._shell = Shell(Broker("127.0.0.1", port, "reference"), TOPICS, print, lambda: 0.5)
        self._shell.open()

    def take(self) -> list[bytes]:
        found = self._shell.take(ROUND_MESSAGES_MAX, ROUND_S, ROUND_SIZE_BYTES_MAX)
        return [one.payload for one in found if not isinstance(one, Connected)]

    def publish(self, topic: str, payload: bytes) -> None:
        self._shell.publish(topic, payload, retain=True)


def main() -> None:
    kind, port, address = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    PostgresStore(address).close()  # makes the tables
    connection = psycopg.connect(address, autocommit=True)
    connection.execute("SET synchronous_commit = on")
    receiver = Plain(port) if kind == "plain" else Tuned(port)
    while True:
        payloads = receiver.take()
        at_us = time.time_ns() // 1000
        rows = [row for payload in payloads for row in rows_of(payload, at_us)]
        if not rows:
            continue
        copy(connection, rows)
        for store, (log, seq) in {row[0]: (row[1], row[2]) for row in rows}.items():
            receiver.publish(Topics(store).ack("headoffice"), Ack(log=log, seq=seq).model_dump_json().encode())


if __name__ == "__main__":
    main()
