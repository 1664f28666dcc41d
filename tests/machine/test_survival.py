"""Bad days of a store's PC under real systemd and a real kernel: what was confirmed is there, and scanning goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from tests.machine.store import STORE, StorePc
from tests.machine.surviving import (
    GOOD,
    STOP,
    UNIT,
    WRITTEN_S,
    Clerk,
    Typist,
    at_head_office,
    events,
    limit,
    nothing_lost,
    put_inside,
    scanning,
    shown,
)

Tell = Callable[[str], None]
WATCHDOG_S = 6
# As somebody else's user: what root may write beyond the end is not what the agent is short of.
FILL = """
cd /var/tmp
fallocate -l $(( $(df --output=avail -k . | tail -n 1) - 512 ))K filled.most
dd if=/dev/zero of=filled.rest bs=4K 2>/dev/null
[ $(df --output=avail -k . | tail -n 1) -lt 8 ]
"""
NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"


@pytest.fixture
def clerk(pc: StorePc) -> Iterator[Clerk]:
    """With a scanner in hand that the agent holds."""
    one = Clerk(pc)
    one.plug()
    yield one
    one.unplug()


def test_killed_while_two_scanners_scan_and_then_stuck_it_is_back_and_nothing_is_lost(
    pc: StorePc, clerk: Clerk, tell: Tell
) -> None:
    limit(pc, f"WatchdogSec={WATCHDOG_S}")
    typist = Typist(pc)
    typist.plug()
    begun_s = time.monotonic()
    with scanning(clerk, typist):
        pc.until(lambda: len(typist.typed) >= 3 and len(clerk.answered) >= 5, lambda: (clerk.answered, typist.typed))
        killed_s = kill(pc)
        killed = clerk.answered_after(killed_s)
        certain = typist.between(begun_s, killed_s - WRITTEN_S)
        stuck_s = stop_event_loop(pc)
        stuck = clerk.answered_after(stuck_s)
    assert certain
    assert "Watchdog timeout" in pc.journal()
    assert shown(pc, "NRestarts") == "2"
    nothing_lost(pc, clerk, certain)
    tell(
        f"first beep {killed:.1f} s after kill -9, {stuck:.1f} s after the event loop stood still (WatchdogSec="
        f"{WATCHDOG_S}); {len(clerk.answered)} answered scans there once, {len(clerk.unanswered)} were not answered"
    )


def test_a_clock_set_back_an_hour_while_scanning(pc: StorePc, clerk: Clerk, tell: Tell) -> None:
    trusted(pc, clerk)
    clerk.scans(3)
    before = pc.heard.payloads(f"stock/v1/{STORE}/state")
    jumped = set_clock(pc, "-3600")
    clerk.scans(3)
    found = [json.loads(line) for line in nothing_lost(pc, clerk)]
    told = [event for event in found if event["type"] == "movement"]
    assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
    assert [event["clock"] for event in told][-7:] == ["synced"] * 4 + ["suspect"] * 3
    assert told[-1]["occurred_at"] < told[0]["occurred_at"]
    assert pc.heard.payloads(f"stock/v1/{STORE}/state") == before, "the connection to the broker stays"
    tell(f"to {jumped}: {len(told)} scans answered and at head office in their order, those behind it marked suspect")


def test_a_disk_that_is_full_refuses_scans_aloud_until_there_is_room(pc: StorePc, clerk: Clerk, tell: Tell) -> None:
    clerk.scans(3)
    reserve = "/var/lib/jaego/ledger.reserve"
    pc.vm.sh(f"[ -s {reserve} ] && {NOBODY} sh -c '{FILL}'", expected=0)
    answer, written = GOOD, 0
    while answer == GOOD and written < 400:  # the write-ahead log has room of its own at first
        answer, written = clerk.scan(), written + 1
    assert answer == STOP
    assert clerk.scan() == STOP
    pc.vm.sh(f"[ ! -e {reserve} ] && [ $(systemctl show -P NRestarts {UNIT}) = 0 ] && rm /var/tmp/filled.*", expected=0)
    begun_s = time.monotonic()
    while clerk.scan() != GOOD:
        assert time.monotonic() < begun_s + 30.0, pc.journal()
        time.sleep(0.2)
    taken = time.monotonic() - begun_s
    pc.vm.sh(f"[ -s {reserve} ] && systemctl is-active {UNIT}", expected=0)
    nothing_lost(pc, clerk)
    tell(
        f"{len(clerk.answered)} scans written, {len(clerk.refused)} refused with two low beeps; the reserve was given; "
        f"taken again {taken:.1f} s after there was room"
    )


def test_a_network_cable_that_is_out_while_scanning(pc: StorePc, clerk: Clerk, tell: Tell) -> None:
    clerk.scans(2)
    at_head_office(pc, events(pc))
    pc.vm.link(up=False)
    clerk.scans(20)
    lines = events(pc)
    pc.vm.link(up=True)
    begun_s = time.monotonic()
    at_head_office(pc, lines)
    took = time.monotonic() - begun_s
    nothing_lost(pc, clerk)
    tell(f"20 scans answered without it, at head office {took:.1f} s after it was in again")


def set_clock(pc: StorePc, by_s: str) -> str:
    """What it was set to."""
    return pc.vm.sh(f"date -s @$(( $(date +%s) {by_s} )) '+%F %T'", expected=0).out.strip()


def trusted(pc: StorePc, clerk: Clerk) -> None:
    """Until an event says so: a machine that was thawed has a clock that jumped."""
    said: list[str] = []
    while said[-1:] != ["synced"]:
        assert len(said) < 100
        clerk.scans(1)
        said = [json.loads(line)["clock"] for line in events(pc)]


def kill(pc: StorePc) -> float:
    """The agent. When it was dead."""
    pc.vm.sh(f"systemctl kill --signal=KILL {UNIT}", expected=0)
    return time.monotonic()


def stop_event_loop(pc: StorePc) -> float:
    """Its thread alone: the writer lives on, and could say that all is well. When it stood still."""
    main = shown(pc, "MainPID")
    pc.vm.background(f"python3 -I {put_inside(pc, 'stop_thread.py')} {main}")
    pc.vm.until(f"grep -q '^State:.t' /proc/{main}/status")
    return time.monotonic()
