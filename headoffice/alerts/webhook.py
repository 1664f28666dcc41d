"""One address that is told about alerts: JSON by POST, signed, one after the other, in a thread of its own.

    Jaego-Notice: id of the message; the same may come again
    Jaego-Signature: t=SECONDS,v1=HEX   HMAC-SHA256 with the shared secret over `SECONDS.` and the body

Any 2xx is taken for an answer. What comes late is not believed: who receives compares `t` with the own clock.
"""

from __future__ import annotations

import hmac
import http.client
import queue
import threading
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from headoffice.clock import Clock
from headoffice.errors import ConfigError

TIMEOUT_S = 5.0
SECRET_BYTES_MIN = 16
ANSWER_BYTES_MAX = 64 * 1024
AGAIN = frozenset({408, 425, 429})  # and what is 500 or more


class Parcel(NamedTuple):
    """A message to be delivered: its row, its id, its JSON."""

    row: int
    notice: str
    body: bytes


class Delivered(NamedTuple):
    """`error` None: taken. `final`: it will never be taken."""

    row: int
    error: str | None
    final: bool


class Webhook:
    """`send` while not `busy`; `results` gives what became of it, in order, up to the first that failed."""

    def __init__(self, address: str, secret: bytes, clock: Clock) -> None:
        self.address = address
        # Addresses may hold secrets: people and tables see the host, and which one it is.
        self.name = f"{urlsplit(address).hostname} {sha256(address.encode()).hexdigest()[:8]}"
        self._secret = secret
        self._clock = clock
        self._work: queue.Queue[Sequence[Parcel] | None] = queue.Queue(1)
        self._results: queue.Queue[Delivered] = queue.Queue()
        self._busy = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        return self._busy.is_set()

    def send(self, parcels: Sequence[Parcel]) -> None:
        self._busy.set()
        self._work.put_nowait(parcels)

    def results(self) -> list[Delivered]:
        found: list[Delivered] = []
        while True:
            try:
                found.append(self._results.get_nowait())
            except queue.Empty:
                return found

    def close(self) -> None:
        """At most as long as one answer is waited for."""
        self._work.put(None)
        self._thread.join(2 * TIMEOUT_S)

    def _run(self) -> None:
        while (parcels := self._work.get()) is not None:
            for one in parcels:
                done = self._deliver(one)
                self._results.put(done)
                if done.error is not None and not done.final:
                    break
            self._busy.clear()

    def _deliver(self, one: Parcel) -> Delivered:
        try:
            status = self._post(one)
        except (OSError, http.client.HTTPException) as error:
            return Delivered(one.row, str(error) or type(error).__name__, final=False)
        if 200 <= status < 300:
            return Delivered(one.row, None, final=True)
        return Delivered(one.row, f"HTTP {status}", final=status < 500 and status not in AGAIN)

    def _post(self, one: Parcel) -> int:
        place = urlsplit(self.address)
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        connection = kind(place.netloc, timeout=TIMEOUT_S)  # of TLS, the system's authorities are asked
        headers = {
            "Content-Type": "application/json",
            "Jaego-Notice": one.notice,
            "Jaego-Signature": signature(self._secret, one.body, self._clock.wall_us() // 1_000_000),
        }
        try:
            connection.request("POST", path, one.body, headers)
            answer = connection.getresponse()
            answer.read(ANSWER_BYTES_MAX)
            return answer.status
        finally:
            connection.close()


def signature(secret: bytes, body: bytes, at_s: int) -> str:
    return f"t={at_s},v1={hmac.digest(secret, b'%d.%b' % (at_s, body), 'sha256').hex()}"


def webhooks(addresses: Sequence[str], secret_file: Path | None, clock: Clock) -> list[Webhook]:
    """Raises `ConfigError` for an address or a secret that cannot be used."""
    if not addresses:
        return []
    for address in addresses:
        try:
            place = urlsplit(address)
            usable = place.scheme in {"http", "https"} and bool(place.hostname) and place.username is None
            _ = place.port
        except ValueError:
            usable = False
        if not usable:
            raise ConfigError(
                f"{address!r} is no address to send to", hint="write https://HOST/PATH, without a password"
            )
    if len(set(addresses)) < len(addresses):
        raise ConfigError("an address is given twice", hint="each --webhook once")
    if secret_file is None:
        raise ConfigError(
            "webhooks are signed: a secret is missing", hint="--webhook-secret FILE, the receiver has it too"
        )
    try:
        secret = secret_file.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"{secret_file}: {error.strerror}", hint="a readable file with the secret") from error
    if len(secret) < SECRET_BYTES_MIN:
        raise ConfigError(f"{secret_file}: the secret is too short", hint=f"{SECRET_BYTES_MIN} bytes or more")
    return [Webhook(address, secret, clock) for address in addresses]
