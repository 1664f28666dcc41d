"""What head office's ingest is measured against: one process that receives the same messages from the broker, parses
and hashes every event, and copies the same rows into PostgreSQL's table of events, and no other.

It has the worker's connection (`headoffice.mqtt`), so what receiving costs is the same on both sides, and the worker's
size of a round. It acknowledges after the commit, for the load program to go on. It keeps no order, knows no gap, no
fork and no signature, and makes no stock.

    python -m bench.headoffice_reference BROKER_PORT POSTGRES_ADDRESS
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, cast

import orjson
import psycopg

from contract.messages import Ack
from contract.topics import EventType, Topics
from headoffice.mqtt import Broker, Connected, Shell
from headoffice.postgres import PostgresStore
from headoffice.worker import ROUND_MESSAGES_MAX, ROUND_S, ROUND_SIZE_BYTES_MAX

COPY = "COPY event (store, log, seq, type, hash, body, at_us) FROM STDIN (FORMAT BINARY)"
TYPES = ("text", "text", "int8", "text", "text", "bytea", "int8")
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


def main() -> None:
    port, address = int(sys.argv[1]), sys.argv[2]
    PostgresStore(address).close()  # makes the tables
    connection = psycopg.connect(address, autocommit=True)
    connection.execute("SET synchronous_commit = on")
    topics = [f"stock/v1/+/{kind.value}" for kind in EventType]
    shell = Shell(Broker("127.0.0.1", port, "reference"), topics, print, lambda: 0.5)
    shell.open()
    while True:
        found = shell.take(ROUND_MESSAGES_MAX, ROUND_S, ROUND_SIZE_BYTES_MAX)
        messages = [one for one in found if not isinstance(one, Connected)]
        at_us = time.time_ns() // 1000
        rows = [row for one in messages for row in rows_of(bytes(one.payload), at_us)]
        if not rows:
            continue
        copy(connection, rows)
        for store, (log, seq) in {row[0]: (row[1], row[2]) for row in rows}.items():
            shell.publish(
                Topics(store).ack("headoffice"),
                cast("bytes", Ack(log=log, seq=seq).model_dump_json().encode()),
                retain=True,
            )


if __name__ == "__main__":
    main()
