"""The power ends while goods are scanned: what was answered is there, once, here and at head office."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.machine.devices import plug_keyboard
from tests.machine.power import PLACE, STATE, Before, Home, Ledger, Scanner, boot, compare, ledger, office
from tests.machine.store import LONG, SETTLE_S, STORE, StorePc
from tests.machine.surviving import in_long_form

Tell = Callable[[str], None]
CUTS, BOOTS = 30 if LONG else 1, 3
STARTS, SNAPSHOTS = (1, 4, 8), 2
LOST_MIN = 25
KEEPS = (0.0, 0.5, 0.0, 0.9, 0.5, 0.1)
FLUSHES_MAX = 120
CLOCK_S = 5.0
VERIFY = "setpriv --reuid=jaego --regid=jaego --init-groups jaego log verify"


def nothing_is_missing(pc: StorePc, scanner: Scanner) -> Ledger:
    """What was answered is in the ledger, once, the chain is good, and head office has the same, byte for byte."""
    verified = pc.vm.background(VERIFY, 120)
    found = ledger(pc)
    assert compare(scanner.sent, found.scanned) == (0, 0), (scanner.sent[-200:], found.scanned[-200:])
    here = (found.bodies, found.digest)
    pc.until(lambda: office(pc, found.log) == here, lambda: (found, office(pc, found.log)))
    assert pc.at_head_office(f"SELECT DISTINCT log FROM event WHERE store = '{STORE}'") == [(found.log,)]
    assert pc.at_head_office("SELECT * FROM quarantine") == []
    said = verified()
    assert said.code == 0, said
    assert f"intact: {found.bodies} events of store {STORE}, log {found.log}" in said.out
    return found


def test_the_judge_sees_what_is_lost_twice_or_nobodys() -> None:
    sent = [("A", True), ("B", True), ("C", False), ("D", True)]
    assert compare(sent, ["A", "B", "D"]) == compare(sent, ["A", "B", "C", "D"]) == (0, 0)
    assert compare(sent, ["A", "D"]) == (1, 0)
    assert compare(sent, []) == (3, 0)
    for wrong in (["A", "A", "B", "D"], ["A", "B", "C", "C", "D"], ["A", "B", "D", "D"], ["A", "X", "B", "D"]):
        assert compare(sent, wrong)[1] > 0


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


@in_long_form
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


@in_long_form
def test_a_cut_in_the_agents_start_or_in_a_snapshot_loses_nothing(pc: StorePc, tmp_path: Path, tell: Tell) -> None:
    chance = Random(22)
    with Home(pc, tmp_path / "state.img") as home:
        home.plug()
        home.fill()
        home.begin()
        home.cut(home.scanner.scan_on, 100, 0.5, chance)
        for number, flush in enumerate(STARTS):
            home.thaw()
            pc.vm.link(up=True)
            home.cut(home.start_beside, flush, KEEPS[number % 2], chance)
        for number in range(SNAPSHOTS):
            home.thaw()
            pc.vm.sh(f"mount {PLACE} /mnt && rm -f /mnt/snapshots/* && umount /mnt", expected=0)
            pc.vm.link(up=True)
            home.start_beside()
            pc.vm.sh(f"until [ -e {STATE}/snapshots/snapshot.part ]; do :; done", expected=0)
            home.cut(lambda: lambda: None, 1, KEEPS[number], chance)
        home.thaw()
        home.begin()
        found = nothing_is_missing(pc, home.scanner)
        pc.vm.until(f"ls {STATE}/snapshots | grep -q ^ledger- && [ ! -e {STATE}/snapshots/snapshot.part ]")
    tell(
        f"{len(STARTS)} cuts in the start, {SNAPSHOTS} in a snapshot, {home.scanner.answered} scans answered, "
        f"{len(found.scanned)} present, 0 lost, 0 twice"
    )


@in_long_form
@pytest.mark.parametrize("longer", [False, True], ids=["shorter", "longer"])
def test_a_disk_that_lies_loses_scans_and_the_store_says_so_and_gets_them_back_from_head_office(
    pc: StorePc, tmp_path: Path, tell: Tell, *, longer: bool
) -> None:
    """`longer`: by the time that it hears what it has lost it has scanned more than that, so no number tells it."""
    chance = Random(23)
    with Home(pc, tmp_path / "state.img") as home:
        home.plug()
        home.fill()
        home.begin()
        home.cut(home.scanner.scan_on, 60, 0.0, chance)
        home.thaw(lies=True)
        home.begin()
        log = nothing_is_missing(pc, home.scanner).log
        home.cut(home.scanner.scan_on, 100, 0.0, chance)
        time.sleep(SETTLE_S)  # what is with the broker gets there
        known, had, scans = office(pc, log), taken(pc), len(home.scanner.sent)
        home.thaw()
        begin_unheard(home, 120 if longer else 10)
        pc.vm.link(up=True)
        pc.until(lambda: damage(pc), pc.journal)
        said = damage(pc)
        lost, more = compare(home.scanner.sent, ledger(pc).scanned)
        assert (lost > LOST_MIN, more) == (True, 0), "a disk that keeps nothing must be seen to lose"
        assert ("another event" in said) == longer
        assert home.scanner.scan(), "goods are moving anyway"
        assert office(pc, log) == known
        assert pc.at_head_office("SELECT code FROM quarantine") == [], "it heard the broker before it said a word"
        aside = len(home.scanner.sent) - scans
        restore(pc, aside)
        before = Before(pc, "line")
        pc.vm.sh("systemctl start jaego-agent", timeout_s=300, expected=0)
        before.held()
        assert home.scanner.scan()
        had.append(home.scanner.sent[-1][0])
        pc.until(lambda: taken(pc) == had, lambda: (had[-50:], taken(pc)[-50:]))
    tell(
        f"{lost} of {home.scanner.answered} answered scans lost; {said!r}; nothing forked at head office; "
        f"restored from there: all {len(had) - 1} that it had, {aside} set aside"
    )


def begin_unheard(home: Home, scans: int) -> None:
    """While nobody can tell the store what it has lost."""
    vm = home.pc.vm
    vm.sh(home.mount_and_start(), timeout_s=300, expected=0)
    vm.until("ls -l /proc/$(systemctl show -P MainPID jaego-agent)/fd | grep -q ttyUSB")
    time.sleep(SETTLE_S)
    for _ in range(scans):
        assert home.scanner.scan(), home.pc.journal()


def restore(pc: StorePc, aside: int) -> None:
    """As docs/restore.md says: it names what has to be set aside, and does so when that is accepted."""
    pc.vm.sh("systemctl stop jaego-agent", expected=0)
    command = VERIFY.replace("log verify", "restore --from-hq")
    refused = pc.vm.sh(command, timeout_s=120)
    assert refused.code != 0
    assert f"{aside} events that only this ledger has" in refused.err
    pc.vm.sh(f"{command} --accept-loss", timeout_s=120, expected=0)


def taken(pc: StorePc) -> list[str]:
    """What head office has of the serial scanner, in order, over all logs of the store."""
    rows = pc.at_head_office(f"SELECT body FROM event WHERE store = '{STORE}' ORDER BY seq")
    events = [json.loads(body) for (body,) in rows]
    lines = [one["data"].get("lines", []) for one in events if one.get("source", {}).get("device") == "line"]
    return [line["sku"] for one in lines for line in one]


def damage(pc: StorePc) -> str:
    """What the store's newest health says of its ledger."""
    newest = json.loads(pc.heard.payloads(f"stock/v1/{STORE}/health")[-1])
    return str(newest.get("ledger_damage") or "")
