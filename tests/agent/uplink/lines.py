"""The link under test: a traffic that is told what to send, a rig that runs it, a broker that is told how to fail."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from agent.clock import SystemClock
from agent.uplink.access import Access
from agent.uplink.link import Accepted, Inbound, Link, Traffic
from agent.uplink.wire import Receipt, topic_field

WAIT_S_MAX = 20.0


class Steady(SystemClock):
    """The real clock; pauses are the shortest ones."""

    def chance(self) -> float:
        return 0.0


class Words:
    """A traffic for messages that the test gives."""

    will = ("t/state", b"offline")
    subscriptions: tuple[str, ...] = ("t/in",)
    draining = False  # all of it goes out in `work`

    def __init__(self) -> None:
        self.waiting: deque[tuple[str, bytes, bool]] = deque()
        self.accepted: list[Accepted] = []
        self.heard: list[Inbound] = []
        self.acks: list[Receipt] = []
        self.losses = 0

    def connected(self, accepted: Accepted, now_s: float) -> None:
        self.accepted.append(accepted)

    def disconnected(self) -> None:
        self.losses += 1

    def inbound(self, messages: list[Inbound], now_s: float) -> None:
        self.heard += messages

    def receipts(self, acks: list[Receipt]) -> None:
        self.acks += acks

    def work(self, link: Link, now_s: float) -> None:
        while self.waiting and link.has_room:
            topic, payload, retain = self.waiting.popleft()
            assert link.send(topic_field(topic), payload, retain=retain) is not None

    def send_events(self, link: Link, now_s: float) -> None:
        return

    def last_words(self) -> tuple[str, bytes]:
        return "t/state", b"stopped"


class Running:
    """A link at work; leaving it is the clean end. A failure in its thread is the test's."""

    def __init__(self, traffic: Traffic, port: int, **access: Any) -> None:
        self.said: list[str] = []
        self.failures: list[BaseException] = []
        self._news = threading.Condition()
        given = {"host": "127.0.0.1", "port": port, "client_id": "jaego-test", "backoff_s_max": 1.0, **access}
        self.link = Link(
            Access(**given),
            traffic,
            clock=Steady(trust_unsynchronised=True),
            say=self._say,
            on_failure=self._fail,
        )
        self.link.start()

    def _say(self, subject: str, text: str) -> None:
        with self._news:
            self.said.append(text)
            self._news.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._news:
            self.failures.append(error)
            self._news.notify_all()

    def wait(self, found: Callable[[], Any], timeout_s: float = WAIT_S_MAX) -> None:
        with self._news:
            for _ in range(int(timeout_s / 0.02)):
                if self.failures:
                    raise self.failures[0]
                if found():
                    return
                self._news.wait(0.02)
        raise AssertionError(f"not within {timeout_s} s; said {self.said}")

    def wait_failed(self, failures: list[BaseException]) -> None:
        """Until the link's thread has ended by a failure, which is taken from this rig."""
        with self._news:
            assert self._news.wait_for(lambda: self.failures, WAIT_S_MAX)
            failures += self.failures
            self.failures.clear()

    def hears(self, words: str, timeout_s: float = WAIT_S_MAX) -> str:
        self.wait(lambda: any(words in line for line in self.said), timeout_s)
        return next(line for line in self.said if words in line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.link.stop()
        self.link.close()
        if kind is None and self.failures:
            raise self.failures[0]


CONNACK_311 = bytes.fromhex("20020000")
CONNACK_5 = bytes.fromhex("2003000000")
Script = Callable[["FakeBroker", socket.socket, int], None]


class FakeBroker:
    """A TCP server that takes one connection after the other and hands each to a script with its MQTT level."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.levels: list[int] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                peer, _address = self._server.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(WAIT_S_MAX)
                try:
                    connect = peer.recv(4096)  # fixed header, length, then "MQTT" with its length, then the level
                    if len(connect) > 8:
                        self.levels.append(connect[connect.index(b"MQTT") + 4])
                        self._script(self, peer, self.levels[-1])
                except OSError:
                    continue

    def serve(self, peer: socket.socket, *, suback: int = 1) -> None:
        """Say yes to everything (3.1.1) until the client goes."""
        peer.sendall(CONNACK_311)
        while data := peer.recv(65536):
            for answer in self._answers(data, suback):
                peer.sendall(answer)

    @staticmethod
    def _answers(data: bytes, suback: int) -> list[bytes]:
        found: list[bytes] = []
        at = 0
        while at < len(data):
            size = data[at + 1]
            if size >= 0x80:
                size = (size & 0x7F) | data[at + 2] << 7
                body = data[at + 3 : at + 3 + size]
                at += 3 + size
            else:
                body = data[at + 2 : at + 2 + size]
                at += 2 + size
            kind = data[at - len(body) - 2] if len(body) < 0x80 else data[at - len(body) - 3]
            if kind >> 4 == 3:
                topic = int.from_bytes(body[:2], "big")
                found.append(b"\x40\x02" + body[2 + topic : 4 + topic])
            elif kind >> 4 == 8:
                found.append(b"\x90\x03" + body[:2] + bytes([suback]))
            elif kind >> 4 == 12:
                found.append(b"\xd0\x00")
        return found

    def close(self) -> None:
        self.ended.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(WAIT_S_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
