"""`ask/restore` from the command line: one page after the other, while no agent runs.

It comes with the store's own id and credentials, so whatever lets the agent in lets it in; a session of the agent's at
the broker ends with that, and the agent makes a new one. A page that does not come is asked for again.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode
from pydantic import ValidationError

from agent.clock import Clock
from agent.errors import UplinkRefused, UplinkUnreachable
from agent.uplink.access import Access, client_of
from contract.answers import RestorePage
from contract.ids import uuid7
from contract.messages import AskRestore
from contract.topics import PREFIX, Topics

CONNECT_S_MAX = 10.0
FIRST_S = 1.0  # then twice as long each time: head office leaves out who asks too fast
ANSWER_S_MAX = 16.0
TRIES = 6
UNSUPPORTED_VERSION = (1, 0x84)


class HeadOffice:
    """A connection, made again where it breaks. Raises `UplinkUnreachable`, `UplinkRefused`."""

    def __init__(
        self, access: Access, store: str, clock: Clock, *, prefix: str = PREFIX, answer_s_max: float = ANSWER_S_MAX
    ) -> None:
        self._access = access
        self._clock = clock
        self._topics = Topics(store, prefix)
        self._answers = f"{prefix}/{store}/answer/+"
        self._answer_s_max = answer_s_max
        self._client: paho.Client | None = None
        self._version5 = True
        self._reason: Any = None
        self._subscribed = False
        self._wanted, self._heard = set[str](), b""

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.disconnect()

    def page(self, log: str | None, seq: int) -> RestorePage:
        broken = 0  # connections; not every broker says that another client came with the same id
        self._wanted.clear()
        for tried in range(TRIES):
            if self._client is None:
                self._connect()
            found = self._ask(log, seq, min(self._answer_s_max, FIRST_S * 2**tried))
            if found is not None:
                return found
            broken += self._client is None
        if broken == TRIES:
            raise UplinkRefused(
                f"the broker ended {TRIES} connections in a row: is another client using the id "
                f"{self._access.client_id}?",
                hint="is an agent of this store running, here or on its old PC? Stop it first",
            )
        raise UplinkUnreachable(
            f"head office does not answer ask/restore, {TRIES} times",
            hint="is it running, and of a release that answers it? Nothing was changed",
        )

    def _ask(self, log: str | None, seq: int, patience_s: float) -> RestorePage | None:
        """An answer that comes late, to a question before, is as good."""
        client = self._client
        assert client is not None
        ask_id, self._heard = uuid7(self._clock.now().wall_us // 1000, self._clock.entropy(10)), b""
        self._wanted.add(self._topics.answer(ask_id))
        asked = AskRestore(id=ask_id, log=log, seq=seq)
        client.publish(self._topics.ask("restore"), asked.model_dump_json(exclude_none=True).encode(), qos=1)
        if not self._loop(lambda: bool(self._heard), patience_s) and not client.is_connected():
            self._client = None
        try:
            return RestorePage.model_validate_json(self._heard) if self._heard else None
        except ValidationError as error:
            raise UplinkRefused(
                f"head office's answer to ask/restore is no page of events: {error.errors()[0]['msg']}",
                hint="is its release too old or too new for this one?",
            ) from error

    # -- the connection ---------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        access = self._access
        for self._version5 in (True, False):
            self._reason, self._subscribed = None, False
            try:
                client = self._made()
                client.connect(access.host, access.port, keepalive=60)
            except (OSError, ValueError) as error:
                raise UplinkUnreachable(
                    f"{access.where} cannot be reached: {error}", hint="jaego doctor looks at it step by step"
                ) from error
            self._client = client
            if self._loop(lambda: self._subscribed, CONNECT_S_MAX):
                return
            reason = self._reason
            if reason is not None and reason.is_failure and int(reason.value) not in UNSUPPORTED_VERSION:
                break
        why = str(self._reason) if self._reason is not None else "no answer"
        raise UplinkRefused(
            f"{access.where} does not let this store in: {why}", hint="see username, password_file and its access list"
        )

    def _made(self) -> paho.Client:
        client = client_of(paho.Client, self._access, version5=self._version5, kept=False)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _loop(self, done: Any, seconds: float) -> bool:
        client = self._client
        assert client is not None
        deadline_ns = self._clock.now().monotonic_ns + int(seconds * 1e9)
        while not done() and self._clock.now().monotonic_ns < deadline_ns:
            if client.loop(0.2) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
        return bool(done())

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._reason = reason
        if not reason.is_failure:
            client.subscribe(self._answers, qos=1)

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        self._subscribed = not any(one.is_failure for one in reasons)
        if not self._subscribed:
            self._reason = reasons[0]

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        if message.topic in self._wanted:
            self._heard = bytes(message.payload)
