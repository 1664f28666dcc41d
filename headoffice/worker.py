"""The worker's loop: rounds from the broker into the database, and what to do when one of the two is lost.

    the broker is lost     the shell comes again by itself; then positions are said again
    the database is lost   what comes is dropped, unacknowledged; a new connection, everything made again from it
    the disk is full       the same, with the connection that there is
    a lease is lost        what was taken in of this round is dropped; the leases are looked at again

Whatever was dropped comes again: the stores keep what is not acknowledged, and are asked for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from headoffice.clock import Clock
from headoffice.errors import DatabaseFull, DatabaseLost, DatabaseUnusable, HeadOfficeError, LeaseLost
from headoffice.mqtt import Connected, Item, Shell
from headoffice.part import Message, Publish
from headoffice.service import Service
from headoffice.storing import Storage
from headoffice.worker_leases import LEASE_S, LOOK_S, Membership, NameTaken

ROUND_MESSAGES_MAX = 1_000
ROUND_SIZE_BYTES_MAX = 4 * 1024 * 1024
ROUND_S = 0.25
STORING_S = 1.5  # more between two ticks while rounds follow each other: each tick waits for the one that is stored
REPORT_S = 30.0
RETRY_S_MIN = 0.25
RETRY_S_MAX = 2.0  # a store's events wait for it

EVENT_PLANES = ("movement", "count", "document", "exception", "journal")
PLANES = (*EVENT_PLANES, "state", "health", "device/+", "ask/+", "response/+")
"""What a worker hears of a store. Never `level`: a thousand stores' retained stock would come at every connect."""


def all_topics(prefix: str) -> list[str]:
    return [f"{prefix}/+/{plane}" for plane in PLANES]


def topics_of(stores: Sequence[str] | frozenset[str], prefix: str) -> list[str]:
    """Of the stores alone; and all states, to hear of new ones."""
    return [f"{prefix}/+/state", *(f"{prefix}/{store}/{plane}" for store in sorted(stores) for plane in PLANES)]


class Worker:
    """`opened` opens the database, `served` makes the service on a connection: again after every outage."""

    def __init__(
        self,
        shell: Shell,
        opened: Callable[[], Storage],
        served: Callable[[Storage], Service],
        *,
        prefix: str,
        clock: Clock,
        say: Callable[[str], None],
        membership: Membership | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        self._shell = shell
        self._opened = opened
        self._served = served
        self._prefix = prefix
        self._clock = clock
        self._say = say
        self._membership = membership
        self._facts = facts or {}
        self._storage: Storage | None = None
        self._service: Service | None = None
        self._overlaps = False
        self._events = 0  # of services that are gone
        self._broken = False  # to be mended before the next round
        self._said_lost = False
        self._tries = 0
        self._look_s = self._tick_s = self._held_until_s = 0.0
        self._adopt_all = False
        self._patience_s: float | None = None
        self._reported = self._looked_at = (clock.now_s(), 0)

    @property
    def events(self) -> int:
        """Taken in since the start."""
        return self._events + (self._service.events if self._service else 0)

    def run(self, stop: threading.Event) -> None:
        """Until `stop`. Raises what a person must see to: `ConfigError`, `NameTaken`; at first `DatabaseUnusable`."""
        self.open()
        while not stop.is_set():
            pause_s = self.turn()
            if pause_s:
                stop.wait(pause_s)
        self._leave()

    def open(self) -> None:
        """Raises `DatabaseUnusable`."""
        self._open()
        self._shell.open()

    def turn(self) -> float:
        """One round, and how long to wait before the next, in seconds. Raises as `run`."""
        try:
            self._round()
        except LeaseLost as error:
            self._say(f"{error}; {error.hint}")
            self._look_s, self._adopt_all = 0.0, True
            return RETRY_S_MIN
        except (DatabaseLost, DatabaseFull) as error:
            self._lose(error)
            return min(RETRY_S_MAX, RETRY_S_MIN * 2.0 ** min(self._tries, 10)) * (0.5 + self._clock.chance())
        return 0.0

    # -- one round --------------------------------------------------------------------------------------------------

    def _round(self) -> None:
        if self._broken:
            self._mend()
        service, answers = self._service, list[Publish]()
        assert service is not None
        if self._membership is not None:
            if self._clock.now_s() >= self._look_s:
                answers += self._settled(service) + self._look(self._membership, service)
        elif self._adopt_all:
            self._adopt_all = False
            answers += self._settled(service) + service.adopt(None)
        found = self._shell.take(ROUND_MESSAGES_MAX, ROUND_S, ROUND_SIZE_BYTES_MAX)
        if any(isinstance(one, Connected) for one in found):
            answers += self._settled(service) + self._greet(service)
            if self._membership is None and not all(one.session for one in found if isinstance(one, Connected)):
                service.announce_again()  # a broker that forgot the session may have forgotten more
        messages = _messages(found)
        if messages and self._overlaps and self._shell.waiting:
            answers += service.receive(messages, more=True)
        elif messages:
            answers += service.receive(messages)
            self._well()
        else:
            answers += self._settled(service)
        if self._clock.now_s() >= self._tick_s + (STORING_S if service.storing else 0.0):
            self._tick_s = self._clock.now_s() + ROUND_S
            answers += self._settled(service) + service.tick()
            self._announce(service)
            self._report()
        if answers:
            self._publish(answers)

    def _settled(self, service: Service) -> list[Publish]:
        """Before the database is used for anything but the next round."""
        answers = service.settle()
        if answers:
            self._well()
        return answers

    def _greet(self, service: Service) -> list[Publish]:
        """A session without a memory begins empty: what was under way to it may be lost."""
        if self._membership is None:
            return service.greet()
        return service.adopt(self._membership.stores)

    def _announce(self, service: Service) -> None:
        """Of no store: leases say nothing about it. Without a connection it would be counted as said."""
        if self._shell.connected:
            for one in service.announce():
                self._shell.publish(one.topic, one.payload, retain=one.retain)

    def _publish(self, answers: Sequence[Publish]) -> None:
        """Not after the leases have run out: another worker may have acknowledged more by now."""
        if self._membership is not None and self._clock.now_s() >= self._held_until_s:
            self._look_s, self._adopt_all = 0.0, True
            return
        for one in answers:
            self._shell.publish(one.topic, one.payload, retain=one.retain)

    # -- leases -----------------------------------------------------------------------------------------------------

    def _look(self, membership: Membership, service: Service) -> list[Publish]:
        begun_s, before = self._clock.now_s(), membership.stores
        if self._looked(membership):
            self._patience_s = None
            self._well()
            self._held_until_s, self._look_s = begun_s + LEASE_S, begun_s + LOOK_S
        else:
            self._look_s = begun_s + LOOK_S
        stores = membership.stores
        new = stores if self._adopt_all else stores - before
        self._adopt_all = False
        if stores != before:
            service.keep(stores)
            self._shell.listen(topics_of(stores, self._prefix))
            gained, lost = len(stores - before), len(before - stores)
            self._say(f"{len(stores)} stores in {len(membership.buckets)} buckets: {gained} more, {lost} less")
        return service.adopt(new) if new else []

    def _looked(self, membership: Membership) -> bool:
        """False while a process that ran under this name a moment ago may still live: its leases run out."""
        storage = self._storage
        assert storage is not None
        now_s, (then_s, before) = self._clock.now_s(), self._looked_at
        self._looked_at = (now_s, self.events)
        rate = round((self.events - before) / max(0.1, now_s - then_s))
        try:
            membership.look(storage.database, {**self._facts, "events": self.events, "rate": rate})
        except NameTaken as error:
            if self._held_until_s:  # it was ours: the other has come after us
                raise
            if self._patience_s is None:
                self._patience_s = now_s + 2 * LEASE_S
                self._say(f"{error}: waiting until it is gone")
            if now_s > self._patience_s:
                raise
            return False
        return True

    def _leave(self) -> None:
        self._shell.close()
        if self._storage is None or self._service is None or self._broken:
            return
        with suppress(HeadOfficeError):  # it comes again
            self._service.settle()
        self._service.close()
        with suppress(DatabaseLost):  # the leases run out by themselves
            if self._membership is not None:
                self._membership.leave(self._storage.database)
            self._storage.close()

    # -- the database -----------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._storage = self._opened()
        self._service = self._served(self._storage)
        self._overlaps = self._storage.database.dialect == "postgres"  # SQLite's time is the worker's own
        if self._membership is not None:
            self._membership.join(self._storage.database)
            self._shell.listen(topics_of(self._membership.stores, self._prefix))

    def _lose(self, error: HeadOfficeError) -> None:
        self._tries += 1
        self._broken = self._shell.deaf = True
        if not self._said_lost:
            self._said_lost = True
            self._say(f"{error}: nothing is acknowledged, and comes again; {error.hint}")
        if isinstance(error, DatabaseLost) and self._storage is not None:
            if self._service is not None:
                self._service.close()
            self._events, self._service = self.events, None
            with suppress(DatabaseLost):
                self._storage.close()
            self._storage = None

    def _mend(self) -> None:
        """A connection again, everything made from it. Raises `DatabaseLost`."""
        if self._storage is None:
            try:
                self._open()
            except DatabaseUnusable as error:
                raise DatabaseLost(str(error), hint=error.hint) from error
        self._look_s, self._adopt_all = 0.0, True
        self._broken = False
        self._shell.hear_again()

    def _well(self) -> None:
        """Something was stored."""
        if self._said_lost:
            self._say(f"the database takes events again, after {self._tries} tries")
        self._said_lost, self._tries = False, 0

    def _report(self) -> None:
        now_s, (then_s, before) = self._clock.now_s(), self._reported
        if now_s - then_s > REPORT_S:
            if self.events != before:
                self._say(f"{self.events} events taken in")
            self._reported = (now_s, self.events)


def _messages(found: Sequence[Item]) -> list[Message]:
    return [Message(one.topic, bytes(one.payload), one.retain) for one in found if not isinstance(one, Connected)]
