"""The capture interface that fails: each fault does what it says, and nothing is kept twice or by halves."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulators.epcis_capture import FAULTS, Peer
from tests.contract.test_epcis_rules import good

HEADERS = {"gs1-epcis-version": "2.0.0", "gs1-extensions": "jaego=https://stock.example.com/hq/ns/jaego/"}
BODY = json.dumps(good()).encode()
EVENTS = len(good()["epcisBody"]["eventList"])


class Always(Peer):
    """Every request goes wrong, in one way."""

    def _fault(self, among: tuple[str, ...]) -> str:
        return self.way if self.way in among else ""

    way = ""


def always(way: str) -> Always:
    peer = Always(Random(1), rate=1.0)
    peer.way = way
    return peer


def job(peer: Peer, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    name = [*peer.jobs][-1]
    while True:
        reply, _ = peer.poll(headers, name)
        if reply.status != 200 or not (reply.body or {})["running"]:
            return reply.status, dict(reply.body or {})


def test_a_document_is_stored_when_its_job_is_done_and_known_afterwards() -> None:
    peer = Peer(Random(1))
    reply, _ = peer.post(HEADERS, BODY)
    assert (reply.status, reply.headers["Location"][:15], len(peer.stored)) == (202, "/epcis/capture/", 0)
    assert job(peer, HEADERS)[1]["success"] is True
    assert (len(peer.stored), peer.counts["known"]) == (EVENTS, 0)
    peer.post(HEADERS, BODY)
    job(peer, HEADERS)
    assert (len(peer.stored), peer.counts["known"]) == (EVENTS, EVENTS)


@pytest.mark.parametrize(
    ("way", "status", "stored", "after", "success"),
    [
        ("drop", 0, 0, None, None),
        ("lose", 0, EVENTS, None, None),
        ("error", 500, 0, None, None),
        ("delay", 202, 0, 200, True),
        ("repeat", 202, EVENTS, 200, True),
        ("fail", 202, 0, 200, False),
    ],
)
def test_faults(way: str, status: int, stored: int, after: int | None, success: bool | None) -> None:
    peer = always(way)
    reply, delay_s = peer.post(HEADERS, BODY)
    assert (reply.status, len(peer.stored)) == (status, stored)
    assert (delay_s > 0) == (way == "delay")
    if after is not None:
        found, body = job(peer, HEADERS)
        assert (found, body["success"]) == (after, success)
        assert len(peer.stored) == (0 if way == "fail" else EVENTS)


def test_a_job_is_forgotten_and_a_busy_peer_says_when_to_come_again() -> None:
    peer = always("forget")
    peer.post(HEADERS, BODY)
    assert job(peer, HEADERS)[0] == 404
    busy = always("busy")
    replies = [busy.post(HEADERS, BODY)[0] for _ in range(40)]
    assert {reply.status for reply in replies} == {429, 503}
    assert {reply.headers.get("Retry-After") for reply in replies} == {"0", None}


def test_every_fault_comes_in_its_turn() -> None:
    peer = Peer(Random(1), rate=1.0)
    for _ in FAULTS:
        peer.post(HEADERS, BODY)
    assert all(peer.counts[name] == 1 for name in FAULTS)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, BODY, 400),
        (HEADERS, b"{", 400),
        (HEADERS, b"[]", 400),
        (HEADERS, BODY.replace(b'"KGM"', b'"KG"'), 400),
        (HEADERS, BODY.replace(b'"in_progress"', b'"in_transit"'), 400),
    ],
)
def test_what_is_wrong_is_refused(headers: dict[str, str], body: bytes, status: int) -> None:
    peer = Peer(Random(1))
    assert (peer.post(headers, body)[0].status, peer.jobs) == (status, {})


def test_too_many_events_and_a_strangers_token_are_refused() -> None:
    assert Peer(Random(1), limit=EVENTS - 1).post(HEADERS, BODY)[0].status == 413
    guarded = Peer(Random(1), token="word")
    assert guarded.post(HEADERS, BODY)[0].status == 401
    assert guarded.post({**HEADERS, "authorization": "Bearer word"}, BODY)[0].status == 202


def test_poison_is_never_stored_whatever_goes_wrong() -> None:
    peer = Peer(Random(1), rate=0.9, poison=1)
    for _ in range(300):
        if peer.post(HEADERS, BODY)[0].status == 202:
            job(peer, HEADERS)
    assert not peer.stored
    assert len(peer.jobs) > 20


def test_as_a_program(tmp_path: Path) -> None:
    out = tmp_path / "stored.jsonl"
    words = [str(Path(sys.executable).parent / "jaego-sim"), "epcis", "--port", "0", "--out", str(out)]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    address = running.stdout.readline().split()[-1]
    asked = urllib.request.Request(f"{address}/capture", BODY, HEADERS | {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=20) as reply:
        place = f"{address.removesuffix('/epcis')}{reply.headers['Location']}"
    with urllib.request.urlopen(place, timeout=20) as reply:
        assert json.load(reply)["success"] is True
    running.send_signal(signal.SIGTERM)
    said, _ = running.communicate(timeout=20)
    assert (said, running.returncode) == (f"{EVENTS} events stored; no faults\n", 0)
    assert len(out.read_text("utf-8").splitlines()) == EVENTS
