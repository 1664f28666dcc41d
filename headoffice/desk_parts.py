"""The desk's parts behind one broker connection, in one thread, in one desk of a database.

On PostgreSQL an advisory lock says which desk; it goes with its connection, however the process ends, and another desk
takes over. On SQLite it is a lock of a file.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from paho.mqtt.client import topic_matches_sub

from headoffice.clock import Clock
from headoffice.database import Database, is_postgres, open_database
from headoffice.desk_outage import Say, Well, outlasting
from headoffice.mqtt import Broker, Connected, Item, Shell
from headoffice.part import Message, Part, Publish

LOCK_KEY = 0x6A61656764736B  # "jaegdsk"
LOCK_S = 2.0
TICK_S = 0.25
ROUND_MESSAGES_MAX = 200


class Surroundings(NamedTuple):
    """What a part is built with. `open` gives it a database connection of its own, for writing."""

    open: Callable[[], Database]
    target: str
    clock: Clock
    prefix: str
    say: Say


Builder = Callable[[Surroundings], Part]


def run_parts(
    target: str, broker: Broker, builders: Sequence[Builder], clock: Clock, prefix: str, stop: threading.Event, say: Say
) -> None:
    """Until `stop`. A lost database ends the parts; they are made again from what is stored."""

    def running(well: Well) -> None:
        with only_one(target, stop, say) as alive:
            if alive is not None:
                _run(target, broker, builders, clock, prefix, stop, say, alive, well)

    outlasting(target, stop, say, "parts", running)


@contextmanager
def only_one(target: str, stop: threading.Event, say: Say) -> Generator[Callable[[], None] | None]:
    """Waits until no other desk runs the parts. Gives a check, which raises once this is no longer sure.

    None: `stop` came first.
    """
    with ExitStack() as held:
        waited = False
        if is_postgres(target):
            database = open_database(target)
            held.callback(database.close)

            def take() -> bool:
                return bool(database.rows("SELECT pg_try_advisory_lock(?)", (LOCK_KEY,))[0][0])

            def check() -> None:
                database.rows("SELECT 1")  # the lock is as alive as its connection
        else:
            path = Path(target)
            file = held.enter_context(path.with_name(path.name + ".desk.lock").open("ab"))

            def take() -> bool:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
                return True

            def check() -> None:
                return None

        while not take():
            if not waited:
                say("desk: another desk runs alerts, checks and commands; this one shows")
            waited = True
            if stop.wait(LOCK_S):
                yield None
                return
        yield check


def _run(
    target: str,
    broker: Broker,
    builders: Sequence[Builder],
    clock: Clock,
    prefix: str,
    stop: threading.Event,
    say: Say,
    alive: Callable[[], None],
    well: Well,
) -> None:
    with ExitStack() as held:

        def opened() -> Database:
            database = open_database(target)
            held.callback(database.close)
            return database

        parts = [build(Surroundings(opened, target, clock, prefix, say)) for build in builders]
        well()
        filters = [[f"{prefix}/{one}" for one in part.topics] for part in parts]
        named = replace(broker, client_id=f"{broker.client_id}-{clock.entropy(4).hex()}", keep_session=False)
        shell = Shell(named, sorted({one for each in filters for one in each}), say, clock.chance)
        shell.open()
        held.callback(shell.close)
        ticked_s = checked_s = clock.now_s()
        while not stop.is_set():
            found = shell.take(ROUND_MESSAGES_MAX, TICK_S)
            out = [one for item in found for one in _told(item, parts, filters)]
            now_s = clock.now_s()
            if now_s - ticked_s >= TICK_S:
                ticked_s = now_s
                out += [one for part in parts for one in part.tick()]
            if now_s - checked_s >= LOCK_S:
                checked_s = now_s
                alive()
            for one in out:
                shell.publish(one.topic, one.payload, retain=one.retain)


def _told(item: Item, parts: Sequence[Part], filters: Sequence[Sequence[str]]) -> list[Publish]:
    if isinstance(item, Connected):
        return [one for part in parts for one in part.connected()]
    message = Message(item.topic, bytes(item.payload))
    return [
        one
        for part, wanted in zip(parts, filters, strict=True)
        if any(topic_matches_sub(each, message.topic) for each in wanted)
        for one in part.receive(message)
    ]
