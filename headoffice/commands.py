"""Requests to stores, followed until they are answered or too late: `waiting -> sent -> done, refused, expired`.

A command is a row before it is a message. It is sent again with the same id, which a store answers from its record, so
it has one effect however often it arrives; after a restart of the desk it goes on from the rows. Not answered in time
it is `expired` if it was never sent, else `unanswered`: then nobody here knows whether the store has done it, and an
answer that comes late is still taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from contract.ids import is_store, uuid7
from contract.messages import Ping, Release, Replay, Request, Reserve, Response, RestartDevice
from contract.times import Stamper, parse_us
from contract.topics import Topics, parse
from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.part import Message, Publish

SHAPES: dict[str, type[Request]] = {
    "reserve": Reserve, "release": Release, "replay": Replay, "ping": Ping, "restart-device": RestartDevice,
}  # fmt: skip
EXPIRES_S_MAX = 7 * 86_400
OPEN_MAX = 1_000  # of one store
IN_FLIGHT = 8  # of one store
A_ROUND = 200
RESEND_US_MIN, RESEND_US_MAX = 5_000_000, 60_000_000
LATE_US = 10_000_000  # an answer may be under way
KEPT_US = 90 * 86_400 * 1_000_000
FORGET_S = 3_600.0
REST_SHARE = 3
_PUT = (
    "INSERT INTO command (id, store, verb, body, expires_us, status, asked_by, at_us) "
    "VALUES (?, ?, ?, ?, ?, 'waiting', ?, ?) ON CONFLICT (id) DO NOTHING"
)
# The oldest open ones of every store that is not away, in their order; the wait grows with each time of sending. One
# that was sent in the future was sent before the clock went back: nobody knows when, so it is due.
_OPEN = f"""
SELECT id, store, verb, body, due FROM (
    SELECT c.id, c.store, c.verb, c.body, c.at_us,
        CASE WHEN c.sent_us IS NULL OR c.sent_us < ? OR c.sent_us > ? THEN 1
            WHEN c.sent_us - c.at_us > {RESEND_US_MAX} THEN CASE WHEN ? - c.sent_us > {RESEND_US_MAX} THEN 1 ELSE 0 END
            WHEN ? - c.sent_us > {RESEND_US_MIN} AND ? - c.sent_us > c.sent_us - c.at_us THEN 1
            ELSE 0 END AS due,
        ROW_NUMBER() OVER (PARTITION BY c.store ORDER BY c.at_us, c.id) AS place
    FROM command c LEFT JOIN store_state s ON s.store = c.store
    WHERE c.status IN ('waiting', 'sent') AND c.expires_us > ? AND COALESCE(s.state, '') NOT IN ('offline', 'stopped')
) AS queue WHERE place <= {IN_FLIGHT} ORDER BY at_us, id
"""


class CommandRefused(ValueError):
    """It is no command; `field` is where it is wrong, `error` a word for machines."""

    def __init__(self, error: str, why: str, field: str | None = None) -> None:
        super().__init__(why)
        self.error = error
        self.field = field


class Order(NamedTuple):
    """What somebody wants of a store. `id` is theirs to choose, once for each; else it is made."""

    store: str
    verb: str
    members: Mapping[str, Any]
    expires_in_s: int
    asked_by: str
    id: str | None = None


def enter(database: Database, clock: Clock, order: Order) -> str:
    """The id of the request. The same order with the same id again changes nothing. Raises `CommandRefused`."""
    now_us = clock.wall_us()
    if not is_store(order.store):
        raise CommandRefused("bad_store", "no such store", "store")
    if order.verb not in SHAPES:
        raise CommandRefused("unknown_verb", f"there are {', '.join(SHAPES)}", "verb")
    if not 1 <= order.expires_in_s <= EXPIRES_S_MAX:
        raise CommandRefused("invalid", f"1 to {EXPIRES_S_MAX} seconds", "expires_in_s")
    expires_us = now_us + order.expires_in_s * 1_000_000
    command = order.id or uuid7(now_us // 1000, clock.entropy(10))
    body = _body(order, command, expires_us)
    with database.transaction():
        waiting: int = database.rows(
            "SELECT COUNT(*) FROM command WHERE store = ? AND status IN ('waiting', 'sent')", (order.store,)
        )[0][0]
        if waiting >= OPEN_MAX:
            raise CommandRefused("too_many", f"{waiting} commands of this store are open: wait for their answers")
        values = (command, order.store, order.verb, body.decode(), expires_us, order.asked_by, now_us)
        if not database.write(_PUT, values):
            [(store, verb, held)] = database.rows("SELECT store, verb, body FROM command WHERE id = ?", (command,))
            if (store, verb, members_of(held)) != (order.store, order.verb, members_of(body)):
                raise CommandRefused("other_command", "this id is of another command", "id")
    return command


def _body(order: Order, command: str, expires_us: int) -> bytes:
    given = {name: value for name, value in order.members.items() if value is not None}
    if taken := given.keys() & {"id", "expires_at"}:
        raise CommandRefused("invalid", "it stands beside the members", f"members.{min(taken)}")
    try:
        asked = SHAPES[order.verb].model_validate(
            {**given, "id": command, "expires_at": Stamper(UTC).text(expires_us)}, strict=True
        )
        if isinstance(asked, Reserve) and asked.hold_until is not None:
            parse_us(asked.hold_until)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise CommandRefused("invalid", first["msg"], place if place == "id" else f"members.{place}") from error
    except ValueError as error:
        raise CommandRefused("invalid", str(error), "members.hold_until") from error
    return asked.model_dump_json(exclude_none=True).encode()


def members_of(body: str | bytes) -> dict[str, Any]:
    """Of a stored request, without what every request has."""
    found: dict[str, Any] = orjson.loads(body)
    return {name: value for name, value in found.items() if name not in {"id", "expires_at"}}


class Commands:
    """`Part` of the desk. `database` is its own connection, for writing."""

    def __init__(self, database: Database, clock: Clock, *, prefix: str, say: Callable[[str], None]) -> None:
        self._database = database
        self._clock = clock
        self._prefix = prefix
        self._say = say
        self._connected_us = 0
        self._forget_s = self._rest_s = float("-inf")

    @property
    def topics(self) -> Sequence[str]:
        return ["+/response/+"]

    def connected(self) -> list[Publish]:
        """What was sent over a connection that is gone may be lost, and its answer too: it is due at once."""
        self._connected_us = self._clock.wall_us()
        return []

    def receive(self, message: Message) -> list[Publish]:
        address = parse(message.topic, self._prefix)
        if address is None or address.name is None:
            return []
        held = self._database.rows(
            "SELECT verb FROM command WHERE id = ? AND store = ? AND status IN ('waiting', 'sent', 'unanswered')",
            (address.name, address.store),
        )
        if not held:  # another's, or one that is answered
            return []
        try:
            response = Response.model_validate_json(message.payload)
        except ValidationError as error:
            self._say(f"{address.store}: an answer to {held[0][0]} that is none: {error.errors()[0]['msg']}")
            return []
        if response.id != address.name:
            self._say(f"{address.store}: an answer to another request than its topic says")
            return []
        self._database.write(
            "UPDATE command SET status = ?, response = ?, answered_us = ? WHERE id = ? AND store = ?",
            (
                response.status,
                response.model_dump_json(exclude_none=True),
                self._clock.wall_us(),
                address.name,
                address.store,
            ),
        )
        return []

    def tick(self) -> list[Publish]:
        now_us, now_s = self._clock.wall_us(), self._clock.now_s()
        if now_s < self._rest_s:
            return []
        self._database.write(
            "UPDATE command SET status = CASE status WHEN 'waiting' THEN 'expired' ELSE 'unanswered' END "
            "WHERE status IN ('waiting', 'sent') AND expires_us < ?",
            (now_us - LATE_US,),
        )
        if now_s >= self._forget_s:
            self._forget_s = now_s + FORGET_S
            self._database.write(
                "DELETE FROM command WHERE at_us < ? AND status NOT IN ('waiting', 'sent')", (now_us - KEPT_US,)
            )
        out = self._send(now_us)
        # With a hundred thousand open ones a look takes long: the other parts of the desk come first.
        self._rest_s = self._clock.now_s() + (self._clock.now_s() - now_s) * REST_SHARE
        return out

    def _send(self, now_us: int) -> list[Publish]:
        out: list[Publish] = []
        sent: list[tuple[int, str]] = []
        held_back: set[tuple[str, str]] = set()
        rows = self._database.rows(_OPEN, (self._connected_us, *(now_us,) * 5))
        for command, store, verb, body, due in rows:
            # What concerns one reservation goes in its order: the next when the one before is answered.
            reservation = members_of(body).get("reservation")
            waits = reservation is not None and (store, reservation) in held_back
            if reservation is not None:
                held_back.add((store, reservation))
            if due and not waits and len(out) < A_ROUND:
                out.append(Publish(Topics(store, self._prefix).request(verb), body.encode(), retain=False))
                sent.append((now_us, command))
        if sent:
            with self._database.transaction():
                self._database.write_many("UPDATE command SET status = 'sent', sent_us = ? WHERE id = ?", sent)
        return out
