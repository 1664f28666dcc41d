"""What stores say of themselves: `state`, `health`, `device/{device}`, kept as they said it last.

Collected over a round and written in its transaction. What cannot be read is said once and left out. `heard_us` moves
by what a store itself sends now: not by a retained message, which may be old, nor by the will, which is the broker's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from pydantic import BaseModel, ValidationError

from contract.messages import DeviceState, Health, State
from contract.topics import Address
from headoffice.database import Database
from headoffice.part import Message

DEVICES_STORE_MAX = 1_000
TEXT_CHARACTERS_MAX = 200
SAID_MAX = 1_000
SHAPES: dict[str, type[BaseModel]] = {"state": State, "health": Health, "device": DeviceState}

_STATE = (
    "INSERT INTO store_state (store, state, boot, log, head, first_seq, version, state_us, heard_us) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (store) DO UPDATE SET state = excluded.state, boot = excluded.boot, log = excluded.log, "
    "head = excluded.head, first_seq = excluded.first_seq, version = excluded.version, "
    "state_us = CASE WHEN store_state.state = excluded.state "
    "AND store_state.boot = excluded.boot THEN store_state.state_us ELSE excluded.state_us END, "
    "heard_us = CASE WHEN excluded.heard_us = 0 THEN store_state.heard_us ELSE excluded.heard_us END"
)
_HEALTH = (
    "INSERT INTO store_state (store, state, state_us, heard_us, health, health_us) VALUES (?, 'unknown', ?, ?, ?, ?) "
    "ON CONFLICT (store) DO UPDATE SET health = excluded.health, health_us = CASE WHEN excluded.heard_us = 0 "
    "THEN COALESCE(store_state.health_us, 0) ELSE excluded.health_us END, "
    "heard_us = CASE WHEN excluded.heard_us = 0 THEN store_state.heard_us ELSE excluded.heard_us END"
)
# It was said to be away, and speaks: what said that it is back was lost.
_RETURNED = "UPDATE store_state SET state = 'online', state_us = ? WHERE store = ? AND state IN ('offline', 'stopped')"
_HEARD = "UPDATE store_state SET heard_us = ? WHERE store = ?"
_DEVICE = (
    "INSERT INTO device (store, device, kind, state, since_at, body, at_us) SELECT ?, ?, ?, ?, ?, ?, ? "
    "WHERE (SELECT COUNT(*) FROM device WHERE store = ? AND device <> ?) < ? "
    "ON CONFLICT (store, device) DO UPDATE SET kind = excluded.kind, state = excluded.state, "
    "since_at = excluded.since_at, body = excluded.body, at_us = excluded.at_us"
)


class Planes:
    """Of one round. Per store and name the newest alone is kept."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: set[tuple[str, str]] = set()
        self._states: dict[str, State] = {}
        self._healths: dict[str, str] = {}
        self._devices: dict[tuple[str, str], tuple[DeviceState, str] | None] = {}
        self._heard: set[str] = set()
        self._returned: set[str] = set()  # whose `health` came, live, behind the newest `state`

    def next(self) -> Planes:
        """For another round: what was said of broken ones is not said again."""
        planes = Planes(self._say)
        planes._said = self._said
        return planes

    @property
    def stores(self) -> Collection[str]:
        """Of which there is something to write."""
        devices = {store for store, _name in self._devices}
        return self._heard | self._states.keys() | self._healths.keys() | devices

    def take(self, address: Address, message: Message) -> State | None:
        """A state is given back, for the store's engine."""
        store, plane, name, payload = address.store, address.plane, address.name, message.payload
        if not payload:  # a retained value that was taken back
            if plane == "device" and name is not None:
                self._devices[store, name] = None
            return None
        try:
            found = SHAPES[plane].model_validate_json(payload)
            text = payload.decode()
        except (ValidationError, UnicodeDecodeError) as error:
            self._tell(store, plane, error)
            return None
        will = isinstance(found, State) and found.state == "offline"
        if not message.retained and not will:
            self._heard.add(store)
        if isinstance(found, State):
            self._states[store] = found
            self._returned.discard(store)
            return found
        if isinstance(found, DeviceState):
            self._devices[store, address.name or found.device] = (found, text)
        else:
            self._healths[store] = text
            if not message.retained:
                self._returned.add(store)
        return None

    def _tell(self, store: str, plane: str, error: ValueError) -> None:
        if (store, plane) not in self._said and len(self._said) < SAID_MAX:
            self._said.add((store, plane))
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            self._say(f"{store}: a {plane} that is none: {why}")

    def write(self, db: Database, now_us: int) -> None:
        for store, state in sorted(self._states.items()):
            heard_us = now_us if store in self._heard else 0
            texts, span = (_text(state.boot), _text(state.log)), (state.head, state.first or 1)
            db.write(_STATE, (store, state.state, *texts, *span, _text(state.version), now_us, heard_us))
        for store, health in sorted(self._healths.items()):
            heard_us = now_us if store in self._heard else 0
            db.write(_HEALTH, (store, now_us, heard_us, health, heard_us))
        for store in sorted(self._returned):
            db.write(_RETURNED, (now_us, store))
        for store in sorted(self._heard - self._states.keys() - self._healths.keys()):
            db.write(_HEARD, (now_us, store))
        for (store, name), device in sorted(self._devices.items()):
            if device is None:
                db.write("DELETE FROM device WHERE store = ? AND device = ?", (store, name))
                continue
            said, body = device
            row = (store, name, _text(said.kind), said.state, _text(said.since), body, now_us)
            db.write(_DEVICE, (*row, store, name, DEVICES_STORE_MAX))


def _text(value: str) -> str:
    """What a store calls itself may hold anything, and people read it."""
    return "".join(letter if letter.isprintable() else "?" for letter in value[:TEXT_CHARACTERS_MAX])
