"""The power ends while goods are scanned: what was answered is there, once, here and at head office."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.machine.devices import plug_keyboard
from tests.machine.power import Before, Home, Ledger, Scanner, boot, compare, ledger, office
from tests.machine.store import LONG, STORE, StorePc

Tell = Callable[[str], None]
CUTS, BOOTS = (30, 5) if LONG else (1, 1)
KEEPS = (0.0, 0.5, 0.0, 0.9, 0.5, 0.1)
FLUSHES_MAX = 120
CLOCK_S = 5.0
VERIFY = "setpriv --reuid=jaego --regid=jaego --init-groups jaego log verify"
only_long = pytest.mark.skipif(not LONG, reason="`make machine` without SHORT=1")


def nothing_is_missing(pc: StorePc, scanner: Scanner) -> Ledger:
    """What was answered is in the ledger, once, the chain is good, and head office has the same, byte for byte."""
    verified = pc.vm.background(VERIFY, 120)
    found = ledger(pc)
    assert compare(scanner.sent, found.scanned) == (0, 0), (scanner.sent[-200:], found.scanned[-200:])
    here = (found.bodies, found.digest)
    pc.until(lambda: office(pc, found.log, found.head) == here, lambda: (found, office(pc, found.log, found.head)))
    assert pc.at_head_office(f"SELECT DISTINCT log FROM event WHERE store = '{STORE}'") == [(found.log,)]
    assert pc.at_head_office("SELECT * FROM quarantine") == []
    said = verified()
    assert said.code == 0, said
    assert f"intact: {found.bodies} events of store {STORE}, log {found.log}" in said.out
    return found


def test_what_was_answered_survives_power_cuts_on_a_disk_that_forgets(pc: StorePc, tmp_path: Path, tell: Tell) -> None:
    chance = Random(20)
    with Home(pc, tmp_path / "state.img") as home:
        home.plug()
        home.fill()
        home.begin()
        found = ledger(pc)
        for number in range(CUTS):
            home.cut(home.scanner.scan_on, chance.randint(1, FLUSHES_MAX), KEEPS[number % len(KEEPS)], chance)
            home.thaw()
            home.begin()
            found = nothing_is_missing(pc, home.scanner)
    first_s = sorted(home.first_s)
    tell(
        f"{CUTS} cuts, {home.scanner.answered} scans answered, {len(found.scanned)} present, 0 lost, 0 twice; "
        f"{home.flushes} flushes; sectors not flushed: {home.lost_sectors} lost, {home.kept_sectors} kept; "
        f"start to the first answer {first_s[0]:.1f} to {first_s[-1]:.1f} s"
    )


def test_a_cold_boot_behind_a_kill_brings_agent_and_scanners_back(pc: StorePc, tell: Tell) -> None:
    chance, scanner = Random(21), Scanner()
    booted_s: list[float] = []
    first_s: list[float] = []

    def plug() -> None:
        scanner.plug(pc.vm)
        plug_keyboard(pc.vm, "SCAN-1", 0, 2)

    before = Before(pc, "line", "usb-1")
    plug()
    before.held()
    for _ in range(BOOTS):
        ended = scanner.scan_on()
        time.sleep(chance.uniform(0.5, 2.5))
        pc.vm.cut()
        ended()
        before, begun_s = Before(pc, "line", "usb-1"), time.monotonic()
        booted_s.append(boot(pc, plug))
        before.held()
        assert scanner.scan(), pc.journal()
        first_s.append(time.monotonic() - begun_s)
        assert abs(float(pc.vm.sh("date +%s.%N", expected=0).out) - time.time()) < CLOCK_S
        nothing_is_missing(pc, scanner)
    scanner.close()
    tell(
        f"{BOOTS} kills, {scanner.answered} scans answered, {len(ledger(pc).scanned)} present, 0 lost, 0 twice; boot "
        f"{min(booted_s):.0f} to {max(booted_s):.0f} s, power to the first answer {min(first_s):.0f} to "
        f"{max(first_s):.0f} s; clock within {CLOCK_S:.0f} s"
    )


@only_long
def test_a_disk_that_lies_loses_scans_and_the_store_says_so_and_sends_nothing(
    pc: StorePc, tmp_path: Path, tell: Tell
) -> None:
    chance = Random(22)
    with Home(pc, tmp_path / "state.img") as home:
        home.plug()
        home.fill()
        home.begin()
        home.cut(home.scanner.scan_on, 60, 0.0, chance)
        home.thaw(lies=True)
        home.begin()
        before = nothing_is_missing(pc, home.scanner)
        home.cut(home.scanner.scan_on, 200, 0.0, chance)
        known = at_office(pc, before.log)
        scans = len(home.scanner.sent)
        home.thaw()
        home.pc.vm.link(up=False)
        pc.vm.sh(home.mount_and_start(), timeout_s=300, expected=0)
        time.sleep(3.0)
        while home.scanner.scan() and len(home.scanner.sent) < scans + 20:
            pass  # while nobody can tell the store what it has lost
        pc.vm.link(up=True)
        pc.until(lambda: damage(pc), pc.journal)
        found = ledger(pc)
        lost, more = compare(home.scanner.sent, found.scanned)
        assert (lost > 50, more) == (True, 0)
        assert home.scanner.scan(), "goods are moving anyway"
        assert at_office(pc, before.log) == known
        assert pc.at_head_office("SELECT * FROM quarantine") == []
    tell(f"{lost} of {home.scanner.answered} answered scans lost; said: {damage(pc)}")


def at_office(pc: StorePc, log: str) -> tuple[int, str]:
    return office(pc, log, 1 << 40)


def damage(pc: StorePc) -> str:
    """What the store's newest health says of its ledger."""
    newest = json.loads(pc.heard.payloads(f"stock/v1/{STORE}/health")[-1])
    return str(newest.get("ledger_damage") or "")
