"""The link against brokers that refuse, hang up, babble and stay silent, played by a socket; its hold on paho."""

from __future__ import annotations

import inspect
import socket
import threading
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.uplink.access import Accepted
from agent.uplink.fastlane import USER_TIMEOUT_MS, LaneClient, SharedSocket
from agent.uplink.wire import OURS, publish, topic_field
from tests.agent.uplink.lines import CONNACK_5, CONNACK_311, FakeBroker, Running, Words
from tests.brokers import free_port

# -- brokers that do not know MQTT 5 -----------------------------------------------------------------------------------


def refuse_5(broker: FakeBroker, peer: socket.socket, level: int) -> None:
    if level == 5:
        peer.sendall(bytes.fromhex("2003008400"))  # MQTT 5.0, 3.2.2.2: unsupported protocol version
    else:
        broker.serve(peer)


def refuse_5_as_311(broker: FakeBroker, peer: socket.socket, level: int) -> None:
    if level == 5:
        peer.sendall(bytes.fromhex("20020001"))  # MQTT 3.1.1, 3.2.2.3: unacceptable protocol version
    else:
        broker.serve(peer)


def hang_up_on_5(broker: FakeBroker, peer: socket.socket, level: int) -> None:
    if level != 5:
        broker.serve(peer)


@pytest.mark.parametrize("script", [refuse_5, refuse_5_as_311, hang_up_on_5])
def test_a_broker_that_knows_only_3_1_1_is_served_in_3_1_1(script: Any) -> None:
    words = Words()
    words.waiting.append(("t/x", b"hello", False))
    with FakeBroker(script) as broker, Running(words, broker.port) as running:
        running.wait(lambda: words.acks)
        assert broker.levels[:2] == [5, 4]
        assert [one.version5 for one in words.accepted] == [False]
        assert words.acks[0].token >= OURS
        if script is refuse_5:
            assert running.said == []  # nothing that a person must see to


def test_a_refusal_is_said_once_however_often_it_comes() -> None:
    def refuse(broker: FakeBroker, peer: socket.socket, _level: int) -> None:
        peer.sendall(bytes.fromhex("2003008700"))  # MQTT 5.0, 3.2.2.2: not authorized

    with FakeBroker(refuse) as broker, Running(Words(), broker.port) as running:
        running.wait(lambda: len(broker.levels) >= 3)
        assert len(running.said) == 1
        assert "refuses this store: Not authorized" in running.said[0]
        assert "username" in running.said[0]


def test_a_broker_that_hangs_up_again_and_again_raises_the_question_of_a_second_client() -> None:
    def throw_out(broker: FakeBroker, peer: socket.socket, level: int) -> None:
        peer.sendall(CONNACK_5 if level == 5 else CONNACK_311)
        peer.recv(4096)

    with FakeBroker(throw_out) as broker, Running(Words(), broker.port) as running:
        assert "is another client using the id jaego-test?" in running.hears("connections in a row were short")
        assert running.link.connects >= 3


def test_what_the_broker_says_when_it_parts_is_said() -> None:
    def part(broker: FakeBroker, peer: socket.socket, _level: int) -> None:
        peer.sendall(CONNACK_5)
        peer.recv(4096)
        reason = 0x8E if len(broker.levels) == 1 else 0x8B
        peer.sendall(bytes((0xE0, 1, reason)))  # MQTT 5.0, 3.14.2.1: session taken over; server shutting down

    with FakeBroker(part) as broker, Running(Words(), broker.port) as running:
        assert "each store needs its own client_id" in running.hears("another client came with our id jaego-test")
        running.hears("the broker ended the connection: Server shutting down")


def test_a_broker_that_says_nothing_is_left_and_tried_again() -> None:
    def silent(broker: FakeBroker, peer: socket.socket, _level: int) -> None:
        while peer.recv(4096):
            pass

    with FakeBroker(silent) as broker, Running(Words(), broker.port, connect_timeout_s=0.2) as running:
        running.hears("took the connection and says nothing")
        running.wait(lambda: len(broker.levels) >= 2)


def test_a_keepalive_shorter_than_the_time_for_connecting_ends_nothing() -> None:
    """paho closes its socket itself then, and tells nobody."""

    def silent(broker: FakeBroker, peer: socket.socket, _level: int) -> None:
        while peer.recv(4096):
            pass

    with FakeBroker(silent) as broker, Running(Words(), broker.port, keepalive_s=1, connect_timeout_s=30) as running:
        running.hears("no answer within the keepalive")
        running.wait(lambda: len(broker.levels) >= 2)


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00" * 50,
        b"\xff" * 50,
        b"\x20\x00",
        b"\x30\x02\x00\x09",
        b"\x90\x01\x00",
    ],
)
@pytest.mark.parametrize("greet", [True, False])
def test_a_broker_that_speaks_no_mqtt_ends_nothing(garbage: bytes, greet: bool) -> None:
    def babble(broker: FakeBroker, peer: socket.socket, level: int) -> None:
        peer.sendall((CONNACK_5 if level == 5 else CONNACK_311) * greet + garbage)
        peer.settimeout(0.05)
        while peer.recv(4096):
            pass

    with FakeBroker(babble) as broker, Running(Words(), broker.port) as running:
        running.wait(lambda: len(broker.levels) >= 2)
        assert running.said


def test_a_refused_subscription_is_said() -> None:
    def deny(broker: FakeBroker, peer: socket.socket, level: int) -> None:
        if level != 5:
            broker.serve(peer, suback=0x80)

    with FakeBroker(deny) as broker, Running(Words(), broker.port) as running:
        assert "access list" in running.hears("a subscription was refused")


def test_an_unreachable_broker_is_said_once_and_stop_does_not_wait_for_it() -> None:
    with Running(Words(), free_port()) as running:
        running.hears("cannot be reached")
        running.wait(lambda: running.link._attempts >= 3)
        assert len(running.said) == 1
        assert not running.link.up


def test_a_name_that_cannot_be_found_is_an_outage() -> None:
    for host in ("no-such-host.invalid", "a..b", "x" * 300):
        with Running(Words(), 1883, host=host, connect_timeout_s=1) as running:
            running.hears("cannot be reached")


def test_without_a_connection_nothing_is_queued_anywhere() -> None:
    """paho would send it later all the same, and a second try double it."""
    taken: list[int | None] = []
    with Running(Words(), free_port()) as running:
        running.link.post(lambda: taken.append(running.link.send(topic_field("t/x"), b"1", retain=False)))
        running.wait(lambda: taken)
        assert taken == [None]
        assert not running.link.has_room


class Broken(Words):
    def connected(self, accepted: Accepted, now_s: float) -> None:
        raise ZeroDivisionError


def test_a_bug_in_what_paho_calls_is_the_processs_end_and_no_silent_death() -> None:
    failures: list[BaseException] = []
    with FakeBroker(refuse_5) as broker:
        running = Running(Broken(), broker.port)
        running.wait_failed(failures)
        running.link.stop()
        running.link.close()
    assert [type(one) for one in failures] == [ZeroDivisionError]


def test_packets_go_out_at_once_and_a_dead_line_ends_in_time() -> None:
    words = Words()
    with FakeBroker(refuse_5) as broker, Running(words, broker.port) as running:
        running.wait(lambda: words.accepted)
        client = running.link._client
        assert client is not None
        assert client.shared is not None
        inner = client.shared._inner
        assert inner.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert inner.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT_MS


def test_calls_from_other_threads_run_in_the_links_thread_in_order() -> None:
    ran: list[tuple[str, int]] = []
    with Running(Words(), free_port()) as running:
        for number in range(1000):
            running.link.post(lambda number=number: ran.append((threading.current_thread().name, number)))
        running.wait(lambda: len(ran) == 1000)
    assert ran == [("uplink", number) for number in range(1000)]


# -- what we override of paho: these fail when paho changes ------------------------------------------------------------


def signature(name: str) -> str:
    return str(inspect.signature(getattr(paho.Client, name)))


def test_paho_still_has_what_the_lane_overrides() -> None:
    assert signature("_create_socket") == "(self) -> 'SocketLike'"
    assert signature("_create_socket_connection") == "(self) -> '_socket.socket'"
    assert signature("_ssl_wrap_socket") == "(self, tcp_sock: '_socket.socket') -> 'ssl.SSLSocket'"
    assert signature("_mid_generate") == "(self) -> 'int'"
    source = inspect.getsource(paho.Client._create_socket)
    assert "self._create_socket_connection()" in source
    assert "self._ssl_wrap_socket(sock)" in source
    assert "self._create_socket()" in inspect.getsource(paho.Client.reconnect)
    made = LaneClient(CallbackAPIVersion.VERSION2)
    assert made._last_mid == 0
    assert hasattr(made._mid_generate_mutex, "__enter__")
    assert made._ssl_context is None


def test_packet_ids_of_paho_stay_below_ours() -> None:
    client = LaneClient(CallbackAPIVersion.VERSION2)
    client._last_mid = OURS - 3
    assert [client._mid_generate() for _ in range(5)] == [OURS - 2, OURS - 1, 1, 2, 3]
    assert "self._mid_generate()" in inspect.getsource(paho.Client._send_subscribe)
    assert "self._mid_generate()" in inspect.getsource(paho.Client.publish)


def test_what_paho_calls_on_a_socket_is_there() -> None:
    for name in ("recv", "send", "pending", "fileno", "setblocking", "close"):
        assert callable(getattr(SharedSocket, name))
    source = inspect.getsource(paho.Client._sock_recv) + inspect.getsource(paho.Client._sock_send)
    assert "self._sock.recv(" in source
    assert "self._sock.send(" in source
    assert "BlockingIOError" in source


def test_a_shared_socket_keeps_packets_whole_and_says_why_it_broke() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    shared = SharedSocket(ours)
    with pytest.raises(BlockingIOError):
        shared.recv(10)
    first, second = publish(topic_field("a"), b"1", OURS, retain=False, version5=False), b"\xc0\x00"
    shared.put(first)
    assert shared.send(second) == 2
    shared.flush()
    assert theirs.recv(100) == first + second
    theirs.sendall(bytes.fromhex("d000") + b"\x40\x02\x80\x00")
    assert [one.token for one in shared.fill()] == [OURS]
    assert shared.recv(10) == bytes.fromhex("d000")
    theirs.close()
    assert shared.fill() == []
    assert (shared.broken, shared.why, shared.recv(10)) == (True, "the broker hung up", b"")
    shared.close()
    assert shared.why == "the broker hung up"
