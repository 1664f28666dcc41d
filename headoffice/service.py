"""Head office's worker: messages in, one commit a round, then acknowledgements and requests for what is missing.

All state of the stores is in the database; the engines are made from it, and thrown away if storing fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError

from contract.catalog import shown
from contract.ids import uuid7
from contract.messages import Ack, Ask, AskResolve, Replay, Response, State
from contract.times import Stamper
from contract.topics import EventType, Topics, parse
from headoffice.clock import Clock
from headoffice.documents import Pages
from headoffice.ingest import Gap, Ingest, Outcome
from headoffice.items import ItemMaster, wire
from headoffice.part import Message, Publish
from headoffice.store import Store
from headoffice.storing import Batch

REPLAY_S_MIN = 1.0
REPLAY_S_MAX = 30.0
REACK_S = 1.0
REQUEST_LIFE_S = 60
OUTAGE_END_S = 600.0  # without a refusal of a code: the next one is news
REPLAYS_REMEMBERED = 1000
STORES_MAX = 10_000
STRANGERS_SAID = 1000
EVENTS = frozenset(EventType)


@dataclass(slots=True)
class _Followed:
    """One store: its engine, and when it was last asked to send again."""

    engine: Ingest
    asked_seq: int = 0
    next_ask_s: float = 0.0
    backoff_s: float = REPLAY_S_MIN
    acked: tuple[str, int] | None = None
    acked_s: float = float("-inf")
    refused_s: dict[str, float] = field(default_factory=dict[str, float])  # when the last of each code came


class Service:
    def __init__(
        self,
        store: Store,
        *,
        consumer: str,
        prefix: str,
        clock: Clock,
        stamper: Stamper,
        say: Callable[[str], None],
        items: ItemMaster | None = None,
        known: frozenset[str] | None = None,
    ) -> None:
        self._store = store
        self._consumer = consumer
        self._prefix = prefix
        self._clock = clock
        self._stamper = stamper
        self._say = say
        self._items = items
        self._known = known
        self._documents = Pages(store)
        self._followed: dict[str, _Followed] = {}
        self._replays: dict[str, str] = {}
        self._strangers: set[str] = set()
        self.events = 0

    def greet(self) -> list[Publish]:
        """After every connect: positions again, so that a store whose messages were lost sends them again."""
        out = [ack for store in self._store.stores() if (ack := self._ack(store)) is not None]
        return out + self._catalogue()

    def _catalogue(self) -> list[Publish]:
        if self._items is None:
            return []
        return [
            Publish(f"{self._prefix}/catalog/{item.sku}", item.model_dump_json(exclude_none=True).encode(), retain=True)
            for item in self._items.items
        ]

    def receive(self, messages: Sequence[Message]) -> list[Publish]:
        """One round: everything in `messages` is stored in one commit before any of it is acknowledged."""
        batches: dict[str, Batch] = {}
        heard: dict[str, bool] = {}
        out: list[Publish] = []
        try:
            for message in messages:
                address = parse(message.topic, self._prefix)
                if address is None or not self._is_ours(address.store):
                    continue
                if address.plane in EVENTS:
                    moved = self._take(address.store, address.plane, message.payload, batches)
                    heard[address.store] = heard.get(address.store, False) or moved
                elif address.plane == "state":
                    self._state(address.store, message.payload)
                    heard.setdefault(address.store, False)
                elif address.plane == "ask" and address.name is not None:
                    out += self._answer(address.store, address.name, message.payload)
                elif address.plane == "response" and address.name is not None:
                    self._replayed(address.store, address.name, message.payload)
            self._store.save(batches.values(), self._clock.wall_us())
        except BaseException:
            self._followed.clear()  # what the engines took in is not stored: they are made again from what is
            raise
        self.events += sum(len(batch.accepted) for batch in batches.values())
        for store, moved in heard.items():
            out += self._replies(store, moved=moved)
        return out

    def tick(self) -> list[Publish]:
        """Gaps that are due to be asked for again; of all stores, also those of which nothing came."""
        return [ask for store in list(self._followed) for ask in self._ask(store)]

    # -- one store --------------------------------------------------------------------------------------------------

    def _is_ours(self, store: str) -> bool:
        if store == "catalog":
            return False
        if self._known is None:
            why = f"ignored: {STORES_MAX} stores are followed already"
            ours = store in self._followed or len(self._followed) < STORES_MAX
        else:
            why, ours = "not in the list of stores, ignored", store in self._known
        if not ours and store not in self._strangers and len(self._strangers) < STRANGERS_SAID:
            self._strangers.add(store)
            self._say(f"{store}: {why}")
        return ours

    def _engine(self, store: str) -> _Followed:
        found = self._followed.get(store)
        if found is None:
            position, key = self._store.position(store) or (None, None)
            engine = Ingest(store, position=position, key=key, hash_at=self._store.hash_at(store))
            found = self._followed[store] = _Followed(engine)
        return found

    def _take(self, store: str, kind: str, payload: bytes, batches: dict[str, Batch]) -> bool:
        """True when the position moved or the message held nothing new: both are answered with the position."""
        followed = self._engine(store)
        outcome = followed.engine.receive(payload, kind)
        batch = batches.setdefault(store, Batch(store))
        batch.accepted += outcome.accepted
        batch.refusals += outcome.refusals
        batch.position, batch.key = followed.engine.position, followed.engine.key
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

    def _state(self, store: str, payload: bytes) -> None:
        try:
            state = State.model_validate_json(payload)
        except ValidationError as error:
            self._say(f"{store}: a state that is none: {error.errors()[0]['msg']}")
            return
        followed = self._engine(store)
        known = followed.engine.gap() is not None
        if followed.engine.heard(state.log, state.head) is not None and not known:
            # A store that has just come sends what is missing by itself: only its silence is a reason to ask.
            followed.next_ask_s = max(followed.next_ask_s, self._clock.now_s() + REPLAY_S_MIN)

    def _replies(self, store: str, *, moved: bool) -> list[Publish]:
        followed, now_s = self._engine(store), self._clock.now_s()
        position = followed.engine.position
        out: list[Publish] = []
        if moved and position is not None:
            fresh = (position.log, position.seq) != followed.acked
            if fresh or now_s - followed.acked_s >= REACK_S:
                followed.acked, followed.acked_s = (position.log, position.seq), now_s
                out.append(Publish(*_ack_of(Topics(store, self._prefix), self._consumer, position.log, position.seq)))
            if fresh:
                followed.backoff_s, followed.next_ask_s = REPLAY_S_MIN, now_s + REPLAY_S_MIN
        return out + self._ask(store)

    def _ack(self, store: str) -> Publish | None:
        held = self._store.position(store)
        if held is None or not self._is_ours(store):
            return None
        return Publish(*_ack_of(Topics(store, self._prefix), self._consumer, held[0].log, held[0].seq))

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

    def _request(self, store: str, gap: Gap) -> Publish:
        now_us = self._clock.wall_us()
        request = Replay(
            id=uuid7(now_us // 1000, self._clock.entropy(10)),
            expires_at=self._stamper.text(now_us + REQUEST_LIFE_S * 1_000_000),
            log=gap.log,
            seq=gap.seq,
            consumer=self._consumer,
        )
        if len(self._replays) >= REPLAYS_REMEMBERED:
            self._replays.pop(next(iter(self._replays)))
        self._replays[request.id] = store
        return Publish(Topics(store, self._prefix).request("replay"), request.model_dump_json().encode(), retain=False)

    def _replayed(self, store: str, request_id: str, payload: bytes) -> None:
        if self._replays.get(request_id) != store:  # another consumer's, or an answer in another store's name
            return
        del self._replays[request_id]
        try:
            response = Response.model_validate_json(payload)
        except ValidationError:
            return  # the request is made again when it is due
        if response.status == "refused":
            self._say(f"{store}: will not send again: {response.hint}")
            self._engine(store).engine.nothing_there()

    # -- the item master --------------------------------------------------------------------------------------------

    def _answer(self, store: str, verb: str, payload: bytes) -> list[Publish]:
        try:
            found = self._answered(store, verb, payload)
        except ValidationError as error:
            self._say(f"{store}: an ask/{verb} that is none: {error.errors()[0]['msg']}")
            return []
        if found is None:
            return []
        return [Publish(Topics(store, self._prefix).answer(found["id"]), orjson.dumps(found), retain=False)]

    def _answered(self, store: str, verb: str, payload: bytes) -> dict[str, Any] | None:
        """None for what this head office does not answer. Raises ValidationError."""
        if verb == "resolve" and self._items is not None:
            code = AskResolve.model_validate_json(payload)
            items = self._items.having(code.gtin)
            self._say(f"{store}: takes code {shown(code.gtin or code.text or '-')} for {code.sku or 'nothing yet'}")
            return {"id": code.id, "items": [wire(item) for item in items]}
        if verb == "catalog" and self._items is not None:
            ask = Ask.model_validate_json(payload)
            return {"id": ask.id, **self._items.page(ask.since, ask.page)}
        if verb == "expected":
            ask = Ask.model_validate_json(payload)
            return {"id": ask.id, **self._documents.page(store, ask.since, ask.page)}
        return None


def _ack_of(topics: Topics, consumer: str, log: str, seq: int) -> tuple[str, bytes, bool]:
    return topics.ack(consumer), Ack(log=log, seq=seq).model_dump_json().encode(), True
