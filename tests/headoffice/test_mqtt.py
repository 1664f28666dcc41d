"""The shell around paho: brokers that know only 3.1.1, writing from another thread, an end that ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headoffice.errors import BrokerUnreachable
from headoffice.mqtt import Broker, Connected, Item, Shell
from tests.brokers import MOSQUITTO, Mosquitto, Observer, free_port

CONNACK_311 = bytes.fromhex("20020000")
REFUSED_5 = bytes.fromhex("2003008400")  # MQTT 5.0, 3.2.2.2: unsupported protocol version
REFUSED_311 = bytes.fromhex("20020001")  # MQTT 3.1.1, 3.2.2.3: unacceptable protocol version


def half() -> float:
    return 0.5


@contextmanager
def old_broker(answer_to_5: bytes, levels: list[int]) -> Iterator[int]:
    """Takes 3.1.1; answers MQTT 5 as told and hangs up."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _address = server.accept()
            except OSError:
                return
            with peer:
                connect = peer.recv(4096)
                levels.append(connect[connect.index(b"MQTT") + 4])
                peer.sendall(CONNACK_311 if levels[-1] == 4 else answer_to_5)
                while levels[-1] == 4 and peer.recv(4096):
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(server.getsockname()[1])
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def wait(shell: Shell, found: Callable[[list[Item]], bool], timeout_s: float = 10) -> list[Item]:
    taken: list[Item] = []
    end_s = time.monotonic() + timeout_s
    while not found(taken):
        assert time.monotonic() < end_s
        taken += shell.take(1000, 0.1)
    return taken


def open_and_wait(shell: Shell, topic: str) -> None:
    """Until its subscription holds: a message of its own, sent after it, comes back."""
    shell.open()
    wait(shell, bool)
    shell.publish(topic, b"ready", retain=False)
    wait(shell, bool)


@pytest.mark.parametrize("answer", [REFUSED_5, REFUSED_311, b""])
def test_a_broker_that_knows_only_3_1_1_is_spoken_to_in_3_1_1(answer: bytes) -> None:
    levels: list[int] = []
    said: list[str] = []
    with old_broker(answer, levels) as port:
        shell = Shell(Broker("127.0.0.1", port, "hq"), ["a/b"], said.append, half)
        shell.open()
        wait(shell, lambda taken: any(isinstance(one, Connected) for one in taken))
        shell.close()
    assert levels == [5, 4]
    assert said == []


def test_it_can_be_closed_before_it_is_connected() -> None:
    shell = Shell(Broker("127.0.0.1", free_port(), "hq"), ["a/b"], lambda _text: None, half)
    shell.open()
    shell.publish("a/b", b"lost", retain=False)
    shell.close()
    with pytest.raises(BrokerUnreachable):
        shell.take(1, 0.1)


@pytest.mark.broker
@pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto (apt install mosquitto)")
def test_what_is_published_in_bulk_from_another_thread_arrives_whole(tmp_path: Path) -> None:
    """More than a socket's buffer: packets must not be written into each other."""
    payloads = [b"%05d" % number + b"x" * 16_000 for number in range(800)]
    said: list[str] = []
    with Mosquitto(tmp_path, "max_queued_messages 0") as broker, Observer(broker.port, "bulk", "echo") as observer:
        shell = Shell(Broker("127.0.0.1", broker.port, "hq"), ["echo"], said.append, half)
        open_and_wait(shell, "echo")
        for number, payload in enumerate(payloads):
            shell.publish("bulk", payload, retain=False)
            if number % 100 == 0:
                observer.publish("echo", b"e")  # something to read and to acknowledge in between
        observer.wait(lambda: len(observer.payloads("bulk")) == len(payloads), 30)
        wait(shell, lambda taken: len(taken) == 8)
        shell.close()
    assert observer.payloads("bulk") == payloads
    assert said == []


@pytest.mark.broker
@pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto (apt install mosquitto)")
def test_what_is_published_just_before_the_end_goes_before_the_farewell(tmp_path: Path) -> None:
    """Found on the virtual store PC: `jaego-hq expect` ended well, and the store had heard nothing."""
    bodies = [bytes(60_000) + str(number).encode() for number in range(100)]  # more than the sockets hold
    with Mosquitto(tmp_path) as broker, Observer(broker.port, "out") as observer:
        shell = Shell(Broker("127.0.0.1", broker.port, "tool", keep_session=False), [], lambda _text: None, half)
        shell.open()
        wait(shell, bool)
        for body in bodies:
            shell.publish("out", body, retain=False)
        shell.close()
        observer.wait(lambda: len(observer.payloads("out")) == len(bodies))
        assert observer.payloads("out") == bodies


@pytest.mark.broker
@pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto (apt install mosquitto)")
def test_a_round_ends_at_its_count_or_its_size(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Observer(broker.port, "none") as observer:
        shell = Shell(Broker("127.0.0.1", broker.port, "hq"), ["in"], lambda _text: None, half)
        open_and_wait(shell, "in")
        for _ in range(6):
            observer.publish("in", b"x" * 1000)
        observer.publish("in", b"end")
        end_s = time.monotonic() + 10
        while shell._queue.qsize() < 7:
            assert time.monotonic() < end_s
        assert len(shell.take(2, 1.0)) == 2
        assert len(shell.take(100, 1.0, size_bytes_max=2500)) == 3
        assert len(shell.take(100, 1.0)) == 2
        assert shell.take(100, 0.01) == []
        shell.close()


@pytest.mark.broker
@pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto (apt install mosquitto)")
def test_what_is_listened_to_changes_while_it_runs_and_holds_over_a_reconnect(tmp_path: Path) -> None:
    many = [f"many/{number}" for number in range(250)]
    with Mosquitto(tmp_path) as broker:
        shell = Shell(Broker("127.0.0.1", broker.port, "hq", keep_session=False), ["a"], lambda _text: None, half)
        open_and_wait(shell, "a")
        shell.listen(["b", *many])
        shell.publish("a", b"no", retain=False)
        for topic in ("b", many[0], many[-1]):
            shell.publish(topic, b"yes", retain=False)
        found = wait(shell, lambda taken: len(taken) >= 3)
        assert [(one.topic, one.payload) for one in found if not isinstance(one, Connected)] == [
            ("b", b"yes"), (many[0], b"yes"), (many[-1], b"yes"),
        ]  # fmt: skip
        broker.kill()
        shell.listen([many[1]])
        broker.start()
        wait(shell, lambda taken: any(isinstance(one, Connected) for one in taken), 15)
        shell.publish("b", b"no", retain=False)
        shell.publish(many[1], b"yes", retain=False)
        found = wait(shell, bool)
        assert [one.topic for one in found if not isinstance(one, Connected)] == [many[1]]
        shell.close()


@pytest.mark.broker
@pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto (apt install mosquitto)")
def test_a_deaf_shell_keeps_nothing_but_that_it_is_connected(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Observer(broker.port, "out") as observer:
        shell = Shell(Broker("127.0.0.1", broker.port, "hq"), ["in"], lambda _text: None, half)
        shell.deaf = True
        shell.open()
        assert isinstance(wait(shell, bool)[0], Connected)
        observer.publish("in", b"lost")
        shell.publish("out", b"said", retain=False)
        observer.wait(lambda: observer.payloads("out"))
        assert shell.take(10, 0.2) == []
        shell.deaf = False
        observer.publish("in", b"heard")
        (heard,) = wait(shell, bool)
        assert not isinstance(heard, Connected)
        assert heard.payload == b"heard"
        shell.close()


@pytest.mark.broker
@pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto (apt install mosquitto)")
def test_a_shell_that_was_deaf_hears_what_is_retained(tmp_path: Path) -> None:
    """Found by `make explore`: a store that came back during an outage of the database stayed offline for ever."""
    with Mosquitto(tmp_path) as broker:
        shell = Shell(Broker("127.0.0.1", broker.port, "hq"), ["S1/state"], lambda _text: None, half)
        shell.open()
        wait(shell, bool)
        shell.deaf = True
        store = Shell(Broker("127.0.0.1", broker.port, "store"), ["S1/state"], lambda _text: None, half)
        store.open()
        wait(store, bool)
        store.publish("S1/state", b"online", retain=True)
        wait(store, bool)  # it has come back to the store, and so to head office, which dropped it
        assert shell.take(10, 0.2) == []
        shell.hear_again()
        (heard,) = wait(shell, bool)
        assert not isinstance(heard, Connected)
        assert (heard.payload, heard.retain) == (b"online", True)
        store.close()
        shell.close()


def test_a_refused_subscription_is_said_once() -> None:
    said: list[str] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _address = server.accept()
            except OSError:
                return
            with peer:
                connect = peer.recv(4096)
                peer.sendall(CONNACK_311 if connect[connect.index(b"MQTT") + 4] == 4 else REFUSED_311)
                if connect[connect.index(b"MQTT") + 4] != 4:
                    continue
                identifier = peer.recv(4096)[2:4]
                peer.sendall(b"\x90\x03" + identifier + b"\x80")
                while peer.recv(4096):
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    shell = Shell(Broker("127.0.0.1", int(server.getsockname()[1]), "hq"), ["a/b"], said.append, half)
    shell.open()
    end_s = time.monotonic() + 10
    while not said:
        assert time.monotonic() < end_s
        time.sleep(0.02)
    shell.close()
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)
    assert len(said) == 1
    assert said[0].startswith("the broker refuses 1 subscriptions")
