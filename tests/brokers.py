"""Real brokers for tests, on free loopback ports: started, stopped, killed, frozen, started again empty or not.

Three with one face: `Mosquitto`, `RabbitMq` (plugin rabbitmq_mqtt) and `Nats` (MQTT on JetStream). What a test wants of
any of them it says as `Needs`, and `lines` makes that broker's settings of it. What each cannot: docs/brokers.md.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

START_S_MAX = 10.0
_PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
MOSQUITTO = shutil.which("mosquitto", path=_PLACES)
# Beside the script of Debian's that runs it as the user rabbitmq only, in folders of that user.
RABBITMQ = shutil.which("rabbitmq-server", path="/usr/lib/rabbitmq/bin")
NATS = shutil.which("nats-server", path=_PLACES)
USER = "store"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Needs:
    """What a test wants of a broker. With a password only `USER` may come in; `denied` is a topic it may not write."""

    password: str | None = None
    packet_bytes_max: int | None = None
    queue_messages_max: int | None = None
    certificate: tuple[Path, Path] | None = None
    denied: str | None = None


class Broker(ABC):
    """`settings` are lines of the broker's own configuration; `within` begins its command, such as a namespace's."""

    name: ClassVar[str]
    start_s_max: ClassVar[float] = START_S_MAX

    def __init__(self, folder: Path, *settings: str, host: str = "127.0.0.1", within: Sequence[str] = ()) -> None:
        self.host, self.port = host, free_port()
        self.folder = folder
        self.within = tuple(within)
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.check()

    # -- of each kind -----------------------------------------------------------------------------------------------

    @abstractmethod
    def check(self) -> None:
        """Skips the test where the broker is not installed."""

    @abstractmethod
    def lines(self, needs: Needs) -> list[str]:
        """Settings for `start`, with what is written kept over a restart."""

    @abstractmethod
    def command(self, settings: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """The command and what its environment has besides; writes its configuration file."""

    # -- of all -----------------------------------------------------------------------------------------------------

    @property
    def data(self) -> Path:
        return self.folder / f"{self.name}-{self.port}-data"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}-{self.port}.log"

    def start(self, *settings: str) -> None:
        """With other settings than before, if any are given. Returns once it takes connections."""
        assert self._process is None
        self._settings = settings or self._settings
        self.data.mkdir(exist_ok=True)
        command, environment = self.command(self._settings)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*self.within, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | environment,
            )
        deadline_s = time.monotonic() + self.start_s_max
        while not self._takes_connections():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                pytest.fail(f"{self.name} does not start: {self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.02)

    def _takes_connections(self) -> bool:
        if self.within:
            probe = [*self.within, "bash", "-c", f"</dev/tcp/{self.host}/{self.port}"]
            return subprocess.run(probe, capture_output=True, check=False).returncode == 0
        with socket.socket() as probe_socket:
            probe_socket.settimeout(1.0)
            return probe_socket.connect_ex((self.host, self.port)) == 0

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def forget(self) -> None:
        """While it is down: nothing of what it held is left."""
        assert self._process is None
        shutil.rmtree(self.data, ignore_errors=True)

    def reload(self) -> None:
        """Where a broker reads its files again at a signal."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

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
            self._process.wait(self.start_s_max)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class Mosquitto(Broker):
    """Without `allow_anonymous` among the settings everybody may come in."""

    name = "mosquitto"

    def check(self) -> None:
        if MOSQUITTO is None:
            pytest.skip("needs mosquitto (apt install mosquitto)")

    def lines(self, needs: Needs) -> list[str]:
        found = ["persistence true", f"persistence_location {self.data}/"]
        if needs.password is not None:
            path = self.folder / f"passwords-{self.port}"
            path.write_text(f"{USER}:{_mosquitto_hash(needs.password)}\n")
            path.chmod(0o600)
            found += ["allow_anonymous false", f"password_file {path}"]
        if needs.packet_bytes_max is not None:
            found.append(f"max_packet_size {needs.packet_bytes_max}")
        if needs.queue_messages_max is not None:
            found.append(f"max_queued_messages {needs.queue_messages_max}")
        if needs.certificate is not None:
            chain, key = needs.certificate
            found += [f"certfile {chain}", f"keyfile {key}"]
        if needs.denied is not None:
            path = self.folder / f"access-{self.port}"
            allowed = "".join(f"topic {way}\n" for way in ("readwrite #", f"deny {needs.denied}"))
            path.write_text(f"{allowed}user {USER}\n{allowed}")
            found.append(f"acl_file {path}")
        return found

    def command(self, settings: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        lines = [f"listener {self.port} {self.host}", f"user {getpass.getuser()}", *settings]
        if not any(line.startswith("allow_anonymous") for line in lines):
            lines.append("allow_anonymous true")
        path = self.folder / f"mosquitto-{self.port}.conf"
        path.write_text("\n".join(lines) + "\n")
        return [str(MOSQUITTO), "-c", str(path)], {}


def _mosquitto_hash(password: str) -> str:
    """mosquitto_passwd(1): PBKDF2 with SHA-512, 101 rounds, salt of 12 bytes."""
    salt = hashlib.sha256(password.encode()).digest()[:12]
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"$7$101${base64.b64encode(salt).decode()}${base64.b64encode(made).decode()}"


class RabbitMq(Broker):
    """One node that no other finds, with an epmd of its own that ends with it."""

    name = "rabbitmq"
    start_s_max = 60.0  # it waits 3.6 s for a cluster that is not there
    _epmd: subprocess.Popen[bytes] | None = None

    def check(self) -> None:
        if RABBITMQ is None or shutil.which("epmd") is None:
            pytest.skip("needs RabbitMQ (apt install rabbitmq-server)")
        self._epmd_port, self._dist_port = free_port(), free_port()

    def lines(self, needs: Needs) -> list[str]:
        """The MQTT plugin of 3.10 has no limit of a packet's size."""
        path = self.folder / f"rabbitmq-{self.port}.json"
        path.write_text(json.dumps(self._definitions(needs)))
        found = [f"load_definitions = {path}", f"mqtt.allow_anonymous = {str(needs.password is None).lower()}"]
        if needs.password is None:
            found += [f"mqtt.default_user = {USER}", f"mqtt.default_pass = {USER}"]
        if needs.certificate is not None:
            chain, key = needs.certificate
            found += ["mqtt.listeners.tcp = none", f"mqtt.listeners.ssl.1 = {self.host}:{self.port}"]
            found += [f"ssl_options.certfile = {chain}", f"ssl_options.keyfile = {key}"]
            found += ["ssl_options.verify = verify_none", "ssl_options.fail_if_no_peer_cert = false"]
        return found

    @staticmethod
    def _definitions(needs: Needs) -> dict[str, Any]:
        salt = b"salt"
        made = base64.b64encode(salt + hashlib.sha256(salt + (needs.password or USER).encode()).digest()).decode()
        all_of = {"user": USER, "vhost": "/", "read": ".*"}
        # Always said: what an import leaves out stays as it was.
        topics = ".*" if needs.denied is None else rf"^(?!{needs.denied.replace('/', '.')}$).*"
        found: dict[str, Any] = {
            "vhosts": [{"name": "/"}],
            "users": [
                {
                    "name": USER,
                    "password_hash": made,
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": "",
                }
            ],
            "permissions": [{**all_of, "write": ".*", "configure": ".*"}],
            "topic_permissions": [{**all_of, "exchange": "amq.topic", "write": topics}],
        }
        if needs.queue_messages_max is not None:
            found["policies"] = [
                {
                    "vhost": "/",
                    "name": "short",
                    "pattern": "^mqtt-subscription-",
                    "apply-to": "queues",
                    "priority": 0,
                    "definition": {"max-length": needs.queue_messages_max},
                }
            ]
        return found

    def command(self, settings: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        if self._epmd is None:
            names = [str(shutil.which("epmd")), "-port", str(self._epmd_port), "-address", "127.0.0.1"]
            self._epmd = subprocess.Popen([*self.within, *names], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        path, plugins = self.folder / f"rabbitmq-{self.port}.conf", self.folder / f"rabbitmq-{self.port}.plugins"
        lines = ["listeners.tcp = none", "log.console = true", "log.file = false", *settings]
        if not any(line.startswith("mqtt.listeners") for line in lines):
            lines.append(f"mqtt.listeners.tcp.1 = {self.host}:{self.port}")
        path.write_text("\n".join(lines) + "\n")
        plugins.write_text("[rabbitmq_mqtt].\n")
        return [str(RABBITMQ)], {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(self.data),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_CONFIG_FILE": str(path),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none",
            "RUNNING_UNDER_SYSTEMD": "1",  # it becomes the node itself: no shell in between to kill
        }

    def _end(self, number: signal.Signals) -> None:
        super()._end(number)
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait(START_S_MAX)
            self._epmd = None


class Nats(Broker):
    name = "nats"

    def check(self) -> None:
        if NATS is None:
            pytest.skip("needs nats-server (apt install nats-server)")

    def lines(self, needs: Needs) -> list[str]:
        """A session's queue is a position in a stream, without a limit of its own; `max_payload` is not for MQTT."""
        found: list[str] = []
        tls = ""
        if needs.certificate is not None:
            chain, key = needs.certificate
            tls = f', tls {{ cert_file: "{chain}", key_file: "{key}" }}'
        found.append(f'mqtt {{ listen: "{self.host}:{self.port}"{tls} }}')
        if needs.password is not None:
            rule = ""
            if needs.denied is not None:
                rule = f', permissions: {{ publish: {{ deny: ["{needs.denied.replace("/", ".")}"] }} }}'
            found.append(f'authorization {{ users: [ {{ user: "{USER}", password: "{needs.password}"{rule} }} ] }}')
        return found

    def command(self, settings: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        lines = ["server_name: test", f'listen: "{self.host}:-1"', f'jetstream {{ store_dir: "{self.data}" }}']
        lines += settings or self.lines(Needs())
        path = self.folder / f"nats-{self.port}.conf"
        path.write_text("\n".join(lines) + "\n")
        return [str(NATS), "-c", str(path)], {}


BROKERS: dict[str, type[Broker]] = {kind.name: kind for kind in (Mosquitto, RabbitMq, Nats)}


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
