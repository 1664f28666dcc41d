"""The only place that builds head office's objects."""

from __future__ import annotations

import gc
import signal
import socket
import sys
import threading
from dataclasses import dataclass, replace
from datetime import UTC
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError

from contract.ids import is_name, uuid7
from contract.messages import DigestResult, Response, StockDigest
from contract.times import Stamper
from contract.topics import Topics
from headoffice.catalogue import Changes, Items, take
from headoffice.clock import SystemClock
from headoffice.database import is_postgres
from headoffice.documents import Pages
from headoffice.errors import ConfigError, NotComparable
from headoffice.items import read_items
from headoffice.mqtt import Broker, Connected, Shell
from headoffice.restoring import Restores
from headoffice.service import Roster, Service
from headoffice.storages import await_server, locked, open_storage
from headoffice.storing import Storage
from headoffice.verify import Moved, Verdict, compare_live
from headoffice.worker import Worker, all_topics
from headoffice.worker_asks import Asks
from headoffice.worker_leases import Membership

ASK_S = 5.0
SWITCH_INTERVAL_S = 0.0005
GARBAGE_OBJECTS = 100_000  # made and not yet freed, before it is looked for


def say(line: str) -> None:
    """What a store or a broker said makes no line of ours, and moves no terminal's cursor."""
    plain = "".join(one if one.isprintable() or one in "\n\t" else f"\\x{ord(one):02x}" for one in line)
    sys.stderr.write(plain.replace("\n", "\n  ") + "\n")
    sys.stderr.flush()


@dataclass(frozen=True, slots=True)
class Division:
    """How stores are divided among workers: this one's name, and how many buckets there are for all of them."""

    worker: str
    buckets: int


def divided(target: str, worker: str | None, buckets: int) -> Division | None:
    """None for a file, which one worker has alone. Raises `ConfigError`."""
    if is_postgres(target):
        name = worker or socket.gethostname()
        if not is_name(name):
            raise ConfigError(f"{name!r} is no name of a worker", hint="--worker: 1 to 64 of A-Z a-z 0-9 . _ -")
        return Division(name, buckets)
    if worker is not None:
        raise ConfigError(
            "several workers need PostgreSQL", hint="--db postgresql://…, or leave --worker out: a file has one worker"
        )
    return None


def run(
    broker: Broker, target: str, *, consumer: str, prefix: str, catalogue: Path | None, known: frozenset[str] | None,
    division: Division | None,
) -> None:  # fmt: skip
    """Until SIGTERM or SIGINT. Raises HeadOfficeError; `DatabaseUnusable` if another head office runs on a file."""
    clock, stamper = SystemClock(), Stamper(UTC)
    membership = None
    if division is not None:
        holder = f"{division.worker}.{clock.entropy(6).hex()}"
        membership = Membership(division.worker, holder, division.buckets, known, say)
        broker = replace(broker, client_id=f"{broker.client_id}-{division.worker}", keep_session=False)

    def served(storage: Storage) -> Service:
        return Service(
            storage, consumer=consumer, prefix=prefix, clock=clock, stamper=stamper, say=say,
            asks=Asks(Items(storage.database), Pages(storage), Restores(storage), prefix, say, clock.now_s),
            ours=membership.ours if membership is not None else Roster(known, say).ours,
            fence=membership.fence if membership is not None else None,
        )  # fmt: skip

    stop = _stopped()
    with locked(target):
        await_server(target, stop, say, clock.chance)
        if stop.is_set():
            return
        if catalogue is not None:
            import_items(target, catalogue)
        shell = Shell(broker, [] if membership is not None else all_topics(prefix), say, clock.chance)
        facts = {"host": socket.gethostname(), "version": version("jaego")}
        worker = Worker(
            shell, lambda: open_storage(target), served, prefix=prefix, clock=clock, say=say, membership=membership,
            facts=facts,
        )  # fmt: skip
        say(f"head office: {broker.host}:{broker.port} as {consumer}")
        _settle_interpreter()
        worker.run(stop)
        say(f"head office: closed, {worker.events} events taken in")


def _settle_interpreter() -> None:
    """A round holds hundreds of thousands of objects, none of them in a circle: looking through all of them again and
    again took a third of the worker's time. And who comes back from the database or the broker does not wait 5 ms."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 50, 100)


def import_items(target: str, file: Path, *, complete: bool = False, check: bool = False) -> Changes:
    """What changed in the item master; told, too. Raises `ConfigError`, and nothing is written."""
    items, held = read_items(file), open_storage(target)
    try:
        changes = take(held.database, items, complete=complete, check=check)
    finally:
        held.close()
    say(f"items: {changes}{' (nothing is written)' if check else ''}")
    return changes


def _stopped() -> threading.Event:
    """Set by SIGTERM and SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def verify_live(broker: Broker, target: str, stores: list[str], *, prefix: str, timeout_s: float) -> list[Verdict]:
    """Compare with each store through its own digests. Raises `NotComparable`."""
    clock, held = SystemClock(), open_storage(target, read_only=True)
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


def _verify(shell: Shell, database: Storage, store: str, clock: SystemClock, prefix: str, timeout_s: float) -> Verdict:
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
