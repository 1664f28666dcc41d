"""The only place that builds head office's objects."""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from pydantic import ValidationError

from contract.ids import uuid7
from contract.messages import DigestResult, Response, StockDigest
from contract.times import Stamper
from contract.topics import EventType, Topics
from headoffice.clock import SystemClock
from headoffice.errors import NotComparable
from headoffice.items import ItemMaster, read_items
from headoffice.mqtt import Broker, Connected, Shell
from headoffice.part import Message, Publish
from headoffice.service import Service
from headoffice.store import Store, locked
from headoffice.verify import Moved, Verdict, compare_live

ROUND_MESSAGES_MAX = 1_000
ROUND_SIZE_BYTES_MAX = 4 * 1024 * 1024
ROUND_S = 0.25
REPORT_S = 30.0
ASK_S = 5.0


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def run(
    broker: Broker, database: Path, *, consumer: str, prefix: str, catalogue: Path | None, known: frozenset[str] | None
) -> None:
    """Until SIGTERM or SIGINT. Raises `DatabaseUnusable` if another head office runs on the database."""
    with locked(database):
        _run(broker, database, consumer, prefix, catalogue, known)


def _run(
    broker: Broker, database: Path, consumer: str, prefix: str, catalogue: Path | None, known: frozenset[str] | None
) -> None:
    clock, store = SystemClock(), Store(database)
    items = ItemMaster(read_items(catalogue)) if catalogue is not None else None
    stamper = Stamper(UTC)
    service = Service(
        store, consumer=consumer, prefix=prefix, clock=clock, stamper=stamper, say=say, items=items, known=known
    )
    planes = [*(kind.value for kind in EventType), "state", "ask/+", "response/+"]
    shell = Shell(broker, [f"{prefix}/+/{plane}" for plane in planes], say, clock.chance)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    say(f"head office: {broker.host}:{broker.port} as {consumer}, {len(items.items) if items else 0} items, {database}")
    shell.open()
    reported_s, reported = clock.now_s(), 0
    while not stop.is_set():
        for answer in _round(shell, service):
            shell.publish(answer.topic, answer.payload, retain=answer.retain)
        if clock.now_s() - reported_s > REPORT_S and service.events != reported:
            reported_s, reported = clock.now_s(), service.events
            say(f"{service.events} events taken in, {len(store.stores())} stores")
    shell.close()
    store.close()
    say(f"head office: closed, {service.events} events taken in")


def _round(shell: Shell, service: Service) -> list[Publish]:
    """What came, stored in one commit; then the answers."""
    found = shell.take(ROUND_MESSAGES_MAX, ROUND_S, ROUND_SIZE_BYTES_MAX)
    answers: list[Publish] = service.greet() if any(isinstance(one, Connected) for one in found) else []
    messages = [Message(one.topic, bytes(one.payload)) for one in found if not isinstance(one, Connected)]
    return answers + (service.receive(messages) if messages else []) + service.tick()


def verify_live(broker: Broker, database: Path, stores: list[str], *, prefix: str, timeout_s: float) -> list[Verdict]:
    """Compare with each store through its own digests. Raises `NotComparable`."""
    clock, held = SystemClock(), Store(database, read_only=True)
    name = f"verify-{clock.entropy(6).hex()}"
    topics = [f"{prefix}/{store}/response/+" for store in stores]
    shell = Shell(replace(broker, client_id=name, keep_session=False), topics, say, clock.chance)
    shell.open()
    try:
        await_connection(shell, clock, timeout_s)
        return [_verify(shell, held, store, clock, prefix, timeout_s) for store in stores]
    finally:
        shell.close()
        held.close()


def await_connection(shell: Shell, clock: SystemClock, timeout_s: float) -> None:
    end_s = clock.now_s() + timeout_s
    while clock.now_s() < end_s:
        if any(isinstance(one, Connected) for one in shell.take(10, 0.2)):
            return
    raise NotComparable("the broker cannot be reached", hint="check --broker, and whether it runs")


def _verify(shell: Shell, database: Store, store: str, clock: SystemClock, prefix: str, timeout_s: float) -> Verdict:
    asker = _Asker(shell, Topics(store, prefix), clock, min(ASK_S, timeout_s))
    end_s = clock.now_s() + timeout_s
    while True:
        try:
            return compare_live(database, store, asker.ask)
        except (Moved, TimeoutError) as error:
            if clock.now_s() > end_s:
                why = "does not answer" if isinstance(error, TimeoutError) else "and head office are not at one event"
                hint = "is its agent running?" if isinstance(error, TimeoutError) else "is jaego-hq run running?"
                raise NotComparable(f"store {store} {why} after {timeout_s:.0f} s", hint=hint) from error
            threading.Event().wait(0.2)


class _Asker:
    """`request/digest` and its answer."""

    def __init__(self, shell: Shell, topics: Topics, clock: SystemClock, patience_s: float) -> None:
        self._shell = shell
        self._topics = topics
        self._clock = clock
        self._patience_s = patience_s

    def ask(self, sku_from: str | None, sku_to: str | None, rows_max: int) -> DigestResult:
        now_us = self._clock.wall_us()
        expires_at = Stamper(UTC).text(now_us + 60_000_000)
        request_id = uuid7(now_us // 1000, self._clock.entropy(10))
        request = StockDigest(
            id=request_id, expires_at=expires_at, of="stock", sku_from=sku_from, sku_to=sku_to, rows_max=rows_max
        )
        payload = request.model_dump_json(exclude_none=True).encode()
        self._shell.publish(self._topics.request("digest"), payload, retain=False)
        wanted, end_s = self._topics.response(request_id), self._clock.now_s() + self._patience_s
        while self._clock.now_s() < end_s:
            for one in self._shell.take(100, 0.1):
                if not isinstance(one, Connected) and one.topic == wanted:
                    return _result(bytes(one.payload))
        raise TimeoutError


def _result(payload: bytes) -> DigestResult:
    try:
        response = Response.model_validate_json(payload)
        result = DigestResult.model_validate(response.result) if response.status == "done" else None
    except ValidationError as error:
        why = f"the store's answer is no digest: {error.errors()[0]['msg']}"
        raise NotComparable(why, hint="do both sides run the same release?") from error
    if result is None:
        raise NotComparable(f"the store refuses: {response.reason}: {response.hint}", hint="look at the agent's log")
    return result
