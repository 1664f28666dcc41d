"""Readers that publish JSON, through a real broker and a real HTTP stream: what a wire can do to them."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.driver import Driver
from drivers.errors import DeviceError, DeviceRefused, DeviceUnavailable
from drivers.operations import Bank, ReadMemory
from drivers.reader_json.frames import encode
from drivers.reader_json.settings import ReaderJsonSettings
from drivers.reads import BadRead, Fault, Read, TagRead
from drivers.registry import factory, watched
from simulators.reader_json import STREAM_PATH, Dialect, HttpSink, JsonReader, MqttSink
from simulators.tags import Sighting, Tag
from tests.agent.uplink.test_link_brokers import Authority, encrypted
from tests.brokers import Mosquitto, Observer, free_port
from tests.drivers.device_tools import clock, next_reads, run, until

TAG = Tag(bytes.fromhex("e2806894000040017790e471"))
SEEN = Sighting(TAG.epc, 3, -6150, 0, TAG, 567, 866_900)


def driver_of(**settings: Any) -> Driver:
    made = ReaderJsonSettings.model_validate({"host": "127.0.0.1", "connect_timeout_s": 3, **settings})
    assert watched(made) is None
    return factory("gate", made, clock)()


def opening(**settings: Any) -> DeviceError:
    """Why it does not open. No descriptor and no thread stays behind."""

    async def work() -> DeviceError:
        try:
            await driver_of(**settings).__aenter__()
        except DeviceError as error:
            return type(error)(str(error), hint=error.hint)  # without the frames of the one that was raised
        raise AssertionError("it opened")

    refused = run(work())
    assert refused.hint
    return refused


async def collect(driver: Driver, found: list[Read]) -> None:
    async for read in driver:
        found.append(read)  # noqa: PERF401 - what came before the loss is kept


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("drain", "http", "paho"))]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as made:
        yield made


@pytest.fixture
def stream() -> Iterator[HttpSink]:
    sink = HttpSink()
    yield sink
    sink.close()


def mqtt(broker: Mosquitto, dialect: str = "zebra", **more: Any) -> dict[str, Any]:
    return {"dialect": dialect, "port": broker.port, "topics": ["gate/#"], **more}


def http(stream: HttpSink, folder: Path, password: str = "impinj", **more: Any) -> dict[str, Any]:
    file = folder / "password"
    file.write_text(f"{password}\n")
    account = {"username": "root", "password_file": file}
    return {"dialect": "impinj", "transport": "http", "port": stream.port, **account, **more}


@pytest.mark.broker
@pytest.mark.parametrize("dialect", ["impinj", "zebra"])
def test_what_is_published_is_read(broker: Mosquitto, dialect: str) -> None:
    async def work() -> None:
        async with driver_of(**mqtt(broker, dialect)) as driver:
            sink = MqttSink("127.0.0.1", broker.port, "gate/data")
            reader = JsonReader(Dialect(dialect), sink)
            before = clock().wall_us
            for _ in range(3):
                reader.see(SEEN)
            reads = await next_reads(driver, 3)
            sink.close()
            for read in reads:
                assert isinstance(read, TagRead)
                assert (read.epc, read.antenna, read.pc, read.frequency_khz) == (TAG.epc, 3, TAG.pc, 866_900)
                assert read.rssi_cdbm == (-6150 if dialect == "impinj" else -6200)
                assert before - 1000 <= read.seen_us <= read.arrived.wall_us
                assert read.phase_mrad in {566, 567}
            assert driver.counters.reads == 3
            with pytest.raises(DeviceRefused):
                await driver.operate(ReadMemory(Bank.TID, 0, 2))

    run(work())
    assert threads() == []


@pytest.mark.broker
def test_faults_over_the_broker(broker: Mosquitto) -> None:
    async def work() -> None:
        async with driver_of(**mqtt(broker, line_bytes_max=2048)) as driver:
            sink = MqttSink("127.0.0.1", broker.port, "gate/data")
            reader = JsonReader(Dialect.ZEBRA, sink)
            reader.see(SEEN)
            reader.skip(4)
            reader.see_together([SEEN, SEEN])
            reader.garbage()
            reader.huge(500_000)
            reader.beacon()
            reader.beat()
            sink.send(b'{\r\n  "data": {\n    "idHex": "ab"\n  }\n}\n')  # over several lines: one payload, one document
            reads = await next_reads(driver, 7)
            sink.close()
            assert [type(read) for read in reads] == [TagRead, BadRead, TagRead, TagRead, BadRead, BadRead, TagRead]
            bad = [read for read in reads if isinstance(read, BadRead)]
            assert [read.fault for read in bad] == [Fault.DROPPED, Fault.UNDECODABLE, Fault.TOO_LONG]
            assert "2 to 5 (4)" in bad[0].detail
            assert len(bad[2].raw) == 512
            assert driver.facts["ignored"] == "BLE 1, heartbeat 1"

    run(work())


@pytest.mark.broker
def test_a_retained_tag_of_another_day_is_not_read(broker: Mosquitto) -> None:
    async def work() -> None:
        with Observer(broker.port) as observer:
            observer.publish("gate/data", encode({"data": {"idHex": "01"}}), retain=True)
            async with driver_of(**mqtt(broker)) as driver:
                observer.publish("gate/data", encode({"data": {"idHex": "02"}}))
                (read,) = await next_reads(driver, 1)
                assert isinstance(read, TagRead)
                assert read.epc == b"\x02"

    run(work())


@pytest.mark.broker
def test_a_broker_that_dies_is_a_lost_device_and_comes_back(broker: Mosquitto) -> None:
    async def work() -> None:
        async with driver_of(**mqtt(broker)) as driver:
            broker.kill()
            with pytest.raises(DeviceUnavailable) as caught:
                await anext(aiter(driver))
            assert "the broker 127.0.0.1" in str(caught.value)
            assert caught.value.hint
        with pytest.raises(DeviceUnavailable):
            await driver_of(**mqtt(broker)).__aenter__()
        broker.start()
        async with driver_of(**mqtt(broker)) as driver:
            sink = MqttSink("127.0.0.1", broker.port, "gate/data")
            JsonReader(Dialect.ZEBRA, sink).see(SEEN)
            assert len(await next_reads(driver, 1)) == 1
            sink.close()

    run(work())
    assert threads() == []


@pytest.mark.broker
def test_an_account_that_the_broker_does_not_know(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    passwords.chmod(0o600)
    with Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}") as broker:
        secret = tmp_path / "secret"
        secret.write_text("wrong")
        error = opening(**mqtt(broker, username="jaego", password_file=secret))
        assert isinstance(error, DeviceRefused)
        assert "wrong" not in str(error)
    assert threads() == []


class Replies:
    """A broker of fixed bytes (MQTT 3.1.1): it takes a CONNECT, and answers with each of `replies` to what it gets."""

    def __init__(self, *replies: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._replies = replies
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        line, _ = self._listener.accept()
        with line:
            for reply in self._replies:
                request = line.recv(4096)
                line.sendall(reply.replace(b"ID", request[2:4]))
            while line.recv(4096):
                pass

    def close(self) -> None:
        self._listener.close()
        self._thread.join(5)


@pytest.mark.parametrize(
    ("replies", "kind", "words"),
    [
        ((b"\x20\x02\x00\x00", b"\x90\x04ID\x00\x80"), DeviceRefused, "denies gate/b"),
        ((b"\x20\x02\x00\x05",), DeviceRefused, "Not authorized"),
        ((b"\x20\x02\x00\x04",), DeviceRefused, "Bad user name"),
        ((b"\x20\x02\x00\x03",), DeviceUnavailable, "refuses"),
        ((b"HTTP/1.0 400 no\r\n\r\n",), DeviceUnavailable, ""),
    ],
)
def test_brokers_that_say_no(replies: tuple[bytes, ...], kind: type[DeviceError], words: str) -> None:
    gc.collect()
    gc.disable()  # paho closes its pair of sockets only when it is collected: we do not wait for that
    try:
        before = descriptors()
        fake = Replies(*replies)
        error = opening(dialect="zebra", port=fake.port, topics=["gate/a", "gate/b"], connect_timeout_s=1)
        fake.close()
        assert descriptors() == before
    finally:
        gc.enable()
    assert type(error) is kind, str(error)
    assert words in str(error)


def test_nobody_at_the_port_and_no_such_secret(tmp_path: Path) -> None:
    gc.collect()
    before = descriptors()
    wanted = {"port": free_port(), "dialect": "impinj"}
    assert isinstance(opening(**wanted, topics=["t"]), DeviceUnavailable)
    assert isinstance(opening(**wanted, transport="http"), DeviceUnavailable)
    for transport in ({"topics": ["t"]}, {"transport": "http"}):
        missing = opening(**wanted, **transport, username="u", password_file=tmp_path / "none")
        assert isinstance(missing, DeviceRefused)
        (tmp_path / "empty").write_text("\n")
        assert isinstance(opening(**wanted, **transport, username="u", password_file=tmp_path / "empty"), DeviceRefused)
        authority = opening(**wanted, **transport, tls=True, tls_ca_file=tmp_path / "none")
        assert isinstance(authority, DeviceRefused)
    gc.collect()
    assert descriptors() <= before  # what earlier tests left may have gone meanwhile
    assert threads() == []


def test_the_stream_of_an_impinj_reader(stream: HttpSink, tmp_path: Path) -> None:
    async def work() -> None:
        async with driver_of(**http(stream, tmp_path)) as driver:
            reader = JsonReader(Dialect.IMPINJ, stream)
            reader.beat()
            whole = encode(reader.document(SEEN)) + b"\r\n"
            for at in range(0, len(whole), 7):
                stream.send_raw(whole[at : at + 7])
            reader.garbage()
            reader.see_together([SEEN, SEEN])
            reads = await next_reads(driver, 4)
            assert [type(read) for read in reads] == [TagRead, BadRead, TagRead, TagRead]
            assert driver.facts["hostname"] == "impinj-00-00-01"

    run(work())
    assert threads() == []


def test_a_stream_that_breaks_off_and_is_opened_again(stream: HttpSink, tmp_path: Path) -> None:
    async def work() -> None:
        async with driver_of(**http(stream, tmp_path)) as driver:
            stream.send_raw(b'{"eventType":')
            stream.drop()
            found: list[Read] = []
            with pytest.raises(DeviceUnavailable) as caught:
                await collect(driver, found)
            assert caught.value.hint
            assert all(isinstance(read, BadRead) and read.fault is Fault.INCOMPLETE for read in found)
        await until(lambda: not stream.busy)
        async with driver_of(**http(stream, tmp_path)) as driver:
            JsonReader(Dialect.IMPINJ, stream).see(SEEN)
            assert len(await next_reads(driver, 1)) == 1

    run(work())


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"password": "x"}, DeviceRefused, "401"),
        ({"stream_path": "/other"}, DeviceRefused, "404"),
        ({"tls": True}, DeviceRefused, "TLS"),
    ],
)
def test_streams_that_say_no(
    stream: HttpSink, tmp_path: Path, wrong: dict[str, Any], kind: type[DeviceError], words: str
) -> None:
    error = opening(**http(stream, tmp_path, **wrong))
    assert type(error) is kind
    assert words in str(error)
    assert STREAM_PATH in str(error) or wrong


def test_a_second_client_at_the_stream_is_told_apart(stream: HttpSink, tmp_path: Path) -> None:
    async def work() -> None:
        async with driver_of(**http(stream, tmp_path)):
            with pytest.raises(DeviceUnavailable) as caught:
                await driver_of(**http(stream, tmp_path)).__aenter__()
            assert "another client" in caught.value.hint

    run(work())


def closing_frees(open_driver: Callable[[], Driver]) -> None:
    async def work() -> None:
        async with open_driver() as driver:  # what is made once stays: resolver, executor
            driver.close()
        before = descriptors()
        for _ in range(5):
            async with open_driver() as driver:
                driver.close()
                assert [read async for read in driver] == []
        await asyncio.sleep(0)
        assert descriptors() == before

    run(work())
    assert threads() == []


@pytest.mark.broker
def test_closing_mqtt_frees_everything(broker: Mosquitto) -> None:
    closing_frees(lambda: driver_of(**mqtt(broker)))


@pytest.mark.broker
def test_a_flood_waits_and_is_whole(broker: Mosquitto) -> None:
    """Back pressure: more than socket pair and inbox hold at once, while the loop reads as it can."""

    async def work() -> None:
        async with driver_of(**mqtt(broker)) as driver:
            sink = MqttSink("127.0.0.1", broker.port, "gate/data", qos=0)
            reader = JsonReader(Dialect.ZEBRA, sink)

            def flood() -> None:
                for _ in range(2000):
                    reader.see(SEEN)

            sending = asyncio.create_task(asyncio.to_thread(flood))
            reads = await next_reads(driver, 2000)
            await sending
            sink.close()
            assert all(isinstance(read, TagRead) for read in reads)

    run(work())


@pytest.mark.broker
def test_a_broker_with_tls(tmp_path: Path) -> None:
    ours, others = Authority(tmp_path, "ours"), Authority(tmp_path, "others")
    with Mosquitto(tmp_path, *encrypted(ours)) as broker:

        async def work() -> None:
            for trust in ({"tls_ca_file": ours.file}, {"tls_check": False}):
                async with driver_of(**mqtt(broker, tls=True, **trust)) as driver:
                    driver.close()

        run(work())
        untrusted = opening(**mqtt(broker, tls=True, tls_ca_file=others.file))
        assert isinstance(untrusted, DeviceRefused)
        assert "not trusted" in str(untrusted)
    assert threads() == []


def test_a_stream_with_tls(tmp_path: Path) -> None:
    ours, others = Authority(tmp_path, "ours"), Authority(tmp_path, "others")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*ours.issue("reader"))
    stream = HttpSink(tls=context)

    async def work() -> None:
        async with driver_of(**http(stream, tmp_path, tls=True, tls_ca_file=ours.file)) as driver:
            JsonReader(Dialect.IMPINJ, stream).see(SEEN)
            assert len(await next_reads(driver, 1)) == 1
            begun = threads()
            assert any(name.startswith("http") for name in begun)
        assert threads() == []  # a thread that waits in TLS was woken

    run(work())
    untrusted = opening(**http(stream, tmp_path, tls=True, tls_ca_file=others.file))
    assert isinstance(untrusted, DeviceRefused)
    assert "not trusted" in str(untrusted)
    stream.close()


@pytest.mark.broker
@pytest.mark.slow
def test_a_broker_that_freezes_is_noticed_by_its_silence(broker: Mosquitto) -> None:
    async def work() -> None:
        async with driver_of(**mqtt(broker, keepalive_s=5)) as driver:
            broker.freeze()
            with pytest.raises(DeviceUnavailable):
                await anext(aiter(driver))
            broker.thaw()

    run(work())
    assert threads() == []
