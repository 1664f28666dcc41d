"""Head office's worker: messages in, one commit a round, then acknowledgements and requests for what is missing.

All state of the stores is in the database; the engines are made from it, and thrown away if storing fails. Which stores
are taken in says `ours`: all (`Roster`), or those of the leases that a worker among several holds.

    worker.py         the loop: broker, database, leases, and what happens when one of them is lost
    worker_planes.py  what stores say of themselves
    worker_asks.py    what they ask
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from pydantic import ValidationError

from contract.ids import uuid7
from contract.messages import Ack, Replay, Response, State
from contract.times import Stamper
from contract.topics import Address, EventType, Topics, parse
from headoffice import keeping, keys, mending
from headoffice.announcing import Announcer, again
from headoffice.behind import Behind
from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.ingest import Gap, Ingest, Outcome
from headoffice.part import Message, Publish
from headoffice.storing import Batch, Storage
from headoffice.worker_asks import Asks
from headoffice.worker_planes import SHAPES, Planes

REPLAY_S_MIN = 1.0
REPLAY_S_MAX = 30.0
REACK_S = 1.0
ACK_S = 0.5  # between acknowledgements of one store while more waits than can be stored
REQUEST_LIFE_S = 60
OUTAGE_END_S = 600.0  # without a refusal of a code: the next one is news
REPLAYS_REMEMBERED = 1000
MEND_S = 1.0
STORES_MAX = 10_000
STRANGERS_SAID = 1000
EVENTS = frozenset(EventType)
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class _Followed:
    """One store: its engine, and when it was last asked to send again."""

    engine: Ingest
    asked_seq: int = 0
    next_ask_s: float = 0.0
    backoff_s: float = REPLAY_S_MIN
    acked: tuple[str, int] | None = None
    acked_s: float = float("-inf")
    owed: bool = False  # an acknowledgement
    refused_s: dict[str, float] = field(default_factory=dict[str, float])  # when the last of each code came


Fence = Callable[[Database, Collection[str]], None]
"""Called in the transaction of a round with its stores. Raises `LeaseLost`."""


class Roster:
    """A worker alone takes in every store, or those of a list."""

    def __init__(self, known: frozenset[str] | None, say: Callable[[str], None]) -> None:
        self._known = known
        self._say = say
        self._followed: set[str] = set()
        self._strangers: set[str] = set()

    def ours(self, store: str) -> bool:
        if store in self._followed:
            return True
        if self._known is None:
            why, ours = f"ignored: {STORES_MAX} stores are followed already", len(self._followed) < STORES_MAX
        else:
            why, ours = "not in the list of stores, ignored", store in self._known
        if ours:
            self._followed.add(store)
        elif store not in self._strangers and len(self._strangers) < STRANGERS_SAID:
            self._strangers.add(store)
            self._say(f"{store}: {why}")
        return ours


class Service:
    """Of one database connection; with another, another. `ours` says of a store whether it is taken in here."""

    def __init__(
        self,
        store: Storage,
        *,
        consumer: str,
        prefix: str,
        clock: Clock,
        stamper: Stamper,
        say: Callable[[str], None],
        asks: Asks,
        ours: Callable[[str], bool],
        fence: Fence | None = None,
    ) -> None:
        self._store = store
        self._consumer = consumer
        self._prefix = prefix
        self._clock = clock
        self._stamper = stamper
        self._say = say
        self._asks = asks
        self._ours = ours
        self._fence = fence
        self._planes = Planes(say)
        self._announcer = Announcer(store.database, clock, prefix)
        self._followed: dict[str, _Followed] = {}
        self._mend_s = 0.0
        self._replays: dict[str, tuple[str, str]] = {}  # by request: store and log
        self._behind = Behind()
        self._held: tuple[int, list[Publish]] = (0, [])  # of the round that is being stored: its events, the answers
        self.events = 0

    def greet(self) -> list[Publish]:
        """After every connect: positions again, so that a store whose messages were lost sends them again."""
        rows = self._store.database.rows("SELECT store, log, seq, hash FROM position ORDER BY store")
        return [self._ack(*row) for row in rows if self._ours(row[0])]

    def announce_again(self) -> None:
        """All of them: a broker may have lost what it retained."""
        again(self._store.database)

    def announce(self) -> list[Publish]:
        """Items and documents that changed, to be published at once."""
        return self._announcer.due()

    def adopt(self, stores: Collection[str] | None) -> list[Publish]:
        """Stores (None: all) whose messages went elsewhere or nowhere: the position, and what may have come after it.

        Whether anything came after is not known: a store without more refuses, and nobody minds.
        """
        out: list[Publish] = []
        for store, log, seq, name in self._store.database.rows(
            "SELECT store, log, seq, hash FROM position ORDER BY store"
        ):
            if self._ours(store) and (stores is None or store in stores):
                out += [self._ack(store, log, seq, name), self._request(store, Gap(log, seq + 1), remember=False)]
        return out

    def keep(self, stores: Collection[str]) -> None:
        """The engines of all others are another worker's business now."""
        self._followed = {store: one for store, one in self._followed.items() if store in stores}

    def receive(self, messages: Sequence[Message], *, more: bool = False) -> list[Publish]:
        """One round: everything in `messages` is stored in one commit before any of it is acknowledged.

        With `more` it is stored while the next round is taken in, and what is given are the answers to the round
        before. Call nothing else then before `settle`.
        """
        try:
            batches, out = self._taken_in(messages, more=more)
            before = self.settle()
            self._held = (sum(len(batch.accepted) for batch in batches.values()), out)
            storing = self._storing(batches)
            if more:
                self._behind.start(storing)
                return before
            storing()
        except BaseException:
            self._forget()
            raise
        return before + self.settle()

    @property
    def storing(self) -> bool:
        """A round is being stored: `settle` is due."""
        return self._behind.busy

    def settle(self) -> list[Publish]:
        """Wait for the round that is being stored: the answers to it. Raises what storing it raised."""
        try:
            self._behind.finish()
        except BaseException:
            self._forget()
            raise
        (events, out), self._held = self._held, (0, [])
        self.events += events
        return out

    def close(self) -> None:
        self._behind.close()

    def _forget(self) -> None:
        """What the engines took in is not stored: they are made again from what is."""
        self._behind.wait()
        self._followed.clear()
        self._held = (0, [])

    def _taken_in(self, messages: Sequence[Message], *, more: bool) -> tuple[dict[str, Batch], list[Publish]]:
        """What is to be stored, and what is to be said once it is."""
        batches: dict[str, Batch] = {}
        heard: dict[str, bool] = {}
        out: list[Publish] = []
        self._planes = self._planes.next()
        for message in messages:
            address = parse(message.topic, self._prefix)
            if address is None or address.store == "catalog" or not self._ours(address.store):
                continue
            store, plane = address.store, address.plane
            if plane in EVENTS:
                moved = self._take(store, plane, message.payload, batches)
                heard[store] = heard.get(store, False) or moved
            elif plane in SHAPES and (plane == "device") == (address.name is not None):
                self._said_of_itself(address, message)
                heard.setdefault(store, False)
            elif plane == "ask" and address.name is not None:
                self._behind.wait()
                out += self._asks.answer(store, address.name, message.payload)
            elif plane == "response" and address.name is not None:
                self._replayed(store, address.name, message.payload)
        for store, moved in heard.items():
            out += self._replies(store, moved=moved, more=more)
        return batches, out

    def _storing(self, batches: dict[str, Batch]) -> Callable[[], None]:
        found, planes = [batch for batch in batches.values() if batch.accepted or batch.refusals], self._planes
        stores = {batch.store for batch in found}.union(planes.stores)
        now_us = self._clock.wall_us()

        def within(database: Database) -> None:
            if self._fence is not None:
                self._fence(database, stores)
            planes.write(database, now_us)

        def store() -> None:
            if found:
                self._store.save(found, now_us, within)
            elif stores:
                with self._store.database.transaction():
                    within(self._store.database)

        return store

    def tick(self) -> list[Publish]:
        """Gaps that are due to be asked for again; of all stores, also those of which nothing came."""
        out = self._mend()
        for store, followed in list(self._followed.items()):
            if followed.owed and self._clock.now_s() - followed.acked_s >= ACK_S:
                out += self._replies(store, moved=True, more=False)
            else:
                out += self._ask(store)
        return out

    def _mend(self) -> list[Publish]:
        """What a check found damaged: set aside, made again, asked for again."""
        if self._clock.now_s() < self._mend_s:
            return []
        self._mend_s, out = self._clock.now_s() + MEND_S, list[Publish]()
        for wanted in mending.waiting(self._store.database):
            if self._ours(wanted.store):
                done = mending.mend(self._store, wanted, self._clock.wall_us)
                why = done.error or f"{', '.join(done.tables) or 'no table'} was not as the events say"
                self._say(f"{wanted.store}: mended from event {wanted.seq} on: {why}")
                self._followed.pop(wanted.store, None)
                out += self.adopt([wanted.store])
        return out

    # -- one store --------------------------------------------------------------------------------------------------

    def _engine(self, store: str) -> _Followed:
        found = self._followed.get(store)
        if found is None:
            self._behind.wait()
            held, database = self._store, self._store.database
            position, key = held.position(store) or (None, None)
            engine = Ingest(
                store,
                position=position,
                key=key,
                hash_at=self._stored(held.hash_at(store)),
                knows=self._stored(held.knows(store)),
                enrolled=self._stored(lambda: keys.newest(database, store)),
                oldest=keeping.oldest(database, store),
            )
            found = self._followed[store] = _Followed(engine)
        return found

    def _stored(self, call: Callable[P, R]) -> Callable[P, R]:
        """The same, asked of what is stored once nothing is being stored."""

        def asked(*args: P.args, **kwargs: P.kwargs) -> R:
            self._behind.wait()
            return call(*args, **kwargs)

        return asked

    def _take(self, store: str, kind: str, payload: bytes, batches: dict[str, Batch]) -> bool:
        """True when the position moved or the message held nothing new: both are answered with the position."""
        followed = self._engine(store)
        batch = batches.get(store)
        if batch is None:
            batch = batches[store] = Batch(store, followed.engine.position)
            followed.engine.stored()
        outcome = followed.engine.receive(payload, kind)
        batch.add(outcome, followed.engine.position, followed.engine.key)
        self._tell(store, followed, outcome)
        return bool(outcome.accepted or outcome.duplicates)

    def _tell(self, store: str, followed: _Followed, outcome: Outcome) -> None:
        """Of refusals one line for each code, and the next one only after a pause: a fork sends without end."""
        if outcome.new_log is not None:
            self._say(f"{store}: follows log {outcome.new_log}")
        now_s = self._clock.now_s()
        for refusal in outcome.refusals:
            last_s = followed.refused_s.get(refusal.code)
            followed.refused_s[refusal.code] = now_s
            if last_s is None or now_s - last_s >= OUTAGE_END_S:
                self._say(f"{store}: {'ALARM ' if refusal.alarm else ''}quarantined ({refusal.code}): {refusal.reason}")

    def _said_of_itself(self, address: Address, message: Message) -> None:
        found = self._planes.take(address, message)
        if found is not None:
            self._state(address.store, found)

    def _state(self, store: str, state: State) -> None:
        followed = self._engine(store)
        known = followed.engine.gap() is not None
        if followed.engine.heard(state.log, state.head, state.first or 1) is not None and not known:
            # A store that has just come sends what is missing by itself: only its silence is a reason to ask.
            followed.next_ask_s = max(followed.next_ask_s, self._clock.now_s() + REPLAY_S_MIN)

    def _replies(self, store: str, *, moved: bool, more: bool) -> list[Publish]:
        followed, now_s = self._engine(store), self._clock.now_s()
        position = followed.engine.position
        out: list[Publish] = []
        if moved and position is not None:
            fresh = (position.log, position.seq) != followed.acked
            followed.owed = fresh and more and now_s - followed.acked_s < ACK_S
            if (fresh and not followed.owed) or now_s - followed.acked_s >= REACK_S:
                followed.acked, followed.acked_s = (position.log, position.seq), now_s
                out.append(self._ack(store, position.log, position.seq, position.hash))
            if fresh:
                followed.backoff_s, followed.next_ask_s = REPLAY_S_MIN, now_s + REPLAY_S_MIN
            else:  # copies of what is known: a broker that kept them all hands on what is missing behind them
                followed.next_ask_s = max(followed.next_ask_s, now_s + REPLAY_S_MIN)
        return out + self._ask(store)

    def _ack(self, store: str, log: str, seq: int, name: str) -> Publish:
        payload = Ack(log=log, seq=seq, hash=name).model_dump_json().encode()
        return Publish(Topics(store, self._prefix).ack(self._consumer), payload, retain=True)

    def _ask(self, store: str) -> list[Publish]:
        """A request to send again, at growing intervals; progress makes them short again."""
        followed, now_s = self._followed[store], self._clock.now_s()
        gap = followed.engine.gap()
        if gap is None or now_s < followed.next_ask_s:
            return []
        followed.next_ask_s = now_s + followed.backoff_s * (0.5 + self._clock.chance())
        followed.backoff_s = min(followed.backoff_s * 2, REPLAY_S_MAX)
        if followed.asked_seq != gap.seq:
            followed.asked_seq = gap.seq
            self._say(f"{store}: event {gap.seq} is missing, asked for it")
        return [self._request(store, gap)]

    def _request(self, store: str, gap: Gap, *, remember: bool = True) -> Publish:
        now_us = self._clock.wall_us()
        request = Replay(
            id=uuid7(now_us // 1000, self._clock.entropy(10)),
            expires_at=self._stamper.text(now_us + REQUEST_LIFE_S * 1_000_000),
            log=gap.log,
            seq=gap.seq,
            consumer=self._consumer,
        )
        if remember:
            if len(self._replays) >= REPLAYS_REMEMBERED:
                self._replays.pop(next(iter(self._replays)))
            self._replays[request.id] = (store, gap.log)
        return Publish(Topics(store, self._prefix).request("replay"), request.model_dump_json().encode(), retain=False)

    def _replayed(self, store: str, request_id: str, payload: bytes) -> None:
        asked, log = self._replays.get(request_id, ("", ""))
        if asked != store:  # another consumer's, or an answer in another store's name
            return
        del self._replays[request_id]
        try:
            response = Response.model_validate_json(payload)
        except ValidationError:
            return  # the request is made again when it is due
        if response.status == "refused":
            self._say(f"{store}: will not send again: {response.hint}")
            self._engine(store).engine.nothing_there(log)
        elif response.status == "done" and type(first := (response.result or {}).get("first")) is int:
            self._engine(store).engine.begins(log, first)
