"""Real brokers for tests, on free loopback ports: started, stopped, killed, frozen, started again empty or not."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

START_S_MAX = 10.0
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """`settings` are lines of mosquitto.conf; without `allow_anonymous` among them everybody may come in."""

    def __init__(self, folder: Path, *settings: str) -> None:
        if MOSQUITTO is None:
            pytest.skip("needs mosquitto (apt install mosquitto)")
        self.port = free_port()
        self._folder = folder
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *settings: str) -> None:
        """With other settings than before, if any are given. Returns once it takes connections."""
        assert self._process is None
        self._settings = settings or self._settings
        lines = [f"listener {self.port} 127.0.0.1", f"user {getpass.getuser()}", *self._settings]
        if not any(line.startswith("allow_anonymous") for line in lines):
            lines.append("allow_anonymous true")
        path = self._folder / f"mosquitto-{self.port}.conf"
        path.write_text("\n".join(lines) + "\n")
        log = self._folder / f"mosquitto-{self.port}.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen([str(MOSQUITTO), "-c", str(path)], stdout=output, stderr=output)
        deadline_s = time.monotonic() + START_S_MAX
        while not self._takes_connections():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                pytest.fail(f"mosquitto does not start: {log.read_text()}")
            time.sleep(0.02)

    def _takes_connections(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(START_S_MAX)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class Observer:
    """A client that writes down everything: (topic, payload, retained), in order."""

    def __init__(self, port: int, *topics: str, username: str | None = None, password: str | None = None) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self._news = threading.Condition()
        self._topics = topics or ("#",)
        self._ready = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, clean_session=True)
        if username is not None:
            self._client.username_pw_set(username, password)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._message
        self._client.connect("127.0.0.1", port, 30)
        self._client.loop_start()
        self.wait(lambda: self._ready > 0)

    def _connected(self, client: paho.Client, *_rest: Any) -> None:
        client.subscribe([(topic, 1) for topic in self._topics])

    def _subscribed(self, *_rest: Any) -> None:
        with self._news:
            self._ready += 1
            self._news.notify_all()

    def _message(self, _client: Any, _data: Any, message: Any) -> None:
        with self._news:
            self.messages.append((message.topic, bytes(message.payload), bool(message.retain)))
            self._news.notify_all()

    def wait(self, found: Callable[[], Any], timeout_s: float = 15.0) -> None:
        with self._news:
            assert self._news.wait_for(found, timeout_s), f"not within {timeout_s} s; heard {self.messages[-5:]}"

    def payloads(self, topic: str) -> list[bytes]:
        return [payload for name, payload, _retained in self.messages if name == topic]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
