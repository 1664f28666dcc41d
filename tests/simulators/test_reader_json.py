"""The simulated JSON readers, with our driver at the other end: what is sent arrives, what fails is told."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from drivers.reader_json.settings import ReaderJsonSettings
from drivers.reads import BadRead, Fault, TagRead
from drivers.registry import factory
from simulators.cli import app
from simulators.clock import Pacer
from simulators.reader_json import Dialect, JsonReader, MqttSink, impinj_time, zebra_time
from simulators.tags import RateSource, sgtin_tags
from tests.brokers import Mosquitto, Observer
from tests.drivers.device_tools import clock, run


def test_times_are_written_as_the_readers_write_them() -> None:
    assert impinj_time(1_772_126_017_432_087) == "2026-02-26T17:13:37.432087000Z"
    assert zebra_time(1_788_785_436_194_999) == "2026-09-07T12:50:36.194+0000"


@pytest.mark.broker
@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_run_with_faults(tmp_path: Path, dialect: Dialect) -> None:
    """Ten faults, each of five kinds twice: a reader that goes and comes loses nothing, and every gap is told."""
    with Mosquitto(tmp_path) as broker:
        settings = ReaderJsonSettings.model_validate(
            {"dialect": dialect.value, "host": "127.0.0.1", "port": broker.port, "topics": ["gate"]}
        )

        async def work() -> None:
            async with factory("gate", settings, clock)() as driver:
                sink = MqttSink("127.0.0.1", broker.port, "gate")
                reader = JsonReader(dialect, sink)
                source = RateSource(sgtin_tags(20), 5_000)
                pacer = Pacer()
                running = asyncio.create_task(asyncio.to_thread(reader.run, source, pacer, fault_every=100))
                found: Counter[object] = Counter()
                async for read in driver:
                    found[read.fault if isinstance(read, BadRead) else type(read)] += 1
                    if found[TagRead] == 1000:
                        pacer.stop()
                        break
                assert await running >= 1000
                sink.close()
                assert found[Fault.UNDECODABLE] == 2
                assert found[Fault.TOO_LONG] == 2
                assert found[Fault.DROPPED] == (2 if dialect is Dialect.ZEBRA else 0)

        run(work())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("paho")]


@pytest.mark.broker
@pytest.mark.parametrize("command", ["impinj", "zebra"])
def test_the_command_publishes_and_ends(tmp_path: Path, command: str) -> None:
    with Mosquitto(tmp_path) as broker, Observer(broker.port) as observer:
        options = ["--broker", f"127.0.0.1:{broker.port}", "--topic", "gate", "--seconds", "0.5", "--rate", "100"]
        result = CliRunner().invoke(app, ["reader", command, *options])
        assert result.exit_code == 0, result.output
        assert "tags seen" in result.output
        observer.wait(lambda: len(observer.payloads("gate")) > 10)


def test_the_command_says_that_no_broker_is_there() -> None:
    assert CliRunner().invoke(app, ["reader", "zebra", "--broker", "127.0.0.1:1"]).exit_code == 2
