"""What a store sends and hears: events by the engine, the state plane, requests and their answers, the item master."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from agent.clock import Clock
from agent.context import context_now
from agent.errors import LedgerBusy
from agent.ledger.reader import Reader
from agent.ledger.transaction import Transaction
from agent.operations.reservations import PLAIN, RESERVED, Orders
from agent.operations.values import Context
from agent.uplink import requests
from agent.uplink.engine import Batch, Engine
from agent.uplink.epcis import TIMES_EVENTS, EpcisDocuments
from agent.uplink.expected import ExpectedDocuments
from agent.uplink.lineage import Lineage, Source
from agent.uplink.link import Accepted, Inbound, Link
from agent.uplink.master import Counts, ItemMaster, Items
from agent.uplink.pages import Pages
from agent.uplink.plane import StatePlane, level_payload
from agent.uplink.positions import Positions
from agent.uplink.wire import FAILURE, HEADER_BYTES_MAX, PACKET_BYTES_MAX, EventPacker, Receipt, topic_field
from contract.chain import frame
from contract.messages import MESSAGE_SIZE_BYTES_MAX, Ack, Response, State
from contract.times import Stamper
from contract.topics import PREFIX, EventType, Topics, catalog_filter, expected_filter, parse

RESPONSES_KEPT = 1000
PACKET_OVERHEAD_BYTES = 512


@dataclass(frozen=True, slots=True)
class Store:
    """Who this store is on the wire."""

    id: str
    log: str
    boot: str
    version: str
    prefix: str = PREFIX


@dataclass(frozen=True, slots=True)
class Outside:
    """What traffic moves beyond the wire. `submit` is the ledger's, `post` runs a call in the link's thread."""

    submit: Callable[[Callable[[Transaction], Any], Callable[[Any, Exception | None], None]], None]
    post: Callable[[Callable[[], None]], None]
    restart: Callable[[str], bool]
    say: Callable[[str, str], None]
    items: Items | None
    orders: Orders = PLAIN
    alarm: Callable[[str, tuple[str, int] | None], None] = lambda _text, _missing: None


class StoreTraffic:
    """Called in the link's thread only; `reader` is this thread's own connection."""

    def __init__(
        self,
        store: Store,
        *,
        engine: Engine,
        plane: StatePlane,
        reader: Reader,
        clock: Clock,
        stamper: Stamper,
        levels: Literal["retained", "changes", "off"],
        outside: Outside,
        epcis: EpcisDocuments | None = None,
        elders: Sequence[Source] = (),
        parents: Mapping[str, int] = {},
        listens_s: float = 0.0,
    ) -> None:
        """`engine` and `reader` are of the store's own log; `elders`, `parents`, `listens_s` are as of `Lineage`."""
        self._store = store
        self._epcis = epcis
        self._topics = Topics(store.id, store.prefix)
        self.engine = engine
        own = Source(store.log, engine, reader)
        self.lineage = Lineage(own, elders, parents, say=outside.say, alarm=outside.alarm, listens_s=listens_s)
        self._plane = plane
        self._reader = reader
        self._clock, self._stamper = clock, stamper
        self._levels = levels
        self._outside = outside
        self.counts = Counts()
        self.head_boxed = [engine.head]
        self.touched: deque[str] = deque()
        self._packer: EventPacker | None = None
        self._event_topics = {kind.value: topic_field(self._topics.events(kind)) for kind in EventType}
        self.will = (self._topics.state(), self._state("offline"))
        self.subscriptions = self._subscriptions()
        self._positions = Positions(outside.submit, outside.post)
        self._answering, self._pace = set[str](), requests.Pace(outside.say)
        self._said: set[tuple[str, Hashable]] = set()
        self._packet_bytes_max = PACKET_BYTES_MAX
        self._master, self._expected = self._heard_of_head_office()

    def _heard_of_head_office(self) -> tuple[ItemMaster | None, ExpectedDocuments]:
        items, say, master = self._outside.items, self._outside.say, None
        if items is not None:
            master = ItemMaster(items, self._topics, self._plane, clock=self._clock, say=say, counts=self.counts)
        pages = Pages("expected", self._topics, self._plane, self._clock)
        return master, ExpectedDocuments(self._outside.submit, pages, say=say, counts=self.counts)

    def _subscriptions(self) -> tuple[str, ...]:
        """Exact topics wherever a retained value matters: not every broker hands it to a wildcard."""
        found = [self._topics.ack(name) for name in self.engine.consumers]
        found += [self._topics.request(verb) for verb in requests.VERBS]
        found.append(expected_filter(self._store.id, self._store.prefix))
        found.append(f"{self._store.prefix}/{self._store.id}/answer/+")
        if self._outside.items is not None:
            found.append(catalog_filter(self._store.prefix))
        return tuple(found)

    # -- Traffic ----------------------------------------------------------------------------------------------------

    def connected(self, accepted: Accepted, now_s: float) -> None:
        room_bytes = accepted.packet_bytes_max - PACKET_OVERHEAD_BYTES
        if self._epcis is not None:  # so that a document is no larger than a message may be
            room_bytes = min(room_bytes, MESSAGE_SIZE_BYTES_MAX) // TIMES_EVENTS
        self.lineage.connect(now_s, receive_max=accepted.receive_max, packet_bytes_max=room_bytes)
        self._packet_bytes_max, self._version5 = accepted.packet_bytes_max, accepted.version5
        self._said.clear()
        self._pack()
        self._plane.connect(all_levels=self._levels == "retained")
        self._plane.put(self._topics.state(), self._state("online"))
        if self._master is not None:
            self._master.ask()
        self._expected.ask()

    def _pack(self) -> None:
        log = self.lineage.source.log
        self._packer = EventPacker(self._event_topics, frame(self._store.id, log), version5=self._version5)

    def disconnected(self) -> None:
        self.lineage.disconnect()

    def last_words(self) -> tuple[str, bytes]:
        return self._topics.state(), self._state("stopped")

    def receipts(self, acks: list[Receipt]) -> None:
        refused = [ack for ack in acks if ack.reason >= FAILURE]
        for ack in refused:
            self.counts.messages_refused += 1
            batch = self._sending.refuse(ack.token)
            what = f"events {batch.first} to {batch.last}" if batch else "a message"
            why = f"the broker refused {what} (reason 0x{ack.reason:02x}); check its access list and limits"
            self._say_once("refused", why, ack.reason)
        self._sending.pubacks([ack.token for ack in acks])

    def _say_once(self, subject: str, text: str, kind: Hashable) -> None:
        """Once a connection for each kind: what is refused is sent again and again, and is counted."""
        if (subject, kind) not in self._said:
            self._said.add((subject, kind))
            self._outside.say(subject, text)

    @property
    def draining(self) -> bool:
        return self._sending.draining

    @property
    def _sending(self) -> Engine:
        """Of the log whose turn it is."""
        return self.lineage.source.engine

    def work(self, link: Link, now_s: float) -> None:
        self.engine.head_is(self.head_boxed[0])
        while self.touched:
            if self._levels == "off":
                self.touched.clear()
            else:
                self._plane.touch(self.touched.popleft())
        if self.lineage.advance(now_s):
            self._pack()
        for name in self._sending.tick(now_s):
            position = self._sending.consumers[name].delivered
            self._outside.say(f"consumer {name}", f"{name} stays silent at event {position}; is it running?")
        self._send_plane(link, now_s)
        self.send_events(link, now_s)

    # -- sending ----------------------------------------------------------------------------------------------------

    def send_events(self, link: Link, now_s: float) -> None:
        """What the window takes now. Called for itself between receipts while a backlog drains."""
        _log, engine, reader, *_rest = self.lineage.source
        packer = self._packer if self.lineage.may_send(now_s) else None
        epcis = self._epcis if engine.window > 1 else None  # a document and its event message need two places
        while link.has_room and packer is not None:
            fetch = engine.fetch(now_s)
            if fetch is not None:
                engine.fetched(fetch.start, reader.events(fetch.start, fetch.limit))
            taken = engine.take(now_s) if epcis is None else engine.take(now_s, min(1, engine.room // 2))
            if not taken:
                if fetch is None or engine.room <= 0:
                    return
                continue
            fitting = [one for one in taken if self._may_go(engine, one[0], packer, now_s)]
            if epcis is not None and fitting and (payload := epcis.of(fitting[0][0].bodies)) is not None:
                self._send_other(link, self._topics.epcis(), payload, retain=False)
            tokens = link.send_events(packer, [(batch.type, batch.bodies) for batch, _live in fitting])
            for token, (batch, live) in zip(tokens, fitting, strict=True):
                self.counts.events_sent += len(batch.bodies)
                engine.sent(token, batch, live=live)

    def _may_go(self, engine: Engine, batch: Batch, packer: EventPacker, now_s: float) -> bool:
        """An event that this broker does not take holds up what is behind it, and nothing else.

        It is told in `health`; consumers stay before it, and are probed as silent ones are.
        """
        size_bytes = packer.size_bytes(batch.type, batch.bodies)
        if not self._fits(size_bytes, f"event {batch.first}"):
            engine.stuck = batch.first
            return False
        if engine.holds(batch, now_s):
            engine.stuck = batch.first
            why = "the broker breaks the connection over it, it is tried again later: raise the broker's limit"
            self._say_once("too large", f"event {batch.first} needs {size_bytes} bytes; {why}", batch.first)
            return False
        return True

    def _fits(self, size_bytes: int, name: str) -> bool:
        """A packet over the broker's limit would end the connection, again and again (MQTT 5.0, 3.2.2.3.6)."""
        limit = self._packet_bytes_max
        if size_bytes <= limit:
            return True
        self.counts.messages_refused += 1
        why = f"{name} needs {size_bytes} bytes, the broker takes {limit}: raise its limit"
        self._say_once("too large", why, name)
        return False

    def _send_plane(self, link: Link, now_s: float) -> None:
        """A quarter of the window at most, so that events always find room."""
        budget = min(self._sending.room, max(1, self._sending.window // 4))
        while budget > 0 and link.has_room and (value := self._plane.next_value()) is not None:
            budget -= self._send_other(link, value.topic, value.payload, retain=value.retain)
        if self._levels == "off" or budget <= 0 or not link.has_room:
            return
        skus = self._plane.next_skus(now_s, budget)
        if not skus and (room := self._plane.sweep_room(now_s, budget)) > 0:
            after = self._plane.sweep_from or ""
            skus = self._reader.skus(after, room)
            self._plane.swept(skus, asked=room)
        for sku in skus:
            retain = self._levels == "retained"
            if not self._send_other(link, self._topics.level(sku), self._level(sku), retain=retain):
                self._plane.touch(sku)  # no room any more: its turn comes again

    def _send_other(self, link: Link, topic: str, payload: bytes, *, retain: bool) -> bool:
        field = topic_field(topic)
        if not self._fits(len(field) + len(payload) + 2 * HEADER_BYTES_MAX, topic):
            return True
        token = link.send(field, payload, retain=retain)
        if token is not None:
            self._sending.sent_other(token)
        return token is not None

    def _level(self, sku: str) -> bytes:
        """Empty, which clears the retained value, for a SKU that is gone."""
        head, _name, rows = self._reader.snapshot(sku, sku)
        held = dict(self._reader.book(RESERVED, sku)).get(sku)  # read later, it may be newer: then it comes again
        reserved = held["quantity"] if held else 0
        return level_payload(sku, rows, reserved, self._outside.orders, self._store.log, head) if rows else b""

    def put(self, topic: str, payload: bytes) -> None:
        """A retained value of the state plane: health, a device."""
        self._plane.put(topic, payload)

    def _state(self, state: Literal["online", "stopped", "offline"]) -> bytes:
        store = self._store
        value = State(
            state=state,
            boot=store.boot,
            log=store.log,
            head=self.head_boxed[0],
            first=self.engine.first if self.engine.first > 1 else None,
            version=store.version,
            at=None if state == "offline" else self._stamper.text(self._clock.now().wall_us),
        )
        return value.model_dump_json(exclude_none=True).encode()

    # -- hearing ----------------------------------------------------------------------------------------------------

    def inbound(self, messages: list[Inbound], now_s: float) -> None:
        master = self._master
        self.engine.head_is(self.head_boxed[0])
        for one in messages:
            address = parse(one.topic, self._store.prefix)
            if address is None or address.store not in {self._store.id, "catalog"}:
                self.counts.inbound_ignored += 1  # another store's comes where it used our client id: one session
            elif address.store == "catalog" and master is not None:
                master.take(one)
            elif address.plane == "ack" and address.name is not None:
                self._ack(address.name, one, now_s)
            elif address.plane == "expected" and address.name is not None:
                self._expected.take(address.name, one)
            elif address.plane == "request" and address.name is not None and self._pace.admits(now_s):
                self._request(address.name, one)
            elif address.plane == "answer" and address.name is not None:
                self._answered(address.name, one)
            else:
                self.counts.inbound_ignored += 1
        if master is not None:
            master.save()

    def pruned(self, first: int) -> None:
        """The log begins with event `first` now. In the link's thread."""
        self.engine.pruned(first)
        self.will = (self._topics.state(), self._state("offline"))
        self._plane.put(self._topics.state(), self._state("online"))

    def ask_about(self, code: Mapping[str, Any], sku: str) -> None:
        """A code that was assigned to an item in the store. In the link's thread."""
        if self._master is not None:
            self._master.ask_about(code, sku)

    def _answered(self, ask_id: str, one: Inbound) -> None:
        self._expected.answered(ask_id, one)
        if self._master is not None:
            self._master.answered(ask_id, one)

    def _ack(self, consumer: str, one: Inbound, now_s: float) -> None:
        if not one.payload:
            return
        try:
            ack = Ack.model_validate_json(one.payload)
        except ValidationError as error:
            why: str | None = f"{consumer} sent an acknowledgement that is none: {error.errors()[0]['msg']}"
        else:
            why = self.lineage.acknowledge(consumer, ack.log, ack.seq, now_s, retained=one.retained, name=ack.hash)
            if why is None and ack.log == self._store.log:
                self._positions.save(consumer, self.engine.consumers[consumer].delivered)
        if why is not None:
            self.counts.acks_refused += 1
            self._outside.say(f"ack {consumer}", why)

    def _request(self, verb: str, one: Inbound) -> None:
        if one.retained or not one.payload:
            return
        self.counts.requests += 1
        hands = requests.Hands(
            self.lineage.replay,
            self._outside.restart,
            lambda: self._clock.now().wall_us,
            lambda: self._clock.state() == "synced",
            self._outside.orders,
        )
        try:
            response = requests.answer(verb, one.payload, self._reader, hands, self._answering)
        except requests.Malformed as error:
            self.counts.requests_refused += 1
            self._outside.say("request", f"request/{verb}: {error}")
            return
        if response is None:
            return  # a repeated one, whose first answer is on its way
        if isinstance(response, Response) and response.status != "done":
            self.counts.requests_refused += 1
        self._respond(response)

    def _respond(self, response: Response | requests.Command) -> None:
        context = context_now(self._clock)

        def job(tx: Transaction) -> bytes:
            """The first answer stands, also over a restart; the oldest ones make room."""
            row = tx.execute("SELECT body FROM response WHERE id = ?", (response.id,)).fetchone()
            if row is not None:
                return bytes(row[0])
            body = _carried_out(tx, response, context).model_dump_json(exclude_none=True).encode()
            tx.execute("INSERT INTO response (id, body) VALUES (?, ?)", (response.id, body))
            tx.execute("DELETE FROM response WHERE rowid <= (SELECT MAX(rowid) FROM response) - ?", (RESPONSES_KEPT,))
            return body

        def recorded(result: bytes | None) -> None:
            self._answering.discard(response.id)
            if result is not None:
                self._plane.say(self._topics.response(response.id), result)

        self._answering.add(response.id)
        try:
            self._outside.submit(job, lambda result, _error: self._outside.post(lambda: recorded(result)))
        except LedgerBusy as error:
            self._answering.discard(response.id)  # no answer: whoever asked asks again
            self._outside.say("request", f"request {response.id} gets no answer now: {error}")


def _carried_out(tx: Transaction, response: Response | requests.Command, context: Context) -> Response:
    if isinstance(response, Response):
        return response
    outcome = response.operation(tx, context)
    if outcome.drafts and outcome.refused is None:
        tx.append(outcome.drafts)
    return response.response(outcome)
