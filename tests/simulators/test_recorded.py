"""Recordings played back: what a device sent comes again, with its distances in time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drivers.llrp.elements import Element, element, encode
from simulators.recorded import PlayedReader, load
from tests.simulators.llrp_tools import SECOND, WALL_US, Peer, events_of, rospec, started, tags_of

ROOT = Path(__file__).parent.parent.parent
CONVERSATION = ROOT / "tests" / "fixtures" / "llrp" / "conversations" / "llrpkit_to_llrpkitemu.jsonl"
STARTED_US = 1_700_000_000_000_000


def written(path: Path, kind: str, portions: list[tuple[int, str, bytes]]) -> Path:
    head = {"recording": 1, "device": "gate", "kind": kind, "started_us": STARTED_US}
    lines = [head, *({"t_us": t_us, "dir": way, "hex": data.hex()} for t_us, way, data in portions)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def recorded(path: Path) -> Path:
    """The recorded conversation of two other programs, as `jaego record` would have written it."""
    lines = [json.loads(line) for line in CONVERSATION.read_text().splitlines()]
    ways = {"s2c": "in", "c2s": "out"}
    return written(path, "llrp", [(int(one["t"] * 1e6), ways[one["dir"]], bytes.fromhex(one["hex"])) for one in lines])


def microseconds(tag: Element, name: str) -> int:
    one = tag.one(name)
    assert one is not None
    return one.number("Microseconds")


def test_a_recorded_reader_tells_its_tags_again(tmp_path: Path) -> None:
    recording = load(recorded(tmp_path / "gate.jsonl"))
    peer = Peer(PlayedReader(recording, now_us=0, wall_us=WALL_US))
    peer.connect()
    peer.now_us = 5 * SECOND
    assert not tags_of(peer.wait(0))  # it waits for a client that reads
    started(peer, rospec())
    came = peer.wait(10)
    tags = tags_of(came)
    frames = [json.loads(line) for line in CONVERSATION.read_text().splitlines()]
    reports = [one for one in frames if one["type"] == 61]
    assert len(tags) == len(reports) > 20
    raw = bytes.fromhex(reports[0]["hex"])
    epc = tags[0].one("EPC_96")
    assert epc is not None
    assert epc["EPC"] == raw[15:27]
    seen = [microseconds(tag, "LastSeenTimestampUTC") for tag in tags]
    assert seen == sorted(seen)
    # As far from the reader's clock, and from each other, as they were.
    before = int.from_bytes(raw[45:53], "big"), int.from_bytes(bytes.fromhex(reports[-1]["hex"])[45:53], "big")
    assert seen[-1] - seen[0] == pytest.approx(before[1] - before[0], abs=200)
    assert abs(seen[0] - (WALL_US + 5 * SECOND)) < 20_000


def test_a_held_report_is_old_again_and_events_come_too(tmp_path: Path) -> None:
    stamp = element("UTCTimestamp", {"Microseconds": STARTED_US})
    greeting = element("ReaderEventNotificationData", {}, stamp, element("ConnectionAttemptEvent"))
    later = element("UTCTimestamp", {"Microseconds": STARTED_US + SECOND})
    off = element("ReaderEventNotificationData", {}, later, element("AntennaEvent", {"AntennaID": 2}))
    tag = element(
        "TagReportData",
        {},
        element("EPC_96", {"EPC": bytes(12)}),
        element("LastSeenTimestampUTC", {"Microseconds": STARTED_US - 60 * SECOND}),
    )
    portions = [
        (0, "in", encode(element("READER_EVENT_NOTIFICATION", {}, greeting), 1)),
        (10, "out", b"\x00"),
        (100, "in", encode(element("RO_ACCESS_REPORT", {}, tag), 2)),
        (SECOND, "in", encode(element("READER_EVENT_NOTIFICATION", {}, off), 3)),
    ]
    recording = load(written(tmp_path / "gate.jsonl", "llrp", portions))
    reader = PlayedReader(recording, speed=2, now_us=0, wall_us=WALL_US)
    peer = Peer(reader)
    peer.connect()
    started(peer, rospec())
    came = peer.wait(0)
    (old,) = tags_of(came)
    assert microseconds(old, "LastSeenTimestampUTC") == WALL_US - 60 * SECOND - 100
    assert not events_of(peer.wait(0.45), "AntennaEvent")
    (event,) = events_of(peer.wait(0.1), "AntennaEvent")
    assert event["AntennaID"] == 2
    assert reader.finished


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "does not say so"),
        ("[]", "no JSON object"),
        ('{"recording": 1, "device": "x"}', "'kind' is missing"),
        ('{"recording": 1, "device": "x", "kind": "r200", "started_us": 1}\n{"dir": "in"}', ":2: no portion"),
    ],
)
def test_what_is_no_recording_is_said(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        load(path)


def test_the_command_plays_a_scanner_on_a_pty(tmp_path: Path) -> None:
    portions = [(5_000_000, "in", b"400638"), (5_000_500, "out", b"\x06"), (5_200_000, "in", b"1333931\r")]
    file = written(tmp_path / "dock.jsonl", "serial_line", portions)
    link = tmp_path / "dock"
    command = [sys.executable, "-m", "simulators.cli", "play", str(file), "--path", str(link)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == str(link)
        descriptor = os.open(link, os.O_RDONLY | os.O_NOCTTY)
        began, heard = time.monotonic(), b""
        while not heard.endswith(b"\r") and time.monotonic() < began + 10:
            heard += os.read(descriptor, 100)
        os.close(descriptor)
        assert heard == b"4006381333931\r"
        assert "14 bytes played" in process.stdout.read()
    assert process.returncode == 0


def test_the_command_serves_a_reader_and_says_what_is_wrong(tmp_path: Path) -> None:
    file = recorded(tmp_path / "gate.jsonl")
    command = [sys.executable, "-m", "simulators.cli", "play"]
    with subprocess.Popen(
        [*command, str(file), "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert b"told" in process.stdout.read()
    assert process.returncode == 0
    done = subprocess.run([*command, str(tmp_path / "none")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert "none" in done.stderr
