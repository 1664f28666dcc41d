"""The simulated LLRP reader in the network: its faults as a client feels them, and that none loses a tag."""

from __future__ import annotations

import asyncio
import io
import signal
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.llrp.elements import Element, decode, element, encode
from drivers.llrp.frames import Decoder, Malformed, Message
from simulators.clock import monotonic_us, wall_us
from simulators.reader_faults import Script, happenings, load, parse
from simulators.reader_llrp import LlrpReader, Setup
from simulators.reader_server import ReaderServer
from simulators.tags import RateSource, sgtin_tags
from tests.simulators.llrp_tools import count, epc_of, rospec, tags_of

HOLD = element("EventsAndReports", {"HoldEventsAndReportsUponReconnect": True})


class Client:
    """Blocks on nothing: `until` reads what the test waits for."""

    def __init__(self, incoming: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.incoming, self.writer = incoming, writer
        self.decoder = Decoder()
        self.came: list[Element] = []
        self.malformed: list[Malformed] = []
        self.ended = False

    @classmethod
    async def open(cls, port: int, tls: ssl.SSLContext | None = None) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls))

    def send(self, one: Element) -> None:
        self.writer.write(encode(one, 1))

    async def more(self) -> None:
        try:
            data = await self.incoming.read(65_536)
        except ConnectionError:
            data = b""
        self.ended = not data
        for found in self.decoder.feed(data):
            if isinstance(found, Message):
                self.came.append(decode(found))
            else:
                self.malformed.append(found)

    async def until(self, name: str) -> Element:
        async with asyncio.timeout(10):
            while not any(one.name == name for one in self.came):
                assert not self.ended
                await self.more()
        return next(one for one in self.came if one.name == name)

    async def rest(self) -> None:
        async with asyncio.timeout(10):
            while not self.ended:
                await self.more()
        self.writer.close()

    def set_up(self) -> None:
        self.send(element("SET_READER_CONFIG", {}, HOLD))
        self.send(element("ADD_ROSPEC", {}, rospec()))
        self.send(element("ENABLE_ROSPEC", {"ROSpecID": 7}))


@asynccontextmanager
async def serving(
    script: Script | None = None, rate: float = 500, truth: io.StringIO | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[ReaderServer]:
    source = RateSource(sgtin_tags(20), rate)
    reader = LlrpReader(source, Setup(), now_us=monotonic_us(), wall_us=wall_us())
    async with ReaderServer(reader, script=happenings(script or Script()), truth=truth, tls=tls) as server:
        yield server


def test_faults_are_written_in_words_and_in_toml(tmp_path: Path) -> None:
    script = parse(["reset@2:every_s=1,times=2", "reboot@2.5:seconds=3"], ["1=high@2.2"])
    assert [at for at, _what in happenings(script)] == [2, 2.2, 2.5, 3]
    path = tmp_path / "faults.toml"
    path.write_text(
        '[[fault]]\nkind = "reset"\nat_s = 2\nevery_s = 1\ntimes = 2\n[[fault]]\nkind = "reboot"\nat_s = 2.5\n'
        'seconds = 3\n[[input]]\nport = 1\nlevel = "high"\nat_s = 2.2\n'
    )
    assert load(path) == script
    for wrong in ("melt@3", "reset", "reset@1:colour=red"):
        with pytest.raises(ValueError, match="validation error"):
            parse([wrong])


@pytest.mark.parametrize("fault", ["split@0:seconds=60", "merge@0:seconds=60", "slow@0:seconds=60,bytes_per_s=20000"])
def test_messages_come_whole_in_any_pieces(fault: str) -> None:
    async def run() -> None:
        async with serving(parse([fault]), rate=50) as server:
            client = await Client.open(server.port)
            client.set_up()
            while count(tags_of(client.came)) < 20:
                await client.more()
            assert not client.malformed
            client.writer.close()

    asyncio.run(asyncio.wait_for(run(), 20))


@pytest.mark.parametrize("fault", ["cut", "reset"])
def test_forced_disconnects_lose_nothing_and_double_nothing(fault: str) -> None:
    """Ten in a row, with reads all the time; each EPC is counted on both sides."""

    async def run() -> None:
        truth = io.StringIO()
        got: Counter[str] = Counter()
        script = parse([f"{fault}@0.1:every_s=0.08,times=10"])
        async with serving(script, truth=truth) as server:
            for number in range(11):
                client = await Client.open(server.port)
                if number == 0:
                    client.set_up()
                client.send(element("ENABLE_EVENTS_AND_REPORTS"))
                if number < 10:
                    await client.rest()
                else:
                    client.send(element("STOP_ROSPEC", {"ROSpecID": 7}))
                    await client.until("STOP_ROSPEC_RESPONSE")
                for tag in tags_of(client.came):
                    got[epc_of(tag).hex()] += count([tag])
            client.writer.close()
            assert server.reader.lost_sightings == server.reader.held_sightings == 0
            assert server.told_sightings == got.total() > 100
        told: Counter[str] = Counter()
        for line in truth.getvalue().splitlines():
            told[line.split()[0]] += int(line.split()[2])
        assert told == got

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_frozen_reader_says_nothing_and_keeps_the_socket() -> None:
    async def run() -> None:
        async with serving(parse(["freeze@0.2:seconds=0.5"])) as server:
            client = await Client.open(server.port)
            client.set_up()
            client.send(element("ENABLE_EVENTS_AND_REPORTS"))
            await client.until("ENABLE_ROSPEC_RESPONSE")
            longest_us = before_us = 0
            while longest_us < 300_000:
                now_us = monotonic_us()
                longest_us, before_us = max(longest_us, now_us - (before_us or now_us)), now_us
                await client.more()
                assert not client.ended
            client.writer.close()

    asyncio.run(asyncio.wait_for(run(), 20))


def test_a_reboot_cuts_a_message_and_closes_the_port() -> None:
    async def run() -> None:
        async with serving(parse(["reboot@0.3:seconds=0.3"])) as server:
            client = await Client.open(server.port)
            client.set_up()
            client.send(element("ENABLE_EVENTS_AND_REPORTS"))
            await client.rest()
            assert client.decoder.partial
            with pytest.raises(ConnectionRefusedError):
                await Client.open(server.port)
            again: Client | None = None
            while again is None:
                try:
                    again = await Client.open(server.port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)
            again.send(element("GET_ROSPECS"))
            answer = await again.until("GET_ROSPECS_RESPONSE")
            assert not answer.all("ROSpec")
            again.writer.close()

    asyncio.run(asyncio.wait_for(run(), 20))


def test_garbage_is_what_no_decoder_reads() -> None:
    async def run() -> None:
        async with serving(parse(["garbage@0.2"])) as server:
            client = await Client.open(server.port)
            client.set_up()
            client.send(element("ENABLE_EVENTS_AND_REPORTS"))
            while not client.malformed:
                await client.more()
            client.writer.close()

    asyncio.run(asyncio.wait_for(run(), 20))


def test_a_second_client_is_told_and_hung_up_on() -> None:
    async def run() -> None:
        async with serving() as server:
            first, second = await Client.open(server.port), await Client.open(server.port)
            await first.until("READER_EVENT_NOTIFICATION")
            await second.until("READER_EVENT_NOTIFICATION")
            second.writer.write_eof()
            await second.rest()
            first.send(element("CLOSE_CONNECTION"))
            await first.until("CLOSE_CONNECTION_RESPONSE")
            await first.rest()
            third = await Client.open(server.port)
            await third.until("READER_EVENT_NOTIFICATION")
            third.writer.close()

    asyncio.run(asyncio.wait_for(run(), 20))


def test_the_command_prints_its_address_and_what_it_told(tmp_path: Path) -> None:
    reads = tmp_path / "reads.csv"
    reads.write_text("t,epc,antenna,rssi_dbm\n0,ab01,1,-50\n0.2,ab02,2,-60\n")
    command = [sys.executable, "-m", "simulators.cli", "reader", "llrp", "--port", "0", "--profile", "fx9600"]
    command += [
        "--recording",
        str(reads),
        "--region",
        "kr",
        "--gpi",
        "1=high@0.1",
        "--fault",
        "antenna_off@60:antenna=2",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "0 sightings told, 0 held, 0 lost\n"
    assert process.returncode == 0


@pytest.mark.parametrize(
    "wrong", [("--profile", "r9"), ("--clock", "moon"), ("--fault", "melt@1"), ("--recording", "no")]
)
def test_mistakes_of_the_command_are_said(wrong: tuple[str, str]) -> None:
    command = [sys.executable, "-m", "simulators.cli", "reader", "llrp", "--port", "0", *wrong]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 78
    assert done.stderr.startswith("reader llrp: ")
