"""Readers that publish JSON: an Impinj reader with its HTTP stream or over MQTT, a Zebra reader over MQTT.

The documents are made from sightings; where they go is a sink. Faults are calls: a gap in the event numbers, garbage,
an array, a document that is far too long, a broken connection.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import degrees
from typing import Any, Protocol

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from drivers.reader_json.frames import encode
from simulators.clock import Pacer, monotonic_us, wall_us
from simulators.tags import Sighting, Source

STREAM_PATH = "/api/v1/data/stream"
QUEUE_MAX = 100_000
ANSWER_S = 10.0
IDLE_S = 0.25  # between two looks whether the run has ended
HUGE_BYTES = 2_000_000
LINE_END = b"\r\n"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Dialect(StrEnum):
    IMPINJ = "impinj"
    ZEBRA = "zebra"


class Fault(StrEnum):
    GAP = "gap"
    GARBAGE = "garbage"
    HUGE = "huge"
    RESTART = "restart"
    DROP = "drop"

    @classmethod
    def at(cls, number: int) -> Fault:
        """One after the other."""
        return list(cls)[number % len(cls)]


class Sink(Protocol):
    """Where documents go. `drop` breaks the connection to whoever listens, as a failure would."""

    def send(self, document: bytes) -> None: ...

    def drop(self) -> None: ...

    def close(self) -> None: ...


class JsonReader:
    """`clock_error_us` is added to the reader's times. `event_number` is the next to be used."""

    def __init__(
        self, dialect: Dialect, sink: Sink, *, hostname: str = "impinj-00-00-01", clock_error_us: int = 0
    ) -> None:
        self.sink = sink
        self.event_number = 1
        self._dialect = dialect
        self._hostname = hostname
        self._clock_error_us = clock_error_us
        self._management_number = 1

    def run(self, source: Source, pacer: Pacer, *, heartbeat_s: float | None = None, fault_every: int = 0) -> int:
        """Until the source ends or the pacer stops; the number of tags seen. `fault_every` so many, one fault."""
        begun_us, sent = monotonic_us(), 0
        beat_us = 0 if heartbeat_s is not None else None
        while not pacer.stopped:
            now_us = monotonic_us() - begun_us
            for sighting in source.due(now_us):
                self.see(sighting, wall_us() - now_us + sighting.at_us)
                sent += 1
                if fault_every and sent % fault_every == 0:
                    self.fail(Fault.at(sent // fault_every - 1))
            if beat_us is not None and heartbeat_s is not None and now_us >= beat_us:
                self.beat()
                beat_us += int(heartbeat_s * 1e6)
            next_us = source.next_us()
            if next_us is None:
                break
            due_us = min(next_us, beat_us) if beat_us is not None else next_us
            pacer.wait(min(IDLE_S, (due_us - (monotonic_us() - begun_us)) / 1e6))
        return sent

    def see(self, sighting: Sighting, at_us: int | None = None) -> None:
        self.sink.send(encode(self.document(sighting, at_us)))

    def see_together(self, sightings: list[Sighting]) -> None:
        """One body with an array."""
        self.sink.send(encode([self.document(one) for one in sightings]))

    def document(self, sighting: Sighting, at_us: int | None = None) -> dict[str, Any]:
        time_us = (wall_us() if at_us is None else at_us) + self._clock_error_us
        if self._dialect is Dialect.IMPINJ:
            return self._impinj("tagInventory", impinj_tag(sighting, time_us), time_us)
        number = self.event_number
        self.event_number += 1
        return {"data": zebra_tag(sighting, number), "timestamp": zebra_time(time_us), "type": "INVENTORY"}

    def fail(self, fault: Fault) -> None:
        match fault:
            case Fault.GAP:
                self.skip(3)
            case Fault.GARBAGE:
                self.garbage()
            case Fault.HUGE:
                self.huge(HUGE_BYTES)
            case Fault.RESTART:
                self.restart()
            case Fault.DROP:
                self.sink.drop()

    def skip(self, count: int) -> None:
        """Events that are counted and never sent."""
        self.event_number += count

    def restart(self) -> None:
        self.event_number = 1

    def garbage(self) -> None:
        self.sink.send(b'{"data":{"idHex":"e28068')

    def huge(self, size_bytes: int) -> None:
        self.sink.send(b'{"padding":"' + b"x" * size_bytes + b'"}')

    def input(self, port: int, *, level: bool) -> None:
        if self._dialect is Dialect.IMPINJ:
            event = {"gpi": port, "transition": "low-to-high" if level else "high-to-low"}
            self.sink.send(encode(self._impinj("gpiTransition", event, self._now_us())))
        else:
            self._manage("gpi", {"pin": port, "state": "HIGH" if level else "LOW"})

    def status(self, word: str) -> None:
        """Impinj: running, idle or armed. Zebra: active or inactive, in a heartbeat."""
        if self._dialect is Dialect.IMPINJ:
            self.sink.send(encode(self._impinj("inventoryStatus", {"inventoryStatus": word}, self._now_us())))
        else:
            self.beat(activity=word)

    def antenna(self, port: int, *, connected: bool) -> None:
        """Impinj alone: a Zebra reader tells it in its heartbeat."""
        name = "antennaConnected" if connected else "antennaDisconnected"
        self.sink.send(encode(self._impinj(name, {"antennaPort": port}, self._now_us())))

    def beat(self, *, antennas: tuple[bool, ...] = (True,), activity: str = "active", dropped: int = 0) -> None:
        """Zebra's heartbeat; the empty line on Impinj's stream."""
        if self._dialect is Dialect.IMPINJ:
            self.sink.send(b"")
            return
        states = {str(port): "connected" if there else "disconnected" for port, there in enumerate(antennas, 1)}
        radio = {"antennas": states, "radioActivity": activity, "radioConnection": "connected", "status": "running"}
        paths = [{"numDataMessagesDropped": dropped, "numDataMessagesTxed": self.event_number - 1}]
        self._manage("heartbeat", {"radio_control": radio, "reader_gateway": {"dataPathStatistics": paths}})

    def trouble(self, kind: str, message: str) -> None:
        """Zebra: error or warning."""
        self._manage(kind, {"message": message})

    def beacon(self) -> None:
        """Zebra: a BLE event among the tags, with a number of its own."""
        data = {"Address": "CF:C7:E6:45:DE:F7", "RSSI": -66, "beaconType": "GENERIC_BLE"}
        event = {"data": data, "eventNum": 1900, "timestamp": zebra_time(self._now_us()), "type": "BLE_DATA"}
        self.sink.send(encode(event))

    def _manage(self, kind: str, data: dict[str, Any]) -> None:
        number = self._management_number
        self._management_number += 1
        time = zebra_time(self._now_us())
        self.sink.send(encode({"component": "RG", "data": data, "eventNum": number, "timestamp": time, "type": kind}))

    def _impinj(self, kind: str, event: dict[str, Any], time_us: int) -> dict[str, Any]:
        named = {"timestamp": impinj_time(time_us), "hostname": self._hostname, "eventType": kind}
        return {**named, f"{kind}Event": event}

    def _now_us(self) -> int:
        return wall_us() + self._clock_error_us


def impinj_tag(sighting: Sighting, time_us: int) -> dict[str, Any]:
    event: dict[str, Any] = {
        "epc": urlsafe_b64encode(sighting.epc).decode(),
        "antennaPort": sighting.antenna,
        "peakRssiCdbm": sighting.rssi_cdbm,
        "lastSeenTime": impinj_time(time_us),
        "pc": urlsafe_b64encode(sighting.tag.pc.to_bytes(2)).decode(),
    }
    if sighting.frequency_khz is not None:
        event["frequency"] = sighting.frequency_khz
    if sighting.phase_mrad is not None:
        event["phaseAngle"] = round(degrees(sighting.phase_mrad / 1000), 2)
    return event


def zebra_tag(sighting: Sighting, number: int) -> dict[str, Any]:
    data: dict[str, Any] = {
        "PC": f"{sighting.tag.pc:04x}",
        "antenna": sighting.antenna,
        "eventNum": number,
        "format": "epc",
        "idHex": sighting.epc.hex(),
        "peakRssi": round(sighting.rssi_cdbm / 100),
        "reads": 1,
    }
    if sighting.frequency_khz is not None:
        data["channel"] = sighting.frequency_khz / 1000
    if sighting.phase_mrad is not None:
        data["phase"] = (degrees(sighting.phase_mrad / 1000) + 180) % 360 - 180
    return data


def impinj_time(time_us: int) -> str:
    """Nine digits of a second."""
    return (_EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def zebra_time(time_us: int) -> str:
    """Three digits of a second, and a zone without a colon."""
    return (_EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


class MqttSink:
    """A client of the store's broker. Raises OSError if it is not there."""

    def __init__(
        self,
        host: str,
        port: int,
        topic: str,
        *,
        qos: int = 1,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        self._host, self._port, self._topic, self._qos = host, port, topic, qos
        self._username, self._password = username, password
        self._client = self._connected()

    def send(self, document: bytes) -> None:
        self._client.publish(self._topic, document, self._qos)

    def settle(self) -> None:
        """Until the broker has everything that was sent."""
        self._client.publish(self._topic, b"", 1).wait_for_publish(ANSWER_S)

    def drop(self) -> None:
        """The broker stays, and so does whoever listens to it: only the reader goes, and comes back."""
        self.settle()
        self.close()
        self._client = self._connected()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - it waits to be collected

    def _connected(self) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        if self._username is not None:
            client.username_pw_set(self._username, self._password)
        client.connect(self._host, self._port, 30)
        client.loop_start()
        return client


class HttpSink:
    """The stream of an Impinj reader on a port of 127.0.0.1: one client at a time, as the reader has it."""

    def __init__(
        self,
        port: int = 0,
        *,
        username: str = "root",
        password: str = "impinj",  # noqa: S107 - the vendor's default, published
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._account = "Basic " + b64encode(f"{username}:{password}".encode()).decode()
        self._waiting: queue.Queue[bytes | None] = queue.Queue(QUEUE_MAX)
        self._line: socket.socket | None = None
        self.closed = False
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Somebody listens."""
        return self._line is not None

    def send(self, document: bytes) -> None:
        self._waiting.put(document + LINE_END)

    def send_raw(self, data: bytes) -> None:
        """Bytes of the body as they are: a part of a line."""
        self._waiting.put(data)

    def drop(self) -> None:
        """What was not sent yet is lost with the connection."""
        line, waiting = self._line, self._waiting
        if line is not None:
            self._waiting = queue.Queue(QUEUE_MAX)
            waiting.put(None)
            with contextlib.suppress(OSError):  # the client was faster
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.closed = True
        self.drop()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(ANSWER_S)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                sink.serve(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
                pass

        return Handler

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """One request, in a thread of its own."""
        refused = self._refusal(request)
        if refused is not None:
            request.send_response(refused)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        self._line, waiting = request.connection, self._waiting
        request.send_response(HTTPStatus.OK)
        request.send_header("Content-Type", "application/json")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        try:
            while (data := waiting.get()) is not None:
                request.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        except OSError:
            pass  # the client is gone
        if self._line is request.connection:
            self._line = None
        request.close_connection = True

    def _refusal(self, request: BaseHTTPRequestHandler) -> HTTPStatus | None:
        if request.headers.get("Authorization") != self._account:
            return HTTPStatus.UNAUTHORIZED
        if request.path != STREAM_PATH:
            return HTTPStatus.NOT_FOUND
        return None if self._free() else HTTPStatus.CONFLICT

    def _free(self) -> bool:
        """Nobody listens, or whoever did has hung up since."""
        line = self._line
        if line is None:
            return True
        try:
            gone = line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except (BlockingIOError, ValueError):  # ValueError: TLS does not let itself be looked into
            gone = False
        except OSError:
            gone = True
        if gone:
            self.drop()
        return gone
